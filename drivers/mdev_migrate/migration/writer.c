// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is being put into a stream. It holds what was put and not yet read: a chunk,
 * or two where pre-copy ends; never the stream.
 */
#include <linux/export.h>
#include <linux/slab.h>

#include "migration.h"

/*
 * Room for @len bytes, and always for END behind them, so that a stream whose
 * last record was put can be ended. Small states stay in a small buffer.
 */
static int reserve(struct mdev_migrate_writer *writer, size_t len)
{
	size_t needed = writer->len + len + MDM_END_SIZE;
	size_t size = max_t(size_t, writer->size, SZ_1K);
	u8 *buf;

	if (needed <= writer->size)
		return 0;
	while (size < needed)
		size *= 2;
	size = min_t(size_t, size, max_t(size_t, needed, MDM_BUFFER_SIZE));
	buf = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	if (writer->len)
		memcpy(buf, writer->buf, writer->len);
	kvfree(writer->buf);
	writer->buf = buf;
	writer->size = size;
	return 0;
}

static bool flags_valid(u32 flags)
{
	return !WARN_ON(flags & ~(MDEV_MIGRATE_RECORD_OPTIONAL |
				  MDEV_MIGRATE_RECORD_BULK));
}

/* Room for a record; its payload goes to where payload_of() says. */
static int open_record(struct mdev_migrate_writer *writer, u32 flags,
		       size_t len)
{
	const size_t hdr = sizeof(struct mdev_migrate_record_hdr);

	writer->reserved = 0;
	if (WARN_ON(len > MDEV_MIGRATE_RECORD_MAX))
		return -EMSGSIZE;
	if (!flags_valid(flags))
		return -EINVAL;
	if (writer->len + hdr + len > writer->limit)
		return -ENOSPC;
	return reserve(writer, hdr + len);
}

static u8 *payload_of(struct mdev_migrate_writer *writer)
{
	return writer->buf + writer->len +
	       sizeof(struct mdev_migrate_record_hdr);
}

static void close_record(struct mdev_migrate_writer *writer, u32 tag, u32 flags,
			 size_t len)
{
	struct mdev_migrate_record_hdr hdr;

	mdm_record_seal(&hdr, tag, flags, payload_of(writer), len);
	memcpy(writer->buf + writer->len, &hdr, sizeof(hdr));
	writer->len += sizeof(hdr) + len;
}

/**
 * mdev_migrate_put - append a record to the stream
 * @writer: as given to the model's save() or precopy()
 * @tag: MDEV_MIGRATE_TAG_*
 * @flags: MDEV_MIGRATE_RECORD_OPTIONAL, MDEV_MIGRATE_RECORD_BULK
 * @data: the payload
 * @len: its length, at most MDEV_MIGRATE_RECORD_MAX
 *
 * Context: May sleep.
 * Return: 0, -ENOMEM, -ENOSPC if it is more than there is room for in this call
 * of save() or precopy(), -EMSGSIZE if the payload is too long, or -EINVAL for
 * other flags.
 */
int mdev_migrate_put(struct mdev_migrate_writer *writer, u32 tag, u32 flags,
		     const void *data, size_t len)
{
	int ret;

	ret = open_record(writer, flags, len);
	if (ret)
		return ret;
	memcpy(payload_of(writer), data, len);
	close_record(writer, tag, flags, len);
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_put);

/**
 * mdev_migrate_put_blob - append a part of a blob to the stream
 * @writer: as given to the model's save() or precopy()
 * @tag: MDEV_MIGRATE_TAG_*, of the blob
 * @flags: MDEV_MIGRATE_RECORD_OPTIONAL, MDEV_MIGRATE_RECORD_BULK
 * @total: bytes of the blob; the same in each call
 * @offset: of this part: 0 first, then where the part before it has ended
 * @data: the part
 * @len: its length; not 0, unless @total is. At most mdev_migrate_room() less the
 *	size of struct mdev_migrate_blob.
 *
 * Context: May sleep.
 * Return: as mdev_migrate_put(), and -EINVAL if the part is outside of the blob.
 */
int mdev_migrate_put_blob(struct mdev_migrate_writer *writer, u32 tag,
			  u32 flags, u64 total, u64 offset, const void *data,
			  size_t len)
{
	struct mdev_migrate_blob hdr = {
		.total = cpu_to_le64(total),
		.offset = cpu_to_le64(offset),
	};
	int ret;

	if (offset > total || len > total - offset || (!len && total))
		return -EINVAL;
	ret = open_record(writer, flags, sizeof(hdr) + len);
	if (ret)
		return ret;
	memcpy(payload_of(writer), &hdr, sizeof(hdr));
	memcpy(payload_of(writer) + sizeof(hdr), data, len);
	close_record(writer, tag, flags | MDEV_MIGRATE_RECORD_BLOB,
		     sizeof(hdr) + len);
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_put_blob);

