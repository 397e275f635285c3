/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDEV_MIGRATE_DOMAIN_COMMAND_H
#define MDEV_MIGRATE_DOMAIN_COMMAND_H

struct domain;

int describe_json(const struct domain *domain);
int cmd_describe(char **args, int nr);
int cmd_verify(char **args, int nr);
int cmd_hook(char **args, int nr);

#endif /* MDEV_MIGRATE_DOMAIN_COMMAND_H */
