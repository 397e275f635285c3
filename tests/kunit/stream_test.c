// SPDX-License-Identifier: GPL-2.0-only
/* The push parser: any split of the bytes, any damage to them. */
#include <kunit/test.h>
#include <linux/slab.h>

#include "codec/blob.h"
#include "codec/stream.h"

#define TAG_KNOWN	0x1000
#define TAG_UNKNOWN	0x1001
#define KNOWN_MAX	64
#define STREAM_MAX	512

/* More than a stripe of the digest, and not two. */
static const char bulk[] = "what is too much for a slow checksum, and so";
#define BULK_LEN	(sizeof(bulk) - 1)

struct trace {
	struct mdm_reader reader;
	struct mdev_migrate_msg why;
	u8 buf[KNOWN_MAX];
	char config[128];
	unsigned int nr_known;
	u32 sum;
};

static int trace_config(struct mdm_reader *reader, const char *text, size_t len)
{
	struct trace *t = reader->context;

	if (len >= sizeof(t->config))
		return -E2BIG;
	memcpy(t->config, text, len);
	t->config[len] = 0;
	return 0;
}

static int trace_begin(struct mdm_reader *reader, u32 tag, u32 flags,
		       u32 length)
{
	struct trace *t = reader->context;

	if (tag != TAG_KNOWN)
		return 0;
	if (length > KNOWN_MAX)
		return -EMSGSIZE;
	reader->buf = t->buf;
	return 0;
}

static int trace_record(struct mdm_reader *reader, u32 tag, u32 flags,
			u32 length)
{
	struct trace *t = reader->context;

	t->nr_known++;
	t->sum = crc32c(t->sum, t->buf, length);
	return 0;
}

static const struct mdm_reader_ops trace_ops = {
	.config = trace_config,
	.begin = trace_begin,
	.record = trace_record,
};

struct stream {
	u8 buf[STREAM_MAX];
	size_t len;
};

static size_t put(struct stream *s, u32 tag, u32 flags, const void *data,
		  u32 len)
{
	size_t at = s->len;

	mdm_record_seal((void *)(s->buf + at), tag, flags, data, len);
	memcpy(s->buf + at + sizeof(struct mdev_migrate_record_hdr), data, len);
	s->len += sizeof(struct mdev_migrate_record_hdr) + len;
	return at;
}

static void put_start(struct stream *s, u64 magic, u16 major, u16 minor)
{
	struct mdev_migrate_start start = {
		.magic = cpu_to_le64(magic),
		.major = cpu_to_le16(major),
		.minor = cpu_to_le16(minor),
	};

	put(s, MDEV_MIGRATE_TAG_START, 0, &start, sizeof(start));
}

static void put_end(struct stream *s, s64 error)
{
	struct mdev_migrate_end end = { cpu_to_le64(s->len + error) };

	put(s, MDEV_MIGRATE_TAG_END, 0, &end, sizeof(end));
}

static void put_head(struct stream *s)
{
	put_start(s, MDEV_MIGRATE_STREAM_MAGIC, MDEV_MIGRATE_STREAM_MAJOR,
		  MDEV_MIGRATE_STREAM_MINOR);
	put(s, MDEV_MIGRATE_TAG_CONFIG, 0, "model=x", 7);
}

static void put_good(struct stream *s)
{
	put_head(s);
	put(s, TAG_KNOWN, 0, "hello", 5);
	put(s, TAG_UNKNOWN, MDEV_MIGRATE_RECORD_OPTIONAL, "skip me", 7);
	put(s, TAG_KNOWN, MDEV_MIGRATE_RECORD_BULK, bulk, BULK_LEN);
	put(s, TAG_UNKNOWN, MDEV_MIGRATE_RECORD_OPTIONAL |
	    MDEV_MIGRATE_RECORD_BULK, bulk, 3);
	put(s, TAG_KNOWN, 0, "", 0);
	put(s, TAG_KNOWN, MDEV_MIGRATE_RECORD_BULK, "", 0);
	put_end(s, 0);
}

