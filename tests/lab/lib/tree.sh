# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# A small Debian tree with QEMU, the root filesystem of what runs in the lab.

TREE_SUITE=forky
TREE_PACKAGES="qemu-system-x86 ipxe-qemu kmod iproute2 procps python3-minimal
	python3 python3-jsonschema busybox-static ethtool iputils-ping"

tree_dir() {
	local p key version

	version=$(version_of "$TREE_SUITE" qemu-system-x86) ||
		die_unknown "QEMU for $TREE_SUITE"
	key=$( (cat "$LAB/init/stub"
		for p in libc6 $TREE_PACKAGES; do
			version_of "$TREE_SUITE" "$p"
		done) | recipe_key tree_fill)
	echo "$CACHE/tree-${version//[!A-Za-z0-9.]/-}-$key"
}

tree_fill() {
	local tmp=$1 list

	list=$(echo "$TREE_PACKAGES" | tr -s ' \n\t' ,)
	# Its mounts live in a mount namespace of their own and end with it.
	unshare --mount --propagation private \
		mmdebstrap --mode=root --variant=minbase --include="${list%,}" \
		--aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Check-Valid-Until "false"' \
		--aptopt='Acquire::Retries "3"' \
		--dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		"$TREE_SUITE" "$tmp/tree" \
		"deb [signed-by=$KEYRING] $MIRROR $TREE_SUITE main"
	mv "$tmp/tree"/* "$tmp/"
	rmdir "$tmp/tree"
	mkdir -p "$tmp/lab/src" "$tmp/lab/rw" "$tmp/src" "$tmp/mdev" "$tmp/out" \
		"$tmp/guest" "$tmp/usr/lib/modules" "$tmp/sys/kernel/debug"
	install -m 755 "$LAB/init/stub" "$tmp/lab/stub"
}

tree_build() {
	make_product "$(tree_dir)" "Debian tree with QEMU" 1500 tree_fill
}
