"""One demo at a time in a folder, and no new one before the last program of the old one has ended."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jupyter_mesh.errors import AlreadyExists, Busy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["only_demo"]

STOPPING = 45.0
"""Seconds that the programs of a killed demo get to stop."""


@contextmanager
def only_demo(directory: Path) -> Iterator[int]:
    """Hold ``directory`` for one demo; gives the descriptor that its programs must inherit.

    Two locks: one lives as long as the demo itself, the other as long as any of its programs, also when the
    demo was killed. Raises AlreadyExists while a demo runs, Busy when programs of a killed one do not stop.
    """
    demo = os.open(directory / "demo.lock", os.O_RDWR | os.O_CREAT, 0o600)
    programs = os.open(directory / "programs.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _lock(demo):
            raise AlreadyExists(
                f"A demo already runs in {directory}. Stop it first (Ctrl-C in its terminal), or use another --dir."
            )
        _wait_for(programs, directory)
        yield programs
    finally:
        os.close(programs)
        os.close(demo)


def _wait_for(programs: int, directory: Path) -> None:
    deadline = time.monotonic() + STOPPING
    told = False
    while not _lock(programs):
        if not told:
            print("Programs of an earlier demo are still stopping …", file=sys.stderr, flush=True)
            told = True
        if time.monotonic() > deadline:
            raise Busy(
                f"Programs of an earlier demo in {directory} do not stop. Look at its logs, or use another --dir."
            )
        time.sleep(0.2)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
