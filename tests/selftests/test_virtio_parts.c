// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device parts that Linux's own virtio_vfio_pci carries and a virtual function of
 * tests/modules/virtio_pf reads: which of them it takes, and why not the others.
 */
#include "vf_fixture.h"

FIXTURE_VARIANT_ADD(vfs, any) { .how = VDEV_IOMMUFD };

#define CVQ(class, command)						\
	PART_SELECTOR(VIRTIO_NET_CTRL_##class, VIRTIO_NET_CTRL_##command)

/* What is done to good parts. */
enum op {
	SET,		/* @size bytes of the value, from @at on, are @value */
	HEADER,		/* likewise, of the header */
	REMOVE,		/* the part */
	TWICE,		/* it is there a second time, behind itself */
	FIRST,		/* it goes to the start */
	SHORTER,	/* by a byte */
	LONGER,		/* by a byte, a zero */
	ADD,		/* a part of @size bytes with @value, behind all; flags in @at */
};

/**
 * struct change - parts that are taken or not
 * @name: of the case
 * @op: what is done
 * @type: to the part of that type
 * @selector: and of that selector
 * @at: see enum op, likewise the next ones
 * @size: of @value
 * @value: of up to 8 bytes
 * @why: it is not taken, or NULL if it is
 */
struct change {
	const char *name;
	enum op op;
	uint16_t type;
	uint64_t selector;
	unsigned int at;
	unsigned int size;
	uint64_t value;
	const char *why;
};

static int insert(struct buf *parts, size_t at, const uint8_t *data, size_t len)
{
	int ret = buf_reserve(parts, parts->len + len);

	if (ret)
		return ret;
	memmove(parts->data + at + len, parts->data + at, parts->len - at);
	memcpy(parts->data + at, data, len);
	parts->len += len;
	return 0;
}

/* A copy of the part goes to where @at is. */
static int copy_to(struct buf *parts, const struct part *part, size_t at)
{
	uint8_t copy[4096];

	if (part->len > sizeof(copy) - PART_HDR)
		return -EMSGSIZE;
	memcpy(copy, parts->data + part->at, PART_HDR + part->len);
	return insert(parts, at, copy, PART_HDR + part->len);
}

static int resize(struct buf *parts, const struct part *part, int by)
{
	size_t end = part->at + PART_HDR + part->len;
	int ret = 0;

	put_le32(parts->data + part->at + 12, part->len + by);
	if (by > 0)
		return insert(parts, end, (const uint8_t *)"", 1);
	memmove(parts->data + end - 1, parts->data + end, parts->len - end);
	parts->len--;
	return ret;
}

static int apply(const struct change *c, struct buf *parts)
{
	uint8_t value[8];
	struct part part;

	put_le64(value, c->value);
	if (c->op == ADD)
		return part_append(parts, c->type, c->at, c->selector, value,
				   c->size);
	if (!part_find(parts, c->type, c->selector, &part))
		return -ENOENT;
	switch (c->op) {
	case SET:
		memcpy(parts->data + part.at + PART_HDR + c->at, value,
		       c->size);
		return 0;
	case HEADER:
		memcpy(parts->data + part.at + c->at, value, c->size);
		return 0;
	case REMOVE:
		return part_remove(parts, c->type, c->selector);
	case TWICE:
		return copy_to(parts, &part, part.at + PART_HDR + part.len);
	case FIRST:
		return copy_to(parts, &part, 0);
	default:
		return resize(parts, &part, c->op == LONGER ? 1 : -1);
	}
}

static const struct change changes[] = {
	{ "as it is", HEADER, PART_STATUS, 0, 2, 1, 0, NULL },
	/* Headers */
	{ "reserved", HEADER, PART_STATUS, 0, 3, 1, 0xff, NULL },
	{ "flags that there are not", HEADER, PART_STATUS, 0, 2, 1, 0xfe, NULL },
	{ "selector that there is not", HEADER, PART_STATUS, 0, 4, 8, ~0ULL,
	  NULL },
	{ "length beyond the end", HEADER, PART_STATUS, 0, 12, 4, ~0U,
	  "part is cut" },
	{ "unknown", ADD, 0x300, 0, 0, 4, 0, "unknown part" },
	{ "unknown, common", ADD, 0x1ff, 0, 0, 4, 0, "unknown part" },
	{ "unknown, optional", ADD, 0x300, 0, PART_OPTIONAL, 4, 0, NULL },
	{ "unknown, empty", ADD, 0x5ff, 0, PART_OPTIONAL, 0, 0, NULL },
	/* Order and number */
	{ "queue first", FIRST, PART_QUEUE, 0, 0, 0, 0, "order of parts" },
	{ "status first", FIRST, PART_STATUS, 0, 0, 0, 0, "order of parts" },
	{ "control first", FIRST, PART_CTRL, CVQ(RX, RX_PROMISC), 0, 0, 0,
	  "control queue: twice" },
	{ "no device features", REMOVE, PART_DEV_FEATURES, 0, 0, 0, 0, NULL },
	{ "no queue", REMOVE, PART_QUEUE, 2, 0, 0, 0, NULL },
	{ "device features", TWICE, PART_DEV_FEATURES, 0, 0, 0, 0,
	  "device features: twice" },
	{ "driver features", TWICE, PART_DRV_FEATURES, 0, 0, 0, 0,
	  "driver features: twice" },
	{ "field", TWICE, PART_COMMON, 16, 0, 0, 0,
	  "common configuration: a field twice" },
	{ "status", TWICE, PART_STATUS, 0, 0, 0, 0, "status: twice" },
	{ "queue", TWICE, PART_QUEUE, 1, 0, 0, 0, "queue: twice" },
	{ "notification", TWICE, PART_NOTIFY, 1, 0, 0, 0,
	  "notification: twice" },
	{ "control", TWICE, PART_CTRL, CVQ(VLAN, VLAN_ADD), 0, 0, 0,
	  "control queue: twice" },
	/* Lengths */
	{ "device features", SHORTER, PART_DEV_FEATURES, 0, 0, 0, 0,
	  "device features: length" },
	{ "device features", LONGER, PART_DEV_FEATURES, 0, 0, 0, 0,
	  "device features: length" },
	{ "driver features", LONGER, PART_DRV_FEATURES, 0, 0, 0, 0,
	  "driver features: length" },
	{ "field", SHORTER, PART_COMMON, 0, 0, 0, 0,
	  "common configuration: length" },
	{ "status", LONGER, PART_STATUS, 0, 0, 0, 0, "status: length" },
	{ "queue", SHORTER, PART_QUEUE, 0, 0, 0, 0, "queue: length" },
	{ "queue", LONGER, PART_QUEUE, 0, 0, 0, 0, "queue: length" },
	{ "notification", SHORTER, PART_NOTIFY, 0, 0, 0, 0,
	  "notification: length" },
	{ "mode", LONGER, PART_CTRL, CVQ(RX, RX_PROMISC), 0, 0, 0,
	  "control queue: length or value" },
	{ "address", SHORTER, PART_CTRL, CVQ(MAC, MAC_ADDR_SET), 0, 0, 0,
	  "control queue: length or value" },
	{ "tables", SHORTER, PART_CTRL, CVQ(MAC, MAC_TABLE_SET), 0, 0, 0,
	  "control queue: length or value" },
	{ "tables", LONGER, PART_CTRL, CVQ(MAC, MAC_TABLE_SET), 0, 0, 0,
	  "control queue: length or value" },
	{ "VLANs", SHORTER, PART_CTRL, CVQ(VLAN, VLAN_ADD), 0, 0, 0,
	  "control queue: length or value" },
	{ "RSS", SHORTER, PART_CTRL, CVQ(MQ, MQ_RSS_CONFIG), 0, 0, 0,
	  "control queue: length or value" },
	{ "RSS", LONGER, PART_CTRL, CVQ(MQ, MQ_RSS_CONFIG), 0, 0, 0,
	  "control queue: length or value" },
	/* Features and status */
	{ "device features", SET, PART_DEV_FEATURES, 0, 0, 1, 0xff,
	  "device features: not those of the device" },
	{ "not offered", SET, PART_DRV_FEATURES, 0, 5, 1, 0xff,
	  "driver features: not offered" },
	{ "without version 1", SET, PART_DRV_FEATURES, 0, 4, 1, 2,
	  "driver features: not valid" },
	{ "without control queue", SET, PART_DRV_FEATURES, 0, 2, 1, 1,
	  "control queue: feature not accepted" },
	{ "bits of status", SET, PART_STATUS, 0, 0, 1, 0x2f,
	  "status: bits that there are not" },
	{ "device needs reset", SET, PART_STATUS, 0, 0, 1, 0x4f, NULL },
	/* The common configuration */
	{ "vector", SET, PART_COMMON, 16, 0, 2, 6,
	  "common configuration: no such vector" },
	{ "no vector", SET, PART_COMMON, 16, 0, 2, 0xffff, NULL },
	{ "selected queue", SET, PART_COMMON, 22, 0, 2, 0x1234, NULL },
	{ "number of queues", SET, PART_COMMON, 18, 0, 2, 3,
	  "common configuration: another value" },
	{ "no field", HEADER, PART_COMMON, 18, 4, 4, 19,
	  "common configuration: no such field" },
	{ "field beyond", HEADER, PART_COMMON, 18, 4, 4, 64,
	  "common configuration: no such field" },
	/* Queues */
	{ "no such queue", HEADER, PART_QUEUE, 4, 4, 2, 5,
	  "queue: no such queue" },
	{ "not a power of 2", SET, PART_QUEUE, 0, 0, 2, 33, "queue: size" },
	{ "too long", SET, PART_QUEUE, 0, 0, 2, 512, "queue: size" },
	{ "empty", SET, PART_QUEUE, 0, 0, 2, 0, "queue: size" },
	{ "vector", SET, PART_QUEUE, 0, 2, 2, 6, "queue: no such vector" },
	{ "enabled", SET, PART_QUEUE, 0, 4, 2, 2,
	  "queue: neither enabled nor disabled" },
	{ "reserved", SET, PART_QUEUE, 0, 6, 2, 0xffff, NULL },
	{ "address of nothing", SET, PART_QUEUE, 0, 8, 8, ~0ULL, NULL },
	{ "no such queue", HEADER, PART_NOTIFY, 4, 4, 2, 5,
	  "notification: no such queue" },
	{ "no such place", SET, PART_NOTIFY, 0, 0, 2, 100,
	  "notification: no such place" },
	{ "another place", SET, PART_NOTIFY, 0, 0, 2, 3, NULL },
	/* The control queue */
	{ "no such command", HEADER, PART_CTRL, CVQ(RX, RX_PROMISC), 4, 1, 7,
	  "control queue: no such command" },
	{ "no such command, optional", ADD, PART_CTRL, 0x0707, PART_OPTIONAL, 1,
	  0, NULL },
	{ "deleted VLAN", ADD, PART_CTRL, CVQ(VLAN, VLAN_DEL), 0, 2, 1,
	  "control queue: no such command" },
	{ "reserved in the selector", HEADER, PART_CTRL, CVQ(RX, RX_PROMISC), 6,
	  2, 0xffff, NULL },
	{ "mode", SET, PART_CTRL, CVQ(RX, RX_PROMISC), 0, 1, 2,
	  "control queue: length or value" },
	{ "VLAN", SET, PART_CTRL, CVQ(VLAN, VLAN_ADD), 0, 2, 4096,
	  "control queue: length or value" },
	{ "addresses", SET, PART_CTRL, CVQ(MAC, MAC_TABLE_SET), 0, 4, ~0U,
	  "control queue: length or value" },
	{ "hash types", SET, PART_CTRL, CVQ(MQ, MQ_RSS_CONFIG), 0, 4, 0x40,
	  "control queue: length or value" },
	{ "mask", SET, PART_CTRL, CVQ(MQ, MQ_RSS_CONFIG), 4, 2, 2,
	  "control queue: length or value" },
	{ "longest mask", SET, PART_CTRL, CVQ(MQ, MQ_RSS_CONFIG), 4, 2, 0xffff,
	  "control queue: length or value" },
	{ "unclassified", SET, PART_CTRL, CVQ(MQ, MQ_RSS_CONFIG), 6, 2, 2,
	  "control queue: length or value" },
	{ "entry", SET, PART_CTRL, CVQ(MQ, MQ_RSS_CONFIG), 8, 2, 0x8000,
	  "control queue: length or value" },
	{ "no pairs", ADD, PART_CTRL, CVQ(MQ, MQ_VQ_PAIRS_SET), 0, 2, 0,
	  "control queue: length or value" },
	{ "offloads as if they were listed", HEADER, PART_CTRL,
	  CVQ(GUEST_OFFLOADS, GUEST_OFFLOADS_SET), 2, 1, 0,
	  "control queue: no such command" },
};

/* B, STOP, is as it was, and says why. */
static void refused(struct __test_metadata *_metadata,
		    FIXTURE_DATA(vfs) *self, const struct change *c,
		    const char *before)
{
	char want[100];

	snprintf(want, sizeof(want), "%s\n", c->why);
	EXPECT_STREQ(before, vf_state(_metadata, VF_B, &self->other));
	ASSERT_EQ(0, vf_read(VF_B, "refused", &self->other));
	EXPECT_STREQ(want, (char *)self->other.data) {
		TH_LOG("%s", c->name);
	}
}

static void try_change(struct __test_metadata *_metadata,
		       FIXTURE_DATA(vfs) *self, const struct change *c)
{
	const char *before;
	int ret;

	ASSERT_EQ(0, vdev_reset(&self->p.b));
	before = vf_state(_metadata, VF_B, &self->text);
	ASSERT_EQ(0, buf_copy(&self->stream, &self->parts));
	ASSERT_EQ(0, apply(c, &self->stream)) {
		TH_LOG("%s", c->name);
	}
	ret = vf_feed(&self->p.b, self->stream.data, self->stream.len);
	EXPECT_EQ(c->why ? -EINVAL : 0, ret) {
		TH_LOG("%s", c->name);
	}
	if (c->why)
		refused(_metadata, self, c, before);
}

TEST_F(vfs, changes)
{
	unsigned int i;

	vf_up(_metadata, self);
	vf_configure(_metadata, self);
	ASSERT_EQ(0, vf_take(&self->p.a, &self->parts));
	for (i = 0; i < ARRAY_SIZE(changes); i++)
		try_change(_metadata, self, &changes[i]);
}

/* Fields of the common configuration that no part is written for are verified. */
TEST_F(vfs, shown_fields)
{
	static const struct {
		unsigned int offset;
		unsigned int size;
	} fields[] = {
		{ VIRTIO_PCI_COMMON_DF, 4 }, { VIRTIO_PCI_COMMON_GF, 4 },
		{ VIRTIO_PCI_COMMON_STATUS, 1 },
		{ VIRTIO_PCI_COMMON_Q_SIZE, 2 }, { VIRTIO_PCI_COMMON_Q_MSIX, 2 },
		{ VIRTIO_PCI_COMMON_Q_ENABLE, 2 },
		{ VIRTIO_PCI_COMMON_Q_NOFF, 2 },
		{ VIRTIO_PCI_COMMON_Q_DESCLO, 8 },
		{ VIRTIO_PCI_COMMON_Q_AVAILLO, 8 },
		{ VIRTIO_PCI_COMMON_Q_USEDLO, 8 },
		{ VIRTIO_PCI_COMMON_Q_NDATA, 2 },
		{ VIRTIO_PCI_COMMON_Q_RESET, 2 },
		{ VIRTIO_PCI_COMMON_ADM_Q_IDX, 2 },
		{ VIRTIO_PCI_COMMON_ADM_Q_NUM, 2 },
	};
	struct vpci *pci = &self->nic.pci;
	struct part status;
	unsigned int i;

	vf_up(_metadata, self);
	vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_SELECT, 1);
	vpci_set_common(pci, VIRTIO_PCI_COMMON_DFSELECT, 1);
	vpci_set_common(pci, VIRTIO_PCI_COMMON_GFSELECT, 0);
	ASSERT_EQ(0, vf_take(&self->p.a, &self->parts));
	ASSERT_TRUE(part_find(&self->parts, PART_STATUS, 0, &status));
	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		uint64_t value = vpci_read(pci, VIRTIO_PCI_CAP_COMMON_CFG,
					   fields[i].size, fields[i].offset);
		uint8_t part[PART_HDR + 8] = { 2, 1 };
		int wrong;

		put_le32(part + 4, fields[i].offset);
		put_le32(part + 12, fields[i].size);
		for (wrong = 0; wrong <= 1; wrong++) {
			put_le64(part + PART_HDR, value ^ wrong);
			ASSERT_EQ(0, buf_copy(&self->stream, &self->parts));
			ASSERT_EQ(0, insert(&self->stream, status.at, part,
					    PART_HDR + fields[i].size));
			EXPECT_EQ(wrong ? -EINVAL : 0,
				  vf_feed(&self->p.b, self->stream.data,
					  self->stream.len)) {
				TH_LOG("offset %u", fields[i].offset);
			}
			ASSERT_EQ(0, mig_set(&self->p.b, STOP, NULL));
		}
	}
}

