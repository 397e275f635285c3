// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device's memory that is mapped, with mdev_pattern: what is there, what may be mapped, what
 * becomes of a mapping in a migration, a reset, another process. Threads that touch while
 * things change are in test_races_ram.c.
 */
#include "cgroup.h"
#include "faults.h"
#include "ram_map.h"

#include <linux/pci_regs.h>
#include <sys/wait.h>

static int pread_byte(struct vdev *v, uint64_t offset)
{
	uint8_t byte;
	int ret = vdev_pread(v, MEMORY, &byte, 1, offset);

	return ret < 0 ? ret : byte;
}

/* Opens A with so many MiB and maps so much of it. */
#define OPEN_AND_MAP(mib, len)							\
	({									\
		volatile uint8_t *map_;						\
										\
		ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, mib, variant->how)); \
		map_ = memory_map(&self->a, 0, len);				\
		ASSERT_NE(MAP_FAILED, map_);					\
		map_;								\
	})

TEST_F(pattern, is_a_bar)
{
	struct {
		struct vfio_region_info info;
		struct vfio_region_info_cap_sparse_mmap sparse;
		struct vfio_region_sparse_mmap_area area;
	} bar = { .info = { .argsz = sizeof(bar), .index = MEMORY } };

	/* 3 MiB in a BAR of 4. */
	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "3", variant->how));
	ASSERT_EQ(0, ioctl(self->a.fd, VFIO_DEVICE_GET_REGION_INFO, &bar));
	EXPECT_EQ(4 * MIB, bar.info.size);
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		  VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS, bar.info.flags);
	EXPECT_EQ(bar_at(MEMORY, 0), bar.info.offset);
	EXPECT_EQ(VFIO_REGION_INFO_CAP_SPARSE_MMAP, bar.sparse.header.id);
	EXPECT_EQ(1, bar.sparse.nr_areas);
	EXPECT_EQ(0, bar.area.offset);
	EXPECT_EQ(3 * MIB, bar.area.size);
	EXPECT_EQ(PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH,
		  pci_read(&self->a, 4, PCI_BASE_ADDRESS_2));
	ASSERT_EQ(0, pci_write(&self->a, 4, PCI_BASE_ADDRESS_2, ~0U));
	EXPECT_EQ((uint32_t)-(4 * MIB) | 0xc, pci_read(&self->a, 4, PCI_BASE_ADDRESS_2));
	/* Behind the memory nothing is, and what is written there is nowhere. */
	EXPECT_EQ(0, vdev_write(&self->a, MEMORY, 8, 3 * MIB, ~0ULL));
	EXPECT_EQ(0, vdev_read(&self->a, MEMORY, 8, 3 * MIB));
	EXPECT_EQ(3 * MIB, reg(&self->a, REG_SIZE));
	EXPECT_EQ(0, reg(&self->a, REG_LOST));
}

/* One memory, whichever way one looks at it. */
TEST_F(pattern, is_one_memory)
{
	volatile uint8_t *map = OPEN_AND_MAP("1", MIB);
	volatile uint8_t *part = memory_map(&self->a, 3 * PAGE, 2 * PAGE);
	unsigned int i;

	ASSERT_NE(MAP_FAILED, part);
	map[3 * PAGE + 5] = 0x11;
	EXPECT_EQ(0x11, part[5]);
	EXPECT_EQ(0x11, vdev_read(&self->a, 0, 1, WINDOW + 3 * PAGE + 5));
	EXPECT_EQ(0x11, pread_byte(&self->a, 3 * PAGE + 5));
	ASSERT_EQ(0, vdev_write(&self->a, 0, 8, WINDOW + 3 * PAGE + 8, 0x8877665544332211));
	EXPECT_EQ(0x8877665544332211, get_le64((void *)(map + 3 * PAGE + 8)));
	EXPECT_EQ(0x88, part[15]);
	ASSERT_EQ(0, vdev_write(&self->a, MEMORY, 8, MIB - 8, 0x0102030405060708));
	EXPECT_EQ(0x01, map[MIB - 1]);
	/* What was never written to is zero. */
	EXPECT_EQ(0, part[PAGE]);
	EXPECT_EQ(0, pread_byte(&self->a, 8 * PAGE));
	/* What the device writes itself. */
	ASSERT_EQ(0, vdev_reset(&self->a));
	ASSERT_EQ(0, attr(MDEV_UUID_A, "rate", "50"));
	usleep(200000);
	ASSERT_EQ(0, attr(MDEV_UUID_A, "rate", "0"));
	ASSERT_EQ(0, buf_copy(&self->memory, &(struct buf) { (void *)map, MIB, MIB }));
	EXPECT_LT(100, reg(&self->a, REG_COUNT));
	EXPECT_TRUE(is_written(&self->memory, reg(&self->a, REG_COUNT)));
	for (i = 0; i < MIB; i += PAGE)
		map[i] = i / PAGE;
	ASSERT_EQ(0, memory_copy(&self->a, MIB, &self->other));
	for (i = 0; i < MIB; i += PAGE)
		EXPECT_EQ((i / PAGE) % 256, self->other.data[i]);
}

