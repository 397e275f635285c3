// SPDX-License-Identifier: GPL-2.0-only
/* The administration virtqueue: which commands there are, and for whom. */
#include <linux/unaligned.h>

#include "virtio_pf.h"

#define HDR		sizeof(struct virtio_admin_cmd_hdr)
#define STATUS		sizeof(struct virtio_admin_cmd_status)
#define OBJ_MODIFY	0xb	/* Linux has no names for these two */
#define OBJ_QUERY	0xc
#define NR_GROUPS	2

/* Commands that the driver said it would use, by group; before that, these two. */
#define INITIAL		(BIT(VIRTIO_ADMIN_CMD_LIST_QUERY) | \
			 BIT(VIRTIO_ADMIN_CMD_LIST_USE))
static u64 used[NR_GROUPS];

static u32 list_query(struct vpf_cmd *cmd);
static u32 list_use(struct vpf_cmd *cmd);

#define SELF	BIT(VIRTIO_ADMIN_GROUP_TYPE_SELF)
#define SRIOV	BIT(VIRTIO_ADMIN_GROUP_TYPE_SRIOV)

/**
 * struct command - an administration command
 * @groups: that it is for
 * @member: it is for one member of a group
 * @run: does it
 */
static const struct command {
	u8 groups;
	bool member;
	u32 (*run)(struct vpf_cmd *cmd);
} commands[] = {
	[VIRTIO_ADMIN_CMD_LIST_QUERY] = { SELF | SRIOV, false, list_query },
	[VIRTIO_ADMIN_CMD_LIST_USE] = { SELF | SRIOV, false, list_use },
	[VIRTIO_ADMIN_CMD_CAP_ID_LIST_QUERY] = { SELF, false, vpf_cap_list },
	[VIRTIO_ADMIN_CMD_DEVICE_CAP_GET] = { SELF, false, vpf_cap_get },
	[VIRTIO_ADMIN_CMD_DRIVER_CAP_SET] = { SELF, false, vpf_cap_set },
	[VIRTIO_ADMIN_CMD_RESOURCE_OBJ_CREATE] = { SRIOV, true,
						   vpf_object_create },
	[OBJ_MODIFY] = { SRIOV, true, vpf_object_modify },
	[OBJ_QUERY] = { SRIOV, true, vpf_object_query },
	[VIRTIO_ADMIN_CMD_RESOURCE_OBJ_DESTROY] = { SRIOV, true,
						    vpf_object_destroy },
	[VIRTIO_ADMIN_CMD_DEV_PARTS_METADATA_GET] = { SRIOV, true,
						      vpf_cmd_metadata },
	[VIRTIO_ADMIN_CMD_DEV_PARTS_GET] = { SRIOV, true, vpf_cmd_get },
	[VIRTIO_ADMIN_CMD_DEV_PARTS_SET] = { SRIOV, true, vpf_cmd_set },
	[VIRTIO_ADMIN_CMD_DEV_MODE_SET] = { SRIOV, true, vpf_cmd_mode },
};

void vpf_admin_reset(void)
{
	unsigned int i;

	for (i = 0; i < NR_GROUPS; i++)
		used[i] = INITIAL;
	vpf_objects_reset();
}

/*
 * Linux 7.2 asks for the group of SR-IOV only, before there is one, and uses the commands of
 * that list for its own group, too. Unless vpf_strict, it may.
 */
static u64 supported(u16 group)
{
	u64 list = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].groups & BIT(group) ||
		    (!vpf_strict && commands[i].run))
			list |= BIT_ULL(i);
	}
	return list;
}

static bool group_valid(u16 group, u16 opcode)
{
	if (group == VIRTIO_ADMIN_GROUP_TYPE_SELF)
		return true;
	if (group != VIRTIO_ADMIN_GROUP_TYPE_SRIOV)
		return false;
	return vpf_nr_members() ||
	       (!vpf_strict && opcode <= VIRTIO_ADMIN_CMD_LIST_USE);
}

static bool in_use(u16 group, u16 opcode)
{
	u64 list = used[group];

	if (!vpf_strict)
		list |= used[VIRTIO_ADMIN_GROUP_TYPE_SRIOV];
	return list & BIT_ULL(opcode);
}

u32 vpf_result(struct vpf_cmd *cmd, const void *data, size_t len)
{
	cmd->result_len = min(len, cmd->room);
	memcpy(cmd->result, data, cmd->result_len);
	return VPF_OK;
}

static u32 list_query(struct vpf_cmd *cmd)
{
	u8 list[8];

	put_unaligned_le64(supported(cmd->group), list);
	return vpf_result(cmd, list, sizeof(list));
}

static u32 list_use(struct vpf_cmd *cmd)
{
	u64 list = get_unaligned_le64(cmd->data);

	if (list & ~supported(cmd->group))
		return VPF_BAD_FIELD;
	used[cmd->group] = list;
	return VPF_OK;
}

static u32 run(struct vpf_cmd *cmd, u64 member)
{
	const struct command *command;

	if (!group_valid(cmd->group, cmd->opcode))
		return VPF_BAD_GROUP;
	if (cmd->opcode >= ARRAY_SIZE(commands))
		return VPF_BAD_OPCODE;
	command = &commands[cmd->opcode];
	if (!command->run || !in_use(cmd->group, cmd->opcode))
		return VPF_BAD_OPCODE;
	if (!(command->groups & BIT(cmd->group)))
		return VPF_BAD_GROUP;
	if (command->member && (!member || member > vpf_nr_members()))
		return VPF_BAD_MEMBER;
	if (command->member)
		cmd->fn = &vpf_fns[member];
	return command->run(cmd);
}

/*
 * A command in @in, of which there are VPF_BUFFER bytes, and its answer: bytes of that. What
 * the driver did not write reads as zero. One that is longer is not looked at.
 */
size_t vpf_admin(u8 *in, size_t len, u8 *out, size_t room)
{
	size_t there = min_t(size_t, len, VPF_BUFFER);
	struct vpf_cmd cmd;
	u32 result;

	lockdep_assert_held(&vpf_lock);
	memset(in + there, 0, VPF_BUFFER - there);
	cmd = (struct vpf_cmd) {
		.opcode = get_unaligned_le16(in),
		.group = get_unaligned_le16(in + 2),
		.data = in + HDR,
		.len = len > HDR ? len - HDR : 0,
		.result = out + STATUS,
		.room = room > STATUS ? room - STATUS : 0,
	};
	result = len > there ? VPF_STATUS(ENOMEM) :
			       run(&cmd, get_unaligned_le64(in + 16));
	if (result)
		cmd.result_len = 0;
	memset(out, 0, STATUS);
	put_unaligned_le16(result, out);
	put_unaligned_le16(result >> 16, out + 2);
	return min(room, STATUS + cmd.result_len);
}
