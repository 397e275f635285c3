// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the frame passes on to a model that has every callback, and does for one that has
 * those it must have. Part of frame_test.c.
 */

/**
 * struct full - a device with every callback
 * @f: the device
 * @calls: what was called
 * @begin_error: save_begin() fails with this
 * @initial: what precopy_info() says
 * @shadow: what load_begin() gives
 */
struct full {
	struct framed f;
	char calls[128];
	int begin_error;
	u64 initial;
	char shadow;
};

static struct full *to_full(struct mdev_migrate_device *mdm)
{
	return container_of(to_framed(mdm), struct full, f);
}

static void note(struct mdev_migrate_device *mdm, const char *what)
{
	strlcat(to_full(mdm)->calls, what, sizeof(to_full(mdm)->calls));
}

static int full_bar_mmap(struct mdev_migrate_device *mdm, unsigned int bar,
			 u64 offset, struct vm_area_struct *vma)
{
	note(mdm, "mmap ");
	return bar == 2 && offset == SZ_4K && !vma ? -EPERM : -EILSEQ;
}

static void full_command(struct mdev_migrate_device *mdm, u16 old, u16 new)
{
	note(mdm, !old && new == PCI_COMMAND_MASTER ? "command " : "wrong ");
}

static void full_cfg_read(struct mdev_migrate_device *mdm, unsigned int offset,
			  unsigned int len)
{
	note(mdm, offset == PCI_COMMAND && len == 2 ? "read " : "wrong ");
}

static void full_cfg_write(struct mdev_migrate_device *mdm, unsigned int offset,
			   unsigned int len)
{
	note(mdm, offset == PCI_COMMAND && len == 2 ? "write " : "wrong ");
}

static int full_save_begin(struct mdev_migrate_device *mdm)
{
	note(mdm, "save_begin ");
	return to_full(mdm)->begin_error;
}

static void full_save_end(struct mdev_migrate_device *mdm)
{
	note(mdm, "save_end ");
	framed_save_end(mdm);
}

static void full_precopy_info(struct mdev_migrate_device *mdm,
			      struct mdev_migrate_precopy_info *info)
{
	info->initial_bytes = to_full(mdm)->initial;
	info->dirty_bytes = 7;
}

static void *full_load_begin(struct mdev_migrate_device *mdm)
{
	note(mdm, "load_begin ");
	return &to_full(mdm)->shadow;
}

static int full_load_record(struct mdev_migrate_device *mdm, void *shadow,
			    const struct mdev_migrate_record *rec)
{
	return shadow == &to_full(mdm)->shadow ? 0 : -EILSEQ;
}

static int full_load_check(struct mdev_migrate_device *mdm, void *shadow)
{
	note(mdm, "load_check ");
	return shadow == &to_full(mdm)->shadow ? 0 : -EILSEQ;
}

static int full_load_commit(struct mdev_migrate_device *mdm, void *shadow)
{
	note(mdm, "load_commit ");
	return shadow == &to_full(mdm)->shadow ? 0 : -EILSEQ;
}

static void full_load_end(struct mdev_migrate_device *mdm, void *shadow)
{
	note(mdm, shadow == &to_full(mdm)->shadow ? "load_end " : "wrong ");
}

static const struct mdev_migrate_ops full_ops = {
	FRAMED_ALL,
	.bar_mmap = full_bar_mmap,
	.pci_command = full_command,
	.cfg_read = full_cfg_read,
	.cfg_write = full_cfg_write,
	.precopy = framed_precopy,
	.precopy_info = full_precopy_info,
	.save_begin = full_save_begin,
	.save_end = full_save_end,
	.load_begin = full_load_begin,
	.load_record = full_load_record,
	.load_check = full_load_check,
	.load_commit = full_load_commit,
	.load_end = full_load_end,
};

static struct mdev_migrate_driver full_driver = { .ops = &full_ops };

static int full_init(struct kunit *test)
{
	struct full *full = kunit_kzalloc(test, sizeof(*full), GFP_KERNEL);

	if (framed_init(test))
		return -ENOMEM;
	KUNIT_ASSERT_NOT_NULL(test, full);
	full->f = *(struct framed *)test->priv;
	test->priv = full;
	return 0;
}

