// SPDX-License-Identifier: GPL-2.0-only
/* drain: where can all devices of a host go at once? */
#include <stdlib.h>
#include <string.h>

#include "domain.h"
#include "fleet.h"

/**
 * struct drain - a host, what is on it, and where it may go
 * @arena: holds it
 * @from: the host
 * @domains: which of its devices belong together
 * @sources: its devices
 * @domain_of: by source: its domain, or NULL
 * @group_of: by source: see struct placed
 * @nr: how many
 * @fleet: all hosts that were read
 * @place: the question and the answer
 * @rows: the answer, by source
 */
struct drain {
	struct arena arena;
	struct endpoint from;
	struct domains domains;
	struct source *sources;
	const struct domain **domain_of;
	size_t *group_of;
	size_t nr;
	struct fleet fleet;
	struct place place;
	struct placed_row *rows;
};

static void add_sources(struct drain *drain)
{
	struct host *host = &drain->from.host;
	size_t most = host->nr_devices + host->nr_others, i;

	drain->sources = arena_array(&drain->arena, most, sizeof(*drain->sources));
	drain->domain_of = arena_array(&drain->arena, most, sizeof(*drain->domain_of));
	drain->group_of = arena_array(&drain->arena, most, sizeof(size_t));
	for (i = 0; i < host->nr_devices; i++)
		source_from_device(&drain->sources[drain->nr++], host,
				   &host->devices[i]);
	for (i = 0; i < host->nr_others; i++)
		source_from_other(&drain->sources[drain->nr++], host,
				  &host->others[i]);
}

static size_t find_source(const struct drain *drain, const char *name)
{
	const char *slash = strrchr(name, '/');
	size_t i;

	for (i = 0; i < drain->nr; i++) {
		if (!strcasecmp(drain->sources[i].name, name) ||
		    (slash && !drain->sources[i].device &&
		     !strcasecmp(drain->sources[i].name, slash + 1)))
			break;
	}
	return i;
}

/* A domain that has none of its devices on the host is none of its domains. */
static void mark_domain(struct drain *drain, const struct domain *domain)
{
	size_t i, at, found = 0;

	for (i = 0; i < domain->nr; i++) {
		at = find_source(drain, domain->devices[i].name);
		if (at == drain->nr)
			continue;
		drain->domain_of[at] = domain;
		found++;
	}
	for (i = 0; found && i < domain->nr; i++) {
		if (find_source(drain, domain->devices[i].name) < drain->nr)
			continue;
		complain(DONE_ERROR,
			 "%s has no device %s, which is the domain %s's: is the snapshot, or the domain's description, an old one?",
			 drain->from.host.name, domain->devices[i].name, domain->name);
		drain->fleet.left_out++;
	}
}

/* Who is in no domain goes for itself. */
static void make_groups(struct drain *drain)
{
	size_t i, j, nr = 0;

	for (i = 0; i < drain->nr; i++) {
		for (j = 0; j < i; j++) {
			if (drain->domain_of[i] &&
			    drain->domain_of[j] == drain->domain_of[i])
				break;
		}
		drain->group_of[i] = j < i ? drain->group_of[j] : nr++;
	}
}

/* A host, and not a device or type of it. */
static int open_host(struct drain *drain, const struct options *options)
{
	const char *spec = options->args[0];
	int ret = endpoint_open(&drain->from, spec, options);

	if (ret)
		return ret;
	if (drain->from.config || drain->from.device || drain->from.type ||
	    drain->from.other)
		return complain(DONE_ERROR,
				"drain: %s is not a host: give . or FILE, FILE:HOST/ or ssh:HOST",
				spec);
	drain->fleet.left_out = drain->from.left_out;
	return 0;
}

static int read_domains(struct drain *drain, const struct options *options)
{
	size_t i;
	int ret;

	if (!options->domains)
		return 0;
	for (i = 0; (int)i < options->nr && from_stdin(options->domains); i++) {
		if (from_stdin(options->args[i]))
			return complain(DONE_ERROR,
					"only one of %s and --domains can come from standard input",
					options->args[i]);
	}
	ret = domains_read(&drain->domains, options->domains);
	for (i = 0; !ret && i < drain->domains.nr; i++)
		mark_domain(drain, &drain->domains.domains[i]);
	return ret;
}

