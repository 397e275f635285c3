/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages of memory that is sent in passes. */
#ifndef MDM_CODEC_PAGES_H
#define MDM_CODEC_PAGES_H

#include <linux/mdev_migrate/config.h>
#include "port.h"
#ifdef __KERNEL__
#include <uapi/linux/mdev_migrate.h>
#else
#include <linux/mdev_migrate.h>
#endif

struct mdm_tag;

/**
 * struct mdm_pages - how far the passes have come; begins zeroed
 * @begun: there was a record
 * @pass: the last one's pass
 * @last: where it began, in pages
 * @next: where it ended
 */
struct mdm_pages {
	bool begun;
	u32 pass;
	u64 last;
	u64 next;
};

/**
 * struct mdm_pages_run - pages that follow each other, taken out of their record
 * @first: the first one
 * @nr: how many
 * @data: the pages, or NULL if all are zero
 */
struct mdm_pages_run {
	u32 first;
	u32 nr;
	const void *data;
};

int mdm_pages_take(struct mdm_pages *pages, const struct mdm_tag *tag, u32 nr,
		   const void *payload, u32 length, struct mdm_pages_run *run,
		   struct mdev_migrate_msg *why);

#endif /* MDM_CODEC_PAGES_H */
