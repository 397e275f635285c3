// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory: dirty pages as the device logs them and as the type1 container
 * tracks them, and memory that goes away under a running device.
 */
#include <sys/mman.h>

#include "card.h"

#define PAGE		4096UL
#define NO_PAGE		(~0UL)

FIXTURE_VARIANT_ADD(card, iommufd) { .how = VDEV_IOMMUFD };

FIXTURE_VARIANT_ADD(card, group) { .how = VDEV_GROUP };

static log_range whole(FIXTURE_DATA(card) *self)
{
	return (log_range){ self->mem.iova, self->mem.size };
}

static int log_start(FIXTURE_DATA(card) *self)
{
	return vdev_log_start_one(&self->v, self->mem.iova, self->mem.size);
}

static bool bit(const uint64_t *bitmap, unsigned long n)
{
	return bitmap[n / 64] >> n % 64 & 1;
}

static unsigned long page_of(FIXTURE_DATA(card) *self, const void *va)
{
	return ((uint8_t *)va - self->mem.va) / PAGE;
}

/* Pieces of a frame: the header has one more. */
#define FRAGS	30UL

/* The guest sends a frame of which each of @nr pages has 64 bytes. */
static void send_from_pages(struct __test_metadata *_metadata,
			    FIXTURE_DATA(card) *self,
			    const struct guest_mem *mem, unsigned long first,
			    unsigned long nr)
{
	struct vnic *nic = &self->nic;
	struct vnic_tx *tx = &nic->tx[0];
	struct vq_seg segs[1 + FRAGS];
	uint8_t *hdr;
	unsigned int i;

	hdr = nic->slots[VNIC_TX] + tx->free[--tx->nr_free] * VNIC_SLOT;
	memset(hdr, 0, VNIC_HDR);
	segs[0] = (struct vq_seg){ guest_iova(nic->mem, hdr), VNIC_HDR, false };
	for (i = 1; i <= nr; i++)
		segs[i] = (struct vq_seg){ mem->iova + (first + i - 1) * PAGE,
					   64, false };
	ASSERT_EQ(0, vq_add(&nic->vq[VNIC_TX], segs, 1 + nr, hdr));
	if (vq_publish(&nic->vq[VNIC_TX]))
		ASSERT_EQ(0, vpci_kick(&nic->pci, VNIC_TX));
	ASSERT_EQ(0, vnic_sent(nic, DEADLINE_MS));
}

/* Is a dirty page one that the device may write to? */
static bool writable(FIXTURE_DATA(card) *self, unsigned long page)
{
	struct vnic *nic = &self->nic;
	unsigned long rx = page_of(self, nic->slots[VNIC_RX]);

	return (page >= rx && page < rx + RING / 2) ||
	       page == page_of(self, nic->vq[VNIC_RX].used) ||
	       page == page_of(self, nic->vq[VNIC_TX].used);
}

static void expect_only_writable(struct __test_metadata *_metadata,
				 FIXTURE_DATA(card) *self,
				 const uint64_t *bitmap)
{
	unsigned long page;

	for (page = 0; page < self->mem.size / PAGE; page++) {
		EXPECT_FALSE(bit(bitmap, page) && !writable(self, page)) {
			TH_LOG("page %lu is dirty", page);
		}
	}
}

