#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# domain and drain: several devices at once. Two that fit one free place are not two
# yeses, and the first place that fits is not always the right one.
set -u
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
. "$here/lib.sh"
tool=$1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
uri=https://vendor-a.com/my-nic
place="python3 $here/place.py"
schemas=$top/tools/mdev-migrate
python=
for name in python3 /usr/bin/python3; do
	[ -n "$python" ] || ! $name -c 'import jsonschema' 2>/dev/null || python=$name
done
one=11111111-1111-4111-8111-111111111111
two=22222222-2222-4222-8222-222222222222
three=33333333-3333-4333-8333-333333333333

# valid NAME FILE: as the schema says, and nothing else.
valid() {
	if [ -n "$python" ]; then
		run 0 "$1 is as the schema says" "$python" "$here/validate.py" --strict "$schemas" "$2"
	else
		skip "$1 is as the schema says" "there is no python3 with jsonschema"
	fi
}

# domain NAME HOST DEVICE=CONFIG...: CONFIG is what follows the model; - if it is not known.
domain() {
	printf '{"schema_version":"1.4","domain":{"name":"%s"},"host":{"name":"%s"},"devices":[' "$1" "$2"
	shift 2
	comma=
	for device; do
		printf '%s{"device":"%s"' "$comma" "${device%%=*}"
		[ "${device#*=}" = - ] || printf ',"config":"model=%s%s"' $uri "${device#*=}"
		printf '}'
		comma=,
	done
	echo ']}'
}
# nic HOST PARENT FREE MAX [TYPE]: a type that takes up to MAX queues.
nic() {
	make_type "$tmp/$1" "$2" "${5:-nic-v1}" $uri "${5:-v1}" "$3" "queues:uint:1:1:1-$4" "rss:bool:off:off:on off"
}
# snapshot HOST...
snapshot() {
	for host; do
		"$tool" export --compact --root "$tmp/$host" -o "$tmp/$host.json"
	done
}
# where DEVICE REGEX: the last drain, or the last host of domain, says that of the device.
where() { says "... $1 $2" "^ *$1 +[a-z]+ +$2"; }

# One free place; two, but one of them too small; two below two parents; types that share.
nic full card 0 8
nic single card 1 8
nic shared card 1 8
nic shared card 1 8 nic-v2
nic cards card.0 1 2
nic cards card.1 1 8
nic wide card 2 8
nic small card 5 2
snapshot full single shared cards wide small
domain guest src $one=,queues=4 $two= >"$tmp/guest"
for host in full single shared small; do
	run 1 "two cards, on $host" "$tool" domain "$tmp/guest" "$tmp/$host.json"
