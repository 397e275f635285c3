#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""mdevctl, udev and libvirt with the network card, as a release has them.

Runs inside the lab, on the release's tree; prints TAP. Two hosts that share the
kernel have a udevd and a libvirtd each; a Linux guest with a card is saved,
restored and migrated live between them, a TCP stream running.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, "/src/tests/qemu")

# pylint: disable=wrong-import-position
import mdev  # noqa: E402
import network  # noqa: E402
from tap import Skip, documented, run  # noqa: E402

import domain  # noqa: E402
from guide import FOLDER, Guide  # noqa: E402
from host import CommandError, Host, wait_for  # noqa: E402

TOOL_FOLDER = "/out/tool"
TOOL = f"{TOOL_FOLDER}/mdev-migrate"
STREAM = TOOL + "-stream"
DOMAIN_TOOL = "/usr/sbin/mdev-migrate-domain"
HOOKS = "/etc/libvirt/hooks/qemu.d"
METADATA = "https://mdev-migrate.org/libvirt/1"
CALLOUTS = "/etc/mdevctl.d/scripts.d/callouts"
RULES = "/etc/udev/rules.d"
ACCESS = "70-mdev-migrate-access.rules"
MODPROBE = "/etc/modprobe.d/mdev-migrate.conf"
# There is no ssh between the hosts.
THERE = {"qemu+ssh://destination/system": "qemu+tcp://beta/system"}
BACK = {"qemu+ssh://destination/system": "qemu+tcp://alpha/system"}
MODEL = "https://mdev-migrate.org/devices/virtio-net"
SAVED = "/var/lib/libvirt/guest.save"
# A card of alpha's, which is the guide's, a card of beta's.
CARD_A = "11111111-2222-4333-8444-555555555555"
CARD_B = "11111111-0000-4000-8000-00000000000b"


def node(uuid):
    """libvirt's name of the device."""
    return f"mdev_{uuid.replace('-', '_')}_virtio_net"


def attribute(uuid, name):
    """What the device's file says, or None without a device."""
    try:
        return mdev.read(f"{mdev.DEVICES}/{uuid}/{name}")
    except FileNotFoundError:
        return None


def destroy(host, uuid, undefine=True):
    """Stop a node device, and have libvirt forget it."""
    # It learns of both from udev.
    wait_for("libvirt sees that it runs", lambda: node(uuid) in
             host.virsh("nodedev-list", "--cap", "mdev").split())
    host.virsh("nodedev-destroy", node(uuid))
    wait_for("libvirt sees that it is gone", lambda: node(uuid) not in
             host.virsh("nodedev-list", "--cap", "mdev").split())
    if undefine:
        host.virsh("nodedev-undefine", node(uuid))


def load():
    """Load the module, with what modprobe.d says."""
    subprocess.run(["modprobe", "mdev_virtio_net"], check=True)


def unload():
    """Unload both modules."""
    subprocess.run(["modprobe", "-r", "mdev_virtio_net", "mdev_migrate"],
                   check=True)


def plan(host, emit, source, uuid):
    """What mdev-migrate says that makes a device equal to the source."""
    return host.run(TOOL, "plan", "--emit", emit, "--uuid", uuid, source, ".")


