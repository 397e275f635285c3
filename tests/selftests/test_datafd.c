// SPDX-License-Identifier: GPL-2.0-only
/* The migration data FD: when it gives what, and how it ends. */
#include "test.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

FIXTURE(datafd) {
	struct vdev v;
	struct buf stream;	/* of a device just opened */
	struct buf got;
	int fd;
};

BOTH_WAYS(datafd);

FIXTURE_SETUP(datafd)
{
	REQUIRE_WAY(variant->how);
	self->fd = -1;
	ASSERT_EQ(0, create_open(&self->v, MDEV_UUID_A, variant->how));
	ASSERT_EQ(0, mig_save(&self->v, &self->stream));
	ASSERT_EQ(0, vdev_reset(&self->v));
}

FIXTURE_TEARDOWN(datafd)
{
	if (self->fd >= 0)
		close(self->fd);
	close_remove(&self->v);
	buf_free(&self->stream);
	buf_free(&self->got);
}

#define BEGIN(state)							\
	do {								\
		if (self->fd >= 0)					\
			close(self->fd);				\
		self->got.len = 0;					\
		ASSERT_EQ(0, go_to(&self->v, state, &self->fd));	\
		ASSERT_LE(0, self->fd);					\
	} while (0)

static int poll_events(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, 0) < 0 ? -errno : pfd.revents;
}

TEST_F(datafd, stop_copy_ends)
{
	char byte;
	int i;

	BEGIN(STOP_COPY);
	EXPECT_EQ(POLLIN, poll_events(self->fd, POLLIN) & POLLIN);
	EXPECT_EQ(0, mig_drain(self->fd, &self->got, 64));
	EXPECT_TRUE(buf_equal(&self->stream, &self->got));
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, read(self->fd, &byte, 1));
		EXPECT_EQ(POLLIN, poll_events(self->fd, POLLIN) & POLLIN);
	}
}

/* Odd sizes, also 0, give the same bytes. */
TEST_F(datafd, read_sizes)
{
	static const size_t sizes[] = {
		1, 2, 3, 5, 7, 15, 16, 17, 31, 33, 100, 255, 511, 1023, 4097,
		1 << 20,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		BEGIN(STOP_COPY);
		EXPECT_EQ(0, read(self->fd, NULL, 0));
		EXPECT_EQ(0, mig_drain(self->fd, &self->got, sizes[i]));
		EXPECT_TRUE(buf_equal(&self->stream, &self->got)) {
			TH_LOG("reads of %zu bytes", sizes[i]);
		}
	}
}

TEST_F(datafd, readv)
{
	char a[1], b[3], c[200];
	struct iovec iov[] = { { a, 1 }, { b, 3 }, { c, 200 } };
	ssize_t n;

	BEGIN(STOP_COPY);
	n = readv(self->fd, iov, 3);
	ASSERT_EQ(204, n);
	EXPECT_EQ(0, memcmp(a, self->stream.data, 1));
	EXPECT_EQ(0, memcmp(b, self->stream.data + 1, 3));
	EXPECT_EQ(0, memcmp(c, self->stream.data + 4, 200));
}

/* START and CONFIG come in PRE_COPY, complete, and less than a kilobyte. */
TEST_F(datafd, pre_copy_gives_the_header)
{
	struct stream_rec rec;
	size_t at = 0;

	REQUIRE_PRE_COPY(&self->v);
	BEGIN(PRE_COPY);
	EXPECT_EQ(-ENOMSG, mig_drain(self->fd, &self->got, 4096));
	EXPECT_LT(0, self->got.len);
	EXPECT_GT(1024, self->got.len);
	EXPECT_EQ(0, memcmp(self->got.data, self->stream.data, self->got.len));
	ASSERT_EQ(1, stream_next(&self->got, &at, &rec));
	EXPECT_EQ(MDEV_MIGRATE_TAG_START, rec.tag);
	EXPECT_EQ(sizeof(struct mdev_migrate_start), rec.length);
	EXPECT_EQ(MDEV_MIGRATE_STREAM_MAGIC, get_le64(rec.payload));
	EXPECT_EQ(MDEV_MIGRATE_STREAM_MAJOR, get_le16(rec.payload + 8));
	EXPECT_EQ(MDEV_MIGRATE_STREAM_MINOR, get_le16(rec.payload + 10));
	ASSERT_EQ(1, stream_next(&self->got, &at, &rec));
	EXPECT_EQ(MDEV_MIGRATE_TAG_CONFIG, rec.tag);
	EXPECT_EQ(strlen("model=" MDEV_MODEL), rec.length);
	EXPECT_EQ(0, memcmp("model=" MDEV_MODEL, rec.payload, rec.length));
	EXPECT_EQ(0, stream_next(&self->got, &at, &rec));
}

