#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# decode, and a saved state as a source; what is installed; the completion.
set -u
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
. "$here/lib.sh"
tool=$1 streamer=$1-stream
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
net=https://mdev-migrate.org/devices/virtio-net

# A state that was saved in the lab; the corpus has a byte before it.
state=$tmp/state
tail -c +2 "$top/tests/fuzz/corpus/stream/virtio-net-v1" >"$state"
size=$(wc -c <"$state")

run 0 "decode" "$streamer" decode "$state"
says "... the configuration" "^CONFIG .* config model=$net,mtu=9000$"
says "... the virtio parts" "VQ_CFG .* queue 1 .* size 256"
says "... features by name" "DEV_FEATURES .* VERSION_1 ACCESS_PLATFORM"
says "... all of it" "^whole: $size bytes"
run 0 "decode --json" "$streamer" decode --json "$state"
run 0 "decode --verify" "$streamer" decode --verify "$state"
run 0 "decode from a pipe" sh -c "cat \"$state\" | \"$streamer\" decode --verify -"
run 2 "decode what is not there" "$streamer" decode "$tmp/nothing"
run 1 "decode what is no stream" "$streamer" decode "$tool"
says "... says so" "damaged: good up to byte 0: not a device state stream: it begins"
: >"$tmp/empty"
run 1 "decode nothing" "$streamer" decode --verify "$tmp/empty"

# What the card offers has a name.
for file in "$top"/tests/data/streams/*.bin; do
	"$streamer" decode "$file"
done >"$tmp/out" 2>"$tmp/err"
says "features by name" " CTRL_GUEST_OFFLOADS "
says "a display's registers" \
	"^BOCHS_REGISTERS .* xres 800  yres 600  bpp 32  enable 0x0041  bank 3  virt_width 832"
says "... and pages" "^BOCHS_PAGES .* first_page 9  pass 0  pages 1  zero no"
says "pages of memory" "^PATTERN_PAGES .* first_page 511  pass 0  pages 2  zero no"
if grep -q '^ *DEV_FEATURES.* bit[0-9]' "$tmp/out"; then fail "... each of them"; else pass "... each of them"; fi
cp "$state" "$tmp/changed"
at=$("$streamer" decode "$state" | sed -n 's/^PCI_CONFIG  offset \([0-9]*\) .*/\1/p')
printf '\377' | dd of="$tmp/changed" bs=1 seek="$at" conv=notrunc 2>/dev/null
run 1 "a tag changed" "$streamer" decode "$tmp/changed"
says "... is a number" "^damaged: good up to byte $at: record 0x[0-9a-f]*: its checksum is 0x"

run 1 "verify says where, too" "$streamer" decode --verify "$tmp/changed"
says "... once" "changed: damaged: good up to byte $at: record 0x[0-9a-f]*: its checksum is 0x"

# Another model's records are what that says, whatever their tags.
python3 - "$state" "$tmp/foreign" <<'END'
import struct
import sys

def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff

def record(tag, payload):
    head = struct.pack("<III", tag, 0, len(payload))
    return head + struct.pack("<I", crc32c(head + payload)) + payload

old = open(sys.argv[1], "rb").read()
stream = old[:16 + struct.unpack("<I", old[8:12])[0]]
stream += record(2, b"model=https://example.org/counter,step=2")
stream += record(0x100, b"\x07\0\0\0")
stream += record(3, struct.pack("<Q", len(stream)))
open(sys.argv[2], "wb").write(stream)
END
run 3 "decode a model that is not known" "$streamer" decode "$tmp/foreign"
says "... its record is a number" "^0x100 .*tag 0x00000100  length 4$"
says "... and in order" "^unknown: $(wc -c <"$tmp/foreign") bytes$"
run 3 "... in JSON" "$streamer" decode --json "$tmp/foreign"
says "... likewise" '"record": "0x100"'
run 3 "... verified" "$streamer" decode --verify "$tmp/foreign"
says "... says what is not known" "mandatory records that this program does not know"

# Cut short anywhere, and with any byte changed, it is never whole.
cut=0
for at in 1 15 16 17 31 32 100 400 600 $((size - 1)); do
	head -c "$at" "$state" >"$tmp/cut"
	"$streamer" decode --verify "$tmp/cut" >"$tmp/out" 2>&1
	[ $? = 1 ] || cut=$at
