// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

static json_t *must(json_t *value)
{
	if (!value)
		out_of_memory();
	return value;
}

json_t *json_new_object(void)
{
	return must(json_object());
}

json_t *json_new_array(void)
{
	return must(json_array());
}

void json_put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new_nocheck(object, key, must(value)))
		out_of_memory();
}

void json_add(json_t *array, json_t *value)
{
	if (json_array_append_new(array, must(value)))
		out_of_memory();
}

/*
 * What is not known is left out. Arguments and a stream's words are bytes, and an
 * answer may be shown. Of lines JSON itself takes care.
 */
void json_put_text(json_t *object, const char *key, const char *value)
{
	struct text text = { 0 };

	if (!value)
		return;
	text_add_visible(&text, value, "\n\t");
	json_put(object, key, json_string(text.data));
	text_free(&text);
}

void json_put_number(json_t *object, const char *key, long long value)
{
	if (value != UNKNOWN)
		json_put(object, key, json_integer(value));
}

void json_put_bool(json_t *object, const char *key, bool value)
{
	json_put(object, key, json_boolean(value));
}

static void put_schema(json_t *object)
{
	char version[32];

	snprintf(version, sizeof(version), "%d.%d", SCHEMA_MAJOR, SCHEMA_MINOR);
	json_put_text(object, "schema_version", version);
}

/* What every command's --json begins with. */
json_t *json_answer(const char *command)
{
	json_t *answer = json_new_object();

	put_schema(answer);
	json_put_text(answer, "command", command);
	return answer;
}

int json_print(json_t *value, FILE *out, const char *name, bool compact)
{
	int ret;

	ret = json_dumpf(value, out, compact ? JSON_COMPACT : JSON_INDENT(2));
	json_decref(value);
	if (ret || fputc('\n', out) == EOF)
		return complain(DONE_ERROR, "cannot write %s: %s", name, strerror(errno));
	return finish_output(out, name);
}

static json_t *from_param(const struct param *param)
{
	json_t *object = json_new_object();
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

json_t *json_from_type(const struct type *type)
{
	json_t *object = json_new_object();
	json_t *params;
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
	if (!type->params)
		return object;
	params = json_new_object();
	for (i = 0; i < type->params->nr; i++)
		json_put(params, type->params->params[i].codec.name,
			 from_param(&type->params->params[i]));
	json_put(object, "params", params);
	return object;
}

json_t *json_from_device(const struct device *device)
{
	json_t *object = json_new_object();

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

json_t *json_from_other(const struct other *other)
{
	json_t *object = json_new_object();

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

static json_t *from_names(const struct host *host)
{
	json_t *object = json_new_object();

	json_put_text(object, "name", host->name);
	json_put_text(object, "kernel", host->kernel);
	json_put_text(object, "machine", host->machine);
	return object;
}

static json_t *from_modules(const struct host *host)
{
	json_t *object = json_new_object();
	size_t i;

	for (i = 0; i < host->nr_modules; i++) {
		json_t *module = json_new_object();

		json_put_text(module, "version", host->modules[i].version);
		json_put_text(module, "srcversion", host->modules[i].srcversion);
		json_put(object, host->modules[i].name, module);
	}
	return object;
}

/* Those that are mdevs, or the others. */
static json_t *from_devices(const struct host *host, bool are_mdevs)
{
	json_t *array = json_new_array();
	size_t i;

	for (i = 0; i < host->nr_devices; i++) {
		if (are_mdevs == !host->devices[i].bus)
			json_add(array, json_from_device(&host->devices[i]));
	}
	return array;
}

/* A snapshot. */
json_t *json_from_host(const struct host *host)
{
	json_t *object = json_new_object();
	json_t *array;
	size_t i;

	put_schema(object);
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
