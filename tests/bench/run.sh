#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [ARGUMENT...]: loads what is compared and runs vnet_bench; in the lab.

here=$(cd "$(dirname "$0")" && pwd) || exit 1
for module in tun vhost_net bridge mdev_virtio_net; do
	modprobe "$module" || exit 1
done
exec "$here/vnet_bench" "$@"
