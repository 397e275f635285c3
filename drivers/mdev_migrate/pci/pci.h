/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDM_PCI_H
#define MDM_PCI_H

#include <linux/pci_regs.h>

#include "../mdm.h"

/**
 * struct mdm_pci - a device's PCI function
 * @desc: what the model said; constant while the device is open
 * @lock: guards @cfg and @table
 * @cfg: configuration space, little-endian as the guest sees it
 * @wmask: which bits of @cfg the guest can change; constant
 * @reset_cfg: @cfg after a reset; constant
 * @next_cap: where the next capability goes
 * @last_cap: where its offset is to be written
 * @msix_cap: offset of the MSI-X capability, 0 for none
 * @table: the MSI-X table
 */
struct mdm_pci {
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

size_t mdm_msix_table_size(const struct mdm_pci *pci);
void mdm_msix_table_reset(struct mdm_pci *pci);
u16 mdm_pci_begin(struct mdm_pci *pci, unsigned long *flags);
void mdm_pci_end(struct mdev_migrate_device *mdm, u16 old,
		 unsigned long flags);

#endif /* MDM_PCI_H */
