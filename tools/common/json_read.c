// SPDX-License-Identifier: GPL-2.0-only
/*
 * Only one document is in memory at a time. Where one is not in order, the next
 * one begins with the next line that begins with a brace.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>

#include "json_read.h"

#define BLOCK		(256 * 1024)
/* A host's snapshot is some kilobytes; this is not one. */
#define DOC_MAX		(64UL * 1024 * 1024)
#define DEPTH_MAX	32
/* Of more members than this the names are sorted, to see whether one is twice. */
#define FEW		16

/**
 * struct reader - on its way through a file
 * @doc: the document that is being read
 * @yajl: the library's parser
 * @text: of the file, from the document's beginning on
 * @fed: how much of it the parser was given
 * @start: where the document begins in it, if @depth is not 0
 * @counted: up to where in it @line is counted
 * @line: the number of that line
 * @depth: how many arrays and objects are open
 * @open: these
 * @key: of the member that comes next
 * @why: what is wrong, if it was not the parser that said so
 * @lost: the next document is looked for
 */
struct reader {
	struct doc doc;
	doc_each each;
	void *context;
	struct docs_read *done;
	yajl_handle yajl;
	struct text text;
	size_t fed;
	size_t start;
	size_t counted;
	unsigned long line;
	unsigned int depth;
	struct json *open[DEPTH_MAX];
	const char *key;
	const char *why;
	bool lost;
};

static void count_lines(struct reader *reader, size_t to)
{
	const char *data = reader->text.data, *p;

	while (reader->counted < to) {
		p = memchr(data + reader->counted, '\n', to - reader->counted);
		if (!p)
			break;
		reader->line++;
		reader->counted = p - data + 1;
	}
	if (reader->counted < to)
		reader->counted = to;
}

static int refuse(struct reader *reader, const char *why)
{
	reader->why = why;
	return 0;
}

/* A value where it belongs; the parser goes on if that is not 0. */
static int add(struct reader *reader, struct json *value)
{
	if (!reader->depth)
		return refuse(reader, "not a JSON object, and so not a snapshot");
	json_append(reader->open[reader->depth - 1], reader->key, value);
	reader->key = NULL;
	return 1;
}

static int take_null(void *context)
{
	struct reader *reader = context;

	return add(reader, json_new(&reader->doc.memory, JSON_NULL));
}

static int take_bool(void *context, int flag)
{
	struct reader *reader = context;
	struct json *value = json_new(&reader->doc.memory, JSON_BOOL);

	value->number = flag;
	return add(reader, value);
}

static int take_number(void *context, const char *text, size_t len)
{
	struct reader *reader = context;
	struct json *value = json_new(&reader->doc.memory, JSON_INTEGER);
	char *copy = arena_strndup(&reader->doc.memory, text, len), *end;

	errno = 0;
	value->number = strtoll(copy, &end, 10);
	if (*end || errno) {
		value->kind = JSON_REAL;
		value->text = copy;
	}
	return add(reader, value);
}

static int take_text(void *context, const unsigned char *text, size_t len)
{
	struct reader *reader = context;
	struct json *value = json_new(&reader->doc.memory, JSON_TEXT);

	if (memchr(text, 0, len))
		return refuse(reader, "there is a NUL in a text");
	value->text = arena_strndup(&reader->doc.memory, (const char *)text, len);
	return add(reader, value);
}

static int take_key(void *context, const unsigned char *key, size_t len)
{
	struct reader *reader = context;

	if (memchr(key, 0, len))
		return refuse(reader, "there is a NUL in a member's name");
	reader->key = arena_strndup(&reader->doc.memory, (const char *)key, len);
	return 1;
}

static int take_open(struct reader *reader, enum json_kind kind)
{
	struct json *value;

	if (!reader->depth) {
		reader->start = reader->fed - 1 +
				yajl_get_bytes_consumed(reader->yajl);
		count_lines(reader, reader->start);
		reader->doc.line = reader->line;
		arena_reset(&reader->doc.memory);
	}
	if (reader->depth == DEPTH_MAX)
		return refuse(reader, "it is nested too deep to be a snapshot");
	value = json_new(&reader->doc.memory, kind);
	if (reader->depth || kind != JSON_OBJECT) {
		if (!add(reader, value))
			return 0;
	} else {
		reader->doc.root = value;
	}
	reader->open[reader->depth++] = value;
	return 1;
}

