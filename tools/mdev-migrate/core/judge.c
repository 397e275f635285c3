// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules: the same model; each of the source's values allowed, and what the
 * source does not have can be off; the combination possible; room for one more.
 * Versions are names and are not compared. What is not known is said to be not
 * known.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../../drivers/mdev_migrate/codec/param.h"
#include "judge.h"

const char *result_name(enum result result)
{
	static const char * const names[] = {
		[IDENTICAL] = "identical",
		[COMPATIBLE] = "compatible",
		[NOT_KNOWN] = "unknown",
		[INCOMPATIBLE] = "incompatible",
	};

	return names[result];
}

int result_status(enum result result)
{
	switch (result) {
	case IDENTICAL:
	case COMPATIBLE:
		return DONE_YES;
	case INCOMPATIBLE:
		return DONE_NO;
	default:
		return DONE_UNKNOWN;
	}
}

const char *kernel_name(enum kernel_says says)
{
	static const char * const names[] = {
		[KERNEL_ELSEWHERE] = "elsewhere",
		[KERNEL_NOT_NEEDED] = "not-needed",
		[KERNEL_NOT_ASKED] = "not-asked",
		[KERNEL_ACCEPTS] = "accepts",
		[KERNEL_REFUSES] = "refuses",
	};

	return names[says];
}

void findings_add(struct arena *arena, struct findings *findings,
		  const struct finding *finding)
{
	struct finding *array;

	if (findings->nr == findings->room) {
		findings->room = findings->room ? 2 * findings->room : 4;
		array = arena_array(arena, findings->room, sizeof(*array));
		if (findings->nr)
			memcpy(array, findings->array,
			       findings->nr * sizeof(*array));
		findings->array = array;
	}
	findings->array[findings->nr++] = *finding;
	if (finding->result > findings->worst)
		findings->worst = finding->result;
	if (finding->result == COMPATIBLE)
		findings->nr_writes++;
}

static void not_allowed(struct arena *arena, struct findings *findings,
			const struct param *param, const char *value)
{
	const char *allowed = param_allowed(arena, param);

	findings_add(arena, findings, &(struct finding) {
		.result = INCOMPATIBLE,
		.code = "value-not-allowed",
		.parameter = param->codec.name,
		.source = value,
		.allowed = allowed,
		.message = arena_printf(arena,
					"%s: the source has %s, the destination allows %s%s",
					param->codec.name, value, *allowed ? allowed : "nothing",
					strpbrk(allowed, " -") || !*allowed ? "" : " only"),
	});
}

/* It cannot be a value of any host's. */
static void is_malformed(struct arena *arena, struct findings *findings,
			 const struct param *param, const char *value,
			 const struct mdev_migrate_msg *why)
{
	findings_add(arena, findings, &(struct finding) {
		.result = INCOMPATIBLE,
		.code = "value-malformed",
		.parameter = param->codec.name,
		.source = value,
		.message = arena_strdup(arena, why->text),
	});
}

static void must_write(struct arena *arena, struct findings *findings,
		       const struct param *param, const char *value,
		       const char *now)
{
	findings_add(arena, findings, &(struct finding) {
		.result = COMPATIBLE,
		.code = "write",
		.parameter = param->codec.name,
		.source = value,
		.allowed = param_allowed(arena, param),
		.message = arena_printf(arena,
					"%s: the source has %s, the destination would have %s",
					param->codec.name, value, now),
		.fix = arena_printf(arena,
				    "write %s to migration/params/%s before the device is opened",
				    value, param->codec.name),
	});
}

/* A parameter that the destination has. */
static void judge_param(struct arena *arena, struct findings *findings,
			const struct config *source, const struct param *param,
			const struct config *now)
{
	const char *value = config_value(source, param->codec.name);
	const char *have = NULL;
	__u64 wanted = param->codec.off;
	struct mdev_migrate_msg why;
	__u64 has = param->def;
	int ret = 0;

	if (value)
		ret = mdm_param_parse(&param->codec, "the source has", value,
				      strlen(value), &wanted, &why);
	if (ret == -EINVAL) {
		is_malformed(arena, findings, param, value, &why);
		return;
	}
	if (ret) {
		not_allowed(arena, findings, param, value);
		return;
	}
	if (now) {
		has = param->codec.off;
		have = config_value(now, param->codec.name);
	}
	if (have && mdev_migrate_param_parse(&param->codec, have, strlen(have),
					     &has, NULL))
		has = wanted + 1;
	if (has == wanted)
		return;
	must_write(arena, findings, param,
		   param_value(arena, param, wanted),
		   have ? have : param_value(arena, param, has));
}