/* A device that offers something else, or is smaller. */
TEST_F(vfs, other_device)
{
	vf_up(_metadata, self);
	ASSERT_EQ(0, vf_take(&self->p.a, &self->parts));
	ASSERT_EQ(0, vf_write(VF_B, "features", "0x1300000020"));
	EXPECT_EQ(-EINVAL, vf_feed(&self->p.b, self->parts.data,
				   self->parts.len));
	ASSERT_EQ(0, vf_read(VF_B, "refused", &self->text));
	EXPECT_STREQ("device features: not those of the device\n",
		     (char *)self->text.data);
	ASSERT_EQ(0, mig_set(&self->p.b, STOP, NULL));
	/* Nor without saying what was offered, since the driver has more than that. */
	ASSERT_EQ(0, part_remove(&self->parts, PART_DEV_FEATURES, 0));
	EXPECT_EQ(-EINVAL, vf_feed(&self->p.b, self->parts.data,
				   self->parts.len));
	ASSERT_EQ(0, vf_read(VF_B, "refused", &self->text));
	EXPECT_STREQ("driver features: not offered\n", (char *)self->text.data);
}

/* After an error the driver's file is of no use, and after STOP there is a new one. */
TEST_F(vfs, again)
{
	int fd = -1;

	vf_up(_metadata, self);
	ASSERT_EQ(0, vf_take(&self->p.a, &self->parts));
	ASSERT_EQ(0, record_append(&self->stream, 0, 0, self->parts.data,
				   self->parts.len - 1));
	ASSERT_EQ(0, mig_set(&self->p.b, RESUMING, &fd));
	EXPECT_EQ(-EINVAL, mig_feed(fd, self->stream.data, self->stream.len,
				    0));
	EXPECT_EQ(-ENODEV, mig_feed(fd, self->stream.data, self->stream.len,
				    0));
	close(fd);
	ASSERT_EQ(0, mig_set(&self->p.b, STOP, NULL));
	EXPECT_EQ(0, vf_feed(&self->p.b, self->parts.data, self->parts.len));
}

