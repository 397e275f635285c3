// SPDX-License-Identifier: GPL-2.0-only
/* Split virtqueues, from the device's side. */

#include "virtio_pf.h"

#define AVAIL_IDX	2
#define AVAIL_RING	4
#define USED_IDX	2
#define USED_RING	4

static bool copy(struct vpf_fn *fn, u64 addr, void *data, size_t len, bool write)
{
	while (len) {
		size_t now = min(len, PAGE_SIZE - offset_in_page(addr));
		void *at = vpf_translate(fn, addr, write);

		if (!at)
			return false;
		if (write)
			memcpy(at, data, now);
		else
			memcpy(data, at, now);
		addr += now;
		data += now;
		len -= now;
	}
	return true;
}

bool vpf_copy_from(struct vpf_fn *fn, u64 addr, void *to, size_t len)
{
	return copy(fn, addr, to, len, false);
}

bool vpf_copy_to(struct vpf_fn *fn, u64 addr, const void *from, size_t len)
{
	return copy(fn, addr, (void *)from, len, true);
}

/* Both are one access: the driver reads and writes them at the same time. */
static int read_le16(struct vpf_fn *fn, u64 addr)
{
	__le16 *at = addr & 1 ? NULL : vpf_translate(fn, addr, false);

	return at ? le16_to_cpu(READ_ONCE(*at)) : -EFAULT;
}

static bool write_le16(struct vpf_fn *fn, u64 addr, u16 value)
{
	__le16 *at = addr & 1 ? NULL : vpf_translate(fn, addr, true);

	if (at)
		WRITE_ONCE(*at, cpu_to_le16(value));
	return at;
}

/**
 * struct walk - a way along a chain of descriptors
 * @fn: whose
 * @table: where they are: the queue's table, or one that a descriptor names
 * @size: how many
 * @indirect: it is one of the latter
 * @next: index of the next one
 * @steps: how many may still come
 * @addr: of the current descriptor
 * @len: of it
 * @write: the device writes to it
 * @more: there is another one
 */
struct walk {
	struct vpf_fn *fn;
	u64 table;
	u32 size;
	bool indirect;
	u16 next;
	u32 steps;
	u64 addr;
	u32 len;
	bool write;
	bool more;
};

static void walk_start(struct walk *w, struct vpf_fn *fn,
		       const struct vpf_queue *q, u16 head)
{
	*w = (struct walk) {
		.fn = fn,
		.table = q->desc,
		.size = q->size,
		.next = head,
		.steps = q->size,
		.more = true,
	};
}

/* 1: there is a descriptor, 0: none any more, or an error. */
static int walk_next(struct walk *w)
{
	struct vring_desc desc;
	u16 flags;

	if (!w->more)
		return 0;
	if (w->next >= w->size || !w->steps--)
		return -EINVAL;
	if (!vpf_copy_from(w->fn, w->table + w->next * sizeof(desc), &desc,
			   sizeof(desc)))
		return -EFAULT;
	flags = le16_to_cpu((__force __le16)desc.flags);
	w->addr = le64_to_cpu((__force __le64)desc.addr);
	w->len = le32_to_cpu((__force __le32)desc.len);
	w->next = le16_to_cpu((__force __le16)desc.next);
	w->write = flags & VRING_DESC_F_WRITE;
	w->more = flags & VRING_DESC_F_NEXT;
	if (!(flags & VRING_DESC_F_INDIRECT))
		return 1;
	if (w->indirect || w->more || w->len % sizeof(desc))
		return -EINVAL;
	w->indirect = true;
	w->table = w->addr;
	w->size = w->len / sizeof(desc);
	w->next = 0;
	w->steps = w->size;
	w->more = true;
	return walk_next(w);
}

/* Reads what there is to read of a chain, to @in, as far as there is room. */
static int gather(struct vpf_chain *chain, u8 *in)
{
	struct walk w;
	int ret;

	walk_start(&w, chain->fn, chain->q, chain->head);
	while ((ret = walk_next(&w)) > 0) {
		if (w.write) {
			chain->room += w.len;
			continue;
		}
		if (chain->in_len + w.len <= VPF_BUFFER &&
		    !vpf_copy_from(w.fn, w.addr, in + chain->in_len, w.len))
			return -EFAULT;
		chain->in_len += w.len;
	}
	return ret;
}

