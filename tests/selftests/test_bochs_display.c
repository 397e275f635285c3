// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdev_bochs_display: registers, EDID, configurations, and the picture as VFIO's user sees
 * it. Streams are in test_bochs_state.c; that the registers are QEMU's own is in
 * tests/qemu/test_display.py.
 */
#include "cgroup.h"
#include "bochs.h"

#include <linux/pci_regs.h>
#include <pthread.h>
#include <sys/wait.h>

TEST_F(bochs, function)
{
	struct vfio_region_info info = { .argsz = sizeof(info) };
	struct vfio_device_info device;

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "", variant->how));
	EXPECT_EQ(0x11111234U, pci_read(&self->a, 4, 0));
	EXPECT_EQ(0x03800002U, pci_read(&self->a, 4, PCI_CLASS_REVISION));
	EXPECT_EQ(0x11001af4U, pci_read(&self->a, 4, PCI_SUBSYSTEM_VENDOR_ID));
	EXPECT_EQ(0, pci_read(&self->a, 1, PCI_INTERRUPT_PIN));
	EXPECT_EQ(0, pci_read(&self->a, 1, PCI_CAPABILITY_LIST));
	EXPECT_EQ(PCI_BASE_ADDRESS_MEM_PREFETCH, pci_read(&self->a, 4, PCI_BASE_ADDRESS_0));
	EXPECT_EQ(0, pci_read(&self->a, 4, PCI_BASE_ADDRESS_2));
	ASSERT_EQ(0, vdev_region_info(&self->a, VRAM, &info));
	EXPECT_EQ(4 * MIB, info.size);
	ASSERT_EQ(0, vdev_region_info(&self->a, MMIO, &info));
	EXPECT_EQ(PAGE, info.size);
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE, info.flags);
	ASSERT_EQ(0, vdev_region_info(&self->a, SCREEN, &info));
	EXPECT_EQ(8 * MIB, info.size);
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_MMAP, info.flags);
	ASSERT_EQ(0, vdev_info(&self->a, &device));
	EXPECT_EQ(SCREEN + 1, device.num_regions);
	vdev_close(&self->a);
	/* Nothing legacy. */
	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V2, "vram-mib=256", variant->how));
	ASSERT_EQ(0, vdev_region_info(&self->a, VRAM, &info));
	EXPECT_EQ(256 * MIB, info.size);
	EXPECT_EQ(256 * 16, vbe(&self->a, MEM_64K));
	EXPECT_GT(0, vdev_region_info(&self->a, VFIO_PCI_VGA_REGION_INDEX, &info));
}

TEST_F(bochs, registers)
{
	unsigned int i;

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "", variant->how));
	EXPECT_EQ(0xb0c5, vbe(&self->a, ID));
	EXPECT_EQ(4 * 16, vbe(&self->a, MEM_64K));
	for (i = XRES; i < MEM_64K; i++)
		EXPECT_EQ(0, vbe(&self->a, i));
	for (i = 0; i < NR; i++)
		ASSERT_EQ(0, vbe_set(&self->a, i, 0xf100 + i));
	EXPECT_EQ(0xb0c5, vbe(&self->a, ID));
	EXPECT_EQ(4 * 16, vbe(&self->a, MEM_64K));
	for (i = XRES; i < MEM_64K; i++)
		EXPECT_EQ(0xf100 + i, vbe(&self->a, i));
	/* Several at once; a byte is the low one, and clears the other. */
	EXPECT_EQ(0xf101b0c5, vdev_read(&self->a, MMIO, 4, VBE(ID)));
	EXPECT_EQ(0xf107f106f105f104, vdev_read(&self->a, MMIO, 8, VBE(ENABLE)));
	EXPECT_EQ(0xffff0040f109f108, vdev_read(&self->a, MMIO, 8, VBE(X_OFFSET)));
	ASSERT_EQ(0, vdev_write(&self->a, MMIO, 8, VBE(ENABLE), 0x4444333322221111));
	EXPECT_EQ(0x1111, vbe(&self->a, ENABLE));
	EXPECT_EQ(0x2222, vbe(&self->a, BANK));
	EXPECT_EQ(0x3333, vbe(&self->a, VIRT_WIDTH));
	EXPECT_EQ(0x4444, vbe(&self->a, VIRT_HEIGHT));
	EXPECT_EQ(0x11, vdev_read(&self->a, MMIO, 1, VBE(ENABLE)));
	EXPECT_EQ(0x11, vdev_read(&self->a, MMIO, 1, VBE(ENABLE) + 1));
	ASSERT_EQ(0, vdev_write(&self->a, MMIO, 1, VBE(ENABLE) + 1, 0x41));
	EXPECT_EQ(0x41, vbe(&self->a, ENABLE));
	ASSERT_EQ(0, vdev_reset(&self->a));
	for (i = XRES; i < MEM_64K; i++)
		EXPECT_EQ(0, vbe(&self->a, i));
}

