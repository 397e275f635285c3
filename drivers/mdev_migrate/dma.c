// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory. Two ways to it:
 *
 * - A cache of pinned pages. Fast, and usable where one cannot sleep. Readers
 *   are under RCU; who unpins waits for them first.
 * - vfio_dma_rw(), one page after the other. Used while a migration may be
 *   tracking dirty pages in the container (type1): there every page that is
 *   pinned counts as dirty for as long as it is pinned, so that memory would
 *   never converge. vfio_dma_rw() marks just what it writes.
 *
 * With device DMA logging the cache is used throughout and dirty.c remembers
 * what was written.
 *
 * Rings are mapped for long, in all cases: see map.c.
 */
#include <linux/highmem.h>
#include <linux/slab.h>

#include "dma.h"

/* A tagged pointer looks like a value to the XArray: compare, do not ask. */
#define PAGE_WRITABLE	1UL
#define PAGE_GONE	xa_mk_value(0)

#define DROP_TIMEOUT	HZ

static void drop_work(struct work_struct *work);

int mdm_dma_create(struct mdev_migrate_device *mdm)
{
	struct mdm_dma *dma;

	dma = kzalloc_obj(*dma, GFP_KERNEL_ACCOUNT);
	if (!dma)
		return -ENOMEM;
	dma->mdm = mdm;
	mutex_init(&dma->lock);
	xa_init_flags(&dma->pages, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&dma->maps);
	dma->cached = true;
	INIT_WORK(&dma->drop, drop_work);
	spin_lock_init(&dma->drop_lock);
	dma->drop_first = U64_MAX;
	init_waitqueue_head(&dma->drop_wait);
	mdm_log_init(dma);
	mdm->dma = dma;
	return 0;
}

/* Errors of the backends for "there is no such memory", as one. */
static int pin_errno(int ret)
{
	switch (ret) {
	case -ENOMEM:
	case -EINTR:
		return ret;
	default:
		return -EFAULT;
	}
}

/**
 * mdm_dma_pin - pin pages that belong together
 * @dma: guest memory
 * @iova: the first page
 * @nr: how many
 * @prot: IOMMU_READ, IOMMU_WRITE
 * @pages: the result
 *
 * Context: @dma->lock held. To be unpinned as a whole.
 * Return: 0, -EFAULT if there is no such memory, -ENOMEM, -EINTR.
 */
int mdm_dma_pin(struct mdm_dma *dma, u64 iova, unsigned int nr, int prot,
		struct page **pages)
{
	struct vfio_device *vdev = &dma->mdm->vdev;
	int ret;

	lockdep_assert_held(&dma->lock);
	ret = vfio_pin_pages(vdev, iova, nr, prot, pages);
	if (ret == nr)
		return 0;
	if (ret > 0)
		vfio_unpin_pages(vdev, iova, ret);
	return ret < 0 ? pin_errno(ret) : -EFAULT;
}

/*
 * Let go of all cached pages in a range: first no reader finds them any more,
 * then none has one any more, then they are unpinned.
 */
static void drop_pages(struct mdm_dma *dma, u64 first, u64 last)
{
	unsigned long index;
	bool any = false;
	void *entry;

	lockdep_assert_held(&dma->lock);
	xa_for_each_range(&dma->pages, index, entry, first, last) {
		/* In place of an entry: needs no memory. */
		xa_store(&dma->pages, index, PAGE_GONE, GFP_KERNEL);
		any = true;
	}
	if (!any)
		return;
	synchronize_rcu();
	xa_for_each_range(&dma->pages, index, entry, first, last) {
		xa_erase(&dma->pages, index);
		vfio_unpin_pages(&dma->mdm->vdev, (u64)index << PAGE_SHIFT, 1);
		dma->nr_pages--;
	}
}

/*
 * Make room for a page: some go, each in its turn. Readers are waited for once
 * for all of them.
 */
