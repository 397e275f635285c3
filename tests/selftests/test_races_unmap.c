// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory is mapped and unmapped as fast as it goes while the card uses it on
 * several queues: by then unmapping has an end, nothing is written to memory
 * that was unmapped, and the card works as soon as the memory is there again.
 *
 * Type1 asks the device ten times to let go of a range, then it is a BUG. Whoever
 * pins pages of a range that is leaving loses that race on several processors; so may
 * two threads that unmap, since type1 takes its locks in either order.
 */
#include "races.h"

/* Pages of the region; of a packet. */
#define REGION_PAGES	2048
#define PACKET_PAGES	64
#define FILLING		0xa5
/* Type1 may be in its own way, but not for as long as this. */
#define SLOWEST_MS	20000
/* Variants of the test below, for each way that there is. */
#define PARTS		(9 * (way_available(VDEV_IOMMUFD) + \
			      way_available(VDEV_GROUP)))

FIXTURE(races) {
	struct vdev v;
	int net;
};

/**
 * struct race - what is tried
 * @how: way to VFIO
 * @pairs: queue pairs
 * @nobody: by a process without rights
 * @rings: the rings' memory comes and goes, too
 * @restart: queues are reset and enabled meanwhile
 * @receive: the card receives, too
 * @two: another thread unmaps as well, the rings
 */
struct race {
	enum vdev_how how;
	unsigned int pairs;
	bool nobody;
	bool rings;
	bool restart;
	bool receive;
	bool two;
};

FIXTURE_VARIANT(races) {
	struct race race;
};

#define RACE(name, ...)							\
	FIXTURE_VARIANT_ADD(races, iommufd_##name) {			\
		.race = { .how = VDEV_IOMMUFD, __VA_ARGS__ },		\
	};								\
	FIXTURE_VARIANT_ADD(races, group_##name) {			\
		.race = { .how = VDEV_GROUP, __VA_ARGS__ },		\
	}

RACE(one_pair, .pairs = 1);
RACE(four_pairs, .pairs = 4);
RACE(four_pairs_nobody, .pairs = 4, .nobody = true);
RACE(rings, .pairs = 4, .rings = true);
RACE(restart, .pairs = 4, .restart = true);
RACE(rings_restart, .pairs = 4, .rings = true, .restart = true);
RACE(receive, .pairs = 4, .receive = true);
RACE(two_unmappers, .pairs = 4, .two = true);
RACE(eight_pairs, .pairs = 8, .rings = true, .restart = true, .receive = true);

/**
 * struct racing - a race that runs
 * @race: which
 * @load: the guest
 * @net: socket on the card's interface
 * @rng: where the next random number comes from
 * @stop: the threads end
 * @unmaps: how often the region was unmapped
 * @slowest: how long that took at most, in ns
 * @slowest_rings: likewise of the rings, by another thread
 * @failed: what that thread failed with
 */
struct racing {
	const struct race *race;
	struct vload load;
	int net;
	uint64_t rng;
	bool stop;
	uint64_t unmaps;
	uint64_t slowest;
	uint64_t slowest_rings;
	int failed;
};

static bool stopped(struct racing *r)
{
	return __atomic_load_n(&r->stop, __ATOMIC_RELAXED);
}

/* The guest resets its queues, one after the other. */
static void *restart_thread(void *arg)
{
	struct racing *r = arg;
	unsigned int i;

	for (i = 0; !stopped(r); i++) {
		vload_restart(&r->load, i % r->load.pairs);
		usleep(500);
	}
	return NULL;
}

/* The host sends to the card. */
static void *send_thread(void *arg)
{
	static const uint8_t broadcast[ETH_ALEN] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};
	struct racing *r = arg;
	uint8_t frame[1000];

	frame_make(frame, sizeof(frame), broadcast, 1);
	while (!stopped(r)) {
		if (netif_send(r->net, frame, sizeof(frame)))
			usleep(100);
	}
	return NULL;
}

static int map_all(struct racing *r)
{
	struct vload *l = &r->load;
	int ret = 0;

	if (r->race->rings)
		ret = vdev_map(l->v, &l->mem);
	return ret ? ret : vdev_map(l->v, &l->region);
}

static int unmap_timed(struct racing *r, const struct guest_mem *mem,
		       uint64_t *slowest)
{
	uint64_t start = now_ns(), ns;
	int ret = vdev_unmap(r->load.v, mem->iova, mem->size);

	ns = now_ns() - start;
	if (ns > *slowest)
		*slowest = ns;
	return ret;
}

static int unmap_all(struct racing *r)
{
	struct vload *l = &r->load;
	int ret = unmap_timed(r, &l->region, &r->slowest);

	r->unmaps++;
	if (ret || !r->race->rings)
		return ret;
	return unmap_timed(r, &l->mem, &r->slowest);
}

/* Type1 has its locks in the other order when a second thread is at it. */
static void *unmap_thread(void *arg)
{
	struct racing *r = arg;
	struct guest_mem *mem = &r->load.mem;

	while (!r->failed && !stopped(r)) {
		r->failed = unmap_timed(r, mem, &r->slowest_rings);
		if (!r->failed)
			r->failed = vdev_map(r->load.v, mem);
		usleep(2000);
	}
	return NULL;
}

