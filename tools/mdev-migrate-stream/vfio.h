/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device, opened as a VMM would, and its migration states. The kernel's
 * interface is written down here since the headers of older distributions lack
 * half of it.
 */
#ifndef MDEV_MIGRATE_VFIO_H
#define MDEV_MIGRATE_VFIO_H

#include <limits.h>
#include <linux/types.h>

#include "../common/util.h"

enum mig_state {
	MIG_ERROR,
	MIG_STOP,
	MIG_RUNNING,
	MIG_STOP_COPY,
	MIG_RESUMING,
	MIG_RUNNING_P2P,
	MIG_PRE_COPY,
	MIG_PRE_COPY_P2P,
	MIG_NR,
};

#define MIG_HAS_STOP_COPY	(1 << 0)
#define MIG_HAS_P2P		(1 << 1)
#define MIG_HAS_PRE_COPY	(1 << 2)

/**
 * struct vfio_dev - an open device
 * @name: UUID, or BUS/NAME if it is no mdev
 * @on_bus: what its bus and VFIO call it: UUID or NAME
 * @dir: its folder in sysfs
 * @how: "iommufd" or "container"
 * @fd: the device
 * @iommu_fd: iommufd or container
 * @group_fd: group, or -1
 */
struct vfio_dev {
	const char *name;
	const char *on_bus;
	char dir[PATH_MAX];
	const char *how;
	int fd;
	int iommu_fd;
	int group_fd;
};

/* 0, or DONE_ERROR and a complaint */
int vfio_open(struct vfio_dev *dev, const char *name, const char *sysfs);
void vfio_close(struct vfio_dev *dev);

/* All return 0 or more, or a negative errno. */
int vfio_reset(struct vfio_dev *dev);
int vfio_has_reset(struct vfio_dev *dev);
int vfio_has_dma_logging(struct vfio_dev *dev);
int vfio_mig_flags(struct vfio_dev *dev, uint64_t *flags);
int vfio_mig_data_size(struct vfio_dev *dev, uint64_t *size);
int vfio_mig_get(struct vfio_dev *dev);
int vfio_mig_set(struct vfio_dev *dev, enum mig_state state, int *data_fd);
const char *vfio_mig_name(int state);

char *vfio_last_error(struct arena *arena, const struct vfio_dev *dev);

#endif /* MDEV_MIGRATE_VFIO_H */
