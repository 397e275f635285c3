// SPDX-License-Identifier: GPL-2.0-only
/*
 * The name of the host's network interface, for sysfs. It is changed under RTNL,
 * and anybody can read the attribute: so that no reader waits for whoever has
 * RTNL, a copy is kept, which follows the interface through renaming and other
 * network namespaces.
 */
#include "virtio_net.h"

static int vnet_ifname_event(struct notifier_block *block, unsigned long event,
			     void *info)
{
	struct net_device *netdev = netdev_notifier_info_to_dev(info);
	struct vnet *vnet;

	if ((event != NETDEV_REGISTER && event != NETDEV_CHANGENAME) ||
	    netdev->ethtool_ops != &vnet_ethtool_ops)
		return NOTIFY_DONE;
	vnet = vnet_of_netdev(netdev);
	spin_lock_bh(&vnet->irq_lock);
	strscpy(vnet->ifname, netdev->name, sizeof(vnet->ifname));
	spin_unlock_bh(&vnet->irq_lock);
	return NOTIFY_OK;
}

static struct notifier_block vnet_ifname_block = {
	.notifier_call = vnet_ifname_event,
};

/**
 * vnet_ifname_init - begin to follow the interfaces' names
 *
 * Context: Before there is an interface. Takes RTNL.
 * Return: 0 or an error.
 */
int vnet_ifname_init(void)
{
	return register_netdevice_notifier(&vnet_ifname_block);
}

/**
 * vnet_ifname_exit - undo vnet_ifname_init()
 *
 * Context: After the last interface. Takes RTNL.
 */
void vnet_ifname_exit(void)
{
	unregister_netdevice_notifier(&vnet_ifname_block);
}

/**
 * vnet_ifname_get - the name of the host's interface
 * @vnet: the device
 * @name: IFNAMSIZ bytes
 *
 * Context: Any but interrupts; does not sleep.
 */
void vnet_ifname_get(struct vnet *vnet, char *name)
{
	spin_lock_bh(&vnet->irq_lock);
	strscpy(name, vnet->ifname, IFNAMSIZ);
	spin_unlock_bh(&vnet->irq_lock);
}
