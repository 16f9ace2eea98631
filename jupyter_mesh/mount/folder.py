"""The state folder of a mount: its sockets, its log, and the files that are not at the site yet.

It stays between mounts, and is the same for the same folder of the same user at the same site: what could not
be uploaded before a stop is uploaded after the next start.

==================  ========================================================================
``mount.json``      who serves what: ``dir``, ``site``, ``user``, ``pid``, ``started``; gone after a clean stop
``control.sock``    HTTP for ``jupyter_mesh.mount.client``
``dav.sock``        the adapter, for rclone alone
``rc.sock``         rclone's remote control, for us alone
``cache/``          contents, also those that wait for their upload
``conflicts.json``  conflicts that nobody has seen yet
``log``             what the program and rclone had to say
==================  ========================================================================
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from jupyter_mesh.errors import AlreadyExists, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

__all__ = [
    "Facts",
    "StateFolder",
    "absolute",
    "check_directory",
    "claimed",
    "known_mounts",
    "mounts_folder",
    "shared_folder",
]

CLAIM_WITHIN = 1.0
"""Seconds to wait for a program that is just ending."""

KEEP_LOG = 1 << 20
"""Bytes of log above which the next start begins a new one; the one before it is kept as ``log.1``."""


def mounts_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder that holds the state folders of this user's mounts."""
    base = environ.get("XDG_STATE_HOME", "")
    root = Path(base) if base.startswith("/") else Path(os.path.expanduser("~"), ".local", "state")
    return root / "jupyter-mesh" / "mounts"


def shared_folder(directory: Path) -> Path:
    """Where a mount that is served to another container has ``mount.json`` and ``control.sock``: hidden, beside it."""
    return directory.with_name(f".{directory.name}.control")


def absolute(directory: str | Path) -> Path:
    """``directory`` as the kernel names it, without touching its last part: that may be a mount that hangs."""
    path = Path(os.path.abspath(directory))
    return Path(os.path.realpath(path.parent)) / path.name


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What ``mount.json`` says."""

    dir: Path
    site: str
    user: str
    pid: int
    started: datetime

    def to_json(self) -> dict[str, Any]:
        """As the file has it."""
        return {
            "dir": str(self.dir),
            "site": self.site,
            "user": self.user,
            "pid": self.pid,
            "started": self.started.isoformat(),
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` made; raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            dir=Path(facts["dir"]),
            site=str(facts["site"]),
            user=str(facts["user"]),
            pid=int(facts["pid"]),
            started=datetime.fromisoformat(facts["started"]),
        )


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The state folder of one mount. All its methods block on the disk."""

    path: Path

    @classmethod
    def of(cls, site: str, user: str, directory: Path) -> Self:
        """The one of this folder, for this user of this site."""
        return cls(mounts_folder() / _digest(site, user, str(directory)))

    def make(self) -> None:
        """Make it, readable by its owner alone, and begin a new log where the old one has grown."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        cache = self.path / "cache"
        cache.mkdir(mode=0o700, exist_ok=True)
        log = self.path / "log"
        if log.exists() and log.stat().st_size > KEEP_LOG:
            log.replace(self.path / "log.1")

    @property
    def log(self) -> Path:
        """The log."""
        return self.path / "log"

    def facts(self) -> Facts | None:
        """What ``mount.json`` says; None when there is none, or none that can be read."""
        try:
            return Facts.from_json(json.loads((self.path / "mount.json").read_text()))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def tell(self, directory: Path, site: str, user: str) -> None:
        """Write ``mount.json`` for this process."""
        facts = Facts(
            dir=directory, site=site, user=user, pid=os.getpid(), started=datetime.now(UTC)
        )
        self.write("mount.json", facts.to_json())

    def untell(self) -> None:
        """Remove ``mount.json``: the mount has ended as it should."""
        (self.path / "mount.json").unlink(missing_ok=True)

    def read(self, name: str) -> Any:
        """A JSON file of this folder; None when there is none, or none that can be read."""
        try:
            return json.loads((self.path / name).read_text())
        except (OSError, ValueError):
            return None

    def write(self, name: str, content: Any) -> None:
        """Write a JSON file, all at once."""
        temporary = self.path / f".{name}.{os.getpid()}"
        temporary.write_text(json.dumps(content, indent=1) + "\n")
        temporary.replace(self.path / name)

    @contextmanager
    def opened(self) -> Iterator[Path]:
        """A short name of the folder while the block runs: names of sockets have 107 bytes at most."""
        descriptor = os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield Path(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)


@asynccontextmanager
async def claimed(directory: Path) -> AsyncIterator[None]:
    """Be the one program that mounts ``directory``, until the end of the block; also a killed one has an end.

    Raises AlreadyExists when another program has it, and does not let go within a moment.
    """
    descriptor = await asyncio.to_thread(_open_lock, directory)
    try:
        end = time.monotonic() + CLAIM_WITHIN
        while not _lock(descriptor):
            if time.monotonic() > end:
                raise AlreadyExists(
                    f"{directory} is mounted already. "
                    f"Unmount it first: jupyter mesh unmount {directory}."
                )
            await asyncio.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _open_lock(directory: Path) -> int:
    folder = mounts_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f".{_digest(str(directory))}.lock"
    return os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def known_mounts() -> list[tuple[StateFolder, Facts]]:
    """Every mount of this user that runs, or that ended without being stopped; the latest first.

    Among them the one that ``MESH_MOUNT`` names where another container serves it.
    """
    try:
        folders = [StateFolder(path) for path in mounts_folder().iterdir() if path.is_dir()]
    except OSError:
        folders = []
    found = [(folder, facts) for folder in folders if (facts := folder.facts()) is not None]
    if mount := os.environ.get("MESH_MOUNT", ""):
        point = absolute(mount)
        shared = StateFolder(shared_folder(point))
        if (facts := shared.facts()) is not None:
            found.append((shared, replace(facts, dir=point)))
    return sorted(found, key=lambda each: each[1].started, reverse=True)


def check_directory(directory: Path) -> None:
    """Make ``directory``, or see that it can be mounted on; raises InvalidRequest.

    Nothing may be mounted on it (``mountpoint.clear``): this looks inside.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with os.scandir(directory) as entries:
            first = next(entries, None)
    except FileExistsError:
        raise InvalidRequest(f"{directory} is a file. Name a folder to mount on.") from None
    except OSError as error:
        raise InvalidRequest(
            f"{directory} cannot be mounted on ({error.strerror}). Name a folder of your own."
        ) from error
    if first is not None:
        raise InvalidRequest(
            f'{directory} is not empty (it holds "{first.name}"): its content would be hidden. '
            "Name a folder that is empty, or one that does not exist yet."
        )
