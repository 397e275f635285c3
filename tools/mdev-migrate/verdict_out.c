// SPDX-License-Identifier: GPL-2.0-only
/* Verdicts for people and for programs. */
#include "command.h"

/* The device, or the type with its parent; NULL if there is none. */
const char *target_label(struct arena *arena, const struct target *target)
{
	return target->device ? target->device->uuid :
	       target->other ? other_label(arena, target->other) :
	       target->type ? type_label(arena, target->type) : NULL;
}

/* "virtio_net/virtio_net-v2 on hostb" */
const char *target_name(struct arena *arena, const struct target *target)
{
	const char *what = target_label(arena, target);

	if (!what)
		return target->host->name;
	return arena_printf(arena, "%s on %s", what, target->host->name);
}

static struct json *json_finding(const struct finding *finding)
{
	struct json *object = json_new_object();

	json_put_text(object, "code", finding->code);
	json_put_text(object, "verdict", result_name(finding->result));
	json_put_text(object, "parameter", finding->parameter);
	json_put_text(object, "source", finding->source);
	json_put_text(object, "allowed", finding->allowed);
	json_put_text(object, "message", finding->message);
	json_put_bool(object, "fixable", finding->fix);
	json_put_text(object, "fix", finding->fix);
	return object;
}

static struct json *json_source(const struct source *source)
{
	struct json *object = json_new_object();

	json_put_text(object, "host", source->host ? source->host->name : NULL);
	json_put_text(object, "device",
		      source->device || source->other ? source->name : NULL);
	json_put_text(object, "type", source->type ? source->type->name : NULL);
	json_put_text(object, "config",
		      source->config_known ? source->config.text : NULL);
	return object;
}

static struct json *json_target(const struct target *target)
{
	struct json *object = json_new_object();
	struct arena arena = { 0 };

	json_put_text(object, "host", target->host->name);
	json_put_text(object, "device", target->device || target->other ?
		      target_label(&arena, target) : NULL);
	arena_free(&arena);
	if (!target->type)
		return object;
	json_put_text(object, "type", target->type->name);
	json_put_text(object, "parent", target->type->parent);
	json_put_number(object, "available_instances", target->type->available);
	return object;
}

static struct json *json_write(const struct finding *finding)
{
	struct json *object = json_new_object();
	struct arena arena = { 0 };

	json_put_text(object, "attribute",
		      arena_printf(&arena, "migration/params/%s",
				   finding->parameter));
	json_put_text(object, "value", finding->source);
	arena_free(&arena);
	return object;
}

/* When the destination was described, NULL if that is not known. */
static const char *taken_of(struct arena *arena, const struct verdict *verdict)
{
	long long taken = verdict->target.host->taken;

	return taken == UNKNOWN ? NULL : time_to_text(arena, taken);
}

/* Whose word it is. */
static void print_kernel(FILE *out, const struct verdict *verdict)
{
	static const char * const words[] = {
		[KERNEL_NOT_NEEDED] = "not asked: it is not needed for that answer",
		[KERNEL_NOT_ASKED] = "not asked, only its description compared: ",
		[KERNEL_ACCEPTS] = "asked, and takes it",
		[KERNEL_REFUSES] = "asked, and refuses",
	};
	struct arena arena = { 0 };
	const char *taken = taken_of(&arena, verdict);

	if (verdict->kernel == KERNEL_ELSEWHERE)
		fprintf(out, "  %-12s not asked: this is a snapshot%s%s\n", "kernel",
			taken ? " of " : "", taken ? taken : "");
	else
		fprintf(out, "  %-12s %s%s\n", "kernel", words[verdict->kernel],
			verdict->kernel_why ? verdict->kernel_why : "");
	arena_free(&arena);
}

/* source, destination, verdict, writes and findings */
struct json *json_from_verdict(const struct source *source,
			       const struct verdict *verdict)
{
	struct json *object = json_new_object();
	struct json *findings = json_new_array();
	struct json *writes = json_new_array();
	struct arena arena = { 0 };
	size_t i;

	json_put_text(object, "verdict", result_name(verdict->result));
	json_put(object, "source", json_source(source));
	json_put(object, "destination", json_target(&verdict->target));
	for (i = 0; i < verdict->findings.nr; i++) {
		const struct finding *finding = &verdict->findings.array[i];

		json_add(findings, json_finding(finding));
		if (finding->result == COMPATIBLE)
			json_add(writes, json_write(finding));
	}
	json_put_text(object, "kernel", kernel_name(verdict->kernel));
	json_put_text(object, "kernel_why", verdict->kernel_why);
	json_put_text(object, "taken", taken_of(&arena, verdict));
	json_put(object, "writes", writes);
	json_put(object, "findings", findings);
	arena_free(&arena);
	return object;
}

void print_verdict(FILE *out, const struct source *source,
		   const struct verdict *verdict)
{
	struct arena arena = { 0 };
	size_t i;

	fprintf(out, "%s%s%s: %s -> %s\n", paint(out, verdict->result),
		result_name(verdict->result), paint_off(out), source->name,
		target_name(&arena, &verdict->target));
	for (i = 0; i < verdict->findings.nr; i++) {
		const struct finding *finding = &verdict->findings.array[i];

		fprintf(out, "  %s%-12s%s %s\n", paint(out, finding->result),
			finding->result == COMPATIBLE ? "write" :
			result_name(finding->result),
			paint_off(out), finding->message);
		if (finding->fix)
			fprintf(out, "  %-12s fix: %s\n", "", finding->fix);
	}
	print_kernel(out, verdict);
	arena_free(&arena);
}
