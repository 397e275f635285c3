/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that transmits as fast as it can, with a thread for each queue: every
 * packet is a chain of pieces on pages of its own, in a region that somebody
 * else may map, unmap or replace meanwhile.
 */
#ifndef TESTS_LIB_VLOAD_H
#define TESTS_LIB_VLOAD_H

#include <pthread.h>

#include "vnic.h"

/* Packets in a ring. */
#define VLOAD_RING	32
#define VLOAD_PAGE	4096UL

struct vload;

/**
 * struct vload_queue - a transmit queue
 * @load: whose
 * @index: of the pair
 * @vq: the ring; entry i is always packet i
 * @rx: the receive ring, if the guest receives; entry i is always page i
 * @tables: an indirect table for each packet
 * @hdr: the header of all of them, and what follows it
 * @notify: where it is kicked
 * @rx_notify: where @rx is
 * @thread: kicks it
 * @sent: packets that the device gave back; read by others, too
 */
struct vload_queue {
	struct vload *load;
	unsigned int index;
	struct vq vq;
	struct vq rx;
	struct vring_desc *tables;
	uint8_t *hdr;
	unsigned int notify;
	unsigned int rx_notify;
	pthread_t thread;
	uint64_t sent;
};

/**
 * struct vload - the guest
 * @v: its card
 * @pci: transport
 * @mem: rings and headers
 * @region: the payload's pages
 * @shared: they are not this guest's to free
 * @pairs: queue pairs
 * @pages: of a packet
 * @bytes: on each of them
 * @first: queues before this one have no thread
 * @receive: into the region's first pages, on all pairs
 * @idle_us: what a queue waits between kicks, if not as fast as it can
 * @lock: held for writing by who sets the card up
 * @stop: the threads end
 * @running: there are threads
 * @queue: the queues
 * @ctrl: the control queue, if there are several pairs
 * @ctrl_index: its index
 * @command: what was said there last, and its answer
 * @resets: how often the device was broken and brought up again
 */
struct vload {
	struct vdev *v;
	struct vpci pci;
	struct guest_mem mem;
	struct guest_mem region;
	bool shared;
	unsigned int pairs;
	unsigned int pages;
	unsigned int bytes;
	unsigned int first;
	bool receive;
	unsigned int idle_us;
	pthread_rwlock_t lock;
	bool stop;
	bool running;
	struct vload_queue queue[VNIC_PAIRS];
	struct vq ctrl;
	unsigned int ctrl_index;
	uint8_t *command;
	uint64_t resets;
};

int vload_init(struct vload *l, struct vdev *v, unsigned int pairs,
	       unsigned int pages, size_t region_pages);
int vload_init_in(struct vload *l, struct vdev *v, unsigned int pairs,
		  unsigned int pages, const struct guest_mem *region,
		  uint64_t iova);
void vload_free(struct vload *l);
int vload_up(struct vload *l);
int vload_start(struct vload *l);
void vload_stop(struct vload *l);
void vload_kick(struct vload *l);
bool vload_send_page(struct vload *l, unsigned int index, uint64_t iova);
uint64_t vload_sent(const struct vload *l);
int vload_command(struct vload *l);
void vload_reset_ctrl(struct vload *l);
bool vload_can_restart(struct vload *l);
int vload_restart(struct vload *l, unsigned int index);
bool vload_broken(struct vload *l);
int vload_revive(struct vload *l);
bool vload_wait(struct vload *l, uint64_t packets, int ms);
int vload_goes_on(struct vload *l, uint64_t packets, int ms);

#endif /* TESTS_LIB_VLOAD_H */
