// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state stream, see Documentation/state-stream.rst:
 *
 *   START  magic, major, minor
 *   CONFIG the source's canonical configuration
 *   ...    the model's records
 *   END    bytes before it
 *
 * The reader is a push parser: any split of the bytes gives the same calls.
 */
#include "msg.h"
#include "stream.h"

/* START may grow by fields that a later minor appends. */
#define START_MAX	256

static const struct {
	u32 tag;
	const char *name;
} tag_names[] = {
	{ MDEV_MIGRATE_TAG_START, "START" },
	{ MDEV_MIGRATE_TAG_CONFIG, "CONFIG" },
	{ MDEV_MIGRATE_TAG_END, "END" },
	{ MDEV_MIGRATE_TAG_PCI_CONFIG, "PCI_CONFIG" },
	{ MDEV_MIGRATE_TAG_PCI_MSIX, "PCI_MSIX" },
	{ MDEV_MIGRATE_TAG_PCI_LAYOUT, "PCI_LAYOUT" },
};

/**
 * mdm_tag_name - how a sentence names a record
 * @room: for a name that has to be made
 * @tag: the record
 *
 * Return: the name; of a model's record the tag as a number, which is what there is in
 * the stream, and the model's name for it if there is one.
 */
const char *mdm_tag_name(struct mdm_tag_room *room, const struct mdm_tag *tag)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tag_names); i++) {
		if (tag_names[i].tag == tag->tag)
			return tag_names[i].name;
	}
	if (tag->name)
		snprintf(room->text, sizeof(room->text), "0x%x (%.*s)",
			 tag->tag, MDM_TAG_NAME_MAX, tag->name);
	else
		snprintf(room->text, sizeof(room->text), "0x%x", tag->tag);
	return room->text;
}

/* The current record's. */
static const char *name_of(const struct mdm_reader *reader,
			   struct mdm_tag_room *room)
{
	const struct mdm_tag tag = { reader->tag, reader->name };

	return mdm_tag_name(room, &tag);
}

static u32 header_crc(const struct mdev_migrate_record_hdr *hdr)
{
	return crc32c(~0U, hdr, offsetof(struct mdev_migrate_record_hdr,
					 crc32c));
}

/* Of a bulk record the digest of the payload stands for the payload. */
static u32 digest_crc(u32 crc, const struct mdm_xxh64 *hash)
{
	__le64 digest = cpu_to_le64(mdm_xxh64_digest(hash));

	return crc32c(crc, &digest, sizeof(digest));
}

/**
 * mdm_record_seal - fill a record's header
 * @hdr: the result
 * @tag: MDEV_MIGRATE_TAG_*
 * @flags: MDEV_MIGRATE_RECORD_*
 * @data: the payload
 * @length: its length, at most MDEV_MIGRATE_RECORD_MAX
 */
void mdm_record_seal(struct mdev_migrate_record_hdr *hdr, u32 tag, u32 flags,
		     const void *data, u32 length)
{
	struct mdm_xxh64 hash;
	u32 crc;

	hdr->tag = cpu_to_le32(tag);
	hdr->flags = cpu_to_le32(flags);
	hdr->length = cpu_to_le32(length);
	crc = header_crc(hdr);
	if (flags & MDEV_MIGRATE_RECORD_BULK) {
		mdm_xxh64_init(&hash);
		mdm_xxh64_update(&hash, data, length);
		crc = digest_crc(crc, &hash);
	} else {
		crc = crc32c(crc, data, length);
	}
	hdr->crc32c = cpu_to_le32(~crc);
}

/**
 * mdm_reader_init - begin to read a stream
 * @reader: the reader
 * @ops: what to do with what comes
 * @context: the callbacks' own
 * @why: gets the first error's sentence
 */
void mdm_reader_init(struct mdm_reader *reader,
		     const struct mdm_reader_ops *ops, void *context,
		     struct mdev_migrate_msg *why)
{
	memset(reader, 0, sizeof(*reader));
	reader->ops = ops;
	reader->context = context;
	reader->why = why;
}

