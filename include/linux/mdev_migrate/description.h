/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a device is, for those who look for a destination: its model, version
 * and configuration, its last refusal, and migration/ in sysfs, which shows
 * them. Also for the mdev types that devices are made of, and for devices that
 * are not mdevs. Whoever uses it needs a struct device, and nothing else of
 * mdev_migrate.
 *
 * See Documentation/ABI/testing/sysfs-bus-mdev-migration and
 * sysfs-devices-migration.
 */
#ifndef _LINUX_MDEV_MIGRATE_DESCRIPTION_H
#define _LINUX_MDEV_MIGRATE_DESCRIPTION_H

#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/mdev_migrate/config.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

struct mdev_migrate_description;
struct mdev_migrate_type_description;
struct mdm_sysfs_dir;

/**
 * struct mdev_migrate_type_description - what the devices of a type are
 * @dev: the types' parent, in whose name refusals are logged
 * @model: their model
 * @version: the version that they are made as
 * @stream_version: major.minor of the state streams that they write, such as
 *	MDEV_MIGRATE_STREAM_VERSION of <linux/mdev_migrate/migration.h>, or the
 *	version of the vendor's own format; or NULL if the driver says nothing of
 *	streams. Then there is no migration/stream_version.
 * @check_config: as of struct mdev_migrate_description_ops, without a device.
 *	Runs at any time. Optional; without it any combination is possible.
 * @check_room: can a device with this configuration be had now (-ENOSPC)? Fills
 *	@why when it refuses, and takes nothing. Runs at any time. Optional;
 *	without it there is always room.
 *
 * Part of the driver's own structure, which fills the above. Everything below is
 * the library's.
 *
 * @dir: migration/ in sysfs
 */
struct mdev_migrate_type_description {
	struct device *dev;
	const struct mdev_migrate_model *model;
	const struct mdev_migrate_version *version;
	const char *stream_version;
	int (*check_config)(struct mdev_migrate_type_description *type,
			    const struct mdev_migrate_config *config,
			    struct mdev_migrate_msg *why);
	int (*check_room)(struct mdev_migrate_type_description *type,
			  const struct mdev_migrate_config *config,
			  struct mdev_migrate_msg *why);

	struct mdm_sysfs_dir *dir;
};

/* sysfs_type.c */
int mdev_migrate_type_description_add(struct mdev_migrate_type_description *type,
				      struct kobject *parent);
void mdev_migrate_type_description_remove(struct mdev_migrate_type_description *type);

/**
 * struct mdev_migrate_description_ops - what the driver of a device knows
 *
 * All are optional. The first three run under the description's config_lock.
 *
 * @check_config: is the combination of values possible (-EOPNOTSUPP)? Every
 *	single value is allowed already. Fills @why when it refuses, and takes
 *	nothing.
 * @check_room: would @set_config find what @config needs (-ENOSPC)? Fills @why
 *	when it refuses, and takes nothing. Only asked for a device that is not
 *	an mdev, through migration/type/check.
 * @set_config: the device is to have @config: take what this needs and give back
 *	what the present one, if it has taken anything, does not need; or refuse
 *	(-ENOSPC), fill @why and change nothing. First called by
 *	mdev_migrate_description_add(), then for each value that is written.
 *	What it has taken, the driver gives back after
 *	mdev_migrate_description_remove(), or when adding has failed.
 * @state: the device's migration state, as migration/state shows it. Runs at any
 *	time. Without it there is no such file.
 * @stop_copy_bytes: what stop-copy would send now. Runs at any time. Without it
 *	there is no migration/stop_copy_bytes.
 */
struct mdev_migrate_description_ops {
	int (*check_config)(struct mdev_migrate_description *desc,
			    const struct mdev_migrate_config *config,
			    struct mdev_migrate_msg *why);
	int (*check_room)(struct mdev_migrate_description *desc,
			  const struct mdev_migrate_config *config,
			  struct mdev_migrate_msg *why);
	int (*set_config)(struct mdev_migrate_description *desc,
			  const struct mdev_migrate_config *config,
			  struct mdev_migrate_msg *why);
	const char *(*state)(struct mdev_migrate_description *desc);
	size_t (*stop_copy_bytes)(struct mdev_migrate_description *desc);
};

