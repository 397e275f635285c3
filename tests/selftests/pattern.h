/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of mdev_pattern share: two devices, and their memory. */
#ifndef TESTS_SELFTESTS_PATTERN_H
#define TESTS_SELFTESTS_PATTERN_H

#include "testmod.h"

#include <sys/mman.h>

#define TYPES		"/sys/class/mdev_bus/pattern/mdev_supported_types"
#define TYPE		"pattern-v1"
#define DEVICE(_u)	MDEV_DEVICES "/" _u
#define URI		"https://mdev-migrate.org/devices/pattern"

#define REG_SIZE	0
#define REG_COUNT	8
#define REG_LOST	16
#define REG_WINDOW	24
#define WINDOW		(64 * KIB)
#define PAGE		4096UL
#define TAG_PAGES	MDEV_MIGRATE_TAG_PATTERN_PAGES
/* Bytes of the stream that one page takes at most. */
#define PAGE_COST	(PAGE + 32)

FIXTURE(pattern) {
	struct vdev a;
	struct vdev b;
	int fd;
	struct buf stream;
	struct buf work;
	struct buf memory;
	struct buf other;
	bool loaded;
};

/* The runner says where it is; else modprobe knows. */
static inline int pattern_load(void)
{
	const char *ko = getenv("MDEV_PATTERN_KO");

	if (ko && *ko)
		return module_insert(ko, "");
	return system("modprobe mdev_pattern") ? -ENOENT : 0;
}

static inline int pattern_create(const char *uuid, const char *mib)
{
	int ret;

	if (mdev_exists(uuid)) {
		ret = mdev_remove(uuid);
		if (ret)
			return ret;
	}
	ret = put(TYPES, TYPE "/create", uuid);
	if (!ret && mib)
		ret = mdev_write(uuid, "migration/params/memory-mib", mib);
	return ret;
}

static inline int pattern_open(struct vdev *v, const char *uuid, const char *mib,
			       enum vdev_how how)
{
	int ret = pattern_create(uuid, mib);

	return ret ? ret : vdev_open(v, uuid, how);
}

static inline uint64_t reg(struct vdev *v, unsigned int offset)
{
	return vdev_read(v, 0, 8, offset);
}

/* One way or the other, through the window. */
static inline int memory_io(struct vdev *v, uint64_t at, void *data, size_t len, bool write)
{
	uint8_t *p = data;
	int ret = 0;

	while (!ret && len) {
		size_t n = WINDOW - at % WINDOW;

		if (n > len)
			n = len;
		ret = vdev_write(v, 0, 8, REG_WINDOW, at / WINDOW);
		if (ret)
			return ret;
		if (write)
			ret = vdev_pwrite(v, 0, p, n, WINDOW + at % WINDOW);
		else
			ret = vdev_pread(v, 0, p, n, WINDOW + at % WINDOW);
		if (ret >= 0)
			ret = (size_t)ret == n ? 0 : -EIO;
		p += n;
		at += n;
		len -= n;
	}
	return ret;
}

/* All of the memory, whose size the device says. */
static inline int memory_read(struct vdev *v, struct buf *to)
{
	int ret = buf_reserve(to, reg(v, REG_SIZE));

	to->len = reg(v, REG_SIZE);
	return ret ? ret : memory_io(v, 0, to->data, to->len, false);
}

/* So many pages from @first on get bytes that depend on @seed, none of them zero. */
static inline int memory_fill(struct vdev *v, uint64_t first, unsigned int nr, uint64_t seed)
{
	uint8_t page[PAGE];
	unsigned int i;
	size_t k;
	int ret = 0;

	for (i = 0; !ret && i < nr; i++) {
		for (k = 0; k < PAGE; k++)
			page[k] = rng_next(&seed) % 255 + 1;
		ret = memory_io(v, (first + i) * PAGE, page, PAGE, true);
	}
	return ret;
}

static inline bool is_zero(const struct buf *b)
{
	size_t i = 0;

	while (i < b->len && !b->data[i])
		i++;
	return i == b->len;
}

/* Each page is what the device wrote as its last, count being how many it wrote. */
static inline bool is_written(const struct buf *memory, uint64_t count)
{
	uint64_t nr = memory->len / PAGE, page, last, i;

	for (page = 0; page < nr; page++) {
		/* The writes begin with 1, on page 0. */
		last = page < count ? count - (count - 1 - page) % nr : 0;
		for (i = 0; i < PAGE / 8; i++) {
			uint64_t want = last ? last * (PAGE / 8) + i : 0;

			if (get_le64(memory->data + page * PAGE + 8 * i) != want) {
				printf("# page %lu word %lu: %lx instead of %lx, count %lu\n",
				       page, i, get_le64(memory->data + page * PAGE + 8 * i),
				       want, count);
				return false;
			}
		}
	}
	return true;
}

static inline int attr(const char *uuid, const char *name, const char *value)
{
	return mdev_write(uuid, name, value);
}

#define EXPECT_ERROR(uuid, words)						\
	do {									\
		char text_[512];						\
										\
		EXPECT_LT(0, last_error(uuid, text_, sizeof(text_)));		\
		EXPECT_NE(NULL, strstr(text_, words)) {				\
			TH_LOG("no \"%s\" in: %s", words, text_);		\
		}								\
	} while (0)

/* What a test has left mapped, wherever: it would keep the device open. */
static inline void memory_unmap_all(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	char line[512];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (strstr(line, "/mdev_migrate") &&
		    sscanf(line, "%lx-%lx", &from, &to) == 2)
			munmap((void *)from, to - from);
	}
	if (maps)
		fclose(maps);
}

BOTH_WAYS(pattern);

FIXTURE_SETUP(pattern)
{
	REQUIRE_WAY(variant->how);
	self->a.fd = -1;
	self->b.fd = -1;
	self->fd = -1;
	if (access("/sys/module/mdev_pattern", F_OK)) {
		ASSERT_EQ(0, pattern_load());
		self->loaded = true;
	}
}

FIXTURE_TEARDOWN(pattern)
{
	memory_unmap_all();
	if (self->fd >= 0)
		close(self->fd);
	if (self->a.fd >= 0)
		vdev_close(&self->a);
	if (self->b.fd >= 0)
		vdev_close(&self->b);
	if (mdev_exists(MDEV_UUID_A))
		mdev_remove(MDEV_UUID_A);
	if (mdev_exists(MDEV_UUID_B))
		mdev_remove(MDEV_UUID_B);
	buf_free(&self->stream);
	buf_free(&self->work);
	buf_free(&self->memory);
	buf_free(&self->other);
	if (self->loaded)
		EXPECT_EQ(0, module_unload("mdev_pattern"));
}

#endif /* TESTS_SELFTESTS_PATTERN_H */
