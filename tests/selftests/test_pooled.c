// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver with two parents, each with a pool of 64 units, of which its devices
 * have different shares: tests/modules/pooled.
 */
#include "faults.h"
#include "testmod.h"

#define DRIVER		"/sys/bus/platform/drivers/mdm_pooled"
#define PARENT(_n)	"/sys/class/mdev_bus/mdm_pooled." #_n
#define TYPES(_n)	PARENT(_n) "/mdev_supported_types"
#define V1		"mdm_pooled-v1"
#define V2		"mdm_pooled-v2"
#define URI		"https://mdev-migrate.org/devices/test-pooled"
#define UNITS		"migration/params/units"
#define TOTAL		64
#define NR_USERS	6
/* The device of a process. */
#define UUID_OF		"6d646576-0000-4000-b000-%012x"

FIXTURE(pooled) {
	const char *ko;
	struct vdev a;
	struct vdev b;
	struct buf stream;
};

static void unload(void)
{
	if (!access("/sys/module/mdm_pooled", F_OK))
		module_unload("mdm_pooled");
}

static int create(unsigned int parent, const char *type, const char *uuid)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path),
		 "/sys/class/mdev_bus/mdm_pooled.%u/mdev_supported_types/%s/create",
		 parent, type);
	return sysfs_write(path, uuid);
}

FIXTURE_SETUP(pooled)
{
	self->ko = getenv("MDM_POOLED_KO");
	REQUIRE_MODULE(self->ko);
	self->a.fd = -1;
	self->b.fd = -1;
	unload();
	ASSERT_EQ(0, module_insert(self->ko, ""));
}

FIXTURE_TEARDOWN(pooled)
{
	static const char * const uuids[] = {
		MDEV_UUID_A, MDEV_UUID_B, MDEV_UUID_C,
	};
	unsigned int i;

	if (self->a.fd >= 0)
		vdev_close(&self->a);
	if (self->b.fd >= 0)
		vdev_close(&self->b);
	buf_free(&self->stream);
	for (i = 0; i < ARRAY_SIZE(uuids); i++) {
		if (mdev_exists(uuids[i]))
			mdev_remove(uuids[i]);
	}
	unload();
}

/* How many of each type have room, below a parent that has @left units. */
static void units_left(struct __test_metadata *_metadata, unsigned int parent,
		       unsigned int left)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "/sys/class/mdev_bus/mdm_pooled.%u/mdev_supported_types",
		 parent);
	EXPECT_EQ(left, number_of(dir, V1 "/available_instances"));
	EXPECT_EQ(left / 8, number_of(dir, V2 "/available_instances"));
}

TEST_F(pooled, each_parent_has_its_own)
{
	EXPECT_EQ(2, count_entries(TYPES(0)));
	EXPECT_EQ(2, count_entries(TYPES(1)));
	EXPECT_STREQ("model=" URI ",units=8", text_of(TYPES(1), V2 "/migration/config"));
	EXPECT_STREQ(text_of(MDEV_TYPES "/" MDEV_TYPE_V1, "migration/stream_version"),
		     text_of(TYPES(1), V2 "/migration/stream_version"));
	EXPECT_STREQ("any", text_of(TYPES(1), V2 "/migration/combinations"));
	units_left(_metadata, 0, 64);
	units_left(_metadata, 1, 64);
	ASSERT_EQ(0, create(0, V2, MDEV_UUID_A));
	units_left(_metadata, 0, 56);
	units_left(_metadata, 1, 64);
	ASSERT_EQ(0, create(1, V1, MDEV_UUID_B));
	units_left(_metadata, 0, 56);
	units_left(_metadata, 1, 63);
	EXPECT_EQ(1, count_entries(TYPES(0) "/" V2 "/devices"));
	EXPECT_EQ(0, count_entries(TYPES(1) "/" V2 "/devices"));
	ASSERT_EQ(0, mdev_remove(MDEV_UUID_A));
	units_left(_metadata, 0, 64);
	units_left(_metadata, 1, 63);
	ASSERT_EQ(0, mdev_remove(MDEV_UUID_B));
	units_left(_metadata, 1, 64);
}