TEST_F(card, log_life)
{
	uint64_t bitmap[8] = { 0 };

	REQUIRE_LOGGING();
	EXPECT_GT(0, vdev_log_stop(&self->v));
	EXPECT_GT(0, vdev_log_report(&self->v, self->mem.iova, 2 * MIB, PAGE,
				     bitmap));
	ASSERT_EQ(0, log_start(self));
	EXPECT_GT(0, log_start(self));
	EXPECT_EQ(0, vdev_log_report(&self->v, self->mem.iova, 2 * MIB, PAGE,
				     bitmap));
	EXPECT_EQ(0, vdev_log_stop(&self->v));
	EXPECT_GT(0, vdev_log_stop(&self->v));
	EXPECT_GT(0, vdev_log_report(&self->v, self->mem.iova, 2 * MIB, PAGE,
				     bitmap));
	ASSERT_EQ(0, log_start(self));
	/* Not connected to the migration state; closing ends it. */
	EXPECT_EQ(0, mig_set(&self->v, STOP, NULL));
	EXPECT_EQ(0, vdev_log_report(&self->v, self->mem.iova, 2 * MIB, PAGE,
				     bitmap));
	vdev_close(&self->v);
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
	EXPECT_GT(0, vdev_log_stop(&self->v));
	EXPECT_EQ(0, log_start(self));
}

TEST_F(card, log_page_sizes)
{
	static const uint64_t sizes[] = {
		0, 1, 2, 3, 7, 511, 512, 4095, 4096, 4097, 5000, 8192, 12288,
		65536, MIB, 3 * MIB, 1ULL << 31, 1ULL << 32, 1ULL << 40,
		1ULL << 62, 1ULL << 63, ~0ULL, ~0ULL - 1,
	};
	uint64_t bitmap[8] = { 0 };
	unsigned int i;

	REQUIRE_LOGGING();
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* Aligned for every size, and for the few that divide it. */
		log_range ranges[] = {
			{ 0, sizes[i] }, { 0, 0 }, whole(self),
			{ sizes[i], sizes[i] },
		};
		unsigned int k;

		for (k = 0; k < ARRAY_SIZE(ranges); k++) {
			uint64_t size = sizes[i];

			if (vdev_log_start(&self->v, &ranges[k], 1, &size))
				continue;
			EXPECT_NE(0, size);
			EXPECT_EQ(0, size & (size - 1)) {
				TH_LOG("asked for 0x%llx, got 0x%llx",
				       (unsigned long long)sizes[i],
				       (unsigned long long)size);
			}
			vdev_log_report(&self->v, self->mem.iova, 2 * MIB,
					PAGE, bitmap);
			EXPECT_EQ(0, vdev_log_stop(&self->v));
		}
	}
	EXPECT_EQ(0, log_start(self));
}

TEST_F(card, log_hostile_ranges)
{
	static const log_range bad[] = {
		{ 0, 0 }, { PAGE, 0 }, { 0, 1ULL << 63 },
		{ 1ULL << 63, (1ULL << 63) - PAGE }, { 0, -PAGE },
		{ -PAGE, 0 }, { PAGE, -2 * PAGE }, { 0, 1ULL << 40 },
		{ 1ULL << 52, 1ULL << 52 }, { -2 * PAGE, PAGE },
	};
	log_range many[512];
	uint64_t bitmap[64] = { 0 }, size;
	unsigned int i;

	REQUIRE_LOGGING();
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		size = PAGE;
		if (vdev_log_start(&self->v, &bad[i], 1, &size))
			continue;
		vdev_log_report(&self->v, bad[i].iova, 64 * 64 * PAGE, PAGE,
				bitmap);
		vdev_log_report(&self->v, self->mem.iova, 2 * MIB, PAGE,
				bitmap);
		EXPECT_EQ(0, vdev_log_stop(&self->v));
	}
	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (log_range){ (i * 2 + 1) * (1ULL << 40), 1ULL << 40 };
	size = PAGE;
	for (i = ARRAY_SIZE(many); i; i /= 2) {
		if (!vdev_log_start(&self->v, many, i, &size)) {
			EXPECT_EQ(0, vdev_log_stop(&self->v));
		}
	}
	many[1] = many[0];
	EXPECT_GT(0, vdev_log_start(&self->v, many, 2, &size));
	EXPECT_GT(0, vdev_log_start(&self->v, many, 0, &size));
	EXPECT_GT(0, vdev_log_start(&self->v, NULL, 1, &size));
	ASSERT_EQ(0, log_start(self));
	/* Reports that no bitmap could hold, or into nothing. */
	vdev_log_report(&self->v, 0, -PAGE, PAGE, NULL);
	vdev_log_report(&self->v, 0, -PAGE, PAGE, bitmap);
	EXPECT_GT(0, vdev_log_report(&self->v, PAGE, ~0ULL, PAGE, bitmap));
	EXPECT_GT(0, vdev_log_report(&self->v, 0, 2 * MIB, 4097, bitmap));
	EXPECT_GT(0, vdev_log_report(&self->v, 0, 2 * MIB, 0, bitmap));
	vdev_log_report(&self->v, 0, 0, PAGE, bitmap);
	/* 2^63 bytes in one page: a bitmap of one bit. */
	vdev_log_report(&self->v, 0, 1ULL << 63, 1ULL << 63, bitmap);
	EXPECT_EQ(0, vdev_log_stop(&self->v));
}

