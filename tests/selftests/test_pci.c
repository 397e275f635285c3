// SPDX-License-Identifier: GPL-2.0-only
/* The PCI function: identity, capabilities, BARs, and access to all of it. */
#include "test.h"

#include <linux/pci_regs.h>
#include <pthread.h>
#include <sys/mman.h>

#define CONFIG	VFIO_PCI_CONFIG_REGION_INDEX

FIXTURE(pci) {
	struct vdev v;
	struct guest_mem mem;
};

BOTH_WAYS(pci);

FIXTURE_SETUP(pci)
{
	REQUIRE_WAY(variant->how);
	ASSERT_EQ(0, create_open(&self->v, MDEV_UUID_A, variant->how));
	ASSERT_EQ(0, guest_mem_init(&self->mem, MIB, 2 * MIB));
	ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
}

FIXTURE_TEARDOWN(pci)
{
	close_remove(&self->v);
	guest_mem_free(&self->mem);
}

TEST_F(pci, device_info)
{
	struct vfio_device_info info;
	struct vfio_region_info region;

	ASSERT_EQ(0, vdev_info(&self->v, &info));
	EXPECT_TRUE(info.flags & VFIO_DEVICE_FLAGS_PCI);
	EXPECT_TRUE(info.flags & VFIO_DEVICE_FLAGS_RESET);
	EXPECT_LE(VFIO_PCI_CONFIG_REGION_INDEX + 1, info.num_regions);
	info.argsz = 4;
	EXPECT_EQ(-1, ioctl(self->v.fd, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-EINVAL, vdev_region_info(&self->v, info.num_regions,
					    &region));
	EXPECT_EQ(-EINVAL, vdev_region_info(&self->v, ~0U, &region));
	region.argsz = 8;
	EXPECT_EQ(-1, ioctl(self->v.fd, VFIO_DEVICE_GET_REGION_INFO, &region));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->v.fd, 0xdead));
	EXPECT_EQ(ENOTTY, errno);
}

TEST_F(pci, identity)
{
	struct vdev *v = &self->v;

	EXPECT_EQ(0x1af4, pci_read(v, 2, PCI_VENDOR_ID));
	EXPECT_EQ(0x1041, pci_read(v, 2, PCI_DEVICE_ID));
	EXPECT_LE(1, pci_read(v, 1, PCI_REVISION_ID));
	EXPECT_EQ(0x020000, pci_read(v, 4, PCI_CLASS_REVISION) >> 8);
	EXPECT_EQ(PCI_HEADER_TYPE_NORMAL, pci_read(v, 1, PCI_HEADER_TYPE));
	EXPECT_TRUE(pci_read(v, 2, PCI_STATUS) & PCI_STATUS_CAP_LIST);
	EXPECT_EQ(1, pci_read(v, 1, PCI_INTERRUPT_PIN));
	EXPECT_EQ(0, pci_read(v, 2, PCI_COMMAND));
	EXPECT_LE(256, self->v.regions[CONFIG].size);
}

/* The list ends, does not overlap itself, and has what a driver needs. */
TEST_F(pci, capabilities)
{
	unsigned int types[16] = { 0 }, n = 0;
	int cap = 0;

	while ((cap = pci_find_cap(&self->v, 0, cap)) > 0) {
		EXPECT_GT(254, cap);
		if (pci_read(&self->v, 1, cap) == PCI_CAP_ID_VNDR)
			types[pci_read(&self->v, 1, cap + 3) & 15]++;
		n++;
	}
	ASSERT_EQ(0, cap);
	EXPECT_LE(5, n);
	EXPECT_EQ(1, types[VIRTIO_PCI_CAP_COMMON_CFG]);
	EXPECT_EQ(1, types[VIRTIO_PCI_CAP_NOTIFY_CFG]);
	EXPECT_EQ(1, types[VIRTIO_PCI_CAP_ISR_CFG]);
	EXPECT_EQ(1, types[VIRTIO_PCI_CAP_DEVICE_CFG]);
	EXPECT_EQ(1, types[VIRTIO_PCI_CAP_PCI_CFG]);
	EXPECT_LT(0, pci_find_cap(&self->v, PCI_CAP_ID_MSIX, 0));
}

