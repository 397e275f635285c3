// SPDX-License-Identifier: GPL-2.0-only
/* The firmware. Real one is asked through a mailbox, and is as free to refuse. */
#include <linux/sched/mm.h>
#include <linux/vmalloc.h>

#include "firmware.h"

const char * const fw_steps[FW_NR_STEPS] = {
	[FW_BOOT] = "boot",
	[FW_STOP] = "stop",
	[FW_START] = "start",
	[FW_SAVE_BEGIN] = "save_begin",
	[FW_SAVE] = "save",
	[FW_PRECOPY] = "precopy",
	[FW_LOAD_BEGIN] = "load_begin",
	[FW_LOAD] = "load",
	[FW_LOAD_CHECK] = "load_check",
	[FW_LOAD_COMMIT] = "load_commit",
};

void fw_init(struct fw *fw)
{
	mutex_init(&fw->lock);
	fw->refuses = FW_NR_STEPS;
}

/* Will it do it? -EREMOTEIO if not. */
int fw_ask(struct fw *fw, enum fw_step step)
{
	guard(mutex)(&fw->lock);
	if (fw->refuses != step)
		return 0;
	if (fw->countdown) {
		fw->countdown--;
		return 0;
	}
	return -EREMOTEIO;
}

/* The hardware is switched on, and its firmware runs. */
int fw_boot(struct fw *fw, size_t size)
{
	void *memory;
	int ret;

	ret = fw_ask(fw, FW_BOOT);
	if (ret)
		return ret;
	memory = __vmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!memory)
		return -ENOMEM;
	guard(mutex)(&fw->lock);
	fw->memory = memory;
	fw->size = size;
	fw->running = true;
	fw->writes = 0;
	return 0;
}

void fw_off(struct fw *fw)
{
	guard(mutex)(&fw->lock);
	vfree(fw->memory);
	fw->memory = NULL;
	fw->size = 0;
	fw->running = false;
}

/* Whatever it was doing, and whatever half of a state it has. */
void fw_restart(struct fw *fw)
{
	guard(mutex)(&fw->lock);
	memset(fw->memory, 0, fw->size);
	fw->writes = 0;
	fw->running = true;
}

/* From here on it remembers what changes of what was given out, which is nothing yet. */
void fw_track(struct fw *fw, bool tracking)
{
	guard(mutex)(&fw->lock);
	fw->tracking = tracking;
	WRITE_ONCE(fw->sent, 0);
	WRITE_ONCE(fw->nr_dirty, 0);
	bitmap_zero(fw->dirty, FW_MAX_PAGES);
}

void fw_set_dirty(struct fw *fw, unsigned int page)
{
	lockdep_assert_held(&fw->lock);
	if (!__test_and_set_bit(page, fw->dirty))
		WRITE_ONCE(fw->nr_dirty, fw->nr_dirty + 1);
}

/* The first page that is dirty, which is clean from here on; false if there is none. */
bool fw_next_dirty(struct fw *fw, unsigned int *page)
{
	lockdep_assert_held(&fw->lock);
	*page = find_first_bit(fw->dirty, FW_MAX_PAGES);
	if (*page == FW_MAX_PAGES)
		return false;
	__clear_bit(*page, fw->dirty);
	WRITE_ONCE(fw->nr_dirty, fw->nr_dirty - 1);
	return true;
}

/* Returns whether something that was given out is to be given out again. */
bool fw_write(struct fw *fw, size_t offset, const void *data, size_t len)
{
	unsigned int page;

	guard(mutex)(&fw->lock);
	memcpy(fw->memory + offset, data, len);
	fw->writes++;
	if (!fw->tracking || offset >= fw->sent)
		return false;
	for (page = offset / FW_PAGE; page <= (offset + len - 1) / FW_PAGE; page++)
		fw_set_dirty(fw, page);
	return true;
}

void fw_read(struct fw *fw, size_t offset, void *data, size_t len)
{
	guard(mutex)(&fw->lock);
	memcpy(data, fw->memory + offset, len);
}
