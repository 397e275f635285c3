// SPDX-License-Identifier: GPL-2.0-only
/*
 * One card, used by many processes at once, in every way that its user and the host's
 * administrator have (racers.c). A round takes some seconds; then all of them end by
 * themselves or are killed, and the card, once it is reset, passes packets in both
 * directions. In some rounds it is removed while it is used: that waits until it is
 * closed, and then the next one of its name can be created. In each round some of them
 * are slow and some are absent, so that the others get further.
 *
 * RACES_SECONDS: how long in all. RACES_STEPS: how many steps in all, which may take
 * longer, by two minutes at most. FUZZ_SEED: where the random numbers begin; each round
 * says with which it comes first.
 */
#include <linux/pci_regs.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "races.h"
#include "racers.h"
#include "netif_ethtool.h"

#define ROUND_MS	3000
#define STEPS		100000
/* For those of one way to VFIO, once its time is over. */
#define MORE_MS		60000
#define MAX_RACERS	32
#define CHECK_RING	32
#define CHECK_FRAME	200
/* How much slower a racer is in some rounds. */
#define SLOW		20
/* To see whether it stands still. */
#define CHECK_CHAINS	100
#define CHECK_MS	20
/* For one frame of those that are sent to see whether the card works. */
#define FRAME_MS	500
#define PARTS		(way_available(VDEV_IOMMUFD) + \
			 way_available(VDEV_GROUP))

/**
 * struct sums - what came of all rounds, which all processes add to
 * @rounds: how many
 * @steps: by kind of racer
 * @to_guest: packets that the card received
 * @to_host: packets that it sent
 */
struct sums {
	unsigned int rounds;
	uint64_t steps[MAX_RACERS];
	uint64_t to_guest;
	uint64_t to_host;
};

/**
 * struct round - some seconds
 * @r: the card
 * @sums: with those of the rounds before
 * @nic: it again, when it is to work
 * @kill: nobody ends by himself
 * @ms: how long
 * @pids: of the racers, by kind
 * @remover: removes the card meanwhile, or 0
 */
struct round {
	struct racer r;
	struct sums *sums;
	struct vnic nic;
	bool kill;
	int ms;
	pid_t pids[MAX_RACERS];
	pid_t remover;
};

static uint64_t first_seed(void)
{
	const char *text = getenv("FUZZ_SEED");
	uint64_t seed = text && *text ? strtoull(text, NULL, 0) : now_ns();

	return seed ? seed : 1;
}

/* For who reads the kernel's log, too. */
static void announce(uint64_t seed, const struct round *round)
{
	unsigned int number = round->sums->rounds;

	printf("# round %u: FUZZ_SEED=0x%llx%s%s%s\n", number,
	       (unsigned long long)seed, round->kill ? ", killed" : "",
	       round->remover ? ", removed" : "",
	       round->r.wild ? ", wild" : "");
	fflush(stdout);
	log_line("races_device: round %u, FUZZ_SEED=0x%llx\n", number,
		 (unsigned long long)seed);
}

static int map_anew(struct fuzz *f)
{
	unsigned int i;

	for (i = 0; i < FUZZ_PIECES; i++) {
		f->mapped[i] = true;
		fuzz_map_piece(f, i, false);
		f->mapped[i] = false;
	}
	return fuzz_map_all(f);
}

/* A second address space with the same memory. */
static int more_memory(struct racer *r)
{
	struct fuzz *f = &r->f;
	int ret;

	r->ioas[0] = f->p.a.ioas;
	if (f->p.a.how != VDEV_IOMMUFD)
		return 0;
	ret = vdev_ioas(&f->p.a, &r->ioas[1]);
	if (ret)
		return ret;
	f->p.a.ioas = r->ioas[1];
	ret = map_anew(f);
	f->p.a.ioas = r->ioas[0];
	return ret;
}

/* What the host receives from the card, any processor goes on with. */
static void steer_by_processor(void)
{
	char name[IFNAMSIZ + 1], path[128];
	unsigned int i;

	if (mdev_read(MDEV_UUID_A, "netdev", name, sizeof(name)) < 0)
		return;
	for (i = 0; i < FUZZ_PAIRS; i++) {
		snprintf(path, sizeof(path),
			 "/sys/class/net/%s/queues/rx-%u/rps_cpus", name, i);
		sysfs_write(path, "f");
	}
}