/* The device's structures lie inside BARs and apart from each other. */
TEST_F(pci, structures)
{
	struct vpci pci;
	unsigned int i, k;

	ASSERT_EQ(0, vpci_init(&pci, &self->v));
	for (i = VIRTIO_PCI_CAP_COMMON_CFG; i <= VIRTIO_PCI_CAP_DEVICE_CFG;
	     i++) {
		struct vpci_window *a = &pci.win[i];

		EXPECT_LT(0, a->length);
		EXPECT_EQ(0, a->offset & 3);
		EXPECT_LE((uint64_t)a->offset + a->length,
			  self->v.regions[a->bar].size);
		for (k = i + 1; k <= VIRTIO_PCI_CAP_DEVICE_CFG; k++) {
			struct vpci_window *b = &pci.win[k];

			EXPECT_TRUE(a->bar != b->bar ||
				    a->offset + a->length <= b->offset ||
				    b->offset + b->length <= a->offset);
		}
	}
	EXPECT_LE(56, pci.win[VIRTIO_PCI_CAP_COMMON_CFG].length);
}

TEST_F(pci, bar_sizing)
{
	unsigned int bar, reg;
	uint64_t size, mask;
	uint32_t low, flags;

	for (bar = 0; bar < 6; bar++) {
		size = self->v.regions[bar].size;
		reg = PCI_BASE_ADDRESS_0 + 4 * bar;
		flags = pci_read(&self->v, 4, reg) & 0xf;
		ASSERT_EQ(0, pci_write(&self->v, 4, reg, ~0U));
		low = pci_read(&self->v, 4, reg);
		mask = low & ~0xfU;
		if (!size) {
			EXPECT_EQ(0, low);
			continue;
		}
		EXPECT_EQ(flags, low & 0xf);
		if (flags & PCI_BASE_ADDRESS_MEM_TYPE_64) {
			ASSERT_EQ(0, pci_write(&self->v, 4, reg + 4, ~0U));
			mask |= (uint64_t)pci_read(&self->v, 4, reg + 4) << 32;
			bar++;
		} else {
			mask |= 0xffffffffULL << 32;
		}
		EXPECT_EQ(size, ~mask + 1);
		EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ |
			  VFIO_REGION_INFO_FLAG_WRITE,
			  self->v.regions[reg / 4 - 4].flags & 3);
		/* An address as firmware would give it. */
		ASSERT_EQ(0, pci_write(&self->v, 4, reg, 0xfe000000));
		EXPECT_EQ(0xfe000000 | flags, pci_read(&self->v, 4, reg));
	}
}

TEST_F(pci, write_masks)
{
	uint8_t before[64], after[64];
	unsigned int i;
	uint16_t command;

	for (i = 0; i < 64; i++)
		before[i] = pci_read(&self->v, 1, i);
	for (i = 0; i < 64; i++) {
		ASSERT_EQ(0, pci_write(&self->v, 1, i, 0xff));
	}
	for (i = 0; i < 64; i++)
		after[i] = pci_read(&self->v, 1, i);
	EXPECT_EQ(0, memcmp(before, after, 4));			/* ids */
	EXPECT_EQ(0, memcmp(before + 6, after + 6, 6));	/* status, class */
	EXPECT_EQ(0, memcmp(before + 14, after + 14, 2));	/* header */
	EXPECT_EQ(0, memcmp(before + 0x28, after + 0x28, 8));	/* subsystem */
	EXPECT_EQ(0, memcmp(before + 0x34, after + 0x34, 8));	/* list */
	EXPECT_EQ(0, memcmp(before + 0x3d, after + 0x3d, 3));	/* pin */
	EXPECT_EQ(0xff, after[PCI_INTERRUPT_LINE]);
	command = get_le16(after + PCI_COMMAND);
	EXPECT_TRUE(command & PCI_COMMAND_MEMORY);
	EXPECT_TRUE(command & PCI_COMMAND_MASTER);
	EXPECT_TRUE(command & PCI_COMMAND_INTX_DISABLE);
	EXPECT_EQ(0, command & ~0x7ff);
	ASSERT_EQ(0, vdev_reset(&self->v));
	for (i = 0; i < 64; i++) {
		EXPECT_EQ(before[i], pci_read(&self->v, 1, i));
	}
}

/* Capability headers cannot be written; of MSI-X only its two switches. */
TEST_F(pci, capability_masks)
{
	int msix = pci_find_cap(&self->v, PCI_CAP_ID_MSIX, 0), cap = 0;
	uint16_t control = pci_read(&self->v, 2, msix + PCI_MSIX_FLAGS);

	while ((cap = pci_find_cap(&self->v, 0, cap)) > 0) {
		uint16_t header = pci_read(&self->v, 2, cap);

		ASSERT_EQ(0, pci_write(&self->v, 2, cap, (uint16_t)~header));
		EXPECT_EQ(header, pci_read(&self->v, 2, cap));
	}
	ASSERT_EQ(0, pci_write(&self->v, 2, msix + PCI_MSIX_FLAGS, 0xffff));
	EXPECT_EQ(control | PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL,
		  pci_read(&self->v, 2, msix + PCI_MSIX_FLAGS));
	ASSERT_EQ(0, pci_write(&self->v, 4, msix + PCI_MSIX_TABLE, ~0U));
	EXPECT_NE(~0U, pci_read(&self->v, 4, msix + PCI_MSIX_TABLE));
}

