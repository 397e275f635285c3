#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The commands, on hosts that are folders.
set -u
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
tool=$1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
net=https://mdev-migrate.org/devices/virtio-net

# net_host NAME MAX-FILTER RSS FREE: three versions of a network card.
net_host() {
	rss_allowed=off rss3=off
	[ "$3" = on ] && rss_allowed="on off" rss3=on
	make_type "$tmp/$1" virtio_net virtio_net-v1 "$net" v1 "$4" \
		"rss:bool:off:off:$rss_allowed" "rx-filter-size:uint:0:0:0-$2" \
		"mtu:uint:0:0:0 68-65535"
	make_type "$tmp/$1" virtio_net virtio_net-v2 "$net" v2 "$4" \
		"rss:bool:off:off:$rss_allowed" "rx-filter-size:uint:0:32:0-$2" \
		"mtu:uint:0:0:0 68-65535"
	[ "$2" -lt 64 ] || make_type "$tmp/$1" virtio_net virtio_net-v3 "$net" v3 "$4" \
		"rss:bool:off:$rss3:$rss_allowed" "rx-filter-size:uint:0:64:0-$2" \
		"mtu:uint:0:1500:0 68-65535"
	ln -sfn "../../bus/${5:-mtty}" "$tmp/$1/class/mdev_bus/virtio_net/subsystem"
	"$tool" export --compact --root "$tmp/$1" >"$tmp/$1.json"
}
dev=44444444-4444-4444-8444-444444444444
net_host new 64 on 10
make_device "$tmp/new" virtio_net virtio_net-v2 $dev "model=$net,mtu=9000,rx-filter-size=32"
"$tool" export --root "$tmp/new" >"$tmp/new.json"
net_host old 32 off 20
net_host plain 64 off 5
net_host bus 64 on 10 mdev_migrate
make_type "$tmp/mtty" mtty mtty-2 "" "" 12
"$tool" export --compact --root "$tmp/mtty" >"$tmp/mtty.json"
cat "$tmp/new.json" "$tmp/old.json" "$tmp/plain.json" "$tmp/mtty.json" >"$tmp/fleet.json"

# list, show, export
run 0 "list" "$tool" list --root "$tmp/new"
says "... a type" "virtio_net-v3 +virtio_net +v3 +10 +$net"
says "... what a device has that its type has not" "$dev +virtio_net-v2 +running +mtu=9000"
run 0 "list --json" "$tool" list --json --root "$tmp/new"
says "... what differs" '"differs": "mtu=9000"'
run 0 "list of nothing" "$tool" list --root "$tmp"
run 2 "list without a sysfs" "$tool" list --root "$tmp/nothing"
says "... says what was tried" "cannot open $tmp/nothing: No such file"
run 0 "show a device" "$tool" show --root "$tmp/new" $dev
says "... the parameters" "mtu +9000 +0 +0 +0 68-65535 +the mtu"
run 0 "show a type" "$tool" show --root "$tmp/new" virtio_net/virtio_net-v3
run 0 "show one of a snapshot" "$tool" show "$tmp/new.json:$dev"
run 2 "show what is not there" "$tool" show --root "$tmp/new" virtio_net-v9
says "... says what is there" "not a device or type of this host, which has $dev, virtio_net-v1, virtio_net-v2 and virtio_net-v3"
run 0 "export to a file" "$tool" export --root "$tmp/new" -o "$tmp/again.json"
for file in again new; do
	sed '/"taken":/d' "$tmp/$file.json" >"$tmp/$file.timeless"
done
run 0 "... the same" cmp "$tmp/again.timeless" "$tmp/new.timeless"
run 2 "export to where nothing can be" "$tool" export --root "$tmp/new" -o "$tmp/no/where"