static struct trace *new_trace(struct kunit *test)
{
	struct trace *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	mdm_reader_init(&t->reader, &trace_ops, t, &t->why);
	return t;
}

static struct stream *new_stream(struct kunit *test)
{
	struct stream *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	return s;
}

static void restart(struct trace *t)
{
	memset(t, 0, sizeof(*t));
	mdm_reader_init(&t->reader, &trace_ops, t, &t->why);
}

static void expect_good(struct kunit *test, struct trace *t)
{
	KUNIT_EXPECT_EQ_MSG(test, mdm_reader_finish(&t->reader), 0, "%s",
			    t->why.text);
	KUNIT_EXPECT_STREQ(test, t->config, "model=x");
	KUNIT_EXPECT_EQ(test, t->nr_known, 4);
	KUNIT_EXPECT_EQ(test, t->sum,
			crc32c(crc32c(0, "hello", 5), bulk, BULK_LEN));
}

static void test_splits(struct kunit *test)
{
	struct stream *s = new_stream(test);
	struct trace *t = new_trace(test);
	size_t i;

	put_good(s);
	KUNIT_EXPECT_EQ(test, mdm_reader_push(&t->reader, s->buf, s->len), 0);
	expect_good(test, t);
	for (i = 0; i <= s->len; i++) {
		restart(t);
		mdm_reader_push(&t->reader, s->buf, i);
		mdm_reader_push(&t->reader, s->buf + i, s->len - i);
		expect_good(test, t);
	}
	restart(t);
	for (i = 0; i < s->len; i++) {
		KUNIT_EXPECT_EQ(test, mdm_reader_finish(&t->reader), -ENODATA);
		KUNIT_EXPECT_EQ(test, mdm_reader_push(&t->reader, s->buf + i,
						      1), 0);
	}
	expect_good(test, t);
}

static void test_truncated(struct kunit *test)
{
	struct stream *s = new_stream(test);
	struct trace *t = new_trace(test);
	size_t i;

	put_good(s);
	for (i = 0; i < s->len; i++) {
		restart(t);
		KUNIT_EXPECT_EQ(test, mdm_reader_push(&t->reader, s->buf, i),
				0);
		KUNIT_EXPECT_EQ(test, mdm_reader_finish(&t->reader), -ENODATA);
	}
}

static void test_every_bit(struct kunit *test)
{
	struct stream *s = new_stream(test);
	struct trace *t = new_trace(test);
	size_t bit;
	int ret;

	put_good(s);
	for (bit = 0; bit < s->len * 8; bit++) {
		restart(t);
		s->buf[bit / 8] ^= 1 << (bit % 8);
		ret = mdm_reader_push(&t->reader, s->buf, s->len);
		ret = ret ?: mdm_reader_finish(&t->reader);
		KUNIT_EXPECT_NE_MSG(test, ret, 0, "bit %zu", bit);
		s->buf[bit / 8] ^= 1 << (bit % 8);
	}
}

static void test_error_sticks(struct kunit *test)
{
	struct stream *s = new_stream(test);
	struct trace *t = new_trace(test);

	put_good(s);
	s->buf[0] ^= 1;
	KUNIT_EXPECT_EQ(test, mdm_reader_push(&t->reader, s->buf, s->len),
			-EINVAL);
	KUNIT_EXPECT_NE(test, t->why.text[0], 0);
	s->buf[0] ^= 1;
	KUNIT_EXPECT_EQ(test, mdm_reader_push(&t->reader, s->buf, s->len),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, mdm_reader_finish(&t->reader), -EINVAL);
	KUNIT_EXPECT_EQ(test, t->nr_known, 0);
}

static void bad_magic(struct stream *s)
{
	put_start(s, 1, MDEV_MIGRATE_STREAM_MAJOR, 0);
}

static void bad_major(struct stream *s)
{
	put_start(s, MDEV_MIGRATE_STREAM_MAGIC, MDEV_MIGRATE_STREAM_MAJOR + 1,
		  0);
}

