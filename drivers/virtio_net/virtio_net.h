/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtio-net device model: what its files share.
 *
 *	main.c		module, mdev parent, attributes
 *	model.c		parameters, versions, what they come to
 *	device.c	the device's life: open, reset, stop, start
 *	pci.c		PCI function, BAR dispatch
 *	common_cfg.c	the registers of the common configuration
 *	irq.c		interrupts, device status that is set from anywhere
 *	queue.c		a queue's life: activate, deactivate, break, claim
 *	ring.c		the split ring
 *	chain.c		descriptor chains
 *	ctrl.c		the control queue, its commands
 *	ctrl_state.c	save and load what the commands have set
 *	filter.c	which packets the driver wants
 *	steer.c		which queue a packet goes to; receive side scaling
 *	offload.c	packet headers: checksums and segmentation
 *	netdev.c	the host's network interface
 *	ifname.c	its name, for sysfs
 *	ethtool.c	what ethtool shows of it
 *	rx.c		host to guest
 *	tx.c		guest to host
 *	parts.c		virtio device parts, plain C
 *	state.c		save and load
 *
 * Lock order, outermost first:
 *
 *	the helper's state lock		held around most callbacks
 *	vnet->lock			registers; data path on and off
 *	vq->mutex			the right to use a ring and sleep; the
 *					control queue's before another's
 *	vq->lock			the right to use a ring without sleeping
 *	vq->reader			a section in which guest memory stays
 *	vnet->ctrl_lock			what the control queue has set
 *	vnet->irq_lock			status, ISR, link
 *	the helper's interrupt lock
 *
 * A queue's worker takes vq->mutex and what follows, never vnet->lock: so that
 * whoever holds vnet->lock can wait for it. Guest memory that is not at hand is
 * touched by workers alone, under vq->mutex: they may wait for a page for as long
 * as userspace likes. Who wants the mutex then, to turn the queue off, interrupts
 * the worker. So neither vnet->lock nor the state lock is held over such a wait.
 *
 * RTNL is taken where none of these is held but the helper's state lock, when the
 * device is opened; below RTNL only vq->lock, vq->reader and vnet->irq_lock are
 * taken, and vnet->ctrl_lock is read. Nothing that a driver does needs RTNL.
 */
#ifndef MDEV_VIRTIO_NET_H
#define MDEV_VIRTIO_NET_H

#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/mdev_migrate.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/seqlock.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/u64_stats_sync.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <linux/workqueue.h>
#include "ctrl.h"
#include "ring.h"

/* The most queue pairs, and queues with the control queue. */
#define VNET_MAX_PAIRS		8
#define VNET_MAX_QUEUES		(2 * VNET_MAX_PAIRS + 1)
/* The longest frame taken from a guest: an IP packet with a VLAN tag. */
#define VNET_MAX_FRAME		(U16_MAX + VLAN_ETH_HLEN)
/* Packets and bytes that wait for a guest's buffers or for its resumption. */
#define VNET_BACKLOG_PACKETS	1024
#define VNET_BACKLOG_BYTES	SZ_4M
/* When to try again what did not go for want of memory; twice as long each time. */
#define VNET_RETRY_MIN		msecs_to_jiffies(10)
#define VNET_RETRY_MAX		msecs_to_jiffies(1000)
/* Packets a worker handles before it lets others have the queue. */
#define VNET_BUDGET		256

/* Where things are: one page each in BAR 0, see pci.c; MSI-X in BAR 2. */
#define VNET_BAR		0
#define VNET_MSIX_BAR		2
#define VNET_REGION_SHIFT	12
#define VNET_NOTIFY_MULTIPLIER	4

/*
 * A feature that no device may offer, and so no driver accept: VIRTIO_F_BAD_FEATURE
 * of old. Stands for all that a driver sets in words that the device does not have.
 */
#define VNET_BAD_FEATURE	BIT_ULL(30)

/* The packet's header, without and with the hash. */
#define VNET_HDR_LEN		sizeof(struct virtio_net_hdr_v1)
#define VNET_HASH_HDR_LEN	sizeof(struct virtio_net_hdr_v1_hash)

