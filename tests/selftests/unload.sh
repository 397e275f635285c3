#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# unload.sh [DIR]: the modules below DIR (default: /mdev) are loaded, devices made, opened
# and removed, and the modules unloaded at once, for UNLOAD_SECONDS (20) and at least four
# times, as TAP. The kernel keeps every object for one to four seconds after its last user
# (CONFIG_DEBUG_KOBJECT_RELEASE): who frees one too early shows in its log.
dir=${1:-/mdev}
delay=/sys/module/kobject/parameters/delay_release
types=/sys/class/mdev_bus/virtio_net/mdev_supported_types
pattern=/sys/class/mdev_bus/pattern/mdev_supported_types
display=/sys/class/mdev_bus/bochs_display/mdev_supported_types
pooled=/sys/class/mdev_bus/mdm_pooled.
pci_only=/sys/class/mdev_bus/pci_only/mdev_supported_types
described=/sys/bus/platform/devices/mdm_described.
firmware=/sys/bus/platform/devices/mdm_firmware.
n=0 made=0 failed=

# check NAME COMMAND...
check()
{
	name=$1
	shift
	n=$((n + 1))
	if "$@"; then
		echo "ok $n round $round: $name"
	else
		echo "not ok $n round $round: $name"
		failed=1
	fi
}

# Those of tests/modules are built for kernels with KUnit.
load()
{
	loaded=
	for module in mdev_migrate mdev_virtio_net mdev_pattern mdev_bochs_display mdm_pooled \
		mdm_described mdm_firmware mdm_memory_only pci_only; do
		path=$(find "$dir" -name $module.ko | head -n 1)
		case $module$path in
		mdm_pooled | mdm_described | mdm_firmware | mdm_memory_only | pci_only) continue ;;
		esac
		insmod "$path" || return 1
		loaded="$module $loaded"
	done
}

# Each has a name of its own, as long as the one before it lives on.
create()
{
	uuids=
	for type in "$types"/* "$pattern"/* "$display"/* "$pooled"*/mdev_supported_types/* \
		"$pci_only"/*; do
		[ -e "$type" ] || continue
		for _ in 1 2; do
			made=$((made + 1))
			uuid=$(printf '6d646576-0000-4000-a000-%012x' $made)
			uuids="$uuids $uuid"
			echo "$uuid" >"$type/create" || return 1
		done
	done
}

# What the host and a user do with a device.
use()
{
	for uuid in $uuids; do
		device=/sys/bus/mdev/devices/$uuid
		[ ! -e "$device/netdev" ] ||
			ip link set "$(cat "$device/netdev")" up || return 1
		# Not all are described.
		[ ! -e "$device/migration" ] ||
			cat "$device/migration/config" >/dev/null || return 1
		for cdev in "$device"/vfio-dev/vfio*; do
			[ ! -e "/dev/vfio/devices/${cdev##*/}" ] ||
				: <"/dev/vfio/devices/${cdev##*/}" || return 1
		done
	done
	for device in "$described"* "$firmware"*; do
		[ ! -e "$device" ] || cat "$device/migration/config" "$device/migration/type/model" \
			>/dev/null || return 1
	done
}

remove()
{
	for uuid in $uuids; do
		echo 1 >"/sys/bus/mdev/devices/$uuid/remove" || return 1
	done
}

# Those that use the helper at the same time: each waits for objects of its own.
unload()
{
	pids=
	for module in $loaded; do
		[ "$module" != mdev_migrate ] || continue
		rmmod "$module" &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || return 1
	done
	rmmod mdev_migrate
}

echo "TAP version 13"
if ! echo 1 2>/dev/null >$delay; then
	echo "Bail out! this kernel has no $delay"
	exit 1
fi
round=0
end=$(($(date +%s) + ${UNLOAD_SECONDS:-20}))
while { [ $round -lt 4 ] || [ "$(date +%s)" -lt $end ]; } && [ -z "$failed" ]; do
	round=$((round + 1))
	check "the modules load" load
	check "devices of all types" create
	check "the devices are used" use
	# Every other time the module's end removes them.
	[ $((round % 2)) = 0 ] || check "the devices are removed" remove
	check "the modules are unloaded" unload
done
# The last objects' end.
sleep 5
echo 0 >$delay
echo "1..$n"
[ -z "$failed" ]
