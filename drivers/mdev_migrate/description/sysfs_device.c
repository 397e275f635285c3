// SPDX-License-Identifier: GPL-2.0-only
/*
 * migration/ of a device, see Documentation/ABI/testing/sysfs-bus-mdev-migration
 * and sysfs-devices-migration.
 */
#include <linux/export.h>
#include <linux/slab.h>

#include "../codec/msg.h"
#include "sysfs.h"

static ssize_t model_show(struct mdm_sysfs_dir *dir,
			  const struct mdm_sysfs_file *file, char *buf)
{
	return sysfs_emit(buf, "%s\n", dir->desc->model->uri);
}
MDM_SYSFS_ATTR_RO(model);

static ssize_t version_show(struct mdm_sysfs_dir *dir,
			    const struct mdm_sysfs_file *file, char *buf)
{
	return sysfs_emit(buf, "%s\n", dir->desc->version->name);
}
MDM_SYSFS_ATTR_RO(version);

static ssize_t config_show(struct mdm_sysfs_dir *dir,
			   const struct mdm_sysfs_file *file, char *buf)
{
	struct mdev_migrate_description *desc = dir->desc;
	int len;

	mutex_lock(&desc->config_lock);
	len = mdm_sysfs_emit_config(buf, &desc->config);
	mutex_unlock(&desc->config_lock);
	return len;
}
MDM_SYSFS_ATTR_RO(config);

static ssize_t state_show(struct mdm_sysfs_dir *dir,
			  const struct mdm_sysfs_file *file, char *buf)
{
	return sysfs_emit(buf, "%s\n", dir->desc->ops->state(dir->desc));
}
MDM_SYSFS_ATTR_RO(state);

static ssize_t stop_copy_bytes_show(struct mdm_sysfs_dir *dir,
				    const struct mdm_sysfs_file *file,
				    char *buf)
{
	return sysfs_emit(buf, "%zu\n",
			  dir->desc->ops->stop_copy_bytes(dir->desc));
}
MDM_SYSFS_ATTR_RO(stop_copy_bytes);

static ssize_t last_error_show(struct mdm_sysfs_dir *dir,
			       const struct mdm_sysfs_file *file, char *buf)
{
	struct mdev_migrate_msg msg;

	mdm_error_get(dir->desc, &msg);
	return msg.text[0] ? sysfs_emit(buf, "%s\n", msg.text) : 0;
}
MDM_SYSFS_ATTR_RO(last_error);

static const struct attribute * const device_attrs[] = {
	&model_file.attr,
	&version_file.attr,
	&config_file.attr,
	&last_error_file.attr,
	NULL,
};

static ssize_t param_show(struct mdm_sysfs_dir *dir,
			  const struct mdm_sysfs_file *file, char *buf)
{
	struct mdev_migrate_description *desc = dir->desc;
	char text[MDEV_MIGRATE_VALUE_SIZE];
	u64 value;

	mutex_lock(&desc->config_lock);
	value = desc->config.values[file->param];
	mutex_unlock(&desc->config_lock);
	mdev_migrate_param_format(&desc->model->params[file->param], value,
				  text, sizeof(text));
	return sysfs_emit(buf, "%s\n", text);
}

static int write_param(struct mdev_migrate_description *desc,
		       unsigned int param, const char *text, size_t len,
		       struct mdev_migrate_msg *why)
{
	const struct mdev_migrate_param *p = &desc->model->params[param];
	struct mdev_migrate_config config;
	int ret;

	lockdep_assert_held(&desc->config_lock);
	if (desc->is_open)
		return mdm_say(why, -EBUSY,
			       "%s: the device is open and keeps its configuration until it is closed",
			       p->name);
	config = desc->config;
	ret = mdev_migrate_param_parse(p, text, len, &config.values[param],
				       why);
	if (ret)
		return ret;
	if (desc->ops->check_config)
		ret = desc->ops->check_config(desc, &config, why);
	if (!ret && desc->ops->set_config)
		ret = desc->ops->set_config(desc, &config, why);
	if (!ret)
		desc->config = config;
	return ret;
}

static ssize_t param_store(struct mdm_sysfs_dir *dir,
			   const struct mdm_sysfs_file *file, const char *buf,
			   size_t count)
{
	struct mdev_migrate_description *desc = dir->desc;
	struct mdev_migrate_msg why = {};
	int ret;

	mutex_lock(&desc->config_lock);
	ret = write_param(desc, file->param, buf, mdm_sysfs_trim(buf, count),
			  &why);
	mutex_unlock(&desc->config_lock);
	if (ret)
		return mdev_migrate_refuse(desc, ret, "%s", why.text);
	mdm_error_clear(desc);
	return count;
}

