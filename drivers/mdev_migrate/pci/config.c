// SPDX-License-Identifier: GPL-2.0-only
/* PCI configuration space: made from a description, masked writes. */
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "pci.h"

/**
 * mdev_migrate_pci_create - a device's PCI function, which is not described yet
 * @ops: what its driver does
 * @context: what @ops get
 *
 * Context: May sleep.
 * Return: the function, for mdev_migrate_pci_destroy(), or NULL.
 */
struct mdev_migrate_pci *
mdev_migrate_pci_create(const struct mdev_migrate_pci_ops *ops, void *context)
{
	struct mdev_migrate_pci *pci;

	if (WARN_ON(!ops->bar_read || !ops->bar_write ||
		    !ops->worker_create != !ops->worker_queue ||
		    !ops->worker_create != !ops->worker_destroy))
		return NULL;
	pci = kzalloc_obj(*pci, GFP_KERNEL_ACCOUNT);
	if (!pci)
		return NULL;
	pci->ops = ops;
	pci->context = context;
	spin_lock_init(&pci->lock);
	mutex_init(&pci->irqs.set_lock);
	mutex_init(&pci->irqs.signal_lock);
	spin_lock_init(&pci->irqs.lock);
	return pci;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_create);

/**
 * mdev_migrate_pci_destroy - undo mdev_migrate_pci_create()
 * @pci: the function; the device is closed
 */
void mdev_migrate_pci_destroy(struct mdev_migrate_pci *pci)
{
	mutex_destroy(&pci->irqs.signal_lock);
	mutex_destroy(&pci->irqs.set_lock);
	kfree(pci);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_destroy);

/**
 * mdm_pci_forget - the device was closed: it is described anew when it is opened
 * @pci: its PCI function, which nobody accesses
 */
void mdm_pci_forget(struct mdev_migrate_pci *pci)
	__context_unsafe(/* nobody accesses it */)
{
	memset(&pci->desc, 0, sizeof(pci->desc));
	memset(pci->cfg, 0, sizeof(pci->cfg));
	memset(pci->wmask, 0, sizeof(pci->wmask));
	memset(pci->reset_cfg, 0, sizeof(pci->reset_cfg));
	pci->msi_cap = 0;
	pci->msix_cap = 0;
	kfree(pci->table);
	pci->table = NULL;
	kfree(pci->regions);
	pci->regions = NULL;
	pci->nr_regions = 0;
}

static void put8(u8 *p, unsigned int offset, u8 value)
{
	p[offset] = value;
}

static void put16(u8 *p, unsigned int offset, u16 value)
{
	put_unaligned_le16(value, p + offset);
}

static void put32(u8 *p, unsigned int offset, u32 value)
{
	put_unaligned_le32(value, p + offset);
}

static void init_ids(struct mdev_migrate_pci *pci)
	__context_unsafe(/* being made */)
{
	const struct mdev_migrate_pci_desc *desc = &pci->desc;

	put16(pci->cfg, PCI_VENDOR_ID, desc->vendor);
	put16(pci->cfg, PCI_DEVICE_ID, desc->device);
	put8(pci->cfg, PCI_REVISION_ID, desc->revision);
	put8(pci->cfg, PCI_CLASS_PROG, desc->class);
	put16(pci->cfg, PCI_CLASS_DEVICE, desc->class >> 8);
	put16(pci->cfg, PCI_SUBSYSTEM_VENDOR_ID, desc->subsystem_vendor);
	put16(pci->cfg, PCI_SUBSYSTEM_ID, desc->subsystem_device);
	put8(pci->cfg, PCI_INTERRUPT_PIN, desc->intx ? 1 : 0);

	put16(pci->wmask, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
	      PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
	      PCI_COMMAND_INTX_DISABLE);
	put8(pci->wmask, PCI_CACHE_LINE_SIZE, 0xff);
	put8(pci->wmask, PCI_INTERRUPT_LINE, 0xff);
}

static bool io_bar_ok(const struct mdev_migrate_pci_bar *bar)
{
	return bar->size >= 4 && bar->size <= SZ_64K && !bar->is_64bit &&
	       !bar->prefetchable && !bar->can_mmap;
}