# check: from snapshots, standard input, configurations
run 0 "check between snapshots" "$tool" check "$tmp/new.json" "$tmp/old.json"
says "... with one write" "write +mtu: the source has 9000, the destination would have 0"
run 1 "check, not allowed" "$tool" check "$tmp/new.json:virtio_net-v3" "$tmp/old.json"
says "... both sides" "rss: the source has on, the destination allows off only"
run 0 "check from standard input" sh -c "\"$tool\" check - \"$tmp/old.json\" <\"$tmp/new.json\""
run 0 "check a host among many" "$tool" check "$tmp/fleet.json:new/$dev" "$tmp/fleet.json:old/"
run 2 "check with an ambiguous source" "$tool" check "$tmp/old.json" "$tmp/new.json"
says "... says what to choose from" "say which device or type"
run 2 "check with an ambiguous host" "$tool" check "$tmp/fleet.json" "$tmp/new.json"
says "... says how" "fleet.json has 4 hosts"
run 2 "check with an unknown host" "$tool" check "$tmp/fleet.json:nobody/" "$tmp/new.json"
run 3 "check with a driver that says nothing" "$tool" check "$tmp/new.json" "$tmp/mtty.json"
run 2 "check a malformed configuration" "$tool" check "model=$net,rss" "$tmp/new.json"
run 2 "check to a configuration" "$tool" check "$tmp/new.json" "model=$net"
run 2 "check takes two" "$tool" check "$tmp/new.json"
run 2 "no such command" "$tool" frobnicate
run 2 "no such option" "$tool" list --frobnicate
run 2 "an option of another command" "$tool" list --html x
says "... says so" "list does not take --html"

# What is not a snapshot, or a newer one.
sed 's/"schema_version": *"1\.[0-9]*"/"schema_version":"2.0"/' "$tmp/new.json" >"$tmp/next.json"
run 2 "a newer major" "$tool" check "$tmp/next.json" "$tmp/old.json"
says "... is refused with a sentence" "schema is version 2.0, this program reads only 1.x"
sed 's/"schema_version": *"1\.[0-9]*"/"schema_version":"1.99","colour":{"deep":[1,null]}/' \
	"$tmp/new.json" >"$tmp/later.json"
run 0 "a newer minor, unknown members" "$tool" check "$tmp/later.json" "$tmp/old.json"
for bad in '' '[]' '{' '{"schema_version":1}' '{"schema_version":"1.0","types":{}}' \
	'{"schema_version":"1.0","types":[{}]}' \
	'{"schema_version":"1.0","types":[{"name":"a","params":{"b":{"type":"uint","off":"0","default":"0","allowed":"3-1"}}}]}' \
	'{"schema_version":"1.0","types":[{"name":"a","params":{"b":{"type":"what"}}}]}' \
	'{"schema_version":"1.0","devices":[{"uuid":5}]}' 'hello' '{"models":{"m":{}}}'; do
	printf '%s\n' "$bad" >"$tmp/bad.json"
	run 2 "no snapshot: $bad" "$tool" check "model=$net" "$tmp/bad.json"
	run 2 "no snapshot, find: $bad" "$tool" find "model=$net" "$tmp/bad.json"
done

# vfio-user programs
echo '{"models":{"vendor-a.com/my-nic":{"versions":["v1","v2"]}}}' >"$tmp/prog2.json"
echo '{"models":{"vendor-a.com/my-nic":{"versions":["v1"]},"other":{"versions":[]}}}' >"$tmp/prog1.json"
run 0 "programs, same version" "$tool" check "$tmp/prog2.json:v1" "$tmp/prog1.json"
run 1 "programs, version that is not there" "$tool" check "$tmp/prog2.json:v2" "$tmp/prog1.json"
run 3 "a program and a driver" "$tool" check "model=vendor-a.com/my-nic" "$tmp/prog2.json"

