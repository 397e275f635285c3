// SPDX-License-Identifier: GPL-2.0-only
/* UDP that one side sends in one piece and the other gets in many. */
#include "full.h"
#include "headers.h"

#include <linux/udp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define LONG	60000

FIXTURE_VARIANT_ADD(full, direct) { };

FIXTURE_VARIANT_ADD(full, indirect) {
	.flags = VNIC_INDIRECT | VNIC_EVENT_IDX,
};

/* The host's socket gets the pieces that the guest asked for. */
TEST_F(full, udp_segments_from_guest)
{
	static uint8_t p[VNIC_BIG], in[VNIC_BIG];
	uint8_t host[ETH_ALEN];
	size_t size, len, at;
	int fd;

	full_up(_metadata, self, variant->flags, VNIC_OFFLOADS, 1);
	fd = netif_udp(MDEV_UUID_A, &udp, self->mac, host);
	ASSERT_LE(0, fd);
	for (len = 1; len <= LONG; len += 1 + len / 2) {
		size = packet_make(p, host, &udp, len, len);
		ASSERT_EQ(0, vnic_send_on(&self->nic, 0, &uso, p, size));
		for (at = 0; at < len; at += MSS) {
			size_t piece = len - at < MSS ? len - at : MSS;

			ASSERT_EQ(1, wait_readable(fd, DEADLINE_MS)) {
				TH_LOG("%zu of %zu bytes", at, len);
			}
			ASSERT_EQ(piece, recv(fd, in, sizeof(in), 0));
			EXPECT_EQ(0, memcmp(p + PACKET_UDP_HDR + at, in,
					    piece));
		}
		ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	}
	close(fd);
}

/*
 * The next packet of the flow to the guest, and its header: the host's own UDP comes from
 * an address that its other frames have as well.
 */
static int recv_udp(struct vnic *nic, struct virtio_net_hdr_v1_hash *hdr,
		    uint8_t *in, size_t size)
{
	int64_t deadline = deadline_ms(DEADLINE_MS);
	const uint8_t *ports = in + PACKET_ETH + PACKET_IP;
	int ret;

	do {
		ret = vnic_recv_any(nic, 0, hdr, in, size,
				    deadline_left(deadline));
		if (ret >= PACKET_UDP_HDR && in[12] == 8 && !in[13] &&
		    in[PACKET_ETH] == 0x45 && in[PACKET_ETH + 9] == IPPROTO_UDP &&
		    (ports[0] << 8 | ports[1]) == udp.dport &&
		    (ports[2] << 8 | ports[3]) == udp.sport)
			return ret;
	} while (ret >= 0 && deadline_left(deadline));
	return ret < 0 ? ret : -ETIMEDOUT;
}

/* @pieces of MSS and a short one, which the guest gets as one packet. */
static void uso_to_guest(struct __test_metadata *_metadata,
			 FIXTURE_DATA(full) *self, int fd, size_t len)
{
	static uint8_t out[VNIC_BIG], in[VNIC_BIG + VNIC_SLOT];
	struct virtio_net_hdr_v1_hash hdr;
	size_t i;

	for (i = 0; i < len; i++)
		out[i] = i * 31 + len;
	ASSERT_EQ(len, send(fd, out, len, 0));
	ASSERT_EQ(PACKET_UDP_HDR + len,
		  recv_udp(&self->nic, &hdr, in, sizeof(in))) {
		TH_LOG("%zu bytes", len);
	}
	EXPECT_EQ(0, memcmp(in + PACKET_UDP_HDR, out, len));
	EXPECT_EQ(CSUM, hdr.hdr.flags);
	EXPECT_EQ(len > MSS ? UDP_L4 : 0, hdr.hdr.gso_type);
	EXPECT_EQ(len > MSS ? MSS : 0, hdr.hdr.gso_size);
	EXPECT_EQ(PACKET_ETH + PACKET_IP, hdr.hdr.csum_start);
	EXPECT_EQ(6, hdr.hdr.csum_offset);
}

TEST_F(full, udp_segments_to_guest)
{
	const uint64_t one = VNIC_OFFLOADS & ~VNIC_F(GUEST_USO6);
	uint8_t out[3 * MSS] = { 0 }, in[2 * VNIC_SLOT], host[ETH_ALEN];
	struct virtio_net_hdr_v1_hash hdr;
	int fd, mss = MSS;
	size_t len;

	full_up(_metadata, self, variant->flags, VNIC_OFFLOADS, 1);
	fd = netif_udp(MDEV_UUID_A, &udp, self->mac, host);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &mss,
				sizeof(mss)));
	for (len = 100; len <= LONG; len += 1 + len / 2)
		uso_to_guest(_metadata, self, fd, len);

	/* The interface cannot tell IPv4 from IPv6: both or none. */
	full_up(_metadata, self, variant->flags, one, 1);
	ASSERT_EQ(sizeof(out), send(fd, out, sizeof(out), 0));
	for (len = 0; len < sizeof(out); len += MSS) {
		ASSERT_EQ(PACKET_UDP_HDR + MSS,
			  recv_udp(&self->nic, &hdr, in, sizeof(in)));
		EXPECT_EQ(0, hdr.hdr.gso_type);
	}
	close(fd);
}

TEST_HARNESS_MAIN