TEST_F(pooled, a_write_changes_the_share)
{
	char error[512];

	ASSERT_EQ(0, create(0, V2, MDEV_UUID_A));
	ASSERT_EQ(0, create(0, V1, MDEV_UUID_B));
	units_left(_metadata, 0, 55);
	EXPECT_EQ(0, mdev_write(MDEV_UUID_A, UNITS, "63"));
	units_left(_metadata, 0, 0);
	EXPECT_EQ(-ENOSPC, mdev_write(MDEV_UUID_A, UNITS, "64"));
	EXPECT_EQ(-ENOSPC, mdev_write(MDEV_UUID_B, UNITS, "2"));
	ASSERT_LT(0, last_error(MDEV_UUID_B, error, sizeof(error)));
	EXPECT_NE(NULL, strstr(error, "units: 2 asked for, 1 of 64 left")) {
		TH_LOG("%s", error);
	}
	EXPECT_STREQ("1", text_of(MDEV_DEVICES "/" MDEV_UUID_B, UNITS));
	EXPECT_EQ(0, mdev_write(MDEV_UUID_B, UNITS, "1"));
	/* The half of what is given back goes to the other. */
	EXPECT_EQ(0, mdev_write(MDEV_UUID_A, UNITS, "1"));
	units_left(_metadata, 0, 62);
	EXPECT_EQ(0, mdev_write(MDEV_UUID_B, UNITS, "31"));
	units_left(_metadata, 0, 32);
	/* What is refused for another reason changes nothing either. */
	EXPECT_EQ(-ERANGE, mdev_write(MDEV_UUID_B, UNITS, "65"));
	EXPECT_EQ(-ERANGE, mdev_write(MDEV_UUID_B, UNITS, "0"));
	EXPECT_EQ(-EINVAL, mdev_write(MDEV_UUID_B, UNITS, "all"));
	units_left(_metadata, 0, 32);
	EXPECT_EQ(0, mdev_remove(MDEV_UUID_B));
	units_left(_metadata, 0, 63);
}

/* No device where its type's values have no room; check says so before. */
TEST_F(pooled, used_up)
{
	ASSERT_EQ(0, create(0, V1, MDEV_UUID_A));
	ASSERT_EQ(0, mdev_write(MDEV_UUID_A, UNITS, "60"));
	EXPECT_EQ(-ENOSPC, create(0, V2, MDEV_UUID_B));
	EXPECT_FALSE(mdev_exists(MDEV_UUID_B));
	units_left(_metadata, 0, 4);
	EXPECT_EQ(0, put(TYPES(0), V1 "/migration/check", "model=" URI ",units=4"));
	EXPECT_EQ(-ENOSPC, put(TYPES(0), V1 "/migration/check", "model=" URI ",units=5"));
	/* A device of v2 cannot even be made. */
	EXPECT_EQ(-ENOSPC, put(TYPES(0), V2 "/migration/check", "model=" URI ",units=4"));
	EXPECT_EQ(0, put(TYPES(1), V2 "/migration/check", "model=" URI ",units=64"));
	units_left(_metadata, 0, 4);
	units_left(_metadata, 1, 64);
	ASSERT_EQ(0, create(0, V1, MDEV_UUID_B));
	EXPECT_EQ(0, mdev_write(MDEV_UUID_B, UNITS, "4"));
	EXPECT_EQ(-ENOSPC, create(0, V1, MDEV_UUID_C));
	EXPECT_EQ(-ENOSPC, put(TYPES(0), V1 "/migration/check", "model=" URI));
}

TEST_F(pooled, an_open_device_keeps_its_share)
{
	ASSERT_EQ(0, create(0, V2, MDEV_UUID_A));
	ASSERT_EQ(0, vdev_open(&self->a, MDEV_UUID_A, any_way()));
	EXPECT_EQ(-EBUSY, mdev_write(MDEV_UUID_A, UNITS, "1"));
	units_left(_metadata, 0, 56);
	vdev_close(&self->a);
	self->a.fd = -1;
	EXPECT_EQ(0, mdev_write(MDEV_UUID_A, UNITS, "1"));
	units_left(_metadata, 0, 63);
}

