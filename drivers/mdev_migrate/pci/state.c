// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a PCI function has in a stream, as payloads of records:
 *
 *   PCI_CONFIG  the 256 bytes of configuration space, with MSI's pending bits
 *   PCI_MSIX    struct mdev_migrate_pci_msix: number of vectors, table,
 *		 pending bits
 *
 * Who puts the records, and when, is the driver's affair. The one of configuration
 * space is mdev_migrate_pci_get().
 */
#include <linux/bitmap.h>
#include <linux/string.h>

#include "../codec/msg.h"
#include "pci.h"

static size_t state_size(const struct mdev_migrate_pci *pci)
{
	return mdm_msix_table_size(pci) + mdm_msix_pending_size(pci);
}

/**
 * mdev_migrate_pci_desc - what the function is
 * @pci: the PCI function of a device that is open
 *
 * Return: what mdev_migrate_pci_init() was given; good until the device is closed.
 */
const struct mdev_migrate_pci_desc *
mdev_migrate_pci_desc(const struct mdev_migrate_pci *pci)
{
	return &pci->desc;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_desc);

/**
 * mdev_migrate_pci_msix_size - bytes of the payload of PCI_MSIX
 * @pci: the PCI function of a device that is open
 *
 * Context: Any.
 * Return: bytes, 0 if there is no MSI-X, and so no record.
 */
size_t mdev_migrate_pci_msix_size(const struct mdev_migrate_pci *pci)
{
	if (!pci->desc.msix_vectors)
		return 0;
	return sizeof(struct mdev_migrate_pci_msix) + state_size(pci);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_msix_size);

static void get_pending(struct mdev_migrate_pci *pci, u8 *bits)
{
	unsigned int i;

	memset(bits, 0, mdm_msix_pending_size(pci));
	for (i = 0; i < pci->desc.msix_vectors; i++) {
		if (mdm_irqs_msix_pending(pci, i))
			bits[i / 8] |= 1 << (i % 8);
	}
}

/**
 * mdev_migrate_pci_save_msix - make the payload of PCI_MSIX
 * @pci: the PCI function of a device that is stopped
 * @msix: the result, mdev_migrate_pci_msix_size() bytes
 *
 * Context: May sleep.
 */
void mdev_migrate_pci_save_msix(struct mdev_migrate_pci *pci,
				struct mdev_migrate_pci_msix *msix)
{
	unsigned long flags;

	memset(msix, 0, sizeof(*msix));
	msix->nr_vectors = cpu_to_le16(pci->desc.msix_vectors);
	spin_lock_irqsave(&pci->lock, flags);
	memcpy(msix->data, pci->table, mdm_msix_table_size(pci));
	spin_unlock_irqrestore(&pci->lock, flags);
	get_pending(pci, msix->data + mdm_msix_table_size(pci));
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_save_msix);

/**
 * mdev_migrate_pci_check_config - could it be this function's PCI_CONFIG?
 * @pci: the PCI function of a device that is open; not touched
 * @data: the payload
 * @length: its length
 * @why: filled on error
 *
 * Context: Any.
 * Return: 0; -EMSGSIZE if @length is not right; -EINVAL if bits differ that the
 * guest cannot change.
 */
int mdev_migrate_pci_check_config(const struct mdev_migrate_pci *pci,
				  const void *data, size_t length,
				  struct mdev_migrate_msg *why)
{
	const u8 *theirs = data;
	unsigned int i;

	if (length != PCI_CFG_SPACE_SIZE)
		return mdm_say(why, -EMSGSIZE,
			       "PCI_CONFIG: the source has %zu bytes, this device has %u",
			       length, PCI_CFG_SPACE_SIZE);
	for (i = 0; i < PCI_CFG_SPACE_SIZE; i++) {
		if ((theirs[i] ^ pci->reset_cfg[i]) &
		    ~(pci->wmask[i] | mdm_msi_pending_bits(pci, i)))
			return mdm_say(why, -EINVAL,
				       "PCI_CONFIG: at 0x%02x the source has 0x%02x, this device has 0x%02x, of which the guest can change 0x%02x only",
				       i, theirs[i], pci->reset_cfg[i],
				       pci->wmask[i]);
	}
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_check_config);

/**
 * mdev_migrate_pci_check_msix - could it be this function's PCI_MSIX?
 * @pci: the PCI function of a device that is open; not touched
 * @msix: the payload
 * @length: its length
 * @why: filled on error
 *
 * Context: Any.
 * Return: 0 or -EINVAL.
 */
int mdev_migrate_pci_check_msix(const struct mdev_migrate_pci *pci,
				const struct mdev_migrate_pci_msix *msix,
				size_t length, struct mdev_migrate_msg *why)
{
	size_t pending = mdm_msix_pending_size(pci) * BITS_PER_BYTE;
	size_t wants = sizeof(*msix) + state_size(pci);

	if (length < sizeof(*msix) ||
	    le16_to_cpu(msix->nr_vectors) != pci->desc.msix_vectors ||
	    memchr_inv(msix->reserved, 0, sizeof(msix->reserved)) ||
	    length != wants)
		return mdm_say(why, -EINVAL,
			       "PCI_MSIX: the source has %u vectors in %zu bytes, this device has %u in %zu",
			       length < sizeof(*msix) ? 0 :
			       le16_to_cpu(msix->nr_vectors),
			       length, pci->desc.msix_vectors, wants);
	if (find_next_bit_le(msix->data + mdm_msix_table_size(pci), pending,
			     pci->desc.msix_vectors) < pending)
		return mdm_say(why, -EINVAL,
			       "PCI_MSIX: the source has vectors pending beyond the %u that there are",
			       pci->desc.msix_vectors);
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_check_msix);

/**
 * mdev_migrate_pci_load - take a function's state over
 * @pci: the PCI function of a device that is stopped
 * @config: of PCI_CONFIG, checked
 * @msix: of PCI_MSIX, checked, or NULL if there is none
 *
 * The driver is told if the command register changes by it.
 *
 * Context: May sleep.
 */
void mdev_migrate_pci_load(struct mdev_migrate_pci *pci, const void *config,
			   const struct mdev_migrate_pci_msix *msix)
{
	size_t len = mdm_msix_table_size(pci);
	struct mdm_pci_before before;

	if (msix)
		mdm_irqs_set_pending(pci, mdm_msix(&pci->irqs), msix->data + len);
	mdm_msi_load(pci, config);
	mdm_pci_begin(pci, &before);
	memcpy(pci->cfg, config, sizeof(pci->cfg));
	if (msix)
		memcpy(pci->table, msix->data, len);
	mdm_pci_end(pci, &before);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_load);
