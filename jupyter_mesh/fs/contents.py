"""The content of files, in the words of fsspec: read, write, copy, open."""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from fsspec.callbacks import DEFAULT_CALLBACK, Callback
from fsspec.compression import compr
from fsspec.core import get_compression
from fsspec.utils import isfilelike, stringify_path

from jupyter_mesh.errors import (
    AlreadyExists,
    Conflict,
    InvalidRequest,
    IsADirectory,
    NotFound,
    NotSupported,
    SiteError,
    TransferFailed,
)
from jupyter_mesh.fs.changes import Changes
from jupyter_mesh.fs.families import family, member
from jupyter_mesh.fs.files import CS3File, check_mode
from jupyter_mesh.fs.layers import Compressed, Text
from jupyter_mesh.fs.names import path_of
from jupyter_mesh.fs.ranges import is_empty, spans_of, wanted_of
from jupyter_mesh.fs.streams import CS3Stream, open_stream
from jupyter_mesh.threads import opened, to_its_end

if TYPE_CHECKING:
    from jupyter_mesh.cs3.body import Content
    from jupyter_mesh.cs3.client import Progress
    from jupyter_mesh.models import Resource

__all__ = ["Contents"]

TEXT = ("encoding", "errors", "newline")
MODES = ("overwrite", "create")


