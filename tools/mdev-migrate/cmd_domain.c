// SPDX-License-Identifier: GPL-2.0-only
/*
 * domain: which hosts can take all of a domain's devices at once? One host is in
 * memory at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "domain.h"
#include "fleet.h"

/**
 * struct row - a host
 * @name: its name
 * @result: the verdict about all devices
 * @writes: how many values are to be written, in all
 * @devices: of each where it goes, or why not
 */
struct row {
	const char *name;
	enum result result;
	size_t writes;
	struct placed_row *devices;
};

struct asker {
	const struct domain *domain;
	bool own_host;
	const char *own;
	struct source *sources;
	struct device *devices;
	struct type *types;
	size_t nr_ids;
	struct fleet fleet;
	struct arena kept;
	struct row *rows;
	size_t nr;
};

/* What is said of the domain's devices, as if a snapshot said it. */
static void make_sources(struct asker *asker, struct domain *domain)
{
	struct arena *arena = &asker->kept;
	size_t i;

	asker->domain = domain;
	asker->sources = arena_array(arena, domain->nr, sizeof(*asker->sources));
	asker->devices = arena_array(arena, domain->nr, sizeof(*asker->devices));
	asker->types = arena_array(arena, domain->nr, sizeof(*asker->types));
	for (i = 0; i < domain->nr; i++) {
		const struct member_device *member = &domain->devices[i];
		struct device *device = &asker->devices[i];
		struct source *source = &asker->sources[i];

		device->uuid = member->name;
		device->config = member->config;
		asker->types[i].stream = member->stream;
		source_from_device(source, &domain->host, device);
		source->type = &asker->types[i];
		if (!device->config)
			source->not_known = arena_printf(arena,
							 "%s: the domain's description does not say what it is",
							 device->uuid);
	}
	asker->nr_ids = sources_alike(asker->sources, domain->nr);
}

static void add_row(struct asker *asker, const struct host *host)
{
	const struct host *hosts[] = { host };
	struct place placing = {
		.hosts = hosts, .nr_hosts = 1, .nr = asker->domain->nr,
		.nr_ids = asker->nr_ids,
	};
	struct row *row;
	size_t i;

	placing.placed = arena_array(&placing.arena, placing.nr,
				     sizeof(*placing.placed));
	for (i = 0; i < placing.nr; i++)
		placing.placed[i].source = &asker->sources[i];
	place(&placing);
	asker->rows = grow_array(asker->rows, asker->nr, sizeof(*row));
	row = &asker->rows[asker->nr++];
	*row = (struct row) {
		.name = arena_strdup(&asker->kept, host->name),
		.result = placing.result,
		.devices = arena_array(&asker->kept, placing.nr,
				       sizeof(*row->devices)),
	};
	/* In the order of the domain. */
	for (i = 0; i < placing.nr; i++) {
		const struct placed *placed = &placing.placed[i];
		size_t at = placed->source - asker->sources;

		placed_to_row(&asker->kept, &row->devices[at], placed);
		row->writes += row->devices[at].writes;
	}
	arena_free(&placing.arena);
}

static void take_host(void *context, struct host *host)
{
	struct asker *asker = context;

	if (!asker->own_host && host_same(&asker->domain->host, host))
		asker->own = arena_strdup(&asker->kept, host->name);
	else
		add_row(asker, host);
	host_free(host);
	memo_tidy(asker->fleet.memo);
}

static int compare_rows(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;

	if (a->result != b->result)
		return a->result < b->result ? -1 : 1;
	if (a->writes != b->writes && a->result <= COMPATIBLE)
		return a->writes < b->writes ? -1 : 1;
	return natural_compare(a->name, b->name);
}

static struct json *to_json(const struct asker *asker, size_t fit)
{
	struct json *answer = json_answer("domain");
	struct json *hosts = json_new_array();
	size_t i, j;

	json_put_text(answer, "domain", asker->domain->name);
	json_put_number(answer, "fit", fit);
	json_put_number(answer, "hosts_nr", asker->nr);
	json_put_text(answer, "own_host", asker->own);
	for (i = 0; i < asker->nr; i++) {
		struct json *host = json_new_object();
		struct json *devices = json_new_array();

		json_put_text(host, "host", asker->rows[i].name);
		json_put_text(host, "verdict", result_name(asker->rows[i].result));
		json_put_number(host, "writes_nr", asker->rows[i].writes);
		for (j = 0; j < asker->domain->nr; j++)
			json_add(devices, json_from_placed(&asker->rows[i].devices[j]));
		json_put(host, "devices", devices);
		json_add(hosts, host);
	}
	json_put(answer, "hosts", hosts);
	return answer;
}

static void print_rows(const struct asker *asker, size_t fit)
{
	const struct domain *domain = asker->domain;
	int width = 4;
	size_t i, j;

	for (i = 0; i < domain->nr; i++) {
		if ((int)strlen(domain->devices[i].name) > width)
			width = strlen(domain->devices[i].name);
	}
	printf("%zu of %zu hosts can take the %zu device%s of %s", fit, asker->nr,
	       domain->nr, domain->nr == 1 ? "" : "s", domain->name);
	if (asker->own)
		printf(", beside %s, where it is (--own-host counts that too)",
		       asker->own);
	putchar('\n');
	for (i = 0; i < asker->nr; i++) {
		const struct row *row = &asker->rows[i];

		printf("%s  %s%s%s\n", row->name, paint(stdout, row->result),
		       result_name(row->result), paint_off(stdout));
		for (j = 0; j < domain->nr; j++) {
			fputs("  ", stdout);
			print_placed(&row->devices[j], width, false);
		}
	}
}

static int print_answer(struct asker *asker, bool json)
{
	size_t fit = 0, unknown = 0, i;
	int ret;

	if (asker->nr > 1)
		qsort(asker->rows, asker->nr, sizeof(*asker->rows), compare_rows);
	for (i = 0; i < asker->nr; i++) {
		fit += asker->rows[i].result <= COMPATIBLE;
		unknown += asker->rows[i].result == NOT_KNOWN;
	}
	if (json) {
		ret = json_print(to_json(asker, fit), stdout, "standard output", false);
	} else {
		print_rows(asker, fit);
		ret = finish_output(stdout, "standard output");
	}
	if (ret)
		return ret;
	return fit ? DONE_YES : unknown ? DONE_UNKNOWN : DONE_NO;
}

int cmd_domain(const struct options *options)
{
	struct asker asker = { .own_host = options->own_host };
	struct domains domains;
	int ret;

	ret = check_stdin(options->args, options->nr);
	if (!ret)
		ret = domains_read(&domains, options->args[0]);
	if (ret)
		return ret;
	if (domains.nr > 1)
		ret = complain(DONE_ERROR,
			       "%s has %zu domains: one at a time, or see drain --domains",
			       options->args[0], domains.nr);
	if (!ret) {
		make_sources(&asker, &domains.domains[0]);
		asker.fleet.memo = memo_new(asker.nr_ids);
		ret = fleet_each(&asker.fleet, options, 1, "domain", take_host, &asker);
	}
	if (!ret)
		ret = fleet_status(&asker.fleet, print_answer(&asker, options->json));
	fleet_free(&asker.fleet);
	arena_free(&asker.kept);
	host_free(&domains.domains[0].host);
	domains_free(&domains);
	free(asker.rows);
	return ret;
}
