"""Folders as one zip: made while it is sent, without a temporary file, in memory that does not grow with it."""

from __future__ import annotations

import asyncio
import io
import os
import re
import stat
import struct
import zipfile
from collections import deque
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from jupyter_mesh.contents.copies import disk_failures
from jupyter_mesh.contents.models import is_hidden, next_name
from jupyter_mesh.errors import InvalidRequest, NotFound
from jupyter_mesh.paths import join, name_of, parent_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path

    from jupyter_mesh.contents.files import FileSource
    from jupyter_mesh.models import Child, Resource

__all__ = ["Archive", "Item", "LocalTree", "MeshTree", "Tree"]

AHEAD = 6
"""Small files that are read before their turn, so that their number costs little time."""

SMALL = 1 << 20
LIGHT = 1 << 17
"""Bytes up to which a checksum is quicker than the hop to a thread."""

UNSAFE = re.compile(r"[/\\\x00-\x1f\x7f]")
EPOCH = datetime(1980, 1, 1, tzinfo=UTC)
TIMESTAMP = 0x5455
"""Extra field with the time in UTC: the zip format itself has local time and even seconds alone."""


@dataclass(frozen=True, slots=True)
class Item:
    """What an archive must know of a file or folder."""

    name: str
    is_directory: bool
    size: int
    modified: datetime


class Tree(Protocol):
    """Where an archive reads from. Paths are API paths; failures are MeshErrors."""

    async def look(self, path: str) -> Item:
        """What is there; raises NotFound."""

    async def entries(self, path: str) -> list[Item]:
        """What a folder holds, asked for at once."""

    def file(self, path: str) -> FileSource:
        """The content of a file."""


class MeshTree:
    """Files of a site. ``stat`` and ``children`` answer for API paths."""

    def __init__(
        self,
        stat: Callable[[str], Awaitable[Resource]],
        children: Callable[[str], Awaitable[list[Child]]],
        file: Callable[[str], FileSource],
    ) -> None:
        self._stat = stat
        self._children = children
        self.file = file

    async def look(self, path: str) -> Item:
        """One Stat."""
        return _item_at_site(await self._stat(path))

    async def entries(self, path: str) -> list[Item]:
        """One List, or the one that is under way."""
        return [_item_at_site(each) for each in await self._children(path)]


def _item_at_site(found: Resource | Child) -> Item:
    return Item(found.name, found.is_directory, found.size, found.modified)


class LocalTree:
    """Files of this server. Links to folders, pipes and the like are left out.

    ``choose`` gives those of the names in a folder that are its own: a mount is not.
    """

    def __init__(
        self,
        locate: Callable[[str], Path],
        file: Callable[[str], FileSource],
        choose: Callable[[str, list[str]], list[str]],
    ) -> None:
        self._locate = locate
        self._choose = choose
        self.file = file

    async def look(self, path: str) -> Item:
        """From the disk."""
        with disk_failures(path):
            return await asyncio.to_thread(_item_on_disk, self._locate(path))

    async def entries(self, path: str) -> list[Item]:
        """From the disk, in a thread."""
        with disk_failures(path):
            return await asyncio.to_thread(self._items_on_disk, path)

    def _items_on_disk(self, path: str) -> list[Item]:
        with os.scandir(self._locate(path)) as found:
            there = {each.name: each for each in found}
        items = []
        for name in sorted(self._choose(path, list(there))):
            each = there[name]
            if each.is_dir(follow_symlinks=False) or each.is_file():
                status = each.stat()
                modified = datetime.fromtimestamp(status.st_mtime, UTC)
                items.append(Item(name, each.is_dir(), status.st_size, modified))
        return items


def _item_on_disk(where: Path) -> Item:
    status = where.stat()
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return Item(where.name, stat.S_ISDIR(status.st_mode), status.st_size, modified)


@dataclass(frozen=True, slots=True)
class _Member:
    """One file or folder of the archive, and the name that it has there."""

    path: str
    name: str
    item: Item
    content: asyncio.Task[bytes] | None = None
    """Of a small file, on its way before its turn."""


