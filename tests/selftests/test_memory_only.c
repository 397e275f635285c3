// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory without the rest of the helper (tests/modules/memory_only): copies, a ring
 * that stays mapped, pages that stay pinned for a DMA engine, and who learns what was
 * written.
 */
#include "testmod.h"

#include "faults.h"

#define MO_MODULE	"mdm_memory_only"
#define PAGE		4096UL
#define PAGES		64UL
#define BASE		MIB
#define TICKS_MS	50

/* Registers and commands, see tests/modules/memory_only/memory_only.h. */
enum {
	COMMAND, IOVA, LEN, VALUE, SLOT, RESULT, UNMAPS, ROUNDS, DONE
};

enum {
	READ = 1, WRITE, RING, NO_RING, KICK, PIN, UNPIN, RUN, HALT, SAVING
};

struct entry {
	uint64_t from;
	uint64_t to;
	uint32_t len;
	uint32_t status;
};

FIXTURE(memory) {
	struct vdev v;
	struct guest_mem mem;
};

BOTH_WAYS(memory);

static void unload(void)
{
	if (!access("/sys/module/" MO_MODULE, F_OK))
		module_unload(MO_MODULE);
}

FIXTURE_SETUP(memory)
{
	const char *ko = getenv("MDM_MEMORY_ONLY_KO");

	REQUIRE_MODULE(ko);
	REQUIRE_WAY(variant->how);
	unload();
	ASSERT_EQ(0, module_insert(ko, ""));
	ASSERT_EQ(0, vdev_open(&self->v, MO_MODULE, variant->how));
	/* Which processes can share. */
	ASSERT_EQ(0, guest_mem_init_shared(&self->mem, BASE, PAGES * PAGE));
	ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
}

FIXTURE_TEARDOWN(memory)
{
	vdev_close(&self->v);
	guest_mem_free(&self->mem);
	unload();
}

static uint64_t get(struct vdev *v, unsigned int reg)
{
	return vdev_read(v, 0, 8, reg * 8);
}

/* What comes of it. */
static int command(struct vdev *v, unsigned int what, uint64_t iova,
		   uint64_t len, uint64_t value)
{
	uint8_t result[8];
	int ret;

	ret = vdev_write(v, 0, 8, IOVA * 8, iova);
	if (!ret)
		ret = vdev_write(v, 0, 8, LEN * 8, len);
	if (!ret)
		ret = vdev_write(v, 0, 8, VALUE * 8, value);
	if (!ret)
		ret = vdev_write(v, 0, 8, COMMAND * 8, what);
	if (ret)
		return ret;
	ret = vdev_pread(v, 0, result, sizeof(result), RESULT * 8);
	return ret < 0 ? ret : (int)get_le64(result);
}

static int slot_command(struct vdev *v, unsigned int slot, unsigned int what,
			uint64_t iova, uint64_t len, uint64_t value)
{
	int ret = vdev_write(v, 0, 8, SLOT * 8, slot);

	return ret ? ret : command(v, what, iova, len, value);
}

static int pin(struct vdev *v, unsigned int slot, uint64_t iova, uint64_t len)
{
	return slot_command(v, slot, PIN, iova, len, 0);
}

static int unpin(struct vdev *v, unsigned int slot)
{
	return slot_command(v, slot, UNPIN, 0, 0, 0);
}

/* The engine writes to the 8 bytes at @at of what a slot has. */
static int run(struct vdev *v, unsigned int slot, uint64_t at)
{
	return slot_command(v, slot, RUN, 0, 0, at);
}

static int halt(struct vdev *v, unsigned int slot)
{
	return slot_command(v, slot, HALT, 0, 0, 0);
}

/* Memory that was unmapped is not gone for certain before three seconds are over. */
static bool is_gone(int ret)
{
	return ret == -EFAULT || ret == -EAGAIN;
}

static volatile uint64_t *word(FIXTURE_DATA(memory) *self, uint64_t at)
{
	return (volatile uint64_t *)(self->mem.va + at);
}

