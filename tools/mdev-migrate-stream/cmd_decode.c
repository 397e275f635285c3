// SPDX-License-Identifier: GPL-2.0-only
/* decode: a saved state in words. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "decode.h"

static int push_all(struct decoder *decoder, int fd, const char *name)
{
	char buf[64 * 1024];
	ssize_t n;

	for (;;) {
		n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return complain(DONE_ERROR, "cannot read %s: %s", name,
					strerror(errno));
		if (!n || decode_push(decoder, buf, n))
			return 0;
	}
}

static void print_scalar(const struct json *value)
{
	const char *text = json_text(value);
	struct arena arena = { 0 };

	if (value->kind == JSON_BOOL)
		text = value->number ? "yes" : "no";
	if (text)
		fputs(visible(&arena, text), stdout);
	else
		printf("%lld", value->number);
	arena_free(&arena);
}

/* An object's members in a line, what is nested below it. */
static void print_members(const struct json *object, const char *skip, int indent)
{
	const struct json *item, *inner;
	const char *name;

	for (item = json_first(object); item; item = item->next) {
		if (item->kind == JSON_ARRAY || !strcmp(item->key, skip) ||
		    (!strcmp(item->key, "optional") && !item->number))
			continue;
		printf("  %s ", item->key);
		print_scalar(item);
	}
	putchar('\n');
	for (item = json_first(object); item; item = item->next) {
		for (inner = json_first(item); inner; inner = inner->next) {
			name = json_text(json_get(inner, "part"));
			printf("%*s%s", indent, "", name ? name : item->key);
			print_members(inner, "part", indent + 4);
		}
	}
}

static void print_text(const struct json *answer)
{
	const char *error = json_text(json_get(answer, "error"));
	const struct json *record;

	for (record = json_first(json_get(answer, "records")); record; record = record->next) {
		printf("%s", json_text(json_get(record, "record")));
		print_members(record, "record", 4);
	}
	printf(error ? "%s: good up to byte %lld: %s\n" : "%s: %lld bytes\n",
	       json_text(json_get(answer, "verdict")),
	       json_get(answer, "bytes")->number, error);
}

static const char *member(const struct json *answer, const char *key)
{
	const char *text = json_text(json_get(answer, key));

	return text ? text : "";
}

static int print_verified(const struct json *answer, const char *name, int result)
{
	const char *error = json_text(json_get(answer, "error"));

	printf("%s: %s", name, member(answer, "verdict"));
	if (error)
		printf(": good up to byte %lld: %s",
		       json_get(answer, "bytes")->number, error);
	else if (result == DONE_UNKNOWN)
		printf(": it has mandatory records that this program does not know");
	putchar('\n');
	return finish_output(stdout, "standard output");
}

int cmd_decode(const struct options *options)
{
	const char *name = options->args[0];
	struct decoder *decoder;
	int fd = STDIN_FILENO;
	struct json *answer;
	int ret, result;

	if (strcmp(name, "-"))
		fd = open(name, O_RDONLY | O_CLOEXEC);
	else
		name = "standard input";
	if (fd < 0)
		return complain(DONE_ERROR, "cannot open %s: %s", name, strerror(errno));
	ret = refuse_folder(fd, name, "a saved state");
	if (ret) {
		close(fd);
		return ret;
	}
	decoder = decode_begin();
	ret = push_all(decoder, fd, name);
	if (fd != STDIN_FILENO)
		close(fd);
	answer = decode_finish(decoder, options->verify, &result);
	if (ret)
		return ret;
	if (options->json) {
		ret = json_print(answer, stdout, "standard output", false);
		return ret ? ret : result;
	}
	if (options->verify) {
		ret = print_verified(answer, name, result);
	} else {
		print_text(answer);
		ret = finish_output(stdout, "standard output");
	}
	return ret ? ret : result;
}
