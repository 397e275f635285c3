/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands and what they share. */
#ifndef MDEV_MIGRATE_COMMAND_H
#define MDEV_MIGRATE_COMMAND_H

#include <sys/types.h>

#include "endpoint.h"
#include "json.h"

/**
 * struct options - what the command line says
 * @root: where sysfs is
 * @json: answer in JSON
 * @compact: in one line
 * @verify: only say whether it is in order
 * @hold: keep the device open
 * @output: file to write to, NULL for standard output
 * @format: what export and require write
 * @provider: what Nova calls the host, NULL for the host's name
 * @expires: how long labels are true, in seconds; 0 for ever, UNKNOWN if not given
 * @html: file for the page
 * @emit: what plan writes
 * @uuid: the device to be made
 * @model: only this one
 * @bandwidth: bytes a second, 0 if not given
 * @nr: how many arguments
 * @args: the arguments
 */
struct options {
	const char *root;
	bool json;
	bool compact;
	bool verify;
	bool hold;
	const char *output;
	const char *format;
	const char *provider;
	long long expires;
	const char *html;
	const char *emit;
	const char *uuid;
	const char *model;
	double bandwidth;
	int nr;
	char **args;
};

int cmd_list(const struct options *options);
int cmd_show(const struct options *options);
int cmd_export(const struct options *options);
int cmd_require(const struct options *options);
int cmd_check(const struct options *options);
int cmd_find(const struct options *options);
int cmd_baseline(const struct options *options);
int cmd_matrix(const struct options *options);
int cmd_plan(const struct options *options);
int cmd_probe(const struct options *options);
int cmd_save(const struct options *options);
int cmd_load(const struct options *options);
int cmd_decode(const struct options *options);

/**
 * struct replacement - a file that takes the place of another one when it is complete
 * @file: as it was given
 * @target: the file that is replaced, NULL if it is written to directly: it is a
 *	device or a pipe
 * @temp: what is written to
 */
struct replacement {
	const char *file;
	char *target;
	char *temp;
};

/* replace.c */
int replace_open(struct replacement *new, const char *file, mode_t mode);
int replace_sync(const struct replacement *new, int fd);
int replace_end(struct replacement *new, int ret);

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
json_t *json_from_verdict(const struct source *source,
			  const struct verdict *verdict);
void print_verdict(FILE *out, const struct source *source,
		   const struct verdict *verdict);
const char *target_name(struct arena *arena, const struct target *target);

/* cmd_list.c, cmd_export.c */
#define NO_TYPES \
	"There are no mediated device types on this host: is a driver for them loaded? For mdev-migrate's own: modprobe mdev_virtio_net"

/* differs.c */
char *device_differs(struct arena *arena, struct host *host,
		     const struct device *device);

#endif /* MDEV_MIGRATE_COMMAND_H */