/* Does what a word has change before the deadline, or in the time of @ms? */
static bool changes(FIXTURE_DATA(memory) *self, uint64_t at, int ms)
{
	int64_t deadline = deadline_ms(ms);
	uint64_t value = *word(self, at);

	while (deadline_left(deadline)) {
		if (*word(self, at) != value)
			return true;
		usleep(1000);
	}
	return false;
}

TEST_F(memory, copies)
{
	struct guest_mem rom;
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < 3 * PAGE; i++)
		sum += self->mem.va[100 + i] = i * 7;
	EXPECT_EQ(0, command(&self->v, READ, BASE + 100, 3 * PAGE, 0));
	EXPECT_EQ(sum, get(&self->v, VALUE));
	EXPECT_EQ(0, command(&self->v, WRITE, BASE + PAGE - 1, PAGE + 2, 0x5a));
	EXPECT_EQ((uint8_t)((PAGE - 102) * 7), self->mem.va[PAGE - 2]);
	for (i = PAGE - 1; i < 2 * PAGE + 1; i++)
		ASSERT_EQ(0x5a, self->mem.va[i]);
	EXPECT_NE(0x5a, self->mem.va[2 * PAGE + 1]);
	EXPECT_EQ(0, command(&self->v, READ, BASE, 0, 0));
	EXPECT_EQ(-EFAULT, command(&self->v, READ, 0, 1, 0));
	EXPECT_EQ(-EFAULT, command(&self->v, READ, BASE + PAGES * PAGE - 1, 2, 0));
	EXPECT_EQ(-EFAULT, command(&self->v, WRITE, ~0ULL, 2, 0));
	ASSERT_EQ(0, guest_mem_init(&rom, 0, PAGE));
	rom.va[0] = 9;
	ASSERT_EQ(0, vdev_map_readonly(&self->v, &rom));
	EXPECT_EQ(0, command(&self->v, READ, 0, PAGE, 0));
	EXPECT_EQ(9, get(&self->v, VALUE));
	EXPECT_EQ(-EFAULT, command(&self->v, WRITE, 0, 1, 1));
	EXPECT_EQ(9, rom.va[0]);
	guest_mem_free(&rom);
}

/* Entries @first to @last of a ring in the first page are put there and done. */
static void ring_copies(struct __test_metadata *_metadata,
			FIXTURE_DATA(memory) *self, unsigned int first,
			unsigned int last)
{
	volatile struct entry *ring = (void *)self->mem.va;
	int64_t deadline = deadline_ms(DEADLINE_MS);
	unsigned int i;

	for (i = first; i <= last; i++) {
		ring[i].from = BASE + (1 + i) * PAGE;
		ring[i].to = BASE + (20 + i) * PAGE + 8;
		ring[i].len = PAGE;
		ring[i].status = 0;
		*word(self, (1 + i) * PAGE) = i + 1000;
		*word(self, (20 + i) * PAGE + 8) = 0;
	}
	ASSERT_EQ(0, command(&self->v, KICK, 0, 0, last + 1));
	while (deadline_left(deadline) && get(&self->v, DONE) < last + 1)
		usleep(1000);
	for (i = first; i <= last; i++) {
		EXPECT_EQ(1, ring[i].status);
		EXPECT_EQ(i + 1000, *word(self, (20 + i) * PAGE + 8));
	}
}

/* What is unmapped and mapped again is the ring again. */
TEST_F(memory, ring)
{
	volatile struct entry *ring = (void *)self->mem.va;

	EXPECT_EQ(-EINVAL, command(&self->v, RING, BASE, 0, 0));
	EXPECT_EQ(-EFAULT, command(&self->v, RING, 0, 16, 0));
	EXPECT_EQ(-EINVAL, command(&self->v, KICK, 0, 0, 1));
	ASSERT_EQ(0, command(&self->v, RING, BASE, 16, 0));
	ring_copies(_metadata, self, 0, 4);
	ASSERT_EQ(0, vdev_unmap(&self->v, BASE, PAGES * PAGE));
	ASSERT_EQ(0, command(&self->v, KICK, 0, 0, 6));
	usleep(QUIET_MS * 1000);
	EXPECT_EQ(5, get(&self->v, DONE));
	ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
	ring_copies(_metadata, self, 5, 9);
	/* An entry that leads nowhere. */
	ring[10].from = 0;
	ring[10].to = BASE;
	ring[10].len = 1;
	ring[10].status = 0;
	ring_copies(_metadata, self, 11, 11);
	EXPECT_EQ(2, ring[10].status);
	ASSERT_EQ(0, command(&self->v, NO_RING, 0, 0, 0));
	EXPECT_EQ(0, vdev_unmap(&self->v, BASE, PAGES * PAGE));
	EXPECT_EQ(0, get(&self->v, UNMAPS));
}

