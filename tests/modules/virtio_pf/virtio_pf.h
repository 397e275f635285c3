/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtio network card with SR-IOV whose virtual functions can be migrated, as far as
 * Linux can see: for tests of Linux's own virtio_vfio_pci, in User-mode Linux. The card's
 * owner has an administration virtqueue with the commands for device parts of virtio 1.4;
 * the functions have registers, queues, and a control queue, and send to each other.
 *
 *	main.c		the driver: host bridge, interrupt of the owner, parameters
 *	config.c	PCI configuration space
 *	regs.c		registers: common configuration, device configuration, MSI-X
 *	ring.c		split virtqueues
 *	fn.c		a function: reset, interrupts, what its queues do
 *	net.c		frames
 *	ctrl.c		the control queue's commands, and the parts that stand for them
 *	ctrl_mq.c	those of several queue pairs
 *	parts.c		device parts: writer
 *	load.c		device parts: reader
 *	admin.c		the administration virtqueue's commands
 *	objects.c	capabilities, resource objects, commands for device parts
 *	iommu.c		an IOMMU that the functions are behind
 *	debug.c		debugfs
 *
 * Reader and writer of device parts are made from the text of virtio 1.4, and share nothing
 * with those of drivers/virtio_net. Where the text leaves something open, a comment that
 * begins with "Open:" says how it is read here.
 */
#ifndef VIRTIO_PF_H
#define VIRTIO_PF_H

#include <linux/bitmap.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#define VPF_NR_VFS	4
#define VPF_NR_FNS	(1 + VPF_NR_VFS)	/* the owner is the first */
#define VPF_PAIRS	8
#define VPF_QUEUES	(2 * VPF_PAIRS + 1)
#define VPF_AVQ		VPF_QUEUES		/* of the owner only */
#define VPF_QUEUE_SIZE	256
#define VPF_BUSNR	0x40
#define VPF_SRIOV	0x100			/* in configuration space */
#define VPF_MSIX	0xd0
#define VPF_MACS	64
#define VPF_RSS_ENTRIES	128
#define VPF_RSS_KEY	40
#define VPF_BUFFER	SZ_64K			/* the longest request and answer */

/* BAR 0 */
#define VPF_BAR_SIZE	0x4000
#define VPF_BAR_ISR	0x1000
#define VPF_BAR_DEVICE	0x2000
#define VPF_BAR_NOTIFY	0x3000
#define VPF_BAR_MSIX	0x3800
#define VPF_BAR_PBA	0x3c00
#define VPF_COMMON_LEN	64

/* What there is in device_status. */
#define VPF_STATUS_BITS							\
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |		\
	 VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FEATURES_OK |	\
	 VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED)

/**
 * struct vpf_queue - a virtqueue
 * @size: registers of that name, likewise the others
 * @vector: of MSI-X
 * @enabled: 0 or 1
 * @notify_off: where it is notified
 * @notify_data: what is written there
 * @desc: descriptor area
 * @driver: driver area
 * @device: device area
 * @next: index of the next buffer to take; it is no register
 * @used: index of the next buffer to give back
 */
struct vpf_queue {
	u16 size;
	u16 vector;
	u16 enabled;
	u16 notify_off;
	u16 notify_data;
	u64 desc;
	u64 driver;
	u64 device;
	u16 next;
	u16 used;
};

/**
 * struct vpf_hash - how packets are hashed and where they go
 * @rss: VIRTIO_NET_CTRL_MQ_RSS_CONFIG was the last command that said where
 * @types: that are hashed
 * @mask: entries of @table less one
 * @unclassified: queue pair of what is not hashed
 * @table: queue pairs
 * @max_tx: transmit queues in use
 * @key_len: bytes of @key
 * @key: for the hash
 */
struct vpf_hash {
	bool rss;
	u32 types;
	u16 mask;
	u16 unclassified;
	u16 table[VPF_RSS_ENTRIES];
	u16 max_tx;
	u8 key_len;
	u8 key[VPF_RSS_KEY];
};

/**
 * struct vpf_macs - one of the two tables of addresses
 * @nr: addresses in it
 * @addr: them
 */
struct vpf_macs {
	u32 nr;
	u8 addr[VPF_MACS][ETH_ALEN];
};

/**
 * struct vpf_net - what the driver has configured through the control queue
 * @rx: modes, by command of VIRTIO_NET_CTRL_RX
 * @mac: address
 * @macs: tables of unicast and multicast addresses
 * @vlans: bit map
 * @announce: the driver is to announce itself
 * @pairs: queue pairs in use
 * @hash: of packets
 * @offloads: of VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET
 */
