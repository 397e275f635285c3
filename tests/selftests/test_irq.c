// SPDX-License-Identifier: GPL-2.0-only
/* Interrupts: what VFIO says about them, loopback, masks, delivery. */
#include "card.h"

#include <linux/pci_regs.h>
#include <sys/eventfd.h>

#define VECTORS		3	/* configuration change, receive, transmit */

#define NONE		VFIO_IRQ_SET_DATA_NONE
#define BOOL		VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD		VFIO_IRQ_SET_DATA_EVENTFD
#define MASK		VFIO_IRQ_SET_ACTION_MASK
#define UNMASK		VFIO_IRQ_SET_ACTION_UNMASK
#define TRIGGER		VFIO_IRQ_SET_ACTION_TRIGGER

#define INTX		VFIO_PCI_INTX_IRQ_INDEX
#define MSIX		VFIO_PCI_MSIX_IRQ_INDEX

FIXTURE_VARIANT_ADD(card, iommufd) { .how = VDEV_IOMMUFD };

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

/* Every frame interrupts: it is alone, so that the test's own are all there are. */
static void up_alone(struct __test_metadata *_metadata,
		     FIXTURE_DATA(card) *self, unsigned int flags)
{
	card_alone(_metadata, self);
	card_up(_metadata, self, flags);
}

static int irq(FIXTURE_DATA(card) *self, uint32_t index, uint32_t flags,
	       uint32_t start, uint32_t count)
{
	return vdev_irq_set(&self->v, index, flags, start, count, NULL, 0);
}