/* From one parent to the other, where what counts is the configuration. */
TEST_F(pooled, moves_to_another_parent)
{
	char error[512];

	ASSERT_EQ(0, create(0, V2, MDEV_UUID_A));
	ASSERT_EQ(0, create(1, V1, MDEV_UUID_B));
	ASSERT_EQ(0, vdev_open(&self->a, MDEV_UUID_A, any_way()));
	ASSERT_EQ(0, vdev_write(&self->a, 0, 4, 0, 0x12345678));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	ASSERT_EQ(0, vdev_open(&self->b, MDEV_UUID_B, any_way()));
	EXPECT_EQ(-ERANGE, mig_load(&self->b, self->stream.data,
				    self->stream.len, 0));
	ASSERT_LT(0, last_error(MDEV_UUID_B, error, sizeof(error)));
	EXPECT_EQ(0, strncmp(error, "units: the source has 8", 23)) {
		TH_LOG("%s", error);
	}
	vdev_close(&self->b);
	self->b.fd = -1;
	ASSERT_EQ(0, mdev_write(MDEV_UUID_B, UNITS, "8"));
	ASSERT_EQ(0, vdev_open(&self->b, MDEV_UUID_B, any_way()));
	ASSERT_EQ(0, mig_load(&self->b, self->stream.data, self->stream.len, 0));
	EXPECT_EQ(0x12345678, vdev_read(&self->b, 0, 4, 0));
}

/* A destination has what it needs, or can be given it, before anything moves. */
TEST_F(pooled, a_destination_that_is_too_small)
{
	const char *source = "model=" URI ",units=40";

	ASSERT_EQ(0, create(0, V1, MDEV_UUID_A));
	ASSERT_EQ(0, mdev_write(MDEV_UUID_A, UNITS, "40"));
	ASSERT_EQ(0, create(1, V1, MDEV_UUID_B));
	ASSERT_EQ(0, create(1, V1, MDEV_UUID_C));
	ASSERT_EQ(0, mdev_write(MDEV_UUID_C, UNITS, "25"));
	ASSERT_EQ(0, vdev_open(&self->a, MDEV_UUID_A, any_way()));
	ASSERT_EQ(0, mig_save(&self->a, &self->stream));
	EXPECT_EQ(-ENOSPC, put(TYPES(1), V1 "/migration/check", source));
	EXPECT_EQ(-ENOSPC, mdev_write(MDEV_UUID_B, UNITS, "40"));
	units_left(_metadata, 1, 38);
	ASSERT_EQ(0, vdev_open(&self->b, MDEV_UUID_B, any_way()));
	EXPECT_EQ(-ERANGE, mig_load(&self->b, self->stream.data, self->stream.len, 0));
	vdev_close(&self->b);
	/* One unit less for the other one. */
	ASSERT_EQ(0, mdev_write(MDEV_UUID_C, UNITS, "24"));
	ASSERT_EQ(0, mdev_write(MDEV_UUID_B, UNITS, "40"));
	units_left(_metadata, 1, 0);
	ASSERT_EQ(0, vdev_open(&self->b, MDEV_UUID_B, any_way()));
	EXPECT_EQ(0, mig_load(&self->b, self->stream.data, self->stream.len, 0));
	/* While it has them, nobody else can. */
	EXPECT_EQ(-ENOSPC, mdev_write(MDEV_UUID_C, UNITS, "25"));
	units_left(_metadata, 0, 24);
}

static int unexpected(const char *what, int ret)
{
	printf("# %s: %s\n", what, strerror(-ret));
	return 1;
}

