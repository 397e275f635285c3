// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that are no PCI functions and whose state is a firmware's: a blob that is
 * larger than a record, loaded in place, by a firmware that may refuse
 * (tests/modules/firmware).
 */
#include "firmware.h"

#include "faults.h"

#include <poll.h>

TEST_F(firmware, what_it_is)
{
	struct vfio_device_info info;
	uint64_t flags;
	uint8_t byte;

	ASSERT_EQ(0, vdev_info(&self->a, &info));
	EXPECT_EQ(VFIO_DEVICE_FLAGS_RESET, info.flags);
	EXPECT_EQ(1, info.num_regions);
	EXPECT_EQ(0, info.num_irqs);
	EXPECT_EQ(FW_SIZE, self->a.regions[0].size);
	ASSERT_EQ(0, mig_flags(&self->a, &flags));
	EXPECT_EQ(VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P,
		  flags & ~(uint64_t)VFIO_MIGRATION_PRE_COPY);
	EXPECT_TRUE(fw_has(self, &self->a, self->memory));
	EXPECT_TRUE(fw_is_zero(self, &self->b));
	EXPECT_EQ(1, pread(self->a.fd, &byte, 1, FW_SIZE - 1));
	EXPECT_EQ(0, pread(self->a.fd, &byte, 1, FW_SIZE));
	EXPECT_EQ(0, pwrite(self->a.fd, &byte, 1, FW_SIZE));
	EXPECT_STREQ("running", text_of(PLATFORM_DEVICES "/" FW_A, "migration/state"));
	EXPECT_STREQ("any", text_of(PLATFORM_DEVICES "/" FW_A,
				    "migration/type/combinations"));
	EXPECT_EQ(-EBUSY, fw_resize(FW_A, 1));
}

/* Does the firmware run in the states in which the device does? */
static bool runs_as(struct vdev *v, unsigned int state)
{
	const char *want = state == RUNNING || state == PRE_COPY ? "running " :
								   "stopped ";
	char status[64];

	return mdev_read(v->uuid, "status", status, sizeof(status)) > 0 &&
	       !strncmp(status, want, strlen(want));
}

/* To a state, with a whole stream if that is RESUMING. */
static int enter(FIXTURE_DATA(firmware) *self, unsigned int state)
{
	int ret;

	if (self->fd >= 0)
		close(self->fd);
	ret = go_to(&self->b, state, &self->fd);
	if (ret || state != RESUMING)
		return ret;
	return mig_feed(self->fd, self->stream.data, self->stream.len, 0);
}

TEST_F(firmware, every_state)
{
	unsigned int from, to;
	int fd;

	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	for (from = STOP; from < NR_STATES; from++) {
		for (to = STOP; to < NR_STATES; to++) {
			if (!has_state(&self->b, from) ||
			    !has_state(&self->b, to) ||
			    (from == STOP_COPY && (to == PRE_COPY ||
						   to == PRE_COPY_P2P)))
				continue;
			ASSERT_EQ(0, enter(self, from));
			EXPECT_EQ(0, mig_set(&self->b, to, &fd)) {
				TH_LOG("%s to %s", mig_name(from), mig_name(to));
			}
			EXPECT_TRUE(state_is(&self->b, to));
			EXPECT_TRUE(runs_as(&self->b, to)) {
				TH_LOG("%s to %s", mig_name(from), mig_name(to));
			}
			if (from == RESUMING && to != RESUMING) {
				EXPECT_TRUE(fw_has(self, &self->b,
						   self->memory));
			}
			if (fd >= 0)
				close(fd);
		}
	}
}

