/* SPDX-License-Identifier: GPL-2.0-only */
/* The state machine, and the data transfer session that some states have. */
#ifndef MDM_MIGRATION_H
#define MDM_MIGRATION_H

#include <linux/kref.h>
#include <linux/mdev_migrate/migration.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../codec/blob.h"
#include "../codec/msg.h"
#include "../codec/stream.h"
#include "../description/description.h"

/* Bytes of the stream that END is. */
#define MDM_END_SIZE							\
	(sizeof(struct mdev_migrate_record_hdr) +			\
	 sizeof(struct mdev_migrate_end))

/* fsm.c */
void mdm_migration_sending(struct mdev_migrate_migration *mig,
			   struct mdm_sending sending);

/*
 * What a writer's buffer grows to by doubling. Only where pre-copy ends is it
 * more: what was put there and is not read stays in front of the first chunk.
 */
#define MDM_BUFFER_SIZE		(MDEV_MIGRATE_CHUNK_MAX + SZ_4K)

/**
 * struct mdev_migrate_writer - the part of a stream that was put and not read
 * @buf: the bytes
 * @len: how many
 * @size: room at @buf
 * @limit: what @len can become in this call of the driver's
 * @reserved: what a record has room for that the driver has begun, or 0
 */
struct mdev_migrate_writer {
	u8 *buf;
	size_t len;
	size_t size;
	size_t limit;
	size_t reserved;
};

struct mdm_saving;
struct mdm_resuming;

/**
 * struct mdm_session - a data transfer session: what is behind a data FD
 * @ref: one for the device, one for the file
 * @io_lock: one read() or write() at a time; the user's pages are faulted in under it
 * @lock: guards all below; user memory is copied under it with page faults off
 * @mig: the device's migration; not to be touched once @ended
 * @ended: the state machine has left the session
 * @paused: the device is being stopped or started: its driver is not to be called
 * @saving: the stream to read, or NULL
 * @resuming: the stream being written, or NULL
 * @poked: the device has new data for pre-copy; set with no lock
 * @wait: for poll(), and for read() while @paused
 * @wake_work: wakes them if those who poke shall not
 * @wake_from: when these may do it again (ktime_get_mono_fast_ns()); guarded by the
 *	migration's poke_lock
 */
struct mdm_session {
	struct kref ref;
	struct mutex io_lock; /* one read() or write() */
	struct mutex lock; /* all below */
	struct mdev_migrate_migration *mig;
	bool ended;
	bool paused;
	struct mdm_saving *saving;
	struct mdm_resuming *resuming;
	int poked;
	wait_queue_head_t wait;
	struct delayed_work wake_work;
	u64 wake_from;
};

/* What a read() or write() copies under the session's lock before others may have it. */
#define MDM_COPY_MAX		SZ_64K

/* session.c */
struct mdm_session *mdm_session_create(struct mdev_migrate_migration *mig);
struct file *mdm_session_file(struct mdm_session *session,
			      const struct file_operations *fops, int flags);
void mdm_session_poked(struct mdm_session *session);
void mdm_session_end(struct mdm_session *session);
int mdm_session_release(struct inode *inode, struct file *filp);
int mdm_tell(struct mdev_migrate_migration *mig, int err, const char *text,
	     unsigned int before);

/* writer.c */
int mdm_writer_begin(struct mdev_migrate_writer *writer);
int mdm_writer_head(struct mdev_migrate_writer *writer,
		    struct mdev_migrate_migration *mig);
void mdm_writer_end(struct mdev_migrate_writer *writer, u64 before);
void mdm_writer_drop(struct mdev_migrate_writer *writer, size_t len);

/* save.c */
struct mdm_session *mdm_saving_begin(struct mdev_migrate_migration *mig,
				     struct file **filp);
int mdm_saving_stop_copy(struct mdm_session *session);
void mdm_saving_set_precopy(struct mdm_session *session, bool precopy);
void mdm_saving_pause(struct mdm_session *session, bool pause);
size_t mdm_saving_left(struct mdm_session *session);
void mdm_saving_end(struct mdm_session *session);
size_t mdm_saving_head_size(struct mdev_migrate_migration *mig);
ssize_t mdm_saving_copy(struct mdm_session *session, struct iov_iter *to,
			bool again, bool *fault);
int mdm_saving_wait(struct mdm_session *session);
__poll_t mdm_saving_poll(struct mdm_session *session);
int mdm_saving_precopy_info(struct mdm_session *session,
			    struct vfio_precopy_info *info);
void mdm_saving_precopy_missed(struct mdm_session *session,
			       const struct vfio_precopy_info *info);

/* save_file.c */
extern const struct file_operations mdm_save_fops;

/* records.c */
static inline struct mdm_tag
mdm_type_tag(const struct mdev_migrate_record_type *type)
{
	return (struct mdm_tag) { type->tag, type->name };
}

int mdm_records_check(const struct mdev_migrate_record_type *records,
		      unsigned int nr, bool pci, bool has_room,
		      struct mdev_migrate_msg *why);

/* resume.c */
struct mdm_session *mdm_resuming_begin(struct mdev_migrate_migration *mig,
				       struct file **filp);
int mdm_resuming_copy(struct mdm_session *session, struct iov_iter *from,
		      bool *fault);
int mdm_resuming_finish(struct mdm_session *session, bool *broken);
void mdm_resuming_free(struct mdev_migrate_migration *mig,
		       struct mdm_resuming *resuming);

#endif /* MDM_MIGRATION_H */
