// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device's state in the stream, these records, each once:
 *
 *	VIRTIO_PARTS	virtio 1.4 device parts, see parts.c: features, common
 *			configuration, status, queues, what the control queue
 *			has set (see ctrl_state.c)
 *	VIRTIO_ISR	struct mdev_migrate_virtio_isr
 *	VIRTIO_NET	struct mdev_migrate_virtio_net
 *	VIRTIO_NET_OFFLOADS	struct mdev_migrate_virtio_net_offloads, if the driver can
 *			set which are in use
 *
 * Of the rings nothing is carried: a stopped device has returned every buffer
 * that it took, so that the next available index is the used index in guest
 * memory. PCI configuration space and MSI-X are the helper's.
 *
 * Every record is checked by itself when it comes, all of them together when
 * the last one came, then they are committed whole. Guest memory may not be
 * there at that time: rings are mapped by the start.
 */
#include <linux/log2.h>
#include <linux/slab.h>
#include "parts.h"
#include "virtio_net.h"

/* All that the stream says; the device's registers after a commit. */
struct vnet_shadow {
	struct vnet_parts parts;
	/* What @parts points into. */
	u8 *raw;
	struct vnet_ctrl ctrl;
	u8 isr;
	u8 generation;
	u8 mac[ETH_ALEN];
	u16 net_status;
	u32 broken;
	bool has_offloads;
	struct mdev_migrate_virtio_net_offloads offloads;
};

const struct mdev_migrate_record_type vnet_records[VNET_NR_RECORDS] = {
	{ MDEV_MIGRATE_TAG_VIRTIO_PARTS, MDEV_MIGRATE_VIRTIO_PARTS_MAX,
	  .required = true, .name = "virtio parts" },
	{ MDEV_MIGRATE_TAG_VIRTIO_ISR, sizeof(struct mdev_migrate_virtio_isr),
	  .required = true, .name = "virtio interrupt status" },
	{ MDEV_MIGRATE_TAG_VIRTIO_NET, sizeof(struct mdev_migrate_virtio_net),
	  .required = true, .name = "virtio network card" },
	/* Of some: see vnet_check_offloads(). */
	{ MDEV_MIGRATE_TAG_VIRTIO_NET_OFFLOADS,
	  sizeof(struct mdev_migrate_virtio_net_offloads),
	  .name = "virtio network offloads" },
};

static bool vnet_has_offloads(const struct vnet *vnet)
{
	return vnet->features & BIT_ULL(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS);
}

/**
 * vnet_state_size - how much vnet_save() puts at most
 * @mdm: the device
 *
 * Context: Any, while the device is open: of what that fixed.
 * Return: bytes, with the records' headers.
 */
u64 vnet_state_size(struct mdev_migrate_device *mdm)
{
	struct vnet *vnet = to_vnet(mdm);

	/* Three records, or four. */
	return (VNET_NR_RECORDS - 1) * sizeof(struct mdev_migrate_record_hdr) +
	       vnet_parts_size(vnet->nr_queues) + vnet_ctrl_state_size(vnet) +
	       sizeof(struct mdev_migrate_virtio_isr) +
	       sizeof(struct mdev_migrate_virtio_net) +
	       (vnet_has_offloads(vnet) ?
		sizeof(struct mdev_migrate_record_hdr) +
		sizeof(struct mdev_migrate_virtio_net_offloads) : 0);
}

static void vnet_get_parts(struct vnet *vnet, struct vnet_parts *parts)
{
	unsigned int i;

	lockdep_assert_held(&vnet->lock);

	parts->device_features = vnet->features;
	parts->driver_features = vnet->driver_features;
	parts->device_feature_select = vnet->device_feature_select;
	parts->driver_feature_select = vnet->driver_feature_select;
	/* Changes under vnet->lock, too. */
	parts->config_vector = context_unsafe(vnet->config_vector);
	parts->queue_select = vnet->queue_select;
	parts->status = vnet_status(vnet);
	parts->nr_queues = vnet->nr_queues;

	for (i = 0; i < vnet->nr_queues; i++) {
		const struct vnet_vq *vq = &vnet->vqs[i];

		parts->queues[i] = (struct vnet_parts_queue) {
			.size = vq->size,
			.vector = vq->vector,
			.enabled = vq->enabled,
			.desc = vq->addr[VNET_DESC],
			.driver = vq->addr[VNET_AVAIL],
			.device = vq->addr[VNET_USED],
			.notify_off = vq->index,
		};
	}
}