TEST_F(datafd, temporary_end)
{
	unsigned int states[] = { PRE_COPY, PRE_COPY_P2P, PRE_COPY };
	unsigned int i, k;
	char byte;

	REQUIRE_PRE_COPY(&self->v);
	BEGIN(PRE_COPY);
	EXPECT_EQ(POLLIN, poll_events(self->fd, POLLIN) & POLLIN);
	EXPECT_EQ(-ENOMSG, mig_drain(self->fd, &self->got, 10));
	for (i = 0; i < ARRAY_SIZE(states); i++) {
		ASSERT_EQ(0, mig_set(&self->v, states[i], NULL));
		for (k = 0; k < 3; k++) {
			EXPECT_EQ(-1, read(self->fd, &byte, 1));
			EXPECT_EQ(ENOMSG, errno);
			EXPECT_EQ(0, poll_events(self->fd, POLLIN) & POLLIN);
		}
	}
	/* The rest of the stream, and never ENOMSG again. */
	ASSERT_EQ(0, mig_set(&self->v, STOP_COPY, NULL));
	EXPECT_EQ(POLLIN, poll_events(self->fd, POLLIN) & POLLIN);
	EXPECT_EQ(0, mig_drain(self->fd, &self->got, 10));
	EXPECT_TRUE(buf_equal(&self->stream, &self->got));
	EXPECT_EQ(0, read(self->fd, &byte, 1));
}

