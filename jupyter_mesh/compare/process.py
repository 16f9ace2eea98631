"""Comparer: runs comparisons in processes of their own, and feeds them from the site."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from jupyter_mesh.contents.checkpoints import from_id
from jupyter_mesh.contents.process import environment
from jupyter_mesh.errors import DeadlineExceeded, InvalidRequest, MeshError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from jupyter_mesh.contents import MeshContentsManager

__all__ = ["Comparer"]

DEADLINE = 60.0
"""Seconds for all of it: the downloads, and what nbdime needs for very different notebooks."""

AT_ONCE = 2
NOTEBOOK_AT_MOST = 32 << 20
OTHER_AT_MOST = 2 << 20
"""Bytes of a state that is shown; of what is larger, only size and time are told."""

PIECE = 1 << 18
LINE = 1 << 20

BROKEN = "The comparison broke off. The log of the server has details."


class Comparer:
    """Compares states of files without stalling the server: it only passes bytes on.

    A process is started per comparison. Nothing stays in memory, and one that takes too long is killed.
    """

    def __init__(self) -> None:
        self._gate = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def compare(
        self, request: bytes, files: MeshContentsManager
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The answer to ``{"path", "old", "new"}``, as JSON in pieces.

        Each side is ``{"version": id}``, ``{"current": true}``, ``{"content": text or notebook}``, or, for the
        old one, null. Raises InvalidRequest, NotFound, NotSupported (a site that shows no versions) before the
        first piece, and DeadlineExceeded.
        """
        async with self._gate:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "jupyter_mesh.compare"),
                stdin=PIPE,
                stdout=PIPE,
                env=environment(),
                limit=LINE,
            )
            source = cast("asyncio.StreamReader", process.stdout)
            target = cast("asyncio.StreamWriter", process.stdin)
            try:
                async with asyncio.timeout(DEADLINE):
                    first = await _ask(source, target, request, files)
                    yield _rest(first, source)
            except TimeoutError:
                raise DeadlineExceeded(
                    f"Could not compare this in {DEADLINE:.0f} seconds: too much is different. "
                    "Download both and compare them elsewhere."
                ) from None
            finally:
                if not source.at_eof():
                    process.kill()
                await process.wait()


async def _ask(
    source: asyncio.StreamReader,
    target: asyncio.StreamWriter,
    request: bytes,
    files: MeshContentsManager,
) -> bytes:
    """Lead the conversation that ``__main__.py`` draws; the first piece of the answer."""
    try:
        await _send(target, f"{len(request)}\n".encode())
        for at in range(0, len(request), PIECE):
            await _send(target, request[at : at + PIECE])
        asked = json.loads(await source.readline())
        if asked.get("new") is None:
            raise InvalidRequest('The request needs "path", "old" and "new".')
        for side in ("old", "new"):
            await _send_side(target, asked["path"], asked[side], files)
        target.close()
    except (BrokenPipeError, ConnectionResetError, json.JSONDecodeError) as error:
        raise MeshError(BROKEN) from error
    first = await source.read(PIECE)
    if not first:
        raise MeshError(BROKEN)
    return first


async def _send_side(
    target: asyncio.StreamWriter, path: Any, ref: Any, files: MeshContentsManager
) -> None:
    """One state of a file: from the request itself (True), from the site, or none at all."""
    match ref:
        case True | None:
            await _tell(target, None)
            return
        case {"current": True}:
            key = ""
        case {"version": str() as id}:
            key = from_id(id)
        case _:
            raise InvalidRequest("Say what to compare: a version, the current file or a content.")
    if not isinstance(path, str):
        raise InvalidRequest('"path" must be a text.')
    limit = NOTEBOOK_AT_MOST if path.endswith(".ipynb") else OTHER_AT_MOST
    async with files.state(path, key) as download:
        resource = download.resource
        shown = resource.size <= limit
        facts = {"size": resource.size, "modified": resource.modified.isoformat()}
        await _tell(target, facts | {"bytes": resource.size if shown else None})
        if shown:
            async for chunk in download:
                await _send(target, chunk)


async def _tell(target: asyncio.StreamWriter, value: Any) -> None:
    await _send(target, json.dumps(value).encode() + b"\n")


async def _send(target: asyncio.StreamWriter, data: bytes) -> None:
    target.write(data)
    await target.drain()


async def _rest(first: bytes, source: asyncio.StreamReader) -> AsyncIterator[bytes]:
    yield first
    while piece := await source.read(PIECE):
        yield piece
