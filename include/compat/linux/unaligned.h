/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_LINUX_UNALIGNED_H
#define COMPAT_LINUX_UNALIGNED_H

#ifdef COMPAT_NO_UNALIGNED_H
#include <asm/unaligned.h>
#else
#include_next <linux/unaligned.h>
#endif

#endif /* COMPAT_LINUX_UNALIGNED_H */
