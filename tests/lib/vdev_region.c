// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vdev.h"

int vdev_region_info(struct vdev *v, uint32_t index,
		     struct vfio_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	return ioctl(v->fd, VFIO_DEVICE_GET_REGION_INFO, info) ? -errno : 0;
}

/* Bytes read, which can be fewer than @len, or an errno. */
int vdev_pread(struct vdev *v, unsigned int region, void *data, size_t len,
	       uint64_t offset)
{
	ssize_t n = pread(v->fd, data, len, v->regions[region].offset + offset);

	return n < 0 ? -errno : (int)n;
}

int vdev_pwrite(struct vdev *v, unsigned int region, const void *data,
		size_t len, uint64_t offset)
{
	ssize_t n = pwrite(v->fd, data, len,
			   v->regions[region].offset + offset);

	return n < 0 ? -errno : (int)n;
}

/* A register; all ones if it cannot be read, as on a bus. */
uint64_t vdev_read(struct vdev *v, unsigned int region, unsigned int size,
		   uint64_t offset)
{
	uint8_t data[8] = { 0 };

	if (vdev_pread(v, region, data, size, offset) != (int)size)
		return ~0ULL;
	return get_le64(data);
}

int vdev_write(struct vdev *v, unsigned int region, unsigned int size,
	       uint64_t offset, uint64_t value)
{
	uint8_t data[8];
	int n;

	put_le64(data, value);
	n = vdev_pwrite(v, region, data, size, offset);
	if (n < 0)
		return n;
	return n == (int)size ? 0 : -EIO;
}

uint32_t pci_read(struct vdev *v, unsigned int size, unsigned int offset)
{
	return vdev_read(v, VFIO_PCI_CONFIG_REGION_INDEX, size, offset);
}

int pci_write(struct vdev *v, unsigned int size, unsigned int offset,
	      uint32_t value)
{
	return vdev_write(v, VFIO_PCI_CONFIG_REGION_INDEX, size, offset, value);
}

/*
 * Offset of the next capability @id (0: any) behind the one at @after (0: from
 * the start), 0 if there is none, -ELOOP if the list does not end.
 */
int pci_find_cap(struct vdev *v, uint8_t id, int after)
{
	unsigned int pos = after ? (unsigned int)after + 1 :
			   PCI_CAPABILITY_LIST;
	int steps;

	for (steps = 0; steps < 48; steps++) {
		pos = pci_read(v, 1, pos);
		if (!pos)
			return 0;
		if (pos < 0x40 || pos & 3 || pos == 0xff)
			return -EINVAL;
		if (!id || pci_read(v, 1, pos) == id)
			return pos;
		pos++;
	}
	return -ELOOP;
}
