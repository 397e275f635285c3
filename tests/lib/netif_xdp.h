/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_LIB_NETIF_XDP_H
#define TESTS_LIB_NETIF_XDP_H

/**
 * netif_xdp_pass() - have a generic XDP program look at what an interface receives
 * @ifindex: the interface
 *
 * It lets everything through.
 *
 * Return: a file descriptor, which is to be closed to take it away, or an error.
 */
int netif_xdp_pass(int ifindex);

#endif /* TESTS_LIB_NETIF_XDP_H */