/* More than the device has room for. */
TEST_F(vfs, too_long)
{
	static const uint8_t noise[100000];

	ASSERT_EQ(0, part_append(&self->parts, 0x300, PART_OPTIONAL, 0, noise,
				 sizeof(noise)));
	EXPECT_EQ(-ENOMEM, vf_feed(&self->p.b, self->parts.data,
				   self->parts.len));
	ASSERT_EQ(0, mig_set(&self->p.b, STOP, NULL));
	self->parts.len = 0;
	ASSERT_EQ(0, part_append(&self->parts, 0x300, PART_OPTIONAL, 0, noise,
				 50000));
	EXPECT_EQ(0, vf_feed(&self->p.b, self->parts.data, self->parts.len));
}

/* Records: in pieces of any size, more than one, and such as nobody knows. */
TEST_F(vfs, records)
{
	static const size_t chunks[] = { 1, 7, 16, 17, 4096 };
	static const uint8_t noise[100];
	unsigned int i;
	int fd = -1;

	vf_up(_metadata, self);
	ASSERT_EQ(0, vf_take(&self->p.a, &self->parts));
	ASSERT_EQ(0, record_append(&self->stream, RECORD_OPTIONAL, 77, noise,
				   sizeof(noise)));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, record_append(&self->stream, 0, 0,
					   self->parts.data, self->parts.len));
	for (i = 0; i < ARRAY_SIZE(chunks); i++) {
		ASSERT_EQ(0, vdev_reset(&self->p.b));
		ASSERT_EQ(0, mig_set(&self->p.b, RESUMING, &fd));
		EXPECT_EQ(0, mig_feed(fd, self->stream.data, self->stream.len,
				      chunks[i]));
		close(fd);
		ASSERT_EQ(0, vf_read(VF_B, "parts", &self->other));
		EXPECT_TRUE(buf_equal(&self->parts, &self->other));
	}
	ASSERT_EQ(0, record_append(&self->stream, 0, 77, noise, sizeof(noise)));
	ASSERT_EQ(0, mig_set(&self->p.b, STOP, NULL));
	EXPECT_EQ(-EOPNOTSUPP, mig_load(&self->p.b, self->stream.data,
					self->stream.len, 0));
}

