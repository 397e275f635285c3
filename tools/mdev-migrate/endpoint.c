// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device or type of this host, a snapshot with or without one of its devices,
 * types and hosts, a saved state, a configuration:
 *
 *	UUID  TYPE  PARENT/TYPE  BUS/NAME  .  FILE  FILE:WHAT  FILE:HOST/WHAT  -
 *	model=...
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "decode.h"
#include "endpoint.h"
#include "json.h"

/* A document as a host. */
int host_from_doc(struct host *host, const struct doc *doc)
{
	struct mdev_migrate_msg why;
	json_error_t error;
	json_t *root;
	int ret;

	root = json_loadb(doc->text, doc->len, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return complain(DONE_ERROR, "%s: line %lu: this is no JSON: %s", doc->file,
				doc->line + (error.line > 0 ? error.line - 1 : 0),
				error.text);
	ret = json_to_host(host, root, &why);
	json_decref(root);
	if (ret)
		return complain(DONE_ERROR, "%s: line %lu: %s", doc->file, doc->line,
				why.text);
	host->where = arena_strdup(&host->arena, doc->file);
	return 0;
}

/*
 * Which of a file's hosts? The first if none is asked for, or if what was taken
 * for a host's name is a bus's: then it has to be the only one.
 */
struct choice {
	struct endpoint *ep;
	const char *host;
	size_t host_len;
	unsigned long nr;
	struct host first;
	bool found;
};

static int choose_host(void *context, const struct doc *doc)
{
	struct choice *choice = context;
	struct host host;
	int ret;

	ret = host_from_doc(&host, doc);
	if (ret)
		return ret;
	choice->nr++;
	if (!choice->found && choice->host &&
	    strlen(host.name) == choice->host_len &&
	    !memcmp(host.name, choice->host, choice->host_len)) {
		choice->ep->host = host;
		choice->found = true;
	} else if (choice->nr == 1) {
		choice->first = host;
	} else {
		host_free(&host);
	}
	return 0;
}

/* @host may be NULL; *@is_bus if it was not a host's name, but there is one only. */
static int read_file(struct endpoint *ep, const char *file, const char *host,
		     size_t host_len, bool *is_bus)
{
	struct choice choice = {
		.ep = ep, .host = host, .host_len = host_len,
	};
	int ret;

	ret = docs_each(file, choose_host, &choice);
	if (!choice.found && !ret && (!host || choice.nr == 1)) {
		ep->host = choice.first;
		*is_bus = host;
	} else {
		host_free(&choice.first);
	}
	if (ret)
		return ret;
	if (host && !choice.found && choice.nr != 1)
		return complain(DONE_ERROR, "%s: there is no host \"%.*s\" in it", file,
				(int)host_len, host);
	if (!host && choice.nr > 1)
		return complain(DONE_ERROR,
				"%s has %lu hosts: say which one as %s:HOST/ or %s:HOST/DEVICE",
				file, choice.nr, file, file);
	return 0;
}

/* A device, type or other device of the host that is called this. */
static bool choose(struct endpoint *ep, const char *what)
{
	const char *slash = strrchr(what, '/');
	struct host *host = &ep->host;
	char parent[256] = "";

	ep->device = host_device(host, what);
	if (ep->device) {
		ep->type = host_device_type(host, ep->device);
		return true;
	}
	if (slash && slash - what < (int)sizeof(parent)) {
		memcpy(parent, what, slash - what);
		what = slash + 1;
	}
	ep->type = host_type(host, what, *parent ? parent : NULL);
	ep->other = ep->type ? NULL : host_other(host, what);
	return ep->type || ep->other;
}

/* What there is to choose from, a little of it. */
static char *choices(struct arena *arena, const struct host *host)
{
	const char *names[12];
	size_t nr = 0, i;

	for (i = 0; i < host->nr_devices && nr < 6; i++)
		names[nr++] = host->devices[i].uuid;
	for (i = 0; i < host->nr_types && nr < 11; i++)
		names[nr++] = host->types[i].name;
	if (nr < host->nr_devices + host->nr_types)
		names[nr++] = "others";
	return nr ? words_join(arena, names, nr) :
		    arena_strdup(arena, "no device and no type");
}

static int no_choice(struct endpoint *ep, const char *what)
{
	return complain(DONE_ERROR, "there is no device or type \"%s\" on %s (%s): it has %s",
			what, ep->host.name, ep->host.where,
			choices(&ep->host.arena, &ep->host));
}

/*
 * FILE:WHAT or FILE:HOST/WHAT; the file's name may have colons, and WHAT may be
 * BUS/NAME.
 */
static int open_part(struct endpoint *ep, const char *spec, const char *colon)
{
	struct arena names = { 0 };
	const char *what = colon + 1;
	const char *slash = strchr(what, '/');
	char *file = arena_strndup(&names, spec, colon - spec);
	size_t host_len = slash ? slash - what : 0;
	bool is_bus = false;
	int ret;

	ret = read_file(ep, file, slash ? what : NULL, host_len, &is_bus);
	if (!ret && is_bus && !host_device(&ep->host, what))
		ret = complain(DONE_ERROR,
			       "%s: there is no host \"%.*s\" in it, nor a device \"%s\"",
			       file, (int)host_len, what, what);
	if (slash && !is_bus)
		what = slash + 1;
	if (!ret && *what && !choose(ep, what))
		ret = no_choice(ep, what);
	arena_free(&names);
	return ret;
}

/* The last colon before which there is a file. */
static const char *file_colon(const char *spec)
{
	const char *colon = spec + strlen(spec);
	struct arena names = { 0 };
	bool found = false;

	while (!found && colon > spec) {
		if (*--colon != ':' || colon == spec)
			continue;
		found = (colon == spec + 1 && *spec == '-') ||
			!access(arena_strndup(&names, spec, colon - spec), F_OK);
	}
	arena_free(&names);
	return found ? colon : NULL;
}

static int open_live(struct endpoint *ep, const char *spec, const char *root)
{
	int ret = host_from_sysfs(&ep->host, root);

	if (ret)
		return ret;
	if (!strcmp(spec, ".") || choose(ep, spec))
		return 0;
	return complain(DONE_ERROR,
			"\"%s\" is no file, and no device or type of this host: it has %s",
			spec, choices(&ep->host.arena, &ep->host));
}

int endpoint_open(struct endpoint *ep, const char *spec, const char *root)
{
	const char *colon;
	bool is_bus;
	int ret;

	memset(ep, 0, sizeof(*ep));
	ep->spec = spec;
	if (!strncmp(spec, "model=", 6)) {
		ep->config = arena_strdup(&ep->host.arena, spec);
		return 0;
	}
	if (strcmp(spec, "-") && strcmp(spec, ".") && !access(spec, F_OK)) {
		ep->config = decode_config_of(&ep->host.arena, spec);
		if (ep->config)
			return 0;
	}
	colon = file_colon(spec);
	if (!strcmp(spec, "."))
		ret = open_live(ep, spec, root);
	else if (!strcmp(spec, "-") || !access(spec, F_OK))
		ret = read_file(ep, spec, NULL, 0, &is_bus);
	else if (colon)
		ret = open_part(ep, spec, colon);
	else
		ret = open_live(ep, spec, root);
	if (ret)
		endpoint_close(ep);
	return ret;
}

void endpoint_close(struct endpoint *ep)
{
	host_free(&ep->host);
}

static int read_config(struct source *source, struct arena *arena,
		       const char *text)
{
	struct mdev_migrate_msg why;

	if (config_read(arena, &source->config, text, &why)) {
		source->not_known = arena_printf(arena,
						 "%s: its configuration cannot be read: %s",
						 source->name, why.text);
		return -EINVAL;
	}
	source->config_known = true;
	return 0;
}

void source_from_type(struct source *source, struct host *host,
		      struct type *type)
{
	struct arena *arena = &host->arena;

	*source = (struct source) {
		.name = type->name, .host = host, .type = type,
	};
	if (type->config) {
		read_config(source, arena, type->config);
	} else if (type->model && type->params) {
		read_config(source, arena,
			    params_config(arena, type->model, type->params));
	} else if (type->model && type->is_program) {
		source->config_known = true;
		source->config.model = type->model;
		source->config.text = arena_printf(arena, "model=%s",
						   type->model);
	} else {
		source->not_known = arena_printf(arena,
						 "%s: its driver says nothing about migration",
						 type->name);
	}
}

void source_from_device(struct source *source, struct host *host,
			struct device *device)
{
	struct arena *arena = &host->arena;

	*source = (struct source) {
		.name = device->uuid, .host = host, .device = device,
		.type = host_device_type(host, device),
	};
	if (device->config)
		read_config(source, arena, device->config);
	else
		source->not_known = arena_printf(arena,
						 "%s: its configuration is not known",
						 device->uuid);
}

static int choose_only(struct endpoint *ep)
{
	struct host *host = &ep->host;

	if (host->nr_devices == 1) {
		return choose(ep, host->devices[0].uuid) ? 0 : DONE_ERROR;
	} else if (!host->nr_devices && host->nr_types == 1) {
		ep->type = &host->types[0];
		return 0;
	}
	return complain(DONE_ERROR,
			"%s: say which device or type is the source, as %s%sDEVICE: it has %s",
			ep->spec, strcmp(ep->spec, ".") ? ep->spec : "",
			strcmp(ep->spec, ".") ? ":" : "",
			choices(&host->arena, host));
}

/* The endpoint as the device that is to move. */
int endpoint_source(struct endpoint *ep, struct source *source)
{
	struct host *host = &ep->host;
	int ret;

	memset(source, 0, sizeof(*source));
	if (ep->config) {
		source->name = ep->spec;
		return read_config(source, &host->arena, ep->config) ?
			complain(DONE_ERROR, "%s", source->not_known) : 0;
	}
	if (!ep->device && !ep->type && !ep->other) {
		ret = choose_only(ep);
		if (ret)
			return ret;
	}
	if (ep->device) {
		source_from_device(source, host, ep->device);
	} else if (ep->type) {
		source_from_type(source, host, ep->type);
	} else {
		source->name = ep->other->name;
		source->host = host;
		source->not_known = arena_printf(&host->arena,
						 "%s: its driver %s says nothing about migration",
						 ep->other->name,
						 ep->other->driver ? ep->other->driver : "");
	}
	return 0;
}

/* The endpoint as where the device is to go. */
int endpoint_judge(struct arena *arena, struct verdict *verdict,
		   const struct source *source, struct endpoint *ep)
{
	struct target target = {
		.host = &ep->host, .type = ep->type, .device = ep->device,
	};

	if (ep->config)
		return complain(DONE_ERROR,
				"%s: a configuration cannot be a destination: give a host's snapshot, a type or a device",
				ep->spec);
	if (ep->device || ep->type) {
		judge(arena, verdict, source, &target);
		return 0;
	}
	if (!ep->other) {
		judge_host(arena, verdict, source, &ep->host);
		return 0;
	}
	memset(verdict, 0, sizeof(*verdict));
	verdict->target = target;
	findings_add(arena, &verdict->findings, &(struct finding) {
		.result = NOT_KNOWN,
		.code = "destination-says-nothing",
		.message = arena_printf(arena,
					"%s: its driver %s says nothing about migration",
					ep->other->name,
					ep->other->driver ? ep->other->driver : ""),
	});
	verdict->result = NOT_KNOWN;
	return 0;
}
