/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What schedulers are told of a host, see "FORMATS" in mdev-migrate(8): names, each
 * of which says that the host accepts one value of one parameter. A device whose
 * configuration has that value needs a host with that name, and one that has all of
 * the device's can take it.
 */
#ifndef MDEV_MIGRATE_FEED_H
#define MDEV_MIGRATE_FEED_H

#include "fleet.h"

/**
 * struct feed_value - a value that is accepted or needed
 * @param: the parameter's name
 * @value: as it is written
 */
struct feed_value {
	const char *param;
	const char *value;
};

/**
 * struct feed_model - what a host accepts of a model, or what a device needs of it
 * @model: the URI
 * @stream: the state stream's major version, or UNKNOWN
 * @capacity: how many devices there are and can still be made, whatever they are
 * @nr: how many values
 * @values: by parameter
 */
struct feed_model {
	const char *model;
	long long stream;
	long long capacity;
	size_t nr;
	struct feed_value *values;
};

/**
 * struct feed - what a host accepts
 * @arena: holds it
 * @nr: how many models
 * @models: in the order of the host's types
 */
struct feed {
	struct arena arena;
	size_t nr;
	struct feed_model *models;
};

void feed_of_host(struct feed *feed, const struct host *host,
		  const struct fleet *others);
void feed_of_source(struct arena *arena, struct feed_model *model,
		    const struct source *source);
void feed_free(struct feed *feed);

/* feed_name.c */
struct naming;
extern const struct naming nova_naming, nfd_naming;

char *feed_model_name(struct arena *arena, const struct naming *naming,
		      const char *model);
size_t feed_names(struct arena *arena, const struct naming *naming,
		  const struct feed_model *model, const char ***names);

/* feed_write.c */
int feed_nova(const struct feed *feed, const char *provider, FILE *out);
int feed_nfd(const struct feed *feed, long long seconds, FILE *out);

/* feed_prometheus.c */
int feed_prometheus(const struct host *host, FILE *out);

#endif /* MDEV_MIGRATE_FEED_H */
