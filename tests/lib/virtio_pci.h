/* SPDX-License-Identifier: GPL-2.0-only */
/* The driver's side of the modern virtio PCI transport, over VFIO. */
#ifndef TESTS_LIB_VIRTIO_PCI_H
#define TESTS_LIB_VIRTIO_PCI_H

#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>

#include "vdev.h"
#include "vring.h"

#define VPCI_NO_VECTOR	0xffff

/**
 * struct vpci_window - a structure of the device in a BAR
 * @bar: which
 * @offset: where
 * @length: bytes, 0 if the device has no such structure
 * @cap: its capability's offset in configuration space
 */
struct vpci_window {
	unsigned int bar;
	uint32_t offset;
	uint32_t length;
	int cap;
};

/**
 * struct vpci - a virtio device
 * @vdev: what it is reached by
 * @win: by VIRTIO_PCI_CAP_*
 * @notify_mult: the notification's distance from queue to queue
 */
struct vpci {
	struct vdev *vdev;
	struct vpci_window win[VIRTIO_PCI_CAP_PCI_CFG + 1];
	uint32_t notify_mult;
};

int vpci_init(struct vpci *p, struct vdev *vdev);
uint64_t vpci_read(struct vpci *p, unsigned int cfg, unsigned int size,
		   unsigned int offset);
int vpci_write(struct vpci *p, unsigned int cfg, unsigned int size,
	       unsigned int offset, uint64_t value);
uint32_t vpci_common(struct vpci *p, unsigned int offset);
int vpci_set_common(struct vpci *p, unsigned int offset, uint64_t value);
uint8_t vpci_status(struct vpci *p);
int vpci_set_status(struct vpci *p, uint8_t status);
int vpci_reset(struct vpci *p);
uint64_t vpci_device_features(struct vpci *p);
uint64_t vpci_driver_features(struct vpci *p);
void vpci_set_features(struct vpci *p, uint64_t features);
int vpci_negotiate(struct vpci *p, uint64_t features);
int vpci_set_queue(struct vpci *p, unsigned int index, const struct vq *vq,
		   uint16_t vector);
int vpci_kick(struct vpci *p, unsigned int index);
unsigned int vpci_kick_offset(struct vpci *p);
int vpci_kick_at(struct vpci *p, unsigned int offset, unsigned int index);
int vpci_wait_needs_reset(struct vpci *p, int ms);
int vpci_msix_enable(struct vpci *p, bool enable);

#endif /* TESTS_LIB_VIRTIO_PCI_H */