static int begin(struct round *round, enum vdev_how how)
{
	struct racer *r = &round->r;
	int ret = fuzz_open(&r->f, RACERS_TYPE, how);

	if (!ret)
		ret = more_memory(r);
	if (!ret)
		ret = fuzz_make_rings(&r->f);
	if (ret)
		return ret;
	steer_by_processor();
	fuzz_up(&r->f);
	vnic_mac(&(struct vnic){ .pci = r->f.pci }, r->f.mac);
	return 0;
}

/* Of a name that may live on for a while, where objects are released late. */
static int begin_when_free(struct round *round, enum vdev_how how)
{
	int64_t deadline = deadline_ms(RACES_WAIT_MS);
	const struct racer empty = round->r;
	int ret;

	do {
		round->r = empty;
		ret = begin(round, how);
		if (!ret)
			return 0;
		fuzz_close(&round->r.f);
		usleep(10000);
	} while (ret == -EEXIST && deadline_left(deadline));
	return ret;
}

/* Never returns. */
static void race(struct round *round, unsigned int kind, uint64_t seed,
		 unsigned int slow)
{
	const struct racer_kind *k = &racer_kinds[kind];
	struct racer *r = &round->r;
	int64_t deadline = deadline_ms(round->ms +
				       (round->kill ? RACES_END_MS : 0));

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	r->f.rng = seed;
	do {
		k->step(r);
		__atomic_add_fetch(&round->sums->steps[kind], 1,
				   __ATOMIC_RELAXED);
		if (k->pause_us)
			usleep(slow * fuzz_below(&r->f, k->pause_us));
	} while (!r->failure && deadline_left(deadline));
	if (r->failure)
		races_failed("%s: %s", k->name, r->failure);
	_exit(!!r->failure);
}

static int start(struct round *round)
{
	static const uint8_t often[] = { 1, 1, SLOW, SLOW, 0, 0 };
	struct fuzz *f = &round->r.f;
	unsigned int i;

	for (i = 0; i < nr_racer_kinds; i++) {
		uint64_t seed = rng_next(&f->rng) | 1;
		unsigned int slow = often[fuzz_below(f, ARRAY_SIZE(often))];

		if (racer_kinds[i].always)
			slow = 1;
		if (!slow || (racer_kinds[i].iommufd &&
			      f->p.a.how != VDEV_IOMMUFD))
			continue;
		round->pids[i] = fork();
		if (round->pids[i] < 0)
			return -errno;
		if (!round->pids[i])
			race(round, i, seed, slow);
	}
	return 0;
}

/* It may be that all is over and the card gone when this begins. */
static void remove_it(struct round *round)
{
	unsigned int us = fuzz_below(&round->r.f, round->ms * 1000);

	round->remover = fork();
	if (round->remover)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It would wait for itself. */
	close_range(3, ~0U, 0);
	usleep(us);
	mdev_remove(MDEV_UUID_A);
	_exit(0);
}

