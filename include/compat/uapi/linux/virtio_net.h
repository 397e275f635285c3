/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPAT_UAPI_LINUX_VIRTIO_NET_H
#define COMPAT_UAPI_LINUX_VIRTIO_NET_H

#include_next <uapi/linux/virtio_net.h>

#ifdef COMPAT_NO_USO
#define VIRTIO_NET_F_GUEST_USO4		54
#define VIRTIO_NET_F_GUEST_USO6		55
#define VIRTIO_NET_F_HOST_USO		56

#define VIRTIO_NET_HDR_GSO_UDP_L4	5
#endif

#endif /* COMPAT_UAPI_LINUX_VIRTIO_NET_H */
