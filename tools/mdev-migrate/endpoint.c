// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device or type of this host, a snapshot with or without one of its devices,
 * types and hosts, a saved state, a configuration:
 *
 *	UUID  TYPE  PARENT/TYPE  BUS/NAME  .  FILE  FILE:WHAT  FILE:HOST/WHAT  -
 *	ssh:HOST  ssh:HOST:WHAT
 *	model=...
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "endpoint.h"
#include "remote.h"

/* Clocks of two hosts differ by less. */
#define CLOCK_SKEW	300

int check_max_age(const struct options *options)
{
	if (!options->max_age || duration_from_text(options->max_age) != UNKNOWN)
		return 0;
	return complain(DONE_ERROR, "--max-age: \"%s\" is not a time such as 90s, 30m, 12h or 7d",
			options->max_age);
}

/* A complaint and DONE_ERROR if it is a snapshot of before --max-age. */
int host_too_old(const struct host *host, const struct options *options)
{
	struct arena arena = { 0 };
	long long age;

	if (!options->max_age || host->root)
		return 0;
	if (host->taken == UNKNOWN)
		return complain(DONE_ERROR,
				"%s: the snapshot of %s does not say when it was made: it may be older than --max-age %s",
				host->where, host->name, options->max_age);
	age = time(NULL) - host->taken;
	if (age <= duration_from_text(options->max_age) && age >= -CLOCK_SKEW)
		return 0;
	if (age < 0)
		complain(DONE_ERROR,
			 "%s: the snapshot of %s is from the future, by %s: are the clocks right?",
			 host->where, host->name, duration_text(&arena, -age));
	else
		complain(DONE_ERROR,
			 "%s: the snapshot of %s is %s old, more than --max-age %s: export it again",
			 host->where, host->name, duration_text(&arena, age),
			 options->max_age);
	arena_free(&arena);
	return DONE_ERROR;
}

/* A document as a host. */
int host_from_doc(struct host *host, const struct doc *doc, struct memo *memo)
{
	struct mdev_migrate_msg why;

	if (json_to_host(host, doc->root, memo, &why))
		return complain(DONE_ERROR, "%s: line %lu: %s", doc->file, doc->line,
				why.text);
	host->where = arena_strdup(&host->arena, doc->file);
	return 0;
}

#define NAMES_MAX	5

/*
 * Which of a file's hosts? The first if none is asked for, or if what was taken
 * for a host's name is a bus's or a parent's: then it has to be the only one.
 * @line and @again are where the one is that was asked for, and another of its name.
 */
struct choice {
	struct endpoint *ep;
	const char *host;
	size_t host_len;
	unsigned long nr;
	struct host first;
	unsigned long line;
	unsigned long again;
	struct arena arena;
	const char *names[NAMES_MAX + 1];
};

static int choose_host(void *context, struct doc *doc)
{
	struct choice *choice = context;
	struct host host;
	int ret;

	ret = host_from_doc(&host, doc, NULL);
	if (ret)
		return ret;
	if (choice->nr < NAMES_MAX)
		choice->names[choice->nr] = arena_strdup(&choice->arena, host.name);
	choice->nr++;
	if (choice->host && strlen(host.name) == choice->host_len &&
	    !memcmp(host.name, choice->host, choice->host_len)) {
		if (choice->line) {
			choice->again = doc->line;
			host_free(&host);
			return 0;
		}
		choice->ep->host = host;
		choice->line = doc->line;
	} else if (choice->nr == 1) {
		choice->first = host;
	} else {
		host_free(&host);
	}
	return 0;
}

/* The hosts' names, or the first of them. */
static char *host_names(struct choice *choice)
{
	size_t nr = choice->nr < NAMES_MAX ? choice->nr : NAMES_MAX;

	if (choice->nr > nr)
		choice->names[nr++] = "others";
	return words_join(&choice->arena, choice->names, nr);
}

/* It is one of @choice's hosts, but not clear which. */
static int no_host(struct choice *choice, const char *file)
{
	if (choice->host)
		return complain(DONE_ERROR,
				"%s: there is no host \"%.*s\" in it: it has %s",
				file, (int)choice->host_len, choice->host,
				host_names(choice));
	return complain(DONE_ERROR,
			"%s has %lu hosts, %s: say which one as %s:HOST/ or %s:HOST/DEVICE",
			file, choice->nr, host_names(choice), file, file);
}

