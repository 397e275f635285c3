// SPDX-License-Identifier: GPL-2.0-only
/* What the fuzzer works on, and the values that it likes. */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "packet.h"

static int open_socket(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return fd;
}

static int open_card(struct vdev *v, const char *type, const char *uuid,
		     enum vdev_how how)
{
	int ret = mdev_create(type, uuid);

	return ret ? ret : vdev_open(v, uuid, how);
}

static int open_sockets(struct fuzz *f)
{
	f->plain = open_socket(netif_open(MDEV_UUID_A));
	f->packets = open_socket(packet_socket(MDEV_UUID_A));
	f->other = open_socket(netif_open(MDEV_UUID_B));
	return f->plain < 0 || f->packets < 0 || f->other < 0 ? -EIO : 0;
}

static int make_packet(struct fuzz *f)
{
	static const uint8_t to_all[ETH_ALEN] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};
	struct packet_flow flow = {
		.tcp = 1,
		.saddr = 0x0a000001,
		.daddr = 0x0a000002,
		.sport = 1000,
		.dport = 2000,
	};

	f->packet = calloc(1, FUZZ_PACKET + PACKET_TCP_HDR);
	if (!f->packet)
		return -ENOMEM;
	packet_make(f->packet, to_all, &flow, FUZZ_PACKET, 1);
	return 0;
}

static int make_events(struct fuzz *f)
{
	unsigned int i;

	for (i = 0; i < FUZZ_EVENTS; i++) {
		f->events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (f->events[i] < 0)
			return -errno;
	}
	return 0;
}

/* Two cards, guest memory behind both; -errno says that something is missing. */
int fuzz_open(struct fuzz *f, const char *type, enum vdev_how how)
{
	int ret;

	f->plain = -1;
	f->packets = -1;
	f->other = -1;
	f->data_fd = -1;
	memset(f->events, 0xff, sizeof(f->events));
	ret = open_card(&f->p.a, type, MDEV_UUID_A, how);
	if (!ret)
		ret = open_card(&f->p.b, type, MDEV_UUID_B, how);
	if (!ret)
		ret = guest_mem_init_shared(&f->mem, MIB, FUZZ_MEM);
	if (!ret)
		ret = guest_mem_init(&f->top, FUZZ_TOP, 4096);
	if (!ret)
		ret = fuzz_map_all(f);
	if (!ret)
		ret = vdev_map(&f->p.b, &f->mem);
	if (!ret)
		ret = vpci_init(&f->pci, &f->p.a);
	if (!ret)
		ret = open_sockets(f);
	if (!ret)
		ret = make_packet(f);
	if (ret)
		return ret;
	/* There may be no such address. */
	vdev_map(&f->p.a, &f->top);
	return make_events(f);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void fuzz_close(struct fuzz *f)
{
	unsigned int i;

	fuzz_free_rings(f);
	for (i = 0; i < FUZZ_EVENTS; i++)
		close_fd(f->events[i]);
	close_fd(f->plain);
	close_fd(f->packets);
	close_fd(f->other);
	close_fd(f->data_fd);
	pair_close(&f->p);
	guest_mem_free(&f->mem);
	guest_mem_free(&f->top);
	buf_free(&f->stream);
	free(f->packet);
}

/* Rings at the beginning of the guest memory, buffers behind them. */
int fuzz_make_rings(struct fuzz *f)
{
	unsigned int q;
	int ret;

	f->mem.used = 0;
	for (q = 0; q < FUZZ_QUEUES; q++) {
		ret = vq_init(&f->vq[q], &f->mem, FUZZ_RING, 0);
		if (ret)
			return ret;
	}
	f->bufs = f->mem.va + f->mem.used;
	f->bufs_len = f->mem.size - f->mem.used;
	return 0;
}

void fuzz_free_rings(struct fuzz *f)
{
	unsigned int q;

	for (q = 0; q < FUZZ_QUEUES; q++)
		vq_free(&f->vq[q]);
}

int fuzz_map_piece(struct fuzz *f, unsigned int piece, bool map)
{
	struct guest_mem part = {
		.va = f->mem.va + piece * FUZZ_PIECE,
		.iova = f->mem.iova + piece * FUZZ_PIECE,
		.size = FUZZ_PIECE,
	};
	int ret;

	if (f->mapped[piece] == map)
		return 0;
	ret = map ? vdev_map(&f->p.a, &part) :
		    vdev_unmap(&f->p.a, part.iova, part.size);
	if (!ret)
		f->mapped[piece] = map;
	return ret;
}

int fuzz_map_all(struct fuzz *f)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < FUZZ_PIECES; i++)
		ret = fuzz_map_piece(f, i, true);
	return ret;
}

