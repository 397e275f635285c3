// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings: pieces of guest memory that stay pinned and mapped into the kernel.
 *
 * When userspace unmaps the memory the mapping goes away under the model; with
 * memory there again, the model gets it back.
 */
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "dma.h"

static unsigned long map_first(const struct mdev_migrate_map *map)
{
	return map->iova >> PAGE_SHIFT;
}

static unsigned long map_last(const struct mdev_migrate_map *map)
{
	return (map->iova + map->len - 1) >> PAGE_SHIFT;
}

/* 0 if the model has it now; else it is to be undone. */
static int map_publish(struct mdev_migrate_memory *mem,
		       struct mdev_migrate_map *map, struct mdm_op *op,
		       void *base)
{
	int ret;

	ret = mdm_log_lock(mem, op);
	if (!ret && op->cancelled)
		ret = -EAGAIN;
	if (!ret) {
		map->base = base;
		rcu_assign_pointer(map->addr,
				   base + offset_in_page(map->iova));
	}
	spin_unlock(&mem->lock);
	return ret;
}

static int map_pinned(struct mdev_migrate_memory *mem,
		      struct mdev_migrate_map *map, struct mdm_op *op,
		      struct page **pages)
{
	struct mdm_run run = {
		.first = op->first,
		.nr = op->last - op->first + 1,
	};
	int ret;

	run.base = vmap(pages, run.nr, VM_MAP, PAGE_KERNEL);
	ret = run.base ? map_publish(mem, map, op, run.base) : -ENOMEM;
	if (ret)
		mdm_unpin(mem, op, &run, 1);
	return mdm_op_end(mem, op, ret);
}

static int map_pages(struct mdev_migrate_memory *mem,
		     struct mdev_migrate_map *map)
{
	struct mdm_op op = { .first = map_first(map), .last = map_last(map) };
	struct page **pages __free(kfree) = NULL;
	int ret;

	pages = kcalloc(op.last - op.first + 1, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	ret = mdm_pin(mem, MDM_RING, &op, true, pages);
	if (ret == -ENOMEM && mdm_cache_evict(mem, MDM_BLOCK_PAGES))
		ret = mdm_pin(mem, MDM_RING, &op, true, pages);
	return ret ?: map_pinned(mem, map, &op, pages);
}

/**
 * mdev_migrate_map - map guest memory for long
 * @mem: the device's guest memory, open
 * @map: the map; zeroed
 * @iova: where it begins
 * @len: how much, at most MDEV_MIGRATE_MAP_MAX
 *
 * Context: May sleep, for as long as userspace likes: under no lock that
 * another user's process can wait for.
 * Return: 0; -EFAULT if there is no such memory or it is read-only; -EIO if
 * there is, but not the pages; -EINVAL if @len is 0 or too much; -ENOMEM,
 * -EAGAIN or -EINTR if it can be tried again a little later. On error there is
 * no map to undo.
 */
int mdev_migrate_map(struct mdev_migrate_memory *mem,
		     struct mdev_migrate_map *map, u64 iova, size_t len)
{
	int ret;

	if (!len || len > MDEV_MIGRATE_MAP_MAX)
		return -EINVAL;
	if (iova + len + PAGE_SIZE < iova)
		return -EFAULT;
	map->iova = iova;
	map->len = len;
	map->base = NULL;
	spin_lock(&mem->lock);
	list_add(&map->node, &mem->maps);
	spin_unlock(&mem->lock);
	ret = map_pages(mem, map);
	if (ret) {
		spin_lock(&mem->lock);
		list_del(&map->node);
		spin_unlock(&mem->lock);
	}
	return ret;
}
EXPORT_SYMBOL_GPL(mdev_migrate_map);

/**
 * mdev_migrate_map_refresh - map again what userspace unmapped
 * @mem: the device's guest memory, open
 * @map: the map
 *
 * Context: As mdev_migrate_map(); one at a time for a map.
 * Return: 0 if it is mapped now, else as mdev_migrate_map(); it can be tried
 * again.
 */
int mdev_migrate_map_refresh(struct mdev_migrate_memory *mem,
			     struct mdev_migrate_map *map)
{
	bool there;

