// SPDX-License-Identifier: GPL-2.0-only
/*
 * Saving. START and CONFIG are there from the first pre-copy state on, so that
 * a destination that does not fit refuses before anything big moves; the
 * device's records and END follow when it is in STOP_COPY.
 */
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "migration.h"

/**
 * struct mdm_saving - the saving side of a session, guarded by its lock
 * @writer: the stream
 * @pos: how much of it was read
 * @precopy: in PRE_COPY or PRE_COPY_P2P
 * @complete: END is in the stream
 */
struct mdm_saving {
	struct mdev_migrate_writer writer;
	size_t pos;
	bool precopy;
	bool complete;
};

static int writer_reserve(struct mdev_migrate_writer *writer, size_t len)
{
	size_t size = max_t(size_t, writer->size, SZ_1K);
	u8 *buf;

	if (writer->len + len <= writer->size)
		return 0;
	while (size < writer->len + len)
		size *= 2;
	buf = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	if (writer->len)
		memcpy(buf, writer->buf, writer->len);
	kvfree(writer->buf);
	writer->buf = buf;
	writer->size = size;
	return 0;
}

/**
 * mdev_migrate_put - append a record to the stream
 * @writer: as given to the model's save()
 * @tag: MDEV_MIGRATE_TAG_*
 * @flags: MDEV_MIGRATE_RECORD_*
 * @data: the payload
 * @len: its length, at most MDEV_MIGRATE_RECORD_MAX
 *
 * Context: May sleep.
 * Return: 0, -ENOMEM, or -EMSGSIZE if the payload is too long.
 */
int mdev_migrate_put(struct mdev_migrate_writer *writer, u32 tag, u32 flags,
		     const void *data, size_t len)
{
	struct mdev_migrate_record_hdr hdr;
	int ret;

	if (WARN_ON(len > MDEV_MIGRATE_RECORD_MAX))
		return -EMSGSIZE;
	ret = writer_reserve(writer, sizeof(hdr) + len);
	if (ret)
		return ret;
	mdm_record_seal(&hdr, tag, flags, data, len);
	memcpy(writer->buf + writer->len, &hdr, sizeof(hdr));
	memcpy(writer->buf + writer->len + sizeof(hdr), data, len);
	writer->len += sizeof(hdr) + len;
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_put);

static int put_head(struct mdev_migrate_migration *mig,
		    struct mdev_migrate_writer *writer)
{
	struct mdev_migrate_start start = {
		.magic = cpu_to_le64(MDEV_MIGRATE_STREAM_MAGIC),
		.major = cpu_to_le16(MDEV_MIGRATE_STREAM_MAJOR),
		.minor = cpu_to_le16(MDEV_MIGRATE_STREAM_MINOR),
	};
	char *text __free(kfree) = kmalloc(MDEV_MIGRATE_CONFIG_MAX, GFP_KERNEL);
	int ret;

	if (!text)
		return -ENOMEM;
	ret = mdev_migrate_put(writer, MDEV_MIGRATE_TAG_START, 0, &start,
			       sizeof(start));
	if (ret)
		return ret;
	/* Fixed while the device is open. */
	ret = mdev_migrate_config_format(&mig->desc->config, text,
					 MDEV_MIGRATE_CONFIG_MAX);
	if (ret < 0)
		return ret;
	return mdev_migrate_put(writer, MDEV_MIGRATE_TAG_CONFIG, 0, text, ret);
}

static int put_end(struct mdev_migrate_writer *writer)
{
	struct mdev_migrate_end end = { .total = cpu_to_le64(writer->len) };

	return mdev_migrate_put(writer, MDEV_MIGRATE_TAG_END, 0, &end,
				sizeof(end));
}

/* What is shown of the session follows it. */
static void show_left(struct mdm_session *session)
{
	const struct mdm_saving *saving = session->saving;

	lockdep_assert_held(&session->lock);
	mdm_migration_sending(session->mig, (struct mdm_sending) {
		.active = true,
		.complete = saving->complete,
		.left = saving->writer.len - saving->pos,
	});
}

static ssize_t take(struct mdm_session *session, void *buf, size_t len)
{
	struct mdm_saving *saving;
	size_t left;

	guard(mutex)(&session->lock);
	if (session->ended)
		return -ENODEV;
	saving = session->saving;
	left = saving->writer.len - saving->pos;
	if (!left)
		return saving->complete ? 0 : -ENOMSG;
	len = min(len, left);
	memcpy(buf, saving->writer.buf + saving->pos, len);
	return len;
}

static void taken(struct mdm_session *session, size_t len)
{
	guard(mutex)(&session->lock);
	if (session->ended)
		return;
	session->saving->pos += len;
	show_left(session);
}

