// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device's memory: pages of 4 KiB that are allocated when they are written to, and
 * sent in passes, first all that there is, then what was written since it was sent.
 * Between saving sessions the bits say which pages there are, in a session which
 * are to be put.
 */
#include <linux/bitmap.h>
#include <linux/export.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../codec/pages.h"
#include "migration.h"

/* Pages of a record, and of one of zero pages. */
#define RUN_MAX		16
#define ZERO_RUN_MAX	256
/*
 * Zero pages of a call of save() or precopy(). Of others each counts for COST: what they
 * are copied to is read soon, and had better be in the processor's cache still.
 */
#define CALL_MAX	1024
#define COST		16

#define RUN_SIZE							\
	(sizeof(struct mdev_migrate_pages) + RUN_MAX * MDEV_MIGRATE_PAGE)

/* What a page costs in the stream, at most. */
#define PAGE_COST							\
	(sizeof(struct mdev_migrate_record_hdr) +			\
	 sizeof(struct mdev_migrate_pages) + MDEV_MIGRATE_PAGE)

/* Who is over a limit is told so, and nothing is killed. */
#define GFP_RAM	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

/**
 * mdev_migrate_ram_init - a device is made that has memory
 * @ram: the memory, zeroed
 * @mig: the device's migration
 * @tag: of the records with pages
 */
void mdev_migrate_ram_init(struct mdev_migrate_ram *ram,
			   struct mdev_migrate_migration *mig, u32 tag)
{
	mutex_init(&ram->lock);
	ram->mig = mig;
	ram->tag = tag;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_init);

static void free_pages_of(struct mdev_migrate_ram *ram)
{
	u32 i;

	for (i = 0; i < ram->nr; i++) {
		kfree(ram->pages[i]);
		ram->pages[i] = NULL;
		cond_resched();
	}
}

/**
 * mdev_migrate_ram_close - the device is being closed: undo mdev_migrate_ram_open()
 * @ram: the memory
 *
 * Context: May sleep; takes @ram->lock.
 */
void mdev_migrate_ram_close(struct mdev_migrate_ram *ram)
{
	guard(mutex)(&ram->lock);
	free_pages_of(ram);
	ram->nr = 0;
	mem_cgroup_put(ram->memcg);
	ram->memcg = NULL;
	kvfree(ram->pages);
	kvfree(ram->dirty);
	kfree(ram->loaded);
	ram->pages = NULL;
	ram->dirty = NULL;
	ram->loaded = NULL;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_close);

/**
 * mdev_migrate_ram_open - the device is being opened; its memory is zero
 * @ram: the memory
 * @size: bytes, a multiple of MDEV_MIGRATE_PAGE
 *
 * All pages are charged to the memory cgroup of the process that opens the device,
 * whoever writes to them.
 *
 * Context: May sleep; in the context of that process.
 * Return: 0 or -ENOMEM.
 */
int mdev_migrate_ram_open(struct mdev_migrate_ram *ram, u64 size)
{
	u32 nr = size / MDEV_MIGRATE_PAGE;

	ram->memcg = get_mem_cgroup_from_mm(current->mm);
	ram->loaded = kzalloc_obj(*ram->loaded, GFP_KERNEL_ACCOUNT);
	ram->pages = kvcalloc(nr, sizeof(*ram->pages), GFP_KERNEL_ACCOUNT);
	ram->dirty = kvcalloc(BITS_TO_LONGS(nr), sizeof(long),
			      GFP_KERNEL_ACCOUNT);
	if (!ram->loaded || !ram->pages || !ram->dirty) {
		mdev_migrate_ram_close(ram);
		return -ENOMEM;
	}
	/* From here on who takes the lock finds it, open or not. */
	guard(mutex)(&ram->lock);
	ram->nr = nr;
	ram->left = 0;
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_open);

/**
 * mdev_migrate_ram_clear - all of the memory becomes zero, and is freed
 * @ram: the memory; there is no saving session
 *
 * Context: May sleep; takes @ram->lock.
 */
