// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cache of pinned pages: blocks of 512 pages of the guest's address space.
 * A block has its pages in arrays or, if all of them are pinned together and
 * next to each other in the host's memory too (a huge page), as one entry.
 *
 * Pages are pinned in runs, one call to the backend each, and unpinned in the
 * same runs, because iommufd wants it so. A run is as long as what is pinned in
 * its block already: the first touch of a block pins a page, the next one a
 * page, then two, four ...
 *
 * Eviction goes round the blocks and spares those that were used since it came
 * by last.
 */
#include <linux/highmem.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "dma.h"

/* Blocks that eviction looks at before it lets others have the lock. */
#define EVICT_BLOCKS	64
/* What is evicted for want of memory, and how long none is pinned then. */
#define SHORT_EVICT	1024
#define SHORT_TIME	HZ

/* An entry: the page's frame number, and what is known of it. */
#define ENTRY_PRESENT	1UL
#define ENTRY_WRITABLE	2UL
#define ENTRY_HUGE	4UL
#define ENTRY_SHIFT	3

/**
 * struct mdm_block - 512 pages of the guest's address space
 * @rcu: frees it
 * @index: which
 * @users: who is about to pin in it
 * @nr_pages: pages that are pinned
 * @referenced: was used since eviction came by
 * @apart: its pages could not be pinned together: one by one
 * @pinned: which are
 * @start: where runs begin
 * @huge: the entry of the first page, if it holds for all
 * @arrays: entries, by page; where there are any
 *
 * Guarded by mem->lock; @huge, @arrays and the entries are read by readers, who
 * also set @referenced.
 */
struct mdm_block {
	struct rcu_head rcu;
	unsigned long index;
	unsigned int users;
	unsigned int nr_pages;
	bool referenced;
	bool apart;
	DECLARE_BITMAP(pinned, MDM_BLOCK_PAGES);
	DECLARE_BITMAP(start, MDM_BLOCK_PAGES);
	unsigned long huge;
	unsigned long *arrays[MDM_BLOCK_PAGES / MDM_ARRAY_PAGES];
};

static unsigned int page_in_block(unsigned long page)
{
	return page & (MDM_BLOCK_PAGES - 1);
}

/* @i: the page in the block. */
static unsigned long block_entry(const struct mdm_block *block, unsigned int i)
{
	unsigned long huge = READ_ONCE(block->huge);
	const unsigned long *array;

	if (huge)
		return huge + ((unsigned long)i << ENTRY_SHIFT);
	array = READ_ONCE(block->arrays[i >> MDM_ARRAY_SHIFT]);
	return array ? READ_ONCE(array[i & (MDM_ARRAY_PAGES - 1)]) : 0;
}

static void copy_page_part(struct page *page, unsigned int offset, void *buf,
			   size_t len, bool write)
{
	void *addr = kmap_local_page(page);

	if (write)
		memcpy(addr + offset, buf, len);
	else
		memcpy(buf, addr + offset, len);
	kunmap_local(addr);
}

/* Returns how much: to the end of the page, or of the block if it is huge. */
static size_t block_copy(struct mdm_block *block, u64 iova, void *buf,
			 size_t len, bool write)
{
	unsigned int i = page_in_block(iova >> PAGE_SHIFT);
	unsigned long entry = block_entry(block, i);
	unsigned int offset = offset_in_page(iova);
	unsigned int nr = 1;

	if (!entry || (write && !(entry & ENTRY_WRITABLE)))
		return 0;
	if (!READ_ONCE(block->referenced))
		WRITE_ONCE(block->referenced, true);
	if (!IS_ENABLED(CONFIG_HIGHMEM) && (entry & ENTRY_HUGE))
		nr = MDM_BLOCK_PAGES - i;
	len = min_t(size_t, len, nr * PAGE_SIZE - offset);
	copy_page_part(pfn_to_page(entry >> ENTRY_SHIFT), offset, buf, len,
		       write);
	return len;
}

/**
 * mdm_cache_copy - copy to or from guest memory that is cached
 * @mem: guest memory
 * @iova: where
 * @buf: from or to where
 * @len: how much
 * @write: to guest memory
 *
 * Context: Any but hard interrupt, in a section of a reader's.
 * Return: how much, from the beginning: up to the first page that is not
 * cached.
 */