static void evict_pages(struct mdm_dma *dma)
{
	unsigned long index, last;
	unsigned int n;
	void *entry;

	lockdep_assert_held(&dma->lock);
	while (dma->nr_pages >= MDM_DMA_MAX_CACHED) {
		n = 0;
		last = ULONG_MAX;
		xa_for_each_start(&dma->pages, index, entry, dma->hand) {
			if (++n < MDM_DMA_EVICT)
				continue;
			last = index;
			break;
		}
		drop_pages(dma, dma->hand, last);
		/* Behind the last page is the first. */
		dma->hand = last + 1;
	}
}

static int pin_cached(struct mdm_dma *dma, u64 index, bool write)
{
	u64 iova = index << PAGE_SHIFT;
	unsigned long tag = PAGE_WRITABLE;
	struct page *page;
	void *entry;
	int ret;

	lockdep_assert_held(&dma->lock);
	entry = xa_load(&dma->pages, index);
	if (entry)
		return write && !xa_pointer_tag(entry) ? -EFAULT : 0;
	evict_pages(dma);
	ret = mdm_dma_pin(dma, iova, 1, IOMMU_READ | IOMMU_WRITE, &page);
	if (ret == -EFAULT && !write) {
		/* Read-only memory is there too. */
		tag = 0;
		ret = mdm_dma_pin(dma, iova, 1, IOMMU_READ, &page);
	}
	if (ret)
		return ret;
	ret = xa_err(xa_store(&dma->pages, index, xa_tag_pointer(page, tag),
			      GFP_KERNEL_ACCOUNT));
	if (ret) {
		vfio_unpin_pages(&dma->mdm->vdev, iova, 1);
		return ret;
	}
	dma->nr_pages++;
	return 0;
}

static void copy_page_part(struct page *page, unsigned int offset, void *buf,
			   size_t len, bool write)
{
	void *addr = kmap_local_page(page);

	if (write)
		memcpy(addr + offset, buf, len);
	else
		memcpy(buf, addr + offset, len);
	kunmap_local(addr);
}

/* Returns how much, from the beginning: up to the first page that is not cached. */
static size_t copy_cached(struct mdm_dma *dma, u64 iova, void *buf, size_t len,
			  bool write)
{
	XA_STATE(xas, &dma->pages, iova >> PAGE_SHIFT);
	size_t done = 0;
	void *entry;

	rcu_read_lock();
	for (entry = xas_load(&xas); done < len; entry = xas_next(&xas)) {
		unsigned int offset = offset_in_page(iova + done);
		size_t n = min_t(size_t, len - done, PAGE_SIZE - offset);

		/* The tree was changed meanwhile. */
		while (xas_retry(&xas, entry))
			entry = xas_load(&xas);
		if (!entry || entry == PAGE_GONE ||
		    (write && !xa_pointer_tag(entry)))
			break;
		copy_page_part(xa_untag_pointer(entry), offset, buf + done, n,
			       write);
		done += n;
	}
	if (write && done)
		mdm_log_written(dma, iova, done);
	rcu_read_unlock();
	return done;
}

/* One page: into the cache and then again, or past it. */
static int access_slow(struct mdm_dma *dma, u64 iova, void *buf, size_t len,
		       bool write)
{
	int ret;

	mutex_lock(&dma->lock);
	if (dma->cached) {
		ret = pin_cached(dma, iova >> PAGE_SHIFT, write);
		mutex_unlock(&dma->lock);
		return ret ?: -EAGAIN;
	}
	mutex_unlock(&dma->lock);

	ret = vfio_dma_rw(&dma->mdm->vdev, iova, buf, len, write);
	if (ret)
		return pin_errno(ret);
	if (write) {
		rcu_read_lock();
		mdm_log_written(dma, iova, len);
		rcu_read_unlock();
	}
	return 0;
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
	for (;;) {
		size_t n = copy_cached(dma, iova, buf, len, write);

		iova += n;
		buf += n;
		len -= n;
		if (!len)
			return 0;
		n = min_t(size_t, len, PAGE_SIZE - offset_in_page(iova));
		ret = access_slow(dma, iova, buf, n, write);
		/* Userspace can unmap the page again; it has to be quick. */
		if (ret == -EAGAIN)
			continue;
		if (ret)
			return ret;
		iova += n;
		buf += n;
		len -= n;
	}
}