static void later_minor(struct stream *s)
{
	put_start(s, MDEV_MIGRATE_STREAM_MAGIC, MDEV_MIGRATE_STREAM_MAJOR, 99);
	put(s, MDEV_MIGRATE_TAG_CONFIG, 0, "model=x", 7);
	put_end(s, 0);
}

/* START with four bytes behind it that are not its own. */
static void put_long_start(struct stream *s, u16 minor)
{
	const struct mdev_migrate_start start = {
		.magic = cpu_to_le64(MDEV_MIGRATE_STREAM_MAGIC),
		.major = cpu_to_le16(MDEV_MIGRATE_STREAM_MAJOR),
		.minor = cpu_to_le16(minor),
	};
	u8 data[sizeof(start) + 4] = {};

	memcpy(data, &start, sizeof(start));
	put(s, MDEV_MIGRATE_TAG_START, 0, data, sizeof(data));
}

static void later_start(struct stream *s)
{
	put_long_start(s, MDEV_MIGRATE_STREAM_MINOR + 1);
	put(s, MDEV_MIGRATE_TAG_CONFIG, 0, "model=x", 7);
	put_end(s, 0);
}

static void long_start(struct stream *s)
{
	put_long_start(s, MDEV_MIGRATE_STREAM_MINOR);
}

static void reserved_start(struct stream *s)
{
	const struct mdev_migrate_start start = {
		.magic = cpu_to_le64(MDEV_MIGRATE_STREAM_MAGIC),
		.major = cpu_to_le16(MDEV_MIGRATE_STREAM_MAJOR),
		.minor = cpu_to_le16(MDEV_MIGRATE_STREAM_MINOR),
		.reserved = cpu_to_le32(1),
	};

	put(s, MDEV_MIGRATE_TAG_START, 0, &start, sizeof(start));
}

static void no_start(struct stream *s)
{
	put(s, MDEV_MIGRATE_TAG_CONFIG, 0, "model=x", 7);
}

static void no_config(struct stream *s)
{
	put_start(s, MDEV_MIGRATE_STREAM_MAGIC, MDEV_MIGRATE_STREAM_MAJOR, 0);
	put(s, TAG_KNOWN, 0, "hello", 5);
}

static void second_config(struct stream *s)
{
	put_head(s);
	put(s, MDEV_MIGRATE_TAG_CONFIG, 0, "model=x", 7);
}

static void second_start(struct stream *s)
{
	put_head(s);
	put_start(s, MDEV_MIGRATE_STREAM_MAGIC, MDEV_MIGRATE_STREAM_MAJOR, 0);
}

static void unknown_mandatory(struct stream *s)
{
	put_head(s);
	put(s, TAG_UNKNOWN, 0, "hello", 5);
}

static void unknown_flags(struct stream *s)
{
	put_head(s);
	put(s, TAG_KNOWN, 8, "hello", 5);
}

static void bulk_config(struct stream *s)
{
	put_start(s, MDEV_MIGRATE_STREAM_MAGIC, MDEV_MIGRATE_STREAM_MAJOR, 0);
	put(s, MDEV_MIGRATE_TAG_CONFIG, MDEV_MIGRATE_RECORD_BULK, "model=x", 7);
}

static void small_part(struct stream *s)
{
	put_head(s);
	put(s, TAG_KNOWN, MDEV_MIGRATE_RECORD_BLOB, bulk, 15);
}

/* The payload is right, the flag is not: it is another checksum. */
static void bulk_or_not(struct stream *s)
{
	size_t at;

	put_head(s);
	at = put(s, TAG_KNOWN, 0, "hello", 5);
	s->buf[at + 4] |= MDEV_MIGRATE_RECORD_BULK;
}

static void wrong_total(struct stream *s)
{
	put_head(s);
	put_end(s, 1);
}

