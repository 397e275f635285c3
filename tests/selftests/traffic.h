/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames between the card and its host interface, compared byte by byte. */
#ifndef TESTS_SELFTESTS_TRAFFIC_H
#define TESTS_SELFTESTS_TRAFFIC_H

#include "test.h"

#define FRAME_MAX	1514
#define RING		64

/* Waits, without interrupts, until the device has used up to @index. */
static inline bool wait_used_index(struct vq *vq, uint16_t index)
{
	int64_t deadline = deadline_ms(DEADLINE_MS);

	while (__atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE) != index) {
		if (!deadline_left(deadline))
			return false;
		sched_yield();
	}
	return true;
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

#endif /* TESTS_SELFTESTS_TRAFFIC_H */