void mdev_migrate_ram_clear(struct mdev_migrate_ram *ram)
{
	guard(mutex)(&ram->lock);
	free_pages_of(ram);
	bitmap_zero(ram->dirty, ram->nr);
	WRITE_ONCE(ram->left, 0);
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_clear);

/* What is made has @gfp in addition: it is zero, or it is all going to be written. */
static u8 *page_to_write(struct mdev_migrate_ram *ram, u32 page, gfp_t gfp)
{
	struct mem_cgroup *old;
	u8 *to;

	lockdep_assert_held(&ram->lock);
	if (!ram->pages[page]) {
		old = set_active_memcg(ram->memcg);
		ram->pages[page] = kmalloc(MDEV_MIGRATE_PAGE, GFP_RAM | gfp);
		set_active_memcg(old);
	}
	to = ram->pages[page];
	if (to && !__test_and_set_bit(page, ram->dirty)) {
		WRITE_ONCE(ram->left, ram->left + 1);
		mdev_migrate_precopy_poke(ram->mig);
	}
	return to;
}

/**
 * mdev_migrate_ram_page - a page that is to be written to
 * @ram: the memory
 * @page: which
 *
 * Context: May sleep. Under @ram->lock, until it is written.
 * Return: the page, or NULL if there is no memory for it.
 */
void *mdev_migrate_ram_page(struct mdev_migrate_ram *ram, u32 page)
{
	return page_to_write(ram, page, __GFP_ZERO);
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_page);

/**
 * mdev_migrate_ram_read - read a little-endian number
 * @ram: the memory
 * @offset: where from, naturally aligned
 * @len: its bytes: 1, 2, 4 or 8
 *
 * Context: May sleep; takes @ram->lock.
 * Return: the number; 0 outside of the memory.
 */
u64 mdev_migrate_ram_read(struct mdev_migrate_ram *ram, u64 offset,
			  unsigned int len)
{
	u64 page = offset / MDEV_MIGRATE_PAGE;
	__le64 value = 0;

	guard(mutex)(&ram->lock);
	if (page < ram->nr && ram->pages[page])
		memcpy(&value, ram->pages[page] + offset % MDEV_MIGRATE_PAGE,
		       len);
	return le64_to_cpu(value);
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_read);

/**
 * mdev_migrate_ram_write - write a little-endian number
 * @ram: the memory
 * @offset: where to, naturally aligned
 * @len: its bytes: 1, 2, 4 or 8
 * @data: the number
 *
 * Context: May sleep; takes @ram->lock.
 * Return: 0; -ERANGE outside of the memory; -ENOMEM.
 */
int mdev_migrate_ram_write(struct mdev_migrate_ram *ram, u64 offset,
			   unsigned int len, u64 data)
{
	u64 page = offset / MDEV_MIGRATE_PAGE;
	__le64 value = cpu_to_le64(data);
	u8 *to;

	guard(mutex)(&ram->lock);
	if (page >= ram->nr)
		return -ERANGE;
	to = mdev_migrate_ram_page(ram, page);
	if (!to)
		return -ENOMEM;
	memcpy(to + offset % MDEV_MIGRATE_PAGE, &value, len);
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_write);

/**
 * mdev_migrate_ram_copy - read bytes
 * @ram: the memory
 * @offset: where from
 * @to: where to
 * @len: how many; what is outside of the memory is zero
 *
 * Context: May sleep; takes @ram->lock.
 */
void mdev_migrate_ram_copy(struct mdev_migrate_ram *ram, u64 offset, void *to,
			   size_t len)
{
	guard(mutex)(&ram->lock);
	while (len) {
		u64 page = offset / MDEV_MIGRATE_PAGE;
		size_t at = offset % MDEV_MIGRATE_PAGE;
		size_t n = min(len, MDEV_MIGRATE_PAGE - at);

		if (page < ram->nr && ram->pages[page])
			memcpy(to, ram->pages[page] + at, n);
		else
			memset(to, 0, n);
		offset += n;
		to += n;
		len -= n;
	}
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_copy);

static void begin_anew(struct mdev_migrate_ram *ram, u32 pass)
{
	lockdep_assert_held(&ram->lock);
	ram->initial = ram->left;
	ram->next = 0;
	ram->pass = pass;
}

