// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state machine of a device whose driver only takes notes: which callbacks ran,
 * in which order, and what happens when one of them fails. The driver uses
 * description, migration and memory, each by itself, without the frame.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mdev_migrate/memory.h>
#include <linux/slab.h>

#include "foo_model.h"
#include "session.h"

FOO_PARAMS(params, foo_on_off);
FOO_MODEL(model, params);

#define TAG_STATE	0x1000

struct fake {
	struct vfio_device vdev;
	struct mdev_migrate_description desc;
	struct mdev_migrate_migration mig;
	struct mdev_migrate_memory *memory;
	char calls[128];
	enum vfio_device_mig_state prepare_fails_from;
	int prepare_error;
	int stop_error;
	int start_error;
	const char *start_says;
	int save_error;
	int check_error;
	int commit_error;
	u8 state;
	u8 loaded;
	struct device dev;
};

static struct fake *to_fake(struct mdev_migrate_migration *mig)
{
	return container_of(mig, struct fake, mig);
}

static void note(struct mdev_migrate_migration *mig, const char *what)
{
	struct fake *f = to_fake(mig);

	strlcat(f->calls, what, sizeof(f->calls));
	strlcat(f->calls, " ", sizeof(f->calls));
}

static void fake_close(struct mdev_migrate_migration *mig)
{
	note(mig, "close");
}

static void fake_reset(struct mdev_migrate_migration *mig)
{
	note(mig, "reset");
}

static int fake_prepare(struct mdev_migrate_migration *mig,
			enum vfio_device_mig_state from,
			enum vfio_device_mig_state to)
{
	struct fake *f = to_fake(mig);

	if (f->prepare_fails_from != from)
		return 0;
	note(mig, mdev_migrate_state_name(to));
	return f->prepare_error;
}

static int fake_stop(struct mdev_migrate_migration *mig)
{
	note(mig, "stop");
	return to_fake(mig)->stop_error;
}

static int fake_start(struct mdev_migrate_migration *mig)
{
	note(mig, "start");
	if (to_fake(mig)->start_says)
		mdev_migrate_refuse(mig->desc, -EIO, "%s",
				    to_fake(mig)->start_says);
	return to_fake(mig)->start_error;
}

static u64 fake_state_size(struct mdev_migrate_migration *mig)
{
	return sizeof(struct mdev_migrate_record_hdr) + 1;
}

static int fake_save(struct mdev_migrate_migration *mig,
		     struct mdev_migrate_writer *writer)
{
	struct fake *f = to_fake(mig);

	note(mig, "save");
	if (f->save_error)
		return f->save_error;
	return mdev_migrate_put(writer, TAG_STATE, 0, &f->state, 1);
}

static void *fake_load_begin(struct mdev_migrate_migration *mig)
{
	note(mig, "begin");
	return &to_fake(mig)->loaded;
}

static int fake_load_record(struct mdev_migrate_migration *mig, void *shadow,
			    const struct mdev_migrate_record *rec)
{
	note(mig, "record");
	*(u8 *)shadow = *(u8 *)rec->data;
	return 0;
}

static int fake_load_check(struct mdev_migrate_migration *mig, void *shadow)
{
	note(mig, "check");
	return to_fake(mig)->check_error;
}

static int fake_load_commit(struct mdev_migrate_migration *mig, void *shadow)
{
	note(mig, "commit");
	to_fake(mig)->state = *(u8 *)shadow;
	return to_fake(mig)->commit_error;
}

static void fake_load_end(struct mdev_migrate_migration *mig, void *shadow)
{
	note(mig, "end");
}

static const struct mdev_migrate_description_ops fake_description_ops;

static const struct mdev_migrate_record_type fake_records[] = {
	{ TAG_STATE, .max_length = 1, .required = true },
};

static const struct mdev_migrate_migration_ops fake_ops = {
	.close = fake_close,
	.reset = fake_reset,
	.prepare = fake_prepare,
	.stop = fake_stop,
	.start = fake_start,
	.state_size = fake_state_size,
	.save = fake_save,
	.load_begin = fake_load_begin,
	.load_record = fake_load_record,
	.load_check = fake_load_check,
	.load_commit = fake_load_commit,
	.load_end = fake_load_end,
};

