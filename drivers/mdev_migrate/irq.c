// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts as eventfds. An interrupt that cannot be signalled, because the
 * device is stopped or nobody listens yet, stays pending.
 */
#include <linux/bitmap.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "irq.h"
#include "pci.h"

int mdm_irqs_create(struct mdev_migrate_device *mdm)
{
	struct mdm_irqs *irqs;

	irqs = kzalloc_obj(*irqs, GFP_KERNEL_ACCOUNT);
	if (!irqs)
		return -ENOMEM;
	mutex_init(&irqs->set_lock);
	spin_lock_init(&irqs->lock);
	mdm->irqs = irqs;
	return 0;
}

void mdm_irqs_destroy(struct mdev_migrate_device *mdm)
{
	mutex_destroy(&mdm->irqs->set_lock);
	kfree(mdm->irqs);
	mdm->irqs = NULL;
}

/**
 * mdm_irqs_open - the device is being opened
 * @mdm: the device; the model has described its PCI function
 *
 * Return: 0 or -ENOMEM.
 */
int mdm_irqs_open(struct mdev_migrate_device *mdm)
{
	const struct mdev_migrate_pci_desc *desc = mdm_pci_desc(mdm);
	struct mdm_irqs *irqs = mdm->irqs;
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

/**
 * mdm_irqs_close - the device was closed
 * @mdm: the device; the model raises nothing any more
 */
void mdm_irqs_close(struct mdev_migrate_device *mdm)
{
	struct mdm_irqs *irqs = mdm->irqs;
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
}

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
 * @mdm: the device
 * @vector: which; one that does not exist is ignored, as VIRTIO_MSI_NO_VECTOR
 *
 * Context: Any. If the device is stopped or nobody listens, the vector stays
 * pending.
 */
void mdev_migrate_msix_raise(struct mdev_migrate_device *mdm,
			     unsigned int vector)
{
	struct mdm_irqs *irqs = mdm->irqs;
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
 * @mdm: the device
 * @level: asserted or not
 *
 * Context: Any.
 */
void mdev_migrate_intx_set(struct mdev_migrate_device *mdm, bool level)
{
	struct mdm_irqs *irqs = mdm->irqs;
	unsigned long flags;

	spin_lock_irqsave(&irqs->lock, flags);
	irqs->intx_level = level && irqs->has_intx;
	mdm_irqs_flush(irqs);
	spin_unlock_irqrestore(&irqs->lock, flags);
}
EXPORT_SYMBOL_GPL(mdev_migrate_intx_set);

/**
 * mdev_migrate_msix_enabled - does the device use MSI-X, or INTx?
 * @mdm: the device, open
 *
 * Context: Any.
 * Return: whether the guest has enabled MSI-X in configuration space or
 * userspace has set it up for it.
 */
bool mdev_migrate_msix_enabled(struct mdev_migrate_device *mdm)
{
	struct mdm_pci *pci = mdm->pci;
	__le16 control = 0;

	if (READ_ONCE(mdm->irqs->msix_on))
		return true;
	if (pci->msix_cap)
		mdev_migrate_pci_get(mdm, pci->msix_cap + PCI_MSIX_FLAGS,
				     &control, sizeof(control));
	return le16_to_cpu(control) & PCI_MSIX_FLAGS_ENABLE;
}
EXPORT_SYMBOL_GPL(mdev_migrate_msix_enabled);

/**
 * mdm_irqs_stop - the device leaves RUNNING: no interrupt from here on
 * @mdm: the device
 */
void mdm_irqs_stop(struct mdev_migrate_device *mdm)
{
	spin_lock_irq(&mdm->irqs->lock);
	mdm->irqs->stopped = true;
	spin_unlock_irq(&mdm->irqs->lock);
}

/**
 * mdm_irqs_start - the device enters RUNNING: raise what is pending
 * @mdm: the device
 */
void mdm_irqs_start(struct mdev_migrate_device *mdm)
{
	spin_lock_irq(&mdm->irqs->lock);
	mdm->irqs->stopped = false;
	mdm_irqs_flush(mdm->irqs);
	spin_unlock_irq(&mdm->irqs->lock);
}

/**
 * mdm_irqs_reset - the device is reset: nothing is pending
 * @mdm: the device
 *
 * What userspace has set up stays.
 */
void mdm_irqs_reset(struct mdev_migrate_device *mdm)
{
	struct mdm_irqs *irqs = mdm->irqs;

	spin_lock_irq(&irqs->lock);
	irqs->stopped = false;
	irqs->intx_level = false;
	bitmap_zero(irqs->pending, irqs->nr_msix);
	spin_unlock_irq(&irqs->lock);
}

/**
 * mdm_irqs_command - the PCI command register's INTx disable bit may have changed
 * @mdm: the device, open
 *
 * Context: Takes the lock of configuration space inside of the interrupts'.
 */
void mdm_irqs_command(struct mdev_migrate_device *mdm)
{
	struct mdm_irqs *irqs = mdm->irqs;

	spin_lock_irq(&irqs->lock);
	irqs->intx_disabled = mdev_migrate_pci_command(mdm) &
			      PCI_COMMAND_INTX_DISABLE;
	mdm_irqs_flush(irqs);
	spin_unlock_irq(&irqs->lock);
}

/**
 * mdm_irqs_intx_level - the INTx line
 * @mdm: the device
 *
 * Return: whether it is asserted.
 */
bool mdm_irqs_intx_level(struct mdev_migrate_device *mdm)
{
	return READ_ONCE(mdm->irqs->intx_level);
}

/**
 * mdm_irqs_msix_pending - is a vector pending?
 * @mdm: the device
 * @vector: which; may be out of range
 *
 * Return: whether.
 */
bool mdm_irqs_msix_pending(struct mdev_migrate_device *mdm,
			   unsigned int vector)
{
	struct mdm_irqs *irqs = mdm->irqs;
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
 * @mdm: the device, stopped
 * @bits: a bit a vector
 */
void mdm_irqs_msix_set_pending(struct mdev_migrate_device *mdm, const u8 *bits)
{
	struct mdm_irqs *irqs = mdm->irqs;
	unsigned int i;

	spin_lock_irq(&irqs->lock);
	for (i = 0; i < irqs->nr_msix; i++)
		__assign_bit(i, irqs->pending, bits[i / 8] & (1 << (i % 8)));
	spin_unlock_irq(&irqs->lock);
}

/**
 * mdm_irqs_request - ask userspace to release the device
 * @mdm: the device
 *
 * Return: whether anybody listens.
 */
bool mdm_irqs_request(struct mdev_migrate_device *mdm)
{
	struct mdm_irqs *irqs = mdm->irqs;
	bool listens;

	spin_lock_irq(&irqs->lock);
	listens = irqs->request;
	if (listens)
		eventfd_signal(irqs->request);
	spin_unlock_irq(&irqs->lock);
	return listens;
}
