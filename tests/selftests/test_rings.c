// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a hostile driver can put into its rings. Where virtio leaves no other
 * way the device must ask for a reset; it must survive all of it and work
 * again after one.
 */
#include "card.h"

FIXTURE_VARIANT_ADD(card, iommufd) { .how = VDEV_IOMMUFD };

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

#define NEXT	VRING_DESC_F_NEXT
#define WRITE	VRING_DESC_F_WRITE
#define IND	VRING_DESC_F_INDIRECT

/* Addresses relative to the memory that the device can reach. */
#define OK_ADDR		0x100000ULL	/* somewhere in the buffers */
#define TABLE		0x1f0000ULL	/* the indirect table of a case */
#define RAW(x)		((x) | 1ULL << 63)	/* not relative */

/**
 * struct ring_case - descriptors to offer
 * @name: what is wrong with them
 * @head: the descriptor that is offered
 * @desc: descriptors from 0 on
 * @table: what lies at TABLE
 * @breaks: it must end in NEEDS_RESET; else it may be given back instead
 */
struct ring_case {
	const char *name;
	uint16_t head;
	struct vring_desc desc[4];
	struct vring_desc table[4];
	bool breaks;
};

static const struct ring_case tx_cases[] = {
	{ "head out of range", RING, { { OK_ADDR, 100, 0, 0 } }, { },  true },
	{ "head 0xffff", 0xffff, { { OK_ADDR, 100, 0, 0 } }, { }, true },
	{ "next out of range", 0, { { OK_ADDR, 100, NEXT, RING } }, { }, true },
	{ "next 0xffff", 0, { { OK_ADDR, 100, NEXT, 0xffff } }, { }, true },
	{ "loop of one", 0, { { OK_ADDR, 100, NEXT, 0 } }, { }, true },
	{ "loop of two", 0, { { OK_ADDR, 1, NEXT, 1 },
	  { OK_ADDR, 1, NEXT, 0 } }, { }, true },
	{ "loop of empty ones", 0, { { OK_ADDR, 0, NEXT, 1 },
	  { OK_ADDR, 0, NEXT, 0 } }, { }, true },
	{ "address 0", 0, { { RAW(0), 100, 0, 0 } }, { }, true },
	{ "unmapped address", 0, { { 0x4000000, 100, 0, 0 } }, { }, true },
	{ "last address", 0, { { ~0ULL, 100, 0, 0 } }, { }, true },
	{ "address wraps", 0, { { ~0ULL - 50, 100, 0, 0 } }, { }, true },
	{ "out of the end of memory", 0, { { 0x200000 - 50, 1000, 0, 0 } }, { },
	  true },
	{ "length 2^32-1", 0, { { OK_ADDR, ~0U, 0, 0 } }, { }, false },
	{ "many of 2^32-1", 0, { { OK_ADDR, ~0U, NEXT, 1 },
	  { OK_ADDR, ~0U, NEXT, 2 }, { OK_ADDR, ~0U, NEXT, 3 },
	  { OK_ADDR, ~0U, 0, 0 } }, { }, false },
	{ "length 0", 0, { { OK_ADDR, 0, 0, 0 } }, { }, false },
	{ "length 1", 0, { { OK_ADDR, 1, 0, 0 } }, { }, false },
	{ "header only", 0, { { OK_ADDR, 12, 0, 0 } }, { }, false },
	{ "64 KiB", 0, { { OK_ADDR, 65536, 0, 0 } }, { }, false },
	{ "for writing", 0, { { OK_ADDR, 100, WRITE, 0 } }, { }, false },
	{ "reading after writing", 0, { { OK_ADDR, 12, NEXT | WRITE, 1 },
	  { OK_ADDR, 100, 0, 0 } }, { }, false },
	{ "unknown flags", 0, { { OK_ADDR, 100, 0xfff8, 0 } }, { }, false },
	{ "indirect not negotiated", 0, { { TABLE, 16, IND, 0 } },
	  { { OK_ADDR, 100, 0, 0 } }, true },
};

