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
	const char **without;
	size_t nr_without;
	struct choice *choices;
	size_t nr;
};

/* Five names, or four and how many others there are. */
static const char *some_of(struct arena *arena, const char **names, size_t nr)
{
	size_t named = nr <= 5 ? nr : 4, i;
	const char *some[5];

	for (i = 0; i < named; i++)
		some[i] = names[i];
	if (nr > named)
		some[i++] = arena_printf(arena, "%zu others", nr - named);
	return words_join(arena, some, i);
}

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

/* Those with the model; the others are left out, and named. */
static void choose_hosts(struct baseline *base)
{
	struct fleet *fleet = &base->fleet;
	size_t i, nr = 0;

	base->types = arena_array(&base->arena, fleet->nr, sizeof(*base->types));
	base->without = arena_array(&base->arena, fleet->nr,
				    sizeof(*base->without));
	for (i = 0; i < fleet->nr; i++) {
		const struct type *type = type_of(&fleet->hosts[i], base->model);

		if (type) {
			base->types[nr] = type;
			fleet->hosts[nr++] = fleet->hosts[i];
			continue;
		}
		base->without[base->nr_without++] =
			arena_strdup(&base->arena, fleet->hosts[i].name);
		host_free(&fleet->hosts[i]);
	}
	fleet->nr = nr;
	fleet->left_out += base->nr_without;
	if (base->nr_without)
		complain(DONE_ERROR, "%s is not offered by %s, which %s left out",
			 base->model,
			 some_of(&base->arena, base->without, base->nr_without),
			 base->nr_without == 1 ? "is" : "are");
}

/* The newest version of all. */
static void find_newest(struct baseline *base)
{
	size_t i, j;

	for (i = 0; i < base->fleet.nr; i++) {
		const struct host *host = &base->fleet.hosts[i];

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
	const char **names = arena_array(&base->arena, choice->nr_holds,
					 sizeof(*names));
	size_t i;

	for (i = 0; i < choice->nr_holds; i++)
		names[i] = base->fleet.hosts[choice->holds[i]].name;
	return some_of(&base->arena, names, choice->nr_holds);
}

static struct json *to_json(struct baseline *base, const char *config)
{
	struct json *answer = json_answer("baseline");
	struct json *params = json_new_array();
	size_t i, j;

	json_put_text(answer, "model", base->model);
	json_put_text(answer, "config", config);
	if (base->newest)
		json_put_text(answer, "wanted_version", base->newest->version);
	for (i = 0; i < base->nr; i++) {
		const struct choice *choice = &base->choices[i];
		struct json *object = json_new_object();
		struct json *holds = json_new_array();

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
	if (!base->nr_without)
		return answer;
	params = json_new_array();
	for (i = 0; i < base->nr_without; i++)
		json_add(params, json_string(base->without[i]));
	json_put(answer, "hosts_without", params);
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

static int answer(struct baseline *base, const struct options *options)
{
	const char *config = NULL;
	int ret, printed;

	ret = choose_model(base, options->model);
	if (!ret) {
		choose_hosts(base);
		find_newest(base);
		if (!base->newest)
			ret = DONE_UNKNOWN;
	}
	if (!ret) {
		collect(base);
		config = config_of(base);
		ret = config ? result_status(combination(base, config)) : DONE_NO;
		if (ret == DONE_UNKNOWN)
			complain(DONE_ERROR,
				 "each value is allowed on every host; only the hosts can tell whether the combination is: ask there");
	}
	if (options->json && ret != DONE_ERROR) {
		printed = json_print(to_json(base, config), stdout,
				     "standard output", false);
	} else {
		if (base->newest)
			print_text(base, config);
		printed = finish_output(stdout, "standard output");
	}
	return printed ? printed : ret;
}

int cmd_baseline(const struct options *options)
{
	struct baseline base = { 0 };
	int ret;

	ret = fleet_read(&base.fleet, options, 0, 0);
	if (ret)
		return ret;
	ret = answer(&base, options);
	if (base.newest)
		ret = fleet_status(&base.fleet, ret);
	free(base.choices);
	arena_free(&base.arena);
	fleet_free(&base.fleet);
	return ret;
}
