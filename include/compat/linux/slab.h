/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_LINUX_SLAB_H
#define COMPAT_LINUX_SLAB_H

#include_next <linux/slab.h>

#ifndef kzalloc_obj
#define compat_second(first, second, ...)	second
/* The flags are optional, as with the kernel's. */
#define kzalloc_obj(var_or_type, ...)				\
	kzalloc(sizeof(typeof(var_or_type)),			\
		compat_second(, ##__VA_ARGS__, GFP_KERNEL))
#endif

#endif /* COMPAT_LINUX_SLAB_H */
