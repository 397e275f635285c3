/* SPDX-License-Identifier: GPL-2.0-only */
/* Where descriptions of hosts come from, and how they are written. */
#ifndef MDEV_MIGRATE_READING_H
#define MDEV_MIGRATE_READING_H

#include "../common/json_read.h"
#include "core/host.h"

struct memo;

/* A member that is a text: what it is called in JSON, and where it is in a struct. */
struct member {
	const char *key;
	size_t offset;
};

/* json_out.c: of a description's parts, ending with one without a key */
extern const struct member param_members[];
extern const struct member type_members[];
extern const struct member device_members[];
extern const struct member mdev_members[];
extern const struct member described_members[];
extern const struct member other_members[];
extern const struct member vgpu_members[];
extern const struct member module_members[];
extern const struct member host_members[];

/* json_in.c: what comes from elsewhere; @why says what is wrong with it. */
char *json_plain_text(struct arena *arena, const char *value);
bool json_is_program(const struct json *root);
int json_check_schema(const struct json *root, struct mdev_migrate_msg *why);
int json_texts(struct arena *arena, const struct json *object,
	       const struct member *members, void *to, struct mdev_migrate_msg *why);
int json_to_params(struct arena *arena, struct params *params,
		   const struct json *value, struct mdev_migrate_msg *why);
int json_to_host(struct host *host, const struct json *root, struct memo *memo,
		 struct mdev_migrate_msg *why);

/* json_program.c: a vfio-user device program's --print-migration-info-json */
int json_program_to_host(struct host *host, const struct json *root,
			 struct mdev_migrate_msg *why);

/* json_out.c */
struct json *json_from_type(const struct type *type);
struct json *json_from_device(const struct device *device);
struct json *json_from_other(const struct other *other);
struct json *json_from_host(struct host *host);

/* sysfs.c: this host */
#define SYSFS_ROOT	"/sys"

int host_from_sysfs(struct host *host, const char *root);
bool sysfs_has(const char *root, const char *name);

/* kernel.c */
int kernel_ask(const struct host *host, const struct type *type,
	       const char *config, struct mdev_migrate_msg *why);

/* saved.c: the configuration in a saved state */
const char *config_of_state(struct arena *arena, const char *file);

#endif /* MDEV_MIGRATE_READING_H */