/*
 * Each parameter; @now is what the destination is already, NULL for what its
 * type is.
 */
void judge_params(struct arena *arena, struct findings *findings,
		  const struct config *source, const struct params *params,
		  const struct config *now)
{
	size_t i;

	for (i = 0; i < source->nr; i++) {
		const struct config_item *item = &source->items[i];

		if (params_find(params, item->name))
			continue;
		findings_add(arena, findings, &(struct finding) {
			.result = INCOMPATIBLE,
			.code = "parameter-unknown",
			.parameter = item->name,
			.source = item->value,
			.message = arena_printf(arena,
						"%s: the source has %s, the destination has no such parameter",
						item->name, item->value),
		});
	}
	for (i = 0; i < params->nr; i++)
		judge_param(arena, findings, source, &params->params[i], now);
}

/*
 * A table that many hosts have is judged once. What others find beside is not
 * added to the findings that are kept, since these have no room.
 */
static void judge_kept(struct findings *findings, const struct source *source,
		       struct params *params)
{
	struct findings *judged = params->judged[source->id];

	if (!judged) {
		judged = arena_alloc(params->keep, sizeof(*judged));
		judge_params(params->keep, judged, &source->config, params,
			     NULL);
		judged->room = judged->nr;
		params->judged[source->id] = judged;
	}
	*findings = *judged;
}

/* What limits a type is its driver's to say: a number, or what devices have shares of. */
#define NO_ROOM_FIX \
	"remove a device of the same parent; if its devices share a resource, smaller values in their migration/params make room too"

/* Can one more device of this type be made? */
void judge_room(struct arena *arena, struct findings *findings,
		const struct type *type)
{
	struct finding finding = {
		.result = NOT_KNOWN,
		.code = "instances-unknown",
		.allowed = NULL,
	};

	if (type->available > 0 || type->is_program)
		return;
	if (type->available == UNKNOWN) {
		finding.message =
			"it is not known how many more devices of this type can be made";
	} else {
		finding.result = INCOMPATIBLE;
		finding.code = "no-free-instance";
		finding.message = "no more devices of this type can be made";
		finding.fix = NO_ROOM_FIX;
	}
	findings_add(arena, findings, &finding);
}

static void add_plain(struct arena *arena, struct findings *findings,
		      enum result result, const char *code, const char *message)
{
	findings_add(arena, findings, &(struct finding) {
		.result = result, .code = code, .message = message,
	});
}

static unsigned long major_of(const char *version)
{
	return strtoul(version, NULL, 10);
}

/* Two programs compare versions; versus parameters there is nothing to. */
static void judge_versions(struct arena *arena, struct findings *findings,
			   const struct source *source, const struct type *type)
{
	const struct type *from = source->type;

	if (!from || !from->is_program || !type->is_program) {
		add_plain(arena, findings, NOT_KNOWN, "versions-only",
			  "one side names only its versions, the other its parameters: they cannot be compared");
		return;
	}
	if (!strcmp(from->version, type->version))
		return;
	findings_add(arena, findings, &(struct finding) {
		.result = INCOMPATIBLE,
		.code = "version-differs",
		.source = from->version,
		.allowed = type->version,
		.message = arena_printf(arena,
					"the source's version is %s, the destination's %s",
					from->version, type->version),
	});
}

static bool is_default_of_any(const struct host *host, const char *model,
			      const struct config *config)
{
	size_t i;

	for (i = 0; host && i < host_nr_kinds(host); i++) {
		const struct type *type = host_kind(host, i);

		if (type && type->model && !strcmp(type->model, model) &&
		    type->config && !strcmp(type->config, config->text))
			return true;
	}
	return false;
}

/* Everything but room, and what only the destination's kernel can tell. */
void judge_type(struct arena *arena, struct findings *findings,
		const struct source *source, const struct type *type,
		const struct config *now)
{
	const char *model = type->model;

	if (!source->config_known) {
		add_plain(arena, findings, NOT_KNOWN, "source-says-nothing",
			  source->not_known);
		return;
	}
	if (!model) {
		add_plain(arena, findings, NOT_KNOWN, "destination-says-nothing",
			  "the destination's driver says nothing about migration");
		return;
	}
	if (strcmp(model, source->config.model)) {
		findings_add(arena, findings, &(struct finding) {
			.result = INCOMPATIBLE,
			.code = "model-differs",
			.source = source->config.model,
			.allowed = model,
			.message = arena_printf(arena,
						"the source's model is %s, the destination's %s",
						source->config.model, model),
		});
		return;
	}
	if (type->unreadable) {
		add_plain(arena, findings, NOT_KNOWN, "description-unreadable",
			  arena_printf(arena,
				       "the destination's parameters make no sense: %s",
				       type->unreadable));
		return;
	}
	if (source->type && source->type->stream && type->stream &&
	    major_of(source->type->stream) != major_of(type->stream)) {
		add_plain(arena, findings, INCOMPATIBLE, "stream-version",
			  arena_printf(arena,
				       "the source writes state streams of version %s, the destination reads %s",
				       source->type->stream, type->stream));
		return;
	}
	if (!type->params || (source->type && source->type->is_program)) {
		judge_versions(arena, findings, source, type);
		return;
	}
	if (!now && type->params->keep)
		judge_kept(findings, source, type->params);
	else
		judge_params(arena, findings, &source->config, type->params, now);
}

