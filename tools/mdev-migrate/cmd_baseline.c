// SPDX-License-Identifier: GPL-2.0-only
/*
 * baseline: the best configuration that every host accepts.
 *
 * Best is what is in the newest version of any host; where a host does not
 * allow that, the largest number below it that all allow, or off. What a host
 * does not know is off there.
 */
#include <stdlib.h>
#include <string.h>

#include "fleet.h"

/**
 * struct choice - a parameter of the baseline
 * @param: how the host with the newest version describes it
 * @wanted: that version's value
 * @value: what all accept
 * @holds: hosts that do not allow what is wanted, by index, ends with SIZE_MAX
 * @possible: is there a value that all accept?
 */
struct choice {
	const struct param *param;
	uint64_t wanted;
	uint64_t value;
	size_t *holds;
	size_t nr_holds;
	bool possible;
};

struct baseline {
	struct arena arena;
	struct fleet fleet;
	const char *model;
	const struct type *newest;
	const struct type **types;
	struct choice *choices;
	size_t nr;
};

static const struct type *type_of(const struct host *host, const char *model)
{
	size_t i;

	for (i = 0; i < host_nr_kinds(host); i++) {
		const struct type *type = host_kind(host, i);

		if (type && type->model && type->params &&
		    !strcmp(type->model, model))
			return type;
	}
	return NULL;
}

/* The model to look at: the only one, or the one that was asked for. */
static int choose_model(struct baseline *base, const char *asked)
{
	size_t i, j;

	base->model = asked;
	for (i = 0; i < base->fleet.nr && !asked; i++) {
		const struct host *host = &base->fleet.hosts[i];

		for (j = 0; j < host_nr_kinds(host); j++) {
			const struct type *type = host_kind(host, j);
			const char *model = type ? type->model : NULL;

			if (!model || !type->params)
				continue;
			if (base->model && strcmp(base->model, model))
				return complain(DONE_ERROR,
						"the hosts have several models, such as %s and %s: say which one with --model",
						base->model, model);
			base->model = model;
		}
	}
	if (base->model)
		return 0;
	complain(DONE_ERROR, "no host offers a model with parameters");
	return DONE_UNKNOWN;
}

/* The parameter's newest description: of the newest version that has it. */
static int find_types(struct baseline *base)
{
	const char *missing[4];
	size_t i, j, nr = 0;

	base->types = arena_array(&base->arena, base->fleet.nr,
				  sizeof(*base->types));
	for (i = 0; i < base->fleet.nr; i++) {
		const struct host *host = &base->fleet.hosts[i];

		base->types[i] = type_of(host, base->model);
		if (!base->types[i] && nr < 4) {
			missing[nr] = nr < 3 ? host->name : "others";
			nr++;
		}
		for (j = 0; j < host_nr_kinds(host); j++) {
			const struct type *type = host_kind(host, j);

			if (!type || !type->model || !type->params ||
			    strcmp(type->model, base->model))
				continue;
			if (!base->newest ||
			    natural_compare(type->version ? type->version : "",
					    base->newest->version ?
					    base->newest->version : "") > 0)
				base->newest = type;
		}
	}
	if (!nr)
		return 0;
	complain(DONE_ERROR, "%s is not offered by %s, so there is no common configuration",
		 base->model, words_join(&base->arena, missing, nr));
	return DONE_NO;
}

/* The answer to a program, if not all hosts have the model, or none has any. */
static int print_without(struct baseline *base)
{
	json_t *answer = json_answer("baseline");
	json_t *hosts = json_new_array();
	size_t i;

	json_put_text(answer, "model", base->model);
	json_put(answer, "params", json_new_array());
	for (i = 0; i < base->fleet.nr; i++) {
		const char *name = base->fleet.hosts[i].name;

		if (name && (!base->types || !base->types[i]))
			json_add(hosts, json_string(name));
	}
	json_put(answer, "hosts_without", hosts);
	return json_print(answer, stdout, "standard output", false);
}

