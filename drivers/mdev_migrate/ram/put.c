// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is put of a device's memory, in passes: first all that there is, then what was
 * written since it was put. Zeros cost next to nothing.
 */
#include <linux/bitmap.h>
#include <linux/export.h>
#include <linux/string.h>

#include "ram.h"

/* Pages of a record, and of one of zero pages. */
#define RUN_MAX		16
#define ZERO_RUN_MAX	256
/* Pages whose mappings are taken away at once, which are put next. */
#define UNMAP_MAX	64
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
	guard(mutex)(&ram->lock);
	bitmap_copy(ram->dirty, ram->there, ram->nr);
	WRITE_ONCE(ram->left, bitmap_weight(ram->dirty, ram->nr));
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

/*
 * Nobody writes to this page, and those behind it that are dirty too, without a fault. They
 * stay dirty until they are copied.
 */
static void take_from_writers(struct mdev_migrate_ram *ram, u32 page)
{
	u32 end = min((u64)page + UNMAP_MAX, (u64)ram->nr);

	end = find_next_zero_bit(ram->dirty, end, page);
	bitmap_clear(ram->writable, page, end - page);
	mdm_ram_unmap(ram, page, end - page);
}

/*
 * Makes pages clean and copies them, as long as they are all zero, or none is. See map.c for
 * why they are taken from who writes to them first.
 */
static u32 gather(struct mdev_migrate_ram *ram, u32 first, bool *zero, u8 *to)
{
	u32 page = first;
	bool is_zero;
	u8 *from;

	do {
		if (test_bit(page, ram->writable))
			take_from_writers(ram, page);
		from = mdm_ram_at(ram, page);
		is_zero = !memchr_inv(from, 0, MDEV_MIGRATE_PAGE);
		if (page > first && is_zero != *zero)
			break;
		*zero = is_zero;
		if (!is_zero)
			memcpy(to + (page - first) * MDEV_MIGRATE_PAGE, from,
			       MDEV_MIGRATE_PAGE);
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
