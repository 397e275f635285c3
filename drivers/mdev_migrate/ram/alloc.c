// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device's memory: it is allocated where it is touched, four pages at a time, and is
 * zero until it is written to. What a driver reads and writes of it.
 */
#include <linux/export.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "../codec/pages.h"
#include "ram.h"

/* Who is over a limit is told so, and nothing is killed. */
#define GFP_RAM	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

/* How many bitmaps of @bits there are room for. */
#define BITMAPS		4

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
	INIT_LIST_HEAD(&ram->views);
	ram->mig = mig;
	ram->tag = tag;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_init);

/*
 * Whoever touches a page from here on waits for the lock, and gets another one: nobody
 * has those that are freed.
 */
static void free_chunks(struct mdev_migrate_ram *ram)
{
	u32 i, nr = DIV_ROUND_UP(ram->nr, MDM_RAM_CHUNK_PAGES);

	lockdep_assert_held(&ram->lock);
	mdm_ram_unmap(ram, 0, ram->nr);
	for (i = 0; i < nr; i++) {
		if (test_bit(i, ram->split))
			free_pages_exact(ram->chunks[i], MDM_RAM_CHUNK);
		else
			free_pages((unsigned long)ram->chunks[i],
				   MDM_RAM_CHUNK_ORDER);
		ram->chunks[i] = NULL;
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
	free_chunks(ram);
	ram->nr = 0;
	INIT_LIST_HEAD(&ram->views);
	ram->nr_views = 0;
	mdm_ram_inode_put(ram);
	mem_cgroup_put(ram->memcg);
	ram->memcg = NULL;
	kvfree(ram->chunks);
	kvfree(ram->bits);
	mdm_ram_loading_forget(ram);
	kfree(ram->loading);
	ram->chunks = NULL;
	ram->bits = NULL;
	ram->there = NULL;
	ram->dirty = NULL;
	ram->writable = NULL;
	ram->split = NULL;
	ram->loading = NULL;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_close);

/* Nothing here is allocated in more than eight pages that follow each other. */
static void *alloc_table(size_t nr, size_t size)
{
	if (array_size(nr, size) > PAGE_SIZE << PAGE_ALLOC_COSTLY_ORDER)
		return __vcalloc(nr, size, GFP_KERNEL_ACCOUNT);
	return kcalloc(nr, size, GFP_KERNEL_ACCOUNT);
}

/**
 * mdev_migrate_ram_open - the device is being opened; its memory is zero
 * @ram: the memory
 * @size: bytes, a multiple of MDEV_MIGRATE_PAGE
 *
 * All pages are charged to the memory cgroup of the process that opens the device,
 * whoever touches them.
 *
 * Context: May sleep; in the context of that process.
 * Return: 0 or a negative errno.
 */
int mdev_migrate_ram_open(struct mdev_migrate_ram *ram, u64 size)
{
	u32 nr = size / MDEV_MIGRATE_PAGE;
	size_t longs = BITS_TO_LONGS(nr);
	int ret;

	ram->memcg = get_mem_cgroup_from_mm(current->mm);
	ram->loading = kzalloc_obj(*ram->loading, GFP_KERNEL_ACCOUNT);
	ram->chunks = alloc_table(DIV_ROUND_UP(nr, MDM_RAM_CHUNK_PAGES),
				  sizeof(*ram->chunks));
	ram->bits = alloc_table(BITMAPS * longs, sizeof(*ram->bits));
	ret = !ram->loading || !ram->chunks || !ram->bits ? -ENOMEM :
	      mdm_ram_inode_get(ram);
	if (ret) {
		mdev_migrate_ram_close(ram);
		return ret;
	}
	/* From here on who takes the lock finds it, open or not. */
	guard(mutex)(&ram->lock);
	ram->there = ram->bits;
	ram->dirty = ram->there + longs;
	ram->writable = ram->dirty + longs;
	ram->split = ram->writable + longs;
	ram->nr = nr;
	ram->left = 0;
	mdm_ram_view_init(ram, &ram->all, nr);
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_open);

/**
 * mdev_migrate_ram_clear - all of the memory becomes zero, and is freed
 * @ram: the memory; there is no saving session
 *
 * It stays mapped where it is: who touches it finds zeros.
 *
 * Context: May sleep; takes @ram->lock.
 */
void mdev_migrate_ram_clear(struct mdev_migrate_ram *ram)
{
	guard(mutex)(&ram->lock);
	free_chunks(ram);
	memset(ram->bits, 0,
	       BITMAPS * BITS_TO_LONGS(ram->nr) * sizeof(*ram->bits));
	mdm_ram_loading_forget(ram);
	WRITE_ONCE(ram->left, 0);
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_clear);

/**
 * mdm_ram_alloc - allocate a chunk, on the account of who has opened the device
 * @ram: the memory
 * @zero: it is to be zero
 *
 * Context: May sleep.
 * Return: MDM_RAM_CHUNK bytes for free_pages(), or NULL.
 */
u8 *mdm_ram_alloc(struct mdev_migrate_ram *ram, bool zero)
{
	struct mem_cgroup *old = set_active_memcg(ram->memcg);
	u8 *chunk;

	chunk = (u8 *)__get_free_pages(GFP_RAM | (zero ? __GFP_ZERO : 0),
				       MDM_RAM_CHUNK_ORDER);
	set_active_memcg(old);
	return chunk;
}

/**
 * mdm_ram_make - a page that is to be looked at
 * @ram: the memory
 * @page: which
 * @zero: what is allocated is to be zero; otherwise the caller writes to all of it
 *	that is memory, before he lets go of the lock
 *
 * Context: May sleep. Under @ram->lock.
 * Return: the page, or NULL if there is no memory for it.
 */
u8 *mdm_ram_make(struct mdev_migrate_ram *ram, u32 page, bool zero)
{
	u8 **chunk = &ram->chunks[page / MDM_RAM_CHUNK_PAGES];

	lockdep_assert_held(&ram->lock);
	if (!*chunk)
		*chunk = mdm_ram_alloc(ram, zero);
	return mdm_ram_at(ram, page);
}

/**
 * mdm_ram_split - a page is going to be mapped
 * @ram: the memory
 * @page: which; it is there
 *
 * Whoever finds it through a page table, as KVM does, may count references to it, and not to
 * the first page of what was allocated with it. Four pages are slower to free than one chunk,
 * so it is done for those only that are mapped.
 *
 * Context: Under @ram->lock.
 */
void mdm_ram_split(struct mdev_migrate_ram *ram, u32 page)
{
	u32 chunk = page / MDM_RAM_CHUNK_PAGES;

	lockdep_assert_held(&ram->lock);
	if (!__test_and_set_bit(chunk, ram->split))
		split_page(virt_to_page(ram->chunks[chunk]), MDM_RAM_CHUNK_ORDER);
}

/**
 * mdm_ram_written - a page that is to be written to
 * @ram: the memory
 * @page: which
 * @zero: as for mdm_ram_make()
 *
 * Context: May sleep. Under @ram->lock.
 * Return: the page, which is dirty, or NULL if there is no memory for it.
 */
u8 *mdm_ram_written(struct mdev_migrate_ram *ram, u32 page, bool zero)
{
	u8 *to = mdm_ram_make(ram, page, zero);

	if (to && !__test_and_set_bit(page, ram->dirty)) {
		__set_bit(page, ram->there);
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
	return mdm_ram_written(ram, page, true);
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
	const u8 *from = NULL;
	__le64 value = 0;

	guard(mutex)(&ram->lock);
	if (page < ram->nr)
		from = mdm_ram_at(ram, page);
	if (from)
		memcpy(&value, from + offset % MDEV_MIGRATE_PAGE, len);
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
		const u8 *from = page < ram->nr ? mdm_ram_at(ram, page) : NULL;

		if (from)
			memcpy(to, from + at, n);
		else
			memset(to, 0, n);
		offset += n;
		to += n;
		len -= n;
	}
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_copy);
