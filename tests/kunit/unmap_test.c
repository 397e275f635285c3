// SPDX-License-Identifier: GPL-2.0-only
/* Unmapping for type1. Part of under_test.c, since what it tests is static. */
#include <kunit/test.h>

/**
 * struct unpinning - somebody unpins, and has done so a little later
 * @dma: of this guest memory
 * @op: announces it
 * @end: ends it
 */
struct unpinning {
	struct mdm_dma dma;
	struct mdm_op op;
	struct delayed_work end;
};

static void unpinning_end(struct work_struct *work)
{
	struct unpinning *u = container_of(to_delayed_work(work),
					   struct unpinning, end);

	mdm_op_end(&u->dma, &u->op, 0);
}

/* Its thread has no more work then, but is at it. */
static void unmap_while_closing(struct kunit *test)
{
	struct unpinning *u = kunit_kzalloc(test, sizeof(*u), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, u);
	spin_lock_init(&u->dma.lock);
	INIT_LIST_HEAD(&u->dma.ops);
	init_waitqueue_head(&u->dma.ops_wait);
	INIT_DELAYED_WORK(&u->dma.watchdog, mdm_op_watchdog);
	INIT_DELAYED_WORK(&u->end, unpinning_end);

	spin_lock(&u->dma.lock);
	mdm_op_add(&u->dma, &u->op, 10, 19);
	u->op.unpins = true;
	spin_unlock(&u->dma.lock);
	/* What is not in the way. */
	KUNIT_EXPECT_TRUE(test, drop_elsewhere(&u->dma, NULL, 0, 9, 0));
	schedule_delayed_work(&u->end, 2);
	/* For as long as if it had been waited for five times. */
	KUNIT_EXPECT_TRUE(test, drop_elsewhere(&u->dma, NULL, 19, 20, 5));
	KUNIT_EXPECT_TRUE(test, list_empty(&u->dma.ops));
	cancel_delayed_work_sync(&u->end);
	cancel_delayed_work_sync(&u->dma.watchdog);
}

static struct kunit_case unmap_cases[] = {
	KUNIT_CASE(unmap_while_closing),
	{ }
};

static struct kunit_suite unmap_suite = {
	.name = "mdev_migrate_unmap",
	.test_cases = unmap_cases,
};

kunit_test_suite(unmap_suite);
