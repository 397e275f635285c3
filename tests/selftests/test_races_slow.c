// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's memory whose pages come late, of a file system or of userfaultfd, on
 * eight queues: that is this guest's trouble and nobody else's. Its memory can be
 * unmapped meanwhile, its process can be killed, files in sysfs can be read, and
 * another card works as ever.
 */
#include <ftw.h>
#include <linux/pci_regs.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "races.h"
#include "slowmem.h"

#define PAIRS		8
#define PACKET_PAGES	16
#define REGION_PAGES	4096UL
#define REGION		0x10000000UL
#define RINGS		0x1000000UL
/* Of another card in the same address space. */
#define REGION_B	0x20000000UL
#define RINGS_B		0x2000000UL
/* From a page fault to the page. */
#define SLOW_MS		300
/* Where nothing but that page is waited for. */
#define LATE_MS		4000
/* Until a file in sysfs is read; each has a few chances, as the machine is busy. */
#define SYSFS_MS	100
#define SYSFS_TRIES	5
/* By then all queues wait for some. */
#define PAGES_BUSY	PAIRS

/**
 * enum ends - what stops while queues wait for pages
 * @ENDS_RESET: the device
 * @ENDS_RESET_CTRL: the control queue, with a command that waits for the others
 * @ENDS_BESIDE: another card in the same address space is reset and closed
 */
enum ends {
	ENDS_RESET = 1,
	ENDS_RESET_CTRL,
	ENDS_BESIDE,
};

/**
 * struct seen - what the processes tell each other, in shared memory
 * @uffd: of the slow guest, in its process; 0 before it has one
 * @ready: it runs
 * @running: its card is in RUNNING
 * @ends: how its queues come to rest; 0: they do not, and its memory is unmapped
 * @busy: now they are to
 * @at_rest: they are
 * @unmaps: how often its memory was unmapped
 * @packets: of the other guest
 * @stop: the other guest ends
 */
struct seen {
	int uffd;
	bool ready;
	bool running;
	enum ends ends;
	bool busy;
	bool at_rest;
	unsigned int unmaps;
	uint64_t packets;
	bool stop;
};

#define get(x)		__atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define put(x, v)	__atomic_store_n(&(x), v, __ATOMIC_SEQ_CST)

FIXTURE(slow) {
	struct vdev a;
	struct vdev b;
	struct seen *seen;
	struct slow_fuse fuse;
	struct slow_pager pager;
	pid_t pid_a;
	pid_t pid_b;
};

FIXTURE_VARIANT(slow) {
	enum vdev_how how;
	bool fuse;
	/* Percent of the program's time. */
	unsigned int share;
};

/*
 * Type1 asks for long before it gives up. It does not wait for userfaultfd: there
 * is no such memory then.
 */
FIXTURE_VARIANT_ADD(slow, group_fuse)
{
	.how = VDEV_GROUP,
	.fuse = true,
	.share = 70,
};

FIXTURE_VARIANT_ADD(slow, iommufd_uffd) { .how = VDEV_IOMMUFD, .share = 30 };

static int variant_ms(unsigned int share)
{
	return races_ms(1) * share / 100;
}

/* Memory that comes late, in the slow guest's process. */
static int slow_region(FIXTURE_DATA(slow) *self, struct guest_mem *region)
{
	size_t size = REGION_PAGES * VLOAD_PAGE;
	bool fuse = self->fuse.file > 0;
	struct slow_uffd uffd;
	void *va;
	int ret;

	va = mmap(NULL, size, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | (fuse ? 0 : MAP_ANONYMOUS),
		  fuse ? self->fuse.file : -1, 0);
	if (va == MAP_FAILED)
		return -errno;
	madvise(va, size, fuse ? MADV_RANDOM : MADV_NOHUGEPAGE);
	*region = (struct guest_mem){ .va = va, .iova = REGION, .size = size };
	if (fuse)
		return 0;
	ret = slow_uffd_init(&uffd, va, size);
	put(self->seen->uffd, uffd.fd);
	return ret;
}

/* Another card of this process's, which has pinned pages of its own. */
static int set_up_beside(FIXTURE_DATA(slow) *self, struct vload *beside)
{
	struct guest_mem region;
	int ret = guest_mem_init(&region, REGION_B, PACKET_PAGES * VLOAD_PAGE);

	if (!ret)
		ret = vload_init_in(beside, &self->b, 2, 1, &region, RINGS_B);
	if (!ret)
		ret = vdev_map(&self->b, &region);
	if (!ret)
		ret = vload_up(beside);
	vload_kick(beside);
	usleep(QUIET_MS * 1000);
	return ret;
}