TEST_F(card, log_received_frames)
{
	uint64_t bitmap[8] = { 0 };

	REQUIRE_LOGGING();
	/* Nobody else's frames make anything dirty. */
	card_alone(_metadata, self);
	card_up(_metadata, self, 0);
	ASSERT_EQ(0, log_start(self));
	ASSERT_EQ(0, vdev_log_report(&self->v, self->mem.iova, 2 * MIB, PAGE,
				     bitmap));
	expect_only_writable(_metadata, self, bitmap);
	memset(bitmap, 0, sizeof(bitmap));
	to_guest(_metadata, self->net, &self->nic, 1000, 1);
	ASSERT_EQ(0, vdev_log_report(&self->v, self->mem.iova, 2 * MIB, PAGE,
				     bitmap));
	EXPECT_TRUE(bit(bitmap, page_of(self, self->nic.slots[VNIC_RX])));
	EXPECT_TRUE(bit(bitmap, page_of(self, self->nic.vq[VNIC_RX].used)));
	expect_only_writable(_metadata, self, bitmap);
	/* Read is cleared. */
	memset(bitmap, 0, sizeof(bitmap));
	ASSERT_EQ(0, vdev_log_report(&self->v, self->mem.iova, 2 * MIB, PAGE,
				     bitmap));
	EXPECT_FALSE(bit(bitmap, page_of(self, self->nic.slots[VNIC_RX])));
	EXPECT_FALSE(bit(bitmap, page_of(self, self->nic.vq[VNIC_RX].used)));
	/* The driver never sets bits back, and nothing of before STOP stays. */
	to_guest(_metadata, self->net, &self->nic, 1000, 2);
	ASSERT_EQ(0, vdev_log_stop(&self->v));
	ASSERT_EQ(0, log_start(self));
	ASSERT_EQ(0, vdev_log_report(&self->v, self->mem.iova, 2 * MIB, PAGE,
				     bitmap));
	EXPECT_FALSE(bit(bitmap, page_of(self, self->nic.slots[VNIC_RX]) + 1));
}

/* Transmitted frames are read only; used rings are written. */
TEST_F(card, log_sent_frames)
{
	uint64_t bitmap[8] = { 0 };
	unsigned long tx;
	unsigned int i;

	REQUIRE_LOGGING();
	card_up(_metadata, self, 0);
	ASSERT_EQ(0, log_start(self));
	for (i = 0; i < 10; i++)
		to_host(_metadata, self->net, &self->nic, 1000, i);
	ASSERT_EQ(0, vnic_sent(&self->nic, DEADLINE_MS));
	ASSERT_EQ(0, vdev_log_report(&self->v, self->mem.iova, 2 * MIB, PAGE,
				     bitmap));
	EXPECT_TRUE(bit(bitmap, page_of(self, self->nic.vq[VNIC_TX].used)));
	tx = page_of(self, self->nic.slots[VNIC_TX]);
	for (i = 0; i < RING / 2; i++) {
		EXPECT_FALSE(bit(bitmap, tx + i));
	}
	expect_only_writable(_metadata, self, bitmap);
}

