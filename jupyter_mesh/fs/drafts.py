"""What is being written and nobody sees yet: in memory while it is small, then in a file on this machine."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from jupyter_mesh.errors import AlreadyExists, Conflict, MeshError

if TYPE_CHECKING:
    from jupyter_mesh.fs.contents import Contents
    from jupyter_mesh.models import Resource

__all__ = ["Draft"]

IN_MEMORY = 5 << 20
"""Bytes of a draft up to which it stays in memory."""


class Draft:
    """The new content of a file, published all at once or not at all.

    ``seen`` is what the file was when writing began, None if there was none: whatever has happened to it since
    is not written over. Whoever makes a draft calls ``publish`` or ``discard``.
    """

    def __init__(
        self, fs: Contents, path: str, seen: Resource | None, *, new: bool = False
    ) -> None:
        self._fs = fs
        self._path = path
        self.seen = seen
        self._new = new
        self._memory = bytearray()
        self._file: BinaryIO | None = None
        self._name: Path | None = None
        self.size = 0
        self.kept: Path | None = None
        """Where the content lies that could not be published."""
        self.published: Resource | None = None
        self._failure: OSError | None = None
        """Why not all of it is here."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Add to the end. Blocks on the disk once it is large.

        Raises OSError where that is full; then the draft is lost, for nobody knows how much of it is there.
        """
        self._check()
        self.size += len(data)
        if self._file is None and len(self._memory) + len(data) <= IN_MEMORY:
            self._memory += data
            return
        try:
            self._spooled().write(data)
        except OSError as error:
            self._failure = error
            raise

    def discard(self) -> None:
        """Forget all of it, except what was kept after a failure. May be called twice."""
        self._memory = bytearray()
        if self._file is not None:
            # Closing writes what is still buffered, which a full disk refuses.
            with suppress(OSError):
                self._file.close()
        if self._name is not None and self._name != self.kept:
            self._name.unlink(missing_ok=True)
        self._file = self._name = None

    async def publish(self) -> None:
        """Give the file this content. May be called again after a success, and does nothing then.

        Raises Conflict if the file was changed, made or deleted since writing began, AlreadyExists for a file
        that had to be new, and all that an upload raises. Then the content stays in a file that the error names.
        Raises OSError, and saves nothing, if the disk here did not take all that was written.
        """
        if self.published is not None:
            return
        await asyncio.to_thread(self._complete)
        try:
            self.published = await self._save()
        except BaseException as error:
            where = await asyncio.shield(asyncio.to_thread(self.keep))
            if isinstance(error, MeshError):
                raise type(error)(f"{error} {where}", trace=error.trace) from error
            raise
        self.kept = None
        await asyncio.to_thread(self.discard)

    def keep(self) -> str:
        """Have the content survive in a file, and tell where in a sentence; where that fails, it stays in memory."""
        try:
            if self._name is None:
                self._spooled()
            if self._file is not None:
                self._file.close()
                self._file = None
        except OSError as error:
            return (
                f"What was written cannot be kept on this machine ({error.strerror}): it is in memory, and "
                "commit() tries once more."
            )
        self.kept = self._name
        return f"What was written is kept in {self.kept}."

    def _complete(self) -> None:
        """Raise OSError unless all that was written is here."""
        self._check()
        if self._file is not None:
            try:
                self._file.flush()
            except OSError as error:
                self._failure = error
                self._check()

    def _check(self) -> None:
        if self._failure is not None:
            raise OSError(
                self._failure.errno,
                f"{self._path} could not be written on this machine ({self._failure.strerror}), so it is not saved. "
                "Free some room, then write it again",
            ) from self._failure

    async def _save(self) -> Resource:
        content = bytes(self._memory) if self._name is None else self._name
        try:
            return await self._fs._saved(
                self._path,
                content,
                if_match=self.seen.etag if self.seen is not None else "",
                if_absent=self.seen is None,
            )
        except AlreadyExists as error:
            if self._new:
                raise
            raise Conflict(
                f"Could not save {self._path}: somebody else has made it in the meantime. Look at it first."
            ) from error

    def _spooled(self) -> BinaryIO:
        """The file that this user alone can read, made when it is first needed."""
        if self._file is None:
            descriptor, name = tempfile.mkstemp(prefix="cs3-unsaved-")
            try:
                file = os.fdopen(descriptor, "wb")
                try:
                    file.write(self._memory)
                    file.flush()
                except BaseException:
                    with suppress(OSError):
                        file.close()
                    raise
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._file, self._name, self._memory = file, Path(name), bytearray()
        return self._file
