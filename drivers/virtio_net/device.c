// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device's life. The data path is on while all of this holds: the device
 * runs (between start and stop), its driver has set DRIVER_OK, and the PCI
 * function is a bus master. Whatever changes one of them calls vnet_update().
 */
#include <linux/slab.h>
#include "virtio_net.h"

/**
 * vnet_update - turn the queues on or off
 * @vnet: the device
 *
 * When it returns with the data path off, nothing of the device touches guest
 * memory, and every chain that was taken has been returned.
 *
 * Context: May sleep. vnet->lock is held.
 */
void vnet_update(struct vnet *vnet)
{
	bool driver_ok = vnet_status(vnet) & VIRTIO_CONFIG_S_DRIVER_OK;
	DECLARE_BITMAP(off, VNET_MAX_QUEUES) = {};
	unsigned int i;
	bool on;

	lockdep_assert_held(&vnet->lock);

	/* Changes under vnet->lock, too. */
	on = context_unsafe(vnet->running) && driver_ok &&
	     (mdev_migrate_pci_command(vnet->mdm.pci) & PCI_COMMAND_MASTER);

	for (i = 0; i < vnet->nr_queues; i++) {
		struct vnet_vq *vq = &vnet->vqs[i];
		enum vnet_role role = vnet_vq_role(vq);

		if (on && vq->enabled && role != VNET_UNUSED)
			vnet_vq_activate(vq);
		else
			__set_bit(i, off);

		spin_lock_bh(&vq->lock);
		vq->accepting = driver_ok && vq->enabled && role == VNET_RX;
		spin_unlock_bh(&vq->lock);
	}
	vnet_vqs_deactivate(vnet, off);

	vnet_netdev_carrier(vnet);
}

/**
 * vnet_reset - bring the device to its state after power-on
 * @vnet: the device
 *
 * Running or not does not change. The MAC address stays: it belongs to the guest
 * behind the device, which keeps it when it reboots, wherever it came from.
 *
 * Context: May sleep. vnet->lock is held.
 */
void vnet_reset(struct vnet *vnet)
{
	unsigned int i;

	lockdep_assert_held(&vnet->lock);

	/* No more status from the host's side while the queues stop. */
	spin_lock_bh(&vnet->irq_lock);
	vnet->status = 0;
	vnet->config_vector = VIRTIO_MSI_NO_VECTOR;
	spin_unlock_bh(&vnet->irq_lock);
	vnet_update(vnet);

	for (i = 0; i < vnet->nr_queues; i++)
		vnet_vq_reset(&vnet->vqs[i]);

	vnet->device_feature_select = 0;
	vnet->driver_feature_select = 0;
	vnet->driver_features = 0;
	vnet->queue_select = 0;
	vnet_ctrl_reset(vnet, 0);

	/* A queue that broke meanwhile has set it again. */
	spin_lock_bh(&vnet->irq_lock);
	vnet->status = 0;
	vnet->isr = 0;
	vnet->generation = 0;
	vnet->announce_due = false;
	vnet->announce = false;
	mdev_migrate_intx_set(vnet->mdm.pci, false);
	spin_unlock_bh(&vnet->irq_lock);
}

static int vnet_init(struct mdev_migrate_device *mdm)
	__context_unsafe(/* being made */)
{
	struct vnet *vnet = to_vnet(mdm);
	unsigned int i;
	int err;

	mutex_init(&vnet->lock);
	spin_lock_init(&vnet->irq_lock);
	seqlock_init(&vnet->ctrl_lock);
	eth_random_addr(vnet->mac);
	u64_stats_init(&vnet->ctrl_stats.syncp);
	vnet_ctrl_init(&vnet->ctrl, 0, vnet->mac);
	vnet->max_pairs = 1;

	vnet->vqs = kvcalloc(VNET_MAX_QUEUES, sizeof(*vnet->vqs), GFP_KERNEL);
	if (!vnet->vqs)
		return -ENOMEM;
	for (i = 0; i < VNET_MAX_QUEUES; i++)
		vnet_vq_init(&vnet->vqs[i], vnet, i);

	err = vnet_netdev_create(vnet);
	if (err)
		kvfree(vnet->vqs);
	return err;
}

static void vnet_release(struct mdev_migrate_device *mdm)
{
	struct vnet *vnet = to_vnet(mdm);

	vnet_netdev_destroy(vnet);
	kvfree(vnet->vqs);
}

static void vnet_destroy_workers(struct vnet *vnet)
{
	unsigned int i;

	for (i = 0; i < VNET_MAX_PAIRS && vnet->workers[i]; i++) {
		mdev_migrate_worker_destroy(vnet->workers[i]);
		vnet->workers[i] = NULL;
	}
}

