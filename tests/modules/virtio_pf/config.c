// SPDX-License-Identifier: GPL-2.0-only
/* PCI configuration space. */
#include <linux/unaligned.h>

#include "virtio_pf.h"

#define PCIE		0x40
#define FLR_BYTE	(PCIE + PCI_EXP_DEVCTL + 1)
#define FLR_BIT		(PCI_EXP_DEVCTL_BCR_FLR >> 8)

/* @size bytes with bits that can be written. */
static void put(struct vpf_fn *fn, unsigned int at, unsigned int size, u32 value,
		u32 writable)
{
	for (; size--; at++, value >>= 8, writable >>= 8) {
		fn->cfg[at] = value;
		fn->wmask[at] = writable;
	}
}

/* A structure in BAR 0: a capability of virtio. */
static void put_window(struct vpf_fn *fn, unsigned int at, unsigned int next,
		       unsigned int type, u32 offset, u32 length)
{
	bool notify = type == VIRTIO_PCI_CAP_NOTIFY_CFG;

	put(fn, at, 1, PCI_CAP_ID_VNDR, 0);
	put(fn, at + VIRTIO_PCI_CAP_NEXT, 1, next, 0);
	put(fn, at + VIRTIO_PCI_CAP_LEN, 1, notify ?
	    sizeof(struct virtio_pci_notify_cap) :
	    sizeof(struct virtio_pci_cap), 0);
	put(fn, at + VIRTIO_PCI_CAP_CFG_TYPE, 1, type, 0);
	put(fn, at + VIRTIO_PCI_CAP_OFFSET, 4, offset, 0);
	put(fn, at + VIRTIO_PCI_CAP_LENGTH, 4, length, 0);
	if (notify)
		put(fn, at + VIRTIO_PCI_NOTIFY_CAP_MULT, 4, 4, 0);
}

