// SPDX-License-Identifier: GPL-2.0-only
/* What ethtool shows of the host's interface. Its view: tx is to the guest. */
#include "virtio_net.h"

/* Counters of a queue, and of the control queue. */
struct vnet_counter {
	const char *name;
	size_t offset;
};

#define COUNTER(_name, _field)	{ _name, offsetof(struct vnet_counts, _field) }

static const struct vnet_counter vnet_tx_counters[] = {
	COUNTER("packets", packets),
	COUNTER("bytes", bytes),
	COUNTER("drops", dropped),
	COUNTER("errors", errors),
	COUNTER("filtered", filtered),
};

static const struct vnet_counter vnet_rx_counters[] = {
	COUNTER("packets", packets),
	COUNTER("bytes", bytes),
	COUNTER("drops", dropped),
	COUNTER("errors", errors),
};

static const struct vnet_counter vnet_ctrl_counters[] = {
	COUNTER("commands", packets),
	COUNTER("refused", errors),
};

#define VNET_NR_STATS							\
	(VNET_MAX_PAIRS * (ARRAY_SIZE(vnet_tx_counters) +		\
			   ARRAY_SIZE(vnet_rx_counters)) +		\
	 ARRAY_SIZE(vnet_ctrl_counters))

static int vnet_get_sset_count(struct net_device *netdev, int sset)
{
	return sset == ETH_SS_STATS ? VNET_NR_STATS : -EOPNOTSUPP;
}

static void vnet_put_strings(u8 **data, const char *queue, unsigned int index,
			     const struct vnet_counter *counters,
			     unsigned int nr)
{
	char name[ETH_GSTRING_LEN];
	unsigned int i;

	for (i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "%s%u_%s", queue, index,
			 counters[i].name);
		memset(*data, 0, ETH_GSTRING_LEN);
		strscpy(*data, name, ETH_GSTRING_LEN);
		*data += ETH_GSTRING_LEN;
	}
}

static void vnet_get_strings(struct net_device *netdev, u32 sset, u8 *data)
{
	unsigned int i;

	if (sset != ETH_SS_STATS)
		return;
	for (i = 0; i < VNET_MAX_PAIRS; i++) {
		vnet_put_strings(&data, "tx", i, vnet_tx_counters,
				 ARRAY_SIZE(vnet_tx_counters));
		vnet_put_strings(&data, "rx", i, vnet_rx_counters,
				 ARRAY_SIZE(vnet_rx_counters));
	}
	vnet_put_strings(&data, "ctrl", 0, vnet_ctrl_counters,
			 ARRAY_SIZE(vnet_ctrl_counters));
}

static void vnet_put_values(u64 **data, const struct vnet_stats *stats,
			    const struct vnet_counter *counters,
			    unsigned int nr)
{
	struct vnet_counts counts;
	unsigned int i;

	vnet_read_stats(stats, &counts);
	for (i = 0; i < nr; i++)
		*(*data)++ = *(u64 *)((u8 *)&counts + counters[i].offset);
}

static void vnet_get_ethtool_stats(struct net_device *netdev,
				   struct ethtool_stats *stats, u64 *data)
{
	struct vnet *vnet = vnet_of_netdev(netdev);
	unsigned int i;

	for (i = 0; i < VNET_MAX_PAIRS; i++) {
		vnet_put_values(&data, &vnet_rx_queue(vnet, i)->stats,
				vnet_tx_counters, ARRAY_SIZE(vnet_tx_counters));
		vnet_put_values(&data, &vnet_tx_queue(vnet, i)->stats,
				vnet_rx_counters, ARRAY_SIZE(vnet_rx_counters));
	}
	vnet_put_values(&data, &vnet->ctrl_stats, vnet_ctrl_counters,
			ARRAY_SIZE(vnet_ctrl_counters));
}

/* As many as the guest uses; the interface has more. */
static void vnet_get_channels(struct net_device *netdev,
			      struct ethtool_channels *channels)
{
	struct vnet *vnet = vnet_of_netdev(netdev);
	unsigned int seq;

	channels->max_combined = READ_ONCE(vnet->max_pairs);
	do {
		seq = read_seqbegin(&vnet->ctrl_lock);
		channels->combined_count = vnet_steer_rx_pairs(vnet,
							       &vnet->ctrl);
	} while (read_seqretry(&vnet->ctrl_lock, seq));
}

static void vnet_get_drvinfo(struct net_device *netdev,
			     struct ethtool_drvinfo *info)
{
	struct vnet *vnet = vnet_of_netdev(netdev);

	strscpy(info->driver, "mdev_virtio_net", sizeof(info->driver));
	strscpy(info->bus_info, dev_name(vnet->mdm.vdev.dev),
		sizeof(info->bus_info));
}

const struct ethtool_ops vnet_ethtool_ops = {
	.get_drvinfo = vnet_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_ts_info = ethtool_op_get_ts_info,
	.get_sset_count = vnet_get_sset_count,
	.get_strings = vnet_get_strings,
	.get_ethtool_stats = vnet_get_ethtool_stats,
	.get_channels = vnet_get_channels,
};
