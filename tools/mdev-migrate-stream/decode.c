// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads a stream with the module's own reader, but takes any model's: what a
 * device would refuse because it is another is nothing to refuse here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../drivers/mdev_migrate/codec/blob.h"
#include "../../drivers/mdev_migrate/codec/stream.h"
#include "../mdev-migrate/core/host.h"
#include "decode.h"

/* More are read, but not shown. */
#define RECORDS_MAX	100000

/* As many kinds of records as a device can load. */
#define BLOBS_MAX	128

struct known_blob {
	u32 tag;
	struct mdm_blob blob;
};

struct decoder {
	struct mdm_reader reader;
	struct mdev_migrate_msg why;
	struct json *records;
	char *config;
	char *model;
	bool unknown;
	void *payload;
	struct known_blob blobs[BLOBS_MAX];
	size_t nr_blobs;
};

static struct json *put_record(struct decoder *decoder, u32 tag, u32 flags,
			       u64 offset, u32 length)
{
	struct json *object = json_new_object();
	const char *name = decode_name(decoder->model, tag);
	const struct mdm_tag what = { .tag = tag };
	struct mdm_tag_room room;
	char hex[16];

	snprintf(hex, sizeof(hex), "0x%08x", tag);
	json_put_number(object, "offset", offset);
	json_put_text(object, "record", name ? name : mdm_tag_name(&room, &what));
	json_put_text(object, "tag", hex);
	json_put_bool(object, "optional", flags & MDEV_MIGRATE_RECORD_OPTIONAL);
	json_put_number(object, "length", length);
	if (flags & MDEV_MIGRATE_RECORD_BULK)
		json_put_bool(object, "bulk", true);
	if (decoder->records->nr < RECORDS_MAX)
		json_add(decoder->records, object);
	return object;
}

/* The one that was just read. */
static struct json *add_record(struct decoder *decoder)
{
	struct mdm_reader *reader = &decoder->reader;

	return put_record(decoder, reader->tag, reader->flags, reader->offset,
			  reader->length);
}

/* START and END are the reader's own business: it says that they were there. */
static void add_start(struct decoder *decoder)
{
	put_record(decoder, MDEV_MIGRATE_TAG_START, 0, 0,
		   decoder->reader.offset -
		   sizeof(struct mdev_migrate_record_hdr));
}

static void add_end(struct decoder *decoder)
{
	const size_t size = sizeof(struct mdev_migrate_end);

	put_record(decoder, MDEV_MIGRATE_TAG_END, 0,
		   decoder->reader.offset - size -
		   sizeof(struct mdev_migrate_record_hdr), size);
}

/* Its model says what the records are. */
static int take_config(struct mdm_reader *reader, const char *text, size_t len)
{
	struct decoder *decoder = reader->context;
	struct arena arena = { 0 };
	struct config config;
	struct json *object;
	int ret;

	decoder->config = strndup(text, len);
	if (!decoder->config)
		out_of_memory();
	add_start(decoder);
	object = add_record(decoder);
	json_put_text(object, "config", decoder->config);
	ret = memchr(text, 0, len) ? -EINVAL : 0;
	if (ret)
		snprintf(reader->why->text, sizeof(reader->why->text),
			 "the configuration has a NUL in it");
	else
		ret = config_read(&arena, &config, decoder->config, reader->why);
	if (!ret) {
		decoder->model = strdup(config.model);
		if (!decoder->model)
			out_of_memory();
	}
	arena_free(&arena);
	return ret;
}

static int take_begin(struct mdm_reader *reader, u32 tag, u32 flags, u32 length)
{
	struct decoder *decoder = reader->context;

	free(decoder->payload);
	decoder->payload = malloc(length ? length : 1);
	if (!decoder->payload)
		out_of_memory();
	reader->buf = decoder->payload;
	return 0;
}

static struct mdm_blob *find_blob(struct decoder *decoder, u32 tag)
{
	size_t i;

