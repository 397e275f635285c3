// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSI, beside INTx and MSI-X: the capability, what VFIO's user sets up, masks, pending
 * vectors, the state. VFIO_DEVICE_SET_IRQS answers as vfio-pci does.
 */
#include "pci_only.h"

#include "faults.h"

#include <linux/pci_regs.h>

#define NONE		VFIO_IRQ_SET_DATA_NONE
#define BOOL		VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD		VFIO_IRQ_SET_DATA_EVENTFD
#define MASK		VFIO_IRQ_SET_ACTION_MASK
#define UNMASK		VFIO_IRQ_SET_ACTION_UNMASK
#define TRIGGER		VFIO_IRQ_SET_ACTION_TRIGGER

#define INTX		VFIO_PCI_INTX_IRQ_INDEX
#define MSI		VFIO_PCI_MSI_IRQ_INDEX
#define MSIX		VFIO_PCI_MSIX_IRQ_INDEX

FIXTURE_VARIANT_ADD(po, iommufd) { .how = VDEV_IOMMUFD, .type = "msi" };

FIXTURE_VARIANT_ADD(po, group) { .how = VDEV_GROUP, .type = "msi" };

FIXTURE_VARIANT_ADD(po, all_iommufd) { .how = VDEV_IOMMUFD, .type = "all" };

FIXTURE_VARIANT_ADD(po, all_group) { .how = VDEV_GROUP, .type = "all" };

#define HAS_ALL		(!strcmp(variant->type, "all"))
/* Vectors of MSI; whether each has a mask. */
#define NR		(HAS_ALL ? 1 : PO_VECTORS)
#define MASKABLE	(!HAS_ALL)

static int irq(FIXTURE_DATA(po) *self, uint32_t index, uint32_t flags,
	       uint32_t start, uint32_t count)
{
	return vdev_irq_set(&self->v, index, flags, start, count, NULL, 0);
}

/* Which of the eventfds were signalled, a bit for each. */
static unsigned int signalled(FIXTURE_DATA(po) *self)
{
	unsigned int i, bits = 0;

	for (i = 0; i < PO_VECTORS; i++) {
		if (event_wait(self->fds[i], 0) > 0)
			bits |= 1 << i;
	}
	return bits;
}

static int set_up(FIXTURE_DATA(po) *self, unsigned int nr)
{
	return vdev_irq_eventfds(&self->v, MSI, 0, nr, self->fds);
}

static uint32_t msi_read(FIXTURE_DATA(po) *self, unsigned int size,
			 unsigned int reg)
{
	int cap = pci_find_cap(&self->v, PCI_CAP_ID_MSI, 0);

	return cap > 0 ? pci_read(&self->v, size, cap + reg) : ~0U;
}

static int msi_write(FIXTURE_DATA(po) *self, unsigned int size,
		     unsigned int reg, uint32_t value)
{
	int cap = pci_find_cap(&self->v, PCI_CAP_ID_MSI, 0);

	return cap > 0 ? pci_write(&self->v, size, cap + reg, value) : -ENOENT;
}

static uint32_t pending(FIXTURE_DATA(po) *self)
{
	return msi_read(self, 4, PCI_MSI_PENDING_64);
}

static int raise_one(FIXTURE_DATA(po) *self, unsigned int vector)
{
	return po_write(&self->v, PO_RAISE, vector);
}

TEST_F(po, info)
{
	static const uint32_t flags[VFIO_PCI_NUM_IRQS] = {
		[INTX] = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
			 VFIO_IRQ_INFO_AUTOMASKED,
		[MSI] = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE,
		[MSIX] = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE,
		[VFIO_PCI_ERR_IRQ_INDEX] = VFIO_IRQ_INFO_EVENTFD |
					   VFIO_IRQ_INFO_NORESIZE,
		[VFIO_PCI_REQ_IRQ_INDEX] = VFIO_IRQ_INFO_EVENTFD |
					   VFIO_IRQ_INFO_NORESIZE,
	};
	const uint32_t counts[VFIO_PCI_NUM_IRQS] = {
		1, NR, HAS_ALL ? 2 : 0, 1, 1,
	};
	struct vfio_irq_info info;
	unsigned int i;

	for (i = 0; i < VFIO_PCI_NUM_IRQS; i++) {
		ASSERT_EQ(0, vdev_irq_info(&self->v, i, &info));
		EXPECT_EQ(counts[i], info.count);
		EXPECT_EQ(flags[i], info.flags);
	}
	EXPECT_EQ(-EINVAL, vdev_irq_info(&self->v, i, &info));
}

