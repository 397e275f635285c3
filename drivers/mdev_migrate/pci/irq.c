// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts as eventfds. An interrupt that cannot be signalled, because the
 * device is stopped or nobody listens yet, stays pending.
 */
#include <linux/bitmap.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "pci.h"

static void vectors_free(struct mdm_vectors *vectors)
{
	unsigned int i;

	for (i = 0; i < vectors->nr; i++) {
		if (vectors->ctxs[i])
			eventfd_ctx_put(vectors->ctxs[i]);
	}
	kfree(vectors->ctxs);
	bitmap_free(vectors->pending);
}

static int vectors_alloc(struct mdm_vectors *vectors, unsigned int nr)
{
	*vectors = (struct mdm_vectors) {
		.ctxs = kcalloc(nr, sizeof(*vectors->ctxs), GFP_KERNEL_ACCOUNT),
		.pending = bitmap_zalloc(nr, GFP_KERNEL_ACCOUNT),
	};
	if (!vectors->ctxs || !vectors->pending) {
		vectors_free(vectors);
		return -ENOMEM;
	}
	vectors->nr = nr;
	return 0;
}

/**
 * mdev_migrate_pci_open - the device is being opened
 * @pci: its PCI function, which is described: mdev_migrate_pci_init()
 *
 * Context: May sleep; in the context of the device's user.
 * Return: 0, -ENOMEM, or why the driver has no thread for it.
 */
int mdev_migrate_pci_open(struct mdev_migrate_pci *pci)
{
	const struct mdev_migrate_pci_desc *desc = &pci->desc;
	struct mdm_irqs *irqs = &pci->irqs;
	struct mdm_vectors msi, msix;
	int ret;

	ret = vectors_alloc(&msix, desc->msix_vectors);
	if (ret)
		return ret;
	ret = vectors_alloc(&msi, desc->msi_vectors);
	if (ret)
		goto free_msix;
	ret = mdm_irqs_open(pci);
	if (ret)
		goto free_msi;
	spin_lock_irq(&irqs->lock);
	irqs->msi = msi;
	irqs->msix = msix;
	irqs->has_intx = desc->intx;
	irqs->stopped = false;
	spin_unlock_irq(&irqs->lock);
	return 0;

free_msi:
	vectors_free(&msi);
free_msix:
	vectors_free(&msix);
	return ret;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_open);

/* Nobody else has them. */
static void irqs_free(struct mdm_irqs *irqs)
	__context_unsafe(/* a copy */)
{
	vectors_free(&irqs->msi);
	vectors_free(&irqs->msix);
	if (irqs->intx)
		eventfd_ctx_put(irqs->intx);
	if (irqs->request)
		eventfd_ctx_put(irqs->request);
	if (irqs->error)
		eventfd_ctx_put(irqs->error);
}

/**
 * mdev_migrate_pci_close - the device is being closed, or could not be opened
 * @pci: its PCI function, which nobody accesses; no interrupt is raised any more
 *
 * Also undoes mdev_migrate_pci_init().
 *
 * Context: May sleep.
 */
void mdev_migrate_pci_close(struct mdev_migrate_pci *pci)
	__context_unsafe(/* nobody sets interrupts up any more */)
{
	struct mdm_irqs *irqs = &pci->irqs;
	struct mdm_irqs old;

	spin_lock_irq(&irqs->lock);
	old = *irqs;
	irqs->msi = (struct mdm_vectors) {};
	irqs->msix = (struct mdm_vectors) {};
	irqs->has_intx = false;
	irqs->intx_on = false;
	irqs->intx = NULL;
	irqs->unmask = NULL;
	irqs->intx_level = false;
	irqs->intx_masked = false;
	irqs->intx_disabled = false;
	irqs->request = NULL;
	irqs->error = NULL;
	spin_unlock_irq(&irqs->lock);

	mdm_unmask_destroy(old.unmask);
	/* It finds nothing to do; whom it signals is not freed before. */
	mdm_irqs_close(pci);
	irqs_free(&old);
	mdm_pci_forget(pci);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_close);