	spin_lock(&mem->lock);
	there = map->base;
	spin_unlock(&mem->lock);
	return there ? 0 : map_pages(mem, map);
}
EXPORT_SYMBOL_GPL(mdev_migrate_map_refresh);

/* What is to be unpinned of a map; false if nothing. */
static bool map_detach(struct mdev_migrate_memory *mem,
		       struct mdev_migrate_map *map, struct mdm_run *run)
{
	lockdep_assert_held(&mem->lock);
	if (!map->base)
		return false;
	*run = (struct mdm_run) {
		.first = map_first(map),
		.nr = map_last(map) - map_first(map) + 1,
		.base = map->base,
	};
	RCU_INIT_POINTER(map->addr, NULL);
	map->base = NULL;
	return true;
}

/**
 * mdev_migrate_unmap - undo mdev_migrate_map()
 * @mem: the device's guest memory, open
 * @map: the map; its address is not used any more
 *
 * Context: May sleep.
 */
void mdev_migrate_unmap(struct mdev_migrate_memory *mem,
			struct mdev_migrate_map *map)
{
	struct mdm_run run;
	bool any, watched = false;
	struct mdm_op op;

	spin_lock(&mem->lock);
	list_del(&map->node);
	any = map_detach(mem, map, &run);
	if (any) {
		mdm_op_add(mem, &op, run.first, run.first + run.nr - 1);
		op.unpins = true;
		watched = mdm_unpin_begin(mem);
	}
	spin_unlock(&mem->lock);
	if (!any)
		return;
	mdm_unpin(mem, &op, &run, 1);
	mdm_op_end(mem, &op, 0);
	spin_lock(&mem->lock);
	mdm_unpin_end(mem, watched);
	spin_unlock(&mem->lock);
}
EXPORT_SYMBOL_GPL(mdev_migrate_unmap);

/**
 * mdev_migrate_map_dirty - a part of a map was written
 * @mem: the device's guest memory, open
 * @map: the map
 * @offset: where in it
 * @len: how much
 *
 * Context: Any but hard interrupt; after the write, in the same section.
 */
void mdev_migrate_map_dirty(struct mdev_migrate_memory *mem,
			    struct mdev_migrate_map *map, size_t offset,
			    size_t len)
{
	mdm_log_written(mem, map->iova + offset, len);
}
EXPORT_SYMBOL_GPL(mdev_migrate_map_dirty);

static bool map_in_range(const struct mdev_migrate_map *map,
			 unsigned long first, unsigned long last)
{
	return map->base && map_first(map) <= last && map_last(map) >= first;
}

/**
 * mdm_maps_overlap - is any page of a range mapped?
 * @mem: guest memory
 * @first: the first page
 * @last: the last page
 *
 * Context: mem->lock held.
 * Return: whether.
 */
bool mdm_maps_overlap(struct mdev_migrate_memory *mem, unsigned long first,
		      unsigned long last)
{
	struct mdev_migrate_map *map;

	lockdep_assert_held(&mem->lock);
	list_for_each_entry(map, &mem->maps, node) {
		if (map_in_range(map, first, last))
			return true;
	}
	return false;
}

/**
 * mdm_maps_next - the next pages that are mapped, or may be soon
 * @mem: guest memory
 * @first: the page to begin at; the first page of a map
 * @last: its last page
 *
 * Context: Takes mem->lock.
 * Return: whether there are any.
 */
bool mdm_maps_next(struct mdev_migrate_memory *mem, unsigned long *first,
		   unsigned long *last)
{
	unsigned long from = *first;
	struct mdev_migrate_map *map;

	*first = ULONG_MAX;
	*last = 0;
	guard(spinlock)(&mem->lock);
	list_for_each_entry(map, &mem->maps, node) {
		if (map_first(map) < from || map_first(map) > *first)
			continue;
		if (map_first(map) < *first)
			*last = 0;
		*first = map_first(map);
		*last = max(*last, map_last(map));
	}
	return *first <= *last;
}

/**
 * mdm_maps_detach - take maps with pages in a range away from the model
 * @mem: guest memory
 * @first: the first page
 * @last: the last page
 * @runs: their pages, to be unpinned when no reader uses them any more
 * @max: at most so many
 *
 * Context: mem->lock held.
 * Return: how many; if @max, there may be more.
 */
unsigned int mdm_maps_detach(struct mdev_migrate_memory *mem,
			     unsigned long first, unsigned long last,
			     struct mdm_run *runs, unsigned int max)
{
	struct mdev_migrate_map *map;
	unsigned int n = 0;

	lockdep_assert_held(&mem->lock);
	list_for_each_entry(map, &mem->maps, node) {
		if (n == max)
			break;
		if (map_in_range(map, first, last))
			n += map_detach(mem, map, &runs[n]);
	}
	return n;
}
