// SPDX-License-Identifier: GPL-2.0-only
/* The last refused or failed migration step, as a sentence. */
#include <linux/export.h>

#include "description.h"

/**
 * mdev_migrate_refuse - refuse a migration step
 * @desc: the device's description
 * @err: the errno to return, negative
 * @fmt: the sentence: both sides and what to do, without a newline
 *
 * The sentence goes to migration/last_error and, rate-limited, to the log.
 *
 * Context: Any.
 * Return: @err, so that a refusal is one statement.
 */
int mdev_migrate_refuse(struct mdev_migrate_description *desc, int err,
			const char *fmt, ...)
{
	struct mdev_migrate_msg msg;
	unsigned long flags;
	va_list args;

	va_start(args, fmt);
	vsnprintf(msg.text, sizeof(msg.text), fmt, args);
	va_end(args);

	spin_lock_irqsave(&desc->error_lock, flags);
	desc->last_error = msg;
	WRITE_ONCE(desc->nr_errors, desc->nr_errors + 1);
	spin_unlock_irqrestore(&desc->error_lock, flags);
	dev_notice_ratelimited(desc->dev, "%s (%pe)\n", msg.text,
			       ERR_PTR(err));
	return err;
}
EXPORT_SYMBOL_GPL(mdev_migrate_refuse);

/**
 * mdm_error_clear - a new step begins, forget the last error
 * @desc: the device's description
 */
void mdm_error_clear(struct mdev_migrate_description *desc)
{
	unsigned long flags;

	spin_lock_irqsave(&desc->error_lock, flags);
	desc->last_error.text[0] = 0;
	spin_unlock_irqrestore(&desc->error_lock, flags);
}

/**
 * mdm_error_get - the last error's sentence
 * @desc: the device's description
 * @msg: the result
 */
void mdm_error_get(struct mdev_migrate_description *desc,
		   struct mdev_migrate_msg *msg)
{
	unsigned long flags;

	spin_lock_irqsave(&desc->error_lock, flags);
	*msg = desc->last_error;
	spin_unlock_irqrestore(&desc->error_lock, flags);
}

/**
 * mdm_error_count - how many there were
 * @desc: the device's description
 *
 * Return: a number that is another one after the next mdev_migrate_refuse().
 */
unsigned int mdm_error_count(const struct mdev_migrate_description *desc)
{
	/* Compared with what it was, no more. */
	return context_unsafe(READ_ONCE(desc->nr_errors));
}