/* The device of a process, below one of the parents: is made, changed, opened and removed. */
static int change(unsigned int id, uint64_t *random)
{
	const char *type = rng_next(random) % 2 ? V1 : V2;
	unsigned int action = rng_next(random) % 6;
	char uuid[40], value[8];
	struct vdev v;
	int ret;

	/* Other random numbers in each round. */
	id %= NR_USERS;
	snprintf(uuid, sizeof(uuid), UUID_OF, id);
	snprintf(value, sizeof(value), "%u", 1 + (unsigned int)(rng_next(random) % TOTAL));
	if (!mdev_exists(uuid)) {
		ret = create(id % 2, type, uuid);
	} else if (!action) {
		ret = mdev_remove(uuid);
	} else if (action > 1) {
		ret = mdev_write(uuid, UNITS, value);
	} else {
		ret = vdev_open(&v, uuid, any_way());
		if (!ret && mdev_write(uuid, UNITS, value) != -EBUSY)
			ret = -EBUSY;
		vdev_close(&v);
	}
	if (ret && ret != -ENOSPC)
		return unexpected(uuid, ret);
	/* More than there is would show as much more than there is. */
	if (number_of(TYPES(0), V1 "/available_instances") > TOTAL ||
	    number_of(TYPES(1), V1 "/available_instances") > TOTAL)
		return unexpected("available_instances", -ERANGE);
	return 0;
}

/*
 * More want units than there are, all the time. Whoever has made, changed, opened or removed
 * what: the devices have what is not left.
 */
TEST_F(pooled, under_load)
{
	unsigned int round, i, sum[2], all = 0;
	pid_t pids[NR_USERS];
	char uuid[40], dir[PATH_MAX];

	for (round = 0; round < 8; round++) {
		for (i = 0; i < NR_USERS; i++)
			pids[i] = start(change, i + round * NR_USERS, RACE_MS / 4);
		for (i = 0; i < NR_USERS; i++)
			EXPECT_EQ(0, status_of(pids[i]));
		sum[0] = 0;
		sum[1] = 0;
		for (i = 0; i < NR_USERS; i++) {
			snprintf(dir, sizeof(dir), MDEV_DEVICES "/" UUID_OF, i);
			if (!access(dir, F_OK))
				sum[i % 2] += number_of(dir, UNITS);
		}
		units_left(_metadata, 0, TOTAL - sum[0]);
		units_left(_metadata, 1, TOTAL - sum[1]);
		all += sum[0] + sum[1];
	}
	/* They had some, on average a tenth of what there is at least. */
	EXPECT_LT(8 * 2 * TOTAL / 10, all);
	for (i = 0; i < NR_USERS; i++) {
		snprintf(uuid, sizeof(uuid), UUID_OF, i);
		if (mdev_exists(uuid))
			EXPECT_EQ(0, mdev_remove(uuid));
	}
	units_left(_metadata, 0, TOTAL);
	units_left(_metadata, 1, TOTAL);
}

static int write_a(unsigned int id, uint64_t *random)
{
	char value[8];
	int ret;

	(void)id;
	snprintf(value, sizeof(value), "%u",
		 1 + (unsigned int)(rng_next(random) % TOTAL));
	ret = mdev_write(MDEV_UUID_A, UNITS, value);
	if (!ret || ret == -ENOSPC || ret == -ENOENT || ret == -ENODEV)
		return 0;
	return unexpected("write", ret);
}

/* What the device says it has is what it has taken. */
TEST_F(pooled, two_writers)
{
	pid_t pids[3];
	unsigned int i;
	long units;

	ASSERT_EQ(0, create(0, V1, MDEV_UUID_A));
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = start(write_a, i, RACE_MS);
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		EXPECT_EQ(0, status_of(pids[i]));
	units = number_of(MDEV_DEVICES "/" MDEV_UUID_A, UNITS);
	ASSERT_LT(0, units);
	units_left(_metadata, 0, TOTAL - units);
}

