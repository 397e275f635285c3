/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory: what its files share.
 *
 *	dma.c		create, open, close; copies to and from guest memory
 *	cache.c		the cache of pinned pages
 *	fill.c		what is pinned for it
 *	pin.c		operations that pin and unpin
 *	marks.c		what is leaving
 *	unmap.c		userspace unmaps memory
 *	drop.c		who unpins that, and who helps
 *	calls.c		until when type1 may ask for what was pinned again
 *	owners.c	who opens devices, and who makes its ioctls
 *	map.c		rings: memory that stays mapped
 *	pinned.c	pages that a device's own DMA uses
 *	dirty.c		DMA logging
 *	worker.c	threads of an open device
 *
 * Locks, and who waits for whom:
 *
 *   mem->log_lock	one START, STOP or REPORT of DMA logging; held over
 *			faults on the caller's bitmap, and taken by nobody else
 *   mem->sync_lock	guards the list of readers. Held while each reader's
 *			lock is passed; a reader holds its lock for as long as
 *			it takes to copy a batch of packets, and does not sleep.
 *   mem->lock		a spinlock, taken where one can sleep only. Guards
 *			all the rest.
 *   mdm_owners_lock	for all devices: who opens them, type1's unmap ioctls, and
 *			who makes these
 *   reader->lock	a spinlock; who holds it reads the cache, the maps'
 *			addresses and the log, and writes guest memory and the
 *			log. Nothing that was taken out of these is unpinned or
 *			freed before each reader's lock has been passed once.
 *
 * Nothing faults, allocates with sleeping or waits under any but the first. Pages
 * are pinned and unpinned by operations (struct mdm_op) with no lock of ours
 * held; the operation is in mem->ops meanwhile.
 */
#ifndef MDM_DMA_H
#define MDM_DMA_H

#include <linux/kthread.h>
#include <linux/mdev_migrate/memory.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

/* Numbers of the guest's pages, and times in jiffies that are days apart, are longs. */
#ifndef CONFIG_64BIT
#error "mdev_migrate needs a 64-bit kernel"
#endif

struct mdm_call;
struct mdm_owner;

/* Pages that are kept pinned for speed, and blocks of these, at most. */
#define MDM_CACHE_MAX_PAGES	65536
#define MDM_CACHE_MAX_BLOCKS	16384

/* Pages of a block, and of one of its arrays. */
#define MDM_BLOCK_SHIFT		9
#define MDM_BLOCK_PAGES		BIT(MDM_BLOCK_SHIFT)
#define MDM_ARRAY_SHIFT		6
#define MDM_ARRAY_PAGES		BIT(MDM_ARRAY_SHIFT)

/* Charged to the device's user; who is out of memory is not killed for it. */
#define MDM_DMA_GFP							\
	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

/* What is leaving, see pin.c. */
#define MDM_NR_MARKS		16

/* Runs that are unpinned at a time, and who help with it, see drop.c. */
#define MDM_BATCH_RUNS		32
#define MDM_DROP_RUNS		128
#define MDM_NR_HELPERS		256
#define MDM_FEW_HELPERS		2
/* Each device has so many for certain; beyond these, all devices have so many. */
#define MDM_OWN_HELPERS		32
#define MDM_MORE_HELPERS	1024

/**
 * enum mdm_use - what pages are pinned for
 * @MDM_PAYLOAD: the cache; there is another way to these, vfio_dma_rw()
 * @MDM_RING: a map; there is none
 * @MDM_NR_USES: how many
 */
enum mdm_use { MDM_PAYLOAD, MDM_RING, MDM_NR_USES };

/**
 * enum mdm_owner_kind - whom type1's unmap ioctls are counted for
 * @MDM_OWNER_OPENING: a device that is open
 * @MDM_OWNER_PROCESS: a process
 * @MDM_OWNER_GROUP: a user in a memory cgroup
 * @MDM_OWNER_USER: a user
 * @MDM_NR_OWNERS: how many
 */
enum mdm_owner_kind {
	MDM_OWNER_OPENING,
	MDM_OWNER_PROCESS,
	MDM_OWNER_GROUP,
	MDM_OWNER_USER,
	MDM_NR_OWNERS
};

