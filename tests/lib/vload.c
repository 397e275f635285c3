// SPDX-License-Identifier: GPL-2.0-only
#include "vload.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* For the rings and headers: IOVAs below those of the region. */
#define MEM_IOVA	0x100000UL
#define MEM_SIZE	0x200000UL
#define REGION_IOVA	0x10000000UL
/* The packet after virtio's header, on the header's page: addresses and type. */
#define HEAD		(VNIC_HDR + ETH_HLEN)

static int init(struct vload *l, struct vdev *v, unsigned int pairs,
		unsigned int pages, uint64_t iova)
{
	pthread_rwlockattr_t attr;
	int ret;

	memset(l, 0, sizeof(*l));
	l->v = v;
	l->pairs = pairs;
	l->pages = pages;
	l->bytes = 64;
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr,
				      PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&l->lock, &attr);
	ret = guest_mem_init(&l->mem, iova, MEM_SIZE);
	return ret ? ret : vdev_map(v, &l->mem);
}

/*
 * A guest whose packets have @pages pages each, out of @region_pages, and
 * memory for it. The rings' memory is mapped, the region is not.
 */
int vload_init(struct vload *l, struct vdev *v, unsigned int pairs,
	       unsigned int pages, size_t region_pages)
{
	int ret = init(l, v, pairs, pages, MEM_IOVA);

	if (ret)
		return ret;
	return guest_mem_init(&l->region, REGION_IOVA,
			      region_pages * VLOAD_PAGE);
}

/*
 * The same with a region that the caller has, maybe for others, too; the rings are
 * at @iova.
 */
int vload_init_in(struct vload *l, struct vdev *v, unsigned int pairs,
		  unsigned int pages, const struct guest_mem *region,
		  uint64_t iova)
{
	int ret = init(l, v, pairs, pages, iova);

	l->region = *region;
	l->shared = true;
	return ret;
}

static void free_queue(struct vload_queue *q)
{
	vq_free(&q->vq);
	vq_free(&q->rx);
}

/* Frees what is the test's; the device is left alone. */
void vload_free(struct vload *l)
{
	unsigned int i;

	if (!l->v)
		return;
	vload_stop(l);
	for (i = 0; i < VNIC_PAIRS; i++)
		free_queue(&l->queue[i]);
	vq_free(&l->ctrl);
	guest_mem_free(&l->mem);
	if (!l->shared)
		guest_mem_free(&l->region);
	pthread_rwlock_destroy(&l->lock);
	l->v = NULL;
}

/* Packet @i: the header, then a piece of each of its pages. */
static void make_packet(struct vload_queue *q, unsigned int i)
{
	struct vload *l = q->load;
	unsigned int n = l->pages + 1, k;
	struct vring_desc *table = q->tables + i * n;
	size_t nr = l->region.size / VLOAD_PAGE;
	/* The queues begin at different places. */
	size_t page = (i * l->pages + q->index * nr / l->pairs) % nr;

	for (k = 0; k < n; k++) {
		table[k].flags = k + 1 < n ? VRING_DESC_F_NEXT : 0;
		table[k].next = k + 1;
		table[k].len = l->bytes;
		table[k].addr = l->region.iova + page * VLOAD_PAGE;
		if (k)
			page = (page + 1) % nr;
	}
	table[0].addr = guest_iova(&l->mem, q->hdr);
	table[0].len = HEAD;
	q->vq.desc[i].addr = guest_iova(&l->mem, table);
	q->vq.desc[i].len = n * sizeof(*table);
	q->vq.desc[i].flags = VRING_DESC_F_INDIRECT;
	q->vq.avail->ring[i] = i;
}

/* The receive queue: a page of the region for each buffer. */
static int make_rx(struct vload *l, struct vload_queue *q)
{
	unsigned int i;
	int ret = vq_init(&q->rx, &l->mem, VLOAD_RING, 0);

	if (ret)
		return ret;
	for (i = 0; i < VLOAD_RING; i++) {
		q->rx.desc[i].addr = l->region.iova +
				     (q->index * VLOAD_RING + i) * VLOAD_PAGE;
		q->rx.desc[i].len = VLOAD_PAGE;
		q->rx.desc[i].flags = VRING_DESC_F_WRITE;
		q->rx.avail->ring[i] = i;
	}
	q->rx.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	ret = vpci_set_queue(&l->pci, 2 * q->index + VNIC_RX, &q->rx,
			     VPCI_NO_VECTOR);
	q->rx_notify = vpci_kick_offset(&l->pci);
	return ret;
}

