/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fixture of the programs for Linux's own virtio_vfio_pci: three virtual functions of the
 * card that tests/modules/virtio_pf is. A driver runs on the first one, which moves to the
 * second one; the third one is whom it talks to.
 */
#ifndef TESTS_SELFTESTS_VF_FIXTURE_H
#define TESTS_SELFTESTS_VF_FIXTURE_H

#include "testmod.h"
#include "vf.h"

#include <linux/pci_regs.h>

#define VF_A		1
#define VF_B		2
#define VF_PEER		3
#define VF_PAIRS	2
#define VF_RING		32
#define VF_MEM		(4 * MIB)

/* All that a member offers, but for what vnic_up_with() takes by itself. */
#define VF_FEATURES							\
	(VNIC_FILTER | VNIC_RSS | VNIC_F(MQ) | VNIC_F(CTRL_VQ) |	\
	 VNIC_F(GUEST_ANNOUNCE) | VNIC_F(CTRL_GUEST_OFFLOADS) |		\
	 VNIC_F(GUEST_CSUM) | VNIC_F(GUEST_TSO4) | VNIC_F(GUEST_TSO6) |	\
	 VNIC_F(MRG_RXBUF) | VNIC_FEATURE(VIRTIO_F_RING_RESET))

FIXTURE(vfs) {
	const char *ko;
	struct pair p;
	struct vdev peer;
	struct guest_mem mem;
	struct guest_mem peer_mem;
	struct vnic nic;
	struct vnic peer_nic;
	struct buf stream;
	struct buf parts;
	struct buf text;
	struct buf other;
};

/* What reads parts does so whichever way the device was opened. */
FIXTURE_VARIANT(vfs) { enum vdev_how how; };

/* The owner's driver, and that of its members. */
static inline int vf_drivers(void)
{
	return system("modprobe -a virtio_pci virtio_net virtio_vfio_pci") ?
	       -ENOENT : 0;
}

#define VF_FEATURES_PARAM	"/sys/module/mdm_virtio_pf/parameters/features"

static inline int vf_unload(void)
{
	int ret;

	if (access("/sys/module/mdm_virtio_pf", F_OK))
		return 0;
	ret = vf_remove();
	return ret ? ret : module_unload("mdm_virtio_pf");
}

/*
 * The card stays from one test to the next, as it takes seconds to go. This is for the
 * process that runs the tests; those leave without it.
 */
static void __attribute__((destructor)) vf_end(void)
{
	int ret = vf_unload();

	if (ret) {
		fprintf(stderr, "# the card does not go: %s\n", strerror(-ret));
		_exit(1);
	}
}

/* A card with functions as they were at first. */
static inline int vf_fresh(const char *ko)
{
	char features[32], value[32];
	unsigned int nr;
	int ret = 0;

	if (access("/sys/module/mdm_virtio_pf", F_OK)) {
		ret = vf_drivers();
		if (!ret)
			ret = module_insert(ko, "");
		if (!ret)
			ret = vf_make(VF_PEER);
	}
	if (!ret)
		ret = sysfs_read(VF_FEATURES_PARAM, features, sizeof(features));
	for (nr = 1; ret >= 0 && nr <= VF_PEER; nr++) {
		ret = vf_has(nr, VF_MIGRATES) ? 0 : vf_bind(nr, VF_MIGRATES);
		if (!ret)
			ret = vf_write(nr, "link", "1");
		if (!ret)
			ret = vf_write(nr, "features", features);
	}
	if (ret >= 0)
		ret = sysfs_read("/sys/module/mdm_virtio_pf/parameters/strict",
				 value, sizeof(value));
	return ret < 0 ? ret : strcmp(value, "N") ? -EBUSY : 0;
}

