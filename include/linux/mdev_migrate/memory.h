/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory of a VFIO device whose IOMMU is emulated: copies that need not
 * sleep, rings that stay mapped, pages that stay pinned for hardware, dirty
 * tracking, and the device's own threads.
 * Whoever uses it needs a struct vfio_device, and nothing else of mdev_migrate.
 *
 * The device's open_device() and close_device() call mdev_migrate_memory_open()
 * and mdev_migrate_memory_close(), its dma_unmap() calls
 * mdev_migrate_dma_unmap(), and its vfio_log_ops, if it has any, call the
 * functions of the same names.
 */
#ifndef _LINUX_MDEV_MIGRATE_MEMORY_H
#define _LINUX_MDEV_MIGRATE_MEMORY_H

#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/vfio.h>

struct iova_bitmap;
struct mdev_migrate_memory;
struct mdev_migrate_worker;

/* dma.c: from the device's initialisation to its release */
struct mdev_migrate_memory *
mdev_migrate_memory_create(struct vfio_device *vdev);
void mdev_migrate_memory_destroy(struct mdev_migrate_memory *mem);
int mdev_migrate_memory_open(struct mdev_migrate_memory *mem);
void mdev_migrate_memory_closing(struct mdev_migrate_memory *mem);
void mdev_migrate_memory_close(struct mdev_migrate_memory *mem);
void mdev_migrate_memory_set_saving(struct mdev_migrate_memory *mem,
				    bool saving);

/* unmap.c */
void mdev_migrate_dma_unmap(struct mdev_migrate_memory *mem, u64 iova,
			    u64 length);

/* dirty.c */
int mdev_migrate_log_start(struct mdev_migrate_memory *mem,
			   struct rb_root_cached *ranges, u32 nnodes,
			   u64 *page_size);
int mdev_migrate_log_stop(struct mdev_migrate_memory *mem);
int mdev_migrate_log_read_and_clear(struct mdev_migrate_memory *mem,
				    unsigned long iova, unsigned long length,
				    struct iova_bitmap *dirty);

/* worker.c */
struct mdev_migrate_worker *
mdev_migrate_worker_create(struct mdev_migrate_memory *mem, const char *name);
void mdev_migrate_worker_destroy(struct mdev_migrate_worker *worker);
bool mdev_migrate_worker_queue(struct mdev_migrate_worker *worker,
			       struct kthread_work *work);
bool mdev_migrate_worker_queue_delayed(struct mdev_migrate_worker *worker,
				       struct kthread_delayed_work *work,
				       unsigned long delay);
void mdev_migrate_worker_interrupt(struct mdev_migrate_worker *worker);
void mdev_migrate_worker_pause(struct mdev_migrate_memory *mem);

/**
 * struct mdev_migrate_reader - who reads and writes guest memory without sleeping
 *
 * A model has one for each part of it that works by itself, such as a queue:
 * only one at a time can be in a reader's section. Userspace that unmaps memory
 * waits until the sections are over that could use it.
 *
 * @lock: held in the section
 * @node: entry in the device's list of readers
 */
struct mdev_migrate_reader {
	spinlock_t lock; /* the section */
	struct list_head node;
};

/**
 * mdev_migrate_reader_enter - begin a section
 * @reader: the reader
 *
 * Until mdev_migrate_reader_exit(), what is cached of guest memory stays, and
 * addresses of maps are good. To be short: no longer than it takes to copy some
 * tens of KiB.
 *
 * Context: Any but hard interrupt; not in another section. Nothing sleeps in it.
 */
static inline void mdev_migrate_reader_enter(struct mdev_migrate_reader *reader)
	__acquires(&reader->lock) __acquires_shared(RCU)
{
	spin_lock_bh(&reader->lock);
	rcu_read_lock();
}

/**
 * mdev_migrate_reader_exit - end a section
 * @reader: the reader
 */
static inline void mdev_migrate_reader_exit(struct mdev_migrate_reader *reader)
	__releases(&reader->lock) __releases_shared(RCU)
{
	rcu_read_unlock();
	spin_unlock_bh(&reader->lock);
}

/**
 * struct mdev_migrate_map - guest memory that a model keeps mapped
 *
 * For rings: small, accessed all the time. The mapping goes away under the
 * model when userspace unmaps the memory and comes back with
 * mdev_migrate_map_refresh(), if there is memory again.
 *
 * @iova: where it begins
 * @len: bytes
 *
 * Everything below is the helper's.
 *
 * @addr: kernel address of @iova, or NULL
 * @base: what vmap() gave
 * @pinned: its pages are
 * @pin: what it is a part of, or NULL
 * @node: entry in the device's list of maps
 */
