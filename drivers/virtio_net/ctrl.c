// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control queue: the driver's commands, as a table. A command has a class,
 * a number and data, which the device reads, and room for a byte, in which it
 * answers. One that is cut short, too long, unknown, not negotiated, or asks
 * for what cannot be, is answered VIRTIO_NET_ERR and changes nothing.
 */
#include <linux/unaligned.h>
#include "virtio_net.h"

struct vnet_command {
	u8 class;
	u8 command;
	/* The feature that comes with it. */
	u8 feature;
	/* Bytes of data. */
	u16 min;
	u16 max;
	vnet_ctrl_set set;
	/* What is to follow once it is set, or NULL. */
	void (*done)(struct vnet *vnet);
};

/* The longest: class, command, data. */
#define VNET_COMMAND_MAX	(sizeof(struct virtio_net_ctrl_hdr) + VNET_TABLE_MAX)

/*
 * Wait until nobody hands packets to the queues as it was before, and the guest
 * sees those that it was given. The packets that wait in queues which are not in
 * use any more are dropped.
 */
static void vnet_ctrl_settle(struct vnet *vnet)
{
	unsigned int rx_pairs = vnet_steer_rx_pairs(vnet, &vnet->ctrl);
	unsigned int pairs = vnet_driver_pairs(vnet, vnet->ctrl.features);
	unsigned int i;

	for (i = 0; i < pairs; i++) {
		struct vnet_vq *rx = vnet_rx_queue(vnet, i);
		struct vnet_vq *tx = vnet_tx_queue(vnet, i);

		mutex_lock_nested(&rx->mutex, SINGLE_DEPTH_NESTING);
		vnet_rx_flush(rx);
		if (i >= rx_pairs)
			vnet_rx_purge(rx);
		mutex_unlock(&rx->mutex);
		mutex_lock_nested(&tx->mutex, SINGLE_DEPTH_NESTING);
		mutex_unlock(&tx->mutex);
	}
}

/* Queues that came into use are looked at, by their workers. */
static void vnet_ctrl_pairs_done(struct vnet *vnet)
{
	unsigned int i;

	vnet_ctrl_settle(vnet);
	for (i = 0; i < vnet->ctrl.pairs; i++)
		vnet_vq_poke(vnet_tx_queue(vnet, i));
}

static int vnet_ctrl_nothing(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			     u8 command, const u8 *data, size_t len)
{
	return 0;
}

#define RX_MODE(_command, _feature)					\
	{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_##_command,		\
	  VIRTIO_NET_F_##_feature, 1, 1, vnet_filter_set_mode, NULL }

static const struct vnet_command vnet_commands[] = {
	RX_MODE(PROMISC, CTRL_RX),
	RX_MODE(ALLMULTI, CTRL_RX),
	RX_MODE(ALLUNI, CTRL_RX_EXTRA),
	RX_MODE(NOMULTI, CTRL_RX_EXTRA),
	RX_MODE(NOUNI, CTRL_RX_EXTRA),
	RX_MODE(NOBCAST, CTRL_RX_EXTRA),
	{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
	  VIRTIO_NET_F_CTRL_RX, VNET_TABLE_MIN, VNET_TABLE_MAX,
	  vnet_filter_set_table, NULL },
	{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
	  VIRTIO_NET_F_CTRL_MAC_ADDR, ETH_ALEN, ETH_ALEN,
	  vnet_filter_set_mac, NULL },
	{ VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD,
	  VIRTIO_NET_F_CTRL_VLAN, sizeof(__le16), sizeof(__le16),
	  vnet_filter_set_vlan, NULL },
	{ VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL,
	  VIRTIO_NET_F_CTRL_VLAN, sizeof(__le16), sizeof(__le16),
	  vnet_filter_set_vlan, NULL },
	{ VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK,
	  VIRTIO_NET_F_GUEST_ANNOUNCE, 0, 0, vnet_ctrl_nothing,
	  vnet_announce_ack },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET,
	  VIRTIO_NET_F_MQ, sizeof(__le16), sizeof(__le16),
	  vnet_steer_set_pairs, vnet_ctrl_pairs_done },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG,
	  VIRTIO_NET_F_RSS, VNET_RSS_MIN, VNET_RSS_MAX, vnet_steer_set_rss,
	  vnet_ctrl_pairs_done },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG,
	  VIRTIO_NET_F_HASH_REPORT, VNET_HASH_MIN, VNET_HASH_MAX,
	  vnet_steer_set_hash, NULL },
	{ VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET,
	  VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, sizeof(__le64), sizeof(__le64),
	  vnet_offload_set, vnet_ctrl_settle },
};

