# SPDX-License-Identifier: GPL-2.0
"""Runs tests and tells how they went, as TAP."""

import time
import traceback


class Skip(Exception):
    """A test that cannot be done here: why."""


def run(tests, world):
    """Run tests, of (what it shows, function of @world); returns the exit status.

    What builds on one that failed fails too.
    """
    failed = 0
    print(f"TAP version 13\n1..{len(tests)}", flush=True)
    for number, (name, test) in enumerate(tests, 1):
        start = time.monotonic()
        note = ""
        try:
            test(world)
            result = "ok"
        except Skip as skip:
            result, note = "ok", f" # SKIP {skip}"
        except Exception:  # pylint: disable=broad-except
            result = "not ok"
            failed += 1
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
        print(f"{result} {number} {name}{note}\n"
              f"# {time.monotonic() - start:.1f} s", flush=True)
    return 1 if failed else 0


def documented(tests):
    """The tests, with the first thing that they say of themselves."""
    return [(test.__doc__, test) for test in tests]
