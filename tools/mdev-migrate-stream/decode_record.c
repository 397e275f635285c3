// SPDX-License-Identifier: GPL-2.0-only
/* What is in the records, by their model and tag. */
#include <endian.h>
#include <errno.h>
#include <linux/mdev_migrate.h>
#include <linux/pci_regs.h>
#include <string.h>

#include <linux/mdev_migrate/config.h>

#include "decode.h"

#define CONFIG_SPACE	256
#define MSIX_ENTRY	16

uint64_t decode_le(const uint8_t *p, size_t size)
{
	uint64_t value = 0;

	while (size--)
		value = value << 8 | p[size];
	return value;
}

void decode_hex(struct json *object, const char *key, uint64_t value, int digits)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%0*llx", digits,
		 (unsigned long long)value);
	json_put_text(object, key, text);
}

static int refuse(struct mdev_migrate_msg *why, const char *record,
		  const char *what, size_t has, size_t wants)
{
	snprintf(why->text, sizeof(why->text), "%s: %s: %zu, expected %zu",
		 record, what, has, wants);
	return -EINVAL;
}

static int decode_pci_config(struct json *object, const uint8_t *data, size_t len,
			     struct mdev_migrate_msg *why)
{
	static const struct {
		const char *name;
		uint8_t offset;
		uint8_t size;
	} fields[] = {
		{ "vendor", PCI_VENDOR_ID, 2 },
		{ "device", PCI_DEVICE_ID, 2 },
		{ "command", PCI_COMMAND, 2 },
		{ "status", PCI_STATUS, 2 },
		{ "revision", PCI_REVISION_ID, 1 },
		{ "class", PCI_CLASS_PROG, 3 },
		{ "bar0", PCI_BASE_ADDRESS_0, 4 },
		{ "bar1", PCI_BASE_ADDRESS_1, 4 },
		{ "bar2", PCI_BASE_ADDRESS_2, 4 },
		{ "bar3", PCI_BASE_ADDRESS_3, 4 },
		{ "bar4", PCI_BASE_ADDRESS_4, 4 },
		{ "bar5", PCI_BASE_ADDRESS_5, 4 },
		{ "subsystem_vendor", PCI_SUBSYSTEM_VENDOR_ID, 2 },
		{ "subsystem", PCI_SUBSYSTEM_ID, 2 },
		{ "interrupt_line", PCI_INTERRUPT_LINE, 1 },
	};
	size_t i;

	if (len != CONFIG_SPACE)
		return refuse(why, "PCI_CONFIG", "bytes", len, CONFIG_SPACE);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		decode_hex(object, fields[i].name,
			   decode_le(data + fields[i].offset, fields[i].size),
			   2 * fields[i].size);
	return 0;
}

static int decode_msix(struct json *object, const uint8_t *data, size_t len,
		       struct mdev_migrate_msg *why)
{
	const size_t head = sizeof(struct mdev_migrate_pci_msix);
	struct json *vectors = json_new_array();
	size_t nr, i, size;

	json_put(object, "vectors", vectors);
	if (len < head)
		return refuse(why, "PCI_MSIX", "bytes", len, head);
	nr = decode_le(data, 2);
	size = head + nr * MSIX_ENTRY + (nr + 63) / 64 * 8;
	if (len != size)
		return refuse(why, "PCI_MSIX", "bytes", len, size);
	for (i = 0; i < nr; i++) {
		const uint8_t *entry = data + head + i * MSIX_ENTRY;
		const uint8_t *pending = data + head + nr * MSIX_ENTRY + i / 8;
		struct json *vector = json_new_object();

		decode_hex(vector, "address", decode_le(entry, 8), 0);
		decode_hex(vector, "data", decode_le(entry + 8, 4), 0);
		json_put_bool(vector, "masked", entry[12] & 1);
		json_put_bool(vector, "pending", *pending >> (i % 8) & 1);
		json_add(vectors, vector);
	}
	return 0;
}

static struct json *decode_bar(const struct mdev_migrate_pci_layout_bar *bar, int nr)
{
	struct json *object = json_new_object();

	json_put_number(object, "number", nr);
	json_put_number(object, "size", le64toh(bar->size));
	json_put_bool(object, "64bit", bar->type & PCI_BASE_ADDRESS_MEM_TYPE_64);
	json_put_bool(object, "prefetchable",
		      bar->type & PCI_BASE_ADDRESS_MEM_PREFETCH);
	return object;
}

static struct json *decode_cap(uint16_t cap)
{
	struct json *object = json_new_object();

	decode_hex(object, "id", cap & 0xff, 2);
	decode_hex(object, "at", cap >> 8, 2);
	return object;
}

static int decode_layout(struct json *object, const uint8_t *data, size_t len,
			 struct mdev_migrate_msg *why)
{
	struct mdev_migrate_pci_layout layout;
	struct json *bars = json_new_array(), *caps = json_new_array();
	int i;

