// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures large states, with the device pattern. See README.rst: samples of both sides
 * alternate, and what counts is the median of the ratios of neighbouring samples.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mdev.h"
#include "state.h"

#define UUID_A		"6d646576-0002-4000-8000-00000000000a"
#define UUID_B		"6d646576-0002-4000-8000-00000000000b"
#define UUID_C		"6d646576-0002-4000-8000-00000000000e"
#define ROUNDS_MAX	101
/* What a state may take more than the device has, in KiB, and how fast it is at least. */
#define MEMORY_KIB	4096
#define SPEED		0.8
#define ZERO_SPEED	5.0
/* Stop-copy with pre-copy: of so much, at so much a second; how much shorter. */
#define STOP_MIB	64
#define STOP_RATE	10
#define STOP_RATIO	10.0
#define STOPS		9
#define SMALL		101

/* What has such a state, and what its lines are called. */
struct kind {
	const char *name;
	void (*open)(struct state_dev *d, const char *uuid, unsigned int mib);
	void (*fill)(struct state_dev *d);
	void (*fill_zero)(struct state_dev *d);
};

static const struct kind pattern = {
	"", state_open, state_fill, state_fill_zero
};

static const struct kind display = {
	"display_", state_open_display, state_fill_display, state_fill_display_zero
};

/* Sizes in MiB, and samples. */
static const struct {
	const struct kind *kind;
	const char *group;
	unsigned int mib, rounds;
} sizes[] = {
	{ &pattern, "state_sizes", 64, 15 },
	{ &pattern, "state_sizes", 256, 9 },
	{ &pattern, "state_sizes", 1024, 5 },
	{ &display, "state_display", 64, 15 },
	{ &display, "state_display", 256, 9 },
};

static bool failed;

static void print_ratio(const struct kind *kind, const char *name,
			unsigned int mib, double *ours, double *peer,
			double *ratios, unsigned int n, double limit)
{
	double ratio = measure_median(ratios, n);

	printf("bench: state_%s%s_%u ours=%.0fMiB/s peer=%.0fMiB/s ratio=%.2f limit=%.2f\n",
	       kind->name, name, mib, mib / measure_median(ours, n),
	       mib / measure_median(peer, n), ratio, limit);
	printf("# state_%s%s_%u: %u ratios are from %.2f to %.2f\n", kind->name,
	       name, mib, n, ratios[0], ratios[n - 1]);
	fflush(stdout);
}

static void print_memory(const struct kind *kind, const char *name,
			 unsigned int mib, double kib)
{
	printf("bench: state_%s%s_memory_%u ours=%.0fKiB limit=%uKiB\n",
	       kind->name, name, mib, kib, MEMORY_KIB);
	fflush(stdout);
	failed |= kib > MEMORY_KIB;
}

static void bench_save(const struct kind *kind, unsigned int mib,
		       unsigned int rounds, struct buf *stream)
{
	double ours[ROUNDS_MAX], peer[ROUNDS_MAX], ratios[ROUNDS_MAX];
	struct state_dev d;
	unsigned int i;
	size_t len;

	kind->open(&d, UUID_A, mib);
	kind->fill(&d);
	state_save(&d, stream, &len);
	state_file_make(stream);
	for (i = 0; i < rounds; i++) {
		ours[i] = state_save(&d, NULL, &len);
		peer[i] = state_file_read(len);
		ratios[i] = peer[i] / ours[i];
	}
	print_ratio(kind, "save", mib, ours, peer, ratios, rounds, SPEED);
	print_memory(kind, "save", mib, state_save_memory(&d, len));
	state_close(&d);
}

static void bench_load(const struct kind *kind, unsigned int mib,
		       unsigned int rounds, const struct buf *stream)
{
	double ours[ROUNDS_MAX], peer[ROUNDS_MAX], ratios[ROUNDS_MAX];
	struct state_dev d;
	unsigned int i;

	kind->open(&d, UUID_A, mib);
	for (i = 0; i < rounds; i++) {
		ours[i] = state_load(&d, stream);
		peer[i] = state_file_write(stream);
		ratios[i] = peer[i] / ours[i];
	}
	print_ratio(kind, "load", mib, ours, peer, ratios, rounds, SPEED);
	print_memory(kind, "load", mib, state_load_memory(&d, stream));
	state_close(&d);
}

