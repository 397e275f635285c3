/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fixture of the programs that drive the card: device A, guest memory, and a
 * socket on its host interface. Variants choose the way to VFIO and the
 * driver's options; the test brings the card up.
 */
#ifndef TESTS_SELFTESTS_CARD_H
#define TESTS_SELFTESTS_CARD_H

#include "traffic.h"

#define log_range struct vfio_device_feature_dma_logging_range

#define REQUIRE_LOGGING()						\
	do {								\
		if (!vdev_logs(&self->v))				\
			SKIP(return, "this kernel has no DMA logging");	\
	} while (0)

FIXTURE(card) {
	struct vdev v;
	struct guest_mem mem;
	struct vnic nic;
	int net;
	uint8_t mac[ETH_ALEN];
};

FIXTURE_VARIANT(card) {
	enum vdev_how how;
	unsigned int flags;
};

FIXTURE_SETUP(card)
{
	REQUIRE_WAY(variant->how);
	self->net = -1;
	ASSERT_EQ(0, create_open(&self->v, MDEV_UUID_A, variant->how));
	ASSERT_EQ(0, guest_mem_init(&self->mem, MIB, 2 * MIB));
	ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
	self->net = netif_open(MDEV_UUID_A);
	ASSERT_LE(0, self->net);
}

FIXTURE_TEARDOWN(card)
{
	vnic_down(&self->nic);
	if (self->net >= 0)
		close(self->net);
	close_remove(&self->v);
	guest_mem_free(&self->mem);
}

/*
 * For tests that count what the card gets: nobody else sends to it. Before the card is
 * up.
 */
static inline void card_alone(struct __test_metadata *_metadata,
			      FIXTURE_DATA(card) *self)
{
	close(self->net);
	ASSERT_EQ(0, netif_alone(MDEV_UUID_A));
	self->net = netif_open(MDEV_UUID_A);
	ASSERT_LE(0, self->net);
}

/* Also after a reset: fresh rings, everything works. */
static inline void card_up(struct __test_metadata *_metadata,
			   FIXTURE_DATA(card) *self, unsigned int flags)
{
	vnic_down(&self->nic);
	self->mem.used = 0;
	ASSERT_EQ(0, vnic_up(&self->nic, &self->v, &self->mem, RING, flags));
	vnic_mac(&self->nic, self->mac);
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_A, DEADLINE_MS));
}

#endif /* TESTS_SELFTESTS_CARD_H */