/**
 * struct mdm_mark - a range that userspace has unmapped not long ago
 * @first: the first page
 * @last: the last page
 * @until: in jiffies; nothing is pinned in the range before
 * @strikes: how often something was, again, when userspace unmapped it
 * @exact: it was unmapped as a whole, each time
 * @valid: is a mark
 */
struct mdm_mark {
	unsigned long first;
	unsigned long last;
	unsigned long until;
	unsigned int strikes;
	bool exact;
	bool valid;
};

/**
 * struct mdm_op - somebody pins pages, unpins them, or copies with faults
 * @node: in mem->ops
 * @first: the first page
 * @last: the last page; below @first if nothing is or will be pinned
 * @use: what it pins for
 * @task: who
 * @since: in jiffies
 * @cancelled: userspace unmaps some of it: do not keep what is pinned
 * @writes: copies to guest memory
 * @unlogged: copies to guest memory, and began before what is logged now
 * @unpins: only unpins from here on: is not interrupted
 * @interrupted: was, before that
 * @batch: what it unpins, if only that; else NULL
 */
struct mdm_op {
	struct list_head node;
	unsigned long first;
	unsigned long last;
	enum mdm_use use;
	struct task_struct *task;
	unsigned long since;
	bool cancelled;
	bool writes;
	bool unlogged;
	bool unpins;
	bool interrupted;
	const struct mdm_batch *batch;
};

/**
 * struct mdm_run - pages that were pinned with one call
 * @first: the first page
 * @nr: how many
 * @base: where they are mapped, or NULL
 * @pin: whose device uses them until it is told, or NULL
 */
struct mdm_run {
	unsigned long first;
	unsigned int nr;
	void *base;
	struct mdev_migrate_pin *pin;
};

/**
 * struct mdm_batch - runs that are being unpinned
 * @node: in mem->batches
 * @op: announces it
 * @runs: no reader uses them any more
 * @nr: how many, at most MDM_DROP_RUNS
 * @taken: which ones somebody unpins, or has
 * @done: which ones somebody has
 * @busy: how many are at it
 */
struct mdm_batch {
	struct list_head node;
	struct mdm_op op;
	struct mdm_run *runs;
	unsigned int nr;
	DECLARE_BITMAP(taken, MDM_DROP_RUNS);
	DECLARE_BITMAP(done, MDM_DROP_RUNS);
	unsigned int busy;
};

/**
 * struct mdm_helper - unpins if the device's own thread does not get on
 * @work: in mem->helpers_queue
 * @mem: whose
 * @extra: it is one of those that all devices share
 */
struct mdm_helper {
	struct work_struct work;
	struct mdev_migrate_memory *mem;
	bool extra;
};

/**
 * struct mdm_range - a range of bytes that is logged
 * @first: the first
 * @last: the last
 */
struct mdm_range {
	u64 first;
	u64 last;
};

