// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does anybody get hold of a page of a device's memory that is mapped, and keep it? Who has
 * one writes to it when nobody sees it, and still has it when it is another device's. What
 * Linux has for that, with mdev_pattern. That copies go both ways is in test_ram_map.c.
 */
#include "ram_map.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/if_xdp.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define HELD	8	/* pages that are to be got hold of */

/* What a try came to. */
enum { REFUSED, GOT, NOT_HERE };

static int got(long ret)
{
	if (ret >= 0)
		return GOT;
	switch (errno) {
	case EPERM:
	case EACCES:
	case EAFNOSUPPORT:
	case EOPNOTSUPP:
		return NOT_HERE;
	}
	return REFUSED;
}

/* The pages themselves go into a pipe. */
static int try_vmsplice(uint8_t *map)
{
	struct iovec iov = { map, HELD * PAGE };
	int pipes[2], ret;

	if (pipe(pipes))
		return NOT_HERE;
	ret = got(vmsplice(pipes[1], &iov, 1, SPLICE_F_NONBLOCK));
	close(pipes[0]);
	close(pipes[1]);
	return ret;
}

static int try_process_vm(uint8_t *map)
{
	uint8_t bytes[PAGE] = { 0x66 };
	struct iovec from = { bytes, PAGE }, to = { map, PAGE };

	/* Of nothing it is no fault. */
	if (process_vm_writev(getpid(), &from, 0, &to, 0, 0))
		return NOT_HERE;
	return got(process_vm_writev(getpid(), &from, 1, &to, 1, 0));
}

static int try_proc_mem(uint8_t *map)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC), ret;

	if (fd < 0)
		return NOT_HERE;
	ret = got(pwrite(fd, "f", 1, (uintptr_t)map));
	close(fd);
	return ret;
}

static int try_ptrace(uint8_t *map)
{
	int ret = NOT_HERE, status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		ret = got(ptrace(PTRACE_POKEDATA, pid, map, 0x66666666L));
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	return ret;
}

static int try_io_uring(uint8_t *map)
{
	struct io_uring_params params = {};
	struct iovec iov = { map, HELD * PAGE };
	int fd = syscall(SYS_io_uring_setup, 1, &params), ret;

	if (fd < 0)
		return NOT_HERE;
	ret = got(syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, &iov, 1));
	close(fd);
	return ret;
}

static int try_xdp(uint8_t *map)
{
	struct xdp_umem_reg reg = {
		.addr = (uintptr_t)map, .len = HELD * PAGE, .chunk_size = PAGE,
	};
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return NOT_HERE;
	ret = got(setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)));
	close(fd);
	return ret;
}

/* One that other processes can wait for is known by its page. */
static int try_futex(uint8_t *map)
{
	return got(syscall(SYS_futex, map, FUTEX_WAKE, 1, NULL, NULL, 0));
}

static int try_move_pages(uint8_t *map)
{
	void *page = map;
	int node = 0, status = 1;

	if (syscall(SYS_move_pages, 0, 1UL, &page, &node, &status, 2 /* MPOL_MF_MOVE */) < 0)
		return NOT_HERE;
	errno = -status;
	return status >= 0 ? GOT : REFUSED;
}

/* Entries of page tables that no fault of the device's replaces. */
static int try_uffd(uint8_t *map)
{
	struct uffdio_api api = { .api = UFFD_API, .features = 1 << 15 /* WP_ASYNC */ };
	struct uffdio_register reg = {
		.range = { (uintptr_t)map, HELD * PAGE }, .mode = UFFDIO_REGISTER_MODE_WP,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), ret = NOT_HERE;

	if (fd < 0)
		return NOT_HERE;
	if (!ioctl(fd, UFFDIO_API, &api))
		ret = got(ioctl(fd, UFFDIO_REGISTER, &reg));
	close(fd);
	return ret;
}

static int try_advice(uint8_t *map, int advice)
{
	return got(madvise(map, HELD * PAGE, advice));
}

static int try_collapse(uint8_t *map)
{
	return try_advice(map, 25 /* MADV_COLLAPSE */);
}

static int try_guard(uint8_t *map)
{
	return try_advice(map, 102 /* MADV_GUARD_INSTALL */);
}

static int try_remove(uint8_t *map)
{
	return try_advice(map, MADV_REMOVE);
}

/* A file's contents are looked for where the mapping's file has none. */
static int try_build_id(uint8_t *map)
{
#ifdef PROCMAP_QUERY
	uint8_t id[20];
	struct procmap_query query = {
		.size = sizeof(query), .query_addr = (uintptr_t)map,
		.build_id_size = sizeof(id), .build_id_addr = (uintptr_t)id,
	};
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC), ret;

	ret = got(ioctl(fd, PROCMAP_QUERY, &query));
	close(fd);
	/* That there is none is said with a size of 0. */
	return ret == GOT && !query.build_id_size ? REFUSED : ret;
