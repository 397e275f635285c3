/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands and what they share. */
#ifndef MDEV_MIGRATE_COMMAND_H
#define MDEV_MIGRATE_COMMAND_H

#include "../common/cli.h"
#include "../common/json.h"
#include "endpoint.h"

int cmd_list(const struct options *options);
int cmd_show(const struct options *options);
int cmd_export(const struct options *options);
int cmd_require(const struct options *options);
int cmd_check(const struct options *options);
int cmd_find(const struct options *options);
int cmd_baseline(const struct options *options);
int cmd_matrix(const struct options *options);
int cmd_domain(const struct options *options);
int cmd_drain(const struct options *options);
int cmd_plan(const struct options *options);
int cmd_callout(const struct options *options);

/* output.c */
FILE *output_open(const char *file);
int output_close(FILE *out, int ret);

/**
 * struct table - rows of text in columns
 * @arena: holds the cells
 * @columns: how many
 * @nr: rows, with the heading
 * @cells: the cells, row by row
 */
struct table {
	struct arena arena;
	size_t columns;
	size_t nr;
	const char **cells;
};

void table_row(struct table *table, ...);
void table_print(struct table *table, FILE *out);
void table_free(struct table *table);
const char *paint(FILE *out, enum result result);
const char *paint_off(FILE *out);

/* verdict_out.c */
struct json *json_from_verdict(const struct source *source,
			       const struct verdict *verdict);
void print_verdict(FILE *out, const struct source *source,
		   const struct verdict *verdict);
const char *target_label(struct arena *arena, const struct target *target);
const char *target_name(struct arena *arena, const struct target *target);

/* cmd_list.c, cmd_export.c */
#define NO_TYPES \
	"There are no mediated device types on this host: is a driver for them loaded? For mdev-migrate's own: modprobe mdev_virtio_net"

/* differs.c */
char *device_differs(struct arena *arena, struct host *host,
		     const struct device *device);

#endif /* MDEV_MIGRATE_COMMAND_H */
