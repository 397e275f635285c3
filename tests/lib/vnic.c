// SPDX-License-Identifier: GPL-2.0-only
#include "vnic.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static uint64_t wanted_features(unsigned int flags)
{
	uint64_t features = VNIC_FEATURE(VIRTIO_F_VERSION_1) |
			    VNIC_FEATURE(VIRTIO_F_ACCESS_PLATFORM) |
			    VNIC_FEATURE(VIRTIO_NET_F_MAC) |
			    VNIC_FEATURE(VIRTIO_NET_F_STATUS);

	if (flags & VNIC_INDIRECT)
		features |= VNIC_FEATURE(VIRTIO_RING_F_INDIRECT_DESC);
	if (flags & VNIC_EVENT_IDX)
		features |= VNIC_FEATURE(VIRTIO_RING_F_EVENT_IDX);
	return features;
}

static uint8_t *slot(struct vnic *nic, unsigned int q, unsigned int i)
{
	return nic->slots[q] + i * VNIC_SLOT;
}

/* Header and data are two pieces, so that the chain can be indirect. */
static int post(struct vnic *nic, unsigned int q, uint8_t *p, size_t len)
{
	uint64_t iova = guest_iova(nic->mem, p);
	bool in = !(q & 1);
	struct vq_seg segs[2] = {
		{ iova, nic->hdr, in },
		{ iova + nic->hdr, len, in },
	};

	return vq_add(&nic->vq[q], segs, 2, p);
}

static int publish(struct vnic *nic, unsigned int q)
{
	return vq_publish(&nic->vq[q]) ? vpci_kick(&nic->pci, q) : 0;
}

static int make_queue(struct vnic *nic, unsigned int q, uint16_t num)
{
	unsigned int vq_flags = 0;
	int ret;

	if (nic->flags & VNIC_INDIRECT)
		vq_flags |= VQ_INDIRECT;
	if (nic->flags & VNIC_EVENT_IDX)
		vq_flags |= VQ_EVENT_IDX;
	ret = vq_init(&nic->vq[q], nic->mem, num, vq_flags);
	if (ret)
		return ret;
	nic->slots[q] = guest_alloc(nic->mem, num * VNIC_SLOT, VNIC_SLOT);
	if (!nic->slots[q])
		return -ENOMEM;
	return vpci_set_queue(&nic->pci, q, &nic->vq[q],
			      nic->flags & VNIC_INTX ? VPCI_NO_VECTOR : q + 1);
}

static int make_queues(struct vnic *nic, uint16_t num)
{
	unsigned int q;
	int ret;

	for (q = 0; q < 2 * nic->pairs; q++) {
		ret = make_queue(nic, q, num);
		if (ret)
			return ret;
	}
	return nic->ctrl ? make_queue(nic, nic->ctrl, 4) : 0;
}

/* Buffers for half of the descriptors: each takes two if not indirect. */
static int fill_pair(struct vnic *nic, unsigned int pair)
{
	unsigned int i, q = 2 * pair + VNIC_RX;
	int ret;

	for (i = 0; i < nic->vq[q].num / 2U; i++) {
		ret = post(nic, q, slot(nic, q, i), VNIC_SLOT - nic->hdr);
		if (ret)
			return ret;
		nic->tx[pair].free[i] = i;
	}
	nic->tx[pair].nr_free = i;
	return 0;
}

/* Routes the interrupts of @vdev to the card's eventfds. */
int vnic_interrupts(struct vnic *nic, struct vdev *vdev)
{
	if (nic->flags & VNIC_INTX)
		return vdev_irq_eventfds(vdev, VFIO_PCI_INTX_IRQ_INDEX, 0, 1,
					 nic->events);
	return vdev_irq_eventfds(vdev, VFIO_PCI_MSIX_IRQ_INDEX, 0,
				 nic->nr_vq + 1, nic->events);
}