TEST_F(pattern, bad_mmap)
{
	static const struct {
		uint64_t offset;
		size_t len;
		unsigned int bar;
		int flags;
	} bad[] = {
		{ 0, PAGE, 0, MAP_SHARED },
		{ 0, PAGE, 1, MAP_SHARED },
		{ 0, PAGE, 3, MAP_SHARED },
		{ 0, PAGE, MEMORY, MAP_PRIVATE },
		{ 0, 3 * MIB + PAGE, MEMORY, MAP_SHARED },
		{ 0, 4 * MIB, MEMORY, MAP_SHARED },
		/* The page behind the memory is the registers'. */
		{ 3 * MIB, PAGE, MEMORY, MAP_SHARED },
		{ 3 * MIB - PAGE, 2 * PAGE, MEMORY, MAP_SHARED },
		{ 4 * MIB, PAGE, MEMORY, MAP_SHARED },
		{ (1ULL << 40) - PAGE, PAGE, MEMORY, MAP_SHARED },
		{ PAGE / 2, PAGE, MEMORY, MAP_SHARED },
	};
	volatile uint8_t *map;
	unsigned int i;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "3", variant->how));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		errno = 0;
		EXPECT_EQ(MAP_FAILED, mmap(NULL, bad[i].len, PROT, bad[i].flags, self->a.fd,
					   bar_at(bad[i].bar, bad[i].offset)));
		EXPECT_EQ(EINVAL, errno) {
			TH_LOG("mapping %u", i);
		}
	}
	/* What fits up to the last byte, and a length that the kernel rounds up. */
	map = memory_map(&self->a, 3 * MIB - PAGE, PAGE / 2);
	ASSERT_NE(MAP_FAILED, map);
	map[PAGE - 1] = 1;
	EXPECT_EQ(1, pread_byte(&self->a, 3 * MIB - 1));
	EXPECT_EQ(3 * MIB, reg(&self->a, REG_SIZE));
}

/* A device is saved, and the other one becomes it. */
static void moves(struct __test_metadata *_metadata, FIXTURE_DATA(pattern) *self)
{
	size_t size = reg(&self->a, REG_SIZE);

	ASSERT_EQ(0, memory_copy(&self->a, size, &self->memory));
	ASSERT_EQ(0, mig_load(&self->b, self->stream.data, self->stream.len, 0));
	ASSERT_EQ(0, memory_copy(&self->b, size, &self->other));
	EXPECT_TRUE(buf_equal(&self->memory, &self->other));
}

/* Pages that were touched cost what was written to them, as the stream says. */
TEST_F(pattern, reads_cost_nothing)
{
	volatile uint8_t *map = OPEN_AND_MAP("4", 4 * MIB);
	unsigned int i, sum = 0;
	int64_t size;

	size = mig_data_size(&self->a);
	for (i = 0; i < 4 * MIB; i += PAGE)
		sum += map[i];
	EXPECT_EQ(0, sum);
	EXPECT_EQ(size, mig_data_size(&self->a));
	map[20 * PAGE] = 1;
	EXPECT_EQ(size + (int64_t)PAGE_COST, mig_data_size(&self->a));
	map[21 * PAGE] = 0;
	EXPECT_EQ(size + 2 * (int64_t)PAGE_COST, mig_data_size(&self->a));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	EXPECT_GT(4 * PAGE, self->stream.len);
}

