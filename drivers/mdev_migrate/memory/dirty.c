// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA logging: which pages of guest memory the device wrote. A sparse bitmap,
 * by page of the kernel, of what was written since START or the last REPORT.
 *
 * Its memory is charged to whoever opened the device and is made where one can
 * sleep, before memory can be written: when a page is cached, a ring is mapped,
 * or before a copy. So what is written is logged without an allocation, and
 * there is never a need to report what was not.
 *
 * mem->log_lock is held over START, STOP and REPORT, and so over faults on the
 * caller's bitmap: nobody takes it but the same VFIO user's calls.
 */
#include <linux/bitmap.h>
#include <linux/interval_tree.h>
#include <linux/iova_bitmap.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "dma.h"

void mdm_log_init(struct mdev_migrate_memory *mem)
{
	xa_init_flags(&mem->log, XA_FLAGS_ACCOUNT);
}

/* Nobody logs any more. */
static void free_log(struct mdev_migrate_memory *mem)
{
	struct mdm_range *ranges;
	unsigned long index;
	void *bits;

	lockdep_assert_held(&mem->log_lock);
	spin_lock(&mem->lock);
	WRITE_ONCE(mem->logging, false);
	WRITE_ONCE(mem->log_room, false);
	ranges = mem->ranges;
	mem->ranges = NULL;
	mem->nr_ranges = 0;
	spin_unlock(&mem->lock);
	mdm_dma_sync(mem);

	kfree(ranges);
	xa_for_each(&mem->log, index, bits) {
		xa_erase(&mem->log, index);
		bitmap_free(bits);
		cond_resched();
	}
}

/**
 * mdm_log_close - the device is being closed: logging ends
 * @mem: guest memory
 */
void mdm_log_close(struct mdev_migrate_memory *mem)
{
	guard(mutex)(&mem->log_lock);
	/* Also what came late, when logging had ended. */
	free_log(mem);
}

/**
 * mdm_log_make_room - make sure that what will be written can be logged
 * @mem: guest memory
 * @first: the first page
 * @last: the last page
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM.
 */
int mdm_log_make_room(struct mdev_migrate_memory *mem, unsigned long first,
		      unsigned long last)
{
	unsigned long index;
	struct mem_cgroup *old;
	int ret = 0;

	old = set_active_memcg(mem->memcg);
	for (index = first >> MDM_LOG_SHIFT;
	     !ret && index <= last >> MDM_LOG_SHIFT; index++) {
		unsigned long *bits;

		if (xa_load(&mem->log, index))
			continue;
		bits = bitmap_zalloc(MDM_LOG_BITS,
				     MDM_DMA_GFP);
		ret = bits ? xa_insert(&mem->log, index, bits,
				       MDM_DMA_GFP) :
			     -ENOMEM;
		if (ret)
			bitmap_free(bits);
		if (ret == -EBUSY)
			ret = 0;
	}
	set_active_memcg(old);
	return ret;
}

/* Of a log that has begun. */
static bool log_has_room(struct mdev_migrate_memory *mem,
			 const struct mdm_op *op)
{
	unsigned long index;

	lockdep_assert_held(&mem->lock);
	for (index = op->first >> MDM_LOG_SHIFT;
	     index <= op->last >> MDM_LOG_SHIFT; index++) {
		if (!xa_load(&mem->log, index))
			return false;
	}
	return true;
}

/**
 * mdm_log_lock - take mem->lock, with room in the log for an operation's pages
 * @mem: guest memory
 * @op: the operation
 *
 * Room that was made goes when logging ends, and it can begin again before the
 * lock is taken: so it is looked for under the lock. What is put into the cache or
 * mapped before logging begins, log_room_for_all() sees.
 *
 * Context: May sleep. mem->lock is held afterwards, whatever is returned.
 * Return: 0 or -ENOMEM; then there is no room.
 */