/* Every page that changed is reported, over many passes; QEMU's contract. */
TEST_F(card, log_misses_nothing)
{
	uint8_t *copy = malloc(self->mem.size);
	unsigned int round, i;
	unsigned long page;

	REQUIRE_LOGGING();
	ASSERT_NE(NULL, copy);
	/* Nothing comes between a report and the comparison. */
	card_alone(_metadata, self);
	card_up(_metadata, self, VNIC_INDIRECT | VNIC_EVENT_IDX);
	ASSERT_EQ(0, log_start(self));
	for (round = 0; round < 20; round++) {
		uint64_t bitmap[8] = { 0 };

		memcpy(copy, self->mem.va, self->mem.size);
		for (i = 0; i < 7; i++)
			to_guest(_metadata, self->net, &self->nic, 60 + 90 * i,
				 round * 7 + i);
		ASSERT_EQ(0, vdev_log_report(&self->v, self->mem.iova, 2 * MIB,
					     PAGE, bitmap));
		for (page = 0; page < self->mem.size / PAGE; page++) {
			bool changed = memcmp(copy + page * PAGE,
					      self->mem.va + page * PAGE,
					      PAGE);

			EXPECT_FALSE(changed && !bit(bitmap, page) &&
				     writable(self, page)) {
				TH_LOG("page %lu changed unseen", page);
			}
		}
	}
	free(copy);
}

/* Reports of a part clear that part; larger pages hold what is in them. */
TEST_F(card, log_parts)
{
	uint64_t bitmap[8] = { 0 };
	unsigned long rx;

	REQUIRE_LOGGING();
	/* Nobody else's frames are in the first buffers, or in any later on. */
	card_alone(_metadata, self);
	card_up(_metadata, self, 0);
	ASSERT_EQ(0, log_start(self));
	to_guest(_metadata, self->net, &self->nic, 500, 1);
	to_guest(_metadata, self->net, &self->nic, 500, 2);
	rx = page_of(self, self->nic.slots[VNIC_RX]);
	ASSERT_EQ(0, vdev_log_report(&self->v, self->mem.iova + rx * PAGE,
				     PAGE, PAGE, bitmap));
	EXPECT_EQ(1, bitmap[0]);
	memset(bitmap, 0, sizeof(bitmap));
	ASSERT_EQ(0, vdev_log_report(&self->v, self->mem.iova, 2 * MIB, PAGE,
				     bitmap));
	EXPECT_FALSE(bit(bitmap, rx));
	EXPECT_TRUE(bit(bitmap, rx + 1));
	to_guest(_metadata, self->net, &self->nic, 500, 3);
	memset(bitmap, 0, sizeof(bitmap));
	ASSERT_EQ(0, vdev_log_report(&self->v, self->mem.iova, 2 * MIB, MIB,
				     bitmap));
	EXPECT_EQ(1, bitmap[0]);
}

static unsigned long dirty_slot(FIXTURE_DATA(card) *self,
				const uint64_t *bitmap)
{
	unsigned int q, i;

	for (q = 0; q < 2; q++) {
		for (i = 0; i < RING / 2; i++) {
			unsigned long page = page_of(self, self->nic.slots[q] +
						     i * VNIC_SLOT);

			if (bit(bitmap, page))
				return page;
		}
	}
	return NO_PAGE;
}

/*
 * The container's tracking: while in PRE_COPY it sees what the device writes,
 * and payload does not stay dirty for ever, or migration never converges.
 */