#define ENDS	8

/* What a process does to its mapping, and where it is then; -1: its pages are gone. */
static int do_mprotect(uint8_t **map)
{
	if (mprotect(*map, ENDS * PAGE, PROT_READ) || touch(*map, true, 1) != SIGSEGV ||
	    touch(*map, false, 0))
		return 1;
	return mprotect(*map, ENDS * PAGE, PROT) ? 2 : 0;
}

static int do_mprotect_none(uint8_t **map)
{
	if (mprotect(*map, ENDS * PAGE, PROT_NONE) || touch(*map, false, 0) != SIGSEGV)
		return 1;
	return mprotect(*map, ENDS * PAGE, PROT) ? 2 : 0;
}

static int do_mlock(uint8_t **map)
{
	/* The kernel leaves such mappings as they are, and says so or not. */
	mlock(*map, ENDS * PAGE);
	return munlock(*map, ENDS * PAGE) ? 1 : 0;
}

static int do_madvise(uint8_t **map)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_REMOVE, MADV_FREE, MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED,
		MADV_RANDOM, MADV_NORMAL, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DODUMP,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(advices); i++)
		madvise(*map, ENDS * PAGE, advices[i]);
	return 0;
}

static int do_mremap(uint8_t **map)
{
	uint8_t *to = mmap(NULL, ENDS * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Neither more of it, nor a second one. */
	if (to == MAP_FAILED ||
	    mremap(*map, ENDS * PAGE, 2 * ENDS * PAGE, MREMAP_MAYMOVE) != MAP_FAILED ||
	    mremap(*map, 0, ENDS * PAGE, MREMAP_MAYMOVE) != MAP_FAILED)
		return 1;
	if (mremap(*map, ENDS * PAGE, ENDS * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		return 2;
	if (touch(*map, false, 0) != SIGSEGV)
		return 3;
	*map = to;
	return 0;
}

/* In the middle, so that there are two mappings; and mapped again from a piece of it. */
static int do_split(uint8_t **map)
{
	if (mprotect(*map + 2 * PAGE, 2 * PAGE, PROT_READ) || touch(*map, true, (*map)[0]) ||
	    touch(*map + 2 * PAGE, true, 1) != SIGSEGV)
		return 1;
	return mprotect(*map + 2 * PAGE, 2 * PAGE, PROT) ? 2 : 0;
}

static int do_fork(uint8_t **map)
{
	uint8_t byte = (*map)[PAGE];
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit((*map)[PAGE] == byte ? 0 : 1);
	return waitpid(pid, &status, 0) == pid && !status ? 0 : 1;
}

static int do_fork_writes(uint8_t **map)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		(*map)[PAGE + 1] = 0x77;
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && !status && (*map)[PAGE + 1] == 0x77 ? 0 : 1;
}

static int do_remap_file_pages(uint8_t **map)
{
	return remap_file_pages(*map, PAGE, 0, 3, 0) ? 0 : 1;
}

static int do_nothing(uint8_t **map)
{
	(void)map;
	return 0;
}

static const struct {
	const char *name;
	int (*work)(uint8_t **map);
} things[] = {
	{ "nothing", do_nothing }, { "mprotect", do_mprotect },
	{ "mprotect, none", do_mprotect_none }, { "mlock", do_mlock }, { "madvise", do_madvise },
	{ "mremap", do_mremap }, { "split", do_split }, { "fork", do_fork },
	{ "fork that writes", do_fork_writes }, { "remap_file_pages", do_remap_file_pages },
};

/* Before a page is put, between two passes, or when the device has stopped. */
enum when { BEFORE, BETWEEN, STOPPED, NR_WHEN };

static void write_all(uint8_t *map, unsigned int round)
{
	unsigned int i;

	for (i = 0; i < ENDS; i++)
		map[i * PAGE] = 0x40 * (round + 1) + i;
}

/* Something is done to a mapping, and what is written after it is sent, too. */
static void migrate_and_do(struct __test_metadata *_metadata, FIXTURE_DATA(pattern) *self,
			   unsigned int what, enum when when)
{
	uint8_t *map = (uint8_t *)memory_map(&self->a, 16 * PAGE, ENDS * PAGE);
	int work = 0;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, vdev_reset(&self->a));
	ASSERT_EQ(0, vdev_reset(&self->b));
	self->stream.len = 0;
	write_all(map, 0);
	if (when == BEFORE)
		work = things[what].work(&map);
	ASSERT_EQ(0, mig_set(&self->a, when == BETWEEN ? PRE_COPY : STOP_COPY, &self->fd));
	ASSERT_EQ(when == BETWEEN ? -ENOMSG : 0, mig_drain(self->fd, &self->stream, 70000));
	if (when == STOPPED) {
		/* All of it was put. So what is written now is another session's. */
		ASSERT_EQ(0, mig_set(&self->a, STOP, NULL));
		close(self->fd);
		work = things[what].work(&map);
		write_all(map, 1);
		self->stream.len = 0;
		ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, &self->fd));
		ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 70000));
	} else if (when == BETWEEN) {
		work = things[what].work(&map);
		write_all(map, 1);
		ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 70000));
		work = work ?: things[what].work(&map);
		write_all(map, 2);
		ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
		ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 70000));
	}
	EXPECT_EQ(0, work) {
		TH_LOG("%s, %d", things[what].name, when);
	}
	EXPECT_EQ(0x40 * (when == BEFORE ? 1 : when == STOPPED ? 2 : 3) + 5,
		  pread_byte(&self->a, 21 * PAGE));
	moves(_metadata, self);
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, munmap(map, ENDS * PAGE));
}

