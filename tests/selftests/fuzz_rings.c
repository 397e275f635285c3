// SPDX-License-Identifier: GPL-2.0-only
/* What the fuzzer writes to guest memory, and kicks. */
#include "fuzz.h"

#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

#define load_acquire(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)

/* The longest chain that is right. */
#define CHAIN_MAX	6
/* Buffers for receiving that a driver begins with. */
#define FUZZ_FILL	8

static bool is_tx(unsigned int q)
{
	return q != FUZZ_CTRL && q & 1;
}

/* Every queue, the first pair's and the control queue more often. */
static unsigned int any_queue(struct fuzz *f)
{
	static const uint8_t often[] = { 0, 1, 1, FUZZ_CTRL };

	return fuzz_once_in(f, 2) ? often[fuzz_below(f, 4)] :
				    fuzz_below(f, FUZZ_QUEUES);
}

/* Room for @len bytes in the buffers. */
static uint8_t *any_place(struct fuzz *f, size_t len)
{
	return f->bufs + fuzz_below(f, f->bufs_len - len);
}

/**
 * struct command - a control command
 * @class: of the command
 * @command: within its class
 * @len: bytes of data
 */
struct command {
	uint8_t class;
	uint8_t command;
	uint16_t len;
};

static const struct command commands[] = {
	{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1 },
	{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, 1 },
	{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOUNI, 1 },
	{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOBCAST, 1 },
	{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 8 },
	{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 20 },
	{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 392 },
	{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, 6 },
	{ VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 2 },
	{ VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, 2 },
	{ VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, 0 },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 2 },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, 53 },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, 307 },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG, 53 },
	{ VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET,
	  8 },
};

/* struct virtio_net_rss_config, with a table that fills the length. */
static void make_rss(struct fuzz *f, uint8_t *p, size_t len)
{
	unsigned int i, nr = (len - 8 - 3 - 40) / 2;

	put_le32(p, fuzz_below(f, 64));
	put_le16(p + 4, nr - 1);
	put_le16(p + 6, 0);
	for (i = 0; i < nr; i++)
		put_le16(p + 8 + 2 * i, fuzz_below(f, FUZZ_PAIRS));
	put_le16(p + 8 + 2 * nr, 1 + fuzz_below(f, FUZZ_PAIRS));
	p[10 + 2 * nr] = 40;
}

/* Data that is in order, mostly. */
static void make_data(struct fuzz *f, const struct command *c, uint8_t *p)
{
	fuzz_bytes(f, p, c->len);
	if (c->class == VIRTIO_NET_CTRL_MAC && c->len >= 8) {
		put_le32(p, 0);
		put_le32(p + 4, (c->len - 8) / ETH_ALEN);
		p[8] |= 1;
	} else if (c->class == VIRTIO_NET_CTRL_MQ && c->len == 2) {
		put_le16(p, 1 + fuzz_below(f, FUZZ_PAIRS));
	} else if (c->class == VIRTIO_NET_CTRL_MQ) {
		make_rss(f, p, c->len);
	} else if (c->class == VIRTIO_NET_CTRL_VLAN) {
		put_le16(p, fuzz_below(f, 4096));
	} else if (c->class == VIRTIO_NET_CTRL_RX) {
		p[0] &= 1;
	}
}

/* A command at @p, which has room for one; returns its length. */
static size_t make_command(struct fuzz *f, uint8_t *p)
{
	const struct command *c =
		&commands[fuzz_below(f, ARRAY_SIZE(commands))];
	size_t len = 2 + c->len;

	p[0] = c->class;
	p[1] = c->command;
	make_data(f, c, p + 2);
	switch (fuzz_below(f, 8)) {
	case 0:
		return fuzz_below(f, len + 1);
	case 1:
		return len + fuzz_below(f, 8);
	case 2:
		p[fuzz_below(f, 2)] = fuzz_value(f);
		return len;
	case 3:
		p[fuzz_below(f, len)] = fuzz_value(f);
		return len;
	default:
		return len;
	}
}

