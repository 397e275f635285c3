#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""QEMU migrates a card whose driver is this test: no guest CPU runs.

For machines where a Linux guest in QEMU would take too long. Frames go both ways
between the driver and a bridge of the host's. Prints TAP; the modules are loaded.
Everything goes through a group and a container, type1 tracking dirty pages.
"""

import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import mdev
import network
import qtest
import virtio
import vmm
from tap import documented, run
from virtio import PROTOCOL

HOST_MAC = "02:00:00:00:00:01"
SLOT = 4
OLD_QEMU = "/opt/release-qemu/usr/bin/qemu-system-x86_64"
# Guest memory that is not zero: what makes a migration take time.
BALLAST, BALLAST_SIZE = 0x1000000, 0x2000000


class Vm(vmm.Machine):
    """A QEMU with the card and without a CPU that runs."""

    def __init__(self, name, device, workdir, incoming=False):
        path = f"{workdir}/{name}.qtest"
        card = vmm.mdev_args(device.uuid, False)
        card[-1] += f",addr={SLOT:#x}"
        # Where there is no such accelerator (Debian's 10.0), a CPU that halts.
        with open(f"{workdir}/halt", "wb") as bios:
            bios.write(b"\xf4" * 65536)
        super().__init__(name, [
            "qemu-system-x86_64", "-machine", "pc", "-accel", "qtest", "-accel", "tcg",
            "-bios", f"{workdir}/halt", "-m", "64", "-qtest", f"unix:{path},server=on,wait=off",
            "-qtest-log", "none"] + card +
            (["-incoming", "defer"] if incoming else []), workdir)
        self.qtest = qtest.Qtest(path, time.monotonic() + 30)


class World:
    """What the tests share: the bridge, the host's socket, the running machine."""

    def __init__(self, workdir):
        self.workdir = workdir
        self.bridge = network.Bridge()
        # Or it would take that of a port.
        network.ip("link", "set", self.bridge.name, "address", HOST_MAC)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                    socket.htons(PROTOCOL))
        self.socket.bind((self.bridge.name, PROTOCOL))
        self.socket.settimeout(10)
        self.host_mac = bytes.fromhex(HOST_MAC.replace(":", ""))
        self.device = self.vm = self.card = None
        self.vms, self.devices, self.frames = [], [], 0

    def new_device(self, **params):
        """A device whose interface is in the bridge."""
        device = mdev.Mdev("virtio_net-v1", **params)
        self.devices.append(device)
        self.bridge.add(device.netdev)
        return device

    def new_vm(self, device, incoming=True):
        """A QEMU that is ended with the world."""
        vm = Vm(f"vm-{len(self.vms)}", device, self.workdir, incoming)
        self.vms.append(vm)
        return vm

    def frame(self, to, source):
        """The next frame, each with another content."""
        self.frames += 1
        return (to + source + struct.pack(">HQ", PROTOCOL, self.frames)).ljust(
            60 + self.frames % 1400, bytes([self.frames & 0xff]))

    def guest_sends(self):
        """A frame of the guest's arrives at the host as it was sent."""
        frame = self.frame(self.host_mac, self.card.mac)
        self.card.send(frame)
        assert self.socket.recv(2048) == frame

    def host_sends(self):
        """A frame for the guest; it is for the caller to receive."""
        # What the host sends by itself has not been taken from the ring meanwhile.
        self.card.skim()
        frame = self.frame(self.card.mac, self.host_mac)
        self.socket.send(frame)
        return frame

    def exchange(self, count=8):
        """Frames go both ways, none is lost, doubled or damaged."""
        for _ in range(count):
            self.guest_sends()
            frame = self.host_sends()
            assert self.card.recv() == frame
        assert self.card.interrupts.taken(1)

    def connected(self):
        """Wait until the bridge forwards what the running card sends."""
        path = f"/sys/class/net/{self.device.netdev}/brport/state"
        deadline = time.monotonic() + 10
        while mdev.read(path) != "3":
            assert time.monotonic() < deadline, mdev.read(path)
            time.sleep(0.02)

    def begin(self, target):
        """Begin a migration that does not end at this bandwidth."""
        uri = f"unix:{self.workdir}/migrate-{target.name}"
        vmm.prepare(self.vm, target, uri)
        self.vm.qmp.execute("migrate-set-parameters",
                            **{"max-bandwidth": 1 << 19})
        self.vm.qmp.execute("migrate", uri=uri)

    def under_way(self):
        """Wait until guest memory is on its way."""
        deadline = time.monotonic() + 60
        while True:
            info = self.vm.qmp.execute("query-migrate")
            if info.get("ram", {}).get("transferred", 0) > 1 << 18:
                return
            assert time.monotonic() < deadline, info
            time.sleep(0.02)

    def still_active(self):
        """What was done has been done during the migration."""
        info = self.vm.qmp.execute("query-migrate")
        assert info["status"] == "active", info

    def finish(self):
        """Let it end, however; the source is not touched while it is stopped."""
        self.vm.qmp.execute("migrate-set-parameters",
                            **{"max-bandwidth": 1 << 30})
        return vmm.wait_migration(self.vm)

    def close(self):
        """End what is still there."""
        for vm in self.vms:
            vm.kill()
        for device in self.devices:
            device.remove()
        self.socket.close()
        self.bridge.remove()