#else
	(void)map;
	return NOT_HERE;
#endif
}

/* @gets: it gets hold of other memory, if the kernel has it. */
static const struct {
	const char *name;
	int (*work)(uint8_t *map);
	bool gets;
} tries[] = {
	{ "vmsplice", try_vmsplice, true },
	{ "process_vm_writev", try_process_vm, true },
	{ "/proc/self/mem", try_proc_mem, true },
	{ "ptrace", try_ptrace, true },
	{ "io_uring", try_io_uring, true },
	{ "AF_XDP", try_xdp, false },
	{ "futex", try_futex, true },
	{ "move_pages", try_move_pages, false },
	{ "userfaultfd", try_uffd, true },
	{ "MADV_COLLAPSE", try_collapse, false },
	{ "MADV_GUARD_INSTALL", try_guard, false },
	{ "MADV_REMOVE", try_remove, true },
	{ "build ID", try_build_id, false },
};

/* They are tries: with memory that is shared, and no device's. */
TEST(others_are_got)
{
	unsigned int i;
	uint8_t *map;
	int ret;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		map = mmap(NULL, HELD * PAGE, PROT, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, (void *)map);
		memset(map, 1, HELD * PAGE);
		ret = tries[i].work(map);
		munmap(map, HELD * PAGE);
		if (tries[i].gets && ret != NOT_HERE)
			EXPECT_EQ(GOT, ret) {
				TH_LOG("%s", tries[i].name);
			}
	}
}

/* Mapped for writing, for reading, and not at all, as in a session. */
TEST_F(pattern, nobody_keeps_a_page)
{
	unsigned int i, state, here = 0;
	uint8_t *map;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "1", variant->how));
	map = (uint8_t *)memory_map(&self->a, 16 * PAGE, HELD * PAGE);
	ASSERT_NE(MAP_FAILED, map);
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		for (state = 0; state < 3; state++) {
			int ret;

			ASSERT_EQ(0, vdev_reset(&self->a));
			if (state)
				touch(map, state == 2, 0x11);
			ret = tries[i].work(map);
			EXPECT_NE(GOT, ret) {
				TH_LOG("%s, %u", tries[i].name, state);
			}
			if (ret == NOT_HERE && !state)
				TH_LOG("this kernel has no %s", tries[i].name);
			here += ret == REFUSED;
			EXPECT_EQ(state == 2 ? 0x11 : 0, map[0]);
			EXPECT_EQ(0, touch(map, true, 0x12));
			EXPECT_EQ(0x12, map[0]);
		}
	}
	EXPECT_LT(15, here);
}

/* What a file has is read straight into it, or by a copy: sent is what came. */
TEST_F(pattern, read_directly)
{
	uint8_t *buf = aligned_alloc(PAGE, HELD * PAGE), *map;
	int fd = open("/tmp/ram_pins", O_CREAT | O_TRUNC | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
	unsigned int round;
	ssize_t n;

	if (fd < 0)
		SKIP(return, "/tmp takes no O_DIRECT");
	unlink("/tmp/ram_pins");
	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "1", variant->how));
	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, "1", variant->how));
	REQUIRE_PRE_COPY(&self->a);
	map = (uint8_t *)memory_map(&self->a, 0, HELD * PAGE);
	ASSERT_NE(MAP_FAILED, map);
	memset(map, 0x21, HELD * PAGE);
	ASSERT_EQ(0, mig_set(&self->a, PRE_COPY, &self->fd));
	for (round = 1; round < 4; round++) {
		memset(buf, 0x40 + round, HELD * PAGE);
		ASSERT_EQ(HELD * PAGE, pwrite(fd, buf, HELD * PAGE, 0));
		ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 70000));
		n = pread(fd, map, HELD * PAGE, 0);
		if (n < 0)
			EXPECT_EQ(EFAULT, errno);
		EXPECT_EQ(n > 0 ? 0x40 + round : 0x21, map[PAGE]);
	}
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
	ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 70000));
	ASSERT_EQ(0, mig_load(&self->b, self->stream.data, self->stream.len, 0));
	ASSERT_EQ(0, memory_copy(&self->b, HELD * PAGE, &self->other));
	EXPECT_EQ(0, memcmp(map, self->other.data, HELD * PAGE));
	close(fd);
	free(buf);
}

TEST_HARNESS_MAIN
