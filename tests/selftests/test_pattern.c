// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdev_pattern: memory that changes by itself, which is sent in passes. What it has of
 * misbehaviour and what it refuses is in test_pattern_bad.c.
 */
#include "cgroup.h"
#include "pattern.h"

#include <libgen.h>
#include <sys/wait.h>

TEST_F(pattern, registers)
{
	struct vfio_region_info info = { .argsz = sizeof(info) };
	uint64_t size = 2 * MIB;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "2", variant->how));
	EXPECT_EQ(0x10f01af4U, pci_read(&self->a, 4, 0));
	ASSERT_EQ(0, vdev_region_info(&self->a, 0, &info));
	EXPECT_EQ(2 * WINDOW, info.size);
	EXPECT_EQ(size, reg(&self->a, REG_SIZE));
	EXPECT_EQ(0, reg(&self->a, REG_COUNT));
	EXPECT_EQ(0, reg(&self->a, REG_LOST));
	/* None but the window can be written, and it by halves too. */
	EXPECT_EQ(0, vdev_write(&self->a, 0, 8, REG_SIZE, 1));
	EXPECT_EQ(0, vdev_write(&self->a, 0, 4, REG_COUNT, 1));
	EXPECT_EQ(0, vdev_write(&self->a, 0, 8, REG_LOST, 1));
	EXPECT_EQ(0, vdev_write(&self->a, 0, 8, 64, 1));
	EXPECT_EQ(size, reg(&self->a, REG_SIZE));
	EXPECT_EQ(0, reg(&self->a, REG_COUNT));
	EXPECT_EQ(0, reg(&self->a, REG_LOST));
	EXPECT_EQ(0, reg(&self->a, 64));
	EXPECT_EQ(0, reg(&self->a, WINDOW - 8));
	EXPECT_EQ(0, vdev_write(&self->a, 0, 4, REG_WINDOW, size / WINDOW - 1));
	EXPECT_EQ(size / WINDOW - 1, reg(&self->a, REG_WINDOW));
	/* The last byte, and nothing behind it. */
	EXPECT_EQ(0, vdev_write(&self->a, 0, 1, 2 * WINDOW - 1, 0x5c));
	EXPECT_EQ(0x5c00000000000000, reg(&self->a, 2 * WINDOW - 8));
	EXPECT_EQ(0, vdev_write(&self->a, 0, 8, REG_WINDOW, size / WINDOW));
	EXPECT_EQ(0, reg(&self->a, WINDOW));
	EXPECT_EQ(0, vdev_write(&self->a, 0, 8, WINDOW, ~0ULL));
	EXPECT_EQ(size, reg(&self->a, REG_SIZE));
	EXPECT_EQ(0, vdev_write(&self->a, 0, 8, REG_WINDOW, ~0ULL));
	EXPECT_EQ(0, vdev_write(&self->a, 0, 8, 2 * WINDOW - 8, ~0ULL));
	EXPECT_EQ(0, reg(&self->a, 2 * WINDOW - 8));
	EXPECT_EQ(0, reg(&self->a, REG_LOST));
	/* A reset leaves nothing. */
	ASSERT_EQ(0, vdev_reset(&self->a));
	EXPECT_EQ(0, reg(&self->a, REG_WINDOW));
	ASSERT_EQ(0, memory_read(&self->a, &self->memory));
	EXPECT_EQ(size, self->memory.len);
	EXPECT_TRUE(is_zero(&self->memory));
}

TEST_F(pattern, limits)
{
	ASSERT_EQ(0, pattern_create(MDEV_UUID_A, NULL));
	EXPECT_STREQ("model=" URI ",memory-mib=64",
		     text_of(DEVICE(MDEV_UUID_A), "migration/config"));
	EXPECT_EQ(-ERANGE, attr(MDEV_UUID_A, "migration/params/memory-mib", "0"));
	EXPECT_EQ(-ERANGE, attr(MDEV_UUID_A, "migration/params/memory-mib", "4097"));
	EXPECT_EQ(0, attr(MDEV_UUID_A, "migration/params/memory-mib", "4096"));
	EXPECT_EQ(63, number_of(TYPES, TYPE "/available_instances"));
	/* Nothing that was not touched costs anything. */
	ASSERT_EQ(0, vdev_open(&self->a, MDEV_UUID_A, variant->how));
	EXPECT_EQ(4096 * MIB, reg(&self->a, REG_SIZE));
	ASSERT_EQ(0, memory_fill(&self->a, 4096 * MIB / PAGE - 1, 1, 1));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	EXPECT_GT(4 * PAGE, self->stream.len);
	EXPECT_EQ(-EBUSY, attr(MDEV_UUID_A, "migration/params/memory-mib", "1"));
}