FIXTURE_SETUP(vfs)
{
	REQUIRE_WAY(variant->how);
	self->ko = getenv("MDM_VIRTIO_PF_KO");
	REQUIRE_MODULE(self->ko);
	ASSERT_EQ(0, vf_fresh(self->ko));
	ASSERT_EQ(0, vdev_open(&self->p.a, vf_name(VF_A), variant->how));
	ASSERT_EQ(0, vdev_open(&self->p.b, vf_name(VF_B), variant->how));
	ASSERT_EQ(0, guest_mem_init(&self->mem, MIB, VF_MEM));
	ASSERT_EQ(0, vdev_map(&self->p.a, &self->mem));
	ASSERT_EQ(0, vdev_map(&self->p.b, &self->mem));
}

FIXTURE_TEARDOWN(vfs)
{
	vnic_down(&self->nic);
	vnic_down(&self->peer_nic);
	vdev_close(&self->p.a);
	vdev_close(&self->p.b);
	vdev_close(&self->peer);
	guest_mem_free(&self->mem);
	guest_mem_free(&self->peer_mem);
	buf_free(&self->stream);
	buf_free(&self->parts);
	buf_free(&self->text);
	buf_free(&self->other);
}

static inline void vf_up_with(struct __test_metadata *_metadata,
			      FIXTURE_DATA(vfs) *self, uint64_t features,
			      unsigned int flags)
{
	ASSERT_EQ(0, vnic_up_with(&self->nic, &self->p.a, &self->mem, VF_RING,
				  flags, features, VF_PAIRS));
}

static inline void vf_up(struct __test_metadata *_metadata,
			 FIXTURE_DATA(vfs) *self)
{
	vf_up_with(_metadata, self, VF_FEATURES, VNIC_EVENT_IDX);
}

/* A driver on the peer, which gets everything. */
static inline void vf_peer_up(struct __test_metadata *_metadata,
			      FIXTURE_DATA(vfs) *self)
{
	ASSERT_EQ(0, vdev_open(&self->peer, vf_name(VF_PEER), self->p.a.how));
	ASSERT_EQ(0, guest_mem_init(&self->peer_mem, 64 * MIB, VF_MEM));
	ASSERT_EQ(0, vdev_map(&self->peer, &self->peer_mem));
	ASSERT_EQ(0, vnic_up(&self->peer_nic, &self->peer, &self->peer_mem,
			     VF_RING, VNIC_INDIRECT));
}

