#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Guests whose drivers are not the project's, with a card of the newest version and a display.

Debian's kernels, each a folder in /out/guests: its own drivers, checked bytes in
both directions, a picture, a live migration under way. iPXE, which boots from the
card, and edk2 (OVMF), which has its screen on the display. Runs inside the lab;
prints TAP.
"""

import os
import subprocess
import sys
import time
import zlib

import netboot
import vmm
from display import HEIGHT, PARENT, WIDTH, display_args, screenshot
from mdev import Mdev
from tap import run
from world import IOMMUFD, World, succeed

GUESTS = "/out/guests"
TYPE = "virtio_net-v3"
# What is to go each way before a migration, and after it.
ENOUGH = 4 << 20
# What each guest draws.
STEPS = 20
# Where there is nothing to be seen QEMU says so in a picture of this size.
NOTHING = (640, 480)


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


def add_display(world, folder):
    """The next QEMU has a display, a new one."""
    device = Mdev("bochs_display-v2", parent=PARENT)
    world.devices.append(device)
    device.set("max-width", WIDTH)
    device.set("max-height", HEIGHT)
    world.extra = ("-kernel", f"{folder}/vmlinux",
                   *display_args(device, IOMMUFD, id="display0"))


def boot(world, folder, version):
    """The guest is what it is to be, and its driver uses what the card has."""
    world.type_name = TYPE
    world.initrd = f"{folder}/initrd-display"
    add_display(world, folder)
    world.cmd = (f"cat /proc/version;sh /bin/display-up;draw {STEPS} 0 & "
                 f"{world.cmd.split('& ')[-1]}")
    world.boot()
    line = world.guest.wait_console(r"Linux version .*", 5).group(0)
    print(f"# {line}")
    assert f"Debian {version.split('-')[0]}" in line, (version, line)
    seen = counters(world.device)
    assert seen["ctrl0_commands"] > 0 and not seen["ctrl0_refused"], seen


def draw(world):
    """The guest's own driver for the display; what it drew is what is seen."""
    line = world.guest.wait_console(r"draw: \d+x\d+ driver \S+", 60).group(0)
    assert f"{WIDTH}x{HEIGHT} driver bochs" in line, line
    world.guest.wait_console("draw: done", 60)
    steps = screenshot(world.guest).steps()
    assert steps[:STEPS] == list(range(STEPS)), steps
    assert set(steps[STEPS:]) <= {-1}, steps


def migrate(world, folder):
    """A live migration, with the stream going on; the same picture is seen there."""
    before = screenshot(world.guest)
    add_display(world, folder)
    info = succeed(world, most=64 << 20)
    print(f"# {info['total-time']} ms in all, downtime {info['downtime']} ms")
    after = screenshot(world.guest)
    assert before.pixels == after.pixels, before.difference(after)
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
        (f"{about}: draws on the display with its own driver", draw),
        (f"{about}: live migration with the stream going on, to the same picture",
         lambda world: migrate(world, folder)),
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


def screen_of_edk2(world):
    """edk2's own driver for the display, in a virtual machine without anything else."""
    device = Mdev("bochs_display-v2", parent=PARENT)
    world.devices.append(device)
    pc = vmm.Machine("edk2", [
        "qemu-system-x86_64", "-accel", "tcg", "-machine", "pc,hpet=off", "-m", "128",
        "-bios", "/out/edk2.fd"] +
        (["-object", "iommufd,id=iommufd0"] if IOMMUFD else []) +
        display_args(device, IOMMUFD, id="display0"))
    world.vms.append(pc)
    deadline = time.monotonic() + 240
    while True:
        image = screenshot(pc)
        if image.lit() > 500 and (image.width, image.height) != NOTHING:
            break
        assert time.monotonic() < deadline, (image, image.lit())
        time.sleep(1)
    screenshot(pc, path="/out/edk2.png")
    print(f"# {image.width}x{image.height}, {image.lit()} pixels are not black")
    pc.quit()


def main():
    """Every guest, one after the other."""
    subprocess.run(["modprobe", "-a", "mdev_virtio_net", "mdev_bochs_display"], check=True)
    tests = [test for name in sorted(os.listdir(GUESTS))
             for test in guest_tests(name)]
    assert tests, "there is no guest"
    tests.append(("iPXE boots from the card, what it has fetched is right",
                  boot_ipxe))
    tests.append(("edk2 shows its logo and its words on the display", screen_of_edk2))
    tests.append(("all goes", lambda world: world.close()))
    return run(tests, World())


if __name__ == "__main__":
    sys.exit(main())
