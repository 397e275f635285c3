#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# image.sh TREE WORK SUITE CCACHE: install the project in a writable view of a release's tree,
# as its user would, and make a disk, a kernel and an initramfs of that. Runs in a
# mount namespace of its own. Prints lines "result STATUS NAME".
set -eu
tree=$1 work=$2 suite=$3 ccache=$4
here=$(dirname "$(readlink -f "$0")")
top=$(readlink -f "$here/../..")
rw=$work/rw root=$work/rw/root
version=$(cat "$top/VERSION") next=$(cat "$top/VERSION").1

mkdir -p "$rw"
mount -t tmpfs -o size=80% none "$rw"
mkdir "$rw/upper" "$rw/work" "$root"
mount -t overlay -o "lowerdir=$tree,upperdir=$rw/upper,workdir=$rw/work" none "$root"
# Debian's kernel headers compile with ccache where they are told to.
mkdir "$root/run/ccache"
mount_all() {
	mount -t proc proc "$root/proc"
	mount --bind /dev "$root/dev"
	mount --bind "$ccache" "$root/run/ccache"
}

# DKMS may leave a process behind for a moment.
umount_all() {
	umount -l "$root/dev" "$root/proc" "$root/run/ccache"
}

mount_all
# The user's checkout.
checkout() {
	mkdir "$root/root/mdev-migrate"
	tar -C "$top" -c --exclude-vcs --exclude=./build --exclude='*.o' --exclude='*.ko' \
		--exclude='*.mod' --exclude='*.mod.c' --exclude='.*.cmd' . |
		tar -x --no-same-owner -C "$root/root/mdev-migrate"
}

checkout
# The trees leave documentation out; here it is looked for.
rm -f "$root"/etc/dpkg/dpkg.cfg.d/*
# Each installation and removal would index all manual pages.
rm -f "$root/var/lib/man-db/auto-update"

release=$(basename "$(echo "$root"/lib/modules/*)")
headers=/lib/modules/$release/build
inside() {
	chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root \
		DEBIAN_FRONTEND=noninteractive DEBIAN_KERNEL_USE_CCACHE=1 CCACHE=ccache \
		CCACHE_DIR=/run/ccache CCACHE_COMPILERCHECK=content CCACHE_MAXSIZE=2G "$@"
}

# check NAME COMMAND...
check() {
	local name=$1 status=0

	shift
	"$@" || status=$?
	echo "result $status $name"
}

# refused SENTENCE COMMAND...: it fails, with this sentence, and installs nothing.
refused() {
	local sentence=$1

	shift
	! inside "$@" >"$work/refused" 2>&1 || return 1
	cat "$work/refused"
	grep -q "$sentence" "$work/refused" && [ -z "$(inside dkms status)" ]
}

# A kernel as the cloud flavour.
fake=/lib/modules/0-cloud/build
make_fake() {
	inside mkdir -p $fake/include/config
	inside sh -c "grep -v VFIO_MDEV $headers/include/config/auto.conf \
		>$fake/include/config/auto.conf; cp $fake/include/config/auto.conf $fake/.config"
}

no_mdev() {
	refused 'has no CONFIG_VFIO_MDEV.*use a kernel that has it' \
		make -s -C /root/mdev-migrate "$1" KDIR=$fake
}

no_headers() {
	refused 'no kernel headers.*install linux-headers' \
		make -s -C /root/mdev-migrate "$1" KDIR=/lib/modules/0/build
}

# dkms.conf keeps it from building for such a kernel, and the package says why.
dkms_no_mdev() {
	local status=0

	inside dkms build -m mdev-migrate -v "$1" -k 0-cloud --kernelsourcedir $fake \
		>"$work/refused" 2>&1 || status=$?
	cat "$work/refused"
	[ $status != 0 ] && grep -qi 'should not be built\|BUILD_EXCLUSIVE' "$work/refused" &&
		inside /root/mdev-migrate/tools/packaging/notes 0-cloud >"$work/notes" &&
		cat "$work/notes" && grep -q '0-cloud has no CONFIG_VFIO_MDEV.*linux-image-amd64' "$work/notes"
}

installed() {
	inside dkms status | grep "^mdev-migrate/$1,.*$release.*: installed"
}

# guide WORD: run the block of the administrator's guide that has this line, in the
# checkout. Packages that are installed need no network.
guide() {
	awk -v word="$1" '
		function flush() { if (index(block, "\n" word "\n")) printf "%s", block }
		/^\t/ { block = (block == "" ? "\n" : block) substr($0, 2) "\n"; next }
		{ flush(); block = "" }
		END { flush() }
	' "$top/Documentation/admin-guide/installing.rst" >"$root/root/guide.sh"
	cat "$root/root/guide.sh"
	[ -s "$root/root/guide.sh" ] && inside KDIR="$headers" MAKEFLAGS=-s \
		sh -ec 'cd /root/mdev-migrate && . /root/guide.sh' </dev/null
}

make_dkms() {
	guide 'make dkms' || {
		cat "$root"/var/lib/dkms/mdev-migrate/*/build/make.log
		return 1
	}
	installed "$version"
}

