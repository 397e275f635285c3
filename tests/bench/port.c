// SPDX-License-Identifier: GPL-2.0-only
#include "port.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mdev.h"
#include "netif.h"

/* Long transmit buffers. */
#define TX_LONG		64
/* The headers of a long packet: Ethernet's, IP's, TCP's. */
#define TX_HEADERS	54
#define TX_PIECE	32768
/* For each queue pair. */
#define MEM_SIZE	(8UL << 20)
#define MEM_IOVA	(1UL << 20)

/* The mdev type of the newest version there is. */
const char *port_newest_type(void)
{
	static char type[32];
	char path[128];
	int version;

	for (version = 9; version; version--) {
		snprintf(type, sizeof(type), "virtio_net-v%d", version);
		snprintf(path, sizeof(path), MDEV_TYPES "/%s", type);
		if (!access(path, F_OK))
			return type;
	}
	die("there is no mdev type virtio_net-v*");
}

static void open_ours(struct port *p, const char *uuid)
{
	struct port_pair *pp;
	unsigned int i, q;
	int ret;

	ret = mdev_create(port_newest_type(), uuid);
	if (!ret)
		ret = mdev_read(uuid, "netdev", p->ifname, sizeof(p->ifname));
	if (ret >= 0)
		ret = vdev_open(&p->vdev, uuid, VDEV_IOMMUFD);
	if (!ret)
		ret = vdev_map(&p->vdev, &p->mem);
	if (!ret)
		ret = vpci_init(&p->pci, &p->vdev);
	if (ret)
		die("the device cannot be opened: %s", strerror(-ret));
	p->offered = vpci_device_features(&p->pci);
	for (i = 0; i < ETH_ALEN; i++)
		p->guest_mac[i] = vpci_read(&p->pci, VIRTIO_PCI_CAP_DEVICE_CFG,
					    1, i);
	for (pp = p->pair; pp < port_end(p); pp++) {
		for (q = 0; q < 2; q++)
			pp->events[q] = eventfd(0, EFD_CLOEXEC);
	}
}

static void open_peer(struct port *p)
{
	static const uint8_t mac[] = { 2, 0x6d, 0x64, 0x65, 0x76, 1 };
	struct port_pair *pp;
	unsigned int q;
	int ret;

	ret = vhost_net_open(p->vhost, p->pairs);
	if (!ret)
		ret = vhost_net_features(p->vhost, &p->offered);
	if (ret)
		die("vhost-net cannot be opened: %s", strerror(-ret));
	/* These are the tap's. */
	p->offered |= PORT_TSO | PORT_MQ;
	memcpy(p->ifname, p->vhost[0].ifname, sizeof(p->ifname));
	memcpy(p->guest_mac, mac, sizeof(p->guest_mac));
	for (pp = p->pair; pp < port_end(p); pp++) {
		for (q = 0; q < 2; q++)
			pp->events[q] = p->vhost[pp->index].calls[q];
	}
}

/* Makes a card of @pairs queue pairs and its interface, which is down. */
void port_open(struct port *p, enum port_side side, const char *uuid,
	       unsigned int pairs)
{
	struct port_pair *pp;
	int ret;

	memset(p, 0, sizeof(*p));
	p->side = side;
	p->pairs = pairs;
	for (pp = p->pair; pp < port_end(p); pp++) {
		pp->port = p;
		pp->index = pp - p->pair;
		pp->seq[PORT_RX] = pp->index << PORT_SEQ_SHIFT;
		pp->seq[PORT_TX] = pp->index << PORT_SEQ_SHIFT;
	}
	ret = guest_mem_init(&p->mem, MEM_IOVA, pairs * MEM_SIZE);
	if (ret)
		die("no memory for a guest");
	/* All of it is there before the clock runs. */
	memset(p->mem.va, 0, p->mem.size);
	if (side == PORT_OURS)
		open_ours(p, uuid);
	else
		open_peer(p);
	if (netif_address(p->ifname, &p->ifindex, p->mac))
		die("%s has no address", p->ifname);
}

