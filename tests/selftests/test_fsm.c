// SPDX-License-Identifier: GPL-2.0-only
/*
 * The migration state machine against include/uapi/linux/vfio.h: the arcs and
 * the two rules for combining them are here as the header tells them, and the
 * expected path is searched for, not copied from the kernel's table.
 */
#include "test.h"
#include "arcs.h"

#include <sys/utsname.h>

static bool saving(unsigned int state)
{
	return state == PRE_COPY || state == PRE_COPY_P2P || state == STOP_COPY;
}

/**
 * struct path - the way from one state to another
 * @len: arcs, -1 if there is no way
 * @state: the states after each of them
 */
struct path {
	int len;
	uint8_t state[8];
};

/*
 * An arc that may be part of a way from @from to @to: no saving state in
 * between. PRE_COPY to STOP_COPY through PRE_COPY_P2P moves inside the group,
 * where the session is shared; the header allows that.
 */
static bool usable(const uint8_t *arc, unsigned int from, unsigned int to)
{
	if (arc[1] == to || !saving(arc[1]))
		return true;
	return saving(from) && saving(to) && saving(arc[0]);
}

/* Breadth first over the arcs. */
static struct path find_path(unsigned int from, unsigned int to)
{
	struct path paths[NR_STATES], none = { .len = -1 };
	unsigned int round, i;

	for (i = 0; i < NR_STATES; i++)
		paths[i] = none;
	paths[from].len = 0;
	for (round = 0; round < NR_STATES; round++) {
		for (i = 0; i < ARRAY_SIZE(arcs); i++) {
			struct path *at = &paths[arcs[i][0]];
			struct path *next = &paths[arcs[i][1]];

			if (at->len != (int)round || next->len >= 0 ||
			    !usable(arcs[i], from, to))
				continue;
			*next = *at;
			next->state[next->len++] = arcs[i][1];
		}
	}
	return paths[to];
}

/* The header: these are not permitted, whatever way round there may be. */
static bool blocked(unsigned int from, unsigned int to)
{
	return from == STOP_COPY && (to == PRE_COPY || to == PRE_COPY_P2P);
}

/* A way that gives a new data FD: it enters a session's state from outside. */
static bool begins_session(unsigned int from, unsigned int to)
{
	if (from == to)
		return false;
	if (to == RESUMING)
		return true;
	return saving(to) && !saving(from);
}

FIXTURE(fsm) {
	struct vdev v;
	struct buf stream;
	unsigned int nr_states;	/* that this kernel has */
	int data_fd;
};

BOTH_WAYS(fsm);

FIXTURE_SETUP(fsm)
{
	REQUIRE_WAY(variant->how);
	self->data_fd = -1;
	ASSERT_EQ(0, create_open(&self->v, MDEV_UUID_A, variant->how));
	self->nr_states = has_pre_copy(&self->v) ? NR_STATES : PRE_COPY;
	ASSERT_EQ(0, mig_save(&self->v, &self->stream));
	ASSERT_EQ(0, vdev_reset(&self->v));
}

FIXTURE_TEARDOWN(fsm)
{
	if (self->data_fd >= 0)
		close(self->data_fd);
	close_remove(&self->v);
	buf_free(&self->stream);
}

/* As a user: reset, one SET_STATE, and a whole stream when RESUMING. */
static int enter(FIXTURE_DATA(fsm) *self, unsigned int state, bool feed)
{
	int ret;

	if (self->data_fd >= 0)
		close(self->data_fd);
	ret = go_to(&self->v, state, &self->data_fd);
	if (ret || state != RESUMING || !feed)
		return ret;
	return mig_feed(self->data_fd, self->stream.data, self->stream.len, 0);
}

/* It came with Linux 6.2. */
static bool kernel_has_pre_copy(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	if (!uname(&name))
		sscanf(name.release, "%u.%u", &major, &minor);
	return major > 6 || (major == 6 && minor >= 2);
}

TEST_F(fsm, flags)
{
	uint64_t flags, want = VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P;

	if (kernel_has_pre_copy())
		want |= VFIO_MIGRATION_PRE_COPY;
	ASSERT_EQ(0, mig_flags(&self->v, &flags));
	EXPECT_EQ(want, flags);
	EXPECT_TRUE(state_is(&self->v, RUNNING));
}

