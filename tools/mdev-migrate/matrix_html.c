// SPDX-License-Identifier: GPL-2.0-only
/*
 * The matrix as one page that needs nothing else: no network, and no script to be read.
 * The script that is there filters, and shows a reason at the mark that leads to it.
 */
#include <string.h>

#include "matrix.h"

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>What can move where</title>\n<style>\n"
	":root { color-scheme: light dark; --line: #8888;\n"
	"  --same: #1a7f37; --same-text: #fff; --fits: #c6efd0; --fits-text: #0b3d1a;\n"
	"  --full: #cfe0f7; --full-text: #0b2f5c; --open: #ffe08a; --open-text: #4a3700;\n"
	"  --no: #f9c9c9; --no-text: #6b0f0f; }\n"
	"@media (prefers-color-scheme: dark) { :root {\n"
	"  --same: #238636; --same-text: #fff; --fits: #143d22; --fits-text: #b9f0c6;\n"
	"  --full: #14304f; --full-text: #bcd9ff; --open: #4a3a00; --open-text: #ffe08a;\n"
	"  --no: #4d1717; --no-text: #ffc4c4; } }\n"
	"body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; }\n"
	".frame { overflow: auto; max-height: 85vh; border: 1px solid var(--line); width: fit-content;\n"
	"  max-width: 100%; }\n"
	"table { border-collapse: separate; border-spacing: 0; }\n"
	"th, td { padding: .3rem .7rem; border: 0 solid var(--line); border-width: 0 1px 1px 0;\n"
	"  text-align: center; white-space: nowrap; }\n"
	"thead th { position: sticky; top: 0; background: Canvas; vertical-align: bottom; z-index: 1; }\n"
	"th:first-child { position: sticky; left: 0; background: Canvas; text-align: left; }\n"
	"thead th:first-child { z-index: 2; }\n"
	"th small, td small { display: block; font-weight: normal; }\n"
	".same { background: var(--same); color: var(--same-text); }\n"
	".fits { background: var(--fits); color: var(--fits-text); }\n"
	".full { background: var(--full); color: var(--full-text); }\n"
	".open { background: var(--open); color: var(--open-text); }\n"
	".no { background: var(--no); color: var(--no-text); }\n"
	"td a { color: inherit; }\n"
	".legend span { padding: .1rem .6rem; margin-right: .5rem; white-space: nowrap; }\n"
	".filter label { margin-right: 1rem; }\n"
	"li { margin: .2rem 0; }\n"
	":target { outline: 3px solid; outline-offset: 2px; }\n"
	"[hidden] { display: none !important; }\n"
	"</style>\n</head>\n<body>\n<h1>What can move where</h1>\n";

static const char script[] =
	"<script>\n"
	"(function () {\n"
	"  'use strict';\n"
	"  var table = document.querySelector('table'), box = document.querySelector('.filter');\n"
	"  function names(link) {\n"
	"    return document.querySelector(link.getAttribute('href')).textContent.toLowerCase();\n"
	"  }\n"
	"  var rows = Array.from(table.tBodies[0].rows, function (row) {\n"
	"    return { row: row, names: names(row.cells[0].querySelector('a')) };\n"
	"  });\n"
	"  var kinds = Array.from(table.tHead.rows[0].cells).slice(1).map(function (cell) {\n"
	"    return names(cell.querySelector('a'));\n"
	"  });\n"
	"  function filter() {\n"
	"    var from = box.querySelector('#from').value.toLowerCase();\n"
	"    var to = box.querySelector('#to').value.toLowerCase();\n"
	"    rows.forEach(function (one) { one.row.hidden = one.names.indexOf(from) < 0; });\n"
	"    kinds.forEach(function (one, i) {\n"
	"      var hidden = one.indexOf(to) < 0;\n"
	"      if (table.tHead.rows[0].cells[i + 1].hidden === hidden)\n"
	"        return;\n"
	"      Array.from(table.rows, function (row) { row.cells[i + 1].hidden = hidden; });\n"
	"    });\n"
	"  }\n"
	"  box.addEventListener('input', filter);\n"
	"  box.hidden = false;\n"
	"  table.addEventListener('mouseover', function (event) {\n"
	"    var link = event.target.closest('td a');\n"
	"    if (link && !link.title)\n"
	"      link.title = document.querySelector(link.getAttribute('href')).textContent;\n"
	"  });\n"
	"})();\n"
	"</script>\n";

/* How each is shown: its class, and a mark with a word, for who sees no colours. */
static const struct look {
	const char *class;
	const char *text;
	const char *means;
} looks[] = {
	[SHOWN_IDENTICAL] = { "same", "= same", "identical" },
	[SHOWN_COMPATIBLE] = { "fits", "+ fits", "compatible, with values to be written" },
	[SHOWN_FULL] = { "full", "&#9679; full now", "would fit; no such host has room now" },
	[SHOWN_UNKNOWN] = { "open", "? unknown", "not known" },
	[SHOWN_INCOMPATIBLE] = { "no", "&#10005; no", "incompatible" },
	[SHOWN_NOTHING] = { "none", "&middot;", "nothing to move" },
};

#define NR_LOOKS	(sizeof(looks) / sizeof(looks[0]))

