// SPDX-License-Identifier: GPL-2.0-only
/*
 * The administration commands of tests/modules/virtio_pf: what Linux's driver does not send,
 * and what it must not.
 */
#include "vf_fixture.h"

FIXTURE_VARIANT_ADD(vfs, any) { .how = VDEV_IOMMUFD };

#define SELF		VIRTIO_ADMIN_GROUP_TYPE_SELF
#define SRIOV		VIRTIO_ADMIN_GROUP_TYPE_SRIOV
#define OBJ_MODIFY	0xb
#define OBJ_QUERY	0xc
#define GET		VIRTIO_RESOURCE_OBJ_DEV_PARTS_TYPE_GET
#define SET		VIRTIO_RESOURCE_OBJ_DEV_PARTS_TYPE_SET
#define BAD_OPCODE	VF_STATUS(EINVAL, 2)
#define BAD_FIELD	VF_STATUS(EINVAL, 3)
#define BAD_GROUP	VF_STATUS(EINVAL, 4)
#define BAD_MEMBER	VF_STATUS(EINVAL, 5)
/* An identifier that Linux's driver does not get to. */
#define ID		20
#define LIMIT		16

static int command(FIXTURE_DATA(vfs) *self, uint16_t opcode, uint16_t group,
		   uint64_t member, const void *data, size_t len)
{
	struct vf_command command = { opcode, group, member, data, len };

	return vf_command(&command, &self->other);
}

/* The answer's result. */
static const uint8_t *result(FIXTURE_DATA(vfs) *self)
{
	return self->other.data + 8;
}

static size_t result_len(FIXTURE_DATA(vfs) *self)
{
	return self->other.len - 8;
}

/* A command for an object, whose data begins with @type or as @more says. */
static int object_command(FIXTURE_DATA(vfs) *self, uint16_t opcode,
			  uint64_t member, uint32_t id, unsigned int at,
			  uint8_t value)
{
	uint8_t data[24] = { 0 };

	put_le32(data + 4, id);
	data[at] = value;
	return command(self, opcode, SRIOV, member, data, sizeof(data));
}

static int create(FIXTURE_DATA(vfs) *self, uint64_t member, uint32_t id,
		  uint8_t type)
{
	return object_command(self, VIRTIO_ADMIN_CMD_RESOURCE_OBJ_CREATE,
			      member, id, 16, type);
}

static int destroy(FIXTURE_DATA(vfs) *self, uint64_t member, uint32_t id)
{
	return object_command(self, VIRTIO_ADMIN_CMD_RESOURCE_OBJ_DESTROY,
			      member, id, 8, 0);
}

static int metadata(FIXTURE_DATA(vfs) *self, uint32_t id, uint8_t type)
{
	return object_command(self, VIRTIO_ADMIN_CMD_DEV_PARTS_METADATA_GET,
			      VF_A, id, 8, type);
}

/* All commands may be used that the group has. */
static void use_all(struct __test_metadata *_metadata, FIXTURE_DATA(vfs) *self,
		    uint16_t group)
{
	uint8_t list[8];

	ASSERT_EQ(0, command(self, VIRTIO_ADMIN_CMD_LIST_QUERY, group, 0, NULL,
			     0));
	memcpy(list, result(self), sizeof(list));
	ASSERT_EQ(0, command(self, VIRTIO_ADMIN_CMD_LIST_USE, group, 0, list,
			     sizeof(list)));
}

/* A card that goes by the text, of which this is the driver, with one member. */
static void strict_card(struct __test_metadata *_metadata, FIXTURE_DATA(vfs) *self)
{
	uint8_t cap[16] = { 0, 0, 0, 0, 0, 0, 0, 0, LIMIT, LIMIT };

	vdev_close(&self->p.a);
	vdev_close(&self->p.b);
	ASSERT_EQ(0, vf_unload());
	ASSERT_EQ(0, module_insert(self->ko, "strict=1"));
	EXPECT_EQ(BAD_GROUP, command(self, 0, SRIOV, 0, NULL, 0));
	EXPECT_EQ(BAD_OPCODE, command(self, VIRTIO_ADMIN_CMD_CAP_ID_LIST_QUERY,
				      SELF, 0, NULL, 0));
	ASSERT_EQ(0, vf_make(2));
	use_all(_metadata, self, SRIOV);
	use_all(_metadata, self, SELF);
	/* No limit was set. */
	EXPECT_EQ(BAD_FIELD, create(self, VF_A, 0, GET));
	EXPECT_EQ(0, command(self, VIRTIO_ADMIN_CMD_DRIVER_CAP_SET, SELF, 0,
			     cap, sizeof(cap)));
}

