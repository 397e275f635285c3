// SPDX-License-Identifier: GPL-2.0-only
/* The device model: its parameters, its versions, and what they come to. */
#include <linux/module.h>
#include "virtio_net.h"

/* Values that this implementation can be. */
static const struct mdev_migrate_range vnet_bool[] = { { 0, 1 } };
static const struct mdev_migrate_range vnet_mtus[] = { { 0, 0 }, { 68, 65535 } };
static const struct mdev_migrate_range vnet_pairs[] = { { 1, VNET_MAX_PAIRS } };
static const struct mdev_migrate_range vnet_macs[] = { { 0, VNET_MAX_MACS } };

static struct mdev_migrate_param vnet_params[VNET_NR_PARAMS] = {
	[VNET_ANNOUNCE] = {
		.name = "announce",
		.description = "the guest announces itself on the network after migration",
		.type = MDEV_MIGRATE_BOOL,
		.allowed = vnet_bool,
		.nr_allowed = ARRAY_SIZE(vnet_bool),
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
		.allowed = vnet_bool,
		.nr_allowed = ARRAY_SIZE(vnet_bool),
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
		.allowed = vnet_bool,
		.nr_allowed = ARRAY_SIZE(vnet_bool),
	},
	[VNET_RX_FILTER_SIZE] = {
		.name = "rx-filter-size",
		.description = "entries of the MAC address filter, 0 for no filtering",
		.type = MDEV_MIGRATE_UINT,
		.allowed = vnet_macs,
		.nr_allowed = ARRAY_SIZE(vnet_macs),
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

#define VNET_VERSION(_version, _description)				\
	{ #_version, _description, vnet_##_version },
static const struct mdev_migrate_version vnet_versions[] = {
#include "versions.h"
};

#define VNET_URI	"https://mdev-migrate.org/devices/virtio-net"

/* For modinfo: the model, and the versions of it that can be offered. */
MODULE_INFO(mdev_model, VNET_URI);

#undef VNET_VERSION
#define VNET_VERSION(_version, _description)				\
	MODULE_INFO(mdev_version, #_version ": " _description);
#include "versions.h"

struct mdev_migrate_model vnet_model = {
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

#define F(_feature)	BIT_ULL(VIRTIO_NET_F_##_feature)

/* Offered by a parameter that is not off. */
static const struct {
	enum vnet_param param;
	u64 features;
} vnet_param_features[] = {
	{ VNET_ANNOUNCE, F(CTRL_VQ) | F(GUEST_ANNOUNCE) },
	{ VNET_MTU, F(MTU) },
	{ VNET_OFFLOADS, F(CTRL_VQ) | F(CSUM) | F(HOST_TSO4) | F(HOST_TSO6) |
	  F(HOST_ECN) | F(HOST_USO) | VNET_GUEST_OFFLOADS | F(MRG_RXBUF) |
	  F(CTRL_GUEST_OFFLOADS) | BIT_ULL(VIRTIO_F_RING_RESET) },
	{ VNET_QUEUE_PAIRS, F(CTRL_VQ) | F(MQ) },
	{ VNET_RSS, F(CTRL_VQ) | F(RSS) | F(HASH_REPORT) },
	{ VNET_RX_FILTER_SIZE, F(CTRL_VQ) | F(CTRL_RX) | F(CTRL_RX_EXTRA) |
	  F(CTRL_VLAN) | F(CTRL_MAC_ADDR) },
};

/* A feature makes sense with one of others only (virtio 1.x, 5.1.3.1). */
static const struct {
	u64 feature;
	u64 needs;
} vnet_dependencies[] = {
	{ F(GUEST_TSO4), F(GUEST_CSUM) },
	{ F(GUEST_TSO6), F(GUEST_CSUM) },
	{ F(GUEST_ECN), F(GUEST_TSO4) | F(GUEST_TSO6) },
	{ F(GUEST_USO4), F(GUEST_CSUM) },
	{ F(GUEST_USO6), F(GUEST_CSUM) },
	{ F(HOST_TSO4), F(CSUM) },
	{ F(HOST_TSO6), F(CSUM) },
	{ F(HOST_ECN), F(HOST_TSO4) | F(HOST_TSO6) },
	{ F(HOST_USO), F(CSUM) },
	{ F(CTRL_GUEST_OFFLOADS), F(CTRL_VQ) },
	{ F(CTRL_RX), F(CTRL_VQ) },
	{ F(CTRL_RX_EXTRA), F(CTRL_VQ) },
	{ F(CTRL_VLAN), F(CTRL_VQ) },
	{ F(CTRL_MAC_ADDR), F(CTRL_VQ) },
	{ F(GUEST_ANNOUNCE), F(CTRL_VQ) },
	{ F(MQ), F(CTRL_VQ) },
	{ F(RSS), F(CTRL_VQ) },
	{ F(HASH_REPORT), F(CTRL_VQ) },
};

/**
 * vnet_model_accepts - can a device work with what its driver accepted?
 * @offered: features
 * @features: accepted
 *
 * A driver that does not take ACCESS_PLATFORM gives addresses that are IOVAs
 * where there is no IOMMU for the guest, and that are nowhere where there is.
 *
 * Return: whether.
 */
bool vnet_model_accepts(u64 offered, u64 features)
{
	unsigned int i;

	if (features & ~offered || !(features & BIT_ULL(VIRTIO_F_VERSION_1)))
		return false;
	for (i = 0; i < ARRAY_SIZE(vnet_dependencies); i++)
		if (features & vnet_dependencies[i].feature &&
		    !(features & vnet_dependencies[i].needs))
			return false;
	return true;
}

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

static int vnet_withhold_one(const char *name, size_t len)
{
	static struct mdev_migrate_range off[VNET_NR_PARAMS];
	unsigned int i;

	for (i = 0; i < VNET_NR_PARAMS; i++) {
		struct mdev_migrate_param *param = &vnet_params[i];

		if (strlen(param->name) != len ||
		    strncmp(param->name, name, len))
			continue;
		off[i].first = param->off;
		off[i].last = param->off;
		param->allowed = &off[i];
		param->nr_allowed = 1;
		return 0;
	}
	pr_err("mdev_virtio_net: without=%.*s is not one of this model's parameters\n",
	       (int)len, name);
	return -EINVAL;
}

/**
 * vnet_model_withhold - allow nothing but the off value of some parameters
 * @names: theirs, with commas between, or NULL
 *
 * The versions that need another value are not offered then either.
 *
 * Context: Before the model is registered.
 * Return: 0, or -EINVAL if there is no such parameter.
 */
int vnet_model_withhold(const char *names)
{
	int err;

	while (names && *names) {
		size_t len = strcspn(names, ",");

		err = vnet_withhold_one(names, len);
		if (err)
			return err;
		names += len + (names[len] == ',');
	}
	return 0;
}
