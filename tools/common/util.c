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
	fprintf(stderr, "%s: out of memory\n", program);
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

void text_room(struct text *text, size_t len)
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

static void text_vprintf(struct text *text, const char *fmt, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		out_of_memory();
	text_room(text, len);
	vsnprintf(text->data + text->len, (size_t)len + 1, fmt, args);
	text->len += len;
}

void text_printf(struct text *text, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	text_vprintf(text, fmt, args);
	va_end(args);
}

void text_free(struct text *text)
{
	free(text->data);
	memset(text, 0, sizeof(*text));
}

static struct {
	struct arena arena;
	const char **array;
	size_t nr;
} complaints;

int complain(int status, const char *fmt, ...)
{
	struct text text = { 0 }, shown = { 0 };
	va_list args;

	va_start(args, fmt);
	text_vprintf(&text, fmt, args);
	va_end(args);
	fflush(stdout);
	/* There are names of files and of devices in it. */
	text_add_visible(&shown, text.data, "");
	fprintf(stderr, "%s: %s\n", program, shown.data);
	complaints.array = grow_array(complaints.array, complaints.nr,
				      sizeof(*complaints.array));
	complaints.array[complaints.nr++] =
		arena_strdup(&complaints.arena, shown.data);
	text_free(&shown);
	text_free(&text);
	return status;
}

size_t complaints_get(const char * const **array)
{
	*array = complaints.array;
	return complaints.nr;
}

void complaints_forget(void)
{
	arena_free(&complaints.arena);
	free(complaints.array);
	memset(&complaints, 0, sizeof(complaints));
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

#define TIME_FORMAT	"%Y-%m-%dT%H:%M:%SZ"

long long time_from_text(const char *text)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, TIME_FORMAT, &tm);
	long long seconds;

	if (!end || *end)
		return UNKNOWN;
	seconds = timegm(&tm);
	return seconds < 0 ? UNKNOWN : seconds;
}

char *time_to_text(struct arena *arena, long long seconds)
{
	time_t time = seconds;
	char text[64];
	struct tm tm;

	if (!gmtime_r(&time, &tm) ||
	    !strftime(text, sizeof(text), TIME_FORMAT, &tm))
		return NULL;
	return arena_strdup(arena, text);
}

static const struct {
	char letter;
	const char *name;
	long long seconds;
} units[] = {
	{ 'd', "days", 86400 }, { 'h', "hours", 3600 },
	{ 'm', "minutes", 60 }, { 's', "seconds", 1 },
};

/* A century. */
#define DURATION_MAX	(36525 * 86400LL)

#define NR_UNITS	(sizeof(units) / sizeof(units[0]))

char *duration_text(struct arena *arena, long long seconds)
{
	size_t i = 0;

	/* Two of a unit are told from three. */
	while (i + 1 < NR_UNITS && seconds < 2 * units[i].seconds)
		i++;
	return arena_printf(arena, "%lld %s", seconds / units[i].seconds,
			    units[i].name);
}

long long duration_from_text(const char *text)
{
	long long number;
	char *end;
	size_t i;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno || end == text || *text < '0' || *text > '9' ||
	    !*end || end[1])
		return UNKNOWN;
	for (i = 0; i < NR_UNITS; i++) {
		if (*end == units[i].letter &&
		    number <= DURATION_MAX / units[i].seconds)
			return number * units[i].seconds;
	}
	return UNKNOWN;
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