/* A device goes while its share is being changed: nothing of it stays. */
TEST_F(pooled, removed_while_written)
{
	int64_t deadline = deadline_ms(RACE_MS);
	unsigned int i, rounds = 0;
	pid_t pids[3];

	for (i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = start(write_a, i, RACE_MS);
	while (deadline_left(deadline)) {
		ASSERT_EQ(0, create(0, V2, MDEV_UUID_A));
		ASSERT_EQ(0, mdev_remove(MDEV_UUID_A));
		units_left(_metadata, 0, TOTAL);
		rounds++;
	}
	EXPECT_LT(5, rounds);
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		EXPECT_EQ(0, status_of(pids[i]));
	units_left(_metadata, 0, TOTAL);
}

/* A parent goes, with files open; the other, and its devices, stay. */
TEST_F(pooled, one_parent_goes)
{
	int available, units;
	char byte;

	ASSERT_EQ(0, create(0, V2, MDEV_UUID_A));
	ASSERT_EQ(0, create(1, V2, MDEV_UUID_B));
	available = open(TYPES(0) "/" V1 "/available_instances", O_RDONLY);
	units = open(MDEV_DEVICES "/" MDEV_UUID_A "/" UNITS, O_WRONLY);
	ASSERT_TRUE(available >= 0 && units >= 0);
	ASSERT_EQ(0, put(DRIVER, "unbind", "mdm_pooled.0"));
	EXPECT_EQ(-1, read(available, &byte, 1));
	EXPECT_EQ(-1, write(units, "1", 1));
	close(available);
	close(units);
	EXPECT_FALSE(mdev_exists(MDEV_UUID_A));
	EXPECT_EQ(-ENOENT, sysfs_mode(PARENT(0)));
	units_left(_metadata, 1, 56);
	EXPECT_EQ(0, mdev_write(MDEV_UUID_B, UNITS, "4"));
	ASSERT_EQ(0, create(1, V2, MDEV_UUID_C));
	units_left(_metadata, 1, 52);
	/* The last, too; then the driver is not on the mdev bus. */
	EXPECT_EQ(0, sysfs_mode("/sys/bus/mdev/drivers/mdm_pooled") < 0);
	ASSERT_EQ(0, put(DRIVER, "unbind", "mdm_pooled.1"));
	EXPECT_EQ(-ENOENT, sysfs_mode("/sys/bus/mdev/drivers/mdm_pooled"));
	ASSERT_EQ(0, put(DRIVER, "bind", "mdm_pooled.0"));
	ASSERT_EQ(0, put(DRIVER, "bind", "mdm_pooled.1"));
	units_left(_metadata, 0, 64);
	units_left(_metadata, 1, 64);
}

/* It waits for a device that is open; the other parent does not. */
TEST_F(pooled, a_parent_waits_for_users)
{
	pid_t pid;
	int status;

	ASSERT_EQ(0, create(0, V2, MDEV_UUID_A));
	ASSERT_EQ(0, vdev_open(&self->a, MDEV_UUID_A, any_way()));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		vdev_close(&self->a);
		_exit(put(DRIVER, "unbind", "mdm_pooled.0") ? 1 : 0);
	}
	usleep(QUIET_MS * 1000);
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	EXPECT_EQ(0, create(1, V2, MDEV_UUID_B));
	EXPECT_EQ(0, put(DRIVER, "unbind", "mdm_pooled.1"));
	EXPECT_EQ(0, put(DRIVER, "bind", "mdm_pooled.1"));
	vdev_close(&self->a);
	self->a.fd = -1;
	EXPECT_EQ(0, status_of(pid));
	ASSERT_EQ(0, put(DRIVER, "bind", "mdm_pooled.0"));
	units_left(_metadata, 0, 64);
}

static int rebind(unsigned int id, uint64_t *random)
{
	const char *parent = id & 1 ? "mdm_pooled.1" : "mdm_pooled.0";
	int ret = put(DRIVER, "unbind", parent);

	(void)random;
	if (!ret)
		ret = put(DRIVER, "bind", parent);
	return ret ? unexpected(parent, ret) : 0;
}

static int create_any(unsigned int id, uint64_t *random)
{
	char uuid[40];

	snprintf(uuid, sizeof(uuid), "6d646576-0000-4000-b000-%012x", id);
	create(rng_next(random) % 2, V2, uuid);
	mdev_write(uuid, UNITS, "20");
	mdev_remove(uuid);
	sysfs_read_all(TYPES(0), 3);
	return 0;
}