/* Some pages, far from each other and side by side, to a device that had others. */
TEST_F(pattern, moves)
{
	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "3", variant->how));
	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, "3", variant->how));
	ASSERT_EQ(0, memory_fill(&self->a, 0, 40, 1));
	ASSERT_EQ(0, memory_fill(&self->a, 100, 1, 2));
	ASSERT_EQ(0, memory_fill(&self->a, 102, 1, 3));
	ASSERT_EQ(0, memory_fill(&self->a, 3 * MIB / PAGE - 1, 1, 4));
	ASSERT_EQ(0, memory_fill(&self->b, 30, 100, 5));
	ASSERT_EQ(0, memory_read(&self->a, &self->memory));
	ASSERT_EQ(0, vdev_write(&self->a, 0, 8, REG_WINDOW, 7));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(0, mig_load(&self->b, self->stream.data, self->stream.len, 12345));
	EXPECT_EQ(7, reg(&self->b, REG_WINDOW));
	ASSERT_EQ(0, memory_read(&self->b, &self->other));
	EXPECT_TRUE(buf_equal(&self->memory, &self->other));
	/* There is nothing that a stream does not carry. */
	ASSERT_EQ(0, vdev_write(&self->b, 0, 8, REG_WINDOW, 7));
	ASSERT_EQ(0, mig_save(&self->b, &self->work));
	EXPECT_TRUE(buf_equal(&self->stream, &self->work));
	/* And again, from a device that has saved before. */
	ASSERT_EQ(0, mig_set(&self->a, RUNNING, NULL));
	ASSERT_EQ(0, mig_save(&self->a, &self->work));
	EXPECT_EQ(self->stream.len, self->work.len);
}

/* What it costs is what it says, and zeros cost nothing. */
TEST_F(pattern, sizes)
{
	uint8_t zeros[PAGE] = {};
	int64_t size;
	unsigned int i;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "4", variant->how));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	EXPECT_GT(3 * PAGE, self->stream.len);
	for (i = 0; i < 4 * MIB / PAGE; i++)
		ASSERT_EQ(0, memory_io(&self->a, i * PAGE, zeros, PAGE, true));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	EXPECT_GT(4 * PAGE, self->stream.len);
	ASSERT_EQ(0, memory_fill(&self->a, 0, 500, 1));
	ASSERT_EQ(0, vdev_reset(&self->a));
	ASSERT_EQ(0, memory_fill(&self->a, 0, 500, 1));
	size = mig_data_size(&self->a);
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	EXPECT_LE(self->stream.len, size);
	EXPECT_GE(self->stream.len * 100, size * 99);
}

TEST_F(pattern, writes_by_itself)
{
	uint64_t count, begin;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "1", variant->how));
	EXPECT_EQ(-ERANGE, attr(MDEV_UUID_A, "rate", "65537"));
	EXPECT_EQ(-EINVAL, attr(MDEV_UUID_A, "rate", "fast"));
	begin = now_ns();
	ASSERT_EQ(0, attr(MDEV_UUID_A, "rate", "4"));
	EXPECT_STREQ("4", text_of(DEVICE(MDEV_UUID_A), "rate"));
	usleep(500000);
	ASSERT_EQ(0, attr(MDEV_UUID_A, "rate", "0"));
	count = reg(&self->a, REG_COUNT);
	/* At most what the time was, and not much less where it had a processor. */
	EXPECT_GE((now_ns() - begin) / 1000 * 4 * 256 / 1000000 + 1, count);
	EXPECT_LE(200, count);
	usleep(50000);
	EXPECT_EQ(count, reg(&self->a, REG_COUNT));
	ASSERT_EQ(0, memory_read(&self->a, &self->memory));
	EXPECT_TRUE(is_written(&self->memory, count));
	/* It writes where it runs only, and nothing twice. */
	ASSERT_EQ(0, mig_set(&self->a, STOP, NULL));
	ASSERT_EQ(0, attr(MDEV_UUID_A, "rate", "100"));
	count = reg(&self->a, REG_COUNT);
	usleep(50000);
	EXPECT_EQ(count, reg(&self->a, REG_COUNT));
	ASSERT_EQ(0, mig_set(&self->a, RUNNING, NULL));
	usleep(100000);
	ASSERT_EQ(0, mig_set(&self->a, STOP, NULL));
	EXPECT_LT(count + 256, reg(&self->a, REG_COUNT));
	ASSERT_EQ(0, memory_read(&self->a, &self->memory));
	EXPECT_TRUE(is_written(&self->memory, reg(&self->a, REG_COUNT)));
	ASSERT_EQ(0, vdev_reset(&self->a));
	usleep(100000);
	EXPECT_LT(100, reg(&self->a, REG_COUNT));
}

