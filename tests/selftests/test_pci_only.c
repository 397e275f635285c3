// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a driver has of an emulated PCI function alone, and the network card does not
 * use: I/O BARs, regions that are mapped, regions of its own. MSI is in test_msi.c.
 */
#include "pci_only.h"

#include "faults.h"

#include <linux/pci_regs.h>
#include <sys/mman.h>
#include <sys/wait.h>

FIXTURE_VARIANT_ADD(po, iommufd) { .how = VDEV_IOMMUFD, .type = "msi" };

FIXTURE_VARIANT_ADD(po, group) { .how = VDEV_GROUP, .type = "msi" };

TEST_F(po, device_info)
{
	struct vfio_device_info info;

	ASSERT_EQ(0, vdev_info(&self->v, &info));
	EXPECT_EQ(VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET, info.flags);
	EXPECT_EQ(PO_REGIONS, info.num_regions);
	EXPECT_EQ(VFIO_PCI_NUM_IRQS, info.num_irqs);
	info.argsz = offsetof(struct vfio_device_info, num_irqs);
	EXPECT_EQ(-1, ioctl(self->v.fd, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->v.fd, VFIO_DEVICE_GET_INFO, 8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->v.fd, VFIO_DEVICE_GET_IRQ_INFO, 8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->v.fd, VFIO_DEVICE_SET_IRQS, 8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->v.fd, VFIO_DEVICE_GET_REGION_INFO, 8));
	EXPECT_EQ(EFAULT, errno);
	/* It has no such ioctl. */
	EXPECT_EQ(-1, ioctl(self->v.fd, VFIO_DEVICE_QUERY_GFX_PLANE, &info));
	EXPECT_EQ(ENOTTY, errno);
}

TEST_F(po, io_bar)
{
	const uint16_t all = PCI_COMMAND_IO | PCI_COMMAND_MEMORY |
			     PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
			     PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE;
	uint8_t data[PO_IO_SIZE];

	EXPECT_EQ(PCI_BASE_ADDRESS_SPACE_IO,
		  pci_read(&self->v, 4, PCI_BASE_ADDRESS_0));
	ASSERT_EQ(0, pci_write(&self->v, 4, PCI_BASE_ADDRESS_0, ~0U));
	EXPECT_EQ(~(PO_IO_SIZE - 1U) | PCI_BASE_ADDRESS_SPACE_IO,
		  pci_read(&self->v, 4, PCI_BASE_ADDRESS_0));
	ASSERT_EQ(0, pci_write(&self->v, 4, PCI_BASE_ADDRESS_0, 0xc07e));
	EXPECT_EQ(0xc061, pci_read(&self->v, 4, PCI_BASE_ADDRESS_0));
	/* The bit that switches it on can be written, since there is one. */
	ASSERT_EQ(0, pci_write(&self->v, 2, PCI_COMMAND, 0xffff));
	EXPECT_EQ(all, pci_read(&self->v, 2, PCI_COMMAND));
	EXPECT_EQ(all, po_read(&self->v, PO_COMMAND));
	/* Accesses that a processor can make in I/O space. */
	ASSERT_EQ(sizeof(data), vdev_pread(&self->v, PO_IO, data,
					   sizeof(data), 0));
	EXPECT_EQ(4, po_read(&self->v, PO_WIDEST));
	ASSERT_EQ(8, vdev_pwrite(&self->v, PO_IO, data, 8, PO_COMMAND));
	EXPECT_EQ(4, po_read(&self->v, PO_WIDEST));
	ASSERT_EQ(0, vdev_reset(&self->v));
	EXPECT_EQ(0, pci_read(&self->v, 2, PCI_COMMAND));
	EXPECT_EQ(PCI_BASE_ADDRESS_SPACE_IO,
		  pci_read(&self->v, 4, PCI_BASE_ADDRESS_0));
}

