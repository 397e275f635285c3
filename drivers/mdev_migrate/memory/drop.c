// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unpinning what is in a range.
 *
 * type1 takes its lock each time that it is asked to unpin, and a thread that unmaps holds
 * that lock while it waits for another one that does: see unmap.c. Each time that the one
 * in the way makes room, whoever is waiting for the lock by then has his turn, and then the
 * thread is back. So once an unmap has not got on, helpers wait for the lock too, each
 * to unpin a run of what somebody else has taken out.
 *
 * What is in the smaller one of the two ranges comes first: once it is unpinned, the thread
 * that unmaps it asks for nothing more and is in nobody's way. If it is asked for while the
 * other one is being unpinned, helpers take it out and unpin it. There are a few of them at
 * first, since one who waits for the lock has his run already. When that was of no use there
 * are many: each has one turn each time that one of the two gives up, which they can only so
 * often.
 */
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "dma.h"

/* How long helpers help with all that is unpinned. */
#define HELPED_TIME	HZ

/* Helpers of all devices that are queued or at work, beyond those that each has for certain. */
static atomic_t more_helpers;

/**
 * mdm_batch_announce - runs are about to be unpinned
 * @mem: guest memory
 * @batch: has @runs and @nr, at least one
 *
 * Somebody else who waits for a part of a run must wait for it. It may reach beyond the
 * range that is meant, since what is pinned at once does not heed where mappings end.
 *
 * Context: mem->lock held; mdm_batch_drop() is to follow.
 */
void mdm_batch_announce(struct mdev_migrate_memory *mem,
			struct mdm_batch *batch)
{
	unsigned long first = ULONG_MAX, last = 0;
	unsigned int i;

	bitmap_zero(batch->taken, MDM_DROP_RUNS);
	bitmap_zero(batch->done, MDM_DROP_RUNS);
	batch->busy = 0;
	for (i = 0; i < batch->nr; i++) {
		first = min(first, batch->runs[i].first);
		last = max(last, batch->runs[i].first + batch->runs[i].nr - 1);
	}
	mdm_op_add(mem, &batch->op, first, last);
	batch->op.unpins = true;
	batch->op.batch = batch;
}

static bool run_in_range(const struct mdm_run *run, unsigned long first,
			 unsigned long last)
{
	return run->first <= last && run->first + run->nr - 1 >= first;
}

static bool is_urgent(const struct mdev_migrate_memory *mem,
		      const struct mdm_run *run)
{
	lockdep_assert_held(&mem->lock);
	return run_in_range(run, mem->urgent_first, mem->urgent_last);
}

/**
 * mdm_batch_in_range - is anything of a range still to be unpinned?
 * @batch: was announced
 * @first: the first page
 * @last: the last page
 *
 * Context: mem->lock held.
 * Return: whether.
 */
bool mdm_batch_in_range(const struct mdm_batch *batch, unsigned long first,
			unsigned long last)
{
	unsigned int i;

	for_each_clear_bit(i, batch->done, batch->nr) {
		if (run_in_range(&batch->runs[i], first, last))
			return true;
	}
	return false;
}

/* The next run that nobody has taken, batch->nr if there is none. */
static unsigned int batch_next(const struct mdev_migrate_memory *mem,
			       const struct mdm_batch *batch, bool urgent)
{
	unsigned int i;

	for_each_clear_bit(i, batch->taken, batch->nr) {
		if (!urgent || is_urgent(mem, &batch->runs[i]))
			return i;
	}
	return batch->nr;
}

/* Returns how many runs from @first on are the caller's to unpin, as one. */
static unsigned int batch_take(struct mdev_migrate_memory *mem,
			       struct mdm_batch *batch, bool urgent,
			       unsigned int *first)
{
	unsigned int end, n;

	lockdep_assert_held(&mem->lock);
	*first = batch_next(mem, batch, urgent);
	if (*first == batch->nr)
		return 0;
	end = find_next_bit(batch->taken, batch->nr, *first);
	n = mdm_runs_join(mem, batch->runs + *first, end - *first);
	bitmap_set(batch->taken, *first, n);
	batch->busy++;
	return n;
}

/* May be gone when it returns. */
static void batch_unpin(struct mdev_migrate_memory *mem,
			struct mdm_batch *batch, unsigned int first,
			unsigned int n)
{
	mdm_unpin(mem, &batch->op, batch->runs + first, n);
	spin_lock(&mem->lock);
	bitmap_set(batch->done, first, n);
	batch->busy--;
	spin_unlock(&mem->lock);
	wake_up_all(&mem->ops_wait);
}

static bool batch_is_done(struct mdev_migrate_memory *mem,
			  const struct mdm_batch *batch)
{
	guard(spinlock)(&mem->lock);
	return !batch->busy;
}

