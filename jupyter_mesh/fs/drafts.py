"""What is being written and nobody sees yet: in memory while it is small, then in a file on this machine."""

from __future__ import annotations

import asyncio
import os
import tempfile
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

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Add to the end. Blocks on the disk once it is large; raises OSError where that is full."""
        self.size += len(data)
        if self._file is None and len(self._memory) + len(data) <= IN_MEMORY:
            self._memory += data
        else:
            self._spooled().write(data)

    def discard(self) -> None:
        """Forget all of it, except what was kept after a failure. May be called twice."""
        self._memory = bytearray()
        if self._file is not None:
            self._file.close()
        if self._name is not None and self._name != self.kept:
            self._name.unlink(missing_ok=True)
        self._file = self._name = None

    async def publish(self) -> None:
        """Give the file this content. May be called again after a success, and does nothing then.

        Raises Conflict if the file was changed, made or deleted since writing began, AlreadyExists for a file
        that had to be new, and all that an upload raises. Then the content stays in a file that the error names.
        """
        if self.published is not None:
            return
        try:
            self.published = await self._save()
        except BaseException as error:
            kept = await asyncio.shield(asyncio.to_thread(self._keep))
            if isinstance(error, MeshError):
                message = f"{error} What was written is kept in {kept}."
                raise type(error)(message, trace=error.trace) from error
            raise
        await asyncio.to_thread(self.discard)

    async def _save(self) -> Resource:
        if self._file is not None:
            await asyncio.to_thread(self._file.flush)
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
            self._name = Path(name)
            self._file = os.fdopen(descriptor, "wb")
            self._file.write(self._memory)
            self._memory = bytearray()
        return self._file

    def _keep(self) -> Path | None:
        self._spooled().close()
        self.kept = self._name
        return self.kept
