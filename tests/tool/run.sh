#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [TOOL]: the tests of mdev-migrate that need no device, as TAP.
set -u
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
tool=${1:-}
if [ -z "$tool" ]; then
	# What is tested is built with sanitizers; they end a run that they object to.
	tool=$top/build/tools-asan/mdev-migrate
	make -s -C "$top/tools/mdev-migrate" OUT="$top/build/tools-asan" \
		CFLAGS='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all' >&2 || {
		echo "Bail out! the tool does not build"
		exit 1
	}
fi
echo "TAP version 13"
n=0 failed=0
for script in "$here"/*.sh; do
	case ${script##*/} in
	run.sh | lib.sh | lab_*.sh) continue ;;
	esac
	echo "# ${script##*/}"
	sh "$script" "$tool" >"${TMPDIR:-/tmp}/tool-tap.$$" 2>&1
	status=$?
	# One numbering for all.
	sed -n -e '/^1\.\./d' -e '/^TAP/d' -e p "${TMPDIR:-/tmp}/tool-tap.$$" |
		awk -v n="$n" '/^(not )?ok / { n++; sub(/ok [0-9]+/, "ok " n) } { print }'
	n=$((n + $(grep -cE '^(not )?ok ' "${TMPDIR:-/tmp}/tool-tap.$$")))
	if [ $status != 0 ]; then
		failed=1
		grep -q '^not ok' "${TMPDIR:-/tmp}/tool-tap.$$" || {
			n=$((n + 1))
			echo "not ok $n ${script##*/} ended with status $status"
		}
	fi
	rm -f "${TMPDIR:-/tmp}/tool-tap.$$"
done
echo "1..$n"
exit $failed
