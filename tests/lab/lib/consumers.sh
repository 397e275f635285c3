# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Of the programs that read what mdev-migrate writes, the parts that say whether they can:
# Nova's reader of provider configurations, OpenStack's libraries of names, promtool, tidy
# (HTML), and the schemas of libvirt's node devices in three releases. All of Nova would be
# 383 packages and 540 MB.

CONSUMERS_SUITE=trixie
CONSUMERS_PYTHON="python3-os-traits python3-os-resource-classes python3-microversion-parse python3-yaml"
CONSUMERS_PACKAGES="python3-nova promtool tidy libtidy58 $CONSUMERS_PYTHON"

# libvirt_schemas SUITE: which package has them
libvirt_schemas() {
	case $1 in
	bookworm) echo libvirt0 ;;
	*) echo libvirt-common ;;
	esac
}

consumers_dir() {
	local version key p suite

	version=$(version_of "$CONSUMERS_SUITE" python3-nova) ||
		die_unknown "Nova for $CONSUMERS_SUITE"
	key=$( (for p in $CONSUMERS_PACKAGES; do
			version_of "$CONSUMERS_SUITE" "$p"
		done
		for suite in bookworm trixie forky; do
			version_of "$suite" "$(libvirt_schemas "$suite")"
		done) | recipe_key consumers_fill libvirt_schemas)
	echo "$CACHE/consumers-${version//[!A-Za-z0-9.]/-}-$key"
}

# unpack SUITE DIR PACKAGE...: into DIR, installing nothing
unpack() {
	local suite=$1 dir=$2 deb

	shift 2
	mkdir -p "$dir/deb"
	(download "$suite" "$dir/deb" "$@")
	for deb in "$dir"/deb/*.deb; do
		dpkg-deb -x "$deb" "$dir"
	done
	rm -r "$dir/deb"
}

consumers_fill() {
	local root=$1/root p suite

	# shellcheck disable=SC2086
	unpack "$CONSUMERS_SUITE" "$root" $CONSUMERS_PACKAGES
	mkdir -p "$1/python/nova" "$1/lib" "$1/libvirt"
	for p in provider_config provider_tree resource_tracker; do
		cp "$root/usr/lib/python3/dist-packages/nova/compute/$p.py" "$1/python/nova/"
	done
	for p in os_traits os_resource_classes microversion_parse yaml; do
		cp -r "$root/usr/lib/python3/dist-packages/$p" "$1/python/"
	done
	mv "$root/usr/bin/promtool" "$root/usr/bin/tidy" "$1/"
	mv "$root"/usr/lib/x86_64-linux-gnu/libtidy.so.* "$1/lib/"
	rm -r "$root"
	for suite in bookworm trixie forky; do
		unpack "$suite" "$root" "$(libvirt_schemas "$suite")"
		mv "$root/usr/share/libvirt/schemas" "$1/libvirt/$suite"
		rm -r "$root"
	done
}

consumers_build() {
	make_product "$(consumers_dir)" "programs that read what mdev-migrate writes" 400 consumers_fill
}
