// SPDX-License-Identifier: GPL-2.0-only
/* check: can this device move there? */
#include "estimate.h"

static int answer(const struct options *options, const struct source *source,
		  const struct verdict *verdict,
		  const struct estimate *estimate)
{
	struct json *object;
	int ret;

	if (options->json) {
		object = json_answer("check");
		json_take_members(object, json_from_verdict(source, verdict));
		estimate_json(object, estimate);
		ret = json_print(object, stdout, "standard output", false);
	} else {
		print_verdict(stdout, source, verdict);
		estimate_print(stdout, estimate);
		ret = finish_output(stdout, "standard output");
	}
	return ret ? ret : result_status(verdict->result);
}

int cmd_check(const struct options *options)
{
	struct endpoint from, to;
	struct arena arena = { 0 };
	struct estimate estimate;
	struct verdict verdict;
	struct source source;
	int ret;

	ret = estimate_options(&estimate, options);
	if (!ret)
		ret = check_stdin(options->args, options->nr);
	if (!ret)
		ret = endpoint_open(&from, options->args[0], options);
	if (ret)
		return ret;
	ret = endpoint_open(&to, options->args[1], options);
	if (ret)
		goto close_from;
	ret = endpoint_source(&from, &source);
	if (!ret)
		ret = endpoint_judge(&arena, &verdict, &source, &to);
	if (!ret) {
		estimate_source(&estimate, &source);
		ret = answer(options, &source, &verdict, &estimate);
	}
	arena_free(&arena);
	endpoint_close(&to);
close_from:
	endpoint_close(&from);
	return ret;
}