/* A virtio header, of one that can be to one that cannot. */
static void make_hdr(struct fuzz *f, struct virtio_net_hdr_v1 *hdr)
{
	static const uint8_t types[] = {
		VIRTIO_NET_HDR_GSO_NONE, VIRTIO_NET_HDR_GSO_TCPV4,
		VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
		VIRTIO_NET_HDR_GSO_TCPV6, VIRTIO_NET_HDR_GSO_UDP,
		VIRTIO_NET_HDR_GSO_UDP_L4, 0x80, 0xff,
	};

	memset(hdr, 0, sizeof(*hdr));
	if (fuzz_once_in(f, 2))
		return;
	hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->gso_type = types[fuzz_below(f, ARRAY_SIZE(types))];
	hdr->hdr_len = PACKET_TCP_HDR;
	hdr->gso_size = fuzz_once_in(f, 4) ? fuzz_value(f) : 1448;
	hdr->csum_start = PACKET_ETH + PACKET_IP;
	hdr->csum_offset = 16;
	if (fuzz_once_in(f, 3))
		((uint8_t *)hdr)[fuzz_below(f, sizeof(*hdr))] = fuzz_value(f);
}

/* A header and a packet at @p; returns their length. */
static size_t make_frame(struct fuzz *f, uint8_t *p)
{
	static const uint8_t to_all[ETH_ALEN] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};
	size_t len = 60 + fuzz_below(f, 200);

	make_hdr(f, (void *)p);
	p += VNIC_HDR;
	switch (fuzz_below(f, 16)) {
	case 0:
		len = PACKET_TCP_HDR + fuzz_below(f, FUZZ_PACKET);
		memcpy(p, f->packet, len);
		break;
	case 1 ... 8:
		memcpy(p, f->packet, len);
		p[fuzz_below(f, PACKET_TCP_HDR)] = fuzz_value(f);
		break;
	default:
		frame_make(p, len, to_all, len);
	}
	return VNIC_HDR + len;
}

/* Pieces of a buffer that is right for queue @q; returns how many. */
static unsigned int make_segs(struct fuzz *f, unsigned int q,
			      struct vq_seg *segs)
{
	uint8_t *p = any_place(f, 0x12000);
	unsigned int i, nr = 1 + fuzz_below(f, 3);
	size_t len, at = 0;

	if (q == FUZZ_CTRL)
		len = make_command(f, p);
	else if (is_tx(q))
		len = make_frame(f, p);
	else
		len = 12 + fuzz_below(f, 4096);
	for (i = 0; i < nr; i++) {
		size_t part = i + 1 < nr ? fuzz_below(f, len - at + 1) :
					   len - at;

		segs[i] = (struct vq_seg){ guest_iova(&f->mem, p + at), part,
					   q != FUZZ_CTRL && !is_tx(q) };
		at += part;
	}
	if (q == FUZZ_CTRL)
		segs[nr++] = (struct vq_seg){ guest_iova(&f->mem, p + len), 1,
					      true };
	return nr;
}

/* Of a descriptor; mostly one that there is in a ring of @num. */
static uint16_t fuzz_index(struct fuzz *f, uint16_t num)
{
	return fuzz_once_in(f, 16) ? fuzz_value(f) : fuzz_below(f, num);
}

static void spoil_desc(struct fuzz *f, struct vring_desc *desc)
{
	switch (fuzz_below(f, 8)) {
	case 0 ... 2:
		desc->addr = fuzz_addr(f);
		break;
	case 3 ... 4:
		desc->len = fuzz_len(f);
		break;
	case 5:
		desc->flags ^= 1 << fuzz_below(f, 4);
		break;
	case 6:
		desc->next = fuzz_index(f, 64);
		break;
	default:
		fuzz_bytes(f, (void *)desc, sizeof(*desc));
	}
}

/* The driver's index and the device's are so many apart, as one can see. */
static uint16_t in_flight(const struct vq *vq)
{
	return load_acquire(&vq->avail->idx) - load_acquire(&vq->used->idx);
}

/* Into the available ring, unless that is full. */
static void offer(struct vq *vq, uint16_t head)
{
	uint16_t idx = vq->avail->idx;

	if (in_flight(vq) >= vq->num)
		return;
	vq->avail->ring[idx & (vq->num - 1)] = head;
	store_release(&vq->avail->idx, idx + 1);
}