static int take_object(void *context)
{
	return take_open(context, JSON_OBJECT);
}

static int take_array(void *context)
{
	return take_open(context, JSON_ARRAY);
}

static int take_array_end(void *context)
{
	struct reader *reader = context;

	reader->depth--;
	return 1;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char * const *)a, *(const char * const *)b);
}

/* A member's name that is there twice, NULL if none is. */
static const char *twice(struct arena *arena, const struct json *object)
{
	const struct json *item, *other;
	const char **keys;
	size_t i, nr = 0;

	if (object->nr <= FEW) {
		for (item = json_first(object); item; item = item->next) {
			for (other = item->next; other; other = other->next) {
				if (!strcmp(item->key, other->key))
					return item->key;
			}
		}
		return NULL;
	}
	keys = arena_array(arena, object->nr, sizeof(*keys));
	for (item = json_first(object); item; item = item->next)
		keys[nr++] = item->key;
	qsort(keys, nr, sizeof(*keys), compare_keys);
	for (i = 1; i < nr; i++) {
		if (!strcmp(keys[i - 1], keys[i]))
			return keys[i];
	}
	return NULL;
}

static int take_object_end(void *context)
{
	struct reader *reader = context;
	const struct json *object = reader->open[reader->depth - 1];
	struct arena *arena = &reader->doc.memory;
	const char *key = twice(arena, object);

	if (key)
		return refuse(reader, arena_printf(arena,
						   "it has the member \"%.40s\" twice",
						   key));
	if (--reader->depth)
		return 1;
	if (reader->each(reader->context, &reader->doc))
		reader->done->bad++;
	else
		reader->done->read++;
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = take_null,
	.yajl_boolean = take_bool,
	.yajl_number = take_number,
	.yajl_string = take_text,
	.yajl_start_map = take_object,
	.yajl_map_key = take_key,
	.yajl_end_map = take_object_end,
	.yajl_start_array = take_array,
	.yajl_end_array = take_array_end,
};

static void new_parser(struct reader *reader)
{
	if (reader->yajl)
		yajl_free(reader->yajl);
	reader->yajl = yajl_alloc(&callbacks, NULL, reader);
	if (!reader->yajl)
		out_of_memory();
	yajl_config(reader->yajl, yajl_allow_multiple_values, 1);
	reader->depth = 0;
	reader->key = NULL;
	reader->why = NULL;
}

/* The document is none: why, and where it is seen. The next one is looked for. */
static void fail(struct reader *reader, size_t at)
{
	const char *data = reader->text.data;
	unsigned long line = reader->line;
	unsigned char *text = NULL;
	const char *why = reader->why;
	char begins[80] = "";
	size_t i;

	for (i = reader->counted; i < at; i++)
		line += data[i] == '\n';
	if (!why) {
		text = yajl_get_error(reader->yajl, 0, NULL, 0);
		text[strcspn((char *)text, "\n")] = '\0';
	}
	if (reader->depth && line != reader->doc.line)
		snprintf(begins, sizeof(begins), " (in the document that begins at line %lu)",
			 reader->doc.line);
	complain(DONE_ERROR, "%s: line %lu: %s%s%s", reader->doc.file, line,
		 why ? "" : "not JSON: ", why ? why : (char *)text, begins);
	if (text)
		yajl_free_error(reader->yajl, text);
	reader->done->bad++;
	/* In this document another may begin, if it only lacks its end. */
	reader->fed = reader->depth ? reader->start + 1 : at ? at - 1 : 0;
	reader->lost = true;
}

