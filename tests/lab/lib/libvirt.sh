# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# A Debian release's libvirt, mdevctl, udev and QEMU, in a tree per release that a
# lab kernel can have as its root (lab run --tree libvirt-SUITE).

LIBVIRT_PACKAGES="libvirt-daemon-system libvirt-clients mdevctl udev qemu-system-x86
	kmod iproute2 procps python3-minimal python3 busybox-static"

# Debian 12's QEMU does not speak today's migration protocol of VFIO.
libvirt_backports() {
	case $1 in
	bookworm) echo "$1-backports" ;;
	esac
}

libvirt_dir() {
	local version key p qemu_from

	version=$(version_of "$1" libvirt-daemon-system) ||
		die_unknown "libvirt for $1"
	qemu_from=$(libvirt_backports "$1")
	key=$( (cat "$LAB/init/stub"
		version_of "${qemu_from:-$1}" qemu-system-x86
		for p in libc6 $LIBVIRT_PACKAGES; do
			version_of "$1" "$p"
		done) | recipe_key libvirt_fill)
	echo "$CACHE/libvirt-$1-${version//[!A-Za-z0-9.]/-}-$key"
}

libvirt_fill() {
	local tmp=$1 suite=$2 more list sources

	list=$(echo "$LIBVIRT_PACKAGES" | tr -s ' \n\t' ,)
	sources=("deb [signed-by=$KEYRING] $MIRROR $suite main")
	more=$(libvirt_backports "$suite")
	[ -z "$more" ] || sources+=("deb [signed-by=$KEYRING] $MIRROR $more main")
	printf 'Package: qemu* seabios\nPin: release n=%s-backports\nPin-Priority: 900\n' \
		"$suite" >"$tmp/preferences"
	# Its mounts live in a mount namespace of their own and end with it.
	unshare --mount --propagation private \
		mmdebstrap --mode=root --variant=minbase --include="${list%,}" \
		--aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Check-Valid-Until "false"' \
		--aptopt='Acquire::Retries "3"' \
		--setup-hook="mkdir -p \"\$1/etc/apt/preferences.d\" &&
			cp $tmp/preferences \"\$1/etc/apt/preferences.d/lab\"" \
		--dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		"$suite" "$tmp/tree" "${sources[@]}"
	rm "$tmp/preferences"
	mv "$tmp/tree"/* "$tmp/"
	rmdir "$tmp/tree"
	mkdir -p "$tmp/lab/src" "$tmp/lab/rw" "$tmp/src" "$tmp/mdev" "$tmp/out" \
		"$tmp/guest" "$tmp/usr/lib/modules" "$tmp/sys/kernel/debug"
	install -m 755 "$LAB/init/stub" "$tmp/lab/stub"
}

libvirt_build() {
	make_product "$(libvirt_dir "$1")" "Debian $1 with libvirt" 1500 libvirt_fill "$1"
}
