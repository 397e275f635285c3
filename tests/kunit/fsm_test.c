// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state machine with a model that only takes notes: which callbacks ran, in
 * which order, and what happens when one of them fails.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>

#include "foo_model.h"
#include "migration/migration.h"

FOO_PARAMS(params, foo_on_off);
FOO_MODEL(model, params);

#define TAG_STATE	0x1000

struct fake {
	struct mdev_migrate_device mdm;
	char calls[128];
	int stop_error;
	int save_error;
	int check_error;
	u8 state;
	u8 loaded;
	struct device dev;
};

static struct fake *to_fake(struct mdev_migrate_device *mdm)
{
	return container_of(mdm, struct fake, mdm);
}

static void note(struct mdev_migrate_device *mdm, const char *what)
{
	struct fake *f = to_fake(mdm);

	strlcat(f->calls, what, sizeof(f->calls));
	strlcat(f->calls, " ", sizeof(f->calls));
}

static int fake_open(struct mdev_migrate_device *mdm)
{
	static const struct mdev_migrate_pci_desc desc = { .vendor = 0x1af4 };

	return mdev_migrate_pci_init(mdm->pci, &desc);
}

static void fake_close(struct mdev_migrate_device *mdm)
{
	note(mdm, "close");
}

static void fake_reset(struct mdev_migrate_device *mdm)
{
	note(mdm, "reset");
}

static int fake_stop(struct mdev_migrate_device *mdm)
{
	note(mdm, "stop");
	return to_fake(mdm)->stop_error;
}

static void fake_start(struct mdev_migrate_device *mdm)
{
	note(mdm, "start");
}

static size_t fake_state_size(struct mdev_migrate_device *mdm)
{
	return sizeof(struct mdev_migrate_record_hdr) + 1;
}

static int fake_save(struct mdev_migrate_device *mdm,
		     struct mdev_migrate_writer *writer)
{
	struct fake *f = to_fake(mdm);

	note(mdm, "save");
	if (f->save_error)
		return f->save_error;
	return mdev_migrate_put(writer, TAG_STATE, 0, &f->state, 1);
}

static void *fake_load_begin(struct mdev_migrate_device *mdm)
{
	note(mdm, "begin");
	return &to_fake(mdm)->loaded;
}

static int fake_load_record(struct mdev_migrate_device *mdm, void *shadow,
			    const struct mdev_migrate_record *rec)
{
	note(mdm, "record");
	*(u8 *)shadow = *(u8 *)rec->data;
	return 0;
}

static int fake_load_check(struct mdev_migrate_device *mdm, void *shadow)
{
	note(mdm, "check");
	return to_fake(mdm)->check_error;
}

static void fake_load_commit(struct mdev_migrate_device *mdm, void *shadow)
{
	note(mdm, "commit");
	to_fake(mdm)->state = *(u8 *)shadow;
}

static void fake_load_end(struct mdev_migrate_device *mdm, void *shadow)
{
	note(mdm, "end");
}

static const struct mdev_migrate_record_type fake_records[] = {
	{ TAG_STATE, .max_length = 1, .required = true },
};

static const struct mdev_migrate_ops fake_ops = {
	.open = fake_open,
	.close = fake_close,
	.reset = fake_reset,
	.stop = fake_stop,
	.start = fake_start,
	.state_size = fake_state_size,
	.save = fake_save,
	.records = fake_records,
	.nr_records = ARRAY_SIZE(fake_records),
	.load_begin = fake_load_begin,
	.load_record = fake_load_record,
	.load_check = fake_load_check,
	.load_commit = fake_load_commit,
	.load_end = fake_load_end,
};

static struct mdev_migrate_driver fake_driver = {
	.name = "fake",
	.model = &model,
	.ops = &fake_ops,
};

static int fake_init(struct kunit *test)
{
	struct fake *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct mdev_migrate_device *mdm = &f->mdm;

	KUNIT_ASSERT_NOT_NULL(test, f);
	mdm->drv = &fake_driver;
	f->dev.init_name = "fake";
	mdm->vdev.dev = &f->dev;
	mdev_migrate_description_init(&mdm->desc, &f->dev, &model,
				      &foo_versions[1], NULL);
	mdm->vdev.migration_flags = VFIO_MIGRATION_STOP_COPY |
				    VFIO_MIGRATION_P2P |
				    VFIO_MIGRATION_PRE_COPY;
	mdm->pci = mdev_migrate_pci_create(&mdm_pci_ops, mdm);
	KUNIT_ASSERT_NOT_NULL(test, mdm->pci);
	KUNIT_ASSERT_EQ(test, mdm_migration_create(mdm), 0);
	mdm->memory = mdev_migrate_memory_create(&mdm->vdev);
	KUNIT_ASSERT_NOT_NULL(test, mdm->memory);
	KUNIT_ASSERT_EQ(test, mdev_migrate_memory_open(mdm->memory), 0);
	KUNIT_ASSERT_EQ(test, mdm_migration_open(mdm), 0);
	test->priv = f;
	return 0;
}

static void fake_exit(struct kunit *test)
{
	struct fake *f = test->priv;

	mdm_migration_close(&f->mdm);
	mdev_migrate_pci_close(f->mdm.pci);
	mdev_migrate_memory_close(f->mdm.memory);
	mdm_migration_destroy(&f->mdm);
	mdev_migrate_memory_destroy(f->mdm.memory);
	mdev_migrate_pci_destroy(f->mdm.pci);
}

