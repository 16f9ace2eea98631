"""Becomes another program that is killed as soon as the one that started it ends: ``orphan.py PARENT COMMAND…``.

Run by path in a Python without site packages. A function between fork and exec would do the same, but is not
safe in a process with threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Never returns."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    # Killed, not asked: a mount whose program is gone fails for everybody, where an unmounted one would let
    # people write into the empty folder below it.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