static int make_queue(struct vload *l, unsigned int index)
{
	struct vload_queue *q = &l->queue[index];
	unsigned int i;
	int ret;

	free_queue(q);
	q->load = l;
	q->index = index;
	if (l->receive) {
		ret = make_rx(l, q);
		if (ret)
			return ret;
	}
	ret = vq_init(&q->vq, &l->mem, VLOAD_RING, 0);
	if (ret)
		return ret;
	q->tables = guest_alloc(&l->mem, VLOAD_RING * (l->pages + 1) *
				sizeof(*q->tables), 16);
	q->hdr = guest_alloc(&l->mem, HEAD, 64);
	if (!q->tables || !q->hdr)
		return -ENOMEM;
	q->hdr[VNIC_HDR + 12] = VNIC_PROTO >> 8;
	q->hdr[VNIC_HDR + 13] = VNIC_PROTO & 0xff;
	for (i = 0; i < VLOAD_RING; i++)
		make_packet(q, i);
	q->vq.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	ret = vpci_set_queue(&l->pci, 2 * index + VNIC_TX, &q->vq,
			     VPCI_NO_VECTOR);
	q->notify = vpci_kick_offset(&l->pci);
	return ret;
}

static uint64_t ring_reset(struct vload *l)
{
	return vpci_device_features(&l->pci) &
	       VNIC_FEATURE(VIRTIO_F_RING_RESET);
}

/* Is vload_restart() possible? */
bool vload_can_restart(struct vload *l)
{
	return ring_reset(l);
}

static void reset_queue(struct vload *l, unsigned int index)
{
	vpci_set_common(&l->pci, VIRTIO_PCI_COMMON_Q_SELECT, index);
	vpci_set_common(&l->pci, VIRTIO_PCI_COMMON_Q_RESET, 1);
	while (vpci_common(&l->pci, VIRTIO_PCI_COMMON_Q_RESET))
		sched_yield();
}

/* Resets the control queue. */
void vload_reset_ctrl(struct vload *l)
{
	reset_queue(l, l->ctrl_index);
}

/* Resets a transmit queue and gives the ring to the device again, empty. */
int vload_restart(struct vload *l, unsigned int index)
{
	struct vload_queue *q = &l->queue[index];
	struct vq *vq = &q->vq;
	int ret;

	pthread_rwlock_wrlock(&l->lock);
	reset_queue(l, 2 * index + VNIC_TX);
	vq->avail->idx = 0;
	vq->used->idx = 0;
	vq->last_used = 0;
	ret = vpci_set_queue(&l->pci, 2 * index + VNIC_TX, vq,
			     VPCI_NO_VECTOR);
	pthread_rwlock_unlock(&l->lock);
	return ret;
}

static bool has_ctrl(const struct vload *l)
{
	return l->pairs > 1;
}

/* Has the card told that all pairs are used; waits for nothing. */
int vload_command(struct vload *l)
{
	uint8_t *p = l->command;
	uint64_t iova = guest_iova(&l->mem, p);
	struct vq_seg segs[2] = { { iova, 4, false }, { iova + 4, 1, true } };
	int ret;

	p[0] = VIRTIO_NET_CTRL_MQ;
	p[1] = VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET;
	put_le16(p + 2, l->pairs);
	p[4] = 0xee;
	ret = vq_add(&l->ctrl, segs, 2, p);
	if (ret)
		return ret;
	vq_publish(&l->ctrl);
	return vpci_kick(&l->pci, l->ctrl_index);
}

/* Tells a card of several pairs that all of them are used. */
static int use_pairs(struct vload *l)
{
	int64_t deadline = deadline_ms(DEADLINE_MS);
	int ret = vload_command(l);
	uint32_t len;

	while (!ret && !vq_pending(&l->ctrl)) {
		if (!deadline_left(deadline))
			ret = -ETIMEDOUT;
		sched_yield();
	}
	vq_get(&l->ctrl, &len);
	return ret ? ret : l->command[4] ? -EPROTO : 0;
}

static int set_up_ctrl(struct vload *l)
{
	int ret;

	l->command = guest_alloc(&l->mem, 8, 8);
	l->ctrl_index = 2 * vpci_read(&l->pci, VIRTIO_PCI_CAP_DEVICE_CFG, 2,
				      offsetof(struct virtio_net_config,
					       max_virtqueue_pairs));
	vq_free(&l->ctrl);
	ret = vq_init(&l->ctrl, &l->mem, 4, 0);
	return ret ? ret : vpci_set_queue(&l->pci, l->ctrl_index, &l->ctrl,
					  VPCI_NO_VECTOR);
}

static int set_up(struct vload *l)
{
	uint64_t features = VNIC_FEATURE(VIRTIO_F_VERSION_1) |
			    VNIC_FEATURE(VIRTIO_F_ACCESS_PLATFORM) |
			    VNIC_FEATURE(VIRTIO_RING_F_INDIRECT_DESC);
	unsigned int i;
	int ret;

	l->mem.used = 0;
	ret = vpci_init(&l->pci, l->v);
	if (!ret)
		ret = pci_write(l->v, 2, PCI_COMMAND,
				PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (has_ctrl(l))
		features |= VNIC_F(CTRL_VQ) | VNIC_F(MQ);
	features |= ring_reset(l);
	if (!ret)
		ret = vpci_negotiate(&l->pci, features);
	for (i = 0; !ret && i < l->pairs; i++)
		ret = make_queue(l, i);
	if (!ret && has_ctrl(l))
		ret = set_up_ctrl(l);
	if (!ret)
		ret = vpci_set_status(&l->pci, vpci_status(&l->pci) |
				      VIRTIO_CONFIG_S_DRIVER_OK);
	return ret || !has_ctrl(l) ? ret : use_pairs(l);
}

/* Brings the card up; also after a reset, under the threads' feet. */
int vload_up(struct vload *l)
{
	int ret;

	pthread_rwlock_wrlock(&l->lock);
	ret = set_up(l);
	pthread_rwlock_unlock(&l->lock);
	return ret;
}

/* Offers again what was used; returns how much that was. */
static uint16_t offer_again(struct vq *vq)
{
	uint16_t used = __atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE);
	uint16_t nr = used - vq->last_used;

	vq->last_used = used;
	vq->avail_idx = used + VLOAD_RING;
	vq_publish(vq);
	return nr;
}

