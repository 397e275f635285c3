// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checksum and segmentation offloads in both directions, mergeable buffers, and
 * what a hostile driver can write into the header before a packet.
 */
#include "full.h"
#include "headers.h"

#include <pthread.h>

#define OK	VIRTIO_NET_OK
#define ERR	VIRTIO_NET_ERR

#define LONG	60000

FIXTURE_VARIANT_ADD(full, direct) { };

FIXTURE_VARIANT_ADD(full, indirect) {
	.flags = VNIC_INDIRECT | VNIC_EVENT_IDX,
};

/* Of @len bytes of payload, from the host; as it comes in one piece. */
static void tso_to_guest(struct __test_metadata *_metadata,
			 FIXTURE_DATA(full) *self, size_t len, uint32_t seed)
{
	static uint8_t p[VNIC_BIG], in[VNIC_BIG + VNIC_SLOT];
	struct virtio_net_hdr_v1_hash hdr;
	size_t size = packet_make(p, self->mac, &tcp, len, seed);

	ASSERT_EQ(0, packet_send(self->packets, &tso, p, size));
	ASSERT_EQ(size, vnic_recv_on(&self->nic, 0, &hdr, in, sizeof(in),
				     DEADLINE_MS)) {
		TH_LOG("%zu bytes", len);
	}
	EXPECT_EQ(0, memcmp(p, in, size));
	EXPECT_EQ(CSUM, hdr.hdr.flags);
	EXPECT_EQ(len > MSS ? TCPV4 : 0, hdr.hdr.gso_type);
	EXPECT_EQ(len > MSS ? MSS : 0, hdr.hdr.gso_size);
	EXPECT_EQ(PACKET_ETH + PACKET_IP, hdr.hdr.csum_start);
	EXPECT_EQ(16, hdr.hdr.csum_offset);
}

TEST_F(full, segments_to_guest)
{
	size_t len;

	full_up(_metadata, self, variant->flags, VNIC_OFFLOADS, 1);
	for (len = 100; len <= LONG; len += 1 + len / 3)
		tso_to_guest(_metadata, self, len, len);
}

/* Around the ends of a buffer and of two. */
TEST_F(full, merged_sizes)
{
	size_t first = VNIC_SLOT - VNIC_HDR - PACKET_TCP_HDR, len;

	full_up(_metadata, self, variant->flags, VNIC_OFFLOADS, 1);
	for (len = first - 20; len < first + 20; len++)
		tso_to_guest(_metadata, self, len, len);
	for (len = first + VNIC_SLOT - VNIC_HDR - 3;
	     len < first + VNIC_SLOT + 3; len++)
		tso_to_guest(_metadata, self, len, len);
	both_directions(_metadata, self->net, &self->nic, 10);
}

/* A guest that takes no segments gets packets of the size of one. */
static void expect_segments(struct __test_metadata *_metadata,
			    FIXTURE_DATA(full) *self, bool checksum)
{
	uint8_t p[8192], in[2 * VNIC_SLOT];
	struct virtio_net_hdr_v1_hash hdr;
	size_t size, sum = 0;
	int ret;

	size = packet_make(p, self->mac, &tcp, 5 * MSS, 1);
	ASSERT_EQ(0, packet_send(self->packets, &tso, p, size));
	while (sum < 5 * MSS) {
		ret = vnic_recv_on(&self->nic, 0, &hdr, in, sizeof(in),
				   DEADLINE_MS);
		ASSERT_EQ(PACKET_TCP_HDR + MSS, ret);
		EXPECT_EQ(0, hdr.hdr.gso_type);
		EXPECT_EQ(0, memcmp(p + PACKET_TCP_HDR + sum,
				    in + PACKET_TCP_HDR, MSS));
		if (checksum) {
			EXPECT_EQ(0, hdr.hdr.flags & CSUM);
			EXPECT_TRUE(packet_checksum_ok(in, ret));
		}
		sum += ret - PACKET_TCP_HDR;
	}
}

