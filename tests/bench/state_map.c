// SPDX-License-Identifier: GPL-2.0-only
/* What touching a device's memory takes where it is mapped, beside anonymous memory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "state.h"

#define UUID		"6d646576-0002-4000-8000-00000000000c"
#define MIB		16
#define SIZE		((size_t)MIB << 20)
#define PAGE		4096
#define PAGES		(SIZE / PAGE)
#define ROUNDS		25
/* A fault takes so much more at most; writing without one, nothing but the samples' noise. */
#define FAULT_RATIO	(1.0 / 3)
#define WRITE_RATIO	0.95
/* How often a sample writes to all of it. */
#define WRITES		4

static uint8_t *map(int fd, uint64_t offset)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	uint8_t *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, fd, offset);

	if (p == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	madvise(p, SIZE, MADV_NOHUGEPAGE);
	return p;
}

/* Microseconds for a page. */
static double touch(volatile uint8_t *p)
{
	uint64_t start = now_ns();
	size_t i;

	for (i = 0; i < SIZE; i += PAGE)
		p[i] = 1;
	return (now_ns() - start) / 1e3 / PAGES;
}

static double touch_anonymous(void)
{
	uint8_t *p = map(-1, 0);
	double us = touch(p);

	munmap(p, SIZE);
	return us;
}

/* Microseconds for a page that is there. */
static double fill(uint8_t *p, unsigned int round)
{
	uint64_t start = now_ns();
	unsigned int i;

	for (i = 0; i < WRITES; i++)
		memset(p, round + i, SIZE);
	return (now_ns() - start) / 1e3 / PAGES / WRITES;
}

static void print(const char *name, double *ours, double *peer, double limit)
{
	double ratios[ROUNDS], ratio;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++)
		ratios[i] = peer[i] / ours[i];
	ratio = measure_median(ratios, ROUNDS);
	printf("bench: state_%s ours=%.3fus peer=%.3fus ratio=%.2f limit=%.2f\n", name,
	       measure_median(ours, ROUNDS), measure_median(peer, ROUNDS), ratio, limit);
	printf("# state_%s: %u ratios are from %.2f to %.2f\n", name, ROUNDS, ratios[0],
	       ratios[ROUNDS - 1]);
	fflush(stdout);
}

/* All that there is to be read in pre-copy: from then on each page is watched. */
static void put_all(struct state_dev *d, int *fd)
{
	static uint8_t buf[STATE_CHUNK];

	state_set(&d->v, VFIO_DEVICE_STATE_PRE_COPY, fd);
	while (read(*fd, buf, sizeof(buf)) > 0)
		;
	if (errno != ENOMSG)
		die("pre-copy: %s", strerror(errno));
}

static void bench_touch(struct state_dev *d, uint8_t *p)
{
	double first[ROUNDS], again[ROUNDS], peer[ROUNDS];
	unsigned int i;
	int fd;

	for (i = 0; i < ROUNDS; i++) {
		if (vdev_reset(&d->v))
			die("the device is not reset");
		first[i] = touch(p);
		peer[i] = touch_anonymous();
		put_all(d, &fd);
		again[i] = touch(p);
		state_set(&d->v, VFIO_DEVICE_STATE_RUNNING, NULL);
		close(fd);
	}
	print("touch", first, peer, FAULT_RATIO);
	print("touch_watched", again, peer, FAULT_RATIO);
}

static void bench_write(struct state_dev *d, uint8_t *p)
{
	uint8_t *own = map(-1, 0);
	double ours[ROUNDS], peer[ROUNDS];
	unsigned int i;

	/* After a migration, which has taken the pages away, as before one. */
	fill(p, 1);
	fill(own, 1);
	for (i = 0; i < ROUNDS; i++) {
		ours[i] = fill(p, i);
		peer[i] = fill(own, i);
	}
	print("mapped_write", ours, peer, WRITE_RATIO);
	munmap(own, SIZE);
}

void bench_map(char **names)
{
	struct vfio_region_info info;
	struct state_dev d;
	uint8_t *p;

	if (!measure_wanted("state_map", names))
		return;
	state_open(&d, UUID, MIB);
	if (vdev_region_info(&d.v, STATE_BAR, &info))
		die("there is no BAR %u", STATE_BAR);
	p = map(d.v.fd, info.offset);
	bench_touch(&d, p);
	bench_write(&d, p);
	munmap(p, SIZE);
	state_close(&d);
}