static int add_params(struct mdev_migrate_description *desc,
		      struct mdm_sysfs_dir *root)
{
	const struct mdev_migrate_model *model = desc->model;
	struct mdm_sysfs_dir proto = { .desc = desc };
	struct mdm_sysfs_dir *params;
	unsigned int i;
	int ret;

	params = mdm_sysfs_add_dir(&proto, &root->kobj, root, "params");
	if (IS_ERR(params))
		return PTR_ERR(params);
	params->files = kcalloc(model->nr_params, sizeof(*params->files),
				GFP_KERNEL);
	if (!params->files)
		return -ENOMEM;
	for (i = 0; i < model->nr_params; i++) {
		struct mdm_sysfs_file *file = &params->files[i];

		sysfs_attr_init(&file->attr);
		file->attr.name = model->params[i].name;
		file->attr.mode = 0644;
		file->param = i;
		file->show = param_show;
		file->store = param_store;
		ret = sysfs_create_file(&params->kobj, &file->attr);
		if (ret)
			return ret;
	}
	return 0;
}

static int add_files(struct mdev_migrate_description *desc,
		     struct mdm_sysfs_dir *root)
{
	int ret;

	ret = mdm_sysfs_add_files(root, device_attrs);
	if (!ret && desc->ops->state)
		ret = sysfs_create_file(&root->kobj, &state_file.attr);
	if (!ret && desc->ops->stop_copy_bytes)
		ret = sysfs_create_file(&root->kobj,
					&stop_copy_bytes_file.attr);
	return ret ?: add_params(desc, root);
}

static int add_type(struct mdev_migrate_description *desc,
		    struct mdm_sysfs_dir *root)
{
	struct mdm_sysfs_dir *dir;

	if (!desc->is_typed)
		return 0;
	dir = mdm_sysfs_add_type(&desc->type, &root->kobj, root, "type");
	return PTR_ERR_OR_ZERO(dir);
}

/* A device has what its configuration needs from the beginning. */
static int take_config(struct mdev_migrate_description *desc)
{
	struct mdev_migrate_msg why = {};
	int ret;

	if (!desc->ops->set_config)
		return 0;
	mutex_lock(&desc->config_lock);
	ret = desc->ops->set_config(desc, &desc->config, &why);
	mutex_unlock(&desc->config_lock);
	return ret ? mdev_migrate_refuse(desc, ret, "%s", why.text) : 0;
}

/**
 * mdev_migrate_description_add - make a device's migration/ folder
 * @desc: its description; the device is in sysfs
 *
 * Before that, what its configuration needs is taken.
 *
 * Context: May sleep.
 * Return: 0 or a negative errno, of @desc->ops->set_config() too; then there is
 * none.
 */
int mdev_migrate_description_add(struct mdev_migrate_description *desc)
{
	struct mdm_sysfs_dir proto = { .desc = desc };
	struct mdm_sysfs_dir *root;
	int ret;

	ret = take_config(desc);
	if (ret)
		return ret;
	root = mdm_sysfs_add_dir(&proto, &desc->dev->kobj, NULL, "migration");
	if (IS_ERR(root))
		return PTR_ERR(root);
	ret = add_files(desc, root);
	if (!ret)
		ret = add_type(desc, root);
	if (ret) {
		mdm_sysfs_remove(root);
		return ret;
	}
	desc->dir = root;
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_description_add);

/**
 * mdev_migrate_description_remove - undo mdev_migrate_description_add()
 * @desc: the device's description
 *
 * Context: May sleep; waits for readers and writers of the files, so with none of
 * the locks that the description's callbacks take.
 */
void mdev_migrate_description_remove(struct mdev_migrate_description *desc)
{
	mdm_sysfs_remove(desc->dir);
	desc->dir = NULL;
}
EXPORT_SYMBOL_GPL(mdev_migrate_description_remove);

/**
 * mdm_sysfs_state_changed - wake up who polls migration/state
 * @desc: the device's description
 */
void mdm_sysfs_state_changed(struct mdev_migrate_description *desc)
{
	if (desc->dir)
		sysfs_notify(&desc->dir->kobj, NULL, "state");
}
