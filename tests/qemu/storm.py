#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""storm.py [MIGRATIONS [SEED]]: one guest after the other is migrated again and again.

Most migrations are let succeed. Others are cancelled, or their destination is killed or
stands still for a while; channels are slow or fast, one or several, which take the
device's state, too, or a file. A stream through the card goes on all the time, and every
byte of it is compared.

Runs inside the lab; prints TAP.
"""

import os
import random
import signal
import subprocess
import sys
import time

import vmm
from tap import run
from world import CHANNELS, IOMMUFD, World, incoming

SHARE = {"let succeed": 6, "cancelled": 2, "killed": 1, "frozen": 1,
         "through a file": 2}
TYPES = ("virtio_net-v1", "virtio_net-v3")
FAST, SLOW = 1 << 30, 4 << 20


class Storm:
    """The guest's world, and what is done to it."""

    def __init__(self, world, rng):
        self.world = world
        self.rng = rng
        self.done = dict.fromkeys(SHARE, 0)
        self.multifd = False
        self.in_channels = 0

    def prepare(self, target, **caps):
        """Capabilities of both sides, and what of the channel."""
        caps.setdefault("switchover-ack", self.rng.random() < 0.5)
        caps.setdefault("return-path", True)
        caps.setdefault("multifd", self.rng.random() < 0.3)
        caps.setdefault("mapped-ram", False)
        self.multifd = caps["multifd"]
        for vm in (self.world.guest, target):
            vm.qmp.execute("migrate-set-capabilities", capabilities=[
                {"capability": name, "state": state}
                for name, state in sorted(caps.items())])
            vm.qmp.execute("migrate-set-parameters", **{
                "multifd-channels": self.rng.randint(1, 4)
                if vm is self.world.guest else 4})
        self.world.guest.qmp.execute("migrate-set-parameters", **{
            "multifd-channels": 4, "downtime-limit": 500,
            "max-bandwidth": self.rng.choice((FAST, FAST, SLOW))})

    def moved(self, target, device):
        """The guest is there now."""
        vmm.wait_running(target, 60)
        if self.multifd:
            assert CHANNELS in target.stderr(), target.stderr()
            self.in_channels += 1
        self.world.guest.quit()
        gone = self.world.device
        self.world.guest, self.world.device = target, device
        self.world.vms = [target]
        gone.remove()
        self.world.devices.remove(gone)

    def stayed(self, target, device):
        """The guest is here still, and runs."""
        target.kill()
        assert self.world.guest.status() == "running"
        assert self.world.device.state == "running", self.world.device.state
        device.remove()
        self.world.devices.remove(device)

    def file(self, target, device):
        """Out to a file with a place for each page, and in again."""
        path = f"/tmp/state-{target.name}"
        self.prepare(target, **{"mapped-ram": True, "switchover-ack": False,
                                "return-path": False, "multifd": False})
        self.world.guest.qmp.execute("migrate", uri=f"file:{path}")
        info = vmm.wait_migration(self.world.guest)
        assert info["status"] == "completed", info
        target.qmp.execute("migrate-incoming", uri=f"file:{path}")
        self.moved(target, device)
        os.unlink(path)

    def migrate(self, what):
        """One migration, to its end."""
        world = self.world
        device = world.new_device()
        target = incoming(world, device, extra=("-trace", f"enable={CHANNELS}"))
        self.done[what] += 1
        if what == "through a file":
            self.file(target, device)
            return
        uri = f"unix:/tmp/storm-{target.name}"
        self.prepare(target)
        if what == "killed":
            # Not when the guest is there already.
            world.guest.qmp.execute("migrate-set-parameters",
                                    **{"max-bandwidth": 1 << 20})
        target.qmp.execute("migrate-incoming", uri=uri)
        world.guest.qmp.execute("migrate", uri=uri)
        time.sleep(self.rng.random() * 2)
        if what == "cancelled":
            world.guest.qmp.execute("migrate_cancel")
        elif what == "killed":
            target.process.send_signal(signal.SIGKILL)
        elif what == "frozen":
            target.process.send_signal(signal.SIGSTOP)
            time.sleep(self.rng.random() * 3)
            target.process.send_signal(signal.SIGCONT)
        info = vmm.wait_migration(world.guest, 180)
        # It may have been over before; else nobody but us ended it.
        if info["status"] == "completed" and what != "killed":
            self.moved(target, device)
        else:
            assert what in ("cancelled", "killed"), (info, target.stderr())
            self.stayed(target, device)


def storm(world, migrations, seed):
    """A guest's life; returns what was done to it."""
    rng = random.Random(seed)
    it = Storm(world, rng)
    world.boot()
    for number in range(migrations):
        what = rng.choices(list(SHARE), list(SHARE.values()))[0]
        print(f"# {number}: {what}", flush=True)
        it.migrate(what)
        world.stream.wait_progress(60)
    stream, world.stream = world.stream, None
    line = stream.finish()
    print(f"# {line['received'] + line['confirmed']:.0f} bytes verified, lost 0: "
          + ", ".join(f"{n} {what}" for what, n in it.done.items())
          + f"; {it.in_channels} with the device's state in several channels", flush=True)
    world.guest.quit()
    world.guest = None


def main():
    """All types."""
    migrations = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    seed = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] else \
        random.randrange(1 << 32)
    print(f"# seed {seed}", flush=True)
    subprocess.run(["modprobe", "mdev_virtio_net"], check=True)

    def of_type(name):
        def test(world):
            world.type_name = name
            try:
                storm(world, migrations // len(TYPES), seed)
            finally:
                for vm in world.vms:
                    vm.kill()
        way = "iommufd" if IOMMUFD else "a container"
        return (f"{migrations // len(TYPES)} migrations of {name} through {way}, "
                f"seed {seed}", test)

    world = World()
    status = run([of_type(name) for name in TYPES], world)
    world.close()
    return status


if __name__ == "__main__":
    sys.exit(main())