/* A ring and pages of the engine's are there when the device is closed, or reset. */
TEST_F(memory, closed_with_all)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, command(&self->v, RING, BASE, 16, 0));
		ASSERT_EQ(0, pin(&self->v, 0, BASE, 3 * PAGE));
		ASSERT_EQ(0, pin(&self->v, 3, BASE + PAGE, PAGE));
		ASSERT_EQ(0, run(&self->v, 0, PAGE));
		EXPECT_TRUE(changes(self, PAGE, DEADLINE_MS));
		ASSERT_EQ(0, command(&self->v, READ, BASE, 10 * PAGE, 0));
		if (!i) {
			ASSERT_EQ(0, vdev_reset(&self->v));
			EXPECT_FALSE(changes(self, PAGE, TICKS_MS));
		}
	}
	vdev_close(&self->v);
	EXPECT_FALSE(changes(self, PAGE, TICKS_MS));
	ASSERT_EQ(0, vdev_open(&self->v, MO_MODULE, variant->how));
	ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
	EXPECT_EQ(0, pin(&self->v, 0, BASE, PAGE));
}

/* The engine writes until the memory is unmapped, and not after that. */
TEST_F(memory, pinned_until_unmapped)
{
	uint64_t rounds;

	ASSERT_EQ(0, pin(&self->v, 1, BASE + 2 * PAGE + 16, 3 * PAGE));
	EXPECT_EQ(-EINVAL, pin(&self->v, 1, BASE, PAGE));
	ASSERT_EQ(0, run(&self->v, 1, 2 * PAGE + 8));
	EXPECT_TRUE(changes(self, 4 * PAGE + 24, DEADLINE_MS));
	ASSERT_EQ(0, vdev_unmap(&self->v, BASE, PAGES * PAGE));
	EXPECT_FALSE(changes(self, 4 * PAGE + 24, TICKS_MS));
	EXPECT_EQ(1, get(&self->v, UNMAPS));
	rounds = get(&self->v, ROUNDS);
	EXPECT_EQ(-EAGAIN, run(&self->v, 1, 0));
	/* It does not come back by itself. */
	ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
	EXPECT_EQ(-EAGAIN, run(&self->v, 1, 0));
	EXPECT_EQ(rounds, get(&self->v, ROUNDS));
	ASSERT_EQ(0, unpin(&self->v, 1));
	ASSERT_EQ(0, pin(&self->v, 1, BASE, PAGE));
	ASSERT_EQ(0, run(&self->v, 1, 0));
	EXPECT_TRUE(changes(self, 0, DEADLINE_MS));
	/* What was undone already is no concern of its. */
	ASSERT_EQ(0, unpin(&self->v, 1));
	EXPECT_EQ(-EINVAL, unpin(&self->v, 1));
	ASSERT_EQ(0, vdev_unmap(&self->v, BASE, PAGES * PAGE));
	EXPECT_EQ(1, get(&self->v, UNMAPS));
}