static int vnet_save_parts(struct vnet *vnet,
			   struct mdev_migrate_writer *writer)
{
	size_t len = vnet_parts_size(vnet->nr_queues);
	size_t max_ctrl = vnet_ctrl_state_size(vnet);
	struct vnet_parts *parts __free(kfree) = NULL;
	u8 *ctrl __free(kfree) = NULL;
	u8 *buf __free(kfree) = NULL;

	BUILD_BUG_ON(VNET_MAX_QUEUES > VNET_PARTS_QUEUES);

	parts = kzalloc_obj(*parts, GFP_KERNEL);
	ctrl = kmalloc(max_ctrl, GFP_KERNEL);
	buf = kmalloc(len + max_ctrl, GFP_KERNEL);
	if (!parts || !ctrl || !buf)
		return -ENOMEM;

	vnet_get_parts(vnet, parts);
	len += vnet_ctrl_save(vnet, parts, ctrl);
	vnet_parts_encode(parts, buf);
	return mdev_migrate_put(writer, MDEV_MIGRATE_TAG_VIRTIO_PARTS, 0, buf,
				len);
}

static int vnet_save_rest(struct vnet *vnet,
			  struct mdev_migrate_writer *writer)
{
	struct mdev_migrate_virtio_isr isr = {};
	struct mdev_migrate_virtio_net_offloads offloads;
	struct mdev_migrate_virtio_net net = {};
	u32 broken = 0;
	u16 status = 0;
	unsigned int i;
	int err;

	for (i = 0; i < vnet->nr_queues; i++)
		if (vnet->vqs[i].broken)
			broken |= BIT(i);
	net.broken = cpu_to_le32(broken);

	spin_lock_bh(&vnet->irq_lock);
	isr.isr = vnet->isr;
	isr.generation = vnet->generation;
	ether_addr_copy(net.mac, vnet->mac);
	if (vnet->link_up)
		status |= VIRTIO_NET_S_LINK_UP;
	spin_unlock_bh(&vnet->irq_lock);
	net.status = cpu_to_le16(status);

	err = mdev_migrate_put(writer, MDEV_MIGRATE_TAG_VIRTIO_ISR, 0, &isr,
			       sizeof(isr));
	if (!err)
		err = mdev_migrate_put(writer, MDEV_MIGRATE_TAG_VIRTIO_NET, 0,
				       &net, sizeof(net));
	if (err || !vnet_has_offloads(vnet))
		return err;
	offloads.offloads = cpu_to_le64(vnet->ctrl.offloads);
	return mdev_migrate_put(writer, MDEV_MIGRATE_TAG_VIRTIO_NET_OFFLOADS, 0,
				&offloads, sizeof(offloads));
}

/**
 * vnet_save - put the state
 * @mdm: the device, stopped
 * @writer: where to
 *
 * Return: 0 or an error.
 */
int vnet_save(struct mdev_migrate_device *mdm,
	      struct mdev_migrate_writer *writer)
{
	struct vnet *vnet = to_vnet(mdm);
	int err;

	guard(mutex)(&vnet->lock);
	err = vnet_save_parts(vnet, writer);
	return err ?: vnet_save_rest(vnet, writer);
}

/**
 * vnet_load_begin - a stream begins
 * @mdm: the device
 *
 * Return: a shadow or an ERR_PTR().
 */
void *vnet_load_begin(struct mdev_migrate_device *mdm)
{
	struct vnet_shadow *shadow = kzalloc_obj(*shadow, GFP_KERNEL);

	return shadow ?: ERR_PTR(-ENOMEM);
}

static int vnet_load_parts(struct mdev_migrate_device *mdm,
			   struct vnet_shadow *shadow,
			   const struct mdev_migrate_record *rec)
{
	struct mdev_migrate_msg why = {};
	int err;

	shadow->raw = kmemdup(rec->data, rec->length, GFP_KERNEL);
	if (!shadow->raw)
		return -ENOMEM;
	err = vnet_parts_decode(&shadow->parts, shadow->raw, rec->length, &why);
	if (err)
		return mdev_migrate_refuse(&mdm->desc, err, "%s", why.text);
	return 0;
}

static int vnet_check_length(struct mdev_migrate_device *mdm,
			     const struct mdev_migrate_record *rec, size_t wants)
{
	if (rec->length == wants)
		return 0;
	return mdev_migrate_refuse(&mdm->desc, -EINVAL,
				   "record %#x: the stream has %u bytes, this device expects %zu",
				   rec->tag, rec->length, wants);
}