static int wait_end(const char *name, pid_t pid, bool killed)
{
	int status;

	if (races_wait(pid, RACES_END_MS, &status))
		return races_failed("%s: does not end", name);
	if (killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return 0;
	return status ? races_failed("%s: ended with status 0x%x", name,
				     status) : 0;
}

static int end_all(struct round *round)
{
	unsigned int i;
	int ret = 0;

	usleep(round->ms * 1000);
	for (i = 0; round->kill && i < nr_racer_kinds; i++) {
		if (round->pids[i] > 0)
			kill(round->pids[i], SIGKILL);
	}
	for (i = 0; i < nr_racer_kinds; i++) {
		if (round->pids[i] > 0)
			ret |= wait_end(racer_kinds[i].name,
					round->pids[i], round->kill);
	}
	return ret;
}

/* Nobody else uses it any more: a driver that behaves. */
static int bring_up(struct round *round)
{
	struct racer *r = &round->r;
	struct fuzz *f = &r->f;
	struct vdev *v = &f->p.a;
	int ret = vdev_reset(v);

	if (ret)
		return races_failed("reset: %s", strerror(-ret));
	if (!state_is(v, RUNNING))
		return races_failed("reset: state %d", mig_get(v));
	vdev_log_stop(v);
	vdev_irq_disable(v, VFIO_PCI_INTX_IRQ_INDEX);
	vdev_irq_disable(v, VFIO_PCI_MSIX_IRQ_INDEX);
	if (v->how == VDEV_IOMMUFD)
		ret = vdev_attach(v, r->ioas[0]);
	if (ret)
		return races_failed("attaching: %s", strerror(-ret));
	ret = map_anew(f);
	if (ret)
		return races_failed("mapping: %s", strerror(-ret));
	fuzz_free_rings(f);
	f->mem.used = 0;
	ret = vnic_up_with(&round->nic, v, &f->mem, CHECK_RING, 0,
			   VNIC_F(CTRL_VQ) | VNIC_F(MQ), FUZZ_PAIRS);
	if (!ret)
		ret = vnic_set_pairs(&round->nic, FUZZ_PAIRS);
	return ret ? races_failed("the card does not come up: %s",
				  strerror(-ret)) : 0;
}

/* Frames of before may still come. */
static bool arrives(struct round *round, int net, bool in, const uint8_t *frame)
{
	int64_t deadline = deadline_ms(FRAME_MS);
	uint8_t got[65536];
	unsigned int pair;
	int len;

	do {
		if (!in) {
			len = netif_recv(net, got, sizeof(got), 10);
			if (len == CHECK_FRAME && !memcmp(got, frame, len))
				return true;
			continue;
		}
		for (pair = 0; pair < FUZZ_PAIRS; pair++) {
			struct virtio_net_hdr_v1_hash hdr;

			len = vnic_recv_on(&round->nic, pair, &hdr, got,
					   sizeof(got), 10);
			if (len == CHECK_FRAME && !memcmp(got, frame, len))
				return true;
		}
	} while (deadline_left(deadline));
	return false;
}

/* One direction, one frame after the other until one has arrived. */
static int passes(struct round *round, int net, bool in)
{
	static const uint8_t broadcast[ETH_ALEN] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};
	int64_t deadline = deadline_ms(RACES_WAIT_MS);
	uint8_t frame[CHECK_FRAME];
	uint32_t seed = 0x10000;

	do {
		frame_make(frame, sizeof(frame), broadcast, seed++);
		if (in)
			netif_send(net, frame, sizeof(frame));
		else
			vnic_send(&round->nic, frame, sizeof(frame));
		if (arrives(round, net, in, frame))
			return 0;
	} while (deadline_left(deadline));
	return races_failed("no packet gets %s the guest",
			    in ? "to" : "from");
}

static int works(struct round *round)
{
	int ret, net;

	ret = bring_up(round);
	if (ret)
		goto down;
	net = netif_open(MDEV_UUID_A);
	if (net < 0) {
		ret = races_failed("the interface: %s", strerror(-net));
		goto down;
	}
	ret = netif_wait_carrier(MDEV_UUID_A, RACES_WAIT_MS);
	if (ret)
		ret = races_failed("no carrier: %s", strerror(-ret));
	if (!ret)
		ret = passes(round, net, false);
	if (!ret)
		ret = passes(round, net, true);
	close(net);
down:
	vnic_down(&round->nic);
	return ret;
}

/* Without bus mastering no queue takes anything; with it again they go on. */
static int obeys(struct round *round)
{
	struct fuzz *f = &round->r.f;
	uint16_t used[FUZZ_QUEUES];
	unsigned int i, q;

	if (mig_set(&f->p.a, RUNNING, NULL) ||
	    pci_read(&f->p.a, 2, PCI_COMMAND) & PCI_COMMAND_MASTER)
		return 0;
	for (q = 0; q < FUZZ_QUEUES; q++)
		used[q] = f->vq[q].used->idx;
	for (i = 0; i < CHECK_CHAINS; i++) {
		fuzz_chain(f);
		fuzz_kick(f);
	}
	usleep(CHECK_MS * 1000);
	for (q = 0; q < FUZZ_QUEUES; q++) {
		if (used[q] != f->vq[q].used->idx)
			return races_failed("queue %u is no bus master, and goes on", q);
	}
	return 0;
}