static void raise_vector(struct mdm_irqs *irqs, struct mdm_vectors *vectors,
			 unsigned int vector)
{
	unsigned long flags;

	spin_lock_irqsave(&irqs->lock, flags);
	if (vector < vectors->nr) {
		if (irqs->stopped || !mdm_vector_is_ready(vectors, vector) ||
		    !mdm_irq_signal(irqs, vectors->ctxs[vector]))
			__set_bit(vector, vectors->pending);
	}
	spin_unlock_irqrestore(&irqs->lock, flags);
}

/**
 * mdev_migrate_msi_raise - raise an MSI vector
 * @pci: the device's PCI function
 * @vector: which; one that does not exist is ignored
 *
 * Context: Any. If the device is stopped, nobody listens or the guest has masked
 * it, the vector stays pending. It is in a stream only if it can be masked.
 */
void mdev_migrate_msi_raise(struct mdev_migrate_pci *pci, unsigned int vector)
{
	raise_vector(&pci->irqs, mdm_msi(&pci->irqs), vector);
}
EXPORT_SYMBOL_GPL(mdev_migrate_msi_raise);

/**
 * mdev_migrate_msix_raise - raise an MSI-X vector
 * @pci: the device's PCI function
 * @vector: which; one that does not exist is ignored, as VIRTIO_MSI_NO_VECTOR
 *
 * Context: Any. If the device is stopped or nobody listens, the vector stays
 * pending.
 */
void mdev_migrate_msix_raise(struct mdev_migrate_pci *pci, unsigned int vector)
{
	raise_vector(&pci->irqs, mdm_msix(&pci->irqs), vector);
}
EXPORT_SYMBOL_GPL(mdev_migrate_msix_raise);

/**
 * mdm_intx_is_ready - is the INTx line to be signalled?
 * @irqs: the interrupts
 *
 * Context: Any; @irqs->lock held.
 * Return: whether.
 */
bool mdm_intx_is_ready(const struct mdm_irqs *irqs)
{
	lockdep_assert_held(&irqs->lock);
	return irqs->intx_level && irqs->intx && !irqs->stopped &&
	       !irqs->intx_masked && !irqs->intx_disabled;
}

/**
 * mdev_migrate_intx_set - set the INTx line
 * @pci: the device's PCI function
 * @level: asserted or not
 *
 * Context: Any.
 */
void mdev_migrate_intx_set(struct mdev_migrate_pci *pci, bool level)
{
	struct mdm_irqs *irqs = &pci->irqs;
	unsigned long flags;

	spin_lock_irqsave(&irqs->lock, flags);
	irqs->intx_level = level && irqs->has_intx;
	/* A level: userspace unmasks when the guest has dealt with it. */
	if (mdm_intx_is_ready(irqs))
		irqs->intx_masked = mdm_irq_signal(irqs, irqs->intx);
	spin_unlock_irqrestore(&irqs->lock, flags);
}
EXPORT_SYMBOL_GPL(mdev_migrate_intx_set);

/**
 * mdev_migrate_msix_enabled - does the device use MSI-X, or INTx?
 * @pci: the PCI function of a device that is open
 *
 * Context: Any.
 * Return: whether the guest has enabled MSI-X in configuration space or
 * userspace has set it up for it.
 */
bool mdev_migrate_msix_enabled(struct mdev_migrate_pci *pci)
{
	__le16 control = 0;

	if (READ_ONCE(mdm_msix(&pci->irqs)->on))
		return true;
	if (pci->msix_cap)
		mdev_migrate_pci_get(pci, pci->msix_cap + PCI_MSIX_FLAGS,
				     &control, sizeof(control));
	return le16_to_cpu(control) & PCI_MSIX_FLAGS_ENABLE;
}
EXPORT_SYMBOL_GPL(mdev_migrate_msix_enabled);

/**
 * mdev_migrate_pci_stop - the device leaves RUNNING: no interrupt from here on
 * @pci: the device's PCI function
 *
 * Context: May sleep.
 */
void mdev_migrate_pci_stop(struct mdev_migrate_pci *pci)
{
	struct mdm_irqs *irqs = &pci->irqs;

	/* What waits for the thread: not everything travels that is pending. */
	mdm_irqs_flush(irqs);
	spin_lock_irq(&irqs->lock);
	irqs->stopped = true;
	spin_unlock_irq(&irqs->lock);
	mdm_irqs_sync(irqs);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_stop);

