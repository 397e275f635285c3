// SPDX-License-Identifier: GPL-2.0-only
/*
 * Folders below a type or a device. The cores know attribute groups of one
 * level only; migration/params/ is two.
 */
#include <linux/slab.h>

#include "sysfs.h"

static struct mdm_sysfs_dir *to_dir(struct kobject *kobj)
{
	return container_of(kobj, struct mdm_sysfs_dir, kobj);
}

static ssize_t dir_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	const struct mdm_sysfs_file *file =
		container_of(attr, struct mdm_sysfs_file, attr);

	return file->show(to_dir(kobj), file, buf);
}

static ssize_t dir_store(struct kobject *kobj, struct attribute *attr,
			 const char *buf, size_t count)
{
	const struct mdm_sysfs_file *file =
		container_of(attr, struct mdm_sysfs_file, attr);

	return file->store ? file->store(to_dir(kobj), file, buf, count) : -EIO;
}

static void dir_release(struct kobject *kobj)
{
	struct mdm_sysfs_dir *dir = to_dir(kobj);

	kfree(dir->files);
	kfree(dir);
	mdm_object_put();
}

static const struct sysfs_ops dir_sysfs_ops = {
	.show = dir_show,
	.store = dir_store,
};

static const struct kobj_type dir_ktype = {
	.sysfs_ops = &dir_sysfs_ops,
	.release = dir_release,
};

/**
 * mdm_sysfs_add_dir - make a folder
 * @proto: its type, desc and param are taken over
 * @parent: where
 * @parent_dir: likewise if that is one of ours: removed with it
 * @name: the folder's name
 *
 * Return: the folder or an ERR_PTR().
 */
struct mdm_sysfs_dir *mdm_sysfs_add_dir(const struct mdm_sysfs_dir *proto,
					struct kobject *parent,
					struct mdm_sysfs_dir *parent_dir,
					const char *name)
{
	struct mdm_sysfs_dir *dir;
	int ret;

	dir = kzalloc_obj(*dir, GFP_KERNEL);
	if (!dir)
		return ERR_PTR(-ENOMEM);
	mdm_object_get();
	dir->type = proto->type;
	dir->desc = proto->desc;
	dir->param = proto->param;
	INIT_LIST_HEAD(&dir->children);
	INIT_LIST_HEAD(&dir->sibling);
	ret = kobject_init_and_add(&dir->kobj, &dir_ktype, parent, "%s", name);
	if (ret) {
		kobject_put(&dir->kobj);
		return ERR_PTR(ret);
	}
	if (parent_dir)
		list_add(&dir->sibling, &parent_dir->children);
	return dir;
}

/**
 * mdm_sysfs_add_files - make files in a folder
 * @dir: the folder
 * @attrs: the files' attributes, NULL-terminated
 *
 * Return: 0 or a negative errno; then the folder is to be removed.
 */
int mdm_sysfs_add_files(struct mdm_sysfs_dir *dir,
			const struct attribute * const *attrs)
{
	return sysfs_create_files(&dir->kobj, attrs);
}

/**
 * mdm_sysfs_remove - remove a folder with all that is in it
 * @dir: the folder, or NULL
 *
 * Context: May sleep; waits for readers and writers of the files.
 */
void mdm_sysfs_remove(struct mdm_sysfs_dir *dir)
{
	struct mdm_sysfs_dir *child, *next;

	if (!dir)
		return;
	list_for_each_entry_safe(child, next, &dir->children, sibling) {
		list_del(&child->sibling);
		mdm_sysfs_remove(child);
	}
	kobject_del(&dir->kobj);
	kobject_put(&dir->kobj);
}

/**
 * mdm_sysfs_trim - length of what was written without a newline at its end
 * @buf: what was written
 * @count: its length
 *
 * Return: the length.
 */
size_t mdm_sysfs_trim(const char *buf, size_t count)
{
	return count && buf[count - 1] == '\n' ? count - 1 : count;
}

/**
 * mdm_sysfs_emit_config - show a configuration in the form of a config file
 * @buf: a file's buffer
 * @config: the configuration
 *
 * Return: how much there is in @buf, or a negative errno.
 */
int mdm_sysfs_emit_config(char *buf, const struct mdev_migrate_config *config)
{
	int len = mdev_migrate_config_format(config, buf, PAGE_SIZE - 1);

	return len < 0 ? len : len + sysfs_emit_at(buf, len, "\n");
}