struct vpf_net {
	u8 rx[VIRTIO_NET_CTRL_RX_NOBCAST + 1];
	u8 mac[ETH_ALEN];
	struct vpf_macs macs[2];
	DECLARE_BITMAP(vlans, VLAN_N_VID);
	bool announce;
	u16 pairs;
	struct vpf_hash hash;
	u64 offloads;
};

/**
 * struct vpf_state - what a reset clears and what device parts carry
 * @features: that the driver accepted
 * @dfsel: device_feature_select
 * @gfsel: driver_feature_select
 * @vector: of configuration changes
 * @qsel: queue_select
 * @status: device_status
 * @q: queues
 * @net: control queue
 */
struct vpf_state {
	u64 features;
	u32 dfsel;
	u32 gfsel;
	u16 vector;
	u16 qsel;
	u8 status;
	struct vpf_queue q[VPF_QUEUES + 1];
	struct vpf_net net;
};

/**
 * struct vpf_domain - an address space of the IOMMU
 * @domain: what the IOMMU core sees
 * @pages: page frame numbers by page of I/O addresses, twice, and one more if writable
 */
struct vpf_domain {
	struct iommu_domain domain;
	struct xarray pages;
};

/**
 * struct vpf_fn - a function: the owner, or a member of its group
 * @nr: 0 for the owner, else the member's identifier
 * @work: looks at the queues, and raises interrupts
 * @cfg: configuration space
 * @wmask: which of its bits can be written
 * @msix: table
 * @pending: vectors to be raised
 * @intx: the owner's interrupt is to be raised
 * @isr: register
 * @generation: of the device configuration
 * @link: up or down
 * @stopped: by VIRTIO_ADMIN_CMD_DEV_MODE_SET
 * @loaded: parts were set since; the rings' indices are not known
 * @nq: queues
 * @perm_mac: address after a reset
 * @features: that are offered
 * @identity: reaches all memory, otherwise @domain, otherwise none
 * @domain: address space
 * @why: why the last parts were refused
 * @st: everything else
 */
struct vpf_fn {
	unsigned int nr;
	struct work_struct work;
	u8 cfg[PCI_CFG_SPACE_EXP_SIZE];
	u8 wmask[PCI_CFG_SPACE_EXP_SIZE];
	u32 msix[4 * (VPF_QUEUES + 1)];
	u32 pending;
	bool intx;
	u8 isr;
	u8 generation;
	bool link;
	bool stopped;
	bool loaded;
	u16 nq;
	u8 perm_mac[ETH_ALEN];
	u64 features;
	bool identity;
	struct vpf_domain *domain;
	const char *why;
	struct vpf_state st;
};

/* Everything of all functions. Raw, as it is taken below that of PCI's configuration space. */
extern raw_spinlock_t vpf_lock;
extern struct vpf_fn vpf_fns[VPF_NR_FNS];
extern unsigned short vpf_nr_pairs;
extern bool vpf_strict;
extern bool vpf_extra;

static inline struct vpf_fn *vpf_owner(void)
{
	return &vpf_fns[0];
}

static inline bool vpf_has(const struct vpf_state *st, unsigned int feature)
{
	return st->features & BIT_ULL(feature);
}

static inline unsigned int vpf_nr_vectors(const struct vpf_fn *fn)
{
	return fn->nr ? 2 * vpf_nr_pairs + 2 : 0;
}

static inline struct vpf_queue *vpf_queue_at(struct vpf_fn *fn,
					     struct vpf_state *st, u16 index)
{
	if (index < fn->nq || (!fn->nr && index == VPF_AVQ))
		return &st->q[index];
	return NULL;
}

/* main.c */
void vpf_interrupt_owner(void);

/* config.c */
extern struct pci_ops vpf_pci_ops;
void vpf_config_init(struct vpf_fn *fn);
u64 vpf_bar_address(const struct vpf_fn *fn);
unsigned int vpf_nr_members(void);

/* regs.c */
extern const struct logic_iomem_ops vpf_bar_ops;

/**
 * struct vpf_field - a field of the common configuration
 * @offset: in bytes
 * @size: in bytes
 * @writable: device parts set it: no other part stands for it
 */
struct vpf_field {
	u8 offset;
	u8 size;
	bool writable;
};

