// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control queue: commands, and the device parts of type 0x200, of which each has what
 * one command would say to configure the device as it is.
 */
#include <linux/unaligned.h>

#include "virtio_pf.h"

static int set_rx(struct vpf_net *net, u8 command, const u8 *data, size_t len)
{
	if (len != 1 || data[0] > 1)
		return -EINVAL;
	net->rx[command] = data[0];
	return 0;
}

static int get_rx(const struct vpf_state *st, u8 command, u8 *data)
{
	data[0] = st->net.rx[command];
	return 1;
}

/* One of two tables; bytes that it takes of @data, or an error. */
static int set_table(struct vpf_macs *macs, const u8 *data, size_t len)
{
	u32 nr;

	if (len < 4)
		return -EINVAL;
	nr = get_unaligned_le32(data);
	if (nr > VPF_MACS || len - 4 < nr * ETH_ALEN)
		return -EINVAL;
	memset(macs, 0, sizeof(*macs));
	macs->nr = nr;
	memcpy(macs->addr, data + 4, nr * ETH_ALEN);
	return 4 + nr * ETH_ALEN;
}

static int set_tables(struct vpf_net *net, u8 command, const u8 *data,
		      size_t len)
{
	struct vpf_macs macs[2];
	int first, second;

	first = set_table(&macs[0], data, len);
	if (first < 0)
		return first;
	second = set_table(&macs[1], data + first, len - first);
	if (second < 0)
		return second;
	if (first + second != len)
		return -EINVAL;
	memcpy(net->macs, macs, sizeof(macs));
	return 0;
}

static int get_tables(const struct vpf_state *st, u8 command, u8 *data)
{
	unsigned int i;
	u8 *at = data;

	for (i = 0; i < 2; i++) {
		const struct vpf_macs *macs = &st->net.macs[i];

		put_unaligned_le32(macs->nr, at);
		memcpy(at + 4, macs->addr, macs->nr * ETH_ALEN);
		at += 4 + macs->nr * ETH_ALEN;
	}
	return at - data;
}

static int set_mac(struct vpf_net *net, u8 command, const u8 *data, size_t len)
{
	if (len != ETH_ALEN)
		return -EINVAL;
	memcpy(net->mac, data, ETH_ALEN);
	return 0;
}

static int get_mac(const struct vpf_state *st, u8 command, u8 *data)
{
	memcpy(data, st->net.mac, ETH_ALEN);
	return ETH_ALEN;
}

static int set_vlan(struct vpf_net *net, u8 command, const u8 *data, size_t len)
{
	u16 vid;

	if (len != 2)
		return -EINVAL;
	vid = get_unaligned_le16(data);
	if (vid >= VLAN_N_VID)
		return -EINVAL;
	__assign_bit(vid, net->vlans, command == VIRTIO_NET_CTRL_VLAN_ADD);
	return 0;
}

/*
 * Open: "device part consists of a whole VLAN table" does not say what that looks like. The
 * command's data is a VLAN's identifier: here it is one for each VLAN, in ascending order,
 * of which a reader takes any. What is not in it is not in the table afterwards.
 */
static int set_vlans(struct vpf_net *net, u8 command, const u8 *data, size_t len)
{
	size_t at;

	if (len % 2)
		return -EINVAL;
	bitmap_zero(net->vlans, VLAN_N_VID);
	for (at = 0; at < len; at += 2) {
		if (set_vlan(net, command, data + at, 2))
			return -EINVAL;
	}
	return 0;
}

static int get_vlans(const struct vpf_state *st, u8 command, u8 *data)
{
	unsigned int vid;
	u8 *at = data;

	for_each_set_bit(vid, st->net.vlans, VLAN_N_VID) {
		put_unaligned_le16(vid, at);
		at += 2;
	}
	return at - data;
}

static int set_announce_ack(struct vpf_net *net, u8 command, const u8 *data,
			    size_t len)
{
	if (len)
		return -EINVAL;
	net->announce = false;
	return 0;
}

/*
 * Open: what a part says whose command has no data. It is there unless the driver is still
 * to announce itself; read, it is the driver's answer.
 */
