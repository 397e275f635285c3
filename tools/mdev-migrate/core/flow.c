// SPDX-License-Identifier: GPL-2.0-only
/*
 * A matching: who comes later may move those that are there to where they fit too, as
 * far as that goes. So it has as many items as possible, whatever their order.
 */
#include "pack.h"

/* How many of the items that take least a bin has room for. */
static void count_places(struct flow *flow)
{
	const struct pack *pack = flow->pack;
	size_t nr_bins = pack->bins_of[pack->nr_hosts], i, j;
	uint64_t *least = arena_array(pack->arena, nr_bins, sizeof(*least));

	for (i = 0; i < nr_bins; i++)
		least[i] = UINT64_MAX;
	for (i = 0; i < pack->nr_classes; i++) {
		const struct pack_class *class = &pack->classes[i];

		for (j = 0; j < class->from[pack->nr_hosts]; j++) {
			const struct pack_edge *edge = &class->edges[j];

			if (edge->cost < least[edge->bin])
				least[edge->bin] = edge->cost;
		}
	}
	for (i = 0; i < nr_bins; i++) {
		flow->most[i] = pack->nr_items;
		if (least[i] && pack->room[i] / least[i] < pack->nr_items)
			flow->most[i] = pack->room[i] / least[i];
	}
}

struct flow *flow_new(const struct pack *pack)
{
	struct arena *arena = pack->arena;
	size_t nr_bins = pack->bins_of[pack->nr_hosts], i;
	struct flow *flow = arena_alloc(arena, sizeof(*flow));

	flow->pack = pack;
	flow->host = PACK_NONE;
	flow->most = arena_array(arena, nr_bins, sizeof(size_t));
	flow->nr = arena_array(arena, nr_bins, sizeof(size_t));
	flow->first = arena_array(arena, nr_bins, sizeof(size_t));
	flow->seen = arena_array(arena, nr_bins, sizeof(size_t));
	flow->next = arena_array(arena, pack->nr_items, sizeof(size_t));
	flow->at = arena_array(arena, pack->nr_items, sizeof(*flow->at));
	for (i = 0; i < nr_bins; i++)
		flow->first[i] = PACK_NONE;
	count_places(flow);
	return flow;
}

/* Empty, and of this host only. */
void flow_begin(struct flow *flow, size_t host)
{
	size_t bin;

	flow->host = host;
	for (bin = flow->pack->bins_of[host]; bin < flow->pack->bins_of[host + 1]; bin++) {
		flow->nr[bin] = 0;
		flow->first[bin] = PACK_NONE;
	}
}

static void take(struct flow *flow, size_t item, const struct pack_edge *edge)
{
	flow->at[item] = edge;
	flow->next[item] = flow->first[edge->bin];
	flow->first[edge->bin] = item;
	flow->nr[edge->bin]++;
}

void flow_remove(struct flow *flow, size_t item)
{
	size_t bin = flow->at[item]->bin;
	size_t *p = &flow->first[bin];

	while (*p != item)
		p = &flow->next[*p];
	*p = flow->next[item];
	flow->nr[bin]--;
	flow->at[item] = NULL;
}

static bool add(struct flow *flow, size_t item);

/* One that is in the bin goes elsewhere, if one can. */
static bool make_room(struct flow *flow, size_t bin)
{
	size_t *p = &flow->first[bin];

	while (*p != PACK_NONE) {
		size_t other = *p;

		*p = flow->next[other];
		if (add(flow, other)) {
			flow->nr[bin]--;
			return true;
		}
		flow->next[other] = *p;
		*p = other;
		p = &flow->next[other];
	}
	return false;
}

/* A bin with a place left; with @move, one in which another can make it. */
static bool add_somewhere(struct flow *flow, size_t item, bool move)
{
	const struct pack *pack = flow->pack;
	const struct pack_class *class = &pack->classes[pack->class_of[item]];
	const size_t *hosts = flow->host == PACK_NONE ? class->hosts : &flow->host;
	size_t nr = flow->host == PACK_NONE ? class->nr_hosts : 1, i, j;

	for (i = 0; i < nr; i++) {
		for (j = class->from[hosts[i]]; j < class->from[hosts[i] + 1]; j++) {
			const struct pack_edge *edge = &class->edges[j];

			if (!move && flow->nr[edge->bin] == flow->most[edge->bin])
				continue;
			if (move) {
				if (flow->seen[edge->bin] == flow->mark)
					continue;
				flow->seen[edge->bin] = flow->mark;
				if (!make_room(flow, edge->bin))
					continue;
			}
			take(flow, item, edge);
			return true;
		}
	}
	return false;
}

static bool add(struct flow *flow, size_t item)
{
	return add_somewhere(flow, item, false) ||
	       add_somewhere(flow, item, true);
}

/* False if there is no way; then nothing has changed. */
bool flow_add(struct flow *flow, size_t item)
{
	flow->mark++;
	return add(flow, item);
}
