/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDM_CODEC_MSG_H
#define MDM_CODEC_MSG_H

#include <linux/mdev_migrate/config.h>
#include "port.h"

__printf(3, 4)
int mdm_say(struct mdev_migrate_msg *why, int err, const char *fmt, ...);

#endif /* MDM_CODEC_MSG_H */
