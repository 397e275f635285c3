/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_LINUX_VFIO_H
#define COMPAT_LINUX_VFIO_H

#include <linux/uaccess.h>

#include_next <linux/vfio.h>

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

#ifdef COMPAT_NO_REGION_INFO_CAPS
#include "../vfio_ops.h"
#endif

#endif /* COMPAT_LINUX_VFIO_H */