void port_close(struct port *p)
{
	char uuid[sizeof(p->vdev.uuid)];
	struct port_pair *pp;
	unsigned int q;

	if (p->side == PORT_PEER) {
		vhost_net_close(p->vhost, p->pairs);
	} else {
		for (pp = p->pair; pp < port_end(p); pp++) {
			for (q = 0; q < 2; q++)
				close(pp->events[q]);
		}
		memcpy(uuid, p->vdev.uuid, sizeof(uuid));
		vdev_close(&p->vdev);
		mdev_remove(uuid);
	}
	guest_mem_free(&p->mem);
}

/* One piece: the header and the packet, as Linux's driver does it. */
void port_post_rx(struct port_pair *pp, uint8_t *buf)
{
	struct vq_seg seg = { guest_iova(&pp->port->mem, buf), PORT_RX_BUF,
			      true };

	if (vq_add(&pp->vq[PORT_RX], &seg, 1, buf))
		die("no room in the receive ring");
}

/*
 * A packet of @len bytes behind its header in @buf; its ring has room. A short
 * one is one piece; of a long one, the headers are, which lie just before a page,
 * and the payload is in pages, as Linux's sockets have it.
 */
void port_send(struct port_pair *pp, uint8_t *buf, uint32_t len)
{
	uint64_t iova = guest_iova(&pp->port->mem, buf);
	struct vq_seg segs[VQ_TABLE];
	unsigned int nr = 0;
	uint32_t n, at;

	len += pp->port->hdr;
	n = -iova % 4096;
	if (len <= PORT_TX_SHORT || !n)
		n = len;
	for (at = 0; at < len; at += n, n = len - at) {
		if (n > TX_PIECE)
			n = TX_PIECE;
		segs[nr++] = (struct vq_seg) { iova + at, n, false };
	}
	if (vq_add(&pp->vq[PORT_TX], segs, nr, buf))
		die("no room in the transmit ring");
}

/* Takes back the transmit buffers that the device is done with. */
void port_reap_tx(struct port_pair *pp)
{
	uint32_t len;
	uint8_t *buf;

	while ((buf = vq_get(&pp->vq[PORT_TX], &len)))
		pp->tx_free[pp->nr_tx_free++] = buf;
}

static void make_rings(struct port_pair *pp)
{
	struct guest_mem *mem = &pp->port->mem;
	unsigned int i, q;
	uint8_t *bufs;

	for (q = 0; q < 2; q++) {
		if (vq_init(&pp->vq[q], mem, PORT_RING,
			    VQ_INDIRECT | VQ_EVENT_IDX))
			die("no memory for a ring");
	}
	bufs = guest_alloc(mem, PORT_RING * PORT_RX_BUF, 4096);
	if (!bufs)
		die("no memory for the receive buffers");
	for (i = 0; i < PORT_RING; i++)
		port_post_rx(pp, bufs + i * PORT_RX_BUF);
	vq_publish(&pp->vq[PORT_RX]);
}

/* Transmit buffers: many short ones or a few long ones. */
static void make_tx_bufs(struct port_pair *pp, bool is_long)
{
	size_t size = is_long ? PORT_TX_BUF : PORT_TX_SHORT;
	unsigned int nr = is_long ? TX_LONG : PORT_RING;
	unsigned int i;
	uint8_t *bufs;

	bufs = guest_alloc(&pp->port->mem, nr * size, 4096);
	if (!bufs)
		die("no memory for the transmit buffers");
	for (i = 0; i < nr; i++)
		pp->tx_free[i] = bufs + i * size +
				 (is_long ? 4096 - TX_HEADERS - pp->port->hdr :
					    0);
	pp->nr_tx_free = nr;
	pp->nr_tx = nr;
}

