/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network card under test, with the driver's rings and buffers. Ours, through
 * VFIO, and the host's own, vhost-net with a tap, differ in how they are set up
 * and kicked, and in nothing else.
 *
 * What fails ends the program: a benchmark of something broken is worth nothing.
 */
#ifndef TESTS_BENCH_PORT_H
#define TESTS_BENCH_PORT_H

#include "vhost_net.h"
#include "vnic.h"

/* Descriptors of a ring: the most that ours can have. */
#define PORT_RING	256
#define PORT_RX		VNIC_RX
#define PORT_TX		VNIC_TX
#define PORT_HDR	VNIC_HDR
/* A receive buffer, a transmit buffer, one for the longest packet there is. */
#define PORT_RX_BUF	4096
#define PORT_TX_SHORT	4096
#define PORT_TX_BUF	(68 * 1024)

/* Given to both sides, whatever else they have. */
#define PORT_FEATURES	(VNIC_FEATURE(VIRTIO_F_VERSION_1) | \
			 VNIC_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) | \
			 VNIC_FEATURE(VIRTIO_RING_F_EVENT_IDX))
/* For packets that are longer than the wire's. */
#define PORT_TSO	(VNIC_FEATURE(VIRTIO_NET_F_CSUM) | \
			 VNIC_FEATURE(VIRTIO_NET_F_GUEST_CSUM) | \
			 VNIC_FEATURE(VIRTIO_NET_F_HOST_TSO4) | \
			 VNIC_FEATURE(VIRTIO_NET_F_GUEST_TSO4) | \
			 VNIC_FEATURE(VIRTIO_NET_F_MRG_RXBUF))

enum port_side {
	PORT_OURS,
	PORT_PEER,
	PORT_SIDES,
};

/**
 * struct port - a card
 * @side: whose
 * @ifname: the host's interface
 * @ifindex: likewise
 * @mac: likewise
 * @guest_mac: the card's
 * @features: negotiated
 * @offered: features of the device
 * @mem: guest memory
 * @vq: receive and transmit queue
 * @events: eventfds of their interrupts
 * @tx_free: transmit buffers that the device does not have
 * @nr_tx_free: how many
 * @nr_tx: how many there are
 * @seq: next sequence number in each direction
 * @vdev: ours: device
 * @pci: ours: transport
 * @notify: ours: where the queues are kicked
 * @vhost: the peer's device
 */
struct port {
	enum port_side side;
	char ifname[IFNAMSIZ];
	int ifindex;
	uint8_t mac[ETH_ALEN];
	uint8_t guest_mac[ETH_ALEN];
	uint64_t features;
	uint64_t offered;
	struct guest_mem mem;
	struct vq vq[2];
	int events[2];
	uint8_t *tx_free[PORT_RING];
	unsigned int nr_tx_free;
	unsigned int nr_tx;
	uint32_t seq[2];
	struct vdev vdev;
	struct vpci pci;
	unsigned int notify[2];
	struct vhost_net vhost;
};

__attribute__((format(printf, 1, 2), noreturn))
void die(const char *fmt, ...);

const char *port_newest_type(void);
void port_open(struct port *p, enum port_side side, const char *uuid);
void port_close(struct port *p);
void port_up(struct port *p, uint64_t features);
void port_down(struct port *p);
void port_kick(struct port *p, unsigned int q);
void port_wait(struct port *p, unsigned int q);
void port_post_rx(struct port *p, uint8_t *buf);
void port_reap_tx(struct port *p);
void port_send(struct port *p, uint8_t *buf, uint32_t len);

#endif /* TESTS_BENCH_PORT_H */