/**
 * enum vnet_param - the model's parameters, in the order of their names
 * @VNET_ANNOUNCE: the guest announces itself after migration
 * @VNET_MTU: the MTU offered to the guest
 * @VNET_OFFLOADS: checksum and segmentation offloads, mergeable buffers
 * @VNET_QUEUE_PAIRS: pairs of receive and transmit queues
 * @VNET_RSS: receive side scaling
 * @VNET_RX_FILTER_SIZE: entries of the MAC table
 * @VNET_NR_PARAMS: how many
 */
enum vnet_param {
	VNET_ANNOUNCE,
	VNET_MTU,
	VNET_OFFLOADS,
	VNET_QUEUE_PAIRS,
	VNET_RSS,
	VNET_RX_FILTER_SIZE,
	VNET_NR_PARAMS,
};

/**
 * struct vnet_stats - what a queue did
 * @syncp: for readers
 * @packets: moved
 * @bytes: moved
 * @dropped: for want of buffers, memory or a driver
 * @errors: malformed, or of a wrong length
 * @length_errors: those of a wrong length
 * @filtered: not wanted by the driver, which has set a filter
 */
struct vnet_stats {
	struct u64_stats_sync syncp;
	u64_stats_t packets;
	u64_stats_t bytes;
	u64_stats_t dropped;
	u64_stats_t errors;
	u64_stats_t length_errors;
	u64_stats_t filtered;
};

/* A queue's counters, read once. */
struct vnet_counts {
	u64 packets;
	u64 bytes;
	u64 dropped;
	u64 errors;
	u64 length_errors;
	u64 filtered;
};

/**
 * enum vnet_role - what a queue is for, which depends on accepted features
 * @VNET_UNUSED: for nothing
 * @VNET_RX: host to guest
 * @VNET_TX: guest to host
 * @VNET_CTRL: control queue
 */
enum vnet_role { VNET_UNUSED, VNET_RX, VNET_TX, VNET_CTRL };

/**
 * struct vnet_vq - a queue
 * @vnet: whose
 * @index: which; even ones receive (host to guest), odd ones transmit, the
 *	control queue follows
 * @work: what its worker does for it
 * @retry: likewise, a little later
 * @reader: who uses the ring, when it touches guest memory without sleeping
 *
 * Registers. Guarded by vnet->lock; fixed while @enabled, but for @vector,
 * which interrupts read without a lock:
 *
 * @size: descriptors
 * @vector: MSI-X vector or VIRTIO_MSI_NO_VECTOR
 * @enabled: by the driver
 * @resync: take up the ring from the index in guest memory
 * @addr: IOVAs of the ring's areas
 *
 * @mutex: held to use the ring and sleep
 * @lock: held to use the ring without sleeping, while not @busy
 * @worker: its worker, while the device is open. Guarded by @lock.
 * @wanted: the ring is to be used: the worker makes it @live. Written under both
 *	vnet->lock and @lock, read under either.
 * @live: the ring may be used. Written under @mutex and @lock, read under
 *	either.
 * @busy: whoever holds @mutex uses the ring. Guarded by @lock.
 * @broken: stopped until the device is reset. Set by who uses the ring, cleared
 *	under @mutex and @lock when not @wanted.
 * @delay: until the next try, in jiffies, if the last one failed for want of
 *	memory. Guarded by @mutex.
 *
 * The ring's own, for who uses it, as is what they call:
 *
 * @role: what it is for
 * @event_idx: VIRTIO_RING_F_EVENT_IDX is negotiated
 * @indirect: VIRTIO_RING_F_INDIRECT_DESC is negotiated
 * @mergeable: VIRTIO_NET_F_MRG_RXBUF is negotiated
 * @hdr_len: bytes of a packet's header
 * @processor: where the worker made it @live
 * @signalled_valid: @signalled means something
 * @signalled: index at the last look at the driver's event index
 * @next: next available index to take, and used index to write: one number,
 *	because all chains that were taken are returned together
 * @staged: chains from @next on whose used elements are written and not yet
 *	published; they count as not taken
 * @kept: those of @staged that a rollback does not forget. Others are not left
 *	staged when the ring is let go of. What is kept is published by who uses
 *	the ring next, before it is deactivated, and by the host's interface at
 *	the end of a burst
 * @why: what is wrong with the ring
 * @maps: the ring's areas
 * @chain: the chain being worked on
 *
 * Guarded by @lock:
 *
 * @accepting: packets may be put into @backlog (receive queues)
 * @backlog: packets that wait
 * @backlog_bytes: their size in memory
 * @stats: counters
 */