TEST_F(full, guest_without_offloads)
{
	full_up(_metadata, self, variant->flags, 0, 1);
	expect_segments(_metadata, self, true);
	full_up(_metadata, self, variant->flags, VNIC_F(GUEST_CSUM), 1);
	expect_segments(_metadata, self, false);
}

static int set_offloads(struct vnic *nic, uint64_t offloads)
{
	uint8_t data[8];

	put_le64(data, offloads);
	return vnic_command(nic, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, data, 8);
}

TEST_F(full, guest_changes_its_mind)
{
	uint64_t all = VNIC_F(GUEST_CSUM) | VNIC_F(GUEST_TSO4) |
		       VNIC_F(GUEST_TSO6) | VNIC_F(GUEST_ECN) |
		       VNIC_F(GUEST_USO4) | VNIC_F(GUEST_USO6);

	full_up(_metadata, self, variant->flags, VNIC_OFFLOADS, 1);
	tso_to_guest(_metadata, self, 20000, 1);
	EXPECT_EQ(ERR, set_offloads(&self->nic, ~0ULL));
	EXPECT_EQ(ERR, set_offloads(&self->nic, VNIC_F(CSUM)));
	EXPECT_EQ(OK, set_offloads(&self->nic, VNIC_F(GUEST_CSUM)));
	expect_segments(_metadata, self, false);
	full_move(_metadata, self);
	expect_segments(_metadata, self, false);
	EXPECT_EQ(OK, set_offloads(&self->nic, all));
	tso_to_guest(_metadata, self, 30000, 2);
}

/* Buffers that do not suffice are left alone until there are more. */
TEST_F(full, not_enough_buffers)
{
	static uint8_t p[VNIC_BIG], in[VNIC_BIG + VNIC_SLOT];
	struct virtio_net_hdr_v1_hash hdr;
	unsigned int i, sizes[4];

	/* The buffers are counted. */
	full_alone(_metadata, self);
	full_up(_metadata, self, variant->flags, VNIC_OFFLOADS, 1);
	/* 64 buffers of a page; the first packets take 15 each. */
	for (i = 0; i < 8; i++) {
		sizes[i % 4] = packet_make(p, self->mac, &tcp, LONG, i);
		ASSERT_EQ(0, packet_send(self->packets, &tso, p,
					 sizes[i % 4]));
	}
	EXPECT_TRUE(wait_used_index(&self->nic.vq[VNIC_RX], 60));
	for (i = 0; i < 8; i++) {
		packet_make(p, self->mac, &tcp, LONG, i);
		ASSERT_EQ(sizes[i % 4],
			  vnic_recv_on(&self->nic, 0, &hdr, in, sizeof(in),
				       DEADLINE_MS));
		EXPECT_EQ(0, memcmp(p, in, sizes[i % 4])) {
			TH_LOG("packet %u", i);
		}
	}
	EXPECT_EQ(0, self->nic.vq[VNIC_RX].used->idx -
		  self->nic.vq[VNIC_RX].last_used);
}

/* @nr packets from the host at once: one that is cut before the interface. */
static void send_burst(struct __test_metadata *_metadata,
		       FIXTURE_DATA(full) *self, unsigned int nr)
{
	static uint8_t p[VNIC_BIG];
	size_t size = packet_make(p, self->mac, &tcp, nr * MSS, nr);

	ASSERT_EQ(0, packet_send(self->packets, &tso, p, size));
}

/*
 * They are there, and an interrupt says so at the last one. Without the event index
 * there is another one when the worker takes over, at a buffer whose page has not
 * been used before; it may be late.
 */
