// SPDX-License-Identifier: GPL-2.0-only
/* The files of types and devices: which there are, their modes, contents. */
#include "test.h"

#include <dirent.h>
#include <sys/stat.h>

#define TYPE	MDEV_TYPES "/" MDEV_TYPE_V1
#define PROCESSES	8
#define DEVICE	MDEV_DEVICES "/" MDEV_UUID_A

/**
 * struct param - what a parameter's folder must hold
 * @name: folder
 * @type: file, likewise the others
 */
static const struct param {
	const char *name;
	const char *type;
	const char *allowed;
	const char *off;
} params[] = {
	{ "announce", "bool", "on off", "off" },
	{ "mtu", "uint", "0 68-65535", "0" },
	{ "offloads", "bool", "on off", "off" },
	{ "queue-pairs", "uint", "1-8", "1" },
	{ "rss", "bool", "on off", "off" },
	{ "rx-filter-size", "uint", "0-64", "0" },
};

static const struct file {
	const char *name;
	int mode;
} of_type[] = {
	{ "create", 0200 },
	{ "name", 0444 },
	{ "description", 0444 },
	{ "device_api", 0444 },
	{ "available_instances", 0444 },
	{ "migration/model", 0444 },
	{ "migration/version", 0444 },
	{ "migration/config", 0444 },
	{ "migration/check", 0200 },
}, of_device[] = {
	{ "remove", 0200 },
	{ "migration/model", 0444 },
	{ "migration/version", 0444 },
	{ "migration/config", 0444 },
	{ "migration/state", 0444 },
	{ "migration/stop_copy_bytes", 0444 },
	{ "migration/last_error", 0444 },
	{ "mac", 0644 },
	{ "netdev", 0444 },
};

static const char *read_type(const char *attr)
{
	static char value[512];
	int ret = mdev_type_read(MDEV_TYPE_V1, attr, value, sizeof(value));

	return ret < 0 ? strerror(-ret) : value;
}

static const char *read_device(const char *attr)
{
	static char value[512];
	int ret = mdev_read(MDEV_UUID_A, attr, value, sizeof(value));

	return ret < 0 ? strerror(-ret) : value;
}

TEST(type_files)
{
	char path[PATH_MAX];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(of_type); i++) {
		snprintf(path, sizeof(path), TYPE "/%s", of_type[i].name);
		EXPECT_EQ(of_type[i].mode, sysfs_mode(path)) {
			TH_LOG("%s", path);
		}
	}
	/* Nothing that is not documented. */
	EXPECT_EQ(7, count_entries(TYPE "/migration"));
	EXPECT_LE(0, sysfs_mode(TYPE "/devices"));
}

TEST(type_contents)
{
	EXPECT_STREQ(VFIO_DEVICE_API_PCI_STRING, read_type("device_api"));
	EXPECT_STREQ(MDEV_MODEL, read_type("migration/model"));
	EXPECT_STREQ("v1", read_type("migration/version"));
	EXPECT_STREQ("model=" MDEV_MODEL, read_type("migration/config"));
	EXPECT_STREQ("1.0", read_type("migration/stream_version"));
	EXPECT_STREQ("any", read_type("migration/combinations"));
	EXPECT_NE(0, strlen(read_type("name")));
	EXPECT_NE(0, strlen(read_type("description")));
	EXPECT_LT(0, mdev_available(MDEV_TYPE_V1));
}

TEST(type_params)
{
	static const char * const files[] = {
		"type", "default", "off", "allowed", "description",
	};
	char path[PATH_MAX], attr[256];
	unsigned int i, k;

	EXPECT_EQ(ARRAY_SIZE(params), count_entries(TYPE "/migration/params"));
	for (i = 0; i < ARRAY_SIZE(params); i++) {
		const struct param *p = &params[i];

		snprintf(path, sizeof(path), TYPE "/migration/params/%s",
			 p->name);
		EXPECT_EQ(ARRAY_SIZE(files), count_entries(path)) {
			TH_LOG("%s", path);
		}
		for (k = 0; k < ARRAY_SIZE(files); k++) {
			snprintf(path, sizeof(path),
				 TYPE "/migration/params/%s/%s", p->name,
				 files[k]);
			EXPECT_EQ(0444, sysfs_mode(path)) {
				TH_LOG("%s", path);
			}
		}
#define VALUE(file) \
	(snprintf(attr, sizeof(attr), "migration/params/%s/" file, p->name), \
	 read_type(attr))
		EXPECT_STREQ(p->type, VALUE("type"));
		EXPECT_STREQ(p->off, VALUE("off"));
		EXPECT_STREQ(p->off, VALUE("default"));
		EXPECT_STREQ(p->allowed, VALUE("allowed"));
		EXPECT_LT(10, strlen(VALUE("description")));
#undef VALUE
	}
}