struct mdev_migrate_map {
	u64 iova;
	size_t len;

	void __rcu *addr;
	void *base;
	bool pinned;
	struct mdev_migrate_pin *pin;
	struct list_head node;
};

/* The longest map. */
#define MDEV_MIGRATE_MAP_MAX	SZ_1M

/**
 * struct mdev_migrate_pin - guest memory that stays pinned for a device's own DMA
 *
 * For hardware that reads and writes the guest's pages itself. They go away when
 * userspace unmaps the memory, and do not come back: undo the pin then, and make
 * another one.
 *
 * @unmap: userspace unmaps the memory, or some of it. On return the device uses
 *	none of the pages any more, and what it wrote mdev_migrate_pin_dirty() was
 *	told of. Once at most. May sleep, in any thread, but must wait neither for
 *	userspace nor for mdev_migrate_pin() or mdev_migrate_unpin(). Mandatory.
 * @readonly: the device only reads
 *
 * Everything below is the helper's.
 *
 * @map: where it is
 * @pages: for mdev_migrate_pin_pages()
 * @array: the same, as long as there is the pin
 * @leaving: @unmap is to be called, or runs
 */
struct mdev_migrate_pin {
	void (*unmap)(struct mdev_migrate_pin *pin);
	bool readonly;

	struct mdev_migrate_map map;
	struct page **pages;
	struct page **array;
	bool leaving;
};

/* dma.c, map.c */
void mdev_migrate_reader_add(struct mdev_migrate_memory *mem,
			     struct mdev_migrate_reader *reader);
void mdev_migrate_reader_remove(struct mdev_migrate_memory *mem,
				struct mdev_migrate_reader *reader);
int mdev_migrate_dma_read(struct mdev_migrate_memory *mem, u64 iova, void *buf,
			  size_t len);
int mdev_migrate_dma_write(struct mdev_migrate_memory *mem, u64 iova,
			   const void *buf, size_t len);
int mdev_migrate_dma_read_atomic(struct mdev_migrate_memory *mem, u64 iova,
				 void *buf, size_t len);
int mdev_migrate_dma_write_atomic(struct mdev_migrate_memory *mem, u64 iova,
				  const void *buf, size_t len);
int mdev_migrate_map(struct mdev_migrate_memory *mem,
		     struct mdev_migrate_map *map, u64 iova, size_t len);
int mdev_migrate_map_refresh(struct mdev_migrate_memory *mem,
			     struct mdev_migrate_map *map);
void mdev_migrate_unmap(struct mdev_migrate_memory *mem,
			struct mdev_migrate_map *map);
void mdev_migrate_map_dirty(struct mdev_migrate_memory *mem,
			    struct mdev_migrate_map *map, size_t offset,
			    size_t len);

/* pinned.c */
int mdev_migrate_pin(struct mdev_migrate_memory *mem,
		     struct mdev_migrate_pin *pin, u64 iova, size_t len);
void mdev_migrate_unpin(struct mdev_migrate_memory *mem,
			struct mdev_migrate_pin *pin);
void mdev_migrate_pin_dirty(struct mdev_migrate_memory *mem,
			    struct mdev_migrate_pin *pin, size_t offset,
			    size_t len);

/**
 * mdev_migrate_pin_pages - the pages of a pin
 * @pin: the pin
 *
 * The first byte is in the first page, at the offset that it has in its page of
 * the guest's.
 *
 * Context: Any, under a lock that @pin->unmap() takes, too. If the device is given the
 * pages under it, @unmap finds out.
 * Return: the pages, or NULL if userspace has unmapped them.
 */
static inline struct page **mdev_migrate_pin_pages(struct mdev_migrate_pin *pin)
{
	return READ_ONCE(pin->pages);
}

/**
 * mdev_migrate_map_addr - the mapping's kernel address
 * @map: the map
 *
 * Context: In a section of a reader's, until whose end the address is good.
 * Return: the address of the map's first byte, or NULL if it is gone: leave the
 * section and call mdev_migrate_map_refresh().
 */
static inline void *mdev_migrate_map_addr(struct mdev_migrate_map *map)
{
	return rcu_dereference(map->addr);
}

#endif /* _LINUX_MDEV_MIGRATE_MEMORY_H */