struct vnet_vq {
	struct vnet *vnet;
	u16 index;
	struct kthread_work work;
	struct kthread_delayed_work retry;
	struct mdev_migrate_reader reader;

	u16 size;
	u16 vector;
	bool enabled;
	bool resync;
	u64 addr[VNET_NR_AREAS];

	/* using the ring and sleeping */
	struct mutex mutex;
	/* using the ring without sleeping; backlog, counters */
	spinlock_t lock;
	struct mdev_migrate_worker *worker __guarded_by(&lock);
	bool wanted;
	bool live;
	bool busy __guarded_by(&lock);
	bool broken;
	unsigned long delay __guarded_by(&mutex);

	enum vnet_role role;
	bool event_idx;
	bool indirect;
	bool mergeable;
	u8 hdr_len;
	unsigned int processor;
	bool signalled_valid;
	u16 signalled;
	u16 next;
	u16 staged;
	u16 kept;
	const char *why;
	struct mdev_migrate_map maps[VNET_NR_AREAS];
	struct vnet_chain chain;

	bool accepting __guarded_by(&lock);
	struct sk_buff_head backlog __guarded_by(&lock);
	unsigned int backlog_bytes __guarded_by(&lock);
	struct vnet_stats stats;
};

/**
 * struct vnet - a device
 * @mdm: the helper's part
 * @netdev: the host's network interface; from init to release
 * @vqs: VNET_MAX_QUEUES queues; from init to release
 *
 * Follow from the configuration, fixed from open to close:
 *
 * @features: the features offered
 * @max_pairs: how many queue pairs
 * @nr_queues: how many queues
 * @nr_vectors: how many MSI-X vectors
 * @window: offset of the PCI configuration access capability
 *
 * @workers: one for each queue pair, while the device is open; the control queue
 *	has the first one
 *
 * @lock: guards the registers, here and of the queues, and the data path's
 *	being on or off
 * @opened: between open and close
 * @told: the host's log says, since the device was opened, that a queue broke
 * @device_feature_select: register
 * @driver_feature_select: register
 * @driver_features: accepted by the driver, and VNET_BAD_FEATURE; fixed while a queue
 *	is live
 * @queue_select: register
 *
 * @ctrl_lock: guards @ctrl for its readers, who may be anywhere
 * @ctrl: what the driver has set through the control queue. Written by who uses
 *	the control queue or, while it is not live, under @lock.
 * @ctrl_stats: commands as packets, refused ones as errors. Written by who uses
 *	the control queue.
 * @flows: receive queue of flows plus one, or 0, by the lower bits of their
 *	symmetric hash: a hint, read and written without a lock
 *
 * @irq_lock: guards what follows
 * @running: between start and stop. Written under @lock too.
 * @config_vector: MSI-X vector of configuration changes. Likewise.
 * @status: device status. Likewise, but for VIRTIO_CONFIG_S_NEEDS_RESET.
 * @isr: interrupt status
 * @generation: of the device configuration
 * @host_up: the host's interface is up
 * @link_up: the guest sees that it is
 * @announce_due: the guest is to announce itself after the start
 * @announce: the guest sees that it is to
 * @mac: the guest's address after reset. Written under @lock too, or while the
 *	device is closed and cannot be opened.
 * @ifname: name of the host's interface
 *
 * @host_features: offloads of the host's interface. Guarded by RTNL.
 * @carrier_work: turns the interface's carrier off
 */
