# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Proves that the lab notices mistakes: a module makes them on purpose.

CANARY_TESTS=0
CANARY_FAILED=0

# tap OK TITLE
tap() {
	CANARY_TESTS=$((CANARY_TESTS + 1))
	if [ "$1" = 0 ]; then
		echo "ok $CANARY_TESTS - $2"
	else
		echo "not ok $CANARY_TESTS - $2"
		CANARY_FAILED=$((CANARY_FAILED + 1))
	fi
}

canary_build() {
	local out=$1 dir=$2

	mkdir -p "$dir"
	rsync -a "$LAB/canary/" "$dir/"
	make -s -C "$out" ARCH=um M="$dir" modules
}

# canary_start NAME OPTION... -- COMMAND: a run in the background.
canary_start() {
	local name=$1

	shift
	mkdir -p "$work/$name"
	"$LAB/lab" run debug --mem 256M --timeout 60 --log "$work/$name.log" \
		--out "$work/$name" "$@" >"$work/$name.out" 2>"$work/$name.err" &
	CANARY_JOBS[$name]=$!
	# One per processor at a time.
	while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do
		wait -n
	done
}

# canary_expect NAME STATUS REGEX TITLE: how a run must have ended.
canary_expect() {
	local status

	wait "${CANARY_JOBS[$1]}"
	status=$?
	[ "$status" = "$2" ] && { [ -z "$3" ] || grep -qE "$3" "$work/$1.out" "$work/$1.err"; }
	tap $? "$4"
	[ "$status" = "$2" ] || {
		echo "# status $status instead of $2"
		sed 's/^/# /' "$work/$1.err" | tail -n 15
	}
}

canary_run_all() {
	local insmod='exec insmod /mdev/canary/lab_canary.ko fault='

	canary_start leak -- sh -c "${insmod}leak"
	canary_start timeout --timeout 2 --no-kmemleak -- sleep 100
	for fault in warn bug kasan lockdep atomic ubsan busy none; do
		canary_start "$fault" --no-kmemleak -- sh -c "$insmod$fault"
	done
	canary_start allow --no-kmemleak --allow 'WARNING: .*lab_canary' -- \
		sh -c "${insmod}warn"
	# shellcheck disable=SC2016
	canary_start status --no-kmemleak -- sh -c 'echo left >/out/file; touch /usr/x;
		for d in /src /mdev /guest /usr/lib/modules; do
			touch $d/x 2>/dev/null && echo writable
		done
		seq 30000; exit 7'
	canary_start died --no-kmemleak -- busybox poweroff -f
}

lab_selftest() {
	local out work start=$SECONDS fault
	declare -A CANARY_JOBS=()

	need_root
	release_choose
	out=$(kernel_dir debug) || exit 1
	product_or_die "$out" debug
	work=$(flavour_dir debug)/selftest
	rm -rf "$work"
	mkdir -p "$(flavour_dir debug)/src"
	canary_build "$out" "$(flavour_dir debug)/src/canary" >"$work.log" 2>&1 ||
		die "cannot build the canary, details in $work.log"
	mkdir -p "$work"
	canary_run_all

	canary_expect none 0 '' "a run without a mistake passes"
	canary_expect warn 99 'WARNING: .*canary' "a warning fails a run that returns 0"
	canary_expect bug 99 'Kernel panic|BUG' "an oops fails it"
	canary_expect kasan 99 'KASAN: .*use-after-free' "a use after free fails it"
	canary_expect leak 99 'unreferenced object' "a memory leak fails it"
	canary_expect lockdep 99 'possible circular locking' "a lock order inversion fails it"
	canary_expect atomic 99 'scheduling while atomic|sleeping function' "sleeping in atomic context fails it"
	canary_expect ubsan 99 'UBSAN: array-index-out-of-bounds' "an array index out of bounds fails it"
	canary_expect busy 99 'cannot be unloaded' "a module that cannot be unloaded fails it"
	canary_expect allow 0 '' "what --allow names does not"
	canary_expect status 7 '' "the command's status comes out"
	[ "$(cat "$work/status/file")" = left ]
	tap $? "/out is the run's folder on the host"
	canary_expect timeout 124 'did not end in 2 s' "a timeout has its own status"
	canary_expect died 98 'kernel ended before' "a kernel that ends early has its own status"
	seq 30000 | cmp -s - "$work/status.out"
	tap $? "output is complete, and only the tree and /out can be written"
	echo "1..$CANARY_TESTS"
	echo "# lab selftest: $((CANARY_TESTS - CANARY_FAILED)) passed, $CANARY_FAILED failed in $((SECONDS - start)) s"
	[ $CANARY_FAILED = 0 ]
}
