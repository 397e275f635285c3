#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Mutants of the modules: an operator, a condition or a call of one line changed, one at a
time. The selftests must fail for each; a fixed sample of them is tried."""
import argparse
import hashlib
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
WORK = TOP / "build/mutants"
TREE = WORK / "sample"
RESULTS = WORK / "sample.results"
EXPLAINED = HERE / "sample.explained"

# What is changed to what, in code without its comments and strings.
OPERATORS = [
    (r" == ", " != "), (r" != ", " == "), (r" <= ", " < "), (r" >= ", " > "),
    (r" < ", " <= "), (r" > ", " >= "), (r" && ", " || "), (r" \|\| ", " && "),
    (r" \+ ", " - "), (r" - ", " + "), (r"\bif \(!", "if ("), (r"\|= ", "&= "),
    (r" & ", " | "), (r"\btrue\b", "false"), (r"\bfalse\b", "true"),
]
# Lines in which a change is none, or that are there for who debugs.
LEFT_OUT = re.compile(
    r"lockdep_|might_sleep|WARN_ON|BUILD_BUG|pr_\w+\(|dev_\w+\(|cond_resched|u64_stats_"
    r"|_destroy\(&|trace_|kunit|sizeof|MODULE_|EXPORT_|unlikely\(|^#|array_index_nospec"
    r"|mutex_init|spin_lock_init|INIT_|scope_guard|guard\(|synchronize_rcu|barrier\(|smp_\w+mb"
    r"|put_task_struct|kfree\(|sysfs_notify")
# What is likely to notice, by the file's name; all others come behind these.
FIRST = {
    "virtio_net/tx.c": "offload virtio rings", "virtio_net/rx.c": "virtio offload rings",
    "virtio_net/chain.c": "rings virtio", "virtio_net/ring.c": "virtio rings",
    "virtio_net/queue.c": "virtio move", "virtio_net/ctrl": "ctrl mq",
    "virtio_net/filter.c": "ctrl", "virtio_net/steer.c": "mq", "virtio_net/offload.c": "offload",
    "virtio_net/parts": "parts records move", "virtio_net/state.c": "old_streams parts records",
    "virtio_net/common_cfg.c": "virtio", "virtio_net/pci.c": "pci virtio",
    "virtio_net/netdev.c": "netdev bridge", "virtio_net/model.c": "config versions",
    "virtio_net/ethtool.c": "netdev", "virtio_net/ifname.c": "netdev",
    "mdev_migrate/pci/irq": "irq msi", "mdev_migrate/pci/": "pci virtio irq pci_only msi",
    "bochs_display/": "bochs_display bochs_state", "frame/display.c": "bochs_display",
    "pattern/": "pattern pattern_bad", "codec/pages.c": "pattern_bad",
    "mdev_migrate/ram/": "ram_map pattern pattern_bad ram_slow",
    "mdev_migrate/description/": "sysfs config", "mdev_migrate/codec": "config records stream",
    "migration/save.c": "stream datafd", "migration/resume.c": "stream datafd records",
    "migration/fsm.c": "fsm", "migration/session.c": "datafd fsm",
    "memory/dirty.c": "dirty dma", "memory/dma.c": "dma dirty",
    "memory/cache.c": "dma memlock", "memory/fill.c": "dma memlock", "memory/pin.c": "dma memlock",
    "memory/unmap.c": "dma uffd", "memory/map.c": "dma uffd",
    "memory/marks.c": "dma uffd", "memory/calls.c": "dma",
}


def bare(line):
    """The line with what is in strings and comments blanked, of the same length."""
    def blank(m):
        return " " * len(m.group(0))
    return re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])*\'|/\*.*?\*/|/\*.*$|^ \*.*$', blank, line)


class Mutant:
    """A line of a file, and what it becomes."""

    def __init__(self, path, number, old, new, nth):
        self.path, self.number, self.old, self.new = path, number, old, new
        text = f"{path}\n{old}\n{new}\n{nth}"
        self.key = hashlib.sha256(text.encode()).hexdigest()[:12]

    def __str__(self):
        return f"{self.key} {self.path}:{self.number}: {self.old.strip()} -> {self.new.strip()}"


def changes(line):
    code = bare(line)
    for pattern, new in OPERATORS:
        for m in re.finditer(pattern, code):
            yield line[:m.start()] + new + line[m.end():]
    m = re.match(r"(\t+(?:} else )?if )\((.*)\)( \{)?$", code)
    if m and code.count("(") == code.count(")"):
        inner = line[m.start(2):m.end(2)]
        yield f"{m.group(1)}(0 && ({inner})){m.group(3) or ''}"
    if re.match(r"\t+[a-z_]\w*\(.*\);$", code):
        yield re.match(r"\t+", line).group(0) + ";"


def mutants():
    """All there are, in an order that has to do with nothing else."""
    found = []
    for path in sorted(TOP.glob("drivers/**/*.c")):
        name = str(path.relative_to(TOP))
        seen = {}
        inside = False
        for number, line in enumerate(path.read_text().split("\n"), 1):
            if line == "{":
                inside = True
            elif line.startswith("}"):
                inside = False
            if not inside or LEFT_OUT.search(line):
                continue
            for new in changes(line):
                nth = seen[line, new] = seen.get((line, new), 0) + 1
                found.append(Mutant(name, number, line, new, nth))
    return sorted(found, key=lambda m: m.key)


def run(*command):
    with open(WORK / "sample.log", "ab") as log:
        return subprocess.run(command, cwd=TREE, stdout=log, stderr=log, check=False).returncode


def programs(path):
    text = (TREE / "tests/selftests/run.sh").read_text()
    everything = re.search(r'^all="(.*)"$', text, re.M).group(1).split()
    first = next((v.split() for k, v in FIRST.items() if k in path), [])
    # Those that wait for long, or inject faults, say little here.
    last = ["converge", "memlock", "pressure", "costs", "pending", "faults", "calls",
            "shortage", "charge", "events", "readers"]
    middle = [p for p in everything if p not in first and p not in last]
    return first + middle + [p for p in last if p in everything and p not in first]


def is_noticed(mutant, flavour):
    """None if it could not be tried; else whether, and by what."""
    (WORK / "sample.log").write_text("")
    lab = "tests/lab/lab"
    if run(lab, "modules", flavour):
        return None, "does not build"
    timeout = "900" if flavour == "debug" else "300"
    status = run(lab, "run", flavour, "--timeout", timeout, "--no-kmemleak", "--log",
                 str(WORK / "sample.kernel"), "--", "env", "SELFTESTS_STOP=1",
                 "/mdev/selftests/run.sh", "/mdev", *programs(mutant.path))
    if status == 97:
        return None, "the lab does not run"
    log = (WORK / "sample.log").read_text(errors="replace")
    failed = re.findall(r"^# (test_\w+): not ok|^# FAILED: (\w+)", log, re.M)
    last = re.findall(r"^# (test_\w+)$", log, re.M)
    by = next((a or b for a, b in failed), last[-1] if last else "loading")
    return status != 0, f"{by}, status {status}"


def try_one(mutant):
    path = TREE / mutant.path
    text = path.read_text()
    lines = text.split("\n")
    assert lines[mutant.number - 1] == mutant.old
    lines[mutant.number - 1] = mutant.new
    path.write_text("\n".join(lines))
    try:
        for flavour in "fast", "debug":
            noticed, by = is_noticed(mutant, flavour)
            if noticed or noticed is None:
                break
    finally:
        path.write_text(text)
    return {True: "noticed", False: "missed", None: "skipped"}[noticed], by


def copy_tree():
    TREE.mkdir(parents=True, exist_ok=True)
    subprocess.run(f"git ls-files -z | tar -c --null -T - | tar -x -C {TREE}", shell=True,
                   cwd=TOP, check=True)


def table(path):
    """Of a file of lines "KEY WHAT", what by key."""
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split(None, 1) for line in lines if line and line[0] != "#")


def report(sample):
    results, explained = table(RESULTS), table(EXPLAINED)
    counts = dict.fromkeys(("noticed", "missed", "explained"), 0)
    for mutant in sample:
        result = results.get(mutant.key, "").split(None, 1)[:1]
        if not result:
            continue
        kind = "explained" if result == ["missed"] and mutant.key in explained else result[0]
        if kind in counts:
            counts[kind] += 1
        if kind == "missed":
            print(f"missed {mutant}")
    tried = sum(counts.values())
    if tried:
        print(f"{tried} tried: {counts['noticed']} noticed ({counts['noticed'] / tried:.1%}), "
              f"{counts['explained']} explained, {counts['missed']} missed")
    return counts["missed"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--number", type=int, default=200, help="size of the sample")
    parser.add_argument("-l", "--list", action="store_true", help="print the sample, run nothing")
    parser.add_argument("-r", "--report", action="store_true", help="of what was tried before")
    parser.add_argument("key", nargs="*", help="only these, again")
    args = parser.parse_args()
    everything = mutants()
    results = table(RESULTS)
    sample = []
    # One that cannot be built is none: the next one takes its place.
    for mutant in everything:
        if len(sample) < args.number and not results.get(mutant.key, "").startswith("skipped"):
            sample.append(mutant)
    if args.key:
        sample = [m for m in everything if m.key in args.key]
    if args.list:
        print("\n".join(map(str, sample)))
        print(f"{len(sample)} of {len(everything)}")
        return 0
    if not args.report:
        copy_tree()
        for mutant in sample:
            if mutant.key in results and not args.key:
                continue
            start = time.monotonic()
            result, by = try_one(mutant)
            with open(RESULTS, "a", encoding="utf-8") as out:
                out.write(f"{mutant.key} {result} {by}\n")
            print(f"{result}: {mutant} ({by}, {time.monotonic() - start:.0f} s)", flush=True)
    return report(sample) != 0


if __name__ == "__main__":
    sys.exit(main())
