/* SPDX-License-Identifier: GPL-2.0-only */
/* A device that has nothing but a description and a migration. */
#ifndef KUNIT_DEVICE_H
#define KUNIT_DEVICE_H

#include <kunit/test.h>
#include <linux/file.h>
#include <linux/fs.h>

#include "session.h"

/**
 * struct mig_device - a device whose migration is tested
 * @vdev: what the VFIO core would see
 * @desc: what it is
 * @mig: its migration
 * @dev: where it says what it refuses
 */
struct mig_device {
	struct vfio_device vdev;
	struct mdev_migrate_description desc;
	struct mdev_migrate_migration mig;
	struct device dev;
};

static inline void
mig_device_open(struct kunit *test, struct mig_device *d,
		const struct mdev_migrate_model *model,
		const struct mdev_migrate_migration_ops *ops,
		const struct mdev_migrate_record_type *records, unsigned int nr)
{
	static const struct mdev_migrate_description_ops none;

	d->dev.init_name = "device";
	d->vdev.dev = &d->dev;
	d->vdev.migration_flags = MDEV_MIGRATE_MIGRATION_FLAGS;
	mdev_migrate_description_init(&d->desc, &d->dev, model,
				      &model->versions[0], &none);
	KUNIT_ASSERT_EQ(test, 0,
			mdev_migrate_migration_init(&d->mig, &d->vdev, &d->desc,
						    ops, records, nr));
	KUNIT_ASSERT_EQ(test, mdev_migrate_migration_open(&d->mig), 0);
}

static inline void mig_device_close(struct mig_device *d)
{
	mdev_migrate_migration_close(&d->mig);
	mdev_migrate_migration_destroy(&d->mig);
	mdev_migrate_description_destroy(&d->desc);
}

/* The file is not needed: the session is the device's as well. */
static inline int mig_move(struct mig_device *d,
			   enum vfio_device_mig_state target)
{
	struct file *filp = mdev_migrate_migration_set_state(&d->mig, target);

	if (!IS_ERR_OR_NULL(filp))
		fput(filp);
	return PTR_ERR_OR_ZERO(filp);
}

static inline enum vfio_device_mig_state mig_state(struct mig_device *d)
{
	enum vfio_device_mig_state state = VFIO_DEVICE_STATE_NR;

	mdev_migrate_migration_get_state(&d->mig, &state);
	return state;
}

#define EXPECT_MOVED(d, target)						\
	KUNIT_EXPECT_EQ(test, mig_move(d, VFIO_DEVICE_STATE_##target), 0)
#define EXPECT_NOT_MOVED(d, target, ret)				\
	KUNIT_EXPECT_EQ(test, mig_move(d, VFIO_DEVICE_STATE_##target), ret)
#define EXPECT_STATE(d, state)						\
	KUNIT_EXPECT_EQ(test, (int)mig_state(d), VFIO_DEVICE_STATE_##state)

/* Does migration/last_error say this? */
static inline void expect_error(struct kunit *test, struct mig_device *d,
				const char *text)
{
	struct mdev_migrate_msg msg;

	mdm_error_get(&d->desc, &msg);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(msg.text, text), "\"%s\"",
				  msg.text);
}

static inline void mig_need_precopy(struct kunit *test, struct mig_device *d)
{
	if (!(d->vdev.migration_flags & VFIO_MIGRATION_PRE_COPY))
		kunit_skip(test, "this kernel has no PRE_COPY");
}

#endif /* KUNIT_DEVICE_H */
