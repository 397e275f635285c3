# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Running a command in a lab kernel.
#
# Exit status: the command's; 99 the kernel log is not clean; 98 the kernel
# died; 97 the lab itself failed; 124 timeout.

RUN_PID=

# Everything a kernel starts stays in the session it was started in.
run_kill() {
	local pids

	[ -n "$RUN_PID" ] || return 0
	pids=$(ps -o pid= -s "$RUN_PID")
	# shellcheck disable=SC2086
	[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
	wait "$RUN_PID" 2>/dev/null
}

# UML keeps its memory in a file: take a place that can hold it.
run_tmpdir() {
	local free

	free=$(df -Pm /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
	if [ "${free:-0}" -gt "$1" ]; then
		echo /dev/shm
	else
		echo "$2"
	fi
}

run_options() {
	timeout=300 mem=2G tree=tree log='' outdir='' allow='' kmemleak=1 interactive=''
	while [ $# -gt 0 ]; do
		case $1 in
		--timeout) timeout=$2; shift ;;
		--mem) mem=$2; shift ;;
		--tree) tree=$2; shift ;;
		--log) log=$(realpath -m "$2"); shift ;;
		--out) outdir=$(realpath -m "$2"); shift ;;
		--allow) allow=$2; shift ;;
		--no-kmemleak) kmemleak= ;;
		--interactive) interactive=1 ;;
		--) shift; break ;;
		*) die "lab run: unknown option '$1' (put -- before the command)" ;;
		esac
		shift
	done
	[ $# -gt 0 ] || die "lab run: there is no command after --"
	command=("$@")
}