TEST_F(firmware, moves)
{
	static const size_t chunks[] = { 4097, 65536, 3 * MIB };
	unsigned int i;

	fw_close(self);
	ASSERT_EQ(0, fw_open(self, variant->how, 1024));
	ASSERT_LT(MDEV_MIGRATE_RECORD_MAX, self->size);
	for (i = 0; i < ARRAY_SIZE(chunks); i++) {
		self->stream.len = 0;
		ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, &self->fd));
		EXPECT_LT(self->size, mig_data_size(&self->a));
		ASSERT_EQ(0, mig_drain(self->fd, &self->stream, chunks[i]));
		EXPECT_EQ(0, mig_data_size(&self->a));
		close(self->fd);
		ASSERT_EQ(0, mig_set(&self->b, RESUMING, &self->fd));
		ASSERT_EQ(0, mig_feed(self->fd, self->stream.data,
				      self->stream.len, chunks[i]));
		close(self->fd);
		self->fd = -1;
		ASSERT_EQ(0, mig_set(&self->b, RUNNING, NULL));
		EXPECT_TRUE(fw_has(self, &self->b, self->memory));
		EXPECT_TRUE(fw_has(self, &self->a, self->memory));
		EXPECT_STREQ("running 1024", text_of(PLATFORM_DEVICES "/" FW_B,
						     "status"));
		/* The source goes on; the destination begins anew. */
		ASSERT_EQ(0, mig_set(&self->a, RUNNING, NULL));
		ASSERT_EQ(0, vdev_reset(&self->b));
		EXPECT_TRUE(fw_is_zero(self, &self->b));
	}
}

/* What is written while it is sent is sent again, page by page. */
TEST_F(firmware, pre_copy)
{
	struct vfio_precopy_info info;
	size_t len;

	REQUIRE_PRE_COPY(&self->a);
	ASSERT_EQ(0, mig_set(&self->a, PRE_COPY, &self->fd));
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_LE(FW_SIZE, info.initial_bytes);
	EXPECT_EQ(0, info.dirty_bytes);
	ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 1000));
	len = self->stream.len;
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_EQ(0, info.initial_bytes);
	EXPECT_EQ(0, info.dirty_bytes);
	EXPECT_EQ(0, wait_readable(self->fd, 0));
	/* Two pages: the end of one, the beginning of the next. */
	memset(self->memory + 3 * FW_PAGE - 8, 0xaa, 16);
	ASSERT_EQ(0, fw_write(&self->a, 3 * FW_PAGE - 8,
			      self->memory + 3 * FW_PAGE - 8, 16));
	EXPECT_EQ(1, wait_readable(self->fd, DEADLINE_MS));
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_EQ(0, info.initial_bytes);
	EXPECT_EQ(2 * FW_PAGE, info.dirty_bytes);
	ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 1000));
	EXPECT_EQ(2 * (STREAM_HDR + 8 + FW_PAGE), self->stream.len - len);
	len = self->stream.len;
	memset(self->memory, 0xbb, 5);
	ASSERT_EQ(0, fw_write(&self->a, 0, self->memory, 5));
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
	ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 1000));
	EXPECT_GT(2 * FW_PAGE, self->stream.len - len);
	ASSERT_EQ(0, mig_load(&self->b, self->stream.data, self->stream.len,
			      len));
	EXPECT_TRUE(fw_has(self, &self->b, self->memory));
}

/* In the middle of the blob STOP_COPY goes on with it. */
TEST_F(firmware, pre_copy_in_part)
{
	REQUIRE_PRE_COPY(&self->a);
	ASSERT_EQ(0, mig_set(&self->a, PRE_COPY, &self->fd));
	ASSERT_EQ(0, buf_reserve(&self->stream, MIB));
	self->stream.len = read(self->fd, self->stream.data, FW_PART);
	ASSERT_EQ(FW_PART, self->stream.len);
	memset(self->memory + 10, 1, 10);
	memset(self->memory + FW_SIZE - 10, 2, 10);
	ASSERT_EQ(0, fw_write(&self->a, 10, self->memory + 10, 10));
	ASSERT_EQ(0, fw_write(&self->a, FW_SIZE - 10,
			      self->memory + FW_SIZE - 10, 10));
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
	ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 65536));
	ASSERT_EQ(0, mig_load(&self->b, self->stream.data, self->stream.len, 7));
	EXPECT_TRUE(fw_has(self, &self->b, self->memory));
}