static const struct ring_case indirect_cases[] = {
	{ "table not mapped", 0, { { 0x4000000, 16, IND, 0 } }, { }, true },
	{ "table wraps", 0, { { ~0ULL - 15, 32, IND, 0 } }, { }, true },
	{ "table of length 0", 0, { { TABLE, 0, IND, 0 } }, { }, true },
	{ "table of 15 bytes", 0, { { TABLE, 15, IND, 0 } }, { }, true },
	{ "table of 17 bytes", 0, { { TABLE, 17, IND, 0 } },
	  { { OK_ADDR, 100, 0, 0 } }, true },
	{ "table of 2^32-16 bytes", 0, { { TABLE, 0xfffffff0, IND, 0 } },
	  { { OK_ADDR, 100, 0, 0 } }, false },
	{ "indirect and next", 0, { { TABLE, 16, IND | NEXT, 1 },
	  { OK_ADDR, 100, 0, 0 } }, { { OK_ADDR, 100, 0, 0 } }, true },
	{ "indirect in indirect", 0, { { TABLE, 16, IND, 0 } },
	  { { TABLE, 16, IND, 0 } }, true },
	{ "next out of the table", 0, { { TABLE, 32, IND, 0 } },
	  { { OK_ADDR, 100, NEXT, 2 } }, true },
	{ "next 0xffff in the table", 0, { { TABLE, 32, IND, 0 } },
	  { { OK_ADDR, 100, NEXT, 0xffff } }, true },
	{ "loop in the table", 0, { { TABLE, 32, IND, 0 } },
	  { { OK_ADDR, 10, NEXT, 1 }, { OK_ADDR, 10, NEXT, 0 } }, true },
	{ "address 0 in the table", 0, { { TABLE, 16, IND, 0 } },
	  { { RAW(0), 100, 0, 0 } }, true },
	{ "indirect for writing", 0, { { TABLE, 16, IND | WRITE, 0 } },
	  { { OK_ADDR, 100, 0, 0 } }, false },
};

static const struct ring_case rx_cases[] = {
	{ "head out of range", RING, { }, { }, true },
	{ "next out of range", 0, { { OK_ADDR, 8, WRITE | NEXT, RING } }, { },
	  true },
	{ "loop", 0, { { OK_ADDR, 4, WRITE | NEXT, 0 } }, { }, true },
	{ "loop of empty ones", 0, { { OK_ADDR, 0, WRITE | NEXT, 0 } }, { },
	  true },
	{ "address 0", 0, { { RAW(0), 2000, WRITE, 0 } }, { }, true },
	{ "unmapped address", 0, { { 0x4000000, 2000, WRITE, 0 } }, { }, true },
	{ "address wraps", 0, { { ~0ULL - 20, 2000, WRITE, 0 } }, { }, true },
	{ "runs out of memory", 0, { { 0x200000 - 20, 2000, WRITE, 0 } }, { },
	  true },
	{ "length 2^32-1", 0, { { OK_ADDR, ~0U, WRITE, 0 } }, { }, false },
	{ "length 0", 0, { { OK_ADDR, 0, WRITE, 0 } }, { }, false },
	{ "shorter than the header", 0, { { OK_ADDR, 5, WRITE, 0 } }, { },
	  false },
	{ "shorter than the frame", 0, { { OK_ADDR, 100, WRITE, 0 } }, { },
	  false },
	{ "for reading", 0, { { OK_ADDR, 2000, 0, 0 } }, { }, false },
	{ "reading after writing", 0, { { OK_ADDR, 12, WRITE | NEXT, 1 },
	  { OK_ADDR, 2000, 0, 0 } }, { }, false },
};

static struct vring_desc place(FIXTURE_DATA(card) *self,
			       struct vring_desc desc)
{
	if (desc.addr <= 0x8000000)
		desc.addr += self->mem.iova;
	else if (desc.addr == RAW(0))
		desc.addr = 0;
	return desc;
}

/* Rings of queue @q with only the case's descriptors in them. */
static void offer(FIXTURE_DATA(card) *self, unsigned int q,
		  const struct ring_case *c)
{
	struct vring_desc *table = (void *)(self->mem.va + TABLE);
	struct vq *vq = &self->nic.vq[q];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		vq->desc[i] = place(self, c->desc[i]);
		table[i] = place(self, c->table[i]);
	}
	vq_offer_raw(vq, c->head);
	vq_publish(vq);
	vpci_kick(&self->nic.pci, q);
}