TEST_F(vfs, who_and_what)
{
	uint8_t data[24] = { 0 };

	EXPECT_EQ(BAD_GROUP, command(self, 0, 2, 0, NULL, 0));
	/* Linux's driver has given up these two. */
	EXPECT_EQ(BAD_OPCODE, command(self, 0, SRIOV, 0, NULL, 0));
	EXPECT_EQ(BAD_OPCODE, command(self, 1, SRIOV, 0, data, 8));
	EXPECT_EQ(BAD_OPCODE, command(self, OBJ_QUERY, SRIOV, 1, NULL, 0));
	EXPECT_EQ(BAD_OPCODE, command(self, 2, SRIOV, 1, NULL, 0));
	EXPECT_EQ(BAD_OPCODE, command(self, 0x12, SRIOV, 1, NULL, 0));
	EXPECT_EQ(BAD_OPCODE, command(self, 0xffff, SRIOV, 1, NULL, 0));
	EXPECT_EQ(BAD_MEMBER, create(self, 0, ID, GET));
	EXPECT_EQ(BAD_MEMBER, create(self, VF_PEER + 1, ID, GET));
	EXPECT_EQ(BAD_MEMBER, create(self, ~0ULL, ID, GET));
	EXPECT_EQ(BAD_GROUP, command(self,
				     VIRTIO_ADMIN_CMD_RESOURCE_OBJ_CREATE,
				     SELF, 1, data, sizeof(data)));
	EXPECT_EQ(BAD_GROUP, command(self, VIRTIO_ADMIN_CMD_CAP_ID_LIST_QUERY,
				     SRIOV, 1, NULL, 0));
	/* What is missing reads as zero, down to the opcode. */
	EXPECT_EQ(0, command(self, VIRTIO_ADMIN_CMD_LIST_QUERY, SELF, 0, NULL,
			     0));
	EXPECT_EQ(8, result_len(self));
}

TEST_F(vfs, capability)
{
	uint8_t data[16] = { 0 };

	EXPECT_EQ(0, command(self, VIRTIO_ADMIN_CMD_CAP_ID_LIST_QUERY, SELF, 0,
			     NULL, 0));
	EXPECT_EQ(1, get_le64(result(self)));
	EXPECT_EQ(0, command(self, VIRTIO_ADMIN_CMD_DEVICE_CAP_GET, SELF, 0,
			     data, 8));
	EXPECT_EQ(2, result_len(self));
	EXPECT_EQ(LIMIT, result(self)[0]);
	EXPECT_EQ(LIMIT, result(self)[1]);
	data[8] = LIMIT + 1;
	EXPECT_EQ(BAD_FIELD, command(self, VIRTIO_ADMIN_CMD_DRIVER_CAP_SET,
				     SELF, 0, data, sizeof(data)));
	ASSERT_EQ(0, create(self, VF_A, ID, GET));
	data[8] = 0;
	EXPECT_EQ(VF_STATUS(EBUSY, 1),
		  command(self, VIRTIO_ADMIN_CMD_DRIVER_CAP_SET, SELF, 0, data,
			  sizeof(data)));
	ASSERT_EQ(0, destroy(self, VF_A, ID));
	data[0] = 1;
	EXPECT_EQ(VF_STATUS(ENXIO, 1),
		  command(self, VIRTIO_ADMIN_CMD_DEVICE_CAP_GET, SELF, 0, data,
			  8));
}

