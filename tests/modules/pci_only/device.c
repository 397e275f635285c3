// SPDX-License-Identifier: GPL-2.0-only
/* The PCI function: its registers, its memory, what it can do. */
#include <linux/mm.h>

#include "pci_only.h"

#define VENDOR		0x1af4
#define IO_BAR		0
#define MSIX_BAR	1
#define MEMORY_BAR	2

/* Registers of 4 bytes. */
#define RAISE		0x00	/* this number of the kind of interrupt in use */
#define LEVEL		0x04	/* the INTx line */
#define WIDEST		0x08	/* access so far */
#define COMMAND		0x0c	/* the PCI command register, as last told of */
#define VECTORS		0x10	/* how many of MSI's are in use */
#define STATE		0x14	/* 0 stops, 1 starts, 2 saves to region 9, 3 loads */

static u64 get(const void *from, unsigned int len)
{
	__le64 value = 0;

	memcpy(&value, from, len);
	return le64_to_cpu(value);
}

static void put(void *to, unsigned int len, u64 value)
{
	__le64 bytes = cpu_to_le64(value);

	memcpy(to, &bytes, len);
}

static void raise(struct pci_only *po, u32 vector)
{
	if (mdev_migrate_msi_vectors(po->pci))
		mdev_migrate_msi_raise(po->pci, vector);
	else if (mdev_migrate_msix_enabled(po->pci))
		mdev_migrate_msix_raise(po->pci, vector);
	else
		mdev_migrate_intx_set(po->pci, true);
}

static int set_state(struct pci_only *po, u32 what)
{
	void *saved = page_address(po->pages[2]);
	struct mdev_migrate_msg why;
	int ret = 0;

	if (what == 0) {
		mdev_migrate_pci_stop(po->pci);
	} else if (what == 1) {
		mdev_migrate_pci_start(po->pci);
	} else if (what == 2) {
		mdev_migrate_pci_get(po->pci, 0, saved, PCI_CFG_SPACE_SIZE);
	} else {
		ret = mdev_migrate_pci_check_config(po->pci, saved,
						    PCI_CFG_SPACE_SIZE, &why);
		if (!ret)
			mdev_migrate_pci_load(po->pci, saved, NULL);
	}
	return ret;
}

static u64 bar_read(void *context, unsigned int bar, u64 offset,
		    unsigned int len)
{
	struct pci_only *po = context;

	if (bar == MEMORY_BAR)
		return offset >> PAGE_SHIFT != 1 ? 0 :
		       get(page_address(po->pages[0]) + offset_in_page(offset),
			   len);
	po->regs[WIDEST / 4] = max(po->regs[WIDEST / 4], len);
	po->regs[VECTORS / 4] = mdev_migrate_msi_vectors(po->pci);
	return get((u8 *)po->regs + offset, len);
}

static void bar_write(void *context, unsigned int bar, u64 offset,
		      unsigned int len, u64 value)
{
	struct pci_only *po = context;

	if (bar == MEMORY_BAR) {
		if (offset >> PAGE_SHIFT == 1)
			put(page_address(po->pages[0]) + offset_in_page(offset),
			    len, value);
		return;
	}
	po->regs[WIDEST / 4] = max(po->regs[WIDEST / 4], len);
	if (offset == RAISE)
		raise(po, value);
	else if (offset == LEVEL)
		mdev_migrate_intx_set(po->pci, value);
	else if (offset == STATE)
		po->regs[STATE / 4] = set_state(po, value);
}

static int bar_mmap(void *context, unsigned int bar, u64 offset,
		    struct vm_area_struct *vma)
{
	struct pci_only *po = context;

	return vm_insert_page(vma, vma->vm_start, po->pages[0]);
}

static void command(void *context, u16 old, u16 new)
{
	struct pci_only *po = context;

	po->regs[COMMAND / 4] = new;
}

static void reset(void *context)
{
	struct pci_only *po = context;

	mdev_migrate_intx_set(po->pci, false);
	mdev_migrate_pci_reset(po->pci);
	memset(po->regs, 0, sizeof(po->regs));
}

const struct mdev_migrate_pci_ops pci_only_pci_ops = {
	.bar_read = bar_read,
	.bar_write = bar_write,
	.bar_mmap = bar_mmap,
	.command = command,
	.reset = reset,
};

static void *region_at(struct pci_only *po, u64 offset)
{
	return page_address(po->pages[1 + (offset >> PAGE_SHIFT)]) +
	       offset_in_page(offset);
}

static u64 region_read(void *context, u64 offset, unsigned int len)
{
	return get(region_at(context, offset), len);
}

static void region_write(void *context, u64 offset, unsigned int len,
			 u64 value)
{
	put(region_at(context, offset), len, value);
}

static vm_fault_t region_fault(struct vm_fault *vmf)
{
	struct pci_only *po = vmf->vma->vm_private_data;
	u64 offset = mdev_migrate_pci_fault_offset(vmf);

	vmf->page = po->pages[1 + (offset >> PAGE_SHIFT)];
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct region_vm_ops = {
	.fault = region_fault,
};

static int region_mmap(void *context, u64 offset, struct vm_area_struct *vma)
{
	vma->vm_private_data = context;
	vma->vm_ops = &region_vm_ops;
	return 0;
}

static const struct vfio_region_sparse_mmap_area areas[] = {
	{ .offset = PAGE_SIZE, .size = PAGE_SIZE },
};

static const struct mdev_migrate_pci_region regions[] = {
	{
		.type = VFIO_REGION_TYPE_PCI_VENDOR_TYPE | VENDOR,
		.subtype = 1,
		.size = 2 * PAGE_SIZE,
		.read = region_read,
		.write = region_write,
		.mmap = region_mmap,
	},
	{ .size = PAGE_SIZE, .read = region_read, .mmap = region_mmap },
};

int pci_only_describe(struct pci_only *po, const struct pci_only_type *type)
{
	const struct mdev_migrate_pci_desc desc = {
		.vendor = VENDOR,
		.device = 0x10ff,
		.class = 0xff0000,
		.intx = true,
		.bars[IO_BAR] = { .size = sizeof(po->regs), .is_io = true },
		.bars[MSIX_BAR] = { .size = type->msix ? SZ_4K : 0 },
		.bars[MEMORY_BAR] = {
			.size = 4 * PAGE_SIZE,
			.is_64bit = true,
			.prefetchable = true,
			.can_mmap = true,
			.areas = areas,
			.nr_areas = ARRAY_SIZE(areas),
		},
		.msi_vectors = type->msi,
		.msi_maskable = type->maskable,
		.msix_vectors = type->msix,
		.msix_bar = MSIX_BAR,
	};
	unsigned int i;
	int ret;

	ret = mdev_migrate_pci_init(po->pci, &desc);
	for (i = 0; ret >= 0 && i < ARRAY_SIZE(regions); i++)
		ret = mdev_migrate_pci_add_region(po->pci, &regions[i]);
	return ret < 0 ? ret : 0;
}
