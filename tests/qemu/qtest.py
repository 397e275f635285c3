# SPDX-License-Identifier: GPL-2.0
"""QEMU without a guest CPU: ports, memory and PCI functions over its qtest socket."""

import base64
import socket
import time


class Qtest:
    """The socket of `-accel qtest -qtest unix:PATH,server=on,wait=off`."""

    def __init__(self, path, deadline):
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                self.sock.connect(path)
                break
            except OSError:
                self.sock.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.file = self.sock.makefile("rw")

    def command(self, *words):
        """Do something and return the words of the answer."""
        self.file.write(" ".join(str(word) for word in words) + "\n")
        self.file.flush()
        while True:
            answer = self.file.readline().split()
            if not answer:
                raise OSError("QEMU closed its qtest socket")
            if answer[0] == "IRQ":
                continue
            if answer[0] != "OK":
                raise OSError(f"qtest: {words}: {answer}")
            return answer[1:]

    def read(self, addr, size):
        """Bytes of guest memory."""
        answer = self.command("b64read", hex(addr), hex(size))
        return base64.b64decode(answer[0])

    def write(self, addr, data):
        """Write bytes to guest memory."""
        self.command("b64write", hex(addr), hex(len(data)),
                     base64.b64encode(data).decode())

    def fill(self, addr, size, byte):
        """Fill guest memory with a byte."""
        self.command("memset", hex(addr), hex(size), hex(byte))

    def load(self, addr, size):
        """A number in memory, as a CPU's instruction reads it."""
        return int(self.command("read" + "_bw_l___q"[size], hex(addr))[0], 0)

    def store(self, addr, size, value):
        """Write a number as a CPU's instruction does."""
        self.command("write" + "_bw_l___q"[size], hex(addr), hex(value))


class PciFunction:
    """A function of bus 0, through the ports 0xcf8 and 0xcfc."""

    COMMAND, BARS, CAPABILITIES = 0x04, 0x10, 0x34
    MEMORY, MASTER = 0x2, 0x4

    def __init__(self, qtest, slot):
        self.qtest = qtest
        self.slot = slot
        self.bars = {}

    def _select(self, reg):
        self.qtest.command("outl", "0xcf8",
                           hex(1 << 31 | self.slot << 11 | reg & ~3))

    def config(self, reg, size):
        """Read configuration space."""
        self._select(reg)
        value = int(self.qtest.command("inl", "0xcfc")[0], 0)
        return value >> 8 * (reg & 3) & (1 << 8 * size) - 1

    def set_config(self, reg, size, value):
        """Write configuration space."""
        self._select(reg)
        self.qtest.command("out" + "_bw_l"[size], hex(0xcfc + (reg & 3)),
                           hex(value))

    def enable(self, base):
        """Give the memory BARs addresses from @base on, as a BIOS does."""
        bar = 0
        while bar < 6:
            reg = self.BARS + 4 * bar
            kind = self.config(reg, 4)
            wide = kind & 7 == 4
            self.set_config(reg, 4, 0xffffffff)
            size = (~(self.config(reg, 4) & ~0xf) + 1) & 0xffffffff
            if size and not kind & 1:
                base = (base + size - 1) & -size
                self.set_config(reg, 4, base)
                self.bars[bar] = base
                base += size
            bar += 2 if wide else 1
        self.set_config(self.COMMAND, 2, self.MEMORY | self.MASTER)

    def capabilities(self):
        """Offsets and identifiers of the list of capabilities."""
        offset = self.config(self.CAPABILITIES, 1)
        while offset:
            yield offset, self.config(offset, 1)
            offset = self.config(offset + 1, 1)


class MsixTable:
    """MSI-X vectors that write to guest memory, where a test finds them."""

    CAPABILITY = 0x11

    def __init__(self, function, offset, mailbox):
        self.function = function
        self.mailbox = mailbox
        table = function.config(offset + 4, 4)
        base = function.bars[table & 7] + (table & ~7)
        for vector in range((function.config(offset + 2, 2) & 0x7ff) + 1):
            entry = base + 16 * vector
            for at, value in ((0, mailbox + 4 * vector), (4, 0),
                              (8, vector + 1), (12, 0)):
                function.qtest.store(entry + at, 4, value)
        function.set_config(offset + 2, 2, 0x8000)

    def taken(self, vector):
        """Has this interrupt come since it was asked last?"""
        qtest = self.function.qtest
        addr = self.mailbox + 4 * vector
        if not qtest.load(addr, 4):
            return False
        qtest.store(addr, 4, 0)
        return True
