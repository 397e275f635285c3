// SPDX-License-Identifier: GPL-2.0-only
/*
 * The split ring (virtio 1.x, 2.7), the device's side. All of the ring is the
 * guest's memory and can change while we look: every field is fetched once,
 * then checked, then used.
 *
 * The functions are called by whoever uses the ring, see queue.c. They take the
 * ring's addresses, if the caller has them and is in the section they are good
 * in; then nothing sleeps, and -EAGAIN says that it would have to. Otherwise
 * @ring is NULL, and they sleep as needed, also to get back a mapping that
 * userspace took away: in the worker only.
 *
 * Errors: those of vnet_is_transient() may pass; nothing has changed then. -EIO
 * says that a page of the chain is not to be had, and costs that chain only.
 * Others mean that the ring cannot be used any more: vq->why says why,
 * vnet_vq_break() is to follow.
 *
 * A chain is peeked at, worked on and pushed. Several are peeked at and staged
 * one after the other and published at once: until then the driver sees nothing
 * of it. Those that belong together are kept when the last is staged, or rolled
 * back.
 */
#include "virtio_net.h"

/* Refreshing a mapping again and again is userspace's doing; end it some time. */
#define VNET_REFRESH_TRIES	8

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
	mdev_migrate_map_dirty(vq->vnet->mdm.memory, &vq->maps[VNET_USED],
			       field - (const void *)ring->used, len);
}

/**
 * vnet_ring_get - get the ring's addresses
 * @vq: the queue, live
 * @ring: where to
 *
 * Context: In a section of vq->reader's.
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
		err = mdev_migrate_map_refresh(vq->vnet->mdm.memory, &vq->maps[i]);
		if (err) {
			vq->why = "the ring's memory was unmapped";
			return err;
		}
	}
	return 0;
}

typedef int (*vnet_ring_fn)(struct vnet_vq *vq, const struct vnet_ring *ring,
			    u32 arg);

static int vnet_ring_do_own(struct vnet_vq *vq, vnet_ring_fn fn, u32 arg)
{
	struct vnet_ring own;
	unsigned int tries;
	int ret;

	for (tries = 0; tries < VNET_REFRESH_TRIES; tries++) {
		mdev_migrate_reader_enter(&vq->reader);
		if (vnet_ring_get(vq, &own)) {
			ret = fn(vq, &own, arg);
			mdev_migrate_reader_exit(&vq->reader);
			return ret;
		}
		mdev_migrate_reader_exit(&vq->reader);

		ret = vnet_ring_refresh(vq);
		if (ret)
			return ret;
	}
	return -EAGAIN;
}

/*
 * Call @fn with the ring's addresses: @ring, or those that we get ourselves. It
 * is done for each packet: with @ring, it is a direct call.
 */
static __always_inline int vnet_ring_do(struct vnet_vq *vq,
					const struct vnet_ring *ring,
					vnet_ring_fn fn, u32 arg)
{
	return ring ? fn(vq, ring, arg) : vnet_ring_do_own(vq, fn, arg);
}

/* Look whether there is a chain, and walk what of it is in the ring. */
static int vnet_peek_ring(struct vnet_vq *vq, const struct vnet_ring *ring,
			  u32 unused)
{
	u16 index = vq->next + vq->staged;
	u16 pending, head;
	int err;

	pending = le16_to_cpu(READ_ONCE(ring->avail->idx)) - vq->next;
	if (pending > vq->size)
		return vnet_vq_bad(vq, "the available index jumped");
	if (pending <= vq->staged)
		return 0;
	/* The index before what it covers; pairs with the driver's barrier. */
	smp_rmb();

	head = le16_to_cpu(READ_ONCE(ring->avail->ring[index &
						       (vq->size - 1)]));
	err = vnet_chain_walk(vq, ring, head);
	return err ?: 1;
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

	err = vnet_chain_walk_table(vq, ring);
	return err ?: 1;
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
	vq->kept = 0;
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
 * vnet_ring_keep - a rollback does not forget what is staged by now
 * @vq: the queue
 */
void vnet_ring_keep(struct vnet_vq *vq)
{
	vq->kept = vq->staged;
}

/**
 * vnet_ring_rollback - forget staged chains: they are available still
 * @vq: the queue
 */
void vnet_ring_rollback(struct vnet_vq *vq)
{
	vq->staged = vq->kept;
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

	/* If its wish is not to be read now: a spurious one does no harm. */
	if (ret > 0 || vnet_is_transient(ret)) {
		vnet_irq_queue(vq);
		return 0;
	}
	return ret;
}

/**
 * vnet_ring_flush - publish what is kept, and interrupt the driver if it wants so
 * @vq: the queue, with nothing else staged
 * @ring: see the top of this file
 *
 * Return: 0 or an error; 0 if @ring is there.
 */
int vnet_ring_flush(struct vnet_vq *vq, const struct vnet_ring *ring)
{
	int err;

	if (!vq->kept)
		return 0;
	err = vnet_ring_publish(vq, ring);
	return err ?: vnet_ring_signal(vq, ring);
}

/**
 * vnet_ring_return_bad - return chains whose memory is not to be had
 * @vq: the queue; what is staged and not kept, and the chain that was peeked at
 * @ring: see the top of this file
 *
 * They are kept, with nothing written.
 *
 * Return: 0 or an error.
 */
int vnet_ring_return_bad(struct vnet_vq *vq, const struct vnet_ring *ring)
{
	unsigned int n = vq->staged - vq->kept + 1;
	int ret = 0;

	vnet_ring_rollback(vq);
	while (n--) {
		ret = vnet_ring_peek(vq, ring);
		/* Of a chain that cannot be walked the head is known. */
		if (ret <= 0 && ret != -EIO)
			break;
		ret = vnet_ring_stage(vq, ring, 0);
		if (ret)
			break;
		vnet_ring_keep(vq);
	}
	return ret;
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
