#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# image.sh TREE WORK: install the project in a writable view of a release's tree,
# as its user would, and make a disk, a kernel and an initramfs of that. Runs in a
# mount namespace of its own. Prints lines "result STATUS NAME".
set -eu
tree=$1 work=$2
here=$(dirname "$(readlink -f "$0")")
top=$(readlink -f "$here/../..")
rw=$work/rw root=$work/rw/root

mkdir -p "$rw"
mount -t tmpfs -o size=80% none "$rw"
mkdir "$rw/upper" "$rw/work" "$root"
mount -t overlay -o "lowerdir=$tree,upperdir=$rw/upper,workdir=$rw/work" none "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mkdir "$root/mdev-migrate"
mount --bind "$top" "$root/mdev-migrate"
mount -o remount,bind,ro "$root/mdev-migrate"

release=$(basename "$(echo "$root"/lib/modules/*)")
inside() {
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root "$@"
}

# check NAME COMMAND...
check() {
	local name=$1 status=0

	shift
	"$@" || status=$?
	echo "result $status $name"
}

no_mdev() {	# a kernel as the cloud flavour is refused, with a sentence
	local fake=/tmp/no-mdev

	inside mkdir -p $fake/include/config
	inside sh -c "grep -v VFIO_MDEV /lib/modules/$release/build/include/config/auto.conf \
		>$fake/include/config/auto.conf"
	! inside make -s -C /mdev-migrate dkms KDIR=$fake >"$work/refused" 2>&1 &&
		grep -q 'has no CONFIG_VFIO_MDEV' "$work/refused" &&
		[ -z "$(inside dkms status)" ]
}

no_headers() {
	! inside make -s -C /mdev-migrate dkms KDIR=/lib/modules/0/build >"$work/refused" 2>&1 &&
		grep -q 'no kernel headers.*install linux-headers' "$work/refused"
}

dkms_install() {
	inside make -s -C /mdev-migrate dkms KDIR="/lib/modules/$release/build" || {
		cat "$root"/var/lib/dkms/mdev-migrate/*/build/make.log
		return 1
	}
	inside dkms status | grep "^mdev-migrate.*$release.*: installed"
}

check "make dkms refuses a kernel without CONFIG_VFIO_MDEV" no_mdev
check "make dkms refuses a kernel without headers" no_headers
check "make dkms" dkms_install

# The disk has what runs, not what builds.
# DKMS may leave a process behind for a moment.
umount -l "$root/mdev-migrate" "$root/dev" "$root/proc"
rmdir "$root/mdev-migrate"
rm -rf "$root"/usr/src/linux-* "$root"/usr/lib/gcc "$root"/usr/include \
	"$root"/var/lib/apt/lists "$root"/var/cache/* "$root"/tmp/*
mkdir -p "$root/tests/src"
cp "$top/Makefile" "$top/VERSION" "$root/tests/src/"
cp -r "$work/selftests/run.sh" "$work"/selftests/test_* "$root/tests/"
rm -f "$root"/tests/*.[od]
cp "$here/init" "$here/inside.sh" "$root/tests/"

# An initramfs that finds the disk: busybox and what these modules need.
initrd=$rw/initrd
mkdir -p "$initrd/bin" "$initrd/root"
cp "$root"/*bin/busybox "$initrd/bin/" 2>/dev/null || cp "$root/usr/bin/busybox" "$initrd/bin/"
{
	echo '#!/bin/busybox sh'
	echo '/bin/busybox mkdir /dev /proc /sys; /bin/busybox mount -t devtmpfs devtmpfs /dev'
	for module in virtio_pci virtio_blk crc32c_generic ext4; do
		inside modprobe -S "$release" --show-depends $module 2>/dev/null || true
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		name=$(basename "$file")
		case $name in
		*.xz) xz -dc "$root$file" >"$initrd/${name%.xz}" ;;
		*.zst) zstd -qdc "$root$file" >"$initrd/${name%.zst}" ;;
		*) cp "$root$file" "$initrd/$name" ;;
		esac
		echo "/bin/busybox insmod /${name%.ko*}.ko"
	done
	# shellcheck disable=SC2016
	echo 'i=0; while [ ! -e /dev/vda ] && [ $i -lt 50 ]; do /bin/busybox sleep 0.1; i=$((i + 1)); done'
	echo '/bin/busybox mount -t ext4 /dev/vda /root && exec /bin/busybox switch_root /root /tests/init'
} >"$initrd/init"
chmod 755 "$initrd/init"
(cd "$initrd" && find . | cpio -o -H newc --quiet) >"$work/initrd"
for kernel in "$root/boot/vmlinuz-$release" "$root/lib/modules/$release/vmlinuz"; do
	[ ! -e "$kernel" ] || { cp "$kernel" "$work/vmlinuz"; break; }
done
[ -s "$work/vmlinuz" ]
mke2fs -q -t ext4 -O ^has_journal -d "$root" "$work/disk.img" 3G
