/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver that does anything at all, step by step, as its random numbers say.
 * What it draws never depends on what the device answers: so a seed gives the
 * same steps again, if not the same moments.
 */
#ifndef TESTS_SELFTESTS_FUZZ_H
#define TESTS_SELFTESTS_FUZZ_H

#include <kselftest.h>

#include "common.h"

#define FUZZ_PAIRS	4
#define FUZZ_QUEUES	(2 * FUZZ_PAIRS + 1)
#define FUZZ_CTRL	(2 * FUZZ_PAIRS)
/* The most descriptors of a ring. */
#define FUZZ_RING	256
/* Guest memory is mapped in pieces, so that pieces can go. */
#define FUZZ_MEM	(4 * MIB)
#define FUZZ_PIECE	(256 * KIB)
#define FUZZ_PIECES	(FUZZ_MEM / FUZZ_PIECE)
/* A page more, at the end of all addresses. */
#define FUZZ_TOP	(~0ULL - 0xfff)
/* Where somebody may have mapped pages that come late. */
#define FUZZ_SLOW	0x30000000UL
#define FUZZ_EVENTS	(FUZZ_QUEUES + 1)
#define FUZZ_PACKET	65000

/**
 * struct fuzz_seen - what came of it, for a look at how deep the steps reach
 * @up: times that the driver brought the card up
 * @broken: times that the card had asked for a reset by then
 * @saved: streams that were saved whole
 * @loaded: streams that were loaded whole, of those
 * @refused: streams that were refused
 */
struct fuzz_seen {
	unsigned int up;
	unsigned int broken;
	unsigned int saved;
	unsigned int loaded;
	unsigned int refused;
};

/**
 * struct fuzz - the driver, and the host's side
 * @rng: random numbers
 * @p: the card, and another one that it moves to and back from
 * @pci: of the card
 * @mem: guest memory, which processes that are forked share
 * @top: the page at the end of all addresses
 * @vq: rings; their sizes are those that the device was told
 * @bufs: the part of the guest memory that is not rings
 * @bufs_len: its bytes
 * @mapped: which pieces of the guest memory are
 * @mac: the card's address
 * @plain: socket on the card's host interface
 * @packets: likewise, with packet headers
 * @other: socket on the other card's host interface
 * @events: eventfds
 * @data_fd: a migration's, or -1
 * @stream: the last stream that was saved
 * @packet: a long TCP packet, to take pieces from
 * @seen: what came of it
 */
struct fuzz {
	uint64_t rng;
	struct pair p;
	struct vpci pci;
	struct guest_mem mem;
	struct guest_mem top;
	struct vq vq[FUZZ_QUEUES];
	uint8_t *bufs;
	size_t bufs_len;
	bool mapped[FUZZ_PIECES];
	uint8_t mac[ETH_ALEN];
	int plain;
	int packets;
	int other;
	int32_t events[FUZZ_EVENTS];
	int data_fd;
	struct buf stream;
	uint8_t *packet;
	struct fuzz_seen seen;
};

/* Below @n, which is not 0. */
static inline uint32_t fuzz_below(struct fuzz *f, uint32_t n)
{
	return (rng_next(&f->rng) >> 32) % n;
}

/* Once in @n times. */
static inline bool fuzz_once_in(struct fuzz *f, uint32_t n)
{
	return !fuzz_below(f, n);
}

/* fuzz.c */
int fuzz_open(struct fuzz *f, const char *type, enum vdev_how how);
void fuzz_close(struct fuzz *f);
int fuzz_make_rings(struct fuzz *f);
void fuzz_free_rings(struct fuzz *f);
int fuzz_map_piece(struct fuzz *f, unsigned int piece, bool map);
int fuzz_map_all(struct fuzz *f);
uint64_t fuzz_value(struct fuzz *f);
uint64_t fuzz_addr(struct fuzz *f);
uint32_t fuzz_len(struct fuzz *f);
void fuzz_bytes(struct fuzz *f, uint8_t *p, size_t len);

/* fuzz_rings.c: what is in guest memory, and kicks */
void fuzz_chain(struct fuzz *f);
void fuzz_ring(struct fuzz *f);
void fuzz_table(struct fuzz *f);
void fuzz_payload(struct fuzz *f);
void fuzz_jump(struct fuzz *f);
void fuzz_kick(struct fuzz *f);
void fuzz_kick_anything(struct fuzz *f);
void fuzz_up(struct fuzz *f);

/* fuzz_device.c: registers, what VFIO offers, the host's side */
void fuzz_host_frame(struct fuzz *f);
void fuzz_host_gso(struct fuzz *f);
void fuzz_host_link(struct fuzz *f);
void fuzz_common_cfg(struct fuzz *f);
void fuzz_queue_cfg(struct fuzz *f);
void fuzz_features(struct fuzz *f);
void fuzz_status(struct fuzz *f);
void fuzz_region(struct fuzz *f);
void fuzz_pci(struct fuzz *f);
void fuzz_msix(struct fuzz *f);
void fuzz_irqs(struct fuzz *f);
void fuzz_dma(struct fuzz *f);
void fuzz_log(struct fuzz *f);
void fuzz_reset(struct fuzz *f);

/* fuzz_move.c: migration */
void fuzz_state(struct fuzz *f);
void fuzz_data(struct fuzz *f);
void fuzz_move(struct fuzz *f);

#endif /* TESTS_SELFTESTS_FUZZ_H */