/* mremap, fork, munmap, madvise, mlock, mprotect: nothing is lost by any of them. */
TEST_F_TIMEOUT(pattern, whatever_is_done_to_it, 120)
{
	unsigned int what;
	enum when when;

	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, "1", variant->how));
	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, "1", variant->how));
	for (what = 0; what < ARRAY_SIZE(things); what++) {
		for (when = BEFORE; when < NR_WHEN; when++) {
			if (when != BETWEEN || has_pre_copy(&self->a))
				migrate_and_do(_metadata, self, what, when);
		}
	}
}

/* What was written before a mapping goes is sent, and what another one writes after it. */
TEST_F(pattern, unmapped_in_a_session)
{
	volatile uint8_t *map = OPEN_AND_MAP("1", MIB), *again;

	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, "1", variant->how));
	REQUIRE_PRE_COPY(&self->a);
	map[7 * PAGE] = 1;
	ASSERT_EQ(0, mig_set(&self->a, PRE_COPY, &self->fd));
	ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 70000));
	map[7 * PAGE] = 2;
	map[8 * PAGE] = 3;
	ASSERT_EQ(0, munmap((void *)(map + 7 * PAGE), PAGE));
	ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 70000));
	EXPECT_EQ(SIGSEGV, touch(map + 7 * PAGE, true, 1));
	again = memory_map(&self->a, 7 * PAGE, PAGE);
	ASSERT_NE(MAP_FAILED, again);
	EXPECT_EQ(2, *again);
	*again = 4;
	ASSERT_EQ(0, munmap((void *)again, PAGE));
	map[8 * PAGE] = 5;
	ASSERT_EQ(0, munmap((void *)map, 7 * PAGE));
	ASSERT_EQ(0, munmap((void *)(map + 8 * PAGE), MIB - 8 * PAGE));
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
	ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 70000));
	moves(_metadata, self);
	EXPECT_EQ(4, pread_byte(&self->b, 7 * PAGE));
	EXPECT_EQ(5, pread_byte(&self->b, 8 * PAGE));
}