class World:
    """What the tests share: the hosts, the bridge, the guest's stream."""

    def __init__(self):
        os.makedirs(CALLOUTS, exist_ok=True)
        shutil.copy("/src/tools/mdevctl/mdev-migrate", CALLOUTS)
        shutil.copy("/src/tools/udev/60-mdev-migrate.rules", RULES)
        # The hosts share the machine's network; a hook has its host's, as libvirtd has.
        with open(DOMAIN_TOOL, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nexec nsenter -t 1 -n {TOOL_FOLDER}/libvirt/"
                       "mdev-migrate-domain \"$@\"\n")
        os.chmod(DOMAIN_TOOL, 0o755)
        os.symlink(TOOL, "/usr/sbin/mdev-migrate")
        os.makedirs(HOOKS, exist_ok=True)
        shutil.copy("/src/tools/libvirt/qemu.d-mdev-migrate", f"{HOOKS}/mdev-migrate")
        # libvirt asks every QEMU what it can; one will do.
        os.unlink("/usr/bin/qemu-system-i386")
        os.makedirs("/hosts")
        shutil.copy("/out/initrd", "/hosts/initrd")
        self.alpha, self.beta = Host("alpha", 1), Host("beta", 2)
        self.bridge = self.stream = self.mac = None
        self.guide = Guide()

    def plug(self, uuid):
        """Put the card's host interface into the bridge."""
        self.bridge.add(attribute(uuid, "netdev"))

    def new_card(self, host, uuid, **params):
        """A card that a host's libvirt has defined and started."""
        config = "".join(f",{name}={params[name]}" for name in sorted(params))
        host.write("/run/card.xml",
                   plan(host, "libvirt", f"model={MODEL}{config}", uuid))
        host.virsh("nodedev-define", "/run/card.xml")
        host.virsh("nodedev-start", node(uuid))
        self.plug(uuid)

    def xml(self, host, uuid, **properties):
        """The domain's definition, as a file of the host's; returns its name."""
        with open("/guest/append", encoding="utf-8") as file:
            append = (f"{file.read().strip()} guest.ip={network.GUEST_IP}/24 "
                      f"guest.cmd=tcpstream,serve,{network.PORT}")
        version = int(host.run("libvirtd", "--version").split()[2].split(".")[0])
        host.write("/run/guest.xml",
                   domain.xml(uuid, append, version, **properties))
        return "/run/guest.xml"

    def write_there(self):
        """The domain's definition for beta, with that host's card."""
        host = self.alpha
        self.guide.run(host, "virsh dumpxml --migratable")
        text = host.run("cat", f"{FOLDER}/there.xml")
        assert CARD_A in text, text
        host.write(f"{FOLDER}/there.xml", text.replace(CARD_A, CARD_B))


def test_daemons(world):
    """two hosts with udevd, virtlogd and libvirtd"""
    # They are in the tree.
    (_, command) = world.guide.shell("apt install")
    world.alpha.run("dpkg", "-s", *command[2].split("install ")[1].split())
    world.alpha.connect(world.beta)
    for host in (world.alpha, world.beta):
        host.start()
        print("# " + " ".join(host.virsh("version").split("\n")[1::2]))
    print("# mdevctl", world.alpha.run("mdevctl", "--version").split()[-1])


def test_unknown_bus(world):
    """libvirt refuses definitions below a parent of a bus that it does not know"""
    host = world.alpha
    load()
    assert not host.virsh("nodedev-list", "--cap", "mdev_types").strip()
    said = host.refused(TOOL, "plan", "--emit", "libvirt", f"model={MODEL}", ".")
    assert "parent_bus=mtty" in said, said
    host.write("/run/card.xml",
               "<device><parent>mdev_migrate_virtio_net</parent>"
               "<capability type='mdev'><type id='virtio_net-v1'/></capability>"
               "</device>")
    world.guide.tells(world.guide.refused(host, "virsh nodedev-define"))


def test_unknown_bus_mdevctl(world):
    """... but starts what mdevctl has defined there"""
    host = world.alpha
    host.run("mdevctl", "define", "-u", CARD_A, "-p", "virtio_net", "--jsonfile",
             "/dev/stdin", stdin=plan(host, "mdevctl", f"model={MODEL},mtu=1400",
                                      CARD_A))
    wait_for("libvirt sees mdevctl's definition", lambda: node(CARD_A) in
             host.virsh("nodedev-list", "--cap", "mdev", "--inactive"))
    host.virsh("nodedev-start", node(CARD_A))
    assert attribute(CARD_A, "migration/config") == f"model={MODEL},mtu=1400"
    destroy(host, CARD_A)
    unload()