static void expect_burst(struct __test_metadata *_metadata,
			 FIXTURE_DATA(full) *self, unsigned int sent,
			 unsigned int given)
{
	struct vq *vq = &self->nic.vq[VNIC_RX];
	bool event_idx = vq->flags & VQ_EVENT_IDX;
	int event = self->nic.events[1 + VNIC_RX];
	int interrupts;

	event_wait(event, 0);
	ASSERT_TRUE(vq_arm_after(vq, event_idx ? given : 1));
	send_burst(_metadata, self, sent);
	interrupts = event_wait(event, DEADLINE_MS);
	EXPECT_LE(1, interrupts);
	EXPECT_GE(event_idx ? 1 : 3, interrupts);
	EXPECT_TRUE(wait_used_index(vq, (uint16_t)(vq->last_used + given)));
}

/* Takes @nr packets, and gives no buffers back. */
static void keep_buffers(struct __test_metadata *_metadata,
			 FIXTURE_DATA(full) *self, unsigned int nr)
{
	uint32_t len;

	while (nr--)
		ASSERT_NE(NULL, vq_get(&self->nic.vq[VNIC_RX], &len));
}

/* The guest sees a burst at its end, whatever becomes of the last packets. */
TEST_F(full, bursts)
{
	struct virtio_net_hdr_v1_hash hdr;
	struct vq *vq = &self->nic.vq[VNIC_RX];
	uint8_t frame[64], in[VNIC_SLOT];
	struct vq_seg small;
	unsigned int i;

	/* The buffers are counted. */
	full_alone(_metadata, self);
	full_up(_metadata, self, variant->flags, 0, 1);
	expect_burst(_metadata, self, 40, 40);
	keep_buffers(_metadata, self, 40);

	/* 24 buffers are left, and a short one that goes to a short frame. */
	small = (struct vq_seg){ guest_iova(&self->mem,
					    self->nic.slots[VNIC_RX]),
				 100, true };
	ASSERT_EQ(0, vq_add(vq, &small, 1, self->nic.slots[VNIC_RX]));
	vq_publish(vq);
	expect_burst(_metadata, self, 25, 24);
	keep_buffers(_metadata, self, 24);
	EXPECT_FALSE(vq_pending(vq));
	frame_make(frame, sizeof(frame), self->mac, 1);
	ASSERT_EQ(0, netif_send(self->net, frame, sizeof(frame)));
	EXPECT_TRUE(wait_used_index(vq, (uint16_t)(vq->last_used + 1)));

	/* The buffers end before the burst does. */
	full_up(_metadata, self, variant->flags, 0, 1);
	expect_burst(_metadata, self, 42, 42);
	keep_buffers(_metadata, self, 42);
	expect_burst(_metadata, self, 40, 22);
	for (i = 0; i < 40; i++)
		EXPECT_EQ(PACKET_TCP_HDR + MSS,
			  vnic_recv_on(&self->nic, 0, &hdr, in, sizeof(in),
				       DEADLINE_MS));
}

#define BURSTS		200
#define BURST		10

/**
 * struct sender - a thread that sends bursts
 * @packets: its socket
 * @frame: each of them
 * @size: its bytes
 * @sent: packets
 * @done: all
 */
struct sender {
	int packets;
	uint8_t frame[PACKET_TCP_HDR + BURST * MSS];
	size_t size;
	unsigned int sent;
	bool done;
};