done
run 1 "two that fit one free place" "$tool" domain "$tmp/guest" "$tmp/single.json"
says "... is not two yeses" "^0 of 1 hosts can take the 2 devices of guest$"
where $two "it fits, but there is no room for all 2 devices at once"
run 1 "two types that share one place" "$tool" domain "$tmp/guest" "$tmp/shared.json"
run 1 "one of them does not fit" "$tool" domain "$tmp/guest" "$tmp/small.json"
where $one "card/nic-v1: queues: the source has 4, the destination allows 1-2"
where $two "it stays with $one, which has no place"
run 0 "two places, of which one is for the smaller only" "$tool" domain "$tmp/guest" "$tmp/cards.json"
where $one "card.1/nic-v1, 1 to write"
where $two "card.0/nic-v1, 0 to write"
domain guest src $two= $one=,queues=4 >"$tmp/other"
run 0 "... in the other order" "$tool" domain "$tmp/other" "$tmp/cards.json"
where $one "card.1/nic-v1, 1 to write"
domain guest src $two=,queues=3 $one=,queues=4 >"$tmp/big"
run 1 "... both of them large" "$tool" domain "$tmp/big" "$tmp/cards.json"
cat "$tmp"/*.json >"$tmp/fleet"
run 0 "a fleet" "$tool" domain "$tmp/guest" "$tmp/fleet"
says "... those with room for both" "^2 of 6 hosts can take"
run 0 "... the best first" sh -c "'$tool' domain '$tmp/guest' '$tmp/fleet' | sed -n 2p | grep -qx 'cards  compatible'"
run 0 "a host that it is on" sh -c "sed 's/\"src\"/\"wide\"/' '$tmp/guest' | '$tool' domain - '$tmp/fleet'"
says "... is none of them" "^1 of 5 hosts can take the 2 devices of guest, beside wide, where it is"
run 0 "... unless asked for" sh -c "sed 's/\"src\"/\"wide\"/' '$tmp/guest' | '$tool' domain --own-host - '$tmp/fleet'"
says "... then it is" "^2 of 6 hosts"
run 4 "... and what cannot be read is left out" sh -c "echo '{' >'$tmp/bad'; '$tool' domain '$tmp/guest' '$tmp/fleet' '$tmp/bad'"
domain guest src $one=- $two= >"$tmp/unknown"
run 3 "a device of which nothing is known" "$tool" domain "$tmp/unknown" "$tmp/wide.json"
where $one "$one: the domain's description does not say what it is"
run 3 "... is no certain no, where there is no room" "$tool" domain "$tmp/unknown" "$tmp/single.json"
run 1 "... but the other one may be" "$tool" domain "$tmp/unknown" "$tmp/full.json"

# A device that is there takes one.
make_described "$tmp/vf" pci nic_vf 0000:01:00.1 $uri v2 ,queues=2 "queues:uint:1:1:1-2" "rss:bool:off:off:on off"
make_described "$tmp/vf" pci nic_vf 0000:01:00.2 $uri v2 - "queues:uint:1:1:1-8" "rss:bool:off:off:on off"
snapshot vf
run 0 "two that are there" "$tool" domain "$tmp/guest" "$tmp/vf.json"
where $one "pci/0000:01:00.2, 1 to write"
where $two "pci/0000:01:00.1, 1 to write"
domain guest src $one= $two= $three= >"$tmp/three"
run 1 "three where there are two" "$tool" domain "$tmp/three" "$tmp/vf.json"

# Room that is not known, combinations that only the host knows.
make_type "$tmp/asked" card nic-v1 $uri v1 1 "queues:uint:1:1:1-8" "rss:bool:off:off:on off"
put "$tmp/asked/class/mdev_bus/card/mdev_supported_types/nic-v1/migration/combinations" checked
snapshot asked
domain guest src $one=,queues=4 >"$tmp/alone"
run 3 "what only the host knows" "$tool" domain "$tmp/alone" "$tmp/asked.json"
says "... says so" "only the destination can tell"
run 1 "... but two into one place is a no" "$tool" domain "$tmp/big" "$tmp/asked.json"
sed 's/"available_instances":2,//' "$tmp/wide.json" >"$tmp/nobody.json"
run 3 "room that nobody says" "$tool" domain "$tmp/guest" "$tmp/nobody.json"

# Types of two sizes share a parent: half and half fit, more may, too much does not.
for free in 2:4 1:2; do
	make_type "$tmp/mixed$free" gpu big $uri big "${free%:*}" "queues:uint:1:8:1-8" "rss:bool:off:off:on off"
	make_type "$tmp/mixed$free" gpu half $uri half "${free#*:}" "queues:uint:1:4:1-8" "rss:bool:off:off:on off"
	"$tool" export --compact --root "$tmp/mixed$free" -o "$tmp/mixed${free%:*}.json"
done
domain guest src $one=,queues=8 $two=,queues=4 $three=,queues=4 >"$tmp/halves"
run 0 "a half and two quarters" "$tool" domain "$tmp/halves" "$tmp/mixed2.json"
run 1 "a whole and two halves" "$tool" domain "$tmp/halves" "$tmp/mixed1.json"
domain guest src $one=,queues=8 $two=,queues=4 $three=,queues=4 4=,queues=4 >"$tmp/more"
run 3 "a half and three quarters, or a little less" "$tool" domain "$tmp/more" "$tmp/mixed2.json"
where $one "it fits, but there is no room for all 4 devices at once; only the hosts' drivers know"
domain guest src $one=,queues=6 $two=,queues=6 >"$tmp/between"
run 0 "of no type's size, as the largest" "$tool" domain "$tmp/between" "$tmp/mixed2.json"

# Two parents of twelve each, filled to the last; and one device more.
for parent in gpu.0 gpu.1; do
	for units in 6 4 3; do
		make_type "$tmp/twelve" $parent of-$units $uri of-$units $((12 / units)) \
			"queues:uint:1:$units:1-8" "rss:bool:off:off:on off"
	done
done
snapshot twelve
domain guest src a=,queues=6 b=,queues=4 c=,queues=4 d=,queues=6 e=,queues=4 >"$tmp/exact"
run 0 "two halves, three thirds" "$tool" domain "$tmp/exact" "$tmp/twelve.json"
domain guest src a=,queues=6 b=,queues=4 c=,queues=4 d=,queues=6 e=,queues=4 f=,queues=3 >"$tmp/thirds"
run 3 "... and a quarter, which is more than there is, or not" "$tool" domain "$tmp/thirds" "$tmp/twelve.json"
domain guest src a=,queues=6 b=,queues=6 c=,queues=6 d=,queues=6 e=,queues=6 >"$tmp/over"
run 1 "five halves" "$tool" domain "$tmp/over" "$tmp/twelve.json"

# Domains of 3, 3, 2, 2 and 2 devices, to 7 and 5 places: the largest first is the wrong way.
make_type "$tmp/guests" card nic-v1 $uri v1 3 "queues:uint:1:1:1-8" "rss:bool:off:off:on off"
nic seven card 7 8
nic five card 5 8
nic four card 4 8
i=0
for size in 3 3 2 2 2; do
	set --
	while [ $# -lt $size ]; do
		i=$((i + 1))
		make_device "$tmp/guests" card nic-v1 "$(printf '%08d' $i)-0000-4000-8000-000000000000"
		set -- "$@" "$(printf '%08d' $i)-0000-4000-8000-000000000000="
	done
	domain "guest$i" guests "$@"
done >"$tmp/five-guests"
snapshot guests seven five four
run 0 "five guests" "$tool" drain "$tmp/guests.json" "$tmp/seven.json" "$tmp/five.json" --domains "$tmp/five-guests"
says "... all of them" "^identical: 12 of 12 devices"
run 1 "... and one place less" "$tool" drain "$tmp/guests.json" "$tmp/seven.json" "$tmp/four.json" --domains "$tmp/five-guests"

# drain: all of a host. Two cards; only one host takes the larger one, and the other card too.
make_type "$tmp/src" card nic-v1 $uri v1 3 "queues:uint:1:1:1-8" "rss:bool:off:off:on off"
make_device "$tmp/src" card nic-v1 $two
make_device "$tmp/src" card nic-v1 $one "model=$uri,queues=4"
nic left card 1 2
nic right card 1 8
snapshot src left right
run 0 "drain" "$tool" drain "$tmp/src.json" "$tmp/right.json" "$tmp/left.json"
says "... all" "^compatible: 2 of 2 devices of src can go to the 2 other hosts, each by itself: --domains"
where $one "card/nic-v1 on right, 1 to write"
where $two "card/nic-v1 on left, 0 to write"
run 1 "... as one domain" sh -c "'$tool' drain '$tmp/src.json' '$tmp/right.json' '$tmp/left.json' --domains '$tmp/guest'"
where $two "no host takes all 2 devices that go together .guest.$"
run 0 "... where one host has room for both" "$tool" drain "$tmp/src.json" "$tmp/right.json" "$tmp/left.json" "$tmp/wide.json" --domains "$tmp/guest"
where $two "card/nic-v1 on wide, 0 to write .guest.$"
run 0 "the host itself is none" "$tool" drain "$tmp/src.json" "$tmp/src.json" "$tmp/wide.json"
says "... one" "the 1 other hosts"
run 1 "no other host" "$tool" drain "$tmp/src.json" "$tmp/src.json"
where $one "there is no other host"
run 1 "room for one" "$tool" drain "$tmp/src.json" "$tmp/right.json"
says "... is for one" "^incompatible: 1 of 2 devices of src can go to the 1 other hosts"
says "... and says so of the other" "1 host takes it alone, but the others take the room there$"
run 0 "drain this host" "$tool" drain --root "$tmp/src" . "$tmp/wide.json"
cat "$tmp/src.json" "$tmp/right.json" "$tmp/left.json" >"$tmp/all"
run 0 "drain one of a file" "$tool" drain "$tmp/all:src/" "$tmp/all"
run 0 "nothing to move" "$tool" drain "$tmp/wide.json" "$tmp/src.json"
says "... is said" "^identical: 0 of 0 devices of wide"
run 2 "a device is no host" "$tool" drain "$tmp/src.json:$one" "$tmp/wide.json"
says "... says so" "src.json:$one is not a host"
run 2 "nor is a configuration" "$tool" drain "model=$uri" "$tmp/wide.json"
run 2 "no fleet" "$tool" drain "$tmp/src.json"
run 4 "a host that cannot be read is left out" "$tool" drain "$tmp/src.json" "$tmp/wide.json" "$tmp/bad"
sed 's/"other_devices":\[\]/"other_devices":[{"name":"0000:09:00.0","bus":"pci","driver":"vfio-pci"}]/' "$tmp/src.json" >"$tmp/others.json"
run 3 "a device of another driver's" "$tool" drain "$tmp/others.json" "$tmp/wide.json"
where pci/0000:09:00.0 "the source's driver says nothing"
says "... the others have their places" "^unknown: 2 of 3 devices of src"

# Domains, and what is no description of one.
domain far away $three= >"$tmp/far"
cat "$tmp/guest" "$tmp/far" >"$tmp/domains"
run 0 "domains of other hosts do not matter" "$tool" drain "$tmp/src.json" "$tmp/wide.json" --domains "$tmp/domains"
run 2 "two domains" "$tool" domain "$tmp/domains" "$tmp/wide.json"
says "... are one too many" "has 2 domains: one at a time"
domain guest src $one= $three= >"$tmp/stale"
run 4 "a domain's device that is not there" "$tool" drain "$tmp/src.json" "$tmp/wide.json" --domains "$tmp/stale"
says "... is said" "src has no device $three, which is the domain guest's"
for bad in '[]' '{' '{}' '{"schema_version":"1.4"}' '{"schema_version":"2.0","domain":{"name":"a"},"devices":[]}' \
	'{"schema_version":"1.4","domain":{"name":"a"}}' '{"schema_version":"1.4","domain":{},"devices":[]}' \
	'{"schema_version":"1.4","domain":"a","devices":[]}' '{"schema_version":"1.4","domain":{"name":"a"},"devices":[{}]}' \
	'{"schema_version":"1.4","domain":{"name":"a"},"devices":[{"device":5}]}' \
	'{"schema_version":"1.4","domain":{"name":"a"},"devices":[{"device":"x"},{"device":"X"}]}' \
	'{"schema_version":"1.4","domain":{"name":"a"},"host":5,"devices":[]}'; do
	echo "$bad" >"$tmp/none"
	run 2 "no domain: $bad" "$tool" domain "$tmp/none" "$tmp/wide.json"
	run 2 "... to drain" "$tool" drain "$tmp/src.json" "$tmp/wide.json" --domains "$tmp/none"
done
run 2 "a snapshot is none" "$tool" domain "$tmp/src.json" "$tmp/wide.json"
says "... says so" 'it has no "domain", and so is not what mdev-migrate-domain describe --json writes'
run 2 "both from standard input" sh -c "'$tool' drain - '$tmp/wide.json' --domains - <'$tmp/src.json'"
run 0 "domains from standard input" sh -c "'$tool' drain '$tmp/src.json' '$tmp/wide.json' --domains - <'$tmp/guest'"

# In JSON.
valid "a domain" "$tmp/guest"
for hosts in wide.json single.json mixed2.json fleet; do
	"$tool" domain --json "$tmp/guest" "$tmp/$hosts" >"$tmp/answer"
	valid "domain to $hosts" "$tmp/answer"
done
for hosts in wide.json single.json vf.json fleet src.json; do
	"$tool" drain --json "$tmp/others.json" "$tmp/$hosts" --domains "$tmp/guest" >"$tmp/answer"
	valid "drain to $hosts" "$tmp/answer"
done

# All ways, one by one, say the same.
run 0 "random devices and hosts" $place random "$tool" "$tmp" "${PLACE_SEED:-1}" "${PLACE_RUNS:-60}"
cat "$tmp/out"

# Many; and a puzzle, at which it gives up and says so.
$place fleet 1000 2 >"$tmp/thousand"
$place full 500 >"$tmp/full500"
run 0 "500 devices to 1,000 hosts" timeout 60 "$tool" drain "$tmp/full500" "$tmp/thousand"
$place fleet 100 2 >"$tmp/hundred"
run 1 "500 devices to 200 places" timeout 60 "$tool" drain "$tmp/full500" "$tmp/hundred"
says "... 200 of them" "^incompatible: 200 of 500 devices"
$place hard "$tmp"
run 3 "a puzzle" timeout 120 "$tool" drain "$tmp/puzzle" "$tmp/boxes" --domains "$tmp/pieces"
says "... it gives up, and says so" "there are too many ways to try: whether it fits beside the others was not found out"
finish
