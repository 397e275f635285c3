// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configurations: the first line describes parameters, as
 * NAME:TYPE:OFF:DEFAULT:ALLOWED with semicolons between them, the rest is a
 * configuration. The rules here and the module's own say the same of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/mdev-migrate/core/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char *const program = "fuzz";

#define MODEL	"https://mdev-migrate.org/devices/fuzz"

static int build_params(struct arena *arena, struct params *params, char *line)
{
	struct mdev_migrate_msg why;
	char *item;

	params->params = arena_array(arena, MDEV_MIGRATE_MAX_PARAMS,
				     sizeof(*params->params));
	while ((item = strsep(&line, ";")) &&
	       params->nr < MDEV_MIGRATE_MAX_PARAMS) {
		struct param_text text = { 0 };

		text.name = strsep(&item, ":");
		text.type = strsep(&item, ":");
		text.off = strsep(&item, ":");
		text.def = strsep(&item, ":");
		text.allowed = item;
		if (param_build(arena, &params->params[params->nr], &text, &why))
			return -EINVAL;
		params->nr++;
	}
	return params_sort(params, &why);
}

/* What the module says: 0 or a negative errno. */
static int module_says(struct arena *arena, const struct params *params,
		       const char *text)
{
	struct mdev_migrate_param *list;
	struct mdev_migrate_model model = {
		.uri = MODEL, .nr_params = params->nr,
	};
	struct mdev_migrate_config config;
	struct mdev_migrate_msg why;
	size_t i;

	list = arena_array(arena, params->nr + 1, sizeof(*list));
	for (i = 0; i < params->nr; i++)
		list[i] = params->params[i].codec;
	model.params = list;
	return mdev_migrate_config_parse(&config, &model, text, strlen(text),
					 &why);
}

/* What the tool says: does it fit? */
static bool tool_says(struct arena *arena, struct params *params,
		      const char *text)
{
	struct type type = {
		.name = "fuzz-v1", .model = MODEL, .params = params,
		.available = 1,
	};
	struct source source = { .name = "source", .config_known = true };
	struct host host = { .name = "host", .where = "fuzz" };
	struct target target = { .host = &host, .type = &type };
	struct mdev_migrate_msg why;
	struct verdict verdict;

	if (config_read(arena, &source.config, text, &why))
		return false;
	judge(arena, &verdict, &source, &target);
	return verdict.result <= COMPATIBLE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct params params = { 0 };
	struct arena arena = { 0 };
	char *text, *config;

	text = arena_strndup(&arena, (const char *)data, size);
	config = strchr(text, '\n');
	if (config) {
		*config++ = '\0';
		if (!build_params(&arena, &params, text) &&
		    !module_says(&arena, &params, config) !=
		    tool_says(&arena, &params, config))
			abort();
	}
	arena_free(&arena);
	return 0;
}
