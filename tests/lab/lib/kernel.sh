# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# User-mode Linux: a kernel that is an ordinary program.

# kernel_wanted FLAVOUR: all options.
kernel_wanted() {
	local part

	cat "$LAB/config/base.config"
	for part in $(flavour_field "$1" 3); do
		cat "$LAB/config/$part.config"
	done
}

kernel_dir() {
	local key

	release_choose
	key=$( (kernel_wanted "$1" | grep CONFIG_
		grep -v '^#' "$LAB/config/Kconfig.lab"
		gcc -dumpfullversion
		source_dir) | recipe_key kernel_fill kernel_make kernel_verify)
	echo "$CACHE/kernel-$1-$SRC_VERSION-$key"
}

# kernel_make OUT ARG...
kernel_make() {
	local out=$1

	shift
	make -s -j"$JOBS" ARCH=um O="$out" -C "$(source_dir)/linux" \
		KBUILD_KCONFIG="$out/Kconfig.lab" \
		KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab "$@"
}

# kernel_verify OUT WANTED: every wanted option must be in the configuration.
kernel_verify() {
	local optional='' missing=() line

	while read -r line; do
		case $line in
		'# optional:') optional=1; continue ;;
		CONFIG_*) grep -qxF "$line" "$1/.config" ||
			[ -n "$optional" ] || missing+=("$line") ;;
		'# CONFIG_'*) ! grep -q "^$(echo "$line" | cut -d' ' -f2)=" "$1/.config" ||
			missing+=("$line") ;;
		esac
		optional=
	done <"$2"
	[ ${#missing[@]} = 0 ] || {
		echo "kernel options not taken: ${missing[*]:0:5}"
		return 1
	}
}

kernel_fill() {
	local out=$1 flavour=$2

	cat "$(source_dir)/linux/Kconfig" "$LAB/config/Kconfig.lab" >"$out/Kconfig.lab"
	kernel_wanted "$flavour" >"$out/wanted.config"
	kernel_make "$out" KCONFIG_ALLCONFIG="$out/wanted.config" allnoconfig
	kernel_verify "$out" "$out/wanted.config" || return 1
	kernel_make "$out"
	kernel_make "$out" INSTALL_MOD_PATH="$out/root" modules_install
	rm -f "$out"/root/lib/modules/*/build "$out"/root/lib/modules/*/source
	# Building modules needs the headers and scripts, not the objects.
	find "$out" -path "$out/scripts" -prune -o \
		\( -name '*.o' -o -name '*.a' -o -name '.*.cmd' \) -exec rm -f {} +
	# It knows where it was built, not where it is going to be.
	sed -i "s|^export KBUILD_OUTPUT = .*|export KBUILD_OUTPUT = $CACHE/$(basename "$out")|" "$out/Makefile"
	rm -f "$out/vmlinux.unstripped" "$out/.tmp_vmlinux"*
}

kernel_build() {
	release_choose
	make_product "$(kernel_dir "$1")" "kernel $SRC_VERSION $1" 2500 \
		kernel_fill "$1"
}
