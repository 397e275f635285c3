#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Devices that are no mdevs and say what they are: each command, on hosts that are
# folders.
set -u
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
tool=$1 streamer=$1-stream
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
net=https://mdev-migrate.org/devices/virtio-net
nic=https://vendor-a.com/my-nic
dev=44444444-4444-4444-8444-444444444444
schemas=$here/../../tools/mdev-migrate
python=
for name in python3 /usr/bin/python3; do
	[ -n "$python" ] || ! $name -c 'import jsonschema' 2>/dev/null || python=$name
done

# nic HOST ADDRESS CONFIG MAX-QUEUES QUEUES: a virtual function.
nic() {
	make_described "$tmp/$1" pci nic_vf "$2" $nic v2 "$3" \
		"queues:uint:1:$5:1-$4" "rss:bool:off:on:on off" "mode:word:slow:slow:slow fast"
}
# vf: functions only. both: a function, a platform device, a type and a mdev of it.
nic vf 0000:01:00.1 ,mode=fast,queues=2 8 4
nic vf 0000:01:00.2 - 8 4
nic small 0000:01:00.1 - 2 1
nic both 0000:02:00.1 - 16 4
mkdir -p "$tmp/both/bus/pci/devices/0000:02:00.0"
make_described "$tmp/both" platform clock clock.0 https://vendor-a.com/clock v1 - \
	"width:uint:0:0:0-64"
make_type "$tmp/both" nic nic-v1 $nic v1 3 "queues:uint:1:1:1-8" "rss:bool:off:off:on off" \
	"mode:word:slow:slow:slow fast"
make_device "$tmp/both" nic nic-v1 $dev
make_type "$tmp/plain" virtio_net virtio_net-v1 $net v1 10 "mtu:uint:0:0:0-9000"
for host in vf small both plain; do
	"$tool" export --root "$tmp/$host" -o "$tmp/$host.json"
