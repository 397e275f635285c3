// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO's ioctls for a PCI function: what comes from userspace and what goes there.
 * See include/uapi/linux/vfio.h. VFIO_DEVICE_GET_REGION_INFO is the VFIO core's, which
 * asks mdev_migrate_pci_region_info().
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "pci.h"

static long get_info(struct mdev_migrate_pci *pci, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info = {};

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PCI;
	if (pci->ops->reset)
		info.flags |= VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS + pci->nr_regions;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long get_irq_info(struct mdev_migrate_pci *pci, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;
	int ret;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	ret = mdm_irq_info(pci, &info);
	if (ret)
		return ret;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long set_irqs(struct mdev_migrate_pci *pci, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_irq_set, count);
	struct vfio_irq_info info = {};
	struct vfio_irq_set hdr;
	void *data = NULL;
	size_t data_size;
	int ret;

	if (copy_from_user(&hdr, arg, minsz))
		return -EFAULT;
	info.index = hdr.index;
	ret = mdm_irq_info(pci, &info);
	if (ret)
		return ret;
	ret = vfio_set_irqs_validate_and_prepare(&hdr, info.count,
						 VFIO_PCI_NUM_IRQS, &data_size);
	if (ret)
		return ret;
	if (data_size) {
		data = memdup_user(arg + minsz, data_size);
		if (IS_ERR(data))
			return PTR_ERR(data);
	}
	ret = mdm_irq_set(pci, &hdr, data);
	kfree(data);
	return ret;
}

static long reset(struct mdev_migrate_pci *pci)
{
	if (!pci->ops->reset)
		return -ENOTTY;
	pci->ops->reset(pci->context);
	return 0;
}

/**
 * mdev_migrate_pci_ioctl - ioctl() of the device
 * @pci: the PCI function of a device that is open
 * @cmd: VFIO_DEVICE_*
 * @arg: its argument
 *
 * VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_IRQ_INFO, VFIO_DEVICE_SET_IRQS and, if
 * the driver has reset(), VFIO_DEVICE_RESET.
 *
 * Context: May sleep; in the context of the device's user; under no lock.
 * Return: 0; -ENOTTY for what is none of these; -EFAULT; -EINVAL for an argument
 * that is too short, an interrupt that is not there or what it cannot do;
 * -ENOTTY for what nobody can do with it; -EBADF or -EINVAL for a file descriptor
 * that is no eventfd; -ENOMEM. On error nothing has changed.
 */
long mdev_migrate_pci_ioctl(struct mdev_migrate_pci *pci, unsigned int cmd,
			    unsigned long arg)
{
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return get_info(pci, uarg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return get_irq_info(pci, uarg);
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(pci, uarg);
	case VFIO_DEVICE_RESET:
		return reset(pci);
	default:
		return -ENOTTY;
	}
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_ioctl);
