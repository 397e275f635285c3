// SPDX-License-Identifier: GPL-2.0-only
/* What a device sends in advance, while it runs and changes. */

#include "tape.h"

static struct vfio_precopy_info expect_info(struct kunit *test, struct tape *t,
					    u32 flags, u64 initial, u64 dirty)
{
	struct vfio_precopy_info info = {};

	KUNIT_EXPECT_EQ(test, mdm_saving_precopy_info(t->d.mig.session, &info),
			0);
	KUNIT_EXPECT_EQ(test, info.flags, flags);
	KUNIT_EXPECT_EQ(test, info.initial_bytes, initial);
	KUNIT_EXPECT_EQ(test, info.dirty_bytes, dirty);
	return info;
}

/* A guest dirties what was sent: each byte is announced, sent, and gone. */
static void test_precopy(struct kunit *test)
{
	u8 *buf = new_buf(test, STREAM_SIZE);
	struct tape *t = test->priv;
	u64 head = t->d.mig.head_size;
	size_t len = 0;

	mig_need_precopy(test, &t->d);
	t->early = 5;
	EXPECT_MOVED(&t->d, PRE_COPY);
	expect_info(test, t, 0, head + 5 * CHUNK_SIZE, 0);
	KUNIT_EXPECT_EQ(test, read_some(t, buf, 1), 1);
	expect_info(test, t, 0, head - 1 + 5 * CHUNK_SIZE, 0);
	len = 1;
	KUNIT_EXPECT_EQ(test, read_some(t, buf + 1, head), head - 1);
	KUNIT_EXPECT_EQ(test, read_some(t, buf + head, 1), 1);
	expect_info(test, t, 0, 5 * CHUNK_SIZE - 1, 0);
	len = head + 1;
	KUNIT_EXPECT_EQ(test, read_all(t, buf, STREAM_SIZE, 777, &len),
			-ENOMSG);
	KUNIT_EXPECT_EQ(test, len, head + 5 * CHUNK_SIZE);
	expect_info(test, t, 0, 0, 0);
	KUNIT_EXPECT_FALSE(test, readable(t));

	t->dirty = 2;
	KUNIT_EXPECT_FALSE(test, readable(t));
	mdev_migrate_precopy_poke(&t->d.mig);
	KUNIT_EXPECT_TRUE(test, readable(t));
	expect_info(test, t, 0, 0, 2 * CHUNK_SIZE);
	KUNIT_EXPECT_EQ(test, read_some(t, buf + len, 10), 10);
	len += 10;
	expect_info(test, t, 0, 0, 2 * CHUNK_SIZE - 10);
	EXPECT_MOVED(&t->d, PRE_COPY_P2P);
	KUNIT_EXPECT_EQ(test, read_all(t, buf, STREAM_SIZE, 777, &len),
			-ENOMSG);
	KUNIT_EXPECT_FALSE(test, readable(t));

	/* What is put and not read goes out first. */
	t->dirty = 1;
	KUNIT_EXPECT_EQ(test, read_some(t, buf + len, 10), 10);
	len += 10;
	EXPECT_MOVED(&t->d, STOP_COPY);
	KUNIT_EXPECT_EQ(test, mdm_saving_left(t->d.mig.session),
			2 * CHUNK_SIZE - 10);
	KUNIT_EXPECT_EQ(test, read_all(t, buf, STREAM_SIZE, 777, &len), 0);
	KUNIT_EXPECT_EQ(test, len, head + (5 + 3 + 20) * CHUNK_SIZE +
			MDM_END_SIZE);
	expect_loads(test, buf, len);
}

/* Within one read() a device that changes all the time has an end. */
static void test_again(struct kunit *test)
{
	u8 *buf = new_buf(test, STREAM_SIZE);
	struct tape *t = test->priv;
	size_t len = 0;

	mig_need_precopy(test, &t->d);
	EXPECT_MOVED(&t->d, PRE_COPY);
	KUNIT_EXPECT_EQ(test, read_all(t, buf, STREAM_SIZE, 777, &len),
			-ENOMSG);
	t->dirty = 1;
	KUNIT_EXPECT_EQ(test, session_read(t->d.mig.session, buf, 1, true),
			-ENOMSG);
	KUNIT_EXPECT_EQ(test, session_read(t->d.mig.session, buf, 1, false),
			1);
}

static void opt_in(struct kunit *test, struct tape *t)
{
#ifdef precopy_info_v2
	kunit_skip(test, "this kernel has no precopy_info_v2");
#else
	t->d.vdev.precopy_info_v2 = 1;
#endif
}

/* All is new again: who has not asked to be told sees that it is dirty. */
static void begin_reinit(struct kunit *test, struct tape *t, u8 *buf)
{
	size_t len = 0;

	t->early = 2;
	EXPECT_MOVED(&t->d, PRE_COPY);
	expect_info(test, t, 0, t->d.mig.head_size + 2 * CHUNK_SIZE, 0);
	KUNIT_EXPECT_EQ(test, read_all(t, buf, STREAM_SIZE, STREAM_SIZE, &len),
			-ENOMSG);
	expect_info(test, t, 0, 0, 0);
	t->early = 3;
	t->early_pos = 0;
	t->reinit = true;
	mdev_migrate_precopy_poke(&t->d.mig);
}

static void test_reinit_untold(struct kunit *test)
{
	u8 *buf = new_buf(test, STREAM_SIZE);
	struct tape *t = test->priv;

	mig_need_precopy(test, &t->d);
	begin_reinit(test, t, buf);
	expect_info(test, t, 0, 0, 3 * CHUNK_SIZE);
	KUNIT_EXPECT_EQ(test, read_some(t, buf, 10), 10);
	expect_info(test, t, 0, 0, 3 * CHUNK_SIZE - 10);
}