TEST_F(po, capability)
{
	const uint16_t fixed = PCI_MSI_FLAGS_64BIT |
			       (MASKABLE ? PCI_MSI_FLAGS_MASKBIT | 2 << 1 : 0);

	EXPECT_EQ(fixed, msi_read(self, 2, PCI_MSI_FLAGS));
	ASSERT_EQ(0, msi_write(self, 2, PCI_MSI_FLAGS, 0xffff));
	EXPECT_EQ(fixed | PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE,
		  msi_read(self, 2, PCI_MSI_FLAGS));
	ASSERT_EQ(0, msi_write(self, 4, PCI_MSI_ADDRESS_LO, ~0U));
	ASSERT_EQ(0, msi_write(self, 4, PCI_MSI_ADDRESS_HI, ~0U));
	ASSERT_EQ(0, msi_write(self, 4, PCI_MSI_DATA_64, ~0U));
	EXPECT_EQ(~3U, msi_read(self, 4, PCI_MSI_ADDRESS_LO));
	EXPECT_EQ(~0U, msi_read(self, 4, PCI_MSI_ADDRESS_HI));
	EXPECT_EQ(0xffff, msi_read(self, 4, PCI_MSI_DATA_64));
	ASSERT_EQ(0, msi_write(self, 4, PCI_MSI_MASK_64, ~0U));
	ASSERT_EQ(0, msi_write(self, 4, PCI_MSI_PENDING_64, ~0U));
	EXPECT_EQ(MASKABLE ? 0xf : 0, msi_read(self, 4, PCI_MSI_MASK_64));
	EXPECT_EQ(0, pending(self));
	ASSERT_EQ(0, vdev_reset(&self->v));
	EXPECT_EQ(fixed, msi_read(self, 2, PCI_MSI_FLAGS));
	EXPECT_EQ(0, msi_read(self, 4, PCI_MSI_MASK_64));
	EXPECT_EQ(HAS_ALL, pci_find_cap(&self->v, PCI_CAP_ID_MSIX, 0) > 0);
}

/* What the driver is told of how many it may use. */
TEST_F(po, vectors_in_use)
{
	unsigned int i;

	EXPECT_EQ(0, po_read(&self->v, PO_NR_MSI));
	for (i = 0; i < 8; i++) {
		unsigned int nr = 1U << i;

		ASSERT_EQ(0, msi_write(self, 2, PCI_MSI_FLAGS,
				       PCI_MSI_FLAGS_ENABLE | i << 4));
		EXPECT_EQ(nr < NR ? nr : NR, po_read(&self->v, PO_NR_MSI));
	}
	/* What is set up says more than what is enabled. */
	ASSERT_EQ(0, msi_write(self, 2, PCI_MSI_FLAGS, 0));
	for (i = 1; i <= NR; i++) {
		ASSERT_EQ(0, set_up(self, i));
		EXPECT_EQ(i, po_read(&self->v, PO_NR_MSI));
		ASSERT_EQ(0, vdev_irq_disable(&self->v, MSI));
		EXPECT_EQ(0, po_read(&self->v, PO_NR_MSI));
	}
}

