// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host hears of the card's interface, and how many queues it has, while
 * the guest's driver does what it can as fast as it can: an administrator's acts
 * count, not the guest's.
 */
#include "full.h"
#include "netif_events.h"

#include <dirent.h>
#include <linux/ethtool.h>
#include <linux/pci_regs.h>

#define MQ		VNIC_F(MQ)
#define ALL_OFFLOADS							\
	(VNIC_F(GUEST_CSUM) | VNIC_F(GUEST_TSO4) | VNIC_F(GUEST_TSO6) |	\
	 VNIC_F(GUEST_ECN) | VNIC_F(GUEST_USO4) | VNIC_F(GUEST_USO6))

/* How long a guest goes on, and how often at least. */
#define TOGGLE_MS	1000
#define TOGGLE_TIMES	100
/* How much may be heard of it. */
#define EVENTS_A_SECOND	4

FIXTURE_VARIANT_ADD(full, direct) { };

/* Does one thing or its opposite; 0 if it was done. */
typedef int (*toggle_fn)(FIXTURE_DATA(full) *self, bool on);

static int toggle_pairs(FIXTURE_DATA(full) *self, bool on)
{
	return vnic_set_pairs(&self->nic, on ? FULL_PAIRS : 1) !=
	       VIRTIO_NET_OK;
}

static int toggle_offloads(FIXTURE_DATA(full) *self, bool on)
{
	uint8_t data[8];

	put_le64(data, on ? ALL_OFFLOADS : 0);
	return vnic_command(&self->nic, VIRTIO_NET_CTRL_GUEST_OFFLOADS,
			    VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, data,
			    sizeof(data)) != VIRTIO_NET_OK;
}

/* A driver that comes and goes, without queues. */
static int toggle_driver(FIXTURE_DATA(full) *self, bool on)
{
	struct vpci *pci = &self->nic.pci;

	if (!on)
		return vpci_reset(pci);
	return vpci_negotiate(pci, self->nic.features) ?:
	       vpci_set_status(pci, vpci_status(pci) |
			       VIRTIO_CONFIG_S_DRIVER_OK);
}

/* Another one each time. */
static int toggle_features(FIXTURE_DATA(full) *self, bool on)
{
	struct vpci *pci = &self->nic.pci;
	uint64_t features = self->nic.features;

	if (!on)
		features &= ~VNIC_OFFLOADS;
	return vpci_negotiate(pci, features) ?:
	       vpci_set_status(pci, vpci_status(pci) |
			       VIRTIO_CONFIG_S_DRIVER_OK);
}

static int toggle_queue(FIXTURE_DATA(full) *self, bool on)
{
	struct vpci *pci = &self->nic.pci;

	vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_SELECT, VNIC_TX);
	if (!on)
		return vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_RESET, 1);
	return vpci_set_queue(pci, VNIC_TX, &self->nic.vq[VNIC_TX],
			      VNIC_TX + 1);
}

static int toggle_master(FIXTURE_DATA(full) *self, bool on)
{
	return pci_write(&self->p.a, 2, PCI_COMMAND, PCI_COMMAND_MEMORY |
			 (on ? PCI_COMMAND_MASTER : 0));
}

static int toggle_state(FIXTURE_DATA(full) *self, bool on)
{
	return mig_set(&self->p.a, on ? RUNNING : STOP, NULL);
}

/* A reset through VFIO, or a driver for it. */
static int toggle_device(FIXTURE_DATA(full) *self, bool on)
{
	return on ? toggle_driver(self, true) : vdev_reset(&self->p.a);
}

/* As often as possible: how much is heard of it does not depend on how often. */
static void expect_quiet(struct __test_metadata *_metadata,
			 FIXTURE_DATA(full) *self, toggle_fn toggle)
{
	struct netif_events events;
	unsigned int nr, max;
	int64_t deadline;
	uint64_t start;

	full_up(_metadata, self, 0, MQ | VNIC_OFFLOADS, FULL_PAIRS);
	ASSERT_EQ(0, netif_events_open(&events, MDEV_UUID_A));
	start = now_ns();
	deadline = deadline_ms(TOGGLE_MS);
	for (nr = 0; nr < TOGGLE_TIMES || deadline_left(deadline); nr++)
		ASSERT_EQ(0, toggle(self, nr & 1));
	ASSERT_EQ(0, toggle(self, true));
	EXPECT_EQ(0, netif_events_read(&events));
	netif_events_close(&events);
	TH_LOG("%u times: %u uevents, %u messages", nr, events.uevents,
	       events.links);
	max = EVENTS_A_SECOND * ((now_ns() - start) / 1000000000 + 1);
	EXPECT_GE(max, events.uevents);
	EXPECT_GE(max, events.links);
}

TEST_F(full, pairs)
{
	expect_quiet(_metadata, self, toggle_pairs);
}

TEST_F(full, offloads)
{
	expect_quiet(_metadata, self, toggle_offloads);
}

TEST_F(full, driver)
{
	expect_quiet(_metadata, self, toggle_driver);
}

