/* SPDX-License-Identifier: GPL-2.0-only */
/* What SOURCE and DESTINATION on the command line stand for. */
#ifndef MDEV_MIGRATE_ENDPOINT_H
#define MDEV_MIGRATE_ENDPOINT_H

#include "../common/cli.h"
#include "core/judge.h"
#include "reading.h"

/**
 * struct endpoint - a host and what was chosen there
 * @spec: as it was given
 * @host: the host; empty if only a configuration was given
 * @device: chosen, or NULL
 * @type: chosen, or the device's, or NULL
 * @any_parent: a type was chosen by its name alone: it may be another parent's
 * @other: chosen, or NULL
 * @config: given instead, from the command line or a saved state
 * @left_out: what of the host, or which hosts beside it, could not be used
 */
struct endpoint {
	const char *spec;
	struct host host;
	struct device *device;
	struct type *type;
	bool any_parent;
	struct other *other;
	const char *config;
	unsigned long left_out;
};

int endpoint_open(struct endpoint *ep, const char *spec,
		  const struct options *options);
void endpoint_close(struct endpoint *ep);
int endpoint_choose(struct endpoint *ep, const char *as);
int endpoint_source(struct endpoint *ep, struct source *source);
int endpoint_judge(struct arena *arena, struct verdict *verdict,
		   const struct source *source, struct endpoint *ep);
int host_from_doc(struct host *host, const struct doc *doc, struct memo *memo);
int check_max_age(const struct options *options);
int host_too_old(const struct host *host, const struct options *options);
void source_from_device(struct source *source, struct host *host,
			struct device *device);
void source_from_type(struct source *source, struct host *host,
		      struct type *type);
void source_from_other(struct source *source, struct host *host,
		       const struct other *other);

#endif /* MDEV_MIGRATE_ENDPOINT_H */
