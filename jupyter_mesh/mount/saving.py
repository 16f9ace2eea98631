"""What rclone sends goes to the site without replacing what its user has not seen, and without giving up early.

rclone deletes the file at the site after every PUT that fails (``facts/data.md`` §8.4). So a PUT fails only where
nothing else is left: what may pass is waited for, what somebody else saved is left alone and ours goes beside it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jupyter_mesh.cs3.locks import lock_id_of
from jupyter_mesh.errors import (
    AlreadyExists,
    Busy,
    DeadlineExceeded,
    IsADirectory,
    Locked,
    LoginEnded,
    MeshError,
    NotFound,
    NotSupported,
    QuotaExceeded,
    SiteError,
    Unavailable,
)
from jupyter_mesh.errors import Conflict as Changed
from jupyter_mesh.mount.conflicts import Conflict, copy_name, who_saved
from jupyter_mesh.mount.memory import ABSENT, Known, state_of
from jupyter_mesh.paths import HOME, MeshPath, join, parent_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.models import Checksum, Quota, Resource, User
    from jupyter_mesh.mount.memory import Memory
    from jupyter_mesh.mount.spool import Spooled

__all__ = ["Saving", "Upload", "unique"]

log = logging.getLogger(__name__)

PASSING = (Unavailable, DeadlineExceeded, LoginEnded, Busy)
"""What may be over in a moment: the site is down, overloaded, or waits for a new login."""

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
TRIES_OF_FAILURES = 3
"""Tries for what the site says is its own fault, and for bytes that were lost on the way."""

QUOTA_LASTS = 30.0
COPIES_AT_MOST = 20
TROUBLES_AT_MOST = 1000


@dataclass(slots=True)
class Upload:
    """A PUT that rclone waits for, as it is at this moment."""

    path: str
    size: int
    sent: int = 0
    tries: int = 0
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    message: str = ""
    """Why it has not succeeded yet; "" as long as nothing failed."""


class Saving:
    """Saves for one adapter. ``patience`` is for how many seconds a PUT waits for what may pass."""

    def __init__(self, client: MeshClient, memory: Memory, *, patience: float) -> None:
        self.client = client
        self.memory = memory
        self.uploads: dict[str, Upload] = {}
        self.on_conflict: Callable[[Conflict], None] = lambda _: None
        self.failing_since: datetime | None = None
        self.message = ""
        self.troubles: dict[str, str] = {}
        """Why the last upload of each path failed; others may have succeeded since."""
        self._patience = patience
        self._me: User | None = None
        self._quotas: dict[str, tuple[float, Quota | None]] = {}
        self._asking = asyncio.Lock()

    async def quota(self, path: str) -> Quota | None:
        """Room in the space of a path (the home for an area), some seconds old; None where no site tells it."""
        parsed = MeshPath.parse(path)
        top = HOME if parsed.is_area else join(parsed.area, parsed.space)
        async with self._asking:
            when, quota = self._quotas.get(top, (float("-inf"), None))
            if time.monotonic() - when > QUOTA_LASTS:
                try:
                    quota = await self.client.quota(top)
                except (NotSupported, SiteError, NotFound):
                    quota = None
                self._quotas[top] = time.monotonic(), quota
        return quota

    async def check_room(self, path: str, size: int) -> None:
        """Raise QuotaExceeded if a file of this size surely finds no room: before its body is received."""
        try:
            quota = await self.quota(path)
        except PASSING:
            return
        _, there = self.memory.told(path)
        # The old content becomes a version where the site keeps them, and frees its room where it does not.
        if quota is not None and quota.free is not None and size > quota.free + there:
            raise QuotaExceeded(
                f"Could not save {path}: it has {size} bytes, and {quota.free} are free. Delete something, or ask "
                "for more room."
            )

    async def save(self, path: str, spooled: Spooled, modified: datetime | None) -> Resource:
        """Store a body, and return the file that rclone may take it for: at ``path``, or where a conflict put it.

        Raises what cannot be waited out: NotAllowed, QuotaExceeded, and what went on for too long.
        """
        upload = self.uploads[path] = Upload(path, spooled.size)
        give_up = time.monotonic() + self._patience
        pause, failures = FIRST_PAUSE, 0
        try:
            while True:
                upload.tries += 1
                upload.sent = 0
                try:
                    stored = await self._save(path, spooled, modified, upload)
                except (*PASSING, SiteError) as error:
                    failures += isinstance(error, SiteError)
                    self.failed(path, error, upload)
                    if time.monotonic() + pause > give_up or failures > TRIES_OF_FAILURES:
                        raise
                except MeshError as error:
                    self.failed(path, error, upload)
                    raise
                else:
                    self.failing_since, self.message = None, ""
                    self.troubles.pop(path, None)
                    return stored
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        finally:
            if self.uploads.get(path) is upload:
                del self.uploads[path]

    def failed(self, path: str, error: MeshError, upload: Upload | None = None) -> None:
        """An upload failed, and has to wait."""
        if upload is not None:
            upload.message = str(error)
        elif self.troubles.get(path) == str(error):
            return
        self.message = self.troubles[path] = str(error)
        if len(self.troubles) > TROUBLES_AT_MOST:
            del self.troubles[next(iter(self.troubles))]
        self.failing_since = self.failing_since or datetime.now(UTC)
        log.info("The upload of %s has to wait: %s", path, error)

    async def _save(
        self, path: str, spooled: Spooled, modified: datetime | None, upload: Upload
    ) -> Resource:
        known = self.memory.files.get(path)
        base = self.memory.base(path)
        there: Resource | None = None
        if known is not None and (known.sha1, known.size) == (spooled.sha1, spooled.size):
            # Sent before, perhaps by an earlier run whose answer was lost.
            there = await self._look(path)
            if there is not None and state_of(there) == known.state:
                return self._stored(path, there, spooled, modified)
        if base is None or base.startswith("~"):
            # Nothing is known of it, or its site has no etags: what is there now is compared.
            there = there or await self._look(path)
            if there is not None and state_of(there) != base:
                return await self._differs(path, there, spooled, modified, upload)
            base = ABSENT if there is None else there.etag or None
        try:
            return await self._send(path, spooled, modified, upload, base)
        except (Changed, AlreadyExists, IsADirectory, Locked) as error:
            there = await self._look(path)
            if there is None:
                # Deleted or renamed by somebody else: ours is a new file.
                return await self._send_new(path, spooled, modified, upload)
            if isinstance(error, Locked) and (lock := there.lock) is not None:
                mine = lock.id == lock_id_of(await self.me(), there)
                if mine and state_of(there) == base:
                    return await self._send(path, spooled, modified, upload, base, lock.id)
            return await self._differs(path, there, spooled, modified, upload)
        except NotFound:
            return await self._send_new(path, spooled, modified, upload)

    async def _send_new(
        self, path: str, spooled: Spooled, modified: datetime | None, upload: Upload
    ) -> Resource:
        try:
            return await self._send(path, spooled, modified, upload, ABSENT)
        except NotFound as error:
            folder = MeshPath.parse(parent_of(path))
            if folder.is_area or folder.is_space_root:
                # Spaces do not go and come: the login has ended in a way that this site does not tell, or the share.
                raise Unavailable(
                    f"Could not save {path}: {folder} cannot be found. Log in again, or ask its owner."
                ) from error
            # Its folder was deleted or renamed by somebody else: rclone would never send it elsewhere.
            await self.client.mkdir(str(folder), parents=True, exist_ok=True)
            return await self._send(path, spooled, modified, upload, ABSENT)

    async def _send(
        self,
        path: str,
        spooled: Spooled,
        modified: datetime | None,
        upload: Upload,
        base: str | None,
        lock_id: str = "",
    ) -> Resource:
        """Store a body over the content ``base``; over whatever is there if that is None."""

        def progress(sent: int) -> None:
            upload.sent = sent

        self.memory.sends(path, spooled.size, spooled.sha1)
        await self.memory.settled()
        stored = await self.client.upload(
            path,
            spooled.body,
            if_match=base or "",
            if_absent=base == ABSENT,
            lock_id=lock_id,
            modified=unique(modified) if modified else None,
            progress=progress,
        )
        return self._stored(path, stored, spooled, modified)

    def _stored(
        self, path: str, stored: Resource, spooled: Spooled, modified: datetime | None
    ) -> Resource:
        asked = modified.timestamp() if modified else None
        kept = asked is None or int(stored.modified.timestamp()) == int(asked)
        known = Known(state_of(stored), spooled.size, None if kept else asked, spooled.sha1)
        self.memory.know(path, known)
        self.memory.answered(path)
        return stored

    async def _differs(
        self,
        path: str,
        there: Resource,
        spooled: Spooled,
        modified: datetime | None,
        upload: Upload,
    ) -> Resource:
        """Something else than expected is at the path: our own bytes after all, or somebody's, which stay."""
        sha1 = await self._sha1_of(path, there, spooled)
        if sha1 == spooled.sha1:
            return self._stored(path, there, spooled, modified)
        if (there.size, sha1) in self.memory.sending.get(path, ()):
            # An earlier content of ours, whose answer was never heard: it was given up, or we were killed.
            with suppress(Changed, AlreadyExists, NotFound):
                return await self._send(path, spooled, modified, upload, there.etag or None)
            there = await self.client.stat(path)
        known = self.memory.files.get(path) or Known(self.memory.base(path) or ABSENT)
        lost = state_of(there)
        copy, stored = "", None
        if known.lost and known.copy:
            # The same conflict goes on: one copy, with what was saved last.
            copy, stored = await self._again(known.copy, spooled, modified, upload)
        number = 1
        while stored is None:
            copy = copy_name(path, (await self.me()).username, number)
            try:
                stored = await self._send(copy, spooled, modified, upload, ABSENT)
            except AlreadyExists:
                number += 1
                if number > COPIES_AT_MOST:
                    raise
        shown = known.shown if known.lost == lost else 0.0
        self.memory.know(path, replace(known, lost=lost, copy=copy, shown=shown))
        self.memory.tell(path, (known.state, spooled.size))
        conflict = Conflict(path, copy, who_saved(there), there.modified)
        log.warning("%s was changed by somebody else: what was saved here is %s", path, copy)
        self.on_conflict(conflict)
        return stored

    async def _again(
        self, copy: str, spooled: Spooled, modified: datetime | None, upload: Upload
    ) -> tuple[str, Resource | None]:
        base = self.memory.base(copy)
        if not base or base.startswith("~"):
            return "", None
        try:
            return copy, await self._send(copy, spooled, modified, upload, base)
        except (Changed, AlreadyExists, Locked, IsADirectory):
            return "", None

    async def _sha1_of(self, path: str, there: Resource, spooled: Spooled) -> str:
        """What a file holds, where that may be what is or was being sent to ``path``; "" for anything else."""
        if there.is_directory:
            return ""
        told = there.checksum
        if told is not None and told.algorithm == "sha1":
            return told.value
        sent = any(size == there.size for size, _ in self.memory.sending.get(path, ()))
        if not sent and not (there.size == spooled.size and await self._may_be(told, spooled)):
            return ""
        digest = hashlib.sha1(usedforsecurity=False)
        async with self.client.download(there.path) as download:
            async for piece in download:
                await asyncio.to_thread(digest.update, piece)
        return digest.hexdigest()

    async def _may_be(self, told: Checksum | None, spooled: Spooled) -> bool:
        """False if a checksum says that a file has another content than this."""
        if told is None or told.algorithm != "adler32":
            return True
        sum_ = 1
        async for piece in spooled.body.chunks():
            sum_ = await asyncio.to_thread(zlib.adler32, piece, sum_)
        return f"{sum_:08x}" == told.value.rjust(8, "0")

    async def _look(self, path: str) -> Resource | None:
        try:
            return await self.client.stat(path)
        except NotFound:
            return None

    async def me(self) -> User:
        """The user; asked for once."""
        if self._me is None:
            self._me = await self.client.whoami()
        return self._me


def unique(modified: datetime) -> datetime:
    """A time that no earlier save of the file had, where only whole seconds are told.

    OpenCloud names versions by their time, and refuses every save after two of the same (500).
    """
    if modified.microsecond:
        return modified
    return modified.replace(microsecond=time.time_ns() // 1000 % 999_999 + 1)
