/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_LINUX_COMPILER_H
#define COMPAT_LINUX_COMPILER_H

#include_next <linux/compiler.h>

/* Before compilers were told which lock guards what. */
#ifndef __guarded_by
#define __guarded_by(...)
#define __pt_guarded_by(...)
#define __acquires_shared(...)
#define __releases_shared(...)
#define __cond_releases(...)
#define __context_unsafe(comment)
/* An expression or a statement. */
#define context_unsafe(...)	({ __VA_ARGS__; })
/* It used to say of what only, not when. */
#undef __cond_acquires
#define __cond_acquires(...)
#endif

#endif /* COMPAT_LINUX_COMPILER_H */
