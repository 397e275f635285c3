// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linux's own virtio_vfio_pci, unchanged, with virtual functions of tests/modules/virtio_pf:
 * what it migrates is device parts of virtio 1.4.
 */
#include "vf_fixture.h"

#include <net/if.h>

FIXTURE_VARIANT_ADD(vfs, iommufd) { .how = VDEV_IOMMUFD };
FIXTURE_VARIANT_ADD(vfs, group) { .how = VDEV_GROUP };

TEST_F(vfs, flags)
{
	uint64_t flags = 0;

	EXPECT_EQ(0, mig_flags(&self->p.a, &flags));
	EXPECT_EQ(VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P |
		  VFIO_MIGRATION_PRE_COPY, flags);
	EXPECT_EQ(RUNNING, mig_get(&self->p.a));
	EXPECT_LT(0, mig_data_size(&self->p.a));
}

/* From RUNNING to each state and back. */
TEST_F(vfs, states)
{
	static const uint32_t states[] = {
		RUNNING_P2P, STOP, STOP_COPY, RESUMING, PRE_COPY, PRE_COPY_P2P,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		bool data = states[i] != RUNNING_P2P && states[i] != STOP;
		int fd = -1;

		ASSERT_EQ(0, mig_set(&self->p.a, states[i], &fd)) {
			TH_LOG("to %s", mig_name(states[i]));
		}
		EXPECT_EQ(data, fd >= 0);
		EXPECT_EQ(states[i], mig_get(&self->p.a));
		if (fd >= 0)
			close(fd);
		ASSERT_EQ(0, mig_set(&self->p.a, RUNNING, NULL));
	}
	EXPECT_EQ(-EINVAL, mig_set(&self->p.a, ERROR, NULL));
	EXPECT_EQ(RUNNING, mig_get(&self->p.a));
}

/* What a driver has done to the registers is what the parts say, one by one. */
TEST_F(vfs, parts_are_registers)
{
	struct vpci *pci = &self->nic.pci;
	struct part part;
	unsigned int q;

	vf_up(_metadata, self);
	vf_configure(_metadata, self);
	vpci_set_common(pci, VIRTIO_PCI_COMMON_DFSELECT, 7);
	vpci_set_common(pci, VIRTIO_PCI_COMMON_GFSELECT, 1);
	vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_SELECT, 3);
	ASSERT_EQ(0, vf_take(&self->p.a, &self->parts));
	ASSERT_TRUE(part_find(&self->parts, PART_DRV_FEATURES, 0, &part));
	EXPECT_EQ(8, part.len);
	EXPECT_EQ(self->nic.features, get_le64(part.value));
	ASSERT_TRUE(part_find(&self->parts, PART_DEV_FEATURES, 0, &part));
	EXPECT_EQ(PART_OPTIONAL, part.flags);
	EXPECT_EQ(vpci_device_features(pci), get_le64(part.value));
	ASSERT_TRUE(part_find(&self->parts, PART_STATUS, 0, &part));
	EXPECT_EQ(vpci_status(pci), part.value[0]);
	ASSERT_TRUE(part_find(&self->parts, PART_COMMON,
			      VIRTIO_PCI_COMMON_DFSELECT, &part));
	EXPECT_EQ(7, get_le32(part.value));
	ASSERT_TRUE(part_find(&self->parts, PART_COMMON,
			      VIRTIO_PCI_COMMON_GFSELECT, &part));
	EXPECT_EQ(1, get_le32(part.value));
	ASSERT_TRUE(part_find(&self->parts, PART_COMMON,
			      VIRTIO_PCI_COMMON_Q_SELECT, &part));
	EXPECT_EQ(3, get_le16(part.value));
	ASSERT_TRUE(part_find(&self->parts, PART_COMMON,
			      VIRTIO_PCI_COMMON_NUMQ, &part));
	EXPECT_EQ(2 * VF_PAIRS + 1, get_le16(part.value));
	for (q = 0; q <= 2 * VF_PAIRS; q++) {
		ASSERT_TRUE(part_find(&self->parts, PART_QUEUE, q, &part));
		EXPECT_EQ(32, part.len);
		EXPECT_EQ(self->nic.vq[q].num, get_le16(part.value));
		EXPECT_EQ(q + 1, get_le16(part.value + 2));
		EXPECT_EQ(1, get_le16(part.value + 4));
		EXPECT_EQ(self->nic.vq[q].desc_iova, get_le64(part.value + 8));
		EXPECT_EQ(self->nic.vq[q].avail_iova,
			  get_le64(part.value + 16));
		EXPECT_EQ(self->nic.vq[q].used_iova, get_le64(part.value + 24));
		ASSERT_TRUE(part_find(&self->parts, PART_NOTIFY, q, &part));
		vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_SELECT, q);
		EXPECT_EQ(vpci_common(pci, VIRTIO_PCI_COMMON_Q_NOFF),
			  get_le16(part.value));
	}
}

