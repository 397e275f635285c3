/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's own virtio network device, /dev/vhost-net with a tap: a second
 * transport for the rings of vring.h.
 */
#ifndef TESTS_LIB_VHOST_NET_H
#define TESTS_LIB_VHOST_NET_H

#include <net/if.h>

#include "vring.h"

/**
 * struct vhost_net - a queue pair
 * @fd: /dev/vhost-net
 * @tap: the host's interface, or one queue of it
 * @ifname: its name
 * @kicks: eventfds from the driver, of the receive and the transmit queue
 * @calls: eventfds to the driver, likewise
 */
struct vhost_net {
	int fd;
	int tap;
	char ifname[IFNAMSIZ];
	int kicks[2];
	int calls[2];
};

int vhost_net_open(struct vhost_net *nets, unsigned int pairs);
void vhost_net_close(struct vhost_net *nets, unsigned int pairs);
int vhost_net_features(struct vhost_net *n, uint64_t *features);
int vhost_net_start(struct vhost_net *n, const struct guest_mem *mem,
		    uint64_t features, const struct vq *vqs);
int vhost_net_stop(struct vhost_net *n);
int vhost_net_kick(struct vhost_net *n, unsigned int q);

#endif /* TESTS_LIB_VHOST_NET_H */
