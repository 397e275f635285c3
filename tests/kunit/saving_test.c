// SPDX-License-Identifier: GPL-2.0-only
/* A state in chunks: what is lost, and what a chunk that takes long holds up. */
#include <linux/kthread.h>
#include <linux/mm.h>

#include "tape.h"

static size_t room_of(struct tape *t)
{
	return ((struct mdev_migrate_writer *)t->d.mig.session->saving)->size;
}

/*
 * Of any size of read() the bytes are the same, what is shown to be left falls with
 * every byte, and no more than a chunk is held.
 */
static void test_chunks(struct kunit *test)
{
	static const size_t steps[] = { 1, 7, 1000, 4096, STREAM_SIZE };
	u8 *first = new_buf(test, STREAM_SIZE), *buf = new_buf(test, STREAM_SIZE);
	size_t first_len = 0, len, i;
	struct tape *t = test->priv;
	ssize_t n = -EIO;
	u64 size;

	size = mdev_migrate_migration_stop_copy_bytes(&t->d.mig);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		EXPECT_MOVED(&t->d, STOP_COPY);
		KUNIT_EXPECT_EQ(test, t->pos, 1);
		for (len = 0; ; len += n) {
			KUNIT_EXPECT_TRUE(test, readable(t));
			if (mdev_migrate_migration_stop_copy_bytes(&t->d.mig) !=
			    size - len)
				break;
			n = read_some(t, buf + len, min(steps[i],
							STREAM_SIZE - len));
			if (n <= 0)
				break;
		}
		KUNIT_EXPECT_EQ(test, n, 0);
		KUNIT_EXPECT_EQ(test, len, size);
		KUNIT_EXPECT_LE(test, room_of(t), 2 * CHUNK_SIZE + SZ_1K);
		if (!i) {
			memcpy(first, buf, len);
			first_len = len;
		}
		KUNIT_EXPECT_EQ(test, memcmp(first, buf, first_len), 0);
		KUNIT_EXPECT_TRUE(test, readable(t));
		EXPECT_MOVED(&t->d, RUNNING);
	}
	expect_loads(test, first, first_len);
}

/* A state that is one chunk is there when STOP_COPY is, as it ever was. */
static void test_small(struct kunit *test)
{
	struct tape *t = test->priv;

	t->nr = 1;
	EXPECT_MOVED(&t->d, STOP_COPY);
	t->calls[0] = 0;
	KUNIT_EXPECT_EQ(test, mdm_saving_left(t->d.mig.session),
			mdev_migrate_migration_stop_copy_bytes(&t->d.mig));
	EXPECT_MOVED(&t->d, STOP);
	KUNIT_EXPECT_STREQ(test, t->calls, "");
}

/* Whatever step save() fails at: nothing of it comes, and there is a way out. */
static void test_save_fails(struct kunit *test)
{
	u8 *buf = new_buf(test, STREAM_SIZE);
	struct tape *t = test->priv;
	size_t len, whole = 0;
	unsigned int k;

	t->error = -EIO;
	for (k = 1; k < t->nr; k++) {
		t->fail_at = k;
		t->tells = k % 2;
		mdm_error_clear(&t->d.desc);
		EXPECT_MOVED(&t->d, STOP_COPY);
		len = 0;
		KUNIT_EXPECT_EQ(test, read_all(t, buf, STREAM_SIZE, 999, &len),
				-EIO);
		if (k > 1)
			KUNIT_EXPECT_EQ(test, len, whole + CHUNK_SIZE);
		whole = len;
		expect_error(test, &t->d, t->tells ? "the tape is torn" :
			     "the device state could not be saved");
		/* It was not made up for by trying again. */
		t->fail_at = ~0U;
		t->calls[0] = 0;
		KUNIT_EXPECT_EQ(test, read_some(t, buf, 1), -EIO);
		KUNIT_EXPECT_STREQ(test, t->calls, "");
		KUNIT_EXPECT_TRUE(test, readable(t));
		KUNIT_EXPECT_TRUE(test, mdm_saving_poll(t->d.mig.session) &
				  EPOLLERR);
		EXPECT_STATE(&t->d, STOP_COPY);
		if (k % 3)
			EXPECT_MOVED(&t->d, RUNNING);
		else
			mdev_migrate_migration_reset(&t->d.mig);
		EXPECT_STATE(&t->d, RUNNING);
	}
}

