// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio over PCI (virtio 1.x, 4.1): the function, its capabilities, and what
 * is where in BAR 0, a page each:
 *
 *	0x0000	common configuration
 *	0x1000	interrupt status
 *	0x2000	device configuration
 *	0x3000	notifications, four bytes per queue
 */
#include <linux/nospec.h>
#include <linux/pci_ids.h>
#include "virtio_net.h"

#define VNET_PCI_VENDOR		PCI_VENDOR_ID_REDHAT_QUMRANET
#define VNET_PCI_DEVICE		0x1041
#define VNET_PCI_SUBSYSTEM	0x1100
#define VNET_PCI_REVISION	1

#define VNET_REGION_SIZE	BIT(VNET_REGION_SHIFT)
/* The longest device configuration. */
#define VNET_CONFIG_MAX		sizeof(struct virtio_net_config)

struct vnet_region {
	u8 cfg_type;
	unsigned int (*len)(const struct vnet *vnet);
	u64 (*read)(struct vnet *vnet, u64 offset, unsigned int len);
	void (*write)(struct vnet *vnet, u64 offset, unsigned int len,
		      u64 value);
};

static unsigned int vnet_isr_len(const struct vnet *vnet)
{
	return 1;
}

static u64 vnet_isr_read(struct vnet *vnet, u64 offset, unsigned int len)
{
	return offset ? 0 : vnet_irq_read_isr(vnet);
}

/* Up to where the device configuration is there, by feature. */
static const struct {
	unsigned int feature;
	unsigned int end;
} vnet_config_ends[] = {
	{ VIRTIO_NET_F_MAC, offsetofend(struct virtio_net_config, mac) },
	{ VIRTIO_NET_F_STATUS, offsetofend(struct virtio_net_config, status) },
	{ VIRTIO_NET_F_MQ,
	  offsetofend(struct virtio_net_config, max_virtqueue_pairs) },
	{ VIRTIO_NET_F_MTU, offsetofend(struct virtio_net_config, mtu) },
	{ VIRTIO_NET_F_RSS,
	  offsetofend(struct virtio_net_config, supported_hash_types) },
};

static unsigned int vnet_config_len(const struct vnet *vnet)
{
	unsigned int i, len = 0;

	for (i = 0; i < ARRAY_SIZE(vnet_config_ends); i++)
		if (vnet->features & BIT_ULL(vnet_config_ends[i].feature))
			len = max(len, vnet_config_ends[i].end);
	return len;
}

/* Zeros where there is nothing. */
static void vnet_config_fill(struct vnet *vnet,
			     struct virtio_net_config *config)
{
	u16 mtu = vnet->mdm.desc.config.values[VNET_MTU];
	unsigned int seq;
	u16 status = 0;

	memset(config, 0, sizeof(*config));
	do {
		seq = read_seqbegin(&vnet->ctrl_lock);
		ether_addr_copy(config->mac, vnet->ctrl.mac);
	} while (read_seqretry(&vnet->ctrl_lock, seq));

	spin_lock_bh(&vnet->irq_lock);
	if (vnet->link_up)
		status |= VIRTIO_NET_S_LINK_UP;
	if (vnet->announce)
		status |= VIRTIO_NET_S_ANNOUNCE;
	spin_unlock_bh(&vnet->irq_lock);

	config->status = (__force __virtio16)cpu_to_le16(status);
	config->mtu = (__force __virtio16)cpu_to_le16(mtu);
	if (vnet->features & (BIT_ULL(VIRTIO_NET_F_MQ) |
			      BIT_ULL(VIRTIO_NET_F_RSS)))
		config->max_virtqueue_pairs =
			(__force __virtio16)cpu_to_le16(vnet->max_pairs);
	if (!(vnet->features & BIT_ULL(VIRTIO_NET_F_RSS)))
		return;
	config->rss_max_key_size = VNET_RSS_KEY;
	config->rss_max_indirection_table_length = cpu_to_le16(VNET_RSS_TABLE);
	config->supported_hash_types = cpu_to_le32(VNET_HASH_TYPES);
}

static u64 vnet_config_read(struct vnet *vnet, u64 offset, unsigned int len)
{
	struct virtio_net_config config;
	__le64 value = 0;

	if (offset + len > VNET_CONFIG_MAX)
		return 0;
	offset = array_index_nospec(offset, VNET_CONFIG_MAX);

	vnet_config_fill(vnet, &config);

	memcpy(&value, (u8 *)&config + offset, len);
	return le64_to_cpu(value);
}

