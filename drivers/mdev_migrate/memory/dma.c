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

/**
 * mdev_migrate_memory_create - guest memory of a device, which is closed
 * @vdev: the device, being initialised
 *
 * Context: May sleep.
 * Return: the guest memory, for mdev_migrate_memory_destroy(), or NULL.
 */
struct mdev_migrate_memory *
mdev_migrate_memory_create(struct vfio_device *vdev)
	__context_unsafe(/* being made */)
{
	struct mdev_migrate_memory *mem;

	mem = kzalloc_obj(*mem, GFP_KERNEL_ACCOUNT);
	if (!mem)
		return NULL;
	mem->vdev = vdev;
	mutex_init(&mem->log_lock);
	mutex_init(&mem->sync_lock);
	INIT_LIST_HEAD(&mem->readers);
	spin_lock_init(&mem->lock);
	xa_init_flags(&mem->blocks, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&mem->maps);
	INIT_LIST_HEAD(&mem->ops);
	init_waitqueue_head(&mem->ops_wait);
	mem->short_until = jiffies;
	mem->refused_until = jiffies;
	mem->away_until = jiffies;
	mem->cached = true;
	mdm_drop_create(mem);
	INIT_DELAYED_WORK(&mem->watchdog, mdm_op_watchdog);
	INIT_DELAYED_WORK(&mem->unmap_watch, mdm_unmap_watch);
	mdm_drop_nothing(mem);
	mdm_log_init(mem);
	mdev_migrate_reader_add(mem, &mem->own);
	return mem;
}
EXPORT_SYMBOL_GPL(mdev_migrate_memory_create);

/**
 * mdm_dma_has_container - is the device in a type1 container?
 * @mem: guest memory
 *
 * Return: whether; else in an iommufd. Fixed while the device is open.
 */
bool mdm_dma_has_container(const struct mdev_migrate_memory *mem)
{
#if IS_ENABLED(CONFIG_IOMMUFD)
	if (mem->vdev->iommufd_access)
		return false;
#endif
	return true;
}

/**
 * mdev_migrate_memory_open - the device is being opened
 * @mem: the device's guest memory
 *
 * What is allocated from here on is charged to the process that opens it.
 *
 * Context: May sleep; in the context of the process that opens the device.
 * Return: 0 or a negative errno.
 */
int mdev_migrate_memory_open(struct mdev_migrate_memory *mem)
{
	struct mdev_migrate_worker *unpinner = NULL;
	int ret = 0;

	if (mdm_dma_has_container(mem)) {
		unpinner = mdev_migrate_worker_create(mem, "unpin");
		if (IS_ERR(unpinner))
			return PTR_ERR(unpinner);
	}
	mem->memcg = get_mem_cgroup_from_mm(current->mm);
	mem->mm = current->mm;
	if (mem->mm)
		mmgrab(mem->mm);
	mem->task = get_task_struct(current->group_leader);
	/* Only type1 writes to the log when the limit is reached. */
	mem->unlimited = !mdm_dma_has_container(mem) || capable(CAP_IPC_LOCK);

	/* It knows which worker had it last. */
	kthread_init_work(&mem->drop, mdm_drop_asked);
	spin_lock(&mem->lock);
	mdm_marks_open(mem);
	mem->closing = false;
	mem->unpinner = unpinner;
	spin_unlock(&mem->lock);
	mdm_unmap_open(mem);
	if (unpinner)
		ret = mdm_drop_open(mem);
	ret = ret ?: mdm_calls_open(mem);
	if (ret)
		mdev_migrate_memory_close(mem);
	return ret;
}
EXPORT_SYMBOL_GPL(mdev_migrate_memory_open);

/**
 * mdev_migrate_memory_closing - the device is about to be closed
 * @mem: the device's guest memory
 *
 * The first thing that close_device() does. What is unpinned from here on somebody waits for.
 *
 * Context: May sleep.
 */
void mdev_migrate_memory_closing(struct mdev_migrate_memory *mem)
{
	guard(spinlock)(&mem->lock);
	mem->closing = true;
}
EXPORT_SYMBOL_GPL(mdev_migrate_memory_closing);

/**
 * mdev_migrate_memory_close - the device is being closed
 * @mem: the device's guest memory; its maps are unmapped, its pins undone
 *
 * Nothing stays pinned, and nobody unpins any more. The IOMMU backends call dma_unmap even
 * after this.
 *
 * Context: May sleep.
 */
