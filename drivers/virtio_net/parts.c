// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio device parts (virtio 1.4, "Device parts"): encode and decode.
 *
 * A part is a header of 16 bytes, little-endian, and its value:
 *
 *	le16 type, u8 flags, u8 reserved, u8 selector[8], le32 length
 *
 *	type	what			selector	value
 *	0x100	DEV_FEATURES, optional	-		le64
 *	0x101	DRV_FEATURES		-		le64
 *	0x102	PCI_COMMON_CFG		le32 offset	the field there
 *	0x103	DEVICE_STATUS		-		u8
 *	0x104	VQ_CFG			le16 queue	le16 size, vector,
 *							enabled, reserved; le64
 *							desc, driver, device
 *	0x105	VQ_NOTIFY_CFG		le16 queue	le16 notify_off,
 *							notif_config_data,
 *							4 bytes reserved
 *	0x200	CVQ_CFG			u8 class,	the command's data
 *				u8 command
 *
 * They come in ascending order of type, each once, each but optional ones, for each queue.
 * In which order those of one type come does not matter; written they ascend by selector.
 * Other fields of the common configuration may come: they follow from other parts, and are
 * verified. Which control commands there are, and what the values mean to the device, is
 * checked by who uses them.
 */
#include "parts.h"

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#else
#include <errno.h>
#include <stdio.h>
#include <string.h>
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

#define PART_HDR		VNET_PART_HDR
#define PART_OPTIONAL		1

#define PART_DEV_FEATURES	0x100
#define PART_DRV_FEATURES	0x101
#define PART_PCI_COMMON_CFG	0x102
#define PART_DEVICE_STATUS	0x103
#define PART_VQ_CFG		0x104
#define PART_VQ_NOTIFY_CFG	0x105
#define PART_CVQ_CFG		0x200

/* Offsets into struct virtio_pci_common_cfg. */
#define COMMON_DEVICE_FEATURE_SELECT	0
#define COMMON_DRIVER_FEATURE_SELECT	8
#define COMMON_CONFIG_VECTOR		16
#define COMMON_QUEUE_SELECT		22

static u64 get_le(const u8 *p, unsigned int size)
{
	u64 value = 0;

	while (size--)
		value = value << 8 | p[size];
	return value;
}

static void put_le(u8 *p, unsigned int size, u64 value)
{
	for (; size--; value >>= 8)
		*p++ = value;
}

static void get_dev_features(struct vnet_parts *parts, u32 selector,
			     const u8 *value)
{
	parts->device_features = get_le(value, 8);
	parts->has_device_features = 1;
}

static void put_dev_features(const struct vnet_parts *parts, u32 selector,
			     u8 *value)
{
	put_le(value, 8, parts->device_features);
}

static void get_drv_features(struct vnet_parts *parts, u32 selector,
			     const u8 *value)
{
	parts->driver_features = get_le(value, 8);
}

static void put_drv_features(const struct vnet_parts *parts, u32 selector,
			     u8 *value)
{
	put_le(value, 8, parts->driver_features);
}

static void get_dev_select(struct vnet_parts *parts, u32 selector,
			   const u8 *value)
{
	parts->device_feature_select = get_le(value, 4);
}

static void put_dev_select(const struct vnet_parts *parts, u32 selector,
			   u8 *value)
{
	put_le(value, 4, parts->device_feature_select);
}

static void get_drv_select(struct vnet_parts *parts, u32 selector,
			   const u8 *value)
{
	parts->driver_feature_select = get_le(value, 4);
}

static void put_drv_select(const struct vnet_parts *parts, u32 selector,
			   u8 *value)
{
	put_le(value, 4, parts->driver_feature_select);
}

static void get_vector(struct vnet_parts *parts, u32 selector, const u8 *value)
{
	parts->config_vector = get_le(value, 2);
}

static void put_vector(const struct vnet_parts *parts, u32 selector, u8 *value)
{
	put_le(value, 2, parts->config_vector);
}

static void get_queue_select(struct vnet_parts *parts, u32 selector,
			     const u8 *value)
{
	parts->queue_select = get_le(value, 2);
}

static void put_queue_select(const struct vnet_parts *parts, u32 selector,
			     u8 *value)
{
	put_le(value, 2, parts->queue_select);
}

static void get_status(struct vnet_parts *parts, u32 selector, const u8 *value)
{
	parts->status = *value;
}

static void put_status(const struct vnet_parts *parts, u32 selector, u8 *value)
{
	*value = parts->status;
}

static void get_vq_cfg(struct vnet_parts *parts, u32 selector, const u8 *value)
{
	struct vnet_parts_queue *queue = &parts->queues[selector];

	queue->size = get_le(value, 2);
	queue->vector = get_le(value + 2, 2);
	queue->enabled = get_le(value + 4, 2);
	queue->desc = get_le(value + 8, 8);
	queue->driver = get_le(value + 16, 8);
	queue->device = get_le(value + 24, 8);
}

