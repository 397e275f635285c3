// SPDX-License-Identifier: GPL-2.0-only
/* Devices and modules coming and going. */
#include "card.h"

#include <sys/eventfd.h>
#include <sys/syscall.h>

#define HELPER		"mdev_migrate"

FIXTURE_VARIANT_ADD(card, iommufd) { .how = VDEV_IOMMUFD };

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

TEST_F(card, open_and_close)
{
	int i;

	for (i = 0; i < 50; i++) {
		vdev_close(&self->v);
		ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
		EXPECT_TRUE(state_is(&self->v, RUNNING));
	}
	/* Every mapping is gone with the address space: map and use again. */
	ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 3);
}

/* A card that is running when it is closed. */
TEST_F(card, close_in_traffic)
{
	uint8_t frame[500] = { 0 };
	int i;

	for (i = 0; i < 10; i++) {
		card_up(_metadata, self, i & 1 ? VNIC_INTX : 0);
		to_guest(_metadata, self->net, &self->nic, 200, i);
		frame_make(frame, sizeof(frame), self->mac, i);
		ASSERT_EQ(0, netif_send(self->net, frame, sizeof(frame)));
		ASSERT_EQ(0, vnic_send(&self->nic, frame, sizeof(frame)));
		vdev_close(&self->v);
		netif_send(self->net, frame, sizeof(frame));
		ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
		ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
		while (netif_recv(self->net, frame, sizeof(frame), 0) > 0)
			;
	}
}

/* One user at a time. */
TEST_F(card, second_open)
{
	struct vdev second;

	EXPECT_GT(0, vdev_open(&second, MDEV_UUID_A, variant->how));
	EXPECT_GT(0, vdev_open(&second, MDEV_UUID_A, VDEV_IOMMUFD));
	EXPECT_TRUE(state_is(&self->v, RUNNING));
}

/*
 * Removing an open device asks its user through the request interrupt to let
 * go, waits until then, and the device is gone afterwards.
 */
TEST_F(card, remove_while_open)
{
	int32_t event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int status;
	pid_t pid;

	ASSERT_LE(0, event);
	ASSERT_EQ(0, vdev_irq_eventfds(&self->v, VFIO_PCI_REQ_IRQ_INDEX, 0, 1,
				       &event));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* Not the one who holds it open. */
		vdev_close(&self->v);
		_exit(mdev_remove(MDEV_UUID_A) ? 1 : 0);
	}
	EXPECT_LT(0, event_wait(event, DEADLINE_MS));
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	EXPECT_TRUE(mig_get(&self->v) == RUNNING);
	vdev_close(&self->v);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_FALSE(mdev_exists(MDEV_UUID_A));
	close(event);
}

static int users(const char *module)
{
	char path[PATH_MAX], value[32];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	return sysfs_read(path, value, sizeof(value)) < 0 ? -1 : atoi(value);
}

TEST_F(card, rmmod_is_refused)
{
	int ret;

	if (users(MODULE) < 0)
		SKIP(return, "the modules are built in");
	EXPECT_LT(0, users(MODULE));
	ret = module_unload(MODULE);
	EXPECT_TRUE(ret == -EAGAIN || ret == -EBUSY) {
		TH_LOG("rmmod: %s", strerror(-ret));
	}
	ret = module_unload(HELPER);
	EXPECT_TRUE(ret == -EAGAIN || ret == -EBUSY) {
		TH_LOG("rmmod: %s", strerror(-ret));
	}
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 3);
}

TEST(modules_come_and_go)
{
	unsigned int nets = count_entries("/sys/class/net");
	int i;

	if (users(MODULE) < 0)
		SKIP(return, "the modules are built in");
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, mdev_create(MDEV_TYPE_V1, MDEV_UUID_A));
		ASSERT_EQ(0, mdev_remove(MDEV_UUID_A));
		ASSERT_EQ(0, module_unload(MODULE));
		EXPECT_EQ(-ENOENT, sysfs_mode(MDEV_PARENT));
		EXPECT_EQ(nets, count_entries("/sys/class/net"));
		ASSERT_EQ(0, module_load(""));
	}
	EXPECT_LT(0, mdev_available(MDEV_TYPE_V1));
}

