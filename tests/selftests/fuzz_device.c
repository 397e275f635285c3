// SPDX-License-Identifier: GPL-2.0-only
/* What the fuzzer does to the device by other ways than guest memory. */
#include "fuzz.h"

#include <linux/pci_regs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "packet.h"

/* Where a frame goes that the host sends. */
static void any_address(struct fuzz *f, uint8_t *mac)
{
	fuzz_bytes(f, mac, ETH_ALEN);
	if (!fuzz_once_in(f, 3))
		memcpy(mac, f->mac, ETH_ALEN);
	else if (fuzz_once_in(f, 2))
		memset(mac, 0xff, ETH_ALEN);
}

void fuzz_host_frame(struct fuzz *f)
{
	uint8_t frame[2048], mac[ETH_ALEN];
	size_t len = ETH_HLEN + fuzz_below(f, fuzz_once_in(f, 4) ? 1501 : 100);

	any_address(f, mac);
	frame_make(frame, len, mac, len);
	if (fuzz_once_in(f, 8)) {
		frame[12] = 0x81;
		frame[13] = 0;
	}
	netif_send(f->plain, frame, len);
}

/* The kernel checks such headers; what passes it goes to the card. */
void fuzz_host_gso(struct fuzz *f)
{
	struct virtio_net_hdr hdr = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = PACKET_TCP_HDR,
		.gso_size = fuzz_once_in(f, 4) ? 1 + fuzz_below(f, 2000) : 1448,
		.csum_start = PACKET_ETH + PACKET_IP,
		.csum_offset = 16,
	};
	size_t len = PACKET_TCP_HDR;

	len += fuzz_below(f, fuzz_once_in(f, 4) ? FUZZ_PACKET : 5000);
	if (fuzz_once_in(f, 3))
		hdr.gso_type = VIRTIO_NET_HDR_GSO_NONE;
	any_address(f, f->packet);
	packet_send(f->packets, &hdr, f->packet, len);
}

/* The host's administrator takes the interface down, and up again. */
void fuzz_host_link(struct fuzz *f)
{
	bool up = !fuzz_once_in(f, 2);
	struct ifreq ifr = { 0 };

	if (mdev_read(MDEV_UUID_A, "netdev", ifr.ifr_name, IFNAMSIZ) < 0 ||
	    ioctl(f->plain, SIOCGIFFLAGS, &ifr))
		return;
	ifr.ifr_flags &= ~IFF_UP;
	if (up)
		ifr.ifr_flags |= IFF_UP;
	ioctl(f->plain, SIOCSIFFLAGS, &ifr);
}

/* Any register of the common configuration, any value. */
void fuzz_common_cfg(struct fuzz *f)
{
	unsigned int offset = fuzz_below(f, 64);

	if (fuzz_once_in(f, 4))
		vpci_read(&f->pci, VIRTIO_PCI_CAP_COMMON_CFG,
			  1U << fuzz_below(f, 4), offset);
	else
		vpci_write(&f->pci, VIRTIO_PCI_CAP_COMMON_CFG,
			   1U << fuzz_below(f, 4), offset, fuzz_value(f));
}

/* A queue's registers while the device runs: moved, resized, reset, enabled. */
void fuzz_queue_cfg(struct fuzz *f)
{
	static const uint8_t addrs[] = {
		VIRTIO_PCI_COMMON_Q_DESCLO, VIRTIO_PCI_COMMON_Q_AVAILLO,
		VIRTIO_PCI_COMMON_Q_USEDLO,
	};
	unsigned int q = fuzz_below(f, FUZZ_QUEUES + 1);
	struct vpci *pci = &f->pci;
	uint64_t addr = fuzz_addr(f) & ~(fuzz_once_in(f, 4) ? 0ULL : 15ULL);
	unsigned int reg = addrs[fuzz_below(f, ARRAY_SIZE(addrs))];

	vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_SELECT, q);
	switch (fuzz_below(f, 8)) {
	case 0 ... 1:
		vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_RESET, 1);
		break;
	case 2 ... 3:
		vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_ENABLE, 1);
		break;
	case 4:
		vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_SIZE, fuzz_value(f));
		break;
	case 5:
		vpci_set_common(pci, VIRTIO_PCI_COMMON_Q_MSIX, fuzz_value(f));
		break;
	default:
		vpci_set_common(pci, reg, (uint32_t)addr);
		vpci_set_common(pci, reg + 4, addr >> 32);
	}
}

void fuzz_features(struct fuzz *f)
{
	uint64_t features = vpci_device_features(&f->pci);

	vpci_set_features(&f->pci, features ^ 1ULL << fuzz_below(f, 64));
	if (fuzz_once_in(f, 2))
		vpci_set_status(&f->pci, VIRTIO_CONFIG_S_FEATURES_OK |
				fuzz_value(f));
}

