/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device's own memory. Locks, outermost first:
 *
 *   state_lock, session->lock	of the migration
 *   mmap_lock			of who maps the memory: a fault takes ram->lock
 *   ram->lock			all of it
 *   i_mmap_rwsem		of ram->inode: taking mappings away; inside of it page table
 *				locks, MMU notifiers
 *   mig->poke_lock, desc->error_lock	spinlocks
 *
 * Memory is allocated under ram->lock, and so reclaimed. Nothing is copied from or to
 * userspace under it, nor from or to the guest's memory: that takes mmap_lock.
 */
#ifndef MDM_RAM_H
#define MDM_RAM_H

#include <linux/mdev_migrate/ram.h>
#include <linux/sizes.h>

#include "../codec/pages.h"

/*
 * What is allocated at once. Its pointer is half a thousandth of it; one for each page
 * would be two.
 */
#define MDM_RAM_CHUNK		SZ_16K
#define MDM_RAM_CHUNK_PAGES	(MDM_RAM_CHUNK / MDEV_MIGRATE_PAGE)
#define MDM_RAM_CHUNK_ORDER	get_order(MDM_RAM_CHUNK)

/**
 * struct mdm_ram_loading - records with pages that are being loaded
 * @pages: how far the passes have come
 * @run: the pages of the record that is being loaded
 * @spare: a chunk that nobody else can see, or NULL: what was there before is not zeroed
 * @at: the first page that goes there
 * @filling: it does
 */
struct mdm_ram_loading {
	struct mdm_pages pages;
	struct mdm_pages_run run;
	u8 *spare;
	u32 at;
	bool filling;
};

/**
 * mdm_ram_at - where a page is
 * @ram: the memory
 * @page: which
 *
 * Context: Under @ram->lock.
 * Return: the page, or NULL if neither it nor one beside it was ever touched.
 */
static inline u8 *mdm_ram_at(const struct mdev_migrate_ram *ram, u32 page)
{
	u8 *chunk = ram->chunks[page / MDM_RAM_CHUNK_PAGES];

	lockdep_assert_held(&ram->lock);
	return chunk ? chunk + page % MDM_RAM_CHUNK_PAGES * MDEV_MIGRATE_PAGE :
	       NULL;
}

/* alloc.c */
u8 *mdm_ram_alloc(struct mdev_migrate_ram *ram, bool zero);
u8 *mdm_ram_make(struct mdev_migrate_ram *ram, u32 page, bool zero);
u8 *mdm_ram_written(struct mdev_migrate_ram *ram, u32 page, bool zero);
void mdm_ram_split(struct mdev_migrate_ram *ram, u32 page);

/* file.c */
int mdm_ram_inode_get(struct mdev_migrate_ram *ram);
void mdm_ram_inode_put(struct mdev_migrate_ram *ram);
struct file *mdm_ram_file(struct mdev_migrate_ram *ram, struct file *device);

/* map.c */
void mdm_ram_view_init(struct mdev_migrate_ram *ram,
		       struct mdev_migrate_ram_view *view, u32 nr);
void mdm_ram_unmap(struct mdev_migrate_ram *ram, u32 first, u32 nr);

/* load.c */
void mdm_ram_loading_forget(struct mdev_migrate_ram *ram);

#endif /* MDM_RAM_H */
