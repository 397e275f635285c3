// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdev-migrate: can this device move there? Answered before anyone migrates. It
 * reads sysfs and snapshots, and opens no device.
 */
#include "command.h"

const char *const program = "mdev-migrate";

#define MANY	1000000

static const struct command commands[] = {
	{ "list", "[HOST]", "a host's types and devices; this host's if none is given",
	  cmd_list, 0, 1, "max-age" },
	{ "show", "SOURCE", "all about a device or type",
	  cmd_show, 1, 1, "max-age" },
	{ "export",
	  "[-o|--output FILE] [--compact] [--format json|nova|nfd|prometheus]\n"
	  "        [--provider NAME] [--expires TIME|never] [SNAPSHOT...]",
	  "a snapshot of this host, from which the commands below work; or for schedulers",
	  cmd_export, 0, MANY, "output compact format provider expires" },
	{ "require", "SOURCE [--format nova|nfd]",
	  "what schedulers are to be asked for, for this device to fit",
	  cmd_require, 1, 1, "format max-age" },
	{ "check", "SOURCE DESTINATION [--bandwidth RATE [--probe FILE]] [--max-age AGE]",
	  "can the device move there, and with what changes?",
	  cmd_check, 2, 2, "bandwidth probe max-age" },
	{ "plan", "SOURCE DESTINATION [--emit sysfs|mdevctl|libvirt] [--uuid UUID] [--max-age AGE]",
	  "how to make the destination's device",
	  cmd_plan, 2, 2, "emit uuid max-age" },
	{ "find",
	  "SOURCE SNAPSHOT... [--own-host] [--bandwidth RATE [--probe FILE]]\n"
	  "        [--max-age AGE]",
	  "which hosts does it fit on?",
	  cmd_find, 2, MANY, "own-host bandwidth probe max-age" },
	{ "domain", "DOMAIN SNAPSHOT... [--own-host] [--max-age AGE]",
	  "which hosts can take all of a domain's devices at once?",
	  cmd_domain, 2, MANY, "own-host max-age" },
	{ "drain", "HOST SNAPSHOT... [--domains FILE] [--max-age AGE]",
	  "where can all devices of a host go at once?",
	  cmd_drain, 2, MANY, "domains max-age" },
	{ "baseline", "[--model URI] SNAPSHOT... [--max-age AGE]",
	  "the best configuration that all hosts accept",
	  cmd_baseline, 1, MANY, "model max-age" },
	{ "matrix", "[--html FILE] [--json [--pairs]] SNAPSHOT... [--max-age AGE]",
	  "every host against every other",
	  cmd_matrix, 1, MANY, "html pairs max-age" },
	{ "callout", "EVENT-ACTION PARENT/TYPE UUID",
	  "what mdevctl asks its callouts, with the definition on standard input",
	  cmd_callout, 3, 3, "" },
	{ 0 },
};

static const struct cli_option options[] = {
	CLI_TEXT("root", 0, root),
	CLI_FLAG("json", json),
	CLI_FLAG("compact", compact),
	CLI_TEXT("output", 'o', output),
	CLI_TEXT("format", 0, format),
	CLI_TEXT("provider", 0, provider),
	CLI_TEXT("expires", 0, expires),
	CLI_TEXT("html", 0, html),
	CLI_TEXT("emit", 0, emit),
	CLI_TEXT("uuid", 0, uuid),
	CLI_TEXT("model", 0, model),
	CLI_FLAG("own-host", own_host),
	CLI_FLAG("pairs", pairs),
	CLI_TEXT("bandwidth", 0, bandwidth),
	CLI_TEXT("probe", 0, probe),
	CLI_TEXT("max-age", 0, max_age),
	CLI_TEXT("domains", 0, domains),
	{ 0 },
};

static const char notes[] =
	"Every command takes --json, and --root DIR for a sysfs that is not at /sys.\n"
	"SOURCE: a DEVICE, TYPE or PARENT/TYPE of this host; FILE:DEVICE, FILE:TYPE or\n"
	"FILE:PARENT/TYPE of a snapshot, FILE:HOST/... if it has several hosts, FILE alone\n"
	"if there is only one to choose; a configuration model=URI,PARAMETER=VALUE,...; a\n"
	"saved state.\n"
	"DESTINATION: the same except the last two, or a HOST.\n"
	"DEVICE: a UUID, or BUS/NAME if it is not a mediated device. TYPE: below any parent.\n"
	"HOST: . for this host, FILE, or FILE:HOST/ of several. SNAPSHOT: FILE, or . for\n"
	"this host. FILE can be -, standard input; ./FILE if a device or type has its name;\n"
	"ssh:[USER@]NAME, or qemu+ssh://[USER@]NAME[:PORT]/system, to ask that host.\n"
	"DOMAIN: a file that mdev-migrate-domain describe --json has written, or -.\n"
	"AGE: of a snapshot, such as 90s, 30m, 12h or 7d. RATE: N[k|M|G|T][bit|B][/s], such as\n"
	"10Gbit/s; bytes, if it does not say bit. See mdev-migrate(8).\n"
	"Exit status: 0 yes, 1 no, 2 an error, 3 there is no way to know; 4 more if something\n"
	"was left out.\n";

int main(int argc, char **argv)
{
	static const struct cli cli = {
		.commands = commands, .options = options, .notes = notes,
	};

	return cli_main(&cli, argc, argv);
}
