/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct vfio_device_ops of the newest kernel, on one that has fewer: each device
 * gets a struct of the kernel's own, made when it is allocated, in which functions
 * of this file stand where something is missing.
 */
#ifndef COMPAT_VFIO_OPS_H
#define COMPAT_VFIO_OPS_H

#include <linux/err.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

struct iommufd_ctx;

/* What the newest kernel's has, as far as mediated devices use it. */
struct compat_vfio_device_ops {
	char *name;
	int (*init)(struct vfio_device *vdev);
	void (*release)(struct vfio_device *vdev);
	int (*bind_iommufd)(struct vfio_device *vdev, struct iommufd_ctx *ictx,
			    u32 *out_device_id);
	void (*unbind_iommufd)(struct vfio_device *vdev);
	int (*attach_ioas)(struct vfio_device *vdev, u32 *pt_id);
	void (*detach_ioas)(struct vfio_device *vdev);
	int (*open_device)(struct vfio_device *vdev);
	void (*close_device)(struct vfio_device *vdev);
	ssize_t (*read)(struct vfio_device *vdev, char __user *buf,
			size_t count, loff_t *ppos);
	ssize_t (*write)(struct vfio_device *vdev, const char __user *buf,
			 size_t count, loff_t *ppos);
	long (*ioctl)(struct vfio_device *vdev, unsigned int cmd,
		      unsigned long arg);
	int (*get_region_info_caps)(struct vfio_device *vdev,
				    struct vfio_region_info *info,
				    struct vfio_info_cap *caps);
	int (*mmap)(struct vfio_device *vdev, struct vm_area_struct *vma);
	void (*request)(struct vfio_device *vdev, unsigned int count);
	void (*dma_unmap)(struct vfio_device *vdev, u64 iova, u64 length);
};

/**
 * struct compat_vfio - a device's operations
 * @ops: the kernel's
 * @driver: the driver's
 */
struct compat_vfio {
	struct vfio_device_ops ops;
	const struct compat_vfio_device_ops *driver;
};

static inline struct compat_vfio *to_compat_vfio(struct vfio_device *vdev)
{
	return container_of(vdev->ops, struct compat_vfio, ops);
}

static inline void compat_vfio_release(struct vfio_device *vdev)
{
	struct compat_vfio *compat = to_compat_vfio(vdev);

	if (compat->driver->release)
		compat->driver->release(vdev);
#ifdef COMPAT_VFIO_FREE_DEVICE
	vfio_free_device(vdev);
#endif
	kfree(compat);
}

/* Behind the answer, if there is room for them. */
static inline int compat_vfio_put_caps(struct vfio_region_info *info,
				       struct vfio_info_cap *caps,
				       void __user *arg)
{
	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	if (info->argsz < sizeof(*info) + caps->size) {
		info->argsz = sizeof(*info) + caps->size;
		info->cap_offset = 0;
		return 0;
	}
	vfio_info_cap_shift(caps, sizeof(*info));
	if (copy_to_user(arg + sizeof(*info), caps->buf, caps->size))
		return -EFAULT;
	info->cap_offset = sizeof(*info);
	return 0;
}

static inline long compat_vfio_region_info(struct vfio_device *vdev,
					   void __user *arg)
{
	const struct compat_vfio_device_ops *driver =
		to_compat_vfio(vdev)->driver;
	const size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_info info = {};
	struct vfio_info_cap caps = {};
	int ret;

	if (!driver->get_region_info_caps)
		return -EINVAL;
	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	ret = driver->get_region_info_caps(vdev, &info, &caps);
	if (!ret && caps.size)
		ret = compat_vfio_put_caps(&info, &caps, arg);
	kfree(caps.buf);
	if (ret)
		return ret;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static inline long compat_vfio_ioctl(struct vfio_device *vdev,
				     unsigned int cmd, unsigned long arg)
{
	const struct compat_vfio_device_ops *driver;

	if (cmd == VFIO_DEVICE_GET_REGION_INFO)
		return compat_vfio_region_info(vdev, (void __user *)arg);
	driver = to_compat_vfio(vdev)->driver;
	return driver->ioctl ? driver->ioctl(vdev, cmd, arg) : -EINVAL;
}

#ifdef COMPAT_NO_MIG_DATA_SIZE
static inline int compat_vfio_device_feature(struct vfio_device *vdev,
					     u32 flags, void __user *arg,
					     size_t argsz)
{
	struct vfio_device_feature_mig_data_size data_size = {};
	unsigned long length;
	int ret;

	if ((flags & VFIO_DEVICE_FEATURE_MASK) !=
	    VFIO_DEVICE_FEATURE_MIG_DATA_SIZE || !vdev->mig_ops)
		return -ENOTTY;
	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_GET,
				 sizeof(data_size));
	if (ret != 1)
		return ret;
	ret = vdev->mig_ops->migration_get_data_size(vdev, &length);
	if (ret)
		return ret;
	data_size.stop_copy_length = length;
	return copy_to_user(arg, &data_size, sizeof(data_size)) ? -EFAULT : 0;
}
#endif

static inline struct vfio_device *
compat_vfio_alloc_device(size_t size, struct device *dev,
			 const struct compat_vfio_device_ops *driver)
{
	struct vfio_device *vdev;
	struct compat_vfio *compat;

	compat = kzalloc_obj(*compat, GFP_KERNEL_ACCOUNT);
	if (!compat)
		return ERR_PTR(-ENOMEM);
	compat->driver = driver;
	compat->ops = (struct vfio_device_ops) {
		.name = driver->name,
		.init = driver->init,
		.release = compat_vfio_release,
#ifndef COMPAT_NO_BIND_IOMMUFD
		.bind_iommufd = driver->bind_iommufd,
		.unbind_iommufd = driver->unbind_iommufd,
		.attach_ioas = driver->attach_ioas,
#endif
#ifndef COMPAT_NO_DETACH_IOAS
		.detach_ioas = driver->detach_ioas,
#endif
		.open_device = driver->open_device,
		.close_device = driver->close_device,
		.read = driver->read,
		.write = driver->write,
		.ioctl = compat_vfio_ioctl,
		.mmap = driver->mmap,
		.request = driver->request,
		.dma_unmap = driver->dma_unmap,
#ifdef COMPAT_NO_MIG_DATA_SIZE
		.device_feature = compat_vfio_device_feature,
#endif
	};
	vdev = _vfio_alloc_device(size, dev, &compat->ops);
	if (IS_ERR(vdev))
		kfree(compat);
	return vdev;
}

#define vfio_device_ops		compat_vfio_device_ops
#define _vfio_alloc_device	compat_vfio_alloc_device

#endif /* COMPAT_VFIO_OPS_H */
