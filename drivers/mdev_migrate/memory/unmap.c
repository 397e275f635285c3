// SPDX-License-Identifier: GPL-2.0-only
/*
 * Userspace unmaps memory: nothing of it may be pinned when we return, and
 * nobody may pin it again before the backend has removed it. See pin.c for the
 * latter.
 *
 * iommufd calls us with no lock that we need, and relies on it that all is
 * unpinned when we return: what would be unpinned later would be unpinned in
 * the address space that the device has then. So we unpin right here and wait
 * for whoever else is about to unpin, for as long as it takes.
 *
 * type1 calls us under its device_list_lock. Unpinning takes its lock, and when
 * another device joins the container, or another thread unmaps in it, type1 takes
 * these two the other way round: who unpins right here can deadlock. So a thread
 * of the device's unpins, and the wait for it is bounded: if it is given up, since
 * nothing was unpinned for a while, the locks become free, the thread gets on, and type1
 * asks again. It asks eleven times before it is a BUG(), and so the wait is longer each
 * time that it asks, whatever the reason: 20 ms at first, then up to 320 ms, 10 s, twenty days. A
 * thread or device that is in the way once costs an unmap next to nothing, and one that
 * always is costs its own process only.
 *
 * What we wait for is locks of the backend, which are held over page faults: by
 * operations of this device and of others in the same address space. All of
 * these are the same user's own, and so is their end: when an unmap has not got
 * on for 20 ms, unmap_watch interrupts this device's operations, and those of a device that the
 * same process has opened and that has one which lasts as long, and lets these devices begin
 * none for a while. A signal cannot end the wait: the backends would just ask again.
 */
#include <linux/slab.h>
#include <linux/wait.h>

#include "dma.h"
#include "worker.h"

/*
 * How long type1 is made to wait when it asks for a range again and again. A user's
 * process that is killed waits as long, so at first it is not long. Newcomers and who
 * closes a file can be the reason three times (calls.c): of the other eight of eleven
 * times the last takes twenty days.
 */
static const unsigned int drop_ms[] = {
	20, 20, 40, 80, 160, 320, 10 * MSEC_PER_SEC, 20 * 86400 * MSEC_PER_SEC,
};

/* How long memory may be away that is being replaced, by who may have to wait for a processor. */
#define AWAY_TIME		(3 * HZ)

/* A range comes first for so long after it was asked for; who asks again does so sooner. */
#define URGENT_TIME		(30 * HZ)

/* When helpers are called; a few, until it was given up so often. */
#define HELP_MS			4
#define FEW_TIMES		2

/* When unmapping does not get on, and for how long others are paused then. */
#define WATCH_TIME	(HZ / 50 ?: 1)
#define PAUSE_TIME	(HZ / 4)

/* Open devices. */
static LIST_HEAD(open_dmas);
static DEFINE_SPINLOCK(open_lock); /* the list; outside of mem->lock */

static void nothing_first(struct mdev_migrate_memory *mem)
{
	lockdep_assert_held(&mem->lock);
	mem->urgent_first = ULONG_MAX;
	mem->urgent_last = 0;
}

/**
 * mdm_unmap_open - the device is being opened
 * @mem: guest memory, whose @mm is set
 */
void mdm_unmap_open(struct mdev_migrate_memory *mem)
{
	mem->patience = 0;
	spin_lock(&mem->lock);
	mem->paused_until = jiffies;
	nothing_first(mem);
	spin_unlock(&mem->lock);
	spin_lock(&open_lock);
	list_add(&mem->node, &open_dmas);
	spin_unlock(&open_lock);
}

/**
 * mdm_unmap_close - undo mdm_unmap_open()
 * @mem: guest memory
 */
void mdm_unmap_close(struct mdev_migrate_memory *mem)
{
	spin_lock(&open_lock);
	list_del(&mem->node);
	spin_unlock(&open_lock);
}

/**
 * mdm_unmap_watch - see whether an unmap gets on
 * @work: mem->unmap_watch
 */
void mdm_unmap_watch(struct work_struct *work)
{
	struct mdev_migrate_memory *mem =
		container_of(to_delayed_work(work), struct mdev_migrate_memory,
			     unmap_watch);
	struct mdev_migrate_memory *other;
	bool waits, stuck;

	spin_lock(&mem->lock);
	waits = mem->unmaps;
	stuck = waits && time_after_eq(jiffies, mem->unmap_since + WATCH_TIME);
	spin_unlock(&mem->lock);
	if (!waits)
		return;
	if (stuck) {
		spin_lock(&open_lock);
		list_for_each_entry(other, &open_dmas, node) {
			if (other == mem)
				mdm_op_pause(mem, jiffies + PAUSE_TIME, 0);
			else if (other->mm && other->mm == mem->mm)
				mdm_op_pause(other, jiffies + PAUSE_TIME,
					     WATCH_TIME);
		}
		spin_unlock(&open_lock);
	}
	schedule_delayed_work(&mem->unmap_watch,
			      stuck ? PAUSE_TIME / 2 : WATCH_TIME);
}

