// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host to guest. A packet that the host sends into the interface goes into the
 * guest's buffer at once, inside ndo_start_xmit(), if that does not sleep.
 * Otherwise, or if there is no buffer, it goes into the backlog, from where the
 * worker takes it; while there is a backlog, later packets queue up behind it.
 *
 * As with a tap, a full backlog drops: a guest that does not take its packets
 * must not hold up their senders.
 */
#include "virtio_net.h"

/* The longest frame that the driver takes. */
static unsigned int vnet_rx_max(struct vnet_vq *vq, const struct sk_buff *skb)
{
	struct vnet *vnet = vq->vnet;
	__be16 proto = ((const struct ethhdr *)skb->data)->h_proto;
	unsigned int mtu;

	if (!(vnet->driver_features & BIT_ULL(VIRTIO_NET_F_MTU)))
		return UINT_MAX;
	mtu = vnet->mdm.config.values[VNET_MTU];
	return mtu + (eth_type_vlan(proto) ? VLAN_ETH_HLEN : ETH_HLEN);
}

/*
 * Give a packet to the guest. Returns 1 if it has it, 0 if it has no buffer,
 * -EMSGSIZE if the packet is too long for the guest, or another error of the
 * ring's.
 */
static int vnet_rx_one(struct vnet_vq *vq, const struct vnet_ring *ring,
		       const struct sk_buff *skb)
{
	static const struct virtio_net_hdr_v1 hdr = {
		.num_buffers = (__force __virtio16)cpu_to_le16(1),
	};
	u32 len = VNET_HDR_LEN + skb->len;
	int ret;

	if (skb->len > vnet_rx_max(vq, skb))
		return -EMSGSIZE;

	ret = vnet_ring_peek(vq, ring);
	if (ret <= 0)
		return ret;
	if (vq->chain.nr_out) {
		vq->why = "a readable descriptor in the receive queue";
		return -EINVAL;
	}
	if (vq->chain.in_len < len)
		return -EMSGSIZE;

	ret = vnet_ring_write(vq, ring, &hdr, VNET_HDR_LEN);
	if (!ret)
		ret = vnet_ring_write(vq, ring, skb->data, skb->len);
	if (ret)
		return ret;
	return vnet_ring_push(vq, ring, len) ? -EFAULT : 1;
}

/* Like vnet_rx_one(); without a buffer, the driver's next one brings a kick. */
static int vnet_rx_or_wait(struct vnet_vq *vq, const struct vnet_ring *ring,
			   const struct sk_buff *skb)
{
	int ret = vnet_rx_one(vq, ring, skb);

	if (ret)
		return ret;
	ret = vnet_ring_notify_on(vq, ring);
	if (ret <= 0)
		return ret;
	ret = vnet_rx_one(vq, ring, skb);
	/* Then the driver took it back: only a bad one does. */
	return ret ?: -EAGAIN;
}

/* Count what became of a packet: as vnet_rx_one() returned, other than 0. */
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
	} else {
		u64_stats_inc(&stats->dropped);
	}
	u64_stats_update_end(&stats->syncp);
}

/* The ring cannot be used any more, it is not just this packet. */
static bool vnet_is_ring_error(int ret)
{
	return ret < 0 && ret != -EAGAIN && ret != -EMSGSIZE && ret != -ENOMEM;
}

/* Without sleeping. Returns as vnet_rx_one(). */
static int vnet_rx_now(struct vnet_vq *vq, const struct sk_buff *skb)
{
	struct vnet_ring ring;
	int ret = -EAGAIN;
	int err;

	lockdep_assert_held(&vq->lock);

	rcu_read_lock();
	if (vnet_ring_get(vq, &ring)) {
		ret = vnet_rx_or_wait(vq, &ring, skb);
		if (ret > 0) {
			err = vnet_ring_signal(vq, &ring);
			if (err)
				vnet_vq_break(vq);
		}
	}
	rcu_read_unlock();

	if (vnet_is_ring_error(ret))
		vnet_vq_break(vq);
	return ret;
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

/**
 * vnet_rx_xmit - the host sends a packet into the interface
 * @vq: the receive queue
 * @skb: the packet, linear, with its Ethernet header; consumed
 *
 * Context: Bottom halves are off.
 * Return: NETDEV_TX_OK.
 */
netdev_tx_t vnet_rx_xmit(struct vnet_vq *vq, struct sk_buff *skb)
{
	int ret = 0;

	spin_lock(&vq->lock);
	if (!vq->accepting || vq->broken) {
		ret = -ENETDOWN;
	} else if (vq->busy) {
		/* The worker may have seen the end of the backlog already. */
		queue_work(vnet_wq, &vq->work);
	} else if (vnet_vq_usable(vq) && skb_queue_empty(&vq->backlog)) {
		ret = vnet_rx_now(vq, skb);
		if (ret == -EAGAIN) {
			queue_work(vnet_wq, &vq->work);
			ret = 0;
		}
	}
	if (!ret && vnet_backlog_add(vq, skb))
		skb = NULL;
	else
		vnet_rx_count(vq, skb, ret);
	spin_unlock(&vq->lock);

	if (ret > 0)
		consume_skb(skb);
	else
		kfree_skb(skb);
	return NETDEV_TX_OK;
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

/*
 * Give the backlog to the guest. Returns 1 if the budget ended it, 0 if there is
 * no more or no buffer, or an error of the ring's.
 */
static int vnet_rx_drain(struct vnet_vq *vq)
{
	unsigned int taken = 0, given = 0;
	struct sk_buff *skb;
	int ret = 0, err;

	while (taken < VNET_BUDGET) {
		skb = vnet_backlog_first(vq);
		if (!skb)
			break;
		ret = vnet_rx_or_wait(vq, NULL, skb);
		if (!ret || ret == -EAGAIN || vnet_is_ring_error(ret))
			break;
		taken++;
		given += ret > 0;
		vnet_backlog_done(vq, skb, ret);
	}

	err = given ? vnet_ring_signal(vq, NULL) : 0;
	if (vnet_is_ring_error(ret))
		return ret;
	return err ?: taken == VNET_BUDGET || ret == -EAGAIN;
}

/**
 * vnet_rx_work - give the backlog to the guest
 * @work: the queue's
 */
void vnet_rx_work(struct work_struct *work)
{
	struct vnet_vq *vq = container_of(work, struct vnet_vq, work);
	int ret;

	if (!vnet_vq_claim(vq))
		return;
	ret = vnet_ring_notify_off(vq, NULL);
	if (!ret)
		ret = vnet_rx_drain(vq);
	if (vnet_is_ring_error(ret))
		vnet_vq_break(vq);
	vnet_vq_release(vq);

	/* Short of memory: again, it may have passed. */
	if (ret > 0 || ret == -ENOMEM)
		queue_work(vnet_wq, &vq->work);
}
