#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# state_bench.sh [NAME...]: large states, in the lab's fast kernel: state_zero,
# state_stop_copy, state_sizes; estimate_error, of what mdev-migrate says that a migration takes;
# state_map, their memory where it is mapped; state_display, the display's; state_small, beside
# the kernel's sample mtty, which is built for it here; and qemu_pattern, which QEMU migrates.
# 6 GiB of memory.
set -eu
here=$(dirname "$(readlink -f "$0")")
lab=$here/../lab/lab
out=$(readlink -f "$here/../..")/build/bench

[ "$(id -u)" = 0 ] || {
	echo "the benchmark needs root: it boots a kernel from a Debian tree" >&2
	exit 2
}
"$lab" setup fast tree >&2
"$lab" modules fast >&2

# Static, since the lab's tree has no libraries but its own.
make -s -C "$here/../../tools/mdev-migrate" OUT="$(readlink -f "$here/../..")/build/tools-static" \
	LDFLAGS=-static >&2
mkdir -p "$out/mtty"
cp "$("$lab" path src)/samples/vfio-mdev/mtty.c" "$out/mtty/"
echo 'obj-m := mtty.o' >"$out/mtty/Kbuild"
make -s -C "$("$lab" path kernel fast)" ARCH=um M="$out/mtty" modules >&2

run() {
	nice -n -20 "$lab" run fast --mem 6G --timeout 900 --no-kmemleak --out "$out/mtty" -- "$@"
}
if [ "$*" != qemu_pattern ]; then
	run bench/state_run.sh "$@"
fi
case "$*" in
'' | *qemu_pattern*)
	run env PYTHONDONTWRITEBYTECODE=1 python3 /src/tests/qemu/pattern.py | grep -v '^# '
	;;
esac
