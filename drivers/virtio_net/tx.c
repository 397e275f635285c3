// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest to host. The worker copies the guest's packets and hands them to the host's
 * network stack. A short packet that is alone is sent by the kick itself, which is
 * faster; the guest's CPU, and on a real host QEMU's big lock, wait meanwhile, so it
 * is no more than that. Either lets go of the queue when the host has the packets:
 * else the other one could be faster, with later ones.
 */
#include "virtio_net.h"

/* A longer packet is in pages but for its beginning. */
#define VNET_LINEAR_MAX		SKB_MAX_HEAD(NET_SKB_PAD + NET_IP_ALIGN)
#define VNET_LINEAR_PULL	128
#define VNET_FRAG_ORDER		PAGE_ALLOC_COSTLY_ORDER

/*
 * Packets and bytes that are copied before they are handed on: what has just
 * been copied is still in the CPU's caches then, and so is, for the next ones,
 * the memory that they were copied to.
 */
#define VNET_TX_BATCH_PACKETS	64
#define VNET_TX_BATCH_BYTES	SZ_32K
/* The longest packet that a kick sends itself, with its header. */
#define VNET_TX_KICK_BYTES	2048

/* What a batch came to; added to the queue's counters at its end. */
struct vnet_tx_run {
	struct list_head skbs;
	unsigned int limit; /* the worker's */
	unsigned int longest;
	unsigned int taken;
	unsigned int packets;
	u64 bytes;
	unsigned int dropped;
	unsigned int errors;
	unsigned int length_errors;
};

/*
 * How much of a packet of @len bytes, with virtio's header, is linear. A guest
 * has the headers of a long packet in a piece of their own, and the payload in
 * whole pages: it is copied to whole pages then.
 */
static unsigned int vnet_tx_linear(const struct vnet_vq *vq, unsigned int len)
{
	u32 first = vq->chain.segs[0].len;

	if (len <= VNET_LINEAR_MAX)
		return len;
	if (first < vq->hdr_len + ETH_HLEN ||
	    first > vq->hdr_len + VNET_LINEAR_PULL)
		return vq->hdr_len + VNET_LINEAR_PULL;
	return first;
}

/* Room for such a packet. Pages are allocated where one can sleep only. */
static struct sk_buff *vnet_tx_alloc(struct vnet_vq *vq, unsigned int len,
				     gfp_t gfp)
{
	unsigned int room = NET_SKB_PAD + NET_IP_ALIGN;
	unsigned int linear = vnet_tx_linear(vq, len);
	struct sk_buff *skb;
	int err;

	skb = alloc_skb_with_frags(room + linear, len - linear,
				   VNET_FRAG_ORDER, &err,
				   gfp | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, room);
	skb_put(skb, linear);
	skb->data_len = len - linear;
	skb->len += len - linear;
	skb->dev = vq->vnet->netdev;
	return skb;
}

static int vnet_tx_read(struct vnet_vq *vq, const struct vnet_ring *ring,
			struct sk_buff *skb)
{
	unsigned int left = skb->data_len;
	unsigned int i;
	int err;

	err = vnet_ring_read(vq, ring, skb->data, skb_headlen(skb));
	for (i = 0; !err && i < skb_shinfo(skb)->nr_frags; i++) {
		skb_frag_t *frag = &skb_shinfo(skb)->frags[i];
		unsigned int size = min(left, skb_frag_size(frag));

		skb_frag_size_set(frag, size);
		err = vnet_ring_read(vq, ring, skb_frag_address(frag), size);
		left -= size;
	}
	return err;
}

/*
 * The header and the packet in one go, as they mostly are one piece; then as the
 * header says. Returns as vnet_ring_read(), or -EBADMSG.
 */
static int vnet_tx_fill(struct vnet_vq *vq, const struct vnet_ring *ring,
			struct sk_buff *skb)
{
	struct virtio_net_hdr_v1 hdr;
	int err;

	err = vnet_tx_read(vq, ring, skb);
	if (err)
		return err;
	memcpy(&hdr, skb->data, sizeof(hdr));
	__skb_pull(skb, vq->hdr_len);
	return vnet_offload_from_guest(vq, &hdr, skb) ? -EBADMSG : 0;
}

/* Where one can sleep: all the same without it, if that goes. */
static int vnet_tx_fill_slow(struct vnet_vq *vq, struct sk_buff *skb)
{
	struct vnet_ring ring;
	int err = -EAGAIN;

	mdev_migrate_reader_enter(&vq->reader);
	if (vnet_ring_get(vq, &ring))
		err = vnet_tx_fill(vq, &ring, skb);
	mdev_migrate_reader_exit(&vq->reader);
	if (err != -EAGAIN)
		return err;

	vnet_chain_rewind(&vq->chain);
	return vnet_tx_fill(vq, NULL, skb);
}

