// SPDX-License-Identifier: GPL-2.0-only
/*
 * Only one document is in memory at a time. One on a line of its own, as
 * export --compact writes it, is taken as it is; of others it is counted where
 * they end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "docs.h"
#include "scan.h"
#include "util.h"

#define BLOCK	(256 * 1024)
/* A host's snapshot is some kilobytes; this is not one. */
#define DOC_MAX	(64UL * 1024 * 1024)

struct docs {
	struct doc doc;
	doc_fast fast;
	doc_each each;
	void *context;
	struct text pending;
	unsigned long lines;
};

static int one(struct docs *docs, const char *text, size_t len)
{
	docs->doc.text = text;
	docs->doc.len = len;
	return docs->each(docs->context, &docs->doc);
}

/* Documents that have all of their lines in @docs->pending. */
static int flush_pending(struct docs *docs, bool at_end)
{
	const char *p = docs->pending.data;
	const char *end = p + docs->pending.len;
	const char *next;
	struct text rest = { 0 };
	int ret = 0;

	if (!docs->pending.len)
		return 0;
	while (!ret && (p = scan_space(p, end)) < end) {
		next = scan_value(p, end);
		if (!next && !at_end)
			break;
		if (!next)
			next = end;
		ret = one(docs, p, next - p);
		docs->doc.line = docs->lines + 1;
		p = next;
	}
	text_add(&rest, p, end - p);
	text_free(&docs->pending);
	if (rest.len)
		docs->pending = rest;
	else
		text_free(&rest);
	return ret;
}

/* A line that is a document: 1 if it was taken, 0 if it is none, or an error. */
static int take_whole(struct docs *docs, const char *line, size_t len)
{
	int ret;

	if (len < 2 || line[0] != '{' || line[len - 1] != '}')
		return 0;
	docs->doc.text = line;
	docs->doc.len = len;
	if (docs->fast && docs->fast(docs->context, &docs->doc))
		return 1;
	if (scan_value(line, line + len) != line + len)
		return 0;
	ret = one(docs, line, len);
	return ret ? -ret : 1;
}

static int take_line(struct docs *docs, const char *line, size_t len)
{
	bool closes;
	int ret;

	docs->lines++;
	while (len && (line[len - 1] == '\r' || line[len - 1] == ' '))
		len--;
	if (!docs->pending.len) {
		if (!len)
			return 0;
		docs->doc.line = docs->lines;
		ret = take_whole(docs, line, len);
		if (ret)
			return ret > 0 ? 0 : -ret;
	}
	if (docs->pending.len + len > DOC_MAX)
		return complain(DONE_ERROR,
				"%s: line %lu: this document is longer than %lu MiB and cannot be a snapshot",
				docs->doc.file, docs->doc.line, DOC_MAX >> 20);
	/* A document that goes over lines ends with its bracket at the margin. */
	closes = len && (line[0] == '}' || line[0] == ']' ||
			 (!docs->pending.len && line[len - 1] == '}'));
	text_add(&docs->pending, line, len);
	text_add(&docs->pending, "\n", 1);
	return closes ? flush_pending(docs, false) : 0;
}

/* Takes the whole lines of @text; the rest moves to its start. */
static int take_lines(struct docs *docs, struct text *text, size_t scanned)
{
	size_t start = 0;
	char *newline;
	int ret = 0;

	while (!ret && (newline = memchr(text->data + scanned, '\n',
					 text->len - scanned))) {
		*newline = '\0';
		ret = take_line(docs, text->data + start,
				newline - text->data - start);
		start = newline - text->data + 1;
		scanned = start;
	}
	text->len -= start;
	memmove(text->data, text->data + start, text->len);
	return ret;
}

static int read_docs(struct docs *docs, int fd, struct text *text)
{
	uint64_t done = 0;
	ssize_t n;
	int ret;

	for (;;) {
		size_t scanned = text->len;

		text_add(text, "", 0);
		if (text->room - text->len < BLOCK) {
			char *data = realloc(text->data, text->room + 2 * BLOCK);

			if (!data)
				out_of_memory();
			text->data = data;
			text->room += 2 * BLOCK;
		}
		n = read(fd, text->data + text->len, BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return complain(DONE_ERROR, "cannot read %s: %s", docs->doc.file,
					strerror(errno));
		if (!n)
			break;
		text->len += n;
		done += n;
		ret = text->len > DOC_MAX ?
			complain(DONE_ERROR,
				 "%s: line %lu is longer than %lu MiB and cannot be a snapshot",
				 docs->doc.file, docs->lines + 1, DOC_MAX >> 20) :
			take_lines(docs, text, scanned);
		if (ret)
			return ret;
		progress_step(done);
	}
	text->data[text->len] = '\0';
	ret = text->len ? take_line(docs, text->data, text->len) : 0;
	return ret ? ret : flush_pending(docs, true);
}

/*
 * Calls @each for each document of @file, "-" for standard input; stops at its
 * first nonzero status, which it returns. No document at all is an error.
 */
int docs_each(const char *file, doc_each each, void *context)
{
	return docs_each_fast(file, NULL, each, context);
}

/* Likewise, but a document that has a line of its own is for @fast first. */
int docs_each_fast(const char *file, doc_fast fast, doc_each each,
		   void *context)
{
	struct docs docs = {
		.doc.file = file, .doc.line = 1,
		.fast = fast, .each = each, .context = context,
	};
	struct text text = { 0 };
	int fd = STDIN_FILENO;
	int ret;

	if (!strcmp(file, "-")) {
		docs.doc.file = "standard input";
	} else {
		fd = open(file, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return complain(DONE_ERROR, "cannot open %s: %s", file,
					strerror(errno));
	}
	ret = refuse_folder(fd, docs.doc.file, "a snapshot");
	if (!ret)
		ret = read_docs(&docs, fd, &text);
	if (!ret && !docs.doc.text)
		ret = complain(DONE_ERROR,
			       "%s is empty: expected a snapshot, as mdev-migrate export writes it",
			       docs.doc.file);
	text_free(&text);
	text_free(&docs.pending);
	if (fd != STDIN_FILENO)
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
