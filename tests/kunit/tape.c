// SPDX-License-Identifier: GPL-2.0-only
/* A device whose state comes in chunks, and a reader of its data FD. */
#include <linux/slab.h>

#include "foo_model.h"
#include "tape.h"

FOO_PARAMS(params, foo_on_off);
FOO_MODEL(model, params);

static struct tape *to_tape(struct mdev_migrate_migration *mig)
{
	return container_of(mig, struct tape, d.mig);
}

static void enter(struct tape *t)
{
	if (atomic_inc_return(&t->inside) != 1)
		t->overlaps = true;
}

static void leave(struct tape *t, const char *what)
{
	strlcat(t->calls, what, sizeof(t->calls));
	atomic_dec(&t->inside);
}

static void tape_reset(struct mdev_migrate_migration *mig)
{
	enter(to_tape(mig));
	leave(to_tape(mig), "reset ");
}

static int tape_stop(struct mdev_migrate_migration *mig)
{
	struct tape *t = to_tape(mig);

	enter(t);
	if (t->stop_waits) {
		complete(&t->entered);
		wait_for_completion(&t->leave);
	}
	leave(t, "stop ");
	return 0;
}

static int tape_start(struct mdev_migrate_migration *mig)
{
	enter(to_tape(mig));
	leave(to_tape(mig), "start ");
	return 0;
}

static u64 tape_state_size(struct mdev_migrate_migration *mig)
{
	struct tape *t = to_tape(mig);

	return (u64)(READ_ONCE(t->nr) - READ_ONCE(t->pos)) * CHUNK_SIZE;
}

static int tape_save_begin(struct mdev_migrate_migration *mig)
{
	struct tape *t = to_tape(mig);

	if (t->begin_error)
		return t->begin_error;
	t->begins++;
	t->pos = 0;
	t->early_pos = 0;
	return 0;
}

static void tape_save_end(struct mdev_migrate_migration *mig)
{
	struct tape *t = to_tape(mig);

	t->ends++;
	WRITE_ONCE(t->pos, 0);
}

static int put_chunk(struct mdev_migrate_writer *writer, u32 tag, u8 seed)
{
	u8 data[RECORD_SIZE];
	int i, ret;

	for (i = 0; i < 3; i++) {
		memset(data, seed + i, sizeof(data));
		ret = mdev_migrate_put(writer, tag, 0, data, sizeof(data));
		if (ret)
			return ret;
	}
	return 0;
}

static int tape_save(struct mdev_migrate_migration *mig,
		     struct mdev_migrate_writer *writer)
{
	struct tape *t = to_tape(mig);
	int ret;

	enter(t);
	if (t->wait) {
		complete(&t->entered);
		wait_for_completion(&t->leave);
	}
	ret = t->lies ? 0 : put_chunk(writer, TAG_TAPE, t->pos);
	while (!ret && t->greedy)
		ret = put_chunk(writer, TAG_TAPE, t->pos);
	/* What was put before is taken back. */
	if (!ret && t->pos == t->fail_at)
		ret = t->error;
	if (ret && t->tells)
		mdev_migrate_refuse(&t->d.desc, ret, "the tape is torn");
	if (ret)
		WRITE_ONCE(t->pos, 0);
	else
		WRITE_ONCE(t->pos, t->pos + !t->lies);
	leave(t, "save ");
	return ret ?: t->pos < t->nr;
}

static int tape_precopy(struct mdev_migrate_migration *mig,
			struct mdev_migrate_writer *writer)
{
	struct tape *t = to_tape(mig);
	int ret = 0;

	enter(t);
	if (t->wait) {
		complete(&t->entered);
		wait_for_completion(&t->leave);
	}
	if (t->early_pos == t->early_fail_at) {
		ret = t->error;
	} else if (t->early_pos < t->early) {
		ret = put_chunk(writer, TAG_EARLY, t->early_pos++);
	} else if (t->dirty) {
		ret = put_chunk(writer, TAG_EARLY, 0x80);
		t->dirty--;
	}
	leave(t, "precopy ");
	return ret ?: t->early_pos < t->early || t->dirty;
}

static void tape_precopy_info(struct mdev_migrate_migration *mig,
			      struct mdev_migrate_precopy_info *info)
{
	struct tape *t = to_tape(mig);

	info->initial_bytes = (u64)(t->early - t->early_pos) * CHUNK_SIZE;
	info->dirty_bytes = (u64)t->dirty * CHUNK_SIZE;
	info->reinit = t->reinit;
	t->reinit = false;
}

static int tape_load_record(struct mdev_migrate_migration *mig, void *shadow,
			    const struct mdev_migrate_record *rec)
{
	return 0;
}

static int tape_load_commit(struct mdev_migrate_migration *mig, void *shadow)
{
	return 0;
}

static const struct mdev_migrate_record_type tape_records[] = {
	{ TAG_TAPE, .max_length = RECORD_SIZE, .repeated = true },
	{ TAG_EARLY, .max_length = RECORD_SIZE, .repeated = true },
};

#define TAPE_OPS							\
	.reset = tape_reset,						\
	.stop = tape_stop,						\
	.start = tape_start,						\
	.state_size = tape_state_size,					\
	.save_begin = tape_save_begin,					\
	.save = tape_save,						\
	.precopy = tape_precopy,					\
	.save_end = tape_save_end,					\
	.load_record = tape_load_record,				\
	.load_commit = tape_load_commit

static const struct mdev_migrate_migration_ops tape_ops = {
	TAPE_OPS,
	.precopy_info = tape_precopy_info,
};

/* It cannot say what it has still to put. */
const struct mdev_migrate_migration_ops tape_ops_without_info = {
	TAPE_OPS,
};

int tape_init(struct kunit *test)
{
	struct tape *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->nr = 20;
	t->fail_at = ~0U;
	t->early_fail_at = ~0U;
	init_completion(&t->entered);
	init_completion(&t->leave);
	mig_device_open(test, &t->d, &model, &tape_ops, tape_records,
			ARRAY_SIZE(tape_records));
	test->priv = t;
	return 0;
}

void tape_exit(struct kunit *test)
{
	struct tape *t = test->priv;

	mig_device_close(&t->d);
	KUNIT_EXPECT_EQ(test, t->begins, t->ends);
	KUNIT_EXPECT_FALSE(test, t->overlaps);
}

/* As read() does, with a buffer of @len bytes. */
ssize_t read_some(struct tape *t, void *buf, size_t len)
{
	struct mdm_session *session = t->d.mig.session;

	return session_read(session, buf, len, false);
}

/* All there is, @step bytes at a time. Returns how it ends. */
ssize_t read_all(struct tape *t, u8 *buf, size_t size, size_t step,
		 size_t *len)
{
	ssize_t n;

	while ((n = read_some(t, buf + *len, min(step, size - *len))) > 0)
		*len += n;
	return n;
}

void *new_buf(struct kunit *test, size_t size)
{
	void *buf = kunit_kzalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	return buf;
}

bool readable(struct tape *t)
{
	return mdm_saving_poll(t->d.mig.session) & EPOLLIN;
}

/* A destination takes what was read, and saves the same. */
void expect_loads(struct kunit *test, const u8 *buf, size_t len)
{
	struct tape *t = test->priv;

	EXPECT_MOVED(&t->d, RESUMING);
	KUNIT_EXPECT_EQ(test, session_write(t->d.mig.session, buf, len), 0);
	EXPECT_MOVED(&t->d, STOP);
}
