// SPDX-License-Identifier: GPL-2.0-only
/* Regions that userspace maps: what may be mapped; the driver maps it. */
#include <linux/mm.h>

#include "pci.h"

/**
 * mdm_areas_ok - can this be mapped of a region?
 * @areas: parts of the region
 * @nr: how many, 0 for the whole region
 * @size: the region's
 *
 * Return: whether all of it are whole pages inside of the region.
 */
bool mdm_areas_ok(const struct vfio_region_sparse_mmap_area *areas,
		  unsigned int nr, u64 size)
{
	unsigned int i;

	if (!PAGE_ALIGNED(size))
		return false;
	for (i = 0; i < nr; i++) {
		if (!areas[i].size || areas[i].offset >= size ||
		    areas[i].size > size - areas[i].offset ||
		    !PAGE_ALIGNED(areas[i].offset | areas[i].size))
			return false;
	}
	return true;
}

/* In one of its areas, if there are any. */
static bool inside(const struct mdm_region *region, u64 offset, u64 len)
{
	unsigned int i;

	if (offset >= region->size || len > region->size - offset)
		return false;
	for (i = 0; i < region->nr_areas; i++) {
		u64 start = region->areas[i].offset;
		u64 size = region->areas[i].size;

		if (offset >= start && offset - start < size &&
		    len <= size - (offset - start))
			return true;
	}
	return !region->nr_areas;
}

/**
 * mdev_migrate_pci_mmap - mmap() of the device
 * @pci: the PCI function of a device that is open
 * @vma: where to; its place in the file says which region and what of it
 *
 * As long as it is mapped the device is open.
 *
 * Context: May sleep; under mmap_lock.
 * Return: 0; -EINVAL for a private mapping and for what cannot be mapped; -EPERM
 * for a writable one of what cannot be written; or what the driver says.
 */
int mdev_migrate_pci_mmap(struct mdev_migrate_pci *pci,
			  struct vm_area_struct *vma)
{
	u64 pos = (u64)vma->vm_pgoff << PAGE_SHIFT;
	unsigned int index = MDM_OFFSET_TO_INDEX(pos);
	u64 offset = pos & MDM_OFFSET_MASK;
	struct mdm_region region;

	mdm_region_get(pci, index, &region);
	if (!(region.flags & VFIO_REGION_INFO_FLAG_MMAP) ||
	    !(vma->vm_flags & VM_SHARED) ||
	    !inside(&region, offset, vma->vm_end - vma->vm_start))
		return -EINVAL;
	if (!(region.flags & VFIO_REGION_INFO_FLAG_WRITE)) {
		if (vma->vm_flags & VM_WRITE)
			return -EPERM;
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	/* It was looked at whether this fits: mremap() is not to make it more. */
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	if (region.own)
		return region.own->mmap(pci->context, offset, vma);
	return pci->ops->bar_mmap(pci->context, index, offset, vma);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_mmap);

/**
 * mdev_migrate_pci_fault_offset - what is wanted of a region that is mapped?
 * @vmf: what fault() of struct vm_operations_struct got
 *
 * Also of a mapping that was split or moved.
 *
 * Context: Any.
 * Return: the page's offset in its region.
 */
u64 mdev_migrate_pci_fault_offset(const struct vm_fault *vmf)
{
	return ((u64)vmf->pgoff << PAGE_SHIFT) & MDM_OFFSET_MASK;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_fault_offset);
