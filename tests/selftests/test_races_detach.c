// SPDX-License-Identifier: GPL-2.0-only
/*
 * Three devices in one iommufd. A leaves the address space that it shares with
 * B, while B's access to the same memory waits for userspace (userfaultfd), and
 * with it whoever lets go of pages of that memory. Whatever A does late must not
 * meet pages that C has pinned in the address space where A is now.
 *
 *	address space 1: A, B	REGION	memory X, then a page that comes late
 *	address space 2: C	REGION	memory Y
 */
#include <sys/mman.h>

#include "races.h"
#include "slowmem.h"

/* Pages of memory X and Y; of a packet. */
#define PAGES		2048UL
#define PACKET_PAGES	64
/* Of memory Y, C uses the end: that is what A lets go of last. */
#define PAGES_C		512UL
#define REGION		0x10000000UL
/* Where the devices have their rings. */
#define RINGS_A		0x1000000UL
#define RINGS_B		0x2000000UL
#define RINGS_C		0x3000000UL
/* For how long B waits at least: the driver's patience was a second. */
#define HELD_MS		1500
#define SECRET		0x5a
#define FILLING		0xa5
#define PARTS		2

/**
 * struct trio - three devices
 * @a: the one that leaves
 * @b: the one that holds it up
 * @c: the one that is not concerned
 * @load_a: its guest, likewise the others
 * @x: memory of address space 1
 * @y: memory of address space 2
 * @late: the last page of @x, for B
 * @slow: likewise
 * @other: address space 2
 * @to: where A goes, or 0
 * @net: socket on C's interface
 * @ret: what A was told
 */
struct trio {
	struct vdev a;
	struct vdev b;
	struct vdev c;
	struct vload load_a;
	struct vload load_b;
	struct vload load_c;
	struct guest_mem x;
	struct guest_mem y;
	struct guest_mem late;
	struct slow_uffd slow;
	uint32_t other;
	uint32_t to;
	int net;
	int ret;
};

static int open_devices(struct trio *t)
{
	int ret = vdev_open(&t->a, MDEV_UUID_A, VDEV_IOMMUFD);

	if (!ret)
		ret = vdev_join(&t->b, MDEV_UUID_B, &t->a);
	if (!ret)
		ret = vdev_join(&t->c, MDEV_UUID_C, &t->a);
	if (!ret)
		ret = vdev_ioas(&t->c, &t->other);
	return ret ? ret : vdev_attach(&t->c, t->other);
}

static int make_memory(struct trio *t)
{
	int ret = guest_mem_init(&t->x, REGION, (PAGES + 1) * VLOAD_PAGE);

	if (!ret)
		ret = guest_mem_init(&t->y, REGION, PAGES * VLOAD_PAGE);
	if (ret)
		return ret;
	memset(t->x.va, FILLING, PAGES * VLOAD_PAGE);
	memset(t->y.va, SECRET, t->y.size);
	ret = slow_uffd_init(&t->slow, t->x.va + PAGES * VLOAD_PAGE,
			     VLOAD_PAGE);
	if (ret)
		return ret;
	t->late = (struct guest_mem){
		.va = t->slow.va,
		.iova = t->x.iova + PAGES * VLOAD_PAGE,
		.size = VLOAD_PAGE,
	};
	ret = vdev_map(&t->a, &t->x);
	return ret ? ret : vdev_map(&t->c, &t->y);
}

/* All of @l's pages are pinned by its device once as many packets are out. */
static int touch_all(struct vload *l)
{
	size_t packets = l->region.size / VLOAD_PAGE / PACKET_PAGES;
	bool done;
	int ret = vload_up(l);

	if (!ret)
		ret = vload_start(l);
	if (ret)
		return ret;
	done = vload_wait(l, packets + VLOAD_RING, RACES_WAIT_MS);
	vload_stop(l);
	return done ? 0 : -ETIMEDOUT;
}

static int make_guests(struct trio *t)
{
	struct guest_mem x = t->x, y = t->y;
	int ret;

	x.size = PAGES * VLOAD_PAGE;
	y.va += (PAGES - PAGES_C) * VLOAD_PAGE;
	y.iova += (PAGES - PAGES_C) * VLOAD_PAGE;
	y.size = PAGES_C * VLOAD_PAGE;
	ret = vload_init_in(&t->load_a, &t->a, 1, PACKET_PAGES, &x,
			    RINGS_A);
	if (!ret)
		ret = vload_init_in(&t->load_b, &t->b, 1, 1, &t->late,
				    RINGS_B);
	if (!ret)
		ret = vload_init_in(&t->load_c, &t->c, 1, PACKET_PAGES, &y,
				    RINGS_C);
	t->load_c.receive = true;
	if (!ret)
		ret = touch_all(&t->load_a);
	if (!ret)
		ret = touch_all(&t->load_c);
	return ret ? ret : vload_up(&t->load_b);
}

static void *b_waits(void *arg)
{
	struct trio *t = arg;

	vload_kick(&t->load_b);
	return NULL;
}

static void *a_leaves(void *arg)
{
	struct trio *t = arg;

	t->ret = t->to ? vdev_attach(&t->a, t->to) : vdev_detach(&t->a);
	return NULL;
}