TEST_F(card, info)
{
	struct vfio_device_info dev;
	struct vfio_irq_info info;
	unsigned int i;
	int cap;

	ASSERT_EQ(0, vdev_info(&self->v, &dev));
	EXPECT_EQ(VFIO_PCI_NUM_IRQS, dev.num_irqs);
	ASSERT_EQ(0, vdev_irq_info(&self->v, INTX, &info));
	EXPECT_EQ(1, info.count);
	EXPECT_EQ(VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
		  VFIO_IRQ_INFO_AUTOMASKED, info.flags);
	ASSERT_EQ(0, vdev_irq_info(&self->v, MSIX, &info));
	EXPECT_TRUE(info.flags & VFIO_IRQ_INFO_EVENTFD);
	cap = pci_find_cap(&self->v, PCI_CAP_ID_MSIX, 0);
	ASSERT_LT(0, cap);
	EXPECT_EQ((pci_read(&self->v, 2, cap + PCI_MSIX_FLAGS) &
		   PCI_MSIX_FLAGS_QSIZE) + 1, info.count);
	EXPECT_LE(VECTORS, info.count);
	/* "Unimplemented IRQ types return a count of zero." */
	ASSERT_EQ(0, vdev_irq_info(&self->v, VFIO_PCI_MSI_IRQ_INDEX, &info));
	EXPECT_EQ(0, info.count);
	/* There, so that QEMU does not warn, and never raised. */
	ASSERT_EQ(0, vdev_irq_info(&self->v, VFIO_PCI_ERR_IRQ_INDEX, &info));
	EXPECT_EQ(1, info.count);
	ASSERT_EQ(0, vdev_irq_info(&self->v, VFIO_PCI_REQ_IRQ_INDEX, &info));
	EXPECT_EQ(1, info.count);
	EXPECT_TRUE(info.flags & VFIO_IRQ_INFO_EVENTFD);
	for (i = VFIO_PCI_NUM_IRQS; i < VFIO_PCI_NUM_IRQS + 3; i++) {
		EXPECT_EQ(-EINVAL, vdev_irq_info(&self->v, i, &info));
	}
	EXPECT_EQ(-EINVAL, vdev_irq_info(&self->v, ~0U, &info));
	info = (struct vfio_irq_info){ .argsz = sizeof(info) - 1 };
	EXPECT_EQ(-1, ioctl(self->v.fd, VFIO_DEVICE_GET_IRQ_INFO, &info));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(card, bad_arguments)
{
	int32_t fds[4] = { -1, -1, -1, -1 };
	struct vfio_irq_set set = { .argsz = sizeof(set) - 1 };
	struct vfio_irq_info info;
	unsigned int index;
	int null;

	for (index = 0; index < VFIO_PCI_NUM_IRQS; index++) {
		if (vdev_irq_info(&self->v, index, &info)) {
			info.count = 0;
		}
		EXPECT_GT(0, irq(self, index, NONE | TRIGGER, info.count, 1));
		EXPECT_GT(0, irq(self, index, NONE | TRIGGER, 0,
				 info.count + 1));
		EXPECT_GT(0, irq(self, index, NONE | TRIGGER, 1, ~0U));
		EXPECT_GT(0, irq(self, index, NONE | TRIGGER, ~0U, 1));
		EXPECT_GT(0, irq(self, index, NONE | TRIGGER, ~0U, ~0U));
		EXPECT_GT(0, irq(self, index, NONE | TRIGGER, 0x80000000,
				 0x80000000));
		EXPECT_GT(0, irq(self, index, NONE | TRIGGER | MASK, 0, 1));
		EXPECT_GT(0, irq(self, index, NONE | BOOL | TRIGGER, 0, 1));
		EXPECT_GT(0, irq(self, index, TRIGGER, 0, 1));
		EXPECT_GT(0, irq(self, index, NONE, 0, 1));
		EXPECT_GT(0, irq(self, index, 0, 0, 1));
		EXPECT_GT(0, irq(self, index, NONE | TRIGGER | 1 << 6, 0, 1));
		/* Data too short for the count. */
		EXPECT_GT(0, irq(self, index, BOOL | TRIGGER, 0, 1));
		EXPECT_GT(0, irq(self, index, EVENTFD | TRIGGER, 0, 1));
		EXPECT_GT(0, vdev_irq_set(&self->v, index, EVENTFD | TRIGGER,
					  0, 1, fds, 3));
	}
	/* No interrupts to mask are none, not one. */
	EXPECT_GT(0, irq(self, INTX, NONE | MASK, 0, 0));
	EXPECT_GT(0, irq(self, INTX, NONE | UNMASK, 0, 0));
	EXPECT_EQ(-EINVAL, irq(self, VFIO_PCI_NUM_IRQS, NONE | TRIGGER, 0, 0));
	EXPECT_EQ(-EINVAL, irq(self, ~0U, NONE | TRIGGER, 0, 1));
	EXPECT_EQ(-1, ioctl(self->v.fd, VFIO_DEVICE_SET_IRQS, &set));
	EXPECT_EQ(EINVAL, errno);
	/* Eventfds that are none. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, null);
	fds[0] = null;
	EXPECT_GT(0, vdev_irq_eventfds(&self->v, MSIX, 0, 1, fds));
	EXPECT_GT(0, vdev_irq_eventfds(&self->v, INTX, 0, 1, fds));
	fds[0] = 12345;
	EXPECT_GT(0, vdev_irq_eventfds(&self->v, MSIX, 0, 1, fds));
	fds[0] = -2;
	EXPECT_GT(0, vdev_irq_eventfds(&self->v, MSIX, 0, 1, fds));
	close(null);
}

/*
 * "[...] the index can be disabled as a whole with: flags = (DATA_NONE|ACTION_TRIGGER),
 * count = 0" (<linux/vfio.h>): bools or eventfds of no interrupt are not that, and set
 * nothing up.
 */
TEST_F(card, none_of_them)
{
	static const uint32_t index[] = {
		INTX, VFIO_PCI_REQ_IRQ_INDEX, VFIO_PCI_ERR_IRQ_INDEX, MSIX,
	};
	int32_t fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		EXPECT_EQ(-EINVAL, irq(self, index[i], EVENTFD | TRIGGER, 0, 0));
		EXPECT_EQ(-EINVAL, irq(self, index[i], BOOL | TRIGGER, 0, 0));
		EXPECT_EQ(-EINVAL, irq(self, index[i], NONE | TRIGGER, 0, 0));
		EXPECT_EQ(-EINVAL, irq(self, index[i], NONE | TRIGGER, 0, 1));
		ASSERT_EQ(0, vdev_irq_eventfds(&self->v, index[i], 0, 1, &fd));
		irq(self, index[i], EVENTFD | TRIGGER, 0, 0);
		irq(self, index[i], BOOL | TRIGGER, 0, 0);
		EXPECT_EQ(0, irq(self, index[i], NONE | TRIGGER, 0, 1));
		EXPECT_EQ(1, event_wait(fd, 0)) {
			TH_LOG("index %u", index[i]);
		}
		EXPECT_EQ(0, vdev_irq_disable(&self->v, index[i]));
		EXPECT_EQ(-EINVAL, irq(self, index[i], NONE | TRIGGER, 0, 1));
	}
	/* What cannot be masked, whatever else is set up. */
	for (i = 1; i < 4; i++) {
		EXPECT_EQ(-ENOTTY, irq(self, index[i], NONE | MASK, 0, 1));
		EXPECT_EQ(-ENOTTY, irq(self, index[i], NONE | UNMASK, 0, 1));
	}
	close(fd);
}

TEST_F(card, msix_loopback)
{
	uint8_t pattern[VECTORS] = { 1, 0, 1 };
	int32_t fds[VECTORS], none = -1;
	unsigned int i, k;

	for (i = 0; i < VECTORS; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ASSERT_LE(0, fds[i]);
	}
	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, MSIX, 0, VECTORS, fds));
	for (i = 0; i < VECTORS; i++) {
		ASSERT_EQ(0, irq(self, MSIX, NONE | TRIGGER, i, 1));
		for (k = 0; k < VECTORS; k++) {
			EXPECT_EQ(k == i, event_wait(fds[k], 0));
		}
	}
	ASSERT_EQ(0, irq(self, MSIX, NONE | TRIGGER, 0, VECTORS));
	for (k = 0; k < VECTORS; k++) {
		EXPECT_EQ(1, event_wait(fds[k], 0));
	}
	ASSERT_EQ(0, vdev_irq_set(&self->v, MSIX, BOOL | TRIGGER, 0, VECTORS,
				  pattern, sizeof(pattern)));
	for (k = 0; k < VECTORS; k++) {
		EXPECT_EQ(pattern[k], event_wait(fds[k], 0));
	}
	/* One is taken off, the others stay. */
	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, MSIX, 1, 1, &none));
	irq(self, MSIX, NONE | TRIGGER, 0, VECTORS);
	EXPECT_EQ(1, event_wait(fds[0], 0));
	EXPECT_EQ(0, event_wait(fds[1], 0));
	EXPECT_EQ(1, event_wait(fds[2], 0));
	/* And put on again, as another. */
	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, MSIX, 1, 1, &fds[0]));
	ASSERT_EQ(0, irq(self, MSIX, NONE | TRIGGER, 1, 1));
	EXPECT_EQ(1, event_wait(fds[0], 0));
	ASSERT_EQ(0, vdev_irq_disable(&self->v, MSIX));
	irq(self, MSIX, NONE | TRIGGER, 0, VECTORS);
	for (k = 0; k < VECTORS; k++) {
		EXPECT_EQ(0, event_wait(fds[k], 0));
		close(fds[k]);
	}
}

