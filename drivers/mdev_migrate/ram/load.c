// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device's memory is loaded: records with pages, in place. It may be mapped meanwhile: what
 * userspace writes to a page that is loaded later is lost, as it would be on a device that
 * was not to be touched.
 */
#include <linux/bitmap.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/string.h>

#include "../codec/pages.h"
#include "../codec/stream.h"
#include "ram.h"

/**
 * mdm_ram_loading_forget - what was being loaded does not come any more
 * @ram: the memory
 *
 * Context: No stream is being read.
 */
void mdm_ram_loading_forget(struct mdev_migrate_ram *ram)
{
	if (!ram->loading)
		return;
	if (ram->loading->spare)
		free_pages((unsigned long)ram->loading->spare,
			   MDM_RAM_CHUNK_ORDER);
	*ram->loading = (struct mdm_ram_loading) {};
}

/**
 * mdev_migrate_ram_load_begin - a stream begins, which has all that is not zero
 * @ram: the memory, in RESUMING
 *
 * Out of there only a reset leads, or what the stream brings. So what was in the
 * memory is lost anyhow.
 *
 * Context: May sleep; takes @ram->lock.
 */
void mdev_migrate_ram_load_begin(struct mdev_migrate_ram *ram)
{
	mdev_migrate_ram_clear(ram);
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_load_begin);

/* What @rec says of its pages, which need not have come. */
static int take(struct mdev_migrate_ram *ram,
		const struct mdev_migrate_record *rec)
{
	const struct mdm_tag tag = { rec->tag, rec->name };
	struct mdev_migrate_msg why = {};
	int ret;

	ret = mdm_pages_take(&ram->loading->pages, &tag, ram->nr, rec->data,
			     rec->length, &ram->loading->run, &why);
	return ret ? mdev_migrate_refuse(ram->mig->desc, ret, "%s", why.text) : 0;
}

static int no_memory(struct mdev_migrate_ram *ram, u32 page)
{
	return mdev_migrate_refuse(ram->mig->desc, -ENOMEM,
				   "there is no memory for page %u of %u", page,
				   ram->nr);
}

static void load_zero(struct mdev_migrate_ram *ram, u32 page)
{
	lockdep_assert_held(&ram->lock);
	if (test_bit(page, ram->there))
		memset(mdm_ram_at(ram, page), 0, MDEV_MIGRATE_PAGE);
}

/* The chunk that was filled becomes part of the memory, unless somebody has touched that. */
static void show_spare(struct mdev_migrate_ram *ram)
{
	struct mdm_ram_loading *loading = ram->loading;
	u8 **chunk = &ram->chunks[loading->at / MDM_RAM_CHUNK_PAGES];
	u32 i;

	lockdep_assert_held(&ram->lock);
	if (!loading->filling)
		return;
	loading->filling = false;
	if (*chunk)
		memcpy(*chunk, loading->spare, MDM_RAM_CHUNK);
	else
		swap(*chunk, loading->spare);
	for (i = 0; i < MDM_RAM_CHUNK_PAGES; i++)
		mdm_ram_written(ram, loading->at + i, true);
}

/* A chunk that will be written to as a whole need not be zero until then. */
static u8 *room_in_spare(struct mdev_migrate_ram *ram, u32 page)
{
	struct mdm_ram_loading *loading = ram->loading;

	if (!loading->spare)
		loading->spare = mdm_ram_alloc(ram, false);
	loading->at = page;
	loading->filling = loading->spare;
	return loading->spare;
}

/* Other pages are shown at once. */
static u8 *room_in_place(struct mdev_migrate_ram *ram, u32 page, u32 nr)
{
	u8 *to = NULL;
	u32 i;

	lockdep_assert_held(&ram->lock);
	/* They are in one chunk. */
	for (i = nr; i > 0; i--) {
		to = mdm_ram_written(ram, page + i - 1, true);
		if (!to)
			break;
	}
	return to;
}

/**
 * mdev_migrate_ram_room - where the pages of a record go
 * @ram: the memory, after mdev_migrate_ram_load_begin()
 * @rec: the record, MDEV_MIGRATE_RAM_RECORD; its head has come
 * @at: a byte of its payload: the first one behind the head, or behind what had room
 *	before
 * @len: set to how many bytes have room
 *
 * Context: May sleep; takes @ram->lock. What is written there is written without it: a
 * guest that has the memory mapped may write there at the same time, and sees what has
 * come.
 * Return: the place, or as mdev_migrate_ram_load().
 */
void *mdev_migrate_ram_room(struct mdev_migrate_ram *ram,
			    const struct mdev_migrate_record *rec, u32 at,
			    size_t *len)
{
	u32 pos = at - sizeof(struct mdev_migrate_pages), page, nr;
	struct mdm_pages_run *run = &ram->loading->run;
	u8 *to;
	int ret;

	if (!pos) {
		ret = take(ram, rec);
		if (ret)
			return ERR_PTR(ret);
	}
	page = run->first + pos / MDEV_MIGRATE_PAGE;
	guard(mutex)(&ram->lock);
	show_spare(ram);
	nr = min(MDM_RAM_CHUNK_PAGES - page % MDM_RAM_CHUNK_PAGES,
		 run->first + run->nr - page);
	if (nr == MDM_RAM_CHUNK_PAGES &&
	    !ram->chunks[page / MDM_RAM_CHUNK_PAGES])
		to = room_in_spare(ram, page);
	else
		to = room_in_place(ram, page, nr);
	*len = nr * MDEV_MIGRATE_PAGE;
	return to ?: ERR_PTR(no_memory(ram, page));
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_room);

/**
 * mdev_migrate_ram_load - load a record with pages, in place
 * @ram: the memory, after mdev_migrate_ram_load_begin()
 * @rec: the record
 *
 * Context: May sleep; takes @ram->lock.
 * Return: 0; -ENOMEM; -EMSGSIZE, -EINVAL, -ERANGE or -EPROTO for pages that cannot be,
 * are outside of the memory, or not in the order of a pass. Who refuses has said why.
 */
int mdev_migrate_ram_load(struct mdev_migrate_ram *ram,
			  const struct mdev_migrate_record *rec)
{
	const struct mdm_pages_run *run = &ram->loading->run;
	int ret;
	u32 i;

	/* What is longer went through mdev_migrate_ram_room(). */
	if (rec->length > sizeof(struct mdev_migrate_pages)) {
		guard(mutex)(&ram->lock);
		show_spare(ram);
		return 0;
	}
	ret = take(ram, rec);
	if (ret)
		return ret;
	guard(mutex)(&ram->lock);
	for (i = 0; i < run->nr; i++) {
		load_zero(ram, run->first + i);
		/* A few bytes can say that gigabytes are zero. */
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_load);
