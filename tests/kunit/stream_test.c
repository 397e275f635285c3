// SPDX-License-Identifier: GPL-2.0-only
/* The push parser: any split of the bytes, any damage to them. */
#include <kunit/test.h>
#include <linux/slab.h>

#include "codec/stream.h"

#define TAG_KNOWN	0x1000
#define TAG_UNKNOWN	0x1001
#define KNOWN_MAX	64
#define STREAM_MAX	512

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
	put(s, TAG_KNOWN, 0, "", 0);
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
	KUNIT_EXPECT_EQ(test, t->nr_known, 2);
	KUNIT_EXPECT_EQ(test, t->sum, crc32c(0, "hello", 5));
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
	put(s, TAG_KNOWN, 2, "hello", 5);
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
	{ "no START", no_start, -EINVAL },
	{ "no CONFIG", no_config, -EPROTO },
	{ "second CONFIG", second_config, -EPROTO },
	{ "second START", second_start, -EPROTO },
	{ "unknown mandatory record", unknown_mandatory, -EPROTO },
	{ "unknown flags", unknown_flags, -EPROTO },
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

static struct kunit_case stream_cases[] = {
	KUNIT_CASE(test_splits),
	KUNIT_CASE(test_truncated),
	KUNIT_CASE(test_every_bit),
	KUNIT_CASE(test_error_sticks),
	KUNIT_CASE_PARAM(test_bad, bad_gen_params),
	{}
};

static struct kunit_suite stream_suite = {
	.name = "mdev_migrate_stream",
	.test_cases = stream_cases,
};

kunit_test_suite(stream_suite);
