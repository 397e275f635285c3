// SPDX-License-Identifier: GPL-2.0-only
/* What a device is, and that it stays that while the device is open. */
#include <linux/export.h>

#include "../codec/msg.h"
#include "description.h"

/**
 * mdev_migrate_description_init - describe a device
 * @desc: the description, zeroed
 * @dev: the device
 * @model: its model
 * @version: the version that it is made as, of @model's
 * @ops: what its driver knows; each callback is optional. NULL if there is none.
 *
 * Its configuration is the version's.
 *
 * Return: 0, or -EINVAL for a model that is not in order or a version with a value
 * that is not allowed; then the log says what is wrong.
 */
int mdev_migrate_description_init(struct mdev_migrate_description *desc,
				  struct device *dev,
				  const struct mdev_migrate_model *model,
				  const struct mdev_migrate_version *version,
				  const struct mdev_migrate_description_ops *ops)
{
	static const struct mdev_migrate_description_ops no_ops;
	struct mdev_migrate_msg why;
	int ret;

	ret = mdev_migrate_model_check(model, &why);
	if (!ret && !mdev_migrate_version_offered(model, version))
		ret = mdm_say(&why, -EINVAL,
			      "version %s has a value that is not allowed",
			      version->name);
	if (ret) {
		dev_err(dev, "%s\n", why.text);
		return ret;
	}
	desc->dev = dev;
	desc->model = model;
	desc->version = version;
	desc->ops = ops ?: &no_ops;
	mdev_migrate_config_init(&desc->config, model, version);
	mutex_init(&desc->config_lock);
	spin_lock_init(&desc->error_lock);
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_description_init);

static struct mdev_migrate_description *
desc_of(struct mdev_migrate_type_description *type)
{
	return container_of(type, struct mdev_migrate_description, type);
}

static int check_own_config(struct mdev_migrate_type_description *type,
			    const struct mdev_migrate_config *config,
			    struct mdev_migrate_msg *why)
{
	struct mdev_migrate_description *desc = desc_of(type);
	int ret;

	mutex_lock(&desc->config_lock);
	ret = desc->ops->check_config(desc, config, why);
	mutex_unlock(&desc->config_lock);
	return ret;
}

/* The device is there: it can be what it is, and if it is closed something else. */
static int check_own_room(struct mdev_migrate_type_description *type,
			  const struct mdev_migrate_config *config,
			  struct mdev_migrate_msg *why)
{
	struct mdev_migrate_description *desc = desc_of(type);
	int ret = 0;

	mutex_lock(&desc->config_lock);
	if (desc->is_open && mdev_migrate_config_match(&desc->config, config,
						       why))
		ret = mdm_say(why, -EBUSY,
			      "the device is open and keeps its configuration, which is another one, until it is closed");
	else if (desc->ops->check_room)
		ret = desc->ops->check_room(desc, config, why);
	mutex_unlock(&desc->config_lock);
	return ret;
}

/**
 * mdev_migrate_description_set_type - the device is not an mdev
 * @desc: its description, before mdev_migrate_description_add()
 * @stream_version: major.minor of the state streams that it writes, such as
 *	MDEV_MIGRATE_STREAM_VERSION or the version of the vendor's own format; or
 *	NULL, and only configurations are compared. It stays as long as the
 *	description.
 *
 * An mdev has a type, which says what it can be. What this device can be is in its
 * own folder migration/type/, which is like an mdev type's migration/. There is one
 * device of the "type", and it is there: its check asks whether this device can
 * have a configuration.
 */
void mdev_migrate_description_set_type(struct mdev_migrate_description *desc,
				       const char *stream_version)
{
	desc->is_typed = true;
	desc->type = (struct mdev_migrate_type_description) {
		.dev = desc->dev,
		.model = desc->model,
		.version = desc->version,
		.stream_version = stream_version,
		.check_config = desc->ops->check_config ? check_own_config :
							  NULL,
		.check_room = check_own_room,
	};
}
EXPORT_SYMBOL_GPL(mdev_migrate_description_set_type);

/**
 * mdev_migrate_description_destroy - undo mdev_migrate_description_init()
 * @desc: the description, out of sysfs
 */
void mdev_migrate_description_destroy(struct mdev_migrate_description *desc)
{
	mutex_destroy(&desc->config_lock);
}
EXPORT_SYMBOL_GPL(mdev_migrate_description_destroy);

/**
 * mdev_migrate_description_set_open - the device is being opened, or was closed
 * @desc: its description
 * @is_open: its configuration is fixed from here on, or no longer
 *
 * Context: May sleep, but does not wait for the device's user.
 */
void mdev_migrate_description_set_open(struct mdev_migrate_description *desc,
				       bool is_open)
{
	mutex_lock(&desc->config_lock);
	desc->is_open = is_open;
	mutex_unlock(&desc->config_lock);
}
EXPORT_SYMBOL_GPL(mdev_migrate_description_set_open);

/**
 * mdev_migrate_keep_closed - keep a device from being opened
 * @desc: its description
 *
 * For attributes that are written while the device is closed.
 *
 * Context: May sleep, but does not wait for the device's user; takes
 * @desc->config_lock.
 * Return: 0; then mdev_migrate_let_open() must follow; or -EBUSY if it is open.
 */
int mdev_migrate_keep_closed(struct mdev_migrate_description *desc)
{
	mutex_lock(&desc->config_lock);
	if (!desc->is_open)
		return 0;
	mutex_unlock(&desc->config_lock);
	return -EBUSY;
}
EXPORT_SYMBOL_GPL(mdev_migrate_keep_closed);

/**
 * mdev_migrate_let_open - end what mdev_migrate_keep_closed() began
 * @desc: the device's description
 */
void mdev_migrate_let_open(struct mdev_migrate_description *desc)
{
	mutex_unlock(&desc->config_lock);
}
EXPORT_SYMBOL_GPL(mdev_migrate_let_open);
