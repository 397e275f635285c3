// SPDX-License-Identifier: GPL-2.0-only
#include "vring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define load_acquire(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define full_barrier()		__atomic_thread_fence(__ATOMIC_SEQ_CST)

static uint16_t *used_event(struct vq *vq)
{
	return (uint16_t *)&vq->avail->ring[vq->num];
}

static uint16_t *avail_event(struct vq *vq)
{
	return (uint16_t *)&vq->used->ring[vq->num];
}

/* An empty ring of @num descriptors in @mem, each part on pages of its own. */
int vq_init(struct vq *vq, struct guest_mem *mem, uint16_t num,
	    unsigned int flags)
{
	unsigned int i;

	memset(vq, 0, sizeof(*vq));
	vq->num = num;
	vq->flags = flags;
	vq->desc = guest_alloc(mem, num * sizeof(*vq->desc), 4096);
	vq->avail = guest_alloc(mem, 6 + num * 2, 4096);
	vq->used = guest_alloc(mem, 6 + num * sizeof(vq->used->ring[0]), 4096);
	vq->tables = guest_alloc(mem, num * VQ_TABLE * sizeof(*vq->tables),
				 4096);
	vq->tokens = calloc(num, sizeof(*vq->tokens));
	if (!vq->desc || !vq->avail || !vq->used || !vq->tables ||
	    !vq->tokens) {
		vq_free(vq);
		return -ENOMEM;
	}
	vq->desc_iova = guest_iova(mem, vq->desc);
	vq->avail_iova = guest_iova(mem, vq->avail);
	vq->used_iova = guest_iova(mem, vq->used);
	vq->tables_iova = guest_iova(mem, vq->tables);
	for (i = 0; i < num; i++)
		vq->desc[i].next = i + 1;
	vq->nr_free = num;
	return 0;
}

void vq_free(struct vq *vq)
{
	free(vq->tokens);
	vq->tokens = NULL;
}

static void fill_desc(struct vring_desc *desc, const struct vq_seg *seg,
		      bool more)
{
	desc->addr = seg->iova;
	desc->len = seg->len;
	desc->flags = (seg->write ? VRING_DESC_F_WRITE : 0) |
		      (more ? VRING_DESC_F_NEXT : 0);
}

static int add_direct(struct vq *vq, const struct vq_seg *segs,
		      unsigned int nr)
{
	uint16_t id = vq->free_head;
	unsigned int i;

	if (nr > vq->nr_free)
		return -ENOSPC;
	for (i = 0; i < nr; i++) {
		fill_desc(&vq->desc[id], &segs[i], i + 1 < nr);
		id = vq->desc[id].next;
	}
	vq->free_head = id;
	vq->nr_free -= nr;
	return 0;
}

static int add_indirect(struct vq *vq, const struct vq_seg *segs,
			unsigned int nr)
{
	uint16_t head = vq->free_head;
	struct vring_desc *table = vq->tables + head * VQ_TABLE;
	unsigned int i;

	if (!vq->nr_free)
		return -ENOSPC;
	if (nr > VQ_TABLE)
		return -E2BIG;
	for (i = 0; i < nr; i++) {
		fill_desc(&table[i], &segs[i], i + 1 < nr);
		table[i].next = i + 1;
	}
	vq->desc[head].addr = vq->tables_iova +
			      head * VQ_TABLE * sizeof(*table);
	vq->desc[head].len = nr * sizeof(*table);
	vq->desc[head].flags = VRING_DESC_F_INDIRECT;
	vq->free_head = vq->desc[head].next;
	vq->nr_free--;
	return 0;
}

/* Puts @head into the available ring, whatever it is; see vq_publish(). */
void vq_offer_raw(struct vq *vq, uint16_t head)
{
	vq->avail->ring[vq->avail_idx % vq->num] = head;
	vq->avail_idx++;
}

/* Offers a buffer. The device sees it after vq_publish(). */
int vq_add(struct vq *vq, const struct vq_seg *segs, unsigned int nr,
	   void *token)
{
	uint16_t head = vq->free_head;
	int ret;

	if (vq->flags & VQ_INDIRECT && nr > 1)
		ret = add_indirect(vq, segs, nr);
	else
		ret = add_direct(vq, segs, nr);
	if (ret)
		return ret;
	vq->tokens[head] = token;
	vq_offer_raw(vq, head);
	return 0;
}

/* Shows the device all that was offered. Does it want a kick? */
bool vq_publish(struct vq *vq)
{
	uint16_t old = vq->published;

	store_release(&vq->avail->idx, vq->avail_idx);
	vq->published = vq->avail_idx;
	full_barrier();
	if (vq->flags & VQ_EVENT_IDX)
		return vring_need_event(load_acquire(avail_event(vq)),
					vq->avail_idx, old);
	return !(load_acquire(&vq->used->flags) & VRING_USED_F_NO_NOTIFY);
}

static void free_chain(struct vq *vq, uint16_t head)
{
	uint16_t id = head;

	vq->nr_free++;
	while (vq->desc[id].flags & VRING_DESC_F_NEXT) {
		id = vq->desc[id].next;
		vq->nr_free++;
	}
	vq->desc[id].next = vq->free_head;
	vq->free_head = head;
}

bool vq_pending(const struct vq *vq)
{
	return load_acquire(&vq->used->idx) != vq->last_used;
}

/*
 * The token of the next buffer that the device is done with and how much it
 * wrote, or NULL if there is none.
 */
void *vq_get(struct vq *vq, uint32_t *len)
{
	const struct vring_used_elem *elem;
	void *token;

	if (!vq_pending(vq))
		return NULL;
	elem = &vq->used->ring[vq->last_used % vq->num];
	if (elem->id >= vq->num)
		return NULL;
	token = vq->tokens[elem->id];
	vq->tokens[elem->id] = NULL;
	*len = elem->len;
	free_chain(vq, elem->id);
	vq->last_used++;
	return token;
}

/*
 * Asks for an interrupt when @nr more buffers are used; without event index, at
 * the next one. False if so many are there.
 */
bool vq_arm_after(struct vq *vq, uint16_t nr)
{
	vq->avail->flags &= ~VRING_AVAIL_F_NO_INTERRUPT;
	if (vq->flags & VQ_EVENT_IDX)
		store_release(used_event(vq), vq->last_used + nr - 1);
	full_barrier();
	return (uint16_t)(load_acquire(&vq->used->idx) - vq->last_used) < nr;
}

/* Asks for an interrupt at the next used buffer. False if one is there. */
bool vq_arm(struct vq *vq)
{
	return vq_arm_after(vq, 1);
}

/* With event index, the device looks at used_event only: leave it behind. */
void vq_disarm(struct vq *vq)
{
	if (vq->flags & VQ_EVENT_IDX)
		store_release(used_event(vq), vq->last_used - 1);
	else
		vq->avail->flags |= VRING_AVAIL_F_NO_INTERRUPT;
}
