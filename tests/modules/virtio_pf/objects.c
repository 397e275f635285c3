// SPDX-License-Identifier: GPL-2.0-only
/* Capabilities, resource objects, and the commands for device parts, which need one. */
#include <linux/unaligned.h>

#include "virtio_pf.h"

#define LIMIT		16	/* objects to get parts, and as many to set them */
#define OBJECT_HDR	sizeof(struct virtio_admin_cmd_resource_obj_cmd_hdr)
#define CREATE_DATA	(OBJECT_HDR + 8)	/* where its own data begins */

/**
 * struct object - a resource object for device parts
 * @member: whose, 0: there is none
 * @type: VIRTIO_RESOURCE_OBJ_DEV_PARTS_TYPE_*
 */
struct object {
	u8 member;
	u8 type;
};

/*
 * Open: objects to get and to set parts are of one type, whose identifiers go up to a limit,
 * but there are two limits. Identifiers go up to their sum here. Also, whether members have
 * identifiers of their own: they have not.
 */
static struct object objects[2 * LIMIT];
static u8 limits[2];		/* as the driver has set them, by type */

void vpf_objects_reset(void)
{
	memset(objects, 0, sizeof(objects));
	memset(limits, 0, sizeof(limits));
}

u32 vpf_cap_list(struct vpf_cmd *cmd)
{
	u8 list[8] = { BIT(VIRTIO_DEV_PARTS_CAP) };

	return vpf_result(cmd, list, sizeof(list));
}

u32 vpf_cap_get(struct vpf_cmd *cmd)
{
	struct virtio_dev_parts_cap cap = { LIMIT, LIMIT };

	if (get_unaligned_le16(cmd->data) != VIRTIO_DEV_PARTS_CAP)
		return VPF_STATUS(ENXIO);
	return vpf_result(cmd, &cap, sizeof(cap));
}

static unsigned int count(u8 type)
{
	unsigned int i, nr = 0;

	for (i = 0; i < ARRAY_SIZE(objects); i++)
		nr += objects[i].member && objects[i].type == type;
	return nr;
}

u32 vpf_cap_set(struct vpf_cmd *cmd)
{
	const u8 *wanted = cmd->data + 8;

	if (get_unaligned_le16(cmd->data) != VIRTIO_DEV_PARTS_CAP)
		return VPF_STATUS(ENXIO);
	if (wanted[0] > LIMIT || wanted[1] > LIMIT)
		return VPF_BAD_FIELD;
	if (wanted[0] < count(0) || wanted[1] < count(1))
		return VPF_STATUS(EBUSY);
	memcpy(limits, wanted, sizeof(limits));
	return VPF_OK;
}

/* Where a command's object is, or NULL if there can be none of that number. */
static struct object *slot_of(const struct vpf_cmd *cmd)
{
	u32 id = get_unaligned_le32(cmd->data + 4);

	if (get_unaligned_le16(cmd->data) != VIRTIO_RESOURCE_OBJ_DEV_PARTS ||
	    id >= limits[0] + limits[1])
		return NULL;
	return &objects[id];
}

/* A command's object, or NULL if there is none. */
static struct object *object_of(const struct vpf_cmd *cmd)
{
	struct object *object = slot_of(cmd);

	return object && object->member == cmd->fn->nr ? object : NULL;
}

u32 vpf_object_create(struct vpf_cmd *cmd)
{
	struct object *object = slot_of(cmd);
	u8 type = cmd->data[CREATE_DATA];

	if (!object || type > VIRTIO_RESOURCE_OBJ_DEV_PARTS_TYPE_SET)
		return VPF_BAD_FIELD;
	if (object->member)
		return VPF_STATUS(EEXIST);
	if (count(type) >= limits[type])
		return VPF_STATUS(ENOSPC);
	*object = (struct object) { .member = cmd->fn->nr, .type = type };
	return VPF_OK;
}

u32 vpf_object_modify(struct vpf_cmd *cmd)
{
	struct object *object = object_of(cmd);
	u8 type = cmd->data[CREATE_DATA];

	if (!object)
		return VPF_STATUS(ENXIO);
	if (type > VIRTIO_RESOURCE_OBJ_DEV_PARTS_TYPE_SET)
		return VPF_BAD_FIELD;
	if (type != object->type && count(type) >= limits[type])
		return VPF_STATUS(ENOSPC);
	object->type = type;
	return VPF_OK;
}

u32 vpf_object_query(struct vpf_cmd *cmd)
{
	struct object *object = object_of(cmd);
	struct virtio_resource_obj_dev_parts data = {};

	if (!object)
		return VPF_STATUS(ENXIO);
	data.type = object->type;
	return vpf_result(cmd, &data, sizeof(data));
}

