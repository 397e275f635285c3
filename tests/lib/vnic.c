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
	struct vq_seg segs[2] = {
		{ iova, VNIC_HDR, q == VNIC_RX },
		{ iova + VNIC_HDR, len, q == VNIC_RX },
	};

	return vq_add(&nic->vq[q], segs, 2, p);
}

static int publish(struct vnic *nic, unsigned int q)
{
	return vq_publish(&nic->vq[q]) ? vpci_kick(&nic->pci, q) : 0;
}

static int make_queues(struct vnic *nic, uint16_t num)
{
	unsigned int vq_flags = 0, q;
	int ret;

	if (nic->flags & VNIC_INDIRECT)
		vq_flags |= VQ_INDIRECT;
	if (nic->flags & VNIC_EVENT_IDX)
		vq_flags |= VQ_EVENT_IDX;
	for (q = 0; q < 2; q++) {
		ret = vq_init(&nic->vq[q], nic->mem, num, vq_flags);
		if (ret)
			return ret;
		nic->slots[q] = guest_alloc(nic->mem, num * VNIC_SLOT,
					    VNIC_SLOT);
		if (!nic->slots[q])
			return -ENOMEM;
		ret = vpci_set_queue(&nic->pci, q, &nic->vq[q],
				     nic->flags & VNIC_INTX ?
				     VPCI_NO_VECTOR : q + 1);
		if (ret)
			return ret;
	}
	return 0;
}

/* Buffers for half of the descriptors: each takes two if not indirect. */
static int fill_rx(struct vnic *nic)
{
	unsigned int i;
	int ret;

	for (i = 0; i < nic->vq[VNIC_RX].num / 2U; i++) {
		ret = post(nic, VNIC_RX, slot(nic, VNIC_RX, i),
			   VNIC_SLOT - VNIC_HDR);
		if (ret)
			return ret;
		nic->free_tx[i] = i;
	}
	nic->nr_free_tx = i;
	return 0;
}

/* Routes the interrupts of @vdev to the card's eventfds. */
int vnic_interrupts(struct vnic *nic, struct vdev *vdev)
{
	if (nic->flags & VNIC_INTX)
		return vdev_irq_eventfds(vdev, VFIO_PCI_INTX_IRQ_INDEX, 0, 1,
					 nic->events);
	return vdev_irq_eventfds(vdev, VFIO_PCI_MSIX_IRQ_INDEX, 0, 3,
				 nic->events);
}

static int setup_interrupts(struct vnic *nic)
{
	unsigned int i;
	int ret;

	for (i = 0; i < 3; i++) {
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
	if (ret)
		return ret;
	ret = fill_rx(nic);
	if (ret)
		return ret;
	ret = vpci_set_status(&nic->pci, vpci_status(&nic->pci) |
			      VIRTIO_CONFIG_S_DRIVER_OK);
	return ret ? ret : publish(nic, VNIC_RX);
}

/*
 * Brings the card up with rings of @num descriptors in @mem, which must be
 * mapped.
 */
int vnic_up(struct vnic *nic, struct vdev *vdev, struct guest_mem *mem,
	    uint16_t num, unsigned int flags)
{
	int ret;

	memset(nic, 0, sizeof(*nic));
	memset(nic->events, 0xff, sizeof(nic->events));
	nic->vdev = vdev;
	nic->mem = mem;
	nic->flags = flags;
	nic->features = wanted_features(flags);
	if (num / 2 > VNIC_TX_MAX)
		return -E2BIG;
	ret = vpci_init(&nic->pci, vdev);
	if (ret)
		return ret;
	return setup_device(nic, num);
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
	for (i = 0; i < 3; i++) {
		if (nic->events[i] >= 0)
			close(nic->events[i]);
	}
	vq_free(&nic->vq[VNIC_RX]);
	vq_free(&nic->vq[VNIC_TX]);
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
	for (i = 0; i < 3; i++)
		event_wait(nic->events[i], 0);
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
		if (ret < 0)
			return ret;
		if (!ret)
			return vq_pending(&nic->vq[q]) ? -EPROTO : -ETIMEDOUT;
		if (!(nic->flags & VNIC_INTX))
			continue;
		ret = end_of_intx(nic);
		if (ret)
			return ret;
	}
	return 0;
}

static void reap_tx(struct vnic *nic)
{
	uint32_t len;
	uint8_t *p;

	while ((p = vq_get(&nic->vq[VNIC_TX], &len)))
		nic->free_tx[nic->nr_free_tx++] =
			(p - nic->slots[VNIC_TX]) / VNIC_SLOT;
}

/* Hands a frame to the device; -ENOSPC if it has not freed any buffer. */
int vnic_send(struct vnic *nic, const void *frame, size_t len)
{
	uint8_t *p;
	int ret;

	reap_tx(nic);
	if (!nic->nr_free_tx)
		return -ENOSPC;
	if (len > VNIC_SLOT - VNIC_HDR)
		return -EMSGSIZE;
	p = slot(nic, VNIC_TX, nic->free_tx[nic->nr_free_tx - 1]);
	memset(p, 0, VNIC_HDR);
	memcpy(p + VNIC_HDR, frame, len);
	ret = post(nic, VNIC_TX, p, len);
	if (ret)
		return ret;
	nic->nr_free_tx--;
	return publish(nic, VNIC_TX);
}

/* 0 once the device has given back all that vnic_send() handed to it. */
int vnic_sent(struct vnic *nic, int ms)
{
	int64_t deadline = deadline_ms(ms);
	int ret;

	for (;;) {
		reap_tx(nic);
		if (nic->nr_free_tx == nic->vq[VNIC_TX].num / 2U)
			return 0;
		ret = wait_used(nic, VNIC_TX, deadline_left(deadline));
		if (ret)
			return ret;
	}
}

static int take_frame(struct vnic *nic, void *frame, size_t size)
{
	uint32_t len;
	uint8_t *p = vq_get(&nic->vq[VNIC_RX], &len);
	int ret;

	if (!p)
		return -EBADMSG;
	if (len < VNIC_HDR || len > VNIC_SLOT)
		return -EOVERFLOW;
	len -= VNIC_HDR;
	if (len > size)
		return -EMSGSIZE;
	memcpy(frame, p + VNIC_HDR, len);
	ret = post(nic, VNIC_RX, p, VNIC_SLOT - VNIC_HDR);
	if (!ret)
		ret = publish(nic, VNIC_RX);
	return ret ? ret : (int)len;
}

/* Length of the next frame of the tests' protocol; others are dropped. */
int vnic_recv(struct vnic *nic, void *frame, size_t size, int ms)
{
	int64_t deadline = deadline_ms(ms);
	const uint8_t *bytes = frame;
	int ret;

	for (;;) {
		ret = wait_used(nic, VNIC_RX, deadline_left(deadline));
		if (ret)
			return ret;
		ret = take_frame(nic, frame, size);
		if (ret < 0)
			return ret;
		if (ret >= ETH_HLEN &&
		    (bytes[12] << 8 | bytes[13]) == VNIC_PROTO)
			return ret;
	}
}

void vnic_mac(struct vnic *nic, uint8_t *mac)
{
	unsigned int i;

	for (i = 0; i < ETH_ALEN; i++)
		mac[i] = vpci_read(&nic->pci, VIRTIO_PCI_CAP_DEVICE_CFG, 1, i);
}
