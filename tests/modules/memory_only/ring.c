// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring: orders to copy guest memory. A worker takes what the guest has put there, and
 * writes how it went.
 */
#include <linux/slab.h>

#include "memory_only.h"

/* What fails for a time is tried again. */
#define RETRY_TIME	(HZ / 100 ?: 1)

static bool is_temporary(int ret)
{
	return ret == -EAGAIN || ret == -EINTR || ret == -ENOMEM;
}

static bool is_halted(const struct mo_ring *ring)
{
	return READ_ONCE(ring->halted);
}

static struct mo_entry *entry_at(struct mo_ring *ring, u64 index)
{
	struct mo_entry *entries = mdev_migrate_map_addr(&ring->map);

	return entries ? entries + index % ring->nr : NULL;
}

/* Each field once: the guest can write to them. */
static int fetch(struct mo_ring *ring, u64 index, struct mo_entry *entry)
{
	struct mo_entry *shared;
	int ret = -EAGAIN;

	mdev_migrate_reader_enter(&ring->reader);
	shared = entry_at(ring, index);
	if (shared) {
		*entry = (struct mo_entry) {
			.from = READ_ONCE(shared->from),
			.to = READ_ONCE(shared->to),
			.len = READ_ONCE(shared->len),
		};
		ret = 0;
	}
	mdev_migrate_reader_exit(&ring->reader);
	return ret;
}

static int report(struct mo_device *dev, u64 index, u32 status)
{
	struct mo_ring *ring = &dev->ring;
	struct mo_entry *shared;
	int ret = -EAGAIN;

	mdev_migrate_reader_enter(&ring->reader);
	shared = entry_at(ring, index);
	if (shared) {
		WRITE_ONCE(shared->status, cpu_to_le32(status));
		mdev_migrate_map_dirty(dev->memory, &ring->map,
				       index % ring->nr * sizeof(*shared) +
				       offsetof(struct mo_entry, status),
				       sizeof(shared->status));
		ret = 0;
	}
	mdev_migrate_reader_exit(&ring->reader);
	return ret;
}

/* What is at hand is copied in a section, the rest outside. */
static int copy(struct mo_device *dev, u64 from, u64 to, u32 len)
{
	struct mo_ring *ring = &dev->ring;
	int ret;

	mdev_migrate_reader_enter(&ring->reader);
	ret = mdev_migrate_dma_read_atomic(dev->memory, from, ring->buf, len);
	if (!ret)
		ret = mdev_migrate_dma_write_atomic(dev->memory, to, ring->buf,
						    len);
	mdev_migrate_reader_exit(&ring->reader);
	if (ret != -EAGAIN)
		return ret;
	ret = mdev_migrate_dma_read(dev->memory, from, ring->buf, len);
	return ret ?: mdev_migrate_dma_write(dev->memory, to, ring->buf, len);
}

static int do_entry(struct mo_device *dev, u64 index)
{
	struct mo_entry entry;
	u32 len;
	int ret;

	ret = mdev_migrate_map_refresh(dev->memory, &dev->ring.map);
	if (!ret)
		ret = fetch(&dev->ring, index, &entry);
	if (ret)
		return ret;
	len = le32_to_cpu(entry.len);
	ret = len > MO_COPY_MAX ? -EINVAL :
	      copy(dev, le64_to_cpu(entry.from), le64_to_cpu(entry.to), len);
	if (is_temporary(ret))
		return ret;
	return report(dev, index, ret ? 2 : 1);
}

static void look(struct kthread_work *work)
{
	struct mo_ring *ring = container_of(work, struct mo_ring, look.work);
	struct mo_device *dev = container_of(ring, struct mo_device, ring);
	int ret = 0;

	WRITE_ONCE(ring->busy, true);
	/* Either we see that we are to stop, or halt() that we are busy. */
	smp_mb();
	while (!ret && !is_halted(ring) && ring->done < READ_ONCE(ring->there)) {
		ret = do_entry(dev, ring->done);
		if (!ret)
			WRITE_ONCE(ring->done, ring->done + 1);
	}
	if (is_temporary(ret) && !is_halted(ring))
		mdev_migrate_worker_queue_delayed(ring->worker, &ring->look,
						  RETRY_TIME);
	/* Who sees it has all that was done. */
	smp_store_release(&ring->busy, false);
	wake_up_all(&ring->idle);
}

static bool is_idle(struct mo_ring *ring)
{
	/* With what look() has stored. */
	return !smp_load_acquire(&ring->busy);
}

/* The worker may wait for a page: it is not to. */
static void halt(struct mo_ring *ring)
{
	WRITE_ONCE(ring->halted, true);
	/* With the one in look(). */
	smp_mb();
	do {
		mdev_migrate_worker_interrupt(ring->worker);
	} while (!wait_event_timeout(ring->idle, is_idle(ring), RETRY_TIME));
	kthread_cancel_delayed_work_sync(&ring->look);
}

int mo_ring_open(struct mo_device *dev)
{
	struct mo_ring *ring = &dev->ring;

	ring->buf = kvmalloc(MO_COPY_MAX, GFP_KERNEL_ACCOUNT);
	if (!ring->buf)
		return -ENOMEM;
	ring->worker = mdev_migrate_worker_create(dev->memory, "memory_only");
	if (IS_ERR(ring->worker)) {
		kvfree(ring->buf);
		return PTR_ERR(ring->worker);
	}
	kthread_init_delayed_work(&ring->look, look);
	init_waitqueue_head(&ring->idle);
	ring->halted = true;
	ring->busy = false;
	ring->done = 0;
	ring->there = 0;
	mdev_migrate_reader_add(dev->memory, &ring->reader);
	return 0;
}

/* Its memory is not mapped any more. */
void mo_ring_close(struct mo_device *dev)
{
	struct mo_ring *ring = &dev->ring;

	mdev_migrate_reader_remove(dev->memory, &ring->reader);
	mdev_migrate_worker_destroy(ring->worker);
	kvfree(ring->buf);
}

int mo_ring_map(struct mo_device *dev, u64 iova, u64 nr)
{
	struct mo_ring *ring = &dev->ring;
	int ret;

	if (ring->mapped || iova % sizeof(u64) ||
	    nr > MDEV_MIGRATE_MAP_MAX / sizeof(struct mo_entry))
		return -EINVAL;
	ret = mdev_migrate_map(dev->memory, &ring->map, iova,
			       nr * sizeof(struct mo_entry));
	if (ret)
		return ret;
	ring->nr = nr;
	ring->done = 0;
	ring->there = 0;
	ring->mapped = true;
	WRITE_ONCE(ring->halted, false);
	return 0;
}

void mo_ring_unmap(struct mo_device *dev)
{
	struct mo_ring *ring = &dev->ring;

	halt(ring);
	if (ring->mapped)
		mdev_migrate_unmap(dev->memory, &ring->map);
	ring->mapped = false;
}

int mo_ring_kick(struct mo_device *dev, u64 there)
{
	struct mo_ring *ring = &dev->ring;

	if (!ring->mapped)
		return -EINVAL;
	WRITE_ONCE(ring->there, there);
	mdev_migrate_worker_queue_delayed(ring->worker, &ring->look, 0);
	return 0;
}
