// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams whose checksums are right and whose contents are not: versions,
 * lengths, order, configurations, and the records of the device.
 */
#include "stream_fixture.h"

#define M		"model=" MDEV_MODEL
#define UNKNOWN_TAG	0x7fff0001

/* self->work: the good stream, with a START that @fn changed. */
#define WITH_START(expr)						\
	do {								\
		struct stream_rec rec;					\
		uint8_t *p;						\
									\
		ASSERT_EQ(0, buf_copy(&self->work, &self->good));	\
		ASSERT_EQ(0, stream_find(&self->work,			\
					 MDEV_MIGRATE_TAG_START, &rec));	\
		p = rec.payload;					\
		expr;							\
		stream_seal(&rec);					\
	} while (0)

TEST_F(stream, magic)
{
	WITH_START(put_le64(p, MDEV_MIGRATE_STREAM_MAGIC + 1));
	refused(_metadata, self, &self->work, -EINVAL, "magic");
	WITH_START(put_le64(p, 0));
	refused(_metadata, self, &self->work, -EINVAL, "magic");
}

TEST_F(stream, major)
{
	WITH_START(put_le16(p + 8, MDEV_MIGRATE_STREAM_MAJOR + 1));
	refused(_metadata, self, &self->work, 0, "2.0");
	WITH_START(put_le16(p + 8, 0));
	refused(_metadata, self, &self->work, 0, "0.0");
	WITH_START(put_le16(p + 8, 0xffff));
	refused(_metadata, self, &self->work, 0, "65535");
}

TEST_F(stream, minor)
{
	WITH_START(put_le16(p + 10, MDEV_MIGRATE_STREAM_MINOR + 1));
	EXPECT_EQ(0, load(self, &self->work));
	expect_same_state(_metadata, self);
	WITH_START(put_le16(p + 10, 0xffff));
	EXPECT_EQ(0, load(self, &self->work));
}

/* A later minor's START may be longer; this minor's may not. */
TEST_F(stream, start_length)
{
	uint8_t start[32] = { 0 };
	struct stream_rec rec;

	ASSERT_EQ(0, stream_find(&self->good, MDEV_MIGRATE_TAG_START, &rec));
	memcpy(start, rec.payload, rec.length);
	ASSERT_EQ(0, stream_replace(&self->work, &self->good,
				    MDEV_MIGRATE_TAG_START, start, 15));
	refused(_metadata, self, &self->work, 0, "START");
	ASSERT_EQ(0, stream_replace(&self->work, &self->good,
				    MDEV_MIGRATE_TAG_START, start, 17));
	refused(_metadata, self, &self->work, 0, "START");
	put_le16(start + 10, MDEV_MIGRATE_STREAM_MINOR + 1);
	ASSERT_EQ(0, stream_replace(&self->work, &self->good,
				    MDEV_MIGRATE_TAG_START, start,
				    sizeof(start)));
	EXPECT_EQ(0, load(self, &self->work));
	expect_same_state(_metadata, self);
}

/* self->work: the good stream with a record put in before the record @tag. */
static int insert(FIXTURE_DATA(stream) *self, uint32_t before, uint32_t tag,
		  uint32_t flags, const void *data, size_t len)
{
	struct stream_rec rec;
	size_t at = 0;
	int ret;

	self->work.len = 0;
	while ((ret = stream_next(&self->good, &at, &rec)) > 0) {
		if (rec.tag == before)
			stream_put(&self->work, tag, flags, data, len);
		if (rec.tag == MDEV_MIGRATE_TAG_END)
			stream_put_end(&self->work);
		else
			stream_put(&self->work, rec.tag, rec.flags,
				   rec.payload, rec.length);
	}
	return ret;
}

