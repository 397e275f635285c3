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

static void prometheus_devices(const struct host *host, FILE *out)
{
	const struct device *device;
	const struct device *end = host->devices + host->nr_devices;

	put_help(out, "mdev_migrate_device_info",
		 "A device and its configuration.");
	for (device = host->devices; device < end; device++) {
		put_device(out, "mdev_migrate_device_info", device);
		put_label_value(out, "type", device->type, ",");
		put_label_value(out, "config", device->config, ",");
		fputs("} 1\n", out);
	}
	put_help(out, "mdev_migrate_device_state",
		 "A device's migration state: 1 for the one that it is in, else 0.");
	for (device = host->devices; device < end; device++)
		prometheus_state(device, out);
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

int feed_prometheus(const struct host *host, FILE *out)
{
	prometheus_types(host, out);
	prometheus_devices(host, out);
	return 0;
}
