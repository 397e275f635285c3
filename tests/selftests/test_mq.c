// SPDX-License-Identifier: GPL-2.0-only
/* Queue pairs: how many are in use, and which packet goes to which. */
#include "full.h"
#include "rss.h"
#include "vnic_tables.h"

#define OK	VIRTIO_NET_OK
#define ERR	VIRTIO_NET_ERR

#define MQ	VNIC_F(MQ)

FIXTURE_VARIANT_ADD(full, direct) { };

FIXTURE_VARIANT_ADD(full, indirect) {
	.flags = VNIC_INDIRECT | VNIC_EVENT_IDX,
};

/* An UDP packet of a flow that depends on @n only. */
static size_t flow_packet(FIXTURE_DATA(full) *self, uint8_t *p, unsigned int n,
			  bool to_guest)
{
	struct packet_flow flow = {
		.saddr = 0x0a000001,
		.daddr = 0x0a000002,
		.sport = 1000 + n,
		.dport = 2000,
	};

	if (!to_guest)
		flow = (struct packet_flow){
			.saddr = flow.daddr,
			.daddr = flow.saddr,
			.sport = flow.dport,
			.dport = flow.sport,
		};
	return packet_make(p, self->mac, &flow, 100, n);
}

static void send_flow(struct __test_metadata *_metadata,
		      FIXTURE_DATA(full) *self, unsigned int n)
{
	static const uint8_t none[10];
	uint8_t p[200];
	size_t len = flow_packet(self, p, n, true);

	ASSERT_EQ(0, packet_send(self->packets, none, p, len));
}

/* On which pair flow @n comes to the guest; or -1. */
static int pair_of(struct __test_metadata *_metadata, FIXTURE_DATA(full) *self,
		   unsigned int n, struct virtio_net_hdr_v1_hash *hdr)
{
	int64_t deadline = deadline_ms(DEADLINE_MS);
	uint8_t in[VNIC_SLOT], want[200];
	unsigned int pair;
	size_t len;
	int ret;

	send_flow(_metadata, self, n);
	len = flow_packet(self, want, n, true);
	do {
		for (pair = 0; pair < self->nic.pairs; pair++) {
			ret = vnic_recv_on(&self->nic, pair, hdr, in,
					   sizeof(in), 0);
			if (ret == (int)len && !memcmp(in, want, len))
				return pair;
		}
		sched_yield();
	} while (deadline_left(deadline));
	return -1;
}

/* The guest sends a packet of flow @n on @pair. */
static void answer(struct __test_metadata *_metadata, FIXTURE_DATA(full) *self,
		   unsigned int n, unsigned int pair)
{
	uint8_t p[200], in[VNIC_SLOT], hdr[10];
	size_t len = flow_packet(self, p, n, false);

	ASSERT_EQ(0, vnic_send_on(&self->nic, pair, NULL, p, len));
	ASSERT_EQ(len, packet_recv(self->packets, hdr, in, sizeof(in),
				   DEADLINE_MS));
	ASSERT_EQ(0, memcmp(p, in, len));
}

/* How many pairs the interface says are in use, of FULL_PAIRS. */
static unsigned int channels(const char *uuid)
{
	unsigned int max = 0;
	int now = netif_channels(uuid, &max);

	return max == FULL_PAIRS ? now : 0;
}

TEST_F(full, number_of_pairs)
{
	static const uint16_t bad[] = { 0, FULL_PAIRS + 1, 8, 0x8000, 0xffff };
	struct virtio_net_hdr_v1_hash hdr;
	unsigned int i;

	full_up(_metadata, self, variant->flags, MQ, FULL_PAIRS);
	EXPECT_EQ(FULL_PAIRS, vpci_read(&self->nic.pci,
					VIRTIO_PCI_CAP_DEVICE_CFG, 2, 8));
	EXPECT_EQ(2 * FULL_PAIRS, self->nic.ctrl);
	EXPECT_EQ(1, channels(MDEV_UUID_A));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(0, pair_of(_metadata, self, i, &hdr));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(ERR, vnic_set_pairs(&self->nic, bad[i]));
	for (i = 1; i <= FULL_PAIRS; i++) {
		EXPECT_EQ(OK, vnic_set_pairs(&self->nic, i));
		EXPECT_EQ(i, channels(MDEV_UUID_A));
	}
	EXPECT_EQ(OK, vnic_set_pairs(&self->nic, 1));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(0, pair_of(_metadata, self, i, &hdr));
	EXPECT_EQ(1, channels(MDEV_UUID_A));
}