/* A destination of another size refuses the first kilobyte, and is as it was. */
TEST_F(firmware, other_size)
{
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	vdev_close(&self->b);
	ASSERT_EQ(0, fw_resize(FW_B, FW_PAGES + 1));
	ASSERT_EQ(0, vdev_open(&self->b, FW_B, variant->how));
	ASSERT_EQ(0, fw_write(&self->b, 0, "kept", 4));
	ASSERT_EQ(0, mig_set(&self->b, RESUMING, &self->fd));
	EXPECT_EQ(-ERANGE, mig_feed(self->fd, self->stream.data, 1024, 0));
	EXPECT_TRUE(fw_says(FW_B, "pages"));
	EXPECT_EQ(-ERANGE, mig_set(&self->b, RUNNING, NULL));
	EXPECT_TRUE(state_is(&self->b, RESUMING));
	ASSERT_EQ(4, vdev_pread(&self->b, 0, self->got, 4, 0));
	EXPECT_EQ(0, memcmp("kept", self->got, 4));
}

/* Nothing has changed, and it can be tried again. */
TEST_F(firmware, arcs_refused)
{
	static const struct {
		const char *step;
		unsigned int from, to, stays;
	} cases[] = {
		{ "stop", RUNNING, STOP, RUNNING },
		{ "stop", RUNNING, RUNNING_P2P, RUNNING },
		{ "stop", PRE_COPY, PRE_COPY_P2P, PRE_COPY },
		{ "stop", PRE_COPY, STOP_COPY, PRE_COPY },
		{ "stop", RUNNING, RESUMING, RUNNING },
		{ "start", RUNNING_P2P, RUNNING, RUNNING_P2P },
		{ "start", STOP, RUNNING, RUNNING_P2P },
		{ "start", STOP_COPY, RUNNING, RUNNING_P2P },
		{ "start", RESUMING, RUNNING, RUNNING_P2P },
		{ "start", PRE_COPY_P2P, PRE_COPY, PRE_COPY_P2P },
		{ "save_begin", STOP, STOP_COPY, STOP },
		{ "save_begin", RUNNING, STOP_COPY, STOP },
		{ "save_begin", RUNNING, PRE_COPY, RUNNING },
		{ "save_begin", RUNNING_P2P, PRE_COPY_P2P, RUNNING_P2P },
		{ "save", STOP, STOP_COPY, STOP },
		{ "save", PRE_COPY, STOP_COPY, PRE_COPY_P2P },
		{ "save", PRE_COPY_P2P, STOP_COPY, PRE_COPY_P2P },
	};
	unsigned int i, k;
	int fd;

	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (!has_state(&self->b, cases[i].from) ||
		    !has_state(&self->b, cases[i].to))
			continue;
		ASSERT_EQ(0, enter(self, cases[i].from));
		ASSERT_EQ(0, fw_refuse(&self->b, cases[i].step));
		for (k = 0; k < 2; k++) {
			EXPECT_EQ(REFUSED, mig_set(&self->b, cases[i].to, NULL)) {
				TH_LOG("case %u", i);
			}
			EXPECT_TRUE(state_is(&self->b, cases[i].stays));
			EXPECT_TRUE(runs_as(&self->b, cases[i].stays));
			EXPECT_TRUE(fw_says(FW_B, cases[i].step));
		}
		ASSERT_EQ(0, fw_refuse(&self->b, "none"));
		EXPECT_EQ(0, mig_set(&self->b, cases[i].to, &fd)) {
			TH_LOG("case %u", i);
		}
		if (fd >= 0)
			close(fd);
		EXPECT_TRUE(state_is(&self->b, cases[i].to));
	}
}

TEST_F(firmware, open_refused)
{
	vdev_close(&self->b);
	ASSERT_EQ(0, mdev_write(FW_B, "refuse", "boot"));
	EXPECT_EQ(REFUSED, vdev_open(&self->b, FW_B, variant->how));
	/* It is closed, and not half open. */
	EXPECT_EQ(0, fw_resize(FW_B, FW_PAGES));
	ASSERT_EQ(0, mdev_write(FW_B, "refuse", "none"));
	EXPECT_EQ(0, vdev_open(&self->b, FW_B, variant->how));
}