# plan
run 0 "plan, sysfs" "$tool" plan "$tmp/new.json" "$tmp/old.json"
says "... makes it" "^type='/sys/class/mdev_bus/virtio_net/mdev_supported_types/virtio_net-v2'$"
says "... of this name" "^uuid='$dev'$"
says "... with what it needs" "^set -- mtu=9000$"
run 0 "plan, mdevctl" "$tool" plan --emit mdevctl "$tmp/new.json" "$tmp/old.json"
says "... has the attribute" '"migration/params/mtu": "9000"'
run 0 "plan, libvirt" "$tool" plan --emit libvirt "$tmp/new.json" "$tmp/old.json"
says "... has the attribute" "<attr name='migration/params/mtu' value='9000'/>"
says "... has libvirt's name of the parent" "<parent>mtty_virtio_net</parent>"
run 2 "plan, libvirt, a parent of a bus that it does not know" \
	"$tool" plan --emit libvirt "$tmp/new.json" "$tmp/bus.json"
run 1 "plan what cannot be" "$tool" plan "$tmp/new.json:virtio_net-v3" "$tmp/old.json"
run 1 "... in JSON" "$tool" plan --json "$tmp/new.json:virtio_net-v3" "$tmp/old.json"
says "... with the verdict" '^  "verdict": "incompatible"'
run 0 "plan in JSON" "$tool" plan --json --emit libvirt "$tmp/new.json" "$tmp/old.json"
says "... has what it would have written" '^  "text": "<device>.n  <name>mdev_.*_virtio_net</name>.n  <parent>mtty_virtio_net'
make_device "$tmp/old" virtio_net virtio_net-v2 55555555-5555-4555-8555-555555555555
"$tool" export --root "$tmp/old" >"$tmp/old2.json"
run 0 "plan for a device that is there" "$tool" plan "$tmp/new.json" "$tmp/old2.json:55555555-5555-4555-8555-555555555555"
if grep -q /create "$tmp/out"; then fail "... makes none"; else pass "... makes none"; fi
run 2 "plan for one that is there with mdevctl" "$tool" plan --emit mdevctl "$tmp/new.json" \
	"$tmp/old2.json:55555555-5555-4555-8555-555555555555"
says "... says what else" "exists already: .* use --emit sysfs"
run 2 "plan with no UUID" "$tool" plan --uuid x "$tmp/new.json" "$tmp/old.json"
run 2 "plan for what does not exist" "$tool" plan --emit tea "$tmp/new.json" "$tmp/old.json"
run 0 "plan on the same host takes a new UUID" "$tool" plan --root "$tmp/new" $dev .
if grep -q "$dev" "$tmp/out"; then fail "... not the source's"; else pass "... not the source's"; fi
for other in "virtio_net virtio_net-v2" "mtty mtty-2"; do
	rm -rf "$tmp/taken"
	cp -r "$tmp/old" "$tmp/taken"
	make_type "$tmp/taken" mtty mtty-2 "" "" 12
	mkdir -p "$tmp/taken/class/mdev_bus/${other% *}/$dev"
	ln -s "../mdev_supported_types/${other#* }" \
		"$tmp/taken/class/mdev_bus/${other% *}/$dev/mdev_type"
	ln -s "../../../class/mdev_bus/${other% *}/$dev" "$tmp/taken/bus/mdev/devices/$dev"
	"$tool" export --root "$tmp/taken" >"$tmp/taken.json"
	run 0 "plan for a host that has a device of this name (${other% *})" \
		"$tool" plan "$tmp/new.json" "$tmp/taken.json"
	if grep -q "$dev" "$tmp/out"; then fail "... not the source's"; else pass "... not the source's"; fi
	run 2 "... nor one that is asked for" \
		"$tool" plan --uuid $dev "$tmp/new.json" "$tmp/taken.json"
	says "... says so" "already has a device $dev: give another UUID with --uuid"
done
sed 's/"virtio_net-v2"/"v2;reboot"/' "$tmp/old.json" >"$tmp/evil.json"
run 2 "a name that would be a command" "$tool" plan "$tmp/new.json" "$tmp/evil.json:v2;reboot"