/**
 * struct mdev_migrate_description - what a device is
 * @dev: the device; migration/ is in its folder
 * @model: its model
 * @version: the version that it was made as
 * @ops: what its driver knows; never NULL, but maybe without any operation
 * @config: its configuration; changes only while the device is closed, under
 *	@config_lock
 *
 * Part of the driver's own structure. Everything below is the library's.
 *
 * @config_lock: guards @config and @is_open. Taken inside the VFIO core's
 *	locks and outside all others of mdev_migrate's.
 * @is_open: the device is, and so @config is fixed
 * @error_lock: guards @last_error and @nr_errors
 * @last_error: the last refused or failed migration step
 * @nr_errors: how many there were
 * @is_typed: the device is not an mdev, and has a folder migration/type/
 * @type: what is in it
 * @dir: migration/ in sysfs, or NULL
 */
struct mdev_migrate_description {
	struct device *dev;
	const struct mdev_migrate_model *model;
	const struct mdev_migrate_version *version;
	const struct mdev_migrate_description_ops *ops;
	struct mdev_migrate_config config;

	struct mutex config_lock; /* config, is_open */
	bool is_open __guarded_by(&config_lock);
	spinlock_t error_lock; /* last_error, nr_errors */
	struct mdev_migrate_msg last_error __guarded_by(&error_lock);
	unsigned int nr_errors __guarded_by(&error_lock);
	bool is_typed;
	struct mdev_migrate_type_description type;
	struct mdm_sysfs_dir *dir;
};

/* description.c */
int mdev_migrate_description_init(struct mdev_migrate_description *desc,
				  struct device *dev,
				  const struct mdev_migrate_model *model,
				  const struct mdev_migrate_version *version,
				  const struct mdev_migrate_description_ops *ops);
void mdev_migrate_description_set_type(struct mdev_migrate_description *desc,
				       const char *stream_version);
void mdev_migrate_description_destroy(struct mdev_migrate_description *desc);
void mdev_migrate_description_set_open(struct mdev_migrate_description *desc,
				       bool is_open);
int mdev_migrate_keep_closed(struct mdev_migrate_description *desc)
	__cond_acquires(0, &desc->config_lock);
void mdev_migrate_let_open(struct mdev_migrate_description *desc)
	__releases(&desc->config_lock);

/* sysfs_device.c */
int mdev_migrate_description_add(struct mdev_migrate_description *desc);
void mdev_migrate_description_remove(struct mdev_migrate_description *desc);

/* error.c */
__printf(3, 4)
int mdev_migrate_refuse(struct mdev_migrate_description *desc, int err,
			const char *fmt, ...);

/**
 * struct mdev_migrate_pool - something that devices have shares of
 *
 * For what a parent has so much of and no more, and its devices more or less:
 * queues, memory of the hardware's. A device's share is a number of the driver's
 * that changes in mdev_migrate_pool_take() and mdev_migrate_pool_give() only.
 *
 * Everything is the library's.
 *
 * @name: what it is, in sentences; the name of the parameter that says how much
 * @total: how much there is
 * @lock: guards @used and the shares
 * @used: the sum of the shares
 */
struct mdev_migrate_pool {
	const char *name;
	u64 total;
	spinlock_t lock; /* used, shares */
	u64 used __guarded_by(&lock);
};

/* pool.c */
void mdev_migrate_pool_init(struct mdev_migrate_pool *pool, const char *name,
			    u64 total);
int mdev_migrate_pool_check(struct mdev_migrate_pool *pool, const u64 *share,
			    u64 want, struct mdev_migrate_msg *why);
int mdev_migrate_pool_take(struct mdev_migrate_pool *pool, u64 *share,
			   u64 want, struct mdev_migrate_msg *why);
void mdev_migrate_pool_give(struct mdev_migrate_pool *pool, u64 *share);
unsigned int mdev_migrate_pool_fits(struct mdev_migrate_pool *pool, u64 share);

#endif /* _LINUX_MDEV_MIGRATE_DESCRIPTION_H */
