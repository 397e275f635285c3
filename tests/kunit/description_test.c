// SPDX-License-Identifier: GPL-2.0-only
/* What a device is, where its driver knows nothing more. */
#include <kunit/test.h>

#include "description/description.h"
#include "foo_model.h"

FOO_PARAMS(params, foo_on_off);
FOO_MODEL(model, params);

static const struct mdev_migrate_description_ops empty_ops;

struct ops_case {
	const char *name;
	const struct mdev_migrate_description_ops *ops;
};

static const struct ops_case ops_cases[] = {
	{ "no operations", NULL },
	{ "none of the operations", &empty_ops },
};

static void ops_case_name(const struct ops_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(ops, ops_cases, ops_case_name);

static void description_without_operations(struct kunit *test)
{
	const struct ops_case *c = test->param_value;
	struct mdev_migrate_description *desc;
	struct mdev_migrate_config other;
	struct mdev_migrate_msg why;
	struct device *dev;

	desc = kunit_kzalloc(test, sizeof(*desc), GFP_KERNEL);
	dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, desc);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	dev->init_name = "device";
	KUNIT_ASSERT_EQ(test, 0,
			mdev_migrate_description_init(desc, dev, &model,
						      &model.versions[1],
						      c->ops));
	mdev_migrate_description_set_type(desc, NULL);
	/* Any combination is possible, and there is always room. */
	KUNIT_EXPECT_NULL(test, desc->type.check_config);
	mdev_migrate_config_init(&other, &model, &model.versions[0]);
	KUNIT_EXPECT_EQ(test, 0, desc->type.check_room(&desc->type, &other, &why));
	/* But an open device stays what it is. */
	mdev_migrate_description_set_open(desc, true);
	KUNIT_EXPECT_EQ(test, -EBUSY,
			desc->type.check_room(&desc->type, &other, &why));
	KUNIT_EXPECT_EQ(test, 0, desc->type.check_room(&desc->type,
						       &desc->config, &why));
	mdev_migrate_description_set_open(desc, false);
	mdev_migrate_description_destroy(desc);
}

static struct kunit_case description_cases[] = {
	KUNIT_CASE_PARAM(description_without_operations, ops_gen_params),
	{}
};

static struct kunit_suite description_suite = {
	.name = "mdev_migrate_description",
	.test_cases = description_cases,
};

kunit_test_suite(description_suite);
