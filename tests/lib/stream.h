/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tests' own reader and writer of state streams, so that they can take one
 * apart, change it and seal it again. Written from the format's description,
 * not from the module's code.
 */
#ifndef TESTS_LIB_STREAM_H
#define TESTS_LIB_STREAM_H

#include <linux/types.h>

#include "../../include/uapi/linux/mdev_migrate.h"
#include "util.h"

#define STREAM_HDR	sizeof(struct mdev_migrate_record_hdr)

/**
 * struct stream_rec - a record in a buffer
 * @offset: of its header in the buffer
 * @tag: which
 * @flags: MDEV_MIGRATE_RECORD_*
 * @length: of the payload
 * @payload: the payload
 */
struct stream_rec {
	size_t offset;
	uint32_t tag;
	uint32_t flags;
	uint32_t length;
	uint8_t *payload;
};

uint32_t crc32c(uint32_t crc, const void *data, size_t len);
uint64_t xxh64(const void *data, size_t len);
int stream_next(const struct buf *s, size_t *offset, struct stream_rec *rec);
int stream_find(const struct buf *s, uint32_t tag, struct stream_rec *rec);
int stream_put(struct buf *s, uint32_t tag, uint32_t flags, const void *data,
	       size_t len);
int stream_put_end(struct buf *s);
void stream_seal(struct stream_rec *rec);
int stream_replace(struct buf *out, const struct buf *s, uint32_t tag,
		   const void *data, size_t len);

#endif /* TESTS_LIB_STREAM_H */
