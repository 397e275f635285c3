// SPDX-License-Identifier: GPL-2.0-only
/*
 * callout: what mdevctl asks its callouts. Which parameters has a running device? Does
 * the type take those of a definition? It writes to a running device only where mdevctl
 * says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

#define PARAMS		"migration/params/"
/* What mdevctl takes for "this is not for me". */
#define NOT_MINE	2

/**
 * struct callout - a question
 * @host: this one
 * @type: the device's
 * @uuid: its name
 * @config: the definition's, NULL if it has no parameters that make sense
 * @wanted: its parameters, as mdevctl has them: objects with an attribute and its value
 */
struct callout {
	struct host host;
	struct type *type;
	const char *uuid;
	const char *config;
	struct json *wanted;
};

/* mdevctl says whose words these are. */
static int say(int status, const char *fmt, ...) fmt_printf(2, 3);

static int say(int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

static int keep_wanted(void *context, struct doc *doc)
{
	struct callout *callout = context;
	const struct json *attrs = json_get(doc->root, "attrs");

	callout->wanted = json_copy(&callout->host.arena, attrs && attrs->kind ==
				    JSON_ARRAY ? attrs : json_new_array());
	return 0;
}

/* The name of a parameter that a definition's attribute is, NULL if it is another. */
static const char *param_of(const struct json *attr)
{
	const struct json *member = json_first(attr);

	return json_text(member) && !strncmp(member->key, PARAMS, strlen(PARAMS)) ?
	       member->key + strlen(PARAMS) : NULL;
}

/* What it wants of a parameter, the last word counts; else what the type has. */
static const char *wanted_of(struct callout *callout, const struct param *param)
{
	const char *value = param_value(&callout->host.arena, param, param->def);
	const struct json *attr;

	for (attr = json_first(callout->wanted); attr; attr = attr->next) {
		const char *name = param_of(attr);

		if (name && !strcmp(name, param->codec.name))
			value = json_first(attr)->text;
	}
	return value;
}

/* DONE_NO if it wants what the type does not have. */
static int read_wanted(struct callout *callout)
{
	const struct params *params = callout->type->params;
	struct arena *arena = &callout->host.arena;
	struct docs_read done = { 0 };
	const struct json *attr;
	size_t i;

	if (docs_each("-", keep_wanted, callout, &done) || done.bad ||
	    !callout->wanted)
		return DONE_NO;
	for (attr = json_first(callout->wanted); attr; attr = attr->next) {
		const char *name = param_of(attr);

		if (name && !params_find(params, name))
			return say(DONE_NO, "%s has no parameter '%s'",
				   callout->type->name, visible(arena, name));
		/* In a configuration it would be another parameter's. */
		if (name && strpbrk(json_first(attr)->text, ",\n"))
			return say(DONE_NO, "%s: \"%s\" is not a value", name,
				   visible(arena, json_first(attr)->text));
	}
	callout->config = arena_printf(arena, "model=%s", callout->type->model);
	for (i = 0; i < params->nr; i++) {
		const struct param *param = &params->params[i];
		const char *value = wanted_of(callout, param);

		if (strcmp(value, param_value(arena, param, param->codec.off)))
			callout->config = arena_printf(arena, "%s,%s=%s",
						       callout->config,
						       param->codec.name, value);
	}
	return 0;
}

static int refuse(const struct callout *callout, const struct finding *finding)
{
	if (!strcmp(finding->code, "value-not-allowed"))
		return say(DONE_NO, "%s: asked for %s, %s allows %s",
			   finding->parameter, finding->source,
			   callout->type->name,
			   *finding->allowed ? finding->allowed : "nothing");
	if (!strcmp(finding->code, "no-free-instance"))
		return say(DONE_NO, "%s is full: %s", callout->type->name,
			   finding->message);
	return say(DONE_NO, "%s", finding->message);
}

/* Is it what the type takes? Without @room it does not matter whether there is any. */
static int check(struct callout *callout, bool room)
{
	struct target target = { .host = &callout->host, .type = callout->type };
	struct arena *arena = &callout->host.arena;
	struct source source = { .config_known = true };
	struct mdev_migrate_msg why;
	struct verdict verdict;
	int ret;
	size_t i;

	ret = read_wanted(callout);
	if (ret)
		return ret;
	if (config_read(arena, &source.config, visible(arena, callout->config), &why))
		return say(DONE_NO, "%s", why.text);
	judge(arena, &verdict, &source, &target);
	for (i = 0; i < verdict.findings.nr; i++) {
		const struct finding *finding = &verdict.findings.array[i];

		if (finding->result == INCOMPATIBLE &&
		    (room || strcmp(finding->code, "no-free-instance")))
			return refuse(callout, finding);
	}
	/* The kernel refuses what it does not take when mdevctl writes it. */
	if (verdict.kernel == KERNEL_NOT_ASKED)
		say(DONE_YES, "the kernel could not be asked, only its description: %s",
		    verdict.kernel_why);
	return 0;
}

static int check_definition(struct callout *callout)
{
	return check(callout, false);
}

static int check_start(struct callout *callout)
{
	return check(callout, true);
}

static const char *device_file(struct callout *callout, const char *name)
{
	return arena_printf(&callout->host.arena, "%s/bus/mdev/devices/%s/%s",
			    callout->host.root, callout->uuid, name);
}

/* 0 or a negative errno */
static int write_param(struct callout *callout, const char *attr, const char *value)
{
	int fd = open(device_file(callout, attr), O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* Why it was refused, in the device's own words if it has some. */
static int not_written(struct callout *callout, const char *attr, int err)
{
	char text[512];
	int fd = open(device_file(callout, "migration/last_error"),
		      O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[len > 0 ? len : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (err == -EACCES || err == -EPERM || !*text)
		return say(DONE_NO, "%s: %s", attr, strerror(-err));
	return say(DONE_NO, "%s", visible(&callout->host.arena, text));
}

/* A running device takes parameters as long as nothing has it open. */
static int live_modify(struct callout *callout)
{
	const struct json *attr;
	int err, ret;

	ret = check(callout, false);
	for (attr = json_first(callout->wanted); attr && !ret; attr = attr->next) {
		const struct json *member = json_first(attr);

		if (!param_of(attr))
			continue;
		err = write_param(callout, member->key, member->text);
		if (err)
			ret = not_written(callout, member->key, err);
	}
	return ret;
}

/* The parameters in which the device differs from its type. */
static int print_attributes(struct callout *callout)
{
	struct device *device = host_device(&callout->host, callout->uuid);
	const struct params *params = callout->type->params;
	struct arena *arena = &callout->host.arena;
	struct json *answer = json_new_array();
	struct mdev_migrate_msg why;
	struct config config;
	size_t i;

	if (!device || !device->config)
		return say(DONE_NO, "there is no device %s below %s",
			   callout->uuid, callout->type->parent);
	if (config_read(arena, &config, device->config, &why))
		return say(DONE_NO, "%s: %s", device->uuid, why.text);
	for (i = 0; i < params->nr; i++) {
		const struct param *param = &params->params[i];
		const char *value = config_value(&config, param->codec.name);
		struct json *attr;

		if (!value)
			value = param_value(arena, param, param->codec.off);
		if (!strcmp(value, param_value(arena, param, param->def)))
			continue;
		attr = json_new_object();
		json_put_text(attr, arena_printf(arena, PARAMS "%s", param->codec.name),
			      value);
		json_add(answer, attr);
	}
	return json_print(answer, stdout, "standard output", true);
}

static struct json *words(const char * const *texts)
{
	struct json *array = json_new_array();

	for (; *texts; texts++)
		json_add(array, json_string(*texts));
	return array;
}

/* mdevctl 1.3 and later ask what there is here. */
static int print_capabilities(struct callout *callout)
{
	static const char * const on[] = {
		"pre", "post", "notify", "get", "live", NULL
	};
	static const char * const actions[] = {
		"start", "stop", "define", "undefine", "modify", "attributes",
		"capabilities", NULL
	};
	struct json *answer = json_new_object(), *supports = json_new_object();

	json_put_number(supports, "version", 2);
	json_put(supports, "events", words(on));
	json_put(supports, "actions", words(actions));
	json_put(answer, "supports", supports);
	return json_print(answer, stdout, "standard output", true);
}

static const struct event {
	const char *name;
	int (*answer)(struct callout *callout);
} events[] = {
	{ "get-attributes", print_attributes },
	{ "get-capabilities", print_capabilities },
	{ "live-modify", live_modify },
	{ "pre-define", check_definition },
	{ "pre-modify", check_definition },
	{ "pre-start", check_start },
};

static const struct event *find_event(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (!strcmp(events[i].name, name))
			return &events[i];
	}
	return NULL;
}

/* 0, or what to end with: it is another's, or below the parent there is no such type. */
static int find_type(struct callout *callout, const char *name)
{
	const char *slash = strrchr(name, '/');
	struct host *host = &callout->host;
	const char *names[8], *parent;
	size_t i, nr = 0;

	if (!slash)
		return NOT_MINE;
	parent = arena_strndup(&host->arena, name, slash - name);
	callout->type = host_type(host, slash + 1, parent);
	if (callout->type)
		return callout->type->model && callout->type->params ? 0 : NOT_MINE;
	for (i = 0; i < host->nr_types && nr < 8; i++) {
		if (host->types[i].model && !strcmp(host->types[i].parent, parent))
			names[nr++] = host->types[i].name;
	}
	return nr ? say(DONE_NO, "there is no type '%s' below %s: it has %s",
			slash + 1, parent, words_join(&host->arena, names, nr)) :
		    NOT_MINE;
}

static int answer(const struct options *options, const struct event *event)
{
	struct callout callout = { .uuid = options->args[2] };
	int ret;

	if (!uuid_ok(callout.uuid))
		return say(DONE_NO, "\"%s\" is not a UUID", callout.uuid);
	ret = host_from_sysfs(&callout.host, options->root);
	if (!ret)
		ret = find_type(&callout, options->args[1]);
	/* Of what has happened already there is nothing to be said. */
	if (!ret && event)
		ret = event->answer(&callout);
	else if (!event && ret)
		ret = NOT_MINE;
	host_free(&callout.host);
	return ret;
}

int cmd_callout(const struct options *options)
{
	const struct event *event = find_event(options->args[0]);
	char text[4096];
	int ret = answer(options, event);

	/* mdevctl writes a definition, and must not find nobody there to read it. */
	while (strcmp(options->args[0], "get-attributes") &&
	       read(STDIN_FILENO, text, sizeof(text)) > 0)
		;
	return ret;
}
