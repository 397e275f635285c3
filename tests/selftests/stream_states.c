// SPDX-License-Identifier: GPL-2.0-only
/*
 * Brings cards into states, the same to the last byte each time: with addresses
 * that are fixed, without the host's packets, and without what depends on time.
 */
#include "stream_states.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define EVENTS		(VNIC_INDIRECT | VNIC_EVENT_IDX)
#define PBA_HALF	2048

static const uint8_t broadcast[ETH_ALEN] = { 255, 255, 255, 255, 255, 255 };

static int set_params(const char *uuid, const char *params)
{
	char text[128], attr[64], *rest = text, *param, *value;
	int ret;

	if (!strcmp(params, "-"))
		return 0;
	snprintf(text, sizeof(text), "%s", params);
	while ((param = strsep(&rest, ","))) {
		value = strchr(param, '=');
		if (!value)
			return -EINVAL;
		*value++ = '\0';
		snprintf(attr, sizeof(attr), "migration/params/%s", param);
		ret = mdev_write(uuid, attr, value);
		if (ret)
			return ret;
	}
	return 0;
}

/* A new device of a configuration, with its guest memory; @mac may be NULL. */
int maker_open(struct maker *m, const char *uuid, const char *type,
	       const char *params, const char *mac, enum vdev_how how)
{
	int ret = mdev_create(type, uuid);

	memset(m, 0, sizeof(*m));
	m->net = -1;
	if (ret)
		return ret;
	ret = set_params(uuid, params);
	if (!ret && mac)
		ret = mdev_write(uuid, "mac", mac);
	if (!ret)
		ret = vdev_open(&m->v, uuid, how);
	if (!ret)
		ret = guest_mem_init(&m->mem, STATES_IOVA, STATES_SIZE);
	return ret ? ret : vdev_map(&m->v, &m->mem);
}

void maker_close(struct maker *m)
{
	vnic_down(&m->nic);
	if (m->net >= 0)
		close(m->net);
	m->net = -1;
	if (m->v.uuid[0])
		close_remove(&m->v);
	guest_mem_free(&m->mem);
	memset(&m->v, 0, sizeof(m->v));
}

int maker_make(struct maker *m, const struct state *state)
{
	int ret = vpci_init(&m->nic.pci, &m->v);

	if (ret)
		return ret;
	m->features = vpci_device_features(&m->nic.pci);
	m->pairs = 1;
	if (m->features & (VNIC_F(MQ) | VNIC_F(RSS)))
		m->pairs = vpci_read(&m->nic.pci, VIRTIO_PCI_CAP_DEVICE_CFG, 2,
				     offsetof(struct virtio_net_config,
					      max_virtqueue_pairs));
	ret = vpci_reset(&m->nic.pci);
	if (!ret)
		ret = state->make(m);
	/* Whether a kick was needed, which selects a queue, is a matter of luck. */
	if (!ret && m->nic.mem)
		ret = vpci_set_common(&m->nic.pci, VIRTIO_PCI_COMMON_Q_SELECT,
				      VNIC_TX);
	return ret;
}

static int fresh(struct maker *m)
{
	return vdev_reset(&m->v);
}

/* Half-way: nothing is agreed on, and the driver has asked for the impossible. */
static int negotiating(struct maker *m)
{
	struct vpci *p = &m->nic.pci;

	vpci_set_status(p, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	vpci_set_status(p, VIRTIO_CONFIG_S_ACKNOWLEDGE |
			VIRTIO_CONFIG_S_DRIVER);
	vpci_set_features(p, m->features);
	vpci_set_common(p, VIRTIO_PCI_COMMON_GFSELECT, 2);
	vpci_set_common(p, VIRTIO_PCI_COMMON_GF, 1);
	vpci_set_common(p, VIRTIO_PCI_COMMON_DFSELECT, 7);
	vpci_set_common(p, VIRTIO_PCI_COMMON_MSIX, 2);
	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_SELECT, 1);
	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_SIZE, 32);
	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_AVAILLO, 0x00204000);
	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_AVAILHI, 0x00000011);
	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_MSIX, 0);
	return 0;
}

/* The first queue is enabled, the second one described; and no DRIVER_OK. */
static int features_ok(struct maker *m)
{
	struct vpci *p = &m->nic.pci;
	struct vq vq = {
		.num = STATES_RING,
		.desc_iova = STATES_IOVA,
		.avail_iova = STATES_IOVA + 0x1000,
		.used_iova = STATES_IOVA + 0x2000,
	};
	int ret = vpci_negotiate(p, m->features);

	if (!ret)
		ret = vpci_set_queue(p, 0, &vq, 1);
	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_SELECT, 1);
	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_SIZE, 2 * STATES_RING);
	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_DESCLO, STATES_IOVA + 0x3000);
	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_SELECT, 0xffff);
	return ret;
}

