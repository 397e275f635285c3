// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plan as a shell script. It is to be run by root on the destination: it makes
 * sure that it is there, asks the kernel, and takes back what it did if a step
 * fails. A refusal is a script too, one that fails: what is read from a pipe by a
 * shell is then no success.
 */
#include <string.h>

#include "plan.h"

/* In single quotes: nothing in it means anything to a shell. */
static void put_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	}
	fputc('\'', out);
}

static void put_variable(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=", name);
	put_quoted(out, value);
	fputc('\n', out);
}

static const char begin[] =
	"#!/bin/sh\n"
	"# Written by mdev-migrate plan, to be run by root on the destination.\n"
	"set -u\n"
	"fail() {\n"
	"\techo \"mdev-migrate plan: $*\" >&2\n"
	"\texit 1\n"
	"}\n";

/* The name alone may be another machine's, or none at all. */
static void put_host_check(const struct host *host, FILE *out)
{
	put_variable(out, "host", host->name);
	if (host->machine_id) {
		put_variable(out, "machine", host->machine_id);
		fputs("[ \"$(cat /etc/machine-id)\" = \"$machine\" ] ||\n"
		      "\tfail \"this is $(uname -n), and not $host, whose /etc/machine-id is $machine\"\n",
		      out);
	} else {
		fputs("[ \"$(uname -n)\" = \"$host\" ] ||\n"
		      "\tfail \"this is $(uname -n), and not $host\"\n",
		      out);
	}
}

static const char ask[] =
	"if [ -e \"$check\" ]; then\n"
	"\t{ printf %s \"$config\" >\"$check\"; } 2>/dev/null ||\n"
	"\t\tfail \"the kernel refuses $config: its log says why\"\n"
	"fi\n";

/* One that was there before the script is not its own to remove. */
static const char make[] =
	"[ ! -e \"$device\" ] || fail \"there is a device $uuid already\"\n"
	"echo \"$uuid\" >\"$type/create\" ||\n"
	"\tfail \"$type: no device could be made: the kernel's log says why\"\n"
	"undo() {\n"
	"\techo 1 >\"$device/remove\"\n"
	"}\n";

static const char remember[] =
	"before=\n"
	"for pair; do\n"
	"\tname=${pair%%=*}\n"
	"\tvalue=$(cat \"$device/migration/params/$name\") ||\n"
	"\t\tfail \"$device has no parameter $name\"\n"
	"\tbefore=\"$before $name=$value\"\n"
	"done\n"
	"undo() {\n"
	"\tfor pair in $before $before; do\n"
	"\t\techo \"${pair#*=}\" 2>/dev/null >\"$device/migration/params/${pair%%=*}\" || :\n"
	"\tdone\n"
	"}\n";

static const char write_all[] =
	"trap 'undo; exit 1' HUP INT TERM\n"
	"# A value may be taken only after another one: what is refused is tried again.\n"
	"while [ $# -gt 0 ]; do\n"
	"\tleft=$#\n"
	"\tfor pair; do\n"
	"\t\tshift\n"
	"\t\t{ echo \"${pair#*=}\" >\"$device/migration/params/${pair%%=*}\"; } 2>/dev/null ||\n"
	"\t\t\tset -- \"$@\" \"$pair\"\n"
	"\tdone\n"
	"\t[ $# -lt $left ] && continue\n"
	"\twhy=$(cat \"$device/migration/last_error\" 2>/dev/null)\n"
	"\tundo\n"
	"\tfail \"$device does not take $*: ${why:-the kernel's log says why}; all is as it was before\"\n"
	"done\n"
	"exit 0\n";

static void put_writes(const struct plan *plan, FILE *out)
{
	const struct finding *write;
	size_t i = 0;

	fputs("set --", out);
	while ((write = next_write(&plan->verdict->findings, &i)))
		fprintf(out, " %s=%s", write->parameter, write->source);
	fputc('\n', out);
}

void plan_script(const struct plan *plan, FILE *out)
{
	const struct target *target = &plan->verdict->target;
	const struct host *host = target->host;
	struct arena arena = { 0 };
	const char *type = NULL;

	fputs(begin, out);
	/* Another sysfs may be another host's, whose name this one has not. */
	if (!host->root || !strcmp(host->root, SYSFS_ROOT))
		put_host_check(host, out);
	if (plan->source->config_known)
		put_variable(out, "config", plan->source->config.text);
	put_variable(out, "device",
		     arena_printf(&arena, "%s/bus/%s/devices/%s", plan->root,
				  plan_bus(plan), plan_bus_name(plan)));
	if (!target->device) {
		type = arena_printf(&arena,
				    "%s/class/mdev_bus/%s/mdev_supported_types/%s",
				    plan->root, target->type->parent,
				    target->type->name);
		put_variable(out, "uuid", plan->uuid);
		put_variable(out, "type", type);
		fputs("check=$type/migration/check\n", out);
	} else if (target->device->bus) {
		fputs("check=$device/migration/type/check\n", out);
	}
	put_writes(plan, out);
	/* A mdev that is there may be the last for which there was room. */
	if (!target->device || target->device->bus)
		fputs(ask, out);
	fputs(target->device ? remember : make, out);
	fputs(write_all, out);
	arena_free(&arena);
}

/* A script that says why there is no other, and ends with @status. */
void plan_script_refusal(const char *why, int status, FILE *out)
{
	const char *line;
	size_t len;

	fputs("#!/bin/sh\n# Written by mdev-migrate plan: there is nothing to be done.\n",
	      out);
	for (line = why; *line; line += len + (line[len] == '\n')) {
		struct arena arena = { 0 };

		len = strcspn(line, "\n");
		fputs("echo ", out);
		put_quoted(out, arena_strndup(&arena, line, len));
		fputs(" >&2\n", out);
		arena_free(&arena);
	}
	fprintf(out, "exit %d\n", status);
}
