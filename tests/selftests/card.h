/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fixture of the programs that drive the card: device A, guest memory, and a
 * socket on its host interface. Variants choose the way to VFIO and the
 * driver's options; the test brings the card up.
 */
#ifndef TESTS_SELFTESTS_CARD_H
#define TESTS_SELFTESTS_CARD_H

#include "test.h"

#define FRAME_MAX	1514
#define RING		64

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

/* A frame of @len bytes from the host to the guest, compared. */
static inline void to_guest(struct __test_metadata *_metadata, int net,
			    struct vnic *nic, size_t len, uint32_t seed)
{
	uint8_t out[FRAME_MAX], in[VNIC_SLOT], mac[ETH_ALEN];

	vnic_mac(nic, mac);
	frame_make(out, len, mac, seed);
	ASSERT_EQ(0, netif_send(net, out, len));
	ASSERT_EQ(len, vnic_recv(nic, in, sizeof(in), DEADLINE_MS)) {
		TH_LOG("frame %u of %zu bytes to the guest", seed, len);
	}
	ASSERT_EQ(0, memcmp(out, in, len));
}

/* A frame of @len bytes from the guest to the host, compared. */
static inline void to_host(struct __test_metadata *_metadata, int net,
			   struct vnic *nic, size_t len, uint32_t seed)
{
	static const uint8_t broadcast[ETH_ALEN] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};
	uint8_t out[FRAME_MAX], in[VNIC_SLOT];

	frame_make(out, len, broadcast, seed);
	ASSERT_EQ(0, vnic_send(nic, out, len));
	ASSERT_EQ(len, netif_recv(net, in, sizeof(in), DEADLINE_MS)) {
		TH_LOG("frame %u of %zu bytes to the host", seed, len);
	}
	ASSERT_EQ(0, memcmp(out, in, len));
}

static inline void both_directions(struct __test_metadata *_metadata, int net,
				   struct vnic *nic, unsigned int frames)
{
	unsigned int i;

	for (i = 0; i < frames; i++) {
		to_guest(_metadata, net, nic, 60 + i % 1400, i);
		to_host(_metadata, net, nic, 60 + i % 1400, i);
	}
	ASSERT_EQ(0, vnic_sent(nic, DEADLINE_MS));
}

#endif /* TESTS_SELFTESTS_CARD_H */
