// SPDX-License-Identifier: GPL-2.0-only
/* matrix: every host against every other, as text, JSON or a page. */
#include <string.h>

#include "matrix.h"

static struct json *json_of_cell(struct matrix *matrix, size_t from, size_t to)
{
	struct cell cell = matrix_cell(matrix, from, to);
	struct json *object = json_new_object();

	json_put_text(object, "source", matrix->fleet.hosts[from].name);
	json_put_text(object, "destination", matrix->fleet.hosts[to].name);
	if (cell.nr)
		json_put_text(object, "verdict", result_name(cell.result));
	json_put_number(object, "fit", cell.fit);
	json_put_number(object, "of", cell.nr);
	if (cell.reason)
		json_put_text(object, "message", matrix->reasons[cell.reason]);
	if (cell.full)
		json_put_bool(object, "full", true);
	return object;
}

static struct json *json_of_hosts(const struct matrix *matrix, const size_t *hosts,
				  size_t nr)
{
	struct json *object = json_new_object();
	struct json *names = json_new_array();
	size_t i;

	for (i = 0; i < nr; i++)
		json_add(names, json_string(matrix->fleet.hosts[hosts[i]].name));
	json_put(object, "hosts", names);
	return object;
}

static struct json *json_of_group(struct matrix *matrix, size_t row, size_t kind)
{
	struct cell cell = matrix_kind_cell(matrix, row, kind);
	struct json *object = json_new_object();

	json_put_number(object, "from", row);
	json_put_number(object, "to", kind);
	if (cell.nr)
		json_put_text(object, "verdict", result_name(cell.result));
	json_put_number(object, "fit", cell.fit);
	json_put_number(object, "of", cell.nr);
	if (cell.reason)
		json_put_number(object, "reason", cell.reason - 1);
	if (cell.full)
		json_put_number(object, "full_nr", cell.full);
	if (cell.unknown)
		json_put_number(object, "unknown_nr", cell.unknown);
	return object;
}

/* What is the same once: the rows and columns that people see. */
static struct json *groups_to_json(struct matrix *matrix)
{
	struct json *answer = json_answer("matrix");
	struct json *from = json_new_array(), *to = json_new_array();
	struct json *reasons = json_new_array(), *groups = json_new_array();
	size_t row, kind, i;

	for (kind = 0; kind < matrix->kind_keys.nr; kind++)
		json_add(to, json_of_hosts(matrix, matrix->kinds[kind].hosts,
					   matrix->kinds[kind].nr));
	for (row = 0; row < matrix->row_keys.nr; row++) {
		json_add(from, json_of_hosts(matrix, matrix->rows[row].hosts,
					     matrix->rows[row].nr));
		for (kind = 0; kind < matrix->kind_keys.nr; kind++)
			json_add(groups, json_of_group(matrix, row, kind));
	}
	for (i = 1; i < matrix->reason_keys.nr; i++)
		json_add(reasons, json_string(matrix->reasons[i]));
	json_put(answer, "from", from);
	json_put(answer, "to", to);
	json_put(answer, "groups", groups);
	json_put(answer, "reasons", reasons);
	return answer;
}

/* Each pair of hosts. */
static struct json *pairs_to_json(struct matrix *matrix)
{
	struct json *answer = json_answer("matrix");
	struct json *hosts = json_new_array();
	struct json *cells = json_new_array();
	size_t from, to;

	for (from = 0; from < matrix->fleet.nr; from++) {
		json_add(hosts, json_string(matrix->fleet.hosts[from].name));
		for (to = 0; to < matrix->fleet.nr; to++)
			json_add(cells, json_of_cell(matrix, from, to));
	}
	json_put(answer, "hosts", hosts);
	json_put(answer, "cells", cells);
	return answer;
}

static void print_mark(const struct cell *cell, const struct kind *kind)
{
	static const struct {
		char mark;
		enum result colour;
	} looks[] = {
		[SHOWN_IDENTICAL] = { '=', IDENTICAL },
		[SHOWN_COMPATIBLE] = { '+', COMPATIBLE },
		[SHOWN_FULL] = { 'f', NOT_KNOWN },
		[SHOWN_UNKNOWN] = { '?', NOT_KNOWN },
		[SHOWN_INCOMPATIBLE] = { 'x', INCOMPATIBLE },
	};
	enum shown shown = matrix_shown(cell, kind);

	if (shown == SHOWN_NOTHING)
		printf("    .");
	else
		printf("    %s%c%s", paint(stdout, looks[shown].colour),
		       looks[shown].mark, paint_off(stdout));
}

