#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What export, require and plan write for other programs, read by these: Nova, NFD,
# Prometheus, libvirt.
set -u
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
. "$here/lib.sh"
tool=$1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
consumers=$("$top/tests/lab/lab" path consumers 2>/dev/null)
net=https://mdev-migrate.org/devices/virtio-net
dev=44444444-4444-4444-8444-444444444444

# The interpreter in the path may be none that has Debian's jsonschema.
python=
for name in python3 /usr/bin/python3; do
	[ -n "$python" ] || ! $name -c 'import jsonschema' 2>/dev/null || python=$name
done

# have PROGRAM NAME: else NAME is left out
have() {
	if [ -d "$consumers" ] && { [ "$1" != nova ] || [ -n "$python" ]; } &&
		{ [ "$1" != xmllint ] || command -v xmllint >/dev/null; }; then
		return 0
	fi
	skip "$2" "there is no $1: tests/lab/lab setup consumers"
	return 1
}

make_type "$tmp/new" virtio_net virtio_net-v1 $net v1 10 \
	"rss:bool:off:off:on off" "mtu:uint:0:0:0 68-65535"
make_type "$tmp/new" virtio_net virtio_net-v2 $net v2 4 \
	"rss:bool:off:on:on off" "mtu:uint:0:0:0 68-65535"
ln -s ../../bus/mtty "$tmp/new/class/mdev_bus/virtio_net/subsystem"
make_device "$tmp/new" virtio_net virtio_net-v1 $dev "model=$net,mtu=9000"
for type in virtio_net-v1 virtio_net-v2; do
	put "$tmp/new/class/mdev_bus/virtio_net/mdev_supported_types/$type/migration/stream_version" 1.3
done
# The same last name, and a second parent that does not take all that the first one does.
make_type "$tmp/other" p.0 nic-v1 https://example.org/virtio-net v1 3 "rss:bool:off:off:on off"
make_type "$tmp/other" p.1 nic-v1 https://example.org/virtio-net v1 2 "rss:bool:off:off:on off"
make_type "$tmp/other" p.2 card-v1 $net v1 3 "rss:bool:off:off:on off" "mtu:uint:0:0:0 68-9999"
make_type "$tmp/other" p.3 card-v1 $net v1 0 "rss:bool:off:off:off" "mtu:uint:0:0:0 68-9999"
mkdir -p "$tmp/none/bus"
for host in new other; do
	"$tool" export --root "$tmp/$host" -o "$tmp/$host.json"
done

# nova NAME STATUS FOLDER HOST: what Nova makes of it
nova() {
	have nova "$1" || return 1
	run "$2" "$1" "$python" "$here/consumers.py" nova "$consumers" "$3" "$4"
}
export_as() { "$tool" export --format "$@"; }

# lacks NAME REGEX: the last command's output, on neither channel, has it.
lacks() {
	if cat "$tmp/out" "$tmp/err" | grep -qE -- "$2"; then fail "$1"; else pass "$1"; fi
}

# Nova
mkdir "$tmp/conf" "$tmp/both" "$tmp/twice" "$tmp/empty"
export_as nova --root "$tmp/new" -o "$tmp/conf/new.yaml"
export_as nova --root "$tmp/other" -o "$tmp/conf/other.yaml"
if nova "Nova takes the files of two hosts" 0 "$tmp/conf" new; then
	says "... its own host's capacity: a device, and as many as of each type" \
		"^CUSTOM_MDEV_VIRTIO_NET_B9B291B4=5$"
	says "... its values" "^CUSTOM_MDEV_VIRTIO_NET_B9B291B4__RSS__ON$"
	says "... and its stream" "^CUSTOM_MDEV_VIRTIO_NET_B9B291B4_STREAM_1$"
	lacks "... nothing of another host's" "BABDFE39"
	says "... of which Nova tells" "Provider 'other' .* does not exist"
	cp "$tmp/out" "$tmp/node"
fi
if nova "... and on the other host" 0 "$tmp/conf" other; then
	says "... the capacity of both parents" "^CUSTOM_MDEV_VIRTIO_NET_BABDFE39=5$"
	says "... of the same last name another model" "^CUSTOM_MDEV_VIRTIO_NET_B9B291B4=3$"
	says "... what both parents take" "^CUSTOM_MDEV_VIRTIO_NET_B9B291B4__MTU__9999$"
	lacks "... not what only one takes" "^CUSTOM_MDEV_VIRTIO_NET_B9B291B4__RSS__ON$"
