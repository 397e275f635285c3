// SPDX-License-Identifier: GPL-2.0-only
/* plan: what makes the destination's device, ready to be piped. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "plan.h"

static const char *random_uuid(struct arena *arena)
{
	uint8_t b[16];

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		return NULL;
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	return arena_printf(arena,
			    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
			    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7],
			    b[8], b[9], b[10], b[11], b[12], b[13], b[14],
			    b[15]);
}

/* Names from a snapshot go into commands: only what a kernel would call one. */
static bool name_ok(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:@+-";

	return name && *name && *name != '.' && *name != '-' &&
	       !name[strspn(name, letters)];
}

const struct finding *next_write(const struct findings *findings, size_t *i)
{
	while (*i < findings->nr) {
		const struct finding *finding = &findings->array[(*i)++];

		if (finding->result == COMPATIBLE)
			return finding;
	}
	return NULL;
}

static bool is_mdev(const struct plan *plan)
{
	const struct device *device = plan->verdict->target.device;

	return !device || !device->bus;
}

const char *plan_bus(const struct plan *plan)
{
	return is_mdev(plan) ? "mdev" : plan->verdict->target.device->bus;
}

/* What the device is called on its bus. */
const char *plan_bus_name(const struct plan *plan)
{
	return is_mdev(plan) ? plan->uuid :
			       plan->uuid + strlen(plan_bus(plan)) + 1;
}

/* mdevctl define --uuid UUID --parent PARENT --jsonfile - */
static void emit_mdevctl(const struct plan *plan, FILE *out)
{
	struct json *object = json_new_object();
	struct json *attrs = json_new_array();
	const struct finding *write;
	size_t i = 0;

	json_put_text(object, "mdev_type", plan->verdict->target.type->name);
	json_put_text(object, "start", "manual");
	while ((write = next_write(&plan->verdict->findings, &i))) {
		struct json *attr = json_new_object();
		char path[128];

		snprintf(path, sizeof(path), "migration/params/%s",
			 write->parameter);
		json_put_text(attr, path, write->source);
		json_add(attrs, attr);
	}
	json_put(object, "attrs", attrs);
	json_print(object, out, "standard output", false);
}

/* libvirt looks for mdev types at devices of these subsystems only. */
static bool libvirt_knows(const char *subsystem)
{
	static const char *const known[] = { "pci", "css", "matrix", "mtty" };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(subsystem, known[i]))
			return true;
	}
	return false;
}

/* Part of what libvirt calls a device, in its alphabet. */
static void put_node_name(const char *name, FILE *out)
{
	for (; *name; name++)
		fputc(strchr(".:-@+", *name) ? '_' : *name, out);
}

static void emit_libvirt(const struct plan *plan, FILE *out)
{
	const struct type *type = plan->verdict->target.type;
	const struct finding *write;
	size_t i = 0;

	/* libvirt's schema wants a name; the device gets this one, whatever is said. */
	fputs("<device>\n  <name>mdev_", out);
	put_node_name(plan->uuid, out);
	fputc('_', out);
	put_node_name(type->parent, out);
	fputs("</name>\n  <parent>", out);
	put_node_name(type->subsystem, out);
	fputc('_', out);
	put_node_name(type->parent, out);
	fprintf(out, "</parent>\n  <capability type='mdev'>\n"
		"    <type id='%s'/>\n    <uuid>%s</uuid>\n", type->name,
		plan->uuid);
	while ((write = next_write(&plan->verdict->findings, &i)))
		fprintf(out, "    <attr name='migration/params/%s' value='%s'/>\n",
			write->parameter, write->source);
	fputs("  </capability>\n</device>\n", out);
}

static const struct emitter {
	const char *name;
	void (*emit)(const struct plan *plan, FILE *out);
	bool new_only;
} emitters[] = {
	{ "sysfs", plan_script, false },
	{ "mdevctl", emit_mdevctl, true },
	{ "libvirt", emit_libvirt, true },
};

