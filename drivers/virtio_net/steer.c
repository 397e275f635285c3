// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which receive queue a packet goes to. As the driver chose last:
 *
 * - automatically: to the queue pair on which the flow's last packet in the
 *   other direction came; flows that are not known are spread.
 * - receive side scaling: by a Toeplitz hash with the driver's key, through the
 *   driver's indirection table.
 *
 * The same hash is reported in the packet's header if the driver wants so.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/log2.h>
#include <linux/unaligned.h>
#include <net/flow_dissector.h>
#include <net/ip.h>
#include "virtio_net.h"

/* What is hashed at most: two IPv6 addresses and two ports. */
#define VNET_HASH_INPUT		36

int vnet_steer_set_pairs(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			 u8 command, const u8 *data, size_t len)
{
	u16 pairs = get_unaligned_le16(data);

	if (!pairs || pairs > vnet->max_pairs)
		return -EINVAL;
	WRITE_ONCE(ctrl->pairs, pairs);
	WRITE_ONCE(ctrl->rss, false);
	return 0;
}

size_t vnet_steer_get_pairs(const struct vnet_ctrl *ctrl, u8 command, u8 *data)
{
	put_unaligned_le16(ctrl->pairs, data);
	return sizeof(__le16);
}

/* @len bytes are left for the key. */
static bool vnet_hash_ok(u32 types, u8 key_len, size_t len)
{
	return !(types & ~VNET_HASH_TYPES) && key_len <= VNET_RSS_KEY &&
	       len >= key_len && len <= key_len + VNET_PADDING;
}

static void vnet_set_key(struct vnet_ctrl *ctrl, u32 types, const u8 *key,
			 u8 key_len)
{
	ctrl->hash_types = types;
	ctrl->key_len = key_len;
	memset(ctrl->key, 0, sizeof(ctrl->key));
	memcpy(ctrl->key, key, key_len);
}

/* struct virtio_net_rss_config, with a table of any length in its middle. */
int vnet_steer_set_rss(const struct vnet *vnet, struct vnet_ctrl *ctrl,
		       u8 command, const u8 *data, size_t len)
{
	u32 types = get_unaligned_le32(data);
	u16 mask = get_unaligned_le16(data + 4);
	u16 unclassified = get_unaligned_le16(data + 6);
	unsigned int i, nr = mask + 1;
	const u8 *table = data + 8;
	const u8 *tail = table + nr * sizeof(__le16);
	u16 max_tx;
	u8 key_len;

	if (!is_power_of_2(nr) || nr > VNET_RSS_TABLE ||
	    len < tail + 3 - data)
		return -EINVAL;
	max_tx = get_unaligned_le16(tail);
	key_len = tail[2];
	if (!vnet_hash_ok(types, key_len, len - (tail + 3 - data)) || !max_tx ||
	    max_tx > vnet->max_pairs || unclassified >= vnet->max_pairs)
		return -EINVAL;
	for (i = 0; i < nr; i++)
		if (get_unaligned_le16(table + 2 * i) >= vnet->max_pairs)
			return -EINVAL;

	vnet_set_key(ctrl, types, tail + 3, key_len);
	ctrl->table_mask = mask;
	ctrl->unclassified = unclassified;
	for (i = 0; i < nr; i++)
		ctrl->table[i] = get_unaligned_le16(table + 2 * i);
	WRITE_ONCE(ctrl->pairs, max_tx);
	WRITE_ONCE(ctrl->rss, true);
	return 0;
}

/* Nothing if the driver uses no receive side scaling. */
size_t vnet_steer_get_rss(const struct vnet_ctrl *ctrl, u8 command, u8 *data)
{
	unsigned int i, nr = ctrl->table_mask + 1;
	u8 *tail = data + 8 + nr * sizeof(__le16);

	if (!ctrl->rss)
		return 0;
	put_unaligned_le32(ctrl->hash_types, data);
	put_unaligned_le16(ctrl->table_mask, data + 4);
	put_unaligned_le16(ctrl->unclassified, data + 6);
	for (i = 0; i < nr; i++)
		put_unaligned_le16(ctrl->table[i], data + 8 + 2 * i);
	put_unaligned_le16(ctrl->pairs, tail);
	tail[2] = ctrl->key_len;
	memcpy(tail + 3, ctrl->key, ctrl->key_len);
	return tail + 3 + ctrl->key_len - data;
}

/* struct virtio_net_hash_config. */
int vnet_steer_set_hash(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			u8 command, const u8 *data, size_t len)
{
	const size_t fixed = offsetof(struct virtio_net_hash_config,
				      hash_key_data);
	u32 types = get_unaligned_le32(data);
	u8 key_len = data[fixed - 1];

	if (!vnet_hash_ok(types, key_len, len - fixed))
		return -EINVAL;
	vnet_set_key(ctrl, types, data + fixed, key_len);
	return 0;
}

