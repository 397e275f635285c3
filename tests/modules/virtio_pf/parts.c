// SPDX-License-Identifier: GPL-2.0-only
/* Device parts: what a function is like, in the order that the specification lists. */
#include <linux/unaligned.h>

#include "virtio_pf.h"

/**
 * struct out - parts that are being written
 * @buf: to where
 * @size: of it
 * @len: bytes written
 */
struct out {
	u8 *buf;
	size_t size;
	size_t len;
};

/* Room for a part's value of at most @length bytes; NULL if there is none. */
static u8 *part_begin(struct out *out, u16 type, u8 flags, u64 selector,
		      u32 length)
{
	u8 *hdr = out->buf + out->len;

	if (out->size - out->len < VPF_PART_HDR + length)
		return NULL;
	memset(hdr, 0, VPF_PART_HDR + length);
	put_unaligned_le16(type, hdr);
	hdr[offsetof(struct virtio_dev_part_hdr, flags)] = flags;
	put_unaligned_le64(selector,
			   hdr + offsetof(struct virtio_dev_part_hdr, selector));
	return hdr + VPF_PART_HDR;
}

static void part_end(struct out *out, u32 length)
{
	put_unaligned_le32(length, out->buf + out->len +
			   offsetof(struct virtio_dev_part_hdr, length));
	out->len += VPF_PART_HDR + length;
}

/* A part whose value is one number. */
static void put_number(struct out *out, u16 type, u8 flags, u64 selector,
		       unsigned int size, u64 number)
{
	u8 *value = part_begin(out, type, flags, selector, size);
	unsigned int i;

	if (!value)
		return;
	for (i = 0; i < size; i++, number >>= 8)
		value[i] = number;
	part_end(out, size);
}

/*
 * The fields of the common configuration that no other part stands for, and num_queues, which
 * is the specification's own example.
 *
 * Open: whether a field that a driver only reads is optional. The table of parts says that
 * all of this type have to be written when restored, so none has the flag.
 */
static void put_common(struct out *out, struct vpf_fn *fn)
{
	static const u8 offsets[] = {
		VIRTIO_PCI_COMMON_DFSELECT, VIRTIO_PCI_COMMON_GFSELECT,
		VIRTIO_PCI_COMMON_MSIX, VIRTIO_PCI_COMMON_NUMQ,
		VIRTIO_PCI_COMMON_Q_SELECT,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		const struct vpf_field *field = vpf_field_at(offsets[i]);

		if (!field->writable && !vpf_extra)
			continue;
		put_number(out, VPF_PCI_COMMON_CFG, 0, field->offset,
			   field->size,
			   vpf_common_get(fn, &fn->st, field->offset));
	}
}

static void put_queue(struct out *out, unsigned int index,
		      const struct vpf_queue *q)
{
	u8 *value = part_begin(out, VPF_VQ_CFG, 0, index, 32);

	if (!value)
		return;
	put_unaligned_le16(q->size, value);
	put_unaligned_le16(q->vector, value + 2);
	put_unaligned_le16(q->enabled, value + 4);
	put_unaligned_le64(q->desc, value + 8);
	put_unaligned_le64(q->driver, value + 16);
	put_unaligned_le64(q->device, value + 24);
	part_end(out, 32);
}

static void put_queues(struct out *out, struct vpf_fn *fn)
{
	unsigned int i;
	u8 *value;

	for (i = 0; i < fn->nq; i++)
		put_queue(out, i, &fn->st.q[i]);
	for (i = 0; i < fn->nq; i++) {
		value = part_begin(out, VPF_VQ_NOTIFY_CFG, 0, i, 8);
		if (!value)
			return;
		put_unaligned_le16(fn->st.q[i].notify_off, value);
		put_unaligned_le16(fn->st.q[i].notify_data, value + 2);
		part_end(out, 8);
	}
}

/* The selector, as bytes: class, command, and six that are reserved. */
static u64 selector_of(const struct vpf_ctrl *ctrl)
{
	return ctrl->class | ctrl->command << 8;
}

static u8 flags_of(const struct vpf_ctrl *ctrl)
{
	return ctrl->part == VPF_PART_EXTRA ? VPF_OPTIONAL : 0;
}