static int come_to_rest(FIXTURE_DATA(slow) *self, struct vload *load)
{
	enum ends ends = get(self->seen->ends);
	int ret = 0;

	while (!get(self->seen->busy))
		usleep(1000);
	if (ends == ENDS_RESET) {
		ret = vdev_reset(&self->a);
	} else if (ends == ENDS_RESET_CTRL) {
		ret = vload_command(load);
		usleep(QUIET_MS * 1000);
		vload_reset_ctrl(load);
	} else {
		ret = vdev_reset(&self->b);
		close(self->b.fd);
	}
	put(self->seen->at_rest, !ret);
	return ret;
}

/* The slow guest's process, until it is killed. */
static int slow_guest_runs(FIXTURE_DATA(slow) *self, struct guest_mem *region,
			   struct vload *load)
{
	enum ends ends = get(self->seen->ends);
	struct vload beside = { 0 };
	int ret;

	load->idle_us = 1000;
	/* What comes with pair 0 is its worker's, too. */
	load->first = ends == ENDS_RESET_CTRL ? 1 : 0;
	ret = vdev_map(&self->a, region);
	if (!ret)
		ret = vload_up(load);
	if (!ret && ends == ENDS_BESIDE)
		ret = set_up_beside(self, &beside);
	if (!ret)
		ret = vload_start(load);
	put(self->seen->ready, true);
	if (!ret && ends) {
		ret = come_to_rest(self, load);
		if (!ret)
			pause();
	}
	return ret;
}

/* Its memory comes and goes, if it does nothing else. */
static void slow_guest(FIXTURE_DATA(slow) *self)
{
	struct guest_mem region;
	struct vload load;
	int ret;

	if (get(self->seen->ends) != ENDS_BESIDE)
		vdev_close(&self->b);
	ret = slow_region(self, &region);
	if (!ret)
		ret = vload_init_in(&load, &self->a, PAIRS, PACKET_PAGES,
				    &region, RINGS);
	if (!ret)
		ret = slow_guest_runs(self, &region, &load);
	while (!ret) {
		usleep(1000000);
		ret = vdev_unmap(&self->a, region.iova, region.size);
		if (!ret)
			ret = vdev_map(&self->a, &region);
		put(self->seen->unmaps, self->seen->unmaps + 1);
		if (!ret)
			ret = vload_revive(&load);
	}
	races_failed("the slow guest: %s", strerror(-ret));
	pause();
}

/* The other guest's process: packets all the time, its memory comes and goes. */
static int other_guest(FIXTURE_DATA(slow) *self)
{
	struct vload load;
	int ret;

	vdev_close(&self->a);
	ret = vload_init(&load, &self->b, 1, 4, 64);
	if (!ret)
		ret = vload_up(&load);
	if (!ret)
		ret = vload_start(&load);
	while (!ret && !get(self->seen->stop)) {
		ret = vdev_map(&self->b, &load.region);
		if (!ret)
			ret = vload_goes_on(&load, 50, RACES_WAIT_MS);
		put(self->seen->packets, vload_sent(&load));
		if (!ret)
			ret = vdev_unmap(&self->b, load.region.iova,
					 load.region.size);
	}
	return ret ? races_failed("the other guest: %s", strerror(-ret)) : 0;
}

/* Is a file in sysfs read in time? */
static int read_file(const char *path, const struct stat *st, int type,
		     struct FTW *ftw)
{
	uint64_t start, best = ~0ULL;
	char text[4096];
	int i, fd;

	if (type != FTW_F || !(st->st_mode & 0444))
		return 0;
	for (i = 0; i < SYSFS_TRIES && best > SYSFS_MS * 1000000ULL; i++) {
		start = now_ns();
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			return 0;
		while (read(fd, text, sizeof(text)) > 0)
			;
		close(fd);
		start = now_ns() - start;
		if (start < best)
			best = start;
	}
	(void)ftw;
	if (best <= SYSFS_MS * 1000000ULL)
		return 0;
	return races_failed("%s took %llu ms", path,
			    (unsigned long long)best / 1000000);
}

/* In a process of its own: a file may take for ever. */
static int read_files(void *arg)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), MDEV_DEVICES "/%s/", (char *)arg);
	return nftw(path, read_file, 16, FTW_PHYS);
}

/* The reader may wait for what only its end ends. */
static int files_are_read(char *uuid)
{
	int status, ret = -ETIMEDOUT;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(read_files(uuid));
	if (!races_wait(pid, RACES_END_MS / 3, &status))
		ret = WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
	else
		kill(pid, SIGKILL);
	return ret;
}

