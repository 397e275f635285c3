# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Sourced by inside.sh: what goes wrong on users' hosts, and the sentence for it.
if [ -x /usr/share/mdev-migrate-dkms/notes ]; then
	notes=/usr/share/mdev-migrate-dkms/notes
else
	notes=/tests/notes
fi

# Before anything is loaded.
not_loaded() {
	mdev-migrate list >/tmp/list && cat /tmp/list && grep -q 'modprobe mdev_virtio_net' /tmp/list
}

# The kernel says what a bus may be called.
bus_refused() {
	for name in '' a/b .; do
		! modprobe mdev_migrate "parent_bus=$name" || return 1
		dmesg | tail -n 1 | grep -q "parent_bus=$name is not the name of a bus: use letters" || return 1
	done
}

# The second time it says nothing.
load_again() {
	[ -z "$(modprobe mdev_virtio_net 2>&1)" ]
}

# What is installed is loaded: nothing to say but of headers, which are not here.
loaded_current() {
	$notes >/tmp/notes && cat /tmp/notes && ! grep -v 'linux-headers-' /tmp/notes
}

# As after an upgrade: another version is loaded.
loaded_other() {
	mkdir -p /tmp/sys/module/mdev_migrate && echo 0.0.9 >/tmp/sys/module/mdev_migrate/version
	NOTES_SYS=/tmp/sys $notes >/tmp/notes && cat /tmp/notes &&
		grep -q "Version 0.0.9 is loaded, $(modinfo -F version mdev_migrate) is installed.*modprobe -r mdev_virtio_net" /tmp/notes
}

# A kernel that takes signed modules only: DKMS's key is not enrolled. Cannot be undone.
signed_only() {
	echo 1 >/sys/module/module/parameters/sig_enforce || return 1
	! modprobe mdev_virtio_net 2>/tmp/refused.log || return 1
	cat /tmp/refused.log
	grep -q 'Key was rejected by service\|Required key not available' /tmp/refused.log || return 1
	$notes >/tmp/notes && cat /tmp/notes && grep -q 'signed.*mokutil --import /var/lib/dkms/mok.pub' /tmp/notes ||
		return 1
	mdev-migrate list >/tmp/list && cat /tmp/list &&
		grep -q 'signed.*mokutil --import' /tmp/list
}

# Packages go without a trace. What is loaded stays, and dpkg says so.
purge() {
	rm -rf /etc/modprobe.d/mdev.conf /etc/mdevctl.d/virtio_net
	apt-get purge -y -q mdev-migrate mdev-migrate-dkms 2>&1 | tee /tmp/purge || return 1
	grep -q 'stay loaded.*modprobe -r' /tmp/purge || return 1
	/tests/files.sh >/tmp/files && diff /root/files.before /tmp/files && [ -z "$(dkms status)" ]
}

rmmod_purged() {
	rmmod mdev_virtio_net && rmmod mdev_migrate
}
