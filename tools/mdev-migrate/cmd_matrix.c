// SPDX-License-Identifier: GPL-2.0-only
/*
 * matrix: every host against every other. What is on a host are its devices, or
 * if it has none what devices it could have; each is judged, the worst counts.
 */
#include <stdlib.h>
#include <string.h>

#include "matrix.h"

/* It begins with the type that was the best, where that did not fit. */
static const char *reason_of(struct matrix *matrix, const struct verdict *verdict,
			     const struct finding *finding)
{
	const struct type *type = verdict->target.type;

	if (verdict->result <= COMPATIBLE || !type)
		return arena_strdup(&matrix->arena, finding->message);
	return arena_printf(&matrix->arena, "%s: %s",
			    type_label(&matrix->arena, type), finding->message);
}

/* Of what counts, the first reason. */
static void take_verdict(struct matrix *matrix, struct cell *cell,
			 const struct verdict *verdict)
{
	const struct findings *findings = &verdict->findings;
	size_t i;

	cell->nr++;
	cell->fit += verdict->result <= COMPATIBLE;
	if (cell->reason && verdict->result <= cell->result)
		return;
	if (verdict->result > cell->result)
		cell->result = verdict->result;
	for (i = 0; i < findings->nr; i++) {
		if (findings->array[i].result != verdict->result)
			continue;
		cell->reason = reason_of(matrix, verdict, &findings->array[i]);
		break;
	}
}

/* One source of a host, to all hosts. */
static void judge_source(struct matrix *matrix, size_t from,
			 const struct source *source)
{
	size_t to;

	for (to = 0; to < matrix->fleet.nr; to++) {
		struct arena scratch = { 0 };
		struct verdict verdict;

		judge_host(&scratch, &verdict, source, &matrix->fleet.hosts[to]);
		take_verdict(matrix, (struct cell *)matrix_cell(matrix, from, to),
			     &verdict);
		arena_free(&scratch);
	}
}

static bool seen_before(const struct host *host, size_t i)
{
	const char *config = host->devices[i].config;
	size_t j;

	for (j = 0; config && j < i; j++) {
		if (host->devices[j].config &&
		    !strcmp(host->devices[j].config, config))
			return true;
	}
	return false;
}

static bool any_known(const struct host *host)
{
	size_t i;

	for (i = 0; i < host->nr_types; i++) {
		if (host->types[i].model)
			return true;
	}
	return false;
}

static void judge_from(struct matrix *matrix, size_t from)
{
	struct host *host = &matrix->fleet.hosts[from];
	struct source source;
	size_t i;

	for (i = 0; i < host->nr_devices; i++) {
		if (seen_before(host, i))
			continue;
		source_from_device(&source, host, &host->devices[i]);
		judge_source(matrix, from, &source);
	}
	if (host->nr_devices)
		return;
	/* Types whose drivers say nothing count if there are no others. */
	for (i = 0; i < host->nr_types; i++) {
		source_from_type(&source, host, &host->types[i]);
		if (source.config_known || !any_known(host))
			judge_source(matrix, from, &source);
	}
}

static void judge_all(struct matrix *matrix)
{
	size_t from;

	matrix->cells = arena_array(&matrix->arena,
				    matrix->fleet.nr * matrix->fleet.nr,
				    sizeof(*matrix->cells));
	progress_begin("matrix", 0);
	for (from = 0; from < matrix->fleet.nr; from++) {
		judge_from(matrix, from);
		progress_step(from);
	}
	progress_end();
}

static struct json *to_json(const struct matrix *matrix)
{
	struct json *answer = json_answer("matrix");
	struct json *hosts = json_new_array();
	struct json *cells = json_new_array();
	size_t from, to;

	for (from = 0; from < matrix->fleet.nr; from++) {
		const char *name = matrix->fleet.hosts[from].name;

		json_add(hosts, json_string(name));
		for (to = 0; to < matrix->fleet.nr; to++) {
			const struct cell *cell = matrix_cell(matrix, from, to);
			struct json *object = json_new_object();

			json_put_text(object, "source", name);
			json_put_text(object, "destination",
				      matrix->fleet.hosts[to].name);
			if (cell->nr)
				json_put_text(object, "verdict",
					      result_name(cell->result));
			json_put_number(object, "fit", cell->fit);
			json_put_number(object, "of", cell->nr);
			json_put_text(object, "message", cell->reason);
			json_add(cells, object);
		}
	}
	json_put(answer, "hosts", hosts);
	json_put(answer, "cells", cells);
	return answer;
}

static const char *mark(const struct cell *cell)
{
	static const char * const marks[] = {
		[IDENTICAL] = "=",
		[COMPATIBLE] = "+",
		[NOT_KNOWN] = "?",
		[INCOMPATIBLE] = "x",
	};

	return cell->nr ? marks[cell->result] : ".";
}

static void print_grid(const struct matrix *matrix, int width)
{
	size_t from, to;

	printf("%-*s", width + 6, "from \\ to");
	for (to = 0; to < matrix->fleet.nr; to++)
		printf(" %4zu", to + 1);
	putchar('\n');
	for (from = 0; from < matrix->fleet.nr; from++) {
		printf("%4zu  %-*s", from + 1, width,
		       matrix->fleet.hosts[from].name);
		for (to = 0; to < matrix->fleet.nr; to++) {
			const struct cell *cell = matrix_cell(matrix, from, to);

			printf("    %s%s%s",
			       cell->nr ? paint(stdout, cell->result) : "",
			       mark(cell), cell->nr ? paint_off(stdout) : "");
		}
		putchar('\n');
	}
	puts("\n= identical  + compatible  ? unknown  x incompatible  . nothing to move");
}

static void print_reasons(const struct matrix *matrix)
{
	size_t from, to;

	for (from = 0; from < matrix->fleet.nr; from++) {
		for (to = 0; to < matrix->fleet.nr; to++) {
			const struct cell *cell = matrix_cell(matrix, from, to);

			if (cell->nr && cell->result > COMPATIBLE)
				printf("%zu -> %zu: %zu of %zu fit: %s\n",
				       from + 1, to + 1, cell->fit, cell->nr,
				       cell->reason);
		}
	}
}

static int write_html(const struct matrix *matrix, const char *file)
{
	FILE *out = output_open(file);
	int ret;

	if (!out)
		return DONE_ERROR;
	ret = matrix_html(matrix, out, file);
	return output_close(out, file) ? DONE_ERROR : ret;
}

static int print_text(const struct matrix *matrix)
{
	int width = 4;
	size_t i;

	for (i = 0; i < matrix->fleet.nr; i++) {
		if ((int)strlen(matrix->fleet.hosts[i].name) > width)
			width = strlen(matrix->fleet.hosts[i].name);
	}
	print_grid(matrix, width);
	print_reasons(matrix);
	return finish_output(stdout, "standard output");
}

int cmd_matrix(const struct options *options)
{
	struct matrix matrix = { 0 };
	int ret;

	ret = fleet_read(&matrix.fleet, options);
	if (ret)
		return ret;
	judge_all(&matrix);
	if (options->html)
		ret = write_html(&matrix, options->html);
	if (!ret && options->json)
		ret = json_print(to_json(&matrix), stdout, "standard output",
				 false);
	else if (!ret && !options->html)
		ret = print_text(&matrix);
	ret = fleet_status(&matrix.fleet, ret);
	arena_free(&matrix.arena);
	fleet_free(&matrix.fleet);
	return ret;
}
