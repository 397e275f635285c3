# SPDX-License-Identifier: GPL-2.0
"""QEMU processes and the monitor protocol (QMP), for the demo and the tests."""

import json
import os
import re
import signal
import socket
import subprocess
import time


class QmpError(Exception):
    """A command was refused by QEMU, or QEMU is gone."""


def parse(text):
    """A command as one types it: its name and arguments."""
    message = json.loads(text)
    return message["execute"], message.get("arguments", {})


class Qmp:
    """A QMP connection: execute() answers, events are kept."""

    def __init__(self, path, deadline):
        self.events = []
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                self.sock.connect(path)
                break
            except OSError:
                self.sock.close()
                if time.monotonic() > deadline:
                    raise QmpError(f"{path}: QEMU does not listen") from None
                time.sleep(0.05)
        self.file = self.sock.makefile("rw")
        self._read()
        self.execute("qmp_capabilities")

    def _read(self):
        line = self.file.readline()
        if not line:
            raise QmpError("QEMU closed its monitor")
        return json.loads(line)

    def execute(self, command, **arguments):
        """Run a command and return what it returns."""
        try:
            self.file.write(json.dumps({"execute": command,
                                        "arguments": arguments}) + "\n")
            self.file.flush()
            while True:
                answer = self._read()
                if "return" in answer:
                    return answer["return"]
                if "error" in answer:
                    raise QmpError(f"{command}: {answer['error']['desc']}")
                self.events.append(answer)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise QmpError(f"{command}: QEMU is gone") from error


class Machine:
    """A QEMU process with a monitor."""

    def __init__(self, name, args, workdir="/tmp"):
        self.name = name
        self.stderr_path = f"{workdir}/{name}.stderr"
        qmp_path = f"{workdir}/{name}.qmp"
        if os.path.exists(qmp_path):
            os.unlink(qmp_path)
        args = args + ["-nodefaults", "-no-user-config", "-display", "none",
                       "-qmp", f"unix:{qmp_path},server=on,wait=off"]
        with open(self.stderr_path, "w", encoding="utf-8") as stderr:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL,
                                            stdout=stderr, stderr=stderr)
        try:
            self.qmp = Qmp(qmp_path, time.monotonic() + 30)
        except QmpError:
            self.kill()
            raise QmpError(f"{name}: {self.stderr()}") from None

    def stderr(self):
        """What QEMU complained about."""
        with open(self.stderr_path, encoding="utf-8") as stderr:
            return stderr.read().strip()

    def alive(self):
        """Does the process run?"""
        return self.process.poll() is None

    def status(self):
        """QEMU's run state."""
        return self.qmp.execute("query-status")["status"]

    def kill(self):
        """Pull the plug."""
        if self.alive():
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def quit(self):
        """End in good order; returns the exit status."""
        if self.alive():
            try:
                self.qmp.execute("quit")
            except QmpError:
                pass
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise QmpError(f"{self.name}: QEMU did not quit") from None


def mdev_args(mdev, iommufd):
    """What gives a mediated device to QEMU, through iommufd or a container."""
    device = f"vfio-pci,id=net0,sysfsdev=/sys/bus/mdev/devices/{mdev}"
    if iommufd:
        return ["-object", "iommufd,id=iommufd0",
                "-device", f"{device},iommufd=iommufd0"]
    # type1 tracks what the driver pins and writes.
    return ["-device",
            f"{device},enable-migration=on,x-device-dirty-page-tracking=off"]


class Qemu(Machine):
    """A QEMU with the test guest and one mediated device."""

    def __init__(self, name, mdev, *, ip=None, cmd=None, incoming=False,
                 iommufd=True, memory="192M", initrd="/guest/initrd",
                 workdir="/tmp", extra=()):
        self.console_path = f"{workdir}/{name}.console"
        if os.path.exists(self.console_path):
            os.unlink(self.console_path)
        # What makes the stock kernel boot fast without KVM.
        with open("/guest/append", encoding="utf-8") as file:
            append = file.read().strip()
        if ip:
            append += f" guest.ip={ip}"
        if cmd:
            append += f" guest.cmd={cmd.replace(' ', ',')}"
        args = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64",
                "-machine", "pc,hpet=off", "-m", memory,
                "-no-reboot", "-serial", f"file:{self.console_path}",
                "-kernel", "/guest/vmlinux", "-initrd", initrd,
                "-append", append]
        args += mdev_args(mdev, iommufd)
        if incoming:
            args += ["-incoming", "defer"]
        super().__init__(name, args + list(extra), workdir)

    def console(self):
        """What the guest printed."""
        with open(self.console_path, encoding="utf-8",
                  errors="replace") as console:
            return console.read()

    def wait_console(self, pattern, timeout):
        """Wait for a line of the guest's and return the match."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            match = re.search(pattern, self.console(), re.M)
            if match:
                return match
            if self.process.poll() is not None:
                raise QmpError(f"{self.name}: QEMU ended: {self.stderr()}")
            time.sleep(0.1)
        raise QmpError(f"{self.name}: the guest did not print '{pattern}' in "
                       f"{timeout} s; its console ends:\n"
                       f"{self.console()[-2000:]}")


def prepare(source, destination, uri, *, downtime_ms=500, channels=0):
    """Make two QEMUs ready to migrate over @uri, with so many channels beside the main one."""
    for vm in (source, destination):
        vm.qmp.execute("migrate-set-capabilities", capabilities=[
            {"capability": "events", "state": True},
            {"capability": "return-path", "state": True},
            {"capability": "multifd", "state": channels > 0},
            {"capability": "switchover-ack", "state": True}])
        if channels:
            vm.qmp.execute("migrate-set-parameters", **{"multifd-channels": channels})
    source.qmp.execute("migrate-set-parameters", **{
        "downtime-limit": downtime_ms, "max-bandwidth": 1 << 30})
    destination.qmp.execute("migrate-incoming", uri=uri)


def wait_migration(vm, timeout=90):
    """Wait until a migration has ended, however; returns query-migrate."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        info = vm.qmp.execute("query-migrate")
        if info.get("status") in ("completed", "failed", "cancelled"):
            return info
        time.sleep(0.05)
    raise QmpError(f"{vm.name}: migration did not end in {timeout} s: {info}")


# What QEMU says of a channel that it has shut down itself, by what it was about to do.
SHUT_DOWN = ("Channel error: Input/output error", "Unable to write to socket: Broken pipe")


def cancel_migration(vm):
    """Cancel the migration and wait until it has ended.

    QEMU shuts its channel down before it notes that it cancels; its thread that sends
    may see the one before the other, and says then that the channel failed.
    """
    vm.qmp.execute("migrate_cancel")
    info = wait_migration(vm)
    assert info["status"] == "cancelled" or (
        info["status"] == "failed" and
        info.get("error-desc") in SHUT_DOWN), info


def wait_running(vm, timeout=20):
    """Wait until the guest runs there."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if vm.status() == "running":
            return
        time.sleep(0.02)
    raise QmpError(f"{vm.name}: still {vm.status()} after {timeout} s")


def migrate(source, destination, workdir="/tmp", channels=0):
    """Migrate live; returns the source's query-migrate."""
    uri = f"unix:{workdir}/migrate-{source.name}-{destination.name}"
    prepare(source, destination, uri, channels=channels)
    source.qmp.execute("migrate", uri=uri)
    info = wait_migration(source)
    if info["status"] == "completed":
        wait_running(destination)
    return info
