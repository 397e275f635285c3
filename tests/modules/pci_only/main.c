// SPDX-License-Identifier: GPL-2.0-only
/* The driver: mdev types, and a VFIO device for each mdev. */
#include <linux/completion.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/wait_bit.h>

#include "pci_only.h"

static struct pci_only_type types[] = {
	{ { .sysfs_name = "msi", .pretty_name = "INTx, MSI" }, 4, true, 0 },
	{ { .sysfs_name = "all", .pretty_name = "all kinds" }, 1, false, 2 },
};

static struct mdev_type *type_ptrs[] = { &types[0].type, &types[1].type };

static struct pci_only *to_pci_only(struct vfio_device *vdev)
{
	return container_of(vdev, struct pci_only, vdev);
}

/*
 * Who has the last reference to a VFIO device drops it when he likes, and release_device()
 * runs then: this module must still be there. Its mdev, whose parent is waited for, may be
 * gone by then.
 */
static atomic_t nr_devices;

static void free_device(struct pci_only *po)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(po->pages); i++) {
		if (po->pages[i])
			put_page(po->pages[i]);
	}
	mdev_migrate_pci_destroy(po->pci);
}

static void release_device(struct vfio_device *vdev)
{
	free_device(to_pci_only(vdev));
	if (atomic_dec_and_test(&nr_devices))
		wake_up_var(&nr_devices);
}

static int init_device(struct vfio_device *vdev)
{
	struct pci_only *po = to_pci_only(vdev);
	unsigned int i;

	po->pci = mdev_migrate_pci_create(&pci_only_pci_ops, po);
	if (!po->pci)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(po->pages); i++) {
		po->pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!po->pages[i]) {
			free_device(po);
			return -ENOMEM;
		}
	}
	atomic_inc(&nr_devices);
	return 0;
}

static int open_device(struct vfio_device *vdev)
{
	struct mdev_type *type = to_mdev_device(vdev->dev)->type;
	struct pci_only *po = to_pci_only(vdev);
	int ret;

	ret = pci_only_describe(po, container_of(type, struct pci_only_type,
						 type));
	if (!ret)
		ret = mdev_migrate_pci_open(po->pci);
	if (ret)
		mdev_migrate_pci_close(po->pci);
	return ret;
}

static void close_device(struct vfio_device *vdev)
{
	mdev_migrate_pci_close(to_pci_only(vdev)->pci);
}

static ssize_t read_device(struct vfio_device *vdev, char __user *buf,
			   size_t count, loff_t *ppos)
{
	return mdev_migrate_pci_read(to_pci_only(vdev)->pci, buf, count, ppos);
}

static ssize_t write_device(struct vfio_device *vdev, const char __user *buf,
			    size_t count, loff_t *ppos)
{
	return mdev_migrate_pci_write(to_pci_only(vdev)->pci, buf, count, ppos);
}

static long ioctl_device(struct vfio_device *vdev, unsigned int cmd,
			 unsigned long arg)
{
	return mdev_migrate_pci_ioctl(to_pci_only(vdev)->pci, cmd, arg);
}

static int region_info(struct vfio_device *vdev, struct vfio_region_info *info,
		       struct vfio_info_cap *caps)
{
	return mdev_migrate_pci_region_info(to_pci_only(vdev)->pci, info, caps);
}

static int mmap_device(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	return mdev_migrate_pci_mmap(to_pci_only(vdev)->pci, vma);
}

static void request(struct vfio_device *vdev, unsigned int count)
{
	mdev_migrate_pci_request(to_pci_only(vdev)->pci);
}

static const struct vfio_device_ops vfio_ops = {
	.name = "pci_only",
	.init = init_device,
	.release = release_device,
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
	.open_device = open_device,
	.close_device = close_device,
	.read = read_device,
	.write = write_device,
	.ioctl = ioctl_device,
	.get_region_info_caps = region_info,
	.mmap = mmap_device,
	.request = request,
};

static int probe(struct mdev_device *mdev)
{
	struct pci_only *po;
	int ret;

	po = vfio_alloc_device(pci_only, vdev, &mdev->dev, &vfio_ops);
	if (IS_ERR(po))
		return PTR_ERR(po);
	dev_set_drvdata(&mdev->dev, po);
	ret = vfio_register_emulated_iommu_dev(&po->vdev);
	if (ret)
		vfio_put_device(&po->vdev);
	return ret;
}

static void remove(struct mdev_device *mdev)
{
	struct pci_only *po = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&po->vdev);
	vfio_put_device(&po->vdev);
}

static struct mdev_driver mdev_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.max_instances = 8,
	.probe = probe,
	.remove = remove,
	.driver = {
		.name = "pci_only",
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
	},
};

/* The types' names begin with the class's. Registering writes to it before 6.4. */
static struct class parent_class = { .name = "pci_only" };
static struct mdev_parent mdev_parent;
static DECLARE_COMPLETION(released);

static void release_parent(struct device *dev)
{
	complete(&released);
}

static struct device parent = {
	.class = &parent_class,
	.release = release_parent,
};

/* Each mdev type has a reference, until its last user has let go. */
static void unregister_parent(void)
{
	device_unregister(&parent);
	wait_for_completion(&released);
}

static int __init pci_only_init(void)
{
	int ret;

	ret = class_register(&parent_class);
	if (ret)
		return ret;
	ret = mdev_register_driver(&mdev_driver);
	if (ret)
		goto unregister_class;
	dev_set_name(&parent, "pci_only");
	ret = device_register(&parent);
	if (ret) {
		put_device(&parent);
		goto unregister_driver;
	}
	ret = mdev_register_parent(&mdev_parent, &parent, &mdev_driver,
				   type_ptrs, ARRAY_SIZE(type_ptrs));
	if (!ret)
		return 0;
	unregister_parent();
unregister_driver:
	mdev_unregister_driver(&mdev_driver);
unregister_class:
	class_unregister(&parent_class);
	/* Somebody was quick to make one, of types that could not all be made. */
	wait_var_event(&nr_devices, !atomic_read(&nr_devices));
	return ret;
}

static void __exit pci_only_exit(void)
{
	mdev_unregister_parent(&mdev_parent);
	unregister_parent();
	mdev_unregister_driver(&mdev_driver);
	class_unregister(&parent_class);
	wait_var_event(&nr_devices, !atomic_read(&nr_devices));
}

module_init(pci_only_init);
module_exit(pci_only_exit);

MODULE_DESCRIPTION("Test driver: a PCI function of mdev_migrate's alone");
MODULE_LICENSE("GPL");
