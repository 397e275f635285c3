// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host to guest. A packet that the host sends into the interface goes into the
 * guest's buffer at once, inside ndo_start_xmit(), if that does not sleep.
 * Otherwise, or if there is no buffer, it goes into the backlog, from where the
 * worker takes it; while there is a backlog, later packets queue up behind it.
 * The guest sees the packets of a burst at its end.
 *
 * As with a tap, a full backlog drops: a guest that does not take its packets
 * must not hold up their senders.
 */
#include <linux/highmem.h>
#include <linux/unaligned.h>
#include "virtio_net.h"

/* How often buffers that do not suffice are looked at again, with more. */
#define VNET_RX_TRIES	4
/* Descriptors that a packet's buffers may have, in queues. */
#define VNET_RX_SEGS	2
/* Buffers after which the worker shows them to the guest. */
#define VNET_RX_BATCH	64

/* The longest frame that the driver takes. */
static unsigned int vnet_rx_max(struct vnet_vq *vq, const struct sk_buff *skb)
{
	struct vnet *vnet = vq->vnet;
	__be16 proto = ((const struct ethhdr *)skb->data)->h_proto;
	unsigned int mtu;

	if (!(vnet->driver_features & BIT_ULL(VIRTIO_NET_F_MTU)) ||
	    skb_is_gso(skb))
		return UINT_MAX;
	mtu = vnet->mdm.desc.config.values[VNET_MTU];
	return mtu + (eth_type_vlan(proto) ? VLAN_ETH_HLEN : ETH_HLEN);
}

/**
 * struct vnet_rx_out - where a packet is being written to
 * @ring: see ring.c
 * @room: bytes left in the chain
 * @put: bytes written to it
 * @segs: descriptors of the buffers that were looked at
 * @num_buffers: where the two bytes of the header's field are, if buffers can
 *	be merged
 */
struct vnet_rx_out {
	const struct vnet_ring *ring;
	u32 room;
	u32 put;
	unsigned int segs;
	u64 num_buffers[2];
};

/* Buffers that this packet has filled. */
static unsigned int vnet_rx_buffers(const struct vnet_vq *vq)
{
	return vq->staged - vq->kept;
}

/*
 * Returns 1, or 0 if there is no further buffer, or an error. The host's sender pays for
 * the search: buffers with next to no room in many descriptors are not for its packet.
 */
static int vnet_rx_buffer(struct vnet_vq *vq, struct vnet_rx_out *out)
{
	int ret;

	ret = vnet_ring_peek(vq, out->ring);
	if (ret <= 0)
		return ret;
	if (vq->chain.nr_out)
		return vnet_vq_bad(vq, "a readable descriptor in the receive queue");
	out->segs += vq->chain.nr_in;
	if (out->segs > VNET_RX_SEGS * vq->size)
		return -EMSGSIZE;
	out->room = vq->chain.in_len;
	out->put = 0;
	return 1;
}

/* The buffer is full: the next one of those that are merged. */
static int vnet_rx_next(struct vnet_vq *vq, struct vnet_rx_out *out)
{
	int ret;

	if (!vq->mergeable)
		return -EMSGSIZE;
	ret = vnet_ring_stage(vq, out->ring, out->put);
	if (ret)
		return ret;
	ret = vnet_rx_buffer(vq, out);
	/* More than all that the driver can offer at once will not come. */
	return ret || vnet_rx_buffers(vq) < vq->size ? ret : -EMSGSIZE;
}

/* Returns 1, or 0 if the buffers do not suffice, or an error. */
static int vnet_rx_put(struct vnet_vq *vq, struct vnet_rx_out *out,
		       const void *buf, size_t len)
{
	size_t size;
	int ret;

	while (len) {
		if (!out->room) {
			ret = vnet_rx_next(vq, out);
			if (ret <= 0)
				return ret;
			continue;
		}
		size = min_t(size_t, len, out->room);
		ret = vnet_ring_write(vq, out->ring, buf, size);
		if (ret)
			return ret;
		out->room -= size;
		out->put += size;
		buf += size;
		len -= size;
	}
	return 1;
}

/* Likewise. */
static int vnet_rx_put_frag(struct vnet_vq *vq, struct vnet_rx_out *out,
			    const skb_frag_t *frag)
{
	u32 off, len, done;
	struct page *page;
	int ret = 1;
	u8 *addr;

	skb_frag_foreach_page(frag, skb_frag_off(frag), skb_frag_size(frag),
			      page, off, len, done) {
		addr = kmap_local_page(page);
		ret = vnet_rx_put(vq, out, addr + off, len);
		kunmap_local(addr);
		if (ret <= 0)
			break;
	}
	return ret;
}

