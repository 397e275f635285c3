/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_LINUX_VFIO_H
#define COMPAT_LINUX_VFIO_H

#include <linux/iommu.h>
#include <linux/iova_bitmap.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <uapi/linux/vfio.h>

/*
 * struct vfio_migration_ops ends with migration_get_state(), the only one that
 * has a parameter of this name: one more operation follows. The kernel does not
 * look at it, compat_vfio_device_feature() does.
 */
#ifdef COMPAT_NO_MIG_DATA_SIZE
#define curr_state							\
	curr_state);							\
	int (*migration_get_data_size)(struct vfio_device *device,	\
				       unsigned long *stop_copy_length
#endif

#include_next <linux/vfio.h>

#undef curr_state

#ifdef COMPAT_NO_CHECK_PRECOPY_IOCTL
static inline int vfio_check_precopy_ioctl(struct vfio_device *vdev,
					   unsigned int cmd, unsigned long arg,
					   struct vfio_precopy_info *info)
{
	const size_t minsz = offsetofend(struct vfio_precopy_info, dirty_bytes);

	if (cmd != VFIO_MIG_GET_PRECOPY_INFO)
		return -ENOTTY;
	if (copy_from_user(info, (void __user *)arg, minsz))
		return -EFAULT;
	return info->argsz < minsz ? -EINVAL : 0;
}
#endif

/* Nobody can ask for it: the kernel has no VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2. */
#ifdef COMPAT_NO_PRECOPY_INFO_V2
#define precopy_info_v2		migration_flags & 0
#endif

#ifdef COMPAT_NO_BIND_IOMMUFD
#define vfio_iommufd_emulated_bind		NULL
#define vfio_iommufd_emulated_unbind		NULL
#define vfio_iommufd_emulated_attach_ioas	NULL
#endif
#ifdef COMPAT_NO_DETACH_IOAS
#define vfio_iommufd_emulated_detach_ioas	NULL
#endif

#ifdef COMPAT_NO_REGION_INFO_CAPS
#include "../vfio_ops.h"
#endif

#endif /* COMPAT_LINUX_VFIO_H */
