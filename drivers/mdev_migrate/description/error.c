// SPDX-License-Identifier: GPL-2.0-only
/* The last refused or failed migration step, as a sentence. */
#include "../mdm.h"

/**
 * mdev_migrate_refuse - refuse a migration step
 * @mdm: the device
 * @err: the errno to return, negative
 * @fmt: the sentence: both sides and what to do, without a newline
 *
 * The sentence goes to migration/last_error and, rate-limited, to the log.
 *
 * Context: Any.
 * Return: @err, so that a refusal is one statement.
 */
int mdev_migrate_refuse(struct mdev_migrate_device *mdm, int err,
			const char *fmt, ...)
{
	struct mdev_migrate_msg msg;
	unsigned long flags;
	va_list args;

	va_start(args, fmt);
	vsnprintf(msg.text, sizeof(msg.text), fmt, args);
	va_end(args);

	spin_lock_irqsave(&mdm->error_lock, flags);
	mdm->last_error = msg;
	spin_unlock_irqrestore(&mdm->error_lock, flags);
	dev_notice_ratelimited(mdm->vdev.dev, "%s (%pe)\n", msg.text,
			       ERR_PTR(err));
	return err;
}
EXPORT_SYMBOL_GPL(mdev_migrate_refuse);

/**
 * mdm_error_clear - a new step begins, forget the last error
 * @mdm: the device
 */
void mdm_error_clear(struct mdev_migrate_device *mdm)
{
	unsigned long flags;

	spin_lock_irqsave(&mdm->error_lock, flags);
	mdm->last_error.text[0] = 0;
	spin_unlock_irqrestore(&mdm->error_lock, flags);
}

/**
 * mdm_error_get - the last error's sentence
 * @mdm: the device
 * @msg: the result
 */
void mdm_error_get(struct mdev_migrate_device *mdm,
		   struct mdev_migrate_msg *msg)
{
	unsigned long flags;

	spin_lock_irqsave(&mdm->error_lock, flags);
	*msg = mdm->last_error;
	spin_unlock_irqrestore(&mdm->error_lock, flags);
}
