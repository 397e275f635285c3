# SPDX-License-Identifier: GPL-2.0
"""A guest's driver for the virtio network card, over QEMU's qtest socket.

Everything that a driver keeps in registers is in these objects, everything else
in guest memory: after a migration the same objects go on with the other QEMU.
"""

import itertools
import struct
import time

import qtest as qtest_module

VENDOR_CAPABILITY = 0x09
COMMON, NOTIFY, DEVICE = 1, 2, 4
# The common configuration's fields: offset and size.
DEVICE_FEATURE_SELECT, DEVICE_FEATURE = (0, 4), (4, 4)
DRIVER_FEATURE_SELECT, DRIVER_FEATURE = (8, 4), (12, 4)
CONFIG_VECTOR, STATUS = (16, 2), (20, 1)
QUEUE_SELECT, QUEUE_SIZE, QUEUE_VECTOR = (22, 2), (24, 2), (26, 2)
QUEUE_ENABLE, QUEUE_NOTIFY_OFF = (28, 2), (30, 2)
QUEUE_DESC, QUEUE_DRIVER, QUEUE_DEVICE = 32, 40, 48
ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK = 1, 2, 4, 8
# MAC, STATUS, VERSION_1, ACCESS_PLATFORM
FEATURES = 1 << 5 | 1 << 16 | 1 << 32 | 1 << 33
HEADER = 12
WRITE = 2
# The protocol of all frames that tests send: IEEE's for experiments.
PROTOCOL = 0x88b5

BARS = 0xe0000000
MAILBOX = 0x100000
MEMORY = 0x200000
SLOT = 2048
SIZE = 64


class Queue:
    """A split virtqueue with a buffer per descriptor."""

    def __init__(self, card, index, base):
        self.card, self.index = card, index
        self.desc, self.avail = base, base + 0x1000
        self.used, self.buffers = base + 0x2000, base + 0x4000
        self.offered = self.seen = 0
        card.set_common(QUEUE_SELECT, index)
        card.set_common(QUEUE_SIZE, SIZE)
        card.set_common(QUEUE_VECTOR, index + 1)
        for field, addr in ((QUEUE_DESC, self.desc),
                            (QUEUE_DRIVER, self.avail),
                            (QUEUE_DEVICE, self.used)):
            card.set_common((field, 4), addr)
            card.set_common((field + 4, 4), 0)
        self.notify = card.notify_addr(card.common(QUEUE_NOTIFY_OFF))
        card.set_common(QUEUE_ENABLE, 1)

    def offer(self, slot, length, flags):
        """Give the device a buffer."""
        qtest = self.card.qtest
        qtest.write(self.desc + 16 * slot, struct.pack(
            "<QIHH", self.buffers + SLOT * slot, length, flags, 0))
        qtest.write(self.avail + 4 + 2 * (self.offered % SIZE),
                    struct.pack("<H", slot))
        self.offered += 1
        qtest.write(self.avail + 2, struct.pack("<H", self.offered & 0xffff))

    def kick(self):
        """Tell the device."""
        self.card.qtest.store(self.notify, 2, self.index)

    def waiting(self):
        """How many buffers the device is done with that have not been taken."""
        index = struct.unpack("<H", self.card.qtest.read(self.used + 2, 2))[0]
        return index - self.seen & 0xffff

    def entries(self):
        """Slot and length of each of these, the first one first."""
        waiting = self.waiting()
        if not waiting:
            return []
        ring = list(struct.iter_unpack("<II", self.card.qtest.read(self.used + 4, 8 * SIZE)))
        return [ring[(self.seen + i) % SIZE] for i in range(waiting)]

    def give_back(self, slots):
        """The first of these buffers are the device's again, as they were."""
        if not slots:
            return
        self.seen += len(slots)
        # At most two pieces: to the end of the ring, and from its beginning.
        at = self.offered % SIZE
        for begin, part in ((at, slots[:SIZE - at]), (0, slots[SIZE - at:])):
            if part:
                self.card.qtest.write(self.avail + 4 + 2 * begin,
                                      struct.pack(f"<{len(part)}H", *part))
        self.offered += len(slots)
        self.card.qtest.write(self.avail + 2, struct.pack("<H", self.offered & 0xffff))
        self.kick()

    def next(self):
        """The next buffer that the device is done with: slot and length."""
        if not self.waiting():
            return None
        entry = self.card.qtest.read(self.used + 4 + 8 * (self.seen % SIZE), 8)
        self.seen += 1
        return struct.unpack("<II", entry)