fi
cat >"$tmp/both/operator.yaml" <<-EOF
	meta: {schema_version: '1.0'}
	providers:
	  - identification: {uuid: \$COMPUTE_NODE}
	    traits: {additional: [CUSTOM_GOLD]}
EOF
cp "$tmp/both/operator.yaml" "$tmp/twice"
export_as nova --root "$tmp/new" -o "$tmp/both/new.yaml"
nova "Nova starts beside a file for all nodes" 0 "$tmp/both" new
# shellcheck disable=SC2016
export_as nova --provider '$COMPUTE_NODE' --root "$tmp/new" -o "$tmp/twice/new.yaml"
nova "... but not with two for all" 1 "$tmp/twice" new &&
	says "... which is what it says" "COMPUTE_NODE has multiple definitions"
rm "$tmp/twice/operator.yaml"
nova "one for all" 0 "$tmp/twice" anything && says "... is for all" "^CUSTOM_MDEV_VIRTIO_NET_"
export_as nova --provider "node \"7\\\"" --root "$tmp/new" -o "$tmp/twice/new.yaml"
nova "any name" 0 "$tmp/twice" 'node "7\"' && says "... is that node's" "^CUSTOM_MDEV_VIRTIO_NET_"
export_as nova --provider $dev --root "$tmp/new" -o "$tmp/twice/new.yaml"
run 0 "a UUID is one" grep -q "^      uuid: \"$dev\"" "$tmp/twice/new.yaml"
export_as nova --root "$tmp/none" -o "$tmp/empty/none.yaml" 2>/dev/null
nova "a host with nothing" 0 "$tmp/empty" none
run 2 "a name that is too long" "$tool" export --format nova --root "$tmp/new" \
	--provider "$(printf '%0201d' 0)"

# What a device requires is what its host has.
run 0 "require" "$tool" require --root "$tmp/new" $dev
says "... a device of the model" "^resources:CUSTOM_MDEV_VIRTIO_NET_B9B291B4=1$"
says "... each of its values" "^trait:CUSTOM_MDEV_VIRTIO_NET_B9B291B4__MTU__9000=required$"
if [ -e "$tmp/node" ]; then
	sed -n 's/^trait:\(.*\)=required$/\1/p' "$tmp/out" | sort >"$tmp/asked"
	run 0 "... Nova's node has them all" test -z "$(sort "$tmp/node" | comm -13 - "$tmp/asked")"
fi
run 0 "require from a snapshot, for NFD" "$tool" require --format nfd "$tmp/new.json:$dev"
says "... a node with this label" '^  mdev-migrate.org/virtio-net-b9b291b4.mtu.9000: "true"$'
run 0 "a configuration" "$tool" require "model=$net,rss=on"
make_type "$tmp/mtty" mtty mtty-2 "" "" 12
run 3 "require where the driver says nothing" "$tool" require --root "$tmp/mtty" mtty-2
run 2 "require for what does not exist" "$tool" require --format tea "model=$net"
# Devices of other hosts have values that only they have.
run 0 "a host alone" "$tool" export --format nova --root "$tmp/other"
lacks "... has no name for another's value" "__MTU__9000$"
run 0 "... with the other's snapshot" "$tool" export --format nova --root "$tmp/other" "$tmp/new.json"
says "... it has" "__MTU__9000$"
lacks "... where it accepts it" "B9B291B4__RSS__ON$"
run 2 "a time is for labels" "$tool" export --format nova --root "$tmp/new" --expires 1h
run 2 "a provider is for Nova" "$tool" export --format nfd --root "$tmp/new" --provider x
run 2 "snapshots are for names" "$tool" export --root "$tmp/other" "$tmp/new.json"
run 2 "... and have to be some" "$tool" export --format nfd --root "$tmp/other" "$tmp/none.json"
run 0 "whoever has all names takes the device, whoever takes it has them" \
	python3 "$here/consumers.py" property "$tool" "$tmp/property" "${FUZZ_SEED:-1}" 12

