#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# lab_property.sh TOOL: in the lab, as TAP. For random configurations, what
# `mdev-migrate check` says is what the kernel's migration/check says; what it
# calls compatible, planned by `plan`, loads; what it calls incompatible with a
# device does not.
#
# PROPERTY_N=2000 configurations, of which every PROPERTY_MOVE'th (25) that fits
# is moved. PROPERTY_SEED=1.
set -u
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
tool=$1 streamer=$1-stream
nr=${PROPERTY_N:-2000} every=${PROPERTY_MOVE:-25} seed=${PROPERTY_SEED:-1}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
echo "TAP version 13"

for module in vfio vfio_iommu_type1 mdev iommufd; do
	modprobe -q $module
done
modprobe mdev_virtio_net || {
	echo "Bail out! the modules do not load"
	exit 1
}
types=/sys/class/mdev_bus/virtio_net/mdev_supported_types
devices=/sys/bus/mdev/devices
a=aaaaaaaa-0000-4000-8000-000000000001
b=bbbbbbbb-0000-4000-8000-000000000002

# random_configs: values that are likely to be at an edge, names that may not be,
# now and then what is no configuration at all.
random_configs() {
	awk -v nr="$nr" -v seed="$seed" '
	function pick(list,   n, parts) {
		n = split(list, parts, " ")
		return parts[1 + int(rand() * n)]
	}
	BEGIN {
		srand(seed)
		split("announce mtu offloads queue-pairs rss rx-filter-size", names, " ")
		values["announce"] = values["offloads"] = values["rss"] = "off off off on on 1 On"
		values["mtu"] = "0 67 68 1500 1500 9000 65535 65536 01500 -1 x"
		values["queue-pairs"] = "0 1 2 4 4 8 9 18446744073709551616"
		values["rx-filter-size"] = "0 0 1 32 64 65 064"
		for (i = 0; i < nr; i++) {
			model = rand() < .97 ? "virtio-net" : "virtio-nett"
			line = "model=https://mdev-migrate.org/devices/" model
			for (k = 1; k <= 6; k++)
				if (rand() < (i % 2 ? .25 : .5)) {
					# Half of all have values that are often allowed only.
					v = pick(values[names[k]])
					if (i % 4 && (v !~ /^(on|off|0|[1-9][0-9]{0,4})$/ || v == 67 || v == 65536 || v == 9))
						continue
					line = line "," names[k] "=" v
				}
			if (rand() < .02) line = line ",colour=red"
			if (rand() < .01) line = line ",mtu"
			if (rand() < .01) line = line ",rss=off,rss=off"
			print line
		}
	}'
}

# The kernel's word: 0 accepted, 1 refused. Never through a program of its own.
kernel_check() {
	{ printf %s "$1" >"$types/$2/migration/check"; } 2>/dev/null
}

create() {
	echo "$1" >"$types/$2/create"
}

remove() {
	[ ! -e "$devices/$1" ] || echo 1 >"$devices/$1/remove"
}

# tool_check CONFIG TYPE: the verdict's exit status, 0 or 1; malformed is refused.
tool_check() {
	"$tool" check "$1" "$2" >"$tmp/verdict" 2>&1
	status=$?
	[ $status != 2 ] || status=1
	return $status
}

# plan_and_run CONFIG TYPE UUID
plan_and_run() {
	"$tool" plan --uuid "$3" "$1" "$2" >"$tmp/plan" && sh -e "$tmp/plan"
}

disagree=0 fit=0 unfit=0 moved=0 not_moved=0 refused=0 wrong=0 i=0
complain() {
	echo "# $*"
	sed 's/^/#   /' "$tmp/verdict"
}

