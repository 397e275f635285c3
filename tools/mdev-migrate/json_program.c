// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a vfio-user device program prints for --print-migration-info-json. A
 * model has versions, and a version is all there is to compare:
 *
 *	{"models": {"<model>": {"versions": ["<version>", ...]}}}
 */
#include <errno.h>
#include <string.h>

#include "reading.h"

static int fail(struct mdev_migrate_msg *why, const char *model,
		const char *problem)
{
	snprintf(why->text, sizeof(why->text), "model \"%.80s\": %s", model,
		 problem);
	return -EINVAL;
}

static void add_type(struct host *host, const char *model, const char *version)
{
	struct type *type;

	host->types = grow_array(host->types, host->nr_types, sizeof(*type));
	type = &host->types[host->nr_types++];
	*type = (struct type) {
		.model = json_plain_text(&host->arena, model),
		.version = json_plain_text(&host->arena, version),
		.available = UNKNOWN,
		.is_program = true,
	};
	type->name = type->version;
}

int json_program_to_host(struct host *host, const struct json *root,
			 struct mdev_migrate_msg *why)
{
	const struct json *models = json_get(root, "models"), *model, *version;

	host->name = "vfio-user program";
	for (model = json_first(models); model; model = model->next) {
		const struct json *versions = json_get(model, "versions");

		if (!json_is(versions, JSON_ARRAY))
			return fail(why, model->key, "it has no array \"versions\"");
		for (version = json_first(versions); version; version = version->next) {
			if (!json_text(version))
				return fail(why, model->key,
					    "a version is not a string");
			add_type(host, model->key, version->text);
		}
	}
	return 0;
}
