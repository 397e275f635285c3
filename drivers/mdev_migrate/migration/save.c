// SPDX-License-Identifier: GPL-2.0-only
/*
 * Saving. START and CONFIG are there from the first pre-copy state on, so that
 * a destination that does not fit refuses before anything big moves. What
 * follows is put by the driver, a chunk at a time, when all before it has been read:
 * what pre-copy has in the pre-copy states, the device's state in STOP_COPY. The
 * first chunk of the latter is put on the way into STOP_COPY; a state that is not
 * larger is complete then, with END.
 */
#include <linux/export.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "migration.h"

/**
 * struct mdm_saving - the saving side of a session, guarded by its lock
 * @writer: what was put
 * @pos: how much of it was read
 * @sent: bytes of the stream before @writer's
 * @begun: save_begin() was called
 * @precopy: in PRE_COPY or PRE_COPY_P2P
 * @complete: END was put
 * @err: what the driver said when it could put no more; sticks
 * @idle: precopy() had nothing more when it was called last
 * @caught_up: it had nothing more once
 * @asked: what the driver said last of what it has still to put
 * @initial: what is in @writer is of the initial bytes of pre-copy
 * @reinit: the driver has told of new initial bytes, userspace not yet
 * @initial_most: what initial bytes were reported last: they only fall
 */
struct mdm_saving {
	struct mdev_migrate_writer writer;
	size_t pos;
	u64 sent;
	bool begun;
	bool precopy;
	bool complete;
	int err;
	bool idle;
	bool caught_up;
	struct mdev_migrate_precopy_info asked;
	bool initial;
	bool reinit;
	u64 initial_most;
};

static size_t unread(const struct mdm_saving *saving)
{
	return saving->writer.len - saving->pos;
}

static void drop_read(struct mdm_saving *saving)
{
	mdm_writer_drop(&saving->writer, saving->pos);
	saving->sent += saving->pos;
	saving->pos = 0;
}

/* What is shown of the session follows it. */
static void show_left(struct mdm_session *session)
{
	const struct mdm_saving *saving = session->saving;

	lockdep_assert_held(&session->lock);
	mdm_migration_sending(session->mig, (struct mdm_sending) {
		.active = true,
		.complete = saving->complete,
		.left = unread(saving),
	});
}

/*
 * One chunk of the driver's. After an error nothing of it is left.
 * Returns what @put does.
 */
static int put_chunk(struct mdm_session *session,
		     int (*put)(struct mdev_migrate_migration *mig,
				struct mdev_migrate_writer *writer),
		     const char *failure)
{
	struct mdev_migrate_writer *writer = &session->saving->writer;
	struct mdev_migrate_migration *mig = session->mig;
	unsigned int before = mdm_error_count(mig->desc);
	size_t len = writer->len;
	int ret;

	lockdep_assert_held(&session->lock);
	WARN_ON(session->paused);
	/* Can fail only if pre-copy left something unread: not where errors stick. */
	ret = mdm_writer_begin(writer);
	if (!ret)
		ret = put(mig, writer);
	if (ret > 0 && writer->len == len) {
		failure = "the driver says that there is more of the state, and puts nothing";
		ret = -EIO;
	}
	if (ret < 0) {
		writer->len = len;
		mdm_tell(mig, ret, failure, before);
	}
	return ret;
}

static int put_state(struct mdm_session *session)
{
	struct mdm_saving *saving = session->saving;
	int ret;

	ret = put_chunk(session, session->mig->ops->save,
			"the device state could not be saved");
	if (ret)
		return min(ret, 0);
	mdm_writer_end(&saving->writer, saving->sent);
	saving->complete = true;
	return 0;
}

static void ask_driver(struct mdm_session *session)
{
	struct mdev_migrate_migration *mig = session->mig;
	struct mdm_saving *saving = session->saving;

	lockdep_assert_held(&session->lock);
	if (!mig->ops->precopy_info || session->paused)
		return;
	saving->asked = (struct mdev_migrate_precopy_info) {};
	mig->ops->precopy_info(mig, &saving->asked);
	saving->reinit |= saving->asked.reinit;
}