def test_types(world):
    """nodedev-list tells of the types, with parent_bus=mtty in modprobe.d"""
    with open(MODPROBE, "w", encoding="utf-8") as file:
        file.write(world.guide.block("options mdev_migrate"))
    load()
    for host in (world.alpha, world.beta):
        wait_for("libvirt sees the parent", lambda host=host: "mtty_virtio_net" in
                 host.virsh("nodedev-list", "--cap", "mdev_types").split())
        world.guide.run(host, "virsh nodedev-list --cap mdev_types")
        told = world.guide.run(host, "virsh nodedev-dumpxml mtty_virtio_net")
        for name in mdev.types():
            assert f"<type id='{name}'>" in told, told


def test_define(world):
    """a node device is defined and started, mdev-migrate plan writes such a one"""
    host, guide = world.alpha, world.guide
    guide.shows("<device>",
                plan(host, "libvirt", f"model={MODEL},mtu=1400", CARD_A))
    host.write(f"{FOLDER}/card.xml", guide.block("<device>"))
    guide.run(host, "virsh nodedev-define")
    assert attribute(CARD_A, "migration/config") is None
    guide.run(host, "virsh nodedev-start")
    # It asks mdevctl for the attributes when udev has told it of the device.
    wait_for("libvirt tells the attribute", lambda:
             "<attr name='migration/params/mtu' value='1400'/>" in
             guide.run(host, f"virsh nodedev-dumpxml {node(CARD_A)}"))
    assert attribute(CARD_A, "migration/config") == f"model={MODEL},mtu=1400"


def test_define_bad(world):
    """a bad value is refused with the kernel's sentence"""
    host = world.alpha
    text = host.run("sed", "s/1400/13/", "/run/card.xml").replace(CARD_A, CARD_B)
    host.write("/run/bad.xml", text)
    for command in ("nodedev-define", "nodedev-create"):
        said = host.refused("virsh", command, "/run/bad.xml")
        assert "asked for 13, virtio_net-v1 allows 0 68-65535\n" in said, said
        if command == "nodedev-define":
            world.guide.tells(said)
    assert attribute(CARD_B, "migration/config") is None


def test_update(world):
    """nodedev-update changes the running device and its definition"""
    host = world.alpha
    if host.attempt("virsh", "nodedev-update", "--help")[0]:
        raise Skip("this libvirt has no nodedev-update")
    for value in "1300", "13":
        host.write(f"/run/{value}.xml", host.virsh(
            "nodedev-dumpxml", node(CARD_A)).replace("'1400'", f"'{value}'"))
    host.virsh("nodedev-update", node(CARD_A), "/run/1300.xml", "--live")
    assert attribute(CARD_A, "migration/params/mtu") == "1300"
    assert "'1400'" in host.virsh("nodedev-dumpxml", "--inactive", node(CARD_A))
    host.virsh("nodedev-update", node(CARD_A), "/run/1300.xml", "--config")
    assert "'1300'" in host.virsh("nodedev-dumpxml", "--inactive", node(CARD_A))
    for kind in "--live", "--config":
        said = host.refused("virsh", "nodedev-update", node(CARD_A),
                            "/run/13.xml", kind)
        assert "asked for 13, virtio_net-v1 allows 0 68-65535\n" in said, said
    assert attribute(CARD_A, "migration/params/mtu") == "1300"


def test_autostart(world):
    """a device that is to start by itself appears with the module"""
    host = world.alpha
    before = attribute(CARD_A, "migration/config")
    world.guide.run(host, "virsh nodedev-autostart")
    destroy(host, CARD_A, undefine=False)
    unload()
    load()
    wait_for("mdevctl starts it and writes its attributes",
             lambda: attribute(CARD_A, "migration/config") == before)
    wait_for("libvirt sees it", lambda: node(CARD_A) in
             host.virsh("nodedev-list", "--cap", "mdev").split())
    destroy(host, CARD_A)
    wait_for("libvirt forgets it", lambda: not
             host.virsh("nodedev-list", "--cap", "mdev", "--all").strip())


