/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDM_IRQ_H
#define MDM_IRQ_H

#include <linux/eventfd.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

struct mdev_migrate_worker;
struct mdm_unmask;

/**
 * struct mdm_vectors - the vectors of MSI or of MSI-X
 * @ctxs: what to signal, by vector
 * @pending: vectors that were raised and not signalled
 * @nr: how many there are, 0 while the device is closed
 * @on: userspace has set them up
 * @nr_on: the first so many, when it did
 * @masked: of the first 32, those that the guest has masked (MSI only)
 */
struct mdm_vectors {
	struct eventfd_ctx **ctxs;
	unsigned long *pending;
	unsigned int nr;
	bool on;
	unsigned int nr_on;
	u32 masked;
};

/**
 * struct mdm_irqs - a device's interrupts
 * @set_lock: guards @intx_on. One VFIO_DEVICE_SET_IRQS at a time: each may make a thread,
 *	for which the host has few locks
 * @signal_lock: held while an eventfd is signalled without @lock
 * @worker: signals what takes long, or NULL if the driver has no threads
 * @work: its work
 * @lock: guards all below but @intx_on, and what @msi and @msix point to; taken in any
 *	context
 * @paid_at: when what slow signals have cost those who raise interrupts will be no more
 *	than their share of the time (ktime_get_mono_fast_ns())
 * @stopped: the device is: what is raised waits for mdev_migrate_pci_start()
 * @msi: MSI
 * @msix: MSI-X
 * @has_intx: there is an INTx line
 * @intx_on: userspace has set it up
 * @intx: what to signal for it
 * @unmask: the eventfd that unmasks it, or NULL
 * @intx_level: the model's line
 * @intx_masked: by userspace, or by having been signalled
 * @intx_disabled: by the PCI command register
 * @request: what to signal when the device shall be released
 * @error: what to signal when it is broken, which does not happen
 */
struct mdm_irqs {
	struct mutex set_lock; /* VFIO_DEVICE_SET_IRQS */
	struct mutex signal_lock; /* signalling without lock */
	struct mdev_migrate_worker *worker;
	struct kthread_work work;
	spinlock_t lock; /* all below but intx_on */
	u64 paid_at __guarded_by(&lock);
	bool stopped __guarded_by(&lock);
	struct mdm_vectors msi __guarded_by(&lock);
	struct mdm_vectors msix __guarded_by(&lock);
	bool has_intx __guarded_by(&lock);
	bool intx_on __guarded_by(&set_lock);
	struct eventfd_ctx *intx __guarded_by(&lock);
	struct mdm_unmask *unmask __guarded_by(&lock);
	bool intx_level __guarded_by(&lock);
	bool intx_masked __guarded_by(&lock);
	bool intx_disabled __guarded_by(&lock);
	struct eventfd_ctx *request __guarded_by(&lock);
	struct eventfd_ctx *error __guarded_by(&lock);
};

/* Whether a vector can be signalled that is raised. */
static inline bool mdm_vector_is_ready(const struct mdm_vectors *vectors,
				       unsigned int i)
{
	return vectors->ctxs[i] && !(i < 32 && vectors->masked & BIT(i));
}

/* MSI, to be passed on. */
static inline struct mdm_vectors *mdm_msi(struct mdm_irqs *irqs)
{
	/* Only where it is: what is in it is guarded as it is. */
	return context_unsafe(&irqs->msi);
}

/* Likewise MSI-X. */
static inline struct mdm_vectors *mdm_msix(struct mdm_irqs *irqs)
{
	/* As above. */
	return context_unsafe(&irqs->msix);
}

/* irq.c */
bool mdm_intx_is_ready(const struct mdm_irqs *irqs)
	__must_hold(&irqs->lock);

/* irq_signal.c */
bool mdm_irq_signal(struct mdm_irqs *irqs, struct eventfd_ctx *ctx)
	__must_hold(&irqs->lock);
void mdm_irqs_flush(struct mdm_irqs *irqs);
void mdm_irqs_flush_intx(struct mdm_irqs *irqs);
void mdm_irqs_sync(struct mdm_irqs *irqs);

/* irq_unmask.c */
void mdm_unmask_destroy(struct mdm_unmask *unmask);

#endif /* MDM_IRQ_H */
