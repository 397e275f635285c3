// SPDX-License-Identifier: GPL-2.0-only
/*
 * noise [--xdp] [RATE [PREFIX...]]
 *
 * Sends what hosts send by themselves (router solicitations, reports of multicast
 * groups, ARP, mDNS, LLDP) out of every interface that is up and whose name begins
 * with a PREFIX, RATE frames a second out of each, until it is killed. The tests
 * must come to the same results beside it. What a test counts frame by frame, it
 * does in a network namespace of its own, where this does not reach.
 *
 * --xdp: what these interfaces receive goes through an XDP program.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "netif_xdp.h"
#include "vnic.h"

#define RATE		400
#define MAX_LEN		128
#define MAX_INTERFACES	64
#define NS		1000000000ULL
#define PAUSE		2000000

/**
 * struct kind - a frame that hosts send unasked
 * @dst: to whom
 * @proto: EtherType
 * @len: bytes in all
 * @head: what the packet begins with, zeros follow
 */
static const struct kind {
	uint8_t dst[ETH_ALEN];
	uint16_t proto;
	uint8_t len;
	uint8_t head[24];
} kinds[] = {
	/* Router solicitation */
	{ { 0x33, 0x33, 0, 0, 0, 2 }, ETH_P_IPV6, 70,
	  { 0x60, 0, 0, 0, 0, 16, 58, 255, 0xfe, 0x80 } },
	/* Multicast listener report, with a hop-by-hop header */
	{ { 0x33, 0x33, 0, 0, 0, 0x16 }, ETH_P_IPV6, 90,
	  { 0x60, 0, 0, 0, 0, 36, 0, 1, 0xfe, 0x80 } },
	/* IGMPv3 report of one group, with a router alert */
	{ { 1, 0, 0x5e, 0, 0, 0x16 }, ETH_P_IP, 54,
	  { 0x46, 0xc0, 0, 40, 0, 0, 0x40, 0, 1, 2, 0, 0,
	    10, 0, 0, 1, 224, 0, 0, 22, 0x94, 4, 0, 0 } },
	/* ARP request */
	{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, ETH_P_ARP, 42,
	  { 0, 1, 8, 0, 6, 4, 0, 1 } },
	/* mDNS */
	{ { 1, 0, 0x5e, 0, 0, 0xfb }, ETH_P_IP, 87,
	  { 0x45, 0, 0, 73, 0, 0, 0x40, 0, 255, 17, 0, 0,
	    10, 0, 0, 1, 224, 0, 0, 251, 0x14, 0xe9, 0x14, 0xe9 } },
	{ { 1, 0x80, 0xc2, 0, 0, 0xe }, ETH_P_LLDP, 60, { 2, 7, 4 } },
};

static char *default_prefixes[] = { "mvn", "guest-card", "mdevtestbr", "br", NULL };

static int interfaces[MAX_INTERFACES];
static unsigned int nr_interfaces;
/* Its programs; one that has gone took its own along. */
static bool with_xdp;
static unsigned long nr_programs;
static struct {
	int ifindex;
	int fd;
} programs[MAX_INTERFACES];

static bool is_wanted(const char *name, char **prefixes)
{
	for (; *prefixes; prefixes++) {
		if (!strncmp(name, *prefixes, strlen(*prefixes)))
			return true;
	}
	return false;
}

/* Interfaces' indices come once only. */
static void look_at(int ifindex)
{
	static unsigned int next;
	unsigned int i;

	for (i = 0; i < MAX_INTERFACES; i++) {
		if (programs[i].ifindex == ifindex)
			return;
	}
	i = next++ % MAX_INTERFACES;
	if (programs[i].ifindex && programs[i].fd >= 0)
		close(programs[i].fd);
	programs[i].ifindex = ifindex;
	programs[i].fd = netif_xdp_pass(ifindex);
	nr_programs += programs[i].fd >= 0;
}

static void find_interfaces(char **prefixes)
{
	struct if_nameindex *all = if_nameindex(), *i;

	nr_interfaces = 0;
	for (i = all; i && i->if_index && nr_interfaces < MAX_INTERFACES; i++) {
		if (!is_wanted(i->if_name, prefixes))
			continue;
		interfaces[nr_interfaces++] = i->if_index;
		if (with_xdp)
			look_at(i->if_index);
	}
	if (all)
		if_freenameindex(all);
}

/* One that is down refuses it, and one may be gone. */
static bool send_one(int fd, int ifindex, unsigned int n)
{
	const struct kind *kind = &kinds[n % (sizeof(kinds) / sizeof(kinds[0]))];
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = ifindex,
		.sll_protocol = htons(kind->proto),
		.sll_halen = ETH_ALEN,
	};
	uint8_t frame[MAX_LEN] = { 0 };

	memcpy(frame, kind->dst, ETH_ALEN);
	memcpy(frame + ETH_ALEN, "\2noise", ETH_ALEN);
	frame[12] = kind->proto >> 8;
	frame[13] = kind->proto & 0xff;
	memcpy(frame + ETH_HLEN, kind->head,
	       kind->len - ETH_HLEN < (int)sizeof(kind->head) ?
	       kind->len - ETH_HLEN : (int)sizeof(kind->head));
	return sendto(fd, frame, kind->len, MSG_DONTWAIT, (struct sockaddr *)&to,
		      sizeof(to)) == kind->len;
}

/* Tells of interfaces that come, go, or change. */
static int open_monitor(void)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool has_changed(int monitor)
{
	static char buf[16384];
	bool changed = false;

	/* What was too much to be told is a change too. */
	while (recv(monitor, buf, sizeof(buf), 0) >= 0 || errno == ENOBUFS)
		changed = true;
	return changed;
}

static void make_noise(int fd, int monitor, int rate, char **prefixes)
{
	const struct timespec pause = { .tv_nsec = PAUSE };
	uint64_t start = now_ns(), told = 0;
	unsigned long sent = 0, n = 0;
	unsigned int i;

	for (;;) {
		/* Sleep may be longer; what was missed in more than a pause stays so. */
		uint64_t due = (now_ns() - start) * rate / NS;

		if (due > n + rate / 10 + 1)
			n = due - rate / 10 - 1;
		if (has_changed(monitor))
			find_interfaces(prefixes);
		for (; n < due; n++) {
			for (i = 0; i < nr_interfaces; i++)
				sent += send_one(fd, interfaces[i], n + i);
		}
		/* The runner looks at the last line, to know that there was noise. */
		if (due - told >= (unsigned int)rate / 10) {
			told = due;
			printf("%lu frames, %lu XDP programs\n", sent,
			       nr_programs);
			fflush(stdout);
		}
		nanosleep(&pause, NULL);
	}
}

int main(int argc, char **argv)
{
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	int monitor = open_monitor();
	int rate;

	if (argc > 1 && !strcmp(argv[1], "--xdp")) {
		with_xdp = true;
		argv++;
		argc--;
	}
	rate = argc > 1 ? atoi(argv[1]) : RATE;

	if (rate < 1) {
		fprintf(stderr, "noise: %s: no rate\n", argv[1]);
		return 2;
	}
	if (fd < 0 || monitor < 0) {
		perror("noise");
		return 1;
	}
	find_interfaces(argc > 2 ? argv + 2 : default_prefixes);
	make_noise(fd, monitor, rate, argc > 2 ? argv + 2 : default_prefixes);
	return 0;
}
