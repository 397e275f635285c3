// SPDX-License-Identifier: GPL-2.0-only
/*
 * Of everything that a user can ask for, every allocation and every copy from and to
 * the caller fails in turn: an errno comes, nothing is half done, and the next try
 * works. Creating, opening and the whole of a save and a load are in test_faults.c.
 */
#include "arcs.h"
#include "card.h"
#include "faults.h"

#include <sched.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#define PARAM		"migration/params/mtu"
#define VECTORS		3
/* A module's sections, symbols, ... are the kernel's own allocations. */
#define MODULE_STEP	23
#define REMOVE_STEP	3

FIXTURE_VARIANT_ADD(card, iommufd) { .how = VDEV_IOMMUFD };

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

/* At the beginning of an arc, with a whole stream if that is to be loaded. */
static int begin_arc(struct vdev *v, const uint8_t *arc, const struct buf *good,
		     int *fd)
{
	int ret = go_to(v, arc[0], fd);

	if (ret || arc[0] != RESUMING)
		return ret;
	return mig_feed(*fd, good->data, good->len, 0);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/*
 * The device is where it was, or where it was to go if only the answer could not be
 * given: uapi/linux/vfio.h has the caller ask then.
 */
static void fail_arc(struct __test_metadata *_metadata,
		     FIXTURE_DATA(card) *self, const uint8_t *arc,
		     const struct buf *good)
{
	int nth, ret, at, fd, next = -1, failed = 0;
	bool over = false;

	for (nth = 1; !over; nth++) {
		ASSERT_GT(500, nth);
		ASSERT_EQ(0, begin_arc(&self->v, arc, good, &fd));
		ASSERT_EQ(0, fail_nth(nth));
		ret = mig_set(&self->v, arc[1], &next);
		over = fail_done();
		at = mig_get(&self->v);
		if (ret) {
			failed++;
			EXPECT_FALSE(over);
			EXPECT_TRUE(at == arc[0] ||
				    (at == arc[1] && ret == -EFAULT)) {
				TH_LOG("%s to %s: %s, in state %d",
				       mig_name(arc[0]), mig_name(arc[1]),
				       strerror(-ret), at);
			}
			ret = mig_set(&self->v, arc[1], &next);
		}
		EXPECT_EQ(0, ret);
		EXPECT_TRUE(state_is(&self->v, arc[1]));
		close_fd(&fd);
		close_fd(&next);
	}
	/* The caller's structure is copied in any case. */
	EXPECT_LT(1, failed);
}

TEST_F_TIMEOUT(card, arcs, 120)
{
	struct buf good = { 0 };
	unsigned int i;

	REQUIRE_FAIL_NTH();
	card_up(_metadata, self, 0);
	ASSERT_EQ(0, mig_save(&self->v, &good));
	for (i = 0; i < ARRAY_SIZE(arcs); i++) {
		if (has_state(&self->v, arcs[i][0]) &&
		    has_state(&self->v, arcs[i][1]))
			fail_arc(_metadata, self, arcs[i], &good);
	}
	ASSERT_EQ(0, vdev_reset(&self->v));
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 3);
	buf_free(&good);
}

/* What a failed read() has not given, the next one does. */
static int drain(int fd, struct buf *out, int nth)
{
	bool over = false;
	int ret;

	while (!over) {
		fail_nth(nth++);
		ret = mig_drain(fd, out, 100);
		over = fail_done() || !ret || ret == -ENOMSG;
		if (ret && ret != -EFAULT && ret != -ENOMEM && ret != -ENOMSG)
			return ret;
	}
	ret = mig_drain(fd, out, 100);
	return ret == -ENOMSG ? 0 : ret;
}

TEST_F(card, reads)
{
	struct buf good = { 0 }, stream = { 0 };
	struct vfio_precopy_info info;
	int fd;

	REQUIRE_FAIL_NTH();
	REQUIRE_PRE_COPY(&self->v);
	card_up(_metadata, self, 0);
	ASSERT_EQ(0, mig_save(&self->v, &good));
	ASSERT_EQ(0, mig_set(&self->v, RUNNING, NULL));
	ASSERT_EQ(0, mig_set(&self->v, PRE_COPY, &fd));
	FAIL_EACH(1, mig_precopy_info(fd, &info), (void)0);
	ASSERT_EQ(0, drain(fd, &stream, 1));
	ASSERT_EQ(0, mig_set(&self->v, STOP_COPY, NULL));
	ASSERT_EQ(0, drain(fd, &stream, 1));
	EXPECT_TRUE(buf_equal(&good, &stream));
	close(fd);
	ASSERT_EQ(0, mig_set(&self->v, RUNNING, NULL));
	both_directions(_metadata, self->net, &self->nic, 3);
	buf_free(&good);
	buf_free(&stream);
}

