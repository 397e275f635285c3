/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands and options of a program. */
#ifndef MDEV_MIGRATE_CLI_H
#define MDEV_MIGRATE_CLI_H

#include "util.h"

/**
 * struct options - what the command line says
 * @root: where sysfs is
 * @json: answer in JSON
 * @compact: in one line
 * @verify: only say whether it is in order
 * @hold: keep the device open
 * @own_host: the source's host is one of those that are looked at
 * @pairs: each pair of hosts by itself
 * @output: file to write to, NULL for standard output
 * @format: what export and require write
 * @provider: what Nova calls the host, NULL for the host's name
 * @expires: how long labels are true, as text
 * @html: file for the page
 * @emit: what plan writes
 * @uuid: the device to be made
 * @model: only this one
 * @domains: file of domains, which says what belongs together
 * @bandwidth: bytes a second, as text
 * @probe: what was measured of such a device
 * @max_age: of snapshots, as text
 * @nr: how many arguments
 * @args: the arguments
 */
struct options {
	const char *root;
	bool json;
	bool compact;
	bool verify;
	bool hold;
	bool own_host;
	bool pairs;
	const char *output;
	const char *format;
	const char *provider;
	const char *expires;
	const char *html;
	const char *emit;
	const char *uuid;
	const char *model;
	const char *domains;
	const char *bandwidth;
	const char *probe;
	const char *max_age;
	int nr;
	char **args;
};

/**
 * struct cli_option - one of the program's options
 * @name: without its dashes
 * @letter: a short one, or 0
 * @text: it takes a text
 * @offset: of its member of struct options, a text or a flag
 */
struct cli_option {
	const char *name;
	char letter;
	bool text;
	size_t offset;
};

#define CLI_TEXT(name, letter, member) \
	{ name, letter, true, offsetof(struct options, member) }
#define CLI_FLAG(name, member) \
	{ name, 0, false, offsetof(struct options, member) }

/**
 * struct command - one of its commands
 * @name: what it is called
 * @args: its arguments and options, for people
 * @summary: what it does
 * @run: does it and returns the exit status
 * @min: how many arguments it takes at least
 * @max: and at most
 * @takes: names of the options that it takes, beside json and root
 */
struct command {
	const char *name;
	const char *args;
	const char *summary;
	int (*run)(const struct options *options);
	int min;
	int max;
	const char *takes;
};

/**
 * struct cli - a program
 * @commands: ends with one without a name
 * @options: likewise
 * @notes: what else --help says
 */
struct cli {
	const struct command *commands;
	const struct cli_option *options;
	const char *notes;
};

int cli_main(const struct cli *cli, int argc, char **argv);

#endif /* MDEV_MIGRATE_CLI_H */
