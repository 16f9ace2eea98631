"""A file that is read in many parts: one look, one way in, and never bytes of two contents."""

from __future__ import annotations

import asyncio
import io
from bisect import bisect_right
from contextlib import aclosing
from typing import TYPE_CHECKING

from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.errors import DeadlineExceeded, FileExpired, TransferFailed, Unavailable
from jupyter_mesh.several import first_failure

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from jupyter_mesh.cs3.opening import Opening, Source
    from jupyter_mesh.cs3.place import Place
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

    def __init__(self, client: Opening, place: Place, source: Source, resource: Resource) -> None:
        self.resource = resource
        self._client = client
        self._place = place
        self._source = source
        self._begun = False

    async def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """The bytes [start, stop), fewer at the end of the file. One GET."""
        return (await self.ranges([(start, self.resource.size if stop is None else stop)]))[0]

    async def ranges(
        self, ranges: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]] = ()
    ) -> list[bytes]:
        """The bytes of each range [start, stop), fewer at the end of the file. Many are asked for at a time.

        One GET for each of ``spans``, which are apart and hold all that is wanted, or else for each range. What
        comes beside the ranges is not kept. A site without ranges sends the whole file once; one that tells no
        ETag with its bytes is asked by one Stat afterwards, except for the first bytes that are read.
        """
        size = self.resource.size
        found = [b""] * len(ranges)
        wanted = [
            (max(0, start), min(stop, size), number) for number, (start, stop) in enumerate(ranges)
        ]
        wanted = sorted(one for one in wanted if one[0] < one[1])
        if spans:
            begins = [start for start, _ in spans]
            left: list[list[tuple[int, int, int]]] = [[] for _ in spans]
            for one in wanted:
                left[bisect_right(begins, one[0]) - 1].append(one)
            left = [parts for parts in left if parts]
        else:
            left = [[one] for one in wanted]
        if not left:
            return found
        further = len(left) > 1
        doubtful = self._begun or further
        self._begun = True
        told = True
        gate = asyncio.Semaphore(AT_ONCE)

        async def get(parts: list[tuple[int, int, int]]) -> None:
            nonlocal told
            async with gate:
                at = parts[0][0]
                contents = [io.BytesIO() for _ in parts]
                first = 0
                views = self._views(at, max(stop for _, stop, _ in parts), further=further)
                async with aclosing(views):
                    async for view, told_now in views:
                        told = told and told_now
                        end = at + len(view)
                        while first < len(parts) and parts[first][1] <= at:
                            first += 1
                        for (start, stop, _), content in zip(
                            parts[first:], contents[first:], strict=True
                        ):
                            if start >= end:
                                break
                            if stop > at:
                                content.write(view[max(0, start - at) : stop - at])
                        at = end
                for (_, _, number), content in zip(parts, contents, strict=True):
                    found[number] = content.getvalue()

        flavour = await self._client.flavour()
        # The first one shows whether the site has ranges. Where it has none, it brings the copy for the others.
        while left and not flavour.can(Feature.RANGES, self._place.scope):
            await get(left.pop(0))
        with first_failure():
            async with asyncio.TaskGroup() as group:
                for parts in left:
                    group.create_task(get(parts))
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
