# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Sourced: what the demonstration and the QEMU tests need beyond the lab.

# prepare_guest DIR: the traffic program and an initramfs that has it.
prepare_guest() {
	local here

	here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
	mkdir -p "$1"
	gcc -O2 -Wall -Wextra -Werror -static -o "$1/tcpstream" "$here/tcpstream.c" &&
		"$here/../lab/lab" guest-initrd-with "$1/initrd" "$1/tcpstream:/bin/tcpstream"
}
