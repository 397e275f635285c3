/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fixture of the programs that drive the devices of tests/modules/pci_only. Variants
 * choose the way to VFIO and the type.
 */
#ifndef TESTS_SELFTESTS_PCI_ONLY_H
#define TESTS_SELFTESTS_PCI_ONLY_H

#include "test.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PO_MODULE	"pci_only"
#define PO_TYPES	"/sys/class/mdev_bus/pci_only/mdev_supported_types"
#define PO_PAGE		4096UL
#define PO_VECTORS	4U	/* of MSI */

/* Regions */
#define PO_IO		0U
#define PO_MEMORY	2U
#define PO_OWN		(VFIO_PCI_NUM_REGIONS + 0U)
#define PO_READONLY	(VFIO_PCI_NUM_REGIONS + 1U)
#define PO_REGIONS	(VFIO_PCI_NUM_REGIONS + 2U)

/* Registers in PO_IO */
#define PO_RAISE	0x00
#define PO_LEVEL	0x04
#define PO_WIDEST	0x08
#define PO_COMMAND	0x0c
#define PO_NR_MSI	0x10
#define PO_STATE	0x14
#define PO_IO_SIZE	0x20

/* What PO_STATE does; where it saves to. */
#define PO_STOP		0
#define PO_START	1
#define PO_SAVE		2
#define PO_LOAD		3
#define PO_SAVED	PO_PAGE

#define REQUIRE_PCI_ONLY()						\
	do {								\
		if (!getenv("PCI_ONLY_KO"))				\
			SKIP(return, "there is no module pci_only here"); \
	} while (0)

static inline int64_t po_at(unsigned int region, uint64_t offset)
{
	return ((uint64_t)region << 40) + offset;
}

/* The device, and the module with it. */
static inline int po_open(struct vdev *v, const char *type,
			  enum vdev_how how)
{
	char path[PATH_MAX];
	int fd, ret;

	module_unload(PO_MODULE);
	fd = open(getenv("PCI_ONLY_KO"), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), PO_TYPES "/pci_only-%s/create", type);
	ret = sysfs_write(path, MDEV_UUID_A);
	return ret ? ret : vdev_open(v, MDEV_UUID_A, how);
}

static inline int po_close(struct vdev *v)
{
	/* A test that was skipped has none. */
	if (access("/sys/module/" PO_MODULE, F_OK))
		return 0;
	vdev_close(v);
	if (mdev_exists(MDEV_UUID_A))
		mdev_remove(MDEV_UUID_A);
	return module_unload(PO_MODULE);
}

static inline uint32_t po_read(struct vdev *v, unsigned int reg)
{
	return vdev_read(v, PO_IO, 4, reg);
}

static inline int po_write(struct vdev *v, unsigned int reg, uint32_t value)
{
	return vdev_write(v, PO_IO, 4, reg, value);
}

#define PO_CANARY	0xa5

/* What VFIO_DEVICE_GET_REGION_INFO answers; canaries behind it. */
struct po_info {
	union {
		struct {
			struct vfio_region_info info;
			union {
				struct vfio_region_info_cap_type type;
				struct {
					struct vfio_info_cap_header header;
					uint32_t nr_areas;
					uint32_t reserved;
					struct vfio_region_sparse_mmap_area
						areas[1];
				} sparse;
			};
		};
		uint8_t bytes[128];
	};
};

static inline int po_get_info(struct vdev *v, uint32_t index, uint32_t argsz,
			      struct po_info *info)
{
	memset(info, PO_CANARY, sizeof(*info));
	info->info.argsz = argsz;
	info->info.index = index;
	return ioctl(v->fd, VFIO_DEVICE_GET_REGION_INFO, info) ? -errno : 0;
}

FIXTURE(po) {
	struct vdev v;
	int32_t fds[PO_VECTORS];
	struct {
		void *addr;
		size_t len;
	} maps[8];
	unsigned int nr_maps;
};

/* Until the end of the test: what is mapped keeps the device. */
static inline void *po_map(FIXTURE_DATA(po) *self, unsigned int region,
			   uint64_t offset, size_t len, int prot)
{
	void *addr = mmap(NULL, len, prot, MAP_SHARED, self->v.fd,
			  po_at(region, offset));

	if (addr != MAP_FAILED) {
		self->maps[self->nr_maps].addr = addr;
		self->maps[self->nr_maps++].len = len;
	}
	return addr;
}

FIXTURE_VARIANT(po) {
	enum vdev_how how;
	const char *type;
};

FIXTURE_SETUP(po)
{
	unsigned int i;

	REQUIRE_WAY(variant->how);
	REQUIRE_PCI_ONLY();
	ASSERT_EQ(0, po_open(&self->v, variant->type, variant->how));
	for (i = 0; i < PO_VECTORS; i++) {
		self->fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ASSERT_LE(0, self->fds[i]);
	}
}

FIXTURE_TEARDOWN(po)
{
	while (self->nr_maps--) {
		munmap(self->maps[self->nr_maps].addr,
		       self->maps[self->nr_maps].len);
	}
	EXPECT_EQ(0, po_close(&self->v));
}

#endif /* TESTS_SELFTESTS_PCI_ONLY_H */
