// SPDX-License-Identifier: GPL-2.0-only
/* Registers in BAR 0: common configuration, device configuration, notifications, MSI-X. */
#include <linux/log2.h>
#include <linux/logic_iomem.h>
#include <linux/unaligned.h>

#include "virtio_pf.h"

bool vpf_vector_valid(const struct vpf_fn *fn, u16 vector)
{
	return vector < vpf_nr_vectors(fn) || vector == VIRTIO_MSI_NO_VECTOR;
}

/* A queue cannot be made unavailable, or longer. */
bool vpf_size_valid(u16 size)
{
	return size <= VPF_QUEUE_SIZE && is_power_of_2(size);
}

/* Can a driver use the device with these? */
bool vpf_features_valid(const struct vpf_fn *fn, u64 features)
{
	return !(features & ~fn->features) &&
	       features & BIT_ULL(VIRTIO_F_VERSION_1);
}

/* MSI-X. */

void vpf_msix_reset(struct vpf_fn *fn)
{
	unsigned int i;

	memset(fn->msix, 0, sizeof(fn->msix));
	for (i = 0; i < vpf_nr_vectors(fn); i++)
		fn->msix[4 * i + 3] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	fn->pending = 0;
}

/* Can it be raised now? */
bool vpf_msix_ready(const struct vpf_fn *fn, unsigned int vector)
{
	u16 flags = get_unaligned_le16(&fn->cfg[VPF_MSIX + PCI_MSIX_FLAGS]);

	return flags & PCI_MSIX_FLAGS_ENABLE &&
	       !(flags & PCI_MSIX_FLAGS_MASKALL) &&
	       !(fn->msix[4 * vector + 3] & PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

static u64 read_msix(struct vpf_fn *fn, unsigned int at, unsigned int size)
{
	u64 value = 0;

	if (at >= VPF_BAR_PBA - VPF_BAR_MSIX)
		return at == VPF_BAR_PBA - VPF_BAR_MSIX ? fn->pending : 0;
	if (at + size <= 16 * vpf_nr_vectors(fn))
		memcpy(&value, (u8 *)fn->msix + at, size);
	return value;
}

static void write_msix(struct vpf_fn *fn, unsigned int at, unsigned int size,
		       u64 value)
{
	if (at + size > 16 * vpf_nr_vectors(fn))
		return;
	memcpy((u8 *)fn->msix + at, &value, size);
	vpf_kick(fn);
}

/*
 * The common configuration's fields: those that device parts set, those that other parts
 * stand for, and those that a driver only reads.
 */
static const struct vpf_field fields[] = {
	{ VIRTIO_PCI_COMMON_DFSELECT, 4, true },
	{ VIRTIO_PCI_COMMON_DF, 4, false },
	{ VIRTIO_PCI_COMMON_GFSELECT, 4, true },
	{ VIRTIO_PCI_COMMON_GF, 4, false },
	{ VIRTIO_PCI_COMMON_MSIX, 2, true },
	{ VIRTIO_PCI_COMMON_NUMQ, 2, false },
	{ VIRTIO_PCI_COMMON_STATUS, 1, false },
	{ VIRTIO_PCI_COMMON_CFGGENERATION, 1, false },
	{ VIRTIO_PCI_COMMON_Q_SELECT, 2, true },
	{ VIRTIO_PCI_COMMON_Q_SIZE, 2, false },
	{ VIRTIO_PCI_COMMON_Q_MSIX, 2, false },
	{ VIRTIO_PCI_COMMON_Q_ENABLE, 2, false },
	{ VIRTIO_PCI_COMMON_Q_NOFF, 2, false },
	{ VIRTIO_PCI_COMMON_Q_DESCLO, 8, false },
	{ VIRTIO_PCI_COMMON_Q_AVAILLO, 8, false },
	{ VIRTIO_PCI_COMMON_Q_USEDLO, 8, false },
	{ VIRTIO_PCI_COMMON_Q_NDATA, 2, false },
	{ VIRTIO_PCI_COMMON_Q_RESET, 2, false },
	{ VIRTIO_PCI_COMMON_ADM_Q_IDX, 2, false },
	{ VIRTIO_PCI_COMMON_ADM_Q_NUM, 2, false },
};

/* The field that begins there, or NULL. */
const struct vpf_field *vpf_field_at(u32 offset)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		if (fields[i].offset == offset)
			return &fields[i];
	}
	return NULL;
}

