// SPDX-License-Identifier: GPL-2.0-only
/* mdev-migrate: can this device move there? Answered before anyone migrates. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

enum {
	OPT_ROOT = 256,
	OPT_JSON,
	OPT_COMPACT,
	OPT_VERIFY,
	OPT_FORMAT,
	OPT_HTML,
	OPT_EMIT,
	OPT_UUID,
	OPT_MODEL,
	OPT_BANDWIDTH,
	OPT_OUTPUT,
	OPT_HOLD,
	OPT_PROVIDER,
	OPT_EXPIRES,
	OPT_LAST = OPT_EXPIRES,
};

#define TAKES(option)	(1U << ((option) - OPT_ROOT))
#define EVERY_COMMAND	(TAKES(OPT_ROOT) | TAKES(OPT_JSON))
#define MANY		1000000

static const struct command {
	const char *name;
	const char *args;
	const char *summary;
	int (*run)(const struct options *options);
	int min;
	int max;
	unsigned int takes;
} commands[] = {
	{ "list", "[HOST]", "a host's types and devices; this host's if none is given",
	  cmd_list, 0, 1, 0 },
	{ "show", "SOURCE", "all about a device or type",
	  cmd_show, 1, 1, 0 },
	{ "export",
	  "[-o|--output FILE] [--compact] [--format json|nova|nfd|prometheus]\n"
	  "        [--provider NAME] [--expires TIME|never] [SNAPSHOT...]",
	  "a snapshot of this host, from which the commands below work; or for schedulers",
	  cmd_export, 0, MANY,
	  TAKES(OPT_OUTPUT) | TAKES(OPT_COMPACT) | TAKES(OPT_FORMAT) |
	  TAKES(OPT_PROVIDER) | TAKES(OPT_EXPIRES) },
	{ "require", "SOURCE [--format nova|nfd]",
	  "what schedulers are to be asked for, for this device to fit",
	  cmd_require, 1, 1, TAKES(OPT_FORMAT) },
	{ "check", "SOURCE DESTINATION",
	  "can the device move there, and with what changes?",
	  cmd_check, 2, 2, 0 },
	{ "plan", "SOURCE DESTINATION [--emit sysfs|mdevctl|libvirt] [--uuid UUID]",
	  "how to make the destination's device",
	  cmd_plan, 2, 2, TAKES(OPT_EMIT) | TAKES(OPT_UUID) },
	{ "find", "SOURCE SNAPSHOT...", "which hosts does it fit on?",
	  cmd_find, 2, MANY, 0 },
	{ "baseline", "[--model URI] SNAPSHOT...",
	  "the best configuration that all hosts accept",
	  cmd_baseline, 1, MANY, TAKES(OPT_MODEL) },
	{ "matrix", "[--html FILE] SNAPSHOT...", "every host against every other",
	  cmd_matrix, 1, MANY, TAKES(OPT_HTML) },
	{ "probe", "DEVICE [--bandwidth BYTES/S]",
	  "what a VMM would find, and how long a migration takes",
	  cmd_probe, 1, 1, TAKES(OPT_BANDWIDTH) },
	{ "save", "DEVICE [-o FILE]", "a device's state to a file or pipe",
	  cmd_save, 1, 1, TAKES(OPT_OUTPUT) },
	{ "load", "DEVICE [FILE] [--hold [-o FILE]]",
	  "a device's state from a file or pipe",
	  cmd_load, 1, 2, TAKES(OPT_HOLD) | TAKES(OPT_OUTPUT) },
	{ "decode", "[--verify] FILE", "a saved state in words; - is standard input",
	  cmd_decode, 1, 1, TAKES(OPT_VERIFY) },
};

#define NR_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static const struct option long_options[] = {
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "compact", no_argument, NULL, OPT_COMPACT },
	{ "verify", no_argument, NULL, OPT_VERIFY },
	{ "output", required_argument, NULL, OPT_OUTPUT },
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "provider", required_argument, NULL, OPT_PROVIDER },
	{ "expires", required_argument, NULL, OPT_EXPIRES },
	{ "html", required_argument, NULL, OPT_HTML },
	{ "emit", required_argument, NULL, OPT_EMIT },
	{ "uuid", required_argument, NULL, OPT_UUID },
	{ "model", required_argument, NULL, OPT_MODEL },
	{ "bandwidth", required_argument, NULL, OPT_BANDWIDTH },
	{ "hold", no_argument, NULL, OPT_HOLD },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* @only: of this command, or NULL */
