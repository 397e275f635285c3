// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two cards in a bridge of the host's: what one guest asks of the offloads, right or
 * hostile, comes to the other one as that one accepts it, or not at all.
 */
#include "headers.h"
#include "netif_ethtool.h"
#include "traffic.h"

#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define TYPE		"virtio_net-v3"
#define BRIDGE		"mdevtestbr"
/* A guest with a ring that has room for a long packet and more. */
#define GUEST_SIZE	(12 * MIB)
#define GUEST_RING	128
/* Long enough for a few buffers, and for some hundred pieces of a few bytes. */
#define PAYLOAD		(3 * MSS)
#define RANDOM		600
/* In the source port of right packets; no hostile one, as it turns bits, has it. */
#define RIGHT		0x5000

FIXTURE(bridge) {
	struct pair p;
	struct guest_mem mem_a;
	struct guest_mem mem_b;
	struct vnic a;
	struct vnic b;
	uint8_t mac[ETH_ALEN];
	unsigned int received;
};

/* What the guest of B accepts. */
FIXTURE_VARIANT(bridge) {
	uint64_t features;
};

FIXTURE_VARIANT_ADD(bridge, plain) { };

FIXTURE_VARIANT_ADD(bridge, merged) {
	.features = VNIC_F(MRG_RXBUF),
};

FIXTURE_VARIANT_ADD(bridge, checksums) {
	.features = VNIC_F(GUEST_CSUM),
};

FIXTURE_VARIANT_ADD(bridge, offloads) {
	.features = VNIC_OFFLOADS,
};

static void card_up(struct __test_metadata *_metadata, const char *uuid,
		    struct vdev *v, struct guest_mem *mem, struct vnic *nic,
		    uint64_t features)
{
	ASSERT_EQ(0, mdev_create(TYPE, uuid));
	ASSERT_EQ(0, vdev_open(v, uuid, any_way()));
	ASSERT_EQ(0, guest_mem_init(mem, MIB, GUEST_SIZE));
	ASSERT_EQ(0, vdev_map(v, mem));
	ASSERT_EQ(0, vnic_up_with(nic, v, mem, GUEST_RING, 0,
				  features | VNIC_F(CTRL_VQ), 1));
	ASSERT_EQ(0, netif_bridge_port(BRIDGE, uuid));
}

FIXTURE_SETUP(bridge)
{
	ASSERT_EQ(0, netif_bridge_add(BRIDGE));
	card_up(_metadata, MDEV_UUID_A, &self->p.a, &self->mem_a, &self->a,
		VNIC_OFFLOADS);
	card_up(_metadata, MDEV_UUID_B, &self->p.b, &self->mem_b, &self->b,
		variant->features);
	vnic_mac(&self->b, self->mac);
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_A, DEADLINE_MS));
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_B, DEADLINE_MS));
}

FIXTURE_TEARDOWN(bridge)
{
	vnic_down(&self->a);
	vnic_down(&self->b);
	pair_close(&self->p);
	guest_mem_free(&self->mem_a);
	guest_mem_free(&self->mem_b);
	EXPECT_EQ(0, netif_bridge_remove(BRIDGE));
}

/* From guest A, and done with. */
static void send_one(struct __test_metadata *_metadata,
		     FIXTURE_DATA(bridge) *self,
		     const struct virtio_net_hdr_v1 *hdr, const uint8_t *p,
		     size_t size)
{
	ASSERT_EQ(0, vnic_send_on(&self->a, 0, hdr, p, size));
	ASSERT_EQ(0, vnic_sent(&self->a, DEADLINE_MS));
}

/* What a header may say of its segments: VIRTIO 1.3, 5.1.6.4.1. */
static bool gso_ok(const struct virtio_net_hdr_v1 *hdr, size_t len,
		   uint64_t features)
{
	uint64_t needs = 0;

	switch (hdr->gso_type & ~ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE;
	case TCPV4:
		needs = VNIC_F(GUEST_TSO4);
		break;
	case TCPV6:
		needs = VNIC_F(GUEST_TSO6);
		break;
	case UDP_L4:
		needs = VNIC_F(GUEST_USO4) | VNIC_F(GUEST_USO6);
		break;
	default:
		return false;
	}
	if (hdr->gso_type & ECN)
		needs |= VNIC_F(GUEST_ECN);
	return (features & needs) == needs && hdr->flags & CSUM &&
	       hdr->gso_size && hdr->hdr_len > hdr->csum_start &&
	       hdr->hdr_len <= len;
}

