// SPDX-License-Identifier: GPL-2.0-only
/* mdev_pattern misbehaves when it is told to, and refuses streams that cannot be. */
#include "pattern.h"

#include <signal.h>
#include <sys/wait.h>

static const struct {
	const char *step;
	unsigned int from;
	unsigned int to;
} steps[] = {
	{ "running running_p2p", RUNNING, RUNNING_P2P },
	{ "running_p2p running", RUNNING_P2P, RUNNING },
	{ "running_p2p stop", RUNNING_P2P, STOP },
	{ "stop running_p2p", STOP, RUNNING_P2P },
	{ "stop stop_copy", STOP, STOP_COPY },
	{ "stop_copy stop", STOP_COPY, STOP },
	{ "stop resuming", STOP, RESUMING },
	{ "resuming stop", RESUMING, STOP },
	{ "running pre_copy", RUNNING, PRE_COPY },
	{ "pre_copy running", PRE_COPY, RUNNING },
	{ "running_p2p pre_copy_p2p", RUNNING_P2P, PRE_COPY_P2P },
	{ "pre_copy_p2p running_p2p", PRE_COPY_P2P, RUNNING_P2P },
	{ "pre_copy pre_copy_p2p", PRE_COPY, PRE_COPY_P2P },
	{ "pre_copy_p2p pre_copy", PRE_COPY_P2P, PRE_COPY },
	{ "pre_copy_p2p stop_copy", PRE_COPY_P2P, STOP_COPY },
};

/* Each step fails, with each thing that is asked for, and works when that is taken back. */
TEST_F(pattern, steps_fail)
{
	char text[64], error[64];
	unsigned int i;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "1", variant->how));
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		if (!has_state(&self->a, steps[i].from) || !has_state(&self->a, steps[i].to))
			continue;
		ASSERT_EQ(0, go_to(&self->a, steps[i].from, &self->fd));
		snprintf(text, sizeof(text), "%s 0 %u", steps[i].step, i + 1);
		ASSERT_EQ(0, attr(MDEV_UUID_A, "step", text)) {
			TH_LOG("%s", text);
		}
		EXPECT_STREQ(text, text_of(DEVICE(MDEV_UUID_A), "step"));
		EXPECT_EQ(-(int)i - 1, mig_set(&self->a, steps[i].to, NULL));
		EXPECT_TRUE(state_is(&self->a, steps[i].from));
		snprintf(error, sizeof(error), "told to fail from %s to %s",
			 mig_name(steps[i].from), mig_name(steps[i].to));
		EXPECT_ERROR(MDEV_UUID_A, error);
		ASSERT_EQ(0, attr(MDEV_UUID_A, "step", "none"));
		EXPECT_STREQ("none", text_of(DEVICE(MDEV_UUID_A), "step"));
		/* That nothing was written is another matter. */
		EXPECT_EQ(steps[i].from == RESUMING ? -ENODATA : 0,
			  mig_set(&self->a, steps[i].to, NULL));
		if (self->fd >= 0)
			close(self->fd);
		self->fd = -1;
	}
}

TEST_F(pattern, steps_refused)
{
	static const char * const bad[] = {
		"", "stop", "stop stop_copy", "stop stop_copy 5", "stop stop_copy five 5",
		"stop stop 0 5", "running stop 0 5", "stop_copy resuming 0 5", "error stop 0 5",
		"stop error 0 5", "here there 0 5", "running_p2p_and_more stop 0 5",
	};
	unsigned int i;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "1", variant->how));
	ASSERT_EQ(0, attr(MDEV_UUID_A, "step", "stop stop_copy 7 5"));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		/* Nothing at all is nothing to the kernel. */
		EXPECT_EQ(*bad[i] ? -EINVAL : 0, attr(MDEV_UUID_A, "step", bad[i])) {
			TH_LOG("\"%s\"", bad[i]);
		}
	}
	if (!has_pre_copy(&self->a))
		EXPECT_EQ(-EINVAL, attr(MDEV_UUID_A, "step", "running pre_copy 0 5"));
	EXPECT_EQ(-ERANGE, attr(MDEV_UUID_A, "step", "stop stop_copy 60001 0"));
	EXPECT_EQ(-ERANGE, attr(MDEV_UUID_A, "step", "stop stop_copy 0 134"));
	EXPECT_EQ(-ERANGE, attr(MDEV_UUID_A, "stall", "60001"));
	EXPECT_EQ(-ERANGE, attr(MDEV_UUID_A, "spoil", "2"));
	EXPECT_STREQ("stop stop_copy 7 5", text_of(DEVICE(MDEV_UUID_A), "step"));
}

