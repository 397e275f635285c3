// SPDX-License-Identifier: GPL-2.0-only
/* Room in the log of DMA logging. Part of under_test.c, since what it tests is static. */
#include <kunit/test.h>
#include <linux/kthread.h>

/* Looks under the lock, while logging begins and ends; at so many bitmaps. */
#define LOG_LOOKS	10000
#define LOG_MANY	64

struct log_test {
	struct vfio_device vdev;
	struct mdev_migrate_memory *mem;
};

/* Logging, of nothing that is cached or mapped. */
static void log_start(struct kunit *test, struct mdev_migrate_memory *mem)
{
	guard(mutex)(&mem->log_lock);
	KUNIT_EXPECT_EQ(test, log_begin(mem, NULL, 0), 0);
	WRITE_ONCE(mem->logging, true);
}

static void log_stop(struct mdev_migrate_memory *mem)
{
	guard(mutex)(&mem->log_lock);
	free_log(mem);
}

static int log_init(struct kunit *test)
{
	struct log_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->mem = mdev_migrate_memory_create(&t->vdev);
	KUNIT_ASSERT_NOT_NULL(test, t->mem);
	test->priv = t;
	return 0;
}

static void log_exit(struct kunit *test)
{
	struct log_test *t = test->priv;

	if (!t->mem)
		return;
	mdm_log_close(t->mem);
	mdev_migrate_memory_destroy(t->mem);
}

/* An operation on the last page of one of its bitmaps and the first one of the next. */
static struct mdm_op log_op(void)
{
	return (struct mdm_op){
		.first = 3 * MDM_LOG_BITS - 1,
		.last = 3 * MDM_LOG_BITS,
	};
}

static void log_makes_room(struct kunit *test)
{
	struct log_test *t = test->priv;
	struct mdm_op op = log_op();

	KUNIT_EXPECT_EQ(test, mdm_log_lock(t->mem, &op), 0);
	spin_unlock(&t->mem->lock);
	KUNIT_EXPECT_TRUE(test, xa_empty(&t->mem->log));

	log_start(test, t->mem);
	KUNIT_EXPECT_EQ(test, mdm_log_lock(t->mem, &op), 0);
	spin_unlock(&t->mem->lock);
	KUNIT_EXPECT_NULL(test, xa_load(&t->mem->log, 1));
	KUNIT_EXPECT_NOT_NULL(test, xa_load(&t->mem->log, 2));
	KUNIT_EXPECT_NOT_NULL(test, xa_load(&t->mem->log, 3));
	KUNIT_EXPECT_NULL(test, xa_load(&t->mem->log, 4));
	log_stop(t->mem);
	KUNIT_EXPECT_TRUE(test, xa_empty(&t->mem->log));
}

static int log_toggles(void *data)
{
	struct kunit *test = data;
	struct log_test *t = test->priv;

	while (!kthread_should_stop()) {
		log_start(test, t->mem);
		cond_resched();
		log_stop(t->mem);
	}
	return 0;
}

/* However often it ends and begins: if it is on, there is room. */
static void log_toggled(struct kunit *test)
{
	struct log_test *t = test->priv;
	unsigned int i, on = 0, without = 0;
	struct mdm_op op = { .last = LOG_MANY * MDM_LOG_BITS - 1 };
	struct task_struct *task;

	task = kthread_run(log_toggles, test, "log_toggles");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	for (i = 0; i < LOG_LOOKS || !on; i++) {
		KUNIT_EXPECT_EQ(test, mdm_log_lock(t->mem, &op), 0);
		if (t->mem->log_room) {
			on++;
			without += !log_has_room(t->mem, &op);
		}
		spin_unlock(&t->mem->lock);
		cond_resched();
	}
	kthread_stop(task);
	KUNIT_EXPECT_EQ(test, without, 0);
}

static struct kunit_case log_cases[] = {
	KUNIT_CASE(log_makes_room),
	KUNIT_CASE(log_toggled),
	{}
};

static struct kunit_suite log_suite = {
	.name = "mdev_migrate_log",
	.init = log_init,
	.exit = log_exit,
	.test_cases = log_cases,
};

kunit_test_suite(log_suite);
