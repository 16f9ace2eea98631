"""Mounts that hang or are dead, made of FUSE itself, and what is mounted now."""

import array
import os
import socket
import subprocess
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


def mounted_below(folder):
    """Where something is mounted, at or below a folder; the folder itself is not asked."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    return [point for point in points if f"{point}/".startswith(f"{folder}/")]


def unmount(folder):
    """Take away what is mounted on a folder, also what hangs."""
    subprocess.run(["fusermount3", "-u", "-z", "-q", str(folder)], check=False)


@contextmanager
def hung_mount(folder):
    """A file system on ``folder`` that never answers; gives a function that kills it, and then all of it fails."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            subprocess.run(
                ["fusermount3", "-o", "fsname=hung", "--", str(folder)],
                env=os.environ | {"_FUSE_COMMFD": str(theirs.fileno())},
                pass_fds=[theirs.fileno()],
                check=True,
            )
        _, rights, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))
    (device,) = array.array("i", rights[0][2])
    alive = [device]

    def kill():
        while alive:
            os.close(alive.pop())

    try:
        yield kill
    finally:
        kill()
        unmount(folder)


@cache
def can_mount():
    """True where programs may make file systems; one is made."""
    try:
        with TemporaryDirectory() as folder, hung_mount(folder):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


needs_fuse = pytest.mark.skipif(
    not can_mount(), reason="nothing can be mounted here: it takes /dev/fuse and fusermount3"
)