/* Returns whether there may be one more of those that all devices share. */
static bool call_helper(struct mdev_migrate_memory *mem, struct mdm_helper *helper)
{
	lockdep_assert_held(&mem->lock);
	if (!helper->extra) {
		queue_work(mem->helpers_queue, &helper->work);
		return true;
	}
	if (atomic_inc_return(&more_helpers) <= MDM_MORE_HELPERS &&
	    queue_work(mem->helpers_queue, &helper->work))
		return true;
	return atomic_dec_return(&more_helpers) < MDM_MORE_HELPERS;
}

static void call_helpers(struct mdev_migrate_memory *mem)
{
	unsigned int i;

	lockdep_assert_held(&mem->lock);
	if (!mem->helpers_queue)
		return;
	for (i = 0; i < mem->nr_helpers; i++) {
		if (!call_helper(mem, &mem->helpers[i]))
			break;
	}
}

/**
 * mdm_drop_help - an unmap of type1's does not get on: helpers are to help
 * @mem: guest memory
 * @nr: how many of them, at most MDM_NR_HELPERS
 *
 * Also with what else is unpinned in the next second.
 *
 * Context: mem->lock held.
 */
void mdm_drop_help(struct mdev_migrate_memory *mem, unsigned int nr)
{
	lockdep_assert_held(&mem->lock);
	mem->helped_until = jiffies + HELPED_TIME;
	mem->nr_helpers = nr;
	call_helpers(mem);
}

/**
 * mdm_batch_drop - unpin runs that were announced
 * @mem: guest memory
 * @batch: the runs
 *
 * Context: May sleep.
 */
void mdm_batch_drop(struct mdev_migrate_memory *mem, struct mdm_batch *batch)
{
	unsigned int first, n;

	mdm_dma_sync(mem);
	spin_lock(&mem->lock);
	list_add_tail(&batch->node, &mem->batches);
	if (batch->nr > 1 && time_before(jiffies, mem->helped_until))
		call_helpers(mem);
	spin_unlock(&mem->lock);
	for (;;) {
		spin_lock(&mem->lock);
		n = batch_take(mem, batch, true, &first) ?:
		    batch_take(mem, batch, false, &first);
		if (!n)
			list_del(&batch->node);
		spin_unlock(&mem->lock);
		if (!n)
			break;
		batch_unpin(mem, batch, first, n);
	}
	wait_event(mem->ops_wait, batch_is_done(mem, batch));
	mdm_op_end(mem, &batch->op, 0);
}

/* What is pinned in a range, if it is one, is taken out: so many runs. */
static unsigned int detach(struct mdev_migrate_memory *mem, unsigned long first,
			   unsigned long last, bool rings, struct mdm_run *runs,
			   unsigned int max)
{
	unsigned int n;

	lockdep_assert_held(&mem->lock);
	if (first > last)
		return 0;
	n = rings ? mdm_maps_detach(mem, first, last, runs, max) : 0;
	return n + mdm_cache_detach(mem, first, last, runs + n, max - n);
}

/* Likewise of the part that comes first. */
static unsigned int detach_urgent(struct mdev_migrate_memory *mem,
				  unsigned long first, unsigned long last,
				  struct mdm_run *runs, unsigned int max)
{
	lockdep_assert_held(&mem->lock);
	return detach(mem, max(first, mem->urgent_first),
		      min(last, mem->urgent_last), true, runs, max);
}

/**
 * mdm_dma_drop_range - unpin what is pinned in a range
 * @mem: guest memory
 * @first: the first page
 * @last: the last page
 * @rings: also what is mapped; else what is cached only
 *
 * Context: May sleep.
 */
void mdm_dma_drop_range(struct mdev_migrate_memory *mem, unsigned long first,
			unsigned long last, bool rings)
{
	struct mdm_run runs[MDM_BATCH_RUNS];
	struct mdm_batch batch = { .runs = runs };
	bool watched = false;

	do {
		spin_lock(&mem->lock);
		batch.nr = detach(mem, first, last, rings, runs,
				  ARRAY_SIZE(runs));
		if (batch.nr) {
			mdm_batch_announce(mem, &batch);
			watched = mdm_unpin_begin(mem);
		}
		spin_unlock(&mem->lock);
		if (!batch.nr)
			return;
		mdm_batch_drop(mem, &batch);
		spin_lock(&mem->lock);
		mdm_unpin_end(mem, watched);
		spin_unlock(&mem->lock);
	} while (batch.nr == ARRAY_SIZE(runs));
}

/* What comes first, of what was asked for and nobody has begun with. */
static unsigned int take_first(struct mdev_migrate_memory *mem,
			       struct mdm_batch *batch, unsigned int max)
{
	guard(spinlock)(&mem->lock);
	batch->nr = detach_urgent(mem, mem->drop_first, mem->drop_last,
				  batch->runs, max);
	if (batch->nr)
		mdm_batch_announce(mem, batch);
	return batch->nr;
}

/**
 * mdm_drop_nothing - nothing that was asked for is still to be begun with
 * @mem: guest memory
 *
 * Context: mem->lock held, or nobody else has @mem.
 */
void mdm_drop_nothing(struct mdev_migrate_memory *mem)
{
	mem->drop_first = ULONG_MAX;
	mem->drop_last = 0;
}

