// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations that pin and unpin guest memory.
 *
 * Pinning takes page faults, and userspace can make these last for as long as
 * it likes (userfaultfd, FUSE). So no lock of ours is held over it: who pins
 * announces the range in mem->ops first, and looks when it has the pages
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
 * @mem: guest memory
 * @op: the operation
 * @first: the first page that it pins or unpins
 * @last: the last one; below @first if there is none
 *
 * Context: mem->lock held.
 */
void mdm_op_add(struct mdev_migrate_memory *mem, struct mdm_op *op,
		unsigned long first, unsigned long last)
{
	lockdep_assert_held(&mem->lock);
	*op = (struct mdm_op) {
		.first = first,
		.last = last,
		.task = current,
		.since = jiffies,
	};
	list_add_tail(&op->node, &mem->ops);
	/* Only workers can be interrupted by it. */
	if (current->flags & PF_KTHREAD)
		schedule_delayed_work(&mem->watchdog, OP_TIMEOUT);
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
 * @mem: guest memory
 * @op: the operation
 * @ret: what it came to
 *
 * Return: @ret, or -EINTR if it failed because it was interrupted.
 */
int mdm_op_end(struct mdev_migrate_memory *mem, struct mdm_op *op, int ret)
{
	spin_lock(&mem->lock);
	list_del(&op->node);
	spin_unlock(&mem->lock);
	wake_up_all(&mem->ops_wait);

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
 * @mem: guest memory
 * @first: the first page
 * @last: the last page
 * @hit: by use, set if anybody was about to pin some of it
 *
 * Context: mem->lock held.
 */
void mdm_op_cancel(struct mdev_migrate_memory *mem, unsigned long first,
		   unsigned long last, bool *hit)
{
	struct mdm_op *op;

	lockdep_assert_held(&mem->lock);
	list_for_each_entry(op, &mem->ops, node) {
		if (op->cancelled || !op_in_range(op, first, last))
			continue;
		op->cancelled = true;
		hit[op->use] = true;
	}
}

/**
 * mdm_op_overlaps - does an operation pin or unpin any of a range?
 * @mem: guest memory
 * @first: the first page
 * @last: the last page
 *
 * Context: mem->lock held.
 * Return: whether one does.
 */
bool mdm_op_overlaps(struct mdev_migrate_memory *mem, unsigned long first,
		     unsigned long last)
{
	struct mdm_op *op;

	lockdep_assert_held(&mem->lock);
	list_for_each_entry(op, &mem->ops, node) {
		if (op_in_range(op, first, last))
			return true;
	}
	return false;
}

/**
 * mdm_op_any_pins - does an operation pin anything?
 * @mem: guest memory
 *
 * Context: mem->lock held.
 * Return: whether one does.
 */
bool mdm_op_any_pins(struct mdev_migrate_memory *mem)
{
	struct mdm_op *op;

	lockdep_assert_held(&mem->lock);
	list_for_each_entry(op, &mem->ops, node) {
		if (!op->unpins && op->first <= op->last)
			return true;
	}
	return false;
}

/**
 * mdm_op_set_unlogged - a log begins: copies under way have no room in it
 * @mem: guest memory
 *
 * Not even those that had some in the log before.
 *
 * Context: mem->lock held.
 */
void mdm_op_set_unlogged(struct mdev_migrate_memory *mem)
{
	struct mdm_op *op;

	lockdep_assert_held(&mem->lock);
	list_for_each_entry(op, &mem->ops, node)
		op->unlogged = op->writes;
}

/**
 * mdm_op_any_unlogged - is there a copy that began before the log?
 * @mem: guest memory
 *
 * Context: Takes mem->lock.
 * Return: whether there is.
 */
bool mdm_op_any_unlogged(struct mdev_migrate_memory *mem)
{
	struct mdm_op *op;

	guard(spinlock)(&mem->lock);
	list_for_each_entry(op, &mem->ops, node) {
		if (op->unlogged)
			return true;
	}
	return false;
}

/**
 * mdm_op_watchdog - interrupt operations that take too long
 * @work: mem->watchdog
 *
 * A worker that waits for a page for ever would keep a process from exiting
 * that waits for the worker and is the one to bring the page.
 */
void mdm_op_watchdog(struct work_struct *work)
{
	struct mdev_migrate_memory *mem =
		container_of(to_delayed_work(work), struct mdev_migrate_memory,
			     watchdog);
	unsigned long now = jiffies;
	struct mdm_op *op;
	bool any = false;

	guard(spinlock)(&mem->lock);
	list_for_each_entry(op, &mem->ops, node) {
		if (!(op->task->flags & PF_KTHREAD))
			continue;
		if (time_after_eq(now, op->since + OP_TIMEOUT))
			op_interrupt(op);
		any = true;
	}
	if (any)
		schedule_delayed_work(&mem->watchdog, OP_TIMEOUT / 2);
}

/**
 * mdm_dma_interrupt - a worker is not to wait for a page any longer
 * @mem: guest memory
 * @task: the worker's thread
 *
 * Its copy to or from guest memory ends with -EINTR.
 *
 * Context: Any where one can sleep.
 */
void mdm_dma_interrupt(struct mdev_migrate_memory *mem,
		       struct task_struct *task)
{
	struct mdm_op *op;

	guard(spinlock)(&mem->lock);
	list_for_each_entry(op, &mem->ops, node) {
		if (op->task == task)
			op_interrupt(op);
	}
}

/* Is there an operation that pins, or copies, and lasts? */
static bool any_lasts(struct mdev_migrate_memory *mem, unsigned long lasts)
{
	struct mdm_op *op;

	lockdep_assert_held(&mem->lock);
	list_for_each_entry(op, &mem->ops, node) {
		if (!op->unpins && time_after_eq(jiffies, op->since + lasts))
			return true;
	}
	return false;
}

/**
 * mdm_op_pause - no operation is to begin for a while, and none to last
 * @mem: guest memory
 * @until: in jiffies
 * @lasts: in jiffies; but only if there is one already that has lasted for so long. 0: in
 *	any case
 *
 * Context: Takes mem->lock.
 */
void mdm_op_pause(struct mdev_migrate_memory *mem, unsigned long until,
		  unsigned long lasts)
{
	struct mdm_op *op;

	guard(spinlock)(&mem->lock);
	if (lasts && !any_lasts(mem, lasts))
		return;
	if (time_after(until, mem->paused_until))
		mem->paused_until = until;
	list_for_each_entry(op, &mem->ops, node)
		op_interrupt(op);
}

/**
 * mdm_dma_pause - see mdev_migrate_worker_pause()
 * @mem: guest memory
 */
void mdm_dma_pause(struct mdev_migrate_memory *mem)
{
	mdm_op_pause(mem, jiffies + BRIEF_PAUSE, 0);
}

/* Whoever does not unpin lets those go first who wait for an unmap. */
static bool is_paused(struct mdev_migrate_memory *mem)
{
	lockdep_assert_held(&mem->lock);
	return time_before(jiffies, mem->paused_until);
}

/* Pinning gives -EINVAL also for what is mapped and has no struct page. */
static bool is_mapped(struct mdev_migrate_memory *mem, unsigned long page)
{
	u8 byte;

	return vfio_dma_rw(mem->vdev, (u64)page << PAGE_SHIFT, &byte,
			   sizeof(byte), false) != -EINVAL;
}

/*
 * Does the memory limit leave room? type1 would say no, too, but it would also
 * write a line to the log each time; and its limit is that of who mapped the
 * memory, who may be somebody else.
 */
static bool may_lock(const struct mdev_migrate_memory *mem, enum mdm_use use,
		     unsigned int nr)
{
	unsigned long limit;

	if (time_before(jiffies, READ_ONCE(mem->refused_until)))
		return false;
	if (mem->unlimited || !mem->mm)
		return true;
	limit = task_rlimit(mem->task, RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	if (use == MDM_PAYLOAD)
		nr += RING_RESERVE;
	return READ_ONCE(mem->mm->locked_vm) + nr <= limit;
}

/*
 * Memory that has just been unmapped may be back soon: a VMM replaces it by unmapping
 * and mapping it. Likewise iommufd's address space: the device has none while it
 * moves from one to another, from just before we are to unpin everything.
 */
static bool was_unmapped(const struct mdev_migrate_memory *mem)
{
	/* Who unmaps sets it before the backend says that there is nothing. */
	unsigned long until = context_unsafe(READ_ONCE(mem->away_until));

	return time_before(jiffies, until);
}

static bool is_away(const struct mdev_migrate_memory *mem)
{
	if (!was_unmapped(mem))
		usleep_range(1000, 2000);
	return was_unmapped(mem);
}

/* What the backends say, as one. */
static int pin_errno(const struct mdev_migrate_memory *mem, int ret)
{
	switch (ret) {
	case -ENOMEM:
	case -EINTR:
		return ret;
	case -EINVAL:
	case -ENOENT:
		return is_away(mem) ? -EAGAIN : -EFAULT;
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
 * @mem: guest memory
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
int mdm_pin(struct mdev_migrate_memory *mem, enum mdm_use use,
	    struct mdm_op *op, bool write, struct page **pages)
{
	unsigned long first = op->first, last = op->last;
	unsigned int nr = last - first + 1;
	int prot = IOMMU_READ | (write ? IOMMU_WRITE : 0);
	int ret;

	might_sleep();
	spin_lock(&mem->lock);
	ret = 0;
	if (is_paused(mem))
		ret = -EINTR;
	else if (mdm_is_leaving(mem, use, first, last))
		ret = -EAGAIN;
	else
		mdm_op_add(mem, op, first, last);
	if (!ret)
		mdm_calls_pins(mem);
	op->use = use;
	spin_unlock(&mem->lock);
	if (ret)
		return ret;

	if (!may_lock(mem, use, nr))
		return mdm_op_end(mem, op, -ENOMEM);
	ret = vfio_pin_pages(mem->vdev, (u64)first << PAGE_SHIFT, nr,
			     prot, pages);
	if (ret == nr)
		return 0;
	if (ret > 0)
		mdm_unpin(mem, op, &(struct mdm_run) { first, ret }, 1);
	if (ret == -EINVAL && nr == 1 && !is_mapped(mem, first))
		mdm_mark_gone(mem, first);
	if (ret == -ENOMEM && mdm_dma_has_container(mem))
		WRITE_ONCE(mem->refused_until, jiffies + REFUSED_TIME);
	return mdm_op_end(mem, op, ret < 0 ? pin_errno(mem, ret) : -EFAULT);
}

/**
 * mdm_dma_copy - copy to or from guest memory without pinning it
 * @mem: guest memory
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
int mdm_dma_copy(struct mdev_migrate_memory *mem, u64 iova, void *buf,
		 size_t len, bool write)
{
	struct mdm_op op;
	bool log_room;
	int ret;

	spin_lock(&mem->lock);
	if (is_paused(mem)) {
		spin_unlock(&mem->lock);
		return -EINTR;
	}
	mdm_op_add(mem, &op, 1, 0);
	op.writes = write;
	log_room = mem->log_room;
	spin_unlock(&mem->lock);
	if (write && log_room)
		ret = mdm_log_make_room(mem, iova >> PAGE_SHIFT,
					(iova + len - 1) >> PAGE_SHIFT);
	else
		ret = 0;
	if (!ret)
		ret = vfio_dma_rw(mem->vdev, iova, buf, len, write);
	if (ret == -EINVAL)
		mdm_mark_gone(mem, iova >> PAGE_SHIFT);
	/* A log that begins waits for the operation, and so for this. */
	if (!ret && write) {
		mdev_migrate_reader_enter(&mem->own);
		mdm_log_written(mem, iova, len);
		mdev_migrate_reader_exit(&mem->own);
	}
	return mdm_op_end(mem, &op, ret ? pin_errno(mem, ret) : 0);
}

/**
 * mdm_runs_join - how many runs can be unpinned as one?
 * @mem: guest memory
 * @runs: the runs
 * @nr: how many there are, at least one
 *
 * type1 counts by page. Each time it is asked it takes its lock, which may be a long time
 * coming.
 *
 * Return: how many of them, from the first one on.
 */
unsigned int mdm_runs_join(struct mdev_migrate_memory *mem,
			   const struct mdm_run *runs, unsigned int nr)
{
	unsigned int i, pages = runs[0].nr;

	if (!mdm_dma_has_container(mem))
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
static void op_stops_pinning(struct mdev_migrate_memory *mem, struct mdm_op *op)
{
	bool pinned;

	spin_lock(&mem->lock);
	pinned = !op->unpins;
	op->unpins = true;
	spin_unlock(&mem->lock);
	if (pinned)
		wake_up_all(&mem->ops_wait);
}

/**
 * mdm_unpin - unpin pages
 * @mem: guest memory
 * @op: announces it
 * @runs: which; no reader uses them any more
 * @nr: how many runs
 *
 * A signal would not end it, but have type1 lose count of a process's locked
 * memory, which it changes under mmap_write_lock_killable().
 *
 * Context: May sleep. @op pins no more.
 */
void mdm_unpin(struct mdev_migrate_memory *mem, struct mdm_op *op,
	       const struct mdm_run *runs, unsigned int nr)
{
	unsigned int i, n, pages;

	op_stops_pinning(mem, op);
	if (flush_interrupt())
		op->interrupted = true;
	for (i = 0; i < nr; i++) {
		if (runs[i].base)
			vunmap(runs[i].base);
		if (runs[i].pin)
			mdm_pin_unmap(mem, runs[i].pin);
	}
	for (i = 0; i < nr; i += n) {
		n = mdm_runs_join(mem, runs + i, nr - i);
		pages = runs[i + n - 1].first + runs[i + n - 1].nr -
			runs[i].first;
		vfio_unpin_pages(mem->vdev,
				 (u64)runs[i].first << PAGE_SHIFT, pages);
		atomic_inc(&mem->unpinned);
	}
}
