// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mdev types of a driver, and how long they live.
 *
 * The core embeds a kobject in each type, which is our memory, and gives no word
 * when it is done with it: mdev_unregister_parent() drops the core's own
 * references, but a device that was created, and the folder "devices", have
 * theirs until their own last reference is dropped. Then the core's release
 * function runs and reads type->parent; a device's release reads the driver that
 * the parent points to.
 *
 * So all of that is in one piece of memory, which counts its types. To learn that
 * a type is gone, its kobject gets a kind of ours once it is registered, which is
 * the core's but for the release function: that calls the core's and then drops
 * the reference. After the release function kobject_cleanup() does not touch the
 * kobject, nor its kind.
 */
#include <linux/kmemleak.h>
#include <linux/slab.h>

#include "frame.h"

static void types_free(struct kref *ref)
{
	struct mdm_types *types = container_of(ref, struct mdm_types, ref);

	kfree(types->ptrs);
	kfree(types->types);
	kfree(types);
	mdm_object_put();
}

/**
 * mdm_types_put - drop a reference
 * @types: the types
 */
void mdm_types_put(struct mdm_types *types)
{
	kref_put(&types->ref, types_free);
}

static void type_release(struct kobject *kobj)
{
	struct mdev_type *type = container_of(kobj, struct mdev_type, kobj);
	struct mdm_types *types = to_mdm_type(type)->all;

	types->core->release(kobj);
	mdm_types_put(types);
}

static struct mdm_type *type_of(struct mdev_migrate_type_description *desc)
{
	return container_of(desc, struct mdm_type, desc);
}

static int check_config(struct mdev_migrate_type_description *desc,
			const struct mdev_migrate_config *config,
			struct mdev_migrate_msg *why)
{
	struct mdev_migrate_driver *drv = type_of(desc)->drv;

	return drv->ops->check_config(drv, config, why);
}

static int check_room(struct mdev_migrate_type_description *desc,
		      struct mdev_migrate_msg *why)
{
	struct mdm_type *type = type_of(desc);

	if (atomic_read(&type->all->parent.available_instances))
		return 0;
	return mdm_say(why, -ENOSPC,
		       "all %u devices exist already; remove one or load the module with a larger max_devices",
		       type->drv->max_instances);
}

/**
 * mdm_types_create - make the types of a driver
 * @drv: the driver
 * @max: how many of its model's versions to look at
 *
 * Return: the types that can be offered, of which there may be none, with one
 * reference; or NULL.
 */
struct mdm_types *mdm_types_create(struct mdev_migrate_driver *drv,
				   unsigned int max)
{
	const struct mdev_migrate_model *model = drv->model;
	struct mdm_types *types;
	unsigned int i;

	types = kzalloc_obj(*types, GFP_KERNEL);
	if (!types)
		return NULL;
	mdm_object_get();
	kref_init(&types->ref);
	types->types = kcalloc(max, sizeof(*types->types), GFP_KERNEL);
	types->ptrs = kcalloc(max, sizeof(*types->ptrs), GFP_KERNEL);
	if (!types->types || !types->ptrs) {
		mdm_types_put(types);
		return NULL;
	}
	for (i = 0; i < max; i++) {
		const struct mdev_migrate_version *version = &model->versions[i];
		struct mdm_type *type = &types->types[types->nr];

		if (!mdev_migrate_version_offered(model, version))
			continue;
		type->type.sysfs_name = version->name;
		type->type.pretty_name = version->description;
		type->all = types;
		type->drv = drv;
		type->desc.model = model;
		type->desc.version = version;
		type->desc.check_config = drv->ops->check_config ?
					  check_config : NULL;
		type->desc.check_room = check_room;
		types->ptrs[types->nr++] = &type->type;
	}
	return types;
}

/*
 * What the core has registered and given up again, for want of memory. Where
 * kobjects are released late for the sake of debugging, or somebody was quick to
 * make a device of one of the types, they are still there, and nobody will say
 * when they are not: so the memory stays.
 */
static bool is_gone(const struct mdm_type *type)
{
	const struct kobject *kobj = &type->type.kobj;

	return !kobj->state_initialized ||
	       (!IS_ENABLED(CONFIG_DEBUG_KOBJECT_RELEASE) &&
		!kref_read(&kobj->kref));
}

static void keep_what_is_left(struct mdm_types *types)
{
	unsigned int i;

	for (i = 0; i < types->nr; i++) {
		if (is_gone(&types->types[i]))
			continue;
		pr_warn("%s: the memory of its mdev types is lost\n",
			types->mdev_driver.driver.name);
		kref_get(&types->ref);
		kmemleak_not_leak(types);
		kmemleak_not_leak(types->types);
		kmemleak_not_leak(types->ptrs);
		mdm_object_put();
		return;
	}
}

/**
 * mdm_types_register - register a parent with the types
 * @types: the types, whose driver is registered
 * @parent: the parent
 *
 * Return: 0 or what the mdev core says.
 */
int mdm_types_register(struct mdm_types *types, struct device *parent)
{
	unsigned int i;
	int ret;

	ret = mdev_register_parent(&types->parent, parent, &types->mdev_driver,
				   types->ptrs, types->nr);
	if (ret) {
		keep_what_is_left(types);
		return ret;
	}
	types->core = types->types[0].type.kobj.ktype;
	types->ktype = *types->core;
	types->ktype.release = type_release;
	for (i = 0; i < types->nr; i++) {
		kref_get(&types->ref);
		/* Read at any time, and all the same but when it is released. */
		WRITE_ONCE(types->types[i].type.kobj.ktype, &types->ktype);
	}
	return 0;
}

/**
 * mdm_types_unregister - undo mdm_types_register()
 * @types: the types; a reference is left
 */
void mdm_types_unregister(struct mdm_types *types)
{
	mdev_unregister_parent(&types->parent);
}
