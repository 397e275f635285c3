/* SPDX-License-Identifier: GPL-2.0-only */
/*
 *	pooled.c	devices, and two parents with a pool each
 *	virtual.c	the same devices, on a parent without hardware, by drivers of which
 *			some are not in order
 */
#ifndef POOLED_H
#define POOLED_H

#include <linux/mdev_migrate.h>

/**
 * struct pooled - a device
 * @mdm: what the frame has of it
 * @share: of its parent's pool
 * @reg: the register
 */
struct pooled {
	struct mdev_migrate_device mdm;
	u64 share;
	u32 reg;
};

int pooled_open(struct mdev_migrate_device *mdm);
void pooled_close(struct mdev_migrate_device *mdm);
void pooled_reset(struct mdev_migrate_device *mdm);
int pooled_stop(struct mdev_migrate_device *mdm);
void pooled_start(struct mdev_migrate_device *mdm);
u64 pooled_bar_read(struct mdev_migrate_device *mdm, unsigned int bar,
		    u64 offset, unsigned int len);
void pooled_bar_write(struct mdev_migrate_device *mdm, unsigned int bar,
		      u64 offset, unsigned int len, u64 value);
u64 pooled_state_size(struct mdev_migrate_device *mdm);
int pooled_save(struct mdev_migrate_device *mdm,
		struct mdev_migrate_writer *writer);
void *pooled_load_begin(struct mdev_migrate_device *mdm);
int pooled_load_record(struct mdev_migrate_device *mdm, void *shadow,
		       const struct mdev_migrate_record *rec);
int pooled_load_commit(struct mdev_migrate_device *mdm, void *shadow);
void pooled_load_end(struct mdev_migrate_device *mdm, void *shadow);

extern const struct mdev_migrate_record_type pooled_records[];
#define POOLED_NR_RECORDS	1

/* What a device does, whoever its driver is. */
#define POOLED_DEVICE_OPS						\
	.open = pooled_open,						\
	.close = pooled_close,						\
	.reset = pooled_reset,						\
	.stop = pooled_stop,						\
	.start = pooled_start,						\
	.bar_read = pooled_bar_read,					\
	.bar_write = pooled_bar_write,					\
	.state_size = pooled_state_size,				\
	.save = pooled_save,						\
	.records = pooled_records,					\
	.nr_records = POOLED_NR_RECORDS,				\
	.load_begin = pooled_load_begin,				\
	.load_record = pooled_load_record,				\
	.load_commit = pooled_load_commit,				\
	.load_end = pooled_load_end

/* virtual.c */
void virtual_exit(void);

#endif /* POOLED_H */
