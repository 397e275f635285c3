/* SPDX-License-Identifier: GPL-2.0-only */
/* Sentences, files and programs. */
#ifndef MDEV_MIGRATE_SAY_H
#define MDEV_MIGRATE_SAY_H

#include <stddef.h>
#include <stdio.h>

int say(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *read_all(const char *path, size_t max, size_t *len);
int run(const char *const *argv, const char *input, char **output);

#endif /* MDEV_MIGRATE_SAY_H */
