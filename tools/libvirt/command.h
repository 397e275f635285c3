/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDEV_MIGRATE_DOMAIN_COMMAND_H
#define MDEV_MIGRATE_DOMAIN_COMMAND_H

int cmd_describe(char **args, int nr);
int cmd_verify(char **args, int nr);
int cmd_hook(char **args, int nr);

#endif /* MDEV_MIGRATE_DOMAIN_COMMAND_H */