/* Then a kick, which transmits. */
static void run_queue(struct vload_queue *q)
{
	struct vload *l = q->load;

	__atomic_add_fetch(&q->sent, offer_again(&q->vq), __ATOMIC_RELAXED);
	if (l->receive && offer_again(&q->rx))
		vpci_kick_at(&l->pci, q->rx_notify, 2 * q->index + VNIC_RX);
	vpci_kick_at(&l->pci, q->notify, 2 * q->index + VNIC_TX);
}

static void *queue_thread(void *arg)
{
	struct vload_queue *q = arg;
	struct vload *l = q->load;

	while (!__atomic_load_n(&l->stop, __ATOMIC_RELAXED)) {
		pthread_rwlock_rdlock(&l->lock);
		run_queue(q);
		pthread_rwlock_unlock(&l->lock);
		if (l->idle_us)
			usleep(l->idle_us);
		else
			sched_yield();
	}
	return NULL;
}

/* From here on every queue transmits, until vload_stop(). */
int vload_start(struct vload *l)
{
	unsigned int i;

	l->stop = false;
	for (i = l->first; i < l->pairs; i++) {
		if (pthread_create(&l->queue[i].thread, NULL, queue_thread,
				   &l->queue[i]))
			return -EAGAIN;
	}
	l->running = true;
	return 0;
}

void vload_stop(struct vload *l)
{
	unsigned int i;

	if (!l->running)
		return;
	__atomic_store_n(&l->stop, true, __ATOMIC_RELAXED);
	for (i = l->first; i < l->pairs; i++)
		pthread_join(l->queue[i].thread, NULL);
	l->running = false;
}

/* One kick of each queue, where no thread does it. */
void vload_kick(struct vload *l)
{
	unsigned int i;

	for (i = 0; i < l->pairs; i++)
		run_queue(&l->queue[i]);
}

/*
 * A packet with a page at @iova, on a queue that has no thread: false if the device
 * does not give it back.
 */
bool vload_send_page(struct vload *l, unsigned int index, uint64_t iova)
{
	int64_t deadline = deadline_ms(DEADLINE_MS);
	struct vload_queue *q = &l->queue[index];
	struct vq *vq = &q->vq;

	q->tables[vq->avail_idx % VLOAD_RING * (l->pages + 1) + 1].addr = iova;
	vq->avail_idx++;
	vq_publish(vq);
	vpci_kick_at(&l->pci, q->notify, 2 * index + VNIC_TX);
	while (__atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE) !=
	       vq->avail_idx) {
		if (!deadline_left(deadline))
			return false;
		sched_yield();
	}
	return true;
}

/* Packets that the device gave back, of all queues. */
uint64_t vload_sent(const struct vload *l)
{
	uint64_t sent = 0;
	unsigned int i;

	for (i = 0; i < l->pairs; i++)
		sent += __atomic_load_n(&l->queue[i].sent, __ATOMIC_RELAXED);
	return sent;
}

/* Does the device need a reset, because memory was gone that it needed? */
bool vload_broken(struct vload *l)
{
	return vpci_status(&l->pci) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* Resets a device that needs it, and brings it up again. */
int vload_revive(struct vload *l)
{
	int ret;

	if (!vload_broken(l))
		return 0;
	l->resets++;
	pthread_rwlock_wrlock(&l->lock);
	ret = vdev_reset(l->v);
	if (!ret)
		ret = set_up(l);
	pthread_rwlock_unlock(&l->lock);
	return ret;
}

/* Until so many more packets are through, or the time is over or it is broken. */
bool vload_wait(struct vload *l, uint64_t packets, int ms)
{
	uint64_t until = vload_sent(l) + packets;
	int64_t deadline = deadline_ms(ms);

	while (vload_sent(l) < until) {
		if (!deadline_left(deadline) || vload_broken(l))
			return false;
		sched_yield();
	}
	return true;
}

/*
 * So many more packets get through. It may still break for what it found before,
 * when there was no memory; then it is reset, and goes on.
 */
int vload_goes_on(struct vload *l, uint64_t packets, int ms)
{
	int64_t deadline = deadline_ms(ms);
	int ret;

	do {
		ret = vload_revive(l);
		if (ret)
			return ret;
		if (vload_wait(l, packets, ms))
			return 0;
	} while (vload_broken(l) && deadline_left(deadline));
	return -ETIMEDOUT;
}
