// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parameters and configurations as text, turned into what the module's own code
 * works on, so that the two cannot disagree about a value.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define NAME_MAX_LEN	(MDEV_MIGRATE_VALUE_SIZE - 1)

static int fail(struct mdev_migrate_msg *why, const char *fmt, ...)
	fmt_printf(2, 3);

static int fail(struct mdev_migrate_msg *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
	return -EINVAL;
}

static bool name_ok(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len && len <= NAME_MAX_LEN && !name[len];
}

static int count_words(const char *text)
{
	int nr = 0;

	while (*(text += strspn(text, " "))) {
		text += strcspn(text, " ");
		nr++;
	}
	return nr;
}

/* "0-64" or "1500" */
static int parse_range(const char *text, size_t len,
		       struct mdev_migrate_range *range)
{
	static const struct mdev_migrate_range all = { 0, UINT64_MAX };
	static const struct mdev_migrate_param any = {
		.name = "", .type = MDEV_MIGRATE_UINT, .allowed = &all,
		.nr_allowed = 1,
	};
	const char *dash = memchr(text, '-', len);
	size_t first = dash ? (size_t)(dash - text) : len;
	int ret;

	ret = mdev_migrate_param_parse(&any, text, first, &range->first, NULL);
	range->last = range->first;
	if (!ret && dash)
		ret = mdev_migrate_param_parse(&any, dash + 1, len - first - 1,
					       &range->last, NULL);
	return ret || range->last < range->first ? -EINVAL : 0;
}

static int build_ranges(struct arena *arena, struct mdev_migrate_param *param,
			const char *allowed, struct mdev_migrate_msg *why)
{
	struct mdev_migrate_range *range;
	int nr = count_words(allowed);
	size_t len;

	range = arena_array(arena, nr, sizeof(*range));
	param->allowed = range;
	for (; *(allowed += strspn(allowed, " ")); allowed += len, range++) {
		len = strcspn(allowed, " ");
		if (parse_range(allowed, len, range))
			return fail(why, "%s: \"%.*s\" is not a number or range",
				    param->name, len < 40 ? (int)len : 40,
				    allowed);
		if (param->nr_allowed++ && range->first <= range[-1].last)
			return fail(why, "%s: the allowed ranges are not ascending",
				    param->name);
	}
	return 0;
}

/* Only the words that are allowed are known; value is the index. */
static int build_words(struct arena *arena, struct mdev_migrate_param *param,
		       const char *allowed, struct mdev_migrate_msg *why)
{
	bool is_bool = param->type == MDEV_MIGRATE_BOOL;
	int nr = count_words(allowed), i = 0;
	struct mdev_migrate_range *range;
	const char **words;
	size_t len;

	words = arena_array(arena, nr + 1, sizeof(*words));
	range = arena_array(arena, 2, sizeof(*range));
	range->last = nr ? nr - 1 : 0;
	for (; *(allowed += strspn(allowed, " ")); allowed += len) {
		len = strcspn(allowed, " ");
		words[i] = arena_strndup(arena, allowed, len);
		if (len > NAME_MAX_LEN ||
		    (is_bool && strcmp(words[i], "on") && strcmp(words[i], "off")))
			return fail(why, "%s: \"%.40s\" is not %s", param->name,
				    words[i], is_bool ? "on or off" : "a value");
		i++;
	}
	param->allowed = range;
	param->nr_allowed = nr ? 1 : 0;
	if (!is_bool) {
		param->words = words;
		return 0;
	}
	range->first = 1;
	range->last = 0;
	while (i--) {
		bool on = !strcmp(words[i], "on");

		if (range->first > on)
			range->first = on;
		if (range->last < on)
			range->last = on;
	}
	return 0;
}

static int build_value(const struct mdev_migrate_param *param, const char *what,
		       const char *text, __u64 *value,
		       struct mdev_migrate_msg *why)
{
	if (!text)
		return fail(why, "%s: its %s value is missing", param->name, what);
	if (!mdev_migrate_param_parse(param, text, strlen(text), value, NULL))
		return 0;
	return fail(why, "%s: its %s value \"%.40s\" is not one of those allowed",
		    param->name, what, text);
}

/* A type's parameter from what its files, or a snapshot's members, say. */
int param_build(struct arena *arena, struct param *param,
		const struct param_text *text, struct mdev_migrate_msg *why)
{
	static const char * const types[] = {
		[MDEV_MIGRATE_BOOL] = "bool",
		[MDEV_MIGRATE_UINT] = "uint",
		[MDEV_MIGRATE_WORD] = "word",
	};
	struct mdev_migrate_param *codec = &param->codec;
	unsigned int i;
	int ret;

	if (!name_ok(text->name))
		return fail(why, "\"%.40s\" is not a parameter's name", text->name);
	codec->name = arena_strdup(arena, text->name);
	codec->description = arena_strdup(arena, text->description);
	for (i = 0; i < 3; i++) {
		if (text->type && !strcmp(text->type, types[i]))
			break;
	}
	if (i == 3)
		return fail(why, "%s: its type is \"%.20s\", not bool, uint or word",
			    codec->name, text->type ? text->type : "");
	if (!text->allowed)
		return fail(why, "%s: its allowed values are missing",
			    codec->name);
	codec->type = i;
	ret = i == MDEV_MIGRATE_UINT ?
		build_ranges(arena, codec, text->allowed, why) :
		build_words(arena, codec, text->allowed, why);
	if (!ret)
		ret = build_value(codec, "off", text->off, &codec->off, why);
	if (!ret)
		ret = build_value(codec, "default", text->def, &param->def, why);
	return ret;
}

