// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fields of struct virtio_pci_common_cfg that a stream may have a device part for, although
 * they follow from other parts: some are read only, some show what another register selects.
 * They are verified, as virtio 1.4 says of the part PCI_COMMON_CFG, and nothing is set.
 */
#include "parts.h"

#ifdef __KERNEL__
#include <linux/kernel.h>
#else
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

#define NO_VECTOR	0xffff

static u64 window(u64 features, u32 select)
{
	return select > 1 ? 0 : (u32)(features >> 32 * select);
}

/* Without their part, which is optional, nothing says which these are. */
static int device_feature(const struct vnet_parts *parts, u64 *value)
{
	*value = window(parts->device_features, parts->device_feature_select);
	return parts->has_device_features;
}

static int driver_feature(const struct vnet_parts *parts, u64 *value)
{
	*value = window(parts->driver_features, parts->driver_feature_select);
	return 1;
}

static int num_queues(const struct vnet_parts *parts, u64 *value)
{
	*value = parts->nr_queues;
	return 1;
}

static int device_status(const struct vnet_parts *parts, u64 *value)
{
	*value = parts->status;
	return 1;
}

/* It is not in the parts: see vnet_parts_generation(). */
static int config_generation(const struct vnet_parts *parts, u64 *value)
{
	return 0;
}

#define FIELD_OF_QUEUE(_name, _member, _none)					\
	static int _name(const struct vnet_parts *parts, u64 *value)		\
	{									\
		*value = parts->queue_select < parts->nr_queues ?		\
			 parts->queues[parts->queue_select]._member : (_none);	\
		return 1;							\
	}

FIELD_OF_QUEUE(queue_size, size, 0)
FIELD_OF_QUEUE(queue_msix_vector, vector, NO_VECTOR)
FIELD_OF_QUEUE(queue_enable, enabled, 0)
FIELD_OF_QUEUE(queue_notify_off, notify_off, 0)
FIELD_OF_QUEUE(queue_desc, desc, 0)
FIELD_OF_QUEUE(queue_driver, driver, 0)
FIELD_OF_QUEUE(queue_device, device, 0)
FIELD_OF_QUEUE(queue_notif_config_data, notif_config_data, 0)

static int zero(const struct vnet_parts *parts, u64 *value)
{
	*value = 0;
	return 1;
}

#define FIELD(_name, _offset, _length)	{ #_name, _offset, _length, _name }

static const struct vnet_common_field common_fields[] = {
	FIELD(device_feature, 4, 4),
	FIELD(driver_feature, 12, 4),
	FIELD(num_queues, 18, 2),
	FIELD(device_status, 20, 1),
	FIELD(config_generation, VNET_COMMON_GENERATION, 1),
	FIELD(queue_size, 24, 2),
	FIELD(queue_msix_vector, 26, 2),
	FIELD(queue_enable, 28, 2),
	FIELD(queue_notify_off, 30, 2),
	FIELD(queue_desc, 32, 8),
	FIELD(queue_driver, 40, 8),
	FIELD(queue_device, 48, 8),
	FIELD(queue_notif_config_data, 56, 2),
	{ "queue_reset", 58, 2, zero },
	{ "admin_queue_index", 60, 2, zero },
	{ "admin_queue_num", 62, 2, zero },
};

/**
 * vnet_common_field_find - a field that is verified
 * @offset: in struct virtio_pci_common_cfg
 *
 * Return: the field, or NULL.
 */
const struct vnet_common_field *vnet_common_field_find(u32 offset)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(common_fields); i++)
		if (common_fields[i].offset == offset)
			return &common_fields[i];
	return NULL;
}

/**
 * vnet_parts_generation - is the stream's config_generation this, if it has one?
 * @parts: decoded
 * @generation: what it is to be
 *
 * Return: 1 or 0.
 */
int vnet_parts_generation(const struct vnet_parts *parts, u8 generation)
{
	unsigned int i;

	for (i = 0; i < parts->nr_fields; i++)
		if (parts->fields[i].offset == VNET_COMMON_GENERATION)
			return parts->fields[i].value == generation;
	return 1;
}
