// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts as eventfds. An interrupt that cannot be signalled, because the
 * device is stopped or nobody listens yet, stays pending.
 */
#include <linux/bitmap.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "pci.h"

/**
 * mdev_migrate_pci_open - the device is being opened
 * @pci: its PCI function, which is described: mdev_migrate_pci_init()
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM.
 */
int mdev_migrate_pci_open(struct mdev_migrate_pci *pci)
{
	const struct mdev_migrate_pci_desc *desc = &pci->desc;
	struct mdm_irqs *irqs = &pci->irqs;
	unsigned int nr = desc->msix_vectors;
	struct eventfd_ctx **msix;
	unsigned long *pending;

	msix = kcalloc(nr, sizeof(*msix), GFP_KERNEL_ACCOUNT);
	pending = bitmap_zalloc(nr, GFP_KERNEL_ACCOUNT);
	if (!msix || !pending) {
		kfree(msix);
		bitmap_free(pending);
		return -ENOMEM;
	}
	spin_lock_irq(&irqs->lock);
	irqs->msix = msix;
	irqs->pending = pending;
	irqs->nr_msix = nr;
	irqs->has_intx = desc->intx;
	irqs->stopped = false;
	spin_unlock_irq(&irqs->lock);
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_open);

/**
 * mdev_migrate_pci_close - the device is being closed, or could not be opened
 * @pci: its PCI function, which nobody accesses; no interrupt is raised any more
 *
 * Also undoes mdev_migrate_pci_init().
 *
 * Context: May sleep.
 */
void mdev_migrate_pci_close(struct mdev_migrate_pci *pci)
{
	struct mdm_irqs *irqs = &pci->irqs;
	struct mdm_irqs old;
	unsigned int i;

	spin_lock_irq(&irqs->lock);
	old = *irqs;
	irqs->msix = NULL;
	irqs->pending = NULL;
	irqs->nr_msix = 0;
	irqs->msix_on = false;
	irqs->has_intx = false;
	irqs->intx = NULL;
	irqs->unmask = NULL;
	irqs->intx_level = false;
	irqs->intx_masked = false;
	irqs->intx_disabled = false;
	irqs->request = NULL;
	irqs->error = NULL;
	spin_unlock_irq(&irqs->lock);

	mdm_unmask_destroy(old.unmask);
	for (i = 0; i < old.nr_msix; i++) {
		if (old.msix[i])
			eventfd_ctx_put(old.msix[i]);
	}
	if (old.intx)
		eventfd_ctx_put(old.intx);
	if (old.request)
		eventfd_ctx_put(old.request);
	if (old.error)
		eventfd_ctx_put(old.error);
	kfree(old.msix);
	bitmap_free(old.pending);
	mdm_pci_forget(pci);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_close);

/**
 * mdm_irqs_flush - signal what is pending and can be
 * @irqs: the interrupts
 *
 * Context: @irqs->lock held.
 */
void mdm_irqs_flush(struct mdm_irqs *irqs)
{
	unsigned int i;

	lockdep_assert_held(&irqs->lock);
	if (irqs->stopped)
		return;
	for_each_set_bit(i, irqs->pending, irqs->nr_msix) {
		if (!irqs->msix[i])
			continue;
		__clear_bit(i, irqs->pending);
		eventfd_signal(irqs->msix[i]);
	}
	if (irqs->intx_level && irqs->intx && !irqs->intx_masked &&
	    !irqs->intx_disabled) {
		/* A level: userspace unmasks when the guest has dealt with it. */
		irqs->intx_masked = true;
		eventfd_signal(irqs->intx);
	}
}

/**
 * mdev_migrate_msix_raise - raise a MSI-X vector
 * @pci: the device's PCI function
 * @vector: which; one that does not exist is ignored, as VIRTIO_MSI_NO_VECTOR
 *
 * Context: Any. If the device is stopped or nobody listens, the vector stays
 * pending.
 */
void mdev_migrate_msix_raise(struct mdev_migrate_pci *pci, unsigned int vector)
{
	struct mdm_irqs *irqs = &pci->irqs;
	unsigned long flags;

	spin_lock_irqsave(&irqs->lock, flags);
	if (vector < irqs->nr_msix) {
		if (!irqs->stopped && irqs->msix[vector])
			eventfd_signal(irqs->msix[vector]);
		else
			__set_bit(vector, irqs->pending);
	}
	spin_unlock_irqrestore(&irqs->lock, flags);
}
EXPORT_SYMBOL_GPL(mdev_migrate_msix_raise);

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
	mdm_irqs_flush(irqs);
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

	if (READ_ONCE(pci->irqs.msix_on))
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
	spin_lock_irq(&pci->irqs.lock);
	pci->irqs.stopped = true;
	spin_unlock_irq(&pci->irqs.lock);
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
	mdm_irqs_flush(&pci->irqs);
	spin_unlock_irq(&pci->irqs.lock);
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
	bitmap_zero(irqs->pending, irqs->nr_msix);
	spin_unlock_irq(&irqs->lock);
}

/**
 * mdm_irqs_command - the PCI command register's INTx disable bit may have changed
 * @pci: the PCI function of a device that is open
 *
 * Context: Takes the lock of configuration space inside of the interrupts'.
 */
void mdm_irqs_command(struct mdev_migrate_pci *pci)
{
	struct mdm_irqs *irqs = &pci->irqs;

	spin_lock_irq(&irqs->lock);
	irqs->intx_disabled = mdev_migrate_pci_command(pci) &
			      PCI_COMMAND_INTX_DISABLE;
	mdm_irqs_flush(irqs);
	spin_unlock_irq(&irqs->lock);
}

/**
 * mdm_irqs_intx_level - the INTx line
 * @pci: the device's PCI function
 *
 * Return: whether it is asserted.
 */
bool mdm_irqs_intx_level(struct mdev_migrate_pci *pci)
{
	return READ_ONCE(pci->irqs.intx_level);
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
	pending = vector < irqs->nr_msix &&
		  test_bit(array_index_nospec(vector, irqs->nr_msix),
			   irqs->pending);
	spin_unlock_irq(&irqs->lock);
	return pending;
}

/**
 * mdm_irqs_msix_set_pending - take pending vectors over from a stream
 * @pci: the device's PCI function, stopped
 * @bits: a bit a vector
 */
void mdm_irqs_msix_set_pending(struct mdev_migrate_pci *pci, const u8 *bits)
{
	struct mdm_irqs *irqs = &pci->irqs;
	unsigned int i;

	spin_lock_irq(&irqs->lock);
	for (i = 0; i < irqs->nr_msix; i++)
		__assign_bit(i, irqs->pending, bits[i / 8] & (1 << (i % 8)));
	spin_unlock_irq(&irqs->lock);
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
	bool listens;

	spin_lock_irq(&irqs->lock);
	listens = irqs->request;
	if (listens)
		eventfd_signal(irqs->request);
	spin_unlock_irq(&irqs->lock);
	return listens;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_request);