TEST_F(card, type1_tracking)
{
	static const unsigned int states[] = { PRE_COPY, PRE_COPY };
	uint64_t bitmap[8];
	unsigned int round;
	int fd;

	if (variant->how != VDEV_GROUP)
		SKIP(return, "the container's tracking needs the container");
	REQUIRE_PRE_COPY(&self->v);
	/* Nothing gets dirty by somebody else's frames. */
	card_alone(_metadata, self);
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 40);
	ASSERT_EQ(0, type1_dirty_start(&self->v));
	ASSERT_EQ(0, mig_set(&self->v, PRE_COPY, &fd));
	for (round = 0; round < ARRAY_SIZE(states); round++) {
		/* What came before counts as dirty once. */
		memset(bitmap, 0, sizeof(bitmap));
		ASSERT_EQ(0, type1_dirty_get(&self->v, self->mem.iova, 2 * MIB,
					     bitmap, sizeof(bitmap)));
		to_guest(_metadata, self->net, &self->nic, 1000, 1);
		to_host(_metadata, self->net, &self->nic, 1000, 1);
		memset(bitmap, 0, sizeof(bitmap));
		ASSERT_EQ(0, type1_dirty_get(&self->v, self->mem.iova, 2 * MIB,
					     bitmap, sizeof(bitmap)));
		EXPECT_NE(NO_PAGE, dirty_slot(self, bitmap));
		EXPECT_TRUE(bit(bitmap, page_of(self,
						self->nic.vq[VNIC_RX].used)));
		memset(bitmap, 0, sizeof(bitmap));
		ASSERT_EQ(0, type1_dirty_get(&self->v, self->mem.iova, 2 * MIB,
					     bitmap, sizeof(bitmap)));
		EXPECT_EQ(NO_PAGE, dirty_slot(self, bitmap));
	}
	ASSERT_EQ(0, mig_set(&self->v, RUNNING, NULL));
	ASSERT_EQ(0, type1_dirty_stop(&self->v));
	close(fd);
	both_directions(_metadata, self->net, &self->nic, 5);
}

/*
 * The card keeps pages that it has used pinned, which count as dirty when the
 * container's tracking begins. There are not as many as one likes, and when
 * there are more it goes on with most of them.
 */
TEST_F_TIMEOUT(card, pinned_pages, 180)
{
	const unsigned long limit = 256 * MIB / PAGE, nr = limit + 100;
	struct guest_mem mem = { 0 };
	unsigned long i, pinned = 0;
	uint64_t *bitmap;

	if (variant->how != VDEV_GROUP)
		SKIP(return, "the container's tracking needs the container");
	ASSERT_EQ(0, guest_mem_init(&mem, 16 * MIB, nr * PAGE));
	ASSERT_EQ(0, vdev_map(&self->v, &mem));
	bitmap = calloc(nr / 64 + 1, sizeof(*bitmap));
	ASSERT_NE(NULL, bitmap);
	/* Nobody takes what the host sends meanwhile, and it takes a while. */
	card_alone(_metadata, self);
	card_up(_metadata, self, 0);
	for (i = 0; i < nr; i += FRAGS)
		send_from_pages(_metadata, self, &mem, i, nr - i < FRAGS ? nr - i : FRAGS);
	ASSERT_EQ(0, type1_dirty_start(&self->v));
	ASSERT_EQ(0, type1_dirty_get(&self->v, mem.iova, mem.size, bitmap,
				     (nr / 64 + 1) * sizeof(*bitmap)));
	ASSERT_EQ(0, type1_dirty_stop(&self->v));
	for (i = 0; i < nr; i++)
		pinned += bit(bitmap, i);
	EXPECT_GE(limit, pinned);
	EXPECT_LE(limit / 2, pinned);
	/* The last ones are there in any case. */
	EXPECT_TRUE(bit(bitmap, nr - 1));
	free(bitmap);
	ASSERT_EQ(0, vdev_unmap(&self->v, mem.iova, mem.size));
	guest_mem_free(&mem);
	both_directions(_metadata, self->net, &self->nic, 5);
}