static void test_first_save_fails(struct kunit *test)
{
	struct tape *t = test->priv;

	t->error = -EIO;
	t->fail_at = 0;
	t->tells = true;
	EXPECT_NOT_MOVED(&t->d, STOP_COPY, -EIO);
	expect_error(test, &t->d, "the tape is torn");
	EXPECT_STATE(&t->d, STOP);
	t->fail_at = ~0U;
	EXPECT_MOVED(&t->d, STOP_COPY);
	EXPECT_MOVED(&t->d, RUNNING);
	t->begin_error = -EBUSY;
	EXPECT_NOT_MOVED(&t->d, STOP_COPY, -EBUSY);
	EXPECT_STATE(&t->d, STOP);
}

static void test_says_more(struct kunit *test)
{
	struct tape *t = test->priv;

	t->lies = true;
	EXPECT_NOT_MOVED(&t->d, STOP_COPY, -EIO);
	expect_error(test, &t->d, "and puts nothing");
}

static void test_puts_too_much(struct kunit *test)
{
	struct tape *t = test->priv;

	t->greedy = true;
	EXPECT_NOT_MOVED(&t->d, STOP_COPY, -ENOSPC);
	EXPECT_STATE(&t->d, STOP);
}

/* The longest record, and then what is left of the chunk, to the byte. */
static void test_room(struct kunit *test)
{
	const size_t hdr = sizeof(struct mdev_migrate_record_hdr);
	u8 *data = new_buf(test, MDEV_MIGRATE_RECORD_MAX);
	struct mdev_migrate_writer writer = {};
	size_t left;

	KUNIT_EXPECT_EQ(test, mdm_writer_begin(&writer), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_room(&writer),
			MDEV_MIGRATE_RECORD_MAX);
	KUNIT_EXPECT_EQ(test, mdev_migrate_put(&writer, TAG_TAPE,
					       MDEV_MIGRATE_RECORD_BULK, data,
					       MDEV_MIGRATE_RECORD_MAX), 0);
	left = MDEV_MIGRATE_CHUNK_MAX - MDEV_MIGRATE_RECORD_MAX - 2 * hdr;
	KUNIT_EXPECT_EQ(test, mdev_migrate_room(&writer), left);
	KUNIT_EXPECT_EQ(test, mdev_migrate_put(&writer, TAG_TAPE, 0, data,
					       left + 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, mdev_migrate_put_blob(&writer, TAG_TAPE, 0, ~0ULL,
						    0, data, left - 15),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, mdev_migrate_put_blob(&writer, TAG_TAPE, 0, ~0ULL,
						    0, data, left - 16), 0);
	KUNIT_EXPECT_EQ(test, writer.len, MDEV_MIGRATE_CHUNK_MAX);
	KUNIT_EXPECT_EQ(test, mdev_migrate_room(&writer), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_put(&writer, TAG_TAPE, 0, data, 0),
			-ENOSPC);
	KUNIT_EXPECT_LE(test, writer.size, MDM_BUFFER_SIZE);
	mdm_writer_end(&writer, 0);
	KUNIT_EXPECT_LE(test, writer.len, writer.size);
	kvfree(writer.buf);
}

static void test_bad_parts(struct kunit *test)
{
	struct mdev_migrate_writer writer = {};

	KUNIT_EXPECT_EQ(test, mdm_writer_begin(&writer), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_put_blob(&writer, TAG_TAPE, 0, 4, 5,
						    "x", 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, mdev_migrate_put_blob(&writer, TAG_TAPE, 0, 4, 3,
						    "xx", 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, mdev_migrate_put_blob(&writer, TAG_TAPE, 0, 4, 3,
						    "x", 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, writer.len, 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_put_blob(&writer, TAG_TAPE, 0, 0, 0,
						    "", 0), 0);
	kvfree(writer.buf);
}

/* A record that is gathered is the one that is put at once, and no longer. */
static void test_gathered(struct kunit *test)
{
	static const u8 data[] = "gathered from here and there";
	struct mdev_migrate_writer put = {}, gathered = {};
	const u32 flags = MDEV_MIGRATE_RECORD_BULK;
	u8 *to;

	KUNIT_EXPECT_EQ(test, mdm_writer_begin(&put), 0);
	KUNIT_EXPECT_EQ(test, mdm_writer_begin(&gathered), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_put(&put, TAG_TAPE, flags, data,
					       sizeof(data)), 0);
	to = mdev_migrate_reserve(&gathered, MDEV_MIGRATE_RECORD_MAX);
	KUNIT_ASSERT_FALSE(test, IS_ERR(to));
	memcpy(to, data, 9);
	memcpy(to + 9, data + 9, sizeof(data) - 9);
	KUNIT_EXPECT_EQ(test, gathered.len, 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_commit(&gathered, TAG_TAPE, flags,
						  MDEV_MIGRATE_RECORD_MAX + 1),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, mdev_migrate_commit(&gathered, TAG_TAPE, flags,
						  sizeof(data)), 0);
	KUNIT_ASSERT_EQ(test, gathered.len, put.len);
	KUNIT_EXPECT_EQ(test, memcmp(gathered.buf, put.buf, put.len), 0);
	/* Once, and not after something else was put. */
	KUNIT_EXPECT_EQ(test, mdev_migrate_commit(&gathered, TAG_TAPE, flags,
						  1), -EINVAL);
	to = mdev_migrate_reserve(&gathered, 1);
	KUNIT_ASSERT_FALSE(test, IS_ERR(to));
	KUNIT_EXPECT_EQ(test, mdev_migrate_put(&gathered, TAG_TAPE, 0, "", 0),
			0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_commit(&gathered, TAG_TAPE, 0, 1),
			-EINVAL);
	to = mdev_migrate_reserve(&gathered, mdev_migrate_room(&gathered));
	KUNIT_EXPECT_FALSE(test, IS_ERR(to));
	KUNIT_EXPECT_EQ(test, mdev_migrate_commit(&gathered, TAG_TAPE, 0,
						  mdev_migrate_room(&gathered)),
			0);
	to = mdev_migrate_reserve(&gathered, mdev_migrate_room(&gathered) + 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(to), -ENOSPC);
	/* In another call of save() there is no room for it, and other bytes are there. */
	KUNIT_EXPECT_EQ(test, mdm_writer_begin(&gathered), 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(mdev_migrate_reserve(&gathered, 100)));
	KUNIT_EXPECT_EQ(test, mdm_writer_begin(&gathered), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_commit(&gathered, TAG_TAPE, 0, 60),
			-EINVAL);
	kvfree(put.buf);
	kvfree(gathered.buf);
}

/**
 * struct other - another thread, which reads or moves the device
 * @t: the device
 * @target: where to; VFIO_DEVICE_STATE_NR: nowhere, read; _ERROR: reset
 * @ret: what came of it
 * @done: it has
 */
struct other {
	struct tape *t;
	enum vfio_device_mig_state target;
	ssize_t ret;
	struct completion done;
};

static int other_thread(void *data)
{
	struct other *o = data;
	u8 byte;

	if (o->target == VFIO_DEVICE_STATE_NR)
		o->ret = read_some(o->t, &byte, 1);
	else if (o->target == VFIO_DEVICE_STATE_ERROR)
		mdev_migrate_migration_reset(&o->t->d.mig);
	else
		o->ret = mig_move(&o->t->d, o->target);
	complete(&o->done);
	return 0;
}

static void run_other(struct kunit *test, struct other *o, struct tape *t,
		      enum vfio_device_mig_state target)
{
	struct task_struct *task;

	o->t = t;
	o->target = target;
	o->ret = 0;
	init_completion(&o->done);
	task = kthread_run(other_thread, o, "kunit-other");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
}

/* @target waits for the chunk that is being put, and then does not wait. */
static void expect_waits(struct kunit *test, struct tape *t,
			 enum vfio_device_mig_state target, const char *calls)
{
	struct mdm_session *session = t->d.mig.session;
	struct other reader, mover;
	u8 byte;

	/* All that is there is read, so that the next byte is a chunk's. */
	session_skip(session);
	kref_get(&session->ref);
	t->calls[0] = 0;
	t->wait = true;
	run_other(test, &reader, t, VFIO_DEVICE_STATE_NR);
	wait_for_completion(&t->entered);
	t->wait = false;
	run_other(test, &mover, t, target);
	KUNIT_EXPECT_EQ(test, 0UL, wait_for_completion_timeout(&mover.done,
							       HZ / 10));
	complete(&t->leave);
	KUNIT_EXPECT_NE(test, 0UL, wait_for_completion_timeout(&reader.done,
							       10 * HZ));
	KUNIT_EXPECT_NE(test, 0UL, wait_for_completion_timeout(&mover.done,
							       10 * HZ));
	KUNIT_EXPECT_EQ(test, mover.ret, 0);
	KUNIT_EXPECT_STREQ(test, t->calls, calls);
	if (!t->d.mig.session) {
		KUNIT_EXPECT_EQ(test, session_read(session, &byte, 1, false),
				-ENODEV);
		KUNIT_EXPECT_TRUE(test, mdm_saving_poll(session) & EPOLLHUP);
	}
	/* The mover has let go of it, if it had to; this is not the last one. */
	KUNIT_EXPECT_FALSE(test, kref_put(&session->ref, NULL));
}

static void test_reset_in_a_chunk(struct kunit *test)
{
	struct tape *t = test->priv;
	struct file *filp;

	filp = mdev_migrate_migration_set_state(&t->d.mig,
						VFIO_DEVICE_STATE_STOP_COPY);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(filp));
	expect_waits(test, t, VFIO_DEVICE_STATE_ERROR, "save reset ");
	EXPECT_STATE(&t->d, RUNNING);
	fput(filp);
}

static void test_arc_in_a_chunk(struct kunit *test)
{
	struct tape *t = test->priv;
	struct file *filp;

	filp = mdev_migrate_migration_set_state(&t->d.mig,
						VFIO_DEVICE_STATE_STOP_COPY);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(filp));
	expect_waits(test, t, VFIO_DEVICE_STATE_RUNNING, "save start ");
	fput(filp);
}

static void test_stop_in_a_chunk(struct kunit *test)
{
	struct tape *t = test->priv;
	struct file *filp;

	mig_need_precopy(test, &t->d);
	t->early = 10;
	filp = mdev_migrate_migration_set_state(&t->d.mig,
						VFIO_DEVICE_STATE_PRE_COPY);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(filp));
	expect_waits(test, t, VFIO_DEVICE_STATE_PRE_COPY_P2P, "precopy stop ");
	expect_waits(test, t, VFIO_DEVICE_STATE_PRE_COPY, "precopy start ");
	expect_waits(test, t, VFIO_DEVICE_STATE_STOP_COPY,
		     "precopy stop save ");
	fput(filp);
}

/*
 * A device that takes long to stop: who reads meanwhile gets what was put, and hears
 * when there is more. It is no end while the device has more.
 */
static void test_long_stop(struct kunit *test)
{
	struct vfio_precopy_info info = {};
	struct tape *t = test->priv;
	struct other mover;
	u8 byte;

	mig_need_precopy(test, &t->d);
	t->early = 11;
	EXPECT_MOVED(&t->d, PRE_COPY);
	session_skip(t->d.mig.session);
	KUNIT_EXPECT_EQ(test, read_some(t, &byte, 1), 1);
	t->stop_waits = true;
	run_other(test, &mover, t, VFIO_DEVICE_STATE_PRE_COPY_P2P);
	wait_for_completion(&t->entered);
	KUNIT_EXPECT_TRUE(test, readable(t));
	session_skip(t->d.mig.session);
	KUNIT_EXPECT_FALSE(test, readable(t));
	KUNIT_EXPECT_EQ(test, read_some(t, &byte, 1), -EAGAIN);
	mdev_migrate_precopy_poke(&t->d.mig);
	KUNIT_EXPECT_FALSE(test, readable(t));
	KUNIT_EXPECT_EQ(test, 0, mdm_saving_precopy_info(t->d.mig.session,
							 &info));
	KUNIT_EXPECT_EQ(test, info.initial_bytes, 10 * CHUNK_SIZE);
	KUNIT_EXPECT_EQ(test, t->early_pos, 1);
	complete(&t->leave);
	KUNIT_EXPECT_NE(test, 0UL, wait_for_completion_timeout(&mover.done,
							       10 * HZ));
	KUNIT_EXPECT_EQ(test, mover.ret, 0);
	KUNIT_EXPECT_TRUE(test, readable(t));
	KUNIT_EXPECT_EQ(test, read_some(t, &byte, 1), 1);
}

static struct kunit_case saving_cases[] = {
	KUNIT_CASE(test_chunks),
	KUNIT_CASE(test_small),
	KUNIT_CASE(test_save_fails),
	KUNIT_CASE(test_first_save_fails),
	KUNIT_CASE(test_says_more),
	KUNIT_CASE(test_puts_too_much),
	KUNIT_CASE(test_room),
	KUNIT_CASE(test_bad_parts),
	KUNIT_CASE(test_gathered),
	KUNIT_CASE(test_reset_in_a_chunk),
	KUNIT_CASE(test_arc_in_a_chunk),
	KUNIT_CASE(test_stop_in_a_chunk),
	KUNIT_CASE(test_long_stop),
	{}
};

static struct kunit_suite saving_suite = {
	.name = "mdev_migrate_saving",
	.init = tape_init,
	.exit = tape_exit,
	.test_cases = saving_cases,
};

kunit_test_suite(saving_suite);
