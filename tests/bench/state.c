// SPDX-License-Identifier: GPL-2.0-only
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mdev.h"

#define PATTERN		"/sys/class/mdev_bus/pattern/mdev_supported_types/pattern-v1/create"
#define DISPLAY		"/sys/class/mdev_bus/bochs_display/mdev_supported_types/" \
			"bochs_display-v1/create"
/* Registers and the window, in BAR 0: Documentation/devices/pattern.rst. */
#define REG_COUNT	0x8
#define REG_WINDOW	0x18
#define WINDOW		0x10000
#define PAGES_PER_MIB	256
#define FILL_RATE	65536

#define FILES		"/tmp/state_bench"
#define FILE_PATH	FILES "/state"

/* What the reads and writes of both sides go through. */
static uint8_t chunk[STATE_CHUNK];

static void open_one(struct state_dev *d, const char *uuid, const char *create,
		     const char *param, unsigned int mib)
{
	char text[16];
	int ret;

	d->mib = mib;
	snprintf(text, sizeof(text), "%u", mib);
	ret = sysfs_write(create, uuid);
	if (!ret)
		ret = mdev_write(uuid, param, text);
	if (!ret)
		ret = vdev_open(&d->v, uuid, VDEV_IOMMUFD);
	if (!ret)
		ret = pci_write(&d->v, 2, PCI_COMMAND, PCI_COMMAND_MEMORY);
	if (ret)
		die("a device of %u MiB: %s", mib, strerror(-ret));
}

void state_open(struct state_dev *d, const char *uuid, unsigned int mib)
{
	open_one(d, uuid, PATTERN, "migration/params/memory-mib", mib);
}

void state_open_display(struct state_dev *d, const char *uuid, unsigned int mib)
{
	open_one(d, uuid, DISPLAY, "migration/params/vram-mib", mib);
}

void state_close(struct state_dev *d)
{
	char uuid[sizeof(d->v.uuid)];

	memcpy(uuid, d->v.uuid, sizeof(uuid));
	vdev_close(&d->v);
	if (mdev_remove(uuid))
		die("%s cannot be removed", uuid);
}

void state_rate(struct state_dev *d, unsigned int mib_per_second)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", mib_per_second);
	if (mdev_write(d->v.uuid, "rate", text))
		die("rate %s is not taken", text);
}

/* The device writes to all of its memory. */
void state_fill(struct state_dev *d)
{
	uint64_t pages = (uint64_t)d->mib * PAGES_PER_MIB;

	state_rate(d, FILL_RATE);
	while (vdev_read(&d->v, 0, 8, REG_COUNT) < pages)
		usleep(1000);
	state_rate(d, 0);
}

/* All of it is written to, with zeros. */
void state_fill_zero(struct state_dev *d)
{
	unsigned int i;

	memset(chunk, 0, WINDOW);
	for (i = 0; i < d->mib * ((1 << 20) / WINDOW); i++) {
		if (vdev_write(&d->v, 0, 8, REG_WINDOW, i) ||
		    vdev_pwrite(&d->v, 0, chunk, WINDOW, WINDOW) != WINDOW)
			die("window %u cannot be written", i);
	}
}

/* As the VMM writes, who has no mapping: a page table is not to be counted. */
static void fill_display(struct state_dev *d, unsigned int step)
{
	unsigned int i, at;

	for (i = 0; i < d->mib; i++) {
		for (at = 0; at < sizeof(chunk); at += sizeof(uint32_t))
			*(uint32_t *)(chunk + at) = step * (at + i + 1);
		if (vdev_pwrite(&d->v, STATE_DISPLAY_BAR, chunk, sizeof(chunk),
				(off_t)i * sizeof(chunk)) != sizeof(chunk))
			die("MiB %u cannot be written", i);
	}
}

void state_fill_display(struct state_dev *d)
{
	fill_display(d, 1);
}

void state_fill_display_zero(struct state_dev *d)
{
	fill_display(d, 0);
}

void state_set(struct vdev *v, uint32_t state, int *fd)
{
	int ret = mig_set(v, state, fd);

	if (ret)
		die("to %s: %s", mig_name(state), strerror(-ret));
}

/* Reads to the end, or @most at least. Where from @buf there is none, it is dropped. */
size_t state_read(int fd, uint8_t *buf, size_t most)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, buf ? buf + len : chunk, STATE_CHUNK);
		if (n < 0)
			die("read: %s", strerror(errno));
		len += n;
	} while (n && len < most);
	return len;
}