TEST_F(stream, unknown_optional)
{
	static const size_t lengths[] = { 0, 1, 16, 1000, 4096, 70000 };
	uint8_t *data = calloc(1, MDEV_MIGRATE_RECORD_MAX);
	unsigned int i;

	ASSERT_NE(NULL, data);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		ASSERT_EQ(0, insert(self, MDEV_MIGRATE_TAG_END, UNKNOWN_TAG,
				    MDEV_MIGRATE_RECORD_OPTIONAL, data,
				    lengths[i]));
		EXPECT_EQ(0, load(self, &self->work)) {
			TH_LOG("%zu bytes", lengths[i]);
		}
		expect_same_state(_metadata, self);
	}
	ASSERT_EQ(0, insert(self, MDEV_MIGRATE_TAG_PCI_CONFIG, UNKNOWN_TAG,
			    MDEV_MIGRATE_RECORD_OPTIONAL, data,
			    MDEV_MIGRATE_RECORD_MAX));
	EXPECT_EQ(0, load(self, &self->work));
	expect_same_state(_metadata, self);
	taken(_metadata, self);
	/* Skipped, but its checksum counts. */
	self->work.data[self->work.len / 2] ^= 1;
	refused(_metadata, self, &self->work, -EBADMSG, "");
	free(data);
}

TEST_F(stream, unknown_mandatory)
{
	ASSERT_EQ(0, insert(self, MDEV_MIGRATE_TAG_END, UNKNOWN_TAG, 0,
			    "data", 4));
	refused(_metadata, self, &self->work, -EPROTO, "7fff0001");
	ASSERT_EQ(0, insert(self, MDEV_MIGRATE_TAG_PCI_CONFIG, 0, 0, NULL, 0));
	refused(_metadata, self, &self->work, -EPROTO, "");
}

TEST_F(stream, unknown_flags)
{
	ASSERT_EQ(0, insert(self, MDEV_MIGRATE_TAG_END, UNKNOWN_TAG,
			    MDEV_MIGRATE_RECORD_OPTIONAL | 8, NULL, 0));
	refused(_metadata, self, &self->work, 0, "");
}

/* Refused at the header: no payload is needed for that, nor memory. */
TEST_F(stream, length_is_bounded)
{
	static const uint32_t lengths[] = {
		MDEV_MIGRATE_RECORD_MAX + 1, 0x7fffffff, 0x80000000, ~0U,
	};
	struct stream_rec rec;
	unsigned int i;
	size_t at = 0;
	int n;

	/* Of the third record, the first of the device's. */
	for (n = 0; n < 3; n++) {
		ASSERT_EQ(1, stream_next(&self->good, &at, &rec));
	}
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		self->work.len = 0;
		ASSERT_EQ(0, buf_append(&self->work, self->good.data,
					rec.offset + STREAM_HDR));
		put_le32(self->work.data + rec.offset + 8, lengths[i]);
		ASSERT_EQ(0, begin(self));
		EXPECT_GT(0, mig_feed(self->fd, self->work.data,
				      self->work.len, 0)) {
			TH_LOG("length 0x%x", lengths[i]);
		}
	}
	expect_unchanged(_metadata, self);
}

TEST_F(stream, after_the_end)
{
	char byte = 0;

	ASSERT_EQ(0, buf_copy(&self->work, &self->good));
	ASSERT_EQ(0, buf_append(&self->work, &byte, 1));
	refused(_metadata, self, &self->work, -EBADMSG, "END");
	/* In a write of its own too. */
	ASSERT_EQ(0, begin(self));
	ASSERT_EQ(0, mig_feed(self->fd, self->good.data, self->good.len, 0));
	EXPECT_EQ(-1, write(self->fd, &byte, 1));
	EXPECT_EQ(EBADMSG, errno);
	EXPECT_GT(0, mig_set(&self->p.b, STOP, NULL));
	/* The stream twice. */
	ASSERT_EQ(0, buf_copy(&self->work, &self->good));
	ASSERT_EQ(0, buf_append(&self->work, self->good.data, self->good.len));
	refused(_metadata, self, &self->work, 0, "");
}

TEST_F(stream, end_total)
{
	struct stream_rec rec;
	uint64_t total;

	ASSERT_EQ(0, buf_copy(&self->work, &self->good));
	ASSERT_EQ(0, stream_find(&self->work, MDEV_MIGRATE_TAG_END, &rec));
	total = get_le64(rec.payload);
	put_le64(rec.payload, total + 1);
	stream_seal(&rec);
	refused(_metadata, self, &self->work, -EBADMSG, "END");
	put_le64(rec.payload, 0);
	stream_seal(&rec);
	refused(_metadata, self, &self->work, -EBADMSG, "END");
	put_le64(rec.payload, total);
	stream_seal(&rec);
	EXPECT_EQ(0, load(self, &self->work));
}

