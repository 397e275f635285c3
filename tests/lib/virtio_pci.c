// SPDX-License-Identifier: GPL-2.0-only
#include "virtio_pci.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <sched.h>
#include <string.h>

static int read_cap(struct vpci *p, int cap)
{
	unsigned int type = pci_read(p->vdev, 1, cap + 3);
	struct vpci_window *win;

	if (!type || type > VIRTIO_PCI_CAP_PCI_CFG)
		return 0;
	win = &p->win[type];
	if (win->cap)
		return 0;
	win->cap = cap;
	win->bar = pci_read(p->vdev, 1, cap + 4);
	win->offset = pci_read(p->vdev, 4, cap + 8);
	win->length = pci_read(p->vdev, 4, cap + 12);
	if (type == VIRTIO_PCI_CAP_NOTIFY_CFG)
		p->notify_mult = pci_read(p->vdev, 4, cap + 16);
	if (win->bar >= PCI_STD_NUM_BARS)
		return -EINVAL;
	return 0;
}

/* Finds the device's structures; the device is not touched. */
int vpci_init(struct vpci *p, struct vdev *vdev)
{
	int cap = 0, ret;

	memset(p, 0, sizeof(*p));
	p->vdev = vdev;
	while ((cap = pci_find_cap(vdev, PCI_CAP_ID_VNDR, cap)) > 0) {
		ret = read_cap(p, cap);
		if (ret)
			return ret;
	}
	if (cap < 0)
		return cap;
	if (!p->win[VIRTIO_PCI_CAP_COMMON_CFG].length ||
	    !p->win[VIRTIO_PCI_CAP_NOTIFY_CFG].length ||
	    !p->win[VIRTIO_PCI_CAP_ISR_CFG].length)
		return -ENXIO;
	return 0;
}

uint64_t vpci_read(struct vpci *p, unsigned int cfg, unsigned int size,
		   unsigned int offset)
{
	return vdev_read(p->vdev, p->win[cfg].bar, size,
			 p->win[cfg].offset + offset);
}

int vpci_write(struct vpci *p, unsigned int cfg, unsigned int size,
	       unsigned int offset, uint64_t value)
{
	return vdev_write(p->vdev, p->win[cfg].bar, size,
			  p->win[cfg].offset + offset, value);
}

/* Width of a field of the common configuration. */
static unsigned int common_size(unsigned int offset)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
	case VIRTIO_PCI_COMMON_DF:
	case VIRTIO_PCI_COMMON_GFSELECT:
	case VIRTIO_PCI_COMMON_GF:
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return 4;
	case VIRTIO_PCI_COMMON_STATUS:
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return 1;
	default:
		return 2;
	}
}

uint32_t vpci_common(struct vpci *p, unsigned int offset)
{
	return vpci_read(p, VIRTIO_PCI_CAP_COMMON_CFG, common_size(offset),
			 offset);
}

int vpci_set_common(struct vpci *p, unsigned int offset, uint64_t value)
{
	return vpci_write(p, VIRTIO_PCI_CAP_COMMON_CFG, common_size(offset),
			  offset, value);
}

uint8_t vpci_status(struct vpci *p)
{
	return vpci_common(p, VIRTIO_PCI_COMMON_STATUS);
}

int vpci_set_status(struct vpci *p, uint8_t status)
{
	return vpci_set_common(p, VIRTIO_PCI_COMMON_STATUS, status);
}

/* The driver's own reset: status 0, and wait until it reads 0. */
int vpci_reset(struct vpci *p)
{
	int64_t deadline = deadline_ms(DEADLINE_MS);
	int ret = vpci_set_status(p, 0);

	if (ret)
		return ret;
	while (vpci_status(p)) {
		if (!deadline_left(deadline))
			return -ETIMEDOUT;
		sched_yield();
	}
	return 0;
}

static uint64_t read_features(struct vpci *p, unsigned int select,
			      unsigned int value)
{
	uint64_t features;

	vpci_set_common(p, select, 1);
	features = vpci_common(p, value);
	vpci_set_common(p, select, 0);
	return features << 32 | vpci_common(p, value);
}

uint64_t vpci_device_features(struct vpci *p)
{
	return read_features(p, VIRTIO_PCI_COMMON_DFSELECT,
			     VIRTIO_PCI_COMMON_DF);
}

uint64_t vpci_driver_features(struct vpci *p)
{
	return read_features(p, VIRTIO_PCI_COMMON_GFSELECT,
			     VIRTIO_PCI_COMMON_GF);
}

