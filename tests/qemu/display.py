#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""display.py [TEST...]: QEMU shows the display and migrates it.

First there is no guest: QEMU's own bochs-display is beside ours, the same is written to
both, and what is read and what is seen is the same. Then the firmware has a screen. Then a
Linux guest, with its own driver and a network card of ours beside the display, draws while
it is migrated: the picture is the same before and after, and it goes on drawing.

Runs inside the lab; prints TAP.
"""

import os
import random
import re
import subprocess
import sys
import time

import mdev
import network
import picture
import qtest
import vmm
from tap import Skip, documented, run
from world import IOMMUFD

PARENT = "/sys/class/mdev_bus/bochs_display"
OURS, THEIRS = 4, 5
# In BAR 2.
VGA, VBE, QEXT, BYTEORDER = 0x400, 0x500, 0x600, 0x604
LITTLE, BIG = 0x1e1e1e1e, 0xbebebebe
ID, XRES, YRES, BPP, ENABLE, BANK, VIRT_WIDTH, VIRT_HEIGHT, X_OFFSET, Y_OFFSET, MEM = range(11)
VRAM_SIZE = 4 << 20
ROM = "vgabios-bochs-display.bin"
# What the guest draws.
WIDTH, HEIGHT, STEPS, EVERY = 640, 480, 200, 50


def display_args(device, iommufd=IOMMUFD, **options):
    """What gives a display to QEMU, after the network card's iommufd if there is one."""
    text = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{device.uuid},display=on"
    text += "".join(f",{name.replace('_', '-')}={value}" for name, value in options.items())
    if iommufd:
        return ["-device", f"{text},iommufd=iommufd0"]
    return ["-device", f"{text},enable-migration=on,x-device-dirty-page-tracking=off"]


def screenshot(vm, name="display0", path=None):
    """What is seen, as a Picture; a file at @path stays."""
    file = path or f"/tmp/{vm.name}-{name}.ppm"
    vm.qmp.execute("screendump", filename=file, device=name,
                   **({"format": "png"} if file.endswith(".png") else {}))
    return None if path else picture.read_ppm(file)


class Twins(vmm.Machine):
    """QEMU's display and ours, and no CPU that runs."""

    def __init__(self, device):
        with open("/tmp/halt", "wb") as bios:
            bios.write(b"\xf4" * 65536)
        super().__init__("twins", [
            "qemu-system-x86_64", "-machine", "pc", "-accel", "qtest", "-accel", "tcg",
            "-bios", "/tmp/halt", "-m", "64", "-qtest", "unix:/tmp/twins.qtest,server=on,wait=off",
            "-qtest-log", "none"] +
            (["-object", "iommufd,id=iommufd0"] if IOMMUFD else []) +
            display_args(device, id="display0", addr=f"{OURS:#x}") +
            ["-device", f"bochs-display,id=display1,addr={THEIRS:#x},edid=off,vgamem=4M"])
        self.qtest = qtest.Qtest("/tmp/twins.qtest", time.monotonic() + 30)
        self.functions = []
        for slot, base in ((OURS, 0xe0000000), (THEIRS, 0xf0000000)):
            function = qtest.PciFunction(self.qtest, slot)
            function.enable(base)
            self.functions.append(function)

    def both(self, what):
        """The same is done to both: ours, theirs."""
        return [what(function.bars) for function in self.functions]

    def store(self, offset, size, value):
        """A register of both is written."""
        self.both(lambda bars: self.qtest.store(bars[2] + offset, size, value))

    def write(self, offset, data):
        """Memory of both is written."""
        self.both(lambda bars: self.qtest.write(bars[0] + offset, data))

    def compare(self, offset, size):
        """A register of both reads the same."""
        ours, theirs = self.both(lambda bars: self.qtest.load(bars[2] + offset, size))
        assert ours == theirs, f"at {offset:#x}, {size} bytes: {ours:#x}, QEMU has {theirs:#x}"

    def seen(self):
        """Both show the same."""
        ours, theirs = (screenshot(self, f"display{i}") for i in range(2))
        assert (ours.width, ours.height) == (theirs.width, theirs.height), (ours, theirs)
        assert ours.pixels == theirs.pixels, ours.difference(theirs)
        return ours


def mode(vm, width, height, bpp=32, virt_width=0, x=0, y=0, order=LITTLE):
    """As a driver sets one."""
    vm.store(VBE + 2 * ENABLE, 2, 0)
    for index, value in ((BPP, bpp), (XRES, width), (YRES, height), (VIRT_WIDTH, virt_width),
                         (X_OFFSET, x), (Y_OFFSET, y)):
        vm.store(VBE + 2 * index, 2, value)
    vm.store(BYTEORDER, 4, order)
    vm.store(VBE + 2 * ENABLE, 2, 0x41)


