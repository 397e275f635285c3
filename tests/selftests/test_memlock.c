// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user's limit on locked memory (RLIMIT_MEMLOCK) that is less than what a guest's
 * buffers or rings have: no packet is lost for it, nobody is kept busy, and the
 * kernel's log stays quiet.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tasks.h"
#include "test.h"
#include "traffic.h"
#include "vload.h"

#define TYPE		"virtio_net-v3"
#define NOBODY		65534
#define LIMIT		(8 * MIB)
/* Twice the limit. */
#define REGION_PAGES	4096U
/* All of the region is in packets that one kick is for. */
#define PACKET_PAGES	(REGION_PAGES / VLOAD_RING)
/* For how long the threads are watched, and how much they may do, in percent. */
#define WATCH_MS	1500
#define BUSY		20
#define WATCHES		5U
/* On a slow machine. */
#define WAIT_MS		60000
/* Type1 writes one for each attempt that the driver makes in this time. */
#define FEW_LINES	20U

/* Of a queue, while something cannot be locked. */
#define RESETS		200U
#define ROUNDS		3U
#define FRAME		1000U
/* Frames that wait for buffers: fewer than the card keeps. */
#define AHEAD		256U

FIXTURE(memlock) {
	struct vdev v;
	struct vload load;
	int log;
	int net;
};

/* @given: root has opened it, as a manager of virtual machines may. */
FIXTURE_VARIANT(memlock) {
	enum vdev_how how;
	bool given;
};

FIXTURE_VARIANT_ADD(memlock, iommufd) { .how = VDEV_IOMMUFD };

FIXTURE_VARIANT_ADD(memlock, iommufd_given)
{
	.how = VDEV_IOMMUFD,
	.given = true,
};

FIXTURE_VARIANT_ADD(memlock, group) { .how = VDEV_GROUP };

FIXTURE_VARIANT_ADD(memlock, group_given)
{
	.how = VDEV_GROUP,
	.given = true,
};

/* Root can be had back. */
static int become(uid_t uid)
{
	return setresuid(uid, uid, 0) ? -errno : 0;
}

static int set_limit(rlim_t bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return -errno;
	limit.rlim_cur = bytes;
	return setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : 0;
}

FIXTURE_SETUP(memlock)
{
	self->log = -1;
	self->net = -1;
	REQUIRE_WAY(variant->how);
	self->log = kernel_log_open();
	ASSERT_LE(0, self->log);
	ASSERT_EQ(0, mdev_create(TYPE, MDEV_UUID_A));
	ASSERT_EQ(0, vdev_give(MDEV_UUID_A, variant->how, NOBODY));
	self->net = netif_open(MDEV_UUID_A);
	ASSERT_LE(0, self->net);
	ASSERT_EQ(0, set_limit(LIMIT));
	if (!variant->given) {
		ASSERT_EQ(0, become(NOBODY));
	}
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
	ASSERT_EQ(0, become(NOBODY));
	ASSERT_EQ(0, vload_init(&self->load, &self->v, 1, PACKET_PAGES,
				REGION_PAGES));
	ASSERT_EQ(0, vdev_map(&self->v, &self->load.region));
}

FIXTURE_TEARDOWN(memlock)
{
	become(0);
	vload_free(&self->load);
	close_remove(&self->v);
	if (self->net >= 0)
		close(self->net);
	if (self->log >= 0)
		close(self->log);
}

static bool wait_used(struct vq *vq, uint16_t index)
{
	int64_t deadline = deadline_ms(WAIT_MS);

	while (__atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE) != index) {
		if (!deadline_left(deadline))
			return false;
		usleep(1000);
	}
	return true;
}

static uint64_t busy_ms(void)
{
	return tasks_cpu_ms(TASKS_QUEUES) + tasks_cpu_ms(TASKS_UNPIN) +
	       tasks_cpu_ms(TASKS_SHARED);
}

/* Do the threads have little to do for a while? */
static bool is_quiet(void)
{
	uint64_t start = now_ns(), busy = busy_ms(), ms;

	usleep(WATCH_MS * 1000);
	busy = busy_ms() - busy;
	ms = (now_ns() - start) / 1000000;
	if (busy < ms * BUSY / 100)
		return true;
	printf("# threads were busy for %llu ms of %llu\n",
	       (unsigned long long)busy, (unsigned long long)ms);
	return false;
}

