// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registration: a driver with its device model becomes an mdev driver, and each of
 * its parents an mdev parent with one type per version that the driver offers.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "../migration/migration.h"
#include "frame.h"

/*
 * Guards drv->registration and what is in it of parents. It is held while a driver
 * without parents comes and goes on the mdev bus, not while a parent does, which
 * waits for users of its devices.
 */
DEFINE_MUTEX(mdm_registrations_lock);

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
	pr_err("%s: max_version=%s is not one of this model's versions, %s to %s\n",
	       drv->name, drv->max_version, model->versions[0].name,
	       model->versions[model->nr_versions - 1].name);
	return -EINVAL;
}

static struct mdm_types *make_types(struct mdm_registration *registration,
				    struct device *parent)
{
	const char *name = registration->drv->name;
	struct mdm_types *types;
	int nr;

	nr = count_versions(registration->drv);
	if (nr < 0)
		return ERR_PTR(nr);
	types = mdm_types_create(registration, parent, nr);
	if (!types)
		return ERR_PTR(-ENOMEM);
	if (!types->nr) {
		pr_err("%s: no version can be offered\n", name);
		mdm_types_put(types);
		return ERR_PTR(-ENODEV);
	}
	return types;
}

static void remove_type_dirs(struct mdm_types *types)
{
	unsigned int i;

	for (i = 0; i < types->nr; i++)
		mdev_migrate_type_description_remove(&types->types[i].desc);
}

static int add_type_dirs(struct mdm_types *types)
{
	unsigned int i;
	int ret;

	for (i = 0; i < types->nr; i++) {
		struct mdm_type *type = &types->types[i];

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
		    !ops->state_size || !ops->save || !ops->load_record))
		return -EINVAL;
	if (WARN_ON(drv->device_size < sizeof(struct mdev_migrate_device) ||
		    ops->nr_records > BITS_PER_LONG ||
		    (drv->max_instances && ops->get_available)))
		return -EINVAL;
	ret = mdev_migrate_model_check(drv->model, &why);
	if (!ret)
		ret = mdm_records_check(ops->records, ops->nr_records, false,
					ops->load_room, &why);
	if (ret)
		pr_err("%s: %s\n", drv->name, why.text);
	return ret;
}

static unsigned int get_available(struct mdev_type *mtype)
{
	struct mdm_type *type = to_mdm_type(mtype);

	return type->drv->ops->get_available(type->desc.dev,
					     type->desc.version);
}

static void registration_free(struct kref *ref)
{
	kfree(container_of(ref, struct mdm_registration, ref));
}

/**
 * mdm_registration_put - drop a reference
 * @registration: a driver's registration
 */
void mdm_registration_put(struct mdm_registration *registration)
{
	kref_put(&registration->ref, registration_free);
}

static struct mdm_registration *
registration_create(struct mdev_migrate_driver *drv)
{
	struct mdm_registration *registration;
	int ret;

	lockdep_assert_held(&mdm_registrations_lock);
	registration = kzalloc_obj(*registration, GFP_KERNEL);
	if (!registration)
		return ERR_PTR(-ENOMEM);
	kref_init(&registration->ref);
	INIT_LIST_HEAD(&registration->parents);
	registration->drv = drv;
	registration->mdev_driver = (struct mdev_driver) {
		.device_api = VFIO_DEVICE_API_PCI_STRING,
		.max_instances = drv->max_instances,
		.probe = mdm_vfio_probe,
		.remove = mdm_vfio_remove,
		.get_available = drv->ops->get_available ? get_available : NULL,
		.show_description = show_description,
		.driver = {
			.name = drv->name,
			.owner = drv->owner,
			.mod_name = KBUILD_MODNAME,
			.dev_groups = drv->dev_groups,
		},
	};
	ret = mdev_register_driver(&registration->mdev_driver);
	if (ret) {
		mdm_registration_put(registration);
		return ERR_PTR(ret);
	}
	return registration;
}

/* The driver is to have one more parent; the first brings it onto the bus. */
static struct mdm_registration *add_parent(struct mdev_migrate_driver *drv)
{
	struct mdm_registration *registration;