static void *send_bursts(void *arg)
{
	struct sender *s = arg;
	unsigned int i;

	for (i = 0; i < BURSTS; i++) {
		if (packet_send(s->packets, &tso, s->frame, s->size))
			break;
		s->sent += BURST;
	}
	__atomic_store_n(&s->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Stopped in bursts: what was given is seen, what was not comes later. */
TEST_F(full, bursts_and_stops)
{
	struct sender sender = { 0 };
	struct virtio_net_hdr_v1_hash hdr;
	struct vq *vq = &self->nic.vq[VNIC_RX];
	uint8_t in[VNIC_SLOT];
	unsigned int got = 0;
	pthread_t thread;
	int64_t deadline;
	uint16_t index;
	bool done;

	/* The packets are counted. */
	full_alone(_metadata, self);
	full_up(_metadata, self, variant->flags, 0, 1);
	sender.packets = self->packets;
	sender.size = packet_make(sender.frame, self->mac, &tcp, BURST * MSS,
				  1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_bursts, &sender));
	do {
		done = __atomic_load_n(&sender.done, __ATOMIC_ACQUIRE);
		ASSERT_EQ(0, mig_set(&self->p.a, STOP, NULL));
		index = __atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE);
		sched_yield();
		EXPECT_EQ(index, __atomic_load_n(&vq->used->idx,
						 __ATOMIC_ACQUIRE));
		/* A packet takes a buffer. */
		EXPECT_EQ(index, (uint16_t)netif_counter(MDEV_UUID_A,
							 "tx0_packets"));
		ASSERT_EQ(0, mig_set(&self->p.a, RUNNING, NULL));
		while (vnic_recv_on(&self->nic, 0, &hdr, in, sizeof(in), 0) > 0)
			got++;
	} while (!done);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(BURSTS * BURST, sender.sent);
	/* Nothing stays behind, and nothing is lost but for want of room. */
	deadline = deadline_ms(DEADLINE_MS);
	while (got + netif_counter(MDEV_UUID_A, "tx0_drops") < sender.sent) {
		ASSERT_LT(0, deadline_left(deadline)) {
			TH_LOG("%u of %u came", got, sender.sent);
		}
		if (vnic_recv_on(&self->nic, 0, &hdr, in, sizeof(in),
				 QUIET_MS) > 0) {
			got++;
			deadline = deadline_ms(DEADLINE_MS);
		}
	}
	EXPECT_EQ(sender.sent,
		  got + netif_counter(MDEV_UUID_A, "tx0_drops"));
}

TEST_F(full, checksum_to_guest)
{
	struct virtio_net_hdr_v1_hash hdr;
	uint8_t p[600], in[VNIC_SLOT];
	size_t size;

	full_up(_metadata, self, variant->flags, VNIC_OFFLOADS, 1);
	size = packet_make(p, self->mac, &udp, 500, 1);
	ASSERT_EQ(0, packet_send(self->packets, &udp_csum, p, size));
	ASSERT_EQ(size, vnic_recv_on(&self->nic, 0, &hdr, in, sizeof(in),
				     DEADLINE_MS));
	EXPECT_EQ(CSUM, hdr.hdr.flags);
	EXPECT_EQ(6, hdr.hdr.csum_offset);
	EXPECT_EQ(0, memcmp(p, in, size));

	full_up(_metadata, self, variant->flags, VNIC_F(MRG_RXBUF), 1);
	ASSERT_EQ(0, packet_send(self->packets, &udp_csum, p, size));
	ASSERT_EQ(size, vnic_recv_on(&self->nic, 0, &hdr, in, sizeof(in),
				     DEADLINE_MS));
	EXPECT_EQ(0, hdr.hdr.flags & CSUM);
	EXPECT_TRUE(packet_checksum_ok(in, size));
}

TEST_F(full, from_guest)
{
	static uint8_t p[VNIC_BIG], in[VNIC_BIG];
	struct virtio_net_hdr_v1 hdr;
	size_t size, len;

	full_up(_metadata, self, variant->flags, VNIC_OFFLOADS, 1);
	for (len = 1; len <= LONG; len += 1 + len / 2) {
		size = packet_make(p, self->mac, &tcp, len, len);
		ASSERT_EQ(0, vnic_send_on(&self->nic, 0, &tso, p, size));
		ASSERT_EQ(size, packet_recv(self->packets, &hdr, in,
					    sizeof(in), DEADLINE_MS)) {
			TH_LOG("%zu bytes", len);
		}
		EXPECT_EQ(0, memcmp(p, in, size));
		EXPECT_EQ(CSUM, hdr.flags & CSUM);
		EXPECT_EQ(len > MSS ? TCPV4 : 0, hdr.gso_type);
		EXPECT_EQ(len > MSS ? MSS : 0, hdr.gso_size);
		ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	}
	size = packet_make(p, self->mac, &udp, 300, 1);
	ASSERT_EQ(0, vnic_send_on(&self->nic, 0, &udp_csum, p, size));
	ASSERT_EQ(size, packet_recv(self->packets, &hdr, in, sizeof(in),
				    DEADLINE_MS));
	EXPECT_EQ(CSUM, hdr.flags & CSUM);
	EXPECT_EQ(6, hdr.csum_offset);
}

