/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The device state stream of mdev_migrate: what read() on the migration data
 * FD of a saving device gives and write() on that of a resuming one takes.
 *
 * The stream is a sequence of records. All integers are little-endian. See
 * Documentation/state-stream.rst for the rules.
 */
#ifndef _UAPI_LINUX_MDEV_MIGRATE_H
#define _UAPI_LINUX_MDEV_MIGRATE_H

#include <linux/types.h>

/**
 * struct mdev_migrate_record_hdr - what every record starts with
 * @tag: what the payload is, MDEV_MIGRATE_TAG_*
 * @flags: MDEV_MIGRATE_RECORD_*; other bits are zero
 * @length: bytes of payload that follow the header, may be 0
 * @crc32c: CRC-32C (Castagnoli, as in iSCSI) of @tag, @flags, @length in
 *	their stream form and of the payload; of a bulk record, of these three
 *	and of the payload's 64-bit xxhash (XXH64, seed 0) as a __le64
 */
struct mdev_migrate_record_hdr {
	__le32 tag;
	__le32 flags;
	__le32 length;
	__le32 crc32c;
};

/* A reader that does not know the tag skips the record. */
#define MDEV_MIGRATE_RECORD_OPTIONAL	(1U << 0)
/* Of its payload a digest is in the checksum: for gigabytes. */
#define MDEV_MIGRATE_RECORD_BULK	(1U << 1)
/* The payload is a part of a blob, after a struct mdev_migrate_blob. */
#define MDEV_MIGRATE_RECORD_BLOB	(1U << 2)

/* No record is longer than this; each tag has its own, lower bound. */
#define MDEV_MIGRATE_RECORD_MAX		(1U << 20)

/* Records of the stream itself. */
#define MDEV_MIGRATE_TAG_START		0x00000001
#define MDEV_MIGRATE_TAG_CONFIG		0x00000002
#define MDEV_MIGRATE_TAG_END		0x00000003
/* Records that any PCI device model has. */
#define MDEV_MIGRATE_TAG_PCI_CONFIG	0x00000010
#define MDEV_MIGRATE_TAG_PCI_MSIX	0x00000011
#define MDEV_MIGRATE_TAG_PCI_LAYOUT	0x00000012
/* From here on they are the device models'. */
#define MDEV_MIGRATE_TAG_MODELS		0x00000100
/* Records of the virtio device models. */
#define MDEV_MIGRATE_TAG_VIRTIO_PARTS	0x00000100
#define MDEV_MIGRATE_TAG_VIRTIO_ISR	0x00000101
#define MDEV_MIGRATE_TAG_VIRTIO_NET	0x00000102
#define MDEV_MIGRATE_TAG_VIRTIO_NET_OFFLOADS	0x00000103
/* Records of the pattern device model. */
#define MDEV_MIGRATE_TAG_PATTERN_PAGES	0x00000200
#define MDEV_MIGRATE_TAG_PATTERN_SPOILT	0x00000201
/* Records of the display. */
#define MDEV_MIGRATE_TAG_BOCHS_REGISTERS	0x00000300
#define MDEV_MIGRATE_TAG_BOCHS_PAGES	0x00000301

#define MDEV_MIGRATE_STREAM_MAGIC	0x474d5645444d0a1aULL /* "\x1a\nMDEVMG" */
#define MDEV_MIGRATE_STREAM_MAJOR	1
#define MDEV_MIGRATE_STREAM_MINOR	0

/**
 * struct mdev_migrate_start - payload of MDEV_MIGRATE_TAG_START
 * @magic: MDEV_MIGRATE_STREAM_MAGIC
 * @major: must equal the reader's
 * @minor: a higher one than the reader's only adds optional records
 * @reserved: zero
 *
 * Always the first record. A later minor may append fields.
 */
struct mdev_migrate_start {
	__le64 magic;
	__le16 major;
	__le16 minor;
	__le32 reserved;
};

/**
 * struct mdev_migrate_blob - what the payload of a part of a blob begins with
 * @total: bytes of the blob; the same in each of its records
 * @offset: of this part in it: 0, then where the part before it has ended
 *
 * The rest of the payload is the part. Together the records of a tag are the
 * blob; END comes when all of it has come.
 */
struct mdev_migrate_blob {
	__le64 total;
	__le64 offset;
};

/* A page of memory in the stream, whatever the host's pages are. */
#define MDEV_MIGRATE_PAGE		4096

/**
 * struct mdev_migrate_pages - what the payload of a record of pages begins with
 * @offset: of the first page in the memory, in bytes
 * @pass: 0 at first; rises when the source begins at the memory's start again. Within
 *	a pass the pages come in their order, none twice.
 * @zeros: 0, then the pages follow; or so many pages are zero, and nothing follows
 *
 * For memory that changes while it is being sent. A page that does not come is zero.
 */
struct mdev_migrate_pages {
	__le64 offset;
	__le32 pass;
	__le32 zeros;
};

/*
 * Payload of MDEV_MIGRATE_TAG_CONFIG, always the second record: the source's
 * canonical configuration string, without a terminating NUL.
 */
#define MDEV_MIGRATE_CONFIG_MAX		1024

