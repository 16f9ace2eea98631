"""A file, or a folder with all it holds, carried from one store to another.

Nobody takes a half copy for a whole one, and nothing temporary stays behind, whatever ends a copy.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from jupyter_mesh.errors import AlreadyExists, IsADirectory, MeshError, NotFound, TooLarge
from jupyter_mesh.paths import join, parent_of
from jupyter_mesh.several import each

if TYPE_CHECKING:
    from jupyter_mesh.cs3.body import Body

__all__ = ["Copied", "CopyProgress", "Entry", "Opened", "Store", "copy_tree", "settled", "states"]

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")

AT_ONCE = 6
"""Files, or folders, that one copy works on at a time."""

CopyProgress = Callable[[int, int | None], object]
"""Told how many bytes have been written, and how many there will be; None as long as that is not known."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a copy must know of a file or folder."""

    name: str
    is_directory: bool
    size: int = 0
    state: str = ""
    """Of a file: what is different after a change of its content."""


class Opened(NamedTuple):
    """A file that is being read: what it was when it was opened, and its content."""

    entry: Entry
    body: Body


class Store(Protocol[R_co]):
    """Where files can be copied from and to. Paths are the store's own; failures are MeshErrors."""

    async def look(self, path: str) -> Entry:
        """What is there; raises NotFound."""

    async def entries(self, path: str) -> list[Entry]:
        """What a folder holds."""

    def read(self, path: str) -> AbstractAsyncContextManager[Opened]:
        """Open a file; raises IsADirectory for a folder, NotFound."""

    async def write(self, path: str, body: Body, progress: Callable[[int], None]) -> R_co:
        """Store ``body`` under a new name, all or nothing, and check its size; AlreadyExists if it is taken."""

    async def make_folder(self, path: str) -> None:
        """Make a new folder; AlreadyExists if the name is taken."""

    async def rename(self, path: str, to: str) -> R_co:
        """Give a folder a new name; AlreadyExists if it is taken. With the old one it stays as it is."""

    async def can_rename(self, path: str) -> bool:
        """Whether a folder that was made beside ``path`` could get its name."""

    async def remove(self, path: str) -> None:
        """Remove a file, or a folder with all it holds."""


@dataclass(frozen=True, slots=True)
class Copied(Generic[T]):
    """A finished copy."""

    result: T
    """What the target store says of it."""
    states: dict[str, str]
    """What was copied, as ``states`` tells it: another answer now means a change since."""


async def states(store: Store[object], path: str) -> dict[str, str]:
    """What is at ``path`` and below: equal as long as nothing was added, changed or removed."""
    entry = await store.look(path)
    if not entry.is_directory:
        return {"": entry.state}
    return _states(await _survey(store, path))


async def copy_tree(
    source: Store[object],
    path: str,
    target: Store[R],
    to: str,
    *,
    progress: CopyProgress | None = None,
    at_most: int | None = None,
) -> Copied[R]:
    """Copy a file, or a folder with all it holds, to the new path ``to``.

    A folder grows under a hidden name, several files at a time, and gets its own at the end; where nothing can be
    renamed it has its own from the beginning. When anything
    fails or the task is cancelled, what has grown is removed again. Raises AlreadyExists, NotFound, TooLarge for
    more than ``at_most`` bytes, and what the stores raise; the first failure ends the rest.
    """
    tally = _Tally(progress)
    async with AsyncExitStack() as stack:
        try:
            opened = await stack.enter_async_context(source.read(path))
        except IsADirectory:
            opened = None
        if opened is not None:
            tally.expect(opened.body.size, at_most, path)
            result = await target.write(to, opened.body, tally.file())
            return Copied(result, {"": opened.entry.state})
    with suppress(NotFound):
        await target.look(to)
        raise AlreadyExists(f'"{to}" exists already. Choose another name.')
    found = await _survey(source, path)
    tally.expect(sum(entry.size for entry in found.values()), at_most, path)
    growing = to
    if await target.can_rename(to):
        growing = join(parent_of(to), f".mesh-{secrets.token_hex(8)}.part")
    made = False
    try:
        await settled(target.make_folder(growing))
        made = True
        await _fill(source, path, target, growing, found, tally)
        result = await settled(target.rename(growing, to))
    except BaseException as error:
        # What has the name may be somebody else's.
        if made or growing != to:
            with suppress(MeshError):
                await asyncio.shield(target.remove(growing))
        if isinstance(error, MeshError):
            # Users know it by the name that it was to get.
            raise type(error)(str(error).replace(growing, to), trace=error.trace) from error
        raise
    return Copied(result, _states(found))


async def _survey(store: Store[object], path: str) -> dict[str, Entry]:
    """All that a folder holds, by path in it; a folder comes before what is in it."""
    found: dict[str, Entry] = {}
    level = [""]
    while level:
        below: list[str] = []

        async def look(folder: str, below: list[str] = below) -> None:
            for entry in await store.entries(join(path, folder)):
                where = join(folder, entry.name)
                found[where] = entry
                if entry.is_directory:
                    below.append(where)

        await each(look, level, AT_ONCE)
        level = below
    return found


def _states(found: dict[str, Entry]) -> dict[str, str]:
    return {where: entry.state for where, entry in found.items()}


async def _fill(
    source: Store[object],
    path: str,
    target: Store[object],
    to: str,
    found: dict[str, Entry],
    tally: _Tally,
) -> None:
    async def make(where: str) -> None:
        await target.make_folder(join(to, where))

    async def copy(where: str) -> None:
        async with source.read(join(path, where)) as opened:
            await target.write(join(to, where), opened.body, tally.file())

    folders = sorted((where for where, entry in found.items() if entry.is_directory), key=_depth)
    for _, level in groupby(folders, key=_depth):
        await each(make, level, AT_ONCE)
    await each(copy, (where for where, entry in found.items() if not entry.is_directory), AT_ONCE)


def _depth(where: str) -> int:
    return where.count("/")


async def settled(work: Coroutine[object, object, T]) -> T:
    """Let a step end that would leave something behind if it was cut off; only then the task is cancelled."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


class _Tally:
    """Adds up what the files of a copy have come to."""

    def __init__(self, tell: CopyProgress | None) -> None:
        self._tell = tell
        self._done = 0
        self._total: int | None = None
        self._told()

    def expect(self, total: int, at_most: int | None, path: str) -> None:
        if at_most is not None and total > at_most:
            raise TooLarge(
                f'"{path}" is too large to be copied here: it has {total >> 20} MB, and {at_most >> 20} MB are '
                "allowed (max_copy_folder_size_mb)."
            )
        self._total = total
        self._told()

    def file(self) -> Callable[[int], None]:
        """Takes the progress of one file, which may begin again."""
        known = 0

        def tell(sent: int) -> None:
            nonlocal known
            self._done += sent - known
            known = sent
            self._told()

        return tell

    def _told(self) -> None:
        if self._tell is not None:
            self._tell(self._done, self._total)
