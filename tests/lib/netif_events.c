// SPDX-License-Identifier: GPL-2.0-only
#include "netif_events.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mdev.h"

/* Room for all that can come while nobody reads. */
#define EVENTS_ROOM	(32 << 20)
#define MESSAGE_MAX	32768

/* A socket that gets what is sent to the multicast @groups. */
static int open_groups(int protocol, unsigned int groups)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = groups,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			protocol);
	int room = EVENTS_ROOM;

	if (fd < 0)
		return -errno;
	if (!setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) &&
	    !bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	room = -errno;
	close(fd);
	return room;
}

/* Listens from now on for what is about the interface of device @uuid. */
int netif_events_open(struct netif_events *e, const char *uuid)
{
	int ret;

	memset(e, 0, sizeof(*e));
	e->uevent_fd = -1;
	e->link_fd = -1;
	ret = mdev_read(uuid, "netdev", e->name, sizeof(e->name));
	if (ret < 0)
		return ret;
	e->index = if_nametoindex(e->name);
	e->uevent_fd = open_groups(NETLINK_KOBJECT_UEVENT, 1);
	e->link_fd = open_groups(NETLINK_ROUTE, RTMGRP_LINK);
	if (e->uevent_fd >= 0 && e->link_fd >= 0)
		return 0;
	ret = e->uevent_fd < 0 ? e->uevent_fd : e->link_fd;
	netif_events_close(e);
	return ret;
}

/* "add@/devices/.../net/mvn0/queues/rx-1": the name is a part of the path. */
static bool uevent_about(const struct netif_events *e, const char *header)
{
	const char *at = strstr(header, "/net/");
	size_t len = strlen(e->name);

	return at && !strncmp(at + 5, e->name, len) &&
	       (at[5 + len] == '/' || !at[5 + len]);
}

static unsigned int links_about(const struct netif_events *e,
				const struct nlmsghdr *hdr, int len)
{
	const struct ifinfomsg *link;
	unsigned int nr = 0;

	for (; NLMSG_OK(hdr, (unsigned int)len); hdr = NLMSG_NEXT(hdr, len)) {
		link = NLMSG_DATA(hdr);
		nr += hdr->nlmsg_type == RTM_NEWLINK &&
		      link->ifi_index == e->index;
	}
	return nr;
}

/* Counts what came. A negative errno if more came than there is room for. */
int netif_events_read(struct netif_events *e)
{
	static char message[MESSAGE_MAX];
	ssize_t n;

	while ((n = recv(e->uevent_fd, message, sizeof(message) - 1, 0)) > 0) {
		message[n] = '\0';
		e->uevents += uevent_about(e, message);
	}
	if (n < 0 && errno != EAGAIN)
		return -errno;
	while ((n = recv(e->link_fd, message, sizeof(message), 0)) > 0)
		e->links += links_about(e, (struct nlmsghdr *)message, n);
	return n < 0 && errno != EAGAIN ? -errno : 0;
}

void netif_events_close(struct netif_events *e)
{
	if (e->uevent_fd >= 0)
		close(e->uevent_fd);
	if (e->link_fd >= 0)
		close(e->link_fd);
	e->uevent_fd = -1;
	e->link_fd = -1;
}