def test_mdevctl(world):
    """mdevctl starts on one host what mdev-migrate plans of a device of another"""
    alpha, beta = world.alpha, world.beta
    alpha.run("mdevctl", "start", "-u", CARD_A, "-p", "virtio_net",
              "-t", "virtio_net-v2")
    mdev.write(f"{mdev.DEVICES}/{CARD_A}/migration/params/mtu", "1400")
    snapshot = json.loads(alpha.run(TOOL, "export"))
    # Of the other host's there is a file only.
    snapshot["host"]["name"] = "alpha"
    with open("/hosts/alpha.json", "w", encoding="utf-8") as file:
        json.dump(snapshot, file)
    source = f"/hosts/alpha.json:{CARD_A}"
    made = beta.run(TOOL, "plan", "--emit", "mdevctl", "--uuid", CARD_B, source,
                    "virtio_net-v1")
    beta.run("mdevctl", "define", "-u", CARD_B, "-p", "virtio_net",
             "--jsonfile", "/dev/stdin", stdin=made)
    beta.run("mdevctl", "start", "-u", CARD_B)
    said = beta.run(TOOL, "check", source, CARD_B)
    assert "identical" in said, said
    # Whether that is the tool's opinion only.
    assert (attribute(CARD_A, "migration/config") ==
            attribute(CARD_B, "migration/config")), said
    assert CARD_B not in alpha.run("mdevctl", "list", "-d")
    beta.run("mdevctl", "stop", "-u", CARD_B)
    beta.run("mdevctl", "undefine", "-u", CARD_B)
    alpha.run("mdevctl", "stop", "-u", CARD_A)


def group_can_write(path):
    """Does the file belong to the group kvm, for writing?"""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return False
    with open("/etc/group", encoding="utf-8") as groups:
        gid = next(int(line.split(":")[2]) for line in groups
                   if line.startswith("kvm:"))
    return status.st_gid == gid and status.st_mode & 0o020 != 0


def test_udev_rules(world):
    """with the udev rules, a group may ask, create, configure and open"""
    host = world.alpha
    check = f"{mdev.PARENT}/mdev_supported_types/virtio_net-v1/migration/check"
    assert not group_can_write(check)
    world.guide.run(host, "install -m 644",
                    **{"tools/udev/": "/src/tools/udev/"})
    world.guide.run(host, "udevadm control")
    unload()
    load()
    wait_for("the parent's change event", lambda: group_can_write(check))
    as_user = ("setpriv", "--reuid", "libvirt-qemu", "--regid", "kvm",
               "--clear-groups", "sh", "-c")
    host.run(*as_user, f"echo {CARD_A} >{mdev.PARENT}/mdev_supported_types/"
             "virtio_net-v1/create")
    device = f"{mdev.DEVICES}/{CARD_A}"
    wait_for("the device's bind event", lambda: group_can_write(
        f"{device}/migration/params/mtu"))
    host.run(*as_user, f"echo 1400 >{device}/migration/params/mtu")
    group = os.path.basename(os.readlink(f"{device}/iommu_group"))
    wait_for("the group's event",
             lambda: group_can_write(f"/dev/vfio/{group}"))
    host.run(*as_user, f"exec 3<>/dev/vfio/{group}")
    # Linux 6.1 has the folder and no node.
    for path in glob.glob(f"{device}/vfio-dev/*/dev"):
        name = path.split("/")[-2]
        wait_for("the device node's event", lambda: group_can_write(
            f"/dev/vfio/devices/{name}"))
        host.run(*as_user, f"exec 3<>/dev/vfio/devices/{name}")
    host.refused("setpriv", "--reuid", "nobody", "--regid", "nogroup",
                 "--clear-groups", "sh", "-c", f"exec 3<>/dev/vfio/{group}")
    host.run(*as_user, f"echo 1 >{device}/remove")
    os.unlink(f"{RULES}/{ACCESS}")
    host.run("udevadm", "control", "--reload")