/* Unknown flows are spread; one comes where the guest sends it. */
TEST_F(full, flows)
{
	struct virtio_net_hdr_v1_hash hdr;
	unsigned int seen = 0, i, pair;

	full_up(_metadata, self, variant->flags, MQ, FULL_PAIRS);
	ASSERT_EQ(OK, vnic_set_pairs(&self->nic, FULL_PAIRS));
	for (i = 0; i < 40; i++)
		seen |= 1 << pair_of(_metadata, self, i, &hdr);
	EXPECT_EQ((1 << FULL_PAIRS) - 1, seen);
	for (i = 0; i < 40; i++) {
		pair = i % FULL_PAIRS;
		answer(_metadata, self, i, pair);
		EXPECT_EQ(pair, pair_of(_metadata, self, i, &hdr));
	}
	/* Fewer pairs: only these. */
	ASSERT_EQ(OK, vnic_set_pairs(&self->nic, 2));
	for (i = 0; i < 40; i++)
		EXPECT_GT(2, pair_of(_metadata, self, i, &hdr));
}

/**
 * struct frame - a packet of a flow
 * @to_guest: as the guest receives it
 * @from_guest: as it sends it
 * @len: bytes of each
 */
struct frame {
	uint8_t to_guest[200];
	uint8_t from_guest[200];
	size_t len;
};

static void frame_v4(FIXTURE_DATA(full) *self, struct frame *f,
		     const struct packet_flow *flow)
{
	const struct packet_flow back = {
		.tcp = flow->tcp,
		.saddr = flow->daddr,
		.daddr = flow->saddr,
		.sport = flow->dport,
		.dport = flow->sport,
	};

	f->len = packet_make(f->to_guest, self->mac, flow, 100, 1);
	packet_make(f->from_guest, self->mac, &back, 100, 1);
}

#define IP6		PACKET_ETH
#define IP6_SADDR	(IP6 + 8)
#define IP6_DADDR	(IP6 + 24)
#define IP6_SPORT	(IP6 + 40)
#define IP6_DPORT	(IP6 + 42)

/* UDP. @at: @nr bytes that are not as always. */
static void frame_v6(FIXTURE_DATA(full) *self, struct frame *f,
		     const size_t *at, unsigned int nr)
{
	uint8_t *p = f->to_guest;

	f->len = IP6 + 40 + 8;
	memset(p, 0, f->len);
	memcpy(p, self->mac, ETH_ALEN);
	memcpy(p + ETH_ALEN, VNIC_SOURCE, VNIC_SOURCE_LEN);
	p[12] = 0x86;
	p[13] = 0xdd;
	p[IP6] = 0x60;
	p[IP6 + 5] = 8;
	p[IP6 + 6] = 17;
	p[IP6 + 7] = 64;
	p[IP6_SADDR] = 0xfd;
	p[IP6_DADDR] = 0xfe;
	p[IP6_DPORT + 3] = 8;
	while (nr--)
		p[at[nr]] = 9;
	memcpy(f->from_guest, p, f->len);
	memcpy(f->from_guest + IP6_SADDR, p + IP6_DADDR, 16);
	memcpy(f->from_guest + IP6_DADDR, p + IP6_SADDR, 16);
	memcpy(f->from_guest + IP6_SPORT, p + IP6_DPORT, 2);
	memcpy(f->from_guest + IP6_DPORT, p + IP6_SPORT, 2);
}

/* Does the next packet on @pair look like this? */
static bool comes_on(struct __test_metadata *_metadata,
		     FIXTURE_DATA(full) *self, const struct frame *f,
		     unsigned int pair)
{
	static const uint8_t none[10];
	struct virtio_net_hdr_v1_hash hdr;
	uint8_t in[VNIC_SLOT];
	int ret;

	EXPECT_EQ(0, packet_send(self->packets, none, f->to_guest, f->len));
	do {
		ret = vnic_recv_on(&self->nic, pair, &hdr, in, sizeof(in),
				   DEADLINE_MS);
	} while (ret >= 0 && (ret != (int)f->len ||
			      memcmp(in, f->to_guest, f->len)));
	return ret >= 0;
}

#define FLOW(_tcp, _saddr, _daddr, _sport, _dport)			\
	{ .tcp = _tcp, .saddr = _saddr, .daddr = _daddr,		\
	  .sport = _sport, .dport = _dport }

