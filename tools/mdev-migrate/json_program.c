// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a vfio-user device program prints for --print-migration-info-json. A
 * model has versions, and a version is all there is to compare:
 *
 *	{"models": {"<model>": {"versions": ["<version>", ...]}}}
 */
#include <errno.h>
#include <string.h>

#include "json.h"

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

int json_program_to_host(struct host *host, const json_t *root,
			 struct mdev_migrate_msg *why)
{
	const char *model;
	json_t *value;
	size_t i;

	host->name = "vfio-user program";
	json_object_foreach(json_object_get(root, "models"), model, value) {
		const json_t *versions = json_object_get(value, "versions");

		if (!json_is_array(versions))
			return fail(why, model, "it has no array \"versions\"");
		for (i = 0; i < json_array_size(versions); i++) {
			const char *version =
				json_string_value(json_array_get(versions, i));

			if (!version)
				return fail(why, model, "a version is not a string");
			add_type(host, model, version);
		}
	}
	return 0;
}