/**
 * mdev_migrate_ram_save_begin - a saving session begins
 * @ram: the memory
 *
 * Context: May sleep; takes @ram->lock.
 */
void mdev_migrate_ram_save_begin(struct mdev_migrate_ram *ram)
{
	guard(mutex)(&ram->lock);
	begin_anew(ram, 0);
	ram->reinit = false;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_save_begin);

/**
 * mdev_migrate_ram_again - all of the memory is to be put once more
 * @ram: the memory
 *
 * When a saving session ends; when a save() fails that has put pages; when the device
 * has become another in pre-copy, of which userspace is told with
 * VFIO_PRECOPY_INFO_REINIT.
 *
 * Context: May sleep; takes @ram->lock.
 */
void mdev_migrate_ram_again(struct mdev_migrate_ram *ram)
{
	u32 page;

	guard(mutex)(&ram->lock);
	for (page = 0; page < ram->nr; page++) {
		if (ram->pages[page] && !__test_and_set_bit(page, ram->dirty))
			WRITE_ONCE(ram->left, ram->left + 1);
		cond_resched();
	}
	begin_anew(ram, ram->pass + 1);
	ram->reinit = true;
	mdev_migrate_precopy_poke(ram->mig);
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_again);

/**
 * mdev_migrate_ram_info - what pre-copy has still to put of the memory
 * @ram: the memory, in a saving session
 * @info: the result, as precopy_info() is to fill it
 *
 * Context: May sleep; takes @ram->lock.
 */
void mdev_migrate_ram_info(struct mdev_migrate_ram *ram,
			   struct mdev_migrate_precopy_info *info)
{
	guard(mutex)(&ram->lock);
	info->initial_bytes = (u64)ram->initial * PAGE_COST;
	info->dirty_bytes = (u64)(ram->left - ram->initial) * PAGE_COST;
	info->reinit = ram->reinit;
	ram->reinit = false;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_info);

/**
 * mdev_migrate_ram_size - what is still to be put of the memory
 * @ram: the memory
 *
 * Context: Any.
 * Return: bytes of the stream, at most: pages that were written to and are zero cost
 * less. Without a session, those of all that there is.
 */
u64 mdev_migrate_ram_size(const struct mdev_migrate_ram *ram)
{
	return (u64)READ_ONCE(ram->left) * PAGE_COST;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_size);

/* The next page of this pass, or the first one of another. There is one. */
static u32 next_dirty(struct mdev_migrate_ram *ram)
{
	u32 page = find_next_bit(ram->dirty, ram->nr, ram->next);

	if (page < ram->nr)
		return page;
	begin_anew(ram, ram->pass + 1);
	ram->initial = 0;
	return find_first_bit(ram->dirty, ram->nr);
}

/* Makes pages clean and copies them, as long as they are all zero, or none is. */
static u32 gather(struct mdev_migrate_ram *ram, u32 first, bool *zero, u8 *to)
{
	u32 page = first;
	bool is_zero;

	do {
		is_zero = !memchr_inv(ram->pages[page], 0, MDEV_MIGRATE_PAGE);
		if (page > first && is_zero != *zero)
			break;
		*zero = is_zero;
		if (!is_zero)
			memcpy(to + (page - first) * MDEV_MIGRATE_PAGE,
			       ram->pages[page], MDEV_MIGRATE_PAGE);
		__clear_bit(page++, ram->dirty);
	} while (page < ram->nr && test_bit(page, ram->dirty) &&
		 page - first < (is_zero ? ZERO_RUN_MAX : RUN_MAX));
	return page - first;
}

/* A record. Returns what it counts for CALL_MAX, 0 if there are no pages to put. */
static int put_run(struct mdev_migrate_ram *ram,
		   struct mdev_migrate_writer *writer)
{
	struct mdev_migrate_pages hdr = {};
	size_t len = sizeof(hdr);
	bool zero = false;
	u32 first, n;
	int ret;
	u8 *to;

