// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unpinning what is in a range.
 *
 * type1 takes its lock each time that it is asked to unpin, and a thread that unmaps holds
 * that lock while it waits for another one that does: see unmap.c. Each time that the one
 * in the way makes room, whoever is waiting for the lock by then has his turn, and then the
 * thread is back. So once an unmap has not got on, helpers wait for the lock too, each
 * to unpin a run of what somebody else has taken out.
 */
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "dma.h"

/* Runs that are taken out at a time. */
#define DROP_RUNS	32

/**
 * struct mdm_batch - runs that are being unpinned
 * @node: in dma->batches
 * @op: announces it
 * @runs: no reader uses them any more
 * @nr: how many
 * @next: the first one that nobody unpins yet
 * @busy: how many are at it
 */
struct mdm_batch {
	struct list_head node;
	struct mdm_op op;
	struct mdm_run runs[DROP_RUNS];
	unsigned int nr;
	unsigned int next;
	unsigned int busy;
};

static struct workqueue_struct *helpers;

/**
 * mdm_drop_init - the module is loaded
 *
 * Return: 0 or -ENOMEM.
 */
int mdm_drop_init(void)
{
	/* They wait for as long as a user likes: in a queue that nobody else needs. */
	helpers = alloc_workqueue("mdev_migrate_unpin", WQ_UNBOUND | WQ_SYSFS, 0);
	return helpers ? 0 : -ENOMEM;
}

/**
 * mdm_drop_exit - undo mdm_drop_init()
 */
void mdm_drop_exit(void)
{
	destroy_workqueue(helpers);
}

/*
 * Somebody else who waits for a part of it must wait for all of it: a run may reach
 * beyond the range, since what is pinned at once does not heed where mappings end.
 */
static void batch_announce(struct mdm_dma *dma, struct mdm_batch *batch,
			   unsigned long first, unsigned long last)
{
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		first = min(first, batch->runs[i].first);
		last = max(last, batch->runs[i].first + batch->runs[i].nr - 1);
	}
	mdm_op_add(dma, &batch->op, first, last);
}

/* Returns how many runs from @first on are the caller's to unpin, as one. */
static unsigned int batch_take(struct mdm_dma *dma, struct mdm_batch *batch,
			       unsigned int *first)
{
	unsigned int n;

	lockdep_assert_held(&dma->lock);
	if (batch->next == batch->nr)
		return 0;
	*first = batch->next;
	n = mdm_runs_join(dma, batch->runs + *first, batch->nr - *first);
	batch->next += n;
	batch->busy++;
	return n;
}

/* May be gone when it returns. */
static void batch_unpin(struct mdm_dma *dma, struct mdm_batch *batch,
			unsigned int first, unsigned int n)
{
	mdm_unpin(dma, &batch->op, batch->runs + first, n);
	spin_lock(&dma->lock);
	batch->busy--;
	spin_unlock(&dma->lock);
	wake_up_all(&dma->ops_wait);
}

static bool batch_is_done(struct mdm_dma *dma, const struct mdm_batch *batch)
{
	guard(spinlock)(&dma->lock);
	return !batch->busy;
}

/**
 * mdm_drop_call - helpers are to help
 * @dma: guest memory
 *
 * Context: Any.
 */
void mdm_drop_call(struct mdm_dma *dma)
{
	unsigned int i;

	for (i = 0; i < MDM_NR_HELPERS; i++)
		queue_work(helpers, &dma->helpers[i].work);
}

static void batch_drop(struct mdm_dma *dma, struct mdm_batch *batch)
{
	unsigned int first, n;
	bool helped;

	spin_lock(&dma->lock);
	list_add_tail(&batch->node, &dma->batches);
	helped = dma->helped && batch->nr > 1;
	spin_unlock(&dma->lock);
	if (helped)
		mdm_drop_call(dma);
	for (;;) {
		spin_lock(&dma->lock);
		n = batch_take(dma, batch, &first);
		if (!n)
			list_del(&batch->node);
		spin_unlock(&dma->lock);
		if (!n)
			break;
		batch_unpin(dma, batch, first, n);
	}
	wait_event(dma->ops_wait, batch_is_done(dma, batch));
}

/**
 * mdm_dma_drop_range - unpin what is pinned in a range
 * @dma: guest memory
 * @first: the first page
 * @last: the last page
 * @rings: also what is mapped; else what is cached only
 *
 * Context: May sleep.
 */
void mdm_dma_drop_range(struct mdm_dma *dma, unsigned long first,
			unsigned long last, bool rings)
{
	struct mdm_batch batch;
	unsigned int n;

	do {
		batch.next = 0;
		batch.busy = 0;
		spin_lock(&dma->lock);
		n = rings ? mdm_maps_detach(dma, first, last, batch.runs,
					    DROP_RUNS) : 0;
		n += mdm_cache_detach(dma, first, last, batch.runs + n,
				      DROP_RUNS - n);
		batch.nr = n;
		if (n)
			batch_announce(dma, &batch, first, last);
		spin_unlock(&dma->lock);
		if (!n)
			return;
		mdm_dma_sync(dma);
		batch_drop(dma, &batch);
		mdm_op_end(dma, &batch.op, 0);
	} while (n == DROP_RUNS);
}

/* Unpins what others have taken out: a run, and again while there is any. */
static void drop_help(struct work_struct *work)
{
	struct mdm_helper *helper = container_of(work, struct mdm_helper, work);
	struct mdm_dma *dma = helper->dma;
	struct mdm_batch *batch;
	unsigned int first, n;

	do {
		n = 0;
		spin_lock(&dma->lock);
		list_for_each_entry(batch, &dma->batches, node) {
			n = batch_take(dma, batch, &first);
			if (n)
				break;
		}
		spin_unlock(&dma->lock);
		if (n)
			batch_unpin(dma, batch, first, n);
	} while (n);
}

/**
 * mdm_drop_create - a device's guest memory is being created
 * @dma: it
 */
void mdm_drop_create(struct mdm_dma *dma)
{
	unsigned int i;

	INIT_LIST_HEAD(&dma->batches);
	for (i = 0; i < MDM_NR_HELPERS; i++) {
		dma->helpers[i].dma = dma;
		INIT_WORK(&dma->helpers[i].work, drop_help);
	}
}

/**
 * mdm_drop_destroy - undo mdm_drop_create()
 * @dma: guest memory, of which nobody unpins any
 *
 * Context: May sleep.
 */
void mdm_drop_destroy(struct mdm_dma *dma)
{
	unsigned int i;

	for (i = 0; i < MDM_NR_HELPERS; i++)
		cancel_work_sync(&dma->helpers[i].work);
}
