// SPDX-License-Identifier: GPL-2.0-only
/* Device parts: a function becomes like what they say, or nothing of it changes. */
#include <linux/unaligned.h>

#include "virtio_pf.h"

/**
 * struct part - one of those that are being read
 * @type: of it
 * @optional: may be ignored
 * @selector: its bytes, the first in the lowest bits
 * @value: of it
 * @len: bytes of @value
 */
struct part {
	u16 type;
	bool optional;
	u64 selector;
	const u8 *value;
	u32 len;
};

/**
 * struct load - what they have come to so far
 * @fn: whose
 * @st: how it will be
 * @last: type of the last of the common parts
 * @features: there was a part of the device's features, and so on
 * @drv_features: likewise
 * @status: likewise
 * @fields: likewise, by offset in the common configuration
 * @queues: likewise, by queue
 * @notify: likewise
 * @ctrls: likewise, by command
 * @verify: parts that have to be what @st shows in the end
 * @nr_verify: how many
 */
struct load {
	struct vpf_fn *fn;
	struct vpf_state *st;
	u16 last;
	bool features;
	bool drv_features;
	bool status;
	u64 fields;
	u32 queues;
	u32 notify;
	u32 ctrls;
	struct part verify[20];
	unsigned int nr_verify;
};

/* Also says why. */
static int refuse(struct load *load, const char *why)
{
	load->fn->why = why;
	return -EINVAL;
}

static bool first_time(bool *seen)
{
	bool first = !*seen;

	*seen = true;
	return first;
}

static bool first_bit(u32 *seen, unsigned int bit)
{
	bool first = !(*seen & BIT(bit));

	*seen |= BIT(bit);
	return first;
}

/*
 * Open: a future version may append to a part, and yet a length that is not the device's own
 * is an error. It is one.
 */
static int load_features(struct load *load, const struct part *part)
{
	if (!first_time(&load->features))
		return refuse(load, "device features: twice");
	if (part->len != 8)
		return refuse(load, "device features: length");
	if (get_unaligned_le64(part->value) != load->fn->features)
		return refuse(load, "device features: not those of the device");
	return 0;
}

static int load_drv_features(struct load *load, const struct part *part)
{
	if (!first_time(&load->drv_features))
		return refuse(load, "driver features: twice");
	if (part->len != 8)
		return refuse(load, "driver features: length");
	load->st->features = get_unaligned_le64(part->value);
	if (load->st->features & ~load->fn->features)
		return refuse(load, "driver features: not offered");
	return 0;
}

static u64 number_of(const struct part *part)
{
	u64 value = 0;

	memcpy(&value, part->value, part->len);
	return le64_to_cpu((__force __le64)value);
}

static int set_field(struct load *load, u32 offset, u64 value)
{
	struct vpf_state *st = load->st;

	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		st->dfsel = value;
		return 0;
	case VIRTIO_PCI_COMMON_GFSELECT:
		st->gfsel = value;
		return 0;
	case VIRTIO_PCI_COMMON_MSIX:
		st->vector = value;
		return vpf_vector_valid(load->fn, value) ? 0 :
		       refuse(load, "common configuration: no such vector");
	default:
		st->qsel = value;
		return 0;
	}
}

/*
 * Open: the device "SHOULD only verify" parts of the common configuration and "SHOULD NOT
 * apply" them, though they have to be written when restored. Here the fields are applied that
 * a driver can write and that no other part has. All others are verified, against the device
 * as it is in the end: also those that show a queue or features, by the select fields.
 */
static int load_common(struct load *load, const struct part *part)
{
	u32 offset = part->selector;
	const struct vpf_field *field = vpf_field_at(offset);

	if (!field || part->len != field->size)
		return refuse(load, field ? "common configuration: length" :
				    "common configuration: no such field");
	if (load->fields & BIT_ULL(offset))
		return refuse(load, "common configuration: a field twice");
	load->fields |= BIT_ULL(offset);
	if (field->writable)
		return set_field(load, offset, number_of(part));
	/* It says that something has changed, but not what it has changed to. */
	if (offset != VIRTIO_PCI_COMMON_CFGGENERATION)
		load->verify[load->nr_verify++] = *part;
	return 0;
}

