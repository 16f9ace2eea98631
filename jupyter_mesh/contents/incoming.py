"""Incoming: the body of a request, in memory while it is small, then in a file."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from typing import Any, BinaryIO, cast

from tornado.web import HTTPError

from jupyter_mesh.contents.answers import Refusal
from jupyter_mesh.contents.large import FULL, LIGHT_TEXT, is_light, write_all
from jupyter_mesh.documents.notebook import from_json

__all__ = ["Incoming"]

PIECE = 1 << 20


class Incoming:
    """Takes the body as it comes. Whoever makes it closes it."""

    def __init__(self) -> None:
        self.size = 0
        self.file: BinaryIO | None = None
        self.failure: HTTPError | None = None
        """Why not all of the body could be kept."""
        self._pieces = bytearray()

    async def add(self, chunk: bytes) -> None:
        """Take the next bytes; passes over them after a failure."""
        if self.failure is not None:
            return
        self._pieces += chunk
        self.size += len(chunk)
        if len(self._pieces) >= PIECE and self.size > LIGHT_TEXT:
            try:
                await self.to_file()
            except HTTPError as error:
                # Raised here, it would end the connection without an answer.
                self.failure = error

    @property
    def is_light(self) -> bool:
        """True for a body that can be parsed here without holding up the server."""
        return self.file is None and is_light(self._pieces)

    async def to_file(self) -> BinaryIO:
        """The file with all of the body so far. Raises 507 when the disk of the server is full."""
        pieces, self._pieces = self._pieces, bytearray()
        try:
            return await asyncio.to_thread(self._write, pieces)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise Refusal(507, FULL) from error
            raise

    def parse(self) -> Any:
        """The JSON of a body in memory, None for an empty one; raises 400."""
        return _parse(bytes(self._pieces)) if self._pieces else None

    async def parse_all(self) -> Any:
        """The JSON of the body wherever it is, in a thread; raises 400."""
        return await asyncio.to_thread(self._parse_all)

    def close(self) -> None:
        """Drop the file."""
        if self.file is not None:
            self.file.close()

    def _write(self, pieces: bytearray) -> BinaryIO:
        if self.file is None:
            self.file = cast("BinaryIO", tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - see close
        write_all(self.file, pieces)
        return self.file

    def _parse_all(self) -> Any:
        if self.file is None:
            return self.parse()
        return _parse(os.pread(self.file.fileno(), self.size, 0))


def _parse(data: bytes) -> Any:
    try:
        return from_json(data)
    except (ValueError, RecursionError) as error:
        raise HTTPError(400, "Invalid JSON in body of request") from error
