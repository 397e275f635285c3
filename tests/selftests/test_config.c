// SPDX-License-Identifier: GPL-2.0-only
/* Configurations: check, writing parameters, and what is refused. */
#include "test.h"

#define M		"model=" MDEV_MODEL

static int check(const char *config)
{
	return mdev_type_write(MDEV_TYPE_V1, "migration/check", config);
}

TEST(check_accepts)
{
	EXPECT_EQ(0, check(M));
	EXPECT_EQ(0, check(M "\n"));
	EXPECT_EQ(0, check(M ",mtu=1500"));
	EXPECT_EQ(0, check(M ",mtu=68"));
	EXPECT_EQ(0, check(M ",mtu=65535\n"));
	/* Off values may be written out, in any order. */
	EXPECT_EQ(0, check(M ",mtu=0"));
	EXPECT_EQ(0, check(M ",rss=off,queue-pairs=1,announce=off"));
	EXPECT_EQ(0, check(M ",rss=on,queue-pairs=8"));
	EXPECT_EQ(0, check(M ",announce=on,offloads=on,rx-filter-size=64"));
}

TEST(check_malformed)
{
	static const char * const bad[] = {
		"\n", "x", "model", "model=", "mtu=1500", "mtu=1500," M,
		M ",", M ",,mtu=1500", M ",mtu=1500,", M ",mtu", M ",mtu=",
		M ",=1500", M ",mtu=1500,mtu=1500", M ",mtu=abc",
		M ",mtu=-1", M ",mtu=0x5dc", M ",mtu= 1500", M ",mtu=1500 ",
		M ",mtu=01500", M ",rss=1", M ",rss=yes", M ",rss=",
		M " ", " " M, M "\n\n", M ",mtu=1500\t", M "\n,mtu=1500",
		M ",mtu=\xff",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, check(bad[i])) {
			TH_LOG("\"%s\"", bad[i]);
		}
	}
}

/* Not even a NUL in the middle, nor a page of junk. */
TEST(check_hostile)
{
	static const char nul[] = M "\0,mtu=1500";
	char big[4096 + 16];
	int fd;

	fd = open(MDEV_TYPES "/" MDEV_TYPE_V1 "/migration/check",
		  O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, write(fd, nul, sizeof(nul)));
	EXPECT_EQ(EINVAL, errno);
	memset(big, ',', sizeof(big));
	memcpy(big, M, strlen(M));
	EXPECT_EQ(-1, pwrite(fd, big, 4095, 0));
	EXPECT_EQ(EINVAL, errno);
	memset(big + strlen(M) + 1, 'a', sizeof(big) - strlen(M) - 1);
	EXPECT_EQ(-1, pwrite(fd, big, 4095, 0));
	close(fd);
}

TEST(check_another_model)
{
	EXPECT_EQ(-EXDEV, check("model=https://example.org/other"));
	EXPECT_EQ(-EXDEV, check("model=x,mtu=1500"));
	EXPECT_EQ(-EXDEV, check(M "x"));
	EXPECT_EQ(-EXDEV, check("model=https://mdev-migrate.org/devices/v"));
}

TEST(check_unknown_parameter)
{
	EXPECT_EQ(-ENOENT, check(M ",nonsense=1"));
	EXPECT_EQ(-ENOENT, check(M ",MTU=1500"));
	EXPECT_EQ(-ENOENT, check(M ",mt=1500"));
	EXPECT_EQ(-ENOENT, check(M ",mtuu=1500"));
	EXPECT_EQ(-ENOENT, check(M ",mtu=1500,nonsense=1"));
}

TEST(check_value_not_allowed)
{
	static const char * const bad[] = {
		"mtu=1", "mtu=67", "mtu=65536", "mtu=18446744073709551615",
		"mtu=18446744073709551616", "mtu=99999999999999999999999999",
		"queue-pairs=0", "queue-pairs=9", "queue-pairs=65536",
		"rx-filter-size=65", "rx-filter-size=4294967296",
	};
	char config[128];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(config, sizeof(config), M ",%s", bad[i]);
		EXPECT_EQ(-ERANGE, check(config)) {
			TH_LOG("%s", bad[i]);
		}
	}
}

FIXTURE(config) {
	struct vdev v;
	char text[512];
};

BOTH_WAYS(config);

FIXTURE_SETUP(config)
{
	REQUIRE_WAY(variant->how);
	ASSERT_EQ(0, mdev_create(MDEV_TYPE_V1, MDEV_UUID_A));
}

FIXTURE_TEARDOWN(config)
{
	vdev_close(&self->v);
	mdev_remove(MDEV_UUID_A);
}

static int set(const char *param, const char *value)
{
	char attr[64];

	snprintf(attr, sizeof(attr), "migration/params/%s", param);
	return mdev_write(MDEV_UUID_A, attr, value);
}

static const char *get(FIXTURE_DATA(config) *self, const char *attr)
{
	mdev_read(MDEV_UUID_A, attr, self->text, sizeof(self->text));
	return self->text;
}