TEST_F(vfs, objects)
{
	unsigned int i;

	strict_card(_metadata, self);
	EXPECT_EQ(BAD_FIELD, create(self, VF_A, 2 * LIMIT, GET));
	EXPECT_EQ(BAD_FIELD, create(self, VF_A, ID, 2));
	ASSERT_EQ(0, create(self, VF_A, ID, GET));
	EXPECT_EQ(VF_STATUS(EEXIST, 1), create(self, VF_A, ID, SET));
	EXPECT_EQ(VF_STATUS(EEXIST, 1), create(self, VF_B, ID, SET));
	EXPECT_EQ(VF_STATUS(ENXIO, 1), destroy(self, VF_B, ID));
	EXPECT_EQ(0, object_command(self, OBJ_QUERY, VF_A, ID, 8, 0));
	EXPECT_EQ(GET, result(self)[0]);
	EXPECT_EQ(0, object_command(self, OBJ_MODIFY, VF_A, ID, 16, SET));
	EXPECT_EQ(0, object_command(self, OBJ_QUERY, VF_A, ID, 8, 0));
	EXPECT_EQ(SET, result(self)[0]);
	EXPECT_EQ(BAD_FIELD, object_command(self, OBJ_MODIFY, VF_A, ID, 16, 2));
	/* It is to set parts now. */
	EXPECT_EQ(BAD_FIELD, metadata(self, ID, 0));
	ASSERT_EQ(0, destroy(self, VF_A, ID));
	EXPECT_EQ(VF_STATUS(ENXIO, 1), destroy(self, VF_A, ID));
	for (i = 0; i < LIMIT; i++)
		ASSERT_EQ(0, create(self, VF_A, i, GET));
	EXPECT_EQ(VF_STATUS(ENOSPC, 1), create(self, VF_A, i, GET));
	EXPECT_EQ(0, create(self, VF_A, i, SET));
	EXPECT_EQ(0, destroy(self, VF_A, i));
	while (i--)
		ASSERT_EQ(0, destroy(self, VF_A, i));
	EXPECT_EQ(0, vf_unload());
}

/* How many there are, what they are, and how long they are at most. */
TEST_F(vfs, headers)
{
	struct part part;
	unsigned int nr;
	size_t at = 0;

	vf_up(_metadata, self);
	vf_configure(_metadata, self);
	ASSERT_EQ(0, vf_read(VF_A, "parts", &self->parts));
	ASSERT_EQ(0, create(self, VF_A, ID, GET));
	EXPECT_EQ(0, metadata(self, ID,
			      VIRTIO_ADMIN_CMD_DEV_PARTS_METADATA_TYPE_SIZE));
	EXPECT_LT(self->parts.len, get_le32(result(self)));
	EXPECT_EQ(mig_data_size(&self->p.a), get_le32(result(self)));
	EXPECT_EQ(0, metadata(self, ID,
			      VIRTIO_ADMIN_CMD_DEV_PARTS_METADATA_TYPE_COUNT));
	nr = get_le32(result(self));
	EXPECT_EQ(0, metadata(self, ID,
			      VIRTIO_ADMIN_CMD_DEV_PARTS_METADATA_TYPE_LIST));
	EXPECT_EQ(nr, get_le32(result(self)));
	ASSERT_EQ(8 + nr * PART_HDR, result_len(self));
	for (nr = 0; part_next(self->parts.data, self->parts.len, &at, &part);
	     nr++)
		EXPECT_EQ(0, memcmp(self->parts.data + part.at,
				    result(self) + 8 + nr * PART_HDR,
				    PART_HDR));
	EXPECT_EQ(nr, get_le32(result(self)));
	EXPECT_EQ(BAD_FIELD, metadata(self, ID, 3));
	EXPECT_EQ(0, destroy(self, VF_A, ID));
}