/**
 * mdev_migrate_dma_read - read guest memory
 * @mdm: the device, open
 * @iova: where
 * @buf: where to
 * @len: how much
 *
 * Context: May sleep; takes the DMA lock. In a kernel thread, a workqueue or
 * the VFIO user's own context, not on behalf of another process.
 * Return: 0, -EFAULT if there is no such memory, -ENOMEM; then @buf is
 * undefined.
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
 * Return: 0, -EFAULT if there is no such memory or it is read-only, -ENOMEM;
 * then part may be written.
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
 * Context: Any but hard interrupt.
 * Return: 0, or -EAGAIN if mdev_migrate_dma_read() has to do it.
 */
int mdev_migrate_dma_read_atomic(struct mdev_migrate_device *mdm, u64 iova,
				 void *buf, size_t len)
{
	if (iova + len < iova)
		return -EAGAIN;
	return copy_cached(mdm->dma, iova, buf, len, false) == len ? 0 :
								     -EAGAIN;
}
EXPORT_SYMBOL_GPL(mdev_migrate_dma_read_atomic);

/**
 * mdev_migrate_dma_write_atomic - write guest memory that is at hand
 * @mdm: the device, open
 * @iova: where
 * @buf: what
 * @len: how much
 *
 * Context: Any but hard interrupt.
 * Return: 0, or -EAGAIN if mdev_migrate_dma_write() has to do it, from the
 * beginning.
 */
int mdev_migrate_dma_write_atomic(struct mdev_migrate_device *mdm, u64 iova,
				  const void *buf, size_t len)
{
	if (iova + len < iova)
		return -EAGAIN;
	return copy_cached(mdm->dma, iova, (void *)buf, len, true) == len ?
	       0 : -EAGAIN;
}
EXPORT_SYMBOL_GPL(mdev_migrate_dma_write_atomic);

static bool uses(struct mdm_dma *dma, u64 first, u64 last)
{
	unsigned long index = first >> PAGE_SHIFT;
	struct mdev_migrate_map *map;

	lockdep_assert_held(&dma->lock);
	list_for_each_entry(map, &dma->maps, node) {
		if (mdm_map_overlaps(map, first, last))
			return true;
	}
	return xa_find(&dma->pages, &index, last >> PAGE_SHIFT, XA_PRESENT);
}

static void drop_range(struct mdm_dma *dma, u64 first, u64 last)
{
	struct mdev_migrate_map *map;
	bool any = false;

	lockdep_assert_held(&dma->lock);
	list_for_each_entry(map, &dma->maps, node) {
		if (!mdm_map_overlaps(map, first, last))
			continue;
		RCU_INIT_POINTER(map->addr, NULL);
		any = true;
	}
	if (any)
		synchronize_rcu();
	list_for_each_entry(map, &dma->maps, node) {
		if (mdm_map_overlaps(map, first, last))
			mdm_map_drop(dma, map);
	}
	drop_pages(dma, first >> PAGE_SHIFT, last >> PAGE_SHIFT);
}

static void drop_work(struct work_struct *work)
{
	struct mdm_dma *dma = container_of(work, struct mdm_dma, drop);
	unsigned long asked;
	u64 first, last;

	spin_lock(&dma->drop_lock);
	first = dma->drop_first;
	last = dma->drop_last;
	dma->drop_first = U64_MAX;
	dma->drop_last = 0;
	asked = dma->drops_asked;
	spin_unlock(&dma->drop_lock);

	if (first <= last) {
		mutex_lock(&dma->lock);
		drop_range(dma, first, last);
		mutex_unlock(&dma->lock);
	}
	WRITE_ONCE(dma->drops_done, asked);
	wake_up_all(&dma->drop_wait);
}