TEST_F(po, loopback)
{
	uint8_t pattern[PO_VECTORS] = { 1, 0, 1, 0 }, yes = 1;
	int32_t none = -1;
	unsigned int i;

	/* Not before it is set up. */
	EXPECT_EQ(-EINVAL, irq(self, MSI, NONE | TRIGGER, 0, 1));
	EXPECT_EQ(-EINVAL, vdev_irq_set(&self->v, MSI, BOOL | TRIGGER, 0, 1,
					&yes, 1));
	EXPECT_EQ(-EINVAL, vdev_irq_disable(&self->v, MSI));
	EXPECT_EQ(-EINVAL, set_up(self, 0));
	ASSERT_EQ(0, set_up(self, NR));
	for (i = 0; i < NR; i++) {
		ASSERT_EQ(0, irq(self, MSI, NONE | TRIGGER, i, 1));
		EXPECT_EQ(1 << i, signalled(self));
	}
	ASSERT_EQ(0, irq(self, MSI, NONE | TRIGGER, 0, NR));
	EXPECT_EQ((1 << NR) - 1, signalled(self));
	ASSERT_EQ(0, vdev_irq_set(&self->v, MSI, BOOL | TRIGGER, 0, NR,
				  pattern, NR));
	EXPECT_EQ(NR == 1 ? 1 : 5, signalled(self));
	/* One is taken off, and put on again as another. */
	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, MSI, NR - 1, 1, &none));
	ASSERT_EQ(0, irq(self, MSI, NONE | TRIGGER, 0, NR));
	EXPECT_EQ((1 << (NR - 1)) - 1, signalled(self));
	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, MSI, NR - 1, 1,
				       &self->fds[3]));
	ASSERT_EQ(0, irq(self, MSI, NONE | TRIGGER, NR - 1, 1));
	EXPECT_EQ(8, signalled(self));
	ASSERT_EQ(0, set_up(self, 0));
	ASSERT_EQ(0, vdev_irq_disable(&self->v, MSI));
	EXPECT_EQ(-EINVAL, vdev_irq_disable(&self->v, MSI));
	EXPECT_EQ(-EINVAL, irq(self, MSI, NONE | TRIGGER, 0, 1));
	EXPECT_EQ(0, signalled(self));
}

/* VFIO_IRQ_INFO_NORESIZE: the first call says how many there are. */
TEST_F(po, no_resize)
{
	if (NR == 1) {
		ASSERT_EQ(0, set_up(self, 1));
		EXPECT_EQ(-EINVAL, set_up(self, 2));
		return;
	}
	ASSERT_EQ(0, set_up(self, 2));
	EXPECT_EQ(-EINVAL, set_up(self, 3));
	EXPECT_EQ(-EINVAL, vdev_irq_eventfds(&self->v, MSI, 2, 1, self->fds));
	EXPECT_EQ(0, set_up(self, 1));
	/* Signalling one that is not there does nothing. */
	EXPECT_EQ(0, irq(self, MSI, NONE | TRIGGER, 0, 4));
	EXPECT_EQ(3, signalled(self));
	ASSERT_EQ(0, vdev_irq_disable(&self->v, MSI));
	/* Up to the highest of them. */
	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, MSI, 2, 1, &self->fds[2]));
	EXPECT_EQ(0, set_up(self, 3));
	EXPECT_EQ(-EINVAL, set_up(self, 4));
	ASSERT_EQ(0, vdev_irq_disable(&self->v, MSI));
	EXPECT_EQ(0, set_up(self, 4));
}