/* Nothing if it is in the configuration of receive side scaling. */
size_t vnet_steer_get_hash(const struct vnet_ctrl *ctrl, u8 command, u8 *data)
{
	const size_t fixed = offsetof(struct virtio_net_hash_config,
				      hash_key_data);

	if (ctrl->rss)
		return 0;
	memset(data, 0, fixed);
	put_unaligned_le32(ctrl->hash_types, data);
	data[fixed - 1] = ctrl->key_len;
	memcpy(data + fixed, ctrl->key, ctrl->key_len);
	return fixed + ctrl->key_len;
}

/**
 * vnet_steer_rx_pairs - how many receive queues can get packets
 * @vnet: the device
 * @ctrl: what the driver has set
 *
 * Context: Any. Without vnet->ctrl_lock it is what was set at some time, or what
 * is between two settings: a number of queues that there are, or 0.
 * Return: their number.
 */
unsigned int vnet_steer_rx_pairs(const struct vnet *vnet,
				 const struct vnet_ctrl *ctrl)
{
	return READ_ONCE(ctrl->rss) ? vnet->max_pairs : READ_ONCE(ctrl->pairs);
}

/* The key has four bytes more than the longest input. */
static u32 vnet_toeplitz(const u8 *key, const u8 *input, unsigned int len)
{
	u32 window = get_unaligned_be32(key);
	u32 hash = 0;
	unsigned int i;
	int bit;

	for (i = 0; i < len; i++) {
		for (bit = BITS_PER_BYTE - 1; bit >= 0; bit--) {
			if (input[i] & BIT(bit))
				hash ^= window;
			window = window << 1 | (key[i + 4] >> bit & 1);
		}
	}
	return hash;
}

/* By IP version and transport: which hash it is and how it is reported. */
struct vnet_hash_kind {
	u32 type;
	u16 report;
};

enum { VNET_HASH_IP, VNET_HASH_TCP, VNET_HASH_UDP, VNET_NR_HASHES };

static const struct vnet_hash_kind vnet_hash_kinds[2][VNET_NR_HASHES] = {
	{
		{ VIRTIO_NET_RSS_HASH_TYPE_IPv4, VIRTIO_NET_HASH_REPORT_IPv4 },
		{ VIRTIO_NET_RSS_HASH_TYPE_TCPv4,
		  VIRTIO_NET_HASH_REPORT_TCPv4 },
		{ VIRTIO_NET_RSS_HASH_TYPE_UDPv4,
		  VIRTIO_NET_HASH_REPORT_UDPv4 },
	}, {
		{ VIRTIO_NET_RSS_HASH_TYPE_IPv6, VIRTIO_NET_HASH_REPORT_IPv6 },
		{ VIRTIO_NET_RSS_HASH_TYPE_TCPv6,
		  VIRTIO_NET_HASH_REPORT_TCPv6 },
		{ VIRTIO_NET_RSS_HASH_TYPE_UDPv6,
		  VIRTIO_NET_HASH_REPORT_UDPv6 },
	},
};

static unsigned int vnet_hash_transport(const struct flow_keys *keys)
{
	/* Only the first fragment has ports. */
	if (keys->control.flags & FLOW_DIS_IS_FRAGMENT)
		return VNET_HASH_IP;
	switch (keys->basic.ip_proto) {
	case IPPROTO_TCP:
		return VNET_HASH_TCP;
	case IPPROTO_UDP:
		return VNET_HASH_UDP;
	default:
		return VNET_HASH_IP;
	}
}

/* The most specific hash that the driver has asked for. */
static u32 vnet_hash(const struct vnet_ctrl *ctrl, const struct flow_keys *keys,
		     u16 *report)
{
	bool ipv6 = keys->control.addr_type == FLOW_DISSECTOR_KEY_IPV6_ADDRS;
	unsigned int len = ipv6 ? sizeof(keys->addrs.v6addrs) :
				  sizeof(keys->addrs.v4addrs);
	unsigned int transport = vnet_hash_transport(keys);
	const struct vnet_hash_kind *kinds = vnet_hash_kinds[ipv6];
	u8 input[VNET_HASH_INPUT];

	*report = VIRTIO_NET_HASH_REPORT_NONE;
	if (!ipv6 && keys->control.addr_type != FLOW_DISSECTOR_KEY_IPV4_ADDRS)
		return 0;
	if (!(ctrl->hash_types & kinds[transport].type))
		transport = VNET_HASH_IP;
	if (!(ctrl->hash_types & kinds[transport].type))
		return 0;

	memcpy(input, &keys->addrs, len);
	if (transport != VNET_HASH_IP) {
		memcpy(input + len, &keys->ports.ports, sizeof(keys->ports.ports));
		len += sizeof(keys->ports.ports);
	}
	*report = kinds[transport].report;
	return vnet_toeplitz(ctrl->key, input, len);
}

/**
 * vnet_steer_hash - the hash of a packet to the guest
 * @vnet: the device
 * @skb: the packet
 * @report: VIRTIO_NET_HASH_REPORT_*
 *
 * Context: Any but hard interrupt.
 * Return: the hash, 0 if there is none.
 */