TEST_F(card, intx_loopback)
{
	int32_t fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, INTX, 0, 1, &fd));
	ASSERT_EQ(0, irq(self, INTX, NONE | TRIGGER, 0, 1));
	EXPECT_EQ(1, event_wait(fd, 0));
	EXPECT_EQ(0, irq(self, INTX, NONE | UNMASK, 0, 1));
	EXPECT_EQ(0, irq(self, INTX, NONE | MASK, 0, 1));
	EXPECT_EQ(0, irq(self, INTX, NONE | UNMASK, 0, 1));
	ASSERT_EQ(0, vdev_irq_disable(&self->v, INTX));
	irq(self, INTX, NONE | TRIGGER, 0, 1);
	EXPECT_EQ(0, event_wait(fd, 0));
	close(fd);
}

static int host_frame(FIXTURE_DATA(card) *self, uint32_t seed)
{
	uint8_t frame[100];

	frame_make(frame, sizeof(frame), self->mac, seed);
	return netif_send(self->net, frame, sizeof(frame));
}

/*
 * INTx is level triggered and masked by its delivery: nothing more until it is
 * unmasked, and then again at once while the device still asserts it.
 */
TEST_F(card, intx_is_automasked)
{
	int fd;

	up_alone(_metadata, self, VNIC_INTX);
	fd = self->nic.events[0];
	ASSERT_EQ(0, host_frame(self, 1));
	EXPECT_EQ(1, event_wait(fd, DEADLINE_MS));
	ASSERT_EQ(0, host_frame(self, 2));
	ASSERT_TRUE(wait_used_index(&self->nic.vq[VNIC_RX], 2));
	EXPECT_EQ(0, event_wait(fd, QUIET_MS));
	EXPECT_EQ(PCI_STATUS_INTERRUPT,
		  pci_read(&self->v, 2, PCI_STATUS) & PCI_STATUS_INTERRUPT);
	ASSERT_EQ(0, irq(self, INTX, NONE | UNMASK, 0, 1));
	EXPECT_EQ(1, event_wait(fd, DEADLINE_MS));
	/* Acknowledged by reading ISR: low again. */
	EXPECT_EQ(1, vpci_read(&self->nic.pci, VIRTIO_PCI_CAP_ISR_CFG, 1, 0));
	EXPECT_EQ(0, vpci_read(&self->nic.pci, VIRTIO_PCI_CAP_ISR_CFG, 1, 0));
	EXPECT_EQ(0, pci_read(&self->v, 2, PCI_STATUS) & PCI_STATUS_INTERRUPT);
	ASSERT_EQ(0, irq(self, INTX, NONE | UNMASK, 0, 1));
	EXPECT_EQ(0, event_wait(fd, QUIET_MS));
	ASSERT_EQ(0, host_frame(self, 3));
	EXPECT_EQ(1, event_wait(fd, DEADLINE_MS));
}

