// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device's memory is loaded: records with pages, in place. It may be mapped meanwhile: what
 * userspace writes to a page that is loaded later is lost, as it would be on a device that
 * was not to be touched.
 */
#include <linux/bitmap.h>
#include <linux/export.h>
#include <linux/string.h>

#include "../codec/pages.h"
#include "ram.h"

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
	*ram->loaded = (struct mdm_pages) {};
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_load_begin);

static int load_zero(struct mdev_migrate_ram *ram, u32 page)
{
	if (test_bit(page, ram->there))
		memset(mdm_ram_at(ram, page), 0, MDEV_MIGRATE_PAGE);
	return 0;
}

/* With @nr pages that are loaded now, this one the first. */
static int load_page(struct mdev_migrate_ram *ram, u32 page, u32 nr,
		     const u8 *data)
{
	/* All of what may be allocated is going to be written. */
	bool all = page % MDM_RAM_CHUNK_PAGES == 0 && nr >= MDM_RAM_CHUNK_PAGES;
	u8 *to;

	lockdep_assert_held(&ram->lock);
	to = mdm_ram_written(ram, page, !all);
	if (!to)
		return mdev_migrate_refuse(ram->mig->desc, -ENOMEM,
					   "there is no memory for page %u of %u",
					   page, ram->nr);
	memcpy(to, data, MDEV_MIGRATE_PAGE);
	return 0;
}

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
	struct mdev_migrate_msg why = {};
	struct mdm_pages_run run;
	int ret;
	u32 i;

	ret = mdm_pages_take(ram->loaded, rec->tag, ram->nr, rec->data,
			     rec->length, &run, &why);
	if (ret)
		return mdev_migrate_refuse(ram->mig->desc, ret, "%s", why.text);
	guard(mutex)(&ram->lock);
	for (i = 0; i < run.nr && !ret; i++) {
		ret = !run.data ? load_zero(ram, run.first + i) :
		      load_page(ram, run.first + i, run.nr - i,
				run.data + i * MDEV_MIGRATE_PAGE);
		/* A few bytes can say that gigabytes are zero. */
		cond_resched();
	}
	return ret;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_load);
