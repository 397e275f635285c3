#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [DIR [PROGRAM...]]
#
# Loads the modules that lie somewhere below DIR (default: /mdev; - for those that
# modprobe finds), runs the test programs that lie beside this script, all or
# the named ones (fsm, stream, ...), prints what each prints, and unloads the
# modules. The exit status is 0 if no test failed and the modules could be
# unloaded.
#
# "races" names all that run until their time is over: the programs races_*, which set
# things against each other for RACES_SECONDS (20) each. They run only when named.
#
# SELFTESTS_ALL=1: more of the same, where a sample is usually enough.
# SELFTESTS_NOISE=RATE: beside them the host sends as many frames a second out of each
# interface, which the tests have not sent.
# SELFTESTS_XDP=1: and each of them has an XDP program.
# SELFTESTS_ENVIRONMENT="memlock cpu": in these, `environment` alone says which there are.
# SELFTESTS_STOP=1: nothing more once one has failed.
# SELFTESTS_SKIP: programs that are left out.
# STREAMS_KEEP=DIR: old_streams writes streams there that are not among tests/data/streams.
# SELFTESTS_ARGS: for each program, such as "-V iommufd" to leave that out.

here=$(cd "$(dirname "$0")" && pwd) || exit 1
dir=${1:-/mdev}
[ $# -gt 0 ] && shift
if [ "$dir" != - ] && [ -z "$(find "$dir" -name mdev_migrate.ko 2>/dev/null)" ]; then
	echo "$dir: no folder with the modules: run.sh DIR PROGRAM..., or - for those that are installed" >&2
	exit 2
fi
# The Makefile and tests/kernels take it from here.
all="sysfs config fsm datafd stream old_streams records parts dma dirty charge converge irq pci pci_only msi virtio rings move ctrl mq offload uso bridge netdev events versions lifecycle described firmware bad_blobs memory_only pooled streamed pattern pattern_bad ram_map ram_pins ram_slow bochs_display bochs_state closing faults calls memlock shortage pressure costs pending uffd readers xps virtio_pf virtio_parts virtio_admin"
[ $# -gt 0 ] || set -- $all
if [ "$*" = races ]; then
	set --
	for program in "$here"/races_*; do
		set -- "$@" "${program##*/}"
	done
fi
export RACES_SECONDS="${RACES_SECONDS:-20}"

find_module()
{
	find "$dir" -name "$1.ko" 2>/dev/null | head -n 1
}

# module_of PROGRAM: that of the tests' own which it loads
module_of()
{
	case $1 in
	pci_only | msi) echo pci_only ;;
	described | firmware | memory_only | pooled) echo "mdm_$1" ;;
	bad_blobs) echo mdm_firmware ;;
	virtio_pf | virtio_parts | virtio_admin) echo mdm_virtio_pf ;;
	esac
}

load_one()
{
	name=$1
	shift
	[ -d "/sys/module/$name" ] && return 0
	path=$(find_module "$name")
	if [ -n "$path" ]; then
		insmod "$path" "$@" || return 1
	else
		modprobe "$name" "$@" || return 1
	fi
	loaded="$name $loaded"
}

# As many devices as a test can make and remove in a few seconds.
if [ -n "$SELFTESTS_ALL" ]; then
	params=
else
	params=max_devices=64
fi

# What the modules and the tests need of the kernel may be modules too.
load()
{
	loaded=
	[ -d /sys/module/mdev_virtio_net ] && return 0
	for name in vfio vfio_iommu_type1 mdev iommufd bridge; do
		modprobe -q "$name" 2>/dev/null
	done
	load_one mdev_migrate && load_one mdev_virtio_net $params || return 1
	MDEV_VIRTIO_NET_KO=$(find_module mdev_virtio_net)
	MDEV_VIRTIO_NET_PARAMS=$params
	MDEV_MIGRATE_KO=$(find_module mdev_migrate)
	[ -n "$MDEV_VIRTIO_NET_KO" ] &&
		export MDEV_VIRTIO_NET_KO MDEV_VIRTIO_NET_PARAMS MDEV_MIGRATE_KO
	# Their tests load them.
	MDEV_PATTERN_KO=$(find_module mdev_pattern)
	MDEV_BOCHS_DISPLAY_KO=$(find_module mdev_bochs_display)
	PCI_ONLY_KO=$(find_module pci_only)
	MDM_DESCRIBED_KO=$(find_module mdm_described)
	MDM_FIRMWARE_KO=$(find_module mdm_firmware)
	MDM_MEMORY_ONLY_KO=$(find_module mdm_memory_only)
	MDM_POOLED_KO=$(find_module mdm_pooled)
	MDM_STREAMED_KO=$(find_module mdm_streamed)
	MDM_VIRTIO_PF_KO=$(find_module mdm_virtio_pf)
	export MDEV_PATTERN_KO MDEV_BOCHS_DISPLAY_KO PCI_ONLY_KO MDM_DESCRIBED_KO MDM_FIRMWARE_KO MDM_MEMORY_ONLY_KO \
		MDM_POOLED_KO MDM_STREAMED_KO MDM_VIRTIO_PF_KO
	return 0
}

unload()
{
	for name in $loaded; do
		rmmod "$name" || return 1
	done
}

if ! load; then
	echo "Bail out! the modules do not load from $dir"
	exit 1
fi

failed=
skipped=0
log=$(mktemp) || exit 1
noise=
trap 'rm -f "$log" "$log.noise"; [ -z "$noise" ] || kill "$noise"' EXIT
if [ -n "$SELFTESTS_NOISE" ]; then
	"$here/noise" ${SELFTESTS_XDP:+--xdp} "$SELFTESTS_NOISE" >"$log.noise" &
	noise=$!
fi
for test; do
	case " $SELFTESTS_SKIP " in
	*" $test "*) continue ;;
	esac
	module=$(module_of "$test")
	if [ -n "$module" ] && [ -z "$(find_module "$module")" ]; then
		echo "# test_$test: left out, since there is no module $module"
		continue
	fi
	start=$(date +%s)
	case $test in
	races_*) ;;
	*) test=test_$test ;;
	esac
	echo "# $test"
	# shellcheck disable=SC2086
	if ${SELFTESTS_ENVIRONMENT:+"$here/environment" $SELFTESTS_ENVIRONMENT --} \
		"$here/$test" $SELFTESTS_ARGS >"$log" 2>&1; then
		result=ok
	else
		result="not ok"
		failed="$failed ${test#test_}"
	fi
	cat "$log"
	skipped=$((skipped + $(grep -c '^ok .*# SKIP' "$log")))
	echo "# $test: $result in $(($(date +%s) - start)) s"
	[ -z "$SELFTESTS_STOP" ] || [ "$result" = ok ] || break
done

if [ -n "$noise" ]; then
	# One that has ended, or never sent, has shown nothing.
	frames=$(tail -n 1 "$log.noise")
	kill "$noise" && [ "${frames%% *}" -gt 0 ] || failed="$failed noise"
	case "$SELFTESTS_XDP$frames" in
	1*" 0 XDP"*) failed="$failed xdp" ;;
	esac
	noise=
	echo "# noise: $frames"
fi
if ! unload; then
	echo "# the modules cannot be unloaded"
	failed="$failed unload"
fi
if [ -n "$failed" ]; then
	echo "# FAILED:$failed"
	exit 1
fi
echo "# all passed, $skipped skipped"