/**
 * struct direct - parts that go to the function without Linux's driver
 * @command: that does it
 * @data: of it
 */
struct direct {
	struct vf_command command;
	struct buf data;
};

#define SET_OBJECT	31

/* B is stopped, and there is an object for it. */
static void direct_begin(struct __test_metadata *_metadata,
			 FIXTURE_DATA(vfs) *self, struct direct *direct)
{
	uint8_t stop = 1, object[24] = { 0 };
	struct vf_command command = {
		.opcode = VIRTIO_ADMIN_CMD_DEV_MODE_SET,
		.group = 1,
		.member = VF_B,
		.data = &stop,
		.len = 1,
	};

	ASSERT_EQ(0, vf_command(&command, &self->other));
	command.opcode = VIRTIO_ADMIN_CMD_RESOURCE_OBJ_CREATE;
	object[4] = SET_OBJECT;
	object[16] = VIRTIO_RESOURCE_OBJ_DEV_PARTS_TYPE_SET;
	command.data = object;
	command.len = sizeof(object);
	ASSERT_EQ(0, vf_command(&command, &self->other));
	*direct = (struct direct) { .command = command };
	direct->command.opcode = VIRTIO_ADMIN_CMD_DEV_PARTS_SET;
}

static int direct_set(FIXTURE_DATA(vfs) *self, struct direct *direct,
		      const uint8_t *parts, size_t len)
{
	uint8_t object[8] = { 0 };
	int ret;

	object[4] = SET_OBJECT;
	direct->data.len = 0;
	ret = buf_append(&direct->data, object, sizeof(object));
	if (!ret)
		ret = buf_append(&direct->data, parts, len);
	if (ret)
		return ret;
	direct->command.data = direct->data.data;
	direct->command.len = direct->data.len;
	return vf_command(&direct->command, &self->other);
}

