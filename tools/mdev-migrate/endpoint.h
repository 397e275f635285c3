/* SPDX-License-Identifier: GPL-2.0-only */
/* What SOURCE and DESTINATION on the command line stand for. */
#ifndef MDEV_MIGRATE_ENDPOINT_H
#define MDEV_MIGRATE_ENDPOINT_H

#include "docs.h"
#include "verdict.h"

/**
 * struct endpoint - a host and what was chosen there
 * @spec: as it was given
 * @host: the host; empty if only a configuration was given
 * @device: chosen, or NULL
 * @type: chosen, or the device's, or NULL
 * @any_parent: a type was chosen by its name alone: it may be another parent's
 * @other: chosen, or NULL
 * @config: given instead, from the command line or a saved state
 */
struct endpoint {
	const char *spec;
	struct host host;
	struct device *device;
	struct type *type;
	bool any_parent;
	struct other *other;
	const char *config;
};

int endpoint_open(struct endpoint *ep, const char *spec, const char *root);
void endpoint_close(struct endpoint *ep);
int endpoint_choose(struct endpoint *ep, const char *as);
int endpoint_source(struct endpoint *ep, struct source *source);
int endpoint_judge(struct arena *arena, struct verdict *verdict,
		   const struct source *source, struct endpoint *ep);
int host_from_doc(struct host *host, const struct doc *doc);
void source_from_device(struct source *source, struct host *host,
			struct device *device);
void source_from_type(struct source *source, struct host *host,
		      struct type *type);

#endif /* MDEV_MIGRATE_ENDPOINT_H */
