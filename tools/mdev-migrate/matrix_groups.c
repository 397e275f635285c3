// SPDX-License-Identifier: GPL-2.0-only
/* Which hosts are the same, to what is judged. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "matrix.h"

struct key {
	const char *text;
	size_t index;
};

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct key *)a)->text, ((const struct key *)b)->text);
}

/* The how manieth different one it is. */
size_t keys_find(struct arena *arena, struct keys *keys, const char *key,
		 bool *is_new)
{
	struct key wanted = { .text = key }, **found, *added;

	found = tfind(&wanted, &keys->root, compare_keys);
	*is_new = !found;
	if (found)
		return (*found)->index;
	added = arena_alloc(arena, sizeof(*added));
	added->text = arena_strdup(arena, key);
	added->index = keys->nr++;
	if (!tsearch(added, &keys->root, compare_keys))
		out_of_memory();
	return added->index;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char * const *)a, *(const char * const *)b);
}

/* Sorted, each once. */
static size_t sort_texts(const char **texts, size_t nr)
{
	size_t i, left = 0;

	if (nr)
		qsort(texts, nr, sizeof(*texts), compare_texts);
	for (i = 0; i < nr; i++) {
		if (!left || strcmp(texts[i], texts[left - 1]))
			texts[left++] = texts[i];
	}
	return left;
}

static char *join(struct arena *arena, const char * const *texts, size_t nr)
{
	struct text text = { 0 };
	char *joined;
	size_t i;

	for (i = 0; i < nr; i++) {
		text_add(&text, texts[i], strlen(texts[i]));
		text_add(&text, "\n", 1);
	}
	joined = arena_strndup(arena, nr ? text.data : "", text.len);
	text_free(&text);
	return joined;
}

static void add_param(struct text *text, const struct param *param)
{
	struct arena arena = { 0 };

	text_printf(text, "%s %s %s %s %s\n", param->codec.name,
		    param_type_name(param),
		    param_value(&arena, param, param->codec.off),
		    param_value(&arena, param, param->def),
		    param_allowed(&arena, param));
	arena_free(&arena);
}

/* All that a verdict depends on, but whether there is room. */
static char *type_key(struct arena *arena, const struct type *type,
		      const char *now)
{
	const char * const texts[] = {
		type->name, type->pretty_name, type->model, type->version, type->config,
		type->stream, type->combinations, type->unreadable, now,
		type->is_program ? "program" : NULL,
	};
	struct text text = { 0 };
	char *key;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		text_printf(&text, "%c%s\n", texts[i] ? '=' : '-',
			    texts[i] ? texts[i] : "");
	for (i = 0; type->params && i < type->params->nr; i++)
		add_param(&text, &type->params->params[i]);
	key = arena_strdup(arena, text.data);
	text_free(&text);
	return key;
}

/* '+', '0' or '?': whether a device of this type can be made. */
static char room_of(const struct type *type)
{
	if (type->is_program || type->available > 0)
		return '+';
	if (!type->available)
		return '0';
	return type->model ? '?' : '+';
}

/**
 * struct offer - what a host offers
 * @kind: the key of its kind
 * @variant: likewise of its variant
 * @parents: its types with their parents
 */
struct offer {
	const char *kind;
	const char *variant;
	const char *parents;
};

/* What there is of each type: of several parents, at the one with most. */
static const char *rooms_of(struct arena *arena, const struct host *host,
			    char **of_types, const char **keys, size_t nr)
{
	static const char order[] = "0?+";
	char *rooms = arena_alloc(arena, nr + 1);
	size_t i, j;

	for (i = 0; i < nr; i++) {
		rooms[i] = order[0];
		for (j = 0; j < host->nr_types; j++) {
			char room = room_of(&host->types[j]);

			if (!strcmp(of_types[j], keys[i]) &&
			    strchr(order, room) > strchr(order, rooms[i]))
				rooms[i] = room;
		}
	}
	return rooms;
}

static void offer_of(struct arena *arena, struct offer *offer,
		     const struct host *host)
{
	size_t most = host_nr_kinds(host), nr = 0, i;
	char **of_types = arena_array(arena, host->nr_types + 1,
				      sizeof(*of_types));
	const char **keys = arena_array(arena, most + 1, sizeof(*keys));
	const char **parents = arena_array(arena, most + 1, sizeof(*parents));

	for (i = 0; i < host->nr_types; i++) {
		of_types[i] = type_key(arena, &host->types[i], NULL);
		parents[nr] = type_label(arena, &host->types[i]);
		keys[nr++] = of_types[i];
	}
	for (i = 0; i < host->nr_devices; i++) {
		const struct device *device = &host->devices[i];

		if (!device->own)
			continue;
		parents[nr] = device->uuid;
		keys[nr++] = type_key(arena, device->own,
				      device->config ? device->config : "?");
	}
	offer->parents = join(arena, parents, sort_texts(parents, nr));
	nr = sort_texts(keys, nr);
	/* A kernel that can be asked is one of its own. */
	offer->kind = arena_printf(arena, "%s\n%s", host->root ? host->root : "",
				   join(arena, keys, nr));
	offer->variant = arena_printf(arena, "%s%s",
				      rooms_of(arena, host, of_types, keys, nr),
				      offer->kind);
}

/* As it is, but for its name, which is to be nobody's, and its types' room and parents. */
static void copy_host(struct matrix *matrix, struct host *copy,
		      const struct host *host, const struct kind *kind,
		      bool with_room)
{
	size_t i;

	*copy = *host;
	copy->name = "";
	copy->types = arena_array(&matrix->arena, host->nr_types,
				  sizeof(*copy->types));
	if (with_room)
		copy->root = NULL;
	for (i = 0; i < host->nr_types; i++) {
		copy->types[i] = host->types[i];
		if (with_room && copy->types[i].available <= 0)
			copy->types[i].available = 1;
		if (kind->parents_differ)
			copy->types[i].parent = NULL;
	}
}

