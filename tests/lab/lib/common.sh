# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What every part of the lab uses: places, messages, steps, products.

CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/mdev-migrate
# shellcheck disable=SC2034
BUILD=$TOP/build/lab
export LC_ALL=C
# shellcheck disable=SC2034
JOBS=$(nproc)

# What was compiled before is not compiled again, wherever the checkout is.
export CCACHE_DIR=$CACHE/ccache CCACHE_BASEDIR=$TOP CCACHE_NOHASHDIR=1
export CCACHE_COMPILERCHECK=content CCACHE_MAXSIZE=2G

# The sentence an error ends in.
die() {
	echo "lab: $*" >&2
	exit 1
}

say() {
	echo "lab: $*" >&2
}

need_root() {
	[ "$(id -u)" = 0 ] || die "this needs root: run it as root or with sudo"
}

# flavour_field FLAVOUR FIELD: of its line in config/flavours, as words
flavour_field() {
	awk -v f="$1" -v i="$2" '$1 == f && $i != "-" { gsub(",", " ", $i); print $i }' \
		"$LAB/config/flavours"
}

is_flavour() {
	[ -n "${1:-}" ] && [ -n "$(flavour_field "$1" 1)" ]
}

check_flavour() {
	is_flavour "${1:-}" || die "say which flavour: fast, fastsmp, debug or smp"
}

# Nothing may split a kernel command line or a mount option.
check_plain_path() {
	case $1 in
	*[!A-Za-z0-9_./+~@%=-]*)
		die "the path '$1' has characters that the lab cannot pass to a kernel: move the tree or set XDG_CACHE_HOME" ;;
	esac
}

# need_space DIR MIB: stop early rather than half-way through a build.
need_space() {
	local free

	free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$2" ] ||
		die "not enough disk space in $1: $2 MiB are needed, $free MiB are free"
}

# recipe_key FUNCTION...: a short name for what these functions do (comments do not
# count) and for what standard input says.
recipe_key() {
	(declare -f "$@"; cat) | sha256sum | cut -c1-10
}

# step TITLE FUNCTION [ARG]...: with details in a log file. A process of its own,
# because a shell ignores "set -e" in whatever an "if" or "||" looks at.
step() {
	local title=$1 log start

	shift
	mkdir -p "$CACHE/log"
	log=$CACHE/log/$(echo "$title" | tr -c 'A-Za-z0-9.\n' '-').log
	start=$SECONDS
	if "$LAB/lab" _step "$@" >"$log" 2>&1 </dev/null; then
		say "$title: done in $((SECONDS - start)) s"
		return 0
	fi
	tail -n 5 "$log" | sed 's/^/    /' >&2
	say "$title: failed after $((SECONDS - start)) s, details in $log"
	return 1
}

# make_product DIR TITLE MIB FUNCTION [ARG]...: FUNCTION fills a temporary
# folder, its first argument, which becomes DIR when it is complete. Runs under
# the setup lock, so that what is left of an interrupted build can go.
make_product() {
	local dir=$1 title=$2 mib=$3 tmp

	shift 3
	[ -d "$dir" ] && return 0
	need_space "$CACHE" "$mib"
	tmp=$CACHE/tmp/$(basename "$dir")
	rm -rf "$tmp"
	mkdir -p "$tmp"
	if ! step "$title" "$1" "$tmp" "${@:2}"; then
		rm -rf "$tmp"
		return 1
	fi
	mv "$tmp" "$dir"
}

# Only one setup at a time; everyone else waits for it.
lock_cache() {
	mkdir -p "$CACHE" || die "cannot write to $CACHE"
	exec 9>"$CACHE/lock"
	flock -n 9 || {
		say "waiting for another setup to finish"
		flock 9
	}
}

# kill_tree PID: a process that we started and what it started.
kill_tree() {
	local child

	for child in $(ps -o pid= --ppid "$1"); do
		kill_tree "$child"
	done
	kill -TERM "$1" 2>/dev/null
}
