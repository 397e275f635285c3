# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Debian releases as a user has them: the stock kernel, its headers, DKMS and the
# release's own tools, in a tree per release.

STOCK_PACKAGES="linux-image-amd64 linux-headers-amd64 dkms initramfs-tools kmod
	mdevctl iproute2 procps busybox-static qemu-system-x86 python3 dpkg-dev
	debhelper dh-dkms libyajl-dev libxml2-dev pkgconf gcc libc6-dev make lintian
	ccache"
# QEMU from backports; the release's own, which speaks an older migration protocol, is
# kept in /opt/release-qemu.
STOCK_BACKPORTS="bookworm"
# Nothing in a virtual machine asks for these; they are most of a kernel.
STOCK_WITHOUT="drivers/gpu drivers/media drivers/infiniband drivers/staging
	drivers/net/wireless drivers/net/ethernet drivers/iio drivers/scsi
	drivers/usb drivers/hwmon drivers/platform sound fs/btrfs fs/xfs fs/ocfs2"

# stock_suites SUITE: where its packages come from, the last one QEMU
stock_suites() {
	echo "$1"
	case " $STOCK_BACKPORTS " in
	*" $1 "*) echo "$1-backports" ;;
	esac
}

stock_dir() {
	local key version

	version=$(version_of "$1" linux-image-amd64) ||
		die_unknown "linux-image-amd64 for $1"
	key=$( (version_of "$(stock_suites "$1" | tail -n 1)" qemu-system-x86
		for p in libc6 gcc $STOCK_PACKAGES; do
			version_of "$1" "$p"
		done
		echo "$STOCK_PACKAGES $STOCK_WITHOUT $STOCK_BACKPORTS") |
		recipe_key stock_fill stock_suites)
	echo "$CACHE/stock-$1-${version//[!A-Za-z0-9.]/-}-$key"
}

stock_fill() {
	local tmp=$1 suite=$2 list part without=() lines=()

	list=$(echo "$STOCK_PACKAGES" | tr -s ' \n\t' ,)
	for part in $STOCK_WITHOUT; do
		without+=("--dpkgopt=path-exclude=/lib/modules/*/kernel/$part/*"
			"--dpkgopt=path-exclude=/usr/lib/modules/*/kernel/$part/*")
	done
	for part in $(stock_suites "$suite"); do
		lines+=("deb [signed-by=$KEYRING] $MIRROR $part main")
	done
	# The last one is QEMU's. The machine starts with an initramfs of the lab's.
	INITRD=No unshare --mount --propagation private \
		mmdebstrap --mode=root --variant=minbase --include="${list%,}" \
		--aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Check-Valid-Until "false"' \
		--aptopt='Acquire::Retries "3"' \
		--dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--setup-hook='printf "Package: qemu-* seabios\nPin: release n='"$part"'\nPin-Priority: 990\n" \
			>"$1/etc/apt/preferences.d/qemu"' \
		"${without[@]}" "$suite" "$tmp/tree" "${lines[@]}"
	mv "$tmp/tree"/* "$tmp/"
	rmdir "$tmp/tree"
	[ "$part" != "$suite" ] || return 0
	mkdir "$tmp/deb" "$tmp/opt/release-qemu"
	(download "$suite" "$tmp/deb" qemu-system-x86)
	dpkg-deb --fsys-tarfile "$tmp"/deb/qemu-system-x86_*.deb |
		tar -xf - -C "$tmp/opt/release-qemu" ./usr/bin/qemu-system-x86_64
	rm -rf "$tmp/deb"
}

stock_build() {
	make_product "$(stock_dir "$1")" "stock Debian $1" 3000 stock_fill "$1"
}
