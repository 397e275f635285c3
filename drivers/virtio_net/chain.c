// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptor chains: walked once, with every field fetched once, then checked,
 * then used; and the cursor with which they are read and written. See ring.c for
 * who may call what, and for errors.
 */
#include "virtio_net.h"

/* Descriptors of an indirect table that are fetched at once. */
#define VNET_TABLE_WINDOW	16

/* A descriptor as it was when it was fetched, in our byte order. */
struct vnet_fetched {
	u64 addr;
	u32 len;
	u16 flags;
	u16 next;
};

static struct vnet_fetched vnet_fetch(const struct vnet_desc *desc)
{
	return (struct vnet_fetched) {
		.addr = le64_to_cpu(READ_ONCE(desc->addr)),
		.len = le32_to_cpu(READ_ONCE(desc->len)),
		.flags = le16_to_cpu(READ_ONCE(desc->flags)),
		.next = le16_to_cpu(READ_ONCE(desc->next)),
	};
}

/* Append a descriptor to the chain. @limit: the longest that it may become. */
static int vnet_chain_add(struct vnet_vq *vq, const struct vnet_fetched *desc,
			  unsigned int limit)
{
	struct vnet_chain *chain = &vq->chain;
	unsigned int n = chain->nr_out + chain->nr_in;
	bool in = desc->flags & VRING_DESC_F_WRITE;
	u32 *total = in ? &chain->in_len : &chain->out_len;

	if (n >= limit)
		return vnet_vq_bad(vq, "a descriptor chain is too long or loops");
	if (!in && chain->nr_in)
		return vnet_vq_bad(vq, "a readable descriptor follows a writable one");
	if (check_add_overflow(*total, desc->len, total))
		return vnet_vq_bad(vq, "a descriptor chain has more than 4 GiB");

	chain->segs[n].addr = desc->addr;
	chain->segs[n].len = desc->len;
	if (in)
		chain->nr_in++;
	else
		chain->nr_out++;
	return 0;
}

static int vnet_chain_indirect(struct vnet_vq *vq,
			       const struct vnet_fetched *desc)
{
	if (!vq->indirect)
		return vnet_vq_bad(vq, "an indirect descriptor, not negotiated");
	if (desc->flags & VRING_DESC_F_NEXT)
		return vnet_vq_bad(vq, "an indirect descriptor with a next one");
	if (!desc->len || desc->len % sizeof(struct vnet_desc))
		return vnet_vq_bad(vq, "an indirect table with a part of a descriptor");
	if (desc->len / sizeof(struct vnet_desc) > U16_MAX + 1)
		return vnet_vq_bad(vq, "an indirect table is too long");

	vq->chain.table = desc->addr;
	vq->chain.table_len = desc->len;
	return 0;
}

/**
 * vnet_chain_rewind - back to the beginning
 * @chain: the chain
 */
void vnet_chain_rewind(struct vnet_chain *chain)
{
	chain->seg = 0;
	chain->off = 0;
}

/**
 * vnet_chain_walk - walk what of a chain is in the ring
 * @vq: the queue
 * @ring: its addresses, inside their section
 * @head: the first descriptor
 *
 * If it ends in an indirect table, vq->chain.table_len is not 0 afterwards.
 *
 * Return: 0 or an error.
 */
int vnet_chain_walk(struct vnet_vq *vq, const struct vnet_ring *ring, u16 head)
{
	struct vnet_chain *chain = &vq->chain;
	struct vnet_fetched desc;
	u16 index = head;
	int err;

	chain->head = head;
	chain->nr_out = 0;
	chain->nr_in = 0;
	chain->out_len = 0;
	chain->in_len = 0;
	chain->table_len = 0;
	vnet_chain_rewind(chain);

	do {
		if (index >= vq->size)
			return vnet_vq_bad(vq, "a descriptor index is out of range");
		desc = vnet_fetch(&ring->desc[index]);
		if (desc.flags & VRING_DESC_F_INDIRECT)
			return vnet_chain_indirect(vq, &desc);
		err = vnet_chain_add(vq, &desc, vq->size);
		if (err)
			return err;
		index = desc.next;
	} while (desc.flags & VRING_DESC_F_NEXT);
	return 0;
}

static int vnet_copy_in(struct vnet_vq *vq, bool atomic, u64 addr, void *buf,
			size_t len)
{
	struct mdev_migrate_memory *mem = vq->vnet->mdm.memory;
	int err;

	err = atomic ? mdev_migrate_dma_read_atomic(mem, addr, buf, len) :
		       mdev_migrate_dma_read(mem, addr, buf, len);
	if (err == -EFAULT)
		vq->why = "a buffer to read is not in mapped memory";
	return err;
}

static int vnet_copy_out(struct vnet_vq *vq, bool atomic, u64 addr,
			 const void *buf, size_t len)
{
	struct mdev_migrate_memory *mem = vq->vnet->mdm.memory;
	int err;

	err = atomic ? mdev_migrate_dma_write_atomic(mem, addr, buf, len) :
		       mdev_migrate_dma_write(mem, addr, buf, len);
	if (err == -EFAULT)
		vq->why = "a buffer to write is not in mapped memory";
	return err;
}

