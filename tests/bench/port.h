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

#include "measure.h"
#include "vhost_net.h"
#include "vnic.h"

/* The most queue pairs. */
#define PORT_PAIRS	4
/* Descriptors of a ring: the most that ours can have. */
#define PORT_RING	256
#define PORT_RX		VNIC_RX
#define PORT_TX		VNIC_TX
/* Sequence numbers begin with the number of the pair. */
#define PORT_SEQ_SHIFT	28
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
/* Several queue pairs: ours is told how many, the peer has so many devices. */
#define PORT_MQ		(VNIC_F(CTRL_VQ) | VNIC_F(MQ))
/* All that can be set through our control queue. */
#define PORT_TABLES	(PORT_MQ | VNIC_FILTER | VNIC_RSS)

enum port_side {
	PORT_OURS,
	PORT_PEER,
	PORT_SIDES,
};

/**
 * struct port_pair - a queue pair, and the driver's buffers for it
 * @port: whose
 * @index: which
 * @vq: receive and transmit queue
 * @events: eventfds of their interrupts
 * @tx_free: transmit buffers that the device does not have
 * @nr_tx_free: how many
 * @nr_tx: how many there are
 * @seq: next sequence number in each direction
 * @notify: ours: where the queues are kicked
 */
struct port_pair {
	struct port *port;
	unsigned int index;
	struct vq vq[2];
	int events[2];
	uint8_t *tx_free[PORT_RING];
	unsigned int nr_tx_free;
	unsigned int nr_tx;
	uint32_t seq[2];
	unsigned int notify[2];
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
 * @hdr: bytes before each packet
 * @mem: guest memory
 * @pairs: queue pairs in use
 * @pair: the queue pairs
 * @vdev: ours: device
 * @pci: ours: transport
 * @ctrl: ours: index of the control queue, or 0
 * @ctrl_vq: ours: control queue
 * @ctrl_buf: ours: a command and its answer
 * @vhost: the peer's device for each pair
 */
struct port {
	enum port_side side;
	char ifname[IFNAMSIZ];
	int ifindex;
	uint8_t mac[ETH_ALEN];
	uint8_t guest_mac[ETH_ALEN];
	uint64_t features;
	uint64_t offered;
	unsigned int hdr;
	struct guest_mem mem;
	unsigned int pairs;
	struct port_pair pair[PORT_PAIRS];
	struct vdev vdev;
	struct vpci pci;
	unsigned int ctrl;
	struct vq ctrl_vq;
	uint8_t *ctrl_buf;
	struct vhost_net vhost[PORT_PAIRS];
};

/* Behind the pairs in use. */
static inline struct port_pair *port_end(struct port *p)
{
	return p->pair + p->pairs;
}

const char *port_newest_type(void);
void port_open(struct port *p, enum port_side side, const char *uuid,
	       unsigned int pairs);
void port_close(struct port *p);
void port_up(struct port *p, uint64_t features);
void port_down(struct port *p);
void port_kick(struct port_pair *pp, unsigned int q);
void port_wait(struct port_pair *pp, unsigned int q);
void port_post_rx(struct port_pair *pp, uint8_t *buf);
void port_reap_tx(struct port_pair *pp);
void port_send(struct port_pair *pp, uint8_t *buf, uint32_t len);

/* port_ctrl.c */
int port_ctrl_start(struct port *p);
void port_fill_tables(struct port *p);

#endif /* TESTS_BENCH_PORT_H */
