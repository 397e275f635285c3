// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory that stays mapped: rings. A mapping goes away when userspace
 * unmaps the memory, and comes back when the model asks for it.
 */
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "dma.h"

static int map_pages(struct mdm_dma *dma, struct mdev_migrate_map *map)
{
	unsigned int nr = DIV_ROUND_UP(offset_in_page(map->iova) + map->len,
				       PAGE_SIZE);
	struct page **pages __free(kfree) = NULL;
	u64 iova = map->iova & PAGE_MASK;
	void *base;
	int ret;

	lockdep_assert_held(&dma->lock);
	pages = kcalloc(nr, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	ret = mdm_dma_pin(dma, iova, nr, IOMMU_READ | IOMMU_WRITE, pages);
	if (ret)
		return ret;
	base = vmap(pages, nr, VM_MAP, PAGE_KERNEL);
	if (!base) {
		vfio_unpin_pages(&dma->mdm->vdev, iova, nr);
		return -ENOMEM;
	}
	map->base = base;
	map->npages = nr;
	rcu_assign_pointer(map->addr, base + offset_in_page(map->iova));
	return 0;
}

/**
 * mdm_map_drop - unmap and unpin a map's pages
 * @dma: guest memory
 * @map: the map
 *
 * Context: @dma->lock held; no reader has the address any more.
 */
void mdm_map_drop(struct mdm_dma *dma, struct mdev_migrate_map *map)
{
	lockdep_assert_held(&dma->lock);
	if (!map->base)
		return;
	vunmap(map->base);
	vfio_unpin_pages(&dma->mdm->vdev, map->iova & PAGE_MASK, map->npages);
	map->base = NULL;
	map->npages = 0;
}

/**
 * mdev_migrate_map - map guest memory for long
 * @mdm: the device, open
 * @map: the map; zeroed
 * @iova: where it begins
 * @len: how much, at most MDEV_MIGRATE_MAP_MAX
 *
 * Context: May sleep; takes the DMA lock.
 * Return: 0, -EFAULT if there is no such memory or it is read-only, -EINVAL if
 * @len is 0 or too much, -ENOMEM; then there is no map to undo.
 */
int mdev_migrate_map(struct mdev_migrate_device *mdm,
		     struct mdev_migrate_map *map, u64 iova, size_t len)
{
	struct mdm_dma *dma = mdm->dma;
	int ret;

	if (!len || len > MDEV_MIGRATE_MAP_MAX)
		return -EINVAL;
	if (iova + len + PAGE_SIZE < iova)
		return -EFAULT;
	map->iova = iova;
	map->len = len;
	guard(mutex)(&dma->lock);
	ret = map_pages(dma, map);
	if (!ret)
		list_add(&map->node, &dma->maps);
	return ret;
}
EXPORT_SYMBOL_GPL(mdev_migrate_map);

/**
 * mdev_migrate_map_refresh - map again what userspace unmapped
 * @mdm: the device, open
 * @map: the map
 *
 * Context: May sleep; takes the DMA lock.
 * Return: 0 if it is mapped now, else as mdev_migrate_map(); it can be tried
 * again.
 */
int mdev_migrate_map_refresh(struct mdev_migrate_device *mdm,
			     struct mdev_migrate_map *map)
{
	struct mdm_dma *dma = mdm->dma;

	guard(mutex)(&dma->lock);
	return map->base ? 0 : map_pages(dma, map);
}
EXPORT_SYMBOL_GPL(mdev_migrate_map_refresh);

/**
 * mdev_migrate_unmap - undo mdev_migrate_map()
 * @mdm: the device, open
 * @map: the map
 *
 * Context: May sleep; takes the DMA lock. The caller uses the address no more.
 */
void mdev_migrate_unmap(struct mdev_migrate_device *mdm,
			struct mdev_migrate_map *map)
{
	struct mdm_dma *dma = mdm->dma;

	guard(mutex)(&dma->lock);
	RCU_INIT_POINTER(map->addr, NULL);
	mdm_map_drop(dma, map);
	list_del(&map->node);
}
EXPORT_SYMBOL_GPL(mdev_migrate_unmap);

/**
 * mdev_migrate_map_dirty - a part of a map was written
 * @mdm: the device, open
 * @map: the map
 * @offset: where in it
 * @len: how much
 *
 * Context: Any but hard interrupt; after the write, in the same RCU section.
 */
void mdev_migrate_map_dirty(struct mdev_migrate_device *mdm,
			    struct mdev_migrate_map *map, size_t offset,
			    size_t len)
{
	mdm_log_written(mdm->dma, map->iova + offset, len);
}
EXPORT_SYMBOL_GPL(mdev_migrate_map_dirty);

/**
 * mdm_map_overlaps - is any of a range mapped by a map?
 * @map: the map
 * @first: the range's first byte
 * @last: its last byte
 *
 * Context: the DMA lock held.
 * Return: whether.
 */
bool mdm_map_overlaps(const struct mdev_migrate_map *map, u64 first, u64 last)
{
	return map->base && map->iova <= last &&
	       map->iova + map->len - 1 >= first;
}
