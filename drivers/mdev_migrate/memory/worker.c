// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that work for an open device, instead of the host's workqueues: so
 * that what a guest has done costs its own processor time and what waits for
 * its pages keeps nobody else's work waiting.
 *
 * A worker is in the control groups of the process that opened the device. It
 * may wait for a page of that process's memory; mdev_migrate_worker_interrupt()
 * ends such a wait, with a signal.
 */
#include <linux/cgroup.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "dma.h"
#include "worker.h"

/* In the worker. */
static void worker_setup(struct kthread_work *work)
{
	allow_kernel_signal(SIGKILL);
}

#ifdef CONFIG_CGROUPS
/* It takes locks of the whole host: not if there is nothing to do. */
static bool worker_is_in_place(const struct task_struct *task)
{
	return rcu_access_pointer(task->cgroups) ==
	       rcu_access_pointer(current->cgroups);
}
#else
static bool worker_is_in_place(const struct task_struct *task)
{
	return true;
}
#endif

/**
 * mdev_migrate_worker_create - make a thread that works for a device
 * @mem: the device's guest memory, being opened
 * @name: what it is for, short
 *
 * Context: May sleep; in the context of the process that opens the device.
 * Return: the worker, or an ERR_PTR().
 */
struct mdev_migrate_worker *
mdev_migrate_worker_create(struct mdev_migrate_memory *mem, const char *name)
{
	struct mdev_migrate_worker *worker;
	int ret;

	worker = kzalloc_obj(*worker, GFP_KERNEL_ACCOUNT);
	if (!worker)
		return ERR_PTR(-ENOMEM);
	worker->mem = mem;
	worker->kworker = kthread_run_worker(0, "%s/%.8s", name,
					     dev_name(mem->vdev->dev));
	if (IS_ERR(worker->kworker)) {
		ret = PTR_ERR(worker->kworker);
		goto free;
	}
	kthread_init_work(&worker->setup, worker_setup);
	kthread_queue_work(worker->kworker, &worker->setup);
	if (!worker_is_in_place(worker->kworker->task)) {
		ret = cgroup_attach_task_all(current, worker->kworker->task);
		if (ret)
			goto destroy;
	}
	return worker;

destroy:
	kthread_destroy_worker(worker->kworker);
free:
	kfree(worker);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(mdev_migrate_worker_create);

static struct kthread_delayed_work *
worker_first_delayed(struct kthread_worker *kworker)
{
	struct kthread_work *work;

	guard(raw_spinlock_irq)(&kworker->lock);
	work = list_first_entry_or_null(&kworker->delayed_work_list,
					struct kthread_work, node);
	return work ? container_of(work, struct kthread_delayed_work, work) :
		      NULL;
}

/**
 * mdev_migrate_worker_destroy - undo mdev_migrate_worker_create()
 * @worker: the worker; nobody gives it work any more
 *
 * What it has is done; what waits for its time is not.
 *
 * Context: May sleep.
 */
void mdev_migrate_worker_destroy(struct mdev_migrate_worker *worker)
{
	struct kthread_delayed_work *work;

	/* What is done may ask to be done again, later. */
	kthread_flush_worker(worker->kworker);
	while ((work = worker_first_delayed(worker->kworker)))
		kthread_cancel_delayed_work_sync(work);
	kthread_destroy_worker(worker->kworker);
	kfree(worker);
}
EXPORT_SYMBOL_GPL(mdev_migrate_worker_destroy);

/**
 * mdev_migrate_worker_queue - give a worker something to do
 * @worker: the worker
 * @work: what; it does it once for all calls until it begins
 *
 * Context: Any.
 * Return: false if it had it to do already.
 */
bool mdev_migrate_worker_queue(struct mdev_migrate_worker *worker,
			       struct kthread_work *work)
{
	return kthread_queue_work(worker->kworker, work);
}
EXPORT_SYMBOL_GPL(mdev_migrate_worker_queue);

/**
 * mdev_migrate_worker_queue_delayed - give a worker something to do later
 * @worker: the worker
 * @work: what
 * @delay: in jiffies
 *
 * Context: Any.
 * Return: false if it had it to do already.
 */
bool mdev_migrate_worker_queue_delayed(struct mdev_migrate_worker *worker,
				       struct kthread_delayed_work *work,
				       unsigned long delay)
{
	return kthread_queue_delayed_work(worker->kworker, work, delay);
}
EXPORT_SYMBOL_GPL(mdev_migrate_worker_queue_delayed);

/**
 * mdev_migrate_worker_interrupt - a worker is not to wait for a page any longer
 * @worker: the worker
 *
 * If it waits for one at this time, its access to guest memory ends with
 * -EINTR. What it begins afterwards is not interrupted.
 *
 * Context: May sleep.
 */
void mdev_migrate_worker_interrupt(struct mdev_migrate_worker *worker)
{
	mdm_dma_interrupt(worker->mem, worker->kworker->task);
}
EXPORT_SYMBOL_GPL(mdev_migrate_worker_interrupt);

/**
 * mdev_migrate_worker_pause - no worker is to wait for a page for a while
 * @mem: the device's guest memory, open
 *
 * Accesses to guest memory that wait for one at this time end with -EINTR, and so
 * does what is begun in the next 20 ms, whoever does it, unless the page is at hand.
 * For a lock that one worker has and others hold up.
 *
 * Context: May sleep.
 */
void mdev_migrate_worker_pause(struct mdev_migrate_memory *mem)
{
	mdm_dma_pause(mem);
}
EXPORT_SYMBOL_GPL(mdev_migrate_worker_pause);
