// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: a read() or write() of any size and place becomes accesses of 1, 2,
 * 4 or 8 bytes, naturally aligned.
 */
#include <linux/nospec.h>

#include "../mdm.h"

/* Its size, 0 for none. */
static u64 region_size(struct mdev_migrate_device *mdm, unsigned int index)
{
	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return PCI_CFG_SPACE_SIZE;
	if (index > VFIO_PCI_BAR5_REGION_INDEX)
		return 0;
	index = array_index_nospec(index, VFIO_PCI_BAR5_REGION_INDEX + 1);
	return mdm_pci_desc(mdm)->bars[index].size;
}

/**
 * mdm_region_info - VFIO_DEVICE_GET_REGION_INFO
 * @mdm: the device, open
 * @info: its index is given, the rest is filled
 *
 * Return: 0, or -EINVAL if there is no region of that index.
 */
int mdm_region_info(struct mdev_migrate_device *mdm,
		    struct vfio_region_info *info)
{
	/* A display is no VGA card here. */
	if (info->index >= VFIO_PCI_VGA_REGION_INDEX)
		return -EINVAL;
	info->offset = MDM_INDEX_TO_OFFSET(info->index);
	info->size = region_size(mdm, info->index);
	info->flags = info->size ? VFIO_REGION_INFO_FLAG_READ |
				   VFIO_REGION_INFO_FLAG_WRITE : 0;
	return 0;
}

static u64 read_one(struct mdev_migrate_device *mdm, unsigned int index,
		    u64 offset, unsigned int len)
{
	const struct mdev_migrate_pci_desc *desc = mdm_pci_desc(mdm);

	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return mdm_pci_cfg_read(mdm, offset, len);
	if (desc->msix_vectors && index == desc->msix_bar)
		return mdm_msix_read(mdm, offset, len);
	return mdm->drv->ops->bar_read(mdm, index, offset, len);
}

static void write_one(struct mdev_migrate_device *mdm, unsigned int index,
		      u64 offset, unsigned int len, u64 value)
{
	const struct mdev_migrate_pci_desc *desc = mdm_pci_desc(mdm);

	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		mdm_pci_cfg_write(mdm, offset, len, value);
	else if (desc->msix_vectors && index == desc->msix_bar)
		mdm_msix_write(mdm, offset, len, value);
	else
		mdm->drv->ops->bar_write(mdm, index, offset, len, value);
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
static int locate(struct mdev_migrate_device *mdm, loff_t pos, size_t *count,
		  unsigned int *index, u64 *offset)
{
	u64 size;

	if (pos < 0 || MDM_OFFSET_TO_INDEX(pos) >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	*index = MDM_OFFSET_TO_INDEX(pos);
	*offset = pos & MDM_OFFSET_MASK;
	size = region_size(mdm, *index);
	if (*offset >= size)
		return -EINVAL;
	/* It becomes an index into configuration space and tables. */
	*offset = array_index_nospec(*offset, size);
	*count = min_t(u64, *count, size - *offset);
	return 0;
}

/**
 * mdm_region_read - read() of the device
 * @mdm: the device, open
 * @buf: where to
 * @count: how much
 * @ppos: region and offset; advanced
 *
 * Return: the bytes read, -EINVAL outside a region, -EFAULT.
 */
ssize_t mdm_region_read(struct mdev_migrate_device *mdm, char __user *buf,
			size_t count, loff_t *ppos)
{
	unsigned int index, len;
	size_t done = 0;
	u64 offset;
	int ret;

	ret = locate(mdm, *ppos, &count, &index, &offset);
	if (ret)
		return ret;
	while (done < count) {
		__le64 value;

		len = access_size(index, offset + done, count - done);
		value = cpu_to_le64(read_one(mdm, index, offset + done, len));
		if (copy_to_user(buf + done, &value, len))
			return done ? done : -EFAULT;
		done += len;
		*ppos += len;
	}
	return done;
}

/**
 * mdm_region_write - write() of the device
 * @mdm: the device, open
 * @buf: what
 * @count: how much
 * @ppos: region and offset; advanced
 *
 * Return: the bytes written, -EINVAL outside a region, -EFAULT.
 */
ssize_t mdm_region_write(struct mdev_migrate_device *mdm,
			 const char __user *buf, size_t count, loff_t *ppos)
{
	unsigned int index, len;
	size_t done = 0;
	u64 offset;
	int ret;

	ret = locate(mdm, *ppos, &count, &index, &offset);
	if (ret)
		return ret;
	while (done < count) {
		__le64 value = 0;

		len = access_size(index, offset + done, count - done);
		if (copy_from_user(&value, buf + done, len))
			return done ? done : -EFAULT;
		write_one(mdm, index, offset + done, len, le64_to_cpu(value));
		done += len;
		*ppos += len;
	}
	return done;
}