TEST_F(config, mtu)
{
	EXPECT_EQ(0, set("mtu", "1500"));
	EXPECT_STREQ("1500", get(self, "migration/params/mtu"));
	EXPECT_STREQ(M ",mtu=1500", get(self, "migration/config"));
	EXPECT_STREQ("v1", get(self, "migration/version"));
	EXPECT_EQ(0, set("mtu", "68\n"));
	EXPECT_EQ(0, set("mtu", "65535"));
	EXPECT_STREQ(M ",mtu=65535", get(self, "migration/config"));
	EXPECT_EQ(0, set("mtu", "0"));
	EXPECT_STREQ(M, get(self, "migration/config"));
	EXPECT_STREQ("", get(self, "migration/last_error"));
}

/* What is offered to the guest follows the parameter. */
TEST_F(config, mtu_is_offered)
{
	struct vpci pci;

	ASSERT_EQ(0, set("mtu", "1400"));
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
	ASSERT_EQ(0, vpci_init(&pci, &self->v));
	EXPECT_TRUE(vpci_device_features(&pci) &
		    VNIC_FEATURE(VIRTIO_NET_F_MTU));
	EXPECT_EQ(1400, vpci_read(&pci, VIRTIO_PCI_CAP_DEVICE_CFG, 2, 10));
	vdev_close(&self->v);
	ASSERT_EQ(0, set("mtu", "0"));
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
	ASSERT_EQ(0, vpci_init(&pci, &self->v));
	EXPECT_FALSE(vpci_device_features(&pci) &
		     VNIC_FEATURE(VIRTIO_NET_F_MTU));
}

TEST_F(config, refused_values)
{
	static const struct {
		const char *param, *value;
		int err;
	} bad[] = {
		{ "mtu", "1", -ERANGE },
		{ "mtu", "67", -ERANGE },
		{ "mtu", "65536", -ERANGE },
		{ "mtu", "99999999999999999999999", -ERANGE },
		{ "mtu", "x", -EINVAL },
		{ "mtu", "\n", -EINVAL },
		{ "mtu", "-1", -EINVAL },
		{ "mtu", " 1500", -EINVAL },
		{ "mtu", "1500 ", -EINVAL },
		{ "mtu", "1500\n\n", -EINVAL },
		{ "announce", "1", -EINVAL },
		{ "offloads", "yes", -EINVAL },
		{ "rss", "", 0 },
		{ "rx-filter-size", "65", -ERANGE },
		{ "queue-pairs", "0", -ERANGE },
		{ "queue-pairs", "9", -ERANGE },
	};
	unsigned int i;

	ASSERT_EQ(0, set("mtu", "1500"));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(bad[i].err, set(bad[i].param, bad[i].value)) {
			TH_LOG("%s=%s", bad[i].param, bad[i].value);
		}
		EXPECT_STREQ(M ",mtu=1500", get(self, "migration/config"));
		if (!bad[i].err)
			continue;
		EXPECT_EQ(0, strncmp(get(self, "migration/last_error"),
				     bad[i].param, strlen(bad[i].param))) {
			TH_LOG("%s=%s: %s", bad[i].param, bad[i].value,
			       self->text);
		}
	}
}

/* The off value can always be written. */
TEST_F(config, off_values)
{
	EXPECT_EQ(0, set("announce", "off"));
	EXPECT_EQ(0, set("offloads", "off"));
	EXPECT_EQ(0, set("rss", "off"));
	EXPECT_EQ(0, set("rx-filter-size", "0"));
	EXPECT_EQ(0, set("queue-pairs", "1"));
	EXPECT_STREQ(M, get(self, "migration/config"));
}

TEST_F(config, open_device_is_fixed)
{
	ASSERT_EQ(0, set("mtu", "1500"));
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
	EXPECT_EQ(-EBUSY, set("mtu", "1400"));
	EXPECT_EQ(-EBUSY, set("rss", "off"));
	EXPECT_STREQ(M ",mtu=1500", get(self, "migration/config"));
	EXPECT_NE(0, strlen(get(self, "migration/last_error")));
	vdev_close(&self->v);
	EXPECT_EQ(0, set("mtu", "1400"));
	EXPECT_STREQ(M ",mtu=1400", get(self, "migration/config"));
}

TEST_F(config, reset_keeps_configuration)
{
	ASSERT_EQ(0, set("mtu", "1500"));
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
	EXPECT_EQ(0, vdev_reset(&self->v));
	EXPECT_STREQ(M ",mtu=1500", get(self, "migration/config"));
}

/* A device's own configuration is one that its type can be. */
TEST_F(config, own_configuration_is_accepted)
{
	ASSERT_EQ(0, set("mtu", "9000"));
	EXPECT_EQ(0, check(get(self, "migration/config")));
}

TEST_F(config, stop_copy_bytes)
{
	int64_t size;

	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
	size = mig_data_size(&self->v);
	EXPECT_LT(0, size);
	EXPECT_GT(64 * 1024, size);
	EXPECT_EQ(size, atoll(get(self, "migration/stop_copy_bytes")));
}

TEST_HARNESS_MAIN
