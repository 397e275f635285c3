// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two threads unmap two neighbours at the same time. The card has pinned pages of both at
 * once, so that whoever comes first unpins the other one's: who comes second must not
 * return before that is done.
 *
 * type1 has each of them hold a lock while it waits for the other one's unpinning, which
 * takes that lock: if that got on by a page or two each time that one of them gives up, the
 * two would soon wait for minutes, and for days.
 *
 * RACES_SECONDS: how long in all.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include "card.h"
#include "races.h"

FIXTURE_VARIANT_ADD(card, iommufd) { .how = VDEV_IOMMUFD };

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

#define NR_TESTS	6
#define PAGE		4096UL
/* The card reads one page of each and pins the block: so the first unmap has enough to do. */
#define BLOCK		(2 * MIB)
#define NR_BLOCKS	31UL
#define PARTS		16UL
/* Those that there is memory for; the others are the same. */
#define OWN_BLOCKS	4UL
/* At its end, and the one behind it: pinned at once. */
#define TAIL		3UL
#define SIZE		(NR_BLOCKS * BLOCK + TAIL * PAGE)
/* Pages that are apart, so that each is pinned alone; and one that is far away. */
#define NR_APART	1000UL
#define APART_SIZE	(2 * NR_APART * PAGE)
#define FAR		(64 * MIB)
/* The second unmap begins up to so much after the first. */
#define LATER_NS	400000U
#define STEP_NS		7919U
#define APART_LATER_NS	20000000U
#define APART_STEP_NS	791903U
/* In which the card is closed meanwhile. */
#define CLOSED_MS	30U
/* The wait that comes when a few short ones were of no use is longer. */
#define SLOWEST_MS	5000U

/**
 * struct second - who unmaps the second one
 * @thread: it
 * @v: where
 * @iova: what
 * @size: how much
 * @later_ns: so much after the first
 * @round: to be done; negative: the end
 * @done: the last one that was
 * @ret: what came of it
 * @slowest: how long one took at most, in ns
 */
struct second {
	pthread_t thread;
	struct vdev *v;
	uint64_t iova;
	uint64_t size;
	unsigned int later_ns;
	int round;
	int done;
	int ret;
	uint64_t slowest;
};

