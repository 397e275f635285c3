/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mdev_migrate: a helper for mediated device drivers. The driver describes its
 * device model as data and supplies a few callbacks; the helper provides the
 * mdev types, their migration/ folders in sysfs, the VFIO device, the v2
 * migration state machine, the state stream, PCI configuration space,
 * interrupts and guest memory with dirty tracking.
 *
 * See Documentation/driver-api/writing-a-driver.rst.
 */
#ifndef _LINUX_MDEV_MIGRATE_H
#define _LINUX_MDEV_MIGRATE_H

#include <linux/mdev.h>
#include <linux/mdev_migrate/config.h>
#include <linux/mdev_migrate/description.h>
#include <linux/mdev_migrate/memory.h>
#include <linux/mdev_migrate/migration.h>
#include <linux/mdev_migrate/pci.h>
#include <linux/mdev_migrate/ram.h>
#include <linux/vfio.h>
#include <uapi/linux/mdev_migrate.h>

struct mdm_records;
struct mdm_registration;
struct mdm_virtual;
struct mdev_migrate_device;
struct mdev_migrate_driver;

/**
 * struct mdev_migrate_ops - what a device model does
 *
 * Unless said otherwise, callbacks may sleep and are optional. The helper calls
 * @open, @close, @reset, @prepare, @stop, @start, @load_check and @load_commit one
 * at a time, under its state lock; @save_begin to @save_end and @load_begin to
 * @load_end one at a time, under the session's lock, and none of them while one of
 * the former runs. struct mdev_migrate_migration_ops says what that means. @bar_read, @bar_write,
 * @cfg_read, @cfg_write, @pci_command, @gfx_plane and @state_size run at any time in between
 * and concurrently with each other: what they share, the model locks itself.
 *
 * @check_config: is the combination of values possible below @parent
 *	(-EOPNOTSUPP)? Every single value is allowed already. Fills @why when it
 *	refuses, and takes nothing. Called for devices, and for types.
 * @check_room: are there resources for a new device with @config below @parent
 *	(-ENOSPC)? Fills @why when it refuses, and takes nothing.
 * @set_config: the device is to have @config: take the resources that this needs
 *	and give back what the present configuration, if it has taken any, does
 *	not need; or refuse (-ENOSPC), fill @why and change nothing. Called after
 *	@init with the configuration of the device's type, then for each value
 *	that is written to it, one at a time and only while it is closed.
 * @get_available: how many devices with @version's values have room below
 *	@parent. Called at any time. Without it the mdev core counts, up to
 *	max_instances; with it there is no max_instances.
 * @init: an mdev was created. Allocate what lives as long as it; the
 *	configuration may still change.
 * @release: undo @init, and give back what @set_config has taken, if it ever was
 *	called; the device is closed and out of sysfs.
 * @open: the first file descriptor was opened. The configuration is fixed as
 *	long as the device is open. Describe the PCI function
 *	(mdev_migrate_pci_init() and mdev_migrate_pci_add_cap()) and bring the
 *	device to its state after reset. On error nothing may be left behind.
 *	Mandatory.
 * @close: the last file descriptor was closed. No guest memory, no interrupt
 *	from here on. Mandatory.
 * @reset: VFIO_DEVICE_RESET: to the state after @open. Runs whether stopped or
 *	not; the device runs afterwards. Configuration space, MSI-X and pending
 *	interrupts are reset by the helper. Mandatory.
 * @prepare: the migration state is to change from @from to @to, a step of the state
 *	machine's; what else is called for that comes after it. An error leaves
 *	the device in @from. The callbacks from @save_begin to @load_end can run at
 *	the same time, but for those that are called under the state lock.
 * @stop: the device leaves RUNNING. On return it takes nothing more from guest
 *	memory and writes nothing to it, no taken buffer lacks its used entry
 *	and no interrupt will be raised; what the guest asks for meanwhile is
 *	kept. An error leaves it running. Mandatory.
 * @start: the device enters RUNNING after @stop or a load: look at everything
 *	once. Not called after @open and @reset, which leave it running.
 *	Mandatory.
 * @bar_read: read @len (1, 2, 4 or 8) bytes at the naturally aligned @offset
 *	of BAR @bar. Never called for the MSI-X table and pending bits.
 *	Mandatory.
 * @bar_write: likewise write. Mandatory.
 * @bar_mmap: map a BAR that can be mapped, see struct mdev_migrate_pci_ops.
 *	What userspace has written there is state.
 * @pci_command: the PCI command register changed from @old to @new, such as the
 *	bus master enable. May be called in any state. Of changes at the same
 *	time each is told of, but not in the order in which they were made: the
 *	bits that differ say what to look at, mdev_migrate_pci_command() under a
 *	lock of the model's what it is now.
 * @cfg_read: configuration space at @offset is about to be read; a
 *	capability that is a window fills it with mdev_migrate_pci_set().
 * @cfg_write: configuration space was written at [@offset, @offset + @len).
 * @gfx_plane: VFIO_DEVICE_QUERY_GFX_PLANE: is there something to be seen, and in which
 *	region (see mdev_migrate_pci_add_region())? In @plane drm_plane_type is
 *	given, all that is to be filled is zero: so it stays if there is nothing. 0 or a
 *	negative errno. Without it the device is no display.
 * @state_size: estimate of the bytes, with headers, that @save has still to put,
 *	if nothing is put by @precopy any more. Called at any time between the
 *	end of @open and the beginning of @close, concurrently with all others,
 *	under a spinlock: must not sleep, and takes no lock but spinlocks of the
 *	model's own. Mandatory.
 * @save_begin: a saving session begins; on error there is none
 * @save: put the next records of the state with mdev_migrate_put() and
 *	mdev_migrate_put_blob(), as many as there is room for. The device is
 *	stopped. Must not change it. Returns a positive number if there is more;
 *	0 if that was the end; a negative errno if the call comes to nothing.
 *	Mandatory.
 * @precopy: likewise, while the device runs, what @save need not put then. 0: there
 *	is nothing now, see mdev_migrate_precopy_poke(). A destination that has
 *	another PCI function refuses before any of it comes.
 * @precopy_info: what has @precopy still to put? @info is zeroed
 * @save_end: the saving session ends, in whatever way
 * @records: the records @load_record takes: each tag once, none below
 *	MDEV_MIGRATE_TAG_MODELS
 * @nr_records: how many, at most BITS_PER_LONG
 * @load_begin: a stream with this device's configuration begins. Returns an
 *	object that the following callbacks fill, NULL or an ERR_PTR().
 * @load_room: where what follows the head of @rec goes, from byte @at of the payload
 *	on; see struct mdev_migrate_migration_ops. Needed if a record has a head.
 * @load_record: check @rec as far as it can be alone and keep it in @shadow.
 *	Must not touch the device, but for records that are loaded in place: it
 *	can run, or go through @reset, later. Use mdev_migrate_refuse() to
 *	refuse. Mandatory.
 * @load_check: all records are here: do they fit together? Must not change the
 *	device. The device is stopped.
 * @load_commit: bring the device to the state in @shadow. Configuration space and
 *	MSI-X are there by now: an error leaves the device in
 *	VFIO_DEVICE_STATE_ERROR, until it is reset. Without it, all is loaded in
 *	place.
 * @load_end: free @shadow, whether committed or not.
 */