/* ... and of the checksum. */
static bool csum_ok(const struct virtio_net_hdr_v1 *hdr, size_t len,
		    uint64_t features)
{
	if (hdr->flags & ~(CSUM | VIRTIO_NET_HDR_F_DATA_VALID))
		return false;
	if (hdr->flags && !(features & VNIC_F(GUEST_CSUM)))
		return false;
	return !(hdr->flags & CSUM) ||
	       hdr->csum_start + hdr->csum_offset + 2U <= len;
}

/*
 * The next frame that guest B gets, 0 if none comes in @ms; its header is a good one.
 * What comes on the bridge from elsewhere has good ones as well, and is passed over.
 */
static int receive(struct __test_metadata *_metadata,
		   FIXTURE_DATA(bridge) *self, struct virtio_net_hdr_v1 *hdr,
		   uint8_t *in, size_t size, int ms)
{
	struct virtio_net_hdr_v1_hash full;
	int len;

	len = vnic_recv_on(&self->b, 0, &full, in, size, ms);
	if (len == -ETIMEDOUT)
		return 0;
	ASSERT_LE(ETH_HLEN, len);
	*hdr = full.hdr;
	self->received++;
	EXPECT_TRUE(gso_ok(hdr, len, self->b.features) &&
		    csum_ok(hdr, len, self->b.features)) {
		TH_LOG("%d bytes, flags %#x, gso %#x size %u, hdr_len %u, csum at %u + %u",
		       len, hdr->flags, hdr->gso_type, hdr->gso_size,
		       hdr->hdr_len, hdr->csum_start, hdr->csum_offset);
	}
	return len;
}

static void drain(struct __test_metadata *_metadata,
		  FIXTURE_DATA(bridge) *self, int ms)
{
	static uint8_t in[VNIC_BIG + VNIC_SLOT];
	struct virtio_net_hdr_v1 hdr;

	while (receive(_metadata, self, &hdr, in, sizeof(in), ms))
		;
}

/* The same, of a right packet: a hostile one before it may be late. */
static int receive_right(struct __test_metadata *_metadata,
			 FIXTURE_DATA(bridge) *self,
			 struct virtio_net_hdr_v1 *hdr, uint8_t *in, size_t size)
{
	int64_t deadline = deadline_ms(DEADLINE_MS);
	int len;

	do {
		len = receive(_metadata, self, hdr, in, size,
			      deadline_left(deadline));
	} while (len && (len < PACKET_UDP_HDR ||
			 (in[PACKET_ETH + PACKET_IP] & 0xf0) != RIGHT >> 8));
	return len;
}

/*
 * @flow's packet that A hands over as a whole: whole or in pieces, B gets every byte,
 * with a checksum that is right or that B has to make.
 */
static void whole_or_pieces(struct __test_metadata *_metadata,
			    FIXTURE_DATA(bridge) *self,
			    const struct packet_flow *flow,
			    const struct virtio_net_hdr_v1 *how, bool whole)
{
	static uint8_t p[VNIC_BIG], in[VNIC_BIG + VNIC_SLOT];
	const size_t head = how->hdr_len;
	struct packet_flow right = *flow;
	struct virtio_net_hdr_v1 hdr;
	size_t size, at = 0;
	int len;

	right.sport |= RIGHT;
	size = packet_make(p, self->mac, &right, PAYLOAD, 7);
	send_one(_metadata, self, how, p, size);
	while (at < PAYLOAD) {
		len = receive_right(_metadata, self, &hdr, in, sizeof(in));
		ASSERT_EQ(head + (whole ? PAYLOAD : MSS), len);
		EXPECT_EQ(0, memcmp(p + head + at, in + head, len - head));
		EXPECT_EQ(whole ? how->gso_type : 0, hdr.gso_type);
		if (whole) {
			EXPECT_EQ(MSS, hdr.gso_size);
		}
		if (!(hdr.flags & CSUM)) {
			EXPECT_TRUE(packet_checksum_ok(in, len));
		}
		at += len - head;
	}
}