/* Every record left out in turn, and every one twice. */
TEST_F(stream, missing_and_repeated)
{
	struct stream_rec rec;
	size_t at = 0;

	while (stream_next(&self->good, &at, &rec) > 0) {
		if (rec.flags & MDEV_MIGRATE_RECORD_OPTIONAL)
			continue;
		ASSERT_EQ(0, stream_replace(&self->work, &self->good, rec.tag,
					    NULL, 0));
		refused(_metadata, self, &self->work, 0, "");
		ASSERT_EQ(0, insert(self, rec.tag, rec.tag, rec.flags,
				    rec.payload, rec.length));
		refused(_metadata, self, &self->work, 0, "");
	}
}

/* START and CONFIG have their places. */
TEST_F(stream, order)
{
	struct stream_rec start, config, end, rec;
	size_t at = 0;

	ASSERT_EQ(0, stream_find(&self->good, MDEV_MIGRATE_TAG_START, &start));
	ASSERT_EQ(0, stream_find(&self->good, MDEV_MIGRATE_TAG_CONFIG,
				 &config));
	ASSERT_EQ(0, stream_find(&self->good, MDEV_MIGRATE_TAG_END, &end));
	self->work.len = 0;
	stream_put(&self->work, config.tag, 0, config.payload, config.length);
	stream_put(&self->work, start.tag, 0, start.payload, start.length);
	ASSERT_EQ(0, buf_append(&self->work, config.payload + config.length,
				self->good.len - (config.payload +
				config.length - self->good.data)));
	refused(_metadata, self, &self->work, -EINVAL, "START");

	/* CONFIG right before END. */
	self->work.len = 0;
	while (stream_next(&self->good, &at, &rec) > 0) {
		if (rec.tag == MDEV_MIGRATE_TAG_END)
			stream_put(&self->work, config.tag, 0, config.payload,
				   config.length);
		if (rec.tag != MDEV_MIGRATE_TAG_CONFIG)
			stream_put(&self->work, rec.tag, rec.flags,
				   rec.payload, rec.length);
	}
	refused(_metadata, self, &self->work, 0, "CONFIG");

	/* Nothing but START, CONFIG and END. */
	self->work.len = 0;
	ASSERT_EQ(0, buf_append(&self->work, self->good.data,
				config.offset + STREAM_HDR + config.length));
	stream_put_end(&self->work);
	refused(_metadata, self, &self->work, 0, "");
}

