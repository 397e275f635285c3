// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA logging: which pages of guest memory the device wrote. A sparse bitmap,
 * by page of the kernel, of what was written since START or the last REPORT;
 * memory is spent only on ranges in which there were writes.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "dma.h"

void mdm_log_init(struct mdm_dma *dma)
{
	xa_init_flags(&dma->log, XA_FLAGS_LOCK_BH);
}

static void free_log(struct mdm_dma *dma)
{
	unsigned long index;
	void *bits;

	xa_for_each(&dma->log, index, bits)
		kfree(bits);
	xa_destroy(&dma->log);
	dma->log_all = false;
}

/**
 * mdm_log_close - the device is being closed: logging ends
 * @dma: guest memory
 *
 * Context: @dma->lock held; nobody writes guest memory any more.
 */
void mdm_log_close(struct mdm_dma *dma)
{
	lockdep_assert_held(&dma->lock);
	WRITE_ONCE(dma->logging, false);
	free_log(dma);
}

static unsigned long *log_bits(struct mdm_dma *dma, unsigned long index)
{
	unsigned long *bits = xa_load(&dma->log, index), *old;

	if (bits)
		return bits;
	bits = kzalloc(MDM_LOG_BITS / BITS_PER_BYTE, GFP_ATOMIC | __GFP_NOWARN);
	if (!bits)
		return NULL;
	old = xa_cmpxchg_bh(&dma->log, index, NULL, bits,
			    GFP_ATOMIC | __GFP_NOWARN);
	if (!old)
		return bits;
	kfree(bits);
	return xa_is_err(old) ? NULL : old;
}

/**
 * mdm_log_written - guest memory was written
 * @dma: guest memory
 * @iova: where
 * @len: how much
 *
 * Context: Any but hard interrupt; after the write, in the same RCU section.
 */
void mdm_log_written(struct mdm_dma *dma, u64 iova, size_t len)
{
	u64 page, last = (iova + len - 1) >> PAGE_SHIFT;
	unsigned long *bits;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "write and log apart");
	if (!len || !READ_ONCE(dma->logging))
		return;
	for (page = iova >> PAGE_SHIFT; page <= last; page++) {
		bits = log_bits(dma, page >> MDM_LOG_SHIFT);
		if (!bits) {
			/* Too much reported is right, too little is not. */
			WRITE_ONCE(dma->log_all, true);
			return;
		}
		set_bit(page & (MDM_LOG_BITS - 1), bits);
	}
}

static int log_start(struct vfio_device *vdev, struct rb_root_cached *ranges,
		     u32 nnodes, u64 *page_size)
{
	struct mdm_dma *dma = to_mdm(vdev)->dma;

	guard(mutex)(&dma->lock);
	if (dma->logging)
		return -EINVAL;
	WRITE_ONCE(dma->logging, true);
	/* Who did not see this has written before START returns. */
	synchronize_rcu();
	mdm_dma_choose(dma);
	*page_size = PAGE_SIZE;
	return 0;
}

static int log_stop(struct vfio_device *vdev)
{
	struct mdm_dma *dma = to_mdm(vdev)->dma;

	guard(mutex)(&dma->lock);
	if (!dma->logging)
		return -EINVAL;
	WRITE_ONCE(dma->logging, false);
	synchronize_rcu();
	free_log(dma);
	mdm_dma_choose(dma);
	return 0;
}

/* Move the bits of pages @from to @to, both in this bitmap, to @copy. */
static void take_bits(unsigned long *bits, unsigned long *copy,
		      unsigned long from, unsigned long to)
{
	unsigned long bit;

	bitmap_zero(copy, MDM_LOG_BITS);
	for (bit = find_next_bit(bits, to + 1, from); bit <= to;
	     bit = find_next_bit(bits, to + 1, bit + 1)) {
		if (test_and_clear_bit(bit, bits))
			__set_bit(bit, copy);
	}
}

/*
 * The next bitmap from @index on that has pages in [@first, @last]: its bits go
 * to @copy. Returns 1, 0 if there is none, -EAGAIN if all pages are to be
 * reported, -EINVAL if there is no log.
 */
static int take_log(struct mdm_dma *dma, unsigned long *index, u64 first,
		    u64 last, unsigned long *copy)
{
	unsigned long *bits;
	u64 base;

	guard(mutex)(&dma->lock);
	if (!dma->logging)
		return -EINVAL;
	if (READ_ONCE(dma->log_all))
		return -EAGAIN;
	bits = xa_find(&dma->log, index, last >> MDM_LOG_SHIFT, XA_PRESENT);
	if (!bits)
		return 0;
	base = (u64)*index << MDM_LOG_SHIFT;
	take_bits(bits, copy, first > base ? first - base : 0,
		  min_t(u64, last - base, MDM_LOG_BITS - 1));
	return 1;
}

/*
 * iova_bitmap_set() touches user memory, and may wait for userspace there: no
 * lock is held meanwhile.
 */
static int log_read_and_clear(struct vfio_device *vdev, unsigned long iova,
			      unsigned long length, struct iova_bitmap *dirty)
{
	unsigned long *copy __free(bitmap) = NULL;
	struct mdm_dma *dma = to_mdm(vdev)->dma;
	unsigned long index, bit;
	u64 first, last, base;
	int ret;

	if (!length)
		return -EINVAL;
	copy = bitmap_alloc(MDM_LOG_BITS, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	first = iova >> PAGE_SHIFT;
	last = (iova + length - 1) >> PAGE_SHIFT;
	index = first >> MDM_LOG_SHIFT;
	while ((ret = take_log(dma, &index, first, last, copy)) > 0) {
		base = (u64)index++ << MDM_LOG_SHIFT;
		for_each_set_bit(bit, copy, MDM_LOG_BITS)
			iova_bitmap_set(dirty, (base + bit) << PAGE_SHIFT,
					PAGE_SIZE);
	}
	if (ret == -EAGAIN) {
		iova_bitmap_set(dirty, iova, length);
		ret = 0;
	}
	return ret;
}

const struct vfio_log_ops mdm_log_ops = {
	.log_start = log_start,
	.log_stop = log_stop,
	.log_read_and_clear = log_read_and_clear,
};
