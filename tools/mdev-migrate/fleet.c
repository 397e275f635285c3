// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "fleet.h"

static int add_host(void *context, const struct doc *doc)
{
	struct fleet *fleet = context;
	struct host host;
	int ret;

	ret = host_from_doc(&host, doc);
	if (ret)
		return ret;
	fleet->hosts = grow_array(fleet->hosts, fleet->nr, sizeof(host));
	fleet->hosts[fleet->nr++] = host;
	return 0;
}

/* All of @options->args; "." is this host. */
int fleet_read(struct fleet *fleet, const struct options *options)
{
	int i, ret;

	memset(fleet, 0, sizeof(*fleet));
	ret = check_stdin(options->args, options->nr);
	progress_begin("reading", docs_size((const char * const *)options->args,
					    options->nr));
	for (i = 0; i < options->nr && !ret; i++) {
		struct host host;

		if (strcmp(options->args[i], ".")) {
			ret = docs_each(options->args[i], add_host, fleet);
			continue;
		}
		ret = host_from_sysfs(&host, options->root);
		if (ret)
			break;
		fleet->hosts = grow_array(fleet->hosts, fleet->nr,
					  sizeof(host));
		fleet->hosts[fleet->nr++] = host;
	}
	progress_end();
	if (ret)
		fleet_free(fleet);
	return ret;
}

void fleet_free(struct fleet *fleet)
{
	size_t i;

	for (i = 0; i < fleet->nr; i++)
		host_free(&fleet->hosts[i]);
	free(fleet->hosts);
	memset(fleet, 0, sizeof(*fleet));
}
