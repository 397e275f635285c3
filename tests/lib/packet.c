// SPDX-License-Identifier: GPL-2.0-only
#include "packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mdev.h"
#include "util.h"
#include "vnic.h"

/* The header that packet sockets know: without a number of buffers. */
#define SOCKET_HDR	10

static void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, v >> 16);
	put_be16(p + 2, v);
}

static uint32_t sum(uint32_t start, const uint8_t *p, size_t len)
{
	uint64_t total = start;
	size_t i;

	for (i = 0; i < len; i++)
		total += i & 1 ? p[i] : p[i] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

/* Addresses, protocol, length of what follows the IP header. */
static uint32_t pseudo_sum(const uint8_t *ip, size_t len)
{
	if (ip[0] >> 4 == 6)
		return sum(ip[6] + len, ip + 8, 32);
	return sum(ip[9] + len, ip + 12, 8);
}

static void make_ip(uint8_t *ip, const struct packet_flow *flow, size_t len)
{
	memset(ip, 0, PACKET_IP);
	ip[0] = 0x45;
	put_be16(ip + 2, PACKET_IP + len);
	ip[8] = 64;
	ip[9] = flow->tcp ? 6 : 17;
	put_be32(ip + 12, flow->saddr);
	put_be32(ip + 16, flow->daddr);
	put_be16(ip + 10, ~sum(0, ip, PACKET_IP));
}

static void make_ipv6(uint8_t *ip, const struct packet_flow *flow, size_t len)
{
	memset(ip, 0, PACKET_IPV6);
	ip[0] = 0x60;
	put_be16(ip + 4, len);
	ip[6] = flow->tcp ? 6 : 17;
	ip[7] = 64;
	inet_pton(AF_INET6, flow->ipv6[0], ip + 8);
	inet_pton(AF_INET6, flow->ipv6[1], ip + 24);
}

/*
 * A packet with a pattern of @seed, whose transport checksum is that of the
 * pseudo header only, as offloads want it. Returns its length.
 */
size_t packet_make(uint8_t *p, const uint8_t *dst,
		   const struct packet_flow *flow, size_t payload,
		   uint32_t seed)
{
	size_t hdr = flow->tcp ? PACKET_TCP : PACKET_UDP;
	size_t ip_hdr = flow->ipv6[0] ? PACKET_IPV6 : PACKET_IP;
	uint8_t *ip = p + PACKET_ETH, *th = ip + ip_hdr;
	uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
	size_t i;

	memcpy(p, dst, 6);
	memcpy(p + 6, VNIC_SOURCE "\xfe", 6);
	if (flow->ipv6[0]) {
		put_be16(p + 12, ETH_P_IPV6);
		make_ipv6(ip, flow, hdr + payload);
	} else {
		put_be16(p + 12, ETH_P_IP);
		make_ip(ip, flow, hdr + payload);
	}
	memset(th, 0, hdr);
	put_be16(th, flow->sport);
	put_be16(th + 2, flow->dport);
	if (flow->tcp) {
		th[12] = PACKET_TCP / 4 << 4;
		th[13] = 0x10;		/* ACK */
		put_be16(th + 16, pseudo_sum(ip, hdr + payload));
	} else {
		put_be16(th + 4, hdr + payload);
		put_be16(th + 6, pseudo_sum(ip, hdr + payload));
	}
	for (i = 0; i < payload; i++)
		th[hdr + i] = rng_next(&state) >> 24;
	return PACKET_ETH + ip_hdr + hdr + payload;
}

/* Is the transport checksum complete and right? */
int packet_checksum_ok(const uint8_t *p, size_t len)
{
	const uint8_t *ip = p + PACKET_ETH;
	size_t th = len - PACKET_ETH - PACKET_IP;

	return sum(pseudo_sum(ip, th), ip + PACKET_IP, th) == 0xffff;
}

static int open_socket(const char *uuid, uint16_t protocol)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
	};
	char name[IFNAMSIZ];
	int fd, ret, on = 1;

	ret = mdev_read(uuid, "netdev", name, sizeof(name));
	if (ret < 0)
		return ret;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	addr.sll_ifindex = if_nametoindex(name);
	if (!setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) &&
	    !bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

/* A socket on the interface of device @uuid, for IPv4, with headers. */
int packet_socket(const char *uuid)
{
	return open_socket(uuid, ETH_P_IP);
}

/* Likewise, for IPv6. */
int packet_socket_ipv6(const char *uuid)
{
	return open_socket(uuid, ETH_P_IPV6);
}

/* The socket's own protocol is that of what it receives. */
int packet_send(int fd, const void *hdr, const void *frame, size_t len)
{
	struct iovec iov[2] = {
		{ (void *)hdr, SOCKET_HDR }, { (void *)frame, len },
	};
	struct sockaddr_ll to;
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = iov,
		.msg_iovlen = 2,
	};
	socklen_t size = sizeof(to);
	ssize_t n;

	if (getsockname(fd, (struct sockaddr *)&to, &size))
		return -errno;
	memcpy(&to.sll_protocol, (const uint8_t *)frame + 2 * ETH_ALEN,
	       sizeof(to.sll_protocol));
	n = sendmsg(fd, &msg, 0);
	if (n < 0)
		return -errno;
	return (size_t)n == SOCKET_HDR + len ? 0 : -EIO;
}

/* Length of the next frame that came from the guest, or -ETIMEDOUT. */
int packet_recv(int fd, void *hdr, void *frame, size_t size, int ms)
{
	int64_t deadline = deadline_ms(ms);
	struct sockaddr_ll from;
	struct iovec iov[2] = { { hdr, SOCKET_HDR }, { frame, size } };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = iov,
		.msg_iovlen = 2,
	};
	ssize_t n;
	int ret;

	do {
		ret = wait_readable(fd, deadline_left(deadline));
		if (ret <= 0)
			return ret ? ret : -ETIMEDOUT;
		msg.msg_namelen = sizeof(from);
		n = recvmsg(fd, &msg, 0);
		if (n < 0)
			return -errno;
	} while (from.sll_pkttype == PACKET_OUTGOING);
	return n - SOCKET_HDR;
}
