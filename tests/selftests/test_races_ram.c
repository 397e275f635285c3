// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdev_pattern, of which everybody wants something at once: what its memory is moves as it
 * was, whoever writes to it and to its attributes meanwhile; and whatever is done to two
 * devices in any order, they can be used afterwards. RACES_SECONDS: how long in all.
 */
#include "pattern.h"
#include "races.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define PARTS		4	/* two tests, two ways */
#define MIBS		"1"
#define ROOM		(256 * KIB)

/**
 * struct helper - a thread
 * @thread: the thread
 * @fn: what it does again and again until it returns other than 0
 * @random: random numbers
 * @v: a device
 * @fd: its data FD
 * @to: the destination's
 * @room: where it reads to
 * @stop: it is to end
 * @ret: how it did
 */
struct helper {
	pthread_t thread;
	int (*fn)(struct helper *h);
	uint64_t random;
	struct vdev *v;
	int fd;
	int to;
	uint8_t *room;
	atomic_bool stop;
	int ret;
};

static uint64_t below(struct helper *h, uint64_t limit)
{
	return rng_next(&h->random) % limit;
}

static void *help(void *arg)
{
	struct helper *h = arg;

	while (!h->ret && !h->stop)
		h->ret = h->fn(h);
	return NULL;
}

static int helper_start(struct helper *h, int (*fn)(struct helper *h), uint64_t seed)
{
	h->fn = fn;
	h->random = seed;
	h->ret = 0;
	h->stop = false;
	return -pthread_create(&h->thread, NULL, help, h);
}

static int helper_end(struct helper *h)
{
	h->stop = true;
	pthread_join(h->thread, NULL);
	return h->ret;
}

/* Of the memory that is read to, some pages are not there. 1 is the end. */
static int pass_on(struct helper *h)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };
	size_t at = below(h, ROOM), len = 1 + below(h, ROOM - at);
	ssize_t n;

	if (below(h, 2))
		madvise(h->room + below(h, ROOM / PAGE) * PAGE, PAGE, MADV_DONTNEED);
	n = read(h->fd, h->room + at, len);
	if (n > 0)
		return write(h->to, h->room + at, n) == n ? 0 : -EIO;
	if (!n)
		return 1;
	if (errno != ENOMSG)
		return -errno;
	poll(&p, 1, 1 + below(h, 5));
	return 0;
}

static const char *any_of(struct helper *h, const char * const *list, unsigned int nr)
{
	return list[below(h, nr)];
}

/* Root, and who asks. */
static int set_and_ask(struct helper *h)
{
	static const char * const rates[] = { "0", "1", "20", "300" };
	static const char * const stalls[] = { "0", "0", "1", "3" };
	struct vfio_precopy_info info;
	int ret;

	switch (below(h, 5)) {
	case 0:
		ret = attr(h->v->uuid, "rate", any_of(h, rates, ARRAY_SIZE(rates)));
		break;
	case 1:
		ret = attr(h->v->uuid, "stall", any_of(h, stalls, ARRAY_SIZE(stalls)));
		break;
	case 2:
		ret = attr(h->v->uuid, "reinit", "1");
		break;
	case 3:
		ret = mig_precopy_info(h->fd, &info);
		/* Where there is no pre-copy any more. */
		if (ret == -EINVAL)
			ret = 0;
		break;
	default:
		ret = mig_data_size(h->v) < 0 ? -EIO : 0;
		sysfs_read_all(MDEV_DEVICES "/" MDEV_UUID_A "/migration", 2);
	}
	usleep(below(h, 4000));
	return ret;
}

/* What the guest writes. */
static int write_pages(struct helper *h)
{
	unsigned int page = below(h, MIB / PAGE);

	usleep(below(h, 1000));
	return memory_fill(h->v, page, 1 + below(h, MIB / PAGE - page) % 20, rng_next(&h->random));
}

