// SPDX-License-Identifier: GPL-2.0-only
#include "stream_stain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/*
 * What the kernel's allocators, gcc and stain_memory() put into memory that nobody has
 * written. The states are such that their streams have none of it.
 */
#define STAIN_FREE	0x6b	/* POISON_FREE, and ours */
#define STAIN_INUSE	0x5a	/* POISON_INUSE */
#define STAIN_STACK	0xfe	/* -ftrivial-auto-var-init=pattern */

/* KASAN keeps what was freed: a 32nd of the memory at most. */
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define QUARANTINE	32
#define OBJECTS		100
/* Bytes of as many of each size, about. */
#define ROUND		(OBJECTS * 16 * KIB)
/* Of what is mapped behind the memory, modules among it. */
#define BEHIND		(256 * MIB)

/* The kernel copies a message's control data, finds that it is none, frees it. */
static int stain(int fd, void *control, size_t len, size_t times)
{
	struct iovec iov = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = len,
	};

	while (times--) {
		if (sendmsg(fd, &msg, 0) >= 0)
			return -EPROTO;
		if (errno != EINVAL)
			return -errno;
	}
	return 0;
}

static int stain_with(int (*how)(int fd, uint8_t *control))
{
	uint8_t control[8192];
	int fds[2], ret;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
	memset(control, STAIN_FREE, sizeof(control));
	ret = how(fds[0], control);
	close(fds[0]);
	close(fds[1]);
	return ret;
}

static int stain_each(int fd, uint8_t *control)
{
	static const size_t sizes[] = {
		64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192,
	};
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < ARRAY_SIZE(sizes); i++)
		ret = stain(fd, control, sizes[i], OBJECTS);
	return ret;
}

static int stain_quarantine(int fd, uint8_t *control)
{
	struct sysinfo info;
	uint64_t left;
	int ret;

	if (sysinfo(&info))
		return -errno;
	left = (uint64_t)info.totalram * info.mem_unit / QUARANTINE;
	if (access("/sys/kernel/debug/kmemleak", F_OK))
		left = 0;
	do {
		ret = stain_each(fd, control);
		left -= left < ROUND ? left : ROUND;
	} while (!ret && left);
	return ret;
}

/*
 * Objects of each size that kmalloc() has are filled with a pattern and freed. What is
 * allocated afterwards has the pattern, unless the kernel clears it (init_on_alloc).
 */
int stain_memory(void)
{
	return stain_with(stain_each);
}

/* KASAN, which only debug kernels have, is given so much to keep that it lets go. */
int stain_begin(void)
{
	return stain_with(stain_quarantine);
}

/*
 * By the symbols, for who may see them. With the kernel in the upper half of the
 * addresses, that half; else, in User-mode Linux, its memory from the first of its code on
 * and what it maps behind that, but no more than 4 GiB: from there on a mask in the MSI-X
 * table looks like one.
 */
int kernel_range_read(struct kernel_range *range)
{
	char line[256], type;
	struct sysinfo info;
	uint64_t at, size;
	FILE *f;

	range->first = UINT64_MAX;
	f = fopen("/proc/kallsyms", "re");
	if (!f || sysinfo(&info))
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 " %c", &at, &type) == 2 &&
		    strchr("tT", type) && at && at < range->first)
			range->first = at;
	}
	fclose(f);
	if (range->first == UINT64_MAX)
		return -EPERM;
	if (range->first >> 63) {
		range->first = 0xffff800000000000;
		range->last = UINT64_MAX - 0xffff;
		return 0;
	}
	size = (uint64_t)info.totalram * info.mem_unit + BEHIND;
	range->last = range->first + size;
	if (range->last > UINT32_MAX)
		range->last = UINT32_MAX;
	return 0;
}

static bool payload_stained(const struct stream_rec *rec,
			    const struct kernel_range *range, const char *name)
{
	size_t i;

	for (i = 0; i < rec->length; i++) {
		uint8_t b = rec->payload[i];

		if (b == STAIN_FREE || b == STAIN_INUSE || b == STAIN_STACK)
			break;
		/* Memory that is allocated is aligned, and so are pointers in it. */
		if (i % sizeof(uint64_t) || rec->length - i < sizeof(uint64_t))
			continue;
		if (get_le64(rec->payload + i) >= range->first &&
		    get_le64(rec->payload + i) <= range->last)
			break;
	}
	if (i == rec->length)
		return false;
	printf("# %s: record 0x%x, byte %zu: 0x%02x is nobody's, or an address\n",
	       name, rec->tag, i, rec->payload[i]);
	return true;
}

/* END's payload, which says how long the stream is, can be anything. */
bool stream_stained(const struct buf *s, const struct kernel_range *range,
		    const char *name)
{
	struct stream_rec rec;
	size_t at = 0;
	int ret;

	while ((ret = stream_next(s, &at, &rec)) > 0) {
		if (rec.tag != MDEV_MIGRATE_TAG_END &&
		    payload_stained(&rec, range, name))
			return true;
	}
	return ret < 0;
}
