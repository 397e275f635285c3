// SPDX-License-Identifier: GPL-2.0-only
/* decode: a saved state in words. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
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

static void print_scalar(const json_t *value)
{
	const char *text = json_string_value(value);
	struct arena arena = { 0 };

	if (json_is_boolean(value))
		text = json_is_true(value) ? "yes" : "no";
	if (text)
		fputs(visible(&arena, text), stdout);
	else
		printf("%lld", (long long)json_integer_value(value));
	arena_free(&arena);
}

/* An object's members in a line, what is nested below it. */
static void print_members(const json_t *object, const char *skip, int indent)
{
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)object, key, value) {
		if (json_is_array(value) || !strcmp(key, skip) ||
		    (!strcmp(key, "optional") && !json_is_true(value)))
			continue;
		printf("  %s ", key);
		print_scalar(value);
	}
	putchar('\n');
	json_object_foreach((json_t *)object, key, value) {
		for (i = 0; i < json_array_size(value); i++) {
			const json_t *inner = json_array_get(value, i);
			const json_t *name = json_object_get(inner, "part");

			printf("%*s%s", indent, "", name ?
			       json_string_value(name) : key);
			print_members(inner, "part", indent + 4);
		}
	}
}

static void print_text(const json_t *answer)
{
	const json_t *records = json_object_get(answer, "records");
	const char *error = json_string_value(json_object_get(answer, "error"));
	size_t i;

	for (i = 0; i < json_array_size(records); i++) {
		const json_t *record = json_array_get(records, i);

		printf("%s", json_string_value(json_object_get(record,
							       "record")));
		print_members(record, "record", 4);
	}
	printf(error ? "%s: good up to byte %lld: %s\n" : "%s: %lld bytes\n",
	       json_string_value(json_object_get(answer, "verdict")),
	       (long long)json_integer_value(json_object_get(answer, "bytes")),
	       error);
}

static int print_verified(const json_t *answer, const char *name, int result)
{
	const char *error = json_string_value(json_object_get(answer, "error"));

	printf("%s: %s", name,
	       json_string_value(json_object_get(answer, "verdict")));
	if (error)
		printf(": good up to byte %lld: %s",
		       json_integer_value(json_object_get(answer, "bytes")), error);
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
	json_t *answer;
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
	answer = decode_finish(decoder, &result);
	if (ret) {
		json_decref(answer);
		return ret;
	}
	if (options->verify)
		json_object_del(answer, "records");
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
	json_decref(answer);
	return ret ? ret : result;
}