TEST_F(full, features)
{
	expect_quiet(_metadata, self, toggle_features);
}

TEST_F(full, queue)
{
	expect_quiet(_metadata, self, toggle_queue);
}

TEST_F(full, master)
{
	expect_quiet(_metadata, self, toggle_master);
}

TEST_F(full, state)
{
	expect_quiet(_metadata, self, toggle_state);
}

TEST_F(full, device)
{
	expect_quiet(_metadata, self, toggle_device);
}

/* The interface's receive queues, or its transmit queues. */
static unsigned int queues(const char *uuid, const char *kind)
{
	char name[IFNAMSIZ], path[128];
	struct dirent *entry;
	unsigned int nr = 0;
	DIR *dir;

	if (mdev_read(uuid, "netdev", name, sizeof(name)) < 0)
		return 0;
	snprintf(path, sizeof(path), "/sys/class/net/%s/queues", name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		nr += !strncmp(entry->d_name, kind, strlen(kind));
	if (dir)
		closedir(dir);
	return nr;
}

/* A kernel without packet steering, on one processor, shows no receive queues. */
static void expect_queues(struct __test_metadata *_metadata, const char *uuid,
			  unsigned int nr)
{
	if (queues("lo", "rx-"))
		EXPECT_EQ(nr, queues(uuid, "rx-"));
	EXPECT_EQ(nr, queues(uuid, "tx-"));
}

/*
 * A packet of transmit queue n is received on the interface's queue n, which is
 * there whatever the driver has said of the number of queues meanwhile.
 */
TEST_F(full, queues_stay)
{
	unsigned int i;

	expect_queues(_metadata, MDEV_UUID_A, FULL_PAIRS);
	full_up(_metadata, self, variant->flags, MQ, FULL_PAIRS);
	expect_queues(_metadata, MDEV_UUID_A, FULL_PAIRS);
	for (i = FULL_PAIRS; i; i--) {
		ASSERT_EQ(VIRTIO_NET_OK, vnic_set_pairs(&self->nic, i));
		expect_queues(_metadata, MDEV_UUID_A, FULL_PAIRS);
	}
	ASSERT_EQ(0, vdev_reset(&self->p.a));
	expect_queues(_metadata, MDEV_UUID_A, FULL_PAIRS);
}

/* What an administrator writes; the interface keeps the queues that it had. */
TEST_F(full, queues_configured)
{
	static const struct {
		const char *pairs;
		unsigned int queues;
	} steps[] = { { "1", 1 }, { "3", 3 }, { "8", 8 }, { "2", 8 } };
	unsigned int i, max;
	struct vdev v;

	ASSERT_EQ(0, mdev_create(MDEV_TYPE_V1, MDEV_UUID_B));
	expect_queues(_metadata, MDEV_UUID_B, 1);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		ASSERT_LE(0, mdev_write(MDEV_UUID_B,
					"migration/params/queue-pairs",
					steps[i].pairs));
		ASSERT_EQ(0, vdev_open(&v, MDEV_UUID_B, any_way()));
		expect_queues(_metadata, MDEV_UUID_B, steps[i].queues);
		EXPECT_EQ(1, netif_channels(MDEV_UUID_B, &max));
		EXPECT_EQ(atoi(steps[i].pairs), max);
		vdev_close(&v);
	}
	ASSERT_EQ(0, mdev_remove(MDEV_UUID_B));
}

/* Offloads are the configuration's, too, or the administrator's. */
TEST_F(full, offloads_configured)
{
	static const char offloads[] = "migration/params/offloads";
	struct vdev v;

	full_up(_metadata, self, variant->flags, 0, 1);
	EXPECT_EQ(1, netif_flag(MDEV_UUID_A, ETHTOOL_GTSO));
	EXPECT_EQ(1, netif_flag(MDEV_UUID_A, ETHTOOL_GTXCSUM));

	ASSERT_EQ(0, mdev_create(MDEV_TYPE_V1, MDEV_UUID_B));
	EXPECT_EQ(0, netif_flag(MDEV_UUID_B, ETHTOOL_GTSO));
	ASSERT_LE(0, mdev_write(MDEV_UUID_B, offloads, "on"));
	ASSERT_EQ(0, vdev_open(&v, MDEV_UUID_B, any_way()));
	EXPECT_EQ(1, netif_flag(MDEV_UUID_B, ETHTOOL_GTSO));
	EXPECT_EQ(1, netif_flag(MDEV_UUID_B, ETHTOOL_GTXCSUM));
	vdev_close(&v);
	ASSERT_LE(0, mdev_write(MDEV_UUID_B, offloads, "off"));
	ASSERT_EQ(0, vdev_open(&v, MDEV_UUID_B, any_way()));
	EXPECT_EQ(0, netif_flag(MDEV_UUID_B, ETHTOOL_GTSO));
	EXPECT_EQ(0, netif_flag(MDEV_UUID_B, ETHTOOL_GTXCSUM));
	vdev_close(&v);
	ASSERT_EQ(0, mdev_remove(MDEV_UUID_B));
}

TEST_HARNESS_MAIN
