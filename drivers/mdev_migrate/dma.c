// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory. Two ways to it:
 *
 * - A cache of pinned pages. Fast, and usable where one cannot sleep.
 * - vfio_dma_rw(). Used while a migration may be tracking dirty pages in the
 *   container (type1): there every page that is pinned counts as dirty for as
 *   long as it is pinned, so that memory would never converge. vfio_dma_rw()
 *   marks just what it writes. Also used where nothing can be pinned now: what
 *   userspace has just unmapped, and when memory is short.
 *
 * With device DMA logging the cache is used throughout and dirty.c remembers
 * what was written.
 *
 * Rings are mapped for long, in all cases: see map.c. The lock order is in
 * dma.h.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "dma.h"
#include "worker.h"

/* Userspace can unmap a page as soon as it is cached; then do without. */
#define CACHE_TRIES	4

int mdm_dma_create(struct mdev_migrate_device *mdm)
{
	struct mdm_dma *dma;

	dma = kzalloc_obj(*dma, GFP_KERNEL_ACCOUNT);
	if (!dma)
		return -ENOMEM;
	dma->mdm = mdm;
	mutex_init(&dma->log_lock);
	mutex_init(&dma->sync_lock);
	INIT_LIST_HEAD(&dma->readers);
	spin_lock_init(&dma->lock);
	xa_init_flags(&dma->blocks, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&dma->maps);
	INIT_LIST_HEAD(&dma->ops);
	init_waitqueue_head(&dma->ops_wait);
	dma->short_until = jiffies;
	dma->refused_until = jiffies;
	dma->away_until = jiffies;
	dma->cached = true;
	mdm_drop_create(dma);
	INIT_DELAYED_WORK(&dma->watchdog, mdm_op_watchdog);
	INIT_DELAYED_WORK(&dma->unmap_watch, mdm_unmap_watch);
	mdm_drop_nothing(dma);
	mdm_log_init(dma);
	mdm->dma = dma;
	mdev_migrate_reader_add(mdm, &dma->own);
	return 0;
}

/**
 * mdm_dma_has_container - is the device in a type1 container?
 * @dma: guest memory
 *
 * Return: whether; else in an iommufd. Fixed while the device is open.
 */
bool mdm_dma_has_container(const struct mdm_dma *dma)
{
#if IS_ENABLED(CONFIG_IOMMUFD)
	if (dma->mdm->vdev.iommufd_access)
		return false;
#endif
	return true;
}

/**
 * mdm_dma_open - the device is being opened
 * @mdm: the device
 *
 * What is allocated from here on is charged to the process that opens it.
 *
 * Return: 0 or a negative errno.
 */
int mdm_dma_open(struct mdev_migrate_device *mdm)
{
	struct mdev_migrate_worker *unpinner = NULL;
	struct mdm_dma *dma = mdm->dma;
	int ret = 0;

	if (mdm_dma_has_container(dma)) {
		unpinner = mdev_migrate_worker_create(mdm, "unpin");
		if (IS_ERR(unpinner))
			return PTR_ERR(unpinner);
	}
	dma->memcg = get_mem_cgroup_from_mm(current->mm);
	dma->mm = current->mm;
	if (dma->mm)
		mmgrab(dma->mm);
	dma->task = get_task_struct(current->group_leader);
	/* Only type1 writes to the log when the limit is reached. */
	dma->unlimited = !mdm_dma_has_container(dma) || capable(CAP_IPC_LOCK);

	/* It knows which worker had it last. */
	kthread_init_work(&dma->drop, mdm_drop_asked);
	spin_lock(&dma->lock);
	mdm_marks_open(dma);
	dma->closing = false;
	dma->unpinner = unpinner;
	spin_unlock(&dma->lock);
	mdm_unmap_open(dma);
	if (unpinner)
		ret = mdm_drop_open(dma);
	ret = ret ?: mdm_calls_open(dma);
	if (ret)
		mdm_dma_close(mdm);
	return ret;
}

/**
 * mdm_dma_closing - the device is about to be closed
 * @mdm: the device, open
 *
 * What is unpinned from here on somebody waits for.
 */
void mdm_dma_closing(struct mdev_migrate_device *mdm)
{
	guard(spinlock)(&mdm->dma->lock);
	mdm->dma->closing = true;
}

/**
 * mdm_dma_close - the device is being closed, or could not be opened
 * @mdm: the device; the model has unmapped its maps
 *
 * Nothing stays pinned, and nobody unpins any more. The IOMMU backends call dma_unmap even
 * after this.
 */
