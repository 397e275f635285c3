// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blobs: each part says where it belongs, and must begin where the one before it
 * has ended. So what was lost, doubled or mixed up is noticed at once.
 */
#include "blob.h"
#include "msg.h"
#include "stream.h"

static int check_sizes(const struct mdm_blob *blob, const struct mdm_tag *tag,
		       u64 max_total, const struct mdm_blob_part *part,
		       struct mdev_migrate_msg *why)
{
	struct mdm_tag_room room;

	if (blob->begun && part->total != blob->total)
		return mdm_say(why, -EPROTO,
			       "record %s: the blob had %llu bytes at first and has %llu now",
			       mdm_tag_name(&room, tag), (unsigned long long)blob->total,
			       (unsigned long long)part->total);
	if (part->total > max_total)
		return mdm_say(why, -EFBIG,
			       "record %s: the blob has %llu bytes, this device takes at most %llu",
			       mdm_tag_name(&room, tag), (unsigned long long)part->total,
			       (unsigned long long)max_total);
	if (part->offset > part->total ||
	    part->length > part->total - part->offset)
		return mdm_say(why, -ERANGE,
			       "record %s: %u bytes at byte %llu are outside of the blob's %llu",
			       mdm_tag_name(&room, tag), part->length,
			       (unsigned long long)part->offset, (unsigned long long)part->total);
	if (!part->length && part->total)
		return mdm_say(why, -EMSGSIZE,
			       "record %s: the part at byte %llu of the blob is empty",
			       mdm_tag_name(&room, tag), (unsigned long long)part->offset);
	return 0;
}

static int check_order(const struct mdm_blob *blob, const struct mdm_tag *tag,
		       const struct mdm_blob_part *part,
		       struct mdev_migrate_msg *why)
{
	struct mdm_tag_room room;
	const char *fault;

	if (blob->begun && part->offset == blob->last)
		fault = "comes a second time";
	else if (part->offset == blob->next)
		return 0;
	else if (part->offset > blob->next)
		fault = "leaves some out";
	else if (part->offset + part->length > blob->next)
		fault = "overlaps the one before it";
	else
		fault = "goes back";
	return mdm_say(why, -EPROTO,
		       "record %s: the part of %u bytes at byte %llu of the blob %s: %llu bytes have come",
		       mdm_tag_name(&room, tag), part->length,
		       (unsigned long long)part->offset, fault, (unsigned long long)blob->next);
}

/**
 * mdm_blob_take - a record with a part of a blob came
 * @blob: the blob so far; moves on if the part is in order
 * @tag: the record
 * @max_total: bytes that a blob may have
 * @payload: the record's payload
 * @length: its length
 * @part: the result
 * @why: filled on error
 *
 * Return: 0; -EMSGSIZE for a record that is too short, or has nothing of the
 * blob; -EFBIG for a blob that is too large; -ERANGE for a part outside of it;
 * -EPROTO for one that is not the next, or another total than before.
 */
int mdm_blob_take(struct mdm_blob *blob, const struct mdm_tag *tag,
		  u64 max_total, const void *payload, u32 length,
		  struct mdm_blob_part *part, struct mdev_migrate_msg *why)
{
	struct mdev_migrate_blob hdr;
	struct mdm_tag_room room;
	int ret;

	if (length < sizeof(hdr))
		return mdm_say(why, -EMSGSIZE,
			       "record %s has %u bytes, a part of a blob has at least %zu",
			       mdm_tag_name(&room, tag), length, sizeof(hdr));
	memcpy(&hdr, payload, sizeof(hdr));
	part->total = le64_to_cpu(hdr.total);
	part->offset = le64_to_cpu(hdr.offset);
	part->length = length - sizeof(hdr);
	part->data = (const u8 *)payload + sizeof(hdr);
	ret = check_sizes(blob, tag, max_total, part, why);
	if (!ret)
		ret = check_order(blob, tag, part, why);
	if (ret)
		return ret;
	blob->begun = true;
	blob->total = part->total;
	blob->last = part->offset;
	blob->next = part->offset + part->length;
	return 0;
}

/**
 * mdm_blob_ended - has all of it come?
 * @blob: the blob
 *
 * Return: whether.
 */
bool mdm_blob_ended(const struct mdm_blob *blob)
{
	return blob->begun && blob->next == blob->total;
}

/**
 * mdm_blob_finish - END came
 * @blob: the blob
 * @tag: its records
 * @why: filled on error
 *
 * Return: 0 if it has not begun or all of it has come, else -ENODATA.
 */
int mdm_blob_finish(const struct mdm_blob *blob, const struct mdm_tag *tag,
		    struct mdev_migrate_msg *why)
{
	struct mdm_tag_room room;

	if (!blob->begun || mdm_blob_ended(blob))
		return 0;
	return mdm_say(why, -ENODATA,
		       "record %s: the stream ends with %llu of the blob's %llu bytes",
		       mdm_tag_name(&room, tag), (unsigned long long)blob->next,
		       (unsigned long long)blob->total);
}
