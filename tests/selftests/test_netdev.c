// SPDX-License-Identifier: GPL-2.0-only
/*
 * The card's interface on the host, as an administrator handles it: another
 * name, a bridge, another network namespace, its carrier and its counters.
 */
#include <net/if.h>
#include <linux/sockios.h>

#include "card.h"
#include "netif_ethtool.h"

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

#define NAME	"guest-card0"
#define BRIDGE	"br-guests"

static const char *name_of(const char *uuid)
{
	static char name[IFNAMSIZ];

	if (mdev_read(uuid, "netdev", name, sizeof(name)) < 0)
		name[0] = '\0';
	return name;
}

/* An ioctl on an interface that @uuid has; returns 0 or an errno. */
static int on_interface(const char *uuid, unsigned long cmd, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret;

	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name_of(uuid));
	ret = ioctl(fd, cmd, ifr) ? -errno : 0;
	close(fd);
	return ret;
}

static int set_up(const char *uuid, bool up)
{
	struct ifreq ifr = { 0 };
	int ret = on_interface(uuid, SIOCGIFFLAGS, &ifr);

	ifr.ifr_flags &= ~IFF_UP;
	if (up)
		ifr.ifr_flags |= IFF_UP;
	return ret ? ret : on_interface(uuid, SIOCSIFFLAGS, &ifr);
}

static bool has_carrier(const char *uuid)
{
	struct ifreq ifr = { 0 };

	return !on_interface(uuid, SIOCGIFFLAGS, &ifr) &&
	       ifr.ifr_flags & IFF_RUNNING;
}

static bool wait_no_carrier(const char *uuid)
{
	int64_t deadline = deadline_ms(DEADLINE_MS);

	while (has_carrier(uuid)) {
		if (!deadline_left(deadline))
			return false;
		sched_yield();
	}
	return true;
}

TEST_F(card, another_name)
{
	struct ifreq ifr = { 0 };

	ASSERT_EQ(0, set_up(MDEV_UUID_A, false));
	snprintf(ifr.ifr_newname, sizeof(ifr.ifr_newname), NAME);
	ASSERT_EQ(0, on_interface(MDEV_UUID_A, SIOCSIFNAME, &ifr));
	EXPECT_STREQ(NAME, name_of(MDEV_UUID_A));
	/* The socket has an error from that. */
	close(self->net);
	self->net = netif_open(MDEV_UUID_A);
	ASSERT_LE(0, self->net);
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 5);
	/* It is the interface's, not the session's. */
	vdev_close(&self->v);
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
	EXPECT_STREQ(NAME, name_of(MDEV_UUID_A));
}

/* Up and with a carrier while the guest's driver is there, and not before. */
TEST_F(card, carrier)
{
	struct vpci *pci = &self->nic.pci;
	unsigned int i;

	EXPECT_FALSE(has_carrier(MDEV_UUID_A));
	for (i = 0; i < 3; i++) {
		card_up(_metadata, self, 0);
		EXPECT_TRUE(has_carrier(MDEV_UUID_A));
		EXPECT_EQ(VIRTIO_NET_S_LINK_UP,
			  vpci_read(pci, VIRTIO_PCI_CAP_DEVICE_CFG, 2, 6));
		both_directions(_metadata, self->net, &self->nic, 2);
		if (i == 0) {
			ASSERT_EQ(0, vpci_reset(pci));
		} else if (i == 1) {
			ASSERT_EQ(0, vdev_reset(&self->v));
		} else {
			vdev_close(&self->v);
		}
		EXPECT_TRUE(wait_no_carrier(MDEV_UUID_A));
	}
}

/* What the administrator does to the interface, the guest sees of its link. */
TEST_F(card, link)
{
	struct vpci *pci = &self->nic.pci;

	card_up(_metadata, self, 0);
	ASSERT_EQ(0, vnic_quiet(&self->nic));
	ASSERT_EQ(0, set_up(MDEV_UUID_A, false));
	EXPECT_LT(0, event_wait(self->nic.events[0], DEADLINE_MS));
	EXPECT_EQ(0, vpci_read(pci, VIRTIO_PCI_CAP_DEVICE_CFG, 2, 6));
	ASSERT_EQ(0, set_up(MDEV_UUID_A, true));
	EXPECT_LT(0, event_wait(self->nic.events[0], DEADLINE_MS));
	EXPECT_EQ(VIRTIO_NET_S_LINK_UP,
		  vpci_read(pci, VIRTIO_PCI_CAP_DEVICE_CFG, 2, 6));
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_A, DEADLINE_MS));
	close(self->net);
	self->net = netif_open(MDEV_UUID_A);
	both_directions(_metadata, self->net, &self->nic, 5);
}

static int64_t counter(const char *name)
{
	return netif_counter(MDEV_UUID_A, name);
}

TEST_F(card, counters)
{
	uint8_t frame[FRAME_MAX];
	unsigned int i;

	/* All that comes is counted. */
	card_alone(_metadata, self);
	card_up(_metadata, self, 0);
	for (i = 0; i < 7; i++) {
		to_guest(_metadata, self->net, &self->nic, 100, i);
		to_host(_metadata, self->net, &self->nic, 200, i);
	}
	to_host(_metadata, self->net, &self->nic, 200, i);
	ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	EXPECT_EQ(7, counter("tx0_packets"));
	EXPECT_EQ(7 * 100, counter("tx0_bytes"));
	EXPECT_EQ(8, counter("rx0_packets"));
	EXPECT_EQ(8 * 200, counter("rx0_bytes"));
	EXPECT_EQ(0, counter("tx0_drops"));
	EXPECT_EQ(0, counter("rx0_drops"));
	/* Nobody is there to take it. */
	ASSERT_EQ(0, set_up(MDEV_UUID_A, false));
	frame_make(frame, 300, self->mac, 1);
	ASSERT_EQ(0, vnic_send(&self->nic, frame, 300));
	ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	EXPECT_EQ(8, counter("rx0_packets"));
	EXPECT_EQ(1, counter("rx0_drops"));
}