TEST_F(po, memory_bar)
{
	const uint32_t bits = PCI_BASE_ADDRESS_MEM_TYPE_64 |
			      PCI_BASE_ADDRESS_MEM_PREFETCH;

	EXPECT_EQ(bits, pci_read(&self->v, 4, PCI_BASE_ADDRESS_2));
	ASSERT_EQ(0, pci_write(&self->v, 4, PCI_BASE_ADDRESS_2, ~0U));
	ASSERT_EQ(0, pci_write(&self->v, 4, PCI_BASE_ADDRESS_3, ~0U));
	EXPECT_EQ((uint32_t)-(4 * PO_PAGE) | bits,
		  pci_read(&self->v, 4, PCI_BASE_ADDRESS_2));
	EXPECT_EQ(~0U, pci_read(&self->v, 4, PCI_BASE_ADDRESS_3));
	/* Those that are not there. */
	ASSERT_EQ(0, pci_write(&self->v, 4, PCI_BASE_ADDRESS_1, ~0U));
	EXPECT_EQ(0, pci_read(&self->v, 4, PCI_BASE_ADDRESS_1));
}

#define R	VFIO_REGION_INFO_FLAG_READ
#define RW	(R | VFIO_REGION_INFO_FLAG_WRITE)
#define MMAP	VFIO_REGION_INFO_FLAG_MMAP
#define CAPS	VFIO_REGION_INFO_FLAG_CAPS