/**
 * mdev_migrate_reserve - begin a record whose payload the driver gathers
 * @writer: as given to the model's save() or precopy()
 * @len: the most that the payload can be, at most MDEV_MIGRATE_RECORD_MAX
 *
 * For what lies in several places: it is copied straight into the stream. Nothing
 * is there before mdev_migrate_commit(); any other call for @writer forgets the
 * record, as does the end of save() or precopy().
 *
 * Context: May sleep.
 * Return: where the payload is to be put, or an ERR_PTR() of what
 * mdev_migrate_put() returns.
 */
void *mdev_migrate_reserve(struct mdev_migrate_writer *writer, size_t len)
{
	int ret;

	ret = open_record(writer, 0, len);
	if (ret)
		return ERR_PTR(ret);
	writer->reserved = len;
	return payload_of(writer);
}
EXPORT_SYMBOL_GPL(mdev_migrate_reserve);

/**
 * mdev_migrate_commit - append the record that mdev_migrate_reserve() has begun
 * @writer: as given to the model's save() or precopy()
 * @tag: MDEV_MIGRATE_TAG_*
 * @flags: MDEV_MIGRATE_RECORD_OPTIONAL, MDEV_MIGRATE_RECORD_BULK
 * @len: the payload's length, not more than what was reserved
 *
 * Context: Any.
 * Return: 0, or -EINVAL if that is more, for other flags, or if there is no such
 * record.
 */
int mdev_migrate_commit(struct mdev_migrate_writer *writer, u32 tag, u32 flags,
			size_t len)
{
	if (!writer->reserved || len > writer->reserved || !flags_valid(flags))
		return -EINVAL;
	close_record(writer, tag, flags, len);
	writer->reserved = 0;
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_commit);

/**
 * mdev_migrate_room - what the next record can be in this call
 * @writer: as given to the model's save() or precopy()
 *
 * In a call that has put nothing, and in the first one behind the frame's own
 * records, it is the longest payload there is.
 *
 * Context: Any.
 * Return: bytes of payload, at most MDEV_MIGRATE_RECORD_MAX; 0 if there is no
 * room.
 */
size_t mdev_migrate_room(const struct mdev_migrate_writer *writer)
{
	size_t used = writer->len + sizeof(struct mdev_migrate_record_hdr);

	if (used >= writer->limit)
		return 0;
	return min_t(size_t, writer->limit - used, MDEV_MIGRATE_RECORD_MAX);
}
EXPORT_SYMBOL_GPL(mdev_migrate_room);

/**
 * mdm_writer_begin - a call of save() or precopy() begins
 * @writer: the writer
 *
 * Return: 0, or -ENOMEM if there is not even room for END.
 */
int mdm_writer_begin(struct mdev_migrate_writer *writer)
{
	writer->limit = writer->len + MDEV_MIGRATE_CHUNK_MAX;
	writer->reserved = 0;
	return reserve(writer, 0);
}

/**
 * mdm_writer_head - put START and CONFIG
 * @writer: the writer, empty
 * @mig: the device's migration, open
 *
 * Return: 0 or a negative errno.
 */
int mdm_writer_head(struct mdev_migrate_writer *writer,
		    struct mdev_migrate_migration *mig)
{
	struct mdev_migrate_start start = {
		.magic = cpu_to_le64(MDEV_MIGRATE_STREAM_MAGIC),
		.major = cpu_to_le16(MDEV_MIGRATE_STREAM_MAJOR),
		.minor = cpu_to_le16(MDEV_MIGRATE_STREAM_MINOR),
	};
	char *text __free(kfree) = kmalloc(MDEV_MIGRATE_CONFIG_MAX, GFP_KERNEL);
	int ret;

	if (!text)
		return -ENOMEM;
	ret = mdm_writer_begin(writer);
	if (!ret)
		ret = mdev_migrate_put(writer, MDEV_MIGRATE_TAG_START, 0,
				       &start, sizeof(start));
	if (ret)
		return ret;
	/* Fixed while the device is open. */
	ret = mdev_migrate_config_format(&mig->desc->config, text,
					 MDEV_MIGRATE_CONFIG_MAX);
	if (ret < 0)
		return ret;
	return mdev_migrate_put(writer, MDEV_MIGRATE_TAG_CONFIG, 0, text, ret);
}

/**
 * mdm_writer_end - put END
 * @writer: the writer, after mdm_writer_begin() and what was put then
 * @before: bytes of the stream before those in the writer
 *
 * There is room for it.
 */
void mdm_writer_end(struct mdev_migrate_writer *writer, u64 before)
{
	struct mdev_migrate_end end = {
		.total = cpu_to_le64(before + writer->len),
	};

	memcpy(payload_of(writer), &end, sizeof(end));
	close_record(writer, MDEV_MIGRATE_TAG_END, 0, sizeof(end));
}

/**
 * mdm_writer_drop - bytes at the beginning were read: make room
 * @writer: the writer
 * @len: how many
 */
void mdm_writer_drop(struct mdev_migrate_writer *writer, size_t len)
{
	writer->len -= len;
	if (len && writer->len)
		memmove(writer->buf, writer->buf + len, writer->len);
}