static void test_reinit_told(struct kunit *test)
{
	u8 *buf = new_buf(test, STREAM_SIZE);
	struct tape *t = test->priv;

	mig_need_precopy(test, &t->d);
	opt_in(test, t);
	begin_reinit(test, t, buf);
	/* Also if the driver was asked in between: it is not lost. */
	KUNIT_EXPECT_EQ(test, read_some(t, buf, 10), 10);
	expect_info(test, t, VFIO_PRECOPY_INFO_REINIT, 3 * CHUNK_SIZE - 10, 0);
	expect_info(test, t, 0, 3 * CHUNK_SIZE - 10, 0);
	t->dirty = 1;
	expect_info(test, t, 0, 3 * CHUNK_SIZE - 10, CHUNK_SIZE);
}

/* Who could not be told is told again. */
static void test_reinit_missed(struct kunit *test)
{
	u8 *buf = new_buf(test, STREAM_SIZE);
	struct vfio_precopy_info info;
	struct tape *t = test->priv;

	mig_need_precopy(test, &t->d);
	opt_in(test, t);
	begin_reinit(test, t, buf);
	info = expect_info(test, t, VFIO_PRECOPY_INFO_REINIT, 3 * CHUNK_SIZE,
			   0);
	mdm_saving_precopy_missed(t->d.mig.session, &info);
	info = expect_info(test, t, VFIO_PRECOPY_INFO_REINIT, 3 * CHUNK_SIZE,
			   0);
	info = expect_info(test, t, 0, 3 * CHUNK_SIZE, 0);
	mdm_saving_precopy_missed(t->d.mig.session, &info);
	expect_info(test, t, 0, 3 * CHUNK_SIZE, 0);
}

static void test_precopy_fails(struct kunit *test)
{
	u8 *buf = new_buf(test, STREAM_SIZE);
	struct tape *t = test->priv;
	size_t len = 0;

	mig_need_precopy(test, &t->d);
	t->early = 5;
	t->early_fail_at = 2;
	t->error = -EIO;
	EXPECT_MOVED(&t->d, PRE_COPY);
	KUNIT_EXPECT_EQ(test, read_all(t, buf, STREAM_SIZE, 777, &len), -EIO);
	expect_error(test, &t->d, "the state of the running device");
	KUNIT_EXPECT_TRUE(test, mdm_saving_poll(t->d.mig.session) & EPOLLERR);
	EXPECT_NOT_MOVED(&t->d, STOP_COPY, -EIO);
	EXPECT_STATE(&t->d, PRE_COPY_P2P);
	expect_error(test, &t->d, "the state of the running device");
	EXPECT_MOVED(&t->d, RUNNING);
	t->early_fail_at = ~0U;
	EXPECT_MOVED(&t->d, PRE_COPY);
	len = 0;
	KUNIT_EXPECT_EQ(test, read_all(t, buf, STREAM_SIZE, 777, &len),
			-ENOMSG);
}

/* What is put is initial until all was put once, dirty then. */
static void test_without_info(struct kunit *test)
{
	u8 *buf = new_buf(test, STREAM_SIZE);
	struct tape *t = test->priv;
	u64 head = t->d.mig.head_size;
	size_t len = 0;

	mig_need_precopy(test, &t->d);
	t->d.mig.ops = &tape_ops_without_info;
	t->early = 2;
	EXPECT_MOVED(&t->d, PRE_COPY);
	expect_info(test, t, 0, head, 0);
	KUNIT_EXPECT_EQ(test, read_some(t, buf, head), head);
	expect_info(test, t, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, read_some(t, buf, 1), 1);
	expect_info(test, t, 0, 0, CHUNK_SIZE - 1);
	KUNIT_EXPECT_EQ(test, read_all(t, buf, STREAM_SIZE, 777, &len),
			-ENOMSG);
	KUNIT_EXPECT_EQ(test, len, 2 * CHUNK_SIZE - 1);
	t->dirty = 1;
	KUNIT_EXPECT_EQ(test, read_some(t, buf, 1), 1);
	expect_info(test, t, 0, 0, CHUNK_SIZE - 1);
}

/* With no session, in any context, and when it has just ended. */
static void test_poke(struct kunit *test)
{
	struct tape *t = test->priv;
	unsigned long flags;

	mig_need_precopy(test, &t->d);
	mdev_migrate_precopy_poke(&t->d.mig);
	EXPECT_MOVED(&t->d, PRE_COPY);
	local_irq_save(flags);
	mdev_migrate_precopy_poke(&t->d.mig);
	local_irq_restore(flags);
	EXPECT_MOVED(&t->d, RUNNING);
	mdev_migrate_precopy_poke(&t->d.mig);
}

static struct kunit_case precopy_cases[] = {
	KUNIT_CASE(test_precopy),
	KUNIT_CASE(test_again),
	KUNIT_CASE(test_reinit_untold),
	KUNIT_CASE(test_reinit_told),
	KUNIT_CASE(test_reinit_missed),
	KUNIT_CASE(test_precopy_fails),
	KUNIT_CASE(test_without_info),
	KUNIT_CASE(test_poke),
	{}
};

static struct kunit_suite precopy_suite = {
	.name = "mdev_migrate_precopy",
	.init = tape_init,
	.exit = tape_exit,
	.test_cases = precopy_cases,
};

kunit_test_suite(precopy_suite);
