// SPDX-License-Identifier: GPL-2.0-only
/* Which bins and hosts are the same: a search need not try both while they are empty. */
#include <stdlib.h>
#include <string.h>

#include "pack.h"

/* A list of numbers: what a bin, or a host, is to a search. */
struct row {
	const uint64_t *numbers;
	size_t nr;
	size_t index;
};

static int compare_rows(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	size_t i;

	if (a->nr != b->nr)
		return a->nr < b->nr ? -1 : 1;
	for (i = 0; i < a->nr; i++) {
		if (a->numbers[i] != b->numbers[i])
			return a->numbers[i] < b->numbers[i] ? -1 : 1;
	}
	return 0;
}

/* To each row's @index in @ids, the same number for those that are the same. */
static void number(struct row *rows, size_t nr, size_t *ids)
{
	size_t i, id = 0;

	if (nr)
		qsort(rows, nr, sizeof(*rows), compare_rows);
	for (i = 0; i < nr; i++) {
		id += i && compare_rows(&rows[i - 1], &rows[i]);
		ids[rows[i].index] = id;
	}
}

/* A bin is its room, and what each class takes of it. */
static void number_bins(struct pack *pack)
{
	size_t nr_bins = pack->bins_of[pack->nr_hosts], i, j;
	size_t width = pack->nr_classes + 1;
	uint64_t *numbers = arena_array(pack->arena, nr_bins * width, sizeof(*numbers));
	struct row *rows = arena_array(pack->arena, nr_bins, sizeof(*rows));

	for (i = 0; i < nr_bins; i++) {
		numbers[i * width] = pack->room[i];
		rows[i] = (struct row) { &numbers[i * width], width, i };
	}
	for (i = 0; i < pack->nr_classes; i++) {
		const struct pack_class *class = &pack->classes[i];

		/* What may be there for nothing is not what may not be there. */
		for (j = 0; j < class->from[pack->nr_hosts]; j++)
			numbers[class->edges[j].bin * width + 1 + i] =
				class->edges[j].cost + 1;
	}
	number(rows, nr_bins, pack->likes);
}

static int compare_numbers(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return a < b ? -1 : a > b;
}

/* A host is its bins. */
static void number_hosts(struct pack *pack)
{
	size_t nr_bins = pack->bins_of[pack->nr_hosts], i, j;
	uint64_t *numbers = arena_array(pack->arena, nr_bins, sizeof(*numbers));
	struct row *rows = arena_array(pack->arena, pack->nr_hosts, sizeof(*rows));

	for (i = 0; i < nr_bins; i++)
		numbers[i] = pack->likes[i];
	for (i = 0; i < pack->nr_hosts; i++) {
		j = pack->bins_of[i];
		rows[i] = (struct row) { &numbers[j], pack->bins_of[i + 1] - j, i };
		if (rows[i].nr)
			qsort(&numbers[j], rows[i].nr, sizeof(*numbers), compare_numbers);
	}
	number(rows, pack->nr_hosts, pack->kinds);
}

/* Of each class: the host before in its order that is the same. */
static void chain_hosts(struct pack *pack)
{
	size_t *last = arena_array(pack->arena, pack->nr_hosts, sizeof(*last));
	size_t i, j;

	for (i = 0; i < pack->nr_classes; i++) {
		struct pack_class *class = &pack->classes[i];

		for (j = 0; j < pack->nr_hosts; j++)
			last[j] = PACK_NONE;
		class->before = arena_array(pack->arena, class->nr_hosts,
					    sizeof(size_t));
		for (j = 0; j < class->nr_hosts; j++) {
			size_t kind = pack->kinds[class->hosts[j]];

			class->before[j] = last[kind];
			last[kind] = j;
		}
	}
}

void pack_alike(struct pack *pack)
{
	pack->likes = arena_array(pack->arena, pack->bins_of[pack->nr_hosts],
				  sizeof(size_t));
	pack->kinds = arena_array(pack->arena, pack->nr_hosts, sizeof(size_t));
	number_bins(pack);
	number_hosts(pack);
	chain_hosts(pack);
}