static void put_vq_cfg(const struct vnet_parts *parts, u32 selector, u8 *value)
{
	const struct vnet_parts_queue *queue = &parts->queues[selector];

	put_le(value, 2, queue->size);
	put_le(value + 2, 2, queue->vector);
	put_le(value + 4, 2, queue->enabled);
	put_le(value + 8, 8, queue->desc);
	put_le(value + 16, 8, queue->driver);
	put_le(value + 24, 8, queue->device);
}

static void get_vq_notify(struct vnet_parts *parts, u32 selector,
			  const u8 *value)
{
	struct vnet_parts_queue *queue = &parts->queues[selector];

	queue->notify_off = get_le(value, 2);
	queue->notif_config_data = get_le(value + 2, 2);
}

static void put_vq_notify(const struct vnet_parts *parts, u32 selector,
			  u8 *value)
{
	const struct vnet_parts_queue *queue = &parts->queues[selector];

	put_le(value, 2, queue->notify_off);
	put_le(value + 2, 2, queue->notif_config_data);
}

/*
 * What parts there are, in their order. Bytes [zero, zero + nr_zero) of the
 * value are reserved.
 */
static const struct part_kind {
	const char *name;
	u16 type;
	u16 selector;
	u16 length;
	u8 flags;
	u8 per_queue;
	u8 zero;
	u8 nr_zero;
	void (*get)(struct vnet_parts *parts, u32 selector, const u8 *value);
	void (*put)(const struct vnet_parts *parts, u32 selector, u8 *value);
} part_kinds[] = {
	{ "DEV_FEATURES", PART_DEV_FEATURES, 0, 8, PART_OPTIONAL, 0, 0, 0,
	  get_dev_features, put_dev_features },
	{ "DRV_FEATURES", PART_DRV_FEATURES, 0, 8, 0, 0, 0, 0,
	  get_drv_features, put_drv_features },
	{ "device_feature_select", PART_PCI_COMMON_CFG,
	  COMMON_DEVICE_FEATURE_SELECT, 4, 0, 0, 0, 0,
	  get_dev_select, put_dev_select },
	{ "driver_feature_select", PART_PCI_COMMON_CFG,
	  COMMON_DRIVER_FEATURE_SELECT, 4, 0, 0, 0, 0,
	  get_drv_select, put_drv_select },
	{ "config_msix_vector", PART_PCI_COMMON_CFG,
	  COMMON_CONFIG_VECTOR, 2, 0, 0, 0, 0,
	  get_vector, put_vector },
	{ "queue_select", PART_PCI_COMMON_CFG,
	  COMMON_QUEUE_SELECT, 2, 0, 0, 0, 0,
	  get_queue_select, put_queue_select },
	{ "DEVICE_STATUS", PART_DEVICE_STATUS, 0, 1, 0, 0, 0, 0,
	  get_status, put_status },
	{ "VQ_CFG", PART_VQ_CFG, 0, 32, 0, 1, 6, 2,
	  get_vq_cfg, put_vq_cfg },
	{ "VQ_NOTIFY_CFG", PART_VQ_NOTIFY_CFG, 0, 8, 0, 1, 4, 4,
	  get_vq_notify, put_vq_notify },
};

#define NR_KINDS	ARRAY_SIZE(part_kinds)

/**
 * vnet_parts_size - how long a device's parts are
 * @nr_queues: its queues
 *
 * Each control command adds VNET_PART_HDR and the length of its data.
 *
 * Return: bytes.
 */
size_t vnet_parts_size(unsigned int nr_queues)
{
	size_t size = 0;
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++) {
		const struct part_kind *kind = &part_kinds[i];

		size += (PART_HDR + kind->length) *
			(kind->per_queue ? nr_queues : 1);
	}
	return size;
}

static u8 *put_hdr(u8 *p, u16 type, u8 flags, u32 selector, u32 length)
{
	memset(p, 0, PART_HDR);
	put_le(p, 2, type);
	p[2] = flags;
	put_le(p + 4, 4, selector);
	put_le(p + 12, 4, length);
	return p + PART_HDR;
}

static u8 *put_part(u8 *p, const struct part_kind *kind, u32 selector,
		    const struct vnet_parts *parts)
{
	p = put_hdr(p, kind->type, kind->flags, selector, kind->length);
	memset(p, 0, kind->length);
	kind->put(parts, selector, p);
	return p + kind->length;
}