size_t mdm_cache_copy(struct mdev_migrate_memory *mem, u64 iova, void *buf,
		      size_t len, bool write)
{
	struct mdm_block *block = NULL;
	size_t done = 0, n;

	while (done < len) {
		unsigned long index = (iova + done) >> PAGE_SHIFT >>
				      MDM_BLOCK_SHIFT;

		if (!block || block->index != index)
			block = xa_load(&mem->blocks, index);
		if (!block)
			break;
		n = block_copy(block, iova + done, buf + done, len - done,
			       write);
		if (!n)
			break;
		done += n;
	}
	if (write && done)
		mdm_log_written(mem, iova, done);
	return done;
}

static void block_free(struct mdm_block *block)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(block->arrays); i++)
		kfree(block->arrays[i]);
	kfree(block);
}

static void block_free_rcu(struct rcu_head *rcu)
{
	block_free(container_of(rcu, struct mdm_block, rcu));
}

/* A reader can have found it still, but nothing in it. */
static void block_free_if_empty(struct mdev_migrate_memory *mem,
				struct mdm_block *block)
{
	lockdep_assert_held(&mem->lock);
	if (block->users || block->nr_pages)
		return;
	xa_erase(&mem->blocks, block->index);
	mem->nr_blocks--;
	call_rcu(&block->rcu, block_free_rcu);
}

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
	mem->nr_blocks++;
	spin_unlock(&mem->lock);
	return new;
}

static void block_put(struct mdev_migrate_memory *mem, struct mdm_block *block)
{
	guard(spinlock)(&mem->lock);
	block->users--;
	block_free_if_empty(mem, block);
}

/*
 * Take the first run that has pages in [@lo, @hi] out of the block. Returns
 * whether there was one.
 */
static bool block_take_run(struct mdev_migrate_memory *mem,
			   struct mdm_block *block, unsigned int lo,
			   unsigned int hi, struct mdm_run *run)
{
	unsigned int first, end, i;

	lockdep_assert_held(&mem->lock);
	first = find_next_bit(block->pinned, hi + 1, lo);
	if (first > hi)
		return false;
	while (!test_bit(first, block->start))
		first--;
	end = min(find_next_bit(block->start, MDM_BLOCK_PAGES, first + 1),
		  find_next_zero_bit(block->pinned, MDM_BLOCK_PAGES, first));

	__clear_bit(first, block->start);
	bitmap_clear(block->pinned, first, end - first);
	if (block->huge)
		WRITE_ONCE(block->huge, 0);
	else
		for (i = first; i < end; i++)
			WRITE_ONCE(block->arrays[i >> MDM_ARRAY_SHIFT]
				   [i & (MDM_ARRAY_PAGES - 1)], 0);
	block->nr_pages -= end - first;
	mem->nr_pages -= end - first;
	*run = (struct mdm_run) {
		.first = (block->index << MDM_BLOCK_SHIFT) + first,
		.nr = end - first,
	};
	return true;
}

/**
 * mdm_cache_detach - take runs with pages in a range out of the cache
 * @mem: guest memory
 * @first: the first page
 * @last: the last page
 * @runs: the runs, to be unpinned when no reader uses them any more
 * @max: at most so many
 *
 * Context: mem->lock held.
 * Return: how many; if @max, there may be more.
 */
unsigned int mdm_cache_detach(struct mdev_migrate_memory *mem,
			      unsigned long first, unsigned long last,
			      struct mdm_run *runs, unsigned int max)
{
	unsigned long index, first_block = first >> MDM_BLOCK_SHIFT;
	unsigned long last_block = last >> MDM_BLOCK_SHIFT;
	struct mdm_block *block;
	unsigned int n = 0;

	lockdep_assert_held(&mem->lock);
	xa_for_each_range(&mem->blocks, index, block, first_block, last_block) {
		unsigned int lo = index == first_block ? page_in_block(first) :
							 0;
		unsigned int hi = index == last_block ? page_in_block(last) :
							MDM_BLOCK_PAGES - 1;

		while (n < max && block_take_run(mem, block, lo, hi, &runs[n]))
			n++;
		block_free_if_empty(mem, block);
		if (n == max)
			break;
	}
	return n;
}

/**
 * mdm_cache_overlaps - is any page of a range in the cache?
 * @mem: guest memory
 * @first: the first page
 * @last: the last page
 *
 * Context: mem->lock held.
 * Return: whether.
 */
bool mdm_cache_overlaps(struct mdev_migrate_memory *mem, unsigned long first,
			unsigned long last)
{
	unsigned long index, first_block = first >> MDM_BLOCK_SHIFT;
	unsigned long last_block = last >> MDM_BLOCK_SHIFT;
	struct mdm_block *block;

	lockdep_assert_held(&mem->lock);
	xa_for_each_range(&mem->blocks, index, block, first_block, last_block) {
		unsigned int lo = index == first_block ? page_in_block(first) :
							 0;
		unsigned int hi = index == last_block ? page_in_block(last) :
							MDM_BLOCK_PAGES - 1;

		if (find_next_bit(block->pinned, hi + 1, lo) <= hi)
			return true;
	}
	return false;
}

