/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fixture of the programs that load streams: a source with its card up and a
 * destination that shares its guest memory.
 */
#ifndef TESTS_SELFTESTS_STREAM_FIXTURE_H
#define TESTS_SELFTESTS_STREAM_FIXTURE_H

#include "test.h"

FIXTURE(stream) {
	struct pair p;
	struct guest_mem mem;
	struct vnic nic;
	struct buf good;		/* the source's stream */
	struct buf work;
	struct buf saved;
	struct snapshot before;		/* of the destination after reset */
	int fd;				/* of the destination, RESUMING */
};

BOTH_WAYS(stream);

FIXTURE_SETUP(stream)
{
	REQUIRE_WAY(variant->how);
	self->fd = -1;
	ASSERT_EQ(0, pair_open(&self->p, variant->how));
	ASSERT_EQ(0, guest_mem_init(&self->mem, MIB, 2 * MIB));
	ASSERT_EQ(0, vdev_map(&self->p.a, &self->mem));
	ASSERT_EQ(0, vdev_map(&self->p.b, &self->mem));
	ASSERT_EQ(0, vnic_up(&self->nic, &self->p.a, &self->mem, 64, 0));
	ASSERT_EQ(0, mig_save(&self->p.a, &self->good));
	ASSERT_EQ(0, vdev_reset(&self->p.b));
	ASSERT_EQ(0, snapshot_take(&self->p.b, &self->before));
}

FIXTURE_TEARDOWN(stream)
{
	if (self->fd >= 0)
		close(self->fd);
	vnic_down(&self->nic);
	pair_close(&self->p);
	guest_mem_free(&self->mem);
	buf_free(&self->good);
	buf_free(&self->work);
	buf_free(&self->saved);
}

/* The destination, reset, in RESUMING, with self->fd. */
static inline int begin(FIXTURE_DATA(stream) *self)
{
	if (self->fd >= 0)
		close(self->fd);
	return go_to(&self->p.b, RESUMING, &self->fd);
}

/* Loads @s; 0 or the first error, of write() or of leaving RESUMING. */
static inline int try_load(FIXTURE_DATA(stream) *self, const struct buf *s)
{
	int ret = begin(self);

	if (ret)
		return ret;
	ret = mig_feed(self->fd, s->data, s->len, 0);
	return ret ? ret : mig_set(&self->p.b, STOP, NULL);
}

static inline int load(FIXTURE_DATA(stream) *self, const struct buf *s)
{
	char text[512];
	int ret = try_load(self, s);

	if (ret && last_error(MDEV_UUID_B, text, sizeof(text)) > 0)
		ksft_print_msg("last_error: %s\n", text);
	return ret;
}

/* The destination, stopped, gives what the source gave. */
static inline void expect_same_state(struct __test_metadata *_metadata,
				     FIXTURE_DATA(stream) *self)
{
	ASSERT_EQ(0, mig_save(&self->p.b, &self->saved));
	EXPECT_TRUE(buf_equal(&self->good, &self->saved));
}

/* The destination looks as after reset, though a stream was written to it. */
static inline void expect_unchanged(struct __test_metadata *_metadata,
				    FIXTURE_DATA(stream) *self)
{
	struct snapshot now;

	ASSERT_EQ(0, snapshot_take(&self->p.b, &now));
	EXPECT_TRUE(snapshot_equal(&self->before, &now));
}

/*
 * @s is refused with @err (0: any), the device says why with @word in it, does
 * not change, stays in RESUMING and takes no more.
 */
static inline void refused(struct __test_metadata *_metadata,
			   FIXTURE_DATA(stream) *self, const struct buf *s,
			   int err, const char *word)
{
	char text[512];
	int ret = try_load(self, s);

	EXPECT_GT(0, ret);
	if (err) {
		EXPECT_EQ(err, ret);
	}
	EXPECT_LT(0, last_error(MDEV_UUID_B, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, word)) {
		TH_LOG("no \"%s\" in: %s", word, text);
	}
	EXPECT_TRUE(state_is(&self->p.b, RESUMING));
	EXPECT_GT(0, mig_set(&self->p.b, STOP, NULL));
	expect_unchanged(_metadata, self);
}

#endif /* TESTS_SELFTESTS_STREAM_FIXTURE_H */
