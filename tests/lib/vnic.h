/* SPDX-License-Identifier: GPL-2.0-only */
/* A driver for the virtio network card: one queue pair, copied packets. */
#ifndef TESTS_LIB_VNIC_H
#define TESTS_LIB_VNIC_H

#include <linux/if_ether.h>
#include <linux/virtio_net.h>

#include "virtio_pci.h"

#define VNIC_RX		0
#define VNIC_TX		1
#define VNIC_SLOT	4096
#define VNIC_TX_MAX	512
#define VNIC_HDR	sizeof(struct virtio_net_hdr_v1)
/* The protocol of all frames that tests send: IEEE's for experiments. */
#define VNIC_PROTO	0x88b5

#define VNIC_INDIRECT	(1U << 0)
#define VNIC_EVENT_IDX	(1U << 1)
#define VNIC_INTX	(1U << 2)	/* else MSI-X */

#define VNIC_FEATURE(f)	(1ULL << (f))

/**
 * struct vnic - the card
 * @pci: transport
 * @vdev: device
 * @mem: guest memory, with rings and buffers
 * @vq: receive and transmit queue
 * @slots: a page per descriptor of each queue
 * @free_tx: transmit slots that the device does not have
 * @nr_free_tx: how many
 * @events: eventfds of configuration changes and the queues
 * @flags: VNIC_*
 * @features: negotiated
 */
struct vnic {
	struct vpci pci;
	struct vdev *vdev;
	struct guest_mem *mem;
	struct vq vq[2];
	uint8_t *slots[2];
	uint16_t free_tx[VNIC_TX_MAX];
	unsigned int nr_free_tx;
	int32_t events[3];
	unsigned int flags;
	uint64_t features;
};

int vnic_up(struct vnic *nic, struct vdev *vdev, struct guest_mem *mem,
	    uint16_t num, unsigned int flags);
int vnic_interrupts(struct vnic *nic, struct vdev *vdev);
int vnic_move(struct vnic *nic, struct vdev *vdev);
void vnic_down(struct vnic *nic);
int vnic_quiet(struct vnic *nic);
int vnic_send(struct vnic *nic, const void *frame, size_t len);
int vnic_sent(struct vnic *nic, int ms);
int vnic_recv(struct vnic *nic, void *frame, size_t size, int ms);
void vnic_mac(struct vnic *nic, uint8_t *mac);

#endif /* TESTS_LIB_VNIC_H */