/**
 * mdm_cache_next - the next block of the cache
 * @mem: guest memory
 * @first: the page to begin at; its first page
 * @last: its last page
 *
 * Context: Takes mem->lock.
 * Return: whether there is one.
 */
bool mdm_cache_next(struct mdev_migrate_memory *mem, unsigned long *first,
		    unsigned long *last)
{
	unsigned long index = *first >> MDM_BLOCK_SHIFT;

	guard(spinlock)(&mem->lock);
	if (!xa_find(&mem->blocks, &index, ULONG_MAX, XA_PRESENT))
		return false;
	*first = index << MDM_BLOCK_SHIFT;
	*last = *first + MDM_BLOCK_PAGES - 1;
	return true;
}

/* Look at the block at the hand. Returns false if there is no block at all. */
static bool evict_look(struct mdev_migrate_memory *mem, struct mdm_run *runs,
		       unsigned int *n)
{
	struct mdm_block *block;

	block = xa_find(&mem->blocks, &mem->hand, ULONG_MAX, XA_PRESENT);
	if (!block) {
		mem->hand = 0;
		return !xa_empty(&mem->blocks);
	}
	if (READ_ONCE(block->referenced)) {
		WRITE_ONCE(block->referenced, false);
		mem->hand = block->index + 1;
		return true;
	}
	while (*n < MDM_BATCH_RUNS &&
	       block_take_run(mem, block, 0, MDM_BLOCK_PAGES - 1, &runs[*n]))
		(*n)++;
	if (*n < MDM_BATCH_RUNS)
		mem->hand = block->index + 1;
	block_free_if_empty(mem, block);
	return true;
}

/* Returns how many runs; announced if there are any. */
static unsigned int evict_pick(struct mdev_migrate_memory *mem,
			       struct mdm_batch *batch)
{
	unsigned int looks, n = 0;

	guard(spinlock)(&mem->lock);
	for (looks = 0; looks < EVICT_BLOCKS && n < MDM_BATCH_RUNS; looks++) {
		if (!evict_look(mem, batch->runs, &n))
			break;
	}
	batch->nr = n;
	if (n)
		mdm_batch_announce(mem, batch);
	return n;
}

/**
 * mdm_cache_evict - let go of pages that were not used lately
 * @mem: guest memory
 * @nr: how many, at least, if there are so many
 *
 * Context: May sleep; no operation of the caller's is announced.
 * Return: whether there were any.
 */
bool mdm_cache_evict(struct mdev_migrate_memory *mem, unsigned int nr)
{
	/* Twice round: the first time they are all in use. */
	unsigned int looks = 2 * (READ_ONCE(mem->nr_blocks) / EVICT_BLOCKS + 2);
	struct mdm_run runs[MDM_BATCH_RUNS];
	struct mdm_batch batch = { .runs = runs };
	unsigned int done = 0, n, i;

	while (done < nr && looks) {
		n = evict_pick(mem, &batch);
		if (n)
			mdm_batch_drop(mem, &batch);
		else
			looks--;
		for (i = 0; i < n; i++)
			done += runs[i].nr;
		cond_resched();
	}
	return done;
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
	mem->nr_pages += hi - lo + 1;
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
	bool room = false;
	int ret = 0;

	if (!huge)
		ret = block_make_arrays(mem, block, lo, hi);
	if (ret)
		return ret;
	for (;;) {
		if (READ_ONCE(mem->log_room)) {
			ret = mdm_log_make_room(mem, op->first, op->last);
			if (ret)
				return ret;
			room = true;
		}
		guard(spinlock)(&mem->lock);
		if (mem->log_room && !room)
			continue;
		if (op->cancelled || !mem->cached ||
		    find_next_bit(block->pinned, hi + 1, lo) <= hi)
			return -EAGAIN;
		block_set_run(mem, block, lo, hi, huge, pages, flags);
		return 0;
	}
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

	if (!READ_ONCE(mem->cached) ||
	    time_before(jiffies, READ_ONCE(mem->short_until)))
		return -EAGAIN;
	if (READ_ONCE(mem->nr_pages) + MDM_BLOCK_PAGES > MDM_CACHE_MAX_PAGES ||
	    READ_ONCE(mem->nr_blocks) >= MDM_CACHE_MAX_BLOCKS)
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