void fuzz_status(struct fuzz *f)
{
	vpci_set_status(&f->pci, fuzz_value(f));
}

/* Any region, any place in it, any width, also those that are not. */
void fuzz_region(struct fuzz *f)
{
	unsigned int region = fuzz_below(f, VFIO_PCI_NUM_REGIONS);
	uint64_t offset = fuzz_below(f, 5) * 4096 + fuzz_below(f, 80);
	size_t len = 1 + fuzz_below(f, fuzz_once_in(f, 4) ? 40 : 8);
	uint8_t data[40];

	if (fuzz_once_in(f, 8))
		offset = fuzz_value(f);
	fuzz_bytes(f, data, len);
	if (fuzz_once_in(f, 3))
		vdev_pread(&f->p.a, region, data, len, offset);
	else
		vdev_pwrite(&f->p.a, region, data, len, offset);
}

void fuzz_pci(struct fuzz *f)
{
	vdev_write(&f->p.a, VFIO_PCI_CONFIG_REGION_INDEX,
		   1U << fuzz_below(f, 3), fuzz_below(f, 256), fuzz_value(f));
}

void fuzz_msix(struct fuzz *f)
{
	unsigned int table;
	int cap = pci_find_cap(&f->p.a, PCI_CAP_ID_MSIX, 0);

	if (cap <= 0)
		return;
	table = pci_read(&f->p.a, 4, cap + PCI_MSIX_TABLE);
	vdev_write(&f->p.a, table & PCI_MSIX_TABLE_BIR, 4,
		   (table & PCI_MSIX_TABLE_OFFSET) +
		   4 * fuzz_below(f, 4 * (FUZZ_EVENTS + 2)), fuzz_value(f));
	if (fuzz_once_in(f, 4))
		pci_write(&f->p.a, 2, cap + PCI_MSIX_FLAGS, fuzz_value(f));
	else
		pci_write(&f->p.a, 2, cap + PCI_MSIX_FLAGS,
			  PCI_MSIX_FLAGS_ENABLE);
}

/* VFIO_DEVICE_SET_IRQS; the right one now and then, so that others matter. */
void fuzz_irqs(struct fuzz *f)
{
	uint32_t index = fuzz_below(f, VFIO_PCI_NUM_IRQS + 1);
	uint32_t start = fuzz_below(f, FUZZ_EVENTS + 2);
	uint32_t count = fuzz_below(f, FUZZ_EVENTS + 2);
	uint32_t data = 1U << fuzz_below(f, 3);
	uint32_t action = 8U << fuzz_below(f, 3);
	size_t len = (data == VFIO_IRQ_SET_DATA_EVENTFD ? 4 :
		      data == VFIO_IRQ_SET_DATA_BOOL ? 1 : 0) * count;
	int32_t fds[2 * FUZZ_EVENTS];
	unsigned int i;

	if (fuzz_once_in(f, 3)) {
		vdev_irq_eventfds(&f->p.a, VFIO_PCI_MSIX_IRQ_INDEX, 0,
				  FUZZ_EVENTS, f->events);
		return;
	}
	for (i = 0; i < count; i++)
		fds[i] = fuzz_once_in(f, 8) ? -1 :
			 f->events[fuzz_below(f, FUZZ_EVENTS)];
	if (fuzz_once_in(f, 16))
		count = fuzz_value(f);
	if (fuzz_once_in(f, 16))
		start = fuzz_value(f);
	vdev_irq_set(&f->p.a, index, data | action, start, count, fds, len);
}

/* Guest memory goes while the device uses it, and comes back. */
void fuzz_dma(struct fuzz *f)
{
	unsigned int piece = fuzz_below(f, FUZZ_PIECES);

	if (fuzz_once_in(f, 2))
		fuzz_map_all(f);
	else
		fuzz_map_piece(f, piece, !f->mapped[piece]);
}

/* Device DMA logging, begun, read and ended in any order. */
void fuzz_log(struct fuzz *f)
{
	static uint64_t bitmap[FUZZ_MEM / 4096 / 64 + 1];
	struct vfio_device_feature_dma_logging_range range = {
		f->mem.iova, f->mem.size,
	};
	uint64_t page_size = fuzz_once_in(f, 4) ? fuzz_value(f) : 4096;

	if (fuzz_once_in(f, 8))
		range.length = fuzz_value(f);
	switch (fuzz_below(f, 3)) {
	case 0:
		vdev_log_start(&f->p.a, &range, 1, &page_size);
		break;
	case 1:
		vdev_log_report(&f->p.a, f->mem.iova, f->mem.size, 4096,
				bitmap);
		break;
	default:
		vdev_log_stop(&f->p.a);
	}
}

void fuzz_reset(struct fuzz *f)
{
	vdev_reset(&f->p.a);
}