done
cat "$tmp"/*.json >"$tmp/fleet"

# list, show, export
run 0 "list" "$tool" list --root "$tmp/both"
says "... a function" "pci/0000:02:00.1 +nic_vf-v2"
says "... a platform device" "platform/clock.0 +clock-v1"
says "... a mdev" "$dev +nic-v1 +running"
run 0 "list of a host without types" "$tool" list --root "$tmp/vf"
says "... what differs" "pci/0000:01:00.1 +nic_vf-v2 +- +mode=fast,queues=2,rss=off"
if grep -q "no mediated device types" "$tmp/out"; then fail "... asks for no driver"; else pass "... asks for no driver"; fi
run 0 "show" "$tool" show --root "$tmp/vf" pci/0000:01:00.1
says "... the driver" "^driver +nic_vf"
says "... the parameters" "queues +2 +4 +1 +1-8 +the queues"
run 0 "show one of a snapshot" "$tool" show "$tmp/vf.json:pci/0000:01:00.2"
says "... which is that one" "^device +pci/0000:01:00.2"
run 0 "show one of a host of many" "$tool" show "$tmp/fleet:both/pci/0000:02:00.1"
run 2 "show what is not there" "$tool" show "$tmp/vf.json:pci/0000:01:00.9"
says "... says so" 'no host "pci" in it, and no device or type "pci/0000:01:00.9"'
run 2 "show what is not there, of many hosts" "$tool" show "$tmp/fleet:pci/0000:01:00.1"
says "... says so" 'no host "pci" in it'
put "$tmp/vf/devices/pci/0000:01:00.1/migration/type/params/queues/allowed" "8-1"
run 4 "what makes no sense" "$tool" list --root "$tmp/vf"
says "... says where" "pci/0000:01:00.1: migration/type/params/queues: "
put "$tmp/vf/devices/pci/0000:01:00.1/migration/type/params/queues/allowed" "1-8"

# It may be VFIO's, too, and is not listed twice.
mkdir -p "$tmp/vf/class/vfio-dev/vfio0"
ln -s ../../../devices/pci/0000:01:00.1 "$tmp/vf/class/vfio-dev/vfio0/device"
run 0 "list of one that VFIO has" "$tool" list --root "$tmp/vf"
if grep -q "OTHER VFIO" "$tmp/out"; then fail "... is no other"; else pass "... is no other"; fi
rm -r "$tmp/vf/class/vfio-dev"

# What opens a device needs one that is bound to a VFIO driver.
for command in probe save load; do
	run 2 "$command one that is not VFIO's" "$streamer" $command --root "$tmp/vf" pci/0000:01:00.1
	says "... says why" "pci/0000:01:00.1 is not a VFIO device: it is bound to the driver nic_vf, which is not a VFIO driver"
done
rm "$tmp/vf/devices/pci/0000:01:00.2/driver"
run 2 "probe one without a driver" "$streamer" probe --root "$tmp/vf" pci/0000:01:00.2
says "... says why" "pci/0000:01:00.2 is not a VFIO device: it is not bound to a driver"
ln -s ../../../bus/pci/drivers/nic_vf "$tmp/vf/devices/pci/0000:01:00.2/driver"
for spec in pci/0000:01:00.9 pci/../pci/devices/0000:01:00.1 ../bus/pci pci/ /pci pci/.. vfio/x; do
	run 2 "probe $spec" "$streamer" probe --root "$tmp/vf" $spec
	says "... is none" "there is no device $spec on this host"
done
mkdir -p "$tmp/vf/devices/pci/0000:01:00.1/vfio-dev/vfio123456"
run 2 "probe one that VFIO has" "$streamer" probe --root "$tmp/vf" pci/0000:01:00.1
says "... is opened" "pci/0000:01:00.1 cannot be opened: through iommufd: .*; through its group"
rm -r "$tmp/vf/devices/pci/0000:01:00.1/vfio-dev"

# As a destination it is there: values are written to it.
vf1=pci/0000:01:00.1 vf2=pci/0000:01:00.2
run 0 "check, the same" "$tool" check --root "$tmp/vf" $vf1 $vf1
says "... is identical" "^identical"
run 0 "check, another" "$tool" check "$tmp/vf.json:$vf1" "$tmp/vf.json:$vf2"
says "... three to write" "write 2 to migration/params/queues"
run 1 "check, a smaller one" "$tool" check "$tmp/vf.json:$vf2" "$tmp/small.json:$vf1"
says "... says why" "queues: the source has 4, the destination allows 1-2"
run 0 "check, a mdev's to a function" "$tool" check "$tmp/both.json:$dev" "$tmp/vf.json:$vf2"
run 0 "check, a function's to a type" "$tool" check "$tmp/vf.json:$vf2" "$tmp/both.json:nic-v1"
run 1 "check, another model" "$tool" check "$tmp/vf.json:$vf2" "$tmp/both.json:platform/clock.0"
run 0 "check, any of a host" "$tool" check "$tmp/vf.json:$vf1" "$tmp/small.json"
says "... is the function" "-> pci/0000:01:00.1 on small"
run 0 "check, any other of its own host" "$tool" check "$tmp/vf.json:$vf1" "$tmp/vf.json"
says "... is not itself" "-> $vf2 on vf"
run 1 "check, its own host without another" "$tool" check "$tmp/small.json:$vf1" "$tmp/small.json"
says "... there is none" "no other device to go to"
run 0 "check, a host where one can be made" "$tool" check --json "model=$nic" "$tmp/both.json"
says "... makes it, of what is as close" '"type": "nic-v1"'
put "$tmp/vf/devices/pci/0000:01:00.2/migration/type/combinations" checked
run 3 "check, where only the host knows" "$tool" check --root "$tmp/vf" $vf1 $vf2
put "$tmp/vf/devices/pci/0000:01:00.2/migration/type/combinations" any
put "$tmp/vf/devices/pci/0000:01:00.2/migration/type/stream_version" 2.0
put "$tmp/vf/devices/pci/0000:01:00.1/migration/type/stream_version" 1.0
run 1 "check, streams of another version" "$tool" check --root "$tmp/vf" $vf1 $vf2
rm "$tmp/vf/devices/pci/0000:01:00.2/migration/type/stream_version"
run 0 "check, one that says nothing of its streams" "$tool" check --root "$tmp/vf" $vf1 $vf2
rm "$tmp/vf/devices/pci/0000:01:00.1/migration/type/stream_version"

# plan
run 0 "plan" "$tool" plan "$tmp/vf.json:$vf1" "$tmp/vf.json:$vf2"
says "... for it" "^device='/sys/bus/pci/devices/0000:01:00.2'$"
says "... these" "^set -- mode=fast queues=2 rss=off$"
run 0 "plan on this host" "$tool" plan --root "$tmp/vf" $vf1 $vf2
cp "$tmp/out" "$tmp/plan"
mkdir -p "$tmp/vf/devices/pci/0000:01:00.2/migration/params"
for param in mode=slow queues=4 rss=on; do
	put "$tmp/vf/devices/pci/0000:01:00.2/migration/params/${param%=*}" "${param#*=}"
done
run 0 "... runs" sh -e "$tmp/plan"
run 0 "... and writes" grep -qx fast "$tmp/vf/devices/pci/0000:01:00.2/migration/params/mode"
for emit in mdevctl libvirt; do
	run 2 "plan --emit $emit" "$tool" plan --emit $emit "$tmp/vf.json:$vf1" "$tmp/vf.json:$vf2"
	says "... refuses" "$vf2 is not a mediated device, and --emit $emit is only for these: use --emit sysfs"
done
run 0 "plan from a function to a type" "$tool" plan "$tmp/vf.json:$vf1" "$tmp/both.json:nic-v1"
says "... with a new UUID" "^uuid='[0-9a-f]{8}-[0-9a-f-]{27}'$"
sed 's/"0000:01:00.2"/"x;reboot"/' "$tmp/vf.json" >"$tmp/evil"
run 2 "a name that would be a command" "$tool" plan "$tmp/vf.json:$vf1" "$tmp/evil:pci/x;reboot"

# find, baseline, matrix
run 0 "find" "$tool" find --own-host "$tmp/vf.json:$vf2" "$tmp/vf.json" "$tmp/small.json" "$tmp/both.json" "$tmp/plain.json"
says "... counts" "^2 of 4 hosts fit"
says "... a function that is the same" "^both +identical +pci/0000:02:00.1, 0 to write$"
says "... not the source" "^vf +compatible +$vf1, 3 to write$"
says "... why not" "^small +incompatible +pci/0000:01:00.1: queues: "
run 0 "find --json" "$tool" find --json "$tmp/vf.json:$vf2" "$tmp/both.json"
says "... names it" '"device": "pci/0000:02:00.1"'
run 0 "baseline" "$tool" baseline "$tmp/vf.json" "$tmp/small.json"
says "... is what the smaller one allows" "^model=$nic,queues=2,rss=on$"
run 0 "matrix" "$tool" matrix "$tmp/vf.json" "$tmp/small.json"
says "... a row" "2  small +[+] "
run 0 "prometheus" "$tool" export --format prometheus --root "$tmp/vf"
says "... has them" 'device_info\{device="pci/0000:01:00.1",type="nic_vf-v2",config="[^"]*"\} 1$'

# valid FILE...: as the schema says, and nothing else.
valid() {
	if [ -n "$python" ]; then
		run 0 "$1 is as the schema says" "$python" "$here/validate.py" --strict "$schemas" "$2"
	else
		skip "$1 is as the schema says" "there is no python3 with jsonschema"
	fi
}
for host in vf small both; do
	valid "the snapshot of $host" "$tmp/$host.json"
done
"$tool" list --json --root "$tmp/both" >"$tmp/answer"
valid "list" "$tmp/answer"
"$tool" show --json --root "$tmp/vf" $vf1 >"$tmp/answer"
valid "show" "$tmp/answer"
for command in "check" "plan" "plan --emit sysfs" find; do
	# shellcheck disable=SC2086
	"$tool" $command --json "$tmp/vf.json:$vf1" "$tmp/small.json" >"$tmp/answer"
	valid "$command" "$tmp/answer"
done
for bad in '[{}]' '[{"bus":"pci"}]' '[{"bus":"pci","name":5}]' '{}' \
	'[{"bus":"pci","name":"a","type":{}}]' '[{"bus":"pci","name":"a","type":7}]'; do
	printf '{"schema_version":"1.1","host":{"name":"a"},"types":[],"described_devices":%s}\n' "$bad" >"$tmp/bad"
	run 2 "no snapshot: $bad" "$tool" check "model=$nic" "$tmp/bad"
	run 2 "no snapshot, find: $bad" "$tool" find "model=$nic" "$tmp/bad"
done
printf '{"schema_version":"1.0","host":{"name":"a"},"types":[],"devices":[]}\n' >"$tmp/older"
run 1 "a snapshot of before there were such devices" "$tool" check "model=$nic" "$tmp/older"
printf '{"schema_version":"1.1","host":{"name":"a"},"described_devices":[{"bus":"pci","name":"x"}]}\n' >"$tmp/less"
run 3 "one that does not say what it can be" "$tool" check "model=$nic" "$tmp/less:pci/x"
finish
