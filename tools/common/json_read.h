/* SPDX-License-Identifier: GPL-2.0-only */
/* Files of JSON documents, one after the other: a line each, or as they come. */
#ifndef MDEV_MIGRATE_JSON_READ_H
#define MDEV_MIGRATE_JSON_READ_H

#include "json.h"

/**
 * struct doc - a document
 * @file: where it is from, for messages
 * @line: where in it the document begins, from 1
 * @root: the document, an object
 * @memory: holds it, until the next document is read
 */
struct doc {
	const char *file;
	unsigned long line;
	struct json *root;
	struct arena memory;
};

typedef int (*doc_each)(void *context, struct doc *doc);

/**
 * struct docs_read - what became of a file
 * @read: documents that are in order
 * @bad: those that are not, which were complained about
 */
struct docs_read {
	unsigned long read;
	unsigned long bad;
};

int docs_each(const char *file, doc_each each, void *context,
	      struct docs_read *done);
int docs_each_of(int fd, const char *name, doc_each each, void *context,
		 struct docs_read *done);
uint64_t docs_size(const char * const *files, int nr);

/* progress.c: a bar on stderr, if that is a terminal and it takes long. */
void progress_begin(const char *what, uint64_t total);
void progress_step(uint64_t done);
void progress_end(void);

#endif /* MDEV_MIGRATE_JSON_READ_H */
