#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What the guide to installing tells to type does what it says, on a stock kernel.

Runs in the machines of tests/kernels; prints TAP. Both hosts of the guide are this
one, and no guest CPU runs. What installs (apt, make) has been run when the machine's
disk was made, see tests/kernels/image.sh.
"""

import socket
import sys
import time

import test_docs

KVM = "-accel kvm -cpu host -m 2G"
QTEST = "-accel qtest -accel tcg -bios /tmp/halt -m 64"
PROMPT = b"(qemu) "


class Monitor:
    """QEMU's monitor for people."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(path)
        self.answer()

    def answer(self):
        """What it prints until it waits for a command, or ends."""
        text = b""
        while not text.endswith(PROMPT):
            piece = self.sock.recv(4096)
            if not piece:
                break
            text += piece
        return text.decode()

    def type(self, command):
        """Type a command."""
        self.sock.send(command.encode() + b"\n")
        return self.answer()


class Hosts:
    """The guide's two hosts: a shell, and the monitor that is typed into."""

    def __init__(self):
        self.shell = test_docs.Shell()
        self.monitors = []
        with open("/tmp/halt", "wb") as bios:
            bios.write(b"\xf4" * 65536)
        with open("/etc/hosts", "a", encoding="utf-8") as hosts:
            hosts.write("127.0.0.1 host2\n")

    def qemu(self, command):
        """A machine of the guide's, without KVM."""
        assert KVM in command, command
        output, status = self.shell.run(command.replace(KVM, QTEST))
        assert status == 0, f"{command}: {output}"
        path = command.split("-monitor unix:")[1].split(",")[0]
        self.monitors.append(Monitor(path))

    def monitor(self, command, expected):
        """A command for the machine that was started first, until it quits."""
        deadline = time.monotonic() + 60
        while True:
            answer = self.monitors[0].type(command)
            if not expected or expected in answer:
                break
            assert time.monotonic() < deadline, f"{command}: {answer}"
            time.sleep(0.2)
        if command == "quit":
            self.monitors.pop(0)

    def run(self, block):
        """Run a literal block; False if it installs."""
        for command, expected in test_docs.commands(block):
            if command.split()[0] in ("apt", "make"):
                return False
            if command.startswith("(qemu) "):
                self.monitor(command[len(PROMPT):], expected)
            elif command.startswith("qemu-system"):
                self.qemu(command)
            else:
                test_docs.expect(command, *self.shell.run(command), expected)
        return True


def main():
    """Run all blocks; the first that fails ends it."""
    hosts, number = Hosts(), 0
    print("TAP version 13")
    for block in test_docs.blocks(sys.argv[1]):
        try:
            if not hosts.run(block):
                continue
        except (AssertionError, RuntimeError, OSError) as error:
            print(f"# {error}\nnot ok {number + 1} {block[0]}", flush=True)
            return 1
        number += 1
        print(f"ok {number} {block[0]}", flush=True)
    print(f"1..{number}")
    hosts.shell.run("ip link del br0")
    return 0 if number > 10 else 1


if __name__ == "__main__":
    sys.exit(main())
