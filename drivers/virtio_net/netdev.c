// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's network interface, one per device, from the mdev's creation to its
 * removal. What the host sends into it the guest receives, and the other way
 * round. Its carrier says whether the guest's driver is there; the guest's link
 * says whether it is up. Counters are the interface's view: what the guest
 * transmits is received here.
 *
 * Nothing of the interface changes at the guest's rate: a change costs RTNL, a
 * uevent or a message on netlink, and who listens to these.
 *
 * - How many queues it has follows from the device's configuration, and never
 *   gets less: a packet that was received on a queue may still be under way. So
 *   the queue that a packet is recorded with is always there. How many of them
 *   the guest uses at the moment is looked up for each packet.
 * - Its features follow from the configuration too. Which of them the guest
 *   accepts at the moment is looked up for each packet; the network stack does
 *   the rest before it sends the packet.
 * - Its carrier goes off when the driver has been away for a while, so that a
 *   driver cannot turn it off and on faster than that.
 */
#include <linux/rtnetlink.h>
#include "virtio_net.h"

/* How long a driver may be away before the carrier goes off. */
#define VNET_CARRIER_DELAY	HZ

/**
 * vnet_of_netdev - whose interface it is
 * @netdev: the interface
 *
 * Return: the device.
 */
struct vnet *vnet_of_netdev(const struct net_device *netdev)
{
	return *(struct vnet **)netdev_priv(netdev);
}

static int vnet_netdev_open(struct net_device *netdev)
{
	netif_tx_start_all_queues(netdev);
	vnet_set_link(vnet_of_netdev(netdev), true);
	return 0;
}

static int vnet_netdev_stop(struct net_device *netdev)
{
	struct vnet *vnet = vnet_of_netdev(netdev);
	unsigned int i;

	/* This can end a burst before its last packet. */
	netif_tx_disable(netdev);
	for (i = 0; i < VNET_MAX_PAIRS; i++)
		vnet_rx_flush(vnet_rx_queue(vnet, i));
	vnet_set_link(vnet, false);
	return 0;
}

static netdev_tx_t vnet_netdev_xmit(struct sk_buff *skb,
				    struct net_device *netdev)
{
	struct vnet *vnet = vnet_of_netdev(netdev);
	unsigned int pairs = vnet_steer_rx_pairs(vnet, &vnet->ctrl);
	u16 pair = skb_get_queue_mapping(skb);
	struct vnet_vq *vq = vnet_rx_queue(vnet, pair);
	bool more = netdev_xmit_more();

	if (!pskb_may_pull(skb, ETH_HLEN)) {
		dev_core_stats_tx_dropped_inc(netdev);
		kfree_skb(skb);
		vnet_rx_flush(vq);
		return NETDEV_TX_OK;
	}
	/* Chosen while the guest used more, or by who does not ask. */
	if (pair >= pairs) {
		/* The burst does not end there then. */
		vnet_rx_flush(vq);
		vq = vnet_rx_queue(vnet, vnet_steer(vnet, skb));
		more = false;
	}
	skb_tx_timestamp(skb);
	return vnet_rx_xmit(vq, skb, more);
}

static u16 vnet_netdev_select_queue(struct net_device *netdev,
				    struct sk_buff *skb,
				    struct net_device *sb_dev)
{
	return vnet_steer(vnet_of_netdev(netdev), skb);
}

static netdev_features_t vnet_guest_features(const struct vnet *vnet,
					     netdev_features_t features)
{
	u64 offloads = READ_ONCE(vnet->ctrl.offloads);

	return features & (vnet_offload_netdev(offloads) |
			   ~VNET_NETDEV_OFFLOADS);
}

/* Guarded by RTNL, which who calls it has. */
static netdev_features_t
vnet_netdev_fix_features(struct net_device *netdev, netdev_features_t features)
{
	return features & (vnet_of_netdev(netdev)->host_features |
			   ~VNET_NETDEV_OFFLOADS);
}

static netdev_features_t
vnet_netdev_features_check(struct sk_buff *skb, struct net_device *netdev,
			   netdev_features_t features)
{
	features = vlan_features_check(skb, features);
	return vnet_guest_features(vnet_of_netdev(netdev), features);
}

/* What the interface can send if the driver accepts all that is offered. */
static netdev_features_t vnet_host_features(const struct vnet *vnet)
{
	u64 offered = vnet_model_features(&vnet->mdm.desc.config);

	return vnet_offload_netdev(offered & VNET_GUEST_OFFLOADS);
}

static unsigned int vnet_host_pairs(const struct vnet *vnet)
{
	return vnet->mdm.desc.config.values[VNET_QUEUE_PAIRS];
}

/* What it has more after an error does no harm. */
static int vnet_netdev_grow(struct net_device *netdev, unsigned int pairs)
{
	int err = 0;

	if (netdev->real_num_tx_queues < pairs)
		err = netif_set_real_num_tx_queues(netdev, pairs);
	if (!err && netdev->real_num_rx_queues < pairs)
		err = netif_set_real_num_rx_queues(netdev, pairs);
	return err;
}

/**
 * vnet_netdev_configure - the host's interface is to fit the configuration
 * @vnet: the device, being opened
 *
 * Only an administrator changes that, while the device is closed: who opens and
 * closes it finds nothing to do.
 *
 * Context: May sleep; takes RTNL if there is something to do. One at a time.
 * Return: 0 or an error.
 */
