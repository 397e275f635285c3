// SPDX-License-Identifier: GPL-2.0-only
/* The driver: what the devices are, platform devices, and a VFIO device for each. */
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait_bit.h>

#include "firmware.h"

#define NAME		"mdm_firmware"
#define NR_DEVICES	2

static const struct mdev_migrate_range any_pages[] = { { 1, FW_MAX_PAGES } };

static const struct mdev_migrate_param params[] = {
	{
		.name = "pages",
		.description = "the firmware's memory, in pages of 4 KiB",
		.type = MDEV_MIGRATE_UINT,
		.off = 1,
		.allowed = any_pages,
		.nr_allowed = ARRAY_SIZE(any_pages),
	},
};

static const u64 v1[] = { 1024 };

static const struct mdev_migrate_version versions[] = {
	{ "v1", "4 MiB", v1 },
};

static const struct mdev_migrate_model model = {
	.uri = "https://mdev-migrate.org/devices/test-firmware",
	.params = params,
	.nr_params = ARRAY_SIZE(params),
	.versions = versions,
	.nr_versions = ARRAY_SIZE(versions),
};

static struct fw_device *to_device(struct vfio_device *vdev)
{
	return container_of(vdev, struct fw_device, vdev);
}

static struct fw_device *described(struct mdev_migrate_description *desc)
{
	return container_of(desc, struct fw_device, desc);
}

static const char *show_state(struct mdev_migrate_description *desc)
{
	return mdev_migrate_migration_state_name(&described(desc)->mig);
}

static size_t show_bytes(struct mdev_migrate_description *desc)
{
	return mdev_migrate_migration_stop_copy_bytes(&described(desc)->mig);
}

static const struct mdev_migrate_description_ops description_ops = {
	.state = show_state,
	.stop_copy_bytes = show_bytes,
};

static struct file *set_state(struct vfio_device *vdev,
			      enum vfio_device_mig_state target)
{
	return mdev_migrate_migration_set_state(&to_device(vdev)->mig, target);
}

static int get_state(struct vfio_device *vdev,
		     enum vfio_device_mig_state *state)
{
	return mdev_migrate_migration_get_state(&to_device(vdev)->mig, state);
}

static int get_data_size(struct vfio_device *vdev, unsigned long *length)
{
	return mdev_migrate_migration_get_data_size(&to_device(vdev)->mig,
						    length);
}

static const struct vfio_migration_ops migration_ops = {
	.migration_set_state = set_state,
	.migration_get_state = get_state,
	.migration_get_data_size = get_data_size,
};

/*
 * Who has the last reference to a VFIO device drops it when he likes, and release_device()
 * runs then: this module must still be there.
 */
static atomic_t nr_devices;

static int init_device(struct vfio_device *vdev)
{
	struct fw_device *dev = to_device(vdev);
	int ret;

	vdev->migration_flags = MDEV_MIGRATE_MIGRATION_FLAGS;
	vdev->mig_ops = &migration_ops;
	fw_init(&dev->fw);
	ret = mdev_migrate_description_init(&dev->desc, vdev->dev, &model,
					    &versions[0], &description_ops);
	if (ret)
		return ret;
	mdev_migrate_description_set_type(&dev->desc,
					  MDEV_MIGRATE_STREAM_VERSION);
	ret = mdev_migrate_migration_init(&dev->mig, vdev, &dev->desc,
					  &fw_migration_ops, fw_records,
					  fw_nr_records);
	if (ret) {
		mdev_migrate_description_destroy(&dev->desc);
		return ret;
	}
	atomic_inc(&nr_devices);
	return 0;
}

static void release_device(struct vfio_device *vdev)
{
	struct fw_device *dev = to_device(vdev);

	mdev_migrate_migration_destroy(&dev->mig);
	mdev_migrate_description_destroy(&dev->desc);
	if (atomic_dec_and_test(&nr_devices))
		wake_up_var(&nr_devices);
}

static int open_device(struct vfio_device *vdev)
{
	struct fw_device *dev = to_device(vdev);
	int ret;

	mdev_migrate_description_set_open(&dev->desc, true);
	ret = mdev_migrate_migration_open(&dev->mig);
	if (ret)
		mdev_migrate_description_set_open(&dev->desc, false);
	return ret;
}

static void close_device(struct vfio_device *vdev)
{
	struct fw_device *dev = to_device(vdev);

	mdev_migrate_migration_close(&dev->mig);
	mdev_migrate_description_set_open(&dev->desc, false);
}

static long get_info(struct vfio_device_info __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = 1;
	info.num_irqs = 0;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long ioctl_device(struct vfio_device *vdev, unsigned int cmd,
			 unsigned long arg)
{
	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return get_info((void __user *)arg);
	case VFIO_DEVICE_RESET:
		mdev_migrate_migration_reset(&to_device(vdev)->mig);
		return 0;
	default:
		return -ENOTTY;
	}
}

static int region_info(struct vfio_device *vdev, struct vfio_region_info *info,
		       struct vfio_info_cap *caps)
{
	if (info->index)
		return -EINVAL;
	info->offset = 0;
	info->size = to_device(vdev)->fw.size;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	return 0;
}

/* How much of an access is inside of the memory. */
static size_t clamp_access(struct fw_device *dev, size_t count, loff_t pos)
{
	return pos < 0 || pos >= dev->fw.size ? 0 :
	       min_t(size_t, count, dev->fw.size - pos);
}