#define HUGE_PAGE	(2 * MIB)
#define HUGE_PAGES	(HUGE_PAGE / PAGE)
#define HUGE_IOVA	(64 * MIB)

/* Is all of it one page, as the kernel says? */
static bool is_huge(const void *va)
{
	char line[256], *end;
	bool here = false;
	unsigned long kib;
	FILE *f = fopen("/proc/self/smaps", "r");

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long start = strtoul(line, &end, 16);

		if (*end == '-')
			here = start == (uintptr_t)va;
		else if (here && sscanf(line, "AnonHugePages: %lu", &kib) == 1)
			break;
	}
	if (f)
		fclose(f);
	return here && kib * KIB == HUGE_PAGE;
}

/* Of a huge page's memory the guest sends 64 bytes; how much is pinned then? */
static void pinned_by_one(struct __test_metadata *_metadata,
			  FIXTURE_DATA(card) *self, struct guest_mem *mem,
			  unsigned long *pinned)
{
	uint64_t bitmap[HUGE_PAGES / 64] = { 0 };
	unsigned int i;

	*pinned = 0;
	ASSERT_EQ(0, vdev_map(&self->v, mem));
	send_from_pages(_metadata, self, mem, HUGE_PAGES / 3, 1);
	ASSERT_EQ(0, type1_dirty_start(&self->v));
	ASSERT_EQ(0, type1_dirty_get(&self->v, mem->iova, mem->size, bitmap,
				     sizeof(bitmap)));
	ASSERT_EQ(0, type1_dirty_stop(&self->v));
	for (i = 0; i < HUGE_PAGES; i++)
		*pinned += bit(bitmap, i);
}

/* A frame from each page of it, of which the host has what the guest wrote. */
static void send_all_pages(struct __test_metadata *_metadata,
			   FIXTURE_DATA(card) *self, struct guest_mem *mem)
{
	static const uint8_t broadcast[ETH_ALEN] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};
	uint8_t in[VNIC_SLOT];
	unsigned long i;

	for (i = 0; i < HUGE_PAGES; i++) {
		frame_make(mem->va + i * PAGE, 64, broadcast, i);
		send_from_pages(_metadata, self, mem, i, 1);
		ASSERT_EQ(64, netif_recv(self->net, in, sizeof(in),
					 DEADLINE_MS));
		ASSERT_EQ(0, memcmp(mem->va + i * PAGE, in, 64)) {
			TH_LOG("page %lu", i);
		}
	}
}

/* A huge page is pinned as one, at its first touch; smaller ones are not. */
TEST_F_TIMEOUT(card, huge_page, 120)
{
	struct guest_mem mem = { .iova = HUGE_IOVA, .size = HUGE_PAGE };
	unsigned long pinned;
	uint8_t *area;

	if (variant->how != VDEV_GROUP)
		SKIP(return, "the container's tracking needs the container");
	area = mmap(NULL, 2 * HUGE_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, area);
	mem.va = (void *)(((uintptr_t)area + HUGE_PAGE - 1) & -HUGE_PAGE);
	card_alone(_metadata, self);
	card_up(_metadata, self, 0);

	madvise(area, 2 * HUGE_PAGE, MADV_NOHUGEPAGE);
	memset(mem.va, 0xff, mem.size);
	pinned_by_one(_metadata, self, &mem, &pinned);
	EXPECT_EQ(1, pinned);
	ASSERT_EQ(0, vdev_unmap(&self->v, mem.iova, mem.size));

	madvise(mem.va, mem.size, MADV_DONTNEED);
	if (madvise(mem.va, mem.size, MADV_HUGEPAGE))
		SKIP(return, "this kernel has no transparent huge pages");
	memset(mem.va, 0xff, mem.size);
	if (!is_huge(mem.va))
		SKIP(return, "the kernel has no huge page to give");
	/* What was at the other address is not pinned for a while. */
	mem.iova += HUGE_PAGE;
	pinned_by_one(_metadata, self, &mem, &pinned);
	EXPECT_EQ(HUGE_PAGES, pinned);
	send_all_pages(_metadata, self, &mem);
	ASSERT_EQ(0, vdev_unmap(&self->v, mem.iova, mem.size));
	both_directions(_metadata, self->net, &self->nic, 5);
	munmap(area, 2 * HUGE_PAGE);
}

