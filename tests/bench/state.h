/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is timed: a device's state through its data FD, and a file in memory through the
 * same buffer.
 */
#ifndef TESTS_BENCH_STATE_H
#define TESTS_BENCH_STATE_H

#include "measure.h"
#include "vdev.h"

/* The BAR that is the device's memory. */
#define STATE_BAR		2
#define STATE_DISPLAY_BAR	0

/* Bytes of a read() or write(). */
#define STATE_CHUNK	(1 << 20)

/**
 * struct state_dev - an open device with memory
 * @v: the device
 * @mib: MiB of memory
 */
struct state_dev {
	struct vdev v;
	unsigned int mib;
};

void state_open(struct state_dev *d, const char *uuid, unsigned int mib);
void state_open_display(struct state_dev *d, const char *uuid, unsigned int mib);
void state_close(struct state_dev *d);
void state_rate(struct state_dev *d, unsigned int mib_per_second);
void state_fill(struct state_dev *d);
void state_fill_zero(struct state_dev *d);
void state_fill_display(struct state_dev *d);
void state_fill_display_zero(struct state_dev *d);

void state_set(struct vdev *v, uint32_t state, int *fd);
size_t state_read(int fd, uint8_t *buf, size_t most);
void state_write(int fd, const uint8_t *data, size_t len);
double state_save(struct state_dev *d, struct buf *keep, size_t *len);
double state_save_memory(struct state_dev *d, size_t len);
double state_load(struct state_dev *d, const struct buf *stream);
double state_load_memory(struct state_dev *d, const struct buf *stream);

void state_precopy(int fd);

/* state_map.c */
void bench_map(char **names);

/* state_draw.c */
bool bench_draw(char **names);

/* state_estimate.c: whether it is good enough */
bool bench_estimate(char **names);

void state_file_make(const struct buf *stream);
double state_file_read(size_t len);
double state_file_write(const struct buf *stream);
void state_file_remove(void);

#endif /* TESTS_BENCH_STATE_H */
