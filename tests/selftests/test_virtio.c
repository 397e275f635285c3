// SPDX-License-Identifier: GPL-2.0-only
/* The card as a guest's driver sees it: negotiation and traffic. */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>

#include "card.h"

#define ALL	(VNIC_INDIRECT | VNIC_EVENT_IDX)

FIXTURE_VARIANT_ADD(card, iommufd) { .how = VDEV_IOMMUFD };

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

FIXTURE_VARIANT_ADD(card, indirect) {
	.how = VDEV_GROUP,
	.flags = VNIC_INDIRECT,
};

FIXTURE_VARIANT_ADD(card, event_idx) {
	.how = VDEV_GROUP,
	.flags = VNIC_EVENT_IDX,
};

FIXTURE_VARIANT_ADD(card, all) { .how = VDEV_GROUP, .flags = ALL };

FIXTURE_VARIANT_ADD(card, intx) {
	.how = VDEV_GROUP,
	.flags = ALL | VNIC_INTX,
};

/* Sizes near the ends one by one, some in the middle. */
static size_t next_size(size_t len)
{
	return len < 128 || len >= 1500 ? len + 1 : len + 49;
}

static bool offers(struct vpci *pci, unsigned int feature)
{
	return vpci_device_features(pci) & VNIC_FEATURE(feature);
}

TEST_F(card, features)
{
	static const unsigned int no[] = {
		VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_MTU,
		VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6,
		VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6,
		VIRTIO_NET_F_MRG_RXBUF, VIRTIO_NET_F_CTRL_RX,
		VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_F_MQ,
		VIRTIO_NET_F_RSS, VIRTIO_F_RING_PACKED,
	};
	struct vpci *pci = &self->nic.pci;
	unsigned int i;

	ASSERT_EQ(0, vpci_init(pci, &self->v));
	EXPECT_TRUE(offers(pci, VIRTIO_F_VERSION_1));
	EXPECT_TRUE(offers(pci, VIRTIO_F_ACCESS_PLATFORM));
	EXPECT_TRUE(offers(pci, VIRTIO_NET_F_MAC));
	EXPECT_TRUE(offers(pci, VIRTIO_NET_F_STATUS));
	EXPECT_TRUE(offers(pci, VIRTIO_RING_F_INDIRECT_DESC));
	EXPECT_TRUE(offers(pci, VIRTIO_RING_F_EVENT_IDX));
	for (i = 0; i < ARRAY_SIZE(no); i++) {
		EXPECT_FALSE(offers(pci, no[i])) {
			TH_LOG("feature %u", no[i]);
		}
	}
	/* Words beyond what there is read as zero. */
	vpci_set_common(pci, VIRTIO_PCI_COMMON_DFSELECT, 2);
	EXPECT_EQ(0, vpci_common(pci, VIRTIO_PCI_COMMON_DF));
	vpci_set_common(pci, VIRTIO_PCI_COMMON_DFSELECT, ~0U);
	EXPECT_EQ(0, vpci_common(pci, VIRTIO_PCI_COMMON_DF));
}

static int negotiate_words(struct vdev *v, struct vpci *pci, uint32_t index,
			   uint32_t value, struct buf *stream)
{
	uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

	vpci_reset(pci);
	vpci_set_status(pci, status);
	vpci_set_common(pci, VIRTIO_PCI_COMMON_GFSELECT, index);
	vpci_set_common(pci, VIRTIO_PCI_COMMON_GF, value);
	vpci_set_features(pci, VNIC_FEATURE(VIRTIO_F_VERSION_1));
	if (stream && (mig_save(v, stream) || vdev_reset(v) ||
		       mig_load(v, stream->data, stream->len, 0) ||
		       mig_set(v, RUNNING, NULL)))
		return -EIO;
	status |= VIRTIO_CONFIG_S_FEATURES_OK;
	vpci_set_status(pci, status);
	return vpci_status(pci) == status ? 0 : -EOPNOTSUPP;
}

/* Features in words that the device does not have are not accepted. */
TEST_F(card, feature_words)
{
	static const uint32_t words[] = { 2, 3, 4, 31, 32, 64, 1U << 31, ~0U };
	struct vdev *v = &self->v;
	struct buf stream = { 0 };
	struct vpci pci;
	unsigned int i;

	ASSERT_EQ(0, vpci_init(&pci, v));
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		EXPECT_EQ(0, negotiate_words(v, &pci, words[i], 0, NULL));
		EXPECT_EQ(-EOPNOTSUPP, negotiate_words(v, &pci, words[i], 1,
						       NULL)) {
			TH_LOG("word %u", words[i]);
		}
	}
	/* What the driver has written so far moves. */
	EXPECT_EQ(0, negotiate_words(v, &pci, 2, 0, &stream));
	stream.len = 0;
	EXPECT_EQ(-EOPNOTSUPP, negotiate_words(v, &pci, 2, 1U << 31, &stream));
	buf_free(&stream);
}

