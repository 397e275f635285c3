// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "json.h"

static struct arena built;
static bool answered;

struct json *json_new(struct arena *arena, enum json_kind kind)
{
	struct json *value = arena_alloc(arena, sizeof(*value));

	value->kind = kind;
	return value;
}

/* @key is NULL for an array's. */
void json_append(struct json *to, const char *key, struct json *value)
{
	value->key = key;
	if (to->first)
		to->last->next = value;
	else
		to->first = value;
	to->last = value;
	to->nr++;
}

/* NULL if it has no such member, or is no object. */
struct json *json_get(const struct json *object, const char *key)
{
	struct json *item;

	if (!json_is(object, JSON_OBJECT))
		return NULL;
	for (item = json_first(object); item; item = item->next) {
		if (!strcmp(item->key, key))
			break;
	}
	return item;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Members count in their order. */
bool json_equal(const struct json *a, const struct json *b)
{
	const struct json *p, *q;

	if (a->kind != b->kind || a->nr != b->nr)
		return false;
	switch (a->kind) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
	case JSON_INTEGER:
		return a->number == b->number;
	case JSON_REAL:
	case JSON_TEXT:
		return !strcmp(a->text, b->text);
	default:
		break;
	}
	for (p = a->first, q = b->first; p && q; p = p->next, q = q->next) {
		if (!same_text(p->key, q->key) || !json_equal(p, q))
			return false;
	}
	return true;
}

static uint64_t mix(uint64_t hash, const char *text)
{
	const uint64_t prime = 0x9e3779b97f4a7c15ULL;
	size_t left = text ? strlen(text) : 0;
	uint64_t word;

	for (; left >= 8; left -= 8, text += 8) {
		memcpy(&word, text, 8);
		hash = (hash ^ word) * prime;
		hash ^= hash >> 29;
	}
	word = left;
	if (left)
		memcpy(&word, text, left);
	hash = (hash ^ word) * prime;
	return hash ^ hash >> 32;
}

uint64_t json_hash(const struct json *value)
{
	uint64_t hash = value->kind + 1;
	const struct json *item;

	if (value->kind == JSON_TEXT || value->kind == JSON_REAL)
		return mix(hash, value->text);
	if (value->kind < JSON_ARRAY)
		return hash + (uint64_t)value->number;
	for (item = json_first(value); item; item = item->next)
		hash = mix(hash * 31 + json_hash(item), item->key);
	return hash;
}

struct json *json_copy(struct arena *arena, const struct json *value)
{
	struct json *copy = json_new(arena, value->kind), *item;

	if (value->kind == JSON_TEXT || value->kind == JSON_REAL)
		copy->text = arena_strdup(arena, value->text);
	else if (value->kind < JSON_ARRAY)
		copy->number = value->number;
	for (item = json_first(value); item; item = item->next)
		json_append(copy, arena_strdup(arena, item->key),
			    json_copy(arena, item));
	return copy;
}

struct json *json_new_object(void)
{
	return json_new(&built, JSON_OBJECT);
}

struct json *json_new_array(void)
{
	return json_new(&built, JSON_ARRAY);
}

/*
 * Arguments and a stream's words are bytes, and an answer may be shown. Of lines
 * JSON itself takes care.
 */
struct json *json_string(const char *text)
{
	struct json *value = json_new(&built, JSON_TEXT);
	struct text shown = { 0 };

	text_add_visible(&shown, text, "\n\t");
	value->text = arena_strdup(&built, shown.data);
	text_free(&shown);
	return value;
}

struct json *json_real(double number)
{
	struct json *value = json_new(&built, JSON_REAL);

	value->text = arena_printf(&built, "%.3f", number);
	return value;
}

void json_put(struct json *object, const char *key, struct json *value)
{
	json_append(object, arena_strdup(&built, key), value);
}

void json_add(struct json *array, struct json *value)
{
	json_append(array, NULL, value);
}

/* What is not known is left out. */
void json_put_text(struct json *object, const char *key, const char *value)
{
	if (value)
		json_put(object, key, json_string(value));
}

