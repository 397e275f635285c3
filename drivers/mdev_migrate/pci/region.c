// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: what there are. A read() or write() of any size and place becomes
 * accesses of 1, 2, 4 or 8 bytes, naturally aligned.
 */
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "pci.h"

#define READ_WRITE	(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)

static void get_bar(const struct mdev_migrate_pci_bar *bar,
		    struct mdm_region *region)
{
	region->size = bar->size;
	if (!bar->size)
		return;
	region->flags = READ_WRITE;
	if (bar->can_mmap)
		region->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	region->areas = bar->areas;
	region->nr_areas = bar->nr_areas;
}

static void get_own(const struct mdev_migrate_pci_region *own,
		    struct mdm_region *region)
{
	region->size = own->size;
	region->flags = (own->read ? VFIO_REGION_INFO_FLAG_READ : 0) |
			(own->write ? VFIO_REGION_INFO_FLAG_WRITE : 0) |
			(own->mmap ? VFIO_REGION_INFO_FLAG_MMAP : 0);
	region->areas = own->areas;
	region->nr_areas = own->nr_areas;
	region->own = own;
}

/**
 * mdm_region_get - what can be done with a region?
 * @pci: the PCI function of a device that is open
 * @index: which; one that is not there has a size of 0 and no flags
 * @region: filled
 */
void mdm_region_get(struct mdev_migrate_pci *pci, unsigned int index,
		    struct mdm_region *region)
{
	*region = (struct mdm_region) {};
	if (index <= VFIO_PCI_BAR5_REGION_INDEX) {
		index = array_index_nospec(index, PCI_STD_NUM_BARS);
		get_bar(&pci->desc.bars[index], region);
	} else if (index == VFIO_PCI_CONFIG_REGION_INDEX) {
		region->size = PCI_CFG_SPACE_SIZE;
		region->flags = READ_WRITE;
	} else if (index >= VFIO_PCI_NUM_REGIONS &&
		   index - VFIO_PCI_NUM_REGIONS < pci->nr_regions) {
		index = array_index_nospec(index - VFIO_PCI_NUM_REGIONS,
					   pci->nr_regions);
		get_own(&pci->regions[index], region);
	}
}

/**
 * mdev_migrate_pci_add_region - add a region of the driver's own
 * @pci: the device's PCI function
 * @region: what it is; copied
 *
 * Context: While the device is being opened, after mdev_migrate_pci_init().
 * Return: its index for VFIO, from VFIO_PCI_NUM_REGIONS on; -EINVAL for a region
 * that cannot be; -ENOMEM.
 */
int mdev_migrate_pci_add_region(struct mdev_migrate_pci *pci,
				const struct mdev_migrate_pci_region *region)
{
	struct mdev_migrate_pci_region *regions;
	bool can_mmap = region->mmap;

	if (WARN_ON(!region->size || region->size > MDM_INDEX_TO_OFFSET(1) ||
		    (!region->read && (!region->write || can_mmap)) ||
		    (can_mmap ? !mdm_areas_ok(region->areas, region->nr_areas,
					      region->size) :
				region->nr_areas)))
		return -EINVAL;
	regions = krealloc(pci->regions,
			   (pci->nr_regions + 1) * sizeof(*regions),
			   GFP_KERNEL_ACCOUNT);
	if (!regions)
		return -ENOMEM;
	regions[pci->nr_regions] = *region;
	pci->regions = regions;
	return VFIO_PCI_NUM_REGIONS + pci->nr_regions++;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_add_region);

static int add_areas(const struct mdm_region *region,
		     struct vfio_info_cap *caps)
{
	struct vfio_region_info_cap_sparse_mmap *cap;
	size_t size = struct_size(cap, areas, region->nr_areas);
	int ret;

	cap = kzalloc(size, GFP_KERNEL);
	if (!cap)
		return -ENOMEM;
	cap->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	cap->header.version = 1;
	cap->nr_areas = region->nr_areas;
	memcpy(cap->areas, region->areas,
	       region->nr_areas * sizeof(*region->areas));
	ret = vfio_info_add_capability(caps, &cap->header, size);
	kfree(cap);
	return ret;
}

static int add_type(const struct mdev_migrate_pci_region *own,
		    struct vfio_info_cap *caps)
{
	struct vfio_region_info_cap_type cap = {
		.header.id = VFIO_REGION_INFO_CAP_TYPE,
		.header.version = 1,
		.type = own->type,
		.subtype = own->subtype,
	};

	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}

/**
 * mdev_migrate_pci_region_info - VFIO_DEVICE_GET_REGION_INFO
 * @pci: the PCI function of a device that is open
 * @info: its index is given, the rest is filled
 * @caps: what can be mapped of it and what it is for are added
 *
 * For get_region_info_caps() of struct vfio_device_ops.
 *
 * Context: May sleep.
 * Return: 0, -EINVAL if there is no region of that index, -ENOMEM.
 */
int mdev_migrate_pci_region_info(struct mdev_migrate_pci *pci,
				 struct vfio_region_info *info,
				 struct vfio_info_cap *caps)
{
	struct mdm_region region;
	int ret = 0;

	/* A display is no VGA card here. */
	if (info->index == VFIO_PCI_VGA_REGION_INDEX ||
	    info->index >= VFIO_PCI_NUM_REGIONS + pci->nr_regions)
		return -EINVAL;
	mdm_region_get(pci, info->index, &region);
	info->offset = MDM_INDEX_TO_OFFSET(info->index);
	info->size = region.size;
	info->flags = region.flags;
	if (region.nr_areas)
		ret = add_areas(&region, caps);
	if (!ret && region.own && region.own->type)
		ret = add_type(region.own, caps);
	return ret;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_region_info);