static bool wait_for(bool *what)
{
	int64_t deadline = deadline_ms(RACES_WAIT_MS);

	while (!get(*what) && deadline_left(deadline))
		usleep(1000);
	return get(*what);
}

/* Another process's userfaultfd. */
static int take_uffd(FIXTURE_DATA(slow) *self)
{
	int pidfd = syscall(SYS_pidfd_open, self->pid_a, 0);
	int fd = syscall(SYS_pidfd_getfd, pidfd, self->seen->uffd, 0);

	close(pidfd);
	return fd;
}

FIXTURE_SETUP(slow)
{
	self->fuse.fd = -1;
	self->fuse.file = -1;
	REQUIRE_WAY(variant->how);
	if (variant->fuse &&
	    slow_fuse_init(&self->fuse, REGION_PAGES * VLOAD_PAGE, SLOW_MS))
		SKIP(return, "this kernel has no FUSE");
	self->seen = mmap(NULL, VLOAD_PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->seen);
	ASSERT_EQ(0, mdev_create(RACES_TYPE, MDEV_UUID_A));
	ASSERT_EQ(0, mdev_write(MDEV_UUID_A, "migration/params/queue-pairs",
				"8"));
	ASSERT_EQ(0, vdev_open(&self->a, MDEV_UUID_A, variant->how));
	ASSERT_EQ(0, mdev_create(RACES_TYPE, MDEV_UUID_B));
	ASSERT_EQ(0, vdev_open(&self->b, MDEV_UUID_B, variant->how));
}

/* Whoever still waits for a page is let go of before the devices are removed. */
FIXTURE_TEARDOWN(slow)
{
	int status;

	slow_pager_stop(&self->pager);
	slow_fuse_free(&self->fuse);
	if (self->pid_a > 0) {
		kill(self->pid_a, SIGKILL);
		races_wait(self->pid_a, RACES_KILL_MS, &status);
	}
	if (self->pid_b > 0) {
		kill(self->pid_b, SIGKILL);
		races_wait(self->pid_b, RACES_KILL_MS, &status);
	}
	close_remove(&self->a);
	close_remove(&self->b);
}

/* The guests run, and page faults of the slow one are answered, late. */
static void start_guests(struct __test_metadata *_metadata,
			 FIXTURE_DATA(slow) *self)
{
	fflush(stdout);
	self->pid_a = fork();
	if (!self->pid_a)
		slow_guest(self);
	self->pid_b = get(self->seen->ends) ? -1 : fork();
	if (!self->pid_b)
		exit(other_guest(self));
	/* Theirs alone, so that killing closes them. */
	close(self->a.fd);
	close(self->b.fd);
	self->a.fd = -1;
	self->b.fd = -1;
	ASSERT_TRUE(wait_for(&self->seen->ready));
	if (self->fuse.file >= 0)
		return;
	ASSERT_EQ(0, slow_pager_start(&self->pager, take_uffd(self), SLOW_MS));
}

static unsigned int pages_late(FIXTURE_DATA(slow) *self)
{
	return get(self->fuse.reads) + get(self->pager.faults);
}

TEST_F_TIMEOUT(slow, pages, variant_ms(100) / 1000 + 180)
{
	int64_t deadline = deadline_ms(variant_ms(variant->share));
	unsigned int late;
	int status;

	start_guests(_metadata, self);
	do {
		EXPECT_EQ(0, files_are_read(MDEV_UUID_A));
		usleep(100000);
	} while (_metadata->exit_code == KSFT_PASS && deadline_left(deadline));
	/* It may take its time, not for ever. */
	deadline = deadline_ms(RACES_END_MS);
	while (!get(self->seen->unmaps) && deadline_left(deadline))
		usleep(10000);
	EXPECT_LT(0, get(self->seen->unmaps));

	put(self->seen->stop, true);
	EXPECT_EQ(0, races_wait(self->pid_b, 2 * RACES_WAIT_MS, &status));
	EXPECT_EQ(0, status);
	kill(self->pid_a, SIGKILL);
	EXPECT_EQ(0, races_wait(self->pid_a, RACES_KILL_MS, &status));
	late = pages_late(self);
	EXPECT_LT(0, late);
	TH_LOG("%u pages came late, %u unmappings, %llu packets of the other guest",
	       late, get(self->seen->unmaps),
	       (unsigned long long)get(self->seen->packets));
}

