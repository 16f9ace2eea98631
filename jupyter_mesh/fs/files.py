"""Open files: read in blocks of one content, written as a whole or not at all."""

from __future__ import annotations

import asyncio
import io
import sys
import warnings
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from fsspec.spec import AbstractBufferedFile

from jupyter_mesh.errors import (
    AlreadyExists,
    FileExpired,
    InvalidRequest,
    IsADirectory,
    NotFound,
    TooLarge,
)
from jupyter_mesh.fs.blocking import wait
from jupyter_mesh.fs.drafts import Draft
from jupyter_mesh.fs.entries import entry_of
from jupyter_mesh.fs.onward import Onward

if TYPE_CHECKING:
    from jupyter_mesh.cs3.reader import Reader
    from jupyter_mesh.fs.contents import Contents
    from jupyter_mesh.models import Resource

__all__ = ["CS3File"]

MODES = ("rb", "wb", "xb", "ab")

APPEND_AT_MOST = 1 << 30
"""Bytes of a file that can be added to: CS3 cannot append, so all of it comes here and goes back."""

FRAMES = 8
"""How far up the ``with`` statement may be that a file is closed by."""


def check_mode(path: str, mode: str) -> None:
    """Raise InvalidRequest for a mode that files of a site cannot be opened with."""
    if mode not in MODES:
        raise InvalidRequest(
            f'Could not open {path} with the mode "{mode}": files of a site are read, or written as a whole '
            f"({', '.join(MODES)}). For changes in place, use a mount."
        )


async def opened(fs: Contents, mesh: str, etag: str) -> Reader:
    """A file to read, as it is now; raises FileExpired if it must have ``etag`` and has another."""
    reader = await fs.client().reader(mesh)
    if etag not in ("", reader.resource.etag):
        raise FileExpired(f"{mesh} was changed at {fs.site} since it was opened. Open it again.")
    return reader


async def begin(fs: Contents, mesh: str, mode: str) -> Draft:
    """A draft for "wb", "xb" or "ab", which knows what is there now. One Stat; "ab" reads the file too.

    Raises IsADirectory, AlreadyExists for "xb", TooLarge for "ab".
    """
    client = fs.client()
    seen: Resource | None = None
    with suppress(NotFound):
        seen = await client.stat(mesh)
    if seen is not None and seen.is_directory:
        raise IsADirectory(f"Could not open {mesh} for writing: it is a folder.")
    if mode == "xb" and seen is not None:
        raise AlreadyExists(f"Could not make {mesh}: it is there already. Choose another name.")
    draft = Draft(fs, mesh, seen, new=mode == "xb")
    if mode == "ab" and seen is not None:
        if seen.size > APPEND_AT_MOST:
            raise TooLarge(
                f"Could not add to {mesh}: it has {seen.size >> 20} MB, and {fs.site} cannot add to files, so that "
                f"all would be written again. That is done up to {APPEND_AT_MOST >> 20} MB. Write another file."
            )
        try:
            reader = await client.reader(mesh)
            # Somebody may have saved it since: then this is what is added to.
            draft.seen = reader.resource
            async with aclosing(reader.views()) as views:
                async for view in views:
                    await asyncio.to_thread(draft.write, view)
        except BaseException:
            draft.discard()
            raise
    return draft


