# SPDX-License-Identifier: GPL-2.0
"""What the tests with guests share: the world they live in."""

import os

import mdev
import network
import vmm

# A kernel without iommufd (before 6.2) has no PRE_COPY either: everything goes
# through the container there.
IOMMUFD = os.path.exists("/dev/iommu")


class World:
    """What the tests share: the bridge, devices, the guest and its stream."""

    def __init__(self):
        self.bridge = network.Bridge()
        self.devices = []
        self.vms = []
        self.guest = None
        self.device = None
        self.stream = None
        self.type_name = "virtio_net-v1"
        self.initrd = "/out/initrd"
        self.cmd = f"tcpstream serve {network.PORT}"
        self.extra = ()

    def new_device(self, **params):
        """A device whose interface is in the bridge."""
        device = mdev.Mdev(self.type_name, **params)
        self.devices.append(device)
        self.bridge.add(device.netdev)
        return device

    def new_vm(self, name, device, **options):
        """A QEMU that is ended with the world."""
        options.setdefault("extra", self.extra)
        vm = vmm.Qemu(name, device.uuid, initrd=self.initrd, **options)
        self.vms.append(vm)
        return vm

    def boot(self, iommufd=IOMMUFD):
        """Boot the guest on a new device and begin the stream."""
        self.device = self.new_device()
        self.guest = self.new_vm(f"guest-{len(self.vms)}", self.device,
                                 ip=f"{network.GUEST_IP}/24",
                                 cmd=self.cmd, iommufd=iommufd)
        self.guest.wait_console("tcpstream: serving", 240)
        self.bridge.forget()
        self.stream = network.Stream("/out/tcpstream")
        self.stream.wait_progress()

    def halt(self):
        """End the guest; its device stays."""
        line = self.stream.finish()
        self.stream = None
        assert line["received"] > 0
        self.guest.quit()
        self.guest = None

    def close(self):
        """End what is still there, however the tests went."""
        if self.stream:
            self.stream.kill()
        for vm in self.vms:
            vm.kill()
        for device in self.devices:
            device.remove()
        self.bridge.remove()


# QEMU's trace of device state that came through a channel beside the main one.
CHANNELS = "vfio_load_state_device_buffer_incoming"


def incoming(world, device, iommufd=IOMMUFD, extra=()):
    """A QEMU that waits for a migration into @device."""
    return world.new_vm(f"incoming-{len(world.vms)}", device, incoming=True,
                        iommufd=iommufd, extra=world.extra + extra)


def succeed(world, iommufd=IOMMUFD, channels=0, extra=(), most=16384):
    """Migrate to a new device, with state of less than @most bytes; the stream goes on there."""
    device = world.new_device()
    target = incoming(world, device, iommufd, extra)
    info = vmm.migrate(world.guest, target, channels=channels)
    assert info["status"] == "completed", (info, target.stderr(),
                                           device.last_error)
    assert 0 < info["vfio"]["transferred"] < most, info
    assert device.state == "running", device.state
    world.stream.wait_progress()
    world.guest.quit()
    world.guest, world.device = target, device
    return info
