// SPDX-License-Identifier: GPL-2.0-only
/* Where devices go, for people and for programs. */
#include "domain.h"

void placed_to_row(struct arena *arena, struct placed_row *row,
		   const struct placed *placed)
{
	*row = (struct placed_row) {
		.device = arena_strdup(arena, placed->source->name),
		.result = placed->result,
		.code = placed->code,
		.message = arena_strdup(arena, placed->message),
		.available = UNKNOWN,
	};
	if (!placed->way)
		return;
	row->host = arena_strdup(arena, placed->way->target.host->name);
	row->type = arena_strdup(arena, placed->way->target.type->name);
	row->parent = arena_strdup(arena, placed->way->target.type->parent);
	if (placed->way->target.device)
		row->there = arena_strdup(arena, placed->way->target.device->uuid);
	row->available = placed->way->target.type->available;
	row->writes = placed->way->writes;
}

struct json *json_from_placed(const struct placed_row *row)
{
	struct json *object = json_new_object();
	struct json *to = json_new_object();

	json_put_text(object, "device", row->device);
	json_put_text(object, "domain", row->domain);
	json_put_text(object, "verdict", result_name(row->result));
	if (row->host) {
		json_put_text(to, "host", row->host);
		json_put_text(to, "device", row->there);
		json_put_text(to, "type", row->type);
		json_put_text(to, "parent", row->parent);
		json_put_number(to, "available_instances", row->available);
		json_put(object, "destination", to);
		json_put_number(object, "writes_nr", row->writes);
	}
	json_put_text(object, "code", row->code);
	json_put_text(object, "message", row->message);
	return object;
}

/* DEVICE  verdict  PARENT/TYPE on HOST, N to write (DOMAIN) */
void print_placed(const struct placed_row *row, int width, bool with_host)
{
	printf("%-*s  %s%-12s%s  ", width, row->device, paint(stdout, row->result),
	       result_name(row->result), paint_off(stdout));
	if (!row->host)
		fputs(row->message, stdout);
	else
		printf("%s%s%s%s%s, %zu to write",
		       row->there || !row->parent ? "" : row->parent,
		       row->there || !row->parent ? "" : "/",
		       row->there ? row->there : row->type,
		       with_host ? " on " : "", with_host ? row->host : "",
		       row->writes);
	if (row->domain)
		printf(" (%s)", row->domain);
	putchar('\n');
}