/**
 * struct mdev_migrate_memory - a device's view of guest memory
 * @vdev: the device
 * @memcg: who is charged
 * @mm: whose memory is locked, while open
 * @task: whose limit holds for it
 * @unlimited: no limit does
 * @log_lock: one START, STOP or REPORT at a time; guards @ranges
 * @sync_lock: guards @readers
 * @readers: struct mdev_migrate_reader
 * @own: for copies that sleep and have no reader of their own
 * @lock: guards what is annotated so, below
 * @blocks: struct mdm_block by IOVA page >> MDM_BLOCK_SHIFT; read under RCU. What is
 *	in it is changed and taken out under @lock.
 * @nr_pages: pages in @blocks
 * @nr_blocks: how many
 * @hand: the block at which eviction goes on
 * @maps: struct mdev_migrate_map
 * @ops: struct mdm_op
 * @ops_wait: waits for one of these to end
 * @marks: what is leaving
 * @owners: who opened it last, in a container
 * @is_open: it is open, by these
 * @closing: it is being closed, by whatever thread drops the last reference to its file
 * @has_pinned: it has pinned something since it was opened
 * @pins_since: then the number of that, see calls.c
 * @spare: while it is open, for an unmap ioctl when there is no memory
 * @away_until: in jiffies; memory was unmapped, and may be replaced until then
 * @short_until: in jiffies; memory was short, no payload is pinned before. Needs no lock.
 * @refused_until: in jiffies; type1 refused for the memory limit, and is not asked
 *	again before. Needs no lock.
 * @saving: in a pre-copy state
 * @cached: payload goes through the cache; else through vfio_dma_rw(), so that
 *	type1 sees each page that is written and no other
 * @log_room: room in @log is made for what can be written
 * @logging: what is written is logged; readers look at it after they wrote, in
 *	the same section
 * @log: by IOVA page >> MDM_LOG_SHIFT, a bitmap
 * @ranges: what is logged
 * @nr_ranges: how many
 * @watchdog: ends operations that last too long
 * @node: in the list of open devices, which has a lock of its own
 * @paused_until: in jiffies; no operation begins before
 * @unmaps: calls of dma_unmap under way that have something to do
 * @unmap_since: in jiffies; when one of these began, or ended, last
 * @unmap_watch: pauses and interrupts who is in their way
 * @patience: how often waiting was given up for ioctls that are not counted, one
 *	after the other. Guarded by type1's device_list_lock.
 * @batches: struct mdm_batch, what is being unpinned
 * @helpers: help with it, while open in a container: MDM_NR_HELPERS
 * @helpers_queue: their queue, likewise
 * @helped_until: in jiffies; they help with all of it
 * @nr_helpers: as many of them
 * @urgent_first: the first page of the smallest range that type1 has asked for: it comes
 *	first
 * @urgent_last: the last page
 * @urgent_until: in jiffies; if it is not asked for again by then, it never is
 * @unpinner: unpins on behalf of type1, while open
 * @drop: its work
 * @drop_runs: what it unpins
 * @drop_first: the first page of what was asked for last, and it has not begun with
 * @drop_last: the last page
 * @unpinned: how often something was unpinned: whether that gets on
 */
struct mdev_migrate_memory {
	struct vfio_device *vdev;
	struct mem_cgroup *memcg;
	struct mm_struct *mm;
	struct task_struct *task;
	bool unlimited;

	struct mutex log_lock; /* START, STOP, REPORT */
	struct mutex sync_lock; /* readers */
	struct list_head readers __guarded_by(&sync_lock);
	struct mdev_migrate_reader own;

	spinlock_t lock; /* what says so */
	struct xarray blocks;
	unsigned int nr_pages __guarded_by(&lock);
	unsigned int nr_blocks __guarded_by(&lock);
	unsigned long hand __guarded_by(&lock);
	struct list_head maps __guarded_by(&lock);
	struct list_head ops __guarded_by(&lock);
	wait_queue_head_t ops_wait;
	struct mdm_mark marks[MDM_NR_USES][MDM_NR_MARKS] __guarded_by(&lock);
	struct mdm_owner *owners[MDM_NR_OWNERS] __guarded_by(&lock);
	bool is_open __guarded_by(&lock);
	bool closing __guarded_by(&lock);
	bool has_pinned __guarded_by(&lock);
	unsigned long pins_since __guarded_by(&lock);
	struct mdm_call *spare __guarded_by(&lock);
	unsigned long away_until __guarded_by(&lock);
	unsigned long short_until;
	unsigned long refused_until;
	bool saving __guarded_by(&lock);
	bool cached __guarded_by(&lock);
	bool log_room __guarded_by(&lock);
	bool logging;
	struct xarray log;
	struct mdm_range *ranges __guarded_by(&log_lock);
	unsigned int nr_ranges __guarded_by(&log_lock);
	struct delayed_work watchdog;