/* The MSI-X table's address in its BAR. */
static int msix_at(struct maker *m, unsigned int *bar, unsigned int *nr)
{
	int cap = pci_find_cap(&m->v, PCI_CAP_ID_MSIX, 0);

	if (cap <= 0)
		return -ENXIO;
	*bar = pci_read(&m->v, 4, cap + PCI_MSIX_TABLE) & PCI_MSIX_TABLE_BIR;
	*nr = (pci_read(&m->v, 2, cap + PCI_MSIX_FLAGS) &
	       PCI_MSIX_FLAGS_QSIZE) + 1;
	return cap;
}

/* Messages that look like no kernel's address, other than those of a PC. */
static int write_msix(struct maker *m)
{
	unsigned int bar, nr, i;
	int cap = msix_at(m, &bar, &nr);

	if (cap < 0)
		return cap;
	for (i = 0; i < nr; i++) {
		vdev_write(&m->v, bar, 4, 16 * i, 0x01000000 | i << 12);
		vdev_write(&m->v, bar, 4, 16 * i + 4, 0x2a);
		vdev_write(&m->v, bar, 4, 16 * i + 8, 0x4020 + i);
	}
	return 0;
}

static int up_as(struct maker *m, unsigned int flags, uint64_t features,
		 unsigned int pairs)
{
	int ret = vnic_up_with(&m->nic, &m->v, &m->mem, STATES_RING, flags,
			       features, pairs);

	return ret ? ret : write_msix(m);
}

/* With all that there is. */
static int up(struct maker *m)
{
	return up_as(m, EVENTS, m->features, m->pairs);
}

static int plain(struct maker *m)
{
	return up_as(m, 0, 0, 1);
}

static int command(struct maker *m, unsigned int feature, unsigned int class,
		   unsigned int command, const void *data, size_t len)
{
	int ret;

	if (!(m->features & VNIC_FEATURE(feature)))
		return 0;
	ret = vnic_command(&m->nic, class, command, data, len);
	return ret > 0 ? -EPROTO : ret;
}

static int mac_table(struct maker *m, unsigned int uni, unsigned int multi)
{
	uint8_t data[8 + 80 * ETH_ALEN] = { 0 }, *p = data;
	const unsigned int nr[] = { uni, multi };
	unsigned int list, i;

	for (list = 0; list < 2; list++) {
		put_le32(p, nr[list]);
		for (i = 0, p += 4; i < nr[list]; i++, p += ETH_ALEN) {
			memcpy(p, "\x02\x11\x22\x33\x00", 5);
			p[0] |= list;
			p[5] = i;
		}
	}
	return command(m, VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_CTRL_MAC,
		       VIRTIO_NET_CTRL_MAC_TABLE_SET, data, p - data);
}

static int vlans(struct maker *m)
{
	static const uint16_t vids[] = { 0, 1, 77, 1000, 4095 };
	uint8_t data[2];
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < ARRAY_SIZE(vids); i++) {
		put_le16(data, vids[i]);
		ret = command(m, VIRTIO_NET_F_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN,
			      VIRTIO_NET_CTRL_VLAN_ADD, data, sizeof(data));
	}
	return ret;
}

/* Every command, of those that the device knows. */
static int commands(struct maker *m)
{
	static const uint8_t local[ETH_ALEN] = { 2, 0x17, 0x16, 0x15, 0x14, 1 };
	uint8_t offloads[8], modes[6] = { 0, 1, 1, 0, 0, 1 }, i;
	int ret = up(m);

	for (i = 0; !ret && i < sizeof(modes); i++)
		ret = command(m, i < 2 ? VIRTIO_NET_F_CTRL_RX :
			      VIRTIO_NET_F_CTRL_RX_EXTRA, VIRTIO_NET_CTRL_RX, i,
			      &modes[i], 1);
	if (!ret)
		ret = mac_table(m, 1, 2);
	if (!ret)
		ret = command(m, VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_CTRL_MAC,
			      VIRTIO_NET_CTRL_MAC_ADDR_SET, local, ETH_ALEN);
	if (!ret)
		ret = vlans(m);
	put_le64(offloads, VNIC_F(GUEST_CSUM) | VNIC_F(GUEST_TSO6));
	if (!ret)
		ret = command(m, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
			      VIRTIO_NET_CTRL_GUEST_OFFLOADS,
			      VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, offloads, 8);
	put_le16(offloads, m->pairs);
	return ret ? ret : command(m, VIRTIO_NET_F_MQ, VIRTIO_NET_CTRL_MQ,
				   VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, offloads, 2);
}