/* Packets that come at once, each like the one before but for one thing. */
TEST_F(full, flows_in_a_batch)
{
	static const struct packet_flow v4[] = {
		FLOW(0, 0x0a000001, 0x0a000002, 1000, 2000),
		FLOW(0, 0x0a000001, 0x0a000002, 1001, 2000),
		FLOW(0, 0x0a000001, 0x0a000002, 1001, 2001),
		FLOW(0, 0x0a000001, 0x0a000003, 1001, 2001),
		FLOW(0, 0x0a000004, 0x0a000003, 1001, 2001),
		FLOW(1, 0x0a000004, 0x0a000003, 1001, 2001),
	};
	static const size_t v6[] = {
		IP6_SPORT, IP6_DPORT, IP6_SADDR + 15, IP6_DADDR + 15,
	};
	struct frame frames[ARRAY_SIZE(v4) + ARRAY_SIZE(v6) + 1];
	uint8_t in[VNIC_SLOT], hdr[10];
	unsigned int i, pair;

	full_up(_metadata, self, variant->flags, MQ, FULL_PAIRS);
	ASSERT_EQ(OK, vnic_set_pairs(&self->nic, FULL_PAIRS));
	for (i = 0; i <= ARRAY_SIZE(v6); i++)
		frame_v6(self, &frames[i], v6, i);
	for (i = 0; i < ARRAY_SIZE(v4); i++)
		frame_v4(self, &frames[ARRAY_SIZE(v6) + 1 + i], &v4[i]);
	for (pair = 1; pair < FULL_PAIRS; pair += 2) {
		ASSERT_EQ(0, mig_set(&self->p.a, STOP, NULL));
		for (i = 0; i < ARRAY_SIZE(frames); i++)
			ASSERT_EQ(0, vnic_send_on(&self->nic, pair, NULL,
						  frames[i].from_guest,
						  frames[i].len));
		ASSERT_EQ(0, mig_set(&self->p.a, RUNNING, NULL));
		ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
		/*
		 * What has arrived is known, what was taken is about to be.
		 * The socket is for IPv4, which came last.
		 */
		for (i = 0; i < ARRAY_SIZE(v4); i++)
			ASSERT_LT(0, packet_recv(self->packets, hdr, in,
						 sizeof(in), DEADLINE_MS));
		for (i = 0; i < ARRAY_SIZE(frames); i++) {
			EXPECT_TRUE(comes_on(_metadata, self, &frames[i],
					     pair)) {
				TH_LOG("flow %u, pair %u", i, pair);
			}
		}
	}
}

/* What lies in a transmit queue that is not in use is sent when it is. */
TEST_F(full, unused_queue)
{
	uint8_t p[200], in[VNIC_SLOT], hdr[10];
	size_t len;

	full_up(_metadata, self, variant->flags, MQ, FULL_PAIRS);
	len = flow_packet(self, p, 1, false);
	ASSERT_EQ(0, vnic_send_on(&self->nic, 3, NULL, p, len));
	EXPECT_EQ(-ETIMEDOUT, packet_recv(self->packets, hdr, in, sizeof(in),
					  QUIET_MS));
	ASSERT_EQ(OK, vnic_set_pairs(&self->nic, FULL_PAIRS));
	EXPECT_EQ(len, packet_recv(self->packets, hdr, in, sizeof(in),
				   DEADLINE_MS));
	EXPECT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
}

/* A driver of one pair only: its control queue is the third queue. */
TEST_F(full, driver_without_mq)
{
	unsigned int i;

	full_up(_metadata, self, variant->flags, VNIC_FILTER, 1);
	EXPECT_EQ(2, self->nic.ctrl);
	EXPECT_EQ(OK, vnic_command(&self->nic, VIRTIO_NET_CTRL_RX, 0, "\1", 1));
	both_directions(_metadata, self->net, &self->nic, 5);
	/* Kicks of queues that are nothing. */
	for (i = 0; i < 20; i++)
		vpci_kick(&self->nic.pci, i);
	both_directions(_metadata, self->net, &self->nic, 5);
}

