// SPDX-License-Identifier: GPL-2.0-only
/*
 * A migration whose dirty pages the container tracks (type1: no device logging)
 * comes to an end while packets go both ways as fast as they can: in each pass no
 * more is dirty than the rings and the buffers that the device has to write to,
 * however much it writes. And nothing that it wrote is missed.
 */
#include <signal.h>
#include <sys/wait.h>

#include "full.h"

#define PAGE		4096UL
#define PAGES		(FULL_SIZE / PAGE)
#define PASSES		5

/* Packets of a pass each way: each buffer several times. */
#define ENOUGH		(2 * FULL_PAIRS * FULL_RING / 2)
#define FLOWS		32
#define LEN		1400

FIXTURE_VARIANT_ADD(full, direct) { };

FIXTURE_VARIANT_ADD(full, indirect) {
	.flags = VNIC_INDIRECT | VNIC_EVENT_IDX,
};

/**
 * struct tracked - the card and what a VMM knows of its memory
 * @nic: the card
 * @mem: guest memory
 * @copy: the destination's, by way of the dirty pages
 * @bitmap: of the last pass
 * @ours: pages that may be dirty in every pass
 * @bound: how many
 * @packets: that the guest received and sent in the last pass
 */
struct tracked {
	struct vnic *nic;
	struct guest_mem *mem;
	uint8_t *copy;
	uint64_t bitmap[PAGES / 64];
	bool ours[PAGES];
	unsigned int bound;
	unsigned int packets[2];
};

static bool is_dirty(const struct tracked *t, unsigned long page)
{
	return t->bitmap[page / 64] >> page % 64 & 1;
}

static void expect_page(struct tracked *t, const void *va)
{
	unsigned long page = ((uint8_t *)va - t->mem->va) / PAGE;

	t->bound += !t->ours[page];
	t->ours[page] = true;
}

/* The rings, and the buffers that are posted: not those that are for sending. */
static void expect_pages(struct tracked *t)
{
	struct vnic *nic = t->nic;
	unsigned int q, i;

	for (q = 0; q < nic->nr_vq; q++) {
		const struct vq *vq = &nic->vq[q];

		if (!vq->num)
			continue;
		expect_page(t, vq->desc);
		expect_page(t, vq->avail);
		expect_page(t, vq->used);
		for (i = 0; !(q & 1) && q != nic->ctrl && i < vq->num / 2U; i++)
			expect_page(t, nic->slots[q] + i * VNIC_SLOT);
	}
}

/* Another process sends to the guest until it is killed. */
static pid_t flood(FIXTURE_DATA(full) *self)
{
	static const uint8_t none[10];
	struct packet_flow flow = {
		.saddr = 0x0a000001,
		.daddr = 0x0a000002,
		.dport = 2000,
	};
	static uint8_t p[FLOWS][FRAME_MAX];
	size_t len = 0;
	unsigned int i;
	pid_t pid;

	for (i = 0; i < FLOWS; i++) {
		flow.sport = 1000 + i;
		len = packet_make(p[i], self->mac, &flow, LEN, i);
	}
	pid = fork();
	if (pid)
		return pid;
	vdev_close(&self->p.a);
	for (i = 0;; i++)
		packet_send(self->packets, none, p[i % FLOWS], len);
}

/* What the guest does in one turn: takes all there is, sends all it can. */
static int turn(struct tracked *t)
{
	uint8_t hdr[sizeof(struct virtio_net_hdr_v1_hash)], frame[VNIC_SLOT];
	unsigned int pair, i;
	int ret = 0;

	for (pair = 0; pair < FULL_PAIRS; pair++) {
		struct vq *rx = &t->nic->vq[2 * pair + VNIC_RX];

		for (i = 0; i < FULL_RING && vq_pending(rx); i++) {
			ret = vnic_recv_any(t->nic, pair, hdr, frame,
					    sizeof(frame), 0);
			if (ret < 0)
				return ret;
			t->packets[0]++;
		}
		memset(frame, 0xff, LEN);
		for (i = 0; i < FULL_RING / 2; i++) {
			ret = vnic_send_on(t->nic, pair, NULL, frame, LEN);
			if (ret)
				break;
			t->packets[1]++;
		}
		if (ret && ret != -ENOSPC)
			return ret;
	}
	sched_yield();
	return 0;
}