/*
 * Nobody has much to do, whatever was left undone, and the log says so. Who works
 * without end does so all the time; time that a machine's host takes from it counts as
 * that of who was to run, but it does so once in a while only.
 */
static void nobody_is_busy(struct __test_metadata *_metadata,
			   FIXTURE_DATA(memlock) *self, bool given)
{
	unsigned int i, lines;
	bool quiet = false;

	for (i = 0; i < WATCHES && !quiet; i++)
		quiet = is_quiet();
	EXPECT_TRUE(quiet);
	lines = kernel_log_count(self->log, "RLIMIT_MEMLOCK");
	EXPECT_GE(given ? i * FEW_LINES : 0, lines) {
		TH_LOG("%u lines in the kernel's log", lines);
	}
}

static bool is_alive(FIXTURE_DATA(memlock) *self)
{
	return !vload_broken(&self->load);
}

/* One kick, for more memory than may be locked. */
TEST_F_TIMEOUT(memlock, payload, 180)
{
	struct vq *vq = &self->load.queue[0].vq;

	ASSERT_EQ(0, vload_up(&self->load));
	vload_kick(&self->load);
	EXPECT_TRUE(wait_used(vq, VLOAD_RING));
	nobody_is_busy(_metadata, self, variant->given);
	EXPECT_TRUE(is_alive(self));
}

/* One kick, when the limit is reached: for tables that cannot be pinned. */
TEST_F_TIMEOUT(memlock, table, 180)
{
	struct vq *vq = &self->load.queue[0].vq;

	ASSERT_EQ(0, vload_up(&self->load));
	ASSERT_TRUE(vload_send_page(&self->load, 0, self->load.region.iova));
	ASSERT_EQ(0, set_limit(0));
	vload_kick(&self->load);
	EXPECT_TRUE(wait_used(vq, VLOAD_RING + 1));
	nobody_is_busy(_metadata, self, variant->given);
	EXPECT_TRUE(is_alive(self));
}

/* Rings that cannot be pinned, until they can. */
TEST_F_TIMEOUT(memlock, ring, 180)
{
	struct vq *vq = &self->load.queue[0].vq;

	ASSERT_EQ(0, set_limit(0));
	ASSERT_EQ(0, vload_up(&self->load));
	vload_kick(&self->load);
	nobody_is_busy(_metadata, self, variant->given);
	EXPECT_EQ(0, vq->used->idx);
	EXPECT_TRUE(is_alive(self));
	ASSERT_EQ(0, set_limit(LIMIT));
	EXPECT_TRUE(wait_used(vq, VLOAD_RING));
	EXPECT_TRUE(is_alive(self));
}

/**
 * struct receiver - the guest's receive queue, in all of the region
 * @load: the guest
 * @mac: its address
 * @next: the page for the next buffer
 * @sent: frames of this round that the host has sent
 * @got: those that the guest has
 */
struct receiver {
	struct vload *load;
	uint8_t mac[ETH_ALEN];
	unsigned int next;
	unsigned int sent;
	unsigned int got;
};

static uint64_t next_page(struct receiver *r)
{
	return r->load->region.iova + r->next++ % REGION_PAGES * VLOAD_PAGE;
}

/* As many as the card keeps. */
static int send_frames(struct receiver *r, int net)
{
	uint8_t frame[FRAME];
	int ret = 0;

	while (!ret && r->sent < REGION_PAGES && r->sent - r->got < AHEAD) {
		frame_make(frame, sizeof(frame), r->mac, r->sent++);
		ret = netif_send(net, frame, sizeof(frame));
	}
	return ret;
}

/* -EPROTO if it is not the one that is to come next. */
static int check_frame(struct receiver *r, uint64_t iova, uint32_t len)
{
	struct guest_mem *region = &r->load->region;
	uint8_t *p = region->va + (iova - region->iova) + VNIC_HDR;
	uint8_t frame[FRAME];

	if (!vnic_is_own(p, len - VNIC_HDR))
		return 0;
	frame_make(frame, sizeof(frame), r->mac, r->got);
	if (len != VNIC_HDR + FRAME || memcmp(p, frame, sizeof(frame)))
		return -EPROTO;
	r->got++;
	return 0;
}

