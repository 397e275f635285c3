// SPDX-License-Identifier: GPL-2.0-only
/*
 * A card with traffic moves from one device to another with the same guest
 * memory behind both, as in a migration; and what stopped means.
 */
#include "traffic.h"

#include <sys/eventfd.h>

FIXTURE(move) {
	struct pair p;
	struct guest_mem mem;
	struct vnic nic;
	struct buf stream;
	int net_a;
	int net_b;
	uint8_t mac[ETH_ALEN];
};

FIXTURE_VARIANT(move) {
	enum vdev_how from;
	enum vdev_how to;
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(move, iommufd) {
	.from = VDEV_IOMMUFD,
	.to = VDEV_IOMMUFD,
};

FIXTURE_VARIANT_ADD(move, group) {
	.from = VDEV_GROUP,
	.to = VDEV_GROUP,
	.flags = VNIC_INDIRECT | VNIC_EVENT_IDX,
};

FIXTURE_VARIANT_ADD(move, mixed_intx) {
	.from = VDEV_GROUP,
	.to = VDEV_IOMMUFD,
	.flags = VNIC_INTX,
};

static void up(struct __test_metadata *_metadata, FIXTURE_DATA(move) *self,
	       unsigned int flags)
{
	ASSERT_EQ(0, vnic_up(&self->nic, &self->p.a, &self->mem, RING, flags));
	vnic_mac(&self->nic, self->mac);
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_A, DEADLINE_MS));
}

FIXTURE_SETUP(move)
{
	REQUIRE_WAY(variant->from);
	REQUIRE_WAY(variant->to);
	self->net_a = -1;
	self->net_b = -1;
	ASSERT_EQ(0, create_open(&self->p.a, MDEV_UUID_A, variant->from));
	ASSERT_EQ(0, create_open(&self->p.b, MDEV_UUID_B, variant->to));
	ASSERT_EQ(0, guest_mem_init(&self->mem, MIB, 2 * MIB));
	ASSERT_EQ(0, vdev_map(&self->p.a, &self->mem));
	ASSERT_EQ(0, vdev_map(&self->p.b, &self->mem));
	self->net_a = netif_open(MDEV_UUID_A);
	ASSERT_LE(0, self->net_a);
	self->net_b = netif_open(MDEV_UUID_B);
	ASSERT_LE(0, self->net_b);
	up(_metadata, self, variant->flags);
}

FIXTURE_TEARDOWN(move)
{
	vnic_down(&self->nic);
	if (self->net_a >= 0)
		close(self->net_a);
	if (self->net_b >= 0)
		close(self->net_b);
	pair_close(&self->p);
	guest_mem_free(&self->mem);
	buf_free(&self->stream);
}

static struct vdev *other(FIXTURE_DATA(move) *self)
{
	return self->nic.vdev == &self->p.a ? &self->p.b : &self->p.a;
}

static int net_of(FIXTURE_DATA(move) *self)
{
	return self->nic.vdev == &self->p.a ? self->net_a : self->net_b;
}

/* Saves, and loads into the other device, which ends in STOP. */
static int transfer(FIXTURE_DATA(move) *self)
{
	struct vdev *to = other(self);
	int ret = mig_save(self->nic.vdev, &self->stream);

	if (!ret)
		ret = vdev_reset(to);
	if (!ret)
		ret = mig_load(to, self->stream.data, self->stream.len, 0);
	return ret;
}

/* The user routes the interrupts of the other device and lets it run. */
static int resume(FIXTURE_DATA(move) *self)
{
	struct vdev *from = self->nic.vdev, *to = other(self);
	int ret = vnic_interrupts(&self->nic, to);

	if (!ret)
		ret = vnic_move(&self->nic, to);
	if (!ret)
		ret = mig_set(to, RUNNING, NULL);
	if (!ret)
		ret = vdev_reset(from);
	if (!ret)
		ret = netif_wait_carrier(to->uuid, DEADLINE_MS);
	return ret;
}

static int move(FIXTURE_DATA(move) *self)
{
	int ret = transfer(self);

	return ret ? ret : resume(self);
}

TEST_F(move, traffic_goes_on)
{
	int i;

	both_directions(_metadata, self->net_a, &self->nic, 50);
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, move(self));
		both_directions(_metadata, net_of(self), &self->nic, 17);
	}
}

