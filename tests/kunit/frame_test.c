// SPDX-License-Identifier: GPL-2.0-only
/* What the frame adds to the stream of a model that has pre-copy, and of one that has none. */
#include <kunit/test.h>
#include <linux/slab.h>

#include "frame/pci.c"
#include "frame/layout.c"
#include "frame/migration.c"

#include "pci/pci.h"
#include "device.h"
#include "foo_model.h"

FOO_PARAMS(params, foo_on_off);
FOO_MODEL(model, params);

#define TAG_STATE	0x1000
#define TAG_EARLY	0x1001
#define STREAM_SIZE	4096

/**
 * struct framed - a device
 * @mdm: what the frame has of it
 * @dev: where it says what it refuses
 * @pci: its function
 * @cap: a capability of its own
 * @early: records that pre-copy has still to put
 * @saved: records of its state, of two, that were put
 * @save_error: save() fails with this
 */
struct framed {
	struct mdev_migrate_device mdm;
	struct device dev;
	struct mdev_migrate_pci_desc pci;
	u8 cap;
	unsigned int early;
	unsigned int saved;
	int save_error;
};

static struct framed *to_framed(struct mdev_migrate_device *mdm)
{
	return container_of(mdm, struct framed, mdm);
}

static int framed_open(struct mdev_migrate_device *mdm)
{
	static const u8 body[6] = { 8 };
	struct framed *f = to_framed(mdm);
	int pos;

	if (mdev_migrate_pci_init(mdm->pci, &f->pci))
		return -EINVAL;
	pos = mdev_migrate_pci_add_cap(mdm->pci, f->cap, body, NULL,
				       sizeof(body));
	return min(pos, 0);
}

static void framed_close(struct mdev_migrate_device *mdm)
{
}

static void framed_reset(struct mdev_migrate_device *mdm)
{
}

static int framed_stop(struct mdev_migrate_device *mdm)
{
	return 0;
}

static void framed_start(struct mdev_migrate_device *mdm)
{
}

static u64 framed_bar_read(struct mdev_migrate_device *mdm, unsigned int bar,
			   u64 offset, unsigned int len)
{
	return 0;
}

static void framed_bar_write(struct mdev_migrate_device *mdm, unsigned int bar,
			     u64 offset, unsigned int len, u64 value)
{
}

static u64 framed_state_size(struct mdev_migrate_device *mdm)
{
	return (2 - to_framed(mdm)->saved) *
	       (sizeof(struct mdev_migrate_record_hdr) + 5);
}

static int framed_save(struct mdev_migrate_device *mdm,
		       struct mdev_migrate_writer *writer)
{
	struct framed *f = to_framed(mdm);

	if (f->save_error)
		return f->save_error;
	f->saved++;
	return mdev_migrate_put(writer, TAG_STATE, 0, "state", 5) ?:
	       f->saved < 2;
}

static int framed_precopy(struct mdev_migrate_device *mdm,
			  struct mdev_migrate_writer *writer)
{
	struct framed *f = to_framed(mdm);

	if (!f->early)
		return 0;
	f->early--;
	return mdev_migrate_put(writer, TAG_EARLY, 0, "early", 5) ?: !!f->early;
}

static void framed_save_end(struct mdev_migrate_device *mdm)
{
	to_framed(mdm)->saved = 0;
}

static int framed_load_record(struct mdev_migrate_device *mdm, void *shadow,
			      const struct mdev_migrate_record *rec)
{
	return 0;
}

static int framed_load_commit(struct mdev_migrate_device *mdm, void *shadow)
{
	return 0;
}

static const struct mdev_migrate_record_type framed_records[] = {
	{ TAG_STATE, .max_length = 5, .repeated = true },
	{ TAG_EARLY, .max_length = 5, .repeated = true },
};

#define FRAMED_ALL							\
	.open = framed_open,						\
	.close = framed_close,						\
	.reset = framed_reset,						\
	.stop = framed_stop,						\
	.start = framed_start,						\
	.bar_read = framed_bar_read,					\
	.bar_write = framed_bar_write,					\
	.state_size = framed_state_size,				\
	.save = framed_save,						\
	.records = framed_records,					\
	.nr_records = ARRAY_SIZE(framed_records)