static void full_pci(struct kunit *test)
{
	struct full *full = test->priv;
	struct mdev_migrate_device *mdm = &full->f.mdm;

	frame_begin(test, &full->f, &full_driver);
	KUNIT_EXPECT_EQ(test, mdm_pci_ops.bar_mmap(mdm, 2, SZ_4K, NULL),
			-EPERM);
	mdm_pci_cfg_write(mdm->pci, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_EQ(test, mdm_pci_cfg_read(mdm->pci, PCI_COMMAND, 2),
			PCI_COMMAND_MASTER);
	KUNIT_EXPECT_STREQ(test, full->calls, "mmap command write read ");
	frame_end(&full->f);
}

/* The same without. */
static void plain_pci(struct kunit *test)
{
	struct full *full = test->priv;
	struct mdev_migrate_device *mdm = &full->f.mdm;

	frame_begin(test, &full->f, &plain_driver);
	KUNIT_EXPECT_EQ(test, mdm_pci_ops.bar_mmap(mdm, 2, SZ_4K, NULL),
			-EINVAL);
	mdm_pci_cfg_write(mdm->pci, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_EQ(test, mdm_pci_cfg_read(mdm->pci, PCI_COMMAND, 2),
			PCI_COMMAND_MASTER);
	KUNIT_EXPECT_STREQ(test, full->calls, "");
	frame_end(&full->f);
}

static void full_saves_and_loads(struct kunit *test)
{
	struct full *full = test->priv;
	struct framed *f = &full->f;
	u8 *buf = frame_buf(test);
	size_t len;

	frame_begin(test, f, &full_driver);
	full->begin_error = -EBUSY;
	KUNIT_EXPECT_EQ(test, frame_move(f, VFIO_DEVICE_STATE_STOP_COPY),
			-EBUSY);
	/* What has not begun does not end. */
	KUNIT_EXPECT_STREQ(test, full->calls, "save_begin ");
	full->begin_error = 0;
	KUNIT_EXPECT_EQ(test, frame_move(f, VFIO_DEVICE_STATE_STOP_COPY), 0);
	len = frame_read(test, f, buf, 0);
	KUNIT_EXPECT_EQ(test, frame_move(f, VFIO_DEVICE_STATE_STOP), 0);
	KUNIT_EXPECT_STREQ(test, full->calls,
			   "save_begin save_begin save_end ");
	full->calls[0] = 0;
	KUNIT_EXPECT_EQ(test, frame_move(f, VFIO_DEVICE_STATE_RESUMING), 0);
	KUNIT_EXPECT_EQ(test, session_write(f->mdm.mig.session, buf, len),
			0);
	KUNIT_EXPECT_STREQ(test, full->calls, "load_begin ");
	KUNIT_EXPECT_EQ(test, frame_move(f, VFIO_DEVICE_STATE_RUNNING), 0);
	KUNIT_EXPECT_STREQ(test, full->calls,
			   "load_begin load_check load_commit load_end ");
	frame_end(f);
}

/* What the frame puts in advance it has announced. */
static void full_announces(struct kunit *test)
{
	struct full *full = test->priv;
	struct framed *f = &full->f;
	struct vfio_precopy_info info = {};
	u8 *buf = frame_buf(test);
	size_t len;

	if (!VFIO_MIGRATION_PRE_COPY)
		kunit_skip(test, "this kernel has no PRE_COPY");
	frame_begin(test, f, &full_driver);
	KUNIT_EXPECT_EQ(test, frame_move(f, VFIO_DEVICE_STATE_PRE_COPY), 0);
	full->initial = 100;
	KUNIT_EXPECT_EQ(test, mdm_saving_precopy_info(f->mdm.mig.session,
						      &info), 0);
	KUNIT_EXPECT_EQ(test, info.dirty_bytes, 7);
	len = frame_read(test, f, buf, 0);
	KUNIT_EXPECT_EQ(test, info.initial_bytes, len + 100);
	full->initial = 0;
	KUNIT_EXPECT_EQ(test, mdm_saving_precopy_info(f->mdm.mig.session,
						      &info), 0);
	KUNIT_EXPECT_EQ(test, info.initial_bytes, 0);
	frame_end(f);
}

static struct kunit_case full_cases[] = {
	KUNIT_CASE(full_pci),
	KUNIT_CASE(plain_pci),
	KUNIT_CASE(full_saves_and_loads),
	KUNIT_CASE(full_announces),
	{}
};

static struct kunit_suite full_suite = {
	.name = "mdev_migrate_frame_ops",
	.init = full_init,
	.test_cases = full_cases,
};

kunit_test_suite(full_suite);