static void drop_range_elsewhere(struct mdm_dma *dma, u64 first, u64 last)
{
	unsigned long asked;

	spin_lock(&dma->drop_lock);
	dma->drop_first = min(dma->drop_first, first);
	dma->drop_last = max(dma->drop_last, last);
	asked = ++dma->drops_asked;
	spin_unlock(&dma->drop_lock);
	schedule_work(&dma->drop);
	wait_event_timeout(dma->drop_wait,
			   (long)(READ_ONCE(dma->drops_done) - asked) >= 0,
			   DROP_TIMEOUT);
}

/**
 * mdm_dma_unmap - userspace unmaps memory
 * @mdm: the device, open or about to be closed
 * @iova: where
 * @length: how much
 *
 * type1 calls this under its device_list_lock. Unpinning takes its lock, and
 * when another device joins the container type1 takes these two the other way
 * round: who unpins right here can deadlock. So another thread unpins, and the
 * wait for it is bounded. Type1 and iommufd ask a few times again while
 * something is pinned; whoever held us up has the time of one wait to let go.
 *
 * Context: May sleep. On return nothing of it is used, unless the wait was
 * given up.
 */
void mdm_dma_unmap(struct mdev_migrate_device *mdm, u64 iova, u64 length)
{
	u64 last = length ? iova + length - 1 : iova;
	struct mdm_dma *dma = mdm->dma;

	if (last < iova)
		last = U64_MAX;
	/* Maps and pins are by page. */
	iova &= PAGE_MASK;
	last |= ~PAGE_MASK;
	if (mutex_trylock(&dma->lock)) {
		bool used = uses(dma, iova, last);

		mutex_unlock(&dma->lock);
		if (!used)
			return;
	}
	drop_range_elsewhere(dma, iova, last);
}

/**
 * mdm_dma_choose - use the cache or vfio_dma_rw() from here on
 * @dma: guest memory
 *
 * Context: @dma->lock held.
 */
void mdm_dma_choose(struct mdm_dma *dma)
{
	lockdep_assert_held(&dma->lock);
	dma->cached = !dma->saving || dma->logging;
	if (!dma->cached)
		drop_pages(dma, 0, ULONG_MAX);
}

/**
 * mdm_dma_set_saving - the device enters or leaves the pre-copy states
 * @mdm: the device, open
 * @saving: in them
 */
void mdm_dma_set_saving(struct mdev_migrate_device *mdm, bool saving)
{
	struct mdm_dma *dma = mdm->dma;

	guard(mutex)(&dma->lock);
	dma->saving = saving;
	mdm_dma_choose(dma);
}

/**
 * mdm_dma_close - the device is being closed
 * @mdm: the device; the model has unmapped its maps
 *
 * Nothing stays pinned. The IOMMU backends call dma_unmap even after this.
 */
void mdm_dma_close(struct mdev_migrate_device *mdm)
{
	struct mdm_dma *dma = mdm->dma;

	WARN_ON(!list_empty(&dma->maps));
	guard(mutex)(&dma->lock);
	drop_pages(dma, 0, ULONG_MAX);
	mdm_log_close(dma);
	dma->saving = false;
	mdm_dma_choose(dma);
}

/**
 * mdm_dma_destroy - undo mdm_dma_create()
 * @mdm: the device
 */
void mdm_dma_destroy(struct mdev_migrate_device *mdm)
{
	struct mdm_dma *dma = mdm->dma;

	cancel_work_sync(&dma->drop);
	xa_destroy(&dma->pages);
	mutex_destroy(&dma->lock);
	kfree(dma);
	mdm->dma = NULL;
}