TEST_F(card, negotiation)
{
	uint64_t good = VNIC_FEATURE(VIRTIO_F_VERSION_1) |
			VNIC_FEATURE(VIRTIO_F_ACCESS_PLATFORM);
	struct vpci *pci = &self->nic.pci;

	ASSERT_EQ(0, vpci_init(pci, &self->v));
	EXPECT_EQ(0, vpci_negotiate(pci, good));
	EXPECT_EQ(good, vpci_driver_features(pci));
	/* Legacy drivers, and features that were not offered. */
	EXPECT_EQ(-EOPNOTSUPP, vpci_negotiate(pci, 0));
	EXPECT_EQ(-EOPNOTSUPP,
		  vpci_negotiate(pci, VNIC_FEATURE(VIRTIO_NET_F_MAC)));
	EXPECT_EQ(-EOPNOTSUPP, vpci_negotiate(pci, good |
		  VNIC_FEATURE(VIRTIO_NET_F_MRG_RXBUF)));
	EXPECT_EQ(-EOPNOTSUPP, vpci_negotiate(pci, good | 1ULL << 63));
	EXPECT_EQ(0, vpci_negotiate(pci, good));
	EXPECT_EQ(0, vpci_reset(pci));
	EXPECT_EQ(0, vpci_driver_features(pci));
}

TEST_F(card, registers_after_reset)
{
	struct vpci *pci = &self->nic.pci;
	int round, q;

	ASSERT_EQ(0, vpci_init(pci, &self->v));
	for (round = 0; round < 3; round++) {
		EXPECT_EQ(0, vpci_status(pci));
		EXPECT_EQ(2, vpci_common(pci, VIRTIO_PCI_COMMON_NUMQ));
		EXPECT_EQ(VPCI_NO_VECTOR,
			  vpci_common(pci, VIRTIO_PCI_COMMON_MSIX));
		for (q = 0; q < 2; q++) {
			unsigned int size;

			vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_SELECT, q);
			size = vpci_common(pci, VIRTIO_PCI_COMMON_Q_SIZE);
			EXPECT_LE(RING, size);
			EXPECT_EQ(0, size & (size - 1));
			EXPECT_EQ(0, vpci_common(pci,
						 VIRTIO_PCI_COMMON_Q_ENABLE));
			EXPECT_EQ(VPCI_NO_VECTOR,
				  vpci_common(pci,
					      VIRTIO_PCI_COMMON_Q_MSIX));
			EXPECT_EQ(0, vpci_common(pci,
						 VIRTIO_PCI_COMMON_Q_DESCLO));
		}
		/* No such queue. */
		vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_SELECT, 2);
		EXPECT_EQ(0, vpci_common(pci, VIRTIO_PCI_COMMON_Q_SIZE));
		vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_SELECT, 0xffff);
		EXPECT_EQ(0, vpci_common(pci, VIRTIO_PCI_COMMON_Q_SIZE));
		/* The driver's reset, then the PCI function's. */
		card_up(_metadata, self, variant->flags);
		if (round) {
			ASSERT_EQ(0, vdev_reset(&self->v));
		} else {
			ASSERT_EQ(0, vpci_reset(pci));
		}
		vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_SELECT, 0);
	}
}

TEST_F(card, device_configuration)
{
	char attr[32], mac[32];

	card_up(_metadata, self, variant->flags);
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x",
		 self->mac[0], self->mac[1], self->mac[2], self->mac[3],
		 self->mac[4], self->mac[5]);
	ASSERT_LT(0, mdev_read(MDEV_UUID_A, "mac", attr, sizeof(attr)));
	EXPECT_STREQ(attr, mac);
	EXPECT_EQ(VIRTIO_NET_S_LINK_UP,
		  vpci_read(&self->nic.pci, VIRTIO_PCI_CAP_DEVICE_CFG, 2, 6) &
		  VIRTIO_NET_S_LINK_UP);
}

TEST_F(card, no_such_vector)
{
	struct vpci *pci = &self->nic.pci;

	ASSERT_EQ(0, vpci_init(pci, &self->v));
	vpci_set_common(pci, VIRTIO_PCI_COMMON_MSIX, 1);
	EXPECT_EQ(1, vpci_common(pci, VIRTIO_PCI_COMMON_MSIX));
	vpci_set_common(pci, VIRTIO_PCI_COMMON_MSIX, 1000);
	EXPECT_EQ(VPCI_NO_VECTOR, vpci_common(pci, VIRTIO_PCI_COMMON_MSIX));
	vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_SELECT, 1);
	vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_MSIX, 0xfffe);
	EXPECT_EQ(VPCI_NO_VECTOR, vpci_common(pci, VIRTIO_PCI_COMMON_Q_MSIX));
}