TEST_F(bochs, byte_order)
{
	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "", variant->how));
	EXPECT_EQ(8, vdev_read(&self->a, MMIO, 4, QEXT));
	EXPECT_EQ(LITTLE, vdev_read(&self->a, MMIO, 4, BYTEORDER));
	ASSERT_EQ(0, vdev_write(&self->a, MMIO, 4, BYTEORDER, BIG));
	EXPECT_EQ(BIG, vdev_read(&self->a, MMIO, 4, BYTEORDER));
	/* Other values, sizes and places are ignored. */
	ASSERT_EQ(0, vdev_write(&self->a, MMIO, 4, BYTEORDER, 0));
	ASSERT_EQ(0, vdev_write(&self->a, MMIO, 2, BYTEORDER, LITTLE & 0xffff));
	ASSERT_EQ(0, vdev_write(&self->a, MMIO, 4, QEXT, LITTLE));
	EXPECT_EQ(BIG, vdev_read(&self->a, MMIO, 4, BYTEORDER));
	EXPECT_EQ(0, vdev_read(&self->a, MMIO, 2, BYTEORDER));
	EXPECT_EQ(8 | (uint64_t)BIG << 32, vdev_read(&self->a, MMIO, 8, QEXT));
	ASSERT_EQ(0, vdev_write(&self->a, MMIO, 8, QEXT, (uint64_t)LITTLE << 32));
	EXPECT_EQ(LITTLE, vdev_read(&self->a, MMIO, 4, BYTEORDER));
	ASSERT_EQ(0, vdev_write(&self->a, MMIO, 4, BYTEORDER, BIG));
	ASSERT_EQ(0, vdev_reset(&self->a));
	EXPECT_EQ(LITTLE, vdev_read(&self->a, MMIO, 4, BYTEORDER));
}

/* All else of BAR 2 has all bits set, and cannot be written. */
TEST_F(bochs, nothing_else)
{
	static const struct { unsigned int first, last; } gaps[] = {
		{ 0, VBE(ID) }, { VBE(NR), QEXT }, { QEXT + 8, PAGE },
	};
	uint8_t all[PAGE], junk[PAGE];
	unsigned int i, at;

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "", variant->how));
	memset(junk, 0x21, sizeof(junk));
	for (i = 0; i < ARRAY_SIZE(gaps); i++) {
		ASSERT_EQ(gaps[i].last - gaps[i].first,
			  vdev_pwrite(&self->a, MMIO, junk, gaps[i].last - gaps[i].first,
				      gaps[i].first));
	}
	ASSERT_EQ(PAGE, vdev_pread(&self->a, MMIO, all, PAGE, 0));
	for (i = 0; i < ARRAY_SIZE(gaps); i++) {
		for (at = gaps[i].first; at < gaps[i].last; at++) {
			if (all[at] != 0xff)
				break;
		}
		EXPECT_EQ(gaps[i].last, at);
	}
	EXPECT_EQ(0xff, vdev_read(&self->a, MMIO, 1, VGA + 0x1a));
}

