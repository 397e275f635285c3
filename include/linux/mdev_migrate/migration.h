/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Migration of a VFIO device: the v2 state machine, data FDs and the state
 * stream, which begins with the device's configuration. Whoever uses it has a
 * struct vfio_device with vfio_device_ops of his own, and describes the device
 * (struct mdev_migrate_description).
 *
 * The device's open_device() and close_device() call
 * mdev_migrate_migration_open() and mdev_migrate_migration_close(),
 * VFIO_DEVICE_RESET calls mdev_migrate_migration_reset(), and its
 * vfio_migration_ops call the functions of the same names.
 */
#ifndef _LINUX_MDEV_MIGRATE_MIGRATION_H
#define _LINUX_MDEV_MIGRATE_MIGRATION_H

#include <linux/mdev_migrate/description.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/stringify.h>
#include <linux/vfio.h>
#include <uapi/linux/mdev_migrate.h>

struct mdev_migrate_migration;
struct mdev_migrate_writer;
struct mdm_session;

/* The most records a device can load. */
#define MDEV_MIGRATE_MAX_RECORDS	128

/* What a device can that uses this, for struct vfio_device's migration_flags. */
#define MDEV_MIGRATE_MIGRATION_FLAGS					\
	(VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P |		\
	 VFIO_MIGRATION_PRE_COPY)

/* What its streams are, for struct mdev_migrate_type_description's stream_version. */
#define MDEV_MIGRATE_STREAM_VERSION					\
	__stringify(MDEV_MIGRATE_STREAM_MAJOR) "."			\
	__stringify(MDEV_MIGRATE_STREAM_MINOR)

/**
 * struct mdev_migrate_record - a record of the stream, verified and whole
 * @tag: MDEV_MIGRATE_TAG_*
 * @flags: MDEV_MIGRATE_RECORD_*
 * @length: bytes at @data
 * @data: the payload, as it came: check every field before using it
 */
struct mdev_migrate_record {
	u32 tag;
	u32 flags;
	u32 length;
	const void *data;
};

/**
 * struct mdev_migrate_record_type - a record that a device can load
 * @tag: MDEV_MIGRATE_TAG_*
 * @max_length: a longer one is refused before it is buffered
 * @required: a stream without it is refused
 * @repeated: the stream may hold several; otherwise a second one is refused
 */
struct mdev_migrate_record_type {
	u32 tag;
	u32 max_length;
	bool required;
	bool repeated;
};

/**
 * struct mdev_migrate_migration_ops - what the driver of a device does
 *
 * Callbacks may sleep unless said otherwise. @open, @close, @reset, @stop,
 * @start, @set_saving, @save, @load_check and @load_commit are called one at a
 * time, under the state lock; @load_begin, @load_record and @load_end under the
 * session's lock.
 *
 * @open: the device is being opened; bring it to its state after reset. On error
 *	nothing may be left behind. Optional.
 * @close: it is being closed, in whatever state. Optional.
 * @reset: it is to be reset, in whatever state; it runs afterwards. Mandatory.
 * @stop: it leaves RUNNING. On return it takes nothing more from guest memory and
 *	writes nothing to it, and raises no interrupt. An error leaves it
 *	running. Mandatory.
 * @start: it enters RUNNING after @stop or a load. Mandatory.
 * @set_saving: the pre-copy states begin or end, as
 *	mdev_migrate_memory_set_saving() is to know. Optional.
 * @state_size: estimate of the bytes that @save puts now. Called at any time
 *	between the end of @open and the beginning of @close, concurrently with
 *	all others, under a spinlock: must not sleep. Mandatory.
 * @save: put the state's records with mdev_migrate_put(). The device is stopped.
 *	Must not change it. Mandatory.
 * @load_begin: a stream with this device's configuration begins. Returns an
 *	object that the following callbacks fill, NULL or an ERR_PTR(). Optional.
 * @load_record: check @rec as far as it can be alone and keep it in @shadow.
 *	Must not touch the device: it can run, or go through @reset, later. Use
 *	mdev_migrate_refuse() to refuse. Mandatory.
 * @load_check: all records are here: do they fit together? Must not change the
 *	device, which is stopped. Optional.
 * @load_commit: bring the device to the state in @shadow. Cannot fail. Mandatory.
 * @load_end: free @shadow, whether committed or not. Optional.
 */
