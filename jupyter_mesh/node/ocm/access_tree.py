"""The files of one share as somebody at another site may have them: a Tree for ``jupyter_mesh.webdav``."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from jupyter_mesh.errors import IsADirectory, NotAllowed, NotSupported, TransferFailed
from jupyter_mesh.models import Checksum, Kind, Permissions, Quota, Resource, ResourceId
from jupyter_mesh.node.locks import Wanted
from jupyter_mesh.node.ocm.access_copy import Copying
from jupyter_mesh.node.ocm.access_saving import Saving
from jupyter_mesh.node.refusal import Reason, Refused, error_of
from jupyter_mesh.node.uploads import Uploads
from jupyter_mesh.node.wire import mime_type, read_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Iterable

    from jupyter_mesh.node.entries import Entry
    from jupyter_mesh.node.ocm.wanted import Given
    from jupyter_mesh.node.site import Site
    from jupyter_mesh.node.tree import Place

__all__ = ["ShareTree"]

T = TypeVar("T")

_NS = 10**9
_PIECE = 1 << 20

_LOOK_AGAIN = 2.0
"""Seconds after which a transfer that runs is asked again whether it may."""

_READS = Permissions()
_WRITES = Permissions(write=True, create=True, delete=True, move=True)
_WRITES_FILE = Permissions(write=True)


@dataclass(slots=True)
class _Download:
    """Bytes [start, stop) of an open file; ends when the share does."""

    resource: Resource
    start: int
    stop: int
    file: BinaryIO
    tree: ShareTree

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left, until = self.stop - self.start, time.monotonic() + _LOOK_AGAIN
        await asyncio.to_thread(self.file.seek, self.start)
        while left > 0:
            if time.monotonic() > until:
                await self.tree.check()
                until = time.monotonic() + _LOOK_AGAIN
            piece = await asyncio.to_thread(self.file.read, min(left, _PIECE))
            if not piece:
                raise TransferFailed("The file was cut short while it was read.")
            left -= len(piece)
            yield piece


class ShareTree:
    """What one share shows. "" is the file or folder that is shared; nothing above it can be named.

    ``standing`` is called in the worker thread before everything that is done, and within the same step: it
    returns the share as it is now, or raises LoginEnded. ``locks`` are the ids of locks that the client holds.
    """

    def __init__(
        self, site: Site, standing: Callable[[], Given], locks: Collection[str] = ()
    ) -> None:
        self._site = site
        self._standing = standing
        self._locks = locks
        self._uploads = Uploads(site)

    async def check(self) -> None:
        """Raise LoginEnded when the share has ended."""
        await self._run(lambda _: None)

    # Looking

    async def stat(self, path: str) -> Resource:
        """One file or folder."""
        return await self._run(lambda share: self._told(share, path, self._find(share, path)))

    async def list_folder(self, path: str) -> list[Resource]:
        """All that is in a folder."""

        def work(share: Given) -> list[Resource]:
            place = self._find(share, path)
            below = f"{path}/" if path else ""
            return [
                self._resource(share, entry, below + entry.name)
                for entry in self._site.tree.listing(place)
            ]

        return await self._run(work)

    @asynccontextmanager
    async def download(
        self, path: str, *, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[_Download]:
        """Open a file. A save meanwhile does not disturb what is read."""

        def work(share: Given) -> tuple[Resource, BinaryIO]:
            place = self._find(share, path)
            if place.entry.folder:
                raise Refused(Reason.IS_FOLDER, f"/{path} is a folder.")
            file = os.fdopen(os.open(place.disk, os.O_RDONLY | os.O_NOFOLLOW), "rb")
            size = os.fstat(file.fileno()).st_size
            return replace(self._told(share, path, place), size=size), file

        resource, file = await self._run(work)
        try:
            end = resource.size if stop is None else min(stop, resource.size)
            yield _Download(resource, start, max(start, end), file, self)
        finally:
            file.close()

    async def quota(self, path: str) -> Quota:
        """Room in the space, for those who may write to it."""

        def work(share: Given) -> Quota:
            if not share.editor:
                raise NotSupported("How much room there is is not told to readers.")
            space = self._find(share, path).space
            return Quota(used=self._site.tree.root(space).entry.size, total=space.quota or None)

        return await self._run(work)

    # Writing

    async def upload(
        self,
        path: str,
        content: AsyncIterable[bytes],
        *,
        size: int | None = None,
        checksum: Checksum | None = None,
        if_match: str = "",
        if_absent: bool = False,
        modified: datetime | None = None,
    ) -> Resource:
        """Save a file; what was there becomes a version. Whatever goes wrong, the old content stays."""
        saving = Saving(self._site, self._run, self._target, self._lock)
        stored = await saving.save(
            path, content, size, checksum=checksum, if_match=if_match, if_absent=if_absent,
            modified=modified,
        )  # fmt: skip
        return await self._run(lambda share: self._resource(share, stored.entry, path))

    async def mkdir(self, path: str) -> Resource:
        """Make a folder at a free name."""

        def work(share: Given) -> Resource:
            parent, name, place = self._target(share, path, new=True)
            if place is not None:
                raise Refused(Reason.EXISTS, f"There is a /{path} already.")
            return self._told(share, path, self._site.store.mkdir(parent, name))

        return await self._run(work, writes=True)

    async def delete(self, path: str) -> None:
        """Move a file or folder to the bin of its owner; never what is shared itself."""

        def work(share: Given) -> None:
            self._site.store.delete(self._unlocked(self._below(share, path)))

        await self._run(work, writes=True)

    async def move(self, source: str, target: str, *, replace: bool = False) -> Resource:
        """Rename within the share. With ``replace`` a file that has the name goes to the bin."""

        def work(share: Given) -> Resource:
            place = self._unlocked(self._below(share, source))
            parent, name, there = self._target(share, target, new=True)
            whole = (*parent.names, name)
            if whole[: len(place.names)] == place.names:
                raise Refused(Reason.INTO_ITSELF, f"/{source} cannot be moved into itself.")
            if there is not None:
                if not replace or there.entry.folder:
                    raise Refused(Reason.EXISTS, f"There is a /{target} already.")
                self._site.store.delete(self._unlocked(there))
            self._site.store.move(place, parent, name)
            return self._told(share, target, self._find(share, target))

        return await self._run(work, writes=True)

    async def copy(self, source: str, target: str) -> Resource:
        """Copy a file or a folder with all that is in it to a free name."""
        if target == source or target.startswith(f"{source}/") or not source:
            raise NotAllowed(f"/{source} cannot be copied into itself.")
        await Copying(self._site, self._run, self._find, self._target).copy(source, target)
        return await self.stat(target)

    async def set_metadata(self, path: str, metadata: dict[str, str]) -> None:
        """Set the time of change; the rest belongs to the people of this site."""
        mtime = metadata.get("mtime", "")
        if not mtime or len(metadata) > 1:
            raise NotAllowed("Only the time of change can be set in a share.")

        def work(share: Given) -> None:
            nanoseconds = read_seconds(mtime)
            if nanoseconds is not None:
                self._site.store.set_mtime(self._unlocked(self._find(share, path)), nanoseconds)

        await self._run(work, writes=True)

    async def unset_metadata(self, path: str, keys: Iterable[str]) -> None:
        """Refused: nothing of it can be set."""
        raise NotAllowed("Only the time of change can be set in a share.")

    # Locks

    async def lock(self, path: str, wanted: Wanted) -> None:
        """Take the lock of a file or folder that is not locked; raises Locked."""
        await self._run(
            lambda share: self._site.locks.set(self._find(share, path).entry.id, wanted),
            writes=True,
        )

    async def prolong(self, path: str, until: int) -> str:
        """Let the lock that the client holds last until then, in nanoseconds; returns its id, "" without one."""

        def work(share: Given) -> str:
            place = self._find(share, path)
            held, lock = self._site.locks.get(place.entry.id), self._lock(place)
            if held is not None and lock:
                again = Wanted(
                    id=lock, kind=held["kind"], app=held["app"], user=held["user"],
                    expires=until, extra=held["extra"],
                )  # fmt: skip
                self._site.locks.refresh(place.entry.id, again, lock)
            return lock

        return await self._run(work, writes=True)

    async def unlock(self, path: str, wanted: Wanted) -> None:
        """Give a lock back; raises Locked or LockEnded where it is another one, or none."""
        await self._run(
            lambda share: self._site.locks.unset(self._find(share, path).entry.id, wanted),
            writes=True,
        )

    # Within the worker thread

    async def _run(self, work: Callable[[Given], T], *, writes: bool = False) -> T:
        def step() -> T:
            share = self._standing()
            if writes and not share.editor:
                raise NotAllowed("This is shared with you to read only.")
            return work(share)

        try:
            return await self._site.run(step)
        except Refused as refused:
            raise error_of(refused) from refused

    def _find(self, share: Given, path: str) -> Place:
        space = self._site.people.space(share.space)
        names = tuple(path.split("/")) if path else ()
        return self._site.tree.find(space, share.entry, names)

    def _below(self, share: Given, path: str) -> Place:
        if not path:
            raise NotAllowed("What is shared with you stays where it is; its owner alone moves it.")
        return self._find(share, path)

    def _target(
        self, share: Given, path: str, *, new: bool = False
    ) -> tuple[Place, str, Place | None]:
        """The folder and name of a write, and what is there. The top is a target only where it is a file."""
        if not path:
            top = self._find(share, "")
            if new:
                raise Refused(Reason.EXISTS, "What is shared is there already.")
            if top.entry.folder:
                raise IsADirectory("What is shared is a folder.")
        names = tuple(path.split("/")) if path else ()
        space = self._site.people.space(share.space)
        parent, name = self._site.tree.find_parent(space, share.entry, names)
        return parent, name, self._site.tree.child(parent, name)

    def _lock(self, place: Place | None) -> str:
        """The lock that the client holds on a file, or ""."""
        held = None if place is None else self._site.locks.get(place.entry.id)
        return held["lock"] if held is not None and held["lock"] in self._locks else ""

    def _unlocked(self, place: Place) -> Place:
        if self._site.flavour.locks:
            self._site.locks.check(place.entry.id, self._lock(place))
        return place

    def _told(self, share: Given, path: str, place: Place) -> Resource:
        return self._resource(share, place.entry, path)

    def _resource(self, share: Given, entry: Entry, path: str) -> Resource:
        kind = Kind.DIRECTORY if entry.folder else Kind.FILE
        allowed = _READS
        if share.editor:
            allowed = _WRITES if path else replace(_WRITES, delete=False, move=False)
        return Resource(
            path=path,
            name=entry.name,
            kind=kind,
            modified=datetime.fromtimestamp(entry.mtime / _NS, UTC),
            etag=entry.etag,
            id=ResourceId(storage=self._site.storage_id, space=entry.space, opaque=entry.id),
            size=entry.size,
            mimetype="" if entry.folder else mime_type(entry.name),
            checksum=Checksum("sha1", entry.sha1) if entry.sha1 else None,
            permissions=allowed,
        )