/* START, CONFIG and END have their places; the model's records lie between. */
static int check_place(struct mdm_reader *reader)
{
	static const u32 first[] = {
		MDEV_MIGRATE_TAG_START, MDEV_MIGRATE_TAG_CONFIG,
	};
	struct mdm_tag_room room;
	u32 tag = reader->tag;

	if (reader->nr_records < 2) {
		if (tag == first[reader->nr_records])
			return 0;
		if (!reader->nr_records)
			return mdm_say(reader->why, -EINVAL,
				       "not a device state stream: it begins with record 0x%x, not with START",
				       tag);
		return mdm_say(reader->why, -EPROTO,
			       "record %s is where CONFIG must be",
			       name_of(reader, &room));
	}
	if (tag == first[0] || tag == first[1])
		return mdm_say(reader->why, -EPROTO,
			       "record %s comes a second time",
			       name_of(reader, &room));
	return 0;
}

static int check_small_length(struct mdm_reader *reader, u32 min, u32 max)
{
	struct mdm_tag_room room;

	if (reader->length < min || reader->length > max)
		return mdm_say(reader->why, -EMSGSIZE,
			       "record %s has %u bytes, this device takes %u to %u",
			       name_of(reader, &room),
			       reader->length, min, max);
	reader->buf = reader->small;
	return 0;
}

/* The stream's own records are neither bulk nor parts. */
static int check_flags(struct mdm_reader *reader)
{
	const u32 all = MDEV_MIGRATE_RECORD_OPTIONAL | MDEV_MIGRATE_RECORD_BULK |
			MDEV_MIGRATE_RECORD_BLOB;
	u32 known = reader->tag <= MDEV_MIGRATE_TAG_END ?
		    MDEV_MIGRATE_RECORD_OPTIONAL : all;
	struct mdm_tag_room room;

	if (reader->flags & ~known)
		return mdm_say(reader->why, -EPROTO,
			       "record %s has flags 0x%x, this device knows only 0x%x",
			       name_of(reader, &room), reader->flags,
			       known);
	if (reader->flags & MDEV_MIGRATE_RECORD_BLOB &&
	    reader->length < sizeof(struct mdev_migrate_blob))
		return mdm_say(reader->why, -EMSGSIZE,
			       "record %s has %u bytes, a part of a blob has at least %zu",
			       name_of(reader, &room), reader->length,
			       sizeof(struct mdev_migrate_blob));
	return 0;
}

static int begin_record(struct mdm_reader *reader)
{
	struct mdm_tag_room room;
	int ret;

	reader->tag = le32_to_cpu(reader->hdr.tag);
	reader->name = NULL;
	reader->flags = le32_to_cpu(reader->hdr.flags);
	reader->length = le32_to_cpu(reader->hdr.length);
	reader->crc = header_crc(&reader->hdr);
	mdm_xxh64_init(&reader->hash);
	reader->buf = NULL;
	reader->head = 0;
	reader->place_left = 0;

	ret = check_place(reader);
	if (!ret)
		ret = check_flags(reader);
	if (ret)
		return ret;
	if (reader->length > MDEV_MIGRATE_RECORD_MAX)
		return mdm_say(reader->why, -EMSGSIZE,
			       "record %s has %u bytes, the most is %u",
			       name_of(reader, &room), reader->length,
			       MDEV_MIGRATE_RECORD_MAX);
	switch (reader->tag) {
	case MDEV_MIGRATE_TAG_START:
		return check_small_length(reader,
					  sizeof(struct mdev_migrate_start),
					  START_MAX);
	case MDEV_MIGRATE_TAG_CONFIG:
		return check_small_length(reader, 1, MDEV_MIGRATE_CONFIG_MAX);
	case MDEV_MIGRATE_TAG_END:
		return check_small_length(reader,
					  sizeof(struct mdev_migrate_end),
					  sizeof(struct mdev_migrate_end));
	}
	ret = reader->ops->begin(reader, reader->tag, reader->flags,
				 reader->length);
	if (ret || reader->buf || (reader->flags & MDEV_MIGRATE_RECORD_OPTIONAL))
		return ret;
	return mdm_say(reader->why, -EPROTO,
		       "record 0x%x is mandatory, and this device does not know it",
		       reader->tag);
}