static void move_once(struct __test_metadata *_metadata, FIXTURE_DATA(pattern) *self,
		      uint64_t *random, uint8_t *room)
{
	struct helper reader = { .room = room }, setter = { .v = &self->a };
	struct helper writer = { .v = &self->a };
	unsigned int i, n = rng_next(random) % 6;

	ASSERT_EQ(0, vdev_reset(&self->a));
	ASSERT_EQ(0, vdev_reset(&self->b));
	ASSERT_EQ(0, go_to(&self->b, RESUMING, &reader.to));
	ASSERT_EQ(0, helper_start(&writer, write_pages, rng_next(random)));
	ASSERT_EQ(0, go_to(&self->a, n % 2 ? PRE_COPY : PRE_COPY_P2P, &reader.fd));
	setter.fd = reader.fd;
	ASSERT_EQ(0, helper_start(&reader, pass_on, rng_next(random)));
	ASSERT_EQ(0, helper_start(&setter, set_and_ask, rng_next(random)));
	for (i = 0; i < n; i++) {
		usleep(rng_next(random) % 20000);
		ASSERT_EQ(0, mig_set(&self->a, i % 2 ? PRE_COPY : PRE_COPY_P2P, NULL));
	}
	ASSERT_EQ(0, mig_set(&self->a, PRE_COPY_P2P, NULL));
	EXPECT_EQ(0, helper_end(&writer));
	ASSERT_EQ(0, mig_set(&self->a, STOP_COPY, NULL));
	usleep(rng_next(random) % 20000);
	EXPECT_EQ(0, helper_end(&setter));
	ASSERT_EQ(0, attr(MDEV_UUID_A, "stall", "0"));
	pthread_join(reader.thread, NULL);
	EXPECT_EQ(1, reader.ret);
	ASSERT_EQ(0, mig_set(&self->b, STOP, NULL));
	close(reader.fd);
	close(reader.to);
}

TEST_F_TIMEOUT(pattern, moves, RACES_TIMEOUT(PARTS))
{
	int64_t deadline = deadline_ms(races_ms(PARTS));
	uint64_t random = now_ns();
	unsigned int rounds = 0;
	uint8_t *room;

	room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, room);
	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, MIBS, variant->how));
	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, MIBS, variant->how));
	REQUIRE_PRE_COPY(&self->a);
	while (deadline_left(deadline)) {
		move_once(_metadata, self, &random, room);
		/* First what was written, for which the window is written. */
		EXPECT_EQ(reg(&self->a, REG_COUNT), reg(&self->b, REG_COUNT));
		EXPECT_EQ(reg(&self->a, REG_WINDOW), reg(&self->b, REG_WINDOW));
		ASSERT_EQ(0, memory_read(&self->a, &self->memory));
		ASSERT_EQ(0, memory_read(&self->b, &self->other));
		ASSERT_TRUE(buf_equal(&self->memory, &self->other));
		rounds++;
	}
	TH_LOG("%u rounds", rounds);
	munmap(room, ROOM);
}

/* What those who do anything have in common: any of some data FDs, and two devices. */
static struct vdev *devices[2];
static atomic_int data_fds[8];
static struct buf good;
static pthread_rwlock_t open_locks[2] = {
	PTHREAD_RWLOCK_INITIALIZER, PTHREAD_RWLOCK_INITIALIZER
};

static void act_state(struct helper *h)
{
	int fd = -1;

	mig_set(h->v, below(h, NR_STATES), &fd);
	if (fd >= 0)
		fd = atomic_exchange(&data_fds[below(h, ARRAY_SIZE(data_fds))], fd);
	if (fd >= 0)
		close(fd);
}

static void act_transfer(struct helper *h)
{
	size_t at = below(h, 3) ? 0 : below(h, good.len);
	uint8_t room[5000];

	if (read(h->fd, room, 1 + below(h, sizeof(room))) < 0 &&
	    write(h->fd, good.data + at, 1 + below(h, good.len - at)) < 0)
		usleep(below(h, 100));
}

