// SPDX-License-Identifier: GPL-2.0-only
/*
 * User memory whose page faults end when userspace likes (userfaultfd): it may
 * hold up the call that touches it, and nothing else of the device.
 */
#include <pthread.h>

#include "card.h"
#include "slow_page.h"

FIXTURE_VARIANT_ADD(card, iommufd) { .how = VDEV_IOMMUFD };

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

struct call {
	struct vdev *v;
	struct guest_mem *mem;
	struct slow_page page;
	int fd;
	int ret;
};

static void *report(void *arg)
{
	struct call *call = arg;

	call->ret = vdev_log_report(call->v, call->mem->iova, call->mem->size,
				    PAGE, call->page.addr);
	return NULL;
}

static void *read_state(void *arg)
{
	struct call *call = arg;

	call->ret = read(call->fd, call->page.addr, PAGE) < 0 ? -errno : 0;
	return NULL;
}

/* The bitmap of a dirty page report: unmapping and reset go on meanwhile. */
TEST_F(card, slow_bitmap)
{
	struct call call = { .v = &self->v, .mem = &self->mem };
	pthread_t thread;

	REQUIRE_LOGGING();
	if (slow_page_init(&call.page))
		SKIP(return, "this kernel has no userfaultfd");
	card_up(_metadata, self, 0);
	ASSERT_EQ(0, vdev_log_start_one(&self->v, self->mem.iova,
					self->mem.size));
	both_directions(_metadata, self->net, &self->nic, 3);

	ASSERT_EQ(0, pthread_create(&thread, NULL, report, &call));
	ASSERT_TRUE(slow_page_touched(&call.page));
	/* Would wait for the report, and type1 would end with a BUG. */
	EXPECT_EQ(0, vdev_unmap(&self->v, self->mem.iova, self->mem.size));
	EXPECT_EQ(0, vdev_reset(&self->v));
	ASSERT_EQ(0, slow_page_fill(&call.page));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	slow_page_free(&call.page);
	ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
}

/* A buffer of read() on the data FD: the state machine goes on meanwhile. */
TEST_F(card, slow_read)
{
	struct call call = { .v = &self->v };
	pthread_t thread;

	if (slow_page_init(&call.page))
		SKIP(return, "this kernel has no userfaultfd");
	ASSERT_EQ(0, mig_set(&self->v, STOP_COPY, &call.fd));
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_state, &call));
	ASSERT_TRUE(slow_page_touched(&call.page));
	EXPECT_EQ(0, mig_set(&self->v, RUNNING, NULL));
	EXPECT_EQ(0, vdev_reset(&self->v));
	ASSERT_EQ(0, slow_page_fill(&call.page));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	/* What was taken before the session ended may still be given out. */
	EXPECT_TRUE(call.ret == 0 || call.ret == -ENODEV);
	EXPECT_EQ(-1, read(call.fd, call.page.addr, PAGE));
	EXPECT_EQ(ENODEV, errno);
	close(call.fd);
	slow_page_free(&call.page);
}

TEST_HARNESS_MAIN