/* @host may be NULL; *@no_name if it is not a host's name, but there is only one. */
static int read_file(struct endpoint *ep, const struct options *options,
		     const char *file, const char *host, size_t host_len, bool *no_name)
{
	struct choice choice = {
		.ep = ep, .host = host, .host_len = host_len,
	};
	struct docs_read done = { 0 };
	int ret;

	ret = remote_len(file) ?
	      remote_each(file, options, choose_host, &choice, &done) :
	      docs_each(file, choose_host, &choice, &done);
	ep->left_out = done.bad;
	if (!ret && !choice.nr)
		ret = DONE_ERROR;
	if (!ret && choice.again)
		ret = complain(DONE_ERROR,
			       "%s: \"%.*s\" is ambiguous: hosts of this name are at line %lu and at line %lu",
			       file, (int)host_len, host, choice.line, choice.again);
	if (!ret && !choice.line) {
		if (choice.nr > 1)
			ret = no_host(&choice, file);
		else
			ep->host = choice.first;
		*no_name = host;
	}
	if (ret || choice.line)
		host_free(&choice.first);
	arena_free(&choice.arena);
	return ret;
}

/* A device, type or other device of the host that is called this. */
static bool choose(struct endpoint *ep, const char *what)
{
	const char *whole = what;
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
	ep->any_parent = ep->type && !*parent;
	ep->other = ep->type ? NULL : host_other(host, *parent ? whole : what);
	return ep->type || ep->other;
}

/* What there is to choose from, a little of it. */
static char *choices(struct arena *arena, const struct host *host)
{
	const char *names[12];
	size_t nr = 0, i;

	for (i = 0; i < host->nr_devices && nr < 6; i++)
		names[nr++] = host->devices[i].uuid;
	for (i = 0; i < host->nr_types && nr < 11; i++) {
		const struct type *type = &host->types[i];

		names[nr++] = host_type_is_many(host, type->name) ?
			      type_label(arena, type) : type->name;
	}
	for (i = 0; i < host->nr_others && nr < 11; i++)
		names[nr++] = other_label(arena, &host->others[i]);
	if (nr < host->nr_devices + host->nr_types + host->nr_others)
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
 * BUS/NAME or PARENT/TYPE.
 */
static int open_part(struct endpoint *ep, const char *spec, const char *colon,
		     const struct options *options)
{
	struct arena names = { 0 };
	const char *what = colon + 1;
	const char *slash = strchr(what, '/');
	char *file = arena_strndup(&names, spec, colon - spec);
	size_t host_len = slash ? slash - what : 0;
	bool no_name = false;
	int ret;

	ret = read_file(ep, options, file, slash ? what : NULL, host_len, &no_name);
	if (slash && !no_name)
		what = slash + 1;
	if (!ret && *what && !choose(ep, what))
		ret = !no_name ? no_choice(ep, what) :
		      complain(DONE_ERROR,
			       "%s: there is no host \"%.*s\" in it, and no device or type \"%s\": it has %s",
			       file, (int)host_len, what, what,
			       choices(&ep->host.arena, &ep->host));
	arena_free(&names);
	return ret;
}

/* A host's name, and nothing of that host. */
static bool is_remote(const char *spec)
{
	size_t len = remote_len(spec);

	return len && !spec[len];
}

/* The last colon before which there is a file, or the one behind a host's name. */
static const char *part_colon(const char *spec)
{
	const char *colon = spec + strlen(spec);
	struct arena names = { 0 };
	bool found = false;

	if (remote_len(spec))
		return spec + remote_len(spec);
	while (!found && colon > spec) {
		if (*--colon != ':' || colon == spec)
			continue;
		found = (colon == spec + 1 && *spec == '-') ||
			is_file(arena_strndup(&names, spec, colon - spec));
	}
	arena_free(&names);
	return found ? colon : NULL;
}

static int open_live(struct endpoint *ep, const char *spec, const char *root)
{
	int ret = host_from_sysfs(&ep->host, root);

	if (ret)
		return ret;
	ep->left_out = ep->host.nr_left_out;
	if (!strcmp(spec, ".") || choose(ep, spec))
		return 0;
	return complain(DONE_ERROR,
			"\"%s\" is not a file, and not a device or type of this host, which has %s",
			spec, choices(&ep->host.arena, &ep->host));
}

/* A file that is called like something of this host is not meant by that name. */
int endpoint_open(struct endpoint *ep, const char *spec,
		  const struct options *options)
{
	const char *root = options->root, *colon = NULL;
	bool no_name;
	int ret;

	memset(ep, 0, sizeof(*ep));
	ep->spec = spec;
	ret = check_max_age(options);
	if (ret)
		return ret;
	if (!strncmp(spec, "model=", 6)) {
		ep->config = visible(&ep->host.arena, spec);
		return 0;
	}
	if (!strcmp(spec, ".") || sysfs_has(root, spec)) {
		ret = open_live(ep, spec, root);
	} else if (!strcmp(spec, "-") || is_file(spec) || is_remote(spec)) {
		if (is_file(spec) && !is_remote(spec))
			ep->config = visible(&ep->host.arena,
					     config_of_state(&ep->host.arena, spec));
		if (ep->config)
			return 0;
		ret = read_file(ep, options, spec, NULL, 0, &no_name);
	} else {
		colon = part_colon(spec);
		ret = colon ? open_part(ep, spec, colon, options) :
			      open_live(ep, spec, root);
	}
	if (!ret)
		ret = host_too_old(&ep->host, options);
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
						 "%s: its configuration is malformed: %s",
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
		source->not_known =
			"the source's driver says nothing about migration";
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
						 "%s: the source's configuration is not known",
						 device->uuid);
}