void mdm_dma_close(struct mdev_migrate_device *mdm)
{
	struct mdev_migrate_worker *unpinner;
	struct mdm_dma *dma = mdm->dma;

	WARN_ON(!list_empty(&dma->maps));
	mdm_unmap_close(dma);
	mdm_dma_drop_range(dma, 0, ULONG_MAX, false);
	mdm_unmap_wait(dma);
	mdm_log_close(dma);
	dma->saving = false;
	mdm_dma_choose(dma);

	spin_lock(&dma->lock);
	unpinner = dma->unpinner;
	dma->unpinner = NULL;
	spin_unlock(&dma->lock);
	if (unpinner)
		mdev_migrate_worker_destroy(unpinner);
	mdm_drop_close(dma);

	mdm_calls_close(dma);
	mem_cgroup_put(dma->memcg);
	dma->memcg = NULL;
	if (dma->mm)
		mmdrop(dma->mm);
	dma->mm = NULL;
	put_task_struct(dma->task);
	dma->task = NULL;
}

/**
 * mdm_dma_destroy - undo mdm_dma_create()
 * @mdm: the device
 */
void mdm_dma_destroy(struct mdev_migrate_device *mdm)
{
	struct mdm_dma *dma = mdm->dma;

	cancel_delayed_work_sync(&dma->watchdog);
	cancel_delayed_work_sync(&dma->unmap_watch);
	mdm_log_close(dma);
	xa_destroy(&dma->log);
	xa_destroy(&dma->blocks);
	mdm_calls_destroy(dma);
	mutex_destroy(&dma->sync_lock);
	mutex_destroy(&dma->log_lock);
	kfree(dma);
	mdm->dma = NULL;
}

/**
 * mdev_migrate_reader_add - there is a reader of guest memory
 * @mdm: the device
 * @reader: the reader
 *
 * Context: May sleep.
 */
void mdev_migrate_reader_add(struct mdev_migrate_device *mdm,
			     struct mdev_migrate_reader *reader)
{
	struct mdm_dma *dma = mdm->dma;

	spin_lock_init(&reader->lock);
	guard(mutex)(&dma->sync_lock);
	list_add_tail(&reader->node, &dma->readers);
}
EXPORT_SYMBOL_GPL(mdev_migrate_reader_add);

/**
 * mdev_migrate_reader_remove - undo mdev_migrate_reader_add()
 * @mdm: the device
 * @reader: the reader; in no section
 *
 * Context: May sleep.
 */
void mdev_migrate_reader_remove(struct mdev_migrate_device *mdm,
				struct mdev_migrate_reader *reader)
{
	struct mdm_dma *dma = mdm->dma;

	guard(mutex)(&dma->sync_lock);
	list_del(&reader->node);
}
EXPORT_SYMBOL_GPL(mdev_migrate_reader_remove);

/**
 * mdm_dma_sync - wait until all readers have left the sections they are in
 * @dma: guest memory
 *
 * A grace period of our own: RCU's takes 10 to 30 ms, or disturbs every
 * processor of the host. A section takes as long as copying a batch of packets.
 *
 * Context: May sleep; dma->lock is not held.
 */
void mdm_dma_sync(struct mdm_dma *dma)
{
	struct mdev_migrate_reader *reader;

	guard(mutex)(&dma->sync_lock);
	list_for_each_entry(reader, &dma->readers, node) {
		spin_lock_bh(&reader->lock);
		spin_unlock_bh(&reader->lock);
	}
}

static size_t copy_cached(struct mdm_dma *dma, u64 iova, void *buf, size_t len,
			  bool write)
{
	size_t n;

	mdev_migrate_reader_enter(&dma->own);
	n = mdm_cache_copy(dma, iova, buf, len, write);
	mdev_migrate_reader_exit(&dma->own);
	return n;
}

/* A part of a page: through the cache, or past it. */
static int access_part(struct mdm_dma *dma, u64 iova, void *buf, size_t len,
		       bool write)
{
	unsigned int tries;
	int ret;

	for (tries = 0; tries < CACHE_TRIES; tries++) {
		ret = mdm_cache_add(dma, iova >> PAGE_SHIFT, write);
		if (ret == -EAGAIN)
			break;
		if (ret)
			return ret;
		if (copy_cached(dma, iova, buf, len, write) == len)
			return 0;
	}
	return mdm_dma_copy(dma, iova, buf, len, write);
}