static uint64_t ms_since(uint64_t begin)
{
	return (now_ns() - begin) / 1000000;
}

/* A step takes its time; who waits for it can be killed. */
TEST_F(pattern, steps_take_time)
{
	uint64_t begin;
	int status;
	pid_t pid;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "1", variant->how));
	ASSERT_EQ(0, attr(MDEV_UUID_A, "step", "stop stop_copy 300 0"));
	begin = now_ns();
	ASSERT_EQ(0, mig_set(&self->a, STOP, NULL));
	EXPECT_GT(300, ms_since(begin));
	begin = now_ns();
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
	EXPECT_LE(290, ms_since(begin));
	/* And fails afterwards, if it is to. */
	ASSERT_EQ(0, mig_set(&self->a, STOP, NULL));
	ASSERT_EQ(0, attr(MDEV_UUID_A, "step", "stop stop_copy 100 28"));
	begin = now_ns();
	ASSERT_EQ(-ENOSPC, mig_set(&self->a, STOP_COPY, NULL));
	EXPECT_LE(90, ms_since(begin));
	ASSERT_EQ(0, attr(MDEV_UUID_A, "step", "stop stop_copy 60000 0"));
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(mig_set(&self->a, STOP_COPY, NULL) ? 1 : 0);
	usleep(QUIET_MS * 1000);
	begin = now_ns();
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_GT(5000, ms_since(begin));
	EXPECT_TRUE(state_is(&self->a, STOP));
}

/* Of the stream's chunks each is late, but the one that the step itself puts. */
TEST_F(pattern, reads_stall)
{
	static uint8_t chunk[64 * KIB];
	uint64_t begin;
	int status;
	pid_t pid;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "4", variant->how));
	ASSERT_EQ(0, memory_fill(&self->a, 0, 4 * MIB / PAGE, 1));
	ASSERT_EQ(0, attr(MDEV_UUID_A, "stall", "100"));
	begin = now_ns();
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, &self->fd));
	EXPECT_GT(90, ms_since(begin));
	ASSERT_EQ(0, mig_drain(self->fd, &self->stream, MIB));
	EXPECT_LE(290, ms_since(begin));
	close(self->fd);
	self->fd = -1;
	/* Who waits can be killed, and then the device can be had. */
	ASSERT_EQ(0, mig_set(&self->a, RUNNING, NULL));
	ASSERT_EQ(0, attr(MDEV_UUID_A, "stall", "60000"));
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, &self->fd));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		while (read(self->fd, chunk, sizeof(chunk)) > 0)
			;
		_exit(0);
	}
	usleep(300000);
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	begin = now_ns();
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	ASSERT_EQ(0, attr(MDEV_UUID_A, "stall", "0"));
	EXPECT_EQ(0, vdev_reset(&self->a));
	EXPECT_GT(5000, ms_since(begin));
	EXPECT_TRUE(state_is(&self->a, RUNNING));
}

/* The destination, in RESUMING with half of a state, or all: an error, until it is reset. */
static void recovers(struct __test_metadata *_metadata, FIXTURE_DATA(pattern) *self)
{
	EXPECT_TRUE(state_is(&self->b, ERROR));
	EXPECT_EQ(-EINVAL, mig_set(&self->b, RUNNING, NULL));
	ASSERT_EQ(0, vdev_reset(&self->b));
	EXPECT_TRUE(state_is(&self->b, RUNNING));
	EXPECT_EQ(MIB, reg(&self->b, REG_SIZE));
	EXPECT_EQ(0, reg(&self->b, REG_COUNT));
	ASSERT_EQ(0, memory_read(&self->b, &self->other));
	EXPECT_TRUE(is_zero(&self->other));
}

