"""Checksums of content while it passes, by the algorithms that sites tell."""

from __future__ import annotations

import asyncio
import hashlib
import os
import zlib
from typing import TYPE_CHECKING, BinaryIO, Protocol

from jupyter_mesh.models import Checksum

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = ["Digest", "checksum_of", "digest"]

BLOCK = 4 << 20


class Digest(Protocol):
    """A checksum that grows."""

    def update(self, data: bytes | bytearray | memoryview, /) -> object:
        """Take the next bytes."""

    def hexdigest(self) -> str:
        """The checksum of all bytes so far."""


class _Adler32:
    def __init__(self) -> None:
        self._value = 1

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        self._value = zlib.adler32(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


def digest(algorithm: str) -> Digest | None:
    """A new checksum of this kind; None for a kind that is not known here."""
    if algorithm == "adler32":
        return _Adler32()
    try:
        return hashlib.new(algorithm, usedforsecurity=False)
    except ValueError:
        return None


async def checksum_of(
    file: BinaryIO, size: int, algorithm: str = "sha1", *, told: Callable[[int], None] | None = None
) -> Checksum | None:
    """The checksum of the first ``size`` bytes of a file, read in threads; None for an unknown kind.

    ``told`` hears how far it is. A file that is shorter has the checksum of what it has.
    """
    growing = digest(algorithm)
    if growing is None:
        return None
    at = 0
    while at < size:
        count = await asyncio.to_thread(_take, file, at, min(BLOCK, size - at), growing)
        if not count:
            break
        at += count
        if told is not None:
            told(at)
    return Checksum(algorithm, growing.hexdigest())


def _take(file: BinaryIO, at: int, count: int, growing: Digest) -> int:
    block = os.pread(file.fileno(), count, at)
    growing.update(block)
    return len(block)
