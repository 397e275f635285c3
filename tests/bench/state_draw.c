// SPDX-License-Identifier: GPL-2.0-only
/*
 * A display whose guest draws all the time, through a mapping: how long it stands still
 * for a migration, and what its memory costs beside itself.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "state.h"

#define UUID		"6d646576-0002-4000-8000-00000000000d"
#define MIB		64
#define SIZE		((size_t)MIB << 20)
#define PAGE		4096
/* What the guest draws in a second, and how often a second it begins anew. */
#define DRAWN_MIB	10
#define FRAMES		100
#define ROUNDS		9
/* Stop-copy is so much shorter with pre-copy. */
#define STOP_RATIO	10.0
/* Memory beside the display's own, in KiB: 0.1 %. */
#define MEMORY_KIB	(MIB * 1024 / 1000)

/* The guest: it draws as long as it runs. */
struct guest {
	pthread_t thread;
	uint8_t *vram;
	bool runs;
	bool ended;
};

/* One frame: some pages, all over the screen in the course of time. */
static void draw(uint8_t *vram, unsigned int frame)
{
	const unsigned int pages = (DRAWN_MIB << 20) / PAGE / FRAMES;
	unsigned int i;

	for (i = 0; i < pages; i++)
		memset(vram + (size_t)(frame * pages + i) * PAGE % SIZE, frame + 1, PAGE);
}

static void *drawing(void *arg)
{
	struct guest *g = arg;
	unsigned int frame = 0;

	while (!__atomic_load_n(&g->ended, __ATOMIC_ACQUIRE)) {
		if (__atomic_load_n(&g->runs, __ATOMIC_ACQUIRE))
			draw(g->vram, frame++);
		usleep(1000000 / FRAMES);
	}
	return NULL;
}

/* As a VMM stops its processors: none draws any more on return. */
static void guest_runs(struct guest *g, bool runs)
{
	__atomic_store_n(&g->runs, runs, __ATOMIC_RELEASE);
	usleep(3 * 1000000 / FRAMES);
}

/* Milliseconds from the stop of the device to the end of its data. */
static double stop_copy(struct state_dev *d, struct guest *g, bool with,
			unsigned int frames, size_t *len)
{
	uint64_t start;
	unsigned int i;
	double ms;
	int fd;

	guest_runs(g, !frames);
	if (with) {
		state_set(&d->v, VFIO_DEVICE_STATE_PRE_COPY, &fd);
		state_precopy(fd);
	}
	guest_runs(g, false);
	for (i = 0; i < frames; i++)
		draw(g->vram, i);
	start = now_ns();
	state_set(&d->v, VFIO_DEVICE_STATE_STOP_COPY, with ? NULL : &fd);
	*len = state_read(fd, NULL, SIZE_MAX);
	ms = (now_ns() - start) / 1e6;
	close(fd);
	state_set(&d->v, VFIO_DEVICE_STATE_RUNNING, NULL);
	return ms;
}

static void measure(struct state_dev *d, struct guest *g)
{
	double with[ROUNDS], without[ROUNDS], ratios[ROUNDS];
	size_t some, all;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		without[i] = stop_copy(d, g, false, 0, &all);
		with[i] = stop_copy(d, g, true, 0, &some);
		ratios[i] = without[i] / with[i];
	}
	printf("bench: state_drawn_%u ours=%.2fms without=%.2fms ratio=%.1f limit=%.1f\n",
	       MIB, measure_median(with, ROUNDS), measure_median(without, ROUNDS),
	       measure_median(ratios, ROUNDS), STOP_RATIO);
	printf("# state_drawn_%u: %zu bytes of %zu", MIB, some, all);
	for (i = 20; i <= 80; i *= 2) {
		double ms = stop_copy(d, g, true, i, &some);

		printf("; %.2f ms, %zu bytes of %u frames", ms, some, i);
	}
	printf("\n");
	fflush(stdout);
}

/* KiB of a display beyond its memory, all of which has something in it. */
static double memory_of(unsigned int mib)
{
	struct state_dev d;
	double kib;

	kib = measure_kernel_kib();
	state_open_display(&d, UUID, mib);
	state_fill_display(&d);
	kib = measure_kernel_kib() - kib;
	state_close(&d);
	return kib;
}

/* What comes with the memory; any device has files in sysfs. False if that is too much. */
static bool measure_memory(void)
{
	double any, kib;

	memory_of(1);
	any = memory_of(1);
	kib = memory_of(MIB) - any;
	printf("bench: state_display_memory_%u ours=%.0fKiB limit=%uKiB\n", MIB,
	       kib, MEMORY_KIB);
	printf("# state_display_memory_%u: %.0f KiB more for a display of any size\n", MIB, any);
	fflush(stdout);
	return kib <= MEMORY_KIB;
}

bool bench_draw(char **names)
{
	struct vfio_region_info info;
	struct guest g = { 0 };
	struct state_dev d;
	bool fits;

	if (!measure_wanted("state_display", names))
		return true;
	fits = measure_memory();
	state_open_display(&d, UUID, MIB);
	state_fill_display(&d);
	if (vdev_region_info(&d.v, STATE_DISPLAY_BAR, &info))
		die("there is no BAR %u", STATE_DISPLAY_BAR);
	g.vram = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, d.v.fd, info.offset);
	if (g.vram == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	if (pthread_create(&g.thread, NULL, drawing, &g))
		die("no thread");
	measure(&d, &g);
	__atomic_store_n(&g.ended, true, __ATOMIC_RELEASE);
	pthread_join(g.thread, NULL);
	munmap(g.vram, SIZE);
	state_close(&d);
	return fits;
}
