#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What --json and export write is what the schemas describe; and the bar that a
# terminal gets that waits.
set -u
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
. "$here/lib.sh"
tool=$1 streamer=$1-stream
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
schemas=$top/tools/mdev-migrate
net=https://mdev-migrate.org/devices/virtio-net
dev=44444444-4444-4444-8444-444444444444

make_type "$tmp/new" virtio_net virtio_net-v1 $net v1 10 \
	"rss:bool:off:off:on off" "mtu:uint:0:0:0 68-65535"
make_type "$tmp/new" virtio_net virtio_net-v2 $net v2 10 \
	"rss:bool:off:on:on off" "mtu:uint:0:0:0 68-65535"
ln -s ../../bus/mtty "$tmp/new/class/mdev_bus/virtio_net/subsystem"
make_device "$tmp/new" virtio_net virtio_net-v1 $dev "model=$net,mtu=9000"
put "$tmp/new/bus/mdev/devices/$dev/migration/last_error" "rss: the stream has on"
make_type "$tmp/old" virtio_net virtio_net-v1 $net v1 0 "rss:bool:off:off:off"
make_type "$tmp/mtty" mtty mtty-2 "" "" 12
mkdir -p "$tmp/mtty/class/mdev_bus/mtty/$dev" "$tmp/none/bus"
ln -s ../mdev_supported_types/mtty-2 "$tmp/mtty/class/mdev_bus/mtty/$dev/mdev_type"
ln -s "../../../class/mdev_bus/mtty/$dev" "$tmp/mtty/bus/mdev/devices/$dev"
for host in new old mtty none; do
	"$tool" export --root "$tmp/$host" -o "$tmp/$host.json" 2>"$tmp/$host.err" ||
		echo "# no snapshot of $host"
done
run 0 "export without types" cat "$tmp/none.err"
says "... asks for a driver" "no mediated device types .* is a driver for them loaded"
tail -c +2 "$top/tests/fuzz/corpus/stream/virtio-net-v1" >"$tmp/state"
head -c 300 "$tmp/state" >"$tmp/cut"

# The interpreter in the path may be none that has Debian's jsonschema.
python=
for name in python3 /usr/bin/python3; do
	[ -n "$python" ] || ! $name -c 'import jsonschema' 2>/dev/null || python=$name
done

# valid NAME [--strict] FILE: as the schema says; with --strict nothing else.
valid() {
	name=$1
	shift
	if [ -z "$python" ]; then
		skip "$name" "there is no python3 with jsonschema"
		return
	fi
	case $1 in
	--strict) set -- --strict "$schemas" "$2" ;;
	*) set -- "$schemas" "$1" ;;
	esac
	run 0 "$name" "$python" "$here/validate.py" "$@"
}

for host in new old mtty none; do
	valid "the snapshot of $host" --strict "$tmp/$host.json"
done

# answer STATUS NAME ARGUMENT...
answer() {
	status=$1 name=$2
	shift 2
	program=$tool
	[ "$1" != decode ] || program=$streamer
	"$program" "$@" --json >"$tmp/answer" 2>"$tmp/err" </dev/null
	got=$?
	[ $got = "$status" ] || {
		cp "$tmp/answer" "$tmp/out"
		echo "# exit status $got, expected $status: $*"
		fail "answer: $name"
		return
	}
	valid "answer: $name" --strict "$tmp/answer"
}
answer 0 "list" list --root "$tmp/new"
answer 0 "list, nothing" list --root "$tmp/none"
answer 0 "list, another driver's" list --root "$tmp/mtty"
answer 0 "show, device" show --root "$tmp/new" $dev
answer 0 "show, type" show --root "$tmp/new" virtio_net-v2
make_type "$tmp/two" p.0 p-v1 $net v1 1 "rss:bool:off:off:off"
make_type "$tmp/two" p.1 p-v1 $net v1 2 "rss:bool:off:off:off"
answer 0 "show, a type of two parents" show --root "$tmp/two" p-v1
run 0 "... has both" grep -q '"types": ' "$tmp/answer"
answer 0 "list, a snapshot" list "$tmp/new.json"
answer 0 "find, this host" find --root "$tmp/two" "$tmp/new.json:virtio_net-v1" .
answer 0 "show, another driver's device" show --root "$tmp/mtty" $dev
answer 0 "require" require "$tmp/new.json:$dev"
answer 0 "require, labels" require --format nfd "$tmp/new.json:$dev"
answer 0 "check, identical" check "$tmp/new.json:virtio_net-v1" "$tmp/new.json:virtio_net-v1"
answer 0 "check, compatible" check "$tmp/new.json:$dev" "$tmp/new.json:virtio_net-v1"
answer 1 "check, incompatible" check "$tmp/new.json:virtio_net-v2" "$tmp/old.json"
answer 3 "check, unknown" check "$tmp/new.json:$dev" "$tmp/mtty.json"
answer 1 "check, no types" check "$tmp/new.json:$dev" "$tmp/none.json"
answer 1 "check, another model" check "model=https://example.org/x" "$tmp/old.json:virtio_net-v1"
answer 0 "check, a configuration" check "model=$net,mtu=1500" "$tmp/new.json"
for emit in sysfs mdevctl libvirt; do
	answer 0 "plan, $emit" plan --emit $emit "$tmp/new.json:$dev" "$tmp/new.json:virtio_net-v1"
