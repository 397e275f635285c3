// SPDX-License-Identifier: GPL-2.0-only
/*
 * Snapshots that come from elsewhere. Members that are not known are left
 * alone; those that are known have to make sense.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memo.h"
#include "reading.h"

static int fail(struct mdev_migrate_msg *why, const char *fmt, ...)
	fmt_printf(2, 3);

static int fail(struct mdev_migrate_msg *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
	return -EINVAL;
}

/* What a snapshot says may be shown, by whatever shows it. */
char *json_plain_text(struct arena *arena, const char *value)
{
	return visible(arena, value);
}

/* A member that is a string, NULL if there is none. */
static int get_text(struct arena *arena, const struct json *object, const char *key,
		    const char **text, struct mdev_migrate_msg *why)
{
	const struct json *value = json_get(object, key);

	*text = NULL;
	if (!value || value->kind == JSON_NULL)
		return 0;
	if (value->kind != JSON_TEXT)
		return fail(why, "\"%s\" is not a string", key);
	*text = json_plain_text(arena, value->text);
	return 0;
}

static int get_number(const struct json *object, const char *key, long long *number,
		      struct mdev_migrate_msg *why)
{
	const struct json *value = json_get(object, key);

	*number = UNKNOWN;
	if (!value || value->kind == JSON_NULL)
		return 0;
	if (value->kind != JSON_INTEGER || value->number < 0)
		return fail(why, "\"%s\" is not a non-negative number", key);
	*number = value->number;
	return 0;
}

/* Some members of one object, to where they belong in @to. */
int json_texts(struct arena *arena, const struct json *object,
	       const struct member *members, void *to, struct mdev_migrate_msg *why)
{
	const char *text;
	int ret = 0;

	if (!json_is(object, JSON_OBJECT))
		return fail(why, "it is not an object");
	for (; members->key && !ret; members++) {
		ret = get_text(arena, object, members->key, &text, why);
		memcpy((char *)to + members->offset, &text, sizeof(text));
	}
	return ret;
}

bool json_is_program(const struct json *root)
{
	return json_is(json_get(root, "models"), JSON_OBJECT) &&
	       !json_get(root, "schema_version");
}

int json_check_schema(const struct json *root, struct mdev_migrate_msg *why)
{
	const struct json *value = json_get(root, "schema_version");
	const char *version = json_text(value);
	unsigned long major;
	char *end;

	if (!json_is(root, JSON_OBJECT))
		return fail(why, "not a JSON object, and so not a snapshot");
	if (!version)
		return fail(why,
			    "neither a snapshot of mdev-migrate export, since it has no \"schema_version\", nor a vfio-user program's answer, since it has no \"models\"");
	major = strtoul(version, &end, 10);
	if (end == version || *end != '.' || *version < '0' || *version > '9')
		return fail(why,
			    "\"schema_version\" is \"%.20s\", expected something like \"%d.%d\"",
			    version, SCHEMA_MAJOR, SCHEMA_MINOR);
	if (major != SCHEMA_MAJOR)
		return fail(why,
			    "the snapshot's schema is version %.20s, this program reads only %d.x: use a newer mdev-migrate, or export again with this one",
			    version, SCHEMA_MAJOR);
	return 0;
}

static int to_param(struct arena *arena, struct param *param, const char *name,
		    const struct json *value, struct mdev_migrate_msg *why)
{
	struct param_text text = { .name = name };
	int ret = json_texts(arena, value, param_members, &text, why);

	return ret ? ret : param_build(arena, param, &text, why);
}

int json_to_params(struct arena *arena, struct params *params,
		   const struct json *value, struct mdev_migrate_msg *why)
{
	struct json *param;
	int ret;

	if (!json_is(value, JSON_OBJECT))
		return fail(why, "\"params\" is not an object");
	params->params = arena_array(arena, value->nr,
				     sizeof(*params->params));
	for (param = json_first(value); param; param = param->next) {
		ret = to_param(arena, &params->params[params->nr], param->key,
			       param, why);
		if (ret)
			return ret;
		params->nr++;
	}
	return params_sort(params, why);
}

