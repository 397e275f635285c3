/* SPDX-License-Identifier: GPL-2.0-only */
/* Hosts by name, which are asked through ssh: ssh:HOST, qemu+ssh://HOST/system. */
#ifndef MDEV_MIGRATE_REMOTE_H
#define MDEV_MIGRATE_REMOTE_H

#include "../common/cli.h"
#include "../common/json_read.h"

/* How much of @spec names a host, 0 if it does not; what is left is "" or ":PART". */
size_t remote_len(const char *spec);

/*
 * Reads the snapshot of the host that @spec names, as docs_each() does. The first
 * call asks all hosts that @options->args name, side by side.
 */
int remote_each(const char *spec, const struct options *options, doc_each each,
		void *context, struct docs_read *done);

#endif /* MDEV_MIGRATE_REMOTE_H */