/* MSI is set up when nothing else is, and nothing else when MSI is. */
TEST_F(po, one_kind_at_a_time)
{
	int32_t none = -1;

	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, INTX, 0, 1, self->fds));
	EXPECT_EQ(-EINVAL, set_up(self, 1));
	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, INTX, 0, 1, &none));
	EXPECT_EQ(-EINVAL, set_up(self, 1));
	ASSERT_EQ(0, vdev_irq_disable(&self->v, INTX));
	if (HAS_ALL) {
		ASSERT_EQ(0, vdev_irq_eventfds(&self->v, MSIX, 0, 2,
					       self->fds));
		EXPECT_EQ(-EINVAL, set_up(self, 1));
		ASSERT_EQ(0, vdev_irq_disable(&self->v, MSIX));
	}
	ASSERT_EQ(0, set_up(self, 1));
	EXPECT_EQ(-EINVAL, vdev_irq_eventfds(&self->v, INTX, 0, 1,
					     self->fds));
	EXPECT_EQ(-EINVAL, vdev_irq_disable(&self->v, INTX));
	EXPECT_EQ(-EINVAL, irq(self, INTX, NONE | MASK, 0, 1));
	EXPECT_EQ(-EINVAL, irq(self, INTX, NONE | UNMASK, 0, 1));
	EXPECT_EQ(-EINVAL, vdev_irq_eventfds(&self->v, MSIX, 0, 1,
					     self->fds));
	EXPECT_EQ(-EINVAL, vdev_irq_disable(&self->v, MSIX));
	EXPECT_EQ(-ENOTTY, irq(self, MSI, NONE | MASK, 0, 1));
	EXPECT_EQ(-ENOTTY, irq(self, MSI, NONE | UNMASK, 0, 1));
	EXPECT_EQ(-ENOTTY, vdev_irq_set(&self->v, MSI, EVENTFD | MASK, 0, 1,
					self->fds, 4));
	/* These are no interrupts of the guest's. */
	EXPECT_EQ(0, vdev_irq_eventfds(&self->v, VFIO_PCI_REQ_IRQ_INDEX, 0, 1,
				       self->fds));
	ASSERT_EQ(0, vdev_irq_disable(&self->v, MSI));
	EXPECT_EQ(0, vdev_irq_eventfds(&self->v, INTX, 0, 1, self->fds));
	if (HAS_ALL) {
		ASSERT_EQ(0, vdev_irq_disable(&self->v, INTX));
		EXPECT_EQ(0, vdev_irq_eventfds(&self->v, MSIX, 0, 2,
					       self->fds));
	}
}

TEST_F(po, bad_arguments)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int32_t fds[4] = { -1, -1, -1, -1 };
	struct vfio_irq_info info;
	unsigned int index;

	for (index = 0; index < VFIO_PCI_NUM_IRQS; index++) {
		ASSERT_EQ(0, vdev_irq_info(&self->v, index, &info));
		EXPECT_EQ(-EINVAL, irq(self, index, NONE | TRIGGER, info.count,
				       1));
		EXPECT_EQ(-EINVAL, irq(self, index, NONE | TRIGGER, 0,
				       info.count + 1));
		EXPECT_EQ(-EINVAL, irq(self, index, NONE | TRIGGER, ~0U, ~0U));
		EXPECT_EQ(-EINVAL, irq(self, index, NONE | TRIGGER, 1, ~0U));
		EXPECT_EQ(-EINVAL, irq(self, index, NONE | TRIGGER | MASK, 0,
				       1));
		EXPECT_EQ(-EINVAL, irq(self, index, NONE | BOOL | TRIGGER, 0,
				       1));
		EXPECT_EQ(-EINVAL, irq(self, index, TRIGGER, 0, 1));
		EXPECT_EQ(-EINVAL, irq(self, index, NONE, 0, 1));
		EXPECT_EQ(-EINVAL, irq(self, index, EVENTFD | TRIGGER, 0, 1));
		EXPECT_EQ(-EINVAL, vdev_irq_set(&self->v, index,
						EVENTFD | TRIGGER, 0, 1, fds,
						3));
	}
	ASSERT_LE(0, null);
	ASSERT_EQ(0, set_up(self, NR));
	/* Eventfds that are none: those that are there stay. */
	memcpy(fds, self->fds, sizeof(fds));
	fds[NR - 1] = null;
	EXPECT_EQ(-EINVAL, vdev_irq_eventfds(&self->v, MSI, 0, NR, fds));
	fds[NR - 1] = 12345;
	EXPECT_EQ(-EBADF, vdev_irq_eventfds(&self->v, MSI, 0, NR, fds));
	fds[NR - 1] = -2;
	EXPECT_EQ(-EINVAL, vdev_irq_eventfds(&self->v, MSI, 0, NR, fds));
	ASSERT_EQ(0, irq(self, MSI, NONE | TRIGGER, 0, NR));
	EXPECT_EQ((1 << NR) - 1, signalled(self));
	/* The first that is none sets up nothing. */
	ASSERT_EQ(0, vdev_irq_disable(&self->v, MSI));
	EXPECT_EQ(-EINVAL, vdev_irq_eventfds(&self->v, MSI, 0, NR, fds));
	EXPECT_EQ(0, po_read(&self->v, PO_NR_MSI));
	EXPECT_EQ(0, vdev_irq_eventfds(&self->v, INTX, 0, 1, self->fds));
	close(null);
}

