// SPDX-License-Identifier: GPL-2.0-only
/* Data transfer sessions: what saving and resuming ones have in common. */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "migration.h"

static void session_free(struct kref *ref)
{
	struct mdm_session *session = container_of(ref, struct mdm_session,
						   ref);

	/* Ended, so that nothing of the device is left in it. */
	mutex_destroy(&session->lock);
	mutex_destroy(&session->io_lock);
	kfree(session);
}

static void session_wake(struct work_struct *work)
{
	struct mdm_session *session = container_of(work, struct mdm_session,
						   wake_work.work);

	wake_up_all(&session->wait);
}

/* What waking them may take, and which part of the time it may take if it is slow. */
#define WAKE_SLOW_NS	(25 * NSEC_PER_USEC)
#define WAKE_SHARE	100

/**
 * mdm_session_poked - the device has new data for pre-copy: wake who waits for it
 * @session: the saving session
 *
 * How many wait is the user's affair, and how often they are to be woken, too: as often
 * as he reads. The caller may be anybody, with interrupts off. So if it takes long, it is
 * done a hundredth of the time at most: later, by a kworker.
 *
 * Context: Any; under the migration's poke_lock.
 */
void mdm_session_poked(struct mdm_session *session)
{
	u64 start = ktime_get_mono_fast_ns(), ns;

	lockdep_assert_held(&session->mig->poke_lock);
	if (unlikely(start < session->wake_from)) {
		ns = session->wake_from - start;
		schedule_delayed_work(&session->wake_work,
				      nsecs_to_jiffies(ns) + 1);
		return;
	}
	wake_up_all(&session->wait);
	ns = ktime_get_mono_fast_ns() - start;
	if (unlikely(ns > WAKE_SLOW_NS))
		session->wake_from = start + WAKE_SHARE * ns;
}

/**
 * mdm_session_create - make an empty session
 * @mig: its device's migration
 *
 * Return: the session, with one reference, or an ERR_PTR().
 */
struct mdm_session *mdm_session_create(struct mdev_migrate_migration *mig)
{
	struct mdm_session *session;

	session = kzalloc_obj(*session, GFP_KERNEL_ACCOUNT);
	if (!session)
		return ERR_PTR(-ENOMEM);
	kref_init(&session->ref);
	mutex_init(&session->io_lock);
	mutex_init(&session->lock);
	init_waitqueue_head(&session->wait);
	INIT_DELAYED_WORK(&session->wake_work, session_wake);
	session->mig = mig;
	return session;
}

/**
 * mdm_session_file - make the data FD's file
 * @session: the session; the file takes a reference
 * @fops: what it does; release is mdm_session_release()
 * @flags: O_RDONLY or O_WRONLY
 *
 * Return: the file or an ERR_PTR().
 */
struct file *mdm_session_file(struct mdm_session *session,
			      const struct file_operations *fops, int flags)
{
	struct file *filp;

	filp = anon_inode_getfile("mdev_migrate", fops, session, flags);
	if (IS_ERR(filp))
		return filp;
	stream_open(filp->f_inode, filp);
	kref_get(&session->ref);
	return filp;
}

int mdm_session_release(struct inode *inode, struct file *filp)
{
	struct mdm_session *session = filp->private_data;

	kref_put(&session->ref, session_free);
	return 0;
}

/**
 * mdm_session_end - the state machine leaves the session
 * @session: the session; the device's reference is dropped
 *
 * From here on its file only gives errors, and the driver is not called for it any
 * more. What was not committed is lost.
 *
 * Context: Under the state lock; takes the session's.
 */
void mdm_session_end(struct mdm_session *session)
{
	lockdep_assert_held(&session->mig->state_lock);
	mutex_lock(&session->lock);
	WRITE_ONCE(session->ended, true);
	mdm_saving_end(session);
	mdm_resuming_free(session->mig, session->resuming);
	session->resuming = NULL;
	mutex_unlock(&session->lock);
	/* Nobody pokes it any more. */
	cancel_delayed_work_sync(&session->wake_work);
	wake_up_all(&session->wait);
	kref_put(&session->ref, session_free);
}

/**
 * mdm_tell - a callback of the driver's has failed
 * @mig: the device's migration
 * @err: what it has returned
 * @text: the sentence, if the driver has not told one itself
 * @before: mdm_error_count() before the call
 *
 * Return: @err.
 */
int mdm_tell(struct mdev_migrate_migration *mig, int err, const char *text,
	     unsigned int before)
{
	if (mdm_error_count(mig->desc) == before)
		mdev_migrate_refuse(mig->desc, err, "%s", text);
	return err;
}
