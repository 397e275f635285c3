/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDM_WORKER_H
#define MDM_WORKER_H

#include <linux/kthread.h>
#include <linux/mdev_migrate/memory.h>

/**
 * struct mdev_migrate_worker - a thread that works for a device
 * @mem: the device's guest memory
 * @kworker: the thread and its work
 * @setup: what it does first
 */
struct mdev_migrate_worker {
	struct mdev_migrate_memory *mem;
	struct kthread_worker *kworker;
	struct kthread_work setup;
};

#endif /* MDM_WORKER_H */
