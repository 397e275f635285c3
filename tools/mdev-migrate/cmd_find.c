// SPDX-License-Identifier: GPL-2.0-only
/*
 * find: which of these hosts can take the device? One host is in memory at a
 * time; of each, only what is printed is kept. The host that it is on now is none
 * of them, unless that is asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "estimate.h"
#include "fleet.h"

#define INTERNED	1024

/**
 * struct row - a host
 * @name: its name
 * @type: the type that fits best, or NULL
 * @parent: its parent, or NULL
 * @device: the device that fits best, of one that is no mdev, or NULL
 * @reason: the first finding that is in the way, or NULL
 * @code: its code
 * @writes: how many values are to be written
 * @available: how many devices can be made
 * @result: the verdict
 */
struct row {
	const char *name;
	const char *type;
	const char *parent;
	const char *device;
	const char *reason;
	const char *code;
	size_t writes;
	long long available;
	enum result result;
};

struct finder {
	const struct source *source;
	bool own_host;
	const char *own;
	struct estimate estimate;
	struct fleet fleet;
	struct arena kept;
	struct arena scratch;
	const char *interned[INTERNED];
	struct row *rows;
	size_t nr;
};

/* A copy that outlives the host; most of them are one of a few. */
static const char *keep(struct finder *finder, const char *text)
{
	const char **slot;
	unsigned int hash = 0;
	const char *p;

	if (!text)
		return NULL;
	for (p = text; *p; p++)
		hash = hash * 31 + (unsigned char)*p;
	slot = &finder->interned[hash % INTERNED];
	if (!*slot || strcmp(*slot, text))
		*slot = arena_strdup(&finder->kept, text);
	return *slot;
}

static void add_row(struct finder *finder, const struct host *host)
{
	struct verdict verdict;
	struct row *row;
	size_t i;

	judge_host(&finder->scratch, &verdict, finder->source, host);
	finder->rows = grow_array(finder->rows, finder->nr, sizeof(*row));
	row = &finder->rows[finder->nr++];
	*row = (struct row) {
		.name = arena_strdup(&finder->kept, host->name),
		.type = keep(finder, verdict.target.type ?
			     verdict.target.type->name : NULL),
		.parent = keep(finder, verdict.target.type ?
			       verdict.target.type->parent : NULL),
		.device = keep(finder, verdict.target.device || verdict.target.other ?
			       target_label(&finder->scratch, &verdict.target) : NULL),
		.writes = verdict.findings.nr_writes,
		.available = verdict.target.type ?
			     verdict.target.type->available : UNKNOWN,
		.result = verdict.result,
	};
	for (i = 0; i < verdict.findings.nr && !row->reason; i++) {
		const struct finding *finding = &verdict.findings.array[i];

		if (finding->result != verdict.result ||
		    finding->result == COMPATIBLE)
			continue;
		row->reason = keep(finder, finding->message);
		row->code = finding->code;
	}
	arena_reset(&finder->scratch);
}

/* The source's own, of which it is to go away? */
static bool is_own(const struct finder *finder, const struct host *host)
{
	return !finder->own_host &&
	       (finder->source->device || finder->source->other) &&
	       host_same(finder->source->host, host);
}

static void find_host(void *context, struct host *host)
{
	struct finder *finder = context;

	if (is_own(finder, host))
		finder->own = keep(finder, host->name);
	else
		add_row(finder, host);
	host_free(host);
	memo_tidy(finder->fleet.memo);
}

/* identical first, then fewest changes, then most free instances */
static int compare_rows(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;

	if (a->result != b->result)
		return a->result < b->result ? -1 : 1;
	if (a->writes != b->writes && a->result <= COMPATIBLE)
		return a->writes < b->writes ? -1 : 1;
	if (a->available != b->available && a->result <= COMPATIBLE)
		return a->available > b->available ? -1 : 1;
	return natural_compare(a->name, b->name);
}

static struct json *find_json(const struct finder *finder, size_t fit)
{
	struct json *answer = json_answer("find");
	struct json *hosts = json_new_array();
	size_t i;