static int check_start(struct mdm_reader *reader)
{
	struct mdev_migrate_start start;
	u16 major;

	memcpy(&start, reader->small, sizeof(start));
	if (le64_to_cpu(start.magic) != MDEV_MIGRATE_STREAM_MAGIC)
		return mdm_say(reader->why, -EINVAL,
			       "not a device state stream: its magic is 0x%llx, not 0x%llx",
			       (unsigned long long)le64_to_cpu(start.magic),
			       MDEV_MIGRATE_STREAM_MAGIC);
	major = le16_to_cpu(start.major);
	reader->minor = le16_to_cpu(start.minor);
	if (major != MDEV_MIGRATE_STREAM_MAJOR)
		return mdm_say(reader->why, -EPROTONOSUPPORT,
			       "the stream has version %u.%u, this device reads only %u.x",
			       major, reader->minor, MDEV_MIGRATE_STREAM_MAJOR);
	if (reader->minor > MDEV_MIGRATE_STREAM_MINOR)
		return 0;
	if (reader->length != sizeof(start))
		return mdm_say(reader->why, -EPROTO,
			       "START of version %u.%u has %u bytes, it must have %zu",
			       major, reader->minor, reader->length,
			       sizeof(start));
	if (start.reserved)
		return mdm_say(reader->why, -EPROTO,
			       "START of version %u.%u has set bytes that must be zero",
			       major, reader->minor);
	return 0;
}

static int check_end(struct mdm_reader *reader)
{
	struct mdev_migrate_end end;

	memcpy(&end, reader->small, sizeof(end));
	if (le64_to_cpu(end.total) != reader->offset)
		return mdm_say(reader->why, -EBADMSG,
			       "END counts %llu bytes before it, but %llu came",
			       (unsigned long long)le64_to_cpu(end.total),
			       (unsigned long long)reader->offset);
	if (reader->ops->end) {
		int ret = reader->ops->end(reader);

		if (ret)
			return ret;
	}
	reader->ended = true;
	return 0;
}

static int end_record(struct mdm_reader *reader)
{
	struct mdm_tag_room room;
	int ret;

	if (reader->flags & MDEV_MIGRATE_RECORD_BULK)
		reader->crc = digest_crc(reader->crc, &reader->hash);
	if (~reader->crc != le32_to_cpu(reader->hdr.crc32c))
		return mdm_say(reader->why, -EBADMSG,
			       "record %s: its checksum is 0x%08x, that of its bytes 0x%08x",
			       name_of(reader, &room),
			       le32_to_cpu(reader->hdr.crc32c), ~reader->crc);
	switch (reader->tag) {
	case MDEV_MIGRATE_TAG_START:
		ret = check_start(reader);
		break;
	case MDEV_MIGRATE_TAG_CONFIG:
		ret = reader->ops->config(reader, (const char *)reader->small,
					  reader->length);
		break;
	case MDEV_MIGRATE_TAG_END:
		ret = check_end(reader);
		break;
	default:
		ret = 0;
		if (reader->buf)
			ret = reader->ops->record(reader, reader->tag,
						  reader->flags,
						  reader->length);
	}
	if (ret)
		return ret;
	reader->nr_records++;
	reader->offset += sizeof(reader->hdr) + reader->length;
	reader->have = 0;
	reader->in_payload = false;
	return 0;
}