static unsigned int vnet_notify_len(const struct vnet *vnet)
{
	return vnet->nr_queues * VNET_NOTIFY_MULTIPLIER;
}

static u64 vnet_notify_read(struct vnet *vnet, u64 offset, unsigned int len)
{
	return 0;
}

static void vnet_notify_write(struct vnet *vnet, u64 offset, unsigned int len,
			      u64 value)
{
	vnet_vq_kick(vnet, offset / VNET_NOTIFY_MULTIPLIER);
}

static void vnet_ignore_write(struct vnet *vnet, u64 offset, unsigned int len,
			      u64 value)
{
}

/* In the order of BAR 0. */
static const struct vnet_region vnet_regions[] = {
	{ VIRTIO_PCI_CAP_COMMON_CFG, vnet_common_len, vnet_common_read,
	  vnet_common_write },
	{ VIRTIO_PCI_CAP_ISR_CFG, vnet_isr_len, vnet_isr_read,
	  vnet_ignore_write },
	{ VIRTIO_PCI_CAP_DEVICE_CFG, vnet_config_len, vnet_config_read,
	  vnet_ignore_write },
	{ VIRTIO_PCI_CAP_NOTIFY_CFG, vnet_notify_len, vnet_notify_read,
	  vnet_notify_write },
};

static const struct vnet_region *vnet_region(unsigned int bar, u64 *offset)
{
	u64 index = *offset >> VNET_REGION_SHIFT;

	if (bar != VNET_BAR || index >= ARRAY_SIZE(vnet_regions))
		return NULL;
	*offset &= VNET_REGION_SIZE - 1;
	return &vnet_regions[array_index_nospec(index,
						ARRAY_SIZE(vnet_regions))];
}

/**
 * vnet_bar_read - the guest reads a BAR
 * @mdm: the device
 * @bar: which
 * @offset: where, naturally aligned
 * @len: 1, 2, 4 or 8
 *
 * Return: the value, 0 where there is nothing.
 */
u64 vnet_bar_read(struct mdev_migrate_device *mdm, unsigned int bar, u64 offset,
		  unsigned int len)
{
	const struct vnet_region *region = vnet_region(bar, &offset);

	return region ? region->read(to_vnet(mdm), offset, len) : 0;
}

/**
 * vnet_bar_write - the guest writes a BAR
 * @mdm: the device
 * @bar: which
 * @offset: where, naturally aligned
 * @len: 1, 2, 4 or 8
 * @value: what
 */
void vnet_bar_write(struct mdev_migrate_device *mdm, unsigned int bar,
		    u64 offset, unsigned int len, u64 value)
{
	const struct vnet_region *region = vnet_region(bar, &offset);

	if (region)
		region->write(to_vnet(mdm), offset, len, value);
}

/*
 * The capability through which firmware without access to the BAR reaches it:
 * an access of its data field is one of the BAR at the place it says. Returns
 * whether there is such a place.
 */
static bool vnet_window(struct vnet *vnet, unsigned int offset,
			unsigned int len, u32 *where, u32 *width)
{
	unsigned int data = vnet->window +
			    offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
	struct virtio_pci_cap cap;

	if (!vnet->window || offset >= data + sizeof(u32) ||
	    offset + len <= data)
		return false;

	mdev_migrate_pci_get(vnet->mdm.pci, vnet->window, &cap, sizeof(cap));
	*where = le32_to_cpu(cap.offset);
	*width = le32_to_cpu(cap.length);
	return cap.bar == VNET_BAR &&
	       (*width == 1 || *width == 2 || *width == 4) &&
	       !(*where % *width);
}

/**
 * vnet_cfg_read - the guest is about to read configuration space
 * @mdm: the device
 * @offset: where
 * @len: bytes
 */
void vnet_cfg_read(struct mdev_migrate_device *mdm, unsigned int offset,
		   unsigned int len)
{
	struct vnet *vnet = to_vnet(mdm);
	u32 where, width;
	__le32 data;

	if (!vnet_window(vnet, offset, len, &where, &width))
		return;
	data = cpu_to_le32(vnet_bar_read(mdm, VNET_BAR, where, width));
	mdev_migrate_pci_set(mdm->pci, vnet->window +
			     offsetof(struct virtio_pci_cfg_cap, pci_cfg_data),
			     &data, sizeof(data));
}

