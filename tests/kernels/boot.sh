#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# boot.sh TREE WORK: start the machine that image.sh made, with the lab's QEMU. The
# first serial line is the kernel's, the second the tests'. Runs in a mount namespace
# of its own.
set -eu
tree=$1 work=$2
mount --bind "$work" "$tree/out"
mount --bind /dev "$tree/dev"
mount -t proc proc "$tree/proc"
exec timeout -k 5 "${KERNELS_TIMEOUT:-900}" chroot "$tree" /usr/bin/qemu-system-x86_64 \
	-accel tcg,thread=multi -smp 2 -cpu max -m 1G -nodefaults -no-user-config \
	-display none -no-reboot -kernel /out/vmlinuz -initrd /out/initrd \
	-drive file=/out/disk.img,format=raw,if=virtio,cache=unsafe \
	-serial file:/out/kernel.log -serial file:/out/tap \
	-append "console=ttyS0 panic=-1 ignore_loglevel mitigations=off net.ifnames=0"