#define FRAMED_OPS							\
	FRAMED_ALL,							\
	.save_end = framed_save_end,					\
	.load_record = framed_load_record,				\
	.load_commit = framed_load_commit

static const struct mdev_migrate_ops plain_ops = {
	FRAMED_OPS,
};

static const struct mdev_migrate_ops precopy_ops = {
	FRAMED_OPS,
	.precopy = framed_precopy,
};

static struct mdev_migrate_driver plain_driver = { .ops = &plain_ops };
static struct mdev_migrate_driver precopy_driver = { .ops = &precopy_ops };

/* Two devices of a kind: test->priv is an array of them. */
static int framed_init(struct kunit *test)
{
	struct framed *f = kunit_kcalloc(test, 2, sizeof(*f), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	for (i = 0; i < 2; i++) {
		f[i].pci = (struct mdev_migrate_pci_desc) {
			.vendor = 0x1b36,
			.device = 0x99,
			.subsystem_vendor = 0x1b36,
			.subsystem_device = 1,
			.class = 0x058000,
			.intx = true,
			.bars = {
				{ .size = SZ_1M, .is_64bit = true,
				  .prefetchable = true },
				{},
				{ .size = SZ_4K },
			},
			.msix_vectors = 2,
			.msix_bar = 2,
		};
		f[i].cap = PCI_CAP_ID_VNDR;
	}
	test->priv = f;
	return 0;
}

static void frame_begin(struct kunit *test, struct framed *f,
			struct mdev_migrate_driver *drv)
{
	static const struct mdev_migrate_description_ops none;
	struct mdev_migrate_device *mdm = &f->mdm;

	f->dev.init_name = "framed";
	mdm->vdev.dev = &f->dev;
	mdm->vdev.migration_flags = MDEV_MIGRATE_MIGRATION_FLAGS;
	mdm->drv = drv;
	mdev_migrate_description_init(&mdm->desc, &f->dev, &model,
				      &foo_versions[0], &none);
	mdm->pci = mdev_migrate_pci_create(&mdm_pci_ops, mdm);
	mdm->memory = mdev_migrate_memory_create(&mdm->vdev);
	KUNIT_ASSERT_NOT_NULL(test, mdm->pci);
	KUNIT_ASSERT_NOT_NULL(test, mdm->memory);
	KUNIT_ASSERT_EQ(test, mdm_migration_create(mdm), 0);
	KUNIT_ASSERT_EQ(test, mdev_migrate_memory_open(mdm->memory), 0);
	KUNIT_ASSERT_EQ(test, mdev_migrate_migration_open(&mdm->mig), 0);
}

static void frame_end(struct framed *f)
{
	struct mdev_migrate_device *mdm = &f->mdm;

	mdev_migrate_migration_close(&mdm->mig);
	mdev_migrate_pci_close(mdm->pci);
	mdev_migrate_memory_close(mdm->memory);
	mdm_migration_destroy(mdm);
	mdev_migrate_memory_destroy(mdm->memory);
	mdev_migrate_pci_destroy(mdm->pci);
	mdev_migrate_description_destroy(&mdm->desc);
}

static int frame_move(struct framed *f, enum vfio_device_mig_state target)
{
	struct file *filp = mdm_set_state(&f->mdm.vdev, target);

	if (!IS_ERR_OR_NULL(filp))
		fput(filp);
	return PTR_ERR_OR_ZERO(filp);
}

/* All there is now, behind the @len bytes at @buf; with it goes what is shown. */
static size_t frame_read(struct kunit *test, struct framed *f, u8 *buf,
			 size_t len)
{
	struct mdm_session *session = f->mdm.mig.session;
	ssize_t n;

	while ((n = session_read(session, buf + len, STREAM_SIZE - len,
				 false)) > 0)
		len += n;
	KUNIT_EXPECT_EQ(test, n, session->mig->state ==
			VFIO_DEVICE_STATE_STOP_COPY ? 0 : -ENOMSG);
	return len;
}

static void expect_tags(struct kunit *test, const u8 *buf, size_t len,
			const u32 *tags, unsigned int nr)
{
	struct mdev_migrate_record_hdr hdr;
	unsigned int i;
	size_t at = 0;

	for (i = 0; i < nr && at + sizeof(hdr) <= len; i++) {
		memcpy(&hdr, buf + at, sizeof(hdr));
		KUNIT_EXPECT_EQ(test, le32_to_cpu(hdr.tag), tags[i]);
		KUNIT_EXPECT_EQ(test, le32_to_cpu(hdr.flags),
				tags[i] == MDEV_MIGRATE_TAG_PCI_LAYOUT ?
				MDEV_MIGRATE_RECORD_OPTIONAL : 0);
		at += sizeof(hdr) + le32_to_cpu(hdr.length);
	}
	KUNIT_EXPECT_EQ(test, i, nr);
	KUNIT_EXPECT_EQ(test, at, len);
}

static u8 *frame_buf(struct kunit *test)
{
	u8 *buf = kunit_kzalloc(test, STREAM_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	return buf;
}

static void test_frame_precopy(struct kunit *test)
{
	static const u32 tags[] = {
		MDEV_MIGRATE_TAG_START, MDEV_MIGRATE_TAG_CONFIG,
		MDEV_MIGRATE_TAG_PCI_LAYOUT, TAG_EARLY, TAG_EARLY,
		MDEV_MIGRATE_TAG_PCI_CONFIG, MDEV_MIGRATE_TAG_PCI_MSIX,
		TAG_STATE, TAG_STATE, MDEV_MIGRATE_TAG_END,
	};
	struct framed *f = test->priv;
	u8 *buf = frame_buf(test);
	size_t len;

	if (!VFIO_MIGRATION_PRE_COPY)
		kunit_skip(test, "this kernel has no PRE_COPY");
	frame_begin(test, f, &precopy_driver);
	frame_begin(test, f + 1, &precopy_driver);
	f->early = 2;
	KUNIT_EXPECT_EQ(test, frame_move(f, VFIO_DEVICE_STATE_PRE_COPY), 0);
	len = frame_read(test, f, buf, 0);
	KUNIT_EXPECT_EQ(test, frame_move(f, VFIO_DEVICE_STATE_STOP_COPY), 0);
	len = frame_read(test, f, buf, len);
	expect_tags(test, buf, len, tags, ARRAY_SIZE(tags));
	KUNIT_EXPECT_EQ(test, frame_move(f + 1, VFIO_DEVICE_STATE_RESUMING), 0);
	KUNIT_EXPECT_EQ(test, session_write(f[1].mdm.mig.session, buf, len),
			0);
	KUNIT_EXPECT_EQ(test, frame_move(f + 1, VFIO_DEVICE_STATE_RUNNING), 0);
	frame_end(f + 1);
	frame_end(f);
}

static void frame_skip(struct kunit *test, struct framed *f, u8 *buf,
		       size_t len)
{
	struct mdm_session *session = f->mdm.mig.session;
	ssize_t n;

	for (; len; len -= n) {
		n = session_read(session, buf, len, false);
		KUNIT_ASSERT_GT(test, n, 0);
	}
}

/* A model does not say what it has to put: what it puts first is initial all the same. */
static void test_frame_no_info(struct kunit *test)
{
	struct vfio_precopy_info info = {};
	struct framed *f = test->priv;
	u8 *buf = frame_buf(test);

	if (!VFIO_MIGRATION_PRE_COPY)
		kunit_skip(test, "this kernel has no PRE_COPY");
	frame_begin(test, f, &precopy_driver);
	f->early = 2;
	KUNIT_EXPECT_EQ(test, frame_move(f, VFIO_DEVICE_STATE_PRE_COPY), 0);
	frame_skip(test, f, buf, f->mdm.mig.head_size +
		   sizeof(struct mdev_migrate_record_hdr) +
		   sizeof(struct mdev_migrate_pci_layout) + 1);
	KUNIT_EXPECT_EQ(test, mdm_saving_precopy_info(f->mdm.mig.session,
						      &info), 0);
	KUNIT_EXPECT_EQ(test, info.initial_bytes,
			sizeof(struct mdev_migrate_record_hdr) + 5 - 1);
	KUNIT_EXPECT_EQ(test, info.dirty_bytes, 0);
	frame_end(f);
}

/* All that is in the stream of a model without pre-copy. */
static const u32 plain_tags[] = {
	MDEV_MIGRATE_TAG_START, MDEV_MIGRATE_TAG_CONFIG,
	MDEV_MIGRATE_TAG_PCI_CONFIG, MDEV_MIGRATE_TAG_PCI_MSIX,
	TAG_STATE, TAG_STATE, MDEV_MIGRATE_TAG_END,
};

static void test_frame_plain(struct kunit *test)
{
	struct framed *f = test->priv;
	u8 *buf = frame_buf(test);
	size_t len = 0;

	frame_begin(test, f, &plain_driver);
	if (VFIO_MIGRATION_PRE_COPY) {
		KUNIT_EXPECT_EQ(test, frame_move(f, VFIO_DEVICE_STATE_PRE_COPY),
				0);
		len = frame_read(test, f, buf, 0);
		expect_tags(test, buf, len, plain_tags, 2);
		KUNIT_EXPECT_FALSE(test, mdm_saving_poll(f->mdm.mig.session) &
				   EPOLLIN);
	}
	KUNIT_EXPECT_EQ(test, frame_move(f, VFIO_DEVICE_STATE_STOP_COPY), 0);
	len = frame_read(test, f, buf, len);
	expect_tags(test, buf, len, plain_tags, ARRAY_SIZE(plain_tags));
	frame_end(f);
}

/* After an error the function's records come again; what is shown is right throughout. */
static void test_frame_save_fails(struct kunit *test)
{
	struct framed *f = test->priv;
	u8 *buf = frame_buf(test);
	u64 size;

	frame_begin(test, f, &plain_driver);
	size = mdev_migrate_migration_stop_copy_bytes(&f->mdm.mig);
	f->save_error = -EIO;
	KUNIT_EXPECT_EQ(test, frame_move(f, VFIO_DEVICE_STATE_STOP_COPY), -EIO);
	KUNIT_EXPECT_EQ(test, mdev_migrate_migration_stop_copy_bytes(&f->mdm.mig),
			size);
	/* Also if the session goes on. */
	if (VFIO_MIGRATION_PRE_COPY) {
		KUNIT_EXPECT_EQ(test, frame_move(f, VFIO_DEVICE_STATE_PRE_COPY),
				0);
		KUNIT_EXPECT_EQ(test, frame_move(f,
						 VFIO_DEVICE_STATE_STOP_COPY),
				-EIO);
	}
	f->save_error = 0;
	KUNIT_EXPECT_EQ(test, frame_move(f, VFIO_DEVICE_STATE_STOP_COPY), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_migration_stop_copy_bytes(&f->mdm.mig),
			size);
	KUNIT_EXPECT_EQ(test, frame_read(test, f, buf, 0), size);
	expect_tags(test, buf, size, plain_tags, ARRAY_SIZE(plain_tags));
	KUNIT_EXPECT_EQ(test, mdev_migrate_migration_stop_copy_bytes(&f->mdm.mig),
			0);
	KUNIT_EXPECT_EQ(test, frame_move(f, VFIO_DEVICE_STATE_RUNNING), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_migration_stop_copy_bytes(&f->mdm.mig),
			size);
	frame_end(f);
}

static void other_id(struct framed *f)
{
	f->pci.subsystem_device = 2;
}

static void other_revision(struct framed *f)
{
	f->pci.revision = 3;
}

static void other_size(struct framed *f)
{
	f->pci.bars[0].size = SZ_2M;
}

static void other_type(struct framed *f)
{
	f->pci.bars[0].prefetchable = false;
}

static void other_place(struct framed *f)
{
	f->pci.bars[4] = f->pci.bars[2];
	f->pci.bars[2].size = 0;
	f->pci.msix_bar = 4;
}

static void other_vectors(struct framed *f)
{
	f->pci.msix_vectors = 3;
}

static void other_pin(struct framed *f)
{
	f->pci.intx = false;
}

static void other_cap(struct framed *f)
{
	f->cap = PCI_CAP_ID_SSVID;
}

static void no_cap(struct framed *f)
{
	f->pci.msix_vectors = 0;
}

static void same(struct framed *f)
{
}

static const struct layout_case {
	const char *name;
	void (*change)(struct framed *f);
	const char *why;
} layout_cases[] = {
	{ "the same", same, NULL },
	{ "ids", other_id,
	  "the subsystem id is 0x0001 at the source, 0x0002 here" },
	{ "revision", other_revision,
	  "class and revision is 0x05800000 at the source, 0x05800003 here" },
	{ "BAR size", other_size,
	  "BAR 0 has 0x100000 bytes of type 0xc at the source, 0x200000 of type 0xc here" },
	{ "BAR type", other_type,
	  "BAR 0 has 0x100000 bytes of type 0xc at the source, 0x100000 of type 0x4 here" },
	{ "BAR place", other_place, "BAR 2 has 0x1000 bytes of type 0x0" },
	{ "vectors", other_vectors,
	  "MSI-X vectors is 0x0002 at the source, 0x0003 here" },
	{ "pin", other_pin, "interrupt pin is 0x01 at the source, 0x00 here" },
	{ "capability", other_cap,
	  "capability 1 is 0x09 at 0x4c at the source, 0x0d at 0x4c here" },
	{ "no MSI-X", no_cap, "vectors is 0x0002 at the source, 0x0000 here" },
};

static void layout_case_name(const struct layout_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(layout, layout_cases, layout_case_name);

/* A guest that has written to its BARs has the same layout. */
static void test_layout(struct kunit *test)
{
	const struct layout_case *c = test->param_value;
	struct mdev_migrate_writer writer = {};
	struct framed *f = test->priv;
	struct mdev_migrate_msg msg;
	__le32 address;
	int ret;

	c->change(f + 1);
	frame_begin(test, f, &precopy_driver);
	frame_begin(test, f + 1, &plain_driver);
	address = cpu_to_le32(0xfe00000c);
	mdev_migrate_pci_set(f->mdm.pci, PCI_BASE_ADDRESS_0, &address, 4);
	KUNIT_EXPECT_EQ(test, mdm_writer_head(&writer, &f->mdm.mig), 0);
	KUNIT_EXPECT_EQ(test, mdm_layout_put(&f->mdm, &writer), 0);
	KUNIT_EXPECT_EQ(test, frame_move(f + 1, VFIO_DEVICE_STATE_RESUMING), 0);
	ret = session_write(f[1].mdm.mig.session, writer.buf, writer.len);
	KUNIT_EXPECT_EQ(test, ret, c->why ? -EINVAL : 0);
	mdm_error_get(&f[1].mdm.desc, &msg);
	if (c->why)
		KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(msg.text, c->why), "%s",
					  msg.text);
	kvfree(writer.buf);
	frame_end(f + 1);
	frame_end(f);
}

/* What no source of ours puts. */
static void test_bad_layout(struct kunit *test)
{
	struct framed *f = test->priv;
	struct mdev_migrate_pci_layout layout;
	struct mdev_migrate_msg why = {};

	frame_begin(test, f, &precopy_driver);
	get_layout(f->mdm.pci, &layout);
	KUNIT_EXPECT_EQ(test, mdm_layout_check(&f->mdm, &layout,
					       sizeof(layout), &why), 0);
	KUNIT_EXPECT_EQ(test, mdm_layout_check(&f->mdm, &layout,
					       sizeof(layout) - 1, &why),
			-EMSGSIZE);
	layout.bars[3].reserved[6] = 1;
	KUNIT_EXPECT_EQ(test, mdm_layout_check(&f->mdm, &layout,
					       sizeof(layout), &why), -EINVAL);
	KUNIT_EXPECT_NOT_NULL(test, strstr(why.text, "must be zero"));
	layout.bars[3].reserved[6] = 0;
	layout.caps[47] = cpu_to_le16(1);
	KUNIT_EXPECT_EQ(test, mdm_layout_check(&f->mdm, &layout,
					       sizeof(layout), &why), -EINVAL);
	frame_end(f);
}

static struct kunit_case frame_cases[] = {
	KUNIT_CASE(test_frame_precopy),
	KUNIT_CASE(test_frame_no_info),
	KUNIT_CASE(test_frame_plain),
	KUNIT_CASE(test_frame_save_fails),
	KUNIT_CASE_PARAM(test_layout, layout_gen_params),
	KUNIT_CASE(test_bad_layout),
	{}
};

static struct kunit_suite frame_suite = {
	.name = "mdev_migrate_frame",
	.init = framed_init,
	.test_cases = frame_cases,
};

kunit_test_suite(frame_suite);

#include "frame_ops_test.c"
