// SPDX-License-Identifier: GPL-2.0-only
/* The VFIO device: created with the mdev, opened, asked and removed. */
#include <linux/module.h>
#include <linux/slab.h>

#include "frame.h"

static struct mdev_migrate_device *
device_of(struct mdev_migrate_description *desc)
{
	return container_of(desc, struct mdev_migrate_device, desc);
}

static int check_config(struct mdev_migrate_description *desc,
			const struct mdev_migrate_config *config,
			struct mdev_migrate_msg *why)
{
	struct mdev_migrate_device *mdm = device_of(desc);

	if (!mdm->drv->ops->check_config)
		return 0;
	return mdm->drv->ops->check_config(mdev_migrate_parent(mdm), config,
					   why);
}

static int set_config(struct mdev_migrate_description *desc,
		      const struct mdev_migrate_config *config,
		      struct mdev_migrate_msg *why)
{
	struct mdev_migrate_device *mdm = device_of(desc);

	if (!mdm->drv->ops->set_config)
		return 0;
	return mdm->drv->ops->set_config(mdm, config, why);
}

static const char *show_state(struct mdev_migrate_description *desc)
{
	return mdev_migrate_migration_state_name(&device_of(desc)->mig);
}

static size_t stop_copy_bytes(struct mdev_migrate_description *desc)
{
	return mdev_migrate_migration_stop_copy_bytes(&device_of(desc)->mig);
}

static const struct mdev_migrate_description_ops mdm_description_ops = {
	.check_config = check_config,
	.set_config = set_config,
	.state = show_state,
	.stop_copy_bytes = stop_copy_bytes,
};

static int mdm_init_device(struct vfio_device *vdev)
{
	struct mdev_migrate_device *mdm = to_mdm(vdev);
	struct mdev_device *mdev = to_mdev_device(vdev->dev);
	struct mdm_type *type = to_mdm_type(mdev->type);
	int ret;

	mdm->mdev = mdev;
	mdm->drv = type->drv;
	ret = mdev_migrate_description_init(&mdm->desc, vdev->dev,
					    type->drv->model,
					    type->desc.version,
					    &mdm_description_ops);
	if (ret)
		return ret;
	ret = -ENOMEM;
	mdm->pci = mdev_migrate_pci_create(&mdm_pci_ops, mdm);
	if (!mdm->pci)
		goto destroy_description;
	mdm->memory = mdev_migrate_memory_create(vdev);
	if (!mdm->memory)
		goto destroy_pci;
	ret = mdm_migration_create(mdm);
	if (ret)
		goto destroy_memory;
	mdm_object_get();
	return 0;

destroy_memory:
	mdev_migrate_memory_destroy(mdm->memory);
destroy_pci:
	mdev_migrate_pci_destroy(mdm->pci);
destroy_description:
	mdev_migrate_description_destroy(&mdm->desc);
	return ret;
}

static void mdm_release_device(struct vfio_device *vdev)
{
	struct mdev_migrate_device *mdm = to_mdm(vdev);

	mdm_migration_destroy(mdm);
	mdev_migrate_memory_destroy(mdm->memory);
	mdev_migrate_pci_destroy(mdm->pci);
	mdev_migrate_description_destroy(&mdm->desc);
	mdm_object_put();
}

static int mdm_open_device(struct vfio_device *vdev)
{
	struct mdev_migrate_device *mdm = to_mdm(vdev);
	int ret;

	mdev_migrate_description_set_open(&mdm->desc, true);
	ret = mdev_migrate_memory_open(mdm->memory);
	if (ret)
		goto not_open;
	ret = mdev_migrate_migration_open(&mdm->mig);
	if (ret)
		goto close_memory;
	return 0;

close_memory:
	mdev_migrate_pci_close(mdm->pci);
	mdev_migrate_memory_close(mdm->memory);
not_open:
	mdev_migrate_description_set_open(&mdm->desc, false);
	return ret;
}

static void mdm_close_device(struct vfio_device *vdev)
{
	struct mdev_migrate_device *mdm = to_mdm(vdev);

	mdev_migrate_memory_closing(mdm->memory);
	mdev_migrate_migration_close(&mdm->mig);
	mdev_migrate_pci_close(mdm->pci);
	mdev_migrate_memory_close(mdm->memory);
	mdev_migrate_description_set_open(&mdm->desc, false);
}

static int mdm_get_region_info_caps(struct vfio_device *vdev,
				    struct vfio_region_info *info,
				    struct vfio_info_cap *caps)
{
	return mdev_migrate_pci_region_info(to_mdm(vdev)->pci, info, caps);
}

static long mdm_ioctl(struct vfio_device *vdev, unsigned int cmd,
		      unsigned long arg)
{
	if (cmd == VFIO_DEVICE_QUERY_GFX_PLANE)
		return mdm_query_gfx_plane(to_mdm(vdev), (void __user *)arg);
	return mdev_migrate_pci_ioctl(to_mdm(vdev)->pci, cmd, arg);
}

static ssize_t mdm_read(struct vfio_device *vdev, char __user *buf,
			size_t count, loff_t *ppos)
{
	return mdev_migrate_pci_read(to_mdm(vdev)->pci, buf, count, ppos);
}

