// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that are no mdevs and say what they are: tests/modules/described. They
 * have a pool of 96 in common.
 */
#include "faults.h"
#include "testmod.h"

#include <dirent.h>

#define DRIVER		"/sys/bus/platform/drivers/mdm_described"
#define DEVICES		"/sys/bus/platform/devices"
#define A		DEVICES "/mdm_described.0"
#define B		DEVICES "/mdm_described.1"
#define URI		"https://mdev-migrate.org/devices/test-described"
#define DEFAULT		"model=" URI ",lanes=4,mode=fast,size=32"
#define TOTAL		96

FIXTURE(described) {
	const char *ko;
};

static void unload(void)
{
	if (!access("/sys/module/mdm_described", F_OK))
		module_unload("mdm_described");
}

FIXTURE_SETUP(described)
{
	self->ko = getenv("MDM_DESCRIBED_KO");
	REQUIRE_MODULE(self->ko);
	unload();
	ASSERT_EQ(0, module_insert(self->ko, ""));
}

FIXTURE_TEARDOWN(described)
{
	unload();
}

TEST_F(described, files)
{
	static const struct {
		const char *name;
		int mode;
	} files[] = {
		{ "model", 0444 }, { "version", 0444 }, { "config", 0444 },
		{ "last_error", 0444 }, { "params/lanes", 0644 },
		{ "params/mode", 0644 }, { "params/size", 0644 },
		{ "type/model", 0444 }, { "type/version", 0444 },
		{ "type/config", 0444 }, { "type/check", 0200 },
		{ "type/combinations", 0444 },
	};
	char path[PATH_MAX];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), A "/migration/%s", files[i].name);
		EXPECT_EQ(files[i].mode, sysfs_mode(path)) {
			TH_LOG("%s", path);
		}
	}
	/* It writes no streams and has no migration state. */
	EXPECT_EQ(6, count_entries(A "/migration"));
	EXPECT_EQ(6, count_entries(A "/migration/type"));
	EXPECT_EQ(3, count_entries(A "/migration/params"));
}

TEST_F(described, contents)
{
	EXPECT_STREQ(URI, text_of(A, "migration/model"));
	EXPECT_STREQ("v2", text_of(A, "migration/version"));
	EXPECT_STREQ(DEFAULT, text_of(A, "migration/config"));
	EXPECT_STREQ(DEFAULT, text_of(B, "migration/config"));
	EXPECT_STREQ("", text_of(A, "migration/last_error"));
	EXPECT_STREQ("fast", text_of(A, "migration/params/mode"));
	EXPECT_STREQ(DEFAULT, text_of(A, "migration/type/config"));
	EXPECT_STREQ("checked", text_of(A, "migration/type/combinations"));
	EXPECT_STREQ("1-2 4 8", text_of(A, "migration/type/params/lanes/allowed"));
	EXPECT_STREQ("1", text_of(A, "migration/type/params/lanes/off"));
	EXPECT_STREQ("slow fast safe",
		     text_of(A, "migration/type/params/mode/allowed"));
	EXPECT_STREQ("32", text_of(A, "migration/type/params/size/default"));
	/* What is written shows in the device, and not in what it can be. */
	EXPECT_EQ(0, put(A, "migration/params/size", "1"));
	EXPECT_STREQ("model=" URI ",lanes=4,mode=fast,size=1",
		     text_of(A, "migration/config"));
	EXPECT_STREQ(DEFAULT, text_of(A, "migration/type/config"));
	EXPECT_STREQ(DEFAULT, text_of(B, "migration/config"));
}

