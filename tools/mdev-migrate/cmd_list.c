// SPDX-License-Identifier: GPL-2.0-only
/* list, show: what this host offers and has. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

static struct json *list_json(struct host *host)
{
	struct json *answer = json_answer("list");
	struct json *snapshot = json_from_host(host);
	struct json *mdev = json_first(json_get(snapshot, "devices"));
	struct json *described =
		json_first(json_get(snapshot, "described_devices"));
	size_t i;

	for (i = 0; i < host->nr_devices; i++) {
		struct json **device = host->devices[i].bus ? &described : &mdev;
		struct arena arena = { 0 };

		json_put_text(*device, "differs",
			      device_differs(&arena, host, &host->devices[i]));
		*device = (*device)->next;
		arena_free(&arena);
	}
	json_take_members(answer, snapshot);
	return answer;
}

/* Does a file of the kernel's say one of these words? */
static bool file_says(const char *root, const char *name, const char *one,
		      const char *other)
{
	char path[PATH_MAX], text[128] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return strstr(text, one) || strstr(text, other);
}

static bool signed_modules_only(const char *root)
{
	return file_says(root, "module/module/parameters/sig_enforce", "Y", "1") ||
	       file_says(root, "kernel/security/lockdown", "[integrity]",
			 "[confidentiality]");
}

/* @root: this host's sysfs, NULL if it is a snapshot */
static void no_types(const char *root)
{
	puts(root ? NO_TYPES :
	     "There were no mediated device types on this host when it was exported: was a driver for them loaded?");
	if (!root)
		return;
	if (signed_modules_only(root))
		printf("%s\n",
		       "This kernel loads only signed modules. If it says 'Key was rejected by service': mokutil --import /var/lib/dkms/mok.pub enrols DKMS's key at the next boot.");
}

static void list_types(struct host *host)
{
	struct table table = { .columns = 5 };
	char available[24];
	size_t i;

	table_row(&table, "TYPE", "PARENT", "VERSION", "FREE", "MODEL");
	for (i = 0; i < host->nr_types; i++) {
		struct type *type = &host->types[i];

		snprintf(available, sizeof(available), "%lld", type->available);
		table_row(&table, type->name, type->parent, type->version,
			  type->available == UNKNOWN ? "?" : available,
			  type->model ? type->model :
			  "(its driver says nothing about migration)");
	}
	if (host->nr_types)
		table_print(&table, stdout);
	else if (!host->nr_devices && !host->nr_others)
		no_types(host->root);
	table_free(&table);
}

static void list_devices(struct host *host)
{
	struct table table = { .columns = 4 };
	struct arena arena = { 0 };
	size_t i;

	table_row(&table, "DEVICE", "TYPE", "STATE", "DIFFERS FROM ITS TYPE");
	for (i = 0; i < host->nr_devices; i++) {
		struct device *device = &host->devices[i];

		table_row(&table, device->uuid, device->type, device->state,
			  device_differs(&arena, host, device));
	}
	if (host->nr_devices) {
		if (host->nr_types)
			putchar('\n');
		table_print(&table, stdout);
	}
	table_free(&table);
	arena_free(&arena);
}

/* A mdev's type, or NVIDIA's. */
static const char *kind_of(const struct other *other)
{
	if (!other->vgpu_type || !strcmp(other->vgpu_type, "0"))
		return other->type;
	return other->vgpu_name ? other->vgpu_name : other->vgpu_type;
}

static void list_others(struct host *host)
{
	struct table table = { .columns = 5 };
	size_t i;

	table_row(&table, "OTHER VFIO DEVICE", "DRIVER", "TYPE", "STATE",
		  "MIGRATION");
	for (i = 0; i < host->nr_others; i++) {
		struct other *other = &host->others[i];

		table_row(&table, other_label(&host->arena, other),
			  other->driver, kind_of(other), other->state,
			  other->features ? other->features : "?");
	}
	if (host->nr_others) {
		if (host->nr_types || host->nr_devices)
			putchar('\n');
		table_print(&table, stdout);
	}
	table_free(&table);
}

/* This host, a snapshot's, or one of its hosts. */
int cmd_list(const struct options *options)
{
	const char *spec = options->nr ? options->args[0] : ".";
	struct endpoint ep;
	int ret;

	ret = endpoint_open(&ep, spec, options);
	if (ret)
		return ret;
	if (ep.config || ep.device || ep.type || ep.other) {
		ret = complain(DONE_ERROR,
			       "list takes a host, as FILE, FILE:HOST/ or \".\", not %s: see mdev-migrate show",
			       spec);
	} else if (options->json) {
		ret = json_print(list_json(&ep.host), stdout, "standard output",
				 false);
	} else {
		list_types(&ep.host);
		list_devices(&ep.host);
		list_others(&ep.host);
		ret = finish_output(stdout, "standard output");
	}
	if (!ret && ep.left_out)
		ret = DONE_LEFT_OUT;
	endpoint_close(&ep);
	return ret;
}

static void field(const char *name, const char *value)
{
	if (value && *value)
		printf("%-12s %s\n", name, value);
}