def test_no_tracking(world):
    """libvirt refuses to save a guest whose dirty pages QEMU thinks untracked"""
    world.bridge = network.Bridge()
    host = world.alpha
    world.new_card(host, CARD_A)
    # As it is with a kernel that has no device DMA logging.
    host.virsh("create", "--paused", world.xml(
        host, CARD_A, x_device_dirty_page_tracking="off"))
    said = host.refused("virsh", "save", domain.NAME, SAVED)
    host.virsh("destroy", domain.NAME)
    print("# " + " ".join(said.split()))
    world.guide.tells(said)


def test_start(world):
    """a domain with the card as hostdev is started, its guest is on the network"""
    host = world.alpha
    world.mac = attribute(CARD_A, "mac")
    text = world.xml(host, CARD_A)
    world.guide.shows("<hostdev", host.run("cat", text))
    host.virsh("define", text)
    host.virsh("start", domain.NAME)

    def serving():
        try:
            with open(host.path(domain.CONSOLE), encoding="utf-8",
                      errors="replace") as console:
                return "tcpstream: serving" in console.read()
        except FileNotFoundError:
            return False
    wait_for("the guest runs", serving, 240)
    world.bridge.forget()
    world.stream = network.Stream("/out/tcpstream")
    world.stream.wait_progress()


def test_save(world):
    """virsh save: the file has the card's state, whole"""
    host = world.alpha
    world.guide.run(host, "virsh save")
    with open("/hosts/state", "wb") as file:
        file.write(domain.state_of(host.path(SAVED)))
    assert host.run(STREAM, "decode", "--verify", "/hosts/state")
    said = host.run(STREAM, "decode", "/hosts/state")
    assert domain.mac_in(said) == world.mac, said
    assert "DRIVER_OK" in said, said


def test_restore(world):
    """virsh restore into the same device: the stream goes on"""
    world.guide.run(world.alpha, "virsh restore")
    world.stream.wait_progress(60)


def test_restore_new(world):
    """virsh restore into a new device, tracked by type1: the stream goes on"""
    host = world.alpha
    world.guide.run(host, "virsh save")
    destroy(host, CARD_A, undefine=False)
    host.virsh("nodedev-start", node(CARD_A))
    world.plug(CARD_A)
    assert attribute(CARD_A, "mac") != world.mac
    text = world.xml(host, CARD_A, enable_migration="on",
                     x_device_dirty_page_tracking="off")
    world.guide.shows("<domain", host.run("cat", text))
    host.virsh("restore", SAVED, "--xml", text)
    assert attribute(CARD_A, "mac") == world.mac
    world.stream.wait_progress(60)


def test_migrate_refused(world):
    """virsh migrate to a card with another configuration: the guest stays"""
    world.new_card(world.beta, CARD_B, mtu=1500)
    world.write_there()
    said = world.guide.refused(world.alpha, "virsh migrate --live", **THERE)
    print("# " + " ".join(said.split()))
    world.guide.tells(said)
    why = attribute(CARD_B, "migration/last_error")
    assert why.startswith("mtu: the source has 0, this device has 1500"), why
    assert "running" in world.alpha.virsh("domstate", domain.NAME)
    world.stream.wait_progress(60)