# move CONFIG TYPE: it is saved on one and loaded on another, and then is there.
move() {
	if plan_and_run "$1" "$2" $a && plan_and_run "$1" "$2" $b &&
		"$tool" check $a $b >"$tmp/verdict" 2>&1 &&
		grep -q '^identical' "$tmp/verdict" &&
		"$streamer" save $a >"$tmp/state" 2>>"$tmp/verdict" &&
		"$streamer" decode --verify "$tmp/state" >>"$tmp/verdict" 2>&1 &&
		"$streamer" load $b <"$tmp/state" >>"$tmp/verdict" 2>&1; then
		moved=$((moved + 1))
	else
		complain "$1 cannot be moved to $2"
		not_moved=$((not_moved + 1))
	fi
	# A device that differs in anything refuses, and check says so first.
	remove $b
	create $b "$2"
	"$tool" check "$tmp/state" $b >"$tmp/verdict" 2>&1
	if grep -q '^identical' "$tmp/verdict"; then
		"$streamer" load $b "$tmp/state" >>"$tmp/verdict" 2>&1 || {
			complain "identical, but does not load: $1"
			wrong=$((wrong + 1))
		}
	elif "$streamer" load $b "$tmp/state" >>"$tmp/verdict" 2>&1; then
		complain "not identical, but loads: $1"
		wrong=$((wrong + 1))
	else
		refused=$((refused + 1))
	fi
	remove $a
	remove $b
}

random_configs >"$tmp/configs"
set --
for dir in "$types"/*; do
	set -- "$@" "${dir##*/}"
done
nr_types=$#
while read -r config; do
	i=$((i + 1))
	eval "type=\${$((i % nr_types + 1))}"
	kernel=1
	# shellcheck disable=SC2154
	kernel_check "$config" "$type" && kernel=0
	tool_check "$config" "$type"
	status=$?
	if [ $status != $kernel ]; then
		complain "kernel $kernel, tool $status: $config to $type"
		disagree=$((disagree + 1))
	fi
	if [ $kernel = 0 ]; then
		fit=$((fit + 1))
		[ $((fit % every)) != 0 ] || move "$config" "$type"
	else
		unfit=$((unfit + 1))
	fi
done <"$tmp/configs"

echo "# $i configurations, $nr_types types: $fit fit, $unfit do not; $moved moved, $refused refused"
# valid FILE: an answer is what the schema says.
valid() {
	python3 "$here/validate.py" --strict "$here/../../tools/mdev-migrate" "$1"
}
# schema: the last answer is what it says.
schema() {
	cp "$tmp/out" "$tmp/answer"
	run 0 "... as the schema says" valid "$tmp/answer"
}
# expect NAME COMMAND...
expect() {
	name=$1
	shift
	: >"$tmp/out"
	: >"$tmp/err"
	if "$@"; then pass "$name"; else fail "$name"; fi
}
expect "check agrees with the kernel on all" test $disagree = 0
expect "some fit and some do not" test $fit -gt $((nr / 20)) -a $unfit -gt $((nr / 20))
expect "all that fits can be moved" test $moved -gt 0 -a $not_moved = 0
expect "what differs is refused, as check says" test $refused -gt 0 -a $wrong = 0

# The same from a snapshot, which has no kernel to ask.
"$tool" export -o "$tmp/host.json"
offline=0
sed -n "1~5p" "$tmp/configs" >"$tmp/some"
while read -r config; do
	kernel=1
	kernel_check "$config" virtio_net-v1 && kernel=0
	tool_check "$config" "$tmp/host.json:virtio_net-v1"
	status=$?
	[ $status = $kernel ] || {
		complain "kernel $kernel, snapshot $status: $config"
		offline=$((offline + 1))
	}
done <"$tmp/some"
expect "a snapshot is as good as the host" test $offline = 0

