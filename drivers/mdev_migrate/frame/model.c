// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registration: a driver with its device model becomes a mdev parent with one
 * type per version that it offers.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "../migration/migration.h"
#include "frame.h"

static ssize_t show_description(struct mdev_type *mtype, char *buf)
{
	struct mdm_type *type = to_mdm_type(mtype);

	return sysfs_emit(buf, "%s\n", type->desc.version->description);
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
	struct mdm_types *types;
	int nr;

	nr = count_versions(drv);
	if (nr < 0)
		return nr;
	types = mdm_types_create(drv, nr);
	if (!types)
		return -ENOMEM;
	if (!types->nr) {
		pr_err("%s: no version can be offered\n", drv->name);
		mdm_types_put(types);
		return -ENODEV;
	}
	drv->types = types;
	return 0;
}

static void remove_type_dirs(struct mdm_types *types)
{
	unsigned int i;

	for (i = 0; i < types->nr; i++)
		mdev_migrate_type_description_remove(&types->types[i].desc);
}

static int add_type_dirs(struct mdm_types *types, struct device *parent)
{
	unsigned int i;
	int ret;

	for (i = 0; i < types->nr; i++) {
		struct mdm_type *type = &types->types[i];

		type->desc.dev = parent;
		ret = mdev_migrate_type_description_add(&type->desc,
							&type->type.kobj);
		if (ret) {
			remove_type_dirs(types);
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
	if (!ret)
		ret = mdm_records_check(ops->records, ops->nr_records,
					&why);
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

	drv->types->mdev_driver = (struct mdev_driver) {
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
	ret = mdev_register_driver(&drv->types->mdev_driver);
	if (ret)
		goto put_types;
	ret = mdm_types_register(drv->types, parent);
	if (ret)
		goto unregister_driver;
	ret = add_type_dirs(drv->types, parent);
	if (ret)
		goto unregister_parent;
	/* udev's rules may look at migration/ from here on. */
	kobject_uevent(&parent->kobj, KOBJ_CHANGE);
	return 0;

unregister_parent:
	mdm_types_unregister(drv->types);
unregister_driver:
	mdev_unregister_driver(&drv->types->mdev_driver);
put_types:
	mdm_types_put(drv->types);
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
	remove_type_dirs(drv->types);
	mdm_types_unregister(drv->types);
	mdev_unregister_driver(&drv->types->mdev_driver);
	mdm_types_put(drv->types);
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