static bool edid_valid(const uint8_t *edid)
{
	static const uint8_t head[] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
	unsigned int i;
	uint8_t sum = 0;

	for (i = 0; i < EDID_SIZE; i++)
		sum += edid[i];
	return !memcmp(edid, head, sizeof(head)) && !sum && edid[18] == 1 && edid[19] == 4 &&
	       !edid[126];
}

/* Of the first descriptor. */
static unsigned int edid_width(const uint8_t *edid)
{
	return edid[56] | (edid[58] >> 4) << 8;
}

static unsigned int edid_height(const uint8_t *edid)
{
	return edid[59] | (edid[61] >> 4) << 8;
}

static const struct {
	const char *params;
	unsigned int width, height;
	uint8_t established[2];
	unsigned int standard;		/* how many */
	uint8_t first[2];		/* standard timing */
} edids[] = {
	{ "", 1920, 1080, { 0x21, 0x08 }, 6, { 0xd1, 0xc0 } },
	{ "max-height=768,max-width=1024,vram-mib=4", 1024, 768, { 0x21, 0x08 }, 0, { 1, 1 } },
	{ "max-height=0,max-width=0,vram-mib=8", 1024, 768, { 0x21, 0x08 }, 7, { 0xd1, 0xc0 } },
	{ "max-height=65,max-width=64", 64, 65, { 0, 0 }, 0, { 1, 1 } },
	{ "vram-mib=128,max-height=4095,max-width=4095", 4095, 4095, { 0x21, 0x08 }, 8,
	  { 0xe1, 0xc0 } },
	{ "max-height=480,max-width=0", 1024, 480, { 0x20, 0 }, 0, { 1, 1 } },
};

TEST_F(bochs, edid)
{
	const unsigned int standard = 38, text = 54 + 2 * 18 + 5;
	uint8_t edid[EDID_SIZE], bytes[EDID_SIZE];
	unsigned int i, at, n, clock, total;

	for (i = 0; i < ARRAY_SIZE(edids); i++) {
		ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V2, edids[i].params, variant->how)) {
			TH_LOG("%s", edids[i].params);
		}
		ASSERT_EQ(EDID_SIZE, vdev_pread(&self->a, MMIO, edid, EDID_SIZE, 0));
		for (at = 0; at < EDID_SIZE; at++)
			bytes[at] = vdev_read(&self->a, MMIO, 1, at);
		EXPECT_EQ(0, memcmp(edid, bytes, EDID_SIZE));
		EXPECT_EQ(0xff, vdev_read(&self->a, MMIO, 1, EDID_SIZE));
		EXPECT_TRUE(edid_valid(edid));
		EXPECT_EQ(edids[i].width, edid_width(edid));
		EXPECT_EQ(edids[i].height, edid_height(edid));
		EXPECT_EQ(0, memcmp(edid + text, "mdev-migrate\n", 13));
		EXPECT_EQ(0, memcmp(edid + 35, edids[i].established, 2));
		EXPECT_EQ(0, memcmp(edid + standard, edids[i].first, 2));
		for (n = 0; n < 8 && edid[standard + 2 * n] != 1; n++)
			;
		EXPECT_EQ(edids[i].standard, n);
		/* Sixty times a second where the clock, of 10 kHz, has the bits for it. */
		clock = get_le16(edid + 54);
		total = (edid_width(edid) + (edid[57] | (edid[58] & 15) << 8)) *
			(edid_height(edid) + (edid[60] | (edid[61] & 15) << 8));
		EXPECT_EQ(total * 60ULL / 10000 > 0xffff ? 0xffff : total * 60ULL / 10000, clock);
		/* It cannot be written. */
		ASSERT_EQ(EDID_SIZE, vdev_pwrite(&self->a, MMIO, edid + 1, EDID_SIZE - 1, 0) + 1);
		ASSERT_EQ(EDID_SIZE, vdev_pread(&self->a, MMIO, bytes, EDID_SIZE, 0));
		EXPECT_EQ(0, memcmp(edid, bytes, EDID_SIZE));
		vdev_close(&self->a);
	}
}