/* Only what overlaps is told. */
TEST_F(memory, neighbours_are_unmapped)
{
	struct guest_mem parts[3];
	unsigned int i;

	ASSERT_EQ(0, vdev_unmap(&self->v, BASE, PAGES * PAGE));
	for (i = 0; i < 3; i++) {
		parts[i] = self->mem;
		parts[i].iova += i * 4 * PAGE;
		parts[i].va += i * 4 * PAGE;
		parts[i].size = 4 * PAGE;
		ASSERT_EQ(0, vdev_map(&self->v, &parts[i]));
	}
	/* In the first; the first and the second; the third. */
	ASSERT_EQ(0, pin(&self->v, 0, BASE, 4 * PAGE));
	ASSERT_EQ(0, pin(&self->v, 1, BASE + 3 * PAGE, 2 * PAGE));
	ASSERT_EQ(0, pin(&self->v, 2, BASE + 8 * PAGE, PAGE));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, run(&self->v, i, 0));
	EXPECT_TRUE(changes(self, 3 * PAGE, DEADLINE_MS));
	ASSERT_EQ(0, vdev_unmap(&self->v, parts[1].iova, parts[1].size));
	EXPECT_EQ(1, get(&self->v, UNMAPS));
	EXPECT_FALSE(changes(self, 3 * PAGE, TICKS_MS));
	EXPECT_TRUE(changes(self, 0, DEADLINE_MS));
	EXPECT_TRUE(changes(self, 8 * PAGE, DEADLINE_MS));
	ASSERT_EQ(0, vdev_unmap(&self->v, parts[0].iova, parts[0].size));
	EXPECT_EQ(2, get(&self->v, UNMAPS));
	EXPECT_FALSE(changes(self, 0, TICKS_MS));
	EXPECT_TRUE(changes(self, 8 * PAGE, DEADLINE_MS));
	ASSERT_EQ(0, vdev_unmap(&self->v, parts[2].iova, parts[2].size));
	EXPECT_EQ(3, get(&self->v, UNMAPS));
}

/* A device that leaves its address space has nothing of that any more. */
TEST_F(memory, detached)
{
	uint32_t ioas = self->v.ioas;

	if (variant->how != VDEV_IOMMUFD)
		SKIP(return, "a container's device stays in it");
	ASSERT_EQ(0, pin(&self->v, 0, BASE + PAGE, 2 * PAGE));
	ASSERT_EQ(0, run(&self->v, 0, 0));
	EXPECT_TRUE(changes(self, PAGE, DEADLINE_MS));
	ASSERT_EQ(0, vdev_detach(&self->v));
	EXPECT_EQ(1, get(&self->v, UNMAPS));
	EXPECT_FALSE(changes(self, PAGE, TICKS_MS));
	EXPECT_TRUE(is_gone(pin(&self->v, 1, BASE, PAGE)));
	ASSERT_EQ(0, vdev_attach(&self->v, ioas));
	ASSERT_EQ(0, unpin(&self->v, 0));
	ASSERT_EQ(0, pin(&self->v, 0, BASE, PAGE));
	EXPECT_EQ(1, get(&self->v, UNMAPS));
}

TEST_F(memory, bad_pins)
{
	struct guest_mem rom;

	EXPECT_EQ(-EINVAL, pin(&self->v, 4, BASE, PAGE));
	EXPECT_EQ(-EINVAL, pin(&self->v, 0, BASE, 0));
	EXPECT_EQ(-EINVAL, pin(&self->v, 0, BASE, MIB + 1));
	EXPECT_EQ(-EFAULT, pin(&self->v, 0, 0, PAGE));
	EXPECT_EQ(-EFAULT, pin(&self->v, 0, BASE + (PAGES - 1) * PAGE, 2 * PAGE));
	EXPECT_EQ(-EFAULT, pin(&self->v, 0, -PAGE, PAGE));
	EXPECT_EQ(-EFAULT, pin(&self->v, 0, -PAGE, 2 * PAGE));
	ASSERT_EQ(0, guest_mem_init(&rom, 0, PAGE));
	ASSERT_EQ(0, vdev_map_readonly(&self->v, &rom));
	EXPECT_EQ(-EFAULT, pin(&self->v, 0, 0, PAGE));
	EXPECT_EQ(0, slot_command(&self->v, 0, PIN, 0, PAGE, true));
	EXPECT_EQ(-EINVAL, run(&self->v, 0, 0));
	EXPECT_EQ(0, vdev_unmap(&self->v, 0, PAGE));
	EXPECT_EQ(1, get(&self->v, UNMAPS));
	guest_mem_free(&rom);
}

