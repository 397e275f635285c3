// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSI-X table and pending bits as a BAR shows them, and what a PCI device
 * has in the stream:
 *
 *   PCI_CONFIG  the 256 bytes of configuration space
 *   PCI_MSIX    struct mdev_migrate_pci_msix: number of vectors, table,
 *		 pending bits
 *
 * VFIO's user keeps vectors of its own; the table here is what the guest wrote.
 */
#include <linux/bitmap.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "pci.h"

size_t mdm_msix_table_size(const struct mdm_pci *pci)
{
	return (size_t)pci->desc.msix_vectors * PCI_MSIX_ENTRY_SIZE;
}

static size_t pending_size(const struct mdm_pci *pci)
{
	return ALIGN(pci->desc.msix_vectors, 64) / 8;
}

void mdm_msix_table_reset(struct mdm_pci *pci)
{
	unsigned int i;

	memset(pci->table, 0, mdm_msix_table_size(pci));
	for (i = 0; i < pci->desc.msix_vectors; i++)
		pci->table[i * PCI_MSIX_ENTRY_SIZE +
			   PCI_MSIX_ENTRY_VECTOR_CTRL] =
			PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

static void get_pending(struct mdev_migrate_device *mdm, u8 *bits)
{
	unsigned int i;

	memset(bits, 0, pending_size(mdm->pci));
	for (i = 0; i < mdm->pci->desc.msix_vectors; i++) {
		if (mdm_irqs_msix_pending(mdm, i))
			bits[i / 8] |= 1 << (i % 8);
	}
}

static u64 read_pending(struct mdev_migrate_device *mdm, u64 offset,
			unsigned int len)
{
	u64 value = 0;
	unsigned int i;

	for (i = 0; i < len * 8; i++) {
		if (mdm_irqs_msix_pending(mdm, offset * 8 + i))
			value |= 1ULL << i;
	}
	return value;
}

/**
 * mdm_msix_read - the guest reads the MSI-X BAR
 * @mdm: the device, open
 * @offset: where, aligned to @len
 * @len: 1, 2, 4 or 8
 *
 * Return: the value, 0 where there is nothing.
 */
u64 mdm_msix_read(struct mdev_migrate_device *mdm, u64 offset,
		  unsigned int len)
{
	struct mdm_pci *pci = mdm->pci;
	u64 pba = pci->desc.bars[pci->desc.msix_bar].size / 2;
	unsigned long flags;
	__le64 value = 0;

	if (offset >= pba)
		return offset - pba < pending_size(pci) ?
		       read_pending(mdm, offset - pba, len) : 0;
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
 * @mdm: the device, open
 * @offset: where, aligned to @len
 * @len: 1, 2, 4 or 8
 * @value: what
 */
void mdm_msix_write(struct mdev_migrate_device *mdm, u64 offset,
		    unsigned int len, u64 value)
{
	struct mdm_pci *pci = mdm->pci;
	__le64 bytes = cpu_to_le64(value);
	unsigned long flags;

	if (offset + len > mdm_msix_table_size(pci))
		return;
	offset = array_index_nospec(offset, mdm_msix_table_size(pci));
	spin_lock_irqsave(&pci->lock, flags);
	memcpy(pci->table + offset, &bytes, len);
	spin_unlock_irqrestore(&pci->lock, flags);
}

/**
 * struct mdm_pci_shadow - PCI state that was read and not yet taken over
 * @cfg: configuration space
 * @table: MSI-X table, then pending bits; NULL without MSI-X
 */
struct mdm_pci_shadow {
	u8 cfg[PCI_CFG_SPACE_SIZE];
	u8 *table;
};

static size_t msix_record_size(const struct mdm_pci *pci)
{
	return sizeof(struct mdev_migrate_pci_msix) + mdm_msix_table_size(pci) +
	       pending_size(pci);
}

/**
 * mdm_pci_state_size - bytes that mdm_pci_save() puts
 * @mdm: the device, open
 *
 * Return: bytes.
 */
size_t mdm_pci_state_size(struct mdev_migrate_device *mdm)
{
	const struct mdm_pci *pci = mdm->pci;
	size_t size = sizeof(struct mdev_migrate_record_hdr) +
		      PCI_CFG_SPACE_SIZE;

	if (pci->desc.msix_vectors)
		size += sizeof(struct mdev_migrate_record_hdr) +
			msix_record_size(pci);
	return size;
}

static int save_msix(struct mdev_migrate_device *mdm,
		     struct mdev_migrate_writer *writer)
{
	struct mdm_pci *pci = mdm->pci;
	struct mdev_migrate_pci_msix *msix;
	unsigned long flags;
	int ret;

	msix = kzalloc(msix_record_size(pci), GFP_KERNEL);
	if (!msix)
		return -ENOMEM;
	msix->nr_vectors = cpu_to_le16(pci->desc.msix_vectors);
	spin_lock_irqsave(&pci->lock, flags);
	memcpy(msix->data, pci->table, mdm_msix_table_size(pci));
	spin_unlock_irqrestore(&pci->lock, flags);
	get_pending(mdm, msix->data + mdm_msix_table_size(pci));
	ret = mdev_migrate_put(writer, MDEV_MIGRATE_TAG_PCI_MSIX, 0, msix,
			       msix_record_size(pci));
	kfree(msix);
	return ret;
}

/**
 * mdm_pci_save - put the PCI records
 * @mdm: the device, stopped
 * @writer: where to
 *
 * Return: 0 or -ENOMEM.
 */
int mdm_pci_save(struct mdev_migrate_device *mdm,
		 struct mdev_migrate_writer *writer)
{
	u8 *cfg __free(kfree) = kmalloc(PCI_CFG_SPACE_SIZE, GFP_KERNEL);
	int ret;

	if (!cfg)
		return -ENOMEM;
	mdev_migrate_pci_get(mdm, 0, cfg, PCI_CFG_SPACE_SIZE);
	ret = mdev_migrate_put(writer, MDEV_MIGRATE_TAG_PCI_CONFIG, 0, cfg,
			       PCI_CFG_SPACE_SIZE);
	if (ret || !mdm->pci->desc.msix_vectors)
		return ret;
	return save_msix(mdm, writer);
}

struct mdm_pci_shadow *mdm_pci_load_begin(struct mdev_migrate_device *mdm)
{
	return kzalloc(sizeof(struct mdm_pci_shadow), GFP_KERNEL_ACCOUNT);
}

void mdm_pci_load_end(struct mdm_pci_shadow *shadow)
{
	if (shadow)
		kfree(shadow->table);
	kfree(shadow);
}

static int load_cfg(struct mdev_migrate_device *mdm,
		    struct mdm_pci_shadow *shadow,
		    const struct mdev_migrate_record *rec)
{
	const struct mdm_pci *pci = mdm->pci;
	const u8 *theirs = rec->data;
	unsigned int i;

	if (rec->length != PCI_CFG_SPACE_SIZE)
		return mdev_migrate_refuse(mdm, -EMSGSIZE,
					   "PCI_CONFIG: the source has %u bytes, this device has %u",
					   rec->length, PCI_CFG_SPACE_SIZE);
	for (i = 0; i < PCI_CFG_SPACE_SIZE; i++) {
		if ((theirs[i] ^ pci->reset_cfg[i]) & ~pci->wmask[i])
			return mdev_migrate_refuse(mdm, -EINVAL,
						   "PCI_CONFIG: at 0x%02x the source has 0x%02x, this device has 0x%02x, of which the guest can change 0x%02x only",
						   i, theirs[i],
						   pci->reset_cfg[i],
						   pci->wmask[i]);
	}
	memcpy(shadow->cfg, theirs, PCI_CFG_SPACE_SIZE);
	return 0;
}

static int load_msix(struct mdev_migrate_device *mdm,
		     struct mdm_pci_shadow *shadow,
		     const struct mdev_migrate_record *rec)
{
	const struct mdm_pci *pci = mdm->pci;
	const struct mdev_migrate_pci_msix *msix = rec->data;
	size_t len = mdm_msix_table_size(pci) + pending_size(pci);

	if (rec->length < sizeof(*msix) ||
	    le16_to_cpu(msix->nr_vectors) != pci->desc.msix_vectors ||
	    memchr_inv(msix->reserved, 0, sizeof(msix->reserved)) ||
	    rec->length != msix_record_size(pci))
		return mdev_migrate_refuse(mdm, -EINVAL,
					   "PCI_MSIX: the source has %u vectors in %u bytes, this device has %u in %zu",
					   rec->length < sizeof(*msix) ? 0 :
					   le16_to_cpu(msix->nr_vectors),
					   rec->length, pci->desc.msix_vectors,
					   msix_record_size(pci));
	if (find_next_bit_le(msix->data + mdm_msix_table_size(pci),
			     pending_size(pci) * BITS_PER_BYTE,
			     pci->desc.msix_vectors) <
	    pending_size(pci) * BITS_PER_BYTE)
		return mdev_migrate_refuse(mdm, -EINVAL,
					   "PCI_MSIX: the source has vectors pending beyond the %u that there are",
					   pci->desc.msix_vectors);
	shadow->table = kmemdup(msix->data, len, GFP_KERNEL_ACCOUNT);
	return shadow->table ? 0 : -ENOMEM;
}

/**
 * mdm_pci_load_record - check a PCI record and keep it
 * @mdm: the device; not touched
 * @shadow: where to
 * @rec: the record
 *
 * Return: 0, -EMSGSIZE or -EINVAL if it does not fit this device, -ENOMEM.
 */
int mdm_pci_load_record(struct mdev_migrate_device *mdm,
			struct mdm_pci_shadow *shadow,
			const struct mdev_migrate_record *rec)
{
	if (rec->tag == MDEV_MIGRATE_TAG_PCI_CONFIG)
		return load_cfg(mdm, shadow, rec);
	return load_msix(mdm, shadow, rec);
}

/**
 * mdm_pci_load_commit - take the PCI state over
 * @mdm: the device, stopped
 * @shadow: complete
 */
void mdm_pci_load_commit(struct mdev_migrate_device *mdm,
			 struct mdm_pci_shadow *shadow)
{
	struct mdm_pci *pci = mdm->pci;
	size_t len = mdm_msix_table_size(pci);
	unsigned long flags;
	u16 command;

	if (shadow->table)
		mdm_irqs_msix_set_pending(mdm, shadow->table + len);
	command = mdm_pci_begin(pci, &flags);
	memcpy(pci->cfg, shadow->cfg, sizeof(pci->cfg));
	if (shadow->table)
		memcpy(pci->table, shadow->table, len);
	mdm_pci_end(mdm, command, flags);
}