/* The bus that parents without hardware are on has the name that is asked for, or is none. */
TEST(parent_bus)
{
	static const char * const bad[] = { "", "a/b", "two words", "m\303\244" };
	const char *ko = getenv("MDEV_MIGRATE_KO");
	char params[64];
	unsigned int i;

	if (!ko || users(HELPER) < 0)
		SKIP(return, "the helper is not a file that this can load");
	ASSERT_EQ(0, module_unload(MODULE));
	ASSERT_EQ(0, module_unload(HELPER));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(params, sizeof(params), "parent_bus=\"%s\"", bad[i]);
		EXPECT_EQ(-EINVAL, module_insert(ko, params)) {
			TH_LOG("%s", params);
		}
	}
	ASSERT_EQ(0, module_insert(ko, "parent_bus=A_b-9"));
	ASSERT_EQ(0, module_load(""));
	EXPECT_EQ(0, access("/sys/bus/A_b-9/devices/virtio_net", F_OK));
	EXPECT_LT(0, mdev_available(MDEV_TYPE_V1));
	ASSERT_EQ(0, module_unload(MODULE));
	ASSERT_EQ(0, module_unload(HELPER));
	ASSERT_EQ(0, module_insert(ko, ""));
	ASSERT_EQ(0, module_load(""));
}

/*
 * Unloading with idle devices removes them, as the mdev core does; the devices
 * hold their module, so somebody has to remove them first.
 */
TEST(rmmod_with_a_closed_device)
{
	int ret;

	if (users(MODULE) < 0)
		SKIP(return, "the modules are built in");
	ASSERT_EQ(0, mdev_create(MDEV_TYPE_V1, MDEV_UUID_A));
	ret = module_unload(MODULE);
	if (!ret) {
		EXPECT_FALSE(mdev_exists(MDEV_UUID_A));
		ASSERT_EQ(0, module_load(""));
	} else {
		EXPECT_TRUE(ret == -EAGAIN || ret == -EBUSY);
		EXPECT_EQ(0, mdev_remove(MDEV_UUID_A));
	}
}

/*
 * The driver on the mdev bus lets go of its device: the files are gone. The
 * mdev core binds at creation only, so all that is left is to remove it.
 */
TEST(unbind)
{
	unsigned int nets = count_entries("/sys/class/net");
	char link[PATH_MAX], path[PATH_MAX + 32];
	ssize_t n;

	ASSERT_EQ(0, mdev_create(MDEV_TYPE_V1, MDEV_UUID_A));
	n = readlink(MDEV_DEVICES "/" MDEV_UUID_A "/driver", link,
		     sizeof(link) - 1);
	ASSERT_LT(0, n);
	link[n] = '\0';
	snprintf(path, sizeof(path), "/sys/bus/mdev/drivers/%s/unbind",
		 strrchr(link, '/') + 1);
	ASSERT_EQ(0, sysfs_write(path, MDEV_UUID_A));
	EXPECT_EQ(-ENOENT, sysfs_mode(MDEV_DEVICES "/" MDEV_UUID_A
				      "/migration"));
	EXPECT_EQ(nets, count_entries("/sys/class/net"));
	snprintf(path, sizeof(path), "/sys/bus/mdev/drivers/%s/bind",
		 strrchr(link, '/') + 1);
	EXPECT_EQ(-ENODEV, sysfs_write(path, MDEV_UUID_A));
	EXPECT_EQ(0, mdev_remove(MDEV_UUID_A));
	ASSERT_EQ(0, mdev_create(MDEV_TYPE_V1, MDEV_UUID_A));
	EXPECT_EQ(0, mdev_remove(MDEV_UUID_A));
}

TEST_HARNESS_MAIN
