/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDEV_MIGRATE_COMMANDS_H
#define MDEV_MIGRATE_COMMANDS_H

#include "../common/cli.h"
#include "../common/json.h"

int cmd_probe(const struct options *options);
int cmd_save(const struct options *options);
int cmd_load(const struct options *options);
int cmd_decode(const struct options *options);

#endif /* MDEV_MIGRATE_COMMANDS_H */