def migrate(world):
    """To a new device, with frames before, during and behind the move."""
    device = world.new_device()
    target = world.new_vm(device)
    world.begin(target)
    world.under_way()
    world.exchange(16)
    world.still_active()
    # What has arrived and is not looked at yet moves with the memory.
    waiting = [world.host_sends() for _ in range(4)]
    world.card.hold(len(waiting))
    info = world.finish()
    assert info["status"] == "completed", (info, target.stderr(),
                                           device.last_error)
    assert info["vfio"]["transferred"] > 0, info
    vmm.wait_running(target)
    world.card.move(target.qtest)
    for frame in waiting:
        assert world.card.recv() == frame, "a frame did not move"
    world.vm.quit()
    world.vm, world.device = target, device
    # The bridge learns the new place from the first frame.
    world.connected()
    world.exchange()
    assert device.state == "running", device.state


def test_start(world):
    """the driver sets the card up, frames go both ways"""
    world.device = world.new_device()
    world.vm = world.new_vm(world.device, incoming=False)
    print(f"# QEMU {world.vm.qmp.execute('query-version')['package']}")
    world.vm.qtest.fill(BALLAST, BALLAST_SIZE, 0x5a)
    world.card = virtio.Card(world.vm.qtest, SLOT)
    world.connected()
    world.exchange()


def test_in_use(world):
    """a device in use: the tool, modprobe -r and remove say so or wait"""
    probe = subprocess.run(["mdev-migrate-stream", "probe", world.device.uuid],
                           capture_output=True, text=True, check=False)
    assert probe.returncode == 2 and "is in use" in probe.stderr, probe
    unload = subprocess.run(["modprobe", "-r", "mdev_virtio_net"],
                            capture_output=True, text=True, check=False)
    assert unload.returncode and "in use" in unload.stderr, unload
    try:
        world.device.set("mtu", 1400)
    except OSError:
        assert "until it is closed" in world.device.last_error
    else:
        raise AssertionError("a parameter of an open device was written")
    world.exchange()


def test_other_configuration(world):
    """a destination with another configuration refuses, the source goes on"""
    device = world.new_device(mtu=1400)
    target = world.new_vm(device)
    world.begin(target)
    info = world.finish()
    assert info["status"] == "failed", info
    sentence = ("mtu: the source has 0, this device has 1400; write 0 to its "
                "migration/params/mtu while it is closed")
    assert device.last_error.startswith(sentence), device.last_error
    print(f"# {device.last_error}")
    assert world.vm.status() == "running", world.vm.status()
    world.exchange()
    target.process.wait(20)


def test_cancel(world):
    """a cancelled migration leaves the source running"""
    target = world.new_vm(world.new_device())
    world.begin(target)
    world.under_way()
    world.exchange()
    world.still_active()
    vmm.cancel_migration(world.vm)
    assert world.device.state == "running", world.device.state
    world.exchange()
    target.kill()


def test_migrate(world):
    """live migration with frames going both ways"""
    migrate(world)


def test_migrate_back(world):
    """a second migration, of the migrated card"""
    migrate(world)


def test_remove(world):
    """the removal of an open device waits until QEMU has ended"""
    world.devices.remove(world.device)
    removal = threading.Thread(target=world.device.remove)
    removal.start()
    removal.join(1)
    assert removal.is_alive(), "the device went while it was open"
    world.vm.quit()
    removal.join(20)
    assert not os.path.exists(world.device.path)


def test_old_qemu(_world):
    """the release's own QEMU is too old: it does not know enable-migration"""
    for program, knows in ((OLD_QEMU, False), ("qemu-system-x86_64", True)):
        answer = subprocess.run([program, "-device", "vfio-pci,help"],
                                capture_output=True, text=True, check=True)
        assert ("  enable-migration=" in answer.stdout) == knows, answer.stdout


TESTS = (test_start, test_in_use, test_other_configuration, test_cancel,
         test_migrate, test_migrate_back, test_remove)
# A release whose QEMU is too old has a newer one from backports beside it.
if os.path.exists(OLD_QEMU):
    TESTS += (test_old_qemu,)


def main():
    """Run all tests."""
    with tempfile.TemporaryDirectory() as workdir:
        world = World(workdir)
        status = run(documented(TESTS), world)
        print(f"# {world.card.foreign if world.card else 0} frames were not the tests'")
        world.close()
    return status


if __name__ == "__main__":
    sys.exit(main())