TEST_F(full, pairs_move)
{
	struct virtio_net_hdr_v1_hash hdr;
	unsigned int i, pair;

	full_up(_metadata, self, variant->flags, MQ, FULL_PAIRS);
	ASSERT_EQ(OK, vnic_set_pairs(&self->nic, 3));
	full_move(_metadata, self);
	EXPECT_EQ(3, channels(MDEV_UUID_B));
	for (i = 0; i < 30; i++) {
		pair = i % 3;
		answer(_metadata, self, i, pair);
		EXPECT_EQ(pair, pair_of(_metadata, self, i, &hdr));
	}
	ASSERT_EQ(OK, vnic_set_pairs(&self->nic, 4));
	answer(_metadata, self, 1, 3);
}

TEST_F(full, rss_configurations)
{
	static const struct rss bad[] = {
		{ TYPES | 0x40, 128, 4, 1, 4, 40 },
		{ ~0U, 128, 4, 1, 4, 40 },
		{ TYPES, 256, 4, 1, 4, 40 },
		{ TYPES, 3, 2, 1, 4, 40 },
		{ TYPES, 0, 1, 1, 4, 40 },
		{ TYPES, 128, 5, 1, 4, 40 },
		{ TYPES, 128, 4, 4, 4, 40 },
		{ TYPES, 128, 4, 0xffff, 4, 40 },
		{ TYPES, 128, 4, 1, 0, 40 },
		{ TYPES, 128, 4, 1, 5, 40 },
		{ TYPES, 128, 4, 1, 4, 41 },
		{ TYPES, 128, 4, 1, 4, 255 },
	};
	unsigned int i;

	full_up(_metadata, self, variant->flags, VNIC_RSS | MQ, FULL_PAIRS);
	EXPECT_EQ(40, vpci_read(&self->nic.pci, VIRTIO_PCI_CAP_DEVICE_CFG, 1,
				17));
	EXPECT_EQ(128, vpci_read(&self->nic.pci, VIRTIO_PCI_CAP_DEVICE_CFG, 2,
				 18));
	EXPECT_EQ(TYPES, vpci_read(&self->nic.pci, VIRTIO_PCI_CAP_DEVICE_CFG,
				   4, 20));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(ERR, rss_config(&self->nic, &bad[i])) {
			TH_LOG("case %u", i);
		}
	}
	EXPECT_EQ(OK, rss_config(&self->nic, &good));
	/* Linux's driver sends its structure with the padding. */
	EXPECT_EQ(OK, rss_config_padded(&self->nic, &good, 1));
	EXPECT_EQ(ERR, rss_config_padded(&self->nic, &good, 4));
	EXPECT_EQ(ERR, rss_config_padded(&self->nic, &good, -1));
	EXPECT_EQ(OK, rss_config(&self->nic,
				 &(struct rss){ 0, 1, 1, 0, 1, 0 }));
}

/* From the host to the guest. */
static int send_vector(FIXTURE_DATA(full) *self, unsigned int i,
		       const uint8_t *p, size_t len)
{
	static const uint8_t none[10];
	int fd, ret;

	if (!vectors[i].flow.ipv6[0])
		return packet_send(self->packets, none, p, len);
	fd = packet_socket_ipv6(self->nic.vdev->uuid);
	if (fd < 0)
		return fd;
	ret = packet_send(fd, none, p, len);
	close(fd);
	return ret;
}

/* How the hash of vector @i is reported: of the addresses, or with the ports. */
static unsigned int report_of(unsigned int i, bool ports)
{
	if (vectors[i].flow.ipv6[0])
		return ports ? VIRTIO_NET_HASH_REPORT_TCPv6 :
			       VIRTIO_NET_HASH_REPORT_IPv6;
	return ports ? VIRTIO_NET_HASH_REPORT_TCPv4 :
		       VIRTIO_NET_HASH_REPORT_IPv4;
}

/* What comes from a vector's address and port, whole or the first or last fragment. */
enum kind { TCP, UDP, FIRST, LAST };

static void expect_hash_of(struct __test_metadata *_metadata,
			   FIXTURE_DATA(full) *self, enum kind kind,
			   unsigned int i, uint32_t hash, unsigned int report,
			   unsigned int pair)
{
	struct packet_flow flow = vectors[i].flow;
	struct virtio_net_hdr_v1_hash hdr;
	uint8_t p[200], in[VNIC_SLOT];
	size_t len;

	flow.tcp = kind != UDP;
	len = packet_make(p, self->mac, &flow, 50, i);
	if (kind == FIRST)
		p[PACKET_ETH + 6] = 0x20;
	if (kind == LAST)
		p[PACKET_ETH + 7] = 100;
	ASSERT_EQ(0, send_vector(self, i, p, len));
	ASSERT_EQ(len, vnic_recv_on(&self->nic, pair, &hdr, in, sizeof(in),
				    DEADLINE_MS)) {
		TH_LOG("vector %u", i);
	}
	EXPECT_EQ(0, memcmp(p, in, len));
	EXPECT_EQ(hash, get_le32((uint8_t *)&hdr + VNIC_HDR));
	EXPECT_EQ(report, get_le16(&hdr.hash_report));
}

