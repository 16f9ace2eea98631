"""Content on its way to a site: its true size and checksum are known before the first byte leaves.

Sites believe the announced length and destroy the file when it is wrong (``facts/opencloud.md`` §3.4), so
whatever cannot tell its length is spooled first: small content in memory, large content in a temporary file.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from jupyter_mesh.errors import InvalidRequest, MeshError, TransferFailed
from jupyter_mesh.models import Checksum
from jupyter_mesh.threads import opened, to_its_end

__all__ = ["Body", "Content", "body_of"]

CHUNK = 1 << 20
IN_MEMORY = 8 << 20


class Body:
    """Content that can be read again from any offset, with its size and its SHA1."""

    checksum: Checksum | None
    failure: MeshError | None = None
    """Why the content could not be read to its end."""

    def __init__(self, source: bytes | BinaryIO, size: int, checksum: Checksum) -> None:
        self._source = source
        self.size = size
        self.checksum = checksum

    async def chunks(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The bytes [start, stop); raises TransferFailed if the file was cut short under us."""
        stop = self.size if stop is None else stop
        while start < stop:
            length = min(CHUNK, stop - start)
            if isinstance(self._source, bytes):
                chunk = self._source[start : start + length]
            else:
                chunk = await asyncio.to_thread(os.pread, self._source.fileno(), length, start)
            if not chunk:
                self.failure = TransferFailed(
                    "The file became shorter while it was read. Nothing was saved; try again."
                )
                raise self.failure
            yield chunk
            start += len(chunk)


class _Still(Body):
    """A local file that others may write to: its last bytes are not sent if it was changed since ``stamp``."""

    def __init__(
        self, file: BinaryIO, size: int, checksum: Checksum, stamp: tuple[int, int]
    ) -> None:
        super().__init__(file, size, checksum)
        self._file = file
        self._stamp = stamp

    async def chunks(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        stop = self.size if stop is None else stop
        async with aclosing(super().chunks(start, stop)) as chunks:  # type: ignore[type-var]  # a generator
            async for chunk in chunks:
                start += len(chunk)
                if (
                    start == self.size
                    and await asyncio.to_thread(_stamp, self._file) != self._stamp
                ):
                    self.failure = TransferFailed(
                        "The file was changed while it was sent. Nothing was saved; send it again."
                    )
                    raise self.failure
                yield chunk


Content = bytes | Path | BinaryIO | AsyncIterable[bytes] | Body
"""What can be uploaded. Files and iterables are read once, from where they stand, and stay open."""


@asynccontextmanager
async def body_of(content: Content, size: int | None = None) -> AsyncIterator[Body]:
    """The body of ``content``; temporary files are gone at the end, also when cancelled.

    Raises TransferFailed if ``size`` was given and the content is shorter or longer.
    """
    if isinstance(content, Body):
        _check(content.size, size)
        yield content
    elif isinstance(content, bytes):
        _check(len(content), size)
        digest = await asyncio.to_thread(hashlib.sha1, content, usedforsecurity=False)
        yield Body(content, len(content), Checksum("sha1", digest.hexdigest()))
    elif isinstance(content, Path):
        with await opened(_open, content) as file:
            stamp = await asyncio.to_thread(_stamp, file)
            length, checksum = await asyncio.to_thread(_measure, file)
            _check(length, size)
            yield _Still(file, length, checksum, stamp)
    else:
        pieces = content if isinstance(content, AsyncIterable) else _read(content)
        async with _spooled(pieces) as body:
            _check(body.size, size)
            yield body


@asynccontextmanager
async def _spooled(pieces: AsyncIterable[bytes]) -> AsyncIterator[Body]:
    """Content that had to be read to know its length."""
    head = bytearray()
    digest = hashlib.sha1(usedforsecurity=False)
    length = 0
    async with AsyncExitStack() as stack:
        spool: BinaryIO | None = None
        async for piece in pieces:
            length += len(piece)
            if length <= IN_MEMORY:
                head += piece
                digest.update(piece)
                continue
            if spool is None:
                spool = await opened(_spool, head)
                stack.enter_context(spool)
                head.clear()
            await to_its_end(_append, spool, piece, digest)
        yield Body(spool or bytes(head), length, Checksum("sha1", digest.hexdigest()))


def _check(found: int, expected: int | None) -> None:
    if expected is not None and found != expected:
        raise TransferFailed(
            f"The content has {found} bytes where {expected} were announced. Nothing was saved; try again."
        )


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except IsADirectoryError:
        raise InvalidRequest(f"{path} is a folder; give one file.") from None
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.") from error


def _stamp(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _measure(file: BinaryIO) -> tuple[int, Checksum]:
    digest = hashlib.sha1(usedforsecurity=False)
    length = 0
    while chunk := file.read(CHUNK):
        digest.update(chunk)
        length += len(chunk)
    return length, Checksum("sha1", digest.hexdigest())


async def _read(file: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, CHUNK):
        yield chunk


def _spool(head: bytearray) -> BinaryIO:
    spool: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's stack closes it
    spool.write(head)
    spool.flush()
    return spool


def _append(spool: BinaryIO, piece: bytes, digest: hashlib._Hash) -> None:
    digest.update(piece)
    spool.write(piece)
    spool.flush()  # It is read by its descriptor.
