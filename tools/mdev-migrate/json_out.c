// SPDX-License-Identifier: GPL-2.0-only
/* Descriptions as JSON: a snapshot, and parts of it in answers. */
#include <stddef.h>
#include <string.h>

#include "reading.h"

#define TEXT(type, name, member)	{ name, offsetof(struct type, member) }
#define END				{ NULL, 0 }

const struct member param_members[] = {
	TEXT(param_text, "type", type), TEXT(param_text, "off", off),
	TEXT(param_text, "default", def), TEXT(param_text, "allowed", allowed),
	TEXT(param_text, "description", description),
	END
};

const struct member type_members[] = {
	TEXT(type, "name", name), TEXT(type, "pretty_name", pretty_name),
	TEXT(type, "parent", parent),
	TEXT(type, "parent_subsystem", subsystem),
	TEXT(type, "device_api", api), TEXT(type, "description", description),
	TEXT(type, "model", model), TEXT(type, "version", version),
	TEXT(type, "config", config), TEXT(type, "stream_version", stream),
	TEXT(type, "combinations", combinations),
	TEXT(type, "unreadable", unreadable),
	END
};

const struct member device_members[] = {
	TEXT(device, "model", model), TEXT(device, "version", version),
	TEXT(device, "config", config), TEXT(device, "state", state),
	TEXT(device, "last_error", last_error),
	END
};

const struct member mdev_members[] = {
	TEXT(device, "uuid", uuid), TEXT(device, "type", type),
	TEXT(device, "parent", parent),
	END
};

const struct member described_members[] = {
	TEXT(device, "bus", bus), TEXT(device, "driver", driver),
	END
};

const struct member other_members[] = {
	TEXT(other, "name", name), TEXT(other, "bus", bus),
	TEXT(other, "driver", driver), TEXT(other, "device_api", api),
	TEXT(other, "mdev_type", type),
	TEXT(other, "migration_features", features),
	TEXT(other, "state", state),
	TEXT(other, "vendor", vendor), TEXT(other, "device", device),
	TEXT(other, "revision", revision),
	TEXT(other, "subsystem_vendor", subvendor),
	TEXT(other, "subsystem_device", subdevice),
	TEXT(other, "physical_function", physfn),
	TEXT(other, "qat_services", qat_services),
	TEXT(other, "vram_quota", vram_quota),
	TEXT(other, "vgpu_type", vgpu_type),
	TEXT(other, "vgpu_name", vgpu_name),
	END
};

const struct member vgpu_members[] = {
	TEXT(vgpu, "id", id), TEXT(vgpu, "name", name),
	END
};

const struct member module_members[] = {
	TEXT(module, "version", version),
	TEXT(module, "srcversion", srcversion),
	END
};

const struct member host_members[] = {
	TEXT(host, "name", name), TEXT(host, "kernel", kernel),
	TEXT(host, "machine", machine), TEXT(host, "machine_id", machine_id),
	TEXT(host, "boot_id", boot_id),
	END
};

static void put_texts(struct json *object, const struct member *members,
		      const void *from)
{
	const char *text;

	for (; members->key; members++) {
		memcpy(&text, (const char *)from + members->offset, sizeof(text));
		json_put_text(object, members->key, text);
	}
}

static struct json *from_texts(const struct member *members, const void *from)
{
	struct json *object = json_new_object();

	put_texts(object, members, from);
	return object;
}

static struct json *from_param(const struct param *param)
{
	struct arena arena = { 0 };
	struct param_text text = {
		.type = param_type_name(param),
		.off = param_value(&arena, param, param->codec.off),
		.def = param_value(&arena, param, param->def),
		.allowed = param_allowed(&arena, param),
		.description = param->codec.description,
	};
	struct json *object = from_texts(param_members, &text);

	arena_free(&arena);
	return object;
}

struct json *json_from_type(const struct type *type)
{
	struct json *object = from_texts(type_members, type);
	struct json *params;
	size_t i;

	json_put_number(object, "available_instances", type->available);
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
	struct json *object;

	if (device->bus) {
		object = from_texts(described_members, device);
		json_put_text(object, "name",
			      device->uuid + strlen(device->bus) + 1);
		if (device->own)
			json_put(object, "type", json_from_type(device->own));
	} else {
		object = from_texts(mdev_members, device);
	}
	put_texts(object, device_members, device);
	json_put_number(object, "stop_copy_bytes", device->stop_copy_bytes);
	return object;
}

struct json *json_from_other(const struct other *other)
{
	struct json *object = from_texts(other_members, other);
	struct json *vgpus;
	size_t i;

	if (!other->vgpus)
		return object;
	vgpus = json_new_array();
	for (i = 0; i < other->nr_vgpus; i++)
		json_add(vgpus, from_texts(vgpu_members, &other->vgpus[i]));
	json_put(object, "creatable_vgpu_types", vgpus);
	return object;
}

static struct json *from_names(struct host *host)
{
	struct json *object = from_texts(host_members, host);

	if (host->taken != UNKNOWN)
		json_put_text(object, "taken",
			      time_to_text(&host->arena, host->taken));
	return object;
}

static struct json *from_modules(const struct host *host)
{
	struct json *object = json_new_object();
	size_t i;

	for (i = 0; i < host->nr_modules; i++)
		json_put(object, host->modules[i].name,
			 from_texts(module_members, &host->modules[i]));
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
