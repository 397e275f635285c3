// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device's memory that is loaded in place, with mdev_pattern, from a buffer of which a page
 * comes late (userfaultfd), in the middle of a record: the memory, the state machine, a reset
 * and closing do not wait for it, and what comes after them changes nothing.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "ram_map.h"
#include "slow_page.h"

#define LATE	5		/* page of the buffer */
#define FILLED	40		/* pages of the memory, in records of 16 at most */

struct load {
	uint8_t *buffer;
	size_t len;
	int uffd;
	int fd;
	int ret;
};

/* The stream, but for a page. */
static int load_init(struct load *load, const struct buf *stream)
{
	size_t size = (stream->len + PAGE - 1) / PAGE * PAGE, after = (LATE + 1) * PAGE;
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	load->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (load->uffd < 0)
		return -errno;
	load->len = stream->len;
	load->buffer = mmap(NULL, size, PROT, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (load->buffer == MAP_FAILED)
		return -errno;
	memcpy(load->buffer, stream->data, LATE * PAGE);
	memcpy(load->buffer + after, stream->data + after, stream->len - after);
	reg.range.start = (uintptr_t)load->buffer + LATE * PAGE;
	reg.range.len = PAGE;
	if (ioctl(load->uffd, UFFDIO_API, &api) || ioctl(load->uffd, UFFDIO_REGISTER, &reg))
		return -errno;
	return 0;
}

static int load_fill(struct load *load, const struct buf *stream)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)load->buffer + LATE * PAGE,
		.src = (uintptr_t)stream->data + LATE * PAGE,
		.len = PAGE,
	};

	return ioctl(load->uffd, UFFDIO_COPY, &copy) ? -errno : 0;
}

static void *write_on(void *arg)
{
	struct load *load = arg;

	load->ret = mig_feed(load->fd, load->buffer, load->len, 0);
	return NULL;
}

/* A is saved, and B is being loaded and has come to the page that is late. */
static void load_begin(struct __test_metadata *_metadata, FIXTURE_DATA(pattern) *self,
		       enum vdev_how how, struct load *load, pthread_t *thread)
{
	struct slow_page page;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "1", how));
	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, "1", how));
	ASSERT_EQ(0, memory_fill(&self->a, 1, FILLED, 7));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_LT((LATE + 1) * PAGE, self->stream.len);
	ASSERT_EQ(0, load_init(load, &self->stream));
	ASSERT_EQ(0, mig_set(&self->b, RESUMING, &self->fd));
	load->fd = self->fd;
	ASSERT_EQ(0, pthread_create(thread, NULL, write_on, load));
	page.uffd = load->uffd;
	ASSERT_TRUE(slow_page_touched(&page));
}

static bool has_uffd(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

TEST_F(pattern, late_page)
{
	struct load load = {};
	volatile uint8_t *map;
	pthread_t thread;
	int status, i;
	pid_t pid;

	if (!has_uffd())
		SKIP(return, "this kernel has no userfaultfd");
	load_begin(_metadata, self, variant->how, &load, &thread);
	map = memory_map(&self->b, 0, MIB);
	ASSERT_NE(MAP_FAILED, map);
	/* What has come, what is coming, and what has not; the device's own view. */
	for (i = 0; i < 256; i++)
		EXPECT_EQ(0, touch(map + i * PAGE, i & 1, 0x33));
	EXPECT_EQ(0x33, vdev_read(&self->b, MEMORY, 1, 3 * PAGE));
	EXPECT_EQ(RESUMING, mig_get(&self->b));
	EXPECT_LE(0, mig_data_size(&self->b));
	/* Another process, with the same data FD, waits, and can be killed. */
	fflush(stdout);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(write(self->fd, self->stream.data, 100) < 0 ? 1 : 2);
	usleep(100000);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	ASSERT_EQ(0, vdev_reset(&self->b));
	EXPECT_EQ(RUNNING, mig_get(&self->b));
	for (i = 0; i < 256; i++)
		EXPECT_EQ(0, map[i * PAGE + 1]);
	ASSERT_EQ(0, load_fill(&load, &self->stream));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ENODEV, load.ret);
	ASSERT_EQ(0, memory_copy(&self->b, MIB, &self->memory));
	EXPECT_TRUE(is_zero(&self->memory));
	/* The same buffer, and now all of it is there. */
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, mig_load(&self->b, load.buffer, load.len, 0));
	ASSERT_EQ(0, memory_copy(&self->a, MIB, &self->memory));
	ASSERT_EQ(0, memory_copy(&self->b, MIB, &self->other));
	EXPECT_TRUE(buf_equal(&self->memory, &self->other));
	close(load.uffd);
}

TEST_F(pattern, late_page_and_touched)
{
	struct load load = {};
	volatile uint8_t *map;
	pthread_t thread;
	int i;

	if (!has_uffd())
		SKIP(return, "this kernel has no userfaultfd");
	load_begin(_metadata, self, variant->how, &load, &thread);
	map = memory_map(&self->b, 0, MIB);
	ASSERT_NE(MAP_FAILED, map);
	/* Four pages that are put aside until they are whole are somewhere else then. */
	for (i = 0; i < 256; i++)
		EXPECT_EQ(0, touch(map + i * PAGE, false, 0));
	ASSERT_EQ(0, load_fill(&load, &self->stream));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, load.ret);
	ASSERT_EQ(0, mig_set(&self->b, STOP, NULL));
	ASSERT_EQ(0, memory_copy(&self->a, MIB, &self->memory));
	EXPECT_EQ(0, memcmp((void *)map, self->memory.data, MIB));
	/* And all of it is sent on. */
	self->work.len = 0;
	ASSERT_EQ(0, mig_save(&self->b, &self->work));
	ASSERT_EQ(0, vdev_reset(&self->a));
	ASSERT_EQ(0, mig_load(&self->a, self->work.data, self->work.len, 0));
	ASSERT_EQ(0, memory_copy(&self->a, MIB, &self->other));
	EXPECT_TRUE(buf_equal(&self->memory, &self->other));
	close(load.uffd);
}

TEST_F(pattern, late_page_and_closed)
{
	struct load load = {};
	struct vdev v;
	pthread_t thread;

	if (!has_uffd())
		SKIP(return, "this kernel has no userfaultfd");
	load_begin(_metadata, self, variant->how, &load, &thread);
	v = self->b;
	vdev_close(&self->b);
	/* Who opens it next finds nothing of that, now or later. */
	ASSERT_EQ(0, vdev_open(&self->b, v.uuid, variant->how));
	ASSERT_EQ(0, load_fill(&load, &self->stream));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ENODEV, load.ret);
	EXPECT_EQ(RUNNING, mig_get(&self->b));
	ASSERT_EQ(0, memory_copy(&self->b, MIB, &self->memory));
	EXPECT_TRUE(is_zero(&self->memory));
	close(load.uffd);
}

TEST_HARNESS_MAIN
