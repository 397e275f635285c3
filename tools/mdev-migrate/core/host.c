// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "host.h"

void host_free(struct host *host)
{
	free(host->modules);
	free(host->types);
	free(host->devices);
	free(host->others);
	arena_free(&host->arena);
	memset(host, 0, sizeof(*host));
}

/* @parent may be NULL for any. */
struct type *host_type(struct host *host, const char *name, const char *parent)
{
	size_t i;

	for (i = 0; i < host->nr_types; i++) {
		struct type *type = &host->types[i];

		if (!strcmp(type->name, name) &&
		    (!parent || (type->parent && !strcmp(type->parent, parent))))
			return type;
	}
	return NULL;
}

/* Is there a type of this name below more than one parent? */
bool host_type_is_many(const struct host *host, const char *name)
{
	size_t i, nr = 0;

	for (i = 0; i < host->nr_types; i++)
		nr += !strcmp(host->types[i].name, name);
	return nr > 1;
}

/* Are these descriptions of one host? By its machine, if both know that. */
bool host_same(const struct host *a, const struct host *b)
{
	if (!a || !b)
		return false;
	if (a->machine_id && b->machine_id && strcmp(a->machine_id, b->machine_id))
		return false;
	return a->name && b->name && !strcmp(a->name, b->name);
}

/* PARENT/TYPE, or what a device that is no mdev is called. */
const char *type_label(struct arena *arena, const struct type *type)
{
	if (type->device)
		return type->device;
	return type->parent ?
	       arena_printf(arena, "%s/%s", type->parent, type->name) :
	       type->name;
}

/* NULL if it is not known. */
struct type *host_device_type(struct host *host, const struct device *device)
{
	if (device->bus)
		return device->own;
	return device->type ? host_type(host, device->type, device->parent) :
			      NULL;
}

/* All that devices of the host can be: its types, then what devices are by themselves. */
size_t host_nr_kinds(const struct host *host)
{
	return host->nr_types + host->nr_devices;
}

/* NULL if it is a device's that has a type. */
const struct type *host_kind(const struct host *host, size_t i)
{
	return i < host->nr_types ? &host->types[i] :
				    host->devices[i - host->nr_types].own;
}

struct device *host_device(struct host *host, const char *uuid)
{
	size_t i;

	for (i = 0; i < host->nr_devices; i++) {
		if (!strcasecmp(host->devices[i].uuid, uuid))
			return &host->devices[i];
	}
	return NULL;
}

/* By NAME or BUS/NAME. */
struct other *host_other(struct host *host, const char *name)
{
	size_t i;

	for (i = 0; i < host->nr_others; i++) {
		struct other *other = &host->others[i];
		size_t len = other->bus ? strlen(other->bus) : 0;

		if (!strcasecmp(other->name, name) ||
		    (!strncmp(name, other->bus ? other->bus : "", len) &&
		     name[len] == '/' && !strcasecmp(other->name, name + len + 1)))
			return other;
	}
	return NULL;
}

bool other_is_mdev(const struct other *other)
{
	return other->bus && !strcmp(other->bus, "mdev");
}

/* The UUID of a mdev, BUS/NAME of another. */
const char *other_label(struct arena *arena, const struct other *other)
{
	return !other->bus || other_is_mdev(other) ? other->name :
	       arena_printf(arena, "%s/%s", other->bus, other->name);
}
