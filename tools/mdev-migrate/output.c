// SPDX-License-Identifier: GPL-2.0-only
/* Files, tables and colours. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/replace.h"
#include "command.h"

/* A command has one. */
static struct replacement output;

/* NULL, with a complaint, if it cannot be written. */
FILE *output_open(const char *file)
{
	FILE *out;
	int fd;

	if (!file || !strcmp(file, "-"))
		return stdout;
	fd = replace_open(&output, file, 0666);
	if (fd < 0)
		return NULL;
	out = fdopen(fd, "w");
	if (!out)
		out_of_memory();
	return out;
}

/* @ret: how the command ends so far. If that is an error, the file stays what it was. */
int output_close(FILE *out, int ret)
{
	const char *file = out == stdout ? "standard output" : output.file;

	if (!ret)
		ret = finish_output(out, file);
	if (out == stdout)
		return ret;
	if (!ret)
		ret = replace_sync(&output, fileno(out));
	if (fclose(out) && !ret)
		ret = complain(DONE_ERROR, "cannot write %s: %s", file, strerror(errno));
	return replace_end(&output, ret);
}

/* @table->columns strings; NULL is shown as "-". */
void table_row(struct table *table, ...)
{
	va_list args;
	size_t i;

	va_start(args, table);
	for (i = 0; i < table->columns; i++) {
		size_t at = table->nr * table->columns + i;
		const char *cell = va_arg(args, const char *);

		table->cells = grow_array(table->cells, at,
					  sizeof(*table->cells));
		table->cells[at] = arena_strdup(&table->arena,
						cell && *cell ? cell : "-");
	}
	va_end(args);
	table->nr++;
}

static size_t column_width(const struct table *table, size_t column)
{
	size_t row, width = 0;

	for (row = 0; row < table->nr; row++) {
		size_t len = strlen(table->cells[row * table->columns + column]);

		if (len > width)
			width = len;
	}
	return width;
}

void table_print(struct table *table, FILE *out)
{
	size_t *widths = calloc(table->columns, sizeof(*widths));
	size_t row, column;

	if (!widths)
		out_of_memory();
	for (column = 0; column < table->columns; column++)
		widths[column] = column_width(table, column);
	for (row = 0; row < table->nr; row++) {
		const char **cells = &table->cells[row * table->columns];

		for (column = 0; column + 1 < table->columns; column++)
			fprintf(out, "%-*s  ", (int)widths[column],
				cells[column]);
		fprintf(out, "%s\n", cells[column]);
	}
	free(widths);
}

void table_free(struct table *table)
{
	arena_free(&table->arena);
	free(table->cells);
	memset(table, 0, sizeof(*table));
}

const char *paint(FILE *out, enum result result)
{
	static const char * const colours[] = {
		[IDENTICAL] = "\033[1;32m",
		[COMPATIBLE] = "\033[32m",
		[NOT_KNOWN] = "\033[33m",
		[INCOMPATIBLE] = "\033[31m",
	};

	return use_colour(out) ? colours[result] : "";
}

const char *paint_off(FILE *out)
{
	return use_colour(out) ? "\033[0m" : "";
}
