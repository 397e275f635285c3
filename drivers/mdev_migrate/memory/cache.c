// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cache of pinned pages: blocks of 512 pages of the guest's address space.
 * A block has its pages in arrays or, if all of them are pinned together and
 * next to each other in the host's memory too (a huge page), as one entry.
 *
 * Pages are pinned in runs (fill.c), one call to the backend each, and unpinned
 * in the same runs, because iommufd wants it so.
 *
 * Eviction goes round the blocks and spares those that were used since it came
 * by last.
 */
#include <linux/highmem.h>
#include <linux/slab.h>

#include "block.h"

/* Blocks that eviction looks at before it lets others have the lock. */
#define EVICT_BLOCKS	64

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

/**
 * mdm_block_free_if_empty - free a block that nobody needs
 * @mem: guest memory
 * @block: the block; a reader can have found it still, but nothing in it
 *
 * Context: mem->lock held.
 */
void mdm_block_free_if_empty(struct mdev_migrate_memory *mem,
			     struct mdm_block *block)
{
	lockdep_assert_held(&mem->lock);
	if (block->users || block->nr_pages)
		return;
	xa_erase(&mem->blocks, block->index);
	WRITE_ONCE(mem->nr_blocks, mem->nr_blocks - 1);
	call_rcu(&block->rcu, block_free_rcu);
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
	WRITE_ONCE(mem->nr_pages, mem->nr_pages - (end - first));
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
		mdm_block_free_if_empty(mem, block);
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

	lockdep_assert_held(&mem->lock);
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
	mdm_block_free_if_empty(mem, block);
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
	/* About as many as there are. */
	unsigned int blocks = context_unsafe(READ_ONCE(mem->nr_blocks));
	unsigned int looks = 2 * (blocks / EVICT_BLOCKS + 2), done = 0, n, i;
	struct mdm_run runs[MDM_BATCH_RUNS];
	struct mdm_batch batch = { .runs = runs };

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