def test_migrate(world):
    """virsh migrate --live to the other libvirtd, the stream goes on"""
    beta = world.beta
    destroy(beta, CARD_B)
    world.new_card(beta, CARD_B)
    assert attribute(CARD_B, "mac") != world.mac
    # The processor is shared with the guest's: that it converges takes patience.
    world.alpha.virsh("migrate-setmaxdowntime", domain.NAME, "2000")
    world.guide.run(world.alpha, "virsh migrate --live", **THERE)
    assert "running" in beta.virsh("domstate", domain.NAME)
    assert "shut off" in world.alpha.virsh("domstate", domain.NAME)
    assert CARD_B in beta.virsh("dumpxml", domain.NAME)
    assert attribute(CARD_B, "mac") == world.mac
    world.stream.wait_progress(60)


def device_of(host, name=domain.NAME):
    """The UUIDs of the domain's devices, as its host's libvirt has them."""
    return re.findall(r"<address uuid='([^']*)'/>", host.virsh("dumpxml", name))


def devices():
    """The UUIDs of all mediated devices."""
    return set(os.listdir(mdev.DEVICES))


def create(uuid):
    """A card that no libvirt has defined."""
    mdev.write(f"{mdev.PARENT}/mdev_supported_types/virtio_net-v1/create", uuid)


def remove(uuid):
    """Remove it, or another."""
    mdev.write(f"{mdev.DEVICES}/{uuid}/remove", "1")


def record(host):
    """What the hook has made on a host and not removed yet."""
    return host.run("sh", "-c", "find /run/mdev-migrate/domains -type f 2>/dev/null || :")


def test_metadata(world):
    """the domain's metadata say what its devices are"""
    beta = world.beta
    world.guide.run(beta, "virsh metadata guest")
    told = beta.virsh("metadata", domain.NAME, METADATA)
    config = attribute(CARD_B, "migration/config")
    assert f'config="{config}"' in told and 'bridge="br0"' in told, told
    world.guide.run(beta, "virsh dumpxml guest | mdev-migrate-domain verify")
    beta.virsh("metadata", domain.NAME, METADATA, "--key", "mdev-migrate", "--set",
               told.replace(config, f"{config},mtu=1400"))
    said = beta.refused("sh", "-c",
                        "virsh dumpxml guest | mdev-migrate-domain verify")
    assert f"the metadata have {config},mtu=1400, it is {config}" in said, said


def test_hook_refuses(world):
    """virsh migrate shows why no device can be made at the destination"""
    beta = world.beta
    before = devices()
    config = f"{attribute(CARD_B, 'migration/config')},mtu=13"
    beta.virsh("metadata", domain.NAME, METADATA, "--key", "mdev-migrate", "--set",
               f"<devices><device uuid='{CARD_B}' config='{config}'/></devices>")
    said = world.guide.refused(beta, "virsh migrate guest", **BACK)
    assert "mtu: the source has 13" in said, said
    world.guide.tells(said)
    assert devices() == before and not record(world.alpha), devices()
    assert "running" in beta.virsh("domstate", domain.NAME)


def test_hook_undoes(world):
    """a migration that fails leaves nothing of what the hook has made"""
    beta = world.beta
    before = devices()
    config = f"{attribute(CARD_B, 'migration/config')},mtu=1400"
    beta.virsh("metadata", domain.NAME, METADATA, "--key", "mdev-migrate", "--set",
               f"<devices><device uuid='{CARD_B}' config='{config}'/></devices>")
    said = beta.refused("virsh", "migrate", "--live", "--p2p", domain.NAME,
                        *BACK.values())
    print("# " + " ".join(said.split()))
    wait_for("alpha removes it", lambda: devices() == before)
    assert not record(world.alpha)
    assert "running" in beta.virsh("domstate", domain.NAME)
    world.stream.wait_progress(60)