# run_prepare: the run's folder, and in .lab what init reads.
run_prepare() {
	local modules arg

	[ -n "$outdir" ] || outdir=$dir/run-$name
	mkdir -p "$outdir/.lab" || die "cannot write to $outdir"
	rm -f "$outdir"/.lab/*
	modules=$dir/modules/lib/modules
	[ -d "$modules" ] && [ "$(cat "$dir/kernel")" = "$out" ] ||
		modules=$out/root/lib/modules
	mkdir -p "$dir/src"
	cat >"$outdir/.lab/params" <<-EOF
		lab_modules=$modules
		lab_mdev=$dir/src
		lab_guest=$guest
		lab_flavour=$flavour
		lab_mark=$name
		lab_timeout=$timeout
		lab_kmemleak=$kmemleak
		lab_interactive=$interactive
		lab_term=${interactive:+${TERM:-dumb}}
	EOF
	{
		printf 'exec'
		for arg in "${command[@]}"; do
			printf " '%s'" "${arg//\'/\'\\\'\'}"
		done
		echo
	} >"$outdir/.lab/command"
}

# run_end: whatever happened, leave nothing behind.
run_end() {
	[ -z "$watchdog" ] || kill_tree "$watchdog"
	run_kill
	rm -rf "$outdir/.lab"
	# An output folder that nobody asked for and nothing was put in.
	[ -n "$keep" ] || rmdir "$outdir" 2>/dev/null
}

# run_cpu: PIN is what keeps a run on a processor that no other run has. User-mode Linux
# and its processes hand over to each other all the time, and what is handed over to
# another processor waits until that is awake: a run takes twice as long then.
# One with several processors is where the host puts it.
run_cpu() {
	local cpu fd

	PIN=()
	[ "$(flavour_field "$flavour" 2)" = 1 ] || return 0
	mkdir -p /run/lock
	# The last one first: the first one has the interrupts.
	for cpu in $(taskset -cp $$ | sed 's/.*: //' | tr ',-' '\n ' |
		awk '{ for (i = $1; i <= $NF; i++) print i }' | sort -rn); do
		exec {fd}>"/run/lock/mdev-migrate-lab-cpu$cpu" || return
		if flock -n "$fd"; then
			# Kept open, and so locked, as long as something runs.
			PIN=(taskset -c "$cpu")
			return
		fi
		exec {fd}>&-
	done
}

run_start() {
	local con='null,fd:1' tmpdir args processors

	[ -z "$interactive" ] || con='fd:0,fd:1'
	tmpdir=$(run_tmpdir "$(numfmt --from=iec --to-unit=Mi "$mem")" "$CACHE/tmp")
	# shellcheck disable=SC2054
	args=(mem="$mem" root=/dev/root rootfstype=hostfs rootflags="$tree" ro
		init=/lab/stub lab_top="$TOP" lab_run="$outdir"
		con=null con0="$con" con1=null,fd:2 console=tty1 ssl=null
		uml_dir="$outdir/.lab/uml" seccomp=on ignore_loglevel
		sysctl.kernel.panic_on_oops=1)
	run_cpu
	processors=$(flavour_field "$flavour" 2)
	[ "$processors" = 1 ] || args+=(ncpus="$processors")
	# shellcheck disable=SC2207
	args+=($(flavour_field "$flavour" 4))
	if [ -n "$interactive" ]; then
		TMPDIR=$tmpdir "${PIN[@]}" "$out/linux" "${args[@]}" 2>"$log"
		return
	fi
	TMPDIR=$tmpdir setsid "${PIN[@]}" "$out/linux" "${args[@]}" </dev/null 2>"$log" &
	RUN_PID=$!
	# The kernel has its own watchdog; this one is for a kernel that hangs.
	(sleep $((timeout + 60)) && echo hang >"$outdir/.lab/timeout" && run_kill) 2>/dev/null &
	watchdog=$!
	wait "$RUN_PID" 2>/dev/null
}

# run_verdict: what the run's exit status is, and why.
run_verdict() {
	local status

	status=$(cat "$outdir/.lab/status" 2>/dev/null)
	[ ! -s "$outdir/.lab/kmemleak" ] ||
		cat "$outdir/.lab/kmemleak" >>"$log"
	if ! scan_log "$log" "$allow" >"$outdir/.lab/found"; then
		cat "$outdir/.lab/found" >&2
		say "the kernel log is not clean (the command's status was ${status:-unknown}), see $log"
		return 99
	fi
	if [ -e "$outdir/.lab/timeout" ]; then
		[ ! -e "$outdir/.lab/hang" ] || cp "$outdir/.lab/hang" "$log.hang"
		say "the command did not end in $timeout s, see $log and $log.hang"
		return 124
	fi
	if [ -z "$status" ]; then
		tail -n 15 "$log" | sed 's/^/    /' >&2
		say "the kernel ended before the command did, see $log"
		return 98
	fi
	if ! grep -q "lab: the command ended with status $status: $name" "$log" ||
		! grep -q "lab: the kernel log works: $name" "$log"; then
		say "the kernel log does not work, so this run proves nothing, see $log"
		return 97
	fi
	return "$status"
}

lab_run() {
	local flavour=${1:-} timeout mem log allow kmemleak interactive command
	local out tree wanted guest name status

	# For run_end, which may run when this function is gone.
	dir='' keep='' outdir='' watchdog=''
	check_flavour "$flavour"
	shift
	run_options "$@"
	need_root
	release_choose
	out=$(kernel_dir "$flavour") || exit 1
	product_or_die "$out" "$flavour"
	wanted=$tree
	tree=$(lab_path "$wanted" 2>/dev/null)
	product_or_die "$tree" "$wanted"
	guest=$(guest_dir 2>/dev/null)
	[ -d "$guest" ] || guest=
	check_plain_path "$TOP"
	dir=$(flavour_dir "$flavour")
	name=$(date +%Y%m%d-%H%M%S)-$$
	[ -z "$outdir" ] || keep=1
	mkdir -p "$dir"
	run_prepare
	[ -n "$log" ] || log=$dir/run-$name.log
	check_plain_path "$outdir"

	trap 'exit 130' INT TERM HUP
	trap run_end EXIT
	run_start
	run_verdict
	status=$?
	exit "$status"
}
