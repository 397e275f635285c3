// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hosts that differ in what they can: one module, loaded with other parameters,
 * stands for them in turn. A card is saved on one and loaded on the next.
 */
#include "traffic.h"

#define M		"model=" MDEV_MODEL
#define V1		"virtio_net-v1"
#define V2		"virtio_net-v2"
#define V3		"virtio_net-v3"
#define V2_CONFIG	M ",announce=on,offloads=on,rx-filter-size=32"
#define V3_CONFIG	M ",announce=on,mtu=1500,offloads=on,queue-pairs=4,rss=on,rx-filter-size=64"
/* What makes any version the first one. */
#define ALL_OFF		"announce=off,mtu=0,offloads=off,queue-pairs=1,rss=off,rx-filter-size=0"
/* A module that knows the first one only. */
#define OLD		"max_version=v1 without=announce,offloads,queue-pairs,rss,rx-filter-size"

FIXTURE(versions) {
	struct vdev v;
	struct guest_mem mem;
	struct vnic nic;
	struct buf stream;
	int net;
	char host[128];
	char text[512];
};

/* The module as this host has it. */
static int host(FIXTURE_DATA(versions) *self, const char *params)
{
	int ret;

	if (!strcmp(self->host, params))
		return 0;
	ret = module_unload(MODULE);
	if (!ret)
		ret = module_load(params);
	if (!ret)
		snprintf(self->host, sizeof(self->host), "%s", params);
	return ret;
}

FIXTURE_SETUP(versions)
{
	if (access("/sys/module/" MODULE "/refcnt", F_OK))
		SKIP(return, "the modules are built in");
	self->net = -1;
	ASSERT_EQ(0, guest_mem_init(&self->mem, MIB, 4 * MIB));
}

FIXTURE_TEARDOWN(versions)
{
	if (self->net >= 0)
		close(self->net);
	vnic_down(&self->nic);
	close_remove(&self->v);
	guest_mem_free(&self->mem);
	buf_free(&self->stream);
	host(self, "");
}

/* A device of @type with "name=value,..." written to it. */
static int make(FIXTURE_DATA(versions) *self, const char *type,
		const char *params)
{
	char list[256], attr[64], *item, *value, *next = list;
	int ret = mdev_create(type, MDEV_UUID_A);

	snprintf(list, sizeof(list), "%s", params);
	while (!ret && (item = strsep(&next, ",")) && *item) {
		value = strchr(item, '=');
		*value++ = '\0';
		snprintf(attr, sizeof(attr), "migration/params/%s", item);
		ret = mdev_write(MDEV_UUID_A, attr, value);
	}
	if (!ret)
		ret = vdev_open(&self->v, MDEV_UUID_A, any_way());
	return ret ? ret : vdev_map(&self->v, &self->mem);
}

/* A device whose card is up; its state goes into self->stream. */
static void source(struct __test_metadata *_metadata,
		   FIXTURE_DATA(versions) *self, const char *params,
		   const char *type, const char *values)
{
	ASSERT_EQ(0, host(self, params));
	ASSERT_EQ(0, make(self, type, values));
	self->net = netif_open(MDEV_UUID_A);
	ASSERT_LE(0, self->net);
	self->mem.used = 0;
	ASSERT_EQ(0, vnic_up(&self->nic, &self->v, &self->mem, RING, 0));
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_A, DEADLINE_MS));
	both_directions(_metadata, self->net, &self->nic, 5);
	self->stream.len = 0;
	ASSERT_EQ(0, mig_save(&self->v, &self->stream));
	close(self->net);
	self->net = -1;
	close_remove(&self->v);
}

/* Loads it into a device on another host; the card goes on there. */
static void goes_on(struct __test_metadata *_metadata,
		    FIXTURE_DATA(versions) *self, const char *params,
		    const char *type, const char *values)
{
	struct buf again = { 0 };

	ASSERT_EQ(0, host(self, params));
	ASSERT_EQ(0, make(self, type, values));
	ASSERT_EQ(0, mig_load(&self->v, self->stream.data, self->stream.len,
			      0)) {
		last_error(MDEV_UUID_A, self->text, sizeof(self->text));
		TH_LOG("%s", self->text);
	}
	ASSERT_EQ(0, mig_save(&self->v, &again));
	EXPECT_TRUE(buf_equal(&self->stream, &again));
	buf_free(&again);
	self->net = netif_open(MDEV_UUID_A);
	ASSERT_LE(0, self->net);
	ASSERT_EQ(0, vnic_interrupts(&self->nic, &self->v));
	ASSERT_EQ(0, vnic_move(&self->nic, &self->v));
	ASSERT_EQ(0, mig_set(&self->v, RUNNING, NULL));
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_A, DEADLINE_MS));
	both_directions(_metadata, self->net, &self->nic, 5);
	close(self->net);
	self->net = -1;
	close_remove(&self->v);
}

