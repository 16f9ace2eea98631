"""A small process that stands between the demo and one of its programs and never outlives its purpose.

``python -m jupyter_mesh.demo.guard PROGRAM ARGUMENT…`` runs the program until it ends, or until standard
input closes: that happens when the demo asks for it, and also when the demo is killed. The program is asked
to stop (SIGTERM) and killed after a grace time; so is whatever it left behind, and then the guard ends with
the exit code of the program.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

GRACE = 35.0
"""Seconds for the program: a hub needs up to ten to stop its users' servers, and as much for what their mounts hold."""

LEFTOVER_GRACE = 3.0
PR_SET_CHILD_SUBREAPER = 36


def main(command: list[str]) -> int:
    """Run ``command`` to its end, or to the end of standard input."""
    _adopt_orphans()
    program = subprocess.Popen(  # noqa: S603  the command line comes from the demo
        command, stdin=subprocess.DEVNULL, start_new_session=True
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A terminal signals everyone in it; the demo alone decides, through standard input.
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_stop_at_end_of_input, args=(program.pid,), daemon=True).start()
    code = _wait(program.pid)
    _end_leftovers()
    return code if code >= 0 else 128 - code


def _adopt_orphans() -> None:
    """Become the parent of whatever loses its own below us (Linux), to see and end it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _stop_at_end_of_input(program: int) -> None:
    while os.read(0, 1):
        pass
    _signal(program, signal.SIGTERM)
    time.sleep(GRACE)
    _signal(program, signal.SIGKILL)


def _wait(program: int) -> int:
    """Reap everything that ends, until the program has; returns its exit code, negative for a signal."""
    while True:
        pid, status = os.wait()
        if pid == program:
            return os.waitstatus_to_exitcode(status)


def _end_leftovers() -> None:
    """Ask what is left below us to stop, then kill it."""
    deadline = time.monotonic() + LEFTOVER_GRACE
    number = signal.SIGTERM
    while True:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        left = _children()
        if not left:
            return
        for pid in left:
            _signal(pid, number)
        if time.monotonic() > deadline:
            number = signal.SIGKILL
        time.sleep(0.1)


def _children() -> list[int]:
    """Pids of our children; empty where the system has no /proc, since nothing is adopted there."""
    own = str(os.getpid())
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # "pid (name) state ppid …": the name may hold anything, so read from its end.
            fields = status.read_text().rpartition(")")[2].split()
            if fields[1] == own:
                found.append(int(status.parent.name))
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