struct mdev_migrate_ops {
	int (*check_config)(struct device *parent,
			    const struct mdev_migrate_config *config,
			    struct mdev_migrate_msg *why);
	int (*check_room)(struct device *parent,
			  const struct mdev_migrate_config *config,
			  struct mdev_migrate_msg *why);
	int (*set_config)(struct mdev_migrate_device *mdm,
			  const struct mdev_migrate_config *config,
			  struct mdev_migrate_msg *why);
	unsigned int (*get_available)(struct device *parent,
				      const struct mdev_migrate_version *version);
	int (*init)(struct mdev_migrate_device *mdm);
	void (*release)(struct mdev_migrate_device *mdm);
	int (*open)(struct mdev_migrate_device *mdm);
	void (*close)(struct mdev_migrate_device *mdm);
	void (*reset)(struct mdev_migrate_device *mdm);
	int (*prepare)(struct mdev_migrate_device *mdm,
		       enum vfio_device_mig_state from,
		       enum vfio_device_mig_state to);
	int (*stop)(struct mdev_migrate_device *mdm);
	void (*start)(struct mdev_migrate_device *mdm);
	u64 (*bar_read)(struct mdev_migrate_device *mdm, unsigned int bar,
			u64 offset, unsigned int len);
	void (*bar_write)(struct mdev_migrate_device *mdm, unsigned int bar,
			  u64 offset, unsigned int len, u64 value);
	int (*bar_mmap)(struct mdev_migrate_device *mdm, unsigned int bar,
			u64 offset, struct vm_area_struct *vma);
	void (*pci_command)(struct mdev_migrate_device *mdm, u16 old, u16 new);
	void (*cfg_read)(struct mdev_migrate_device *mdm, unsigned int offset,
			 unsigned int len);
	void (*cfg_write)(struct mdev_migrate_device *mdm, unsigned int offset,
			  unsigned int len);
	int (*gfx_plane)(struct mdev_migrate_device *mdm,
			 struct vfio_device_gfx_plane_info *plane);
	u64 (*state_size)(struct mdev_migrate_device *mdm);
	int (*save_begin)(struct mdev_migrate_device *mdm);
	int (*save)(struct mdev_migrate_device *mdm,
		    struct mdev_migrate_writer *writer);
	int (*precopy)(struct mdev_migrate_device *mdm,
		       struct mdev_migrate_writer *writer);
	void (*precopy_info)(struct mdev_migrate_device *mdm,
			     struct mdev_migrate_precopy_info *info);
	void (*save_end)(struct mdev_migrate_device *mdm);
	const struct mdev_migrate_record_type *records;
	unsigned int nr_records;
	void *(*load_begin)(struct mdev_migrate_device *mdm);
	void *(*load_room)(struct mdev_migrate_device *mdm, void *shadow,
			   const struct mdev_migrate_record *rec, u32 at,
			   size_t *len);
	int (*load_record)(struct mdev_migrate_device *mdm, void *shadow,
			   const struct mdev_migrate_record *rec);
	int (*load_check)(struct mdev_migrate_device *mdm, void *shadow);
	int (*load_commit)(struct mdev_migrate_device *mdm, void *shadow);
	void (*load_end)(struct mdev_migrate_device *mdm, void *shadow);
};