/* A number that is often at the edge of something. */
uint64_t fuzz_value(struct fuzz *f)
{
	static const uint64_t values[] = {
		0, 1, 2, 3, 7, 8, 15, 16, 0x7f, 0x80, 0xff, 0x100, 0x101, 0x7fff,
		0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
		0x100000000, 1ULL << 47, 1ULL << 63, ~0ULL,
	};
	uint64_t any = rng_next(&f->rng);

	switch (fuzz_below(f, 4)) {
	case 0:
		return any;
	case 1:
		return any >> (any & 63);
	default:
		return values[any % ARRAY_SIZE(values)];
	}
}

static uint64_t odd_addr(struct fuzz *f)
{
	const struct vq *vq = &f->vq[fuzz_below(f, FUZZ_QUEUES)];
	const uint64_t addrs[] = {
		0, f->mem.iova, f->mem.iova - 1, f->mem.iova - 8,
		f->mem.iova + f->mem.size, f->mem.iova + f->mem.size - 1,
		f->mem.iova + f->mem.size - 13, FUZZ_TOP, ~0ULL, ~0ULL - 11,
		~0ULL - 59, FUZZ_TOP - 1, 1ULL << 32, 1ULL << 47, 1ULL << 63,
		vq->desc_iova, vq->avail_iova, vq->used_iova, vq->tables_iova,
		vq->used_iova + 2, vq->avail_iova + 2, vq->desc_iova + 4090,
		f->mem.iova + fuzz_below(f, FUZZ_PIECES) * FUZZ_PIECE,
		f->mem.iova + fuzz_below(f, FUZZ_PIECES) * FUZZ_PIECE - 7,
		fuzz_value(f), FUZZ_SLOW + fuzz_below(f, 16) * 4096,
	};

	return addrs[fuzz_below(f, ARRAY_SIZE(addrs))];
}

/* An address for a buffer, mostly a good one, often across a page's end. */
uint64_t fuzz_addr(struct fuzz *f)
{
	uint64_t at = guest_iova(&f->mem, f->bufs);

	if (fuzz_once_in(f, 8))
		return odd_addr(f);
	at += fuzz_below(f, f->bufs_len / 4096) * 4096;
	return at + (fuzz_once_in(f, 4) ? 4090 : fuzz_below(f, 64));
}

uint32_t fuzz_len(struct fuzz *f)
{
	static const uint32_t lens[] = {
		0, 1, 2, 10, 11, 12, 13, 14, 19, 20, 25, 26, 27, 60, 66, 1514,
		1526, 1534, 4095, 4096, 4097, 8192, 65535, 65536, 65550, 65562,
		0x7fffffff, 0x80000000, 0xfffffff4, 0xffffffff,
	};

	if (fuzz_once_in(f, 4))
		return fuzz_value(f);
	return lens[fuzz_below(f, ARRAY_SIZE(lens))];
}

void fuzz_bytes(struct fuzz *f, uint8_t *p, size_t len)
{
	uint64_t r = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (!(i & 7))
			r = rng_next(&f->rng);
		p[i] = r >> (i & 7) * 8;
	}
}