static void init_sriov(struct vpf_fn *fn)
{
	put(fn, VPF_SRIOV, 4, PCI_EXT_CAP_ID_SRIOV | 1 << 16, 0);
	put(fn, VPF_SRIOV + PCI_SRIOV_CTRL, 2, 0,
	    PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
	put(fn, VPF_SRIOV + PCI_SRIOV_INITIAL_VF, 2, VPF_NR_VFS, 0);
	put(fn, VPF_SRIOV + PCI_SRIOV_TOTAL_VF, 2, VPF_NR_VFS, 0);
	put(fn, VPF_SRIOV + PCI_SRIOV_NUM_VF, 2, 0, 0xffff);
	put(fn, VPF_SRIOV + PCI_SRIOV_VF_OFFSET, 2, 1, 0);
	put(fn, VPF_SRIOV + PCI_SRIOV_VF_STRIDE, 2, 1, 0);
	put(fn, VPF_SRIOV + PCI_SRIOV_VF_DID, 2, 0x1040 + VIRTIO_ID_NET, 0);
	put(fn, VPF_SRIOV + PCI_SRIOV_SUP_PGSIZE, 4, 0x553, 0);
	put(fn, VPF_SRIOV + PCI_SRIOV_SYS_PGSIZE, 4, 1, ~0U);
	put(fn, VPF_SRIOV + PCI_SRIOV_BAR, 4, PCI_BASE_ADDRESS_MEM_TYPE_64,
	    -VPF_BAR_SIZE);
	put(fn, VPF_SRIOV + PCI_SRIOV_BAR + 4, 4, 0, ~0U);
}

/* The owner has no MSI-X: one interrupt line, which the module makes, is simpler. */
static void init_owner(struct vpf_fn *fn)
{
	put(fn, PCI_VENDOR_ID, 2, PCI_VENDOR_ID_REDHAT_QUMRANET, 0);
	put(fn, PCI_DEVICE_ID, 2, 0x1040 + VIRTIO_ID_NET, 0);
	put(fn, PCI_COMMAND, 2, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
	    PCI_COMMAND_INTX_DISABLE);
	put(fn, PCI_BASE_ADDRESS_0, 4, PCI_BASE_ADDRESS_MEM_TYPE_64,
	    -VPF_BAR_SIZE);
	put(fn, PCI_BASE_ADDRESS_1, 4, 0, ~0U);
	put(fn, PCI_INTERRUPT_LINE, 1, 0, 0xff);
	put(fn, PCI_INTERRUPT_PIN, 1, 1, 0);
	init_sriov(fn);
}

/* A virtual function's identity and BARs are in the owner's SR-IOV capability. */
static void init_member(struct vpf_fn *fn)
{
	put(fn, PCI_VENDOR_ID, 4, ~0U, 0);
	put(fn, PCI_COMMAND, 2, 0, PCI_COMMAND_MASTER);
	put(fn, VPF_MSIX, 1, PCI_CAP_ID_MSIX, 0);
	put(fn, VPF_MSIX + PCI_MSIX_FLAGS, 2, vpf_nr_vectors(fn) - 1,
	    PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	put(fn, VPF_MSIX + PCI_MSIX_TABLE, 4, VPF_BAR_MSIX, 0);
	put(fn, VPF_MSIX + PCI_MSIX_PBA, 4, VPF_BAR_PBA, 0);
}

void vpf_config_init(struct vpf_fn *fn)
{
	unsigned int type = fn->nr ? PCI_EXP_TYPE_ENDPOINT :
				     PCI_EXP_TYPE_RC_END;

	memset(fn->cfg, 0, sizeof(fn->cfg));
	memset(fn->wmask, 0, sizeof(fn->wmask));
	put(fn, PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0);
	put(fn, PCI_CLASS_REVISION, 4, PCI_CLASS_NETWORK_ETHERNET << 16 | 1, 0);
	put(fn, PCI_SUBSYSTEM_VENDOR_ID, 2, PCI_VENDOR_ID_REDHAT_QUMRANET, 0);
	put(fn, PCI_SUBSYSTEM_ID, 2, 0x1100, 0);
	put(fn, PCI_CAPABILITY_LIST, 1, PCIE, 0);
	put(fn, PCIE, 1, PCI_CAP_ID_EXP, 0);
	put(fn, PCIE + PCI_CAP_LIST_NEXT, 1, 0x80, 0);
	put(fn, PCIE + PCI_EXP_FLAGS, 2, 2 | type << 4, 0);
	put(fn, PCIE + PCI_EXP_DEVCAP, 4,
	    PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR, 0);
	put(fn, PCIE + PCI_EXP_DEVCTL, 2, 0, 0x7fff);
	put_window(fn, 0x80, 0x90, VIRTIO_PCI_CAP_COMMON_CFG, 0,
		   VPF_COMMON_LEN);
	put_window(fn, 0x90, 0xa0, VIRTIO_PCI_CAP_ISR_CFG, VPF_BAR_ISR, 1);
	put_window(fn, 0xa0, 0xb0, VIRTIO_PCI_CAP_DEVICE_CFG, VPF_BAR_DEVICE,
		   sizeof(struct virtio_net_config));
	put_window(fn, 0xb0, fn->nr ? VPF_MSIX : 0, VIRTIO_PCI_CAP_NOTIFY_CFG,
		   VPF_BAR_NOTIFY, 4 * (VPF_QUEUES + 1));
	if (fn->nr)
		init_member(fn);
	else
		init_owner(fn);
}

/* How many virtual functions there are now. */
unsigned int vpf_nr_members(void)
{
	const u8 *cap = &vpf_owner()->cfg[VPF_SRIOV];

	if (!(cap[PCI_SRIOV_CTRL] & PCI_SRIOV_CTRL_VFE))
		return 0;
	return min(get_unaligned_le16(cap + PCI_SRIOV_NUM_VF), VPF_NR_VFS);
}

u64 vpf_bar_address(const struct vpf_fn *fn)
{
	const u8 *bar = &vpf_owner()->cfg[fn->nr ? VPF_SRIOV + PCI_SRIOV_BAR :
						   PCI_BASE_ADDRESS_0];
	u64 address = get_unaligned_le64(bar) & PCI_BASE_ADDRESS_MEM_MASK;

	return fn->nr ? address + (fn->nr - 1) * VPF_BAR_SIZE : address;
}

static struct vpf_fn *function_at(struct pci_bus *bus, unsigned int devfn)
{
	if (bus->number != VPF_BUSNR || devfn > vpf_nr_members())
		return NULL;
	return &vpf_fns[devfn];
}

static int read_config(struct pci_bus *bus, unsigned int devfn, int where,
		       int size, u32 *value)
{
	struct vpf_fn *fn;
	unsigned long flags;
	int i;

	raw_spin_lock_irqsave(&vpf_lock, flags);
	fn = function_at(bus, devfn);
	*value = fn ? 0 : ~0;
	for (i = size; fn && i--;)
		*value = *value << 8 | fn->cfg[where + i];
	raw_spin_unlock_irqrestore(&vpf_lock, flags);
	return fn ? PCIBIOS_SUCCESSFUL : PCIBIOS_DEVICE_NOT_FOUND;
}

/*
 * Open: whether a stopped device runs again after a function-level reset. It does here:
 * Linux's driver takes it for running then, and does not say so to the device.
 */
static void function_reset(struct vpf_fn *fn)
{
	unsigned int i;

	vpf_reset(fn);
	fn->stopped = false;
	fn->loaded = false;
	if (!fn->nr)
		return;
	for (i = 0; i < ARRAY_SIZE(fn->cfg); i++)
		fn->cfg[i] &= ~fn->wmask[i];
	vpf_msix_reset(fn);
}

static int write_config(struct pci_bus *bus, unsigned int devfn, int where,
			int size, u32 value)
{
	bool reset = false;
	struct vpf_fn *fn;
	unsigned long flags;
	int i;

	raw_spin_lock_irqsave(&vpf_lock, flags);
	fn = function_at(bus, devfn);
	for (i = where; fn && i < where + size; i++, value >>= 8) {
		reset |= i == FLR_BYTE && value & FLR_BIT;
		fn->cfg[i] = (fn->cfg[i] & ~fn->wmask[i]) |
			     (value & fn->wmask[i]);
	}
	if (fn && reset)
		function_reset(fn);
	if (fn)
		vpf_kick(fn);
	raw_spin_unlock_irqrestore(&vpf_lock, flags);
	return fn ? PCIBIOS_SUCCESSFUL : PCIBIOS_DEVICE_NOT_FOUND;
}

struct pci_ops vpf_pci_ops = { .read = read_config, .write = write_config };