void vpf_msix_reset(struct vpf_fn *fn);
bool vpf_msix_ready(const struct vpf_fn *fn, unsigned int vector);
bool vpf_vector_valid(const struct vpf_fn *fn, u16 vector);
bool vpf_size_valid(u16 size);
bool vpf_features_valid(const struct vpf_fn *fn, u64 features);
const struct vpf_field *vpf_field_at(u32 offset);
u64 vpf_common_get(struct vpf_fn *fn, struct vpf_state *st, u32 offset);

/* ring.c */

/**
 * struct vpf_chain - a buffer that the driver offers, with what the device reads of it
 * @fn: whose
 * @q: queue
 * @head: first descriptor
 * @in_len: bytes to read; if more than VPF_BUFFER, not all of them were
 * @room: bytes to write
 */
struct vpf_chain {
	struct vpf_fn *fn;
	struct vpf_queue *q;
	u16 head;
	size_t in_len;
	size_t room;
};

bool vpf_copy_from(struct vpf_fn *fn, u64 addr, void *to, size_t len);
bool vpf_copy_to(struct vpf_fn *fn, u64 addr, const void *from, size_t len);
int vpf_chain_next(struct vpf_fn *fn, struct vpf_queue *q,
		   struct vpf_chain *chain, u8 *in);
int vpf_chain_done(struct vpf_chain *chain, const u8 *out, size_t len);
int vpf_ring_resync(struct vpf_fn *fn, struct vpf_queue *q);
bool vpf_ring_needs_interrupt(struct vpf_fn *fn, struct vpf_queue *q, u16 old);

/* fn.c */
extern u8 vpf_in[VPF_BUFFER];
void vpf_fn_init(struct vpf_fn *fn, unsigned int nr, u64 features);
void vpf_reset(struct vpf_fn *fn);
void vpf_queue_reset(struct vpf_queue *q, unsigned int index);
void vpf_raise(struct vpf_fn *fn, u16 vector, u8 isr);
void vpf_config_changed(struct vpf_fn *fn);
void vpf_broken(struct vpf_fn *fn);
bool vpf_fn_runs(const struct vpf_fn *fn);
void vpf_kick(struct vpf_fn *fn);
void vpf_set_mode(struct vpf_fn *fn, bool stopped);

/* net.c */
void vpf_net_reset(struct vpf_fn *fn, struct vpf_net *net);
void vpf_net_send(struct vpf_fn *from, unsigned int pair, const u8 *frame,
		  size_t len);
size_t vpf_net_hdr_len(const struct vpf_fn *fn);

/* ctrl.c */

/* In which way a command of the control queue travels in device parts. */
enum vpf_ctrl_part {
	VPF_PART_NONE,
	VPF_PART_LISTED,	/* a selector of the specification's table */
	VPF_PART_EXTRA,		/* it is not: the part is optional */
};

/**
 * struct vpf_ctrl - a command of the control queue
 * @class: of struct virtio_net_ctrl_hdr
 * @command: likewise
 * @feature: without which there is no such command
 * @part: how device parts have it
 * @max: bytes of the longest part
 * @set: does it, with the command's data
 * @set_part: does it, with a part's value; %NULL: the same
 * @get: writes a part's value; its length, or -1 if there is none now
 */
struct vpf_ctrl {
	u8 class;
	u8 command;
	u8 feature;
	enum vpf_ctrl_part part;
	u16 max;
	int (*set)(struct vpf_net *net, u8 command, const u8 *data, size_t len);
	int (*set_part)(struct vpf_net *net, u8 command, const u8 *data,
			size_t len);
	int (*get)(const struct vpf_state *st, u8 command, u8 *data);
};

extern const struct vpf_ctrl vpf_ctrls[];
extern const unsigned int vpf_nr_ctrls;
int vpf_ctrl_find(u8 class, u8 command);
u8 vpf_ctrl_command(struct vpf_fn *fn, const u8 *in, size_t len);

/* ctrl_mq.c */
int vpf_set_pairs(struct vpf_net *net, u8 command, const u8 *data, size_t len);
int vpf_get_pairs(const struct vpf_state *st, u8 command, u8 *data);
int vpf_set_rss(struct vpf_net *net, u8 command, const u8 *data, size_t len);
int vpf_load_rss(struct vpf_net *net, u8 command, const u8 *data, size_t len);
int vpf_get_rss(const struct vpf_state *st, u8 command, u8 *data);
int vpf_set_hash(struct vpf_net *net, u8 command, const u8 *data, size_t len);
int vpf_load_hash(struct vpf_net *net, u8 command, const u8 *data, size_t len);
int vpf_get_hash(const struct vpf_state *st, u8 command, u8 *data);