static enum vfio_device_mig_state state_of(struct fake *f)
{
	enum vfio_device_mig_state state = VFIO_DEVICE_STATE_ERROR;

	mdm_migration_ops.migration_get_state(&f->mdm.vdev, &state);
	return state;
}

static struct file *move(struct fake *f, enum vfio_device_mig_state target)
{
	f->calls[0] = 0;
	return mdm_migration_ops.migration_set_state(&f->mdm.vdev, target);
}

static void expect_move(struct kunit *test, struct fake *f,
			enum vfio_device_mig_state target, const char *calls)
{
	struct file *filp = move(f, target);

	KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(filp), 0, "to %s",
			    mdm_migration_state_name(target));
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
			    mdm_migration_state_name(target));
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

	if (!(f->mdm.vdev.migration_flags & VFIO_MIGRATION_PRE_COPY))
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

static void test_save_fails(struct kunit *test)
{
	struct fake *f = test->priv;

	f->save_error = -ENOMEM;
	EXPECT_REFUSED(f, STOP_COPY, -ENOMEM, STOP);
	KUNIT_EXPECT_NULL(test, f->mdm.mig->session);
	EXPECT_MOVE(f, RUNNING, "start ");
}

static void test_precopy_save_fails(struct kunit *test)
{
	struct fake *f = test->priv;
	size_t left;

	need_precopy(test);
	f->save_error = -ENOMEM;
	EXPECT_MOVE(f, PRE_COPY, "");
	left = mdm_saving_left(f->mdm.mig->session);
	EXPECT_REFUSED(f, STOP_COPY, -ENOMEM, PRE_COPY_P2P);
	/* The head is still to be read, and no half of a state with it. */
	KUNIT_EXPECT_EQ(test, mdm_saving_left(f->mdm.mig->session), left);
	f->save_error = 0;
	EXPECT_MOVE(f, STOP_COPY, "save ");
	KUNIT_EXPECT_GT(test, mdm_saving_left(f->mdm.mig->session), left);
}

static void test_load_nothing(struct kunit *test)
{
	struct fake *f = test->priv;

	EXPECT_MOVE(f, RESUMING, "stop ");
	EXPECT_REFUSED(f, STOP, -ENODATA, RESUMING);
	KUNIT_EXPECT_STREQ(test, f->calls, "");
	mdm_migration_reset(&f->mdm);
	KUNIT_EXPECT_EQ(test, state_of(f), VFIO_DEVICE_STATE_RUNNING);
	KUNIT_EXPECT_STREQ(test, f->calls, "reset ");
}

static void *save_stream(struct kunit *test, struct fake *f, size_t *len)
{
	struct file *filp = move(f, VFIO_DEVICE_STATE_STOP_COPY);
	void *buf;

	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(filp));
	*len = mdm_saving_left(f->mdm.mig->session);
	KUNIT_EXPECT_EQ(test, *len, mdm_migration_stop_copy_bytes(&f->mdm));
	buf = kunit_kzalloc(test, *len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	memcpy(buf, ((struct mdev_migrate_writer *)
		     f->mdm.mig->session->saving)->buf, *len);
	fput(filp);
	return buf;
}

static int feed(struct fake *f, const void *buf, size_t len)
{
	struct mdm_reader *reader = (void *)f->mdm.mig->session->resuming;

	return mdm_reader_push(reader, buf, len);
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
	mdm_migration_reset(&f->mdm);
	KUNIT_EXPECT_STREQ(test, f->calls, "begin record end reset ");
	KUNIT_EXPECT_EQ(test, f->state, 1);
	KUNIT_EXPECT_NULL(test, f->mdm.mig->session);
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
		  "record 0x11 has a tag that is reserved for the stream itself and PCI" },
		{ { { MDEV_MIGRATE_TAG_START }, { 0x100 } },
		  "record 0x1 has a tag that is reserved for the stream itself and PCI" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mdev_migrate_ops ops = {
			.records = cases[i].records,
			.nr_records = 2,
		};
		const char *text = cases[i].why;
		struct mdev_migrate_msg why = {};

		KUNIT_EXPECT_EQ(test, mdm_records_check(&ops, &why),
				*text ? -EINVAL : 0);
		KUNIT_EXPECT_STREQ(test, why.text, text);
	}
}

/*
 * A device that is started by a user's page which does not come: who asks for
 * the size is answered while the state lock is held.
 */
static void test_size_without_state_lock(struct kunit *test)
{
	struct fake *f = test->priv;
	size_t size = mdm_migration_stop_copy_bytes(&f->mdm);

	KUNIT_EXPECT_LT(test, 0, size);
	mutex_lock(&f->mdm.mig->state_lock);
	KUNIT_EXPECT_EQ(test, mdm_migration_stop_copy_bytes(&f->mdm), size);
	mutex_unlock(&f->mdm.mig->state_lock);
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
	r->worker = mdev_migrate_worker_create(f->mdm.memory, "kunit");
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

static struct kunit_case fsm_cases[] = {
	KUNIT_CASE(test_paths),
	KUNIT_CASE(test_precopy_paths),
	KUNIT_CASE(test_blocked),
	KUNIT_CASE(test_stop_fails),
	KUNIT_CASE(test_precopy_stop_fails),
	KUNIT_CASE(test_save_fails),
	KUNIT_CASE(test_precopy_save_fails),
	KUNIT_CASE(test_load_nothing),
	KUNIT_CASE(test_load),
	KUNIT_CASE(test_reset_while_loading),
	KUNIT_CASE(test_records),
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
