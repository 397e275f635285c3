# SPDX-License-Identifier: GPL-2.0
"""The host's side: a bridge with the cards' interfaces, and the stream."""

import re
import subprocess
import time

HOST_IP = "10.0.0.1"
GUEST_IP = "10.0.0.2"
PORT = 5001


def ip(*args):
    """Run ip(8)."""
    subprocess.run(("ip",) + args, check=True)


class Bridge:
    """A bridge that has the host's address."""

    def __init__(self, name="br0"):
        self.name = name
        ip("link", "add", name, "type", "bridge", "forward_delay", "0")
        ip("addr", "add", f"{HOST_IP}/24", "dev", name)
        ip("link", "set", name, "up")

    def add(self, interface):
        """Put an interface into the bridge."""
        ip("link", "set", interface, "master", self.name)
        ip("link", "set", interface, "up")

    def forget(self):
        """Forget the guest's MAC address: the next guest has another."""
        ip("neigh", "flush", "dev", self.name)

    def remove(self):
        """Remove the bridge."""
        ip("link", "del", self.name)


class Stream:
    """A self-checking TCP stream to the guest, in both directions."""

    def __init__(self, tcpstream, rate=1024):
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            (tcpstream, "connect", GUEST_IP, str(PORT), str(rate)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines = []

    def next_line(self):
        """The next line of progress as a dict; blocks up to a second."""
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the TCP stream ended: " +
                               " ".join(self.lines[-2:]))
        self.lines.append(line.strip())
        if line.startswith("error"):
            raise RuntimeError(line.strip())
        values = dict(re.findall(r"(\w+)=([\d.]+)", line))
        return {key: float(value) for key, value in values.items()}

    def wait_progress(self, timeout=30):
        """Wait until bytes have gone both ways from now on."""
        first = self.next_line()
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            line = self.next_line()
            if (line["received"] > first["received"] and
                    line["confirmed"] > first["confirmed"]):
                return line
        raise RuntimeError(f"the TCP stream stands still: {self.lines[-1]}")

    def finish(self, timeout=30):
        """End it in good order and return the last line's numbers."""
        self.process.stdin.close()
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            line = self.next_line()
            if self.lines[-1].startswith("ok"):
                self.process.wait(10)
                return line
        raise RuntimeError("the TCP stream did not end")

    def kill(self):
        """End it at once."""
        self.process.kill()
        self.process.wait()
