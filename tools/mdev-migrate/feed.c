// SPDX-License-Identifier: GPL-2.0-only
/*
 * The values that get a name. A parameter has more values than a host can have names,
 * so a range of numbers has its ends, and what anything known to be there has.
 */
#include <stdlib.h>
#include <string.h>

#include "feed.h"

/* So many numbers in a range are named all. */
#define SMALL_RANGE	16

static bool is_of(const struct type *type, const char *model)
{
	return type->model && type->params && !strcmp(type->model, model);
}

static bool type_allows(const struct type *type, const char *name,
			const char *value)
{
	const struct param *param = params_find(type->params, name);
	__u64 number;

	return param && !mdev_migrate_param_parse(&param->codec, value,
						  strlen(value), &number, NULL);
}

/*
 * Who asks for a name does not say which of the types he gets: it is for what all of
 * them allow.
 */
static bool host_allows(const struct host *host, const char *model,
			const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < host->nr_types; i++) {
		if (is_of(&host->types[i], model) &&
		    !type_allows(&host->types[i], name, value))
			return false;
	}
	return true;
}

/* What is off needs no name: all hosts accept it. */
static void add_value(struct feed_model *model, const struct host *host,
		      const struct param *param, const char *value)
{
	struct mdev_migrate_msg why;
	__u64 number;
	size_t i;

	if (mdev_migrate_param_parse(&param->codec, value, strlen(value), &number,
				     &why) || number == param->codec.off ||
	    !host_allows(host, model->model, param->codec.name, value))
		return;
	for (i = 0; i < model->nr; i++) {
		if (!strcmp(model->values[i].param, param->codec.name) &&
		    !strcmp(model->values[i].value, value))
			return;
	}
	model->values = grow_array(model->values, model->nr,
				   sizeof(*model->values));
	model->values[model->nr++] = (struct feed_value) {
		.param = param->codec.name, .value = value,
	};
}

/* Words all, numbers of small ranges all, of others the ends. */
static void add_allowed(struct arena *arena, struct feed_model *model,
			const struct host *host, const struct param *param)
{
	bool is_number = param->codec.type == MDEV_MIGRATE_UINT;
	unsigned int r;
	uint64_t i;

	for (r = 0; r < param->codec.nr_allowed; r++) {
		const struct mdev_migrate_range *range =
			&param->codec.allowed[r];
		uint64_t span = range->last - range->first;

		for (i = 0; (!is_number || span < SMALL_RANGE) && i <= span; i++)
			add_value(model, host, param,
				  param_value(arena, param, range->first + i));
		add_value(model, host, param,
			  param_value(arena, param, range->first));
		add_value(model, host, param,
			  param_value(arena, param, range->last));
	}
}

/* What a device is made with. */
static void add_defaults(struct arena *arena, struct feed_model *model,
			 const struct host *host, const struct param *param,
			 const struct host *of)
{
	size_t i;

	for (i = 0; i < of->nr_types; i++) {
		const struct param *theirs;

		if (!is_of(&of->types[i], model->model))
			continue;
		theirs = params_find(of->types[i].params, param->codec.name);
		if (theirs)
			add_value(model, host, param,
				  param_value(arena, theirs, theirs->def));
	}
}

/* What devices have. */
static void add_devices(struct arena *arena, struct feed_model *model,
			const struct host *host, const struct param *param,
			const struct host *of)
{
	struct mdev_migrate_msg why;
	struct config config;
	const char *value;
	size_t i;

	for (i = 0; i < of->nr_devices; i++) {
		const struct device *device = &of->devices[i];

		if (!device->config ||
		    config_read(arena, &config, device->config, &why) ||
		    strcmp(config.model, model->model))
			continue;
		value = config_value(&config, param->codec.name);
		if (value)
			add_value(model, host, param, value);
	}
}

/*
 * Below a parent: the devices of the model that are there, and what can be made of
 * that type of which the fewest can: types may share what they are made of.
 */