	struct list_head node;
	unsigned long paused_until __guarded_by(&lock);
	unsigned int unmaps __guarded_by(&lock);
	unsigned long unmap_since __guarded_by(&lock);
	struct delayed_work unmap_watch;
	unsigned int patience;
	struct list_head batches __guarded_by(&lock);
	struct mdm_helper *helpers;
	struct workqueue_struct *helpers_queue __guarded_by(&lock);
	unsigned long helped_until __guarded_by(&lock);
	unsigned int nr_helpers __guarded_by(&lock);
	unsigned long urgent_first __guarded_by(&lock);
	unsigned long urgent_last __guarded_by(&lock);
	unsigned long urgent_until __guarded_by(&lock);
	struct mdev_migrate_worker *unpinner __guarded_by(&lock);
	struct kthread_work drop;
	struct mdm_run drop_runs[MDM_DROP_RUNS];
	unsigned long drop_first __guarded_by(&lock);
	unsigned long drop_last __guarded_by(&lock);
	atomic_t unpinned;
};

/* dma.c */
void mdm_dma_sync(struct mdev_migrate_memory *mem);
void mdm_dma_choose(struct mdev_migrate_memory *mem);
bool mdm_dma_has_container(const struct mdev_migrate_memory *mem);

/* pin.c */
void mdm_op_watchdog(struct work_struct *work);
int mdm_op_end(struct mdev_migrate_memory *mem, struct mdm_op *op, int ret);
void mdm_op_add(struct mdev_migrate_memory *mem, struct mdm_op *op,
		unsigned long first, unsigned long last)
	__must_hold(&mem->lock);
void mdm_op_cancel(struct mdev_migrate_memory *mem, unsigned long first,
		   unsigned long last, bool *hit)
	__must_hold(&mem->lock);
bool mdm_op_any_pins(struct mdev_migrate_memory *mem)
	__must_hold(&mem->lock);
bool mdm_op_overlaps(struct mdev_migrate_memory *mem, unsigned long first,
		     unsigned long last)
	__must_hold(&mem->lock);
void mdm_op_set_unlogged(struct mdev_migrate_memory *mem)
	__must_hold(&mem->lock);
bool mdm_op_any_unlogged(struct mdev_migrate_memory *mem);
void mdm_op_pause(struct mdev_migrate_memory *mem, unsigned long until,
		  unsigned long lasts);
void mdm_dma_pause(struct mdev_migrate_memory *mem);
void mdm_dma_interrupt(struct mdev_migrate_memory *mem,
		       struct task_struct *task);
int mdm_dma_copy(struct mdev_migrate_memory *mem, u64 iova, void *buf,
		 size_t len, bool write);
int mdm_pin(struct mdev_migrate_memory *mem, enum mdm_use use,
	    struct mdm_op *op, bool write, struct page **pages);
unsigned int mdm_runs_join(struct mdev_migrate_memory *mem,
			   const struct mdm_run *runs, unsigned int nr);
void mdm_unpin(struct mdev_migrate_memory *mem, struct mdm_op *op,
	       const struct mdm_run *runs, unsigned int nr);

/* marks.c */
void mdm_mark(struct mdev_migrate_memory *mem, unsigned long first,
	      unsigned long last, const bool *hit, bool safe)
	__must_hold(&mem->lock);
void mdm_marks_open(struct mdev_migrate_memory *mem)
	__must_hold(&mem->lock);
bool mdm_is_leaving(struct mdev_migrate_memory *mem, enum mdm_use use,
		    unsigned long first, unsigned long last)
	__must_hold(&mem->lock);
void mdm_mark_gone(struct mdev_migrate_memory *mem, unsigned long page);

/* fill.c */
int mdm_cache_add(struct mdev_migrate_memory *mem, unsigned long page,
		  bool write);

/* cache.c */
unsigned int mdm_cache_detach(struct mdev_migrate_memory *mem,
			      unsigned long first, unsigned long last,
			      struct mdm_run *runs, unsigned int max)
	__must_hold(&mem->lock);
bool mdm_cache_evict(struct mdev_migrate_memory *mem, unsigned int nr);
bool mdm_cache_overlaps(struct mdev_migrate_memory *mem, unsigned long first,
			unsigned long last)
	__must_hold(&mem->lock);
bool mdm_cache_next(struct mdev_migrate_memory *mem, unsigned long *first,
		    unsigned long *last);
size_t mdm_cache_copy(struct mdev_migrate_memory *mem, u64 iova, void *buf,
		      size_t len, bool write);