/* In pre-copy a page costs once for each time that it was written to, not what is beside it. */
TEST_F(pattern, dirty_pages)
{
	volatile uint8_t *map = OPEN_AND_MAP("2", 2 * MIB);
	struct vfio_precopy_info info;
	unsigned int i, sum = 0;

	REQUIRE_PRE_COPY(&self->a);
	for (i = 0; i < 2 * MIB; i += PAGE)
		map[i] = i / PAGE + 1;
	ASSERT_EQ(0, mig_set(&self->a, PRE_COPY, &self->fd));
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_LE(513 * PAGE_COST, info.initial_bytes);
	EXPECT_EQ(0, info.dirty_bytes);
	ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 70000));
	/* Read, and then written to: the same. */
	for (i = 0; i < 2 * MIB; i += PAGE)
		sum += map[i];
	EXPECT_NE(0, sum);
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_EQ(0, info.dirty_bytes);
	EXPECT_EQ(0, wait_readable(self->fd, QUIET_MS));
	for (i = 0; i < 100; i++) {
		map[5 * PAGE + i] = i;
		map[300 * PAGE + i] = i;
	}
	EXPECT_EQ(1, wait_readable(self->fd, DEADLINE_MS));
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_EQ(2 * PAGE_COST, info.dirty_bytes);
	self->stream.len = 0;
	ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 70000));
	EXPECT_LE(2 * PAGE, self->stream.len);
	EXPECT_GE(2 * PAGE_COST, self->stream.len);
	/* And once more; others that were not put since are not. */
	map[300 * PAGE] = 77;
	ASSERT_EQ(0, mig_precopy_info(self->fd, &info));
	EXPECT_EQ(PAGE_COST, info.dirty_bytes);
}

/* A page can be touched in every state, and is what was written there. */
TEST_F(pattern, touched_in_every_state)
{
	volatile uint8_t *map = OPEN_AND_MAP("1", MIB);
	unsigned int state;

	for (state = ERROR + 1; state < NR_STATES; state++) {
		if (!has_state(&self->a, state))
			continue;
		map[state * PAGE] = 1;
		ASSERT_EQ(0, go_to(&self->a, state, &self->fd));
		/* Neither what was written before the reset, nor beside. */
		EXPECT_EQ(0, touch(map + state * PAGE, false, 0));
		EXPECT_EQ(0, map[state * PAGE]);
		EXPECT_EQ(0, touch(map + state * PAGE + 1, true, state));
		EXPECT_EQ(state, pread_byte(&self->a, state * PAGE + 1));
		EXPECT_EQ(0, vdev_write(&self->a, MEMORY, 1, 40 * PAGE, state));
		EXPECT_EQ(state, map[40 * PAGE]);
		if (self->fd >= 0)
			close(self->fd);
		self->fd = -1;
	}
}

/* Half a state was loaded: in ERROR the memory is what it is, and it is zero after the reset. */
TEST_F(pattern, touched_in_error)
{
	volatile uint8_t *map = OPEN_AND_MAP("1", MIB);
	struct stream_rec rec;

	map[3 * PAGE] = 5;
	map[9 * PAGE] = 6;
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(0, stream_find(&self->stream, TAG_PAGES, &rec));
	ASSERT_EQ(0, mig_set(&self->a, RUNNING, NULL));
	ASSERT_EQ(0, mig_set(&self->a, RESUMING, &self->fd));
	/* What was there is there until a stream comes. */
	EXPECT_EQ(5, map[3 * PAGE]);
	ASSERT_EQ(0, mig_feed(self->fd, self->stream.data, rec.offset, 0));
	EXPECT_EQ(0, map[3 * PAGE]);
	map[4 * PAGE] = 7;
	ASSERT_EQ(0, mig_feed(self->fd, self->stream.data + rec.offset,
			      STREAM_HDR + rec.length + 10, 0));
	EXPECT_EQ(5, map[3 * PAGE]);
	EXPECT_EQ(7, map[4 * PAGE]);
	map[3 * PAGE + 1] = 8;
	EXPECT_EQ(-ENODATA, mig_set(&self->a, STOP, NULL));
	ASSERT_TRUE(state_is(&self->a, ERROR));
	EXPECT_EQ(5, map[3 * PAGE]);
	EXPECT_EQ(8, map[3 * PAGE + 1]);
	EXPECT_EQ(0, touch(map + 50 * PAGE, true, 1));
	ASSERT_EQ(0, vdev_reset(&self->a));
	ASSERT_EQ(0, memory_copy(&self->a, MIB, &self->memory));
	EXPECT_TRUE(is_zero(&self->memory));
	EXPECT_EQ(0, map[3 * PAGE]);
	EXPECT_EQ(0, map[50 * PAGE]);
}

