// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver that does anything at all, for as many steps as FUZZ_STEPS says. Every
 * FUZZ_ROUND steps the card is reset, and must be as good as new then: real
 * packets go both ways. What the kernel has to say is looked at by who runs this.
 *
 * FUZZ_SEED is where the random numbers begin; a round that fails says from
 * where it alone can be had again. With RINGS_SECONDS it goes on for so long
 * instead, whatever FUZZ_STEPS says.
 */
#include <sys/socket.h>

#include "traffic.h"

#include "fuzz.h"
#include "netif_ethtool.h"
#include "packet.h"

#define FUZZ_STEPS	500000
#define FUZZ_ROUND	10000
#define FUZZ_SEED	0x6d646576
/* With so many, it must have come to everything. */
#define FUZZ_ENOUGH	100000

#define CHECK_RING	32

/**
 * struct fuzz_action - one kind of step
 * @name: for the summary
 * @weight: how often, among the others
 * @run: does it
 */
struct fuzz_action {
	const char *name;
	unsigned int weight;
	void (*run)(struct fuzz *f);
};

static const struct fuzz_action actions[] = {
	{ "chain", 3000, fuzz_chain },
	{ "ring", 2600, fuzz_ring },
	{ "table", 1500, fuzz_table },
	{ "payload", 1500, fuzz_payload },
	{ "kick", 300, fuzz_kick },
	{ "kick anything", 60, fuzz_kick_anything },
	{ "index jump", 20, fuzz_jump },
	{ "host frame", 400, fuzz_host_frame },
	{ "host GSO packet", 60, fuzz_host_gso },
	{ "host link", 2, fuzz_host_link },
	{ "common cfg", 120, fuzz_common_cfg },
	{ "queue cfg", 60, fuzz_queue_cfg },
	{ "features", 8, fuzz_features },
	{ "status", 6, fuzz_status },
	{ "region", 90, fuzz_region },
	{ "PCI config", 30, fuzz_pci },
	{ "MSI-X", 30, fuzz_msix },
	{ "SET_IRQS", 30, fuzz_irqs },
	{ "DMA map", 20, fuzz_dma },
	{ "DMA log", 10, fuzz_log },
	{ "reset", 2, fuzz_reset },
	{ "state", 12, fuzz_state },
	{ "data FD", 30, fuzz_data },
	{ "move", 2, fuzz_move },
	{ "up", 35, fuzz_up },
};

static uint64_t number_from_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

FIXTURE(fuzz) {
	struct fuzz f;
	struct vnic nic;
	unsigned int total;
	uint64_t under_way;
	uint64_t ran[ARRAY_SIZE(actions)];
};

BOTH_WAYS(fuzz);

FIXTURE_SETUP(fuzz)
{
	unsigned int i;

	self->f.data_fd = -1;
	REQUIRE_WAY(variant->how);
	ASSERT_EQ(0, fuzz_open(&self->f, "virtio_net-v3", variant->how));
	for (i = 0; i < ARRAY_SIZE(actions); i++)
		self->total += actions[i].weight;
}

FIXTURE_TEARDOWN(fuzz)
{
	/* Of the round that was not got through. */
	if (self->under_way)
		printf("# again: FUZZ_SEED=0x%llx FUZZ_STEPS=%u\n",
		       (unsigned long long)self->under_way, FUZZ_ROUND);
	vnic_down(&self->nic);
	fuzz_close(&self->f);
}

static void step(FIXTURE_DATA(fuzz) *self)
{
	uint32_t pick = fuzz_below(&self->f, self->total);
	unsigned int i;

	for (i = 0; pick >= actions[i].weight; i++)
		pick -= actions[i].weight;
	actions[i].run(&self->f);
	self->ran[i]++;
}

/* What the card has not yet given to the host's side. */
static void drain(int fd)
{
	uint8_t frame[2048];

	while (recv(fd, frame, sizeof(frame), MSG_DONTWAIT) >= 0)
		;
}

/*
 * The one thing that the user has against whatever the guest did. Afterwards
 * the driver is one that behaves.
 */
