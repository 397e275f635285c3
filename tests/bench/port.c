// SPDX-License-Identifier: GPL-2.0-only
#include "port.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mdev.h"
#include "netif.h"

/* Long transmit buffers. */
#define TX_LONG		64
/* The headers of a long packet: virtio's, Ethernet's, IP's, TCP's. */
#define TX_HEADERS	(PORT_HDR + 54)
#define TX_PIECE	32768
#define MEM_SIZE	(16UL << 20)
#define MEM_IOVA	(1UL << 20)

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("# failed: ");
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
	exit(1);
}

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
	unsigned int q;
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
	for (q = 0; q < ETH_ALEN; q++)
		p->guest_mac[q] = vpci_read(&p->pci, VIRTIO_PCI_CAP_DEVICE_CFG,
					    1, q);
	for (q = 0; q < 2; q++)
		p->events[q] = eventfd(0, EFD_CLOEXEC);
}

static void open_peer(struct port *p)
{
	static const uint8_t mac[] = { 2, 0x6d, 0x64, 0x65, 0x76, 1 };
	unsigned int q;
	int ret;

	ret = vhost_net_open(&p->vhost);
	if (!ret)
		ret = vhost_net_features(&p->vhost, &p->offered);
	if (ret)
		die("vhost-net cannot be opened: %s", strerror(-ret));
	/* These are the tap's. */
	p->offered |= PORT_TSO;
	memcpy(p->ifname, p->vhost.ifname, sizeof(p->ifname));
	memcpy(p->guest_mac, mac, sizeof(p->guest_mac));
	for (q = 0; q < 2; q++)
		p->events[q] = p->vhost.calls[q];
}

/* Makes a card and its interface, which is down. */
void port_open(struct port *p, enum port_side side, const char *uuid)
{
	int ret;

	memset(p, 0, sizeof(*p));
	p->side = side;
	ret = guest_mem_init(&p->mem, MEM_IOVA, MEM_SIZE);
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
	unsigned int q;

	if (p->side == PORT_PEER) {
		vhost_net_close(&p->vhost);
	} else {
		for (q = 0; q < 2; q++)
			close(p->events[q]);
		memcpy(uuid, p->vdev.uuid, sizeof(uuid));
		vdev_close(&p->vdev);
		mdev_remove(uuid);
	}
	guest_mem_free(&p->mem);
}

/* One piece: the header and the packet, as Linux's driver does it. */
void port_post_rx(struct port *p, uint8_t *buf)
{
	struct vq_seg seg = { guest_iova(&p->mem, buf), PORT_RX_BUF, true };

	if (vq_add(&p->vq[PORT_RX], &seg, 1, buf))
		die("no room in the receive ring");
}

/*
 * A packet of @len bytes behind its header in @buf; its ring has room. A short
 * one is one piece; of a long one, the headers are, which lie just before a page,
 * and the payload is in pages, as Linux's sockets have it.
 */
void port_send(struct port *p, uint8_t *buf, uint32_t len)
{
	uint64_t iova = guest_iova(&p->mem, buf);
	struct vq_seg segs[VQ_TABLE];
	unsigned int nr = 0;
	uint32_t n, at;

	len += PORT_HDR;
	n = -iova % 4096;
	if (len <= PORT_TX_SHORT || !n)
		n = len;
	for (at = 0; at < len; at += n, n = len - at) {
		if (n > TX_PIECE)
			n = TX_PIECE;
		segs[nr++] = (struct vq_seg) { iova + at, n, false };
	}
	if (vq_add(&p->vq[PORT_TX], segs, nr, buf))
		die("no room in the transmit ring");
}

/* Takes back the transmit buffers that the device is done with. */
void port_reap_tx(struct port *p)
{
	uint32_t len;
	uint8_t *buf;

	while ((buf = vq_get(&p->vq[PORT_TX], &len)))
		p->tx_free[p->nr_tx_free++] = buf;
}

