/* SPDX-License-Identifier: GPL-2.0-only */
/* Mediated devices of this host. */
#ifndef MDEV_MIGRATE_DEVICE_H
#define MDEV_MIGRATE_DEVICE_H

#include <stdbool.h>

#include "domain.h"

bool device_exists(const char *uuid);
bool device_in_use(const char *uuid);
char *device_attribute(const char *uuid, const char *name);
bool device_is(const char *uuid, const char *config);
int device_make(const struct domain *domain, struct card *card, bool taken);
int device_remove(const char *uuid);

/* made.c */
int devices_lock(void);
bool made_for_another(const char *domain, const char *uuid);
int made_add(const char *domain, const char *uuid);
int made_remove(const char *domain);

#endif /* MDEV_MIGRATE_DEVICE_H */
