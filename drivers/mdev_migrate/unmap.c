// SPDX-License-Identifier: GPL-2.0-only
/*
 * Userspace unmaps memory: nothing of it may be pinned when we return, and
 * nobody may pin it again before the backend has removed it. See pin.c for the
 * latter.
 *
 * iommufd calls us with no lock that we need, and relies on it that all is
 * unpinned when we return: what would be unpinned later would be unpinned in
 * the address space that the device has then. So we unpin right here and wait
 * for whoever else is about to unpin, for as long as it takes. What these wait
 * for is locks of the same address space, and page faults, which are the VFIO
 * user's own; and dma_unmap is called for nobody else.
 *
 * type1 calls us under its device_list_lock. Unpinning takes its lock, and when
 * another device joins the container type1 takes these two the other way
 * round: who unpins right here can deadlock. So a thread of the device's
 * unpins, and the wait for it is bounded: if it is given up, the locks become
 * free, the thread gets through, and type1 asks again. It asks ten times; for
 * it to come to an eleventh, somebody had to keep type1's lock busy for a
 * minute, and to be served before the thread each time.
 */
#include <linux/wait.h>

#include "dma.h"
#include "worker.h"

/* Runs that are unpinned at a time. */
#define DROP_RUNS	32

/* How long type1 is made to wait at a time. */
#define DROP_TIMEOUT	(5 * HZ)

/**
 * mdm_dma_drop_range - unpin what is pinned in a range
 * @dma: guest memory
 * @first: the first page
 * @last: the last page
 *
 * Context: May sleep.
 */
void mdm_dma_drop_range(struct mdm_dma *dma, unsigned long first,
			unsigned long last)
{
	struct mdm_run runs[DROP_RUNS];
	struct mdm_op op;
	unsigned int n;

	do {
		spin_lock(&dma->lock);
		n = mdm_maps_detach(dma, first, last, runs, DROP_RUNS);
		n += mdm_cache_detach(dma, first, last, runs + n,
				      DROP_RUNS - n);
		if (n)
			mdm_op_add(dma, &op, first, last);
		spin_unlock(&dma->lock);
		if (!n)
			return;
		mdm_dma_sync(dma);
		mdm_unpin(dma, runs, n);
		mdm_op_end(dma, &op, 0);
	} while (n == DROP_RUNS);
}

/**
 * mdm_dma_drop_work - unpin what type1 wants unpinned
 * @work: dma->drop
 */
void mdm_dma_drop_work(struct kthread_work *work)
{
	struct mdm_dma *dma = container_of(work, struct mdm_dma, drop);
	unsigned long first, last, asked;

	spin_lock(&dma->lock);
	first = dma->drop_first;
	last = dma->drop_last;
	dma->drop_first = ULONG_MAX;
	dma->drop_last = 0;
	asked = dma->drops_asked;
	spin_unlock(&dma->lock);

	if (first <= last)
		mdm_dma_drop_range(dma, first, last);

	spin_lock(&dma->lock);
	dma->drops_done = asked;
	spin_unlock(&dma->lock);
	wake_up_all(&dma->ops_wait);
}

/* Returns whether there is a thread that does it. */
static bool drop_ask(struct mdm_dma *dma, unsigned long first,
		     unsigned long last, unsigned long *asked)
{
	guard(spinlock)(&dma->lock);
	if (!dma->unpinner)
		return false;
	dma->drop_first = min(dma->drop_first, first);
	dma->drop_last = max(dma->drop_last, last);
	*asked = ++dma->drops_asked;
	mdev_migrate_worker_queue(dma->unpinner, &dma->drop);
	return true;
}

static bool drop_is_done(struct mdm_dma *dma, unsigned long asked,
			 unsigned long first, unsigned long last)
{
	spin_lock(&dma->lock);
	if ((long)(dma->drops_done - asked) < 0) {
		spin_unlock(&dma->lock);
		return false;
	}
	spin_unlock(&dma->lock);
	return !mdm_op_overlaps(dma, first, last);
}

/* Nothing may be pinned any more in the range. Returns whether anything is. */
static bool begin_leaving(struct mdm_dma *dma, unsigned long first,
			  unsigned long last)
{
	bool hit[MDM_NR_USES];
	bool busy;

	spin_lock(&dma->lock);
	hit[MDM_PAYLOAD] = mdm_cache_overlaps(dma, first, last);
	hit[MDM_RING] = mdm_maps_overlap(dma, first, last);
	busy = hit[MDM_PAYLOAD] || hit[MDM_RING];
	hit[MDM_PAYLOAD] |= mdm_op_cancel(dma, first, last);
	mdm_mark(dma, first, last, hit);
	spin_unlock(&dma->lock);
	return busy || mdm_op_overlaps(dma, first, last);
}

/**
 * mdm_dma_unmap - userspace unmaps memory
 * @mdm: the device, open or about to be closed
 * @iova: where
 * @length: how much
 *
 * Context: May sleep.
 */
void mdm_dma_unmap(struct mdev_migrate_device *mdm, u64 iova, u64 length)
{
	u64 last_byte = length ? iova + length - 1 : iova;
	unsigned long first, last, asked;
	struct mdm_dma *dma = mdm->dma;

	if (last_byte < iova)
		last_byte = U64_MAX;
	first = iova >> PAGE_SHIFT;
	last = last_byte >> PAGE_SHIFT;
	if (!begin_leaving(dma, first, last))
		return;
	if (mdm_dma_has_container(dma)) {
		if (drop_ask(dma, first, last, &asked))
			wait_event_timeout(dma->ops_wait,
					   drop_is_done(dma, asked, first,
							last),
					   DROP_TIMEOUT);
		return;
	}
	mdm_dma_drop_range(dma, first, last);
	wait_event(dma->ops_wait, !mdm_op_overlaps(dma, first, last));
}