static void took_payload(struct mdm_reader *reader, const void *data, size_t n)
{
	if (reader->flags & MDEV_MIGRATE_RECORD_BULK)
		mdm_xxh64_update(&reader->hash, data, n);
	else
		reader->crc = crc32c(reader->crc, data, n);
	if (reader->head && reader->have >= reader->head) {
		reader->place = (u8 *)reader->place + n;
		reader->place_left -= n;
	}
	reader->have += n;
}

static void *room_behind_head(struct mdm_reader *reader, size_t *len)
{
	if (!reader->place_left)
		reader->err = reader->ops->room(reader, reader->have,
						&reader->place,
						&reader->place_left);
	*len = reader->length - reader->have;
	if (*len > reader->place_left)
		*len = reader->place_left;
	if (!reader->err)
		return reader->place;
	*len = 0;
	return NULL;
}

/**
 * mdm_reader_room - where the next bytes are to go
 * @reader: the reader, without an error and before END has come
 * @len: set to how many may go there
 *
 * Return: the place; or NULL if they are skipped, and may be anywhere; or NULL and @len
 * is 0: there is none, and the reader has its first error.
 */
void *mdm_reader_room(struct mdm_reader *reader, size_t *len)
{
	u32 end = reader->head ? reader->head : reader->length;
	u8 *to = reader->buf;

	if (!reader->in_payload) {
		to = (u8 *)&reader->hdr;
		end = sizeof(reader->hdr);
	} else if (reader->have >= end) {
		return room_behind_head(reader, len);
	}
	*len = end - reader->have;
	return to ? to + reader->have : NULL;
}

/**
 * mdm_reader_took - the next bytes are there
 * @reader: the reader
 * @data: where mdm_reader_room() said; or, if it gave NULL, wherever they are
 * @n: how many, at most as many as it said
 *
 * Return: as mdm_reader_push().
 */
int mdm_reader_took(struct mdm_reader *reader, const void *data, size_t n)
{
	if (reader->in_payload) {
		if (n)
			took_payload(reader, data, n);
	} else {
		reader->have += n;
		if (reader->have < sizeof(reader->hdr))
			return 0;
		reader->err = begin_record(reader);
		reader->in_payload = true;
		reader->have = 0;
	}
	if (!reader->err && reader->have == reader->length)
		reader->err = end_record(reader);
	return reader->err;
}

/**
 * mdm_reader_push - read some bytes more
 * @reader: the reader
 * @data: the bytes
 * @len: how many
 *
 * Return: 0, or the first error there was in the stream; then every further
 * call gives the same.
 *
 * -EINVAL no stream, -EPROTONOSUPPORT major version, -EPROTO order, flags or
 * an unknown mandatory record, -EMSGSIZE length, -EBADMSG checksum, total or
 * bytes after END, and what the callbacks return.
 */
int mdm_reader_push(struct mdm_reader *reader, const void *data, size_t len)
{
	const u8 *bytes = data;

	while (len && !reader->err) {
		size_t n;
		void *to;

		if (reader->ended) {
			reader->err = mdm_say(reader->why, -EBADMSG,
					      "%zu bytes follow END", len);
			break;
		}
		to = mdm_reader_room(reader, &n);
		if (reader->err)
			break;
		if (n > len)
			n = len;
		if (to)
			memcpy(to, bytes, n);
		mdm_reader_took(reader, to ? to : bytes, n);
		bytes += n;
		len -= n;
	}
	return reader->err;
}

/**
 * mdm_reader_finish - there is no more: was it all?
 * @reader: the reader
 *
 * Does not change the reader: more may be pushed and asked again.
 *
 * Return: 0, the first error there was, or -ENODATA if END has not come.
 */
int mdm_reader_finish(struct mdm_reader *reader)
{
	if (reader->err || reader->ended)
		return reader->err;
	return mdm_say(reader->why, -ENODATA,
		       "the stream stops at byte %llu, before END",
		       (unsigned long long)(reader->offset + reader->have +
			(reader->in_payload ? sizeof(reader->hdr) : 0)));
}
