// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which packets the driver wants: receive modes, addresses and VLANs, set
 * through the control queue. A driver that has not accepted the feature, or has
 * not said anything yet, gets all.
 */
#include <linux/unaligned.h>
#include "virtio_net.h"

/* Set or clear a mode; the command is its bit. */
int vnet_filter_set_mode(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			 u8 command, const u8 *data, size_t len)
{
	if (*data)
		ctrl->rx_modes |= BIT(command);
	else
		ctrl->rx_modes &= ~BIT(command);
	return 0;
}

size_t vnet_filter_get_mode(const struct vnet_ctrl *ctrl, u8 command, u8 *data)
{
	*data = !!(ctrl->rx_modes & BIT(command));
	return 1;
}

struct vnet_list {
	u32 nr;
	const u8 *macs;
};

/* Take a list of addresses from the beginning of *@data. */
static int vnet_filter_list(const u8 **data, size_t *len,
			    struct vnet_list *list)
{
	if (*len < sizeof(__le32))
		return -EINVAL;
	list->nr = get_unaligned_le32(*data);
	list->macs = *data + sizeof(__le32);
	*len -= sizeof(__le32);
	if (list->nr > *len / ETH_ALEN)
		return -EINVAL;
	*data = list->macs + list->nr * ETH_ALEN;
	*len -= list->nr * ETH_ALEN;
	return 0;
}

/* Keep a list if there is room. Returns how many addresses were kept. */
static u8 vnet_filter_keep(struct vnet_ctrl *ctrl, unsigned int first,
			   unsigned int max, const struct vnet_list *list,
			   u8 *all)
{
	bool fits = list->nr <= max - first;

	*all = fits ? 0 : max + 1;
	if (!fits)
		return 0;
	memcpy(ctrl->macs[first], list->macs, list->nr * ETH_ALEN);
	return list->nr;
}

/*
 * A list of unicast, then one of multicast addresses, each with its length. For
 * a list that there is no room for the filter opens up, as QEMU's card does: a
 * driver cannot do much about a refusal, and would miss what it asked for.
 */
int vnet_filter_set_table(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			  u8 command, const u8 *data, size_t len)
{
	unsigned int max = vnet->mdm.desc.config.values[VNET_RX_FILTER_SIZE];
	struct vnet_list uni, multi;

	if (vnet_filter_list(&data, &len, &uni) ||
	    vnet_filter_list(&data, &len, &multi) || len)
		return -EINVAL;
	ctrl->nr_uni = vnet_filter_keep(ctrl, 0, max, &uni, &ctrl->all_uni);
	ctrl->nr_multi = vnet_filter_keep(ctrl, ctrl->nr_uni, max, &multi,
					  &ctrl->all_multi);
	return 0;
}

/* For a list that was not kept stands one that is too long too, of zeros. */
static u8 *vnet_filter_put(u8 *p, const u8 *macs, u8 nr, u8 all)
{
	put_unaligned_le32(all ?: nr, p);
	p += sizeof(__le32);
	if (all)
		memset(p, 0, all * ETH_ALEN);
	else
		memcpy(p, macs, nr * ETH_ALEN);
	return p + (all ?: nr) * ETH_ALEN;
}

size_t vnet_filter_get_table(const struct vnet_ctrl *ctrl, u8 command, u8 *data)
{
	u8 *p = data;

	p = vnet_filter_put(p, ctrl->macs[0], ctrl->nr_uni, ctrl->all_uni);
	p = vnet_filter_put(p, ctrl->macs[ctrl->nr_uni], ctrl->nr_multi,
			    ctrl->all_multi);
	return p - data;
}

int vnet_filter_set_mac(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			u8 command, const u8 *data, size_t len)
{
	if (!is_valid_ether_addr(data))
		return -EINVAL;
	memcpy(ctrl->mac, data, ETH_ALEN);
	return 0;
}

size_t vnet_filter_get_mac(const struct vnet_ctrl *ctrl, u8 command, u8 *data)
{
	memcpy(data, ctrl->mac, ETH_ALEN);
	return ETH_ALEN;
}

/* One VLAN. */
int vnet_filter_set_vlan(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			 u8 command, const u8 *data, size_t len)
{
	u16 vid = get_unaligned_le16(data);
	u8 bit = BIT(vid % BITS_PER_BYTE);

	if (vid >= VLAN_N_VID)
		return -EINVAL;
	if (command == VIRTIO_NET_CTRL_VLAN_ADD)
		ctrl->vlans[vid / BITS_PER_BYTE] |= bit;
	else
		ctrl->vlans[vid / BITS_PER_BYTE] &= ~bit;
	return 0;
}

