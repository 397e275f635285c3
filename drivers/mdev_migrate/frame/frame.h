/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The frame: a device model becomes mdev types and VFIO devices. It is the only
 * part of mdev_migrate that knows all others: description/, migration/, ram/, pci/ and
 * memory/. What its files share.
 *
 * Lock order of all of them, outermost first:
 *
 *   the VFIO core's (device set, group)
 *   desc->config_lock		is the device open, its configuration; inside of it
 *				pool->lock, a spinlock
 *   session->io_lock		one read() or write() of a data FD; user copies
 *   mig->state_lock		the migration state; open, close, reset, arcs
 *   session->lock		a data transfer session's content
 *   irqs->set_lock		one VFIO_DEVICE_SET_IRQS; inside of none of these
 *   irqs->signal_lock		an eventfd is signalled without irqs->lock
 *   the model's own locks
 *   guest memory: see memory/dma.h; the IOMMU backends' locks and mmap_lock are taken
 *				with none of its spinlocks held
 *   ram->lock			a device's own memory, inside of mmap_lock: see ram/ram.h
 *   spinlocks: mig->size_lock, then the model's own; irqs->lock, then
 *   pci->lock; desc->error_lock; mig->poke_lock
 *
 * What userspace passes in and out is copied under io_lock or no lock at all, so
 * that a fault that takes long holds up nobody but the data FD it is on: a reset
 * or a state change does not wait for it and needs no deferring. Guest memory that
 * is not at hand is touched by the device's own workers, which the model's locks
 * are not held for; see Documentation/design.rst.
 */
#ifndef MDM_FRAME_H
#define MDM_FRAME_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mdev_migrate.h>
#include <linux/mutex.h>

#include "../codec/msg.h"
#include "../description/description.h"

extern struct mutex mdm_registrations_lock;

/**
 * struct mdm_registration - a driver on the mdev bus, as long as it has parents
 * @ref: one for all its parents, one for each parent's types
 * @mdev_driver: the driver, as the core sees it
 * @drv: the driver
 * @nr: parents that are registered, or being so; guarded by mdm_registrations_lock
 * @parents: those that are, likewise: their &struct mdm_types
 */
struct mdm_registration {
	struct kref ref;
	struct mdev_driver mdev_driver;
	struct mdev_migrate_driver *drv;
	unsigned int nr __guarded_by(&mdm_registrations_lock);
	struct list_head parents __guarded_by(&mdm_registrations_lock);
};

/**
 * struct mdm_types - what the mdev core has of a parent
 * @ref: one for its registration, one for each type
 * @registration: of the driver: a reference
 * @node: entry in the registration's list of parents
 * @parent: the parent, as the core sees it
 * @core: the core's kind of a type's kobject
 * @ktype: the same, but for its release function
 * @nr: how many types
 * @ptrs: them, for the core
 * @types: one per offered version
 *
 * A type outlives its unregistration for as long as anybody has a reference to
 * it, and what it points to in here does so with it.
 */
struct mdm_types {
	struct kref ref;
	struct mdm_registration *registration;
	struct list_head node;
	struct mdev_parent parent;
	const struct kobj_type *core;
	struct kobj_type ktype;
	unsigned int nr;
	struct mdev_type **ptrs;
	struct mdm_type *types;
};

/**
 * struct mdm_type - an mdev type: the model at a version
 * @type: what the mdev core sees
 * @all: which it is one of
 * @drv: whose
 * @desc: what it is; its @dev is the parent
 */
struct mdm_type {
	struct mdev_type type;
	struct mdm_types *all;
	struct mdev_migrate_driver *drv;
	struct mdev_migrate_type_description desc;
};

static inline struct mdm_type *to_mdm_type(struct mdev_type *type)
{
	return container_of(type, struct mdm_type, type);
}

static inline struct mdev_migrate_device *to_mdm(struct vfio_device *vdev)
{
	return container_of(vdev, struct mdev_migrate_device, vdev);
}

/* model.c */
void mdm_registration_put(struct mdm_registration *registration);

/* types.c */
struct mdm_types *mdm_types_create(struct mdm_registration *registration,
				   struct device *parent, unsigned int max);
int mdm_types_register(struct mdm_types *types, struct device *parent);
void mdm_types_unregister(struct mdm_types *types);
void mdm_types_put(struct mdm_types *types);

/* vfio.c */
int mdm_vfio_probe(struct mdev_device *mdev);
void mdm_vfio_remove(struct mdev_device *mdev);

/* pci.c */
extern const struct mdev_migrate_pci_ops mdm_pci_ops;

/* display.c */
long mdm_query_gfx_plane(struct mdev_migrate_device *mdm, void __user *arg);

/* layout.c */
int mdm_layout_put(struct mdev_migrate_device *mdm,
		   struct mdev_migrate_writer *writer);
int mdm_layout_check(struct mdev_migrate_device *mdm, const void *data,
		     size_t length, struct mdev_migrate_msg *why);

/* migration.c */
extern const struct vfio_migration_ops mdm_migration_ops;

int mdm_migration_create(struct mdev_migrate_device *mdm);
void mdm_migration_destroy(struct mdev_migrate_device *mdm);

#endif /* MDM_FRAME_H */
