// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory on a backend that does what the test likes, see backend.h. Part of
 * under_test.c, since what it tests is static.
 */
#include <kunit/test.h>
#include <linux/sched/signal.h>

/* The first so many pages are a huge one, a few behind it are not. */
#define HUGE_PAGES	MDM_BLOCK_PAGES
#define SINGLE		HUGE_PAGES
#define NR_SINGLE	16

/**
 * struct memory_test - a device with guest memory
 * @vdev: what the backend would see
 * @dev: its name
 * @mem: the guest memory, open
 * @huge: a huge page
 * @backend: what there is
 */
struct memory_test {
	struct vfio_device vdev;
	struct device dev;
	struct mdev_migrate_memory *mem;
	struct page *huge;
	struct backend backend;
};

static u64 at(unsigned long page, unsigned int offset)
{
	return ((u64)page << PAGE_SHIFT) + offset;
}

static int memory_init(struct kunit *test)
{
	struct memory_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->dev.init_name = "memory";
	t->vdev.dev = &t->dev;
	t->huge = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_ZERO,
			      MDM_BLOCK_SHIFT);
	KUNIT_ASSERT_NOT_NULL(test, t->huge);
	for (i = 0; i < HUGE_PAGES; i++)
		t->backend.pages[i] = t->huge + i;
	for (i = SINGLE; i < SINGLE + NR_SINGLE; i++) {
		t->backend.pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, t->backend.pages[i]);
	}
	t->backend.read_only = BACKEND_PAGES;
	backend = &t->backend;
	t->mem = mdev_migrate_memory_create(&t->vdev);
	KUNIT_ASSERT_NOT_NULL(test, t->mem);
	return 0;
}

/* In a container; or in an iommufd, if this kernel has that. */
static struct mdev_migrate_memory *memory_open(struct kunit *test, bool iommufd)
{
	struct memory_test *t = test->priv;

	if (iommufd) {
#if IS_ENABLED(CONFIG_IOMMUFD)
		t->vdev.iommufd_access = (void *)1;
#else
		kunit_skip(test, "this kernel has no iommufd");
#endif
	}
	KUNIT_ASSERT_EQ(test, mdev_migrate_memory_open(t->mem), 0);
	return t->mem;
}

/* Whatever was done, nothing stays pinned. */
static void memory_exit(struct kunit *test)
{
	struct memory_test *t = test->priv;
	unsigned int i;

	if (t->mem) {
		if (t->mem->task)
			mdev_migrate_memory_close(t->mem);
		mdev_migrate_memory_destroy(t->mem);
	}
	for (i = 0; i < BACKEND_PAGES; i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&t->backend.pinned[i]), 0);
	backend = NULL;
	for (i = SINGLE; i < SINGLE + NR_SINGLE; i++) {
		if (t->backend.pages[i])
			__free_page(t->backend.pages[i]);
	}
	if (t->huge)
		__free_pages(t->huge, MDM_BLOCK_SHIFT);
}

/* How many pages of a range are pinned, each once. */
static unsigned int nr_pinned(struct kunit *test, unsigned long first,
			      unsigned int nr)
{
	struct memory_test *t = test->priv;
	unsigned int i, n = 0;

	for (i = first; i < first + nr; i++) {
		KUNIT_EXPECT_LE(test, atomic_read(&t->backend.pinned[i]), 1);
		n += atomic_read(&t->backend.pinned[i]);
	}
	return n;
}

static u8 *byte_of(struct kunit *test, unsigned long page, unsigned int offset)
{
	struct memory_test *t = test->priv;

	return (u8 *)page_address(t->backend.pages[page]) + offset;
}

static const struct mdm_mark *mark_of(struct mdev_migrate_memory *mem,
				      unsigned long page)
{
	unsigned int i;

	for (i = 0; i < MDM_NR_MARKS; i++) {
		if (mark_in_range(&mem->marks[MDM_PAYLOAD][i], page, page))
			return &mem->marks[MDM_PAYLOAD][i];
	}
	return NULL;
}

static void mark(struct mdev_migrate_memory *mem, unsigned long first,
		 unsigned long last)
{
	const bool hit[MDM_NR_USES] = { true, true };

	guard(spinlock)(&mem->lock);
	mdm_mark(mem, first, last, hit, false);
}

static bool is_marked(struct mdev_migrate_memory *mem, unsigned long page)
{
	guard(spinlock)(&mem->lock);
	return mdm_is_leaving(mem, MDM_PAYLOAD, page, page);
}