TEST_F(card, sizes_to_guest)
{
	size_t len;

	card_up(_metadata, self, variant->flags);
	for (len = ETH_HLEN; len <= FRAME_MAX; len = next_size(len))
		to_guest(_metadata, self->net, &self->nic, len, len);
}

TEST_F(card, sizes_to_host)
{
	uint8_t frame[ETH_HLEN] = { 0 };
	size_t len;

	card_up(_metadata, self, variant->flags);
	/* Shorter than a header: given back, nobody gets it. */
	for (len = 1; len < ETH_HLEN; len++) {
		ASSERT_EQ(0, vnic_send(&self->nic, frame, len));
		ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	}
	for (len = ETH_HLEN; len <= FRAME_MAX; len = next_size(len))
		to_host(_metadata, self->net, &self->nic, len, len);
	ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
}

TEST_F(card, both_directions)
{
	card_up(_metadata, self, variant->flags);
	both_directions(_metadata, self->net, &self->nic, 100);
}

/* As many as there are buffers, before looking: in order, none twice. */
TEST_F(card, bursts)
{
	uint8_t frame[VNIC_SLOT], want[FRAME_MAX];
	unsigned int round, i, n = RING / 2;

	card_up(_metadata, self, variant->flags);
	for (round = 0; round < 6; round++) {
		for (i = 0; i < n; i++) {
			frame_make(frame, 100 + i, self->mac, i);
			ASSERT_EQ(0, netif_send(self->net, frame, 100 + i));
		}
		for (i = 0; i < n; i++) {
			frame_make(want, 100 + i, self->mac, i);
			ASSERT_EQ(100 + i, vnic_recv(&self->nic, frame,
						     sizeof(frame),
						     DEADLINE_MS));
			ASSERT_EQ(0, memcmp(want, frame, 100 + i));
		}
		for (i = 0; i < n; i++) {
			frame_make(frame, 100 + i, self->mac, i);
			ASSERT_EQ(0, vnic_send(&self->nic, frame, 100 + i));
		}
		for (i = 0; i < n; i++) {
			frame_make(want, 100 + i, self->mac, i);
			ASSERT_EQ(100 + i, netif_recv(self->net, frame,
						      sizeof(frame),
						      DEADLINE_MS));
			ASSERT_EQ(0, memcmp(want, frame, 100 + i));
		}
		ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	}
}

#define ORDER_ROUNDS	100
/* What is longer than a kick sends on itself, and takes the host long. */
#define ORDER_LONG	3000
#define SLOW_SOCKETS	64
/* A longer one is more than an old kernel lets a socket have. */
#define FILTER_LEN	1500

/* Looks at long frames for a while, and takes none. */
static int slow_socket(void)
{
	struct sock_filter filter[FILTER_LEN];
	struct sock_fprog prog = { .len = FILTER_LEN, .filter = filter };
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(VNIC_PROTO),
	};
	unsigned int i, last = FILTER_LEN - 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	filter[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0);
	filter[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K,
						 ORDER_LONG / 2, 1, 0);
	filter[2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	for (i = 3; i < last; i++)
		filter[i] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MUL |
							 BPF_K, 3);
	filter[last] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				 sizeof(prog)) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return fd;
}

/*
 * Frames stay in order, whoever sends them on: the worker is at a long one when the next
 * is kicked.
 */
TEST_F(card, order)
{
	unsigned int round, i;
	uint8_t frame[ORDER_LONG];

	card_up(_metadata, self, variant->flags);
	for (i = 0; i < SLOW_SOCKETS; i++)
		ASSERT_LE(0, slow_socket());
	for (round = 0; round < ORDER_ROUNDS; round++) {
		frame_make(frame, sizeof(frame), self->mac, round);
		ASSERT_EQ(0, vnic_send(&self->nic, frame, sizeof(frame)));
		ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
		ASSERT_EQ(0, vnic_send(&self->nic, frame, 100));
		ASSERT_EQ(sizeof(frame), netif_recv(self->net, frame,
						    sizeof(frame),
						    DEADLINE_MS)) {
			TH_LOG("round %u", round);
		}
		ASSERT_EQ(100, netif_recv(self->net, frame, sizeof(frame),
					  DEADLINE_MS));
	}
}