static void bench_sizes(char **names)
{
	struct buf stream = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (!measure_wanted(sizes[i].group, names))
			continue;
		bench_save(sizes[i].kind, sizes[i].mib, sizes[i].rounds, &stream);
		bench_load(sizes[i].kind, sizes[i].mib, sizes[i].rounds, &stream);
		state_file_remove();
	}
	buf_free(&stream);
}

/* Seconds for reading as much memory as the device has, and nothing else. */
static double read_memory(const struct buf *memory)
{
	const volatile uint64_t *p = (const uint64_t *)memory->data;
	uint64_t start = now_ns();
	size_t i;

	for (i = 0; i < memory->len / sizeof(*p); i += 4)
		(void)(p[i] | p[i + 1] | p[i + 2] | p[i + 3]);
	return (now_ns() - start) / 1e9;
}

/*
 * Memory that nobody has written to, beside the same with something in it; and memory that
 * zeros were written to, which has to be read.
 */
static void bench_zero_of(const struct kind *kind)
{
	double zero[ROUNDS_MAX], full[ROUNDS_MAX], written[ROUNDS_MAX];
	double ratios[ROUNDS_MAX], reading[ROUNDS_MAX];
	unsigned int i, n = sizes[0].rounds, mib = sizes[0].mib;
	struct state_dev a, b, c;
	struct buf memory = { 0 };
	size_t len, none;

	kind->open(&a, UUID_A, mib);
	kind->open(&b, UUID_B, mib);
	kind->open(&c, UUID_C, mib);
	kind->fill_zero(&a);
	kind->fill(&b);
	if (buf_reserve(&memory, (size_t)mib << 20))
		die("no memory");
	memory.len = (size_t)mib << 20;
	memset(memory.data, 0, memory.len);
	for (i = 0; i < n; i++) {
		full[i] = state_save(&b, NULL, &len);
		zero[i] = state_save(&c, NULL, &none);
		written[i] = state_save(&a, NULL, &len);
		ratios[i] = full[i] / zero[i];
		reading[i] = read_memory(&memory) / written[i];
	}
	print_ratio(kind, "zero", mib, zero, full, ratios, n, ZERO_SPEED);
	printf("# state_%szero_%u: %zu bytes\n", kind->name, mib, none);
	printf("# zeros that were written: %zu bytes, %.0f MiB/s, %.2f of reading memory\n",
	       len, mib / measure_median(written, n), measure_median(reading, n));
	buf_free(&memory);
	state_close(&a);
	state_close(&b);
	state_close(&c);
}

static void bench_zero(char **names)
{
	if (measure_wanted("state_zero", names))
		bench_zero_of(&pattern);
	if (measure_wanted("state_display", names))
		bench_zero_of(&display);
}

/* Seconds from the change of state to the end of the data. */
static double stop_copy(struct state_dev *d, bool with, unsigned int ms,
			size_t *len)
{
	double seconds;
	uint64_t start;
	int fd;

	if (with) {
		state_set(&d->v, VFIO_DEVICE_STATE_PRE_COPY, &fd);
		state_precopy(fd);
		usleep(ms * 1000);
	}
	start = now_ns();
	state_set(&d->v, VFIO_DEVICE_STATE_STOP_COPY, with ? NULL : &fd);
	*len = state_read(fd, NULL, SIZE_MAX);
	seconds = (now_ns() - start) / 1e9;
	close(fd);
	state_set(&d->v, VFIO_DEVICE_STATE_RUNNING, NULL);
	return seconds;
}

