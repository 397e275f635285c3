/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets and the virtio headers before them: right ones and hostile ones. */
#ifndef TESTS_SELFTESTS_HEADERS_H
#define TESTS_SELFTESTS_HEADERS_H

#include <linux/virtio_net.h>

#include "packet.h"
#include "util.h"

#define CSUM	VIRTIO_NET_HDR_F_NEEDS_CSUM
#define TCPV4	VIRTIO_NET_HDR_GSO_TCPV4
#define TCPV6	VIRTIO_NET_HDR_GSO_TCPV6
#define UDP_L4	VIRTIO_NET_HDR_GSO_UDP_L4
#define ECN	VIRTIO_NET_HDR_GSO_ECN

#define MSS	1400

static const struct packet_flow tcp = {
	.tcp = 1,
	.saddr = 0x0a000001,
	.daddr = 0x0a000002,
	.sport = 80,
	.dport = 8080,
};

static const struct packet_flow udp = {
	.saddr = 0x0a000001,
	.daddr = 0x0a000002,
	.sport = 80,
	.dport = 8080,
};

/* A header of a TCP packet to be cut into pieces of MSS. */
static const struct virtio_net_hdr_v1 tso = {
	.flags = CSUM,
	.gso_type = TCPV4,
	.hdr_len = PACKET_TCP_HDR,
	.gso_size = MSS,
	.csum_start = PACKET_ETH + PACKET_IP,
	.csum_offset = 16,
};

/* The same of a UDP packet. */
static const struct virtio_net_hdr_v1 uso = {
	.flags = CSUM,
	.gso_type = UDP_L4,
	.hdr_len = PACKET_UDP_HDR,
	.gso_size = MSS,
	.csum_start = PACKET_ETH + PACKET_IP,
	.csum_offset = 6,
};

/* In one piece. */
static const struct virtio_net_hdr_v1 udp_csum = {
	.flags = CSUM,
	.csum_start = PACKET_ETH + PACKET_IP,
	.csum_offset = 6,
};

static const struct virtio_net_hdr_v1 hostile_hdrs[] = {
	{ .flags = CSUM, .csum_start = 0xffff, .csum_offset = 0xffff },
	{ .flags = CSUM, .csum_start = 1000, .csum_offset = 16 },
	{ .flags = CSUM, .csum_start = 34, .csum_offset = 0xfffe },
	{ .flags = CSUM, .csum_start = 0, .csum_offset = 0 },
	{ .gso_type = TCPV4, .gso_size = 0 },
	{ .gso_type = TCPV4, .gso_size = 1 },
	{ .gso_type = TCPV4, .gso_size = MSS },
	{ .gso_type = TCPV4, .gso_size = 0xffff },
	{ .gso_type = TCPV6, .gso_size = MSS },
	{ .gso_type = VIRTIO_NET_HDR_GSO_UDP, .gso_size = MSS },
	{ .gso_type = UDP_L4, .gso_size = MSS },
	{ .flags = CSUM, .gso_type = UDP_L4, .gso_size = 0,
	  .csum_start = 34, .csum_offset = 6 },
	{ .flags = CSUM, .gso_type = UDP_L4, .gso_size = 1,
	  .csum_start = 34, .csum_offset = 6 },
	{ .flags = CSUM, .gso_type = UDP_L4, .gso_size = 0xffff,
	  .csum_start = 34, .csum_offset = 6 },
	{ .flags = CSUM, .gso_type = UDP_L4, .gso_size = MSS,
	  .csum_start = 34, .csum_offset = 16 },
	{ .flags = CSUM, .gso_type = UDP_L4 | ECN, .gso_size = MSS,
	  .csum_start = 34, .csum_offset = 6 },
	{ .flags = CSUM, .gso_type = UDP_L4, .gso_size = MSS,
	  .csum_start = 40, .csum_offset = 6 },
	{ .gso_type = 2, .gso_size = MSS },
	{ .gso_type = ECN },
	{ .gso_type = ECN | 0x7f, .gso_size = MSS },
	{ .gso_type = 0x20 | TCPV4, .gso_size = MSS },
	{ .flags = CSUM, .gso_type = TCPV4, .gso_size = MSS,
	  .csum_start = 34, .csum_offset = 6 },
	{ .flags = CSUM, .gso_type = TCPV4, .gso_size = 1,
	  .csum_start = 34, .csum_offset = 16 },
	{ .flags = CSUM, .gso_type = TCPV4, .gso_size = 2000,
	  .csum_start = 34, .csum_offset = 16 },
	{ .flags = CSUM, .gso_type = TCPV6 | ECN, .gso_size = 1,
	  .csum_start = 14, .csum_offset = 16 },
	{ .flags = 0xff, .gso_type = 0xff, .gso_size = 0xffff,
	  .csum_start = 0xffff, .csum_offset = 0xffff },
};

/*
 * Almost a header of @p, which is a packet as of packet_make(), and in that a few
 * bits of its own headers turned.
 */
static inline void random_hdr(struct virtio_net_hdr_v1 *hdr, uint8_t *p,
			      uint64_t *rng)
{
	unsigned int i;

	*hdr = rng_next(rng) >> 63 ? tso : udp_csum;
	for (i = 0; i < 2; i++)
		((uint8_t *)hdr)[(rng_next(rng) >> 60) % 10] =
			rng_next(rng) >> 57;
	p[12 + (rng_next(rng) >> 59)] ^= rng_next(rng) >> 60;
}

#endif /* TESTS_SELFTESTS_HEADERS_H */