/* Parts come in the order that the specification lists. */
TEST_F(vfs, parts_in_order)
{
	uint16_t last = 0;
	struct part part;
	size_t at = 0;

	vf_up(_metadata, self);
	ASSERT_EQ(0, vf_take(&self->p.a, &self->parts));
	while (part_next(self->parts.data, self->parts.len, &at, &part)) {
		EXPECT_LE(last, part.type);
		last = part.type;
	}
	EXPECT_EQ(self->parts.len, at);
	EXPECT_EQ(PART_CTRL, last);
}

/* What was there arrives: registers, control queue, rings; and the driver goes on. */
TEST_F(vfs, move)
{
	unsigned int i;

	vf_up(_metadata, self);
	vf_peer_up(_metadata, self);
	vf_configure(_metadata, self);
	for (i = 0; i < 4; i++) {
		struct vdev *from = i & 1 ? &self->p.b : &self->p.a;
		struct vdev *to = i & 1 ? &self->p.a : &self->p.b;
		unsigned int nr = i & 1 ? VF_B : VF_A;
		const char *before, *after;

		vf_traffic(_metadata, self, i);
		ASSERT_EQ(0, mig_set(from, STOP, NULL));
		before = vf_state(_metadata, nr, &self->text);
		vf_move(_metadata, self, from, to);
		after = vf_state(_metadata, 3 - nr, &self->other);
		EXPECT_STREQ(before, after);
		ASSERT_EQ(0, vf_take(from, &self->parts));
		ASSERT_EQ(0, vf_read(3 - nr, "parts", &self->other));
		EXPECT_TRUE(buf_equal(&self->parts, &self->other));
		ASSERT_EQ(0, vdev_reset(from));
	}
	vf_traffic(_metadata, self, i);
}

/* Likewise without RSS, whose part has more than one way to be said. */
TEST_F(vfs, move_pairs)
{
	static const uint8_t hash[] = {
		0x3f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4,
	};
	const char *before;

	vf_up(_metadata, self);
	vf_peer_up(_metadata, self);
	vf_configure(_metadata, self);
	ASSERT_EQ(0, vnic_set_pairs(&self->nic, VF_PAIRS));
	ASSERT_EQ(0, vnic_command(&self->nic, VIRTIO_NET_CTRL_MQ,
				  VIRTIO_NET_CTRL_MQ_HASH_CONFIG, hash,
				  sizeof(hash)));
	ASSERT_EQ(0, mig_set(&self->p.a, STOP, NULL));
	before = vf_state(_metadata, VF_A, &self->text);
	EXPECT_NE(NULL, strstr(before, "\npairs=2\n"));
	EXPECT_NE(NULL, strstr(before, "\nkey=01020304\n"));
	vf_move(_metadata, self, &self->p.a, &self->p.b);
	EXPECT_STREQ(before, vf_state(_metadata, VF_B, &self->other));
	vf_traffic(_metadata, self, 0);
}

/* A device without a driver: nothing that was in the other one stays. */
TEST_F(vfs, move_reset)
{
	vf_up(_metadata, self);
	vf_configure(_metadata, self);
	vf_move(_metadata, self, &self->p.a, &self->p.b);
	ASSERT_EQ(0, vdev_reset(&self->p.a));
	/* And over a device that a driver has been on. */
	ASSERT_EQ(0, mig_save(&self->p.a, &self->stream));
	ASSERT_EQ(0, mig_load(&self->p.b, self->stream.data, self->stream.len,
			      0));
	ASSERT_EQ(0, mig_set(&self->p.b, RUNNING, NULL));
	EXPECT_EQ(NULL, strstr(vf_state(_metadata, VF_B, &self->text),
			       "queue0=32"));
	EXPECT_NE(NULL, strstr(vf_state(_metadata, VF_B, &self->text),
			       "\nrx=00 00 00 00 00 00\n"));
	EXPECT_NE(NULL, strstr(vf_state(_metadata, VF_B, &self->text),
			       "\nmacs0=\n"));
}

