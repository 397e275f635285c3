# SPDX-License-Identifier: GPL-2.0
"""Hosts: a mount, network and UTS namespace each, with daemons of its own.

They share the kernel and its devices, and nothing else: each has its own /run,
its own configuration and state of libvirt and mdevctl, udevd and libvirtd.
"""

import os
import subprocess
import time

# What a host has for itself, as it is in the tree.
OWN = ("/etc/libvirt", "/etc/mdevctl.d", "/var/lib/libvirt", "/var/log/libvirt")
UDEVD = "/lib/systemd/systemd-udevd"


class CommandError(Exception):
    """A command that was to succeed failed; says what it said."""


class Host:
    """A host: run() runs commands on it, virsh() asks its libvirt."""

    def __init__(self, name, number):
        self.name = name
        self.uuid = f"00000000-0000-4000-8000-{number:012x}"
        self.address = f"10.9.0.{number}"
        self.files = f"/hosts/{name}"
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--net", "--uts", "--propagation",
             "private", "sh", "-c", "echo; exec sleep infinity"],
            stdout=subprocess.PIPE)
        self.process.stdout.readline()
        self.enter = ["nsenter", "-t", str(self.process.pid), "-m", "-n", "-u"]
        os.makedirs(self.files)
        self.run("hostname", name)
        self.run("mount", "-t", "sysfs", "sysfs", "/sys")
        for folder in ("/run",) + OWN:
            own = f"{self.files}/{folder.replace('/', '-')[1:]}"
            if folder == "/run" or not os.path.exists(folder):
                os.makedirs(own)
                os.makedirs(folder, exist_ok=True)
            else:
                self.run("cp", "-a", folder, own)
            self.run("mount", "--bind", own, folder)
        self.run("mkdir", "-p", "/run/libvirt", "/run/udev")
        self.run("ip", "link", "set", "lo", "up")

    def connect(self, other):
        """A cable to another host."""
        subprocess.run(["ip", "link", "add", "eth0", "netns",
                        str(self.process.pid), "type", "veth", "peer", "eth0",
                        "netns", str(other.process.pid)], check=True)
        for host in (self, other):
            host.run("ip", "addr", "add", f"{host.address}/24", "dev", "eth0")
            host.run("ip", "link", "set", "eth0", "up")
            with open("/etc/hosts", "a", encoding="utf-8") as hosts:
                hosts.write(f"{host.address} {host.name}\n")

    def start(self):
        """udevd, virtlogd and libvirtd, as an init system would start them."""
        self.write("/etc/libvirt/libvirtd.conf",
                   f'host_uuid = "{self.uuid}"\nlisten_tls = 0\n'
                   'listen_tcp = 1\nauth_tcp = "none"\n')
        self.run(UDEVD, "--daemon")
        self.run("udevadm", "trigger")
        self.run("udevadm", "settle")
        self.run("virtlogd", "-d")
        self.run("libvirtd", "-d", "-l")
        self.virsh("version")

    def attempt(self, *command, stdin=None):
        """Run a command; returns its exit status and all it printed."""
        done = subprocess.run(self.enter + list(command), input=stdin or "",
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    def run(self, *command, stdin=None):
        """Run a command that succeeds; returns what it printed."""
        status, output = self.attempt(*command, stdin=stdin)
        if status:
            raise CommandError(f"{self.name}: {' '.join(command)}: {output}")
        return output

    def virsh(self, *command, stdin=None):
        """A command of virsh's that succeeds."""
        return self.run("virsh", "-q", *command, stdin=stdin)

    def refused(self, *command, stdin=None):
        """A command that fails; returns the sentences."""
        status, output = self.attempt(*command, stdin=stdin)
        if not status:
            raise CommandError(f"{self.name}: {' '.join(command)} was done: "
                               f"{output}")
        return output

    def write(self, path, text):
        """Write a file."""
        self.run("sh", "-c", f"cat >{path}", stdin=text)

    def path(self, path):
        """Where a file of the host's own is for everyone."""
        for folder in OWN:
            if path.startswith(folder):
                return (f"{self.files}/{folder.replace('/', '-')[1:]}"
                        f"{path[len(folder):]}")
        raise ValueError(path)

    def log(self):
        """The end of what libvirt and QEMU have written."""
        lines = []
        for folder, _, names in os.walk(self.path("/var/log/libvirt")):
            for name in names:
                with open(f"{folder}/{name}", encoding="utf-8",
                          errors="replace") as file:
                    lines += [f"{self.name}: {name}: {line.rstrip()}"
                              for line in file.readlines()[-15:]]
        return lines


def wait_for(what, condition, timeout=30):
    """Wait until a condition holds; returns what it returned."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.1)
    raise TimeoutError(f"{what}: not in {timeout} s")
