// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registration: a driver with its device model becomes a mdev parent with one
 * type per version that it offers.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "mdm.h"

/**
 * mdm_config_check - can there be a device with this configuration?
 * @drv: whose
 * @config: every value is allowed already
 * @why: filled on error
 *
 * Return: 0, -EOPNOTSUPP, -ENOSPC or what else the model's check_config says.
 */
int mdm_config_check(struct mdev_migrate_driver *drv,
		     const struct mdev_migrate_config *config,
		     struct mdev_migrate_msg *why)
{
	if (!drv->ops->check_config)
		return 0;
	return drv->ops->check_config(drv, config, why);
}

static ssize_t show_description(struct mdev_type *mtype, char *buf)
{
	struct mdm_type *type = to_mdm_type(mtype);

	return sysfs_emit(buf, "%s\n", type->version->description);
}

/* How many versions there are up to drv->max_version. */
static int count_versions(struct mdev_migrate_driver *drv)
{
	const struct mdev_migrate_model *model = drv->model;
	unsigned int i;

	if (!drv->max_version)
		return model->nr_versions;
	for (i = 0; i < model->nr_versions; i++) {
		if (!strcmp(model->versions[i].name, drv->max_version))
			return i + 1;
	}
	pr_err("%s: max_version=%s is none of this model's versions %s to %s\n",
	       drv->name, drv->max_version, model->versions[0].name,
	       model->versions[model->nr_versions - 1].name);
	return -EINVAL;
}

static int make_types(struct mdev_migrate_driver *drv)
{
	const struct mdev_migrate_model *model = drv->model;
	struct mdm_type *types;
	int nr, i;

	nr = count_versions(drv);
	if (nr < 0)
		return nr;
	types = kcalloc(nr, sizeof(*types), GFP_KERNEL);
	if (!types)
		return -ENOMEM;
	drv->nr_types = 0;
	for (i = 0; i < nr; i++) {
		const struct mdev_migrate_version *version = &model->versions[i];
		struct mdm_type *type = &types[drv->nr_types];

		if (!mdev_migrate_version_offered(model, version))
			continue;
		type->type.sysfs_name = version->name;
		type->type.pretty_name = version->description;
		type->drv = drv;
		type->version = version;
		drv->nr_types++;
	}
	if (!drv->nr_types) {
		pr_err("%s: no version can be offered\n", drv->name);
		kfree(types);
		return -ENODEV;
	}
	drv->types = types;
	return 0;
}

static int register_parent(struct mdev_migrate_driver *drv,
			   struct device *parent)
{
	struct mdev_type **ptrs;
	unsigned int i;

	/* The core keeps the array until the parent is unregistered. */
	ptrs = devm_kcalloc(parent, drv->nr_types, sizeof(*ptrs), GFP_KERNEL);
	if (!ptrs)
		return -ENOMEM;
	for (i = 0; i < drv->nr_types; i++)
		ptrs[i] = &drv->types[i].type;
	return mdev_register_parent(&drv->parent, parent, &drv->mdev_driver,
				    ptrs, drv->nr_types);
}

static void remove_type_dirs(struct mdev_migrate_driver *drv)
{
	unsigned int i;

	for (i = 0; i < drv->nr_types; i++) {
		mdm_sysfs_remove(drv->types[i].dir);
		drv->types[i].dir = NULL;
	}
}

static int add_type_dirs(struct mdev_migrate_driver *drv)
{
	unsigned int i;
	int ret;

	for (i = 0; i < drv->nr_types; i++) {
		ret = mdm_sysfs_add_type(&drv->types[i]);
		if (ret) {
			remove_type_dirs(drv);
			return ret;
		}
	}
	return 0;
}

static int check_driver(const struct mdev_migrate_driver *drv)
{
	const struct mdev_migrate_ops *ops = drv->ops;
	struct mdev_migrate_msg why;
	int ret;

	if (WARN_ON(!ops->open || !ops->close || !ops->reset || !ops->stop ||
		    !ops->start || !ops->bar_read || !ops->bar_write ||
		    !ops->state_size || !ops->save || !ops->load_record ||
		    !ops->load_commit))
		return -EINVAL;
	if (WARN_ON(drv->device_size < sizeof(struct mdev_migrate_device) ||
		    ops->nr_records > BITS_PER_LONG))
		return -EINVAL;
	ret = mdev_migrate_model_check(drv->model, &why);
	if (ret)
		pr_err("%s: %s\n", drv->name, why.text);
	return ret;
}

/**
 * mdev_migrate_register - offer a device model's versions as mdev types
 * @drv: the driver; static, since the mdev core keeps pointers into it
 * @parent: the device they hang off; its driver's name is the first part of the
 *	types' names
 *
 * Context: May sleep. Usually from @parent's probe.
 * Return: 0, -EINVAL for a description that is not in order, -ENODEV if no
 * version can be offered, or what the mdev core says.
 */
int mdev_migrate_register(struct mdev_migrate_driver *drv,
			  struct device *parent)
{
	int ret;

	ret = check_driver(drv);
	if (ret)
		return ret;
	ret = make_types(drv);
	if (ret)
		return ret;

	memset(&drv->parent, 0, sizeof(drv->parent));
	drv->mdev_driver = (struct mdev_driver) {
		.device_api = VFIO_DEVICE_API_PCI_STRING,
		.max_instances = drv->max_instances,
		.probe = mdm_vfio_probe,
		.remove = mdm_vfio_remove,
		.show_description = show_description,
		.driver = {
			.name = drv->name,
			.owner = drv->owner,
			.mod_name = KBUILD_MODNAME,
			.dev_groups = drv->dev_groups,
		},
	};
	ret = mdev_register_driver(&drv->mdev_driver);
	if (ret)
		goto free_types;
	ret = register_parent(drv, parent);
	if (ret)
		goto unregister_driver;
	ret = add_type_dirs(drv);
	if (ret)
		goto unregister_parent;
	/* udev's rules may look at migration/ from here on. */
	kobject_uevent(&parent->kobj, KOBJ_CHANGE);
	return 0;

unregister_parent:
	mdev_unregister_parent(&drv->parent);
unregister_driver:
	mdev_unregister_driver(&drv->mdev_driver);
free_types:
	kfree(drv->types);
	drv->types = NULL;
	return ret;
}
EXPORT_SYMBOL_GPL(mdev_migrate_register);

/**
 * mdev_migrate_unregister - undo mdev_migrate_register()
 * @drv: the driver
 *
 * Removes all its devices; one that is open is asked for and waited for.
 *
 * Context: May sleep.
 */
void mdev_migrate_unregister(struct mdev_migrate_driver *drv)
{
	remove_type_dirs(drv);
	mdev_unregister_parent(&drv->parent);
	mdev_unregister_driver(&drv->mdev_driver);
	kfree(drv->types);
	drv->types = NULL;
}
EXPORT_SYMBOL_GPL(mdev_migrate_unregister);

/**
 * mdev_migrate_from_dev - the device behind a mdev's struct device
 * @dev: as in a sysfs attribute of drv->dev_groups
 *
 * Return: the device.
 */
struct mdev_migrate_device *mdev_migrate_from_dev(struct device *dev)
{
	return dev_get_drvdata(dev);
}
EXPORT_SYMBOL_GPL(mdev_migrate_from_dev);

MODULE_DESCRIPTION("Helper for migratable mediated devices");
MODULE_VERSION(MDEV_MIGRATE_VERSION);
MODULE_LICENSE("GPL");