static bool bit(const uint64_t *bitmap, unsigned long page)
{
	return bitmap[page / 64] >> page % 64 & 1;
}

/* What DMA logging reports; it fits into one word. */
static uint64_t logged(struct __test_metadata *_metadata,
		       FIXTURE_DATA(memory) *self)
{
	uint64_t bitmap = 0;

	EXPECT_EQ(0, vdev_log_report(&self->v, BASE, PAGES * PAGE, PAGE, &bitmap));
	return bitmap;
}

#define P(n)	(1ULL << (n))

TEST_F(memory, logging)
{
	uint64_t bitmap;

	if (!vdev_logs(&self->v))
		SKIP(return, "this kernel has no DMA logging for such devices");
	ASSERT_EQ(0, pin(&self->v, 0, BASE + 4 * PAGE, 4 * PAGE));
	ASSERT_EQ(0, command(&self->v, RING, BASE, 16, 0));
	ASSERT_EQ(0, vdev_log_start_one(&self->v, BASE, PAGES * PAGE));
	EXPECT_EQ(0, logged(_metadata, self));
	EXPECT_EQ(0, command(&self->v, WRITE, BASE + 50 * PAGE - 1, 2, 1));
	EXPECT_EQ(0, command(&self->v, READ, BASE + 40 * PAGE, PAGE, 1));
	EXPECT_EQ(P(49) | P(50), logged(_metadata, self));
	/* What was pinned before, and one page of it. */
	ASSERT_EQ(0, run(&self->v, 0, 2 * PAGE));
	EXPECT_TRUE(changes(self, 6 * PAGE, DEADLINE_MS));
	ASSERT_EQ(0, halt(&self->v, 0));
	EXPECT_EQ(P(6), logged(_metadata, self));
	EXPECT_EQ(0, logged(_metadata, self));
	/* What is pinned since. Each time that it writes. */
	ASSERT_EQ(0, pin(&self->v, 1, BASE + 60 * PAGE, 2 * PAGE));
	ASSERT_EQ(0, run(&self->v, 1, PAGE));
	EXPECT_TRUE(changes(self, 61 * PAGE, DEADLINE_MS));
	EXPECT_EQ(P(61), logged(_metadata, self));
	EXPECT_TRUE(changes(self, 61 * PAGE, DEADLINE_MS));
	ASSERT_EQ(0, halt(&self->v, 1));
	EXPECT_EQ(P(61), logged(_metadata, self));
	EXPECT_EQ(0, logged(_metadata, self));
	ring_copies(_metadata, self, 0, 0);
	EXPECT_EQ(P(0) | P(20) | P(21), logged(_metadata, self));
	/* The last that it wrote before it was told to let go. */
	ASSERT_EQ(0, run(&self->v, 1, PAGE));
	EXPECT_TRUE(changes(self, 61 * PAGE, DEADLINE_MS));
	ASSERT_EQ(0, vdev_unmap(&self->v, BASE, PAGES * PAGE));
	bitmap = logged(_metadata, self);
	EXPECT_TRUE(bit(&bitmap, 61));
	ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
	EXPECT_EQ(0, logged(_metadata, self));
	EXPECT_EQ(0, vdev_log_stop(&self->v));
}

static uint64_t tracked(struct __test_metadata *_metadata,
			FIXTURE_DATA(memory) *self)
{
	uint64_t bitmap = 0;

	EXPECT_EQ(0, type1_dirty_get(&self->v, BASE, PAGES * PAGE, &bitmap,
				     sizeof(bitmap)));
	return bitmap;
}

