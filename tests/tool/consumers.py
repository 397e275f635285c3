#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What reads what mdev-migrate writes, as far as Debian's packages have it.

consumers.py nova CONSUMERS FOLDER HOST: Nova's own code reads the provider
configurations of a folder and applies them to a compute node of that name. Prints its
inventories as CLASS=TOTAL and its traits; fails if Nova would.
consumers.py nfd FILE: a feature file's labels, by Kubernetes' and NFD's rules.
consumers.py property TOOL FOLDER SEED HOSTS: devices and hosts at random, in sysfs
folders: who has all names that a device requires can take it, and who can take it has
them.

CONSUMERS is what `tests/lab/lab path consumers` says. What Nova's code uses of others'
for its log and its locks is replaced.
"""

import ast
import datetime
import json
import logging
import os
import random
import re
import subprocess
import sys
import threading
import types
import uuid


def module(name, **members):
    """A module that is not there, with what is used of it."""
    sys.modules[name] = types.ModuleType(name)
    for key, value in members.items():
        setattr(sys.modules[name], key, value)
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, sys.modules[name])
    return sys.modules[name]


class ProviderConfigException(Exception):
    """Nova's, with which nova-compute does not start."""

    def __init__(self, error):
        super().__init__(error)


def nova_modules(folder):
    """Nova's provider_config, its ProviderTree, and what merges one into the other."""
    sys.path.insert(0, os.path.join(folder, "python"))
    module("pbr")
    module("pbr.version", VersionInfo=lambda name: types.SimpleNamespace(
        version_string=lambda: "0", release_string=lambda: "0"))
    module("oslo_log")
    module("oslo_log.log", getLogger=logging.getLogger)
    module("oslo_concurrency")
    module("oslo_concurrency.lockutils", internal_lock=lambda name: threading.Lock(),
           synchronized=lambda *a, **k: lambda f: f)
    module("oslo_utils")
    module("oslo_utils.uuidutils", is_uuid_like=lambda text: bool(
        re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(text))))
    nova = module("nova")
    nova.__path__ = [os.path.join(folder, "python/nova")]
    module("nova.i18n", _=str)
    module("nova.exception", ProviderConfigException=ProviderConfigException)
    # pylint: disable=import-error,import-outside-toplevel,no-name-in-module
    import os_traits
    from nova import provider_config, provider_tree
    with open(os.path.join(nova.__path__[0], "resource_tracker.py"), encoding="utf-8") as file:
        tree = ast.parse(file.read())
    wanted = ("_merge_provider_configs", "_get_providers_to_update")
    functions = [node for node in ast.walk(tree)
                 if isinstance(node, ast.FunctionDef) and node.name in wanted]
    assert len(functions) == 2, "Nova's resource tracker has changed"
    scope = {"os_traits": os_traits, "_": str, "LOG": logging.getLogger("nova")}
    # What Nova does with a provider configuration is Nova's to say.
    exec(compile(ast.Module(functions, []), "resource_tracker.py", "exec"), scope)  # pylint: disable=exec-used
    tracker = type("Tracker", (), {name: scope[name] for name in wanted})()
    tracker.absent_providers = set()
    return provider_config, provider_tree, tracker, os_traits


def nova(folder, configs, host):
    """What the compute node has then."""
    provider_config, provider_tree, tracker, os_traits = nova_modules(folder)
    try:
        found = provider_config.get_provider_configs(configs)
    except ProviderConfigException as error:
        print(f"nova-compute does not start: {error}")
        return 1
    tree = provider_tree.ProviderTree()
    tree.new_root(host, str(uuid.uuid4()))
    tree.update_traits(host, [os_traits.COMPUTE_NODE])
    tree.update_inventory(host, {"VCPU": {"total": 4}})
    # pylint: disable=protected-access
    tracker._merge_provider_configs(found, tree)
    node = tree.data(host)
    for name, inventory in sorted(node.inventory.items()):
        assert 1 <= inventory["total"] <= 2147483647, name
        print(f"{name}={inventory['total']}")
    for name in sorted(node.traits):
        print(name)
    return 0