	mutex_lock(&mdm_registrations_lock);
	registration = drv->registration;
	if (!registration)
		registration = registration_create(drv);
	if (!IS_ERR(registration)) {
		registration->nr++;
		drv->registration = registration;
	}
	mutex_unlock(&mdm_registrations_lock);
	return registration;
}

/* One parent less. With the last the driver leaves the bus. */
static void drop_parent(struct mdev_migrate_driver *drv)
{
	struct mdm_registration *registration;

	mutex_lock(&mdm_registrations_lock);
	registration = drv->registration;
	if (!--registration->nr) {
		drv->registration = NULL;
		mdev_unregister_driver(&registration->mdev_driver);
		mdm_registration_put(registration);
	}
	mutex_unlock(&mdm_registrations_lock);
}

static void list_types(struct mdm_types *types)
{
	mutex_lock(&mdm_registrations_lock);
	list_add(&types->node, &types->registration->parents);
	mutex_unlock(&mdm_registrations_lock);
}

/* The parent's types, which are not listed any more; or NULL. */
static struct mdm_types *unlist_types(struct mdev_migrate_driver *drv,
				      struct device *parent)
{
	struct mdm_types *types, *found = NULL;

	mutex_lock(&mdm_registrations_lock);
	if (drv->registration) {
		list_for_each_entry(types, &drv->registration->parents, node) {
			if (types->parent.dev == parent)
				found = types;
		}
	}
	if (found)
		list_del(&found->node);
	mutex_unlock(&mdm_registrations_lock);
	return found;
}

static int register_types(struct mdm_types *types, struct device *parent)
{
	int ret;

	ret = mdm_types_register(types, parent);
	if (ret)
		return ret;
	ret = add_type_dirs(types);
	if (ret)
		mdm_types_unregister(types);
	return ret;
}

/**
 * mdev_migrate_register - offer a device model's versions as mdev types
 * @drv: the driver; static, since the mdev core keeps pointers into it
 * @parent: the device they hang off; its driver's name is the first part of the
 *	types' names
 *
 * For each of the driver's parents, of which there may be any number. Each has
 * types of its own, and devices.
 *
 * Context: May sleep. Usually from @parent's probe.
 * Return: 0, -EINVAL for a description that is not in order, -ENODEV if no
 * version can be offered, or what the mdev core says.
 */
int mdev_migrate_register(struct mdev_migrate_driver *drv,
			  struct device *parent)
{
	struct mdm_registration *registration;
	struct mdm_types *types;
	int ret;

	ret = check_driver(drv);
	if (ret)
		return ret;
	registration = add_parent(drv);
	if (IS_ERR(registration))
		return PTR_ERR(registration);
	types = make_types(registration, parent);
	if (IS_ERR(types)) {
		ret = PTR_ERR(types);
		goto drop_parent;
	}
	ret = register_types(types, parent);
	if (ret)
		goto put_types;
	list_types(types);
	/* udev's rules may look at migration/ from here on. */
	kobject_uevent(&parent->kobj, KOBJ_CHANGE);
	return 0;

put_types:
	mdm_types_put(types);
drop_parent:
	drop_parent(drv);
	return ret;
}
EXPORT_SYMBOL_GPL(mdev_migrate_register);

/**
 * mdev_migrate_unregister - undo mdev_migrate_register()
 * @drv: the driver
 * @parent: one of its parents
 *
 * Removes all the parent's devices; one that is open is asked for and waited for.
 *
 * Context: May sleep. Usually from @parent's remove.
 */
void mdev_migrate_unregister(struct mdev_migrate_driver *drv,
			     struct device *parent)
{
	struct mdm_types *types = unlist_types(drv, parent);

	if (WARN_ON(!types))
		return;
	remove_type_dirs(types);
	mdm_types_unregister(types);
	mdm_types_put(types);
	drop_parent(drv);
}
EXPORT_SYMBOL_GPL(mdev_migrate_unregister);

/**
 * mdev_migrate_from_dev - the device behind an mdev's struct device
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
