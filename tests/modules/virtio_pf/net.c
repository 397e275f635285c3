// SPDX-License-Identifier: GPL-2.0-only
/* Frames: what one function sends, all others receive that want it. */
#include <linux/unaligned.h>

#include "virtio_pf.h"

#define CHAINS	32

void vpf_net_reset(struct vpf_fn *fn, struct vpf_net *net)
{
	memset(net, 0, sizeof(*net));
	memcpy(net->mac, fn->perm_mac, ETH_ALEN);
	net->pairs = 1;
	/* Feature negotiation turns all of them on, so far as there are such features. */
	net->offloads = ~0ULL;
}

size_t vpf_net_hdr_len(const struct vpf_fn *fn)
{
	return vpf_has(&fn->st, VIRTIO_NET_F_HASH_REPORT) ?
	       sizeof(struct virtio_net_hdr_v1_hash) :
	       sizeof(struct virtio_net_hdr_v1);
}

static bool in_table(const struct vpf_macs *macs, const u8 *addr)
{
	unsigned int i;

	for (i = 0; i < macs->nr; i++) {
		if (ether_addr_equal_unaligned(macs->addr[i], addr))
			return true;
	}
	return false;
}

static bool wants_address(const struct vpf_state *st, const u8 *to)
{
	const struct vpf_net *net = &st->net;

	if (!vpf_has(st, VIRTIO_NET_F_CTRL_RX) ||
	    net->rx[VIRTIO_NET_CTRL_RX_PROMISC])
		return true;
	if (to[0] == 0xff)
		return !net->rx[VIRTIO_NET_CTRL_RX_NOBCAST];
	if (to[0] & 1)
		return !net->rx[VIRTIO_NET_CTRL_RX_NOMULTI] &&
		       (net->rx[VIRTIO_NET_CTRL_RX_ALLMULTI] ||
			in_table(&net->macs[1], to));
	return !net->rx[VIRTIO_NET_CTRL_RX_NOUNI] &&
	       (net->rx[VIRTIO_NET_CTRL_RX_ALLUNI] ||
		ether_addr_equal_unaligned(net->mac, to) ||
		in_table(&net->macs[0], to));
}

static bool wants(const struct vpf_state *st, const u8 *frame, size_t len)
{
	u16 vid;

	if (!wants_address(st, frame))
		return false;
	if (!vpf_has(st, VIRTIO_NET_F_CTRL_VLAN) || len < VLAN_ETH_HLEN ||
	    get_unaligned_be16(frame + 2 * ETH_ALEN) != ETH_P_8021Q)
		return true;
	vid = get_unaligned_be16(frame + ETH_HLEN) & VLAN_VID_MASK;
	return test_bit(vid, st->net.vlans);
}

/* The queue pair that a frame goes to: nothing here computes a hash. */
static unsigned int pair_for(const struct vpf_state *st, unsigned int pair)
{
	if (st->net.hash.rss)
		return st->net.hash.unclassified;
	return pair % st->net.pairs;
}

/*
 * Takes buffers until there is room for all of it; how many, or 0. Those that do not
 * suffice are left where they were.
 */
static unsigned int take(struct vpf_fn *fn, struct vpf_queue *q,
			 struct vpf_chain *chains, size_t len)
{
	unsigned int most = vpf_has(&fn->st, VIRTIO_NET_F_MRG_RXBUF) ?
			    CHAINS : 1;
	static u8 nothing[VPF_BUFFER];
	unsigned int nr = 0;
	size_t room = 0;

	while (room < len && nr < most) {
		int ret = vpf_chain_next(fn, q, &chains[nr], nothing);

		if (ret < 0)
			vpf_broken(fn);
		if (ret <= 0)
			break;
		room += chains[nr++].room;
	}
	if (room >= len)
		return nr;
	q->next -= nr;
	return 0;
}

static void deliver(struct vpf_fn *fn, unsigned int pair, const u8 *frame,
		    size_t len)
{
	struct vpf_queue *q = &fn->st.q[2 * pair_for(&fn->st, pair)];
	size_t hdr = vpf_net_hdr_len(fn), at = 0;
	struct vpf_chain chains[CHAINS];
	static u8 packet[VPF_BUFFER];
	u16 old = q->used;
	unsigned int nr, i;

	if (!q->enabled || hdr + len > sizeof(packet))
		return;
	nr = take(fn, q, chains, hdr + len);
	memset(packet, 0, hdr);
	put_unaligned_le16(nr, packet +
			   offsetof(struct virtio_net_hdr_v1, num_buffers));
	memcpy(packet + hdr, frame, len);
	for (i = 0; i < nr; i++) {
		size_t now = min(chains[i].room, hdr + len - at);

		if (vpf_chain_done(&chains[i], packet + at, now)) {
			vpf_broken(fn);
			return;
		}
		at += now;
	}
	if (nr && vpf_ring_needs_interrupt(fn, q, old))
		vpf_raise(fn, q->vector, 1);
}

void vpf_net_send(struct vpf_fn *from, unsigned int pair, const u8 *frame,
		  size_t len)
{
	struct vpf_fn *fn;

	lockdep_assert_held(&vpf_lock);
	if (len < ETH_HLEN || !from->nr || !from->link)
		return;
	for (fn = vpf_fns + 1; fn < vpf_fns + VPF_NR_FNS; fn++) {
		if (fn != from && fn->link && vpf_fn_runs(fn) &&
		    wants(&fn->st, frame, len))
			deliver(fn, pair, frame, len);
	}
}