/* Waits until the device is broken, or has given the buffer back. */
static bool broke(FIXTURE_DATA(card) *self, unsigned int q, int ms)
{
	int64_t deadline = deadline_ms(ms);

	do {
		if (vpci_status(&self->nic.pci) & VIRTIO_CONFIG_S_NEEDS_RESET)
			return true;
		if (vq_pending(&self->nic.vq[q]))
			return false;
		sched_yield();
	} while (deadline_left(deadline));
	return false;
}

static void run_tx(struct __test_metadata *_metadata, FIXTURE_DATA(card) *self,
		   const struct ring_case *c, unsigned int flags)
{
	card_up(_metadata, self, flags);
	offer(self, VNIC_TX, c);
	if (c->breaks) {
		EXPECT_TRUE(broke(self, VNIC_TX, DEADLINE_MS)) {
			TH_LOG("%s: no NEEDS_RESET", c->name);
		}
		EXPECT_LT(0, event_wait(self->nic.events[0], DEADLINE_MS)) {
			TH_LOG("%s: no configuration interrupt", c->name);
		}
	} else {
		EXPECT_TRUE(broke(self, VNIC_TX, DEADLINE_MS) ||
			    vq_pending(&self->nic.vq[VNIC_TX])) {
			TH_LOG("%s: nothing happens", c->name);
		}
	}
	ASSERT_EQ(0, vdev_reset(&self->v));
}

TEST_F(card, transmit)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tx_cases); i++)
		run_tx(_metadata, self, &tx_cases[i], 0);
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 5);
}

TEST_F(card, transmit_indirect)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(indirect_cases); i++)
		run_tx(_metadata, self, &indirect_cases[i], VNIC_INDIRECT);
	card_up(_metadata, self, VNIC_INDIRECT);
	both_directions(_metadata, self->net, &self->nic, 5);
}

/* The receive ring's own buffers are taken away first: it is rewritten. */
static void run_rx(struct __test_metadata *_metadata, FIXTURE_DATA(card) *self,
		   const struct ring_case *c)
{
	struct vq *vq = &self->nic.vq[VNIC_RX];
	uint8_t frame[600];
	unsigned int i;
	bool broken;

	card_up(_metadata, self, 0);
	/* All that is offered already becomes the case as well. */
	for (i = 0; i < RING; i++)
		vq->avail->ring[i] = c->head;
	for (i = 0; i < 4; i++)
		vq->desc[i] = place(self, c->desc[i]);
	frame_make(frame, sizeof(frame), self->mac, 1);
	for (i = 0; i < 4; i++)
		netif_send(self->net, frame, sizeof(frame));
	broken = broke(self, VNIC_RX, c->breaks ? DEADLINE_MS : QUIET_MS);
	if (c->breaks) {
		EXPECT_TRUE(broken) {
			TH_LOG("%s: no NEEDS_RESET", c->name);
		}
	}
	ASSERT_EQ(0, vdev_reset(&self->v));
}

TEST_F(card, receive)
{
	unsigned int i;

	/* Another frame would meet a ring that is half rewritten. */
	card_alone(_metadata, self);
	for (i = 0; i < ARRAY_SIZE(rx_cases); i++)
		run_rx(_metadata, self, &rx_cases[i]);
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 5);
}

/* The available index jumps by more than the ring has. */
TEST_F(card, index_jumps)
{
	static const uint16_t jumps[] = { RING + 1, 0x8000, 0xff00 };
	unsigned int i, q;

	for (i = 0; i < ARRAY_SIZE(jumps); i++) {
		for (q = 0; q < 2; q++) {
			card_up(_metadata, self, 0);
			self->nic.vq[q].avail_idx += jumps[i];
			vq_publish(&self->nic.vq[q]);
			vpci_kick(&self->nic.pci, q);
			if (q == VNIC_TX) {
				struct vpci *pci = &self->nic.pci;

				EXPECT_EQ(0, vpci_wait_needs_reset(pci,
								   DEADLINE_MS)) {
					TH_LOG("jump of 0x%x", jumps[i]);
				}
			}
			ASSERT_EQ(0, vdev_reset(&self->v));
		}
	}
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 5);
}