/* frame/ram.c */
int mdev_migrate_ram_op_bar_mmap(struct mdev_migrate_device *mdm,
				 unsigned int bar, u64 offset,
				 struct vm_area_struct *vma);
u64 mdev_migrate_ram_op_state_size(struct mdev_migrate_device *mdm);
int mdev_migrate_ram_op_save_begin(struct mdev_migrate_device *mdm);
void mdev_migrate_ram_op_precopy_info(struct mdev_migrate_device *mdm,
				      struct mdev_migrate_precopy_info *info);
void mdev_migrate_ram_op_save_end(struct mdev_migrate_device *mdm);
void *mdev_migrate_ram_op_load_begin(struct mdev_migrate_device *mdm);
void *mdev_migrate_ram_op_load_room(struct mdev_migrate_device *mdm,
				    void *shadow,
				    const struct mdev_migrate_record *rec,
				    u32 at, size_t *len);
int mdev_migrate_ram_op_load_record(struct mdev_migrate_device *mdm,
				    void *shadow,
				    const struct mdev_migrate_record *rec);

/*
 * Of struct mdev_migrate_ops, for a device whose whole state is in its memory,
 * @ram of struct mdev_migrate_device. What is left are @save and @precopy, which call
 * mdev_migrate_ram_put(), and @records.
 */