/* Queue @q has vector @q + 1. */
static int set_queues(struct port *p)
{
	int events[2 * PORT_PAIRS];
	struct port_pair *pp;
	unsigned int i, q;
	int ret;

	for (pp = p->pair; pp < port_end(p); pp++)
		memcpy(&events[2 * pp->index], pp->events, sizeof(pp->events));
	ret = vdev_irq_eventfds(&p->vdev, VFIO_PCI_MSIX_IRQ_INDEX, 1,
				2 * p->pairs, events);
	if (!ret)
		ret = vpci_msix_enable(&p->pci, true);
	for (pp = p->pair; pp < port_end(p); pp++) {
		for (i = 0; !ret && i < 2; i++) {
			q = 2 * pp->index + i;
			ret = vpci_set_queue(&p->pci, q, &pp->vq[i], q + 1);
			pp->notify[i] = vpci_kick_offset(&p->pci);
		}
	}
	return ret;
}

static int start_ours(struct port *p, uint64_t features)
{
	int ret;

	ret = pci_write(&p->vdev, 2, PCI_COMMAND,
			PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (ret)
		return ret;
	ret = vpci_negotiate(&p->pci, features |
			     VNIC_FEATURE(VIRTIO_F_ACCESS_PLATFORM));
	if (ret)
		return ret;
	ret = set_queues(p);
	if (ret)
		return ret;
	return port_ctrl_start(p);
}

static int start_peer(struct port *p, uint64_t features)
{
	struct port_pair *pp;
	int ret = 0;

	for (pp = p->pair; pp < port_end(p); pp++) {
		if (!ret)
			ret = vhost_net_start(&p->vhost[pp->index], &p->mem,
					      features, pp->vq);
	}
	return ret;
}

static int stop_peer(struct port *p)
{
	struct port_pair *pp;
	int ret = 0;

	for (pp = p->pair; pp < port_end(p); pp++) {
		if (!ret)
			ret = vhost_net_stop(&p->vhost[pp->index]);
	}
	return ret;
}

/*
 * The driver comes up with @features, which both sides must have, and the
 * host's interface with it.
 */
void port_up(struct port *p, uint64_t features)
{
	struct port_pair *pp;
	int ret;

	if (p->pairs > 1)
		features |= PORT_MQ;
	p->features = features;
	p->hdr = features & VNIC_F(HASH_REPORT) ?
		 sizeof(struct virtio_net_hdr_v1_hash) : VNIC_HDR;
	p->mem.used = 0;
	for (pp = p->pair; pp < port_end(p); pp++) {
		make_rings(pp);
		make_tx_bufs(pp, features & VNIC_F(HOST_TSO4));
	}
	if (p->side == PORT_OURS)
		ret = start_ours(p, features);
	else
		ret = start_peer(p, features);
	if (ret)
		die("%s: the device does not start: %s", p->ifname,
		    strerror(-ret));
	for (pp = p->pair; pp < port_end(p); pp++)
		port_kick(pp, PORT_RX);
	ret = netif_up(p->ifname);
	if (ret)
		die("%s does not come up: %s", p->ifname, strerror(-ret));
}

void port_down(struct port *p)
{
	struct port_pair *pp;
	int ret;

	if (p->side == PORT_OURS)
		ret = vpci_reset(&p->pci);
	else
		ret = stop_peer(p);
	if (ret)
		die("%s: the device does not stop: %s", p->ifname,
		    strerror(-ret));
	for (pp = p->pair; pp < port_end(p); pp++) {
		vq_free(&pp->vq[PORT_RX]);
		vq_free(&pp->vq[PORT_TX]);
	}
	vq_free(&p->ctrl_vq);
}

void port_kick(struct port_pair *pp, unsigned int q)
{
	struct port *p = pp->port;
	int ret;

	if (p->side == PORT_OURS)
		ret = vpci_kick_at(&p->pci, pp->notify[q], 2 * pp->index + q);
	else
		ret = vhost_net_kick(&p->vhost[pp->index], q);
	if (ret)
		die("%s: a kick fails: %s", p->ifname, strerror(-ret));
}

/* Until an interrupt comes; the caller's alarm ends the wait. */
void port_wait(struct port_pair *pp, unsigned int q)
{
	uint64_t count;

	if (read(pp->events[q], &count, sizeof(count)) < 0)
		die("%s: no interrupt of queue %u", pp->port->ifname,
		    2 * pp->index + q);
}
