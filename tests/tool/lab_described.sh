#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# lab_described.sh TOOL: in the lab, as TAP. Devices that are no mdevs
# (tests/modules/described), live: what `mdev-migrate check` says of them is what
# migration/type/check says, and what it calls compatible and `plan` writes makes the
# one like the other.
#
# Then those that VFIO has (tests/modules/firmware), with commands that open a device; and
# types below several parents (tests/modules/pooled).
#
# DESCRIBED_N=400 configurations. DESCRIBED_SEED=1.
set -u
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
tool=$1 streamer=$1-stream
nr=${DESCRIBED_N:-400} seed=${DESCRIBED_SEED:-1}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
echo "TAP version 13"
modprobe mdm_described || {
	echo "Bail out! the module does not load"
	exit 1
}
a=platform/mdm_described.0 b=platform/mdm_described.1
dir_a=/sys/bus/platform/devices/mdm_described.0
dir_b=/sys/bus/platform/devices/mdm_described.1
model=https://mdev-migrate.org/devices/test-described

# random_configs: some that fit, some combinations that do not, some nonsense.
random_configs() {
	awk -v nr="$nr" -v seed="$seed" -v model="$model" '
	function pick(list,   n, parts) {
		n = split(list, parts, " ")
		return parts[1 + int(rand() * n)]
	}
	BEGIN {
		srand(seed)
		for (i = 0; i < nr; i++) {
			line = "model=" model (rand() < .03 ? "s" : "")
			if (rand() < .6) line = line ",lanes=" pick("1 1 2 4 8 3 16 01")
			if (rand() < .6) line = line ",mode=" pick("slow fast fast safe Fast")
			if (rand() < .6) line = line ",size=" pick("0 1 16 32 63 64 65 -1")
			if (rand() < .02) line = line ",colour=red"
			print line
		}
	}'
}

# The kernel's word on a device: 0 accepted, 1 refused.
kernel_check() {
	{ printf %s "$1" >"$2/migration/type/check"; } 2>/dev/null
}

run 0 "list" "$tool" list
says "... both" "$a +mdm_described-v2 "
says "... both" "$b +mdm_described-v2 "
run 0 "show" "$tool" show $a
says "... the parameters" "lanes +4 +4 +1 +1-2 4 8"
run 0 "they are alike" "$tool" check $a $b
says "... identical" "^identical"
"$tool" export -o "$tmp/host.json"
run 0 "so they are in a snapshot" "$tool" check "$tmp/host.json:$a" "$tmp/host.json:$b"
for answer in list "show $a" "check $a $b" "find $a $tmp/host.json"; do
	# shellcheck disable=SC2086
	"$tool" $answer --json >"$tmp/answer"
	run 0 "$answer, as the schema says" python3 "$here/validate.py" --strict \
		"$here/../../tools/mdev-migrate" "$tmp/answer"
done

disagree=0 fit=0 unfit=0 moved=0 wrong=0
random_configs >"$tmp/configs"
while read -r config; do
	kernel=1
	kernel_check "$config" $dir_b && kernel=0
	"$tool" check "$config" $b >"$tmp/out" 2>"$tmp/err"
	status=$?
	[ $status != 2 ] || status=1
	if [ $status != $kernel ]; then
		disagree=$((disagree + 1))
		echo "# kernel $kernel, tool $status: $config"
		sed 's/^/#   /' "$tmp/out" "$tmp/err"
	fi
	if [ $kernel = 1 ]; then
		unfit=$((unfit + 1))
		continue
	fi
	fit=$((fit + 1))
	if "$tool" plan "$config" $b >"$tmp/plan" 2>"$tmp/err" && sh "$tmp/plan" 2>>"$tmp/err" &&
		"$tool" check "$config" $b | grep -q '^identical'; then
		moved=$((moved + 1))
	else
		echo "# $config:"
		sed 's/^/#   /' "$tmp/plan" "$tmp/err"
		wrong=$((wrong + 1))
	fi
