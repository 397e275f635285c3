/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_LINUX_VIRTIO_NET_H
#define COMPAT_LINUX_VIRTIO_NET_H

#include_next <linux/virtio_net.h>

#ifdef COMPAT_NO_USO
/*
 * The kernel segments UDP, but its headers' functions do not know how virtio says
 * so: the rest of such a header is that of a packet with a checksum to be filled in.
 */
static inline int compat_virtio_net_hdr_to_skb(struct sk_buff *skb,
					       const struct virtio_net_hdr *hdr,
					       bool little_endian)
{
	struct virtio_net_hdr csum = *hdr;
	unsigned int hdr_len, gso_size;

	if (hdr->gso_type != VIRTIO_NET_HDR_GSO_UDP_L4)
		return virtio_net_hdr_to_skb(skb, hdr, little_endian);
	csum.gso_type = VIRTIO_NET_HDR_GSO_NONE;
	gso_size = __virtio16_to_cpu(little_endian, hdr->gso_size);
	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || !gso_size ||
	    gso_size == GSO_BY_FRAGS ||
	    virtio_net_hdr_to_skb(skb, &csum, little_endian))
		return -EINVAL;
	hdr_len = skb_transport_offset(skb) + sizeof(struct udphdr);
	if (skb->csum_offset != offsetof(struct udphdr, check) ||
	    !pskb_may_pull(skb, hdr_len) ||
	    skb->len - hdr_len > gso_size * UDP_MAX_SEGMENTS)
		return -EINVAL;
	if (skb->len - hdr_len > gso_size) {
		skb_shinfo(skb)->gso_size = gso_size;
		skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4 | SKB_GSO_DODGY;
		skb_shinfo(skb)->gso_segs = 0;
	}
	return 0;
}

static inline int compat_virtio_net_hdr_from_skb(const struct sk_buff *skb,
						 struct virtio_net_hdr *hdr,
						 bool little_endian,
						 bool has_data_valid,
						 int vlan_hlen)
{
	if (!skb_is_gso(skb) ||
	    !(skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4))
		return virtio_net_hdr_from_skb(skb, hdr, little_endian,
					       has_data_valid, vlan_hlen);
	memset(hdr, 0, sizeof(*hdr));
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return -EINVAL;
	hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
	hdr->hdr_len = __cpu_to_virtio16(little_endian, skb_headlen(skb));
	hdr->gso_size = __cpu_to_virtio16(little_endian,
					  skb_shinfo(skb)->gso_size);
	hdr->csum_start =
		__cpu_to_virtio16(little_endian,
				  skb_checksum_start_offset(skb) + vlan_hlen);
	hdr->csum_offset = __cpu_to_virtio16(little_endian, skb->csum_offset);
	return 0;
}

#define virtio_net_hdr_to_skb		compat_virtio_net_hdr_to_skb
#define virtio_net_hdr_from_skb		compat_virtio_net_hdr_from_skb
#endif

#endif /* COMPAT_LINUX_VIRTIO_NET_H */