static int fake_init(struct kunit *test)
{
	struct fake *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->dev.init_name = "fake";
	f->vdev.dev = &f->dev;
	/* None. */
	f->prepare_fails_from = VFIO_DEVICE_STATE_NR;
	f->vdev.migration_flags = MDEV_MIGRATE_MIGRATION_FLAGS;
	mdev_migrate_description_init(&f->desc, &f->dev, &model,
				      &foo_versions[1], &fake_description_ops);
	KUNIT_ASSERT_EQ(test, 0,
			mdev_migrate_migration_init(&f->mig, &f->vdev, &f->desc,
						    &fake_ops, fake_records,
						    ARRAY_SIZE(fake_records)));
	f->memory = mdev_migrate_memory_create(&f->vdev);
	KUNIT_ASSERT_NOT_NULL(test, f->memory);
	KUNIT_ASSERT_EQ(test, mdev_migrate_memory_open(f->memory), 0);
	KUNIT_ASSERT_EQ(test, mdev_migrate_migration_open(&f->mig), 0);
	test->priv = f;
	return 0;
}

static void fake_exit(struct kunit *test)
{
	struct fake *f = test->priv;

	mdev_migrate_migration_close(&f->mig);
	mdev_migrate_memory_close(f->memory);
	mdev_migrate_migration_destroy(&f->mig);
	mdev_migrate_memory_destroy(f->memory);
	mdev_migrate_description_destroy(&f->desc);
}

static enum vfio_device_mig_state state_of(struct fake *f)
{
	enum vfio_device_mig_state state = VFIO_DEVICE_STATE_ERROR;

	mdev_migrate_migration_get_state(&f->mig, &state);
	return state;
}

static struct file *move(struct fake *f, enum vfio_device_mig_state target)
{
	f->calls[0] = 0;
	return mdev_migrate_migration_set_state(&f->mig, target);
}

static void expect_move(struct kunit *test, struct fake *f,
			enum vfio_device_mig_state target, const char *calls)
{
	struct file *filp = move(f, target);

	KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(filp), 0, "to %s",
			    mdev_migrate_state_name(target));
	if (!IS_ERR_OR_NULL(filp))
		fput(filp);
	KUNIT_EXPECT_STREQ(test, f->calls, calls);
	KUNIT_EXPECT_EQ(test, state_of(f), target);
}

static void expect_refused(struct kunit *test, struct fake *f,
			   enum vfio_device_mig_state target, int ret,
			   enum vfio_device_mig_state stays)
{
	struct file *filp = move(f, target);

	KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(filp), ret, "to %s",
			    mdev_migrate_state_name(target));
	KUNIT_EXPECT_EQ(test, state_of(f), stays);
}

