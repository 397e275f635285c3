// SPDX-License-Identifier: GPL-2.0-only
/* What else processes of races_device do: other cards, slow memory, answers that are checked. */
#include "racers.h"
#include "slowmem.h"

#include <linux/pci_regs.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE		4096UL
#define SLOW_PAGES	16
#define SLOW_MS		40
/* A stranger's memory, ring and packets. */
#define MEM		(2 * MIB)
#define RING		16
#define PACKETS		8
#define UUID_D		"6d646576-0000-4000-8000-00000000000d"
#define STEPS_JOINED	64

/* Pages that come late, for rings and payload, and then are gone. */
void race_slow_pages(struct racer *r)
{
	struct guest_mem part = {
		.iova = FUZZ_SLOW, .size = SLOW_PAGES * PAGE,
	};
	struct fuzz *f = &r->f;
	struct slow_uffd slow;
	struct slow_pager pager;

	part.va = mmap(NULL, part.size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (part.va == MAP_FAILED)
		return;
	f->p.a.ioas = r->ioas[fuzz_below(f, 2)];
	if (!slow_uffd_init(&slow, part.va, part.size) &&
	    !slow_pager_start(&pager, slow.fd, fuzz_below(f, SLOW_MS))) {
		vdev_map(&f->p.a, &part);
		usleep(fuzz_below(f, 2 * SLOW_MS * 1000));
		vdev_unmap(&f->p.a, part.iova, part.size);
		slow_pager_stop(&pager);
	}
	munmap(part.va, part.size);
}

/* Another card in the same address space, whose driver does anything. */
void race_joins(struct racer *r)
{
	struct fuzz other = r->f;
	unsigned int i;

	/* One that was killed may have left it. */
	mdev_remove(MDEV_UUID_C);
	if (mdev_create(RACERS_TYPE, MDEV_UUID_C))
		return;
	r->f.p.a.ioas = r->ioas[fuzz_below(&r->f, 2)];
	if (!vdev_join(&other.p.a, MDEV_UUID_C, &r->f.p.a)) {
		if (!vpci_init(&other.pci, &other.p.a))
			fuzz_up(&other);
		for (i = 0; i < STEPS_JOINED; i++) {
			fuzz_chain(&other);
			fuzz_kick(&other);
		}
		vdev_close(&other.p.a);
		r->f.rng = other.rng;
	}
	mdev_remove(MDEV_UUID_C);
}

static void stranger(struct fuzz *f, struct vdev *v, struct guest_mem *mem)
{
	struct buf stream = { 0 };
	struct vnic nic = { 0 };
	uint8_t frame[100], mac[ETH_ALEN];
	unsigned int i;

	if (vdev_map(v, mem) || vnic_up(&nic, v, mem, RING, 0))
		return;
	vnic_mac(&nic, mac);
	frame_make(frame, sizeof(frame), mac, 1);
	for (i = 0; i < PACKETS; i++)
		vnic_send(&nic, frame, sizeof(frame));
	if (fuzz_once_in(f, 2) && !mig_save(v, &stream) && !vdev_reset(v))
		mig_load(v, stream.data, stream.len, 0);
	if (fuzz_once_in(f, 2))
		vdev_unmap(v, mem->iova, mem->size);
	vnic_down(&nic);
	buf_free(&stream);
}

/* Somebody else's card comes, works and goes. */
void race_strangers(struct racer *r)
{
	static const char * const types[] = {
		"virtio_net-v1", "virtio_net-v2", "virtio_net-v3",
	};
	struct fuzz *f = &r->f;
	enum vdev_how how = fuzz_once_in(f, 2) ? any_way() : VDEV_GROUP;
	struct guest_mem mem;
	struct vdev v;

	mdev_remove(UUID_D);
	if (mdev_create(types[fuzz_below(f, ARRAY_SIZE(types))], UUID_D))
		return;
	if (!guest_mem_init(&mem, MIB, MEM)) {
		if (way_available(how) && !vdev_open(&v, UUID_D, how)) {
			stranger(f, &v, &mem);
			vdev_close(&v);
		}
		guest_mem_free(&mem);
	}
	mdev_remove(UUID_D);
}

/* What those that were killed have left. */
void racers_clean(void)
{
	if (mdev_exists(MDEV_UUID_C))
		mdev_remove(MDEV_UUID_C);
	if (mdev_exists(UUID_D))
		mdev_remove(UUID_D);
}

void race_commands(struct racer *r)
{
	uint32_t command = PCI_COMMAND_MEMORY;

	if (fuzz_once_in(&r->f, 2))
		command |= PCI_COMMAND_MASTER;
	pci_write(&r->f.p.a, 2, PCI_COMMAND, command);
}

/* Nothing but the bits of the range is written. */
void race_reports(struct racer *r)
{
	static const uint64_t canary = 0x5a5a5a5a5a5a5a5aULL;
	uint64_t map[FUZZ_MEM / PAGE / 64 + 3] = { 0 };
	struct fuzz *f = &r->f;
	uint64_t offset = fuzz_once_in(f, 2) ? fuzz_below(f, PAGE) : 0;
	uint64_t first = fuzz_below(f, FUZZ_MEM / PAGE);
	uint64_t len = 1 + fuzz_below(f, FUZZ_MEM - first * PAGE - offset);
	uint64_t bits = (offset + len + PAGE - 1) / PAGE;
	uint64_t words = (bits + 63) / 64;

	map[0] = canary;
	map[1 + words] = canary;
	vdev_log_report(&f->p.a, f->mem.iova + first * PAGE + offset, len,
			PAGE, map + 1);
	if (map[0] != canary || map[1 + words] != canary)
		r->failure = "a report wrote beside its bitmap";
	else if (bits % 64 && map[words] >> bits % 64)
		r->failure = "a report has pages that were not asked for";
}