/* Rows and columns have the number of their first host. */
static void print_grid(struct matrix *matrix, int width)
{
	size_t row, kind;

	printf("%-*s", width + 6, "from \\ to");
	for (kind = 0; kind < matrix->kind_keys.nr; kind++)
		printf(" %4zu", matrix->kinds[kind].hosts[0] + 1);
	putchar('\n');
	for (row = 0; row < matrix->row_keys.nr; row++) {
		size_t first = matrix->rows[row].hosts[0];

		printf("%4zu  %-*s", first + 1, width,
		       matrix->fleet.hosts[first].name);
		for (kind = 0; kind < matrix->kind_keys.nr; kind++) {
			struct cell cell = matrix_kind_cell(matrix, row, kind);

			print_mark(&cell, &matrix->kinds[kind]);
		}
		putchar('\n');
	}
	printf("\n= identical  + compatible  f full now  ? unknown  %s\n",
	       "x incompatible  . nothing to move");
}

/* Those that the first stands for. */
static void print_hosts(const struct matrix *matrix, const char *what,
			const size_t *hosts, size_t nr)
{
	size_t i;

	if (nr < 2)
		return;
	printf("%s %zu:", what, hosts[0] + 1);
	for (i = 0; i < nr; i++)
		printf(" %s", matrix->fleet.hosts[hosts[i]].name);
	putchar('\n');
}

static void print_groups(const struct matrix *matrix)
{
	size_t i;

	for (i = 0; i < matrix->row_keys.nr; i++)
		print_hosts(matrix, "from", matrix->rows[i].hosts,
			    matrix->rows[i].nr);
	for (i = 0; i < matrix->kind_keys.nr; i++)
		print_hosts(matrix, "to", matrix->kinds[i].hosts,
			    matrix->kinds[i].nr);
}

static void print_reason(const struct matrix *matrix, size_t row, size_t at,
			 const struct cell *cell)
{
	const struct kind *kind = &matrix->kinds[at];
	size_t from = matrix->rows[row].hosts[0] + 1, to = kind->hosts[0] + 1;

	if (cell->nr && cell->result > COMPATIBLE)
		printf("%zu -> %zu: %zu of %zu fit: %s\n", from, to, cell->fit,
		       cell->nr, matrix->reasons[cell->reason]);
	if (cell->full)
		printf("%zu -> %zu: %zu of %zu %s full now\n", from, to,
		       cell->full, kind->nr,
		       kind->nr == 1 ? "host is" : "hosts are");
	if (cell->unknown)
		printf("%zu -> %zu: of %zu of %zu hosts it is not known whether there is room\n",
		       from, to, cell->unknown, kind->nr);
}

static void print_reasons(struct matrix *matrix)
{
	size_t row, kind;

	for (row = 0; row < matrix->row_keys.nr; row++) {
		for (kind = 0; kind < matrix->kind_keys.nr; kind++) {
			struct cell cell = matrix_kind_cell(matrix, row, kind);

			print_reason(matrix, row, kind, &cell);
		}
	}
}

static int write_html(struct matrix *matrix, const char *file)
{
	FILE *out = output_open(file);

	if (!out)
		return DONE_ERROR;
	return output_close(out, matrix_html(matrix, out, file));
}

static int print_text(struct matrix *matrix)
{
	int width = 4;
	size_t i;

	for (i = 0; i < matrix->row_keys.nr; i++) {
		size_t first = matrix->rows[i].hosts[0];

		if ((int)strlen(matrix->fleet.hosts[first].name) > width)
			width = strlen(matrix->fleet.hosts[first].name);
	}
	print_grid(matrix, width);
	print_groups(matrix);
	print_reasons(matrix);
	return finish_output(stdout, "standard output");
}

int cmd_matrix(const struct options *options)
{
	struct matrix matrix = { 0 };
	int ret;

	if (options->pairs && !options->json)
		return complain(DONE_ERROR, "--pairs is only for --json");
	ret = fleet_read(&matrix.fleet, options, 0, 0);
	if (ret)
		return ret;
	matrix_judge(&matrix);
	if (options->html)
		ret = write_html(&matrix, options->html);
	if (!ret && options->json)
		ret = json_print(options->pairs ? pairs_to_json(&matrix) :
				 groups_to_json(&matrix), stdout, "standard output",
				 false);
	else if (!ret && !options->html)
		ret = print_text(&matrix);
	ret = fleet_status(&matrix.fleet, ret);
	matrix_free(&matrix);
	return ret;
}