/* A reader that waits in poll() for more is woken by STOP_COPY. */
TEST_F(datafd, poll_is_woken)
{
	struct pollfd pfd = { .events = POLLIN };
	int status;
	pid_t pid;

	REQUIRE_PRE_COPY(&self->v);
	BEGIN(PRE_COPY);
	EXPECT_EQ(-ENOMSG, mig_drain(self->fd, &self->got, 4096));
	pfd.fd = self->fd;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(poll(&pfd, 1, DEADLINE_MS) == 1 &&
		      pfd.revents & POLLIN ? 0 : 1);
	/* It may not wait yet; if so it must find the FD readable. */
	ASSERT_EQ(0, mig_set(&self->v, STOP_COPY, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* Leaving half read: in PRE_COPY, on to STOP_COPY, nothing is lost. */
TEST_F(datafd, stop_copy_before_the_temporary_end)
{
	ssize_t n;
	size_t k;

	REQUIRE_PRE_COPY(&self->v);
	for (k = 0; k < 160; k += 13) {
		BEGIN(PRE_COPY);
		ASSERT_EQ(0, buf_reserve(&self->got, k + 1));
		n = read(self->fd, self->got.data, k);
		ASSERT_LE(0, n);
		self->got.len = n;
		ASSERT_EQ(0, mig_set(&self->v, STOP_COPY, NULL));
		EXPECT_EQ(0, mig_drain(self->fd, &self->got, 50));
		EXPECT_TRUE(buf_equal(&self->stream, &self->got)) {
			TH_LOG("%zu bytes in PRE_COPY", k);
		}
	}
}

/* One session through the whole saving group. */
TEST_F(datafd, session_survives)
{
	static const unsigned int way[] = {
		PRE_COPY_P2P, PRE_COPY, PRE_COPY_P2P, PRE_COPY, PRE_COPY,
		PRE_COPY_P2P, STOP_COPY, STOP_COPY,
	};
	unsigned int i;
	int fd;

	REQUIRE_PRE_COPY(&self->v);
	BEGIN(PRE_COPY);
	for (i = 0; i < ARRAY_SIZE(way); i++) {
		ASSERT_EQ(0, mig_set(&self->v, way[i], &fd));
		EXPECT_EQ(-1, fd);
		ASSERT_EQ(0, buf_reserve(&self->got, self->got.len + 8));
		ASSERT_EQ(8, read(self->fd, self->got.data + self->got.len,
				  8));
		self->got.len += 8;
	}
	EXPECT_EQ(0, mig_drain(self->fd, &self->got, 64));
	EXPECT_TRUE(buf_equal(&self->stream, &self->got));
}

TEST_F(datafd, precopy_info)
{
	struct vfio_precopy_info info, *small = &info;
	uint64_t initial;
	char byte;

	REQUIRE_PRE_COPY(&self->v);
	BEGIN(PRE_COPY);
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_EQ(0, info.flags);
	EXPECT_LT(0, info.initial_bytes);
	EXPECT_EQ(0, info.dirty_bytes);
	initial = info.initial_bytes;
	ASSERT_EQ(1, read(self->fd, &byte, 1));
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_EQ(initial - 1, info.initial_bytes);
	ASSERT_EQ(0, mig_set(&self->v, PRE_COPY_P2P, NULL));
	EXPECT_EQ(-ENOMSG, mig_drain(self->fd, &self->got, 64));
	EXPECT_EQ(initial - 1, self->got.len);
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_EQ(0, info.flags);
	EXPECT_EQ(0, info.initial_bytes);
	EXPECT_EQ(0, info.dirty_bytes);

	small->argsz = sizeof(info) - 1;
	EXPECT_EQ(-1, ioctl(self->fd, VFIO_MIG_GET_PRECOPY_INFO, small));
	EXPECT_EQ(EINVAL, errno);
	small->argsz = 0;
	EXPECT_EQ(-1, ioctl(self->fd, VFIO_MIG_GET_PRECOPY_INFO, small));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->fd, VFIO_MIG_GET_PRECOPY_INFO, (void *)1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->fd, VFIO_DEVICE_RESET));
	EXPECT_EQ(ENOTTY, errno);
	ASSERT_EQ(0, mig_set(&self->v, STOP_COPY, NULL));
	EXPECT_EQ(-EINVAL, mig_precopy_info(self->fd, &info));
}

TEST_F(datafd, precopy_info_elsewhere)
{
	struct vfio_precopy_info info;

	BEGIN(STOP_COPY);
	EXPECT_EQ(-EINVAL, mig_precopy_info(self->fd, &info));
	BEGIN(RESUMING);
	EXPECT_GT(0, mig_precopy_info(self->fd, &info));
}

/* The feature of Linux 7.1 on, where it is known: flags stay zero. */
TEST_F(datafd, precopy_info_v2)
{
	struct vfio_precopy_info info;
	int ret = vdev_feature(&self->v, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2, NULL, 0);

	if (ret == -ENOTTY)
		SKIP(return, "this kernel has no PRECOPY_INFOv2");
	ASSERT_EQ(0, ret);
	REQUIRE_PRE_COPY(&self->v);
	BEGIN(PRE_COPY);
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_EQ(0, info.flags);
}

TEST_F(datafd, direction_and_seek)
{
	char byte = 0;

	BEGIN(STOP_COPY);
	EXPECT_EQ(O_RDONLY, fcntl(self->fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(-1, write(self->fd, &byte, 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(self->fd, &byte, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fd, F_GETFD));
	BEGIN(RESUMING);
	EXPECT_EQ(O_WRONLY, fcntl(self->fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(-1, read(self->fd, &byte, 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pwrite(self->fd, &byte, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
}

/* Out of the session, the FD is dead, and stays so in the next one. */
TEST_F(datafd, after_the_session)
{
	static const unsigned int leave[] = {
		STOP, RUNNING, RUNNING_P2P, RESUMING,
	};
	unsigned int i;
	int next;
	char byte;

	for (i = 0; i < ARRAY_SIZE(leave); i++) {
		BEGIN(STOP_COPY);
		ASSERT_EQ(1, read(self->fd, &byte, 1));
		ASSERT_EQ(0, mig_set(&self->v, leave[i], NULL));
		EXPECT_EQ(-1, read(self->fd, &byte, 1));
		EXPECT_EQ(ENODEV, errno);
		EXPECT_NE(0, poll_events(self->fd, POLLIN));
		if (!has_pre_copy(&self->v))
			continue;
		BEGIN(PRE_COPY);
		ASSERT_EQ(0, mig_set(&self->v, leave[i], NULL));
		if (leave[i] != RESUMING) {
			ASSERT_EQ(0, mig_set(&self->v, STOP_COPY, &next));
			EXPECT_EQ(-1, read(self->fd, &byte, 1));
			EXPECT_EQ(ENODEV, errno);
			EXPECT_EQ(1, read(next, &byte, 1));
			close(next);
		}
	}
	BEGIN(RESUMING);
	ASSERT_EQ(0, mig_feed(self->fd, self->stream.data, self->stream.len,
			      0));
	ASSERT_EQ(0, mig_set(&self->v, STOP, NULL));
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(ENODEV, errno);
}

/* The estimate is enough, also for what PRE_COPY has not sent. */
TEST_F(datafd, data_size)
{
	static const unsigned int states[] = {
		RUNNING, RUNNING_P2P, STOP, PRE_COPY, PRE_COPY_P2P, STOP_COPY,
		RESUMING,
	};
	unsigned int i;
	int64_t size;
	int fd;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		if (!has_state(&self->v, states[i]))
			continue;
		ASSERT_EQ(0, go_to(&self->v, states[i], &fd));
		size = mig_data_size(&self->v);
		EXPECT_LE(states[i] == RESUMING ? 0 : (int64_t)self->stream.len,
			  size) {
			TH_LOG("in %s", mig_name(states[i]));
		}
		if (fd >= 0)
			close(fd);
	}
	BEGIN(STOP_COPY);
	do {
		size = mig_data_size(&self->v);
		EXPECT_LE(self->stream.len - self->got.len, size);
		ASSERT_EQ(0, buf_reserve(&self->got, self->got.len + 64));
		fd = read(self->fd, self->got.data + self->got.len, 64);
		ASSERT_LE(0, fd);
		self->got.len += fd;
	} while (fd);
}

/* A buffer that ends in nothing: what was read is not lost, and not skipped. */
TEST_F(datafd, faulting_read)
{
	uint8_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t n;

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + 4096, 4096));
	BEGIN(STOP_COPY);
	EXPECT_EQ(-1, read(self->fd, page + 4096, 10));
	EXPECT_EQ(EFAULT, errno);
	n = read(self->fd, page + 4096 - 5, 100);
	if (n > 0) {
		ASSERT_EQ(0, buf_append(&self->got, page + 4096 - 5, n));
	} else {
		EXPECT_EQ(EFAULT, errno);
	}
	EXPECT_EQ(0, mig_drain(self->fd, &self->got, 100));
	EXPECT_TRUE(buf_equal(&self->stream, &self->got));
	munmap(page, 4096);
}

TEST_F(datafd, faulting_write)
{
	uint8_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t n;

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + 4096, 4096));
	BEGIN(RESUMING);
	EXPECT_EQ(-1, write(self->fd, page + 4096, 10));
	EXPECT_EQ(EFAULT, errno);
	memcpy(page + 4096 - 5, self->stream.data, 5);
	n = write(self->fd, page + 4096 - 5, 100);
	if (n < 0) {
		EXPECT_EQ(EFAULT, errno);
		n = 0;
	}
	EXPECT_GE(5, n);
	EXPECT_EQ(0, mig_feed(self->fd, self->stream.data + n,
			      self->stream.len - n, 0));
	EXPECT_EQ(0, mig_set(&self->v, STOP, NULL));
	munmap(page, 4096);
}

/* One who writes never has to wait for room; from an error on, poll() says so. */
TEST_F(datafd, poll_while_loading)
{
	uint8_t byte;

	BEGIN(RESUMING);
	EXPECT_EQ(POLLOUT, poll_events(self->fd, POLLOUT | POLLIN));
	ASSERT_EQ(0, mig_feed(self->fd, self->stream.data, 20, 0));
	EXPECT_EQ(POLLOUT, poll_events(self->fd, POLLOUT | POLLIN));
	byte = ~self->stream.data[20];
	while (write(self->fd, &byte, 1) == 1)
		byte++;
	EXPECT_EQ(POLLOUT | POLLERR, poll_events(self->fd, POLLOUT | POLLIN));
	ASSERT_EQ(0, vdev_reset(&self->v));
	EXPECT_EQ(POLLOUT | POLLERR, poll_events(self->fd, POLLOUT | POLLIN));
}

#define BIG	0x7ffff000UL

/* A MiB again and again: 2 GiB of records that another device may skip. */
static uint8_t *many_records(void)
{
	uint8_t *at = mmap(NULL, BIG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
			   MAP_NORESERVE, -1, 0);
	int fd = memfd_create("records", 0);
	uint32_t crc = ~0U;
	size_t i;
	int k;

	if (at == MAP_FAILED || fd < 0 || ftruncate(fd, MIB))
		return NULL;
	for (i = 0; i < BIG; i += MIB)
		mmap(at + i, BIG - i < MIB ? BIG - i : MIB,
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	put_le32(at, 0x7777);
	put_le32(at + 4, MDEV_MIGRATE_RECORD_OPTIONAL);
	put_le32(at + 8, MIB - 16);
	for (i = 0; i < MIB; i++) {
		if (i >= 12 && i < 16)
			continue;
		crc ^= at[i];
		for (k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	put_le32(at + 12, ~crc);
	return at;
}

/* Who writes two gigabytes and is killed is gone in the time of a record. */
TEST_F_TIMEOUT(datafd, killed_in_a_write, 120)
{
	struct stream_rec rec;
	uint8_t *records;
	uint64_t start;
	size_t at = 0;
	int status;
	pid_t pid;

	records = many_records();
	ASSERT_NE(NULL, records);
	BEGIN(RESUMING);
	ASSERT_EQ(1, stream_next(&self->stream, &at, &rec));
	ASSERT_EQ(1, stream_next(&self->stream, &at, &rec));
	ASSERT_EQ((ssize_t)at, write(self->fd, self->stream.data, at));
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(write(self->fd, records, BIG) < 0);
	usleep(4 * QUIET_MS * 1000);
	ASSERT_EQ(0, waitpid(pid, &status, WNOHANG));
	kill(pid, SIGKILL);
	start = now_ns();
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	TH_LOG("%llu ms", (unsigned long long)(now_ns() - start) / 1000000);
	EXPECT_GT(DEADLINE_MS, (now_ns() - start) / 1000000);
	munmap(records, BIG);
}

TEST_HARNESS_MAIN
