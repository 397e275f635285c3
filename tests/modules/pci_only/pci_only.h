/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mdev driver of its own that has an emulated PCI function of mdev_migrate's, and
 * nothing else of it: for tests/selftests/test_pci_only.c, and to read.
 *
 *	main.c		the driver: mdev types, VFIO devices
 *	device.c	the PCI function
 *
 *	BAR 0, I/O	registers, see device.c
 *	BAR 1		MSI-X, if there is
 *	BAR 2, memory	four pages; the second is memory that can be mapped
 *	region 9	two pages of memory that can be mapped; a vendor's type
 *	region 10	the first of them, to be read only; no type
 */
#ifndef PCI_ONLY_H
#define PCI_ONLY_H

#include <linux/mdev.h>
#include <linux/mdev_migrate/pci.h>

/**
 * struct pci_only - a device
 * @vdev: what the VFIO core sees
 * @pci: its function
 * @pages: BAR 2's, region 9's
 * @regs: BAR 0's
 */
struct pci_only {
	struct vfio_device vdev;
	struct mdev_migrate_pci *pci;
	struct page *pages[3];
	u32 regs[8];
};

/**
 * struct pci_only_type - a mdev type
 * @type: what the mdev core sees
 * @msi: vectors of MSI
 * @maskable: whether each can be masked
 * @msix: vectors of MSI-X
 */
struct pci_only_type {
	struct mdev_type type;
	unsigned int msi;
	bool maskable;
	unsigned int msix;
};

extern const struct mdev_migrate_pci_ops pci_only_pci_ops;

int pci_only_describe(struct pci_only *po, const struct pci_only_type *type);

#endif /* PCI_ONLY_H */