static int load_status(struct load *load, const struct part *part)
{
	if (!first_time(&load->status))
		return refuse(load, "status: twice");
	if (part->len != 1)
		return refuse(load, "status: length");
	load->st->status = part->value[0];
	if (load->st->status & ~VPF_STATUS_BITS)
		return refuse(load, "status: bits that there are not");
	return 0;
}

/* The queue of that part, or NULL. */
static struct vpf_queue *queue_of(struct load *load, const struct part *part)
{
	u16 index = part->selector;

	return index < load->fn->nq ? &load->st->q[index] : NULL;
}

static int load_queue(struct load *load, const struct part *part)
{
	struct vpf_queue *q = queue_of(load, part);
	const u8 *value = part->value;

	if (!q)
		return refuse(load, "queue: no such queue");
	if (!first_bit(&load->queues, part->selector & 0xffff))
		return refuse(load, "queue: twice");
	if (part->len != 32)
		return refuse(load, "queue: length");
	q->size = get_unaligned_le16(value);
	q->vector = get_unaligned_le16(value + 2);
	q->enabled = get_unaligned_le16(value + 4);
	q->desc = get_unaligned_le64(value + 8);
	q->driver = get_unaligned_le64(value + 16);
	q->device = get_unaligned_le64(value + 24);
	/* Where the rings are is found out when the device runs, if a driver does. */
	q->next = 0;
	q->used = 0;
	if (!vpf_size_valid(q->size))
		return refuse(load, "queue: size");
	if (!vpf_vector_valid(load->fn, q->vector))
		return refuse(load, "queue: no such vector");
	if (q->enabled > 1)
		return refuse(load, "queue: neither enabled nor disabled");
	return 0;
}

/*
 * Open: whether these, which a driver only reads, are verified or set. They are set: the
 * driver has read them, and goes by what it has read.
 */
static int load_notify(struct load *load, const struct part *part)
{
	struct vpf_queue *q = queue_of(load, part);

	if (!q)
		return refuse(load, "notification: no such queue");
	if (!first_bit(&load->notify, part->selector & 0xffff))
		return refuse(load, "notification: twice");
	if (part->len != 8)
		return refuse(load, "notification: length");
	q->notify_off = get_unaligned_le16(part->value);
	q->notify_data = get_unaligned_le16(part->value + 2);
	if (q->notify_off > VPF_QUEUES)
		return refuse(load, "notification: no such place");
	return 0;
}

/* What the table of selectors does not have is like a part that nobody knows. */
static int load_ctrl(struct load *load, const struct part *part)
{
	int i = vpf_ctrl_find(part->selector, part->selector >> 8);
	const struct vpf_ctrl *ctrl = i < 0 ? NULL : &vpf_ctrls[i];
	struct vpf_net *net = &load->st->net;
	int ret;

	if (!ctrl || ctrl->part == VPF_PART_NONE ||
	    (ctrl->part == VPF_PART_EXTRA && !part->optional))
		return part->optional ? 0 :
		       refuse(load, "control queue: no such command");
	if (!first_bit(&load->ctrls, i))
		return refuse(load, "control queue: twice");
	ret = (ctrl->set_part ?: ctrl->set)(net, ctrl->command, part->value,
					    part->len);
	return ret ? refuse(load, "control queue: length or value") : 0;
}

/**
 * struct kind - a type of parts
 * @type: of them
 * @load: reads one
 */
static const struct kind {
	u16 type;
	int (*load)(struct load *load, const struct part *part);
} kinds[] = {
	{ VPF_DEV_FEATURES, load_features },
	{ VPF_DRV_FEATURES, load_drv_features },
	{ VPF_PCI_COMMON_CFG, load_common },
	{ VPF_DEVICE_STATUS, load_status },
	{ VPF_VQ_CFG, load_queue },
	{ VPF_VQ_NOTIFY_CFG, load_notify },
	{ VPF_CVQ_CFG, load_ctrl },
};

/*
 * Open: what happens if parts are not in the listed order: they are refused. That a part is
 * missing is no error, as the driver may set any of them; nor where those of a type of
 * device are, which the list does not have.
 */
static int load_part(struct load *load, const struct part *part)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].type == part->type)
			break;
	}
	if (i == ARRAY_SIZE(kinds))
		return part->optional ? 0 : refuse(load, "unknown part");
	if (part->type < VPF_CVQ_CFG) {
		if (part->type < load->last)
			return refuse(load, "order of parts");
		load->last = part->type;
	}
	return kinds[i].load(load, part);
}

