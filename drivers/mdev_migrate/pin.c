// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations that pin and unpin guest memory.
 *
 * Pinning takes page faults, and userspace can make these last for as long as
 * it likes (userfaultfd, FUSE). So no lock of ours is held over it: who pins
 * announces the range in dma->ops first, and looks when it has the pages
 * whether userspace has unmapped some of the range meanwhile. If so, it unpins
 * them again and tells its caller to try later. Who unmaps waits for the
 * announced operations; they are finite in number, because from then on nobody
 * pins in the range: it is marked as leaving.
 *
 * type1 asks all devices of a container to let go of a range, and asks again if it
 * finds a page pinned in it when it has its lock back. The twelfth time is a
 * BUG(). It does not tell when it is through, but it is when its caller returns to
 * userspace, and of that we learn: the caller gets a file, which is closed then
 * (calls.c). Until then none that was asked pins anything, nor one that may have joined
 * meanwhile. Payload is copied with vfio_dma_rw() meanwhile, which leaves nothing pinned,
 * and rings wait.
 */
#include <linux/delay.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "dma.h"

/* An operation of a worker's that takes longer is interrupted. */
#define OP_TIMEOUT		(10 * HZ)

/* When type1 has said that the limit is reached, how long it is not asked. */
#define REFUSED_TIME		HZ

/* For how long a model's workers are paused. */
#define BRIEF_PAUSE		(HZ / 50 ?: 1)

/* Pages of the memory limit that payload leaves to rings. */
#define RING_RESERVE		64

/**
 * mdm_op_add - announce an operation
 * @dma: guest memory
 * @op: the operation
 * @first: the first page that it pins or unpins
 * @last: the last one; below @first if there is none
 *
 * Context: dma->lock held.
 */
void mdm_op_add(struct mdm_dma *dma, struct mdm_op *op, unsigned long first,
		unsigned long last)
{
	lockdep_assert_held(&dma->lock);
	*op = (struct mdm_op) {
		.first = first,
		.last = last,
		.task = current,
		.since = jiffies,
	};
	list_add_tail(&op->node, &dma->ops);
	/* Only workers can be interrupted by it. */
	if (current->flags & PF_KTHREAD)
		schedule_delayed_work(&dma->watchdog, OP_TIMEOUT);
}

/* Was this worker interrupted? From here on it is not. */
static bool flush_interrupt(void)
{
	if (!(current->flags & PF_KTHREAD) || !signal_pending(current))
		return false;
	flush_signals(current);
	return true;
}

/**
 * mdm_op_end - an operation is over
 * @dma: guest memory
 * @op: the operation
 * @ret: what it came to
 *
 * Return: @ret, or -EINTR if it failed because it was interrupted.
 */
int mdm_op_end(struct mdm_dma *dma, struct mdm_op *op, int ret)
{
	spin_lock(&dma->lock);
	list_del(&op->node);
	spin_unlock(&dma->lock);
	wake_up_all(&dma->ops_wait);

	/* Whoever interrupts does it while the operation is announced. */
	if (flush_interrupt())
		op->interrupted = true;
	return ret && op->interrupted ? -EINTR : ret;
}

static bool op_in_range(const struct mdm_op *op, unsigned long first,
			unsigned long last)
{
	if (op->first > op->last || op->first > last || op->last < first)
		return false;
	return !op->batch || mdm_batch_in_range(op->batch, first, last);
}

/*
 * A worker waits for a page, and a signal ends that: get_user_pages() and the
 * waits of userfaultfd and FUSE look for a fatal one. No other thread has
 * signals of ours enabled.
 */
static void op_interrupt(struct mdm_op *op)
{
	if ((op->task->flags & PF_KTHREAD) && !op->unpins)
		send_sig(SIGKILL, op->task, 1);
}

/**
 * mdm_op_cancel - userspace unmaps a range: nobody is to keep it pinned
 * @dma: guest memory
 * @first: the first page
 * @last: the last page
 * @hit: by use, set if anybody was about to pin some of it
 *
 * Context: dma->lock held.
 */
void mdm_op_cancel(struct mdm_dma *dma, unsigned long first,
		   unsigned long last, bool *hit)
{
	struct mdm_op *op;

	lockdep_assert_held(&dma->lock);
	list_for_each_entry(op, &dma->ops, node) {
		if (op->cancelled || !op_in_range(op, first, last))
			continue;
		op->cancelled = true;
		hit[op->use] = true;
	}
}

