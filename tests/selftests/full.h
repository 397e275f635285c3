/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fixture of the programs that use all that the card can: device A of the
 * newest version, from which it can move to device B, and sockets on its host
 * interface.
 */
#ifndef TESTS_SELFTESTS_FULL_H
#define TESTS_SELFTESTS_FULL_H

#include "netif_ethtool.h"
#include "packet.h"
#include "traffic.h"

#define FULL_TYPE	"virtio_net-v3"
#define FULL_PAIRS	4
#define FULL_SIZE	(12 * MIB)
#define FULL_RX_FILTER	64
/* A queue of FULL_RING has room for a long frame and more. */
#define FULL_RING	128

FIXTURE(full) {
	struct pair p;
	struct guest_mem mem;
	struct vnic nic;
	struct buf stream;
	int net;
	int packets;
	uint8_t mac[ETH_ALEN];
};

FIXTURE_VARIANT(full) {
	unsigned int flags;
};

FIXTURE_SETUP(full)
{
	self->net = -1;
	self->packets = -1;
	ASSERT_EQ(0, mdev_create(FULL_TYPE, MDEV_UUID_A));
	ASSERT_EQ(0, vdev_open(&self->p.a, MDEV_UUID_A, any_way()));
	ASSERT_EQ(0, guest_mem_init(&self->mem, MIB, FULL_SIZE));
	ASSERT_EQ(0, vdev_map(&self->p.a, &self->mem));
	self->net = netif_open(MDEV_UUID_A);
	ASSERT_LE(0, self->net);
	self->packets = packet_socket(MDEV_UUID_A);
	ASSERT_LE(0, self->packets);
}

FIXTURE_TEARDOWN(full)
{
	vnic_down(&self->nic);
	if (self->net >= 0)
		close(self->net);
	if (self->packets >= 0)
		close(self->packets);
	pair_close(&self->p);
	guest_mem_free(&self->mem);
	buf_free(&self->stream);
}

/*
 * For tests that count what the card gets: nobody else sends to it. Before the card is
 * up.
 */
static inline void full_alone(struct __test_metadata *_metadata,
			      FIXTURE_DATA(full) *self)
{
	close(self->net);
	close(self->packets);
	ASSERT_EQ(0, netif_alone(MDEV_UUID_A));
	self->net = netif_open(MDEV_UUID_A);
	ASSERT_LE(0, self->net);
	self->packets = packet_socket(MDEV_UUID_A);
	ASSERT_LE(0, self->packets);
}

/* Also after a reset. The control queue is there in any case. */
static inline void full_up(struct __test_metadata *_metadata,
			   FIXTURE_DATA(full) *self, unsigned int flags,
			   uint64_t features, unsigned int pairs)
{
	vnic_down(&self->nic);
	self->mem.used = 0;
	ASSERT_EQ(0, vnic_up_with(&self->nic, &self->p.a, &self->mem,
				  FULL_RING, flags,
				  features | VNIC_F(CTRL_VQ), pairs));
	vnic_mac(&self->nic, self->mac);
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_A, DEADLINE_MS));
}

/* The card is device B from here on, of the same configuration. */
static inline void full_move(struct __test_metadata *_metadata,
			     FIXTURE_DATA(full) *self)
{
	ASSERT_EQ(0, mdev_create(FULL_TYPE, MDEV_UUID_B));
	ASSERT_EQ(0, vdev_open(&self->p.b, MDEV_UUID_B, any_way()));
	ASSERT_EQ(0, vdev_map(&self->p.b, &self->mem));
	ASSERT_EQ(0, mig_save(&self->p.a, &self->stream));
	ASSERT_EQ(0, mig_load(&self->p.b, self->stream.data, self->stream.len,
			      0));
	close(self->net);
	close(self->packets);
	self->net = netif_open(MDEV_UUID_B);
	ASSERT_LE(0, self->net);
	self->packets = packet_socket(MDEV_UUID_B);
	ASSERT_LE(0, self->packets);
	ASSERT_EQ(0, vnic_interrupts(&self->nic, &self->p.b));
	ASSERT_EQ(0, vnic_move(&self->nic, &self->p.b));
	ASSERT_EQ(0, mig_set(&self->p.b, RUNNING, NULL));
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_B, DEADLINE_MS));
}

#endif /* TESTS_SELFTESTS_FULL_H */