class CS3File(AbstractBufferedFile):
    """A file of the mesh for synchronous code, in mode rb, wb, ab or xb.

    It reads the content that it had when it was opened; FileExpired is raised once that has changed. It is
    published when it is closed: all of it, with Conflict if somebody else has changed it since it was opened. An
    exception inside ``with`` publishes nothing, nor does a file that is never closed. What could not be published
    stays in a local file that the error names.
    """

    if TYPE_CHECKING:
        closed: bool

    def __init__(
        self,
        fs: Contents,
        path: str,
        mode: str = "rb",
        *,
        etag: str = "",
        size: int | None = None,
        **kwargs: Any,
    ) -> None:
        # Tracebacks show also a file that could not be opened.
        self.fs, self.path = fs, path
        self._draft: Draft | None = None
        self._amid = sys.exception()
        self._dropped = False
        check_mode(path, mode)
        mesh = fs._mesh(path)
        if mode == "rb":
            self._reader: Reader = wait(fs.loop, opened, fs, mesh, etag)
            self._onward = Onward(self._reader)
            self._fetched = -1
            self._details = entry_of(self._reader.resource)
            size = self._reader.resource.size
        super().__init__(fs, path, mode, size=size, **kwargs)
        if mode == "rb":
            # Whoever unpickles it reads the same content, or is told that it has changed.
            self.kwargs["etag"] = self._reader.resource.etag
        else:
            self._draft = wait(fs.loop, begin, fs, mesh, mode)
            self.loc = self._draft.size

    def read(self, length: int | None = -1) -> bytes:
        """The next bytes, fewer at the end. Raises FileExpired if the file has been changed."""
        if self._draft is not None:
            raise io.UnsupportedOperation("File not in read mode")
        # Not all caches know where a file ends.
        left = max(0, self.size - self.loc)
        found: bytes = super().read(left if length is None or length < 0 else min(length, left))
        return found

    def _fetch_range(self, start: int, end: int) -> bytes:
        # Who reads on gets all by one request; whoever jumps gets what is asked for and nothing beside it.
        take = self._onward.take if start == self._fetched else self._reader.read
        self._fetched = end
        content: bytes = wait(self.fs.loop, take, start, end)
        return content

    def write(self, data: Any) -> int:
        """Add to the end. Nobody sees it before the file is closed."""
        if self._draft is None:
            raise io.UnsupportedOperation("File not in write mode")
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        view = memoryview(data).cast("B")
        self._draft.write(view)
        self.loc += len(view)
        return len(view)

    def flush(self, force: bool = False) -> None:
        """Do nothing: a file is published as a whole, when it is closed."""
        if self.closed:
            raise ValueError("Flush on closed file")

    def close(self) -> None:
        """Publish what was written, unless a transaction will; free what reading took. May be called twice.

        Raises Conflict, QuotaExceeded and all that an upload raises; the content then stays where the error says.
        """
        if self.closed:
            return
        try:
            if self._draft is None:
                wait(self.fs.loop, self._onward.stop)
                super().close()
            elif self._dropped or is_failing(self._amid):
                self.discard()
            elif self.autocommit:
                self.commit()
        finally:
            self.closed = True
            self._amid = None

    def commit(self) -> None:
        """Publish what was written. What could not be published is kept where the error says."""
        if self._draft is None:
            return
        try:
            wait(self.fs.loop, self._draft.publish)
        except KeyboardInterrupt as error:
            if self._draft.kept is not None:
                error.add_note(f"What was written to {self.path} is kept in {self._draft.kept}.")
            raise

    def keep(self) -> str:
        """Have what was written survive in a local file instead; tells where, in a sentence."""
        return self._draft.keep() if self._draft is not None else ""

    def discard(self) -> None:
        """Forget what was written."""
        if self._draft is not None:
            self._draft.discard()
        self.closed = True
        self._amid = None

    def _dealloc_warn(self, source: object) -> None:
        # Text files of Python tell so that they are dropped: then they close what is below them.
        if self._draft is not None and not self.closed:
            self._dropped = True
            self._warn()

    def _warn(self) -> None:
        warnings.warn(
            f"{self.path} was opened for writing and never closed: nothing was saved.",
            ResourceWarning,
            stacklevel=3,
        )

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        if kind is not None and self._draft is not None:
            self.discard()
        self.close()

    def __del__(self) -> None:
        if self._draft is not None and not self.closed:
            self.discard()
            self._warn()
        self.closed = True


def is_failing(amid: BaseException | None) -> bool:
    """True if a file is closed by a ``with`` statement that an exception ends.

    Layers above a file (text, codecs, the OpenFile of fsspec, pandas) close it without a word about the exception
    that their own ``__exit__`` was given. The exception that was being dealt with when the file was opened,
    ``amid``, is none of the file's: it may be what the file is to tell of.
    """
    failure = sys.exception()
    frame = sys._getframe(1) if failure not in (None, amid) else None
    for _ in range(FRAMES):
        if frame is None:
            return False
        if frame.f_code.co_name in ("__exit__", "__aexit__"):
            given = frame.f_locals.values()
            if any(value is failure or _holds(value, failure) for value in given):
                return True
        frame = frame.f_back
    return False


def _holds(value: object, failure: BaseException | None) -> bool:
    return isinstance(value, tuple) and any(one is failure for one in value)
