"""Files and folders as names: look, list and find, in the words of fsspec.

Where the base class of fsspec would do nothing, do it file by file, or take a failure for an absence, it is
done here instead (``facts/data.md`` §2.1).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from fsspec.asyn import AsyncFileSystem
from fsspec.utils import stringify_path

from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.errors import (
    InvalidRequest,
    NotADirectory,
    NotFound,
    NotSupported,
)
from jupyter_mesh.fs.entries import Entry, entries_of, entry_of, state_of
from jupyter_mesh.paths import MeshPath, join, name_of, normalise
from jupyter_mesh.several import first_failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.fs.listings import Listings

__all__ = ["AT_ONCE", "Names", "join_path", "path_of"]

AT_ONCE = 16
"""Calls that one operation on many files makes at a time."""

PATTERN = frozenset("*?[")

T = TypeVar("T")
R = TypeVar("R")


class Names(AsyncFileSystem):
    """The methods of fsspec that change nothing and need no content. Errors are those of ``jupyter_mesh.errors``."""

    listings: Listings
    site: str

    def client(self) -> MeshClient:
        """The client of the running loop."""
        raise NotImplementedError

    # Looking.

    async def _info(self, path: str, *, refresh: bool = False, **kwargs: Any) -> Entry:
        """What is at a path: out of a listing of the last seconds, else one Stat. Raises NotFound."""
        mesh = self._mesh(path)
        known = None if refresh else self.listings.entry(mesh)
        return dict(known) if known else entry_of(await self.client().stat(mesh))

    async def _ls(
        self, path: str, detail: bool = True, *, refresh: bool = False, **kwargs: Any
    ) -> list[Any]:
        """What a folder holds, or the one file at the path. One ListContainer, none for some seconds after.

        An old listing of a folder whose etag is still the same serves on, where such etags can be trusted.
        Raises NotFound.
        """
        mesh = self._mesh(path)
        try:
            entries: Iterable[Entry] = (await self._listing(mesh, refresh)).values()
        except NotADirectory:
            entries = [entry_of(await self.client().stat(mesh))]
        if detail:
            return [dict(entry) for entry in entries]
        return [entry["name"] for entry in entries]

    async def _listing(self, mesh: str, refresh: bool) -> dict[str, Entry]:
        """The entries of a folder by their paths, which must not be changed."""
        client = self.client()
        old = None if refresh else self.listings.get(mesh)
        if old is not None:
            return old.entries
        old = self.listings.get(mesh, expired=True)
        number, etag = self.listings.number, ""
        trusted = old is not None and (await client.flavour()).can(Feature.TREE_ETAGS)
        if old is not None and trusted and not refresh and not MeshPath.parse(mesh).is_area:
            # Looked at before it is listed: the etag is never newer than the listing.
            etag = (await client.stat(mesh)).etag
            if etag and etag == old.etag:
                self.listings.prolong(mesh)
                return old.entries
        found = await client.list_folder(mesh)
        entries = await asyncio.to_thread(entries_of, found)
        self.listings.put(mesh, entries, etag, number)
        return entries

    async def _exists(self, path: str, **kwargs: Any) -> bool:
        """True if something is there that the user may see. Whatever else goes wrong is raised."""
        try:
            await self._info(path, **kwargs)
        except FileNotFoundError:
            return False
        return True

    async def _isfile(self, path: str) -> bool:
        """True for a file; only absence is False, every other failure is raised."""
        return await self._is(path, "file")

    async def _isdir(self, path: str) -> bool:
        """True for a folder; only absence is False, every other failure is raised."""
        return await self._is(path, "directory")

    async def _is(self, path: str, kind: str) -> bool:
        try:
            return bool((await self._info(path))["type"] == kind)
        except FileNotFoundError:
            return False

    async def _modified(self, path: str) -> datetime:
        """When the content was changed last, in UTC."""
        return datetime.fromtimestamp((await self._info(path, refresh=True))["mtime"], UTC)

    async def _created(self, path: str) -> datetime:
        """Raises NotSupported: CS3 does not tell when a file was made."""
        await self._info(path)
        raise NotSupported(
            f"{self.site} does not tell when {path} was made. Ask for modified() instead."
        )

    async def _ukey(self, path: str) -> str:
        """A text that is another one after every change: from id and etag. One Stat."""
        return state_of(await self._info(path, refresh=True))

    async def _checksum(self, path: str) -> int:
        """``ukey`` as a number."""
        return int(await self._ukey(path), 16)

    async def _sign(self, path: str, expiration: int = 100, **kwargs: Any) -> str:
        """Raises NotSupported: addresses of downloads work only together with a login."""
        raise NotSupported(
            f"{self.site} gives no address of {path} that works without a login. Make a public link to it."
        )

    # Finding.

    async def _walk(
        self,
        path: str,
        maxdepth: int | None = None,
        topdown: bool = True,
        on_error: str | Callable[[OSError], object] = "omit",
        **kwargs: Any,
    ) -> AsyncIterator[tuple[str, Any, Any]]:
        """As ``os.walk``. ``on_error`` counts for every folder.

        "omit" passes over what is not there (any more) and nothing else: a site that does not answer is no
        empty folder.
        """
        if maxdepth is not None and maxdepth < 1:
            raise ValueError("maxdepth must be at least 1")
        path = self._strip_protocol(path)
        detail = kwargs.pop("detail", False)
        try:
            listing = await self._ls(path, detail=True, **kwargs)
        except OSError as error:
            if callable(on_error):
                on_error(error)
            elif on_error != "omit" or not isinstance(error, FileNotFoundError):
                raise
            yield (path, {}, {}) if detail else (path, [], [])
            return
        folders = {
            name_of(entry["name"]): entry for entry in listing if entry["type"] == "directory"
        }
        # A file that is walked is listed under no name of its own.
        files = {
            name_of(entry["name"]) if entry["name"] != path else "": entry
            for entry in listing
            if entry["type"] != "directory"
        }
        # The caller may take names out of what it is given.
        shown: Any = folders if detail else list(folders)
        if topdown:
            yield path, shown, files if detail else list(files)
        if maxdepth is None or maxdepth > 1:
            for name in list(shown):
                async for found in self._walk(
                    join_path(path, name),
                    maxdepth=None if maxdepth is None else maxdepth - 1,
                    topdown=topdown,
                    on_error=on_error,
                    detail=detail,
                    **kwargs,
                ):
                    yield found
        if not topdown:
            yield path, shown, files if detail else list(files)

    async def _find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, **kwargs: Any
    ) -> Any:
        """All files below a path, sorted; the file itself for a file; nothing for what is not there.

        Folders are listed several at a time. ``detail=True`` gives a dict of their ``info``.
        """
        if maxdepth is not None and maxdepth < 1:
            raise ValueError("maxdepth must be at least 1")
        detail, refresh = kwargs.pop("detail", False), kwargs.pop("refresh", False)
        on_error = kwargs.pop("on_error", "omit")
        path = self._strip_protocol(path)
        found: dict[str, Entry] = {}
        if withdirs:
            with suppress(FileNotFoundError):
                top = await self._info(path)
                if top["type"] == "directory":
                    found[path] = top
        level, depth = [path], 0
        while level and (maxdepth is None or depth < maxdepth):
            depth += 1
            below: list[str] = []
            for entries in await self._each(
                lambda folder: self._held(folder, refresh, on_error), level
            ):
                for entry in entries:
                    if entry["type"] == "directory":
                        below.append(entry["name"])
                    if entry["type"] != "directory" or withdirs:
                        found[entry["name"]] = entry
            level = below
        return {name: found[name] for name in sorted(found)} if detail else sorted(found)

    async def _held(
        self, folder: str, refresh: bool, on_error: str | Callable[[OSError], object]
    ) -> list[Entry]:
        try:
            return await self._ls(folder, detail=True, refresh=refresh)
        except OSError as error:
            if callable(on_error):
                on_error(error)
            elif on_error != "omit" or not isinstance(error, FileNotFoundError):
                raise
            return []

    async def _du(
        self,
        path: str,
        total: bool = True,
        maxdepth: int | None = None,
        withdirs: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Bytes of all files below a path, or a dict of them. Raises NotFound."""
        found = await self._find(path, maxdepth, withdirs, detail=True, **kwargs)
        if not found:
            await self._info(path)
        sizes = {name: entry["size"] for name, entry in found.items()}
        return sum(sizes.values()) if total else sizes

    async def _expand_path(
        self,
        path: str | list[str],
        recursive: bool = False,
        maxdepth: int | None = None,
        assume_literal: bool = False,
    ) -> list[str]:
        """As fsspec does it, but what exists as it is written is no pattern: names may hold ``*``, ``?`` and ``[``."""
        paths = [path] if isinstance(path, str) else path
        found: set[str] = set()
        for one in paths:
            stripped = self._here(one)
            literal = assume_literal or not is_pattern(stripped) or await self._exists(stripped)
            try:
                found.update(
                    await super()._expand_path(
                        [stripped], recursive, maxdepth, assume_literal=literal
                    )
                )
            except FileNotFoundError:
                continue
        if not found:
            raise NotFound(
                f"Nothing at {self.site} is at {', '.join(map(str, paths))}, or nothing that you may see."
            )
        return sorted(found)

    async def _named(
        self, source: Any, target: Any, recursive: bool, into: Callable[[str], Awaitable[bool]]
    ) -> tuple[list[str], list[str]] | None:
        """What to copy where, if ``source`` exists and only looks like a pattern; else None.

        ``into`` tells whether the target is a folder that is there: then the copy goes into it.
        """
        if not isinstance(source, str) or not isinstance(target, str) or not is_pattern(source):
            return None
        top = self._here(source)
        if not await self._exists(top):
            return None
        to = target.rstrip("/")
        if target.endswith("/") or (not source.endswith("/") and await into(target)):
            to = f"{to}/{name_of(top)}"
        below = await self._find(top, withdirs=True) if recursive else []
        found = sorted({top, *below})
        return found, [to + path.removeprefix(top) for path in found]

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget the listings of a path, of all below and of all folders above; all listings for None."""
        self.listings.forget(None if path is None else self._mesh(path))
        super().invalidate_cache(path)

    # Paths.

    def _here(self, path: str) -> str:
        """A path inside this filesystem; raises InvalidRequest for an address of another site."""
        text = str(stringify_path(path))
        if text.startswith("cs3://"):
            site = text.removeprefix("cs3://").partition("/")[0]
            if site not in ("", self.site):
                raise InvalidRequest(
                    f"{text} is at {site}, and these are the files of {self.site}. Open it by its address."
                )
        return str(self._strip_protocol(text))

    def _mesh(self, path: str) -> str:
        """The mesh path of a path; raises InvalidRequest for what cannot be one."""
        return normalise(self._here(path))

    async def _each(self, work: Callable[[T], Awaitable[R]], items: Iterable[T]) -> list[R]:
        """``work`` for all, some at a time, in their order; the first failure ends the rest and is raised."""
        gate = asyncio.Semaphore(self.batch_size or AT_ONCE)

        async def one(item: T) -> R:
            async with gate:
                return await work(item)

        with first_failure():
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(item)) for item in items]
        return [task.result() for task in tasks]


def path_of(mesh: str) -> str:
    """The path inside the filesystem of a mesh path."""
    return "/" + mesh


def join_path(folder: str, name: str) -> str:
    """The path of a name in a folder of the filesystem."""
    return path_of(join(folder, name))


def is_pattern(path: str) -> bool:
    """True if fsspec would look for several files by this path."""
    return not PATTERN.isdisjoint(path)