TEST_F(card, intx_masked)
{
	uint8_t yes = 1, no = 0;
	int fd;

	up_alone(_metadata, self, VNIC_INTX);
	fd = self->nic.events[0];
	ASSERT_EQ(0, vdev_irq_set(&self->v, INTX, BOOL | MASK, 0, 1, &yes, 1));
	ASSERT_EQ(0, host_frame(self, 1));
	ASSERT_TRUE(wait_used_index(&self->nic.vq[VNIC_RX], 1));
	EXPECT_EQ(0, event_wait(fd, QUIET_MS));
	ASSERT_EQ(0, vdev_irq_set(&self->v, INTX, BOOL | UNMASK, 0, 1, &no,
				  1));
	EXPECT_EQ(0, event_wait(fd, QUIET_MS));
	ASSERT_EQ(0, vdev_irq_set(&self->v, INTX, BOOL | UNMASK, 0, 1, &yes,
				  1));
	EXPECT_EQ(1, event_wait(fd, DEADLINE_MS));
}

/* The guest's own switch, in the command register. */
TEST_F(card, intx_disabled_by_the_guest)
{
	uint16_t command;
	int fd;

	up_alone(_metadata, self, VNIC_INTX);
	fd = self->nic.events[0];
	command = pci_read(&self->v, 2, PCI_COMMAND);
	ASSERT_EQ(0, pci_write(&self->v, 2, PCI_COMMAND,
			       command | PCI_COMMAND_INTX_DISABLE));
	ASSERT_EQ(0, host_frame(self, 1));
	ASSERT_TRUE(wait_used_index(&self->nic.vq[VNIC_RX], 1));
	EXPECT_EQ(0, event_wait(fd, QUIET_MS));
	EXPECT_EQ(PCI_STATUS_INTERRUPT,
		  pci_read(&self->v, 2, PCI_STATUS) & PCI_STATUS_INTERRUPT);
	ASSERT_EQ(0, pci_write(&self->v, 2, PCI_COMMAND, command));
	EXPECT_EQ(1, event_wait(fd, DEADLINE_MS));
}

static int unmask_by(FIXTURE_DATA(card) *self, int32_t fd)
{
	return vdev_irq_set(&self->v, INTX, EVENTFD | UNMASK, 0, 1, &fd,
			    sizeof(fd));
}

static int signal_event(int fd)
{
	uint64_t one = 1;

	return write(fd, &one, sizeof(one)) == sizeof(one);
}

/* An irqfd that unmasks, as KVM's resampling does. */
TEST_F(card, intx_unmask_by_eventfd)
{
	int resample = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int another = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	unsigned int i;
	int fd;

	up_alone(_metadata, self, VNIC_INTX);
	fd = self->nic.events[0];
	ASSERT_EQ(0, unmask_by(self, resample));
	/* While the device asserts it, again and again; the event is taken. */
	ASSERT_EQ(0, host_frame(self, 1));
	EXPECT_EQ(1, event_wait(fd, DEADLINE_MS));
	for (i = 0; i < 100; i++) {
		ASSERT_TRUE(signal_event(resample));
		ASSERT_EQ(1, event_wait(fd, DEADLINE_MS));
		EXPECT_EQ(0, event_wait(resample, 0));
	}
	/* Not any more, once it is low. */
	EXPECT_EQ(1, vpci_read(&self->nic.pci, VIRTIO_PCI_CAP_ISR_CFG, 1, 0));
	ASSERT_TRUE(signal_event(resample));
	EXPECT_EQ(0, event_wait(fd, QUIET_MS));
	/* One that takes its place, and that was signalled before. */
	ASSERT_EQ(0, host_frame(self, 2));
	EXPECT_EQ(1, event_wait(fd, DEADLINE_MS));
	ASSERT_EQ(0, unmask_by(self, another));
	EXPECT_EQ(1, event_wait(fd, DEADLINE_MS));
	ASSERT_TRUE(signal_event(resample));
	EXPECT_EQ(0, event_wait(fd, QUIET_MS));
	ASSERT_TRUE(signal_event(another));
	EXPECT_EQ(1, event_wait(fd, DEADLINE_MS));
	/* Taken off. */
	ASSERT_EQ(0, unmask_by(self, -1));
	ASSERT_EQ(0, unmask_by(self, -1));
	ASSERT_TRUE(signal_event(another));
	EXPECT_EQ(0, event_wait(fd, QUIET_MS));
	close(resample);
	close(another);
}