static void recover(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) *self,
		    unsigned int round)
{
	static const unsigned int flags[] = {
		0, VNIC_INDIRECT, VNIC_EVENT_IDX,
		VNIC_INDIRECT | VNIC_EVENT_IDX,
	};
	static const uint64_t features[] = {
		0, VNIC_OFFLOADS, VNIC_FILTER, VNIC_OFFLOADS | VNIC_FILTER |
		VNIC_F(MQ), VNIC_RSS,
	};
	struct fuzz *f = &self->f;
	int fd;

	ASSERT_EQ(0, vdev_reset(&f->p.a));
	ASSERT_TRUE(state_is(&f->p.a, RUNNING));
	if (f->data_fd >= 0)
		close(f->data_fd);
	f->data_fd = -1;
	ASSERT_EQ(0, fuzz_map_all(f));
	vdev_log_stop(&f->p.a);
	vdev_irq_disable(&f->p.a, VFIO_PCI_INTX_IRQ_INDEX);
	vdev_irq_disable(&f->p.a, VFIO_PCI_MSIX_IRQ_INDEX);
	fuzz_free_rings(f);
	f->mem.used = 0;
	ASSERT_EQ(0, vnic_up_with(&self->nic, &f->p.a, &f->mem, CHECK_RING,
				  flags[round % ARRAY_SIZE(flags)],
				  VNIC_F(CTRL_VQ) |
				  features[round % ARRAY_SIZE(features)],
				  FUZZ_PAIRS));
	/* Brings the interface up, too. */
	fd = netif_open(MDEV_UUID_A);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, netif_wait_carrier(MDEV_UUID_A, DEADLINE_MS));
	drain(fd);
	both_directions(_metadata, fd, &self->nic, 3);
	vnic_mac(&self->nic, f->mac);
	close(fd);
	drain(f->plain);
	drain(f->packets);
	drain(f->other);
	vnic_down(&self->nic);
	ASSERT_EQ(0, fuzz_make_rings(f));
	fuzz_up(f);
}

/* The counter @name of all pairs, after @side and the pair's number. */
static int64_t all_pairs(const char *side, const char *name)
{
	int64_t total = 0;
	char text[64];
	unsigned int i;

	for (i = 0; i < FUZZ_PAIRS; i++) {
		snprintf(text, sizeof(text), "%s%u_%s", side, i, name);
		total += netif_counter(MDEV_UUID_A, text);
	}
	return total;
}

static void summary(FIXTURE_DATA(fuzz) *self)
{
	static const char * const names[] = { "packets", "drops", "errors" };
	const struct fuzz_seen *seen = &self->f.seen;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(actions); i++)
		printf("# %7llu %s\n", (unsigned long long)self->ran[i],
		       actions[i].name);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		printf("# %s to the guest %lld, to the host %lld\n", names[i],
		       (long long)all_pairs("tx", names[i]),
		       (long long)all_pairs("rx", names[i]));
	printf("# %lld commands, %lld of them refused\n",
	       (long long)netif_counter(MDEV_UUID_A, "ctrl0_commands"),
	       (long long)netif_counter(MDEV_UUID_A, "ctrl0_refused"));
	printf("# %u times up, %u of them after the card had broken\n",
	       seen->up, seen->broken);
	printf("# %u streams saved, %u loaded, %u refused\n", seen->saved,
	       seen->loaded, seen->refused);
}

static int seconds(void)
{
	return number_from_env("RINGS_SECONDS", 0);
}

TEST_F_TIMEOUT(fuzz, anything_goes, 3600 + seconds())
{
	uint64_t seed = number_from_env("FUZZ_SEED", FUZZ_SEED);
	uint64_t steps = number_from_env("FUZZ_STEPS", FUZZ_STEPS);
	uint64_t chain = seed ? seed : 1, done = 0, round, i, n;
	int64_t deadline = deadline_ms(seconds() * 1000);

	printf("# FUZZ_SEED=0x%llx FUZZ_STEPS=%llu RINGS_SECONDS=%d\n",
	       (unsigned long long)seed, (unsigned long long)steps, seconds());
	recover(_metadata, self, 0);
	for (round = 0; seconds() ? deadline_left(deadline) : done < steps;
	     round++) {
		self->f.rng = chain;
		self->under_way = chain;
		log_line("fuzz_rings: round %llu, FUZZ_SEED=0x%llx\n",
			 (unsigned long long)round,
			 (unsigned long long)chain);
		n = seconds() || steps - done > FUZZ_ROUND ? FUZZ_ROUND :
							     steps - done;
		for (i = 0; i < n; i++)
			step(self);
		done += n;
		recover(_metadata, self, round);
		self->under_way = 0;
		chain = rng_next(&chain) | 1;
	}
	printf("# %llu steps\n", (unsigned long long)done);
	summary(self);
	if (done < FUZZ_ENOUGH)
		return;
	/* It got to where it wanted. */
	EXPECT_LT((int64_t)done / 500, all_pairs("tx", "packets"));
	EXPECT_LT((int64_t)done / 500, all_pairs("rx", "packets"));
	EXPECT_LT(netif_counter(MDEV_UUID_A, "ctrl0_refused"),
		  netif_counter(MDEV_UUID_A, "ctrl0_commands"));
	EXPECT_LT(0, self->f.seen.broken);
	EXPECT_LT(0, self->f.seen.loaded);
	EXPECT_LT(0, self->f.seen.refused);
}

TEST_HARNESS_MAIN
