// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scanner finds where a host's name and its types' members are; the library
 * reads each distinct text once. Where a text begins as an object that was seen
 * before it is that object, since objects end with their own bracket: most are
 * recognized without being scanned.
 *
 * Anything unusual is left to the library as a whole document.
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "memo.h"
#include "scan.h"

#define BUCKETS		4096
/* When there are more distinct texts than this, all are forgotten. */
#define ENTRIES_MAX	16384
#define RECENT		16

struct entry {
	struct entry *next;
	uint64_t hash;
	size_t len;
	const char *text;
	json_t *json;
	const char *string;
	struct params *params;
};

struct memo {
	struct arena arena;
	struct entry *buckets[BUCKETS];
	struct entry *recent[RECENT];
	unsigned int nr_recent;
	unsigned int nr_entries;
};

struct memo *memo_new(void)
{
	struct memo *memo = calloc(1, sizeof(*memo));

	if (!memo)
		out_of_memory();
	return memo;
}

static void forget(struct memo *memo)
{
	unsigned int i;

	for (i = 0; i < BUCKETS; i++) {
		struct entry *entry;

		for (entry = memo->buckets[i]; entry; entry = entry->next)
			json_decref(entry->json);
	}
	arena_free(&memo->arena);
	memset(memo, 0, sizeof(*memo));
}

void memo_free(struct memo *memo)
{
	forget(memo);
	free(memo);
}

static uint64_t hash_of(struct slice slice)
{
	const uint64_t prime = 0x9e3779b97f4a7c15ULL;
	uint64_t hash = slice.len * prime, word;
	const char *p = slice.text;
	size_t left = slice.len;

	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		hash = (hash ^ word) * prime;
		hash ^= hash >> 29;
	}
	word = 0;
	memcpy(&word, p, left);
	hash = (hash ^ word) * prime;
	return hash ^ hash >> 32;
}

/* The text's entry, made if need be; NULL if the library does not take it. */
static struct entry *look_up(struct memo *memo, struct slice slice)
{
	uint64_t hash = hash_of(slice);
	struct entry **bucket = &memo->buckets[hash % BUCKETS];
	struct entry *entry;
	json_t *json;

	for (entry = *bucket; entry; entry = entry->next) {
		if (entry->hash == hash && entry->len == slice.len &&
		    !memcmp(entry->text, slice.text, slice.len))
			return entry;
	}
	json = json_loadb(slice.text, slice.len,
			  JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	if (!json)
		return NULL;
	entry = arena_alloc(&memo->arena, sizeof(*entry));
	entry->hash = hash;
	entry->len = slice.len;
	entry->text = arena_strndup(&memo->arena, slice.text, slice.len);
	entry->json = json;
	if (json_is_string(json))
		entry->string = json_plain_text(&memo->arena,
						json_string_value(json));
	entry->next = *bucket;
	*bucket = entry;
	memo->nr_entries++;
	return entry;
}

/* The object that comes next, if it is one of those that came last. */
static struct entry *recent_object(struct memo *memo, struct scanner *scanner)
{
	size_t left = scanner->end - scanner->p;
	unsigned int i;

	for (i = 0; i < RECENT && memo->recent[i]; i++) {
		struct entry *entry = memo->recent[i];

		if (entry->len > left ||
		    memcmp(entry->text, scanner->p, entry->len))
			continue;
		/* To the front, by half: the usual ones gather there. */
		memo->recent[i] = memo->recent[i / 2];
		memo->recent[i / 2] = entry;
		scanner->p += entry->len;
		return entry;
	}
	return NULL;
}

static struct params *next_params(struct memo *memo, struct scanner *scanner)
{
	struct entry *entry = recent_object(memo, scanner);
	struct mdev_migrate_msg why;
	struct slice slice;

	if (entry)
		return entry->params;
	if (!scan_skip(scanner, &slice))
		return NULL;
	entry = look_up(memo, slice);
	if (!entry || !json_is_object(entry->json))
		return NULL;
	if (!entry->params) {
		struct params *params = arena_alloc(&memo->arena,
						    sizeof(*params));

		if (json_to_params(&memo->arena, params, entry->json, &why))
			return NULL;
		params->keep = &memo->arena;
		entry->params = params;
	}
	memo->recent[memo->nr_recent++ % RECENT] = entry;
	return entry->params;
}

static const char *next_string(struct memo *memo, struct scanner *scanner)
{
	struct slice slice;
	struct entry *entry;

	if (!scan_skip(scanner, &slice))
		return NULL;
	entry = look_up(memo, slice);
	return entry ? entry->string : NULL;
}

static bool next_number(struct memo *memo, struct scanner *scanner,
			long long *number)
{
	struct slice slice;
	struct entry *entry;

	if (!scan_skip(scanner, &slice))
		return false;
	entry = look_up(memo, slice);
	if (!entry || !json_is_integer(entry->json))
		return false;
	*number = json_integer_value(entry->json);
	return *number >= 0;
}

static bool read_member(struct memo *memo, struct type *type, struct slice key,
			struct scanner *scanner)
{
	const char **text = NULL;
	struct slice slice;