/**
 * mdm_drop_asked - unpin what is in the range that type1 has asked for
 * @work: mem->drop
 *
 * Rings, too; and what is asked for meanwhile if it comes first.
 *
 * Context: In the thread mem->unpinner.
 */
void mdm_drop_asked(struct kthread_work *work)
{
	struct mdev_migrate_memory *mem =
		container_of(work, struct mdev_migrate_memory, drop);
	struct mdm_run *runs = mem->drop_runs;
	struct mdm_batch batch = { .runs = runs };
	unsigned long first, last;
	unsigned int n;

	spin_lock(&mem->lock);
	first = mem->drop_first;
	last = mem->drop_last;
	mdm_drop_nothing(mem);
	spin_unlock(&mem->lock);

	do {
		spin_lock(&mem->lock);
		n = detach_urgent(mem, mem->drop_first, mem->drop_last, runs,
				  MDM_DROP_RUNS);
		n += detach_urgent(mem, first, last, runs + n,
				   MDM_DROP_RUNS - n);
		n += detach(mem, first, last, true, runs + n,
			    MDM_DROP_RUNS - n);
		batch.nr = n;
		if (n)
			mdm_batch_announce(mem, &batch);
		spin_unlock(&mem->lock);
		if (n)
			mdm_batch_drop(mem, &batch);
	} while (n == MDM_DROP_RUNS);
}

/* Returns how many runs from @first on of a batch, of any or of an urgent one's. */
static unsigned int any_take(struct mdev_migrate_memory *mem, bool urgent,
			     struct mdm_batch **from, unsigned int *first)
{
	struct mdm_batch *batch;
	unsigned int n;

	lockdep_assert_held(&mem->lock);
	list_for_each_entry(batch, &mem->batches, node) {
		n = batch_take(mem, batch, urgent, first);
		*from = batch;
		if (n)
			return n;
	}
	return 0;
}

/* Unpins what comes first, then a run of what others have taken out, and again. */
static void drop_help(struct work_struct *work)
{
	struct mdm_helper *helper = container_of(work, struct mdm_helper, work);
	struct mdm_run runs[MDM_BATCH_RUNS];
	struct mdm_batch own = { .runs = runs };
	struct mdev_migrate_memory *mem = helper->mem;
	struct mdm_batch *batch;
	unsigned int first, n;

	for (;;) {
		if (take_first(mem, &own, ARRAY_SIZE(runs))) {
			mdm_batch_drop(mem, &own);
			continue;
		}
		spin_lock(&mem->lock);
		n = any_take(mem, true, &batch, &first) ?:
		    any_take(mem, false, &batch, &first);
		spin_unlock(&mem->lock);
		if (!n)
			break;
		batch_unpin(mem, batch, first, n);
	}
	if (helper->extra)
		atomic_dec(&more_helpers);
}

/**
 * mdm_drop_create - a device's guest memory is being created
 * @mem: it
 */
void mdm_drop_create(struct mdev_migrate_memory *mem)
	__context_unsafe(/* being made */)
{
	INIT_LIST_HEAD(&mem->batches);
	mem->helped_until = jiffies;
}

static struct mdm_helper *helpers_create(struct mdev_migrate_memory *mem)
{
	struct mdm_helper *helpers;
	unsigned int i;

	helpers = kvcalloc(MDM_NR_HELPERS, sizeof(*helpers),
			   GFP_KERNEL_ACCOUNT);
	for (i = 0; helpers && i < MDM_NR_HELPERS; i++) {
		helpers[i].mem = mem;
		helpers[i].extra = i >= MDM_OWN_HELPERS;
		INIT_WORK(&helpers[i].work, drop_help);
	}
	return helpers;
}

/**
 * mdm_drop_open - the device is being opened, in a container
 * @mem: guest memory
 *
 * Return: 0 or -ENOMEM; mdm_drop_close() is to follow in any case.
 */
int mdm_drop_open(struct mdev_migrate_memory *mem)
{
	struct workqueue_struct *queue;

	mem->helpers = helpers_create(mem);
	if (!mem->helpers)
		return -ENOMEM;
	/* One's helpers wait for as long as its user likes: not in a queue with others'. */
	queue = alloc_workqueue("unpin/%.8s", WQ_UNBOUND, MDM_NR_HELPERS,
				dev_name(mem->vdev->dev));
	if (!queue)
		return -ENOMEM;
	spin_lock(&mem->lock);
	mem->helpers_queue = queue;
	spin_unlock(&mem->lock);
	return 0;
}

/**
 * mdm_drop_close - undo mdm_drop_open(), if it was done
 * @mem: guest memory, of which nobody unpins any
 *
 * Context: May sleep.
 */
void mdm_drop_close(struct mdev_migrate_memory *mem)
{
	struct workqueue_struct *queue;

	spin_lock(&mem->lock);
	queue = mem->helpers_queue;
	mem->helpers_queue = NULL;
	spin_unlock(&mem->lock);
	if (queue)
		destroy_workqueue(queue);
	kvfree(mem->helpers);
	mem->helpers = NULL;
}