static u8 *put_ctrl(u8 *p, const struct vnet_parts_ctrl *ctrl)
{
	p = put_hdr(p, PART_CVQ_CFG, ctrl->optional ? PART_OPTIONAL : 0,
		    ctrl->command << 8 | ctrl->class, ctrl->length);
	memcpy(p, ctrl->data, ctrl->length);
	return p + ctrl->length;
}

/**
 * vnet_parts_encode - write a device's parts
 * @parts: what
 * @buf: where to, as many bytes as vnet_parts_size() says
 *
 * Return: bytes written.
 */
size_t vnet_parts_encode(const struct vnet_parts *parts, u8 *buf)
{
	u8 *p = buf;
	unsigned int i, q;

	for (i = 0; i < NR_KINDS; i++) {
		const struct part_kind *kind = &part_kinds[i];

		if (!kind->per_queue) {
			p = put_part(p, kind, kind->selector, parts);
			continue;
		}
		for (q = 0; q < parts->nr_queues; q++)
			p = put_part(p, kind, q, parts);
	}
	for (i = 0; i < parts->nr_ctrl; i++)
		p = put_ctrl(p, &parts->ctrl[i]);
	return p - buf;
}

/* A part, as its header says; whole. */
struct part {
	u16 type;
	u8 flags;
	u32 selector;
	u32 length;
	const u8 *value;
};

/* What was decoded so far. */
struct decoder {
	struct vnet_parts *parts;
	struct mdev_migrate_msg *why;
	/* Which queues of each kind, or the first bit; the last part's type. */
	u32 seen[NR_KINDS];
	u16 last;
};

static int refuse_twice(struct decoder *dec, const char *name, unsigned long selector)
{
	snprintf(dec->why->text, sizeof(dec->why->text),
		 "virtio device parts: %s: the stream has two parts with selector %#lx, expected one",
		 name, selector);
	return -EINVAL;
}

static int refuse(struct mdev_migrate_msg *why, const char *problem,
		  unsigned long has, unsigned long wants)
{
	snprintf(why->text, sizeof(why->text),
		 "virtio device parts: %s: the stream has %#lx, expected %#lx",
		 problem, has, wants);
	return -EINVAL;
}

static int is_zero(const u8 *p, size_t len)
{
	while (len--)
		if (*p++)
			return 0;
	return 1;
}

static int read_hdr(struct part *part, const u8 *p, size_t len,
		    struct mdev_migrate_msg *why)
{
	if (len < PART_HDR)
		return refuse(why, "bytes left for a part's header", len,
			      PART_HDR);
	part->type = get_le(p, 2);
	part->flags = p[2];
	part->selector = get_le(p + 4, 4);
	part->length = get_le(p + 12, 4);
	part->value = p + PART_HDR;

	if (part->flags & ~PART_OPTIONAL)
		return refuse(why, "a part's flags", part->flags,
			      PART_OPTIONAL);
	if (part->length > len - PART_HDR)
		return refuse(why, "a part's length", part->length,
			      len - PART_HDR);
	return 0;
}

static const struct part_kind *find_kind(const struct part *part)
{
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++) {
		const struct part_kind *kind = &part_kinds[i];

		if (kind->type == part->type &&
		    (kind->per_queue || kind->selector == part->selector))
			return kind;
	}
	return NULL;
}

static int decode_known(struct decoder *dec, const struct part_kind *kind,
			const struct part *part)
{
	u32 *seen = &dec->seen[kind - part_kinds];
	u32 bit = 1;

	if (part->length != kind->length)
		return refuse(dec->why, kind->name, part->length,
			      kind->length);
	if (kind->per_queue && part->selector >= VNET_PARTS_QUEUES)
		return refuse(dec->why, "a queue's index", part->selector,
			      VNET_PARTS_QUEUES - 1);
	if (kind->per_queue)
		bit <<= part->selector;
	if (*seen & bit)
		return refuse_twice(dec, kind->name, part->selector);
	if (!is_zero(part->value + kind->zero, kind->nr_zero))
		return refuse(dec->why, "a reserved field", 1, 0);

	kind->get(dec->parts, part->selector, part->value);
	*seen |= bit;
	return 0;
}

/* A field of the common configuration that is not among the kinds. */
static int decode_field(struct decoder *dec, const struct part *part)
{
	const struct vnet_common_field *field = vnet_common_field_find(part->selector);
	struct vnet_parts *parts = dec->parts;
	unsigned int i;

	if (!field)
		return part->flags & PART_OPTIONAL ? 0 :
		       refuse(dec->why, "PCI_COMMON_CFG: the offset of a field",
			      part->selector, COMMON_QUEUE_SELECT);
	if (part->length != field->length)
		return refuse(dec->why, field->name, part->length, field->length);
	for (i = 0; i < parts->nr_fields; i++)
		if (parts->fields[i].offset == field->offset)
			return refuse_twice(dec, field->name, part->selector);
	parts->fields[parts->nr_fields++] = (struct vnet_parts_field) {
		.offset = field->offset,
		.value = get_le(part->value, part->length),
	};
	return 0;
}

