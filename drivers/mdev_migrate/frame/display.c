// SPDX-License-Identifier: GPL-2.0-only
/*
 * A model that has something to be seen: VFIO_DEVICE_QUERY_GFX_PLANE. The picture is in a
 * region; there are no dma-bufs. See include/uapi/linux/vfio.h.
 */
#include <linux/uaccess.h>

#include "frame.h"

/**
 * mdm_query_gfx_plane - VFIO_DEVICE_QUERY_GFX_PLANE
 * @mdm: the device, open
 * @arg: a struct vfio_device_gfx_plane_info
 *
 * Context: May sleep; in the context of the device's user; under no lock.
 * Return: 0; -ENOTTY if the device is no display; -EFAULT; -EINVAL for an argument that
 * is too short, and for other than a region; or what the model says.
 */
long mdm_query_gfx_plane(struct mdev_migrate_device *mdm, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_gfx_plane_info,
					 region_index);
	struct vfio_device_gfx_plane_info asked, plane = {};
	int ret;

	if (!mdm->drv->ops->gfx_plane)
		return -ENOTTY;
	if (copy_from_user(&asked, arg, minsz))
		return -EFAULT;
	if (asked.argsz < minsz)
		return -EINVAL;
	if (asked.flags == (VFIO_GFX_PLANE_TYPE_PROBE | VFIO_GFX_PLANE_TYPE_REGION))
		return 0;
	if (asked.flags != VFIO_GFX_PLANE_TYPE_REGION)
		return -EINVAL;
	plane.argsz = asked.argsz;
	plane.flags = asked.flags;
	plane.drm_plane_type = asked.drm_plane_type;
	ret = mdm->drv->ops->gfx_plane(mdm, &plane);
	if (ret)
		return ret;
	return copy_to_user(arg, &plane, minsz) ? -EFAULT : 0;
}
