# SPDX-License-Identifier: GPL-2.0
"""A domain of libvirt's with the test guest and one mediated device."""

import re
import struct

# QEMU's frame around a piece of device state, big endian: flags, length.
DATA = struct.pack(">Q", 0xffffffffef100004)
CONSOLE = "/var/log/libvirt/console"
NAME = "guest"
QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"

TEMPLATE = """
<domain type='qemu' xmlns:qemu='{qemu}'>
  <name>{name}</name>
  <uuid>99999999-0000-4000-8000-000000000001</uuid>
  <memory unit='MiB'>192</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>/guest/vmlinux</kernel>
    <initrd>/hosts/initrd</initrd>
    <cmdline>{append}</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='custom' match='exact' check='none'>
    <model fallback='forbid'>qemu64</model>
  </cpu>
  <clock offset='utc'><timer name='hpet' present='no'/></clock>
  <devices>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='file'><source path='{console}'/></serial>
    <hostdev mode='subsystem' type='mdev' model='vfio-pci'>
      <source><address uuid='{uuid}'/></source>
    </hostdev>
  </devices>
  {override}
</domain>
"""

OVERRIDE = """
  <qemu:override>
    <qemu:device alias='hostdev0'><qemu:frontend>
      {properties}
    </qemu:frontend></qemu:device>
  </qemu:override>
"""


# Before 12 libvirt asks a new QEMU for each property of the processor, some 300;
# without this capability it asks for all at once.
FEW_QUESTIONS = """
  <qemu:capabilities>
    <qemu:del capability='cpu-unavailable-features'/>
  </qemu:capabilities>
"""


def xml(uuid, append, version, **properties):
    """The domain with that device, and with these properties of vfio-pci's.

    @version: libvirt's, its first number
    """
    override = FEW_QUESTIONS if version < 12 else ""
    if properties:
        override += OVERRIDE.format(properties="".join(
            f"<qemu:property name='{name.replace('_', '-')}' "
            f"type='string' value='{value}'/>"
            for name, value in properties.items()))
    return TEMPLATE.format(qemu=QEMU, name=NAME, uuid=uuid, append=append,
                           console=CONSOLE, override=override)


def state_of(path):
    """The device's state stream out of a saved domain."""
    with open(path, "rb") as file:
        saved = file.read()
    stream, at = b"", 0
    while (at := saved.find(DATA, at)) >= 0:
        (size,) = struct.unpack_from(">Q", saved, at + len(DATA))
        at += len(DATA) + 8
        stream += saved[at:at + size]
    return stream


def mac_in(decoded):
    """The MAC address that mdev-migrate-stream decode tells of a state."""
    return re.search(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", decoded).group(0)
