// SPDX-License-Identifier: GPL-2.0-only
/* A device's memory: what is put of it when, and what a call that fails leaves. */
#include <linux/mdev_migrate/ram.h>
#include <linux/mm.h>

#include "codec/pages.h"
#include "device.h"
#include "foo_model.h"
#include "mappings.h"
#include "ram/ram.h"

FOO_PARAMS(params, foo_on_off);
FOO_MODEL(model, params);

#define TAG_PAGES	0x1000
#define NR_PAGES	600

/**
 * struct rammed - a device that is memory
 * @d: its migration
 * @ram: the memory
 * @writer: what was put
 * @pages: how far a reader has come
 * @pos: and where in @writer
 */
struct rammed {
	struct mig_device d;
	struct mdev_migrate_ram ram;
	struct mdev_migrate_writer writer;
	struct mdm_pages pages;
	size_t pos;
};

static void ram_test_reset(struct mdev_migrate_migration *mig)
{
}

static int ram_test_stop(struct mdev_migrate_migration *mig)
{
	return 0;
}

static u64 ram_test_size(struct mdev_migrate_migration *mig)
{
	return 0;
}

static int ram_test_save(struct mdev_migrate_migration *mig,
			 struct mdev_migrate_writer *writer)
{
	return 0;
}

static int ram_test_record(struct mdev_migrate_migration *mig, void *shadow,
			   const struct mdev_migrate_record *rec)
{
	return 0;
}

static const struct mdev_migrate_migration_ops ram_test_ops = {
	.reset = ram_test_reset,
	.stop = ram_test_stop,
	.start = ram_test_stop,
	.state_size = ram_test_size,
	.save = ram_test_save,
	.load_record = ram_test_record,
};

static int ram_init(struct kunit *test)
{
	struct rammed *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	mig_device_open(test, &r->d, &model, &ram_test_ops, NULL, 0);
	mdev_migrate_ram_init(&r->ram, &r->d.mig, TAG_PAGES);
	KUNIT_ASSERT_EQ(test, 0, mdev_migrate_ram_open(&r->ram, NR_PAGES * 4096));
	KUNIT_ASSERT_EQ(test, 0, mdm_writer_begin(&r->writer));
	test->priv = r;
	return 0;
}

static void ram_exit(struct kunit *test)
{
	struct rammed *r = test->priv;

	mappings_go = NULL;
	kvfree(r->writer.buf);
	mdev_migrate_ram_close(&r->ram);
	mig_device_close(&r->d);
}

static void touch(struct kunit *test, unsigned int page, u64 value)
{
	struct rammed *r = test->priv;

	KUNIT_EXPECT_EQ(test, 0, mdev_migrate_ram_write(&r->ram, page * 4096 + 8,
							8, value));
}

/* The next record is of these pages, and a reader of the stream takes it. */
static void expect_run(struct kunit *test, unsigned int first, unsigned int nr,
		       bool zero)
{
	struct mdev_migrate_record_hdr hdr;
	struct mdm_pages_run run = {};
	struct mdev_migrate_msg why = {};
	struct rammed *r = test->priv;
	int ret;

	KUNIT_ASSERT_LT(test, r->pos, r->writer.len);
	memcpy(&hdr, r->writer.buf + r->pos, sizeof(hdr));
	r->pos += sizeof(hdr);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(hdr.tag), TAG_PAGES);
	ret = mdm_pages_take(&r->pages, TAG_PAGES, NR_PAGES,
			     r->writer.buf + r->pos, le32_to_cpu(hdr.length),
			     &run, &why);
	r->pos += le32_to_cpu(hdr.length);
	KUNIT_EXPECT_EQ_MSG(test, ret, 0, "%s", why.text);
	KUNIT_EXPECT_EQ(test, run.first, first);
	KUNIT_EXPECT_EQ(test, run.nr, nr);
	KUNIT_EXPECT_EQ(test, !run.data, zero);
}

static void expect_info(struct kunit *test, unsigned int initial,
			unsigned int dirty, bool reinit)
{
	struct mdev_migrate_precopy_info info = {};
	struct rammed *r = test->priv;

	mdev_migrate_ram_info(&r->ram, &info);
	KUNIT_EXPECT_EQ(test, info.initial_bytes, initial * (4096 + 32));
	KUNIT_EXPECT_EQ(test, info.dirty_bytes, dirty * (4096 + 32));
	KUNIT_EXPECT_EQ(test, info.reinit, reinit);
}

static int ram_put(struct kunit *test)
{
	struct rammed *r = test->priv;

	return mdev_migrate_ram_put(&r->ram, &r->writer);
}

static void expect_nothing_more(struct kunit *test)
{
	struct rammed *r = test->priv;

	KUNIT_EXPECT_EQ(test, ram_put(test), 0);
	KUNIT_EXPECT_EQ(test, r->pos, r->writer.len);
	KUNIT_EXPECT_EQ(test, mdev_migrate_ram_size(&r->ram), 0);
}