void vpci_set_features(struct vpci *p, uint64_t features)
{
	vpci_set_common(p, VIRTIO_PCI_COMMON_GFSELECT, 0);
	vpci_set_common(p, VIRTIO_PCI_COMMON_GF, (uint32_t)features);
	vpci_set_common(p, VIRTIO_PCI_COMMON_GFSELECT, 1);
	vpci_set_common(p, VIRTIO_PCI_COMMON_GF, features >> 32);
}

/* From reset to FEATURES_OK; -EOPNOTSUPP if the device does not agree. */
int vpci_negotiate(struct vpci *p, uint64_t features)
{
	uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
	int ret = vpci_reset(p);

	if (ret)
		return ret;
	vpci_set_status(p, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	vpci_set_status(p, status);
	vpci_set_features(p, features);
	status |= VIRTIO_CONFIG_S_FEATURES_OK;
	vpci_set_status(p, status);
	return vpci_status(p) == status ? 0 : -EOPNOTSUPP;
}

static void set_addr(struct vpci *p, unsigned int offset, uint64_t addr)
{
	vpci_set_common(p, offset, (uint32_t)addr);
	vpci_set_common(p, offset + 4, addr >> 32);
}

/* Gives the device a ring; -EINVAL if it does not take it or the vector. */
int vpci_set_queue(struct vpci *p, unsigned int index, const struct vq *vq,
		   uint16_t vector)
{
	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_SELECT, index);
	if (vpci_common(p, VIRTIO_PCI_COMMON_Q_SIZE) < vq->num)
		return -EINVAL;
	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_SIZE, vq->num);
	set_addr(p, VIRTIO_PCI_COMMON_Q_DESCLO, vq->desc_iova);
	set_addr(p, VIRTIO_PCI_COMMON_Q_AVAILLO, vq->avail_iova);
	set_addr(p, VIRTIO_PCI_COMMON_Q_USEDLO, vq->used_iova);
	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_MSIX, vector);
	if (vpci_common(p, VIRTIO_PCI_COMMON_Q_MSIX) != vector)
		return -EINVAL;
	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_ENABLE, 1);
	if (vpci_common(p, VIRTIO_PCI_COMMON_Q_ENABLE) != 1)
		return -EINVAL;
	return 0;
}

int vpci_kick(struct vpci *p, unsigned int index)
{
	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_SELECT, index);
	return vpci_kick_at(p, vpci_kick_offset(p), index);
}

/* Where the selected queue is kicked: for vpci_kick_at(). */
unsigned int vpci_kick_offset(struct vpci *p)
{
	return vpci_common(p, VIRTIO_PCI_COMMON_Q_NOFF) * p->notify_mult;
}

/* A kick and nothing but the kick, as a driver does it. */
int vpci_kick_at(struct vpci *p, unsigned int offset, unsigned int index)
{
	return vpci_write(p, VIRTIO_PCI_CAP_NOTIFY_CFG, 2, offset, index);
}

/* 0 as soon as the device has said that it needs a reset. */
int vpci_wait_needs_reset(struct vpci *p, int ms)
{
	int64_t deadline = deadline_ms(ms);

	while (!(vpci_status(p) & VIRTIO_CONFIG_S_NEEDS_RESET)) {
		if (!deadline_left(deadline))
			return -ETIMEDOUT;
		sched_yield();
	}
	return 0;
}

/*
 * As a guest does: unmasks every vector in the table and sets the enable bit;
 * or clears it.
 */
int vpci_msix_enable(struct vpci *p, bool enable)
{
	int cap = pci_find_cap(p->vdev, PCI_CAP_ID_MSIX, 0);
	unsigned int control, table, i;

	if (cap <= 0)
		return -ENXIO;
	control = pci_read(p->vdev, 2, cap + PCI_MSIX_FLAGS);
	table = pci_read(p->vdev, 4, cap + PCI_MSIX_TABLE);
	for (i = 0; enable && i <= (control & PCI_MSIX_FLAGS_QSIZE); i++) {
		uint64_t entry = (table & PCI_MSIX_TABLE_OFFSET) +
				 i * PCI_MSIX_ENTRY_SIZE;
		unsigned int bar = table & PCI_MSIX_TABLE_BIR;

		vdev_write(p->vdev, bar, 4, entry, 0xfee00000);
		vdev_write(p->vdev, bar, 4, entry + 4, 0);
		vdev_write(p->vdev, bar, 4, entry + 8, 0x20 + i);
		vdev_write(p->vdev, bar, 4, entry + 12, 0);
	}
	control &= ~(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	return pci_write(p->vdev, 2, cap + PCI_MSIX_FLAGS,
			 control | (enable ? PCI_MSIX_FLAGS_ENABLE : 0));
}