/**
 * struct place - where a read() or write() goes
 * @region: what can be done there
 * @index: of the region
 * @offset: in it
 */
struct place {
	struct mdm_region region;
	unsigned int index;
	u64 offset;
};

static bool is_msix(struct mdev_migrate_pci *pci, unsigned int index)
{
	return pci->desc.msix_vectors && index == pci->desc.msix_bar;
}

static u64 read_one(struct mdev_migrate_pci *pci, const struct place *at,
		    u64 offset, unsigned int len)
{
	if (at->region.own)
		return at->region.own->read(pci->context, offset, len);
	if (at->index == VFIO_PCI_CONFIG_REGION_INDEX)
		return mdm_pci_cfg_read(pci, offset, len);
	if (is_msix(pci, at->index))
		return mdm_msix_read(pci, offset, len);
	return pci->ops->bar_read(pci->context, at->index, offset, len);
}

static void write_one(struct mdev_migrate_pci *pci, const struct place *at,
		      u64 offset, unsigned int len, u64 value)
{
	if (at->region.own)
		at->region.own->write(pci->context, offset, len, value);
	else if (at->index == VFIO_PCI_CONFIG_REGION_INDEX)
		mdm_pci_cfg_write(pci, offset, len, value);
	else if (is_msix(pci, at->index))
		mdm_msix_write(pci, offset, len, value);
	else
		pci->ops->bar_write(pci->context, at->index, offset, len,
				    value);
}

/* No access to configuration space or I/O space is wider than 4 bytes. */
static unsigned int widest(struct mdev_migrate_pci *pci,
			   const struct place *at)
{
	if (at->index == VFIO_PCI_CONFIG_REGION_INDEX)
		return 4;
	return at->index < PCI_STD_NUM_BARS &&
	       pci->desc.bars[at->index].is_io ? 4 : 8;
}

/* The widest access at @offset of at most @count bytes. */
static unsigned int access_size(unsigned int len, u64 offset, size_t count)
{
	while (len > count || offset % len)
		len /= 2;
	return len;
}

/* Where an access goes and how much of it lies inside the region. */
static int locate(struct mdev_migrate_pci *pci, loff_t pos, size_t *count,
		  u32 flag, struct place *at)
{
	u64 size;

	if (pos < 0)
		return -EINVAL;
	at->index = MDM_OFFSET_TO_INDEX(pos);
	at->offset = pos & MDM_OFFSET_MASK;
	mdm_region_get(pci, at->index, &at->region);
	size = at->region.size;
	if (at->offset >= size || !(at->region.flags & flag))
		return -EINVAL;
	/* They become indices into tables and configuration space. */
	at->index = array_index_nospec(at->index, VFIO_PCI_NUM_REGIONS +
				       pci->nr_regions);
	at->offset = array_index_nospec(at->offset, size);
	*count = min_t(u64, *count, size - at->offset);
	return 0;
}

/* Between two accesses: a call may ask for gigabytes. */
static bool goes_on(void)
{
	cond_resched();
	return !fatal_signal_pending(current);
}

/**
 * mdev_migrate_pci_read - read() of the device
 * @pci: the PCI function of a device that is open
 * @buf: where to
 * @count: how much
 * @ppos: region and offset; advanced
 *
 * Context: May sleep; under no lock: what is copied can be a page that comes late.
 * Return: the bytes read, fewer if the caller is killed; -EINVAL outside a region
 * or of one that cannot be read; -EFAULT.
 */
ssize_t mdev_migrate_pci_read(struct mdev_migrate_pci *pci, char __user *buf,
			      size_t count, loff_t *ppos)
{
	unsigned int len, most;
	struct place at;
	size_t done = 0;
	int ret;

	ret = locate(pci, *ppos, &count, VFIO_REGION_INFO_FLAG_READ, &at);
	if (ret)
		return ret;
	most = widest(pci, &at);
	while (done < count && (!done || goes_on())) {
		u64 offset = at.offset + done;
		__le64 value;

		len = access_size(most, offset, count - done);
		value = cpu_to_le64(read_one(pci, &at, offset, len));
		if (copy_to_user(buf + done, &value, len))
			return done ? done : -EFAULT;
		done += len;
		*ppos += len;
	}
	return done;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_read);

/**
 * mdev_migrate_pci_write - write() of the device
 * @pci: the PCI function of a device that is open
 * @buf: what
 * @count: how much
 * @ppos: region and offset; advanced
 *
 * Context: May sleep; under no lock: what is copied can be a page that comes late.
 * Return: the bytes written, fewer if the caller is killed; -EINVAL outside a
 * region or in one that cannot be written; -EFAULT.
 */
ssize_t mdev_migrate_pci_write(struct mdev_migrate_pci *pci,
			       const char __user *buf, size_t count,
			       loff_t *ppos)
{
	unsigned int len, most;
	struct place at;
	size_t done = 0;
	int ret;

	ret = locate(pci, *ppos, &count, VFIO_REGION_INFO_FLAG_WRITE, &at);
	if (ret)
		return ret;
	most = widest(pci, &at);
	while (done < count && (!done || goes_on())) {
		u64 offset = at.offset + done;
		__le64 value = 0;

		len = access_size(most, offset, count - done);
		if (copy_from_user(&value, buf + done, len))
			return done ? done : -EFAULT;
		write_one(pci, &at, offset, len, le64_to_cpu(value));
		done += len;
		*ppos += len;
	}
	return done;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_write);