static ssize_t read_device(struct vfio_device *vdev, char __user *buf,
			   size_t count, loff_t *ppos)
{
	void *bounce __free(kfree) = kmalloc(FW_PAGE, GFP_KERNEL_ACCOUNT);
	struct fw_device *dev = to_device(vdev);
	size_t done, n;

	if (!bounce)
		return -ENOMEM;
	count = clamp_access(dev, count, *ppos);
	for (done = 0; done < count; done += n) {
		n = min_t(size_t, count - done, FW_PAGE);
		fw_read(&dev->fw, *ppos + done, bounce, n);
		if (copy_to_user(buf + done, bounce, n))
			return -EFAULT;
	}
	*ppos += done;
	return done;
}

/* Who saves waits for the firmware's lock, and so not for a page of the user's. */
static ssize_t write_device(struct vfio_device *vdev, const char __user *buf,
			    size_t count, loff_t *ppos)
{
	void *bounce __free(kfree) = kmalloc(FW_PAGE, GFP_KERNEL_ACCOUNT);
	struct fw_device *dev = to_device(vdev);
	size_t done, n;

	if (!bounce)
		return -ENOMEM;
	count = clamp_access(dev, count, *ppos);
	for (done = 0; done < count; done += n) {
		n = min_t(size_t, count - done, FW_PAGE);
		if (copy_from_user(bounce, buf + done, n))
			return -EFAULT;
		if (fw_write(&dev->fw, *ppos + done, bounce, n))
			mdev_migrate_precopy_poke(&dev->mig);
	}
	*ppos += done;
	return done;
}

static const struct vfio_device_ops vfio_ops = {
	.name = NAME,
	.init = init_device,
	.release = release_device,
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
	.open_device = open_device,
	.close_device = close_device,
	.read = read_device,
	.write = write_device,
	.ioctl = ioctl_device,
	.get_region_info_caps = region_info,
};

static ssize_t refuse_store(struct device *device,
			    struct device_attribute *attr, const char *buf,
			    size_t count)
{
	struct fw_device *dev = dev_get_drvdata(device);
	unsigned int nth = 1;
	char name[16];
	int step;

	if (sscanf(buf, "%15s %u", name, &nth) < 1 || !nth)
		return -EINVAL;
	step = match_string(fw_steps, FW_NR_STEPS, name);
	if (step < 0 && strcmp(name, "none"))
		return -EINVAL;
	guard(mutex)(&dev->fw.lock);
	dev->fw.refuses = step < 0 ? FW_NR_STEPS : step;
	dev->fw.countdown = nth - 1;
	return count;
}
static DEVICE_ATTR_WO(refuse);

static ssize_t status_show(struct device *device, struct device_attribute *attr,
			   char *buf)
{
	struct fw_device *dev = dev_get_drvdata(device);

	guard(mutex)(&dev->fw.lock);
	return sysfs_emit(buf, "%s %llu\n", dev->fw.running ? "running" : "stopped",
			  dev->fw.writes);
}
static DEVICE_ATTR_RO(status);

static struct attribute *firmware_attrs[] = {
	&dev_attr_refuse.attr,
	&dev_attr_status.attr,
	NULL,
};
ATTRIBUTE_GROUPS(firmware);

/* Waits for whoever has it open. */
static void firmware_remove(void *data)
{
	struct fw_device *dev = data;

	vfio_unregister_group_dev(&dev->vdev);
	mdev_migrate_description_remove(&dev->desc);
	vfio_put_device(&dev->vdev);
}

static int firmware_probe(struct platform_device *pdev)
{
	struct fw_device *dev;
	int ret;

	dev = vfio_alloc_device(fw_device, vdev, &pdev->dev, &vfio_ops);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	platform_set_drvdata(pdev, dev);
	ret = mdev_migrate_description_add(&dev->desc);
	if (ret)
		goto put;
	ret = vfio_register_emulated_iommu_dev(&dev->vdev);
	if (ret)
		goto remove;
	return devm_add_action_or_reset(&pdev->dev, firmware_remove, dev);

remove:
	mdev_migrate_description_remove(&dev->desc);
put:
	vfio_put_device(&dev->vdev);
	return ret;
}

/* The IOMMU group is VFIO's own. */
static struct platform_driver firmware_driver = {
	.probe = firmware_probe,
	.driver_managed_dma = true,
	.driver = {
		.name = NAME,
		.dev_groups = firmware_groups,
	},
};

static struct platform_device *devices[NR_DEVICES];

static void unregister(unsigned int nr)
{
	while (nr--)
		platform_device_unregister(devices[nr]);
	platform_driver_unregister(&firmware_driver);
	wait_var_event(&nr_devices, !atomic_read(&nr_devices));
}

static int __init firmware_init(void)
{
	unsigned int i;
	int ret;

	ret = platform_driver_register(&firmware_driver);
	if (ret)
		return ret;
	for (i = 0; i < NR_DEVICES; i++) {
		devices[i] = platform_device_register_simple(NAME, i, NULL, 0);
		if (IS_ERR(devices[i])) {
			ret = PTR_ERR(devices[i]);
			unregister(i);
			return ret;
		}
	}
	return 0;
}
module_init(firmware_init);

static void __exit firmware_exit(void)
{
	unregister(NR_DEVICES);
}
module_exit(firmware_exit);

MODULE_DESCRIPTION("Test devices with firmware, which are no PCI functions");
MODULE_LICENSE("GPL");