/* A broken device moves as one, and says so on the other side of save/load. */
TEST_F(card, broken_is_state)
{
	struct buf stream = { 0 };
	uint8_t status;

	card_up(_metadata, self, 0);
	offer(self, VNIC_TX, &tx_cases[0]);
	ASSERT_TRUE(broke(self, VNIC_TX, DEADLINE_MS));
	status = vpci_status(&self->nic.pci);
	ASSERT_EQ(0, mig_save(&self->v, &stream));
	ASSERT_EQ(0, vdev_reset(&self->v));
	EXPECT_EQ(0, vpci_status(&self->nic.pci));
	EXPECT_EQ(0, mig_load(&self->v, stream.data, stream.len, 0));
	EXPECT_EQ(status, vpci_status(&self->nic.pci));
	EXPECT_EQ(0, mig_set(&self->v, RUNNING, NULL));
	EXPECT_EQ(status, vpci_status(&self->nic.pci));
	buf_free(&stream);
}

/* Rings where there is no memory, or where they cannot be. */
TEST_F(card, ring_addresses)
{
	static const uint64_t bad[] = {
		0, 1, 0x10, 0xfff, 0x4000000, 0xffffffff000ULL,
		0x7ffffffffffff000ULL, ~0ULL, ~0ULL - 0xfff, ~0ULL - 15,
		2 * MIB + MIB - 16,
	};
	unsigned int i, which;
	struct vq fake;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		for (which = 0; which < 3; which++) {
			struct vpci *pci = &self->nic.pci;

			card_up(_metadata, self, 0);
			fake = self->nic.vq[VNIC_TX];
			ASSERT_EQ(0, vpci_negotiate(pci, self->nic.features));
			if (which == 0)
				fake.desc_iova = bad[i];
			else if (which == 1)
				fake.avail_iova = bad[i];
			else
				fake.used_iova = bad[i];
			vpci_set_queue(pci, VNIC_TX, &fake, 2);
			vpci_set_status(pci, vpci_status(pci) |
					VIRTIO_CONFIG_S_DRIVER_OK);
			vpci_kick(pci, VNIC_TX);
			vq_offer_raw(&self->nic.vq[VNIC_TX], 0);
			vq_publish(&self->nic.vq[VNIC_TX]);
			vpci_kick(pci, VNIC_TX);
			ASSERT_EQ(0, vdev_reset(&self->v));
		}
	}
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 5);
}

/* Random bytes all over the rings while frames come in and kicks go out. */
TEST_F(card, random_rings)
{
	uint64_t rng = 42;
	uint8_t frame[300];
	unsigned int round, i;

	for (round = 0; round < 60; round++) {
		card_up(_metadata, self, round & 1 ? VNIC_INDIRECT |
			VNIC_EVENT_IDX : 0);
		frame_make(frame, sizeof(frame), self->mac, round);
		for (i = 0; i < 100; i++) {
			struct vq *vq = &self->nic.vq[rng_next(&rng) >> 60 & 1];
			uint64_t r = rng_next(&rng);
			struct vring_desc *desc = &vq->desc[r % RING];

			switch (r >> 40 & 7) {
			case 0:
				desc->addr = rng_next(&rng);
				break;
			case 1:
				desc->len = rng_next(&rng) >> 32;
				break;
			case 2:
				desc->flags = rng_next(&rng) >> 60;
				break;
			case 3:
				desc->next = rng_next(&rng) >> 56;
				break;
			case 4:
				vq->avail->ring[r >> 8 & (RING - 1)] = r >> 20;
				break;
			case 5:
				vq->avail->idx += r >> 32 & 15;
				break;
			case 6:
				netif_send(self->net, frame, sizeof(frame));
				break;
			default:
				vpci_kick(&self->nic.pci, r >> 16 & 1);
			}
		}
		ASSERT_EQ(0, vdev_reset(&self->v));
	}
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 5);
}

TEST_HARNESS_MAIN