static void act_attr(struct helper *h)
{
	static const char * const values[][2] = {
		{ "rate", "0" }, { "rate", "100" }, { "stall", "0" }, { "stall", "2" },
		{ "spoil", "1" }, { "spoil", "0" }, { "reinit", "1" }, { "step", "none" },
		{ "step", "pre_copy_p2p stop_copy 1 5" }, { "step", "resuming stop 1 5" },
		{ "step", "running running_p2p 0 12" }, { "migration/params/memory-mib", "2" },
		{ "migration/params/memory-mib", MIBS },
	};
	unsigned int i = below(h, ARRAY_SIZE(values));

	attr(h->v->uuid, values[i][0], values[i][1]);
}

static void act_memory(struct helper *h)
{
	uint8_t page[PAGE] = { 1 };

	if (below(h, 2))
		memory_io(h->v, below(h, MIB / PAGE) * PAGE, page, sizeof(page), below(h, 2));
	else if (!below(h, 4))
		vdev_reset(h->v);
}

static void act_poll(struct helper *h)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN | POLLOUT };
	struct vfio_precopy_info info;

	if (poll(&p, 1, below(h, 3)) >= 0)
		mig_precopy_info(h->fd, &info);
}

static int act(struct helper *h)
{
	static void (*const acts[])(struct helper *h) = {
		act_state, act_state, act_transfer, act_transfer, act_attr, act_memory, act_poll,
	};
	enum vdev_how how = below(h, 2) ? VDEV_GROUP : any_way();
	unsigned int d = below(h, 2);

	h->v = devices[d];
	h->fd = data_fds[below(h, ARRAY_SIZE(data_fds))];
	pthread_rwlock_rdlock(&open_locks[d]);
	acts[below(h, ARRAY_SIZE(acts))](h);
	pthread_rwlock_unlock(&open_locks[d]);
	if (below(h, 500))
		return 0;
	pthread_rwlock_wrlock(&open_locks[d]);
	vdev_close(h->v);
	vdev_open(h->v, d ? MDEV_UUID_B : MDEV_UUID_A, how);
	pthread_rwlock_unlock(&open_locks[d]);
	return 0;
}

/* As it was made. */
static int made_anew(struct vdev *v, const char *uuid, enum vdev_how how)
{
	vdev_close(v);
	return pattern_open(v, uuid, MIBS, how);
}

TEST_F_TIMEOUT(pattern, anything, RACES_TIMEOUT(PARTS))
{
	struct helper helpers[6] = {};
	unsigned int i;

	devices[0] = &self->a;
	devices[1] = &self->b;
	for (i = 0; i < ARRAY_SIZE(data_fds); i++)
		data_fds[i] = -1;
	ASSERT_EQ(0, pattern_open(&self->a, MDEV_UUID_A, MIBS, variant->how));
	ASSERT_EQ(0, pattern_open(&self->b, MDEV_UUID_B, MIBS, variant->how));
	ASSERT_EQ(0, memory_fill(&self->a, 20, 50, 1));
	ASSERT_EQ(0, memory_read(&self->a, &self->memory));
	ASSERT_EQ(0, mig_save(&self->a, &good));
	for (i = 0; i < ARRAY_SIZE(helpers); i++)
		ASSERT_EQ(0, helper_start(&helpers[i], act, now_ns() + i));
	usleep(races_ms(PARTS) * 1000);
	for (i = 0; i < ARRAY_SIZE(helpers); i++)
		EXPECT_EQ(0, helper_end(&helpers[i]));
	for (i = 0; i < ARRAY_SIZE(data_fds); i++) {
		if (data_fds[i] >= 0)
			close(data_fds[i]);
	}
	ASSERT_EQ(0, made_anew(&self->a, MDEV_UUID_A, variant->how));
	ASSERT_EQ(0, made_anew(&self->b, MDEV_UUID_B, variant->how));
	ASSERT_EQ(0, mig_load(&self->b, good.data, good.len, 0));
	ASSERT_EQ(0, memory_read(&self->b, &self->other));
	EXPECT_TRUE(buf_equal(&self->memory, &self->other));
	buf_free(&good);
}

TEST_HARNESS_MAIN