# Node Feature Discovery
# nfd NAME ARGUMENT...
nfd() {
	name=$1
	shift
	export_as nfd "$@" >"$tmp/labels"
	run 0 "$name" python3 "$here/consumers.py" nfd "$tmp/labels"
}
nfd "NFD takes the labels" --root "$tmp/new"
says "... for a day" "^ends in 8639[0-9] s|^ends in 86400 s"
says "... by model and value" "^mdev-migrate.org/virtio-net-b9b291b4.rss.on$"
nfd "... for as long as is said" --expires 90m --root "$tmp/new"
says "... in minutes" "^ends in (5400|539[0-9]) s"
nfd "... for ever" --expires never --root "$tmp/new"
lacks "... likewise" "ends in"
for time in "" 5 m 5x -1h 0s 99999999d "5 h"; do
	run 2 "no time: '$time'" "$tool" export --format nfd --root "$tmp/new" --expires "$time"
done
long=$(printf '%030d' 0)
make_type "$tmp/odd" nic nic-v1 "https://example.org/-$long-$long-${long}_" v1 3 \
	"mode:word:slow:slow:slow fast_ _ a.b- $long A a" "p$long:uint:0:0:0-18446744073709551615"
nfd "names that a label does not take, or that are too long" --root "$tmp/odd"
run 0 "... are all there" test "$(grep -c = "$tmp/labels")" = 9
make_type "$tmp/many" nic nic-v1 "https://example.org/$long" v1 3 "mtu:uint:0:0:0-5000"
i=0
while [ $((i += 1)) -lt 1200 ]; do
	echo "{\"uuid\":\"d$i\",\"config\":\"model=https://example.org/$long,mtu=$((i + 1000))\"},"
done >"$tmp/devices"
echo "{\"schema_version\":\"1.1\",\"devices\":[$(cat "$tmp/devices"){\"uuid\":\"e\"}]}" >"$tmp/many.json"
run 2 "more labels than NFD takes" "$tool" export --format nfd --root "$tmp/many" "$tmp/many.json"
says "... are an error" "NFD takes files of up to 65536"

# Prometheus
# promtool FILE: with the C library of the lab's tree
promtool() {
	tree=$("$top/tests/lab/lab" path tree)
	"$tree/usr/lib64/ld-linux-x86-64.so.2" --library-path "$tree/usr/lib/x86_64-linux-gnu" \
		"$consumers/promtool" check metrics <"$1"
}
cp -r "$tmp/new" "$tmp/bytes"
put "$tmp/bytes/kernel/hostname" "$(printf 'h\377\233')"
put "$tmp/bytes/bus/mdev/devices/$dev/migration/config" "$(printf 'model=%s,mode="\\\377' $net)"
put "$tmp/bytes/bus/mdev/devices/$dev/migration/state" "$(printf 'w\303aiting')"
for host in new bytes mtty; do
	have promtool "promtool takes $host" || continue
	export_as prometheus --root "$tmp/$host" >"$tmp/metrics"
	run 0 "promtool takes $host" promtool "$tmp/metrics"
	lacks "... and has nothing against it" .
done
run 0 "a device's state" "$tool" export --format prometheus --root "$tmp/new"
grep -vE '^#| [0-9]+$' "$tmp/out" >"$tmp/odd.lines"
run 0 "... is a value" test ! -s "$tmp/odd.lines"
"$tool" export --format prometheus --root "$tmp/new" | sed 's/ [0-9]*$//' >"$tmp/before"
put "$tmp/new/bus/mdev/devices/$dev/migration/state" stop_copy
"$tool" export --format prometheus --root "$tmp/new" | sed 's/ [0-9]*$//' >"$tmp/after"
run 0 "... that makes no other series" cmp "$tmp/before" "$tmp/after"
run 0 "... of all" grep -q 'mdev_migrate_device_state{.*,state="stop_copy"}' "$tmp/after"

# libvirt
"$tool" plan --emit libvirt "$tmp/new.json:$dev" "$tmp/new.json:virtio_net-v1" >"$tmp/node.xml"
for suite in bookworm trixie forky; do
	have xmllint "libvirt's schema, $suite" || continue
	run 0 "libvirt's schema, $suite" xmllint --noout \
		--relaxng "$consumers/libvirt/$suite/nodedev.rng" "$tmp/node.xml"
	sed 's/<uuid>/<uuid>x/' "$tmp/node.xml" >"$tmp/bad.xml"
	run 3 "... which does not take all" xmllint --noout \
		--relaxng "$consumers/libvirt/$suite/nodedev.rng" "$tmp/bad.xml"
done
finish
