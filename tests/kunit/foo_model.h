/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The seeds' examples as a model: "foo" has a filter table and RSS; foo-3 is
 * foo-1 with an attribute.
 */
#ifndef FOO_MODEL_H
#define FOO_MODEL_H

#include <linux/mdev_migrate/config.h>

#define FOO_URI	"https://example.org/devices/foo"

enum { FOO_MODE, FOO_RSS, FOO_FILTER, FOO_NR };

static const char * const foo_modes[] = { "none", "fast", "safe", NULL };
static const struct mdev_migrate_range foo_any_mode[] = { { 0, 2 } };
static const struct mdev_migrate_range foo_on_off[] = { { 0, 1 } };
static const struct mdev_migrate_range __maybe_unused foo_off[] = { { 0, 0 } };
static const struct mdev_migrate_range foo_sizes[] = { { 0, 0 }, { 8, 64 } };

#define FOO_PARAMS(_name, _rss)						\
	static const struct mdev_migrate_param _name[FOO_NR] = {	\
		[FOO_MODE] = {						\
			.name = "mode", .type = MDEV_MIGRATE_WORD,	\
			.description = "a word", .words = foo_modes,	\
			.allowed = foo_any_mode, .nr_allowed = 1,	\
		},							\
		[FOO_RSS] = {						\
			.name = "rss", .type = MDEV_MIGRATE_BOOL,	\
			.description = "a bool",			\
			.allowed = _rss, .nr_allowed = 1,		\
		},							\
		[FOO_FILTER] = {					\
			.name = "rx-filter-size",			\
			.type = MDEV_MIGRATE_UINT,			\
			.description = "a number",			\
			.allowed = foo_sizes, .nr_allowed = 2,		\
		},							\
	}

static const __u64 foo_v1[FOO_NR] = { 0, 0, 0 };
static const __u64 foo_v2[FOO_NR] = { 0, 0, 32 };
static const __u64 foo_v3[FOO_NR] = { 2, 1, 64 };

static const struct mdev_migrate_version foo_versions[] = {
	{ "v1", "foo, version 1", foo_v1 },
	{ "v2", "foo, version 2", foo_v2 },
	{ "v3", "foo, version 3", foo_v3 },
};

#define FOO_MODEL(_name, _params)					\
	static const struct mdev_migrate_model _name = {		\
		.uri = FOO_URI,						\
		.params = _params,					\
		.nr_params = FOO_NR,					\
		.versions = foo_versions,				\
		.nr_versions = ARRAY_SIZE(foo_versions),		\
	}

#endif /* FOO_MODEL_H */
