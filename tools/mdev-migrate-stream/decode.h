/* SPDX-License-Identifier: GPL-2.0-only */
/* A saved state stream in words. */
#ifndef MDEV_MIGRATE_DECODE_H
#define MDEV_MIGRATE_DECODE_H

#include "../common/json.h"

struct decoder;

/*
 * Pushes bytes in, of any size; the records come out as an array of objects in
 * decode_finish(). Memory is bounded by what is kept of each record.
 */
struct decoder *decode_begin(void);
int decode_push(struct decoder *decoder, const void *data, size_t len);
/*
 * What was read, whole or not, with @verify without its records; frees the decoder.
 * *@result is DONE_YES,
 * DONE_NO if it is no stream or a damaged one, DONE_UNKNOWN if it is whole but
 * has what this program does not know.
 */
struct json *decode_finish(struct decoder *decoder, bool verify, int *result);

/*
 * decode_record.c: a record's payload as members of @object; 0 or -EINVAL. Only of
 * a record that has a name in streams of @model, which may be NULL.
 */
struct mdev_migrate_msg;
int decode_record(struct json *object, const char *model, uint32_t tag,
		  const void *data, size_t len, struct mdev_migrate_msg *why);
/* A little-endian number of @size bytes; one as a text, with at least so many digits. */
uint64_t decode_le(const uint8_t *p, size_t size);
void decode_hex(struct json *object, const char *key, uint64_t value, int digits);
const char *decode_name(const char *model, uint32_t tag);
/* decode_virtio.c */
int decode_virtio_parts(struct json *object, const uint8_t *data, size_t len,
			struct mdev_migrate_msg *why);
int decode_virtio_isr(struct json *object, const uint8_t *data, size_t len,
		      struct mdev_migrate_msg *why);
int decode_virtio_net(struct json *object, const uint8_t *data, size_t len,
		      struct mdev_migrate_msg *why);
int decode_virtio_net_offloads(struct json *object, const uint8_t *data, size_t len,
			       struct mdev_migrate_msg *why);

#endif /* MDEV_MIGRATE_DECODE_H */
