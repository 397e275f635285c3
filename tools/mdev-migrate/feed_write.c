// SPDX-License-Identifier: GPL-2.0-only
/* What a host accepts, for Nova and for Node Feature Discovery. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "feed.h"

/* NFD ignores files that are larger. */
#define NFD_MAX		65536

/* A string of YAML's: what is in it is visible already. */
static void put_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

/*
 * Nova takes one definition of a provider, and ignores providers that a host does not
 * have: so each file names its host, lest another one takes it for its own.
 */
static void put_provider(FILE *out, const char *provider)
{
	bool is_uuid = uuid_ok(provider) || !strcmp(provider, "$COMPUTE_NODE");

	fprintf(out, "  - identification:\n      %s: ", is_uuid ? "uuid" : "name");
	put_quoted(out, provider);
	fputc('\n', out);
}

static void put_inventories(const struct feed *feed, FILE *out)
{
	struct arena arena = { 0 };
	bool is_first = true;
	size_t i;

	for (i = 0; i < feed->nr; i++) {
		const struct feed_model *model = &feed->models[i];

		if (!model->capacity)
			continue;
		if (is_first)
			fputs("    inventories:\n      additional:\n", out);
		is_first = false;
		fprintf(out, "        - %s:\n            total: %lld\n            reserved: 0\n"
			"            min_unit: 1\n            max_unit: %lld\n"
			"            step_size: 1\n            allocation_ratio: 1.0\n",
			feed_model_name(&arena, &nova_naming, model->model),
			model->capacity, model->capacity);
	}
	arena_free(&arena);
}

/* https://docs.openstack.org/nova/latest/admin/managing-resource-providers.html */
int feed_nova(const struct feed *feed, const char *provider, FILE *out)
{
	struct arena arena = { 0 };
	const char **names;
	size_t i, j, nr;

	/* The schema's. */
	if (!*provider || strlen(provider) > 200)
		return complain(DONE_ERROR,
				"\"%s\" is not the name of a resource provider, which has 1 to 200 characters: give another with --provider",
				provider);
	fputs("meta:\n  schema_version: '1.0'\n", out);
	fputs(feed->nr ? "providers:\n" : "providers: []\n", out);
	if (!feed->nr)
		return 0;
	put_provider(out, provider);
	put_inventories(feed, out);
	fputs("    traits:\n      additional:\n", out);
	for (i = 0; i < feed->nr; i++) {
		nr = feed_names(&arena, &nova_naming, &feed->models[i], &names);
		for (j = 0; j < nr; j++)
			fprintf(out, "        - %s\n", names[j]);
	}
	arena_free(&arena);
	return 0;
}

/*
 * For /etc/kubernetes/node-feature-discovery/features.d/. @seconds: how long it is
 * true, 0 for ever
 */
int feed_nfd(const struct feed *feed, long long seconds, FILE *out)
{
	struct arena arena = { 0 };
	struct text text = { 0 };
	const char **names;
	size_t i, j, nr;
	time_t end = time(NULL) + seconds;
	char date[32];

	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime(&end));
	if (seconds)
		text_printf(&text, "# +expiry-time=%s\n", date);
	for (i = 0; i < feed->nr; i++) {
		nr = feed_names(&arena, &nfd_naming, &feed->models[i], &names);
		for (j = 0; j < nr; j++)
			text_printf(&text, "%s=true\n", names[j]);
	}
	arena_free(&arena);
	nr = text.len;
	fputs(text.len ? text.data : "", out);
	text_free(&text);
	if (nr <= NFD_MAX)
		return 0;
	return complain(DONE_ERROR,
			"the labels are %zu bytes; NFD takes files of up to %d: name fewer snapshots",
			nr, NFD_MAX);
}
