// SPDX-License-Identifier: GPL-2.0-only
/*
 * migration/ of a device, see
 * Documentation/ABI/testing/sysfs-bus-mdev-migration.
 */
#include <linux/slab.h>

#include "sysfs.h"

static ssize_t model_show(struct mdm_sysfs_dir *dir,
			  const struct mdm_sysfs_file *file, char *buf)
{
	return sysfs_emit(buf, "%s\n", dir->mdm->drv->model->uri);
}
MDM_SYSFS_ATTR_RO(model);

static ssize_t version_show(struct mdm_sysfs_dir *dir,
			    const struct mdm_sysfs_file *file, char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  to_mdm_type(dir->mdm->mdev->type)->version->name);
}
MDM_SYSFS_ATTR_RO(version);

static ssize_t config_show(struct mdm_sysfs_dir *dir,
			   const struct mdm_sysfs_file *file, char *buf)
{
	struct mdev_migrate_device *mdm = dir->mdm;
	int len;

	mutex_lock(&mdm->config_lock);
	len = mdev_migrate_config_format(&mdm->config, buf, PAGE_SIZE - 1);
	mutex_unlock(&mdm->config_lock);
	if (len < 0)
		return len;
	return len + sysfs_emit_at(buf, len, "\n");
}
MDM_SYSFS_ATTR_RO(config);

static ssize_t state_show(struct mdm_sysfs_dir *dir,
			  const struct mdm_sysfs_file *file, char *buf)
{
	enum vfio_device_mig_state state = mdm_migration_state(dir->mdm);

	return sysfs_emit(buf, "%s\n", mdm_migration_state_name(state));
}
MDM_SYSFS_ATTR_RO(state);

static ssize_t stop_copy_bytes_show(struct mdm_sysfs_dir *dir,
				    const struct mdm_sysfs_file *file,
				    char *buf)
{
	return sysfs_emit(buf, "%zu\n",
			  mdm_migration_stop_copy_bytes(dir->mdm));
}
MDM_SYSFS_ATTR_RO(stop_copy_bytes);

static ssize_t last_error_show(struct mdm_sysfs_dir *dir,
			       const struct mdm_sysfs_file *file, char *buf)
{
	struct mdev_migrate_msg msg;

	mdm_error_get(dir->mdm, &msg);
	return msg.text[0] ? sysfs_emit(buf, "%s\n", msg.text) : 0;
}
MDM_SYSFS_ATTR_RO(last_error);

static const struct attribute * const device_attrs[] = {
	&model_file.attr,
	&version_file.attr,
	&config_file.attr,
	&state_file.attr,
	&stop_copy_bytes_file.attr,
	&last_error_file.attr,
	NULL,
};

static ssize_t param_show(struct mdm_sysfs_dir *dir,
			  const struct mdm_sysfs_file *file, char *buf)
{
	struct mdev_migrate_device *mdm = dir->mdm;
	char text[MDEV_MIGRATE_VALUE_SIZE];
	u64 value;

	mutex_lock(&mdm->config_lock);
	value = mdm->config.values[file->param];
	mutex_unlock(&mdm->config_lock);
	mdev_migrate_param_format(&mdm->drv->model->params[file->param], value,
				  text, sizeof(text));
	return sysfs_emit(buf, "%s\n", text);
}

static int write_param(struct mdev_migrate_device *mdm, unsigned int param,
		       const char *text, size_t len,
		       struct mdev_migrate_msg *why)
{
	const struct mdev_migrate_param *p = &mdm->drv->model->params[param];
	struct mdev_migrate_config config;
	int ret;

	lockdep_assert_held(&mdm->config_lock);
	if (mdm->is_open)
		return mdm_say(why, -EBUSY,
			       "%s: the device is open and keeps its configuration until it is closed",
			       p->name);
	config = mdm->config;
	ret = mdev_migrate_param_parse(p, text, len, &config.values[param],
				       why);
	if (ret)
		return ret;
	ret = mdm_config_check(mdm->drv, &config, why);
	if (ret)
		return ret;
	mdm->config = config;
	return 0;
}

static ssize_t param_store(struct mdm_sysfs_dir *dir,
			   const struct mdm_sysfs_file *file, const char *buf,
			   size_t count)
{
	struct mdev_migrate_device *mdm = dir->mdm;
	struct mdev_migrate_msg why = {};
	int ret;

	mutex_lock(&mdm->config_lock);
	ret = write_param(mdm, file->param, buf, mdm_sysfs_trim(buf, count),
			  &why);
	mutex_unlock(&mdm->config_lock);
	if (ret)
		return mdev_migrate_refuse(mdm, ret, "%s", why.text);
	mdm_error_clear(mdm);
	return count;
}

static int add_params(struct mdev_migrate_device *mdm,
		      struct mdm_sysfs_dir *root)
{
	const struct mdev_migrate_model *model = mdm->drv->model;
	struct mdm_sysfs_dir proto = { .mdm = mdm };
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

/**
 * mdm_sysfs_add_device - make a device's migration/ folder
 * @mdm: the device
 *
 * Return: 0 or a negative errno; then there is none.
 */
int mdm_sysfs_add_device(struct mdev_migrate_device *mdm)
{
	struct mdm_sysfs_dir proto = { .mdm = mdm };
	struct mdm_sysfs_dir *root;
	int ret;

	root = mdm_sysfs_add_dir(&proto, &mdm->mdev->dev.kobj, NULL,
				 "migration");
	if (IS_ERR(root))
		return PTR_ERR(root);
	ret = mdm_sysfs_add_files(root, device_attrs);
	if (!ret)
		ret = add_params(mdm, root);
	if (ret) {
		mdm_sysfs_remove(root);
		return ret;
	}
	mdm->dir = root;
	return 0;
}

/**
 * mdm_sysfs_state_changed - wake up who polls migration/state
 * @mdm: the device
 */
void mdm_sysfs_state_changed(struct mdev_migrate_device *mdm)
{
	if (mdm->dir)
		sysfs_notify(&mdm->dir->kobj, NULL, "state");
}