class Archive:
    """The zip of a folder, or of several files and folders of one folder.

    ``check()`` raises what can be known before a byte is sent; then ``chunks()`` gives the bytes, once. Whatever
    fails there leaves a zip without its directory at the end, which no program takes for a whole one.
    """

    def __init__(self, tree: Tree, paths: list[str], *, hidden: bool = False) -> None:
        if not paths or len({parent_of(path) for path in paths}) > 1:
            raise InvalidRequest("Choose what to download: a folder, or files of one folder.")
        self._tree = tree
        self._paths = paths
        self._hidden = hidden
        self._chosen: list[Item] = []

    @property
    def name(self) -> str:
        """Name of the zip file."""
        one = self._paths[0]
        return f"{name_of(one if len(self._paths) == 1 else parent_of(one)) or 'files'}.zip"

    async def check(self) -> None:
        """One question to the site; raises NotFound if anything that was chosen is not there."""
        if len(self._paths) == 1:
            self._chosen = [await self._tree.look(self._paths[0])]
            return
        there = {item.name: item for item in await self._tree.entries(parent_of(self._paths[0]))}
        for path in self._paths:
            if name_of(path) not in there:
                raise NotFound(f'There is no "{path}".')
        self._chosen = [there[name_of(path)] for path in self._paths]

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes of the zip; one List per folder, and one download per file."""
        sink = _Sink()
        archive = zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED)
        try:
            async with aclosing(self._ahead()) as members:
                async for member in members:
                    info = _info_of(member)
                    if member.item.is_directory:
                        archive.mkdir(info)
                    elif member.content is not None:
                        await _light(
                            len(data := await member.content), archive.writestr, info, data
                        )
                    else:
                        async with self._tree.file(member.path).read(0, None) as body:
                            with archive.open(info, "w") as entry:
                                async for view in body.views:
                                    await _light(len(view), entry.write, view)
                                    yield sink.take()
                    if sink.size >= SMALL:
                        yield sink.take()
            await asyncio.to_thread(archive.close)
            yield sink.take()
        finally:
            # Else it would be completed when it is collected, which takes long and goes nowhere.
            archive.fp = None

    async def _ahead(self) -> AsyncGenerator[_Member, None]:
        """The members in order; small files among the next ones are being read."""
        waiting: deque[_Member] = deque()
        try:
            async with aclosing(self._members()) as members:
                async for member in members:
                    item = member.item
                    if not item.is_directory and item.size <= SMALL:
                        content = asyncio.create_task(self._read(member.path))
                        member = replace(member, content=content)
                    waiting.append(member)
                    if len(waiting) > AHEAD:
                        yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            tasks = [member.content for member in waiting if member.content is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _members(self) -> AsyncGenerator[_Member, None]:
        """Files and folders, each folder before what is in it."""
        folder = parent_of(self._paths[0])
        left = deque(self._inside(folder, "", self._chosen))
        while left:
            member = left.popleft()
            yield member
            if member.item.is_directory:
                entries = await self._tree.entries(member.path)
                left.extendleft(reversed(self._inside(member.path, member.name, entries)))

    def _inside(self, path: str, name: str, items: list[Item]) -> list[_Member]:
        members = []
        taken: set[str] = set()
        for item in items:
            if self._hidden or not is_hidden(item.name):
                safe = next_name(_safe(item.name), taken)
                taken.add(safe)
                end = "/" if item.is_directory else ""
                members.append(_Member(join(path, item.name), f"{name}{safe}{end}", item))
        return members

    async def _read(self, path: str) -> bytes:
        async with self._tree.file(path).read(0, None) as body:
            return b"".join([bytes(view) async for view in body.views])


class _Sink(io.RawIOBase):
    """Where zipfile writes to: what it wrote last is taken from here and sent."""

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        self.size += len(data)
        return len(data)

    def take(self) -> bytes:
        pieces, self._pieces, self.size = self._pieces, [], 0
        return b"".join(pieces)


async def _light(size: int, work: Callable[..., object], *args: Any) -> None:
    """Do a piece of work here if it is small, else in a thread."""
    if size > LIGHT:
        await asyncio.to_thread(work, *args)
    else:
        work(*args)


def _safe(name: str) -> str:
    """A name that stays in its folder wherever it is unpacked."""
    safe = UNSAFE.sub("_", name)
    return "_" if safe in ("", ".", "..") else safe


def _info_of(member: _Member) -> zipfile.ZipInfo:
    modified = max(member.item.modified, EPOCH)
    info = zipfile.ZipInfo(member.name, modified.timetuple()[:6])
    seconds = int(modified.timestamp())
    if seconds < 1 << 31:
        info.extra = struct.pack("<HHBl", TIMESTAMP, 5, 1, seconds)
    if member.item.is_directory:
        info.external_attr = (stat.S_IFDIR | 0o755) << 16 | 0x10
        info.CRC = 0  # which mkdir leaves to its caller
    else:
        # Beyond 2 GiB, it decides for the longer form of the header.
        info.file_size = member.item.size
        info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info