/* The container counts what is pinned as dirty, and of the rest what is written. */
TEST_F(memory, container_tracks)
{
	if (variant->how != VDEV_GROUP)
		SKIP(return, "iommufd does not track what such devices write");
	ASSERT_EQ(0, command(&self->v, WRITE, BASE + 30 * PAGE, PAGE, 1));
	ASSERT_EQ(0, pin(&self->v, 0, BASE + 4 * PAGE, 2 * PAGE));
	ASSERT_EQ(0, command(&self->v, SAVING, 0, 0, 1));
	ASSERT_EQ(0, type1_dirty_start(&self->v));
	tracked(_metadata, self);
	/* It has nothing at hand any more, but for what is the engine's. */
	EXPECT_EQ(P(4) | P(5), tracked(_metadata, self));
	ASSERT_EQ(0, command(&self->v, WRITE, BASE + 30 * PAGE, PAGE, 1));
	ASSERT_EQ(0, command(&self->v, READ, BASE + 40 * PAGE, PAGE, 1));
	EXPECT_EQ(P(4) | P(5) | P(30), tracked(_metadata, self));
	EXPECT_EQ(P(4) | P(5), tracked(_metadata, self));
	ASSERT_EQ(0, run(&self->v, 0, 0));
	EXPECT_TRUE(changes(self, 4 * PAGE, DEADLINE_MS));
	EXPECT_EQ(P(4) | P(5), tracked(_metadata, self));
	/* Until it is unpinned, and once more: it may have been written by then. */
	ASSERT_EQ(0, unpin(&self->v, 0));
	EXPECT_EQ(P(4) | P(5), tracked(_metadata, self));
	EXPECT_EQ(0, tracked(_metadata, self));
	EXPECT_EQ(0, type1_dirty_stop(&self->v));
	ASSERT_EQ(0, command(&self->v, SAVING, 0, 0, 0));
}

static struct vdev *racing;

static int pins(unsigned int id, uint64_t *random)
{
	uint64_t iova = BASE + rng_next(random) % (PAGES - 4) * PAGE;
	int ret = pin(racing, id, iova, 1 + rng_next(random) % (4 * PAGE));

	if (!ret) {
		run(racing, id, 0);
		usleep(rng_next(random) % 2000);
		ret = unpin(racing, id);
	}
	return ret && !is_gone(ret) && ret != -EINTR;
}

/* The engine gets and gives back pages, while these are unmapped and mapped. */
TEST_F(memory, pins_against_unmaps)
{
	int64_t deadline = deadline_ms(RACE_MS);
	unsigned int times = 0;
	pid_t pid;

	racing = &self->v;
	pid = start(pins, 0, RACE_MS);
	while (deadline_left(deadline)) {
		ASSERT_EQ(0, vdev_unmap(&self->v, BASE, PAGES * PAGE));
		memset(self->mem.va, 0x11, PAGES * PAGE);
		usleep(500);
		EXPECT_EQ(0x11, self->mem.va[times % (PAGES * PAGE)]);
		ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
		usleep(rand() % 3000);
		times++;
	}
	EXPECT_EQ(0, status_of(pid));
	TH_LOG("unmapped %u times, %llu times under the engine", times,
	       (unsigned long long)get(&self->v, UNMAPS));
	EXPECT_LT(0, get(&self->v, UNMAPS));
	/* Of a slot that the process has left as it was. */
	unpin(&self->v, 0);
	ASSERT_EQ(0, vdev_unmap(&self->v, BASE, PAGES * PAGE));
}

static int pin_and_unpin(FIXTURE_DATA(memory) *self)
{
	int ret = pin(&self->v, 0, BASE, 8 * PAGE);

	if (!ret)
		ret = unpin(&self->v, 0);
	if (!ret)
		return 0;
	/* Only the answer may have been lost. */
	unpin(&self->v, 0);
	/* When type1 had no more memory to lock, it is not asked for a second. */
	if (ret == -ENOMEM && self->v.how == VDEV_GROUP)
		usleep(1100 * 1000);
	return ret;
}

TEST_F(memory, allocations_fail_in_turn)
{
	REQUIRE_FAIL_NTH();
	FAIL_EACH(self->v.how == VDEV_GROUP ? every(3) : 1, pin_and_unpin(self), );
	ASSERT_EQ(0, pin(&self->v, 0, BASE, 8 * PAGE));
	ASSERT_EQ(0, vdev_unmap(&self->v, BASE, PAGES * PAGE));
	EXPECT_EQ(1, get(&self->v, UNMAPS));
}

TEST_HARNESS_MAIN