/* Both parents come and go at once, and with them the driver. */
TEST_F(pooled, parents_come_and_go)
{
	pid_t pids[6];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = start(i < 2 ? rebind : create_any, i, RACE_MS);
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		EXPECT_EQ(0, status_of(pids[i]));
	for (i = 2; i < ARRAY_SIZE(pids); i++) {
		char uuid[40];

		snprintf(uuid, sizeof(uuid), "6d646576-0000-4000-b000-%012x", i);
		if (mdev_exists(uuid))
			mdev_remove(uuid);
	}
	units_left(_metadata, 0, 64);
	units_left(_metadata, 1, 64);
}

TEST_F(pooled, unloaded_with_files_open)
{
	int i, type, file;
	char byte;

	for (i = 0; i < 5; i++) {
		type = open(TYPES(1) "/" V1 "/migration/params/units/allowed",
			    O_RDONLY);
		file = open(TYPES(0) "/" V1 "/available_instances", O_RDONLY);
		ASSERT_TRUE(type >= 0 && file >= 0);
		ASSERT_EQ(0, module_unload("mdm_pooled"));
		EXPECT_EQ(-1, read(type, &byte, 1));
		EXPECT_EQ(-1, read(file, &byte, 1));
		EXPECT_EQ(-ENOENT, sysfs_mode(PARENT(0)));
		ASSERT_EQ(0, module_insert(self->ko, ""));
		close(type);
		close(file);
	}
}

/* What the parent without hardware offers. */
#define VIRTUAL		"/sys/module/mdm_pooled/parameters/virtual"
#define VIRTUAL_TYPES	"/sys/class/mdev_bus/mdm_virtual/mdev_supported_types"
#define VIRTUAL_URI	"model=https://mdev-migrate.org/devices/test-virtual"

static int create_virtual(const char *uuid)
{
	return sysfs_write(VIRTUAL_TYPES "/mdm_virtual-v2/create", uuid);
}

/* A driver knows combinations that it cannot do: none of its devices gets there. */
TEST_F(pooled, combinations)
{
	static const char type[] = VIRTUAL_TYPES "/mdm_virtual-v1/migration";

	ASSERT_EQ(0, sysfs_write(VIRTUAL, "good"));
	EXPECT_EQ(-EBUSY, sysfs_write(VIRTUAL, "good"));
	EXPECT_STREQ("checked", text_of(type, "combinations"));
	EXPECT_EQ(0, put(type, "check", VIRTUAL_URI ",level=3,span=3"));
	EXPECT_EQ(-EOPNOTSUPP, put(type, "check", VIRTUAL_URI ",level=3"));
	ASSERT_EQ(0, create_virtual(MDEV_UUID_A));
	EXPECT_EQ(-EOPNOTSUPP, mdev_write(MDEV_UUID_A, "migration/params/level",
					  "5"));
	EXPECT_STREQ("span: 4, less than the level; write more",
		     text_of(MDEV_DEVICES "/" MDEV_UUID_A,
			     "migration/last_error"));
	EXPECT_EQ(0, mdev_write(MDEV_UUID_A, "migration/params/span", "5"));
	EXPECT_EQ(0, mdev_write(MDEV_UUID_A, "migration/params/level", "5"));
	EXPECT_STREQ(VIRTUAL_URI ",level=5,span=5",
		     text_of(MDEV_DEVICES "/" MDEV_UUID_A, "migration/config"));
	/* There can be two of them. */
	EXPECT_EQ(0, put(type, "check", VIRTUAL_URI));
	ASSERT_EQ(0, create_virtual(MDEV_UUID_B));
	EXPECT_EQ(-ENOSPC, put(type, "check", VIRTUAL_URI));
	EXPECT_GT(0, create_virtual(MDEV_UUID_C));
	ASSERT_EQ(0, mdev_remove(MDEV_UUID_A));
	ASSERT_EQ(0, mdev_remove(MDEV_UUID_B));
	ASSERT_EQ(0, sysfs_write(VIRTUAL, "\n"));
	EXPECT_EQ(-ENOENT, sysfs_mode(VIRTUAL_TYPES));
}

