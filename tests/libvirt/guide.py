# SPDX-License-Identifier: GPL-2.0
"""The guide to libvirt: what it tells to type is what the tests type.

Its commands and definitions are taken from the page, so that a test of one that is
not there fails, and so does the last test if one there was not run.
"""

import re
import sys

sys.path.insert(0, "/src/tests/docs")

# pylint: disable=wrong-import-position
import test_docs  # noqa: E402

PAGE = "/src/Documentation/admin-guide/libvirt.rst"
PROGRAMS = ("apt", "virsh", "install", "udevadm")
# Where the guide's relative names are.
FOLDER = "/run"


def plain(text):
    """Without line breaks and indentation."""
    return " ".join(text.split())


class Guide:
    """The page's literal blocks, and which commands were not run yet."""

    def __init__(self):
        self.blocks = list(test_docs.blocks(PAGE))
        self.commands = dict(command for block in self.blocks
                             if block[0].split()[0] in PROGRAMS
                             for command in test_docs.commands(block))
        self.left = set(self.commands)

    def block(self, start):
        """The one literal block that begins so."""
        (block,) = (block for block in self.blocks if block[0].startswith(start))
        return "\n".join(block) + "\n"

    def shell(self, start, **instead):
        """The command that begins so, for a shell; names in it may stand for others."""
        (command,) = (text for text in self.commands if text.startswith(start))
        self.left.discard(command)
        typed = command
        for name, other in instead.items():
            assert name in typed, (name, typed)
            typed = typed.replace(name, other)
        return command, ("sh", "-c", f"cd {FOLDER} && {typed}")

    def run(self, host, start, **instead):
        """Run it on a host; it succeeds and prints what the guide says."""
        command, typed = self.shell(start, **instead)
        status, output = host.attempt(*typed)
        test_docs.expect(command, output, status, self.commands[command])
        return output

    def refused(self, host, start, **instead):
        """Run it on a host; it fails. Returns what it said."""
        return host.refused(*self.shell(start, **instead)[1])

    def tells(self, said):
        """This refusal is in the guide, word for word but for what "..." stands for."""
        said = plain(said)
        for block in self.blocks:
            words = plain(" ".join(block))
            pattern = re.escape(words).replace(re.escape("..."), ".+")
            if re.match("error: |operation failed: |internal error: ", words) and \
                    re.search(pattern, said):
                return
        raise AssertionError(f"the guide does not tell of: {said}")

    def shows(self, start, xml):
        """The guide's definition that begins so is part of this one."""
        have = re.sub(r"\s*(<|/?>)\s*", r"\1", xml)
        want = re.sub(r"\s*(<|/?>)\s*", r"\1", self.block(start))
        for part in want.split("..."):
            for tag in re.findall(r"<[^>]*>", part):
                # How the machine is run is not the guide's.
                assert tag in have or tag.startswith("<domain type="), (tag, have)