/* Are all names in a folder in the other one, too? */
static bool all_in(const char *dir, const char *other)
{
	char path[PATH_MAX];
	struct dirent *de;
	bool all = true;
	DIR *d = opendir(dir);

	if (!d)
		return false;
	while ((de = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", other, de->d_name);
		all = all && !access(path, F_OK);
	}
	closedir(d);
	return all;
}

/* One that writes streams has the files of a mdev type, no more and no less. */
TEST_F(described, is_like_a_mdev_type)
{
	static const char type[] = MDEV_TYPES "/" MDEV_TYPE_V1 "/migration";
	static const char own[] = A "/migration/type";

	ASSERT_EQ(0, module_unload("mdm_described"));
	ASSERT_EQ(0, module_insert(self->ko, "stream_version=1.0"));
	EXPECT_STREQ("1.0", text_of(own, "stream_version"));
	EXPECT_EQ(count_entries(type), count_entries(own));
	EXPECT_TRUE(all_in(type, own));
	EXPECT_EQ(count_entries(MDEV_TYPES "/" MDEV_TYPE_V1 "/migration/params/mtu"),
		  count_entries(A "/migration/type/params/size"));
	EXPECT_TRUE(all_in(MDEV_TYPES "/" MDEV_TYPE_V1 "/migration/params/mtu",
			   A "/migration/type/params/size"));
}

TEST_F(described, what_is_refused)
{
	static const struct {
		const char *param;
		const char *value;
		int err;
		const char *word;
	} bad[] = {
		{ "size", "\n", -EINVAL, "decimal" },
		{ "size", "many", -EINVAL, "many" },
		{ "size", "032", -EINVAL, "032" },
		{ "size", "-1", -EINVAL, "-1" },
		{ "size", "65", -ERANGE, "0-64" },
		{ "size", "18446744073709551616", -ERANGE, "0-64" },
		{ "lanes", "3", -ERANGE, "1-2 4 8" },
		{ "lanes", "1", -EOPNOTSUPP, "2 lanes" },
		{ "mode", "Fast", -ERANGE, "slow fast safe" },
		{ "mode", "fast slow", -ERANGE, "slow fast safe" },
	};
	char path[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(path, sizeof(path), "migration/params/%s", bad[i].param);
		EXPECT_EQ(bad[i].err, put(A, path, bad[i].value)) {
			TH_LOG("%s=%s", bad[i].param, bad[i].value);
		}
		EXPECT_NE(NULL, strstr(text_of(A, "migration/last_error"),
				       bad[i].word)) {
			TH_LOG("%s", text_of(A, "migration/last_error"));
		}
		EXPECT_STREQ(DEFAULT, text_of(A, "migration/config"));
	}
	EXPECT_EQ(0, put(A, "migration/params/size", "32\n"));
	EXPECT_STREQ("", text_of(A, "migration/last_error"));
	EXPECT_GT(0, put(A, "migration/config", DEFAULT));
	EXPECT_GT(0, put(A, "migration/type/params/size/default", "1"));
}

TEST_F(described, is_fixed_while_open)
{
	ASSERT_EQ(0, put(A, "open", "1"));
	EXPECT_EQ(-EBUSY, put(A, "migration/params/size", "1"));
	EXPECT_STREQ("32", text_of(A, "migration/params/size"));
	/* It is what it is, but cannot be anything else now. */
	EXPECT_EQ(0, put(A, "migration/type/check", DEFAULT));
	EXPECT_EQ(-EBUSY, put(A, "migration/type/check",
			      "model=" URI ",lanes=4,mode=fast,size=1"));
	EXPECT_EQ(0, put(B, "migration/params/size", "1"));
	EXPECT_EQ(0, put(A, "open", "0"));
	EXPECT_EQ(0, put(A, "migration/params/size", "1"));
}

TEST_F(described, check)
{
	static const struct {
		const char *config;
		int err;
	} asked[] = {
		{ DEFAULT, 0 }, { DEFAULT "\n", 0 },
		{ "model=" URI, 0 },
		{ "model=" URI ",size=64,mode=safe", 0 },
		{ "model=" URI ",mode=fast", -EOPNOTSUPP },
		{ "model=" URI ",size=65", -ERANGE },
		{ "model=" URI ",colour=red", -ENOENT },
		{ "model=" URI "s", -EXDEV },
		{ "model=" URI ",size=1,size=1", -EINVAL },
		{ "size=1", -EINVAL }, { "\n", -EINVAL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(asked); i++) {
		EXPECT_EQ(asked[i].err, put(A, "migration/type/check",
					    asked[i].config)) {
			TH_LOG("%s", asked[i].config);
		}
	}
	/* Nothing was taken and nothing changed. */
	EXPECT_STREQ(DEFAULT, text_of(A, "migration/config"));
	EXPECT_EQ(32, number_of(A, "share"));
	EXPECT_EQ(32, number_of(B, "share"));
}

/* What one has the other cannot have; its own it can keep, and change. */
TEST_F(described, pool)
{
	ASSERT_EQ(0, put(B, "migration/params/size", "64"));
	EXPECT_EQ(-ENOSPC, put(A, "migration/params/size", "33"));
	EXPECT_NE(NULL, strstr(text_of(A, "migration/last_error"),
			       "size: 33 asked for, 32 of 96 left")) {
		TH_LOG("%s", text_of(A, "migration/last_error"));
	}
	EXPECT_STREQ(DEFAULT, text_of(A, "migration/config"));
	EXPECT_EQ(32, number_of(A, "share"));
	EXPECT_EQ(-ENOSPC, put(A, "migration/type/check",
			       "model=" URI ",size=33"));
	EXPECT_EQ(0, put(A, "migration/type/check", "model=" URI ",size=32"));
	EXPECT_EQ(0, put(A, "migration/params/size", "31"));
	EXPECT_EQ(0, put(A, "migration/params/size", "32"));
	EXPECT_EQ(0, put(B, "migration/params/size", "0"));
	EXPECT_EQ(0, put(A, "migration/params/size", "64"));
}

/* No room for what a device is made as: then it says nothing of itself, as before. */
TEST_F(described, no_room_for_the_default)
{
	ASSERT_EQ(0, module_unload("mdm_described"));
	ASSERT_EQ(0, module_insert(self->ko, "total=80"));
	ASSERT_EQ(0, put(DRIVER, "unbind", "mdm_described.0"));
	EXPECT_EQ(-ENOENT, sysfs_mode(A "/migration"));
	ASSERT_EQ(0, put(B, "migration/params/size", "64"));
	EXPECT_EQ(-ENOSPC, put(DRIVER, "bind", "mdm_described.0"));
	EXPECT_EQ(-ENOENT, sysfs_mode(A "/migration"));
	EXPECT_EQ(64, number_of(B, "share"));
	ASSERT_EQ(0, put(B, "migration/params/size", "48"));
	ASSERT_EQ(0, put(DRIVER, "bind", "mdm_described.0"));
	EXPECT_EQ(32, number_of(A, "share"));
}

static int write_sizes(unsigned int id, uint64_t *random)
{
	char value[8];
	int ret;

	snprintf(value, sizeof(value), "%u", (unsigned int)(rng_next(random) % 65));
	ret = put(id & 1 ? A : B, "migration/params/size", value);
	return ret && ret != -ENOSPC && ret != -ENODEV && ret != -ENOENT;
}

static int read_all(unsigned int id, uint64_t *random)
{
	(void)id;
	(void)random;
	sysfs_read_all(A "/migration", 3);
	sysfs_read_all(B "/migration", 3);
	return 0;
}

static int ask(unsigned int id, uint64_t *random)
{
	int ret = put(A, "migration/type/check", "model=" URI ",size=64");

	(void)id;
	(void)random;
	return ret && ret != -ENOSPC && ret != -ENODEV && ret != -ENOENT;
}

static int (*const racers[])(unsigned int id, uint64_t *random) = {
	write_sizes, write_sizes, write_sizes, write_sizes, read_all, ask,
};

static void start_all(pid_t *pids)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(racers); i++)
		pids[i] = start(racers[i], i, RACE_MS);
}