static void put_segs(struct vring_desc *table, unsigned int first,
		     unsigned int size, const struct vq_seg *segs,
		     unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		table[(first + i) % size] = (struct vring_desc){
			.addr = segs[i].iova,
			.len = segs[i].len,
			.flags = (segs[i].write ? VRING_DESC_F_WRITE : 0) |
				 (i + 1 < nr ? VRING_DESC_F_NEXT : 0),
			.next = (first + i + 1) % size,
		};
}

static struct vring_desc *any_table(struct fuzz *f, struct vq *vq,
				    uint64_t *iova)
{
	unsigned int at = fuzz_below(f, FUZZ_RING) * VQ_TABLE;

	*iova = vq->tables_iova + at * sizeof(struct vring_desc);
	return vq->tables + at;
}

/* A buffer that is right, one time in ten with something wrong in it. */
void fuzz_chain(struct fuzz *f)
{
	unsigned int q = any_queue(f);
	struct vq *vq = &f->vq[q];
	uint16_t head = fuzz_below(f, vq->num);
	struct vq_seg segs[CHAIN_MAX];
	unsigned int nr = make_segs(f, q, segs);
	struct vring_desc *at = vq->desc;
	unsigned int first = head, size = vq->num;
	uint64_t iova;

	if (fuzz_once_in(f, 3)) {
		at = any_table(f, vq, &iova);
		first = 0;
		size = nr;
		vq->desc[head] = (struct vring_desc){
			iova, nr * sizeof(*at), VRING_DESC_F_INDIRECT, 0
		};
	}
	put_segs(at, first, size, segs, nr);
	if (fuzz_once_in(f, 12))
		spoil_desc(f, &at[(first + fuzz_below(f, nr)) % size]);
	if (fuzz_once_in(f, 40))
		spoil_desc(f, &vq->desc[head]);
	offer(vq, head);
	if (fuzz_once_in(f, 8))
		vpci_kick_at(&f->pci, q * f->pci.notify_mult, q);
}

/* A field of a ring, whoever's it is. */
void fuzz_ring(struct fuzz *f)
{
	struct vq *vq = &f->vq[any_queue(f)];
	unsigned int at = fuzz_below(f, vq->num);

	switch (fuzz_below(f, 16)) {
	case 0:
		spoil_desc(f, &vq->desc[at]);
		break;
	case 1 ... 4:
		vq->avail->ring[at] = fuzz_index(f, vq->num);
		break;
	case 5 ... 9:
		vq->used->ring[at].id = fuzz_value(f);
		vq->used->ring[at].len = fuzz_value(f);
		break;
	case 10:
		vq->avail->flags = fuzz_value(f);
		break;
	case 11:
		vq->used->flags = fuzz_value(f);
		break;
	case 12 ... 13:
		/* Behind the rings: the event indices. */
		vq->avail->ring[vq->num] = fuzz_value(f);
		break;
	default:
		vq->used->ring[vq->num].id = fuzz_value(f);
	}
}

/* A descriptor of some indirect table; some are indirect themselves. */
void fuzz_table(struct fuzz *f)
{
	struct vq *vq = &f->vq[any_queue(f)];
	uint64_t iova;
	struct vring_desc *desc = any_table(f, vq, &iova) +
				  fuzz_below(f, VQ_TABLE);

	spoil_desc(f, desc);
	if (fuzz_once_in(f, 4))
		*desc = (struct vring_desc){
			iova, fuzz_len(f) & ~15U, VRING_DESC_F_INDIRECT, 0
		};
}

/* Packets and commands change while the device reads them. */
void fuzz_payload(struct fuzz *f)
{
	size_t len = 1 + fuzz_below(f, 64);

	fuzz_bytes(f, any_place(f, len), len);
}

/* Indices that no driver writes: its own, and the device's. */
void fuzz_jump(struct fuzz *f)
{
	struct vq *vq = &f->vq[any_queue(f)];
	uint16_t *idx = fuzz_once_in(f, 4) ? &vq->used->idx : &vq->avail->idx;
	uint16_t add = fuzz_once_in(f, 2) ? fuzz_below(f, 8) : fuzz_value(f);

	store_release(idx, *idx + add);
}