static int put_precopy(struct mdm_session *session)
{
	const struct mdev_migrate_migration_ops *ops = session->mig->ops;
	struct mdm_saving *saving = session->saving;
	int ret;

	/* Before the driver looks: what comes after that is poked again. */
	xchg(&session->poked, 0);
	ask_driver(session);
	saving->initial = ops->precopy_info ? saving->asked.initial_bytes :
					      !saving->caught_up;
	ret = put_chunk(session, ops->precopy,
			"the state of the running device could not be saved");
	if (ret < 0)
		return ret;
	saving->idle = !ret;
	saving->caught_up |= saving->idle;
	/* What it has put it has no more to put. */
	ask_driver(session);
	return 0;
}

/* Can pre-copy have something that was not there when it was asked last? */
static bool has_news(const struct mdm_session *session)
{
	return session->mig->ops->precopy && !session->paused &&
	       (!session->saving->idle || READ_ONCE(session->poked));
}

/* Did the driver say that there is more, before it was not to be called? */
static bool has_rest(const struct mdm_session *session)
{
	const struct mdm_saving *saving = session->saving;

	return saving->asked.initial_bytes || saving->asked.dirty_bytes;
}

/* All that was put has been read: have more of it put, if there is more. */
static int put_more(struct mdm_session *session, bool again)
{
	struct mdm_saving *saving = session->saving;

	lockdep_assert_held(&session->lock);
	if (saving->err)
		return saving->err;
	if (saving->precopy && session->paused)
		return has_rest(session) ? -EAGAIN : 0;
	if (saving->precopy && (!session->mig->ops->precopy ||
				(again && !has_news(session))))
		return 0;
	drop_read(saving);
	saving->err = saving->precopy ? put_precopy(session) :
					put_state(session);
	show_left(session);
	/* Who polls for errors alone. */
	if (saving->err)
		wake_up_all(&session->wait);
	return saving->err;
}

/* Has the driver put more if all was read. Returns as mdm_saving_copy(). */
static int make_ready(struct mdm_session *session, bool again)
{
	struct mdm_saving *saving = session->saving;
	int ret;

	lockdep_assert_held(&session->lock);
	if (!unread(saving) && !saving->complete) {
		ret = put_more(session, again);
		if (ret)
			return ret;
	}
	if (!unread(saving))
		return saving->complete ? 0 : -ENOMSG;
	return 1;
}

/**
 * mdm_saving_wait - wait until the device was stopped or started
 * @session: the saving session
 *
 * "[...] temporary end of stream [...] when both initial_bytes and dirty_bytes are
 * zero" (<linux/vfio.h>): until then there is no end to tell of, and what is to come
 * the driver cannot be asked for.
 *
 * Context: Under the session's io_lock, which nobody takes but read() of the same data
 * FD, interruptibly. An arc, a reset and a close need the state lock and the
 * session's; each wakes the reader when it is through.
 * Return: 0 or -ERESTARTSYS.
 */
int mdm_saving_wait(struct mdm_session *session)
{
	return wait_event_interruptible(session->wait,
					!READ_ONCE(session->paused) ||
					READ_ONCE(session->ended));
}

/**
 * mdm_saving_copy - copy the next bytes of the stream
 * @session: the saving session
 * @to: where to; some kilobytes are enough for a call
 * @again: of the same read(), which has taken some already: it does not wait for
 *	a device to change once more
 * @fault: set if not all could be copied for want of a page at @to, which is to be
 *	faulted in; what was not copied comes next
 *
 * Context: Under the session's io_lock; takes its lock, under which the driver
 * puts a chunk if all before it was taken, and @to is written with page faults off.
 * Return: how many; 0 at the end of the stream, or with @fault; -ENOMSG at its
 * temporary end; -EAGAIN if there is more, and the device is being stopped or
 * started: see mdm_saving_wait(); -ENODEV if the session has ended; what the driver
 * said when it could put no more.
 */
ssize_t mdm_saving_copy(struct mdm_session *session, struct iov_iter *to,
			bool again, bool *fault)
{
	struct mdm_saving *saving;
	size_t len, n;
	int ret;

	guard(mutex)(&session->lock);
	if (session->ended)
		return -ENODEV;
	ret = make_ready(session, again);
	if (ret <= 0)
		return ret;
	saving = session->saving;
	len = min3(unread(saving), iov_iter_count(to), (size_t)MDM_COPY_MAX);
	pagefault_disable();
	n = copy_to_iter(saving->writer.buf + saving->pos, len, to);
	pagefault_enable();
	*fault = n < len;
	saving->pos += n;
	show_left(session);
	return n;
}

/**
 * mdm_saving_poll - what poll() is to say
 * @session: the saving session
 *
 * Context: Takes the session's lock.
 * Return: events. While pre-copy has not been asked whether it has more, it may
 * have.
 */
