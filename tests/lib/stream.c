// SPDX-License-Identifier: GPL-2.0-only
#include "stream.h"

#include <errno.h>
#include <string.h>

/* Bit by bit: slow and evidently right. Chain with the previous result. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;
	int bit;

	crc = ~crc;
	while (len--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

#define P1	0x9e3779b185ebca87ULL
#define P2	0xc2b2ae3d27d4eb4fULL
#define P3	0x165667b19e3779f9ULL
#define P4	0x85ebca77c2b2ae63ULL
#define P5	0x27d4eb2f165667c5ULL

static uint64_t rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

static uint64_t xxh_round(uint64_t acc, uint64_t in)
{
	return rotl(acc + in * P2, 31) * P1;
}

/* The 64-bit xxhash with seed 0, from its specification. */
static uint64_t xxh64(const uint8_t *p, size_t len)
{
	uint64_t v[4] = { P1 + P2, P2, 0, -P1 }, h = P5;
	const uint8_t *end = p + len;
	int i;

	if (len >= 32) {
		for (; end - p >= 32; p += 32) {
			for (i = 0; i < 4; i++)
				v[i] = xxh_round(v[i], get_le64(p + 8 * i));
		}
		h = rotl(v[0], 1) + rotl(v[1], 7) + rotl(v[2], 12) + rotl(v[3], 18);
		for (i = 0; i < 4; i++)
			h = (h ^ xxh_round(0, v[i])) * P1 + P4;
	}
	h += len;
	for (; end - p >= 8; p += 8)
		h = rotl(h ^ xxh_round(0, get_le64(p)), 27) * P1 + P4;
	if (end - p >= 4) {
		h = rotl(h ^ get_le32(p) * P1, 23) * P2 + P3;
		p += 4;
	}
	for (; p < end; p++)
		h = rotl(h ^ *p * P5, 11) * P1;
	h = (h ^ h >> 33) * P2;
	h = (h ^ h >> 29) * P3;
	return h ^ h >> 32;
}

static uint32_t record_crc(const uint8_t *hdr, const void *payload, size_t len)
{
	uint8_t digest[8];

	/* Of a bulk record a digest of the payload stands for it. */
	if (get_le32(hdr + 4) & MDEV_MIGRATE_RECORD_BULK) {
		put_le64(digest, xxh64(payload, len));
		payload = digest;
		len = sizeof(digest);
	}
	return crc32c(crc32c(0, hdr, 12), payload, len);
}

/*
 * The record at *@offset, which moves behind it. 1, or 0 at the end of the
 * buffer, -EBADMSG if the record is cut short or its checksum is wrong.
 */
int stream_next(const struct buf *s, size_t *offset, struct stream_rec *rec)
{
	uint8_t *hdr = s->data + *offset;
	size_t left = s->len - *offset;

	if (!left)
		return 0;
	if (left < STREAM_HDR)
		return -EBADMSG;
	rec->offset = *offset;
	rec->tag = get_le32(hdr);
	rec->flags = get_le32(hdr + 4);
	rec->length = get_le32(hdr + 8);
	rec->payload = hdr + STREAM_HDR;
	if (rec->length > left - STREAM_HDR)
		return -EBADMSG;
	if (get_le32(hdr + 12) != record_crc(hdr, rec->payload, rec->length))
		return -EBADMSG;
	*offset += STREAM_HDR + rec->length;
	return 1;
}

int stream_find(const struct buf *s, uint32_t tag, struct stream_rec *rec)
{
	size_t offset = 0;
	int ret;

	while ((ret = stream_next(s, &offset, rec)) > 0) {
		if (rec->tag == tag)
			return 0;
	}
	return ret ? ret : -ENOENT;
}

/* Puts the right checksum on a record that was changed in place. */
void stream_seal(struct stream_rec *rec)
{
	uint8_t *hdr = rec->payload - STREAM_HDR;

	put_le32(hdr, rec->tag);
	put_le32(hdr + 4, rec->flags);
	put_le32(hdr + 8, rec->length);
	put_le32(hdr + 12, record_crc(hdr, rec->payload, rec->length));
}

int stream_put(struct buf *s, uint32_t tag, uint32_t flags, const void *data,
	       size_t len)
{
	struct stream_rec rec = {
		.offset = s->len,
		.tag = tag,
		.flags = flags,
		.length = len,
	};
	int ret = buf_reserve(s, s->len + STREAM_HDR + len);

	if (ret)
		return ret;
	rec.payload = s->data + s->len + STREAM_HDR;
	if (len)
		memcpy(rec.payload, data, len);
	s->len += STREAM_HDR + len;
	stream_seal(&rec);
	return 0;
}

int stream_put_end(struct buf *s)
{
	uint8_t total[8];

	put_le64(total, s->len);
	return stream_put(s, MDEV_MIGRATE_TAG_END, 0, total, sizeof(total));
}

/*
 * A copy of @s whose first record @tag has another payload, or with @data NULL
 * is left out. The END record is made to fit unless it is that record.
 */
int stream_replace(struct buf *out, const struct buf *s, uint32_t tag,
		   const void *data, size_t len)
{
	struct stream_rec rec;
	bool done = false;
	size_t offset = 0;
	int ret;

	out->len = 0;
	while ((ret = stream_next(s, &offset, &rec)) > 0) {
		if (rec.tag == tag && !done) {
			done = true;
			if (data)
				ret = stream_put(out, tag, rec.flags, data, len);
		} else if (rec.tag == MDEV_MIGRATE_TAG_END) {
			ret = stream_put_end(out);
		} else {
			ret = stream_put(out, rec.tag, rec.flags, rec.payload,
					 rec.length);
		}
		if (ret < 0)
			return ret;
	}
	if (ret)
		return ret;
	return done ? 0 : -ENOENT;
}
