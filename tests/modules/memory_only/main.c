// SPDX-License-Identifier: GPL-2.0-only
/* The driver: a platform device, and a VFIO device for it. */
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait_bit.h>

#include "memory_only.h"

#define NAME	"mdm_memory_only"

static struct mo_device *to_device(struct vfio_device *vdev)
{
	return container_of(vdev, struct mo_device, vdev);
}

static int log_start(struct vfio_device *vdev, struct rb_root_cached *ranges,
		     u32 nnodes, u64 *page_size)
{
	return mdev_migrate_log_start(to_device(vdev)->memory, ranges, nnodes,
				      page_size);
}

static int log_stop(struct vfio_device *vdev)
{
	return mdev_migrate_log_stop(to_device(vdev)->memory);
}

static int log_read_and_clear(struct vfio_device *vdev, unsigned long iova,
			      unsigned long length, struct iova_bitmap *dirty)
{
	return mdev_migrate_log_read_and_clear(to_device(vdev)->memory, iova,
					       length, dirty);
}

static const struct vfio_log_ops log_ops = {
	.log_start = log_start,
	.log_stop = log_stop,
	.log_read_and_clear = log_read_and_clear,
};

/*
 * Who has the last reference to a VFIO device drops it when he likes, and release_device()
 * runs then: this module must still be there.
 */
static atomic_t nr_devices;

static int init_device(struct vfio_device *vdev)
{
	struct mo_device *dev = to_device(vdev);

	/* Without IOMMUFD_DRIVER the kernel has no iova_bitmap to report with. */
	if (IS_ENABLED(CONFIG_IOMMUFD_DRIVER))
		vdev->log_ops = &log_ops;
	mutex_init(&dev->command_lock);
	mo_engine_init(dev);
	dev->memory = mdev_migrate_memory_create(vdev);
	if (!dev->memory)
		return -ENOMEM;
	atomic_inc(&nr_devices);
	return 0;
}

static void release_device(struct vfio_device *vdev)
{
	mdev_migrate_memory_destroy(to_device(vdev)->memory);
	if (atomic_dec_and_test(&nr_devices))
		wake_up_var(&nr_devices);
}

static int open_device(struct vfio_device *vdev)
{
	struct mo_device *dev = to_device(vdev);
	int ret;

	ret = mdev_migrate_memory_open(dev->memory);
	if (ret)
		return ret;
	ret = mo_ring_open(dev);
	if (ret) {
		mdev_migrate_memory_close(dev->memory);
		return ret;
	}
	dev->engine.rounds = 0;
	dev->engine.unmaps = 0;
	return 0;
}

static void close_device(struct vfio_device *vdev)
{
	struct mo_device *dev = to_device(vdev);

	mdev_migrate_memory_closing(dev->memory);
	mo_reset(dev);
	mo_ring_close(dev);
	mdev_migrate_memory_close(dev->memory);
}

static void dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	mdev_migrate_dma_unmap(to_device(vdev)->memory, iova, length);
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
		mo_reset(to_device(vdev));
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
	info->size = MO_NR_REGISTERS * sizeof(u64);
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	return 0;
}

/* One register at a time. */
static bool is_register(size_t count, loff_t pos)
{
	return count == sizeof(u64) && pos >= 0 && pos % sizeof(u64) == 0 &&
	       pos / sizeof(u64) < MO_NR_REGISTERS;
}

static ssize_t read_device(struct vfio_device *vdev, char __user *buf,
			   size_t count, loff_t *ppos)
{
	__le64 value;

	if (!is_register(count, *ppos))
		return -EINVAL;
	value = cpu_to_le64(mo_get(to_device(vdev), *ppos / sizeof(value)));
	if (copy_to_user(buf, &value, sizeof(value)))
		return -EFAULT;
	return count;
}

static ssize_t write_device(struct vfio_device *vdev, const char __user *buf,
			    size_t count, loff_t *ppos)
{
	__le64 value;

	if (!is_register(count, *ppos))
		return -EINVAL;
	if (copy_from_user(&value, buf, sizeof(value)))
		return -EFAULT;
	mo_set(to_device(vdev), *ppos / sizeof(value), le64_to_cpu(value));
	return count;
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
	.dma_unmap = dma_unmap,
};

/* Waits for whoever has it open. */
static void memory_only_remove(void *data)
{
	struct mo_device *dev = data;

	vfio_unregister_group_dev(&dev->vdev);
	vfio_put_device(&dev->vdev);
}

static int memory_only_probe(struct platform_device *pdev)
{
	struct mo_device *dev;
	int ret;

	dev = vfio_alloc_device(mo_device, vdev, &pdev->dev, &vfio_ops);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	ret = vfio_register_emulated_iommu_dev(&dev->vdev);
	if (ret) {
		vfio_put_device(&dev->vdev);
		return ret;
	}
	return devm_add_action_or_reset(&pdev->dev, memory_only_remove, dev);
}

/* The IOMMU group is VFIO's own. */
static struct platform_driver memory_only_driver = {
	.probe = memory_only_probe,
	.driver_managed_dma = true,
	.driver.name = NAME,
};

static struct platform_device *device;

static int __init memory_only_init(void)
{
	int ret;

	ret = platform_driver_register(&memory_only_driver);
	if (ret)
		return ret;
	device = platform_device_register_simple(NAME, PLATFORM_DEVID_NONE,
						 NULL, 0);
	if (IS_ERR(device)) {
		platform_driver_unregister(&memory_only_driver);
		return PTR_ERR(device);
	}
	return 0;
}
module_init(memory_only_init);

static void __exit memory_only_exit(void)
{
	platform_device_unregister(device);
	platform_driver_unregister(&memory_only_driver);
	wait_var_event(&nr_devices, !atomic_read(&nr_devices));
}
module_exit(memory_only_exit);

MODULE_DESCRIPTION("Test device that uses guest memory, and nothing else");
MODULE_LICENSE("GPL");