/* Is the combination one that the host surely takes? */
static void judge_combination(struct arena *arena, struct verdict *verdict,
			      const struct source *source)
{
	const struct type *type = verdict->target.type;

	if (verdict->findings.worst > COMPATIBLE || !type->combinations ||
	    !strcmp(type->combinations, "any") ||
	    is_default_of_any(verdict->target.host, type->model,
			      &source->config))
		return;
	add_plain(arena, &verdict->findings, NOT_KNOWN, "combination",
		  "each value is allowed; only the destination can tell whether the combination is: ask there");
}

/* Its word counts; it has none where the description says no already. */
static void ask(struct arena *arena, struct verdict *verdict,
		const struct source *source)
{
	const struct type *type = verdict->target.type;
	const struct host *host = verdict->target.host;
	struct mdev_migrate_msg why;
	int err;

	if (verdict->findings.worst > COMPATIBLE || !source->config_known ||
	    !type || !type->params) {
		verdict->kernel = KERNEL_NOT_NEEDED;
		return;
	}
	if (!host->ask)
		return;
	err = -host->ask(host, type, source->config.text, &why);
	if (err < 0) {
		verdict->kernel = KERNEL_NOT_ASKED;
		verdict->kernel_why = arena_strdup(arena, why.text);
		return;
	}
	verdict->kernel = KERNEL_ACCEPTS;
	/* A mdev that is there needs no room for one more. */
	if (!err || (err == ENOSPC && verdict->target.device && !type->device))
		return;
	verdict->kernel = KERNEL_REFUSES;
	findings_add(arena, &verdict->findings, &(struct finding) {
		.result = INCOMPATIBLE,
		.code = err == EOPNOTSUPP ? "combination-refused" :
			err == ENOSPC ? "no-free-instance" :
			err == EBUSY ? "device-open" : "kernel-refused",
		.message = arena_printf(arena,
					"this host's kernel refuses it: %s; its log says why",
					strerror(err)),
		.fix = err == EBUSY ? "close the device, or leave its values as they are" :
		       err == ENOSPC ? NO_ROOM_FIX : NULL,
	});
}

/* It says what it is, and not what it can be: it takes what it is. */
static void judge_as_it_is(struct arena *arena, struct findings *findings,
			   const struct source *source,
			   const struct config *now)
{
	const struct type as_it_is = { .model = now->model };

	if (!source->config_known || strcmp(source->config.model, now->model)) {
		judge_type(arena, findings, source, &as_it_is, now);
		return;
	}
	if (strcmp(source->config.text, now->text))
		add_plain(arena, findings, NOT_KNOWN, "destination-says-nothing",
			  "the destination has another configuration, and does not say what else it can have");
}

static void judge_device(struct arena *arena, struct verdict *verdict,
			 const struct source *source)
{
	const struct device *device = verdict->target.device;
	const struct type *type = verdict->target.type;
	struct mdev_migrate_msg why;
	struct config now;

	if (!device->config) {
		add_plain(arena, &verdict->findings, NOT_KNOWN,
			  "destination-says-nothing",
			  "the destination's configuration is not known");
		return;
	}
	if (config_read(arena, &now, device->config, &why)) {
		add_plain(arena, &verdict->findings, NOT_KNOWN,
			  "configuration-unreadable",
			  arena_printf(arena,
				       "the destination's configuration is malformed: %s",
				       why.text));
		return;
	}
	if (type && type->model)
		judge_type(arena, &verdict->findings, source, type, &now);
	else
		judge_as_it_is(arena, &verdict->findings, source, &now);
}

static bool is_undescribed(const struct source *source,
			   const struct target *target)
{
	return source->other || target->other ||
	       (!source->config_known && source->type && !source->type->model);
}

/* One more is to be made: whoever says that there is no room is believed. */
static bool needs_room(const struct target *target)
{
	return target->type && !target->device && !target->type->device &&
	       (target->type->model || !target->type->available);
}