/* Any offset and length gives the same bytes as byte by byte. */
TEST_F(pci, any_access)
{
	uint8_t bytes[256], data[300];
	unsigned int at, len;

	for (at = 0; at < sizeof(bytes); at++)
		bytes[at] = pci_read(&self->v, 1, at);
	for (at = 0; at < sizeof(bytes); at++) {
		for (len = 1; len <= 16 && at + len <= sizeof(bytes); len++) {
			ASSERT_EQ(len, vdev_pread(&self->v, CONFIG, data, len,
						  at));
			/* The window to the BARs may read anything. */
			if (memcmp(data, bytes + at, len)) {
				EXPECT_LE(0x40, at + len);
			}
		}
	}
	ASSERT_EQ(256, vdev_pread(&self->v, CONFIG, data, 256, 0));
	EXPECT_EQ(0, memcmp(data, bytes, 64));
}

TEST_F(pci, past_the_end)
{
	static const uint64_t beyond[] = { 0, 1, 3, 4096, 1ULL << 32,
					   (1ULL << 40) - 8 };
	uint8_t data[64];
	unsigned int region, i;
	int n;

	memset(data, 0, sizeof(data));
	for (region = 0; region <= CONFIG; region++) {
		uint64_t size = self->v.regions[region].size;

		for (i = 0; i < ARRAY_SIZE(beyond); i++) {
			EXPECT_GE(0, vdev_pread(&self->v, region, data, 4,
						size + beyond[i]));
			EXPECT_GE(0, vdev_pwrite(&self->v, region, data, 4,
						 size + beyond[i]));
		}
		if (!size)
			continue;
		/* Over the end: what there is, or nothing. */
		n = vdev_pread(&self->v, region, data, 8, size - 3);
		EXPECT_TRUE(n < 0 || n <= 3);
		n = vdev_pwrite(&self->v, region, data, 8, size - 3);
		EXPECT_TRUE(n < 0 || n <= 3);
	}
	/* Regions that are not, and the largest offsets. */
	EXPECT_GT(0, pread(self->v.fd, data, 4, 100ULL << 40));
	EXPECT_GT(0, pwrite(self->v.fd, data, 4, 100ULL << 40));
	EXPECT_GT(0, pread(self->v.fd, data, 4, INT64_MAX - 8));
	EXPECT_GT(0, pwrite(self->v.fd, data, 4, INT64_MAX - 8));
}

TEST_F(pci, bad_buffers)
{
	EXPECT_EQ(-EFAULT, vdev_pread(&self->v, CONFIG, (void *)8, 4, 0));
	EXPECT_EQ(-EFAULT, vdev_pwrite(&self->v, CONFIG, (void *)8, 4, 4));
	EXPECT_EQ(0, vdev_pread(&self->v, CONFIG, NULL, 0, 0));
}

TEST_F(pci, nothing_to_mmap)
{
	unsigned int region;

	for (region = 0; region <= CONFIG; region++) {
		EXPECT_FALSE(self->v.regions[region].flags &
			     VFIO_REGION_INFO_FLAG_MMAP);
		EXPECT_EQ(MAP_FAILED,
			  mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			       self->v.fd, self->v.regions[region].offset));
	}
}

