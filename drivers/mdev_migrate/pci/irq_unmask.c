// SPDX-License-Identifier: GPL-2.0-only
/*
 * An eventfd that unmasks the INTx line: whoever emulates the guest's interrupt
 * controller, as KVM with a resampling irqfd, signals it at the end of an
 * interrupt, and no VMM has to be asked.
 *
 * A thread of the device's does it, in its user's control group: two devices whose
 * lines and unmaskings are each other's eventfds go on for ever.
 */
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "pci.h"

/**
 * struct mdm_unmask - an eventfd that unmasks
 * @pci: whose line it unmasks
 * @ctx: the eventfd
 * @wait: our entry of its wait queue
 * @poll: puts @wait there
 * @worker: unmasks; the line's own eventfd cannot be signalled from a wakeup
 * @work: its work
 */
struct mdm_unmask {
	struct mdev_migrate_pci *pci;
	struct eventfd_ctx *ctx;
	wait_queue_entry_t wait;
	poll_table poll;
	struct mdev_migrate_worker *worker;
	struct kthread_work work;
};

static void mdm_unmask_work(struct kthread_work *work)
{
	struct mdm_unmask *unmask = container_of(work, struct mdm_unmask, work);
	struct mdm_irqs *irqs = &unmask->pci->irqs;

	spin_lock_irq(&irqs->lock);
	irqs->intx_masked = false;
	spin_unlock_irq(&irqs->lock);
	mdm_irqs_flush_intx(irqs);
}

static void queue(struct mdm_unmask *unmask)
{
	unmask->pci->ops->worker_queue(unmask->worker, &unmask->work);
}

/* Under the lock of the eventfd's wait queue. */
static int mdm_unmask_wakeup(wait_queue_entry_t *wait, unsigned int mode,
			     int sync, void *key)
{
	struct mdm_unmask *unmask = container_of(wait, struct mdm_unmask, wait);
	u64 count;

	/* Its file may have been closed: then it is silent from here on. */
	if (key_to_poll(key) & EPOLLIN) {
		eventfd_ctx_do_read(unmask->ctx, &count);
		queue(unmask);
	}
	return 0;
}

static void mdm_unmask_queue(struct file *file, wait_queue_head_t *queue,
			     poll_table *poll)
{
	struct mdm_unmask *unmask = container_of(poll, struct mdm_unmask, poll);

	add_wait_queue(queue, &unmask->wait);
}

/**
 * mdm_unmask_create - unmask the INTx line whenever an eventfd is signalled
 * @pci: the PCI function; its interrupts stay until mdm_unmask_destroy()
 * @fd: the eventfd
 *
 * Context: May sleep. In the context of the device's user.
 * Return: what mdm_unmask_destroy() takes, or -EBADF or -EINVAL if @fd is no
 * eventfd, -ENOTTY if the driver has no threads, or why there can be none.
 */
struct mdm_unmask *mdm_unmask_create(struct mdev_migrate_pci *pci, int fd)
{
	struct mdm_unmask *unmask;
	struct file *file;
	int ret = -ENOMEM;

	file = eventfd_fget(fd);
	if (IS_ERR(file))
		return ERR_CAST(file);
	if (!pci->ops->worker_create) {
		ret = -ENOTTY;
		goto put;
	}
	unmask = kzalloc_obj(*unmask, GFP_KERNEL_ACCOUNT);
	if (!unmask)
		goto put;
	unmask->worker = pci->ops->worker_create(pci->context, "unmask");
	if (IS_ERR(unmask->worker)) {
		ret = PTR_ERR(unmask->worker);
		kfree(unmask);
		goto put;
	}
	unmask->pci = pci;
	unmask->ctx = eventfd_ctx_fileget(file);
	kthread_init_work(&unmask->work, mdm_unmask_work);
	init_waitqueue_func_entry(&unmask->wait, mdm_unmask_wakeup);
	init_poll_funcptr(&unmask->poll, mdm_unmask_queue);
	/* It may have been signalled before we came. */
	if (vfs_poll(file, &unmask->poll) & EPOLLIN)
		queue(unmask);
	fput(file);
	return unmask;

put:
	fput(file);
	return ERR_PTR(ret);
}

/**
 * mdm_unmask_destroy - no longer
 * @unmask: of mdm_unmask_create(), or NULL
 *
 * Context: Sleeps until it is not at work; without the lock of the interrupts.
 */
void mdm_unmask_destroy(struct mdm_unmask *unmask)
{
	u64 count;

	if (!unmask)
		return;
	eventfd_ctx_remove_wait_queue(unmask->ctx, &unmask->wait, &count);
	unmask->pci->ops->worker_destroy(unmask->worker);
	eventfd_ctx_put(unmask->ctx);
	kfree(unmask);
}
