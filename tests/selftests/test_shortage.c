// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's memory is short for a moment, or a page of the guest's is not to be had:
 * a shortage passes, a bad page costs its packet. The guest's driver, which could not
 * recover from it, never hears of either.
 */
#include <sys/mman.h>

#include "card.h"
#include "inject.h"
#include "tasks.h"
#include "vload.h"

#define PAGE		4096UL
/* How often an allocation fails, each time a later one. */
#define ROUNDS		40U
/* Packets that are there to be sent when the ring is back. */
#define BURST		8U
#define WAIT_MS		30000
#define TRY_MS		200
#define BAD_IOVA	0x10000000UL
/* Pieces of a receive buffer, where frames need several buffers. */
#define PIECE		200U
#define FRAME		1000U
/* Longer than what a kick sends itself. */
#define LONG_FRAME	4000U

FIXTURE_VARIANT_ADD(card, iommufd) { .how = VDEV_IOMMUFD };

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

/* The one that works for the card's queues. */
static pid_t find_worker(void)
{
	pid_t pid = 0;

	return tasks_find(TASKS_QUEUES, &pid, 1) ? pid : 0;
}

#define REQUIRE_FAIL_NTH(worker)					\
	do {								\
		ASSERT_LT(0, worker);					\
		if (!inject_init())					\
			SKIP(return, "this kernel injects no failures"); \
	} while (0)

static bool needs_reset(FIXTURE_DATA(card) *self)
{
	return vpci_status(&self->nic.pci) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/*
 * Nothing is under way: the worker has no reason to look at a ring. A packet that is
 * too long for the kick is its; what it was to do before is done then, and it sends
 * the packet on when it has let go of the ring.
 */
static bool wait_idle(FIXTURE_DATA(card) *self)
{
	uint8_t frame[LONG_FRAME], in[VNIC_SLOT];

	frame_make(frame, LONG_FRAME, self->mac, 1);
	return !vnic_send(&self->nic, frame, LONG_FRAME) &&
	       !vnic_sent(&self->nic, WAIT_MS) &&
	       netif_recv(self->net, in, sizeof(in), WAIT_MS) == LONG_FRAME;
}

static int try_send(FIXTURE_DATA(card) *self, bool to_host,
		    const uint8_t *frame)
{
	return to_host ? vnic_send(&self->nic, frame, FRAME) :
			 netif_send(self->net, frame, FRAME);
}

static int try_recv(FIXTURE_DATA(card) *self, bool to_host, uint8_t *frame)
{
	return to_host ? netif_recv(self->net, frame, VNIC_SLOT, TRY_MS) :
			 vnic_recv(&self->nic, frame, VNIC_SLOT, TRY_MS);
}

/*
 * Some may be lost, as long as others get through. They stay in order: with the last
 * one that was sent, there are no more.
 */
static bool frames_pass(FIXTURE_DATA(card) *self, bool to_host)
{
	int64_t deadline = deadline_ms(WAIT_MS);
	uint8_t frame[FRAME], in[VNIC_SLOT];
	static uint32_t seed;
	int n;

	while (deadline_left(deadline)) {
		frame_make(frame, FRAME, self->mac, ++seed);
		if (try_send(self, to_host, frame))
			continue;
		while ((n = try_recv(self, to_host, in)) > 0) {
			if (n == FRAME && !memcmp(in, frame, FRAME))
				return true;
		}
	}
	return false;
}

static int send_burst(FIXTURE_DATA(card) *self)
{
	uint8_t frame[FRAME];
	unsigned int i;
	int ret = 0;

	frame_make(frame, FRAME, self->mac, ~0U);
	for (i = 0; !ret && i < BURST; i++)
		ret = vnic_send(&self->nic, frame, FRAME);
	return ret;
}

/* The rings' memory goes and comes, as when a VMM changes its memory's layout. */
TEST_F_TIMEOUT(card, ring_replaced, 600)
{
	unsigned int i, failed = 0;
	pid_t worker = find_worker();

	REQUIRE_FAIL_NTH(worker);
	/* Nobody looks for the rings while they are gone. */
	card_alone(_metadata, self);
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 3);
	for (i = 1; i <= ROUNDS; i++) {
		ASSERT_TRUE(wait_idle(self));
		ASSERT_EQ(0, vdev_unmap(&self->v, self->mem.iova,
					self->mem.size));
		ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
		ASSERT_EQ(0, fail_nth_of(worker, i));
		ASSERT_EQ(0, send_burst(self));
		ASSERT_TRUE(frames_pass(self, true) &&
			    frames_pass(self, false)) {
			TH_LOG("allocation %u", i);
		}
		failed += !fail_left_of(worker);
		ASSERT_EQ(0, fail_nth_of(worker, 0));
		ASSERT_FALSE(needs_reset(self)) {
			TH_LOG("allocation %u", i);
		}
		both_directions(_metadata, self->net, &self->nic, 1);
	}
	EXPECT_LT(0, failed);
	TH_LOG("%u of %u rounds had a failure", failed, ROUNDS);
}

