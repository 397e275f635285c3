// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages are pinned and put into the cache (cache.c) in runs. A run is as long as
 * what is pinned in its block already: the first touch of a block pins a page,
 * the next one a page, then two, four ...
 */
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "block.h"

/* What is evicted for want of memory, and how long none is pinned then. */
#define SHORT_EVICT	1024
#define SHORT_TIME	HZ

static struct mdm_block *block_find(struct mdev_migrate_memory *mem,
				    unsigned long index)
{
	struct mdm_block *block;

	guard(spinlock)(&mem->lock);
	block = xa_load(&mem->blocks, index);
	if (block)
		block->users++;
	return block;
}

/* block_put() is to follow. NULL if there is no memory. */
static struct mdm_block *block_get(struct mdev_migrate_memory *mem,
				   unsigned long index)
{
	struct mdm_block *block, *new;
	struct mem_cgroup *old;
	int ret = 0;

	for (;;) {
		block = block_find(mem, index);
		if (block)
			return block;
		old = set_active_memcg(mem->memcg);
		new = kzalloc_obj(*new, MDM_DMA_GFP);
		if (new) {
			new->index = index;
			new->users = 1;
			ret = xa_insert(&mem->blocks, index, new,
					MDM_DMA_GFP);
		}
		set_active_memcg(old);
		if (!new)
			return NULL;
		if (!ret)
			break;
		kfree(new);
		if (ret != -EBUSY)
			return NULL;
	}
	spin_lock(&mem->lock);
	WRITE_ONCE(mem->nr_blocks, mem->nr_blocks + 1);
	spin_unlock(&mem->lock);
	return new;
}

static void block_put(struct mdev_migrate_memory *mem, struct mdm_block *block)
{
	guard(spinlock)(&mem->lock);
	block->users--;
	mdm_block_free_if_empty(mem, block);
}

/*
 * Is the page there? 1, or 0 if it is to be pinned, -EFAULT if it cannot be
 * written. Says which pages are to be pinned with it.
 */
static int block_plan(struct mdev_migrate_memory *mem, struct mdm_block *block,
		      unsigned int i, bool write, unsigned int *lo,
		      unsigned int *hi)
{
	unsigned int window;
	unsigned long entry;

	guard(spinlock)(&mem->lock);
	entry = block_entry(block, i);
	if (entry)
		return write && !(entry & ENTRY_WRITABLE) ? -EFAULT : 1;
	*lo = i;
	*hi = i;
	if (block->apart || !block->nr_pages)
		return 0;
	window = min_t(unsigned int, rounddown_pow_of_two(block->nr_pages),
		       MDM_BLOCK_PAGES);
	window = round_down(i, window) + window - 1;
	*hi = find_next_bit(block->pinned, window + 1, i) - 1;
	return 0;
}

/* Room for the entries of a run. */
static int block_make_arrays(struct mdev_migrate_memory *mem,
			     struct mdm_block *block, unsigned int lo,
			     unsigned int hi)
{
	unsigned int a;

	for (a = lo >> MDM_ARRAY_SHIFT; a <= hi >> MDM_ARRAY_SHIFT; a++) {
		unsigned long *array;
		struct mem_cgroup *old;

		if (READ_ONCE(block->arrays[a]))
			continue;
		old = set_active_memcg(mem->memcg);
		array = kcalloc(MDM_ARRAY_PAGES, sizeof(*array),
				MDM_DMA_GFP);
		set_active_memcg(old);
		if (!array)
			return -ENOMEM;
		spin_lock(&mem->lock);
		if (!block->arrays[a]) {
			/* Zeroed before it is found. */
			smp_store_release(&block->arrays[a], array);
			array = NULL;
		}
		spin_unlock(&mem->lock);
		kfree(array);
	}
	return 0;
}

static bool is_huge(struct page **pages, unsigned int nr)
{
	unsigned long pfn = page_to_pfn(pages[0]);
	unsigned int i;

	if (nr != MDM_BLOCK_PAGES)
		return false;
	for (i = 1; i < nr; i++) {
		if (page_to_pfn(pages[i]) != pfn + i)
			return false;
	}
	return true;
}

static void block_set_run(struct mdev_migrate_memory *mem,
			  struct mdm_block *block, unsigned int lo,
			  unsigned int hi, bool huge, struct page **pages,
			  unsigned long flags)
{
	unsigned int i;

	lockdep_assert_held(&mem->lock);
	__set_bit(lo, block->start);
	bitmap_set(block->pinned, lo, hi - lo + 1);
	block->nr_pages += hi - lo + 1;
	WRITE_ONCE(mem->nr_pages, mem->nr_pages + hi - lo + 1);
	if (huge) {
		WRITE_ONCE(block->huge, page_to_pfn(pages[0]) << ENTRY_SHIFT |
					ENTRY_HUGE | flags);
		return;
	}
	for (i = lo; i <= hi; i++)
		WRITE_ONCE(block->arrays[i >> MDM_ARRAY_SHIFT]
			   [i & (MDM_ARRAY_PAGES - 1)],
			   page_to_pfn(pages[i - lo]) << ENTRY_SHIFT | flags);
}

/* 0 if the run is in the cache now; else it is to be unpinned. */
static int block_insert(struct mdev_migrate_memory *mem,
			struct mdm_block *block, struct mdm_op *op,
			struct page **pages, bool write)
{
	unsigned int lo = page_in_block(op->first);
	unsigned int hi = page_in_block(op->last);
	unsigned long flags = ENTRY_PRESENT | (write ? ENTRY_WRITABLE : 0);
	bool huge = is_huge(pages, hi - lo + 1);
	int ret = 0;

