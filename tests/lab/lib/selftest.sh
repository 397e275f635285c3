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

# canary_start FLAVOUR NAME OPTION... -- COMMAND: a run in the background.
canary_start() {
	local flavour=$1 name=$1-$2

	shift 2
	mkdir -p "$work/$name"
	"$LAB/lab" run "$flavour" --mem 256M --timeout 60 --log "$work/$name.log" \
		--out "$work/$name" "$@" >"$work/$name.out" 2>"$work/$name.err" &
	CANARY_JOBS[$name]=$!
	# One per processor at a time.
	while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do
		wait -n
	done
}

# canary_expect FLAVOUR NAME STATUS REGEX TITLE: how a run must have ended.
canary_expect() {
	local status name=$1-$2

	wait "${CANARY_JOBS[$name]}"
	status=$?
	[ "$status" = "$3" ] &&
		{ [ -z "$4" ] || grep -qE "$4" "$work/$name.out" "$work/$name.err"; }
	tap $? "$1: $5"
	[ "$status" = "$3" ] || {
		echo "# status $status instead of $3"
		sed 's/^/# /' "$work/$name.err" | tail -n 15
	}
}

# The mistakes that each flavour must notice: canary's fault, what must be found, title
CANARY_FAULTS='warn|WARNING: .*canary|a warning fails a run that returns 0
bug|Kernel panic|an oops fails it
kasan|KASAN: .*use-after-free|a use after free fails it
leak|unreferenced object|a memory leak fails it
lockdep|possible circular locking|a lock order inversion fails it
atomic|scheduling while atomic|sleeping in atomic context fails it
ubsan|UBSAN: array-index-out-of-bounds|an array index out of bounds fails it
busy|cannot be unloaded|a module that cannot be unloaded fails it'
INSMOD='exec insmod /mdev/canary/lab_canary.ko fault='

# canary_faults_of FLAVOUR: the faults that it is tried with, a line each. Debug is smp but for
# the processors: what must not be lost by its own configuration.
canary_faults_of() {
	case $1 in
	smp) echo "$CANARY_FAULTS" ;;
	*) echo "$CANARY_FAULTS" | grep -E '^(kasan|leak|lockdep)\|' ;;
	esac
}

# canary_faults FLAVOUR: the one that takes longest first.
canary_faults() {
	local fault

	canary_start "$1" leak -- sh -c "${INSMOD}leak"
	for fault in $(canary_faults_of "$1" | cut -d'|' -f1 | grep -vx leak) none kobject; do
		canary_start "$1" "$fault" --no-kmemleak -- sh -c "$INSMOD$fault"
	done
}

canary_faults_expect() {
	local fault regex title

	canary_expect "$1" none 0 '' "a run without a mistake passes"
	while IFS='|' read -r fault regex title; do
		canary_expect "$1" "$fault" 99 "$regex" "$title"
	done < <(canary_faults_of "$1")
	canary_expect "$1" kobject 0 '' "an object that is freed with its last user passes"
}

# What the lab itself does, which is the same for all flavours.
canary_lab() {
	canary_start debug timeout --timeout 2 --no-kmemleak -- sleep 100
	canary_start debug allow --no-kmemleak --allow 'WARNING: .*lab_canary' -- \
		sh -c "${INSMOD}warn"
	# shellcheck disable=SC2016
	canary_start debug status --no-kmemleak -- sh -c 'echo left >/out/file; touch /usr/x;
		for d in /src /mdev /guest /usr/lib/modules; do
			touch $d/x 2>/dev/null && echo writable
		done
		seq 30000; exit 7'
	canary_start debug died --no-kmemleak -- busybox poweroff -f
}

canary_lab_expect() {
	canary_expect debug allow 0 '' "what --allow names does not"
	canary_expect debug status 7 '' "the command's status comes out"
	[ "$(cat "$work/debug-status/file")" = left ]
	tap $? "/out is the run's folder on the host"
	canary_expect debug timeout 124 'did not end in 2 s' "a timeout has its own status"
	canary_expect debug died 98 'kernel ended before' "a kernel that ends early has its own status"
	seq 30000 | cmp -s - "$work/debug-status.out"
	tap $? "output is complete, and only the tree and /out can be written"
}

# What only the kernel with several processors has.
canary_smp() {
	# shellcheck disable=SC2016
	canary_start smp processors --no-kmemleak -- sh -c 'cat /sys/devices/system/cpu/online;
		for i in 0 1 2 3; do
			taskset -c $i awk "{ print \"on processor\", \$39 }" /proc/self/stat
		done
		cat /sys/fs/cgroup/cgroup.subtree_control; ls /dev/fuse'
	canary_start smp release --no-kmemleak -- \
		sh -c "echo 1 >/sys/module/kobject/parameters/delay_release; ${INSMOD}kobject"
}

canary_smp_expect() {
	canary_expect smp processors 0 '^0-3$' "four processors"
	[ "$(grep -c '^on processor [0-3]$' "$work/smp-processors.out")" = 4 ] &&
		[ "$(grep '^on processor' "$work/smp-processors.out" | sort -u | wc -l)" = 4 ]
	tap $? "smp: a program runs on each of them"
	grep -qxE 'cpuset cpu memory' "$work/smp-processors.out"
	tap $? "smp: control groups limit processors and memory"
	canary_expect smp release 99 'ODEBUG: free active|KASAN' \
		"an object that is freed with its last user fails where release is delayed"
}

lab_selftest() {
	local out flavour work start=$SECONDS
	declare -A CANARY_JOBS=()

	need_root
	release_choose
	work=$(flavour_dir debug)/selftest
	rm -rf "$work"
	mkdir -p "$work"
	for flavour in debug smp; do
		out=$(kernel_dir $flavour) || exit 1
		product_or_die "$out" $flavour
		mkdir -p "$(flavour_dir $flavour)/src"
		canary_build "$out" "$(flavour_dir $flavour)/src/canary" >"$work.log" 2>&1 ||
			die "cannot build the canary, details in $work.log"
		canary_faults $flavour
	done
	canary_lab
	canary_smp
	for flavour in debug smp; do
		canary_faults_expect $flavour
	done
	canary_lab_expect
	canary_smp_expect
	echo "1..$CANARY_TESTS"
	echo "# lab selftest: $((CANARY_TESTS - CANARY_FAILED)) passed, $CANARY_FAILED failed in $((SECONDS - start)) s"
	[ $CANARY_FAILED = 0 ]
}
