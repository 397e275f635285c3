#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# state_run.sh [NAME...]: loads what is compared and runs state_bench; in the lab.

here=$(cd "$(dirname "$0")" && pwd) || exit 1
for module in mdev_virtio_net mdev_pattern mdev_bochs_display; do
	modprobe "$module" || exit 1
done
insmod /out/mtty.ko || exit 1
exec "$here/state_bench" "$@"
