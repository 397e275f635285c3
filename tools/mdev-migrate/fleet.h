/* SPDX-License-Identifier: GPL-2.0-only */
/* The hosts of some snapshots. */
#ifndef MDEV_MIGRATE_FLEET_H
#define MDEV_MIGRATE_FLEET_H

#include "command.h"
#include "memo.h"

/**
 * struct fleet - hosts
 * @hosts: in the order of the files
 * @nr: how many
 * @left_out: snapshots, and parts of this host, that could not be used
 * @memo: parameters that they share
 */
struct fleet {
	struct host *hosts;
	size_t nr;
	unsigned long left_out;
	struct memo *memo;
};

int fleet_read(struct fleet *fleet, const struct options *options, int first,
	       size_t sources);
void fleet_free(struct fleet *fleet);

/* Takes a host, which is its own to free then. */
typedef void (*fleet_take)(void *context, struct host *host);

int fleet_each(struct fleet *fleet, const struct options *options, int first,
	       const char *what, fleet_take take, void *context);
/* @status of what was done with them, or that and that some were left out. */
int fleet_status(const struct fleet *fleet, int status);

#endif /* MDEV_MIGRATE_FLEET_H */