TEST_F(fsm, feature_probes)
{
	uint32_t get = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET;
	uint32_t set = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET;
	struct vdev *v = &self->v;

	EXPECT_EQ(0, vdev_feature(v, get | VFIO_DEVICE_FEATURE_MIGRATION,
				  NULL, 0));
	EXPECT_EQ(0, vdev_feature(v, get | set |
				  VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, NULL,
				  0));
	EXPECT_EQ(0, vdev_feature(v, get | VFIO_DEVICE_FEATURE_MIG_DATA_SIZE,
				  NULL, 0));
	EXPECT_EQ(-EINVAL, vdev_feature(v, set | VFIO_DEVICE_FEATURE_MIGRATION,
					NULL, 0));
	EXPECT_EQ(-ENOTTY, vdev_feature(v, get | 0xfff0, NULL, 0));
}

/* A path of one arc per call ends where the combined call does. */
TEST_F(fsm, arcs_of_the_path)
{
	unsigned int from, to;
	int i, fd;

	for (from = 1; from < self->nr_states; from++) {
		for (to = 1; to < self->nr_states; to++) {
			struct path path = find_path(from, to);

			if (blocked(from, to) || from == RESUMING)
				continue;
			ASSERT_LE(0, path.len);
			ASSERT_EQ(0, enter(self, from, true));
			for (i = 0; i < path.len; i++) {
				unsigned int before = i ? path.state[i - 1] :
							  from;

				ASSERT_EQ(0, mig_set(&self->v, path.state[i],
						     &fd)) {
					TH_LOG("%s -> %s at %s",
					       mig_name(from), mig_name(to),
					       mig_name(path.state[i]));
				}
				EXPECT_EQ(begins_session(before,
							 path.state[i]),
					  fd >= 0);
				if (fd >= 0)
					close(fd);
				EXPECT_TRUE(state_is(&self->v, path.state[i]));
			}
		}
	}
}

TEST_F(fsm, every_pair)
{
	unsigned int from, to;
	int fd, ret;

	for (from = 1; from < self->nr_states; from++) {
		for (to = 0; to < NR_STATES; to++) {
			bool legal = to != ERROR && to < self->nr_states &&
				     !blocked(from, to);

			ASSERT_EQ(0, enter(self, from, true));
			EXPECT_TRUE(state_is(&self->v, from));
			ret = mig_set(&self->v, to, &fd);
			EXPECT_EQ(legal ? 0 : -EINVAL, ret) {
				TH_LOG("%s -> %s", mig_name(from),
				       mig_name(to));
			}
			EXPECT_TRUE(state_is(&self->v, legal ? to : from)) {
				TH_LOG("%s -> %s: state %d", mig_name(from),
				       mig_name(to), mig_get(&self->v));
			}
			EXPECT_EQ(legal && begins_session(from, to), fd >= 0) {
				TH_LOG("%s -> %s: fd %d", mig_name(from),
				       mig_name(to), fd);
			}
			if (fd >= 0)
				close(fd);
			else
				EXPECT_EQ(-1, fd);
		}
	}
}

TEST_F(fsm, no_such_state)
{
	static const uint32_t bad[] = {
		NR_STATES, NR_STATES + 1, 255, 256 + STOP, 0x10000 + STOP,
		0x7fffffff, 0x80000000 + STOP, ~0U,
	};
	unsigned int from, i;
	int fd;

	for (from = 1; from < self->nr_states; from++) {
		ASSERT_EQ(0, enter(self, from, false));
		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			EXPECT_EQ(-EINVAL, mig_set(&self->v, bad[i], &fd)) {
				TH_LOG("%s -> %u", mig_name(from), bad[i]);
			}
			EXPECT_EQ(-1, fd);
		}
		EXPECT_TRUE(state_is(&self->v, from));
	}
}

/* Leaving RESUMING without a stream, or with a part of one. */
TEST_F(fsm, resuming_incomplete)
{
	size_t part[] = { 0, 1, self->stream.len / 2, self->stream.len - 1 };
	unsigned int i, to;
	int fd;

	for (to = 1; to < self->nr_states; to++) {
		for (i = 0; i < ARRAY_SIZE(part) && to != RESUMING; i++) {
			ASSERT_EQ(0, enter(self, RESUMING, false));
			ASSERT_EQ(0, mig_feed(self->data_fd, self->stream.data,
					      part[i], 0));
			EXPECT_EQ(-ENODATA, mig_set(&self->v, to, &fd)) {
				TH_LOG("resuming -> %s with %zu bytes",
				       mig_name(to), part[i]);
			}
			EXPECT_EQ(-1, fd);
			EXPECT_TRUE(state_is(&self->v, RESUMING));
		}
	}
	/* More bytes can still come, and then it works. */
	ASSERT_EQ(0, mig_feed(self->data_fd, self->stream.data +
			      self->stream.len - 1, 1, 0));
	EXPECT_EQ(0, mig_set(&self->v, STOP, NULL));
	EXPECT_TRUE(state_is(&self->v, STOP));
}