/* One page is touched, and all that are in a huge one with it are pinned. */
static void memory_huge(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, false);
	const size_t len = 3 * PAGE_SIZE;
	u8 *data = kunit_kzalloc(test, 2 * len, GFP_KERNEL);
	struct memory_test *t = test->priv;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, data);
	for (i = 0; i < len; i++)
		data[i] = i % 251;
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write(mem, at(5, 7), "x", 1), 0);
	KUNIT_EXPECT_EQ(test, *byte_of(test, 5, 7), 'x');
	KUNIT_EXPECT_EQ(test, nr_pinned(test, 0, HUGE_PAGES), HUGE_PAGES);
	KUNIT_EXPECT_EQ(test, t->backend.calls, 2);
	/* At hand, all of it, and across its pages. */
	mdev_migrate_reader_enter(&mem->own);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write_atomic(mem, at(100, 9),
							    data, len), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_read_atomic(mem, at(100, 9),
							   data + len, len), 0);
	KUNIT_EXPECT_EQ(test, memcmp(data, data + len, len), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_read_atomic(mem, at(511, 9),
							   data + len,
							   PAGE_SIZE), -EAGAIN);
	mdev_migrate_reader_exit(&mem->own);
	KUNIT_EXPECT_EQ(test, memcmp(byte_of(test, 100, 9), data, len), 0);
	KUNIT_EXPECT_EQ(test, t->backend.calls, 2);
	/* From its last page into what is behind it. */
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write(mem, at(511, 9), data,
						     PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, *byte_of(test, 511, 10), data[1]);
	KUNIT_EXPECT_EQ(test, *byte_of(test, SINGLE, 8), data[PAGE_SIZE - 1]);
	KUNIT_EXPECT_EQ(test, nr_pinned(test, SINGLE, NR_SINGLE), 1);
	/* It goes as a whole. */
	mdev_migrate_dma_unmap(mem, at(100, 0), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, nr_pinned(test, 0, HUGE_PAGES), 0);
	KUNIT_EXPECT_EQ(test, nr_pinned(test, SINGLE, NR_SINGLE), 1);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_read(mem, at(100, 9), data, 1),
			0);
	KUNIT_EXPECT_EQ(test, data[0], 0);
}

/* The guest has it in another order. */
static void memory_not_in_order(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, false);
	struct memory_test *t = test->priv;

	swap(t->backend.pages[8], t->backend.pages[9]);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write(mem, at(5, 0), "x", 1), 0);
	KUNIT_EXPECT_EQ(test, nr_pinned(test, 0, HUGE_PAGES), HUGE_PAGES);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write(mem, at(8, 0), "8", 1), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write(mem, at(9, 0), "9", 1), 0);
	KUNIT_EXPECT_EQ(test, *byte_of(test, 8, 0), '8');
	KUNIT_EXPECT_EQ(test, *byte_of(test, 9, 0), '9');
}

/* Not all of it is mapped: page by page, and at hand from then on. */
static void memory_with_a_hole(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, false);
	struct memory_test *t = test->priv;
	unsigned int i;

	t->backend.pages[300] = NULL;
	for (i = 5; i < 9; i++)
		KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write(mem, at(i, 0), "x",
							     1), 0);
	KUNIT_EXPECT_EQ(test, nr_pinned(test, 0, HUGE_PAGES), 4);
	KUNIT_EXPECT_LE(test, t->backend.calls, 6);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write(mem, at(300, 0), "x", 1),
			-EFAULT);
}

static void memory_read_only(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, false);
	struct memory_test *t = test->priv;
	u8 byte = 1;

	t->backend.read_only = SINGLE;
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write(mem, at(SINGLE, 0), "x",
						     1), -EFAULT);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_read(mem, at(SINGLE, 0), &byte,
						    1), 0);
	KUNIT_EXPECT_EQ(test, byte, 0);
	KUNIT_EXPECT_EQ(test, nr_pinned(test, SINGLE, NR_SINGLE), 1);
	/* Now that it is cached, too. */
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write(mem, at(SINGLE, 0), "x",
						     1), -EFAULT);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_read(mem, at(SINGLE, 0), &byte,
						    1), 0);
	KUNIT_EXPECT_EQ(test, byte, 0);
}

/* What the interface of VFIO allows, and its backends do not do. */
static void memory_in_part(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, false);
	struct memory_test *t = test->priv;
	struct mdev_migrate_map map = {};

	t->backend.partial = 1;
	KUNIT_EXPECT_EQ(test, mdev_migrate_map(mem, &map, at(SINGLE, 0),
					       2 * PAGE_SIZE), -EFAULT);
	KUNIT_EXPECT_EQ(test, nr_pinned(test, SINGLE, NR_SINGLE), 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_map(mem, &map, at(SINGLE, 0),
					       2 * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, nr_pinned(test, SINGLE, NR_SINGLE), 2);
	mdev_migrate_unmap(mem, &map);
}