void mdev_migrate_memory_close(struct mdev_migrate_memory *mem)
{
	struct mdev_migrate_worker *unpinner;

	scoped_guard(spinlock, &mem->lock)
		WARN_ON(!list_empty(&mem->maps));
	mdm_unmap_close(mem);
	mdm_dma_drop_range(mem, 0, ULONG_MAX, false);
	mdm_unmap_wait(mem);
	mdm_log_close(mem);
	mdev_migrate_memory_set_saving(mem, false);

	spin_lock(&mem->lock);
	unpinner = mem->unpinner;
	mem->unpinner = NULL;
	spin_unlock(&mem->lock);
	if (unpinner)
		mdev_migrate_worker_destroy(unpinner);
	mdm_drop_close(mem);

	mdm_calls_close(mem);
	mem_cgroup_put(mem->memcg);
	mem->memcg = NULL;
	if (mem->mm)
		mmdrop(mem->mm);
	mem->mm = NULL;
	put_task_struct(mem->task);
	mem->task = NULL;
}
EXPORT_SYMBOL_GPL(mdev_migrate_memory_close);

/**
 * mdev_migrate_memory_destroy - undo mdev_migrate_memory_create()
 * @mem: the guest memory; the device is closed
 *
 * Context: May sleep.
 */
void mdev_migrate_memory_destroy(struct mdev_migrate_memory *mem)
{
	cancel_delayed_work_sync(&mem->watchdog);
	cancel_delayed_work_sync(&mem->unmap_watch);
	mdm_log_close(mem);
	xa_destroy(&mem->log);
	xa_destroy(&mem->blocks);
	mdm_calls_destroy(mem);
	mutex_destroy(&mem->sync_lock);
	mutex_destroy(&mem->log_lock);
	kfree(mem);
}
EXPORT_SYMBOL_GPL(mdev_migrate_memory_destroy);

/**
 * mdev_migrate_reader_add - there is a reader of guest memory
 * @mem: the device's guest memory
 * @reader: the reader
 *
 * Context: May sleep.
 */
void mdev_migrate_reader_add(struct mdev_migrate_memory *mem,
			     struct mdev_migrate_reader *reader)
{
	spin_lock_init(&reader->lock);
	guard(mutex)(&mem->sync_lock);
	list_add_tail(&reader->node, &mem->readers);
}
EXPORT_SYMBOL_GPL(mdev_migrate_reader_add);

/**
 * mdev_migrate_reader_remove - undo mdev_migrate_reader_add()
 * @mem: the device's guest memory
 * @reader: the reader; in no section
 *
 * Context: May sleep.
 */
void mdev_migrate_reader_remove(struct mdev_migrate_memory *mem,
				struct mdev_migrate_reader *reader)
{
	guard(mutex)(&mem->sync_lock);
	list_del(&reader->node);
}
EXPORT_SYMBOL_GPL(mdev_migrate_reader_remove);

/**
 * mdm_dma_sync - wait until all readers have left the sections they are in
 * @mem: guest memory
 *
 * A grace period of our own: RCU's takes 10 to 30 ms, or disturbs every
 * processor of the host. A section takes as long as copying a batch of packets.
 *
 * Context: May sleep; mem->lock is not held.
 */
void mdm_dma_sync(struct mdev_migrate_memory *mem)
{
	struct mdev_migrate_reader *reader;

	guard(mutex)(&mem->sync_lock);
	list_for_each_entry(reader, &mem->readers, node) {
		spin_lock_bh(&reader->lock);
		spin_unlock_bh(&reader->lock);
	}
}

static size_t copy_cached(struct mdev_migrate_memory *mem, u64 iova, void *buf,
			  size_t len, bool write)
{
	size_t n;

	mdev_migrate_reader_enter(&mem->own);
	n = mdm_cache_copy(mem, iova, buf, len, write);
	mdev_migrate_reader_exit(&mem->own);
	return n;
}

/* A part of a page: through the cache, or past it. */
static int access_part(struct mdev_migrate_memory *mem, u64 iova, void *buf,
		       size_t len, bool write)
{
	unsigned int tries;
	int ret;

	for (tries = 0; tries < CACHE_TRIES; tries++) {
		ret = mdm_cache_add(mem, iova >> PAGE_SHIFT, write);
		if (ret == -EAGAIN)
			break;
		if (ret)
			return ret;
		if (copy_cached(mem, iova, buf, len, write) == len)
			return 0;
	}
	return mdm_dma_copy(mem, iova, buf, len, write);
}