static bool memory_bar_ok(const struct mdev_migrate_pci_bar *bar,
			  unsigned int i)
{
	return bar->size >= 16 && bar->size <= MDM_INDEX_TO_OFFSET(1) &&
	       (bar->is_64bit ? i + 1 < PCI_STD_NUM_BARS && !bar[1].size :
				bar->size <= SZ_2G);
}

static bool bar_ok(const struct mdev_migrate_pci *pci, unsigned int i)
{
	const struct mdev_migrate_pci_desc *desc = &pci->desc;
	const struct mdev_migrate_pci_bar *bar = &desc->bars[i];

	if (!bar->size)
		return true;
	if (!is_power_of_2(bar->size) ||
	    !(bar->is_io ? io_bar_ok(bar) : memory_bar_ok(bar, i)))
		return false;
	if (!bar->can_mmap)
		return !bar->nr_areas;
	return pci->ops->bar_mmap &&
	       !(desc->msix_vectors && i == desc->msix_bar) &&
	       mdm_areas_ok(bar->areas, bar->nr_areas, bar->size);
}

static u32 bar_bits(const struct mdev_migrate_pci_bar *bar)
{
	if (bar->is_io)
		return PCI_BASE_ADDRESS_SPACE_IO;
	return (bar->is_64bit ? PCI_BASE_ADDRESS_MEM_TYPE_64 : 0) |
	       (bar->prefetchable ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0);
}

static int init_bars(struct mdev_migrate_pci *pci)
	__context_unsafe(/* being made */)
{
	unsigned int i, reg;

	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		const struct mdev_migrate_pci_bar *bar = &pci->desc.bars[i];
		u64 mask = ~(bar->size - 1);

		if (WARN_ON(!bar_ok(pci, i)))
			return -EINVAL;
		if (!bar->size)
			continue;
		reg = PCI_BASE_ADDRESS_0 + 4 * i;
		put32(pci->cfg, reg, bar_bits(bar));
		put32(pci->wmask, reg, mask);
		if (bar->is_io)
			pci->wmask[PCI_COMMAND] |= PCI_COMMAND_IO;
		if (bar->is_64bit)
			put32(pci->wmask, reg + 4, mask >> 32);
	}
	return 0;
}

/* The capability has 32 bits for where the pending bits are. */
static bool msix_bar_ok(const struct mdev_migrate_pci *pci)
{
	const struct mdev_migrate_pci_desc *desc = &pci->desc;
	u64 pba;

	if (desc->msix_bar >= PCI_STD_NUM_BARS ||
	    desc->bars[desc->msix_bar].is_io)
		return false;
	pba = desc->bars[desc->msix_bar].size / 2;
	return mdm_msix_table_size(pci) <= pba && pba <= U32_MAX &&
	       desc->msix_vectors <= PCI_MSIX_FLAGS_QSIZE + 1;
}