	for (i = 0; i < decoder->nr_blobs; i++) {
		if (decoder->blobs[i].tag == tag)
			return &decoder->blobs[i].blob;
	}
	if (i == BLOBS_MAX)
		return NULL;
	decoder->blobs[i].tag = tag;
	decoder->nr_blobs++;
	return &decoder->blobs[i].blob;
}

/* A part must be in its place; a tag may have several blobs, one after another. */
static int take_part(struct decoder *decoder, struct json *object, u32 tag,
		     u32 length)
{
	struct mdm_blob *blob = find_blob(decoder, tag);
	const struct mdm_tag what = { .tag = tag };
	struct mdm_blob_part part;
	int ret;

	if (!blob) {
		snprintf(decoder->why.text, sizeof(decoder->why.text),
			 "there are blobs of more than %d tags", BLOBS_MAX);
		return -EINVAL;
	}
	if (mdm_blob_ended(blob))
		memset(blob, 0, sizeof(*blob));
	ret = mdm_blob_take(blob, &what, INT64_MAX, decoder->payload, length,
			    &part, &decoder->why);
	if (ret)
		return ret;
	json_put_number(object, "blob_length", part.total);
	json_put_number(object, "blob_offset", part.offset);
	return 0;
}

static int take_end(struct mdm_reader *reader)
{
	struct decoder *decoder = reader->context;
	size_t i;
	int ret;

	for (i = 0; i < decoder->nr_blobs; i++) {
		const struct mdm_tag what = { .tag = decoder->blobs[i].tag };

		ret = mdm_blob_finish(&decoder->blobs[i].blob, &what,
				      reader->why);
		if (ret)
			return ret;
	}
	return 0;
}

static int take_record(struct mdm_reader *reader, u32 tag, u32 flags,
		       u32 length)
{
	struct decoder *decoder = reader->context;
	struct json *object = add_record(decoder);
	int ret = 0;

	if (flags & MDEV_MIGRATE_RECORD_BLOB)
		ret = take_part(decoder, object, tag, length);
	if (ret)
		return ret;
	if (decode_name(decoder->model, tag))
		ret = decode_record(object, decoder->model, tag,
				    decoder->payload, length, reader->why);
	else if (!(flags & MDEV_MIGRATE_RECORD_OPTIONAL))
		decoder->unknown = true;
	return ret;
}

static const struct mdm_reader_ops ops = {
	.config = take_config,
	.begin = take_begin,
	.record = take_record,
	.end = take_end,
};

struct decoder *decode_begin(void)
{
	struct decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
		out_of_memory();
	decoder->records = json_new_array();
	mdm_reader_init(&decoder->reader, &ops, decoder, &decoder->why);
	return decoder;
}

/* 0, or nonzero as soon as it is clear that this is no whole stream. */
int decode_push(struct decoder *decoder, const void *data, size_t len)
{
	return mdm_reader_push(&decoder->reader, data, len);
}

struct json *decode_finish(struct decoder *decoder, bool verify, int *result)
{
	struct json *answer = json_answer("decode");
	struct mdm_reader *reader = &decoder->reader;
	char version[16];
	int err = mdm_reader_finish(reader);

	if (reader->ended)
		add_end(decoder);
	if (reader->nr_records) {
		snprintf(version, sizeof(version), "%d.%u",
			 MDEV_MIGRATE_STREAM_MAJOR, reader->minor);
		json_put_text(answer, "stream_version", version);
	}
	json_put_text(answer, "config", decoder->config);
	json_put_number(answer, "bytes", reader->offset);
	if (!verify)
		json_put(answer, "records", decoder->records);
	*result = err ? DONE_NO : decoder->unknown ? DONE_UNKNOWN : DONE_YES;
	json_put_text(answer, "verdict", err ? "damaged" :
		      decoder->unknown ? "unknown" : "whole");
	if (err)
		json_put_text(answer, "error", decoder->why.text);
	free(decoder->payload);
	free(decoder->config);
	free(decoder->model);
	free(decoder);
	return answer;
}