void source_from_other(struct source *source, struct host *host,
		       const struct other *other)
{
	*source = (struct source) {
		.name = other_label(&host->arena, other), .host = host,
		.other = other,
		.type = other->type ? host_type(host, other->type, NULL) : NULL,
		.not_known = "the source's driver says nothing about migration",
	};
}

/*
 * If no device or type was chosen, the only one there is. @as ends the question
 * which one, if there are more: " is the source".
 */
int endpoint_choose(struct endpoint *ep, const char *as)
{
	struct host *host = &ep->host;
	size_t len = strlen(ep->spec);

	if (ep->device || ep->type || ep->other)
		return 0;
	if (host->nr_devices == 1) {
		return choose(ep, host->devices[0].uuid) ? 0 : DONE_ERROR;
	} else if (!host->nr_devices && host->nr_types == 1) {
		ep->type = &host->types[0];
		return 0;
	} else if (!host->nr_devices && !host->nr_types && host->nr_others == 1) {
		ep->other = &host->others[0];
		return 0;
	}
	if (ep->spec[len - 1] == ':')
		len--;
	if (!host->nr_devices && !host->nr_types && !host->nr_others)
		return complain(DONE_ERROR, "%.*s has no device and no type",
				(int)len, ep->spec);
	if (!strcmp(ep->spec, "."))
		return complain(DONE_ERROR,
				"say which device or type%s, of %s; see mdev-migrate list",
				as, choices(&host->arena, host));
	return complain(DONE_ERROR,
			"say which device or type%s, as %.*s%s%s, of %s; see mdev-migrate list %.*s",
			as, (int)len, ep->spec,
			ep->spec[len - 1] == '/' ? "" : ":",
			host->nr_types && !host->nr_devices ? "TYPE" : "DEVICE",
			choices(&host->arena, host), (int)len, ep->spec);
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Below two parents a type's name may mean two things. */
static int check_alike(struct endpoint *ep)
{
	struct host *host = &ep->host;
	const struct type *one = ep->type;
	size_t i;

	for (i = 0; ep->any_parent && i < host->nr_types; i++) {
		const struct type *two = &host->types[i];

		if (strcmp(one->name, two->name) ||
		    (same(one->model, two->model) &&
		     same(one->config, two->config) &&
		     same(one->stream, two->stream)))
			continue;
		return complain(DONE_ERROR,
				"%s is ambiguous: on %s %s and %s are not the same; give one of these",
				ep->spec, host->name,
				type_label(&host->arena, one),
				type_label(&host->arena, two));
	}
	return 0;
}

/* The endpoint as the device that is to move. */
int endpoint_source(struct endpoint *ep, struct source *source)
{
	struct host *host = &ep->host;
	int ret;

	memset(source, 0, sizeof(*source));
	if (ep->config) {
		source->name = visible(&host->arena, ep->spec);
		return read_config(source, &host->arena, ep->config) ?
			complain(DONE_ERROR, "%s", source->not_known) : 0;
	}
	ret = endpoint_choose(ep, " is the source");
	if (!ret && !ep->device)
		ret = check_alike(ep);
	if (ret)
		return ret;
	if (ep->device)
		source_from_device(source, host, ep->device);
	else if (ep->type)
		source_from_type(source, host, ep->type);
	else
		source_from_other(source, host, ep->other);
	return 0;
}

/* The endpoint as where the device is to go. */
int endpoint_judge(struct arena *arena, struct verdict *verdict,
		   const struct source *source, struct endpoint *ep)
{
	struct target target = {
		.host = &ep->host, .type = ep->type, .device = ep->device,
		.other = ep->other,
	};

	if (ep->config)
		return complain(DONE_ERROR,
				"%s: a configuration cannot be a destination: give a host's snapshot, a type or a device",
				ep->spec);
	if (ep->any_parent)
		judge_any_parent(arena, verdict, source, &ep->host,
				 ep->type->name);
	else if (ep->device || ep->type || ep->other)
		judge(arena, verdict, source, &target);
	else
		judge_host(arena, verdict, source, &ep->host);
	return 0;
}
