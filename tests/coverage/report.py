#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""report.py SRC GCDA...: what the counters below the folders GCDA say of SRC/drivers.

A line counts if the compiler made code of it, a branch if the source decides it: what an
assertion or a lock's guard adds does not, see NOT_OURS. What no test can come to is named
in the file `except`, with the reason.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

# Assertions, and the checks that guards and loops of the kernel's bring along.
NOT_OURS = re.compile(r"\b(WARN_ON(_ONCE)?|BUG_ON|lockdep_assert\w*|VNET_ASSERT|guard|scoped_guard|"
                      r"might_sleep|kmap_local_page|rcu_dereference\w*|static_assert)\(")


class Coverage:
    """Counts by source file and line: how often, and of each branch there."""

    def __init__(self):
        self.lines = collections.defaultdict(collections.Counter)
        self.branches = collections.defaultdict(collections.Counter)

    def add(self, gcno, gcda):
        with tempfile.TemporaryDirectory() as work:
            base = pathlib.Path(work, gcda.name)
            base.write_bytes(gcda.read_bytes())
            base.with_suffix(".gcno").write_bytes(gcno.read_bytes())
            done = subprocess.run(["gcov", "--json-format", "--stdout", "-b", base.name], cwd=work,
                                  check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for text in done.stdout.splitlines():
            for file in json.loads(text)["files"]:
                name = re.sub(r"^.*?(?=drivers/(mdev_migrate|pattern|virtio_net)/)", "", file["file"])
                if not name.startswith("drivers/") or not name.endswith(".c"):
                    continue
                self.add_file(pathlib.PurePath(name.replace("/./", "/")).as_posix(), file["lines"])

    def add_file(self, name, lines):
        for line in lines:
            number = line["line_number"]
            self.lines[name][number] += line["count"]
            for i, branch in enumerate(line["branches"]):
                self.branches[name][number, line.get("function_name"), i] += branch["count"]


def exceptions(path):
    """[(file, pattern)] of lines that no test comes to."""
    result = []
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            file, pattern = line.split(maxsplit=1)
            result.append((file, re.compile(pattern)))
    return result


def percent(part, whole):
    return 100 * part / whole if whole else 100


def main():
    src, folders = pathlib.Path(sys.argv[1]), sys.argv[2:]
    excepted = exceptions(pathlib.Path(__file__).with_name("except"))
    coverage = Coverage()
    for folder in map(pathlib.Path, folders):
        for gcda in folder.rglob("*.gcda"):
            part = re.search(r"drivers/.*", str(gcda))
            if part:
                coverage.add((src / part[0]).with_suffix(".gcno"), gcda)
    if not coverage.lines:
        sys.exit("there are no counters: the run has failed")

    totals = collections.Counter()
    missing = []
    for name in sorted(coverage.lines):
        text = (src / name).read_text().splitlines()
        one = collections.Counter()
        for number, count in sorted(coverage.lines[name].items()):
            line = text[number - 1]
            if any(file == name and p.search(line) for file, p in excepted):
                continue
            taken = [] if NOT_OURS.search(line) else \
                [n > 0 for (at, _, _), n in coverage.branches[name].items() if at == number]
            one += {"lines": 1, "lines_done": count > 0, "branches": len(taken),
                    "branches_done": sum(taken)}
            if not count:
                missing.append(f"{name}:{number}: not run: {line.strip()}")
            elif not all(taken):
                missing.append(f"{name}:{number}: {len(taken) - sum(taken)} of {len(taken)} branches "
                               f"not taken: {line.strip()}")
        totals += one
        print(f"{name:40} lines {percent(one['lines_done'], one['lines']):5.1f} % of {one['lines']:4}"
              f"   branches {percent(one['branches_done'], one['branches']):5.1f} % of {one['branches']:4}")
    print(*missing, sep="\n")
    print(f"coverage: lines {percent(totals['lines_done'], totals['lines']):.1f} % of {totals['lines']}, "
          f"branches {percent(totals['branches_done'], totals['branches']):.1f} % of {totals['branches']}")


if __name__ == "__main__":
    main()
