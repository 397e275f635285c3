// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two questions: is there a way in which all fit for certain, as large as they can be?
 * If not, is there one in which they may, as small as they can be? Between the two
 * only the hosts' drivers know.
 */
#include <stdlib.h>
#include <string.h>

#include "pack.h"
#include "place.h"

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Is what is judged of them the same everywhere but where they are? */
static bool is_alike(const struct source *a, const struct source *b)
{
	static const struct type nothing;
	const struct type *one = a->type ? a->type : &nothing;
	const struct type *two = b->type ? b->type : &nothing;

	return a->config_known == b->config_known &&
	       same_text(a->config_known ? a->config.text : a->not_known,
			 b->config_known ? b->config.text : b->not_known) &&
	       same_text(one->stream, two->stream) &&
	       one->is_program == two->is_program &&
	       (!one->is_program || same_text(one->version, two->version));
}

/* Sets their @id. Returns how many different ones there are. */
size_t sources_alike(struct source *sources, size_t nr)
{
	size_t i, j, ids = 0;

	for (i = 0; i < nr; i++) {
		for (j = 0; j < i && !is_alike(&sources[i], &sources[j]); j++)
			;
		sources[i].id = j < i ? sources[j].id : ids++;
	}
	return ids;
}

/**
 * struct question - one of the two
 * @place: the devices and hosts
 * @ways: by source's @id
 * @bins: what has room
 * @certain: is it a yes that has to be certain, or a no?
 * @pack: as the search has it
 */
struct question {
	struct place *place;
	const struct ways *ways;
	const struct bins *bins;
	bool certain;
	struct pack pack;
};

/* Hosts in the order of the best that they have for a class. */
struct choice {
	const struct way *best;
	size_t host;
};

static long long room_at(const struct way *way)
{
	return way->target.type && !way->target.device ? way->target.type->available : 0;
}

static int compare_choices(const void *pa, const void *pb)
{
	const struct choice *a = pa, *b = pb;

	if (a->best->result != b->best->result)
		return a->best->result < b->best->result ? -1 : 1;
	if (a->best->writes != b->best->writes)
		return a->best->writes < b->best->writes ? -1 : 1;
	if (room_at(a->best) != room_at(b->best))
		return room_at(a->best) > room_at(b->best) ? -1 : 1;
	return a->host < b->host ? -1 : a->host > b->host;
}

static void order_hosts(struct arena *arena, struct pack_class *class, size_t nr_hosts)
{
	struct choice *choices = arena_array(arena, nr_hosts, sizeof(*choices));
	size_t i, nr = 0;

	for (i = 0; i < nr_hosts; i++) {
		if (class->from[i] < class->from[i + 1])
			choices[nr++] = (struct choice) {
				class->edges[class->from[i]].what, i,
			};
	}
	if (nr)
		qsort(choices, nr, sizeof(*choices), compare_choices);
	class->nr_hosts = nr;
	class->hosts = arena_array(arena, nr, sizeof(size_t));
	for (i = 0; i < nr; i++)
		class->hosts[i] = choices[i].host;
}

static void add_class(struct question *question, const struct ways *ways,
		      struct pack_class *class)
{
	struct place *place = question->place;
	struct arena *arena = &place->arena;
	size_t i, j, nr = 0;

	class->edges = arena_array(arena, ways->nr, sizeof(*class->edges));
	class->from = arena_array(arena, place->nr_hosts + 1, sizeof(size_t));
	for (i = 0; i < place->nr_hosts; i++) {
		class->from[i] = nr;
		for (j = ways->from[i]; j < ways->from[i + 1]; j++) {
			const struct way *way = &ways->ways[j];

			if (question->certain && way->result > COMPATIBLE)
				continue;
			class->edges[nr++] = (struct pack_edge) {
				.bin = way->bin, .what = way,
				.cost = question->certain ? way->most : way->least,
			};
		}
	}
	class->from[i] = nr;
	order_hosts(arena, class, place->nr_hosts);
}

/* Devices are in the order of their groups, and in these of their sources' @id. */
static void add_items(struct question *question)
{
	const struct place *place = question->place;
	struct pack *pack = &question->pack;
	size_t i;

	pack->nr_items = place->nr;
	pack->class_of = arena_array(pack->arena, place->nr, sizeof(size_t));
	pack->groups = arena_array(pack->arena, place->nr, sizeof(*pack->groups));
	for (i = 0; i < place->nr; i++) {
		const struct placed *placed = &place->placed[i];

		pack->class_of[i] = placed->source->id;
		if (!pack->groups[placed->group].nr)
			pack->groups[placed->group].first = i;
		pack->groups[placed->group].nr++;
		pack->nr_groups = placed->group + 1;
	}
}

/* True if all are placed. */
static bool ask(struct question *question)
{
	struct place *place = question->place;
	struct pack *pack = &question->pack;
	size_t i;

	*pack = (struct pack) {
		.arena = &place->arena, .nr_hosts = place->nr_hosts,
		.bins_of = question->bins->of,
		.room = question->certain ? question->bins->most : question->bins->least,
		.nr_classes = place->nr_ids, .steps = PACK_STEPS,
	};
	pack->classes = arena_array(pack->arena, pack->nr_classes,
				    sizeof(*pack->classes));
	for (i = 0; i < pack->nr_classes; i++)
		add_class(question, &question->ways[i], &pack->classes[i]);
	add_items(question);
	return pack_run(pack);
}

static bool is_any(const struct pack *pack, enum pack_state state)
{
	size_t i;

	for (i = 0; i < pack->nr_groups; i++) {
		if (pack->groups[i].state == state)
			return true;
	}
	return false;
}