static void after_end(struct stream *s)
{
	put_good(s);
	put(s, TAG_KNOWN, 0, "hello", 5);
}

static void empty_config(struct stream *s)
{
	put_start(s, MDEV_MIGRATE_STREAM_MAGIC, MDEV_MIGRATE_STREAM_MAJOR, 0);
	put(s, MDEV_MIGRATE_TAG_CONFIG, 0, "", 0);
}

/* The length alone, before a byte of it came. */
static void huge_length(struct stream *s)
{
	struct mdev_migrate_record_hdr hdr = {
		.tag = cpu_to_le32(TAG_KNOWN),
		.length = cpu_to_le32(0xffffffff),
	};

	put_head(s);
	memcpy(s->buf + s->len, &hdr, sizeof(hdr));
	s->len += sizeof(hdr);
}

static void too_long(struct stream *s)
{
	u8 zero[KNOWN_MAX + 1] = {};

	put_head(s);
	put(s, TAG_KNOWN, 0, zero, sizeof(zero));
}

static const struct bad_case {
	const char *name;
	void (*make)(struct stream *s);
	int ret;
} bad_cases[] = {
	{ "bad magic", bad_magic, -EINVAL },
	{ "other major", bad_major, -EPROTONOSUPPORT },
	{ "later minor is fine", later_minor, 0 },
	{ "later START is longer", later_start, 0 },
	{ "START is too long", long_start, -EPROTO },
	{ "START has reserved bits", reserved_start, -EPROTO },
	{ "no START", no_start, -EINVAL },
	{ "no CONFIG", no_config, -EPROTO },
	{ "second CONFIG", second_config, -EPROTO },
	{ "second START", second_start, -EPROTO },
	{ "unknown mandatory record", unknown_mandatory, -EPROTO },
	{ "unknown flags", unknown_flags, -EPROTO },
	{ "bulk CONFIG", bulk_config, -EPROTO },
	{ "part of a blob without its header", small_part, -EMSGSIZE },
	{ "bulk that is none", bulk_or_not, -EBADMSG },
	{ "wrong total", wrong_total, -EBADMSG },
	{ "bytes after END", after_end, -EBADMSG },
	{ "empty CONFIG", empty_config, -EMSGSIZE },
	{ "huge length", huge_length, -EMSGSIZE },
	{ "longer than its tag may be", too_long, -EMSGSIZE },
};

static void bad_case_name(const struct bad_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(bad, bad_cases, bad_case_name);

static void test_bad(struct kunit *test)
{
	const struct bad_case *c = test->param_value;
	struct stream *s = new_stream(test);
	struct trace *t = new_trace(test);
	size_t i;

	c->make(s);
	KUNIT_EXPECT_EQ_MSG(test, mdm_reader_push(&t->reader, s->buf, s->len),
			    c->ret, "%s", t->why.text);
	restart(t);
	for (i = 0; i < s->len; i++)
		mdm_reader_push(&t->reader, s->buf + i, 1);
	KUNIT_EXPECT_EQ_MSG(test, t->reader.err, c->ret, "%s", t->why.text);
}

/* XXH64 with seed 0 of the bytes 0, 1, 2...; by the library of its author's. */
static const struct {
	size_t len;
	u64 digest;
} digests[] = {
	{ 0, 0xef46db3751d8e999ULL }, { 1, 0xe934a84adb052768ULL },
	{ 3, 0xe5c7bb4533bc65ddULL }, { 4, 0xffced8604453cc1eULL },
	{ 7, 0x14cc643f630c72d2ULL }, { 8, 0x884a173614b81b8dULL },
	{ 31, 0xc346d2b59b4d8ee1ULL }, { 32, 0xcbf59c5116ff32b4ULL },
	{ 33, 0x0c535d1acafb8eadULL }, { 63, 0xe26aa9e2a95f8e4fULL },
	{ 64, 0xf7c67301db6713f0ULL }, { 100, 0x6ac1e58032166597ULL },
};

static void test_digest(struct kunit *test)
{
	struct mdm_xxh64 hash;
	unsigned int i;
	u8 data[100];
	size_t k;

	for (i = 0; i < sizeof(data); i++)
		data[i] = i;
	for (i = 0; i < ARRAY_SIZE(digests); i++) {
		for (k = 0; k <= digests[i].len; k++) {
			mdm_xxh64_init(&hash);
			mdm_xxh64_update(&hash, data, k);
			mdm_xxh64_update(&hash, data + k, digests[i].len - k);
			KUNIT_EXPECT_EQ(test, mdm_xxh64_digest(&hash),
					digests[i].digest);
		}
	}
}

/* As Documentation/state-stream.rst says, and no other way. */
static void test_bulk_checksum(struct kunit *test)
{
	__le64 digest = cpu_to_le64(0xe5c7bb4533bc65ddULL);
	struct mdev_migrate_record_hdr hdr;
	u8 data[3] = { 0, 1, 2 };
	u32 crc;

	mdm_record_seal(&hdr, TAG_KNOWN, MDEV_MIGRATE_RECORD_BULK, data, 3);
	crc = crc32c(crc32c(~0U, &hdr, 12), &digest, 8);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(hdr.crc32c), ~crc);
}

