// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device DMA logging, where it is easily wrong: reports whose range does not begin
 * or end on a page, bitmaps that cannot be written, ranges that were not asked
 * for, and memory that is short.
 */
#include <sys/mman.h>

#include "card.h"
#include "inject.h"
#include "slowmem.h"

#define PAGE		4096UL
#define HALF		(PAGE / 2)
/* Frames, each on a page of its own, from the first receive buffer on. */
#define FRAMES		16U
#define CANARY		0xa5

FIXTURE_VARIANT_ADD(card, iommufd) { .how = VDEV_IOMMUFD };

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

static bool bit(const uint8_t *bitmap, unsigned long n)
{
	return bitmap[n / 8] >> n % 8 & 1;
}

/* Where the first receive buffer is, which is a page. */
static uint64_t first_slot(FIXTURE_DATA(card) *self)
{
	return guest_iova(&self->mem, self->nic.slots[VNIC_RX]);
}

/* A report of all memory: is page @iova dirty? And then it is not any more. */
static bool take_page(struct __test_metadata *_metadata,
		      FIXTURE_DATA(card) *self, uint64_t iova)
{
	uint64_t word = 0;

	EXPECT_EQ(0, vdev_log_report(&self->v, iova, PAGE, PAGE, &word));
	EXPECT_EQ(0, word & ~1ULL);
	return word & 1;
}

/* FRAMES buffers are written, and none before them and behind them. */
static void write_frames(struct __test_metadata *_metadata,
			 FIXTURE_DATA(card) *self)
{
	unsigned int i;

	card_up(_metadata, self, 0);
	ASSERT_EQ(0, vdev_log_start_one(&self->v, self->mem.iova, self->mem.size));
	for (i = 0; i < FRAMES; i++)
		to_guest(_metadata, self->net, &self->nic, 500, i);
}

/**
 * struct part - a report that is not of whole pages
 * @begin: from the first frame's page on
 * @len: how much
 * @page_size: of a bit
 */
struct part {
	int64_t begin;
	uint64_t len;
	uint64_t page_size;
};

static const struct part parts[] = {
	{ HALF, 8 * PAGE, PAGE },
	{ HALF, 8 * PAGE - HALF, PAGE },
	{ 0, 8 * PAGE - HALF, PAGE },
	{ 1, 8 * PAGE, PAGE },
	{ PAGE - 1, 8 * PAGE, PAGE },
	{ PAGE - 1, 2, PAGE },
	{ HALF, 1, PAGE },
	{ 3 * PAGE + 100, 200, PAGE },
	{ -HALF, 8 * PAGE, PAGE },
	/* Nearer than the used ring, which is written as well. */
	{ -PAGE - HALF, 8 * PAGE, PAGE },
	{ (FRAMES - 4) * PAGE + HALF, 8 * PAGE, PAGE },
	{ (FRAMES - 1) * PAGE + HALF, 8 * PAGE, PAGE },
	{ FRAMES * PAGE - 1, 8 * PAGE, PAGE },
	{ PAGE + HALF, 8 * PAGE, 4 * PAGE },
	{ 2 * PAGE, 9 * PAGE + 1, 4 * PAGE },
	{ HALF, 16 * PAGE, 64 * PAGE },
};

/* Is anything of [@from, @to), from the first frame on, in a frame's page? */
static bool any_frame(int64_t from, int64_t to)
{
	return from < to && to > 0 && from < (int64_t)(FRAMES * PAGE);
}

/* What of bit @n of the report is in its range. */
static bool expected(const struct part *p, unsigned int n)
{
	int64_t from = p->begin + (int64_t)(n * p->page_size);
	int64_t to = from + (int64_t)p->page_size;
	int64_t end = p->begin + (int64_t)p->len;

	/* A frame's page is dirty as a whole. */
	return any_frame(from, to < end ? to : end);
}

static bool covers(const struct part *p, int64_t page)
{
	return page >= p->begin && page + (int64_t)PAGE <=
	       p->begin + (int64_t)p->len;
}