/* A ring needs it more than payload does, which is let go of. */
static void memory_for_a_ring(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, true);
	struct memory_test *t = test->priv;
	struct mdev_migrate_map map = {};

	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write(mem, at(5, 0), "x", 1), 0);
	t->backend.error = -ENOMEM;
	t->backend.errors = 1;
	KUNIT_EXPECT_EQ(test, mdev_migrate_map(mem, &map, at(SINGLE, 0), 9), 0);
	KUNIT_EXPECT_EQ(test, nr_pinned(test, 0, HUGE_PAGES), 0);
	KUNIT_EXPECT_EQ(test, nr_pinned(test, SINGLE, NR_SINGLE), 1);
	mdev_migrate_unmap(mem, &map);
	/* There is nothing to let go of. */
	t->backend.errors = 1;
	KUNIT_EXPECT_EQ(test, mdev_migrate_map(mem, &map, at(SINGLE, 0), 9),
			-ENOMEM);
}

/* There is nothing at the page: its mark goes, with what is said of copies as of pins. */
static void memory_nowhere(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, false);
	u8 byte;

	mdev_migrate_memory_set_saving(mem, true);
	mark(mem, BACKEND_PAGES - 1, BACKEND_PAGES - 1);
	KUNIT_EXPECT_TRUE(test, is_marked(mem, BACKEND_PAGES - 1));
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_read(mem,
						    at(BACKEND_PAGES - 1, 0),
						    &byte, 1), -EFAULT);
	KUNIT_EXPECT_FALSE(test, is_marked(mem, BACKEND_PAGES - 1));
}

/* A signal does not keep a worker from unpinning. */
static void memory_interrupted(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, false);

	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write(mem, at(SINGLE, 0), "x",
						     1), 0);
	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 1);
	KUNIT_EXPECT_TRUE(test, signal_pending(current));
	mdm_dma_drop_range(mem, 0, ULONG_MAX, false);
	KUNIT_EXPECT_FALSE(test, signal_pending(current));
	KUNIT_EXPECT_EQ(test, nr_pinned(test, SINGLE, NR_SINGLE), 0);
	disallow_signal(SIGKILL);
}

/* No access begins in a pause, whichever way. */
static void memory_paused(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, false);
	u8 byte;

	mdm_op_pause(mem, jiffies + HZ * 1000, 0);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_read(mem, at(5, 0), &byte, 1),
			-EINTR);
	mdev_migrate_memory_set_saving(mem, true);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_read(mem, at(5, 0), &byte, 1),
			-EINTR);
	mem->paused_until = jiffies;
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_read(mem, at(5, 0), &byte, 1),
			0);
	KUNIT_EXPECT_EQ(test, nr_pinned(test, 0, HUGE_PAGES), 0);
	mdev_migrate_memory_set_saving(mem, false);
	/* A pause only for operations that last, of which there are none. */
	mdm_op_pause(mem, jiffies + HZ * 1000, HZ);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_read(mem, at(5, 0), &byte, 1),
			0);
	KUNIT_EXPECT_EQ(test, nr_pinned(test, 0, HUGE_PAGES), HUGE_PAGES);
}

/* Addresses at the end of all. */
static void memory_beyond(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, false);
	struct mdev_migrate_map map = {};
	u8 data[16];

	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_read(mem, ~0ULL - 7, data, 16),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write(mem, ~0ULL - 7, data, 16),
			-EFAULT);
	mdev_migrate_reader_enter(&mem->own);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_read_atomic(mem, ~0ULL - 7, data,
							   16), -EAGAIN);
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write_atomic(mem, ~0ULL - 7,
							    data, 16), -EAGAIN);
	mdev_migrate_reader_exit(&mem->own);
	KUNIT_EXPECT_EQ(test, mdev_migrate_map(mem, &map, ~0ULL - 7, 16),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, mdev_migrate_map(mem, &map, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, mdev_migrate_map(mem, &map, 0,
					       MDEV_MIGRATE_MAP_MAX + 1),
			-EINVAL);
	/* An unmap without a length is of a page; one beyond the end ends there. */
	KUNIT_EXPECT_EQ(test, mdev_migrate_dma_write(mem, at(SINGLE, 0), data,
						     1), 0);
	mdev_migrate_dma_unmap(mem, at(SINGLE + 1, 0), 0);
	KUNIT_EXPECT_EQ(test, nr_pinned(test, SINGLE, NR_SINGLE), 1);
	mdev_migrate_dma_unmap(mem, at(SINGLE, 0), ~0ULL);
	KUNIT_EXPECT_EQ(test, nr_pinned(test, SINGLE, NR_SINGLE), 0);
}