/* Runs of at most 16 pages, of zeros of at most 256; a page is put once until written. */
static void test_ram_runs(struct kunit *test)
{
	struct rammed *r = test->priv;
	unsigned int i;

	for (i = 10; i < 30; i++)
		touch(test, i, i);
	for (i = 30; i < 330; i++)
		touch(test, i, 0);
	touch(test, NR_PAGES - 1, 1);
	KUNIT_EXPECT_EQ(test, mdev_migrate_ram_write(&r->ram, NR_PAGES * 4096ULL,
						     8, 1), -ERANGE);
	mdev_migrate_ram_save_begin(&r->ram);
	expect_info(test, 321, 0, false);
	KUNIT_EXPECT_EQ(test, ram_put(test), 0);
	expect_run(test, 10, 16, false);
	expect_run(test, 26, 4, false);
	expect_run(test, 30, 256, true);
	expect_run(test, 286, 44, true);
	expect_run(test, NR_PAGES - 1, 1, false);
	expect_nothing_more(test);
	expect_info(test, 0, 0, false);
	/* In front of what was put, so it is another pass; then behind it. */
	touch(test, 11, 0);
	expect_info(test, 0, 1, false);
	KUNIT_EXPECT_EQ(test, ram_put(test), 0);
	expect_run(test, 11, 1, true);
	touch(test, 12, 1);
	touch(test, 5, 1);
	expect_info(test, 0, 2, false);
	KUNIT_EXPECT_EQ(test, ram_put(test), 0);
	expect_run(test, 12, 1, false);
	expect_run(test, 5, 1, false);
	expect_nothing_more(test);
}

/* Of a call that fails nothing is in the stream: all of the memory comes once more. */
static void test_ram_again(struct kunit *test)
{
	struct rammed *r = test->priv;
	size_t len;

	touch(test, 3, 3);
	touch(test, 9, 9);
	mdev_migrate_ram_save_begin(&r->ram);
	KUNIT_EXPECT_EQ(test, ram_put(test), 0);
	expect_run(test, 3, 1, false);
	expect_run(test, 9, 1, false);
	touch(test, 4, 4);
	len = r->writer.len;
	KUNIT_EXPECT_EQ(test, ram_put(test), 0);
	r->writer.len = len;
	mdev_migrate_ram_again(&r->ram);
	expect_info(test, 3, 0, true);
	expect_info(test, 3, 0, false);
	KUNIT_EXPECT_EQ(test, ram_put(test), 0);
	expect_run(test, 3, 2, false);
	expect_run(test, 9, 1, false);
	expect_nothing_more(test);
	/* The session ends: between two of them the size is that of all there is. */
	mdev_migrate_ram_again(&r->ram);
	KUNIT_EXPECT_EQ(test, mdev_migrate_ram_size(&r->ram), 3 * (4096 + 32));
	mdev_migrate_ram_save_begin(&r->ram);
	expect_info(test, 3, 0, false);
	mdev_migrate_ram_clear(&r->ram);
	KUNIT_EXPECT_EQ(test, mdev_migrate_ram_size(&r->ram), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_ram_read(&r->ram, 3 * 4096 + 8, 8), 0);
}

/* A call ends where the longest run may not fit any more, and the next one goes on. */
static void test_ram_chunks(struct kunit *test)
{
	struct rammed *r = test->priv;
	unsigned int i, done = 0;

	for (i = 0; i < NR_PAGES; i++)
		touch(test, i, i + 1);
	mdev_migrate_ram_save_begin(&r->ram);
	while (done < NR_PAGES) {
		unsigned int n = min(NR_PAGES - done, 16U);

		if (r->pos == r->writer.len) {
			KUNIT_EXPECT_LE(test, r->writer.len,
					MDEV_MIGRATE_CHUNK_MAX);
			r->writer.len = 0;
			r->pos = 0;
			KUNIT_ASSERT_EQ(test, mdm_writer_begin(&r->writer), 0);
			KUNIT_ASSERT_LE(test, 0, ram_put(test));
		}
		expect_run(test, done, n, false);
		done += n;
	}
	expect_nothing_more(test);
}

/* What was taken away, as far as a test wants to know. */
static struct {
	struct rammed *r;
	unsigned int nr;
	struct {
		pgoff_t first, nr;
	} runs[4];
} taken;

/* Until the last moment somebody writes there: the next number, to each page. */
static void store_and_go(pgoff_t first, pgoff_t nr)
{
	struct mdev_migrate_ram *ram = &taken.r->ram;
	unsigned int run = taken.nr++ % ARRAY_SIZE(taken.runs);
	pgoff_t i;

	lockdep_assert_held(&ram->lock);
	taken.runs[run].first = first;
	taken.runs[run].nr = nr;
	for (i = 0; (u32)first + i < NR_PAGES && i < nr; i++) {
		u64 *page = mdev_migrate_ram_page(ram, (u32)first + i);

		page[1] = taken.nr;
	}
}

static void expect_taken(struct kunit *test, unsigned int run, pgoff_t first,
			 pgoff_t nr)
{
	KUNIT_ASSERT_LT(test, run, taken.nr);
	KUNIT_EXPECT_EQ(test, taken.runs[run].first, first);
	KUNIT_EXPECT_EQ(test, taken.runs[run].nr, nr);
}

