/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtio-net device model: what the driver sets through the control queue,
 * and what follows from it.
 */
#ifndef MDEV_VIRTIO_NET_CTRL_H
#define MDEV_VIRTIO_NET_CTRL_H

#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/virtio_net.h>

struct vnet;
struct vnet_parts;
struct vnet_vq;

/* Entries of the MAC table. */
#define VNET_MAX_MACS		64
/* Entries of the indirection table, and bytes of the key of the hash. */
#define VNET_RSS_TABLE		128
#define VNET_RSS_KEY		40
#define VNET_HASH_TYPES							\
	(VIRTIO_NET_RSS_HASH_TYPE_IPv4 | VIRTIO_NET_RSS_HASH_TYPE_TCPv4 | \
	 VIRTIO_NET_RSS_HASH_TYPE_UDPv4 | VIRTIO_NET_RSS_HASH_TYPE_IPv6 | \
	 VIRTIO_NET_RSS_HASH_TYPE_TCPv6 | VIRTIO_NET_RSS_HASH_TYPE_UDPv6)
/* Flows whose queue is remembered, a power of two. */
#define VNET_FLOWS		1024

/* Bytes of the data of control commands, least and most. */
#define VNET_TABLE_MIN		(2 * sizeof(__le32))
/* Two lists of one address more than there can be room for. */
#define VNET_LIST_MAX		(VNET_MAX_MACS + 1)
#define VNET_TABLE_MAX		(VNET_TABLE_MIN + 2 * VNET_LIST_MAX * ETH_ALEN)
/* Linux's driver sends these structures with what the compiler pads them by. */
#define VNET_PADDING		3
#define VNET_HASH_MIN		offsetof(struct virtio_net_hash_config,	\
					 hash_key_data)
#define VNET_HASH_MAX		(VNET_HASH_MIN + VNET_RSS_KEY + VNET_PADDING)
#define VNET_RSS_MIN		offsetof(struct virtio_net_rss_config,	\
					 hash_key_data)
#define VNET_RSS_MAX		(VNET_RSS_MIN + VNET_RSS_KEY + VNET_PADDING + \
				 (VNET_RSS_TABLE - 1) * sizeof(__le16))
/* Bytes of the VLAN table. */
#define VNET_VLANS		(VLAN_N_VID / BITS_PER_BYTE)

/**
 * struct vnet_ctrl - what the driver has set through the control queue
 * @features: the features it has accepted, 0 before it did
 * @mac: address whose packets it receives
 * @rx_modes: bits by VIRTIO_NET_CTRL_RX_*
 * @nr_uni: unicast addresses in @macs; they come first
 * @nr_multi: multicast addresses
 * @all_uni: more unicast addresses than there is room for: none is in @macs and
 *	all are received. The length that stands for the list in the state, 0 if
 *	there was room.
 * @all_multi: likewise multicast addresses
 * @macs: further addresses
 * @vlans: VLANs, a bit each, the lowest first
 * @offloads: what it accepts in packets, by VIRTIO_NET_F_GUEST_*
 * @pairs: queue pairs in use
 * @rss: packets are spread by their hash
 * @hash_types: hashes that are computed, VIRTIO_NET_RSS_HASH_TYPE_*
 * @key_len: bytes of the key; behind it are zeros
 * @key: of the hash
 * @table_mask: entries of @table less one
 * @unclassified: receive queue of packets without a hash
 * @table: receive queue by the lower bits of the hash
 */
struct vnet_ctrl {
	u64 features;
	u8 mac[ETH_ALEN];
	u8 rx_modes;
	u8 nr_uni;
	u8 nr_multi;
	u8 all_uni;
	u8 all_multi;
	u8 macs[VNET_MAX_MACS][ETH_ALEN];
	u8 vlans[VNET_VLANS];
	u64 offloads;
	u16 pairs;
	bool rss;
	u32 hash_types;
	u8 key_len;
	u8 key[VNET_RSS_KEY];
	u16 table_mask;
	u16 unclassified;
	u16 table[VNET_RSS_TABLE];
};

/*
 * What commands of the control queue do: check @data and change @ctrl, or leave
 * it alone and return -EINVAL; and the other way round, write what is to be
 * restored, and return its length. @vnet only says what the device is.
 */
typedef int (*vnet_ctrl_set)(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			     u8 command, const u8 *data, size_t len);
typedef size_t (*vnet_ctrl_get)(const struct vnet_ctrl *ctrl, u8 command,
				u8 *data);