TEST_F(card, intx_unmask_by_what_goes_away)
{
	int resample = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd;

	EXPECT_GT(0, unmask_by(self, null));
	EXPECT_GT(0, unmask_by(self, 12345));
	EXPECT_GT(0, unmask_by(self, -2));
	close(null);
	up_alone(_metadata, self, VNIC_INTX);
	fd = self->nic.events[0];
	/* Closed by its owner: the line is still there. */
	ASSERT_EQ(0, unmask_by(self, resample));
	close(resample);
	ASSERT_EQ(0, host_frame(self, 1));
	EXPECT_EQ(1, event_wait(fd, DEADLINE_MS));
	ASSERT_EQ(0, irq(self, INTX, NONE | UNMASK, 0, 1));
	EXPECT_EQ(1, event_wait(fd, DEADLINE_MS));
	/* Off with the line itself. */
	resample = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_EQ(0, unmask_by(self, resample));
	ASSERT_EQ(0, vdev_irq_disable(&self->v, INTX));
	ASSERT_TRUE(signal_event(resample));
	EXPECT_EQ(1, event_wait(resample, 0));
	/* Nor is there anything to unmask while the line is off. */
	EXPECT_EQ(-EINVAL, unmask_by(self, resample));
	EXPECT_EQ(-EINVAL, irq(self, INTX, NONE | MASK, 0, 1));
	EXPECT_EQ(-EINVAL, irq(self, INTX, NONE | UNMASK, 0, 1));
	EXPECT_EQ(-EINVAL, vdev_irq_disable(&self->v, INTX));
	/* And with the device, which is closed when it is signalled. */
	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, INTX, 0, 1, &fd));
	ASSERT_EQ(0, unmask_by(self, resample));
	ASSERT_TRUE(signal_event(resample));
	ASSERT_LE(0, close(self->v.fd));
	self->v.fd = -1;
	ASSERT_TRUE(signal_event(resample));
	close(resample);
}

static bool pending(FIXTURE_DATA(card) *self, unsigned int vector)
{
	int cap = pci_find_cap(&self->v, PCI_CAP_ID_MSIX, 0);
	uint32_t pba = pci_read(&self->v, 4, cap + PCI_MSIX_PBA);

	return vdev_read(&self->v, pba & 7, 8, pba & ~7U) >> vector & 1;
}

/* Nobody listens: the vector is pending until somebody does. */
TEST_F(card, msix_pending)
{
	int32_t none[VECTORS] = { -1, -1, -1 };
	int fd;

	up_alone(_metadata, self, 0);
	fd = self->nic.events[1];
	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, MSIX, 0, VECTORS, none));
	EXPECT_FALSE(pending(self, 1));
	ASSERT_EQ(0, host_frame(self, 1));
	ASSERT_TRUE(wait_used_index(&self->nic.vq[VNIC_RX], 1));
	/* The interrupt comes after the index. */
	EXPECT_EQ(0, event_wait(fd, QUIET_MS));
	EXPECT_TRUE(pending(self, 1));
	EXPECT_FALSE(pending(self, 0));
	EXPECT_FALSE(pending(self, 2));
	ASSERT_EQ(0, vnic_interrupts(&self->nic, &self->v));
	EXPECT_EQ(1, event_wait(fd, DEADLINE_MS));
	EXPECT_FALSE(pending(self, 1));
}

/*
 * The table is the guest's memory: masks in it are for VFIO's user, who shows
 * the guest a table of its own and never writes this one. Reserved bits and
 * what lies behind the table cannot be written.
 */