/**
 * mdm_op_overlaps - does an operation pin or unpin any of a range?
 * @dma: guest memory
 * @first: the first page
 * @last: the last page
 *
 * Context: dma->lock held.
 * Return: whether one does.
 */
bool mdm_op_overlaps(struct mdm_dma *dma, unsigned long first,
		     unsigned long last)
{
	struct mdm_op *op;

	lockdep_assert_held(&dma->lock);
	list_for_each_entry(op, &dma->ops, node) {
		if (op_in_range(op, first, last))
			return true;
	}
	return false;
}

/**
 * mdm_op_any_pins - does an operation pin anything?
 * @dma: guest memory
 *
 * Context: dma->lock held.
 * Return: whether one does.
 */
bool mdm_op_any_pins(struct mdm_dma *dma)
{
	struct mdm_op *op;

	lockdep_assert_held(&dma->lock);
	list_for_each_entry(op, &dma->ops, node) {
		if (!op->unpins && op->first <= op->last)
			return true;
	}
	return false;
}

/**
 * mdm_op_set_unlogged - a log begins: copies under way have no room in it
 * @dma: guest memory
 *
 * Not even those that had some in the log before.
 *
 * Context: dma->lock held.
 */
void mdm_op_set_unlogged(struct mdm_dma *dma)
{
	struct mdm_op *op;

	lockdep_assert_held(&dma->lock);
	list_for_each_entry(op, &dma->ops, node)
		op->unlogged = op->writes;
}

/**
 * mdm_op_any_unlogged - is there a copy that began before the log?
 * @dma: guest memory
 *
 * Context: Takes dma->lock.
 * Return: whether there is.
 */
bool mdm_op_any_unlogged(struct mdm_dma *dma)
{
	struct mdm_op *op;

	guard(spinlock)(&dma->lock);
	list_for_each_entry(op, &dma->ops, node) {
		if (op->unlogged)
			return true;
	}
	return false;
}

/**
 * mdm_op_watchdog - interrupt operations that take too long
 * @work: dma->watchdog
 *
 * A worker that waits for a page for ever would keep a process from exiting
 * that waits for the worker and is the one to bring the page.
 */
void mdm_op_watchdog(struct work_struct *work)
{
	struct mdm_dma *dma = container_of(to_delayed_work(work),
					   struct mdm_dma, watchdog);
	unsigned long now = jiffies;
	struct mdm_op *op;
	bool any = false;

	guard(spinlock)(&dma->lock);
	list_for_each_entry(op, &dma->ops, node) {
		if (!(op->task->flags & PF_KTHREAD))
			continue;
		if (time_after_eq(now, op->since + OP_TIMEOUT))
			op_interrupt(op);
		any = true;
	}
	if (any)
		schedule_delayed_work(&dma->watchdog, OP_TIMEOUT / 2);
}

/**
 * mdm_dma_interrupt - a worker is not to wait for a page any longer
 * @mdm: the device
 * @task: the worker's thread
 *
 * Its copy to or from guest memory ends with -EINTR.
 *
 * Context: Any where one can sleep.
 */
void mdm_dma_interrupt(struct mdev_migrate_device *mdm,
		       struct task_struct *task)
{
	struct mdm_dma *dma = mdm->dma;
	struct mdm_op *op;

	guard(spinlock)(&dma->lock);
	list_for_each_entry(op, &dma->ops, node) {
		if (op->task == task)
			op_interrupt(op);
	}
}

/* Is there an operation that pins, or copies, and lasts? */
static bool any_lasts(struct mdm_dma *dma, unsigned long lasts)
{
	struct mdm_op *op;

	list_for_each_entry(op, &dma->ops, node) {
		if (!op->unpins && time_after_eq(jiffies, op->since + lasts))
			return true;
	}
	return false;
}

/**
 * mdm_op_pause - no operation is to begin for a while, and none to last
 * @dma: guest memory
 * @until: in jiffies
 * @lasts: in jiffies; but only if there is one already that has lasted for so long. 0: in
 *	any case
 *
 * Context: Takes dma->lock.
 */
void mdm_op_pause(struct mdm_dma *dma, unsigned long until, unsigned long lasts)
{
	struct mdm_op *op;

	guard(spinlock)(&dma->lock);
	if (lasts && !any_lasts(dma, lasts))
		return;
	if (time_after(until, dma->paused_until))
		dma->paused_until = until;
	list_for_each_entry(op, &dma->ops, node)
		op_interrupt(op);
}