	if (!huge)
		ret = block_make_arrays(mem, block, lo, hi);
	if (ret)
		return ret;
	ret = mdm_log_lock(mem, op);
	if (!ret && (op->cancelled || !mem->cached ||
		     find_next_bit(block->pinned, hi + 1, lo) <= hi))
		ret = -EAGAIN;
	if (!ret)
		block_set_run(mem, block, lo, hi, huge, pages, flags);
	spin_unlock(&mem->lock);
	return ret;
}

/* Pin pages and put them into the cache. Returns as mdm_cache_add(). */
static int block_pin(struct mdev_migrate_memory *mem, struct mdm_block *block,
		     unsigned int lo, unsigned int hi, bool write)
{
	unsigned long base = block->index << MDM_BLOCK_SHIFT;
	struct mdm_op op = { .first = base + lo, .last = base + hi };
	struct mdm_run run = { .first = base + lo, .nr = hi - lo + 1 };
	struct page *one, **pages = &one;
	int ret;

	if (run.nr > 1) {
		pages = kmalloc_array(run.nr, sizeof(*pages),
				      GFP_KERNEL | __GFP_NOWARN);
		if (!pages)
			return -ENOMEM;
	}
	ret = mdm_pin(mem, MDM_PAYLOAD, &op, write, pages);
	if (!ret) {
		ret = block_insert(mem, block, &op, pages, write);
		if (ret)
			mdm_unpin(mem, &op, &run, 1);
		ret = mdm_op_end(mem, &op, ret);
	}
	if (run.nr > 1)
		kfree(pages);
	return ret;
}

/* Is the block's only page, @i, one of a huge page that covers the block? */
static bool block_may_be_huge(struct mdev_migrate_memory *mem,
			      struct mdm_block *block, unsigned int i)
{
	unsigned long entry, pfn;

	guard(spinlock)(&mem->lock);
	entry = block_entry(block, i);
	if (!(entry & ENTRY_WRITABLE) || block->apart || block->nr_pages != 1)
		return false;
	pfn = entry >> ENTRY_SHIFT;
	return page_in_block(pfn) == i &&
	       folio_nr_pages(page_folio(pfn_to_page(pfn))) >= MDM_BLOCK_PAGES;
}

/* All of it, or else the one page again. Returns as mdm_cache_add(). */
static int block_make_huge(struct mdev_migrate_memory *mem,
			   struct mdm_block *block, unsigned int i)
{
	unsigned long page = (block->index << MDM_BLOCK_SHIFT) + i;

	mdm_dma_drop_range(mem, page, page, false);
	if (!block_pin(mem, block, 0, MDM_BLOCK_PAGES - 1, true))
		return 0;
	WRITE_ONCE(block->apart, true);
	return block_pin(mem, block, i, i, true);
}

/* With its neighbours, or alone; for reading only if it must be. */
static int block_add(struct mdev_migrate_memory *mem, struct mdm_block *block,
		     unsigned int i, bool write)
{
	unsigned int lo, hi;
	int ret;

	ret = block_plan(mem, block, i, write, &lo, &hi);
	if (ret)
		return min(ret, 0);
	if (hi > lo) {
		ret = block_pin(mem, block, lo, hi, true);
		if (!ret || ret == -EINTR)
			return ret;
		/* They are leaving; or not all there, not all writable, or too many. */
		if (ret != -EAGAIN)
			WRITE_ONCE(block->apart, true);
	}
	ret = block_pin(mem, block, i, i, true);
	if (ret == -EFAULT && !write)
		ret = block_pin(mem, block, i, i, false);
	if (!ret && block_may_be_huge(mem, block, i))
		ret = block_make_huge(mem, block, i);
	return ret;
}

static bool is_off(const struct mdev_migrate_memory *mem)
{
	/* Who adds a page looks again. */
	bool cached = context_unsafe(READ_ONCE(mem->cached));

	return !cached || time_before(jiffies, READ_ONCE(mem->short_until));
}

static bool is_full(const struct mdev_migrate_memory *mem)
{
	/* The limits are not exact. */
	unsigned int pages = context_unsafe(READ_ONCE(mem->nr_pages));
	/* Neither is this one. */
	unsigned int blocks = context_unsafe(READ_ONCE(mem->nr_blocks));

	return pages + MDM_BLOCK_PAGES > MDM_CACHE_MAX_PAGES ||
	       blocks >= MDM_CACHE_MAX_BLOCKS;
}

/**
 * mdm_cache_add - pin a page, and perhaps its neighbours, and cache it
 * @mem: guest memory
 * @page: the page
 * @write: it is to be written
 *
 * Context: May sleep, for as long as userspace likes.
 * Return: 0 if it was cached; userspace may have unmapped it again; -EAGAIN if
 * it is to be accessed with mdm_dma_copy() instead; -EFAULT if there is no such
 * memory, or it is read-only; -EIO if there is, but not the page; -EINTR.
 */
int mdm_cache_add(struct mdev_migrate_memory *mem, unsigned long page,
		  bool write)
{
	struct mdm_block *block;
	int ret;

	if (is_off(mem))
		return -EAGAIN;
	if (is_full(mem))
		mdm_cache_evict(mem, MDM_CACHE_MAX_PAGES / 16);

	block = block_get(mem, page >> MDM_BLOCK_SHIFT);
	if (!block)
		return -EAGAIN;
	ret = block_add(mem, block, page_in_block(page), write);
	if (ret == -ENOMEM && mdm_cache_evict(mem, SHORT_EVICT))
		ret = block_add(mem, block, page_in_block(page), write);
	if (ret == -ENOMEM) {
		WRITE_ONCE(mem->short_until, jiffies + SHORT_TIME);
		ret = -EAGAIN;
	}
	block_put(mem, block);
	return ret;
}