static const struct {
	const char *params;
	int error;
	const char *why;
} configs[] = {
	{ "vram-mib=3", -ERANGE, "vram-mib" },
	{ "vram-mib=512", -ERANGE, "vram-mib" },
	{ "max-width=63", -ERANGE, "max-width" },
	{ "max-height=4096", -ERANGE, "max-height" },
	{ "max-width=4095", -EOPNOTSUPP, "16 MiB are too small for 4095x1080" },
	{ "vram-mib=4", -EOPNOTSUPP, "4 MiB are too small for 1920x1080, which max-width" },
	{ "edid=off,vram-mib=4", -EOPNOTSUPP, "too small" },
	{ "edid=off,max-width=0,vram-mib=1", 0, NULL },
	{ "max-width=0,vram-mib=4", -EOPNOTSUPP,
	  "4 MiB are too small for 1024x1080, which the EDID" },
	{ "max-width=480,vram-mib=2", 0, NULL },
};

TEST_F(bochs, configurations)
{
	char text[512];
	unsigned int i;

	ASSERT_EQ(0, bochs_create(MDEV_UUID_A, V1, ""));
	EXPECT_STREQ("model=" URI ",vram-mib=4", text_of(DEVICE(MDEV_UUID_A), "migration/config"));
	EXPECT_EQ(63, number_of(TYPES, V1 "/available_instances"));
	ASSERT_EQ(0, mdev_remove(MDEV_UUID_A));
	ASSERT_EQ(0, bochs_create(MDEV_UUID_A, V2, ""));
	EXPECT_STREQ("model=" URI ",edid=on,max-height=1080,max-width=1920,vram-mib=16",
		     text_of(DEVICE(MDEV_UUID_A), "migration/config"));
	for (i = 0; i < ARRAY_SIZE(configs); i++) {
		EXPECT_EQ(configs[i].error, bochs_create(MDEV_UUID_A, V2, configs[i].params)) {
			TH_LOG("%s", configs[i].params);
		}
		if (configs[i].why) {
			EXPECT_LT(0, last_error(MDEV_UUID_A, text, sizeof(text)));
			EXPECT_NE(NULL, strstr(text, configs[i].why)) {
				TH_LOG("%s: %s", configs[i].params, text);
			}
		}
	}
	/* A type asks the same of who would come. */
	EXPECT_EQ(-EOPNOTSUPP, put(TYPES, V2 "/migration/check",
				   "model=" URI ",max-height=2000,max-width=2000,vram-mib=8"));
	EXPECT_EQ(0, put(TYPES, V2 "/migration/check",
			 "model=" URI ",max-height=2000,max-width=2000,vram-mib=16"));
}