/* Does the host of this type allow the value? Words differ by their number. */
static bool allows(const struct type *type, const struct param *param,
		   uint64_t value)
{
	const struct param *theirs = params_find(type->params,
						 param->codec.name);
	char text[MDEV_MIGRATE_VALUE_SIZE];
	__u64 parsed;

	if (!theirs)
		return value == param->codec.off;
	mdev_migrate_param_format(&param->codec, value, text, sizeof(text));
	return !mdev_migrate_param_parse(&theirs->codec, text, strlen(text),
					 &parsed, NULL);
}

static bool all_allow(const struct baseline *base, const struct param *param,
		      uint64_t value)
{
	size_t i;

	for (i = 0; i < base->fleet.nr; i++) {
		if (!allows(base->types[i], param, value))
			return false;
	}
	return true;
}

/*
 * The largest number up to @wanted that all allow is the end of some host's
 * range, if it is not @wanted.
 */
static bool largest_below(const struct baseline *base,
			  const struct param *param, uint64_t wanted,
			  uint64_t *value)
{
	bool found = false;
	unsigned int r;
	size_t i;

	for (i = 0; i < base->fleet.nr; i++) {
		const struct param *theirs =
			params_find(base->types[i]->params, param->codec.name);

		for (r = 0; theirs && r < theirs->codec.nr_allowed; r++) {
			uint64_t last = theirs->codec.allowed[r].last;

			if (last > wanted || (found && last <= *value) ||
			    !all_allow(base, param, last))
				continue;
			*value = last;
			found = true;
		}
	}
	return found;
}

static void choose_value(struct baseline *base, struct choice *choice)
{
	const struct param *param = choice->param;
	size_t i;

	choice->holds = arena_array(&base->arena, base->fleet.nr,
				    sizeof(*choice->holds));
	for (i = 0; i < base->fleet.nr; i++) {
		if (!allows(base->types[i], param, choice->wanted))
			choice->holds[choice->nr_holds++] = i;
	}
	choice->value = choice->wanted;
	choice->possible = true;
	if (!choice->nr_holds)
		return;
	choice->value = param->codec.off;
	if (param->codec.type == MDEV_MIGRATE_UINT &&
	    largest_below(base, param, choice->wanted, &choice->value))
		return;
	choice->possible = all_allow(base, param, choice->value);
}

/* All parameters that any host has; those of the newest version come first. */
static void collect(struct baseline *base)
{
	size_t i, j, k;

	for (i = 0; i <= base->fleet.nr; i++) {
		const struct params *params = i ? base->types[i - 1]->params :
						  base->newest->params;

		for (j = 0; j < params->nr; j++) {
			const struct param *param = &params->params[j];

			for (k = 0; k < base->nr; k++) {
				if (!strcmp(base->choices[k].param->codec.name,
					    param->codec.name))
					break;
			}
			if (k < base->nr)
				continue;
			base->choices = grow_array(base->choices, base->nr,
						   sizeof(*base->choices));
			base->choices[base->nr++] = (struct choice) {
				.param = param,
				.wanted = i ? param->codec.off : param->def,
			};
		}
	}
	for (i = 0; i < base->nr; i++)
		choose_value(base, &base->choices[i]);
}

static int compare_choices(const void *a, const void *b)
{
	return strcmp(((const struct choice *)a)->param->codec.name,
		      ((const struct choice *)b)->param->codec.name);
}

/* The canonical string, NULL if there is no common configuration. */
static const char *config_of(struct baseline *base)
{
	struct text text = { 0 };
	const char *config = NULL;
	bool possible = true;
	size_t i;

	if (base->nr > 1)
		qsort(base->choices, base->nr, sizeof(*base->choices),
		      compare_choices);
	text_printf(&text, "model=%s", base->model);
	for (i = 0; i < base->nr; i++) {
		const struct choice *choice = &base->choices[i];

		possible = possible && choice->possible;
		if (choice->value == choice->param->codec.off)
			continue;
		text_printf(&text, ",%s=%s", choice->param->codec.name,
			    param_value(&base->arena, choice->param,
					choice->value));
	}
	if (possible)
		config = arena_strdup(&base->arena, text.data);
	text_free(&text);
	return config;
}