static void expect_hash(struct __test_metadata *_metadata,
			FIXTURE_DATA(full) *self, unsigned int i,
			uint32_t hash, unsigned int report, unsigned int pair)
{
	expect_hash_of(_metadata, self, TCP, i, hash, report, pair);
}

/* By the same rule, with other names; fragments by addresses only, the first one too. */
TEST_F(full, hashes_of_udp_and_fragments)
{
	struct rss tcp_only = good;
	unsigned int i;

	full_up(_metadata, self, variant->flags, VNIC_RSS | MQ, FULL_PAIRS);
	ASSERT_EQ(OK, rss_config(&self->nic, &good));
	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		expect_hash_of(_metadata, self, UDP, i, vectors[i].tcp,
			       vectors[i].flow.ipv6[0] ?
			       VIRTIO_NET_HASH_REPORT_UDPv6 :
			       VIRTIO_NET_HASH_REPORT_UDPv4,
			       vectors[i].tcp % FULL_PAIRS);
		if (vectors[i].flow.ipv6[0])
			continue;
		expect_hash_of(_metadata, self, FIRST, i, vectors[i].ip,
			       VIRTIO_NET_HASH_REPORT_IPv4,
			       vectors[i].ip % FULL_PAIRS);
		expect_hash_of(_metadata, self, LAST, i, vectors[i].ip,
			       VIRTIO_NET_HASH_REPORT_IPv4,
			       vectors[i].ip % FULL_PAIRS);
	}
	tcp_only.types = VIRTIO_NET_RSS_HASH_TYPE_TCPv4;
	ASSERT_EQ(OK, rss_config(&self->nic, &tcp_only));
	expect_hash_of(_metadata, self, UDP, 0, 0, VIRTIO_NET_HASH_REPORT_NONE,
		       tcp_only.unclassified);
	expect_hash_of(_metadata, self, FIRST, 0, 0,
		       VIRTIO_NET_HASH_REPORT_NONE, tcp_only.unclassified);
}

TEST_F(full, hashes)
{
	struct rss ip_only = good;
	unsigned int i;

	full_up(_metadata, self, variant->flags, VNIC_RSS | MQ, FULL_PAIRS);
	ASSERT_EQ(OK, rss_config(&self->nic, &good));
	for (i = 0; i < ARRAY_SIZE(vectors); i++)
		expect_hash(_metadata, self, i, vectors[i].tcp,
			    report_of(i, true),
			    vectors[i].tcp % FULL_PAIRS);
	ip_only.types = VIRTIO_NET_RSS_HASH_TYPE_IPv4 |
			VIRTIO_NET_RSS_HASH_TYPE_UDPv4 |
			VIRTIO_NET_RSS_HASH_TYPE_IPv6 |
			VIRTIO_NET_RSS_HASH_TYPE_UDPv6;
	ASSERT_EQ(OK, rss_config(&self->nic, &ip_only));
	for (i = 0; i < ARRAY_SIZE(vectors); i++)
		expect_hash(_metadata, self, i, vectors[i].ip,
			    report_of(i, false),
			    vectors[i].ip % FULL_PAIRS);
	ip_only.types = VIRTIO_NET_RSS_HASH_TYPE_TCPv6;
	ASSERT_EQ(OK, rss_config(&self->nic, &ip_only));
	expect_hash(_metadata, self, 0, 0, VIRTIO_NET_HASH_REPORT_NONE,
		    ip_only.unclassified);
}