static u64 get_queue(const struct vpf_queue *q, u32 offset)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return q->size;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		return q->vector;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		return q->enabled;
	case VIRTIO_PCI_COMMON_Q_NOFF:
		return q->notify_off;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
		return q->desc;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
		return q->driver;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		return q->device;
	case VIRTIO_PCI_COMMON_Q_NDATA:
		return q->notify_data;
	default:
		return 0;
	}
}

static u32 window(u64 features, u32 select)
{
	return select < 2 ? features >> 32 * select : 0;
}

/* What the field at @offset shows in that state of the device. */
u64 vpf_common_get(struct vpf_fn *fn, struct vpf_state *st, u32 offset)
{
	struct vpf_queue *q;

	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		return st->dfsel;
	case VIRTIO_PCI_COMMON_DF:
		return window(fn->features, st->dfsel);
	case VIRTIO_PCI_COMMON_GFSELECT:
		return st->gfsel;
	case VIRTIO_PCI_COMMON_GF:
		return window(st->features, st->gfsel);
	case VIRTIO_PCI_COMMON_MSIX:
		return st->vector;
	case VIRTIO_PCI_COMMON_NUMQ:
		return fn->nq;
	case VIRTIO_PCI_COMMON_STATUS:
		return st->status;
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return fn->generation;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		return st->qsel;
	case VIRTIO_PCI_COMMON_ADM_Q_IDX:
		return fn->nr ? 0 : VPF_AVQ;
	case VIRTIO_PCI_COMMON_ADM_Q_NUM:
		return !fn->nr;
	default:
		q = vpf_queue_at(fn, st, st->qsel);
		return q ? get_queue(q, offset) : 0;
	}
}

static u64 read_common(struct vpf_fn *fn, unsigned int at)
{
	switch (at) {
	case VIRTIO_PCI_COMMON_Q_DESCHI:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return vpf_common_get(fn, &fn->st, at - 4) >> 32;
	default:
		return vpf_common_get(fn, &fn->st, at);
	}
}

static u64 half(u64 old, bool high, u32 value)
{
	return high ? (u32)old | (u64)value << 32 :
		      (old & ~(u64)U32_MAX) | value;
}

static void write_status(struct vpf_fn *fn, u8 status)
{
	struct vpf_state *st = &fn->st;

	if (!status) {
		vpf_reset(fn);
		return;
	}
	status &= VPF_STATUS_BITS;
	if (!(st->status & VIRTIO_CONFIG_S_FEATURES_OK) &&
	    !vpf_features_valid(fn, st->features))
		status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	st->status = status | (st->status & VIRTIO_CONFIG_S_NEEDS_RESET);
	vpf_kick(fn);
}

static void write_address(struct vpf_queue *q, unsigned int at, u32 value)
{
	bool high = at & 4;

	switch (at & ~4U) {
	case VIRTIO_PCI_COMMON_Q_DESCLO:
		q->desc = half(q->desc, high, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
		q->driver = half(q->driver, high, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		q->device = half(q->device, high, value);
		break;
	}
}

static void write_queue(struct vpf_fn *fn, unsigned int at, u32 value)
{
	struct vpf_queue *q = vpf_queue_at(fn, &fn->st, fn->st.qsel);

	if (!q)
		return;
	switch (at) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		if (vpf_size_valid(value) && !q->enabled)
			q->size = value;
		break;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		q->vector = value < vpf_nr_vectors(fn) ? value :
							 VIRTIO_MSI_NO_VECTOR;
		break;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		if (value == 1 && !q->enabled) {
			q->enabled = 1;
			q->next = 0;
			q->used = 0;
		}
		break;
	case VIRTIO_PCI_COMMON_Q_RESET:
		if (value == 1 && vpf_has(&fn->st, VIRTIO_F_RING_RESET))
			vpf_queue_reset(q, fn->st.qsel);
		break;
	default:
		write_address(q, at, value);
	}
}

static void write_common(struct vpf_fn *fn, unsigned int at, u32 value)
{
	struct vpf_state *st = &fn->st;

	switch (at) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		st->dfsel = value;
		break;
	case VIRTIO_PCI_COMMON_GFSELECT:
		st->gfsel = value;
		break;
	case VIRTIO_PCI_COMMON_GF:
		if (st->gfsel < 2 &&
		    !(st->status & VIRTIO_CONFIG_S_FEATURES_OK))
			st->features = half(st->features, st->gfsel, value) &
				       fn->features;
		break;
	case VIRTIO_PCI_COMMON_MSIX:
		st->vector = value < vpf_nr_vectors(fn) ? value :
							  VIRTIO_MSI_NO_VECTOR;
		break;
	case VIRTIO_PCI_COMMON_STATUS:
		write_status(fn, value);
		break;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		st->qsel = value;
		break;
	default:
		write_queue(fn, at, value);
	}
}

