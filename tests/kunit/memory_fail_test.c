// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory when there is none to be had for what the helper has to know of it. Behind
 * memory_test.c in under_test.c, whose devices these are.
 */
#include "fail.h"

static bool is_logged(struct mdev_migrate_memory *mem, unsigned long page)
{
	const unsigned long *bits = xa_load(&mem->log, page >> MDM_LOG_SHIFT);

	return bits && test_bit(page & (MDM_LOG_BITS - 1), bits);
}

/* Every allocation of START fails in turn: then nothing is logged. */
static void memory_log_fails(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, false);
	struct rb_root_cached none = RB_ROOT_CACHED;
	unsigned int nth, failed = 0;
	bool over = false;
	u64 page_size;
	int ret;

	fail_need(test);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write(mem, at(5, 0), "x", 1), 0);
	for (nth = 1; !over && nth < 200; nth++) {
		fail_nth(fail_number(nth));
		ret = mdev_migrate_log_start(mem, &none, 0, &page_size);
		over = fail_done();
		failed += !!ret;
		KUNIT_EXPECT_EQ(test, mem->log_room, !ret);
		KUNIT_EXPECT_EQ(test, xa_empty(&mem->log), !!ret);
		KUNIT_EXPECT_EQ(test, mdev_migrate_log_stop(mem),
				ret ? -EINVAL : 0);
	}
	KUNIT_EXPECT_TRUE(test, over);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, page_size, PAGE_SIZE);
	/* For its ranges, and for what is cached. */
	KUNIT_EXPECT_GE(test, failed, 2);
	KUNIT_EXPECT_EQ(test, mdev_migrate_log_start(mem, &none, 0, &page_size),
			0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_log_start(mem, &none, 0, &page_size),
			-EINVAL);
}

/* Of a ring that is mapped while there is a log. */
static void memory_map_fails(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, false);
	struct rb_root_cached none = RB_ROOT_CACHED;
	struct mdev_migrate_map map = {};
	unsigned int nth, failed = 0;
	bool over = false;
	u64 page_size;
	int ret;

	fail_need(test);
	for (nth = 1; !over && nth < 200; nth++) {
		KUNIT_EXPECT_EQ(test, mdev_migrate_log_start(mem, &none, 0,
							     &page_size), 0);
		fail_nth(fail_number(nth));
		ret = mdev_migrate_map(mem, &map, at(SINGLE, 0), 2 * PAGE_SIZE);
		over = fail_done();
		failed += !!ret;
		KUNIT_EXPECT_EQ(test, nr_pinned(test, SINGLE, NR_SINGLE),
				ret ? 0 : 2);
		KUNIT_EXPECT_EQ(test, list_empty(&mem->maps), !!ret);
		KUNIT_EXPECT_TRUE(test, list_empty(&mem->ops));
		if (!ret) {
			mdev_migrate_reader_enter(&mem->own);
			mdev_migrate_map_dirty(mem, &map, PAGE_SIZE, 1);
			mdev_migrate_reader_exit(&mem->own);
			KUNIT_EXPECT_TRUE(test, is_logged(mem, SINGLE + 1));
			KUNIT_EXPECT_FALSE(test, is_logged(mem, SINGLE));
			mdev_migrate_unmap(mem, &map);
		}
		KUNIT_EXPECT_EQ(test, mdev_migrate_log_stop(mem), 0);
	}
	KUNIT_EXPECT_TRUE(test, over);
	KUNIT_EXPECT_EQ(test, ret, 0);
	/* For its pages, for where they are mapped, and for the log. */
	KUNIT_EXPECT_GE(test, failed, 3);
}

/* Payload that is written while there is a log: it is written and logged, or neither. */
static void memory_write_fails(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, false);
	struct rb_root_cached none = RB_ROOT_CACHED;
	unsigned int nth;
	bool over = false;
	u64 page_size;
	u8 byte;
	int ret;

	fail_need(test);
	for (nth = 1; !over && nth < 200; nth++) {
		KUNIT_EXPECT_EQ(test, mdev_migrate_log_start(mem, &none, 0,
							     &page_size), 0);
		byte = nth;
		fail_nth(fail_number(nth));
		ret = mdev_migrate_dma_write(mem, at(SINGLE, 0), &byte, 1);
		over = fail_done();
		KUNIT_EXPECT_EQ(test, *byte_of(test, SINGLE, 0) == nth, !ret);
		KUNIT_EXPECT_EQ(test, is_logged(mem, SINGLE), !ret);
		KUNIT_EXPECT_EQ(test, mdev_migrate_log_stop(mem), 0);
		mdm_dma_drop_range(mem, 0, ULONG_MAX, false);
		WRITE_ONCE(mem->short_until, jiffies);
	}
	KUNIT_EXPECT_TRUE(test, over);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_GT(test, nth, 3);
}

/* Every allocation of opening the device fails in turn; then it can be opened. */
static void memory_open_fails(struct kunit *test)
{
	struct memory_test *t = test->priv;
	unsigned int nth, failed = 0;
	bool over = false;
	int ret;

	fail_need(test);
	for (nth = 1; !over && nth < 400; nth++) {
		fail_nth(fail_number(nth));
		ret = mdev_migrate_memory_open(t->mem);
		over = fail_done();
		KUNIT_EXPECT_EQ(test, !!t->mem->task, !ret);
		failed += !!ret;
		if (!ret)
			mdev_migrate_memory_close(t->mem);
	}
	KUNIT_EXPECT_TRUE(test, over);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_GT(test, failed, 3);
}

static struct kunit_case memory_fail_cases[] = {
	KUNIT_CASE(memory_open_fails),
	KUNIT_CASE(memory_log_fails),
	KUNIT_CASE(memory_map_fails),
	KUNIT_CASE(memory_write_fails),
	{ }
};

static struct kunit_suite memory_fail_suite = {
	.name = "mdev_migrate_memory_fail",
	.init = memory_init,
	.exit = memory_exit,
	.test_cases = memory_fail_cases,
};

kunit_test_suite(memory_fail_suite);