#define MDEV_MIGRATE_RAM_OPS						\
	.state_size = mdev_migrate_ram_op_state_size,			\
	.save_begin = mdev_migrate_ram_op_save_begin,			\
	.precopy_info = mdev_migrate_ram_op_precopy_info,		\
	.save_end = mdev_migrate_ram_op_save_end,			\
	.load_begin = mdev_migrate_ram_op_load_begin,			\
	.load_room = mdev_migrate_ram_op_load_room,			\
	.load_record = mdev_migrate_ram_op_load_record

/**
 * struct mdev_migrate_driver - a device model and how to make its devices
 * @name: name on the mdev bus
 * @owner: THIS_MODULE
 * @model: what it is
 * @ops: what it does
 * @device_size: size of the driver's structure, whose first member is a
 *	struct mdev_migrate_device
 * @max_instances: how many devices there can be below each parent
 * @max_version: newest version to offer as an mdev type, or NULL for all: lets
 *	this build stand for an older implementation
 * @dev_groups: attributes of a device outside its migration/ folder
 * @virtual_name: for module_mdev_migrate_virtual() only: the name for
 *	mdev_migrate_register_virtual()
 *
 * Everything below is the helper's.
 *
 * @registration: what the mdev core sees, as long as there are parents
 * @virtual_parent: the parent, if it is the helper's own
 */
struct mdev_migrate_driver {
	const char *name;
	struct module *owner;
	const struct mdev_migrate_model *model;
	const struct mdev_migrate_ops *ops;
	size_t device_size;
	unsigned int max_instances;
	const char *max_version;
	const struct attribute_group **dev_groups;
	const char *virtual_name;

	struct mdm_registration *registration;
	struct mdm_virtual *virtual_parent;
};

/**
 * struct mdev_migrate_device - a device
 * @vdev: what the VFIO core sees
 * @mdev: what the mdev core sees
 * @drv: its driver
 * @desc: what it is; @desc.config.values is its configuration, fixed while it is
 *	open
 * @mig: its migration
 * @pci: configuration space, BARs, interrupts
 * @memory: guest memory
 *
 * @ram: its memory, if the model has set this in @init of struct mdev_migrate_ops
 *
 * First member of the driver's own structure. What is below is the helper's.
 *
 * @records: what it loads
 */
struct mdev_migrate_device {
	struct vfio_device vdev;
	struct mdev_device *mdev;
	struct mdev_migrate_driver *drv;
	struct mdev_migrate_description desc;
	struct mdev_migrate_migration mig;
	struct mdev_migrate_pci *pci;
	struct mdev_migrate_memory *memory;
	struct mdev_migrate_ram *ram;

	struct mdm_records *records;
};

/**
 * mdev_migrate_parent - the parent that a device is below
 * @mdm: the device
 *
 * Return: what its driver gave to mdev_migrate_register(); it stays as long as the
 * device.
 */
static inline struct device *
mdev_migrate_parent(const struct mdev_migrate_device *mdm)
{
	return mdm->mdev->dev.parent;
}

/* model.c */
int mdev_migrate_register(struct mdev_migrate_driver *drv,
			  struct device *parent);
void mdev_migrate_unregister(struct mdev_migrate_driver *drv,
			     struct device *parent);
int mdev_migrate_register_virtual(struct mdev_migrate_driver *drv,
				  const char *name);
void mdev_migrate_unregister_virtual(struct mdev_migrate_driver *drv);
struct mdev_migrate_device *mdev_migrate_from_dev(struct device *dev);

/* Of module_mdev_migrate_virtual(). */
static inline int mdev_migrate_register_named(struct mdev_migrate_driver *drv)
{
	return mdev_migrate_register_virtual(drv, drv->virtual_name);
}

/* The init and exit of a module that is one driver, of a model on no hardware. */
#define module_mdev_migrate_virtual(_driver)				\
	module_driver(_driver, mdev_migrate_register_named,		\
		      mdev_migrate_unregister_virtual)

#endif /* _LINUX_MDEV_MIGRATE_H */