static int vnet_load_isr(struct mdev_migrate_device *mdm,
			 struct vnet_shadow *shadow,
			 const struct mdev_migrate_record *rec)
{
	struct mdev_migrate_virtio_isr isr;
	int err;

	err = vnet_check_length(mdm, rec, sizeof(isr));
	if (err)
		return err;
	memcpy(&isr, rec->data, sizeof(isr));
	if (isr.isr & ~(VIRTIO_PCI_ISR_CONFIG | 1))
		return mdev_migrate_refuse(&mdm->desc, -EINVAL,
					   "interrupt status: the stream has %#x, this device knows %#x",
					   isr.isr, VIRTIO_PCI_ISR_CONFIG | 1);
	if (memchr_inv(isr.reserved, 0, sizeof(isr.reserved)))
		return mdev_migrate_refuse(&mdm->desc, -EINVAL,
					   "interrupt status: the stream has set bytes that must be zero");
	shadow->isr = isr.isr;
	shadow->generation = isr.generation;
	return 0;
}

static int vnet_load_net(struct mdev_migrate_device *mdm,
			 struct vnet_shadow *shadow,
			 const struct mdev_migrate_record *rec)
{
	struct mdev_migrate_virtio_net net;
	int err;

	err = vnet_check_length(mdm, rec, sizeof(net));
	if (err)
		return err;
	memcpy(&net, rec->data, sizeof(net));
	ether_addr_copy(shadow->mac, net.mac);
	shadow->net_status = le16_to_cpu(net.status);
	shadow->broken = le32_to_cpu(net.broken);

	if (!is_valid_ether_addr(shadow->mac))
		return mdev_migrate_refuse(&mdm->desc, -EINVAL,
					   "mac: the stream has %pM, this device accepts unicast addresses only",
					   shadow->mac);
	if (shadow->net_status & ~VIRTIO_NET_S_LINK_UP)
		return mdev_migrate_refuse(&mdm->desc, -EINVAL,
					   "network status: the stream has %#x, this device knows %#x",
					   shadow->net_status,
					   VIRTIO_NET_S_LINK_UP);
	if (net.reserved)
		return mdev_migrate_refuse(&mdm->desc, -EINVAL,
					   "network state: the stream has set bytes that must be zero");
	return 0;
}

static int vnet_load_offloads(struct mdev_migrate_device *mdm,
			      struct vnet_shadow *shadow,
			      const struct mdev_migrate_record *rec)
{
	int err = vnet_check_length(mdm, rec, sizeof(shadow->offloads));

	if (err)
		return err;
	memcpy(&shadow->offloads, rec->data, sizeof(shadow->offloads));
	shadow->has_offloads = true;
	return 0;
}

static const struct {
	u32 tag;
	int (*load)(struct mdev_migrate_device *mdm, struct vnet_shadow *shadow,
		    const struct mdev_migrate_record *rec);
} vnet_loaders[VNET_NR_RECORDS] = {
	{ MDEV_MIGRATE_TAG_VIRTIO_PARTS, vnet_load_parts },
	{ MDEV_MIGRATE_TAG_VIRTIO_ISR, vnet_load_isr },
	{ MDEV_MIGRATE_TAG_VIRTIO_NET, vnet_load_net },
	{ MDEV_MIGRATE_TAG_VIRTIO_NET_OFFLOADS, vnet_load_offloads },
};

/**
 * vnet_load_record - take a record of the stream
 * @mdm: the device; not touched
 * @shadow: from vnet_load_begin()
 * @rec: the record
 *
 * Return: 0 or an error.
 */
int vnet_load_record(struct mdev_migrate_device *mdm, void *shadow,
		     const struct mdev_migrate_record *rec)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vnet_loaders); i++)
		if (vnet_loaders[i].tag == rec->tag)
			return vnet_loaders[i].load(mdm, shadow, rec);
	return mdev_migrate_refuse(&mdm->desc, -EINVAL,
				   "record %#x: the stream has it, this device does not know it",
				   rec->tag);
}

#define VNET_ANY_STATUS							\
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |		\
	 VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FEATURES_OK |	\
	 VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED)

static bool vnet_vector_ok(const struct vnet *vnet, u16 vector)
{
	return vector < vnet->nr_vectors || vector == VIRTIO_MSI_NO_VECTOR;
}

