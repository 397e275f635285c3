#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""place.py random TOOL FOLDER SEED COUNT: hosts whose parents have something that devices take
shares of, as the kernel's drivers count it, and devices that are to go there. What drain and
domain say is compared with all ways that there are, tried one by one: a yes has to fit in what
the parents have, a no must not fit in any way, and what has no place has none beside what has one.
place.py fleet HOSTS FREE: that many hosts with as many free instances, a line each.
place.py full HOSTS DEVICES: a host with so many devices.
place.py hard FOLDER: a puzzle that cannot be tried in all ways: boxes, pieces and what they are of.
"""

import itertools
import json
import os
import random
import subprocess
import sys

URI = "https://example.org/share"


def config_of(units, speed=0):
    """Parameters that are off are not in it."""
    return f"model={URI}" + (f",speed={speed}" if speed else "") + f",units={units}"


def type_of(name, parent, units, free, speed=3):
    """A type whose devices have so many units, and are this fast at most."""
    kind = {"name": name, "parent": parent, "model": URI, "version": name,
            "config": config_of(units), "stream_version": "1.0", "combinations": "any",
            "params": {"units": {"type": "uint", "off": "0", "default": str(units),
                                 "allowed": "0-999"},
                       "speed": {"type": "uint", "off": "0", "default": "0",
                                 "allowed": f"0-{speed}"}}}
    if free is not None:
        kind["available_instances"] = free
    return kind


def device_of(number, units, speed=0):
    """A device that has so many, and is so fast."""
    return {"uuid": f"{number:08x}-0000-4000-8000-000000000000", "type": "t", "parent": "p",
            "model": URI, "config": config_of(units, speed)}


def host_of(name, types, devices=()):
    """A snapshot of it."""
    return {"schema_version": "1.3", "host": {"name": name}, "types": list(types),
            "devices": list(devices), "other_devices": []}


def domain_of(name, devices, host="from"):
    """A domain, as mdev-migrate-domain describe --json writes it."""
    return {"schema_version": "1.4", "domain": {"name": name}, "host": {"name": host},
            "devices": [{"device": device["uuid"], "config": device["config"],
                         "stream_version": "1.0"} for device in devices]}


def write(path, *documents):
    """A line each."""
    with open(path, "w", encoding="utf-8") as file:
        for document in documents:
            print(json.dumps(document), file=file)


class Case:
    """Some parents, of some hosts, and devices in groups."""

    def __init__(self, pick):
        self.parents = []               # (host, name, total, units of its types, speed)
        # Types of one size, which is what the mdev core counts, or of several.
        self.shares = pick.random() < .6
        sizes = [1, 2, 3, 4, 6] if self.shares else [1]
        for host in range(pick.randint(1, 3)):
            # Another that is the same, now and then.
            if host and pick.random() < .3:
                self.parents += [(f"h{host}", *parent[1:]) for parent in self.parents
                                 if parent[0] == "h0"]
                continue
            for parent in range(pick.randint(1, 2)):
                units = sorted(pick.sample(sizes, min(len(sizes), pick.randint(1, 3))))
                total = pick.choice((0, units[-1])) if pick.random() < .4 else \
                    pick.randint(units[-1], 3 * units[-1])
                self.parents.append((f"h{host}", f"p{parent}", total, units, pick.randint(0, 3)))
        self.hosts = sorted({parent[0] for parent in self.parents})
        # All hosts' smallest and largest types bound what a device has: beyond, nothing is known.
        low = max(parent[3][0] for parent in self.parents)
        high = max(low, min(parent[3][-1] for parent in self.parents))
        self.devices = [pick.randint(low, high) for _ in range(pick.randint(1, 8))]
        self.speeds = [pick.randint(0, 3) for _ in self.devices]
        self.groups, at = [], 0
        while at < len(self.devices):
            nr = pick.choice((1, 1, 2, 3)) if pick.random() < .7 else 1
            self.groups.append(list(range(at, min(at + nr, len(self.devices)))))
            at += nr

    def is_sane(self):
        """Each parent's types enclose each device."""
        return all(parent[3][0] <= units <= parent[3][-1]
                   for parent in self.parents for units in self.devices)

    def described(self):
        """The devices."""
        return [device_of(i, units, self.speeds[i]) for i, units in enumerate(self.devices)]

    def snapshots(self):
        """The hosts."""
        for host in self.hosts:
            yield host_of(host, [type_of(f"t{units}", name, units, total // units, speed)
                                 for at, name, total, sizes, speed in self.parents if at == host
                                 for units in sizes])

    def fits(self, groups, hosts=None):
        """Is there any way for all these groups?"""
        left = [parent[2] for parent in self.parents]

        def put(at, devices, host):
            if not devices:
                return place(at + 1)
            for i, (of, _, _, _, speed) in enumerate(self.parents):
                units = self.devices[devices[0]]
                if of != host or self.speeds[devices[0]] > speed or units > left[i]:
                    continue
                left[i] -= units
                if put(at, devices[1:], host):
                    return True
                left[i] += units
            return False

        def place(at):
            if at == len(groups):
                return True
            return any(put(at, groups[at], host) for host in hosts or self.hosts)

        return place(0)

    def is_valid(self, placed):
        """Is there room for what was placed, in groups that go together?"""
        left = {(host, name): total for host, name, total, _, _ in self.parents}
        speed = {(host, name): most for host, name, _, _, most in self.parents}
        for device, where in placed.items():
            left[where] -= self.devices[device]
            assert self.speeds[device] <= speed[where]
        for group in self.groups:
            if len({placed[device][0] if device in placed else None for device in group}) != 1:
                return False
        return min(left.values()) >= 0


def ask(tool, *args):
    """Its answer and its exit status."""
    done = subprocess.run([tool, *args, "--json"], check=False, capture_output=True,
                          encoding="utf-8")
    return json.loads(done.stdout), done.returncode


STATUS = {"identical": 0, "compatible": 0, "incompatible": 1, "unknown": 3}


def check_drain(case, tool, folder):
    """The whole host."""
    devices = case.described()
    hosts, source, domains = (os.path.join(folder, name) for name in ("hosts", "from", "domains"))
    write(hosts, *case.snapshots())
    write(source, host_of("from", [], devices))
    write(domains, *(domain_of(f"g{i}", [devices[at] for at in group])
                     for i, group in enumerate(case.groups)))
    answer, status = ask(tool, "drain", source, hosts, "--domains", domains)
    assert STATUS[answer["verdict"]] == status, answer
    placed = {i: (one["destination"]["host"], one["destination"]["parent"])
              for i, one in enumerate(answer["devices"]) if "destination" in one}
    assert case.is_valid(placed), ("no room for this", case.__dict__, answer)
    assert answer["fit"] == len(placed) and answer["of"] == len(devices)
    assert all("code" in one for one in answer["devices"] if "destination" not in one)
    assert not any(one.get("code") == "gave-up" for one in answer["devices"])
    there = [group for group in case.groups if group[0] in placed]
    if status == 0:
        assert len(placed) == len(devices)
    else:
        assert len(placed) < len(devices)
        if status == 1:
            assert not case.fits(case.groups), ("a wrong no", case.__dict__, answer)
        # Nothing of what is left has a place beside what is there, if that is counted in one size.
        for group in case.groups:
            if group[0] not in placed and not case.shares:
                assert not case.fits(there + [group]), ("left out", case.__dict__, answer)
    # What the mdev core counts leaves nothing open.
    assert case.shares or status != 3, (case.__dict__, answer)
    return answer["verdict"]


def check_domain(case, tool, folder):
    """All devices as one domain, on each host."""
    devices = case.described()
    hosts, domain = (os.path.join(folder, name) for name in ("hosts", "domain"))
    write(hosts, *case.snapshots())
    write(domain, domain_of("g", devices))
    answer, status = ask(tool, "domain", domain, hosts)
    verdicts = [host["verdict"] for host in answer["hosts"]]
    assert status == min((STATUS[one] for one in verdicts), key=(0, 3, 1).index), answer
    everything = [list(range(len(devices)))]
    for host in answer["hosts"]:
        truth = case.fits(everything, [host["host"]])
        if STATUS[host["verdict"]] == 0:
            assert truth, ("a wrong yes", case.__dict__, host)
        elif host["verdict"] == "incompatible":
            assert not truth, ("a wrong no", case.__dict__, host)
        else:
            assert case.shares, (case.__dict__, host)
    return verdicts


def compare(tool, folder, seed, count):
    """Random cases until there were so many."""
    pick, counts = random.Random(int(seed)), {}
    done = 0
    while done < int(count):
        case = Case(pick)
        if not case.is_sane():
            continue
        done += 1
        for what, verdict in itertools.chain(
                [("drain", check_drain(case, tool, folder))],
                (("domain", one) for one in check_domain(case, tool, folder))):
            key = what, STATUS[verdict]
            counts[key] = counts.get(key, 0) + 1
    print(counts)
    assert len(counts) == 6 and min(counts.values()) > 2, "a test that never has one shows nothing"


def fleet(hosts, free):
    """Four kinds."""
    for host in range(int(hosts)):
        print(json.dumps(host_of(f"h{host:05}", [
            type_of(f"t{units}", "p", units, int(free), host % 4) for units in (1, 2, 4)])))


def full(devices):
    """A host that is to be empty."""
    print(json.dumps(host_of("from", [], [device_of(i, 1 << i % 3, i % 4)
                                          for i in range(int(devices))])))


def hard(folder):
    """Boxes that have to be filled to the last, with pieces of three."""
    pick, sizes, boxes, devices, used = random.Random(5), (97, 113, 131, 167, 199, 251, 337), 100, [], 0
    while True:
        units = pick.choice(sizes)
        used += 1 / (1000 // units)
        if used > boxes * .97:
            break
        devices.append(device_of(len(devices), units))
    write(os.path.join(folder, "boxes"), *(
        host_of(f"h{i:03}", [type_of(f"t{units}", "p", units, 1000 // units) for units in sizes])
        for i in range(boxes)))
    write(os.path.join(folder, "puzzle"), host_of("from", [], devices))
    write(os.path.join(folder, "pieces"), *(domain_of(f"g{i}", devices[i:i + 3])
                                            for i in range(0, len(devices), 3)))


if __name__ == "__main__":
    {"random": compare, "fleet": fleet, "full": full, "hard": hard}[sys.argv[1]](*sys.argv[2:])