static void watch_begin(struct mdev_migrate_memory *mem)
{
	lockdep_assert_held(&mem->lock);
	mem->unmaps++;
	mem->unmap_since = jiffies;
	schedule_delayed_work(&mem->unmap_watch, WATCH_TIME);
}

static void watch_end(struct mdev_migrate_memory *mem)
{
	lockdep_assert_held(&mem->lock);
	mem->unmaps--;
	mem->unmap_since = jiffies;
}

/**
 * mdm_unpin_begin - somebody is about to unpin
 * @mem: guest memory
 *
 * If it is the user who waits for it, as when he resets or closes the device, it is as
 * an unmap is: whoever pins makes way when it does not get on. Who closes the device may be a
 * thread of the kernel, too, that drops the last references to files for all users.
 *
 * Context: mem->lock held.
 * Return: what mdm_unpin_end() is to be given.
 */
bool mdm_unpin_begin(struct mdev_migrate_memory *mem)
{
	bool watched;

	lockdep_assert_held(&mem->lock);
	watched = mem->closing || !(current->flags & PF_KTHREAD);
	if (watched)
		watch_begin(mem);
	return watched;
}

/**
 * mdm_unpin_end - undo mdm_unpin_begin()
 * @mem: guest memory
 * @watched: what it returned
 *
 * Context: mem->lock held.
 */
void mdm_unpin_end(struct mdev_migrate_memory *mem, bool watched)
{
	lockdep_assert_held(&mem->lock);
	if (watched)
		watch_end(mem);
}

/* Is anything of a range pinned, or being pinned or unpinned? */
static bool is_pinned(struct mdev_migrate_memory *mem, unsigned long first,
		      unsigned long last)
{
	lockdep_assert_held(&mem->lock);
	return mdm_cache_overlaps(mem, first, last) ||
	       mdm_maps_overlap(mem, first, last) ||
	       mdm_op_overlaps(mem, first, last);
}

/* Unless another one that is smaller is still being waited for. */
static bool comes_first(struct mdev_migrate_memory *mem, unsigned long first,
			unsigned long last)
{
	lockdep_assert_held(&mem->lock);
	return mem->urgent_first > mem->urgent_last ||
	       time_after(jiffies, mem->urgent_until) ||
	       last - first <= mem->urgent_last - mem->urgent_first ||
	       !is_pinned(mem, mem->urgent_first, mem->urgent_last);
}

/* While the device is being closed there is no thread that does it: who closes it does. */
static void drop_ask(struct mdev_migrate_memory *mem, unsigned long first,
		     unsigned long last)
{
	guard(spinlock)(&mem->lock);
	if (!mem->unpinner)
		return;
	if (comes_first(mem, first, last)) {
		mem->urgent_first = first;
		mem->urgent_last = last;
	}
	if (mem->urgent_first == first && mem->urgent_last == last)
		mem->urgent_until = jiffies + URGENT_TIME;
	/* What was asked for before is asked for again, if it is still to be unpinned. */
	mem->drop_first = first;
	mem->drop_last = last;
	mdev_migrate_worker_queue(mem->unpinner, &mem->drop);
}

/*
 * Is anything left of what is leaving? @call: or does anybody pin anything? That was so
 * before the ioctl asked, and no more is pinned until it is over; so that if it asks for
 * another mapping, which another thread has made meanwhile, nothing can get pinned in that.
 */
static bool is_left(struct mdev_migrate_memory *mem,
		    const struct mdm_call *call, unsigned long first,
		    unsigned long last)
{
	lockdep_assert_held(&mem->lock);
	return is_pinned(mem, first, last) || (call && mdm_op_any_pins(mem));
}

/*
 * Nothing may be pinned any more in the range; @safe: not even without a mark. Returns
 * whether anything is.
 */
static bool begin_leaving(struct mdev_migrate_memory *mem,
			  const struct mdm_call *call, unsigned long first,
			  unsigned long last, bool safe)
{
	bool hit[MDM_NR_USES];

	guard(spinlock)(&mem->lock);
	WRITE_ONCE(mem->away_until, jiffies + AWAY_TIME);
	hit[MDM_PAYLOAD] = mdm_cache_overlaps(mem, first, last);
	hit[MDM_RING] = mdm_maps_overlap(mem, first, last);
	mdm_op_cancel(mem, first, last, hit);
	mdm_mark(mem, first, last, hit, safe);
	if (!is_left(mem, call, first, last))
		return false;
	watch_begin(mem);
	return true;
}

static void end_leaving(struct mdev_migrate_memory *mem)
{
	scoped_guard(spinlock, &mem->lock)
		watch_end(mem);
	/* Closing may wait for it. */
	wake_up_all(&mem->ops_wait);
}

static bool is_idle(struct mdev_migrate_memory *mem)
{
	guard(spinlock)(&mem->lock);
	return list_empty(&mem->ops) && !mem->unmaps;
}

