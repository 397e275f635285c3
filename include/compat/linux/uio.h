/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_LINUX_UIO_H
#define COMPAT_LINUX_UIO_H

#include_next <linux/uio.h>

/* Before they had names of their own. */
#ifndef ITER_DEST
#define ITER_DEST	READ
#define ITER_SOURCE	WRITE
#endif

#endif /* COMPAT_LINUX_UIO_H */
