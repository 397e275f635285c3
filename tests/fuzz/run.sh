#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [NAME...]: the fuzzers of what mdev-migrate and the module read from
# elsewhere (snapshot, stream, config) and write of it (feeds), FUZZ_SECONDS=15 each, as TAP. They need
# clang with libFuzzer (clang and libclang-rt-dev) and libyajl-dev.
# What makes one fail stays in build/fuzz/, what is new in build/fuzz/NAME/.
set -u
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
out=$top/build/fuzz
seconds=${FUZZ_SECONDS:-15}
[ $# -gt 0 ] || set -- snapshot stream config feeds
n=0 failed=0

clang=
for name in clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14; do
	command -v $name >/dev/null && clang=$name && break
done

echo "TAP version 13"
echo "1..$#"
can_build() {
	why=
	[ -n "$clang" ] || why="there is no clang"
	[ -n "$why" ] || pkg-config --exists yajl || why="there is no libyajl-dev"
	[ -n "$why" ] || echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
		$clang -fsanitize=fuzzer -x c -o /dev/null - 2>/dev/null ||
		why="$clang has no libFuzzer: install libclang-rt-dev"
	[ -z "$why" ]
}

# compile: the objects that all fuzzers have in common, and theirs, through the lab's ccache.
compile() {
	lab=$top/tests/lab/lab
	ccache=
	if command -v ccache >/dev/null; then
		CCACHE_DIR=$("$lab" path ccache) CCACHE_BASEDIR=$top CCACHE_NOHASHDIR=1
		export CCACHE_DIR CCACHE_BASEDIR CCACHE_NOHASHDIR
		ccache=ccache
	fi
	rm -rf "$out/objects"
	mkdir -p "$out/objects"
	# shellcheck disable=SC2046,SC2086
	find "$top/tools" "$top/drivers/mdev_migrate/codec" "$top"/drivers/virtio_net/parts*.c \
		"$here" -name '*.c' ! -name main.c | while read -r source; do
		object=$(echo "${source#"$top/"}" | tr / _)
		echo "-o $out/objects/${object%.c}.o $source"
	done | xargs -P "$(nproc)" -L 1 $ccache $clang -g -O1 -std=gnu11 -D_GNU_SOURCE -w \
		-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
		-I"$top/include/uapi" -I"$top/include" -c
}

build() {
	# shellcheck disable=SC2046,SC2086
	$clang -fsanitize=fuzzer,address,undefined -o "$out/fuzz_$1" \
		$(find "$out/objects" -name '*.o' ! -name '*_fuzz_*' -o -name "*_fuzz_$1.o") \
		$(pkg-config --libs yajl)
}

fuzz() {
	corpus=$1
	# What is written is of snapshots.
	[ "$1" != feeds ] || corpus=snapshot
	mkdir -p "$out/$1"
	(cd "$out" && "./fuzz_$1" -max_total_time="$seconds" -timeout=10 \
		-rss_limit_mb=1024 -max_len=8192 -use_value_profile=1 \
		-close_fd_mask=3 -print_final_stats=1 -artifact_prefix="$out/$1-" \
		"$out/$1" "$here/corpus/$corpus") >"$out/$1.log" 2>&1
}

mkdir -p "$out"
if ! can_build; then
	for name; do
		n=$((n + 1))
		echo "ok $n fuzz $name # SKIP $why"
	done
	exit 0
fi
(compile) >"$out/compile.log" 2>&1 || sed 's/^/# /' "$out/compile.log"
for name; do
	n=$((n + 1))
	if build "$name" 2>"$out/$name.log" && fuzz "$name"; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$name.log")
		echo "# $name: $runs inputs in $seconds s"
		echo "ok $n fuzz $name"
	else
		failed=1
		tail -n 40 "$out/$name.log" | sed 's/^/# /'
		echo "not ok $n fuzz $name: see $out/$name.log and $out/$name-*"
	fi
done
exit $failed
