#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# boot.sh TREE GUEST WORK PROCESSORS: start the machine that image.sh made, with the lab's QEMU.
# The first serial line is the kernel's, the second the tests'. Runs in a mount
# namespace of its own.
set -eu
tree=$1 guest=$2 work=$3 processors=$4
mount --bind "$work" "$tree/out"
mount --bind "$guest" "$tree/guest"
mount --bind /dev "$tree/dev"
mount -t proc proc "$tree/proc"

# qemu TIMEOUT ARG...
qemu() {
	limit=$1
	shift
	# A processor that is not let run is waited for by the other one, which is busy then.
	nice -n -10 timeout -k 5 "$limit" chroot "$tree" env TMPDIR=/out /usr/bin/qemu-system-x86_64 \
		-nodefaults -no-user-config -display none -no-reboot "$@"
}

# There may be a /dev/kvm that starts no kernel. One that works is at the panic for
# want of a root file system in a second or two. Known until the next boot.
kvm_works() {
	known=$work/../kvm-$(cat /proc/sys/kernel/random/boot_id)
	if [ ! -e "$known" ]; then
		qemu 10 -accel kvm -cpu max -m 256 -kernel /guest/vmlinuz -serial stdio \
			-append "console=ttyS0 panic=-1" </dev/null 2>&1 |
			grep -c 'Kernel panic .*VFS' >"$known.$$" || true
		mv "$known.$$" "$known"
	fi
	[ "$(cat "$known")" = 1 ]
}

# Emulated, all but the first one are still until what needs them starts them.
accel=tcg,thread=multi start=maxcpus=1
[ ! -e /dev/kvm ] || ! kvm_works || { accel=kvm start='' processors=4; }
echo "# QEMU's accelerator: $accel"
qemu "${KERNELS_TIMEOUT:-1500}" -accel $accel -smp "$processors" -cpu max -m 2G \
	-kernel /out/vmlinuz -initrd /out/initrd.all \
	-drive file=/out/disk.img,format=raw,if=virtio,cache=unsafe,snapshot=on \
	-serial file:/out/kernel.log -serial file:/out/tap \
	-append "console=ttyS0 panic=-1 ignore_loglevel mitigations=off net.ifnames=0 $start"
