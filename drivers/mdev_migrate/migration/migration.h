/* SPDX-License-Identifier: GPL-2.0-only */
/* The state machine, and the data transfer session that some states have. */
#ifndef MDM_MIGRATION_H
#define MDM_MIGRATION_H

#include "../mdm.h"

struct mdm_session;

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
 * struct mdm_migration - a device's migration state
 * @state_lock: guards @state and @session and is held over every arc, reset,
 *	open and close; see mdm.h for its place in the lock order
 * @state: where the state machine is; also read without the lock for show
 * @session: the data transfer session, in the states that have one
 * @size_lock: guards what follows, so that whoever asks how much is to be sent
 *	does not wait for the state lock. Nobody sleeps under it.
 * @is_open: the device is, and the model set up
 * @head_size: bytes of START and CONFIG
 * @frame_size: bytes of the PCI records and END
 * @sending: the saving session
 */
struct mdm_migration {
	struct mutex state_lock; /* state, session; arcs */
	enum vfio_device_mig_state state;
	struct mdm_session *session;
	spinlock_t size_lock; /* is_open, sizes, sending */
	bool is_open;
	size_t head_size;
	size_t frame_size;
	struct mdm_sending sending;
};

/* fsm.c */
void mdm_migration_sending(struct mdev_migrate_device *mdm,
			   struct mdm_sending sending);

/**
 * struct mdev_migrate_writer - a stream that is being saved
 * @buf: the bytes so far
 * @len: how many
 * @size: room at @buf
 */
struct mdev_migrate_writer {
	u8 *buf;
	size_t len;
	size_t size;
};

struct mdm_saving;
struct mdm_resuming;

/**
 * struct mdm_session - a data transfer session: what is behind a data FD
 * @ref: one for the device, one for the file
 * @io_lock: one read() or write() at a time; user memory is touched under it
 * @bounce: between user memory and the session, guarded by @io_lock
 * @lock: guards all below
 * @mdm: the device; not to be touched once @ended
 * @ended: the state machine has left the session
 * @saving: the stream to read, or NULL
 * @resuming: the stream being written, or NULL
 * @wait: for poll()
 */
struct mdm_session {
	struct kref ref;
	struct mutex io_lock; /* one read() or write(), bounce */
	void *bounce;
	struct mutex lock; /* all below */
	struct mdev_migrate_device *mdm;
	bool ended;
	struct mdm_saving *saving;
	struct mdm_resuming *resuming;
	wait_queue_head_t wait;
};

#define MDM_BOUNCE_SIZE		SZ_16K

/* session.c */
struct mdm_session *mdm_session_create(struct mdev_migrate_device *mdm);
struct file *mdm_session_file(struct mdm_session *session,
			      const struct file_operations *fops, int flags);
void mdm_session_end(struct mdm_session *session);
int mdm_session_release(struct inode *inode, struct file *filp);

/* save.c */
struct mdm_session *mdm_saving_begin(struct mdev_migrate_device *mdm,
				     struct file **filp);
int mdm_saving_stop_copy(struct mdm_session *session);
void mdm_saving_set_precopy(struct mdm_session *session, bool precopy);
size_t mdm_saving_left(struct mdm_session *session);
void mdm_saving_free(struct mdm_saving *saving);
size_t mdm_saving_head_size(struct mdev_migrate_device *mdm);
size_t mdm_saving_frame_size(struct mdev_migrate_device *mdm);

/* resume.c */
struct mdm_session *mdm_resuming_begin(struct mdev_migrate_device *mdm,
				       struct file **filp);
int mdm_resuming_finish(struct mdm_session *session);
void mdm_resuming_free(struct mdev_migrate_device *mdm,
		       struct mdm_resuming *resuming);

#endif /* MDM_MIGRATION_H */