# find, baseline, matrix
run 0 "find" "$tool" find "$tmp/new.json" "$tmp/fleet.json"
says "... counts" "^2 of 3 hosts fit, beside new, where it is"
says "... the most room first" "^old +compatible +virtio_net/virtio_net-v2, 1 to write, 20 free"
says "... says why not" "^mtty +unknown +mtty/mtty-2: the destination's driver says nothing"
if [ "$(sed -n '2s/ .*//p' "$tmp/out")" = old ]; then pass "... in this order"; else fail "... in this order"; fi
run 1 "find nothing" "$tool" find "$tmp/new.json:virtio_net-v3" "$tmp/old.json" "$tmp/plain.json"
run 3 "find nothing that is known" "$tool" find "$tmp/new.json" "$tmp/mtty.json"
"$tool" find --json "$tmp/new.json" "$tmp/old.json" "$tmp/plain.json" "$tmp/mtty.json" >"$tmp/compact"
sed 's/"name"/"n\\u0061me"/g; s/^/ /' "$tmp/old.json" "$tmp/plain.json" "$tmp/mtty.json" >"$tmp/odd.json"
"$tool" find --json "$tmp/new.json" "$tmp/odd.json" >"$tmp/spread"
run 0 "find reads fast what it reads slowly" cmp "$tmp/compact" "$tmp/spread"
run 0 "baseline" "$tool" baseline "$tmp/new.json" "$tmp/old.json" "$tmp/plain.json"
says "... is the best of all" "^model=$net,mtu=1500,rx-filter-size=32$"
says "... says who holds back" "rss +off +on +old and plain"
run 0 "baseline of one is its newest" "$tool" baseline "$tmp/new.json"
says "... v3" "^model=$net,mtu=1500,rss=on,rx-filter-size=64$"
run 4 "baseline with a host without the model" "$tool" baseline "$tmp/fleet.json"
says "... says which" "is not offered by mtty, which is left out"
says "... and the best of the others" "^model=$net,mtu=1500,rx-filter-size=32$"
run 4 "... in JSON too" "$tool" baseline --json "$tmp/fleet.json"
says "... " '^    "mtty"$'
run 0 "matrix" "$tool" matrix "$tmp/fleet.json"
says "... a row" "1  new +. +[+] +[+] +[?]"
says "... why" "2 -> 4: 0 of 2 fit: mtty/mtty-2: the destination's driver"
says "... of a source whose driver says nothing" "4 -> 4: .*: the source's driver says nothing"

# formats
run 0 "nova" "$tool" export --format nova --root "$tmp/new"
says "... a trait in Nova's alphabet" '^        - CUSTOM_MDEV_VIRTIO_NET_B9B291B4__RX_FILTER_SIZE__32$'
says "... and what a device there has" '^        - CUSTOM_MDEV_VIRTIO_NET_B9B291B4__MTU__9000$'
run 0 "nfd" "$tool" export --format nfd --root "$tmp/new"
says "... a label" "^mdev-migrate.org/virtio-net-b9b291b4.rss.on=true$"
run 0 "prometheus" "$tool" export --format prometheus --root "$tmp/new"
says "... a gauge" "^mdev_migrate_type_available_instances\{.*type=\"virtio_net-v3\".*\} 10$"
says "... a device has its UUID by two names" "_failed\{device=\"$dev\",uuid=\"$dev\"\} 0$"
says "... and a state" "_state\{device=\"$dev\",.*,state=\"running\"\} 1$"
put "$tmp/new/bus/mdev/devices/$dev/migration/last_error" 'mtu: asked for "abc", which is not an unsigned decimal number'
rm "$tmp/new/bus/mdev/devices/$dev/migration/state"
"$tool" export --format prometheus --root "$tmp/mtty" >"$tmp/mtty.prom"
run 0 "prometheus, a refused value" "$tool" export --format prometheus --root "$tmp/new"
says "... counts, too" "_failed\{device=\"$dev\",uuid=\"$dev\"\} 1$"
says "... as the help says" "^# HELP mdev_migrate_device_failed .*last write to its parameters, was refused or failed"
if grep -q '=""' "$tmp/out" "$tmp/mtty.prom"; then fail "... what is not known has no label"; else pass "... what is not known has no label"; fi
run 2 "no such format" "$tool" export --format tea --root "$tmp/new"

finish