/* The driver's own reset takes back everything, on the other side, too. */
TEST_F(vfs, driver_resets_later)
{
	vf_up(_metadata, self);
	vf_configure(_metadata, self);
	vf_move(_metadata, self, &self->p.a, &self->p.b);
	ASSERT_EQ(0, vpci_reset(&self->nic.pci));
	EXPECT_NE(NULL, strstr(vf_state(_metadata, VF_B, &self->text),
			       "\nmac=52:54:00:76:66:02\n"));
	EXPECT_NE(NULL, strstr(vf_state(_metadata, VF_B, &self->text),
			       "\nvlans=\n"));
}

/* A stopped device leaves the rings alone, and takes up what was offered meanwhile. */
TEST_F(vfs, stopped)
{
	uint8_t frame[256];
	size_t len = vf_frame(frame, vf_broadcast, 1, 2);

	vf_up(_metadata, self);
	vf_peer_up(_metadata, self);
	ASSERT_EQ(0, mig_set(&self->p.a, STOP, NULL));
	ASSERT_EQ(0, vnic_quiet(&self->nic));
	ASSERT_EQ(0, vnic_send(&self->nic, frame, len));
	EXPECT_EQ(-ETIMEDOUT, vnic_sent(&self->nic, QUIET_MS));
	ASSERT_EQ(0, vf_write(VF_A, "link", "0"));
	EXPECT_EQ(0, event_wait(self->nic.events[0], QUIET_MS));
	vf_move(_metadata, self, &self->p.a, &self->p.b);
	EXPECT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	EXPECT_EQ(len, vnic_recv(&self->peer_nic, frame, sizeof(frame),
				 DEADLINE_MS));
}

/* Linux takes a device for running that was reset: it does run. */
TEST_F(vfs, reset_while_stopped)
{
	vf_peer_up(_metadata, self);
	ASSERT_EQ(0, mig_set(&self->p.a, STOP, NULL));
	ASSERT_EQ(0, vdev_reset(&self->p.a));
	EXPECT_EQ(RUNNING, mig_get(&self->p.a));
	vf_up(_metadata, self);
	vf_traffic(_metadata, self, 0);
}

static bool has_link(struct vnic *nic)
{
	return vpci_read(&nic->pci, VIRTIO_PCI_CAP_DEVICE_CFG, 2, 6) &
	       VIRTIO_NET_S_LINK_UP;
}

/* The link is not the driver's, and no part: each function has its own. */
TEST_F(vfs, link)
{
	vf_up(_metadata, self);
	EXPECT_TRUE(has_link(&self->nic));
	ASSERT_EQ(0, vf_write(VF_A, "link", "0"));
	EXPECT_LT(0, event_wait(self->nic.events[0], DEADLINE_MS));
	EXPECT_FALSE(has_link(&self->nic));
	vf_move(_metadata, self, &self->p.a, &self->p.b);
	EXPECT_TRUE(has_link(&self->nic));
	ASSERT_EQ(0, vnic_quiet(&self->nic));
	ASSERT_EQ(0, vf_write(VF_B, "link", "0"));
	EXPECT_LT(0, event_wait(self->nic.events[0], DEADLINE_MS));
	EXPECT_FALSE(has_link(&self->nic));
}

static unsigned int has_announce_part(const struct buf *parts)
{
	struct part part;

	return part_find(parts, PART_CTRL,
			 PART_SELECTOR(VIRTIO_NET_CTRL_ANNOUNCE,
				       VIRTIO_NET_CTRL_ANNOUNCE_ACK), &part) &&
	       !part.len;
}

/* The driver's answer is a part; that there is none yet, is that there is no part. */
TEST_F(vfs, announcement)
{
	vf_up(_metadata, self);
	ASSERT_EQ(0, vf_write(VF_A, "announce", "1"));
	EXPECT_LT(0, event_wait(self->nic.events[0], DEADLINE_MS));
	ASSERT_EQ(0, vf_take(&self->p.a, &self->parts));
	EXPECT_FALSE(has_announce_part(&self->parts));
	ASSERT_EQ(0, mig_set(&self->p.a, RUNNING, NULL));
	ASSERT_EQ(0, vnic_command(&self->nic, VIRTIO_NET_CTRL_ANNOUNCE,
				  VIRTIO_NET_CTRL_ANNOUNCE_ACK, NULL, 0));
	ASSERT_EQ(0, vf_take(&self->p.a, &self->parts));
	EXPECT_TRUE(has_announce_part(&self->parts));
	ASSERT_EQ(0, vf_write(VF_B, "announce", "1"));
	ASSERT_EQ(0, vf_feed(&self->p.b, self->parts.data, self->parts.len));
	EXPECT_NE(NULL, strstr(vf_state(_metadata, VF_B, &self->text),
			       "\nannounce=0\n"));
}

