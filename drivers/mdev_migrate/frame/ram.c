// SPDX-License-Identifier: GPL-2.0-only
/*
 * A model whose whole state is in its memory, mdm->ram: MDEV_MIGRATE_RAM_OPS; and a BAR
 * that is this memory. See
 * struct mdev_migrate_ops for when they are called, and under which locks.
 */
#include <linux/export.h>

#include "frame.h"

/**
 * mdev_migrate_ram_op_bar_mmap - struct mdev_migrate_ops's bar_mmap(), of a BAR that is
 *	the memory
 * @mdm: the device
 * @bar: not used: any of its BARs that can be mapped begins where the memory does
 * @offset: where in the BAR
 * @vma: where to
 *
 * Context: May sleep; under mmap_lock.
 * Return: as mdev_migrate_ram_mmap().
 */
int mdev_migrate_ram_op_bar_mmap(struct mdev_migrate_device *mdm,
				 unsigned int bar, u64 offset,
				 struct vm_area_struct *vma)
{
	return mdev_migrate_ram_mmap(mdm->ram, offset, vma);
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_op_bar_mmap);

/**
 * mdev_migrate_ram_op_state_size - struct mdev_migrate_ops's state_size()
 * @mdm: the device
 *
 * Context: Any.
 * Return: bytes, see mdev_migrate_ram_size().
 */
u64 mdev_migrate_ram_op_state_size(struct mdev_migrate_device *mdm)
{
	return mdev_migrate_ram_size(mdm->ram);
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_op_state_size);

/**
 * mdev_migrate_ram_op_save_begin - struct mdev_migrate_ops's save_begin()
 * @mdm: the device
 *
 * Context: May sleep.
 * Return: 0.
 */
int mdev_migrate_ram_op_save_begin(struct mdev_migrate_device *mdm)
{
	mdev_migrate_ram_save_begin(mdm->ram);
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_op_save_begin);

/**
 * mdev_migrate_ram_op_precopy_info - struct mdev_migrate_ops's precopy_info()
 * @mdm: the device
 * @info: the result
 *
 * Context: May sleep.
 */
void mdev_migrate_ram_op_precopy_info(struct mdev_migrate_device *mdm,
				      struct mdev_migrate_precopy_info *info)
{
	mdev_migrate_ram_info(mdm->ram, info);
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_op_precopy_info);

/**
 * mdev_migrate_ram_op_save_end - struct mdev_migrate_ops's save_end()
 * @mdm: the device
 *
 * Context: May sleep.
 */
void mdev_migrate_ram_op_save_end(struct mdev_migrate_device *mdm)
{
	mdev_migrate_ram_again(mdm->ram);
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_op_save_end);

/**
 * mdev_migrate_ram_op_load_begin - struct mdev_migrate_ops's load_begin()
 * @mdm: the device
 *
 * Context: May sleep.
 * Return: NULL: there is no shadow.
 */
void *mdev_migrate_ram_op_load_begin(struct mdev_migrate_device *mdm)
{
	mdev_migrate_ram_load_begin(mdm->ram);
	return NULL;
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_op_load_begin);

/**
 * mdev_migrate_ram_op_load_record - struct mdev_migrate_ops's load_record(), of pages
 * @mdm: the device
 * @shadow: not used
 * @rec: the record
 *
 * Context: May sleep.
 * Return: as mdev_migrate_ram_load().
 */
int mdev_migrate_ram_op_load_record(struct mdev_migrate_device *mdm,
				    void *shadow,
				    const struct mdev_migrate_record *rec)
{
	return mdev_migrate_ram_load(mdm->ram, rec);
}
EXPORT_SYMBOL_GPL(mdev_migrate_ram_op_load_record);
