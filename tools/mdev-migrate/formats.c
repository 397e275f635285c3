// SPDX-License-Identifier: GPL-2.0-only
/*
 * A host for schedulers that exist, see "Formats" in mdev-migrate(8).
 *
 * A trait or a label says that the host accepts one value of one parameter: a
 * device whose configuration has that value needs a host with it, and one that
 * has all of the device's can take it. Values that are switched off need none.
 */
#include <ctype.h>
#include <string.h>

#include "command.h"

/* Of a range of numbers, the ends and what any type has are named. */
#define POINTS_MAX	64

/* OpenStack's alphabet: A-Z, 0-9 and _; at most 255 characters. */
static void put_upper(struct text *text, const char *name)
{
	char last = text->len ? text->data[text->len - 1] : '_';

	for (; *name; name++) {
		char c = isalnum((unsigned char)*name) ?
			 toupper((unsigned char)*name) : '_';

		if (c == '_' && last == '_')
			continue;
		text_add(text, &c, 1);
		last = c;
	}
}

/* Kubernetes' alphabet for a label's name. */
static void put_label(struct text *text, const char *name)
{
	for (; *name; name++) {
		char c = isalnum((unsigned char)*name) || *name == '-' ||
			 *name == '.' ? *name : '_';

		text_add(text, &c, 1);
	}
}

/* A model's short name: what is behind its last slash. */
static const char *short_name(const char *model)
{
	const char *slash = strrchr(model, '/');

	return slash && slash[1] ? slash + 1 : model;
}

static void add_point(uint64_t *points, size_t *nr, uint64_t value)
{
	size_t i;

	for (i = 0; i < *nr; i++) {
		if (points[i] == value)
			return;
	}
	if (*nr < POINTS_MAX)
		points[(*nr)++] = value;
}

static bool same_model(const struct type *a, const struct type *b)
{
	return a->model && b->model && !strcmp(a->model, b->model);
}

/* What the host's devices of this model have. */
static void devices_points(struct arena *arena, const struct host *host,
			   const struct type *type, const struct param *param,
			   uint64_t *points, size_t *nr)
{
	struct mdev_migrate_msg why;
	struct config config;
	const char *text;
	__u64 value;
	size_t i;

	for (i = 0; i < host->nr_devices; i++) {
		const struct device *device = &host->devices[i];

		if (!device->config || !device->model ||
		    strcmp(device->model, type->model) ||
		    config_read(arena, &config, device->config, &why))
			continue;
		text = config_value(&config, param->codec.name);
		if (text && !mdev_migrate_param_parse(&param->codec, text, strlen(text),
						      &value, &why))
			add_point(points, nr, value);
	}
}

/*
 * The values of a parameter that are worth a name: each end of what is allowed
 * and each version's, where it is allowed; small ranges in full; what devices have.
 */
static size_t points_of(struct arena *arena, const struct host *host,
			const struct type *type, const struct param *param,
			uint64_t *points)
{
	size_t nr = 0, i;
	unsigned int r;

	for (r = 0; r < param->codec.nr_allowed; r++) {
		const struct mdev_migrate_range *range =
			&param->codec.allowed[r];
		uint64_t span = range->last - range->first;

		for (i = 0; span < 16 && i <= span; i++)
			add_point(points, &nr, range->first + i);
		add_point(points, &nr, range->first);
		add_point(points, &nr, range->last);
	}
	for (i = 0; i < host->nr_types; i++) {
		const struct param *theirs = NULL;

		if (same_model(type, &host->types[i]) && host->types[i].params)
			theirs = params_find(host->types[i].params,
					     param->codec.name);
		if (theirs && param->codec.type == MDEV_MIGRATE_UINT &&
		    mdev_migrate_param_allows(&param->codec, theirs->def))
			add_point(points, &nr, theirs->def);
	}
	devices_points(arena, host, type, param, points, &nr);
	return nr;
}

/* Is this the first of the host's types of its model? */
static bool first_of_model(const struct host *host, const struct type *type)
{
	const struct type *other;

	for (other = host->types; other < type; other++) {
		if (same_model(other, type) && other->params)
			return false;
	}
	return type->model && type->params;
}

typedef void (*each_point)(FILE *out, const char *model, const char *param,
			   const char *value);

static void put_points(const struct host *host, const struct type *type,
		       FILE *out, each_point each)
{
	struct arena arena = { 0 };
	uint64_t points[POINTS_MAX];
	size_t i, j, nr;

	each(out, short_name(type->model), NULL, NULL);
	for (i = 0; i < type->params->nr; i++) {
		const struct param *param = &type->params->params[i];

		nr = points_of(&arena, host, type, param, points);
		for (j = 0; j < nr; j++) {
			if (points[j] != param->codec.off)
				each(out, short_name(type->model),
				     param->codec.name,
				     param_value(&arena, param, points[j]));
		}
	}
	arena_free(&arena);
}

