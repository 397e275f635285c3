/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two devices on the platform bus that pretend to be hardware with firmware: no PCI
 * functions, no mdevs. Their driver has vfio_device_ops of its own, says what the
 * devices are and makes them migratable, and uses nothing else of mdev_migrate: for
 * tests/selftests/test_firmware.c, and to read.
 *
 *	main.c		the driver: platform devices, VFIO devices, attributes
 *	state.c		migration: what the driver asks the firmware for, and when
 *	firmware.c	the firmware, which may refuse any of it
 *
 *	region 0	the firmware's memory, which is its state: a blob
 *	refuse		attribute: "STEP [N]": what the firmware is asked for the Nth
 *			time from now on, and after that, it refuses; or "none"
 *	status		attribute: does it run, and how often was its memory written?
 */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include <linux/mdev_migrate/description.h>
#include <linux/mdev_migrate/migration.h>
#include <linux/mutex.h>
#include <linux/vfio.h>

/* How much the firmware gives, or is given, at a time; it knows what was written by page. */
#define FW_PART		SZ_256K
#define FW_PAGE		SZ_4K
#define FW_MAX_PAGES	2048

/**
 * enum fw_step - what a firmware is asked for
 */
enum fw_step {
	FW_BOOT,
	FW_STOP,
	FW_START,
	FW_SAVE_BEGIN,
	FW_SAVE,
	FW_PRECOPY,
	FW_LOAD_BEGIN,
	FW_LOAD,
	FW_LOAD_CHECK,
	FW_LOAD_COMMIT,
	FW_NR_STEPS
};

/**
 * struct fw - a firmware, and what there is of the hardware
 * @lock: guards all below
 * @memory: its memory, while the device is open
 * @size: bytes there
 * @running: it runs
 * @writes: how often its memory was written
 * @tracking: it remembers which pages change below @sent
 * @sent: so much of its memory was given out; written under the lock only
 * @dirty: pages below @sent that have changed since
 * @nr_dirty: how many; written under the lock only
 * @refuses: what it refuses, FW_NR_STEPS for nothing
 * @countdown: how often it does it before
 */
struct fw {
	struct mutex lock; /* all below */
	u8 *memory;
	size_t size;
	bool running;
	u64 writes;
	bool tracking;
	size_t sent;
	DECLARE_BITMAP(dirty, FW_MAX_PAGES);
	unsigned int nr_dirty;
	enum fw_step refuses;
	unsigned int countdown;
};

/**
 * struct fw_device - a device
 * @vdev: what the VFIO core sees
 * @desc: what it is
 * @mig: its migration
 * @fw: its firmware
 */
struct fw_device {
	struct vfio_device vdev;
	struct mdev_migrate_description desc;
	struct mdev_migrate_migration mig;
	struct fw fw;
};

extern const char * const fw_steps[FW_NR_STEPS];

/* firmware.c */
void fw_init(struct fw *fw);
int fw_boot(struct fw *fw, size_t size);
void fw_off(struct fw *fw);
void fw_restart(struct fw *fw);
int fw_ask(struct fw *fw, enum fw_step step);
bool fw_write(struct fw *fw, size_t offset, const void *data, size_t len);
void fw_read(struct fw *fw, size_t offset, void *data, size_t len);
void fw_track(struct fw *fw, bool tracking);
void fw_set_dirty(struct fw *fw, unsigned int page);
bool fw_next_dirty(struct fw *fw, unsigned int *page);

/* state.c */
extern const struct mdev_migrate_migration_ops fw_migration_ops;
extern const struct mdev_migrate_record_type fw_records[];
extern const unsigned int fw_nr_records;

#endif /* FIRMWARE_H */
