// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSI capability: PCI Local Bus Specification 3.0, 6.8.1, with 64-bit
 * addresses.
 *
 * Whether MSI is enabled and where its messages go is VFIO's user's affair, who
 * shows the guest a capability of its own; the one here has what was written. Mask
 * bits hold, as a real function's do. Pending bits are those of struct mdm_vectors.
 */
#include <linux/log2.h>
#include <linux/unaligned.h>

#include "pci.h"

/* Bits of MSI's 32-bit registers that stand for a vector. */
static u32 vector_bits(const struct mdev_migrate_pci *pci)
{
	return GENMASK(pci->desc.msi_vectors - 1, 0);
}

static bool maskable(const struct mdev_migrate_pci *pci)
{
	return pci->msi_cap && pci->desc.msi_maskable;
}

/**
 * mdm_msi_init - make the capability, if there are vectors
 * @pci: a PCI function that is being described
 *
 * Return: 0, -EINVAL for a number of vectors that cannot be, -ENOSPC.
 */
int mdm_msi_init(struct mdev_migrate_pci *pci)
{
	u8 cap[PCI_MSI_PENDING_64 + 4] = {}, wmask[sizeof(cap)] = {};
	const struct mdev_migrate_pci_desc *desc = &pci->desc;
	size_t len = PCI_MSI_DATA_64 + 2;
	u16 flags;
	int ret;

	if (!desc->msi_vectors)
		return 0;
	if (WARN_ON(desc->msi_vectors > 32 ||
		    !is_power_of_2(desc->msi_vectors)))
		return -EINVAL;
	flags = PCI_MSI_FLAGS_64BIT | ilog2(desc->msi_vectors) << 1;
	if (desc->msi_maskable) {
		flags |= PCI_MSI_FLAGS_MASKBIT;
		len = sizeof(cap);
	}
	put_unaligned_le16(flags, cap + PCI_MSI_FLAGS);
	put_unaligned_le16(PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE,
			   wmask + PCI_MSI_FLAGS);
	put_unaligned_le32(~3U, wmask + PCI_MSI_ADDRESS_LO);
	put_unaligned_le32(~0U, wmask + PCI_MSI_ADDRESS_HI);
	put_unaligned_le16(0xffff, wmask + PCI_MSI_DATA_64);
	put_unaligned_le32(vector_bits(pci), wmask + PCI_MSI_MASK_64);
	ret = mdev_migrate_pci_add_cap(pci, PCI_CAP_ID_MSI, cap + 2, wmask + 2,
				       len - 2);
	if (ret < 0)
		return ret;
	pci->msi_cap = ret;
	return 0;
}

/**
 * mdm_msi_mask - which vectors has the guest masked?
 * @pci: a device's PCI function
 *
 * Context: pci->lock held.
 * Return: a bit for each.
 */
u32 mdm_msi_mask(const struct mdev_migrate_pci *pci)
{
	lockdep_assert_held(&pci->lock);
	if (!maskable(pci))
		return 0;
	return get_unaligned_le32(pci->cfg + pci->msi_cap + PCI_MSI_MASK_64);
}

/**
 * mdm_msi_pending_bits - which bits of configuration space are pending bits?
 * @pci: a device's PCI function
 * @offset: of a byte of configuration space
 *
 * Return: the bits of this byte that are.
 */
u8 mdm_msi_pending_bits(const struct mdev_migrate_pci *pci,
			unsigned int offset)
{
	unsigned int at = pci->msi_cap + PCI_MSI_PENDING_64;

	if (!maskable(pci) || offset < at || offset >= at + 4)
		return 0;
	return vector_bits(pci) >> (8 * (offset - at));
}

/**
 * mdm_msi_show_pending - put pending bits where configuration space has them
 * @pci: the PCI function of a device that is open or being opened
 * @offset: where in configuration space @buf is from
 * @buf: a part of it
 * @len: how much
 */
void mdm_msi_show_pending(struct mdev_migrate_pci *pci, unsigned int offset,
			  u8 *buf, size_t len)
{
	unsigned int at = pci->msi_cap + PCI_MSI_PENDING_64, i;
	const unsigned long *bits = mdm_msi(&pci->irqs)->pending;
	u32 pending;

	if (!maskable(pci) || !bits)
		return;
	/* Without irqs->lock, which the caller may hold. */
	pending = READ_ONCE(*bits);
	for (i = at; i < at + 4; i++) {
		if (i >= offset && i < offset + len)
			buf[i - offset] = pending >> (8 * (i - at));
	}
}

/**
 * mdm_msi_reset - no vector is pending
 * @pci: the PCI function of a device that is open
 */
void mdm_msi_reset(struct mdev_migrate_pci *pci)
{
	const u8 none[4] = {};

	mdm_irqs_set_pending(pci, mdm_msi(&pci->irqs), none);
}

/**
 * mdm_msi_load - take pending vectors over from a stream
 * @pci: the PCI function of a device that is stopped
 * @config: configuration space, checked
 */
void mdm_msi_load(struct mdev_migrate_pci *pci, const u8 *config)
{
	if (maskable(pci))
		mdm_irqs_set_pending(pci, mdm_msi(&pci->irqs), config +
				     pci->msi_cap + PCI_MSI_PENDING_64);
}

/**
 * mdev_migrate_msi_vectors - how many MSI vectors does the device use?
 * @pci: the PCI function of a device that is open
 *
 * A guest may allow fewer than there are. What is raised beyond them waits until it
 * allows more: the driver of a device that has several uses of a vector asks first.
 *
 * Context: Any.
 * Return: how many userspace has set up, or if it has none those that the guest
 * has enabled in configuration space; 0 if it uses no MSI.
 */
unsigned int mdev_migrate_msi_vectors(struct mdev_migrate_pci *pci)
{
	unsigned int nr = READ_ONCE(mdm_msi(&pci->irqs)->nr_on);
	__le16 control;
	u16 flags;

	if (nr || !pci->msi_cap)
		return nr;
	mdev_migrate_pci_get(pci, pci->msi_cap + PCI_MSI_FLAGS, &control,
			     sizeof(control));
	flags = le16_to_cpu(control);
	if (!(flags & PCI_MSI_FLAGS_ENABLE))
		return 0;
	return min(1U << ((flags & PCI_MSI_FLAGS_QSIZE) >> 4),
		   pci->desc.msi_vectors);
}
EXPORT_SYMBOL_GPL(mdev_migrate_msi_vectors);
