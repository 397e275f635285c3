// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fields of struct virtio_pci_common_cfg that a stream may have a device part for, although
 * they follow from other parts: some are read only, some show what another register selects.
 * They are verified, as virtio 1.4 says of the part PCI_COMMON_CFG, and nothing is set.
 */
#include "parts.h"

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/kernel.h>
#include <linux/stddef.h>
#else
#include <assert.h>
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

#define NO_VECTOR	0xffff

static u64 window(u64 features, u32 select)
{
	return select > 1 ? 0 : (u32)(features >> 32 * select);
}

/* Without their part, which is optional, nothing says which these are. */
static int device_feature(const struct vnet_parts *parts,
			  const struct vnet_common_field *field, u64 *value)
{
	*value = window(parts->device_features, parts->device_feature_select);
	return parts->has_device_features;
}

static int driver_feature(const struct vnet_parts *parts,
			  const struct vnet_common_field *field, u64 *value)
{
	*value = window(parts->driver_features, parts->driver_feature_select);
	return 1;
}

static int num_queues(const struct vnet_parts *parts,
		      const struct vnet_common_field *field, u64 *value)
{
	*value = parts->nr_queues;
	return 1;
}

static int device_status(const struct vnet_parts *parts,
			 const struct vnet_common_field *field, u64 *value)
{
	*value = parts->status;
	return 1;
}

/* It is not in the parts: see vnet_parts_generation(). */
static int config_generation(const struct vnet_parts *parts,
			     const struct vnet_common_field *field, u64 *value)
{
	return 0;
}

/* A member of the selected queue; what its length is the field's is, too. */
static int queue_member(const struct vnet_parts *parts,
			const struct vnet_common_field *field, u64 *value)
{
	const u8 *queue;

	*value = field->none;
	if (parts->queue_select >= parts->nr_queues)
		return 1;
	queue = (const u8 *)&parts->queues[parts->queue_select];
	*value = field->length == sizeof(u64) ? *(const u64 *)(queue + field->member) :
		 *(const u16 *)(queue + field->member);
	return 1;
}

static int zero(const struct vnet_parts *parts,
		const struct vnet_common_field *field, u64 *value)
{
	*value = 0;
	return 1;
}

#define FIELD(_name, _offset, _length)	\
	{ #_name, _offset, _length, _name, 0, 0 }
#define AT(_member)	offsetof(struct vnet_parts_queue, _member)

static const struct vnet_common_field common_fields[] = {
	FIELD(device_feature, 4, 4),
	FIELD(driver_feature, 12, 4),
	FIELD(num_queues, 18, 2),
	FIELD(device_status, 20, 1),
	FIELD(config_generation, VNET_COMMON_GENERATION, 1),
	{ "queue_size", 24, 2, queue_member, AT(size), 0 },
	{ "queue_msix_vector", 26, 2, queue_member, AT(vector), NO_VECTOR },
	{ "queue_enable", 28, 2, queue_member, AT(enabled), 0 },
	{ "queue_notify_off", 30, 2, queue_member, AT(notify_off), 0 },
	{ "queue_desc", 32, 8, queue_member, AT(desc), 0 },
	{ "queue_driver", 40, 8, queue_member, AT(driver), 0 },
	{ "queue_device", 48, 8, queue_member, AT(device), 0 },
	{ "queue_notif_config_data", 56, 2, queue_member, AT(notif_config_data), 0 },
	{ "queue_reset", 58, 2, zero, 0, 0 },
	{ "admin_queue_index", 60, 2, zero, 0, 0 },
	{ "admin_queue_num", 62, 2, zero, 0, 0 },
};

/* A stream has each once. */
static_assert(ARRAY_SIZE(common_fields) <= VNET_PARTS_FIELDS, "no room for all fields");

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
