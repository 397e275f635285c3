// SPDX-License-Identifier: GPL-2.0-only
/* Unmapping for type1. Part of under_test.c, since what it tests is static. */
#include <kunit/test.h>

/* A step, for which a busy machine may need as long as for all of them. */
#define STEP_MS		100
#define NR_STEPS	12

/**
 * struct unpinning - somebody unpins, and has done so a little later
 * @mem: of this guest memory
 * @op: announces it
 * @runs: what is still to be unpinned
 * @end: unpins one, or ends it
 */
struct unpinning {
	struct mdev_migrate_memory mem;
	struct mdm_op op;
	unsigned int runs;
	struct delayed_work end;
};

static void unpinning_end(struct work_struct *work)
{
	struct unpinning *u = container_of(to_delayed_work(work),
					   struct unpinning, end);

	atomic_inc(&u->mem.unpinned);
	if (--u->runs)
		schedule_delayed_work(&u->end, msecs_to_jiffies(STEP_MS));
	else
		mdm_op_end(&u->mem, &u->op, 0);
}

static void unpinning_nothing(struct kthread_work *work)
{
}

/* Who has pinned is to unpin it now, which may take long. */
static void pinning_end(struct work_struct *work)
{
	struct unpinning *u = container_of(to_delayed_work(work),
					   struct unpinning, end);

	op_stops_pinning(&u->mem, &u->op);
}

static struct unpinning *unpinning_begin(struct kunit *test, unsigned int runs)
{
	struct unpinning *u = kunit_kzalloc(test, sizeof(*u), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, u);
	spin_lock_init(&u->mem.lock);
	xa_init(&u->mem.blocks);
	INIT_LIST_HEAD(&u->mem.maps);
	INIT_LIST_HEAD(&u->mem.ops);
	init_waitqueue_head(&u->mem.ops_wait);
	INIT_DELAYED_WORK(&u->mem.watchdog, mdm_op_watchdog);
	INIT_DELAYED_WORK(&u->end, unpinning_end);
	u->runs = runs;

	spin_lock(&u->mem.lock);
	mdm_op_add(&u->mem, &u->op, 10, 19);
	u->op.unpins = true;
	spin_unlock(&u->mem.lock);
	return u;
}

static void unpinning_over(struct unpinning *u)
{
	cancel_delayed_work_sync(&u->end);
	cancel_delayed_work_sync(&u->mem.watchdog);
}

/* Its thread has no more work then, but is at it. */
static void unmap_while_closing(struct kunit *test)
{
	struct unpinning *u = unpinning_begin(test, 1);

	/* What is not in the way. */
	KUNIT_EXPECT_TRUE(test, drop_elsewhere(&u->mem, NULL, 0, 9, 0));
	schedule_delayed_work(&u->end, 2);
	/* For as long as if it had been waited for six times. */
	KUNIT_EXPECT_TRUE(test, drop_elsewhere(&u->mem, NULL, 19, 20, 6));
	KUNIT_EXPECT_TRUE(test, list_empty(&u->mem.ops));
	unpinning_over(u);
}

/* It is not given up while it gets on, only then. */
static void unmap_gets_on(struct kunit *test)
{
	struct unpinning *u = unpinning_begin(test, NR_STEPS);

	schedule_delayed_work(&u->end, 1);
	KUNIT_EXPECT_TRUE(test, drop_wait(&u->mem, NULL, 10, 19,
					  (NR_STEPS - 2) * STEP_MS));
	KUNIT_EXPECT_TRUE(test, list_empty(&u->mem.ops));
	unpinning_over(u);

	u = unpinning_begin(test, 1);
	KUNIT_EXPECT_FALSE(test, drop_wait(&u->mem, NULL, 10, 19, drop_ms[0]));
	unpinning_over(u);
}

static void unpinner_init(struct kunit *test, struct unpinning *u)
{
	struct device *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);

	u->mem.vdev = kunit_kzalloc(test, sizeof(*u->mem.vdev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, u->mem.vdev);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	dev->init_name = "unmap";
	u->mem.vdev->dev = dev;
	u->mem.unpinner = mdev_migrate_worker_create(&u->mem, "unpin");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, u->mem.unpinner);
	kthread_init_work(&u->mem.drop, unpinning_nothing);
	spin_lock(&u->mem.lock);
	nothing_first(&u->mem);
	spin_unlock(&u->mem.lock);
}

