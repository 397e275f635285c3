// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vfio.h"

#define VFIO_IO(nr)		_IO(';', 100 + (nr))
#define VFIO_SET_IOMMU		VFIO_IO(2)
#define VFIO_GROUP_SET_CONTAINER VFIO_IO(4)
#define VFIO_GROUP_GET_DEVICE_FD VFIO_IO(6)
#define VFIO_DEVICE_GET_INFO	VFIO_IO(7)
#define VFIO_DEVICE_RESET	VFIO_IO(11)
#define VFIO_DEVICE_FEATURE	VFIO_IO(17)
#define VFIO_DEVICE_BIND_IOMMUFD VFIO_IO(18)
#define VFIO_DEVICE_ATTACH_PT	VFIO_IO(19)
#define IOMMU_IOAS_ALLOC	_IO(';', 0x81)

#define VFIO_TYPE1V2_IOMMU	3
#define DEVICE_FLAGS_RESET	(1 << 0)
#define FEATURE_GET		(1 << 16)
#define FEATURE_SET		(1 << 17)
#define FEATURE_PROBE		(1 << 18)
#define FEATURE_MIGRATION	1
#define FEATURE_MIG_STATE	2
#define FEATURE_DMA_LOGGING	6
#define FEATURE_MIG_DATA_SIZE	9

struct device_info {
	__u32 argsz;
	__u32 flags;
	__u32 num_regions;
	__u32 num_irqs;
	__u32 cap_offset;
	__u32 pad;
};

struct bind_iommufd {
	__u32 argsz;
	__u32 flags;
	__s32 iommufd;
	__u32 out_devid;
};

struct attach_pt {
	__u32 argsz;
	__u32 flags;
	__u32 pt_id;
};

struct ioas_alloc {
	__u32 size;
	__u32 flags;
	__u32 out_ioas_id;
};

struct feature {
	__u32 argsz;
	__u32 flags;
	union {
		__u64 mig_flags;
		__u64 data_size;
		struct {
			__u32 device_state;
			__s32 data_fd;
		} state;
	};
};