#define BLOB_MAX	1000

/* Parts as they come; the last one is refused, if @ret is not 0. */
static const struct blob_case {
	const char *name;
	struct {
		u64 total;
		u64 offset;
		u32 length;
	} parts[4];
	unsigned int nr;
	int ret;
	const char *why;
} blob_cases[] = {
	{ "whole", { { 9, 0, 3 }, { 9, 3, 5 }, { 9, 8, 1 } }, 3, 0, "" },
	{ "in one part", { { BLOB_MAX, 0, BLOB_MAX } }, 1, 0, "" },
	{ "empty", { { 0, 0, 0 } }, 1, 0, "" },
	{ "outside", { { 9, 0, 3 }, { 9, 3, 7 } }, 2, -ERANGE, "are outside" },
	{ "begins outside", { { 9, 10, 0 } }, 1, -ERANGE, "are outside" },
	{ "far outside", { { 9, 0, 3 }, { 9, ~0ULL, 7 } }, 2, -ERANGE,
	  "are outside" },
	{ "overlaps", { { 9, 0, 3 }, { 9, 2, 4 } }, 2, -EPROTO,
	  "overlaps the one before it" },
	{ "repeated", { { 9, 0, 3 }, { 9, 3, 3 }, { 9, 3, 3 } }, 3, -EPROTO,
	  "comes a second time" },
	{ "repeated at its end", { { 9, 0, 9 }, { 9, 0, 9 } }, 2, -EPROTO,
	  "comes a second time" },
	{ "goes back", { { 9, 0, 3 }, { 9, 3, 3 }, { 9, 0, 3 } }, 3, -EPROTO,
	  "goes back" },
	{ "leaves some out", { { 9, 0, 3 }, { 9, 4, 3 } }, 2, -EPROTO,
	  "leaves some out" },
	{ "does not begin at its beginning", { { 9, 1, 3 } }, 1, -EPROTO,
	  "leaves some out" },
	{ "too large", { { BLOB_MAX + 1, 0, 3 } }, 1, -EFBIG,
	  "takes at most 1000" },
	{ "grows", { { 9, 0, 3 }, { 10, 3, 3 } }, 2, -EPROTO, "10 now" },
	{ "shrinks", { { 9, 0, 3 }, { 8, 3, 3 } }, 2, -EPROTO, "8 now" },
	{ "part of nothing", { { 9, 0, 3 }, { 9, 3, 0 } }, 2, -EMSGSIZE,
	  "is empty" },
	{ "half", { { 9, 0, 3 }, { 9, 3, 5 } }, 2, -ENODATA,
	  "ends with 8 of the blob's 9 bytes" },
};

