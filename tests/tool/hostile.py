#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""hostile.py snapshot NAME: one whose names and values have what nobody is to see.
hostile.py scan FILE...: does none of it get anywhere? Prints what did.

What is not to be seen is what Unicode has of controls, format characters and
separators of lines, and bytes that are no UTF-8.
"""

import json
import sys
import unicodedata

HIDDEN = {chr(code) for code in range(1, 0x110000)
          if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp")}
# Said by name, lest another Unicode says otherwise.
HIDDEN |= {chr(code) for code in (*range(0x80, 0xa0), *range(0x202a, 0x202f),
                                  *range(0x2066, 0x206a), 0x200e, 0x200f, 0x61c)}
MARKUP = "<script>alert(1)</script>&amp;'\"<!--"
MODEL = "https://example.org/nic"


def snapshot(name):
    """Each of them in a text of each kind."""
    every = "".join(sorted(HIDDEN))
    param = {"type": "word", "off": "slow", "default": "slow",
             "allowed": "slow <script>'\"<!-- \u202egnol",
             "description": every + MARKUP}
    kinds = [{"name": f"t{code:x}-{char}", "parent": f"p{char}", "api": char,
              "available_instances": 1, "description": char, "model": MODEL,
              "version": f"v{char}", "config": f"model={MODEL}",
              "params": {"mode": param, "ring-size":
                         {"type": "uint", "off": "0", "default": "0", "allowed": "0-9"}}}
             for code, char in enumerate(sorted(HIDDEN))]
    return {"schema_version": "1.1",
            "host": {"name": name + MARKUP + every, "kernel": every, "machine": every},
            "modules": {"mdev_" + every: {"version": every}},
            "types": kinds,
            "devices": [{"uuid": "d" + every, "type": "t" + every, "model": MODEL,
                         "config": f"model={MODEL},mode=\u202egnol", "state": every,
                         "last_error": every}],
            "other_devices": [{"name": every, "bus": every, "driver": every, "mdev_type": every}]}


def scan(path):
    """What is in a file that is not to be there, as words."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return [f"no UTF-8: {error}"]
    found = sorted(set(text) & HIDDEN - {"\n"})
    return [f"U+{ord(char):04X}" for char in found] + \
        [tag for tag in ("<script>alert", "'\"<!--") if tag in text and "<html" in text]


def main():
    command, *args = sys.argv[1:]
    if command == "snapshot":
        json.dump(snapshot(args[0]), sys.stdout)
        return 0
    failed = 0
    for path in args:
        for what in scan(path):
            print(f"{path}: {what}")
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