static int compare_params(const void *a, const void *b)
{
	return strcmp(((const struct param *)a)->codec.name,
		      ((const struct param *)b)->codec.name);
}

int params_sort(struct params *params, struct mdev_migrate_msg *why)
{
	size_t i;

	if (params->nr > 1)
		qsort(params->params, params->nr, sizeof(*params->params),
		      compare_params);
	for (i = 1; i < params->nr; i++) {
		if (!compare_params(&params->params[i - 1], &params->params[i]))
			return fail(why, "%s: there are two parameters of this name",
				    params->params[i].codec.name);
	}
	return 0;
}

const struct param *params_find(const struct params *params, const char *name)
{
	struct param key = { .codec = { .name = name } };

	if (!params->nr)
		return NULL;
	return bsearch(&key, params->params, params->nr, sizeof(key),
		       compare_params);
}

const char *param_value(struct arena *arena, const struct param *param,
			uint64_t value)
{
	char text[MDEV_MIGRATE_VALUE_SIZE];

	mdev_migrate_param_format(&param->codec, value, text, sizeof(text));
	return arena_strdup(arena, text);
}

const char *param_allowed(struct arena *arena, const struct param *param)
{
	int len = mdev_migrate_param_format_allowed(&param->codec, NULL, 0);
	char *text = arena_alloc(arena, len + 1);

	mdev_migrate_param_format_allowed(&param->codec, text, len + 1);
	return text;
}

const char *param_type_name(const struct param *param)
{
	switch (param->codec.type) {
	case MDEV_MIGRATE_BOOL:
		return "bool";
	case MDEV_MIGRATE_UINT:
		return "uint";
	default:
		return "word";
	}
}

static int compare_items(const void *a, const void *b)
{
	return strcmp(((const struct config_item *)a)->name,
		      ((const struct config_item *)b)->name);
}

static int read_item(struct arena *arena, struct config *config,
		     const char *text, size_t len, struct mdev_migrate_msg *why)
{
	const char *eq = memchr(text, '=', len);
	struct config_item *item = &config->items[config->nr];

	if (!eq || eq == text)
		return fail(why, "\"%.*s\" is not <parameter>=<value>",
			    len < 64 ? (int)len : 64, text);
	item->name = arena_strndup(arena, text, eq - text);
	item->value = arena_strndup(arena, eq + 1, text + len - eq - 1);
	if (!name_ok(item->name))
		return fail(why, "\"%.40s\" is not a parameter's name", item->name);
	config->nr++;
	return 0;
}

/*
 * A canonical configuration string. What its parameters mean depends on whose
 * they are; here they are text.
 */
int config_read(struct arena *arena, struct config *config, const char *text,
		struct mdev_migrate_msg *why)
{
	static const char key[] = "model=";
	size_t i, len, commas = 0;

	memset(config, 0, sizeof(*config));
	for (i = 0; text[i]; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return fail(why,
				    "byte %zu of the configuration is white space or not printable",
				    i);
		commas += text[i] == ',';
	}
	len = strcspn(text, ",");
	if (strncmp(text, key, sizeof(key) - 1) || len == sizeof(key) - 1)
		return fail(why, "a configuration begins with model=<uri>, not \"%.*s\"",
			    len < 64 ? (int)len : 64, text);
	config->text = arena_strdup(arena, text);
	config->model = arena_strndup(arena, text + sizeof(key) - 1,
				      len - sizeof(key) + 1);
	config->items = arena_array(arena, commas + 1, sizeof(*config->items));
	while (text[len]) {
		int ret;

		text += len + 1;
		len = strcspn(text, ",");
		ret = read_item(arena, config, text, len, why);
		if (ret)
			return ret;
	}
	qsort(config->items, config->nr, sizeof(*config->items), compare_items);
	for (i = 1; i < config->nr; i++) {
		if (!compare_items(&config->items[i - 1], &config->items[i]))
			return fail(why, "%s: given twice", config->items[i].name);
	}
	return 0;
}

/* NULL if it is off. */
const char *config_value(const struct config *config, const char *name)
{
	struct config_item key = { .name = name };
	struct config_item *item;

	if (!config->nr)
		return NULL;
	item = bsearch(&key, config->items, config->nr, sizeof(key),
		       compare_items);
	return item ? item->value : NULL;
}

/* The defaults' canonical configuration. */
char *params_config(struct arena *arena, const char *model,
		    const struct params *params)
{
	struct text text = { 0 };
	char *config;
	size_t i;

	text_printf(&text, "model=%s", model);
	for (i = 0; i < params->nr; i++) {
		const struct param *param = &params->params[i];
		char value[MDEV_MIGRATE_VALUE_SIZE];

		if (param->def == param->codec.off)
			continue;
		mdev_migrate_param_format(&param->codec, param->def, value,
					  sizeof(value));
		text_printf(&text, ",%s=%s", param->codec.name, value);
	}
	config = arena_strndup(arena, text.data, text.len);
	text_free(&text);
	return config;
}