TEST_F(bochs, query)
{
	const uint32_t probe = VFIO_GFX_PLANE_TYPE_PROBE, region = VFIO_GFX_PLANE_TYPE_REGION;
	const uint32_t dmabuf = VFIO_GFX_PLANE_TYPE_DMABUF;
	struct vfio_device_gfx_plane_info plane;
	struct mode m = { 640, 480, 32, 0, 0, 0 };

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "", variant->how));
	EXPECT_EQ(0, query(&self->a, probe | region, 0, &plane));
	EXPECT_EQ(-EINVAL, query(&self->a, probe | dmabuf, 0, &plane));
	EXPECT_EQ(-EINVAL, query(&self->a, probe, 0, &plane));
	EXPECT_EQ(-EINVAL, query(&self->a, dmabuf, 0, &plane));
	EXPECT_EQ(-EINVAL, query(&self->a, 0, 0, &plane));
	EXPECT_EQ(-EINVAL, query(&self->a, region | dmabuf, 0, &plane));
	EXPECT_EQ(-EINVAL, query(&self->a, region | 8, 0, &plane));
	EXPECT_EQ(-1, ioctl(self->a.fd, VFIO_DEVICE_QUERY_GFX_PLANE, 8));
	EXPECT_EQ(EFAULT, errno);
	plane.argsz = offsetof(struct vfio_device_gfx_plane_info, region_index);
	plane.flags = region;
	EXPECT_EQ(-1, ioctl(self->a.fd, VFIO_DEVICE_QUERY_GFX_PLANE, &plane));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->a.fd, VFIO_DEVICE_GET_GFX_DMABUF, &plane));
	EXPECT_EQ(ENOTTY, errno);
	/* No mode yet. */
	ASSERT_EQ(0, query_region(&self->a, &plane));
	EXPECT_EQ(0, plane.drm_format | plane.width | plane.height | plane.stride | plane.size);
	ASSERT_EQ(0, set_mode(&self->a, &m));
	/* Primary, or what QEMU asks for, which is nothing. */
	ASSERT_EQ(0, query(&self->a, region, 1, &plane));
	EXPECT_EQ(XRGB8888, plane.drm_format);
	ASSERT_EQ(0, query(&self->a, region, 2, &plane));
	EXPECT_EQ(0, plane.drm_format | plane.size);
	ASSERT_EQ(0, query_region(&self->a, &plane));
	EXPECT_EQ(sizeof(plane), plane.argsz);
	EXPECT_EQ(XRGB8888, plane.drm_format);
	EXPECT_EQ(0, plane.drm_format_mod);
	EXPECT_EQ(640, plane.width);
	EXPECT_EQ(480, plane.height);
	EXPECT_EQ(2560, plane.stride);
	EXPECT_EQ(2560 * 480, plane.size);
	EXPECT_EQ(SCREEN, plane.region_index);
	EXPECT_EQ(0, plane.x_pos | plane.y_pos);
	ASSERT_EQ(0, vdev_reset(&self->a));
	ASSERT_EQ(0, query_region(&self->a, &plane));
	EXPECT_EQ(0, plane.drm_format | plane.size);
}

/* Whether they are a mode, for a device with 2 MiB that shows 800x600 at most. */
static const struct {
	struct mode m;
	uint16_t enable;
	bool shown;
} modes[] = {
	{ { 800, 600, 32, 0, 0, 0 }, 0x41, true },
	{ { 800, 600, 32, 0, 0, 0 }, 0x01, true },
	{ { 800, 600, 32, 0, 0, 0 }, 0xff, true },
	{ { 800, 600, 32, 0, 0, 0 }, 0x40, false },
	{ { 801, 600, 32, 0, 0, 0 }, 0x41, false },
	{ { 800, 601, 32, 0, 0, 0 }, 0x41, false },
	{ { 64, 64, 32, 0, 0, 0 }, 0x41, true },
	{ { 63, 64, 32, 0, 0, 0 }, 0x41, false },
	{ { 64, 63, 32, 0, 0, 0 }, 0x41, false },
	{ { 640, 480, 16, 0, 0, 0 }, 0x41, true },
	{ { 640, 480, 8, 0, 0, 0 }, 0x41, false },
	{ { 640, 480, 24, 0, 0, 0 }, 0x41, false },
	{ { 640, 480, 15, 0, 0, 0 }, 0x41, false },
	{ { 640, 480, 0, 0, 0, 0 }, 0x41, false },
	/* Just inside of the memory, and just not. */
	{ { 512, 512, 32, 1024, 0, 0 }, 0x41, true },
	{ { 512, 512, 32, 1025, 0, 0 }, 0x41, false },
	{ { 512, 512, 32, 512, 0, 512 }, 0x41, true },
	{ { 512, 512, 32, 512, 1, 512 }, 0x41, false },
	{ { 512, 512, 32, 512, 0, 513 }, 0x41, false },
	{ { 512, 512, 32, 65535, 65535, 65535 }, 0x41, false },
	{ { 512, 512, 16, 2048, 0, 0 }, 0x41, true },
	{ { 512, 512, 16, 2049, 0, 0 }, 0x41, false },
	{ { 65535, 65535, 32, 65535, 65535, 65535 }, 0x41, false },
};

