#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What the administrator's guides tell to type does what they say.

test_docs.py [FOLDER...] with the programs that they use; runs inside the lab; prints
TAP. The literal blocks of a guide are run in their
order: shell commands in one shell, QEMU's with what makes a machine of them,
QMP's against two such machines. A comment behind a command is what it prints
("..." stands for anything); one in parentheses is only for the reader.
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../qemu"))

# pylint: disable=wrong-import-position
import vmm  # noqa: E402

GUIDES = "/src/Documentation/admin-guide"
# Their names, and blocks that they have at least.
EXPECTED = {"getting-started.rst": 10, "comparing.rst": 8}
MACHINE = ("-machine pc -accel tcg -m 64 -nodefaults -display none -S "
           "-daemonize -pidfile /tmp/docs.pid")


def blocks(path):
    """The guide's literal blocks, as lists of lines."""
    block, inside = [], False
    with open(path, encoding="utf-8") as guide:
        for line in guide:
            line = line.rstrip("\n")
            if inside and (line.startswith("\t") or not line):
                block.append(line[1:])
                continue
            if inside and any(block):
                yield [text for text in block if text]
            block, inside = [], line.rstrip().endswith("::")
    if any(block):
        yield [text for text in block if text]


def commands(block):
    """Lines with their continuations, each with what it is to print."""
    text = "\n".join(block).replace("\\\n", " ")
    pending = None
    for line in text.split("\n"):
        comment = re.fullmatch(r"# (.*)", line)
        if comment and pending:
            pending[1] = f"{pending[1] or ''} {comment.group(1)}".strip()
            continue
        if pending:
            yield tuple(pending)
        match = re.fullmatch(r"(.*?)\s{2,}# (.*)|(.*)", line)
        command = match.group(1) or match.group(3)
        expected = match.group(2)
        if expected and expected.startswith("("):
            expected = None
        pending = [command, expected]
    if pending:
        yield tuple(pending)


class Shell:
    """One shell for all commands, so that it keeps folder and variables."""

    MARK = "docs-test-end"

    def __init__(self):
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            ["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)

    def run(self, command):
        """Returns what it printed and its exit status."""
        # What waits for more to be typed would wait for ever.
        self.process.stdin.write(f"{{ {command}\n}} </dev/null\n"
                                 f"echo {self.MARK} $?\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            # What a command prints need not end with a line.
            text, mark, status = line.partition(self.MARK)
            if mark:
                return "".join(lines) + text, int(status)
            lines.append(line)
        raise RuntimeError(f"the shell ended at: {command}")


def expect(command, output, status, expected):
    """Did the command do what the guide says?"""
    if expected is None:
        assert status == 0, f"{command}: status {status}: {output}"
        return
    pattern = ".*?".join(re.escape(part) for part in expected.split("..."))
    assert re.search(pattern, " ".join(output.split())), \
        f"{command}: printed '{output}', expected '{expected}'"


def run_qemu(shell, command):
    """A command line of the guide's, as a machine that does not start."""
    command = command.replace("...", MACHINE, 1)
    output, status = shell.run(command)
    assert status == 0, f"{command}: {output}"
    # The one warning that the guide tells of.
    assert not output.strip() or "dirty tracking" in output, output
    shell.run("kill $(cat /tmp/docs.pid); "
              "while [ -e /tmp/docs.pid ]; do sleep 0.1; done")


class Migration:
    """The two monitors that the QMP blocks are typed into."""

    def __init__(self, shell):
        self.shell = shell
        config, _ = shell.run("cat $DEV/migration/config")
        self.source = self.machine("source", shell.run("echo $UUID")[0])
        shell.run("DEST=$(cat /proc/sys/kernel/random/uuid); "
                  "echo $DEST > virtio_net-v1/create; "
                  "echo 1400 > /sys/bus/mdev/devices/$DEST/migration/params/mtu")
        uuid = shell.run("echo $DEST")[0]
        self.target = self.machine("target", uuid, "-incoming", "defer")
        assert "mtu=1400" in config, config
        with open("/etc/hosts", "a", encoding="utf-8") as hosts:
            hosts.write("127.0.0.1 destination\n")

    @staticmethod
    def machine(name, uuid, *extra):
        """A machine with the card and without a guest."""
        return vmm.Qemu(name, uuid.strip(), memory="64",
                        extra=("-S",) + extra)

    def type(self, text):
        """A block: both monitors get what names neither."""
        for message in re.findall(r'\{"execute".*?\}(?=\s*\{"execute"|\s*$)',
                                  text, re.S):
            name, arguments = vmm.parse(message)
            if name == "qmp_capabilities":
                continue
            if name == "migrate-incoming":
                vms = [self.target]
            elif name in ("migrate", "query-migrate"):
                vms = [self.source]
            else:
                vms = [self.source, self.target]
            for vm in vms:
                vm.qmp.execute(name, **arguments)

    def finish(self):
        """It completed as the guide says."""
        info = vmm.wait_migration(self.source)
        assert info["status"] == "completed", info
        assert info["vfio"]["transferred"] > 0 and "downtime" in info, info
        assert self.source.status() == "postmigrate", self.source.status()
        self.source.quit()
        self.target.quit()
        self.shell.run("echo 1 > /sys/bus/mdev/devices/$DEST/remove")


def run_block(shell, block, migration):
    """Run a block; returns the migration under way, if there is one."""
    text = "\n".join(block)
    if text.startswith("{"):
        migration = migration or Migration(shell)
        migration.type(text)
        if "query-migrate" in text:
            migration.finish()
            migration = None
        return migration
    for command, expected in commands(block):
        if command.startswith("qemu-system"):
            run_qemu(shell, command)
        elif "last_error" in command and "the source has" in (expected or ""):
            # Needs a destination that does not fit: test_migration.py has it.
            expect(command, *shell.run(command.replace("cat", "test -e")),
                   None)
        else:
            expect(command, *shell.run(command), expected)
    return migration


def run_guide(name, number):
    """Run all blocks of a guide; returns how many, and whether they passed."""
    shell, migration, first = Shell(), None, number
    shell.run("cd $(mktemp -d)")
    for block in blocks(os.path.join(GUIDES, name)):
        number += 1
        try:
            migration = run_block(shell, block, migration)
        except (AssertionError, RuntimeError, vmm.QmpError, OSError) as error:
            print(f"# {error}\nnot ok {number} {name}: {block[0]}", flush=True)
            return number, False
        print(f"ok {number} {name}: {block[0]}", flush=True)
    return number, number - first >= EXPECTED[name]


def main():
    """Run all guides; the first block that fails ends one."""
    os.environ["PATH"] = ":".join(sys.argv[1:] + [os.environ["PATH"]])
    subprocess.run(["modprobe", "bridge"], check=True)
    number, good = 0, True
    print("TAP version 13")
    for name in EXPECTED:
        number, passed = run_guide(name, number)
        good = good and passed
    print(f"1..{number}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
