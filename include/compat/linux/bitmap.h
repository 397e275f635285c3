/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_LINUX_BITMAP_H
#define COMPAT_LINUX_BITMAP_H

#include_next <linux/bitmap.h>

#ifdef COMPAT_NO_FREE_BITMAP
#include <linux/cleanup.h>

DEFINE_FREE(bitmap, unsigned long *, if (_T) bitmap_free(_T))
#endif

#endif /* COMPAT_LINUX_BITMAP_H */
