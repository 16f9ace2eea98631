"""Whether this machine can mount at all, before anybody tries."""

from __future__ import annotations

import asyncio
import os

from jupyter_mesh.errors import InvalidRequest, MeshError
from jupyter_mesh.mount import mountpoint
from jupyter_mesh.mount.rclone import find_rclone

__all__ = ["why_not"]

DEVICE = "/dev/fuse"


async def why_not() -> str:
    """What keeps this machine from mounting, with what to do, in plain words; "" when nothing does."""
    try:
        await asyncio.to_thread(_look_at_device)
        mountpoint.fusermount()
        await find_rclone()
    except MeshError as error:
        return str(error)
    return ""


def _look_at_device() -> None:
    try:
        os.close(os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        raise InvalidRequest(
            f"{DEVICE} cannot be used here ({error.strerror}), and nothing can be mounted without it. "
            f"A container gets it with: --device {DEVICE} --cap-add SYS_ADMIN."
        ) from error
