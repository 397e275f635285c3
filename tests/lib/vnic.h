/* SPDX-License-Identifier: GPL-2.0-only */
/* A driver for the virtio network card: copied packets. */
#ifndef TESTS_LIB_VNIC_H
#define TESTS_LIB_VNIC_H

#include <linux/if_ether.h>
#include <linux/virtio_net.h>

#include "virtio_pci.h"

#define VNIC_RX		0
#define VNIC_TX		1
#define VNIC_PAIRS	8
#define VNIC_QUEUES	(2 * VNIC_PAIRS + 1)
#define VNIC_SLOT	4096
#define VNIC_TX_MAX	512
#define VNIC_HDR	sizeof(struct virtio_net_hdr_v1)
/* The longest frame: 64 KiB of IP and the Ethernet header. */
#define VNIC_BIG	(65535 + ETH_HLEN)
/* The protocol of all frames that tests send: IEEE's for experiments. */
#define VNIC_PROTO	0x88b5
/* What the source address of all frames begins with that tests make. */
#define VNIC_SOURCE	"\2mdev"
#define VNIC_SOURCE_LEN	5

#define VNIC_INDIRECT	(1U << 0)
#define VNIC_EVENT_IDX	(1U << 1)
#define VNIC_INTX	(1U << 2)	/* else MSI-X */

#define VNIC_FEATURE(f)	(1ULL << (f))
#define VNIC_F(f)	VNIC_FEATURE(VIRTIO_NET_F_##f)
/* What the parameter of that name offers. */
#define VNIC_OFFLOADS							\
	(VNIC_F(CSUM) | VNIC_F(GUEST_CSUM) | VNIC_F(HOST_TSO4) |	\
	 VNIC_F(HOST_TSO6) | VNIC_F(HOST_ECN) | VNIC_F(GUEST_TSO4) |	\
	 VNIC_F(GUEST_TSO6) | VNIC_F(GUEST_ECN) | VNIC_F(GUEST_USO4) |	\
	 VNIC_F(GUEST_USO6) | VNIC_F(HOST_USO) | VNIC_F(MRG_RXBUF) |	\
	 VNIC_F(CTRL_GUEST_OFFLOADS) | VNIC_FEATURE(VIRTIO_F_RING_RESET))
#define VNIC_FILTER							\
	(VNIC_F(CTRL_RX) | VNIC_F(CTRL_RX_EXTRA) | VNIC_F(CTRL_VLAN) |	\
	 VNIC_F(CTRL_MAC_ADDR))
#define VNIC_RSS	(VNIC_F(RSS) | VNIC_F(HASH_REPORT))

/**
 * struct vnic_tx - what a transmit queue has free
 * @free: slots that the device does not have
 * @nr_free: how many
 */
struct vnic_tx {
	uint16_t free[VNIC_TX_MAX];
	unsigned int nr_free;
};

/**
 * struct vnic - the card
 * @pci: transport
 * @vdev: device
 * @mem: guest memory, with rings and buffers
 * @pairs: queue pairs that are set up
 * @ctrl: index of the control queue, or 0
 * @nr_vq: queues that are set up, from the first on or the control queue's
 * @hdr: bytes before each frame
 * @vq: by index: receive, transmit, receive, ...
 * @slots: a page per descriptor of each queue
 * @big: room for one long frame
 * @tx: by pair
 * @events: eventfds of configuration changes and the queues
 * @foreign: frames received that no test sent
 * @flags: VNIC_*
 * @features: negotiated
 */
struct vnic {
	struct vpci pci;
	struct vdev *vdev;
	struct guest_mem *mem;
	unsigned int pairs;
	unsigned int ctrl;
	unsigned int nr_vq;
	unsigned int hdr;
	struct vq vq[VNIC_QUEUES];
	uint8_t *slots[VNIC_QUEUES];
	uint8_t *big;
	struct vnic_tx tx[VNIC_PAIRS];
	int32_t events[VNIC_QUEUES + 1];
	unsigned int foreign;
	unsigned int flags;
	uint64_t features;
};

int vnic_up(struct vnic *nic, struct vdev *vdev, struct guest_mem *mem,
	    uint16_t num, unsigned int flags);
int vnic_up_with(struct vnic *nic, struct vdev *vdev, struct guest_mem *mem,
		 uint16_t num, unsigned int flags, uint64_t features,
		 unsigned int pairs);
int vnic_interrupts(struct vnic *nic, struct vdev *vdev);
int vnic_move(struct vnic *nic, struct vdev *vdev);
void vnic_down(struct vnic *nic);
int vnic_quiet(struct vnic *nic);
int vnic_send(struct vnic *nic, const void *frame, size_t len);
int vnic_sent(struct vnic *nic, int ms);
int vnic_send_parts(struct vnic *nic, uint64_t iova, unsigned int nr,
		    uint64_t step);
int vnic_recv(struct vnic *nic, void *frame, size_t size, int ms);
int vnic_send_on(struct vnic *nic, unsigned int pair, const void *hdr,
		 const void *frame, size_t len);
int vnic_recv_on(struct vnic *nic, unsigned int pair, void *hdr, void *frame,
		 size_t size, int ms);
int vnic_recv_any(struct vnic *nic, unsigned int pair, void *hdr, void *frame,
		  size_t size, int ms);
bool vnic_is_own(const void *frame, size_t len);
int vnic_command(struct vnic *nic, unsigned int class, unsigned int command,
		 const void *data, size_t len);
int vnic_command_raw(struct vnic *nic, const void *out, size_t len,
		     size_t room);
int vnic_set_pairs(struct vnic *nic, uint16_t pairs);
void vnic_mac(struct vnic *nic, uint8_t *mac);

#endif /* TESTS_LIB_VNIC_H */