make_dkms_remove() {
	inside make -s -C /root/mdev-migrate dkms-remove && [ -z "$(inside dkms status)" ] &&
		inside modprobe -n -S "$release" mdev &&
		! inside modprobe -n -S "$release" mdev_migrate &&
		[ -z "$(ls -d "$root"/usr/src/mdev-migrate-* 2>/dev/null)" ] &&
		[ ! -e "$root/etc/mdevctl.d/scripts.d/callouts/mdev-migrate" ] &&
		[ ! -e "$root/etc/udev/rules.d/60-mdev-migrate.rules" ]
}

# The tool is built for the release's own C library.
make_tools() {
	guide 'make install-tools' && [ "$(inside mdev-migrate --version)" = "mdev-migrate $version" ]
}

make_deb() {
	inside make -s -C /root/mdev-migrate deb VERSION="$1" DEB_OUT=/tmp/deb
}

run_lintian() {
	local found

	# The first release of a package that is not Debian's closes no bug of Debian's.
	found=$(inside sh -c "lintian --allow-root --fail-on none \
		--suppress-tags initial-upload-closes-no-bugs \
		/root/mdev-migrate/build/deb/*.changes") || return 1
	echo "$found"
	! echo "$found" | grep '^[EW]:'
}

# deb_installed VERSION
deb_installed() {
	installed "$1" && [ "$(inside dkms status | wc -l)" = 1 ] &&
		[ "$(inside mdev-migrate --version)" = "mdev-migrate $1" ] &&
		[ "$(inside mdev-migrate-stream --version)" = "mdev-migrate-stream $1" ] &&
		[ "$(inside modinfo -k "$release" -F version mdev_virtio_net)" = "$1" ] &&
		[ -s "$root/usr/share/man/man8/mdev-migrate.8.gz" ] &&
		[ -s "$root/usr/share/man/man8/mdev-migrate-stream.8.gz" ] &&
		[ -x "$root/etc/mdevctl.d/scripts.d/callouts/mdev-migrate" ] &&
		[ -s "$root/usr/lib/udev/rules.d/60-mdev-migrate.rules" ]
}

install_deb() {
	guide 'make deb' && deb_installed "$version"
}

upgrade_deb() {
	inside sh -c 'apt-get install -y -q /tmp/deb/*.deb' && deb_installed "$next"
}

# The package's files are its own: `make dkms` does not take them away.
make_dkms_beside() {
	! inside make -s -C /root/mdev-migrate dkms KDIR="$headers" >"$work/refused" 2>&1 &&
		grep 'mdev-migrate-dkms has installed version.*apt purge' "$work/refused" &&
		installed "$version"
}