/* Closes the card, which is gone afterwards. */
static int end(struct round *round)
{
	int ret = 0;

	racers_clean();
	fuzz_close(&round->r.f);
	if (round->remover)
		ret = wait_end("removal", round->remover, false);
	if (!ret && mdev_exists(MDEV_UUID_A))
		ret = races_failed("the device is still there");
	return ret;
}

/* The counters are those of the interface, which has ended with a removed card. */
static void add_packets(struct sums *sums)
{
	char name[32];
	unsigned int i;

	for (i = 0; i < FUZZ_PAIRS; i++) {
		int64_t n;

		snprintf(name, sizeof(name), "tx%u_packets", i);
		n = netif_counter(MDEV_UUID_A, name);
		sums->to_guest += n > 0 ? n : 0;
		snprintf(name, sizeof(name), "rx%u_packets", i);
		n = netif_counter(MDEV_UUID_A, name);
		sums->to_host += n > 0 ? n : 0;
	}
}

static int one_round(enum vdev_how how, struct sums *sums, uint64_t seed)
{
	struct round round = {
		.ms = ROUND_MS, .sums = sums, .r.f.rng = seed,
	};
	int ret = begin_when_free(&round, how);

	if (ret)
		return races_failed("setup: %s", strerror(-ret));
	round.r.f.rng = seed;
	round.kill = fuzz_once_in(&round.r.f, 2);
	round.r.wild = fuzz_once_in(&round.r.f, 2);
	fflush(stdout);
	if (fuzz_once_in(&round.r.f, 3))
		remove_it(&round);
	announce(seed, &round);
	ret = start(&round);
	if (ret)
		ret = races_failed("fork: %s", strerror(-ret));
	ret |= end_all(&round);
	add_packets(sums);
	/* What is being removed has no files in sysfs any more. */
	if (!ret && !round.remover)
		ret = obeys(&round) ?: works(&round);
	return end(&round) ?: ret;
}

static void summary(const struct sums *sums)
{
	unsigned int i;

	printf("# %u rounds; packets to the guest %llu, to the host %llu\n",
	       sums->rounds, (unsigned long long)sums->to_guest,
	       (unsigned long long)sums->to_host);
	for (i = 0; i < nr_racer_kinds; i++)
		printf("# %8llu steps: %s\n",
		       (unsigned long long)sums->steps[i],
		       racer_kinds[i].name);
	fflush(stdout);
}

static bool enough(const struct sums *sums)
{
	const char *text = getenv("RACES_STEPS");
	uint64_t steps = text ? strtoull(text, NULL, 0) : STEPS, done = 0;
	unsigned int i;

	for (i = 0; i < nr_racer_kinds; i++)
		done += sums->steps[i];
	return done >= steps / PARTS;
}

/**
 * struct racing - what the process that is watched does
 * @how: way to VFIO
 * @ms: how long
 */
struct racing {
	enum vdev_how how;
	int ms;
};

static int rounds(void *arg)
{
	struct racing *racing = arg;
	int64_t deadline = deadline_ms(racing->ms);
	struct sums *sums = mmap(NULL, sizeof(*sums), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t seed = first_seed();
	int ret;

	do {
		ret = one_round(racing->how, sums, seed);
		seed = rng_next(&seed) | 1;
		sums->rounds++;
	} while (!ret && (deadline_left(deadline) ||
			  (!enough(sums) &&
			   deadline_left(deadline + MORE_MS))));
	summary(sums);
	return ret;
}

FIXTURE(races) {
	struct races_log log;
};

BOTH_WAYS(races);

FIXTURE_SETUP(races)
{
	self->log.fd = -1;
	REQUIRE_WAY(variant->how);
	ASSERT_LE(nr_racer_kinds, MAX_RACERS);
	ASSERT_EQ(0, races_log_begin(&self->log));
}

FIXTURE_TEARDOWN(races)
{
	races_log_end(&self->log);
	racers_clean();
	if (mdev_exists(MDEV_UUID_B))
		mdev_remove(MDEV_UUID_B);
}

TEST_F_TIMEOUT(races, device, RACES_TIMEOUT(PARTS) + MORE_MS / 1000)
{
	struct racing racing = { .how = variant->how, .ms = races_ms(PARTS) };

	EXPECT_EQ(0, races_run(rounds, &racing, racing.ms + MORE_MS));
	EXPECT_FALSE(races_log_warned(&self->log));
}

TEST_HARNESS_MAIN
