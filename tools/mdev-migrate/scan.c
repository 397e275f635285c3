// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "scan.h"

const char *scan_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* Behind a string whose first quote is at @p; NULL if it does not end. */
static const char *string_end(const char *p, const char *end)
{
	const char *quote = p + 1, *q;

	while (quote < end && (quote = memchr(quote, '"', end - quote))) {
		/* An odd number of backslashes escapes it. */
		for (q = quote; q[-1] == '\\' && q - 1 > p; q--)
			;
		if (!((quote - q) & 1))
			return quote + 1;
		quote++;
	}
	return NULL;
}

/* Behind an object or an array: brackets are only counted. */
static const char *nested_end(const char *p, const char *end)
{
	size_t depth = 0;

	while (p < end) {
		switch (*p) {
		case '"':
			p = string_end(p, end);
			if (!p)
				return NULL;
			continue;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (!--depth)
				return p + 1;
			break;
		}
		p++;
	}
	return NULL;
}

/* Behind the value at @p; NULL if there is none that ends. */
const char *scan_value(const char *p, const char *end)
{
	const char *start = p;

	if (p >= end)
		return NULL;
	switch (*p) {
	case '"':
		return string_end(p, end);
	case '{':
	case '[':
		return nested_end(p, end);
	}
	while (p < end && *p > ' ' && !strchr(",]}:\"[{", *p))
		p++;
	return p == start ? NULL : p;
}

/* Into an object ('{') or an array ('['). */
bool scan_begin(struct scanner *scanner, struct slice value, char open)
{
	scanner->p = value.text + 1;
	scanner->end = value.text + value.len;
	scanner->first = true;
	scanner->failed = !value.len || *value.text != open;
	return !scanner->failed;
}

/* Is there one more, or does @close come? */
bool scan_more(struct scanner *scanner, char close)
{
	const char *p = scan_space(scanner->p, scanner->end);

	if (scanner->failed)
		return false;
	if (p < scanner->end && *p == close) {
		scanner->p = p + 1;
		return false;
	}
	if (!scanner->first) {
		if (p >= scanner->end || *p != ',') {
			scanner->failed = true;
			return false;
		}
		p = scan_space(p + 1, scanner->end);
	}
	scanner->first = false;
	scanner->p = p;
	return true;
}

/* A member's name, without quotes, and to where its value begins. */
bool scan_key(struct scanner *scanner, struct slice *key)
{
	const char *p = scanner->p, *end;

	end = p < scanner->end && *p == '"' ? string_end(p, scanner->end) : NULL;
	if (!end) {
		scanner->failed = true;
		return false;
	}
	key->text = p + 1;
	key->len = end - p - 2;
	/* A name with an escape may be any name: the library has to see it. */
	p = scan_space(end, scanner->end);
	if (p >= scanner->end || *p != ':' ||
	    memchr(key->text, '\\', key->len)) {
		scanner->failed = true;
		return false;
	}
	scanner->p = scan_space(p + 1, scanner->end);
	return true;
}

/* Over a value. */
bool scan_skip(struct scanner *scanner, struct slice *value)
{
	const char *end = scan_value(scanner->p, scanner->end);

	if (!end) {
		scanner->failed = true;
		return false;
	}
	value->text = scanner->p;
	value->len = end - scanner->p;
	scanner->p = end;
	return true;
}
