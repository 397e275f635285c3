// SPDX-License-Identifier: GPL-2.0-only
/*
 * A host for the textfile collector of Prometheus' node_exporter. A label has what
 * stays as long as a device does; what changes is a value.
 */
#include <string.h>

#include "feed.h"

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
	size_t i;

	put_help(out, "mdev_migrate_type_available_instances",
		 "How many more devices of this type can be made.");
	for (i = 0; i < host->nr_types; i++) {
		type = &host->types[i];
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

/* Each of VFIO's states, as one that may be: what is not one of them is added. */
static void prometheus_state(const struct device *device, FILE *out)
{
	static const char * const states[] = {
		"error", "stop", "running", "stop_copy", "resuming",
		"running_p2p", "pre_copy", "pre_copy_p2p",
	};
	bool is_known = false;
	size_t i;

	if (!device->state || !*device->state)
		return;
	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		bool is_it = !strcmp(device->state, states[i]);

		put_device(out, "mdev_migrate_device_state", device);
		put_label_value(out, "state", states[i], ",");
		fprintf(out, "} %d\n", is_it);
		is_known |= is_it;
	}
	if (is_known)
		return;
	put_device(out, "mdev_migrate_device_state", device);
	put_label_value(out, "state", device->state, ",");
	fputs("} 1\n", out);
}

static void prometheus_info(const struct device *device, FILE *out)
{
	put_device(out, "mdev_migrate_device_info", device);
	put_label_value(out, "type", device->type, ",");
	put_label_value(out, "config", device->config, ",");
	fputs("} 1\n", out);
}

static void prometheus_bytes(const struct device *device, FILE *out)
{
	if (device->stop_copy_bytes == UNKNOWN)
		return;
	put_device(out, "mdev_migrate_device_stop_copy_bytes", device);
	fprintf(out, "} %lld\n", device->stop_copy_bytes);
}

static void prometheus_failed(const struct device *device, FILE *out)
{
	put_device(out, "mdev_migrate_device_failed", device);
	fprintf(out, "} %d\n", device->last_error && *device->last_error);
}

static const struct metric {
	const char *name;
	const char *help;
	void (*put)(const struct device *device, FILE *out);
} metrics[] = {
	{ "mdev_migrate_device_info", "A device and its configuration.",
	  prometheus_info },
	{ "mdev_migrate_device_state",
	  "A device's migration state: 1 for the one that it is in, else 0.",
	  prometheus_state },
	{ "mdev_migrate_device_stop_copy_bytes",
	  "Estimate of what moves while the guest is stopped.", prometheus_bytes },
	{ "mdev_migrate_device_failed",
	  "Whether the device's last migration step, or the last write to its parameters, was refused or failed: 1 if migration/last_error says why.",
	  prometheus_failed },
};

/* A metric's lines are together. */
static void prometheus_devices(const struct host *host, FILE *out)
{
	size_t i, j;

	for (i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		put_help(out, metrics[i].name, metrics[i].help);
		for (j = 0; j < host->nr_devices; j++)
			metrics[i].put(&host->devices[j], out);
	}
}

int feed_prometheus(const struct host *host, FILE *out)
{
	prometheus_types(host, out);
	prometheus_devices(host, out);
	return 0;
}