/**
 * mdm_unmap_wait - wait for whoever else unpins pages of the device
 * @mem: guest memory; the device is being closed and has nothing pinned
 *
 * In iommufd that is who unmaps, in an ioctl of his own: he must be through before the device
 * leaves the address space, since he would unpin in the next one. iommufd waits for him too,
 * but for a minute only, then it warns and goes on. He needs nothing that who closes has. An
 * unmap that begins from here on finds nothing to do. With type1 nobody unpins but threads
 * that closing ends, and type1's own lock keeps the device there for its ioctls.
 *
 * Context: Sleeps, for as long as the user makes it.
 */
void mdm_unmap_wait(struct mdev_migrate_memory *mem)
{
	if (!mdm_dma_has_container(mem))
		wait_event(mem->ops_wait, is_idle(mem));
}

/* It is not asked for any more. */
static void end_asking(struct mdev_migrate_memory *mem, unsigned long first,
		       unsigned long last)
{
	guard(spinlock)(&mem->lock);
	if (mem->urgent_first == first && mem->urgent_last == last)
		nothing_first(mem);
	/* Helpers may have unpinned it before the thread has begun. */
	if (mem->drop_first == first && mem->drop_last == last)
		mdm_drop_nothing(mem);
}

static bool is_gone(struct mdev_migrate_memory *mem, unsigned long first,
		    unsigned long last)
{
	guard(spinlock)(&mem->lock);
	return !mdm_op_overlaps(mem, first, last);
}

static bool drop_is_done(struct mdev_migrate_memory *mem,
			 const struct mdm_call *call, unsigned long first,
			 unsigned long last)
{
	guard(spinlock)(&mem->lock);
	return !is_left(mem, call, first, last);
}

/* Returns whether it is done; gives up when nothing was unpinned for so long. */
static bool drop_wait(struct mdev_migrate_memory *mem,
		      const struct mdm_call *call, unsigned long first,
		      unsigned long last, unsigned int ms)
{
	int unpinned;

	do {
		unpinned = atomic_read(&mem->unpinned);
		if (wait_event_timeout(mem->ops_wait,
				       drop_is_done(mem, call, first, last),
				       msecs_to_jiffies(ms)))
			return true;
	} while (atomic_read(&mem->unpinned) != unpinned);
	return false;
}

static void drop_given_up(struct mdev_migrate_memory *mem,
			  struct mdm_call *call)
{
	bool pins;

	spin_lock(&mem->lock);
	pins = mdm_op_any_pins(mem);
	spin_unlock(&mem->lock);
	if (call && pins)
		mdm_calls_hold_up(call);
}

/* Returns whether it is done; @times: it was not so often, one after the other. */
static bool drop_elsewhere(struct mdev_migrate_memory *mem,
			   struct mdm_call *call, unsigned long first,
			   unsigned long last, unsigned int times)
{
	unsigned int ms = drop_ms[min_t(size_t, times, ARRAY_SIZE(drop_ms) - 1)];

	drop_ask(mem, first, last);
	if (wait_event_timeout(mem->ops_wait,
			       drop_is_done(mem, call, first, last),
			       msecs_to_jiffies(HELP_MS)))
		return true;
	/* They are to wait for type1's lock by the time that we give up. */
	spin_lock(&mem->lock);
	mdm_drop_help(mem, times < FEW_TIMES ? MDM_FEW_HELPERS : MDM_NR_HELPERS);
	spin_unlock(&mem->lock);
	if (drop_wait(mem, call, first, last, ms))
		return true;
	drop_given_up(mem, call);
	return false;
}

static void unmap_container(struct mdev_migrate_memory *mem,
			    unsigned long first, unsigned long last)
{
	struct mdm_call *call = mdm_calls_begin(mem);
	unsigned int times = mem->patience;
	bool done = true;

	if (call)
		times = mdm_calls_round(call, mem, first, last);
	if (begin_leaving(mem, call, first, last, call)) {
		done = drop_elsewhere(mem, call, first, last, times);
		mem->patience = done ? 0 : times + 1;
		end_leaving(mem);
	}
	if (done)
		end_asking(mem, first, last);
	mdm_calls_end(call);
}

/* It keeps others out by itself. */
static void unmap_iommufd(struct mdev_migrate_memory *mem, unsigned long first,
			  unsigned long last)
{
	if (!begin_leaving(mem, NULL, first, last, true))
		return;
	mdm_dma_drop_range(mem, first, last, true);
	wait_event(mem->ops_wait, is_gone(mem, first, last));
	end_leaving(mem);
}

/**
 * mdev_migrate_dma_unmap - struct vfio_device_ops's dma_unmap(): userspace unmaps memory
 * @mem: the device's guest memory, open or about to be closed
 * @iova: where
 * @length: how much
 *
 * Context: May sleep, for as long as the user makes it.
 */
void mdev_migrate_dma_unmap(struct mdev_migrate_memory *mem, u64 iova,
			    u64 length)
{
	u64 last_byte = length ? iova + length - 1 : iova;
	unsigned long first, last;

	if (last_byte < iova)
		last_byte = U64_MAX;
	first = iova >> PAGE_SHIFT;
	last = last_byte >> PAGE_SHIFT;
	if (mdm_dma_has_container(mem))
		unmap_container(mem, first, last);
	else
		unmap_iommufd(mem, first, last);
}
EXPORT_SYMBOL_GPL(mdev_migrate_dma_unmap);
