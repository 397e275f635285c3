/* SPDX-License-Identifier: GPL-2.0-only */
/* A block of the cache of pinned pages: cache.c and fill.c. */
#ifndef MDM_BLOCK_H
#define MDM_BLOCK_H

#include "dma.h"

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

static inline unsigned int page_in_block(unsigned long page)
{
	return page & (MDM_BLOCK_PAGES - 1);
}

/* @i: the page in the block. */
static inline unsigned long block_entry(const struct mdm_block *block, unsigned int i)
{
	unsigned long huge = READ_ONCE(block->huge);
	const unsigned long *array;

	if (huge)
		return huge + ((unsigned long)i << ENTRY_SHIFT);
	array = READ_ONCE(block->arrays[i >> MDM_ARRAY_SHIFT]);
	return array ? READ_ONCE(array[i & (MDM_ARRAY_PAGES - 1)]) : 0;
}

/* cache.c */
void mdm_block_free_if_empty(struct mdev_migrate_memory *mem,
			     struct mdm_block *block)
	__must_hold(&mem->lock);

#endif /* MDM_BLOCK_H */
