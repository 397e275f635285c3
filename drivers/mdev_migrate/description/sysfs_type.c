// SPDX-License-Identifier: GPL-2.0-only
/*
 * migration/ of an mdev type, see
 * Documentation/ABI/testing/sysfs-bus-mdev-migration; and migration/type/ of a
 * device that is not an mdev, see sysfs-devices-migration there.
 */
#include <linux/export.h>

#include "../codec/msg.h"
#include "sysfs.h"

static ssize_t model_show(struct mdm_sysfs_dir *dir,
			  const struct mdm_sysfs_file *file, char *buf)
{
	return sysfs_emit(buf, "%s\n", dir->type->model->uri);
}
MDM_SYSFS_ATTR_RO(model);

static ssize_t version_show(struct mdm_sysfs_dir *dir,
			    const struct mdm_sysfs_file *file, char *buf)
{
	return sysfs_emit(buf, "%s\n", dir->type->version->name);
}
MDM_SYSFS_ATTR_RO(version);

static ssize_t config_show(struct mdm_sysfs_dir *dir,
			   const struct mdm_sysfs_file *file, char *buf)
{
	struct mdev_migrate_config config;

	mdev_migrate_config_init(&config, dir->type->model, dir->type->version);
	return mdm_sysfs_emit_config(buf, &config);
}
MDM_SYSFS_ATTR_RO(config);

static ssize_t stream_version_show(struct mdm_sysfs_dir *dir,
				   const struct mdm_sysfs_file *file, char *buf)
{
	return sysfs_emit(buf, "%s\n", dir->type->stream_version);
}
MDM_SYSFS_ATTR_RO(stream_version);

/* Can who only knows the allowed values know what is possible? */
static ssize_t combinations_show(struct mdm_sysfs_dir *dir,
				 const struct mdm_sysfs_file *file, char *buf)
{
	return sysfs_emit(buf, "%s\n", dir->type->check_config ?
			  "checked" : "any");
}
MDM_SYSFS_ATTR_RO(combinations);

/*
 * Could a device of this type, with its parameters written, be the destination
 * of a device with this configuration?
 */
static int check_source(struct mdev_migrate_type_description *type,
			const char *text, size_t len,
			struct mdev_migrate_msg *why)
{
	struct mdev_migrate_config config;
	int ret;

	ret = mdev_migrate_config_parse(&config, type->model, text, len, why);
	if (!ret && type->check_config)
		ret = type->check_config(type, &config, why);
	if (!ret && type->check_room)
		ret = type->check_room(type, &config, why);
	return ret;
}

static ssize_t check_store(struct mdm_sysfs_dir *dir,
			   const struct mdm_sysfs_file *file, const char *buf,
			   size_t count)
{
	struct mdev_migrate_msg why = {};
	int ret;

	ret = check_source(dir->type, buf, mdm_sysfs_trim(buf, count), &why);
	if (!ret)
		return count;
	dev_notice_ratelimited(dir->type->dev, "%s: check: %s (%pe)\n",
			       dir->type->version->name, why.text,
			       ERR_PTR(ret));
	return ret;
}

static struct mdm_sysfs_file check_file = {
	.attr = { .name = "check", .mode = 0200 },
	.store = check_store,
};

static const struct attribute * const type_attrs[] = {
	&model_file.attr,
	&version_file.attr,
	&config_file.attr,
	&check_file.attr,
	&combinations_file.attr,
	NULL,
};

static const struct mdev_migrate_param *dir_param(struct mdm_sysfs_dir *dir)
{
	return &dir->type->model->params[dir->param];
}

static ssize_t show_value(struct mdm_sysfs_dir *dir, u64 value, char *buf)
{
	char text[MDEV_MIGRATE_VALUE_SIZE];

	mdev_migrate_param_format(dir_param(dir), value, text, sizeof(text));
	return sysfs_emit(buf, "%s\n", text);
}

static ssize_t type_show(struct mdm_sysfs_dir *dir,
			 const struct mdm_sysfs_file *file, char *buf)
{
	static const char * const names[] = {
		[MDEV_MIGRATE_BOOL] = "bool",
		[MDEV_MIGRATE_UINT] = "uint",
		[MDEV_MIGRATE_WORD] = "word",
	};

	return sysfs_emit(buf, "%s\n", names[dir_param(dir)->type]);
}
MDM_SYSFS_ATTR_RO(type);

static ssize_t default_show(struct mdm_sysfs_dir *dir,
			    const struct mdm_sysfs_file *file, char *buf)
{
	return show_value(dir, dir->type->version->values[dir->param], buf);
}
MDM_SYSFS_ATTR_RO(default);

