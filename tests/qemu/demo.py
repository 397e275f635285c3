#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Live-migrate a running Linux guest with its mediated network card.

Runs inside the lab, see tests/lab/README.rst; `make demo` starts it.
"""

import os
import re
import subprocess
import sys
import time

import mdev
import network
import vmm

BOLD, GREEN, RESET = ("\033[1m", "\033[32m", "\033[0m") \
    if os.environ.get("DEMO_COLOUR") else ("", "", "")


def title(text):
    """A step begins."""
    print(f"\n{BOLD}== {text}{RESET}", flush=True)


def say(text):
    """A line of a step."""
    print(f"   {text}", flush=True)


def good(text):
    """What the step was to show has been seen."""
    print(f"   {GREEN}✓ {text}{RESET}", flush=True)


def mib(count):
    """Bytes as MiB."""
    return f"{count / (1 << 20):.1f} MiB"


def show_types():
    """What the module offers."""
    title("What this host offers: mdev types, their model, version and "
          "parameters")
    base = f"{mdev.PARENT}/mdev_supported_types"
    for name in mdev.types():
        say(f"{name}: {mdev.read(f'{base}/{name}/description')}")
        say(f"  config  {mdev.read(f'{base}/{name}/migration/config')}")
        params = f"{base}/{name}/migration/params"
        for param in sorted(os.listdir(params)):
            default = mdev.read(f"{params}/{param}/default")
            allowed = mdev.read(f"{params}/{param}/allowed")
            say(f"  {param:15} {default:5} allowed: {allowed}")


def show_device(label, device):
    """A device that was created."""
    say(f"{label}: {device.uuid}  host interface {device.netdev}")
    say(f"   migration/config: {device.get('migration/config')}")


def make_device(bridge, label, **params):
    """Create a device and put its interface into the bridge."""
    device = mdev.Mdev("virtio_net-v1", **params)
    bridge.add(device.netdev)
    show_device(label, device)
    return device


def boot(device):
    """The guest, with the card, serving the stream."""
    title("A stock Debian guest boots with device A as its network card")
    start = time.monotonic()
    vm = vmm.Qemu("source", device.uuid, ip=f"{network.GUEST_IP}/24",
                  cmd=f"tcpstream serve {network.PORT}",
                  initrd="/out/initrd")
    line = vm.wait_console(r"guest: ready \S+ [0-9a-f:]{17}", 120).group(0)
    vm.wait_console("tcpstream: serving", 20)
    good(f"up after {time.monotonic() - start:.0f} s: {line}")
    return vm


def show_stream(stream, text):
    """The stream goes on: bytes both ways from now on."""
    line = stream.wait_progress()
    good(f"{text}: {mib(line['received'])} from the guest and "
         f"{mib(line['confirmed'])} to it, every byte checked")


def show_migration(source, target, info, device):
    """QEMU's own figures."""
    if info["status"] != "completed":
        raise vmm.QmpError(f"migration {info['status']}: "
                           f"{info.get('error-desc')}; {source.name}: "
                           f"{source.stderr()}; {target.name}: "
                           f"{target.stderr()}; device: {device.last_error}")
    say(f"QEMU: {info['total-time']} ms in all, downtime "
        f"{info['downtime']} ms, guest memory "
        f"{mib(info['ram']['transferred'])}, device state "
        f"{info['vfio']['transferred']} bytes")


def live_migration(stream, source, device, target_name):
    """Migrate to @device while the stream runs."""
    target = vmm.Qemu(target_name, device.uuid, incoming=True,
                      initrd="/out/initrd")
    info = vmm.migrate(source, target)
    show_migration(source, target, info, device)
    show_stream(stream, "the same connection goes on")
    source.quit()
    return target


def refused_migration(stream, source, device):
    """A destination with another configuration."""
    target = vmm.Qemu("other", device.uuid, incoming=True,
                      initrd="/out/initrd")
    info = vmm.migrate(source, target)
    if info["status"] != "failed":
        raise vmm.QmpError(f"migration {info['status']}, it was to fail")
    target.process.wait(20)
    say(f"QEMU: migration {info['status']}")
    say(f"C's migration/last_error: {device.last_error}")
    match = re.match(r"mtu: .*byte (\d+) of the stream", device.last_error)
    if not match:
        raise vmm.QmpError("the sentence does not name the parameter")
    if int(match.group(1)) > 1024:
        raise vmm.QmpError("refused too late")
    good("refused in the first kilobyte of the device state")
    if source.status() != "running":
        raise vmm.QmpError(f"the source is {source.status()}")
    show_stream(stream, "the guest runs on at the source")


def main():
    """The demonstration."""
    subprocess.run(["modprobe", "mdev_virtio_net"], check=True)
    show_types()
    title("Two devices, created through sysfs")
    bridge = network.Bridge()
    a = make_device(bridge, "A")
    b = make_device(bridge, "B")
    source = boot(a)

    title("A TCP stream through the card, in both directions")
    stream = network.Stream("/out/tcpstream")
    show_stream(stream, "it runs")

    title("Live migration from A to B, the guest and the stream running")
    target = live_migration(stream, source, b, "target")

    title("And the way back, from B to A")
    source = live_migration(stream, target, a, "back")

    title("A destination with another configuration: C has mtu=1500")
    c = make_device(bridge, "C", mtu=1500)
    refused_migration(stream, source, c)

    title("The end of the stream")
    line = stream.finish()
    good(f"one connection, {mib(line['received'])} received and "
         f"{mib(line['confirmed'])} confirmed by the guest; no byte lost, "
         f"doubled or wrong; longest pause {line['gap_ms']:.0f} ms")
    source.quit()
    for device in (a, b, c):
        device.remove()
    bridge.remove()
    subprocess.run(["modprobe", "-r", "mdev_virtio_net", "mdev_migrate"],
                   check=True)
    good("devices removed, modules unloaded")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (vmm.QmpError, RuntimeError, OSError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        sys.exit(1)
