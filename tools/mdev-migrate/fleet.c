// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "remote.h"

#define NAMED_MAX	5

/* A fleet on its way in. */
struct reading {
	struct fleet *fleet;
	const struct options *options;
	fleet_take take;
	void *context;
	struct arena arena;
	const char **names;
	size_t nr_names;
};

static void take_host(struct reading *reading, struct host *host)
{
	struct fleet *fleet = reading->fleet;

	reading->names = grow_array(reading->names, reading->nr_names,
				    sizeof(*reading->names));
	reading->names[reading->nr_names++] =
		arena_strdup(&reading->arena, host->name);
	fleet->left_out += host->nr_left_out;
	reading->take(reading->context, host);
}

static int take_doc(void *context, struct doc *doc)
{
	struct reading *reading = context;
	struct host host;

	if (host_from_doc(&host, doc, reading->fleet->memo))
		return DONE_ERROR;
	if (host_too_old(&host, reading->options)) {
		host_free(&host);
		return DONE_ERROR;
	}
	take_host(reading, &host);
	return 0;
}

static void read_one(struct reading *reading, const char *file)
{
	struct docs_read done = { 0 };
	struct host host;

	if (remote_len(file) && file[remote_len(file)]) {
		complain(DONE_ERROR, "%s: a whole host is needed here, without \"%s\"",
			 file, file + remote_len(file));
		done.bad++;
	} else if (remote_len(file)) {
		if (remote_each(file, reading->options, take_doc, reading, &done) &&
		    !done.bad)
			done.bad++;
	} else if (strcmp(file, ".")) {
		if (docs_each(file, take_doc, reading, &done) && !done.bad)
			done.bad++;
	} else if (host_from_sysfs(&host, reading->options->root)) {
		done.bad++;
	} else {
		take_host(reading, &host);
	}
	reading->fleet->left_out += done.bad;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char * const *)a, *(const char * const *)b);
}

/* Which of them is meant by its name, nobody knows. */
static void tell_namesakes(struct reading *reading)
{
	const char *twice[NAMED_MAX + 1];
	size_t i, nr = 0;

	if (reading->nr_names)
		qsort(reading->names, reading->nr_names, sizeof(*reading->names),
		      compare_names);
	for (i = 1; i < reading->nr_names && nr <= NAMED_MAX; i++) {
		if (strcmp(reading->names[i - 1], reading->names[i]) ||
		    (nr && !strcmp(twice[nr - 1], reading->names[i])))
			continue;
		twice[nr] = nr < NAMED_MAX ? reading->names[i] : "others";
		nr++;
	}
	if (nr)
		complain(DONE_ERROR,
			 "the names are ambiguous: there is more than one host called %s",
			 words_join(&reading->arena, twice, nr));
}

/*
 * All that @options->args has from @first on; "." is this host. What cannot be
 * read is left out, and said; it is an error only if nothing is left.
 */
int fleet_each(struct fleet *fleet, const struct options *options, int first,
	       const char *what, fleet_take take, void *context)
{
	struct reading reading = {
		.fleet = fleet, .options = options, .take = take,
		.context = context,
	};
	int i, ret;

	ret = check_stdin(options->args, options->nr);
	if (!ret)
		ret = check_max_age(options);
	if (ret)
		return ret;
	progress_begin(what, docs_size((const char * const *)options->args + first,
				       options->nr - first));
	for (i = first; i < options->nr; i++)
		read_one(&reading, options->args[i]);
	progress_end();
	tell_namesakes(&reading);
	if (!reading.nr_names)
		ret = DONE_ERROR;
	else if (fleet->left_out)
		complain(DONE_ERROR, "%lu of %lu could not be used and %s left out",
			 fleet->left_out, fleet->left_out + reading.nr_names,
			 fleet->left_out == 1 ? "is" : "are");
	free(reading.names);
	arena_free(&reading.arena);
	return ret;
}

int fleet_status(const struct fleet *fleet, int status)
{
	return status == DONE_ERROR || !fleet->left_out ?
	       status : status | DONE_LEFT_OUT;
}

static void keep_host(void *context, struct host *host)
{
	struct fleet *fleet = context;

	fleet->hosts = grow_array(fleet->hosts, fleet->nr, sizeof(*host));
	fleet->hosts[fleet->nr++] = *host;
}

/* All of @options->args from @first on, in memory; for @sources see memo_new(). */
int fleet_read(struct fleet *fleet, const struct options *options, int first,
	       size_t sources)
{
	int ret;

	memset(fleet, 0, sizeof(*fleet));
	fleet->memo = memo_new(sources);
	ret = fleet_each(fleet, options, first, "reading", keep_host, fleet);
	if (ret)
		fleet_free(fleet);
	return ret;
}

void fleet_free(struct fleet *fleet)
{
	size_t i;

	for (i = 0; i < fleet->nr; i++)
		host_free(&fleet->hosts[i]);
	free(fleet->hosts);
	memo_free(fleet->memo);
	memset(fleet, 0, sizeof(*fleet));
}
