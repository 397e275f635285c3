/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_UAPI_LINUX_VFIO_H
#define COMPAT_UAPI_LINUX_VFIO_H

/* enum vfio_device_mig_state begins with ERROR; these come before it. */
#ifdef COMPAT_NO_PRE_COPY
#define VFIO_DEVICE_STATE_ERROR			\
	VFIO_DEVICE_STATE_PRE_COPY = 6,		\
	VFIO_DEVICE_STATE_PRE_COPY_P2P = 7,	\
	VFIO_DEVICE_STATE_ERROR
#endif

#include_next <uapi/linux/vfio.h>

#ifdef COMPAT_NO_PRE_COPY
#undef VFIO_DEVICE_STATE_ERROR

/* Never offered, so that vfio_mig_get_next_state() refuses the states. */
#define VFIO_MIGRATION_PRE_COPY		0

struct vfio_precopy_info {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 initial_bytes;
	__aligned_u64 dirty_bytes;
};

#define VFIO_MIG_GET_PRECOPY_INFO	_IO(VFIO_TYPE, VFIO_BASE + 21)
#endif

#ifdef COMPAT_NO_STATE_NR
#define VFIO_DEVICE_STATE_NR		8
#endif

#ifndef VFIO_PRECOPY_INFO_REINIT
#define VFIO_PRECOPY_INFO_REINIT	1
#endif

#ifndef VFIO_DEVICE_FEATURE_MIG_DATA_SIZE
struct vfio_device_feature_mig_data_size {
	__aligned_u64 stop_copy_length;
};

#define VFIO_DEVICE_FEATURE_MIG_DATA_SIZE	9
#endif

#endif /* COMPAT_UAPI_LINUX_VFIO_H */
