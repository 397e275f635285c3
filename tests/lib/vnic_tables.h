/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes the card's state as large as it can be. */
#ifndef TESTS_LIB_VNIC_TABLES_H
#define TESTS_LIB_VNIC_TABLES_H

#include <stddef.h>

/* Sends a command: VIRTIO_NET_OK or VIRTIO_NET_ERR, or an errno. */
typedef int (*vnic_command_fn)(void *card, unsigned int class,
			       unsigned int command, const void *data,
			       size_t len);

int vnic_fill_tables(vnic_command_fn command, void *card, unsigned int pairs);

#endif /* TESTS_LIB_VNIC_TABLES_H */