static int leave_held_up(struct trio *t)
{
	pthread_t a, b;

	pthread_create(&b, NULL, b_waits, t);
	if (!slow_uffd_touched(&t->slow, RACES_WAIT_MS))
		return races_failed("B does not fault on its page");
	pthread_create(&a, NULL, a_leaves, t);
	usleep(HELD_MS * 1000);
	slow_uffd_fill(&t->slow);
	pthread_join(b, NULL);
	pthread_join(a, NULL);
	if (t->ret)
		return races_failed("A cannot leave: %s", strerror(-t->ret));
	return 0;
}

static void drain(int net)
{
	uint8_t frame[65536];

	while (netif_recv(net, frame, sizeof(frame), QUIET_MS) > 0)
		;
}

/*
 * Memory Y is unmapped: C has nothing of it any more, neither to read nor to
 * write. If its pins are gone it has not been asked to let go.
 */
static int c_has_let_go(struct trio *t)
{
	static const uint8_t broadcast[ETH_ALEN] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};
	uint8_t frame[65536];
	size_t i;
	int ret;

	drain(t->net);
	ret = vdev_unmap(&t->c, t->y.iova, t->y.size);
	if (ret)
		return races_failed("unmapping: %s", strerror(-ret));
	memset(t->y.va, FILLING, t->y.size);
	frame_make(frame, 1000, broadcast, 1);
	for (i = 0; i < VLOAD_RING; i++)
		netif_send(t->net, frame, 1000);
	vload_kick(&t->load_c);
	usleep(QUIET_MS * 1000);
	for (i = 0; i < t->y.size; i++) {
		if (t->y.va[i] != FILLING)
			return races_failed("C wrote to memory that is not its any more, at 0x%zx",
					    i);
	}
	if (netif_recv(t->net, frame, sizeof(frame), QUIET_MS) > 0)
		return races_failed("C sent what it has not any more");
	return 0;
}

static int go_on(struct trio *t)
{
	int ret = leave_held_up(t);

	if (ret)
		return ret;
	/* Ends when A does nothing more. */
	vdev_close(&t->a);
	return c_has_let_go(t);
}

static void end(struct trio *t)
{
	vload_free(&t->load_a);
	vload_free(&t->load_b);
	vload_free(&t->load_c);
	vdev_close(&t->c);
	vdev_close(&t->b);
	vdev_close(&t->a);
	slow_uffd_free(&t->slow);
	guest_mem_free(&t->x);
	guest_mem_free(&t->y);
}

static int one_round(bool replace, int net)
{
	struct trio t = { .net = net, .slow.fd = -1 };
	int ret = open_devices(&t);

	if (!ret)
		ret = make_memory(&t);
	if (!ret)
		ret = make_guests(&t);
	if (ret) {
		ret = races_failed("setup: %s", strerror(-ret));
	} else {
		t.to = replace ? t.other : 0;
		ret = go_on(&t);
	}
	end(&t);
	return ret;
}

FIXTURE(trio) {
	struct races_log log;
	int net;
};

FIXTURE_VARIANT(trio) {
	bool replace;
};

FIXTURE_VARIANT_ADD(trio, detach) { .replace = false };

FIXTURE_VARIANT_ADD(trio, replace) { .replace = true };

/**
 * struct leaving - what the process does
 * @replace: A goes to C's address space
 * @net: socket on C's interface
 * @ms: for how long
 */
struct leaving {
	bool replace;
	int net;
	int ms;
};

static int leaving(void *arg)
{
	struct leaving *l = arg;
	int64_t deadline = deadline_ms(l->ms);
	unsigned int rounds = 0;
	int ret;

	do {
		ret = one_round(l->replace, l->net);
		rounds++;
	} while (!ret && deadline_left(deadline));
	printf("# %u rounds\n", rounds);
	fflush(stdout);
	return ret;
}

static bool has_userfaultfd(void)
{
	struct slow_uffd s = { .fd = -1 };
	void *va = mmap(NULL, VLOAD_PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool has = !slow_uffd_init(&s, va, VLOAD_PAGE);

	slow_uffd_free(&s);
	munmap(va, VLOAD_PAGE);
	return has;
}

FIXTURE_SETUP(trio)
{
	self->net = -1;
	self->log.fd = -1;
	REQUIRE_WAY(VDEV_IOMMUFD);
	if (!has_userfaultfd())
		SKIP(return, "this kernel has no userfaultfd");
	ASSERT_EQ(0, mdev_create(RACES_TYPE, MDEV_UUID_A));
	ASSERT_EQ(0, mdev_create(RACES_TYPE, MDEV_UUID_B));
	ASSERT_EQ(0, mdev_create(RACES_TYPE, MDEV_UUID_C));
	self->net = netif_open(MDEV_UUID_C);
	ASSERT_LE(0, self->net);
	ASSERT_EQ(0, races_log_begin(&self->log));
}

FIXTURE_TEARDOWN(trio)
{
	races_log_end(&self->log);
	if (self->net >= 0)
		close(self->net);
	mdev_remove(MDEV_UUID_A);
	mdev_remove(MDEV_UUID_B);
	mdev_remove(MDEV_UUID_C);
}

TEST_F_TIMEOUT(trio, leave, RACES_TIMEOUT(PARTS))
{
	struct leaving l = {
		.replace = variant->replace,
		.net = self->net,
		.ms = races_ms(PARTS),
	};

	EXPECT_EQ(0, races_run(leaving, &l, l.ms));
	EXPECT_FALSE(races_log_warned(&self->log));
}

TEST_HARNESS_MAIN
