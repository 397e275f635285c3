// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drivers on a parent without hardware. Writing the name of one to the module's
 * parameter "virtual" registers it, and "" unregisters it: so what goes wrong then can be
 * tried without loading a module.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>

#include "pooled.h"

#define NAME		"mdm_virtual"
#define URI		"https://mdev-migrate.org/devices/test-virtual"

enum { LEVEL, SPAN, NR_PARAMS };

static const struct mdev_migrate_range to_9[] = { { 0, 9 } };

#define PARAM(_name)							\
	{								\
		.name = _name,						\
		.description = "a number",				\
		.type = MDEV_MIGRATE_UINT,				\
		.allowed = to_9,					\
		.nr_allowed = ARRAY_SIZE(to_9),				\
	}

static const struct mdev_migrate_param params[NR_PARAMS] = {
	[LEVEL] = PARAM("level"), [SPAN] = PARAM("span"),
};

static const struct mdev_migrate_param unsorted[NR_PARAMS] = {
	PARAM("span"), PARAM("level"),
};

static const u64 v1[NR_PARAMS] = { 0, 0 };
static const u64 v2[NR_PARAMS] = { 2, 4 };
static const u64 v9[NR_PARAMS] = { 10, 0 };

static const struct mdev_migrate_version versions[] = {
	{ "v1", "nothing", v1 }, { "v2", "something", v2 },
};

static const struct mdev_migrate_version too_much[] = { { "v9", "too much", v9 } };

/* Longer than a file of sysfs. */
static char long_uri[5000];

#define MODEL(_uri, _params, _versions, _nr)				\
	{								\
		.uri = _uri,						\
		.params = _params,					\
		.nr_params = NR_PARAMS,					\
		.versions = _versions,					\
		.nr_versions = _nr,					\
	}

static const struct mdev_migrate_model model = MODEL(URI, params, versions, 2);
static const struct mdev_migrate_model unsorted_model =
	MODEL(URI, unsorted, versions, 2);
static const struct mdev_migrate_model none_model =
	MODEL(URI, params, too_much, 1);
/* As little as there can be. */
static const struct mdev_migrate_model small_model = {
	.uri = URI,
	.params = params,
	.nr_params = 1,
	.versions = versions,
	.nr_versions = 1,
};

static const struct mdev_migrate_model long_model =
	MODEL(long_uri, params, versions, 2);

static int check_config(struct device *parent,
			const struct mdev_migrate_config *config,
			struct mdev_migrate_msg *why)
{
	if (config->values[SPAN] >= config->values[LEVEL])
		return 0;
	snprintf(why->text, sizeof(why->text),
		 "span: %llu, less than the level; write more", config->values[SPAN]);
	return -EOPNOTSUPP;
}

static const struct mdev_migrate_ops ops = {
	POOLED_DEVICE_OPS,
	.check_config = check_config,
};

#define DRIVER(_model)							\
	{								\
		.name = NAME,						\
		.owner = THIS_MODULE,					\
		.model = &(_model),					\
		.ops = &ops,						\
		.device_size = sizeof(struct pooled),			\
		.max_instances = 2,					\
	}

static struct {
	const char *name;
	struct mdev_migrate_driver drv;
} drivers[] = {
	{ "good", DRIVER(model) },
	{ "unsorted", DRIVER(unsorted_model) },
	{ "none", DRIVER(none_model) },
	{ "long", DRIVER(long_model) },
	{ "small", DRIVER(small_model) },
};

static DEFINE_MUTEX(virtual_lock);
static struct mdev_migrate_driver *registered;

/* Once; it is not called under virtual_lock by who unloads the module. */
static void unregister(void)
{
	if (registered)
		mdev_migrate_unregister_virtual(registered);
	registered = NULL;
}

static int choose(const char *name)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(drivers); i++) {
		if (!sysfs_streq(name, drivers[i].name))
			continue;
		if (registered)
			return -EBUSY;
		memset(long_uri, 'u', sizeof(long_uri) - 1);
		ret = mdev_migrate_register_virtual(&drivers[i].drv, NAME);
		if (!ret)
			registered = &drivers[i].drv;
		return ret;
	}
	return -EINVAL;
}

static int set_virtual(const char *val, const struct kernel_param *kp)
{
	guard(mutex)(&virtual_lock);
	if (!sysfs_streq(val, ""))
		return choose(val);
	unregister();
	return 0;
}

static const struct kernel_param_ops virtual_ops = { .set = set_virtual };
module_param_cb(virtual, &virtual_ops, NULL, 0200);
MODULE_PARM_DESC(virtual, "good, unsorted, none, long or small: register this driver; nothing: unregister it");

void virtual_exit(void)
{
	unregister();
}
