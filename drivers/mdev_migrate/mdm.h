/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the helper's files share.
 *
 * Lock order, outermost first:
 *
 *   the VFIO core's (device set, group)
 *   mdm->config_lock		is the device open, its configuration
 *   session->io_lock		one read() or write() of a data FD; user copies
 *   mig->state_lock		the migration state; open, close, reset, arcs
 *   session->lock		a data transfer session's content
 *   irqs->set_lock		one VFIO_DEVICE_SET_IRQS; inside of none of these
 *   the model's own locks
 *   guest memory: see dma.h; the IOMMU backends' locks and mmap_lock are taken
 *				with none of its spinlocks held
 *   spinlocks: mig->size_lock, then the model's own; irqs->lock, then
 *   pci->lock; mdm->error_lock
 *
 * What userspace passes in and out is copied under io_lock or no lock at all, so
 * that a fault that takes long holds up nobody but the data FD it is on: a reset
 * or a state change does not wait for it and needs no deferring. Guest memory that
 * is not at hand is touched by the device's own workers, which the model's locks
 * are not held for; see Documentation/design.rst.
 */
#ifndef MDM_H
#define MDM_H

#include <linux/eventfd.h>
#include <linux/kref.h>
#include <linux/mdev_migrate.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "codec/msg.h"
#include "codec/stream.h"

/* Region index and offset in the offset of read() and write(). */
#define MDM_OFFSET_SHIFT	40
#define MDM_OFFSET_TO_INDEX(o)	((u64)(o) >> MDM_OFFSET_SHIFT)
#define MDM_INDEX_TO_OFFSET(i)	((u64)(i) << MDM_OFFSET_SHIFT)
#define MDM_OFFSET_MASK		(((u64)1 << MDM_OFFSET_SHIFT) - 1)

/**
 * struct mdm_types - what the mdev core has of a driver
 * @ref: one for the registration, one for each type
 * @mdev_driver: the driver, as the core sees it
 * @parent: the parent, likewise
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
	struct mdev_driver mdev_driver;
	struct mdev_parent parent;
	const struct kobj_type *core;
	struct kobj_type ktype;
	unsigned int nr;
	struct mdev_type **ptrs;
	struct mdm_type *types;
};

/**
 * struct mdm_type - a mdev type: the model at a version
 * @type: what the mdev core sees
 * @all: which it is one of
 * @drv: whose
 * @version: which
 * @dir: its migration/ folder
 */
struct mdm_type {
	struct mdev_type type;
	struct mdm_types *all;
	struct mdev_migrate_driver *drv;
	const struct mdev_migrate_version *version;
	struct mdm_sysfs_dir *dir;
};

static inline struct mdm_type *to_mdm_type(struct mdev_type *type)
{
	return container_of(type, struct mdm_type, type);
}

static inline struct mdev_migrate_device *to_mdm(struct vfio_device *vdev)
{
	return container_of(vdev, struct mdev_migrate_device, vdev);
}

/* error.c */
void mdm_error_clear(struct mdev_migrate_device *mdm);
void mdm_error_get(struct mdev_migrate_device *mdm,
		   struct mdev_migrate_msg *msg);

/* model.c */
int mdm_config_check(struct mdev_migrate_driver *drv,
		     const struct mdev_migrate_config *config,
		     struct mdev_migrate_msg *why);

/* types.c */
struct mdm_types *mdm_types_create(struct mdev_migrate_driver *drv,
				   unsigned int max);
int mdm_types_register(struct mdm_types *types, struct device *parent);
void mdm_types_unregister(struct mdm_types *types);
void mdm_types_put(struct mdm_types *types);

/* objects.c */
void mdm_object_get(void);
void mdm_object_put(void);
void mdm_objects_wait(void);

/* resume.c */
int mdm_records_check(const struct mdev_migrate_ops *ops,
		      struct mdev_migrate_msg *why);

/* sysfs.c, sysfs_type.c, sysfs_device.c */
int mdm_sysfs_add_type(struct mdm_type *type);
int mdm_sysfs_add_device(struct mdev_migrate_device *mdm);
void mdm_sysfs_remove(struct mdm_sysfs_dir *dir);
void mdm_sysfs_state_changed(struct mdev_migrate_device *mdm);

/* vfio.c */
int mdm_vfio_probe(struct mdev_device *mdev);
void mdm_vfio_remove(struct mdev_device *mdev);

/* region.c */
int mdm_region_info(struct mdev_migrate_device *mdm,
		    struct vfio_region_info *info);
ssize_t mdm_region_read(struct mdev_migrate_device *mdm, char __user *buf,
			size_t count, loff_t *ppos);
