// SPDX-License-Identifier: GPL-2.0-only
/* Descriptions as JSON: a snapshot, and parts of it in answers. */
#include <string.h>

#include "reading.h"

static struct json *from_param(const struct param *param)
{
	struct json *object = json_new_object();
	struct arena arena = { 0 };

	json_put_text(object, "type", param_type_name(param));
	json_put_text(object, "off",
		      param_value(&arena, param, param->codec.off));
	json_put_text(object, "default", param_value(&arena, param, param->def));
	json_put_text(object, "allowed", param_allowed(&arena, param));
	json_put_text(object, "description", param->codec.description);
	arena_free(&arena);
	return object;
}

struct json *json_from_type(const struct type *type)
{
	struct json *object = json_new_object();
	struct json *params;
	size_t i;

	json_put_text(object, "name", type->name);
	json_put_text(object, "parent", type->parent);
	json_put_text(object, "parent_subsystem", type->subsystem);
	json_put_text(object, "device_api", type->api);
	json_put_number(object, "available_instances", type->available);
	json_put_text(object, "description", type->description);
	json_put_text(object, "model", type->model);
	json_put_text(object, "version", type->version);
	json_put_text(object, "config", type->config);
	json_put_text(object, "stream_version", type->stream);
	json_put_text(object, "combinations", type->combinations);
	json_put_text(object, "unreadable", type->unreadable);
	if (!type->params)
		return object;
	params = json_new_object();
	for (i = 0; i < type->params->nr; i++)
		json_put(params, type->params->params[i].codec.name,
			 from_param(&type->params->params[i]));
	json_put(object, "params", params);
	return object;
}

struct json *json_from_device(const struct device *device)
{
	struct json *object = json_new_object();

	if (device->bus) {
		json_put_text(object, "bus", device->bus);
		json_put_text(object, "name",
			      device->uuid + strlen(device->bus) + 1);
		json_put_text(object, "driver", device->driver);
		if (device->own)
			json_put(object, "type", json_from_type(device->own));
	} else {
		json_put_text(object, "uuid", device->uuid);
		json_put_text(object, "type", device->type);
		json_put_text(object, "parent", device->parent);
	}
	json_put_text(object, "model", device->model);
	json_put_text(object, "version", device->version);
	json_put_text(object, "config", device->config);
	json_put_text(object, "state", device->state);
	json_put_number(object, "stop_copy_bytes", device->stop_copy_bytes);
	if (device->last_error && *device->last_error)
		json_put_text(object, "last_error", device->last_error);
	return object;
}

struct json *json_from_other(const struct other *other)
{
	struct json *object = json_new_object();

	json_put_text(object, "name", other->name);
	json_put_text(object, "bus", other->bus);
	json_put_text(object, "driver", other->driver);
	json_put_text(object, "device_api", other->api);
	json_put_text(object, "mdev_type", other->type);
	json_put_text(object, "vendor", other->vendor);
	json_put_text(object, "device", other->device);
	json_put_text(object, "subsystem_vendor", other->subvendor);
	json_put_text(object, "subsystem_device", other->subdevice);
	return object;
}

static struct json *from_names(struct host *host)
{
	struct json *object = json_new_object();

	json_put_text(object, "name", host->name);
	json_put_text(object, "kernel", host->kernel);
	json_put_text(object, "machine", host->machine);
	json_put_text(object, "machine_id", host->machine_id);
	json_put_text(object, "boot_id", host->boot_id);
	if (host->taken != UNKNOWN)
		json_put_text(object, "taken",
			      time_to_text(&host->arena, host->taken));
	return object;
}

static struct json *from_modules(const struct host *host)
{
	struct json *object = json_new_object();
	size_t i;

	for (i = 0; i < host->nr_modules; i++) {
		struct json *module = json_new_object();

		json_put_text(module, "version", host->modules[i].version);
		json_put_text(module, "srcversion", host->modules[i].srcversion);
		json_put(object, host->modules[i].name, module);
	}
	return object;
}

/* Those that are mdevs, or the others. */
static struct json *from_devices(const struct host *host, bool are_mdevs)
{
	struct json *array = json_new_array();
	size_t i;

	for (i = 0; i < host->nr_devices; i++) {
		if (are_mdevs == !host->devices[i].bus)
			json_add(array, json_from_device(&host->devices[i]));
	}
	return array;
}

/* A snapshot. */
struct json *json_from_host(struct host *host)
{
	struct json *object = json_new_object();
	struct json *array;
	size_t i;

	json_put_schema(object);
	json_put(object, "host", from_names(host));
	json_put(object, "modules", from_modules(host));
	array = json_new_array();
	for (i = 0; i < host->nr_types; i++)
		json_add(array, json_from_type(&host->types[i]));
	json_put(object, "types", array);
	json_put(object, "devices", from_devices(host, true));
	json_put(object, "described_devices", from_devices(host, false));
	array = json_new_array();
	for (i = 0; i < host->nr_others; i++)
		json_add(array, json_from_other(&host->others[i]));
	json_put(object, "other_devices", array);
	return object;
}
