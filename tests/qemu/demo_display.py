#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The demonstration's second act: a guest that draws and talks is live-migrated.

It has two mediated devices, a network card and a display. Runs inside the lab, see
tests/lab/README.rst; `make demo` starts it.
"""

import subprocess
import sys

import display
import vmm
from demo import good, mib, say, show_stream, title


def act(world):
    """It draws and talks; it is migrated; it goes on."""
    title("A guest with two devices: a network card and a display")
    line = display.boot(world)
    for name, device in (("card", world.card), ("display", world.display)):
        say(f"{name}: {device.uuid}")
        say(f"   migration/config: {device.get('migration/config')}")
    good(f"Linux's own driver has the screen: {line.removeprefix('draw: ')}")
    show_stream(world.stream, "the TCP stream runs")

    title("Live migration, while the guest draws and talks")
    info = display.migrate(world)
    say(f"QEMU: {info['total-time']} ms in all, downtime {info['downtime']} ms, device state "
        f"{mib(info['vfio']['transferred'])}")
    good("the picture is the same, pixel by pixel: build/demo/before.png, after.png")
    show_stream(world.stream, "the same connection goes on")
    step = world.guest.wait_console(r"draw: step (\d+)", 60).group(1)
    good(f"the guest goes on drawing: step {step}")


def main():
    """The second act."""
    subprocess.run(["modprobe", "-a", "mdev_virtio_net", "mdev_bochs_display"], check=True)
    world = display.World("/out")
    try:
        act(world)
    finally:
        world.close()
    subprocess.run(["modprobe", "-r", "mdev_bochs_display", "mdev_virtio_net", "mdev_migrate"],
                   check=True)
    good("devices removed, modules unloaded")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (vmm.QmpError, RuntimeError, OSError, AssertionError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        sys.exit(1)