static uint64_t info_sum(const struct vfio_precopy_info *info)
{
	return info->initial_bytes + info->dirty_bytes;
}

/* In pre-copy: first all, then what was written; the rest when it has stopped. */
TEST_F(pattern, passes)
{
	struct vfio_precopy_info info;
	size_t before;
	int64_t size;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "4", variant->how));
	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, "4", variant->how));
	REQUIRE_PRE_COPY(&self->a);
	ASSERT_EQ(0, memory_fill(&self->a, 10, 600, 1));
	ASSERT_EQ(0, go_to(&self->b, RESUMING, &self->fd));
	close(self->fd);
	ASSERT_EQ(0, mig_set(&self->a, PRE_COPY, &self->fd));
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_LE(601 * PAGE, info.initial_bytes);
	EXPECT_GE(603 * PAGE_COST, info.initial_bytes);
	EXPECT_EQ(0, info.dirty_bytes);
	ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 100000));
	EXPECT_GE(info.initial_bytes, self->stream.len);
	EXPECT_LE(info.initial_bytes * 98, self->stream.len * 100);
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_EQ(0, info_sum(&info));
	EXPECT_EQ(0, wait_readable(self->fd, QUIET_MS));
	/* Eight pages of which some were sent; who waits hears of it. */
	ASSERT_EQ(0, memory_fill(&self->a, 605, 8, 2));
	EXPECT_EQ(1, wait_readable(self->fd, DEADLINE_MS));
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_EQ(0, info.initial_bytes);
	/* And the registers, of which the window is one. */
	EXPECT_EQ(9 * PAGE_COST, info.dirty_bytes);
	before = self->stream.len;
	ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 100000));
	EXPECT_GE(info.dirty_bytes, self->stream.len - before);
	EXPECT_LE(9 * PAGE, self->stream.len - before);
	/* A page that becomes zero is sent, too, if it was sent. */
	ASSERT_EQ(0, memory_read(&self->a, &self->memory));
	memset(self->memory.data + 20 * PAGE, 0, PAGE);
	ASSERT_EQ(0, memory_io(&self->a, 20 * PAGE, self->memory.data + 20 * PAGE, PAGE, true));
	ASSERT_EQ(0, mig_set(&self->a, PRE_COPY_P2P, NULL));
	size = mig_data_size(&self->a);
	EXPECT_GE(3 * PAGE_COST + 1000, size);
	before = self->stream.len;
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
	ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 100000));
	EXPECT_GE(size, self->stream.len - before);
	ASSERT_EQ(0, vdev_reset(&self->b));
	ASSERT_EQ(0, mig_load(&self->b, self->stream.data, self->stream.len, 500000));
	ASSERT_EQ(0, memory_read(&self->b, &self->other));
	EXPECT_TRUE(buf_equal(&self->memory, &self->other));
}

/* It moves while it writes, and goes on elsewhere where it has stopped here. */
TEST_F(pattern, moves_while_it_writes)
{
	uint64_t count;
	int i, fd = -1;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "4", variant->how));
	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, "4", variant->how));
	REQUIRE_PRE_COPY(&self->a);
	ASSERT_EQ(0, attr(MDEV_UUID_A, "rate", "10"));
	usleep(200000);
	ASSERT_EQ(0, mig_set(&self->a, PRE_COPY, &self->fd));
	ASSERT_EQ(0, mig_set(&self->b, RESUMING, &fd));
	for (i = 0; i < 8; i++) {
		self->work.len = 0;
		ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->work, 70000));
		ASSERT_EQ(0, mig_feed(fd, self->work.data, self->work.len, 0));
		usleep(50000);
	}
	self->work.len = 0;
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
	ASSERT_EQ(0, mig_drain(self->fd, &self->work, 70000));
	ASSERT_EQ(0, mig_feed(fd, self->work.data, self->work.len, 0));
	ASSERT_EQ(0, mig_set(&self->b, STOP, NULL));
	close(fd);
	count = reg(&self->a, REG_COUNT);
	EXPECT_LT(500, count);
	EXPECT_EQ(count, reg(&self->b, REG_COUNT));
	ASSERT_EQ(0, memory_read(&self->b, &self->memory));
	EXPECT_TRUE(is_written(&self->memory, count));
	/* The rate is the host's. */
	ASSERT_EQ(0, mig_set(&self->b, RUNNING, NULL));
	usleep(50000);
	EXPECT_EQ(count, reg(&self->b, REG_COUNT));
	ASSERT_EQ(0, attr(MDEV_UUID_B, "rate", "10"));
	usleep(200000);
	ASSERT_EQ(0, attr(MDEV_UUID_B, "rate", "0"));
	EXPECT_LT(count, reg(&self->b, REG_COUNT));
	ASSERT_EQ(0, memory_read(&self->b, &self->memory));
	EXPECT_TRUE(is_written(&self->memory, reg(&self->b, REG_COUNT)));
}

