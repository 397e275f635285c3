// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers of the common configuration (virtio 1.x, 4.1.4.3), as a table.
 * A read gives whatever part of registers it covers; a write changes the
 * registers that it covers whole. What a driver may not write is ignored.
 */
#include <linux/log2.h>
#include <linux/nospec.h>
#include "virtio_net.h"

/* What a driver can set in the device status. */
#define VNET_DRIVER_STATUS						\
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |		\
	 VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FEATURES_OK |	\
	 VIRTIO_CONFIG_S_FAILED)

struct vnet_reg {
	u8 offset;
	u8 size;
	u8 arg;
	u32 (*get)(struct vnet *vnet, unsigned int arg);
	void (*set)(struct vnet *vnet, unsigned int arg, u32 value);
};

/* The selected queue, or NULL. */
static struct vnet_vq *vnet_selected(struct vnet *vnet)
{
	unsigned int index;

	lockdep_assert_held(&vnet->lock);

	index = vnet->queue_select;
	if (index >= vnet->nr_queues)
		return NULL;
	return &vnet->vqs[array_index_nospec(index, vnet->nr_queues)];
}

/* The selected queue, if the driver may configure it now. */
static struct vnet_vq *vnet_configurable(struct vnet *vnet)
{
	struct vnet_vq *vq = vnet_selected(vnet);

	return vq && !vq->enabled ? vq : NULL;
}

static u32 get_device_feature_select(struct vnet *vnet, unsigned int arg)
	__must_hold(&vnet->lock)
{
	return vnet->device_feature_select;
}

static void set_device_feature_select(struct vnet *vnet, unsigned int arg,
				      u32 value)
	__must_hold(&vnet->lock)
{
	vnet->device_feature_select = value;
}

/* A 32-bit word of a 64-bit number; there is nothing in the others. */
static u32 vnet_word(u64 number, u32 index)
{
	return index < 2 ? number >> (32 * index) : 0;
}

static u64 vnet_set_word(u64 number, u32 index, u32 value)
{
	unsigned int shift = 32 * index;

	if (index >= 2)
		return number;
	return (number & ~((u64)U32_MAX << shift)) | ((u64)value << shift);
}

static u32 get_device_feature(struct vnet *vnet, unsigned int arg)
	__must_hold(&vnet->lock)
{
	return vnet_word(vnet->features, vnet->device_feature_select);
}

static u32 get_driver_feature_select(struct vnet *vnet, unsigned int arg)
	__must_hold(&vnet->lock)
{
	return vnet->driver_feature_select;
}

static void set_driver_feature_select(struct vnet *vnet, unsigned int arg,
				      u32 value)
	__must_hold(&vnet->lock)
{
	vnet->driver_feature_select = value;
}

static u32 get_driver_feature(struct vnet *vnet, unsigned int arg)
	__must_hold(&vnet->lock)
{
	return vnet_word(vnet->driver_features, vnet->driver_feature_select);
}

