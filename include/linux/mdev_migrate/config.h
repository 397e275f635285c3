/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Device models, parameters, versions and configurations.
 *
 * Plain C for the kernel module, the tools and the fuzzers alike; no function
 * here sleeps, allocates or takes a lock.
 */
#ifndef _LINUX_MDEV_MIGRATE_CONFIG_H
#define _LINUX_MDEV_MIGRATE_CONFIG_H

#include <linux/types.h>
#ifndef __KERNEL__
#include <stdbool.h>
#include <stddef.h>
#endif

/* The most parameters a device model can have. */
#define MDEV_MIGRATE_MAX_PARAMS		32
/* Room for a refusal's sentence, with its NUL. */
#define MDEV_MIGRATE_MSG_SIZE		256
/* Room for a value as text, with its NUL. */
#define MDEV_MIGRATE_VALUE_SIZE		32

/**
 * enum mdev_migrate_param_type - how a value is written
 * @MDEV_MIGRATE_BOOL: ``on`` or ``off``
 * @MDEV_MIGRATE_UINT: an unsigned decimal
 * @MDEV_MIGRATE_WORD: one of the parameter's words
 */
enum mdev_migrate_param_type {
	MDEV_MIGRATE_BOOL,
	MDEV_MIGRATE_UINT,
	MDEV_MIGRATE_WORD,
};

/**
 * struct mdev_migrate_range - values that are allowed
 * @first: the lowest
 * @last: the highest, itself allowed
 */
struct mdev_migrate_range {
	__u64 first;
	__u64 last;
};

/**
 * struct mdev_migrate_param - one guest-visible or state-visible choice
 * @name: lower case letters, digits and hyphens; at most 31 characters
 * @description: one sentence for the user
 * @type: how values are written
 * @words: of a word, the NULL-terminated list; a value is the word's index
 * @off: the value at which the device is as if there was no such parameter
 * @allowed: the values this implementation can be, ascending, disjoint
 * @nr_allowed: how many ranges; the off value must be in one
 *
 * A bool is 0 (off) or 1 (on), a word its index in @words.
 */
struct mdev_migrate_param {
	const char *name;
	const char *description;
	enum mdev_migrate_param_type type;
	const char * const *words;
	__u64 off;
	const struct mdev_migrate_range *allowed;
	unsigned int nr_allowed;
};

/**
 * struct mdev_migrate_version - a name for a full set of values
 * @name: what follows the model's name in the mdev type, such as ``v2``
 * @description: one line for the type's description
 * @values: a value for each of the model's parameters, in their order
 */
struct mdev_migrate_version {
	const char *name;
	const char *description;
	const __u64 *values;
};

/**
 * struct mdev_migrate_model - hardware interface plus state representation
 * @uri: the model's identity; no comma and no white space
 * @params: its parameters, sorted by name
 * @nr_params: how many, at most MDEV_MIGRATE_MAX_PARAMS
 * @versions: its versions, oldest first
 * @nr_versions: how many
 */
struct mdev_migrate_model {
	const char *uri;
	const struct mdev_migrate_param *params;
	unsigned int nr_params;
	const struct mdev_migrate_version *versions;
	unsigned int nr_versions;
};

/**
 * struct mdev_migrate_config - model plus a value for each parameter
 * @model: whose parameters these are
 * @values: in the order of the model's parameters
 */
struct mdev_migrate_config {
	const struct mdev_migrate_model *model;
	__u64 values[MDEV_MIGRATE_MAX_PARAMS];
};

/**
 * struct mdev_migrate_msg - a refusal's sentence
 * @text: empty, or one sentence without a newline
 */
struct mdev_migrate_msg {
	char text[MDEV_MIGRATE_MSG_SIZE];
};

int mdev_migrate_model_check(const struct mdev_migrate_model *model,
			     struct mdev_migrate_msg *why);
int mdev_migrate_param_find(const struct mdev_migrate_model *model,
			    const char *name, size_t len);
bool mdev_migrate_param_allows(const struct mdev_migrate_param *param,
			       __u64 value);
int mdev_migrate_param_parse(const struct mdev_migrate_param *param,
			     const char *text, size_t len, __u64 *value,
			     struct mdev_migrate_msg *why);
int mdev_migrate_param_format(const struct mdev_migrate_param *param,
			      __u64 value, char *buf, size_t size);
int mdev_migrate_param_format_allowed(const struct mdev_migrate_param *param,
				      char *buf, size_t size);
bool mdev_migrate_version_offered(const struct mdev_migrate_model *model,
				  const struct mdev_migrate_version *version);
void mdev_migrate_config_init(struct mdev_migrate_config *config,
			      const struct mdev_migrate_model *model,
			      const struct mdev_migrate_version *version);
int mdev_migrate_config_format(const struct mdev_migrate_config *config,
			       char *buf, size_t size);
int mdev_migrate_config_parse(struct mdev_migrate_config *config,
			      const struct mdev_migrate_model *model,
			      const char *text, size_t len,
			      struct mdev_migrate_msg *why);
int mdev_migrate_config_match(const struct mdev_migrate_config *device,
			      const struct mdev_migrate_config *stream,
			      struct mdev_migrate_msg *why);

#endif /* _LINUX_MDEV_MIGRATE_CONFIG_H */