# A label's name and value, and the prefix, by Kubernetes.
LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def nfd_labels(text):
    """The labels, as source/local of NFD reads them, and when they end."""
    assert len(text.encode()) <= 65536, "NFD ignores a larger file"
    labels, ends = {}, None
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("# +"):
            key, _, value = line[3:].partition("=")
            assert key == "expiry-time", f"unknown directive {line}"
            ends = datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%S%z")
            continue
        if not line or line.startswith("#"):
            continue
        key, _, value = line.partition("=")
        prefix, _, name = key.partition("/")
        assert LABEL.fullmatch(name), f"not a label's name: {name}"
        assert PREFIX.fullmatch(prefix) and len(prefix) <= 253, prefix
        assert not prefix.endswith("kubernetes.io"), f"NFD denies {prefix}"
        assert LABEL.fullmatch(value or "true"), value
        assert key not in labels, f"twice: {key}"
        labels[key] = value
    return labels, ends


def nfd(path):
    """Prints them, and in how many seconds they end."""
    with open(path, encoding="utf-8") as file:
        labels, ends = nfd_labels(file.read())
    if ends:
        now = datetime.datetime.now(datetime.timezone.utc)
        print(f"ends in {round((ends - now).total_seconds())} s")
    for key in sorted(labels):
        print(key)
    return 0


MODELS = ("https://a.example/nic", "https://b.example/nic", "https://a.example/Nic",
          "https://a.example/nic/", "urn:vendor:" + "long-" * 30 + "name",
          "https://a.example/" + "long-" * 30 + "name")
# Names that differ in what an alphabet may not have, or only at their ends.
WORDS = ("a-b", "a.b", "a_b", "A-b", "a--b", "a-b-", "-", "Ab", "%s" % ("w" * 30), "w" * 31)
PARAMS = ("a", "a-b", "a-b-c", "b", "mode", "on", "stream",
          "a-name-that-is-long-0123456789", "a-name-that-is-long-01234567-89")


class Hosts:
    """Hosts as folders."""

    def __init__(self, tool, folder, seed):
        self.tool, self.folder, self.random = tool, folder, random.Random(seed)

    def run(self, *args):
        """What the program prints."""
        return subprocess.run([self.tool, *args], check=True, capture_output=True,
                              encoding="utf-8").stdout

    @staticmethod
    def put(path, **files):
        """Attributes of a folder."""
        os.makedirs(path, exist_ok=True)
        for name, text in files.items():
            with open(os.path.join(path, name), "w", encoding="utf-8") as file:
                file.write(f"{text}\n")

    def param(self, name):
        """What is allowed of it, its value if it is off, and its default."""
        pick = self.random
        kind = {"a": "bool", "on": "bool", "mode": "word", "stream": "word"}.get(name, "uint")
        if kind == "bool":
            return kind, "off", pick.choice((["off"], ["on", "off"]))
        if kind == "word":
            return kind, "off", ["off"] + pick.sample(WORDS, pick.randint(1, 4))
        first = pick.choice((1, 2, 60))
        return kind, "0", ["0", f"{first}-{first + pick.choice((0, 3, 20, 9000))}"]

    def value(self, kind, allowed):
        """One of them."""
        what = self.random.choice(allowed)
        if kind == "uint" and "-" in what:
            what = str(self.random.randint(*map(int, what.split("-"))))
        return what

    def make(self, number):
        """A host with two types of each of some models, and a device. They may differ."""
        pick, root = self.random, os.path.join(self.folder, f"host{number}")
        differ = pick.random() < 0.3
        for at, model in enumerate(pick.sample(MODELS, 3)):
            params = {name: self.param(name) for name in pick.sample(PARAMS, pick.randint(1, 5))}
            stream = pick.choice((1, 1, 1, 2))
            for version in ("v1", "v2"):
                if differ:
                    stream = pick.choice((1, 2))
                    params = {name: self.param(name) for name in params}
                kind = os.path.join(root, f"class/mdev_bus/p{at}/mdev_supported_types/t-{version}")
                self.put(kind, device_api="vfio-pci", available_instances=2)
                self.put(os.path.join(kind, "devices"))
                migration = os.path.join(kind, "migration")
                config = [f"model={model}"]
                for name, (form, off, allowed) in sorted(params.items()):
                    made = self.value(form, allowed)
                    self.put(os.path.join(migration, "params", name), type=form, off=off,
                             default=made, allowed=" ".join(allowed))
                    if made != off:
                        config.append(f"{name}={made}")
                self.put(migration, model=model, version=version, config=",".join(config),
                         stream_version=f"{stream}.0")
            config = [f"model={model}"]
            for name, (form, off, allowed) in sorted(params.items()):
                value = self.value(form, allowed)
                if value != off:
                    config.append(f"{name}={value}")
            device = os.path.join(root, f"class/mdev_bus/p{at}", str(uuid.UUID(int=number * 9 + at)))
            self.put(os.path.join(device, "migration"), model=model, version="v2",
                     config=",".join(config), state="running")
            os.symlink("../mdev_supported_types/t-v2", os.path.join(device, "mdev_type"))
            bus = os.path.join(root, "bus/mdev/devices")
            os.makedirs(bus, exist_ok=True)
            os.symlink(f"../../../class/mdev_bus/p{at}/{os.path.basename(device)}",
                       os.path.join(bus, os.path.basename(device)))
        self.put(os.path.join(root, "kernel"), hostname=f"host{number}")
        self.run("export", "--root", root, "-o", root + ".json")
        return root, differ


