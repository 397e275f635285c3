// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control queue: commands good and bad, the receive filter, the guest's
 * announcing of itself. What was set moves with the card.
 */
#include "full.h"

#define ALL	(VNIC_FILTER | VNIC_OFFLOADS | VNIC_RSS | VNIC_F(MQ) |	\
		 VNIC_F(GUEST_ANNOUNCE))

#define OK	VIRTIO_NET_OK
#define ERR	VIRTIO_NET_ERR

static const uint8_t broadcast[ETH_ALEN] = { 255, 255, 255, 255, 255, 255 };
static const uint8_t group1[ETH_ALEN] = { 1, 0, 0x5e, 0, 0, 1 };
static const uint8_t group2[ETH_ALEN] = { 1, 0, 0x5e, 0, 0, 2 };
static const uint8_t other1[ETH_ALEN] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t other2[ETH_ALEN] = { 2, 0, 0, 0, 0, 2 };

static int rx_mode(struct vnic *nic, unsigned int command, uint8_t on)
{
	return vnic_command(nic, VIRTIO_NET_CTRL_RX, command, &on, 1);
}

static int vlan(struct vnic *nic, unsigned int command, uint16_t vid)
{
	uint8_t data[2];

	put_le16(data, vid);
	return vnic_command(nic, VIRTIO_NET_CTRL_VLAN, command, data, 2);
}

/* A table of @uni and @multi addresses, made from @first on. */
static int mac_table(struct vnic *nic, unsigned int uni, unsigned int multi)
{
	uint8_t data[2 + 8 + 1303 * ETH_ALEN] = { 0 }, *p = data + 2;
	unsigned int i;

	put_le32(p, uni);
	p += 4;
	for (i = 1; i <= uni; i++, p += ETH_ALEN) {
		memcpy(p, other1, ETH_ALEN);
		p[5] = i;
	}
	put_le32(p, multi);
	p += 4;
	for (i = 1; i <= multi; i++, p += ETH_ALEN) {
		memcpy(p, group1, ETH_ALEN);
		p[5] = i;
	}
	data[0] = VIRTIO_NET_CTRL_MAC;
	data[1] = VIRTIO_NET_CTRL_MAC_TABLE_SET;
	return vnic_command_raw(nic, data, p - data, 1);
}

static int set_mac(struct vnic *nic, const uint8_t *mac)
{
	return vnic_command(nic, VIRTIO_NET_CTRL_MAC,
			    VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, ETH_ALEN);
}

FIXTURE_VARIANT_ADD(full, direct) { };

FIXTURE_VARIANT_ADD(full, indirect) {
	.flags = VNIC_INDIRECT | VNIC_EVENT_IDX,
};

static void up(struct __test_metadata *_metadata, FIXTURE_DATA(full) *self,
	       const FIXTURE_VARIANT(full) *variant)
{
	full_up(_metadata, self, variant->flags, ALL, 1);
}

/*
 * Does a frame to @dst, in VLAN @vid if that is not 0, reach the guest? One to
 * its own address, which does, follows.
 */
static bool reaches(struct __test_metadata *_metadata, FIXTURE_DATA(full) *self,
		    const uint8_t *dst, unsigned int vid)
{
	struct virtio_net_hdr_v1_hash hdr;
	uint8_t frame[104], own[100], in[VNIC_SLOT];
	size_t len = 100;
	bool first;
	int ret;

	frame_make(frame, 100, dst, 1);
	if (vid) {
		memmove(frame + 16, frame + 12, 88);
		memcpy(frame + 12, (uint8_t []){ 0x81, 0, vid >> 8, vid }, 4);
		len = 104;
	}
	vnic_mac(&self->nic, self->mac);
	frame_make(own, 100, self->mac, 2);
	EXPECT_EQ(0, netif_send(self->net, frame, len));
	EXPECT_EQ(0, netif_send(self->net, own, 100));
	ret = vnic_recv_on(&self->nic, 0, &hdr, in, sizeof(in), DEADLINE_MS);
	first = ret == (int)len && !memcmp(in, frame, len);
	if (first)
		ret = vnic_recv_on(&self->nic, 0, &hdr, in, sizeof(in),
				   DEADLINE_MS);
	EXPECT_EQ(100, ret);
	EXPECT_EQ(0, memcmp(in, own, 100));
	return first;
}

