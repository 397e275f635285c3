# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Debian's package index, one per suite, without touching the host's apt.
# Resolved versions are remembered: a complete cache never needs the network.

MIRROR=${LAB_MIRROR:-http://deb.debian.org/debian}
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
INDEX_DAYS=7

# apt_in SUITE COMMAND...: apt-get or apt-cache with its state in the cache.
# A frozen mirror's index is as good as a fresh one, so its date is not checked.
apt_in() {
	local d=$CACHE/index/$1 command=$2

	shift 2
	"$command" -q -o Dir::Etc::sourcelist="$d/sources.list" \
		-o Dir::Etc::sourceparts=- -o Dir::State::lists="$d/lists" \
		-o Dir::Cache="$d/cache" -o Dir::State::status="$d/status" \
		-o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false \
		-o Acquire::Retries=3 -o Acquire::Languages=none \
		-o APT::Architecture=amd64 -o APT::Architectures=amd64 "$@"
}

index_update() {
	local suite=$1 d=$CACHE/index/$1

	mkdir -p "$d/lists/partial" "$d/cache/archives/partial"
	: >"$d/status"
	echo "deb [signed-by=$KEYRING] $MIRROR $suite main" >"$d/sources.list"
	apt_in "$suite" apt-get update --error-on=any
	rm -f "$d/versions" "$d/guest-packages"
	touch "$d/stamp"
}

# index_have SUITE: there is an index, however old. Only setup may fetch one, and
# a mirror that did not answer is not asked again.
index_have() {
	[ ! -e "$CACHE/index/$1/stamp" ] || return 0
	[ -n "${LAB_ONLINE:-}" ] || return 1
	case " ${INDEX_FAILED:-} " in
	*" $1 "*) return 1 ;;
	esac
	step "package index of $1" index_update "$1" && return 0
	INDEX_FAILED="${INDEX_FAILED:-} $1"
	return 1
}

# Why a version is not known.
die_unknown() {
	[ -n "${LAB_ONLINE:-}" ] ||
		die "nothing is set up yet: run 'tests/lab/lab setup' first"
	die "the mirror $MIRROR does not answer or has no $1"
}

# index_refresh SUITE: before something is built, unless just done.
index_refresh() {
	local stamp=$CACHE/index/$1/stamp

	[ -e "$stamp" ] || { index_have "$1"; return; }
	[ -n "$(find "$stamp" -mtime "-$INDEX_DAYS")" ] ||
		step "package index of $1" index_update "$1" ||
		say "going on with the old index of $1"
}

# version_of SUITE PACKAGE
version_of() {
	local versions=$CACHE/index/$1/versions v

	v=$(awk -v p="$2" '$1 == p { print $2 }' "$versions" 2>/dev/null)
	if [ -z "$v" ]; then
		index_have "$1" || return 1
		v=$(apt_in "$1" apt-cache policy "$2" |
			awk '$1 == "Candidate:" { print $2 }')
		case $v in
		'' | '(none)') return 1 ;;
		esac
		echo "$2 $v" >>"$versions"
	fi
	echo "$v"
}

# download SUITE DIR PACKAGE...: an index older than the mirror is refreshed once.
download() {
	local suite=$1

	cd "$2" || return
	shift 2
	apt_in "$suite" apt-get download "$@" && return 0
	index_update "$suite" && apt_in "$suite" apt-get download "$@"
}