/* The driver only writes to one of the two numbers, and leaves the other as it was. */
static int precopy_info(int fd, struct vfio_precopy_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	return ioctl(fd, VFIO_MIG_GET_PRECOPY_INFO, info) ? -errno : 0;
}

/*
 * PRE_COPY: a record with all parts at first, and the next one once a second; the last one
 * counts, so that what changed meanwhile arrives.
 */
TEST_F(vfs, pre_copy)
{
	int64_t deadline = deadline_ms(DEADLINE_MS);
	struct vfio_precopy_info info;
	const char *before;
	int fd = -1, records;

	vf_up(_metadata, self);
	vf_peer_up(_metadata, self);
	ASSERT_EQ(0, mig_set(&self->p.a, PRE_COPY, &fd));
	ASSERT_EQ(0, precopy_info(fd, &info));
	EXPECT_LT(0, info.initial_bytes);
	ASSERT_EQ(-ENOMSG, mig_drain(fd, &self->stream, 100));
	EXPECT_EQ(1, record_last(&self->stream, &self->parts));
	vf_configure(_metadata, self);
	vf_traffic(_metadata, self, 0);
	/* Once it asks the device there is more, of which it says how much at most. */
	do {
		usleep(20000);
		ASSERT_EQ(0, precopy_info(fd, &info));
		EXPECT_EQ(0, info.initial_bytes);
	} while (!info.dirty_bytes && deadline_left(deadline));
	EXPECT_LT(0, info.dirty_bytes);
	ASSERT_EQ(-ENOMSG, mig_drain(fd, &self->stream, 4096));
	EXPECT_EQ(2, record_last(&self->stream, &self->parts));
	ASSERT_EQ(0, vnic_set_pairs(&self->nic, 2));
	ASSERT_EQ(0, mig_set(&self->p.a, STOP_COPY, NULL));
	ASSERT_EQ(0, mig_drain(fd, &self->stream, 4096));
	close(fd);
	records = record_last(&self->stream, &self->parts);
	EXPECT_EQ(3, records);
	before = vf_state(_metadata, VF_A, &self->text);
	EXPECT_NE(NULL, strstr(before, "\npairs=2\n"));
	ASSERT_EQ(0, mig_load(&self->p.b, self->stream.data, self->stream.len,
			      self->stream.len / 2));
	vf_go_on(_metadata, self, &self->p.b);
	EXPECT_STREQ(before, vf_state(_metadata, VF_B, &self->other));
	vf_traffic(_metadata, self, 7);
}

/* The driver has reset the device between two records: nothing of the first one stays. */
TEST_F(vfs, pre_copy_reset)
{
	int fd = -1;

	vf_up(_metadata, self);
	vf_configure(_metadata, self);
	ASSERT_EQ(0, mig_set(&self->p.a, PRE_COPY, &fd));
	ASSERT_EQ(0, vpci_reset(&self->nic.pci));
	vf_up_with(_metadata, self, VF_FEATURES & ~VNIC_RSS, 0);
	ASSERT_EQ(0, mig_set(&self->p.a, STOP_COPY, NULL));
	ASSERT_EQ(0, mig_drain(fd, &self->stream, 4096));
	close(fd);
	EXPECT_EQ(2, record_last(&self->stream, &self->parts));
	ASSERT_EQ(0, mig_load(&self->p.b, self->stream.data, self->stream.len,
			      0));
	vf_go_on(_metadata, self, &self->p.b);
	EXPECT_STREQ(vf_state(_metadata, VF_A, &self->text),
		     vf_state(_metadata, VF_B, &self->other));
}

/*
 * Linux's own driver for such cards can use a function; what it has made of the function is
 * parts that another one takes.
 */
