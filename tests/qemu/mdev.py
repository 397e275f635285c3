# SPDX-License-Identifier: GPL-2.0
"""Mediated devices through sysfs."""

import os
import uuid as uuidlib

DEVICES = "/sys/bus/mdev/devices"
PARENT = "/sys/class/mdev_bus/virtio_net"


def read(path):
    """A sysfs file's text, without the newline."""
    with open(path, encoding="utf-8") as file:
        return file.read().rstrip("\n")


def write(path, text):
    """Write a sysfs file; an errno comes as OSError."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def types():
    """The names of the types that the parent offers."""
    return sorted(os.listdir(f"{PARENT}/mdev_supported_types"))


class Mdev:
    """A device of a type, removed with remove()."""

    def __init__(self, type_name, parent=PARENT, **params):
        self.uuid = str(uuidlib.uuid4())
        self.path = f"{DEVICES}/{self.uuid}"
        write(f"{parent}/mdev_supported_types/{type_name}/create", self.uuid)
        for name, value in params.items():
            self.set(name.replace("_", "-"), value)

    def get(self, attribute):
        """Read an attribute."""
        return read(f"{self.path}/{attribute}")

    def set(self, param, value):
        """Write a migration parameter."""
        write(f"{self.path}/migration/params/{param}", str(value))

    @property
    def netdev(self):
        """The host interface's name."""
        return self.get("netdev")

    @property
    def state(self):
        """The migration state's name."""
        return self.get("migration/state")

    @property
    def last_error(self):
        """The last refused or failed step."""
        return self.get("migration/last_error")

    def remove(self):
        """Remove the device; waits until it is closed."""
        write(f"{self.path}/remove", "1")