/*
 * Copy the packet in vq->chain. Returns 0 also where there is nothing to send
 * on: that is counted in @run, and the chain is to be returned all the same.
 */
static int vnet_tx_copy(struct vnet_vq *vq, const struct vnet_ring *ring,
			struct vnet_tx_run *run, struct sk_buff **result)
{
	struct sk_buff *skb;
	u32 len = vq->chain.out_len;
	int err;

	*result = NULL;
	if (len < vq->hdr_len + ETH_HLEN ||
	    len - vq->hdr_len > VNET_MAX_FRAME) {
		run->length_errors++;
		run->errors++;
		return 0;
	}
	if (ring && len > VNET_LINEAR_MAX)
		return -EAGAIN;

	skb = vnet_tx_alloc(vq, len, ring ? GFP_ATOMIC : GFP_KERNEL);
	/* The worker tries; then it is tried again a little later. */
	if (!skb)
		return ring ? -EAGAIN : -ENOMEM;
	err = ring ? vnet_tx_fill(vq, ring, skb) : vnet_tx_fill_slow(vq, skb);
	if (!err) {
		*result = skb;
		return 0;
	}
	kfree_skb(skb);
	if (err != -EIO && err != -EBADMSG)
		return err;
	run->errors++;
	return 0;
}

/*
 * Returns 1 if there was a packet, 0 if not, or an error: see ring.c also for
 * @ring.
 */
static int vnet_tx_one(struct vnet_vq *vq, const struct vnet_ring *ring,
		       struct vnet_tx_run *run)
{
	struct sk_buff *skb = NULL;
	int ret;

	ret = vnet_ring_peek(vq, ring);
	if (!ret || (ret < 0 && ret != -EIO))
		return ret;
	if (ret > 0 && vq->chain.nr_in)
		return vnet_vq_bad(vq, "a writable descriptor in the transmit queue");
	if (ret > 0 && vq->chain.out_len > run->longest)
		return -EAGAIN;

	if (ret > 0) {
		ret = vnet_tx_copy(vq, ring, run, &skb);
		if (ret)
			return ret;
	} else {
		run->errors++;
	}
	ret = vnet_ring_stage(vq, ring, 0);
	if (ret) {
		kfree_skb(skb);
		return ret;
	}
	run->taken++;
	if (skb) {
		run->packets++;
		run->bytes += skb->len;
		list_add_tail(&skb->list, &run->skbs);
	}
	return 1;
}

static bool vnet_tx_has_room(const struct vnet_tx_run *run)
{
	return run->taken < run->limit &&
	       run->bytes < VNET_TX_BATCH_BYTES;
}

/* Without sleeping. Returns as vnet_tx_one() for the last. */
static int vnet_tx_now(struct vnet_vq *vq, struct vnet_tx_run *run)
{
	struct vnet_ring ring;
	int ret = -EAGAIN;

	mdev_migrate_reader_enter(&vq->reader);
	if (vnet_ring_get(vq, &ring)) {
		do {
			ret = vnet_tx_one(vq, &ring, run);
		} while (ret > 0 && vnet_tx_has_room(run));
	}
	mdev_migrate_reader_exit(&vq->reader);
	return ret;
}

/*
 * Return what was taken, whatever came then: now or, if the ring is not to be had
 * now, with what is taken next.
 */
static int vnet_tx_publish(struct vnet_vq *vq)
{
	int err = 0;

	if (vq->staged)
		err = vnet_ring_publish(vq, NULL);
	if (err)
		vnet_ring_keep(vq);
	return err;
}

/*
 * Take the guest's packets. Returns 1 if the batch is full, 0 if there is no
 * more, or an error of the ring's.
 */
static int vnet_tx_drain(struct vnet_vq *vq, struct vnet_tx_run *run)
{
	int ret, err;

	ret = vnet_ring_flush(vq, NULL);
	if (!ret)
		ret = vnet_ring_notify_off(vq, NULL);
	if (ret)
		return ret;

	while (vnet_tx_has_room(run)) {
		ret = vnet_tx_now(vq, run);
		if (ret == -EAGAIN)
			ret = vnet_tx_one(vq, NULL, run);
		err = vnet_tx_publish(vq);
		if (err)
			ret = err;
		if (!ret)
			ret = vnet_ring_notify_on(vq, NULL);
		if (ret <= 0)
			break;
	}

	err = run->taken ? vnet_ring_signal(vq, NULL) : 0;
	return ret < 0 ? ret : err ?: ret;
}