static int dma_access(struct mdev_migrate_device *mdm, u64 iova, void *buf,
		      size_t len, bool write)
{
	struct mdm_dma *dma = mdm->dma;
	u64 end;
	int ret;

	might_sleep();
	if (check_add_overflow(iova, (u64)len, &end))
		return -EFAULT;
	while (len) {
		size_t n = copy_cached(dma, iova, buf, len, write);

		if (!n) {
			n = min_t(size_t, len,
				  PAGE_SIZE - offset_in_page(iova));
			ret = access_part(dma, iova, buf, n, write);
			if (ret)
				return ret;
		}
		iova += n;
		buf += n;
		len -= n;
	}
	return 0;
}

/**
 * mdev_migrate_dma_read - read guest memory
 * @mdm: the device, open
 * @iova: where
 * @buf: where to
 * @len: how much
 *
 * Context: May sleep, for as long as userspace likes: under no lock that
 * another user's process can wait for. In a worker (mdev_migrate_worker_create())
 * or in the VFIO user's own context; in no section.
 * Return: 0; -EFAULT if there is no such memory; -EIO if there is, but not the
 * page; -ENOMEM, -EAGAIN or -EINTR if it can be tried again a little later. On
 * error @buf is undefined.
 */
int mdev_migrate_dma_read(struct mdev_migrate_device *mdm, u64 iova, void *buf,
			  size_t len)
{
	return dma_access(mdm, iova, buf, len, false);
}
EXPORT_SYMBOL_GPL(mdev_migrate_dma_read);

/**
 * mdev_migrate_dma_write - write guest memory
 * @mdm: the device, open
 * @iova: where
 * @buf: what
 * @len: how much
 *
 * Context: As mdev_migrate_dma_read().
 * Return: As mdev_migrate_dma_read(); also -EFAULT if the memory is read-only.
 * On error part may be written.
 */
int mdev_migrate_dma_write(struct mdev_migrate_device *mdm, u64 iova,
			   const void *buf, size_t len)
{
	return dma_access(mdm, iova, (void *)buf, len, true);
}
EXPORT_SYMBOL_GPL(mdev_migrate_dma_write);

/**
 * mdev_migrate_dma_read_atomic - read guest memory that is at hand
 * @mdm: the device, open
 * @iova: where
 * @buf: where to
 * @len: how much
 *
 * Context: Any but hard interrupt, in a section of a reader's.
 * Return: 0, or -EAGAIN if mdev_migrate_dma_read() has to do it.
 */
int mdev_migrate_dma_read_atomic(struct mdev_migrate_device *mdm, u64 iova,
				 void *buf, size_t len)
{
	if (iova + len < iova)
		return -EAGAIN;
	return mdm_cache_copy(mdm->dma, iova, buf, len, false) == len ?
	       0 : -EAGAIN;
}
EXPORT_SYMBOL_GPL(mdev_migrate_dma_read_atomic);

/**
 * mdev_migrate_dma_write_atomic - write guest memory that is at hand
 * @mdm: the device, open
 * @iova: where
 * @buf: what
 * @len: how much
 *
 * Context: Any but hard interrupt, in a section of a reader's.
 * Return: 0, or -EAGAIN if mdev_migrate_dma_write() has to do it, from the
 * beginning.
 */
int mdev_migrate_dma_write_atomic(struct mdev_migrate_device *mdm, u64 iova,
				  const void *buf, size_t len)
{
	if (iova + len < iova)
		return -EAGAIN;
	return mdm_cache_copy(mdm->dma, iova, (void *)buf, len, true) == len ?
	       0 : -EAGAIN;
}
EXPORT_SYMBOL_GPL(mdev_migrate_dma_write_atomic);

/**
 * mdm_dma_choose - use the cache or vfio_dma_rw() from here on
 * @dma: guest memory
 *
 * Context: May sleep.
 */
void mdm_dma_choose(struct mdm_dma *dma)
{
	bool cached;

	spin_lock(&dma->lock);
	cached = !dma->saving || dma->logging;
	WRITE_ONCE(dma->cached, cached);
	spin_unlock(&dma->lock);
	/* Who is about to add a page looks again before it does. */
	if (!cached)
		mdm_dma_drop_range(dma, 0, ULONG_MAX, false);
}

/**
 * mdm_dma_set_saving - the device enters or leaves the pre-copy states
 * @mdm: the device, open
 * @saving: in them
 */
void mdm_dma_set_saving(struct mdev_migrate_device *mdm, bool saving)
{
	struct mdm_dma *dma = mdm->dma;

	spin_lock(&dma->lock);
	dma->saving = saving;
	spin_unlock(&dma->lock);
	mdm_dma_choose(dma);
}