__poll_t mdm_saving_poll(struct mdm_session *session)
{
	const __poll_t readable = EPOLLIN | EPOLLRDNORM;
	struct mdm_saving *saving;

	guard(mutex)(&session->lock);
	if (session->ended)
		return readable | EPOLLERR | EPOLLHUP;
	saving = session->saving;
	if (unread(saving))
		return readable;
	if (saving->err)
		return readable | EPOLLERR;
	return !saving->precopy || has_news(session) ? readable : 0;
}

/**
 * mdm_saving_precopy_info - what VFIO_MIG_GET_PRECOPY_INFO is to say
 * @session: the saving session
 * @info: the result, but argsz
 *
 * The initial bytes fall, unless VFIO_PRECOPY_INFO_REINIT is set: what they would
 * have risen by is dirty.
 *
 * Context: Takes the session's lock.
 * Return: 0, -ENODEV if the session has ended, -EINVAL if this is no pre-copy
 * state.
 */
int mdm_saving_precopy_info(struct mdm_session *session,
			    struct vfio_precopy_info *info)
{
	struct mdm_saving *saving;
	u64 initial, dirty;

	guard(mutex)(&session->lock);
	if (session->ended)
		return -ENODEV;
	saving = session->saving;
	if (!saving->precopy)
		return -EINVAL;
	ask_driver(session);
	info->flags = 0;
	if (saving->reinit && session->mig->vdev->precopy_info_v2) {
		info->flags |= VFIO_PRECOPY_INFO_REINIT;
		saving->initial = true;
		saving->initial_most = U64_MAX;
	}
	saving->reinit = false;

	initial = saving->asked.initial_bytes;
	dirty = saving->asked.dirty_bytes;
	*(saving->initial ? &initial : &dirty) += unread(saving);
	info->initial_bytes = min(initial, saving->initial_most);
	info->dirty_bytes = dirty + (initial - info->initial_bytes);
	saving->initial_most = info->initial_bytes;
	return 0;
}

/**
 * mdm_saving_precopy_missed - userspace did not get what VFIO_MIG_GET_PRECOPY_INFO said
 * @session: the saving session
 * @info: of mdm_saving_precopy_info()
 *
 * It is told next time that there are new initial bytes.
 *
 * Context: Takes the session's lock.
 */
void mdm_saving_precopy_missed(struct mdm_session *session,
			       const struct vfio_precopy_info *info)
{
	guard(mutex)(&session->lock);
	if (!session->ended && info->flags & VFIO_PRECOPY_INFO_REINIT)
		session->saving->reinit = true;
}

/**
 * mdev_migrate_precopy_poke - the device has new data for pre-copy
 * @mig: its migration
 *
 * Whoever waits for it, with poll() after precopy() has returned 0, is woken. In
 * any other case it does nothing.
 *
 * Context: Any; also under spinlocks of the driver's.
 */
void mdev_migrate_precopy_poke(struct mdev_migrate_migration *mig)
{
	struct mdm_session *session;
	unsigned long flags;

	spin_lock_irqsave(&mig->poke_lock, flags);
	session = mig->saving_session;
	if (session && !xchg(&session->poked, 1))
		mdm_session_poked(session);
	spin_unlock_irqrestore(&mig->poke_lock, flags);
}
EXPORT_SYMBOL_GPL(mdev_migrate_precopy_poke);

static void set_poked(struct mdev_migrate_migration *mig,
		      struct mdm_session *session)
{
	unsigned long flags;

	spin_lock_irqsave(&mig->poke_lock, flags);
	mig->saving_session = session;
	spin_unlock_irqrestore(&mig->poke_lock, flags);
}

/**
 * mdm_saving_end - a session ends: free what it has of a saving one
 * @session: the session, saving or not
 *
 * Context: Under the state lock and the session's.
 */
void mdm_saving_end(struct mdm_session *session)
{
	struct mdev_migrate_migration *mig = session->mig;
	struct mdm_saving *saving = session->saving;

	lockdep_assert_held(&mig->state_lock);
	lockdep_assert_held(&session->lock);
	if (!saving)
		return;
	set_poked(mig, NULL);
	mdm_migration_sending(mig, (struct mdm_sending) {});
	if (saving->begun && mig->ops->save_end)
		mig->ops->save_end(mig);
	session->saving = NULL;
	kvfree(saving->writer.buf);
	kfree(saving);
}