static u16 ctrl_order(const struct vnet_parts_ctrl *ctrl)
{
	return ctrl->class << 8 | ctrl->command;
}

static int decode_ctrl(struct decoder *dec, const struct part *part)
{
	const struct vnet_parts_ctrl ctrl = {
		.class = part->selector,
		.command = part->selector >> 8,
		.optional = part->flags & PART_OPTIONAL,
		.length = part->length,
		.data = part->value,
	};
	struct vnet_parts *parts = dec->parts;
	unsigned int i = parts->nr_ctrl;

	if (part->selector > 0xffff)
		return refuse(dec->why, "a reserved field of a part's header",
			      1, 0);
	if (i == VNET_PARTS_CTRL)
		return refuse(dec->why, "control commands",
			      VNET_PARTS_CTRL + 1, VNET_PARTS_CTRL);
	for (; i && ctrl_order(&parts->ctrl[i - 1]) >= ctrl_order(&ctrl); i--) {
		if (ctrl_order(&parts->ctrl[i - 1]) == ctrl_order(&ctrl))
			return refuse_twice(dec, "CVQ_CFG", part->selector);
		parts->ctrl[i] = parts->ctrl[i - 1];
	}
	parts->ctrl[i] = ctrl;
	parts->nr_ctrl++;
	return 0;
}

static int decode_part(struct decoder *dec, const struct part *part)
{
	const struct part_kind *kind = find_kind(part);
	u8 is_ctrl = part->type == PART_CVQ_CFG;
	u8 is_field = !kind && part->type == PART_PCI_COMMON_CFG;

	/* What we do not know and may ignore has an order of its own. */
	if (!kind && !is_ctrl && !is_field)
		return part->flags & PART_OPTIONAL ? 0 :
		       refuse(dec->why, "a mandatory part of unknown type",
			      part->type, PART_CVQ_CFG);
	if (part->type < dec->last)
		return refuse(dec->why, "order of the parts", part->type, dec->last);
	/* The upper half of the selector and the reserved byte of the header. */
	if (!is_zero(part->value - 8, 4) || *(part->value - 13))
		return refuse(dec->why, "a reserved field of a part's header",
			      1, 0);
	dec->last = part->type;
	if (is_field)
		return decode_field(dec, part);
	return is_ctrl ? decode_ctrl(dec, part) : decode_known(dec, kind, part);
}

/* The fields that follow from other parts. */
static int verify_fields(struct decoder *dec)
{
	const struct vnet_parts *parts = dec->parts;
	unsigned int i;
	u64 wants;

	for (i = 0; i < parts->nr_fields; i++) {
		const struct vnet_parts_field *has = &parts->fields[i];
		const struct vnet_common_field *field = vnet_common_field_find(has->offset);

		if (field->expected(parts, field, &wants) && has->value != wants)
			return refuse(dec->why, field->name, has->value, wants);
	}
	return 0;
}

/* Is everything there, and without a gap between the queues? */
static int decode_end(struct decoder *dec)
{
	u32 queues = dec->seen[NR_KINDS - 1], wants;
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++) {
		const struct part_kind *kind = &part_kinds[i];

		wants = kind->per_queue ? queues : 1;
		if (kind->flags & PART_OPTIONAL || dec->seen[i] == wants)
			continue;
		return refuse(dec->why, kind->per_queue ? "queues with and without VQ_CFG" :
			      kind->name, dec->seen[i], wants);
	}
	while (queues >> dec->parts->nr_queues)
		dec->parts->nr_queues++;
	wants = (1U << dec->parts->nr_queues) - 1;
	if (queues != wants)
		return refuse(dec->why, "queues without a gap, as bits", queues, wants);
	return verify_fields(dec);
}

/**
 * vnet_parts_decode - read a device's parts
 * @parts: where to; undefined on error; the control commands' data stays in @buf
 * @buf: what
 * @len: its bytes
 * @why: filled on error
 *
 * Return: 0 or -EINVAL.
 */
int vnet_parts_decode(struct vnet_parts *parts, const u8 *buf, size_t len,
		      struct mdev_migrate_msg *why)
{
	struct decoder dec = { .parts = parts, .why = why };
	struct part part;
	int err;

	memset(parts, 0, sizeof(*parts));
	while (len) {
		err = read_hdr(&part, buf, len, why);
		if (err)
			return err;
		err = decode_part(&dec, &part);
		if (err)
			return err;
		buf += PART_HDR + part.length;
		len -= PART_HDR + part.length;
	}
	return decode_end(&dec);
}