/* A guest that takes nothing: each packet is there or counted as dropped. */
TEST_F(card, drops)
{
	enum { MANY = 1500 };
	uint8_t frame[100];
	unsigned int i;

	/* All that comes is counted. */
	card_alone(_metadata, self);
	card_up(_metadata, self, 0);
	frame_make(frame, sizeof(frame), self->mac, 1);
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, netif_send(self->net, frame, sizeof(frame)));
	EXPECT_EQ(RING / 2, counter("tx0_packets"));
	EXPECT_LT(0, counter("tx0_drops"));
	EXPECT_GT(MANY - RING / 2, counter("tx0_drops"));
	/* What waits is dropped with the driver that it waited for. */
	ASSERT_EQ(0, vpci_reset(&self->nic.pci));
	EXPECT_EQ(MANY - RING / 2, counter("tx0_drops"));
}

/* The ioctl is about the bridge; the interface is its argument. */
static int bridge_port(const char *uuid)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = BRIDGE };
	int ret;

	ifr.ifr_ifindex = if_nametoindex(name_of(uuid));
	ret = ioctl(fd, SIOCBRADDIF, &ifr) ? -errno : 0;
	ifr.ifr_flags = IFF_UP;
	if (!ret)
		ret = ioctl(fd, SIOCSIFFLAGS, &ifr) ? -errno : 0;
	close(fd);
	return ret;
}

static int bridge(unsigned long cmd)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = BRIDGE };
	int ret;

	if (cmd == SIOCBRDELBR)
		ioctl(fd, SIOCSIFFLAGS, &ifr);
	ret = ioctl(fd, cmd, BRIDGE) ? -errno : 0;
	close(fd);
	return ret;
}

/* From one guest to the other; another frame may come before it. */
static void between(struct __test_metadata *_metadata, struct vnic *from,
		    struct vnic *to, uint32_t seed)
{
	uint8_t out[600], in[VNIC_SLOT], mac[ETH_ALEN];
	int ret;

	vnic_mac(to, mac);
	frame_make(out, sizeof(out), mac, seed);
	ASSERT_EQ(0, vnic_send(from, out, sizeof(out)));
	do {
		ret = vnic_recv(to, in, sizeof(in), DEADLINE_MS);
		ASSERT_LT(0, ret);
	} while (ret != sizeof(out) || memcmp(out, in, sizeof(out)));
}

TEST_F(card, bridge)
{
	struct guest_mem mem;
	struct vnic nic = { 0 };
	struct vdev b;
	unsigned int i;
	int net;

	if (bridge(SIOCBRADDBR))
		SKIP(return, "this kernel has no bridge");
	ASSERT_EQ(0, create_open(&b, MDEV_UUID_B, variant->how));
	ASSERT_EQ(0, guest_mem_init(&mem, MIB, 2 * MIB));
	ASSERT_EQ(0, vdev_map(&b, &mem));
	net = netif_open(MDEV_UUID_B);
	ASSERT_LE(0, net);
	card_up(_metadata, self, 0);
	ASSERT_EQ(0, vnic_up(&nic, &b, &mem, RING, 0));
	EXPECT_EQ(0, bridge_port(MDEV_UUID_A));
	EXPECT_EQ(0, bridge_port(MDEV_UUID_B));
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_B, DEADLINE_MS));
	for (i = 0; i < 20; i++) {
		between(_metadata, &self->nic, &nic, i);
		between(_metadata, &nic, &self->nic, i);
	}
	/* A device goes while it is a port. */
	close(net);
	vnic_down(&nic);
	close_remove(&b);
	guest_mem_free(&mem);
	EXPECT_EQ(0, bridge(SIOCBRDELBR));
	both_directions(_metadata, self->net, &self->nic, 3);
}

TEST_F(card, network_namespace)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	char name[IFNAMSIZ];
	int away;

	ASSERT_LE(0, home);
	card_up(_metadata, self, 0);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	away = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, away);
	ASSERT_EQ(0, setns(home, CLONE_NEWNET));
	close(self->net);
	snprintf(name, sizeof(name), "%s", name_of(MDEV_UUID_A));
	ASSERT_EQ(0, netif_move(name, away));
	EXPECT_EQ(0, if_nametoindex(name));
	ASSERT_EQ(0, setns(away, CLONE_NEWNET));
	EXPECT_LT(0, if_nametoindex(name));
	/* It is down there, until somebody says otherwise. */
	self->net = netif_open(MDEV_UUID_A);
	ASSERT_LE(0, self->net);
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_A, DEADLINE_MS));
	both_directions(_metadata, self->net, &self->nic, 5);
	/* Removed from where the interface is not. */
	ASSERT_EQ(0, setns(home, CLONE_NEWNET));
	close_remove(&self->v);
	EXPECT_FALSE(mdev_exists(MDEV_UUID_A));
	ASSERT_EQ(0, setns(away, CLONE_NEWNET));
	EXPECT_EQ(0, if_nametoindex(name));
	ASSERT_EQ(0, setns(home, CLONE_NEWNET));
	close(away);
	close(home);
}

TEST_HARNESS_MAIN