TEST_F_TIMEOUT(card, unmap_under_a_running_device, 90)
{
	uint8_t frame[500];
	int i;

	for (i = 0; i < 3; i++) {
		card_up(_metadata, self, 0);
		both_directions(_metadata, self->net, &self->nic, 3);
		ASSERT_EQ(0, vdev_unmap(&self->v, self->mem.iova,
					self->mem.size));
		frame_make(frame, sizeof(frame), self->mac, 1);
		netif_send(self->net, frame, sizeof(frame));
		vpci_kick(&self->nic.pci, VNIC_TX);
		EXPECT_EQ(0, vpci_wait_needs_reset(&self->nic.pci,
						   4 * DEADLINE_MS));
		ASSERT_EQ(0, vdev_reset(&self->v));
		ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
	}
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 3);
}

/* Unmapped and mapped again while nothing happens: as if nothing had been. */
TEST_F(card, remap_under_an_idle_device)
{
	card_up(_metadata, self, 0);
	both_directions(_metadata, self->net, &self->nic, 3);
	ASSERT_EQ(0, vdev_unmap(&self->v, self->mem.iova, self->mem.size));
	ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
	both_directions(_metadata, self->net, &self->nic, 3);
}

/* The memory itself goes away; then the device's pins are the last. */
TEST_F(card, close_with_buffers_out)
{
	uint8_t frame[500];

	card_up(_metadata, self, 0);
	frame_make(frame, sizeof(frame), self->mac, 1);
	ASSERT_EQ(0, netif_send(self->net, frame, sizeof(frame)));
	ASSERT_EQ(0, vnic_send(&self->nic, frame, sizeof(frame)));
	vnic_down(&self->nic);
	guest_mem_free(&self->mem);
	netif_send(self->net, frame, sizeof(frame));
	vdev_close(&self->v);
	netif_send(self->net, frame, sizeof(frame));
	ASSERT_EQ(0, vdev_open(&self->v, MDEV_UUID_A, variant->how));
	ASSERT_EQ(0, guest_mem_init(&self->mem, MIB, 2 * MIB));
	ASSERT_EQ(0, vdev_map(&self->v, &self->mem));
	card_up(_metadata, self, 0);
	while (netif_recv(self->net, frame, sizeof(frame), 0) > 0)
		;
	both_directions(_metadata, self->net, &self->nic, 3);
}

/* Another process sends all the time while memory comes and goes. */
TEST_F_TIMEOUT(card, unmap_in_traffic, 120)
{
	uint8_t frame[700];
	int i, status;
	pid_t pid;

	card_up(_metadata, self, 0);
	frame_make(frame, sizeof(frame), self->mac, 1);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		vdev_close(&self->v);
		for (;;)
			netif_send(self->net, frame, sizeof(frame));
	}
	for (i = 0; i < 40; i++) {
		EXPECT_EQ(0, vdev_unmap(&self->v, self->mem.iova,
					self->mem.size));
		EXPECT_EQ(0, vdev_map(&self->v, &self->mem));
		if (i & 1) {
			ASSERT_EQ(0, vdev_reset(&self->v));
		}
		card_up(_metadata, self, i & 2 ? VNIC_EVENT_IDX : 0);
	}
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, vdev_reset(&self->v));
	card_up(_metadata, self, 0);
	/* What the other process sent may still come. */
	while (vnic_recv(&self->nic, frame, sizeof(frame), QUIET_MS) > 0)
		;
	both_directions(_metadata, self->net, &self->nic, 3);
}

TEST_HARNESS_MAIN