class Card:
    """The card, set up as a driver does."""

    def __init__(self, qtest, slot):
        self.qtest = qtest
        function = qtest_module.PciFunction(qtest, slot)
        assert function.config(0, 4) == 0x10411af4, hex(function.config(0, 4))
        function.enable(BARS)
        self.windows, self.multiplier, msix = {}, 0, 0
        for offset, kind in function.capabilities():
            if kind == qtest_module.MsixTable.CAPABILITY:
                msix = offset
            elif kind == VENDOR_CAPABILITY:
                bar, where = (function.config(offset + 4, 1),
                              function.config(offset + 8, 4))
                cfg_type = function.config(offset + 3, 1)
                if cfg_type == NOTIFY:
                    self.multiplier = function.config(offset + 16, 4)
                if cfg_type in (COMMON, NOTIFY, DEVICE):
                    self.windows[cfg_type] = function.bars[bar] + where
        self.interrupts = qtest_module.MsixTable(function, msix, MAILBOX)
        self._negotiate()
        self.receive = Queue(self, 0, MEMORY)
        self.transmit = Queue(self, 1, MEMORY + 0x40000)
        self.set_common(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)
        for slot in range(SIZE):
            self.receive.offer(slot, SLOT, WRITE)
        self.receive.kick()
        mac = qtest.load(self.windows[DEVICE], 4)
        mac |= qtest.load(self.windows[DEVICE] + 4, 2) << 32
        self.mac = mac.to_bytes(6, "little")
        # What the host has sent by itself, and nobody waits for.
        self.foreign = 0

    def _negotiate(self):
        self.set_common(STATUS, 0)
        self.set_common(STATUS, ACKNOWLEDGE | DRIVER)
        for half in (0, 1):
            self.set_common(DRIVER_FEATURE_SELECT, half)
            self.set_common(DRIVER_FEATURE, FEATURES >> 32 * half & 0xffffffff)
        self.set_common(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK)
        assert self.common(STATUS) & FEATURES_OK
        self.set_common(CONFIG_VECTOR, 0)

    def common(self, field):
        """Read a field of the common configuration."""
        return self.qtest.load(self.windows[COMMON] + field[0], field[1])

    def set_common(self, field, value):
        """Write one."""
        self.qtest.store(self.windows[COMMON] + field[0], field[1], value)

    def notify_addr(self, offset):
        """Where a queue is notified."""
        return self.windows[NOTIFY] + offset * self.multiplier

    def move(self, qtest):
        """Go on in the QEMU that has been migrated to."""
        self.qtest = self.interrupts.function.qtest = qtest

    def send(self, frame, timeout=10):
        """Send a frame and wait until it is gone; the interrupt has come."""
        queue = self.transmit
        slot = queue.offered % SIZE
        self.qtest.write(queue.buffers + SLOT * slot, bytes(HEADER) + frame)
        queue.offer(slot, HEADER + len(frame), 0)
        queue.kick()
        self._wait(queue.next, "what was sent", timeout)
        self._wait(lambda: self.interrupts.taken(2), "its interrupt", timeout)

    def _frame(self, entry):
        slot, length = entry
        return self.qtest.read(self.receive.buffers + SLOT * slot, length)[HEADER:]

    def _own(self, entry):
        """Is this frame the tests'?"""
        at = self.receive.buffers + SLOT * entry[0] + HEADER + 12
        return struct.unpack(">H", self.qtest.read(at, 2))[0] == PROTOCOL

    def skim(self):
        """Drop what tests have not sent up to the first that they have: is there one?"""
        queue = self.receive
        # All that there is, and what waited for want of buffers.
        while entries := queue.entries():
            foreign = list(itertools.takewhile(lambda entry: not self._own(entry), entries))
            queue.give_back([slot for slot, _ in foreign])
            self.foreign += len(foreign)
            if len(foreign) < len(entries):
                return True
        return False

    def _take(self):
        # What comes behind that look may be anybody's.
        if not self.skim():
            return None
        entry = self.receive.next()
        frame = self._frame(entry)
        self.receive.offer(entry[0], SLOT, WRITE)
        self.receive.kick()
        return frame

    def recv(self, timeout=10):
        """The next frame of the tests' protocol that the card has received."""
        return self._wait(self._take, "a frame", timeout)

    def _held(self):
        self.skim()
        queue = self.receive
        return sum(self._own(entry) for entry in queue.entries())

    def hold(self, count, timeout=10):
        """Wait until so many of the tests' frames lie in guest memory."""
        self._wait(lambda: self._held() >= count, f"{count} frames", timeout)

    @staticmethod
    def _wait(what, name, timeout):
        deadline = time.monotonic() + timeout
        while True:
            value = what()
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"{name} did not come in {timeout} s")
            time.sleep(0.002)
