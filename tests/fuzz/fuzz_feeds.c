// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is written of snapshots of any bytes: names are in their alphabets and no longer
 * than they may be, each once; pages and metrics have only what can be seen.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../tools/mdev-migrate/feed.h"
#include "../../tools/mdev-migrate/matrix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char *const program = "fuzz";

static void expect(bool ok)
{
	if (!ok)
		abort();
}

static bool all_in(const char *text, const char *alphabet)
{
	return !text[strspn(text, alphabet)];
}

static void check_nova(const char *name)
{
	expect(strlen(name) <= 255 && !strncmp(name, "CUSTOM_", 7) &&
	       all_in(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"));
}

static void check_nfd(const char *name)
{
	static const char ends[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const char *label = strchr(name, '/') + 1;
	size_t len = strlen(label);

	expect(len && len <= 63 && all_in(label, ends));
	expect(!strchr("-_.", label[0]) && !strchr("-_.", label[len - 1]));
}

static void check_names(const struct feed_model *model,
			const struct naming *naming, void (*check)(const char *name))
{
	struct arena arena = { 0 };
	const char **names;
	size_t nr, i, j;

	nr = feed_names(&arena, naming, model, &names);
	for (i = 0; i < nr; i++) {
		check(names[i]);
		for (j = 0; j < i; j++)
			expect(strcmp(names[i], names[j]));
	}
	arena_free(&arena);
}

static void check_shown(const char *text)
{
	struct text shown = { 0 };

	text_add_visible(&shown, text, "\n");
	expect(!strcmp(shown.data, text));
	text_free(&shown);
}

static void check_page(struct matrix *matrix)
{
	char *page = NULL;
	size_t len;
	FILE *out = open_memstream(&page, &len);

	expect(out && !matrix_html(matrix, out, "page") && !fclose(out));
	check_shown(page);
	free(page);
}

static void check_metrics(const struct host *host)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	expect(out && !feed_prometheus(host, out) && !fclose(out));
	check_shown(text);
	free(text);
}

static void write_all(struct matrix *matrix)
{
	const struct host *host = &matrix->fleet.hosts[0];
	struct feed feed;
	size_t i;

	feed_of_host(&feed, host, &matrix->fleet);
	for (i = 0; i < feed.nr; i++) {
		check_names(&feed.models[i], &nova_naming, check_nova);
		check_names(&feed.models[i], &nfd_naming, check_nfd);
	}
	feed_free(&feed);
	check_metrics(host);
	matrix_judge(matrix);
	check_page(matrix);
}

/* Twice the same host, which is of one kind. */
static int read_one(void *context, struct doc *doc)
{
	struct matrix matrix = { 0 };
	struct mdev_migrate_msg why;
	struct host host;
	size_t i;

	matrix.fleet.memo = memo_new(false);
	for (i = 0; i < 2; i++) {
		if (json_to_host(&host, doc->root, matrix.fleet.memo, &why))
			break;
		matrix.fleet.hosts = grow_array(matrix.fleet.hosts, i,
						sizeof(host));
		matrix.fleet.hosts[matrix.fleet.nr++] = host;
	}
	if (matrix.fleet.nr == 2) {
		write_all(&matrix);
		expect(matrix.kind_keys.nr == 1 && matrix.row_keys.nr == 1);
	}
	matrix_free(&matrix);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", 0);
	struct docs_read done = { 0 };
	char file[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);
	docs_each(file, read_one, NULL, &done);
	complaints_forget();
	json_forget();
	close(fd);
	return 0;
}