static ssize_t save_read(struct file *filp, char __user *buf, size_t count,
			 loff_t *ppos)
{
	struct mdm_session *session = filp->private_data;
	size_t done = 0;
	ssize_t n;

	if (ppos)
		return -ESPIPE;
	if (!count)
		return 0;
	if (mutex_lock_interruptible(&session->io_lock))
		return -ERESTARTSYS;
	do {
		n = take(session, session->bounce,
			 min_t(size_t, count - done, MDM_BOUNCE_SIZE));
		if (n <= 0)
			break;
		/* What could not be copied is read again. */
		if (copy_to_user(buf + done, session->bounce, n)) {
			n = -EFAULT;
			break;
		}
		taken(session, n);
		done += n;
		/* A reader may have asked for gigabytes. */
		cond_resched();
	} while (done < count);
	mutex_unlock(&session->io_lock);
	return done ? done : n;
}

static __poll_t save_poll(struct file *filp, poll_table *table)
{
	struct mdm_session *session = filp->private_data;
	struct mdm_saving *saving;

	poll_wait(filp, &session->wait, table);
	guard(mutex)(&session->lock);
	if (session->ended)
		return EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLHUP;
	saving = session->saving;
	if (saving->complete || saving->pos < saving->writer.len)
		return EPOLLIN | EPOLLRDNORM;
	return 0;
}

static int fill_precopy_info(struct mdm_session *session,
			     struct vfio_precopy_info *info)
{
	guard(mutex)(&session->lock);
	if (session->ended)
		return -ENODEV;
	if (!session->saving->precopy)
		return -EINVAL;
	info->flags = 0;
	info->initial_bytes = session->saving->writer.len -
			      session->saving->pos;
	info->dirty_bytes = 0;
	return 0;
}

static long save_precopy_info(struct mdm_session *session, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_precopy_info, dirty_bytes);
	struct vfio_precopy_info info;
	int ret;

	/* vfio_check_precopy_ioctl() wants the device, which can be gone. */
	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	ret = fill_precopy_info(session, &info);
	if (ret)
		return ret;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long save_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	if (cmd != VFIO_MIG_GET_PRECOPY_INFO)
		return -ENOTTY;
	return save_precopy_info(filp->private_data, (void __user *)arg);
}

static const struct file_operations save_fops = {
	.owner = THIS_MODULE,
	.read = save_read,
	.poll = save_poll,
	.unlocked_ioctl = save_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = mdm_session_release,
};

void mdm_saving_free(struct mdm_saving *saving)
{
	if (saving)
		kvfree(saving->writer.buf);
	kfree(saving);
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
	struct mdm_saving *saving;
	int ret;

	session = mdm_session_create(mig);
	if (IS_ERR(session))
		return session;
	saving = kzalloc_obj(*saving, GFP_KERNEL_ACCOUNT);
	if (!saving) {
		ret = -ENOMEM;
		goto end;
	}
	session->saving = saving;
	ret = put_head(mig, &saving->writer);
	if (ret)
		goto end;
	*filp = mdm_session_file(session, &save_fops, O_RDONLY);
	if (IS_ERR(*filp)) {
		ret = PTR_ERR(*filp);
		*filp = NULL;
		goto end;
	}
	mutex_lock(&session->lock);
	show_left(session);
	mutex_unlock(&session->lock);
	return session;

end:
	mdm_session_end(session);
	return ERR_PTR(ret);
}

/**
 * mdm_saving_stop_copy - the device is stopped: put the rest of the stream
 * @session: the saving session
 *
 * Context: Under the state lock; takes the session's.
 * Return: 0, or a negative errno; then the stream is as it was.
 */
int mdm_saving_stop_copy(struct mdm_session *session)
{
	struct mdev_migrate_migration *mig = session->mig;
	struct mdm_saving *saving;
	size_t len;
	int ret;

	mutex_lock(&session->lock);
	saving = session->saving;
	len = saving->writer.len;
	ret = mig->ops->save(mig, &saving->writer);
	if (!ret)
		ret = put_end(&saving->writer);
	if (ret) {
		saving->writer.len = len;
	} else {
		saving->complete = true;
		saving->precopy = false;
	}
	show_left(session);
	mutex_unlock(&session->lock);
	wake_up_all(&session->wait);
	if (ret)
		mdev_migrate_refuse(mig->desc, ret, "the device state could not be saved");
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
 * mdm_saving_left - bytes that are in the stream and not yet read
 * @session: the saving session
 *
 * Return: bytes.
 */
size_t mdm_saving_left(struct mdm_session *session)
{
	guard(mutex)(&session->lock);
	return session->saving->writer.len - session->saving->pos;
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