ssize_t mdm_region_write(struct mdev_migrate_device *mdm,
			 const char __user *buf, size_t count, loff_t *ppos);

/* pci.c: configuration space */
struct mdm_pci_shadow;

int mdm_pci_create(struct mdev_migrate_device *mdm);
void mdm_pci_destroy(struct mdev_migrate_device *mdm);
void mdm_pci_reset(struct mdev_migrate_device *mdm);
const struct mdev_migrate_pci_desc *
mdm_pci_desc(struct mdev_migrate_device *mdm);
u32 mdm_pci_cfg_read(struct mdev_migrate_device *mdm, unsigned int offset,
		     unsigned int len);
void mdm_pci_cfg_write(struct mdev_migrate_device *mdm, unsigned int offset,
		       unsigned int len, u32 value);
/* pci_msix.c: the MSI-X table, and both in the stream */
u64 mdm_msix_read(struct mdev_migrate_device *mdm, u64 offset,
		  unsigned int len);
void mdm_msix_write(struct mdev_migrate_device *mdm, u64 offset,
		    unsigned int len, u64 value);
size_t mdm_pci_state_size(struct mdev_migrate_device *mdm);
int mdm_pci_save(struct mdev_migrate_device *mdm,
		 struct mdev_migrate_writer *writer);
struct mdm_pci_shadow *mdm_pci_load_begin(struct mdev_migrate_device *mdm);
int mdm_pci_load_record(struct mdev_migrate_device *mdm,
			struct mdm_pci_shadow *shadow,
			const struct mdev_migrate_record *rec);
void mdm_pci_load_commit(struct mdev_migrate_device *mdm,
			 struct mdm_pci_shadow *shadow);
void mdm_pci_load_end(struct mdm_pci_shadow *shadow);

/* irq.c */
int mdm_irqs_create(struct mdev_migrate_device *mdm);
void mdm_irqs_destroy(struct mdev_migrate_device *mdm);
int mdm_irqs_open(struct mdev_migrate_device *mdm);
void mdm_irqs_close(struct mdev_migrate_device *mdm);
void mdm_irqs_reset(struct mdev_migrate_device *mdm);
void mdm_irqs_stop(struct mdev_migrate_device *mdm);
void mdm_irqs_start(struct mdev_migrate_device *mdm);
void mdm_irqs_command(struct mdev_migrate_device *mdm);
bool mdm_irqs_intx_level(struct mdev_migrate_device *mdm);
bool mdm_irqs_msix_pending(struct mdev_migrate_device *mdm,
			   unsigned int vector);
void mdm_irqs_msix_set_pending(struct mdev_migrate_device *mdm,
			       const u8 *bits);
bool mdm_irqs_request(struct mdev_migrate_device *mdm);
/* irq_set.c: VFIO_DEVICE_GET_IRQ_INFO, VFIO_DEVICE_SET_IRQS */
int mdm_irqs_info(struct mdev_migrate_device *mdm, struct vfio_irq_info *info);
int mdm_irqs_set(struct mdev_migrate_device *mdm, struct vfio_irq_set *hdr,
		 void *data);

/* dma.c */
void mdm_calls_exit(void);
int mdm_dma_create(struct mdev_migrate_device *mdm);
int mdm_dma_open(struct mdev_migrate_device *mdm);
void mdm_dma_closing(struct mdev_migrate_device *mdm);
void mdm_dma_close(struct mdev_migrate_device *mdm);
void mdm_dma_destroy(struct mdev_migrate_device *mdm);
void mdm_dma_set_saving(struct mdev_migrate_device *mdm, bool saving);
/* pin.c, unmap.c */
void mdm_dma_pause(struct mdev_migrate_device *mdm);
void mdm_dma_interrupt(struct mdev_migrate_device *mdm,
		       struct task_struct *task);
void mdm_dma_unmap(struct mdev_migrate_device *mdm, u64 iova, u64 length);
/* dirty.c */
extern const struct vfio_log_ops mdm_log_ops;

/* fsm.c */
extern const struct vfio_migration_ops mdm_migration_ops;

int mdm_migration_create(struct mdev_migrate_device *mdm);
void mdm_migration_destroy(struct mdev_migrate_device *mdm);
int mdm_migration_open(struct mdev_migrate_device *mdm);
void mdm_migration_close(struct mdev_migrate_device *mdm);
void mdm_migration_reset(struct mdev_migrate_device *mdm);
enum vfio_device_mig_state mdm_migration_state(struct mdev_migrate_device *mdm);
size_t mdm_migration_stop_copy_bytes(struct mdev_migrate_device *mdm);
const char *mdm_migration_state_name(enum vfio_device_mig_state state);

#endif /* MDM_H */
