// SPDX-License-Identifier: GPL-2.0-only
/* The driver: a host bridge with a bus of its own, the windows to its BARs, an interrupt. */
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/logic_iomem.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "virtio_pf.h"

#define MMIO_BASE	0xd0000000UL
#define MMIO_SIZE	SZ_1M

/* All that a member can do. */
#define FEATURES							\
	(BIT_ULL(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) |			\
	 BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) |				\
	 BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) |				\
	 BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) |				\
	 BIT_ULL(VIRTIO_NET_F_MAC) | BIT_ULL(VIRTIO_NET_F_STATUS) |	\
	 BIT_ULL(VIRTIO_NET_F_MRG_RXBUF) |				\
	 BIT_ULL(VIRTIO_NET_F_CTRL_VQ) | BIT_ULL(VIRTIO_NET_F_CTRL_RX) | \
	 BIT_ULL(VIRTIO_NET_F_CTRL_RX_EXTRA) |				\
	 BIT_ULL(VIRTIO_NET_F_CTRL_VLAN) |				\
	 BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR) |				\
	 BIT_ULL(VIRTIO_NET_F_GUEST_ANNOUNCE) |				\
	 BIT_ULL(VIRTIO_NET_F_MQ) | BIT_ULL(VIRTIO_NET_F_RSS) |		\
	 BIT_ULL(VIRTIO_NET_F_HASH_REPORT) |				\
	 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |				\
	 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |				\
	 BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) | \
	 BIT_ULL(VIRTIO_F_RING_RESET))

/*
 * No VIRTIO_RING_F_INDIRECT_DESC: Linux 7.2 would allocate tables for the administration
 * virtqueue with GFP_KERNEL, in virtqueue_exec_admin_cmd(), which holds a spinlock.
 */
#define OWNER_FEATURES							\
	(BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) | \
	 BIT_ULL(VIRTIO_F_SR_IOV) | BIT_ULL(VIRTIO_F_ADMIN_VQ))

static unsigned long long features = FEATURES;
module_param(features, ullong, 0444);
MODULE_PARM_DESC(features, "what virtual functions offer at first");

unsigned short vpf_nr_pairs = 2;
module_param_named(pairs, vpf_nr_pairs, ushort, 0444);
MODULE_PARM_DESC(pairs, "queue pairs of a virtual function");

bool vpf_strict;
module_param_named(strict, vpf_strict, bool, 0644);
MODULE_PARM_DESC(strict, "refuse what Linux does against the specification");

bool vpf_extra = true;
module_param_named(extra, vpf_extra, bool, 0644);
MODULE_PARM_DESC(extra, "write parts that say nothing that must be restored");

DEFINE_RAW_SPINLOCK(vpf_lock);
struct vpf_fn vpf_fns[VPF_NR_FNS];

static int owner_irq;
static struct pci_host_bridge *bridge;
static struct resource *mmio;
static struct resource busn = {
	.name = "virtio_pf",
	.start = VPF_BUSNR,
	.end = VPF_BUSNR,
	.flags = IORESOURCE_BUS,
};

void vpf_interrupt_owner(void)
{
	generic_handle_irq_safe(owner_irq);
}

/* Whose BAR 0 a part of the window is in. */
static long map_mmio(unsigned long offset, size_t size,
		     const struct logic_iomem_ops **ops, void **priv)
{
	u64 address = MMIO_BASE + offset;
	struct vpf_fn *fn;
	unsigned long flags;
	long ret = -ENOENT;

	raw_spin_lock_irqsave(&vpf_lock, flags);
	for (fn = vpf_fns; fn < vpf_fns + VPF_NR_FNS; fn++) {
		u64 bar = vpf_bar_address(fn);

		if (address < bar || address + size > bar + VPF_BAR_SIZE)
			continue;
		*ops = &vpf_bar_ops;
		*priv = fn;
		ret = address - bar;
	}
	raw_spin_unlock_irqrestore(&vpf_lock, flags);
	return ret;
}

static const struct logic_iomem_region_ops mmio_ops = { .map = map_mmio };

/* Such a region stays for ever: once released, its resource is one that nothing is in. */
static int init_mmio(void)
{
	int ret;

	mmio = kzalloc_obj(*mmio);
	if (!mmio)
		return -ENOMEM;
	mmio->name = "virtio_pf";
	mmio->start = MMIO_BASE;
	mmio->end = MMIO_BASE + MMIO_SIZE - 1;
	mmio->flags = IORESOURCE_MEM;
	ret = logic_iomem_add_region(mmio, &mmio_ops);
	if (ret)
		kfree(mmio);
	return ret;
}

static void exit_mmio(void)
{
	release_resource(mmio);
	mmio->start = ~0UL;
	mmio->end = ~0UL;
}

static int map_irq(const struct pci_dev *pdev, u8 slot, u8 pin)
{
	return owner_irq;
}

static int init_irq(void)
{
	owner_irq = irq_alloc_desc(numa_node_id());
	if (owner_irq < 0)
		return owner_irq;
	irq_set_chip_and_handler(owner_irq, &dummy_irq_chip, handle_simple_irq);
	irq_clear_status_flags(owner_irq, IRQ_NOREQUEST | IRQ_NOPROBE);
	return 0;
}

static int init_bridge(void)
{
	int ret;

	bridge = pci_alloc_host_bridge(0);
	if (!bridge)
		return -ENOMEM;
	pci_add_resource(&bridge->windows, mmio);
	pci_add_resource(&bridge->windows, &busn);
	bridge->ops = &vpf_pci_ops;
	bridge->map_irq = map_irq;
	ret = pci_host_probe(bridge);
	if (ret)
		pci_free_host_bridge(bridge);
	return ret;
}

static void exit_bridge(void)
{
	pci_lock_rescan_remove();
	pci_stop_root_bus(bridge->bus);
	pci_remove_root_bus(bridge->bus);
	pci_unlock_rescan_remove();
	pci_free_host_bridge(bridge);
}

static void init_functions(void)
{
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&vpf_lock, flags);
	for (i = 0; i < VPF_NR_FNS; i++)
		vpf_fn_init(&vpf_fns[i], i, i ? features : OWNER_FEATURES);
	raw_spin_unlock_irqrestore(&vpf_lock, flags);
}

static void exit_functions(void)
{
	unsigned int i;

	for (i = 0; i < VPF_NR_FNS; i++)
		cancel_work_sync(&vpf_fns[i].work);
}

static int __init init(void)
{
	int ret;

	if (!vpf_nr_pairs || vpf_nr_pairs > VPF_PAIRS)
		return -EINVAL;
	init_functions();
	ret = init_irq();
	if (ret)
		return ret;
	ret = init_mmio();
	if (ret)
		goto out_irq;
	ret = vpf_iommu_init();
	if (ret)
		goto out_mmio;
	ret = init_bridge();
	if (ret)
		goto out_iommu;
	vpf_debug_init();
	return 0;
out_iommu:
	vpf_iommu_exit();
out_mmio:
	exit_mmio();
out_irq:
	irq_free_desc(owner_irq);
	return ret;
}

static void __exit exit(void)
{
	vpf_debug_exit();
	exit_bridge();
	exit_functions();
	vpf_iommu_exit();
	exit_mmio();
	irq_free_desc(owner_irq);
}

module_init(init);
module_exit(exit);
MODULE_DESCRIPTION("Test only: a virtio network card whose virtual functions migrate");
MODULE_LICENSE("GPL");