/* Likewise. */
static int vnet_rx_put_skb(struct vnet_vq *vq, struct vnet_rx_out *out,
			   const struct sk_buff *skb)
{
	const struct sk_buff *part;
	unsigned int i;
	int ret;

	ret = vnet_rx_put(vq, out, skb->data, skb_headlen(skb));
	for (i = 0; ret > 0 && i < skb_shinfo(skb)->nr_frags; i++)
		ret = vnet_rx_put_frag(vq, out, &skb_shinfo(skb)->frags[i]);
	if (ret <= 0)
		return ret;
	skb_walk_frags(skb, part) {
		ret = vnet_rx_put_skb(vq, out, part);
		if (ret <= 0)
			break;
	}
	return ret;
}

/* The header goes into the first buffer whole. */
static int vnet_rx_check_room(struct vnet_vq *vq, struct vnet_rx_out *out,
			      unsigned int packet)
{
	unsigned int at = offsetof(struct virtio_net_hdr_v1, num_buffers);

	if (!vq->mergeable)
		return out->room < vq->hdr_len + packet ? -EMSGSIZE : 1;
	if (out->room < vq->hdr_len)
		return -EMSGSIZE;
	vnet_ring_locate(vq, at, &out->num_buffers[0]);
	vnet_ring_locate(vq, at + 1, &out->num_buffers[1]);
	return 1;
}

/* With the header and the packet's beginning in one piece, where that goes. */
static int vnet_rx_put_packet(struct vnet_vq *vq, struct vnet_rx_out *out,
			      const struct virtio_net_hdr_v1_hash *hdr,
			      struct sk_buff *skb)
{
	int ret;

	if (skb_headroom(skb) < vq->hdr_len || skb_header_cloned(skb)) {
		ret = vnet_rx_put(vq, out, hdr, vq->hdr_len);
		return ret <= 0 ? ret : vnet_rx_put_skb(vq, out, skb);
	}
	memcpy(__skb_push(skb, vq->hdr_len), hdr, vq->hdr_len);
	ret = vnet_rx_put_skb(vq, out, skb);
	__skb_pull(skb, vq->hdr_len);
	return ret;
}

/* All of the packet is written: say how many buffers it took, keep them. */
static int vnet_rx_finish(struct vnet_vq *vq, struct vnet_rx_out *out)
{
	u8 count[2];
	int err;

	err = vnet_ring_stage(vq, out->ring, out->put);
	if (!err && vnet_rx_buffers(vq) > 1) {
		put_unaligned_le16(vnet_rx_buffers(vq), count);
		err = vnet_ring_write_at(vq, out->ring, out->num_buffers[0],
					 &count[0], 1);
		if (!err)
			err = vnet_ring_write_at(vq, out->ring,
						 out->num_buffers[1],
						 &count[1], 1);
	}
	if (err)
		return err;
	vnet_ring_keep(vq);
	return 1;
}

/*
 * Give a packet to the guest, in one buffer or, if they are mergeable, several.
 * Returns 1 if they are kept for it; else nothing was: 0 if it has not enough
 * buffers, those that it has are staged; -EMSGSIZE if the packet is too long for
 * the guest, -EOPNOTSUPP if it accepts no such packets, or another error: see
 * ring.c.
 */
static int vnet_rx_one(struct vnet_vq *vq, const struct vnet_ring *ring,
		       struct sk_buff *skb)
{
	struct vnet_rx_out out = { .ring = ring };
	struct virtio_net_hdr_v1_hash hdr;
	int ret;

	if (skb->len > vnet_rx_max(vq, skb))
		return -EMSGSIZE;
	ret = vnet_offload_to_guest(vq, skb, &hdr);
	if (ret)
		return ret;

	ret = vnet_rx_buffer(vq, &out);
	if (ret > 0)
		ret = vnet_rx_check_room(vq, &out, skb->len);
	if (ret > 0)
		ret = vnet_rx_put_packet(vq, &out, &hdr, skb);
	if (ret > 0)
		ret = vnet_rx_finish(vq, &out);
	return ret;
}

/*
 * Like vnet_rx_one(), but nothing is staged afterwards that is not kept; without
 * buffers, the driver's next one brings a kick.
 */
static int vnet_rx_or_wait(struct vnet_vq *vq, const struct vnet_ring *ring,
			   struct sk_buff *skb)
{
	unsigned int tries;
	int ret, more;

	for (tries = 0; tries < VNET_RX_TRIES; tries++) {
		ret = vnet_rx_one(vq, ring, skb);
		more = ret ? 0 : vnet_ring_notify_on(vq, ring);
		if (ret == -EIO)
			vnet_ring_return_bad(vq, ring);
		vnet_ring_rollback(vq);
		if (ret)
			return ret;
		if (more <= 0)
			return more;
	}
	/* The driver adds them one by one, or takes them back: again, at once. */
	return -EBUSY;
}

