// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vdev.h"

int vdev_irq_info(struct vdev *v, uint32_t index, struct vfio_irq_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	return ioctl(v->fd, VFIO_DEVICE_GET_IRQ_INFO, info) ? -errno : 0;
}

int vdev_irq_set(struct vdev *v, uint32_t index, uint32_t flags,
		 uint32_t start, uint32_t count, const void *data, size_t len)
{
	struct vfio_irq_set *set = calloc(1, sizeof(*set) + len);
	int ret = 0;

	if (!set)
		return -ENOMEM;
	set->argsz = sizeof(*set) + len;
	set->flags = flags;
	set->index = index;
	set->start = start;
	set->count = count;
	if (len)
		memcpy(set->data, data, len);
	if (ioctl(v->fd, VFIO_DEVICE_SET_IRQS, set))
		ret = -errno;
	free(set);
	return ret;
}

int vdev_irq_eventfds(struct vdev *v, uint32_t index, uint32_t start,
		      uint32_t count, const int32_t *fds)
{
	return vdev_irq_set(v, index,
			    VFIO_IRQ_SET_DATA_EVENTFD |
			    VFIO_IRQ_SET_ACTION_TRIGGER,
			    start, count, fds, count * sizeof(*fds));
}

int vdev_irq_disable(struct vdev *v, uint32_t index)
{
	return vdev_irq_set(v, index,
			    VFIO_IRQ_SET_DATA_NONE |
			    VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0, NULL, 0);
}

/* The eventfd's count, or 0 if nothing was signalled within @ms. */
int event_wait(int fd, int ms)
{
	uint64_t count;
	int ret = wait_readable(fd, ms);

	if (ret <= 0)
		return ret;
	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return -errno;
	return count;
}