static int to_type(struct host *host, void *element, const struct json *value,
		   struct mdev_migrate_msg *why)
{
	struct type *type = element;
	const struct json *params = json_get(value, "params");
	int ret;

	ret = json_texts(&host->arena, value, type_members, type, why);
	if (!ret)
		ret = get_number(value, "available_instances", &type->available,
				 why);
	if (ret)
		return ret;
	if (!type->name)
		return fail(why, "it has no \"name\"");
	if (!params || type->unreadable)
		return 0;
	if (host->memo) {
		type->params = memo_params(host->memo, params, why);
		return type->params ? 0 : -EINVAL;
	}
	type->params = arena_alloc(&host->arena, sizeof(*type->params));
	return json_to_params(&host->arena, type->params, params, why);
}

static int to_any_device(struct host *host, struct device *device,
			 const struct json *value, struct mdev_migrate_msg *why)
{
	int ret = json_texts(&host->arena, value, device_members, device, why);

	return ret ? ret : get_number(value, "stop_copy_bytes",
				      &device->stop_copy_bytes, why);
}

static int to_device(struct host *host, void *element, const struct json *value,
		     struct mdev_migrate_msg *why)
{
	struct device *device = element;
	int ret = json_texts(&host->arena, value, mdev_members, device, why);

	if (!ret)
		ret = to_any_device(host, device, value, why);
	if (!ret && !device->uuid)
		return fail(why, "it has no \"uuid\"");
	return ret;
}

/* One that is no mdev; what it can be is in it. */
static int to_described(struct host *host, void *element, const struct json *value,
			struct mdev_migrate_msg *why)
{
	struct arena *arena = &host->arena;
	struct device *device = element;
	const char *name;
	const struct json *type = json_get(value, "type");
	int ret;

	ret = json_texts(arena, value, described_members, device, why);
	if (!ret)
		ret = get_text(arena, value, "name", &name, why);
	if (!ret)
		ret = to_any_device(host, device, value, why);
	if (ret)
		return ret;
	if (!device->bus || !name)
		return fail(why, "it has no \"bus\" or no \"name\"");
	device->uuid = arena_printf(arena, "%s/%s", device->bus, name);
	if (!type)
		return 0;
	device->own = arena_alloc(arena, sizeof(*device->own));
	ret = to_type(host, device->own, type, why);
	device->own->device = device->uuid;
	device->type = device->own->name;
	return ret;
}

/* A member that is an array: how many there are in it, 0 if it is absent. */
static int get_array(const struct json *root, const char *key, size_t *nr,
		     struct mdev_migrate_msg *why)
{
	const struct json *value = json_get(root, key);

	*nr = 0;
	if (!value || value->kind == JSON_NULL)
		return 0;
	if (value->kind != JSON_ARRAY)
		return fail(why, "\"%s\" is not an array", key);
	*nr = value->nr;
	return 0;
}

static int to_other(struct host *host, void *element, const struct json *value,
		    struct mdev_migrate_msg *why)
{
	const struct json *vgpu, *vgpus = json_get(value, "creatable_vgpu_types");
	struct other *other = element;
	int ret = json_texts(&host->arena, value, other_members, other, why);
	size_t nr = 0;

	if (!ret && !other->name)
		return fail(why, "it has no \"name\"");
	if (!ret)
		ret = get_array(value, "creatable_vgpu_types", &nr, why);
	if (ret || !json_is(vgpus, JSON_ARRAY))
		return ret;
	other->vgpus = arena_array(&host->arena, nr, sizeof(*other->vgpus));
	for (vgpu = json_first(vgpus); vgpu && !ret; vgpu = vgpu->next) {
		ret = json_texts(&host->arena, vgpu, vgpu_members,
				 &other->vgpus[other->nr_vgpus], why);
		if (!ret && !other->vgpus[other->nr_vgpus++].id)
			return fail(why, "a vGPU type has no \"id\"");
	}
	return ret;
}

