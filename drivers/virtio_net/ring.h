/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtio-net device model: rings and the chains of their descriptors. */
#ifndef MDEV_VIRTIO_NET_RING_H
#define MDEV_VIRTIO_NET_RING_H

#include <linux/types.h>

struct vnet_vq;

/* The most descriptors of a ring and of a chain. */
#define VNET_QUEUE_SIZE		256

enum vnet_area { VNET_DESC, VNET_AVAIL, VNET_USED, VNET_NR_AREAS };

/* The split ring in guest memory. */
struct vnet_desc {
	__le64 addr;
	__le32 len;
	__le16 flags;
	__le16 next;
};

/* The driver's area. The used event follows the ring. */
struct vnet_avail {
	__le16 flags;
	__le16 idx;
	__le16 ring[];
};

struct vnet_used_elem {
	__le32 id;
	__le32 len;
};

/* The device's area. The avail event follows the ring. */
struct vnet_used {
	__le16 flags;
	__le16 idx;
	struct vnet_used_elem ring[];
};

/**
 * struct vnet_ring - a ring's kernel addresses
 * @desc: descriptor table
 * @avail: driver's area
 * @used: device's area
 *
 * Good inside the reader's section in which vnet_ring_get() filled it.
 */
struct vnet_ring {
	const struct vnet_desc *desc;
	const struct vnet_avail *avail;
	struct vnet_used *used;
};

/**
 * struct vnet_seg - a piece of guest memory
 * @addr: IOVA
 * @len: bytes
 */
struct vnet_seg {
	u64 addr;
	u32 len;
};

/**
 * struct vnet_chain - a descriptor chain, fetched once and checked
 * @head: the first descriptor
 * @nr_out: segments the device reads; they come first
 * @nr_in: segments the device writes
 * @out_len: bytes it can read
 * @in_len: bytes it can write
 * @table: an indirect table that is still to be walked, if @table_len
 * @table_len: its bytes
 * @seg: cursor: the current segment
 * @off: cursor: bytes of it that are done
 * @segs: the segments
 */
struct vnet_chain {
	u16 head;
	u16 nr_out;
	u16 nr_in;
	u32 out_len;
	u32 in_len;
	u64 table;
	u32 table_len;
	u16 seg;
	u32 off;
	struct vnet_seg segs[VNET_QUEUE_SIZE];
};

/* ring.c */
size_t vnet_ring_area_len(enum vnet_area area, u16 size);
bool vnet_ring_get(struct vnet_vq *vq, struct vnet_ring *ring);
int vnet_ring_resync(struct vnet_vq *vq);
int vnet_ring_peek(struct vnet_vq *vq, const struct vnet_ring *ring);
int vnet_ring_stage(struct vnet_vq *vq, const struct vnet_ring *ring, u32 len);
int vnet_ring_publish(struct vnet_vq *vq, const struct vnet_ring *ring);
void vnet_ring_keep(struct vnet_vq *vq);
void vnet_ring_rollback(struct vnet_vq *vq);
int vnet_ring_push(struct vnet_vq *vq, const struct vnet_ring *ring, u32 len);
int vnet_ring_signal(struct vnet_vq *vq, const struct vnet_ring *ring);
int vnet_ring_flush(struct vnet_vq *vq, const struct vnet_ring *ring);
int vnet_ring_return_bad(struct vnet_vq *vq, const struct vnet_ring *ring);
int vnet_ring_notify_on(struct vnet_vq *vq, const struct vnet_ring *ring);
int vnet_ring_notify_off(struct vnet_vq *vq, const struct vnet_ring *ring);

/* chain.c */
void vnet_chain_rewind(struct vnet_chain *chain);
int vnet_chain_walk(struct vnet_vq *vq, const struct vnet_ring *ring, u16 head);
int vnet_chain_walk_table(struct vnet_vq *vq, bool atomic);
int vnet_ring_read(struct vnet_vq *vq, const struct vnet_ring *ring, void *buf,
		   size_t len);
int vnet_ring_write(struct vnet_vq *vq, const struct vnet_ring *ring,
		    const void *buf, size_t len);
int vnet_ring_write_in(struct vnet_vq *vq, const struct vnet_ring *ring,
		       const void *buf, size_t len);
bool vnet_ring_locate(const struct vnet_vq *vq, u32 offset, u64 *addr);
int vnet_ring_write_at(struct vnet_vq *vq, const struct vnet_ring *ring,
		       u64 addr, const void *buf, size_t len);

#endif /* MDEV_VIRTIO_NET_RING_H */
