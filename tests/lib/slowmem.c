// SPDX-License-Identifier: GPL-2.0-only
#include "slowmem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

/* What is mapped at @va, and was not touched, comes when slow_uffd_fill() does it. */
int slow_uffd_init(struct slow_uffd *s, void *va, size_t size)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)va, size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };

	s->va = va;
	s->size = size;
	s->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (s->fd < 0)
		return -errno;
	if (ioctl(s->fd, UFFDIO_API, &api) ||
	    ioctl(s->fd, UFFDIO_REGISTER, &reg))
		return -errno;
	return 0;
}

/* Did somebody fault on it, and waits? */
bool slow_uffd_touched(struct slow_uffd *s, int ms)
{
	struct uffd_msg msg;

	return wait_readable(s->fd, ms) > 0 &&
	       read(s->fd, &msg, sizeof(msg)) == sizeof(msg);
}

/* From here on it is ordinary memory. */
int slow_uffd_fill(struct slow_uffd *s)
{
	struct uffdio_range range = { (uintptr_t)s->va, s->size };

	return ioctl(s->fd, UFFDIO_UNREGISTER, &range) ? -errno : 0;
}

void slow_uffd_free(struct slow_uffd *s)
{
	if (s->fd > 0)
		close(s->fd);
	s->fd = -1;
}

/* In pieces, so that whoever waits for the end need not wait long. */
static void delay(const bool *stop, const unsigned int *delay_ms)
{
	unsigned int all = __atomic_load_n(delay_ms, __ATOMIC_RELAXED), ms;

	for (ms = 0; ms < all; ms += 10) {
		if (__atomic_load_n(stop, __ATOMIC_RELAXED))
			return;
		usleep((all - ms < 10 ? all - ms : 10) * 1000);
	}
}

static void *pager_thread(void *arg)
{
	struct slow_pager *s = arg;
	struct uffdio_zeropage zero = { .range.len = 4096 };
	struct uffd_msg msg;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		if (wait_readable(s->fd, 20) <= 0 ||
		    read(s->fd, &msg, sizeof(msg)) != sizeof(msg) ||
		    msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		__atomic_add_fetch(&s->faults, 1, __ATOMIC_RELAXED);
		delay(&s->stop, &s->delay_ms);
		zero.range.start = msg.arg.pagefault.address & ~4095UL;
		ioctl(s->fd, UFFDIO_ZEROPAGE, &zero);
	}
	return NULL;
}

/* Answers for @fd, which may be another process's; closes it at the end. */
int slow_pager_start(struct slow_pager *s, int fd, unsigned int delay_ms)
{
	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->delay_ms = delay_ms;
	return pthread_create(&s->thread, NULL, pager_thread, s) ? -EAGAIN : 0;
}

/* From here on nobody answers; who waits is let go of. */
void slow_pager_stop(struct slow_pager *s)
{
	if (!s->thread)
		return;
	__atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
	pthread_join(s->thread, NULL);
	close(s->fd);
	s->thread = 0;
}

/*
 * If ALL_SLOW says so, what is mapped at @va comes late when somebody touches it first:
 * the test, or the device on its behalf. A process that was forked has memory that does not.
 */
int slow_memory(void *va, size_t size)
{
	const char *ms = getenv(ALL_SLOW);
	struct slow_pager *pager;
	struct slow_uffd s;
	int ret;

	if (!ms)
		return 0;
	ret = slow_uffd_init(&s, va, size);
	if (ret)
		return ret;
	/* Both last as long as the process does. */
	pager = malloc(sizeof(*pager));
	return pager ? slow_pager_start(pager, s.fd, atoi(ms)) : -ENOMEM;
}

#define FUSE_FILE_NODE	2
#define FUSE_BUF	(FUSE_MIN_READ_BUFFER + (1 << 17))

static int reply(struct slow_fuse *s, const struct fuse_in_header *in,
		 int error, const void *data, size_t len)
{
	struct fuse_out_header *out;
	uint8_t *buf = calloc(1, sizeof(*out) + len);
	int ret = 0;

	if (!buf)
		return -ENOMEM;
	out = (void *)buf;
	out->len = sizeof(*out) + len;
	out->error = error;
	out->unique = in->unique;
	if (len && data)
		memcpy(buf + sizeof(*out), data, len);
	/* -ENOENT: who asked is gone. */
	if (write(s->fd, buf, out->len) < 0)
		ret = -errno;
	free(buf);
	return ret;
}

static void fill_attr(const struct slow_fuse *s, uint64_t node,
		      struct fuse_attr *attr)
{
	attr->ino = node;
	attr->nlink = 1;
	attr->blksize = 4096;
	if (node == FUSE_FILE_NODE) {
		attr->mode = S_IFREG | 0666;
		attr->size = s->size;
	} else {
		attr->mode = S_IFDIR | 0777;
	}
}