/**
 * mdev_migrate_pci_start - the device enters RUNNING: raise what is pending
 * @pci: the device's PCI function
 *
 * Context: May sleep.
 */
void mdev_migrate_pci_start(struct mdev_migrate_pci *pci)
{
	spin_lock_irq(&pci->irqs.lock);
	pci->irqs.stopped = false;
	spin_unlock_irq(&pci->irqs.lock);
	mdm_irqs_flush(&pci->irqs);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_start);

/**
 * mdm_irqs_reset - the device is reset: nothing is pending
 * @pci: the device's PCI function
 *
 * What userspace has set up stays.
 */
void mdm_irqs_reset(struct mdev_migrate_pci *pci)
{
	struct mdm_irqs *irqs = &pci->irqs;

	spin_lock_irq(&irqs->lock);
	irqs->stopped = false;
	irqs->intx_level = false;
	bitmap_zero(irqs->msix.pending, irqs->msix.nr);
	spin_unlock_irq(&irqs->lock);
}

/**
 * mdm_irqs_config - INTx disable or MSI's mask bits may have changed
 * @pci: the PCI function of a device that is open
 *
 * Context: May sleep. Takes the lock of configuration space inside of the interrupts'.
 */
void mdm_irqs_config(struct mdev_migrate_pci *pci)
{
	struct mdm_irqs *irqs = &pci->irqs;

	spin_lock_irq(&irqs->lock);
	irqs->intx_disabled = mdev_migrate_pci_command(pci) &
			      PCI_COMMAND_INTX_DISABLE;
	spin_lock(&pci->lock);
	irqs->msi.masked = mdm_msi_mask(pci);
	spin_unlock(&pci->lock);
	spin_unlock_irq(&irqs->lock);
	mdm_irqs_flush(irqs);
}

/**
 * mdm_irqs_intx_level - the INTx line
 * @pci: the device's PCI function
 *
 * Return: whether it is asserted.
 */
bool mdm_irqs_intx_level(struct mdev_migrate_pci *pci)
{
	/* Of the moment. */
	return context_unsafe(READ_ONCE(pci->irqs.intx_level));
}

/**
 * mdm_irqs_msix_pending - is a vector pending?
 * @pci: the device's PCI function
 * @vector: which; may be out of range
 *
 * Return: whether.
 */
bool mdm_irqs_msix_pending(struct mdev_migrate_pci *pci, unsigned int vector)
{
	struct mdm_irqs *irqs = &pci->irqs;
	bool pending;

	spin_lock_irq(&irqs->lock);
	pending = vector < irqs->msix.nr &&
		  test_bit(array_index_nospec(vector, irqs->msix.nr),
			   irqs->msix.pending);
	spin_unlock_irq(&irqs->lock);
	return pending;
}

/**
 * mdm_irqs_set_pending - take pending vectors over from a stream
 * @pci: the device's PCI function, stopped
 * @vectors: its vectors of MSI or MSI-X
 * @bits: a bit a vector
 */
void mdm_irqs_set_pending(struct mdev_migrate_pci *pci,
			  struct mdm_vectors *vectors, const u8 *bits)
{
	unsigned int i;

	spin_lock_irq(&pci->irqs.lock);
	for (i = 0; i < vectors->nr; i++)
		__assign_bit(i, vectors->pending,
			     bits[i / 8] & (1 << (i % 8)));
	spin_unlock_irq(&pci->irqs.lock);
}

/**
 * mdev_migrate_pci_request - ask userspace to release the device
 * @pci: the device's PCI function
 *
 * For the driver's request() of struct vfio_device_ops.
 *
 * Context: May sleep.
 * Return: whether anybody listens.
 */
bool mdev_migrate_pci_request(struct mdev_migrate_pci *pci)
{
	struct mdm_irqs *irqs = &pci->irqs;
	struct eventfd_ctx *ctx;

	guard(mutex)(&irqs->signal_lock);
	spin_lock_irq(&irqs->lock);
	ctx = irqs->request;
	spin_unlock_irq(&irqs->lock);
	if (ctx)
		eventfd_signal(ctx);
	return ctx;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_request);