TEST_F(move, mac_travels)
{
	char mac_a[32], mac_b[32];
	uint8_t mac[ETH_ALEN];

	mdev_read(MDEV_UUID_A, "mac", mac_a, sizeof(mac_a));
	mdev_read(MDEV_UUID_B, "mac", mac_b, sizeof(mac_b));
	EXPECT_STRNE(mac_a, mac_b);
	ASSERT_EQ(0, move(self));
	vnic_mac(&self->nic, mac);
	EXPECT_EQ(0, memcmp(self->mac, mac, ETH_ALEN));
	mdev_read(MDEV_UUID_B, "mac", mac_b, sizeof(mac_b));
	EXPECT_STREQ(mac_a, mac_b);
}

/* Frames that the guest hands over while the card is stopped go out later. */
TEST_F(move, sent_while_stopped)
{
	static const uint8_t dst[ETH_ALEN] = { 2, 1, 2, 3, 4, 5 };
	uint8_t frame[VNIC_SLOT], want[FRAME_MAX];
	int i;

	both_directions(_metadata, self->net_a, &self->nic, 5);
	ASSERT_EQ(0, mig_set(&self->p.a, STOP, NULL));
	for (i = 0; i < 5; i++) {
		frame_make(frame, 400 + i, dst, i);
		ASSERT_EQ(0, vnic_send(&self->nic, frame, 400 + i));
	}
	EXPECT_EQ(-ETIMEDOUT, netif_recv(self->net_a, frame, sizeof(frame),
					 QUIET_MS));
	EXPECT_EQ(RING / 2 - 5, self->nic.tx[0].nr_free);
	ASSERT_EQ(0, move(self));
	for (i = 0; i < 5; i++) {
		frame_make(want, 400 + i, dst, i);
		ASSERT_EQ(400 + i, netif_recv(self->net_b, frame,
					      sizeof(frame), DEADLINE_MS));
		ASSERT_EQ(0, memcmp(want, frame, 400 + i));
	}
	ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	EXPECT_EQ(-ETIMEDOUT, netif_recv(self->net_a, frame, sizeof(frame),
					 0));
}

/* The same on one device: stop, kick, go on. */
TEST_F(move, kick_is_kept)
{
	static const unsigned int stops[] = {
		STOP, STOP_COPY, RUNNING_P2P, PRE_COPY_P2P,
	};
	uint8_t frame[VNIC_SLOT];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(stops); i++) {
		if (!has_state(&self->p.a, stops[i]))
			continue;
		ASSERT_EQ(0, mig_set(&self->p.a, stops[i], NULL));
		frame_make(frame, 300, self->mac, i);
		ASSERT_EQ(0, vnic_send(&self->nic, frame, 300));
		ASSERT_EQ(0, mig_set(&self->p.a, RUNNING, NULL));
		EXPECT_EQ(300, netif_recv(self->net_a, frame, sizeof(frame),
					  DEADLINE_MS)) {
			TH_LOG("after %s", mig_name(stops[i]));
		}
		EXPECT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
		to_guest(_metadata, self->net_a, &self->nic, 200, i);
	}
}

/* No DMA and no interrupt in any stopped state, whatever way led there. */
TEST_F(move, stopped_is_stopped)
{
	static const struct {
		unsigned int by, state;
	} stops[] = {
		{ RUNNING, STOP }, { RUNNING, STOP_COPY },
		{ RUNNING, RUNNING_P2P }, { RUNNING, PRE_COPY_P2P },
		{ PRE_COPY, PRE_COPY_P2P }, { PRE_COPY, STOP_COPY },
	};
	uint8_t *copy = malloc(self->mem.size);
	uint8_t frame[VNIC_SLOT];
	unsigned int i, e;

	ASSERT_NE(NULL, copy);
	both_directions(_metadata, self->net_a, &self->nic, 3);
	for (i = 0; i < ARRAY_SIZE(stops); i++) {
		if (!has_state(&self->p.a, stops[i].by) ||
		    !has_state(&self->p.a, stops[i].state))
			continue;
		ASSERT_EQ(0, mig_set(&self->p.a, stops[i].by, NULL));
		ASSERT_EQ(0, mig_set(&self->p.a, stops[i].state, NULL));
		ASSERT_EQ(0, vnic_quiet(&self->nic));
		frame_make(frame, 300, self->mac, i);
		ASSERT_EQ(0, vnic_send(&self->nic, frame, 300));
		memcpy(copy, self->mem.va, self->mem.size);
		netif_send(self->net_a, frame, 300);
		vpci_kick(&self->nic.pci, VNIC_RX);
		for (e = 0; e < 3; e++) {
			EXPECT_EQ(0, event_wait(self->nic.events[e],
						e ? 0 : QUIET_MS));
		}
		EXPECT_EQ(0, memcmp(copy, self->mem.va, self->mem.size)) {
			TH_LOG("memory changed in %s by way of %s",
			       mig_name(stops[i].state),
			       mig_name(stops[i].by));
		}
		ASSERT_EQ(0, mig_set(&self->p.a, RUNNING, NULL));
		ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
		while (vnic_recv(&self->nic, frame, sizeof(frame),
				 QUIET_MS) > 0)
			;
		while (netif_recv(self->net_a, frame, sizeof(frame), 0) > 0)
			;
	}
	free(copy);
}