#define VPF_HASH_TYPES							\
	(VIRTIO_NET_RSS_HASH_TYPE_IPv4 | VIRTIO_NET_RSS_HASH_TYPE_TCPv4 | \
	 VIRTIO_NET_RSS_HASH_TYPE_UDPv4 | VIRTIO_NET_RSS_HASH_TYPE_IPv6 | \
	 VIRTIO_NET_RSS_HASH_TYPE_TCPv6 | VIRTIO_NET_RSS_HASH_TYPE_UDPv6)
#define VPF_RSS_MAX	(8 + 2 * VPF_RSS_ENTRIES + 3 + VPF_RSS_KEY)

/* Types of device parts. */
#define VPF_DEV_FEATURES	0x100
#define VPF_DRV_FEATURES	0x101
#define VPF_PCI_COMMON_CFG	0x102
#define VPF_DEVICE_STATUS	0x103
#define VPF_VQ_CFG		0x104
#define VPF_VQ_NOTIFY_CFG	0x105
#define VPF_CVQ_CFG		0x200
#define VPF_OPTIONAL		BIT(VIRTIO_DEV_PART_F_OPTIONAL)
#define VPF_PART_HDR		sizeof(struct virtio_dev_part_hdr)

/* parts.c */
size_t vpf_parts_get(struct vpf_fn *fn, u8 *buf, size_t size);
size_t vpf_parts_max(const struct vpf_fn *fn);
unsigned int vpf_parts_headers(const u8 *parts, size_t len, u8 *to, size_t room);
size_t vpf_parts_select(u8 *parts, size_t len, const u8 *hdrs, size_t hdrs_len);

/* load.c */
int vpf_parts_set(struct vpf_fn *fn, const u8 *parts, size_t len);

/* admin.c */

/* What a command comes to: these, or a status and VPF_Q() of a qualifier. */
#define VPF_Q(q)		((q) << 16)
#define VPF_OK			0
#define VPF_BAD_COMMAND		(EINVAL | VPF_Q(1))
#define VPF_BAD_OPCODE		(EINVAL | VPF_Q(2))
#define VPF_BAD_FIELD		(EINVAL | VPF_Q(3))
#define VPF_BAD_GROUP		(EINVAL | VPF_Q(4))
#define VPF_BAD_MEMBER		(EINVAL | VPF_Q(5))
#define VPF_STATUS(errno)	((errno) | VPF_Q(1))

/**
 * struct vpf_cmd - an administration command
 * @opcode: of it
 * @group: type
 * @fn: the member, of the group of SR-IOV
 * @data: command_specific_data, with zeroes behind
 * @len: bytes of it
 * @result: command_specific_result
 * @room: bytes there are for it
 * @result_len: bytes written
 */
struct vpf_cmd {
	u16 opcode;
	u16 group;
	struct vpf_fn *fn;
	const u8 *data;
	size_t len;
	u8 *result;
	size_t room;
	size_t result_len;
};

size_t vpf_admin(u8 *in, size_t len, u8 *out, size_t room);
void vpf_admin_reset(void);
u32 vpf_result(struct vpf_cmd *cmd, const void *data, size_t len);

/* objects.c */
void vpf_objects_reset(void);
u32 vpf_cap_list(struct vpf_cmd *cmd);
u32 vpf_cap_get(struct vpf_cmd *cmd);
u32 vpf_cap_set(struct vpf_cmd *cmd);
u32 vpf_object_create(struct vpf_cmd *cmd);
u32 vpf_object_modify(struct vpf_cmd *cmd);
u32 vpf_object_query(struct vpf_cmd *cmd);
u32 vpf_object_destroy(struct vpf_cmd *cmd);
u32 vpf_cmd_metadata(struct vpf_cmd *cmd);
u32 vpf_cmd_get(struct vpf_cmd *cmd);
u32 vpf_cmd_set(struct vpf_cmd *cmd);
u32 vpf_cmd_mode(struct vpf_cmd *cmd);

/* iommu.c */
int vpf_iommu_init(void);
void vpf_iommu_exit(void);
void *vpf_translate(struct vpf_fn *fn, u64 addr, bool write);

/* debug.c */
void vpf_debug_init(void);
void vpf_debug_exit(void);

#endif /* VIRTIO_PF_H */