class World:
    """What the tests share."""

    def __init__(self, out="/out/pictures"):
        self.devices, self.vms = [], []
        self.bridge = self.twins = self.guest = self.stream = None
        self.display = self.card = None
        self.out = out
        os.makedirs(self.out, exist_ok=True)

    def new_display(self, type_name="bochs_display-v1", **params):
        """A display."""
        device = mdev.Mdev(type_name, parent=PARENT)
        self.devices.append(device)
        for name, value in params.items():
            device.set(name.replace("_", "-"), value)
        return device

    def new_card(self):
        """A network card in the bridge."""
        if not self.bridge:
            self.bridge = network.Bridge()
        device = mdev.Mdev("virtio_net-v2")
        self.devices.append(device)
        self.bridge.add(device.netdev)
        return device

    def new_vm(self, vm):
        """It ends with the world."""
        self.vms.append(vm)
        return vm

    def close(self):
        """End what is still there."""
        if self.stream:
            self.stream.kill()
        for vm in self.vms:
            vm.kill()
        for device in self.devices:
            device.remove()
        if self.bridge:
            self.bridge.remove()


def test_registers(world):
    """the registers read as those of QEMU's display, whatever is written"""
    vm = world.twins = world.new_vm(Twins(world.new_display()))
    for offset in (0, 4, PCI_CLASS, PCI_SUBSYSTEM):
        ours, theirs = (function.config(offset, 4) for function in vm.functions)
        # Theirs has a status of its own, with a list of capabilities on another bus.
        assert offset == 4 or ours == theirs, (hex(offset), hex(ours), hex(theirs))
    source = random.Random(1)
    places = [VBE + 2 * i for i in range(12)] + [QEXT, BYTEORDER, 0, 0x80, VGA, VGA + 0x1a, 0x608]
    for _ in range(400):
        size = source.choice((1, 2, 2, 2, 4))
        offset = source.choice(places) & -size
        if source.random() < 0.2 and size == 1:
            offset += 1
        if source.random() < 0.6:
            value = source.choice((LITTLE, BIG, source.getrandbits(32)))
            vm.store(offset, size, value & (1 << 8 * size) - 1)
        vm.compare(offset, size)
    for offset in places:
        vm.compare(offset, 2)


PCI_CLASS, PCI_SUBSYSTEM = 0x08, 0x2c

# QEMU's own display ends with an assertion if a line in memory is not whole words.
MODES = (
    (320, 200, 32), (320, 200, 32, 400), (320, 200, 32, 400, 3, 5), (321, 203, 32, 777, 456, 3),
    (333, 177, 16, 1002, 666, 10), (320, 200, 16), (64, 64, 32, 0, 0, 0, BIG),
    (320, 200, 32, 333, 1, 1, BIG), (1024, 100, 32), (800, 60, 32), (63, 64, 32), (640, 480, 8),
    (320, 200, 32, 400, 0, 2700),
)


def test_pictures(world):
    """what is seen is what QEMU's display shows, in each mode, panned or not"""
    vm = world.twins
    source = random.Random(2)
    vm.write(0, source.randbytes(1 << 20))
    seen = set()
    for arguments in MODES:
        mode(vm, *arguments)
        seen.add(vm.seen().pixels)
    assert len(seen) > 8, len(seen)
    # What is drawn then is seen, too.
    mode(vm, 320, 200)
    before = vm.seen()
    vm.write(4000, source.randbytes(100))
    assert vm.seen().pixels != before.pixels
    vm.quit()


def test_firmware(world):
    """the firmware writes to the screen, with QEMU's ROM for this display"""
    device = world.new_display("bochs_display-v2")
    vm = world.new_vm(vmm.Machine("firmware", [
        "qemu-system-x86_64", "-accel", "tcg", "-machine", "pc,hpet=off", "-m", "64"] +
        (["-object", "iommufd,id=iommufd0"] if IOMMUFD else []) +
        display_args(device, id="display0", romfile=ROM)))
    deadline = time.monotonic() + 60
    while True:
        image = screenshot(vm)
        # QEMU's own words while there is no mode are in another size.
        if image.width == 1920 and image.lit() > 500:
            break
        assert time.monotonic() < deadline, (image, image.lit())
        time.sleep(0.5)
    screenshot(vm, path=f"{world.out}/firmware.png")
    print(f"# {image.width}x{image.height}, {image.lit()} pixels are not black")
    vm.quit()


def boot(world, iommufd=IOMMUFD):
    """The guest with both, which draws and serves the stream."""
    world.display = world.new_display("bochs_display-v2", max_height=HEIGHT, max_width=WIDTH)
    world.card = world.new_card()
    world.guest = world.new_vm(new_vm(world, f"guest-{len(world.vms)}", iommufd,
                                      ip=f"{network.GUEST_IP}/24",
                                      cmd=f"sh /bin/display-up; draw {STEPS} 50 {EVERY} 10 & "
                                      f"tcpstream serve {network.PORT}"))
    world.guest.wait_console("tcpstream: serving", 240)
    line = world.guest.wait_console(r"draw: \d+x\d+ driver \S+", 60).group(0)
    assert f"{WIDTH}x{HEIGHT} driver bochs" in line, line
    world.bridge.forget()
    world.stream = network.Stream("/out/tcpstream")
    world.stream.wait_progress()
    return line


