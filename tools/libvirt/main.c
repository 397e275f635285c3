// SPDX-License-Identifier: GPL-2.0-only
/* mdev-migrate-domain: domains of libvirt's whose mediated devices go with them. */
#include <stdio.h>
#include <string.h>

#include "command.h"

static const char usage[] =
	"Usage: mdev-migrate-domain describe [--json] [DOMAIN.xml]\n"
	"       mdev-migrate-domain verify [DOMAIN.xml]\n"
	"       mdev-migrate-domain hook DOMAIN OPERATION PHASE [EXTRA...] <DOMAIN.xml\n"
	"\n"
	"describe  write the metadata that say what the domain's devices are, for\n"
	"          virsh metadata DOMAIN https://mdev-migrate.org/libvirt/1\n"
	"              --key mdev-migrate --set ...\n"
	"          with --json, for mdev-migrate domain, and drain --domains\n"
	"verify    do the domain's metadata say what its devices are?\n"
	"hook      be libvirt's hook: /etc/libvirt/hooks/qemu.d/mdev-migrate calls it\n"
	"\n"
	"See mdev-migrate-domain(8).\n";

static const struct {
	const char *name;
	int (*run)(char **args, int nr);
} commands[] = {
	{ "describe", cmd_describe },
	{ "verify", cmd_verify },
	{ "hook", cmd_hook },
};

int main(int argc, char **argv)
{
	size_t i;

	if (argc > 1 && !strcmp(argv[1], "--version")) {
		puts("mdev-migrate-domain " VERSION);
		return 0;
	}
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		return 0;
	}
	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argv + 2, argc - 2);
	}
	fputs(usage, stderr);
	return 2;
}