/* Two devices of 1 MiB and a state to be spoilt: pages 8 to 15 and the registers. */
static void make_good(struct __test_metadata *_metadata, FIXTURE_DATA(pattern) *self,
		      enum vdev_how how)
{
	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "1", how));
	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, "1", how));
	ASSERT_EQ(0, memory_fill(&self->a, 8, 8, 1));
	ASSERT_EQ(0, memory_read(&self->a, &self->memory));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
}

static void loads(struct __test_metadata *_metadata, FIXTURE_DATA(pattern) *self,
		  const struct buf *s)
{
	ASSERT_EQ(0, vdev_reset(&self->b));
	ASSERT_EQ(0, mig_load(&self->b, s->data, s->len, 0)) {
		char text[512];

		if (last_error(MDEV_UUID_B, text, sizeof(text)) > 0)
			TH_LOG("%s", text);
	}
	ASSERT_EQ(0, memory_read(&self->b, &self->other));
	EXPECT_TRUE(buf_equal(&self->memory, &self->other));
	ASSERT_EQ(0, vdev_reset(&self->b));
}

TEST_F(pattern, spoilt)
{
	make_good(_metadata, self, variant->how);
	ASSERT_EQ(0, attr(MDEV_UUID_A, "spoil", "1"));
	ASSERT_EQ(0, mig_save(&self->a, &self->work));
	EXPECT_EQ(-EPROTO, mig_load(&self->b, self->work.data, self->work.len, 0));
	EXPECT_ERROR(MDEV_UUID_B, "record 0x201 is mandatory");
	EXPECT_EQ(-EPROTO, mig_set(&self->b, STOP, NULL));
	recovers(_metadata, self);
	ASSERT_EQ(0, attr(MDEV_UUID_A, "spoil", "0"));
	ASSERT_EQ(0, mig_save(&self->a, &self->work));
	EXPECT_TRUE(buf_equal(&self->work, &self->stream));
	loads(_metadata, self, &self->work);
}

/* What comes after the good pages: these, with a header and so many bytes. */
static const struct bad {
	uint64_t offset;
	uint32_t pass;
	uint32_t zeros;
	uint32_t length;
	int err;
	const char *words;
} bads[] = {
	/* As it may be: the next pages, and another pass. */
	{ 257 * PAGE, 0, 0, PAGE, -ERANGE,
	  "record 0x200 (pattern pages): 1 pages from page 257 on are outside of the memory" },
	{ 256 * PAGE, 1, 0, 2 * PAGE, -ERANGE,
	  "2 pages from page 256 on are outside of the memory, which has 257" },
	{ 1ULL << 40, 1, 0, PAGE, -ERANGE, "outside" },
	{ -PAGE, 1, 0, 2 * PAGE, -ERANGE, "outside" },
	{ 0, 1, 258, 0, -ERANGE, "258 pages from page 0 on are outside" },
	{ 0, 1, ~0U, 0, -ERANGE, "outside" },
	/* The good stream has come to the page of the registers. */
	{ 256 * PAGE, 0, 0, PAGE, -EPROTO, "come a second time" },
	{ 256 * PAGE, 0, 1, 0, -EPROTO, "come a second time" },
	{ 12 * PAGE, 0, 0, 2 * PAGE, -EPROTO, "go back: pass 0 has come to page 257" },
	{ 0, 0, 0, PAGE, -EPROTO, "go back" },
	{ 0, 0, 257, 0, -EPROTO, "go back" },
	{ 1, 1, 0, PAGE, -EINVAL, "no page begins at byte 1" },
	{ PAGE - 8, 1, 1, 0, -EINVAL, "no page begins at byte 4088" },
	{ 0, 1, 0, 0, -EMSGSIZE, "0 bytes behind its header and 0 zero pages" },
	{ 0, 1, 0, PAGE - 1, -EMSGSIZE, "4095 bytes behind its header" },
	{ 0, 1, 0, 8, -EMSGSIZE, "8 bytes behind its header" },
	{ 0, 1, 1, PAGE, -EMSGSIZE, "4096 bytes behind its header and 1 zero pages" },
};