TEST_F(po, raised)
{
	unsigned int i;

	ASSERT_EQ(0, set_up(self, NR));
	for (i = 0; i < NR; i++) {
		ASSERT_EQ(0, raise_one(self, i));
		EXPECT_EQ(1 << i, signalled(self));
	}
	ASSERT_EQ(0, raise_one(self, NR));
	ASSERT_EQ(0, raise_one(self, 32));
	ASSERT_EQ(0, raise_one(self, ~0U));
	EXPECT_EQ(0, signalled(self));
	EXPECT_EQ(0, pending(self));
	if (!HAS_ALL)
		return;
	ASSERT_EQ(0, vdev_irq_disable(&self->v, MSI));
	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, MSIX, 0, 2, self->fds));
	ASSERT_EQ(0, raise_one(self, 1));
	EXPECT_EQ(2, signalled(self));
}

/* Where neither is in use: the line. The driver has no threads that could unmask it. */
TEST_F(po, intx)
{
	int32_t none = -1;

	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, INTX, 0, 1, self->fds));
	ASSERT_EQ(0, raise_one(self, 0));
	EXPECT_EQ(1, signalled(self));
	ASSERT_EQ(0, raise_one(self, 0));
	EXPECT_EQ(0, signalled(self));
	ASSERT_EQ(0, irq(self, INTX, NONE | UNMASK, 0, 1));
	EXPECT_EQ(1, signalled(self));
	EXPECT_EQ(PCI_STATUS_INTERRUPT, pci_read(&self->v, 2, PCI_STATUS) &
		  PCI_STATUS_INTERRUPT);
	ASSERT_EQ(0, po_write(&self->v, PO_LEVEL, 0));
	EXPECT_EQ(0, pci_read(&self->v, 2, PCI_STATUS) & PCI_STATUS_INTERRUPT);
	ASSERT_EQ(0, irq(self, INTX, NONE | UNMASK, 0, 1));
	EXPECT_EQ(0, signalled(self));
	EXPECT_EQ(-ENOTTY, vdev_irq_set(&self->v, INTX, EVENTFD | UNMASK, 0, 1,
					&self->fds[1], 4));
	EXPECT_EQ(0, vdev_irq_set(&self->v, INTX, EVENTFD | UNMASK, 0, 1,
				  &none, 4));
}

TEST_F(po, masked)
{
	if (!MASKABLE) {
		ASSERT_EQ(0, set_up(self, 1));
		ASSERT_EQ(0, msi_write(self, 4, PCI_MSI_MASK_64, 1));
		ASSERT_EQ(0, raise_one(self, 0));
		EXPECT_EQ(1, signalled(self));
		return;
	}
	ASSERT_EQ(0, set_up(self, 4));
	ASSERT_EQ(0, msi_write(self, 4, PCI_MSI_MASK_64, 0x6));
	ASSERT_EQ(0, raise_one(self, 0));
	ASSERT_EQ(0, raise_one(self, 1));
	ASSERT_EQ(0, raise_one(self, 2));
	EXPECT_EQ(1, signalled(self));
	EXPECT_EQ(6, pending(self));
	EXPECT_EQ(6, msi_read(self, 1, PCI_MSI_PENDING_64));
	EXPECT_EQ(0, msi_read(self, 1, PCI_MSI_PENDING_64 + 1));
	/* They are not the guest's to change. */
	ASSERT_EQ(0, msi_write(self, 4, PCI_MSI_PENDING_64, 0));
	EXPECT_EQ(6, pending(self));
	/* Loopback asks nobody. */
	ASSERT_EQ(0, irq(self, MSI, NONE | TRIGGER, 1, 1));
	EXPECT_EQ(2, signalled(self));
	ASSERT_EQ(0, msi_write(self, 1, PCI_MSI_MASK_64, 0x4));
	EXPECT_EQ(2, signalled(self));
	EXPECT_EQ(4, pending(self));
	/* A reset takes both away. */
	ASSERT_EQ(0, vdev_reset(&self->v));
	EXPECT_EQ(0, signalled(self));
	EXPECT_EQ(0, pending(self));
	EXPECT_EQ(0, msi_read(self, 4, PCI_MSI_MASK_64));
	ASSERT_EQ(0, raise_one(self, 2));
	EXPECT_EQ(4, signalled(self));
}