/* struct virtio_net_config of the function. */
static u64 read_device(struct vpf_fn *fn, unsigned int at, unsigned int size)
{
	const struct vpf_net *net = &fn->st.net;
	struct virtio_net_config config = {
		.max_virtqueue_pairs = (__force __virtio16)
			cpu_to_le16(fn->nr ? vpf_nr_pairs : 1),
		.mtu = (__force __virtio16)cpu_to_le16(ETH_DATA_LEN),
		.speed = cpu_to_le32(SPEED_UNKNOWN),
		.duplex = DUPLEX_UNKNOWN,
		.rss_max_key_size = VPF_RSS_KEY,
		.rss_max_indirection_table_length =
			cpu_to_le16(VPF_RSS_ENTRIES),
		.supported_hash_types = cpu_to_le32(VPF_HASH_TYPES),
	};
	u64 value = 0;

	memcpy(config.mac, net->mac, ETH_ALEN);
	config.status = (__force __virtio16)
		cpu_to_le16((fn->link ? VIRTIO_NET_S_LINK_UP : 0) |
			    (net->announce ? VIRTIO_NET_S_ANNOUNCE : 0));
	if (at + size <= sizeof(config))
		memcpy(&value, (u8 *)&config + at, size);
	return value;
}

static u64 read_locked(struct vpf_fn *fn, unsigned int at, unsigned int size)
{
	u8 isr = fn->isr;

	if (at >= VPF_BAR_MSIX)
		return read_msix(fn, at - VPF_BAR_MSIX, size);
	if (at >= VPF_BAR_NOTIFY)
		return 0;
	if (at >= VPF_BAR_DEVICE)
		return read_device(fn, at - VPF_BAR_DEVICE, size);
	if (at >= VPF_BAR_ISR) {
		if (at == VPF_BAR_ISR)
			fn->isr = 0;
		return at == VPF_BAR_ISR ? isr : 0;
	}
	return read_common(fn, at);
}

static unsigned long read_bar(void *priv, unsigned int at, int size)
{
	struct vpf_fn *fn = priv;
	unsigned long flags;
	u64 value;

	raw_spin_lock_irqsave(&vpf_lock, flags);
	value = read_locked(fn, at, size);
	raw_spin_unlock_irqrestore(&vpf_lock, flags);
	return value;
}

/* A notification makes the device look at all queues, whichever it names. */
static void write_bar(void *priv, unsigned int at, int size, unsigned long value)
{
	struct vpf_fn *fn = priv;
	unsigned long flags;

	raw_spin_lock_irqsave(&vpf_lock, flags);
	if (at >= VPF_BAR_MSIX)
		write_msix(fn, at - VPF_BAR_MSIX, size, value);
	else if (at >= VPF_BAR_NOTIFY)
		vpf_kick(fn);
	else if (at < VPF_COMMON_LEN)
		write_common(fn, at, value);
	raw_spin_unlock_irqrestore(&vpf_lock, flags);
}

const struct logic_iomem_ops vpf_bar_ops = {
	.read = read_bar,
	.write = write_bar,
};