done
if [ $cut = 0 ]; then pass "cut short"; else fail "cut short at $cut"; fi
changed=''
for at in 0 5 20 40 70 106 200 379 460 500 770 790 $((size - 1)); do
	cp "$state" "$tmp/changed"
	old=$(od -An -tu1 -j "$at" -N 1 "$state" | tr -d ' ')
	# shellcheck disable=SC2059
	printf "\\$(printf %03o $(((old + 1) % 256)))" |
		dd of="$tmp/changed" bs=1 seek="$at" conv=notrunc 2>/dev/null
	"$streamer" decode --verify "$tmp/changed" >"$tmp/out" 2>&1
	[ $? = 1 ] || changed="$changed $at"
done
if [ -z "$changed" ]; then pass "a byte changed"; else fail "a byte changed at$changed"; fi

# A state that came in parts: bulk records, blobs, a PCI function's layout.
corpus=$top/tests/fuzz/corpus/stream
for kind in '' -half -overlaps; do
	tail -c +2 "$corpus/pattern$kind" >"$tmp/pattern$kind"
done
run 0 "decode bulk records and blobs" "$streamer" decode "$tmp/pattern"
says "... the parts" "^0x1000 .* bulk yes  blob_length 100  blob_offset 40$"
says "... another blob after it" "^0x1000 .* blob_length 7  blob_offset 0$"
says "... the layout" "^PCI_LAYOUT .* optional yes .* class 0x058000  vectors 2"
says "... its BARs" "bars .* number 0  size 1073741824  64bit yes  prefetchable yes"
says "... its capabilities" "capabilities  id 0x09  at 0x4c"
run 0 "decode --json them" "$streamer" decode --json "$tmp/pattern"
says "... as flags" '"bulk": true'
run 1 "decode half a blob" "$streamer" decode "$tmp/pattern-half"
says "... says so" "the stream ends with 99 of the blob's 100 bytes"
run 1 "decode parts that overlap" "$streamer" decode "$tmp/pattern-overlaps"
says "... says where" "the part of 20 bytes at byte 30 of the blob overlaps"
at=$((518 + 16 + 50))
cp "$tmp/pattern" "$tmp/changed"
printf '\377' | dd of="$tmp/changed" bs=1 seek=$at conv=notrunc 2>/dev/null
run 1 "a byte of a bulk record changed" "$streamer" decode "$tmp/changed"
says "... is noticed" "^damaged: good up to byte 518: record 0x1001: its checksum is 0x"

# A saved state is a source.
make_type "$tmp/host" virtio_net virtio_net-v1 $net v1 5 "mtu:uint:0:0:0 68-65535"
make_type "$tmp/small" virtio_net virtio_net-v1 $net v1 5 "mtu:uint:0:0:0 68-1500"
run 0 "check a saved state" "$tool" check --root "$tmp/host" "$state" virtio_net-v1
says "... what to write" "write 9000 to migration/params/mtu"
run 1 "check a saved state that does not fit" "$tool" check --root "$tmp/small" "$state" .
head -c 400 "$state" >"$tmp/cut"
run 0 "check a damaged state" "$tool" check --root "$tmp/host" "$tmp/cut" virtio_net-v1
says "... says so" "cut: the state is damaged, and no device will load it .good up to byte [0-9]*: the stream stops at byte 400, before END."
run 2 "save what is not there" "$streamer" save --root "$tmp/host" bus/none
says "... says which" "there is no device bus/none on this host"
run 2 "save to a terminal's place without a device" "$streamer" save --root "$tmp/host" \
	00000000-0000-0000-0000-000000000000
says "... says which" "there is no mediated device 00000000-"

# Much of it, and not by heart.
i=0
while [ $i -lt 400 ]; do
	make_device "$tmp/host" virtio_net virtio_net-v1 "$(printf '00000000-0000-0000-0000-%012d' $i)"
	i=$((i + 1))
done
run 0 "list 400 devices" "$tool" list --root "$tmp/host"
if [ "$(grep -c running "$tmp/out")" = 400 ]; then pass "... all"; else fail "... all"; fi

# Installed.
run 0 "make install" make -s -C "$top/tools/mdev-migrate" OUT="$(dirname "$(readlink -f "$tool")")" \
	DESTDIR="$tmp/dest" prefix=/opt/mm install
for file in bin/mdev-migrate bin/mdev-migrate-stream share/man/man8/mdev-migrate.8 \
	share/man/man8/mdev-migrate-stream.8 \
	share/bash-completion/completions/mdev-migrate \
	share/mdev-migrate/snapshot.schema.json share/mdev-migrate/answers.schema.json share/mdev-migrate/domain.schema.json; do
	[ -s "$tmp/dest/opt/mm/$file" ] || echo "no $file"