done <"$tmp/configs"
echo "# $nr configurations: $fit fit, $unfit do not; $moved were written"
# expect NAME COMMAND...
expect() {
	name=$1
	shift
	: >"$tmp/out"
	: >"$tmp/err"
	if "$@"; then pass "$name"; else fail "$name"; fi
}
expect "check agrees with the kernel on all" test $disagree = 0
expect "some fit and some do not" test $fit -gt $((nr / 10)) -a $unfit -gt $((nr / 10))
expect "all that fits can be written" test $moved = $fit -a $wrong = 0

# What the other device has is not there.
echo 0 >$dir_b/migration/params/size
echo 64 >$dir_a/migration/params/size
run 1 "more than there is" "$tool" check "model=$model,size=33" $b
says "... is no room" "No space left"
says "... what to do" "fix: remove a device .*smaller values in their migration/params"
run 2 "it cannot be opened" "$streamer" probe $b
says "... says why" "$b is not a VFIO device: it is bound to the driver mdm_described, which is not a VFIO driver"
run 0 "as much as there is" "$tool" check "model=$model,size=32" $b

# One that is open keeps its values.
echo 1 >$dir_b/open
now=$(cat $dir_b/migration/config)
run 0 "an open device, as it is" "$tool" check "$now" $b
run 1 "an open device, otherwise" "$tool" check "model=$model,size=1" $b
says "... says so" "fix: close the device, or leave its values as they are"
"$tool" check --json "model=$model,size=1" $b >"$tmp/answer"
run 0 "... to programs" grep -q '"code": "device-open"' "$tmp/answer"
echo 0 >$dir_b/open
run 0 "... until it is closed" "$tool" check "model=$model,size=1" $b
modprobe -r mdm_described
run 0 "list, when they are gone" "$tool" list
if grep -q mdm_described "$tmp/out"; then fail "... says nothing of them"; else pass "... says nothing of them"; fi

# Devices that VFIO has: opened, saved, loaded.
modprobe mdm_firmware
a=platform/mdm_firmware.0 b=platform/mdm_firmware.1
dir_b=/sys/bus/platform/devices/mdm_firmware.1
run 0 "list" "$tool" list
says "... both" "$b +mdm_firmware-v1 +running"
# count_to STATE N: the state is that of a device whose memory was written N times, which
# stays in its attribute "status" when it is closed.
count_to() {
	python3 - "$1" "$2" <<'END'
import struct
import sys

def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff

# The last record but END, which has 24 bytes.
state = bytearray(open(sys.argv[1], "rb").read())
at = len(state) - 24 - 32
head = struct.pack("<III", 0x1202, 0, 16)
assert state[at:at + 12] == head
payload = struct.pack("<IIQ", 1, 0, int(sys.argv[2]))
state[at + 12:at + 32] = struct.pack("<I", crc32c(head + payload)) + payload
open(sys.argv[1], "wb").write(state)
END
}
# opens HOW N: what opens a device, through iommufd or a container.
opens() {
	run 0 "probe, $1" "$streamer" probe $a --json
	says "... that way" "\"opened_through\": \"$1\""
	cp "$tmp/out" "$tmp/answer"
	run 0 "... as the schema says" python3 "$here/validate.py" --strict \
		"$here/../../tools/mdev-migrate" "$tmp/answer"
	run 0 "probe in words" "$streamer" probe $a
	says "... its name" "^device +$a$"
	run 0 "save, $1" "$streamer" save $a -o "$tmp/state"
	run 3 "decode" "$streamer" decode "$tmp/state"
	says "... a record that only its model knows" "^0x1202 .*length 16$"
	says "... the parts of its memory" "^0x1200 .* blob_length 4194304  blob_offset 3932160$"
	run 0 "... another one's" count_to "$tmp/state" "$2"
	run 0 "load, $1" "$streamer" load $b "$tmp/state"
	run 0 "... is there" grep -qx "stopped $2" $dir_b/status
}
opens iommufd 1234
mv /dev/iommu "$tmp/iommu"
opens container 5678
mv "$tmp/iommu" /dev/iommu
head -c 100 "$tmp/state" >"$tmp/cut"
run 1 "load a state that is cut short" "$streamer" load $b "$tmp/cut"
says "... says why, and resets" "the stream stops at byte 100.*the device was reset"
cp "$tmp/state" "$tmp/changed"
printf '\377' | dd of="$tmp/changed" bs=1 seek=$(($(wc -c <"$tmp/state") - 26)) conv=notrunc 2>/dev/null
run 1 "load a damaged state" "$streamer" load $b "$tmp/changed"
says "... says where" "record 0x1202 .firmware counters.: its checksum is 0x.* .record at byte [0-9]* of the stream."
if [ "$(grep -o 'at byte' "$tmp/err" | wc -l)" = 1 ]; then pass "... once"; else fail "... once"; fi
"$streamer" load --hold $b "$tmp/state" 2>"$tmp/holds" &
holder=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	! grep -q 'has the state' "$tmp/holds" || break
	sleep 0.5