static void show_params(const struct type *type, const struct config *config)
{
	struct table table = { .columns = config ? 6 : 5 };
	struct arena arena = { 0 };
	size_t i;

	if (!type || !type->params || !type->params->nr)
		return;
	if (config)
		table_row(&table, "PARAMETER", "VALUE", "DEFAULT", "OFF",
			  "ALLOWED", "DESCRIPTION");
	else
		table_row(&table, "PARAMETER", "DEFAULT", "OFF", "ALLOWED",
			  "DESCRIPTION");
	for (i = 0; i < type->params->nr; i++) {
		const struct param *param = &type->params->params[i];
		const char *def = param_value(&arena, param, param->def);
		const char *off = param_value(&arena, param, param->codec.off);
		const char *allowed = param_allowed(&arena, param);
		const char *value;

		if (!config) {
			table_row(&table, param->codec.name, def, off, allowed,
				  param->codec.description);
			continue;
		}
		value = config_value(config, param->codec.name);
		table_row(&table, param->codec.name, value ? value : off, def,
			  off, allowed, param->codec.description);
	}
	putchar('\n');
	table_print(&table, stdout);
	table_free(&table);
	arena_free(&arena);
}

static void show_type(const struct type *type)
{
	char available[24];

	snprintf(available, sizeof(available), "%lld", type->available);
	field("type", type->name);
	field("name", type->pretty_name);
	field("description", type->description);
	field("parent", type->parent);
	field("device API", type->api);
	field("free", type->available == UNKNOWN ? "?" : available);
	field("model", type->model ? type->model :
	      "unknown: its driver says nothing about migration");
	field("version", type->version);
	field("stream", type->stream);
	field("config", type->config);
	field("unreadable", type->unreadable);
	show_params(type, NULL);
}

/* Those of this name: each parent's. */
static void show_types(const struct host *host, const char *name)
{
	bool first = true;
	size_t i;

	for (i = 0; i < host->nr_types; i++) {
		if (strcmp(host->types[i].name, name))
			continue;
		if (!first)
			putchar('\n');
		first = false;
		show_type(&host->types[i]);
	}
}

static void show_device(struct host *host, const struct device *device,
			const struct type *type)
{
	struct arena arena = { 0 };
	struct mdev_migrate_msg why;
	struct config config;
	char bytes[24];

	snprintf(bytes, sizeof(bytes), "%lld", device->stop_copy_bytes);
	field("device", device->uuid);
	field("driver", device->driver);
	field("type", device->bus ? NULL : device->type);
	field("parent", device->parent);
	field("model", device->model);
	field("version", device->version);
	field("stream", device->own ? device->own->stream : NULL);
	field("differs", device_differs(&arena, host, device));
	field("config", device->config);
	field("state", device->state);
	field("state bytes",
	      device->stop_copy_bytes == UNKNOWN ? NULL : bytes);
	field("last error", device->last_error);
	if (device->config && !config_read(&arena, &config, device->config, &why))
		show_params(type, &config);
	arena_free(&arena);
}

static void show_other(const struct other *other)
{
	const struct {
		const char *name;
		const char *value;
	} fields[] = {
		{ "device", other->name }, { "bus", other->bus },
		{ "driver", other->driver }, { "mdev type", other->type },
		{ "device API", other->api }, { "vendor", other->vendor },
		{ "device id", other->device }, { "revision", other->revision },
		{ "subsystem", other->subvendor }, { "", other->subdevice },
		{ "function of", other->physfn },
		{ "services", other->qat_services },
		{ "video memory", other->vram_quota },
		{ "vGPU type", other->vgpu_type }, { "vGPU", other->vgpu_name },
		{ "state", other->state }, { "migration", other->features },
	};
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		field(fields[i].name, fields[i].value);
	for (i = 0; i < other->nr_vgpus; i++)
		printf("%-12s %s %s\n", i ? "" : "can be", other->vgpus[i].id,
		       other->vgpus[i].name ? other->vgpus[i].name : "");
	field("described", "no: its driver does not say what it is");
}

static struct json *show_json(const struct endpoint *ep)
{
	struct json *answer = json_answer("show"), *types;
	size_t i;

	if (ep->device)
		json_put(answer, ep->device->bus ? "described_device" : "device",
			 json_from_device(ep->device));
	/* What can be of a device that is no mdev is in it. */
	if (ep->type && !ep->type->device)
		json_put(answer, "type", json_from_type(ep->type));
	if (ep->any_parent && host_type_is_many(&ep->host, ep->type->name)) {
		types = json_new_array();
		json_put(answer, "types", types);
		for (i = 0; i < ep->host.nr_types; i++) {
			if (!strcmp(ep->host.types[i].name, ep->type->name))
				json_add(types, json_from_type(&ep->host.types[i]));
		}
	}
	if (ep->other)
		json_put(answer, "other_device", json_from_other(ep->other));
	return answer;
}

static void show_text(struct endpoint *ep)
{
	if (ep->device)
		show_device(&ep->host, ep->device, ep->type);
	else if (ep->any_parent)
		show_types(&ep->host, ep->type->name);
	else if (ep->type)
		show_type(ep->type);
	else
		show_other(ep->other);
}

int cmd_show(const struct options *options)
{
	struct endpoint ep;
	int ret;

	ret = endpoint_open(&ep, options->args[0], options);
	if (ret)
		return ret;
	if (ep.config)
		ret = complain(DONE_ERROR,
			       "%s: show is for devices and types, not for configurations; see mdev-migrate decode for a saved state",
			       options->args[0]);
	else
		ret = endpoint_choose(&ep, "");
	if (!ret && options->json) {
		ret = json_print(show_json(&ep), stdout, "standard output",
				 false);
	} else if (!ret) {
		show_text(&ep);
		ret = finish_output(stdout, "standard output");
	}
	endpoint_close(&ep);
	return ret;
}
