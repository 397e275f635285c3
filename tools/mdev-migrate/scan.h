/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where JSON values begin and end. What they are, and whether they are in
 * order, is the JSON library's business: nothing is trusted but the extent.
 */
#ifndef MDEV_MIGRATE_SCAN_H
#define MDEV_MIGRATE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/**
 * struct slice - some text
 * @text: its first byte
 * @len: how many
 */
struct slice {
	const char *text;
	size_t len;
};

const char *scan_space(const char *p, const char *end);
const char *scan_value(const char *p, const char *end);

/**
 * struct scanner - on its way through an object or an array
 * @p: what is next
 * @end: of the text
 * @first: nothing was read yet
 * @failed: it did not look like JSON
 */
struct scanner {
	const char *p;
	const char *end;
	bool first;
	bool failed;
};

bool scan_begin(struct scanner *scanner, struct slice value, char open);
bool scan_more(struct scanner *scanner, char close);
bool scan_key(struct scanner *scanner, struct slice *key);
bool scan_skip(struct scanner *scanner, struct slice *value);

/* The length of a constant is one, too. */
static inline bool slice_is(struct slice slice, const char *text)
{
	return slice.len == strlen(text) &&
	       !memcmp(slice.text, text, slice.len);
}

#endif /* MDEV_MIGRATE_SCAN_H */