/* Nobody listens: pending until somebody does. */
TEST_F(po, nobody_listens)
{
	int32_t none[PO_VECTORS] = { -1, -1, -1, -1 };

	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, MSI, 0, NR, none));
	ASSERT_EQ(0, raise_one(self, NR - 1));
	EXPECT_EQ(MASKABLE ? 8 : 0, pending(self));
	ASSERT_EQ(0, set_up(self, NR));
	EXPECT_EQ(1 << (NR - 1), signalled(self));
	EXPECT_EQ(0, pending(self));
	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, MSI, 0, NR, none));
	ASSERT_EQ(0, raise_one(self, 0));
	ASSERT_EQ(0, vdev_irq_disable(&self->v, MSI));
	EXPECT_EQ(0, pending(self));
	ASSERT_EQ(0, set_up(self, NR));
	EXPECT_EQ(0, signalled(self));
}

static int state(FIXTURE_DATA(po) *self, unsigned int what)
{
	int ret = po_write(&self->v, PO_STATE, what);

	return ret ? ret : (int)po_read(&self->v, PO_STATE);
}

/* A byte of what was saved of configuration space. */
static int saved(FIXTURE_DATA(po) *self, unsigned int offset)
{
	uint8_t byte;

	if (pread(self->v.fd, &byte, 1, po_at(PO_OWN, PO_SAVED + offset)) != 1)
		return -errno;
	return byte;
}

static bool save_as(FIXTURE_DATA(po) *self, unsigned int offset, uint8_t byte)
{
	return pwrite(self->v.fd, &byte, 1,
		      po_at(PO_OWN, PO_SAVED + offset)) == 1;
}

/* A stopped device is silent; what was raised meanwhile is in its state. */
TEST_F(po, state_has_pending)
{
	int cap = pci_find_cap(&self->v, PCI_CAP_ID_MSI, 0);
	unsigned int bits = cap + PCI_MSI_PENDING_64;

	ASSERT_EQ(0, set_up(self, NR));
	ASSERT_EQ(0, state(self, PO_STOP));
	ASSERT_EQ(0, raise_one(self, 0));
	EXPECT_EQ(0, signalled(self));
	ASSERT_EQ(0, state(self, PO_SAVE));
	EXPECT_EQ(MASKABLE, saved(self, bits));
	ASSERT_EQ(0, state(self, PO_START));
	EXPECT_EQ(1, signalled(self));
	EXPECT_EQ(0, pending(self));
	if (!MASKABLE)
		return;
	ASSERT_EQ(0, state(self, PO_STOP));
	ASSERT_TRUE(save_as(self, bits, 0xc));
	ASSERT_TRUE(save_as(self, cap + PCI_MSI_MASK_64, 0x4));
	ASSERT_EQ(0, state(self, PO_LOAD));
	EXPECT_EQ(0xc, pending(self));
	EXPECT_EQ(0, signalled(self));
	ASSERT_EQ(0, state(self, PO_START));
	EXPECT_EQ(8, signalled(self));
	EXPECT_EQ(4, pending(self));
	ASSERT_EQ(0, msi_write(self, 4, PCI_MSI_MASK_64, 0));
	EXPECT_EQ(4, signalled(self));
}

