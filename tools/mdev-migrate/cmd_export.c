// SPDX-License-Identifier: GPL-2.0-only
/* export: this host, for other hosts and for schedulers. require: a device, likewise. */
#include <string.h>

#include "feed.h"

/* Labels are true for a day. */
#define NFD_EXPIRES	86400

static int write_snapshot(struct host *host, FILE *out,
			  const struct options *options)
{
	return json_print(json_from_host(host), out,
			  options->output ? options->output : "standard output",
			  options->compact);
}

/* In seconds, 0 for ever. */
static long long expires_of(const struct options *options)
{
	if (!options->expires)
		return NFD_EXPIRES;
	return strcmp(options->expires, "never") ?
	       duration_from_text(options->expires) : 0;
}

/* The arguments are snapshots whose devices' values get names too. */
static int write_names(struct host *host, FILE *out,
		       const struct options *options)
{
	struct fleet others = { 0 };
	struct feed feed;
	int ret;

	ret = options->nr ? fleet_read(&others, options, 0, 0) : 0;
	if (ret)
		return ret;
	feed_of_host(&feed, host, &others);
	if (!strcmp(options->format, "nova"))
		ret = feed_nova(&feed, options->provider ? options->provider :
				host->name, out);
	else
		ret = feed_nfd(&feed, expires_of(options), out);
	ret = fleet_status(&others, ret);
	feed_free(&feed);
	fleet_free(&others);
	return ret;
}

static int write_prometheus(struct host *host, FILE *out,
			    const struct options *options)
{
	return feed_prometheus(host, out);
}

static const struct format {
	const char *name;
	int (*write)(struct host *host, FILE *out,
		     const struct options *options);
	bool has_names;
} formats[] = {
	{ "json", write_snapshot, false },
	{ "nova", write_names, true },
	{ "nfd", write_names, true },
	{ "prometheus", write_prometheus, false },
};

static const struct format *find_format(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (!strcmp(formats[i].name, name ? name : "json"))
			return &formats[i];
	}
	complain(DONE_ERROR, "--format is json, nova, nfd or prometheus, not \"%s\"",
		 name);
	return NULL;
}

/* Is an option given that is another format's? */
static int check_options(const struct options *options,
			 const struct format *format)
{
	if (options->nr && !format->has_names)
		return complain(DONE_ERROR,
				"export takes snapshots only with --format nova or nfd");
	if (options->provider && strcmp(format->name, "nova"))
		return complain(DONE_ERROR, "--provider is only for --format nova");
	if (options->expires && strcmp(format->name, "nfd"))
		return complain(DONE_ERROR, "--expires is only for --format nfd");
	if (options->expires && strcmp(options->expires, "never") &&
	    expires_of(options) <= 0)
		return complain(DONE_ERROR,
				"--expires: \"%s\" is neither never nor a time such as 90m, 36h or 7d",
				options->expires);
	if (options->json && strcmp(format->name, "json"))
		return complain(DONE_ERROR, "--format %s is not JSON: leave out --json",
				options->format);
	return 0;
}

int cmd_export(const struct options *options)
{
	const struct format *format = find_format(options->format);
	struct host host;
	FILE *out;
	int ret;

	if (!format || check_options(options, format))
		return DONE_ERROR;
	ret = host_from_sysfs(&host, options->root);
	if (ret)
		return ret;
	if (!host.nr_types && !host.nr_devices && !host.nr_others)
		complain(DONE_YES, "%s", NO_TYPES);
	out = output_open(options->output);
	ret = out ? output_close(out, format->write(&host, out, options)) :
		    DONE_ERROR;
	if (!ret && host.nr_left_out)
		ret = DONE_LEFT_OUT;
	host_free(&host);
	return ret;
}

/* Extra specifications of a flavor. */
static void print_nova(const char **names, size_t nr)
{
	size_t i;

	printf("resources:%s=1\n", names[0]);
	for (i = 0; i < nr; i++)
		printf("trait:%s=required\n", names[i]);
}

/* A part of a pod's specification. */
static void print_nfd(const char **names, size_t nr)
{
	size_t i;

	puts("nodeSelector:");
	for (i = 0; i < nr; i++)
		printf("  %s: \"true\"\n", names[i]);
}

static struct json *required_json(const char *format, const char **names, size_t nr)
{
	struct json *answer = json_answer("require");
	struct json *array = json_new_array();
	size_t i;

	json_put_text(answer, "format", format);
	for (i = 0; i < nr; i++)
		json_add(array, json_string(names[i]));
	json_put(answer, "names", array);
	return answer;
}

static int print_required(const struct source *source,
			  const struct options *options, bool is_nova)
{
	struct arena arena = { 0 };
	struct feed_model model;
	const char **names;
	size_t nr;
	int ret;

	feed_of_source(&arena, &model, source);
	nr = feed_names(&arena, is_nova ? &nova_naming : &nfd_naming, &model,
			&names);
	if (options->json) {
		ret = json_print(required_json(is_nova ? "nova" : "nfd", names, nr),
				 stdout, "standard output", false);
	} else {
		(is_nova ? print_nova : print_nfd)(names, nr);
		ret = finish_output(stdout, "standard output");
	}
	arena_free(&arena);
	return ret;
}

int cmd_require(const struct options *options)
{
	const char *format = options->format ? options->format : "nova";
	bool is_nova = !strcmp(format, "nova");
	struct source source;
	struct endpoint ep;
	int ret;

	if (!is_nova && strcmp(format, "nfd"))
		return complain(DONE_ERROR, "require's --format is nova or nfd, not \"%s\"",
				format);
	ret = endpoint_open(&ep, options->args[0], options);
	if (ret)
		return ret;
	ret = endpoint_source(&ep, &source);
	if (!ret && source.config_known)
		ret = print_required(&source, options, is_nova);
	else if (!ret)
		ret = complain(DONE_UNKNOWN, "%s: %s", source.name,
			       source.not_known);
	endpoint_close(&ep);
	return ret;
}
