// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdev_virtio_net: migratable virtio network cards as mediated devices. This
 * file: the module, the mdev parent, a device's attributes outside of its
 * migration/ folder.
 */
#include <linux/hex.h>
#include <linux/module.h>
#include "virtio_net.h"

static char *max_version;
module_param(max_version, charp, 0444);
MODULE_PARM_DESC(max_version, "newest version to offer, such as v1; all if not given");

static char *without;
module_param(without, charp, 0444);
MODULE_PARM_DESC(without, "parameters to withhold, such as rss,offloads: only their off value is allowed");

static unsigned int max_devices = 256;
module_param(max_devices, uint, 0444);
MODULE_PARM_DESC(max_devices, "how many devices there can be (256)");

static struct vnet *vnet_from_dev(struct device *dev)
{
	return to_vnet(mdev_migrate_from_dev(dev));
}

static ssize_t mac_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	struct vnet *vnet = vnet_from_dev(dev);
	u8 mac[ETH_ALEN];

	spin_lock_bh(&vnet->irq_lock);
	ether_addr_copy(mac, vnet->mac);
	spin_unlock_bh(&vnet->irq_lock);
	return sysfs_emit(buf, "%pM\n", mac);
}

static ssize_t mac_store(struct device *dev, struct device_attribute *attr,
			 const char *buf, size_t count)
{
	struct vnet *vnet = vnet_from_dev(dev);
	size_t len = strcspn(buf, "\n");
	u8 mac[ETH_ALEN];
	int err;

	if (len != 3 * ETH_ALEN - 1 || !mac_pton(buf, mac) ||
	    !is_valid_ether_addr(mac))
		return -EINVAL;

	err = mdev_migrate_keep_closed(&vnet->mdm.desc);
	if (err)
		return err;
	spin_lock_bh(&vnet->irq_lock);
	ether_addr_copy(vnet->mac, mac);
	spin_unlock_bh(&vnet->irq_lock);
	mdev_migrate_let_open(&vnet->mdm.desc);
	return count;
}
static DEVICE_ATTR_RW(mac);

static ssize_t netdev_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	char name[IFNAMSIZ];

	vnet_ifname_get(vnet_from_dev(dev), name);
	return sysfs_emit(buf, "%s\n", name);
}
static DEVICE_ATTR_RO(netdev);

static struct attribute *vnet_attrs[] = {
	&dev_attr_mac.attr,
	&dev_attr_netdev.attr,
	NULL,
};
ATTRIBUTE_GROUPS(vnet);

static struct mdev_migrate_driver vnet_driver = {
	.name = "mdev_virtio_net",
	.owner = THIS_MODULE,
	.model = &vnet_model,
	.ops = &vnet_ops,
	.device_size = sizeof(struct vnet),
	.dev_groups = vnet_groups,
};

static int __init vnet_module_init(void)
{
	int err;

	vnet_driver.max_instances = max_devices;
	vnet_driver.max_version = max_version;
	err = vnet_model_withhold(without);
	if (err)
		return err;

	err = vnet_ifname_init();
	if (err)
		return err;
	err = mdev_migrate_register_virtual(&vnet_driver, "virtio_net");
	if (err)
		vnet_ifname_exit();
	return err;
}
module_init(vnet_module_init);

static void __exit vnet_module_exit(void)
{
	mdev_migrate_unregister_virtual(&vnet_driver);
	vnet_ifname_exit();
}
module_exit(vnet_module_exit);

MODULE_DESCRIPTION("Migratable virtio network cards as mediated devices");
MODULE_AUTHOR("The mdev-migrate authors");
MODULE_VERSION(MDEV_MIGRATE_VERSION);
MODULE_LICENSE("GPL");