/* Refused by what comes first, before any state, with a sentence on @param. */
static void is_refused(struct __test_metadata *_metadata,
		       FIXTURE_DATA(versions) *self, const char *params,
		       const char *type, const char *param)
{
	struct stream_rec rec;
	size_t first;
	int fd;

	ASSERT_EQ(0, host(self, params));
	ASSERT_EQ(0, make(self, type, ""));
	ASSERT_EQ(0, stream_find(&self->stream, MDEV_MIGRATE_TAG_CONFIG,
				 &rec));
	first = rec.offset + STREAM_HDR + rec.length;
	EXPECT_GT(1024, first);
	ASSERT_EQ(0, mig_set(&self->v, RESUMING, &fd));
	EXPECT_EQ(-ERANGE, mig_feed(fd, self->stream.data, first, 0));
	close(fd);
	last_error(MDEV_UUID_A, self->text, sizeof(self->text));
	EXPECT_EQ(0, strncmp(self->text, param, strlen(param))) {
		TH_LOG("not on %s: %s", param, self->text);
	}
	close_remove(&self->v);
}

/* The table: rss off or on at the source, not available or available. */
TEST_F(versions, off_to_not_available)
{
	source(_metadata, self, "", V1, "");
	goes_on(_metadata, self, "without=rss", V1, "");
}

TEST_F(versions, off_to_available)
{
	source(_metadata, self, "without=rss", V1, "");
	goes_on(_metadata, self, "", V1, "");
}

TEST_F(versions, on_to_not_available)
{
	source(_metadata, self, "", V1, "rss=on");
	is_refused(_metadata, self, "without=rss", V1, "rss: ");
	EXPECT_NE(NULL, strstr(self->text, "this device allows off only")) {
		TH_LOG("%s", self->text);
	}
}

TEST_F(versions, on_to_available)
{
	source(_metadata, self, "", V1, "rss=on");
	goes_on(_metadata, self, "without=announce", V1, "rss=on");
}

/* An old module, and a new one's oldest version, in both directions. */
TEST_F(versions, old_and_new)
{
	source(_metadata, self, "", V1, "");
	goes_on(_metadata, self, OLD, V1, "");
	source(_metadata, self, OLD, V1, "");
	goes_on(_metadata, self, "", V1, "");
	source(_metadata, self, "", V2, "");
	is_refused(_metadata, self, OLD, V1, "announce: ");
}

TEST_F(versions, newest_at_home)
{
	source(_metadata, self, "", V3, "");
	EXPECT_GT(16 * KIB, self->stream.len);
	goes_on(_metadata, self, "", V3, "");
	source(_metadata, self, "", V2, "");
	goes_on(_metadata, self, "max_version=v2", V2, "");
}

/* Names are not compared: what is turned off is not there. */
TEST_F(versions, newest_turned_off)
{
	source(_metadata, self, "", V3, ALL_OFF);
	goes_on(_metadata, self, "max_version=v1", V1, "");
	source(_metadata, self, "", V1, "");
	goes_on(_metadata, self, "", V3, ALL_OFF);
	source(_metadata, self, "", V3,
	       "mtu=0,queue-pairs=1,rss=off,rx-filter-size=32");
	goes_on(_metadata, self, "", V2, "");
	/* The seeds' override. */
	source(_metadata, self, "", V2, "rx-filter-size=64");
	is_refused(_metadata, self, "", V2, "rx-filter-size: ");
	close_remove(&self->v);
	goes_on(_metadata, self, "", V1,
		"announce=on,offloads=on,rx-filter-size=64");
}

static bool offered(const char *type)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), MDEV_TYPES "/%s", type);
	return !access(path, F_OK);
}

static const char *type_config(FIXTURE_DATA(versions) *self, const char *type)
{
	mdev_type_read(type, "migration/config", self->text,
		       sizeof(self->text));
	return self->text;
}