TEST_F(card, msix_table)
{
	int cap = pci_find_cap(&self->v, PCI_CAP_ID_MSIX, 0);
	uint32_t where = pci_read(&self->v, 4, cap + PCI_MSIX_TABLE);
	uint32_t pba = pci_read(&self->v, 4, cap + PCI_MSIX_PBA);
	unsigned int i, bar = where & 7, size;
	uint64_t table = where & ~7U;

	size = (pci_read(&self->v, 2, cap + PCI_MSIX_FLAGS) & 0x7ff) + 1;
	EXPECT_LE(table + size * 16, self->v.regions[bar].size);
	EXPECT_EQ(bar, pba & 7);
	EXPECT_LE(table + size * 16, pba & ~7U);
	for (i = 0; i < size; i++) {
		uint64_t entry = table + i * 16;

		EXPECT_EQ(1, vdev_read(&self->v, bar, 4, entry + 12));
		vdev_write(&self->v, bar, 4, entry, 0xfee00000 + i * 4);
		vdev_write(&self->v, bar, 4, entry + 4, i);
		vdev_write(&self->v, bar, 4, entry + 8, 0x4000 + i);
		vdev_write(&self->v, bar, 4, entry + 12, 0);
	}
	for (i = 0; i < size; i++) {
		uint64_t entry = table + i * 16;

		EXPECT_EQ(0xfee00000 + i * 4,
			  vdev_read(&self->v, bar, 4, entry));
		EXPECT_EQ(i, vdev_read(&self->v, bar, 4, entry + 4));
		EXPECT_EQ(0x4000 + i, vdev_read(&self->v, bar, 4, entry + 8));
		EXPECT_EQ(0, vdev_read(&self->v, bar, 4, entry + 12));
	}
	/* Pending bits are read only. */
	vdev_write(&self->v, bar, 8, pba & ~7U, ~0ULL);
	EXPECT_EQ(0, vdev_read(&self->v, bar, 8, pba & ~7U));
	ASSERT_EQ(0, vdev_reset(&self->v));
	for (i = 0; i < size; i++) {
		EXPECT_EQ(1, vdev_read(&self->v, bar, 4, table + i * 16 + 12));
	}
}

/* Eventfds come and go in traffic. */
TEST_F(card, eventfds_change_in_traffic)
{
	uint8_t in[VNIC_SLOT];
	int i, got = 0;

	card_up(_metadata, self, 0);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, vdev_irq_disable(&self->v, MSIX));
		ASSERT_EQ(0, host_frame(self, i));
		ASSERT_EQ(0, vnic_interrupts(&self->nic, &self->v));
		while (vnic_recv(&self->nic, in, sizeof(in), 0) > 0)
			got++;
	}
	/* The last may still be on their way. */
	while (got < 100 && vnic_recv(&self->nic, in, sizeof(in), DEADLINE_MS) > 0)
		got++;
	ASSERT_EQ(100, got);
	both_directions(_metadata, self->net, &self->nic, 3);
}

/* Errors, which there are none of, and the release request: as any other, one eventfd. */
TEST_F(card, errors_and_requests)
{
	static const uint32_t indexes[] = {
		VFIO_PCI_ERR_IRQ_INDEX, VFIO_PCI_REQ_IRQ_INDEX,
	};
	int32_t fds[ARRAY_SIZE(indexes)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(indexes); i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ASSERT_LE(0, fds[i]);
		ASSERT_EQ(0, vdev_irq_eventfds(&self->v, indexes[i], 0, 1,
					       &fds[i]));
		ASSERT_EQ(0, irq(self, indexes[i], NONE | TRIGGER, 0, 1));
		EXPECT_EQ(1, event_wait(fds[i], DEADLINE_MS));
		EXPECT_EQ(-ENOTTY, irq(self, indexes[i], NONE | MASK, 0, 1));
		ASSERT_EQ(0, vdev_irq_disable(&self->v, indexes[i]));
		/* There is nothing to signal: as vfio-pci. */
		EXPECT_EQ(-EINVAL, irq(self, indexes[i], NONE | TRIGGER, 0, 1));
		EXPECT_EQ(0, event_wait(fds[i], 0));
		ASSERT_EQ(0, vdev_irq_eventfds(&self->v, indexes[i], 0, 1,
					       &fds[i]));
	}
	/* It lets go of them when it is closed. */
	vdev_close(&self->v);
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
	for (i = 0; i < ARRAY_SIZE(indexes); i++) {
		EXPECT_EQ(-EINVAL, irq(self, indexes[i], NONE | TRIGGER, 0, 1));
		EXPECT_EQ(0, event_wait(fds[i], 0));
		close(fds[i]);
	}
}

TEST_HARNESS_MAIN