	json_put(object, "bars", bars);
	json_put(object, "capabilities", caps);
	if (len != sizeof(layout))
		return refuse(why, "PCI_LAYOUT", "bytes", len, sizeof(layout));
	memcpy(&layout, data, sizeof(layout));
	decode_hex(object, "vendor", le16toh(layout.vendor), 4);
	decode_hex(object, "device", le16toh(layout.device), 4);
	decode_hex(object, "subsystem_vendor", le16toh(layout.subsystem_vendor), 4);
	decode_hex(object, "subsystem", le16toh(layout.subsystem_device), 4);
	decode_hex(object, "revision", le32toh(layout.class) & 0xff, 2);
	decode_hex(object, "class", le32toh(layout.class) >> 8, 6);
	json_put_number(object, "vectors", le16toh(layout.nr_vectors));
	json_put_number(object, "interrupt_pin", layout.interrupt_pin);
	for (i = 0; i < 6; i++) {
		if (layout.bars[i].size)
			json_add(bars, decode_bar(&layout.bars[i], i));
	}
	if (layout.nr_caps > MDEV_MIGRATE_PCI_LAYOUT_CAPS)
		return refuse(why, "PCI_LAYOUT", "capabilities", layout.nr_caps,
			      MDEV_MIGRATE_PCI_LAYOUT_CAPS);
	for (i = 0; i < layout.nr_caps; i++)
		json_add(caps, decode_cap(le16toh(layout.caps[i])));
	return 0;
}

static int decode_pages(struct json *object, const uint8_t *data, size_t len,
			struct mdev_migrate_msg *why)
{
	struct mdev_migrate_pages pages;
	uint32_t zeros;

	if (len < sizeof(pages))
		return refuse(why, "pages", "bytes", len, sizeof(pages));
	memcpy(&pages, data, sizeof(pages));
	zeros = le32toh(pages.zeros);
	json_put_number(object, "first_page",
			le64toh(pages.offset) / MDEV_MIGRATE_PAGE);
	json_put_number(object, "pass", le32toh(pages.pass));
	json_put_number(object, "pages", zeros ? zeros :
			(len - sizeof(pages)) / MDEV_MIGRATE_PAGE);
	json_put_bool(object, "zero", zeros);
	return 0;
}

static int decode_spoilt(struct json *object, const uint8_t *data, size_t len,
			 struct mdev_migrate_msg *why)
{
	return len ? refuse(why, "PATTERN_SPOILT", "bytes", len, 0) : 0;
}

/* All of them are numbers of 16 bits. */
static int decode_bochs(struct json *object, const uint8_t *data, size_t len,
			struct mdev_migrate_msg *why)
{
	static const char * const names[] = {
		"xres", "yres", "bpp", "enable", "bank", "virt_width",
		"virt_height", "x_offset", "y_offset",
	};
	struct mdev_migrate_bochs_registers regs;
	size_t i;

	if (len != sizeof(regs))
		return refuse(why, "BOCHS_REGISTERS", "bytes", len, sizeof(regs));
	memcpy(&regs, data, sizeof(regs));
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(names[i], "enable"))
			decode_hex(object, names[i], le16toh(regs.vbe[i]), 4);
		else
			json_put_number(object, names[i], le16toh(regs.vbe[i]));
	}
	json_put_bool(object, "big_endian", regs.big_endian);
	return 0;
}

#define BOCHS_DISPLAY	"https://mdev-migrate.org/devices/bochs-display"
#define PATTERN		"https://mdev-migrate.org/devices/pattern"
#define VIRTIO_NET	"https://mdev-migrate.org/devices/virtio-net"

/* From MDEV_MIGRATE_TAG_MODELS on a tag is what the model says that it is. */
static const struct kind {
	const char *model;
	const char *name;
	uint32_t tag;
	int (*decode)(struct json *object, const uint8_t *data, size_t len,
		      struct mdev_migrate_msg *why);
} kinds[] = {
	{ NULL, "PCI_CONFIG", MDEV_MIGRATE_TAG_PCI_CONFIG, decode_pci_config },
	{ NULL, "PCI_MSIX", MDEV_MIGRATE_TAG_PCI_MSIX, decode_msix },
	{ NULL, "PCI_LAYOUT", MDEV_MIGRATE_TAG_PCI_LAYOUT, decode_layout },
	{ PATTERN, "PATTERN_PAGES", MDEV_MIGRATE_TAG_PATTERN_PAGES,
	  decode_pages },
	{ PATTERN, "PATTERN_SPOILT", MDEV_MIGRATE_TAG_PATTERN_SPOILT,
	  decode_spoilt },
	{ BOCHS_DISPLAY, "BOCHS_REGISTERS", MDEV_MIGRATE_TAG_BOCHS_REGISTERS,
	  decode_bochs },
	{ BOCHS_DISPLAY, "BOCHS_PAGES", MDEV_MIGRATE_TAG_BOCHS_PAGES,
	  decode_pages },
	{ VIRTIO_NET, "VIRTIO_PARTS", MDEV_MIGRATE_TAG_VIRTIO_PARTS,
	  decode_virtio_parts },
	{ VIRTIO_NET, "VIRTIO_ISR", MDEV_MIGRATE_TAG_VIRTIO_ISR,
	  decode_virtio_isr },
	{ VIRTIO_NET, "VIRTIO_NET", MDEV_MIGRATE_TAG_VIRTIO_NET,
	  decode_virtio_net },
	{ VIRTIO_NET, "VIRTIO_NET_OFFLOADS", MDEV_MIGRATE_TAG_VIRTIO_NET_OFFLOADS,
	  decode_virtio_net_offloads },
};

static const struct kind *find_kind(const char *model, uint32_t tag)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct kind *kind = &kinds[i];

		if (kind->tag == tag &&
		    (!kind->model || (model && !strcmp(kind->model, model))))
			return kind;
	}
	return NULL;
}

/* What the record is called in this model's streams, NULL if that is not known. */
const char *decode_name(const char *model, uint32_t tag)
{
	const struct kind *kind = find_kind(model, tag);

	return kind ? kind->name : NULL;
}

int decode_record(struct json *object, const char *model, uint32_t tag,
		  const void *data, size_t len, struct mdev_migrate_msg *why)
{
	return find_kind(model, tag)->decode(object, data, len, why);
}