static void run_on(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int unmap_timed(struct vdev *v, uint64_t iova, uint64_t size,
		       uint64_t *slowest)
{
	uint64_t start = now_ns(), ns;
	int ret = vdev_unmap(v, iova, size);

	ns = now_ns() - start;
	if (ns > *slowest)
		*slowest = ns;
	return ret;
}

static void *second_thread(void *arg)
{
	struct second *s = arg;
	uint64_t until;
	int round;

	run_on(1);
	for (;;) {
		do {
			sched_yield();
			round = __atomic_load_n(&s->round, __ATOMIC_ACQUIRE);
		} while (round == s->done);
		if (round < 0)
			return NULL;
		until = now_ns() + s->later_ns;
		while (now_ns() < until)
			;
		s->ret = unmap_timed(s->v, s->iova, s->size, &s->slowest);
		__atomic_store_n(&s->done, round, __ATOMIC_RELEASE);
	}
}

/* Most of it is the same memory again and again: the card has that many pages pinned. */
static uint8_t *memory(void)
{
	int fd = memfd_create("span", MFD_CLOEXEC);
	uint8_t *va, *block = NULL;
	unsigned long i, off;

	if (fd < 0 || ftruncate(fd, OWN_BLOCKS * BLOCK + (TAIL + 1) * PAGE))
		return NULL;
	va = mmap(NULL, SIZE + PAGE, PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	for (i = 0; va != MAP_FAILED && block != MAP_FAILED && i <= NR_BLOCKS;
	     i++) {
		off = i < NR_BLOCKS ? i % OWN_BLOCKS : OWN_BLOCKS;
		block = mmap(va + i * BLOCK,
			     i < NR_BLOCKS ? BLOCK : (TAIL + 1) * PAGE,
			     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			     off * BLOCK);
	}
	close(fd);
	return va == MAP_FAILED || block == MAP_FAILED ? NULL : va;
}

/* The card reads pages that are apart, and those at the end. */
static int use_both(FIXTURE_DATA(card) *self, uint64_t iova)
{
	unsigned long i, n;
	int ret = 0;

	for (i = 0; !ret && i < NR_BLOCKS; i += n) {
		n = NR_BLOCKS - i < PARTS ? NR_BLOCKS - i : PARTS;
		ret = vnic_send_parts(&self->nic, iova + i * BLOCK, n, BLOCK);
	}
	return ret ? ret : vnic_send_parts(&self->nic, iova + NR_BLOCKS * BLOCK,
					   TAIL, PAGE);
}

static int reopen(struct vdev *v)
{
	v->fd = ioctl(v->group_fd, VFIO_GROUP_GET_DEVICE_FD, v->uuid);
	return v->fd < 0 ? -errno : 0;
}

/**
 * struct closer - who closes the card meanwhile
 * @thread: it
 * @fd: what
 * @later_ns: when
 */
struct closer {
	pthread_t thread;
	int fd;
	unsigned int later_ns;
};

static void *closer_thread(void *arg)
{
	struct closer *c = arg;
	struct timespec later = { .tv_nsec = c->later_ns };

	run_on(2);
	nanosleep(&later, NULL);
	close(c->fd);
	return NULL;
}

/* Both are in use. */
static void unmap_both(struct __test_metadata *_metadata,
		       FIXTURE_DATA(card) *self, struct second *s,
		       const struct guest_mem *first,
		       const struct guest_mem *other, uint64_t *slowest,
		       struct closer *c)
{
	int round = s->done + 1;

	s->iova = other->iova;
	s->size = other->size;
	__atomic_store_n(&s->round, round, __ATOMIC_RELEASE);
	if (c)
		ASSERT_EQ(0, pthread_create(&c->thread, NULL, closer_thread, c));
	EXPECT_EQ(0, unmap_timed(&self->v, first->iova, first->size, slowest));
	while (__atomic_load_n(&s->done, __ATOMIC_ACQUIRE) != round)
		sched_yield();
	EXPECT_EQ(0, s->ret);
	if (c)
		pthread_join(c->thread, NULL);
}

static void one_round(struct __test_metadata *_metadata,
		      FIXTURE_DATA(card) *self, struct second *s, uint8_t *va,
		      uint64_t iova, uint64_t *slowest, struct closer *c)
{
	struct guest_mem first = { .va = va, .iova = iova, .size = SIZE };
	struct guest_mem other = {
		.va = va + SIZE, .iova = iova + SIZE, .size = PAGE,
	};

	ASSERT_EQ(0, vdev_map(&self->v, &first));
	ASSERT_EQ(0, vdev_map(&self->v, &other));
	ASSERT_EQ(0, use_both(self, iova));
	s->later_ns = (s->done + 1) * STEP_NS % LATER_NS;
	unmap_both(_metadata, self, s, &first, &other, slowest, c);
}

/* Every other page is not there. */
static uint8_t *memory_apart(void)
{
	uint8_t *va = mmap(NULL, APART_SIZE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long i;
	int ret = va == MAP_FAILED;

	for (i = 0; !ret && i < NR_APART; i++)
		ret = mprotect(va + 2 * i * PAGE, PAGE, PROT_READ | PROT_WRITE);
	return ret ? NULL : va;
}

/* The card reads the pages that are there. */
static int use_apart(FIXTURE_DATA(card) *self, const struct guest_mem *mem)
{
	unsigned long i, n, nr = (mem->size / PAGE + 1) / 2;
	int ret = vdev_map(&self->v, mem);

	for (i = 0; !ret && i < nr; i += n) {
		n = nr - i < PARTS ? nr - i : PARTS;
		ret = vnic_send_parts(&self->nic, mem->iova + 2 * i * PAGE, n,
				      2 * PAGE);
	}
	return ret;
}

/* Many runs, and one that is none of them, or as many. */
static void apart_round(struct __test_metadata *_metadata,
			FIXTURE_DATA(card) *self, struct second *s, uint8_t *va,
			uint64_t iova, uint64_t *slowest)
{
	struct guest_mem first = { .va = va, .iova = iova, .size = APART_SIZE };
	struct guest_mem other = {
		.va = va, .iova = iova + FAR,
		.size = s->done % 2 ? APART_SIZE : PAGE,
	};

	ASSERT_EQ(0, use_apart(self, &first));
	ASSERT_EQ(0, use_apart(self, &other));
	s->later_ns = (s->done + 1) * APART_STEP_NS % APART_LATER_NS;
	unmap_both(_metadata, self, s, &first, &other, slowest, NULL);
}

static void second_begin(struct __test_metadata *_metadata, struct second *s)
{
	ASSERT_EQ(0, pthread_create(&s->thread, NULL, second_thread, s));
	run_on(0);
}

static void second_end(struct second *s)
{
	__atomic_store_n(&s->round, -1, __ATOMIC_RELEASE);
	pthread_join(s->thread, NULL);
}

/* Neither of them took long. */
static void both_end(struct __test_metadata *_metadata, struct second *s,
		     uint64_t slowest)
{
	TH_LOG("%d rounds, slowest unmaps %llu and %llu us", s->done,
	       (unsigned long long)slowest / 1000,
	       (unsigned long long)s->slowest / 1000);
	EXPECT_LT(0, s->done);
	EXPECT_GT(SLOWEST_MS, slowest / 1000000);
	EXPECT_GT(SLOWEST_MS, s->slowest / 1000000);
	second_end(s);
}

TEST_F_TIMEOUT(card, span, RACES_TIMEOUT(NR_TESTS))
{
	struct second second = { .v = &self->v };
	uint64_t iova = 64 * MIB;
	uint64_t slowest = 0;
	uint64_t until;
	uint8_t *va;

	va = memory();
	ASSERT_TRUE(va);
	card_alone(_metadata, self);
	card_up(_metadata, self, 0);
	second_begin(_metadata, &second);
	until = now_ns() + races_ms(NR_TESTS) * 1000000ULL;
	while (now_ns() < until && __test_passed(_metadata)) {
		one_round(_metadata, self, &second, va, iova, &slowest, NULL);
		/* What was unmapped often is not pinned for a while. */
		iova += 2 * NR_BLOCKS * BLOCK + BLOCK;
	}
	both_end(_metadata, &second, slowest);
	munmap(va, SIZE + PAGE);
}

/* The second one is small, every other time, and is not to wait for the first. */
TEST_F_TIMEOUT(card, apart, RACES_TIMEOUT(NR_TESTS))
{
	struct second second = { .v = &self->v };
	uint64_t iova = 64 * MIB, slowest = 0, until;
	uint8_t *va = memory_apart();

	ASSERT_TRUE(va);
	card_alone(_metadata, self);
	card_up(_metadata, self, 0);
	second_begin(_metadata, &second);
	until = now_ns() + races_ms(NR_TESTS) * 1000000ULL;
	while (now_ns() < until && __test_passed(_metadata)) {
		apart_round(_metadata, self, &second, va, iova, &slowest);
		iova += 2 * FAR;
	}
	both_end(_metadata, &second, slowest);
	munmap(va, APART_SIZE);
}

/* What is still being unpinned when the card is closed is waited for as well. */
TEST_F_TIMEOUT(card, closed, RACES_TIMEOUT(NR_TESTS))
{
	struct second second = { .v = &self->v };
	uint64_t iova = 64 * MIB, slowest = 0, until;
	struct closer closer = { };
	uint8_t *va;

	if (variant->how != VDEV_GROUP)
		SKIP(return, "of an iommufd it is gone from the list then");
	va = memory();
	ASSERT_TRUE(va);
	card_alone(_metadata, self);
	second_begin(_metadata, &second);
	until = now_ns() + races_ms(NR_TESTS) * 1000000ULL;
	while (now_ns() < until && __test_passed(_metadata)) {
		card_up(_metadata, self, 0);
		closer.fd = self->v.fd;
		closer.later_ns = (second.done + 1) * STEP_NS * 10 %
				  (CLOSED_MS * 1000000);
		one_round(_metadata, self, &second, va, iova, &slowest, &closer);
		iova += 2 * NR_BLOCKS * BLOCK + BLOCK;
		vnic_down(&self->nic);
		ASSERT_EQ(0, reopen(&self->v));
	}
	TH_LOG("%d rounds", second.done);
	EXPECT_LT(0, second.done);
	second_end(&second);
	munmap(va, SIZE + PAGE);
}

TEST_HARNESS_MAIN
