/* SPDX-License-Identifier: GPL-2.0-only */
/* All hosts of some snapshots, in memory. */
#ifndef MDEV_MIGRATE_FLEET_H
#define MDEV_MIGRATE_FLEET_H

#include "command.h"

/**
 * struct fleet - hosts
 * @hosts: in the order of the files
 * @nr: how many
 */
struct fleet {
	struct host *hosts;
	size_t nr;
};

int fleet_read(struct fleet *fleet, const struct options *options);
void fleet_free(struct fleet *fleet);

#endif /* MDEV_MIGRATE_FLEET_H */