void json_put_number(struct json *object, const char *key, long long value)
{
	struct json *number;

	if (value == UNKNOWN)
		return;
	number = json_new(&built, JSON_INTEGER);
	number->number = value;
	json_put(object, key, number);
}

void json_put_bool(struct json *object, const char *key, bool value)
{
	struct json *flag = json_new(&built, JSON_BOOL);

	flag->number = value;
	json_put(object, key, flag);
}

/* The members of @from that @to has not, which are @to's then. */
void json_take_members(struct json *to, const struct json *from)
{
	struct json *item = json_first(from), *next;

	for (; item; item = next) {
		next = item->next;
		item->next = NULL;
		if (!json_get(to, item->key))
			json_append(to, item->key, item);
	}
}

void json_forget(void)
{
	arena_free(&built);
}

void json_put_schema(struct json *object)
{
	json_put_text(object, "schema_version",
		      arena_printf(&built, "%d.%d", SCHEMA_MAJOR, SCHEMA_MINOR));
}

/* What a command answers with --json. */
struct json *json_answer(const char *command)
{
	struct json *answer = json_new_object();

	json_put_schema(answer);
	json_put_text(answer, "command", command);
	return answer;
}

static void write_out(void *out, const char *text, size_t len)
{
	fwrite(text, 1, len, out);
}

static void generate_text(yajl_gen gen, const char *text)
{
	yajl_gen_string(gen, (const unsigned char *)text, strlen(text));
}

static void generate(yajl_gen gen, const struct json *value)
{
	const struct json *item;

	switch (value->kind) {
	case JSON_NULL:
		yajl_gen_null(gen);
		return;
	case JSON_BOOL:
		yajl_gen_bool(gen, value->number);
		return;
	case JSON_INTEGER:
		yajl_gen_integer(gen, value->number);
		return;
	case JSON_REAL:
		yajl_gen_number(gen, value->text, strlen(value->text));
		return;
	case JSON_TEXT:
		generate_text(gen, value->text);
		return;
	case JSON_ARRAY:
		/* The library would put two line ends between its brackets. */
		if (!value->nr) {
			yajl_gen_number(gen, "[]", 2);
			return;
		}
		yajl_gen_array_open(gen);
		for (item = json_first(value); item; item = item->next)
			generate(gen, item);
		yajl_gen_array_close(gen);
		return;
	case JSON_OBJECT:
		yajl_gen_map_open(gen);
		for (item = json_first(value); item; item = item->next) {
			generate_text(gen, item->key);
			generate(gen, item);
		}
		yajl_gen_map_close(gen);
	}
}

/* What was complained about so far is in an answer, too. */
static void add_complaints(struct json *answer, const char *key)
{
	const char * const *complaints;
	struct json *array;
	size_t i, nr;

	nr = complaints_get(&complaints);
	if (!nr || !json_get(answer, "command"))
		return;
	array = json_new_array();
	for (i = 0; i < nr; i++)
		json_add(array, json_string(complaints[i]));
	json_put(answer, key, array);
}

/* 0, or DONE_ERROR and a complaint. */
int json_print(struct json *value, FILE *out, const char *name, bool compact)
{
	yajl_gen gen = yajl_gen_alloc(NULL);

	if (!gen)
		out_of_memory();
	add_complaints(value, "warnings");
	yajl_gen_config(gen, yajl_gen_print_callback, write_out, out);
	yajl_gen_config(gen, yajl_gen_beautify, !compact);
	yajl_gen_config(gen, yajl_gen_indent_string, "  ");
	generate(gen, value);
	yajl_gen_free(gen);
	if (compact)
		fputc('\n', out);
	answered = true;
	return finish_output(out, name);
}

/* Instead of an answer, if none was printed: why there is none. */
int json_print_error(const char *command)
{
	struct json *answer = json_answer(command);

	if (answered)
		return 0;
	add_complaints(answer, "errors");
	complaints_forget();
	return json_print(answer, stdout, "standard output", false);
}