/* From @reader->fed on; false if it takes more text. */
static bool find_next(struct reader *reader)
{
	const char *data = reader->text.data, *p = data + reader->fed;
	const char *end = data + reader->text.len;

	while ((p = memchr(p, '\n', end - p)) && p + 1 < end && p[1] != '{')
		p++;
	reader->fed = p ? (size_t)(p - data) : reader->text.len;
	if (!p || p + 1 == end)
		return false;
	reader->fed++;
	reader->lost = false;
	new_parser(reader);
	return true;
}

/* What is behind comes to the beginning. */
static void drop_read(struct reader *reader)
{
	struct text *text = &reader->text;
	size_t keep = reader->depth && !reader->lost ? reader->start : reader->fed;

	count_lines(reader, keep);
	text->len -= keep;
	memmove(text->data, text->data + keep, text->len);
	reader->fed -= keep;
	reader->start -= reader->depth ? keep : 0;
	reader->counted -= keep;
}

/* All that there is of the text. */
static void feed(struct reader *reader)
{
	const unsigned char *data = (unsigned char *)reader->text.data;
	size_t len;

	while (reader->fed < reader->text.len) {
		if (reader->lost && !find_next(reader))
			return;
		len = reader->text.len - reader->fed;
		if (yajl_parse(reader->yajl, data + reader->fed, len) !=
		    yajl_status_ok) {
			fail(reader, reader->fed +
				     yajl_get_bytes_consumed(reader->yajl));
			continue;
		}
		reader->fed = reader->text.len;
		if (!reader->depth || reader->fed - reader->start <= DOC_MAX)
			continue;
		reader->why = "this document is longer than 64 MiB and cannot be a snapshot";
		fail(reader, reader->start);
	}
}

static int read_file(struct reader *reader, int fd)
{
	uint64_t done = 0;
	ssize_t n;

	for (;;) {
		text_room(&reader->text, BLOCK);
		n = read(fd, reader->text.data + reader->text.len, BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return complain(DONE_ERROR, "cannot read %s: %s",
					reader->doc.file, strerror(errno));
		reader->text.len += n;
		done += n;
		feed(reader);
		if (!n) {
			if (reader->lost ||
			    yajl_complete_parse(reader->yajl) == yajl_status_ok)
				return 0;
			/* One that has no end may hide others. */
			fail(reader, reader->text.len);
			feed(reader);
			continue;
		}
		drop_read(reader);
		progress_step(done);
	}
}

/*
 * Calls @each for each document of @fd, which is called @name, that is an object and
 * in order; it returns nonzero if it is none of those that are looked for. What is
 * bad is complained about. 0, or DONE_ERROR and a complaint if it could not be read,
 * or has no document at all.
 */
int docs_each_of(int fd, const char *name, doc_each each, void *context,
		 struct docs_read *done)
{
	struct reader reader = {
		.doc.file = name, .line = 1, .each = each, .context = context,
		.done = done,
	};
	unsigned long before = done->read + done->bad;
	int ret;

	new_parser(&reader);
	ret = refuse_folder(fd, reader.doc.file, "a snapshot");
	if (!ret)
		ret = read_file(&reader, fd);
	if (!ret && done->read + done->bad == before)
		ret = complain(DONE_ERROR,
			       "%s is empty: expected a snapshot, as mdev-migrate export writes it",
			       reader.doc.file);
	yajl_free(reader.yajl);
	text_free(&reader.text);
	arena_free(&reader.doc.memory);
	return ret;
}

/* Likewise of a file, "-" for standard input. */
int docs_each(const char *file, doc_each each, void *context,
	      struct docs_read *done)
{
	int fd, ret;

	if (!strcmp(file, "-"))
		return docs_each_of(STDIN_FILENO, "standard input", each, context,
				    done);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return complain(DONE_ERROR, "cannot open %s: %s", file,
				strerror(errno));
	ret = docs_each_of(fd, file, each, context, done);
	close(fd);
	return ret;
}

uint64_t docs_size(const char * const *files, int nr)
{
	uint64_t size = 0;
	struct stat st;
	int i;

	for (i = 0; i < nr; i++) {
		if (!stat(files[i], &st))
			size += st.st_size;
	}
	return size;
}
