#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What is tried on a stock kernel, as TAP.
here=$(dirname "$0")

n=0
# check NAME COMMAND...: what it prints is shown if it fails.
check() {
	name=$1
	shift
	n=$((n + 1))
	if "$@" >/tmp/check.log 2>&1; then
		echo "ok $n $name"
	else
		sed 's/^/# /' /tmp/check.log
		echo "not ok $n $name"
	fi
}

callout=/etc/mdevctl.d/scripts.d/callouts/mdev-migrate
types=/sys/class/mdev_bus/virtio_net/mdev_supported_types

load() {
	echo 'options mdev_virtio_net max_devices=64' >/etc/modprobe.d/mdev.conf
	modprobe -v mdev_virtio_net &&
		[ "$(cat /sys/module/mdev_virtio_net/parameters/max_devices)" = 64 ]
}

# modinfo says what the module will offer.
modinfo_fields() {
	modinfo mdev_virtio_net
	[ -n "$(modinfo -F version mdev_virtio_net)" ] || return 1
	[ "$(modinfo -F version mdev_virtio_net)" = "$(cat /sys/module/mdev_virtio_net/version)" ] || return 1
	[ "$(modinfo -F version mdev_migrate)" = "$(cat /sys/module/mdev_migrate/version)" ] || return 1
	versions=$(modinfo -F mdev_version mdev_virtio_net | cut -d: -f1)
	for version in $versions; do
		[ "$(cat "$types/virtio_net-$version/migration/model")" = \
			"$(modinfo -F mdev_model mdev_virtio_net)" ] || return 1
		modinfo -F mdev_version mdev_virtio_net |
			grep -qxF "$version: $(cat "$types/virtio_net-$version/description")" || return 1
	done
	# shellcheck disable=SC2012
	[ "$(ls $types | wc -l)" = "$(echo "$versions" | wc -l)" ]
}

# mdevctl, as installed by the release, and the project's callout.
uuid=11111111-2222-4333-8444-555555555555
full=11111111-2222-4333-8444-888888888888
device=/sys/bus/mdev/devices/$uuid

mdevctl_define() {
	mdevctl define -u $uuid -p virtio_net -t virtio_net-v1 &&
		mdevctl modify -u $uuid --addattr migration/params/mtu --value 1400 &&
		mdevctl list -d -u $uuid -v --dumpjson | grep -q '"migration/params/mtu": *"1400"'
}

mdevctl_start() {
	mdevctl start -u $uuid && [ "$(cat $device/migration/params/mtu)" = 1400 ] &&
		grep ',mtu=1400$' $device/migration/config
}

# What a udev rule of mdevctl's does when the parent appears.
mdevctl_auto() {
	mdevctl stop -u $uuid && mdevctl modify -u $uuid --auto &&
		mdevctl list -d -u $uuid --dumpjson | grep -q '"start": *"auto"' &&
		mdevctl start-parent-mdevs virtio_net &&
		[ "$(cat $device/migration/params/mtu)" = 1400 ] &&
		mdevctl modify -u $uuid --manual
}

# What the callout tells of a running device that has no definition, and what
# becomes its definition then.
mdevctl_attributes() {
	other=11111111-2222-4333-8444-666666666666
	attribute='"migration/params/mtu": *"1300"'
	mdevctl start -u $other -p virtio_net -t virtio_net-v1 &&
		echo 1300 >/sys/bus/mdev/devices/$other/migration/params/mtu &&
		mdevctl list -u $other -v &&
		mdevctl list -u $other -v --dumpjson | grep -q "$attribute" &&
		mdevctl define -u $other && mdevctl list -d -u $other --dumpjson &&
		mdevctl list -d -u $other -v --dumpjson | grep -q "$attribute" &&
		mdevctl stop -u $other && mdevctl undefine -u $other
}

live() {
	cat >/tmp/live.json <<-END
		{"mdev_type":"virtio_net-v1","start":"manual","attrs":[{"migration/params/mtu":"$1"}]}
	END
	mdevctl modify -u $uuid --live --jsonfile /tmp/live.json
}

# mdevctl 1.3 and later; the callout writes to the device.
mdevctl_live() {
	live 1200 && [ "$(cat $device/migration/params/mtu)" = 1200 ] || return 1
	! live 5 >/tmp/refused.log 2>&1 || return 1
	cat /tmp/refused.log
	grep -q 'mtu: .*5.* allows' /tmp/refused.log &&
		[ "$(cat $device/migration/params/mtu)" = 1200 ]
}