/* The address space is replaced by one that is the same, under traffic. */
TEST_F_TIMEOUT(card, space_replaced, 600)
{
	struct vload load;
	unsigned int i, k;
	pid_t worker = find_worker();
	uint32_t ioas[2] = { self->v.ioas };

	if (variant->how != VDEV_IOMMUFD)
		SKIP(return, "a container has one address space");
	REQUIRE_FAIL_NTH(worker);
	ASSERT_EQ(0, vdev_unmap(&self->v, self->mem.iova, self->mem.size));
	ASSERT_EQ(0, vload_init(&load, &self->v, 1, 4, 64));
	ASSERT_EQ(0, vdev_map(&self->v, &load.region));
	ASSERT_EQ(0, vdev_ioas(&self->v, &ioas[1]));
	self->v.ioas = ioas[1];
	ASSERT_EQ(0, vdev_map(&self->v, &load.mem));
	ASSERT_EQ(0, vdev_map(&self->v, &load.region));
	self->v.ioas = ioas[0];
	ASSERT_EQ(0, vload_up(&load));
	ASSERT_EQ(0, vload_start(&load));
	for (i = 1; i <= ROUNDS; i++) {
		EXPECT_TRUE(vload_wait(&load, 100, WAIT_MS));
		ASSERT_EQ(0, fail_nth_of(worker, i));
		/* Each of them may fail for want of memory itself. */
		for (k = 0; k < 2; k++)
			EXPECT_EQ(0, vdev_attach(&self->v, ioas[k & 1]));
		EXPECT_TRUE(vload_wait(&load, 100, WAIT_MS)) {
			TH_LOG("allocation %u: %s", i, vload_broken(&load) ?
			       "the device needs a reset" : "no packets");
		}
		ASSERT_EQ(0, fail_nth_of(worker, 0));
		ASSERT_FALSE(vload_broken(&load));
	}
	vload_free(&load);
}

/**
 * struct bad_page - a page that the guest has, and whose faults fail
 * @mem: two pages, the second of which is the one
 * @file: where they are from
 */
struct bad_page {
	struct guest_mem mem;
	int file;
};

/* It is beyond the end of its file: SIGBUS. */
static int bad_page_init(struct bad_page *b, struct vdev *v)
{
	b->file = memfd_create("bad_page", MFD_CLOEXEC);
	if (b->file < 0 || ftruncate(b->file, 2 * PAGE))
		return -errno;
	b->mem = (struct guest_mem){ .iova = BAD_IOVA, .size = 2 * PAGE };
	b->mem.va = mmap(NULL, b->mem.size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 b->file, 0);
	if (b->mem.va == MAP_FAILED || ftruncate(b->file, PAGE))
		return -errno;
	return vdev_map(v, &b->mem);
}

static void bad_page_free(struct bad_page *b)
{
	guest_mem_free(&b->mem);
	close(b->file);
}

/* Errors of the host's interface, wherever it is: of packets that it sends or gets. */
static uint64_t errors(bool sends)
{
	unsigned long in, out;
	uint64_t result = ~0ULL;
	char name[32], line[512], *at;
	FILE *f = fopen("/proc/net/dev", "r");

	if (mdev_read(MDEV_UUID_A, "netdev", name, sizeof(name) - 1) <= 0)
		name[0] = 0;
	strcat(name, ":");
	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, name);
		if (at && sscanf(at + strlen(name),
				 "%*u %*u %lu %*u %*u %*u %*u %*u %*u %*u %lu",
				 &in, &out) == 2)
			result = sends ? out : in;
	}
	if (f)
		fclose(f);
	return result;
}