static ssize_t off_show(struct mdm_sysfs_dir *dir,
			const struct mdm_sysfs_file *file, char *buf)
{
	return show_value(dir, dir_param(dir)->off, buf);
}
MDM_SYSFS_ATTR_RO(off);

static ssize_t allowed_show(struct mdm_sysfs_dir *dir,
			    const struct mdm_sysfs_file *file, char *buf)
{
	int len;

	len = mdev_migrate_param_format_allowed(dir_param(dir), buf,
						PAGE_SIZE - 1);
	if (len >= PAGE_SIZE - 1)
		return -E2BIG;
	return len + sysfs_emit_at(buf, len, "\n");
}
MDM_SYSFS_ATTR_RO(allowed);

static ssize_t description_show(struct mdm_sysfs_dir *dir,
				const struct mdm_sysfs_file *file, char *buf)
{
	return sysfs_emit(buf, "%s\n", dir_param(dir)->description);
}
MDM_SYSFS_ATTR_RO(description);

static const struct attribute * const param_attrs[] = {
	&type_file.attr,
	&default_file.attr,
	&off_file.attr,
	&allowed_file.attr,
	&description_file.attr,
	NULL,
};

static int add_params(struct mdev_migrate_type_description *type,
		      struct mdm_sysfs_dir *root)
{
	const struct mdev_migrate_model *model = type->model;
	struct mdm_sysfs_dir proto = { .type = type };
	struct mdm_sysfs_dir *params, *dir;
	unsigned int i;
	int ret;

	params = mdm_sysfs_add_dir(&proto, &root->kobj, root, "params");
	if (IS_ERR(params))
		return PTR_ERR(params);
	for (i = 0; i < model->nr_params; i++) {
		proto.param = i;
		dir = mdm_sysfs_add_dir(&proto, &params->kobj, params,
					model->params[i].name);
		if (IS_ERR(dir))
			return PTR_ERR(dir);
		ret = mdm_sysfs_add_files(dir, param_attrs);
		if (ret)
			return ret;
	}
	return 0;
}

static int add_files(struct mdev_migrate_type_description *type,
		     struct mdm_sysfs_dir *root)
{
	int ret;

	ret = mdm_sysfs_add_files(root, type_attrs);
	if (!ret && type->stream_version)
		ret = sysfs_create_file(&root->kobj, &stream_version_file.attr);
	return ret ?: add_params(type, root);
}

/**
 * mdm_sysfs_add_type - make a folder that says what devices can be
 * @type: what they can be
 * @parent: where
 * @parent_dir: likewise if that is one of ours: removed with it
 * @name: the folder's name
 *
 * Return: the folder or an ERR_PTR().
 */
struct mdm_sysfs_dir *
mdm_sysfs_add_type(struct mdev_migrate_type_description *type,
		   struct kobject *parent, struct mdm_sysfs_dir *parent_dir,
		   const char *name)
{
	struct mdm_sysfs_dir proto = { .type = type };
	struct mdm_sysfs_dir *root;
	int ret;

	root = mdm_sysfs_add_dir(&proto, parent, NULL, name);
	if (IS_ERR(root))
		return root;
	ret = add_files(type, root);
	if (ret) {
		mdm_sysfs_remove(root);
		return ERR_PTR(ret);
	}
	if (parent_dir)
		list_add(&root->sibling, &parent_dir->children);
	return root;
}

/**
 * mdev_migrate_type_description_add - make a type's migration/ folder
 * @type: its description
 * @parent: the type's folder
 *
 * Context: May sleep.
 * Return: 0 or a negative errno; then there is none.
 */
int mdev_migrate_type_description_add(struct mdev_migrate_type_description *type,
				      struct kobject *parent)
{
	struct mdm_sysfs_dir *root;

	root = mdm_sysfs_add_type(type, parent, NULL, "migration");
	if (IS_ERR(root))
		return PTR_ERR(root);
	type->dir = root;
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_type_description_add);

/**
 * mdev_migrate_type_description_remove - undo mdev_migrate_type_description_add()
 * @type: the type's description, or one that was not added
 *
 * Context: May sleep; waits for readers and writers of the files.
 */
void mdev_migrate_type_description_remove(struct mdev_migrate_type_description *type)
{
	mdm_sysfs_remove(type->dir);
	type->dir = NULL;
}
EXPORT_SYMBOL_GPL(mdev_migrate_type_description_remove);