#define EXPECT_MOVE(f, target, calls)					\
	expect_move(test, f, VFIO_DEVICE_STATE_##target, calls)
#define EXPECT_REFUSED(f, target, ret, stays)				\
	expect_refused(test, f, VFIO_DEVICE_STATE_##target, ret,	\
		       VFIO_DEVICE_STATE_##stays)

static void need_precopy(struct kunit *test)
{
	struct fake *f = test->priv;

	if (!(f->vdev.migration_flags & VFIO_MIGRATION_PRE_COPY))
		kunit_skip(test, "this kernel has no PRE_COPY");
}

/* Each arc does what its name says, and the model is stopped just once. */
static void test_paths(struct kunit *test)
{
	struct fake *f = test->priv;

	EXPECT_MOVE(f, RUNNING, "");
	EXPECT_MOVE(f, STOP, "stop ");
	EXPECT_MOVE(f, STOP_COPY, "save ");
	EXPECT_MOVE(f, RUNNING, "start ");
	EXPECT_MOVE(f, RUNNING_P2P, "stop ");
	EXPECT_MOVE(f, STOP, "");
	EXPECT_MOVE(f, RUNNING_P2P, "");
	EXPECT_MOVE(f, STOP_COPY, "save ");
	EXPECT_MOVE(f, RESUMING, "");
}

static void test_precopy_paths(struct kunit *test)
{
	struct fake *f = test->priv;

	need_precopy(test);
	EXPECT_MOVE(f, RUNNING_P2P, "stop ");
	EXPECT_MOVE(f, PRE_COPY_P2P, "");
	EXPECT_MOVE(f, PRE_COPY, "start ");
	EXPECT_MOVE(f, PRE_COPY_P2P, "stop ");
	EXPECT_MOVE(f, STOP_COPY, "save ");
	EXPECT_MOVE(f, RUNNING_P2P, "");
	EXPECT_MOVE(f, RUNNING, "start ");
	EXPECT_MOVE(f, PRE_COPY, "");
	EXPECT_MOVE(f, STOP_COPY, "stop save ");
	EXPECT_MOVE(f, RESUMING, "");
}

static void test_blocked(struct kunit *test)
{
	struct fake *f = test->priv;

	EXPECT_REFUSED(f, ERROR, -EINVAL, RUNNING);
	EXPECT_REFUSED(f, NR, -EINVAL, RUNNING);
	EXPECT_MOVE(f, STOP_COPY, "stop save ");
	EXPECT_REFUSED(f, PRE_COPY, -EINVAL, STOP_COPY);
	EXPECT_REFUSED(f, PRE_COPY_P2P, -EINVAL, STOP_COPY);
}

/* Before each step, which an error prevents with all that belongs to it. */
static void test_prepare_fails(struct kunit *test)
{
	struct mdev_migrate_msg why;
	struct fake *f = test->priv;

	f->prepare_error = -EIO;
	f->prepare_fails_from = VFIO_DEVICE_STATE_RUNNING;
	EXPECT_REFUSED(f, STOP_COPY, -EIO, RUNNING);
	KUNIT_EXPECT_STREQ(test, f->calls, "running_p2p ");
	mdm_error_get(&f->desc, &why);
	KUNIT_EXPECT_STREQ(test, why.text, "the device is not ready for the step");
	f->prepare_fails_from = VFIO_DEVICE_STATE_STOP;
	EXPECT_REFUSED(f, STOP_COPY, -EIO, STOP);
	KUNIT_EXPECT_STREQ(test, f->calls, "stop stop_copy ");
	KUNIT_EXPECT_NULL(test, f->mig.session);
	EXPECT_REFUSED(f, RESUMING, -EIO, STOP);
	f->prepare_error = 0;
	EXPECT_MOVE(f, STOP_COPY, "stop_copy save ");
	f->prepare_error = -EIO;
	f->prepare_fails_from = VFIO_DEVICE_STATE_STOP_COPY;
	EXPECT_REFUSED(f, STOP, -EIO, STOP_COPY);
	KUNIT_EXPECT_NOT_NULL(test, f->mig.session);
	mdev_migrate_migration_reset(&f->mig);
	KUNIT_EXPECT_EQ(test, state_of(f), VFIO_DEVICE_STATE_RUNNING);
}

static void test_stop_fails(struct kunit *test)
{
	struct fake *f = test->priv;

	f->stop_error = -EIO;
	EXPECT_REFUSED(f, STOP_COPY, -EIO, RUNNING);
	KUNIT_EXPECT_STREQ(test, f->calls, "stop ");
	f->stop_error = 0;
	EXPECT_MOVE(f, STOP_COPY, "stop save ");
}

static void test_precopy_stop_fails(struct kunit *test)
{
	struct fake *f = test->priv;

	need_precopy(test);
	f->stop_error = -EIO;
	EXPECT_MOVE(f, PRE_COPY, "");
	EXPECT_REFUSED(f, STOP_COPY, -EIO, PRE_COPY);
	f->stop_error = 0;
	EXPECT_MOVE(f, STOP_COPY, "stop save ");
}

/* It stays stopped, and can be asked again. */
static void test_start_fails(struct kunit *test)
{
	struct fake *f = test->priv;

	EXPECT_MOVE(f, STOP, "stop ");
	f->start_error = -EIO;
	EXPECT_REFUSED(f, RUNNING, -EIO, RUNNING_P2P);
	KUNIT_EXPECT_STREQ(test, f->calls, "start ");
	KUNIT_EXPECT_STREQ(test, f->desc.last_error.text,
			   "the device could not be started");
	EXPECT_REFUSED(f, RUNNING, -EIO, RUNNING_P2P);
	f->start_error = 0;
	EXPECT_MOVE(f, RUNNING, "start ");
}

/* What the driver says itself is not replaced, the second time neither. */
static void test_driver_says_why(struct kunit *test)
{
	struct fake *f = test->priv;
	unsigned int i;

	EXPECT_MOVE(f, STOP, "stop ");
	f->start_error = -EIO;
	f->start_says = "start: no";
	for (i = 0; i < 2; i++) {
		EXPECT_REFUSED(f, RUNNING, -EIO, RUNNING_P2P);
		KUNIT_EXPECT_STREQ(test, f->desc.last_error.text, "start: no");
	}
	f->start_says = NULL;
	EXPECT_REFUSED(f, RUNNING, -EIO, RUNNING_P2P);
	KUNIT_EXPECT_STREQ(test, f->desc.last_error.text,
			   "the device could not be started");
}

static void test_precopy_start_fails(struct kunit *test)
{
	struct fake *f = test->priv;

	need_precopy(test);
	EXPECT_MOVE(f, PRE_COPY_P2P, "stop ");
	f->start_error = -EIO;
	EXPECT_REFUSED(f, PRE_COPY, -EIO, PRE_COPY_P2P);
	KUNIT_EXPECT_NOT_NULL(test, f->mig.session);
	EXPECT_REFUSED(f, RUNNING, -EIO, RUNNING_P2P);
	KUNIT_EXPECT_NULL(test, f->mig.session);
	f->start_error = 0;
	EXPECT_MOVE(f, RUNNING, "start ");
}

static void test_save_fails(struct kunit *test)
{
	struct fake *f = test->priv;

	f->save_error = -ENOMEM;
	EXPECT_REFUSED(f, STOP_COPY, -ENOMEM, STOP);
	KUNIT_EXPECT_NULL(test, f->mig.session);
	EXPECT_MOVE(f, RUNNING, "start ");
}

static void test_precopy_save_fails(struct kunit *test)
{
	struct fake *f = test->priv;
	size_t left;

	need_precopy(test);
	f->save_error = -ENOMEM;
	EXPECT_MOVE(f, PRE_COPY, "");
	left = mdm_saving_left(f->mig.session);
	EXPECT_REFUSED(f, STOP_COPY, -ENOMEM, PRE_COPY_P2P);
	/* The head is still to be read, and no half of a state with it. */
	KUNIT_EXPECT_EQ(test, mdm_saving_left(f->mig.session), left);
	f->save_error = 0;
	EXPECT_MOVE(f, STOP_COPY, "save ");
	KUNIT_EXPECT_GT(test, mdm_saving_left(f->mig.session), left);
}

static void test_load_nothing(struct kunit *test)
{
	struct fake *f = test->priv;

	EXPECT_MOVE(f, RESUMING, "stop ");
	EXPECT_REFUSED(f, STOP, -ENODATA, RESUMING);
	KUNIT_EXPECT_STREQ(test, f->calls, "");
	mdev_migrate_migration_reset(&f->mig);
	KUNIT_EXPECT_EQ(test, state_of(f), VFIO_DEVICE_STATE_RUNNING);
	KUNIT_EXPECT_STREQ(test, f->calls, "reset ");
}

static void *save_stream(struct kunit *test, struct fake *f, size_t *len)
{
	struct file *filp = move(f, VFIO_DEVICE_STATE_STOP_COPY);
	void *buf;

	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(filp));
	*len = mdm_saving_left(f->mig.session);
	KUNIT_EXPECT_EQ(test, *len, mdev_migrate_migration_stop_copy_bytes(&f->mig));
	buf = kunit_kzalloc(test, *len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_EXPECT_EQ(test, *len, session_read(f->mig.session, buf, *len,
						 false));
	fput(filp);
	return buf;
}

static int feed(struct fake *f, const void *buf, size_t len)
{
	return session_write(f->mig.session, buf, len);
}

static void test_load(struct kunit *test)
{
	struct fake *f = test->priv;
	size_t len;
	void *buf;

	f->state = 7;
	buf = save_stream(test, f, &len);
	f->state = 0;
	EXPECT_MOVE(f, RESUMING, "");
	f->calls[0] = 0;
	KUNIT_EXPECT_EQ(test, feed(f, buf, len), 0);
	KUNIT_EXPECT_STREQ(test, f->calls, "begin record ");
	KUNIT_EXPECT_EQ(test, f->state, 0);

	f->check_error = -EINVAL;
	EXPECT_REFUSED(f, STOP, -EINVAL, RESUMING);
	KUNIT_EXPECT_STREQ(test, f->calls, "check ");
	KUNIT_EXPECT_EQ(test, f->state, 0);
	f->check_error = 0;
	EXPECT_MOVE(f, RUNNING, "check commit end start ");
	KUNIT_EXPECT_EQ(test, f->state, 7);
}

static void test_reset_while_loading(struct kunit *test)
{
	struct fake *f = test->priv;
	size_t len;
	void *buf;

	f->state = 7;
	buf = save_stream(test, f, &len);
	EXPECT_MOVE(f, RESUMING, "");
	f->calls[0] = 0;
	KUNIT_EXPECT_EQ(test, feed(f, buf, len), 0);
	f->state = 1;
	mdev_migrate_migration_reset(&f->mig);
	KUNIT_EXPECT_STREQ(test, f->calls, "begin record end reset ");
	KUNIT_EXPECT_EQ(test, f->state, 1);
	KUNIT_EXPECT_NULL(test, f->mig.session);
}

/* A model's records that cannot be told from each other, or from the helper's. */
static void test_records(struct kunit *test)
{
	static const struct {
		struct mdev_migrate_record_type records[2];
		const char *why;
	} cases[] = {
		{ { { 0x100 }, { 0x101 } }, "" },
		{ { { 0x100, MDEV_MIGRATE_RECORD_MAX }, { ~0U } }, "" },
		{ { { 0x1000 }, { 0x1000 } },
		  "record 0x1000 has a tag that another one has" },
		{ { { 0x100, MDEV_MIGRATE_RECORD_MAX + 1 }, { 0x101 } },
		  "record 0x100 has a length that no record can have" },
		{ { { 0x100 }, { MDEV_MIGRATE_TAG_PCI_MSIX } },
		  "record PCI_MSIX has a tag that is reserved for the stream itself and PCI" },
		{ { { 0x100, 17, .in_place = true, .head = 16 }, { 0x101 } },
		  "record 0x100 has a head, and there is no load_room()" },
		{ { { 0x100, 16, .in_place = true, .head = 16 }, { 0x101 } },
		  "record 0x100 has a head that leaves nothing behind it" },
		{ { { 0x100, 17, .head = 16 }, { 0x101 } },
		  "record 0x100 has a head, but is not loaded in place as a whole" },
		{ { { MDEV_MIGRATE_TAG_START }, { 0x100 } },
		  "record START has a tag that is reserved for the stream itself and PCI" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *text = cases[i].why;
		struct mdev_migrate_msg why = {};
		int ret;

		ret = mdm_records_check(cases[i].records, 2, false, false, &why);
		KUNIT_EXPECT_EQ(test, ret, *text ? -EINVAL : 0);
		KUNIT_EXPECT_STREQ(test, why.text, text);
	}
}

/* A driver without the frame is told likewise; a PCI function's records are its affair. */
static void test_records_of_a_driver(struct kunit *test)
{
	static const struct {
		struct mdev_migrate_record_type records[2];
		int ret;
	} cases[] = {
		{ { { 0x100, 1 }, { MDEV_MIGRATE_TAG_PCI_CONFIG, 256 } }, 0 },
		{ { { MDEV_MIGRATE_TAG_PCI_MSIX, 1 },
		    { MDEV_MIGRATE_TAG_PCI_LAYOUT, 1 } }, 0 },
		{ { { 0x100, 1 }, { 0x100, 1 } }, -EINVAL },
		{ { { MDEV_MIGRATE_TAG_PCI_MSIX, 1 },
		    { MDEV_MIGRATE_TAG_PCI_MSIX, 1 } }, -EINVAL },
		{ { { 0x100, 1 }, { MDEV_MIGRATE_TAG_END, 8 } }, -EINVAL },
		{ { { 0x100, 1 }, { MDEV_MIGRATE_TAG_MODELS - 1, 8 } }, -EINVAL },
		{ { { 0x100, MDEV_MIGRATE_RECORD_MAX + 1 }, { 0x101, 1 } },
		  -EINVAL },
		{ { { 0x100, 1 }, { 0x101, 17, .blob = true } }, -EINVAL },
	};
	struct mdev_migrate_migration *mig;
	struct fake *f = test->priv;
	unsigned int i;
	int ret;

	mig = kunit_kzalloc(test, sizeof(*mig), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mig);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ret = mdev_migrate_migration_init(mig, &f->vdev, &f->desc,
						  &fake_ops, cases[i].records,
						  2);
		KUNIT_EXPECT_EQ_MSG(test, ret, cases[i].ret, "case %u", i);
		if (!ret)
			mdev_migrate_migration_destroy(mig);
	}
}

/*
 * A device that is started by a user's page which does not come: who asks for
 * the size is answered while the state lock is held.
 */
static void test_size_without_state_lock(struct kunit *test)
{
	struct fake *f = test->priv;
	size_t size = mdev_migrate_migration_stop_copy_bytes(&f->mig);

	KUNIT_EXPECT_LT(test, 0, size);
	mutex_lock(&f->mig.state_lock);
	KUNIT_EXPECT_EQ(test, mdev_migrate_migration_stop_copy_bytes(&f->mig), size);
	mutex_unlock(&f->mig.state_lock);
}

/**
 * struct retry - work that is tried again, as what a guest's memory is needed for
 * @worker: who does it
 * @work: it
 * @done: how often it was done
 */
struct retry {
	struct mdev_migrate_worker *worker;
	struct kthread_delayed_work work;
	unsigned int done;
};

static void retry_later(struct kthread_work *work)
{
	struct retry *r = container_of(work, struct retry, work.work);

	r->done++;
	mdev_migrate_worker_queue_delayed(r->worker, &r->work, HZ / 20 ?: 1);
}

/* A model closes its device and has forgotten what is still to be done. */
static void test_worker_with_delayed_work(struct kunit *test)
{
	struct fake *f = test->priv;
	struct retry *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	unsigned int done;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->worker = mdev_migrate_worker_create(f->memory, "kunit");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r->worker);
	kthread_init_delayed_work(&r->work, retry_later);
	mdev_migrate_worker_queue_delayed(r->worker, &r->work, 0);
	msleep(20);
	mdev_migrate_worker_destroy(r->worker);
	done = r->done;
	KUNIT_EXPECT_LT(test, 0U, done);
	msleep(200);
	KUNIT_EXPECT_EQ(test, r->done, done);
}

/* Each state has a name, and nothing else has. */
static void test_names(struct kunit *test)
{
	unsigned int i, k;

	for (i = 0; i < VFIO_DEVICE_STATE_NR; i++) {
		KUNIT_ASSERT_NOT_NULL(test, mdev_migrate_state_name(i));
		for (k = 0; k < i; k++)
			KUNIT_EXPECT_NE(test, 0,
					strcmp(mdev_migrate_state_name(i),
					       mdev_migrate_state_name(k)));
	}
	KUNIT_EXPECT_STREQ(test, mdev_migrate_state_name(i), "unknown");
}

static struct kunit_case fsm_cases[] = {
	KUNIT_CASE(test_names),
	KUNIT_CASE(test_paths),
	KUNIT_CASE(test_precopy_paths),
	KUNIT_CASE(test_blocked),
	KUNIT_CASE(test_prepare_fails),
	KUNIT_CASE(test_stop_fails),
	KUNIT_CASE(test_precopy_stop_fails),
	KUNIT_CASE(test_start_fails),
	KUNIT_CASE(test_driver_says_why),
	KUNIT_CASE(test_precopy_start_fails),
	KUNIT_CASE(test_save_fails),
	KUNIT_CASE(test_precopy_save_fails),
	KUNIT_CASE(test_load_nothing),
	KUNIT_CASE(test_load),
	KUNIT_CASE(test_reset_while_loading),
	KUNIT_CASE(test_records),
	KUNIT_CASE(test_records_of_a_driver),
	KUNIT_CASE(test_size_without_state_lock),
	KUNIT_CASE(test_worker_with_delayed_work),
	{}
};

static struct kunit_suite fsm_suite = {
	.name = "mdev_migrate_fsm",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = fsm_cases,
};

kunit_test_suite(fsm_suite);