/*
 * In STOP_COPY a page that was put and is written to is put again, until all was put: at the
 * latest when the last chunk but one is read.
 */
TEST_F(pattern, written_while_stopped)
{
	volatile uint8_t *map = OPEN_AND_MAP("4", 4 * MIB);
	uint8_t chunk[64 * KIB];
	unsigned int i;
	ssize_t n;

	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, "4", variant->how));
	for (i = 0; i < 4 * MIB; i += PAGE)
		map[i] = i / PAGE % 251 + 1;
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, &self->fd));
	for (i = 0; i < 2 * MIB; i += n) {
		n = read(self->fd, chunk, sizeof(chunk));
		ASSERT_LT(0, n);
		ASSERT_EQ(0, buf_append(&self->stream, chunk, n));
	}
	map[2 * PAGE] = 0x99;
	map[4 * MIB - PAGE] = 0x98;
	ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 70000));
	EXPECT_LT(1025 * PAGE, self->stream.len);
	moves(_metadata, self);
	EXPECT_EQ(0x99, pread_byte(&self->b, 2 * PAGE));
	EXPECT_EQ(0x98, pread_byte(&self->b, 4 * MIB - PAGE));
	/* After the end it is the device's own, if that goes on. */
	map[2 * PAGE] = 0x97;
	EXPECT_EQ(0, read(self->fd, chunk, sizeof(chunk)));
	ASSERT_EQ(0, mig_set(&self->a, RUNNING, NULL));
	EXPECT_EQ(0x97, pread_byte(&self->a, 2 * PAGE));
}

/* The device stays open as long as its memory is mapped, in whichever process. */
TEST_F(pattern, keeps_the_device_open)
{
	volatile uint8_t *map = OPEN_AND_MAP("1", MIB);
	struct vdev v = self->a;
	int status, pipes[2];
	char c;
	pid_t pid;

	ASSERT_EQ(0, pipe(pipes));
	fflush(stdout);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		vdev_close(&self->a);
		close(pipes[1]);
		if (read(pipes[0], &c, 1))
			_exit(1);
		_exit(map[5] == 5 && !touch(map + 5, true, 6) && map[5] == 6 ? 0 : 2);
	}
	close(pipes[0]);
	map[5] = 5;
	vdev_close(&self->a);
	self->a.fd = -1;
	EXPECT_EQ(0, touch(map + 20 * PAGE, true, 1));
	EXPECT_EQ(-EBUSY, attr(MDEV_UUID_A, "migration/params/memory-mib", "2"));
	ASSERT_EQ(0, munmap((void *)map, MIB));
	EXPECT_EQ(-EBUSY, attr(MDEV_UUID_A, "migration/params/memory-mib", "2"));
	close(pipes[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, attr(MDEV_UUID_A, "migration/params/memory-mib", "2"));
	/* Who opens it next finds nothing of that. */
	ASSERT_EQ(0, vdev_open(&self->a, v.uuid, variant->how));
	ASSERT_EQ(0, memory_copy(&self->a, 2 * MIB, &self->memory));
	EXPECT_TRUE(is_zero(&self->memory));
}

