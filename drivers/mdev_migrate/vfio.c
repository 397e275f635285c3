// SPDX-License-Identifier: GPL-2.0-only
/* The VFIO device: created with the mdev, opened, asked and removed. */
#include <linux/module.h>
#include <linux/slab.h>

#include "mdm.h"

static int mdm_init_device(struct vfio_device *vdev)
{
	struct mdev_migrate_device *mdm = to_mdm(vdev);
	struct mdev_device *mdev = to_mdev_device(vdev->dev);
	struct mdm_type *type = to_mdm_type(mdev->type);
	int ret;

	mdm->mdev = mdev;
	mdm->drv = type->drv;
	mdev_migrate_config_init(&mdm->config, type->drv->model, type->version);
	mutex_init(&mdm->config_lock);
	spin_lock_init(&mdm->error_lock);
	ret = mdm_irqs_create(mdm);
	if (ret)
		return ret;
	ret = mdm_dma_create(mdm);
	if (ret)
		goto destroy_irqs;
	ret = mdm_migration_create(mdm);
	if (ret)
		goto destroy_dma;
	mdm_object_get();
	return 0;

destroy_dma:
	mdm_dma_destroy(mdm);
destroy_irqs:
	mdm_irqs_destroy(mdm);
	return ret;
}

static void mdm_release_device(struct vfio_device *vdev)
{
	struct mdev_migrate_device *mdm = to_mdm(vdev);

	mdm_migration_destroy(mdm);
	mdm_dma_destroy(mdm);
	mdm_irqs_destroy(mdm);
	mutex_destroy(&mdm->config_lock);
	mdm_object_put();
}

static void set_open(struct mdev_migrate_device *mdm, bool is_open)
{
	mutex_lock(&mdm->config_lock);
	mdm->is_open = is_open;
	mutex_unlock(&mdm->config_lock);
}

/**
 * mdev_migrate_keep_closed - keep a device from being opened
 * @mdm: the device
 *
 * For attributes that are written while the device is closed.
 *
 * Context: May sleep, but does not wait for the device's user; takes
 * @mdm->config_lock.
 * Return: 0; then mdev_migrate_let_open() must follow; or -EBUSY if it is open.
 */
int mdev_migrate_keep_closed(struct mdev_migrate_device *mdm)
{
	mutex_lock(&mdm->config_lock);
	if (!mdm->is_open)
		return 0;
	mutex_unlock(&mdm->config_lock);
	return -EBUSY;
}
EXPORT_SYMBOL_GPL(mdev_migrate_keep_closed);

/**
 * mdev_migrate_let_open - end what mdev_migrate_keep_closed() began
 * @mdm: the device
 */
void mdev_migrate_let_open(struct mdev_migrate_device *mdm)
{
	mutex_unlock(&mdm->config_lock);
}
EXPORT_SYMBOL_GPL(mdev_migrate_let_open);

static int mdm_open_device(struct vfio_device *vdev)
{
	struct mdev_migrate_device *mdm = to_mdm(vdev);
	int ret;

	set_open(mdm, true);
	ret = mdm_pci_create(mdm);
	if (ret)
		goto not_open;
	ret = mdm_dma_open(mdm);
	if (ret)
		goto destroy_pci;
	ret = mdm_migration_open(mdm);
	if (ret)
		goto close_dma;
	return 0;

close_dma:
	mdm_dma_close(mdm);
destroy_pci:
	mdm_pci_destroy(mdm);
not_open:
	set_open(mdm, false);
	return ret;
}

static void mdm_close_device(struct vfio_device *vdev)
{
	struct mdev_migrate_device *mdm = to_mdm(vdev);

	mdm_dma_closing(mdm);
	mdm_migration_close(mdm);
	mdm_irqs_close(mdm);
	mdm_dma_close(mdm);
	mdm_pci_destroy(mdm);
	set_open(mdm, false);
}

