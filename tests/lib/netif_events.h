/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host is told of the device's interface: uevents and netlink messages. */
#ifndef TESTS_LIB_NETIF_EVENTS_H
#define TESTS_LIB_NETIF_EVENTS_H

#include <net/if.h>

/**
 * struct netif_events - who listens
 * @uevent_fd: to all uevents
 * @link_fd: to all messages about links
 * @name: the interface
 * @index: its index
 * @uevents: that came so far and were about it or its queues
 * @links: messages that came so far and were about it
 */
struct netif_events {
	int uevent_fd;
	int link_fd;
	char name[IFNAMSIZ];
	int index;
	unsigned int uevents;
	unsigned int links;
};

int netif_events_open(struct netif_events *e, const char *uuid);
int netif_events_read(struct netif_events *e);
void netif_events_close(struct netif_events *e);

#endif /* TESTS_LIB_NETIF_EVENTS_H */