static void direct_end(struct __test_metadata *_metadata,
		       FIXTURE_DATA(vfs) *self, struct direct *direct)
{
	uint8_t object[8] = { 0 };

	object[4] = SET_OBJECT;
	direct->command.opcode = VIRTIO_ADMIN_CMD_RESOURCE_OBJ_DESTROY;
	direct->command.data = object;
	direct->command.len = sizeof(object);
	EXPECT_EQ(0, vf_command(&direct->command, &self->other));
	buf_free(&direct->data);
}

/* May they end there? Between two parts, or where what follows fills up to 8 bytes. */
static bool may_end(const struct buf *parts, size_t len)
{
	size_t at = 0, end = 0, i;
	struct part part;

	while (part_next(parts->data, len, &at, &part))
		end = at;
	if (len - end >= 8 || (len != end && len % 8))
		return false;
	for (i = end; i < len; i++) {
		if (parts->data[i])
			return false;
	}
	return true;
}

TEST_F(vfs, cut)
{
	struct direct direct;
	size_t len;

	vf_up(_metadata, self);
	vf_configure(_metadata, self);
	ASSERT_EQ(0, vf_take(&self->p.a, &self->parts));
	direct_begin(_metadata, self, &direct);
	for (len = 0; len <= self->parts.len; len++) {
		int ret = direct_set(self, &direct, self->parts.data, len);

		/* Later parts need those of the features, which come first. */
		EXPECT_EQ(may_end(&self->parts, len) ? 0 : VF_STATUS(EINVAL, 3),
			  ret) {
			TH_LOG("%zu bytes", len);
		}
	}
	direct_end(_metadata, self, &direct);
}