TEST(versions)
{
	EXPECT_LE(0, sysfs_mode(MDEV_TYPES "/virtio_net-v2"));
	EXPECT_LE(0, sysfs_mode(MDEV_TYPES "/virtio_net-v3"));
	EXPECT_EQ(3, count_entries(MDEV_TYPES));
}

FIXTURE(device) {
	int unused;
};

FIXTURE_SETUP(device)
{
	ASSERT_EQ(0, mdev_create(MDEV_TYPE_V1, MDEV_UUID_A));
}

FIXTURE_TEARDOWN(device)
{
	mdev_remove(MDEV_UUID_A);
}

TEST_F(device, files)
{
	char path[PATH_MAX];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(of_device); i++) {
		snprintf(path, sizeof(path), DEVICE "/%s",
			 of_device[i].name);
		EXPECT_EQ(of_device[i].mode, sysfs_mode(path)) {
			TH_LOG("%s", path);
		}
	}
	for (i = 0; i < ARRAY_SIZE(params); i++) {
		snprintf(path, sizeof(path), DEVICE "/migration/params/%s",
			 params[i].name);
		EXPECT_EQ(0644, sysfs_mode(path)) {
			TH_LOG("%s", path);
		}
	}
	EXPECT_EQ(ARRAY_SIZE(params),
		  count_entries(DEVICE "/migration/params"));
	EXPECT_EQ(7, count_entries(DEVICE "/migration"));
}

TEST_F(device, contents)
{
	char attr[64];
	unsigned int i;

	EXPECT_STREQ(MDEV_MODEL, read_device("migration/model"));
	EXPECT_STREQ("v1", read_device("migration/version"));
	EXPECT_STREQ("model=" MDEV_MODEL, read_device("migration/config"));
	EXPECT_STREQ("running", read_device("migration/state"));
	EXPECT_STREQ("", read_device("migration/last_error"));
	EXPECT_LE(0, atoi(read_device("migration/stop_copy_bytes")));
	for (i = 0; i < ARRAY_SIZE(params); i++) {
		snprintf(attr, sizeof(attr), "migration/params/%s",
			 params[i].name);
		EXPECT_STREQ(params[i].off, read_device(attr));
	}
}

/* The interface of the attribute exists and has another address than ours. */
TEST_F(device, netdev)
{
	char name[32], path[PATH_MAX], host[32], guest[32];

	ASSERT_LT(0, mdev_read(MDEV_UUID_A, "netdev", name, sizeof(name)));
	snprintf(path, sizeof(path), "/sys/class/net/%s/address", name);
	ASSERT_EQ(17, sysfs_read(path, host, sizeof(host)));
	ASSERT_EQ(17, mdev_read(MDEV_UUID_A, "mac", guest, sizeof(guest)));
	EXPECT_STRNE(host, guest);
}

TEST_F(device, mac)
{
	static const char * const bad[] = {
		"\n", "52:54:00:12:34", "52:54:00:12:34:56:78", "junk",
		"52:54:00:12:34:5g", "525400123456789012345",
		"01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00",
	};
	char before[32];
	unsigned int i;

	EXPECT_EQ(0, mdev_write(MDEV_UUID_A, "mac", "52:54:00:12:34:56\n"));
	EXPECT_STREQ("52:54:00:12:34:56", read_device("mac"));
	EXPECT_EQ(0, mdev_write(MDEV_UUID_A, "mac", "52:54:00:AB:cd:EF"));
	EXPECT_STREQ("52:54:00:ab:cd:ef", read_device("mac"));
	ASSERT_EQ(17, mdev_read(MDEV_UUID_A, "mac", before, sizeof(before)));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, mdev_write(MDEV_UUID_A, "mac", bad[i])) {
			TH_LOG("\"%s\"", bad[i]);
		}
		EXPECT_STREQ(before, read_device("mac"));
	}
}

/* Two devices have two addresses, and both interfaces their own name. */
TEST_F(device, a_second_is_another)
{
	char mac_a[32], mac_b[32], if_a[32], if_b[32];

	ASSERT_EQ(0, mdev_create(MDEV_TYPE_V1, MDEV_UUID_B));
	mdev_read(MDEV_UUID_A, "mac", mac_a, sizeof(mac_a));
	mdev_read(MDEV_UUID_B, "mac", mac_b, sizeof(mac_b));
	mdev_read(MDEV_UUID_A, "netdev", if_a, sizeof(if_a));
	mdev_read(MDEV_UUID_B, "netdev", if_b, sizeof(if_b));
	EXPECT_EQ(0, mdev_remove(MDEV_UUID_B));
	EXPECT_STRNE(mac_a, mac_b);
	EXPECT_STRNE(if_a, if_b);
}

