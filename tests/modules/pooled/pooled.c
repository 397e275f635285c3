// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device model on the frame, with as little of a device as there can be: a
 * register of four bytes, which is its state. Its driver has two parents, on the
 * platform bus. Each has a pool of units, of which a device has as many as its
 * parameter "units" says.
 */
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "pooled.h"

#define NAME		"mdm_pooled"
#define NR_PARENTS	2
#define TOTAL		64

#define TAG_REGISTER	(MDEV_MIGRATE_TAG_MODELS + 0x1000)
#define BAR_SIZE	16

enum { UNITS, NR_PARAMS };

static const struct mdev_migrate_range any_units[] = { { 1, TOTAL } };

static const struct mdev_migrate_param params[NR_PARAMS] = {
	[UNITS] = {
		.name = "units",
		.description = "how many of the parent's units it has",
		.type = MDEV_MIGRATE_UINT,
		.off = 1,
		.allowed = any_units,
		.nr_allowed = ARRAY_SIZE(any_units),
	},
};

static const u64 v1[NR_PARAMS] = { 1 };
static const u64 v2[NR_PARAMS] = { 8 };

static const struct mdev_migrate_version versions[] = {
	{ "v1", "one unit", v1 },
	{ "v2", "eight units", v2 },
};

static const struct mdev_migrate_model model = {
	.uri = "https://mdev-migrate.org/devices/test-pooled",
	.params = params,
	.nr_params = NR_PARAMS,
	.versions = versions,
	.nr_versions = ARRAY_SIZE(versions),
};

static struct pooled *to_pooled(struct mdev_migrate_device *mdm)
{
	return container_of(mdm, struct pooled, mdm);
}

static struct mdev_migrate_pool *pool_of(struct device *parent)
{
	return dev_get_drvdata(parent);
}

static int pooled_check_room(struct device *parent,
			     const struct mdev_migrate_config *config,
			     struct mdev_migrate_msg *why)
{
	return mdev_migrate_pool_check(pool_of(parent), NULL,
				       config->values[UNITS], why);
}

static int pooled_set_config(struct mdev_migrate_device *mdm,
			     const struct mdev_migrate_config *config,
			     struct mdev_migrate_msg *why)
{
	return mdev_migrate_pool_take(pool_of(mdev_migrate_parent(mdm)),
				      &to_pooled(mdm)->share,
				      config->values[UNITS], why);
}

static unsigned int
pooled_get_available(struct device *parent,
		     const struct mdev_migrate_version *version)
{
	return mdev_migrate_pool_fits(pool_of(parent), version->values[UNITS]);
}

static void pooled_release(struct mdev_migrate_device *mdm)
{
	mdev_migrate_pool_give(pool_of(mdev_migrate_parent(mdm)),
			       &to_pooled(mdm)->share);
}

int pooled_open(struct mdev_migrate_device *mdm)
{
	static const struct mdev_migrate_pci_desc function = {
		.vendor = 0xffff,
		.device = 0x0001,
		.class = 0xff0000, /* none of the others */
		.bars[0] = { .size = BAR_SIZE },
	};

	to_pooled(mdm)->reg = 0;
	return mdev_migrate_pci_init(mdm->pci, &function);
}

void pooled_close(struct mdev_migrate_device *mdm)
{
}

void pooled_reset(struct mdev_migrate_device *mdm)
{
	WRITE_ONCE(to_pooled(mdm)->reg, 0);
}

/* It does nothing by itself. */
int pooled_stop(struct mdev_migrate_device *mdm)
{
	return 0;
}

void pooled_start(struct mdev_migrate_device *mdm)
{
}

u64 pooled_bar_read(struct mdev_migrate_device *mdm, unsigned int bar,
		    u64 offset, unsigned int len)
{
	return !offset && len == sizeof(u32) ? READ_ONCE(to_pooled(mdm)->reg) :
					       0;
}

void pooled_bar_write(struct mdev_migrate_device *mdm, unsigned int bar,
		      u64 offset, unsigned int len, u64 value)
{
	if (!offset && len == sizeof(u32))
		WRITE_ONCE(to_pooled(mdm)->reg, value);
}