/* Those asked for, in the order of parts; what there is not is left out. */
TEST_F(vfs, selected)
{
	uint8_t data[16 + 4 * PART_HDR] = { 0 };
	struct part part;
	size_t at = 0;

	vf_up(_metadata, self);
	ASSERT_EQ(0, create(self, VF_A, ID, GET));
	put_le32(data + 4, ID);
	put_le16(data + 16, PART_QUEUE);
	data[16 + 4] = 1;
	put_le16(data + 16 + PART_HDR, PART_STATUS);
	put_le16(data + 16 + 2 * PART_HDR, PART_QUEUE);
	data[16 + 2 * PART_HDR + 4] = 77;
	put_le16(data + 16 + 3 * PART_HDR, PART_CTRL);
	data[16 + 3 * PART_HDR + 4] = VIRTIO_NET_CTRL_MAC;
	data[16 + 3 * PART_HDR + 5] = VIRTIO_NET_CTRL_MAC_ADDR_SET;
	EXPECT_EQ(0, command(self, VIRTIO_ADMIN_CMD_DEV_PARTS_GET, SRIOV, VF_A,
			     data, sizeof(data)));
	ASSERT_TRUE(part_next(result(self), result_len(self), &at, &part));
	EXPECT_EQ(PART_STATUS, part.type);
	ASSERT_TRUE(part_next(result(self), result_len(self), &at, &part));
	EXPECT_EQ(PART_QUEUE, part.type);
	EXPECT_EQ(1, part.selector);
	ASSERT_TRUE(part_next(result(self), result_len(self), &at, &part));
	EXPECT_EQ(PART_CTRL, part.type);
	EXPECT_EQ(result_len(self), at);
	data[8] = VIRTIO_ADMIN_CMD_DEV_PARTS_GET_TYPE_ALL;
	EXPECT_EQ(0, command(self, VIRTIO_ADMIN_CMD_DEV_PARTS_GET, SRIOV, VF_A,
			     data, 16));
	ASSERT_EQ(0, vf_read(VF_A, "parts", &self->parts));
	EXPECT_EQ(self->parts.len, result_len(self));
	EXPECT_EQ(0, memcmp(self->parts.data, result(self), self->parts.len));
	data[8] = 2;
	EXPECT_EQ(BAD_FIELD, command(self, VIRTIO_ADMIN_CMD_DEV_PARTS_GET,
				     SRIOV, VF_A, data, 16));
	EXPECT_EQ(0, destroy(self, VF_A, ID));
}

/* Parts are set while the device is stopped, and only then. */
TEST_F(vfs, running)
{
	uint8_t data[8 + PART_HDR + 4] = { 0 }, stop = 1;

	ASSERT_EQ(0, create(self, VF_A, ID, SET));
	put_le32(data + 4, ID);
	put_le16(data + 8, PART_COMMON);
	data[8 + 12] = 4;
	data[8 + PART_HDR] = 5;
	EXPECT_EQ(VF_STATUS(EINVAL, 1),
		  command(self, VIRTIO_ADMIN_CMD_DEV_PARTS_SET, SRIOV, VF_A,
			  data, sizeof(data)));
	/* To stop it twice is no error, nor to resume it twice. */
	EXPECT_EQ(0, command(self, VIRTIO_ADMIN_CMD_DEV_MODE_SET, SRIOV, VF_A,
			     &stop, 1));
	EXPECT_EQ(0, command(self, VIRTIO_ADMIN_CMD_DEV_MODE_SET, SRIOV, VF_A,
			     &stop, 1));
	EXPECT_EQ(0, command(self, VIRTIO_ADMIN_CMD_DEV_PARTS_SET, SRIOV, VF_A,
			     data, sizeof(data)));
	EXPECT_NE(NULL, strstr(vf_state(_metadata, VF_A, &self->text),
			       "\nselect=5,0,0\n"));
	EXPECT_EQ(0, command(self, VIRTIO_ADMIN_CMD_DEV_MODE_SET, SRIOV, VF_A,
			     NULL, 0));
	EXPECT_EQ(0, command(self, VIRTIO_ADMIN_CMD_DEV_MODE_SET, SRIOV, VF_A,
			     NULL, 0));
	stop = 2;
	EXPECT_EQ(BAD_FIELD, command(self, VIRTIO_ADMIN_CMD_DEV_MODE_SET, SRIOV,
				     VF_A, &stop, 1));
	EXPECT_EQ(0, destroy(self, VF_A, ID));
}

/*
 * A card that goes by the text does not let Linux 7.2 see device parts: it asks for the
 * commands of a group that there is not yet.
 */
TEST_F(vfs, strict)
{
	uint64_t flags = 0;

	strict_card(_metadata, self);
	ASSERT_EQ(0, vdev_open(&self->p.a, vf_name(VF_A), variant->how));
	EXPECT_EQ(-ENOTTY, mig_flags(&self->p.a, &flags));
	vdev_close(&self->p.a);
	EXPECT_EQ(0, vf_unload());
}

TEST_HARNESS_MAIN
