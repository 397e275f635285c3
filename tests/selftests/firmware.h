/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fixture of the programs that use the devices of tests/modules/firmware: A and B,
 * open, with the same memory sizes. Variants choose the way to VFIO.
 */
#ifndef TESTS_SELFTESTS_FIRMWARE_H
#define TESTS_SELFTESTS_FIRMWARE_H

#include "testmod.h"

#define FW_MODULE	"mdm_firmware"
#define FW_DRIVER	"/sys/bus/platform/drivers/mdm_firmware"
#define FW_A		"mdm_firmware.0"
#define FW_B		"mdm_firmware.1"
#define FW_PAGE		4096UL
#define FW_PART		(256 * KIB)
#define FW_MAX		(8 * MIB)
/* Two parts and a half. */
#define FW_PAGES	160
#define FW_SIZE		(FW_PAGES * FW_PAGE)

#define FW_TAG_BLOB	(MDEV_MIGRATE_TAG_MODELS + 0x1100)
#define FW_TAG_PAGE	(MDEV_MIGRATE_TAG_MODELS + 0x1101)
#define FW_TAG_COUNTERS	(MDEV_MIGRATE_TAG_MODELS + 0x1102)

#define REFUSED		(-EREMOTEIO)

FIXTURE(firmware) {
	struct vdev a;
	struct vdev b;
	size_t size;
	uint8_t *memory;	/* what A's is to be */
	uint8_t *got;
	struct buf stream;
	int fd;
};

FIXTURE_VARIANT(firmware) {
	enum vdev_how how;
};

FIXTURE_VARIANT_ADD(firmware, iommufd) {
	.how = VDEV_IOMMUFD
};

FIXTURE_VARIANT_ADD(firmware, group) {
	.how = VDEV_GROUP
};

static inline void fw_unload(void)
{
	if (!access("/sys/module/" FW_MODULE, F_OK))
		module_unload(FW_MODULE);
}

static inline int fw_refuse(struct vdev *v, const char *what)
{
	return mdev_write(v->uuid, "refuse", what);
}

/* Gives a closed device memory of @pages. */
static inline int fw_resize(const char *name, unsigned int pages)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", pages);
	return mdev_write(name, "migration/params/pages", text);
}

static inline int fw_write(struct vdev *v, size_t offset, const void *data,
			   size_t len)
{
	int n = vdev_pwrite(v, 0, data, len, offset);

	return n < 0 ? n : n == (int)len ? 0 : -EIO;
}

/* Does the device have @memory? */
static inline bool fw_has(FIXTURE_DATA(firmware) *self, struct vdev *v,
			  const uint8_t *memory)
{
	if (vdev_pread(v, 0, self->got, self->size, 0) != (int)self->size)
		return false;
	return !memcmp(self->got, memory, self->size);
}

static inline bool fw_is_zero(FIXTURE_DATA(firmware) *self, struct vdev *v)
{
	size_t i;

	if (vdev_pread(v, 0, self->got, self->size, 0) != (int)self->size)
		return false;
	for (i = 0; i < self->size && !self->got[i]; i++)
		;
	return i == self->size;
}

/* Both devices, closed, open again with memory of @pages; A's is filled. */
static inline int fw_open(FIXTURE_DATA(firmware) *self, enum vdev_how how,
			  unsigned int pages)
{
	uint64_t random = pages;
	size_t i;
	int ret;

	self->size = pages * FW_PAGE;
	ret = fw_resize(FW_A, pages);
	if (!ret)
		ret = fw_resize(FW_B, pages);
	if (!ret)
		ret = vdev_open(&self->a, FW_A, how);
	if (!ret)
		ret = vdev_open(&self->b, FW_B, how);
	for (i = 0; i < self->size; i += 8)
		put_le64(self->memory + i, rng_next(&random));
	return ret ? ret : fw_write(&self->a, 0, self->memory, self->size);
}

static inline void fw_close(FIXTURE_DATA(firmware) *self)
{
	if (self->fd >= 0)
		close(self->fd);
	self->fd = -1;
	vdev_close(&self->a);
	vdev_close(&self->b);
}

FIXTURE_SETUP(firmware)
{
	const char *ko = getenv("MDM_FIRMWARE_KO");

	self->fd = -1;
	REQUIRE_MODULE(ko);
	REQUIRE_WAY(variant->how);
	self->memory = malloc(FW_MAX);
	self->got = malloc(FW_MAX);
	ASSERT_NE(NULL, self->memory);
	ASSERT_NE(NULL, self->got);
	fw_unload();
	ASSERT_EQ(0, module_insert(ko, ""));
	ASSERT_EQ(0, fw_open(self, variant->how, FW_PAGES));
}

FIXTURE_TEARDOWN(firmware)
{
	fw_close(self);
	buf_free(&self->stream);
	free(self->memory);
	free(self->got);
	fw_unload();
}

static inline bool fw_says(const char *name, const char *word)
{
	char error[512];

	if (last_error(name, error, sizeof(error)) <= 0)
		return false;
	if (strstr(error, word))
		return true;
	printf("# %s: %s\n", name, error);
	return false;
}

/* A device that was reset takes A's state. */
static inline void fw_works(struct __test_metadata *_metadata,
			    FIXTURE_DATA(firmware) *self, struct vdev *v)
{
	ASSERT_EQ(0, fw_refuse(v, "none"));
	ASSERT_EQ(0, vdev_reset(v));
	EXPECT_TRUE(state_is(v, RUNNING));
	EXPECT_TRUE(fw_is_zero(self, v));
	ASSERT_EQ(0, mig_load(v, self->stream.data, self->stream.len, 100));
	ASSERT_EQ(0, mig_set(v, RUNNING, NULL));
	EXPECT_TRUE(fw_has(self, v, self->memory));
}

#endif /* TESTS_SELFTESTS_FIRMWARE_H */