static void vnet_tx_count(struct vnet_vq *vq, const struct vnet_tx_run *run)
{
	struct vnet_stats *stats = &vq->stats;

	spin_lock_bh(&vq->lock);
	u64_stats_update_begin(&stats->syncp);
	u64_stats_add(&stats->packets, run->packets);
	u64_stats_add(&stats->bytes, run->bytes);
	u64_stats_add(&stats->dropped, run->dropped);
	u64_stats_add(&stats->errors, run->errors);
	u64_stats_add(&stats->length_errors, run->length_errors);
	u64_stats_update_end(&stats->syncp);
	spin_unlock_bh(&vq->lock);
}

/* @last: the packet before, or NULL. */
static void vnet_tx_prepare(struct vnet_vq *vq, struct sk_buff *skb,
			    const struct sk_buff *last)
{
	skb->protocol = eth_type_trans(skb, vq->vnet->netdev);
	skb_reset_network_header(skb);
	/* Who has to cut it into segments relies on it. */
	if (skb_is_gso(skb))
		skb_probe_transport_header(skb);
	skb_record_rx_queue(skb, vnet_vq_pair(vq));
	/* By that the host may choose a queue to send it on, and ours keeps its order. */
#ifdef CONFIG_XPS
	skb->sender_cpu = vq->processor + 1;
#endif
	vnet_steer_learn(vq, skb, last);
}

/* Packets for an interface that is down are dropped: its link is down too. */
static void vnet_tx_deliver(struct vnet_vq *vq, struct vnet_tx_run *run)
{
	struct sk_buff *skb, *next, *last = NULL;

	lockdep_assert_held(&vq->mutex);
	local_bh_disable();
	rcu_read_lock();
	list_for_each_entry_safe(skb, next, &run->skbs, list) {
		if (vq->vnet->netdev->flags & IFF_UP) {
			vnet_tx_prepare(vq, skb, last);
			last = skb;
			continue;
		}
		skb_list_del_init(skb);
		run->packets--;
		run->bytes -= skb->len;
		run->dropped++;
		kfree_skb(skb);
	}
	netif_receive_skb_list(&run->skbs);
	rcu_read_unlock();
	local_bh_enable();
}

/* The driver says how many queues it uses; what is in others is let lie. */
static bool vnet_tx_in_use(const struct vnet_vq *vq)
{
	return vnet_vq_pair(vq) < READ_ONCE(vq->vnet->ctrl.pairs);
}

/* Returns as vnet_tx_drain(). */
static int vnet_tx_batch(struct vnet_vq *vq, unsigned int *taken)
	__releases(&vq->mutex)
{
	struct vnet_tx_run run = {
		.skbs = LIST_HEAD_INIT(run.skbs),
		.limit = VNET_TX_BATCH_PACKETS,
		.longest = UINT_MAX,
	};
	int ret = 0;

	if (vnet_tx_in_use(vq))
		ret = vnet_tx_drain(vq, &run);
	vnet_tx_deliver(vq, &run);
	vnet_tx_count(vq, &run);
	vnet_vq_finish(vq, min(ret, 0));
	*taken += run.taken;
	return ret;
}

/**
 * vnet_tx_run - send the guest's packets
 * @vq: the transmit queue, claimed; released on return
 *
 * Context: The worker.
 */
void vnet_tx_run(struct vnet_vq *vq)
{
	unsigned int taken = 0;
	int ret;

	do {
		ret = vnet_tx_batch(vq, &taken);
	} while (ret > 0 && taken < VNET_BUDGET && vnet_vq_claim(vq));
	if (ret > 0)
		vnet_vq_poke(vq);
}

/* Returns 0 if there is no more, else the worker is to look. */
static int vnet_tx_kick_one(struct vnet_vq *vq, struct vnet_tx_run *run)
{
	struct vnet_ring ring;
	int ret = -EAGAIN;

	if (!vnet_tx_in_use(vq))
		return 0;

	mdev_migrate_reader_enter(&vq->reader);
	if (vnet_ring_get(vq, &ring) && !vq->kept) {
		ret = vnet_tx_one(vq, &ring, run);
		if (run->taken) {
			vnet_ring_publish(vq, &ring);
			ret = vnet_ring_notify_on(vq, &ring);
			vnet_ring_signal(vq, &ring);
		}
	}
	mdev_migrate_reader_exit(&vq->reader);
	return ret;
}

/**
 * vnet_tx_kick - send the guest's packet, if it is one
 * @vq: the transmit queue, claimed; released on return
 *
 * Context: The driver's kick. Touches guest memory that is at hand only.
 */
void vnet_tx_kick(struct vnet_vq *vq)
{
	struct vnet_tx_run run = {
		.skbs = LIST_HEAD_INIT(run.skbs),
		.longest = VNET_TX_KICK_BYTES,
	};
	int ret;

	ret = vnet_tx_kick_one(vq, &run);
	vnet_tx_deliver(vq, &run);
	vnet_tx_count(vq, &run);
	vnet_vq_release(vq);
	if (ret)
		vnet_vq_poke(vq);
}