class Contents(Changes):
    """The methods of fsspec that read and write. Errors are those of ``jupyter_mesh.errors``."""

    # Reading.

    @member
    async def _cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any
    ) -> bytes:
        """The bytes [start, end) of a file, counted as in a slice. Raises NotFound, IsADirectory."""
        if is_empty(start, end):
            return b""
        reader = await self.client().reader(self._mesh(path))
        first, last, _ = slice(start, end).indices(reader.resource.size)
        return await reader.read(first, last)

    async def _cat_ranges(
        self,
        paths: list[str],
        starts: Any,
        ends: Any,
        max_gap: int | None = None,
        batch_size: int | None = None,
        on_error: str = "return",
        **kwargs: Any,
    ) -> list[bytes | Exception]:
        """Many parts of files, each counted as in a slice. One Stat and one InitiateFileDownload for each file.

        Parts of a file that are near one another, by up to ``max_gap`` bytes, come by one request.
        """
        wanted = wanted_of(paths, starts, ends)
        found: list[bytes | Exception] = [b""] * len(wanted)
        by_file: dict[str, list[int]] = {}
        for number, (path, start, end) in enumerate(wanted):
            if not is_empty(start, end):
                by_file.setdefault(self._here(path), []).append(number)

        async def read(item: tuple[str, list[int]]) -> None:
            path, numbers = item
            try:
                parts = await self._parts(path, [wanted[number][1:] for number in numbers], max_gap)
            except Exception as error:  # What is returned in its place, as fsspec has it.
                if on_error != "return":
                    raise
                parts = [error] * len(numbers)
            for number, part in zip(numbers, parts, strict=True):
                found[number] = part

        await self._each(read, by_file.items())
        return found

    async def _parts(
        self, path: str, slices: list[tuple[int | None, int | None]], max_gap: int | None
    ) -> list[Any]:
        reader = await self.client().reader(self._mesh(path))
        ranges = [slice(*one).indices(reader.resource.size)[:2] for one in slices]
        return list(await reader.ranges(ranges, spans_of(ranges, max_gap)))

    @member
    async def _get_file(
        self, rpath: str, lpath: Any, callback: Callback = DEFAULT_CALLBACK, **kwargs: Any
    ) -> None:
        """Copy a file to a local path or into an open file; a folder makes a local folder.

        The local file has its name when it is whole: nothing is left after a failure.
        """
        mesh = self._mesh(rpath)
        known = self.listings.entry(mesh)
        if known is not None and known["type"] == "directory" and not isfilelike(lpath):
            # As the site would say, for every folder of a tree that was listed just now.
            await asyncio.to_thread(os.makedirs, lpath, exist_ok=True)
            return
        try:
            if isfilelike(lpath):
                await self._receive(mesh, lpath, callback)
                return
            target = Path(stringify_path(lpath))
            part = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}.part")
            try:
                file = await opened(_begin, target, part)
                try:
                    await self._receive(mesh, file, callback)
                finally:
                    await asyncio.to_thread(file.close)
                await asyncio.to_thread(part.replace, target)
            except BaseException:
                await asyncio.shield(asyncio.to_thread(part.unlink, missing_ok=True))
                raise
        except IsADirectoryError as error:
            # A folder here may be one that another file of the same tree has made a moment ago.
            here = not isinstance(error, IsADirectory)
            if isfilelike(lpath) or (here and not await self._isdir(rpath)):
                raise
            await asyncio.to_thread(os.makedirs, lpath, exist_ok=True)

    async def _receive(self, mesh: str, file: Any, callback: Callback) -> None:
        reader = await self.client().reader(mesh)
        callback.set_size(reader.resource.size)
        async with aclosing(reader.views()) as views:
            async for view in views:
                await to_its_end(file.write, view)
                callback.relative_update(len(view))

    async def _get(
        self, rpath: Any, lpath: Any, recursive: bool = False, *args: Any, **kwargs: Any
    ) -> Any:
        """Copy files to local paths, as fsspec does it; what exists as it is written is no pattern."""

        async def is_folder(path: str) -> bool:
            return await asyncio.to_thread(os.path.isdir, path)

        named = await self._named(rpath, lpath, recursive, is_folder)
        if named is not None:
            rpath, lpath = named
        async with family():
            return await super()._get(rpath, lpath, recursive, *args, **kwargs)

    async def _copy(
        self, path1: Any, path2: Any, recursive: bool = False, *args: Any, **kwargs: Any
    ) -> Any:
        """Copy files at the site, as fsspec does it; what exists as it is written is no pattern."""
        named = await self._named(path1, path2, recursive, self._isdir)
        if named is not None:
            path1, path2 = named
        async with family():
            return await super()._copy(path1, path2, recursive, *args, **kwargs)

    async def _cat(self, *args: Any, **kwargs: Any) -> Any:
        """The content of one file, or of each of many, as fsspec does it."""
        async with family():
            return await super()._cat(*args, **kwargs)

    async def _put(self, *args: Any, **kwargs: Any) -> Any:
        """Copy local files, as fsspec does it."""
        async with family():
            return await super()._put(*args, **kwargs)

    async def _pipe(self, *args: Any, **kwargs: Any) -> Any:
        """Write files, as fsspec does it."""
        async with family():
            return await super()._pipe(*args, **kwargs)

    # Writing.

    @member
    async def _pipe_file(
        self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any
    ) -> None:
        """Write a file, all or nothing; folders above are made. Raises AlreadyExists for ``mode="create"``."""
        await self._saved(self._mesh(path), bytes(value), if_absent=_is_create(mode))

    @member
    async def _put_file(
        self,
        lpath: Any,
        rpath: str,
        mode: str = "overwrite",
        callback: Callback = DEFAULT_CALLBACK,
        **kwargs: Any,
    ) -> None:
        """Copy a local file, all or nothing; a local folder makes a folder. Raises AlreadyExists for ``mode="create"``."""
        mesh, local = self._mesh(rpath), Path(stringify_path(lpath))
        if await asyncio.to_thread(local.is_dir):
            await self._make_folder(mesh, parents=True, exist_ok=True)
            return
        # What is wrong with the local file is told in Python's own words; a pipe would be waited for.
        if await asyncio.to_thread(local.exists) and not await asyncio.to_thread(local.is_file):
            raise InvalidRequest(f"Could not send {local}: it is no ordinary file.")
        with await asyncio.to_thread(local.open, "rb") as file:
            callback.set_size(os.fstat(file.fileno()).st_size)
        await self._saved(
            mesh, local, if_absent=_is_create(mode), progress=callback.absolute_update
        )

    async def _saved(
        self,
        mesh: str,
        content: Content,
        *,
        if_match: str = "",
        if_absent: bool = False,
        progress: Progress | None = None,
    ) -> Resource:
        """Upload what can be read twice, and make the folders above where they are missing."""
        client = self.client()

        async def upload() -> Resource:
            return await client.upload(
                mesh, content, if_match=if_match, if_absent=if_absent, progress=progress
            )

        try:
            try:
                return await upload()
            except (NotFound, SiteError, Conflict, AlreadyExists) as error:
                # Sites say all of these where a folder is missing, which another task may have made since.
                if if_match or isinstance(error, TransferFailed) or await client.exists(mesh):
                    raise
                await self._make_room(mesh, error)
                return await upload()
        finally:
            self.invalidate_cache(path_of(mesh))

    async def _touch(self, path: str, truncate: bool = True, **kwargs: Any) -> None:
        """Make an empty file, or empty the one that is there.

        Raises NotSupported for a file that is to get a new time only: CS3 cannot do that.
        """
        mesh = self._mesh(path)
        if not truncate and await self._exists(path, refresh=True):
            raise NotSupported(
                f"{self.site} cannot give {path} another time and leave its content. Write it again."
            )
        await self._saved(mesh, b"")

    @member
    async def _cp_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        """Copy a file at the site; a folder makes a folder. What is there is replaced and becomes a version."""
        source, target = self._mesh(path1), self._mesh(path2)
        try:
            async with self.client().store().read(source) as opened:
                if source == target:
                    return
                await self._saved(target, opened.body)
        except IsADirectory:
            if not (await self.client().stat(source)).is_directory:
                raise
            await self._make_folder(target, parents=True, exist_ok=True)

    # Open files.

    def open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        cache_options: dict[str, Any] | None = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """A file object, of text unless ``mode`` has a "b". An exception inside ``with`` publishes nothing.

        ``cache_type`` and ``block_size`` choose how it reads ahead, ``autocommit=False`` leaves publishing to
        ``commit()``. See ``files.py``.
        """
        path = self._here(path)
        words = {name: kwargs.pop(name) for name in TEXT if name in kwargs}
        binary = mode if "b" in mode else mode.replace("t", "") + "b"
        file: Any = super().open(
            path, binary, block_size=block_size, cache_options=cache_options, **kwargs
        )
        codec = get_compression(path, compression)
        if codec is not None:
            file = Compressed(file, compr[codec](file, mode=binary[0]))
        return file if binary == mode else Text(file, **words)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> CS3File:
        if self.asynchronous:
            raise InvalidRequest(
                "This filesystem is asynchronous: use await fs.open_async(…), or make one without asynchronous=True."
            )
        return CS3File(
            self,
            path,
            mode,
            block_size=block_size,
            autocommit=autocommit,
            cache_options=cache_options,
            **kwargs,
        )

    async def open_async(self, path: str, mode: str = "rb", **kwargs: Any) -> CS3Stream:
        """A binary file object for asynchronous code. See ``streams.py``."""
        if "b" not in mode or kwargs.pop("compression", None):
            raise InvalidRequest(
                f'Could not open {path} with the mode "{mode}": an asynchronous file gives bytes as they are.'
            )
        check_mode(path, mode)
        return await open_stream(self, self._here(path), mode, **kwargs)


def _begin(target: Path, part: Path) -> BinaryIO:
    """Open the file that becomes ``target``, with the folders above it."""
    if target.exists() and not (target.is_file() or target.is_dir()):
        # A device or a pipe would be one no more.
        raise InvalidRequest(f"Could not save {target}: it is no ordinary file.")
    os.makedirs(target.parent, exist_ok=True)
    return part.open("xb")


def _is_create(mode: str) -> bool:
    if mode not in MODES:
        raise InvalidRequest(f'There is no mode "{mode}". Use "overwrite" or "create".')
    return mode == "create"