/*
 * Payload of MDEV_MIGRATE_TAG_PCI_CONFIG: the 256 bytes of PCI configuration
 * space. What the guest cannot change must equal the destination's, but for MSI's
 * pending bits.
 */

/**
 * struct mdev_migrate_pci_msix - payload of MDEV_MIGRATE_TAG_PCI_MSIX
 * @nr_vectors: must equal the destination's
 * @reserved: zero
 * @data: the MSI-X table, 16 bytes a vector, then the pending bits, a bit a
 *	vector, in whole le64 words
 */
struct mdev_migrate_pci_msix {
	__le16 nr_vectors;
	__u8 reserved[6];
	__u8 data[];
};

/**
 * struct mdev_migrate_pci_layout_bar - a BAR in MDEV_MIGRATE_TAG_PCI_LAYOUT
 * @size: bytes, 0 for no BAR of its own
 * @type: bits 0 to 3 of the register: memory or I/O, 64-bit, prefetchable
 * @reserved: zero
 */
struct mdev_migrate_pci_layout_bar {
	__le64 size;
	__u8 type;
	__u8 reserved[7];
};

/* Capabilities of four bytes each fill the space behind the header. */
#define MDEV_MIGRATE_PCI_LAYOUT_CAPS	48

/**
 * struct mdev_migrate_pci_layout - payload of MDEV_MIGRATE_TAG_PCI_LAYOUT
 * @vendor: vendor id
 * @device: device id
 * @subsystem_vendor: subsystem vendor id
 * @subsystem_device: subsystem device id
 * @class: class code, 24 bits, and the revision in the lowest byte, as in
 *	configuration space
 * @nr_vectors: of MSI-X
 * @interrupt_pin: as in configuration space
 * @nr_caps: capabilities
 * @bars: the BARs
 * @caps: of each capability, in the order of the list, its id in the low byte
 *	and its offset in the high one; zero behind @nr_caps
 *
 * Optional, and the first record of pre-copy if there is one. All of it must
 * equal the destination's.
 */
struct mdev_migrate_pci_layout {
	__le16 vendor;
	__le16 device;
	__le16 subsystem_vendor;
	__le16 subsystem_device;
	__le32 class;
	__le16 nr_vectors;
	__u8 interrupt_pin;
	__u8 nr_caps;
	struct mdev_migrate_pci_layout_bar bars[6];
	__le16 caps[MDEV_MIGRATE_PCI_LAYOUT_CAPS];
};

/*
 * Payload of MDEV_MIGRATE_TAG_VIRTIO_PARTS: device parts as virtio 1.4 defines
 * them, a header of 16 bytes and a value each. More than so many bytes are
 * refused; that leaves room for optional parts of a later source.
 */
#define MDEV_MIGRATE_VIRTIO_PARTS_MAX	8192

/**
 * struct mdev_migrate_virtio_isr - payload of MDEV_MIGRATE_TAG_VIRTIO_ISR
 * @isr: interrupt status that the driver has not read: bit 0 a queue, bit 1 the
 *	configuration
 * @generation: config_generation
 * @reserved: zero
 */
struct mdev_migrate_virtio_isr {
	__u8 isr;
	__u8 generation;
	__u8 reserved[2];
};

/**
 * struct mdev_migrate_virtio_net - payload of MDEV_MIGRATE_TAG_VIRTIO_NET
 * @mac: the guest's address after reset, unicast
 * @status: VIRTIO_NET_S_LINK_UP as the guest could last read it
 * @broken: by queue, a bit: stopped until the device is reset
 * @reserved: zero
 */
struct mdev_migrate_virtio_net {
	__u8 mac[6];
	__le16 status;
	__le32 broken;
	__le32 reserved;
};

/**
 * struct mdev_migrate_virtio_net_offloads - payload of MDEV_MIGRATE_TAG_VIRTIO_NET_OFFLOADS
 * @offloads: those in use, as VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET has set them: virtio 1.4
 *	has no device part for that
 */
struct mdev_migrate_virtio_net_offloads {
	__le64 offloads;
};

/*
 * Payload of MDEV_MIGRATE_TAG_PATTERN_PAGES: a struct mdev_migrate_pages and pages of the
 * memory, or the page behind it, which begins with the registers.
 * MDEV_MIGRATE_TAG_PATTERN_SPOILT, without a payload, is a record that no device takes.
 */

/**
 * struct mdev_migrate_bochs_registers - payload of MDEV_MIGRATE_TAG_BOCHS_REGISTERS
 * @vbe: the registers from XRES to Y_OFFSET, by their index less one; any values
 * @big_endian: 1 if the frame buffer's byte order was set to big-endian, else 0
 * @reserved: zero
 */
struct mdev_migrate_bochs_registers {
	__le16 vbe[9];
	__u8 big_endian;
	__u8 reserved[5];
};

/*
 * Payload of MDEV_MIGRATE_TAG_BOCHS_PAGES: a struct mdev_migrate_pages and pages of the video
 * memory.
 */

/**
 * struct mdev_migrate_end - payload of MDEV_MIGRATE_TAG_END
 * @total: bytes of the stream before this record's header
 *
 * Always the last record. Nothing follows it.
 */
struct mdev_migrate_end {
	__le64 total;
};

#endif /* _UAPI_LINUX_MDEV_MIGRATE_H */