/*
 * The next part, at *@at; whatever is reserved in its header is ignored, as everywhere in
 * administration commands.
 *
 * Open: a driver has to fill a command up to 8 bytes, and the device has to read zeroes where
 * it is too short. Up to seven zeroes behind the last part are taken for the former; a part
 * that is cut is refused, as the list's length is nowhere but in the command's.
 */
static int next_part(struct load *load, const u8 *parts, size_t len, size_t *at,
		     struct part *part)
{
	const u8 *hdr = parts + *at;
	size_t left = len - *at;

	if (left < VPF_PART_HDR) {
		*at = len;
		if (left < 8 && len % 8 == 0 && !memchr_inv(hdr, 0, left))
			return 0;
		return refuse(load, "header of a part is cut");
	}
	part->type = get_unaligned_le16(hdr);
	part->optional = hdr[offsetof(struct virtio_dev_part_hdr, flags)] &
			 VPF_OPTIONAL;
	part->selector = get_unaligned_le64(hdr +
		offsetof(struct virtio_dev_part_hdr, selector));
	part->len = get_unaligned_le32(hdr +
		offsetof(struct virtio_dev_part_hdr, length));
	part->value = hdr + VPF_PART_HDR;
	if (part->len > left - VPF_PART_HDR)
		return refuse(load, "part is cut");
	*at += VPF_PART_HDR + part->len;
	return 1;
}

/* What does not go together, now that everything is there. */
static int check(struct load *load)
{
	const struct vpf_state *st = load->st;
	unsigned int i;

	if (st->status & VIRTIO_CONFIG_S_FEATURES_OK &&
	    !vpf_features_valid(load->fn, st->features))
		return refuse(load, "driver features: not valid");
	for (i = 0; i < vpf_nr_ctrls; i++) {
		if (load->ctrls & BIT(i) &&
		    !vpf_has(st, vpf_ctrls[i].feature))
			return refuse(load, "control queue: feature not accepted");
	}
	for (i = 0; i < load->nr_verify; i++) {
		const struct part *part = &load->verify[i];

		if (vpf_common_get(load->fn, load->st, part->selector) !=
		    number_of(part))
			return refuse(load, "common configuration: another value");
	}
	return 0;
}

/*
 * A driver that has reset the device since earlier parts were set, and accepts less now, has
 * taken back what it had configured: there are no parts that would say so. Only what the
 * features that it has accepted are for stays.
 */
static void forget(struct vpf_fn *fn, struct vpf_state *st)
{
	static u8 value[VPF_BUFFER];
	static struct vpf_net net;
	unsigned int i;

	vpf_net_reset(fn, &net);
	net.announce = st->net.announce;
	for (i = 0; i < vpf_nr_ctrls; i++) {
		const struct vpf_ctrl *ctrl = &vpf_ctrls[i];
		int len;

		if (!(st->status & VIRTIO_CONFIG_S_FEATURES_OK) ||
		    ctrl->part == VPF_PART_NONE || !vpf_has(st, ctrl->feature))
			continue;
		len = ctrl->get(st, ctrl->command, value);
		if (len >= 0)
			(ctrl->set_part ?: ctrl->set)(&net, ctrl->command,
						      value, len);
	}
	st->net = net;
}

/*
 * Open: whether parts show before the device runs again. They do: a stopped device answers
 * when its registers are read. It does nothing that follows from them.
 */
int vpf_parts_set(struct vpf_fn *fn, const u8 *parts, size_t len)
{
	static struct vpf_state st;
	static struct load load;
	struct part part;
	size_t at = 0;
	int ret = 1;

	lockdep_assert_held(&vpf_lock);
	st = fn->st;
	load = (struct load) { .fn = fn, .st = &st };
	fn->why = NULL;
	while (ret > 0 && at < len) {
		ret = next_part(&load, parts, len, &at, &part);
		if (ret > 0)
			ret = load_part(&load, &part) ?: 1;
	}
	if (ret >= 0)
		ret = check(&load);
	if (ret < 0)
		return ret;
	forget(fn, &st);
	fn->st = st;
	fn->generation++;
	fn->loaded = true;
	return 0;
}