/* A packet with its payload on the page, and the next ones. */
TEST_F(card, bad_page_sent)
{
	struct vq *vq = &self->nic.vq[VNIC_TX];
	uint64_t before = errors(false);
	struct vnic_tx *tx = &self->nic.tx[0];
	struct bad_page bad;
	struct vq_seg segs[2];
	uint8_t *p;

	ASSERT_EQ(0, bad_page_init(&bad, &self->v));
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 3);
	p = self->nic.slots[VNIC_TX] + tx->free[--tx->nr_free] * VNIC_SLOT;
	memset(p, 0, self->nic.hdr);
	segs[0] = (struct vq_seg){ guest_iova(&self->mem, p), self->nic.hdr,
				   false };
	segs[1] = (struct vq_seg){ BAD_IOVA + PAGE, 100, false };
	ASSERT_EQ(0, vq_add(vq, segs, 2, p));
	vq_publish(vq);
	ASSERT_EQ(0, vpci_kick(&self->nic.pci, VNIC_TX));
	ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	EXPECT_FALSE(needs_reset(self));
	EXPECT_EQ(before + 1, errors(false));
	both_directions(_metadata, self->net, &self->nic, 3);
	bad_page_free(&bad);
}

/* The receive buffers' pieces from the next one on. */
static struct vring_desc *rx_data(FIXTURE_DATA(card) *self, unsigned int i)
{
	struct vq *vq = &self->nic.vq[VNIC_RX];
	uint16_t head = vq->avail->ring[(vq->used->idx + i) % vq->num];

	return &vq->desc[vq->desc[head].next];
}

/* @nr buffers with nothing in them come back, and are offered again as they were. */
static void take_bad(struct __test_metadata *_metadata,
		     FIXTURE_DATA(card) *self, unsigned int nr)
{
	struct vq *vq = &self->nic.vq[VNIC_RX];
	struct vq_seg segs[2] = { { .write = true }, { .write = true } };
	uint32_t len;
	uint8_t *p;

	while (nr--) {
		p = vq_get(vq, &len);
		ASSERT_NE(NULL, p);
		EXPECT_EQ(0, len);
		segs[0].iova = guest_iova(&self->mem, p);
		segs[0].len = self->nic.hdr;
		segs[1].iova = segs[0].iova + self->nic.hdr;
		segs[1].len = VNIC_SLOT - self->nic.hdr;
		ASSERT_EQ(0, vq_add(vq, segs, 2, p));
	}
	vq_publish(vq);
	ASSERT_EQ(0, vpci_kick(&self->nic.pci, VNIC_RX));
}

/*
 * Frames for buffers that have the page in the last of @nr, each: as many of them as
 * there are twice.
 */
static void receive_bad(struct __test_metadata *_metadata,
			FIXTURE_DATA(card) *self, unsigned int nr)
{
	struct vq *vq = &self->nic.vq[VNIC_RX];
	uint64_t before = errors(true);
	uint8_t frame[FRAME];
	struct bad_page bad;
	unsigned int i, round;
	uint16_t used;

	ASSERT_EQ(0, bad_page_init(&bad, &self->v));
	both_directions(_metadata, self->net, &self->nic, 3);
	frame_make(frame, sizeof(frame), self->mac, 1);
	for (round = 0; round < 2; round++) {
		used = vq->used->idx;
		for (i = 0; i + 1 < nr; i++)
			rx_data(self, i)->len = PIECE;
		rx_data(self, i)->addr = BAD_IOVA + PAGE;
		ASSERT_EQ(0, netif_send(self->net, frame, sizeof(frame)));
		ASSERT_TRUE(wait_used_index(vq, used + nr)) {
			TH_LOG("round %u, used %u", round,
			       vq->used->idx - used);
		}
		take_bad(_metadata, self, nr);
		EXPECT_FALSE(needs_reset(self));
		EXPECT_EQ(before + round + 1, errors(true));
	}
	both_directions(_metadata, self->net, &self->nic, 3);
	bad_page_free(&bad);
}