/* More addresses of one kind than there is room for, and some of the other. */
static int overflow_uni(struct maker *m)
{
	int ret = up(m);

	return ret ? ret : mac_table(m, 70, 1);
}

static int overflow_multi(struct maker *m)
{
	int ret = up(m);

	return ret ? ret : mac_table(m, 1, 70);
}

static uint8_t *put_key(uint8_t *p, unsigned int len)
{
	unsigned int i;

	*p++ = len;
	for (i = 0; i < len; i++)
		*p++ = 0x80 | i;
	return p;
}

static int rss(struct maker *m)
{
	uint8_t data[128] = { 0x3f }, *p = data + 8;
	unsigned int i;
	int ret = up(m);

	put_le16(data + 4, 7);
	put_le16(data + 6, m->pairs - 1);
	for (i = 0; i < 8; i++, p += 2)
		put_le16(p, (i + 1) % m->pairs);
	put_le16(p, m->pairs);
	p = put_key(p + 2, 40);
	return ret ? ret : command(m, VIRTIO_NET_F_RSS, VIRTIO_NET_CTRL_MQ,
				   VIRTIO_NET_CTRL_MQ_RSS_CONFIG, data, p - data);
}

static int hash(struct maker *m)
{
	uint8_t data[64] = { 0x09 }, *p = put_key(data + 12, 17);
	int ret = up(m);

	return ret ? ret : command(m, VIRTIO_NET_F_HASH_REPORT,
				   VIRTIO_NET_CTRL_MQ,
				   VIRTIO_NET_CTRL_MQ_HASH_CONFIG, data,
				   p - data);
}

static int send_one(struct maker *m)
{
	uint8_t frame[100];

	frame_make(frame, sizeof(frame), broadcast, 1);
	return vnic_send(&m->nic, frame, sizeof(frame));
}

/* With INTx: a packet has left, and the driver has not read the status. */
static int intx(struct maker *m)
{
	int ret = up_as(m, VNIC_INTX, 0, 1);

	if (!ret)
		ret = send_one(m);
	if (ret)
		return ret;
	return event_wait(m->nic.events[0], DEADLINE_MS) > 0 ? 0 : -ETIMEDOUT;
}

/* Masks of the function and of a vector; a vector that nobody listens to. */
static int pending(struct maker *m)
{
	int64_t deadline = deadline_ms(DEADLINE_MS);
	unsigned int bar, nr;
	int cap, ret;

	ret = up_as(m, 0, 0, 1);
	cap = msix_at(m, &bar, &nr);
	if (!ret)
		ret = vdev_irq_disable(&m->v, VFIO_PCI_MSIX_IRQ_INDEX);
	if (ret || cap < 0)
		return ret ? ret : cap;
	pci_write(&m->v, 2, cap + PCI_MSIX_FLAGS,
		  PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	vdev_write(&m->v, bar, 4, 16 * 1 + PCI_MSIX_ENTRY_VECTOR_CTRL,
		   PCI_MSIX_ENTRY_CTRL_MASKBIT);
	ret = send_one(m);
	while (!ret && !(vdev_read(&m->v, bar, 8, PBA_HALF) & 1 << 2)) {
		if (!deadline_left(deadline))
			return -ETIMEDOUT;
		sched_yield();
	}
	return ret;
}

/* The host's interface is up before the driver is; nobody else sends to it. */
static int link_up(struct maker *m, int (*then)(struct maker *m))
{
	int ret = netif_alone(m->v.uuid);

	if (ret)
		return ret;
	m->net = netif_open(m->v.uuid);
	if (m->net < 0)
		return m->net;
	ret = then(m);
	return ret ? ret : netif_wait_carrier(m->v.uuid, DEADLINE_MS);
}

static int linked(struct maker *m)
{
	return link_up(m, up);
}

/* Packets that were sent and received, then some that a stopped card was given. */
static int in_flight(struct maker *m)
{
	uint8_t frame[VNIC_SLOT], mac[ETH_ALEN];
	unsigned int i;
	int ret = linked(m);

	if (!ret)
		ret = send_one(m);
	if (!ret)
		ret = netif_recv(m->net, frame, sizeof(frame), DEADLINE_MS) > 0 ?
		      vnic_sent(&m->nic, DEADLINE_MS) : -ETIMEDOUT;
	vnic_mac(&m->nic, mac);
	frame_make(frame, 100, mac, 2);
	if (!ret)
		ret = netif_send(m->net, frame, 100);
	if (!ret && vnic_recv(&m->nic, frame, sizeof(frame), DEADLINE_MS) < 0)
		ret = -ETIMEDOUT;
	if (!ret)
		ret = mig_set(&m->v, STOP, NULL);
	for (i = 0; !ret && i < 3; i++)
		ret = send_one(m);
	return ret;
}

/* After a migration: the guest is to announce itself, and has not yet. */
static int announce(struct maker *m)
{
	struct buf s = { 0 };
	int ret = up(m);

	if (!ret)
		ret = mig_save(&m->v, &s);
	if (!ret)
		ret = vdev_reset(&m->v);
	if (!ret)
		ret = mig_load(&m->v, s.data, s.len, 0);
	if (!ret)
		ret = mig_set(&m->v, RUNNING, NULL);
	buf_free(&s);
	return ret;
}

static int queue_reset(struct maker *m)
{
	struct vpci *p = &m->nic.pci;
	int ret = up(m);

	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_SELECT, VNIC_TX);
	vpci_set_common(p, VIRTIO_PCI_COMMON_Q_RESET, 1);
	if (!ret && vpci_common(p, VIRTIO_PCI_COMMON_Q_ENABLE))
		ret = -EBUSY;
	return ret;
}