int vnet_netdev_configure(struct vnet *vnet)
{
	netdev_features_t features = vnet_host_features(vnet);
	unsigned int pairs = vnet_host_pairs(vnet);
	struct net_device *netdev = vnet->netdev;
	int err;

	/* Nobody else writes them. */
	if (features == vnet->host_features &&
	    pairs <= netdev->real_num_tx_queues &&
	    pairs <= netdev->real_num_rx_queues)
		return 0;

	rtnl_lock();
	err = vnet_netdev_grow(netdev, pairs);
	if (!err && features != vnet->host_features) {
		vnet->host_features = features;
		netdev_update_features(netdev);
	}
	rtnl_unlock();
	return err;
}

static void vnet_carrier_work(struct work_struct *work)
{
	struct vnet *vnet = container_of(to_delayed_work(work), struct vnet,
					 carrier_work);

	spin_lock_bh(&vnet->irq_lock);
	if (!(vnet->status & VIRTIO_CONFIG_S_DRIVER_OK))
		netif_carrier_off(vnet->netdev);
	spin_unlock_bh(&vnet->irq_lock);
}

/**
 * vnet_netdev_carrier - the driver may have come or gone
 * @vnet: the device
 *
 * The kernel tells of most changes of a carrier once a second at most, but of
 * some at once: that a carrier is there again, and any change of a bond's port.
 */
void vnet_netdev_carrier(struct vnet *vnet)
{
	spin_lock_bh(&vnet->irq_lock);
	if (vnet->status & VIRTIO_CONFIG_S_DRIVER_OK) {
		cancel_delayed_work(&vnet->carrier_work);
		netif_carrier_on(vnet->netdev);
	} else if (netif_carrier_ok(vnet->netdev)) {
		schedule_delayed_work(&vnet->carrier_work, VNET_CARRIER_DELAY);
	}
	spin_unlock_bh(&vnet->irq_lock);
}

/**
 * vnet_read_stats - read a queue's counters
 * @stats: where
 * @counts: where to
 */
void vnet_read_stats(const struct vnet_stats *stats, struct vnet_counts *counts)
{
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&stats->syncp);
		counts->packets = u64_stats_read(&stats->packets);
		counts->bytes = u64_stats_read(&stats->bytes);
		counts->dropped = u64_stats_read(&stats->dropped);
		counts->errors = u64_stats_read(&stats->errors);
		counts->length_errors = u64_stats_read(&stats->length_errors);
		counts->filtered = u64_stats_read(&stats->filtered);
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
	.ndo_select_queue = vnet_netdev_select_queue,
	.ndo_fix_features = vnet_netdev_fix_features,
	.ndo_features_check = vnet_netdev_features_check,
	.ndo_get_stats64 = vnet_netdev_stats64,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
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

	netdev = alloc_netdev_mqs(sizeof(struct vnet *), "mvn%d",
				  NET_NAME_ENUM, ether_setup, VNET_MAX_PAIRS,
				  VNET_MAX_PAIRS);
	if (!netdev)
		return -ENOMEM;
	vnet->host_features = vnet_host_features(vnet);
	INIT_DELAYED_WORK(&vnet->carrier_work, vnet_carrier_work);

	*(struct vnet **)netdev_priv(netdev) = vnet;
	SET_NETDEV_DEV(netdev, vnet->mdm.vdev.dev);
	netdev->netdev_ops = &vnet_netdev_ops;
	netdev->ethtool_ops = &vnet_ethtool_ops;
	netdev->min_mtu = ETH_MIN_MTU;
	netdev->max_mtu = ETH_MAX_MTU;
	netdev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	netdev->priv_flags &= ~IFF_TX_SKB_SHARING;
	/* It never stops its queues: queues before them would be for nothing. */
	netdev->priv_flags |= IFF_NO_QUEUE;
	/* It sends with interrupts off, which our locks are not made for. */
	netdev->priv_flags |= IFF_DISABLE_NETPOLL;
	eth_hw_addr_random(netdev);
	/* What is offered of it is there, unless somebody turns it off. */
	netdev->features |= VNET_NETDEV_OFFLOADS;
	netdev->hw_features = VNET_NETDEV_OFFLOADS;
	netdev->vlan_features = VNET_NETDEV_OFFLOADS;

	netif_carrier_off(netdev);
	vnet->netdev = netdev;
	err = netif_set_real_num_tx_queues(netdev, vnet_host_pairs(vnet));
	if (!err)
		err = netif_set_real_num_rx_queues(netdev,
						   vnet_host_pairs(vnet));
	if (!err)
		err = register_netdev(netdev);
	if (err)
		free_netdev(netdev);
	return err;
}

/**
 * vnet_netdev_destroy - take the host's interface away
 * @vnet: the device
 *
 * In whatever network namespace or bridge it is. The device is closed.
 *
 * Context: May sleep; takes RTNL.
 */
void vnet_netdev_destroy(struct vnet *vnet)
{
	cancel_delayed_work_sync(&vnet->carrier_work);
	unregister_netdev(vnet->netdev);
	free_netdev(vnet->netdev);
}