/* PRE_COPY is running: traffic, and then a card that is as good as new. */
TEST_F(move, traffic_in_pre_copy)
{
	struct vdev *a = &self->p.a, *b = &self->p.b;
	int out, in;

	REQUIRE_PRE_COPY(a);
	ASSERT_EQ(0, mig_set(a, PRE_COPY, &out));
	ASSERT_EQ(0, mig_set(b, RESUMING, &in));
	both_directions(_metadata, self->net_a, &self->nic, 20);
	EXPECT_EQ(-ENOMSG, mig_drain(out, &self->stream, 4096));
	ASSERT_EQ(0, mig_feed(in, self->stream.data, self->stream.len, 0));
	both_directions(_metadata, self->net_a, &self->nic, 20);
	ASSERT_EQ(0, mig_set(a, PRE_COPY_P2P, NULL));
	ASSERT_EQ(0, mig_set(a, STOP_COPY, NULL));
	self->stream.len = 0;
	ASSERT_EQ(0, mig_drain(out, &self->stream, 100));
	ASSERT_EQ(0, mig_feed(in, self->stream.data, self->stream.len, 77));
	close(out);
	close(in);
	ASSERT_EQ(0, resume(self));
	both_directions(_metadata, self->net_b, &self->nic, 20);
}

/* A migration that is given up: the source goes on. */
TEST_F(move, cancelled)
{
	bool pre_copy = has_pre_copy(&self->p.a);
	int out, i;

	for (i = 0; i < 5; i++) {
		if (pre_copy) {
			ASSERT_EQ(0, mig_set(&self->p.a, PRE_COPY, &out));
			both_directions(_metadata, self->net_a, &self->nic, 5);
		}
		if (i & 1 || !pre_copy) {
			ASSERT_EQ(0, mig_set(&self->p.a, STOP_COPY,
					     pre_copy ? NULL : &out));
			mig_drain(out, &self->stream, 64);
		}
		ASSERT_EQ(0, mig_set(&self->p.a, RUNNING, NULL));
		close(out);
		both_directions(_metadata, self->net_a, &self->nic, 5);
	}
}

/* Both cards as after a reset, with interfaces that nobody else sends to. */
static void up_alone(struct __test_metadata *_metadata,
		     FIXTURE_DATA(move) *self, unsigned int flags)
{
	vnic_down(&self->nic);
	ASSERT_EQ(0, vdev_reset(&self->p.a));
	self->mem.used = 0;
	close(self->net_a);
	close(self->net_b);
	ASSERT_EQ(0, netif_alone(MDEV_UUID_A));
	ASSERT_EQ(0, netif_alone(MDEV_UUID_B));
	self->net_a = netif_open(MDEV_UUID_A);
	ASSERT_LE(0, self->net_a);
	self->net_b = netif_open(MDEV_UUID_B);
	ASSERT_LE(0, self->net_b);
	up(_metadata, self, flags);
}