void fuzz_kick(struct fuzz *f)
{
	unsigned int q = any_queue(f);

	vpci_kick_at(&f->pci, q * f->pci.notify_mult, q);
}

/* Anywhere in the notifications and behind them, any data, any width. */
void fuzz_kick_anything(struct fuzz *f)
{
	unsigned int offset = fuzz_below(f, 4 * FUZZ_QUEUES + 8);

	if (fuzz_once_in(f, 4))
		offset = fuzz_value(f) & 0xfff;
	vpci_write(&f->pci, VIRTIO_PCI_CAP_NOTIFY_CFG,
		   1U << fuzz_below(f, 4), offset, fuzz_value(f));
}

/* A good subset of what is offered; of all of it half of the time. */
static uint64_t some_features(struct fuzz *f)
{
	uint64_t features = vpci_device_features(&f->pci);
	uint64_t keep = rng_next(&f->rng) | rng_next(&f->rng);

	if (fuzz_once_in(f, 2))
		return features;
	keep |= VNIC_FEATURE(VIRTIO_F_VERSION_1) |
		VNIC_FEATURE(VIRTIO_F_ACCESS_PLATFORM) | VNIC_F(CTRL_VQ);
	return features & keep;
}

static void empty_ring(struct vq *vq, uint16_t num)
{
	vq->num = num;
	vq->avail->flags = 0;
	vq->used->flags = 0;
	store_release(&vq->used->idx, 0);
	store_release(&vq->avail->idx, 0);
}

/* The device uses all pairs, if it is told to; or some. */
static void ask_for_pairs(struct fuzz *f)
{
	struct vq *vq = &f->vq[FUZZ_CTRL];
	uint8_t *p = any_place(f, 5);
	struct vq_seg segs[] = {
		{ guest_iova(&f->mem, p), 4, false },
		{ guest_iova(&f->mem, p + 4), 1, true },
	};

	p[0] = VIRTIO_NET_CTRL_MQ;
	p[1] = VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET;
	put_le16(p + 2, 1 + fuzz_below(f, FUZZ_PAIRS));
	put_segs(vq->desc, 0, vq->num, segs, ARRAY_SIZE(segs));
	offer(vq, 0);
}

/* The driver's life begins anew: reset, features, rings, buffers. */
void fuzz_up(struct fuzz *f)
{
	static const uint8_t some_pairs[] = { 1, 1, 2, FUZZ_PAIRS };
	unsigned int pairs = some_pairs[fuzz_below(f, 4)], q, i;
	uint64_t features;

	f->seen.up++;
	f->seen.broken += !!(vpci_status(&f->pci) & VIRTIO_CONFIG_S_NEEDS_RESET);
	fuzz_map_all(f);
	if (mig_get(&f->p.a) != RUNNING && mig_set(&f->p.a, RUNNING, NULL))
		vdev_reset(&f->p.a);
	pci_write(&f->p.a, 2, PCI_COMMAND,
		  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	features = some_features(f);
	if (vpci_negotiate(&f->pci, features))
		vpci_negotiate(&f->pci, vpci_device_features(&f->pci));
	for (q = 0; q < FUZZ_QUEUES; q++) {
		empty_ring(&f->vq[q], 2U << fuzz_below(f, 8));
		if (q < 2 * pairs || q == FUZZ_CTRL)
			vpci_set_queue(&f->pci, q, &f->vq[q], q + 1);
	}
	ask_for_pairs(f);
	vpci_set_status(&f->pci, vpci_status(&f->pci) |
			VIRTIO_CONFIG_S_DRIVER_OK);
	for (i = 0; i < FUZZ_FILL * pairs; i++) {
		struct vq *vq = &f->vq[2 * (i % pairs)];
		struct vq_seg segs[CHAIN_MAX];
		unsigned int first = i / pairs * 3 % vq->num;

		put_segs(vq->desc, first, vq->num, segs,
			 make_segs(f, VNIC_RX, segs));
		offer(vq, first);
	}
}
