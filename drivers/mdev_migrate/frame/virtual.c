// SPDX-License-Identifier: GPL-2.0-only
/*
 * A parent for models that stand on no hardware: a device and its driver, on a
 * bus of the helper's.
 */
#include <linux/ctype.h>
#include <linux/device.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "../memory/dma.h"
#include "frame.h"

/*
 * To userspace this is the parent's subsystem. libvirt looks for mdev types at
 * devices of subsystems that it knows only.
 */
static char *parent_bus = "mdev_migrate";
module_param(parent_bus, charp, 0444);
MODULE_PARM_DESC(parent_bus, "bus that parents without hardware are on (mdev_migrate); libvirt knows mtty");

/* Registering writes to it, in kernels before 6.9. */
static struct bus_type mdm_bus;

/**
 * struct mdm_virtual - a parent without hardware
 * @dev: the parent
 * @driver: of this one device; its name begins the types' names
 * @drv: whose types hang off it
 * @err: what registering them returned
 */
struct mdm_virtual {
	struct device dev;
	struct device_driver driver;
	struct mdev_migrate_driver *drv;
	int err;
};

static struct mdm_virtual *to_mdm_virtual(struct device *dev)
{
	return container_of(dev, struct mdm_virtual, dev);
}

static void virtual_release(struct device *dev)
{
	kfree(to_mdm_virtual(dev));
	mdm_object_put();
}

static int virtual_probe(struct device *dev)
{
	struct mdm_virtual *parent = to_mdm_virtual(dev);

	/* The bus offers every device to every driver. */
	if (dev->driver != &parent->driver)
		return -ENODEV;
	parent->err = mdev_migrate_register(parent->drv, dev);
	return parent->err;
}

static int virtual_remove(struct device *dev)
{
	mdev_migrate_unregister(to_mdm_virtual(dev)->drv, dev);
	return 0;
}

/**
 * mdev_migrate_register_virtual - offer a model that stands on no hardware
 * @drv: the driver; static, since the mdev core keeps pointers into it
 * @name: of the parent that is made, and the first part of the types' names
 *
 * It is one parent. A driver that has several brings the devices itself.
 *
 * Context: May sleep. From the module's init.
 * Return: 0, or what mdev_migrate_register() or the driver core say.
 */
int mdev_migrate_register_virtual(struct mdev_migrate_driver *drv,
				  const char *name)
{
	struct mdm_virtual *parent;
	int ret;

	parent = kzalloc_obj(*parent);
	if (!parent)
		return -ENOMEM;
	parent->drv = drv;
	parent->err = -ENODEV;
	mdm_object_get();
	device_initialize(&parent->dev);
	parent->dev.bus = &mdm_bus;
	parent->dev.release = virtual_release;
	parent->driver = (struct device_driver) {
		.name = name,
		.bus = &mdm_bus,
		.owner = drv->owner,
		.probe = virtual_probe,
		.remove = virtual_remove,
		.probe_type = PROBE_FORCE_SYNCHRONOUS,
		.suppress_bind_attrs = true,
	};
	ret = dev_set_name(&parent->dev, "%s", name);
	if (ret)
		goto put;
	ret = driver_register(&parent->driver);
	if (ret)
		goto put;
	ret = device_add(&parent->dev);
	if (ret)
		goto unregister;
	/* That a probe failed is not what device_add() returns. */
	ret = parent->err;
	if (ret)
		goto del;
	drv->virtual_parent = parent;
	return 0;

del:
	device_del(&parent->dev);
unregister:
	driver_unregister(&parent->driver);
put:
	put_device(&parent->dev);
	return ret;
}
EXPORT_SYMBOL_GPL(mdev_migrate_register_virtual);

/**
 * mdev_migrate_unregister_virtual - undo mdev_migrate_register_virtual()
 * @drv: the driver
 *
 * Context: May sleep, as mdev_migrate_unregister().
 */
void mdev_migrate_unregister_virtual(struct mdev_migrate_driver *drv)
{
	struct mdm_virtual *parent = drv->virtual_parent;

	drv->virtual_parent = NULL;
	device_del(&parent->dev);
	driver_unregister(&parent->driver);
	put_device(&parent->dev);
}
EXPORT_SYMBOL_GPL(mdev_migrate_unregister_virtual);

/* A name for a folder, and for uevents. */
static bool bus_name_valid(const char *name)
{
	if (!*name)
		return false;
	while (isalnum(*name) || *name == '_' || *name == '-')
		name++;
	return !*name;
}

static int __init mdm_init(void)
{
	int ret;

	if (!bus_name_valid(parent_bus)) {
		pr_err("mdev_migrate: parent_bus=%s is not the name of a bus: use letters, digits, '_' and '-'\n",
		       parent_bus);
		return -EINVAL;
	}
	mdm_bus.name = parent_bus;
	ret = bus_register(&mdm_bus);
	if (ret)
		pr_err("mdev_migrate: the bus %s cannot be registered (%pe): give it another name with parent_bus=\n",
		       parent_bus, ERR_PTR(ret));
	return ret;
}
module_init(mdm_init);

static void __exit mdm_exit(void)
{
	bus_unregister(&mdm_bus);
	mdm_objects_wait();
	mdm_calls_exit();
	/* Blocks of caches that are freed by it. */
	rcu_barrier();
}
module_exit(mdm_exit);
