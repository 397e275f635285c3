/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Items into bins that have room: which can all be in at once? The items of a group go
 * to one host's bins. Nothing here knows what an item is.
 *
 * The answer is exact: what is placed fits, and what is not does not fit beside what
 * is. Where each group is one item and all items take the same of a bin, that is a
 * matching, for any number of them. Otherwise it is a search, which gives up after so
 * many steps, and says so.
 */
#ifndef MDEV_MIGRATE_PACK_H
#define MDEV_MIGRATE_PACK_H

#include "../../common/util.h"

#define PACK_NONE	SIZE_MAX

/* What a search may take: a second or so. */
#define PACK_STEPS	5000000

/**
 * struct pack_edge - an item of a class may be in a bin
 * @bin: which
 * @cost: what it takes of the bin's room
 * @what: for the caller
 */
struct pack_edge {
	size_t bin;
	uint64_t cost;
	const void *what;
};

/**
 * struct pack_class - items that are alike
 * @edges: by host; of one host the best first
 * @from: by host, and one more: where in @edges its begin
 * @hosts: where there are edges to, the best first
 * @nr_hosts: how many
 * @before: for each of @hosts the one before in them that is the same, or PACK_NONE
 */
struct pack_class {
	struct pack_edge *edges;
	size_t *from;
	size_t *hosts;
	size_t nr_hosts;
	size_t *before;
};

enum pack_state {
	PACK_PLACED,
	PACK_NO,
	PACK_GAVE_UP,
};

/**
 * struct pack_group - items that go to one host
 * @first: of the items
 * @nr: how many
 * @state: the answer
 * @host: where they are, or PACK_NONE
 * @next: another group that is there
 */
struct pack_group {
	size_t first;
	size_t nr;
	enum pack_state state;
	size_t host;
	size_t next;
};

/**
 * struct pack - items and bins; zero it, and set all members but those from @at on
 * @arena: memory
 * @nr_hosts: how many hosts
 * @bins_of: by host, and one more: where its bins begin
 * @room: by bin
 * @nr_classes: how many classes
 * @classes: see there; without @before
 * @nr_items: how many items
 * @class_of: by item; those of a group are in the order of their classes
 * @nr_groups: how many groups
 * @groups: their items, in order; @first and @nr only
 * @steps: that searches may still take
 * @at: by item, the result: where it is, or NULL
 * @kinds: by host: the same for hosts that are the same
 * @likes: by bin: the same for bins that are the same
 * @simple: it is a matching
 * @groups_at: by host: the first group there
 * @items: of one host, while they are tried
 * @left: by bin: room, likewise
 * @relaxed: as if each item took as little as the one that takes least
 * @scratch: one host's
 */
struct pack {
	struct arena *arena;
	size_t nr_hosts;
	size_t *bins_of;
	uint64_t *room;
	size_t nr_classes;
	struct pack_class *classes;
	size_t nr_items;
	size_t *class_of;
	size_t nr_groups;
	struct pack_group *groups;
	uint64_t steps;
	const struct pack_edge **at;
	size_t *kinds;
	size_t *likes;
	bool simple;
	size_t *groups_at;
	size_t *items;
	uint64_t *left;
	struct flow *relaxed;
	struct flow *scratch;
};

/* Places as many groups as it can. True if all. */
bool pack_run(struct pack *pack);
size_t pack_alone(struct pack *pack, size_t group);

/* flow.c: each item takes one of so many places of a bin. */

/**
 * struct flow - a matching of items and bins that can be added to
 * @pack: the items and bins
 * @host: only this one's bins, or PACK_NONE
 * @most: by bin: how many items it takes
 * @nr: by bin: how many are in it
 * @first: by bin: one of them
 * @next: by item: another in the same bin
 * @at: by item: where it is
 * @seen: by bin: @mark, if it was looked at
 * @mark: changes with each item that is added
 */
struct flow {
	const struct pack *pack;
	size_t host;
	size_t *most;
	size_t *nr;
	size_t *first;
	size_t *next;
	const struct pack_edge **at;
	size_t *seen;
	size_t mark;
};

struct flow *flow_new(const struct pack *pack);
void flow_begin(struct flow *flow, size_t host);
bool flow_add(struct flow *flow, size_t item);
void flow_remove(struct flow *flow, size_t item);

/* alike.c: @kinds, @likes, and each class's @before. */
void pack_alike(struct pack *pack);

#endif /* MDEV_MIGRATE_PACK_H */
