/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device's own memory: allocated as it is touched, mapped by userspace and so by the
 * guest, sent in passes while it changes, loaded in place. Whoever uses it has a
 * struct mdev_migrate_migration; his callbacks for saving and loading call what is here.
 *
 * The device's open_device() calls mdev_migrate_ram_open(), and mdev_migrate_ram_view_add()
 * if there are other views of the memory than the whole of it; its mmap() calls
 * mdev_migrate_ram_mmap() or mdev_migrate_ram_view_mmap(); close_device() calls
 * mdev_migrate_ram_close().
 */
#ifndef _LINUX_MDEV_MIGRATE_RAM_H
#define _LINUX_MDEV_MIGRATE_RAM_H

#include <linux/list.h>
#include <linux/mdev_migrate/migration.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct inode;
struct mdev_migrate_ram;
struct mdm_ram_loading;
struct mem_cgroup;
struct vm_area_struct;

/**
 * struct mdev_migrate_ram_view - a part of a device's memory, as userspace maps it
 *
 * Part of the driver's own structure. Everything in it is the library's, and guarded by
 * the memory's lock.
 *
 * @ram: the memory
 * @node: entry in its list of views
 * @id: its number among them
 * @nr: pages that it shows; of the memory it shows the first so many
 * @start: which of them it shows first; behind the last one comes page 0
 * @mapped: there was a fault, so that there may be a mapping
 */
struct mdev_migrate_ram_view {
	struct mdev_migrate_ram *ram;
	struct list_head node;
	u32 id;
	u32 nr;
	u32 start;
	bool mapped;
};

/**
 * struct mdev_migrate_ram - a device's memory, which is sent in passes
 * @lock: guards the memory and all below that changes while the device is open. The
 *	driver may guard with it what is its own. It is taken inside of mmap_lock, by
 *	faults: nobody who has it may touch memory of userspace or of the guest, nor wait
 *	for somebody who does.
 * @nr: pages of 4 KiB (MDEV_MIGRATE_PAGE); 0 while the device is closed
 *
 * Part of the driver's own structure. Everything below is the library's.
 *
 * @mig: the device's migration
 * @tag: of the records with pages
 * @memcg: who pays
 * @inode: whose address space all mappings are in
 * @views: the views, @all among them
 * @nr_views: how many there are
 * @all: all of the memory
 * @chunks: four pages each, NULL where none was touched
 * @bits: what the next four are in
 * @there: a bit for each page that was written to, or may have been
 * @dirty: those of them that are to be put; without a session, all
 * @writable: those of these that userspace may be able to write to without a fault
 * @split: a bit for each of @chunks: its pages were mapped, and are freed one by one
 * @left: how many are dirty; also read without the lock
 * @initial: how many of them there were when the session began
 * @next: where the pass goes on
 * @pass: its number
 * @reinit: all is to be put once more, and userspace does not know
 * @loading: what is being loaded; guarded by the session's lock
 */
struct mdev_migrate_ram {
	struct mutex lock; /* the memory, all below */
	u32 nr;

	struct mdev_migrate_migration *mig;
	u32 tag;
	struct mem_cgroup *memcg;
	struct inode *inode;
	struct list_head views;
	u32 nr_views;
	struct mdev_migrate_ram_view all;
	u8 **chunks;
	unsigned long *bits;
	unsigned long *there;
	unsigned long *dirty;
	unsigned long *writable;
	unsigned long *split;
	u32 left;
	u32 initial;
	u32 next;
	u32 pass;
	bool reinit;
	struct mdm_ram_loading *loading;
};

/* The type of records with pages; what more is to be said of it comes behind the tag. */
#define MDEV_MIGRATE_RAM_RECORD(_tag, ...)				\
	{								\
		.tag = (_tag),						\
		.max_length = MDEV_MIGRATE_RECORD_MAX,			\
		.repeated = true,					\
		.in_place = true,					\
		.head = sizeof(struct mdev_migrate_pages),		\
		__VA_ARGS__						\
	}

/* alloc.c */
void mdev_migrate_ram_init(struct mdev_migrate_ram *ram,
			   struct mdev_migrate_migration *mig, u32 tag);
int mdev_migrate_ram_open(struct mdev_migrate_ram *ram, u64 size);
void mdev_migrate_ram_close(struct mdev_migrate_ram *ram);
void mdev_migrate_ram_clear(struct mdev_migrate_ram *ram);
void *mdev_migrate_ram_page(struct mdev_migrate_ram *ram, u32 page);
u64 mdev_migrate_ram_read(struct mdev_migrate_ram *ram, u64 offset,
			  unsigned int len);
int mdev_migrate_ram_write(struct mdev_migrate_ram *ram, u64 offset,
			   unsigned int len, u64 data);
void mdev_migrate_ram_copy(struct mdev_migrate_ram *ram, u64 offset, void *to,
			   size_t len);

/* map.c */
int mdev_migrate_ram_mmap(struct mdev_migrate_ram *ram, u64 offset,
			  struct vm_area_struct *vma);
void mdev_migrate_ram_view_add(struct mdev_migrate_ram *ram,
			       struct mdev_migrate_ram_view *view, u64 size);
void mdev_migrate_ram_view_move(struct mdev_migrate_ram_view *view,
				u64 start);
int mdev_migrate_ram_view_mmap(struct mdev_migrate_ram_view *view, u64 offset,
			       struct vm_area_struct *vma);

/* put.c */
void mdev_migrate_ram_save_begin(struct mdev_migrate_ram *ram);
void mdev_migrate_ram_again(struct mdev_migrate_ram *ram);
void mdev_migrate_ram_info(struct mdev_migrate_ram *ram,
			   struct mdev_migrate_precopy_info *info);
u64 mdev_migrate_ram_size(const struct mdev_migrate_ram *ram);
int mdev_migrate_ram_put(struct mdev_migrate_ram *ram,
			 struct mdev_migrate_writer *writer);

/* load.c */
void mdev_migrate_ram_load_begin(struct mdev_migrate_ram *ram);
void *mdev_migrate_ram_room(struct mdev_migrate_ram *ram,
			    const struct mdev_migrate_record *rec, u32 at,
			    size_t *len);
int mdev_migrate_ram_load(struct mdev_migrate_ram *ram,
			  const struct mdev_migrate_record *rec);

#endif /* _LINUX_MDEV_MIGRATE_RAM_H */