/* Whatever the header says: dropped or sent, and then all is well. */
TEST_F(full, hostile_headers)
{
	uint8_t p[VNIC_SLOT];
	unsigned int i, k;
	size_t size;

	full_up(_metadata, self, variant->flags, VNIC_OFFLOADS, 1);
	for (i = 0; i < ARRAY_SIZE(hostile_hdrs); i++) {
		for (k = 0; k < 3; k++) {
			size = packet_make(p, self->mac, k ? &tcp : &udp,
					   k == 2 ? 3000 : 0, i);
			ASSERT_EQ(0, vnic_send_on(&self->nic, 0, &hostile_hdrs[i], p,
						  k ? size : 14));
		}
		ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	}
	EXPECT_LT(0, netif_counter(MDEV_UUID_A, "rx0_errors"));
	EXPECT_EQ(0, vpci_status(&self->nic.pci) &
		  VIRTIO_CONFIG_S_NEEDS_RESET);
	to_host(_metadata, self->net, &self->nic, 300, 1);
}

TEST_F(full, random_headers)
{
	struct virtio_net_hdr_v1 hdr;
	uint8_t p[VNIC_SLOT];
	uint64_t rng = 3;
	unsigned int i;
	size_t size;

	full_up(_metadata, self, variant->flags, VNIC_OFFLOADS, 1);
	for (i = 0; i < 2000; i++) {
		size = packet_make(p, self->mac, i & 1 ? &tcp : &udp,
				   i % 2000, i);
		random_hdr(&hdr, p, &rng);
		ASSERT_EQ(0, vnic_send_on(&self->nic, 0, &hdr, p, size));
		ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	}
	to_host(_metadata, self->net, &self->nic, 300, 1);
}

/* Offloads that were not accepted are not done. */
TEST_F(full, not_accepted)
{
	uint8_t p[VNIC_SLOT], in[VNIC_SLOT], hdr[10];
	size_t size;

	full_up(_metadata, self, variant->flags, 0, 1);
	size = packet_make(p, self->mac, &tcp, 3000, 1);
	ASSERT_EQ(0, vnic_send_on(&self->nic, 0, &tso, p, size));
	ASSERT_EQ(0, vnic_send_on(&self->nic, 0, &udp_csum, p, size));
	ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	EXPECT_EQ(-ETIMEDOUT, packet_recv(self->packets, hdr, in, sizeof(in),
					  QUIET_MS));
	EXPECT_EQ(2, netif_counter(MDEV_UUID_A, "rx0_errors"));
	full_up(_metadata, self, variant->flags, VNIC_F(CSUM), 1);
	ASSERT_EQ(0, vnic_send_on(&self->nic, 0, &tso, p, size));
	ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	EXPECT_EQ(3, netif_counter(MDEV_UUID_A, "rx0_errors"));
	to_host(_metadata, self->net, &self->nic, 300, 1);
}

