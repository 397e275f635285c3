// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets from transmit queues that come into use and go out of it, on a host that
 * spreads received packets over its processors or runs an XDP program on them:
 * that looks up the queue on which a packet was received, and the kernel warns
 * if the interface has none of that number.
 *
 * RACES_SECONDS: how long in all.
 */
#include "full.h"
#include "netif_xdp.h"

#include <linux/ethtool.h>
#include <net/if.h>
#include <pthread.h>

#define MQ		VNIC_F(MQ)
/* Pairs that are in use at first. */
#define FEW_PAIRS	2
#define NR_TESTS	2
#define WARNING		"received packet on queue"

FIXTURE_VARIANT_ADD(full, direct) { };

static unsigned int race_seconds(void)
{
	const char *seconds = getenv("RACES_SECONDS");
	int all = seconds ? atoi(seconds) : 0;

	return ((all > 0 ? all : 20) + NR_TESTS - 1) / NR_TESTS;
}

/* The kernel's log from here on. */
static int open_log(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

static bool has_warned(int log)
{
	char line[8192];
	ssize_t n;

	/* EPIPE: lines were lost. */
	while ((n = read(log, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		errno = 0;
		if (n <= 0)
			continue;
		line[n] = '\0';
		if (strstr(line, WARNING))
			return true;
	}
	return false;
}

/* Every receive queue's packets go to all processors; how many queues there are. */
static int spread_packets(const char *uuid)
{
	unsigned int cpus = sysconf(_SC_NPROCESSORS_CONF);
	char name[IFNAMSIZ], path[160], mask[16];
	unsigned int i;
	int ret;

	ret = mdev_read(uuid, "netdev", name, sizeof(name));
	snprintf(mask, sizeof(mask), "%x", (1U << (cpus < 8 ? cpus : 8)) - 1);
	for (i = 0; ret >= 0; i++) {
		snprintf(path, sizeof(path),
			 "/sys/class/net/%s/queues/rx-%u/rps_cpus", name, i);
		if (access(path, F_OK))
			break;
		ret = sysfs_write(path, mask);
	}
	return ret < 0 ? ret : (int)i;
}

/* A program that lets everything through; while the result is open. */
static int attach_xdp(const char *uuid)
{
	char name[IFNAMSIZ];

	return mdev_read(uuid, "netdev", name, sizeof(name)) < 0 ? -ENODEV :
	       netif_xdp_pass(if_nametoindex(name));
}

/**
 * struct asker - somebody who has the lock of all interfaces now and then
 * @thread: who
 * @stop: it is to end
 */
struct asker {
	pthread_t thread;
	bool stop;
};

static void *ask(void *arg)
{
	struct asker *asker = arg;

	while (!__atomic_load_n(&asker->stop, __ATOMIC_RELAXED))
		netif_flag(MDEV_UUID_A, ETHTOOL_GTSO);
	return NULL;
}

/* A packet that waits for its queue to come into use, and one before it goes. */
static void one_round(struct __test_metadata *_metadata,
		      FIXTURE_DATA(full) *self, const uint8_t *frame,
		      size_t len)
{
	struct vnic *nic = &self->nic;
	const unsigned int pair = FULL_PAIRS - 1;

	ASSERT_EQ(VIRTIO_NET_OK, vnic_set_pairs(nic, FEW_PAIRS));
	ASSERT_EQ(0, vnic_send_on(nic, pair, NULL, frame, len));
	ASSERT_EQ(VIRTIO_NET_OK, vnic_set_pairs(nic, FULL_PAIRS));
	ASSERT_EQ(0, vnic_sent(nic, DEADLINE_MS));
	ASSERT_EQ(0, vnic_send_on(nic, pair, NULL, frame, len));
}

/* A packet is counted when the host has had it, after the guest has its buffer. */
static bool wait_packets(int64_t wants)
{
	int64_t deadline = deadline_ms(DEADLINE_MS);

	while (netif_counter(MDEV_UUID_A, "rx3_packets") != wants) {
		if (!deadline_left(deadline))
			return false;
		sched_yield();
	}
	return true;
}

static void race(struct __test_metadata *_metadata, FIXTURE_DATA(full) *self)
{
	static const uint8_t broadcast[ETH_ALEN] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};
	int64_t deadline = deadline_ms(race_seconds() * 1000);
	struct asker asker = { 0 };
	unsigned int rounds = 0;
	uint8_t frame[100];
	int log = open_log();

	ASSERT_LE(0, log);
	frame_make(frame, sizeof(frame), broadcast, 1);
	ASSERT_EQ(0, pthread_create(&asker.thread, NULL, ask, &asker));
	do {
		one_round(_metadata, self, frame, sizeof(frame));
		rounds++;
	} while (deadline_left(deadline));
	__atomic_store_n(&asker.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(asker.thread, NULL));
	ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	TH_LOG("%u rounds", rounds);
	EXPECT_TRUE(wait_packets(2 * rounds));
	EXPECT_FALSE(has_warned(log)) {
		TH_LOG("the kernel warned: " WARNING);
	}
	close(log);
}

TEST_F_TIMEOUT(full, steering, 3600)
{
	int queues;

	full_up(_metadata, self, variant->flags, MQ, FULL_PAIRS);
	queues = spread_packets(MDEV_UUID_A);
	if (!queues)
		SKIP(return, "this kernel does not spread received packets");
	ASSERT_LT(0, queues);
	race(_metadata, self);
}

TEST_F_TIMEOUT(full, xdp, 3600)
{
	int link;

	full_up(_metadata, self, variant->flags, MQ, FULL_PAIRS);
	if (access("/proc/sys/kernel/unprivileged_bpf_disabled", F_OK))
		SKIP(return, "this kernel has no BPF");
	link = attach_xdp(MDEV_UUID_A);
	ASSERT_LE(0, link);
	race(_metadata, self);
	close(link);
}

TEST_HARNESS_MAIN
