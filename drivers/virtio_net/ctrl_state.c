// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the control queue has set, in the stream: a virtio device part for each
 * command whose effect is to be restored, with the command's data (for VLANs
 * the whole table). Loading does the commands again, with the same checks.
 *
 * Which parts there are follows from the features that the device offers, but
 * that the configuration of the hash is either one with receive side scaling or
 * one without. A part whose feature the driver has not accepted says what is set
 * before the first command.
 *
 * virtio 1.4 has no part for what VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET sets: it has a
 * record of its own.
 */
#include "parts.h"
#include "virtio_net.h"

struct vnet_ctrl_part {
	const char *name;
	u8 class;
	u8 command;
	/* The feature that comes with it. */
	u8 feature;
	/* Bytes of data. */
	u16 min;
	u16 max;
	vnet_ctrl_get get;
	vnet_ctrl_set set;
};

#define RX_MODE(_command, _feature)					\
	{ #_command, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_##_command,	\
	  VIRTIO_NET_F_##_feature, 1, 1, vnet_filter_get_mode,		\
	  vnet_filter_set_mode }

/* Ascending by class and command. */
static const struct vnet_ctrl_part vnet_ctrl_parts[] = {
	RX_MODE(PROMISC, CTRL_RX),
	RX_MODE(ALLMULTI, CTRL_RX),
	RX_MODE(ALLUNI, CTRL_RX_EXTRA),
	RX_MODE(NOMULTI, CTRL_RX_EXTRA),
	RX_MODE(NOUNI, CTRL_RX_EXTRA),
	RX_MODE(NOBCAST, CTRL_RX_EXTRA),
	{ "MAC TABLE_SET", VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
	  VIRTIO_NET_F_CTRL_RX, VNET_TABLE_MIN, VNET_TABLE_MAX,
	  vnet_filter_get_table, vnet_filter_set_table },
	{ "MAC ADDR_SET", VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
	  VIRTIO_NET_F_CTRL_MAC_ADDR, ETH_ALEN, ETH_ALEN, vnet_filter_get_mac,
	  vnet_filter_set_mac },
	{ "VLAN ADD", VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD,
	  VIRTIO_NET_F_CTRL_VLAN, VNET_VLANS, VNET_VLANS,
	  vnet_filter_get_vlans, vnet_filter_set_vlans },
	/* Says nothing: where a guest goes on, it is asked to announce itself anyway. */
	{ "ANNOUNCE ACK", VIRTIO_NET_CTRL_ANNOUNCE,
	  VIRTIO_NET_CTRL_ANNOUNCE_ACK, VIRTIO_NET_F_GUEST_ANNOUNCE, 0, 0,
	  NULL, NULL },
	{ "MQ VQ_PAIRS_SET", VIRTIO_NET_CTRL_MQ,
	  VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, VIRTIO_NET_F_MQ, sizeof(__le16),
	  sizeof(__le16), vnet_steer_get_pairs, vnet_steer_set_pairs },
	{ "MQ RSS_CONFIG", VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG,
	  VIRTIO_NET_F_RSS, VNET_RSS_MIN, VNET_RSS_MAX, vnet_steer_get_rss,
	  vnet_steer_set_rss },
	{ "MQ HASH_CONFIG", VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG,
	  VIRTIO_NET_F_HASH_REPORT, VNET_HASH_MIN, VNET_HASH_MAX,
	  vnet_steer_get_hash, vnet_steer_set_hash },
};

static const struct vnet_ctrl_part offloads_part = {
	"GUEST_OFFLOADS", VIRTIO_NET_CTRL_GUEST_OFFLOADS,
	VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
	sizeof(__le64), sizeof(__le64), vnet_offload_get, vnet_offload_set
};

/**
 * vnet_ctrl_state_size - the most that the control commands' parts take
 * @vnet: the device
 *
 * Return: bytes; exact for a device without a control queue.
 */
size_t vnet_ctrl_state_size(const struct vnet *vnet)
{
	size_t size = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vnet_ctrl_parts); i++)
		if (vnet->features & BIT_ULL(vnet_ctrl_parts[i].feature))
			size += VNET_PART_HDR + vnet_ctrl_parts[i].max;
	return size;
}

/**
 * vnet_ctrl_save - get the control commands' parts
 * @vnet: the device, stopped
 * @parts: where to
 * @buf: where to put their data; as many bytes as vnet_ctrl_state_size() says
 *
 * Context: vnet->lock is held.
 * Return: bytes that the parts take.
 */
size_t vnet_ctrl_save(struct vnet *vnet, struct vnet_parts *parts, u8 *buf)
{
	size_t size = 0;
	unsigned int i;

	BUILD_BUG_ON(ARRAY_SIZE(vnet_ctrl_parts) > VNET_PARTS_CTRL);
	lockdep_assert_held(&vnet->lock);

	for (i = 0; i < ARRAY_SIZE(vnet_ctrl_parts); i++) {
		const struct vnet_ctrl_part *part = &vnet_ctrl_parts[i];
		size_t len;

		if (!part->get || !(vnet->features & BIT_ULL(part->feature)))
			continue;
		len = part->get(&vnet->ctrl, part->command, buf);
		if (!len)
			continue;
		parts->ctrl[parts->nr_ctrl++] = (struct vnet_parts_ctrl) {
			.class = part->class,
			.command = part->command,
			.length = len,
			.data = buf,
		};
		buf += len;
		size += VNET_PART_HDR + len;
	}
	return size;
}