TEST_F(vfs, driver_of_linux)
{
	uint8_t frame[256], in[VNIC_SLOT];
	char name[IFNAMSIZ];
	struct part part;
	unsigned int i;
	size_t len;
	int fd;

	vf_peer_up(_metadata, self);
	vdev_close(&self->p.a);
	ASSERT_EQ(0, vf_bind(VF_A, VF_USES));
	ASSERT_EQ(0, vf_netdev(VF_A, name));
	fd = netif_open_name(name);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, netif_up(name));
	for (i = 0; i < 3 * VF_RING; i++) {
		len = vf_frame(frame, vf_broadcast, 1, i);
		ASSERT_EQ(0, vnic_send(&self->peer_nic, frame, len));
		ASSERT_EQ(len, netif_recv(fd, in, sizeof(in), DEADLINE_MS));
		EXPECT_EQ(0, memcmp(frame, in, len));
		ASSERT_EQ(0, netif_send(fd, frame, len));
		ASSERT_EQ(len, vnic_recv(&self->peer_nic, in, sizeof(in),
					 DEADLINE_MS));
	}
	close(fd);
	ASSERT_EQ(0, vf_read(VF_A, "parts", &self->parts));
	ASSERT_TRUE(part_find(&self->parts, PART_CTRL,
			      PART_SELECTOR(VIRTIO_NET_CTRL_MQ,
					    VIRTIO_NET_CTRL_MQ_RSS_CONFIG),
			      &part));
	EXPECT_EQ(0, vf_feed(&self->p.b, self->parts.data, self->parts.len));
	ASSERT_EQ(0, vf_read(VF_B, "parts", &self->other));
	EXPECT_TRUE(buf_equal(&self->parts, &self->other));
	EXPECT_EQ(0, vf_bind(VF_A, VF_MIGRATES));
}

/* Reads what the module says of everything, and asks for parts. */
static int look(unsigned int id, uint64_t *random)
{
	static struct buf text;
	unsigned int nr = rng_next(random) % 2 + 1;
	int ret = vf_read(nr, id ? "state" : "parts", &text);

	return ret ? ret : text.len ? 0 : -EIO;
}

static int change_link(unsigned int id, uint64_t *random)
{
	return vf_write(rng_next(random) % 2 + 1, "link",
			rng_next(random) % id ? "1" : "0");
}

/* There and back while others look at both, and their links come and go. */
TEST_F(vfs, meanwhile)
{
	pid_t pids[3];
	unsigned int i;

	vf_up(_metadata, self);
	vf_configure(_metadata, self);
	pids[0] = start(look, 0, RACE_MS);
	pids[1] = start(look, 1, RACE_MS);
	pids[2] = start(change_link, 2, RACE_MS);
	for (i = 0; i < 6; i++) {
		struct vdev *from = i & 1 ? &self->p.b : &self->p.a;
		struct vdev *to = i & 1 ? &self->p.a : &self->p.b;

		ASSERT_EQ(0, vnic_set_pairs(&self->nic, i % VF_PAIRS + 1));
		vf_move(_metadata, self, from, to);
		ASSERT_EQ(0, vdev_irq_disable(from, VFIO_PCI_MSIX_IRQ_INDEX));
		ASSERT_EQ(0, vdev_reset(from));
	}
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		EXPECT_EQ(0, status_of(pids[i]));
}

/* It comes and goes, and leaves nothing. */
TEST_F(vfs, comes_and_goes)
{
	unsigned int i;

	vdev_close(&self->p.a);
	vdev_close(&self->p.b);
	ASSERT_EQ(0, vf_unload());
	EXPECT_EQ(-EINVAL, module_insert(self->ko, "pairs=0"));
	EXPECT_EQ(-EINVAL, module_insert(self->ko, "pairs=9"));
	for (i = 1; i <= 2; i++) {
		ASSERT_EQ(0, vf_unload());
		EXPECT_NE(0, access(VF_DEBUG, F_OK));
		ASSERT_EQ(0, module_insert(self->ko, i == 1 ? "pairs=8" :
						     "pairs=1"));
		ASSERT_EQ(0, vf_make(i));
		ASSERT_EQ(0, vdev_open(&self->p.a, vf_name(i), variant->how));
		/* Nothing goes while somebody has it. */
		EXPECT_NE(0, module_unload("mdm_virtio_pf"));
		vdev_close(&self->p.a);
	}
	EXPECT_EQ(0, vf_unload());
}

TEST_HARNESS_MAIN
