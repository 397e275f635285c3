/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of mdev_bochs_display share: two displays, registers, memory, the picture. */
#ifndef TESTS_SELFTESTS_BOCHS_H
#define TESTS_SELFTESTS_BOCHS_H

#include "testmod.h"

#include <sys/mman.h>

#define TYPES		"/sys/class/mdev_bus/bochs_display/mdev_supported_types"
#define V1		"bochs_display-v1"
#define V2		"bochs_display-v2"
#define DEVICE(_u)	MDEV_DEVICES "/" _u
#define URI		"https://mdev-migrate.org/devices/bochs-display"

#define VRAM		0	/* BARs */
#define MMIO		2
#define SCREEN		9	/* the region of the picture */
#define PAGE		4096UL

/* In BAR 2. */
#define VGA		0x400
#define VBE(_i)		(0x500 + 2 * (_i))
#define QEXT		0x600
#define BYTEORDER	0x604
#define LITTLE		0x1e1e1e1e
#define BIG		0xbebebebe
#define EDID_SIZE	128

enum {
	ID, XRES, YRES, BPP, ENABLE, BANK, VIRT_WIDTH, VIRT_HEIGHT, X_OFFSET, Y_OFFSET, MEM_64K, NR
};

#define XRGB8888	0x34325258	/* "XR24" */

#define TAG_REGS	MDEV_MIGRATE_TAG_BOCHS_REGISTERS
#define TAG_PAGES	MDEV_MIGRATE_TAG_BOCHS_PAGES

FIXTURE(bochs) {
	struct vdev a;
	struct vdev b;
	int fd;
	struct buf stream;
	struct buf work;
	struct buf memory;
	struct buf other;
	void *map;
	size_t mapped;
	bool loaded;
};

BOTH_WAYS(bochs);

/* The runner says where it is; else modprobe knows. */
static inline int bochs_load(void)
{
	const char *ko = getenv("MDEV_BOCHS_DISPLAY_KO");

	if (ko && *ko)
		return module_insert(ko, "");
	return system("modprobe mdev_bochs_display") ? -ENOENT : 0;
}

FIXTURE_SETUP(bochs)
{
	REQUIRE_WAY(variant->how);
	self->a.fd = -1;
	self->b.fd = -1;
	self->fd = -1;
	self->map = MAP_FAILED;
	if (access("/sys/module/mdev_bochs_display", F_OK)) {
		ASSERT_EQ(0, bochs_load());
		self->loaded = true;
	}
}

FIXTURE_TEARDOWN(bochs)
{
	if (self->map != MAP_FAILED)
		munmap(self->map, self->mapped);
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
		EXPECT_EQ(0, module_unload("mdev_bochs_display"));
}

/* @params: "name=value,..." or "" */
static inline int bochs_create(const char *uuid, const char *type, const char *params)
{
	char text[128], path[64], *part, *value, *rest = text;
	int ret;

	if (mdev_exists(uuid)) {
		ret = mdev_remove(uuid);
		if (ret)
			return ret;
	}
	snprintf(path, sizeof(path), "%s/create", type);
	ret = put(TYPES, path, uuid);
	snprintf(text, sizeof(text), "%s", params);
	while (!ret && (part = strsep(&rest, ",")) && *part) {
		value = strchr(part, '=');
		*value++ = 0;
		snprintf(path, sizeof(path), "migration/params/%s", part);
		ret = mdev_write(uuid, path, value);
	}
	return ret;
}

static inline int bochs_open(struct vdev *v, const char *uuid, const char *type,
			     const char *params, enum vdev_how how)
{
	int ret = bochs_create(uuid, type, params);

	return ret ? ret : vdev_open(v, uuid, how);
}

static inline uint16_t vbe(struct vdev *v, unsigned int index)
{
	return vdev_read(v, MMIO, 2, VBE(index));
}

static inline int vbe_set(struct vdev *v, unsigned int index, uint16_t value)
{
	return vdev_write(v, MMIO, 2, VBE(index), value);
}

struct mode {
	uint16_t width, height, bpp, virt_width, x, y;
};