static int do_init(struct slow_fuse *s, const struct fuse_in_header *in)
{
	const struct fuse_init_in *arg = (const void *)(in + 1);
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_write = 4096,
		.max_background = 64,
		.congestion_threshold = 64,
	};

	if (arg->minor < out.minor)
		out.minor = arg->minor;
	return reply(s, in, 0, &out, sizeof(out));
}

static int do_lookup(struct slow_fuse *s, const struct fuse_in_header *in)
{
	struct fuse_entry_out out = {
		.nodeid = FUSE_FILE_NODE,
		.entry_valid = 3600,
		.attr_valid = 3600,
	};

	fill_attr(s, FUSE_FILE_NODE, &out.attr);
	return reply(s, in, 0, &out, sizeof(out));
}

static int do_getattr(struct slow_fuse *s, const struct fuse_in_header *in)
{
	struct fuse_attr_out out = { .attr_valid = 3600 };

	fill_attr(s, in->nodeid, &out.attr);
	return reply(s, in, 0, &out, sizeof(out));
}

static int do_open(struct slow_fuse *s, const struct fuse_in_header *in)
{
	struct fuse_open_out out = { 0 };

	return reply(s, in, 0, &out, sizeof(out));
}

/* One after the other, each of them late. */
static int do_read(struct slow_fuse *s, const struct fuse_in_header *in)
{
	const struct fuse_read_in *arg = (const void *)(in + 1);

	__atomic_add_fetch(&s->reads, 1, __ATOMIC_RELAXED);
	delay(&s->stop, &s->delay_ms);
	return reply(s, in, 0, NULL, arg->size);
}

static int do_nothing(struct slow_fuse *s, const struct fuse_in_header *in)
{
	return reply(s, in, 0, NULL, 0);
}

static const struct {
	uint32_t opcode;
	int (*run)(struct slow_fuse *s, const struct fuse_in_header *in);
} fuse_ops[] = {
	{ FUSE_INIT, do_init },
	{ FUSE_LOOKUP, do_lookup },
	{ FUSE_GETATTR, do_getattr },
	{ FUSE_OPEN, do_open },
	{ FUSE_READ, do_read },
	{ FUSE_ACCESS, do_nothing },
	{ FUSE_FLUSH, do_nothing },
	{ FUSE_RELEASE, do_nothing },
};

static int serve(struct slow_fuse *s, const struct fuse_in_header *in)
{
	unsigned int i;

	for (i = 0; i < sizeof(fuse_ops) / sizeof(fuse_ops[0]); i++) {
		if (fuse_ops[i].opcode == in->opcode)
			return fuse_ops[i].run(s, in);
	}
	/* These have no answer. */
	if (in->opcode == FUSE_FORGET || in->opcode == FUSE_BATCH_FORGET ||
	    in->opcode == FUSE_INTERRUPT)
		return 0;
	return reply(s, in, -EOPNOTSUPP, NULL, 0);
}

static void *fuse_thread(void *arg)
{
	struct slow_fuse *s = arg;
	uint8_t *buf = malloc(FUSE_BUF);

	while (buf && !__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		ssize_t n;

		if (wait_readable(s->fd, 20) <= 0)
			continue;
		n = read(s->fd, buf, FUSE_BUF);
		if (n < 0 && errno == ENODEV)
			break;
		if (n >= (ssize_t)sizeof(struct fuse_in_header))
			serve(s, (void *)buf);
	}
	free(buf);
	return NULL;
}

static int mount_it(struct slow_fuse *s)
{
	char options[128];

	snprintf(s->dir, sizeof(s->dir), "/tmp/slow-fuse-XXXXXX");
	if (!mkdtemp(s->dir))
		return -errno;
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40777,user_id=0,group_id=0,allow_other",
		 s->fd);
	return mount("slow", s->dir, "fuse", MS_NOSUID | MS_NODEV, options) ?
	       -errno : 0;
}

/* An open file @s->file of zeroes; -ENOENT if the kernel has no FUSE. */
int slow_fuse_init(struct slow_fuse *s, size_t size, unsigned int delay_ms)
{
	char path[128];
	int ret;

	memset(s, 0, sizeof(*s));
	s->size = size;
	s->delay_ms = delay_ms;
	s->file = -1;
	s->fd = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (s->fd < 0)
		return -errno;
	ret = mount_it(s);
	if (ret)
		return ret;
	if (pthread_create(&s->thread, NULL, fuse_thread, s))
		return -EAGAIN;
	snprintf(path, sizeof(path), "%s/file", s->dir);
	s->file = open(path, O_RDONLY | O_CLOEXEC);
	return s->file < 0 ? -errno : 0;
}

void slow_fuse_free(struct slow_fuse *s)
{
	/* Whoever waits for it does not any more, and nobody can again. */
	if (s->dir[0])
		umount2(s->dir, MNT_FORCE);
	if (s->file >= 0)
		close(s->file);
	__atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
	if (s->thread)
		pthread_join(s->thread, NULL);
	if (s->fd >= 0)
		close(s->fd);
	if (s->dir[0]) {
		umount2(s->dir, MNT_DETACH);
		rmdir(s->dir);
	}
}
