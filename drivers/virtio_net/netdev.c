// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's network interface, one per device, from the mdev's creation to its
 * removal. What the host sends into it the guest receives, and the other way
 * round. Its carrier says whether the guest's driver is there; the guest's link
 * says whether it is up. Counters are the interface's view: what the guest
 * transmits is received here.
 */
#include <linux/ethtool.h>
#include "virtio_net.h"

static struct vnet *vnet_of_netdev(const struct net_device *netdev)
{
	return *(struct vnet **)netdev_priv(netdev);
}

static int vnet_netdev_open(struct net_device *netdev)
{
	netif_start_queue(netdev);
	vnet_set_link(vnet_of_netdev(netdev), true);
	return 0;
}

static int vnet_netdev_stop(struct net_device *netdev)
{
	netif_stop_queue(netdev);
	vnet_set_link(vnet_of_netdev(netdev), false);
	return 0;
}

static netdev_tx_t vnet_netdev_xmit(struct sk_buff *skb,
				    struct net_device *netdev)
{
	struct vnet *vnet = vnet_of_netdev(netdev);

	/* Linear already, as the interface has no features. */
	if (skb->len < ETH_HLEN || skb_linearize(skb)) {
		dev_core_stats_tx_dropped_inc(netdev);
		kfree_skb(skb);
		return NETDEV_TX_OK;
	}
	skb_tx_timestamp(skb);
	return vnet_rx_xmit(vnet_rx_queue(vnet, 0), skb);
}

/* A queue's counters, read once. */
struct vnet_counts {
	u64 packets;
	u64 bytes;
	u64 dropped;
	u64 errors;
	u64 length_errors;
};

static void vnet_read_stats(const struct vnet_stats *stats,
			    struct vnet_counts *counts)
{
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&stats->syncp);
		counts->packets = u64_stats_read(&stats->packets);
		counts->bytes = u64_stats_read(&stats->bytes);
		counts->dropped = u64_stats_read(&stats->dropped);
		counts->errors = u64_stats_read(&stats->errors);
		counts->length_errors = u64_stats_read(&stats->length_errors);
	} while (u64_stats_fetch_retry(&stats->syncp, start));
}

static void vnet_netdev_stats64(struct net_device *netdev,
				struct rtnl_link_stats64 *stats)
{
	struct vnet *vnet = vnet_of_netdev(netdev);
	struct vnet_counts counts;
	unsigned int i;

	for (i = 0; i < VNET_MAX_PAIRS; i++) {
		vnet_read_stats(&vnet_rx_queue(vnet, i)->stats, &counts);
		stats->tx_packets += counts.packets;
		stats->tx_bytes += counts.bytes;
		stats->tx_dropped += counts.dropped;
		stats->tx_errors += counts.errors;
		stats->tx_aborted_errors += counts.length_errors;

		vnet_read_stats(&vnet_tx_queue(vnet, i)->stats, &counts);
		stats->rx_packets += counts.packets;
		stats->rx_bytes += counts.bytes;
		stats->rx_dropped += counts.dropped;
		stats->rx_errors += counts.errors;
		stats->rx_length_errors += counts.length_errors;
	}
}

static const struct net_device_ops vnet_netdev_ops = {
	.ndo_open = vnet_netdev_open,
	.ndo_stop = vnet_netdev_stop,
	.ndo_start_xmit = vnet_netdev_xmit,
	.ndo_get_stats64 = vnet_netdev_stats64,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
};

static void vnet_get_drvinfo(struct net_device *netdev,
			     struct ethtool_drvinfo *info)
{
	struct vnet *vnet = vnet_of_netdev(netdev);

	strscpy(info->driver, "mdev_virtio_net", sizeof(info->driver));
	strscpy(info->bus_info, dev_name(vnet->mdm.vdev.dev),
		sizeof(info->bus_info));
}

static const struct ethtool_ops vnet_ethtool_ops = {
	.get_drvinfo = vnet_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_ts_info = ethtool_op_get_ts_info,
};

/**
 * vnet_netdev_create - make the host's interface
 * @vnet: the device, with its queues
 *
 * Context: May sleep; takes RTNL.
 * Return: 0 or an error.
 */
int vnet_netdev_create(struct vnet *vnet)
{
	struct net_device *netdev;
	int err;

	netdev = alloc_netdev(sizeof(struct vnet *), "mvn%d",
			      NET_NAME_ENUM, ether_setup);
	if (!netdev)
		return -ENOMEM;

	*(struct vnet **)netdev_priv(netdev) = vnet;
	SET_NETDEV_DEV(netdev, vnet->mdm.vdev.dev);
	netdev->netdev_ops = &vnet_netdev_ops;
	netdev->ethtool_ops = &vnet_ethtool_ops;
	netdev->min_mtu = ETH_MIN_MTU;
	netdev->max_mtu = ETH_MAX_MTU;
	netdev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	netdev->priv_flags &= ~IFF_TX_SKB_SHARING;
	/* It sends with interrupts off, which our locks are not made for. */
	netdev->priv_flags |= IFF_DISABLE_NETPOLL;
	eth_hw_addr_random(netdev);

	netif_carrier_off(netdev);
	vnet->netdev = netdev;
	err = register_netdev(netdev);
	if (err)
		free_netdev(netdev);
	return err;
}

/**
 * vnet_netdev_destroy - take the host's interface away
 * @vnet: the device
 *
 * In whatever network namespace or bridge it is.
 *
 * Context: May sleep; takes RTNL.
 */
void vnet_netdev_destroy(struct vnet *vnet)
{
	unregister_netdev(vnet->netdev);
	free_netdev(vnet->netdev);
}
