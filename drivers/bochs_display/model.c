// SPDX-License-Identifier: GPL-2.0-only
/* The device model: its parameters, its versions, and which values go together. */
#include "bochs_display.h"

/* What is preferred where there is no limit. */
#define DEFAULT_WIDTH	1024
#define DEFAULT_HEIGHT	768

static const struct mdev_migrate_range bools[] = { { 0, 1 } };
static const struct mdev_migrate_range limits[] = {
	{ 0, 0 }, { BOCHS_MIN_SIZE, BOCHS_EDID_MAX },
};

static const struct mdev_migrate_range sizes[] = {
	{ 1, 2 }, { 4, 4 }, { 8, 8 }, { 16, 16 }, { 32, 32 }, { 64, 64 },
	{ 128, 128 }, { 256, 256 },
};

static const struct mdev_migrate_param params[BOCHS_NR_PARAMS] = {
	[BOCHS_EDID] = {
		.name = "edid",
		.description = "the guest can read what modes there are",
		.type = MDEV_MIGRATE_BOOL,
		.allowed = bools,
		.nr_allowed = ARRAY_SIZE(bools),
	},
	[BOCHS_MAX_HEIGHT] = {
		.name = "max-height",
		.description = "lines that are shown at most, 0 for what fits into the memory",
		.type = MDEV_MIGRATE_UINT,
		.allowed = limits,
		.nr_allowed = ARRAY_SIZE(limits),
	},
	[BOCHS_MAX_WIDTH] = {
		.name = "max-width",
		.description = "pixels of a line at most, 0 for what fits into the memory",
		.type = MDEV_MIGRATE_UINT,
		.allowed = limits,
		.nr_allowed = ARRAY_SIZE(limits),
	},
	[BOCHS_VRAM_MIB] = {
		.name = "vram-mib",
		.description = "MiB of video memory",
		.type = MDEV_MIGRATE_UINT,
		.off = 1,
		.allowed = sizes,
		.nr_allowed = ARRAY_SIZE(sizes),
	},
};

/* A released version never changes. */
static const u64 v1[BOCHS_NR_PARAMS] = {
	[BOCHS_VRAM_MIB] = 4,
};

/* In half of the memory, since Linux before 6.14 takes no mode that needs more. */
static const u64 v2[BOCHS_NR_PARAMS] = {
	[BOCHS_EDID] = 1,
	[BOCHS_MAX_HEIGHT] = 1080,
	[BOCHS_MAX_WIDTH] = 1920,
	[BOCHS_VRAM_MIB] = 16,
};

static const struct mdev_migrate_version versions[] = {
	{ "v1", "display with 4 MiB of video memory, no EDID", v1 },
	{ "v2", "display with 16 MiB of video memory, EDID, up to 1920x1080", v2 },
};

const struct mdev_migrate_model bochs_model = {
	.uri = "https://mdev-migrate.org/devices/bochs-display",
	.params = params,
	.nr_params = ARRAY_SIZE(params),
	.versions = versions,
	.nr_versions = ARRAY_SIZE(versions),
};

/**
 * bochs_preferred_width - the mode that the EDID has first
 * @config: the device's
 *
 * Return: pixels.
 */
u32 bochs_preferred_width(const struct mdev_migrate_config *config)
{
	return config->values[BOCHS_MAX_WIDTH] ?: DEFAULT_WIDTH;
}

/**
 * bochs_preferred_height - likewise
 * @config: the device's
 *
 * Return: lines.
 */
u32 bochs_preferred_height(const struct mdev_migrate_config *config)
{
	return config->values[BOCHS_MAX_HEIGHT] ?: DEFAULT_HEIGHT;
}

/**
 * bochs_vram_size - bytes of video memory
 * @config: the device's
 *
 * Return: bytes, a power of two.
 */
u64 bochs_vram_size(const struct mdev_migrate_config *config)
{
	return config->values[BOCHS_VRAM_MIB] * SZ_1M;
}

/**
 * bochs_fits - is this within the limits, and in 32 bits a pixel within the memory?
 * @config: the device's
 * @width: pixels
 * @height: lines
 *
 * Return: whether.
 */
bool bochs_fits(const struct mdev_migrate_config *config, u32 width, u32 height)
{
	u64 max_width = config->values[BOCHS_MAX_WIDTH];
	u64 max_height = config->values[BOCHS_MAX_HEIGHT];

	return (!max_width || width <= max_width) &&
	       (!max_height || height <= max_height) &&
	       (u64)width * height * BOCHS_SHOWN <= bochs_vram_size(config);
}

/**
 * bochs_check_config - struct mdev_migrate_ops's check_config()
 * @parent: not used
 * @config: what a device is to be
 * @why: filled on error
 *
 * Return: 0; -EOPNOTSUPP if the largest mode, or the one that the EDID prefers, does not go
 * into the memory.
 */
int bochs_check_config(struct device *parent,
		       const struct mdev_migrate_config *config,
		       struct mdev_migrate_msg *why)
{
	u32 width = bochs_preferred_width(config);
	u32 height = bochs_preferred_height(config);
	const u64 *values = config->values;

	if (bochs_fits(config, width, height) ||
	    (!values[BOCHS_EDID] &&
	     !(values[BOCHS_MAX_WIDTH] && values[BOCHS_MAX_HEIGHT])))
		return 0;
	snprintf(why->text, sizeof(why->text),
		 "vram-mib: %llu MiB are too small for %ux%u, which %s",
		 values[BOCHS_VRAM_MIB], width, height,
		 values[BOCHS_MAX_WIDTH] && values[BOCHS_MAX_HEIGHT] ?
		 "max-width and max-height allow" : "the EDID prefers");
	return -EOPNOTSUPP;
}
