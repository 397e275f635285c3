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

/*
 * Bytes, with their headers, that one call of save() or precopy() can put: the
 * longest record, and small ones beside it.
 */
#define MDEV_MIGRATE_CHUNK_MAX	(MDEV_MIGRATE_RECORD_MAX + 128 * 1024)

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
 * @data: the payload, as it came: check every field before using it. Of a blob
 *	the part that came, without its header.
 * @offset: of a blob: where @data belongs in it. The parts come in their order,
 *	none twice and none missing.
 * @total: of a blob: its bytes, not more than the type's max_total; otherwise
 *	@length
 */
struct mdev_migrate_record {
	u32 tag;
	u32 flags;
	u32 length;
	const void *data;
	u64 offset;
	u64 total;
};

/**
 * struct mdev_migrate_record_type - a record that a device can load
 * @tag: MDEV_MIGRATE_TAG_*
 * @max_length: a longer one is refused before it is buffered
 * @required: a stream without it is refused
 * @repeated: the stream may hold several, or several blobs one after another;
 *	otherwise a second one is refused
 * @in_place: @load_record may change the device at once. From the first such
 *	record on there is no way back: if the rest of the stream is refused,
 *	the device goes to VFIO_DEVICE_STATE_ERROR when it is to leave RESUMING.
 * @blob: each record is a part of a blob (MDEV_MIGRATE_RECORD_BLOB);
 *	@max_length bounds a record, with the header of 16 bytes
 * @max_total: bytes that a blob may have
 */
struct mdev_migrate_record_type {
	u32 tag;
	u32 max_length;
	bool required;
	bool repeated;
	bool in_place;
	bool blob;
	u64 max_total;
};

/**
 * struct mdev_migrate_precopy_info - what pre-copy has still to put
 * @initial_bytes: of what there was when the session began, or when @reinit was
 *	last true; falls to 0
 * @dirty_bytes: of what has changed since it was put
 * @reinit: what was put is of no use, and all is initial again, since this was
 *	asked last. Who reads the stream is told if he has asked for it with
 *	VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2.
 *
 * Estimates. What is put already and was not read is the library's to count.
 * See struct vfio_precopy_info in <linux/vfio.h>.
 */
struct mdev_migrate_precopy_info {
	u64 initial_bytes;
	u64 dirty_bytes;
	bool reinit;
};

/**
 * struct mdev_migrate_migration_ops - what the driver of a device does
 *
 * Callbacks may sleep unless said otherwise. @open, @close, @reset, @prepare,
 * @stop, @start, @set_saving, @load_check and @load_commit are called one at a time,
 * under the state lock.
 *
 * @save_begin, @save, @precopy, @precopy_info and @save_end, @load_begin,
 * @load_record, @load_check, @load_commit and @load_end are called under the
 * session's lock, one at a time; none while @stop or @start runs, and @reset and
 * @close come after the session's end, when none will any more. So a state change
 * or a reset waits for one call of @save, @precopy or @load_record. These do what
 * takes milliseconds at most: they must not wait for userspace, nor for a page of
 * guest memory. @save_begin, @save_end, @load_check
 * and @load_commit have the state lock too, the others need not.
 *
 * @open: the device is being opened; bring it to its state after reset. On error
 *	nothing may be left behind. Optional.
 * @close: it is being closed, in whatever state. Optional.
 * @reset: it is to be reset, in whatever state, also with half a state loaded in
 *	place; it runs afterwards. Mandatory.
 * @prepare: the state is to change from @from to @to, a step of the state machine's;
 *	what else is called for that comes after it. An error leaves the device in
 *	@from. Not called for a reset, nor on the way to VFIO_DEVICE_STATE_ERROR.
 *	The session's callbacks can run at the same time. Optional.
 * @stop: it leaves RUNNING. On return it takes nothing more from guest memory and
 *	writes nothing to it, and raises no interrupt. An error leaves it
 *	running. Mandatory.
 * @start: it enters RUNNING or PRE_COPY after @stop, or RUNNING after a load. An
 *	error leaves it stopped, as it was, so that it can be tried again. Mandatory.
 * @set_saving: the pre-copy states begin or end, as
 *	mdev_migrate_memory_set_saving() is to know. Optional.
 * @state_size: estimate of the bytes, with headers, that @save has still to put,
 *	if nothing is put by pre-copy any more. Called at any time between the
 *	end of @open and the beginning of @close, concurrently with all others,
 *	under a spinlock: must not sleep. Mandatory.
 * @save_begin: a saving session begins. On error there is none. Optional.
 * @save: put the next records of the state with mdev_migrate_put() and
 *	mdev_migrate_put_blob(), as many as there is room for
 *	(mdev_migrate_room()). The device is stopped. Must not change it. Returns
 *	a positive number if there is more, and then has put something; 0 if that
 *	was the end; or a negative errno: then nothing of this call is in the
 *	stream. The first call is made when STOP_COPY is entered, which an error
 *	of it prevents: the next call, if there is one, is a first call again. The
 *	others are made when all that was put has been read, by read(): an error
 *	there is for good. Mandatory.
 * @precopy: likewise, while the device runs or is stopped for a time, and when
 *	the stream is read in a pre-copy state: what @save need not put then. 0
 *	means that there is nothing now: see mdev_migrate_precopy_poke(). An error
 *	is for good, and keeps the device from STOP_COPY. Optional.
 * @precopy_info: what has @precopy still to put? Asked first when the session
 *	begins, after @save_begin. @info is zeroed. Optional: then
 *	nobody knows, and only what was put counts.
 * @save_end: the saving session ends, in whatever way; only after a @save_begin
 *	that succeeded. Optional.
 * @load_begin: a stream with this device's configuration begins. Returns an
 *	object that the following callbacks fill, NULL or an ERR_PTR(). Optional.
 * @load_record: check @rec as far as it can be alone and keep it in @shadow.
 *	Must not touch the device, but for records that are loaded in place: the
 *	device can run, or go through @reset, later. Use mdev_migrate_refuse() to
 *	refuse. Mandatory.
 * @load_check: all records are here: do they fit together? Must not change the
 *	device, which is stopped. Optional.
 * @load_commit: bring the device to the state in @shadow. An error leaves nobody
 *	knows what: the device goes to VFIO_DEVICE_STATE_ERROR, until it is reset.
 *	What can be refused is for @load_check. Optional: not needed where all is
 *	loaded in place.
 * @load_end: free @shadow, whether committed or not. Optional.
 */