static void usage(FILE *out, const struct command *only)
{
	size_t i;

	fputs("Usage: " PROGRAM " COMMAND [OPTION...] [ARGUMENT...]\n\n", out);
	for (i = 0; i < NR_COMMANDS; i++) {
		if (only && only != &commands[i])
			continue;
		fprintf(out, "  %s%s%s\n        %s\n", commands[i].name,
			*commands[i].args ? " " : "", commands[i].args,
			commands[i].summary);
	}
	fputs("\nEvery command but save takes --json; all take --root DIR for a sysfs that is not\n"
	      "at /sys.\n"
	      "SOURCE: a DEVICE, TYPE or PARENT/TYPE of this host; FILE:DEVICE, FILE:TYPE or\n"
	      "FILE:PARENT/TYPE of a snapshot, FILE:HOST/... if it has several hosts, FILE alone\n"
	      "if there is only one to choose; a configuration model=URI,PARAMETER=VALUE,...; a\n"
	      "saved state.\n"
	      "DESTINATION: the same except the last two, or a HOST.\n"
	      "DEVICE: a UUID, or BUS/NAME if it is not a mediated device. TYPE: below any parent.\n"
	      "HOST: . for this host, FILE, or FILE:HOST/ of several. SNAPSHOT: FILE, or . for\n"
	      "this host. FILE can be -, standard input. See " PROGRAM "(8).\n"
	      "Exit status: 0 yes, 1 no, 2 an error, 3 there is no way to know.\n", out);
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < NR_COMMANDS; i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

/* "10M", "1.5G": bytes a second, powers of 1000. */
static int parse_bandwidth(const char *text, double *bandwidth)
{
	static const char units[] = "kMGT";
	const char *unit;
	char *end;

	*bandwidth = strtod(text, &end);
	if (end != text && *end) {
		unit = strchr(units, *end == 'K' ? 'k' : *end);
		if (!unit || end[1])
			end = (char *)text;
		for (; unit && unit >= units; unit--)
			*bandwidth *= 1000;
	}
	if (end != text && *bandwidth > 0 && *bandwidth < 1e18)
		return 0;
	return complain(DONE_ERROR,
			"--bandwidth: \"%s\" is not a number of bytes per second, such as 1.25G",
			text);
}

/* "90m", "1d", "never": seconds, 0 for ever */
static int parse_expires(const char *text, long long *seconds)
{
	static const struct {
		char unit;
		int seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	char *end;
	size_t i;

	*seconds = 0;
	if (!strcmp(text, "never"))
		return 0;
	*seconds = strtoll(text, &end, 10);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end != text && *end == units[i].unit && !end[1] &&
		    *seconds > 0 && *seconds <= 36525 * 86400LL / units[i].seconds) {
			*seconds *= units[i].seconds;
			return 0;
		}
	}
	return complain(DONE_ERROR,
			"--expires: \"%s\" is neither never nor a time such as 90m, 36h or 7d",
			text);
}

static int set_option(struct options *options, int option, const char *value)
{
	switch (option) {
	case OPT_ROOT:
		options->root = value;
		break;
	case OPT_JSON:
		options->json = true;
		break;
	case OPT_COMPACT:
		options->compact = true;
		break;
	case OPT_VERIFY:
		options->verify = true;
		break;
	case OPT_HOLD:
		options->hold = true;
		break;
	case OPT_OUTPUT:
		options->output = value;
		break;
	case OPT_FORMAT:
		options->format = value;
		break;
	case OPT_PROVIDER:
		options->provider = value;
		break;
	case OPT_EXPIRES:
		return parse_expires(value, &options->expires);
	case OPT_HTML:
		options->html = value;
		break;
	case OPT_EMIT:
		options->emit = value;
		break;
	case OPT_UUID:
		options->uuid = value;
		break;
	case OPT_MODEL:
		options->model = value;
		break;
	case OPT_BANDWIDTH:
		return parse_bandwidth(value, &options->bandwidth);
	}
	return 0;
}

static const char *option_name(int option)
{
	const struct option *entry;

	for (entry = long_options; entry->name; entry++) {
		if (entry->val == option)
			return entry->name;
	}
	return "";
}

/* -1 to go on, else the exit status */
static int parse(struct options *options, const struct command **command,
		 int argc, char **argv)
{
	unsigned int given = 0;
	bool help = false;
	int option, i;

	while ((option = getopt_long(argc, argv, "hVo:", long_options,
				     NULL)) != -1) {
		if (option == 'o')
			option = OPT_OUTPUT;
		if (option == 'h') {
			help = true;
			continue;
		}
		if (option == 'V') {
			puts(PROGRAM " " VERSION);
			return finish_output(stdout, "standard output");
		}
		if (option == '?' || set_option(options, option, optarg)) {
			fputs("Try '" PROGRAM " --help'.\n", stderr);
			return DONE_ERROR;
		}
		given |= TAKES(option);
	}
	if (optind == argc && !help) {
		usage(stderr, NULL);
		return DONE_ERROR;
	}
	if (optind < argc)
		*command = find_command(argv[optind]);
	if (help && (*command || optind == argc)) {
		usage(stdout, *command);
		return finish_output(stdout, "standard output");
	}
	if (!*command)
		return complain(DONE_ERROR, "there is no command \"%s\": see " PROGRAM " --help",
				argv[optind]);
	for (i = OPT_ROOT; i <= OPT_LAST; i++) {
		if (given & TAKES(i) & ~((*command)->takes | EVERY_COMMAND))
			return complain(DONE_ERROR, "%s does not take --%s: see " PROGRAM " --help",
					(*command)->name, option_name(i));
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

int main(int argc, char **argv)
{
	struct options options = { .root = SYSFS_ROOT, .expires = UNKNOWN };
	const struct command *command = NULL;
	int status;

	replace_first(argc, argv, '-', '\1');
	status = parse(&options, &command, argc, argv);
	replace_first(argc, argv, '\1', '-');
	if (status >= 0)
		return status;
	if (options.nr < command->min || options.nr > command->max)
		return complain(DONE_ERROR, "usage: " PROGRAM " %s%s%s", command->name,
				*command->args ? " " : "", command->args);
	return command->run(&options);
}