static int vnet_check_features(struct vnet *vnet,
			       const struct vnet_parts *parts)
{
	if (parts->has_device_features &&
	    parts->device_features != vnet->features)
		return mdev_migrate_refuse(&vnet->mdm.desc, -EINVAL,
					   "offered features: the stream has %#llx, this device has %#llx",
					   parts->device_features,
					   vnet->features);
	if (parts->status & VIRTIO_CONFIG_S_FEATURES_OK &&
	    !vnet_model_accepts(vnet->features, parts->driver_features))
		return mdev_migrate_refuse(&vnet->mdm.desc, -EINVAL,
					   "accepted features: the stream has %#llx, this device offers %#llx",
					   parts->driver_features,
					   vnet->features);
	return 0;
}

static int vnet_check_status(struct vnet *vnet, const struct vnet_parts *parts)
{
	u8 status = parts->status;

	if (status & ~VNET_ANY_STATUS)
		return mdev_migrate_refuse(&vnet->mdm.desc, -EINVAL,
					   "device status: the stream has %#x, this device knows %#x",
					   status, VNET_ANY_STATUS);
	if (status & VIRTIO_CONFIG_S_DRIVER_OK &&
	    !(status & VIRTIO_CONFIG_S_FEATURES_OK))
		return mdev_migrate_refuse(&vnet->mdm.desc, -EINVAL,
					   "device status: the stream has %#x, DRIVER_OK without FEATURES_OK, which this device cannot have",
					   status);
	if (!vnet_vector_ok(vnet, parts->config_vector))
		return mdev_migrate_refuse(&vnet->mdm.desc, -EINVAL,
					   "config_msix_vector: the stream has %u, this device has %u vectors",
					   parts->config_vector,
					   vnet->nr_vectors);
	return 0;
}

static int vnet_check_queue(struct vnet *vnet, const struct vnet_parts *parts,
			    unsigned int index)
{
	const struct vnet_parts_queue *queue = &parts->queues[index];
	struct mdev_migrate_device *mdm = &vnet->mdm;

	if (!is_power_of_2(queue->size) || queue->size > VNET_QUEUE_SIZE)
		return mdev_migrate_refuse(&mdm->desc, -EINVAL,
					   "queue %u: size: the stream has %u, this device allows powers of two up to %u",
					   index, queue->size, VNET_QUEUE_SIZE);
	if (!vnet_vector_ok(vnet, queue->vector))
		return mdev_migrate_refuse(&mdm->desc, -EINVAL,
					   "queue %u: vector: the stream has %u, this device has %u vectors",
					   index, queue->vector,
					   vnet->nr_vectors);
	if (queue->enabled > 1 ||
	    (queue->enabled && !(parts->status & VIRTIO_CONFIG_S_FEATURES_OK)))
		return mdev_migrate_refuse(&mdm->desc, -EINVAL,
					   "queue %u: enabled: the stream has %u with device status %#x, which this device cannot have",
					   index, queue->enabled,
					   parts->status);
	if (queue->notify_off != index || queue->notif_config_data)
		return mdev_migrate_refuse(&mdm->desc, -EINVAL,
					   "queue %u: notifications: the stream has offset %u and data %u, this device has %u and 0",
					   index, queue->notify_off,
					   queue->notif_config_data, index);
	return 0;
}

/* The features that the driver has accepted, if it has already. */
static u64 vnet_accepted(const struct vnet_parts *parts)
{
	return parts->status & VIRTIO_CONFIG_S_FEATURES_OK ?
	       parts->driver_features : 0;
}

static int vnet_check_offloads(struct vnet *vnet, struct vnet_shadow *shadow)
{
	bool wants = vnet_has_offloads(vnet);

	if (shadow->has_offloads != wants)
		return mdev_migrate_refuse(&vnet->mdm.desc, -EINVAL,
					   "offloads in use: the stream has %s, this device expects %s",
					   wants ? "none" : "some", wants ? "some" : "none");
	return wants ? vnet_ctrl_load_offloads(vnet, &shadow->offloads, &shadow->ctrl) : 0;
}

/**
 * vnet_load_check - do the stream's records fit together, and this device?
 * @mdm: the device; not changed
 * @data: the shadow, with all records; gets what the control queue had set
 *
 * Return: 0 or an error.
 */
