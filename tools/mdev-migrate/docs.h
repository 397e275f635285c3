/* SPDX-License-Identifier: GPL-2.0-only */
/* Files of JSON documents, one after the other: a line each, or as they come. */
#ifndef MDEV_MIGRATE_DOCS_H
#define MDEV_MIGRATE_DOCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct doc - a document
 * @file: where it is from, for messages
 * @line: where in it the document begins, from 1
 * @text: the document, with a NUL
 * @len: without it
 */
struct doc {
	const char *file;
	unsigned long line;
	const char *text;
	size_t len;
};

typedef int (*doc_each)(void *context, const struct doc *doc);
/* Takes a line that may be a document. false: it is not one, or not for it. */
typedef bool (*doc_fast)(void *context, const struct doc *doc);

int docs_each(const char *file, doc_each each, void *context);
int docs_each_fast(const char *file, doc_fast fast, doc_each each,
		   void *context);
uint64_t docs_size(const char * const *files, int nr);

/* progress.c: a bar on stderr, if that is a terminal and it takes long. */
void progress_begin(const char *what, uint64_t total);
void progress_step(uint64_t done);
void progress_end(void);

#endif /* MDEV_MIGRATE_DOCS_H */