/* The sentence begins with where in the snapshot that is. */
static int at_element(struct mdev_migrate_msg *why, const char *key, size_t i)
{
	struct mdev_migrate_msg inner = *why;

	return fail(why, "%s[%zu]: %.200s", key, i, inner.text);
}

typedef int (*read_element)(struct host *host, void *element,
			    const struct json *value, struct mdev_migrate_msg *why);

/*
 * A member that is an array, read behind the *@nr that are in *@array of elements
 * of @size. *@nr counts those that are there, read or zero.
 */
static int read_array(struct host *host, const struct json *root, const char *key,
		      void *array, size_t *nr, size_t size, read_element read,
		      struct mdev_migrate_msg *why)
{
	const struct json *value = json_get(root, key);
	size_t i, count, before = *nr;
	struct json *element;
	char *elements;
	int ret;

	ret = get_array(root, key, &count, why);
	if (ret || !count)
		return ret;
	memcpy(&elements, array, sizeof(elements));
	elements = realloc(elements, (before + count) * size);
	if (!elements)
		out_of_memory();
	memset(elements + before * size, 0, count * size);
	memcpy(array, &elements, sizeof(elements));
	*nr = before + count;
	elements += before * size;
	i = 0;
	for (element = json_first(value); element; element = element->next) {
		ret = read(host, elements + i * size, element, why);
		if (ret)
			return at_element(why, key, i);
		i++;
	}
	return 0;
}

static int to_modules(struct host *host, const struct json *value,
		      struct mdev_migrate_msg *why)
{
	struct json *member;

	if (value && value->kind != JSON_OBJECT)
		return fail(why, "\"modules\" is not an object");
	for (member = json_first(value); member; member = member->next) {
		struct module module = {
			.name = json_plain_text(&host->arena, member->key),
		};
		int ret = json_texts(&host->arena, member, module_members,
				     &module, why);

		if (ret)
			return ret;
		host->modules = grow_array(host->modules, host->nr_modules,
					   sizeof(module));
		host->modules[host->nr_modules++] = module;
	}
	return 0;
}

static int read_host(struct host *host, const struct json *root,
		     struct mdev_migrate_msg *why)
{
	const struct json *names = json_get(root, "host");
	const char *taken = NULL;
	int ret;

	ret = json_check_schema(root, why);
	if (ret)
		return ret;
	if (names && (json_texts(&host->arena, names, host_members, host, why) ||
		      get_text(&host->arena, names, "taken", &taken, why)))
		return fail(why, "\"host\" does not describe one");
	host->taken = taken ? time_from_text(taken) : UNKNOWN;
	if (taken && host->taken == UNKNOWN)
		return fail(why, "\"taken\" is \"%.30s\", not a time like 2026-01-31T23:59:59Z",
			    taken);
	ret = to_modules(host, json_get(root, "modules"), why);
	if (!ret)
		ret = read_array(host, root, "types", &host->types,
				 &host->nr_types, sizeof(*host->types), to_type,
				 why);
	if (!ret)
		ret = read_array(host, root, "devices", &host->devices,
				 &host->nr_devices, sizeof(*host->devices),
				 to_device, why);
	if (!ret)
		ret = read_array(host, root, "described_devices", &host->devices,
				 &host->nr_devices, sizeof(*host->devices),
				 to_described, why);
	if (!ret)
		ret = read_array(host, root, "other_devices", &host->others,
				 &host->nr_others, sizeof(*host->others),
				 to_other, why);
	if (!host->name)
		host->name = "unnamed";
	return ret;
}

/*
 * A snapshot. On error nothing is left to be freed. @memo may be NULL; else what
 * it has must not go before the host does.
 */
int json_to_host(struct host *host, const struct json *root, struct memo *memo,
		 struct mdev_migrate_msg *why)
{
	int ret;

	memset(host, 0, sizeof(*host));
	host->memo = memo;
	host->taken = UNKNOWN;
	ret = json_is_program(root) ? json_program_to_host(host, root, why) :
				      read_host(host, root, why);
	if (ret)
		host_free(host);
	return ret;
}