TEST_F(bochs, modes)
{
	struct vfio_device_gfx_plane_info plane;
	unsigned int i;

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1,
				"max-width=800,max-height=600,vram-mib=2", variant->how));
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		const struct mode *m = &modes[i].m;

		ASSERT_EQ(0, set_mode(&self->a, m));
		ASSERT_EQ(0, vbe_set(&self->a, ENABLE, modes[i].enable));
		ASSERT_EQ(0, query_region(&self->a, &plane));
		EXPECT_EQ(modes[i].shown ? m->width : 0, plane.width) {
			TH_LOG("mode %u: %ux%ux%u", i, m->width, m->height, m->bpp);
		}
		EXPECT_EQ(modes[i].shown ? m->height : 0, plane.height);
		/* Shown or not, the registers have it. */
		EXPECT_EQ(m->width, vbe(&self->a, XRES));
		EXPECT_EQ(m->y, vbe(&self->a, Y_OFFSET));
	}
}

static const struct {
	struct mode m;
	bool big;
} pictures[] = {
	{ { 320, 200, 32, 0, 0, 0 }, false },
	{ { 320, 200, 32, 400, 0, 0 }, false },
	{ { 320, 200, 32, 400, 3, 5 }, false },
	{ { 321, 203, 32, 777, 456, 3 }, false },
	{ { 321, 203, 32, 777, 456, 3 }, true },
	{ { 333, 77, 16, 1001, 667, 100 }, false },
	{ { 64, 64, 16, 64, 1, 1 }, true },
	{ { 1024, 64, 32, 1024, 0, 1 }, false },
};

#define SEEN	(1 * MIB)

/* What is read of the region, and what is mapped, is what the memory has there. */
TEST_F(bochs, picture)
{
	struct vfio_device_gfx_plane_info plane;
	unsigned int i;

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "vram-mib=1", variant->how));
	ASSERT_EQ(0, vram_fill(&self->a, 0, SEEN, 1));
	ASSERT_EQ(0, vram_read(&self->a, &self->memory, SEEN));
	self->mapped = 2 * SEEN;
	self->map = screen_map(&self->a, self->mapped, 0, PROT_READ, MAP_SHARED);
	ASSERT_NE(MAP_FAILED, self->map);
	for (i = 0; i < ARRAY_SIZE(pictures); i++) {
		const struct mode *m = &pictures[i].m;

		ASSERT_EQ(0, set_mode(&self->a, m));
		ASSERT_EQ(0, vdev_write(&self->a, MMIO, 4, BYTEORDER,
					pictures[i].big ? BIG : LITTLE));
		ASSERT_EQ(0, query_region(&self->a, &plane));
		ASSERT_EQ(m->width, plane.width);
		ASSERT_EQ(0, make_picture(&self->other, &self->memory, m,
					  pictures[i].big && m->bpp == 32));
		EXPECT_EQ(0, memcmp(self->map, self->other.data, self->other.len)) {
			TH_LOG("picture %u", i);
		}
		ASSERT_EQ(0, buf_reserve(&self->work, self->other.len));
		self->work.len = self->other.len;
		ASSERT_EQ(self->work.len,
			  screen_pread(&self->a, self->work.data, self->work.len, 0));
		EXPECT_TRUE(buf_equal(&self->other, &self->work));
	}
	/* It changes when it is asked for. */
	ASSERT_EQ(0, set_mode(&self->a, &pictures[0].m));
	ASSERT_EQ(0, query_region(&self->a, &plane));
	ASSERT_EQ(0, vdev_write(&self->a, VRAM, 4, 4, ~get_le32(self->memory.data + 4)));
	EXPECT_EQ(get_le32(self->memory.data + 4), get_le32(self->map + 4));
	ASSERT_EQ(0, query_region(&self->a, &plane));
	EXPECT_EQ(~get_le32(self->memory.data + 4), get_le32(self->map + 4));
}

