// SPDX-License-Identifier: GPL-2.0-only
/* The PCI function of a device is the model's: what it asks goes to the model. */
#include "frame.h"

static u64 model_bar_read(void *context, unsigned int bar, u64 offset,
			  unsigned int len)
{
	struct mdev_migrate_device *mdm = context;

	return mdm->drv->ops->bar_read(mdm, bar, offset, len);
}

static void model_bar_write(void *context, unsigned int bar, u64 offset,
			    unsigned int len, u64 value)
{
	struct mdev_migrate_device *mdm = context;

	mdm->drv->ops->bar_write(mdm, bar, offset, len, value);
}

static int model_bar_mmap(void *context, unsigned int bar, u64 offset,
			  struct vm_area_struct *vma)
{
	struct mdev_migrate_device *mdm = context;

	if (!mdm->drv->ops->bar_mmap)
		return -EINVAL;
	return mdm->drv->ops->bar_mmap(mdm, bar, offset, vma);
}

static void model_cfg_read(void *context, unsigned int offset,
			   unsigned int len)
{
	struct mdev_migrate_device *mdm = context;

	if (mdm->drv->ops->cfg_read)
		mdm->drv->ops->cfg_read(mdm, offset, len);
}

static void model_cfg_write(void *context, unsigned int offset,
			    unsigned int len)
{
	struct mdev_migrate_device *mdm = context;

	if (mdm->drv->ops->cfg_write)
		mdm->drv->ops->cfg_write(mdm, offset, len);
}

static void model_command(void *context, u16 old, u16 new)
{
	struct mdev_migrate_device *mdm = context;

	if (mdm->drv->ops->pci_command)
		mdm->drv->ops->pci_command(mdm, old, new);
}

static void model_reset(void *context)
{
	struct mdev_migrate_device *mdm = context;

	mdev_migrate_migration_reset(&mdm->mig);
}

static struct mdev_migrate_worker *worker_create(void *context,
						 const char *name)
{
	struct mdev_migrate_device *mdm = context;

	return mdev_migrate_worker_create(mdm->memory, name);
}

const struct mdev_migrate_pci_ops mdm_pci_ops = {
	.bar_read = model_bar_read,
	.bar_write = model_bar_write,
	.bar_mmap = model_bar_mmap,
	.cfg_read = model_cfg_read,
	.cfg_write = model_cfg_write,
	.command = model_command,
	.reset = model_reset,
	.worker_create = worker_create,
	.worker_queue = mdev_migrate_worker_queue,
	.worker_destroy = mdev_migrate_worker_destroy,
};
