// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio device parts that another implementation may write: which a card takes, and which
 * it refuses with a sentence.
 */
#include "stream_fixture.h"

#define PART_HDR	16
#define PART_DEV_FEATURES	0x100
#define PART_DRV_FEATURES	0x101
#define PART_COMMON	0x102
#define PART_STATUS	0x103
#define PART_VQ_CFG	0x104
#define PART_VQ_NOTIFY	0x105
#define QUEUE_SELECT	22
#define PART_COMMAND	0x200
#define PARTS_MAX	4096

/* The device parts of the good stream, and the place of one of them. */
static size_t get_parts(FIXTURE_DATA(stream) *self, uint8_t *data,
			uint16_t type, uint8_t **part)
{
	struct stream_rec rec;
	size_t at;

	*part = NULL;
	if (stream_find(&self->good, MDEV_MIGRATE_TAG_VIRTIO_PARTS, &rec) ||
	    rec.length > PARTS_MAX / 2)
		return 0;
	memcpy(data, rec.payload, rec.length);
	for (at = 0; at + PART_HDR <= rec.length;
	     at += PART_HDR + get_le32(data + at + 12)) {
		if (get_le16(data + at) == type)
			*part = data + at;
	}
	return rec.length;
}

/* The good stream with these parts: taken, or refused with such a sentence. */
static void give(struct __test_metadata *_metadata, FIXTURE_DATA(stream) *self,
		 const uint8_t *data, size_t len, const char *sentence)
{
	ASSERT_EQ(0, stream_replace(&self->work, &self->good, MDEV_MIGRATE_TAG_VIRTIO_PARTS,
				    data, len));
	if (sentence) {
		refused(_metadata, self, &self->work, -EINVAL, sentence);
		return;
	}
	EXPECT_EQ(0, load(self, &self->work));
	taken(_metadata, self);
}

/* One that says what a control command has set, behind all others. */
static size_t put_command(uint8_t *data, size_t len, bool optional,
			  uint8_t class, uint8_t command)
{
	uint8_t *p = data + len;

	memset(p, 0, PART_HDR + 1);
	put_le16(p, PART_COMMAND);
	p[2] = optional;
	p[4] = class;
	p[5] = command;
	put_le32(p + 12, 1);
	return len + PART_HDR + 1;
}

/* A card without a control queue: it may ignore what is optional, up to a number. */
TEST_F(stream, control_commands)
{
	uint8_t data[PARTS_MAX], *part;
	unsigned int i;
	size_t len;

	/* One that some card knows, and one that none does. */
	for (i = 0; i < 2; i++) {
		len = put_command(data, get_parts(self, data, 0, &part), false,
				  i ? 99 : VIRTIO_NET_CTRL_RX, 0);
		ASSERT_EQ(0, stream_replace(&self->work, &self->good,
					    MDEV_MIGRATE_TAG_VIRTIO_PARTS,
					    data, len));
		refused(_metadata, self, &self->work, -EINVAL,
			"this device has no such state");
	}
	len = get_parts(self, data, 0, &part);
	for (i = 0; i < 25; i++) {
		len = put_command(data, len, true, 99, i);
		ASSERT_EQ(0, stream_replace(&self->work, &self->good,
					    MDEV_MIGRATE_TAG_VIRTIO_PARTS,
					    data, len));
		if (i < 24) {
			EXPECT_EQ(0, load(self, &self->work));
			taken(_metadata, self);
		}
	}
	refused(_metadata, self, &self->work, -EINVAL, "control commands");
}

/* Puts a field of the common configuration behind the parts of that type. */
static size_t put_field(uint8_t *data, size_t len, unsigned int offset, uint64_t value,
			unsigned int length)
{
	uint8_t bytes[8];
	size_t at = 0;

	put_le64(bytes, value);
	while (at < len && get_le16(data + at) <= PART_COMMON)
		at += PART_HDR + get_le32(data + at + 12);
	memmove(data + at + PART_HDR + length, data + at, len - at);
	memset(data + at, 0, PART_HDR);
	put_le16(data + at, PART_COMMON);
	put_le32(data + at + 4, offset);
	put_le32(data + at + 12, length);
	memcpy(data + at + PART_HDR, bytes, length);
	return len + PART_HDR + length;
}

/* Where a part's value is, of a type and a selector of 4 bytes. */
static uint8_t *find_value(uint8_t *data, size_t len, unsigned int type, uint32_t selector)
{
	size_t at;

	for (at = 0; at < len; at += PART_HDR + get_le32(data + at + 12)) {
		if (get_le16(data + at) == type && get_le32(data + at + 4) == selector)
			return data + at + PART_HDR;
	}
	return NULL;
}

