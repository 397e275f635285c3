// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation in creating, opening, saving, loading and starting a device
 * fails in turn: an errno comes, and the next attempt works. That nothing leaks
 * is for kmemleak to say.
 */
#include "card.h"
#include "faults.h"

FIXTURE_VARIANT_ADD(card, iommufd) { .how = VDEV_IOMMUFD };

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

static int create(void)
{
	return sysfs_write(MDEV_TYPES "/" MDEV_TYPE_V1 "/create", MDEV_UUID_A);
}

/* A device for each allocation that can fail takes its time. */
FIXTURE(nothing) {
};

FIXTURE_SETUP(nothing)
{
}

FIXTURE_TEARDOWN(nothing)
{
}

TEST_F_TIMEOUT(nothing, fail_create, 120)
{
	int available = mdev_available(MDEV_TYPE_V1);

	REQUIRE_FAIL_NTH();
	if (mdev_exists(MDEV_UUID_A)) {
		mdev_remove(MDEV_UUID_A);
	}
	FAIL_EACH(every(3), create(),
		  EXPECT_EQ(0, mdev_remove(MDEV_UUID_A)));
	/*
	 * The mdev core of Linux up to 7.2 at least loses an instance when it
	 * cannot allocate the device.
	 */
	EXPECT_GE(available, mdev_available(MDEV_TYPE_V1));
	EXPECT_LE(available - 2, mdev_available(MDEV_TYPE_V1));
	EXPECT_FALSE(mdev_exists(MDEV_UUID_A));
}

TEST_F(card, fail_open)
{
	REQUIRE_FAIL_NTH();
	vdev_close(&self->v);
	FAIL_EACH(1, vdev_open(&self->v, MDEV_UUID_A, variant->how),
		  vdev_close(&self->v));
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
	ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 3);
}

/* A save that failed leaves the card in STOP or in STOP_COPY. */
static int save_again(struct vdev *v, struct buf *stream)
{
	int ret = mig_set(v, STOP, NULL);

	return ret ? ret : mig_save(v, stream);
}

TEST_F(card, fail_save)
{
	struct buf good = { 0 }, stream = { 0 };

	REQUIRE_FAIL_NTH();
	card_up(_metadata, self, 0);
	ASSERT_EQ(0, save_again(&self->v, &good));
	ASSERT_EQ(0, buf_reserve(&stream, 1 << 20));
	FAIL_EACH(1, save_again(&self->v, &stream),
		  EXPECT_TRUE(buf_equal(&good, &stream)));
	ASSERT_EQ(0, mig_set(&self->v, RUNNING, NULL));
	both_directions(_metadata, self->net, &self->nic, 3);
	buf_free(&good);
	buf_free(&stream);
}

/* Memory that is short for a moment does not take the guest's card away. */
TEST_F(card, fail_start)
{
	int nth, ret;
	bool over = false;

	REQUIRE_FAIL_NTH();
	card_up(_metadata, self, 0);
	for (nth = 1; !over; nth++) {
		ASSERT_GT(500, nth);
		ASSERT_EQ(0, mig_set(&self->v, STOP, NULL));
		ASSERT_EQ(0, fail_nth(nth));
		ret = mig_set(&self->v, RUNNING, NULL);
		over = fail_done();
		if (ret) {
			ASSERT_EQ(0, mig_set(&self->v, RUNNING, NULL));
		}
		ASSERT_EQ(0, vpci_status(&self->nic.pci) &
			  VIRTIO_CONFIG_S_NEEDS_RESET) {
			TH_LOG("allocation %d", nth);
		}
		both_directions(_metadata, self->net, &self->nic, 1);
	}
}

TEST_F(card, fail_load)
{
	struct buf stream = { 0 };

	REQUIRE_FAIL_NTH();
	card_up(_metadata, self, 0);
	ASSERT_EQ(0, mig_save(&self->v, &stream));
	ASSERT_EQ(0, vdev_reset(&self->v));
	FAIL_EACH(1, (vdev_reset(&self->v),
		   mig_load(&self->v, stream.data, stream.len, 0)),
		  vdev_reset(&self->v));
	ASSERT_EQ(0, vdev_reset(&self->v));
	ASSERT_EQ(0, mig_load(&self->v, stream.data, stream.len, 0));
	ASSERT_EQ(0, mig_set(&self->v, RUNNING, NULL));
	both_directions(_metadata, self->net, &self->nic, 3);
	buf_free(&stream);
}

/* The driver's start: rings are mapped, interrupts are routed. */
TEST_F(card, fail_up)
{
	REQUIRE_FAIL_NTH();
	FAIL_EACH(1, (vdev_reset(&self->v), vnic_down(&self->nic),
		   self->mem.used = 0,
		   vnic_up(&self->nic, &self->v, &self->mem, RING, 0)),
		  vnic_down(&self->nic));
	ASSERT_EQ(0, vdev_reset(&self->v));
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 3);
}

TEST_HARNESS_MAIN