static void check_part(struct __test_metadata *_metadata,
		       FIXTURE_DATA(card) *self, const struct part *p)
{
	unsigned int bits = (p->len + p->page_size - 1) / p->page_size, i;
	uint64_t start = first_slot(self);
	uint8_t bitmap[64];
	int64_t page;

	memset(bitmap, 0, sizeof(bitmap));
	memset(bitmap + (bits + 7) / 8, CANARY, sizeof(bitmap) - (bits + 7) / 8);
	ASSERT_EQ(0, vdev_log_report(&self->v, start + p->begin, p->len,
				     p->page_size, (void *)bitmap));
	for (i = 0; i < (bits + 7) / 8 * 8; i++) {
		EXPECT_EQ(i < bits && expected(p, i), bit(bitmap, i)) {
			TH_LOG("bit %u of %u", i, bits);
		}
	}
	for (i = (bits + 7) / 8; i < sizeof(bitmap); i++) {
		EXPECT_EQ(CANARY, bitmap[i]) {
			TH_LOG("byte %u is behind the bitmap", i);
		}
	}
	/* What was told as a whole is done with; what was not comes again. */
	for (page = 0; page < (int64_t)(FRAMES * PAGE); page += PAGE) {
		EXPECT_EQ(!covers(p, page),
			  take_page(_metadata, self, start + page)) {
			TH_LOG("page %lld", (long long)page / 4096);
		}
	}
}

TEST_F(card, parts_of_pages)
{
	unsigned int i;

	REQUIRE_LOGGING();
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		const struct part *p = &parts[i];

		write_frames(_metadata, self);
		check_part(_metadata, self, p);
		ASSERT_EQ(0, vdev_log_stop(&self->v));
		if (_metadata->exit_code == KSFT_FAIL) {
			TH_LOG("report from %lld, 0x%llx long, pages of 0x%llx",
			       (long long)p->begin, (unsigned long long)p->len,
			       (unsigned long long)p->page_size);
			break;
		}
	}
}

/*
 * A bitmap that cannot be written: the caller is told, and what was dirty stays
 * so. Linux as it is neither tells the driver nor the caller, see
 * Documentation/upstream/.
 */
TEST_F(card, unmapped_bitmap)
{
	uint64_t start;
	unsigned int i;
	void *nothing;
	int ret;

	REQUIRE_LOGGING();
	nothing = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	ASSERT_NE(MAP_FAILED, nothing);
	write_frames(_metadata, self);
	start = first_slot(self);
	ret = vdev_log_report(&self->v, self->mem.iova, self->mem.size, PAGE,
			      nothing);
	munmap(nothing, PAGE);
	if (!ret)
		SKIP(return, "this kernel says nothing of a bitmap that it cannot write");
	EXPECT_EQ(-EFAULT, ret);
	for (i = 0; i < FRAMES; i++) {
		EXPECT_TRUE(take_page(_metadata, self, start + i * PAGE));
	}
}

/* Half of the bitmap can be written. What could not stays dirty. */
TEST_F(card, half_a_bitmap)
{
	uint64_t word = 0;
	uint8_t *two;
	int ret;

	REQUIRE_LOGGING();
	two = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)two);
	ASSERT_EQ(0, mprotect(two + PAGE, PAGE, PROT_NONE));
	write_frames(_metadata, self);
	/* Eight bits are in the first page. */
	ret = vdev_log_report(&self->v, first_slot(self), FRAMES * PAGE, PAGE,
			      (void *)(two + PAGE - 1));
	munmap(two, 2 * PAGE);
	if (!ret)
		SKIP(return, "this kernel says nothing of a bitmap that it cannot write");
	EXPECT_EQ(-EFAULT, ret);
	EXPECT_EQ(0, vdev_log_report(&self->v, first_slot(self), FRAMES * PAGE,
				     PAGE, &word));
	EXPECT_EQ(((1ULL << FRAMES) - 1) >> 8, word >> 8);
}