/**
 * vnet_chain_walk_table - walk the indirect table that a chain ends in
 * @vq: the queue
 * @atomic: without sleeping
 *
 * A table may be longer than the queue's size: Linux's driver makes such ones
 * for small queues. What is used of it is bounded.
 *
 * Return: 0 or an error.
 */
int vnet_chain_walk_table(struct vnet_vq *vq, bool atomic)
{
	struct vnet_desc window[VNET_TABLE_WINDOW];
	u64 table = vq->chain.table;
	u32 total = vq->chain.table_len / sizeof(struct vnet_desc);
	u32 first = 0, count = 0, index = 0;
	struct vnet_fetched desc;
	int err;

	do {
		if (index >= total)
			return vnet_vq_bad(vq, "an index into an indirect table is out of range");
		if (index < first || index - first >= count) {
			first = index;
			count = min_t(u32, total - first, VNET_TABLE_WINDOW);
			err = vnet_copy_in(vq, atomic,
					   table + first * sizeof(*window),
					   window, count * sizeof(*window));
			if (err)
				return err;
		}
		desc = vnet_fetch(&window[index - first]);
		if (desc.flags & VRING_DESC_F_INDIRECT)
			return vnet_vq_bad(vq, "an indirect table in an indirect table");
		err = vnet_chain_add(vq, &desc, VNET_QUEUE_SIZE);
		if (err)
			return err;
		index = desc.next;
	} while (desc.flags & VRING_DESC_F_NEXT);
	return 0;
}

/* The current segment from the cursor on, and advance by at most @len bytes. */
static bool vnet_chain_advance(struct vnet_chain *chain, size_t len,
			       struct vnet_seg *piece)
{
	unsigned int nr = chain->nr_out + chain->nr_in;
	struct vnet_seg *seg;

	while (chain->seg < nr && chain->off == chain->segs[chain->seg].len) {
		chain->seg++;
		chain->off = 0;
	}
	if (chain->seg == nr)
		return false;

	seg = &chain->segs[chain->seg];
	piece->addr = seg->addr + chain->off;
	piece->len = min_t(size_t, len, seg->len - chain->off);
	chain->off += piece->len;
	return true;
}

/**
 * vnet_ring_read - read on in the chain
 * @vq: the queue
 * @ring: see the top of this file
 * @buf: where to
 * @len: bytes; the caller has checked that there are so many
 *
 * Return: 0 or an error.
 */
int vnet_ring_read(struct vnet_vq *vq, const struct vnet_ring *ring, void *buf,
		   size_t len)
{
	struct vnet_seg piece;
	int err;

	while (len) {
		if (!vnet_chain_advance(&vq->chain, len, &piece))
			return vnet_vq_bad(vq, "a descriptor chain is too short");
		err = vnet_copy_in(vq, ring, piece.addr, buf, piece.len);
		if (err)
			return err;
		buf += piece.len;
		len -= piece.len;
	}
	return 0;
}

/**
 * vnet_ring_write - write on in the chain
 * @vq: the queue
 * @ring: see the top of this file
 * @buf: what
 * @len: bytes; the caller has checked that there is room
 *
 * Return: 0 or an error.
 */
int vnet_ring_write(struct vnet_vq *vq, const struct vnet_ring *ring,
		    const void *buf, size_t len)
{
	struct vnet_seg piece;
	int err;

	while (len) {
		if (!vnet_chain_advance(&vq->chain, len, &piece))
			return vnet_vq_bad(vq, "a descriptor chain is too short");
		err = vnet_copy_out(vq, ring, piece.addr, buf, piece.len);
		if (err)
			return err;
		buf += piece.len;
		len -= piece.len;
	}
	return 0;
}

/**
 * vnet_ring_write_in - write to the beginning of the chain's writable part
 * @vq: the queue
 * @ring: see the top of this file
 * @buf: what
 * @len: bytes; the caller has checked that there is room
 *
 * Return: 0 or an error.
 */
int vnet_ring_write_in(struct vnet_vq *vq, const struct vnet_ring *ring,
		       const void *buf, size_t len)
{
	vq->chain.seg = vq->chain.nr_out;
	vq->chain.off = 0;
	return vnet_ring_write(vq, ring, buf, len);
}

/**
 * vnet_ring_locate - where a byte of the chain is
 * @vq: the queue
 * @offset: of the byte in the chain
 * @addr: its IOVA
 *
 * Return: whether the chain is that long.
 */
bool vnet_ring_locate(const struct vnet_vq *vq, u32 offset, u64 *addr)
{
	const struct vnet_chain *chain = &vq->chain;
	unsigned int i;

	for (i = 0; i < chain->nr_out + chain->nr_in; i++) {
		if (offset < chain->segs[i].len) {
			*addr = chain->segs[i].addr + offset;
			return true;
		}
		offset -= chain->segs[i].len;
	}
	return false;
}

/**
 * vnet_ring_write_at - write a place of a chain again
 * @vq: the queue
 * @ring: see the top of this file
 * @addr: from vnet_ring_locate()
 * @buf: what
 * @len: bytes
 *
 * Return: 0 or an error.
 */
int vnet_ring_write_at(struct vnet_vq *vq, const struct vnet_ring *ring,
		       u64 addr, const void *buf, size_t len)
{
	return vnet_copy_out(vq, ring, addr, buf, len);
}
