// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest and its VMM make others pay: who sends to the card, who else works on the
 * host, who opens files.
 */
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "card.h"
#include "tasks.h"

FIXTURE_VARIANT_ADD(card, iommufd) { .how = VDEV_IOMMUFD };

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

#define PAGE		4096UL
/* The largest ring. */
#define BIG_RING	256
#define FRAMES		200U
/* How much more a sender may pay for a ring that is meant to cost it. */
#define COST_MAX	10U
#define LOOP_MS		1000
/* Of a processor's time, in percent. */
#define SHARED_MAX	20U
#define BUSY_MIN	1U
#define MAPPINGS	4096UL
#define MAPPINGS_IOVA	0x10000000UL
#define FRAGS		30UL
#define FILES_MAX	64
#define ROUNDS		31
#define BLOCK		(2 * MIB)
/* Of a packet's time. */
#define UNMAP_MAX	10

/* For an unprivileged driver's ring of 256, with buffers that can be merged. */
static void big_ring(struct __test_metadata *_metadata,
		     FIXTURE_DATA(card) *self)
{
	vdev_close(&self->v);
	guest_mem_free(&self->mem);
	ASSERT_EQ(0, mdev_write(MDEV_UUID_A, "migration/params/offloads",
				"on"));
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, any_way()));
	ASSERT_EQ(0, guest_mem_init(&self->mem, MIB, 4 * MIB));
	ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
}

static void big_ring_up(struct __test_metadata *_metadata,
			FIXTURE_DATA(card) *self)
{
	vnic_down(&self->nic);
	ASSERT_EQ(0, vdev_reset(&self->v));
	self->mem.used = 0;
	ASSERT_EQ(0, vnic_up_with(&self->nic, &self->v, &self->mem, BIG_RING,
				  0, VNIC_F(MRG_RXBUF), 1));
	vnic_mac(&self->nic, self->mac);
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_A, DEADLINE_MS));
	/* Its page is at hand from here on, and no worker has anything to do. */
	to_guest(_metadata, self->net, &self->nic, 60, 1);
	usleep(QUIET_MS * 1000);
}

/*
 * What a frame takes its sender at least: who else is on this machine can hold it up, for
 * a second's time.
 */
static uint64_t send_cost(FIXTURE_DATA(card) *self)
{
	uint64_t least = UINT64_MAX, start, ns;
	uint8_t frame[60];
	unsigned int i;

	frame_make(frame, sizeof(frame), self->mac, 1);
	for (i = 0; i < FRAMES; i++) {
		start = now_ns();
		netif_send(self->net, frame, sizeof(frame));
		ns = now_ns() - start;
		if (ns < least)
			least = ns;
	}
	return least;
}

/*
 * A buffer for the header; all others are the same chain, of all descriptors but
 * one, @len bytes in the first of them.
 */
static void make_trap(FIXTURE_DATA(card) *self, uint32_t len)
{
	struct vq *vq = &self->nic.vq[VNIC_RX];
	unsigned int i;

	vq->desc[0].len = VNIC_HDR;
	vq->desc[0].flags = VRING_DESC_F_WRITE;
	for (i = 1; i < vq->num; i++) {
		vq->desc[i].addr = vq->desc[0].addr;
		vq->desc[i].len = i == 1 ? len : 0;
		vq->desc[i].flags = VRING_DESC_F_WRITE |
			(i + 1 < vq->num ? VRING_DESC_F_NEXT : 0);
		vq->desc[i].next = i + 1;
		vq->avail->ring[(1 + i) % vq->num] = 1;
	}
	vq->avail->ring[1] = 0;
	/* As many as there can be, so that more will not come. */
	__atomic_store_n(&vq->avail->idx, 1 + vq->num, __ATOMIC_RELEASE);
}

TEST_F_TIMEOUT(card, sender, 120)
{
	static const uint32_t lens[] = { 0, 1 };
	uint64_t honest, cost;
	unsigned int i;

	card_alone(_metadata, self);
	big_ring(_metadata, self);
	big_ring_up(_metadata, self);
	honest = send_cost(self);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		big_ring_up(_metadata, self);
		make_trap(self, lens[i]);
		cost = send_cost(self);
		TH_LOG("%.1f times as much", (double)cost / honest);
		EXPECT_GT(honest * COST_MAX, cost);
	}
	big_ring_up(_metadata, self);
	both_directions(_metadata, self->net, &self->nic, 3);
}

/* The interrupt's eventfd unmasks it: for ever, on the time of who wants it so. */
TEST_F(card, unmasking)
{
	uint64_t shared, own, ms;
	uint8_t frame[60];

	card_alone(_metadata, self);
	card_up(_metadata, self, VNIC_INTX);
	ASSERT_EQ(0, vdev_irq_set(&self->v, VFIO_PCI_INTX_IRQ_INDEX,
				  VFIO_IRQ_SET_DATA_EVENTFD |
				  VFIO_IRQ_SET_ACTION_UNMASK, 0, 1,
				  &self->nic.events[0],
				  sizeof(self->nic.events[0])));
	shared = tasks_cpu_ms(TASKS_SHARED);
	own = tasks_cpu_ms(TASKS_UNMASK);
	ms = now_ns() / 1000000;
	frame_make(frame, sizeof(frame), self->mac, 1);
	ASSERT_EQ(0, netif_send(self->net, frame, sizeof(frame)));
	usleep(LOOP_MS * 1000);
	ms = now_ns() / 1000000 - ms;
	shared = tasks_cpu_ms_since(TASKS_SHARED, shared);
	own = tasks_cpu_ms(TASKS_UNMASK) - own;
	TH_LOG("%llu ms of the device's own thread, %llu of others",
	       (unsigned long long)own, (unsigned long long)shared);
	EXPECT_LT(ms * BUSY_MIN / 100, own);
	EXPECT_GT(ms * SHARED_MAX / 100, shared);
}

