"""What the kernel says about a folder that is mounted on, and taking a dead mount away.

``/proc/self/mountinfo`` is read for every question that it can answer, since it never hangs. A file system in
user space hangs for ever when its program does, and fails with ENOTCONN when that is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from jupyter_mesh.errors import AlreadyExists, InvalidRequest, Unavailable

__all__ = ["Mount", "clear", "detach", "fusermount", "is_alive", "mounts_at"]

ALIVE_WITHIN = 2.0
DEVICE = "mesh:"
"""How the device of our mounts begins; the name of the site follows."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the table of mounts."""

    point: Path
    kind: str
    device: str

    @property
    def is_fuse(self) -> bool:
        """True for a file system whose program runs as an ordinary process."""
        return self.kind == "fuse" or self.kind.startswith("fuse.")

    @property
    def is_ours(self) -> bool:
        """True for one that a program of ours mounted."""
        return self.is_fuse and self.device.startswith(DEVICE)


def mounts_at(directory: Path, *, below: bool = False) -> list[Mount]:
    """What is mounted on a folder (and below it), the last one mounted last. Never touches the folder."""
    found = []
    with open("/proc/self/mountinfo", "rb") as table:
        for line in table:
            front, _, back = line.partition(b" - ")
            point = Path(_plain(front.split(b" ")[4]))
            if point == directory or (below and directory in point.parents):
                kind, device = back.split(b" ")[:2]
                found.append(Mount(point, _plain(kind), _plain(device)))
    return found


def _plain(word: bytes) -> str:
    return os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda code: bytes([int(code[1], 8)]), word))


_asking: dict[Path, Future[bool]] = {}
_asking_lock = threading.Lock()


async def is_alive(directory: Path, within: float = ALIVE_WITHIN) -> bool:
    """True if something is mounted on the folder and answers in time.

    The question is asked in a thread of its own that nobody waits for at the end, and once at a time: those
    who ask a mount that hangs do not pile up.
    """
    with _asking_lock:
        answer = _asking.get(directory)
        if answer is None:
            answer = _asking[directory] = Future()
            threading.Thread(
                target=_ask, args=(directory, answer), daemon=True, name="mesh-mount-alive"
            ).start()
    done, _ = await asyncio.wait({asyncio.wrap_future(answer)}, timeout=within)
    return bool(done) and answer.result()


def _ask(directory: Path, answer: Future[bool]) -> None:
    try:
        good = bool(mounts_at(directory))
        if good:
            os.stat(directory)
    except OSError:
        good = False
    with _asking_lock:
        del _asking[directory]
    answer.set_result(good)


def fusermount() -> str:
    """The program that mounts for people who are not root; raises InvalidRequest where there is none."""
    program = shutil.which("fusermount3")
    if program is None:
        raise InvalidRequest(
            "fusermount3 is not installed, and nothing can be mounted without it. "
            "Install it, for example on Debian: apt install fuse3."
        )
    return program


def detach(directory: Path) -> None:
    """Take away all that is mounted on a folder and below it, also what hangs or is dead.

    Programs that have files open there keep what they have. Blocks for some seconds at most; raises Unavailable
    when something is still mounted afterwards.
    """
    helper = shutil.which("fusermount3")
    commands = [[helper, "-u", "-z"]] if helper else []
    if os.geteuid() == 0:
        commands.append(["umount", "--lazy", "--no-canonicalize"])
    while mounts := mounts_at(directory, below=True):
        # The last one mounted lies on top of the others.
        point = mounts[-1].point
        for command in commands:
            if len(mounts_at(directory, below=True)) < len(mounts):
                break
            _run([*command, str(point)])
        if len(mounts_at(directory, below=True)) >= len(mounts):
            raise Unavailable(
                f"{point} cannot be unmounted. See which program uses it (fuser -vm {point}), "
                "or unmount it as root: umount --lazy."
            )


def _run(command: list[str]) -> None:
    # What it did is seen in the table of mounts.
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(  # noqa: S603 - no shell, and the path is one argument
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False
        )


async def clear(directory: Path) -> None:
    """Make a folder free to be mounted on: what a program of ours left there is taken away.

    The caller has claimed the folder, so whatever is ours there is left over. Raises AlreadyExists when
    something else is mounted there and works.
    """
    mounts = await asyncio.to_thread(mounts_at, directory)
    if not mounts:
        return
    if not all(mount.is_ours for mount in mounts) and await is_alive(directory):
        raise AlreadyExists(
            f"Something else is mounted on {directory} ({mounts[-1].device}). Name another folder."
        )
    await asyncio.to_thread(detach, directory)