TEST_F(po, bad_state)
{
	int cap = pci_find_cap(&self->v, PCI_CAP_ID_MSI, 0);
	const unsigned int fixed[] = {
		PCI_VENDOR_ID, PCI_BASE_ADDRESS_0, PCI_CLASS_DEVICE,
		cap + PCI_MSI_FLAGS, cap + PCI_MSI_FLAGS + 1,
		cap + PCI_MSI_ADDRESS_LO, cap + PCI_MSI_MASK_64 + 1,
		cap + PCI_MSI_PENDING_64 + 1,
	};
	const uint8_t flip[] = { 0x80, 1, 4, 2, 1, 1, 1, 1 };
	unsigned int i;

	ASSERT_EQ(0, set_up(self, NR));
	ASSERT_EQ(0, state(self, PO_STOP));
	ASSERT_EQ(0, state(self, PO_SAVE));
	for (i = 0; i < ARRAY_SIZE(fixed); i++) {
		int byte = saved(self, fixed[i]);

		ASSERT_LE(0, byte);
		ASSERT_TRUE(save_as(self, fixed[i], byte ^ flip[i]));
		EXPECT_EQ(-EINVAL, state(self, PO_LOAD)) {
			TH_LOG("byte 0x%x", fixed[i]);
		}
		ASSERT_TRUE(save_as(self, fixed[i], byte));
	}
	/* A vector that there is not. */
	ASSERT_TRUE(save_as(self, cap + PCI_MSI_PENDING_64, 0x10));
	EXPECT_EQ(-EINVAL, state(self, PO_LOAD));
	EXPECT_EQ(0, pending(self));
	ASSERT_TRUE(save_as(self, cap + PCI_MSI_PENDING_64, 0x1));
	EXPECT_EQ(MASKABLE ? 0 : -EINVAL, state(self, PO_LOAD));
	EXPECT_EQ(MASKABLE, pending(self));
}

TEST_F(po, allocations_fail_in_turn)
{
	struct vdev *v = &self->v;

	REQUIRE_FAIL_NTH();
	/* What fails has changed nothing. */
	ASSERT_EQ(0, set_up(self, NR));
	FAIL_EACH(1, set_up(self, NR), );
	ASSERT_EQ(0, irq(self, MSI, NONE | TRIGGER, 0, NR));
	EXPECT_EQ((1 << NR) - 1, signalled(self));
	ASSERT_EQ(0, vdev_irq_disable(v, MSI));
	FAIL_EACH(1, set_up(self, NR), vdev_irq_disable(v, MSI));
	EXPECT_EQ(0, po_read(v, PO_NR_MSI));
	vdev_close(v);
	FAIL_EACH(1, vdev_open(v, MDEV_UUID_A, variant->how), vdev_close(v));
	ASSERT_EQ(0, vdev_open(v, MDEV_UUID_A, variant->how));
	ASSERT_EQ(0, set_up(self, NR));
	ASSERT_EQ(0, raise_one(self, 0));
	EXPECT_EQ(1, signalled(self));
}

/* Anything may be asked for: a reset brings back a function that works. */
TEST_F(po, random_calls)
{
	uint64_t rng = 7;
	unsigned int i;

	for (i = 0; i < 20000; i++) {
		uint64_t r = rng_next(&rng);
		uint32_t flags = 1U << (r & 3) | 1U << (3 + (r >> 2 & 3));
		int32_t fds[4] = {
			self->fds[r >> 4 & 3], -1, self->fds[r >> 6 & 3],
			r & 256 ? 12345 : self->fds[0],
		};

		switch (r >> 60 & 3) {
		case 0:
			msi_write(self, 4, r >> 50 & 0x14, r >> 9);
			break;
		case 1:
			po_write(&self->v, r >> 50 & 0x14, r >> 9 & 7);
			break;
		default:
			vdev_irq_set(&self->v, r >> 10 & 3, flags,
				     r >> 12 & 3, r >> 14 & 3, fds,
				     r >> 16 & 31 ? sizeof(fds) : 3);
		}
	}
	ASSERT_EQ(0, vdev_reset(&self->v));
	/* Those that were set up. */
	vdev_irq_disable(&self->v, MSI);
	vdev_irq_disable(&self->v, INTX);
	vdev_irq_disable(&self->v, MSIX);
	ASSERT_EQ(0, set_up(self, NR));
	signalled(self);
	ASSERT_EQ(0, raise_one(self, NR - 1));
	EXPECT_EQ(1 << (NR - 1), signalled(self));
}

TEST_HARNESS_MAIN
