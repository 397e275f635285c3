#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Guests whose drivers are not the project's, with a card of the newest version.

Debian's kernels, each a folder in /out/guests: its own driver, checked bytes in
both directions, a live migration under way. And iPXE, which boots from the card.
Runs inside the lab; prints TAP.
"""

import os
import subprocess
import sys
import time
import zlib

import netboot
from tap import run
from world import IOMMUFD, World, succeed

GUESTS = "/out/guests"
TYPE = "virtio_net-v3"
# What is to go each way before a migration, and after it.
ENOUGH = 4 << 20


def flow(world, timeout=120):
    """Wait until that much has gone both ways, checked, from now on."""
    first = world.stream.next_line()
    deadline = time.monotonic() + timeout
    line = first
    while min(line[way] - first[way] for way in ("received",
                                                 "confirmed")) < ENOUGH:
        assert time.monotonic() < deadline, (first, line)
        line = world.stream.next_line()
    print(f"# {line['received'] / 1e6:.1f} MB received, "
          f"{line['confirmed'] / 1e6:.1f} MB confirmed by the guest")


def counters(device):
    """The host interface's statistics."""
    text = subprocess.run(["ethtool", "-S", device.netdev], check=True,
                          capture_output=True, text=True).stdout
    return {name.strip(): int(value) for name, value in
            (line.split(":") for line in text.splitlines()[1:])}


def boot(world, folder, version):
    """The guest is what it is to be, and its driver uses what the card has."""
    world.type_name = TYPE
    world.initrd = f"{folder}/initrd"
    world.extra = ("-kernel", f"{folder}/vmlinux")
    world.cmd = f"cat /proc/version;{world.cmd.split(';')[-1]}"
    world.boot()
    line = world.guest.wait_console(r"Linux version .*", 5).group(0)
    print(f"# {line}")
    assert f"Debian {version.split('-')[0]}" in line, (version, line)
    seen = counters(world.device)
    assert seen["ctrl0_commands"] > 0 and not seen["ctrl0_refused"], seen


def migrate(world):
    """A live migration, with the stream going on."""
    info = succeed(world)
    print(f"# {info['total-time']} ms in all, downtime {info['downtime']} ms")
    flow(world)
    world.halt()


def guest_tests(name):
    """The tests of one guest."""
    folder = f"{GUESTS}/{name}"
    with open(f"{folder}/version", encoding="utf-8") as file:
        version = file.read().strip()
    about = f"{name} (Linux {version})"
    return [
        (f"{about}: boots with the card, all commands of its driver succeed",
         lambda world: boot(world, folder, version)),
        (f"{about}: {ENOUGH >> 20} MiB each way, every byte checked", flow),
        (f"{about}: live migration with the stream going on", migrate),
    ]


def boot_ipxe(world):
    """iPXE gets a script and a program over HTTP; the program checks itself."""
    with open("/out/netboot", "rb") as file:
        program = file.read()
    with open("/out/payload", "rb") as file:
        payload = file.read()
    script = f"#!ipxe\nkernel {netboot.URL}/netboot\nboot\n"
    world.type_name = TYPE
    device = world.new_device()
    server = netboot.Server(world.bridge.name,
                            {"/script": script.encode(), "/netboot": program},
                            "/script")
    pc = netboot.Firmware("ipxe", device.uuid, IOMMUFD)
    try:
        line = pc.wait_console(r"netboot: length (\w+) crc32 (\w{8})", 240)
        print(f"# {line.group(0)}")
        assert int(line.group(1), 16) == len(payload), line.group(0)
        assert int(line.group(2), 16) == zlib.crc32(payload), line.group(0)
        assert server.delivered == ["/script", "/netboot"], server.delivered
        assert counters(device)["tx0_bytes"] > len(program)
    finally:
        pc.kill()
        server.close()


def main():
    """Every guest, one after the other."""
    subprocess.run(["modprobe", "mdev_virtio_net"], check=True)
    tests = [test for name in sorted(os.listdir(GUESTS))
             for test in guest_tests(name)]
    assert tests, "there is no guest"
    tests.append(("iPXE boots from the card, what it has fetched is right",
                  boot_ipxe))
    tests.append(("all goes", lambda world: world.close()))
    return run(tests, World())


if __name__ == "__main__":
    sys.exit(main())
