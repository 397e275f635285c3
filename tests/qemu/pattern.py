#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""pattern.py [MIB [RATE]]: QEMU migrates a device with MIB (1024) of memory.

It writes RATE (50) MiB a second to its memory meanwhile, and each page tells which write it
is from. The device's state goes over the main channel, and then over four channels of its
own (multifd), and once more when all of it is to be sent anew. Says how long the device was
stopped. There is no guest: the firmware finds the device, and nothing drives it.

Runs inside the lab; prints TAP.
"""

import re
import subprocess
import sys
import time

import mdev
import vmm
from tap import run
from world import CHANNELS

PARENT = "/sys/class/mdev_bus/pattern"
PAGE, PER_PAGE, WINDOW_AT = 4096, 512, 0x10000
# MiB/s, as fast as it can
FILL = 65536
# Bytes/s of a channel
SLOW, FAST = 32 << 20, 1 << 30
# QEMU's trace of a device that has new initial bytes: the destination is to acknowledge anew.
ANEW = "vfio_query_precopy_size_request_switchover_ack"


class Pattern(mdev.Mdev):
    """A device with memory."""

    def __init__(self, mib):
        super().__init__("pattern-v1", parent=PARENT, memory_mib=mib)
        self.mib = mib

    def rate(self, mib):
        """What it writes in a second."""
        mdev.write(f"{self.path}/rate", str(mib))

    def fill(self):
        """All of its memory is written to."""
        self.rate(FILL)
        deadline = time.monotonic() + 120
        while int(self.get("migration/stop_copy_bytes")) < self.mib << 20:
            assert time.monotonic() < deadline, "it does not write"
            time.sleep(0.05)
        self.rate(0)


class Vm(vmm.Machine):
    """A QEMU with the device and nothing else."""

    def __init__(self, name, device, incoming=False):
        event = CHANNELS if incoming else ANEW
        args = ["qemu-system-x86_64", "-accel", "tcg", "-machine", "pc,hpet=off",
                "-m", "64M"] + vmm.mdev_args(device.uuid, True)
        args += ["-trace", f"enable={event}"]
        if incoming:
            args += ["-incoming", "defer"]
        super().__init__(name, args)

    def monitor(self, line):
        """A command of the monitor for humans."""
        return self.qmp.execute("human-monitor-command", **{"command-line": line})

    def bar(self):
        """Where the firmware has put the device's BAR 0."""
        deadline = time.monotonic() + 60
        while True:
            match = re.search(r"1af4:10f0.*?BAR0: 32 bit memory at 0x([0-9a-f]+)",
                              self.monitor("info pci"), re.S)
            if match and int(match.group(1), 16) not in (0, 0xffffffff):
                return int(match.group(1), 16)
            assert time.monotonic() < deadline, self.monitor("info pci")
            time.sleep(0.1)

    def words(self, address, count):
        """Numbers of 64 bits."""
        text = self.monitor(f"xp /{count}gx {address:#x}")
        return [int(word, 16) for word in re.findall(r"(?<=[: ])0x([0-9a-f]{16})", text)]


def verify(vm, mib):
    """Each page that is seen is from the write that COUNT says."""
    bar = vm.bar()
    size, count = vm.words(bar, 2)
    assert size == mib << 20, (size, mib)
    pages = size // PAGE
    assert count > pages, count
    for page in range(16):
        write = count - (count - 1 - page) % pages
        first = vm.words(bar + WINDOW_AT + page * PAGE, PER_PAGE)
        assert first == [write * PER_PAGE + i for i in range(PER_PAGE)], (page, count, first[:4])


def send(vms, _device, channels):
    """A migration as any other."""
    return vmm.migrate(*vms, channels=channels)


def send_anew(vms, device, channels):
    """The device is set up anew when all of it was sent, and the migration goes on."""
    uri = f"unix:/tmp/migrate-{vms[1].name}"
    source = vms[0].qmp
    vmm.prepare(*vms, uri, downtime_ms=1, channels=channels)
    # Until then it does not come to an end: the device writes more than the channel takes.
    source.execute("migrate-set-parameters", **{"max-bandwidth": SLOW})
    rate = mdev.read(f"{device.path}/rate")
    device.rate(FILL)
    source.execute("migrate", uri=uri)
    deadline = time.monotonic() + 60
    while source.execute("query-migrate").get("vfio", {}).get("transferred", 0) < device.mib << 20:
        assert time.monotonic() < deadline, source.execute("query-migrate")
        time.sleep(0.02)
    assert ANEW not in vms[0].stderr(), vms[0].stderr()
    mdev.write(f"{device.path}/reinit", "1")
    device.rate(rate)
    source.execute("migrate-set-parameters", **{"max-bandwidth": FAST, "downtime-limit": 500})
    info = vmm.wait_migration(vms[0])
    if info["status"] == "completed":
        vmm.wait_running(vms[1])
        assert ANEW in vms[0].stderr(), vms[0].stderr()
    return info


def migrate(mib, rate, channels, how=send):
    """One migration. Returns QEMU's answer."""
    devices = [Pattern(mib), Pattern(mib)]
    vms = []
    try:
        vms.append(Vm(f"source-{channels}", devices[0]))
        vms[0].bar()
        devices[0].fill()
        devices[0].rate(rate)
        vms.append(Vm(f"target-{channels}", devices[1], incoming=True))
        info = how(vms, devices[0], channels)
        assert info["status"] == "completed", (info, vms[1].stderr(), devices[1].last_error)
        assert (CHANNELS in vms[1].stderr()) == (channels > 0), vms[1].stderr()[:1000]
        assert info["vfio"]["transferred"] > mib << 20, info
        verify(vms[1], mib)
        return info
    finally:
        for vm in vms:
            vm.kill()
        for device in devices:
            device.remove()


def main():
    """Over one channel, and over four."""
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    rate = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    subprocess.run(["modprobe", "mdev_pattern"], check=True)

    def over(channels):
        def test(_world):
            info = migrate(mib, rate, channels)
            print(f"bench: qemu_pattern_{mib}_{channels or 1} downtime={info['downtime']}ms"
                  f" total={info['total-time']}ms"
                  f" state={info['vfio']['transferred'] >> 20}MiB", flush=True)
        name = f"{channels} channels of its own" if channels else "the main channel"
        return f"{mib} MiB that change by {rate} MiB a second, over {name}", test

    def anew(_world):
        migrate(mib, rate, 0, send_anew)

    return run([over(0), over(4), ("the device is set up anew meanwhile", anew)], None)


if __name__ == "__main__":
    sys.exit(main())