static int dma_access(struct mdev_migrate_memory *mem, u64 iova, void *buf,
		      size_t len, bool write)
{
	u64 end;
	int ret;

	might_sleep();
	if (check_add_overflow(iova, (u64)len, &end))
		return -EFAULT;
	while (len) {
		size_t n = copy_cached(mem, iova, buf, len, write);

		if (!n) {
			n = min_t(size_t, len,
				  PAGE_SIZE - offset_in_page(iova));
			ret = access_part(mem, iova, buf, n, write);
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
 * @mem: the device's guest memory, open
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
int mdev_migrate_dma_read(struct mdev_migrate_memory *mem, u64 iova, void *buf,
			  size_t len)
{
	return dma_access(mem, iova, buf, len, false);
}
EXPORT_SYMBOL_GPL(mdev_migrate_dma_read);

/**
 * mdev_migrate_dma_write - write guest memory
 * @mem: the device's guest memory, open
 * @iova: where
 * @buf: what
 * @len: how much
 *
 * Context: As mdev_migrate_dma_read().
 * Return: As mdev_migrate_dma_read(); also -EFAULT if the memory is read-only.
 * On error part may be written.
 */
int mdev_migrate_dma_write(struct mdev_migrate_memory *mem, u64 iova,
			   const void *buf, size_t len)
{
	return dma_access(mem, iova, (void *)buf, len, true);
}
EXPORT_SYMBOL_GPL(mdev_migrate_dma_write);

/**
 * mdev_migrate_dma_read_atomic - read guest memory that is at hand
 * @mem: the device's guest memory, open
 * @iova: where
 * @buf: where to
 * @len: how much
 *
 * Context: Any but hard interrupt, in a section of a reader's.
 * Return: 0, or -EAGAIN if mdev_migrate_dma_read() has to do it.
 */
int mdev_migrate_dma_read_atomic(struct mdev_migrate_memory *mem, u64 iova,
				 void *buf, size_t len)
{
	if (iova + len < iova)
		return -EAGAIN;
	return mdm_cache_copy(mem, iova, buf, len, false) == len ?
	       0 : -EAGAIN;
}
EXPORT_SYMBOL_GPL(mdev_migrate_dma_read_atomic);

/**
 * mdev_migrate_dma_write_atomic - write guest memory that is at hand
 * @mem: the device's guest memory, open
 * @iova: where
 * @buf: what
 * @len: how much
 *
 * Context: Any but hard interrupt, in a section of a reader's.
 * Return: 0, or -EAGAIN if mdev_migrate_dma_write() has to do it, from the
 * beginning.
 */
int mdev_migrate_dma_write_atomic(struct mdev_migrate_memory *mem, u64 iova,
				  const void *buf, size_t len)
{
	if (iova + len < iova)
		return -EAGAIN;
	return mdm_cache_copy(mem, iova, (void *)buf, len, true) == len ?
	       0 : -EAGAIN;
}
EXPORT_SYMBOL_GPL(mdev_migrate_dma_write_atomic);

/**
 * mdm_dma_choose - use the cache or vfio_dma_rw() from here on
 * @mem: guest memory
 *
 * Context: May sleep.
 */
void mdm_dma_choose(struct mdev_migrate_memory *mem)
{
	bool cached;

	spin_lock(&mem->lock);
	cached = !mem->saving || mem->logging;
	WRITE_ONCE(mem->cached, cached);
	spin_unlock(&mem->lock);
	/* Who is about to add a page looks again before it does. */
	if (!cached)
		mdm_dma_drop_range(mem, 0, ULONG_MAX, false);
}

/**
 * mdev_migrate_memory_set_saving - the pre-copy states begin or end
 * @mem: the device's guest memory, open
 * @saving: the device is in them
 *
 * Without DMA logging nothing stays pinned in them but maps, so that type1 counts
 * as dirty what the device writes, and no more.
 *
 * Context: May sleep.
 */
void mdev_migrate_memory_set_saving(struct mdev_migrate_memory *mem,
				    bool saving)
{
	spin_lock(&mem->lock);
	mem->saving = saving;
	spin_unlock(&mem->lock);
	mdm_dma_choose(mem);
}
EXPORT_SYMBOL_GPL(mdev_migrate_memory_set_saving);
