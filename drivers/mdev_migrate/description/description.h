/* SPDX-License-Identifier: GPL-2.0-only */
/* What a device is: what its files share, and what other libraries use of them. */
#ifndef MDM_DESCRIPTION_H
#define MDM_DESCRIPTION_H

#include <linux/mdev_migrate/description.h>

/* error.c */
void mdm_error_clear(struct mdev_migrate_description *desc);
void mdm_error_get(struct mdev_migrate_description *desc,
		   struct mdev_migrate_msg *msg);
unsigned int mdm_error_count(const struct mdev_migrate_description *desc);

/* objects.c */
void mdm_object_get(void);
void mdm_object_put(void);
void mdm_objects_wait(void);

/* sysfs_device.c */
void mdm_sysfs_state_changed(struct mdev_migrate_description *desc);

#endif /* MDM_DESCRIPTION_H */