done
run 2 "one that is in use is left alone" "$streamer" probe $b
says "... says so" "$b is in use, possibly by a virtual machine: try again when that has ended"
kill $holder
wait $holder
echo mdm_firmware.1 >/sys/bus/platform/drivers/mdm_firmware/unbind
run 2 "one that was unbound" "$streamer" probe $b
says "... says why" "$b is not a VFIO device: it is not bound to a driver"
modprobe -r mdm_firmware

# Several parents with the same types: any will do.
modprobe mdm_pooled
config=model=https://mdev-migrate.org/devices/test-pooled,units=8
first=/sys/class/mdev_bus/mdm_pooled.0
for uuid in 1 2 3 4 5 6 7 8; do
	echo aaaaaaaa-0000-4000-8000-00000000000$uuid >$first/mdev_supported_types/mdm_pooled-v2/create
done
run 0 "the first parent is full" grep -qx 0 $first/mdev_supported_types/mdm_pooled-v2/available_instances
run 0 "a type of any parent" "$tool" check $config mdm_pooled-v2
says "... that has room" "^identical: .* -> mdm_pooled.1/mdm_pooled-v2 on "
run 1 "... of the first" "$tool" check $config mdm_pooled.0/mdm_pooled-v2
"$tool" export -o "$tmp/host.json"
run 0 "... of a snapshot" "$tool" check $config "$tmp/host.json:mdm_pooled-v2"
run 0 "plan" "$tool" plan $config mdm_pooled-v2
says "... is for the other" "/mdm_pooled.1/mdev_supported_types/mdm_pooled-v2'$"
# mdevctl's callout, with a kernel that answers.
mkdir "$tmp/bin"
ln -s "$(readlink -f "$tool")" "$tmp/bin/mdev-migrate"
callout() {
	printf '{"mdev_type":"mdm_pooled-v2","start":"manual","attrs":[{"migration/params/units":"%s"}]}' "$5" |
		PATH=$tmp/bin:$PATH sh "$here/../../tools/mdevctl/mdev-migrate" -e "$1" -a "$2" -s none \
			-u aaaaaaaa-0000-4000-8000-00000000000"$3" -p "$4" -t mdm_pooled-v2
}
run 0 "the callout: a parent that has room" callout pre start 9 mdm_pooled.1 8
run 1 "... one that is full" callout pre start 9 mdm_pooled.0 8
says "... says so" "^mdm_pooled-v2 is full: "
run 0 "... which may be defined for" callout pre define 9 mdm_pooled.0 8
run 1 "... more than there ever is" callout pre define 9 mdm_pooled.0 65
says "... says so" "^units: asked for 65, mdm_pooled-v2 allows 1-64$"
run 1 "... more than a device can have now" callout live modify 1 mdm_pooled.0 9
says "... in its words" "^units: "
run 0 "... less" callout live modify 1 mdm_pooled.0 7
run 0 "... is written" grep -qx 7 /sys/bus/mdev/devices/aaaaaaaa-0000-4000-8000-000000000001/migration/params/units
for uuid in 1 2 3 4 5 6 7 8; do
	echo 1 >/sys/bus/mdev/devices/aaaaaaaa-0000-4000-8000-00000000000$uuid/remove
done
modprobe -r mdm_pooled
finish
