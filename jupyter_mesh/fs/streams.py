"""Open files for asynchronous code: one stream of bytes in, or a file that is published as a whole."""

from __future__ import annotations

import asyncio
import io
import sys
import warnings
from typing import TYPE_CHECKING, Any

from fsspec.asyn import AbstractAsyncStreamedFile

from jupyter_mesh.fs.entries import entry_of
from jupyter_mesh.fs.files import begin, is_failing, opened
from jupyter_mesh.fs.onward import Onward

if TYPE_CHECKING:
    from jupyter_mesh.cs3.reader import Reader
    from jupyter_mesh.fs.contents import Contents
    from jupyter_mesh.fs.drafts import Draft

__all__ = ["CS3Stream", "open_stream"]


async def open_stream(
    fs: Contents, path: str, mode: str, etag: str = "", **kwargs: Any
) -> CS3Stream:
    """A file of the mesh for asynchronous code, in mode rb, wb, ab or xb; the errors are those of ``CS3File``."""
    mesh = fs._mesh(path)
    if mode == "rb":
        return CS3Stream(fs, path, mode, reader=await opened(fs, mesh, etag), **kwargs)
    return CS3Stream(fs, path, mode, draft=await begin(fs, mesh, mode), **kwargs)


class CS3Stream(AbstractAsyncStreamedFile):
    """As ``CS3File``, with ``await`` before read, write and close. Reading on asks the site for nothing again."""

    if TYPE_CHECKING:
        closed: bool

    def __init__(
        self,
        fs: Contents,
        path: str,
        mode: str,
        *,
        reader: Reader | None = None,
        draft: Draft | None = None,
        **kwargs: Any,
    ) -> None:
        self._draft = draft
        self._amid = sys.exception()
        if reader is not None:
            self._onward = Onward(reader)
            self._details = entry_of(reader.resource)
            kwargs |= {"size": reader.resource.size, "cache_type": "none"}
        super().__init__(fs, path, mode, **kwargs)
        if draft is not None:
            self.loc = draft.size

    async def _fetch_range(self, start: int, end: int) -> bytes:
        return await self._onward.take(start, min(end, self.size))

    async def write(self, data: Any) -> int:
        """Add to the end. Nobody sees it before the file is closed."""
        if self._draft is None:
            raise io.UnsupportedOperation("File not in write mode")
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        view = memoryview(data).cast("B")
        await asyncio.to_thread(self._draft.write, view)
        self.loc += len(view)
        return len(view)

    async def flush(self, force: bool = False) -> None:
        """Do nothing: a file is published as a whole, when it is closed."""
        if self.closed:
            raise ValueError("Flush on closed file")

    async def close(self) -> None:
        """Publish what was written; free what reading took. May be awaited twice. Raises what an upload raises."""
        if self.closed:
            return
        try:
            if self._draft is None:
                await self._onward.stop()
            elif is_failing(self._amid):
                await self.discard()
            elif self.autocommit:
                await self.commit()
        finally:
            self.closed = True
            self._amid = None

    async def commit(self) -> None:
        """Publish what was written."""
        if self._draft is not None:
            await self._draft.publish()

    async def discard(self) -> None:
        """Forget what was written."""
        if self._draft is not None:
            await asyncio.to_thread(self._draft.discard)
        self.closed = True

    async def __aexit__(self, kind: type[BaseException] | None, *details: object) -> None:
        if kind is not None and self._draft is not None:
            await self.discard()
        await self.close()

    def __del__(self) -> None:
        if self._draft is not None and not self.closed:
            self._draft.discard()
            warnings.warn(
                f"{self.path} was opened for writing and never closed: nothing was saved.",
                ResourceWarning,
                stacklevel=2,
            )
        self.closed = True