u32 vpf_object_destroy(struct vpf_cmd *cmd)
{
	struct object *object = object_of(cmd);

	if (!object)
		return VPF_STATUS(ENXIO);
	object->member = 0;
	return VPF_OK;
}

/* The parts of the member, until the lock is released. */
static u8 parts[VPF_BUFFER];

static u32 metadata_list(struct vpf_cmd *cmd, size_t len)
{
	size_t room = cmd->room > 8 ? cmd->room - 8 : 0;
	unsigned int nr;

	nr = vpf_parts_headers(parts, len, cmd->result + 8, room);
	if (room < nr * VPF_PART_HDR)
		return VPF_STATUS(ENOMEM);
	put_unaligned_le64(nr, cmd->result);
	cmd->result_len = 8 + nr * VPF_PART_HDR;
	return VPF_OK;
}

/* Open: whether an object to set parts is good for this, too. It is not. */
u32 vpf_cmd_metadata(struct vpf_cmd *cmd)
{
	struct object *object = object_of(cmd);
	u8 answer[8] = {};
	size_t len;

	if (!object)
		return VPF_STATUS(ENXIO);
	if (object->type != VIRTIO_RESOURCE_OBJ_DEV_PARTS_TYPE_GET)
		return VPF_BAD_FIELD;
	if (cmd->room < sizeof(answer))
		return VPF_STATUS(ENOMEM);
	len = vpf_parts_get(cmd->fn, parts, sizeof(parts));
	switch (cmd->data[OBJECT_HDR]) {
	case VIRTIO_ADMIN_CMD_DEV_PARTS_METADATA_TYPE_SIZE:
		put_unaligned_le32(vpf_parts_max(cmd->fn), answer);
		return vpf_result(cmd, answer, sizeof(answer));
	case VIRTIO_ADMIN_CMD_DEV_PARTS_METADATA_TYPE_COUNT:
		put_unaligned_le32(vpf_parts_headers(parts, len, NULL, 0),
				   answer);
		return vpf_result(cmd, answer, sizeof(answer));
	case VIRTIO_ADMIN_CMD_DEV_PARTS_METADATA_TYPE_LIST:
		return metadata_list(cmd, len);
	default:
		return VPF_BAD_FIELD;
	}
}

/*
 * Open: what if there is not enough room for the parts. Other results are cut then, but of
 * these one could not tell: it is an error, as it is for their headers.
 */
u32 vpf_cmd_get(struct vpf_cmd *cmd)
{
	struct object *object = object_of(cmd);
	size_t len, skip = OBJECT_HDR + 8;

	if (!object)
		return VPF_STATUS(ENXIO);
	if (object->type != VIRTIO_RESOURCE_OBJ_DEV_PARTS_TYPE_GET)
		return VPF_BAD_FIELD;
	len = vpf_parts_get(cmd->fn, parts, sizeof(parts));
	switch (cmd->data[OBJECT_HDR]) {
	case VIRTIO_ADMIN_CMD_DEV_PARTS_GET_TYPE_SELECTED:
		len = vpf_parts_select(parts, len, cmd->data + skip,
				       cmd->len > skip ? cmd->len - skip : 0);
		break;
	case VIRTIO_ADMIN_CMD_DEV_PARTS_GET_TYPE_ALL:
		break;
	default:
		return VPF_BAD_FIELD;
	}
	if (len > cmd->room)
		return VPF_STATUS(ENOMEM);
	return vpf_result(cmd, parts, len);
}

u32 vpf_cmd_set(struct vpf_cmd *cmd)
{
	struct object *object = object_of(cmd);

	if (!object)
		return VPF_STATUS(ENXIO);
	if (object->type != VIRTIO_RESOURCE_OBJ_DEV_PARTS_TYPE_SET)
		return VPF_BAD_FIELD;
	if (!cmd->fn->stopped) {
		cmd->fn->why = "device is not stopped";
		return VPF_BAD_COMMAND;
	}
	if (vpf_parts_set(cmd->fn, cmd->data + OBJECT_HDR,
			  cmd->len > OBJECT_HDR ? cmd->len - OBJECT_HDR : 0))
		return VPF_BAD_FIELD;
	return VPF_OK;
}

u32 vpf_cmd_mode(struct vpf_cmd *cmd)
{
	u8 flags = cmd->data[0];

	if (flags & ~BIT(VIRTIO_ADMIN_CMD_DEV_MODE_F_STOPPED))
		return VPF_BAD_FIELD;
	vpf_set_mode(cmd->fn, flags);
	return VPF_OK;
}
