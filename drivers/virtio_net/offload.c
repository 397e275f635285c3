// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checksum and segmentation offloads: the header before a packet, in both
 * directions, and what the host's interface can do for a guest.
 */
#include <linux/unaligned.h>
#include "virtio_net.h"

/* What the driver accepts from now on, of what it can accept at all. */
int vnet_offload_set(const struct vnet *vnet, struct vnet_ctrl *ctrl,
		     u8 command, const u8 *data, size_t len)
{
	u64 offloads = get_unaligned_le64(data);

	if (offloads & ~(ctrl->features & VNET_GUEST_OFFLOADS))
		return -EINVAL;
	ctrl->offloads = offloads;
	return 0;
}

size_t vnet_offload_get(const struct vnet_ctrl *ctrl, u8 command, u8 *data)
{
	put_unaligned_le64(ctrl->offloads, data);
	return sizeof(__le64);
}

/**
 * vnet_offload_netdev - what the host's interface can send
 * @offloads: what the guest accepts, by VIRTIO_NET_F_GUEST_*
 *
 * Return: features of VNET_NETDEV_OFFLOADS.
 */
netdev_features_t vnet_offload_netdev(u64 offloads)
{
	netdev_features_t features = NETIF_F_SG | NETIF_F_FRAGLIST |
				     NETIF_F_HIGHDMA | NETIF_F_HW_CSUM;

	if (!(offloads & BIT_ULL(VIRTIO_NET_F_GUEST_CSUM)))
		return 0;
	if (offloads & BIT_ULL(VIRTIO_NET_F_GUEST_TSO4))
		features |= NETIF_F_TSO;
	if (offloads & BIT_ULL(VIRTIO_NET_F_GUEST_TSO6))
		features |= NETIF_F_TSO6;
	if (offloads & BIT_ULL(VIRTIO_NET_F_GUEST_ECN))
		features |= NETIF_F_TSO_ECN;
	if ((offloads & VNET_GUEST_USO) == VNET_GUEST_USO)
		features |= NETIF_F_GSO_UDP_L4;
	return features;
}

/* What allows segments of TCP over IPv4 and IPv6, with ECN, of UDP. */
struct vnet_gso {
	u64 tcp4;
	u64 tcp6;
	u64 ecn;
	u64 udp;
};

static const struct vnet_gso vnet_gso_guest = {
	.tcp4 = BIT_ULL(VIRTIO_NET_F_GUEST_TSO4),
	.tcp6 = BIT_ULL(VIRTIO_NET_F_GUEST_TSO6),
	.ecn = BIT_ULL(VIRTIO_NET_F_GUEST_ECN),
	.udp = VNET_GUEST_USO,
};

static const struct vnet_gso vnet_gso_host = {
	.tcp4 = BIT_ULL(VIRTIO_NET_F_HOST_TSO4),
	.tcp6 = BIT_ULL(VIRTIO_NET_F_HOST_TSO6),
	.ecn = BIT_ULL(VIRTIO_NET_F_HOST_ECN),
	.udp = BIT_ULL(VIRTIO_NET_F_HOST_USO),
};

/* A header's segmentation type, as the features that allow it: 0 if none do. */
static u64 vnet_gso_feature(u8 gso_type, const struct vnet_gso *gso)
{
	switch (gso_type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return gso->tcp4;
	case VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN:
		return gso->tcp4 | gso->ecn;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return gso->tcp6;
	case VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN:
		return gso->tcp6 | gso->ecn;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return gso->udp;
	default:
		return 0;
	}
}

static bool vnet_gso_ok(u64 needed, u64 features)
{
	return needed && (features & needed) == needed;
}

/**
 * vnet_offload_to_guest - make the header of a packet to the guest
 * @vq: the receive queue
 * @skb: the packet
 * @hdr: filled
 *
 * Return: 0, or -EOPNOTSUPP if the guest does not accept such packets.
 */
int vnet_offload_to_guest(struct vnet_vq *vq, const struct sk_buff *skb,
			  struct virtio_net_hdr_v1_hash *hdr)
{
	u64 offloads = READ_ONCE(vq->vnet->ctrl.offloads);
	bool csum = offloads & BIT_ULL(VIRTIO_NET_F_GUEST_CSUM);
	u16 report;
	u32 hash;
	u64 gso;

	memset(hdr, 0, sizeof(*hdr));
	if (virtio_net_hdr_from_skb(skb, (struct virtio_net_hdr *)hdr, true,
				    csum, 0))
		return -EOPNOTSUPP;
	if (hdr->hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && !csum)
		return -EOPNOTSUPP;
	gso = vnet_gso_feature(hdr->hdr.gso_type, &vnet_gso_guest);
	if (hdr->hdr.gso_type && !vnet_gso_ok(gso, offloads))
		return -EOPNOTSUPP;

	hdr->hdr.num_buffers = (__force __virtio16)cpu_to_le16(1);
	if (vq->hdr_len == VNET_HDR_LEN)
		return 0;
	hash = vnet_steer_hash(vq->vnet, skb, &report);
	/* The field is one or two, in different kernels' headers. */
	put_unaligned_le32(hash, (u8 *)hdr + VNET_HDR_LEN);
	hdr->hash_report = cpu_to_le16(report);
	return 0;
}

/**
 * vnet_offload_from_guest - do as the header of a packet from the guest says
 * @vq: the transmit queue
 * @hdr: the header, which can be anything
 * @skb: the packet, from its Ethernet header on
 *
 * Return: 0, or -EINVAL if the header asks for what was not accepted, or does
 * not fit the packet.
 */
int vnet_offload_from_guest(struct vnet_vq *vq,
			    const struct virtio_net_hdr_v1 *hdr,
			    struct sk_buff *skb)
{
	u64 features = vq->vnet->driver_features;
	u64 gso = vnet_gso_feature(hdr->gso_type, &vnet_gso_host);

	if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
	    !(features & BIT_ULL(VIRTIO_NET_F_CSUM)))
		return -EINVAL;
	if (hdr->gso_type && !vnet_gso_ok(gso, features))
		return -EINVAL;
	if (!hdr->gso_type && !(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return 0;
	return virtio_net_hdr_to_skb(skb, (const struct virtio_net_hdr *)hdr,
				     true);
}
