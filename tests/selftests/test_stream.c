// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading state streams: whole ones in any pieces, and every way in which one
 * can be wrong.
 */
#include "stream_fixture.h"

TEST_F(stream, format)
{
	struct stream_rec rec, last = { 0 };
	unsigned int n = 0;
	size_t at = 0;
	int ret;

	while ((ret = stream_next(&self->good, &at, &rec)) > 0) {
		if (n < 2) {
			EXPECT_EQ(n ? MDEV_MIGRATE_TAG_CONFIG :
				      MDEV_MIGRATE_TAG_START, rec.tag);
		}
		EXPECT_EQ(0, rec.flags & ~MDEV_MIGRATE_RECORD_OPTIONAL);
		EXPECT_GE(MDEV_MIGRATE_RECORD_MAX, rec.length);
		last = rec;
		n++;
	}
	ASSERT_EQ(0, ret);
	EXPECT_LT(3, n);
	EXPECT_EQ(MDEV_MIGRATE_TAG_END, last.tag);
	ASSERT_EQ(8, last.length);
	EXPECT_EQ(last.offset, get_le64(last.payload));
	EXPECT_GT(16 * KIB, self->good.len);
}

TEST_F(stream, all_at_once)
{
	EXPECT_EQ(0, load(self, &self->good));
	EXPECT_TRUE(state_is(&self->p.b, STOP));
	expect_same_state(_metadata, self);
}

TEST_F(stream, split_everywhere)
{
	size_t k;

	for (k = 0; k <= self->good.len; k += stride(variant)) {
		ASSERT_EQ(0, vdev_reset(&self->p.b));
		ASSERT_EQ(0, mig_load(&self->p.b, self->good.data,
				      self->good.len, k)) {
			TH_LOG("split at %zu of %zu", k, self->good.len);
		}
	}
	expect_same_state(_metadata, self);
}

TEST_F(stream, chunks)
{
	static const size_t chunks[] = { 1, 2, 3, 7, 15, 16, 17, 100 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(chunks); i++) {
		ASSERT_EQ(0, begin(self));
		ASSERT_EQ(0, mig_feed(self->fd, self->good.data,
				      self->good.len, chunks[i]));
		ASSERT_EQ(0, mig_set(&self->p.b, STOP, NULL));
		expect_same_state(_metadata, self);
	}
}

/* And the other way round, with the same bytes each time. */
TEST_F(stream, there_and_back)
{
	int i;

	for (i = 0; i < 5; i++) {
		struct vdev *to = i & 1 ? &self->p.a : &self->p.b;

		ASSERT_EQ(0, vdev_reset(to));
		ASSERT_EQ(0, mig_load(to, self->good.data, self->good.len, 0));
		ASSERT_EQ(0, mig_save(to, &self->work));
		EXPECT_TRUE(buf_equal(&self->good, &self->work));
	}
}

/*
 * The device runs in between. Its interrupts are raised again then: pending
 * vectors and ISR may differ, nothing else.
 */
TEST_F(stream, through_running)
{
	static const uint32_t tags[] = {
		MDEV_MIGRATE_TAG_PCI_CONFIG, MDEV_MIGRATE_TAG_VIRTIO_PARTS,
		MDEV_MIGRATE_TAG_VIRTIO_NET,
	};
	struct stream_rec a, b;
	unsigned int i;

	ASSERT_EQ(0, load(self, &self->good));
	ASSERT_EQ(0, mig_set(&self->p.b, RUNNING, NULL));
	ASSERT_EQ(0, mig_save(&self->p.b, &self->work));
	for (i = 0; i < ARRAY_SIZE(tags); i++) {
		ASSERT_EQ(0, stream_find(&self->good, tags[i], &a));
		ASSERT_EQ(0, stream_find(&self->work, tags[i], &b));
		ASSERT_EQ(a.length, b.length);
		EXPECT_EQ(0, memcmp(a.payload, b.payload, a.length)) {
			TH_LOG("record 0x%x differs", tags[i]);
		}
	}
}

/* RESUMING to RUNNING at once. */
TEST_F(stream, straight_to_running)
{
	ASSERT_EQ(0, begin(self));
	ASSERT_EQ(0, mig_feed(self->fd, self->good.data, self->good.len, 0));
	ASSERT_EQ(0, mig_set(&self->p.b, RUNNING, NULL));
	EXPECT_TRUE(state_is(&self->p.b, RUNNING));
}

/* A reset between writing and STOP: nothing of the stream stays. */
TEST_F(stream, reset_discards)
{
	struct snapshot snap;

	ASSERT_EQ(0, begin(self));
	ASSERT_EQ(0, mig_feed(self->fd, self->good.data, self->good.len, 0));
	ASSERT_EQ(0, snapshot_take(&self->p.b, &snap));
	EXPECT_TRUE(snapshot_equal(&self->before, &snap));
	ASSERT_EQ(0, vdev_reset(&self->p.b));
	ASSERT_EQ(0, snapshot_take(&self->p.b, &snap));
	EXPECT_TRUE(snapshot_equal(&self->before, &snap));
}