/* Reads so much a second, for @ms. What is dirty then. */
static int64_t dirty_after(int fd, unsigned int kib_per_ms, int ms)
{
	int64_t deadline = deadline_ms(ms);
	struct vfio_precopy_info info;
	uint64_t begin = now_ns(), done = 0;
	static uint8_t chunk[64 * KIB];

	while (deadline_left(deadline)) {
		ssize_t n = 0;

		if (done / KIB < (now_ns() - begin) / 1000000 * kib_per_ms)
			n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			done += n;
		else
			usleep(1000);
	}
	return mig_precopy_info(fd, &info) ? -1 : (int64_t)info_sum(&info);
}

/* Faster than the channel: there is ever more to send, until all is. Slower: there is not. */
TEST_F(pattern, converges_or_does_not)
{
	int64_t first, second;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "64", variant->how));
	REQUIRE_PRE_COPY(&self->a);
	ASSERT_EQ(0, attr(MDEV_UUID_A, "rate", "16"));
	ASSERT_EQ(0, mig_set(&self->a, PRE_COPY, &self->fd));
	first = dirty_after(self->fd, 2, 600);
	second = dirty_after(self->fd, 2, 600);
	EXPECT_LT(2 * (int64_t)MIB, first);
	EXPECT_LT(first + (int64_t)MIB, second);
	ASSERT_EQ(0, attr(MDEV_UUID_A, "rate", "1"));
	EXPECT_GT((int64_t)MIB, dirty_after(self->fd, 64, 1500));
}

#ifdef VFIO_PRECOPY_INFO_REINIT
/* All that was sent is of no use any more. Who cannot be told sees it as dirty. */
TEST_F(pattern, reinit)
{
	struct vfio_precopy_info info;
	int ret, told;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "2", variant->how));
	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, "2", variant->how));
	REQUIRE_PRE_COPY(&self->a);
	for (told = 0; told < 2; told++) {
		ASSERT_EQ(0, vdev_reset(&self->a));
		ASSERT_EQ(0, memory_fill(&self->a, 0, 100, 1));
		ret = told ? vdev_feature(&self->a, VFIO_DEVICE_FEATURE_SET |
					  VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2, NULL, 0) : 0;
		if (ret == -ENOTTY)
			SKIP(return, "this kernel has no PRECOPY_INFOv2");
		ASSERT_EQ(0, ret);
		self->stream.len = 0;
		ASSERT_EQ(0, mig_set(&self->a, PRE_COPY, &self->fd));
		ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 70000));
		ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
		EXPECT_EQ(0, info_sum(&info));
		ASSERT_EQ(0, attr(MDEV_UUID_A, "reinit", "1"));
		EXPECT_EQ(1, wait_readable(self->fd, DEADLINE_MS));
		ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
		EXPECT_EQ(told ? VFIO_PRECOPY_INFO_REINIT : 0, info.flags);
		EXPECT_EQ(101 * PAGE_COST, told ? info.initial_bytes : info.dirty_bytes);
		EXPECT_EQ(0, told ? info.dirty_bytes : info.initial_bytes);
		ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
		EXPECT_EQ(0, info.flags);
		ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 70000));
		ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
		EXPECT_EQ(0, info_sum(&info));
		EXPECT_LT(2 * 100 * PAGE, self->stream.len);
		ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
		ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 70000));
		close(self->fd);
		self->fd = -1;
		ASSERT_EQ(0, memory_read(&self->a, &self->memory));
		ASSERT_EQ(0, vdev_reset(&self->b));
		ASSERT_EQ(0, mig_load(&self->b, self->stream.data, self->stream.len, 0));
		ASSERT_EQ(0, memory_read(&self->b, &self->other));
		EXPECT_TRUE(buf_equal(&self->memory, &self->other));
	}
}
#endif