static void set_driver_feature(struct vnet *vnet, unsigned int arg, u32 value)
	__must_hold(&vnet->lock)
{
	u64 bad = vnet->driver_features & VNET_BAD_FEATURE;
	u32 index = vnet->driver_feature_select;

	if (vnet_status(vnet) & VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	/* What is not offered is not forgotten, in words without a place too. */
	if (index >= 2 && value)
		bad = VNET_BAD_FEATURE;
	vnet->driver_features = vnet_set_word(vnet->driver_features, index,
					      value) | bad;
}

static u16 vnet_valid_vector(struct vnet *vnet, u32 vector)
{
	return vector < vnet->nr_vectors ? vector : VIRTIO_MSI_NO_VECTOR;
}

static u32 get_config_vector(struct vnet *vnet, unsigned int arg)
{
	/* Changes under vnet->lock, too. */
	return context_unsafe(vnet->config_vector);
}

static void set_config_vector(struct vnet *vnet, unsigned int arg, u32 value)
{
	spin_lock_bh(&vnet->irq_lock);
	vnet->config_vector = vnet_valid_vector(vnet, value);
	spin_unlock_bh(&vnet->irq_lock);
}

static u32 get_num_queues(struct vnet *vnet, unsigned int arg)
{
	return vnet->nr_queues;
}

static u32 get_status(struct vnet *vnet, unsigned int arg)
{
	return vnet_status(vnet);
}

/* Bits are set by the driver one after the other and cleared by a reset only. */
static void set_status(struct vnet *vnet, unsigned int arg, u32 value)
{
	u8 add = value & VNET_DRIVER_STATUS & ~vnet_status(vnet);
	u8 status;

	if (!value) {
		vnet_reset(vnet);
		return;
	}

	if (!vnet_model_accepts(vnet->features, vnet->driver_features))
		add &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	if (add & VIRTIO_CONFIG_S_FEATURES_OK)
		vnet_ctrl_reset(vnet, vnet->driver_features);

	spin_lock_bh(&vnet->irq_lock);
	status = vnet->status | add;
	if (!(status & VIRTIO_CONFIG_S_FEATURES_OK))
		status &= ~VIRTIO_CONFIG_S_DRIVER_OK;
	vnet->status = status;
	spin_unlock_bh(&vnet->irq_lock);
	vnet_update(vnet);
}

static u32 get_generation(struct vnet *vnet, unsigned int arg)
{
	/* A driver reads it again when it has read the configuration. */
	return context_unsafe(READ_ONCE(vnet->generation));
}

static u32 get_queue_select(struct vnet *vnet, unsigned int arg)
	__must_hold(&vnet->lock)
{
	return vnet->queue_select;
}

static void set_queue_select(struct vnet *vnet, unsigned int arg, u32 value)
	__must_hold(&vnet->lock)
{
	vnet->queue_select = value;
}

static u32 get_queue_size(struct vnet *vnet, unsigned int arg)
{
	struct vnet_vq *vq = vnet_selected(vnet);

	return vq ? vq->size : 0;
}

static void set_queue_size(struct vnet *vnet, unsigned int arg, u32 value)
{
	struct vnet_vq *vq = vnet_configurable(vnet);

	if (vq && is_power_of_2(value) && value <= VNET_QUEUE_SIZE)
		vq->size = value;
}

static u32 get_queue_vector(struct vnet *vnet, unsigned int arg)
{
	struct vnet_vq *vq = vnet_selected(vnet);

	return vq ? vq->vector : VIRTIO_MSI_NO_VECTOR;
}

static void set_queue_vector(struct vnet *vnet, unsigned int arg, u32 value)
{
	struct vnet_vq *vq = vnet_selected(vnet);

	if (vq)
		WRITE_ONCE(vq->vector, vnet_valid_vector(vnet, value));
}

static u32 get_queue_enable(struct vnet *vnet, unsigned int arg)
{
	struct vnet_vq *vq = vnet_selected(vnet);

	return vq && vq->enabled;
}

static void set_queue_enable(struct vnet *vnet, unsigned int arg, u32 value)
{
	struct vnet_vq *vq = vnet_configurable(vnet);

	if (!vq || value != 1 || !(vnet_status(vnet) & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	vq->enabled = true;
	vnet_update(vnet);
}

static u32 get_queue_notify_off(struct vnet *vnet, unsigned int arg)
{
	struct vnet_vq *vq = vnet_selected(vnet);

	return vq ? vq->index : 0;
}

/* The reset is over when it is seen. */
static u32 get_queue_reset(struct vnet *vnet, unsigned int arg)
{
	return 0;
}

/* A queue that is broken stays so until the device is reset, as its status does. */
static void vnet_queue_reset(struct vnet_vq *vq)
{
	bool broken;

	vnet_vq_deactivate(vq);
	broken = READ_ONCE(vq->broken);
	vnet_vq_reset(vq);
	if (!broken)
		return;
	guard(mutex)(&vq->mutex);
	spin_lock_bh(&vq->lock);
	WRITE_ONCE(vq->broken, true);
	spin_unlock_bh(&vq->lock);
}

static void set_queue_reset(struct vnet *vnet, unsigned int arg, u32 value)
{
	struct vnet_vq *vq = vnet_selected(vnet);

	if (!vq || value != 1 || !(vnet_status(vnet) & VIRTIO_CONFIG_S_FEATURES_OK) ||
	    !(vnet->driver_features & BIT_ULL(VIRTIO_F_RING_RESET)))
		return;
	vnet_queue_reset(vq);
}

/* @arg is twice the area, plus one for the upper half of its address. */
static u32 get_queue_addr(struct vnet *vnet, unsigned int arg)
{
	struct vnet_vq *vq = vnet_selected(vnet);

	return vq ? vnet_word(vq->addr[arg / 2], arg % 2) : 0;
}

static void set_queue_addr(struct vnet *vnet, unsigned int arg, u32 value)
{
	struct vnet_vq *vq = vnet_configurable(vnet);

	if (vq)
		vq->addr[arg / 2] = vnet_set_word(vq->addr[arg / 2], arg % 2,
						  value);
}

/* Ascending. */
static const struct vnet_reg vnet_regs[] = {
	{ VIRTIO_PCI_COMMON_DFSELECT, 4, 0, get_device_feature_select,
	  set_device_feature_select },
	{ VIRTIO_PCI_COMMON_DF, 4, 0, get_device_feature, NULL },
	{ VIRTIO_PCI_COMMON_GFSELECT, 4, 0, get_driver_feature_select,
	  set_driver_feature_select },
	{ VIRTIO_PCI_COMMON_GF, 4, 0, get_driver_feature, set_driver_feature },
	{ VIRTIO_PCI_COMMON_MSIX, 2, 0, get_config_vector, set_config_vector },
	{ VIRTIO_PCI_COMMON_NUMQ, 2, 0, get_num_queues, NULL },
	{ VIRTIO_PCI_COMMON_STATUS, 1, 0, get_status, set_status },
	{ VIRTIO_PCI_COMMON_CFGGENERATION, 1, 0, get_generation, NULL },
	{ VIRTIO_PCI_COMMON_Q_SELECT, 2, 0, get_queue_select,
	  set_queue_select },
	{ VIRTIO_PCI_COMMON_Q_SIZE, 2, 0, get_queue_size, set_queue_size },
	{ VIRTIO_PCI_COMMON_Q_MSIX, 2, 0, get_queue_vector, set_queue_vector },
	{ VIRTIO_PCI_COMMON_Q_ENABLE, 2, 0, get_queue_enable,
	  set_queue_enable },
	{ VIRTIO_PCI_COMMON_Q_NOFF, 2, 0, get_queue_notify_off, NULL },
	{ VIRTIO_PCI_COMMON_Q_DESCLO, 4, 2 * VNET_DESC, get_queue_addr,
	  set_queue_addr },
	{ VIRTIO_PCI_COMMON_Q_DESCHI, 4, 2 * VNET_DESC + 1, get_queue_addr,
	  set_queue_addr },
	{ VIRTIO_PCI_COMMON_Q_AVAILLO, 4, 2 * VNET_AVAIL, get_queue_addr,
	  set_queue_addr },
	{ VIRTIO_PCI_COMMON_Q_AVAILHI, 4, 2 * VNET_AVAIL + 1, get_queue_addr,
	  set_queue_addr },
	{ VIRTIO_PCI_COMMON_Q_USEDLO, 4, 2 * VNET_USED, get_queue_addr,
	  set_queue_addr },
	{ VIRTIO_PCI_COMMON_Q_USEDHI, 4, 2 * VNET_USED + 1, get_queue_addr,
	  set_queue_addr },
	{ VIRTIO_PCI_COMMON_Q_RESET, 2, 0, get_queue_reset, set_queue_reset },
};

/**
 * vnet_common_len - the length of the common configuration
 * @vnet: the device
 *
 * What lies behind the queue's addresses is there with features only: of
 * these, the reset of a queue can be offered.
 *
 * Return: bytes.
 */
unsigned int vnet_common_len(const struct vnet *vnet)
{
	if (vnet->features & BIT_ULL(VIRTIO_F_RING_RESET))
		return VIRTIO_PCI_COMMON_Q_RESET + sizeof(__le16);
	return VIRTIO_PCI_COMMON_Q_USEDHI + sizeof(__le32);
}

/**
 * vnet_common_read - the guest reads the common configuration
 * @vnet: the device
 * @offset: where
 * @len: 1, 2, 4 or 8
 *
 * Return: the value.
 */
u64 vnet_common_read(struct vnet *vnet, u64 offset, unsigned int len)
{
	u64 value = 0;
	unsigned int i;

	guard(mutex)(&vnet->lock);

	for (i = 0; i < ARRAY_SIZE(vnet_regs); i++) {
		const struct vnet_reg *reg = &vnet_regs[i];
		u64 part;

		if (reg->offset + reg->size <= offset ||
		    reg->offset >= offset + len)
			continue;
		part = reg->get(vnet, reg->arg);
		if (reg->offset >= offset)
			value |= part << (8 * (reg->offset - offset));
		else
			value |= part >> (8 * (offset - reg->offset));
	}
	return value;
}

/**
 * vnet_common_write - the guest writes the common configuration
 * @vnet: the device
 * @offset: where
 * @len: 1, 2, 4 or 8
 * @value: what
 */
void vnet_common_write(struct vnet *vnet, u64 offset, unsigned int len,
		       u64 value)
{
	unsigned int i;

	guard(mutex)(&vnet->lock);

	for (i = 0; i < ARRAY_SIZE(vnet_regs); i++) {
		const struct vnet_reg *reg = &vnet_regs[i];
		u64 part;

		if (!reg->set || reg->offset < offset ||
		    reg->offset + reg->size > offset + len)
			continue;
		part = value >> (8 * (reg->offset - offset));
		reg->set(vnet, reg->arg,
			 part & GENMASK_ULL(8 * reg->size - 1, 0));
	}
}
