// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mdev types of a driver below one of its parents, and how long they live.
 *
 * The core embeds a kobject in each type, which is our memory, and gives no word
 * when it is done with it: mdev_unregister_parent() drops the core's own
 * references, but a device that was created, and the folder "devices", have
 * theirs until their own last reference is dropped. Then the core's release
 * function runs and reads type->parent; a device's release reads the driver that
 * the parent points to.
 *
 * So a parent's types are in one piece of memory, which counts them and has a
 * reference to the registration, where the driver is. To learn that
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

	mdm_registration_put(types->registration);
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
	return type_of(desc)->drv->ops->check_config(desc->dev, config, why);
}

/* As the core sees it, which counts if the model does not. */
static int check_instances(struct mdm_type *type, struct mdev_migrate_msg *why)
{
	const struct mdev_migrate_ops *ops = type->drv->ops;

	if (!ops->get_available) {
		if (atomic_read(&type->all->parent.available_instances))
			return 0;
		return mdm_say(why, -ENOSPC,
			       "all %u devices exist already; remove one or load the module with a larger max_devices",
			       type->drv->max_instances);
	}
	if (ops->get_available(type->desc.dev, type->desc.version))
		return 0;
	return mdm_say(why, -ENOSPC,
		       "there is no room for a device with the values of %s, which it has until others are written; remove a device, or write smaller values to one",
		       type->desc.version->name);
}

static int check_room(struct mdev_migrate_type_description *desc,
		      const struct mdev_migrate_config *config,
		      struct mdev_migrate_msg *why)
{
	struct mdm_type *type = type_of(desc);
	const struct mdev_migrate_ops *ops = type->drv->ops;
	int ret = 0;

	if (ops->check_room)
		ret = ops->check_room(desc->dev, config, why);
	return ret ?: check_instances(type, why);
}

static void init_type(struct mdm_type *type, struct mdm_types *all,
		      struct device *parent,
		      const struct mdev_migrate_version *version)
{
	struct mdev_migrate_driver *drv = all->registration->drv;

	type->type.sysfs_name = version->name;
	type->type.pretty_name = version->description;
	type->all = all;
	type->drv = drv;
	type->desc = (struct mdev_migrate_type_description) {
		.dev = parent,
		.model = drv->model,
		.version = version,
		.stream_version = MDEV_MIGRATE_STREAM_VERSION,
		.check_config = drv->ops->check_config ? check_config : NULL,
		.check_room = check_room,
	};
}

/**
 * mdm_types_create - make the types of a driver
 * @registration: the driver's
 * @parent: the parent that they will hang off
 * @max: how many of its model's versions to look at
 *
 * Return: the types that can be offered, of which there may be none, with one
 * reference; or NULL.
 */
struct mdm_types *mdm_types_create(struct mdm_registration *registration,
				   struct device *parent, unsigned int max)
{
	const struct mdev_migrate_model *model = registration->drv->model;
	struct mdm_types *types;
	unsigned int i;

	types = kzalloc_obj(*types, GFP_KERNEL);
	if (!types)
		return NULL;
	mdm_object_get();
	kref_init(&types->ref);
	kref_get(&registration->ref);
	types->registration = registration;
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
		init_type(type, types, parent, version);
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
			types->registration->drv->name);
		kref_get(&types->ref);
		kmemleak_not_leak(types);
		kmemleak_not_leak(types->types);
		kmemleak_not_leak(types->ptrs);
		kmemleak_not_leak(types->registration);
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

	ret = mdev_register_parent(&types->parent, parent,
				   &types->registration->mdev_driver,
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