/* map.c */
unsigned int mdm_map_pages(const struct mdev_migrate_map *map);
int mdm_map_init(struct mdev_migrate_map *map, struct mdev_migrate_pin *pin,
		 u64 iova, size_t len);
int mdm_map_add(struct mdev_migrate_memory *mem, struct mdev_migrate_map *map);
void mdm_map_remove(struct mdev_migrate_memory *mem,
		    struct mdev_migrate_map *map);
bool mdm_maps_overlap(struct mdev_migrate_memory *mem, unsigned long first,
		      unsigned long last)
	__must_hold(&mem->lock);
bool mdm_maps_next(struct mdev_migrate_memory *mem, unsigned long *first,
		   unsigned long *last);
unsigned int mdm_maps_detach(struct mdev_migrate_memory *mem,
			     unsigned long first, unsigned long last,
			     struct mdm_run *runs, unsigned int max)
	__must_hold(&mem->lock);

/* pinned.c */
void mdm_pin_unmap(struct mdev_migrate_memory *mem,
		   struct mdev_migrate_pin *pin);

/* drop.c */
void mdm_dma_drop_range(struct mdev_migrate_memory *mem, unsigned long first,
			unsigned long last, bool rings);
void mdm_drop_nothing(struct mdev_migrate_memory *mem)
	__must_hold(&mem->lock);
void mdm_drop_asked(struct kthread_work *work);
void mdm_batch_announce(struct mdev_migrate_memory *mem,
			struct mdm_batch *batch)
	__must_hold(&mem->lock);
bool mdm_batch_in_range(const struct mdm_batch *batch, unsigned long first,
			unsigned long last);
void mdm_batch_drop(struct mdev_migrate_memory *mem, struct mdm_batch *batch);
void mdm_drop_help(struct mdev_migrate_memory *mem, unsigned int nr)
	__must_hold(&mem->lock);
void mdm_drop_create(struct mdev_migrate_memory *mem);
int mdm_drop_open(struct mdev_migrate_memory *mem);
void mdm_drop_close(struct mdev_migrate_memory *mem);

/* unmap.c */
void mdm_unmap_watch(struct work_struct *work);
bool mdm_unpin_begin(struct mdev_migrate_memory *mem)
	__must_hold(&mem->lock);
void mdm_unpin_end(struct mdev_migrate_memory *mem, bool watched)
	__must_hold(&mem->lock);
void mdm_unmap_open(struct mdev_migrate_memory *mem);
void mdm_unmap_close(struct mdev_migrate_memory *mem);
void mdm_unmap_wait(struct mdev_migrate_memory *mem);

/* calls.c */
struct mdm_call *mdm_calls_begin(struct mdev_migrate_memory *mem);
void mdm_calls_end(struct mdm_call *call);
unsigned int mdm_calls_round(struct mdm_call *call,
			     struct mdev_migrate_memory *mem,
			     unsigned long first, unsigned long last);
void mdm_calls_hold_up(struct mdm_call *call);
bool mdm_calls_pending(struct mdev_migrate_memory *mem)
	__must_hold(&mem->lock);
void mdm_calls_pins(struct mdev_migrate_memory *mem)
	__must_hold(&mem->lock);
int mdm_calls_open(struct mdev_migrate_memory *mem);
void mdm_calls_close(struct mdev_migrate_memory *mem);
void mdm_calls_destroy(struct mdev_migrate_memory *mem);
/* strays.c */
void mdm_calls_exit(void);

/* dirty.c: pages of a bitmap of the log */
#define MDM_LOG_SHIFT	12
#define MDM_LOG_BITS	BIT(MDM_LOG_SHIFT)

void mdm_log_init(struct mdev_migrate_memory *mem);
void mdm_log_close(struct mdev_migrate_memory *mem);
int mdm_log_make_room(struct mdev_migrate_memory *mem, unsigned long first,
		      unsigned long last);
int mdm_log_lock(struct mdev_migrate_memory *mem, const struct mdm_op *op)
	__acquires(&mem->lock);
void mdm_log_written(struct mdev_migrate_memory *mem, u64 iova, size_t len);

#endif /* MDM_DMA_H */
