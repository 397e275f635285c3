/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDM_DMA_H
#define MDM_DMA_H

#include <linux/workqueue.h>

#include "mdm.h"

/* Pages kept pinned for speed, and how many are let go when there are more. */
#define MDM_DMA_MAX_CACHED	16384
#define MDM_DMA_EVICT		(MDM_DMA_MAX_CACHED / 16)

/**
 * struct mdm_dma - a device's view of guest memory
 * @mdm: the device
 * @lock: guards what is pinned, @maps, @saving
 * @pages: by IOVA page, the page that is pinned there: a pointer tagged with
 *	PAGE_WRITABLE, or PAGE_GONE. Written under @lock, read under RCU.
 * @nr_pages: how many
 * @hand: where to let go of pages next, by IOVA page
 * @maps: struct mdev_migrate_map
 * @saving: in a pre-copy state
 * @cached: payload goes through @pages; else through vfio_dma_rw(), so that
 *	type1 sees each page that is written and no other
 * @logging: dirty pages are logged. Written under @lock; readers look at it
 *	after they wrote, inside the RCU section in which they wrote
 * @log_all: memory for the log was short: report everything
 * @log: by IOVA page / MDM_LOG_BITS, a bitmap of that many pages
 * @drop: lets go of what userspace unmaps
 * @drop_lock: guards the four below
 * @drop_first: from where, by IOVA
 * @drop_last: to where; below @drop_first if there is nothing to drop
 * @drops_asked: how often it was asked for
 * @drops_done: up to which of these it is done; read without the lock
 * @drop_wait: who waits for it
 */
struct mdm_dma {
	struct mdev_migrate_device *mdm;
	struct mutex lock; /* all of it */
	struct xarray pages;
	unsigned int nr_pages;
	unsigned long hand;
	struct list_head maps;
	bool saving;
	bool cached;
	bool logging;
	bool log_all;
	struct xarray log;

	struct work_struct drop;
	spinlock_t drop_lock; /* the four below */
	u64 drop_first;
	u64 drop_last;
	unsigned long drops_asked;
	unsigned long drops_done;
	wait_queue_head_t drop_wait;
};

/* Pages in a bitmap of the log: a page of memory for each. */
#define MDM_LOG_SHIFT	(PAGE_SHIFT + 3)
#define MDM_LOG_BITS	BIT(MDM_LOG_SHIFT)

void mdm_log_init(struct mdm_dma *dma);
void mdm_log_close(struct mdm_dma *dma);
void mdm_log_written(struct mdm_dma *dma, u64 iova, size_t len);
void mdm_dma_choose(struct mdm_dma *dma);
int mdm_dma_pin(struct mdm_dma *dma, u64 iova, unsigned int nr, int prot,
		struct page **pages);
bool mdm_map_overlaps(const struct mdev_migrate_map *map, u64 first, u64 last);
void mdm_map_drop(struct mdm_dma *dma, struct mdev_migrate_map *map);

#endif /* MDM_DMA_H */