/* All hosts but the one that is to be empty. */
static void place_all(struct drain *drain)
{
	struct place *placing = &drain->place;
	const struct host **hosts = arena_array(&drain->arena, drain->fleet.nr,
						sizeof(*hosts));
	size_t i;

	for (i = 0; i < drain->fleet.nr; i++) {
		if (!host_same(&drain->from.host, &drain->fleet.hosts[i]))
			hosts[placing->nr_hosts++] = &drain->fleet.hosts[i];
	}
	placing->hosts = hosts;
	placing->nr = drain->nr;
	placing->placed = arena_array(&drain->arena, drain->nr,
				      sizeof(*placing->placed));
	for (i = 0; i < drain->nr; i++) {
		placing->placed[i].source = &drain->sources[i];
		placing->placed[i].group = drain->group_of[i];
	}
	place(placing);
	drain->rows = arena_array(&drain->arena, drain->nr, sizeof(*drain->rows));
	for (i = 0; i < drain->nr; i++) {
		size_t at = placing->placed[i].source - drain->sources;

		placed_to_row(&drain->arena, &drain->rows[at], &placing->placed[i]);
		if (drain->domain_of[at])
			drain->rows[at].domain = drain->domain_of[at]->name;
	}
}

static struct json *to_json(const struct drain *drain)
{
	struct json *answer = json_answer("drain");
	struct json *devices = json_new_array();
	size_t i;

	json_put_text(answer, "host", drain->from.host.name);
	json_put_text(answer, "verdict", result_name(drain->place.result));
	json_put_number(answer, "fit", drain->place.nr_fit);
	json_put_number(answer, "of", drain->nr);
	json_put_number(answer, "hosts_nr", drain->place.nr_hosts);
	for (i = 0; i < drain->nr; i++)
		json_add(devices, json_from_placed(&drain->rows[i]));
	json_put(answer, "devices", devices);
	return answer;
}

static void print_rows(const struct drain *drain)
{
	int width = 4;
	size_t i;

	for (i = 0; i < drain->nr; i++) {
		if ((int)strlen(drain->rows[i].device) > width)
			width = strlen(drain->rows[i].device);
	}
	printf("%s%s%s: %zu of %zu devices of %s can go to the %zu other hosts%s\n",
	       paint(stdout, drain->place.result), result_name(drain->place.result),
	       paint_off(stdout), drain->place.nr_fit, drain->nr,
	       drain->from.host.name, drain->place.nr_hosts,
	       drain->domains.nr || drain->nr < 2 ? "" :
	       ", each by itself: --domains says which belong together");
	for (i = 0; i < drain->nr; i++)
		print_placed(&drain->rows[i], width, true);
}

static int print_answer(const struct drain *drain, bool json)
{
	int ret;

	if (json) {
		ret = json_print(to_json(drain), stdout, "standard output", false);
	} else {
		print_rows(drain);
		ret = finish_output(stdout, "standard output");
	}
	return ret ? ret : result_status(drain->place.result);
}

static int drain_host(struct drain *drain, const struct options *options)
{
	unsigned long left_out;
	int ret;

	add_sources(drain);
	ret = read_domains(drain, options);
	if (ret)
		return ret;
	make_groups(drain);
	drain->place.nr_ids = sources_alike(drain->sources, drain->nr);
	left_out = drain->fleet.left_out;
	ret = fleet_read(&drain->fleet, options, 1, drain->place.nr_ids);
	if (ret)
		return ret;
	drain->fleet.left_out += left_out;
	place_all(drain);
	return fleet_status(&drain->fleet, print_answer(drain, options->json));
}

int cmd_drain(const struct options *options)
{
	struct drain drain = { 0 };
	int ret;

	ret = check_stdin(options->args, options->nr);
	if (ret)
		return ret;
	ret = open_host(&drain, options);
	if (!ret)
		ret = drain_host(&drain, options);
	fleet_free(&drain.fleet);
	domains_free(&drain.domains);
	endpoint_close(&drain.from);
	arena_free(&drain.place.arena);
	arena_free(&drain.arena);
	return ret;
}