static void end_all(struct __test_metadata *_metadata, const pid_t *pids)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(racers); i++) {
		EXPECT_EQ(0, status_of(pids[i])) {
			TH_LOG("process %u", i);
		}
	}
}

static void is_consistent(struct __test_metadata *_metadata)
{
	long a = number_of(A, "share"), b = number_of(B, "share");

	EXPECT_EQ(number_of(A, "migration/params/size"), a);
	EXPECT_EQ(number_of(B, "migration/params/size"), b);
	EXPECT_LE(0, a);
	EXPECT_LE(0, b);
	EXPECT_GE(TOTAL, a + b);
}

TEST_F(described, several_writers)
{
	pid_t pids[ARRAY_SIZE(racers)];

	start_all(pids);
	end_all(_metadata, pids);
	is_consistent(_metadata);
	/* All of the rest is there for who asks. */
	ASSERT_EQ(0, put(B, "migration/params/size", "32"));
	EXPECT_EQ(0, put(A, "migration/params/size", "64"));
}

/* A device goes while its files are open, read and written. */
TEST_F(described, removed_while_written)
{
	int64_t deadline = deadline_ms(RACE_MS);
	pid_t pids[ARRAY_SIZE(racers)];
	unsigned int rounds = 0;
	int config, size, check, ret;
	char byte;

	start_all(pids);
	while (deadline_left(deadline) || rounds <= 5) {
		config = open(A "/migration/config", O_RDONLY);
		size = open(A "/migration/params/size", O_WRONLY);
		check = open(A "/migration/type/check", O_WRONLY);
		ASSERT_TRUE(config >= 0 && size >= 0 && check >= 0);
		EXPECT_EQ(0, put(DRIVER, "unbind", "mdm_described.0"));
		EXPECT_EQ(-1, read(config, &byte, 1));
		EXPECT_EQ(ENODEV, errno);
		EXPECT_EQ(-1, write(size, "1", 1));
		EXPECT_EQ(ENODEV, errno);
		EXPECT_EQ(-1, write(check, "model=" URI, sizeof("model=" URI) - 1));
		EXPECT_EQ(ENODEV, errno);
		close(config);
		close(size);
		close(check);
		ret = put(DRIVER, "bind", "mdm_described.0");
		ASSERT_EQ(0, ret);
		rounds++;
	}
	end_all(_metadata, pids);
	is_consistent(_metadata);
	ASSERT_EQ(0, put(B, "migration/params/size", "32"));
	EXPECT_EQ(0, put(A, "migration/params/size", "64"));
}