/* The value that other parts say that a field has. */
static uint64_t field_value(uint8_t *data, size_t len, unsigned int type, unsigned int at,
			    unsigned int length)
{
	uint32_t selector = 0;
	uint8_t *p;

	if (type == PART_DEV_FEATURES)
		at += 4 * *find_value(data, len, PART_COMMON, 0);
	if (type == PART_DRV_FEATURES)
		at += 4 * *find_value(data, len, PART_COMMON, 8);
	if (type == PART_VQ_CFG || type == PART_VQ_NOTIFY)
		selector = get_le16(find_value(data, len, PART_COMMON, QUEUE_SELECT));
	p = find_value(data, len, type, selector) + at;
	return length == 1 ? *p : length == 2 ? get_le16(p) :
	       length == 4 ? get_le32(p) : get_le64(p);
}

/* What is read only in a card may be in a stream, and is the card's. */
TEST_F(stream, common_fields)
{
	static const struct {
		const char *name;
		uint16_t type;		/* 0: @at is the value */
		uint8_t offset, length, at;
	} fields[] = {
		{ "device_feature", PART_DEV_FEATURES, 4, 4, 0 },
		{ "driver_feature", PART_DRV_FEATURES, 12, 4, 0 },
		{ "num_queues", 0, 18, 2, 2 },
		{ "device_status", PART_STATUS, 20, 1, 0 },
		{ "queue_size", PART_VQ_CFG, 24, 2, 0 },
		{ "queue_msix_vector", PART_VQ_CFG, 26, 2, 2 },
		{ "queue_enable", PART_VQ_CFG, 28, 2, 4 },
		{ "queue_notify_off", PART_VQ_NOTIFY, 30, 2, 0 },
		{ "queue_desc", PART_VQ_CFG, 32, 8, 8 },
		{ "queue_driver", PART_VQ_CFG, 40, 8, 16 },
		{ "queue_device", PART_VQ_CFG, 48, 8, 24 },
		{ "queue_notif_config_data", PART_VQ_NOTIFY, 56, 2, 2 },
		{ "queue_reset", 0, 58, 2, 0 },
		{ "admin_queue_index", 0, 60, 2, 0 },
		{ "admin_queue_num", 0, 62, 2, 0 },
	};
	uint8_t data[PARTS_MAX], parts[PARTS_MAX], *part;
	const size_t good = get_parts(self, parts, 0, &part);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		uint64_t value = fields[i].at;
		size_t len;

		memcpy(data, parts, good);
		if (fields[i].type)
			value = field_value(data, good, fields[i].type, fields[i].at,
					    fields[i].length);
		len = put_field(data, good, fields[i].offset, value, fields[i].length);
		give(_metadata, self, data, len, NULL);
		/* A second one, another value, another length. */
		len = put_field(data, len, fields[i].offset, value, fields[i].length);
		give(_metadata, self, data, len, fields[i].name);
		memcpy(data, parts, good);
		len = put_field(data, good, fields[i].offset, value ^ 2, fields[i].length);
		give(_metadata, self, data, len, fields[i].name);
		memcpy(data, parts, good);
		len = put_field(data, good, fields[i].offset, value, 3);
		give(_metadata, self, data, len, fields[i].name);
	}
	/* A reserved byte is no field. */
	memcpy(data, parts, good);
	give(_metadata, self, data, put_field(data, good, 19, 0, 1), "PCI_COMMON_CFG");
}

/* What the record of the interrupt status has is the card's, too. */
TEST_F(stream, config_generation)
{
	uint8_t data[PARTS_MAX], *part;
	struct stream_rec rec;
	size_t good = get_parts(self, data, 0, &part);
	unsigned int generation;

	ASSERT_EQ(0, stream_find(&self->good, MDEV_MIGRATE_TAG_VIRTIO_ISR, &rec));
	generation = ((struct mdev_migrate_virtio_isr *)rec.payload)->generation;
	give(_metadata, self, data, put_field(data, good, 21, generation, 1), NULL);
	good = get_parts(self, data, 0, &part);
	give(_metadata, self, data, put_field(data, good, 21, generation + 1, 1),
	     "config_generation");
}