/* Drivers that are not in order are not registered, and nothing is left of them. */
TEST_F(pooled, not_in_order)
{
	EXPECT_EQ(-EINVAL, sysfs_write(VIRTUAL, "unsorted"));
	EXPECT_EQ(-ENOENT, sysfs_mode(VIRTUAL_TYPES));
	EXPECT_EQ(-ENODEV, sysfs_write(VIRTUAL, "none"));
	EXPECT_EQ(-ENOENT, sysfs_mode(VIRTUAL_TYPES));
	EXPECT_EQ(0, sysfs_write(VIRTUAL, "good"));
	EXPECT_EQ(0, sysfs_write(VIRTUAL, "\n"));
}

/* A configuration that no file can show, nor a stream have. */
TEST_F(pooled, too_long)
{
	char path[PATH_MAX], text[8192];
	int fd;

	ASSERT_EQ(0, sysfs_write(VIRTUAL, "long"));
	EXPECT_EQ(-ENOSPC, sysfs_read(VIRTUAL_TYPES "/mdm_virtual-v1/migration/config",
				      text, sizeof(text)));
	ASSERT_EQ(0, create_virtual(MDEV_UUID_A));
	snprintf(path, sizeof(path), MDEV_DEVICES "/%s/migration/config",
		 MDEV_UUID_A);
	EXPECT_EQ(-ENOSPC, sysfs_read(path, text, sizeof(text)));
	ASSERT_EQ(0, vdev_open(&self->a, MDEV_UUID_A, VDEV_GROUP));
	EXPECT_LT(0, mig_data_size(&self->a));
	EXPECT_EQ(-ENOSPC, mig_set(&self->a, VFIO_DEVICE_STATE_STOP_COPY, &fd));
	vdev_close(&self->a);
	self->a.fd = -1;
	ASSERT_EQ(0, mdev_remove(MDEV_UUID_A));
	EXPECT_EQ(0, sysfs_write(VIRTUAL, "\n"));
}

/* What of a device and of its types is the frame's own. */
TEST_F_TIMEOUT(pooled, allocations_fail_in_turn, 120)
{
	REQUIRE_FAIL_NTH();
	FAIL_EACH(1, sysfs_write(VIRTUAL, "small"),
		  EXPECT_EQ(0, sysfs_write(VIRTUAL, "\n")));
	EXPECT_EQ(-ENOENT, sysfs_mode(VIRTUAL_TYPES));
	FAIL_EACH(every(2), create(0, V1, MDEV_UUID_A),
		  EXPECT_EQ(0, mdev_remove(MDEV_UUID_A)));
	units_left(_metadata, 0, 64);
}

/* Each allocation fails in turn while a device is made: its share is given back. */
TEST_F_TIMEOUT(pooled, fail_create, 120)
{
	REQUIRE_FAIL_NTH();
	FAIL_EACH(every(7), create(0, V2, MDEV_UUID_A),
		  EXPECT_EQ(0, mdev_remove(MDEV_UUID_A)));
	EXPECT_FALSE(mdev_exists(MDEV_UUID_A));
	units_left(_metadata, 0, 64);
}

/* While a parent is probed, the first of the driver's and the second. */
TEST_F_TIMEOUT(pooled, fail_bind, 200)
{
	unsigned int i;

	REQUIRE_FAIL_NTH();
	ASSERT_EQ(0, put(DRIVER, "unbind", "mdm_pooled.1"));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, put(DRIVER, "unbind", "mdm_pooled.0"));
		FAIL_EACH(every(7), put(DRIVER, "bind", "mdm_pooled.0"),
			  EXPECT_EQ(0, put(DRIVER, "unbind", "mdm_pooled.0")));
		ASSERT_EQ(0, put(DRIVER, "bind", "mdm_pooled.0"));
		units_left(_metadata, 0, 64);
		if (!i)
			ASSERT_EQ(0, put(DRIVER, "bind", "mdm_pooled.1"));
	}
	units_left(_metadata, 1, 64);
}

TEST_HARNESS_MAIN
