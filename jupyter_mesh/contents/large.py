"""Large documents: content that goes through files of this server instead of through its memory.

A download is put into a file without a name; the answer is JSON in pieces, made from that file, or from the
one that the process for documents makes of it. The body of a large PUT goes the same way back.
"""

from __future__ import annotations

import asyncio
import codecs
import errno
import hashlib
import os
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

import orjson
import pybase64

from jupyter_mesh.errors import QuotaExceeded
from jupyter_mesh.threads import opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable

    from jupyter_mesh.contents.models import Model

__all__ = [
    "BLOCK",
    "FULL",
    "LIGHT_TEXT",
    "Inline",
    "Received",
    "as_base64",
    "as_is",
    "as_text",
    "is_light",
    "received",
    "scratch",
    "write_all",
]

BLOCK = 3 << 18
"""Bytes that are handled at once: a multiple of 3, so that base64 of blocks can be joined."""

LIGHT = 512 << 10
"""Bytes of JSON up to which parsing does not hold up the event loop, whatever they are."""

LIGHT_TEXT = 4 << 20
QUOTES = 10_000
"""Up to so many bytes with so few quotes in them it does not either: they are few long strings, as images are."""

FULL = "The Jupyter server has no room left for this document. Free some of its disk and try again."


@dataclass(frozen=True, slots=True)
class Inline:
    """A model whose ``content`` is JSON in pieces."""

    model: Model
    """The rest of the model."""
    content: AsyncIterator[bytes]
    digest: str
    """Another one for every other content."""


def is_light(data: bytes | bytearray) -> bool:
    """True for JSON that is parsed so quickly that another process is not worth it."""
    return len(data) <= LIGHT or (len(data) <= LIGHT_TEXT and data.count(b'"') <= QUOTES)


@asynccontextmanager
async def scratch() -> AsyncIterator[BinaryIO]:
    """A file without a name and without buffer; gone at the end."""
    file = cast("BinaryIO", await opened(tempfile.TemporaryFile, buffering=0))
    try:
        yield file
    finally:
        await asyncio.to_thread(file.close)


@dataclass(slots=True)
class Received:
    """Bytes that were put into a file, and what was seen on the way."""

    file: BinaryIO
    size: int = 0
    sha1: str = ""
    is_text: bool = True
    """Whether all of it is UTF-8, as far as that was asked."""


async def received(
    chunks: AsyncIterable[memoryview], file: BinaryIO, *, may_be_text: bool = True
) -> Received:
    """Put ``chunks`` into ``file``. Raises QuotaExceeded when the disk is full."""
    result = Received(file, is_text=may_be_text)
    digest = hashlib.sha1(usedforsecurity=False)
    decoder = codecs.getincrementaldecoder("utf-8")()

    def put(chunk: memoryview | bytes, last: bool = False) -> None:
        write_all(file, chunk)
        digest.update(chunk)
        if result.is_text:
            try:
                decoder.decode(chunk, last)
            except UnicodeDecodeError:
                result.is_text = False

    try:
        async for chunk in chunks:
            await asyncio.to_thread(put, chunk)
            result.size += len(chunk)
        put(b"", last=True)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise QuotaExceeded(FULL) from error
        raise
    result.sha1 = digest.hexdigest()
    return result


def write_all(file: BinaryIO, data: bytes | bytearray | memoryview) -> None:
    """Write to a file without buffer, which on a disk that is nearly full takes a part and says nothing."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


async def _blocks(
    file: BinaryIO, size: int, make: Callable[[bytes, bool], bytes]
) -> AsyncIterator[bytes]:
    """``make(block, last)`` of one block after the other."""

    def block(at: int) -> bytes:
        data = os.pread(file.fileno(), BLOCK, at)
        return make(data, at + BLOCK >= size)

    for at in range(0, max(size, 1), BLOCK):
        yield await asyncio.to_thread(block, at)


def as_is(file: BinaryIO, size: int) -> AsyncIterator[bytes]:
    """A file that holds JSON."""
    return _blocks(file, size, lambda data, last: data)


async def as_base64(file: BinaryIO, size: int) -> AsyncIterator[bytes]:
    """A JSON string: the file in base64."""
    yield b'"'
    async for piece in _blocks(file, size, lambda data, last: pybase64.b64encode(data)):
        yield piece
    yield b'"'


async def as_text(file: BinaryIO, size: int) -> AsyncIterator[bytes]:
    """A JSON string: the file, which is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    yield b'"'
    async for piece in _blocks(
        file, size, lambda data, last: orjson.dumps(decoder.decode(data, last))[1:-1]
    ):
        yield piece
    yield b'"'