static int begin_saving(struct mdm_session *session)
{
	struct mdev_migrate_migration *mig = session->mig;
	struct mdm_saving *saving;
	int ret;

	saving = kzalloc_obj(*saving, GFP_KERNEL_ACCOUNT);
	if (!saving)
		return -ENOMEM;
	saving->initial = true;
	saving->initial_most = U64_MAX;
	guard(mutex)(&session->lock);
	session->saving = saving;
	ret = mdm_writer_head(&saving->writer, mig);
	if (!ret && mig->ops->save_begin)
		ret = mig->ops->save_begin(mig);
	saving->begun = !ret;
	if (!ret)
		ask_driver(session);
	return ret;
}

/**
 * mdm_saving_begin - begin a saving session
 * @mig: the device's migration
 * @filp: the data FD's file
 *
 * Context: Under the state lock.
 * Return: the session or an ERR_PTR(); then nothing is left of it.
 */
struct mdm_session *mdm_saving_begin(struct mdev_migrate_migration *mig,
				     struct file **filp)
{
	struct mdm_session *session;
	int ret;

	lockdep_assert_held(&mig->state_lock);
	session = mdm_session_create(mig);
	if (IS_ERR(session))
		return session;
	ret = begin_saving(session);
	if (ret)
		goto end;
	*filp = mdm_session_file(session, &mdm_save_fops, O_RDONLY);
	if (IS_ERR(*filp)) {
		ret = PTR_ERR(*filp);
		*filp = NULL;
		goto end;
	}
	mutex_lock(&session->lock);
	show_left(session);
	mutex_unlock(&session->lock);
	set_poked(mig, session);
	return session;

end:
	mdm_session_end(session);
	return ERR_PTR(ret);
}

/**
 * mdm_saving_stop_copy - the device is stopped: have its state put
 * @session: the saving session
 *
 * Its first chunk, behind what is still to be read of pre-copy.
 *
 * Context: Under the state lock; takes the session's.
 * Return: 0, or a negative errno; then the stream is as it was.
 */
int mdm_saving_stop_copy(struct mdm_session *session)
{
	struct mdev_migrate_migration *mig = session->mig;
	struct mdm_saving *saving;
	int ret;

	lockdep_assert_held(&mig->state_lock);
	mutex_lock(&session->lock);
	saving = session->saving;
	ret = saving->err;
	if (!ret) {
		mdm_error_clear(mig->desc);
		drop_read(saving);
		ret = put_state(session);
	}
	if (!ret)
		saving->precopy = false;
	show_left(session);
	mutex_unlock(&session->lock);
	wake_up_all(&session->wait);
	return ret;
}

/**
 * mdm_saving_set_precopy - the session is in a pre-copy state, or not
 * @session: the saving session
 * @precopy: which
 */
void mdm_saving_set_precopy(struct mdm_session *session, bool precopy)
{
	guard(mutex)(&session->lock);
	session->saving->precopy = precopy;
}

/**
 * mdm_saving_pause - the device is about to be stopped or started, or was
 * @session: the session of a device in a pre-copy state
 * @pause: whether the driver is not to be called for the session; what was put can
 *	be read, and who wants more waits
 *
 * Context: Under the state lock; waits for a chunk that is being put.
 */
void mdm_saving_pause(struct mdm_session *session, bool pause)
{
	mutex_lock(&session->lock);
	WRITE_ONCE(session->paused, pause);
	mutex_unlock(&session->lock);
	if (!pause)
		wake_up_all(&session->wait);
}

/**
 * mdm_saving_left - bytes that were put and not yet read
 * @session: the saving session
 *
 * Return: bytes.
 */
size_t mdm_saving_left(struct mdm_session *session)
{
	guard(mutex)(&session->lock);
	return unread(session->saving);
}

/**
 * mdm_saving_head_size - bytes of START and CONFIG
 * @mig: the device's migration, open
 *
 * Return: bytes.
 */
size_t mdm_saving_head_size(struct mdev_migrate_migration *mig)
{
	char *text __free(kfree) = kmalloc(MDEV_MIGRATE_CONFIG_MAX, GFP_KERNEL);
	int len = MDEV_MIGRATE_CONFIG_MAX;

	if (text)
		len = mdev_migrate_config_format(&mig->desc->config, text,
						 MDEV_MIGRATE_CONFIG_MAX);
	return 2 * sizeof(struct mdev_migrate_record_hdr) +
	       sizeof(struct mdev_migrate_start) + max(len, 0);
}
