// SPDX-License-Identifier: GPL-2.0-only
/* The records of the stream that are a PCI function's. */
#include <linux/slab.h>

#include "../mdm.h"

/**
 * struct mdm_pci_shadow - PCI state that was read and not yet taken over
 * @cfg: configuration space
 * @msix: MSI-X table and pending bits; NULL without MSI-X
 */
struct mdm_pci_shadow {
	u8 cfg[PCI_CFG_SPACE_SIZE];
	struct mdev_migrate_pci_msix *msix;
};

size_t mdm_pci_state_size(struct mdev_migrate_device *mdm)
{
	size_t msix = mdev_migrate_pci_msix_size(mdm->pci);
	size_t size = sizeof(struct mdev_migrate_record_hdr) +
		      PCI_CFG_SPACE_SIZE;

	if (msix)
		size += sizeof(struct mdev_migrate_record_hdr) + msix;
	return size;
}

static int save_msix(struct mdev_migrate_device *mdm,
		     struct mdev_migrate_writer *writer)
{
	size_t size = mdev_migrate_pci_msix_size(mdm->pci);
	struct mdev_migrate_pci_msix *msix;
	int ret;

	if (!size)
		return 0;
	msix = kmalloc(size, GFP_KERNEL);
	if (!msix)
		return -ENOMEM;
	mdev_migrate_pci_save_msix(mdm->pci, msix);
	ret = mdev_migrate_put(writer, MDEV_MIGRATE_TAG_PCI_MSIX, 0, msix,
			       size);
	kfree(msix);
	return ret;
}

int mdm_pci_save(struct mdev_migrate_device *mdm,
		 struct mdev_migrate_writer *writer)
{
	u8 *cfg __free(kfree) = kmalloc(PCI_CFG_SPACE_SIZE, GFP_KERNEL);
	int ret;

	if (!cfg)
		return -ENOMEM;
	mdev_migrate_pci_get(mdm->pci, 0, cfg, PCI_CFG_SPACE_SIZE);
	ret = mdev_migrate_put(writer, MDEV_MIGRATE_TAG_PCI_CONFIG, 0, cfg,
			       PCI_CFG_SPACE_SIZE);
	return ret ?: save_msix(mdm, writer);
}

struct mdm_pci_shadow *mdm_pci_load_begin(struct mdev_migrate_device *mdm)
{
	return kzalloc(sizeof(struct mdm_pci_shadow), GFP_KERNEL_ACCOUNT);
}

void mdm_pci_load_end(struct mdm_pci_shadow *shadow)
{
	if (shadow)
		kfree(shadow->msix);
	kfree(shadow);
}

int mdm_pci_load_record(struct mdev_migrate_device *mdm,
			struct mdm_pci_shadow *shadow,
			const struct mdev_migrate_record *rec)
{
	struct mdev_migrate_msg why = {};
	int ret;

	if (rec->tag == MDEV_MIGRATE_TAG_PCI_CONFIG)
		ret = mdev_migrate_pci_check_config(mdm->pci, rec->data,
						    rec->length, &why);
	else
		ret = mdev_migrate_pci_check_msix(mdm->pci, rec->data,
						  rec->length, &why);
	if (ret)
		return mdev_migrate_refuse(&mdm->desc, ret, "%s", why.text);
	if (rec->tag == MDEV_MIGRATE_TAG_PCI_CONFIG) {
		memcpy(shadow->cfg, rec->data, PCI_CFG_SPACE_SIZE);
		return 0;
	}
	shadow->msix = kmemdup(rec->data, rec->length, GFP_KERNEL_ACCOUNT);
	return shadow->msix ? 0 : -ENOMEM;
}

void mdm_pci_load_commit(struct mdev_migrate_device *mdm,
			 struct mdm_pci_shadow *shadow)
{
	mdev_migrate_pci_load(mdm->pci, shadow->cfg, shadow->msix);
}