static long get_info(struct mdev_migrate_device *mdm, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info = {};

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long get_irq_info(struct mdev_migrate_device *mdm, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;
	int ret;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	ret = mdm_irqs_info(mdm, &info);
	if (ret)
		return ret;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long set_irqs(struct mdev_migrate_device *mdm, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_irq_set, count);
	struct vfio_irq_info info = {};
	struct vfio_irq_set hdr;
	void *data = NULL;
	size_t data_size;
	int ret;

	if (copy_from_user(&hdr, arg, minsz))
		return -EFAULT;
	if (hdr.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info.index = hdr.index;
	ret = mdm_irqs_info(mdm, &info);
	if (ret)
		return ret;
	ret = vfio_set_irqs_validate_and_prepare(&hdr, info.count,
						 VFIO_PCI_NUM_IRQS, &data_size);
	if (ret)
		return ret;
	if (data_size) {
		data = memdup_user(arg + minsz, data_size);
		if (IS_ERR(data))
			return PTR_ERR(data);
	}
	ret = mdm_irqs_set(mdm, &hdr, data);
	kfree(data);
	return ret;
}

static int mdm_get_region_info_caps(struct vfio_device *vdev,
				    struct vfio_region_info *info,
				    struct vfio_info_cap *caps)
{
	return mdm_region_info(to_mdm(vdev), info);
}

static long mdm_ioctl(struct vfio_device *vdev, unsigned int cmd,
		      unsigned long arg)
{
	struct mdev_migrate_device *mdm = to_mdm(vdev);
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return get_info(mdm, uarg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return get_irq_info(mdm, uarg);
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(mdm, uarg);
	case VFIO_DEVICE_RESET:
		mdm_migration_reset(mdm);
		return 0;
	default:
		return -ENOTTY;
	}
}

static ssize_t mdm_read(struct vfio_device *vdev, char __user *buf,
			size_t count, loff_t *ppos)
{
	return mdm_region_read(to_mdm(vdev), buf, count, ppos);
}

static ssize_t mdm_write(struct vfio_device *vdev, const char __user *buf,
			 size_t count, loff_t *ppos)
{
	return mdm_region_write(to_mdm(vdev), buf, count, ppos);
}

static void mdm_request(struct vfio_device *vdev, unsigned int count)
{
	struct mdev_migrate_device *mdm = to_mdm(vdev);

	if (mdm_irqs_request(mdm)) {
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
	mdm_dma_unmap(to_mdm(vdev), iova, length);
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
	.request = mdm_request,
	.dma_unmap = mdm_vfio_dma_unmap,
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
	mdm->vdev.migration_flags = VFIO_MIGRATION_STOP_COPY |
				    VFIO_MIGRATION_P2P |
				    VFIO_MIGRATION_PRE_COPY;
	mdm->vdev.mig_ops = &mdm_migration_ops;
	/*
	 * Without IOMMUFD_DRIVER there is no iova_bitmap: PROBE and START would
	 * succeed and REPORT fail in the middle of a migration.
	 */
	if (IS_ENABLED(CONFIG_IOMMUFD_DRIVER))
		mdm->vdev.log_ops = &mdm_log_ops;
}

/**
 * mdm_vfio_probe - a mdev was created
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
	ret = mdm_sysfs_add_device(mdm);
	if (ret)
		goto release;
	ret = vfio_register_emulated_iommu_dev(&mdm->vdev);
	if (ret)
		goto remove_dir;
	return 0;

remove_dir:
	mdm_sysfs_remove(mdm->dir);
release:
	if (mdm->drv->ops->release)
		mdm->drv->ops->release(mdm);
put:
	dev_set_drvdata(&mdev->dev, NULL);
	vfio_put_device(&mdm->vdev);
	return ret;
}

/**
 * mdm_vfio_remove - a mdev goes away
 * @mdev: the mdev
 *
 * Waits until the device is closed.
 */
void mdm_vfio_remove(struct mdev_device *mdev)
{
	struct mdev_migrate_device *mdm = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&mdm->vdev);
	mdm_sysfs_remove(mdm->dir);
	if (mdm->drv->ops->release)
		mdm->drv->ops->release(mdm);
	vfio_put_device(&mdm->vdev);
}

MODULE_IMPORT_NS("IOMMUFD");