/* A record with pages, behind what is there. */
static int put_pages(struct buf *s, uint64_t offset, uint32_t pass, uint32_t zeros,
		     uint32_t length)
{
	static uint8_t payload[16 + 4 * PAGE];

	put_le64(payload, offset);
	put_le32(payload + 8, pass);
	put_le32(payload + 12, zeros);
	memset(payload + 16, 0x33, length);
	return stream_put(s, TAG_PAGES, MDEV_MIGRATE_RECORD_BULK, payload, 16 + length);
}

/* The good stream as far as its END. */
static int begin(FIXTURE_DATA(pattern) *self)
{
	struct stream_rec rec;
	int ret = buf_copy(&self->work, &self->stream);

	if (!ret)
		ret = stream_find(&self->work, MDEV_MIGRATE_TAG_END, &rec);
	if (!ret)
		self->work.len = rec.offset;
	return ret;
}

/* Refused as it comes and when the device is to go on; and the device can be used again. */
static void refused(struct __test_metadata *_metadata, FIXTURE_DATA(pattern) *self, int err,
		    const char *words)
{
	int fd = -1;

	ASSERT_EQ(0, go_to(&self->b, RESUMING, &fd));
	EXPECT_EQ(err, mig_feed(fd, self->work.data, self->work.len, 0)) {
		TH_LOG("%s", words);
	}
	EXPECT_ERROR(MDEV_UUID_B, words);
	EXPECT_TRUE(state_is(&self->b, RESUMING));
	EXPECT_EQ(err, mig_feed(fd, self->work.data, 1, 0));
	EXPECT_EQ(err, mig_set(&self->b, STOP, NULL));
	close(fd);
	recovers(_metadata, self);
}

TEST_F(pattern, bad_pages)
{
	unsigned int i;

	make_good(_metadata, self, variant->how);
	loads(_metadata, self, &self->stream);
	for (i = 0; i < ARRAY_SIZE(bads); i++) {
		ASSERT_EQ(0, begin(self));
		ASSERT_EQ(0, put_pages(&self->work, bads[i].offset, bads[i].pass, bads[i].zeros,
				       bads[i].length));
		refused(_metadata, self, bads[i].err, bads[i].words);
	}
	loads(_metadata, self, &self->stream);
}

/* Between two passes what comes overlaps; an earlier pass does not come again. */
TEST_F(pattern, bad_order)
{
	make_good(_metadata, self, variant->how);
	ASSERT_EQ(0, begin(self));
	ASSERT_EQ(0, put_pages(&self->work, 20 * PAGE, 3, 0, 4 * PAGE));
	ASSERT_EQ(0, put_pages(&self->work, 23 * PAGE, 3, 0, 2 * PAGE));
	refused(_metadata, self, -EPROTO,
		"page 23 on, pass 3, overlap those before them: pass 3 has come to page 24");
	ASSERT_EQ(0, begin(self));
	ASSERT_EQ(0, put_pages(&self->work, 20 * PAGE, 3, 8, 0));
	ASSERT_EQ(0, put_pages(&self->work, 30 * PAGE, 2, 0, PAGE));
	refused(_metadata, self, -EPROTO, "pass 2, belong to a pass that is over");
	/* What it is all held against. */
	ASSERT_EQ(0, begin(self));
	ASSERT_EQ(0, put_pages(&self->work, 20 * PAGE, 3, 0, 4 * PAGE));
	ASSERT_EQ(0, put_pages(&self->work, 24 * PAGE, 3, 1, 0));
	ASSERT_EQ(0, put_pages(&self->work, 20 * PAGE, 9, 1, 0));
	ASSERT_EQ(0, stream_put_end(&self->work));
	memset(self->memory.data + 21 * PAGE, 0x33, 3 * PAGE);
	loads(_metadata, self, &self->work);
	/* Registers that cannot be: its size is the device's own, and there is no window. */
	ASSERT_EQ(0, begin(self));
	ASSERT_EQ(0, put_pages(&self->work, 256 * PAGE, 3, 0, PAGE));
	ASSERT_EQ(0, stream_put_end(&self->work));
	ASSERT_EQ(0, mig_load(&self->b, self->work.data, self->work.len, 0));
	ASSERT_EQ(0, mig_set(&self->b, RUNNING, NULL));
	EXPECT_EQ(MIB, reg(&self->b, REG_SIZE));
	EXPECT_EQ(0x3333333333333333, reg(&self->b, REG_WINDOW));
	EXPECT_EQ(0, reg(&self->b, WINDOW));
	EXPECT_EQ(0, vdev_write(&self->b, 0, 8, WINDOW, 1));
	ASSERT_EQ(0, attr(MDEV_UUID_B, "rate", "10"));
	usleep(100000);
	EXPECT_LT(0x3333333333333333, reg(&self->b, REG_COUNT));
}