TEST_F(po, region_info)
{
	static const struct {
		uint64_t size;
		uint32_t flags;
	} regions[PO_REGIONS] = {
		[PO_IO] = { PO_IO_SIZE, RW },
		[PO_MEMORY] = { 4 * PO_PAGE, RW | MMAP | CAPS },
		[VFIO_PCI_CONFIG_REGION_INDEX] = { 256, RW },
		[PO_OWN] = { 2 * PO_PAGE, RW | MMAP | CAPS },
		[PO_READONLY] = { PO_PAGE, R | MMAP },
	};
	struct vfio_region_info info;
	unsigned int i;

	for (i = 0; i < PO_REGIONS; i++) {
		if (i == VFIO_PCI_VGA_REGION_INDEX)
			continue;
		ASSERT_EQ(0, vdev_region_info(&self->v, i, &info));
		EXPECT_EQ(regions[i].size, info.size);
		EXPECT_EQ(regions[i].flags, info.flags) {
			TH_LOG("region %u", i);
		}
		EXPECT_EQ(po_at(i, 0), info.offset);
		EXPECT_EQ(0, info.cap_offset);
		EXPECT_EQ(i == PO_MEMORY ? 64 : i == PO_OWN ? 48 : 32,
			  info.argsz);
	}
	EXPECT_EQ(-EINVAL, vdev_region_info(&self->v, VFIO_PCI_VGA_REGION_INDEX,
					    &info));
	EXPECT_EQ(-EINVAL, vdev_region_info(&self->v, PO_REGIONS, &info));
	EXPECT_EQ(-EINVAL, vdev_region_info(&self->v, ~0U, &info));
	info = (struct vfio_region_info){ .argsz = sizeof(info) - 1 };
	EXPECT_EQ(-1, ioctl(self->v.fd, VFIO_DEVICE_GET_REGION_INFO, &info));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(po, region_capabilities)
{
	struct po_info info;

	ASSERT_EQ(0, po_get_info(&self->v, PO_MEMORY, 64, &info));
	EXPECT_EQ(sizeof(info.info), info.info.cap_offset);
	EXPECT_EQ(VFIO_REGION_INFO_CAP_SPARSE_MMAP, info.sparse.header.id);
	EXPECT_EQ(1, info.sparse.header.version);
	EXPECT_EQ(0, info.sparse.header.next);
	EXPECT_EQ(1, info.sparse.nr_areas);
	EXPECT_EQ(0, info.sparse.reserved);
	EXPECT_EQ(PO_PAGE, info.sparse.areas[0].offset);
	EXPECT_EQ(PO_PAGE, info.sparse.areas[0].size);
	EXPECT_EQ(PO_CANARY, info.bytes[64]);
	ASSERT_EQ(0, po_get_info(&self->v, PO_OWN, sizeof(info), &info));
	EXPECT_EQ(sizeof(info.info), info.info.cap_offset);
	EXPECT_EQ(VFIO_REGION_INFO_CAP_TYPE, info.type.header.id);
	EXPECT_EQ(1, info.type.header.version);
	EXPECT_EQ(0, info.type.header.next);
	EXPECT_EQ(VFIO_REGION_TYPE_PCI_VENDOR_TYPE | 0x1af4, info.type.type);
	EXPECT_EQ(1, info.type.subtype);
	EXPECT_EQ(PO_CANARY, info.bytes[48]);
	/* No room for them: how much it takes, and nothing is written there. */
	ASSERT_EQ(0, po_get_info(&self->v, PO_MEMORY, 63, &info));
	EXPECT_EQ(64, info.info.argsz);
	EXPECT_EQ(0, info.info.cap_offset);
	EXPECT_TRUE(info.info.flags & CAPS);
	EXPECT_EQ(PO_CANARY, info.bytes[32]);
}

TEST_F(po, regions_of_its_own)
{
	void *volatile nowhere = (void *)8;
	int fd = self->v.fd;
	uint8_t data[16];

	memset(data, 0x5c, sizeof(data));
	ASSERT_EQ(13, pwrite(fd, data, 13, po_at(PO_OWN, 3)));
	memset(data, 0, sizeof(data));
	ASSERT_EQ(16, pread(fd, data, 16, po_at(PO_READONLY, 0)));
	EXPECT_EQ(0, data[2]);
	EXPECT_EQ(0x5c, data[3]);
	EXPECT_EQ(0x5c, data[15]);
	/* Up to its end and no further. */
	EXPECT_EQ(3, pread(fd, data, 16, po_at(PO_OWN, 2 * PO_PAGE - 3)));
	EXPECT_EQ(3, pwrite(fd, data, 16, po_at(PO_OWN, 2 * PO_PAGE - 3)));
	EXPECT_EQ(-1, pread(fd, data, 1, po_at(PO_OWN, 2 * PO_PAGE)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pread(fd, data, 1, po_at(PO_READONLY, PO_PAGE)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pwrite(fd, data, 1, po_at(PO_READONLY, 0)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pread(fd, data, 1, po_at(PO_REGIONS, 0)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pwrite(fd, data, 1, po_at(PO_REGIONS, 0)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pread(fd, nowhere, 4, po_at(PO_OWN, 0)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, pwrite(fd, nowhere, 4, po_at(PO_OWN, 0)));
	EXPECT_EQ(EFAULT, errno);
}

#define map(...)	po_map(self, __VA_ARGS__)
#define PROT	(PROT_READ | PROT_WRITE)

/* One memory, whichever way. */
TEST_F(po, mapped_and_read)
{
	uint8_t *bar = map(PO_MEMORY, PO_PAGE, PO_PAGE, PROT);
	uint8_t *own = map(PO_OWN, 0, 2 * PO_PAGE, PROT);
	uint8_t *second = map(PO_OWN, PO_PAGE, PO_PAGE, PROT);
	const uint8_t *first = map(PO_READONLY, 0, PO_PAGE, PROT_READ);

	ASSERT_NE(MAP_FAILED, bar);
	ASSERT_NE(MAP_FAILED, own);
	ASSERT_NE(MAP_FAILED, second);
	ASSERT_NE(MAP_FAILED, first);
	bar[5] = 0x11;
	EXPECT_EQ(0x11, vdev_read(&self->v, PO_MEMORY, 1, PO_PAGE + 5));
	ASSERT_EQ(0, vdev_write(&self->v, PO_MEMORY, 8, PO_PAGE + 8,
				0x8877665544332211));
	EXPECT_EQ(0x8877665544332211, get_le64(bar + 8));
	/* The rest of the BAR is not this page. */
	EXPECT_EQ(0, vdev_read(&self->v, PO_MEMORY, 1, 5));
	EXPECT_EQ(0, vdev_read(&self->v, PO_MEMORY, 1, 2 * PO_PAGE + 5));
	own[1] = 1;
	own[PO_PAGE + 1] = 2;
	EXPECT_EQ(1, first[1]);
	EXPECT_EQ(2, second[1]);
	EXPECT_EQ(0, second[5]);
}

/* A mapping's pages stay those of their place when it is cut or moved. */
TEST_F(po, mapping_moves)
{
	uint8_t *own = map(PO_OWN, 0, 2 * PO_PAGE, PROT), *moved;

	ASSERT_NE(MAP_FAILED, own);
	ASSERT_EQ(0, vdev_reset(&self->v));
	ASSERT_EQ(1, pwrite(self->v.fd, "a", 1, po_at(PO_OWN, 0)));
	ASSERT_EQ(1, pwrite(self->v.fd, "b", 1, po_at(PO_OWN, PO_PAGE)));
	/* Not larger. */
	EXPECT_EQ(MAP_FAILED, mremap(own, 2 * PO_PAGE, 3 * PO_PAGE,
				     MREMAP_MAYMOVE));
	ASSERT_EQ(0, munmap(own, PO_PAGE));
	moved = mmap(NULL, PO_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	ASSERT_NE(MAP_FAILED, moved);
	ASSERT_EQ(moved, mremap(own + PO_PAGE, PO_PAGE, PO_PAGE,
				MREMAP_MAYMOVE | MREMAP_FIXED, moved));
	EXPECT_EQ('b', *moved);
	ASSERT_EQ(0, munmap(moved, PO_PAGE));
}

TEST_F(po, bad_mmap)
{
	static const struct {
		unsigned int region;
		uint64_t offset;
		size_t len;
		int prot, flags, error;
	} bad[] = {
		/* What cannot be mapped. */
		{ PO_IO, 0, PO_PAGE, PROT, MAP_SHARED, EINVAL },
		{ 1, 0, PO_PAGE, PROT, MAP_SHARED, EINVAL },
		{ VFIO_PCI_CONFIG_REGION_INDEX, 0, PO_PAGE, PROT, MAP_SHARED,
		  EINVAL },
		{ VFIO_PCI_ROM_REGION_INDEX, 0, PO_PAGE, PROT, MAP_SHARED,
		  EINVAL },
		{ VFIO_PCI_VGA_REGION_INDEX, 0, PO_PAGE, PROT, MAP_SHARED,
		  EINVAL },
		{ PO_REGIONS, 0, PO_PAGE, PROT, MAP_SHARED, EINVAL },
		{ 0x7fffff, 0, PO_PAGE, PROT, MAP_SHARED, EINVAL },
		/* Around the area of the BAR that can. */
		{ PO_MEMORY, 0, PO_PAGE, PROT, MAP_SHARED, EINVAL },
		{ PO_MEMORY, 0, 2 * PO_PAGE, PROT, MAP_SHARED, EINVAL },
		{ PO_MEMORY, 0, 4 * PO_PAGE, PROT, MAP_SHARED, EINVAL },
		{ PO_MEMORY, PO_PAGE, 2 * PO_PAGE, PROT, MAP_SHARED, EINVAL },
		{ PO_MEMORY, 2 * PO_PAGE, PO_PAGE, PROT, MAP_SHARED, EINVAL },
		{ PO_MEMORY, 4 * PO_PAGE, PO_PAGE, PROT, MAP_SHARED, EINVAL },
		/* Beyond a region's end. */
		{ PO_OWN, 0, 3 * PO_PAGE, PROT, MAP_SHARED, EINVAL },
		{ PO_OWN, PO_PAGE, 2 * PO_PAGE, PROT, MAP_SHARED, EINVAL },
		{ PO_OWN, 2 * PO_PAGE, PO_PAGE, PROT, MAP_SHARED, EINVAL },
		{ PO_OWN, (1ULL << 40) - PO_PAGE, PO_PAGE, PROT, MAP_SHARED,
		  EINVAL },
		{ PO_OWN, (1ULL << 40) - PO_PAGE, 2 * PO_PAGE, PROT,
		  MAP_SHARED, EINVAL },
		/* In the middle of a page. */
		{ PO_OWN, 1, PO_PAGE, PROT, MAP_SHARED, EINVAL },
		{ PO_MEMORY, PO_PAGE + 512, 512, PROT, MAP_SHARED, EINVAL },
		/* A copy of it. */
		{ PO_OWN, 0, PO_PAGE, PROT, MAP_PRIVATE, EINVAL },
		/* Writable, where nothing can be written. */
		{ PO_READONLY, 0, PO_PAGE, PROT, MAP_SHARED, EPERM },
		{ PO_READONLY, 0, PO_PAGE, PROT_WRITE, MAP_SHARED, EPERM },
	};
	unsigned int i;
	void *p;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		errno = 0;
		EXPECT_EQ(MAP_FAILED,
			  mmap(NULL, bad[i].len, bad[i].prot, bad[i].flags,
			       self->v.fd, po_at(bad[i].region,
						 bad[i].offset)));
		EXPECT_EQ(bad[i].error, errno) {
			TH_LOG("mapping %u", i);
		}
	}
	/* Nor made writable afterwards. */
	p = map(PO_READONLY, 0, PO_PAGE, PROT_READ);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(-1, mprotect(p, PO_PAGE, PROT));
	EXPECT_EQ(EACCES, errno);
}

static int map_and_touch(FIXTURE_DATA(po) *self, unsigned int region,
			 uint64_t offset)
{
	volatile uint8_t *p = mmap(NULL, PO_PAGE, PROT, MAP_SHARED, self->v.fd,
				   po_at(region, offset));

	if (p == MAP_FAILED)
		return -errno;
	*p = 1;
	munmap((void *)p, PO_PAGE);
	return 0;
}

TEST_F(po, allocations_fail_in_turn)
{
	struct po_info info;

	REQUIRE_FAIL_NTH();
	FAIL_EACH(1, po_get_info(&self->v, PO_MEMORY, 64, &info), );
	EXPECT_EQ(PO_PAGE, info.sparse.areas[0].size);
	FAIL_EACH(1, po_get_info(&self->v, PO_OWN, 64, &info), );
	EXPECT_EQ(1, info.type.subtype);
	FAIL_EACH(1, map_and_touch(self, PO_MEMORY, PO_PAGE), );
	FAIL_EACH(1, map_and_touch(self, PO_OWN, PO_PAGE), );
}

/* What is mapped keeps the device, which goes when it is unmapped. */
TEST_F(po, removed_while_mapped)
{
	int32_t event = self->fds[0];
	uint8_t *own, *again;
	int status;
	pid_t pid;

	own = map(PO_OWN, 0, PO_PAGE, PROT);
	ASSERT_NE(MAP_FAILED, own);
	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, VFIO_PCI_REQ_IRQ_INDEX, 0, 1,
				       &event));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		munmap(own, PO_PAGE);
		vdev_close(&self->v);
		_exit(mdev_remove(MDEV_UUID_A) ? 1 : 0);
	}
	ASSERT_LT(0, event_wait(event, DEADLINE_MS));
	/* Until its user lets go it is as it was. */
	again = map(PO_OWN, 0, PO_PAGE, PROT);
	ASSERT_NE(MAP_FAILED, again);
	own[7] = 7;
	EXPECT_EQ(7, again[7]);
	close(self->v.fd);
	ASSERT_EQ(0, munmap(again, PO_PAGE));
	usleep(QUIET_MS * 1000);
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	EXPECT_EQ(7, own[7]);
	ASSERT_EQ(0, munmap(own, PO_PAGE));
	self->v.fd = -1;
	vdev_close(&self->v);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_FALSE(mdev_exists(MDEV_UUID_A));
}

TEST_HARNESS_MAIN
