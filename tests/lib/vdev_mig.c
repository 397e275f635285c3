// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vdev.h"

/* VFIO_DEVICE_FEATURE with @data in and out. */
int vdev_feature(struct vdev *v, uint32_t flags, void *data, size_t len)
{
	struct vfio_device_feature *feature;
	int ret = 0;

	feature = calloc(1, sizeof(*feature) + len);
	if (!feature)
		return -ENOMEM;
	feature->argsz = sizeof(*feature) + len;
	feature->flags = flags;
	if (len)
		memcpy(feature->data, data, len);
	if (ioctl(v->fd, VFIO_DEVICE_FEATURE, feature))
		ret = -errno;
	if (len)
		memcpy(data, feature->data, len);
	free(feature);
	return ret;
}

int mig_flags(struct vdev *v, uint64_t *flags)
{
	struct vfio_device_feature_migration mig = { 0 };
	int ret = vdev_feature(v, VFIO_DEVICE_FEATURE_GET |
			       VFIO_DEVICE_FEATURE_MIGRATION,
			       &mig, sizeof(mig));

	*flags = mig.flags;
	return ret;
}

/* The state, or an errno; -EBADMSG if GET gave a data FD. */
int mig_get(struct vdev *v)
{
	struct vfio_device_feature_mig_state state = { .data_fd = -2 };
	int ret = vdev_feature(v, VFIO_DEVICE_FEATURE_GET |
			       VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
			       &state, sizeof(state));

	if (ret)
		return ret;
	return state.data_fd == -1 ? (int)state.device_state : -EBADMSG;
}

/*
 * Goes to @state. *@data_fd becomes the new session's FD or -1; without
 * @data_fd such an FD is closed at once.
 */
int mig_set(struct vdev *v, uint32_t state, int *data_fd)
{
	struct vfio_device_feature_mig_state set = {
		.device_state = state,
		.data_fd = -1,
	};
	int ret = vdev_feature(v, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
			       &set, sizeof(set));

	if (data_fd)
		*data_fd = set.data_fd;
	else if (!ret && set.data_fd >= 0)
		close(set.data_fd);
	return ret;
}

int64_t mig_data_size(struct vdev *v)
{
	struct vfio_device_feature_mig_data_size size = { 0 };
	int ret = vdev_feature(v, VFIO_DEVICE_FEATURE_GET |
			       VFIO_DEVICE_FEATURE_MIG_DATA_SIZE,
			       &size, sizeof(size));

	return ret ? ret : (int64_t)size.stop_copy_length;
}

int mig_precopy_info(int data_fd, struct vfio_precopy_info *info)
{
	memset(info, 0xff, sizeof(*info));
	info->argsz = sizeof(*info);
	info->flags = 0;
	return ioctl(data_fd, VFIO_MIG_GET_PRECOPY_INFO, info) ? -errno : 0;
}

/* The state's name in sysfs, NULL if there is no such state. */
const char *mig_name(unsigned int state)
{
	static const char * const names[VFIO_DEVICE_STATE_NR] = {
		[VFIO_DEVICE_STATE_ERROR] = "error",
		[VFIO_DEVICE_STATE_STOP] = "stop",
		[VFIO_DEVICE_STATE_RUNNING] = "running",
		[VFIO_DEVICE_STATE_STOP_COPY] = "stop_copy",
		[VFIO_DEVICE_STATE_RESUMING] = "resuming",
		[VFIO_DEVICE_STATE_RUNNING_P2P] = "running_p2p",
		[VFIO_DEVICE_STATE_PRE_COPY] = "pre_copy",
		[VFIO_DEVICE_STATE_PRE_COPY_P2P] = "pre_copy_p2p",
	};

	return state < VFIO_DEVICE_STATE_NR ? names[state] : NULL;
}

/* Appends what the FD gives until 0 or an error, which it returns. */
int mig_drain(int data_fd, struct buf *out, size_t chunk)
{
	for (;;) {
		ssize_t n;
		int ret;

		ret = buf_reserve(out, out->len + chunk);
		if (ret)
			return ret;
		n = read(data_fd, out->data + out->len, chunk);
		if (n <= 0)
			return n ? -errno : 0;
		if ((size_t)n > chunk)
			return -EOVERFLOW;
		out->len += n;
	}
}

/* Writes everything, at most @chunk (0: all) bytes at once. */
int mig_feed(int data_fd, const uint8_t *data, size_t len, size_t chunk)
{
	size_t at = 0;

	while (at < len) {
		size_t want = len - at;
		ssize_t n;

		if (chunk && want > chunk)
			want = chunk;
		n = write(data_fd, data + at, want);
		if (n < 0)
			return -errno;
		if (!n || (size_t)n > want)
			return -EIO;
		at += n;
	}
	return 0;
}

/* The whole stream, from any state that is not saving; ends in STOP. */
int mig_save(struct vdev *v, struct buf *out)
{
	int fd = -1;
	int ret;

	out->len = 0;
	ret = mig_set(v, VFIO_DEVICE_STATE_STOP_COPY, &fd);
	if (ret)
		return ret;
	if (fd < 0)
		return -EBADF;
	ret = mig_drain(fd, out, 1 << 16);
	close(fd);
	if (ret)
		return ret;
	return mig_set(v, VFIO_DEVICE_STATE_STOP, NULL);
}

/*
 * Loads a stream in two parts, the second from @split on; ends in STOP. After
 * an error the device is in RESUMING.
 */
int mig_load(struct vdev *v, const uint8_t *data, size_t len, size_t split)
{
	int fd = -1;
	int ret;

	ret = mig_set(v, VFIO_DEVICE_STATE_RESUMING, &fd);
	if (ret)
		return ret;
	if (fd < 0)
		return -EBADF;
	ret = mig_feed(fd, data, split, 0);
	if (!ret)
		ret = mig_feed(fd, data + split, len - split, 0);
	if (!ret)
		ret = mig_set(v, VFIO_DEVICE_STATE_STOP, NULL);
	close(fd);
	return ret;
}