static void say(struct placed *placed, enum result result, const char *code,
		const char *message)
{
	placed->result = result;
	placed->code = code;
	placed->message = message;
}

/* It fits nowhere, whatever the others do: why not where it is closest to that. */
static void say_alone(struct place *place, struct placed *placed)
{
	struct verdict best = { 0 }, one;
	const struct finding *finding;
	struct arena *arena = &place->arena;
	const char *what, *where;
	size_t i;

	for (i = 0; i < place->nr_hosts && placed->source->config_known; i++) {
		judge_host(arena, &one, placed->source, place->hosts[i]);
		if (!i || verdict_better(&one, &best))
			best = one;
	}
	if (!place->nr_hosts) {
		say(placed, INCOMPATIBLE, "no-other-host", "there is no other host");
		return;
	}
	if (!placed->source->config_known) {
		say(placed, NOT_KNOWN, "source-says-nothing", placed->source->not_known);
		return;
	}
	for (i = 0; i < best.findings.nr; i++) {
		finding = &best.findings.array[i];
		if (finding->result != best.result)
			continue;
		what = best.target.type ? type_label(arena, best.target.type) : "";
		where = place->nr_hosts > 1 ? best.target.host->name : "";
		say(placed, best.result, finding->code,
		    arena_printf(arena, "%s%s%s%s%s", what, *what && *where ? " on " : "",
				 where, *what || *where ? ": " : "", finding->message));
		return;
	}
	/* Its ways have no room of their own. */
	say(placed, NOT_KNOWN, "room-unknown", "it is not known whether there is room for it");
}

/* Each of the group fits somewhere: why not all of them, or not beside the others. */
static void say_together(struct question *yes, struct placed *placed, bool is_no)
{
	struct arena *arena = &yes->place->arena;
	const struct pack_group *group = &yes->pack.groups[placed->group];
	size_t nr = pack_alone(&yes->pack, placed->group);
	const char *rest = is_no ? "" : "; only the hosts' drivers know";

	if (group->state == PACK_GAVE_UP)
		say(placed, NOT_KNOWN, "gave-up",
		    "there are too many ways to try: whether it fits beside the others was not found out");
	else if (group->nr > 1 && !nr)
		say(placed, is_no ? INCOMPATIBLE : NOT_KNOWN,
		    is_no ? "no-room-together" : "room-unknown",
		    arena_printf(arena, yes->place->nr_hosts == 1 ?
				 "it fits, but there is no room for all %zu devices at once%s" :
				 "no host takes all %zu devices that go together%s",
				 group->nr, rest));
	else
		say(placed, is_no ? INCOMPATIBLE : NOT_KNOWN,
		    is_no ? "no-room-together" : "room-unknown",
		    arena_printf(arena, "%zu %s it alone, but the others take the room there%s",
				 nr, nr == 1 ? "host takes" : "hosts take", rest));
}

static void explain(struct question *yes, struct placed *placed, bool is_no)
{
	const struct pack *pack = &yes->pack;
	const struct pack_group *group = &pack->groups[placed->group];
	size_t i, other;

	if (!pack->classes[placed->source->id].nr_hosts) {
		say_alone(yes->place, placed);
		return;
	}
	for (i = 0; i < group->nr; i++) {
		other = group->first + i;
		if (pack->classes[pack->class_of[other]].nr_hosts)
			continue;
		say(placed, is_no ? INCOMPATIBLE : NOT_KNOWN, "stays-together",
		    arena_printf(&yes->place->arena, "it stays with %s, which has no place",
				 yes->place->placed[other].source->name));
		return;
	}
	say_together(yes, placed, is_no);
}

static void answer(struct question *yes, bool is_no)
{
	struct place *place = yes->place;
	struct way *way;
	size_t i;

	for (i = 0; i < place->nr; i++) {
		struct placed *placed = &place->placed[i];

		if (yes->pack.groups[placed->group].state == PACK_PLACED) {
			way = arena_alloc(&place->arena, sizeof(*way));
			*way = *(const struct way *)yes->pack.at[i]->what;
			placed->way = way;
			placed->result = way->result;
			place->nr_fit++;
		} else {
			explain(yes, placed, is_no);
		}
		if (placed->result > place->result)
			place->result = placed->result;
	}
	if (place->nr_fit < place->nr)
		place->result = is_no ? INCOMPATIBLE : NOT_KNOWN;
}

static int compare_placed(const void *pa, const void *pb)
{
	const struct placed *a = pa, *b = pb;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	if (a->source->id != b->source->id)
		return a->source->id < b->source->id ? -1 : 1;
	return a->source < b->source ? -1 : a->source > b->source;
}

/* Sorts @place->placed by the groups, and gives each its answer. */
void place(struct place *place)
{
	struct ways *ways = arena_array(&place->arena, place->nr_ids, sizeof(*ways));
	struct question yes = { .place = place, .ways = ways, .certain = true }, maybe;
	struct bins bins;
	bool is_no = false;
	size_t i;

	place->result = IDENTICAL;
	if (place->nr)
		qsort(place->placed, place->nr, sizeof(*place->placed), compare_placed);
	bins_of_hosts(place, &bins);
	yes.bins = &bins;
	for (i = 0; i < place->nr; i++) {
		struct ways *of = &ways[place->placed[i].source->id];

		if (!of->from)
			ways_of_source(place, &bins, place->placed[i].source, of);
	}
	if (!ask(&yes)) {
		maybe = yes;
		maybe.certain = false;
		is_no = !ask(&maybe) && is_any(&maybe.pack, PACK_NO);
	}
	answer(&yes, is_no);
	for (i = 0; i < place->nr_ids; i++)
		free(ways[i].ways);
}