u64 pooled_state_size(struct mdev_migrate_device *mdm)
{
	return sizeof(struct mdev_migrate_record_hdr) + sizeof(__le32);
}

int pooled_save(struct mdev_migrate_device *mdm,
		struct mdev_migrate_writer *writer)
{
	__le32 reg = cpu_to_le32(READ_ONCE(to_pooled(mdm)->reg));

	return mdev_migrate_put(writer, TAG_REGISTER, 0, &reg, sizeof(reg));
}

void *pooled_load_begin(struct mdev_migrate_device *mdm)
{
	return kzalloc(sizeof(u32), GFP_KERNEL_ACCOUNT) ?: ERR_PTR(-ENOMEM);
}

int pooled_load_record(struct mdev_migrate_device *mdm, void *shadow,
		       const struct mdev_migrate_record *rec)
{
	if (rec->length != sizeof(__le32))
		return mdev_migrate_refuse(&mdm->desc, -EINVAL,
					   "register: the stream has %u bytes, this device has 4",
					   rec->length);
	*(u32 *)shadow = get_unaligned_le32(rec->data);
	return 0;
}

int pooled_load_commit(struct mdev_migrate_device *mdm, void *shadow)
{
	WRITE_ONCE(to_pooled(mdm)->reg, *(u32 *)shadow);
	return 0;
}

void pooled_load_end(struct mdev_migrate_device *mdm, void *shadow)
{
	kfree(shadow);
}

const struct mdev_migrate_record_type pooled_records[POOLED_NR_RECORDS] = {
	{ TAG_REGISTER, .max_length = sizeof(__le32), .required = true,
	  .name = "register" },
};

static const struct mdev_migrate_ops pooled_ops = {
	.check_room = pooled_check_room,
	.set_config = pooled_set_config,
	.get_available = pooled_get_available,
	.release = pooled_release,
	POOLED_DEVICE_OPS,
};

static struct mdev_migrate_driver pooled_driver = {
	.name = NAME,
	.owner = THIS_MODULE,
	.model = &model,
	.ops = &pooled_ops,
	.device_size = sizeof(struct pooled),
};

static void unregister_parent(void *data)
{
	struct device *parent = data;

	mdev_migrate_unregister(&pooled_driver, parent);
	WARN_ON(pool_of(parent)->used);
}

static int parent_probe(struct platform_device *pdev)
{
	struct mdev_migrate_pool *pool;
	int ret;

	pool = devm_kzalloc(&pdev->dev, sizeof(*pool), GFP_KERNEL);
	if (!pool)
		return -ENOMEM;
	mdev_migrate_pool_init(pool, params[UNITS].name, TOTAL);
	platform_set_drvdata(pdev, pool);
	ret = mdev_migrate_register(&pooled_driver, &pdev->dev);
	if (ret)
		return ret;
	return devm_add_action_or_reset(&pdev->dev, unregister_parent,
					&pdev->dev);
}

/* Its name begins the types' names, below each of the parents. */
static struct platform_driver parent_driver = {
	.probe = parent_probe,
	.driver.name = NAME,
};

static struct platform_device *parents[NR_PARENTS];

static void remove_parents(unsigned int nr)
{
	while (nr--)
		platform_device_unregister(parents[nr]);
}

static int __init pooled_init(void)
{
	unsigned int i;
	int ret;

	ret = platform_driver_register(&parent_driver);
	if (ret)
		return ret;
	for (i = 0; i < NR_PARENTS; i++) {
		parents[i] = platform_device_register_simple(NAME, i, NULL, 0);
		if (IS_ERR(parents[i])) {
			ret = PTR_ERR(parents[i]);
			remove_parents(i);
			platform_driver_unregister(&parent_driver);
			return ret;
		}
	}
	return 0;
}
module_init(pooled_init);

static void __exit pooled_exit(void)
{
	virtual_exit();
	remove_parents(NR_PARENTS);
	platform_driver_unregister(&parent_driver);
}
module_exit(pooled_exit);

MODULE_DESCRIPTION("Test devices that have shares of a pool");
MODULE_LICENSE("GPL");
