// SPDX-License-Identifier: GPL-2.0-only
/*
 * An eventfd that unmasks the INTx line: whoever emulates the guest's interrupt
 * controller, as KVM with a resampling irqfd, signals it at the end of an
 * interrupt, and no VMM has to be asked.
 */
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "irq.h"

/**
 * struct mdm_unmask - an eventfd that unmasks
 * @irqs: what it unmasks
 * @ctx: the eventfd
 * @wait: our entry of its wait queue
 * @poll: puts @wait there
 * @work: unmasks; the line's own eventfd cannot be signalled from a wakeup
 */
struct mdm_unmask {
	struct mdm_irqs *irqs;
	struct eventfd_ctx *ctx;
	wait_queue_entry_t wait;
	poll_table poll;
	struct work_struct work;
};

static void mdm_unmask_work(struct work_struct *work)
{
	struct mdm_unmask *unmask = container_of(work, struct mdm_unmask, work);
	struct mdm_irqs *irqs = unmask->irqs;

	spin_lock_irq(&irqs->lock);
	irqs->intx_masked = false;
	mdm_irqs_flush(irqs);
	spin_unlock_irq(&irqs->lock);
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
		schedule_work(&unmask->work);
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
 * @irqs: the interrupts; they stay until mdm_unmask_destroy()
 * @fd: the eventfd
 *
 * Context: May sleep.
 * Return: what mdm_unmask_destroy() takes, or -EBADF or -EINVAL if @fd is no
 * eventfd, -ENOMEM.
 */
struct mdm_unmask *mdm_unmask_create(struct mdm_irqs *irqs, int fd)
{
	struct mdm_unmask *unmask;
	struct file *file;

	file = eventfd_fget(fd);
	if (IS_ERR(file))
		return ERR_CAST(file);
	unmask = kzalloc_obj(*unmask, GFP_KERNEL_ACCOUNT);
	if (!unmask) {
		fput(file);
		return ERR_PTR(-ENOMEM);
	}
	unmask->irqs = irqs;
	unmask->ctx = eventfd_ctx_fileget(file);
	INIT_WORK(&unmask->work, mdm_unmask_work);
	init_waitqueue_func_entry(&unmask->wait, mdm_unmask_wakeup);
	init_poll_funcptr(&unmask->poll, mdm_unmask_queue);
	/* It may have been signalled before we came. */
	if (vfs_poll(file, &unmask->poll) & EPOLLIN)
		schedule_work(&unmask->work);
	fput(file);
	return unmask;
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
	cancel_work_sync(&unmask->work);
	eventfd_ctx_put(unmask->ctx);
	kfree(unmask);
}