/* What cannot be written cannot; what cannot be read cannot. */
TEST_F(device, wrong_direction)
{
	char value[16];

	EXPECT_GT(0, mdev_write(MDEV_UUID_A, "migration/state", "running"));
	EXPECT_GT(0, mdev_write(MDEV_UUID_A, "migration/config", "x"));
	EXPECT_GT(0, mdev_write(MDEV_UUID_A, "migration/last_error", "x"));
	EXPECT_GT(0, mdev_type_read(MDEV_TYPE_V1, "migration/check", value,
				    sizeof(value)));
}

TEST(create_twice_is_refused)
{
	ASSERT_EQ(0, mdev_create(MDEV_TYPE_V1, MDEV_UUID_A));
	EXPECT_EQ(-EEXIST, mdev_type_write(MDEV_TYPE_V1, "create",
					   MDEV_UUID_A));
	EXPECT_EQ(0, mdev_remove(MDEV_UUID_A));
	EXPECT_EQ(-EINVAL, mdev_type_write(MDEV_TYPE_V1, "create", "no-uuid"));
}

static void nth_uuid(char *uuid, unsigned int i)
{
	snprintf(uuid, 40, "6d646576-0000-4000-9000-%012x", i);
}

static int create_nth(unsigned int i)
{
	char uuid[40];

	nth_uuid(uuid, i);
	return mdev_create(MDEV_TYPE_V1, uuid);
}

static int remove_nth(unsigned int i)
{
	char uuid[40];

	nth_uuid(uuid, i);
	return mdev_remove(uuid);
}

/* @fn for 0 to @n - 1, several at a time. How many processes had an error. */
static int in_parallel(unsigned int n, int (*fn)(unsigned int i))
{
	int status, failed = 0;
	unsigned int k, i;

	for (k = 0; k < PROCESSES; k++) {
		if (fork())
			continue;
		for (i = k; i < n; i += PROCESSES) {
			if (fn(i))
				_exit(1);
		}
		_exit(0);
	}
	for (k = 0; k < PROCESSES; k++) {
		if (wait(&status) < 0 || status)
			failed++;
	}
	return failed;
}

FIXTURE(many) {
	int unused;
};

FIXTURE_SETUP(many)
{
}

FIXTURE_TEARDOWN(many)
{
}

/*
 * Devices until there is no room for more: check and create say so.
 * When they are removed nothing of them is left.
 */
TEST_F_TIMEOUT(many, leave_nothing, 120)
{
	static const char config[] = "model=" MDEV_MODEL;
	unsigned int nets = count_entries("/sys/class/net");
	unsigned int devs = count_entries("/sys/bus/mdev/devices");
	unsigned int vfios = count_entries("/sys/class/vfio-dev");
	unsigned int groups = count_entries("/sys/kernel/iommu_groups");
	int available = mdev_available(MDEV_TYPE_V1);

	ASSERT_LT(PROCESSES, available);
	EXPECT_EQ(0, in_parallel(available, create_nth));
	EXPECT_EQ(0, mdev_available(MDEV_TYPE_V1));
	EXPECT_EQ(devs + available, count_entries("/sys/bus/mdev/devices"));
	EXPECT_EQ(-ENOSPC, mdev_type_write(MDEV_TYPE_V1, "migration/check",
					   config));
	EXPECT_EQ(-EXDEV, mdev_type_write(MDEV_TYPE_V1, "migration/check",
					  "model=x"));
	EXPECT_GT(0, create_nth(available));
	EXPECT_EQ(0, in_parallel(available, remove_nth));
	EXPECT_EQ(available, mdev_available(MDEV_TYPE_V1));
	EXPECT_EQ(nets, count_entries("/sys/class/net"));
	EXPECT_EQ(devs, count_entries("/sys/bus/mdev/devices"));
	EXPECT_EQ(vfios, count_entries("/sys/class/vfio-dev"));
	EXPECT_EQ(groups, count_entries("/sys/kernel/iommu_groups"));
	EXPECT_EQ(0, mdev_type_write(MDEV_TYPE_V1, "migration/check", config));
}

TEST_HARNESS_MAIN
