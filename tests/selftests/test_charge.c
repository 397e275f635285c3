// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that the kernel spends on a card is that of who has the card: its memory
 * cgroup has a limit, and what is beyond is refused.
 */
#include "card.h"
#include "cgroup.h"

#define PAGE		4096UL

FIXTURE_VARIANT_ADD(card, iommufd) { .how = VDEV_IOMMUFD };

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

/* Memory that is written at so many places, each of them far from the next. */
#define PLACES		8192U
#define PLACE_IOVA	(1ULL << 40)
#define PLACE_STEP	(1ULL << 27)
#define CHAIN		250U
#define LIMIT		(20 * MIB)
#define LIMIT_TEXT	"20M"
#define SLACK		(8 * MIB)
#define GROUP		CGROUPS "/test_charge"

/* All that the kernel has for itself, in bytes. */
static int64_t kernel_memory(void)
{
	char line[128];
	int64_t sum = 0;
	long kib;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Slab: %ld", &kib) == 1 ||
		    sscanf(line, "Percpu: %ld", &kib) == 1)
			sum += kib * 1024;
	}
	if (f)
		fclose(f);
	return sum;
}

static int map_places(struct vdev *v, const struct guest_mem *page)
{
	struct guest_mem at = *page;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < PLACES; i++) {
		at.iova = PLACE_IOVA + i * PLACE_STEP;
		ret = vdev_map(v, &at);
		/* Type1 has a limit of its own. */
		if (ret == -ENOSPC && i > PLACES / 2)
			return 0;
	}
	return ret;
}

/* The next frame is written to CHAIN places, six bytes each. */
static void make_chain(struct vq *vq, unsigned int first)
{
	unsigned int i;

	for (i = 0; i < CHAIN; i++) {
		vq->desc[i].addr = PLACE_IOVA + (first + i) * PLACE_STEP;
		vq->desc[i].len = 6;
		vq->desc[i].flags = VRING_DESC_F_WRITE |
				    (i + 1 < CHAIN ? VRING_DESC_F_NEXT : 0);
		vq->desc[i].next = i + 1;
	}
	vq->desc[CHAIN - 1].len = 200;
}

static int write_places(FIXTURE_DATA(card) *self)
{
	struct vq *vq = &self->nic.vq[VNIC_RX];
	uint8_t frame[1400];
	uint16_t used = 0;
	unsigned int i;

	vnic_mac(&self->nic, self->mac);
	frame_make(frame, sizeof(frame), self->mac, 1);
	/* Whatever buffer it takes, it is this one. */
	for (i = 0; i < vq->num; i++)
		vq->avail->ring[i] = 0;
	for (i = 0; i + CHAIN < PLACES; i += CHAIN) {
		make_chain(vq, i);
		vq->avail_idx++;
		if (vq_publish(vq))
			vpci_kick(&self->nic.pci, VNIC_RX);
		netif_send(self->net, frame, sizeof(frame));
		if (!wait_used_index(vq, ++used))
			return -ETIMEDOUT;
	}
	return 0;
}

/* Maps the memory, tells how much the kernel has for itself then, and writes it. */
static int log_places(FIXTURE_DATA(card) *self, int done)
{
	struct guest_mem page;
	int64_t before;
	int ret;

	ret = guest_mem_init(&self->mem, 64 * MIB, 4 * MIB);
	if (!ret)
		ret = guest_mem_init(&page, 0, PAGE);
	if (!ret)
		ret = vdev_map(&self->v, &self->mem);
	if (!ret)
		ret = vnic_up(&self->nic, &self->v, &self->mem, 256, 0);
	if (!ret)
		ret = map_places(&self->v, &page);
	if (!ret)
		ret = netif_wait_carrier(MDEV_UUID_A, DEADLINE_MS);
	before = kernel_memory();
	if (write(done, &before, sizeof(before)) != sizeof(before))
		return -EIO;
	if (!ret)
		ret = vdev_log_start_one(&self->v, PLACE_IOVA, PLACES * PLACE_STEP);
	return ret ? ret : write_places(self);
}

/* In a process of the group. What fails, fails for want of memory. */
static void use_memory(FIXTURE_DATA(card) *self, enum vdev_how how, int done)
{
	int ret;

	cgroup_enter(GROUP);
	ret = vdev_open(&self->v, MDEV_UUID_A, how);
	if (!ret)
		ret = log_places(self, done);
	printf("# the process of the group: %s\n", strerror(-ret));
	fflush(stdout);
	if (write(done, "", 1) != 1)
		exit(1);
	pause();
}

TEST_F_TIMEOUT(card, dirty_log, 300)
{
	int64_t before = 0, grown;
	int done[2], status;
	pid_t pid;

	REQUIRE_LOGGING();
	if (!cgroup_make(GROUP, "memory", "memory.max", LIMIT_TEXT))
		SKIP(return, "this kernel has no memory cgroups");
	ASSERT_EQ(0, pipe(done));
	/* Whoever opens the device has it. */
	vdev_close(&self->v);
	fflush(stdout);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		use_memory(self, variant->how, done[1]);
	close(done[1]);
	ASSERT_EQ(sizeof(before), read(done[0], &before, sizeof(before)));
	/* Until it has tried, or was killed for having more than its share. */
	wait_readable(done[0], 200000);
	grown = kernel_memory() - before;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
	EXPECT_GT((int64_t)(LIMIT + SLACK), grown) {
		TH_LOG("the kernel has %lld MiB more",
		       (long long)grown / 1024 / 1024);
	}
	close(done[0]);
	rmdir(GROUP);
}

TEST_HARNESS_MAIN