mdevctl_stop() {
	mdevctl stop -u $uuid && [ ! -e $device ]
}

# refused WORDS COMMAND...: it fails, says why, and leaves no device.
refused() {
	words=$1
	shift
	! "$@" >/tmp/refused.log 2>&1 || return 1
	cat /tmp/refused.log
	grep -q "$words" /tmp/refused.log && [ ! -e $device ]
}

mdevctl_bad_value() {
	cat >/tmp/bad.json <<-END
		{"mdev_type":"virtio_net-v1","start":"manual","attrs":[{"migration/params/mtu":"5"}]}
	END
	refused 'mtu: .*5.* allows' mdevctl start -u $uuid -p virtio_net --jsonfile /tmp/bad.json
}

mdevctl_bad_name() {
	cat >/tmp/bad.json <<-END
		{"mdev_type":"virtio_net-v1","start":"manual","attrs":[{"migration/params/nonsense":"5"}]}
	END
	refused "no parameter 'nonsense'" \
		mdevctl start -u $uuid -p virtio_net --jsonfile /tmp/bad.json
}

# A host that is full is not a refusal: it may be defined for, and cannot start.
mdevctl_full() {
	others=$(for i in $(seq -w 64); do echo 11111111-2222-4333-8444-7777777777$i; done)
	for other in $others; do
		echo "$other" >$types/virtio_net-v1/create || break
	done 2>/dev/null
	mdevctl define -u $full -p virtio_net -t virtio_net-v1 &&
		! mdevctl start -u $full >/tmp/refused.log 2>&1 &&
		grep -q 'virtio_net-v1 is full: no more devices' /tmp/refused.log
	status=$?
	cat /tmp/refused.log
	for other in $others; do
		[ ! -e /sys/bus/mdev/devices/$other ] || echo 1 >/sys/bus/mdev/devices/$other/remove
	done
	[ $status = 0 ] && mdevctl start -u $full && mdevctl stop -u $full &&
		mdevctl undefine -u $full
}

mdevctl_no_type() {
	refused "no type 'virtio_net-v9' below virtio_net: it has virtio_net-v1" \
		mdevctl start -u $full -p virtio_net -t virtio_net-v9
}

# Without the callout the kernel refuses, and mdevctl removes the device again.
mdevctl_bad_without_callout() {
	chmod -x $callout
	cat >/tmp/bad.json <<-END
		{"mdev_type":"virtio_net-v1","start":"manual","attrs":[{"migration/params/mtu":"5"}]}
	END
	refused . mdevctl start -u $uuid -p virtio_net --jsonfile /tmp/bad.json
	status=$?
	chmod +x $callout
	return $status
}

mdevctl_undefine() {
	mdevctl undefine -u $uuid && [ -z "$(mdevctl list -d)" ]
}

unload() {
	modprobe -r mdev_virtio_net && [ ! -e /sys/module/mdev_migrate ]
}

# processors COUNT: so many run, or all that there are. Where they are emulated, what does
# not need them is faster on one.
processors() {
	present=$(getconf _NPROCESSORS_CONF) i=1
	[ "$1" -le "$present" ] || set -- "$present"
	while [ $i -lt "$1" ]; do
		cpu=/sys/devices/system/cpu/cpu$i/online
		[ "$(cat $cpu)" = 1 ] || echo 1 >$cpu
		i=$((i + 1))
	done
	[ "$(getconf _NPROCESSORS_ONLN)" -ge "$1" ]
}

selftests() {
	check "a second processor runs where there is one" processors 2
	# A variant that the kernel does not have is one line, not one per test.
	if [ ! -e /dev/iommu ]; then
		echo "# the kernel has no iommufd: the tests run through the container"
		SELFTESTS_ARGS="-V iommufd -V mixed_intx"
		export SELFTESTS_ARGS
	fi
	# modprobe hides why a module does not load: what loads it again needs a file.
	MDEV_VIRTIO_NET_KO=/tmp/mdev_virtio_net.ko MDEV_VIRTIO_NET_PARAMS=max_devices=64
	export MDEV_VIRTIO_NET_KO MDEV_VIRTIO_NET_PARAMS
	file=$(modinfo -n mdev_virtio_net)
	case $file in
	*.xz) xz -dc "$file" ;;
	*) cat "$file" ;;
	esac >$MDEV_VIRTIO_NET_KO
	n=$((n + 1))
	# shellcheck disable=SC2046
	"$here/run.sh" - $(cat "$here/selftests") && echo "ok $n all selftests" || echo "not ok $n all selftests"
}