int vnet_load_check(struct mdev_migrate_device *mdm, void *data)
{
	struct vnet_shadow *shadow = data;
	const struct vnet_parts *parts = &shadow->parts;
	struct vnet *vnet = to_vnet(mdm);
	unsigned int i;
	int err;

	guard(mutex)(&vnet->lock);

	err = vnet_check_features(vnet, parts);
	if (err)
		return err;
	err = vnet_check_status(vnet, parts);
	if (err)
		return err;

	if (parts->nr_queues != vnet->nr_queues)
		return mdev_migrate_refuse(&mdm->desc, -EINVAL,
					   "queues: the stream has %u, this device has %u",
					   parts->nr_queues, vnet->nr_queues);
	for (i = 0; i < vnet->nr_queues; i++) {
		err = vnet_check_queue(vnet, parts, i);
		if (err)
			return err;
	}

	if (shadow->broken >> vnet->nr_queues ||
	    (shadow->broken &&
	     !(parts->status & VIRTIO_CONFIG_S_NEEDS_RESET)))
		return mdev_migrate_refuse(&mdm->desc, -EINVAL,
					   "broken queues: the stream has %#x with device status %#x, this device has %u queues",
					   shadow->broken, parts->status,
					   vnet->nr_queues);

	if (!vnet_parts_generation(parts, shadow->generation))
		return mdev_migrate_refuse(&mdm->desc, -EINVAL,
					   "config_generation: the stream's device parts have another one than its record of the interrupt status, %u",
					   shadow->generation);

	vnet_ctrl_init(&shadow->ctrl, vnet_accepted(parts), shadow->mac);
	err = vnet_ctrl_load(vnet, parts, &shadow->ctrl);
	return err ?: vnet_check_offloads(vnet, shadow);
}

static void vnet_commit_queue(struct vnet_vq *vq,
			      const struct vnet_parts_queue *queue, bool broken)
{
	vq->size = queue->size;
	WRITE_ONCE(vq->vector, queue->vector);
	vq->enabled = queue->enabled;
	vq->resync = queue->enabled;
	vq->addr[VNET_DESC] = queue->desc;
	vq->addr[VNET_AVAIL] = queue->driver;
	vq->addr[VNET_USED] = queue->device;

	guard(mutex)(&vq->mutex);
	spin_lock_bh(&vq->lock);
	vq->broken = broken;
	spin_unlock_bh(&vq->lock);
}

/**
 * vnet_load_commit - become what the stream says
 * @mdm: the device, stopped
 * @data: the shadow, checked
 * Return: 0
 */
int vnet_load_commit(struct mdev_migrate_device *mdm, void *data)
{
	const struct vnet_shadow *shadow = data;
	const struct vnet_parts *parts = &shadow->parts;
	struct vnet *vnet = to_vnet(mdm);
	unsigned int i;

	guard(mutex)(&vnet->lock);
	vnet_reset(vnet);
	vnet->driver_features = parts->driver_features;
	vnet->device_feature_select = parts->device_feature_select;
	vnet->driver_feature_select = parts->driver_feature_select;
	vnet->queue_select = parts->queue_select;
	write_seqlock_bh(&vnet->ctrl_lock);
	vnet->ctrl = shadow->ctrl;
	write_sequnlock_bh(&vnet->ctrl_lock);
	for (i = 0; i < vnet->nr_queues; i++)
		vnet_commit_queue(&vnet->vqs[i], &parts->queues[i],
				  shadow->broken & BIT(i));

	spin_lock_bh(&vnet->irq_lock);
	vnet->config_vector = parts->config_vector;
	vnet->status = parts->status;
	vnet->isr = shadow->isr;
	vnet->generation = shadow->generation;
	vnet->link_up = shadow->net_status & VIRTIO_NET_S_LINK_UP;
	vnet->announce_due = parts->status & VIRTIO_CONFIG_S_DRIVER_OK &&
			     parts->driver_features &
			     BIT_ULL(VIRTIO_NET_F_GUEST_ANNOUNCE);
	ether_addr_copy(vnet->mac, shadow->mac);
	spin_unlock_bh(&vnet->irq_lock);
	vnet_update(vnet);
	return 0;
}

/**
 * vnet_load_end - the stream ended, committed or not
 * @mdm: the device
 * @data: the shadow
 */
void vnet_load_end(struct mdev_migrate_device *mdm, void *data)
{
	struct vnet_shadow *shadow = data;

	kfree(shadow->raw);
	kfree(shadow);
}
