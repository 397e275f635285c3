// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that has its card do as much as it can: all of that is its own processor
 * time, and its control group's limit holds for the whole; and what a kick costs its
 * writer, who may hold a lock meanwhile, is one short packet.
 */
#include "card.h"
#include "cgroup.h"
#include "slow_page.h"
#include "tasks.h"
#include "vload.h"

#define TYPE		"virtio_net-v3"
#define GROUP_NAME	"/test_pressure"
#define GROUP		CGROUPS "/test_pressure"
/* Of one processor's time, in percent; and what may be had of that, in all. */
#define LIMIT		20U
#define LIMIT_MAX	(LIMIT * 6 / 5)
/* The first periods are left out. */
#define WARM_MS		1000
#define WATCH_MS	4000
#define WATCHES		5U
#define MAX_THREADS	32U

#define SLOW_IOVA	0x10000000UL
#define PACKETS		10U

FIXTURE(pressure) {
	struct vdev v;
	struct vload load;
	pid_t pid;
	int ready[2];
};

FIXTURE_VARIANT(pressure) {
	enum vdev_how how;
	unsigned int pairs;
	/* Of a packet; and on each of them. */
	unsigned int pages;
	unsigned int bytes;
};

/* Most of it is the guest's own work, its kicks. */
FIXTURE_VARIANT_ADD(pressure, short_packets)
{
	.how = VDEV_IOMMUFD,
	.pairs = 1,
	.pages = 1,
	.bytes = 64,
};

/* Most of it is the workers'. */
FIXTURE_VARIANT_ADD(pressure, long_packets)
{
	.how = VDEV_IOMMUFD,
	.pairs = 1,
	.pages = 16,
	.bytes = 4000,
};

FIXTURE_VARIANT_ADD(pressure, many_queues)
{
	.how = VDEV_GROUP,
	.pairs = VNIC_PAIRS,
	.pages = 16,
	.bytes = 4000,
};