done
answer 1 "plan, incompatible" plan "$tmp/new.json:virtio_net-v2" "$tmp/old.json"
answer 0 "find" find --own-host "$tmp/new.json:$dev" "$tmp/new.json" "$tmp/old.json" "$tmp/mtty.json"
answer 1 "find, none" find "$tmp/new.json:$dev" "$tmp/old.json"
answer 0 "baseline" baseline "$tmp/new.json"
answer 4 "baseline, a host without it" baseline "$tmp/new.json" "$tmp/mtty.json"
answer 3 "baseline, no model" baseline "$tmp/mtty.json"
answer 0 "matrix" matrix "$tmp/new.json" "$tmp/old.json" "$tmp/mtty.json"
run 0 "... says how many are full" grep -q '"full_nr": 1' "$tmp/answer"
answer 0 "matrix, all pairs" matrix --pairs "$tmp/new.json" "$tmp/old.json" "$tmp/mtty.json"
run 0 "... says what is full" grep -q "\"full\": true" "$tmp/answer"
sed 's/"name": "new"/"name": "other"/' "$tmp/new.json" >"$tmp/other.json"
answer 0 "drain" drain "$tmp/new.json" "$tmp/other.json"
answer 1 "drain, no" drain "$tmp/new.json" "$tmp/old.json"
answer 3 "drain, unknown" drain "$tmp/new.json" "$tmp/mtty.json"
answer 0 "decode" decode "$tmp/state"
answer 0 "decode, only whether whole" decode --verify "$tmp/state"
answer 1 "decode, damaged" decode "$tmp/cut"

# A schema that takes everything would be none.
if [ -n "$python" ]; then
	for edit in 's/"compatible"/"likely"/' 's/"fixable": true/"fixable": 1/' \
		's/"schema_version": "1/"schema_version": "2/' 's/"message":/"massage":/'; do
		"$tool" check --json "$tmp/new.json:$dev" "$tmp/new.json:virtio_net-v1" |
			sed "$edit" >"$tmp/wrong"
		run 1 "the schema refuses $edit" "$python" "$here/validate.py" "$schemas" "$tmp/wrong"
	done
fi
sed 's/^{/{ "colour": { "deep": 1 },/' "$tmp/new.json" >"$tmp/later"
valid "a member of a later version" "$tmp/later"

# The codes that the manual promises are those of the schema.
codes_of() { grep -oE "$1" "$2" | grep -oE '[a-z]+(-[a-z]+)+|write' | sort -u; }
sed -e '1,/^\.SH FINDINGS/d' -e '/^\.SH ENV/,$d' -e 's/\\-/-/g' "$schemas/mdev-migrate.8" >"$tmp/man"
codes_of '^\.BR [a-z-]+ .*' "$tmp/man" >"$tmp/promised"
sed -n '/^    "code": {/,/^    }/p' "$schemas/answers.schema.json" >"$tmp/enum"
codes_of '"[a-z-]+"' "$tmp/enum" | grep -vx code | grep -vx enum >"$tmp/described"
run 0 "the manual and the schema have the same codes" cmp "$tmp/promised" "$tmp/described"

# slow: a snapshot that takes its time to come.
slow() {
	cat "$tmp/new.json"
	sleep 1.3
	"$tool" export --compact --root "$tmp/old"
	sleep 0.3
	"$tool" export --compact --root "$tmp/none" 2>/dev/null
}
if script --version >/dev/null 2>&1; then
	# The program's standard error is a terminal of its own, its answer goes to a file.
	slow | script -qec "'$tool' find 'model=$net' - >'$tmp/found'" /dev/null >"$tmp/out" 2>&1
	says "a terminal that waits gets a bar" "reading \[|find \["
	says "... which is taken away" "$(printf '\033')\[K"
	script -qec "'$streamer' save $dev" /dev/null >"$tmp/out" 2>&1 </dev/null
	says "a terminal gets no state" "refusing to write a state to a terminal"
	"$tool" find "model=$net" "$tmp/new.json" >"$tmp/found" 2>"$tmp/err"
	: >"$tmp/out"
	slow | "$tool" find "model=$net" - >"$tmp/found" 2>"$tmp/err"
	if [ -s "$tmp/err" ]; then fail "what is no terminal gets none"; else pass "what is no terminal gets none"; fi
else
	skip "a terminal that waits gets a bar" "there is no script(1)"
fi
finish
