// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that a device's own DMA uses: hardware below a mediated device has their
 * addresses and reads and writes them when it likes.
 *
 * When userspace unmaps the memory, whoever unpins the pages has the driver take them
 * from its device first, with no lock of ours held.
 */
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "dma.h"

/* As long as the pin, and so charged to the device's user. */
static struct page **alloc_array(struct mdev_migrate_memory *mem,
				 unsigned int nr)
{
	struct mem_cgroup *old = set_active_memcg(mem->memcg);
	struct page **array = kcalloc(nr, sizeof(*array), MDM_DMA_GFP);

	set_active_memcg(old);
	return array;
}

/**
 * mdev_migrate_pin - pin guest memory for a device's own DMA
 * @mem: the device's guest memory, open
 * @pin: the pin; has @unmap and @readonly
 * @iova: where it begins
 * @len: how much, at most MDEV_MIGRATE_MAP_MAX
 *
 * When it returns, @pin->unmap() may have been called already: what the device is to
 * have, mdev_migrate_pin_pages() says.
 *
 * Context: May sleep, for as long as userspace likes: under no lock that
 * another user's process can wait for, nor one that @pin->unmap() takes. In a worker
 * or in the VFIO user's own context.
 * Return: As mdev_migrate_map(); on error there is no pin to undo.
 */
int mdev_migrate_pin(struct mdev_migrate_memory *mem,
		     struct mdev_migrate_pin *pin, u64 iova, size_t len)
{
	int ret;

	ret = mdm_map_init(&pin->map, pin, iova, len);
	if (ret)
		return ret;
	pin->pages = NULL;
	pin->leaving = false;
	pin->array = alloc_array(mem, mdm_map_pages(&pin->map));
	if (!pin->array)
		return -ENOMEM;
	ret = mdm_map_add(mem, &pin->map);
	if (ret) {
		kfree(pin->array);
		pin->array = NULL;
	}
	return ret;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pin);

static bool pin_is_leaving(struct mdev_migrate_memory *mem,
			   struct mdev_migrate_pin *pin)
{
	guard(spinlock)(&mem->lock);
	return pin->leaving;
}

/**
 * mdev_migrate_unpin - undo mdev_migrate_pin()
 * @mem: the device's guest memory, open
 * @pin: the pin; the device does not use its pages any more, or @pin->unmap() will
 *	see to that
 *
 * @pin->unmap() runs no more when it returns.
 *
 * Context: May sleep; under no lock that @pin->unmap() takes.
 */
void mdev_migrate_unpin(struct mdev_migrate_memory *mem,
			struct mdev_migrate_pin *pin)
{
	mdm_map_remove(mem, &pin->map);
	wait_event(mem->ops_wait, !pin_is_leaving(mem, pin));
	kfree(pin->array);
	pin->array = NULL;
}
EXPORT_SYMBOL_GPL(mdev_migrate_unpin);

/**
 * mdm_pin_unmap - a pin's pages are about to be unpinned
 * @mem: guest memory
 * @pin: the pin, which may be gone when it returns
 *
 * Context: May sleep.
 */
void mdm_pin_unmap(struct mdev_migrate_memory *mem,
		   struct mdev_migrate_pin *pin)
{
	pin->unmap(pin);
	spin_lock(&mem->lock);
	pin->leaving = false;
	spin_unlock(&mem->lock);
	wake_up_all(&mem->ops_wait);
}

/**
 * mdev_migrate_pin_dirty - the device wrote to a part of a pin
 * @mem: the device's guest memory, open
 * @pin: the pin, or one whose @unmap runs
 * @offset: where in it
 * @len: how much
 *
 * For DMA logging. The container of type1 counts what is pinned as dirty.
 *
 * Context: Any but hard interrupt, in no section of a reader's; after the write.
 */
void mdev_migrate_pin_dirty(struct mdev_migrate_memory *mem,
			    struct mdev_migrate_pin *pin, size_t offset,
			    size_t len)
{
	mdev_migrate_reader_enter(&mem->own);
	mdm_log_written(mem, pin->map.iova + offset, len);
	mdev_migrate_reader_exit(&mem->own);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pin_dirty);