static void comes_to_rest(struct __test_metadata *_metadata,
			  FIXTURE_DATA(slow) *self, enum ends ends)
{
	int64_t deadline = deadline_ms(RACES_WAIT_MS);
	unsigned int before, after;
	int status;

	put(self->seen->ends, ends);
	start_guests(_metadata, self);
	while (pages_late(self) < PAGES_BUSY && deadline_left(deadline))
		usleep(1000);
	before = pages_late(self);
	EXPECT_LE(PAGES_BUSY, before);
	put(self->seen->busy, true);
	EXPECT_TRUE(wait_for(&self->seen->at_rest));
	after = pages_late(self);
	TH_LOG("%u pages came late meanwhile", after - before);
	/* A few times what is under way at once; it was ten times that. */
	EXPECT_GE(4 * PAIRS, after - before);
	kill(self->pid_a, SIGKILL);
	EXPECT_EQ(0, races_wait(self->pid_a, RACES_KILL_MS, &status));
	self->pid_a = 0;
}

/* Its queues stop at once, and not one after the other while the rest goes on. */
TEST_F_TIMEOUT(slow, reset, 180)
{
	comes_to_rest(_metadata, self, ENDS_RESET);
}

TEST_F_TIMEOUT(slow, reset_ctrl, 180)
{
	comes_to_rest(_metadata, self, ENDS_RESET_CTRL);
}

TEST_F_TIMEOUT(slow, beside, 180)
{
	vdev_close(&self->b);
	ASSERT_EQ(0, vdev_join(&self->b, MDEV_UUID_B, &self->a));
	comes_to_rest(_metadata, self, ENDS_BESIDE);
}

/*
 * A ring on a page that does not come: the card goes to RUNNING and waits for it,
 * and nobody waits for the card, not even the one who runs it.
 */
static void late_ring(FIXTURE_DATA(slow) *self)
{
	struct guest_mem region;
	struct vpci pci;
	struct vq vq = { .num = 16, .desc_iova = REGION,
			 .avail_iova = REGION + VLOAD_PAGE,
			 .used_iova = REGION + 2 * VLOAD_PAGE };
	int ret = slow_region(self, &region);

	if (!ret)
		ret = vdev_map(&self->a, &region);
	if (!ret)
		ret = vpci_init(&pci, &self->a);
	if (!ret)
		ret = pci_write(&self->a, 2, PCI_COMMAND,
				PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (!ret)
		ret = vpci_negotiate(&pci, VNIC_FEATURE(VIRTIO_F_VERSION_1) |
				     VNIC_FEATURE(VIRTIO_F_ACCESS_PLATFORM));
	if (!ret)
		ret = vpci_set_queue(&pci, VNIC_TX, &vq, VPCI_NO_VECTOR);
	if (!ret)
		ret = mig_set(&self->a, STOP, NULL);
	if (!ret)
		ret = vpci_set_status(&pci, vpci_status(&pci) |
				      VIRTIO_CONFIG_S_DRIVER_OK);
	put(self->seen->ready, true);
	if (!ret)
		ret = mig_set(&self->a, RUNNING, NULL);
	if (ret)
		races_failed("to RUNNING: %s", strerror(-ret));
	put(self->seen->running, !ret);
	pause();
}

/* Somebody waits for a page of the memory that comes late. */
static bool page_awaited(FIXTURE_DATA(slow) *self, int uffd)
{
	int64_t deadline = deadline_ms(RACES_WAIT_MS);

	/* The fault is left there, for the pager. */
	if (uffd >= 0)
		return wait_readable(uffd, RACES_WAIT_MS) > 0;
	while (!get(self->fuse.reads) && deadline_left(deadline))
		usleep(1000);
	return get(self->fuse.reads);
}

TEST_F_TIMEOUT(slow, start, 180)
{
	int uffd = -1, status;

	put(self->fuse.delay_ms, LATE_MS);
	fflush(stdout);
	self->pid_a = fork();
	if (!self->pid_a)
		late_ring(self);
	ASSERT_TRUE(wait_for(&self->seen->ready));
	if (!variant->fuse) {
		uffd = take_uffd(self);
		ASSERT_LE(0, uffd);
	}
	EXPECT_TRUE(page_awaited(self, uffd));
	EXPECT_TRUE(wait_for(&self->seen->running));
	EXPECT_EQ(0, files_are_read(MDEV_UUID_A));
	/* It ends, with the page still missing. */
	kill(self->pid_a, SIGKILL);
	EXPECT_EQ(0, races_wait(self->pid_a, RACES_KILL_MS, &status));
	self->pid_a = 0;
	if (uffd >= 0)
		close(uffd);
}

TEST_HARNESS_MAIN