#define LOOKERS		32

static void *look_on(void *arg)
{
	struct vfio_device_gfx_plane_info plane;

	for (;;)
		query_region(arg, &plane);
	return NULL;
}

/* Who looks and is killed ends, however many of his threads look at a large picture. */
TEST_F_TIMEOUT(bochs, killed_lookers, 180)
{
	struct mode m = { 65535, 512, 16, 0, 0, 0 };
	struct vfio_device_gfx_plane_info plane;
	int64_t start, one = 0, end;
	pthread_t thread;
	unsigned int i;
	int status;
	pid_t pid;

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "vram-mib=64", variant->how));
	ASSERT_EQ(0, set_mode(&self->a, &m));
	/* The second time its pages are there. */
	for (i = 0; i < 2; i++) {
		start = deadline_ms(0);
		ASSERT_EQ(0, query_region(&self->a, &plane));
		one = deadline_ms(0) - start;
	}
	ASSERT_EQ(65535, plane.width);
	fflush(stdout);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		for (i = 1; i < LOOKERS; i++)
			pthread_create(&thread, NULL, look_on, &self->a);
		look_on(&self->a);
	}
	usleep((2 * one + 300) * 1000);
	start = deadline_ms(0);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	end = deadline_ms(0) - start;
	TH_LOG("a picture: %lld ms, an end: %lld ms", (long long)one, (long long)end);
	EXPECT_GT(LOOKERS / 4 * one, end);
}

TEST_F(bochs, mapping)
{
	static const struct { size_t len; uint64_t offset; int prot, flags, error; } maps[] = {
		{ PAGE, 0, PROT_READ, MAP_SHARED, 0 },
		{ PAGE, 2 * MIB - PAGE, PROT_READ, MAP_SHARED, 0 },
		{ PAGE, 2 * MIB, PROT_READ, MAP_SHARED, EINVAL },
		{ 2 * PAGE, 2 * MIB - PAGE, PROT_READ, MAP_SHARED, EINVAL },
		{ PAGE, 0, PROT_READ, MAP_PRIVATE, EINVAL },
		{ PAGE, 0, PROT_READ | PROT_WRITE, MAP_SHARED, EPERM },
	};
	void *map, *moved;
	unsigned int i;
	uint8_t byte;

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "vram-mib=1", variant->how));
	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		errno = 0;
		map = screen_map(&self->a, maps[i].len, maps[i].offset, maps[i].prot,
				 maps[i].flags);
		EXPECT_EQ(maps[i].error, errno);
		EXPECT_EQ(!!maps[i].error, map == MAP_FAILED);
		if (map != MAP_FAILED) {
			EXPECT_EQ(0, *(uint8_t *)map);
			munmap(map, maps[i].len);
		}
	}
	EXPECT_EQ(0, screen_pread(&self->a, &byte, 1, 2 * MIB - 1) - 1);
	EXPECT_EQ(-EINVAL, screen_pread(&self->a, &byte, 1, 2 * MIB));
	/* Moved, but not made longer; nor can it be made to be written to. */
	map = screen_map(&self->a, 2 * PAGE, 0, PROT_READ, MAP_SHARED);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, mprotect(map, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(MAP_FAILED, mremap(map, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE));
	moved = mremap(map, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, map + PAGE);
	ASSERT_EQ(map + PAGE, moved);
	EXPECT_EQ(0, *(uint8_t *)moved);
	EXPECT_EQ(0, munmap(moved, PAGE));
}

