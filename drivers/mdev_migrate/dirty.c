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

static void report_bits(unsigned long *bits, u64 base, u64 first, u64 last,
			struct iova_bitmap *dirty)
{
	unsigned long from = first > base ? first - base : 0;
	unsigned long to = min_t(u64, last - base, MDM_LOG_BITS - 1) + 1;
	unsigned long bit;

	for (bit = find_next_bit(bits, to, from); bit < to;
	     bit = find_next_bit(bits, to, bit + 1)) {
		if (test_and_clear_bit(bit, bits))
			iova_bitmap_set(dirty, (base + bit) << PAGE_SHIFT,
					PAGE_SIZE);
	}
}

static int log_read_and_clear(struct vfio_device *vdev, unsigned long iova,
			      unsigned long length, struct iova_bitmap *dirty)
{
	struct mdm_dma *dma = to_mdm(vdev)->dma;
	u64 first, last;
	unsigned long index;
	void *bits;

	guard(mutex)(&dma->lock);
	if (!dma->logging || !length)
		return -EINVAL;
	if (READ_ONCE(dma->log_all)) {
		iova_bitmap_set(dirty, iova, length);
		return 0;
	}
	first = iova >> PAGE_SHIFT;
	last = (iova + length - 1) >> PAGE_SHIFT;
	xa_for_each_range(&dma->log, index, bits, first >> MDM_LOG_SHIFT,
			  last >> MDM_LOG_SHIFT)
		report_bits(bits, (u64)index << MDM_LOG_SHIFT, first, last,
			    dirty);
	return 0;
}

const struct vfio_log_ops mdm_log_ops = {
	.log_start = log_start,
	.log_stop = log_stop,
	.log_read_and_clear = log_read_and_clear,
};