static int init_msix(struct mdev_migrate_pci *pci)
	__context_unsafe(/* being made */)
{
	const struct mdev_migrate_pci_desc *desc = &pci->desc;
	u8 body[PCI_CAP_MSIX_SIZEOF - 2] = {}, wmask[sizeof(body)] = {};
	u32 pba;
	int ret;

	if (!desc->msix_vectors)
		return 0;
	if (WARN_ON(!msix_bar_ok(pci)))
		return -EINVAL;
	pba = desc->bars[desc->msix_bar].size / 2;
	pci->table = kzalloc(mdm_msix_table_size(pci), GFP_KERNEL_ACCOUNT);
	if (!pci->table)
		return -ENOMEM;
	mdm_msix_table_reset(pci);

	put16(body, PCI_MSIX_FLAGS - 2, desc->msix_vectors - 1);
	put32(body, PCI_MSIX_TABLE - 2, desc->msix_bar);
	put32(body, PCI_MSIX_PBA - 2, pba | desc->msix_bar);
	put16(wmask, PCI_MSIX_FLAGS - 2,
	      PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	ret = mdev_migrate_pci_add_cap(pci, PCI_CAP_ID_MSIX, body, wmask,
				       sizeof(body));
	if (ret < 0)
		return ret;
	pci->msix_cap = ret;
	return 0;
}

/**
 * mdev_migrate_pci_init - describe the PCI function
 * @pci: the device's PCI function
 * @desc: the description; copied
 *
 * Makes the header and, if there are vectors, the MSI-X and MSI capabilities.
 *
 * Context: While the device is being opened, once, before any capability.
 * Return: 0, -EINVAL for a description that cannot be, -ENOMEM.
 */
int mdev_migrate_pci_init(struct mdev_migrate_pci *pci,
			  const struct mdev_migrate_pci_desc *desc)
	__context_unsafe(/* being made */)
{
	int ret;

	pci->desc = *desc;
	init_ids(pci);
	ret = init_bars(pci);
	if (ret)
		return ret;
	pci->last_cap = PCI_CAPABILITY_LIST;
	pci->next_cap = PCI_STD_HEADER_SIZEOF;
	memcpy(pci->reset_cfg, pci->cfg, sizeof(pci->cfg));
	ret = init_msix(pci);
	return ret ? ret : mdm_msi_init(pci);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_init);

/**
 * mdev_migrate_pci_add_cap - append a capability
 * @pci: the device's PCI function
 * @id: PCI_CAP_ID_*
 * @body: what follows the id and the next pointer
 * @wmask: bits of @body that the guest can change, or NULL for none
 * @len: length of @body
 *
 * Context: While the device is being opened, after mdev_migrate_pci_init().
 * Return: the capability's offset, or -ENOSPC.
 */
int mdev_migrate_pci_add_cap(struct mdev_migrate_pci *pci, u8 id,
			     const void *body, const void *wmask, size_t len)
	__context_unsafe(/* being made */)
{
	unsigned int at = pci->next_cap;

	if (at + 2 + len > PCI_CFG_SPACE_SIZE)
		return -ENOSPC;
	pci->cfg[at + PCI_CAP_LIST_ID] = id;
	memcpy(pci->cfg + at + 2, body, len);
	if (wmask)
		memcpy(pci->wmask + at + 2, wmask, len);
	pci->cfg[pci->last_cap] = at;
	pci->cfg[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	pci->last_cap = at + PCI_CAP_LIST_NEXT;
	pci->next_cap = ALIGN(at + 2 + len, 4);
	memcpy(pci->reset_cfg, pci->cfg, sizeof(pci->cfg));
	return at;
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_add_cap);

/**
 * mdev_migrate_pci_get - read configuration space
 * @pci: the PCI function of a device that is open
 * @offset: where
 * @buf: where to
 * @len: how much
 *
 * Context: Any.
 */
void mdev_migrate_pci_get(struct mdev_migrate_pci *pci, unsigned int offset,
			  void *buf, size_t len)
{
	unsigned long flags;

	if (WARN_ON(offset + len > sizeof(pci->cfg)))
		return;
	spin_lock_irqsave(&pci->lock, flags);
	memcpy(buf, pci->cfg + offset, len);
	spin_unlock_irqrestore(&pci->lock, flags);
	mdm_msi_show_pending(pci, offset, buf, len);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_get);

/**
 * mdev_migrate_pci_set - change configuration space, whatever the write mask
 * @pci: the PCI function of a device that is open
 * @offset: where
 * @buf: what
 * @len: how much
 *
 * Context: Any.
 */
void mdev_migrate_pci_set(struct mdev_migrate_pci *pci, unsigned int offset,
			  const void *buf, size_t len)
{
	unsigned long flags;

	if (WARN_ON(offset + len > sizeof(pci->cfg)))
		return;
	spin_lock_irqsave(&pci->lock, flags);
	memcpy(pci->cfg + offset, buf, len);
	spin_unlock_irqrestore(&pci->lock, flags);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_set);

/**
 * mdev_migrate_pci_command - the PCI command register
 * @pci: the PCI function of a device that is open
 *
 * Context: Any.
 * Return: its value.
 */
u16 mdev_migrate_pci_command(struct mdev_migrate_pci *pci)
{
	__le16 command;

	mdev_migrate_pci_get(pci, PCI_COMMAND, &command, sizeof(command));
	return le16_to_cpu(command);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_command);

static u16 command_of(const struct mdev_migrate_pci *pci)
{
	lockdep_assert_held(&pci->lock);
	return get_unaligned_le16(pci->cfg + PCI_COMMAND);
}

/**
 * mdm_pci_begin - begin to change configuration space
 * @pci: the device's
 * @before: filled for mdm_pci_end()
 *
 * Context: Takes @pci->lock.
 */
void mdm_pci_begin(struct mdev_migrate_pci *pci, struct mdm_pci_before *before)
	__acquires(&pci->lock)
{
	spin_lock_irqsave(&pci->lock, before->flags);
	before->command = command_of(pci);
	before->msi_mask = mdm_msi_mask(pci);
}

/**
 * mdm_pci_end - end what mdm_pci_begin() began, tell of the command register
 * @pci: the PCI function of a device that is open
 * @before: of mdm_pci_begin()
 *
 * Of two changes at the same time each is told of, in any order. So who is told
 * looks at the register, under a lock of its own, not at what it was told: who
 * comes last sees what it has become.
 *
 * Context: Lets go of the lock; may sleep.
 */
void mdm_pci_end(struct mdev_migrate_pci *pci,
		 const struct mdm_pci_before *before)
	__releases(&pci->lock)
{
	u16 command = command_of(pci);
	bool mask = mdm_msi_mask(pci) != before->msi_mask;

	spin_unlock_irqrestore(&pci->lock, before->flags);
	if (command != before->command || mask)
		mdm_irqs_config(pci);
	if (command != before->command && pci->ops->command)
		pci->ops->command(pci->context, before->command, command);
}

/**
 * mdm_pci_cfg_read - the guest reads configuration space
 * @pci: the PCI function of a device that is open
 * @offset: where, aligned to @len
 * @len: 1, 2 or 4
 *
 * Return: the value.
 */
u32 mdm_pci_cfg_read(struct mdev_migrate_pci *pci, unsigned int offset,
		     unsigned int len)
{
	__le32 value = 0;
	u32 v;

	if (pci->ops->cfg_read)
		pci->ops->cfg_read(pci->context, offset, len);
	mdev_migrate_pci_get(pci, offset, &value, len);
	v = le32_to_cpu(value);
	/* The one bit of configuration space that nobody writes. */
	if (offset <= PCI_STATUS && PCI_STATUS < offset + len &&
	    mdm_irqs_intx_level(pci))
		v |= (u32)PCI_STATUS_INTERRUPT << (8 * (PCI_STATUS - offset));
	return v;
}

/**
 * mdm_pci_cfg_write - the guest writes configuration space
 * @pci: the PCI function of a device that is open
 * @offset: where, aligned to @len
 * @len: 1, 2 or 4
 * @value: what
 */
void mdm_pci_cfg_write(struct mdev_migrate_pci *pci, unsigned int offset,
		       unsigned int len, u32 value)
{
	struct mdm_pci_before before;
	unsigned int i;

	mdm_pci_begin(pci, &before);
	for (i = 0; i < len; i++) {
		u8 mask = pci->wmask[offset + i];

		pci->cfg[offset + i] = (pci->cfg[offset + i] & ~mask) |
				       ((value >> (8 * i)) & mask);
	}
	mdm_pci_end(pci, &before);
	if (pci->ops->cfg_write)
		pci->ops->cfg_write(pci->context, offset, len);
}

/**
 * mdev_migrate_pci_reset - the function is as it was described
 * @pci: the PCI function of a device that is open
 *
 * Configuration space, the MSI-X table and pending interrupts; what userspace
 * has set up for interrupts stays.
 *
 * Context: May sleep.
 */
void mdev_migrate_pci_reset(struct mdev_migrate_pci *pci)
{
	struct mdm_pci_before before;

	/* Before they are unmasked. */
	mdm_msi_reset(pci);
	mdm_pci_begin(pci, &before);
	memcpy(pci->cfg, pci->reset_cfg, sizeof(pci->cfg));
	if (pci->table)
		mdm_msix_table_reset(pci);
	mdm_pci_end(pci, &before);
	mdm_irqs_reset(pci);
}
EXPORT_SYMBOL_GPL(mdev_migrate_pci_reset);