/* What is in the smaller range that was asked for comes first, then the rest in its order. */
static void unmap_smaller_first(struct kunit *test)
{
	struct mdm_run runs[] = { { 0, 5 }, { 10, 5 }, { 20, 1 }, { 30, 5 } };
	struct mdm_batch batch = { .runs = runs, .nr = ARRAY_SIZE(runs) };
	static const unsigned int order[] = { 2, 0, 1, 3 };
	struct unpinning *u = unpinning_begin(test, 1);
	unsigned int i, first;

	unpinner_init(test, u);
	spin_lock(&u->mem.lock);
	mdm_batch_announce(&u->mem, &batch);
	KUNIT_EXPECT_FALSE(test, mdm_op_any_pins(&u->mem));
	spin_unlock(&u->mem.lock);
	drop_ask(&u->mem, 20, 20);
	drop_ask(&u->mem, 0, 34);
	spin_lock(&u->mem.lock);
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		first = UINT_MAX;
		if (!batch_take(&u->mem, &batch, true, &first))
			batch_take(&u->mem, &batch, false, &first);
		KUNIT_EXPECT_EQ(test, order[i], first);
	}
	KUNIT_EXPECT_EQ(test, 0, batch_take(&u->mem, &batch, false, &first));
	spin_unlock(&u->mem.lock);
	mdev_migrate_worker_destroy(u->mem.unpinner);
	unpinning_over(u);
}

/* A range that is not asked for any more does not come first for ever, nor is it dropped. */
static void unmap_forgotten(struct kunit *test)
{
	struct unpinning *u = unpinning_begin(test, 1);

	unpinner_init(test, u);
	drop_ask(&u->mem, 10, 10);
	drop_ask(&u->mem, 100, 110);
	KUNIT_EXPECT_EQ(test, 10, u->mem.urgent_first);
	KUNIT_EXPECT_EQ(test, 100, u->mem.drop_first);
	KUNIT_EXPECT_EQ(test, 110, u->mem.drop_last);
	u->mem.urgent_until = jiffies - 1;
	drop_ask(&u->mem, 100, 110);
	KUNIT_EXPECT_EQ(test, 100, u->mem.urgent_first);
	KUNIT_EXPECT_EQ(test, 110, u->mem.urgent_last);
	end_asking(&u->mem, 100, 110);
	KUNIT_EXPECT_GT(test, u->mem.urgent_first, u->mem.urgent_last);
	KUNIT_EXPECT_GT(test, u->mem.drop_first, u->mem.drop_last);
	mdev_migrate_worker_destroy(u->mem.unpinner);
	unpinning_over(u);
}

/* Who waits until nothing is pinned does not wait for the locks of who unpins. */
static void unmap_pins_no_more(struct kunit *test)
{
	struct unpinning *u = unpinning_begin(test, 1);
	unsigned long since = jiffies;
	struct mdm_call call = { };

	spin_lock(&u->mem.lock);
	u->op.unpins = false;
	spin_unlock(&u->mem.lock);
	INIT_DELAYED_WORK(&u->end, pinning_end);
	schedule_delayed_work(&u->end, msecs_to_jiffies(STEP_MS));
	KUNIT_EXPECT_TRUE(test, drop_wait(&u->mem, &call, 100, 110,
					  100 * STEP_MS));
	/* It was told, and has not seen it at the end of its time. */
	KUNIT_EXPECT_TRUE(test, time_before(jiffies, since +
					    msecs_to_jiffies(50 * STEP_MS)));
	spin_lock(&u->mem.lock);
	list_del(&u->op.node);
	spin_unlock(&u->mem.lock);
	unpinning_over(u);
}

/* Who is still pinning when waiting is given up may be why the ioctl asks once more. */
static void unmap_is_held_up(struct kunit *test)
{
	struct unpinning *u = unpinning_begin(test, 1);
	struct mdm_call call = { };

	KUNIT_EXPECT_FALSE(test, drop_elsewhere(&u->mem, &call, 10, 19, 0));
	KUNIT_EXPECT_FALSE(test, call.held_up);
	spin_lock(&u->mem.lock);
	u->op.unpins = false;
	spin_unlock(&u->mem.lock);
	KUNIT_EXPECT_FALSE(test, drop_elsewhere(&u->mem, &call, 100, 110, 0));
	KUNIT_EXPECT_TRUE(test, call.held_up);
	spin_lock(&u->mem.lock);
	list_del(&u->op.node);
	spin_unlock(&u->mem.lock);
	unpinning_over(u);
}

static struct kunit_case unmap_cases[] = {
	KUNIT_CASE(unmap_while_closing),
	KUNIT_CASE(unmap_gets_on),
	KUNIT_CASE(unmap_smaller_first),
	KUNIT_CASE(unmap_forgotten),
	KUNIT_CASE(unmap_pins_no_more),
	KUNIT_CASE(unmap_is_held_up),
	{ }
};

static struct kunit_suite unmap_suite = {
	.name = "mdev_migrate_unmap",
	.test_cases = unmap_cases,
};

kunit_test_suite(unmap_suite);
