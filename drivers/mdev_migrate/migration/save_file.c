// SPDX-License-Identifier: GPL-2.0-only
/* The data FD of a saving device. User memory is touched under io_lock alone. */
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/uaccess.h>

#include "migration.h"

/* As mdm_saving_take(); -EAGAIN only if the reader does not want to wait. */
static ssize_t take(struct file *filp, size_t len, bool again)
{
	struct mdm_session *session = filp->private_data;
	ssize_t n;

	for (;;) {
		n = mdm_saving_take(session, session->bounce,
				    min_t(size_t, len, MDM_BOUNCE_SIZE), again);
		if (n != -EAGAIN || again || filp->f_flags & O_NONBLOCK)
			return n;
		n = mdm_saving_wait(session);
		if (n)
			return n;
	}
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
		n = take(filp, count - done, done);
		if (n <= 0)
			break;
		/* What could not be copied is read again. */
		if (copy_to_user(buf + done, session->bounce, n)) {
			n = -EFAULT;
			break;
		}
		mdm_saving_taken(session, n);
		done += n;
		/* A reader may have asked for gigabytes. */
		cond_resched();
	} while (done < count && !fatal_signal_pending(current));
	mutex_unlock(&session->io_lock);
	return done ? done : n;
}

static __poll_t save_poll(struct file *filp, poll_table *table)
{
	struct mdm_session *session = filp->private_data;

	poll_wait(filp, &session->wait, table);
	return mdm_saving_poll(session);
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
	ret = mdm_saving_precopy_info(session, &info);
	if (ret)
		return ret;
	if (!copy_to_user(arg, &info, minsz))
		return 0;
	mdm_saving_precopy_missed(session, &info);
	return -EFAULT;
}

static long save_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	if (cmd != VFIO_MIG_GET_PRECOPY_INFO)
		return -ENOTTY;
	return save_precopy_info(filp->private_data, (void __user *)arg);
}

const struct file_operations mdm_save_fops = {
	.owner = THIS_MODULE,
	.read = save_read,
	.poll = save_poll,
	.unlocked_ioctl = save_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = mdm_session_release,
};