	if (slice_is(key, "name"))
		text = &type->name;
	else if (slice_is(key, "parent"))
		text = &type->parent;
	else if (slice_is(key, "model"))
		text = &type->model;
	else if (slice_is(key, "version"))
		text = &type->version;
	else if (slice_is(key, "config"))
		text = &type->config;
	else if (slice_is(key, "stream_version"))
		text = &type->stream;
	else if (slice_is(key, "combinations"))
		text = &type->combinations;
	if (text) {
		*text = next_string(memo, scanner);
		return *text;
	}
	if (slice_is(key, "available_instances"))
		return next_number(memo, scanner, &type->available);
	if (!slice_is(key, "params"))
		return scan_skip(scanner, &slice);
	type->params = next_params(memo, scanner);
	return type->params;
}

static bool read_type(struct memo *memo, struct host *host,
		      struct scanner *array)
{
	struct scanner members = {
		.p = array->p + 1, .end = array->end, .first = true,
		.failed = array->p >= array->end || *array->p != '{',
	};
	struct type type = { .available = UNKNOWN };
	struct slice key;

	while (scan_more(&members, '}')) {
		if (!scan_key(&members, &key) ||
		    !read_member(memo, &type, key, &members))
			return false;
	}
	array->p = members.p;
	if (members.failed || !type.name)
		return false;
	host->types = grow_array(host->types, host->nr_types, sizeof(type));
	host->types[host->nr_types++] = type;
	return true;
}

static bool read_types(struct memo *memo, struct host *host,
		       struct scanner *root)
{
	struct scanner array = {
		.p = root->p + 1, .end = root->end, .first = true,
		.failed = root->p >= root->end || *root->p != '[',
	};

	/* Twice the same member: which one counts is not ours to say. */
	if (host->nr_types)
		return false;
	while (scan_more(&array, ']')) {
		if (!read_type(memo, host, &array))
			return false;
	}
	root->p = array.p;
	return !array.failed;
}

/* Few hosts have the same name: it is not kept. */
static bool read_names(struct host *host, struct scanner *root)
{
	const char *name;
	struct slice slice;
	json_t *names;

	if (!scan_skip(root, &slice))
		return false;
	names = json_loadb(slice.text, slice.len, JSON_REJECT_DUPLICATES, NULL);
	name = json_string_value(json_object_get(names, "name"));
	if (name)
		host->name = json_plain_text(&host->arena, name);
	json_decref(names);
	return name;
}

static bool read_schema(struct memo *memo, struct scanner *root)
{
	const char *version = next_string(memo, root);
	char known[16];

	snprintf(known, sizeof(known), "%d.", SCHEMA_MAJOR);
	return version && !strncmp(version, known, strlen(known));
}

/* An array with nothing in it. */
static bool is_empty(struct slice slice)
{
	struct scanner scanner;

	return scan_begin(&scanner, slice, '[') && !scan_more(&scanner, ']') &&
	       !scanner.failed;
}

static bool read_root(struct memo *memo, struct host *host, struct slice doc)
{
	struct scanner root;
	struct slice key, slice;
	bool ok = true, schema = false;

	if (!scan_begin(&root, doc, '{'))
		return false;
	while (ok && scan_more(&root, '}')) {
		if (!scan_key(&root, &key))
			return false;
		if (slice_is(key, "schema_version")) {
			ok = read_schema(memo, &root);
			schema = ok;
		} else if (slice_is(key, "host")) {
			ok = read_names(host, &root);
		} else if (slice_is(key, "types")) {
			ok = read_types(memo, host, &root);
		} else if (slice_is(key, "described_devices")) {
			/* What they can be counts too: few hosts have any. */
			ok = scan_skip(&root, &slice) && is_empty(slice);
		} else {
			ok = scan_skip(&root, &slice);
		}
	}
	return ok && schema && !root.failed && host->name &&
	       scan_space(root.p, root.end) == root.end;
}

int memo_read(struct memo *memo, struct host *host, const struct doc *doc)
{
	struct slice slice = { doc->text, doc->len };
	struct type *types = host->types;
	struct arena arena = host->arena;

	if (memo->nr_entries > ENTRIES_MAX)
		forget(memo);
	arena_reset(&arena);
	/* The array of types is grown anew: grow_array() counts from 0. */
	free(types);
	memset(host, 0, sizeof(*host));
	host->arena = arena;
	host->where = doc->file;
	return read_root(memo, host, slice) ? 0 : -1;
}
