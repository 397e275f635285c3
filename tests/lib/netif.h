/* SPDX-License-Identifier: GPL-2.0-only */
/* Network interfaces of the host, such as the device's. */
#ifndef TESTS_LIB_NETIF_H
#define TESTS_LIB_NETIF_H

#include <stddef.h>
#include <stdint.h>

struct packet_flow;

int netif_up(const char *name);
int netif_address(const char *name, int *index, uint8_t *mac);
int netif_bridge_add(const char *name);
int netif_bridge_port(const char *name, const char *uuid);
int netif_bridge_remove(const char *name);
int netif_move(const char *name, int ns_fd);
int netif_alone(const char *uuid);
int netif_open_name(const char *name);
int netif_open(const char *uuid);
int netif_udp(const char *uuid, const struct packet_flow *flow,
	      const uint8_t *guest_mac, uint8_t *mac);
int netif_wait_carrier(const char *uuid, int ms);
int netif_send(int fd, const void *frame, size_t len);
int netif_recv(int fd, void *frame, size_t size, int ms);
size_t frame_make(uint8_t *frame, size_t len, const uint8_t *dst,
		  uint32_t seed);

#endif /* TESTS_LIB_NETIF_H */