void judge(struct arena *arena, struct verdict *verdict,
	   const struct source *source, const struct target *target)
{
	memset(verdict, 0, sizeof(*verdict));
	verdict->target = *target;
	if (is_undescribed(source, target))
		judge_undescribed(arena, &verdict->findings, source, target);
	else if (target->device)
		judge_device(arena, verdict, source);
	else
		judge_type(arena, &verdict->findings, source, target->type,
			   NULL);
	if (needs_room(target))
		judge_room(arena, &verdict->findings, target->type);
	ask(arena, verdict, source);
	if (target->type && verdict->kernel < KERNEL_ACCEPTS)
		judge_combination(arena, verdict, source);
	verdict->result = verdict->findings.worst;
}

/* How far from the source's model what the target says of itself is. */
static int distance(const struct source *source, const struct target *target)
{
	const char *model = target->type ? target->type->model :
			    target->device ? target->device->model : NULL;

	if (!model || !source->config_known)
		return 1;
	return strcmp(model, source->config.model) ? 2 : 0;
}

/* Better result, fewer changes, more room. */
bool verdict_better(const struct verdict *a, const struct verdict *b)
{
	long long free_a = a->target.type ? a->target.type->available : 0;
	long long free_b = b->target.type ? b->target.type->available : 0;

	if (a->result != b->result)
		return a->result < b->result;
	/* Of two that do not fit, the one that is closer. */
	if (a->findings.nr != b->findings.nr)
		return a->findings.nr < b->findings.nr;
	return free_a > free_b;
}

static bool same_name(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* The device that is to move is not where it is to go. */
bool is_source(const struct source *source, const struct target *target)
{
	if (!host_same(source->host, target->host))
		return false;
	if (source->other && target->other)
		return same_name(source->other->name, target->other->name) &&
		       same_name(source->other->bus, target->other->bus);
	return source->device && target->device &&
	       !strcmp(source->device->uuid, target->device->uuid);
}

/*
 * The @i-th of what a device could go to: a type, of which one can be made, or a device
 * that is no mdev and there already. false if that is none. What does not say what it is
 * counts only for a source that is such a device, too.
 */
static bool candidate(const struct source *source, const struct host *host,
		      size_t i, struct target *target)
{
	*target = (struct target) { .host = host };
	if (i < host_nr_kinds(host)) {
		target->type = host_kind(host, i);
		if (i < host->nr_types)
			return true;
		target->device = &host->devices[i - host->nr_types];
		return target->type || target->device->bus;
	}
	target->other = &host->others[i - host_nr_kinds(host)];
	return source->other && !other_is_mdev(source->other) &&
	       !other_is_mdev(target->other);
}

/*
 * The best of what the host offers; with @name only the types of this name.
 * A type of the source's model, even one that does not fit, tells more than one
 * whose driver says nothing, and that more than one of another model. Without any
 * there is no target.
 */
static void judge_best(struct arena *arena, struct verdict *verdict,
		       const struct source *source, const struct host *host,
		       const char *name)
{
	size_t i, nr = host_nr_kinds(host) + host->nr_others;
	struct target target;
	struct verdict one;
	int far, best = 3;

	memset(verdict, 0, sizeof(*verdict));
	verdict->target.host = host;
	for (i = 0; i < (name ? host->nr_types : nr); i++) {
		if (!candidate(source, host, i, &target) ||
		    (name && target.type && strcmp(target.type->name, name)) ||
		    is_source(source, &target))
			continue;
		far = distance(source, &target);
		if (far > best)
			continue;
		judge(arena, &one, source, &target);
		if (far == best && !verdict_better(&one, verdict))
			continue;
		*verdict = one;
		best = far;
	}
}

/* The best of the types of this name: the parent does not matter. */
void judge_any_parent(struct arena *arena, struct verdict *verdict,
		      const struct source *source, const struct host *host,
		      const char *type)
{
	judge_best(arena, verdict, source, host, type);
}

/* The best of all that the host offers. */
void judge_host(struct arena *arena, struct verdict *verdict,
		const struct source *source, const struct host *host)
{
	judge_best(arena, verdict, source, host, NULL);
	if (verdict->target.type || verdict->target.device || verdict->target.other)
		return;
	add_plain(arena, &verdict->findings, INCOMPATIBLE, "no-types",
		  host->root ?
		  "this host has no types, and no other device to go to: is a driver loaded?" :
		  "the host had no types when it was exported, and no other device to go to: was a driver loaded?");
	verdict->result = INCOMPATIBLE;
}