static ssize_t mdm_write(struct vfio_device *vdev, const char __user *buf,
			 size_t count, loff_t *ppos)
{
	return mdev_migrate_pci_write(to_mdm(vdev)->pci, buf, count, ppos);
}

static int mdm_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	return mdev_migrate_pci_mmap(to_mdm(vdev)->pci, vma);
}

static void mdm_request(struct vfio_device *vdev, unsigned int count)
{
	struct mdev_migrate_device *mdm = to_mdm(vdev);

	if (mdev_migrate_pci_request(mdm->pci)) {
		if (!(count % 10))
			dev_notice_ratelimited(vdev->dev,
					       "asking the user to release the device, #%u\n",
					       count);
	} else if (!count) {
		dev_warn(vdev->dev,
			 "no one listens for the release request; the removal waits until the device is closed\n");
	}
}

static void mdm_vfio_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	mdev_migrate_dma_unmap(to_mdm(vdev)->memory, iova, length);
}

static const struct vfio_device_ops mdm_vfio_ops = {
	.name = "mdev-migrate",
	.init = mdm_init_device,
	.release = mdm_release_device,
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
	.open_device = mdm_open_device,
	.close_device = mdm_close_device,
	.read = mdm_read,
	.write = mdm_write,
	.ioctl = mdm_ioctl,
	.get_region_info_caps = mdm_get_region_info_caps,
	.mmap = mdm_mmap,
	.request = mdm_request,
	.dma_unmap = mdm_vfio_dma_unmap,
};

static int mdm_log_start(struct vfio_device *vdev,
			 struct rb_root_cached *ranges, u32 nnodes,
			 u64 *page_size)
{
	return mdev_migrate_log_start(to_mdm(vdev)->memory, ranges, nnodes,
				      page_size);
}

static int mdm_log_stop(struct vfio_device *vdev)
{
	return mdev_migrate_log_stop(to_mdm(vdev)->memory);
}

static int mdm_log_read_and_clear(struct vfio_device *vdev, unsigned long iova,
				  unsigned long length,
				  struct iova_bitmap *dirty)
{
	return mdev_migrate_log_read_and_clear(to_mdm(vdev)->memory, iova,
					       length, dirty);
}

static const struct vfio_log_ops mdm_log_ops = {
	.log_start = mdm_log_start,
	.log_stop = mdm_log_stop,
	.log_read_and_clear = mdm_log_read_and_clear,
};

static struct mdev_migrate_device *alloc_device(struct mdev_device *mdev)
{
	struct mdev_migrate_driver *drv = to_mdm_type(mdev->type)->drv;
	struct vfio_device *vdev;

	BUILD_BUG_ON(offsetof(struct mdev_migrate_device, vdev));
	vdev = _vfio_alloc_device(drv->device_size, &mdev->dev, &mdm_vfio_ops);
	return IS_ERR(vdev) ? ERR_CAST(vdev) : to_mdm(vdev);
}

static void set_migration_ops(struct mdev_migrate_device *mdm)
{
	mdm->vdev.migration_flags = MDEV_MIGRATE_MIGRATION_FLAGS;
	mdm->vdev.mig_ops = &mdm_migration_ops;
	/*
	 * Without IOMMUFD_DRIVER there is no iova_bitmap: PROBE and START would
	 * succeed and REPORT fail in the middle of a migration.
	 */
	if (IS_ENABLED(CONFIG_IOMMUFD_DRIVER))
		mdm->vdev.log_ops = &mdm_log_ops;
}

/**
 * mdm_vfio_probe - an mdev was created
 * @mdev: the mdev
 *
 * Return: 0 or a negative errno; then there is no device.
 */
int mdm_vfio_probe(struct mdev_device *mdev)
{
	struct mdev_migrate_device *mdm;
	int ret;

	mdm = alloc_device(mdev);
	if (IS_ERR(mdm))
		return PTR_ERR(mdm);
	set_migration_ops(mdm);
	dev_set_drvdata(&mdev->dev, mdm);
	if (mdm->drv->ops->init) {
		ret = mdm->drv->ops->init(mdm);
		if (ret)
			goto put;
	}
	ret = mdev_migrate_description_add(&mdm->desc);
	if (ret)
		goto release;
	ret = vfio_register_emulated_iommu_dev(&mdm->vdev);
	if (ret)
		goto remove_dir;
	return 0;

remove_dir:
	mdev_migrate_description_remove(&mdm->desc);
release:
	if (mdm->drv->ops->release)
		mdm->drv->ops->release(mdm);
put:
	dev_set_drvdata(&mdev->dev, NULL);
	vfio_put_device(&mdm->vdev);
	return ret;
}

/**
 * mdm_vfio_remove - an mdev goes away
 * @mdev: the mdev
 *
 * Waits until the device is closed.
 */
void mdm_vfio_remove(struct mdev_device *mdev)
{
	struct mdev_migrate_device *mdm = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&mdm->vdev);
	mdev_migrate_description_remove(&mdm->desc);
	if (mdm->drv->ops->release)
		mdm->drv->ops->release(mdm);
	vfio_put_device(&mdm->vdev);
}

MODULE_IMPORT_NS("IOMMUFD");
