// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one queue of the guest's sends leaves the host by one queue, too, where the host
 * chooses that by processor (XPS): else packets of one connection overtake each other
 * there, since some are sent on by the guest's kick and some by a worker.
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include "card.h"

FIXTURE_VARIANT_ADD(card, iommufd) { .how = VDEV_IOMMUFD };

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

#define BRIDGE		"mdevtestbr"
#define OUT		"mdevtest0"
#define PEER		"mdevtest1"
#define QUEUES		4U
#define ROUNDS		40
/* A kick does not send that much. */
#define LONG		3000
/* What a socket gets of a frame is so much, and the number of the transmit queue. */
#define LEAST		20

static int host_up(void)
{
	char text[128];
	unsigned int i;

	if (system("ip link add " OUT " numtxqueues 4 type veth peer name " PEER))
		return -ENODEV;
	for (i = 0; i < QUEUES; i++) {
		snprintf(text, sizeof(text),
			 "echo %x >/sys/class/net/" OUT "/queues/tx-%u/xps_cpus",
			 1 << i, i);
		if (system(text))
			return -ENOENT;
	}
	if (netif_bridge_add(BRIDGE) || netif_bridge_port(BRIDGE, MDEV_UUID_A) ||
	    system("ip link set " PEER " mtu 9000 up") ||
	    system("ip link set " OUT " mtu 9000 master " BRIDGE " up"))
		return -EIO;
	return netif_up(OUT);
}

static void host_down(void)
{
	netif_bridge_remove(BRIDGE);
	if (system("ip link del " OUT))
		return;
}

/* Our frames, as they leave. */
static int tap_open(void)
{
	static struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VNIC_PROTO, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_QUEUE),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, LEAST),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog prog = { ARRAY_SIZE(filter), filter };
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(OUT),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				 sizeof(prog)) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return fd;
}

/* By which queue a frame of so many bytes leaves. */
static int leaves_by(FIXTURE_DATA(card) *self, int tap, size_t len)
{
	static const uint8_t to[ETH_ALEN] = { 2, 0, 0, 0, 0, 1 };
	uint8_t frame[LONG], seen[LEAST + QUEUES];
	ssize_t n;
	int ret;

	frame_make(frame, len, to, len);
	ret = vnic_send(&self->nic, frame, len);
	if (ret)
		return ret;
	n = recv(tap, seen, sizeof(seen), 0);
	return n < LEAST ? -EIO : (int)n - LEAST;
}

static void run_on(unsigned int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

TEST_F(card, one_queue)
{
	unsigned int i, wrong = 0;
	int tap, queue, ret;

	ret = host_up();
	if (ret) {
		host_down();
		ASSERT_TRUE(ret == -ENODEV || ret == -ENOENT) {
			TH_LOG("the bridge: %d", ret);
		}
		SKIP(return, "this kernel chooses no queue by processor");
	}
	card_up(_metadata, self, variant->flags);
	tap = tap_open();
	EXPECT_LE(0, tap);
	queue = leaves_by(self, tap, 100);
	EXPECT_LE(0, queue);
	for (i = 0; i < ROUNDS && __test_passed(_metadata); i++) {
		run_on(i % QUEUES);
		wrong += leaves_by(self, tap, LONG) != queue;
		wrong += leaves_by(self, tap, 100) != queue;
	}
	TH_LOG("%u of %u left by another queue than the first", wrong,
	       2 * ROUNDS);
	EXPECT_EQ(0, wrong);
	close(tap);
	host_down();
}

TEST_HARNESS_MAIN
