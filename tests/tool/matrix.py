#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""matrix.py fleet HOSTS KINDS [hostile|busy]: snapshots of as many hosts, of as many kinds, a line each.
matrix.py same TOOL FOLDER SEED HOSTS: is what the matrix says of each pair of hosts
what check says of each device?
matrix.py groups FILE FLEET TOOL: does what an answer in JSON says of groups go with what --pairs says?
matrix.py page FILE: what is in the table, as a reader without a script has it: a line
for each cell, from what to what, how it is shown, and the reason to which it leads.
matrix.py bright FILE: how bright a picture is on average, of 255.
"""

import html.parser
import json
import os
import random
import struct
import subprocess
import sys
import zlib

NET = "https://mdev-migrate.org/devices/virtio-net"
HOSTILE = "<script>document.title='x'</script>\"'&<!--\u202e\u009b"


def kind_of(kind, free):
    """Three versions of a card, which have one value more with each kind."""
    types = []
    for version in (1, 2, 3):
        filters = 8 * (kind + 1)
        value = min(filters, 24 * (version - 1))
        config = f"model={NET}" + (f",rx-filter-size={value}" if value else "")
        types.append({
            "name": f"virtio_net-v{version}", "parent": "virtio_net", "model": NET,
            "version": f"v{version}", "config": config, "stream_version": "1.0",
            "available_instances": free,
            "params": {"rx-filter-size": {"type": "uint", "off": "0", "default": str(value),
                                          "allowed": f"0-{filters}"},
                       "rss": {"type": "bool", "off": "off", "default": "off",
                               "allowed": "on off" if kind % 2 else "off"}}})
    return types


def snapshot(number, kind, free, sizes, evil=""):
    """A host with a device of each of these sizes of its filter."""
    devices = [{"uuid": f"{number:08x}-0000-4000-8000-{at:012x}", "type": "virtio_net-v1",
                "parent": "virtio_net", "model": NET, "state": "running",
                "config": f"model={NET}" + (f",rx-filter-size={size}" if size else "")}
               for at, size in enumerate(sizes)]
    types = kind_of(kind, free)
    for one in types:
        one["name"] += evil
        if free is None:
            del one["available_instances"]
    return json.dumps({"schema_version": "1.1", "host": {"name": f"host{number:05}{evil}"},
                       "types": types, "devices": devices})


def fleet(hosts, kinds, how=""):
    """Every seventh host is full, of the last kind all; every third has devices, or each others."""
    for number in range(hosts):
        kind = number % kinds
        full = number % 7 == 0 or kind == kinds - 1
        sizes = () if number % 3 else (0, 8 * (kind + 1))
        if how == "busy":
            sizes = (number % 31, number % 37, number % 41)
        print(snapshot(number, kind, 0 if full else 1 + number, sizes,
                       HOSTILE if how == "hostile" else ""))


def same(tool, folder, seed, count):
    """Pairs of hosts, some of which have no room, or do not say."""
    pick, order = random.Random(int(seed)), ("identical", "compatible", "unknown", "incompatible")
    files = []
    for number in range(int(count)):
        files.append(os.path.join(folder, f"host{number:05}.json"))
        sizes = [pick.choice((0, 8, 16, 24, 40)) for _ in range(pick.randint(1, 3))]
        with open(files[-1], "w", encoding="utf-8") as file:
            file.write(snapshot(number, pick.randint(0, 5), pick.choice((0, 1, 3, None)), sizes))
    answer = json.loads(subprocess.run([tool, "matrix", "--json", "--pairs", *files], check=True,
                                       capture_output=True).stdout)
    counts = dict.fromkeys(order + ("full",), 0)
    cells = iter(answer["cells"])
    for source in files:
        with open(source, encoding="utf-8") as file:
            devices = [device["uuid"] for device in json.load(file)["devices"]]
        for other in files:
            cell, verdicts, full = next(cells), [], False
            for device in devices:
                one = json.loads(subprocess.run(
                    [tool, "check", "--json", f"{source}:{device}", other], check=False,
                    capture_output=True, encoding="utf-8").stdout)
                verdicts.append(one["verdict"])
                full |= [finding["code"] for finding in one["findings"]
                         if finding["verdict"] == "incompatible"] == ["no-free-instance"]
            assert cell["verdict"] == max(verdicts, key=order.index), (source, other, cell, verdicts)
            assert cell.get("full", False) == full, (source, other, cell, verdicts)
            counts[cell["verdict"]] += 1
            counts["full"] += full
    print(counts)
    assert min(counts.values()) > 0, "a test that never has one of these shows nothing"


def groups(path, hosts, tool):
    """Each host is in one group of either kind, and each pair is as its groups are."""
    with open(path, encoding="utf-8") as file:
        answer = json.load(file)
    pairs = json.loads(subprocess.run([tool, "matrix", "--json", "--pairs", hosts], check=True,
                                      capture_output=True).stdout)
    of = {kind: {host: at for at, group in enumerate(answer[kind]) for host in group["hosts"]}
          for kind in ("from", "to")}
    for kind, at in of.items():
        assert sorted(at) == sorted(pairs["hosts"]), kind
        assert sum(len(group["hosts"]) for group in answer[kind]) == len(pairs["hosts"]), kind
    cells = {(cell["from"], cell["to"]): cell for cell in answer["groups"]}
    assert len(cells) == len(answer["groups"]) == len(answer["from"]) * len(answer["to"])
    full, counts = {}, {"full": 0, "reason": 0, "fits": 0}
    for pair in pairs["cells"]:
        at = of["from"][pair["source"]], of["to"][pair["destination"]]
        cell, is_full = cells[at], pair.get("full", False)
        full.setdefault(at, {}).setdefault(pair["source"], []).append(is_full)
        assert cell["of"] == pair["of"]
        if not is_full:
            assert cell.get("verdict") == pair.get("verdict"), (cell, pair)
            assert cell["fit"] == pair["fit"], (cell, pair)
        if pair.get("verdict") == "incompatible" and not is_full:
            assert answer["reasons"][cell["reason"]] == pair["message"], (cell, pair)
            counts["reason"] += 1
        counts["fits"] += pair.get("verdict") in ("identical", "compatible")
    for at, hosts_full in full.items():
        for one in hosts_full.values():
            assert cells[at].get("full_nr", 0) == sum(one), (cells[at], one)
            counts["full"] += sum(one)
    print(counts)
    assert min(counts.values()) > 0, "a test that never has one of these shows nothing"


class Page(html.parser.HTMLParser):
    """The table and what its links lead to."""

    # pylint: disable=too-many-instance-attributes

    def __init__(self):
        super().__init__()
        self.rows, self.at, self.texts, self.scripts, self.events = [], [], {}, 0, []
        self.links, self.cell = [], None

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.events += [name for name in attrs if name.startswith("on")]
        self.scripts += tag == "script"
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.cell = {"text": "", "class": attrs.get("class"), "links": []}
            self.rows[-1].append(self.cell)
        if tag == "a" and self.cell is not None:
            self.cell["links"].append(attrs["href"][1:])
        if "id" in attrs:
            assert attrs["id"] not in self.texts, f"twice: {attrs['id']}"
            self.texts[attrs["id"]] = ""
        if tag not in ("meta", "input"):
            self.at.append((tag, attrs.get("id")))

    def handle_endtag(self, tag):
        assert self.at[-1][0] == tag, f"</{tag}> where <{self.at[-1][0]}> is open"
        self.at.pop()
        if tag in ("td", "th"):
            self.cell = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell["text"] += data
        for _, name in self.at:
            if name:
                self.texts[name] += data


def page(path):
    """The table, flat."""
    reader = Page()
    with open(path, encoding="utf-8") as file:
        reader.feed(file.read())
    assert not reader.at and reader.scripts == 1 and not reader.events, \
        (reader.at, reader.scripts, reader.events)
    heads, *rows = reader.rows
    for row in rows:
        assert len(row) == len(heads)
        for head, cell in zip(heads[1:], row[1:]):
            assert cell["class"] in ("same", "none") or cell["links"], cell
            reasons = [reader.texts[link] for link in cell["links"]]
            assert all(reasons)
            hosts = [reader.texts[one["links"][0]] for one in (row[0], head)]
            assert all(hosts)
            print(f"{row[0]['text']} -> {head['text']}: {cell['class']}: {cell['text']}: "
                  f"{' / '.join(reasons)}")


def bright(path):
    """A PNG of 8 bits a colour, as Chromium makes them."""
    with open(path, "rb") as file:
        data = file.read()[8:]
    packed = b""
    while data:
        length, kind = struct.unpack(">I4s", data[:8])
        body, data = data[8:8 + length], data[12 + length:]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            assert depth == 8 and colour in (2, 6), (depth, colour)
        packed += body if kind == b"IDAT" else b""
    size = 3 if colour == 2 else 4
    rest, total, above = zlib.decompress(packed), 0, bytes(width * size)
    for _ in range(height):
        form, line, rest = rest[0], bytearray(rest[1:width * size + 1]), rest[width * size + 1:]
        for i, value in enumerate(line if form else ()):
            left, up = line[i - size] if i >= size else 0, above[i]
            corner = above[i - size] if i >= size else 0
            near = min((left, up, corner), key=lambda x, p=left + up - corner: abs(p - x))
            line[i] = (value + (0, left, up, (left + up) // 2, near)[form]) & 255
        total += sum(line[0::size])
        above = line
    print(total // (width * height))


if __name__ == "__main__":
    if sys.argv[1] == "fleet":
        fleet(int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
    elif sys.argv[1] == "same":
        os.makedirs(sys.argv[3], exist_ok=True)
        same(*sys.argv[2:])
    elif sys.argv[1] == "groups":
        groups(*sys.argv[2:])
    elif sys.argv[1] == "bright":
        bright(sys.argv[2])
    else:
        page(sys.argv[2])