static void both_whole_or_pieces(struct __test_metadata *_metadata,
				 FIXTURE_DATA(bridge) *self)
{
	whole_or_pieces(_metadata, self, &tcp, &tso,
			self->b.features & VNIC_F(GUEST_TSO4));
	whole_or_pieces(_metadata, self, &udp, &uso,
			self->b.features & VNIC_F(GUEST_USO4));
}

/* What is known to be wrong or strange, with packets that it may fit. */
static void send_hostile(struct __test_metadata *_metadata,
			 FIXTURE_DATA(bridge) *self)
{
	uint8_t p[PACKET_TCP_HDR + PAYLOAD];
	unsigned int i, k;
	size_t size;

	for (i = 0; i < ARRAY_SIZE(hostile_hdrs); i++) {
		for (k = 0; k < 4; k++) {
			size = packet_make(p, self->mac, k & 1 ? &tcp : &udp,
					   k & 2 ? PAYLOAD : 10, i);
			send_one(_metadata, self, &hostile_hdrs[i], p, size);
			drain(_metadata, self, 0);
		}
	}
}

/* What is a little wrong. */
static void send_random(struct __test_metadata *_metadata,
			FIXTURE_DATA(bridge) *self)
{
	uint8_t p[PACKET_TCP_HDR + PAYLOAD];
	struct virtio_net_hdr_v1 hdr;
	uint64_t rng = 5;
	unsigned int i;
	size_t size;

	for (i = 0; i < RANDOM; i++) {
		size = packet_make(p, self->mac, i & 1 ? &tcp : &udp,
				   i * 7 % PAYLOAD, i);
		random_hdr(&hdr, p, &rng);
		send_one(_metadata, self, &hdr, p, size);
		drain(_metadata, self, 0);
	}
}

TEST_F(bridge, hostile_guest)
{
	both_whole_or_pieces(_metadata, self);

	self->received = 0;
	send_hostile(_metadata, self);
	drain(_metadata, self, QUIET_MS);
	/* Some of them ask for what can be done. */
	EXPECT_LT(0, self->received);
	both_whole_or_pieces(_metadata, self);

	self->received = 0;
	send_random(_metadata, self);
	drain(_metadata, self, QUIET_MS);
	EXPECT_LT(RANDOM / 10, self->received);
	both_whole_or_pieces(_metadata, self);

	EXPECT_EQ(0, vpci_status(&self->a.pci) & VIRTIO_CONFIG_S_NEEDS_RESET);
	EXPECT_EQ(0, vpci_status(&self->b.pci) & VIRTIO_CONFIG_S_NEEDS_RESET);
}

#define PORT		"mdevtestv0"
#define PEER		"mdevtestv1"
#define SEGMENTS	3
#define TCP6_HDR	(PACKET_ETH + PACKET_IPV6 + PACKET_TCP)
#define TRIES		50

static int quietly(const char *command)
{
	char line[256];

	snprintf(line, sizeof(line), "%s >/dev/null 2>&1", command);
	return system(line);
}

static int set_offload(int fd, const char *name, uint32_t cmd, uint32_t on)
{
	struct ethtool_value value = { .cmd = cmd, .data = on };
	struct ifreq ifr = { .ifr_data = (void *)&value };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ioctl(fd, SIOCETHTOOL, &ifr) ? -errno : 0;
}

