# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The guest: Debian's own kernel and a small initramfs with busybox. Nothing in
# it is the project's: it is what a user would migrate. LAB_GUEST chooses another
# Debian release's.

GUEST_SUITE=${LAB_GUEST:-forky}
GUEST_MODULES="virtio_pci virtio_net"

# What makes it start fast in TCG, and nothing that a driver could notice.
GUEST_APPEND="console=ttyS0 quiet tsc_early_khz=2400000 lpj=10000000 nokaslr\
 mitigations=off rodata=off init_on_alloc=0 cryptomgr.notests\
 initcall_blacklist=load_system_certificate_list"

guest_dir() {
	local key version

	version=$(version_of "$GUEST_SUITE" linux-image-amd64) ||
		die_unknown "kernel for $GUEST_SUITE"
	key=$( (cat "$LAB/init/guest-init"
		echo "$GUEST_MODULES $GUEST_APPEND"
		echo "$version"
		version_of "$GUEST_SUITE" busybox-static) | recipe_key guest_fill extract_vmlinux)
	echo "$CACHE/guest-${version//[!A-Za-z0-9.]/-}-$key"
}

# The compressed kernel lies behind its magic number in a bzImage.
extract_vmlinux() {
	local magic tool offset

	for tool in zstd:$'\\x28\\xb5\\x2f\\xfd' xz:$'\\xfd7zXZ' gzip:$'\\x1f\\x8b\\x08'; do
		magic=${tool#*:}
		# shellcheck disable=SC2013
		for offset in $(grep -aboP "$magic" "$1" | cut -d: -f1); do
			tail -c +$((offset + 1)) "$1" | "${tool%%:*}" -dc 2>/dev/null |
				head -c 100000000 >vmlinux.try || true
			[ "$(head -c 4 vmlinux.try | tail -c 3)" = ELF ] || continue
			cat vmlinux.try
			rm -f vmlinux.try
			return 0
		done
	done
	echo "there is no compressed kernel in $1" >&2
	return 1
}

guest_fill() {
	local tmp=$1 packages version m path root=$1/root

	packages=$(apt_in "$GUEST_SUITE" apt-get install --print-uris -y \
		--no-install-recommends linux-image-amd64 |
		sed -n "s/^'[^']*' \(linux-\(base\|binary\|modules\|image\)-[0-9][^_]*\)_.*/\1/p")
	echo "packages $packages"
	mkdir -p "$tmp/deb" "$tmp/x" "$root"
	# shellcheck disable=SC2086
	download "$GUEST_SUITE" "$tmp/deb" $packages busybox-static
	cd "$tmp" || return
	for m in deb/*.deb; do
		dpkg-deb --fsys-tarfile "$m" |
			tar -xf - -C x --exclude='*/drivers/gpu/*' \
			--exclude='*/drivers/media/*' --exclude='*/sound/*' \
			--exclude='./usr/share/*'
	done
	[ ! -d x/lib ] || [ -L x/lib ] || cp -a x/lib x/usr/
	version=$(ls x/usr/lib/modules)
	find x \( -name vmlinuz -o -name 'vmlinuz-*' \) -type f -exec cp {} vmlinuz \;
	depmod -b x/usr "$version" || depmod -b x "$version"

	mkdir -p root/bin root/proc root/sys root/dev root/run root/tmp root/etc root/lib/modules
	# The ELF file starts at once (PVH); vmlinuz would unpack itself in TCG.
	extract_vmlinux vmlinuz >vmlinux
	echo "$GUEST_APPEND" >append
	find x -path '*bin/busybox' -type f -exec cp {} root/bin/busybox \;
	install -m 755 "$LAB/init/guest-init" root/init
	for m in $GUEST_MODULES; do
		modprobe -d "$tmp/x/usr" -S "$version" --show-depends "$m" ||
			modprobe -d "$tmp/x" -S "$version" --show-depends "$m"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >list
	while read -r path; do
		m=$(basename "$path")
		cp "$path" root/lib/modules/
		[ "${m%.xz}" = "$m" ] || xz -d "root/lib/modules/$m"
		[ "${m%.zst}" = "$m" ] || zstd -q --rm -d "root/lib/modules/$m"
		m=${m%.xz}
		echo "${m%.zst}" >>root/lib/modules/order
	done <list
	[ -s root/lib/modules/order ] || return 1
	(cd root && find . | cpio -o -H newc --quiet) >initrd
	rm -rf deb x list root
}

guest_build() {
	make_product "$(guest_dir)" "guest kernel and initramfs of $GUEST_SUITE" 1500 guest_fill
}

# What a guest's kernel has for a display, and what loads it, as an archive to be put behind
# its initramfs: that of who has no display stays as small as it is.
DISPLAY_MODULES="bochs"

display_dir() {
	local key version

	version=$(version_of "$GUEST_SUITE" linux-image-amd64) ||
		die_unknown "kernel for $GUEST_SUITE"
	key=$(echo "$DISPLAY_MODULES $version" | recipe_key display_fill)
	echo "$CACHE/display-${version//[!A-Za-z0-9.]/-}-$key"
}

display_fill() {
	local tmp=$1 packages version m path root=$1/root

	packages=$(apt_in "$GUEST_SUITE" apt-get install --print-uris -y \
		--no-install-recommends linux-image-amd64 |
		sed -n "s/^'[^']*' \(linux-\(modules\|image\)-[0-9][^_]*\)_.*/\1/p")
	echo "packages $packages"
	mkdir -p "$tmp/deb" "$tmp/x/usr" "$root/bin" "$root/lib/display"
	# shellcheck disable=SC2086
	download "$GUEST_SUITE" "$tmp/deb" $packages
	cd "$tmp" || return
	for m in deb/*.deb; do
		dpkg-deb --fsys-tarfile "$m" |
			tar -xf - -C x --exclude='*/drivers/net/*' --exclude='*/drivers/media/*' \
			--exclude='*/sound/*' --exclude='*/fs/*' --exclude='./boot/*' \
			--exclude='./usr/share/*'
	done
	[ ! -d x/lib ] || [ -L x/lib ] || cp -a x/lib x/usr/
	version=$(ls x/usr/lib/modules)
	depmod -b x/usr "$version" || depmod -b x "$version"
	for m in $DISPLAY_MODULES; do
		modprobe -d "$tmp/x/usr" -S "$version" --show-depends "$m" ||
			modprobe -d "$tmp/x" -S "$version" --show-depends "$m"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >list
	while read -r path; do
		m=$(basename "$path")
		cp "$path" root/lib/display/
		[ "${m%.xz}" = "$m" ] || xz -d "root/lib/display/$m"
		[ "${m%.zst}" = "$m" ] || zstd -q --rm -d "root/lib/display/$m"
		m=${m%.xz}
		echo "insmod /lib/display/${m%.zst}" >>root/bin/display-up
	done <list
	[ -s root/bin/display-up ] || return 1
	(cd root && find . | cpio -o -H newc --quiet) >initrd
	rm -rf deb x list root
}

display_build() {
	make_product "$(display_dir)" "display modules of $GUEST_SUITE" 1500 display_fill
}

# A firmware that is not the one QEMU has: edk2 (OVMF), in one file.
edk2_dir() {
	local key version

	version=$(version_of "$TREE_SUITE" ovmf-generic) || die_unknown "ovmf for $TREE_SUITE"
	key=$(echo "$version" | recipe_key edk2_fill)
	echo "$CACHE/edk2-${version//[!A-Za-z0-9.]/-}-$key"
}

edk2_fill() {
	mkdir "$1/deb"
	(download "$TREE_SUITE" "$1/deb" ovmf-generic)
	dpkg-deb --fsys-tarfile "$1"/deb/ovmf-generic_*.deb |
		tar -xOf - ./usr/share/ovmf/OVMF.fd >"$1/edk2.fd"
	rm -rf "$1/deb"
}

edk2_build() {
	make_product "$(edk2_dir)" "edk2 of $TREE_SUITE" 50 edk2_fill
}

# Concatenated archives unpack one after the other.
guest_initrd_with() {
	local dest=$1 file path tmp

	[ $# -ge 2 ] || die "usage: lab guest-initrd-with DEST FILE[:PATH]..."
	shift
	product_or_die "$(guest_dir)" guest
	tmp=$(mktemp -d)
	for file in "$@"; do
		path=${file#*:}
		file=${file%%:*}
		[ "$path" != "$file" ] || path=/bin/$(basename "$file")
		[ -r "$file" ] || { rm -rf "$tmp"; die "cannot read $file"; }
		mkdir -p "$tmp/$(dirname "$path")"
		cp "$file" "$tmp/$path"
	done
	(cat "$(guest_dir)/initrd" && cd "$tmp" && find . | cpio -o -H newc --quiet) \
		>"$dest" || { rm -rf "$tmp"; die "cannot write $dest"; }
	rm -rf "$tmp"
}
