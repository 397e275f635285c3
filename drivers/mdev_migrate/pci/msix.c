// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSI-X table and pending bits as a BAR shows them.
 *
 * VFIO's user keeps vectors of its own; the table here is what the guest wrote.
 */
#include <linux/nospec.h>
#include <linux/string.h>

#include "pci.h"

size_t mdm_msix_table_size(const struct mdev_migrate_pci *pci)
{
	return (size_t)pci->desc.msix_vectors * PCI_MSIX_ENTRY_SIZE;
}

size_t mdm_msix_pending_size(const struct mdev_migrate_pci *pci)
{
	return ALIGN(pci->desc.msix_vectors, 64) / 8;
}

void mdm_msix_table_reset(struct mdev_migrate_pci *pci)
{
	unsigned int i;

	memset(pci->table, 0, mdm_msix_table_size(pci));
	for (i = 0; i < pci->desc.msix_vectors; i++)
		pci->table[i * PCI_MSIX_ENTRY_SIZE +
			   PCI_MSIX_ENTRY_VECTOR_CTRL] =
			PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

static u64 read_pending(struct mdev_migrate_pci *pci, u64 offset,
			unsigned int len)
{
	u64 value = 0;
	unsigned int i;

	for (i = 0; i < len * 8; i++) {
		if (mdm_irqs_msix_pending(pci, offset * 8 + i))
			value |= 1ULL << i;
	}
	return value;
}

/**
 * mdm_msix_read - the guest reads the MSI-X BAR
 * @pci: the PCI function of a device that is open
 * @offset: where, aligned to @len
 * @len: 1, 2, 4 or 8
 *
 * Return: the value, 0 where there is nothing.
 */
u64 mdm_msix_read(struct mdev_migrate_pci *pci, u64 offset, unsigned int len)
{
	u64 pba = pci->desc.bars[pci->desc.msix_bar].size / 2;
	unsigned long flags;
	__le64 value = 0;

	if (offset >= pba)
		return offset - pba < mdm_msix_pending_size(pci) ?
		       read_pending(pci, offset - pba, len) : 0;
	if (offset + len > mdm_msix_table_size(pci))
		return 0;
	offset = array_index_nospec(offset, mdm_msix_table_size(pci));
	spin_lock_irqsave(&pci->lock, flags);
	memcpy(&value, pci->table + offset, len);
	spin_unlock_irqrestore(&pci->lock, flags);
	return le64_to_cpu(value);
}

/**
 * mdm_msix_write - the guest writes the MSI-X BAR
 * @pci: the PCI function of a device that is open
 * @offset: where, aligned to @len
 * @len: 1, 2, 4 or 8
 * @value: what
 */
void mdm_msix_write(struct mdev_migrate_pci *pci, u64 offset, unsigned int len,
		    u64 value)
{
	__le64 bytes = cpu_to_le64(value);
	unsigned long flags;

	if (offset + len > mdm_msix_table_size(pci))
		return;
	offset = array_index_nospec(offset, mdm_msix_table_size(pci));
	spin_lock_irqsave(&pci->lock, flags);
	memcpy(pci->table + offset, &bytes, len);
	spin_unlock_irqrestore(&pci->lock, flags);
}