/* Where streams of earlier versions are, beside the program. */
static int find_old(char *path, size_t size)
{
	char exe[PATH_MAX] = "";

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		return -errno;
	snprintf(path, size, "%.4000s/streams/pattern-v1.bin", dirname(exe));
	return 0;
}

/* With STREAMS_KEEP=DIR it is written there. */
static void keep(const struct buf *s)
{
	const char *dir = getenv("STREAMS_KEEP");
	char path[PATH_MAX];
	int fd;

	if (!dir)
		return;
	snprintf(path, sizeof(path), "%.4000s/pattern-v1.bin", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || mig_feed(fd, s->data, s->len, 0))
		printf("# %s: %s\n", path, strerror(errno));
	close(fd);
}

/* A stream of an earlier version is loaded, saved again, and made again: the same bytes. */
TEST_F(pattern, old_stream)
{
	char path[PATH_MAX];

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "2", variant->how));
	ASSERT_EQ(0, memory_fill(&self->a, 5, 2, 1));
	ASSERT_EQ(0, memory_fill(&self->a, 511, 1, 2));
	ASSERT_EQ(0, vdev_write(&self->a, 0, 8, REG_WINDOW, 3));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	keep(&self->stream);
	ASSERT_EQ(0, find_old(path, sizeof(path)));
	self->fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mig_drain(self->fd, &self->work, 4096));
	EXPECT_TRUE(buf_equal(&self->stream, &self->work));
	ASSERT_EQ(0, vdev_reset(&self->a));
	ASSERT_EQ(0, mig_load(&self->a, self->work.data, self->work.len, 0));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	EXPECT_TRUE(buf_equal(&self->stream, &self->work));
	EXPECT_EQ(3, reg(&self->a, REG_WINDOW));
}

#define GROUP	CGROUPS "/test_pattern"

/* Until one does not go into the memory any more, or all are there. */
static int fill_what_there_is(struct vdev *v)
{
	uint64_t page;
	int ret = 0;

	for (page = 0; !ret && page < 4 * MIB / PAGE && !reg(v, REG_LOST); page++)
		ret = memory_fill(v, page, 1, page);
	return ret;
}

/* Opens in the group, where 4 MiB do not go into. Writes get lost, a load is refused. */
static int use_memory(FIXTURE_DATA(pattern) *self, enum vdev_how how)
{
	char error[512];
	int ret;

	ret = cgroup_enter(GROUP);
	if (ret)
		return 10;
	if (vdev_open(&self->b, MDEV_UUID_B, how))
		return 11;
	/* That settles whose the memory is, wherever the process goes. */
	if (cgroup_enter(CGROUPS))
		return 21;
	if (mig_load(&self->b, self->stream.data, self->stream.len, 0) != -ENOMEM)
		return 12;
	if (last_error(MDEV_UUID_B, error, sizeof(error)) < 0 ||
	    !strstr(error, "no memory for page"))
		return 13;
	if (mig_set(&self->b, STOP, NULL) != -ENOMEM || !state_is(&self->b, ERROR))
		return 14;
	if (vdev_reset(&self->b) || fill_what_there_is(&self->b))
		return 15;
	if (!reg(&self->b, REG_LOST))
		return 16;
	/* What there is room for is taken again, and no more. */
	if (vdev_reset(&self->b) || reg(&self->b, REG_LOST) || memory_fill(&self->b, 0, 16, 1))
		return 17;
	if (attr(MDEV_UUID_B, "rate", "50"))
		return 18;
	usleep(600000);
	if (attr(MDEV_UUID_B, "rate", "0"))
		return 19;
	if (!reg(&self->b, REG_COUNT) || reg(&self->b, REG_COUNT) >= 4 * MIB / PAGE)
		return 20;
	return 0;
}

/* All of the memory is that of who has opened the device; nobody is killed for it. */
TEST_F_TIMEOUT(pattern, is_charged, 120)
{
	int status;
	pid_t pid;

	if (!cgroup_make(GROUP, "memory", "memory.max", "2M"))
		SKIP(return, "this kernel has no memory control groups");
	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "4", variant->how));
	ASSERT_EQ(0, pattern_create(MDEV_UUID_B, "4"));
	ASSERT_EQ(0, memory_fill(&self->a, 0, 4 * MIB / PAGE, 1));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(use_memory(self, variant->how));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) {
		TH_LOG("exit status %d", WEXITSTATUS(status));
	}
	EXPECT_EQ(0, rmdir(GROUP));
}

TEST_HARNESS_MAIN
