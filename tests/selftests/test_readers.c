// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who reads sysfs waits for nobody: while the page of a ring does not come, which the
 * device's user has in hand, every file of the device, its type, parent and driver can
 * be read at once.
 */
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>
#include <linux/pci_regs.h>

#include "slow_page.h"
#include "test.h"

#define DEVICE		MDEV_DEVICES "/" MDEV_UUID_A
#define TYPE		"virtio_net-v3"
#define SLOW_IOVA	(64 * MIB)
/* What the fastest of some reads of a file may take. */
#define LIMIT_NS	(100 * 1000000ULL)
#define TRIES		5

static const char * const folders[] = {
	DEVICE "/.", MDEV_TYPES, "/sys/bus/mdev/drivers/mdev_virtio_net",
	"/sys/devices/virtio_net/power",
};

/* What the reading process says before and after each file, in one write(). */
struct note {
	char path[256];
	uint64_t ns;
	bool done;
};

FIXTURE(readers) {
	struct vdev v;
	struct guest_mem slow;
	struct slow_page page;
	struct vpci pci;
	pthread_t thread;
};

FIXTURE_SETUP(readers)
{
	REQUIRE_WAY(VDEV_IOMMUFD);
	if (slow_page_init(&self->page))
		SKIP(return, "this kernel has no userfaultfd");
	ASSERT_EQ(0, mdev_create(TYPE, MDEV_UUID_A));
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, VDEV_IOMMUFD));
	self->slow = (struct guest_mem){
		.va = self->page.addr, .iova = SLOW_IOVA, .size = PAGE,
	};
	ASSERT_EQ(0, vdev_map(&self->v, &self->slow));
}

FIXTURE_TEARDOWN(readers)
{
	vdev_close(&self->v);
	mdev_remove(MDEV_UUID_A);
	slow_page_free(&self->page);
}

static int notes;

static void say(const char *path, uint64_t ns, bool done)
{
	struct note note = { .ns = ns, .done = done };

	snprintf(note.path, sizeof(note.path), "%s", path);
	if (write(notes, &note, sizeof(note)) != sizeof(note))
		_exit(1);
}

static int read_file(const char *path, const struct stat *st, int type,
		     struct FTW *ftw)
{
	uint64_t start, ns, best = UINT64_MAX;
	char buf[4096];
	int fd, i;

	(void)ftw;
	if (type != FTW_F || !(st->st_mode & 0444))
		return 0;
	say(path, 0, false);
	for (i = 0; i < TRIES && best > LIMIT_NS; i++) {
		start = now_ns();
		fd = open(path, O_RDONLY | O_CLOEXEC);
		while (fd >= 0 && read(fd, buf, sizeof(buf)) > 0)
			;
		if (fd >= 0)
			close(fd);
		ns = now_ns() - start;
		best = ns < best ? ns : best;
	}
	say(path, best, true);
	return 0;
}

/* In a process of its own, which may not come back. */
static void read_all(struct vdev *v)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(folders); i++)
		nftw(folders[i], read_file, 16, FTW_PHYS);
	/* And what does not stand in sysfs: is refused, or answered, at once. */
	say("a write to mac", 0, false);
	if (mdev_write(MDEV_UUID_A, "mac", "52:54:00:12:34:56") != -EBUSY)
		_exit(2);
	say("a write to mtu", 0, false);
	if (mdev_write(MDEV_UUID_A, "migration/params/mtu", "0") != -EBUSY)
		_exit(3);
	say("VFIO_DEVICE_FEATURE_MIG_DATA_SIZE", 0, false);
	if (mig_data_size(v) <= 0)
		_exit(4);
	_exit(0);
}

/* Returns how many files were read. */
static unsigned int follow(struct __test_metadata *_metadata, int fd)
{
	struct note note = { .path = "nothing" };
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char last[sizeof(note.path)] = "nothing";
	unsigned int files = 0;

	for (;;) {
		EXPECT_EQ(1, poll(&pfd, 1, DEADLINE_MS)) {
			TH_LOG("hangs: %s", last);
			return files;
		}
		if (read(fd, &note, sizeof(note)) != sizeof(note))
			return files;
		snprintf(last, sizeof(last), "%s", note.path);
		if (!note.done)
			continue;
		files++;
		EXPECT_GE(LIMIT_NS, note.ns) {
			TH_LOG("%s: %llu us", note.path,
			       (unsigned long long)note.ns / 1000);
		}
	}
}

/* While the page does not come; it does at the end. */
static void everything_is_read(struct __test_metadata *_metadata,
			       FIXTURE_DATA(readers) *self)
{
	int status = -1, fds[2];
	unsigned int files;
	pid_t pid;

	ASSERT_TRUE(slow_page_touched(&self->page));
	ASSERT_EQ(0, pipe(fds));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(fds[0]);
		notes = fds[1];
		read_all(&self->v);
	}
	close(fds[1]);
	files = follow(_metadata, fds[0]);
	close(fds[0]);
	ASSERT_EQ(0, slow_page_fill(&self->page));
	ASSERT_EQ(0, pthread_join(self->thread, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* Those of the device and its parameters, three types, and more. */
	EXPECT_LT(100, files);
}

/* Queue 0 with its rings in the page, enabled. */
static void slow_queue(struct __test_metadata *_metadata,
		       FIXTURE_DATA(readers) *self)
{
	struct vq vq = {
		.num = 16,
		.desc_iova = SLOW_IOVA,
		.avail_iova = SLOW_IOVA + 1024,
		.used_iova = SLOW_IOVA + 2048,
	};

	ASSERT_EQ(0, vpci_init(&self->pci, &self->v));
	ASSERT_EQ(0, pci_write(&self->v, 2, PCI_COMMAND,
			       PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
	ASSERT_EQ(0, vpci_negotiate(&self->pci,
				    VNIC_FEATURE(VIRTIO_F_VERSION_1)));
	ASSERT_EQ(0, vpci_set_queue(&self->pci, 0, &vq, VPCI_NO_VECTOR));
}

static int driver_ok(FIXTURE_DATA(readers) *self)
{
	return vpci_set_status(&self->pci, vpci_status(&self->pci) |
			       VIRTIO_CONFIG_S_DRIVER_OK);
}

static void *start_driver(void *arg)
{
	driver_ok(arg);
	return NULL;
}

static void *start_device(void *arg)
{
	FIXTURE_DATA(readers) *self = arg;

	mig_set(&self->v, RUNNING, NULL);
	return NULL;
}

TEST_F(readers, while_a_queue_starts)
{
	slow_queue(_metadata, self);
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, start_driver, self));
	everything_is_read(_metadata, self);
}

TEST_F(readers, while_the_device_starts)
{
	ASSERT_EQ(0, mig_set(&self->v, STOP, NULL));
	slow_queue(_metadata, self);
	ASSERT_EQ(0, driver_ok(self));
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, start_device, self));
	everything_is_read(_metadata, self);
	EXPECT_TRUE(state_is(&self->v, RUNNING));
}

TEST_HARNESS_MAIN