TEST_F(fsm, reset_in_every_state)
{
	unsigned int from;
	char byte;

	for (from = 1; from < self->nr_states; from++) {
		ASSERT_EQ(0, enter(self, from, false));
		EXPECT_TRUE(state_is(&self->v, from));
		EXPECT_EQ(0, vdev_reset(&self->v));
		EXPECT_TRUE(state_is(&self->v, RUNNING)) {
			TH_LOG("reset in %s", mig_name(from));
		}
		if (self->data_fd < 0)
			continue;
		if (from == RESUMING) {
			EXPECT_EQ(-1, write(self->data_fd, "x", 1));
		} else {
			EXPECT_EQ(-1, read(self->data_fd, &byte, 1));
		}
		EXPECT_EQ(ENODEV, errno) {
			TH_LOG("data FD of %s after reset", mig_name(from));
		}
	}
}

TEST_F(fsm, close_in_every_state)
{
	unsigned int from;
	char byte;

	for (from = 1; from < self->nr_states; from++) {
		ASSERT_EQ(0, enter(self, from, false));
		vdev_close(&self->v);
		if (self->data_fd >= 0) {
			errno = 0;
			if (from == RESUMING) {
				EXPECT_EQ(-1, write(self->data_fd, "x", 1));
			} else {
				EXPECT_EQ(-1, read(self->data_fd, &byte, 1));
			}
			EXPECT_EQ(ENODEV, errno) {
				TH_LOG("data FD of %s after close",
				       mig_name(from));
			}
		}
		ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
		EXPECT_TRUE(state_is(&self->v, RUNNING)) {
			TH_LOG("reopened after %s", mig_name(from));
		}
	}
}

/* A data FD that outlives its device says so, and can be closed. */
TEST_F(fsm, remove_with_data_fd_open)
{
	struct vfio_precopy_info info;
	char byte;

	ASSERT_EQ(0, enter(self, has_pre_copy(&self->v) ? PRE_COPY : STOP_COPY,
			   false));
	close_remove(&self->v);
	EXPECT_FALSE(mdev_exists(MDEV_UUID_A));
	EXPECT_EQ(-1, read(self->data_fd, &byte, 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_GT(0, mig_precopy_info(self->data_fd, &info));
	EXPECT_EQ(0, close(self->data_fd));
	self->data_fd = -1;
}

/* The sequence that QEMU uses, without an error, on both ends. */
TEST_F(fsm, as_qemu_does)
{
	static const unsigned int source[] = {
		PRE_COPY, PRE_COPY_P2P, STOP_COPY, STOP, RUNNING_P2P, RUNNING,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(source); i++) {
		if (source[i] >= self->nr_states)
			continue;
		EXPECT_EQ(0, mig_set(&self->v, source[i], NULL));
		EXPECT_TRUE(state_is(&self->v, source[i]));
	}
	EXPECT_EQ(0, vdev_reset(&self->v));
	EXPECT_EQ(0, mig_load(&self->v, self->stream.data, self->stream.len,
			      0));
	EXPECT_EQ(0, mig_set(&self->v, RUNNING_P2P, NULL));
	EXPECT_EQ(0, mig_set(&self->v, RUNNING, NULL));
	EXPECT_TRUE(state_is(&self->v, RUNNING));
}

/* A random walk, the state tracked by the rules. */
TEST_F(fsm, random_walk)
{
	unsigned int at = RUNNING, to, step;
	uint64_t rng = 2;
	int fd = -1, ret;

	for (step = 0; step < 500; step++) {
		bool legal;

		to = rng_next(&rng) >> 32 & 7;
		if (rng_next(&rng) % 16 == 0) {
			ASSERT_EQ(0, vdev_reset(&self->v));
			at = RUNNING;
			continue;
		}
		legal = to != ERROR && to < self->nr_states && !blocked(at, to);
		ret = mig_set(&self->v, to, &fd);
		if (fd >= 0)
			close(fd);
		if (at == RESUMING && to != RESUMING && legal) {
			/* Nothing was written: it cannot be left. */
			EXPECT_EQ(-ENODATA, ret);
			legal = false;
		} else {
			ASSERT_EQ(legal ? 0 : -EINVAL, ret) {
				TH_LOG("step %u: %s -> %s", step, mig_name(at),
				       mig_name(to));
			}
			EXPECT_EQ(legal && begins_session(at, to), fd >= 0);
		}
		if (legal)
			at = to;
		ASSERT_TRUE(state_is(&self->v, at));
	}
}

TEST_HARNESS_MAIN
