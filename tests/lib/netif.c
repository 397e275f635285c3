// SPDX-License-Identifier: GPL-2.0-only
#include "netif.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mdev.h"
#include "packet.h"
#include "util.h"
#include "vnic.h"

static int get_name(const char *uuid, char *name)
{
	int ret = mdev_read(uuid, "netdev", name, IFNAMSIZ);

	return ret < 0 ? ret : 0;
}

static int set_up(int fd, const char *name)
{
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &ifr))
		return -errno;
	ifr.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &ifr) ? -errno : 0;
}

static int wait_running(int fd, const char *name, int ms)
{
	struct ethtool_value link = { .cmd = ETHTOOL_GLINK };
	int64_t deadline = deadline_ms(ms);
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	do {
		/* For who asks so, newer kernels tell now, not after a second. */
		ifr.ifr_data = (void *)&link;
		ioctl(fd, SIOCETHTOOL, &ifr);
		if (ioctl(fd, SIOCGIFFLAGS, &ifr))
			return -errno;
		if (ifr.ifr_flags & IFF_RUNNING)
			return 0;
		usleep(1000);
	} while (deadline_left(deadline));
	return -ETIMEDOUT;
}

/* Brings interface @name up; 0 once it carries frames. */
int netif_up(const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret;

	if (fd < 0)
		return -errno;
	ret = set_up(fd, name);
	if (!ret)
		ret = wait_running(fd, name, DEADLINE_MS);
	close(fd);
	return ret;
}

static int do_ioctl(unsigned long request, void *arg)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret;

	if (fd < 0)
		return -errno;
	ret = ioctl(fd, request, arg) ? -errno : 0;
	close(fd);
	return ret;
}