/* Only what START asked for is logged. */
TEST_F(card, ranges_of_start)
{
	uint64_t slot, page_size = PAGE;
	uint64_t bitmap[8];
	log_range ranges[2];
	unsigned int i;

	REQUIRE_LOGGING();
	card_up(_metadata, self, 0);
	slot = first_slot(self);
	ranges[0] = (log_range){ slot + 2 * PAGE, 3 * PAGE };
	ranges[1] = (log_range){ slot + 9 * PAGE, PAGE };
	ASSERT_EQ(0, vdev_log_start(&self->v, ranges, 2, &page_size));
	for (i = 0; i < FRAMES; i++)
		to_guest(_metadata, self->net, &self->nic, 500, i);
	memset(bitmap, 0, sizeof(bitmap));
	vdev_log_report(&self->v, self->mem.iova, self->mem.size, PAGE, bitmap);
	for (i = 0; i < self->mem.size / PAGE; i++) {
		uint64_t at = self->mem.iova + i * PAGE - slot;
		bool asked = (at >= 2 * PAGE && at < 5 * PAGE) ||
			     at == 9 * PAGE;

		EXPECT_EQ(asked, bit((uint8_t *)bitmap, i)) {
			TH_LOG("page %u, at 0x%llx from the buffers", i,
			       (unsigned long long)at);
		}
	}
}

/* Of all pages, those are dirty that the card may have written. */
static void report_is_exact(struct __test_metadata *_metadata,
			    FIXTURE_DATA(card) *self, unsigned int frames)
{
	uint64_t bitmap[8] = { 0 };
	unsigned long page, slot, used[2];
	unsigned int i, wrong = 0;

	slot = (first_slot(self) - self->mem.iova) / PAGE;
	for (i = 0; i < 2; i++)
		used[i] = (self->nic.vq[i].used_iova - self->mem.iova) / PAGE;
	ASSERT_EQ(0, vdev_log_report(&self->v, self->mem.iova, self->mem.size,
				     PAGE, bitmap));
	for (page = 0; page < self->mem.size / PAGE; page++) {
		bool may = (page >= slot && page < slot + RING / 2) ||
			   page == used[0] || page == used[1];
		bool must = page >= slot && page < slot + frames;

		bool dirty = bit((uint8_t *)bitmap, page);

		if ((!dirty || may) && (dirty || !must))
			continue;
		if (!wrong++)
			TH_LOG("page %lu was %s", page,
			       may ? "written" : "not written");
	}
	EXPECT_EQ(0, wrong);
}

/* The host sends a frame; of what that allocates, number @nth fails, or some. */
static void send_failing(FIXTURE_DATA(card) *self, int nth)
{
	uint8_t frame[500];
	int status;
	pid_t pid;

	frame_make(frame, sizeof(frame), self->mac, 1);
	pid = fork();
	if (!pid) {
		if (nth)
			fail_nth(nth);
		else
			fail_task("self", true);
		netif_send(self->net, frame, sizeof(frame));
		_exit(0);
	}
	waitpid(pid, &status, 0);
}

/* Frames while allocations fail; what does not arrive was not written. */
static unsigned int frames_with_failures(FIXTURE_DATA(card) *self, int nth)
{
	unsigned int i, arrived = 0;
	uint8_t in[VNIC_SLOT];

	for (i = 0; i < FRAMES; i++)
		send_failing(self, nth);
	while (arrived < FRAMES &&
	       vnic_recv(&self->nic, in, sizeof(in), QUIET_MS) > 0)
		arrived++;
	return arrived;
}

TEST_F(card, allocations_fail_in_turn)
{
	unsigned int arrived;
	int nth;

	REQUIRE_LOGGING();
	if (!inject_init())
		SKIP(return, "this kernel injects no failures");
	for (nth = 1; nth < 20; nth++) {
		card_up(_metadata, self, 0);
		ASSERT_EQ(0, vdev_log_start_one(&self->v, self->mem.iova, self->mem.size));
		arrived = frames_with_failures(self, nth);
		report_is_exact(_metadata, self, arrived);
		ASSERT_EQ(0, vdev_log_stop(&self->v));
		ASSERT_EQ(0, vdev_reset(&self->v));
	}
}

/* A third of what the sender and the kernel's threads allocate. */
TEST_F_TIMEOUT(card, allocations_fail_at_random, 180)
{
	unsigned int round, arrived;

	REQUIRE_LOGGING();
	if (!inject_init())
		SKIP(return, "this kernel injects no failures");
	for (round = 0; round < 20; round++) {
		card_up(_metadata, self, 0);
		ASSERT_EQ(0, vdev_log_start_one(&self->v, self->mem.iova, self->mem.size));
		fail_kthreads(true);
		fail_percent(33);
		arrived = frames_with_failures(self, 0);
		fail_percent(0);
		fail_kthreads(false);
		report_is_exact(_metadata, self, arrived);
		ASSERT_EQ(0, vdev_log_stop(&self->v));
		ASSERT_EQ(0, vdev_reset(&self->v));
	}
}

