# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Debian releases as a user has them: the stock kernel, its headers, DKMS and the
# release's own tools, in a tree per release.

STOCK_PACKAGES="linux-image-amd64 linux-headers-amd64 dkms initramfs-tools kmod
	mdevctl iproute2 procps busybox-static"
# Nothing in a virtual machine asks for these; they are most of a kernel.
STOCK_WITHOUT="drivers/gpu drivers/media drivers/infiniband drivers/staging
	drivers/net/wireless drivers/net/ethernet drivers/iio drivers/scsi
	drivers/usb drivers/hwmon drivers/platform sound fs/btrfs fs/xfs fs/ocfs2"

stock_dir() {
	local key version

	version=$(version_of "$1" linux-image-amd64) ||
		die_unknown "linux-image-amd64 for $1"
	key=$(for p in libc6 gcc $STOCK_PACKAGES; do
		version_of "$1" "$p"
	done | (echo "$STOCK_PACKAGES $STOCK_WITHOUT"; cat) | recipe_key stock_fill)
	echo "$CACHE/stock-$1-${version//[!A-Za-z0-9.]/-}-$key"
}

stock_fill() {
	local tmp=$1 suite=$2 list part without=()

	list=$(echo "$STOCK_PACKAGES" | tr -s ' \n\t' ,)
	for part in $STOCK_WITHOUT; do
		without+=("--dpkgopt=path-exclude=/lib/modules/*/kernel/$part/*"
			"--dpkgopt=path-exclude=/usr/lib/modules/*/kernel/$part/*")
	done
	# The machine starts with an initramfs of the lab's.
	INITRD=No unshare --mount --propagation private \
		mmdebstrap --mode=root --variant=minbase --include="${list%,}" \
		--aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Check-Valid-Until "false"' \
		--aptopt='Acquire::Retries "3"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		"${without[@]}" "$suite" "$tmp/tree" \
		"deb [signed-by=$KEYRING] $MIRROR $suite main"
	mv "$tmp/tree"/* "$tmp/"
	rmdir "$tmp/tree"
}

stock_build() {
	make_product "$(stock_dir "$1")" "stock Debian $1" 2500 stock_fill "$1"
}
