# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The host: the packages the lab needs of it.

HOST_PACKAGES="gcc ccache libc6-dev make flex bison bc cpio rsync patch xz-utils zstd kmod
	perl python3 procps util-linux mmdebstrap debian-archive-keyring shellcheck"

# host_missing [PACKAGE...]: of what the lab needs and these
host_missing() {
	local p

	for p in $HOST_PACKAGES "$@"; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) in
		installed) ;;
		*) printf '%s ' "$p" ;;
		esac
	done
}

host_install() {
	export DEBIAN_FRONTEND=noninteractive
	# The host's lists may be old or absent: refresh them only then.
	apt-get install -y -q --no-install-recommends "$@" && return 0
	apt-get update -q
	apt-get install -y -q --no-install-recommends "$@"
}

# host_setup [PACKAGE...]: what the lab needs and these
host_setup() {
	local missing

	[ "$(uname -m)" = x86_64 ] || die "the lab needs an x86-64 machine"
	command -v apt-get dpkg-query >/dev/null ||
		die "the lab needs a Debian-like host: there is no apt-get here"
	missing=$(host_missing "$@")
	[ -z "$missing" ] && return 0
	# shellcheck disable=SC2086
	step "host packages $missing" host_install $missing ||
		die "cannot install packages: $missing"
}

lab_packages() {
	need_root
	[ -n "$(host_missing "$@")" ] || return 0
	lock_cache
	host_setup "$@"
}