/* Driver: tell me when there is more than that. */
static bool ask_for_notification(struct vpf_fn *fn, struct vpf_queue *q)
{
	if (!vpf_has(&fn->st, VIRTIO_RING_F_EVENT_IDX))
		return true;
	return write_le16(fn, q->device + USED_RING + q->size *
			  sizeof(struct vring_used_elem), q->next);
}

/* 1: the next buffer of the queue, 0: there is none, or an error. */
int vpf_chain_next(struct vpf_fn *fn, struct vpf_queue *q,
		   struct vpf_chain *chain, u8 *in)
{
	int idx, head, ret;

	lockdep_assert_held(&vpf_lock);
	idx = read_le16(fn, q->driver + AVAIL_IDX);
	if (idx == q->next) {
		if (!ask_for_notification(fn, q))
			return -EFAULT;
		/* Both sides write first, and read then. */
		smp_mb();
		idx = read_le16(fn, q->driver + AVAIL_IDX);
	}
	if (idx < 0 || idx == q->next)
		return idx < 0 ? idx : 0;
	if ((u16)(idx - q->next) > q->size)
		return -EINVAL;
	/* What is offered was written before the index. */
	smp_rmb();
	head = read_le16(fn, q->driver + AVAIL_RING + 2 * (q->next % q->size));
	if (head < 0)
		return head;
	*chain = (struct vpf_chain) { .fn = fn, .q = q, .head = head };
	ret = gather(chain, in);
	if (ret < 0)
		return ret;
	q->next++;
	return 1;
}

/* Writes @out and gives the buffer back. */
int vpf_chain_done(struct vpf_chain *chain, const u8 *out, size_t len)
{
	struct vpf_queue *q = chain->q;
	struct vring_used_elem elem = {
		.id = (__force __virtio32)cpu_to_le32(chain->head),
	};
	size_t done = 0;
	struct walk w;
	int ret;

	lockdep_assert_held(&vpf_lock);
	walk_start(&w, chain->fn, q, chain->head);
	while (done < len && (ret = walk_next(&w)) > 0) {
		size_t now = min_t(size_t, w.len, len - done);

		if (!w.write)
			continue;
		if (!vpf_copy_to(w.fn, w.addr, out + done, now))
			return -EFAULT;
		done += now;
	}
	elem.len = (__force __virtio32)cpu_to_le32(done);
	if (!vpf_copy_to(chain->fn, q->device + USED_RING + sizeof(elem) *
			 (q->used % q->size), &elem, sizeof(elem)))
		return -EFAULT;
	/* The element is there before the index says so. */
	smp_wmb();
	q->used++;
	if (!write_le16(chain->fn, q->device + USED_IDX, q->used))
		return -EFAULT;
	return 0;
}

/*
 * Open: no device part has a ring's indices. A device that is stopped has given back all
 * buffers that it had taken, so that both indices are what the used ring says.
 */
int vpf_ring_resync(struct vpf_fn *fn, struct vpf_queue *q)
{
	int idx = read_le16(fn, q->device + USED_IDX);

	if (idx < 0)
		return idx;
	q->next = idx;
	q->used = idx;
	return 0;
}

/* Does the driver want to know that buffers came back, after the one of index @old? */
bool vpf_ring_needs_interrupt(struct vpf_fn *fn, struct vpf_queue *q, u16 old)
{
	int value;

	/* Whoever arms the queue looks at the index then. */
	smp_mb();
	if (vpf_has(&fn->st, VIRTIO_RING_F_EVENT_IDX)) {
		value = read_le16(fn, q->driver + AVAIL_RING + 2 * q->size);
		return value >= 0 && vring_need_event(value, q->used, old);
	}
	value = read_le16(fn, q->driver);
	return value >= 0 && !(value & VRING_AVAIL_F_NO_INTERRUPT);
}
