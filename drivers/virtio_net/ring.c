// SPDX-License-Identifier: GPL-2.0-only
/*
 * The split ring (virtio 1.x, 2.7), the device's side. All of the ring is the
 * guest's memory and can change while we look: every field is fetched once,
 * then checked, then used.
 *
 * The functions are called by whoever uses the ring, see queue.c. They take the
 * ring's addresses, if the caller has them and is inside the RCU section they
 * are good in; then nothing sleeps, and -EAGAIN says that it would have to.
 * Otherwise @ring is NULL, and they sleep as needed, also to get back a mapping
 * that userspace took away. -ENOMEM is the host's, and may pass. Other errors,
 * and any of vnet_ring_stage() and what follows it, mean that the ring cannot be
 * used any more: vq->why says why, vnet_vq_break() is to follow.
 *
 * A chain is peeked at, worked on and pushed. Several that belong together are
 * peeked at and staged one after the other and published at once, or rolled
 * back: until then the driver sees nothing of it.
 */
#include "virtio_net.h"

/* Refreshing a mapping again and again is userspace's doing; end it some time. */
#define VNET_REFRESH_TRIES	8
/* Descriptors of an indirect table that are fetched at once. */
#define VNET_TABLE_WINDOW	16

static int vnet_bad(struct vnet_vq *vq, const char *why)
{
	vq->why = why;
	return -EINVAL;
}

/**
 * vnet_ring_area_len - the size of a ring's area
 * @area: which
 * @size: of the queue
 *
 * Return: bytes, with the event index.
 */
size_t vnet_ring_area_len(enum vnet_area area, u16 size)
{
	switch (area) {
	case VNET_DESC:
		return size * sizeof(struct vnet_desc);
	case VNET_AVAIL:
		return sizeof(struct vnet_avail) + (size + 1) * sizeof(__le16);
	default:
		return sizeof(struct vnet_used) +
		       size * sizeof(struct vnet_used_elem) + sizeof(__le16);
	}
}

static const __le16 *vnet_used_event(const struct vnet_vq *vq,
				     const struct vnet_ring *ring)
{
	return &ring->avail->ring[vq->size];
}

static __le16 *vnet_avail_event(const struct vnet_vq *vq,
				const struct vnet_ring *ring)
{
	return (__le16 *)&ring->used->ring[vq->size];
}

static void vnet_used_dirty(struct vnet_vq *vq, const struct vnet_ring *ring,
			    const void *field, size_t len)
{
	mdev_migrate_map_dirty(&vq->vnet->mdm, &vq->maps[VNET_USED],
			       field - (const void *)ring->used, len);
}

/**
 * vnet_ring_get - get the ring's addresses
 * @vq: the queue, live
 * @ring: where to
 *
 * Context: In an RCU section.
 * Return: false if a mapping is gone.
 */
bool vnet_ring_get(struct vnet_vq *vq, struct vnet_ring *ring)
{
	ring->desc = mdev_migrate_map_addr(&vq->maps[VNET_DESC]);
	ring->avail = mdev_migrate_map_addr(&vq->maps[VNET_AVAIL]);
	ring->used = mdev_migrate_map_addr(&vq->maps[VNET_USED]);
	return ring->desc && ring->avail && ring->used;
}

static int vnet_ring_refresh(struct vnet_vq *vq)
{
	unsigned int i;
	int err;

	for (i = 0; i < VNET_NR_AREAS; i++) {
		err = mdev_migrate_map_refresh(&vq->vnet->mdm, &vq->maps[i]);
		if (err) {
			vq->why = "the ring's memory was unmapped";
			return err;
		}
	}
	return 0;
}

typedef int (*vnet_ring_fn)(struct vnet_vq *vq, const struct vnet_ring *ring,
			    u32 arg);