/* How many files there are, at most, until it is told to stop. */
static void *count_files(void *arg)
{
	bool *stop = arg;
	char text[64];
	long n, most = 0;

	while (!__atomic_load_n(stop, __ATOMIC_RELAXED)) {
		if (sysfs_read("/proc/sys/fs/file-nr", text, sizeof(text)) <= 0)
			break;
		n = atol(text);
		if (n > most)
			most = n;
	}
	return (void *)most;
}

/* A page that the card has used is unmapped in the time of a few packets. */
TEST_F_TIMEOUT(card, unmapping, 120)
{
	uint64_t sent[ROUNDS], unmapped[ROUNDS], start, packet, unmap;
	struct guest_mem page;
	unsigned int i;

	ASSERT_EQ(0, guest_mem_init(&page, 0, PAGE));
	card_alone(_metadata, self);
	card_up(_metadata, self, 0);
	for (i = 0; i < ROUNDS; i++) {
		/* Each time in another place: what is often unmapped is not pinned. */
		page.iova = MAPPINGS_IOVA + i * BLOCK;
		ASSERT_EQ(0, vdev_map(&self->v, &page));
		start = now_ns();
		ASSERT_EQ(0, vnic_send_parts(&self->nic, page.iova, 1, PAGE));
		sent[i] = now_ns() - start;
		start = now_ns();
		ASSERT_EQ(0, vdev_unmap(&self->v, page.iova, page.size));
		unmapped[i] = now_ns() - start;
	}
	packet = median_u64(sent, ROUNDS);
	unmap = median_u64(unmapped, ROUNDS);
	TH_LOG("%.1f times as long as a packet", (double)unmap / packet);
	EXPECT_GT(packet * UNMAP_MAX, unmap);
	guest_mem_free(&page);
}

/* Type1 asks once for each mapping; that is one ioctl, and one file. */
TEST_F_TIMEOUT(card, files, 120)
{
	struct guest_mem all, one = { .size = PAGE };
	bool stop = false;
	pthread_t thread;
	unsigned long i;
	char text[64];
	long before;
	void *most;

	if (variant->how != VDEV_GROUP)
		SKIP(return, "an iommufd asks once, and of no file");
	ASSERT_EQ(0, guest_mem_init(&all, MAPPINGS_IOVA, MAPPINGS * PAGE));
	card_alone(_metadata, self);
	card_up(_metadata, self, 0);
	for (i = 0; i < MAPPINGS; i++) {
		one.va = all.va + i * PAGE;
		one.iova = all.iova + i * PAGE;
		ASSERT_EQ(0, vdev_map(&self->v, &one));
	}
	for (i = 0; i + FRAGS <= MAPPINGS; i += FRAGS)
		ASSERT_EQ(0, vnic_send_parts(&self->nic, all.iova + i * PAGE,
					     FRAGS, PAGE));
	ASSERT_LT(0, sysfs_read("/proc/sys/fs/file-nr", text, sizeof(text)));
	before = atol(text);
	ASSERT_EQ(0, pthread_create(&thread, NULL, count_files, &stop));
	ASSERT_EQ(0, vdev_unmap(&self->v, all.iova, all.size));
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, &most));
	TH_LOG("%ld files more", (long)most - before);
	EXPECT_GT(FILES_MAX, (long)most - before);
	both_directions(_metadata, self->net, &self->nic, 3);
	guest_mem_free(&all);
}

#define WATCHES		10000
#define TURNS		51

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* What half of the frames take their sender at least, each of which raises an interrupt. */
static uint64_t interrupt_cost(FIXTURE_DATA(card) *self)
{
	uint8_t frame[60], in[VNIC_SLOT];
	uint64_t took[TURNS];
	unsigned int i;

	frame_make(frame, sizeof(frame), self->mac, 1);
	for (i = 0; i < TURNS; i++) {
		took[i] = now_ns();
		netif_send(self->net, frame, sizeof(frame));
		took[i] = now_ns() - took[i];
		vnic_recv(&self->nic, in, sizeof(in), DEADLINE_MS);
	}
	qsort(took, TURNS, sizeof(took[0]), compare);
	return took[TURNS / 2];
}

/* How many wait for the interrupt's eventfd is the user's affair, not the sender's. */
TEST_F_TIMEOUT(card, watched, 120)
{
	const struct rlimit limit = { 2 * WATCHES, 2 * WATCHES };
	struct epoll_event event = { .events = EPOLLIN };
	uint64_t honest, cost;
	unsigned int i;
	int ep;

	card_alone(_metadata, self);
	card_up(_metadata, self, 0);
	honest = interrupt_cost(self);
	ep = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < WATCHES; i++)
		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD,
				       dup(self->nic.events[1]), &event));
	cost = interrupt_cost(self);
	TH_LOG("%.1f times as much", (double)cost / honest);
	EXPECT_GT(honest * COST_MAX, cost);
}

TEST_HARNESS_MAIN