int mdm_log_lock(struct mdev_migrate_memory *mem, const struct mdm_op *op)
	__acquires(&mem->lock)
{
	int ret = 0;

	spin_lock(&mem->lock);
	while (!ret && mem->log_room && !log_has_room(mem, op)) {
		spin_unlock(&mem->lock);
		ret = mdm_log_make_room(mem, op->first, op->last);
		spin_lock(&mem->lock);
	}
	return ret;
}

/**
 * mdm_log_written - guest memory was written
 * @mem: guest memory
 * @iova: where; there is room in the log
 * @len: how much
 *
 * Context: Any but hard interrupt; after the write, in the same section.
 */
void mdm_log_written(struct mdev_migrate_memory *mem, u64 iova, size_t len)
{
	unsigned long page, last = (iova + len - 1) >> PAGE_SHIFT;
	unsigned long *bits;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "write and log apart");
	if (!len || !READ_ONCE(mem->logging))
		return;
	/* Who clears a bit that is set already sees what was written. */
	smp_mb__before_atomic();
	for (page = iova >> PAGE_SHIFT; page <= last; page++) {
		bits = xa_load(&mem->log, page >> MDM_LOG_SHIFT);
		if (!WARN_ON_ONCE(!bits))
			set_bit(page & (MDM_LOG_BITS - 1), bits);
	}
}

/* Room for what is cached or mapped already, or about to be. */
static int log_room_for_all(struct mdev_migrate_memory *mem)
{
	unsigned long first = 0, last;
	int ret = 0;

	while (!ret && mdm_cache_next(mem, &first, &last)) {
		ret = mdm_log_make_room(mem, first, last);
		first = last + 1;
		cond_resched();
	}
	for (first = 0; !ret && mdm_maps_next(mem, &first, &last); first++)
		ret = mdm_log_make_room(mem, first, last);
	return ret;
}

static struct mdm_range *copy_ranges(struct rb_root_cached *ranges, u32 nr)
{
	struct mdm_range *copy;
	struct rb_node *rb;
	unsigned int n = 0;

	copy = kcalloc(max(nr, 1U), sizeof(*copy), GFP_KERNEL_ACCOUNT);
	if (!copy)
		return NULL;
	for (rb = rb_first_cached(ranges); rb && n < nr; rb = rb_next(rb)) {
		struct interval_tree_node *node =
			rb_entry(rb, struct interval_tree_node, rb);

		copy[n++] = (struct mdm_range) { node->start, node->last };
	}
	return copy;
}

/* Returns -EINVAL if it is under way. */
static int log_begin(struct mdev_migrate_memory *mem, struct mdm_range *ranges,
		     u32 nr)
{
	lockdep_assert_held(&mem->log_lock);
	guard(spinlock)(&mem->lock);
	if (mem->log_room)
		return -EINVAL;
	mem->ranges = ranges;
	mem->nr_ranges = nr;
	mdm_op_set_unlogged(mem);
	WRITE_ONCE(mem->log_room, true);
	return 0;
}

/*
 * A copy that began before the log has no room in it: wait for it. What
 * it waits for is the VFIO user's own page, and it is interrupted if that lasts.
 */
static void log_wait_for_copies(struct mdev_migrate_memory *mem)
{
	wait_event(mem->ops_wait, !mdm_op_any_unlogged(mem));
}

/**
 * mdev_migrate_log_start - struct vfio_log_ops's log_start()
 * @mem: the device's guest memory, open
 * @ranges: what to log, struct interval_tree_node
 * @nnodes: how many
 * @page_size: set to what is logged by
 *
 * Context: May sleep.
 * Return: 0, -EINVAL if it is under way already, -ENOMEM.
 */
