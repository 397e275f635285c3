/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDM_CODEC_PARAM_H
#define MDM_CODEC_PARAM_H

#include <linux/mdev_migrate/config.h>
#include "port.h"

bool mdm_param_writes(const struct mdev_migrate_param *param, __u64 value);
int mdm_param_parse(const struct mdev_migrate_param *param, const char *subject,
		    const char *text, size_t len, __u64 *value,
		    struct mdev_migrate_msg *why);

#endif /* MDM_CODEC_PARAM_H */