static int get_announce_ack(const struct vpf_state *st, u8 command, u8 *data)
{
	return st->net.announce ? -1 : 0;
}

static int set_offloads(struct vpf_net *net, u8 command, const u8 *data,
			size_t len)
{
	if (len != 8)
		return -EINVAL;
	net->offloads = get_unaligned_le64(data);
	return 0;
}

/*
 * Open: the table of selectors has no VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, though that is
 * configuration by the driver. Its part is optional: a reader that goes by the table may
 * ignore it.
 */
static int get_offloads(const struct vpf_state *st, u8 command, u8 *data)
{
	put_unaligned_le64(st->net.offloads & st->features, data);
	return 8;
}

#define RX(command, feature)						\
	{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_##command,		\
	  VIRTIO_NET_F_##feature, VPF_PART_LISTED, 1, set_rx, NULL, get_rx }

const struct vpf_ctrl vpf_ctrls[] = {
	RX(PROMISC, CTRL_RX),
	RX(ALLMULTI, CTRL_RX),
	RX(ALLUNI, CTRL_RX_EXTRA),
	RX(NOMULTI, CTRL_RX_EXTRA),
	RX(NOUNI, CTRL_RX_EXTRA),
	RX(NOBCAST, CTRL_RX_EXTRA),
	{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
	  VIRTIO_NET_F_CTRL_RX, VPF_PART_LISTED, 2 * (4 + VPF_MACS * ETH_ALEN),
	  set_tables, NULL, get_tables },
	{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
	  VIRTIO_NET_F_CTRL_MAC_ADDR, VPF_PART_LISTED, ETH_ALEN,
	  set_mac, NULL, get_mac },
	{ VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD,
	  VIRTIO_NET_F_CTRL_VLAN, VPF_PART_LISTED, 2 * VLAN_N_VID,
	  set_vlan, set_vlans, get_vlans },
	{ VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL,
	  VIRTIO_NET_F_CTRL_VLAN, VPF_PART_NONE, 0, set_vlan },
	{ VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK,
	  VIRTIO_NET_F_GUEST_ANNOUNCE, VPF_PART_LISTED, 0,
	  set_announce_ack, NULL, get_announce_ack },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET,
	  VIRTIO_NET_F_MQ, VPF_PART_LISTED, 2,
	  vpf_set_pairs, NULL, vpf_get_pairs },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG,
	  VIRTIO_NET_F_RSS, VPF_PART_LISTED, VPF_RSS_MAX,
	  vpf_set_rss, vpf_load_rss, vpf_get_rss },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG,
	  VIRTIO_NET_F_HASH_REPORT, VPF_PART_LISTED, 13 + VPF_RSS_KEY,
	  vpf_set_hash, vpf_load_hash, vpf_get_hash },
	{ VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET,
	  VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VPF_PART_EXTRA, 8,
	  set_offloads, NULL, get_offloads },
};

const unsigned int vpf_nr_ctrls = ARRAY_SIZE(vpf_ctrls);

/* Its index, or -ENOENT. */
int vpf_ctrl_find(u8 class, u8 command)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vpf_ctrls); i++) {
		if (vpf_ctrls[i].class == class &&
		    vpf_ctrls[i].command == command)
			return i;
	}
	return -ENOENT;
}

/* What a command of the driver comes to: VIRTIO_NET_OK or VIRTIO_NET_ERR. */
u8 vpf_ctrl_command(struct vpf_fn *fn, const u8 *in, size_t len)
{
	struct vpf_net *net = &fn->st.net;
	const struct vpf_ctrl *ctrl;
	int i;

	lockdep_assert_held(&vpf_lock);
	i = len < 2 ? -EINVAL : vpf_ctrl_find(in[0], in[1]);
	if (i < 0)
		return VIRTIO_NET_ERR;
	ctrl = &vpf_ctrls[i];
	if (!vpf_has(&fn->st, ctrl->feature) ||
	    ctrl->set(net, ctrl->command, in + 2, len - 2))
		return VIRTIO_NET_ERR;
	return VIRTIO_NET_OK;
}
