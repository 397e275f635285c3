/* SPDX-License-Identifier: GPL-2.0-only */
/* Snapshots and what the commands answer, as JSON. */
#ifndef MDEV_MIGRATE_JSON_H
#define MDEV_MIGRATE_JSON_H

#include <jansson.h>

#include "host.h"

#define SCHEMA_MAJOR	1
#define SCHEMA_MINOR	3

/* json_out.c: objects that the program builds; there is always memory. */
json_t *json_new_object(void);
json_t *json_new_array(void);
void json_put(json_t *object, const char *key, json_t *value);
void json_put_text(json_t *object, const char *key, const char *value);
void json_put_number(json_t *object, const char *key, long long value);
void json_put_bool(json_t *object, const char *key, bool value);
void json_add(json_t *array, json_t *value);
json_t *json_answer(const char *command);
int json_print(json_t *value, FILE *out, const char *name, bool compact);

json_t *json_from_type(const struct type *type);
json_t *json_from_device(const struct device *device);
json_t *json_from_other(const struct other *other);
json_t *json_from_host(const struct host *host);

/* json_in.c: what comes from elsewhere; @why says what is wrong with it. */
char *json_plain_text(struct arena *arena, const char *value);
bool json_is_program(const json_t *root);
int json_check_schema(const json_t *root, struct mdev_migrate_msg *why);
int json_to_params(struct arena *arena, struct params *params,
		   const json_t *value, struct mdev_migrate_msg *why);
int json_to_host(struct host *host, const json_t *root,
		 struct mdev_migrate_msg *why);

/* json_program.c: a vfio-user device program's --print-migration-info-json */
int json_program_to_host(struct host *host, const json_t *root,
			 struct mdev_migrate_msg *why);

#endif /* MDEV_MIGRATE_JSON_H */
