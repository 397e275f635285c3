/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_LINUX_EVENTFD_H
#define COMPAT_LINUX_EVENTFD_H

#include_next <linux/eventfd.h>

#ifdef COMPAT_EVENTFD_SIGNAL_COUNTS
static inline void compat_eventfd_signal(struct eventfd_ctx *ctx)
{
	eventfd_signal(ctx, 1);
}

#define eventfd_signal(ctx)	compat_eventfd_signal(ctx)
#endif

#endif /* COMPAT_LINUX_EVENTFD_H */
