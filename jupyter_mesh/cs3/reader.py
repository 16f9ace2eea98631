"""A file that is read in many parts: one look, one way in, and never bytes of two contents."""

from __future__ import annotations

import asyncio
import io
from contextlib import aclosing
from typing import TYPE_CHECKING

from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.errors import DeadlineExceeded, FileExpired, TransferFailed, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from jupyter_mesh.cs3.place import Place
    from jupyter_mesh.cs3.reading import Reading, Source
    from jupyter_mesh.models import Resource

__all__ = ["Reader"]

AT_ONCE = 32
"""Parts that are asked for at a time: as many as there are connections."""

TRIES = 3
"""Times in a row that a connection may break before a byte has come."""

BROKEN = (TransferFailed, Unavailable, DeadlineExceeded)


class Reader:
    """The content that a file had when it was opened. Holds nothing that must be closed.

    Made by ``MeshClient.reader``. Every method raises FileExpired once the file has been changed, NotFound once
    it is gone, and goes on where it was when a connection breaks.
    """

    def __init__(self, client: Reading, place: Place, source: Source, resource: Resource) -> None:
        self.resource = resource
        self._client = client
        self._place = place
        self._source = source
        self._begun = False

    async def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """The bytes [start, stop), fewer at the end of the file. One GET."""
        return (await self.ranges([(start, self.resource.size if stop is None else stop)]))[0]

    async def ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """The bytes of each range [start, stop), fewer at the end of the file. One GET for each, many at a time.

        A site without ranges sends the whole file once; one that tells no ETag with its bytes is asked by one
        Stat afterwards, except for the first bytes that are read.
        """
        size = self.resource.size
        wanted = [(max(0, start), min(stop, size)) for start, stop in ranges]
        found = [b""] * len(wanted)
        left = [number for number, (start, stop) in enumerate(wanted) if start < stop]
        if not left:
            return found
        further = len(left) > 1
        doubtful = self._begun or further
        self._begun = True
        told = True
        gate = asyncio.Semaphore(AT_ONCE)

        async def get(number: int) -> None:
            nonlocal told
            async with gate:
                content = io.BytesIO()
                views = self._views(*wanted[number], further=further)
                async with aclosing(views):
                    async for view, told_now in views:
                        content.write(view)
                        told = told and told_now
                found[number] = content.getvalue()

        flavour = await self._client.flavour()
        # The first one shows whether the site has ranges. Where it has none, it brings the copy for the others.
        while left and not flavour.can(Feature.RANGES, self._place.scope):
            await get(left.pop(0))
        try:
            async with asyncio.TaskGroup() as group:
                for number in left:
                    group.create_task(get(number))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        if doubtful and not told:
            self._check(await self._client._stat(self._place))
        return found

    async def views(
        self, start: int = 0, stop: int | None = None
    ) -> AsyncGenerator[memoryview, None]:
        """The bytes [start, stop) as they come, by one GET; each piece is good until the next one is asked for."""
        stop = self.resource.size if stop is None else min(stop, self.resource.size)
        doubtful, self._begun = self._begun, True
        views = self._views(start, stop)
        async with aclosing(views):
            async for view, told in views:
                if doubtful and not told:
                    self._check(await self._client._stat(self._place))
                doubtful = False
                yield view

    async def _views(
        self, start: int, stop: int, *, further: bool = False
    ) -> AsyncGenerator[tuple[memoryview, bool], None]:
        """Pieces, and whether the site told whose they are; a broken download goes on where it was."""
        broken = 0
        resumed = False
        while start < stop:
            try:
                async with self._client._part(
                    self._place, self._source, self.resource, start, stop, further=further
                ) as download:
                    self._check(download.resource)
                    if resumed and not download.told:
                        self._check(await self._client._stat(self._place))
                    async for view in download.views:
                        yield view, download.told
                        start += len(view)
                        broken = 0
            except BROKEN:
                broken += 1
                if broken >= TRIES:
                    raise
                resumed = True

    def _check(self, seen: Resource) -> None:
        if _content(seen) != _content(self.resource):
            raise FileExpired(
                f"{self._place.path} was changed at {self._client.site} while it was read. Open it again."
            )


def _content(resource: Resource) -> tuple[object, ...]:
    """What is different after a change; places without etags have size and time."""
    if resource.etag:
        return (resource.etag,)
    return resource.size, resource.modified