/* The watchdog interrupts a worker that takes too long, and nobody else. */
static void memory_watchdog(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, false);
	struct mdm_op worker, user;
	struct pid *pid = find_get_pid(1);
	struct task_struct *init = get_pid_task(pid, PIDTYPE_PID);

	put_pid(pid);
	KUNIT_ASSERT_NOT_NULL(test, init);
	allow_signal(SIGKILL);
	spin_lock(&mem->lock);
	mdm_op_add(mem, &user, 1, 0);
	user.task = init;
	user.since = jiffies - 2 * OP_TIMEOUT;
	mdm_op_add(mem, &worker, 1, 0);
	spin_unlock(&mem->lock);
	mdm_op_watchdog(&mem->watchdog.work);
	KUNIT_EXPECT_FALSE(test, signal_pending(current));
	worker.since = jiffies - OP_TIMEOUT;
	mdm_op_watchdog(&mem->watchdog.work);
	KUNIT_EXPECT_TRUE(test, signal_pending(current));
	KUNIT_EXPECT_EQ(test, mdm_op_end(mem, &worker, -EIO), -EINTR);
	KUNIT_EXPECT_FALSE(test, signal_pending(current));
	KUNIT_EXPECT_EQ(test, mdm_op_end(mem, &user, -EIO), -EIO);
	disallow_signal(SIGKILL);
	put_task_struct(init);
	cancel_delayed_work_sync(&mem->watchdog);
}

/* More ranges than there are marks: none is lost, and what is long over is forgotten. */
static void memory_marks(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, false);
	const struct mdm_mark *grown;
	unsigned int i, own = 0;

	for (i = 0; i < MDM_NR_MARKS + 2; i++)
		mark(mem, 10 * i, 10 * i + 1);
	grown = mark_of(mem, 10 * MDM_NR_MARKS + 10);
	KUNIT_ASSERT_NOT_NULL(test, grown);
	KUNIT_EXPECT_FALSE(test, grown->exact);
	for (i = 0; i < MDM_NR_MARKS + 2; i++)
		KUNIT_EXPECT_TRUE(test, is_marked(mem, 10 * i));
	for (i = 0; i < MDM_NR_MARKS; i++)
		own += mem->marks[MDM_PAYLOAD][i].exact;
	KUNIT_EXPECT_EQ(test, own, MDM_NR_MARKS - 1);
	for (i = 0; i < MDM_NR_MARKS; i++)
		mem->marks[MDM_PAYLOAD][i].until = jiffies - MARK_FORGET - 1;
	mark(mem, 5000, 5000);
	KUNIT_EXPECT_TRUE(test, is_marked(mem, 5000));
	for (i = 0; i < MDM_NR_MARKS + 2; i++)
		KUNIT_EXPECT_NULL(test, mark_of(mem, 10 * i));
	mdm_mark_gone(mem, 5000);
	KUNIT_EXPECT_FALSE(test, is_marked(mem, 5000));
}

/* Each time for longer, up to a limit; and no longer is it forgotten by opening anew. */
static void memory_mark_strikes(struct kunit *test)
{
	struct mdev_migrate_memory *mem = memory_open(test, false);
	unsigned int i;

	for (i = 0; i < MARK_STRIKES + 2; i++) {
		mark(mem, 5, 5);
		KUNIT_EXPECT_EQ(test, mark_of(mem, 5)->strikes,
				min_t(unsigned int, i, MARK_STRIKES));
	}
	KUNIT_EXPECT_TRUE(test, mark_of(mem, 5)->exact);
	mdev_migrate_memory_close(mem);
	memory_open(test, false);
	KUNIT_EXPECT_TRUE(test, is_marked(mem, 5));
	/* It may be another container's page. */
	mdm_mark_gone(mem, 5);
	KUNIT_EXPECT_TRUE(test, is_marked(mem, 5));
	mem->marks[MDM_PAYLOAD][mark_of(mem, 5) -
				mem->marks[MDM_PAYLOAD]].until = jiffies;
	mdev_migrate_memory_close(mem);
	memory_open(test, false);
	KUNIT_EXPECT_NULL(test, mark_of(mem, 5));
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE(memory_huge),
	KUNIT_CASE(memory_not_in_order),
	KUNIT_CASE(memory_with_a_hole),
	KUNIT_CASE(memory_read_only),
	KUNIT_CASE(memory_in_part),
	KUNIT_CASE(memory_for_a_ring),
	KUNIT_CASE(memory_nowhere),
	KUNIT_CASE(memory_interrupted),
	KUNIT_CASE(memory_paused),
	KUNIT_CASE(memory_beyond),
	KUNIT_CASE(memory_watchdog),
	KUNIT_CASE(memory_marks),
	KUNIT_CASE(memory_mark_strikes),
	{ }
};

static struct kunit_suite memory_suite = {
	.name = "mdev_migrate_memory",
	.init = memory_init,
	.exit = memory_exit,
	.test_cases = memory_cases,
};

kunit_test_suite(memory_suite);