/* A single queue is reset and set up again. */
TEST_F(full, queue_reset)
{
	struct vpci *pci = &self->nic.pci;
	uint8_t frame[100];

	full_up(_metadata, self, variant->flags, VNIC_OFFLOADS, 1);
	both_directions(_metadata, self->net, &self->nic, 5);
	vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_SELECT, VNIC_TX);
	EXPECT_EQ(1, vpci_common(pci, VIRTIO_PCI_COMMON_Q_ENABLE));
	vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_RESET, 1);
	EXPECT_EQ(0, vpci_common(pci, VIRTIO_PCI_COMMON_Q_RESET));
	EXPECT_EQ(0, vpci_common(pci, VIRTIO_PCI_COMMON_Q_ENABLE));
	EXPECT_EQ(0, vpci_common(pci, VIRTIO_PCI_COMMON_Q_DESCLO));
	frame_make(frame, sizeof(frame), self->mac, 1);
	ASSERT_EQ(0, vnic_send(&self->nic, frame, sizeof(frame)));
	EXPECT_EQ(-ETIMEDOUT, netif_recv(self->net, frame, sizeof(frame),
					 QUIET_MS));
	to_guest(_metadata, self->net, &self->nic, 100, 1);

	vq_free(&self->nic.vq[VNIC_TX]);
	ASSERT_EQ(0, vq_init(&self->nic.vq[VNIC_TX], &self->mem, FULL_RING,
			     variant->flags & VNIC_INDIRECT ?
			     VQ_INDIRECT | VQ_EVENT_IDX : 0));
	ASSERT_EQ(0, vpci_set_queue(pci, VNIC_TX, &self->nic.vq[VNIC_TX], 2));
	both_directions(_metadata, self->net, &self->nic, 5);
}

/* A queue that is broken stays broken as long as the device needs a reset. */
TEST_F(full, broken_queue_reset)
{
	struct vpci *pci = &self->nic.pci;
	struct vq *tx = &self->nic.vq[VNIC_TX];
	uint8_t frame[100];

	full_up(_metadata, self, variant->flags, VNIC_OFFLOADS, 1);
	vq_offer_raw(tx, 0xffff);
	vq_publish(tx);
	ASSERT_EQ(0, vpci_kick(pci, VNIC_TX));
	ASSERT_EQ(0, vpci_wait_needs_reset(pci, DEADLINE_MS));

	vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_SELECT, VNIC_TX);
	vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_RESET, 1);
	EXPECT_EQ(0, vpci_common(pci, VIRTIO_PCI_COMMON_Q_ENABLE));
	vq_free(tx);
	ASSERT_EQ(0, vq_init(tx, &self->mem, FULL_RING,
			     variant->flags & VNIC_INDIRECT ?
			     VQ_INDIRECT | VQ_EVENT_IDX : 0));
	ASSERT_EQ(0, vpci_set_queue(pci, VNIC_TX, tx, 2));
	frame_make(frame, sizeof(frame), self->mac, 1);
	ASSERT_EQ(0, vnic_send(&self->nic, frame, sizeof(frame)));
	EXPECT_EQ(-ETIMEDOUT, netif_recv(self->net, frame, sizeof(frame),
					 QUIET_MS));
	EXPECT_NE(0, vpci_status(pci) & VIRTIO_CONFIG_S_NEEDS_RESET);
	to_guest(_metadata, self->net, &self->nic, 100, 1);

	full_up(_metadata, self, variant->flags, VNIC_OFFLOADS, 1);
	both_directions(_metadata, self->net, &self->nic, 5);
}

/* Without the feature the register is not there. */
TEST_F(full, no_queue_reset)
{
	full_up(_metadata, self, variant->flags, 0, 1);
	vpci_set_common(&self->nic.pci, VIRTIO_PCI_COMMON_Q_SELECT, VNIC_TX);
	vpci_set_common(&self->nic.pci, VIRTIO_PCI_COMMON_Q_RESET, 1);
	EXPECT_EQ(1, vpci_common(&self->nic.pci, VIRTIO_PCI_COMMON_Q_ENABLE));
	both_directions(_metadata, self->net, &self->nic, 5);
}

TEST_HARNESS_MAIN