/* Whatever is accepted is what is read back then, but for what is reserved. */
TEST_F(vfs, noise)
{
	uint64_t random = 1, accepted = 0;
	struct direct direct;
	unsigned int i, k;

	vf_up(_metadata, self);
	vf_configure(_metadata, self);
	ASSERT_EQ(0, vf_take(&self->p.a, &self->parts));
	direct_begin(_metadata, self, &direct);
	for (i = 0; i < 5000; i++) {
		ASSERT_EQ(0, buf_copy(&self->stream, &self->parts));
		for (k = rng_next(&random) % 3 + 1; k; k--)
			self->stream.data[rng_next(&random) %
					  self->stream.len] ^=
				1 << rng_next(&random) % 8;
		if (direct_set(self, &direct, self->stream.data,
			       self->stream.len))
			continue;
		accepted++;
		ASSERT_EQ(0, vf_read(VF_B, "parts", &self->text));
		ASSERT_EQ(0, direct_set(self, &direct, self->text.data,
					self->text.len));
		ASSERT_EQ(0, vf_read(VF_B, "parts", &self->other));
		ASSERT_TRUE(buf_equal(&self->text, &self->other));
	}
	EXPECT_LT(0, accepted);
	EXPECT_GT(5000, accepted);
	direct_end(_metadata, self, &direct);
}

TEST_HARNESS_MAIN
