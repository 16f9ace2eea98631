"""Files of this machine that only their owner reads: notes that are whole or not there, and locks between programs."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_mesh.auth import make_private
from jupyter_mesh.errors import (
    InvalidRequest,
    IsADirectory,
    MeshError,
    NotADirectory,
    NotAllowed,
    NotFound,
    QuotaExceeded,
)

if sys.platform != "win32":
    import fcntl

__all__ = ["local_error", "lock", "private_folder", "state_folder", "write_private"]

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the disk says when it has no room, or allows no more of it."""


def state_folder(name: str) -> Path:
    """Where the programs of this user keep what has to survive them."""
    base = os.environ.get("XDG_STATE_HOME", "")
    # The specification has relative ones ignored.
    root = Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state"
    return root / "jupyter-mesh" / name


def private_folder(folder: Path) -> Path:
    """The folder, made if needed, and nobody else's business."""
    make_private(folder)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def write_private(path: Path, text: str) -> None:
    """Write a small file that its owner alone can read, whole or not at all."""
    private_folder(path.parent)
    # mkstemp makes the file 0600 from the start.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def lock(file: Any, *, shared: bool = False) -> bool | None:
    """True if this process alone has ``file`` from now on, False if another one has; None without locks here.

    ``shared`` asks whether nobody has it alone. It lasts until the file is closed, however the process ends.
    """
    if sys.platform == "win32":
        return None
    try:
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(file.fileno(), how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def local_error(error: OSError, doing: str, path: Path) -> MeshError:
    """What a user reads when this machine's own disk fails while ``doing`` something with ``path``."""
    start = f"Could not {doing}: "
    if error.errno in FULL:
        return QuotaExceeded(
            f"{start}there is no room left on this machine for {path}. Free some of it, then try again: "
            "it goes on where it stopped."
        )
    match error:
        case FileNotFoundError():
            return NotFound(f"{start}{path} does not exist.")
        case IsADirectoryError():
            return IsADirectory(f"{start}{path} is a folder.")
        case NotADirectoryError():
            return NotADirectory(f"{start}a part of {path} is a file.")
        case PermissionError():
            return NotAllowed(f"{start}you may not use {path}.")
    return InvalidRequest(f"{start}{path}: {error.strerror or type(error).__name__}.")
