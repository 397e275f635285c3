/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's side of a split virtqueue, for any transport: the caller gives
 * the ring's addresses to the device and kicks it when vq_publish() says so.
 */
#ifndef TESTS_LIB_VRING_H
#define TESTS_LIB_VRING_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "vdev.h"

/* Descriptors of an indirect table. */
#define VQ_TABLE	8

#define VQ_INDIRECT	(1U << 0)
#define VQ_EVENT_IDX	(1U << 1)

/**
 * struct vq_seg - a piece of a buffer
 * @iova: where
 * @len: bytes
 * @write: the device writes to it; such pieces come last
 */
struct vq_seg {
	uint64_t iova;
	uint32_t len;
	bool write;
};

/**
 * struct vq - a virtqueue
 * @num: descriptors
 * @flags: VQ_*
 * @desc: descriptor table
 * @avail: what the driver offers
 * @used: what the device is done with
 * @tables: an indirect table per descriptor
 * @desc_iova: address for the device, likewise the others
 * @tokens: by first descriptor, of buffers that the device has
 * @free_head: first of the list of free descriptors
 * @nr_free: how many
 * @avail_idx: next index to offer, published or not
 * @published: @avail_idx at the last vq_publish()
 * @last_used: next index to look at
 */
struct vq {
	uint16_t num;
	unsigned int flags;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_desc *tables;
	uint64_t desc_iova;
	uint64_t avail_iova;
	uint64_t used_iova;
	uint64_t tables_iova;
	void **tokens;
	uint16_t free_head;
	uint16_t nr_free;
	uint16_t avail_idx;
	uint16_t published;
	uint16_t last_used;
};

int vq_init(struct vq *vq, struct guest_mem *mem, uint16_t num,
	    unsigned int flags);
void vq_free(struct vq *vq);
int vq_add(struct vq *vq, const struct vq_seg *segs, unsigned int nr,
	   void *token);
bool vq_publish(struct vq *vq);
void *vq_get(struct vq *vq, uint32_t *len);
bool vq_pending(const struct vq *vq);
bool vq_arm(struct vq *vq);
bool vq_arm_after(struct vq *vq, uint16_t nr);
void vq_disarm(struct vq *vq);
void vq_offer_raw(struct vq *vq, uint16_t head);

#endif /* TESTS_LIB_VRING_H */
