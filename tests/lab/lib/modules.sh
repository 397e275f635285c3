# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The project's modules and test programs, built for a lab kernel.

# Where the builds and runs of a flavour live.
flavour_dir() {
	case $RELEASE in
	newest) echo "$BUILD/$1" ;;
	*) echo "$BUILD/$1-$RELEASE" ;;
	esac
}

# Only sources travel, so that a build for another kernel does not leak in and
# the one that is there stays.
copy_sources() {
	local built='*.o *.ko *.a *.mod *.mod.c .*.cmd .*.d Module.symvers modules.order
		__pycache__' pattern exclude=()

	set -f
	for pattern in $built; do
		exclude+=(--exclude="$pattern")
	done
	set +f
	mkdir -p "$2"
	rsync -rlpt --delete "${exclude[@]}" --exclude=/build --exclude=.git \
		--exclude=/selftests --exclude=/bench --exclude=/lib --exclude=/canary "$1/" "$2/"
}

# run_make LOG ARG...: quiet unless it fails or warns.
run_make() {
	local log=$1

	shift
	if ! make -s -j"$JOBS" "$@" >"$log" 2>&1; then
		grep -E 'error|Error|warning' "$log" | head -n 30 >&2 || tail "$log" >&2
		die "make $* failed, details in $log"
	fi
	grep -A4 -E 'warning:|WARNING:' "$log" >&2
	return 0
}

# One set of test programs for all kernels and releases: they ask what there is, and are
# linked statically, so that any release's tree can run them.
tests_build() {
	local from

	from=$(newest_source_dir) || return
	product_or_die "$from" fast
	mkdir -p "$BUILD"
	exec 7>"$BUILD/selftests.lock"
	flock 7
	run_make "$BUILD/selftests.log" -C "$TOP/tests/selftests" OUT="$BUILD/selftests" \
		KSRC="$from/linux" KHDR="$from/headers/include" LDFLAGS=-static \
		CC="ccache gcc"
	exec 7>&-
}

# Where they are.
lab_selftests() {
	tests_build || exit 1
	echo "$BUILD/selftests"
}

lab_modules() {
	local flavour=${1:-} out dir src start=$SECONDS

	check_flavour "$flavour"
	release_choose
	out=$(kernel_dir "$flavour") || exit 1
	product_or_die "$out" "$flavour"
	dir=$(flavour_dir "$flavour")
	src=$dir/src
	mkdir -p "$dir"
	exec 8>"$dir/lock"
	flock 8
	# Objects made for another kernel are of no use.
	[ "$(cat "$dir/kernel" 2>/dev/null)" = "$out" ] || rm -rf "$src" "$dir/modules"
	copy_sources "$TOP" "$src"
	echo "$out" >"$dir/kernel"

	if [ -e "$src/Kbuild" ]; then
		run_make "$dir/modules.log" -C "$out" ARCH=um M="$src" CC="ccache gcc" W=1 modules
		rsync -rlpt "$out/root/" "$dir/modules/"
		run_make "$dir/modules-install.log" -C "$out" ARCH=um M="$src" \
			INSTALL_MOD_PATH="$dir/modules" modules_install
	else
		say "there is no Kbuild in $TOP yet: no modules to build"
	fi
	tests_build || exit 1
	rsync -rlpt --delete "$BUILD/selftests/" "$src/selftests/"
	[ "$flavour" != fast ] ||
		run_make "$dir/bench.log" -C "$src/tests/bench" OUT="$src/bench" \
			KSRC="$(newest_source_dir)/linux" \
			KHDR="$(newest_source_dir)/headers/include"
	say "modules for $flavour ($(cat "$out/include/config/kernel.release")): done in $((SECONDS - start)) s"
}
