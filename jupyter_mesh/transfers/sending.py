"""A file of this machine to the mesh: resumed where it broke off, also by another process, and never half there."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from jupyter_mesh.cs3.body import Body
from jupyter_mesh.cs3.writing import TUS_FROM
from jupyter_mesh.errors import (
    AlreadyExists,
    Conflict,
    InvalidRequest,
    IsADirectory,
    LoginEnded,
    MeshError,
    NotFound,
    QuotaExceeded,
    TransferFailed,
    Unavailable,
)
from jupyter_mesh.models import Checksum
from jupyter_mesh.transfers.checksums import checksum_of, digest
from jupyter_mesh.transfers.disk import local_error
from jupyter_mesh.transfers.fetching import Stamp, stamp_of
from jupyter_mesh.transfers.terms import Patience, Terms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh.cs3.data import UploadKey
    from jupyter_mesh.models import Resource
    from jupyter_mesh.transfers.notes import Note

__all__ = ["upload"]


class _Target(NamedTuple):
    """What may be overwritten: the content of this etag, or nothing (``absent``), or anything."""

    etag: str
    absent: bool


async def upload(
    client: MeshClient,
    local: Path,
    path: str,
    *,
    replace: bool | str = False,
    progress: Callable[[int, int | None], None] | None = None,
    terms: Terms | None = None,
) -> Resource:
    """Bring a local file to ``path`` in the mesh, and return it as it is there.

    It appears there when it is complete. Whatever ends this process, the next call goes on where the site says,
    if the local file is still the same; it starts again, and says so, if that was changed or the site has
    forgotten it. ``replace`` allows to replace what is there: anything, or the content of this etag. Raises
    AlreadyExists; Conflict if what is there was changed since the first try; TransferFailed if the local file
    is changed while it is sent; Locked if another process does the same; QuotaExceeded, NotFound, IsADirectory.
    """
    send = _Send(client, local, path, replace, progress, terms or Terms())
    try:
        return await send.run()
    except OSError as error:
        if isinstance(error, MeshError):
            raise
        raise local_error(error, f"send {local}", send.local) from error
    finally:
        await asyncio.shield(send.close())


class _Source(Body):
    """A local file as it was when it was opened: its last bytes are not sent if it was changed since."""

    def __init__(self, file: BinaryIO, stamp: Stamp, checksum: Checksum, name: str) -> None:
        super().__init__(file, stamp[0], checksum)
        self._file = file
        self._stamp = stamp
        self._name = name

    async def chunks(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        stop = self.size if stop is None else stop
        async with aclosing(super().chunks(start, stop)) as chunks:  # type: ignore[type-var]  # a generator
            async for chunk in chunks:
                start += len(chunk)
                if start == self.size:
                    await self.check()
                yield chunk

    async def check(self) -> None:
        """Raise TransferFailed if it is not any more what it was."""
        status = await asyncio.to_thread(os.fstat, self._file.fileno())
        if stamp_of(status) != self._stamp:
            self.failure = TransferFailed(
                f"{self._name} was changed while it was sent. Nothing was saved; send it again."
            )
            raise self.failure


class _Noted:
    """The note of an upload as the client uses it: a Resumption."""

    def __init__(self, note: Note, facts: dict[str, Any], again: Callable[[], None]) -> None:
        self.went_on = bool(note.facts)
        """True if some of it may be at the site already."""
        self._note = note
        self._facts = facts
        self._again = again

    async def begun(self) -> UploadKey | None:
        """The key of the upload that was begun."""
        return await self._note.key()

    async def begin(self, key: UploadKey) -> None:
        """Keep the key first: a note alone would promise too much."""
        if self.went_on:
            self._again()
        await self._note.keep_key(key)
        await self._note.write(**self._facts)
        self.went_on = True

    async def lost(self) -> None:
        """Forget it; what is sent next is all of it."""
        await self._note.keep_key(None)
        if self.went_on:
            self._again()
        self.went_on = False


class _Send:
    def __init__(
        self,
        client: MeshClient,
        local: Path,
        path: str,
        replace: bool | str,
        progress: Callable[[int, int | None], None] | None,
        terms: Terms,
    ) -> None:
        self.local = local.absolute()
        self._client = client
        self._path = path
        self._replace = replace
        self._progress = progress
        self._terms = terms
        self._opening: asyncio.Task[tuple[BinaryIO, Stamp]] | None = None
        self._note: Note | None = None
        self._sent = 0
        self._begun = False
        """True if an earlier process has sent a part of it."""

    async def close(self) -> None:
        """Leave what a later process can go on with."""
        if self._opening is not None:
            # A thread goes on although nobody waits for it any more.
            with suppress(OSError, MeshError):
                file, _ = await self._opening
                file.close()
        if self._note is not None:
            await self._note.close()

    async def run(self) -> Resource:
        self._opening = asyncio.create_task(asyncio.to_thread(self._open))
        file, stamp = await asyncio.shield(self._opening)
        size = stamp[0]
        self._tell(0, size)
        if size < TUS_FROM:
            target = await self._target()
            body = _Source(file, stamp, await self._measure(file, size), str(self.local))
            return await self._send(body, target, None)
        names = ("upload", self._client.site, (await self._client.whoami()).id, self._path)
        note = self._note = await self._terms.notes.claim(
            f"{self.local} to {self._path}", *names, os.fspath(self.local)
        )
        facts = await self._facts(note, file, stamp)
        body = _Source(file, stamp, Checksum("sha1", facts["sha1"]), str(self.local))
        target = _Target(facts["etag"], facts["absent"])
        resource = await self._send(body, target, _Noted(note, facts, self._starts_again))
        await note.drop()
        self._note = None
        return resource

    async def _send(self, body: _Source, target: _Target, noted: _Noted | None) -> Resource:
        await body.check()
        patience = Patience(self._terms.patience)
        unsure = noted is not None and noted.went_on
        while True:
            try:
                return await self._client.upload(
                    self._path,
                    body,
                    if_match=target.etag,
                    if_absent=target.absent,
                    progress=lambda sent: self._tell(sent, body.size),
                    resumption=noted,
                )
            except (AlreadyExists, Conflict) as error:
                # It may be ours: nobody heard the end of the last try.
                found = await self._mine(body) if unsure else None
                if found is not None:
                    return found
                await self._forget()
                raise self._changed(target) from error
            except MeshError as error:
                if body.failure is not None:
                    await self._forget()
                    raise
                await patience.wait(error, self._sent)
                unsure = True
                if self._sent and (noted is None or not noted.went_on):
                    self._terms.say(
                        f"{self._client.site} cannot go on with an upload: {self.local} is sent from its beginning."
                    )

    async def _mine(self, body: _Source) -> Resource | None:
        """What is there, if it is what was to be sent; where the site tells no checksum, it is read to know it."""
        try:
            there = await self._client.stat(self._path)
            if there.is_directory or there.size != body.size or body.checksum is None:
                return None
            if there.checksum is not None and there.checksum.algorithm == body.checksum.algorithm:
                return there if there.checksum == body.checksum else None
            growing = digest(body.checksum.algorithm)
            async with self._client.download(self._path) as opened:
                async for view in opened.views:
                    if growing is not None:
                        await asyncio.to_thread(growing.update, view)
                same = growing is not None and growing.hexdigest() == body.checksum.value
                return opened.resource if same else None
        except NotFound:
            return None

    def _changed(self, target: _Target) -> MeshError:
        if target.absent:
            return AlreadyExists(
                f'Could not send {self.local}: there is a "{self._path}" at {self._client.site} already. '
                "Choose another name, or replace it."
            )
        return Conflict(
            f"Could not send {self.local}: {self._path} was changed at {self._client.site} meanwhile. "
            "Nothing was overwritten; look at it, then send it again."
        )

    async def _facts(self, note: Note, file: BinaryIO, stamp: Stamp) -> dict[str, Any]:
        """What the note says of this upload: of an earlier process, or of a new one."""
        facts = note.facts
        if facts and await note.key() is not None:
            same = (facts.get("size"), facts.get("mtime")) == stamp
            if same and self._agrees(facts):
                if self._terms.transfer:
                    facts = {**facts, "transfer": self._terms.transfer}
                    await note.write(**facts)
                self._begun = True
                return facts
            why = "was begun for another content there" if same else "was changed since"
            self._terms.say(f"The upload of {self.local} {why}: it is sent from its beginning.")
        await self._forget()
        # What is refused anyway is not read first.
        target = await self._target(look=True)
        await self._need_room(stamp[0])
        checksum = await self._measure(file, stamp[0])
        return {
            "kind": "upload",
            "site": self._client.site,
            "path": self._path,
            "local": os.fspath(self.local),
            "size": stamp[0],
            "mtime": stamp[1],
            "sha1": checksum.value,
            **target._asdict(),
            "began": time.time(),
            "transfer": self._terms.transfer,
        }

    def _agrees(self, facts: dict[str, Any]) -> bool:
        """True if the upload that was begun replaces what may be replaced now."""
        if self._replace is True:
            return True
        return (facts.get("etag"), facts.get("absent")) == (self._replace or "", not self._replace)

    async def _target(self, *, look: bool = False) -> _Target:
        """What may be overwritten; raises AlreadyExists, if told to look and something is there."""
        if isinstance(self._replace, str):
            return _Target(self._replace, False)
        if not self._replace and not look:
            return _Target("", True)
        try:
            there = await self._client.stat(self._path)
        except NotFound:
            return _Target("", True)
        if there.is_directory:
            raise IsADirectory(
                f"Could not send {self.local}: {self._path} is a folder at {self._client.site}."
            )
        if not self._replace:
            raise self._changed(_Target("", True))
        return _Target(there.etag, False)

    async def _need_room(self, size: int) -> None:
        try:
            free = (await self._client.quota(self._path)).free
        except (LoginEnded, Unavailable):
            raise
        except MeshError:
            return  # Not every site tells it for every place.
        if free is not None and size > free:
            raise QuotaExceeded(
                f"Could not send {self.local}: it has {size:,} bytes, and {free:,} are left at {self._client.site}. "
                "Delete something there, or ask for more room."
            )

    async def _measure(self, file: BinaryIO, size: int) -> Checksum:
        checksum = await checksum_of(file, size)
        assert checksum is not None  # noqa: S101 - SHA-1 is known everywhere
        return checksum

    async def _forget(self) -> None:
        """Nothing of an earlier try counts any more."""
        if self._note is not None:
            await self._note.clear()

    def _starts_again(self) -> None:
        if self._begun or self._sent:
            self._terms.say(
                f"{self._client.site} does not know the unfinished upload of {self.local} any more: it starts again."
            )
        self._begun, self._sent = False, 0

    def _tell(self, sent: int, size: int) -> None:
        self._sent = sent
        if self._progress is not None:
            self._progress(sent, size)

    def _open(self) -> tuple[BinaryIO, Stamp]:
        # A pipe would be waited for: it is refused by what it is.
        status = self.local.stat()
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectory(f"Could not send {self.local}: it is a folder.")
        if not stat.S_ISREG(status.st_mode):
            raise InvalidRequest(f"Could not send {self.local}: it is no ordinary file.")
        file = self.local.open("rb", buffering=0)
        return file, stamp_of(os.fstat(file.fileno()))