/* Nobody but this process writes to what was unmapped. */
static int still_mine(struct racing *r)
{
	struct guest_mem *region = &r->load.region;
	size_t len = r->load.pairs * VLOAD_RING * VLOAD_PAGE, i;

	memset(region->va, FILLING, len);
	usleep(rng_next(&r->rng) % 500);
	for (i = 0; i < len; i++) {
		if (region->va[i] != FILLING)
			return races_failed("byte 0x%zx changed after unmapping %llu",
					    i, (unsigned long long)r->unmaps);
	}
	return 0;
}

static int one_round(struct racing *r)
{
	struct vload *l = &r->load;
	int ret;

	ret = map_all(r);
	if (ret)
		return races_failed("mapping: %s", strerror(-ret));
	ret = vload_revive(l);
	if (ret)
		return races_failed("reset: %s", strerror(-ret));
	vload_wait(l, rng_next(&r->rng) % 64, 20);
	ret = unmap_all(r);
	if (ret)
		return races_failed("unmapping: %s", strerror(-ret));
	return r->race->receive ? still_mine(r) : 0;
}

/* Once there is memory again, the card transmits. */
static int works_again(struct racing *r)
{
	int ret = map_all(r);

	if (!ret)
		ret = vload_goes_on(&r->load, 100, RACES_WAIT_MS);
	return ret ? races_failed("the card does not transmit any more: %s",
				  strerror(-ret)) : 0;
}

static int race_for(struct racing *r, int ms)
{
	int64_t deadline = deadline_ms(ms);
	pthread_t restart, send, unmap;
	int ret;

	if (r->race->restart)
		pthread_create(&restart, NULL, restart_thread, r);
	if (r->race->receive)
		pthread_create(&send, NULL, send_thread, r);
	if (r->race->two)
		pthread_create(&unmap, NULL, unmap_thread, r);
	do {
		ret = one_round(r);
	} while (!ret && deadline_left(deadline));
	__atomic_store_n(&r->stop, true, __ATOMIC_RELAXED);
	if (r->race->restart)
		pthread_join(restart, NULL);
	if (r->race->receive)
		pthread_join(send, NULL);
	if (r->race->two)
		pthread_join(unmap, NULL);
	if (!ret && r->failed)
		ret = races_failed("the other thread: %s",
				   strerror(-r->failed));
	return ret ? ret : works_again(r);
}

/* Of this process, in KiB. */
static long locked_kib(void)
{
	char line[128];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && kib < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "VmLck: %ld", &kib);
	if (f)
		fclose(f);
	return kib;
}

/* Whatever was interrupted, type1 has kept count, and nobody was held up for long. */
static int is_settled(struct racing *r)
{
	struct vload *l = &r->load;
	uint64_t slowest = r->slowest > r->slowest_rings ? r->slowest :
							   r->slowest_rings;
	int ret;

	if (slowest > SLOWEST_MS * 1000000ULL)
		return races_failed("unmapping took %llu ms",
				    (unsigned long long)slowest / 1000000);
	if (r->race->how != VDEV_GROUP)
		return 0;
	ret = vdev_unmap(l->v, l->region.iova, l->region.size);
	if (!ret)
		ret = vdev_unmap(l->v, l->mem.iova, l->mem.size);
	if (ret)
		return races_failed("unmapping: %s", strerror(-ret));
	return locked_kib() ? races_failed("%ld KiB count as locked",
					   locked_kib()) : 0;
}

static int race(void *arg)
{
	struct racing *r = arg;
	struct vload *l = &r->load;
	struct vdev *v = l->v;
	int ret = r->race->nobody ? races_nobody() : 0;

	if (!ret)
		ret = vload_init(l, v, r->race->pairs, PACKET_PAGES,
				 REGION_PAGES);
	l->receive = r->race->receive;
	if (!ret)
		ret = vload_up(l);
	if (!ret && r->race->rings)
		ret = vdev_unmap(v, l->mem.iova, l->mem.size);
	if (!ret)
		ret = vload_start(l);
	if (ret)
		return races_failed("the card does not come up: %s",
				    strerror(-ret));
	ret = race_for(r, races_ms(PARTS));
	vload_stop(l);
	printf("# %llu unmappings, the slowest %llu us; %llu packets, %llu resets\n",
	       (unsigned long long)r->unmaps,
	       (unsigned long long)r->slowest / 1000,
	       (unsigned long long)vload_sent(l),
	       (unsigned long long)l->resets);
	fflush(stdout);
	return ret ? ret : is_settled(r);
}

FIXTURE_SETUP(races)
{
	self->net = -1;
	REQUIRE_WAY(variant->race.how);
	ASSERT_EQ(0, mdev_create(RACES_TYPE, MDEV_UUID_A));
	if (variant->race.pairs > 4)
		ASSERT_EQ(0, mdev_write(MDEV_UUID_A,
					"migration/params/queue-pairs", "8"));
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->race.how));
	self->net = netif_open(MDEV_UUID_A);
	ASSERT_LE(0, self->net);
}

FIXTURE_TEARDOWN(races)
{
	if (self->net >= 0)
		close(self->net);
	close_remove(&self->v);
}

TEST_F_TIMEOUT(races, unmap, RACES_TIMEOUT(PARTS))
{
	struct racing racing = {
		.race = &variant->race,
		.load.v = &self->v,
		.net = self->net,
		.rng = 1,
	};

	EXPECT_EQ(0, races_run(race, &racing, races_ms(PARTS)));
}

TEST_HARNESS_MAIN