/* ctrl.c */
void vnet_ctrl_init(struct vnet_ctrl *ctrl, u64 features, const u8 *mac);
void vnet_ctrl_reset(struct vnet *vnet, u64 features);

/* ctrl_state.c */
size_t vnet_ctrl_state_size(const struct vnet *vnet);
size_t vnet_ctrl_save(struct vnet *vnet, struct vnet_parts *parts, u8 *buf);
int vnet_ctrl_load(struct vnet *vnet, const struct vnet_parts *parts,
		   struct vnet_ctrl *ctrl);
int vnet_ctrl_load_offloads(struct vnet *vnet,
			    const struct mdev_migrate_virtio_net_offloads *offloads,
			    struct vnet_ctrl *ctrl);

/* filter.c */
int vnet_filter_set_mode(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			 u8 command, const u8 *data, size_t len);
size_t vnet_filter_get_mode(const struct vnet_ctrl *ctrl, u8 command, u8 *data);
int vnet_filter_set_table(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			  u8 command, const u8 *data, size_t len);
size_t vnet_filter_get_table(const struct vnet_ctrl *ctrl, u8 command,
			     u8 *data);
int vnet_filter_set_mac(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			u8 command, const u8 *data, size_t len);
size_t vnet_filter_get_mac(const struct vnet_ctrl *ctrl, u8 command, u8 *data);
int vnet_filter_set_vlan(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			 u8 command, const u8 *data, size_t len);
int vnet_filter_set_vlans(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			  u8 command, const u8 *data, size_t len);
size_t vnet_filter_get_vlans(const struct vnet_ctrl *ctrl, u8 command,
			     u8 *data);
bool vnet_filter_wants(struct vnet *vnet, const struct sk_buff *skb);

/* steer.c */
int vnet_steer_set_pairs(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			 u8 command, const u8 *data, size_t len);
size_t vnet_steer_get_pairs(const struct vnet_ctrl *ctrl, u8 command, u8 *data);
int vnet_steer_set_rss(const struct vnet *vnet, struct vnet_ctrl *ctrl,
		       u8 command, const u8 *data, size_t len);
size_t vnet_steer_get_rss(const struct vnet_ctrl *ctrl, u8 command, u8 *data);
int vnet_steer_set_hash(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			u8 command, const u8 *data, size_t len);
size_t vnet_steer_get_hash(const struct vnet_ctrl *ctrl, u8 command, u8 *data);
unsigned int vnet_steer_rx_pairs(const struct vnet *vnet,
				 const struct vnet_ctrl *ctrl);
void vnet_steer_learn(struct vnet_vq *vq, struct sk_buff *skb,
		      const struct sk_buff *last);
u16 vnet_steer(struct vnet *vnet, struct sk_buff *skb);
u32 vnet_steer_hash(struct vnet *vnet, const struct sk_buff *skb, u16 *report);

/* offload.c */
/* The host's interface does not tell one from the other. */
#define VNET_GUEST_USO							\
	(BIT_ULL(VIRTIO_NET_F_GUEST_USO4) |				\
	 BIT_ULL(VIRTIO_NET_F_GUEST_USO6))
#define VNET_GUEST_OFFLOADS						\
	(BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) |				\
	 BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) |				\
	 BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) |				\
	 BIT_ULL(VIRTIO_NET_F_GUEST_ECN) | VNET_GUEST_USO)
#define VNET_NETDEV_OFFLOADS						\
	(NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HIGHDMA |		\
	 NETIF_F_HW_CSUM | NETIF_F_TSO | NETIF_F_TSO_ECN | NETIF_F_TSO6 | \
	 NETIF_F_GSO_UDP_L4)
int vnet_offload_set(const struct vnet *vnet, struct vnet_ctrl *ctrl,
		     u8 command, const u8 *data, size_t len);
size_t vnet_offload_get(const struct vnet_ctrl *ctrl, u8 command, u8 *data);
netdev_features_t vnet_offload_netdev(u64 offloads);
int vnet_offload_to_guest(struct vnet_vq *vq, const struct sk_buff *skb,
			  struct virtio_net_hdr_v1_hash *hdr);
int vnet_offload_from_guest(struct vnet_vq *vq,
			    const struct virtio_net_hdr_v1 *hdr,
			    struct sk_buff *skb);

#endif /* MDEV_VIRTIO_NET_CTRL_H */