def test_hook(world):
    """virsh migrate --live to a host where nobody has prepared a device"""
    alpha, beta = world.alpha, world.beta
    destroy(alpha, CARD_A)
    world.guide.run(beta, "virsh metadata guest")
    beta.virsh("migrate-setmaxdowntime", domain.NAME, "2000")
    world.guide.run(beta, "virsh migrate guest", **BACK)
    (uuid,) = device_of(alpha)
    # The hosts share the kernel, so the source's UUID is taken.
    assert uuid != CARD_B and uuid in record(alpha), (uuid, record(alpha))
    assert attribute(uuid, "mac") == world.mac
    assert uuid in alpha.virsh("metadata", domain.NAME, METADATA)
    # What was there before the hook came is not its business.
    assert CARD_B in devices()
    world.stream.wait_progress(60)


def test_hook_gone(world):
    """what the hook has made goes with the domain"""
    line = world.stream.finish()
    assert line["received"] > 0, line
    (uuid,) = device_of(world.alpha)
    world.alpha.virsh("destroy", domain.NAME)
    wait_for("the hook removes it", lambda: uuid not in devices())
    assert not record(world.alpha)
    destroy(world.beta, CARD_B)
    assert not devices(), devices()


def test_hook_two(world):
    """a domain with two devices is restored and migrated, or not at all"""
    alpha, beta = world.alpha, world.beta
    unload()
    subprocess.run(["modprobe", "mdev_virtio_net", "max_devices=4"], check=True)
    two = {CARD_A, CARD_B}
    for uuid in two:
        create(uuid)
    text = alpha.run("cat", world.xml(alpha, CARD_A))
    card = re.search(r"<hostdev.*?</hostdev>", text, re.DOTALL).group(0)
    alpha.write("/run/two.xml", text.replace(
        card, card + card.replace(CARD_A, CARD_B)))
    alpha.virsh("create", "--paused", "/run/two.xml")
    world.guide.run(alpha, "virsh metadata guest")
    alpha.virsh("save", domain.NAME, SAVED)
    for uuid in two:
        remove(uuid)
    # There is room for one, which must not be left behind.
    others = {f"22222222-0000-4000-8000-{i:012x}" for i in range(3)}
    for uuid in others:
        create(uuid)
    said = alpha.refused("virsh", "restore", "--paused", SAVED)
    assert "no device can be made here" in said, said
    assert devices() == others and not record(alpha), devices()
    for uuid in others:
        remove(uuid)
    alpha.virsh("restore", "--paused", SAVED)
    assert set(device_of(alpha)) == devices() == two, devices()
    # QEMU does not migrate what was restored and has not run since: anew.
    alpha.write("/run/two.xml", alpha.virsh("dumpxml", "--migratable", domain.NAME))
    alpha.virsh("destroy", domain.NAME)
    wait_for("the hook removes both", lambda: not devices())
    alpha.virsh("create", "--paused", "/run/two.xml")
    assert devices() == two, devices()
    alpha.virsh("migrate", "--p2p", "--live", domain.NAME, *THERE.values())
    there = set(device_of(beta))
    assert len(there) == 2 and not there & two, there
    wait_for("alpha's hook removes its own", lambda: devices() == there)
    beta.virsh("destroy", domain.NAME)
    wait_for("beta's too", lambda: not devices())


def test_end(_world):
    """the modules can be unloaded"""
    unload()


def test_guide(world):
    """all that the guide tells to type was typed"""
    assert not world.guide.left, world.guide.left


TESTS = (test_daemons, test_unknown_bus, test_unknown_bus_mdevctl, test_types,
         test_define, test_define_bad, test_update, test_autostart,
         test_mdevctl, test_udev_rules, test_no_tracking, test_start, test_save,
         test_restore, test_restore_new, test_migrate_refused, test_migrate,
         test_metadata, test_hook_refuses, test_hook_undoes, test_hook,
         test_hook_gone, test_hook_two, test_end, test_guide)


def main():
    """Run all; what builds on one that failed fails too."""
    subprocess.run(["modprobe", "-a", "bridge", "veth"], check=True)
    world = World()
    failed = run(documented(TESTS), world)
    if failed:
        for host in (world.alpha, world.beta):
            for line in host.log():
                print(f"# {line}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