static void add_host(size_t **hosts, size_t *nr, size_t host)
{
	*hosts = grow_array(*hosts, *nr, sizeof(**hosts));
	(*hosts)[(*nr)++] = host;
}

static void group_target(struct matrix *matrix, size_t at, const char **parents)
{
	struct arena scratch = { 0 };
	struct offer offer;
	size_t kind, variant;
	bool is_new;

	offer_of(&scratch, &offer, &matrix->fleet.hosts[at]);
	kind = keys_find(&matrix->arena, &matrix->kind_keys, offer.kind, &is_new);
	if (is_new) {
		matrix->kinds = grow_array(matrix->kinds, kind,
					   sizeof(*matrix->kinds));
		memset(&matrix->kinds[kind], 0, sizeof(*matrix->kinds));
	}
	parents[at] = arena_strdup(&matrix->arena, offer.parents);
	if (!is_new && strcmp(parents[at], parents[matrix->kinds[kind].hosts[0]]))
		matrix->kinds[kind].parents_differ = true;
	add_host(&matrix->kinds[kind].hosts, &matrix->kinds[kind].nr, at);
	variant = keys_find(&matrix->arena, &matrix->variant_keys, offer.variant,
			    &is_new);
	if (is_new) {
		matrix->variants = grow_array(matrix->variants, variant,
					      sizeof(*matrix->variants));
		matrix->variants[variant] = (struct variant) {
			.kind = kind, .host = matrix->fleet.hosts[at],
		};
	}
	matrix->variants[variant].nr++;
	matrix->variant_of[at] = variant;
	arena_free(&scratch);
}

static bool any_known(const struct host *host)
{
	size_t i;

	for (i = 0; i < host->nr_types; i++) {
		if (host->types[i].model)
			return true;
	}
	return false;
}

/* What a verdict about it depends on. */
static char *source_key(struct arena *arena, const struct source *source)
{
	const struct type *type = source->type;

	return arena_printf(arena, "%s|%s|%s|%s",
			    source->config_known ? source->config.text :
			    source->not_known,
			    type && type->stream ? type->stream : "",
			    type && type->is_program ? "program" : "",
			    type && type->is_program ? type->version : "");
}

static void add_item(struct matrix *matrix, struct arena *scratch,
		     const struct source *source, const char **keys, size_t *nr)
{
	char *key = source_key(scratch, source);
	size_t item;
	bool is_new;

	item = keys_find(&matrix->arena, &matrix->item_keys, key, &is_new);
	if (is_new) {
		matrix->items = grow_array(matrix->items, item,
					   sizeof(*matrix->items));
		matrix->items[item] = *source;
	}
	keys[(*nr)++] = arena_printf(scratch, "%zu", item);
}

/* Its devices; what these could be if there are none. */
static size_t items_of(struct matrix *matrix, struct arena *scratch, size_t at,
		       const char **keys)
{
	struct host *host = &matrix->fleet.hosts[at];
	struct source source;
	size_t nr = 0, i;

	for (i = 0; i < host->nr_devices; i++) {
		source_from_device(&source, host, &host->devices[i]);
		add_item(matrix, scratch, &source, keys, &nr);
	}
	/* Types whose drivers say nothing count if there are no others. */
	for (i = 0; !host->nr_devices && i < host->nr_types; i++) {
		source_from_type(&source, host, &host->types[i]);
		if (source.config_known || !any_known(host))
			add_item(matrix, scratch, &source, keys, &nr);
	}
	return sort_texts(keys, nr);
}

static void group_source(struct matrix *matrix, size_t at)
{
	const struct host *host = &matrix->fleet.hosts[at];
	struct arena scratch = { 0 };
	const char **keys = arena_array(&scratch, host_nr_kinds(host) + 1,
					sizeof(*keys));
	size_t nr = items_of(matrix, &scratch, at, keys), row, i;
	bool is_new;

	row = keys_find(&matrix->arena, &matrix->row_keys,
			join(&scratch, keys, nr), &is_new);
	if (is_new) {
		matrix->rows = grow_array(matrix->rows, row, sizeof(*matrix->rows));
		matrix->rows[row] = (struct row) {
			.items = arena_array(&matrix->arena, nr, sizeof(size_t)),
			.nr_items = nr,
		};
		for (i = 0; i < nr; i++)
			matrix->rows[row].items[i] = strtoull(keys[i], NULL, 10);
	}
	add_host(&matrix->rows[row].hosts, &matrix->rows[row].nr, at);
	matrix->row_of[at] = row;
	arena_free(&scratch);
}

void matrix_group(struct matrix *matrix)
{
	const struct host *hosts = matrix->fleet.hosts;
	size_t nr = matrix->fleet.nr, i;
	const char **parents = arena_array(&matrix->arena, nr, sizeof(*parents));

	matrix->row_of = arena_array(&matrix->arena, nr, sizeof(size_t));
	matrix->variant_of = arena_array(&matrix->arena, nr, sizeof(size_t));
	for (i = 0; i < nr; i++) {
		group_target(matrix, i, parents);
		group_source(matrix, i);
	}
	for (i = 0; i < matrix->kind_keys.nr; i++) {
		struct kind *kind = &matrix->kinds[i];

		copy_host(matrix, &kind->with_room, &hosts[kind->hosts[0]], kind,
			  true);
	}
	for (i = 0; i < matrix->variant_keys.nr; i++) {
		struct variant *variant = &matrix->variants[i];
		struct host host = variant->host;

		copy_host(matrix, &variant->host, &host,
			  &matrix->kinds[variant->kind], false);
	}
}
