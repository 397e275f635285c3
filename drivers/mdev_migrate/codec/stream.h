/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state stream: sealing records, and a push parser for them.
 *
 * Plain C for the kernel module, the tools and the fuzzers alike; nothing here
 * sleeps, allocates or takes a lock, except in the callbacks.
 */
#ifndef MDM_CODEC_STREAM_H
#define MDM_CODEC_STREAM_H

#include <linux/mdev_migrate/config.h>
#include "port.h"
#include "xxh64.h"
#ifdef __KERNEL__
#include <uapi/linux/mdev_migrate.h>
#else
#include <linux/mdev_migrate.h>
#endif

struct mdm_reader;

/**
 * struct mdm_tag - what a record is
 * @tag: MDEV_MIGRATE_TAG_*
 * @name: of a model's: what that calls it, in sentences; or NULL
 */
struct mdm_tag {
	u32 tag;
	const char *name;
};

/**
 * struct mdm_reader_ops - what a reader of streams does with them
 * @config: the source's configuration string came: refuse what does not fit
 * @begin: a model's record with @tag, @flags and @length begins. Sets
 *	reader->buf to room for @length bytes, or leaves it NULL to skip the
 *	record, which is an error if it is mandatory. May set reader->name. Sets
 *	reader->head if only so many bytes go there: fewer than @length, and more
 *	than 0.
 * @room: where what follows these goes: sets @to to the place for byte @at of the
 *	payload, and @len to how many bytes have room there. Needed if @begin sets
 *	reader->head.
 * @record: the record is whole and its checksum right; the payload is in
 *	reader->buf, and what follows reader->head where @room has said
 * @end: END came, whole and right; may be NULL
 *
 * All return 0 or a negative errno and fill reader->why. The kernel module's
 * also run under the session's lock.
 */
struct mdm_reader_ops {
	int (*config)(struct mdm_reader *reader, const char *text, size_t len);
	int (*begin)(struct mdm_reader *reader, u32 tag, u32 flags, u32 length);
	int (*room)(struct mdm_reader *reader, u32 at, void **to, size_t *len);
	int (*record)(struct mdm_reader *reader, u32 tag, u32 flags,
		      u32 length);
	int (*end)(struct mdm_reader *reader);
};

/**
 * struct mdm_reader - a stream being read
 * @ops: the callbacks
 * @context: the callbacks' own
 * @why: the sentence of the first error
 * @buf: where the payload goes, or NULL
 * @head: so much of it, if not all
 * @place: where the next bytes behind it go
 * @place_left: so many
 * @hdr: the current record's header
 * @have: bytes of the header, then of the payload
 * @in_payload: which of the two
 * @tag: of the current record
 * @name: likewise, as in &struct mdm_tag
 * @flags: likewise
 * @length: likewise
 * @crc: checksum so far; of a bulk record, of its header
 * @hash: of a bulk record, the payload's digest so far
 * @offset: bytes of the stream before the current record
 * @nr_records: records that are whole
 * @minor: the stream's minor version
 * @err: the first error; sticks
 * @ended: END came
 * @small: START's, CONFIG's and END's payload
 */
struct mdm_reader {
	const struct mdm_reader_ops *ops;
	void *context;
	struct mdev_migrate_msg *why;
	void *buf;
	u32 head;
	void *place;
	size_t place_left;
	struct mdev_migrate_record_hdr hdr;
	u32 have;
	bool in_payload;
	u32 tag;
	const char *name;
	u32 flags;
	u32 length;
	u32 crc;
	struct mdm_xxh64 hash;
	u64 offset;
	u64 nr_records;
	u16 minor;
	int err;
	bool ended;
	u8 small[MDEV_MIGRATE_CONFIG_MAX];
};

/* Of a longer one the rest is left out. */
#define MDM_TAG_NAME_MAX	32

/**
 * struct mdm_tag_room - where mdm_tag_name() makes a name
 * @text: it
 */
struct mdm_tag_room {
	char text[sizeof("0x12345678 ()") + MDM_TAG_NAME_MAX];
};

void mdm_reader_init(struct mdm_reader *reader,
		     const struct mdm_reader_ops *ops, void *context,
		     struct mdev_migrate_msg *why);
void *mdm_reader_room(struct mdm_reader *reader, size_t *len);
int mdm_reader_took(struct mdm_reader *reader, const void *data, size_t n);
int mdm_reader_push(struct mdm_reader *reader, const void *data, size_t len);
int mdm_reader_finish(struct mdm_reader *reader);
const char *mdm_tag_name(struct mdm_tag_room *room, const struct mdm_tag *tag);

void mdm_record_seal(struct mdev_migrate_record_hdr *hdr, u32 tag, u32 flags,
		     const void *data, u32 length);

#endif /* MDM_CODEC_STREAM_H */
