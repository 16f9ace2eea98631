"""rclone's VFS on one folder: mounted, kept alive, its queue of uploads looked at and hurried.

rclone sees the adapter alone, by a name that never changes, and no token: so the name of its cache never changes
either, and what is queued survives every restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jupyter_mesh.errors import DeadlineExceeded, MeshError, Unavailable
from jupyter_mesh.mount import mountpoint
from jupyter_mesh.mount.mending import mend
from jupyter_mesh.mount.queue import Pending, dirty_files, pending_of, refusals
from jupyter_mesh.mount.rclone import Rclone, RcloneFailed
from jupyter_mesh.paths import is_within, parent_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jupyter_mesh.mount.folder import StateFolder

__all__ = ["Engine"]

log = logging.getLogger(__name__)

WRITE_BACK = "5s"
"""From close() to the upload. A file that is written and renamed in this time is uploaded once, under its name."""
LISTED_FOR = "15s"
"""How long a folder is believed to be as it was listed. rclone lists it again only when it is used after that, and opens
of a name that the kernel still knows do not reach it."""
LOOK_EVERY = 2.0
SILENT_FOR = 60.0
"""Seconds of silence after which rclone is started anew."""
LIST_WITHIN = 60.0
"""Seconds for reading one folder again: it may be very long, and the site slow."""
STILL_OPEN = 1.0
"""Seconds for which a changed file that nobody queues is believed to be on its way into the queue."""
SETTLED = 10.0
"""Seconds that rclone must have run for its next end to be a new trouble, and not the same one again."""


@dataclass(slots=True)
class Engine:
    """One folder, mounted. ``start`` and ``stop`` belong together; ``run`` keeps it alive in between.

    The adapter serves at ``dav.sock`` in the state folder from before ``start`` until after ``stop``.
    """

    program: str
    folder: StateFolder
    directory: Path
    site: str
    read_only: bool = False
    owner: tuple[int, int] | None = None
    """User and group id of another account that the files are for; None for our own. Only root can serve others."""
    on_unmounted: Callable[[], None] = lambda: None
    """Called when somebody else has unmounted the folder."""
    pending: list[Pending] = field(default_factory=list)
    """The queue as it was seen last."""
    trouble: str = ""
    """Why the mount does not work at the moment, in a sentence; "" when it does."""
    trouble_since: datetime | None = None
    cache: dict[str, int] = field(default_factory=lambda: {"used": 0, "files": 0})
    _rclone: Rclone = field(init=False)
    _locked: set[str] = field(default_factory=set)
    _ready: bool = False
    _started: float = 0.0
    _heard: float = 0.0

    def __post_init__(self) -> None:
        self._rclone = Rclone(self.program, self.folder)

    @property
    def pid(self) -> int:
        """The number of the rclone process."""
        return self._rclone.pid

    async def start(self) -> None:
        """Start rclone and mount; the folder can be used when this returns.

        Raises MeshError when it cannot be mounted; nothing runs then.
        """
        await asyncio.to_thread(mend, self.folder.path / "cache")
        try:
            await self._rclone.start()
            await self._mount("", self.directory, read_only=self.read_only)
            for path in sorted(self._locked):
                await self._mount_read_only(path)
        except BaseException:
            await self._end()
            raise
        self._started = self._heard = time.monotonic()
        self._ready = True
        self.trouble, self.trouble_since = "", None

    async def stop(self) -> None:
        """Unmount and end rclone. What is queued stays on the disk; ``flush`` first."""
        self._ready = False
        for path in sorted(self._locked, reverse=True):
            await self._unmount(self.directory / path)
        await self._unmount(self.directory)
        await self._end()

    async def run(self) -> None:
        """Keep it alive: start rclone again when it ends or is silent for long. Runs until it is cancelled."""
        pause = 1.0
        while True:
            watching = asyncio.create_task(self._watch())
            try:
                code = await self._rclone.ended()
            finally:
                watching.cancel()
            self._ready = False
            self._fail(f"rclone has ended ({code}). It is being started again.")
            log.warning("rclone has ended (%s) and is started again", code)
            if time.monotonic() - self._started > SETTLED:
                pause = 1.0
            while not self._ready:
                try:
                    await asyncio.to_thread(mountpoint.detach, self.directory)
                    await self.start()
                except (MeshError, OSError) as error:
                    # Also a full disk or too many processes: they pass, and a mount that is given up stays dead.
                    self._fail(f"{error} It is tried again.")
                    log.warning("Cannot mount: %s", error)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, 30.0)
            log.warning("mounted again")

    async def lock(self, paths: Iterable[str]) -> None:
        """Have these folders and no others be read-only: each is a mount of its own inside the mount."""
        wanted = set(paths)
        for path in sorted(self._locked - wanted, reverse=True):
            await self._unmount(self.directory / path)
            self._locked.discard(path)
        for path in sorted(wanted):
            if await asyncio.to_thread(mountpoint.mounts_at, self.directory / path):
                continue
            try:
                await self._mount_read_only(path)
            except MeshError as error:
                # The site refuses writes anyway; here they would be refused at once.
                log.warning("%s is not read-only in the mount: %s", path, error)
            else:
                self._locked.add(path)

    async def look(self) -> None:
        """See what waits, now; raises MeshError when rclone does not say."""
        known = {each.path: each for each in self.pending}
        entries = await self._queue()
        self.pending = pending_of(entries, known)
        stats = (await self._ask("vfs/stats")).get("diskCache") or {}
        self.cache = {"used": stats.get("bytesUsed", 0), "files": stats.get("files", 0)}
        self._heard = time.monotonic()

    async def refresh(self, path: str) -> None:
        """Look again at a mesh path, and at the folder that holds it, however much above it is new, too."""
        folder = parent_of(path)
        while not await self._read_again(folder) and folder:
            folder = parent_of(folder)
        if path:
            await self._read_again(path)

    async def _read_again(self, folder: str) -> bool:
        """Have rclone list a folder; False for what it does not know as one."""
        where = {"dir": folder} if folder else {}
        try:
            answer = await self._ask("vfs/refresh", within=LIST_WITHIN, **where)
        except RcloneFailed:
            return False
        return (answer.get("result") or {}).get(folder) == "OK"

    async def flush(self, path: str, within: float) -> list[str]:
        """Upload what is at or below a mesh path now; returns what is not at the site when the time is over.

        Does not wait for a file that a program still writes, nor for one whose upload has just been refused.
        """
        end = time.monotonic() + within
        meta = await self._metadata()
        hurried: set[int] = set()
        refused: set[str] = set()
        before: dict[str, int] = {}
        unqueued: dict[str, float] = {}
        while True:
            # In this order: what leaves the first before we look comes into the second.
            dirty = await asyncio.to_thread(dirty_files, meta, path)
            entries = [each for each in await self._queue() if is_within(each["name"], path)]
            queued = {entry["name"] for entry in entries}
            for entry in entries:
                name = entry["name"]
                if refusals(entry) > before.setdefault(name, refusals(entry)):
                    refused.add(name)
                elif not entry.get("uploading") and entry["id"] not in hurried:
                    hurried.add(entry["id"])
                    with contextlib.suppress(RcloneFailed):
                        await self._ask("vfs/queue-set-expiry", id=entry["id"], expiry=-1e9)
            now = time.monotonic()
            unqueued = {name: unqueued.get(name, now) for name in dirty - queued}
            still_open = {name for name, since in unqueued.items() if now - since > STILL_OPEN}
            left = (dirty | queued) - still_open - refused
            if not left or now > end:
                return sorted(left | still_open | refused)
            await asyncio.sleep(0.05)

    async def _watch(self) -> None:
        """Look at rclone and its mount again and again."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if not await asyncio.to_thread(mountpoint.mounts_at, self.directory):
                log.warning("somebody has unmounted %s", self.directory)
                self.on_unmounted()
                return
            try:
                await self.look()
            except MeshError as error:
                silence = time.monotonic() - self._heard
                if silence > LOOK_EVERY * 2:
                    self._fail("rclone does not answer: files in the mount may hang.")
                if silence > SILENT_FOR:
                    log.warning("rclone is silent and is ended: %s", error)
                    self._rclone.kill()
                    return
            else:
                self.trouble, self.trouble_since = "", None

    def _fail(self, why: str) -> None:
        self.trouble = why
        self.trouble_since = self.trouble_since or datetime.now(UTC)

    async def _ask(self, verb: str, **body: Any) -> dict[str, Any]:
        """A verb of the VFS of the whole mount: there may be read-only ones beside it."""
        return await self._rclone.ask(verb, fs=await self._name(), **body)

    async def _name(self) -> str:
        """What rclone calls the whole mount."""
        mounts = (await self._rclone.ask("mount/listmounts"))["mountPoints"] or []
        for mount in mounts:
            if mount["MountPoint"] == str(self.directory):
                return str(mount["Fs"])
        raise Unavailable(f"{self.directory} is not mounted.")

    async def _queue(self) -> list[dict[str, Any]]:
        return (await self._ask("vfs/queue")).get("queue") or []

    async def _metadata(self) -> Path:
        stats = await self._ask("vfs/stats")
        return Path(stats["diskCache"]["pathMeta"])

    async def _mount(self, path: str, point: Path, *, read_only: bool) -> None:
        url = f"http://mesh/{quote(path)}/" if path else "http://mesh/"
        free = (await asyncio.to_thread(shutil.disk_usage, self.folder.path)).free
        await self._rclone.ask(
            "mount/mount",
            within=60.0,
            fs={
                "type": "webdav",
                "url": url,
                "unix_socket": "dav.sock",
                "vendor": "owncloud",
                "pacer_min_sleep": "0.01ms",
            },
            mountPoint=str(point),
            vfsOpt={
                "CacheMode": "full",
                "WriteBack": WRITE_BACK,
                "DirCacheTime": LISTED_FOR,
                "CacheMaxAge": "24h",
                "CacheMaxSize": free // 2,
                "CacheMinFreeSpace": 1 << 30,
                "ReadOnly": read_only,
                "Umask": "077",
                "FilePerms": "0400" if read_only else "0600",
                "DirPerms": "0500" if read_only else "0700",
                "UID": self.owner[0] if self.owner else os.getuid(),
                "GID": self.owner[1] if self.owner else os.getgid(),
            },
            mountOpt={
                "DeviceName": f"{mountpoint.DEVICE}{self.site}",
                # Others may come in then, and the kernel looks at modes: they are for the owner alone.
                "AllowOther": self.owner is not None,
                "DefaultPermissions": self.owner is not None,
                "AttrTimeout": "1s",
                "AllowNonEmpty": bool(path),
            },
        )
        if not await mountpoint.is_alive(point, 30.0):
            raise Unavailable(f"{point} was mounted, but does not answer.")

    async def _mount_read_only(self, path: str) -> None:
        await self.refresh(path)
        await self._mount(path, self.directory / path, read_only=True)

    async def _unmount(self, point: Path) -> None:
        # Refused while somebody uses it, and by an rclone that hangs: then it is detached.
        with contextlib.suppress(RcloneFailed, Unavailable, DeadlineExceeded):
            await self._rclone.ask("mount/unmount", within=5.0, mountPoint=str(point))
        await asyncio.to_thread(mountpoint.detach, point)

    async def _end(self) -> None:
        await self._rclone.stop()
        await asyncio.to_thread(mountpoint.detach, self.directory)
