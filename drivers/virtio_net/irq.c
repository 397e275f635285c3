// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts, and what is set together with one: the interrupt status, the
 * device's wish to be reset, the link. All of it may be called from any
 * context but hard interrupts.
 */
#include "virtio_net.h"

#define VNET_ISR_QUEUE	0x1

static void vnet_intx_update(struct vnet *vnet)
{
	lockdep_assert_held(&vnet->irq_lock);

	mdev_migrate_intx_set(vnet->mdm.pci, vnet->isr &&
			      !mdev_migrate_msix_enabled(vnet->mdm.pci));
}

/**
 * vnet_irq_queue - tell the driver that a queue has used buffers
 * @vq: the queue
 *
 * Context: The device runs; the caller keeps it so: it uses the queue, or holds
 * vnet->lock.
 */
void vnet_irq_queue(struct vnet_vq *vq)
{
	struct vnet *vnet = vq->vnet;
	u16 vector = READ_ONCE(vq->vector);

	if (mdev_migrate_msix_enabled(vnet->mdm.pci)) {
		if (vector != VIRTIO_MSI_NO_VECTOR)
			mdev_migrate_msix_raise(vnet->mdm.pci, vector);
		return;
	}

	spin_lock_bh(&vnet->irq_lock);
	vnet->isr |= VNET_ISR_QUEUE;
	vnet_intx_update(vnet);
	spin_unlock_bh(&vnet->irq_lock);
}

static void vnet_config_raise(struct vnet *vnet)
{
	lockdep_assert_held(&vnet->irq_lock);

	/* Starting raises it in any case. */
	if (!vnet->running || !(vnet->status & VIRTIO_CONFIG_S_DRIVER_OK))
		return;

	vnet_intx_update(vnet);
	if (mdev_migrate_msix_enabled(vnet->mdm.pci) &&
	    vnet->config_vector != VIRTIO_MSI_NO_VECTOR)
		mdev_migrate_msix_raise(vnet->mdm.pci, vnet->config_vector);
}

static void vnet_config_changed(struct vnet *vnet)
{
	lockdep_assert_held(&vnet->irq_lock);

	if (!(vnet->status & VIRTIO_CONFIG_S_DRIVER_OK))
		return;
	vnet->isr |= VIRTIO_PCI_ISR_CONFIG;
	vnet_config_raise(vnet);
}

/**
 * vnet_irq_restart - raise again what may have been lost
 * @vnet: the device
 *
 * What a driver has not been told yet is in the interrupt status, or, with
 * MSI-X, may have got lost in an eventfd: raise all vectors in use. A driver
 * takes a spurious one in its stride.
 *
 * Context: The device runs; vnet->lock is held.
 */
void vnet_irq_restart(struct vnet *vnet)
{
	unsigned int i;

	lockdep_assert_held(&vnet->lock);

	if (mdev_migrate_msix_enabled(vnet->mdm.pci))
		for (i = 0; i < vnet->nr_queues; i++)
			if (vnet->vqs[i].enabled)
				vnet_irq_queue(&vnet->vqs[i]);

	spin_lock_bh(&vnet->irq_lock);
	vnet_config_raise(vnet);
	spin_unlock_bh(&vnet->irq_lock);
}

/**
 * vnet_irq_needs_reset - ask the driver for a device reset
 * @vnet: the device
 */
void vnet_irq_needs_reset(struct vnet *vnet)
{
	spin_lock_bh(&vnet->irq_lock);
	vnet->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	vnet_config_changed(vnet);
	spin_unlock_bh(&vnet->irq_lock);
}

/**
 * vnet_irq_read_isr - the driver reads the interrupt status
 * @vnet: the device
 *
 * Return: the status, which is clear afterwards, as is the INTx line.
 */
u8 vnet_irq_read_isr(struct vnet *vnet)
{
	u8 isr;

	spin_lock_bh(&vnet->irq_lock);
	isr = vnet->isr;
	vnet->isr = 0;
	if (isr)
		vnet_intx_update(vnet);
	spin_unlock_bh(&vnet->irq_lock);
	return isr;
}

/**
 * vnet_config_renewed - the device configuration has changed
 * @vnet: the device
 *
 * By what the driver did, which needs no interrupt to know it.
 */
void vnet_config_renewed(struct vnet *vnet)
{
	spin_lock_bh(&vnet->irq_lock);
	vnet->generation++;
	spin_unlock_bh(&vnet->irq_lock);
}

/* What the guest sees of the link follows the host's interface. */
static void vnet_link_sync(struct vnet *vnet)
{
	lockdep_assert_held(&vnet->irq_lock);

	if (!vnet->running || vnet->link_up == vnet->host_up)
		return;
	vnet->link_up = vnet->host_up;
	vnet->generation++;
	vnet_config_changed(vnet);
}

/* After a migration the guest is to tell the network where it is now. */
static void vnet_announce_sync(struct vnet *vnet)
{
	lockdep_assert_held(&vnet->irq_lock);

	if (!vnet->running || !vnet->announce_due)
		return;
	vnet->announce_due = false;
	vnet->announce = true;
	vnet->generation++;
	vnet_config_changed(vnet);
}

/**
 * vnet_announce_ack - the driver has seen that it is to announce the guest
 * @vnet: the device
 */
void vnet_announce_ack(struct vnet *vnet)
{
	spin_lock_bh(&vnet->irq_lock);
	if (vnet->announce)
		vnet->generation++;
	vnet->announce = false;
	spin_unlock_bh(&vnet->irq_lock);
}

/**
 * vnet_set_link - the host's interface went up or down
 * @vnet: the device
 * @up: which
 *
 * While the device is stopped its state does not change: the guest sees it
 * after the start.
 */
void vnet_set_link(struct vnet *vnet, bool up)
{
	spin_lock_bh(&vnet->irq_lock);
	vnet->host_up = up;
	vnet_link_sync(vnet);
	spin_unlock_bh(&vnet->irq_lock);
}

/**
 * vnet_set_running - the device begins or ends to run
 * @vnet: the device
 * @running: which
 *
 * Context: vnet->lock is held.
 */
void vnet_set_running(struct vnet *vnet, bool running)
{
	lockdep_assert_held(&vnet->lock);

	spin_lock_bh(&vnet->irq_lock);
	vnet->running = running;
	vnet_link_sync(vnet);
	vnet_announce_sync(vnet);
	spin_unlock_bh(&vnet->irq_lock);
}