/* Call @fn with the ring's addresses: @ring, or those that we get ourselves. */
static int vnet_ring_do(struct vnet_vq *vq, const struct vnet_ring *ring,
			vnet_ring_fn fn, u32 arg)
{
	struct vnet_ring own;
	unsigned int tries;
	int ret;

	if (ring)
		return fn(vq, ring, arg);

	for (tries = 0; tries < VNET_REFRESH_TRIES; tries++) {
		rcu_read_lock();
		if (vnet_ring_get(vq, &own)) {
			ret = fn(vq, &own, arg);
			rcu_read_unlock();
			return ret;
		}
		rcu_read_unlock();

		ret = vnet_ring_refresh(vq);
		if (ret)
			return ret;
	}
	vq->why = "the ring's memory is unmapped again and again";
	return -EFAULT;
}

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
		return vnet_bad(vq, "a descriptor chain is too long or loops");
	if (!in && chain->nr_in)
		return vnet_bad(vq, "a readable descriptor follows a writable one");
	if (check_add_overflow(*total, desc->len, total))
		return vnet_bad(vq, "a descriptor chain has more than 4 GiB");

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
		return vnet_bad(vq, "an indirect descriptor, not negotiated");
	if (desc->flags & VRING_DESC_F_NEXT)
		return vnet_bad(vq, "an indirect descriptor with a next one");
	if (!desc->len || desc->len % sizeof(struct vnet_desc))
		return vnet_bad(vq, "an indirect table with a part of a descriptor");
	if (desc->len / sizeof(struct vnet_desc) > U16_MAX + 1)
		return vnet_bad(vq, "an indirect table is too long");

	vq->chain.table = desc->addr;
	vq->chain.table_len = desc->len;
	return 0;
}