/* More frames than buffers: some are lost, none is wrong, then all is well. */
TEST_F(card, more_than_the_ring_holds)
{
	uint8_t frame[VNIC_SLOT], last[333];
	unsigned int i;
	int ret;

	card_up(_metadata, self, variant->flags);
	for (i = 0; i < 4 * RING; i++) {
		frame_make(frame, 200, self->mac, i);
		ret = netif_send(self->net, frame, 200);
		ASSERT_TRUE(!ret || ret == -ENOBUFS || ret == -EAGAIN);
	}
	for (i = 0; (ret = vnic_recv(&self->nic, frame, sizeof(frame),
				     QUIET_MS)) > 0; i++)
		ASSERT_EQ(200, ret);
	EXPECT_EQ(-ETIMEDOUT, ret);
	frame_make(last, sizeof(last), self->mac, 1);
	ASSERT_EQ(0, netif_send(self->net, last, sizeof(last)));
	/* A busy host was silent for a moment only. */
	while ((ret = vnic_recv(&self->nic, frame, sizeof(frame),
				DEADLINE_MS)) == 200)
		i++;
	EXPECT_LE(RING / 2, i);
	ASSERT_EQ(sizeof(last), ret);
	EXPECT_EQ(0, memcmp(last, frame, sizeof(last)));
}

/* The driver resets in the middle of traffic, and comes up again. */
TEST_F(card, driver_reset)
{
	uint8_t frame[200];
	int i;

	for (i = 0; i < 20; i++) {
		card_up(_metadata, self, variant->flags);
		to_guest(_metadata, self->net, &self->nic, 100, i);
		frame_make(frame, sizeof(frame), self->mac, i);
		ASSERT_EQ(0, vnic_send(&self->nic, frame, sizeof(frame)));
		ASSERT_EQ(0, vpci_reset(&self->nic.pci));
		EXPECT_EQ(0, vpci_status(&self->nic.pci));
		while (netif_recv(self->net, frame, sizeof(frame), 0) > 0)
			;
	}
}

/* Without DRIVER_OK, and after reset, the device touches no memory. */
TEST_F(card, quiet_when_not_ready)
{
	uint8_t *copy = malloc(self->mem.size);
	uint8_t frame[100];

	ASSERT_NE(NULL, copy);
	card_up(_metadata, self, variant->flags);
	ASSERT_EQ(0, vpci_reset(&self->nic.pci));
	memcpy(copy, self->mem.va, self->mem.size);
	frame_make(frame, sizeof(frame), self->mac, 1);
	/* What the host sent before the reset has interrupted. */
	event_wait(self->nic.events[1], 0);
	netif_send(self->net, frame, sizeof(frame));
	vpci_kick(&self->nic.pci, VNIC_RX);
	vpci_kick(&self->nic.pci, VNIC_TX);
	EXPECT_EQ(0, event_wait(self->nic.events[1], QUIET_MS));
	EXPECT_EQ(0, memcmp(copy, self->mem.va, self->mem.size));
	free(copy);
}

/* A driver that polls and wants no interrupts gets none. */
TEST_F(card, interrupts_suppressed)
{
	int event = variant->flags & VNIC_INTX ? 0 : 1;
	uint8_t frame[VNIC_SLOT];

	/* The used buffers are counted. */
	card_alone(_metadata, self);
	card_up(_metadata, self, variant->flags);
	to_guest(_metadata, self->net, &self->nic, 100, 1);
	vq_disarm(&self->nic.vq[VNIC_RX]);
	ASSERT_EQ(0, vnic_quiet(&self->nic));
	frame_make(frame, 100, self->mac, 2);
	ASSERT_EQ(0, netif_send(self->net, frame, 100));
	EXPECT_TRUE(wait_used_index(&self->nic.vq[VNIC_RX],
				    self->nic.vq[VNIC_RX].last_used + 1));
	EXPECT_EQ(0, event_wait(self->nic.events[event], QUIET_MS));
	EXPECT_EQ(100, vnic_recv(&self->nic, frame, sizeof(frame),
				 DEADLINE_MS));
	to_guest(_metadata, self->net, &self->nic, 100, 3);
}

/* The driver stops the bus master: no DMA until it is back. */
TEST_F(card, bus_master)
{
	uint8_t frame[VNIC_SLOT];
	unsigned int late = 0;
	uint32_t command;
	int len;

	card_up(_metadata, self, variant->flags);
	to_guest(_metadata, self->net, &self->nic, 100, 1);
	command = pci_read(&self->v, 2, 4);
	ASSERT_EQ(0, pci_write(&self->v, 2, 4, command & ~4));
	frame_make(frame, 100, self->mac, 2);
	netif_send(self->net, frame, 100);
	EXPECT_EQ(-ETIMEDOUT, vnic_recv(&self->nic, frame, sizeof(frame),
					QUIET_MS));
	ASSERT_EQ(0, pci_write(&self->v, 2, 4, command));
	/* That frame may be lost or not, and be late; the next one is not. */
	frame_make(frame, 200, self->mac, 3);
	ASSERT_EQ(0, netif_send(self->net, frame, 200));
	do {
		len = vnic_recv(&self->nic, frame, sizeof(frame), DEADLINE_MS);
	} while (len == 100 && !late++);
	EXPECT_EQ(200, len);
}

TEST_HARNESS_MAIN