/* Not all of it comes, wherever it stops. */
TEST_F(pattern, half_a_stream)
{
	struct stream_rec rec;
	size_t at, step;
	int fd = -1;

	make_good(_metadata, self, variant->how);
	ASSERT_EQ(0, stream_find(&self->stream, TAG_PAGES, &rec));
	step = self->stream.len / 7;
	for (at = rec.offset + STREAM_HDR + rec.length; at < self->stream.len; at += step) {
		ASSERT_EQ(0, go_to(&self->b, RESUMING, &fd));
		ASSERT_EQ(0, mig_feed(fd, self->stream.data, at, 0));
		EXPECT_EQ(-ENODATA, mig_set(&self->b, STOP, NULL));
		close(fd);
		recovers(_metadata, self);
	}
	/* Of a device whose first page has not begun there is nothing to recover. */
	ASSERT_EQ(0, go_to(&self->b, RESUMING, &fd));
	ASSERT_EQ(0, mig_feed(fd, self->stream.data, rec.offset + STREAM_HDR + 16, 0));
	EXPECT_EQ(-ENODATA, mig_set(&self->b, STOP, NULL));
	EXPECT_TRUE(state_is(&self->b, RESUMING));
	close(fd);
	/* A byte of the last page was changed on the way. */
	ASSERT_EQ(0, buf_copy(&self->work, &self->stream));
	self->work.data[self->work.len - 1000] ^= 1;
	refused(_metadata, self, -EBADMSG, "record 0x200 (pattern pages): its checksum is ");
}

/* Reset with half of a state in the memory, and closed with it. */
TEST_F(pattern, reset_while_loading)
{
	int fd = -1;

	make_good(_metadata, self, variant->how);
	ASSERT_EQ(0, go_to(&self->b, RESUMING, &fd));
	ASSERT_EQ(0, mig_feed(fd, self->stream.data, self->stream.len - 30, 0));
	ASSERT_EQ(0, vdev_reset(&self->b));
	EXPECT_TRUE(state_is(&self->b, RUNNING));
	ASSERT_EQ(0, memory_read(&self->b, &self->other));
	EXPECT_TRUE(is_zero(&self->other));
	EXPECT_EQ(-ENODEV, mig_feed(fd, self->stream.data, 1, 0));
	close(fd);
	loads(_metadata, self, &self->stream);
	ASSERT_EQ(0, go_to(&self->b, RESUMING, &fd));
	ASSERT_EQ(0, mig_feed(fd, self->stream.data, self->stream.len - 30, 0));
	vdev_close(&self->b);
	EXPECT_EQ(-ENODEV, mig_feed(fd, self->stream.data, 1, 0));
	close(fd);
	ASSERT_EQ(0, vdev_open(&self->b, MDEV_UUID_B, variant->how));
	ASSERT_EQ(0, memory_read(&self->b, &self->other));
	EXPECT_TRUE(is_zero(&self->other));
}