	json_put_number(answer, "fit", fit);
	json_put_number(answer, "hosts_nr", finder->nr);
	json_put_text(answer, "own_host", finder->own);
	estimate_json(answer, &finder->estimate);
	for (i = 0; i < finder->nr; i++) {
		const struct row *row = &finder->rows[i];
		struct json *object = json_new_object();

		json_put_text(object, "host", row->name);
		json_put_text(object, "verdict", result_name(row->result));
		json_put_text(object, "type", row->type);
		json_put_text(object, "parent", row->parent);
		json_put_text(object, "device", row->device);
		json_put_number(object, "writes_nr", row->writes);
		json_put_number(object, "available_instances", row->available);
		json_put_text(object, "code", row->code);
		json_put_text(object, "message", row->reason);
		json_add(hosts, object);
	}
	json_put(answer, "hosts", hosts);
	return answer;
}

/* BUS/NAME of the device, or PARENT/TYPE and ": " or what else @end is. */
static void print_what(const struct row *row, const char *end)
{
	const char *what = row->device ? row->device : row->type;
	bool below = !row->device && row->parent;

	if (what)
		printf("%s%s%s%s", below ? row->parent : "", below ? "/" : "",
		       what, end);
}

static void print_rows(const struct finder *finder, size_t fit)
{
	const char *off = paint_off(stdout);
	int width = 4;
	size_t i;

	for (i = 0; i < finder->nr; i++) {
		if ((int)strlen(finder->rows[i].name) > width)
			width = strlen(finder->rows[i].name);
	}
	printf("%zu of %zu hosts fit", fit, finder->nr);
	if (finder->own)
		printf(", beside %s, where it is (--own-host counts that too)",
		       finder->own);
	putchar('\n');
	estimate_print(stdout, &finder->estimate);
	for (i = 0; i < finder->nr; i++) {
		const struct row *row = &finder->rows[i];

		printf("%-*s  %s%-12s%s  ", width, row->name,
		       paint(stdout, row->result), result_name(row->result),
		       off);
		print_what(row, row->result > COMPATIBLE ? ": " : ", ");
		if (row->result > COMPATIBLE)
			puts(row->reason);
		else if (row->device)
			printf("%zu to write\n", row->writes);
		else
			printf("%zu to write, %lld free\n", row->writes,
			       row->available);
	}
}

static int print_found(struct finder *finder, bool json)
{
	size_t fit = 0, unknown = 0, i;
	int ret;

	if (finder->nr > 1)
		qsort(finder->rows, finder->nr, sizeof(*finder->rows),
		      compare_rows);
	for (i = 0; i < finder->nr; i++) {
		fit += finder->rows[i].result <= COMPATIBLE;
		unknown += finder->rows[i].result == NOT_KNOWN;
	}
	if (json) {
		ret = json_print(find_json(finder, fit), stdout,
				 "standard output", false);
	} else {
		print_rows(finder, fit);
		ret = finish_output(stdout, "standard output");
	}
	if (ret)
		return ret;
	return fit ? DONE_YES : unknown ? DONE_UNKNOWN : DONE_NO;
}

int cmd_find(const struct options *options)
{
	struct finder finder = { .own_host = options->own_host };
	struct source source;
	struct endpoint ep;
	int ret;

	ret = estimate_options(&finder.estimate, options);
	if (!ret)
		ret = check_stdin(options->args, options->nr);
	if (!ret)
		ret = endpoint_open(&ep, options->args[0], options);
	if (ret)
		return ret;
	finder.source = &source;
	finder.fleet.memo = memo_new(1);
	ret = endpoint_source(&ep, &source);
	if (!ret)
		estimate_source(&finder.estimate, &source);
	if (!ret)
		ret = fleet_each(&finder.fleet, options, 1, "find", find_host,
				 &finder);
	if (!ret)
		ret = fleet_status(&finder.fleet,
				   print_found(&finder, options->json));
	fleet_free(&finder.fleet);
	arena_free(&finder.kept);
	arena_free(&finder.scratch);
	free(finder.rows);
	endpoint_close(&ep);
	return ret;
}