struct mdev_migrate_migration_ops {
	int (*open)(struct mdev_migrate_migration *mig);
	void (*close)(struct mdev_migrate_migration *mig);
	void (*reset)(struct mdev_migrate_migration *mig);
	int (*prepare)(struct mdev_migrate_migration *mig,
		       enum vfio_device_mig_state from,
		       enum vfio_device_mig_state to);
	int (*stop)(struct mdev_migrate_migration *mig);
	int (*start)(struct mdev_migrate_migration *mig);
	void (*set_saving)(struct mdev_migrate_migration *mig, bool saving);
	u64 (*state_size)(struct mdev_migrate_migration *mig);
	int (*save_begin)(struct mdev_migrate_migration *mig);
	int (*save)(struct mdev_migrate_migration *mig,
		    struct mdev_migrate_writer *writer);
	int (*precopy)(struct mdev_migrate_migration *mig,
		       struct mdev_migrate_writer *writer);
	void (*precopy_info)(struct mdev_migrate_migration *mig,
			     struct mdev_migrate_precopy_info *info);
	void (*save_end)(struct mdev_migrate_migration *mig);
	void *(*load_begin)(struct mdev_migrate_migration *mig);
	int (*load_record)(struct mdev_migrate_migration *mig, void *shadow,
			   const struct mdev_migrate_record *rec);
	int (*load_check)(struct mdev_migrate_migration *mig, void *shadow);
	int (*load_commit)(struct mdev_migrate_migration *mig, void *shadow);
	void (*load_end)(struct mdev_migrate_migration *mig, void *shadow);
};

/**
 * struct mdm_sending - how far a saving session is, for show
 * @active: there is one
 * @complete: all of the stream was put
 * @left: bytes that were put and not read
 */
struct mdm_sending {
	bool active;
	bool complete;
	u64 left;
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
 * @poke_lock: guards @saving_session; taken in any context, inside of all others
 * @saving_session: for mdev_migrate_precopy_poke()
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
	spinlock_t poke_lock; /* saving_session */
	struct mdm_session *saving_session;
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
const char *mdev_migrate_state_name(enum vfio_device_mig_state state);
int mdev_migrate_find_step(struct mdev_migrate_migration *mig,
			   const char *from_name, const char *to_name,
			   enum vfio_device_mig_state *from,
			   enum vfio_device_mig_state *to);
const char *
mdev_migrate_migration_state_name(const struct mdev_migrate_migration *mig);
u64 mdev_migrate_migration_stop_copy_bytes(struct mdev_migrate_migration *mig);

/**
 * mdev_migrate_migration_state - the state, without waiting for a step under way
 * @mig: the device's migration
 *
 * Context: Any. In a callback that a step makes, the state that it begins in.
 * Return: the state.
 */
static inline enum vfio_device_mig_state
mdev_migrate_migration_state(const struct mdev_migrate_migration *mig)
{
	return READ_ONCE(mig->state);
}

/* writer.c */
int mdev_migrate_put(struct mdev_migrate_writer *writer, u32 tag, u32 flags,
		     const void *data, size_t len);
int mdev_migrate_put_blob(struct mdev_migrate_writer *writer, u32 tag,
			  u32 flags, u64 total, u64 offset, const void *data,
			  size_t len);
void *mdev_migrate_reserve(struct mdev_migrate_writer *writer, size_t len);
int mdev_migrate_commit(struct mdev_migrate_writer *writer, u32 tag, u32 flags,
			size_t len);
size_t mdev_migrate_room(const struct mdev_migrate_writer *writer);

/* save.c */
void mdev_migrate_precopy_poke(struct mdev_migrate_migration *mig);

#endif /* _LINUX_MDEV_MIGRATE_MIGRATION_H */
