#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# VFIO devices whose drivers do not say what they are, on recorded hosts: all of them
# are listed and written into snapshots; where what the kernel tells of two differs, the
# answer is no; where it does not, it is not a yes.
set -u
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
. "$here/lib.sh"
tool=$1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trees=$top/tests/data/sysfs
python=
for name in python3 /usr/bin/python3; do
	[ -n "$python" ] || ! $name -c 'import jsonschema' 2>/dev/null || python=$name
done
# valid NAME FILE...
valid() {
	name="$1: as the schema says"
	shift
	if [ -n "$python" ]; then
		run 0 "$name" "$python" "$here/validate.py" --strict "$top/tools/mdev-migrate" "$@"
	else
		skip "$name" "there is no python3 with jsonschema"
	fi
}

# like NEW OLD EDIT: a host that differs.
like() {
	sed -e "s|^/kernel/hostname .*|/kernel/hostname $1|" -e "$3" "$trees/$2.tree" >"$tmp/$1.tree"
	cmp -s "$tmp/$1.tree" "$trees/$2.tree" && fail "$1 differs from $2"
	make_tree "$tmp/$1" "$tmp/$1.tree"
	"$tool" export --compact --root "$tmp/$1" -o "$tmp/$1.json"
}
for host in variants vgpus mdevs; do
	like $host $host 's/^# //'
done
mlx5=pci/0000:08:00.2 xe=pci/0000:18:00.1 qat=pci/0000:6b:00.1
vgpu=pci/0000:3d:00.4 blank=pci/0000:3d:00.6

run 0 "list" "$tool" list --root "$tmp/variants"
for line in "$mlx5 +mlx5_vfio_pci +- +- +stop-copy p2p pre-copy dirty-tracking" \
	"$xe +xe-vfio-pci +- +- +stop-copy p2p" "$qat +qat_vfio_pci .*[?]" \
	"pci/0000:b1:00.1 +pds_vfio_pci" "pci/0000:c1:00.1 +virtio_vfio_pci" \
	"pci/0009:01:00.0 +nvgrace_gpu_vfio_pci" "pci/0000:01:00.0 +vfio-pci .*none"; do
	says "... $line" "^$line"
done
run 0 "list of vGPUs" "$tool" list --root "$tmp/vgpus"
says "... by the name that another function of the card does not lack" "^$vgpu +nvidia +NVIDIA L40S-2Q "
says "... one that is none yet" "^$blank +nvidia +- "
run 0 "show a vGPU" "$tool" show --root "$tmp/vgpus" $blank
says "... what it can be" "^ +1156 NVIDIA L40S-48Q$"
run 0 "list of mediated devices" "$tool" list --root "$tmp/mdevs"
says "... a type" "^nvidia-15 +0000:05:00.0 .*its driver says nothing"
says "... a device" "^83b8f4f2-509f-382f-3c1e-e6bfe0fa1001 +mtty +mtty-2 +- +stop-copy"
run 0 "show a type" "$tool" show --root "$tmp/mdevs" nvidia-15
says "... what its driver calls it" "^name +GRID M60-1Q$"
for host in variants vgpus mdevs; do
	valid "the snapshot of $host" "$tmp/$host.json"
	run 0 "list of the snapshot of $host" "$tool" list "$tmp/$host.json"
	cp "$tmp/out" "$tmp/listed"
	run 0 "... and of the host" "$tool" list --root "$tmp/$host"
	cp "$tmp/out" "$tmp/listed.live"
	run 0 "... are the same" cmp "$tmp/listed.live" "$tmp/listed"
	"$tool" list --json "$tmp/$host.json" >"$tmp/answer"
	valid "list --json of $host" "$tmp/answer"
done
"$tool" show --json "$tmp/vgpus.json:$blank" >"$tmp/answer"
valid "show --json" "$tmp/answer"

# check STATUS NAME SOURCE DESTINATION REGEX
check() {
	run "$1" "$2" "$tool" check "$3" "$4"
	says "... says why" "$5"
	i=$((${i:-0} + 1))
	"$tool" check --json "$3" "$4" >"$tmp/answer$i.check"
}
# The same in all that there is: there is no way to know.
for device in $mlx5 $xe $qat pci/0000:b1:00.1 pci/0000:c1:00.1; do
	check 3 "$device to the same" "$tmp/variants.json:$device" "$tmp/variants.json:$device" \
		"the source's driver says nothing about migration; the same on both sides: driver .*, vendor .*, device "
