#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# How long a guest would be stopped: what check and find make of a device's
# stop_copy_bytes, a bandwidth and what was measured. How far that is from a
# migration is measured by tests/bench (estimate_error).
set -u
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
. "$here/lib.sh"
tool=$1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
uri=https://vendor-a.com/my-nic
dev=44444444-4444-4444-8444-444444444444
python=
for name in python3 /usr/bin/python3; do
	[ -n "$python" ] || ! $name -c 'import jsonschema' 2>/dev/null || python=$name
done

# state BYTES: of the source, which is in a snapshot too.
make_type "$tmp/a" card nic-v1 $uri v1 3 "mtu:uint:0:0:0-9000"
make_device "$tmp/a" card nic-v1 $dev
make_type "$tmp/b" card nic-v1 $uri v1 3 "mtu:uint:0:0:0-9000"
"$tool" export --compact --root "$tmp/b" -o "$tmp/b.json"
state() {
	put "$tmp/a/bus/mdev/devices/$dev/migration/stop_copy_bytes" "$1"
	"$tool" export --compact --root "$tmp/a" -o "$tmp/a.json"
}
probe() {
	printf '{"command":"probe","stop_us":%s,"read_us":%s,"start_us":%s,"state_bytes":%s}\n' "$@" >"$tmp/probe"
}

# takes MS NAME OPTION...
takes() {
	ms=$1 name=$2
	shift 2
	for command in check find; do
		run 0 "$command: $name" "$tool" $command "$@" "$tmp/a.json:$dev" "$tmp/b.json"
		says "... $ms ms" "^  downtime +$ms ms if it is stopped now: "
	done
}
state 1000000000
takes 1000.000 "bytes" --bandwidth 1000000000
takes 1000.000 "with units" --bandwidth 1GB/s
takes 8000.000 "bits" --bandwidth 1Gbit/s
takes 800.000 "without /s" --bandwidth 10Gbit
takes 800.000 "a part of one" --bandwidth 1.25G
takes 10000.000 "mega" --bandwidth 100M/s
takes 1000000.000 "kilo" --bandwidth 1000kB
takes 1000000.000 "a capital one" --bandwidth 1000KB
takes 1.000 "tera" --bandwidth 1T
for bad in 1X 1GiB/s Gbit -1G 0 1Gbit/m 1Gbits 1GB/s/s 1e 0x10 inf nan '' ' 1G'; do
	run 2 "no bandwidth: \"$bad\"" "$tool" check --bandwidth "$bad" "$tmp/a.json:$dev" "$tmp/b.json"
	says "... says how" "is not written as 10Gbit/s"
done

# What was measured of another of the kind.
probe 2000.5 100 1500.5 800
takes 1003.501 "stopping and starting" --bandwidth 1GB/s --probe "$tmp/probe"
probe 2000 1000000 1000 100000000
takes 10003.000 "a device that is slower than the channel" --bandwidth 1GB/s --probe "$tmp/probe"
takes 100003.000 "and a channel that is slower than it" --bandwidth 10MB/s --probe "$tmp/probe"
probe 2000 1000000 1000 100000
takes 1003.000 "a small state tells no speed" --bandwidth 1GB/s --probe "$tmp/probe"
for bad in '{}' '{"stop_us":1,"start_us":2,"read_us":3}' '{"stop_us":"1","start_us":2,"read_us":3,"state_bytes":4}' '[' ''; do
	echo "$bad" >"$tmp/probe"
	run 2 "no probe: $bad" "$tool" check --bandwidth 1G --probe "$tmp/probe" "$tmp/a.json:$dev" "$tmp/b.json"
	run 2 "... find" "$tool" find --bandwidth 1G --probe "$tmp/probe" "$tmp/a.json:$dev" "$tmp/b.json"
done
run 2 "a probe without a bandwidth" "$tool" check --probe "$tmp/probe" "$tmp/a.json:$dev" "$tmp/b.json"
says "... says so" "--probe is for --bandwidth"
run 2 "another command" "$tool" plan --bandwidth 1G "$tmp/a.json:$dev" "$tmp/b.json"

# What is not known is not made up.
unknown() {
	run "$1" "$2" "$tool" check --bandwidth 1G "$3" "$tmp/b.json"
	says "... says why" "downtime +not known: $4"
}
state 0
unknown 0 "a device that is not in use" "$tmp/a.json:$dev" "the source is not in use"
state ""
unknown 0 "a driver that does not say" "$tmp/a.json:$dev" "the source's driver does not say how large its state is"
unknown 0 "a type" "$tmp/b.json:nic-v1" "the source is not a device"
unknown 0 "a configuration" "model=$uri" "the source is not a device"
run 0 "nothing without being asked" "$tool" check "$tmp/a.json:$dev" "$tmp/b.json"
if grep -q downtime "$tmp/out"; then fail "... is said"; else pass "... is said"; fi

# For programs
probe 2000 1000000 1000 100000000
state 1000000000
"$tool" check --json --bandwidth 1Gbit/s --probe "$tmp/probe" "$tmp/a.json:$dev" "$tmp/b.json" >"$tmp/1.answer"
"$tool" find --json --bandwidth 1Gbit/s "$tmp/a.json:$dev" "$tmp/b.json" >"$tmp/2.answer"
"$tool" check --json --bandwidth 1Gbit/s "model=$uri" "$tmp/b.json" >"$tmp/3.answer"
cat "$tmp"/*.answer >"$tmp/answers"
run 0 "JSON: how long" grep -qE '"ms": 10003' "$tmp/1.answer"
run 0 "... without a probe" grep -qE '"ms": 8000' "$tmp/2.answer"
run 0 "... in bytes" grep -qE '"bandwidth": 125000000' "$tmp/2.answer"
run 0 "... or why not" grep -q '"unknown": "the source is not a device' "$tmp/3.answer"
if [ -n "$python" ]; then
	run 0 "as the schema says" "$python" "$here/validate.py" --strict "$top/tools/mdev-migrate" "$tmp"/*.answer
else
	skip "as the schema says" "there is no python3 with jsonschema"
fi
finish