static int setup_interrupts(struct vnic *nic)
{
	unsigned int i;
	int ret;

	for (i = 0; i <= nic->nr_vq; i++) {
		nic->events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (nic->events[i] < 0)
			return -errno;
	}
	ret = vnic_interrupts(nic, nic->vdev);
	if (ret || nic->flags & VNIC_INTX)
		return ret;
	return vpci_msix_enable(&nic->pci, true);
}

static int setup_device(struct vnic *nic, uint16_t num)
{
	unsigned int i;
	int ret;

	ret = pci_write(nic->vdev, 2, PCI_COMMAND,
			PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (ret)
		return ret;
	ret = vpci_negotiate(&nic->pci, nic->features);
	if (ret)
		return ret;
	ret = setup_interrupts(nic);
	if (ret)
		return ret;
	if (!(nic->flags & VNIC_INTX))
		vpci_set_common(&nic->pci, VIRTIO_PCI_COMMON_MSIX, 0);
	ret = make_queues(nic, num);
	for (i = 0; !ret && i < nic->pairs; i++)
		ret = fill_pair(nic, i);
	if (ret)
		return ret;
	ret = vpci_set_status(&nic->pci, vpci_status(&nic->pci) |
			      VIRTIO_CONFIG_S_DRIVER_OK);
	for (i = 0; !ret && i < nic->pairs; i++)
		ret = publish(nic, 2 * i + VNIC_RX);
	return ret;
}

/* Where the control queue is: behind the pairs that the driver knows of. */
static unsigned int find_ctrl(struct vnic *nic)
{
	if (!(nic->features & VNIC_F(CTRL_VQ)))
		return 0;
	if (!(nic->features & (VNIC_F(MQ) | VNIC_F(RSS))))
		return 2;
	return 2 * vpci_read(&nic->pci, VIRTIO_PCI_CAP_DEVICE_CFG, 2,
			     offsetof(struct virtio_net_config,
				      max_virtqueue_pairs));
}

/*
 * Brings the card up with rings of @num descriptors in @mem, which must be
 * mapped, with further @features, and with buffers in @pairs pairs. The device
 * uses one of them until vnic_set_pairs().
 */
int vnic_up_with(struct vnic *nic, struct vdev *vdev, struct guest_mem *mem,
		 uint16_t num, unsigned int flags, uint64_t features,
		 unsigned int pairs)
{
	int ret;

	memset(nic, 0, sizeof(*nic));
	memset(nic->events, 0xff, sizeof(nic->events));
	nic->vdev = vdev;
	nic->mem = mem;
	nic->flags = flags;
	nic->features = wanted_features(flags) | features;
	nic->pairs = pairs;
	nic->hdr = features & VNIC_F(HASH_REPORT) ?
		   sizeof(struct virtio_net_hdr_v1_hash) : VNIC_HDR;
	if (num / 2 > VNIC_TX_MAX || pairs > VNIC_PAIRS)
		return -E2BIG;
	ret = vpci_init(&nic->pci, vdev);
	if (ret)
		return ret;
	nic->ctrl = find_ctrl(nic);
	nic->nr_vq = nic->ctrl ? nic->ctrl + 1 : 2 * pairs;
	return setup_device(nic, num);
}

int vnic_up(struct vnic *nic, struct vdev *vdev, struct guest_mem *mem,
	    uint16_t num, unsigned int flags)
{
	return vnic_up_with(nic, vdev, mem, num, flags, 0, 1);
}

/* The card is @vdev now, which took over its state. */
int vnic_move(struct vnic *nic, struct vdev *vdev)
{
	nic->vdev = vdev;
	return vpci_init(&nic->pci, vdev);
}

/* Frees what is the test's; the device is left alone. */
void vnic_down(struct vnic *nic)
{
	unsigned int i;

	if (!nic->mem)
		return;
	for (i = 0; i <= VNIC_QUEUES; i++) {
		if (nic->events[i] >= 0)
			close(nic->events[i]);
	}
	for (i = 0; i < VNIC_QUEUES; i++)
		vq_free(&nic->vq[i]);
	nic->mem = NULL;
}

/* What a guest does in an INTx handler: acknowledge, end of interrupt. */
static int end_of_intx(struct vnic *nic)
{
	vpci_read(&nic->pci, VIRTIO_PCI_CAP_ISR_CFG, 1, 0);
	return vdev_irq_set(nic->vdev, VFIO_PCI_INTX_IRQ_INDEX,
			    VFIO_IRQ_SET_DATA_NONE |
			    VFIO_IRQ_SET_ACTION_UNMASK, 0, 1, NULL, 0);
}

/* Takes the interrupts that came so far; then none is signalled. */
int vnic_quiet(struct vnic *nic)
{
	unsigned int i;

	if (nic->flags & VNIC_INTX) {
		int ret = end_of_intx(nic);

		if (ret)
			return ret;
	}
	for (i = 0; i <= nic->nr_vq; i++) {
		if (nic->events[i] >= 0)
			event_wait(nic->events[i], 0);
	}
	return 0;
}

/*
 * Waits for a used buffer by interrupt only. 0, -ETIMEDOUT, or -EPROTO if a
 * buffer came without its interrupt.
 */
static int wait_used(struct vnic *nic, unsigned int q, int ms)
{
	int event = nic->events[nic->flags & VNIC_INTX ? 0 : q + 1];
	int64_t deadline = deadline_ms(ms);
	int ret;

	while (vq_arm(&nic->vq[q])) {
		ret = event_wait(event, deadline_left(deadline));
		/* It came at the last moment: then the interrupt follows it. */
		if (!ret && vq_pending(&nic->vq[q]))
			ret = event_wait(event, DEADLINE_MS) ?: -EPROTO;
		if (ret <= 0)
			return ret ?: -ETIMEDOUT;
		if (!(nic->flags & VNIC_INTX))
			continue;
		ret = end_of_intx(nic);
		if (ret)
			return ret;
	}
	return 0;
}

static void reap_tx(struct vnic *nic, unsigned int pair)
{
	unsigned int q = 2 * pair + VNIC_TX;
	struct vnic_tx *tx = &nic->tx[pair];
	uint32_t len;
	uint8_t *p;

	while ((p = vq_get(&nic->vq[q], &len))) {
		if (p != nic->big)
			tx->free[tx->nr_free++] =
				(p - nic->slots[q]) / VNIC_SLOT;
	}
}

static uint8_t *tx_buffer(struct vnic *nic, unsigned int pair, size_t len)
{
	struct vnic_tx *tx = &nic->tx[pair];

	if (nic->hdr + len <= VNIC_SLOT) {
		if (!tx->nr_free)
			return NULL;
		return slot(nic, 2 * pair + VNIC_TX, tx->free[--tx->nr_free]);
	}
	if (!nic->big)
		nic->big = guest_alloc(nic->mem, nic->hdr + VNIC_BIG,
				       VNIC_SLOT);
	return nic->big;
}

/*
 * Hands a frame to the device with the header @hdr, of which there is none if
 * NULL; -ENOSPC if it has not freed any buffer. There is one buffer for all
 * frames that are longer than a page.
 */
int vnic_send_on(struct vnic *nic, unsigned int pair, const void *hdr,
		 const void *frame, size_t len)
{
	unsigned int q = 2 * pair + VNIC_TX;
	uint8_t *p;
	int ret;

	reap_tx(nic, pair);
	if (len > VNIC_BIG)
		return -EMSGSIZE;
	p = tx_buffer(nic, pair, len);
	if (!p)
		return -ENOSPC;
	memset(p, 0, nic->hdr);
	if (hdr)
		memcpy(p, hdr, nic->hdr);
	memcpy(p + nic->hdr, frame, len);
	ret = post(nic, q, p, len);
	return ret ? ret : publish(nic, q);
}

int vnic_send(struct vnic *nic, const void *frame, size_t len)
{
	return vnic_send_on(nic, 0, NULL, frame, len);
}

/* A packet of 64 bytes out of each of @nr places, @step apart; 0 once it was sent. */
int vnic_send_parts(struct vnic *nic, uint64_t iova, unsigned int nr,
		    uint64_t step)
{
	struct vq *vq = &nic->vq[VNIC_TX];
	struct vq_seg *segs = calloc(1 + nr, sizeof(*segs));
	unsigned int i;
	uint8_t *hdr;
	int ret;

	reap_tx(nic, 0);
	hdr = tx_buffer(nic, 0, 0);
	if (!segs || !hdr) {
		free(segs);
		return -ENOMEM;
	}
	memset(hdr, 0, nic->hdr);
	segs[0] = (struct vq_seg){ guest_iova(nic->mem, hdr), nic->hdr, false };
	for (i = 0; i < nr; i++)
		segs[1 + i] = (struct vq_seg){ iova + i * step, 64, false };
	ret = vq_add(vq, segs, 1 + nr, hdr);
	free(segs);
	if (!ret)
		ret = publish(nic, VNIC_TX);
	return ret ? ret : vnic_sent(nic, DEADLINE_MS);
}

/* 0 once the device has given back all that was sent. */
int vnic_sent(struct vnic *nic, int ms)
{
	int64_t deadline = deadline_ms(ms);
	unsigned int pair;
	int ret;

	for (pair = 0; pair < nic->pairs; pair++) {
		struct vq *vq = &nic->vq[2 * pair + VNIC_TX];

		for (;;) {
			reap_tx(nic, pair);
			if (vq->last_used == vq->avail_idx)
				break;
			ret = wait_used(nic, 2 * pair + VNIC_TX,
					deadline_left(deadline));
			if (ret)
				return ret;
		}
	}
	return 0;
}

/* One of a frame's buffers; what it had is appended. Bytes, or an errno. */
static int take_buffer(struct vnic *nic, unsigned int q, void *hdr,
		       uint8_t *frame, size_t size)
{
	size_t skip = hdr ? nic->hdr : 0;
	uint32_t len;
	uint8_t *p = vq_get(&nic->vq[q], &len);
	int ret;

	if (!p)
		return -EBADMSG;
	if (len < skip || len > VNIC_SLOT)
		return -EOVERFLOW;
	if (len - skip > size)
		return -EMSGSIZE;
	if (hdr)
		memcpy(hdr, p, skip);
	memcpy(frame, p + skip, len - skip);
	ret = post(nic, q, p, VNIC_SLOT - nic->hdr);
	if (!ret)
		ret = publish(nic, q);
	return ret ? ret : (int)(len - skip);
}

static int take_frame(struct vnic *nic, unsigned int q, void *hdr,
		      uint8_t *frame, size_t size)
{
	unsigned int i, nr;
	size_t len;
	int ret;

	ret = take_buffer(nic, q, hdr, frame, size);
	if (ret < 0)
		return ret;
	len = ret;
	/* All of them come at once. */
	nr = get_le16((uint8_t *)hdr +
		      offsetof(struct virtio_net_hdr_v1, num_buffers));
	if (!nr || (nr > 1 && !(nic->features & VNIC_F(MRG_RXBUF))))
		return -EPROTO;
	for (i = 1; i < nr; i++) {
		ret = take_buffer(nic, q, NULL, frame + len, size - len);
		if (ret < 0)
			return ret;
		len += ret;
	}
	return len;
}

/* The next frame of queue pair @pair, whatever it is, and its header. */
int vnic_recv_any(struct vnic *nic, unsigned int pair, void *hdr, void *frame,
		  size_t size, int ms)
{
	unsigned int q = 2 * pair + VNIC_RX;
	int ret = wait_used(nic, q, ms);

	return ret ? ret : take_frame(nic, q, hdr, frame, size);
}

/* Did a test make this frame? */
bool vnic_is_own(const void *frame, size_t len)
{
	return len >= ETH_HLEN &&
	       !memcmp((const uint8_t *)frame + ETH_ALEN, VNIC_SOURCE,
		       VNIC_SOURCE_LEN);
}

/*
 * The next frame of queue pair @pair that a test made, and its header. What the host
 * sends by itself is dropped and counted, and does not put off the end of @ms.
 */
int vnic_recv_on(struct vnic *nic, unsigned int pair, void *hdr, void *frame,
		 size_t size, int ms)
{
	int64_t deadline = deadline_ms(ms);
	unsigned int late = 0;
	int ret;

	for (;;) {
		ret = vnic_recv_any(nic, pair, hdr, frame, size,
				    deadline_left(deadline));
		if (ret < 0 || vnic_is_own(frame, ret))
			return ret;
		nic->foreign++;
		/* What was there in time is looked at. */
		if (!deadline_left(deadline) &&
		    ++late > nic->vq[2 * pair + VNIC_RX].num)
			return -ETIMEDOUT;
	}
}

/* Length of the next frame of the tests' protocol; others are dropped. */
int vnic_recv(struct vnic *nic, void *frame, size_t size, int ms)
{
	struct virtio_net_hdr_v1_hash hdr;
	int64_t deadline = deadline_ms(ms);
	const uint8_t *bytes = frame;
	int ret;

	for (;;) {
		ret = vnic_recv_on(nic, 0, &hdr, frame, size,
				   deadline_left(deadline));
		if (ret < 0)
			return ret;
		if (ret >= ETH_HLEN &&
		    (bytes[12] << 8 | bytes[13]) == VNIC_PROTO)
			return ret;
	}
}

/*
 * Puts @len bytes into the control queue, with @room bytes for the answer: the
 * answer, or 0 if there was no room for it; or an errno.
 */
int vnic_command_raw(struct vnic *nic, const void *out, size_t len,
		     size_t room)
{
	uint8_t *p = slot(nic, nic->ctrl, 0);
	uint64_t iova = guest_iova(nic->mem, p);
	struct vq_seg segs[4];
	unsigned int nr = 0;
	uint32_t used;
	int ret;

	if (len > 2 * VNIC_SLOT)
		return -EMSGSIZE;
	memcpy(p, out, len);
	p[2 * VNIC_SLOT] = 0xee;
	/* The command, its data, the answer. */
	if (len)
		segs[nr++] = (struct vq_seg){ iova, len < 2 ? len : 2, false };
	if (len > 2)
		segs[nr++] = (struct vq_seg){ iova + 2, len - 2, false };
	if (room)
		segs[nr++] = (struct vq_seg){ iova + 2 * VNIC_SLOT, room,
					      true };
	ret = vq_add(&nic->vq[nic->ctrl], segs, nr, p);
	if (!ret)
		ret = publish(nic, nic->ctrl);
	if (!ret)
		ret = wait_used(nic, nic->ctrl, DEADLINE_MS);
	if (ret)
		return ret;
	if (!vq_get(&nic->vq[nic->ctrl], &used))
		return -EBADMSG;
	if (used != !!room)
		return -EPROTO;
	return room ? p[2 * VNIC_SLOT] : 0;
}

/* VIRTIO_NET_OK or VIRTIO_NET_ERR, or an errno. */
int vnic_command(struct vnic *nic, unsigned int class, unsigned int command,
		 const void *data, size_t len)
{
	uint8_t out[1024] = { class, command };

	if (len > sizeof(out) - 2)
		return -EMSGSIZE;
	if (len)
		memcpy(out + 2, data, len);
	return vnic_command_raw(nic, out, len + 2, 1);
}

int vnic_set_pairs(struct vnic *nic, uint16_t pairs)
{
	uint8_t data[2];

	put_le16(data, pairs);
	return vnic_command(nic, VIRTIO_NET_CTRL_MQ,
			    VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, data,
			    sizeof(data));
}

void vnic_mac(struct vnic *nic, uint8_t *mac)
{
	unsigned int i;

	for (i = 0; i < ETH_ALEN; i++)
		mac[i] = vpci_read(&nic->pci, VIRTIO_PCI_CAP_DEVICE_CFG, 1, i);
}