void state_write(int fd, const uint8_t *data, size_t len)
{
	size_t at = 0, want;
	ssize_t n;

	while (at < len) {
		want = len - at < STATE_CHUNK ? len - at : STATE_CHUNK;
		n = write(fd, data + at, want);
		if (n <= 0)
			die("write: %s", strerror(errno));
		at += n;
	}
}

/* Reads what pre-copy has until it has caught up, more than once. */
void state_precopy(int fd)
{
	unsigned int ends = 0;

	while (ends < 3) {
		if (read(fd, chunk, STATE_CHUNK) >= 0)
			continue;
		if (errno != ENOMSG)
			die("pre-copy: %s", strerror(errno));
		ends++;
		usleep(10000);
	}
}

static double seconds_since(uint64_t start)
{
	return (now_ns() - start) / 1e9;
}

/* Seconds for all reads of a state; kept in @keep if that is not NULL. */
double state_save(struct state_dev *d, struct buf *keep, size_t *len)
{
	uint64_t start;
	double seconds;
	int fd;

	if (keep && buf_reserve(keep, (size_t)(d->mib + d->mib / 64 + 4) << 20))
		die("no memory for a state of %u MiB", d->mib);
	state_set(&d->v, VFIO_DEVICE_STATE_STOP_COPY, &fd);
	start = now_ns();
	*len = state_read(fd, keep ? keep->data : NULL, SIZE_MAX);
	seconds = seconds_since(start);
	if (keep)
		keep->len = *len;
	close(fd);
	state_set(&d->v, VFIO_DEVICE_STATE_RUNNING, NULL);
	return seconds;
}

/* KiB that are in use when half of a state of @len bytes is read. */
double state_save_memory(struct state_dev *d, size_t len)
{
	double before, with;
	int fd;

	before = measure_used_kib();
	state_set(&d->v, VFIO_DEVICE_STATE_STOP_COPY, &fd);
	state_read(fd, NULL, len / 2);
	with = measure_used_kib();
	close(fd);
	state_set(&d->v, VFIO_DEVICE_STATE_RUNNING, NULL);
	return with - before;
}

static int begin_load(struct state_dev *d)
{
	int fd;

	if (vdev_reset(&d->v))
		die("reset");
	state_set(&d->v, VFIO_DEVICE_STATE_RESUMING, &fd);
	return fd;
}

/* Seconds for all writes of a state, into a device that has no memory yet. */
double state_load(struct state_dev *d, const struct buf *stream)
{
	int fd = begin_load(d);
	uint64_t start = now_ns();
	double seconds;

	state_write(fd, stream->data, stream->len);
	seconds = seconds_since(start);
	close(fd);
	state_set(&d->v, VFIO_DEVICE_STATE_RUNNING, NULL);
	return seconds;
}

/* KiB that are in use when half of a state is written, without the device's own memory. */
double state_load_memory(struct state_dev *d, const struct buf *stream)
{
	double before, with;
	int fd;

	if (vdev_reset(&d->v))
		die("reset");
	before = measure_used_kib();
	fd = begin_load(d);
	state_write(fd, stream->data, stream->len / 2);
	with = measure_used_kib();
	close(fd);
	if (vdev_reset(&d->v))
		die("reset");
	/* The state is the memory and some more, all along. */
	return with - before - d->mib * 1024.0 / 2;
}

/* A file in memory with what is in a stream. */
void state_file_make(const struct buf *stream)
{
	int fd;

	mkdir(FILES, 0700);
	if (mount("state_bench", FILES, "tmpfs", 0, "size=90%"))
		die("no tmpfs: %s", strerror(errno));
	fd = open(FILE_PATH, O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		die("%s: %s", FILE_PATH, strerror(errno));
	state_write(fd, stream->data, stream->len);
	close(fd);
}

double state_file_read(size_t len)
{
	int fd = open(FILE_PATH, O_RDONLY);
	uint64_t start = now_ns();
	double seconds;

	if (state_read(fd, NULL, SIZE_MAX) != len)
		die("the file has another size");
	seconds = seconds_since(start);
	close(fd);
	return seconds;
}

double state_file_write(const struct buf *stream)
{
	int fd = open(FILE_PATH, O_WRONLY | O_TRUNC);
	uint64_t start = now_ns();
	double seconds;

	state_write(fd, stream->data, stream->len);
	seconds = seconds_since(start);
	close(fd);
	return seconds;
}

void state_file_remove(void)
{
	if (umount(FILES) || rmdir(FILES))
		die("the tmpfs stays: %s", strerror(errno));
}