static void escaped(FILE *out, const char *text)
{
	struct arena arena = { 0 };

	for (text = visible(&arena, text); *text; text++) {
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
	arena_free(&arena);
}

static void put_legend(FILE *out, const struct matrix *matrix)
{
	size_t i;

	fprintf(out, "<p>%zu %s. A row is for hosts that have the same on them,\n"
		"a column for hosts that offer the same; a mark leads to the reason, a name to the hosts that it stands for.</p>\n<p class=\"legend\">",
		matrix->fleet.nr, matrix->fleet.nr == 1 ? "host" : "hosts");
	for (i = 0; i < NR_LOOKS; i++)
		fprintf(out, "<span class=\"%s\">%s</span>%s%s", looks[i].class,
			looks[i].text, looks[i].means,
			i + 1 < NR_LOOKS ? "\n" : "</p>\n");
	fputs("<p class=\"filter\" hidden>\n"
	      "<label>from <input id=\"from\" type=\"search\" placeholder=\"host\"></label>\n"
	      "<label>to <input id=\"to\" type=\"search\" placeholder=\"host\"></label></p>\n",
	      out);
}

/* The first of the hosts, and a link to all of them. */
static void put_group(FILE *out, const struct matrix *matrix, const char *scope,
		      size_t at, const size_t *hosts, size_t nr)
{
	fprintf(out, "<th scope=\"%s\"><a href=\"#%s%zu\">", scope, scope, at);
	escaped(out, matrix->fleet.hosts[hosts[0]].name);
	fputs("</a>", out);
	if (nr > 1)
		fprintf(out, "<small>and %zu more</small>", nr - 1);
	fputs("</th>", out);
}

/* Where the reason for a cell is. */
static void put_link(FILE *out, const struct cell *cell, enum shown shown)
{
	if (shown == SHOWN_FULL)
		fputs("<a href=\"#full\">", out);
	else if (shown == SHOWN_UNKNOWN && cell->result <= COMPATIBLE)
		fputs("<a href=\"#room\">", out);
	else
		fprintf(out, "<a href=\"#reason%zu\">", cell->reason);
}

static void put_cell(FILE *out, struct matrix *matrix, size_t row, size_t at)
{
	const struct kind *kind = &matrix->kinds[at];
	struct cell cell = matrix_kind_cell(matrix, row, at);
	enum shown shown = matrix_shown(&cell, kind);
	bool has_link = cell.nr && (cell.reason || shown > SHOWN_COMPATIBLE);

	fprintf(out, "<td class=\"%s\">", looks[shown].class);
	if (has_link)
		put_link(out, &cell, shown);
	fputs(looks[shown].text, out);
	if (has_link)
		fputs("</a>", out);
	if (cell.result > COMPATIBLE && cell.nr > 1)
		fprintf(out, "<small>%zu of %zu fit</small>", cell.fit, cell.nr);
	if (cell.full && shown <= SHOWN_COMPATIBLE)
		fprintf(out, "<small>%zu of %zu <a href=\"#full\">full</a></small>",
			cell.full, kind->nr);
	fputs("</td>", out);
}

static void put_table(FILE *out, struct matrix *matrix)
{
	size_t row, kind;

	fputs("<div class=\"frame\" tabindex=\"0\" role=\"region\"\n"
	      "aria-label=\"What can move where\">\n"
	      "<table>\n<thead><tr><th scope=\"col\">from \\ to</th>", out);
	for (kind = 0; kind < matrix->kind_keys.nr; kind++)
		put_group(out, matrix, "col", kind, matrix->kinds[kind].hosts,
			  matrix->kinds[kind].nr);
	fputs("</tr></thead>\n<tbody>\n", out);
	for (row = 0; row < matrix->row_keys.nr; row++) {
		fputs("<tr>", out);
		put_group(out, matrix, "row", row, matrix->rows[row].hosts,
			  matrix->rows[row].nr);
		for (kind = 0; kind < matrix->kind_keys.nr; kind++)
			put_cell(out, matrix, row, kind);
		fputs("</tr>\n", out);
	}
	fputs("</tbody>\n</table>\n</div>\n", out);
}

static void put_reasons(FILE *out, const struct matrix *matrix)
{
	size_t i;

	fputs("<h2>Why</h2>\n<ul>\n"
	      "<li id=\"full\">The device would fit, but no more of it can be made there now.</li>\n"
	      "<li id=\"room\">The device would fit, but it is not known whether there is room for it.</li>\n",
	      out);
	for (i = 1; i < matrix->reason_keys.nr; i++) {
		fprintf(out, "<li id=\"reason%zu\">", i);
		escaped(out, matrix->reasons[i]);
		fputs("</li>\n", out);
	}
	fputs("</ul>\n", out);
}

/* What a link leads to opens. */
static void put_hosts(FILE *out, const struct matrix *matrix, const char *scope,
		      size_t at, const size_t *hosts, size_t nr)
{
	size_t i;

	fputs("<details><summary>", out);
	escaped(out, matrix->fleet.hosts[hosts[0]].name);
	if (nr > 1)
		fprintf(out, " and %zu more", nr - 1);
	fprintf(out, "</summary><p id=\"%s%zu\">", scope, at);
	for (i = 0; i < nr; i++) {
		if (i)
			fputs(", ", out);
		escaped(out, matrix->fleet.hosts[hosts[i]].name);
	}
	fputs("</p></details>\n", out);
}

static void put_groups(FILE *out, const struct matrix *matrix)
{
	size_t i;

	fputs("<h2>Hosts that have the same on them</h2>\n", out);
	for (i = 0; i < matrix->row_keys.nr; i++)
		put_hosts(out, matrix, "row", i, matrix->rows[i].hosts,
			  matrix->rows[i].nr);
	fputs("<h2>Hosts that offer the same</h2>\n", out);
	for (i = 0; i < matrix->kind_keys.nr; i++)
		put_hosts(out, matrix, "col", i, matrix->kinds[i].hosts,
			  matrix->kinds[i].nr);
}

int matrix_html(struct matrix *matrix, FILE *out, const char *name)
{
	fputs(head, out);
	put_legend(out, matrix);
	put_table(out, matrix);
	put_reasons(out, matrix);
	put_groups(out, matrix);
	fputs(script, out);
	fputs("</body>\n</html>\n", out);
	return finish_output(out, name);
}
