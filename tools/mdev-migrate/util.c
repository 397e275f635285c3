// SPDX-License-Identifier: GPL-2.0-only
#include "util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_SIZE	(32 * 1024)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used;
	size_t size;
	char data[] __attribute__((__aligned__(16)));
};

void out_of_memory(void)
{
	fputs(PROGRAM ": out of memory\n", stderr);
	exit(DONE_ERROR);
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk;

	if (size < CHUNK_SIZE)
		size = CHUNK_SIZE;
	chunk = malloc(sizeof(*chunk) + size);
	if (!chunk)
		out_of_memory();
	chunk->used = 0;
	chunk->size = size;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

/* Zeroed. */
void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = arena->chunks;
	void *p;

	if (size > SIZE_MAX / 2)
		out_of_memory();
	size = (size + 15) & ~(size_t)15;
	if (!chunk || chunk->size - chunk->used < size)
		chunk = add_chunk(arena, size);
	p = chunk->data + chunk->used;
	chunk->used += size;
	return memset(p, 0, size);
}

void *arena_array(struct arena *arena, size_t nr, size_t size)
{
	if (size && nr > SIZE_MAX / 4 / size)
		out_of_memory();
	return arena_alloc(arena, nr * size);
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	memcpy(copy, text, len);
	return copy;
}

/* NULL stays NULL. */
char *arena_strdup(struct arena *arena, const char *text)
{
	return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0)
		out_of_memory();
	text = arena_alloc(arena, (size_t)len + 1);
	va_start(args, fmt);
	vsnprintf(text, (size_t)len + 1, fmt, args);
	va_end(args);
	return text;
}

/* Empty, with a chunk kept for what comes next. */
void arena_reset(struct arena *arena)
{
	struct arena_chunk *chunk = arena->chunks;
	struct arena rest;

	if (!chunk)
		return;
	rest.chunks = chunk->next;
	arena_free(&rest);
	chunk->next = NULL;
	chunk->used = 0;
}

void arena_free(struct arena *arena)
{
	while (arena->chunks) {
		struct arena_chunk *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
}

void *grow_array(void *array, size_t nr, size_t size)
{
	/* Full at 0 and at every power of two. */
	if (nr & (nr - 1))
		return array;
	if (nr > SIZE_MAX / 4 / size)
		out_of_memory();
	array = realloc(array, (nr ? 2 * nr : 1) * size);
	if (!array)
		out_of_memory();
	return array;
}

static void text_room(struct text *text, size_t len)
{
	size_t room = text->room ? text->room : 256;

	if (len >= SIZE_MAX / 4 - text->len)
		out_of_memory();
	while (room <= text->len + len)
		room *= 2;
	if (room == text->room)
		return;
	text->data = realloc(text->data, room);
	if (!text->data)
		out_of_memory();
	text->room = room;
}

void text_add(struct text *text, const char *data, size_t len)
{
	text_room(text, len);
	memcpy(text->data + text->len, data, len);
	text->len += len;
	text->data[text->len] = '\0';
}

void text_printf(struct text *text, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0)
		out_of_memory();
	text_room(text, len);
	va_start(args, fmt);
	vsnprintf(text->data + text->len, (size_t)len + 1, fmt, args);
	va_end(args);
	text->len += len;
}

void text_free(struct text *text)
{
	free(text->data);
	memset(text, 0, sizeof(*text));
}

int complain(int status, const char *fmt, ...)
{
	struct text line = { 0 };
	char *message;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&message, fmt, args) < 0)
		out_of_memory();
	va_end(args);
	/* There are names of files and of devices in it. */
	text_printf(&line, PROGRAM ": ");
	text_add_visible(&line, message, "");
	fflush(stdout);
	fprintf(stderr, "%s\n", line.data);
	text_free(&line);
	free(message);
	return status;
}

bool is_file(const char *name)
{
	struct stat st;

	return !stat(name, &st) && (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode));
}

int refuse_folder(int fd, const char *name, const char *what)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISDIR(st.st_mode))
		return 0;
	return complain(DONE_ERROR, "%s is a directory, not %s", name, what);
}

/* "-", or a part of the snapshot that comes from there. */
bool from_stdin(const char *spec)
{
	return *spec == '-' && (!spec[1] || spec[1] == ':');
}

int check_stdin(char * const *specs, int nr)
{
	int i, found = 0;

	for (i = 0; i < nr; i++)
		found += from_stdin(specs[i]);
	return found > 1 ?
		complain(DONE_ERROR,
			 "only one argument can come from standard input") : 0;
}

int finish_output(FILE *out, const char *name)
{
	if (!fflush(out) && !ferror(out))
		return DONE_YES;
	return complain(DONE_ERROR, "cannot write %s: %s", name, strerror(errno));
}

bool use_colour(FILE *out)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(fileno(out)) && !(no && *no) &&
	       !(term && !strcmp(term, "dumb"));
}

/* "a, b and c" */
char *words_join(struct arena *arena, const char * const *words, size_t nr)
{
	struct text text = { 0 };
	char *joined;
	size_t i;

	for (i = 0; i < nr; i++)
		text_printf(&text, "%s%s", !i ? "" : i + 1 < nr ? ", " : " and ",
			    words[i]);
	joined = arena_strndup(arena, text.len ? text.data : "", text.len);
	text_free(&text);
	return joined;
}

/* As strcmp(), with v9 before v10. */
int natural_compare(const char *a, const char *b)
{
	return strverscmp(a, b);
}

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool uuid_ok(const char *uuid)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i;

	if (strlen(uuid) != sizeof(shape) - 1)
		return false;
	for (i = 0; shape[i]; i++) {
		if (shape[i] == '-' ? uuid[i] != '-' :
		    !strchr("0123456789abcdefABCDEF", uuid[i]))
			return false;
	}
	return true;
}
