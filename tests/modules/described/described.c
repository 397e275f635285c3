// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two devices on the platform bus that do nothing but say what they are: no mdevs,
 * no VFIO. They share a pool, from which a device has as many as its parameter
 * "size" says.
 *
 * A device's attribute "open" stands for its user: while it is 1 the configuration
 * is fixed.
 */
#include <linux/mdev_migrate/config.h>
#include <linux/mdev_migrate/description.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#define NAME		"mdm_described"
#define NR_DEVICES	2

static char *stream_version;
module_param(stream_version, charp, 0444);
MODULE_PARM_DESC(stream_version, "what the devices say of their streams, such as 1.0; nothing if not given");

static unsigned int total = 96;
module_param(total, uint, 0444);
MODULE_PARM_DESC(total, "how much there is in the pool (96)");

enum { LANES, MODE, SIZE, NR_PARAMS };
enum { MODE_SLOW, MODE_FAST, MODE_SAFE };

static const char * const modes[] = { "slow", "fast", "safe", NULL };

static const struct mdev_migrate_range any_lanes[] = {
	{ 1, 2 }, { 4, 4 }, { 8, 8 },
};

static const struct mdev_migrate_range any_mode[] = { { MODE_SLOW, MODE_SAFE } };
static const struct mdev_migrate_range any_size[] = { { 0, 64 } };

static const struct mdev_migrate_param params[NR_PARAMS] = {
	[LANES] = {
		.name = "lanes",
		.description = "how wide it is",
		.type = MDEV_MIGRATE_UINT,
		.off = 1,
		.allowed = any_lanes,
		.nr_allowed = ARRAY_SIZE(any_lanes),
	},
	[MODE] = {
		.name = "mode",
		.description = "how it goes about its work",
		.type = MDEV_MIGRATE_WORD,
		.words = modes,
		.allowed = any_mode,
		.nr_allowed = ARRAY_SIZE(any_mode),
	},
	[SIZE] = {
		.name = "size",
		.description = "how much of the pool it has",
		.type = MDEV_MIGRATE_UINT,
		.allowed = any_size,
		.nr_allowed = ARRAY_SIZE(any_size),
	},
};

static const u64 v1[NR_PARAMS] = { 1, MODE_SLOW, 0 };
static const u64 v2[NR_PARAMS] = { 4, MODE_FAST, 32 };

static const struct mdev_migrate_version versions[] = {
	{ "v1", "all off", v1 },
	{ "v2", "fast", v2 },
};

static const struct mdev_migrate_model model = {
	.uri = "https://mdev-migrate.org/devices/test-described",
	.params = params,
	.nr_params = NR_PARAMS,
	.versions = versions,
	.nr_versions = ARRAY_SIZE(versions),
};

static struct mdev_migrate_pool pool;

/**
 * struct described - a device
 * @desc: what it is
 * @share: of the pool
 */
struct described {
	struct mdev_migrate_description desc;
	u64 share;
};

static struct described *to_described(struct mdev_migrate_description *desc)
{
	return container_of(desc, struct described, desc);
}

static int check_config(struct mdev_migrate_description *desc,
			const struct mdev_migrate_config *config,
			struct mdev_migrate_msg *why)
{
	if (config->values[MODE] != MODE_FAST || config->values[LANES] > 1)
		return 0;
	snprintf(why->text, sizeof(why->text),
		 "mode: fast needs at least 2 lanes, and lanes is 1; write another mode or more lanes");
	return -EOPNOTSUPP;
}

static int check_room(struct mdev_migrate_description *desc,
		      const struct mdev_migrate_config *config,
		      struct mdev_migrate_msg *why)
{
	return mdev_migrate_pool_check(&pool, &to_described(desc)->share,
				       config->values[SIZE], why);
}

static int set_config(struct mdev_migrate_description *desc,
		      const struct mdev_migrate_config *config,
		      struct mdev_migrate_msg *why)
{
	return mdev_migrate_pool_take(&pool, &to_described(desc)->share,
				      config->values[SIZE], why);
}

static const struct mdev_migrate_description_ops ops = {
	.check_config = check_config,
	.check_room = check_room,
	.set_config = set_config,
};

static ssize_t open_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t count)
{
	struct described *described = dev_get_drvdata(dev);
	bool is_open;
	int ret;

	ret = kstrtobool(buf, &is_open);
	if (ret)
		return ret;
	mdev_migrate_description_set_open(&described->desc, is_open);
	return count;
}
static DEVICE_ATTR_WO(open);

static ssize_t share_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct described *described = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%llu\n", READ_ONCE(described->share));
}
static DEVICE_ATTR_RO(share);

static struct attribute *described_attrs[] = {
	&dev_attr_open.attr,
	&dev_attr_share.attr,
	NULL,
};
ATTRIBUTE_GROUPS(described);

static void described_free(void *data)
{
	struct described *described = data;

	mdev_migrate_pool_give(&pool, &described->share);
	mdev_migrate_description_destroy(&described->desc);
	kfree(described);
}

static void described_remove(void *data)
{
	struct described *described = data;

	mdev_migrate_description_remove(&described->desc);
}

static int described_probe(struct platform_device *pdev)
{
	struct described *described;
	int ret;

	described = kzalloc_obj(*described, GFP_KERNEL);
	if (!described)
		return -ENOMEM;
	ret = mdev_migrate_description_init(&described->desc, &pdev->dev,
					    &model, &versions[1], &ops);
	if (ret) {
		kfree(described);
		return ret;
	}
	mdev_migrate_description_set_type(&described->desc, stream_version);
	ret = devm_add_action_or_reset(&pdev->dev, described_free, described);
	if (ret)
		return ret;
	platform_set_drvdata(pdev, described);
	ret = mdev_migrate_description_add(&described->desc);
	if (ret)
		return ret;
	return devm_add_action_or_reset(&pdev->dev, described_remove,
					described);
}

static struct platform_driver described_driver = {
	.probe = described_probe,
	.driver = {
		.name = NAME,
		.dev_groups = described_groups,
	},
};

static struct platform_device *devices[NR_DEVICES];

static void remove_devices(unsigned int nr)
{
	while (nr--)
		platform_device_unregister(devices[nr]);
}

static int __init described_init(void)
{
	unsigned int i;
	int ret;

	mdev_migrate_pool_init(&pool, "size", total);
	ret = platform_driver_register(&described_driver);
	if (ret)
		return ret;
	for (i = 0; i < NR_DEVICES; i++) {
		devices[i] = platform_device_register_simple(NAME, i, NULL, 0);
		if (IS_ERR(devices[i])) {
			ret = PTR_ERR(devices[i]);
			remove_devices(i);
			platform_driver_unregister(&described_driver);
			return ret;
		}
	}
	return 0;
}
module_init(described_init);

static void __exit described_exit(void)
{
	remove_devices(NR_DEVICES);
	platform_driver_unregister(&described_driver);
	WARN_ON(pool.used);
}
module_exit(described_exit);

MODULE_DESCRIPTION("Test devices that say what they are");
MODULE_LICENSE("GPL");
