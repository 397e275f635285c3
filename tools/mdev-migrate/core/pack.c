// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each group is tried beside those that are there: as they are; then, if no cheap
 * proof says that it cannot be, with all of them placed anew. Of several ways that are
 * alike only one is tried: the first, where ways are compared item by item.
 */
#include <stdlib.h>
#include <string.h>

#include "pack.h"

/* Items that are tried on one host, in the order of their classes. */
struct trial {
	struct pack *pack;
	size_t host;
	size_t *items;
	size_t nr;
	uint64_t *left;
};

static const struct pack_class *class_of(const struct pack *pack, size_t item)
{
	return &pack->classes[pack->class_of[item]];
}

/*
 * Was a bin that is the same, and has as much left, tried before for this item? Then
 * what goes into this one could as well go into that one.
 */
static bool is_tried(const struct trial *trial, const struct pack_edge *first,
		     const struct pack_edge *edge)
{
	const size_t *likes = trial->pack->likes;

	for (; first < edge; first++) {
		if (likes[first->bin] == likes[edge->bin] &&
		    trial->left[first->bin] == trial->left[edge->bin])
			return true;
	}
	return false;
}

/* From the @i-th on. Of items that are alike a later one goes to no earlier bin. */
static enum pack_state try_items(struct trial *trial, size_t i)
{
	const struct pack_edge *first, *end, *edge;
	struct pack *pack = trial->pack;
	const struct pack_edge **at = pack->scratch->at;
	const struct pack_class *class;
	enum pack_state state;

	if (i == trial->nr)
		return PACK_PLACED;
	class = class_of(pack, trial->items[i]);
	first = class->edges + class->from[trial->host];
	end = class->edges + class->from[trial->host + 1];
	edge = first;
	if (i && class == class_of(pack, trial->items[i - 1]))
		edge = at[trial->items[i - 1]];
	for (; edge < end; edge++) {
		if (!pack->steps)
			return PACK_GAVE_UP;
		pack->steps--;
		if (trial->left[edge->bin] < edge->cost ||
		    is_tried(trial, first, edge))
			continue;
		at[trial->items[i]] = edge;
		trial->left[edge->bin] -= edge->cost;
		state = try_items(trial, i + 1);
		if (state != PACK_NO)
			return state;
		trial->left[edge->bin] += edge->cost;
	}
	return PACK_NO;
}

/* Has each bin of the host room for what the matching has put there? Uses it up. */
static bool is_enough(struct trial *trial)
{
	const struct pack_edge **at = trial->pack->scratch->at;
	size_t i;

	for (i = 0; i < trial->nr; i++) {
		const struct pack_edge *edge = at[trial->items[i]];

		if (trial->left[edge->bin] < edge->cost)
			return false;
		trial->left[edge->bin] -= edge->cost;
	}
	return true;
}

static void begin_trial(struct trial *trial)
{
	const struct pack *pack = trial->pack;
	size_t begin = pack->bins_of[trial->host];

	memcpy(&trial->left[begin], &pack->room[begin],
	       (pack->bins_of[trial->host + 1] - begin) * sizeof(*trial->left));
}

/* All of them on the host. A matching that is none proves that they cannot be. */
static enum pack_state try_host(struct trial *trial)
{
	struct pack *pack = trial->pack;
	size_t i;

	if (pack->steps <= trial->nr)
		return PACK_GAVE_UP;
	pack->steps -= trial->nr;
	flow_begin(pack->scratch, trial->host);
	for (i = 0; i < trial->nr; i++) {
		if (!flow_add(pack->scratch, trial->items[i]))
			return PACK_NO;
	}
	begin_trial(trial);
	if (is_enough(trial))
		return PACK_PLACED;
	begin_trial(trial);
	return try_items(trial, 0);
}