static const struct vnet_ctrl_part *
vnet_ctrl_part_find(const struct vnet *vnet, const struct vnet_parts_ctrl *ctrl)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vnet_ctrl_parts); i++) {
		const struct vnet_ctrl_part *part = &vnet_ctrl_parts[i];

		if (part->class != ctrl->class ||
		    part->command != ctrl->command)
			continue;
		return vnet->features & BIT_ULL(part->feature) ? part : NULL;
	}
	return NULL;
}

/* What the driver cannot have set is as it is before the first command. */
static bool vnet_ctrl_part_ok(const struct vnet_ctrl_part *part,
			      const struct vnet_parts_ctrl *from,
			      const struct vnet_ctrl *ctrl)
{
	u8 initial[VNET_TABLE_MAX];

	BUILD_BUG_ON(sizeof(initial) < VNET_RSS_MAX);
	BUILD_BUG_ON(sizeof(initial) < VNET_VLANS);

	if (from->length < part->min || from->length > part->max)
		return false;
	if (!part->get)
		return true;
	if (ctrl->features & BIT_ULL(part->feature))
		return true;
	return part->get(ctrl, part->command, initial) == from->length &&
	       !memcmp(initial, from->data, from->length);
}

static int vnet_ctrl_do(struct vnet *vnet, const struct vnet_ctrl_part *part,
			const struct vnet_parts_ctrl *from,
			struct vnet_ctrl *ctrl)
{
	if (vnet_ctrl_part_ok(part, from, ctrl) &&
	    (!part->set || !part->set(vnet, ctrl, part->command, from->data, from->length)))
		return 0;
	return mdev_migrate_refuse(&vnet->mdm.desc, -EINVAL,
				   "control command %s: the stream has %u bytes that are not a state of this device with accepted features %#llx",
				   part->name, from->length, ctrl->features);
}

static int vnet_ctrl_load_one(struct vnet *vnet,
			      const struct vnet_parts_ctrl *from,
			      struct vnet_ctrl *ctrl, u32 *seen)
{
	const struct vnet_ctrl_part *part = vnet_ctrl_part_find(vnet, from);

	if (!part && from->optional)
		return 0;
	if (!part)
		return mdev_migrate_refuse(&vnet->mdm.desc, -EINVAL,
					   "control command %u.%u: the stream has it, this device has no such state",
					   from->class, from->command);
	*seen |= BIT(part - vnet_ctrl_parts);
	return vnet_ctrl_do(vnet, part, from, ctrl);
}

/* Is there a part for all that can be set? */
static int vnet_ctrl_load_end(struct vnet *vnet, const struct vnet_ctrl *ctrl,
			      u32 seen)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vnet_ctrl_parts); i++) {
		const struct vnet_ctrl_part *part = &vnet_ctrl_parts[i];
		bool wants = vnet->features & BIT_ULL(part->feature);

		if (!part->set)
			continue;
		if (part->set == vnet_steer_set_rss)
			wants = wants && ctrl->rss;
		if (part->set == vnet_steer_set_hash)
			wants = wants && !ctrl->rss;
		if (wants == !!(seen & BIT(i)))
			continue;
		return mdev_migrate_refuse(&vnet->mdm.desc, -EINVAL,
					   "control command %s: the stream has %s, this device expects %s",
					   part->name, wants ? "none" : "one",
					   wants ? "one" : "none");
	}
	return 0;
}

/**
 * vnet_ctrl_load - do the control commands of a stream
 * @vnet: the device; not changed
 * @parts: of the stream
 * @ctrl: as before the first command, with the features accepted
 *
 * Return: 0, or -EINVAL and a refusal.
 */
int vnet_ctrl_load(struct vnet *vnet, const struct vnet_parts *parts,
		   struct vnet_ctrl *ctrl)
{
	unsigned int i;
	u32 seen = 0;
	int err;

	for (i = 0; i < parts->nr_ctrl; i++) {
		err = vnet_ctrl_load_one(vnet, &parts->ctrl[i], ctrl, &seen);
		if (err)
			return err;
	}
	return vnet_ctrl_load_end(vnet, ctrl, seen);
}

/**
 * vnet_ctrl_load_offloads - likewise the offloads in use
 * @vnet: the device; not changed
 * @offloads: the payload of their record
 * @ctrl: as vnet_ctrl_load() has left it
 *
 * Return: 0, or -EINVAL and a refusal.
 */
int vnet_ctrl_load_offloads(struct vnet *vnet,
			    const struct mdev_migrate_virtio_net_offloads *offloads,
			    struct vnet_ctrl *ctrl)
{
	const struct vnet_parts_ctrl from = {
		.length = sizeof(*offloads),
		.data = (const u8 *)offloads,
	};

	return vnet_ctrl_do(vnet, &offloads_part, &from, ctrl);
}