/**
 * vnet_ctrl_init - what is set before the first command
 * @ctrl: where to
 * @features: the features that the driver has accepted, 0 before it did
 * @mac: the device's address
 */
void vnet_ctrl_init(struct vnet_ctrl *ctrl, u64 features, const u8 *mac)
{
	memset(ctrl, 0, sizeof(*ctrl));
	ctrl->features = features;
	ether_addr_copy(ctrl->mac, mac);
	/* A driver that says nothing wants everything. */
	ctrl->rx_modes = BIT(VIRTIO_NET_CTRL_RX_PROMISC);
	ctrl->offloads = features & VNET_GUEST_OFFLOADS;
	ctrl->pairs = 1;
}

/**
 * vnet_ctrl_reset - forget what the driver has set
 * @vnet: the device; its queues are not live
 * @features: as in vnet_ctrl_init()
 *
 * Context: vnet->lock is held.
 */
void vnet_ctrl_reset(struct vnet *vnet, u64 features)
{
	lockdep_assert_held(&vnet->lock);

	write_seqlock_bh(&vnet->ctrl_lock);
	/* Changes under vnet->lock, too. */
	vnet_ctrl_init(&vnet->ctrl, features, context_unsafe(vnet->mac));
	write_sequnlock_bh(&vnet->ctrl_lock);
	memset(vnet->flows, 0, sizeof(vnet->flows));
}

static const struct vnet_command *vnet_ctrl_find(const struct vnet *vnet,
						 const u8 *data, size_t len)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vnet_commands); i++) {
		const struct vnet_command *cmd = &vnet_commands[i];

		if (cmd->class != data[0] || cmd->command != data[1])
			continue;
		if (!(vnet->ctrl.features & BIT_ULL(cmd->feature)))
			return NULL;
		return len - 2 >= cmd->min && len - 2 <= cmd->max ? cmd : NULL;
	}
	return NULL;
}

/* Returns the answer. */
static u8 vnet_ctrl_do(struct vnet *vnet, const u8 *data, size_t len)
{
	const struct vnet_command *cmd;
	u8 mac[ETH_ALEN];
	int err;

	if (len < sizeof(struct virtio_net_ctrl_hdr))
		return VIRTIO_NET_ERR;
	cmd = vnet_ctrl_find(vnet, data, len);
	if (!cmd)
		return VIRTIO_NET_ERR;

	write_seqlock_bh(&vnet->ctrl_lock);
	ether_addr_copy(mac, vnet->ctrl.mac);
	err = cmd->set(vnet, &vnet->ctrl, cmd->command, data + 2, len - 2);
	/* Who reads the new address reads a new generation afterwards. */
	if (!ether_addr_equal(mac, vnet->ctrl.mac))
		vnet_config_renewed(vnet);
	write_sequnlock_bh(&vnet->ctrl_lock);
	if (err)
		return VIRTIO_NET_ERR;
	if (cmd->done)
		cmd->done(vnet);
	return VIRTIO_NET_OK;
}

static void vnet_ctrl_count(struct vnet *vnet, bool refused)
{
	struct vnet_stats *stats = &vnet->ctrl_stats;

	u64_stats_update_begin(&stats->syncp);
	u64_stats_inc(&stats->packets);
	if (refused)
		u64_stats_inc(&stats->errors);
	u64_stats_update_end(&stats->syncp);
}

static void vnet_ctrl_skip(struct vnet_chain *chain, size_t len)
{
	while (len) {
		size_t piece = min_t(size_t, len,
				     chain->segs[chain->seg].len - chain->off);

		chain->off += piece;
		len -= piece;
		if (chain->off == chain->segs[chain->seg].len) {
			chain->seg++;
			chain->off = 0;
		}
	}
}

/*
 * Read a list of addresses, but not more of them than it takes to see that there
 * is no room for it: *@p moves behind it, and it says that it is so long. Returns
 * 1, 0 if it is cut short, or an error.
 */