/**
 * vnet_cfg_write - the guest has written configuration space
 * @mdm: the device
 * @offset: where
 * @len: bytes
 */
void vnet_cfg_write(struct mdev_migrate_device *mdm, unsigned int offset,
		    unsigned int len)
{
	struct vnet *vnet = to_vnet(mdm);
	__le32 data = 0;
	u32 where, width;

	if (!vnet_window(vnet, offset, len, &where, &width))
		return;
	mdev_migrate_pci_get(mdm->pci, vnet->window +
			     offsetof(struct virtio_pci_cfg_cap, pci_cfg_data),
			     &data, width);
	vnet_bar_write(mdm, VNET_BAR, where, width, le32_to_cpu(data));
}

/* What follows id and next in the capability. */
#define VNET_CAP_SKIP	offsetof(struct virtio_pci_cap, cap_len)

static int vnet_add_cap(struct vnet *vnet, struct virtio_pci_cap *cap,
			const u8 *wmask, size_t len)
{
	cap->cap_len = len;
	return mdev_migrate_pci_add_cap(vnet->mdm.pci, PCI_CAP_ID_VNDR,
					(u8 *)cap + VNET_CAP_SKIP,
					wmask ? wmask + VNET_CAP_SKIP : NULL,
					len - VNET_CAP_SKIP);
}

static int vnet_add_region_cap(struct vnet *vnet, unsigned int index)
{
	const struct vnet_region *region = &vnet_regions[index];
	struct virtio_pci_notify_cap cap = {
		.cap.cfg_type = region->cfg_type,
		.cap.bar = VNET_BAR,
		.cap.offset = cpu_to_le32(index << VNET_REGION_SHIFT),
		.cap.length = cpu_to_le32(region->len(vnet)),
		.notify_off_multiplier = cpu_to_le32(VNET_NOTIFY_MULTIPLIER),
	};
	bool notify = region->cfg_type == VIRTIO_PCI_CAP_NOTIFY_CFG;

	return vnet_add_cap(vnet, &cap.cap, NULL,
			    notify ? sizeof(cap) : sizeof(cap.cap));
}

static int vnet_add_window_cap(struct vnet *vnet)
{
	struct virtio_pci_cfg_cap cap = {
		.cap.cfg_type = VIRTIO_PCI_CAP_PCI_CFG,
	};
	struct virtio_pci_cfg_cap wmask = {
		.cap.bar = 0xff,
		.cap.offset = cpu_to_le32(U32_MAX),
		.cap.length = cpu_to_le32(U32_MAX),
		.pci_cfg_data = { 0xff, 0xff, 0xff, 0xff },
	};
	int pos;

	pos = vnet_add_cap(vnet, &cap.cap, (u8 *)&wmask, sizeof(cap));
	if (pos < 0)
		return pos;
	vnet->window = pos;
	return 0;
}

/**
 * vnet_pci_init - describe the PCI function
 * @vnet: the device, with its features and numbers of queues and vectors
 *
 * Return: 0 or an error.
 */
int vnet_pci_init(struct vnet *vnet)
{
	const struct mdev_migrate_pci_desc desc = {
		.vendor = VNET_PCI_VENDOR,
		.device = VNET_PCI_DEVICE,
		.subsystem_vendor = VNET_PCI_VENDOR,
		.subsystem_device = VNET_PCI_SUBSYSTEM,
		.revision = VNET_PCI_REVISION,
		.class = PCI_CLASS_NETWORK_ETHERNET << 8,
		.intx = true,
		.bars[VNET_BAR] = {
			.size = ARRAY_SIZE(vnet_regions) * VNET_REGION_SIZE,
			.is_64bit = true,
		},
		.bars[VNET_MSIX_BAR] = { .size = SZ_4K },
		.msix_vectors = vnet->nr_vectors,
		.msix_bar = VNET_MSIX_BAR,
	};
	unsigned int i;
	int err;

	err = mdev_migrate_pci_init(vnet->mdm.pci, &desc);
	if (err)
		return err;

	for (i = 0; i < ARRAY_SIZE(vnet_regions); i++) {
		err = vnet_add_region_cap(vnet, i);
		if (err < 0)
			return err;
	}
	return vnet_add_window_cap(vnet);
}