static void bench_stop_copy(char **names)
{
	double with[STOPS], without[STOPS], ratios[STOPS], ratio;
	struct state_dev d;
	size_t some, all;
	unsigned int i;

	if (!measure_wanted("state_stop_copy", names))
		return;
	state_open(&d, UUID_A, STOP_MIB);
	state_fill(&d);
	state_rate(&d, STOP_RATE);
	for (i = 0; i < STOPS; i++) {
		without[i] = stop_copy(&d, false, 0, &all);
		with[i] = stop_copy(&d, true, 0, &some);
		ratios[i] = without[i] / with[i];
	}
	ratio = measure_median(ratios, STOPS);
	printf("bench: state_stop_copy_%u ours=%.2fms without=%.2fms ratio=%.1f limit=%.1f\n",
	       STOP_MIB, measure_median(with, STOPS) * 1e3,
	       measure_median(without, STOPS) * 1e3, ratio, STOP_RATIO);
	printf("# state_stop_copy_%u: %zu bytes of %zu", STOP_MIB, some, all);
	for (i = 100; i <= 400; i *= 2) {
		double ms = stop_copy(&d, true, i, &some) * 1e3;

		printf("; %.2f ms, %zu bytes %u ms later", ms, some, i);
	}
	printf("\n");
	fflush(stdout);
	state_close(&d);
}

/* A device's type and where it is made; what one migration of it takes at the source. */
static void open_small(struct vdev *v, const char *uuid, const char *create)
{
	int ret = sysfs_write(create, uuid);

	if (!ret)
		ret = vdev_open(v, uuid, VDEV_IOMMUFD);
	if (ret)
		die("%s: %s", create, strerror(-ret));
}

static double save_small(struct vdev *v)
{
	uint64_t start = now_ns();
	double seconds;
	int fd;

	state_set(v, VFIO_DEVICE_STATE_STOP_COPY, &fd);
	state_read(fd, NULL, SIZE_MAX);
	seconds = (now_ns() - start) / 1e9;
	close(fd);
	state_set(v, VFIO_DEVICE_STATE_RUNNING, NULL);
	return seconds;
}

/* The network card beside the kernel's own sample, which has a serial port's registers. */
static void bench_small(char **names)
{
	static const char create[] = "/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2/create";
	double ours[SMALL], peer[SMALL], ratios[SMALL];
	struct vdev a, b;
	unsigned int i;

	if (!measure_wanted("state_small", names))
		return;
	if (access(create, F_OK)) {
		printf("# state_small: the kernel's mtty is not there\n");
		return;
	}
	open_small(&a, UUID_A, MDEV_TYPES "/" MDEV_TYPE_V1 "/create");
	open_small(&b, UUID_B, create);
	for (i = 0; i < SMALL; i++) {
		ours[i] = save_small(&a);
		peer[i] = save_small(&b);
		ratios[i] = peer[i] / ours[i];
	}
	printf("bench: state_small ours=%.1fus peer=%.1fus ratio=%.2f\n",
	       measure_median(ours, SMALL) * 1e6,
	       measure_median(peer, SMALL) * 1e6,
	       measure_median(ratios, SMALL));
	fflush(stdout);
	vdev_close(&a);
	vdev_close(&b);
	mdev_remove(UUID_A);
	mdev_remove(UUID_B);
}

/* For a profiler: one thing and nothing else. */
static int alone(const char *what)
{
	unsigned int i, mib = sizes[1].mib;
	struct buf stream = { 0 };
	struct state_dev d;
	double took[SMALL];
	size_t len;

	state_open(&d, UUID_A, mib);
	state_fill(&d);
	state_save(&d, &stream, &len);
	if (!strncmp(what, "file", 4))
		state_file_make(&stream);
	for (i = 0; i < SMALL; i++) {
		if (!strcmp(what, "save"))
			took[i] = state_save(&d, NULL, &len);
		else if (!strcmp(what, "load"))
			took[i] = state_load(&d, &stream);
		else if (!strcmp(what, "file_read"))
			took[i] = state_file_read(len);
		else
			took[i] = state_file_write(&stream);
	}
	printf("# %s by itself: %.0f MiB/s\n", what,
	       mib / measure_median(took, SMALL));
	state_close(&d);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "-a"))
		return alone(argv[2]);
	bench_small(argv + 1);
	bench_zero(argv + 1);
	bench_map(argv + 1);
	failed |= !bench_draw(argv + 1);
	bench_stop_copy(argv + 1);
	bench_sizes(argv + 1);
	failed |= !bench_estimate(argv + 1);
	return failed;
}