done
check 3 "a function to a host" "$tmp/variants.json:$mlx5" "$tmp/variants.json" "-> pci/0000:08:00.3 on variants"
run 3 "a function of this host" "$tool" check --root "$tmp/variants" $mlx5 pci/0000:08:00.3
says "... whose kernel is not asked, not a snapshot's" "kernel +not asked: it is not needed"
run 3 "a function by its address" "$tool" check --root "$tmp/variants" 0000:08:00.2 .
like ids variants 's/0x101e/0x101c/'
check 1 "another device" "$tmp/variants.json:$mlx5" "$tmp/ids.json:$mlx5" "device: the source has 0x101e, the destination 0x101c"
like revision variants 's/\(08:00.*revision\) 0x00/\1 0x01/'
check 1 "another revision" "$tmp/variants.json:$mlx5" "$tmp/revision.json:$mlx5" "revision: the source has 0x00"
like board variants 's/0x0043/0x0044/'
check 3 "another board" "$tmp/variants.json:$mlx5" "$tmp/board.json:$mlx5" "unknown +subsystem_device: .*another board"
check 1 "another driver" "$tmp/variants.json:$mlx5" "$tmp/variants.json:$qat" \
	"driver: the source has mlx5_vfio_pci, the destination qat_vfio_pci"
like services variants 's/sym;asym/dc/'
check 3 "other services" "$tmp/variants.json:$qat" "$tmp/services.json:$qat" "qat_services: the source has sym;asym, the destination dc"
like order variants 's/sym;asym/asym;sym/'
run 3 "the same in another order" "$tool" check "$tmp/variants.json:$qat" "$tmp/order.json:$qat"
if grep -q 'unknown *qat_services' "$tmp/out"; then fail "... is the same"; else pass "... is the same"; fi
like vram variants 's/4294967296/2147483648/'
check 1 "less video memory" "$tmp/variants.json:$xe" "$tmp/vram.json:$xe" "vram_quota: the source has 4294967296, the destination 2147483648"
check 3 "more video memory" "$tmp/vram.json:$xe" "$tmp/variants.json:$xe" "says nothing"
check 1 "a driver without migration" "$tmp/variants.json:pci/0000:01:00.0" "$tmp/variants.json" \
	"the source's driver vfio-pci does not support migration of it, as VFIO says"
check 1 "... where VFIO does not say so" "$tmp/variants.json:pci/0009:01:00.0" "$tmp/variants.json" \
	"the source's driver nvgrace_gpu_vfio_pci does not support migration$"
like newer variants '/0009:01:00.0 ->/a\
/kernel/debug/vfio/0009:01:00.0/migration/features stop-copy'
check 3 "... and a newer one of which VFIO says otherwise" "$tmp/newer.json:pci/0009:01:00.0" \
	"$tmp/newer.json:pci/0009:01:00.0" "driver nvgrace_gpu_vfio_pci"
like older variants '/features/d'
run 0 "a kernel that does not list features" "$tool" list --root "$tmp/older"
says "... is not one without migration" "^$mlx5 .*[?] *$"

# NVIDIA's
check 3 "a vGPU to one of its type" "$tmp/vgpus.json:$vgpu" "$tmp/vgpus.json:$vgpu" "says nothing"
check 1 "a vGPU to another" "$tmp/vgpus.json:$vgpu" "$tmp/vgpus.json:pci/0000:3d:00.5" \
	"vgpu_type: the source has NVIDIA L40S-2Q, the destination NVIDIA L40S-1Q"
check 3 "a vGPU to what can be made one" "$tmp/vgpus.json:$vgpu" "$tmp/vgpus.json" "-> $blank on vgpus"
says "... and how" "fix: write 1148 to nvidia/current_vgpu_type"
like full vgpus 's/\(ID    : vGPU Name\).*/\1/'
check 1 "a vGPU to a card that is full" "$tmp/vgpus.json:$vgpu" "$tmp/full.json:$blank" "cannot be made that now: its card is full"
like numbers vgpus 's/current_vgpu_type 1148/current_vgpu_type 2000/; s/1148  :/2000  :/'
check 3 "the same name by another number" "$tmp/vgpus.json:$vgpu" "$tmp/numbers.json:$vgpu" "says nothing"
check 3 "... where it can be made" "$tmp/vgpus.json:$vgpu" "$tmp/numbers.json:$blank" "write 2000 to"
like names vgpus 's/1148  : NVIDIA L40S-2Q/1148  : NVIDIA L40S-2B/'
check 1 "another name by the same number" "$tmp/vgpus.json:$vgpu" "$tmp/names.json:$vgpu" "type: .*L40S-2Q, the destination NVIDIA L40S-2B"
like nameless vgpus '/creatable/d'
check 1 "numbers of one card" "$tmp/nameless.json:$vgpu" "$tmp/nameless.json:pci/0000:3d:00.5" "the source has 1148, the destination 1147"
check 3 "what can be made is not known" "$tmp/vgpus.json:$vgpu" "$tmp/nameless.json:$blank" "says nothing"

