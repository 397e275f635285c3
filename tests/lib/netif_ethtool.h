/* SPDX-License-Identifier: GPL-2.0-only */
/* What ethtool would show of the device's interface on the host. */
#ifndef TESTS_LIB_NETIF_ETHTOOL_H
#define TESTS_LIB_NETIF_ETHTOOL_H

#include <stdint.h>

int netif_flag(const char *uuid, uint32_t cmd);
int netif_channels(const char *uuid, unsigned int *max);
int64_t netif_counter(const char *uuid, const char *name);

#endif /* TESTS_LIB_NETIF_ETHTOOL_H */
