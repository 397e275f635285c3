// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "memo.h"
#include "reading.h"

#define BUCKETS		4096
/* When there are more, all are forgotten. */
#define ENTRIES_MAX	16384

struct entry {
	struct entry *next;
	uint64_t hash;
	struct json *value;
	struct params params;
};

struct memo {
	struct arena arena;
	struct entry *buckets[BUCKETS];
	unsigned int nr;
	size_t sources;
};

struct memo *memo_new(size_t sources)
{
	struct memo *memo = calloc(1, sizeof(*memo));

	if (!memo)
		out_of_memory();
	memo->sources = sources;
	return memo;
}

void memo_free(struct memo *memo)
{
	if (memo)
		arena_free(&memo->arena);
	free(memo);
}

void memo_tidy(struct memo *memo)
{
	if (memo->nr <= ENTRIES_MAX)
		return;
	arena_free(&memo->arena);
	memset(memo->buckets, 0, sizeof(memo->buckets));
	memo->nr = 0;
}

struct params *memo_params(struct memo *memo, const struct json *value,
			   struct mdev_migrate_msg *why)
{
	uint64_t hash = json_hash(value);
	struct entry **bucket = &memo->buckets[hash % BUCKETS];
	struct entry *entry;

	for (entry = *bucket; entry; entry = entry->next) {
		if (entry->hash == hash && json_equal(entry->value, value))
			return &entry->params;
	}
	entry = arena_alloc(&memo->arena, sizeof(*entry));
	if (json_to_params(&memo->arena, &entry->params, value, why))
		return NULL;
	entry->hash = hash;
	entry->value = json_copy(&memo->arena, value);
	entry->params.keep = memo->sources ? &memo->arena : NULL;
	entry->params.judged = arena_array(&memo->arena, memo->sources,
					   sizeof(*entry->params.judged));
	entry->next = *bucket;
	*bucket = entry;
	memo->nr++;
	return &entry->params;
}
