# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's source, from Debian's linux-source package.

RELEASE=${LAB_RELEASE:-newest}

# release_lines: "suite package" for the release asked for, best first.
release_lines() {
	awk -v r="$RELEASE" '!/^#/ && $1 == r { print $2, $3 }' "$LAB/config/releases"
}

# release_choose: set SRC_SUITE, SRC_PACKAGE, SRC_VERSION; once per process.
release_choose() {
	local suite package version

	[ -n "${SRC_VERSION:-}" ] && return 0
	[ -n "$(release_lines)" ] ||
		die "LAB_RELEASE=$RELEASE is not in tests/lab/config/releases"
	while read -r suite package; do
		if version=$(version_of "$suite" "$package"); then
			SRC_SUITE=$suite SRC_PACKAGE=$package SRC_VERSION=$version
			return 0
		fi
		[ -z "${LAB_ONLINE:-}" ] || say "no $package in $suite"
	done < <(release_lines)
	die_unknown "kernel source for '$RELEASE'"
}

# source_patches: those for this release, by config/patches.
source_patches() {
	local patch until from

	release_choose
	grep -v '^#' "$LAB/config/patches" | while read -r patch until from; do
		[ "$from" = - ] || dpkg --compare-versions "$SRC_VERSION" ge "$from" || continue
		[ "$until" != - ] && dpkg --compare-versions "$SRC_VERSION" ge "$until" ||
			echo "$LAB/patches/$patch"
	done
}

source_dir() {
	local patches

	release_choose
	mapfile -t patches < <(source_patches)
	echo "$CACHE/source-$SRC_VERSION-$(cat "${patches[@]}" | recipe_key source_fill)"
}

# Other architectures and big drivers' code are not needed, their Kconfig is.
source_fill() {
	local tmp=$1 package deb arch patch skip=()

	release_choose
	package=$SRC_PACKAGE
	mkdir "$tmp/deb"
	if [ "$package" = linux-source ]; then
		package=$(apt_in "$SRC_SUITE" apt-cache depends linux-source |
			awk '$1 == "Depends:" { print $2; exit }')
	fi
	echo "package $package"
	download "$SRC_SUITE" "$tmp/deb" "$package"
	cd "$tmp" || return
	deb=$(ls deb/linux-source-*.deb)
	dpkg-deb --fsys-tarfile "$deb" |
		tar -xf - -C deb --wildcards './usr/src/linux-source-*.tar.xz'
	mkdir linux
	for arch in alpha arc arm arm64 csky hexagon loongarch m68k microblaze mips \
		nios2 openrisc parisc powerpc riscv s390 sh sparc xtensa; do
		skip+=(--exclude="linux-source-*/arch/$arch/*.[chS]")
	done
	xz -dc -T0 deb/usr/src/linux-source-*.tar.xz |
		tar -xf - -C linux --strip-components=1 --wildcards \
		"${skip[@]}" \
		--exclude='*/drivers/gpu/*.[ch]' --exclude='*/sound/*.[ch]' \
		--exclude='*/drivers/net/ethernet/*.[ch]' \
		--exclude='*/drivers/net/wireless/*.[ch]' \
		--exclude='*/drivers/media/*.[ch]' \
		--exclude='*/drivers/staging/*.[ch]' \
		--exclude='*/Documentation/*.rst' --exclude='*/Documentation/*.yaml' \
		--exclude='*/Documentation/*.txt' --exclude='*.dts' --exclude='*.dtsi'
	rm -rf deb
	for patch in $(source_patches); do
		patch -d linux -p1 --fuzz=0 <"$patch"
	done
	# What userspace sees of the kernel that the guests and tests run on.
	make -s -C linux O="$tmp/headers-build" ARCH=x86 \
		INSTALL_HDR_PATH="$tmp/headers" headers_install
	rm -rf headers-build
}

# The newest kernel's source, for what runs on every release.
newest_source_dir() (
	RELEASE=newest
	unset SRC_VERSION
	source_dir
)

source_build() {
	release_choose
	make_product "$(source_dir)" "kernel source $SRC_VERSION" 4000 source_fill
}