/* A third port of the bridge, whose packets the host puts together: a socket on its peer. */
static int merging_port(void)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	int fd, ret;

	if (quietly("ip link add " PORT " type veth peer name " PEER) ||
	    quietly("ip link set " PORT " master " BRIDGE " up") ||
	    quietly("ip link set " PEER " up"))
		return -ENODEV;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	to.sll_ifindex = if_nametoindex(PEER);
	ret = bind(fd, (struct sockaddr *)&to, sizeof(to)) ? -errno : 0;
	/* A peer that takes long packets has none to be put together. */
	if (!ret)
		ret = set_offload(fd, PEER, ETHTOOL_STSO, 0);
	if (!ret)
		ret = set_offload(fd, PORT, ETHTOOL_SGRO, 1);
	/* It waits for more of a flow. */
	if (!ret)
		ret = sysfs_write("/sys/class/net/" PORT "/napi_defer_hard_irqs",
				  "1000");
	if (!ret)
		ret = sysfs_write("/sys/class/net/" PORT "/gro_flush_timeout",
				  "100000000");
	if (ret)
		close(fd);
	return ret ? ret : fd;
}

/* Of a flow, with a checksum that is complete; the last one is not to wait. */
static size_t segment(FIXTURE_DATA(bridge) *self, uint8_t *p, unsigned int try,
		      unsigned int i)
{
	const struct packet_flow flow = {
		.tcp = 1, .sport = RIGHT + try % 0x1000, .dport = 80,
		.ipv6 = { "fd00::1", "fd00::2" },
	};
	size_t size = packet_make(p, self->mac, &flow, MSS, try * SEGMENTS + i);
	uint8_t *th = p + PACKET_ETH + PACKET_IPV6;
	uint32_t sum = 0;
	size_t k;

	th[6] = i * MSS >> 8;
	th[7] = i * MSS;
	if (i == SEGMENTS - 1)
		th[13] |= 0x08;
	for (k = 0; k < PACKET_TCP + MSS; k++)
		sum += k & 1 ? th[k] : th[k] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	th[16] = ~sum >> 8;
	th[17] = ~sum;
	return size;
}

/* What was sent comes in order. Returns how many packets it took; 0: not all came. */
static unsigned int get_segments(struct __test_metadata *_metadata,
				 FIXTURE_DATA(bridge) *self,
				 unsigned int try)
{
	static uint8_t in[VNIC_BIG + VNIC_SLOT], p[VNIC_BIG];
	struct virtio_net_hdr_v1 hdr;
	unsigned int packets = 0;
	size_t done = 0, at;
	int len;

	while (done < SEGMENTS * MSS) {
		len = receive(_metadata, self, &hdr, in, sizeof(in),
			      DEADLINE_MS);
		if (!len)
			return 0;
		if (len < TCP6_HDR || in[12] != 0x86 || in[PACKET_ETH + 6] != 6 ||
		    (unsigned int)(in[PACKET_ETH + PACKET_IPV6] << 8 |
				   in[PACKET_ETH + PACKET_IPV6 + 1]) !=
		    RIGHT + try % 0x1000)
			continue;
		packets++;
		for (at = TCP6_HDR; at < (size_t)len; at += MSS, done += MSS) {
			segment(self, p, try, done / MSS);
			EXPECT_EQ(0, memcmp(p + TCP6_HDR, in + at, MSS)) {
				TH_LOG("try %u, byte %zu", try, done);
			}
		}
	}
	return packets;
}

/* The host hands over as one packet what came in several, each with a head of its own. */
TEST_F(bridge, merged_by_the_host)
{
	const bool whole = self->b.features & VNIC_F(GUEST_TSO6);
	unsigned int try, i, packets, merged = 0;
	uint8_t p[VNIC_BIG];
	size_t size;
	int fd;

	fd = merging_port();
	if (fd < 0) {
		quietly("ip link del " PORT);
		SKIP(return, "no veth that puts packets together");
	}
	for (try = 0; try < TRIES && !merged; try++) {
		for (i = 0; i < SEGMENTS; i++) {
			size = segment(self, p, try, i);
			ASSERT_EQ(size, send(fd, p, size, 0));
		}
		packets = get_segments(_metadata, self, try);
		ASSERT_LT(0, packets) {
			TH_LOG("try %u", try);
		}
		merged += packets < SEGMENTS;
		if (!whole) {
			EXPECT_EQ(SEGMENTS, packets);
			merged = try == 5;
		}
	}
	EXPECT_LT(0, merged);
	close(fd);
	EXPECT_EQ(0, quietly("ip link del " PORT));
}

TEST_HARNESS_MAIN
