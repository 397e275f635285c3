// SPDX-License-Identifier: GPL-2.0-only
/* Our card's control queue, which the peer does not have: it is polled. */
#include "port.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "vnic_tables.h"

/* Bytes of a command, and of it with its answer. */
#define COMMAND_MAX	1024
#define BUF_SIZE	(COMMAND_MAX + 1)

/* The answer, VIRTIO_NET_OK or VIRTIO_NET_ERR, or an errno. */
static int port_command(void *card, unsigned int class, unsigned int command,
			const void *data, size_t len)
{
	struct port *p = card;
	uint64_t iova = guest_iova(&p->mem, p->ctrl_buf);
	struct vq_seg segs[] = {
		{ iova, 2 + len, false },
		{ iova + COMMAND_MAX, 1, true },
	};
	int64_t deadline = deadline_ms(DEADLINE_MS);
	uint32_t used;
	int ret;

	if (len > COMMAND_MAX - 2)
		return -EMSGSIZE;
	p->ctrl_buf[0] = class;
	p->ctrl_buf[1] = command;
	memcpy(p->ctrl_buf + 2, data, len);
	ret = vq_add(&p->ctrl_vq, segs, 2, p->ctrl_buf);
	if (!ret && vq_publish(&p->ctrl_vq))
		ret = vpci_kick(&p->pci, p->ctrl);
	while (!ret && !vq_get(&p->ctrl_vq, &used)) {
		if (!deadline_left(deadline))
			ret = -ETIMEDOUT;
		sched_yield();
	}
	return ret ? ret : p->ctrl_buf[COMMAND_MAX];
}

static int make_queue(struct port *p)
{
	int ret;

	p->ctrl = 2 * vpci_read(&p->pci, VIRTIO_PCI_CAP_DEVICE_CFG, 2,
				offsetof(struct virtio_net_config,
					 max_virtqueue_pairs));
	p->ctrl_buf = guest_alloc(&p->mem, BUF_SIZE, 4096);
	if (!p->ctrl_buf)
		return -ENOMEM;
	ret = vq_init(&p->ctrl_vq, &p->mem, 4, VQ_EVENT_IDX);
	if (ret)
		return ret;
	return vpci_set_queue(&p->pci, p->ctrl, &p->ctrl_vq, VPCI_NO_VECTOR);
}

static int set_pairs(struct port *p)
{
	uint8_t data[2];

	put_le16(data, p->pairs);
	return port_command(p, VIRTIO_NET_CTRL_MQ,
			    VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, data,
			    sizeof(data));
}

/* DRIVER_OK, and before that the control queue, if there is to be one. */
int port_ctrl_start(struct port *p)
{
	bool ctrl = p->features & VNIC_F(CTRL_VQ);
	int ret = 0;

	p->ctrl = 0;
	if (ctrl)
		ret = make_queue(p);
	if (!ret)
		ret = vpci_set_status(&p->pci, vpci_status(&p->pci) |
				      VIRTIO_CONFIG_S_DRIVER_OK);
	if (!ret && ctrl)
		ret = set_pairs(p) == VIRTIO_NET_OK ? 0 : -EPROTO;
	return ret;
}

/* The card is up with PORT_TABLES: from here on it has as much state as can be. */
void port_fill_tables(struct port *p)
{
	if (vnic_fill_tables(port_command, p, p->pairs) != VIRTIO_NET_OK)
		die("%s: a command is refused", p->ifname);
}
