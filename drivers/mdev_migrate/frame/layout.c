// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI_LAYOUT: what of a PCI function is the same on both sides. A device that sends
 * gigabytes in advance sends it before these, so that a destination with another
 * function does not refuse at their end only, when PCI_CONFIG comes.
 */
#include <linux/pci_regs.h>
#include <linux/slab.h>

#include "frame.h"

static u8 bar_type(const struct mdev_migrate_pci_bar *bar)
{
	if (bar->is_io)
		return PCI_BASE_ADDRESS_SPACE_IO;
	return (bar->is_64bit ? PCI_BASE_ADDRESS_MEM_TYPE_64 : 0) |
	       (bar->prefetchable ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0);
}

static void get_bars(const struct mdev_migrate_pci_desc *desc,
		     struct mdev_migrate_pci_layout *layout)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(layout->bars); i++) {
		if (!desc->bars[i].size)
			continue;
		layout->bars[i].size = cpu_to_le64(desc->bars[i].size);
		layout->bars[i].type = bar_type(&desc->bars[i]);
	}
}

static void get_caps(const u8 *cfg, struct mdev_migrate_pci_layout *layout)
{
	u8 pos = cfg[PCI_CAPABILITY_LIST] & ~3;
	unsigned int n = 0;

	while (pos >= PCI_STD_HEADER_SIZEOF && n < ARRAY_SIZE(layout->caps)) {
		layout->caps[n++] = cpu_to_le16(cfg[pos + PCI_CAP_LIST_ID] |
						pos << 8);
		pos = cfg[pos + PCI_CAP_LIST_NEXT] & ~3;
	}
	layout->nr_caps = n;
}

/* The ids and the class are in the stream as in configuration space. */
static void get_layout(struct mdev_migrate_pci *pci,
		       struct mdev_migrate_pci_layout *layout)
{
	const struct mdev_migrate_pci_desc *desc = mdev_migrate_pci_desc(pci);
	u8 cfg[PCI_CFG_SPACE_SIZE];

	mdev_migrate_pci_get(pci, 0, cfg, sizeof(cfg));
	*layout = (struct mdev_migrate_pci_layout) {};
	memcpy(&layout->vendor, cfg + PCI_VENDOR_ID, 2);
	memcpy(&layout->device, cfg + PCI_DEVICE_ID, 2);
	memcpy(&layout->subsystem_vendor, cfg + PCI_SUBSYSTEM_VENDOR_ID, 2);
	memcpy(&layout->subsystem_device, cfg + PCI_SUBSYSTEM_ID, 2);
	memcpy(&layout->class, cfg + PCI_CLASS_REVISION, 4);
	layout->interrupt_pin = cfg[PCI_INTERRUPT_PIN];
	layout->nr_vectors = cpu_to_le16(desc->msix_vectors);
	get_bars(desc, layout);
	get_caps(cfg, layout);
}

/**
 * mdm_layout_put - put PCI_LAYOUT
 * @mdm: the device, open
 * @writer: where to
 *
 * Return: 0 or a negative errno.
 */
int mdm_layout_put(struct mdev_migrate_device *mdm,
		   struct mdev_migrate_writer *writer)
{
	struct mdev_migrate_pci_layout layout;

	get_layout(mdm->pci, &layout);
	return mdev_migrate_put(writer, MDEV_MIGRATE_TAG_PCI_LAYOUT,
				MDEV_MIGRATE_RECORD_OPTIONAL, &layout,
				sizeof(layout));
}

#define AT(_member)	offsetof(struct mdev_migrate_pci_layout, _member)

static const struct {
	const char *name;
	u8 offset;
	u8 size;
} fields[] = {
	{ "the vendor id", AT(vendor), 2 },
	{ "the device id", AT(device), 2 },
	{ "the subsystem's vendor id", AT(subsystem_vendor), 2 },
	{ "the subsystem id", AT(subsystem_device), 2 },
	{ "class and revision", AT(class), 4 },
	{ "the number of MSI-X vectors", AT(nr_vectors), 2 },
	{ "the interrupt pin", AT(interrupt_pin), 1 },
	{ "the number of capabilities", AT(nr_caps), 1 },
};

static u32 get_field(const struct mdev_migrate_pci_layout *layout,
		     unsigned int i)
{
	__le32 value = 0;

	memcpy(&value, (const u8 *)layout + fields[i].offset, fields[i].size);
	return le32_to_cpu(value);
}

static int compare_fields(const struct mdev_migrate_pci_layout *theirs,
			  const struct mdev_migrate_pci_layout *ours,
			  struct mdev_migrate_msg *why)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		if (get_field(theirs, i) != get_field(ours, i))
			return mdm_say(why, -EINVAL,
				       "PCI_LAYOUT: %s is 0x%0*x at the source, 0x%0*x here",
				       fields[i].name, 2 * fields[i].size,
				       get_field(theirs, i), 2 * fields[i].size,
				       get_field(ours, i));
	}
	return 0;
}

static int compare_bars(const struct mdev_migrate_pci_layout *theirs,
			const struct mdev_migrate_pci_layout *ours,
			struct mdev_migrate_msg *why)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ours->bars); i++) {
		const struct mdev_migrate_pci_layout_bar *a = &theirs->bars[i];
		const struct mdev_migrate_pci_layout_bar *b = &ours->bars[i];

		if (a->size != b->size || a->type != b->type)
			return mdm_say(why, -EINVAL,
				       "PCI_LAYOUT: BAR %u has 0x%llx bytes of type 0x%x at the source, 0x%llx of type 0x%x here",
				       i, le64_to_cpu(a->size), a->type,
				       le64_to_cpu(b->size), b->type);
	}
	return 0;
}

static int compare_caps(const struct mdev_migrate_pci_layout *theirs,
			const struct mdev_migrate_pci_layout *ours,
			struct mdev_migrate_msg *why)
{
	unsigned int i;

	for (i = 0; i < ours->nr_caps; i++) {
		u16 a = le16_to_cpu(theirs->caps[i]);
		u16 b = le16_to_cpu(ours->caps[i]);

		if (a != b)
			return mdm_say(why, -EINVAL,
				       "PCI_LAYOUT: capability %u is 0x%02x at 0x%02x at the source, 0x%02x at 0x%02x here",
				       i, a & 0xff, a >> 8, b & 0xff, b >> 8);
	}
	return 0;
}

/**
 * mdm_layout_check - is it this device's PCI_LAYOUT?
 * @mdm: the device, open; not touched
 * @data: the payload
 * @length: its length
 * @why: filled on error
 *
 * Return: 0; -EMSGSIZE if @length is not right; -EINVAL.
 */
int mdm_layout_check(struct mdev_migrate_device *mdm, const void *data,
		     size_t length, struct mdev_migrate_msg *why)
{
	struct mdev_migrate_pci_layout theirs, ours;
	int ret;

	if (length != sizeof(theirs))
		return mdm_say(why, -EMSGSIZE,
			       "PCI_LAYOUT: the source has %zu bytes, this device has %zu",
			       length, sizeof(theirs));
	memcpy(&theirs, data, sizeof(theirs));
	get_layout(mdm->pci, &ours);
	ret = compare_fields(&theirs, &ours, why);
	if (!ret)
		ret = compare_bars(&theirs, &ours, why);
	if (!ret)
		ret = compare_caps(&theirs, &ours, why);
	/* All that has a meaning is the same. */
	if (!ret && memcmp(&theirs, &ours, sizeof(ours)))
		ret = mdm_say(why, -EINVAL,
			      "PCI_LAYOUT: the source has set bytes that must be zero");
	return ret;
}