# What sets things against each other, where there are processors for it.
races() {
	[ -s "$here/races" ] || return
	check "four processors run" processors 4
	n=$((n + 1))
	RACES_SECONDS=$(cat "$here/races")
	export RACES_SECONDS
	"$here/run.sh" - races && echo "ok $n all races" || echo "not ok $n all races"
}

# QEMU migrates a card whose driver is the test: no guest CPU runs. The host sends into
# the bridge all the time; emulated, it reads some tens of frames a second.
qemu_tests() {
	modprobe bridge
	n=$((n + 1))
	"$here/noise" 10 br >/tmp/noise &
	noise=$!
	(cd "$here/qemu" && PYTHONDONTWRITEBYTECODE=1 python3 test_qtest.py) &&
		echo "ok $n all of QEMU" || echo "not ok $n all of QEMU"
	check "the host was not silent meanwhile" not_silent
}

# That it is still there, and has sent something.
not_silent() {
	kill $noise && cat /tmp/noise && [ "$(tail -n 1 /tmp/noise | cut -d' ' -f1)" -gt 0 ]
}

# The administrator's guide, as far as it goes on from an installation.
guide_tests() {
	n=$((n + 1))
	# It names the guide's second host there.
	cp -p /etc/hosts /tmp/hosts
	(cd "$here/docs" && PYTHONDONTWRITEBYTECODE=1 python3 test_installing.py "$here/installing.rst") &&
		echo "ok $n all of the guide" || echo "not ok $n all of the guide"
	cp -p /tmp/hosts /etc/hosts
}

# shellcheck source=tests/kernels/inside_tool.sh
. "$here/inside_tool.sh"
# shellcheck source=tests/kernels/inside_bad.sh
. "$here/inside_bad.sh"

mdevctl_tests() {
	check "mdevctl define, with an attribute" mdevctl_define
	check "mdevctl start" mdevctl_start
	check "mdevctl starts it when its parent appears" mdevctl_auto
	check "mdevctl list tells a running device's attributes" mdevctl_attributes
	if mdevctl modify --help | grep -q -- --live; then
		check "mdevctl modify --live" mdevctl_live
	fi
	check "mdevctl stop" mdevctl_stop
	check "mdevctl refuses a bad value and says why" mdevctl_bad_value
	check "mdevctl refuses a parameter that is none" mdevctl_bad_name
	check "mdevctl starts nothing on a full host, and says so" mdevctl_full
	check "mdevctl says which types there are" mdevctl_no_type
	check "mdevctl without the callout refuses a bad value" mdevctl_bad_without_callout
	check "mdevctl undefine" mdevctl_undefine
}

# Packages with their modules loaded on one release, the others where the disk was made.
removal_tests() {
	if grep -q trixie /etc/os-release; then
		check "apt purge of loaded modules" purge
		check "purged modules can be unloaded" rmmod_purged
		return
	fi
	check "modprobe -r" unload
	check "a kernel that loads signed modules only" signed_only
}

now() { cut -d. -f1 /proc/uptime; }
# phase COMMAND: and how long it took.
phase() {
	began=$(now)
	"$1"
	echo "# $1: $(($(now) - began)) s"
}

echo "TAP version 13"
echo "# Linux $(uname -r), $(mdevctl --version)"
if [ -e "$here/only" ]; then
	load
	processors 4
	selftests
	echo "1..$n"
	exit
fi
echo "# booted after $(now) s"
check "mdev-migrate list says what to load" not_loaded
check "a parent's bus with a name that is none" bus_refused
check "modprobe, with an option in modprobe.d" load
check "modprobe once more says nothing" load_again
check "modinfo tells model and versions" modinfo_fields
check "what is installed is what is loaded" loaded_current
check "another version is loaded than installed" loaded_other
phase mdevctl_tests
phase tool_tests
phase guide_tests
phase qemu_tests
phase selftests
phase races
phase removal_tests
echo "1..$n"