/* What is there; each buffer is offered again, on another page. */
static int take_frames(struct receiver *r)
{
	struct vload_queue *q = &r->load->queue[0];
	struct vq *vq = &q->rx;
	unsigned int id;
	int ret = 0;

	if (!vq_pending(vq))
		return 0;
	while (!ret && vq_pending(vq)) {
		struct vring_used_elem *elem =
			&vq->used->ring[vq->last_used++ % vq->num];

		id = elem->id;
		ret = check_frame(r, vq->desc[id].addr, elem->len);
		vq->desc[id].addr = next_page(r);
		vq->avail->ring[vq->avail_idx++ % vq->num] = id;
	}
	vq_publish(vq);
	return ret ? ret : vpci_kick_at(&r->load->pci, q->rx_notify, VNIC_RX);
}

/* As many frames as there are pages. */
static int receive_round(struct receiver *r, int net)
{
	int64_t deadline = deadline_ms(WAIT_MS);
	unsigned int got = r->got = 0;
	int ret = 0;

	r->sent = 0;
	while (!ret && r->got < REGION_PAGES) {
		ret = send_frames(r, net);
		if (!ret)
			ret = take_frames(r);
		if (r->got != got)
			deadline = deadline_ms(WAIT_MS);
		else if (!deadline_left(deadline))
			ret = -ETIMEDOUT;
		got = r->got;
	}
	return ret;
}

static void receive_up(struct receiver *r)
{
	struct vload_queue *q = &r->load->queue[0];
	unsigned int i;

	for (i = 0; i < ETH_ALEN; i++)
		r->mac[i] = vpci_read(&r->load->pci, VIRTIO_PCI_CAP_DEVICE_CFG,
				      1, i);
	for (i = 0; i < VLOAD_RING; i++)
		q->rx.desc[i].addr = next_page(r);
	q->rx.avail_idx = VLOAD_RING;
	vq_publish(&q->rx);
	vpci_kick_at(&r->load->pci, q->rx_notify, VNIC_RX);
}

/* Buffers in more memory than may be locked: no frame is lost, in any round. */
TEST_F_TIMEOUT(memlock, receive, 600)
{
	struct receiver r = { .load = &self->load };
	unsigned int i;

	self->load.receive = true;
	ASSERT_EQ(0, vload_up(&self->load));
	ASSERT_EQ(0, become(0));
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_A, DEADLINE_MS));
	ASSERT_EQ(0, become(NOBODY));
	receive_up(&r);
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, receive_round(&r, self->net)) {
			TH_LOG("round %u: %u of %u", i, r.got, r.sent);
		}
	}
	nobody_is_busy(_metadata, self, variant->given);
	EXPECT_TRUE(is_alive(self));
}

/* Maps the rings and has no right to lock anything; it stays, and so does its limit. */
static pid_t map_in_child(FIXTURE_DATA(memlock) *self)
{
	int ready[2], ret;
	pid_t pid;

	if (pipe(ready))
		return -errno;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ret = vdev_map(&self->v, &self->load.mem);
		if (!ret)
			ret = set_limit(0);
		if (write(ready[1], &ret, sizeof(ret)) != sizeof(ret))
			_exit(1);
		pause();
		_exit(0);
	}
	if (read(ready[0], &ret, sizeof(ret)) != sizeof(ret) || ret)
		return -EIO;
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* The limit is that of who mapped the memory, which is not who opened the device. */
TEST_F_TIMEOUT(memlock, other_mapper, 180)
{
	struct guest_mem *mem = &self->load.mem;
	unsigned int lines, i;
	int status;
	pid_t pid;

	if (variant->how != VDEV_GROUP || variant->given)
		SKIP(return, "an iommufd's limit is its opener's");
	ASSERT_EQ(0, vdev_unmap(&self->v, mem->iova, mem->size));
	pid = map_in_child(self);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, vload_up(&self->load));
	ASSERT_TRUE(vload_can_restart(&self->load));
	/* The queue begins anew each time, and its delays with it. */
	for (i = 0; i < RESETS; i++) {
		vload_kick(&self->load);
		usleep(5000);
		ASSERT_EQ(0, vload_restart(&self->load, 0));
	}
	lines = kernel_log_count(self->log, "RLIMIT_MEMLOCK");
	TH_LOG("%u lines in the kernel's log", lines);
	EXPECT_GE(FEW_LINES, lines);
	EXPECT_TRUE(is_alive(self));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

TEST_HARNESS_MAIN