/* So does the module. */
TEST_F(described, unloaded_while_written)
{
	int64_t deadline = deadline_ms(RACE_MS);
	pid_t pids[ARRAY_SIZE(racers)];
	unsigned int rounds = 0;
	int file;
	char byte;

	start_all(pids);
	while (deadline_left(deadline) || rounds <= 2) {
		file = open(B "/migration/type/params/size/allowed", O_RDONLY);
		ASSERT_LE(0, file);
		ASSERT_EQ(0, module_unload("mdm_described"));
		EXPECT_EQ(-1, read(file, &byte, 1));
		EXPECT_EQ(ENODEV, errno);
		EXPECT_EQ(-ENOENT, sysfs_mode(B));
		ASSERT_EQ(0, module_insert(self->ko, ""));
		close(file);
		rounds++;
	}
	end_all(_metadata, pids);
	is_consistent(_metadata);
}

/* Each allocation fails in turn while a device is probed: its share is given back. */
TEST_F_TIMEOUT(described, fail_bind, 120)
{
	REQUIRE_FAIL_NTH();
	ASSERT_EQ(0, put(DRIVER, "unbind", "mdm_described.0"));
	FAIL_EACH(every(7), put(DRIVER, "bind", "mdm_described.0"),
		  EXPECT_EQ(0, put(DRIVER, "unbind", "mdm_described.0")));
	ASSERT_EQ(0, put(B, "migration/params/size", "64"));
	ASSERT_EQ(0, put(DRIVER, "bind", "mdm_described.0"));
	EXPECT_EQ(32, number_of(A, "share"));
}

TEST_HARNESS_MAIN