static int vnet_ctrl_fetch_list(struct vnet_vq *vq, u8 **p, size_t *left)
{
	u32 nr, kept;
	int err;

	if (*left < sizeof(__le32))
		return 0;
	err = vnet_ring_read(vq, NULL, *p, sizeof(__le32));
	if (err)
		return err;
	*left -= sizeof(__le32);
	nr = get_unaligned_le32(*p);
	if (nr > *left / ETH_ALEN)
		return 0;
	kept = min_t(u32, nr, VNET_LIST_MAX);
	put_unaligned_le32(kept, *p);
	*p += sizeof(__le32);
	err = vnet_ring_read(vq, NULL, *p, kept * ETH_ALEN);
	if (err)
		return err;
	*p += kept * ETH_ALEN;
	vnet_ctrl_skip(&vq->chain, (size_t)(nr - kept) * ETH_ALEN);
	*left -= (size_t)nr * ETH_ALEN;
	return 1;
}

/*
 * Read a command. Only a table of addresses can be longer than @data, since a
 * driver may have any number of them. Returns the length, 0 if it is no command,
 * or an error.
 */
static int vnet_ctrl_fetch(struct vnet_vq *vq, u8 *data)
{
	static const struct virtio_net_ctrl_hdr table = {
		VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
	};
	size_t left = vq->chain.out_len;
	u8 *p = data + sizeof(table);
	int ret;

	if (left <= VNET_COMMAND_MAX)
		return vnet_ring_read(vq, NULL, data, left) ?: left;

	ret = vnet_ring_read(vq, NULL, data, sizeof(table));
	if (ret || memcmp(data, &table, sizeof(table)))
		return ret;
	left -= sizeof(table);
	ret = vnet_ctrl_fetch_list(vq, &p, &left);
	if (ret > 0)
		ret = vnet_ctrl_fetch_list(vq, &p, &left);
	if (ret <= 0 || left)
		return min(ret, 0);
	return p - data;
}

/*
 * Returns 1 if there was a command, 0 if not, or an error: see ring.c. A command
 * whose memory is not to be had is refused.
 */
static int vnet_ctrl_one(struct vnet_vq *vq)
{
	struct vnet_chain *chain = &vq->chain;
	u8 data[VNET_COMMAND_MAX];
	u8 answer = VIRTIO_NET_ERR;
	u32 room;
	int ret;

	ret = vnet_ring_peek(vq, NULL);
	if (ret == -EIO) {
		vnet_ctrl_count(vq->vnet, true);
		return vnet_ring_push(vq, NULL, 0) ?: 1;
	}
	if (ret <= 0)
		return ret;

	/* Without room for an answer nothing is done. */
	room = min_t(u32, chain->in_len, sizeof(answer));
	if (room) {
		ret = vnet_ctrl_fetch(vq, data);
		if (ret < 0 && ret != -EIO)
			return ret;
		if (ret != -EIO)
			answer = vnet_ctrl_do(vq->vnet, data, ret);
	}
	vnet_ctrl_count(vq->vnet, answer != VIRTIO_NET_OK);

	ret = vnet_ring_write_in(vq, NULL, &answer, room);
	if (ret && ret != -EIO)
		return ret;
	return vnet_ring_push(vq, NULL, ret ? 0 : room) ?: 1;
}

static int vnet_ctrl_drain(struct vnet_vq *vq)
{
	unsigned int taken = 0;
	int ret, err;

	ret = vnet_ring_notify_off(vq, NULL);
	if (ret)
		return ret;

	while (taken < VNET_BUDGET) {
		ret = vnet_ctrl_one(vq);
		taken += ret > 0;
		if (!ret)
			ret = vnet_ring_notify_on(vq, NULL);
		if (ret <= 0)
			break;
	}

	err = taken ? vnet_ring_signal(vq, NULL) : 0;
	return ret < 0 ? ret : err ?: ret;
}

/**
 * vnet_ctrl_run - do the driver's commands
 * @vq: the control queue, claimed; released on return
 */
void vnet_ctrl_run(struct vnet_vq *vq)
{
	vnet_vq_finish(vq, vnet_ctrl_drain(vq));
}