/**
 * mdm_dma_pause - see mdev_migrate_worker_pause()
 * @mdm: the device
 */
void mdm_dma_pause(struct mdev_migrate_device *mdm)
{
	mdm_op_pause(mdm->dma, jiffies + BRIEF_PAUSE, 0);
}

/* Whoever does not unpin lets those go first who wait for an unmap. */
static bool is_paused(struct mdm_dma *dma)
{
	lockdep_assert_held(&dma->lock);
	return time_before(jiffies, dma->paused_until);
}

/* Pinning gives -EINVAL also for what is mapped and has no struct page. */
static bool is_mapped(struct mdm_dma *dma, unsigned long page)
{
	u8 byte;

	return vfio_dma_rw(&dma->mdm->vdev, (u64)page << PAGE_SHIFT, &byte,
			   sizeof(byte), false) != -EINVAL;
}

/*
 * Does the memory limit leave room? type1 would say no, too, but it would also
 * write a line to the log each time; and its limit is that of who mapped the
 * memory, who may be somebody else.
 */
static bool may_lock(const struct mdm_dma *dma, enum mdm_use use,
		     unsigned int nr)
{
	unsigned long limit;

	if (time_before(jiffies, READ_ONCE(dma->refused_until)))
		return false;
	if (dma->unlimited || !dma->mm)
		return true;
	limit = task_rlimit(dma->task, RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	if (use == MDM_PAYLOAD)
		nr += RING_RESERVE;
	return READ_ONCE(dma->mm->locked_vm) + nr <= limit;
}

/*
 * Memory that has just been unmapped may be back soon: a VMM replaces it by unmapping
 * and mapping it. Likewise iommufd's address space: the device has none while it
 * moves from one to another, from just before we are to unpin everything.
 */
static bool is_away(const struct mdm_dma *dma)
{
	if (!time_before(jiffies, READ_ONCE(dma->away_until)))
		usleep_range(1000, 2000);
	return time_before(jiffies, READ_ONCE(dma->away_until));
}

/* What the backends say, as one. */
static int pin_errno(const struct mdm_dma *dma, int ret)
{
	switch (ret) {
	case -ENOMEM:
	case -EINTR:
		return ret;
	case -EINVAL:
	case -ENOENT:
		return is_away(dma) ? -EAGAIN : -EFAULT;
	case -EFAULT:
	case -EHWPOISON:
	case -EIO:
		/* It is mapped, but the page is not to be had. */
		return -EIO;
	default:
		return -EFAULT;
	}
}

/**
 * mdm_pin - pin pages
 * @dma: guest memory
 * @use: what for
 * @op: the operation; its @first and @last say which pages, at most
 *	MDM_BLOCK_PAGES
 * @write: for writing too
 * @pages: the result
 *
 * If it returns 0, the operation is announced and the pages are to be unpinned
 * as a whole: by the caller, before it ends the operation, if @op is cancelled.
 *
 * Context: May sleep, for as long as userspace likes.
 * Return: 0; -EAGAIN if some of it is leaving or was unmapped a moment ago; -EFAULT if there is no
 * such memory; -EIO if there is, but not the page; -ENOMEM; -EINTR.
 */
int mdm_pin(struct mdm_dma *dma, enum mdm_use use, struct mdm_op *op,
	    bool write, struct page **pages)
{
	unsigned long first = op->first, last = op->last;
	unsigned int nr = last - first + 1;
	int prot = IOMMU_READ | (write ? IOMMU_WRITE : 0);
	int ret;

	might_sleep();
	spin_lock(&dma->lock);
	ret = 0;
	if (is_paused(dma))
		ret = -EINTR;
	else if (mdm_is_leaving(dma, use, first, last))
		ret = -EAGAIN;
	else
		mdm_op_add(dma, op, first, last);
	if (!ret)
		mdm_calls_pins(dma);
	op->use = use;
	spin_unlock(&dma->lock);
	if (ret)
		return ret;

	if (!may_lock(dma, use, nr))
		return mdm_op_end(dma, op, -ENOMEM);
	ret = vfio_pin_pages(&dma->mdm->vdev, (u64)first << PAGE_SHIFT, nr,
			     prot, pages);
	if (ret == nr)
		return 0;
	if (ret > 0)
		mdm_unpin(dma, op, &(struct mdm_run) { first, ret }, 1);
	if (ret == -EINVAL && nr == 1 && !is_mapped(dma, first))
		mdm_mark_gone(dma, first);
	if (ret == -ENOMEM && mdm_dma_has_container(dma))
		WRITE_ONCE(dma->refused_until, jiffies + REFUSED_TIME);
	return mdm_op_end(dma, op, ret < 0 ? pin_errno(dma, ret) : -EFAULT);
}

/**
 * mdm_dma_copy - copy to or from guest memory without pinning it
 * @dma: guest memory
 * @iova: where
 * @buf: from or to where
 * @len: how much, in a page
 * @write: to guest memory
 *
 * Context: May sleep, for as long as userspace likes. In a kernel thread or in
 * the VFIO user's own context.
 * Return: 0, -EFAULT if there is no such memory, -EIO if there is, but not the
 * page, -EAGAIN if it was unmapped a moment ago,
 * -ENOMEM, -EINTR.
 */
int mdm_dma_copy(struct mdm_dma *dma, u64 iova, void *buf, size_t len,
		 bool write)
{
	struct mdm_op op;
	bool log_room;
	int ret;

	spin_lock(&dma->lock);
	if (is_paused(dma)) {
		spin_unlock(&dma->lock);
		return -EINTR;
	}
	mdm_op_add(dma, &op, 1, 0);
	op.writes = write;
	log_room = dma->log_room;
	spin_unlock(&dma->lock);
	if (write && log_room)
		ret = mdm_log_make_room(dma, iova >> PAGE_SHIFT,
					(iova + len - 1) >> PAGE_SHIFT);
	else
		ret = 0;
	if (!ret)
		ret = vfio_dma_rw(&dma->mdm->vdev, iova, buf, len, write);
	if (ret == -EINVAL)
		mdm_mark_gone(dma, iova >> PAGE_SHIFT);
	/* A log that begins waits for the operation, and so for this. */
	if (!ret && write) {
		mdev_migrate_reader_enter(&dma->own);
		mdm_log_written(dma, iova, len);
		mdev_migrate_reader_exit(&dma->own);
	}
	return mdm_op_end(dma, &op, ret ? pin_errno(dma, ret) : 0);
}

/**
 * mdm_runs_join - how many runs can be unpinned as one?
 * @dma: guest memory
 * @runs: the runs
 * @nr: how many there are, at least one
 *
 * type1 counts by page. Each time it is asked it takes its lock, which may be a long time
 * coming.
 *
 * Return: how many of them, from the first one on.
 */
unsigned int mdm_runs_join(struct mdm_dma *dma, const struct mdm_run *runs,
			   unsigned int nr)
{
	unsigned int i, pages = runs[0].nr;

	if (!mdm_dma_has_container(dma))
		return 1;
	for (i = 1; i < nr; i++) {
		pages += runs[i].nr;
		if (pages > VFIO_PIN_PAGES_MAX_ENTRIES ||
		    runs[i].first != runs[i - 1].first + runs[i - 1].nr)
			break;
	}
	return i;
}

/* Whoever waits until nobody pins need not wait for the backend's locks, too. */
static void op_stops_pinning(struct mdm_dma *dma, struct mdm_op *op)
{
	bool pinned;

	spin_lock(&dma->lock);
	pinned = !op->unpins;
	op->unpins = true;
	spin_unlock(&dma->lock);
	if (pinned)
		wake_up_all(&dma->ops_wait);
}

/**
 * mdm_unpin - unpin pages
 * @dma: guest memory
 * @op: announces it
 * @runs: which; no reader uses them any more
 * @nr: how many runs
 *
 * A signal would not end it, but have type1 lose count of a process's locked
 * memory, which it changes under mmap_write_lock_killable().
 *
 * Context: May sleep. @op pins no more.
 */
void mdm_unpin(struct mdm_dma *dma, struct mdm_op *op,
	       const struct mdm_run *runs, unsigned int nr)
{
	unsigned int i, n, pages;

	op_stops_pinning(dma, op);
	if (flush_interrupt())
		op->interrupted = true;
	for (i = 0; i < nr; i++) {
		if (runs[i].base)
			vunmap(runs[i].base);
	}
	for (i = 0; i < nr; i += n) {
		n = mdm_runs_join(dma, runs + i, nr - i);
		pages = runs[i + n - 1].first + runs[i + n - 1].nr -
			runs[i].first;
		vfio_unpin_pages(&dma->mdm->vdev,
				 (u64)runs[i].first << PAGE_SHIFT, pages);
		atomic_inc(&dma->unpinned);
	}
}