/* Reset, and enabled again somewhere else, where there is an empty ring. */
static int queue_again(struct maker *m)
{
	uint64_t at = STATES_IOVA + STATES_SIZE - 0x10000;
	struct vq vq = {
		.num = STATES_RING / 2,
		.desc_iova = at,
		.avail_iova = at + 0x1000,
		.used_iova = at + 0x2000,
	};
	int ret = queue_reset(m);

	return ret ? ret : vpci_set_queue(&m->nic.pci, VNIC_TX, &vq, 0);
}

/* A head that is no descriptor: the queue is broken. */
static int needs_reset(struct maker *m)
{
	int ret = up(m);

	if (ret)
		return ret;
	vq_offer_raw(&m->nic.vq[VNIC_TX], 999);
	vq_publish(&m->nic.vq[VNIC_TX]);
	vpci_kick(&m->nic.pci, VNIC_TX);
	return vpci_wait_needs_reset(&m->nic.pci, DEADLINE_MS);
}

static int failed(struct maker *m)
{
	int ret = plain(m);

	return ret ? ret : vpci_set_status(&m->nic.pci, VIRTIO_CONFIG_S_FAILED);
}

static int driver_reset(struct maker *m)
{
	int ret = plain(m);

	return ret ? ret : vpci_reset(&m->nic.pci);
}

/* All that a guest can write there, and the card may not reach memory. */
static int no_master(struct maker *m)
{
	unsigned int i;
	int ret = plain(m);

	for (i = 0; i < 6; i++)
		pci_write(&m->v, 4, PCI_BASE_ADDRESS_0 + 4 * i,
			  i & 1 ? 0x2b : 0x10000000 * (i + 1));
	pci_write(&m->v, 1, PCI_CACHE_LINE_SIZE, 0x10);
	pci_write(&m->v, 1, PCI_INTERRUPT_LINE, 11);
	pci_write(&m->v, 2, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_SERR |
		  PCI_COMMAND_PARITY | PCI_COMMAND_INTX_DISABLE);
	return ret;
}

#define V1	"virtio_net-v1"
#define V2	"virtio_net-v2"
#define V3	"virtio_net-v3"
#define NONE	"-"
#define ALL_OFF	"announce=off,mtu=0,offloads=off,queue-pairs=1,rss=off,rx-filter-size=0"