/* As a fault does: the page can be written to without another one. */
static void let_write(struct kunit *test, unsigned int page)
{
	struct rammed *r = test->priv;

	touch(test, page, 0x55);
	guard(mutex)(&r->ram.lock);
	__set_bit(page, r->ram.writable);
	r->ram.all.mapped = true;
}

/* A page is taken from who writes to it before it is copied, and once; so is what is freed. */
static void test_ram_taken(struct kunit *test)
{
	struct rammed *r = test->priv;
	unsigned int i;
	size_t at;

	taken.r = r;
	taken.nr = 0;
	mappings_go = store_and_go;
	for (i = 20; i < 24; i++)
		let_write(test, i);
	touch(test, 24, 0x55);
	mdev_migrate_ram_save_begin(&r->ram);
	at = r->pos + sizeof(struct mdev_migrate_record_hdr) +
	     sizeof(struct mdev_migrate_pages) + 8;
	KUNIT_EXPECT_EQ(test, ram_put(test), 0);
	KUNIT_EXPECT_EQ(test, taken.nr, 1);
	expect_taken(test, 0, 20, 5);
	expect_run(test, 20, 5, false);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, r->writer.buf[at + i * 4096], 1);
	expect_nothing_more(test);
	/* Nobody has it mapped: nothing is to be taken. */
	touch(test, 21, 3);
	KUNIT_EXPECT_EQ(test, ram_put(test), 0);
	KUNIT_EXPECT_EQ(test, taken.nr, 1);
	expect_run(test, 21, 1, false);
	/* All of it, while the pages are there. */
	mdev_migrate_ram_clear(&r->ram);
	KUNIT_EXPECT_EQ(test, taken.nr, 2);
	expect_taken(test, 1, 0, NR_PAGES);
	KUNIT_EXPECT_EQ(test, mdev_migrate_ram_read(&r->ram, 21 * 4096 + 8, 8), 0);
}

/* A view that begins in the middle has pages at its end that come first in the memory. */
static void test_ram_view(struct kunit *test)
{
	const pgoff_t base = (pgoff_t)1 << 32;
	struct mdev_migrate_ram_view *view;
	struct rammed *r = test->priv;

	view = kunit_kzalloc(test, sizeof(*view), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, view);
	mdev_migrate_ram_view_add(&r->ram, view, 8 * 4096);
	taken.r = r;
	taken.nr = 0;
	mappings_go = store_and_go;
	mdev_migrate_ram_view_move(view, 4096);
	KUNIT_EXPECT_EQ(test, taken.nr, 0);
	view->mapped = true;
	mdev_migrate_ram_view_move(view, 4096);
	KUNIT_EXPECT_EQ(test, taken.nr, 0);
	mdev_migrate_ram_view_move(view, 6 * 4096);
	KUNIT_EXPECT_EQ(test, taken.nr, 1);
	expect_taken(test, 0, base, 8);
	taken.nr = 0;
	mutex_lock(&r->ram.lock);
	mdm_ram_unmap(&r->ram, 5, 4);
	mutex_unlock(&r->ram.lock);
	/* Page 5 is its last one, 6 and 7 its first; 8 it does not show. */
	KUNIT_EXPECT_EQ(test, taken.nr, 2);
	expect_taken(test, 0, base + 7, 1);
	expect_taken(test, 1, base, 2);
}

static void test_find_step(struct kunit *test)
{
	enum vfio_device_mig_state from, to;
	struct rammed *r = test->priv;

	KUNIT_EXPECT_EQ(test, mdev_migrate_find_step(&r->d.mig, "stop", "stop_copy",
						     &from, &to), 0);
	KUNIT_EXPECT_EQ(test, (int)from, VFIO_DEVICE_STATE_STOP);
	KUNIT_EXPECT_EQ(test, (int)to, VFIO_DEVICE_STATE_STOP_COPY);
	KUNIT_EXPECT_EQ(test, mdev_migrate_find_step(&r->d.mig, "stop", "running",
						     &from, &to), -EINVAL);
	KUNIT_EXPECT_EQ(test, mdev_migrate_find_step(&r->d.mig, "error", "stop",
						     &from, &to), -EINVAL);
	KUNIT_EXPECT_EQ(test, mdev_migrate_find_step(&r->d.mig, "none", "none",
						     &from, &to), -EINVAL);
	r->d.vdev.migration_flags &= ~VFIO_MIGRATION_PRE_COPY;
	KUNIT_EXPECT_EQ(test, mdev_migrate_find_step(&r->d.mig, "running", "pre_copy",
						     &from, &to), -EINVAL);
}

static struct kunit_case ram_cases[] = {
	KUNIT_CASE(test_ram_runs),
	KUNIT_CASE(test_ram_again),
	KUNIT_CASE(test_ram_chunks),
	KUNIT_CASE(test_ram_taken),
	KUNIT_CASE(test_ram_view),
	KUNIT_CASE(test_find_step),
	{}
};

static struct kunit_suite ram_suite = {
	.name = "mdev_migrate_ram",
	.init = ram_init,
	.exit = ram_exit,
	.test_cases = ram_cases,
};

kunit_test_suite(ram_suite);