/* A parameter has its old value or its new one; every file can be read again. */
TEST_F(card, parameters)
{
	char text[1024];

	REQUIRE_FAIL_NTH();
	vdev_close(&self->v);
	FAIL_EACH(1, mdev_write(MDEV_UUID_A, PARAM, "1400"),
		  ASSERT_EQ(0, mdev_write(MDEV_UUID_A, PARAM, "1500")));
	ASSERT_EQ(0, mdev_write(MDEV_UUID_A, PARAM, "1300"));
	FAIL_EACH(1, (mdev_read(MDEV_UUID_A, PARAM, text, sizeof(text)) < 0 ?
		      -EIO : 0), EXPECT_STREQ("1300", text));
	FAIL_EACH(1, (mdev_read(MDEV_UUID_A, "migration/config", text,
				sizeof(text)) < 0 ? -EIO : 0), (void)0);
	ASSERT_LT(0, mdev_read(MDEV_UUID_A, "migration/config", text,
			       sizeof(text)));
	FAIL_EACH(1, mdev_type_write(MDEV_TYPE_V1, "migration/check", text),
		  (void)0);
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
}

/* Eventfds for vectors, for the line and its unmasking, and to none again. */
static int set_interrupts(struct vdev *v, const int32_t *fds)
{
	int ret;

	ret = vdev_irq_eventfds(v, VFIO_PCI_MSIX_IRQ_INDEX, 0, VECTORS, fds);
	if (!ret)
		ret = vdev_irq_disable(v, VFIO_PCI_MSIX_IRQ_INDEX);
	if (!ret)
		ret = vdev_irq_eventfds(v, VFIO_PCI_INTX_IRQ_INDEX, 0, 1, fds);
	if (!ret)
		ret = vdev_irq_set(v, VFIO_PCI_INTX_IRQ_INDEX,
				   VFIO_IRQ_SET_DATA_EVENTFD |
				   VFIO_IRQ_SET_ACTION_UNMASK, 0, 1, &fds[1],
				   sizeof(fds[1]));
	if (!ret)
		ret = vdev_irq_disable(v, VFIO_PCI_INTX_IRQ_INDEX);
	return ret;
}

static void no_interrupts(struct vdev *v)
{
	vdev_irq_disable(v, VFIO_PCI_MSIX_IRQ_INDEX);
	vdev_irq_disable(v, VFIO_PCI_INTX_IRQ_INDEX);
}

TEST_F(card, interrupts)
{
	int32_t fds[VECTORS];
	unsigned int i;

	REQUIRE_FAIL_NTH();
	for (i = 0; i < VECTORS; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ASSERT_LE(0, fds[i]);
	}
	FAIL_EACH(1, (no_interrupts(&self->v),
		      set_interrupts(&self->v, fds)), (void)0);
	no_interrupts(&self->v);
	for (i = 0; i < VECTORS; i++)
		close(fds[i]);
	card_up(_metadata, self, VNIC_INTX);
	both_directions(_metadata, self->net, &self->nic, 3);
}

/* An access that is cut short says so by its length. */
static int all(int ret, int len)
{
	if (ret < 0)
		return ret;
	return ret == len ? 0 : -EFAULT;
}

/* Of each kind one; none changes anything that the next try would notice. */
static int ask(struct vdev *v)
{
	struct vfio_device_info device;
	struct vfio_region_info region;
	struct vfio_irq_info irq;
	uint64_t flags, config;
	int ret;

	ret = vdev_info(v, &device);
	if (!ret)
		ret = vdev_region_info(v, VFIO_PCI_CONFIG_REGION_INDEX,
				       &region);
	if (!ret)
		ret = vdev_irq_info(v, VFIO_PCI_MSIX_IRQ_INDEX, &irq);
	if (!ret)
		ret = mig_flags(v, &flags);
	if (!ret)
		ret = mig_get(v) < 0 ? -EFAULT : 0;
	if (!ret)
		ret = mig_data_size(v) < 0 ? -EFAULT : 0;
	if (!ret)
		ret = all(vdev_pread(v, VFIO_PCI_CONFIG_REGION_INDEX, &config,
				     sizeof(config), 0), sizeof(config));
	if (!ret)
		ret = all(vdev_pwrite(v, VFIO_PCI_CONFIG_REGION_INDEX, &config,
				      4, 0), 4);
	return ret;
}

TEST_F(card, questions)
{
	REQUIRE_FAIL_NTH();
	FAIL_EACH(1, ask(&self->v), (void)0);
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 3);
}

TEST_F(card, logging)
{
	REQUIRE_FAIL_NTH();
	REQUIRE_LOGGING();
	FAIL_EACH(1, vdev_log_start_one(&self->v, self->mem.iova,
					self->mem.size),
		  ASSERT_EQ(0, vdev_log_stop(&self->v)));
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 3);
}

