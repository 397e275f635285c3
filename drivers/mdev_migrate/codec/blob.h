/* SPDX-License-Identifier: GPL-2.0-only */
/* Blobs: what is larger than a record comes in parts. */
#ifndef MDM_CODEC_BLOB_H
#define MDM_CODEC_BLOB_H

#include <linux/mdev_migrate/config.h>
#include "port.h"
#ifdef __KERNEL__
#include <uapi/linux/mdev_migrate.h>
#else
#include <linux/mdev_migrate.h>
#endif

struct mdm_tag;

/**
 * struct mdm_blob - how far a blob has come; begins zeroed
 * @total: its bytes
 * @next: where the next part begins
 * @last: where the last one did
 * @begun: there was one
 */
struct mdm_blob {
	u64 total;
	u64 next;
	u64 last;
	bool begun;
};

/**
 * struct mdm_blob_part - a part, taken out of its record
 * @total: bytes of the blob
 * @offset: where the part belongs
 * @length: bytes at @data
 * @data: the part
 */
struct mdm_blob_part {
	u64 total;
	u64 offset;
	u32 length;
	const void *data;
};

int mdm_blob_take(struct mdm_blob *blob, const struct mdm_tag *tag,
		  u64 max_total, const void *payload, u32 length,
		  struct mdm_blob_part *part, struct mdev_migrate_msg *why);
bool mdm_blob_ended(const struct mdm_blob *blob);
int mdm_blob_finish(const struct mdm_blob *blob, const struct mdm_tag *tag,
		    struct mdev_migrate_msg *why);

#endif /* MDM_CODEC_BLOB_H */