/*
 * Count what became of a packet: as vnet_rx_one() returned, other than 0; or
 * -EPERM if the driver does not want it.
 */
static void vnet_rx_count(struct vnet_vq *vq, const struct sk_buff *skb,
			  int ret)
{
	struct vnet_stats *stats = &vq->stats;

	lockdep_assert_held(&vq->lock);

	u64_stats_update_begin(&stats->syncp);
	if (ret > 0) {
		u64_stats_inc(&stats->packets);
		u64_stats_add(&stats->bytes, skb->len);
	} else if (ret == -EMSGSIZE) {
		u64_stats_inc(&stats->errors);
		u64_stats_inc(&stats->length_errors);
	} else if (ret == -EIO) {
		u64_stats_inc(&stats->errors);
	} else if (ret == -EPERM) {
		u64_stats_inc(&stats->filtered);
	} else {
		u64_stats_inc(&stats->dropped);
	}
	u64_stats_update_end(&stats->syncp);
}

/* The ring cannot be used any more, it is not just this packet. */
static bool vnet_is_ring_error(int ret)
{
	return ret < 0 && ret != -EMSGSIZE && ret != -EOPNOTSUPP &&
	       ret != -EIO && ret != -EBUSY && !vnet_is_transient(ret);
}

/* Without sleeping. Returns as vnet_rx_one(). */
static int vnet_rx_now(struct vnet_vq *vq, struct sk_buff *skb, bool more)
{
	struct vnet_ring ring;
	int ret = -EAGAIN;

	lockdep_assert_held(&vq->lock);

	mdev_migrate_reader_enter(&vq->reader);
	if (vnet_ring_get(vq, &ring)) {
		ret = vnet_rx_or_wait(vq, &ring, skb);
		/* The guest has to see its packets before it gives buffers. */
		if (!more || ret <= 0)
			vnet_ring_flush(vq, &ring);
	}
	mdev_migrate_reader_exit(&vq->reader);

	if (vnet_is_ring_error(ret))
		vnet_vq_break(vq);
	return ret;
}

/* A burst is over, and its last packet did not end it. */
static void vnet_rx_flush_locked(struct vnet_vq *vq)
{
	struct vnet_ring ring;

	lockdep_assert_held(&vq->lock);

	/* Who is busy does it itself. */
	if (vq->busy || !vnet_vq_usable(vq) || !vq->kept)
		return;

	mdev_migrate_reader_enter(&vq->reader);
	if (vnet_ring_get(vq, &ring))
		vnet_ring_flush(vq, &ring);
	else
		vnet_vq_poke_locked(vq);
	mdev_migrate_reader_exit(&vq->reader);
}

/**
 * vnet_rx_flush - show the guest the packets that it has been given
 * @vq: the receive queue
 *
 * Context: Any but hard interrupt.
 */
void vnet_rx_flush(struct vnet_vq *vq)
{
	spin_lock_bh(&vq->lock);
	vnet_rx_flush_locked(vq);
	spin_unlock_bh(&vq->lock);
}

static bool vnet_backlog_add(struct vnet_vq *vq, struct sk_buff *skb)
{
	lockdep_assert_held(&vq->lock);

	if (skb_queue_len(&vq->backlog) >= VNET_BACKLOG_PACKETS ||
	    vq->backlog_bytes + skb->truesize > VNET_BACKLOG_BYTES)
		return false;

	/* It may stay here for long: its sender must not wait for it. */
	if (skb_orphan_frags_rx(skb, GFP_ATOMIC))
		return false;
	skb_orphan(skb);
	nf_reset_ct(skb);

	__skb_queue_tail(&vq->backlog, skb);
	vq->backlog_bytes += skb->truesize;
	return true;
}

/* Packets that were steered as it was before are late. */
static bool vnet_rx_in_use(const struct vnet_vq *vq)
{
	const struct vnet *vnet = vq->vnet;

	return vnet_vq_pair(vq) < vnet_steer_rx_pairs(vnet, &vnet->ctrl);
}

/**
 * vnet_rx_xmit - the host sends a packet into the interface
 * @vq: the receive queue
 * @skb: the packet, with its Ethernet header linear; consumed
 * @more: another one for this queue, or vnet_rx_flush(), follows at once
 *
 * Context: Bottom halves are off.
 * Return: NETDEV_TX_OK.
 */