# Mediated devices of others
mtty=83b8f4f2-509f-382f-3c1e-e6bfe0fa1001 m60=d377db6b-a068-4a98-92a8-f94bd8d6cc5d
check 3 "a mdev to its type" "$tmp/mdevs.json:$mtty" "$tmp/mdevs.json:mtty-2" "the same on both sides: driver mtty, type mtty-2"
check 1 "a mdev to another type" "$tmp/mdevs.json:$mtty" "$tmp/mdevs.json:mtty-1" "type: the source has mtty-2, the destination mtty-1"
check 3 "a mdev to a host" "$tmp/mdevs.json:$m60" "$tmp/mdevs.json" "-> 0000:05:00.0/nvidia-15 on mdevs"
check 1 "a mdev to a host without its driver" "$tmp/mdevs.json:$m60" "$tmp/variants.json" "no types"
check 1 "a type that has no room" "$tmp/mdevs.json:nvidia-11" "$tmp/mdevs.json:nvidia-11" "no more devices of this type"
like renamed mdevs 's/GRID M60-1Q/GRID M60-2Q/'
check 1 "a type of another name" "$tmp/mdevs.json:$m60" "$tmp/renamed.json:nvidia-15" "the source has GRID M60-1Q, the destination GRID M60-2Q"
check 1 "a driver of mdevs without migration" "$tmp/mdevs.json:a297db4a-f4c2-11e6-90f6-d3b88d6c9525" \
	"$tmp/mdevs.json" "the source's driver i915 does not support migration"

# One that describes itself, and one that does not.
nic=https://vendor-a.com/my-nic
make_described "$tmp/nics" pci nic_vf 0000:01:00.1 $nic v2 - "queues:uint:1:4:1-8"
"$tool" export --compact --root "$tmp/nics" -o "$tmp/nics.json"
check 3 "a described device to one that is not" "$tmp/nics.json" "$tmp/variants.json:$mlx5" "destination's driver mlx5_vfio_pci says nothing"
check 1 "... whose driver does not migrate" "$tmp/nics.json" "$tmp/variants.json:pci/0000:01:00.0" "destination's driver vfio-pci does not"
check 1 "one that is not, to one that is" "$tmp/variants.json:$mlx5" "$tmp/nics.json" "driver: the source has mlx5_vfio_pci, the destination nic_vf"
mkdir -p "$tmp/half/bus/pci/devices/0000:02:00.0/migration"
put "$tmp/half/bus/pci/devices/0000:02:00.0/migration/state" RUNNING
for address in 0000:02:00.1 0000:02:00.2; do
	mkdir -p "$tmp/half/bus/pci/devices/$address/migration"
	put "$tmp/half/bus/pci/devices/$address/migration/model" $nic
	put "$tmp/half/bus/pci/devices/$address/migration/config" "model=$nic,queues=4"
done
put "$tmp/half/bus/pci/devices/0000:02:00.2/migration/config" "model=$nic,queues=5"
"$tool" export --compact --root "$tmp/half" -o "$tmp/half.json"
valid "the snapshot of devices that say little" "$tmp/half.json"
run 0 "list devices that say little" "$tool" list "$tmp/half.json"
says "... a state only" "^pci/0000:02:00.0 +- +- +RUNNING"
check 0 "one that says what it is, to itself" "$tmp/half.json:pci/0000:02:00.1" "$tmp/half.json:pci/0000:02:00.1" "^identical"
check 3 "... to what is something else" "$tmp/half.json:pci/0000:02:00.1" "$tmp/half.json:pci/0000:02:00.2" \
	"does not say what else it can have"
check 1 "... of another model" "model=https://vendor-b.com/nic" "$tmp/half.json:pci/0000:02:00.2" "model is"

# A fleet
cat "$tmp/variants.json" "$tmp/ids.json" "$tmp/board.json" "$tmp/vgpus.json" "$tmp/nics.json" >"$tmp/fleet"
run 3 "find" "$tool" find "$tmp/variants.json:$mlx5" "$tmp/fleet"
says "... not where it is" "^0 of 4 hosts fit, beside variants"
says "... one that may" "^board +unknown +pci/0000:08:00.2: subsystem_device"
says "... one that does not" "^ids +incompatible +pci/0000:08:00.[23]: device"
says "... one with another driver" "^vgpus +incompatible +pci/.*: driver"
"$tool" find --json "$tmp/variants.json:$mlx5" "$tmp/fleet" >"$tmp/answer"
valid "find --json" "$tmp/answer"
run 3 "a plan" "$tool" plan "$tmp/variants.json:$mlx5" "$tmp/board.json:$mlx5"
says "... is none" "exit"

valid "all that check answered" "$tmp"/answer*.check

# Snapshots of before, and of what is no snapshot.
printf '{"schema_version":"1.0","host":{"name":"old"},"types":[],"devices":[],"other_devices":[{"name":"0000:08:00.2","bus":"pci","driver":"mlx5_vfio_pci","vendor":"0x15b3","device":"0x101e"}]}\n' >"$tmp/old"
check 3 "a snapshot of an older version" "$tmp/variants.json:$mlx5" "$tmp/old" "the same on both sides: driver mlx5_vfio_pci, vendor 0x15b3, device 0x101e$"
check 3 "... as the source" "$tmp/old" "$tmp/variants.json" "says nothing"
for bad in '{}' '[{}]' '[7]' '[{"id":5}]' '"a"'; do
	printf '{"schema_version":"1.4","other_devices":[{"name":"a","creatable_vgpu_types":%s}]}\n' "$bad" >"$tmp/bad"
	run 2 "no snapshot: $bad" "$tool" list "$tmp/bad"
done
finish
