// SPDX-License-Identifier: GPL-2.0-only
/* The device model: its parameters, its versions, and what they come to. */
#include <linux/module.h>
#include "virtio_net.h"

/*
 * Values that this implementation can be. A parameter whose feature is not
 * there yet allows its off value only, which also withholds the versions that
 * need another.
 */
static const struct mdev_migrate_range vnet_off_only[] = { { 0, 0 } };
static const struct mdev_migrate_range vnet_mtus[] = { { 0, 0 }, { 68, 65535 } };
static const struct mdev_migrate_range vnet_pairs[] = { { 1, VNET_MAX_PAIRS } };

static const struct mdev_migrate_param vnet_params[VNET_NR_PARAMS] = {
	[VNET_ANNOUNCE] = {
		.name = "announce",
		.description = "the guest announces itself on the network after migration",
		.type = MDEV_MIGRATE_BOOL,
		.allowed = vnet_off_only,
		.nr_allowed = ARRAY_SIZE(vnet_off_only),
	},
	[VNET_MTU] = {
		.name = "mtu",
		.description = "MTU that the guest is told to use, 0 for none",
		.type = MDEV_MIGRATE_UINT,
		.allowed = vnet_mtus,
		.nr_allowed = ARRAY_SIZE(vnet_mtus),
	},
	[VNET_OFFLOADS] = {
		.name = "offloads",
		.description = "checksum and segmentation offloads, mergeable receive buffers",
		.type = MDEV_MIGRATE_BOOL,
		.allowed = vnet_off_only,
		.nr_allowed = ARRAY_SIZE(vnet_off_only),
	},
	[VNET_QUEUE_PAIRS] = {
		.name = "queue-pairs",
		.description = "pairs of a receive and a transmit queue",
		.type = MDEV_MIGRATE_UINT,
		.off = 1,
		.allowed = vnet_pairs,
		.nr_allowed = ARRAY_SIZE(vnet_pairs),
	},
	[VNET_RSS] = {
		.name = "rss",
		.description = "receive side scaling and hash reports",
		.type = MDEV_MIGRATE_BOOL,
		.allowed = vnet_off_only,
		.nr_allowed = ARRAY_SIZE(vnet_off_only),
	},
	[VNET_RX_FILTER_SIZE] = {
		.name = "rx-filter-size",
		.description = "entries of the MAC address filter, 0 for no filtering",
		.type = MDEV_MIGRATE_UINT,
		.allowed = vnet_off_only,
		.nr_allowed = ARRAY_SIZE(vnet_off_only),
	},
};

/* A released version never changes. */
static const u64 vnet_v1[VNET_NR_PARAMS] = {
	[VNET_QUEUE_PAIRS] = 1,
};

static const u64 vnet_v2[VNET_NR_PARAMS] = {
	[VNET_ANNOUNCE] = 1,
	[VNET_OFFLOADS] = 1,
	[VNET_QUEUE_PAIRS] = 1,
	[VNET_RX_FILTER_SIZE] = 32,
};

static const u64 vnet_v3[VNET_NR_PARAMS] = {
	[VNET_ANNOUNCE] = 1,
	[VNET_MTU] = 1500,
	[VNET_OFFLOADS] = 1,
	[VNET_QUEUE_PAIRS] = 4,
	[VNET_RSS] = 1,
	[VNET_RX_FILTER_SIZE] = 64,
};

static const struct mdev_migrate_version vnet_versions[] = {
	{ "v1", "virtio network card, one queue pair, no offloads", vnet_v1 },
	{ "v2", "virtio network card with offloads and receive filter", vnet_v2 },
	{ "v3", "virtio network card, four queue pairs with RSS", vnet_v3 },
};

#define VNET_URI	"https://mdev-migrate.org/devices/virtio-net"

/* For modinfo: the model, and the versions of it that can be offered. */
MODULE_INFO(mdev_model, VNET_URI);
MODULE_INFO(mdev_versions, "v1");

const struct mdev_migrate_model vnet_model = {
	.uri = VNET_URI,
	.params = vnet_params,
	.nr_params = ARRAY_SIZE(vnet_params),
	.versions = vnet_versions,
	.nr_versions = ARRAY_SIZE(vnet_versions),
};

/* Always offered: a guest sees them whatever the parameters. */
#define VNET_FEATURES_BASE						\
	(BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) | \
	 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |				\
	 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) | BIT_ULL(VIRTIO_NET_F_MAC) |	\
	 BIT_ULL(VIRTIO_NET_F_STATUS))

/* Offered by a parameter that is not off. */
static const struct {
	enum vnet_param param;
	u64 features;
} vnet_param_features[] = {
	{ VNET_MTU, BIT_ULL(VIRTIO_NET_F_MTU) },
};

/**
 * vnet_model_features - the features that a configuration offers
 * @config: the configuration
 *
 * Return: the feature bits.
 */
u64 vnet_model_features(const struct mdev_migrate_config *config)
{
	u64 features = VNET_FEATURES_BASE;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vnet_param_features); i++) {
		enum vnet_param param = vnet_param_features[i].param;

		if (config->values[param] != vnet_params[param].off)
			features |= vnet_param_features[i].features;
	}
	return features;
}

/**
 * vnet_model_queues - the queues that a configuration has
 * @config: the configuration
 *
 * Return: their number, with the control queue if there is one.
 */
unsigned int vnet_model_queues(const struct mdev_migrate_config *config)
{
	u64 cvq = vnet_model_features(config) & BIT_ULL(VIRTIO_NET_F_CTRL_VQ);

	return 2 * config->values[VNET_QUEUE_PAIRS] + !!cvq;
}
