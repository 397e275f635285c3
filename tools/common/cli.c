// SPDX-License-Identifier: GPL-2.0-only
#include "cli.h"

#include <getopt.h>
#include <string.h>

#include "json.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

#define OPTIONS_MAX	24

/* @only: of this command, or NULL */
static void usage(const struct cli *cli, FILE *out, const struct command *only)
{
	const struct command *command;

	fprintf(out, "Usage: %s %s%s%s\n\n", program,
		only ? only->name : "COMMAND [OPTION...] [ARGUMENT...]",
		only && *only->args ? " " : "", only ? only->args : "");
	for (command = cli->commands; command->name; command++) {
		if (!only)
			fprintf(out, "  %s%s%s\n        %s\n", command->name,
				*command->args ? " " : "", command->args,
				command->summary);
		else if (command == only)
			fprintf(out, "  %s\n", command->summary);
	}
	if (!only)
		fputs("  help [COMMAND]\n        this, or what a command takes\n", out);
	fprintf(out, "\n%s", cli->notes);
}

static const struct command *find_command(const struct cli *cli, const char *name)
{
	const struct command *command;

	for (command = cli->commands; command->name; command++) {
		if (!strcmp(command->name, name))
			return command;
	}
	complain(DONE_ERROR, "there is no command \"%s\": see %s --help", name,
		 program);
	return NULL;
}

/* Is it one of the words? */
static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word), n;

	for (; *(words += strspn(words, " ")); words += n) {
		n = strcspn(words, " ");
		if (n == len && !strncmp(words, word, n))
			return true;
	}
	return false;
}

static void set_option(struct options *options, const struct cli_option *option,
		       const char *value)
{
	char *member = (char *)options + option->offset;

	if (option->text)
		memcpy(member, &value, sizeof(value));
	else
		*(bool *)member = true;
}

/* For getopt_long(): an option's value is its index + 1 above all letters. */
static void fill(const struct cli *cli, struct option *longs, char *shorts)
{
	size_t i;

	strcpy(shorts, "hV");
	for (i = 0; cli->options[i].name; i++) {
		const struct cli_option *option = &cli->options[i];

		longs[i] = (struct option) {
			option->name, option->text, NULL, 256 + i,
		};
		if (option->letter)
			sprintf(shorts + strlen(shorts), "%c%s", option->letter,
				option->text ? ":" : "");
	}
	longs[i] = (struct option) { "help", no_argument, NULL, 'h' };
	longs[i + 1] = (struct option) { "version", no_argument, NULL, 'V' };
}

static const struct cli_option *option_of(const struct cli *cli, int value)
{
	const struct cli_option *option;

	if (value >= 256)
		return &cli->options[value - 256];
	for (option = cli->options; option->name; option++) {
		if (option->letter == value)
			return option;
	}
	return NULL;
}

static int show(const struct cli *cli, const struct command *only)
{
	usage(cli, stdout, only);
	return finish_output(stdout, "standard output");
}

/* "help", "help COMMAND", "COMMAND --help", "--help" */
static int show_help(const struct cli *cli, char **args, int nr)
{
	const struct command *command = NULL;

	if (nr && !strcmp(*args, "help")) {
		args++;
		nr--;
	}
	if (nr) {
		command = find_command(cli, *args);
		if (!command)
			return DONE_ERROR;
	}
	return show(cli, command);
}

/* -1 to go on, else the exit status */
static int parse(const struct cli *cli, struct options *options,
		 const struct command **command, int argc, char **argv)
{
	const struct cli_option *given[OPTIONS_MAX], *option;
	struct option longs[OPTIONS_MAX] = { 0 };
	char shorts[2 * OPTIONS_MAX];
	bool help = false;
	int value, nr = 0;

	fill(cli, longs, shorts);
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		option = option_of(cli, value);
		if (value == 'h') {
			help = true;
			continue;
		}
		if (value == 'V') {
			printf("%s " VERSION "\n", program);
			return finish_output(stdout, "standard output");
		}
		if (!option) {
			fprintf(stderr, "Try '%s --help'.\n", program);
			return DONE_ERROR;
		}
		set_option(options, option, optarg);
		if (nr < OPTIONS_MAX)
			given[nr++] = option;
	}
	if (help || (optind < argc && !strcmp(argv[optind], "help")))
		return show_help(cli, argv + optind, argc - optind);
	if (optind == argc) {
		usage(cli, stderr, NULL);
		return DONE_ERROR;
	}
	*command = find_command(cli, argv[optind]);
	if (!*command)
		return DONE_ERROR;
	while (nr--) {
		if (!has_word("json root", given[nr]->name) &&
		    !has_word((*command)->takes, given[nr]->name))
			return complain(DONE_ERROR,
					"%s does not take --%s: see %s %s --help",
					(*command)->name, given[nr]->name,
					program, (*command)->name);
	}
	options->args = argv + optind + 1;
	options->nr = argc - optind - 1;
	return -1;
}

/* "-:DEVICE" is not an option, but a part of standard input: getopt() is not to see it so. */
static void replace_first(int argc, char **argv, char from, char to)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (argv[i][0] == from && argv[i][1] == ':')
			argv[i][0] = to;
	}
}

int cli_main(const struct cli *cli, int argc, char **argv)
{
	struct options options = { .root = "/sys" };
	const struct command *command = NULL;
	int status;

	replace_first(argc, argv, '-', '\1');
	status = parse(cli, &options, &command, argc, argv);
	replace_first(argc, argv, '\1', '-');
	if (status >= 0)
		return status;
	if (options.nr < command->min || options.nr > command->max)
		status = complain(DONE_ERROR, "usage: %s %s%s%s", program,
				  command->name, *command->args ? " " : "",
				  command->args);
	else
		status = command->run(&options);
	if (options.json && status == DONE_ERROR)
		json_print_error(command->name);
	return status;
}
