// SPDX-License-Identifier: GPL-2.0-only
/* A refusal: an errno and a sentence. */
#include "msg.h"

/**
 * mdm_say - fill a refusal's sentence
 * @why: where to, or NULL
 * @err: the errno to return, negative
 * @fmt: the sentence; both sides and, where it is not plain, what to do
 *
 * Return: @err, so that a refusal is one statement.
 */
int mdm_say(struct mdev_migrate_msg *why, int err, const char *fmt, ...)
{
	va_list args;

	if (why) {
		va_start(args, fmt);
		vsnprintf(why->text, sizeof(why->text), fmt, args);
		va_end(args);
	}
	return err;
}