/* One that was released is never changed: another one gets another name. */
const struct state stream_states[] = {
	{ "v1-fresh", V1, NONE, fresh, "opened, nothing else" },
	{ "v1-negotiating", V1, NONE, negotiating,
	  "before FEATURES_OK, an impossible feature asked for" },
	{ "v1-features-ok", V1, NONE, features_ok,
	  "before DRIVER_OK, one queue enabled, one described" },
	{ "v1-up", V1, NONE, up, "driver up with all features" },
	{ "v1-plain", V1, NONE, plain, "driver up with as few features as it can" },
	{ "v1-linked", V1, NONE, linked, "driver up, and the host's interface" },
	{ "v1-in-flight", V1, NONE, in_flight,
	  "packets done with, others given to the stopped card" },
	{ "v1-intx", V1, NONE, intx, "INTx, with a status that was not read" },
	{ "v1-pending", V1, NONE, pending,
	  "MSI-X: a vector pending, one masked, the function masked" },
	{ "v1-no-master", V1, NONE, no_master,
	  "no bus master; all that can be written in configuration space" },
	{ "v1-needs-reset", V1, NONE, needs_reset, "a broken queue" },
	{ "v1-failed", V1, NONE, failed, "the driver has given up" },
	{ "v1-driver-reset", V1, NONE, driver_reset,
	  "reset by the driver, MSI-X still on" },
	{ "v1-announce", V1, "announce=on", up, "driver up with all features" },
	{ "v1-mtu", V1, "mtu=9000", up, "driver up with all features" },
	{ "v1-offloads", V1, "offloads=on", commands, "offloads set" },
	{ "v1-pairs", V1, "queue-pairs=8", commands, "every control command" },
	{ "v1-rss", V1, "rss=on", rss, "receive side scaling set" },
	{ "v1-filter", V1, "rx-filter-size=3", commands, "receive filter set" },
	{ "v1-filter-over", V1, "rx-filter-size=1", overflow_uni,
	  "more unicast addresses than there is room for" },
	{ "v2-fresh", V2, NONE, fresh, "opened, nothing else" },
	{ "v2-up", V2, NONE, up, "driver up with all features" },
	{ "v2-plain", V2, NONE, plain, "driver up with as few features as it can" },
	{ "v2-commands", V2, NONE, commands, "every control command" },
	{ "v2-over-uni", V2, NONE, overflow_uni,
	  "more unicast addresses than there is room for" },
	{ "v2-over-multi", V2, NONE, overflow_multi,
	  "more multicast addresses than there is room for" },
	{ "v2-announcing", V2, NONE, announce,
	  "after a migration, which the guest has not announced" },
	{ "v2-queue-reset", V2, NONE, queue_reset, "a queue was reset" },
	{ "v2-no-announce", V2, "announce=off", commands, "every control command" },
	{ "v2-mtu", V2, "mtu=68", up, "driver up with all features" },
	{ "v2-no-offloads", V2, "offloads=off", commands, "every control command" },
	{ "v2-pairs", V2, "queue-pairs=2", commands, "every control command" },
	{ "v2-rss", V2, "rss=on", hash, "hash reports set" },
	{ "v2-no-filter", V2, "rx-filter-size=0", commands,
	  "every control command" },
	{ "v3-fresh", V3, NONE, fresh, "opened, nothing else" },
	{ "v3-negotiating", V3, NONE, negotiating,
	  "before FEATURES_OK, an impossible feature asked for" },
	{ "v3-up", V3, NONE, up, "driver up with all features" },
	{ "v3-plain", V3, NONE, plain, "driver up with as few features as it can" },
	{ "v3-commands", V3, NONE, commands, "every control command but RSS" },
	{ "v3-rss", V3, NONE, rss, "receive side scaling set" },
	{ "v3-hash", V3, NONE, hash, "hash reports set" },
	{ "v3-over-uni", V3, NONE, overflow_uni,
	  "more unicast addresses than there is room for" },
	{ "v3-over-multi", V3, NONE, overflow_multi,
	  "more multicast addresses than there is room for" },
	{ "v3-announcing", V3, NONE, announce,
	  "after a migration, which the guest has not announced" },
	{ "v3-queue-reset", V3, NONE, queue_reset, "a queue was reset" },
	{ "v3-queue-again", V3, NONE, queue_again,
	  "a queue was reset and enabled with another ring" },
	{ "v3-in-flight", V3, NONE, in_flight,
	  "packets done with, others given to the stopped card" },
	{ "v3-intx", V3, NONE, intx, "INTx, with a status that was not read" },
	{ "v3-pending", V3, NONE, pending,
	  "MSI-X: a vector pending, one masked, the function masked" },
	{ "v3-needs-reset", V3, NONE, needs_reset, "a broken queue" },
	{ "v3-no-announce", V3, "announce=off", commands, "every control command" },
	{ "v3-mtu-max", V3, "mtu=65535", up, "driver up with all features" },
	{ "v3-no-mtu", V3, "mtu=0", up, "driver up with all features" },
	{ "v3-no-offloads", V3, "offloads=off", commands, "every control command" },
	{ "v3-one-pair", V3, "queue-pairs=1", rss, "receive side scaling set" },
	{ "v3-pairs", V3, "queue-pairs=8", rss, "receive side scaling set" },
	{ "v3-no-rss", V3, "rss=off", commands, "every control command" },
	{ "v3-no-filter", V3, "rx-filter-size=0", commands,
	  "every control command" },
	{ "v3-all-off", V3, ALL_OFF, up, "driver up with all features" },
};

const unsigned int nr_stream_states = ARRAY_SIZE(stream_states);