/* Another configuration is refused before the first kilobyte is over. */
TEST_F(stream, config)
{
	static const struct {
		const char *text;
		int err;
		const char *words[3];
	} bad[] = {
		{ "", 0, { "CONFIG" } },
		{ "junk", -EINVAL, { "junk" } },
		{ M ",", -EINVAL, { "" } },
		{ M ",mtu=1500,mtu=1500", -EINVAL, { "mtu" } },
		{ "model=https://example.org/x", -EXDEV,
		  { "model", "https://example.org/x", MDEV_MODEL } },
		{ M ",shiny=on", -ENOENT, { "shiny", "on" } },
		{ M ",rss=on", -ERANGE, { "rss", "on", "off" } },
		{ M ",queue-pairs=4", -ERANGE, { "queue-pairs", "4", "1" } },
		{ M ",queue-pairs=9", -ERANGE, { "queue-pairs", "9", "1-8" } },
		{ M ",rx-filter-size=64", -ERANGE,
		  { "rx-filter-size", "64", "0" } },
		{ M ",mtu=67", -ERANGE, { "mtu", "67", "68-65535" } },
		{ M ",mtu=1500", -ERANGE, { "mtu", "1500", "0" } },
		{ M "\n", -EINVAL, { "" } },
	};
	struct stream_rec rec;
	char text[512];
	unsigned int i, k;
	size_t first;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(0, stream_replace(&self->work, &self->good,
					    MDEV_MIGRATE_TAG_CONFIG,
					    bad[i].text, strlen(bad[i].text)));
		ASSERT_EQ(0, stream_find(&self->work, MDEV_MIGRATE_TAG_CONFIG,
					 &rec));
		first = rec.offset + STREAM_HDR + rec.length;
		ASSERT_GT(1024, first);
		ASSERT_EQ(0, begin(self));
		EXPECT_EQ(bad[i].err, bad[i].err ?
			  mig_feed(self->fd, self->work.data, first, 0) : 0) {
			TH_LOG("%s", bad[i].text);
		}
		if (!bad[i].err) {
			EXPECT_GT(0, mig_feed(self->fd, self->work.data,
					      first, 0));
		}
		ASSERT_LT(0, last_error(MDEV_UUID_B, text, sizeof(text)));
		for (k = 0; k < 3 && bad[i].words[k]; k++) {
			EXPECT_NE(NULL, strstr(text, bad[i].words[k])) {
				TH_LOG("no \"%s\" in: %s", bad[i].words[k],
				       text);
			}
		}
		expect_unchanged(_metadata, self);
	}
	/* Off values may be written out: the same configuration. */
	ASSERT_EQ(0, stream_replace(&self->work, &self->good,
				    MDEV_MIGRATE_TAG_CONFIG, M ",rss=off",
				    strlen(M ",rss=off")));
	EXPECT_EQ(0, load(self, &self->work));
}

TEST_F(stream, config_too_long)
{
	static char text[2 * MDEV_MIGRATE_CONFIG_MAX];

	memset(text, 'a', sizeof(text));
	memcpy(text, M ",", strlen(M ","));
	ASSERT_EQ(0, stream_replace(&self->work, &self->good,
				    MDEV_MIGRATE_TAG_CONFIG, text,
				    MDEV_MIGRATE_CONFIG_MAX + 1));
	refused(_metadata, self, &self->work, -EMSGSIZE, "CONFIG");
	ASSERT_EQ(0, stream_replace(&self->work, &self->good,
				    MDEV_MIGRATE_TAG_CONFIG, text,
				    MDEV_MIGRATE_CONFIG_MAX));
	refused(_metadata, self, &self->work, -EINVAL, "");
}

/* Destinations with another mtu, and with the same; and last_error clears. */
TEST_F(stream, destination_mtu)
{
	char text[512];

	vdev_close(&self->p.b);
	ASSERT_EQ(0, mdev_write(MDEV_UUID_B, "migration/params/mtu", "1500"));
	ASSERT_EQ(0, vdev_open(&self->p.b, MDEV_UUID_B, variant->how));
	ASSERT_EQ(0, vdev_map(&self->p.b, &self->mem));
	EXPECT_EQ(-ERANGE, try_load(self, &self->good));
	ASSERT_LT(0, last_error(MDEV_UUID_B, text, sizeof(text)));
	EXPECT_EQ(0, strncmp("mtu: ", text, 5));
	EXPECT_NE(NULL, strstr(text, "1500"));
	vdev_close(&self->p.b);
	ASSERT_EQ(0, mdev_write(MDEV_UUID_B, "migration/params/mtu", "0"));
	ASSERT_EQ(0, vdev_open(&self->p.b, MDEV_UUID_B, variant->how));
	ASSERT_EQ(0, vdev_map(&self->p.b, &self->mem));
	EXPECT_EQ(0, load(self, &self->good));
	EXPECT_EQ(0, last_error(MDEV_UUID_B, text, sizeof(text)));
	expect_same_state(_metadata, self);
}