/* Two processes and two mappings: what either writes is sent. */
TEST_F(pattern, two_processes)
{
	volatile uint8_t *map = OPEN_AND_MAP("1", MIB);
	int round, go[2], done[2], status;
	char c = 0;
	pid_t pid;

	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, "1", variant->how));
	REQUIRE_PRE_COPY(&self->a);
	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, pipe(done));
	fflush(stdout);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		volatile uint8_t *own = memory_map(&self->a, 0, MIB);

		close(go[1]);
		while (read(go[0], &c, 1) == 1) {
			own[10 * PAGE + c] = c;
			map[20 * PAGE + c] = c;
			if (write(done[1], &c, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	ASSERT_EQ(0, mig_set(&self->a, PRE_COPY, &self->fd));
	for (round = 1; round < 20; round++) {
		c = round;
		map[10 * PAGE] = round;
		ASSERT_EQ(1, write(go[1], &c, 1));
		ASSERT_EQ(1, read(done[0], &c, 1));
		ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 70000));
	}
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
	ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 70000));
	moves(_metadata, self);
	for (round = 1; round < 20; round++) {
		EXPECT_EQ(round, pread_byte(&self->b, 10 * PAGE + round));
		EXPECT_EQ(round, pread_byte(&self->b, 20 * PAGE + round));
	}
	close(go[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

static int write_byte(volatile uint8_t *p)
{
	return touch(p, true, 1) == SIGBUS ? -EFAULT : 0;
}

static int read_byte(volatile uint8_t *p)
{
	return touch(p, false, 0) == SIGBUS ? -EFAULT : 0;
}

static int map_it(struct vdev *v)
{
	volatile uint8_t *map = memory_map(v, 0, MIB);

	if (map == MAP_FAILED)
		return -errno;
	/* That allocates, too. */
	while (munmap((void *)map, MIB))
		;
	return 0;
}

/* Each allocation of a fault, of a mapping and of opening the device fails once. */
TEST_F(pattern, allocations_fail_in_turn)
{
	volatile uint8_t *map = OPEN_AND_MAP("1", MIB);

	REQUIRE_FAIL_NTH();
	FAIL_EACH(1, write_byte(map + 9 * PAGE), vdev_reset(&self->a));
	EXPECT_EQ(0, pread_byte(&self->a, 9 * PAGE + 1));
	FAIL_EACH(1, read_byte(map + 9 * PAGE), vdev_reset(&self->a));
	FAIL_EACH(1, map_it(&self->a), );
	munmap((void *)map, MIB);
	vdev_close(&self->a);
	self->a.fd = -1;
	FAIL_EACH(every(7), vdev_open(&self->a, MDEV_UUID_A, variant->how),
		  vdev_close(&self->a));
	self->a.fd = -1;
}

#define GROUP	CGROUPS "/test_ram_map"

/* Opens in the group, where 4 MiB do not go into: the toucher gets a signal. */
static int use_memory(FIXTURE_DATA(pattern) *self, enum vdev_how how)
{
	unsigned int i, bad = 0;
	volatile uint8_t *map;

	if (cgroup_enter(GROUP))
		return 10;
	if (vdev_open(&self->a, MDEV_UUID_A, how))
		return 11;
	/* That settles whose the memory is, wherever the process goes. */
	if (cgroup_enter(CGROUPS))
		return 12;
	map = memory_map(&self->a, 0, 4 * MIB);
	if (map == MAP_FAILED)
		return 13;
	for (i = 0; i < 4 * MIB; i += PAGE) {
		int sig = touch(map + i, i % (2 * PAGE), 1);

		if (sig && sig != SIGBUS)
			return 14;
		bad += !!sig;
	}
	if (!bad || bad == 4 * MIB / PAGE)
		return 15;
	/* The device is as it was, and what there is room for is there. */
	if (reg(&self->a, REG_SIZE) != 4 * MIB || mig_save(&self->a, &self->stream))
		return 16;
	if (vdev_reset(&self->a) || touch(map + 4 * MIB - 1, true, 1))
		return 17;
	if (mig_load(&self->a, self->stream.data, self->stream.len, 0))
		return 18;
	return 0;
}

/* All of it is charged to who has opened the device; who touches too much gets SIGBUS. */
TEST_F_TIMEOUT(pattern, is_charged, 120)
{
	int status;
	pid_t pid;

	if (!cgroup_make(GROUP, "memory", "memory.max", "2M"))
		SKIP(return, "this kernel has no memory control groups");
	ASSERT_EQ(0, pattern_create(MDEV_UUID_A, "4"));
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(use_memory(self, variant->how));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) {
		TH_LOG("exit status %d, signal %d", WEXITSTATUS(status), WTERMSIG(status));
	}
	EXPECT_EQ(0, rmdir(GROUP));
}

TEST_HARNESS_MAIN