static const struct emitter *find_emitter(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(emitters) / sizeof(emitters[0]); i++) {
		if (!strcmp(emitters[i].name, name))
			return &emitters[i];
	}
	complain(DONE_ERROR, "--emit is sysfs, mdevctl or libvirt, not \"%s\"", name);
	return NULL;
}

/* What the emitter writes, as text. NULL if there is no memory for it. */
static char *emitted(const struct plan *plan, const struct emitter *emitter)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	emitter->emit(plan, out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* Without @emitter there is nothing that could be made. */
static int print_json(const struct plan *plan, const struct emitter *emitter)
{
	struct json *answer = json_answer("plan");
	char *text;

	if (emitter) {
		text = emitted(plan, emitter);
		if (!text)
			out_of_memory();
		json_put_text(answer, "uuid", plan->uuid);
		json_put_text(answer, "emit", emitter->name);
		json_put_text(answer, "text", text);
		free(text);
	}
	json_take_members(answer, json_from_verdict(plan->source, plan->verdict));
	return json_print(answer, stdout, "standard output", false);
}

/* May the names be put into commands? They may come from anywhere. */
static int check_names(const struct plan *plan, const struct emitter *emitter)
{
	const struct target *target = &plan->verdict->target;
	const struct finding *write;
	size_t i = 0;

	if (!is_mdev(plan) && emitter->new_only)
		return complain(DONE_ERROR,
				"%s is not a mediated device, and --emit %s is only for these: use --emit sysfs",
				plan->uuid, emitter->name);
	if (!is_mdev(plan) &&
	    (!name_ok(plan_bus(plan)) || !name_ok(plan_bus_name(plan))))
		return complain(DONE_ERROR,
				"%s: the name of this device or its bus cannot be used in a command",
				plan->uuid);
	if (is_mdev(plan) && !uuid_ok(plan->uuid))
		return complain(DONE_ERROR, "\"%s\" is not a UUID: give one with --uuid",
				plan->uuid);
	if (target->device && emitter->new_only)
		return complain(DONE_ERROR,
				"%s exists already: --emit %s is only for devices that are to be made; use --emit sysfs, or a type as DESTINATION",
				plan->uuid, emitter->name);
	if (!target->device && (!name_ok(target->type->parent) ||
				!name_ok(target->type->name)))
		return complain(DONE_ERROR,
				"%s: the name of this type or its parent cannot be used in a command",
				target->type->name);
	while ((write = next_write(&plan->verdict->findings, &i))) {
		if (!name_ok(write->source))
			return complain(DONE_ERROR,
					"%s: the value \"%s\" cannot be used in a command",
					write->parameter, write->source);
	}
	if (emitter->emit == emit_libvirt && !name_ok(target->type->subsystem))
		return complain(DONE_ERROR,
				"%s: libvirt's name for the parent %s has its subsystem in it, which the snapshot does not give",
				target->type->name, target->type->parent);
	if (emitter->emit == emit_libvirt &&
	    !libvirt_knows(target->type->subsystem))
		return complain(DONE_ERROR,
				"%s: libvirt takes no definitions below a parent of subsystem %s: use --emit mdevctl, or load mdev_migrate with parent_bus=mtty there",
				target->type->name, target->type->subsystem);
	return 0;
}

/* Has the destination a device of this name? */
static bool is_taken(const struct target *target, const char *uuid)
{
	struct host *host = (struct host *)target->host;

	return host_device(host, uuid) || host_other(host, uuid);
}

/* The device's name: @wanted, else the source's unless it is taken there, else a new one. */
static int choose_uuid(struct plan *plan, const char *wanted,
		       struct arena *arena)
{
	const struct target *target = &plan->verdict->target;
	const struct source *source = plan->source;

	if (target->device) {
		plan->uuid = target->device->uuid;
		return 0;
	}
	plan->uuid = wanted;
	if (wanted && is_taken(target, wanted))
		return complain(DONE_ERROR,
				"%s already has a device %s: give another UUID with --uuid, or that device as DESTINATION",
				target->host->name, wanted);
	if (!wanted && source->device && !source->device->bus &&
	    !is_taken(target, source->device->uuid))
		plan->uuid = source->device->uuid;
	if (!plan->uuid)
		plan->uuid = random_uuid(arena);
	return plan->uuid ? 0 : complain(DONE_ERROR, "cannot get random numbers: %s",
					 strerror(errno));
}

static int emit(struct plan *plan, const struct emitter *emitter,
		const struct options *options)
{
	const struct type *type = plan->verdict->target.type;
	struct arena arena = { 0 };
	int ret;

	if (type && type->is_program)
		return complain(DONE_ERROR,
				"the destination is a vfio-user program: start it with --migration-model %s --migration-version %s",
				type->model, type->version);
	ret = choose_uuid(plan, options->uuid, &arena);
	if (!ret)
		ret = check_names(plan, emitter);
	if (!ret && options->json) {
		ret = print_json(plan, emitter);
	} else if (!ret) {
		emitter->emit(plan, stdout);
		ret = finish_output(stdout, "standard output");
	}
	arena_free(&arena);
	return ret;
}

/* There is nothing to plan: why, as check says it. */
static int refuse(const struct plan *plan, const struct emitter *emitter,
		  const struct options *options)
{
	int status = result_status(plan->verdict->result);
	char *text = NULL;
	size_t len;
	FILE *out;

	if (options->json) {
		status = print_json(plan, NULL) ? DONE_ERROR : status;
	} else {
		out = open_memstream(&text, &len);
		if (!out)
			out_of_memory();
		print_verdict(out, plan->source, plan->verdict);
		if (fclose(out))
			out_of_memory();
		fputs(text, stderr);
		if (emitter->emit == plan_script)
			plan_script_refusal(text, status, stdout);
		free(text);
	}
	return finish_output(stdout, "standard output") ? DONE_ERROR : status;
}

static int plan_for(struct endpoint *from, struct endpoint *to,
		    const struct emitter *emitter,
		    const struct options *options)
{
	struct arena arena = { 0 };
	struct verdict verdict;
	struct source source;
	struct plan plan = {
		.verdict = &verdict, .source = &source,
		.root = to->host.root ? to->host.root : SYSFS_ROOT,
	};
	int ret;

	ret = endpoint_source(from, &source);
	if (!ret)
		ret = endpoint_judge(&arena, &verdict, &source, to);
	if (!ret && verdict.result > COMPATIBLE)
		ret = refuse(&plan, emitter, options);
	else if (!ret)
		ret = emit(&plan, emitter, options);
	arena_free(&arena);
	return ret;
}

static int read_and_plan(const struct emitter *emitter,
			 const struct options *options)
{
	struct endpoint from, to;
	int ret;

	ret = check_stdin(options->args, options->nr);
	if (!ret)
		ret = endpoint_open(&from, options->args[0], options);
	if (ret)
		return ret;
	ret = endpoint_open(&to, options->args[1], options);
	if (!ret) {
		ret = plan_for(&from, &to, emitter, options);
		endpoint_close(&to);
	}
	endpoint_close(&from);
	return ret;
}

int cmd_plan(const struct options *options)
{
	const struct emitter *emitter =
		find_emitter(options->emit ? options->emit : "sysfs");
	int ret;

	if (!emitter)
		return DONE_ERROR;
	ret = read_and_plan(emitter, options);
	/* A shell that reads this is not to take nothing for success. */
	if (ret == DONE_ERROR && !options->json && emitter->emit == plan_script)
		plan_script_refusal("mdev-migrate plan: there is no plan, since it failed",
				    ret, stdout);
	return ret;
}