static bool has_part(const struct vpf_ctrl *ctrl)
{
	return ctrl->part == VPF_PART_LISTED ||
	       (ctrl->part == VPF_PART_EXTRA && vpf_extra);
}

/*
 * Open: whether there are parts for what the driver has configured only, or for all that it
 * could have. The latter: to set parts adds to what there is, so that what is not written
 * would stay as it is. Before FEATURES_OK the driver cannot have configured anything.
 */
static void put_ctrls(struct out *out, struct vpf_fn *fn)
{
	unsigned int i;

	if (!(fn->st.status & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	for (i = 0; i < vpf_nr_ctrls; i++) {
		const struct vpf_ctrl *ctrl = &vpf_ctrls[i];
		int length;
		u8 *value;

		if (!has_part(ctrl) || !vpf_has(&fn->st, ctrl->feature))
			continue;
		value = part_begin(out, VPF_CVQ_CFG, flags_of(ctrl),
				   selector_of(ctrl), ctrl->max);
		if (!value)
			return;
		length = ctrl->get(&fn->st, ctrl->command, value);
		if (length >= 0)
			part_end(out, length);
	}
}

/* All parts of a function; their length. */
size_t vpf_parts_get(struct vpf_fn *fn, u8 *buf, size_t size)
{
	struct out out = { .buf = buf, .size = size };

	lockdep_assert_held(&vpf_lock);
	put_number(&out, VPF_DEV_FEATURES, VPF_OPTIONAL, 0, 8, fn->features);
	put_number(&out, VPF_DRV_FEATURES, 0, 0, 8, fn->st.features);
	put_common(&out, fn);
	put_number(&out, VPF_DEVICE_STATUS, 0, 0, 1, fn->st.status);
	put_queues(&out, fn);
	put_ctrls(&out, fn);
	return out.len;
}

/*
 * Open: whether "the maximum size in bytes for all the device parts" is that of the parts
 * now. It is that of any state of the device here: while it runs, the parts may grow between
 * this and getting them.
 */
size_t vpf_parts_max(const struct vpf_fn *fn)
{
	size_t size = 2 * (VPF_PART_HDR + 8) + 3 * (VPF_PART_HDR + 4) +
		      3 * (VPF_PART_HDR + 2) +
		      fn->nq * (2 * VPF_PART_HDR + 32 + 8);
	unsigned int i;

	for (i = 0; i < vpf_nr_ctrls; i++) {
		if (has_part(&vpf_ctrls[i]) &&
		    fn->features & BIT_ULL(vpf_ctrls[i].feature))
			size += VPF_PART_HDR + vpf_ctrls[i].max;
	}
	return size;
}

static size_t part_len(const u8 *hdr)
{
	return VPF_PART_HDR +
	       get_unaligned_le32(hdr + offsetof(struct virtio_dev_part_hdr,
						 length));
}

/* Copies the headers of parts that vpf_parts_get() wrote, as far as there is room. */
unsigned int vpf_parts_headers(const u8 *parts, size_t len, u8 *to, size_t room)
{
	unsigned int nr = 0;
	size_t at;

	for (at = 0; at < len; at += part_len(parts + at), nr++) {
		if (room < (nr + 1) * VPF_PART_HDR)
			continue;
		memcpy(to + nr * VPF_PART_HDR, parts + at, VPF_PART_HDR);
	}
	return nr;
}

/* Is a part of that type and selector among those asked for? */
static bool selected(const u8 *hdr, const u8 *hdrs, size_t hdrs_len)
{
	size_t selector = offsetof(struct virtio_dev_part_hdr, selector);
	size_t at;

	for (at = 0; hdrs_len - at >= VPF_PART_HDR; at += VPF_PART_HDR) {
		if (!memcmp(hdr, hdrs + at, 2) &&
		    !memcmp(hdr + selector, hdrs + at + selector, 8))
			return true;
	}
	return false;
}

/* Leaves of @parts those whose headers are in @hdrs, in their order; their length. */
size_t vpf_parts_select(u8 *parts, size_t len, const u8 *hdrs, size_t hdrs_len)
{
	size_t at = 0, kept = 0;

	while (at < len) {
		size_t part = part_len(parts + at);

		if (selected(parts + at, hdrs, hdrs_len)) {
			memmove(parts + kept, parts + at, part);
			kept += part;
		}
		at += part;
	}
	return kept;
}
