/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDEV_MIGRATE_PLAN_H
#define MDEV_MIGRATE_PLAN_H

#include "command.h"

/**
 * struct plan - what is to be done
 * @verdict: the verdict, with what to write
 * @source: the device that is to move
 * @uuid: of the device that is made or changed; BUS/NAME if it is no mdev
 * @root: where sysfs is on the destination
 */
struct plan {
	const struct verdict *verdict;
	const struct source *source;
	const char *uuid;
	const char *root;
};

/* The next value that is to be written, from *@i on; NULL if there is none. */
const struct finding *next_write(const struct findings *findings, size_t *i);
const char *plan_bus(const struct plan *plan);
const char *plan_bus_name(const struct plan *plan);

/* plan_script.c */
void plan_script(const struct plan *plan, FILE *out);
void plan_script_refusal(const char *why, int status, FILE *out);

#endif /* MDEV_MIGRATE_PLAN_H */
