/* SPDX-License-Identifier: GPL-2.0-only */
/* How long the guest would be stopped, as far as its device's state is concerned. */
#ifndef MDEV_MIGRATE_ESTIMATE_H
#define MDEV_MIGRATE_ESTIMATE_H

#include "../common/downtime.h"
#include "../common/json.h"
#include "command.h"

/**
 * struct estimate - the answer to --bandwidth
 * @bandwidth: in bytes a second, 0 if it was not asked for
 * @times: what --probe says
 * @measured: whether it was given
 * @bytes: of the state now
 * @ms: how long
 * @why: NULL, or why that is not known
 */
struct estimate {
	double bandwidth;
	struct device_times times;
	bool measured;
	long long bytes;
	double ms;
	const char *why;
};

/* DONE_ERROR and a complaint if the options make no sense. */
int estimate_options(struct estimate *estimate, const struct options *options);
void estimate_source(struct estimate *estimate, const struct source *source);
void estimate_print(FILE *out, const struct estimate *estimate);
void estimate_json(struct json *answer, const struct estimate *estimate);

#endif /* MDEV_MIGRATE_ESTIMATE_H */