static void nova_trait(FILE *out, const char *model, const char *param,
		       const char *value)
{
	struct text text = { 0 };

	text_printf(&text, "CUSTOM_MDEV_");
	put_upper(&text, model);
	if (param) {
		text_printf(&text, "_");
		put_upper(&text, param);
		text_printf(&text, "_");
		put_upper(&text, value);
	}
	if (text.len <= 255)
		fprintf(out, "        - \"%s\"\n", text.data);
	text_free(&text);
}

/* https://docs.openstack.org/nova/latest/admin/managing-resource-providers.html */
int format_nova(const struct host *host, FILE *out)
{
	const struct type *type;
	size_t i;

	fputs("meta:\n  schema_version: '1.0'\nproviders:\n"
	      "  - identification:\n      uuid: $COMPUTE_NODE\n", out);
	for (i = 0; i < host->nr_types; i++) {
		if (first_of_model(host, &host->types[i]))
			break;
	}
	if (i == host->nr_types)
		return 0;
	fputs("    traits:\n      additional:\n", out);
	for (type = host->types; type < host->types + host->nr_types; type++) {
		if (first_of_model(host, type))
			put_points(host, type, out, nova_trait);
	}
	return 0;
}

static void nfd_label(FILE *out, const char *model, const char *param,
		      const char *value)
{
	struct text text = { 0 };

	text_printf(&text, "mdev-migrate.org/");
	put_label(&text, model);
	if (param) {
		text_printf(&text, ".");
		put_label(&text, param);
		text_printf(&text, ".");
		put_label(&text, value);
	}
	/* A label's name has at most 63 characters. */
	if (strlen(strchr(text.data, '/')) <= 64)
		fprintf(out, "%s=true\n", text.data);
	text_free(&text);
}

/* For /etc/kubernetes/node-feature-discovery/features.d/ */
int format_nfd(const struct host *host, FILE *out)
{
	const struct type *type;

	for (type = host->types; type < host->types + host->nr_types; type++) {
		if (first_of_model(host, type))
			put_points(host, type, out, nfd_label);
	}
	return 0;
}

/* A label; none if the value is not known. @before is "{" for the first. */
static void put_label_value(FILE *out, const char *key, const char *value,
			    const char *before)
{
	if (!value || !*value)
		return;
	fprintf(out, "%s%s=\"", before, key);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fputc('\\', out);
		if (*value == '\n')
			fputs("\\n", out);
		else
			fputc(*value, out);
	}
	fputc('"', out);
}

/* A metric of a device: UUID or BUS/NAME; of a mdev its UUID by that name, too. */
static void put_device(FILE *out, const char *metric, const struct device *device)
{
	fputs(metric, out);
	put_label_value(out, "device", device->uuid, "{");
	put_label_value(out, "uuid", device->bus ? NULL : device->uuid, ",");
}

static void put_help(FILE *out, const char *name, const char *what)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, what, name);
}

static void prometheus_types(const struct host *host, FILE *out)
{
	const struct type *type;

	put_help(out, "mdev_migrate_type_available_instances",
		 "How many more devices of this type can be made.");
	for (type = host->types; type < host->types + host->nr_types; type++) {
		if (type->available == UNKNOWN)
			continue;
		fputs("mdev_migrate_type_available_instances", out);
		put_label_value(out, "type", type->name, "{");
		put_label_value(out, "parent", type->parent, ",");
		put_label_value(out, "model", type->model, ",");
		put_label_value(out, "version", type->version, ",");
		fprintf(out, "} %lld\n", type->available);
	}
}

static void prometheus_devices(const struct host *host, FILE *out)
{
	const struct device *device;
	const struct device *end = host->devices + host->nr_devices;

	put_help(out, "mdev_migrate_device_info",
		 "A device, its configuration and migration state.");
	for (device = host->devices; device < end; device++) {
		put_device(out, "mdev_migrate_device_info", device);
		put_label_value(out, "type", device->type, ",");
		put_label_value(out, "config", device->config, ",");
		put_label_value(out, "state", device->state, ",");
		fputs("} 1\n", out);
	}
	put_help(out, "mdev_migrate_device_stop_copy_bytes",
		 "Estimate of what moves while the guest is stopped.");
	for (device = host->devices; device < end; device++) {
		if (device->stop_copy_bytes == UNKNOWN)
			continue;
		put_device(out, "mdev_migrate_device_stop_copy_bytes", device);
		fprintf(out, "} %lld\n", device->stop_copy_bytes);
	}
	put_help(out, "mdev_migrate_device_failed",
		 "Whether the device's last migration step, or the last write to its parameters, was refused or failed: 1 if migration/last_error says why.");
	for (device = host->devices; device < end; device++) {
		put_device(out, "mdev_migrate_device_failed", device);
		fprintf(out, "} %d\n", device->last_error && *device->last_error);
	}
}

/* For node_exporter's textfile collector. */
int format_prometheus(const struct host *host, FILE *out)
{
	prometheus_types(host, out);
	prometheus_devices(host, out);
	return 0;
}
