// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: a read() or write() of any size and place becomes accesses of 1, 2,
 * 4 or 8 bytes, naturally aligned.
 */
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "pci.h"

/* Region index and offset in the offset of read() and write(). */
#define MDM_OFFSET_SHIFT		40
#define MDM_OFFSET_TO_INDEX(o)	((u64)(o) >> MDM_OFFSET_SHIFT)
#define MDM_INDEX_TO_OFFSET(i)	((u64)(i) << MDM_OFFSET_SHIFT)
#define MDM_OFFSET_MASK		(((u64)1 << MDM_OFFSET_SHIFT) - 1)

/* Its size, 0 for none. */
static u64 region_size(struct mdev_migrate_pci *pci, unsigned int index)
{
	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return PCI_CFG_SPACE_SIZE;
	if (index > VFIO_PCI_BAR5_REGION_INDEX)
		return 0;
	index = array_index_nospec(index, VFIO_PCI_BAR5_REGION_INDEX + 1);
	return pci->desc.bars[index].size;
}

/**
 * mdev_migrate_pci_region_info - VFIO_DEVICE_GET_REGION_INFO
 * @pci: the PCI function of a device that is open
 * @info: its index is given, the rest is filled
 *
 * Context: Any.
 * Return: 0, or -EINVAL if there is no region of that index.
 */
int mdev_migrate_pci_region_info(struct mdev_migrate_pci *pci,
				 struct vfio_region_info *info)
{
	/* A display is no VGA card here. */
	if (info->index >= VFIO_PCI_VGA_REGION_INDEX)
		return -EINVAL;
	info->offset = MDM_INDEX_TO_OFFSET(info->index);
	info->size = region_size(pci, info->index);
	info->flags = info->size ? VFIO_REGION_INFO_FLAG_READ |
				   VFIO_REGION_INFO_FLAG_WRITE : 0;
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_region_info);

static u64 read_one(struct mdev_migrate_pci *pci, unsigned int index,
		    u64 offset, unsigned int len)
{
	const struct mdev_migrate_pci_desc *desc = &pci->desc;

	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return mdm_pci_cfg_read(pci, offset, len);
	if (desc->msix_vectors && index == desc->msix_bar)
		return mdm_msix_read(pci, offset, len);
	return pci->ops->bar_read(pci->context, index, offset, len);
}

static void write_one(struct mdev_migrate_pci *pci, unsigned int index,
		      u64 offset, unsigned int len, u64 value)
{
	const struct mdev_migrate_pci_desc *desc = &pci->desc;

	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		mdm_pci_cfg_write(pci, offset, len, value);
	else if (desc->msix_vectors && index == desc->msix_bar)
		mdm_msix_write(pci, offset, len, value);
	else
		pci->ops->bar_write(pci->context, index, offset, len, value);
}

/* The widest access at @offset of at most @count bytes. */
static unsigned int access_size(unsigned int index, u64 offset, size_t count)
{
	unsigned int len = index == VFIO_PCI_CONFIG_REGION_INDEX ? 4 : 8;

	while (len > count || offset % len)
		len /= 2;
	return len;
}

/* Where an access goes and how much of it lies inside the region. */
static int locate(struct mdev_migrate_pci *pci, loff_t pos, size_t *count,
		  unsigned int *index, u64 *offset)
{
	u64 size;

	if (pos < 0 || MDM_OFFSET_TO_INDEX(pos) >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	*index = MDM_OFFSET_TO_INDEX(pos);
	*offset = pos & MDM_OFFSET_MASK;
	size = region_size(pci, *index);
	if (*offset >= size)
		return -EINVAL;
	/* It becomes an index into configuration space and tables. */
	*offset = array_index_nospec(*offset, size);
	*count = min_t(u64, *count, size - *offset);
	return 0;
}

/**
 * mdev_migrate_pci_read - read() of the device
 * @pci: the PCI function of a device that is open
 * @buf: where to
 * @count: how much
 * @ppos: region and offset; advanced
 *
 * Context: May sleep; under no lock: what is copied can be a page that comes late.
 * Return: the bytes read, -EINVAL outside a region, -EFAULT.
 */
ssize_t mdev_migrate_pci_read(struct mdev_migrate_pci *pci, char __user *buf,
			      size_t count, loff_t *ppos)
{
	unsigned int index, len;
	size_t done = 0;
	u64 offset;
	int ret;

	ret = locate(pci, *ppos, &count, &index, &offset);
	if (ret)
		return ret;
	while (done < count) {
		__le64 value;

		len = access_size(index, offset + done, count - done);
		value = cpu_to_le64(read_one(pci, index, offset + done, len));
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
 * Return: the bytes written, -EINVAL outside a region, -EFAULT.
 */
ssize_t mdev_migrate_pci_write(struct mdev_migrate_pci *pci,
			       const char __user *buf, size_t count,
			       loff_t *ppos)
{
	unsigned int index, len;
	size_t done = 0;
	u64 offset;
	int ret;

	ret = locate(pci, *ppos, &count, &index, &offset);
	if (ret)
		return ret;
	while (done < count) {
		__le64 value = 0;

		len = access_size(index, offset + done, count - done);
		if (copy_from_user(&value, buf + done, len))
			return done ? done : -EFAULT;
		write_one(pci, index, offset + done, len, le64_to_cpu(value));
		done += len;
		*ppos += len;
	}
	return done;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_write);