/* None is there twice, and none is missing but for the features that are offered. */
TEST_F(stream, each_part_once)
{
	uint8_t data[PARTS_MAX], copy[PARTS_MAX], *part;
	size_t len = get_parts(self, data, 0, &part), at, one;

	for (at = 0; at < len; at += one) {
		bool optional = get_le16(data + at) == PART_DEV_FEATURES;

		one = PART_HDR + get_le32(data + at + 12);
		memcpy(copy, data, at + one);
		memcpy(copy + at + one, data + at, len - at);
		give(_metadata, self, copy, len + one, "two parts");
		memcpy(copy + at, data + at + one, len - at - one);
		give(_metadata, self, copy, len - one, optional ? NULL : "expected");
	}
}

/* The parts without those of a queue. */
static size_t without_queue(const uint8_t *data, size_t len, unsigned int queue, uint8_t *to)
{
	size_t at, one, n = 0;

	for (at = 0; at < len; at += one) {
		unsigned int type = get_le16(data + at);

		one = PART_HDR + get_le32(data + at + 12);
		if ((type == PART_VQ_CFG || type == PART_VQ_NOTIFY) &&
		    get_le16(data + at + 4) == queue)
			continue;
		memcpy(to + n, data + at, one);
		n += one;
	}
	return n;
}

/* Of two queues. */
TEST_F(stream, missing_queue)
{
	uint8_t data[PARTS_MAX], copy[PARTS_MAX], *part;
	size_t len = get_parts(self, data, 0, &part);

	give(_metadata, self, copy, without_queue(data, len, 0, copy),
	     "queues without a gap, as bits: the stream has 0x2, expected 0x3");
	give(_metadata, self, copy, without_queue(data, len, 1, copy),
	     "queues: the stream has 1, this device has 2");
	/* The second one says that it is the third. */
	put_le16(find_value(data, len, PART_VQ_CFG, 1) - PART_HDR + 4, 2);
	put_le16(find_value(data, len, PART_VQ_NOTIFY, 1) - PART_HDR + 4, 2);
	give(_metadata, self, data, len,
	     "queues without a gap, as bits: the stream has 0x5, expected 0x7");
}

/* In which order those of one type come says nothing; of two types the lower comes first. */
TEST_F(stream, order_of_parts)
{
	uint8_t data[PARTS_MAX], copy[PARTS_MAX], *part;
	size_t len, at, next, one;

	len = get_parts(self, data, 0, &part);
	for (at = 0; at < len; at = next) {
		next = at + PART_HDR + get_le32(data + at + 12);
		if (next == len)
			break;
		one = PART_HDR + get_le32(data + next + 12);
		memcpy(copy, data, at);
		memcpy(copy + at, data + next, one);
		memcpy(copy + at + one, data + at, next - at);
		memcpy(copy + next + one, data + next + one, len - next - one);
		give(_metadata, self, copy, len,
		     get_le16(data + at) == get_le16(data + next) ? NULL :
		     "order of the parts");
	}
}

/* Only a card that asks for announcements takes what says that the driver has made one. */
TEST_F(stream, announce_ack)
{
	uint8_t data[PARTS_MAX], *part;
	size_t len = get_parts(self, data, 0, &part);

	len = put_command(data, len, false, VIRTIO_NET_CTRL_ANNOUNCE,
			  VIRTIO_NET_CTRL_ANNOUNCE_ACK) - 1;
	put_le32(data + len - PART_HDR + 12, 0);
	give(_metadata, self, data, len, "this device has no such state");
}

/* Those in use are there if the driver can choose them, and only then. */
TEST_F(stream, offloads)
{
	struct mdev_migrate_virtio_net_offloads offloads = { 0 };
	struct stream_rec rec;

	ASSERT_EQ(0, stream_find(&self->good, MDEV_MIGRATE_TAG_END, &rec));
	self->work.len = 0;
	ASSERT_EQ(0, buf_append(&self->work, self->good.data, rec.offset));
	stream_put(&self->work, MDEV_MIGRATE_TAG_VIRTIO_NET_OFFLOADS, 0, &offloads,
		   sizeof(offloads));
	stream_put_end(&self->work);
	refused(_metadata, self, &self->work, -EINVAL, "offloads in use");
}

/* No driver can have brought a device there. */
TEST_F(stream, driver_ok_without_features)
{
	uint8_t data[PARTS_MAX], *part;
	size_t len = get_parts(self, data, PART_STATUS, &part);

	ASSERT_NE(NULL, part);
	part[PART_HDR] = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
			 VIRTIO_CONFIG_S_DRIVER_OK;
	ASSERT_EQ(0, stream_replace(&self->work, &self->good,
				    MDEV_MIGRATE_TAG_VIRTIO_PARTS, data, len));
	refused(_metadata, self, &self->work, -EINVAL,
		"DRIVER_OK without FEATURES_OK");
}

TEST_HARNESS_MAIN
