/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON values, as trees. The text is read and written by yajl; nothing here
 * looks at a character of it.
 */
#ifndef MDEV_MIGRATE_JSON_H
#define MDEV_MIGRATE_JSON_H

#include "util.h"

/* Of the schemas of snapshots and answers. */
#define SCHEMA_MAJOR	1
#define SCHEMA_MINOR	4

enum json_kind {
	JSON_NULL,
	JSON_BOOL,
	JSON_INTEGER,
	JSON_REAL,
	JSON_TEXT,
	JSON_ARRAY,
	JSON_OBJECT,
};

/**
 * struct json - a value
 * @next: the next element or member
 * @key: the member's name, NULL if it is none
 * @kind: what it is
 * @nr: of an array or object: how many are in it
 * @first: likewise: the first of them
 * @last: likewise: the last of them
 * @text: of a text; of a number that is not an integer how it is written
 * @number: of an integer; of a bool 0 or 1
 */
struct json {
	struct json *next;
	const char *key;
	enum json_kind kind;
	unsigned int nr;
	union {
		struct {
			struct json *first;
			struct json *last;
		};
		const char *text;
		long long number;
	};
};

/* NULL if it has none, is no array or object, or is NULL. */
static inline struct json *json_first(const struct json *value)
{
	return value && value->kind >= JSON_ARRAY ? value->first : NULL;
}

static inline bool json_is(const struct json *value, enum json_kind kind)
{
	return value && value->kind == kind;
}

/* NULL if it is no text. */
static inline const char *json_text(const struct json *value)
{
	return json_is(value, JSON_TEXT) ? value->text : NULL;
}

struct json *json_new(struct arena *arena, enum json_kind kind);
void json_append(struct json *to, const char *key, struct json *value);
struct json *json_get(const struct json *object, const char *key);
bool json_equal(const struct json *a, const struct json *b);
uint64_t json_hash(const struct json *value);
struct json *json_copy(struct arena *arena, const struct json *value);

/* What the program builds is kept until it ends, or json_forget(). */
struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_string(const char *text);
struct json *json_real(double number);
void json_put(struct json *object, const char *key, struct json *value);
void json_put_text(struct json *object, const char *key, const char *value);
void json_put_number(struct json *object, const char *key, long long value);
void json_put_bool(struct json *object, const char *key, bool value);
void json_add(struct json *array, struct json *value);
void json_take_members(struct json *to, const struct json *from);
void json_forget(void);

struct json *json_answer(const char *command);
void json_put_schema(struct json *object);
int json_print(struct json *value, FILE *out, const char *name, bool compact);
int json_print_error(const char *command);

#endif /* MDEV_MIGRATE_JSON_H */