static int compare_items(const void *pa, const void *pb, void *context)
{
	size_t a = *(const size_t *)pa, b = *(const size_t *)pb;
	const struct pack *pack = context;

	if (pack->class_of[a] != pack->class_of[b])
		return pack->class_of[a] < pack->class_of[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* The groups that are there, and this one unless it is PACK_NONE. */
static enum pack_state try_with(struct pack *pack, size_t host, size_t group)
{
	struct trial trial = {
		.pack = pack, .host = host, .items = pack->items, .left = pack->left,
	};
	size_t i;

	if (group == PACK_NONE)
		group = pack->groups_at[host];
	else
		pack->groups[group].next = pack->groups_at[host];
	for (; group != PACK_NONE; group = pack->groups[group].next) {
		for (i = 0; i < pack->groups[group].nr; i++)
			trial.items[trial.nr++] = pack->groups[group].first + i;
	}
	qsort_r(trial.items, trial.nr, sizeof(size_t), compare_items, pack);
	return try_host(&trial);
}

/* It was found to fit, and is found again. */
static void keep(struct pack *pack, size_t host)
{
	uint64_t steps = pack->steps;
	size_t group, i;

	pack->steps = UINT64_MAX;
	try_with(pack, host, PACK_NONE);
	pack->steps = steps;
	for (group = pack->groups_at[host]; group != PACK_NONE;
	     group = pack->groups[group].next) {
		const struct pack_group *there = &pack->groups[group];

		for (i = there->first; i < there->first + there->nr; i++)
			pack->at[i] = pack->scratch->at[i];
	}
}

/* Where the group can go, the best first. */
static const struct pack_class *class_of_group(const struct pack *pack, size_t group)
{
	return class_of(pack, pack->groups[group].first);
}

static bool same_groups(const struct pack *pack, size_t a, size_t b)
{
	const struct pack_group *one = &pack->groups[a], *two = &pack->groups[b];

	return one->nr == two->nr &&
	       !memcmp(&pack->class_of[one->first], &pack->class_of[two->first],
		       one->nr * sizeof(*pack->class_of));
}

/* What cannot be on an empty host cannot be on another that is the same. */
static bool is_another_empty(const struct pack *pack, const struct pack_class *class,
			     size_t i)
{
	if (pack->groups_at[class->hosts[i]] != PACK_NONE)
		return false;
	while ((i = class->before[i]) != PACK_NONE) {
		if (pack->groups_at[class->hosts[i]] == PACK_NONE)
			return true;
	}
	return false;
}

/* Beside what is there, which stays where it is. */
static enum pack_state add_beside(struct pack *pack, size_t group)
{
	const struct pack_class *class = class_of_group(pack, group);
	enum pack_state state;
	size_t i;

	for (i = 0; i < class->nr_hosts; i++) {
		size_t host = class->hosts[i];

		if (is_another_empty(pack, class, i))
			continue;
		state = try_with(pack, host, group);
		if (state == PACK_GAVE_UP)
			return state;
		if (state == PACK_NO)
			continue;
		pack->groups_at[host] = group;
		pack->groups[group].host = host;
		keep(pack, host);
		return PACK_PLACED;
	}
	return PACK_NO;
}

/**
 * struct tree - groups that are all placed anew
 * @pack: the items and bins
 * @groups: which, those that are alike beside each other
 * @nr: how many
 * @chosen: of each, which of its hosts
 */
struct tree {
	struct pack *pack;
	const size_t *groups;
	size_t nr;
	size_t *chosen;
};

/* From the @i-th on. Of groups that are alike a later one goes to no earlier host. */
static enum pack_state try_groups(struct tree *tree, size_t i)
{
	struct pack *pack = tree->pack;
	const struct pack_class *class;
	enum pack_state state;
	size_t group, host, j = 0;

	if (i == tree->nr)
		return PACK_PLACED;
	group = tree->groups[i];
	class = class_of_group(pack, group);
	if (i && same_groups(pack, group, tree->groups[i - 1]))
		j = tree->chosen[i - 1];
	for (; j < class->nr_hosts; j++) {
		if (is_another_empty(pack, class, j))
			continue;
		host = class->hosts[j];
		state = try_with(pack, host, group);
		if (state == PACK_NO)
			continue;
		if (state == PACK_PLACED) {
			tree->chosen[i] = j;
			pack->groups_at[host] = group;
			state = try_groups(tree, i + 1);
		}
		if (state != PACK_NO)
			return state;
		pack->groups_at[host] = pack->groups[group].next;
	}
	return PACK_NO;
}

static void clear_hosts(struct pack *pack)
{
	size_t i;

	for (i = 0; i < pack->nr_hosts; i++)
		pack->groups_at[i] = PACK_NONE;
}

/* All of them anew; if there is no way they stay where they are, but for the last. */
static enum pack_state place_anew(struct pack *pack, const size_t *groups, size_t nr)
{
	struct tree tree = {
		.pack = pack, .groups = groups, .nr = nr,
		.chosen = arena_array(pack->arena, nr, sizeof(size_t)),
	};
	enum pack_state state;
	size_t i, host;

	clear_hosts(pack);
	state = try_groups(&tree, 0);
	if (state == PACK_PLACED) {
		for (i = 0; i < nr; i++)
			pack->groups[groups[i]].host =
				class_of_group(pack, groups[i])->hosts[tree.chosen[i]];
		for (i = 0; i < pack->nr_hosts; i++)
			keep(pack, i);
		return state;
	}
	clear_hosts(pack);
	for (i = 0; i + 1 < nr; i++) {
		host = pack->groups[groups[i]].host;
		pack->groups[groups[i]].next = pack->groups_at[host];
		pack->groups_at[host] = groups[i];
	}
	return state;
}

/* False if even a matching has no place for all of it. */
static bool relaxed_add(struct pack *pack, const struct pack_group *group)
{
	size_t i = 0;

	while (i < group->nr && flow_add(pack->relaxed, group->first + i))
		i++;
	if (i == group->nr)
		return true;
	while (i--)
		flow_remove(pack->relaxed, group->first + i);
	return false;
}

/* @placed are the @nr groups that are there. */
static enum pack_state add_group(struct pack *pack, size_t *placed, size_t nr,
				 size_t group)
{
	struct pack_group *added = &pack->groups[group];
	enum pack_state state;
	uint64_t left;
	size_t i;

	if (!relaxed_add(pack, added))
		return PACK_NO;
	if (pack->simple)
		return PACK_PLACED;
	left = pack->steps;
	pack->steps = PACK_STEPS / 10;
	state = add_beside(pack, group);
	pack->steps = left;
	placed[nr] = group;
	if (state != PACK_PLACED)
		state = place_anew(pack, placed, nr + 1);
	for (i = 0; state != PACK_PLACED && i < added->nr; i++)
		flow_remove(pack->relaxed, added->first + i);
	return state;
}

/* Who can go to few hosts comes first, and of those who has much to place. */
static int compare_groups(const void *pa, const void *pb, void *context)
{
	size_t a = *(const size_t *)pa, b = *(const size_t *)pb, i;
	const struct pack *pack = context;
	const struct pack_group *one = &pack->groups[a], *two = &pack->groups[b];
	size_t hosts_a = class_of_group(pack, a)->nr_hosts;
	size_t hosts_b = class_of_group(pack, b)->nr_hosts;

	if (hosts_a != hosts_b)
		return hosts_a < hosts_b ? -1 : 1;
	if (one->nr != two->nr)
		return one->nr > two->nr ? -1 : 1;
	for (i = 0; i < one->nr; i++) {
		size_t class_a = pack->class_of[one->first + i];
		size_t class_b = pack->class_of[two->first + i];

		if (class_a != class_b)
			return class_a < class_b ? -1 : 1;
	}
	return a < b ? -1 : a > b;
}

/* Each group is one item, and of a bin all take the same? */
static bool is_simple(const struct pack *pack)
{
	struct arena scratch = { 0 };
	uint64_t *costs = arena_array(&scratch, pack->bins_of[pack->nr_hosts],
				      sizeof(*costs));
	bool simple = true;
	size_t i, j;

	for (i = 0; i < pack->nr_groups; i++)
		simple = simple && pack->groups[i].nr == 1;
	for (i = 0; simple && i < pack->nr_classes; i++) {
		const struct pack_class *class = &pack->classes[i];

		for (j = 0; j < class->from[pack->nr_hosts]; j++) {
			uint64_t *cost = &costs[class->edges[j].bin];

			if (*cost && *cost != class->edges[j].cost + 1)
				simple = false;
			*cost = class->edges[j].cost + 1;
		}
	}
	arena_free(&scratch);
	return simple;
}

static void prepare(struct pack *pack)
{
	pack->at = arena_array(pack->arena, pack->nr_items, sizeof(*pack->at));
	pack->relaxed = flow_new(pack);
	pack->simple = is_simple(pack);
	if (pack->simple)
		return;
	pack->scratch = flow_new(pack);
	pack->items = arena_array(pack->arena, pack->nr_items, sizeof(size_t));
	pack->left = arena_array(pack->arena, pack->bins_of[pack->nr_hosts],
				 sizeof(*pack->left));
	pack->groups_at = arena_array(pack->arena, pack->nr_hosts, sizeof(size_t));
	clear_hosts(pack);
	pack_alike(pack);
}

bool pack_run(struct pack *pack)
{
	size_t *order = arena_array(pack->arena, pack->nr_groups, sizeof(size_t));
	size_t *placed = arena_array(pack->arena, pack->nr_groups, sizeof(size_t));
	size_t nr = 0, i;

	prepare(pack);
	for (i = 0; i < pack->nr_groups; i++) {
		order[i] = i;
		pack->groups[i].host = PACK_NONE;
		pack->groups[i].next = PACK_NONE;
	}
	if (pack->nr_groups)
		qsort_r(order, pack->nr_groups, sizeof(*order), compare_groups, pack);
	for (i = 0; i < pack->nr_groups; i++) {
		struct pack_group *group = &pack->groups[order[i]];

		/* What one did not fit beside, another that is alike does not. */
		if (i && same_groups(pack, order[i], order[i - 1]) &&
		    pack->groups[order[i - 1]].state != PACK_PLACED) {
			group->state = pack->groups[order[i - 1]].state;
			continue;
		}
		group->state = add_group(pack, placed, nr, order[i]);
		if (group->state == PACK_PLACED)
			placed[nr++] = order[i];
	}
	if (pack->simple && pack->nr_items)
		memcpy(pack->at, pack->relaxed->at, pack->nr_items * sizeof(*pack->at));
	return nr == pack->nr_groups;
}

/* How many hosts could take the group if nothing else came. After pack_run(). */
size_t pack_alone(struct pack *pack, size_t group)
{
	const struct pack_class *class = class_of_group(pack, group);
	size_t i, nr = 0;

	if (pack->groups[group].nr == 1)
		return class->nr_hosts;
	clear_hosts(pack);
	pack->steps = PACK_STEPS;
	for (i = 0; i < class->nr_hosts; i++)
		nr += try_with(pack, class->hosts[i], group) == PACK_PLACED;
	return nr;
}