static void make_rings(struct port *p)
{
	unsigned int i, q;
	uint8_t *bufs;

	p->mem.used = 0;
	for (q = 0; q < 2; q++) {
		if (vq_init(&p->vq[q], &p->mem, PORT_RING,
			    VQ_INDIRECT | VQ_EVENT_IDX))
			die("no memory for a ring");
	}
	bufs = guest_alloc(&p->mem, PORT_RING * PORT_RX_BUF, 4096);
	if (!bufs)
		die("no memory for the receive buffers");
	for (i = 0; i < PORT_RING; i++)
		port_post_rx(p, bufs + i * PORT_RX_BUF);
	vq_publish(&p->vq[PORT_RX]);
}

/* Transmit buffers: many short ones or a few long ones. */
static void make_tx_bufs(struct port *p, bool is_long)
{
	size_t size = is_long ? PORT_TX_BUF : PORT_TX_SHORT;
	unsigned int nr = is_long ? TX_LONG : PORT_RING;
	unsigned int i;
	uint8_t *bufs;

	bufs = guest_alloc(&p->mem, nr * size, 4096);
	if (!bufs)
		die("no memory for the transmit buffers");
	for (i = 0; i < nr; i++)
		p->tx_free[i] = bufs + i * size +
				(is_long ? 4096 - TX_HEADERS : 0);
	p->nr_tx_free = nr;
	p->nr_tx = nr;
}

static int start_ours(struct port *p, uint64_t features)
{
	unsigned int q;
	int ret;

	ret = pci_write(&p->vdev, 2, PCI_COMMAND,
			PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (ret)
		return ret;
	ret = vpci_negotiate(&p->pci, features |
			     VNIC_FEATURE(VIRTIO_F_ACCESS_PLATFORM));
	if (ret)
		return ret;
	ret = vdev_irq_eventfds(&p->vdev, VFIO_PCI_MSIX_IRQ_INDEX, 1, 2,
				p->events);
	if (ret)
		return ret;
	ret = vpci_msix_enable(&p->pci, true);
	if (ret)
		return ret;
	for (q = 0; q < 2; q++) {
		ret = vpci_set_queue(&p->pci, q, &p->vq[q], q + 1);
		if (ret)
			return ret;
		p->notify[q] = vpci_kick_offset(&p->pci);
	}
	return vpci_set_status(&p->pci, vpci_status(&p->pci) |
			       VIRTIO_CONFIG_S_DRIVER_OK);
}

/*
 * The driver comes up with @features, which both sides must have, and the
 * host's interface with it.
 */
void port_up(struct port *p, uint64_t features)
{
	int ret;

	p->features = features;
	make_rings(p);
	make_tx_bufs(p, features & VNIC_FEATURE(VIRTIO_NET_F_HOST_TSO4));
	if (p->side == PORT_OURS)
		ret = start_ours(p, features);
	else
		ret = vhost_net_start(&p->vhost, &p->mem, features, p->vq);
	if (ret)
		die("%s: the device does not start: %s", p->ifname,
		    strerror(-ret));
	port_kick(p, PORT_RX);
	ret = netif_up(p->ifname);
	if (ret)
		die("%s does not come up: %s", p->ifname, strerror(-ret));
}

void port_down(struct port *p)
{
	int ret;

	if (p->side == PORT_OURS)
		ret = vpci_reset(&p->pci);
	else
		ret = vhost_net_stop(&p->vhost);
	if (ret)
		die("%s: the device does not stop: %s", p->ifname,
		    strerror(-ret));
	vq_free(&p->vq[PORT_RX]);
	vq_free(&p->vq[PORT_TX]);
}

void port_kick(struct port *p, unsigned int q)
{
	int ret;

	if (p->side == PORT_OURS)
		ret = vpci_kick_at(&p->pci, p->notify[q], q);
	else
		ret = vhost_net_kick(&p->vhost, q);
	if (ret)
		die("%s: a kick fails: %s", p->ifname, strerror(-ret));
}

/* Until an interrupt comes; the caller's alarm ends the wait. */
void port_wait(struct port *p, unsigned int q)
{
	uint64_t count;

	if (read(p->events[q], &count, sizeof(count)) < 0)
		die("%s: no interrupt of queue %u", p->ifname, q);
}