TEST_F(stream, truncated_everywhere)
{
	size_t k;

	for (k = 0; k < self->good.len; k += stride(variant)) {
		ASSERT_EQ(0, begin(self));
		ASSERT_EQ(0, mig_feed(self->fd, self->good.data, k, 0));
		EXPECT_EQ(-ENODATA, mig_set(&self->p.b, STOP, NULL)) {
			TH_LOG("%zu of %zu bytes", k, self->good.len);
		}
		EXPECT_EQ(RESUMING, mig_get(&self->p.b));
	}
	expect_unchanged(_metadata, self);
	EXPECT_EQ(0, load(self, &self->good));
	expect_same_state(_metadata, self);
}

/* Asked too early, then refused: the sentence is that of the refusal. */
TEST_F(stream, early_stop_then_refused)
{
	char error[512];
	struct stream_rec rec;

	ASSERT_EQ(0, buf_copy(&self->work, &self->good));
	ASSERT_EQ(0, stream_find(&self->work, MDEV_MIGRATE_TAG_VIRTIO_ISR,
				 &rec));
	rec.payload[0] = 0x80;
	stream_seal(&rec);
	ASSERT_EQ(0, begin(self));
	ASSERT_EQ(0, mig_feed(self->fd, self->work.data, rec.offset, 0));
	EXPECT_EQ(-ENODATA, mig_set(&self->p.b, STOP, NULL));
	EXPECT_GT(0, mig_feed(self->fd, self->work.data + rec.offset,
			      self->work.len - rec.offset, 0));
	ASSERT_LT(0, mdev_read(MDEV_UUID_B, "migration/last_error", error,
			       sizeof(error)));
	EXPECT_EQ(NULL, strstr(error, "stops at byte")) {
		TH_LOG("%s", error);
	}
}

static void flip(struct __test_metadata *_metadata,
		 FIXTURE_DATA(stream) *self, size_t at, uint8_t mask)
{
	self->work.data[at] ^= mask;
	EXPECT_GT(0, try_load(self, &self->work)) {
		TH_LOG("byte %zu xor 0x%02x was accepted", at, mask);
	}
	if (at % 16 == 0)
		expect_unchanged(_metadata, self);
	self->work.data[at] ^= mask;
}

TEST_F(stream, every_byte_inverted)
{
	size_t at;

	ASSERT_EQ(0, buf_copy(&self->work, &self->good));
	for (at = 0; at < self->good.len; at += stride(variant))
		flip(_metadata, self, at, 0xff);
	EXPECT_EQ(0, load(self, &self->good));
	expect_same_state(_metadata, self);
}

TEST_F(stream, bits)
{
	size_t at;

	ASSERT_EQ(0, buf_copy(&self->work, &self->good));
	for (at = 0; at < self->good.len; at += 2 * stride(variant) + 1)
		flip(_metadata, self, at, 1 << at % 8);
	EXPECT_EQ(0, load(self, &self->good));
	expect_same_state(_metadata, self);
}

/* After the first error every write fails, with good bytes too. */
TEST_F(stream, error_is_sticky)
{
	size_t at;

	ASSERT_EQ(0, begin(self));
	EXPECT_EQ(-1, write(self->fd, "this is no stream", 17));
	EXPECT_NE(0, errno);
	for (at = 0; at < 8; at++) {
		EXPECT_GT(0, mig_feed(self->fd, self->good.data,
				      self->good.len, 0));
	}
	EXPECT_GT(0, mig_set(&self->p.b, STOP, NULL));
	EXPECT_GT(0, mig_set(&self->p.b, RUNNING, NULL));
	EXPECT_TRUE(state_is(&self->p.b, RESUMING));
	expect_unchanged(_metadata, self);
	ASSERT_EQ(0, load(self, &self->good));
}

TEST_F(stream, random_bytes)
{
	uint64_t rng = 77;
	uint8_t junk[256];
	unsigned int i, k;

	for (i = 0; i < 200; i++) {
		for (k = 0; k < sizeof(junk); k++)
			junk[k] = rng_next(&rng) >> 32;
		self->work.len = 0;
		if (i & 1) {
			ASSERT_EQ(0, buf_append(&self->work, self->good.data,
						98 + i));
		}
		ASSERT_EQ(0, buf_append(&self->work, junk, sizeof(junk)));
		EXPECT_GT(0, try_load(self, &self->work));
	}
	expect_unchanged(_metadata, self);
}

/*
 * Somebody writes while the device goes away under the data FD, by reset and
 * by close: an errno, no crash, and the FD is dead afterwards.
 */
TEST_F(stream, concurrent_end)
{
	int i, status, ready[2];
	char byte = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, begin(self));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			vdev_close(&self->p.a);
			vdev_close(&self->p.b);
			if (write(ready[1], &byte, 1) != 1)
				_exit(1);
			for (;;) {
				int ret = mig_feed(self->fd, self->good.data,
						   self->good.len, 1);

				if (ret == -ENODEV)
					_exit(0);
			}
		}
		ASSERT_EQ(1, read(ready[0], &byte, 1));
		if (i & 1) {
			ASSERT_EQ(0, vdev_reset(&self->p.b));
		} else {
			vdev_close(&self->p.b);
			ASSERT_EQ(0, vdev_open(&self->p.b, MDEV_UUID_B,
					       variant->how));
			ASSERT_EQ(0, vdev_map(&self->p.b, &self->mem));
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		EXPECT_TRUE(state_is(&self->p.b, RUNNING));
	}
	close(ready[0]);
	close(ready[1]);
	EXPECT_EQ(0, load(self, &self->good));
	expect_same_state(_metadata, self);
}

TEST_HARNESS_MAIN