/* A report that fails takes nothing away. */
TEST_F(card, report_fails)
{
	bool over = false;
	int nth, ret;

	REQUIRE_LOGGING();
	if (!inject_init())
		SKIP(return, "this kernel injects no failures");
	for (nth = 1; !over; nth++) {
		uint64_t word[2] = { 0 };

		ASSERT_GT(100, nth);
		write_frames(_metadata, self);
		fail_nth(nth);
		ret = vdev_log_report(&self->v, first_slot(self), FRAMES * PAGE,
				      PAGE, &word[0]);
		over = fail_done();
		if (ret)
			ASSERT_EQ(0, vdev_log_report(&self->v, first_slot(self),
						     FRAMES * PAGE, PAGE,
						     &word[1]));
		EXPECT_EQ((1ULL << FRAMES) - 1, word[!!ret]);
		ASSERT_EQ(0, vdev_log_stop(&self->v));
	}
}

#define OTHER		(64 * MIB)
/* What was unmapped so often is not pinned for five seconds. */
#define LEAVING		5

/* All that the card receives goes to @iova. A frame, which it has at *@used then. */
static void frame_to(struct __test_metadata *_metadata,
		     FIXTURE_DATA(card) *self, uint64_t iova, uint16_t *used)
{
	struct vq *vq = &self->nic.vq[VNIC_RX];
	uint8_t frame[500];
	unsigned int i;

	for (i = 1; i < vq->num; i += 2)
		vq->desc[i].addr = iova;
	*used = __atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE) + 1;
	frame_make(frame, sizeof(frame), self->mac, 1);
	ASSERT_EQ(0, netif_send(self->net, frame, sizeof(frame)));
}

static bool was_used(FIXTURE_DATA(card) *self, uint16_t index)
{
	struct vq *vq = &self->nic.vq[VNIC_RX];
	int64_t deadline = deadline_ms(DEADLINE_MS);

	while ((int16_t)(__atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE) -
			 index) < 0) {
		if (!deadline_left(deadline))
			return false;
		sched_yield();
	}
	return true;
}

/*
 * A page that comes late is written when logging has ended and begun again: it is
 * dirty. Memory that is unmapped often is not pinned but copied to. The second START
 * waits for the copy, which is interrupted some time and tried again.
 */
TEST_F(card, late_page)
{
	struct guest_mem other;
	struct slow_uffd slow;
	unsigned int i;
	uint16_t used;

	if (variant->how != VDEV_GROUP)
		SKIP(return, "an iommufd does not wait for userfaultfd");
	REQUIRE_LOGGING();
	ASSERT_EQ(0, guest_mem_init(&other, OTHER, 2 * PAGE));
	madvise(other.va, other.size, MADV_NOHUGEPAGE);
	card_alone(_metadata, self);
	card_up(_metadata, self, 0);
	for (i = 0; i < LEAVING; i++) {
		ASSERT_EQ(0, vdev_map(&self->v, &other));
		frame_to(_metadata, self, OTHER, &used);
		ASSERT_TRUE(was_used(self, used));
		ASSERT_EQ(0, vdev_unmap(&self->v, other.iova, other.size));
		if (i + 1 < LEAVING)
			usleep((20000 << 2 * i) + 100000);
	}
	ASSERT_EQ(0, vdev_map(&self->v, &other));
	if (slow_uffd_init(&slow, other.va + PAGE, PAGE))
		SKIP(return, "this kernel has no userfaultfd");
	ASSERT_EQ(0, vdev_log_start_one(&self->v, 0, OTHER + 2 * PAGE));
	frame_to(_metadata, self, OTHER + PAGE, &used);
	ASSERT_TRUE(slow_uffd_touched(&slow, DEADLINE_MS));
	ASSERT_EQ(0, vdev_log_stop(&self->v));
	ASSERT_EQ(0, vdev_log_start_one(&self->v, 0, OTHER + 2 * PAGE));
	ASSERT_EQ(0, slow_uffd_fill(&slow));
	EXPECT_TRUE(was_used(self, used));
	EXPECT_TRUE(take_page(_metadata, self, OTHER + PAGE));
	slow_uffd_free(&slow);
}

TEST_HARNESS_MAIN
