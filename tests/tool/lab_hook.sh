#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# lab_hook.sh TOOL HOOK: in the lab, as TAP. libvirt's hook, called as libvirt calls it, with
# domains that nobody should be hurt by: of two that name one device, at the same time; that
# name a device which is no mdev; that end half-way; and XML that is none of libvirt's.
#
# HOOK_N=20 rounds of two at the same time.
set -u
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"
tool=$1 hook=$2
nr=${HOOK_N:-20}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
echo "TAP version 13"
mkdir "$tmp/bin"
ln -s "$tool" "$tmp/bin/mdev-migrate"
PATH=$tmp/bin:$PATH
devices=/sys/bus/mdev/devices
made=/run/mdev-migrate/domains
model=model=https://mdev-migrate.org/devices/pattern
one=11111111-0000-4000-8000-000000000001
two=22222222-0000-4000-8000-000000000002
card=cccccccc-0000-4000-8000-000000000003
for module in vfio vfio_iommu_type1 mdev iommufd mdev_pattern; do
	modprobe -q $module
done
[ -d /sys/class/mdev_bus/pattern ] || {
	echo "Bail out! the modules do not load"
	exit 1
}

# xml DOMAIN DEVICE CONFIG: a domain with one device.
xml() {
	cat <<-END
		<domain type='kvm'>
		  <name>domain-$1</name>
		  <uuid>$1</uuid>
		  <metadata>
		    <m:devices xmlns:m="https://mdev-migrate.org/libvirt/1">
		      <m:device uuid="$2" config="$3"/>
		    </m:devices>
		  </metadata>
		  <devices>
		    <hostdev mode='subsystem' type='mdev' model='vfio-pci'>
		      <source><address uuid='$2'/></source>
		    </hostdev>
		  </devices>
		</domain>
	END
}

# hook OPERATION PHASE DOMAIN DEVICE [CONFIG]
hook() {
	xml "$3" "$4" "${5:-$model}" >"$tmp/xml.$3"
	"$hook" hook "domain-$3" "$1" "$2" - <"$tmp/xml.$3"
}

# device_of FILE: the device that the domain has in the hook's answer.
device_of() {
	sed -n "s/.*<address uuid=['\"]\([^'\"]*\).*/\1/p" "$1"
}

# is NAME COMMAND...
is() {
	name=$1
	shift
	if "$@"; then pass "$name"; else fail "$name"; fi
}

none() {
	[ -z "$(ls $devices)" ] && [ -z "$(find $made -type f 2>/dev/null)" ]
}

run 0 "a domain comes" hook migrate begin $one $card
is "... its device is there, with its UUID" [ -e $devices/$card -a "$(device_of "$tmp/out")" = $card ]
run 0 "another one, with the same device" hook migrate begin $two $card
other=$(device_of "$tmp/out")
is "... gets one of its own" [ -n "$other" -a "$other" != $card -a -e "$devices/$other" ]
run 0 "it goes" hook release end $two "$other"
is "... and nothing but what was made for it" [ -e $devices/$card -a ! -e "$devices/$other" ]
run 0 "so does the first one" hook release end $one $card
is "... and nothing is left" none

# At the same time, both ways in.
for how in "migrate begin" "prepare begin"; do
	bad=0 i=0
	while [ $i -lt "$nr" ]; do
		i=$((i + 1))
		# shellcheck disable=SC2086
		hook $how $one $card >"$tmp/one" 2>"$tmp/err" &
		pid=$!
		# shellcheck disable=SC2086
		hook $how $two $card >"$tmp/two" 2>>"$tmp/err"
		status=$?
		wait $pid
		first=$?
		a=$(device_of "$tmp/one") b=$(device_of "$tmp/two")
		if [ "$how" = "prepare begin" ]; then
			# Who is second finds that it is there, and libvirt finds that it is in use.
			[ $first = 0 ] && [ $status = 0 ] && [ -e $devices/$card ] ||
				bad=$((bad + 1))
		else
			[ $first = 0 ] && [ $status = 0 ] && [ "$a" != "$b" ] &&
				[ -e "$devices/$a" ] && [ -e "$devices/$b" ] ||
				bad=$((bad + 1))
		fi
		hook release end $one $card 2>>"$tmp/err"
		hook release end $two $card 2>>"$tmp/err"
	done
	is "$how: of two at the same time none has the other's device" [ $bad = 0 ]
	is "... and nothing is left" none
done

# Killed anywhere: what it has made goes with the domain, or when it comes again.
i=0
while [ $i -lt "$nr" ]; do
	i=$((i + 1))
	xml $one $card $model >"$tmp/xml.$one"
	timeout -s KILL "0.0$((i % 10))$((i / 10))" "$hook" hook domain migrate begin - \
		<"$tmp/xml.$one" >"$tmp/out" 2>"$tmp/err"
done
# The script that makes a device is not killed with the hook.
sleep 1
run 0 "a hook that was killed, again" hook migrate begin $one $card
run 0 "... and the domain's end" hook release end $one $card
is "... and nothing is left" none

# A device of a bus is not the hook's: it is for who has it to say what it is.
modprobe mdm_described
dir=/sys/bus/platform/devices/mdm_described.0
fits=model=https://mdev-migrate.org/devices/test-described,lanes=2
cat $dir/migration/config /sys/bus/platform/devices/mdm_described.1/migration/config >"$tmp/before"
run 1 "a domain that could have a device of a bus" hook migrate begin $one $card "$fits"
says "... is told that none can be made" "no device can be made here"
cat $dir/migration/config /sys/bus/platform/devices/mdm_described.1/migration/config >"$tmp/after"
is "... and these are what they were" cmp -s "$tmp/before" "$tmp/after"
is "... and nothing is left" none
modprobe -r mdm_described

# It is shown to who migrates, and written to libvirt's log.
run 1 "a configuration with lines and controls" hook migrate begin $one $card 'model=x&#10;forged&#x9b;2J'
says "... is quoted" "model=x.forged"
if LC_ALL=C grep -qaP '^forged|[^ -~]' "$tmp/err"; then fail "... in one line"; else pass "... in one line"; fi
run 1 "a name with lines" hook migrate begin $one 'x&#10;forged'
if LC_ALL=C grep -qaP '^forged|[^ -~]' "$tmp/err"; then fail "... in one line"; else pass "... in one line"; fi

# What libvirt writes has none of this.
xml $one $card $model | sed '1i<!DOCTYPE domain [<!ENTITY a "b">]>' >"$tmp/doctype"
run 1 "XML with a DOCTYPE" sh -c '"$1" hook n migrate begin - <"$2"' - "$hook" "$tmp/doctype"
says "... is not libvirt's" "DOCTYPE"
is "... and nothing is left" none
modprobe -r mdev_pattern
finish
