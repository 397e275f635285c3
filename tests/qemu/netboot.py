# SPDX-License-Identifier: GPL-2.0
"""A network to boot from: DHCP by busybox, files by HTTP; a PC that does."""

import http.server
import os
import re
import signal
import subprocess
import threading
import time

import network
import vmm

HTTP_PORT = 8000
URL = f"http://{network.HOST_IP}:{HTTP_PORT}"
ROM = "pxe-virtio.rom"


class Server:
    """Serves @files, {path: bytes}, and the address of the @first of them."""

    def __init__(self, interface, files, first, workdir="/tmp"):
        self.delivered = []
        delivered = self.delivered

        class Handler(http.server.BaseHTTPRequestHandler):
            """Keeps what was delivered whole."""

            def do_GET(self):  # pylint: disable=invalid-name
                """Send the file."""
                data = files.get(self.path)
                if data is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                delivered.append(self.path)

            def log_message(self, *args):  # pylint: disable=arguments-differ
                """Say nothing: standard error is the tests'."""

        self.http = http.server.ThreadingHTTPServer((network.HOST_IP,
                                                     HTTP_PORT), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever)
        self.thread.start()
        config = f"{workdir}/udhcpd.conf"
        with open(f"{workdir}/udhcpd.leases", "wb"):
            pass
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"start {network.GUEST_IP}\nend {network.GUEST_IP}\n"
                       f"interface {interface}\n"
                       f"lease_file {workdir}/udhcpd.leases\n"
                       f"pidfile {workdir}/udhcpd.pid\n"
                       "option subnet 255.255.255.0\n"
                       f"siaddr {network.HOST_IP}\n"
                       f"boot_file {URL}{first}\n")
        # pylint: disable=consider-using-with
        self.dhcp = subprocess.Popen(["busybox", "udhcpd", "-f", config],
                                     stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)

    def close(self):
        """End it."""
        self.dhcp.kill()
        self.dhcp.wait()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


class Firmware:
    """A PC with nothing but the card, and its firmware to boot from."""

    def __init__(self, name, mdev, iommufd, workdir="/tmp"):
        self.console_path = f"{workdir}/{name}.console"
        device = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{mdev}," \
                 f"romfile={ROM},bootindex=0"
        args = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64",
                # The firmware writes to the serial port, too.
                "-machine", "pc,hpet=off,graphics=off", "-m", "128M",
                "-nodefaults", "-no-user-config", "-display", "none",
                "-no-reboot", "-serial", f"file:{self.console_path}"]
        if iommufd:
            args += ["-object", "iommufd,id=iommufd0"]
            device += ",iommufd=iommufd0"
        args += ["-device", device]
        if os.path.exists(self.console_path):
            os.unlink(self.console_path)
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL)

    def console(self):
        """What the firmware and what it has booted printed."""
        try:
            with open(self.console_path, encoding="utf-8",
                      errors="replace") as console:
                return console.read()
        except FileNotFoundError:
            return ""

    def wait_console(self, pattern, timeout):
        """Wait for a line and return the match."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            match = re.search(pattern, self.console())
            if match:
                return match
            if self.process.poll() is not None:
                raise vmm.QmpError("QEMU ended")
            time.sleep(0.1)
        raise vmm.QmpError(f"no '{pattern}' in {timeout} s; the console "
                           f"ends:\n{self.console()[-2000:]}")

    def kill(self):
        """Pull the plug."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
