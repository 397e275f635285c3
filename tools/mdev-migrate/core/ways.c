// SPDX-License-Identifier: GPL-2.0-only
/* What has room on the hosts, and what a device could become there. */
#include <stdlib.h>
#include <string.h>

#include "place.h"

/* Room is counted in parts of which each type's share is a whole number, if few are enough. */
#define PARTS_MAX	(1ULL << 40)
#define INSTANCES_MAX	(1LL << 30)

/* Of how many devices of the type there is room for. A device that is there is one. */
static uint64_t instances(const struct type *type)
{
	if (type->device)
		return 1;
	if (type->available <= 0)
		return 0;
	return type->available < INSTANCES_MAX ? type->available : INSTANCES_MAX;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Do they share what they are made of? */
static bool is_beside(const struct type *a, const struct type *b)
{
	return same_text(a->parent, b->parent) && same_text(a->device, b->device);
}

/* The first of the host's kinds that is in the same bin. */
static size_t first_beside(const struct host *host, size_t kind)
{
	const struct type *type = host_kind(host, kind);
	size_t i = 0;

	while (!host_kind(host, i) || !is_beside(host_kind(host, i), type))
		i++;
	return i;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* The least common multiple of what there is of the types beside each other, and @more. */
static uint64_t parts_of(const struct host *host, size_t first, unsigned int more)
{
	const struct type *type = host_kind(host, first);
	uint64_t parts = 1, nr;
	size_t i;

	for (i = first; i < host_nr_kinds(host); i++) {
		const struct type *other = host_kind(host, i);

		if (!other || !is_beside(other, type) || !instances(other))
			continue;
		nr = instances(other) + more;
		parts /= common_divisor(parts, nr);
		if (parts > PARTS_MAX / nr)
			return PARTS_MAX;
		parts *= nr;
	}
	return parts;
}

/* One of each of the host's bins: the first of its kinds. Returns how many. */
static size_t bins_of_host(const struct host *host, size_t *firsts)
{
	size_t i, nr = 0;

	for (i = 0; i < host_nr_kinds(host); i++) {
		if (host_kind(host, i) && first_beside(host, i) == i)
			firsts[nr++] = i;
	}
	return nr;
}

void bins_of_hosts(struct place *place, struct bins *bins)
{
	struct arena *arena = &place->arena;
	size_t i, j, nr = 0, *firsts;

	for (i = 0; i < place->nr_hosts; i++)
		nr += host_nr_kinds(place->hosts[i]) + 1;
	firsts = arena_array(arena, nr, sizeof(*firsts));
	bins->of = arena_array(arena, place->nr_hosts + 1, sizeof(size_t));
	bins->most = arena_array(arena, nr, sizeof(uint64_t));
	bins->least = arena_array(arena, nr, sizeof(uint64_t));
	for (i = 0, nr = 0; i < place->nr_hosts; i++) {
		const struct host *host = place->hosts[i];

		bins->of[i] = nr;
		nr += bins_of_host(host, firsts);
		for (j = bins->of[i]; j < nr; j++) {
			bins->most[j] = parts_of(host, firsts[j - bins->of[i]], 0);
			/* All of them together stay below the whole. */
			bins->least[j] = parts_of(host, firsts[j - bins->of[i]], 1) - 1;
		}
		/* The last is for what nothing is known of, and takes nothing. */
		nr++;
	}
	bins->of[i] = nr;
}

/* How many of the smallest and of the largest of the model's types there is room for. */
static void range_of(const struct host *host, const struct type *type, uint64_t *largest,
		     uint64_t *smallest)
{
	size_t i;

	*largest = INSTANCES_MAX;
	*smallest = 0;
	for (i = 0; i < host_nr_kinds(host); i++) {
		const struct type *other = host_kind(host, i);
		uint64_t nr;

		if (!other || !is_beside(other, type) ||
		    !same_text(other->model, type->model))
			continue;
		nr = instances(other);
		if (nr > *smallest)
			*smallest = nr;
		if (nr < *largest)
			*largest = nr ? nr : 1;
	}
}

/* The type that is what the device is, of which one can be made. */
static const struct type *own_type(const struct host *host, const struct type *beside,
				   const struct source *source)
{
	size_t i;

	for (i = 0; i < host->nr_types; i++) {
		const struct type *type = &host->types[i];

		if (is_beside(type, beside) && instances(type) && type->config &&
		    !strcmp(type->config, source->config.text))
			return type;
	}
	return NULL;
}

/* What it takes. Where nothing is known of that it may be nothing. */
static void measure(const struct bins *bins, const struct host *host,
		    const struct source *source, struct way *way)
{
	const struct type *type = way->target.type, *own;
	uint64_t largest, smallest;

	if (!type->model || !instances(type))
		return;
	own = own_type(host, type, source);
	range_of(host, type, &largest, &smallest);
	if (own) {
		largest = instances(own);
		smallest = largest;
	}
	way->most = (bins->most[way->bin] + largest - 1) / largest;
	way->least = (bins->least[way->bin] + 1) / (smallest + 1);
}

/**
 * struct best - the best that a bin has for a source
 * @verdict: about it
 * @first: of the host's kinds that are in the bin
 * @bin: which
 */
struct best {
	struct verdict verdict;
	size_t first;
	size_t bin;
};

static int compare_best(const void *pa, const void *pb)
{
	const struct best *a = pa, *b = pb;

	if (verdict_better(&a->verdict, &b->verdict))
		return -1;
	if (verdict_better(&b->verdict, &a->verdict))
		return 1;
	return a->bin < b->bin ? -1 : a->bin > b->bin;
}

/* The host's bins, with what is best there. What does not fit is worst. */
static void judge_bins(struct arena *arena, const struct host *host,
		       const struct source *source, struct best *bests, size_t nr)
{
	struct verdict one;
	size_t i, j;

	for (i = 0; i < nr; i++)
		bests[i].verdict.result = INCOMPATIBLE + 1;
	for (i = 0; i < host_nr_kinds(host); i++) {
		struct target target = { .host = host, .type = host_kind(host, i) };

		if (!target.type)
			continue;
		if (i >= host->nr_types)
			target.device = &host->devices[i - host->nr_types];
		if (is_source(source, &target))
			continue;
		for (j = 0; bests[j].first != first_beside(host, i); j++)
			;
		judge(arena, &one, source, &target);
		if (verdict_better(&one, &bests[j].verdict))
			bests[j].verdict = one;
	}
	qsort(bests, nr, sizeof(*bests), compare_best);
}

static void add_way(struct ways *ways, const struct way *way)
{
	ways->ways = grow_array(ways->ways, ways->nr, sizeof(*way));
	ways->ways[ways->nr++] = *way;
}

static void ways_to_host(struct place *place, const struct bins *bins, size_t at,
			 const struct source *source, struct ways *ways)
{
	const struct host *host = place->hosts[at];
	size_t nr = bins->of[at + 1] - bins->of[at] - 1, i;
	struct arena scratch = { 0 };
	struct best *bests;
	size_t *firsts;

	if (!source->config_known) {
		add_way(ways, &(struct way) {
			.host = at, .bin = bins->of[at] + nr, .target.host = host,
			.result = NOT_KNOWN,
		});
		return;
	}
	bests = arena_array(&scratch, nr + 1, sizeof(*bests));
	firsts = arena_array(&scratch, host_nr_kinds(host) + 1, sizeof(*firsts));
	bins_of_host(host, firsts);
	for (i = 0; i < nr; i++) {
		bests[i].first = firsts[i];
		bests[i].bin = bins->of[at] + i;
	}
	if (nr)
		judge_bins(&scratch, host, source, bests, nr);
	for (i = 0; i < nr && bests[i].verdict.result < INCOMPATIBLE; i++) {
		struct way way = {
			.host = at, .bin = bests[i].bin,
			.target = bests[i].verdict.target,
			.result = bests[i].verdict.result,
			.writes = bests[i].verdict.findings.nr_writes,
		};

		measure(bins, host, source, &way);
		add_way(ways, &way);
	}
	arena_free(&scratch);
}

/* @ways->ways is to be freed. */
void ways_of_source(struct place *place, const struct bins *bins,
		    const struct source *source, struct ways *ways)
{
	size_t i;

	memset(ways, 0, sizeof(*ways));
	ways->from = arena_array(&place->arena, place->nr_hosts + 1, sizeof(size_t));
	for (i = 0; i < place->nr_hosts; i++) {
		ways->from[i] = ways->nr;
		ways_to_host(place, bins, i, source, ways);
	}
	ways->from[i] = ways->nr;
}
