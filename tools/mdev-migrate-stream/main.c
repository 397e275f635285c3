// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdev-migrate-stream: what a VMM would find at a device, and its state in a file
 * and back again; for those who develop a driver.
 */
#include "commands.h"

const char *const program = "mdev-migrate-stream";

static const struct command commands[] = {
	{ "probe", "DEVICE [--bandwidth RATE]",
	  "what a VMM would find, and how long a migration takes",
	  cmd_probe, 1, 1, "bandwidth" },
	{ "save", "DEVICE [-o FILE]", "a device's state to a file or pipe",
	  cmd_save, 1, 1, "output" },
	{ "load", "DEVICE [FILE] [--hold [-o FILE]]",
	  "a device's state from a file or pipe",
	  cmd_load, 1, 2, "hold output" },
	{ "decode", "[--verify] FILE", "a saved state in words; - is standard input",
	  cmd_decode, 1, 1, "verify" },
	{ 0 },
};

static const struct cli_option options[] = {
	CLI_TEXT("root", 0, root),
	CLI_FLAG("json", json),
	CLI_FLAG("verify", verify),
	CLI_FLAG("hold", hold),
	CLI_TEXT("output", 'o', output),
	CLI_TEXT("bandwidth", 0, bandwidth),
	{ 0 },
};

static const char notes[] =
	"Every command takes --json, which save takes with -o FILE, and --root DIR for a sysfs\n"
	"that is not at /sys. DEVICE: a UUID, or BUS/NAME if it is not a mediated device.\n"
	"See mdev-migrate-stream(8).\n"
	"Exit status: 0 done, 1 the device refuses or the state is damaged, 2 an error, 3 the\n"
	"state has what this program does not know.\n";

int main(int argc, char **argv)
{
	static const struct cli cli = {
		.commands = commands, .options = options, .notes = notes,
	};

	return cli_main(&cli, argc, argv);
}
