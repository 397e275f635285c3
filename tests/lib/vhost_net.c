// SPDX-License-Identifier: GPL-2.0-only
#include "vhost_net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BIT64(n)	(1ULL << (n))

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A tap of that name, or of any, or one more queue of it. */
static int open_tap(struct vhost_net *n, const char *name, bool multi_queue)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int hdr = sizeof(struct virtio_net_hdr_v1);

	if (multi_queue)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
	memcpy(ifr.ifr_name, name, sizeof(ifr.ifr_name));
	n->tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (n->tap < 0 || ioctl(n->tap, TUNSETIFF, &ifr) ||
	    ioctl(n->tap, TUNSETVNETHDRSZ, &hdr))
		return -errno;
	memcpy(n->ifname, ifr.ifr_name, sizeof(n->ifname));
	return 0;
}

static int open_vhost(struct vhost_net *n)
{
	n->fd = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
	if (n->fd < 0 || ioctl(n->fd, VHOST_SET_OWNER))
		return -errno;
	return 0;
}

/*
 * Makes the tap, with @pairs queues, and a vhost device for each of them. Rings
 * come with vhost_net_start().
 */
int vhost_net_open(struct vhost_net *nets, unsigned int pairs)
{
	char name[IFNAMSIZ] = "";
	struct vhost_net *n;
	unsigned int q;
	int ret = 0;

	memset(nets, 0xff, pairs * sizeof(*nets));
	for (n = nets; !ret && n < nets + pairs; n++) {
		for (q = 0; q < 2; q++) {
			n->kicks[q] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
			n->calls[q] = eventfd(0, EFD_CLOEXEC);
		}
		ret = open_tap(n, name, pairs > 1);
		if (!ret)
			ret = open_vhost(n);
		memcpy(name, n->ifname, sizeof(name));
	}
	if (ret)
		vhost_net_close(nets, pairs);
	return ret;
}

void vhost_net_close(struct vhost_net *nets, unsigned int pairs)
{
	struct vhost_net *n;
	unsigned int q;

	for (n = nets; n < nets + pairs; n++) {
		close_fd(&n->fd);
		close_fd(&n->tap);
		for (q = 0; q < 2; q++) {
			close_fd(&n->kicks[q]);
			close_fd(&n->calls[q]);
		}
	}
}

int vhost_net_features(struct vhost_net *n, uint64_t *features)
{
	return ioctl(n->fd, VHOST_GET_FEATURES, features) ? -errno : 0;
}

/* What the driver takes of checksums and segments goes to the tap. */
static int set_offload(struct vhost_net *n, uint64_t features)
{
	static const struct {
		unsigned int feature;
		unsigned int flag;
	} map[] = {
		{ VIRTIO_NET_F_GUEST_CSUM, TUN_F_CSUM },
		{ VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4 },
		{ VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6 },
	};
	unsigned long flags = 0;
	unsigned int i;

	for (i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (features & BIT64(map[i].feature))
			flags |= map[i].flag;
	}
	return ioctl(n->tap, TUNSETOFFLOAD, flags) ? -errno : 0;
}

/* Those that concern the tap, not vhost, are not known to it. */
static int set_features(struct vhost_net *n, uint64_t features)
{
	uint64_t known;
	int ret;

	ret = set_offload(n, features);
	if (!ret)
		ret = vhost_net_features(n, &known);
	if (ret)
		return ret;
	features &= known;
	return ioctl(n->fd, VHOST_SET_FEATURES, &features) ? -errno : 0;
}

static int set_memory(struct vhost_net *n, const struct guest_mem *mem)
{
	struct {
		struct vhost_memory hdr;
		struct vhost_memory_region region;
	} table = {
		.hdr.nregions = 1,
		.region.guest_phys_addr = mem->iova,
		.region.memory_size = mem->size,
		.region.userspace_addr = (uintptr_t)mem->va,
	};

	return ioctl(n->fd, VHOST_SET_MEM_TABLE, &table) ? -errno : 0;
}

static int set_queue(struct vhost_net *n, unsigned int q, const struct vq *vq)
{
	struct vhost_vring_state num = { .index = q, .num = vq->num };
	struct vhost_vring_state base = { .index = q };
	struct vhost_vring_addr addr = {
		.index = q,
		.desc_user_addr = (uintptr_t)vq->desc,
		.avail_user_addr = (uintptr_t)vq->avail,
		.used_user_addr = (uintptr_t)vq->used,
	};
	struct vhost_vring_file kick = { .index = q, .fd = n->kicks[q] };
	struct vhost_vring_file call = { .index = q, .fd = n->calls[q] };

	if (ioctl(n->fd, VHOST_SET_VRING_NUM, &num) ||
	    ioctl(n->fd, VHOST_SET_VRING_BASE, &base) ||
	    ioctl(n->fd, VHOST_SET_VRING_ADDR, &addr) ||
	    ioctl(n->fd, VHOST_SET_VRING_KICK, &kick) ||
	    ioctl(n->fd, VHOST_SET_VRING_CALL, &call))
		return -errno;
	return 0;
}

static int set_backend(struct vhost_net *n, int fd)
{
	struct vhost_vring_file backend = { .fd = fd };

	for (; backend.index < 2; backend.index++) {
		if (ioctl(n->fd, VHOST_NET_SET_BACKEND, &backend))
			return -errno;
	}
	return 0;
}

/* From DRIVER_OK on: @vqs, a receive and a transmit queue, are the device's. */
int vhost_net_start(struct vhost_net *n, const struct guest_mem *mem,
		    uint64_t features, const struct vq *vqs)
{
	unsigned int q;
	int ret;

	ret = set_features(n, features);
	if (!ret)
		ret = set_memory(n, mem);
	for (q = 0; !ret && q < 2; q++)
		ret = set_queue(n, q, &vqs[q]);
	return ret ? ret : set_backend(n, n->tap);
}

/* The device leaves the rings alone. */
int vhost_net_stop(struct vhost_net *n)
{
	return set_backend(n, -1);
}

int vhost_net_kick(struct vhost_net *n, unsigned int q)
{
	static const uint64_t one = 1;

	return write(n->kicks[q], &one, sizeof(one)) < 0 ? -errno : 0;
}
