/* SPDX-License-Identifier: GPL-2.0-only */
/* The migration/ folders of types and devices: folders and their files. */
#ifndef MDM_SYSFS_H
#define MDM_SYSFS_H

#include <linux/kobject.h>
#include <linux/sysfs.h>

#include "description.h"

/**
 * struct mdm_sysfs_dir - a folder
 * @kobj: the folder
 * @type: whose, or NULL if a device's
 * @desc: whose, or NULL if a type's
 * @param: of a parameter's folder, the index
 * @files: files that are made at run time, freed with the folder
 * @children: folders in it
 * @sibling: entry in the parent's @children
 */
struct mdm_sysfs_dir {
	struct kobject kobj;
	struct mdev_migrate_type_description *type;
	struct mdev_migrate_description *desc;
	unsigned int param;
	struct mdm_sysfs_file *files;
	struct list_head children;
	struct list_head sibling;
};

/**
 * struct mdm_sysfs_file - a file
 * @attr: name and mode
 * @param: of a parameter's file, the index
 * @show: as of device attributes
 * @store: likewise, or NULL
 */
struct mdm_sysfs_file {
	struct attribute attr;
	unsigned int param;
	ssize_t (*show)(struct mdm_sysfs_dir *dir,
			const struct mdm_sysfs_file *file, char *buf);
	ssize_t (*store)(struct mdm_sysfs_dir *dir,
			 const struct mdm_sysfs_file *file, const char *buf,
			 size_t count);
};

#define MDM_SYSFS_ATTR_RO(_name)						\
	static struct mdm_sysfs_file _name##_file = {			\
		.attr = { .name = __stringify(_name), .mode = 0444 },	\
		.show = _name##_show,					\
	}

struct mdm_sysfs_dir *mdm_sysfs_add_dir(const struct mdm_sysfs_dir *proto,
					struct kobject *parent,
					struct mdm_sysfs_dir *parent_dir,
					const char *name);
int mdm_sysfs_add_files(struct mdm_sysfs_dir *dir,
			const struct attribute * const *attrs);
void mdm_sysfs_remove(struct mdm_sysfs_dir *dir);
size_t mdm_sysfs_trim(const char *buf, size_t count);
int mdm_sysfs_emit_config(char *buf, const struct mdev_migrate_config *config);

/* sysfs_type.c */
struct mdm_sysfs_dir *
mdm_sysfs_add_type(struct mdev_migrate_type_description *type,
		   struct kobject *parent, struct mdm_sysfs_dir *parent_dir,
		   const char *name);

#endif /* MDM_SYSFS_H */