	guard(mutex)(&ram->lock);
	if (!ram->left)
		return 0;
	to = mdev_migrate_reserve(writer, RUN_SIZE);
	if (IS_ERR(to))
		return PTR_ERR(to);
	first = next_dirty(ram);
	n = gather(ram, first, &zero, to + sizeof(hdr));
	ram->next = first + n;
	WRITE_ONCE(ram->left, ram->left - n);
	ram->initial -= min(ram->initial, n);
	hdr.offset = cpu_to_le64((u64)first * MDEV_MIGRATE_PAGE);
	hdr.pass = cpu_to_le32(ram->pass);
	if (zero)
		hdr.zeros = cpu_to_le32(n);
	else
		len += n * MDEV_MIGRATE_PAGE;
	memcpy(to, &hdr, sizeof(hdr));
	ret = mdev_migrate_commit(writer, ram->tag, MDEV_MIGRATE_RECORD_BULK,
				  len);
	return ret ?: zero ? n : n * COST;
}

/**
 * mdev_migrate_ram_put - put the next pages
 * @ram: the memory
 * @writer: as given to the driver's save() or precopy()
 *
 * Context: May sleep; takes @ram->lock, for a record each time.
 * Return: a positive number if there may be more, and then there is a record at least; 0
 * if there are no more; or a negative errno: then this call comes to nothing.
 */
int mdev_migrate_ram_put(struct mdev_migrate_ram *ram,
			 struct mdev_migrate_writer *writer)
{
	u32 put = 0;
	int ret;

	while (put < CALL_MAX && mdev_migrate_room(writer) >= RUN_SIZE) {
		ret = put_run(ram, writer);
		if (ret <= 0)
			return ret;
		put += ret;
	}
	return 1;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_put);

/**
 * mdev_migrate_ram_load_begin - a stream begins, which has all that is not zero
 * @ram: the memory, in RESUMING
 *
 * Out of there only a reset leads, or what the stream brings. So what was in the
 * memory is lost anyhow.
 *
 * Context: May sleep; takes @ram->lock.
 */
void mdev_migrate_ram_load_begin(struct mdev_migrate_ram *ram)
{
	mdev_migrate_ram_clear(ram);
	*ram->loaded = (struct mdm_pages) {};
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_load_begin);

static int load_page(struct mdev_migrate_ram *ram, u32 page, const u8 *data)
{
	u8 *to;

	lockdep_assert_held(&ram->lock);
	if (!data) {
		if (ram->pages[page])
			memset(ram->pages[page], 0, MDEV_MIGRATE_PAGE);
		return 0;
	}
	to = page_to_write(ram, page, 0);
	if (!to)
		return mdev_migrate_refuse(ram->mig->desc, -ENOMEM,
					   "there is no memory for page %u of %u",
					   page, ram->nr);
	memcpy(to, data, MDEV_MIGRATE_PAGE);
	return 0;
}

/**
 * mdev_migrate_ram_load - load a record with pages, in place
 * @ram: the memory, after mdev_migrate_ram_load_begin()
 * @rec: the record
 *
 * Context: May sleep; takes @ram->lock.
 * Return: 0; -ENOMEM; -EMSGSIZE, -EINVAL, -ERANGE or -EPROTO for pages that cannot be,
 * are outside of the memory, or not in the order of a pass. Who refuses has said why.
 */
int mdev_migrate_ram_load(struct mdev_migrate_ram *ram,
			  const struct mdev_migrate_record *rec)
{
	struct mdev_migrate_msg why = {};
	struct mdm_pages_run run;
	int ret;
	u32 i;

	ret = mdm_pages_take(ram->loaded, rec->tag, ram->nr, rec->data,
			     rec->length, &run, &why);
	if (ret)
		return mdev_migrate_refuse(ram->mig->desc, ret, "%s", why.text);
	guard(mutex)(&ram->lock);
	for (i = 0; i < run.nr && !ret; i++) {
		ret = load_page(ram, run.first + i, run.data ?
				run.data + i * MDEV_MIGRATE_PAGE : NULL);
		/* A few bytes can say that gigabytes are zero. */
		cond_resched();
	}
	return ret;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_load);