/* The records of the device with every wrong length up to a few bytes more. */
TEST_F(stream, record_lengths)
{
	struct stream_rec rec;
	uint8_t data[4096];
	size_t at = 0, len;

	while (stream_next(&self->good, &at, &rec) > 0) {
		if (rec.tag < MDEV_MIGRATE_TAG_PCI_CONFIG)
			continue;
		ASSERT_GT(sizeof(data) - 64, rec.length);
		memset(data, 0, sizeof(data));
		memcpy(data, rec.payload, rec.length);
		for (len = 0; len < rec.length + 32; len += stride(variant)) {
			if (len == rec.length)
				continue;
			ASSERT_EQ(0, stream_replace(&self->work, &self->good,
						    rec.tag, data, len));
			EXPECT_GT(0, try_load(self, &self->work)) {
				TH_LOG("record 0x%x with %zu bytes not %u",
				       rec.tag, len, rec.length);
			}
		}
		expect_unchanged(_metadata, self);
	}
}

/*
 * May this byte of a record that was taken be another one when it is saved
 * again? What is optional may be ignored: the offered features, and the very
 * flag that says so. The link is the destination's own.
 */
static bool may_differ(const struct stream_rec *rec, size_t at)
{
	size_t part = 0;

	switch (rec->tag) {
	case MDEV_MIGRATE_TAG_VIRTIO_PARTS:
		while (part + 16 <= rec->length) {
			size_t end = part + 16 +
				     get_le32(rec->payload + part + 12);

			if (at < end)
				return at == part + 2 ||
				       get_le16(rec->payload + part) == 0x100;
			part = end;
		}
		return false;
	case MDEV_MIGRATE_TAG_VIRTIO_ISR:
		return at == 1;			/* configuration generation */
	case MDEV_MIGRATE_TAG_VIRTIO_NET:
		return at == 6 || at == 7;	/* link status */
	default:
		return false;
	}
}

static void expect_kept(struct __test_metadata *_metadata,
			const struct buf *given, const struct buf *saved)
{
	struct stream_rec a, b;
	size_t at_a = 0, at_b = 0, i;

	while (stream_next(given, &at_a, &a) > 0) {
		ASSERT_EQ(1, stream_next(saved, &at_b, &b));
		ASSERT_EQ(a.tag, b.tag);
		ASSERT_EQ(a.length, b.length);
		for (i = 0; i < a.length; i++) {
			/* Ask the saved one, whose parts are in order. */
			if (may_differ(&b, i))
				continue;
			EXPECT_EQ(a.payload[i], b.payload[i]) {
				TH_LOG("record 0x%x at byte %zu was taken",
				       a.tag, i);
			}
		}
	}
}

/*
 * Each byte of the device's records with other values and the right checksum:
 * refused with nothing changed, or taken as it is; then the device can save,
 * run, and be reset.
 */
TEST_F(stream, every_byte_of_the_records)
{
	static const uint8_t masks[] = { 0xff, 0x01 };
	unsigned int i, nr_taken = 0, total = 0;
	struct stream_rec rec;
	size_t at = 0, k;
	uint8_t old;

	ASSERT_EQ(0, buf_copy(&self->work, &self->good));
	while (stream_next(&self->work, &at, &rec) > 0) {
		if (rec.tag < MDEV_MIGRATE_TAG_PCI_CONFIG)
			continue;
		for (k = 0; k < rec.length * ARRAY_SIZE(masks);
		     k += stride(variant)) {
			i = k / ARRAY_SIZE(masks);
			old = rec.payload[i];
			rec.payload[i] ^= masks[k % ARRAY_SIZE(masks)];
			stream_seal(&rec);
			total++;
			if (!try_load(self, &self->work)) {
				nr_taken++;
				ASSERT_EQ(0, mig_save(&self->p.b,
						      &self->saved));
				expect_kept(_metadata, &self->work,
					    &self->saved);
				if (k % 8 == 0) {
					ASSERT_EQ(0, mig_set(&self->p.b,
							     RUNNING, NULL));
				}
				taken(_metadata, self);
			} else {
				ASSERT_EQ(RESUMING, mig_get(&self->p.b));
				if (k % 16 == 0)
					expect_unchanged(_metadata, self);
			}
			rec.payload[i] = old;
			stream_seal(&rec);
		}
	}
	TH_LOG("%u of %u changed streams were taken", nr_taken, total);
	EXPECT_EQ(0, load(self, &self->good));
	expect_same_state(_metadata, self);
}

TEST_HARNESS_MAIN