struct vnet {
	struct mdev_migrate_device mdm;
	struct net_device *netdev;
	struct vnet_vq *vqs;

	u64 features;
	unsigned int max_pairs;
	unsigned int nr_queues;
	unsigned int nr_vectors;
	unsigned int window;

	struct mdev_migrate_worker *workers[VNET_MAX_PAIRS];

	/* registers, data path */
	struct mutex lock;
	bool opened __guarded_by(&lock);
	bool told;
	u32 device_feature_select __guarded_by(&lock);
	u32 driver_feature_select __guarded_by(&lock);
	u64 driver_features;
	u16 queue_select __guarded_by(&lock);

	/* for readers of what the control queue has set */
	seqlock_t ctrl_lock;
	struct vnet_ctrl ctrl;
	struct vnet_stats ctrl_stats;
	u8 flows[VNET_FLOWS];

	/* what interrupts are about */
	spinlock_t irq_lock;
	bool running __guarded_by(&irq_lock);
	u16 config_vector __guarded_by(&irq_lock);
	u8 status __guarded_by(&irq_lock);
	u8 isr __guarded_by(&irq_lock);
	u8 generation __guarded_by(&irq_lock);
	bool host_up __guarded_by(&irq_lock);
	bool link_up __guarded_by(&irq_lock);
	bool announce_due __guarded_by(&irq_lock);
	bool announce __guarded_by(&irq_lock);
	u8 mac[ETH_ALEN] __guarded_by(&irq_lock);
	char ifname[IFNAMSIZ] __guarded_by(&irq_lock);

	/* the host's interface */
	netdev_features_t host_features;
	struct delayed_work carrier_work;
};

static inline struct vnet *to_vnet(struct mdev_migrate_device *mdm)
{
	return container_of(mdm, struct vnet, mdm);
}

static inline struct vnet_vq *vnet_rx_queue(struct vnet *vnet, unsigned int n)
{
	return &vnet->vqs[2 * n];
}

static inline struct vnet_vq *vnet_tx_queue(struct vnet *vnet, unsigned int n)
{
	return &vnet->vqs[2 * n + 1];
}

/* The pair that a receive or transmit queue belongs to. */
static inline unsigned int vnet_vq_pair(const struct vnet_vq *vq)
{
	return vq->index / 2;
}

/* The device status, under vnet->lock. */
static inline u8 vnet_status(const struct vnet *vnet)
{
	lockdep_assert_held(&vnet->lock);
	/* Only VIRTIO_CONFIG_S_NEEDS_RESET is set without it. */
	return context_unsafe(READ_ONCE(vnet->status));
}

/* model.c */
extern struct mdev_migrate_model vnet_model;
int vnet_model_withhold(const char *names);
bool vnet_model_accepts(u64 offered, u64 features);
u64 vnet_model_features(const struct mdev_migrate_config *config);
unsigned int vnet_model_queues(const struct mdev_migrate_config *config);

/* device.c */
extern const struct mdev_migrate_ops vnet_ops;
void vnet_reset(struct vnet *vnet);
void vnet_update(struct vnet *vnet);

/* pci.c */
int vnet_pci_init(struct vnet *vnet);
u64 vnet_bar_read(struct mdev_migrate_device *mdm, unsigned int bar, u64 offset,
		  unsigned int len);
void vnet_bar_write(struct mdev_migrate_device *mdm, unsigned int bar,
		    u64 offset, unsigned int len, u64 value);
void vnet_cfg_read(struct mdev_migrate_device *mdm, unsigned int offset,
		   unsigned int len);
void vnet_cfg_write(struct mdev_migrate_device *mdm, unsigned int offset,
		    unsigned int len);

/* ctrl.c: see ctrl.h, too */
void vnet_ctrl_run(struct vnet_vq *vq)
	__releases(&vq->mutex);

/* common_cfg.c */
unsigned int vnet_common_len(const struct vnet *vnet);
u64 vnet_common_read(struct vnet *vnet, u64 offset, unsigned int len);
void vnet_common_write(struct vnet *vnet, u64 offset, unsigned int len,
		       u64 value);

