# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Sourced: what the demonstration and the QEMU tests need beyond the lab.

PREPARE_HERE=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
PREPARE_LAB=$PREPARE_HERE/../lab/lab
# Debian releases whose kernels are guests of tests.
GUEST_SUITES=(bookworm trixie forky)

# prepare_guest DIR: the traffic program and an initramfs that has it.
prepare_guest() {
	mkdir -p "$1"
	gcc -O2 -Wall -Wextra -Werror -static -o "$1/tcpstream" "$PREPARE_HERE/tcpstream.c" &&
		"$PREPARE_LAB" guest-initrd-with "$1/initrd" "$1/tcpstream:/bin/tcpstream"
}

# prepare_display DIR: what is needed of a guest with a display, beside prepare_guest.
prepare_display() {
	local modules

	mkdir -p "$1" && "$PREPARE_LAB" setup display && modules=$("$PREPARE_LAB" path display) &&
		gcc -O2 -Wall -Wextra -Werror -static -o "$1/tcpstream" "$PREPARE_HERE/tcpstream.c" &&
		gcc -O2 -Wall -Wextra -Werror -static -o "$1/draw" "$PREPARE_HERE/draw.c" &&
		"$PREPARE_LAB" guest-initrd-with "$1/initrd.guest" "$1/tcpstream:/bin/tcpstream" \
			"$1/draw:/bin/draw" &&
		cat "$1/initrd.guest" "$modules/initrd" >"$1/initrd-display" &&
		rm "$1/initrd.guest"
}

# prepare_edk2 DIR: another firmware.
prepare_edk2() {
	"$PREPARE_LAB" setup edk2 && cp "$("$PREPARE_LAB" path edk2)/edk2.fd" "$1/"
}

# prepare_guests DIR: such guests of each release, in guests/SUITE.
prepare_guests() {
	local suite dir from

	for suite in "${GUEST_SUITES[@]}"; do
		dir=$1/guests/$suite
		LAB_GUEST=$suite "$PREPARE_LAB" setup guest &&
			LAB_GUEST=$suite prepare_guest "$dir" &&
			LAB_GUEST=$suite prepare_display "$dir" &&
			from=$(LAB_GUEST=$suite "$PREPARE_LAB" path guest) &&
			cp "$from/vmlinux" "$dir/" || return
		mv "$dir/tcpstream" "$1/"
		# The folder's name is guest-VERSION-KEY.
		from=${from##*/guest-}
		echo "${from%-*}" >"$dir/version"
	done
}

# prepare_netboot DIR: what a boot firmware is to fetch, and what it has in it.
prepare_netboot() {
	mkdir -p "$1" &&
		head -c $((4 << 20)) /dev/urandom >"$1/payload" &&
		gcc -m32 -O2 -Wall -Wextra -Werror -ffreestanding -fno-pie -no-pie \
			-fno-stack-protector -fno-asynchronous-unwind-tables -nostdlib -static \
			-Wl,-Ttext=0x100000,--build-id=none,-n,-z,noexecstack,--no-warn-rwx-segments \
			-DPAYLOAD="\"$1/payload\"" -o "$1/netboot" "$PREPARE_HERE/netboot_start.S" \
			"$PREPARE_HERE/netboot.c"
}