int mdev_migrate_log_start(struct mdev_migrate_memory *mem,
			   struct rb_root_cached *ranges, u32 nnodes,
			   u64 *page_size)
{
	struct mdm_range *copy;
	int ret;

	guard(mutex)(&mem->log_lock);
	copy = copy_ranges(ranges, nnodes);
	if (!copy)
		return -ENOMEM;
	ret = log_begin(mem, copy, nnodes);
	if (ret) {
		kfree(copy);
		return ret;
	}
	ret = log_room_for_all(mem);
	if (ret) {
		free_log(mem);
		return ret;
	}
	log_wait_for_copies(mem);
	WRITE_ONCE(mem->logging, true);
	/* Who did not see this has written before START returns. */
	mdm_dma_sync(mem);
	mdm_dma_choose(mem);
	*page_size = PAGE_SIZE;
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_log_start);

/**
 * mdev_migrate_log_stop - struct vfio_log_ops's log_stop()
 * @mem: the device's guest memory, open
 *
 * Context: May sleep.
 * Return: 0, or -EINVAL if nothing is logged.
 */
int mdev_migrate_log_stop(struct mdev_migrate_memory *mem)
{
	guard(mutex)(&mem->log_lock);
	if (!mem->logging)
		return -EINVAL;
	free_log(mem);
	mdm_dma_choose(mem);
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_log_stop);

/*
 * Report the pages of a bitmap that were written, as far as they are in
 * [@first, @last]. Pages that are in it in part are reported and stay: the rest
 * of them may be in another report.
 */
static void report_bits(unsigned long *bits, u64 base, u64 first, u64 last,
			struct iova_bitmap *dirty)
{
	u64 from = max(first, base), page;
	u64 to = min(last, base + (MDM_LOG_BITS << PAGE_SHIFT) - 1);
	unsigned long bit = (from - base) >> PAGE_SHIFT;
	unsigned long end = ((to - base) >> PAGE_SHIFT) + 1;

	for (bit = find_next_bit(bits, end, bit); bit < end;
	     bit = find_next_bit(bits, end, bit + 1)) {
		u64 begin, stop;

		page = base + ((u64)bit << PAGE_SHIFT);
		begin = max(page, from);
		stop = min(page + PAGE_SIZE - 1, to);
		if (stop - begin == PAGE_SIZE - 1)
			test_and_clear_bit(bit, bits);
		iova_bitmap_set(dirty, begin, stop - begin + 1);
	}
}

static void report_range(struct mdev_migrate_memory *mem, u64 first, u64 last,
			 struct iova_bitmap *dirty)
{
	unsigned long index = first >> PAGE_SHIFT >> MDM_LOG_SHIFT;
	unsigned long end = last >> PAGE_SHIFT >> MDM_LOG_SHIFT;
	unsigned long *bits;

	xa_for_each_range(&mem->log, index, bits, index, end) {
		report_bits(bits, (u64)index << MDM_LOG_SHIFT << PAGE_SHIFT,
			    first, last, dirty);
		cond_resched();
	}
}

/**
 * mdev_migrate_log_read_and_clear - struct vfio_log_ops's log_read_and_clear()
 * @mem: the device's guest memory, open
 * @iova: where
 * @length: how much, in bytes
 * @dirty: where what was written is marked
 *
 * Context: May sleep, also for the pages of the caller's bitmap.
 * Return: 0, or -EINVAL if nothing is logged or @length is 0.
 */
int mdev_migrate_log_read_and_clear(struct mdev_migrate_memory *mem,
				    unsigned long iova, unsigned long length,
				    struct iova_bitmap *dirty)
{
	u64 last = (u64)iova + length - 1;
	unsigned int i;

	if (!length)
		return -EINVAL;
	guard(mutex)(&mem->log_lock);
	if (!mem->logging)
		return -EINVAL;
	for (i = 0; i < mem->nr_ranges; i++) {
		const struct mdm_range *range = &mem->ranges[i];

		if (range->first <= last && range->last >= iova)
			report_range(mem, max_t(u64, range->first, iova),
				     min(range->last, last), dirty);
	}
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_log_read_and_clear);
