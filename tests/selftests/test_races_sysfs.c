// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of sysfs read while what they tell of changes: a device that its user resets,
 * moves from state to state, closes and opens, and others that are created and removed.
 * Each does so in a process of its own until the time is over (RACES_SECONDS).
 */
#include "test.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

#define TYPE		"virtio_net-v3"
#define SECONDS		20
/* For all to end by themselves once their time is over. */
#define MORE_SECONDS	60

static unsigned int races_seconds(void)
{
	const char *text = getenv("RACES_SECONDS");

	return text && atoi(text) > 0 ? atoi(text) : SECONDS;
}

struct race {
	int64_t deadline;
	enum vdev_how how;
	unsigned int id;
	uint64_t random;
};

static int failed(const char *what, int ret)
{
	printf("# %s: %s\n", what, strerror(-ret));
	fflush(stdout);
	return 1;
}

/* A device's user: any state, which may be refused, then one that may not be. */
static int use(struct race *race)
{
	unsigned int i;
	struct vdev v;
	int ret, fd;

	ret = vdev_open(&v, MDEV_UUID_A, race->how);
	if (ret)
		return failed("open", ret);
	for (i = 0; i < 20; i++) {
		fd = -1;
		mig_set(&v, rng_next(&race->random) % NR_STATES, &fd);
		if (fd >= 0)
			close(fd);
		ret = vdev_reset(&v);
		if (ret || mig_get(&v) != RUNNING)
			return failed("reset", ret);
	}
	vdev_close(&v);
	return 0;
}

static int read_device(struct race *race)
{
	char error[512];

	(void)race;
	sysfs_read_all(MDEV_DEVICES "/" MDEV_UUID_A, 0);
	sysfs_read_all(MDEV_DEVICES "/" MDEV_UUID_A "/migration", 2);
	/* Nobody else removes this one. */
	return last_error(MDEV_UUID_A, error, sizeof(error)) < 0;
}

/* Every type and device there is at the moment. */
static int read_types(struct race *race)
{
	struct dirent *de;
	DIR *d;

	(void)race;
	sysfs_read_all(MDEV_TYPES, 3);
	d = opendir(MDEV_DEVICES);
	if (!d)
		return failed(MDEV_DEVICES, -errno);
	while ((de = readdir(d))) {
		char dir[PATH_MAX];

		snprintf(dir, sizeof(dir), MDEV_DEVICES "/%s/migration", de->d_name);
		sysfs_read_all(dir, 2);
	}
	closedir(d);
	return 0;
}

static int create_remove(struct race *race)
{
	char uuid[40];
	int ret;

	snprintf(uuid, sizeof(uuid), "6d646576-0000-4000-9000-%012x", race->id++);
	ret = mdev_create(TYPE, uuid);
	if (ret)
		return failed("create", ret);
	mdev_write(uuid, "migration/params/queue-pairs", "2");
	ret = mdev_remove(uuid);
	return ret ? failed("remove", ret) : 0;
}

static int (*const racers[])(struct race *race) = {
	use, read_device, read_device, read_types, create_remove, create_remove,
};

static pid_t start(unsigned int i, enum vdev_how how, unsigned int ms)
{
	struct race race = {
		.deadline = deadline_ms(ms), .how = how, .id = i << 24, .random = i + 1,
	};
	int (*racer)(struct race *race) = racers[i];
	unsigned int rounds = 0;
	pid_t pid = fork();

	if (pid)
		return pid;
	do {
		if (racer(&race))
			exit(1);
		rounds++;
	} while (deadline_left(race.deadline));
	printf("# process %u: %u rounds\n", i, rounds);
	exit(0);
}

FIXTURE(races) {};

BOTH_WAYS(races);

FIXTURE_SETUP(races)
{
	REQUIRE_WAY(variant->how);
	ASSERT_EQ(0, mdev_create(TYPE, MDEV_UUID_A));
}

FIXTURE_TEARDOWN(races)
{
	EXPECT_EQ(0, mdev_remove(MDEV_UUID_A));
}

TEST_F_TIMEOUT(races, sysfs, (int)races_seconds() + MORE_SECONDS)
{
	pid_t pids[ARRAY_SIZE(racers)];
	unsigned int i;
	int status;

	fflush(stdout);
	for (i = 0; i < ARRAY_SIZE(racers); i++) {
		/* Half of the time is the other way's. */
		pids[i] = start(i, variant->how, races_seconds() * 500);
		ASSERT_LT(0, pids[i]);
	}
	for (i = 0; i < ARRAY_SIZE(racers); i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status) {
			TH_LOG("process %u ended with status 0x%x", i, status);
		}
	}
}

TEST_HARNESS_MAIN
