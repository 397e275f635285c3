/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_LINUX_IOVA_BITMAP_H
#define COMPAT_LINUX_IOVA_BITMAP_H

#include_next <linux/iova_bitmap.h>

/* Before it could be left out of a kernel, it was in each that has VFIO. */
#ifdef COMPAT_IOVA_BITMAP_ALWAYS
#define CONFIG_IOMMUFD_DRIVER 1
#endif

#endif /* COMPAT_LINUX_IOVA_BITMAP_H */