/* A number of the group's cpu.stat. */
static uint64_t group_stat(const char *name)
{
	char text[1024], *at;

	if (sysfs_read(GROUP "/cpu.stat", text, sizeof(text)) <= 0)
		return 0;
	at = strstr(text, name);
	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* What the group has had, in microseconds. */
static uint64_t group_us(void)
{
	return group_stat("usage_usec ");
}

FIXTURE_SETUP(pressure)
{
	char limit[16], pairs[8];

	REQUIRE_WAY(variant->how);
	snprintf(limit, sizeof(limit), "%u 100000", LIMIT * 1000);
	if (!cgroup_make(GROUP, "cpu", "cpu.max", limit))
		SKIP(return, "this kernel has no limit on processor time");
	ASSERT_EQ(0, mdev_create(TYPE, MDEV_UUID_A));
	snprintf(pairs, sizeof(pairs), "%u", variant->pairs);
	ASSERT_EQ(0, mdev_write(MDEV_UUID_A, "migration/params/queue-pairs",
				pairs));
	ASSERT_EQ(0, pipe(self->ready));
}

FIXTURE_TEARDOWN(pressure)
{
	int status;

	if (self->pid > 0) {
		kill(self->pid, SIGKILL);
		waitpid(self->pid, &status, 0);
	}
	mdev_remove(MDEV_UUID_A);
	rmdir(GROUP);
}

/* The guest's process: as fast as it can, until it is killed. */
static void guest(FIXTURE_DATA(pressure) *self,
		  const FIXTURE_VARIANT(pressure) *variant)
{
	struct vload *l = &self->load;
	int ret;

	ret = cgroup_enter(GROUP);
	if (!ret)
		ret = vdev_open(&self->v, MDEV_UUID_A, variant->how);
	if (!ret)
		ret = vload_init(l, &self->v, variant->pairs, variant->pages,
				 variant->pairs * variant->pages * VLOAD_RING);
	if (!ret)
		ret = vdev_map(&self->v, &l->region);
	l->bytes = variant->bytes;
	if (!ret)
		ret = vload_up(l);
	if (!ret)
		ret = vload_start(l);
	if (!ret && !vload_wait(l, 100, 60000))
		ret = -ETIMEDOUT;
	if (write(self->ready[1], &ret, sizeof(ret)) != sizeof(ret))
		exit(1);
	while (!ret)
		pause();
	exit(1);
}

/* Whoever works for the card is in the group, and there is somebody. */
static bool all_in_group(const char *prefix, unsigned int expected)
{
	unsigned int i, n, in = 0;
	pid_t pids[MAX_THREADS];

	n = tasks_find(prefix, pids, MAX_THREADS);
	for (i = 0; i < n; i++)
		in += task_is_in(pids[i], GROUP_NAME);
	return n == expected && in == n;
}

/* What the group has for a while, and with what others do, in percent. */
static void watch(uint64_t *all)
{
	uint64_t start = now_ns(), used = group_us(), us;
	uint64_t shared = tasks_cpu_ms(TASKS_SHARED);

	usleep(WATCH_MS * 1000);
	shared = tasks_cpu_ms_since(TASKS_SHARED, shared);
	used = group_us() - used;
	us = (now_ns() - start) / 1000;
	*all = (used + shared * 1000) * 100 / us;
	printf("# the group has had %.1f %%, others %.1f %%\n",
	       used * 100.0 / us, shared * 100000.0 / us);
}

TEST_F_TIMEOUT(pressure, limit, 180)
{
	uint64_t all = ~0ULL, throttled;
	unsigned int i;
	int ret = -EIO;

	fflush(stdout);
	self->pid = fork();
	ASSERT_LE(0, self->pid);
	if (!self->pid)
		guest(self, variant);
	close(self->ready[1]);
	ASSERT_EQ(sizeof(ret), read(self->ready[0], &ret, sizeof(ret)));
	ASSERT_EQ(0, ret);
	EXPECT_TRUE(all_in_group(TASKS_QUEUES, variant->pairs));
	EXPECT_TRUE(all_in_group(TASKS_UNPIN, variant->how == VDEV_GROUP));

	usleep(WARM_MS * 1000);
	throttled = group_stat("nr_throttled ");
	/* Time that the machine's host takes counts too, once in a while. */
	for (i = 0; i < WATCHES && all > LIMIT_MAX; i++)
		watch(&all);
	EXPECT_GE(LIMIT_MAX, all);
	/* It is not that there was nothing to do. */
	EXPECT_LT(throttled, group_stat("nr_throttled "));
}

FIXTURE_VARIANT_ADD(card, iommufd) { .how = VDEV_IOMMUFD };

/* A packet of so many bytes, always the same. */
static int offer(FIXTURE_DATA(card) *self, size_t len)
{
	struct vnic *nic = &self->nic;
	uint64_t iova = guest_iova(&self->mem, nic->big);
	struct vq_seg segs[2] = {
		{ iova, nic->hdr, false },
		{ iova + nic->hdr, len, false },
	};

	return vq_add(&nic->vq[VNIC_TX], segs, 2, nic->big);
}

static int offer_and_kick(FIXTURE_DATA(card) *self, unsigned int packets,
			  size_t len)
{
	struct vnic *nic = &self->nic;
	int ret = 0;

	while (!ret && packets--)
		ret = offer(self, len);
	vq_publish(&nic->vq[VNIC_TX]);
	return ret ? ret : vpci_kick(&nic->pci, VNIC_TX);
}

/* The card's worker waits for a page to receive to, until that is filled. */
static void stop_worker(struct __test_metadata *_metadata,
			FIXTURE_DATA(card) *self, struct slow_page *slow)
{
	struct guest_mem mem = {
		.va = slow->addr, .iova = SLOW_IOVA, .size = PAGE,
	};
	struct vq *vq = &self->nic.vq[VNIC_RX];
	uint8_t frame[64];
	unsigned int i;

	ASSERT_EQ(0, vdev_map(&self->v, &mem));
	for (i = 0; i < vq->num; i++)
		vq->desc[i].addr = SLOW_IOVA;
	frame_make(frame, sizeof(frame), self->mac, 1);
	ASSERT_EQ(0, netif_send(self->net, frame, sizeof(frame)));
	ASSERT_TRUE(slow_page_touched(slow));
}

/*
 * Packets that are at hand, while the worker does not work: what a kick does is what the
 * writer has done itself.
 */
static void kick(struct __test_metadata *_metadata, FIXTURE_DATA(card) *self,
		 size_t len, uint16_t sent)
{
	struct vq *vq = &self->nic.vq[VNIC_TX];
	struct slow_page slow = { .uffd = -1 };
	unsigned int i;
	uint16_t used;

	if (slow_page_init(&slow))
		SKIP(return, "this kernel has no userfaultfd");
	card_up(_metadata, self, 0);
	self->nic.big = guest_alloc(&self->mem, 2 * PAGE, PAGE);
	ASSERT_NE(NULL, self->nic.big);
	frame_make(self->nic.big + self->nic.hdr, ETH_HLEN, self->mac, 1);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, offer_and_kick(self, 1, len));
		ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	}

	stop_worker(_metadata, self, &slow);
	used = vq->used->idx;
	ASSERT_EQ(0, offer_and_kick(self, PACKETS, len));
	EXPECT_EQ(sent, (uint16_t)(vq->used->idx - used));
	usleep(QUIET_MS * 1000);
	EXPECT_EQ(sent, (uint16_t)(vq->used->idx - used));

	ASSERT_EQ(0, slow_page_fill(&slow));
	EXPECT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	vnic_down(&self->nic);
	EXPECT_EQ(0, vdev_reset(&self->v));
	slow_page_free(&slow);
}

TEST_F(card, kick_short)
{
	kick(_metadata, self, 100, 1);
}

/* It would still be linear. */
TEST_F(card, kick_medium)
{
	kick(_metadata, self, 2500, 0);
}

TEST_F(card, kick_long)
{
	kick(_metadata, self, 4000, 0);
}

TEST_HARNESS_MAIN