static long long capacity_below(const struct host *host, const char *model,
				const char *parent)
{
	long long devices = 0, room = UNKNOWN;
	size_t i;

	for (i = 0; i < host->nr_devices; i++) {
		const struct device *device = &host->devices[i];

		devices += !device->bus && device->model && device->parent &&
			   !strcmp(device->model, model) &&
			   !strcmp(device->parent, parent);
	}
	for (i = 0; i < host->nr_types; i++) {
		const struct type *type = &host->types[i];

		if (!is_of(type, model) || !type->parent ||
		    strcmp(type->parent, parent) || type->available == UNKNOWN)
			continue;
		if (room == UNKNOWN || type->available < room)
			room = type->available;
	}
	return devices + (room == UNKNOWN ? 0 : room);
}

static long long capacity_of(const struct host *host, const char *model)
{
	long long capacity = 0;
	size_t i, j;

	for (i = 0; i < host->nr_types; i++) {
		const struct type *type = &host->types[i];

		if (!is_of(type, model) || !type->parent)
			continue;
		for (j = 0; j < i; j++) {
			if (is_of(&host->types[j], model) &&
			    host->types[j].parent &&
			    !strcmp(host->types[j].parent, type->parent))
				break;
		}
		if (j == i)
			capacity += capacity_below(host, model, type->parent);
	}
	/* Placement's largest number. */
	return capacity < INT32_MAX ? capacity : INT32_MAX;
}

static long long major_of(const struct type *type)
{
	return type && type->stream ? strtoll(type->stream, NULL, 10) : UNKNOWN;
}

static void add_model(struct feed *feed, const struct host *host,
		      const struct type *type, const struct fleet *others)
{
	struct arena *arena = &feed->arena;
	struct feed_model *model;
	size_t i, j;

	feed->models = grow_array(feed->models, feed->nr, sizeof(*model));
	model = &feed->models[feed->nr++];
	*model = (struct feed_model) {
		.model = type->model, .stream = major_of(type),
		.capacity = capacity_of(host, type->model),
	};
	for (i = 0; i < type->params->nr; i++) {
		const struct param *param = &type->params->params[i];

		add_allowed(arena, model, host, param);
		add_defaults(arena, model, host, param, host);
		add_devices(arena, model, host, param, host);
		for (j = 0; j < others->nr; j++) {
			add_defaults(arena, model, host, param,
				     &others->hosts[j]);
			add_devices(arena, model, host, param,
				    &others->hosts[j]);
		}
	}
}

/* @others: hosts whose devices' values get a name too, where @host accepts them */
void feed_of_host(struct feed *feed, const struct host *host,
		  const struct fleet *others)
{
	size_t i, j;

	memset(feed, 0, sizeof(*feed));
	for (i = 0; i < host->nr_types; i++) {
		const struct type *type = &host->types[i];

		if (!type->model || !type->params)
			continue;
		for (j = 0; j < feed->nr; j++) {
			if (!strcmp(feed->models[j].model, type->model))
				break;
		}
		if (j == feed->nr)
			add_model(feed, host, type, others);
	}
}

/* Is it said aloud that it is off? */
static bool is_off(const struct type *type, const struct config_item *item)
{
	const struct param *param;
	__u64 number;

	param = type && type->params ? params_find(type->params, item->name) :
				       NULL;
	return param && !mdev_migrate_param_parse(&param->codec, item->value,
						  strlen(item->value), &number,
						  NULL) &&
	       number == param->codec.off;
}

/* What a device needs: its configuration is known. */
void feed_of_source(struct arena *arena, struct feed_model *model,
		    const struct source *source)
{
	const struct config *config = &source->config;
	size_t i;

	*model = (struct feed_model) {
		.model = config->model, .stream = major_of(source->type),
		.capacity = 1,
		.values = arena_array(arena, config->nr, sizeof(*model->values)),
	};
	for (i = 0; i < config->nr; i++) {
		if (!is_off(source->type, &config->items[i]))
			model->values[model->nr++] = (struct feed_value) {
				.param = config->items[i].name,
				.value = config->items[i].value,
			};
	}
}

void feed_free(struct feed *feed)
{
	size_t i;

	for (i = 0; i < feed->nr; i++)
		free(feed->models[i].values);
	free(feed->models);
	arena_free(&feed->arena);
	memset(feed, 0, sizeof(*feed));
}
