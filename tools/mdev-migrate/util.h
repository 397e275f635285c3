/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory, text and messages. */
#ifndef MDEV_MIGRATE_UTIL_H
#define MDEV_MIGRATE_UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PROGRAM		"mdev-migrate"

/* How the program ends. */
enum {
	DONE_YES = 0,		/* identical, compatible, or simply done */
	DONE_NO = 1,		/* incompatible, or the device refused */
	DONE_ERROR = 2,		/* usage, or what was to be read could not be */
	DONE_UNKNOWN = 3,	/* there is no way to know */
};

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

void text_add(struct text *text, const char *data, size_t len);
void text_printf(struct text *text, const char *fmt, ...) fmt_printf(2, 3);
void text_free(struct text *text);

/* visible.c: of what comes from elsewhere, what a terminal and a page may be given. */
void text_add_visible(struct text *text, const char *value, const char *but);
char *visible(struct arena *arena, const char *value);

/* "mdev-migrate: " and a newline around it, on stderr. Returns @status. */
int complain(int status, const char *fmt, ...) fmt_printf(2, 3);
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

#endif /* MDEV_MIGRATE_UTIL_H */
