/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshots of many hosts, read fast: what most of them have in common, the
 * types' parameters, is given to the JSON library once.
 */
#ifndef MDEV_MIGRATE_MEMO_H
#define MDEV_MIGRATE_MEMO_H

#include "docs.h"
#include "host.h"

struct memo;

struct memo *memo_new(void);
void memo_free(struct memo *memo);

/*
 * Reads a document's types, not its devices. 0, or nonzero if it is one that
 * has to be read with host_from_doc(), be it to say what is wrong with it.
 * @host is used again: zero at first, host_free() in the end.
 */
int memo_read(struct memo *memo, struct host *host, const struct doc *doc);

#endif /* MDEV_MIGRATE_MEMO_H */