# probe, and what save and load say when they cannot.
create $a virtio_net-v1
run 0 "probe" "$streamer" probe $a --bandwidth 1G
says "... measures the steps" "STOP -> STOP_COPY: [0-9.]+ ms"
says "... and the downtime" "^downtime"
sed 's/^/# /' "$tmp/out"
run 0 "probe --json" "$streamer" probe --json $a
schema
run 0 "list --json" "$tool" list --json
schema
run 0 "save to a file" "$streamer" save $a -o "$tmp/state"
run 0 "decode" "$streamer" decode "$tmp/state"
says "... knows all records" "^whole: "
says "... and the virtio parts in them" "VQ_CFG.* queue 1 "
head -c 300 "$tmp/state" >"$tmp/cut"
run 1 "load a state that is cut short" "$streamer" load $a "$tmp/cut"
says "... says why, and resets" "the device was reset"
printf 'XXXX' | dd of="$tmp/state" bs=1 seek=400 conv=notrunc 2>/dev/null
run 1 "load a damaged state" "$streamer" load $a "$tmp/state"
says "... says why" "its checksum is .*record at byte [0-9]* of the stream"
run 1 "decode says it first" "$streamer" decode --verify "$tmp/state"
(head -c 100 "$tmp/cut"; sleep 3) | "$streamer" load $a >/dev/null 2>&1 &
sleep 1
run 2 "a device that is in use is left alone" "$streamer" probe $a
says "... says so" "$a is in use, possibly by a virtual machine"
wait
run 2 "there is no such device" "$streamer" probe cccccccc-0000-4000-8000-000000000003
run 0 "list" "$tool" list
says "... the device" "$a +virtio_net-v1 +RUNNING|$a"

# A state is held, as long as nobody says otherwise, and is not changed by that.
create $b virtio_net-v1
echo 52:54:00:ab:cd:ef >$devices/$a/mac
echo 52:54:00:00:00:01 >$devices/$b/mac
run 0 "save" "$streamer" save $a -o "$tmp/state"
run 0 "save another" "$streamer" save $b -o "$tmp/other"
run 1 "... which differs" cmp -s "$tmp/state" "$tmp/other"
# hold FILE [OPTION...]: in the background, until it says that it holds.
hold() {
	file=$1
	shift
	: >"$tmp/holds"
	"$streamer" load --hold "$@" $b "$file" >"$tmp/loaded" 2>"$tmp/holds" &
	holder=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		! grep -q 'has the state' "$tmp/holds" || break
		sleep 0.5
	done
}
hold "$tmp/state" --json -o "$tmp/held"
run 0 "load --hold --json" valid "$tmp/loaded"
run 0 "a state that is held is stopped" grep -qix STOP $devices/$b/migration/state
run 2 "... and left alone" "$streamer" save $b -o "$tmp/stolen"
says "... says so" "$b is in use"
run 1 "... nothing was written" test -e "$tmp/stolen"
kill -TERM $holder
run 0 "it ends when told to" wait $holder
run 0 "the state is what it was" cmp "$tmp/state" "$tmp/held"
hold "$tmp/other"
kill -KILL $holder
wait $holder
run 0 "one whose holder was killed is as new" "$streamer" probe $b
run 2 "-o without --hold" "$streamer" load $b "$tmp/state" -o "$tmp/held"
says "... says what is missing" "add --hold"
remove $b

# Without iommufd, as on distributions' kernels: through the group and a container.
mv /dev/iommu "$tmp/iommu"
run 0 "probe through a container" "$streamer" probe --json $a
says "... says so" '"opened_through": "container"'
schema

run 0 "save through a container" "$streamer" save $a -o "$tmp/state"
run 0 "load through a container" "$streamer" load $a "$tmp/state"
mv "$tmp/iommu" /dev/iommu
remove $a
modprobe -r mdev_virtio_net

# Another driver's device: the kernel's sample, which migrates and has no DMA.
modprobe mtty
mtty=/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1
echo $a >$mtty/create
run 0 "list, another driver's device" "$tool" list
says "... with its type" "$a.*mtty-1|mtty-1.*$a"
run 3 "check, another driver's device" "$tool" check $a mtty-1
run 0 "probe, another driver's device" "$streamer" probe $a
says "... what QEMU would not like" "warns: the device cannot be reset"
run 0 "save, another driver's state" "$streamer" save $a -o "$tmp/state"
run 1 "decode it" "$streamer" decode "$tmp/state"
says "... says that it is none of ours" "not a device state stream: it begins"
run 0 "load it" "$streamer" load $a "$tmp/state"
head -c 10 "$tmp/state" >"$tmp/cut"
run 1 "load a part of it" "$streamer" load $a "$tmp/cut"
says "... the device was reset" "the device was reset"
remove $a
modprobe -r mtty
finish