/* What is not unmapped for want of memory can be later; then it is not pinned any more. */
TEST_F(card, unmappings)
{
	bool over = false;
	int nth, ret;

	REQUIRE_FAIL_NTH();
	for (nth = 1; !over; nth++) {
		ASSERT_GT(500, nth);
		card_up(_metadata, self, 0);
		both_directions(_metadata, self->net, &self->nic, 1);
		ASSERT_EQ(0, fail_nth(nth));
		ret = vdev_unmap(&self->v, self->mem.iova, self->mem.size);
		over = fail_done();
		if (ret) {
			EXPECT_FALSE(over);
			ret = vdev_unmap(&self->v, self->mem.iova,
					 self->mem.size);
		}
		/* It was done if only the answer could not be given. */
		ASSERT_TRUE(!ret || ret == -ENOENT);
		ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
	}
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 3);
}

/* With a container it takes no memory to unmap, not even to know that it is done. */
TEST_F(card, unmappings_without_memory)
{
	int i, fd, ret;

	if (variant->how != VDEV_GROUP)
		SKIP(return, "iommufd needs memory to unmap");
	REQUIRE_FAIL_NTH();
	/* To open it takes memory. */
	fd = open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	fail_percent(100);
	for (i = 0; i < 3; i++) {
		card_up(_metadata, self, 0);
		both_directions(_metadata, self->net, &self->nic, 1);
		ASSERT_EQ(1, pwrite(fd, "1", 1, 0));
		ret = vdev_unmap(&self->v, self->mem.iova, self->mem.size);
		ASSERT_EQ(1, pwrite(fd, "0", 1, 0));
		EXPECT_EQ(0, ret);
		ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
	}
	fail_percent(0);
	close(fd);
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 3);
}

/* A user with a namespace of his own has whatever he is given of a device. */
TEST_F(card, user_namespace)
{
	int status;
	pid_t pid;

	vdev_close(&self->v);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (unshare(CLONE_NEWUSER))
			_exit(errno == EINVAL ? 4 : 1);
		if (vdev_open(&self->v, MDEV_UUID_A, variant->how) ||
		    vdev_map(&self->v, &self->mem))
			_exit(2);
		if (vnic_up(&self->nic, &self->v, &self->mem, RING, 0) ||
		    vdev_unmap(&self->v, self->mem.iova, self->mem.size))
			_exit(3);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
	ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
		SKIP(return, "this kernel has no user namespaces");
	EXPECT_EQ(0, status);
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 3);
}

/* Neither can be refused for want of memory. */
TEST_F(card, resets_and_closings)
{
	bool over = false;
	int nth;

	REQUIRE_FAIL_NTH();
	for (nth = 1; !over; nth++) {
		ASSERT_GT(500, nth);
		card_up(_metadata, self, 0);
		ASSERT_EQ(0, fail_nth(nth));
		EXPECT_EQ(0, vdev_reset(&self->v));
		over = fail_done();
		card_up(_metadata, self, 0);
		both_directions(_metadata, self->net, &self->nic, 1);
	}
	for (nth = 1, over = false; !over; nth++) {
		ASSERT_GT(500, nth);
		card_up(_metadata, self, 0);
		ASSERT_EQ(0, fail_nth(nth));
		vdev_close(&self->v);
		over = fail_done();
		ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
		ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
	}
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 3);
}

/* The device is there, or it is gone. */
TEST_F_TIMEOUT(card, removals, 120)
{
	REQUIRE_FAIL_NTH();
	vdev_close(&self->v);
	FAIL_EACH(every(REMOVE_STEP), mdev_remove(MDEV_UUID_A),
		  ASSERT_EQ(0, mdev_create(MDEV_TYPE_V1, MDEV_UUID_A)));
	ASSERT_EQ(0, mdev_create(MDEV_TYPE_V1, MDEV_UUID_A));
}

/* A module that could not be loaded has left nothing. */
TEST_F_TIMEOUT(card, module_loads, 300)
{
	char version[32];

	REQUIRE_FAIL_NTH();
	if (sysfs_read("/sys/module/" MODULE "/version", version,
		       sizeof(version)) < 0 || !getenv("MDEV_VIRTIO_NET_KO"))
		SKIP(return, "the module is not a file that this can load");
	if (variant->how != any_way())
		SKIP(return, "no way to VFIO is in this");
	close_remove(&self->v);
	ASSERT_EQ(0, module_unload(MODULE));
	FAIL_EACH(every(MODULE_STEP), module_load(""),
		  ASSERT_EQ(0, module_unload(MODULE)));
	ASSERT_EQ(0, module_load(""));
	ASSERT_EQ(0, create_open(&self->v, MDEV_UUID_A, variant->how));
}

TEST_HARNESS_MAIN