static int vnet_walk_ring(struct vnet_vq *vq, const struct vnet_ring *ring,
			  u16 index)
{
	struct vnet_fetched desc;
	int err;

	do {
		if (index >= vq->size)
			return vnet_bad(vq, "a descriptor index is out of range");
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

/* Look whether there is a chain, and walk what of it is in the ring. */
static int vnet_peek_ring(struct vnet_vq *vq, const struct vnet_ring *ring,
			  u32 unused)
{
	struct vnet_chain *chain = &vq->chain;
	u16 index = vq->next + vq->staged;
	u16 pending;
	int err;

	pending = le16_to_cpu(READ_ONCE(ring->avail->idx)) - vq->next;
	if (pending > vq->size)
		return vnet_bad(vq, "the available index jumped");
	if (pending <= vq->staged)
		return 0;
	/* The index before what it covers; pairs with the driver's barrier. */
	smp_rmb();

	chain->head = le16_to_cpu(READ_ONCE(ring->avail->ring[index &
							      (vq->size - 1)]));
	chain->nr_out = 0;
	chain->nr_in = 0;
	chain->out_len = 0;
	chain->in_len = 0;
	chain->table_len = 0;
	chain->seg = 0;
	chain->off = 0;
	err = vnet_walk_ring(vq, ring, chain->head);
	return err ?: 1;
}

static int vnet_copy_in(struct vnet_vq *vq, bool atomic, u64 addr, void *buf,
			size_t len)
{
	struct mdev_migrate_device *mdm = &vq->vnet->mdm;
	int err;

	err = atomic ? mdev_migrate_dma_read_atomic(mdm, addr, buf, len) :
		       mdev_migrate_dma_read(mdm, addr, buf, len);
	if (err && err != -EAGAIN)
		vq->why = "a buffer to read is not in mapped memory";
	return err;
}

static int vnet_copy_out(struct vnet_vq *vq, bool atomic, u64 addr,
			 const void *buf, size_t len)
{
	struct mdev_migrate_device *mdm = &vq->vnet->mdm;
	int err;

	err = atomic ? mdev_migrate_dma_write_atomic(mdm, addr, buf, len) :
		       mdev_migrate_dma_write(mdm, addr, buf, len);
	if (err && err != -EAGAIN)
		vq->why = "a buffer to write is not in mapped memory";
	return err;
}

/*
 * A table may be longer than the queue's size: Linux's driver makes such ones
 * for small queues. What is used of it is bounded.
 */
static int vnet_walk_table(struct vnet_vq *vq, bool atomic)
{
	struct vnet_desc window[VNET_TABLE_WINDOW];
	u64 table = vq->chain.table;
	u32 total = vq->chain.table_len / sizeof(struct vnet_desc);
	u32 first = 0, count = 0, index = 0;
	struct vnet_fetched desc;
	int err;

	do {
		if (index >= total)
			return vnet_bad(vq, "an index into an indirect table is out of range");
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
			return vnet_bad(vq, "an indirect table in an indirect table");
		err = vnet_chain_add(vq, &desc, VNET_QUEUE_SIZE);
		if (err)
			return err;
		index = desc.next;
	} while (desc.flags & VRING_DESC_F_NEXT);
	return 0;
}

/**
 * vnet_ring_peek - look at the next available chain behind the staged ones
 * @vq: the queue
 * @ring: see the top of this file
 *
 * The chain is in vq->chain afterwards. It is not taken: another peek may find
 * another chain, vnet_ring_push() takes and returns it.
 *
 * Return: 1, or 0 if there is none, or an error.
 */
int vnet_ring_peek(struct vnet_vq *vq, const struct vnet_ring *ring)
{
	int ret, err;

	ret = vnet_ring_do(vq, ring, vnet_peek_ring, 0);
	if (ret <= 0 || !vq->chain.table_len)
		return ret;

	err = vnet_walk_table(vq, ring);
	return err ?: 1;
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
			return vnet_bad(vq, "a descriptor chain is too short");
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
			return vnet_bad(vq, "a descriptor chain is too short");
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

static int vnet_stage_ring(struct vnet_vq *vq, const struct vnet_ring *ring,
			   u32 len)
{
	u16 index = vq->next + vq->staged;
	struct vnet_used_elem *elem;

	elem = &ring->used->ring[index & (vq->size - 1)];
	WRITE_ONCE(elem->id, cpu_to_le32(vq->chain.head));
	WRITE_ONCE(elem->len, cpu_to_le32(len));
	vnet_used_dirty(vq, ring, elem, sizeof(*elem));
	vq->staged++;
	return 0;
}

/**
 * vnet_ring_stage - write the used element of the chain that was peeked at
 * @vq: the queue
 * @ring: see the top of this file
 * @len: bytes that were written
 *
 * Return: 0 or an error.
 */
int vnet_ring_stage(struct vnet_vq *vq, const struct vnet_ring *ring, u32 len)
{
	return vnet_ring_do(vq, ring, vnet_stage_ring, len);
}

static int vnet_publish_ring(struct vnet_vq *vq, const struct vnet_ring *ring,
			     u32 unused)
{
	/* The buffers and their elements before the index that covers them. */
	smp_wmb();
	vq->next += vq->staged;
	vq->staged = 0;
	WRITE_ONCE(ring->used->idx, cpu_to_le16(vq->next));
	vnet_used_dirty(vq, ring, &ring->used->idx, sizeof(ring->used->idx));
	return 0;
}

/**
 * vnet_ring_publish - take the staged chains, and return them as used
 * @vq: the queue
 * @ring: see the top of this file
 *
 * Return: 0 or an error.
 */
int vnet_ring_publish(struct vnet_vq *vq, const struct vnet_ring *ring)
{
	return vnet_ring_do(vq, ring, vnet_publish_ring, 0);
}

/**
 * vnet_ring_rollback - forget the staged chains: they are available still
 * @vq: the queue
 */
void vnet_ring_rollback(struct vnet_vq *vq)
{
	vq->staged = 0;
}

static int vnet_push_ring(struct vnet_vq *vq, const struct vnet_ring *ring,
			  u32 len)
{
	vnet_stage_ring(vq, ring, len);
	return vnet_publish_ring(vq, ring, 0);
}

/**
 * vnet_ring_push - take the chain that was peeked at, and return it as used
 * @vq: the queue
 * @ring: see the top of this file
 * @len: bytes that were written
 *
 * Return: 0 or an error.
 */
int vnet_ring_push(struct vnet_vq *vq, const struct vnet_ring *ring, u32 len)
{
	return vnet_ring_do(vq, ring, vnet_push_ring, len);
}

static int vnet_signal_ring(struct vnet_vq *vq, const struct vnet_ring *ring,
			    u32 unused)
{
	u16 old = vq->signalled;
	bool valid = vq->signalled_valid;
	u16 event;

	/* Our index before the driver's wish; pairs with the driver's. */
	smp_mb();
	if (!vq->event_idx)
		return !(le16_to_cpu(READ_ONCE(ring->avail->flags)) &
			 VRING_AVAIL_F_NO_INTERRUPT);

	vq->signalled = vq->next;
	vq->signalled_valid = true;
	event = le16_to_cpu(READ_ONCE(*vnet_used_event(vq, ring)));
	return !valid || vring_need_event(event, vq->next, old);
}

/**
 * vnet_ring_signal - interrupt the driver, if it wants so
 * @vq: the queue, to which at least one chain was returned
 * @ring: see the top of this file
 *
 * Return: 0 or an error.
 */
int vnet_ring_signal(struct vnet_vq *vq, const struct vnet_ring *ring)
{
	int ret = vnet_ring_do(vq, ring, vnet_signal_ring, 0);

	if (ret > 0)
		vnet_irq_queue(vq);
	return min(ret, 0);
}

static void vnet_set_used_flags(struct vnet_vq *vq,
				const struct vnet_ring *ring, u16 flags)
{
	WRITE_ONCE(ring->used->flags, cpu_to_le16(flags));
	vnet_used_dirty(vq, ring, &ring->used->flags,
			sizeof(ring->used->flags));
}

static int vnet_notify_on_ring(struct vnet_vq *vq, const struct vnet_ring *ring,
			       u32 unused)
{
	u16 seen = vq->next + vq->staged;

	if (vq->event_idx) {
		__le16 *event = vnet_avail_event(vq, ring);

		WRITE_ONCE(*event, cpu_to_le16(seen));
		vnet_used_dirty(vq, ring, event, sizeof(*event));
	} else {
		vnet_set_used_flags(vq, ring, 0);
	}
	/* Our wish before the driver's index; pairs with the driver's. */
	smp_mb();
	return le16_to_cpu(READ_ONCE(ring->avail->idx)) != seen;
}

/**
 * vnet_ring_notify_on - have the driver kick when it adds a chain
 * @vq: the queue
 * @ring: see the top of this file
 *
 * Staged chains are those that are known already.
 *
 * Return: 1 if there is a further chain, for which no kick may come; 0 if not;
 * or an error.
 */
int vnet_ring_notify_on(struct vnet_vq *vq, const struct vnet_ring *ring)
{
	return vnet_ring_do(vq, ring, vnet_notify_on_ring, 0);
}

static int vnet_notify_off_ring(struct vnet_vq *vq,
				const struct vnet_ring *ring, u32 unused)
{
	/* An event index that is behind is as good as off. */
	if (!vq->event_idx)
		vnet_set_used_flags(vq, ring, VRING_USED_F_NO_NOTIFY);
	return 0;
}

/**
 * vnet_ring_notify_off - have the driver not kick, we are looking
 * @vq: the queue
 * @ring: see the top of this file
 *
 * Return: 0 or an error.
 */
int vnet_ring_notify_off(struct vnet_vq *vq, const struct vnet_ring *ring)
{
	return vnet_ring_do(vq, ring, vnet_notify_off_ring, 0);
}

static int vnet_resync_ring(struct vnet_vq *vq, const struct vnet_ring *ring,
			    u32 unused)
{
	vq->next = le16_to_cpu(READ_ONCE(ring->used->idx));
	return 0;
}

/**
 * vnet_ring_resync - go on where another device stopped
 * @vq: the queue, mapped and not live yet
 *
 * A stopped device has returned every chain that it took: the next available
 * index to take is the used index in guest memory.
 *
 * Return: 0 or an error.
 */
int vnet_ring_resync(struct vnet_vq *vq)
{
	return vnet_ring_do(vq, NULL, vnet_resync_ring, 0);
}
