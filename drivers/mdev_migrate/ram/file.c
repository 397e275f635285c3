// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the memory is mapped from: an inode of each device's own, in a file system that
 * nobody sees. VFIO's core gives a device such an inode from 6.10 on. Before, its files
 * are all on the inode that all anonymous files share, whose mappings nobody can take
 * away; and in a device's file each region is somewhere else, while here a page of the
 * memory has one place for all regions that show it.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

#include "ram.h"

#define RAM_FS_MAGIC	0x6d64656d	/* "mdem" */

static int ram_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, RAM_FS_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type ram_fs = {
	.name = "mdev_migrate",
	.owner = THIS_MODULE,
	.init_fs_context = ram_init_fs_context,
	.kill_sb = kill_anon_super,
};

static struct vfsmount *ram_mount;
static int ram_mounted;

/**
 * mdm_ram_inode_get - make the inode
 * @ram: the memory, whose device is being opened
 *
 * Context: May sleep.
 * Return: 0 or a negative errno.
 */
int mdm_ram_inode_get(struct mdev_migrate_ram *ram)
{
	struct inode *inode;
	int ret;

	ret = simple_pin_fs(&ram_fs, &ram_mount, &ram_mounted);
	if (ret)
		return ret;
	inode = alloc_anon_inode(ram_mount->mnt_sb);
	if (IS_ERR(inode)) {
		simple_release_fs(&ram_mount, &ram_mounted);
		return PTR_ERR(inode);
	}
	ram->inode = inode;
	return 0;
}

/**
 * mdm_ram_inode_put - undo mdm_ram_inode_get(), if it was done
 * @ram: the memory, which is not mapped any more
 *
 * Context: May sleep.
 */
void mdm_ram_inode_put(struct mdev_migrate_ram *ram)
{
	if (!ram->inode)
		return;
	iput(ram->inode);
	ram->inode = NULL;
	simple_release_fs(&ram_mount, &ram_mounted);
}

static int ram_file_release(struct inode *inode, struct file *file)
{
	fput(file->private_data);
	return 0;
}

static const struct file_operations ram_fops = {
	.owner = THIS_MODULE,
	.release = ram_file_release,
};

/**
 * mdm_ram_file - make the file of one mapping
 * @ram: the memory, of a device that is open
 * @device: the device's file: it stays open as long as the mapping's does
 *
 * Context: May sleep; under mmap_lock.
 * Return: the file or an ERR_PTR().
 */
struct file *mdm_ram_file(struct mdev_migrate_ram *ram, struct file *device)
{
	struct file *file;

	/* The last fput() gives this back. */
	__module_get(ram_fops.owner);
	ihold(ram->inode);
	file = alloc_file_pseudo(ram->inode, ram_mount, "mdev_migrate", O_RDWR,
				 &ram_fops);
	if (IS_ERR(file)) {
		iput(ram->inode);
		module_put(ram_fops.owner);
		return file;
	}
	file->private_data = get_file(device);
	return file;
}
