"""Comparer: has states of files compared in a process of its own, and fetches them from the site."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from jupyter_mesh.contents.checkpoints import from_id
from jupyter_mesh.contents.large import received, scratch, write_all
from jupyter_mesh.contents.process import DocumentProcess
from jupyter_mesh.errors import DeadlineExceeded, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from jupyter_mesh.contents import MeshContentsManager

__all__ = ["Comparer"]

DEADLINE = 60.0
"""Seconds for all of it: the downloads, and what nbdime needs for very different notebooks."""

NOTEBOOK_AT_MOST = 32 << 20
OTHER_AT_MOST = 2 << 20
"""Bytes of a state that is shown; of what is larger, only size and time are told."""

PIECE = 1 << 18

SIDES = ("old", "new")


class Comparer:
    """Compares states of files without stalling the server: it only passes bytes on, from file to file.

    One comparison at a time; one that takes too long is killed. ``close()`` ends the process.
    """

    def __init__(self) -> None:
        self._process = DocumentProcess()
        self._turn = asyncio.Lock()

    async def close(self) -> None:
        """End the process, also in the middle of a comparison."""
        await self._process.close()

    @asynccontextmanager
    async def compare(
        self, request: bytes, files: MeshContentsManager
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The answer to ``{"path", "old", "new"}``, as JSON in pieces.

        Each side is ``{"version": id}``, ``{"current": true}``, ``{"content": text or notebook}``, or, for the
        old one, null. Raises InvalidRequest, NotFound, NotSupported (a site that shows no versions) before the
        first piece, and DeadlineExceeded.
        """
        async with AsyncExitStack() as stack:
            source = await stack.enter_async_context(scratch())
            target = await stack.enter_async_context(scratch())
            async with self._turn:
                try:
                    async with asyncio.timeout(DEADLINE):
                        await self._compare(request, files, source, target)
                except TimeoutError:
                    raise DeadlineExceeded(
                        f"Could not compare this in {DEADLINE:.0f} seconds: too much is different. "
                        "Download both and compare them elsewhere."
                    ) from None
            yield _pieces(target)

    async def _compare(
        self, request: bytes, files: MeshContentsManager, source: BinaryIO, target: BinaryIO
    ) -> None:
        """Put the request and the states of the file into ``source``, and have ``target`` made of it."""
        await asyncio.to_thread(write_all, source, request)
        asked = await self._process.convert("sides", source, target)
        if asked.get("invalid"):
            raise InvalidRequest('The request needs "path", "old" and "new".')
        sizes: list[int | None] = [len(request)]
        facts: dict[str, Any] = {}
        for side in SIDES:
            facts[side], size = await _append(source, asked["path"], asked[side], files)
            sizes.append(size)
        await self._process.convert("compare", source, target, sizes=sizes, facts=facts)


async def _append(
    file: BinaryIO, path: str, ref: Any, files: MeshContentsManager
) -> tuple[dict[str, Any] | None, int | None]:
    """Put one state of a file behind what is in ``file``: its facts, and how many bytes it is.

    Nothing is put there for a state that is in the request (True), that nobody asked for, or that is too large.
    """
    match ref:
        case True | None:
            return None, None
        case {"current": True}:
            key = ""
        case {"version": str() as id}:
            key = from_id(id)
        case _:
            raise InvalidRequest("Say what to compare: a version, the current file or a content.")
    limit = NOTEBOOK_AT_MOST if path.endswith(".ipynb") else OTHER_AT_MOST
    async with files.state(path, key) as download:
        resource = download.resource
        facts = {"size": resource.size, "modified": resource.modified.isoformat()}
        if resource.size > limit:
            return facts, None
        return facts, (await received(download.views, file, may_be_text=False)).size


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    await asyncio.to_thread(file.seek, 0)
    while piece := await asyncio.to_thread(file.read, PIECE):
        yield piece
