/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDEV_MIGRATE_REPLACE_H
#define MDEV_MIGRATE_REPLACE_H

#include <sys/types.h>

#include "util.h"

/**
 * struct replacement - a file that takes the place of another one when it is complete
 * @file: as it was given
 * @target: the file that is replaced, NULL if it is written to directly: it is a
 *	device or a pipe
 * @temp: what is written to
 */
struct replacement {
	const char *file;
	char *target;
	char *temp;
};

int replace_open(struct replacement *new, const char *file, mode_t mode);
int replace_sync(const struct replacement *new, int fd);
int replace_end(struct replacement *new, int ret);

#endif /* MDEV_MIGRATE_REPLACE_H */