/* Reads in @state, with the Nth chunk refused. Returns what mig_drain() does. */
static int drain_refused(struct __test_metadata *_metadata,
			 FIXTURE_DATA(firmware) *self, unsigned int state,
			 const char *step, unsigned int nth, struct buf *got)
{
	char what[32];

	if (self->fd >= 0)
		close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, mig_set(&self->a, RUNNING, NULL));
	snprintf(what, sizeof(what), "%s %u", step, nth);
	EXPECT_EQ(0, fw_refuse(&self->a, what));
	EXPECT_EQ(0, mig_set(&self->a, state, &self->fd));
	got->len = 0;
	return mig_drain(self->fd, got, 4096);
}

/* Each chunk in turn: read() says so, and goes on saying it. */
TEST_F(firmware, save_refused_at_each_chunk)
{
	struct buf got = { 0 };
	unsigned int nth = 2;
	uint8_t byte;
	int ret;

	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	for (;; nth++) {
		ret = drain_refused(_metadata, self, STOP_COPY, "save", nth, &got);
		if (!ret)
			break;
		ASSERT_EQ(REFUSED, ret);
		EXPECT_LE((nth - 1) * FW_PART, got.len + FW_PART / 2);
		EXPECT_GT(self->stream.len, got.len);
		EXPECT_EQ(0, memcmp(got.data, self->stream.data, got.len));
		EXPECT_TRUE(fw_says(FW_A, "save"));
		ASSERT_EQ(0, fw_refuse(&self->a, "none"));
		EXPECT_EQ(-1, read(self->fd, &byte, 1));
		EXPECT_EQ(EREMOTEIO, errno);
		EXPECT_TRUE(state_is(&self->a, STOP_COPY));
		ASSERT_GT(20, nth);
	}
	/* Three parts, and what is counted. */
	EXPECT_EQ(5, nth);
	EXPECT_TRUE(buf_equal(&self->stream, &got));
	buf_free(&got);
}

TEST_F(firmware, precopy_refused_at_each_chunk)
{
	struct buf got = { 0 };
	unsigned int nth = 1;
	int ret;

	REQUIRE_PRE_COPY(&self->a);
	for (;; nth++) {
		ret = drain_refused(_metadata, self, PRE_COPY, "precopy", nth,
				    &got);
		if (ret == -ENOMSG)
			break;
		ASSERT_EQ(REFUSED, ret);
		EXPECT_TRUE(fw_says(FW_A, "precopy"));
		ASSERT_EQ(0, fw_refuse(&self->a, "none"));
		/* For good. */
		EXPECT_EQ(REFUSED, mig_set(&self->a, STOP_COPY, NULL));
		EXPECT_TRUE(state_is(&self->a, PRE_COPY_P2P));
		EXPECT_EQ(REFUSED, mig_drain(self->fd, &got, 4096));
		ASSERT_GT(20, nth);
	}
	EXPECT_LT(3, nth);
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
	ASSERT_EQ(0, mig_drain(self->fd, &got, 4096));
	ASSERT_EQ(0, mig_load(&self->b, got.data, got.len, 1));
	EXPECT_TRUE(fw_has(self, &self->b, self->memory));
	buf_free(&got);
}

/* Returns what write() says of the stream, at last. */
static int feed_refused(struct __test_metadata *_metadata,
			FIXTURE_DATA(firmware) *self, const char *what)
{
	if (self->fd >= 0)
		close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, vdev_reset(&self->b));
	EXPECT_EQ(0, fw_refuse(&self->b, what));
	EXPECT_EQ(0, mig_set(&self->b, RESUMING, &self->fd));
	return mig_feed(self->fd, self->stream.data, self->stream.len, 5000);
}

