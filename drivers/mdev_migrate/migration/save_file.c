// SPDX-License-Identifier: GPL-2.0-only
/* The data FD of a saving device. User memory is faulted in under io_lock alone. */
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "migration.h"

/*
 * Is there nothing at @to that can be written? Pages can be there and no place for all
 * that: a shadow stack's (x86), or memory with another tag (arm64). So a byte is written
 * as any program would, where the next one of the stream is to be.
 */
static bool no_place(struct iov_iter *to)
{
	size_t len = min_t(size_t, iov_iter_count(to), MDM_COPY_MAX);
	u8 __user *at = to->ubuf + to->iov_offset;

	return fault_in_iov_iter_writeable(to, len) == len || put_user(0, at);
}

/*
 * Returns as mdm_saving_copy(), -EAGAIN only if the reader does not want to wait; and
 * -EFAULT.
 */
static ssize_t save_some(struct file *filp, struct iov_iter *to, bool again)
{
	struct mdm_session *session = filp->private_data;
	bool fault;
	ssize_t n;

	do {
		fault = false;
		n = mdm_saving_copy(session, to, again, &fault);
		if (n == -EAGAIN && !again && !(filp->f_flags & O_NONBLOCK)) {
			n = mdm_saving_wait(session);
		} else if (!n && fault) {
			if (no_place(to))
				return -EFAULT;
			cond_resched();
		} else {
			return n;
		}
	} while (!n && !fatal_signal_pending(current));
	return n ?: -EINTR;
}

static ssize_t save_read(struct file *filp, char __user *buf, size_t count,
			 loff_t *ppos)
{
	struct mdm_session *session = filp->private_data;
	struct iov_iter to;
	ssize_t n;

	if (ppos)
		return -ESPIPE;
	if (!count)
		return 0;
	iov_iter_ubuf(&to, ITER_DEST, buf, count);
	if (mutex_lock_interruptible(&session->io_lock))
		return -ERESTARTSYS;
	do {
		n = save_some(filp, &to, iov_iter_count(&to) < count);
		if (n <= 0)
			break;
		/* A reader may have asked for gigabytes. */
		cond_resched();
	} while (iov_iter_count(&to) && !fatal_signal_pending(current));
	mutex_unlock(&session->io_lock);
	return count - iov_iter_count(&to) ?: n;
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
