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
	run_logged "$1" make -s -j"$JOBS" "${@:2}"
}

# run_logged LOG COMMAND...: likewise.
run_logged() {
	local log=$1

	shift
	if ! "$@" >"$log" 2>&1; then
		{ grep -E 'error|Error|warning' "$log" || tail "$log"; } | head -n 30 | in_checkout
		die "the build failed, details in $log"
	fi
	grep -A4 -E 'warning:|WARNING:' "$log" | in_checkout
	return 0
}

in_checkout() { sed "s|$CACHE/modules/||g" >&2; }

# make_modules LOG KERNEL SRC ARG...: older kernels compile modules by absolute paths. They
# are built at one place whatever checkout they are of, so that ccache knows them again.
make_modules() {
	local log=$1 kernel=$2 src=$3 place=$CACHE/modules

	shift 3
	mkdir -p "$place"
	CCACHE_BASEDIR=$CACHE run_logged "$log" unshare --mount --propagation private \
		sh -c 'mount --bind "$0" "$1" && shift && exec "$@"' "$src" "$place" \
		make -s -j"$JOBS" -C "$kernel" ARCH=um M="$place" "$@"
}

# modules_key KERNEL SRC: of all that the modules are made of
modules_key() {
	(cd "$2" && echo "$1" && find Kbuild Makefile VERSION drivers include tests/kunit \
		tests/modules \
		\( -name '*.[ch]' -o -name '*.mk' -o -name Kbuild -o -name Makefile -o -name VERSION \) \
		! -name '*.mod.c' -type f -print0 | sort -z | xargs -0 sha256sum) |
		sha256sum | cut -c1-64
}

# modules_make FLAVOUR KERNEL DIR: there, unless the cache has those of the same sources.
# LAB_OBJECTS=1: somebody needs more than the modules.
modules_make() {
	local flavour=$1 out=$2 dir=$3 src=$3/src pattern='' key made

	# What nobody has written on the stack is seen.
	[[ $flavour = fast* ]] || pattern=KCFLAGS=-ftrivial-auto-var-init=pattern
	key=$(modules_key "$out$pattern" "$src")
	made=$CACHE/made/${out##*/}
	mkdir -p "$CACHE/made"
	exec 6>"$CACHE/made/lock"
	flock 6
	if [ -z "${LAB_OBJECTS:-}" ] && [ "$(cat "$made/key" 2>/dev/null)" = "$key" ]; then
		# Objects of other sources are not to be taken for those of these.
		find "$src" \( -name '*.o' -o -name '*.ko' -o -name '.*.cmd' -o -name '*.mod' \
			-o -name '*.mod.c' -o -name modules.order -o -name Module.symvers \) -delete
		rm -rf "$dir/modules"
		tar -x -C "$dir" -f "$made/tar" && { exec 6>&-; return; }
	fi
	exec 6>&-
	make_modules "$dir/modules.log" "$out" "$src" CC="ccache gcc" W=1 \
		${pattern:+"$pattern"} modules
	rsync -rlpt "$out/root/" "$dir/modules/"
	make_modules "$dir/modules-install.log" "$out" "$src" \
		INSTALL_MOD_PATH="$dir/modules" modules_install
	exec 6>"$CACHE/made/lock"
	flock 6
	rm -rf "$made"
	mkdir -p "$made"
	(cd "$dir" && find modules ! -type d -print0 && find src -name '*.ko' -print0) |
		tar -c -C "$dir" --null -T - -f "$made/tar" && echo "$key" >"$made/key"
	exec 6>&-
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
		modules_make "$flavour" "$out" "$dir"
	else
		say "there is no Kbuild in $TOP yet: no modules to build"
	fi
	tests_build || exit 1
	rsync -rlpt --delete "$BUILD/selftests/" "$src/selftests/"
	[[ $flavour != fast* ]] ||
		run_make "$dir/bench.log" -C "$src/tests/bench" OUT="$src/bench" \
			KSRC="$(newest_source_dir)/linux" \
			KHDR="$(newest_source_dir)/headers/include"
	say "modules for $flavour ($(cat "$out/include/config/kernel.release")): done in $((SECONDS - start)) s"
}