/* 64 MiB that are full, and then 32 bytes again and again that say that they are zero. */
static int put_zeros(FIXTURE_DATA(pattern) *self)
{
	const unsigned int pages = 64 * MIB / PAGE;
	unsigned int i;
	int ret;

	ret = begin(self);
	for (i = 0; i < pages && !ret; i += 4)
		ret = put_pages(&self->work, (uint64_t)i * PAGE, 1, 0, 4 * PAGE);
	for (i = 0; i < 1300 && !ret; i++)
		ret = put_pages(&self->work, 0, 2 + i, pages, 0);
	return ret;
}

/* Has a process load them; what the last 40 KiB or so say is a single write()'s. */
static pid_t load_zeros(struct __test_metadata *_metadata, FIXTURE_DATA(pattern) *self,
			enum vdev_how how)
{
	size_t rest = 40000;
	pid_t pid;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "64", how));
	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, "64", how));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(0, put_zeros(self));
	ASSERT_EQ(0, go_to(&self->b, RESUMING, &self->fd));
	ASSERT_EQ(0, mig_feed(self->fd, self->work.data, self->work.len - rest, 0));
	fflush(stdout);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(mig_feed(self->fd, self->work.data + self->work.len - rest, rest,
			       0) == -ENODEV ? 0 : 1);
	usleep(4 * QUIET_MS * 1000);
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	return pid;
}

/* Who loads them and is killed is gone, however much he had written. */
TEST_F(pattern, killed_in_zeros)
{
	pid_t pid = load_zeros(_metadata, self, variant->how);
	uint64_t begin = now_ns();

	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	TH_LOG("%lu ms", ms_since(begin));
	EXPECT_GT(DEADLINE_MS, ms_since(begin));
	ASSERT_EQ(0, vdev_reset(&self->b));
	EXPECT_TRUE(state_is(&self->b, RUNNING));
}

/* Whoever wants the device waits for one record, not for all of them. */
static void taken_in_zeros(struct __test_metadata *_metadata, FIXTURE_DATA(pattern) *self,
			   enum vdev_how how, bool reset)
{
	pid_t pid = load_zeros(_metadata, self, how);
	uint64_t begin = now_ns();
	int status;

	EXPECT_EQ(reset ? 0 : -ENODATA,
		  reset ? vdev_reset(&self->b) : mig_set(&self->b, STOP, NULL));
	TH_LOG("%lu ms", ms_since(begin));
	EXPECT_GT(DEADLINE_MS, ms_since(begin));
	EXPECT_TRUE(state_is(&self->b, reset ? RUNNING : ERROR));
	/* The stream has ended for who writes it. */
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, vdev_reset(&self->b));
}

TEST_F(pattern, reset_in_zeros)
{
	taken_in_zeros(_metadata, self, variant->how, true);
}

TEST_F(pattern, step_in_zeros)
{
	taken_in_zeros(_metadata, self, variant->how, false);
}

/* Another size is another configuration: nothing changes, and it is said at once. */
TEST_F(pattern, other_size)
{
	make_good(_metadata, self, variant->how);
	vdev_close(&self->b);
	self->b.fd = -1;
	ASSERT_EQ(0, attr(MDEV_UUID_B, "migration/params/memory-mib", "2"));
	ASSERT_EQ(0, vdev_open(&self->b, MDEV_UUID_B, variant->how));
	ASSERT_EQ(0, memory_fill(&self->b, 3, 1, 1));
	EXPECT_EQ(-ERANGE, mig_load(&self->b, self->stream.data, self->stream.len, 200));
	EXPECT_ERROR(MDEV_UUID_B, "memory-mib: the source has 1");
	EXPECT_TRUE(state_is(&self->b, RESUMING));
	EXPECT_EQ(0, vdev_write(&self->b, 0, 8, REG_WINDOW, 0));
	EXPECT_NE(0, reg(&self->b, WINDOW + 3 * PAGE));
	EXPECT_EQ(0, put(TYPES, TYPE "/migration/check", "model=" URI ",memory-mib=4096"));
	EXPECT_EQ(-ERANGE, put(TYPES, TYPE "/migration/check", "model=" URI ",memory-mib=5000"));
	EXPECT_EQ(-ENOENT, put(TYPES, TYPE "/migration/check", "model=" URI ",rate=5"));
}

TEST_HARNESS_MAIN
