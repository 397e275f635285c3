// SPDX-License-Identifier: GPL-2.0-only
/* The matrix as one page that needs nothing else: no script, no network. */
#include "matrix.h"

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>mdev-migrate matrix</title>\n<style>\n"
	":root { color-scheme: light dark; }\n"
	"body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; }\n"
	"table { border-collapse: collapse; }\n"
	"th, td { padding: .3rem .6rem; border: 1px solid #8886; text-align: center; }\n"
	"thead th { position: sticky; top: 0; background: Canvas; vertical-align: bottom; }\n"
	"tbody th { text-align: left; white-space: nowrap; }\n"
	".identical { background: #1a7f37; color: #fff; }\n"
	".compatible { background: #b7e4c0; color: #0b3d1a; }\n"
	".unknown { background: #ffe08a; color: #5a4300; }\n"
	".incompatible { background: #f6b8b8; color: #6b0f0f; }\n"
	".legend span { padding: .1rem .6rem; margin-right: .5rem; }\n"
	"li { margin: .2rem 0; }\n"
	"</style>\n</head>\n<body>\n<h1>What can move where</h1>\n";

static const char legend[] =
	"<p class=\"legend\"><span class=\"identical\">= identical</span>\n"
	"<span class=\"compatible\">+ compatible, with values to be written</span>\n"
	"<span class=\"unknown\">? not known</span>\n"
	"<span class=\"incompatible\">&#10005; incompatible</span></p>\n";

static void escaped(FILE *out, const char *text)
{
	for (; text && *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

static void put_cell(FILE *out, const struct cell *cell)
{
	static const char * const marks[] = {
		[IDENTICAL] = "=",
		[COMPATIBLE] = "+",
		[NOT_KNOWN] = "?",
		[INCOMPATIBLE] = "&#10005;",
	};

	if (!cell->nr) {
		fputs("<td title=\"nothing to move\">&middot;</td>", out);
		return;
	}
	fprintf(out, "<td class=\"%s\" title=\"%s", result_name(cell->result),
		result_name(cell->result));
	if (cell->reason)
		fputs(": ", out);
	escaped(out, cell->reason);
	fprintf(out, "\">%s", marks[cell->result]);
	if (cell->result > COMPATIBLE && cell->nr > 1)
		fprintf(out, " <small>%zu/%zu</small>", cell->fit, cell->nr);
	fputs("</td>", out);
}

static void put_table(FILE *out, const struct matrix *matrix)
{
	size_t from, to;

	fputs("<table>\n<thead><tr><th scope=\"col\">from \\ to</th>", out);
	for (to = 0; to < matrix->fleet.nr; to++) {
		fputs("<th scope=\"col\">", out);
		escaped(out, matrix->fleet.hosts[to].name);
		fputs("</th>", out);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
	for (from = 0; from < matrix->fleet.nr; from++) {
		fputs("<tr><th scope=\"row\">", out);
		escaped(out, matrix->fleet.hosts[from].name);
		fputs("</th>", out);
		for (to = 0; to < matrix->fleet.nr; to++)
			put_cell(out, matrix_cell(matrix, from, to));
		fputs("</tr>\n", out);
	}
	fputs("</tbody>\n</table>\n", out);
}

static void put_reasons(FILE *out, const struct matrix *matrix)
{
	size_t from, to;

	fputs("<h2>Why not</h2>\n<ul>\n", out);
	for (from = 0; from < matrix->fleet.nr; from++) {
		for (to = 0; to < matrix->fleet.nr; to++) {
			const struct cell *cell = matrix_cell(matrix, from, to);

			if (!cell->nr || cell->result <= COMPATIBLE)
				continue;
			fputs("<li>", out);
			escaped(out, matrix->fleet.hosts[from].name);
			fputs(" &rarr; ", out);
			escaped(out, matrix->fleet.hosts[to].name);
			fprintf(out, ": %zu of %zu fit: ", cell->fit, cell->nr);
			escaped(out, cell->reason);
			fputs("</li>\n", out);
		}
	}
	fputs("</ul>\n", out);
}

int matrix_html(const struct matrix *matrix, FILE *out, const char *name)
{
	fputs(head, out);
	fputs(legend, out);
	put_table(out, matrix);
	put_reasons(out, matrix);
	fputs("</body>\n</html>\n", out);
	return finish_output(out, name);
}