/* The hash is reported without spreading by it. */
TEST_F(full, hash_config)
{
	uint8_t data[13 + 40] = { TYPES };

	full_up(_metadata, self, variant->flags, VNIC_F(HASH_REPORT), 1);
	expect_hash(_metadata, self, 0, 0, VIRTIO_NET_HASH_REPORT_NONE, 0);
	data[12] = sizeof(key);
	memcpy(data + 13, key, sizeof(key));
	ASSERT_EQ(OK, vnic_command(&self->nic, VIRTIO_NET_CTRL_MQ,
				   VIRTIO_NET_CTRL_MQ_HASH_CONFIG, data,
				   sizeof(data)));
	expect_hash(_metadata, self, 1, vectors[1].tcp,
		    VIRTIO_NET_HASH_REPORT_TCPv4, 0);
	data[12] = 41;
	EXPECT_EQ(ERR, vnic_command(&self->nic, VIRTIO_NET_CTRL_MQ,
				    VIRTIO_NET_CTRL_MQ_HASH_CONFIG, data,
				    sizeof(data)));
	full_move(_metadata, self);
	expect_hash(_metadata, self, 2, vectors[2].tcp,
		    VIRTIO_NET_HASH_REPORT_TCPv4, 0);
}

TEST_F(full, rss_moves)
{
	unsigned int i;

	full_up(_metadata, self, variant->flags, VNIC_RSS | MQ, FULL_PAIRS);
	ASSERT_EQ(OK, rss_config(&self->nic, &good));
	full_move(_metadata, self);
	EXPECT_GT(16 * KIB, self->stream.len);
	for (i = 0; i < ARRAY_SIZE(vectors); i++)
		expect_hash(_metadata, self, i, vectors[i].tcp,
			    report_of(i, true),
			    vectors[i].tcp % FULL_PAIRS);
	/* And back to steering by flow. */
	ASSERT_EQ(OK, vnic_set_pairs(&self->nic, 1));
	expect_hash(_metadata, self, 0, vectors[0].tcp,
		    VIRTIO_NET_HASH_REPORT_TCPv4, 0);
}

/* Everything that a driver can set is in a stream, or it is none of this device's. */
TEST_F(full, a_command_is_missing)
{
	struct stream_rec rec;
	struct buf work = { 0 };
	uint8_t data[8192];
	size_t at, next;
	char text[512];

	full_up(_metadata, self, variant->flags, VNIC_RSS | MQ, FULL_PAIRS);
	ASSERT_EQ(OK, rss_config(&self->nic, &good));
	full_move(_metadata, self);
	ASSERT_EQ(0, stream_find(&self->stream, MDEV_MIGRATE_TAG_VIRTIO_PARTS,
				 &rec));
	ASSERT_GE(sizeof(data), rec.length);
	memcpy(data, rec.payload, rec.length);
	for (at = 0; ; at = next) {
		next = at + 16 + get_le32(data + at + 12);
		if (next >= rec.length)
			break;
	}
	ASSERT_EQ(0x200, get_le16(data + at));
	ASSERT_EQ(0, stream_replace(&work, &self->stream, rec.tag, data, at));
	ASSERT_EQ(0, vdev_reset(&self->p.a));
	EXPECT_EQ(-EINVAL, mig_load(&self->p.a, work.data, work.len, 0));
	ASSERT_LT(0, last_error(MDEV_UUID_A, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "the stream has none, this device expects one")) {
		TH_LOG("%s", text);
	}
	buf_free(&work);
}

static int fill_command(void *card, unsigned int class, unsigned int command,
			const void *data, size_t len)
{
	return vnic_command(card, class, command, data, len);
}

/* With all that a driver can set, of all that the newest version has. */
TEST_F(full, largest_state)
{
	const uint64_t all = VNIC_OFFLOADS | VNIC_FILTER | VNIC_RSS | MQ |
			     VNIC_F(GUEST_ANNOUNCE);
	struct buf again = { 0 };
	size_t empty;

	full_up(_metadata, self, variant->flags, all, FULL_PAIRS);
	ASSERT_EQ(0, mig_save(&self->p.a, &again));
	empty = again.len;
	ASSERT_EQ(0, mig_set(&self->p.a, RUNNING, NULL));
	ASSERT_EQ(OK, vnic_fill_tables(fill_command, &self->nic, FULL_PAIRS));
	full_move(_metadata, self);
	/* The addresses and the indirection table are new in it. */
	EXPECT_LE(empty + FULL_RX_FILTER * ETH_ALEN + 128 * 2,
		  self->stream.len);
	EXPECT_GE(16 * KIB, self->stream.len);
	ASSERT_EQ(0, mig_save(&self->p.b, &again));
	EXPECT_GE(16 * KIB, mig_data_size(&self->p.b));
	EXPECT_EQ(again.len, self->stream.len);
	buf_free(&again);
}

TEST_HARNESS_MAIN
