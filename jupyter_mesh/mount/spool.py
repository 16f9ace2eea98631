"""Bodies of PUTs on this machine's disk until the site has them: a retry needs no new body."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from jupyter_mesh.cs3.body import Body
from jupyter_mesh.errors import QuotaExceeded, TransferFailed
from jupyter_mesh.models import Checksum
from jupyter_mesh.threads import opened, to_its_end

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator
    from pathlib import Path

__all__ = ["Spool", "Spooled"]

IN_MEMORY = 1 << 20
KEPT = 600.0
"""Seconds for which the body of a failed PUT waits to be sent once more."""
KEPT_AT_MOST = 2 << 30
"""Bytes of such bodies together."""
SPARE = 16 << 20
"""Bytes that stay free on the disk."""
WRITE_FROM = 256 << 10


@dataclass(slots=True)
class Spooled:
    """All of a body, to be read as often as needed."""

    body: Body
    sha1: str
    file: BinaryIO | None = field(default=None, repr=False)
    since: float = field(default_factory=time.monotonic)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.body.size

    def close(self) -> None:
        """Give the disk back."""
        if self.file is not None:
            self.file.close()


class Spool:
    """A folder of files without names: whatever ends this process, nothing is left of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[str, Spooled] = {}

    @asynccontextmanager
    async def take(
        self, path: str, pieces: AsyncIterable[bytes], size: int | None, checksum: Checksum | None
    ) -> AsyncIterator[Spooled]:
        """Receive a body. It is gone at the end, unless the block fails: then the next PUT of it begins with it.

        Raises TransferFailed for a body that ends early or is not what its checksum says, and QuotaExceeded
        where this machine's disk has no room.
        """
        kept = self._kept.pop(path, None)
        if kept is not None and (checksum is None or checksum.value != kept.sha1):
            kept.close()
            kept = None
        if kept is not None:
            async for _ in pieces:
                pass
            spooled = kept
        else:
            spooled = await self._receive(path, pieces, size)
        wrong = (
            checksum is not None and checksum.algorithm == "sha1" and checksum.value != spooled.sha1
        )
        if wrong or size not in (None, spooled.size):
            spooled.close()
            raise TransferFailed(f"{path} did not arrive unharmed. Nothing was saved.")
        try:
            yield spooled
        except asyncio.CancelledError:
            spooled.close()
            raise
        except Exception:  # Whatever failed: the body is as good as before.
            self._keep(path, spooled)
            raise
        else:
            spooled.close()

    def close(self) -> None:
        """Drop all bodies."""
        for kept in self._kept.values():
            kept.close()
        self._kept.clear()

    def drop(self, path: str) -> None:
        """The body of a failed PUT is not needed any more."""
        kept = self._kept.pop(path, None)
        if kept is not None:
            kept.close()

    def _keep(self, path: str, spooled: Spooled) -> None:
        self._kept[path] = spooled
        spooled.since = time.monotonic()
        for old in list(self._kept):
            total = sum(each.size for each in self._kept.values())
            if total > KEPT_AT_MOST or time.monotonic() - self._kept[old].since > KEPT:
                self.drop(old)

    async def _receive(self, path: str, pieces: AsyncIterable[bytes], size: int | None) -> Spooled:
        digest = hashlib.sha1(usedforsecurity=False)
        waiting = bytearray()
        length = 0
        file: BinaryIO | None = None
        try:
            if size is not None and size > IN_MEMORY:
                file = await opened(self._make, size)
            async for piece in pieces:
                waiting += piece
                length += len(piece)
                if file is None and length > IN_MEMORY:
                    file = await opened(self._make, length)
                if file is not None and len(waiting) >= WRITE_FROM:
                    await to_its_end(_append, file, waiting, digest)
                    waiting = bytearray()
            if file is None:
                digest.update(waiting)
                content: bytes | BinaryIO = bytes(waiting)
            else:
                await to_its_end(_append, file, waiting, digest)
                content = file
        except BaseException as error:
            if file is not None:
                file.close()
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self._full(path) from error
            raise
        sha1 = digest.hexdigest()
        return Spooled(Body(content, length, Checksum("sha1", sha1)), sha1, file)

    def _make(self, size: int) -> BinaryIO:
        if shutil.disk_usage(self._folder).free < size + SPARE:
            raise OSError(errno.ENOSPC, "no room")
        return tempfile.TemporaryFile(dir=self._folder, buffering=0)

    def _full(self, path: str) -> QuotaExceeded:
        return QuotaExceeded(
            f"{path} cannot be uploaded: the disk of this machine is full ({self._folder}). Make room there; "
            "it is tried again."
        )


def _append(file: BinaryIO, piece: bytearray, digest: hashlib._Hash) -> None:
    digest.update(piece)
    view = memoryview(piece)
    while view:
        view = view[os.write(file.fileno(), view) :]
