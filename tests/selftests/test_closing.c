// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device is closed while another thread unmaps memory that it has pinned, and cannot
 * get on: the memory's pages belong to two address spaces of an iommufd, and in the other
 * one a device waits for a page of a file system (FUSE). Closing waits for the unmap.
 * What is unpinned after that would be unpinned in whatever address space the device is
 * in by then.
 *
 *	address space 1: A	REGION	PAGES pages, then one that comes late
 *	address space 2: B	REGION	the same pages
 *
 * SELFTESTS_ALL=1: for longer than iommufd waits before it warns.
 */
#include <sys/mman.h>

#include "races.h"
#include "slowmem.h"

#define PAGES		64UL
#define PACKET_PAGES	16
#define REGION		0x10000000UL
#define RINGS_A		0x1000000UL
#define RINGS_B		0x2000000UL
/* How late the page comes, from a time on at which B waits for it. */
#define LATE_MS		3000
#define VERY_LATE_MS	70000
/* By then the unmap waits, and the closing. */
#define BEGUN_MS	300
/* Before the page comes nobody looks any more. */
#define MARGIN_MS	500

FIXTURE(closing) {
	struct vdev a;
	struct vdev b;
	struct vload load_a;
	struct vload load_b;
	struct slow_fuse fuse;
	struct guest_mem mem;
	struct guest_mem late;
	/* While the page is waited for there can be no new threads: mmap_lock. */
	pthread_t unmapper;
	pthread_t closer;
	bool unmap;
	bool close;
	int unmapped;
	int late_ms;
};

static int make_memory(FIXTURE_DATA(closing) *self)
{
	size_t size = PAGES * VLOAD_PAGE;
	void *va;
	int ret = guest_mem_init(&self->mem, REGION, size + VLOAD_PAGE);

	if (ret)
		return ret;
	memset(self->mem.va, 1, size);
	va = mmap(self->mem.va + size, VLOAD_PAGE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_FIXED, self->fuse.file, 0);
	if (va == MAP_FAILED)
		return -errno;
	self->late = (struct guest_mem){
		.va = va,
		.iova = REGION + size,
		.size = VLOAD_PAGE,
	};
	ret = vdev_map(&self->a, &self->mem);
	return ret ? ret : vdev_copy(&self->b, &self->a, REGION,
				     self->mem.size);
}

static int open_devices(FIXTURE_DATA(closing) *self)
{
	uint32_t other;
	int ret = vdev_open(&self->a, MDEV_UUID_A, VDEV_IOMMUFD);

	if (!ret)
		ret = vdev_join(&self->b, MDEV_UUID_B, &self->a);
	if (!ret)
		ret = vdev_ioas(&self->b, &other);
	return ret ? ret : vdev_attach(&self->b, other);
}

/* A has pinned all but the last page; B is to send that one. */
static int make_guests(FIXTURE_DATA(closing) *self)
{
	struct guest_mem most = self->mem;
	int ret;

	most.size = PAGES * VLOAD_PAGE;
	ret = vload_init_in(&self->load_a, &self->a, 1, PACKET_PAGES, &most,
			    RINGS_A);
	if (!ret)
		ret = vload_init_in(&self->load_b, &self->b, 1, 1, &self->late,
				    RINGS_B);
	if (!ret)
		ret = vload_up(&self->load_a);
	if (!ret)
		ret = vload_start(&self->load_a);
	if (ret)
		return ret;
	if (!vload_wait(&self->load_a, 2 * VLOAD_RING, RACES_WAIT_MS))
		ret = -ETIMEDOUT;
	vload_stop(&self->load_a);
	/* It has nothing to do any more that it would have to be waited for. */
	usleep(QUIET_MS * 1000);
	return ret ? ret : vload_up(&self->load_b);
}

static bool b_waits(FIXTURE_DATA(closing) *self)
{
	int64_t deadline = deadline_ms(RACES_WAIT_MS);

	vload_kick(&self->load_b);
	while (!__atomic_load_n(&self->fuse.reads, __ATOMIC_SEQ_CST)) {
		if (!deadline_left(deadline))
			return false;
		usleep(1000);
	}
	return true;
}

static void await(const bool *go)
{
	while (!__atomic_load_n(go, __ATOMIC_SEQ_CST))
		usleep(1000);
}

static void say(bool *go)
{
	__atomic_store_n(go, true, __ATOMIC_SEQ_CST);
}

static void *unmap(void *arg)
{
	FIXTURE_DATA(closing) *self = arg;
	const struct guest_mem *rings = &self->load_a.mem;

	await(&self->unmap);
	/* Closing would unpin the rings, and so wait anyway. */
	self->unmapped = vdev_unmap(&self->a, rings->iova, rings->size) ?:
			 vdev_unmap(&self->a, REGION, self->mem.size);
	return NULL;
}

static void *close_a(void *arg)
{
	FIXTURE_DATA(closing) *self = arg;

	await(&self->close);
	vdev_close(&self->a);
	return NULL;
}

FIXTURE_SETUP(closing)
{
	self->fuse.fd = -1;
	self->fuse.file = -1;
	REQUIRE_WAY(VDEV_IOMMUFD);
	self->late_ms = getenv("SELFTESTS_ALL") ? VERY_LATE_MS : LATE_MS;
	if (slow_fuse_init(&self->fuse, VLOAD_PAGE, self->late_ms))
		SKIP(return, "this kernel has no FUSE");
	ASSERT_EQ(0, mdev_create(RACES_TYPE, MDEV_UUID_A));
	ASSERT_EQ(0, mdev_create(RACES_TYPE, MDEV_UUID_B));
	ASSERT_EQ(0, open_devices(self));
	ASSERT_EQ(0, make_memory(self));
	ASSERT_EQ(0, make_guests(self));
}

FIXTURE_TEARDOWN(closing)
{
	vload_free(&self->load_a);
	vload_free(&self->load_b);
	vdev_close(&self->b);
	vdev_close(&self->a);
	slow_fuse_free(&self->fuse);
	guest_mem_free(&self->mem);
	mdev_remove(MDEV_UUID_A);
	mdev_remove(MDEV_UUID_B);
}

/* Until all is unpinned the device counts as open, which its parameters tell. */
TEST_F_TIMEOUT(closing, while_unmapping, 200)
{
	unsigned int looks = 0;
	int64_t comes;

	ASSERT_EQ(0, pthread_create(&self->unmapper, NULL, unmap, self));
	ASSERT_EQ(0, pthread_create(&self->closer, NULL, close_a, self));
	ASSERT_TRUE(b_waits(self));
	comes = deadline_ms(self->late_ms - MARGIN_MS);
	say(&self->unmap);
	usleep(BEGUN_MS * 1000);
	say(&self->close);
	usleep(BEGUN_MS * 1000);
	while (deadline_left(comes)) {
		ASSERT_EQ(-EBUSY, mdev_write(MDEV_UUID_A,
					     "migration/params/mtu", "1400"));
		looks++;
		usleep(10000);
	}
	EXPECT_LT(0, looks);
	pthread_join(self->unmapper, NULL);
	pthread_join(self->closer, NULL);
	EXPECT_EQ(0, self->unmapped);
	EXPECT_EQ(0, mdev_write(MDEV_UUID_A, "migration/params/mtu", "1400"));
}

TEST_HARNESS_MAIN
