/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_LINUX_KTHREAD_H
#define COMPAT_LINUX_KTHREAD_H

#include_next <linux/kthread.h>

/* kthread_create_worker() used to start the thread, too. */
#ifndef kthread_run_worker
#define kthread_run_worker(flags, namefmt, ...) \
	kthread_create_worker(flags, namefmt, ## __VA_ARGS__)
#endif

#endif /* COMPAT_LINUX_KTHREAD_H */