netdev_tx_t vnet_rx_xmit(struct vnet_vq *vq, struct sk_buff *skb, bool more)
{
	bool wanted = vnet_filter_wants(vq->vnet, skb);
	int ret = 0;

	spin_lock(&vq->lock);
	if (!vq->accepting || vq->broken || !vnet_rx_in_use(vq)) {
		ret = -ENETDOWN;
	} else if (!wanted) {
		ret = -EPERM;
	} else if (vq->busy) {
		/* The worker may have seen the end of the backlog already. */
		vnet_vq_poke_locked(vq);
	} else if (vnet_vq_usable(vq) && skb_queue_empty(&vq->backlog)) {
		ret = vnet_rx_now(vq, skb, more);
		if (ret == -EAGAIN || ret == -EBUSY) {
			vnet_vq_poke_locked(vq);
			ret = 0;
		}
	}
	if (!ret && vnet_backlog_add(vq, skb))
		skb = NULL;
	else
		vnet_rx_count(vq, skb, ret);
	if (!more)
		vnet_rx_flush_locked(vq);
	spin_unlock(&vq->lock);

	if (ret > 0 || ret == -EPERM)
		consume_skb(skb);
	else
		kfree_skb(skb);
	return NETDEV_TX_OK;
}

/**
 * vnet_rx_purge - drop the packets that wait
 * @vq: the receive queue, which gets no more of them
 *
 * Context: vq->mutex is held.
 */
void vnet_rx_purge(struct vnet_vq *vq)
{
	struct sk_buff_head gone;

	lockdep_assert_held(&vq->mutex);
	__skb_queue_head_init(&gone);

	spin_lock_bh(&vq->lock);
	u64_stats_update_begin(&vq->stats.syncp);
	u64_stats_add(&vq->stats.dropped, skb_queue_len(&vq->backlog));
	u64_stats_update_end(&vq->stats.syncp);
	skb_queue_splice_init(&vq->backlog, &gone);
	vq->backlog_bytes = 0;
	spin_unlock_bh(&vq->lock);

	__skb_queue_purge(&gone);
}

/* The packets are taken out by who holds vq->mutex only: so @skb stays. */
static struct sk_buff *vnet_backlog_first(struct vnet_vq *vq)
{
	struct sk_buff *skb;

	lockdep_assert_held(&vq->mutex);

	spin_lock_bh(&vq->lock);
	skb = skb_peek(&vq->backlog);
	spin_unlock_bh(&vq->lock);
	return skb;
}

static void vnet_backlog_done(struct vnet_vq *vq, struct sk_buff *skb, int ret)
{
	spin_lock_bh(&vq->lock);
	__skb_unlink(skb, &vq->backlog);
	vq->backlog_bytes -= skb->truesize;
	vnet_rx_count(vq, skb, ret);
	spin_unlock_bh(&vq->lock);

	if (ret > 0)
		consume_skb(skb);
	else
		kfree_skb(skb);
}

/* Without sleeping if that goes. Returns as vnet_rx_one(). */
static int vnet_rx_give(struct vnet_vq *vq, struct sk_buff *skb)
{
	struct vnet_ring ring;
	int ret = -EAGAIN;

	mdev_migrate_reader_enter(&vq->reader);
	if (vnet_ring_get(vq, &ring))
		ret = vnet_rx_or_wait(vq, &ring, skb);
	mdev_migrate_reader_exit(&vq->reader);
	return ret == -EAGAIN ? vnet_rx_or_wait(vq, NULL, skb) : ret;
}

/*
 * Give the backlog to the guest. Returns 1 if the budget ended it, 0 if there is
 * no more or no buffer, or an error.
 */
static int vnet_rx_drain(struct vnet_vq *vq)
{
	unsigned int taken = 0;
	struct sk_buff *skb;
	int ret = 0, err;

	while (taken < VNET_BUDGET) {
		skb = vnet_backlog_first(vq);
		if (!skb)
			break;
		ret = vnet_rx_give(vq, skb);
		if (!ret || ret == -EBUSY || vnet_is_transient(ret) ||
		    vnet_is_ring_error(ret))
			break;
		taken++;
		vnet_backlog_done(vq, skb, ret);
		ret = 0;
		cond_resched();
		if (vq->kept < VNET_RX_BATCH)
			continue;
		err = vnet_ring_flush(vq, NULL);
		if (err)
			return err;
	}

	err = vnet_ring_flush(vq, NULL);
	if (ret == -EBUSY)
		return err ?: 1;
	return ret ?: err ?: taken == VNET_BUDGET;
}

/**
 * vnet_rx_run - give the backlog to the guest
 * @vq: the receive queue, claimed; released on return
 *
 * Context: The worker.
 */
void vnet_rx_run(struct vnet_vq *vq)
{
	int ret;

	ret = vnet_ring_notify_off(vq, NULL);
	if (!ret)
		ret = vnet_rx_drain(vq);
	vnet_vq_finish(vq, ret);
}
