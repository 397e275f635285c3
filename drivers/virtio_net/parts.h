/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio device parts (virtio 1.4, "Device parts"). Plain C for the kernel module
 * and the tools; nothing here sleeps, allocates or takes a lock.
 */
#ifndef MDEV_VIRTIO_NET_PARTS_H
#define MDEV_VIRTIO_NET_PARTS_H

#include <linux/mdev_migrate/config.h>

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <linux/types.h>
#include <stddef.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
#endif

/* The most queues a device with these parts can have. */
#define VNET_PARTS_QUEUES	17
/* The most control commands whose effects a device has in its parts. */
#define VNET_PARTS_CTRL		24
/* The most fields of the common configuration that are verified only. */
#define VNET_PARTS_FIELDS	16
/* Bytes of a part's header. */
#define VNET_PART_HDR		16

/**
 * struct vnet_parts_queue - a queue, as its two parts have it
 * @size: descriptors
 * @vector: MSI-X vector or VIRTIO_MSI_NO_VECTOR
 * @enabled: 0 or 1
 * @desc: IOVA of the descriptor table
 * @driver: IOVA of the driver area
 * @device: IOVA of the device area
 * @notify_off: queue_notify_off
 * @notif_config_data: queue_notif_config_data
 */
struct vnet_parts_queue {
	u16 size;
	u16 vector;
	u16 enabled;
	u64 desc;
	u64 driver;
	u64 device;
	u16 notify_off;
	u16 notif_config_data;
};

/**
 * struct vnet_parts_ctrl - a control command whose effect is to be restored
 * @class: of the command
 * @command: within its class
 * @optional: may be ignored by who does not know it
 * @length: bytes at @data
 * @data: the command's data; the caller's memory, not the parts' own
 */
struct vnet_parts_ctrl {
	u8 class;
	u8 command;
	u8 optional;
	u32 length;
	const u8 *data;
};

/**
 * struct vnet_parts_field - a field of the common configuration that is not set by its part
 * @offset: in struct virtio_pci_common_cfg
 * @value: to be verified: it follows from other parts, or from the device
 */
struct vnet_parts_field {
	u16 offset;
	u64 value;
};

/**
 * struct vnet_parts - a device's parts
 * @device_features: offered
 * @driver_features: accepted
 * @device_feature_select: register
 * @driver_feature_select: register
 * @config_vector: register
 * @queue_select: register
 * @status: device status
 * @has_device_features: the part, which is optional, was there
 * @nr_queues: how many of @queues
 * @queues: by index
 * @nr_ctrl: how many of @ctrl
 * @ctrl: ascending by class and command
 * @nr_fields: how many of @fields
 * @fields: others that are verified; none is written
 */
struct vnet_parts {
	u64 device_features;
	u64 driver_features;
	u32 device_feature_select;
	u32 driver_feature_select;
	u16 config_vector;
	u16 queue_select;
	u8 status;
	u8 has_device_features;
	u16 nr_queues;
	struct vnet_parts_queue queues[VNET_PARTS_QUEUES];
	u16 nr_ctrl;
	struct vnet_parts_ctrl ctrl[VNET_PARTS_CTRL];
	u8 nr_fields;
	struct vnet_parts_field fields[VNET_PARTS_FIELDS];
};

/* Where config_generation is in struct virtio_pci_common_cfg. */
#define VNET_COMMON_GENERATION	21

/**
 * struct vnet_common_field - a field of the common configuration that is verified
 * @name: in struct virtio_pci_common_cfg
 * @offset: there
 * @length: bytes
 * @expected: gets what it is to be; returns 0 if that does not follow from the parts
 * @member: where it is in struct vnet_parts_queue, if it is of a queue
 * @none: what it is where there is no such queue
 */
struct vnet_common_field {
	const char *name;
	u8 offset;
	u8 length;
	int (*expected)(const struct vnet_parts *parts, const struct vnet_common_field *field,
			u64 *value);
	u16 member;
	u16 none;
};

const struct vnet_common_field *vnet_common_field_find(u32 offset);
int vnet_parts_generation(const struct vnet_parts *parts, u8 generation);
size_t vnet_parts_size(unsigned int nr_queues);
size_t vnet_parts_encode(const struct vnet_parts *parts, u8 *buf);
int vnet_parts_decode(struct vnet_parts *parts, const u8 *buf, size_t len,
		      struct mdev_migrate_msg *why);

#endif /* MDEV_VIRTIO_NET_PARTS_H */