/* The driver's function is B from here on, which runs. */
static inline void vf_go_on(struct __test_metadata *_metadata,
			    FIXTURE_DATA(vfs) *self, struct vdev *to)
{
	ASSERT_EQ(0, pci_write(to, 2, PCI_COMMAND,
			       PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
	ASSERT_EQ(0, vnic_interrupts(&self->nic, to));
	ASSERT_EQ(0, vnic_move(&self->nic, to));
	ASSERT_EQ(0, mig_set(to, RUNNING, NULL));
}

static inline void vf_move(struct __test_metadata *_metadata,
			   FIXTURE_DATA(vfs) *self, struct vdev *from,
			   struct vdev *to)
{
	ASSERT_EQ(0, mig_save(from, &self->stream));
	ASSERT_EQ(0, mig_load(to, self->stream.data, self->stream.len, 0));
	vf_go_on(_metadata, self, to);
}

/* What the module says of a function's state, but for whether it is stopped. */
static inline const char *vf_state(struct __test_metadata *_metadata,
				   unsigned int nr, struct buf *text)
{
	const char *from;

	ASSERT_EQ(0, vf_read(nr, "state", text));
	from = strchr((char *)text->data, '\n');
	ASSERT_NE(NULL, from);
	return from;
}

/* A frame of the tests' protocol from a card to an address. */
static inline size_t vf_frame(uint8_t *frame, const uint8_t *to, uint8_t from,
			      unsigned int seed)
{
	unsigned int i;

	memcpy(frame, to, ETH_ALEN);
	memcpy(frame + ETH_ALEN, VNIC_SOURCE, VNIC_SOURCE_LEN);
	frame[2 * ETH_ALEN - 1] = from;
	frame[12] = VNIC_PROTO >> 8;
	frame[13] = VNIC_PROTO & 0xff;
	for (i = ETH_HLEN; i < 200; i++)
		frame[i] = seed + i;
	return i;
}

/* Does a frame go from one card to the other, on any pair of it? */
static inline bool vf_goes(struct vnic *from, struct vnic *to,
			   const uint8_t *address, unsigned int seed)
{
	int64_t deadline = deadline_ms(DEADLINE_MS);
	struct virtio_net_hdr_v1_hash hdr;
	uint8_t out[256], in[VNIC_SLOT];
	size_t len = vf_frame(out, address, 0x5a, seed);
	unsigned int pair;
	int ret;

	if (vnic_send(from, out, len) || vnic_sent(from, DEADLINE_MS))
		return false;
	do {
		for (pair = 0; pair < to->pairs; pair++) {
			ret = vnic_recv_on(to, pair, &hdr, in, sizeof(in), 0);
			if (ret == (int)len && !memcmp(in, out, len))
				return true;
		}
		sched_yield();
	} while (deadline_left(deadline));
	return false;
}

static const uint8_t vf_broadcast[ETH_ALEN] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};

/* Frames go both ways. */
static inline void vf_traffic(struct __test_metadata *_metadata,
			      FIXTURE_DATA(vfs) *self, unsigned int seed)
{
	uint8_t mac[ETH_ALEN];
	unsigned int i;

	vnic_mac(&self->nic, mac);
	for (i = 0; i < 3 * VF_RING; i++) {
		ASSERT_TRUE(vf_goes(&self->nic, &self->peer_nic, vf_broadcast,
				    seed + i));
		ASSERT_TRUE(vf_goes(&self->peer_nic, &self->nic, mac,
				    seed + i));
	}
}

/* One command of each kind that device parts have. */
static inline void vf_configure(struct __test_metadata *_metadata,
				FIXTURE_DATA(vfs) *self)
{
	static const uint8_t modes[] = { 0, 1, 1, 0, 0, 0 };
	static const uint8_t macs[] = {
		2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 2, 1, 2, 3, 4, 6,
		1, 0, 0, 0, 0x33, 0x33, 0, 0, 0, 1,
	};
	static const uint8_t mac[ETH_ALEN] = { 2, 0, 0, 1, 2, 3 };
	static const uint16_t vids[] = { 0, 1, 100, 4095 };
	uint8_t rss[8 + 2 * 4 + 3 + 40] = { 0x3f, 0, 0, 0, 3, 0, 1, 0, 0, 0, 1,
		0, 1, 0, 0, 0, 2, 0, 40, };
	uint8_t data[8] = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(modes); i++)
		ASSERT_EQ(0, vnic_command(&self->nic, VIRTIO_NET_CTRL_RX, i,
					  &modes[i], 1));
	ASSERT_EQ(0, vnic_command(&self->nic, VIRTIO_NET_CTRL_MAC,
				  VIRTIO_NET_CTRL_MAC_TABLE_SET, macs,
				  sizeof(macs)));
	ASSERT_EQ(0, vnic_command(&self->nic, VIRTIO_NET_CTRL_MAC,
				  VIRTIO_NET_CTRL_MAC_ADDR_SET, mac,
				  sizeof(mac)));
	for (i = 0; i < ARRAY_SIZE(vids); i++) {
		put_le16(data, vids[i]);
		ASSERT_EQ(0, vnic_command(&self->nic, VIRTIO_NET_CTRL_VLAN,
					  VIRTIO_NET_CTRL_VLAN_ADD, data, 2));
	}
	for (i = 0; i < 40; i++)
		rss[19 + i] = 37 * i + 11;
	ASSERT_EQ(0, vnic_command(&self->nic, VIRTIO_NET_CTRL_MQ,
				  VIRTIO_NET_CTRL_MQ_RSS_CONFIG, rss,
				  sizeof(rss)));
	put_le64(data, VNIC_F(GUEST_CSUM));
	ASSERT_EQ(0, vnic_command(&self->nic, VIRTIO_NET_CTRL_GUEST_OFFLOADS,
				  VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, data, 8));
}

#endif /* TESTS_SELFTESTS_VF_FIXTURE_H */
