#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# files.sh: every file of this system with its size and time, to see what an
# installation leaves. Without what dpkg, apt, ldconfig and the log know of the past,
# what depmod makes anew, the key that DKMS signs with, python's caches, and what the
# machine's disk leaves out.
skip=(-path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /run -o -path /root
	-o -path /tests -o -path /mdev-migrate -o -path /lost+found -o -path /var/log
	-o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt
	-o -path '/var/lib/dkms/mok.*' -o -path '/usr/lib/modules/*/modules.*'
	-o -path '/lib/modules/*/modules.*' -o -path '*/modules/0-cloud'
	-o -path '/usr/lib/modules/*/kernel' -o -path '/lib/modules/*/kernel'
	-o -path '/usr/src/linux-*' -o -path /usr/lib/gcc -o -path /usr/libexec/gcc
	-o -path /usr/include -o -path /usr/share/lintian
	-o -path '/usr/share/perl5/Lintian*' -o -name __pycache__)
find / \( "${skip[@]}" \) -prune -o -type d -printf 'd %m %U:%G %p\n' \
	-o -type f -printf '%y %m %U:%G %s %Ts %p\n' -o -printf '%y %m %U:%G %p %l\n' | sort