static const char *holders(struct baseline *base, const struct choice *choice)
{
	size_t named = choice->nr_holds <= 5 ? choice->nr_holds : 4;
	const char *names[5];
	size_t i;

	for (i = 0; i < named; i++)
		names[i] = base->fleet.hosts[choice->holds[i]].name;
	if (choice->nr_holds > named)
		names[i++] = arena_printf(&base->arena, "%zu others",
					  choice->nr_holds - named);
	return words_join(&base->arena, names, i);
}

static json_t *to_json(struct baseline *base, const char *config)
{
	json_t *answer = json_answer("baseline");
	json_t *params = json_new_array();
	size_t i, j;

	json_put_text(answer, "model", base->model);
	json_put_text(answer, "config", config);
	json_put_text(answer, "wanted_version", base->newest->version);
	for (i = 0; i < base->nr; i++) {
		const struct choice *choice = &base->choices[i];
		json_t *object = json_new_object();
		json_t *holds = json_new_array();

		json_put_text(object, "parameter", choice->param->codec.name);
		json_put_text(object, "wanted",
			      param_value(&base->arena, choice->param,
					  choice->wanted));
		if (choice->possible)
			json_put_text(object, "value",
				      param_value(&base->arena, choice->param,
						  choice->value));
		for (j = 0; j < choice->nr_holds; j++) {
			size_t holder = choice->holds[j];

			json_add(holds,
				 json_string(base->fleet.hosts[holder].name));
		}
		json_put(object, "held_back_by", holds);
		json_add(params, object);
	}
	json_put(answer, "params", params);
	return answer;
}

static void print_text(struct baseline *base, const char *config)
{
	struct table table = { .columns = 4 };
	size_t i;

	if (config)
		puts(config);
	else
		printf("%s: the hosts have no configuration in common\n",
		       base->model);
	table_row(&table, "PARAMETER", "VALUE",
		  base->newest->version ? base->newest->version : "WANTED",
		  "HELD BACK BY");
	for (i = 0; i < base->nr; i++) {
		const struct choice *choice = &base->choices[i];

		table_row(&table, choice->param->codec.name,
			  !choice->possible ? "none" :
			  param_value(&base->arena, choice->param,
				      choice->value),
			  param_value(&base->arena, choice->param,
				      choice->wanted),
			  holders(base, choice));
	}
	putchar('\n');
	table_print(&table, stdout);
	table_free(&table);
}

/* Offline nobody can say whether a combination is possible; see judge(). */
static enum result combination(struct baseline *base, const char *config)
{
	struct source source = { .name = "baseline", .config_known = true };
	struct mdev_migrate_msg why;
	enum result worst = IDENTICAL;
	struct verdict verdict;
	size_t i;

	if (config_read(&base->arena, &source.config, config, &why))
		return INCOMPATIBLE;
	for (i = 0; i < base->fleet.nr; i++) {
		struct type type = *base->types[i];
		struct target target = {
			.host = &base->fleet.hosts[i], .type = &type,
		};

		type.available = 1;
		judge(&base->arena, &verdict, &source, &target);
		if (verdict.result > worst)
			worst = verdict.result;
	}
	return worst;
}

int cmd_baseline(const struct options *options)
{
	struct baseline base = { 0 };
	const char *config;
	int ret, printed = 0;

	ret = fleet_read(&base.fleet, options);
	if (ret)
		return ret;
	ret = choose_model(&base, options->model);
	if (!ret)
		ret = find_types(&base);
	if ((ret == DONE_NO || ret == DONE_UNKNOWN) && options->json) {
		printed = print_without(&base);
		ret = printed ? printed : ret;
	} else if (!ret) {
		collect(&base);
		config = config_of(&base);
		ret = config ? result_status(combination(&base, config)) :
			       DONE_NO;
		if (options->json) {
			printed = json_print(to_json(&base, config), stdout,
					     "standard output", false);
		} else {
			print_text(&base, config);
			printed = finish_output(stdout, "standard output");
		}
		if (printed)
			ret = printed;
		else if (ret == DONE_UNKNOWN)
			complain(DONE_ERROR,
				 "each value is allowed on every host; only the hosts can tell whether the combination is: ask there");
	}
	free(base.choices);
	arena_free(&base.arena);
	fleet_free(&base.fleet);
	return ret;
}