static void blob_case_name(const struct blob_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(blob, blob_cases, blob_case_name);

static const struct mdm_tag known = { TAG_KNOWN, "known thing" };

static int take(struct mdm_blob *blob, const struct blob_case *c,
		unsigned int i, u8 *payload, struct mdev_migrate_msg *why)
{
	struct mdev_migrate_blob hdr = {
		.total = cpu_to_le64(c->parts[i].total),
		.offset = cpu_to_le64(c->parts[i].offset),
	};
	struct mdm_blob_part part;
	int ret;

	memcpy(payload, &hdr, sizeof(hdr));
	ret = mdm_blob_take(blob, &known, BLOB_MAX, payload,
			    sizeof(hdr) + c->parts[i].length, &part, why);
	if (!ret && (part.data != payload + sizeof(hdr) ||
		     part.length != c->parts[i].length ||
		     part.offset != c->parts[i].offset ||
		     part.total != c->parts[i].total))
		return -EILSEQ;
	return ret;
}

static void test_blob(struct kunit *test)
{
	u8 *payload = kunit_kzalloc(test, 16 + BLOB_MAX, GFP_KERNEL);
	const struct blob_case *c = test->param_value;
	struct mdev_migrate_msg why = {};
	struct mdm_blob_part part;
	struct mdm_blob blob = {};
	unsigned int i;
	int ret = 0;

	KUNIT_ASSERT_NOT_NULL(test, payload);
	KUNIT_EXPECT_EQ(test, mdm_blob_finish(&blob, &known, &why), 0);
	/* Not even room for where it belongs. */
	KUNIT_EXPECT_EQ(test, mdm_blob_take(&blob, &known, BLOB_MAX, payload,
					    15, &part, NULL), -EMSGSIZE);
	for (i = 0; i < c->nr; i++) {
		KUNIT_EXPECT_EQ_MSG(test, ret, 0, "part %u", i);
		ret = take(&blob, c, i, payload, &why);
	}
	ret = ret ?: mdm_blob_finish(&blob, &known, &why);
	KUNIT_EXPECT_EQ_MSG(test, ret, c->ret, "%s", why.text);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(why.text, c->why), "%s",
				  why.text);
	if (ret)
		KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(why.text,
						       "record 0x1000 (known thing): "),
					  "%s", why.text);
	KUNIT_EXPECT_EQ(test, mdm_blob_ended(&blob),
			blob.next == c->parts[0].total);
}

/* The stream's own have names; a model's are numbers, which a name explains. */
static void test_names(struct kunit *test)
{
	static const struct {
		struct mdm_tag tag;
		const char *name;
	} cases[] = {
		{ { MDEV_MIGRATE_TAG_END, "mine" }, "END" },
		{ { MDEV_MIGRATE_TAG_PCI_MSIX }, "PCI_MSIX" },
		{ { 0x100 }, "0x100" },
		{ { ~0U, "all" }, "0xffffffff (all)" },
		{ { ~0U, "a name of just thirty-two letter" },
		  "0xffffffff (a name of just thirty-two letter)" },
		{ { ~0U, "a name of just thirty-two letters and more" },
		  "0xffffffff (a name of just thirty-two letter)" },
	};
	struct mdm_tag_room room;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_STREQ(test, cases[i].name,
				   mdm_tag_name(&room, &cases[i].tag));
}

static struct kunit_case stream_cases[] = {
	KUNIT_CASE(test_splits),
	KUNIT_CASE(test_truncated),
	KUNIT_CASE(test_every_bit),
	KUNIT_CASE(test_error_sticks),
	KUNIT_CASE_PARAM(test_bad, bad_gen_params),
	KUNIT_CASE(test_digest),
	KUNIT_CASE(test_bulk_checksum),
	KUNIT_CASE_PARAM(test_blob, blob_gen_params),
	KUNIT_CASE(test_names),
	{}
};

static struct kunit_suite stream_suite = {
	.name = "mdev_migrate_stream",
	.test_cases = stream_cases,
};

kunit_test_suite(stream_suite);
