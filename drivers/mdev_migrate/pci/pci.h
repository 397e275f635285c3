/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An emulated PCI function: what its files share.
 *
 *	config.c	configuration space
 *	msix.c		the MSI-X table and pending bits as a BAR shows them
 *	region.c	read() and write() become accesses
 *	irq.c		interrupts
 *	irq_set.c	VFIO_DEVICE_SET_IRQS
 *	irq_unmask.c	an eventfd that unmasks INTx
 *	state.c		what of it goes into a stream
 *
 * irqs->lock is taken outside of pci->lock. Both are spinlocks that are taken in
 * any context.
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
 * @msix_cap: offset of the MSI-X capability, 0 for none
 * @table: the MSI-X table
 */
struct mdev_migrate_pci {
	const struct mdev_migrate_pci_ops *ops;
	void *context;
	struct mdm_irqs irqs;
	struct mdev_migrate_pci_desc desc;
	spinlock_t lock; /* cfg, table */
	u8 cfg[PCI_CFG_SPACE_SIZE];
	u8 wmask[PCI_CFG_SPACE_SIZE];
	u8 reset_cfg[PCI_CFG_SPACE_SIZE];
	unsigned int next_cap;
	unsigned int last_cap;
	unsigned int msix_cap;
	u8 *table;
};

/* config.c */
u32 mdm_pci_cfg_read(struct mdev_migrate_pci *pci, unsigned int offset,
		     unsigned int len);
void mdm_pci_cfg_write(struct mdev_migrate_pci *pci, unsigned int offset,
		       unsigned int len, u32 value);
u16 mdm_pci_begin(struct mdev_migrate_pci *pci, unsigned long *flags);
void mdm_pci_end(struct mdev_migrate_pci *pci, u16 old, unsigned long flags);
void mdm_pci_forget(struct mdev_migrate_pci *pci);

/* msix.c */
size_t mdm_msix_table_size(const struct mdev_migrate_pci *pci);
size_t mdm_msix_pending_size(const struct mdev_migrate_pci *pci);
void mdm_msix_table_reset(struct mdev_migrate_pci *pci);
u64 mdm_msix_read(struct mdev_migrate_pci *pci, u64 offset, unsigned int len);
void mdm_msix_write(struct mdev_migrate_pci *pci, u64 offset, unsigned int len,
		    u64 value);

/* irq.c */
void mdm_irqs_reset(struct mdev_migrate_pci *pci);
void mdm_irqs_command(struct mdev_migrate_pci *pci);
bool mdm_irqs_intx_level(struct mdev_migrate_pci *pci);
bool mdm_irqs_msix_pending(struct mdev_migrate_pci *pci, unsigned int vector);
void mdm_irqs_msix_set_pending(struct mdev_migrate_pci *pci, const u8 *bits);

/* irq_unmask.c */
struct mdm_unmask *mdm_unmask_create(struct mdev_migrate_pci *pci, int fd);

#endif /* MDM_PCI_H */
