/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory, text and messages. */
#ifndef MDEV_MIGRATE_UTIL_H
#define MDEV_MIGRATE_UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Set by each program: what it is called. */
extern const char *const program;

/* How a program ends. */
enum {
	DONE_YES = 0,		/* identical, compatible, or simply done */
	DONE_NO = 1,		/* incompatible, or the device refused */
	DONE_ERROR = 2,		/* usage, or what was to be read could not be */
	DONE_UNKNOWN = 3,	/* there is no way to know */
	DONE_LEFT_OUT = 4,	/* is added: some of it was left out */
};

/* A number that is not known. */
#define UNKNOWN		(-1LL)

#define does_not_return		__attribute__((__noreturn__))
#define fmt_printf(a, b)	__attribute__((__format__(printf, a, b)))

struct arena_chunk;

/**
 * struct arena - memory that is freed all at once
 * @chunks: newest first
 *
 * Zero is an empty one. There is no failure: the program ends when there is no
 * memory.
 */
struct arena {
	struct arena_chunk *chunks;
};

void *arena_alloc(struct arena *arena, size_t size);
void *arena_array(struct arena *arena, size_t nr, size_t size);
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *fmt, ...) fmt_printf(2, 3);
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

/*
 * Room for one more in an array of @nr elements that is malloc()ed and grows
 * by powers of two. Returns the array.
 */
void *grow_array(void *array, size_t nr, size_t size);

/**
 * struct text - text that grows
 * @data: malloc()ed, with a NUL, or NULL while empty
 * @len: without the NUL
 * @room: bytes allocated
 */
struct text {
	char *data;
	size_t len;
	size_t room;
};

/* There is room for @len more bytes and a NUL then. */
void text_room(struct text *text, size_t len);
void text_add(struct text *text, const char *data, size_t len);
void text_printf(struct text *text, const char *fmt, ...) fmt_printf(2, 3);
void text_free(struct text *text);

/* visible.c: of what comes from elsewhere, what a terminal and a page may be given. */
void text_add_visible(struct text *text, const char *value, const char *but);
char *visible(struct arena *arena, const char *value);

/* "mdev-migrate: " and a newline around it, on stderr. Returns @status. */
int complain(int status, const char *fmt, ...) fmt_printf(2, 3);
/* What was complained about so far, for answers in JSON. */
size_t complaints_get(const char * const **complaints);
void complaints_forget(void);
does_not_return void out_of_memory(void);

/* Can it be a snapshot or a saved state? A folder or a device cannot. */
bool is_file(const char *name);
/* DONE_ERROR and a complaint if @fd is a folder: it is not @what. */
int refuse_folder(int fd, const char *name, const char *what);
bool from_stdin(const char *spec);
/* DONE_ERROR and a complaint if more than one of @specs comes from there. */
int check_stdin(char * const *specs, int nr);
/* Was all that was printed written? DONE_ERROR if not. */
int finish_output(FILE *out, const char *name);

bool use_colour(FILE *out);
char *words_join(struct arena *arena, const char * const *words, size_t nr);
int natural_compare(const char *a, const char *b);
uint64_t now_ms(void);
bool uuid_ok(const char *uuid);

/* Seconds since 1970, as 2026-01-31T23:59:59Z; UNKNOWN if it is not written so. */
long long time_from_text(const char *text);
char *time_to_text(struct arena *arena, long long seconds);
/* "5 minutes", of a number of seconds. */
char *duration_text(struct arena *arena, long long seconds);
/* "90s", "30m", "12h", "7d"; UNKNOWN if it is not written so. */
long long duration_from_text(const char *text);

#endif /* MDEV_MIGRATE_UTIL_H */
