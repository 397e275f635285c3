/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parameters of types that many hosts have in common: the same text is made sense
 * of, and judged, once.
 */
#ifndef MDEV_MIGRATE_MEMO_H
#define MDEV_MIGRATE_MEMO_H

#include "../common/json.h"
#include "core/host.h"

struct memo;

/* @sources: how many different ones are judged, so that what is found can be kept; or 0 */
struct memo *memo_new(size_t sources);
void memo_free(struct memo *memo);
/* To be called when no host needs it: it may forget what it has. */
void memo_tidy(struct memo *memo);
/* The parameters; NULL if they make no sense, and @why. */
struct params *memo_params(struct memo *memo, const struct json *value,
			   struct mdev_migrate_msg *why);

#endif /* MDEV_MIGRATE_MEMO_H */