static int open_path(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The path of an attribute or a link of the device's. */
static int dir_path(const struct vfio_dev *dev, const char *name, char *path,
		    size_t size)
{
	int len = snprintf(path, size, "%s/%s", dev->dir, name);

	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

/* The device's own character device, such as vfio0. */
static int cdev_name(const struct vfio_dev *dev, char *path, size_t size)
{
	struct dirent *entry;
	DIR *dir;
	int ret;

	ret = dir_path(dev, "vfio-dev", path, size);
	if (ret)
		return ret;
	dir = opendir(path);
	if (!dir)
		return -errno;
	ret = -ENOENT;
	while (ret && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, size, "/dev/vfio/devices/%s", entry->d_name);
		ret = 0;
	}
	closedir(dir);
	return ret;
}

static int open_iommufd(struct vfio_dev *dev)
{
	struct bind_iommufd bind = { .argsz = sizeof(bind) };
	struct attach_pt attach = { .argsz = sizeof(attach) };
	struct ioas_alloc alloc = { .size = sizeof(alloc) };
	char path[PATH_MAX];
	int ret;

	dev->how = "iommufd";
	ret = cdev_name(dev, path, sizeof(path));
	if (ret)
		return ret;
	dev->iommu_fd = open_path("/dev/iommu");
	if (dev->iommu_fd < 0)
		return dev->iommu_fd;
	dev->fd = open_path(path);
	if (dev->fd < 0)
		return dev->fd;
	bind.iommufd = dev->iommu_fd;
	if (ioctl(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind) ||
	    ioctl(dev->iommu_fd, IOMMU_IOAS_ALLOC, &alloc))
		return -errno;
	attach.pt_id = alloc.out_ioas_id;
	return ioctl(dev->fd, VFIO_DEVICE_ATTACH_PT, &attach) ? -errno : 0;
}

/* The last part of what a link of the device's points to. 0 or a negative errno. */
static int link_name(const struct vfio_dev *dev, const char *name, char *to,
		     size_t size)
{
	char path[PATH_MAX], target[PATH_MAX], *slash;
	ssize_t len;
	int ret;

	ret = dir_path(dev, name, path, sizeof(path));
	if (ret)
		return ret;
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	slash = strrchr(target, '/');
	len = snprintf(to, size, "%s", slash ? slash + 1 : target);
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

static int open_container(struct vfio_dev *dev)
{
	char group[64], path[128];
	int ret;

	dev->how = "container";
	ret = link_name(dev, "iommu_group", group, sizeof(group));
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/dev/vfio/%s", group);
	dev->iommu_fd = open_path("/dev/vfio/vfio");
	if (dev->iommu_fd < 0)
		return dev->iommu_fd;
	dev->group_fd = open_path(path);
	if (dev->group_fd < 0)
		return dev->group_fd;
	if (ioctl(dev->group_fd, VFIO_GROUP_SET_CONTAINER, &dev->iommu_fd) ||
	    ioctl(dev->iommu_fd, VFIO_SET_IOMMU, VFIO_TYPE1V2_IOMMU))
		return -errno;
	dev->fd = ioctl(dev->group_fd, VFIO_GROUP_GET_DEVICE_FD, dev->on_bus);
	return dev->fd < 0 ? -errno : 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void vfio_close(struct vfio_dev *dev)
{
	close_fd(&dev->fd);
	close_fd(&dev->group_fd);
	close_fd(&dev->iommu_fd);
}

static int cannot_open(const struct vfio_dev *dev, int iommufd, int container)
{
	if (iommufd == -EBUSY || container == -EBUSY)
		return complain(DONE_ERROR,
				"%s is in use, possibly by a virtual machine: try again when that has ended",
				dev->name);
	if (iommufd == -EACCES || container == -EACCES ||
	    iommufd == -EPERM || container == -EPERM)
		return complain(DONE_ERROR,
				"%s cannot be opened: %s; this needs root, or access to the files in /dev/vfio",
				dev->name, strerror(EACCES));
	return complain(DONE_ERROR,
			"%s cannot be opened: through iommufd: %s; through its group and a container: %s; are the modules vfio and iommufd or vfio_iommu_type1 loaded?",
			dev->name, strerror(-iommufd), strerror(-container));
}

/* UUID of a mdev, or BUS/NAME: its folder is @dev->dir, or there is none. */
static int find_device(struct vfio_dev *dev, const char *sysfs)
{
	const char *slash = strchr(dev->name, '/');
	int bus_len = slash ? (int)(slash - dev->name) : 4, len;

	dev->on_bus = slash ? slash + 1 : dev->name;
	/* Neither of the two leads out of its folder. */
	if (!bus_len || strchr(dev->on_bus, '/') || *dev->on_bus == '.' ||
	    !*dev->on_bus || *dev->name == '.')
		return -ENOENT;
	len = snprintf(dev->dir, sizeof(dev->dir), "%s/bus/%.*s/devices/%s", sysfs,
		       bus_len, slash ? dev->name : "mdev", dev->on_bus);
	if (len < 0 || len >= (int)sizeof(dev->dir))
		return -ENAMETOOLONG;
	return access(dev->dir, F_OK) ? -errno : 0;
}

static int no_device(const struct vfio_dev *dev)
{
	if (strchr(dev->name, '/'))
		return complain(DONE_ERROR,
				"there is no device %s on this host: see mdev-migrate list",
				dev->name);
	return complain(DONE_ERROR,
			"there is no mediated device %s on this host: see mdev-migrate list; other devices are named BUS/NAME",
			dev->name);
}

/* Has a VFIO driver made a VFIO device of it? */
static int check_vfio(const struct vfio_dev *dev)
{
	char path[PATH_MAX], driver[64];

	if (!dir_path(dev, "vfio-dev", path, sizeof(path)) &&
	    !access(path, F_OK))
		return 0;
	if (link_name(dev, "driver", driver, sizeof(driver)))
		return complain(DONE_ERROR,
				"%s is not a VFIO device: it is not bound to a driver",
				dev->name);
	return complain(DONE_ERROR,
			"%s is not a VFIO device: it is bound to the driver %s, which is not a VFIO driver",
			dev->name, driver);
}

int vfio_open(struct vfio_dev *dev, const char *name, const char *sysfs)
{
	int iommufd, container, ret;

	*dev = (struct vfio_dev) {
		.name = name, .fd = -1, .iommu_fd = -1, .group_fd = -1,
	};
	if (find_device(dev, sysfs))
		return no_device(dev);
	ret = check_vfio(dev);
	if (ret)
		return ret;
	iommufd = open_iommufd(dev);
	if (!iommufd)
		return 0;
	vfio_close(dev);
	container = open_container(dev);
	if (!container)
		return 0;
	vfio_close(dev);
	return cannot_open(dev, iommufd, container);
}

int vfio_reset(struct vfio_dev *dev)
{
	return ioctl(dev->fd, VFIO_DEVICE_RESET) ? -errno : 0;
}

int vfio_has_reset(struct vfio_dev *dev)
{
	struct device_info info = { .argsz = sizeof(info) };

	if (ioctl(dev->fd, VFIO_DEVICE_GET_INFO, &info))
		return -errno;
	return info.flags & DEVICE_FLAGS_RESET ? 1 : 0;
}

static int feature(struct vfio_dev *dev, __u32 flags, struct feature *feature)
{
	feature->argsz = sizeof(*feature);
	feature->flags = flags;
	return ioctl(dev->fd, VFIO_DEVICE_FEATURE, feature) ? -errno : 0;
}

int vfio_has_dma_logging(struct vfio_dev *dev)
{
	struct feature probe = { 0 };
	int ret;

	ret = feature(dev, FEATURE_PROBE | FEATURE_SET | FEATURE_DMA_LOGGING,
		      &probe);
	return ret == -ENOTTY ? 0 : ret ? ret : 1;
}

int vfio_mig_flags(struct vfio_dev *dev, uint64_t *flags)
{
	struct feature get = { 0 };
	int ret = feature(dev, FEATURE_GET | FEATURE_MIGRATION, &get);

	*flags = ret ? 0 : get.mig_flags;
	return ret;
}

int vfio_mig_data_size(struct vfio_dev *dev, uint64_t *size)
{
	struct feature get = { 0 };
	int ret = feature(dev, FEATURE_GET | FEATURE_MIG_DATA_SIZE, &get);

	*size = ret ? 0 : get.data_size;
	return ret;
}

int vfio_mig_get(struct vfio_dev *dev)
{
	struct feature get = { 0 };
	int ret = feature(dev, FEATURE_GET | FEATURE_MIG_STATE, &get);

	return ret ? ret : (int)get.state.device_state;
}

/* *@data_fd, if asked for, becomes the session's file descriptor or -1. */
int vfio_mig_set(struct vfio_dev *dev, enum mig_state state, int *data_fd)
{
	struct feature set = {
		.state.device_state = state, .state.data_fd = -1,
	};
	int ret = feature(dev, FEATURE_SET | FEATURE_MIG_STATE, &set);

	if (data_fd)
		*data_fd = ret ? -1 : set.state.data_fd;
	else if (!ret && set.state.data_fd >= 0)
		close(set.state.data_fd);
	return ret;
}

const char *vfio_mig_name(int state)
{
	static const char * const names[MIG_NR] = {
		[MIG_ERROR] = "ERROR",
		[MIG_STOP] = "STOP",
		[MIG_RUNNING] = "RUNNING",
		[MIG_STOP_COPY] = "STOP_COPY",
		[MIG_RESUMING] = "RESUMING",
		[MIG_RUNNING_P2P] = "RUNNING_P2P",
		[MIG_PRE_COPY] = "PRE_COPY",
		[MIG_PRE_COPY_P2P] = "PRE_COPY_P2P",
	};

	return state >= 0 && state < MIG_NR ? names[state] : "unknown";
}

/* What the driver says about the last step that failed; "" if nothing. */
char *vfio_last_error(struct arena *arena, const struct vfio_dev *dev)
{
	char path[PATH_MAX], text[1024];
	ssize_t len;
	int fd;

	if (dir_path(dev, "migration/last_error", path, sizeof(path)))
		return arena_strdup(arena, "");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return arena_strdup(arena, "");
	len = read(fd, text, sizeof(text));
	close(fd);
	while (len > 0 && text[len - 1] == '\n')
		len--;
	return arena_strndup(arena, text, len > 0 ? len : 0);
}