done >"$tmp/out"
if [ -s "$tmp/out" ]; then fail "... all of it"; else pass "... all of it"; fi
run 0 "... and it runs" "$tmp/dest/opt/mm/bin/mdev-migrate" list --root "$tmp/host"
if man --version >/dev/null 2>&1; then
	for program in "$tool" "$streamer"; do
		name=${program##*/}
		page=$tmp/dest/opt/mm/share/man/man8/$name.8
		man --warnings -l "$page" >"$tmp/page" 2>"$tmp/err"
		if [ -s "$tmp/page" ] && [ ! -s "$tmp/err" ]; then pass "the manual of $name"; else fail "the manual of $name"; fi
		for command in $("$program" --help | sed -n 's/^  \([a-z]*\)\( .*\)\{0,1\}$/\1/p'); do
			[ "$command" = help ] || grep -qE "^(\.(B|BI|BR) \"?|\\\\fB)$command\b" "$page" || echo "$command"
		done >"$tmp/out"
		if [ -s "$tmp/out" ]; then fail "... has all commands"; else pass "... has all commands"; fi
		"$program" --help | grep -oE -- '--[a-z-]+' | sort -u | while read -r option; do
			tr -d '\\' <"$page" | grep -q -- "$option" || echo "$option"
		done >"$tmp/out"
		if [ -s "$tmp/out" ]; then fail "... and all options"; else pass "... and all options"; fi
		# A tag without text is one line that belongs to nothing.
		MANWIDTH=80 man -l "$page" 2>/dev/null | grep -nE '\\f|^\.[A-Z]{1,2} ' >"$tmp/out"
		awk '/^\.TP/ { tag = NR } /^\.(SH|SS|TP)/ && tag && NR == tag + 2 && tag != NR { print FILENAME ":" NR }' \
			"$page" >>"$tmp/out"
		if [ -s "$tmp/out" ]; then fail "... all of it rendered"; else pass "... all of it rendered"; fi
	done
else
	skip "the manual" "there is no man"
fi
if bash --version >/dev/null 2>&1; then
	complete() {
		bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mdev_migrate
			printf "%s\n" "${COMPREPLY[@]}"' bash \
			"$top/tools/mdev-migrate/mdev-migrate.bash" "$@"
	}
	run 0 "completion of a command" complete mdev-migrate ba
	says "... is it" "^baseline$"
	run 0 "completion of another" complete mdev-migrate dr
	says "... is it" "^drain$"
	run 0 "completion of its option" complete mdev-migrate drain --do
	says "... is it" "^--domains$"
	run 0 "completion of a format" complete mdev-migrate export --format n
	says "... are two" "^nova$"
	run 0 "completion of an option" complete mdev-migrate plan --e
	says "... is it" "^--emit$"
	run 0 "completion of the other program" complete mdev-migrate-stream pr
	says "... is its own" "^probe$"
	# bash takes a word apart at its colons.
	"$tool" export --compact --root "$tmp/small" -o "$tmp/small.json"
	"$tool" export --compact --root "$tmp/host" -o "$tmp/host.json"
	cat "$tmp/small.json" "$tmp/host.json" >"$tmp/fleet.json"
	part() {
		bash -c '. "$1"; COMP_LINE="$2 check $3" COMP_POINT=${#COMP_LINE}
			COMP_WORDS=("$2" check "${3%%:*}" : "${3#*:}") COMP_CWORD=4
			_mdev_migrate; printf "%s\n" "${COMPREPLY[@]}"' bash \
			"$top/tools/mdev-migrate/mdev-migrate.bash" "$tool" "$1"
	}
	run 0 "completion of FILE:TYPE" part "$tmp/small.json:vir"
	says "... is it" "^virtio_net-v1$"
	run 0 "completion of FILE:DEVICE" part "$tmp/host.json:00000000-0000-0000-0000-000000000007"
	says "... is it" "^00000000-0000-0000-0000-000000000007$"
	mkdir -p "$tmp/home/.ssh"
	printf 'Host moon mars *.far\n  User root\nHost\tsun\n' >"$tmp/home/.ssh/config"
	HOME=$tmp/home
	export HOME
	run 0 "completion of ssh:HOST" part ssh:m
	says "... is one" "^mars$"
	says "... is the other" "^moon$"
	run 0 "completion of FILE:HOST" part "$tmp/fleet.json:sm"
	says "... is it" "^small/$"
	run 0 "completion of FILE:HOST/TYPE" part "$tmp/fleet.json:small/vir"
	says "... is it" "^small/virtio_net-v1$"
else
	skip "completion" "there is no bash"
fi
finish