/* virtio's window in configuration space onto the BARs. */
TEST_F(pci, window)
{
	struct vpci_window *common, *win;
	struct vpci pci;
	unsigned int i;
	uint64_t rng = 5;

	ASSERT_EQ(0, vpci_init(&pci, &self->v));
	common = &pci.win[VIRTIO_PCI_CAP_COMMON_CFG];
	win = &pci.win[VIRTIO_PCI_CAP_PCI_CFG];
	ASSERT_EQ(0, pci_write(&self->v, 1, win->cap + 4, common->bar));
	ASSERT_EQ(0, pci_write(&self->v, 4, win->cap + 8, common->offset +
			       VIRTIO_PCI_COMMON_NUMQ));
	ASSERT_EQ(0, pci_write(&self->v, 4, win->cap + 12, 2));
	EXPECT_EQ(2, pci_read(&self->v, 2, win->cap + 16));
	/* Writing through it. */
	ASSERT_EQ(0, pci_write(&self->v, 4, win->cap + 8, common->offset +
			       VIRTIO_PCI_COMMON_STATUS));
	ASSERT_EQ(0, pci_write(&self->v, 4, win->cap + 12, 1));
	ASSERT_EQ(0, pci_write(&self->v, 1, win->cap + 16, 1));
	EXPECT_EQ(1, vpci_status(&pci));
	/* Anything may stand in it. */
	for (i = 0; i < 2000; i++) {
		uint64_t r = rng_next(&rng);

		pci_write(&self->v, 1, win->cap + 4, r & 1 ? r >> 8 & 7 :
			  r >> 8 & 0xff);
		pci_write(&self->v, 4, win->cap + 8, r & 2 ? r >> 20 & 0xffff :
			  r >> 20);
		pci_write(&self->v, 4, win->cap + 12, r & 4 ? r >> 56 & 7 :
			  r >> 30);
		pci_read(&self->v, 4, win->cap + 16);
		pci_write(&self->v, 4, win->cap + 16, r >> 16);
	}
	EXPECT_EQ(0, vdev_reset(&self->v));
	EXPECT_EQ(0, vpci_status(&pci));
}

/* Random accesses everywhere; a reset brings back what was at the start. */
TEST_F(pci, random_accesses)
{
	struct snapshot before, after;
	unsigned int round, i;
	uint64_t rng = 99;
	uint8_t data[16];

	ASSERT_EQ(0, snapshot_take(&self->v, &before));
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 1000; i++) {
			uint64_t r = rng_next(&rng);
			unsigned int region = r % (CONFIG + 1);
			uint64_t size = self->v.regions[region].size;
			unsigned int len = 1 << (r >> 60 & 3);

			if (r >> 40 & 1)
				region = CONFIG;
			size = self->v.regions[region].size;
			if (!size)
				continue;
			put_le64(data, rng_next(&rng));
			if (r >> 41 & 1)
				memset(data, 0, 4);
			if (r >> 42 & 3)
				vdev_pwrite(&self->v, region, data, len,
					    (r >> 8) % size);
			else
				vdev_pread(&self->v, region, data, len,
					   (r >> 8) % size);
		}
		ASSERT_EQ(0, vdev_reset(&self->v));
		ASSERT_EQ(0, snapshot_take(&self->v, &after));
		EXPECT_TRUE(snapshot_equal(&before, &after));
	}
	EXPECT_TRUE(state_is(&self->v, RUNNING));
}

struct commander {
	struct vdev *v;
	pthread_barrier_t *barrier;
	uint16_t command;
};

static void *command_once(void *arg)
{
	struct commander *c = arg;

	pthread_barrier_wait(c->barrier);
	pci_write(c->v, 2, PCI_COMMAND, c->command);
	return NULL;
}

static void command_at_once(struct __test_metadata *_metadata, struct vdev *v,
			    uint16_t first, uint16_t second)
{
	pthread_barrier_t barrier;
	struct commander c[2] = {
		{ v, &barrier, first }, { v, &barrier, second },
	};
	pthread_t threads[2];
	int i;

	ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, 2));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, command_once,
					    &c[i]));
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	}
	pthread_barrier_destroy(&barrier);
}

/* Two who write the command register: the queues follow what it ends as. */
TEST_F(pci, two_commanders)
{
	const uint16_t on = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	const uint16_t off = PCI_COMMAND_MEMORY;
	uint8_t frame[64] = { 0 };
	struct vnic nic = { 0 };
	unsigned int i;

	ASSERT_EQ(0, vnic_up(&nic, &self->v, &self->mem, 16, 0));
	for (i = 0; i < 300; i++) {
		struct vq *tx = &nic.vq[VNIC_TX];

		ASSERT_EQ(0, pci_write(&self->v, 2, PCI_COMMAND,
				       i & 1 ? on : off));
		command_at_once(_metadata, &self->v, on, off);
		ASSERT_EQ(0, vnic_send(&nic, frame, sizeof(frame)));
		if (!(pci_read(&self->v, 2, PCI_COMMAND) &
		      PCI_COMMAND_MASTER)) {
			ASSERT_FALSE(vq_pending(tx)) {
				TH_LOG("round %u: no bus master", i);
			}
			ASSERT_EQ(0, pci_write(&self->v, 2, PCI_COMMAND, on));
		}
		ASSERT_EQ(0, vnic_sent(&nic, DEADLINE_MS)) {
			TH_LOG("round %u: a bus master", i);
		}
	}
	vnic_down(&nic);
}

TEST_HARNESS_MAIN
