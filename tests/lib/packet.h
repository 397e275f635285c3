/* SPDX-License-Identifier: GPL-2.0-only */
/* IP packets, and a socket for packets with a virtio header before them. */
#ifndef TESTS_LIB_PACKET_H
#define TESTS_LIB_PACKET_H

#include <stddef.h>
#include <stdint.h>

#define PACKET_ETH	14
#define PACKET_IP	20
#define PACKET_IPV6	40
#define PACKET_TCP	20
#define PACKET_UDP	8
/* Up to the payload. */
#define PACKET_TCP_HDR	(PACKET_ETH + PACKET_IP + PACKET_TCP)
#define PACKET_UDP_HDR	(PACKET_ETH + PACKET_IP + PACKET_UDP)

/**
 * struct packet_flow - who talks to whom
 * @tcp: else UDP
 * @saddr: source address, in the machine's byte order as the others
 * @daddr: destination address
 * @sport: source port
 * @dport: destination port
 * @ipv6: instead of the addresses above, as text: source and destination
 */
struct packet_flow {
	int tcp;
	uint32_t saddr;
	uint32_t daddr;
	uint16_t sport;
	uint16_t dport;
	const char *ipv6[2];
};

size_t packet_make(uint8_t *p, const uint8_t *dst,
		   const struct packet_flow *flow, size_t payload,
		   uint32_t seed);
int packet_checksum_ok(const uint8_t *p, size_t len);
int packet_socket(const char *uuid);
int packet_socket_ipv6(const char *uuid);
int packet_send(int fd, const void *hdr, const void *frame, size_t len);
int packet_recv(int fd, void *hdr, void *frame, size_t size, int ms);

#endif /* TESTS_LIB_PACKET_H */