TEST_F(versions, configurations)
{
	EXPECT_STREQ(M, type_config(self, V1));
	EXPECT_STREQ(V2_CONFIG, type_config(self, V2));
	EXPECT_STREQ(V3_CONFIG, type_config(self, V3));
	EXPECT_EQ(0, mdev_type_write(V1, "migration/check", V3_CONFIG));
	ASSERT_EQ(0, make(self, V3, ALL_OFF));
	mdev_read(MDEV_UUID_A, "migration/config", self->text,
		  sizeof(self->text));
	EXPECT_STREQ(M, self->text);
	close_remove(&self->v);
	/* The seeds' override: a version and a value. */
	ASSERT_EQ(0, make(self, V2, "rx-filter-size=64"));
	mdev_read(MDEV_UUID_A, "migration/version", self->text,
		  sizeof(self->text));
	EXPECT_STREQ("v2", self->text);
	mdev_read(MDEV_UUID_A, "migration/config", self->text,
		  sizeof(self->text));
	EXPECT_STREQ(M ",announce=on,offloads=on,rx-filter-size=64",
		     self->text);
}

TEST_F(versions, what_is_withheld)
{
	static const struct {
		const char *params;
		bool v2, v3;
	} hosts[] = {
		{ "", true, true },
		{ "without=rss", true, false },
		{ "without=rss,queue-pairs", true, false },
		{ "without=offloads", false, false },
		{ "without=mtu", true, false },
		{ "without=announce,rx-filter-size", false, false },
		{ "max_version=v2", true, false },
		{ "max_version=v2 without=announce", false, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hosts); i++) {
		ASSERT_EQ(0, host(self, hosts[i].params));
		EXPECT_TRUE(offered(V1));
		EXPECT_EQ(hosts[i].v2, offered(V2)) {
			TH_LOG("%s", hosts[i].params);
		}
		EXPECT_EQ(hosts[i].v3, offered(V3)) {
			TH_LOG("%s", hosts[i].params);
		}
	}
	ASSERT_EQ(0, host(self, "without=rss"));
	mdev_type_read(V1, "migration/params/rss/allowed", self->text,
		       sizeof(self->text));
	EXPECT_STREQ("off", self->text);
	EXPECT_EQ(-ERANGE, mdev_type_write(V1, "migration/check", V3_CONFIG));
	EXPECT_EQ(-EINVAL, host(self, "without=nonsense"));
	EXPECT_EQ(-EINVAL, module_load("without=rss,nonsense"));
	EXPECT_EQ(-EINVAL, module_load("max_version=v9"));
	EXPECT_EQ(0, module_load(self->host));
}

/* What a guest can see of v1 never changes. */
TEST_F(versions, first_version)
{
	struct vpci *pci = &self->nic.pci;
	unsigned int i;

	ASSERT_EQ(0, make(self, V1, ""));
	ASSERT_EQ(0, vpci_init(pci, &self->v));
	EXPECT_EQ(VNIC_FEATURE(VIRTIO_F_VERSION_1) |
		  VNIC_FEATURE(VIRTIO_F_ACCESS_PLATFORM) |
		  VNIC_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |
		  VNIC_FEATURE(VIRTIO_RING_F_EVENT_IDX) | VNIC_F(MAC) |
		  VNIC_F(STATUS), vpci_device_features(pci));
	EXPECT_EQ(56, pci->win[VIRTIO_PCI_CAP_COMMON_CFG].length);
	EXPECT_EQ(8, pci->win[VIRTIO_PCI_CAP_DEVICE_CFG].length);
	EXPECT_EQ(8, pci->win[VIRTIO_PCI_CAP_NOTIFY_CFG].length);
	EXPECT_EQ(2, vpci_common(pci, VIRTIO_PCI_COMMON_NUMQ));
	EXPECT_EQ(256, vpci_common(pci, VIRTIO_PCI_COMMON_Q_SIZE));
	for (i = 56; i < 64; i += 4)
		EXPECT_EQ(0, vpci_read(pci, VIRTIO_PCI_CAP_COMMON_CFG, 4, i));
	for (i = 8; i < 24; i += 4)
		EXPECT_EQ(0, vpci_read(pci, VIRTIO_PCI_CAP_DEVICE_CFG, 4, i));
}

TEST_HARNESS_MAIN