/* Before anything is loaded there is a way back. */
TEST_F(firmware, load_refused_at_first)
{
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(REFUSED, feed_refused(_metadata, self, "load_begin"));
	EXPECT_TRUE(fw_says(FW_B, "load_begin"));
	EXPECT_EQ(REFUSED, mig_set(&self->b, STOP, NULL));
	EXPECT_TRUE(state_is(&self->b, RESUMING));
	fw_works(_metadata, self, &self->b);
}

/* From then on there is none but a reset. */
TEST_F(firmware, load_refused_at_each_chunk)
{
	static const char * const steps[] = { "load_check", "load_commit" };
	unsigned int nth, i;
	char what[32];

	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	for (nth = 1; nth <= 3; nth++) {
		snprintf(what, sizeof(what), "load %u", nth);
		ASSERT_EQ(REFUSED, feed_refused(_metadata, self, what));
		EXPECT_TRUE(fw_says(FW_B, "load"));
		EXPECT_EQ(REFUSED, mig_set(&self->b, STOP, NULL));
		EXPECT_TRUE(state_is(&self->b, ERROR));
		EXPECT_EQ(-EINVAL, mig_set(&self->b, RUNNING, NULL));
		EXPECT_GT(0, mig_feed(self->fd, self->stream.data, 1, 0));
		fw_works(_metadata, self, &self->b);
	}
	ASSERT_EQ(0, feed_refused(_metadata, self, "load 4"));
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		ASSERT_EQ(0, feed_refused(_metadata, self, steps[i]));
		EXPECT_EQ(REFUSED, mig_set(&self->b, RUNNING, NULL));
		EXPECT_TRUE(state_is(&self->b, ERROR));
		EXPECT_TRUE(fw_says(FW_B, steps[i]));
		fw_works(_metadata, self, &self->b);
	}
}

/* A process that waits for nothing but an error. */
static pid_t wait_for_error(int fd)
{
	struct pollfd pfd = { .fd = fd };
	uint64_t begin = now_ns();
	pid_t pid;

	fflush(stdout);
	pid = fork();
	/* At the end of its time poll() looks once more by itself. */
	if (!pid)
		_exit(poll(&pfd, 1, DEADLINE_MS) != 1 || !(pfd.revents & POLLERR) ||
		      (now_ns() - begin) / 1000000 >= (uint64_t)DEADLINE_MS);
	usleep(QUIET_MS * 1000);
	return pid;
}

/* A stream that goes wrong for one who reads or writes it has for who waits, too. */
TEST_F(firmware, errors_are_heard)
{
	pid_t pid;

	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(0, go_to(&self->b, RESUMING, &self->fd));
	pid = wait_for_error(self->fd);
	EXPECT_EQ(-EINVAL, mig_feed(self->fd, self->stream.data + 1, 100, 0));
	EXPECT_EQ(0, status_of(pid));
	close(self->fd);
	self->fd = -1;
	REQUIRE_PRE_COPY(&self->a);
	ASSERT_EQ(0, go_to(&self->a, PRE_COPY, &self->fd));
	ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, MIB));
	pid = wait_for_error(self->fd);
	ASSERT_EQ(0, fw_write(&self->a, 0, "x", 1));
	ASSERT_EQ(0, fw_refuse(&self->a, "precopy"));
	EXPECT_EQ(REFUSED, mig_drain(self->fd, &self->stream, MIB));
	EXPECT_EQ(0, status_of(pid));
}

static int save_again(FIXTURE_DATA(firmware) *self)
{
	int ret = mig_save(&self->a, &self->stream);

	vdev_reset(&self->a);
	return ret;
}

static int load_again(FIXTURE_DATA(firmware) *self)
{
	int ret = mig_load(&self->b, self->stream.data, self->stream.len, 100);

	vdev_reset(&self->b);
	return ret;
}

TEST_F(firmware, allocations_fail_in_turn)
{
	REQUIRE_FAIL_NTH();
	FAIL_EACH(1, save_again(self), );
	FAIL_EACH(1, load_again(self), );
}

TEST_HARNESS_MAIN