def names_of_nova(text):
    """The traits of a provider configuration."""
    traits = re.findall(r"^        - ([A-Z0-9_]+)$", text, re.MULTILINE)
    assert all(re.fullmatch("CUSTOM_[A-Z0-9_]{1,248}", name) for name in traits), text
    assert len(set(traits)) == len(traits), text
    return set(traits)


def devices_of(root):
    """A host's devices."""
    with open(root + ".json", encoding="utf-8") as file:
        return [device["uuid"] for device in json.load(file)["devices"]]


def property_(tool, folder, seed, count):
    """Prints how often it was yes, no, and no although it was yes."""
    hosts = Hosts(tool, folder, int(seed))
    roots = [hosts.make(number) for number in range(int(count))]
    fleet = [root + ".json" for root, _ in roots]
    counts = {"yes": 0, "no": 0, "no name": 0, "names that only devices have": 0}
    offers = {}
    for root, _ in roots:
        for form, read in (("nova", names_of_nova), ("nfd", lambda text: set(nfd_labels(text)[0]))):
            text = hosts.run("export", "--format", form, "--root", root, *fleet)
            alone = hosts.run("export", "--format", form, "--root", root)
            offers[form, root] = read(text)
            assert read(alone) <= read(text)
            counts["names that only devices have"] += len(read(text) - read(alone))
    for root, _ in roots:
        for device in devices_of(root):
            asks = {form: set(json.loads(hosts.run("require", "--json", "--format", form,
                                                   f"{root}.json:{device}"))["names"])
                    for form in ("nova", "nfd")}
            for other, differ in roots:
                answer = subprocess.run([tool, "check", f"{root}.json:{device}", other + ".json"],
                                        check=False, capture_output=True).returncode
                has = {form: asks[form] <= offers[form, other] for form in asks}
                assert has["nova"] == has["nfd"], (root, device, other, asks)
                assert answer == 0 or not has["nova"], ("wrong yes", root, device, other, asks)
                assert answer != 0 or has["nova"] or differ, ("wrong no", root, device, other, asks)
                counts["yes" if has["nova"] else "no name" if answer == 0 else "no"] += 1
    print(counts)
    assert min(counts.values()) > 0, "a test that never has one of these shows nothing"
    return 0


COMMANDS = {"nova": nova, "nfd": nfd, "property": property_}

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    sys.exit(COMMANDS[sys.argv[1]](*sys.argv[2:]))