/* Interface @name's index and MAC address. */
int netif_address(const char *name, int *index, uint8_t *mac)
{
	struct ifreq ifr = { 0 };
	int ret;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ret = do_ioctl(SIOCGIFHWADDR, &ifr);
	memcpy(mac, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	*index = if_nametoindex(name);
	return ret;
}

/* Moves interface @name of this network namespace into that of @ns_fd. */
int netif_move(const char *name, int ns_fd)
{
	struct {
		struct nlmsghdr hdr;
		struct ifinfomsg link;
		struct rtattr attr;
		uint32_t fd;
	} move = {
		.hdr.nlmsg_len = sizeof(move),
		.hdr.nlmsg_type = RTM_NEWLINK,
		.hdr.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.link.ifi_index = if_nametoindex(name),
		.attr.rta_len = RTA_LENGTH(sizeof(uint32_t)),
		.attr.rta_type = IFLA_NET_NS_FD,
		.fd = ns_fd,
	};
	struct {
		struct nlmsghdr hdr;
		struct nlmsgerr err;
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (send(fd, &move, sizeof(move), 0) != sizeof(move) ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		ret = -errno;
	close(fd);
	return ret ? ret : answer.err.error;
}

static int open_netns(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The kernel says nothing there by itself: without IPv6 there is nothing to say. */
static void silence(void)
{
	static const char *const files[] = {
		"/proc/sys/net/ipv6/conf/all/disable_ipv6",
		"/proc/sys/net/ipv6/conf/default/disable_ipv6",
	};
	unsigned int i;
	int fd;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		fd = open(files[i], O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (write(fd, "1", 1) != 1)
			perror(files[i]);
		close(fd);
	}
}

/*
 * Moves the interface of device @uuid, which is down there, into a network namespace
 * that only this process and its children have, and where nobody sends but they. It is
 * for tests that count every frame or interrupt. Sockets are to be opened anew; the
 * interfaces of other devices stay where they are until they are moved as well.
 */
int netif_alone(const char *uuid)
{
	static int home = -1, away = -1;
	char name[IFNAMSIZ];
	int ret = get_name(uuid, name);

	if (ret)
		return ret;
	if (away < 0) {
		home = open_netns();
		if (home < 0 || unshare(CLONE_NEWNET))
			return -errno;
		away = open_netns();
		if (away < 0)
			return away;
		silence();
	}
	if (setns(home, CLONE_NEWNET))
		return -errno;
	ret = netif_move(name, away);
	return setns(away, CLONE_NEWNET) ? -errno : ret;
}

/* A bridge @name, up and without ports. */
int netif_bridge_add(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_UP };
	int ret;

	ret = do_ioctl(SIOCBRADDBR, (void *)name);
	if (ret)
		return ret;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return do_ioctl(SIOCSIFFLAGS, &ifr);
}

/* The interface of device @uuid, brought up, is a port of bridge @name. */
int netif_bridge_port(const char *name, const char *uuid)
{
	struct ifreq ifr = { .ifr_flags = IFF_UP };
	int ret;

	ret = get_name(uuid, ifr.ifr_name);
	if (!ret)
		ret = do_ioctl(SIOCSIFFLAGS, &ifr);
	if (ret)
		return ret;
	ifr.ifr_ifindex = if_nametoindex(ifr.ifr_name);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return do_ioctl(SIOCBRADDIF, &ifr);
}

int netif_bridge_remove(const char *name)
{
	struct ifreq ifr = { 0 };
	int ret;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ret = do_ioctl(SIOCSIFFLAGS, &ifr);
	return ret ? ret : do_ioctl(SIOCBRDELBR, (void *)name);
}

/*
 * Brings interface @name up and opens a socket on it that receives only what comes
 * in with the tests' protocol.
 */
int netif_open_name(const char *name)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(VNIC_PROTO),
	};
	int fd, ret;

	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ret = set_up(fd, name);
	addr.sll_ifindex = if_nametoindex(name);
	if (!ret && bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		ret = -errno;
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/* Likewise, of the interface of device @uuid. */
int netif_open(const char *uuid)
{
	char name[IFNAMSIZ];
	int ret = get_name(uuid, name);

	return ret ? ret : netif_open_name(name);
}

/* 0 once the interface of device @uuid carries frames. */
int netif_wait_carrier(const char *uuid, int ms)
{
	char name[IFNAMSIZ];
	int fd, ret;

	ret = get_name(uuid, name);
	if (ret)
		return ret;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ret = wait_running(fd, name, ms);
	/* Its queues follow a moment later, under the lock that this takes. */
	if (!ret)
		ret = set_up(fd, name);
	close(fd);
	return ret;
}

int netif_send(int fd, const void *frame, size_t len)
{
	ssize_t n = send(fd, frame, len, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

/* Length of the next frame, or -ETIMEDOUT. */
int netif_recv(int fd, void *frame, size_t size, int ms)
{
	int ret = wait_readable(fd, ms);
	ssize_t n;

	if (ret <= 0)
		return ret ? ret : -ETIMEDOUT;
	n = recv(fd, frame, size, MSG_TRUNC);
	if (n < 0)
		return -errno;
	return (size_t)n <= size ? (int)n : -EMSGSIZE;
}

/* A frame of @len bytes with a pattern of @seed; returns @len. */
size_t frame_make(uint8_t *frame, size_t len, const uint8_t *dst, uint32_t seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
	size_t i;

	memcpy(frame, dst, 6);
	memcpy(frame + 6, VNIC_SOURCE "\xff", 6);
	frame[12] = VNIC_PROTO >> 8;
	frame[13] = VNIC_PROTO & 0xff;
	for (i = ETH_HLEN; i < len; i++)
		frame[i] = rng_next(&state) >> 24;
	return len;
}

static struct sockaddr_in *put_in(struct sockaddr *addr, uint32_t ip,
				  uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)addr;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(ip);
	in->sin_port = htons(port);
	return in;
}

/* The interface gets the flow's destination, and knows where its source is. */
static int set_addresses(int fd, const char *name,
			 const struct packet_flow *flow,
			 const uint8_t *guest_mac)
{
	struct ifreq ifr = { 0 };
	struct arpreq arp = { .arp_flags = ATF_COM | ATF_PERM };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	put_in(&ifr.ifr_addr, flow->daddr, 0);
	if (ioctl(fd, SIOCSIFADDR, &ifr))
		return -errno;
	put_in(&ifr.ifr_netmask, 0xffffff00, 0);
	if (ioctl(fd, SIOCSIFNETMASK, &ifr))
		return -errno;
	snprintf(arp.arp_dev, sizeof(arp.arp_dev), "%s", name);
	put_in(&arp.arp_pa, flow->saddr, 0);
	arp.arp_ha.sa_family = ARPHRD_ETHER;
	memcpy(arp.arp_ha.sa_data, guest_mac, ETH_ALEN);
	return ioctl(fd, SIOCSARP, &arp) ? -errno : 0;
}

/*
 * The host's end of a UDP flow from the guest: a connected socket, or a negative
 * errno. The guest is to send to @mac.
 */
int netif_udp(const char *uuid, const struct packet_flow *flow,
	      const uint8_t *guest_mac, uint8_t *mac)
{
	struct sockaddr addr = { 0 };
	char name[IFNAMSIZ];
	int fd, ret, index;

	ret = get_name(uuid, name);
	if (!ret)
		ret = netif_address(name, &index, mac);
	if (ret)
		return ret;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ret = set_addresses(fd, name, flow, guest_mac);
	if (!ret && (bind(fd, (struct sockaddr *)put_in(&addr, flow->daddr,
							flow->dport),
			  sizeof(struct sockaddr_in)) ||
		     connect(fd, (struct sockaddr *)put_in(&addr, flow->saddr,
							   flow->sport),
			     sizeof(struct sockaddr_in))))
		ret = -errno;
	if (!ret)
		return fd;
	close(fd);
	return ret;
}
