// SPDX-License-Identifier: GPL-2.0-only
/* A pool, and threads that take of it and give back. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/mdev_migrate/description.h>
#include <linux/random.h>

#define TOTAL		64
#define NR_THREADS	4
#define NR_SHARES	3
#define ROUNDS		5000

static void pool_take_and_give(struct kunit *test)
{
	struct mdev_migrate_pool pool;
	struct mdev_migrate_msg why;
	u64 a = 0, b = 0;

	mdev_migrate_pool_init(&pool, "units", TOTAL);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_fits(&pool, 8), 8);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_fits(&pool, 65), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_fits(&pool, 0), UINT_MAX);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_take(&pool, &a, 60, &why), 0);
	KUNIT_EXPECT_EQ(test, a, 60);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_fits(&pool, 2), 2);
	/* Nothing changes for who gets nothing. */
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_take(&pool, &b, 5, &why), -ENOSPC);
	KUNIT_EXPECT_EQ(test, b, 0);
	KUNIT_EXPECT_STREQ(test, why.text,
			   "units: 5 asked for, 4 of 64 left; ask for less, remove another device or write a smaller value to its migration/params/units");
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_take(&pool, &b, 4, &why), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_take(&pool, &a, 61, &why), -ENOSPC);
	KUNIT_EXPECT_EQ(test, a, 60);
	/* What one has counts for oneself. */
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_take(&pool, &a, 60, &why), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_take(&pool, &a, 59, &why), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_take(&pool, &b, 5, &why), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_take(&pool, &b, U64_MAX, &why), -ENOSPC);
	mdev_migrate_pool_give(&pool, &a);
	mdev_migrate_pool_give(&pool, &a);
	KUNIT_EXPECT_EQ(test, a, 0);
	KUNIT_EXPECT_EQ(test, pool.used, 5);
	mdev_migrate_pool_give(&pool, &b);
	KUNIT_EXPECT_EQ(test, pool.used, 0);
}

static void pool_check_takes_nothing(struct kunit *test)
{
	struct mdev_migrate_pool pool;
	struct mdev_migrate_msg why;
	u64 share = 0;

	mdev_migrate_pool_init(&pool, "units", TOTAL);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_take(&pool, &share, 40, &why), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_check(&pool, NULL, 24, &why), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_check(&pool, NULL, 24, &why), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_check(&pool, NULL, 25, &why), -ENOSPC);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_check(&pool, &share, 64, &why), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_pool_check(&pool, &share, 65, &why), -ENOSPC);
	KUNIT_EXPECT_EQ(test, share, 40);
	KUNIT_EXPECT_EQ(test, pool.used, 40);
	mdev_migrate_pool_give(&pool, &share);
}

/**
 * struct pool_race - threads that want more of a pool than there is
 * @pool: the pool
 * @shares: any thread changes any of them
 * @granted: how often one got what it wanted
 * @refused: how often not
 * @wrong: how often there was more in use than there is
 * @done: once for each thread
 */
struct pool_race {
	struct mdev_migrate_pool pool;
	u64 shares[NR_SHARES];
	atomic_t granted;
	atomic_t refused;
	atomic_t wrong;
	struct completion done;
};

static bool is_wrong(struct pool_race *race)
{
	u64 used, sum = 0;
	unsigned int i;

	spin_lock(&race->pool.lock);
	for (i = 0; i < NR_SHARES; i++)
		sum += race->shares[i];
	used = race->pool.used;
	spin_unlock(&race->pool.lock);
	return used != sum || used > race->pool.total;
}

static int pool_racer(void *data)
{
	struct pool_race *race = data;
	struct mdev_migrate_msg why;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		u64 *share = &race->shares[get_random_u32() % NR_SHARES];

		if (!(get_random_u32() % 8))
			mdev_migrate_pool_give(&race->pool, share);
		else if (mdev_migrate_pool_take(&race->pool, share,
						get_random_u32() % TOTAL,
						&why))
			atomic_inc(&race->refused);
		else
			atomic_inc(&race->granted);
		if (is_wrong(race))
			atomic_inc(&race->wrong);
		cond_resched();
	}
	complete(&race->done);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static void pool_threads(struct kunit *test)
{
	struct pool_race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	struct task_struct *threads[NR_THREADS];
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, race);
	mdev_migrate_pool_init(&race->pool, "units", TOTAL);
	init_completion(&race->done);
	for (i = 0; i < NR_THREADS; i++) {
		threads[i] = kthread_run(pool_racer, race, "pool/%u", i);
		KUNIT_EXPECT_FALSE(test, IS_ERR(threads[i]));
	}
	for (i = 0; i < NR_THREADS; i++) {
		if (!IS_ERR(threads[i]))
			wait_for_completion(&race->done);
	}
	for (i = 0; i < NR_THREADS; i++) {
		if (!IS_ERR(threads[i]))
			kthread_stop(threads[i]);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&race->wrong), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&race->granted), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&race->refused), 0);
	for (i = 0; i < NR_SHARES; i++)
		mdev_migrate_pool_give(&race->pool, &race->shares[i]);
	KUNIT_EXPECT_EQ(test, race->pool.used, 0);
}

static struct kunit_case pool_cases[] = {
	KUNIT_CASE(pool_take_and_give),
	KUNIT_CASE(pool_check_takes_nothing),
	KUNIT_CASE(pool_threads),
	{}
};

static struct kunit_suite pool_suite = {
	.name = "mdev_migrate_pool",
	.test_cases = pool_cases,
};

kunit_test_suite(pool_suite);