purge_deb() {
	inside apt-get purge -y -q mdev-migrate mdev-migrate-dkms &&
		inside bash <"$here/files.sh" >"$work/files.after" &&
		diff "$work/files.before" "$work/files.after" && [ -z "$(inside dkms status)" ]
}

make_fake
for target in modules dkms; do
	check "make $target refuses a kernel without CONFIG_VFIO_MDEV" no_mdev $target
	check "make $target refuses a kernel without headers" no_headers $target
done
# What the packages leave is compared with this, here or at the machine's end.
inside /root/mdev-migrate/tests/kernels/files.sh >"$work/files.before"
case $suite in
bookworm)
	check "make deb and apt install, as the guide says" install_deb
	check "make dkms leaves the package alone" make_dkms_beside
	check "apt purge leaves nothing" purge_deb
	check "make dkms, as the guide says" make_dkms
	check "DKMS builds nothing for a kernel without CONFIG_VFIO_MDEV" dkms_no_mdev "$version"
	check "make install-tools, as the guide says" make_tools
	;;
trixie)
	check "make dkms, as the guide says" make_dkms
	check "make dkms-remove" make_dkms_remove
	check "make deb and apt install, as the guide says" install_deb
	;;
*)
	check "make dkms, as the guide says" make_dkms
	check "make dkms-remove" make_dkms_remove
	check "make deb and apt install, as the guide says" install_deb
	check "make deb of the next version" make_deb "$next"
	check "apt install upgrades" upgrade_deb
	check "DKMS builds nothing for a kernel without CONFIG_VFIO_MDEV" dkms_no_mdev "$next"
	;;
esac
check "lintian finds no error and no warning" run_lintian
inside rm -rf "${fake%/build}" /root/mdev-migrate /root/guide.sh
cp "$work/files.before" "$root/root/"

# The disk has what runs, not what builds.
umount_all
rm -rf "$root"/usr/src/linux-* "$root"/usr/lib/gcc "$root"/usr/include \
	"$root"/usr/libexec/gcc "$root"/usr/share/lintian "$root"/usr/share/perl5/Lintian* \
	"$root"/var/lib/apt/lists "$root"/var/cache/* "$root"/tmp/*
# Nor drivers of what the machine does not have: depmod reads all that there are, there.
modules=$root/lib/modules/$release/kernel
find "$modules/drivers" "$modules/net" -mindepth 1 -maxdepth 1 -type d \
	! -name base ! -name block ! -name char ! -name iommu ! -name net ! -name pps ! -name ptp \
	! -name vfio ! -name vhost ! -name virtio ! -name 802 ! -name bridge ! -name core ! -name llc \
	! -name packet ! -name unix -exec rm -rf {} +
find "$modules/drivers/net" -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
inside depmod "$release"
mkdir -p "$root/tests"

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
	echo '/bin/busybox mount -t ext4 /dev/vda /root'
	# The tests came with the initramfs.
	echo '/bin/busybox mount -t tmpfs tmpfs /root/tests && /bin/busybox cp -a /tests/. /root/tests/'
	echo 'exec /bin/busybox switch_root /root /tests/init'
} >"$initrd/init"
chmod 755 "$initrd/init"
(cd "$initrd" && find . | cpio -o -H newc --quiet) >"$work/initrd"
for kernel in "$root/boot/vmlinuz-$release" "$root/lib/modules/$release/vmlinuz"; do
	[ ! -e "$kernel" ] || { cp "$kernel" "$work/vmlinuz"; break; }
done
[ -s "$work/vmlinuz" ]
rm -f "$work/disk.img"
mke2fs -q -t ext4 -O ^has_journal -d "$root" "$work/disk.img" 3G
# Where the machine itself does not do it: there it takes ten times as long.
case $suite in
bookworm)
	mount_all
	checkout
	check "make dkms-remove" make_dkms_remove
	;;
forky)
	mount_all
	check "apt purge leaves nothing" purge_deb
	;;
esac
