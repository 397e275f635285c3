/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_LINUX_HEX_H
#define COMPAT_LINUX_HEX_H

#ifdef COMPAT_NO_HEX_H
#include <linux/kernel.h>
#else
#include_next <linux/hex.h>
#endif

#endif /* COMPAT_LINUX_HEX_H */
