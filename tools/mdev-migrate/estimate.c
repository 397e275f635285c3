// SPDX-License-Identifier: GPL-2.0-only
#include "estimate.h"

#include <stdlib.h>
#include <string.h>

/* A number of a probe's, in microseconds or bytes; -1 if it has none. */
static double number_of(const struct json *object, const char *key)
{
	const struct json *value = json_get(object, key);

	return json_is(value, JSON_INTEGER) ? (double)value->number :
	       json_is(value, JSON_REAL) ? strtod(value->text, NULL) : -1;
}

static int read_probe(void *context, struct doc *doc)
{
	struct estimate *estimate = context;
	struct device_times times = {
		.stop_us = number_of(doc->root, "stop_us"),
		.read_us = number_of(doc->root, "read_us"),
		.start_us = number_of(doc->root, "start_us"),
		.bytes = number_of(doc->root, "state_bytes"),
	};

	if (times.stop_us < 0 || times.read_us < 0 || times.start_us < 0 ||
	    times.bytes < 0)
		return complain(DONE_ERROR,
				"%s is not what mdev-migrate-stream probe --json answers",
				doc->file);
	estimate->times = times;
	estimate->measured = true;
	return 0;
}

int estimate_options(struct estimate *estimate, const struct options *options)
{
	struct docs_read done = { 0 };
	int ret;

	memset(estimate, 0, sizeof(*estimate));
	if (!options->bandwidth)
		return !options->probe ? 0 :
		       complain(DONE_ERROR, "--probe is for --bandwidth: give that too");
	estimate->bandwidth = bandwidth_from_text(options->bandwidth);
	if (!estimate->bandwidth)
		return complain(DONE_ERROR,
				"--bandwidth: \"%s\" is not written as 10Gbit/s, 1.25GB/s or 100M",
				options->bandwidth);
	if (!options->probe)
		return 0;
	ret = docs_each(options->probe, read_probe, estimate, &done);
	return ret || done.bad ? DONE_ERROR : 0;
}

void estimate_source(struct estimate *estimate, const struct source *source)
{
	const struct device *device = source->device;

	if (!estimate->bandwidth)
		return;
	estimate->bytes = device ? device->stop_copy_bytes : UNKNOWN;
	if (!device)
		estimate->why = "the source is not a device that says how large its state is";
	else if (estimate->bytes == UNKNOWN)
		estimate->why = "the source's driver does not say how large its state is";
	else if (!estimate->bytes)
		estimate->why = "the source is not in use, and has no state";
	else
		estimate->ms = downtime_ms(estimate->measured ? &estimate->times : NULL,
					   estimate->bytes, estimate->bandwidth);
}

void estimate_print(FILE *out, const struct estimate *estimate)
{
	if (!estimate->bandwidth)
		return;
	if (estimate->why)
		fprintf(out, "  %-12s not known: %s\n", "downtime", estimate->why);
	else
		fprintf(out,
			"  %-12s %.3f ms if it is stopped now: %lld bytes at %.0f bytes/s, %s\n",
			"downtime", estimate->ms, estimate->bytes, estimate->bandwidth,
			estimate->measured ? "with stopping and starting" :
			"stopping and starting not counted: --probe does");
}

void estimate_json(struct json *answer, const struct estimate *estimate)
{
	struct json *object;

	if (!estimate->bandwidth)
		return;
	object = json_new_object();
	json_put(object, "bandwidth", json_real(estimate->bandwidth));
	json_put_bool(object, "measured", estimate->measured);
	json_put_text(object, "unknown", estimate->why);
	json_put_number(object, "state_bytes", estimate->bytes);
	if (!estimate->why)
		json_put(object, "ms", json_real(estimate->ms));
	json_put(answer, "expected_downtime", object);
}