TEST_F(card, bad_page_received)
{
	card_alone(_metadata, self);
	card_up(_metadata, self, 0);
	receive_bad(_metadata, self, 1);
}

/* The card is one of the newest version, not up. */
static void card_newest(struct __test_metadata *_metadata,
			FIXTURE_DATA(card) *self)
{
	enum vdev_how how = self->v.how;

	close(self->net);
	self->net = -1;
	vdev_close(&self->v);
	ASSERT_EQ(0, mdev_remove(MDEV_UUID_A));
	ASSERT_EQ(0, mdev_create("virtio_net-v3", MDEV_UUID_A));
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, how));
	ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
	self->net = netif_open(MDEV_UUID_A);
	ASSERT_LE(0, self->net);
}

/* The page is in the third of the buffers that the frame needs. */
TEST_F(card, bad_page_merged)
{
	card_newest(_metadata, self);
	card_alone(_metadata, self);
	ASSERT_EQ(0, vnic_up_with(&self->nic, &self->v, &self->mem, RING, 0,
				  VNIC_F(MRG_RXBUF), 1));
	vnic_mac(&self->nic, self->mac);
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_A, DEADLINE_MS));
	receive_bad(_metadata, self, 3);
}

/* What is on the page, of a command. */
enum { TABLE, DATA, ANSWER, NR_BAD };

/* Promiscuous mode on, or not. Returns what was written of the answer, if that is at @p. */
static uint32_t bad_command(struct __test_metadata *_metadata,
			    FIXTURE_DATA(card) *self, unsigned int what,
			    uint8_t *p)
{
	struct vq *vq = &self->nic.vq[self->nic.ctrl];
	uint64_t iova = guest_iova(&self->mem, p);
	struct vq_seg segs[] = {
		{ iova, 2, false }, { iova + 2, 1, false },
		{ iova + 16, 1, true },
	};
	uint16_t used = vq->used->idx, head;
	uint32_t len = ~0U;

	if (what != TABLE)
		segs[what].iova = BAD_IOVA + PAGE;
	p[0] = VIRTIO_NET_CTRL_RX;
	p[1] = VIRTIO_NET_CTRL_RX_PROMISC;
	p[2] = 1;
	p[16] = 0xee;
	ASSERT_EQ(0, vq_add(vq, segs, ARRAY_SIZE(segs), p)) {
		TH_LOG("%u", what);
	}
	head = vq->avail->ring[(uint16_t)(vq->avail_idx - 1) % vq->num];
	if (what == TABLE)
		vq->desc[head].addr = BAD_IOVA + PAGE;
	vq_publish(vq);
	EXPECT_EQ(0, vpci_kick(&self->nic.pci, self->nic.ctrl));
	EXPECT_TRUE(wait_used_index(vq, used + 1));
	EXPECT_EQ(p, vq_get(vq, &len));
	return len;
}

/* It is refused, and the next one is not. */
TEST_F(card, bad_page_of_a_command)
{
	struct bad_page bad;
	unsigned int i;
	uint8_t *p, on;

	card_newest(_metadata, self);
	ASSERT_EQ(0, bad_page_init(&bad, &self->v));
	ASSERT_EQ(0, vnic_up_with(&self->nic, &self->v, &self->mem, RING,
				  VNIC_INDIRECT, VNIC_FILTER | VNIC_F(CTRL_VQ),
				  1));
	vnic_mac(&self->nic, self->mac);
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_A, DEADLINE_MS));
	p = self->nic.slots[self->nic.ctrl];
	for (i = 0; i < 2 * NR_BAD; i++) {
		EXPECT_EQ(i % NR_BAD == DATA,
			  bad_command(_metadata, self, i % NR_BAD, p)) {
			TH_LOG("%u", i);
		}
		EXPECT_EQ(i % NR_BAD == DATA ? VIRTIO_NET_ERR : 0xee, p[16]);
		EXPECT_FALSE(needs_reset(self));
		on = 0;
		EXPECT_EQ(VIRTIO_NET_OK,
			  vnic_command(&self->nic, VIRTIO_NET_CTRL_RX,
				       VIRTIO_NET_CTRL_RX_PROMISC, &on, 1));
	}
	both_directions(_metadata, self->net, &self->nic, 3);
	bad_page_free(&bad);
}

TEST_HARNESS_MAIN
