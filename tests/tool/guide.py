#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""guide.py PAGE: what a guide tells to type does what it says. In the folder and with the PATH that
it is called with; each command is a test, as TAP without numbers."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../docs"))

# pylint: disable=wrong-import-position
import test_docs  # noqa: E402


def main():
    """All of its commands, in one shell."""
    shell, failed, nr = test_docs.Shell(), 0, 0
    for block in test_docs.blocks(sys.argv[1]):
        for command, expected in test_docs.commands(block):
            output, status = shell.run(command)
            nr += 1
            try:
                test_docs.expect(command, output, status, expected)
            except AssertionError as error:
                failed += 1
                print(f"FAILED {error}")
            else:
                print(f"ran {command}")
    print(f"{nr} commands, {failed} failed")
    return bool(failed or not nr)


if __name__ == "__main__":
    sys.exit(main())
