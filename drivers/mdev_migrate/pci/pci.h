/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An emulated PCI function: what its files share.
 *
 *	config.c	configuration space
 *	msi.c		the MSI capability
 *	msix.c		the MSI-X table and pending bits as a BAR shows them
 *	region.c	what regions there are; read() and write() become accesses
 *	mmap.c		regions that userspace maps
 *	irq.c		interrupts
 *	irq_signal.c	who signals an eventfd
 *	irq_set.c	VFIO_DEVICE_SET_IRQS
 *	ioctl.c		ioctls: what comes from userspace and goes there
 *	irq_unmask.c	an eventfd that unmasks INTx
 *	state.c		what of it goes into a stream
 *
 * irqs->signal_lock is taken outside of irqs->lock, and that outside of pci->lock. The
 * latter two are spinlocks that are taken in any context.
 */
#ifndef MDM_PCI_H
#define MDM_PCI_H

#include <linux/mdev_migrate/pci.h>
#include <linux/pci_regs.h>
#include <linux/spinlock.h>

#include "irq.h"

/**
 * struct mdev_migrate_pci - a device's PCI function
 * @ops: what its driver does
 * @context: what @ops get
 * @irqs: its interrupts
 * @desc: what its driver said; constant while the device is open
 * @lock: guards @cfg and @table
 * @cfg: configuration space, little-endian as the guest sees it
 * @wmask: which bits of @cfg the guest can change; constant
 * @reset_cfg: @cfg after a reset; constant
 * @next_cap: where the next capability goes
 * @last_cap: where its offset is to be written
 * @msi_cap: offset of the MSI capability, 0 for none
 * @msix_cap: offset of the MSI-X capability, 0 for none
 * @table: the MSI-X table
 * @regions: those of the driver's own; constant while the device is open
 * @nr_regions: how many
 */
struct mdev_migrate_pci {
	const struct mdev_migrate_pci_ops *ops;
	void *context;
	struct mdm_irqs irqs;
	struct mdev_migrate_pci_desc desc;
	spinlock_t lock; /* cfg, table */
	u8 cfg[PCI_CFG_SPACE_SIZE] __guarded_by(&lock);
	u8 wmask[PCI_CFG_SPACE_SIZE];
	u8 reset_cfg[PCI_CFG_SPACE_SIZE];
	unsigned int next_cap;
	unsigned int last_cap;
	unsigned int msi_cap;
	unsigned int msix_cap;
	u8 *table __pt_guarded_by(&lock);
	struct mdev_migrate_pci_region *regions;
	unsigned int nr_regions;
};

/* Region index and offset in the offset of read(), write() and mmap(). */
#define MDM_OFFSET_SHIFT		40
#define MDM_OFFSET_TO_INDEX(o)	((u64)(o) >> MDM_OFFSET_SHIFT)
#define MDM_INDEX_TO_OFFSET(i)	((u64)(i) << MDM_OFFSET_SHIFT)
#define MDM_OFFSET_MASK		(((u64)1 << MDM_OFFSET_SHIFT) - 1)

/**
 * struct mdm_region - what can be done with one of VFIO's regions
 * @size: bytes, 0 if there is none
 * @flags: VFIO_REGION_INFO_FLAG_*
 * @areas: what of it can be mapped
 * @nr_areas: how many, 0 for all of it
 * @own: of the driver's own, or NULL
 */
struct mdm_region {
	u64 size;
	u32 flags;
	const struct vfio_region_sparse_mmap_area *areas;
	unsigned int nr_areas;
	const struct mdev_migrate_pci_region *own;
};

/**
 * struct mdm_pci_before - what matters to others of configuration space
 * @flags: of pci->lock
 * @command: the command register
 * @msi_mask: the MSI vectors that are masked
 */
struct mdm_pci_before {
	unsigned long flags;
	u16 command;
	u32 msi_mask;
};

/* config.c */
u32 mdm_pci_cfg_read(struct mdev_migrate_pci *pci, unsigned int offset,
		     unsigned int len);
void mdm_pci_cfg_write(struct mdev_migrate_pci *pci, unsigned int offset,
		       unsigned int len, u32 value);
void mdm_pci_begin(struct mdev_migrate_pci *pci, struct mdm_pci_before *before)
	__acquires(&pci->lock);
void mdm_pci_end(struct mdev_migrate_pci *pci,
		 const struct mdm_pci_before *before)
	__releases(&pci->lock);
void mdm_pci_forget(struct mdev_migrate_pci *pci);

/* msi.c */
int mdm_msi_init(struct mdev_migrate_pci *pci);
void mdm_msi_reset(struct mdev_migrate_pci *pci);
u32 mdm_msi_mask(const struct mdev_migrate_pci *pci)
	__must_hold(&pci->lock);
u8 mdm_msi_pending_bits(const struct mdev_migrate_pci *pci,
			unsigned int offset);
void mdm_msi_show_pending(struct mdev_migrate_pci *pci, unsigned int offset,
			  u8 *buf, size_t len);
void mdm_msi_load(struct mdev_migrate_pci *pci, const u8 *config);

/* msix.c */
size_t mdm_msix_table_size(const struct mdev_migrate_pci *pci);
size_t mdm_msix_pending_size(const struct mdev_migrate_pci *pci);
void mdm_msix_table_reset(struct mdev_migrate_pci *pci)
	__must_hold(&pci->lock);
u64 mdm_msix_read(struct mdev_migrate_pci *pci, u64 offset, unsigned int len);
void mdm_msix_write(struct mdev_migrate_pci *pci, u64 offset, unsigned int len,
		    u64 value);

/* region.c */
void mdm_region_get(struct mdev_migrate_pci *pci, unsigned int index,
		    struct mdm_region *region);

/* mmap.c */
bool mdm_areas_ok(const struct vfio_region_sparse_mmap_area *areas,
		  unsigned int nr, u64 size);

/* irq_signal.c */
int mdm_irqs_open(struct mdev_migrate_pci *pci);
void mdm_irqs_close(struct mdev_migrate_pci *pci);

/* irq.c */
void mdm_irqs_reset(struct mdev_migrate_pci *pci);
void mdm_irqs_config(struct mdev_migrate_pci *pci);
bool mdm_irqs_intx_level(struct mdev_migrate_pci *pci);
bool mdm_irqs_msix_pending(struct mdev_migrate_pci *pci, unsigned int vector);
void mdm_irqs_set_pending(struct mdev_migrate_pci *pci,
			  struct mdm_vectors *vectors, const u8 *bits);

/* irq_set.c */
int mdm_irq_info(struct mdev_migrate_pci *pci, struct vfio_irq_info *info);
int mdm_irq_set(struct mdev_migrate_pci *pci, struct vfio_irq_set *hdr,
		void *data);

/* irq_unmask.c */
struct mdm_unmask *mdm_unmask_create(struct mdev_migrate_pci *pci, int fd);

#endif /* MDM_PCI_H */
