"""The files of a site as rclone may have them: eleven rules keep what it does from costing anybody a file.

They are those of ``facts/data.md`` §8.4. This is a Tree for ``jupyter_mesh.webdav``; paths are mesh paths.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from jupyter_mesh.errors import (
    AlreadyExists,
    Locked,
    MeshError,
    NotAllowed,
    NotFound,
    NotSupported,
    OutOfOrder,
)
from jupyter_mesh.errors import Conflict as Changed
from jupyter_mesh.models import Checksum, Kind, Quota, Resource
from jupyter_mesh.mount.deleting import Deleting
from jupyter_mesh.mount.memory import ABSENT, Known, Receipt, state_of
from jupyter_mesh.mount.saving import unique
from jupyter_mesh.paths import MeshPath, is_within, name_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable

    from jupyter_mesh.mount.memory import Memory
    from jupyter_mesh.mount.notes import Notes
    from jupyter_mesh.mount.saving import Saving
    from jupyter_mesh.mount.spool import Spool
    from jupyter_mesh.webdav import Opened

__all__ = ["GuardedTree"]

log = logging.getLogger(__name__)

LOOKED = 3.0
"""Seconds after a look at a file in which its DELETE can be the beginning of a replacement."""

UNSURE = 5.0
"""Seconds after a restart in which files are not deleted: whose PUT failed while nobody listened is unknown."""

LEFT = 30.0
"""Seconds after the MOVE of a folder in which rclone may still send what it keeps under the old name."""

FRESH = 2.0
"""Seconds in which the answer to our own change answers the question after it."""


class GuardedTree:
    """The tree. Built and used in one loop; ``close`` carries out what is held."""

    def __init__(self, saving: Saving, memory: Memory, spool: Spool, notes: Notes) -> None:
        self.on_changed: Callable[[str], None] = lambda _: None
        """Told of a file that is not what rclone was told that it is: its folder has to be listed again."""
        self.stopping = False
        """True when requests are ended by us and not by rclone."""
        self._saving = saving
        self._client = saving.client
        self._memory = memory
        self._spool = spool
        self._notes = notes
        self._started = time.monotonic()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._looked: dict[str, tuple[float, Resource]] = {}
        self._fresh: dict[str, tuple[float, Resource]] = {}
        self._moving: list[str] = []
        self._moved_away: dict[str, float] = {}
        self._deleting = Deleting(saving, memory, spool)
        self._deleting.on_changed = lambda path: self.on_changed(path)

    def resume(self) -> None:
        """Carry out what was held when the last run ended."""
        for path in list(self._memory.held):
            self._deleting.hold(path, 0)

    async def close(self) -> None:
        """Carry out at once what is held."""
        await self._deleting.let_go("")

    # Looking

    async def stat(self, path: str) -> Resource:
        """A receipt first; else what the site has, as it was told before where nothing has changed."""
        receipt = self._memory.claim(path)
        if receipt is not None:
            return _receipted(path, receipt)
        if path in self._memory.held:
            raise NotFound(f"{path} was deleted.")
        when, resource = self._fresh.pop(path, (float("-inf"), None))
        if resource is None or time.monotonic() - when > FRESH:
            resource = await self._client.stat(path)
        resource = self._told(resource)
        if not resource.is_directory:
            self._memory.tell(path, (state_of(resource), resource.size))
            self._note(self._looked, path, resource)
        return resource

    async def list_folder(self, path: str) -> list[Resource]:
        """One ListContainer. What was just deleted is not there any more."""
        listed = await self._client.list_folder(path)
        await self._keep_bases(path, listed)
        self._memory.listed(path, listed)
        return [self._told(each) for each in listed if each.path not in self._memory.held]

    @asynccontextmanager
    async def download(
        self, path: str, *, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[Opened]:
        """Bytes of the file that rclone was told of; raises Changed where it is another one by now.

        rclone keeps parts by name: new ones beside old ones would make a file that never was.
        """
        if path in self._memory.held:
            raise NotFound(f"{path} was deleted.")
        async with self._client.download(path, start=start, stop=stop) as download:
            found = download.resource
            state, known = state_of(found), self._memory.files.get(path)
            told, size = self._memory.told(path)
            if told is not None and told != state:
                mixes = known is not None and known.state != state
                if mixes or size != found.size:
                    self.on_changed(path)
                    raise Changed(
                        f"{path} was changed by somebody else while it was read. Open it again."
                    )
            elif (
                known is not None
                and known.state != state
                and await asyncio.to_thread(self._notes.is_older, path, self._told(found))
            ):
                # rclone was told of it, but a program still has the old one open.
                raise Changed(
                    f"{path} was changed by somebody else while it was read. Open it again."
                )
            if known is None or known.state != state or known.lost:
                sha1 = found.checksum
                value = sha1.value if sha1 is not None and sha1.algorithm == "sha1" else ""
                self._memory.know(path, Known(state, found.size, sha1=value))
                await self._memory.settled()
            yield download

    async def quota(self, path: str) -> Quota:
        """Room in the space; in that of the home for what holds spaces."""
        quota = await self._saving.quota(path)
        if quota is None:
            raise NotSupported(f"Nobody tells how much room there is in {path}.")
        return quota

    # Saving

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
        """Rules 1, 3 to 7 and 10: ``saving.py``. Conditions are our own; those of the request are not looked at."""
        _check_inside(path)
        self._memory.began(path)
        failed = True
        try:
            async with self._unmoved(path), self._alone(path):
                await self._memory.settled()
                if size:
                    await self._saving.check_room(path, size)
                async with self._spool.take(path, content, size, checksum) as spooled:
                    held = self._deleting.take_back(path)
                    if held is not None:
                        self._memory.know(path, Known(held))
                    stored = await self._saving.save(path, spooled, modified)
                    seconds = modified.timestamp() if modified else stored.modified.timestamp()
                    receipt = Receipt(spooled.size, seconds, spooled.sha1, time.time())
            self._fresh.pop(path, None)
            self._memory.give(path, receipt)
            failed = False
            return stored
        except asyncio.CancelledError:
            # rclone has given it up, or has ended, and deletes nothing then; unless it was us who ended it.
            failed = self.stopping
            raise
        except MeshError as error:
            self._saving.failed(path, error)
            raise
        finally:
            self._memory.ended(path, failed=failed)
            # The end of the request must not take the note with it.
            await asyncio.shield(self._memory.settled())

    async def set_metadata(self, path: str, metadata: dict[str, str]) -> None:
        """Set the time of change: at the site if it lets us, else as far as this machine is concerned."""
        if "mtime" not in metadata:
            raise NotSupported("Only the time of change can be set here.")
        _check_inside(path)
        wanted = datetime.fromtimestamp(float(metadata["mtime"]), UTC)
        seconds = f"{unique(wanted).timestamp():f}"
        async with self._alone(path):
            before = await self._client.stat(path)
            lock_id = await self._deleting.lock_id(before)
            with suppress(NotSupported, NotAllowed):
                await self._client.set_metadata(path, {"mtime": seconds}, lock_id=lock_id)
            after = await self._client.stat(path)
            if after.is_directory:
                return
            known = self._memory.files.get(path)
            # The new time is a new state: of what rclone has only if that was the state before.
            if known is None and self._memory.told(path)[0] == state_of(before):
                known = Known(state_of(before), before.size)
            if known is not None and known.state == state_of(before):
                kept = int(after.modified.timestamp()) == int(wanted.timestamp())
                modified = None if kept else wanted.timestamp()
                self._memory.know(path, replace(known, state=state_of(after), modified=modified))
                await self._memory.settled()
            self._note(self._fresh, path, after)

    async def unset_metadata(self, path: str, keys: Iterable[str]) -> None:
        """Refused: nothing that this adapter sets can be removed."""
        raise NotSupported("Properties cannot be removed here.")

    # Names

    async def mkdir(self, path: str) -> Resource:
        """Make a folder; one that rclone has listed is known to be there without a question.

        rclone makes each folder once more before it sends a file, and lists it again after another answer.
        """
        if path in self._memory.listings or MeshPath.parse(path).is_area:
            raise AlreadyExists(f"{path} is there.")
        _check_inside(path)
        if await self._is_left(path):
            raise OutOfOrder(f"{path} is not made again: it has just been renamed.")
        await self._deleting.let_go(path)
        made = await self._client.mkdir(path)
        self._moved_away.pop(path, None)
        self._memory.listed(path, [])
        self._note(self._fresh, path, made)
        return made

    async def delete(self, path: str) -> None:
        """Rules 1, 2, 8 and 9: not what rclone deletes after a failure, folders only when they are empty."""
        if self._memory.pays(path):
            log.info("%s was not deleted: that was rclone's answer to a failed upload", path)
            await self._memory.settled()
            return
        if self._memory.may_pay(path):
            await self._memory.settled()
            raise OutOfOrder(
                f"{path} was not deleted: its last upload failed, and nobody can say who wants it deleted. "
                "Delete it again."
            )
        _check_inside(path)
        self._fresh.pop(path, None)
        if time.monotonic() - self._started < UNSURE and not self._memory.is_new:
            raise Locked(f"{path} is not deleted yet: the mount has just been started. Try again.")
        async with self._alone(path):
            when, seen = self._looked.pop(path, (float("-inf"), None))
            if seen is not None and time.monotonic() - when < LOOKED:
                await self._deleting.later(path, seen)
                return
            told = self._memory.told(path)[0]
            directory = not told and (await self._client.stat(path)).is_directory
            if directory:
                await self._deleting.let_go(path)
                if await self._client.list_folder(path):
                    raise OutOfOrder(f"{path} is not empty: somebody has put something there.")
            self._deleting.take_back(path)
            await self._deleting.now(path)

    async def move(self, source: str, target: str, *, replace: bool = False) -> Resource:
        """Rename; onto a file as a new version of it, so that it stays the same file for all who know it."""
        _check_inside(source)
        _check_inside(target)
        first, second = sorted((source, target))
        async with self._moves(source), self._alone(first), self._alone(second):
            held = self._deleting.take_back(target)
            if held is None:
                await self._deleting.let_go(source)
                try:
                    moved = await self._client.move(source, target)
                except AlreadyExists:
                    if not replace:
                        raise
                    held = self._memory.base(target) or state_of(await self._client.stat(target))
                else:
                    self._moved(source, moved)
                    await self._memory.settled()
                    return moved
            # Once begun, it is done to the end, whether rclone waits for it or not.
            work = asyncio.create_task(self._replace(source, target, held))
            return await asyncio.shield(work)

    async def copy(self, source: str, target: str) -> Resource:
        """Copy a file or folder."""
        _check_inside(target)
        return await self._client.copy(source, target)

    # Parts of these

    async def _replace(self, source: str, target: str, state: str) -> Resource:
        """The content of ``source`` becomes that of ``target``, whose state was ``state``; then ``source`` goes."""
        self._memory.know(target, Known(state))
        known = self._memory.files.get(source)
        async with self._client.download(source) as download:
            found = download.resource
            modified = found.modified
            if known is not None and known.modified and known.state == state_of(found):
                modified = datetime.fromtimestamp(known.modified, UTC)
            async with self._spool.take(target, download, found.size, None) as spooled:
                stored = await self._saving.save(target, spooled, modified)
                receipt = Receipt(spooled.size, modified.timestamp(), spooled.sha1, time.time())
        self._memory.give(target, receipt)
        await self._deleting.now(source)
        await self._memory.settled()
        return stored

    def _moved(self, source: str, moved: Resource) -> None:
        target = moved.path
        if moved.is_directory:
            self._memory.rename(source, target)
            self._moved_away[source] = time.monotonic()
            self._moved_away.pop(target, None)
        else:
            known = self._memory.files.get(source) or Known("", moved.size)
            self._memory.forget_file(source)
            self._memory.forget_file(target)
            self._memory.know(target, replace(known, state=state_of(moved), lost="", copy=""))
        self._note(self._fresh, target, moved)

    def _told(self, resource: Resource) -> Resource:
        """A resource with the time and the checksum that we know better than its site."""
        known = self._memory.files.get(resource.path)
        if resource.is_directory or known is None or known.state != state_of(resource):
            return resource
        if known.modified is not None:
            resource = replace(resource, modified=datetime.fromtimestamp(known.modified, UTC))
        if known.sha1:
            resource = replace(resource, checksum=Checksum("sha1", known.sha1))
        return resource

    def _note(
        self, notes: dict[str, tuple[float, Resource]], path: str, resource: Resource
    ) -> None:
        now = time.monotonic()
        notes.pop(path, None)
        notes[path] = now, resource
        # The oldest stand first.
        while now - notes[oldest := next(iter(notes))][0] > LOOKED:
            del notes[oldest]

    async def _keep_bases(self, folder: str, listed: list[Resource]) -> None:
        """What was changed here before it was listed is not based on what is listed now."""
        told = self._memory.listings.get(folder)
        if told is None:
            return
        new = [
            each.path
            for each in listed
            if not each.is_directory
            and each.path not in self._memory.files
            and told.get(each.name, (ABSENT, 0))[0] != state_of(each)
        ]
        for path in await asyncio.to_thread(lambda: [*filter(self._notes.is_changed, new)]):
            if path not in self._memory.files:
                self._memory.know(path, Known(*told.get(name_of(path), (ABSENT, 0))))

    @asynccontextmanager
    async def _moves(self, source: str) -> AsyncIterator[None]:
        """No upload at or below a path runs in the block: it would make the old folder again."""
        self._moving.append(source)
        try:
            for path in [
                each for each in self._locks if is_within(each, source) and each != source
            ]:
                async with self._alone(path):
                    pass
            yield
        finally:
            self._moving.remove(source)

    @asynccontextmanager
    async def _unmoved(self, path: str) -> AsyncIterator[None]:
        """Refuse an upload below a folder that is being renamed: it is sent again under the new name."""
        moving = any(is_within(path, folder) and path != folder for folder in self._moving)
        if moving or await self._is_left(path):
            raise OutOfOrder(f"{path} is not saved now: its folder is being renamed.")
        yield

    async def _is_left(self, path: str) -> bool:
        """True below a folder that was renamed, as long as rclone has not renamed what it keeps of it."""
        now = time.monotonic()
        for folder, when in list(self._moved_away.items()):
            if now - when > LEFT:
                del self._moved_away[folder]
            elif is_within(path, folder) and await asyncio.to_thread(self._notes.keeps, path):
                return True
        return False

    @asynccontextmanager
    async def _alone(self, path: str) -> AsyncIterator[None]:
        """One change of a path at a time."""
        lock = self._locks.setdefault(path, asyncio.Lock())
        async with lock:
            yield


def _check_inside(path: str) -> None:
    """Raise NotAllowed for what belongs to the site: areas, and the roots of spaces."""
    parsed = MeshPath.parse(path)
    if parsed.is_area or parsed.is_space_root:
        raise NotAllowed(f"/{path} belongs to the site and cannot be changed here.")


def _receipted(path: str, receipt: Receipt) -> Resource:
    return Resource(
        path=path,
        name=name_of(path),
        kind=Kind.FILE,
        size=receipt.size,
        modified=datetime.fromtimestamp(receipt.modified or receipt.made, UTC),
        etag="",
        checksum=Checksum("sha1", receipt.sha1),
    )
