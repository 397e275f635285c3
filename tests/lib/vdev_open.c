// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/iommufd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mdev.h"
#include "vdev.h"

/* The device's own character device, such as /dev/vfio/devices/vfio0. */
static int cdev_path(const char *uuid, char *path, size_t size)
{
	char dir[PATH_MAX];
	struct dirent *de;
	int ret = -ENOENT;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/%s/vfio-dev", mdev_bus(uuid), uuid);
	d = opendir(dir);
	if (!d)
		return -errno;
	while ((de = readdir(d))) {
		if (strncmp(de->d_name, "vfio", 4))
			continue;
		snprintf(path, size, "/dev/vfio/devices/%s", de->d_name);
		ret = 0;
		break;
	}
	closedir(d);
	return ret;
}

/* Opens the device's own character device and binds it to the iommufd. */
static int open_bound(struct vdev *v)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = v->iommu_fd,
	};
	char path[PATH_MAX];
	int ret;

	ret = cdev_path(v->uuid, path, sizeof(path));
	if (ret)
		return ret;
	v->fd = open(path, O_RDWR | O_CLOEXEC);
	if (v->fd < 0)
		return -errno;
	return ioctl(v->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind) ? -errno : 0;
}

/* A further address space in the device's iommufd. */
int vdev_ioas(struct vdev *v, uint32_t *ioas)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	if (ioctl(v->iommu_fd, IOMMU_IOAS_ALLOC, &alloc))
		return -errno;
	*ioas = alloc.out_ioas_id;
	return 0;
}

/* Attaches the device to an address space, also from another one. */
int vdev_attach(struct vdev *v, uint32_t ioas)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = ioas,
	};

	if (ioctl(v->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		return -errno;
	v->ioas = ioas;
	return 0;
}

int vdev_detach(struct vdev *v)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
	};

	return ioctl(v->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach) ? -errno :
								      0;
}

static int open_iommufd(struct vdev *v)
{
	uint32_t ioas = 0;
	int ret;

	v->iommu_fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (v->iommu_fd < 0)
		return -errno;
	ret = open_bound(v);
	if (!ret)
		ret = vdev_ioas(v, &ioas);
	return ret ? ret : vdev_attach(v, ioas);
}

static int group_path(const char *uuid, char *path, size_t size)
{
	char link[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "%s/%s/iommu_group", mdev_bus(uuid), uuid);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	snprintf(path, size, "/dev/vfio/%.32s", basename(target));
	return 0;
}

/* In a container that is open; @new: it has nothing in it yet. */
static int open_in_container(struct vdev *v, bool new)
{
	char path[PATH_MAX];
	int ret;

	ret = group_path(v->uuid, path, sizeof(path));
	if (ret)
		return ret;
	v->group_fd = open(path, O_RDWR | O_CLOEXEC);
	if (v->group_fd < 0)
		return -errno;
	if (ioctl(v->group_fd, VFIO_GROUP_SET_CONTAINER, &v->iommu_fd))
		return -errno;
	if (new && ioctl(v->iommu_fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return -errno;
	v->fd = ioctl(v->group_fd, VFIO_GROUP_GET_DEVICE_FD, v->uuid);
	if (v->fd < 0)
		return -errno;
	return 0;
}

static int open_group(struct vdev *v)
{
	v->iommu_fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	return v->iommu_fd < 0 ? -errno : open_in_container(v, true);
}

/* Whoever has no rights may open the device from here on. */
int vdev_give(const char *uuid, enum vdev_how how, uid_t uid)
{
	char path[PATH_MAX];
	int ret;

	ret = how == VDEV_IOMMUFD ? cdev_path(uuid, path, sizeof(path)) :
				    group_path(uuid, path, sizeof(path));
	if (ret)
		return ret;
	if (how == VDEV_IOMMUFD && chmod("/dev/iommu", 0666))
		return -errno;
	return chown(path, uid, -1) ? -errno : 0;
}

static int read_regions(struct vdev *v)
{
	struct vfio_device_info info;
	unsigned int i;
	int ret;

	ret = vdev_info(v, &info);
	if (ret)
		return ret;
	for (i = 0; i < info.num_regions && i <= VFIO_PCI_CONFIG_REGION_INDEX;
	     i++) {
		ret = vdev_region_info(v, i, &v->regions[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static void init(struct vdev *v, const char *uuid, enum vdev_how how)
{
	memset(v, 0, sizeof(*v));
	v->how = how;
	v->fd = -1;
	v->iommu_fd = -1;
	v->group_fd = -1;
	snprintf(v->uuid, sizeof(v->uuid), "%s", uuid);
}

int vdev_open(struct vdev *v, const char *uuid, enum vdev_how how)
{
	int ret;

	init(v, uuid, how);
	ret = how == VDEV_IOMMUFD ? open_iommufd(v) : open_group(v);
	if (!ret)
		ret = read_regions(v);
	if (ret)
		vdev_close(v);
	return ret;
}

/* Opens a device in the address space of @other. */
int vdev_join(struct vdev *v, const char *uuid, const struct vdev *other)
{
	int ret;

	init(v, uuid, other->how);
	v->iommu_fd = dup(other->iommu_fd);
	if (v->iommu_fd < 0)
		return -errno;
	ret = v->how == VDEV_IOMMUFD ? open_bound(v) :
				       open_in_container(v, false);
	if (!ret && v->how == VDEV_IOMMUFD)
		ret = vdev_attach(v, other->ioas);
	if (!ret)
		ret = read_regions(v);
	if (ret)
		vdev_close(v);
	return ret;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Also of a device that is not, or only half, open. */
void vdev_close(struct vdev *v)
{
	if (!v->uuid[0])
		return;
	close_fd(&v->fd);
	close_fd(&v->group_fd);
	close_fd(&v->iommu_fd);
	v->uuid[0] = '\0';
}

int vdev_reset(struct vdev *v)
{
	return ioctl(v->fd, VFIO_DEVICE_RESET) ? -errno : 0;
}

int vdev_info(struct vdev *v, struct vfio_device_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	return ioctl(v->fd, VFIO_DEVICE_GET_INFO, info) ? -errno : 0;
}