/* One looks, the other draws, resets and goes through the states. */
TEST_F_TIMEOUT(bochs, two_processes, 60)
{
	struct vfio_device_gfx_plane_info plane;
	struct mode m = { 320, 200, 32, 400, 3, 5 };
	uint64_t deadline;
	unsigned int n = 0;
	int status;
	pid_t pid;

	ASSERT_EQ(0, bochs_open(&self->a, MDEV_UUID_A, V1, "vram-mib=1", variant->how));
	self->mapped = MIB;
	self->map = screen_map(&self->a, self->mapped, 0, PROT_READ, MAP_SHARED);
	ASSERT_NE(MAP_FAILED, self->map);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		volatile uint8_t *map = self->map;
		unsigned int i, sum = 0;

		for (deadline = now_ns() + RACE_MS * 1000000ULL; now_ns() < deadline; n++) {
			if (query_region(&self->a, &plane))
				_exit(1);
			if (plane.size && (plane.width != 320 || plane.height != 200))
				_exit(2);
			for (i = 0; i < MIB; i += 1000)
				sum += map[i];
		}
		_exit(n < 10 || sum == 1 ? 3 : 0);
	}
	for (deadline = now_ns() + RACE_MS * 1000000ULL; now_ns() < deadline; n++) {
		ASSERT_EQ(0, set_mode(&self->a, &m));
		ASSERT_EQ(0, vram_fill(&self->a, n % 16 * PAGE, PAGE, n));
		if (n % 8 == 7) {
			ASSERT_EQ(0, mig_save(&self->a, &self->stream));
			ASSERT_EQ(0, mig_load(&self->a, self->stream.data, self->stream.len, 0));
		}
		if (n % 4 == 3) {
			ASSERT_EQ(0, vdev_reset(&self->a));
		}
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_LT(10, n);
}

#define GROUP	CGROUPS "/test_bochs"

/* In a group into which 4 MiB do not go. Behind the failure it is full. */
static int use_picture(FIXTURE_DATA(bochs) *self, enum vdev_how how)
{
	struct vfio_device_gfx_plane_info plane;
	struct mode m = { 1024, 1024, 32, 0, 0, 0 };

	if (cgroup_enter(GROUP) || vdev_open(&self->b, MDEV_UUID_B, how))
		return 10;
	/* The picture of nothing, which takes as much as another. */
	if (set_mode(&self->b, &m) || query_region(&self->b, &plane) != -ENOMEM)
		return 11;
	/* What fits is shown, with the pages that there are already. */
	m.height = 100;
	if (set_mode(&self->b, &m) || query_region(&self->b, &plane) || plane.height != 100)
		return 12;
	return 0;
}

/* The memory is his who opened it, wherever he goes; what does not go into it is lost. */
static int use_memory(FIXTURE_DATA(bochs) *self, enum vdev_how how)
{
	uint64_t at;

	if (cgroup_enter(GROUP) || vdev_open(&self->b, MDEV_UUID_B, how) || cgroup_enter(CGROUPS))
		return 20;
	for (at = 0; at < 4 * MIB; at += PAGE) {
		if (vdev_write(&self->b, VRAM, 8, at, 1))
			return 21;
	}
	if (vdev_read(&self->b, VRAM, 8, 0) != 1 || vdev_read(&self->b, VRAM, 8, 4 * MIB - PAGE))
		return 22;
	return 0;
}

TEST_F_TIMEOUT(bochs, is_charged, 120)
{
	int (*const uses[])(FIXTURE_DATA(bochs) *self, enum vdev_how how) = {
		use_picture, use_memory,
	};
	unsigned int i;
	int status;
	pid_t pid;

	if (!cgroup_make(GROUP, "memory", "memory.max", "2M"))
		SKIP(return, "this kernel has no memory control groups");
	for (i = 0; i < ARRAY_SIZE(uses); i++) {
		ASSERT_EQ(0, bochs_create(MDEV_UUID_B, V1, ""));
		fflush(stdout);
		pid = fork();
		if (!pid)
			_exit(uses[i](self, variant->how));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status) {
			TH_LOG("exit status %d", WEXITSTATUS(status));
		}
	}
	EXPECT_EQ(0, rmdir(GROUP));
}

TEST_HARNESS_MAIN