/* A thread for each queue pair, as vhost has them. */
static int vnet_create_workers(struct vnet *vnet)
{
	struct mdev_migrate_worker *worker;
	unsigned int i;

	for (i = 0; i < vnet->max_pairs; i++) {
		worker = mdev_migrate_worker_create(vnet->mdm.memory, "vnet");
		if (IS_ERR(worker)) {
			vnet_destroy_workers(vnet);
			return PTR_ERR(worker);
		}
		vnet->workers[i] = worker;
	}
	return 0;
}

/* The control queue follows the last pair, which depends on the driver. */
static struct mdev_migrate_worker *vnet_worker_of(const struct vnet *vnet,
						  unsigned int queue)
{
	unsigned int pair = queue / 2;

	return pair < vnet->max_pairs ? vnet->workers[pair] : vnet->workers[0];
}

static int vnet_open(struct mdev_migrate_device *mdm)
{
	struct vnet *vnet = to_vnet(mdm);
	unsigned int i;
	int err;

	err = vnet_netdev_configure(vnet);
	if (err)
		return err;

	guard(mutex)(&vnet->lock);

	vnet->features = vnet_model_features(&mdm->desc.config);
	vnet->max_pairs = mdm->desc.config.values[VNET_QUEUE_PAIRS];
	vnet->nr_queues = vnet_model_queues(&mdm->desc.config);
	/* One per queue, one for configuration changes. */
	vnet->nr_vectors = vnet->nr_queues + 1;
	if (WARN_ON_ONCE(vnet->nr_queues > VNET_MAX_QUEUES))
		return -EINVAL;

	err = vnet_pci_init(vnet);
	if (!err)
		err = vnet_create_workers(vnet);
	if (err)
		return err;
	for (i = 0; i < vnet->nr_queues; i++)
		vnet_vq_open(&vnet->vqs[i], vnet_worker_of(vnet, i));

	vnet_reset(vnet);
	vnet_set_running(vnet, true);
	vnet->opened = true;
	WRITE_ONCE(vnet->told, false);
	return 0;
}

static void vnet_close(struct mdev_migrate_device *mdm)
{
	struct vnet *vnet = to_vnet(mdm);
	unsigned int i;

	guard(mutex)(&vnet->lock);
	vnet_set_running(vnet, false);
	vnet_reset(vnet);
	for (i = 0; i < vnet->nr_queues; i++)
		vnet_vq_close(&vnet->vqs[i]);
	vnet_destroy_workers(vnet);
	vnet->opened = false;
}

static void vnet_device_reset(struct mdev_migrate_device *mdm)
{
	struct vnet *vnet = to_vnet(mdm);

	guard(mutex)(&vnet->lock);
	vnet_reset(vnet);
	vnet_set_running(vnet, true);
}

static int vnet_stop(struct mdev_migrate_device *mdm)
{
	struct vnet *vnet = to_vnet(mdm);

	guard(mutex)(&vnet->lock);
	vnet_set_running(vnet, false);
	vnet_update(vnet);
	return 0;
}

/* Activating a queue looks at it once. */
static void vnet_start(struct mdev_migrate_device *mdm)
{
	struct vnet *vnet = to_vnet(mdm);

	guard(mutex)(&vnet->lock);
	vnet_set_running(vnet, true);
	vnet_update(vnet);
	if (vnet_status(vnet) & VIRTIO_CONFIG_S_DRIVER_OK)
		vnet_irq_restart(vnet);
}

static void vnet_pci_command(struct mdev_migrate_device *mdm, u16 old, u16 new)
{
	struct vnet *vnet = to_vnet(mdm);

	if (!((old ^ new) & PCI_COMMAND_MASTER))
		return;
	guard(mutex)(&vnet->lock);
	vnet_update(vnet);
}

const struct mdev_migrate_ops vnet_ops = {
	.init = vnet_init,
	.release = vnet_release,
	.open = vnet_open,
	.close = vnet_close,
	.reset = vnet_device_reset,
	.stop = vnet_stop,
	.start = vnet_start,
	.bar_read = vnet_bar_read,
	.bar_write = vnet_bar_write,
	.pci_command = vnet_pci_command,
	.cfg_read = vnet_cfg_read,
	.cfg_write = vnet_cfg_write,
	.state_size = vnet_state_size,
	.save = vnet_save,
	.records = vnet_records,
	.nr_records = VNET_NR_RECORDS,
	.load_begin = vnet_load_begin,
	.load_record = vnet_load_record,
	.load_check = vnet_load_check,
	.load_commit = vnet_load_commit,
	.load_end = vnet_load_end,
};