/* Until there was enough of both. */
static int traffic(struct tracked *t, unsigned int enough)
{
	int64_t deadline = deadline_ms(12 * DEADLINE_MS);
	int ret = 0;

	t->packets[0] = 0;
	t->packets[1] = 0;
	while (!ret && (t->packets[0] < enough || t->packets[1] < enough)) {
		if (!deadline_left(deadline))
			return -ETIMEDOUT;
		ret = turn(t);
	}
	return ret;
}

/* Reads what is dirty and copies it; returns how many pages, or an errno. */
static int pass(struct tracked *t, struct vdev *v)
{
	unsigned long page;
	int ret, nr = 0;

	memset(t->bitmap, 0, sizeof(t->bitmap));
	ret = type1_dirty_get(v, t->mem->iova, t->mem->size, t->bitmap,
			      sizeof(t->bitmap));
	if (ret)
		return ret;
	for (page = 0; page < PAGES; page++) {
		if (!is_dirty(t, page))
			continue;
		memcpy(t->copy + page * PAGE, t->mem->va + page * PAGE, PAGE);
		nr++;
	}
	return nr;
}

static void expect_within(struct __test_metadata *_metadata,
			  const struct tracked *t, unsigned int n, int dirty)
{
	unsigned long page;

	printf("# pass %u: %u packets in, %u out; %d of %lu pages dirty, bound %u\n",
	       n, t->packets[0], t->packets[1], dirty, PAGES, t->bound);
	EXPECT_LT(0, dirty);
	EXPECT_GE((int)t->bound, dirty);
	for (page = 0; page < PAGES; page++) {
		EXPECT_FALSE(is_dirty(t, page) && !t->ours[page]) {
			TH_LOG("page %lu is dirty in pass %u", page, n);
		}
	}
}

/* The destination has what the device wrote: the CPU's writes are the VMM's. */
static void expect_copied(struct __test_metadata *_metadata,
			  const struct tracked *t)
{
	unsigned long page;

	for (page = 0; page < PAGES; page++) {
		EXPECT_FALSE(t->ours[page] &&
			     memcmp(t->copy + page * PAGE,
				    t->mem->va + page * PAGE, PAGE)) {
			TH_LOG("page %lu was missed", page);
		}
	}
}

/* The device again, in a container: there it is that type1 tracks. */
static void reopen_in_container(struct __test_metadata *_metadata,
				FIXTURE_DATA(full) *self)
{
	vdev_close(&self->p.a);
	ASSERT_EQ(0, vdev_open(&self->p.a, MDEV_UUID_A, VDEV_GROUP));
	ASSERT_EQ(0, vdev_map(&self->p.a, &self->mem));
}

TEST_F_TIMEOUT(full, type1_at_full_rate, 300)
{
	struct tracked *t = calloc(1, sizeof(*t));
	unsigned int n;
	int fd, dirty, status;
	pid_t pid;

	REQUIRE_WAY(VDEV_GROUP);
	REQUIRE_PRE_COPY(&self->p.a);
	reopen_in_container(_metadata, self);
	full_up(_metadata, self, variant->flags, VNIC_F(MQ), FULL_PAIRS);
	ASSERT_EQ(VIRTIO_NET_OK, vnic_set_pairs(&self->nic, FULL_PAIRS));
	t->nic = &self->nic;
	t->mem = &self->mem;
	t->copy = malloc(FULL_SIZE);
	ASSERT_NE(NULL, t->copy);
	expect_pages(t);
	pid = flood(self);
	ASSERT_LT(0, pid);
	/* All buffers are known to the device, and pinned. */
	ASSERT_EQ(0, traffic(t, ENOUGH));

	ASSERT_EQ(0, type1_dirty_start(&self->p.a));
	ASSERT_EQ(0, mig_set(&self->p.a, PRE_COPY, &fd));
	memcpy(t->copy, self->mem.va, FULL_SIZE);
	printf("# %d pages at first\n", pass(t, &self->p.a));
	for (n = 1; n <= PASSES; n++) {
		ASSERT_EQ(0, traffic(t, ENOUGH));
		dirty = pass(t, &self->p.a);
		expect_within(_metadata, t, n, dirty);
	}
	ASSERT_EQ(0, traffic(t, ENOUGH / 2));
	ASSERT_EQ(0, mig_set(&self->p.a, STOP_COPY, NULL));
	dirty = pass(t, &self->p.a);
	expect_within(_metadata, t, n, dirty);
	expect_copied(_metadata, t);

	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, type1_dirty_stop(&self->p.a));
	ASSERT_EQ(0, mig_set(&self->p.a, RUNNING, NULL));
	close(fd);
	free(t->copy);
	free(t);
}

TEST_HARNESS_MAIN
