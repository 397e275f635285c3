// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who signals an eventfd. That takes as long as its owner likes: he can have any
 * number of waiters on it, each of which is woken with interrupts off.
 *
 * Whoever raises an interrupt signals it there and then, under irqs->lock. He can be
 * anybody, such as a sender on the host. So signals that are slow may take him a
 * hundredth of the time and no more; beyond that the interrupt is pending, and a
 * thread of the device's signals, which runs in its user's control groups. It does
 * not matter which eventfd was slow or when: a user can change that from one interrupt to
 * the next.
 *
 * Who may sleep, which is that thread and the user's own calls, signals under
 * signal_lock instead, one eventfd at a time, so that nobody who raises an interrupt
 * waits for irqs->lock meanwhile.
 */
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "pci.h"

/* What a signal may take. Waking one who sleeps on another processor takes less. */
#define SLOW_NS		(25 * NSEC_PER_USEC)
/* Slow signals get one part in so many of the time of those who raise interrupts. */
#define SHARE		100
/* And so much in advance: a processor can be away for a moment. */
#define ADVANCE_NS	(5 * NSEC_PER_MSEC)

static struct mdev_migrate_pci *to_pci(struct mdm_irqs *irqs)
{
	return container_of(irqs, struct mdev_migrate_pci, irqs);
}

static void hand_over(struct mdm_irqs *irqs)
{
	to_pci(irqs)->ops->worker_queue(irqs->worker, &irqs->work);
}

/**
 * mdm_irq_signal - signal an eventfd in the context of whoever raises an interrupt
 * @irqs: the interrupts
 * @ctx: the eventfd
 *
 * Context: Any; @irqs->lock held.
 * Return: false if it was not signalled, and the device's thread is to do it: the
 * caller leaves the interrupt pending.
 */
bool mdm_irq_signal(struct mdm_irqs *irqs, struct eventfd_ctx *ctx)
{
	u64 start = ktime_get_mono_fast_ns(), ns;

	lockdep_assert_held(&irqs->lock);
	if (unlikely(irqs->paid_at > start + SHARE * ADVANCE_NS)) {
		hand_over(irqs);
		return false;
	}
	eventfd_signal(ctx);
	ns = ktime_get_mono_fast_ns() - start;
	if (unlikely(ns > SLOW_NS) && irqs->worker)
		irqs->paid_at = max(irqs->paid_at, start) + SHARE * ns;
	return true;
}

/* The next vector from @at on that is pending and can be signalled, or NULL. */
static struct eventfd_ctx *take_vector(struct mdm_irqs *irqs,
				       struct mdm_vectors *vectors,
				       unsigned int *at)
{
	lockdep_assert_held(&irqs->lock);
	for_each_set_bit_from(*at, vectors->pending, vectors->nr) {
		if (!mdm_vector_is_ready(vectors, *at))
			continue;
		__clear_bit(*at, vectors->pending);
		return vectors->ctxs[*at];
	}
	return NULL;
}

static bool flush_vector(struct mdm_irqs *irqs, struct mdm_vectors *vectors,
			 unsigned int *at)
{
	struct eventfd_ctx *ctx = NULL;

	guard(mutex)(&irqs->signal_lock);
	spin_lock_irq(&irqs->lock);
	if (!irqs->stopped)
		ctx = take_vector(irqs, vectors, at);
	spin_unlock_irq(&irqs->lock);
	if (ctx)
		eventfd_signal(ctx);
	return ctx;
}

/*
 * Each vector once: what is raised meanwhile was signalled, or the device's thread has
 * it to do. Returns false if the caller was killed.
 */
static bool flush_vectors(struct mdm_irqs *irqs, struct mdm_vectors *vectors)
{
	unsigned int at = 0;

	while (flush_vector(irqs, vectors, &at)) {
		if (fatal_signal_pending(current))
			return false;
		cond_resched();
		at++;
	}
	return true;
}

/**
 * mdm_irqs_flush_intx - signal INTx if the line is asserted and that can be done
 * @irqs: the interrupts
 *
 * Context: May sleep.
 */
void mdm_irqs_flush_intx(struct mdm_irqs *irqs)
{
	struct eventfd_ctx *ctx = NULL;

	guard(mutex)(&irqs->signal_lock);
	spin_lock_irq(&irqs->lock);
	if (mdm_intx_is_ready(irqs)) {
		/* A level: userspace unmasks when the guest has dealt with it. */
		irqs->intx_masked = true;
		ctx = irqs->intx;
	}
	spin_unlock_irq(&irqs->lock);
	if (ctx)
		eventfd_signal(ctx);
}

static bool flush_all(struct mdm_irqs *irqs)
{
	mdm_irqs_flush_intx(irqs);
	return flush_vectors(irqs, mdm_msi(irqs)) &&
	       flush_vectors(irqs, mdm_msix(irqs));
}

/**
 * mdm_irqs_flush - signal what is pending and can be
 * @irqs: the interrupts
 *
 * Context: May sleep; without @irqs->lock. If the caller is killed, the device's
 * thread does the rest.
 */
void mdm_irqs_flush(struct mdm_irqs *irqs)
{
	if (!flush_all(irqs) && irqs->worker)
		hand_over(irqs);
}

static void signal_work(struct kthread_work *work)
{
	flush_all(container_of(work, struct mdm_irqs, work));
}

/**
 * mdm_irqs_sync - wait for whoever signals without irqs->lock
 * @irqs: the interrupts
 *
 * An eventfd that was taken off before is not signalled any more, nor any one if the
 * device was stopped before.
 *
 * Context: May sleep, for as long as it takes to signal one eventfd.
 */
void mdm_irqs_sync(struct mdm_irqs *irqs)
{
	mutex_lock(&irqs->signal_lock);
	mutex_unlock(&irqs->signal_lock);
}

/**
 * mdm_irqs_open - make the thread that signals what takes long
 * @pci: the PCI function of a device that is being opened
 *
 * Not all drivers have threads: without one, whoever raises an interrupt signals it.
 *
 * Context: May sleep; in the context of the device's user.
 * Return: 0, or why there can be none.
 */
int mdm_irqs_open(struct mdev_migrate_pci *pci)
{
	const struct mdev_migrate_pci_desc *desc = &pci->desc;
	struct mdev_migrate_worker *worker;

	if (!pci->ops->worker_create ||
	    !(desc->intx || desc->msi_vectors || desc->msix_vectors))
		return 0;
	worker = pci->ops->worker_create(pci->context, "signal");
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	kthread_init_work(&pci->irqs.work, signal_work);
	pci->irqs.worker = worker;
	return 0;
}

/**
 * mdm_irqs_close - undo mdm_irqs_open()
 * @pci: the PCI function of a device that is being closed; there is nothing to
 *	signal any more
 *
 * Context: May sleep.
 */
void mdm_irqs_close(struct mdev_migrate_pci *pci)
{
	if (pci->irqs.worker)
		pci->ops->worker_destroy(pci->irqs.worker);
	pci->irqs.worker = NULL;
	/* Whoever has the device next has other eventfds. */
	scoped_guard(spinlock_irq, &pci->irqs.lock)
		pci->irqs.paid_at = 0;
}