/* All VLANs, as they are saved. */
int vnet_filter_set_vlans(const struct vnet *vnet, struct vnet_ctrl *ctrl,
			  u8 command, const u8 *data, size_t len)
{
	memcpy(ctrl->vlans, data, sizeof(ctrl->vlans));
	return 0;
}

size_t vnet_filter_get_vlans(const struct vnet_ctrl *ctrl, u8 command, u8 *data)
{
	memcpy(data, ctrl->vlans, sizeof(ctrl->vlans));
	return sizeof(ctrl->vlans);
}

static bool vnet_filter_mode(const struct vnet_ctrl *ctrl, u8 command)
{
	return ctrl->rx_modes & BIT(command);
}

static bool vnet_filter_find(const struct vnet_ctrl *ctrl, unsigned int first,
			     unsigned int nr, const u8 *mac)
{
	unsigned int i;

	/* The numbers can be of different times: see the lock. */
	nr = min_t(unsigned int, nr, VNET_MAX_MACS - first);
	for (i = first; i < first + nr; i++)
		if (!memcmp(ctrl->macs[i], mac, ETH_ALEN))
			return true;
	return false;
}

static bool vnet_filter_vlan(const struct vnet_ctrl *ctrl,
			     const struct sk_buff *skb)
{
	struct vlan_ethhdr buf;
	const struct vlan_ethhdr *eth;
	u16 vid;

	if (!(ctrl->features & BIT_ULL(VIRTIO_NET_F_CTRL_VLAN)) ||
	    ((const struct ethhdr *)skb->data)->h_proto != htons(ETH_P_8021Q))
		return true;
	eth = skb_header_pointer(skb, 0, sizeof(buf), &buf);
	if (!eth)
		return false;
	vid = ntohs(eth->h_vlan_TCI) & VLAN_VID_MASK;
	return ctrl->vlans[vid / BITS_PER_BYTE] & BIT(vid % BITS_PER_BYTE);
}

static bool vnet_filter_multicast(const struct vnet_ctrl *ctrl, const u8 *mac)
{
	if (is_broadcast_ether_addr(mac))
		return !vnet_filter_mode(ctrl, VIRTIO_NET_CTRL_RX_NOBCAST);
	if (vnet_filter_mode(ctrl, VIRTIO_NET_CTRL_RX_NOMULTI))
		return false;
	return vnet_filter_mode(ctrl, VIRTIO_NET_CTRL_RX_ALLMULTI) ||
	       ctrl->all_multi ||
	       vnet_filter_find(ctrl, ctrl->nr_uni, ctrl->nr_multi, mac);
}

static bool vnet_filter_unicast(const struct vnet_ctrl *ctrl, const u8 *mac)
{
	if (vnet_filter_mode(ctrl, VIRTIO_NET_CTRL_RX_NOUNI))
		return false;
	return vnet_filter_mode(ctrl, VIRTIO_NET_CTRL_RX_ALLUNI) ||
	       ctrl->all_uni ||
	       !memcmp(ctrl->mac, mac, ETH_ALEN) ||
	       vnet_filter_find(ctrl, 0, ctrl->nr_uni, mac);
}

static bool vnet_filter_match(const struct vnet_ctrl *ctrl,
			      const struct sk_buff *skb)
{
	const u8 *mac = ((const struct ethhdr *)skb->data)->h_dest;

	if (vnet_filter_mode(ctrl, VIRTIO_NET_CTRL_RX_PROMISC))
		return true;
	if (!vnet_filter_vlan(ctrl, skb))
		return false;
	return is_multicast_ether_addr(mac) ? vnet_filter_multicast(ctrl, mac) :
					      vnet_filter_unicast(ctrl, mac);
}

/**
 * vnet_filter_wants - does the driver want a packet?
 * @vnet: the device
 * @skb: the packet, with its Ethernet header linear
 *
 * Context: Any but hard interrupt.
 * Return: whether.
 */
bool vnet_filter_wants(struct vnet *vnet, const struct sk_buff *skb)
{
	const struct vnet_ctrl *ctrl = &vnet->ctrl;
	unsigned int seq;
	bool wants;

	if (!(READ_ONCE(ctrl->features) & BIT_ULL(VIRTIO_NET_F_CTRL_RX)))
		return true;
	do {
		seq = read_seqbegin(&vnet->ctrl_lock);
		wants = vnet_filter_match(ctrl, skb);
	} while (read_seqretry(&vnet->ctrl_lock, seq));
	return wants;
}