TEST_F(full, receive_modes)
{
	struct vnic *nic = &self->nic;

	/* What is filtered is counted. */
	full_alone(_metadata, self);
	up(_metadata, self, variant);
	/* All, until the driver says something. */
	EXPECT_TRUE(reaches(_metadata, self, other1, 0));
	EXPECT_TRUE(reaches(_metadata, self, group1, 0));
	EXPECT_TRUE(reaches(_metadata, self, other1, 5));

	EXPECT_EQ(OK, rx_mode(nic, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	EXPECT_FALSE(reaches(_metadata, self, other1, 0));
	EXPECT_FALSE(reaches(_metadata, self, group1, 0));
	EXPECT_TRUE(reaches(_metadata, self, broadcast, 0));

	EXPECT_EQ(OK, rx_mode(nic, VIRTIO_NET_CTRL_RX_ALLMULTI, 1));
	EXPECT_TRUE(reaches(_metadata, self, group1, 0));
	EXPECT_EQ(OK, rx_mode(nic, VIRTIO_NET_CTRL_RX_NOMULTI, 1));
	EXPECT_FALSE(reaches(_metadata, self, group1, 0));
	EXPECT_TRUE(reaches(_metadata, self, broadcast, 0));

	EXPECT_EQ(OK, rx_mode(nic, VIRTIO_NET_CTRL_RX_NOBCAST, 1));
	EXPECT_FALSE(reaches(_metadata, self, broadcast, 0));
	EXPECT_EQ(OK, rx_mode(nic, VIRTIO_NET_CTRL_RX_NOBCAST, 0));
	EXPECT_TRUE(reaches(_metadata, self, broadcast, 0));

	EXPECT_EQ(OK, rx_mode(nic, VIRTIO_NET_CTRL_RX_ALLUNI, 77));
	EXPECT_TRUE(reaches(_metadata, self, other1, 0));
	EXPECT_EQ(OK, rx_mode(nic, VIRTIO_NET_CTRL_RX_PROMISC, 1));
	EXPECT_TRUE(reaches(_metadata, self, group1, 0));
	EXPECT_EQ(4, netif_counter(MDEV_UUID_A, "tx0_filtered"));
}

TEST_F(full, no_unicast)
{
	uint8_t frame[100];

	/* What is filtered is counted. */
	full_alone(_metadata, self);
	up(_metadata, self, variant);
	EXPECT_EQ(OK, rx_mode(&self->nic, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	EXPECT_EQ(OK, rx_mode(&self->nic, VIRTIO_NET_CTRL_RX_NOUNI, 1));
	frame_make(frame, sizeof(frame), self->mac, 1);
	ASSERT_EQ(0, netif_send(self->net, frame, sizeof(frame)));
	EXPECT_EQ(-ETIMEDOUT, vnic_recv(&self->nic, frame, sizeof(frame),
					QUIET_MS));
	EXPECT_EQ(1, netif_counter(MDEV_UUID_A, "tx0_filtered"));
}

TEST_F(full, mac_table)
{
	struct vnic *nic = &self->nic;

	up(_metadata, self, variant);
	EXPECT_EQ(OK, rx_mode(nic, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	EXPECT_EQ(OK, mac_table(nic, 1, 1));
	EXPECT_TRUE(reaches(_metadata, self, other1, 0));
	EXPECT_TRUE(reaches(_metadata, self, group1, 0));
	EXPECT_FALSE(reaches(_metadata, self, other2, 0));
	EXPECT_FALSE(reaches(_metadata, self, group2, 0));
	EXPECT_EQ(OK, mac_table(nic, 2, FULL_RX_FILTER - 2));
	EXPECT_TRUE(reaches(_metadata, self, other2, 0));
	EXPECT_TRUE(reaches(_metadata, self, group2, 0));
	EXPECT_EQ(OK, mac_table(nic, 0, 0));
	EXPECT_FALSE(reaches(_metadata, self, other2, 0));
	EXPECT_FALSE(reaches(_metadata, self, group2, 0));
}

/* Addresses that are in no table of these tests. */
static const uint8_t stranger[ETH_ALEN] = { 2, 0, 0, 7, 7, 7 };
static const uint8_t strangers[ETH_ALEN] = { 1, 0, 0x5e, 7, 7, 7 };

static void opens_up(struct __test_metadata *_metadata, FIXTURE_DATA(full) *self,
		     unsigned int uni, unsigned int multi, bool all_uni,
		     bool all_multi)
{
	EXPECT_EQ(OK, mac_table(&self->nic, uni, multi)) {
		TH_LOG("%u unicast, %u multicast", uni, multi);
	}
	EXPECT_EQ(all_uni, reaches(_metadata, self, stranger, 0)) {
		TH_LOG("%u unicast, %u multicast", uni, multi);
	}
	EXPECT_EQ(all_multi, reaches(_metadata, self, strangers, 0)) {
		TH_LOG("%u unicast, %u multicast", uni, multi);
	}
	/* What there was room for, or anything. */
	EXPECT_EQ(uni > 0, reaches(_metadata, self, other1, 0));
	EXPECT_EQ(multi > 0, reaches(_metadata, self, group1, 0));
}

/* A list that there is no room for: everything of its kind comes. */
TEST_F(full, mac_table_overflow)
{
	const unsigned int max = FULL_RX_FILTER;

	up(_metadata, self, variant);
	EXPECT_EQ(OK, rx_mode(&self->nic, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	opens_up(_metadata, self, 0, max + 1, false, true);
	opens_up(_metadata, self, max + 1, 0, true, false);
	opens_up(_metadata, self, 2, max - 1, false, true);
	opens_up(_metadata, self, max + 1, max, true, false);
	opens_up(_metadata, self, 500, 700, true, true);
	opens_up(_metadata, self, 1300, 3, true, false);
	opens_up(_metadata, self, 3, 1300, false, true);
	/* Modes come first, and the next table counts. */
	EXPECT_EQ(OK, rx_mode(&self->nic, VIRTIO_NET_CTRL_RX_NOMULTI, 1));
	EXPECT_FALSE(reaches(_metadata, self, strangers, 0));
	EXPECT_EQ(OK, rx_mode(&self->nic, VIRTIO_NET_CTRL_RX_NOMULTI, 0));
	opens_up(_metadata, self, 1, 1, false, false);
	EXPECT_EQ(0, netif_counter(MDEV_UUID_A, "ctrl0_refused"));
	/* It ends with the driver. */
	opens_up(_metadata, self, 500, 500, true, true);
	up(_metadata, self, variant);
	EXPECT_EQ(OK, rx_mode(&self->nic, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	EXPECT_FALSE(reaches(_metadata, self, stranger, 0));
}

TEST_F(full, mac_table_overflow_moves)
{
	struct buf again = { 0 };

	up(_metadata, self, variant);
	EXPECT_EQ(OK, rx_mode(&self->nic, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	opens_up(_metadata, self, 1300, 3, true, false);
	full_move(_metadata, self);
	EXPECT_TRUE(reaches(_metadata, self, stranger, 0));
	EXPECT_TRUE(reaches(_metadata, self, group2, 0));
	EXPECT_FALSE(reaches(_metadata, self, strangers, 0));
	ASSERT_EQ(0, mig_save(&self->p.b, &again));
	EXPECT_EQ(again.len, self->stream.len);
	EXPECT_LE((int64_t)again.len, mig_data_size(&self->p.b));
	buf_free(&again);
}

/* Long tables whose lengths are not theirs. */
TEST_F(full, mac_table_malformed)
{
	static uint8_t out[2 * VNIC_SLOT] = {
		VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
	};
	static const struct {
		uint32_t uni, multi;
		size_t len;
	} bad[] = {
		{ 1000, 0, 2 + 4 + 6000 }, { 1000, 0, 2 + 4 + 6000 + 3 },
		{ 1000, 0, 2 + 8 + 6000 + 1 }, { 1000, 1, 2 + 8 + 6000 },
		{ 1000, 1, 2 + 8 + 6006 - 1 }, { 1000, 1, 2 + 8 + 6006 + 6 },
		{ 1001, 0, 2 + 8 + 6000 }, { ~0U, 0, sizeof(out) },
		{ 0x2aaaaaab, 0, 2 + 8 + 6000 }, { 0, ~0U, sizeof(out) },
		{ 0, 0x2aaaaaab, sizeof(out) }, { 0, 0, sizeof(out) },
	};
	unsigned int i;

	up(_metadata, self, variant);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(out + 2, 0, sizeof(out) - 2);
		put_le32(out + 2, bad[i].uni);
		if (6 + 6ULL * bad[i].uni + 4 <= sizeof(out))
			put_le32(out + 6 + 6 * bad[i].uni, bad[i].multi);
		EXPECT_EQ(ERR, vnic_command_raw(&self->nic, out, bad[i].len,
						1)) {
			TH_LOG("%u, %u in %zu bytes", bad[i].uni, bad[i].multi,
			       bad[i].len);
		}
	}
	EXPECT_EQ(0, vpci_status(&self->nic.pci) &
		  VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* The table is as large as the parameter says, whatever the version. */
TEST_F(full, filter_size)
{
	vdev_close(&self->p.a);
	ASSERT_EQ(0, mdev_write(MDEV_UUID_A, "migration/params/rx-filter-size",
				"2"));
	ASSERT_EQ(0, vdev_open(&self->p.a, MDEV_UUID_A, any_way()));
	ASSERT_EQ(0, vdev_map(&self->p.a, &self->mem));
	up(_metadata, self, variant);
	EXPECT_EQ(OK, mac_table(&self->nic, 1, 1));
	EXPECT_EQ(OK, rx_mode(&self->nic, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	opens_up(_metadata, self, 2, 1, false, true);
	opens_up(_metadata, self, 0, 2, false, false);
}

TEST_F(full, vlans)
{
	struct vnic *nic = &self->nic;

	up(_metadata, self, variant);
	EXPECT_EQ(OK, rx_mode(nic, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	EXPECT_FALSE(reaches(_metadata, self, broadcast, 5));
	EXPECT_EQ(OK, vlan(nic, VIRTIO_NET_CTRL_VLAN_ADD, 5));
	EXPECT_EQ(OK, vlan(nic, VIRTIO_NET_CTRL_VLAN_ADD, 4095));
	EXPECT_EQ(ERR, vlan(nic, VIRTIO_NET_CTRL_VLAN_ADD, 4096));
	EXPECT_EQ(ERR, vlan(nic, VIRTIO_NET_CTRL_VLAN_ADD, 0xffff));
	EXPECT_TRUE(reaches(_metadata, self, broadcast, 5));
	EXPECT_FALSE(reaches(_metadata, self, broadcast, 6));
	EXPECT_TRUE(reaches(_metadata, self, broadcast, 4095));
	EXPECT_FALSE(reaches(_metadata, self, other1, 5));
	EXPECT_EQ(OK, vlan(nic, VIRTIO_NET_CTRL_VLAN_DEL, 5));
	EXPECT_FALSE(reaches(_metadata, self, broadcast, 5));
}

/* The driver's address is the card's until a reset. */
TEST_F(full, mac_address)
{
	char before[32], now[32];
	uint8_t mac[ETH_ALEN];

	up(_metadata, self, variant);
	mdev_read(MDEV_UUID_A, "mac", before, sizeof(before));
	EXPECT_EQ(OK, rx_mode(&self->nic, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	EXPECT_EQ(ERR, set_mac(&self->nic, group1));
	EXPECT_EQ(OK, set_mac(&self->nic, other1));
	vnic_mac(&self->nic, mac);
	EXPECT_EQ(0, memcmp(mac, other1, ETH_ALEN));
	EXPECT_TRUE(reaches(_metadata, self, other1, 0));
	memcpy(mac, self->mac, ETH_ALEN);
	EXPECT_FALSE(reaches(_metadata, self, other2, 0));
	mdev_read(MDEV_UUID_A, "mac", now, sizeof(now));
	EXPECT_STREQ(before, now);
	ASSERT_EQ(0, vpci_reset(&self->nic.pci));
	vnic_mac(&self->nic, mac);
	EXPECT_NE(0, memcmp(mac, other1, ETH_ALEN));
}

/*
 * Each command with the right data but for its length. What Linux's driver pads
 * a structure by is taken.
 */
TEST_F(full, cut_short_and_too_long)
{
	static const struct {
		uint8_t class, command;
		uint16_t len;
		uint16_t padding;
	} commands[] = {
		{ VIRTIO_NET_CTRL_RX, 0, 1, 0 },
		{ VIRTIO_NET_CTRL_RX, 5, 1, 0 },
		{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 8, 0 },
		{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, 6, 0 },
		{ VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 2, 0 },
		{ VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, 2, 0 },
		{ VIRTIO_NET_CTRL_ANNOUNCE, 0, 0, 0 },
		{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 2, 0 },
		{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, 13, 0 },
		{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG, 13, 3 },
		{ VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, 8, 0 },
	};
	uint8_t data[1000] = { 0 };
	unsigned int i, len;

	up(_metadata, self, variant);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		for (len = 0; len < 600; len += len < 32 ? 1 : 71) {
			if (len >= commands[i].len &&
			    len <= commands[i].len + commands[i].padding)
				continue;
			EXPECT_EQ(ERR, vnic_command(&self->nic,
						    commands[i].class,
						    commands[i].command, data,
						    len)) {
				TH_LOG("%u.%u with %u bytes",
				       commands[i].class, commands[i].command,
				       len);
			}
		}
	}
	to_guest(_metadata, self->net, &self->nic, 300, 1);
}

TEST_F(full, unknown_commands)
{
	unsigned int class, command;

	up(_metadata, self, variant);
	for (class = 0; class < 256; class += class < 10 ? 1 : 49) {
		for (command = 6; command < 256; command += 31)
			EXPECT_EQ(ERR, vnic_command(&self->nic, class, command,
						    "", 1));
	}
	to_guest(_metadata, self->net, &self->nic, 300, 1);
}

/* Chains that are no commands. */
TEST_F(full, malformed)
{
	static uint8_t big[2 * VNIC_SLOT];
	uint8_t promisc[3] = { VIRTIO_NET_CTRL_RX, 0, 0 };

	up(_metadata, self, variant);
	EXPECT_EQ(ERR, vnic_command_raw(&self->nic, big, 0, 1));
	EXPECT_EQ(ERR, vnic_command_raw(&self->nic, big, 1, 1));
	EXPECT_EQ(ERR, vnic_command_raw(&self->nic, big, 513, 1));
	EXPECT_EQ(ERR, vnic_command_raw(&self->nic, big, sizeof(big), 1));
	/* More room than needed; none: nothing is done. */
	EXPECT_EQ(OK, vnic_command_raw(&self->nic, promisc, 3, 100));
	EXPECT_FALSE(reaches(_metadata, self, other1, 0));
	promisc[2] = 1;
	EXPECT_EQ(0, vnic_command_raw(&self->nic, promisc, 3, 0));
	EXPECT_FALSE(reaches(_metadata, self, other1, 0));
	EXPECT_LE(5, netif_counter(MDEV_UUID_A, "ctrl0_refused"));
	EXPECT_EQ(0, vpci_status(&self->nic.pci) &
		  VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* Random ones, and the card works afterwards. */
TEST_F(full, random)
{
	uint64_t rng = 7;
	uint8_t out[600];
	unsigned int i, k;

	up(_metadata, self, variant);
	for (i = 0; i < 1500; i++) {
		size_t len = rng_next(&rng) >> 55;

		for (k = 0; k < len; k++)
			out[k] = rng_next(&rng) >> (k < 12 ? 61 : 56);
		ASSERT_LE(0, vnic_command_raw(&self->nic, out, len + 1, 1));
	}
	up(_metadata, self, variant);
	to_guest(_metadata, self->net, &self->nic, 300, 1);
}

/* Commands whose feature the driver has not accepted. */
TEST_F(full, not_accepted)
{
	full_up(_metadata, self, variant->flags, 0, 1);
	EXPECT_EQ(ERR, rx_mode(&self->nic, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	EXPECT_EQ(ERR, mac_table(&self->nic, 0, 0));
	EXPECT_EQ(ERR, vlan(&self->nic, VIRTIO_NET_CTRL_VLAN_ADD, 1));
	EXPECT_EQ(ERR, set_mac(&self->nic, other1));
	EXPECT_EQ(ERR, vnic_set_pairs(&self->nic, 1));
	EXPECT_TRUE(reaches(_metadata, self, other1, 0));
	full_move(_metadata, self);
	EXPECT_TRUE(reaches(_metadata, self, other1, 0));
}

/* Features that make no sense without another. */
TEST_F(full, dependencies)
{
	static const uint64_t bad[] = {
		VNIC_F(MQ), VNIC_F(CTRL_RX), VNIC_F(RSS), VNIC_F(CTRL_VLAN),
		VNIC_F(GUEST_ANNOUNCE), VNIC_F(GUEST_TSO4), VNIC_F(HOST_TSO6),
		VNIC_F(CSUM) | VNIC_F(HOST_ECN), VNIC_F(HOST_USO),
		VNIC_F(GUEST_USO4), VNIC_F(GUEST_USO6),
	};
	uint64_t base = VNIC_FEATURE(VIRTIO_F_VERSION_1);
	unsigned int i;

	ASSERT_EQ(0, vpci_init(&self->nic.pci, &self->p.a));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EOPNOTSUPP, vpci_negotiate(&self->nic.pci,
						      base | bad[i])) {
			TH_LOG("features 0x%llx", (long long)bad[i]);
		}
	}
	EXPECT_EQ(0, vpci_negotiate(&self->nic.pci, base |
				    VNIC_F(CTRL_VQ) | ALL));
}

TEST_F(full, filter_moves)
{
	static const uint8_t local[ETH_ALEN] = { 2, 9, 9, 9, 9, 9 };
	uint8_t mac[ETH_ALEN];
	struct buf again = { 0 };

	up(_metadata, self, variant);
	EXPECT_EQ(OK, rx_mode(&self->nic, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	EXPECT_EQ(OK, mac_table(&self->nic, 2, FULL_RX_FILTER - 2));
	EXPECT_EQ(OK, vlan(&self->nic, VIRTIO_NET_CTRL_VLAN_ADD, 77));
	EXPECT_EQ(OK, set_mac(&self->nic, local));
	full_move(_metadata, self);
	EXPECT_GT(16 * KIB, self->stream.len);
	vnic_mac(&self->nic, mac);
	EXPECT_EQ(0, memcmp(mac, local, ETH_ALEN));
	EXPECT_TRUE(reaches(_metadata, self, other2, 0));
	EXPECT_TRUE(reaches(_metadata, self, group2, 0));
	EXPECT_FALSE(reaches(_metadata, self,
			     (uint8_t []){ 2, 0, 0, 0, 0, 99 }, 0));
	EXPECT_TRUE(reaches(_metadata, self, broadcast, 77));
	EXPECT_FALSE(reaches(_metadata, self, broadcast, 78));
	/* The same again, and not more than was said. */
	ASSERT_EQ(0, mig_save(&self->p.b, &again));
	EXPECT_EQ(again.len, self->stream.len);
	EXPECT_LE((int64_t)again.len, mig_data_size(&self->p.b));
	buf_free(&again);
}

/*
 * Bytes of the device parts with other values and the right checksum: refused
 * with a sentence, or taken and saved again as they are.
 */
TEST_F(full, changed_parts)
{
	unsigned int taken = 0, total = 0;
	struct buf again = { 0 };
	struct stream_rec rec;
	char text[512];
	size_t i;

	up(_metadata, self, variant);
	EXPECT_EQ(OK, mac_table(&self->nic, 20, 20));
	EXPECT_EQ(OK, vlan(&self->nic, VIRTIO_NET_CTRL_VLAN_ADD, 77));
	full_move(_metadata, self);
	ASSERT_EQ(0, stream_find(&self->stream, MDEV_MIGRATE_TAG_VIRTIO_PARTS,
				 &rec));
	for (i = 0; i < rec.length; i += 11) {
		rec.payload[i] ^= 1 << i % 8;
		stream_seal(&rec);
		ASSERT_EQ(0, vdev_reset(&self->p.a));
		again.len = 0;
		total++;
		if (mig_load(&self->p.a, self->stream.data, self->stream.len,
			     0)) {
			EXPECT_LT(0, last_error(MDEV_UUID_A, text,
						sizeof(text)));
		} else {
			taken++;
			ASSERT_EQ(0, mig_save(&self->p.a, &again));
			EXPECT_EQ(self->stream.len, again.len);
		}
		rec.payload[i] ^= 1 << i % 8;
	}
	stream_seal(&rec);
	TH_LOG("%u of %u changed streams were taken", taken, total);
	ASSERT_EQ(0, vdev_reset(&self->p.a));
	EXPECT_EQ(0, mig_load(&self->p.a, self->stream.data, self->stream.len,
			      0));
	buf_free(&again);
}

/* Another implementation may say that the driver has acknowledged the announcement. */
TEST_F(full, announce_ack_part)
{
	static const uint8_t ack[16] = { 0, 2, [4] = VIRTIO_NET_CTRL_ANNOUNCE };
	struct buf parts = { 0 }, work = { 0 };
	struct stream_rec rec;

	up(_metadata, self, variant);
	full_move(_metadata, self);
	ASSERT_EQ(0, stream_find(&self->stream, MDEV_MIGRATE_TAG_VIRTIO_PARTS, &rec));
	ASSERT_EQ(0, buf_append(&parts, rec.payload, rec.length));
	ASSERT_EQ(0, buf_append(&parts, ack, sizeof(ack)));
	ASSERT_EQ(0, stream_replace(&work, &self->stream, MDEV_MIGRATE_TAG_VIRTIO_PARTS,
				    parts.data, parts.len));
	ASSERT_EQ(0, vdev_reset(&self->p.a));
	EXPECT_EQ(0, mig_load(&self->p.a, work.data, work.len, 0));
	work.len = 0;
	ASSERT_EQ(0, mig_save(&self->p.a, &work));
	EXPECT_TRUE(buf_equal(&self->stream, &work));
	buf_free(&parts);
	buf_free(&work);
}

static uint8_t generation(struct vnic *nic)
{
	return vpci_common(&nic->pci, VIRTIO_PCI_COMMON_CFGGENERATION);
}

/* What the driver itself changes in the configuration has a new generation. */
TEST_F(full, generation)
{
	uint8_t before;

	up(_metadata, self, variant);
	before = generation(&self->nic);
	EXPECT_EQ(OK, set_mac(&self->nic, self->mac));
	EXPECT_EQ(ERR, set_mac(&self->nic, group1));
	EXPECT_EQ(before, generation(&self->nic));
	EXPECT_EQ(OK, set_mac(&self->nic, other1));
	EXPECT_NE(before, generation(&self->nic));

	full_move(_metadata, self);
	before = generation(&self->nic);
	EXPECT_EQ(OK, vnic_command(&self->nic, VIRTIO_NET_CTRL_ANNOUNCE, 0,
				   NULL, 0));
	EXPECT_NE(before, generation(&self->nic));
	before = generation(&self->nic);
	EXPECT_EQ(OK, vnic_command(&self->nic, VIRTIO_NET_CTRL_ANNOUNCE, 0,
				   NULL, 0));
	EXPECT_EQ(before, generation(&self->nic));
}

static unsigned int net_status(struct vnic *nic)
{
	return vpci_read(&nic->pci, VIRTIO_PCI_CAP_DEVICE_CFG, 2, 6);
}

TEST_F(full, announce)
{
	up(_metadata, self, variant);
	EXPECT_EQ(0, net_status(&self->nic) & VIRTIO_NET_S_ANNOUNCE);
	EXPECT_EQ(OK, vnic_command(&self->nic, VIRTIO_NET_CTRL_ANNOUNCE, 0,
				   NULL, 0));
	ASSERT_EQ(0, vnic_quiet(&self->nic));
	full_move(_metadata, self);
	EXPECT_LT(0, event_wait(self->nic.events[0], DEADLINE_MS));
	EXPECT_NE(0, net_status(&self->nic) & VIRTIO_NET_S_ANNOUNCE);
	EXPECT_EQ(OK, vnic_command(&self->nic, VIRTIO_NET_CTRL_ANNOUNCE, 0,
				   NULL, 0));
	EXPECT_EQ(0, net_status(&self->nic) & VIRTIO_NET_S_ANNOUNCE);
	EXPECT_NE(0, net_status(&self->nic) & VIRTIO_NET_S_LINK_UP);
}

TEST_F(full, announce_not_accepted)
{
	full_up(_metadata, self, variant->flags, VNIC_FILTER, 1);
	full_move(_metadata, self);
	EXPECT_EQ(0, net_status(&self->nic) & VIRTIO_NET_S_ANNOUNCE);
}

TEST_HARNESS_MAIN