struct mdev_migrate_migration_ops {
	int (*open)(struct mdev_migrate_migration *mig);
	void (*close)(struct mdev_migrate_migration *mig);
	void (*reset)(struct mdev_migrate_migration *mig);
	int (*stop)(struct mdev_migrate_migration *mig);
	void (*start)(struct mdev_migrate_migration *mig);
	void (*set_saving)(struct mdev_migrate_migration *mig, bool saving);
	size_t (*state_size)(struct mdev_migrate_migration *mig);
	int (*save)(struct mdev_migrate_migration *mig,
		    struct mdev_migrate_writer *writer);
	void *(*load_begin)(struct mdev_migrate_migration *mig);
	int (*load_record)(struct mdev_migrate_migration *mig, void *shadow,
			   const struct mdev_migrate_record *rec);
	int (*load_check)(struct mdev_migrate_migration *mig, void *shadow);
	void (*load_commit)(struct mdev_migrate_migration *mig, void *shadow);
	void (*load_end)(struct mdev_migrate_migration *mig, void *shadow);
};

/**
 * struct mdm_sending - how far a saving session is, for show
 * @active: there is one
 * @complete: all of the stream is in it
 * @left: bytes in it that were not read
 */
struct mdm_sending {
	bool active;
	bool complete;
	size_t left;
};

/**
 * struct mdev_migrate_migration - a device's migration
 * @vdev: the device
 * @desc: what it is
 * @ops: what its driver does
 * @records: the records that @ops->load_record takes: each tag once. Changes only
 *	while the device is closed, or in @ops->open.
 * @nr_records: how many, at most MDEV_MIGRATE_MAX_RECORDS
 *
 * Part of the driver's own structure. Everything below is the library's.
 *
 * @state_lock: guards @state and @session and is held over every arc, reset,
 *	open and close
 * @state: where the state machine is; also read without the lock for show
 * @session: the data transfer session, in the states that have one
 * @size_lock: guards what follows, so that whoever asks how much is to be sent
 *	does not wait for the state lock. Nobody sleeps under it.
 * @is_open: the device is, and its driver has set it up
 * @head_size: bytes of START and CONFIG
 * @sending: the saving session
 */
struct mdev_migrate_migration {
	struct vfio_device *vdev;
	struct mdev_migrate_description *desc;
	const struct mdev_migrate_migration_ops *ops;
	const struct mdev_migrate_record_type *records;
	unsigned int nr_records;

	struct mutex state_lock; /* state, session; arcs */
	enum vfio_device_mig_state state;
	struct mdm_session *session;
	spinlock_t size_lock; /* is_open, sizes, sending */
	bool is_open;
	size_t head_size;
	struct mdm_sending sending;
};

/* fsm.c */
int mdev_migrate_migration_init(struct mdev_migrate_migration *mig,
				struct vfio_device *vdev,
				struct mdev_migrate_description *desc,
				const struct mdev_migrate_migration_ops *ops,
				const struct mdev_migrate_record_type *records,
				unsigned int nr_records);
void mdev_migrate_migration_destroy(struct mdev_migrate_migration *mig);
int mdev_migrate_migration_open(struct mdev_migrate_migration *mig);
void mdev_migrate_migration_close(struct mdev_migrate_migration *mig);
void mdev_migrate_migration_reset(struct mdev_migrate_migration *mig);
struct file *
mdev_migrate_migration_set_state(struct mdev_migrate_migration *mig,
				 enum vfio_device_mig_state target);
int mdev_migrate_migration_get_state(struct mdev_migrate_migration *mig,
				     enum vfio_device_mig_state *state);
int mdev_migrate_migration_get_data_size(struct mdev_migrate_migration *mig,
					 unsigned long *length);
const char *
mdev_migrate_migration_state_name(const struct mdev_migrate_migration *mig);
size_t mdev_migrate_migration_stop_copy_bytes(struct mdev_migrate_migration *mig);

/* save.c */
int mdev_migrate_put(struct mdev_migrate_writer *writer, u32 tag, u32 flags,
		     const void *data, size_t len);

#endif /* _LINUX_MDEV_MIGRATE_MIGRATION_H */