def new_vm(world, name, iommufd, **options):
    """A QEMU with the network card and the display."""
    extra = display_args(world.display, iommufd, id="display0")
    return vmm.Qemu(name, world.card.uuid, iommufd=iommufd, initrd="/out/initrd-display",
                    extra=extra, **options)


def test_boot(world):
    """a Linux guest draws on the display with its own driver, and talks"""
    print(f"# {boot(world)}")
    world.guest.wait_console("draw: step", 60)
    image = screenshot(world.guest)
    assert (image.width, image.height) == (WIDTH, HEIGHT), image
    steps = image.steps()
    print(f"# it has drawn {max(steps) + 1} steps")
    assert max(steps) >= 19, steps


def rests(vm, count):
    """Wait until it draws nothing for the count-th time; after which step."""
    deadline = time.monotonic() + 120
    while True:
        steps = re.findall(r"^draw: rests after step (\d+)", vm.console(), re.M)
        if len(steps) >= count:
            return int(steps[count - 1])
        assert vm.alive() and time.monotonic() < deadline, vm.console()[-1000:]
        time.sleep(0.1)


def migrate(world, iommufd=IOMMUFD):
    """To new devices, while it draws; it comes to its end while nothing is drawn."""
    source = world.guest
    rests(source, 1)
    old = world.display
    world.display = world.new_display("bochs_display-v2", max_height=HEIGHT, max_width=WIDTH)
    world.card = world.new_card()
    target = world.new_vm(new_vm(world, f"target-{len(world.vms)}", iommufd, incoming=True))
    uri = f"unix:/tmp/migrate-{target.name}"
    vmm.prepare(source, target, uri)
    source.qmp.execute("migrate-set-parameters", **{"max-bandwidth": 1 << 21})
    source.qmp.execute("migrate", uri=uri)
    drawn = rests(source, 2)
    info = source.qmp.execute("query-migrate")
    assert info["status"] == "active", info
    source.qmp.execute("migrate-set-parameters", **{"max-bandwidth": 1 << 30})
    info = vmm.wait_migration(source)
    assert info["status"] == "completed", (info, target.stderr(), world.display.last_error,
                                           world.card.last_error)
    vmm.wait_running(target)
    before, after = screenshot(source), screenshot(target)
    for vm, name in ((source, "before"), (target, "after")):
        screenshot(vm, path=f"{world.out}/{name}.png")
    assert before.pixels == after.pixels, before.difference(after)
    assert max(after.steps()) == drawn - 1, (after.steps(), drawn)
    assert old.state in ("stop", "stop_copy"), old.state
    world.stream.wait_progress()
    source.quit()
    world.guest = target
    return info


def show(info):
    """QEMU's figures of a migration."""
    print(f"# {info['total-time']} ms in all, downtime {info['downtime']} ms, "
          f"state {info['vfio']['transferred']} bytes")


def test_migrate(world):
    """while it draws and talks it is migrated: the same picture, and the same connection"""
    show(migrate(world))
    world.guest.wait_console("draw: step", 60)


def test_end(world):
    """what it has drawn in the end is right, each pixel"""
    world.guest.wait_console("draw: done", 180)
    image = screenshot(world.guest)
    screenshot(world.guest, path=f"{world.out}/end.png")
    bands = HEIGHT // picture.BAND
    assert image.steps() == [STEPS - 1 - (STEPS - 1 - band) % bands for band in range(bands)], \
        image.steps()
    line = world.stream.finish()
    world.stream = None
    assert line["received"] > 0, line
    world.guest.quit()
    world.guest = None


def test_container(world):
    """the same through the container (type1)"""
    if not IOMMUFD:
        raise Skip("this kernel has no iommufd, all went through a container")
    boot(world, False)
    world.guest.wait_console("draw: step", 60)
    show(migrate(world, False))
    world.stream.wait_progress()
    world.stream.finish()
    world.stream = None


def test_unload(world):
    """the devices go, the modules can be unloaded"""
    world.close()
    world.devices, world.vms, world.bridge = [], [], None
    subprocess.run(["modprobe", "-r", "mdev_bochs_display", "mdev_virtio_net", "mdev_migrate"],
                   check=True)
    assert not os.path.exists(PARENT)


TESTS = (test_registers, test_pictures, test_firmware, test_boot, test_migrate, test_end,
         test_container, test_unload)


def main():
    """Run all."""
    subprocess.run(["modprobe", "-a", "mdev_virtio_net", "mdev_bochs_display"], check=True)
    tests = [test for test in TESTS if not sys.argv[1:] or test.__name__[5:] in sys.argv[1:]]
    return run(documented(tests), World())


if __name__ == "__main__":
    sys.exit(main())