/* irq.c */
void vnet_irq_queue(struct vnet_vq *vq);
void vnet_irq_needs_reset(struct vnet *vnet);
void vnet_irq_restart(struct vnet *vnet);
u8 vnet_irq_read_isr(struct vnet *vnet);
void vnet_set_link(struct vnet *vnet, bool up);
void vnet_set_running(struct vnet *vnet, bool running);
void vnet_config_renewed(struct vnet *vnet);
void vnet_announce_ack(struct vnet *vnet);

/* queue.c */
void vnet_vq_init(struct vnet_vq *vq, struct vnet *vnet, u16 index);
unsigned int vnet_driver_pairs(const struct vnet *vnet, u64 features);
enum vnet_role vnet_vq_role(const struct vnet_vq *vq);
void vnet_vq_open(struct vnet_vq *vq, struct mdev_migrate_worker *worker);
void vnet_vq_close(struct vnet_vq *vq);
void vnet_vq_reset(struct vnet_vq *vq);
void vnet_vq_activate(struct vnet_vq *vq);
void vnet_vq_deactivate(struct vnet_vq *vq);
void vnet_vqs_deactivate(struct vnet *vnet, const unsigned long *which);
int vnet_vq_bad(struct vnet_vq *vq, const char *why);
void vnet_vq_break(struct vnet_vq *vq);
bool vnet_vq_usable(const struct vnet_vq *vq);
bool vnet_is_transient(int err);
bool vnet_vq_claim(struct vnet_vq *vq)
	__cond_acquires(true, &vq->mutex);
void vnet_vq_release(struct vnet_vq *vq)
	__releases(&vq->mutex);
void vnet_vq_finish(struct vnet_vq *vq, int ret)
	__releases(&vq->mutex);
void vnet_vq_poke(struct vnet_vq *vq);
void vnet_vq_poke_locked(struct vnet_vq *vq)
	__must_hold(&vq->lock);
void vnet_vq_kick(struct vnet *vnet, unsigned int index);

/* netdev.c */
int vnet_netdev_create(struct vnet *vnet);
void vnet_netdev_destroy(struct vnet *vnet);
int vnet_netdev_configure(struct vnet *vnet);
void vnet_netdev_carrier(struct vnet *vnet);
void vnet_read_stats(const struct vnet_stats *stats,
		     struct vnet_counts *counts);

/* ifname.c */
int vnet_ifname_init(void);
void vnet_ifname_exit(void);
void vnet_ifname_get(struct vnet *vnet, char *name);

/* ethtool.c */
extern const struct ethtool_ops vnet_ethtool_ops;
struct vnet *vnet_of_netdev(const struct net_device *netdev);

/* rx.c */
netdev_tx_t vnet_rx_xmit(struct vnet_vq *vq, struct sk_buff *skb, bool more);
void vnet_rx_flush(struct vnet_vq *vq);
void vnet_rx_purge(struct vnet_vq *vq);
void vnet_rx_run(struct vnet_vq *vq)
	__releases(&vq->mutex);

/* tx.c */
void vnet_tx_run(struct vnet_vq *vq)
	__releases(&vq->mutex);
void vnet_tx_kick(struct vnet_vq *vq)
	__releases(&vq->mutex);

/* state.c */
#define VNET_NR_RECORDS		4
extern const struct mdev_migrate_record_type vnet_records[VNET_NR_RECORDS];
u64 vnet_state_size(struct mdev_migrate_device *mdm);
int vnet_save(struct mdev_migrate_device *mdm,
	      struct mdev_migrate_writer *writer);
void *vnet_load_begin(struct mdev_migrate_device *mdm);
int vnet_load_record(struct mdev_migrate_device *mdm, void *shadow,
		     const struct mdev_migrate_record *rec);
int vnet_load_check(struct mdev_migrate_device *mdm, void *shadow);
int vnet_load_commit(struct mdev_migrate_device *mdm, void *shadow);
void vnet_load_end(struct mdev_migrate_device *mdm, void *shadow);

#endif /* MDEV_VIRTIO_NET_H */