/* As a driver does, in any order. */
static inline int set_mode(struct vdev *v, const struct mode *m)
{
	int ret = vbe_set(v, ENABLE, 0);

	ret |= vbe_set(v, BPP, m->bpp);
	ret |= vbe_set(v, XRES, m->width);
	ret |= vbe_set(v, YRES, m->height);
	ret |= vbe_set(v, VIRT_WIDTH, m->virt_width);
	ret |= vbe_set(v, X_OFFSET, m->x);
	ret |= vbe_set(v, Y_OFFSET, m->y);
	return ret | vbe_set(v, ENABLE, 0x41);
}

/* VFIO_DEVICE_QUERY_GFX_PLANE, of which all that is to be filled was something else. */
static inline int query(struct vdev *v, uint32_t flags, uint32_t type,
			struct vfio_device_gfx_plane_info *plane)
{
	memset(plane, 0xa5, sizeof(*plane));
	plane->argsz = sizeof(*plane);
	plane->flags = flags;
	plane->drm_plane_type = type;
	return ioctl(v->fd, VFIO_DEVICE_QUERY_GFX_PLANE, plane) ? -errno : 0;
}

static inline int query_region(struct vdev *v, struct vfio_device_gfx_plane_info *plane)
{
	return query(v, VFIO_GFX_PLANE_TYPE_REGION, 0, plane);
}

/* The picture's region, which is no BAR. */
static inline int screen_pread(struct vdev *v, void *data, size_t len, uint64_t offset)
{
	struct vfio_region_info info = { .argsz = sizeof(info) };
	ssize_t n;

	if (vdev_region_info(v, SCREEN, &info))
		return -errno;
	n = pread(v->fd, data, len, info.offset + offset);
	return n < 0 ? -errno : n;
}

static inline void *screen_map(struct vdev *v, size_t len, uint64_t offset, int prot, int flags)
{
	struct vfio_region_info info = { .argsz = sizeof(info) };

	if (vdev_region_info(v, SCREEN, &info))
		return MAP_FAILED;
	return mmap(NULL, len, prot, flags, v->fd, info.offset + offset);
}

/* All of the memory is made of what depends on @seed and the place. */
static inline int vram_fill(struct vdev *v, uint64_t at, size_t len, uint64_t seed)
{
	uint8_t *data = malloc(len);
	size_t i;
	int ret;

	if (!data)
		return -ENOMEM;
	for (i = 0; i < len; i++)
		data[i] = rng_next(&seed);
	ret = vdev_pwrite(v, VRAM, data, len, at);
	free(data);
	return ret < 0 ? ret : (size_t)ret == len ? 0 : -EIO;
}

static inline int vram_read(struct vdev *v, struct buf *to, size_t len)
{
	int ret = buf_reserve(to, len);

	to->len = len;
	if (!ret)
		ret = vdev_pread(v, VRAM, to->data, len, 0);
	return ret < 0 ? ret : (size_t)ret == len ? 0 : -EIO;
}

/* What the region is to show of @memory, in 32 bits a pixel. */
static inline int make_picture(struct buf *to, const struct buf *memory, const struct mode *m,
			       bool big)
{
	size_t bytes = m->bpp / 8, stride, i;
	int ret = buf_reserve(to, 4UL * m->width * m->height);

	stride = bytes * (m->virt_width > m->width ? m->virt_width : m->width);
	to->len = 4UL * m->width * m->height;
	for (i = 0; !ret && i < to->len / 4; i++) {
		const uint8_t *p = memory->data + (i / m->width + m->y) * stride +
				   (i % m->width + m->x) * bytes;
		uint32_t v = get_le32(p), r, g, b;

		if (big)
			v = (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
		if (bytes == 2) {
			v = get_le16(p);
			r = v >> 11;
			g = v >> 5 & 63;
			b = v & 31;
			v = (r * 8 + r / 4) << 16 | (g * 4 + g / 16) << 8 | (b * 8 + b / 4);
		}
		put_le32(to->data + 4 * i, v);
	}
	return ret;
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

#endif /* TESTS_SELFTESTS_BOCHS_H */