/* A received frame whose interrupt nobody has seen is not forgotten. */
TEST_F(move, interrupt_is_raised_again)
{
	int event = variant->flags & VNIC_INTX ? 0 : 1;
	uint8_t frame[VNIC_SLOT];
	int32_t none[3] = { -1, -1, -1 };
	uint32_t index = variant->flags & VNIC_INTX ? VFIO_PCI_INTX_IRQ_INDEX :
						      VFIO_PCI_MSIX_IRQ_INDEX;

	/* That frame is the first one, and the only one that interrupts. */
	up_alone(_metadata, self, variant->flags);
	ASSERT_EQ(0, vdev_irq_eventfds(&self->p.a, index, 0,
				       variant->flags & VNIC_INTX ? 1 : 3,
				       none));
	frame_make(frame, 300, self->mac, 1);
	ASSERT_EQ(0, netif_send(self->net_a, frame, 300));
	ASSERT_TRUE(wait_used_index(&self->nic.vq[VNIC_RX], 1));
	ASSERT_EQ(0, move(self));
	EXPECT_LT(0, event_wait(self->nic.events[event], DEADLINE_MS));
	if (variant->flags & VNIC_INTX) {
		EXPECT_EQ(1, vpci_read(&self->nic.pci, VIRTIO_PCI_CAP_ISR_CFG,
				       1, 0) & 1);
		ASSERT_EQ(0, vdev_irq_set(self->nic.vdev, index,
					  VFIO_IRQ_SET_DATA_NONE |
					  VFIO_IRQ_SET_ACTION_UNMASK, 0, 1,
					  NULL, 0));
	}
	EXPECT_EQ(300, vnic_recv(&self->nic, frame, sizeof(frame),
				 DEADLINE_MS));
	both_directions(_metadata, self->net_b, &self->nic, 3);
}

/* The 16-bit indices wrap in a device that took the rings over. */
TEST_F(move, indices_wrap)
{
	struct vq *vq;
	unsigned int q;
	uint16_t in_flight;

	ASSERT_EQ(0, mig_set(&self->p.a, STOP, NULL));
	for (q = 0; q < 2; q++) {
		vq = &self->nic.vq[q];
		in_flight = vq->avail_idx - vq->last_used;
		/* A multiple of the size away, so that slots stay. */
		vq->avail_idx += 0x10000 - RING;
		vq->avail->idx = vq->avail_idx;
		vq->published = vq->avail_idx;
		vq->last_used = vq->avail_idx - in_flight;
		vq->used->idx = vq->last_used;
	}
	ASSERT_EQ(0, move(self));
	both_directions(_metadata, self->net_b, &self->nic, 3 * RING);
	/* The host's own frames come on top. */
	EXPECT_LT(self->nic.vq[VNIC_RX].last_used, 0x8000);
}

/*
 * Rings that are not there on the destination: refused, or the queue breaks;
 * the host and the device survive.
 */
TEST_F(move, destination_without_memory)
{
	int ret;

	ASSERT_EQ(0, vdev_unmap(&self->p.b, self->mem.iova, self->mem.size));
	ret = transfer(self);
	if (!ret) {
		ASSERT_EQ(0, vnic_move(&self->nic, &self->p.b));
		EXPECT_EQ(0, mig_set(&self->p.b, RUNNING, NULL));
		vpci_kick(&self->nic.pci, VNIC_RX);
		vpci_kick(&self->nic.pci, VNIC_TX);
	}
	ASSERT_EQ(0, vdev_reset(&self->p.b));
	ASSERT_EQ(0, vdev_map(&self->p.b, &self->mem));
	ASSERT_EQ(0, vnic_move(&self->nic, &self->p.a));
	ASSERT_EQ(0, move(self));
	both_directions(_metadata, self->net_b, &self->nic, 3);
}

/*
 * Guest memory that does not fit the state: indices that no stopped device
 * leaves behind. Loading is refused or the queue breaks.
 */
TEST_F(move, memory_of_another)
{
	uint16_t *used = &self->nic.vq[VNIC_RX].used->idx;

	ASSERT_EQ(0, mig_save(&self->p.a, &self->stream));
	*used += 0x4000;
	if (!mig_load(&self->p.b, self->stream.data, self->stream.len, 0)) {
		ASSERT_EQ(0, vnic_move(&self->nic, &self->p.b));
		ASSERT_EQ(0, mig_set(&self->p.b, RUNNING, NULL));
		vpci_kick(&self->nic.pci, VNIC_RX);
	}
	EXPECT_EQ(0, vdev_reset(&self->p.b));
	*used -= 0x4000;
	ASSERT_EQ(0, vnic_move(&self->nic, &self->p.a));
	ASSERT_EQ(0, move(self));
	both_directions(_metadata, self->net_b, &self->nic, 3);
}

TEST_HARNESS_MAIN