u32 vnet_steer_hash(struct vnet *vnet, const struct sk_buff *skb, u16 *report)
{
	struct flow_keys keys;
	unsigned int seq;
	u32 hash;

	skb_flow_dissect_flow_keys(skb, &keys, FLOW_DISSECTOR_F_STOP_AT_ENCAP);
	do {
		seq = read_seqbegin(&vnet->ctrl_lock);
		hash = vnet_hash(&vnet->ctrl, &keys, report);
	} while (read_seqretry(&vnet->ctrl_lock, seq));
	return hash;
}

static u16 vnet_steer_rss(struct vnet *vnet, const struct sk_buff *skb)
{
	const struct vnet_ctrl *ctrl = &vnet->ctrl;
	struct flow_keys keys;
	unsigned int seq;
	u16 report;
	u16 queue;
	u32 hash;

	skb_flow_dissect_flow_keys(skb, &keys, FLOW_DISSECTOR_F_STOP_AT_ENCAP);
	do {
		seq = read_seqbegin(&vnet->ctrl_lock);
		hash = vnet_hash(ctrl, &keys, &report);
		queue = report == VIRTIO_NET_HASH_REPORT_NONE ?
			ctrl->unclassified :
			ctrl->table[hash & ctrl->table_mask];
	} while (read_seqretry(&vnet->ctrl_lock, seq));
	return queue;
}

static u8 *vnet_flow(struct vnet *vnet, u32 hash)
{
	return &vnet->flows[hash & (VNET_FLOWS - 1)];
}

/* Whose ports say all that there is to know of a flow. */
static bool vnet_has_ports(u8 ip_proto)
{
	return ip_proto == IPPROTO_TCP || ip_proto == IPPROTO_UDP;
}

static bool vnet_same_ipv4(const struct sk_buff *a, const struct sk_buff *b)
{
	const unsigned int len = sizeof(struct iphdr) + sizeof(__be32);
	const struct iphdr *x = (const struct iphdr *)a->data;
	const struct iphdr *y = (const struct iphdr *)b->data;

	return skb_headlen(a) >= len && skb_headlen(b) >= len &&
	       x->ihl == sizeof(*x) / 4 && x->version == 4 &&
	       y->ihl == x->ihl && y->version == x->version &&
	       !ip_is_fragment(x) && !ip_is_fragment(y) &&
	       vnet_has_ports(x->protocol) && x->protocol == y->protocol &&
	       !memcmp(&x->saddr, &y->saddr,
		       len - offsetof(struct iphdr, saddr));
}

static bool vnet_same_ipv6(const struct sk_buff *a, const struct sk_buff *b)
{
	const unsigned int len = sizeof(struct ipv6hdr) + sizeof(__be32);
	const struct ipv6hdr *x = (const struct ipv6hdr *)a->data;
	const struct ipv6hdr *y = (const struct ipv6hdr *)b->data;

	return skb_headlen(a) >= len && skb_headlen(b) >= len &&
	       vnet_has_ports(x->nexthdr) && x->nexthdr == y->nexthdr &&
	       /* Version, class and flow label. */
	       !memcmp(x, y, offsetof(struct ipv6hdr, payload_len)) &&
	       !memcmp(&x->saddr, &y->saddr,
		       len - offsetof(struct ipv6hdr, saddr));
}

/*
 * Are two packets certainly of one flow? That is much cheaper to see than to
 * which flow they belong. Both are from their network header on.
 */
static bool vnet_same_flow(const struct sk_buff *a, const struct sk_buff *b)
{
	if (a->protocol != b->protocol)
		return false;
	switch (a->protocol) {
	case htons(ETH_P_IP):
		return vnet_same_ipv4(a, b);
	case htons(ETH_P_IPV6):
		return vnet_same_ipv6(a, b);
	default:
		return false;
	}
}

/**
 * vnet_steer_learn - remember on which queue pair a flow comes
 * @vq: the transmit queue
 * @skb: a packet from it, from its network header on
 * @last: the packet before it, or NULL
 */
void vnet_steer_learn(struct vnet_vq *vq, struct sk_buff *skb,
		      const struct sk_buff *last)
{
	struct vnet *vnet = vq->vnet;
	u8 *flow;

	if (READ_ONCE(vnet->ctrl.pairs) == 1 ||
	    (last && vnet_same_flow(skb, last)))
		return;
	flow = vnet_flow(vnet, __skb_get_hash_symmetric(skb));
	if (READ_ONCE(*flow) != vnet_vq_pair(vq) + 1)
		WRITE_ONCE(*flow, vnet_vq_pair(vq) + 1);
}

/**
 * vnet_steer - choose the receive queue for a packet
 * @vnet: the device
 * @skb: the packet
 *
 * Context: Any but hard interrupt.
 * Return: the queue pair.
 */
u16 vnet_steer(struct vnet *vnet, struct sk_buff *skb)
{
	u16 pairs = READ_ONCE(vnet->ctrl.pairs);
	u32 hash;
	u8 flow;

	if (READ_ONCE(vnet->ctrl.rss))
		return vnet_steer_rss(vnet, skb);
	if (pairs == 1)
		return 0;
	hash = __skb_get_hash_symmetric(skb);
	flow = READ_ONCE(*vnet_flow(vnet, hash));
	return flow && flow <= pairs ? flow - 1 :
	       reciprocal_scale(hash, pairs);
}
