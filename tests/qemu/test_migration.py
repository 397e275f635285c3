#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A Linux guest with the card is migrated by QEMU, in good order and not.

Runs inside the lab; prints TAP.
"""

import os
import re
import subprocess
import sys
import time

import mdev
import vmm
from tap import Skip, documented, run
from world import CHANNELS, IOMMUFD, World, incoming, succeed


def slow_migration(world, target):
    """Begin a migration that cannot end; returns when it is under way."""
    uri = f"unix:/tmp/migrate-{target.name}"
    vmm.prepare(world.guest, target, uri)
    world.guest.qmp.execute("migrate-set-parameters",
                            **{"max-bandwidth": 1 << 20})
    world.guest.qmp.execute("migrate", uri=uri)
    deadline = time.monotonic() + 30
    while world.device.state != ("pre_copy" if IOMMUFD else "running"):
        assert time.monotonic() < deadline, world.device.state
        time.sleep(0.02)
    while True:
        info = world.guest.qmp.execute("query-migrate")
        if info.get("ram", {}).get("transferred", 0) > 1 << 20:
            return
        assert time.monotonic() < deadline, info
        time.sleep(0.02)


def test_boot(world):
    """the guest boots with the card, the stream runs"""
    world.boot()


def test_migrate(world):
    """live migration, through iommufd with device DMA logging if there is one"""
    succeed(world)


def test_migrate_again(world):
    """a second migration, of the migrated device"""
    succeed(world)


def test_channels(world):
    """a migration over four channels, which the device's state takes, too"""
    need_iommufd()
    succeed(world, channels=4, extra=("-trace", f"enable={CHANNELS}"))
    assert CHANNELS in world.guest.stderr(), world.guest.stderr()


def test_other_configuration(world):
    """a destination with another configuration refuses, the guest runs on"""
    device = world.new_device(mtu=1500)
    target = incoming(world, device)
    info = vmm.migrate(world.guest, target)
    assert info["status"] == "failed", info
    match = re.match(r"mtu: the source has 0, this device has 1500;.*"
                     r"byte (\d+) of", device.last_error)
    assert match and int(match.group(1)) < 1024, device.last_error
    assert world.guest.status() == "running"
    world.stream.wait_progress()
    target.process.wait(20)
    # What was refused can be written now, and then it fits.
    device.set("mtu", 0)


def test_cancel(world):
    """a cancelled migration leaves the guest running at the source"""
    target = incoming(world, world.new_device())
    slow_migration(world, target)
    vmm.cancel_migration(world.guest)
    world.stream.wait_progress()
    assert world.device.state == "running", world.device.state
    target.kill()


def test_destination_killed(world):
    """the destination is killed in the middle: the source runs on"""
    device = world.new_device()
    target = incoming(world, device)
    slow_migration(world, target)
    target.kill()
    assert vmm.wait_migration(world.guest)["status"] == "failed"
    world.stream.wait_progress()
    assert world.device.state == "running", world.device.state
    # The device that was half written can be opened and migrated to.
    again = incoming(world, device)
    info = vmm.migrate(world.guest, again)
    assert info["status"] == "completed", (info, again.stderr())
    world.stream.wait_progress()
    world.guest.quit()
    world.guest, world.device = again, device


def test_source_killed(world):
    """the source is killed in the middle: its device can be opened again"""
    target = incoming(world, world.new_device())
    slow_migration(world, target)
    world.stream.kill()
    world.stream = None
    world.guest.kill()
    target.process.wait(20)
    assert world.device.state == "running", world.device.state
    vm = world.new_vm("again", world.device, extra=("-S",), iommufd=IOMMUFD)
    assert vm.status() in ("prelaunch", "paused"), vm.status()
    vm.quit()
    world.guest = None


def need_iommufd():
    """For what would otherwise be tested a second time."""
    if not IOMMUFD:
        raise Skip("this kernel has no iommufd, all went through a container")


def test_boot_container(world):
    """the guest boots with the card in a container (type1)"""
    need_iommufd()
    world.boot(False)


def test_migrate_container(world):
    """live migration through the container, type1 tracking dirty pages"""
    need_iommufd()
    succeed(world, iommufd=False)


def test_container_to_iommufd(world):
    """from a container to iommufd"""
    need_iommufd()
    succeed(world, iommufd=True)
    world.halt()


def test_boot_newest(world):
    """the guest boots with a card of the newest version"""
    world.type_name = "virtio_net-v3"
    world.boot(True)
    # What is offered to the guest's driver is the host interface's to use.
    features = subprocess.run(["ethtool", "-k", world.device.netdev],
                              capture_output=True, text=True, check=True)
    assert "tcp-segmentation-offload: on" in features.stdout, features.stdout
    counters = subprocess.run(["ethtool", "-S", world.device.netdev],
                              capture_output=True, text=True, check=True)
    assert "ctrl0_refused: 0" in counters.stdout, counters.stdout


def test_migrate_newest(world):
    """live migration of a card of the newest version, there and on"""
    for _ in range(2):
        succeed(world)
    world.halt()


def test_unload(world):
    """the devices go, the modules can be unloaded"""
    world.close()
    world.devices, world.vms = [], []
    subprocess.run(["modprobe", "-r", "mdev_virtio_net", "mdev_migrate"],
                   check=True)
    assert not os.path.exists(mdev.PARENT)


TESTS = (test_boot, test_migrate, test_migrate_again, test_channels,
         test_other_configuration, test_cancel, test_destination_killed, test_source_killed,
         test_boot_container, test_migrate_container,
         test_container_to_iommufd, test_boot_newest, test_migrate_newest,
         test_unload)


def main():
    """Run all."""
    subprocess.run(["modprobe", "mdev_virtio_net"], check=True)
    return run(documented(TESTS), World())


if __name__ == "__main__":
    sys.exit(main())
