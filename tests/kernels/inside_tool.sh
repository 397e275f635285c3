# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
#
# Sourced by inside.sh: mdev-migrate on a stock kernel, through group and container.
one=22222222-2222-4333-8444-555555555555
other=22222222-2222-4333-8444-666666666666
model=https://mdev-migrate.org/devices/virtio-net

tool_devices() {
	echo $one >$types/virtio_net-v1/create && echo $other >$types/virtio_net-v2/create &&
		echo 1400 >/sys/bus/mdev/devices/$one/migration/params/mtu
}

tool_list() {
	mdev-migrate list >/tmp/list && cat /tmp/list &&
		grep -q "^virtio_net-v1 .*$model" /tmp/list &&
		grep -q "^$one .*virtio_net-v1 .*running .*mtu=1400" /tmp/list
}

tool_show() {
	mdev-migrate show $one >/tmp/show && cat /tmp/show &&
		grep -q "^config .*model=$model,mtu=1400" /tmp/show &&
		mdev-migrate show virtio_net-v3 | grep -q '^free .*[0-9]'
}

# With its reason each: it fits, it fits if something is written, it does not.
tool_check() {
	mdev-migrate check $one virtio_net-v1 >/tmp/verdict && cat /tmp/verdict &&
		grep -q '^compatible' /tmp/verdict &&
		grep -q 'write 1400 to migration/params/mtu' /tmp/verdict || return 1
	mdev-migrate check "model=$model" virtio_net-v1 >/tmp/verdict && cat /tmp/verdict &&
		grep -q '^identical' /tmp/verdict || return 1
	mdev-migrate check "model=$model,queue-pairs=9" virtio_net-v1 >/tmp/verdict
	[ $? = 1 ] || return 1
	cat /tmp/verdict
	grep -q '^incompatible' /tmp/verdict && grep -q 'queue-pairs: .*9' /tmp/verdict
}

# There is no iommufd: the group is what opens it.
tool_probe() {
	mdev-migrate-stream probe $one >/tmp/probe && cat /tmp/probe &&
		grep -q '^opened through *container' /tmp/probe &&
		grep -q '^migration .*STOP_COPY P2P' /tmp/probe || return 1
	# Of these kernels 6.1 alone can log what the device writes, and has no PRE_COPY.
	case $(uname -r) in
	6.1.*) grep -q 'pages *tracked by the device' /tmp/probe &&
		grep -q 'while the guest is stopped, since PRE_COPY' /tmp/probe ;;
	*) grep -q '^migration .*PRE_COPY' /tmp/probe &&
		grep -q 'pages *not tracked by the device' /tmp/probe &&
		grep -q 'lifted by .*enable-migration=on' /tmp/probe ;;
	esac
}

tool_save_load() {
	mdev-migrate-stream save $one -o /tmp/state && mdev-migrate-stream decode --verify /tmp/state &&
		mdev-migrate-stream decode /tmp/state >/tmp/decoded && cat /tmp/decoded &&
		grep -q "model=$model,mtu=1400" /tmp/decoded && mdev-migrate-stream load $one /tmp/state
}

# What does not fit is refused with the driver's sentence.
tool_load_refused() {
	! mdev-migrate-stream load $other /tmp/state >/tmp/refused.log 2>&1 || return 1
	cat /tmp/refused.log
	grep -q 'announce: the source has off, this device has on; write off to its migration/params/announce' /tmp/refused.log
}

# All 64 devices made: the kernel says that, the tool what to do.
tool_used_up() {
	i=10
	while echo 33333333-2222-4333-8444-5555555555$i |
		tee $types/virtio_net-v1/create >/dev/null 2>/tmp/create; do
		i=$((i + 1))
	done
	cat /tmp/create
	grep -q 'Too many users' /tmp/create && [ $i = 72 ] &&
		[ "$(cat $types/virtio_net-v1/available_instances)" = 0 ] || return 1
	mdev-migrate check "model=$model" virtio_net-v1 >/tmp/verdict 2>&1
	[ $? = 1 ] || return 1
	cat /tmp/verdict
	grep -q 'fix: remove a device of the same parent' /tmp/verdict || return 1
	while [ $i -gt 10 ]; do
		i=$((i - 1))
		echo 1 >/sys/bus/mdev/devices/33333333-2222-4333-8444-5555555555$i/remove || return 1
	done
	mdev-migrate check "model=$model" virtio_net-v1
}

tool_remove() {
	echo 1 >/sys/bus/mdev/devices/$one/remove && echo 1 >/sys/bus/mdev/devices/$other/remove
}

tool_tests() {
	check "devices for the tool" tool_devices
	check "mdev-migrate list" tool_list
	check "mdev-migrate show" tool_show
	check "mdev-migrate check" tool_check
	check "mdev-migrate-stream probe, through group and container" tool_probe
	check "mdev-migrate-stream save, decode and load" tool_save_load
	check "mdev-migrate-stream load refuses with the driver's sentence" tool_load_refused
	check "all instances used up" tool_used_up
	check "the tool's devices are removed" tool_remove
}
