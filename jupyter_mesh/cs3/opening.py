"""The way to the bytes of a file: where to ask, what to ask for, and whether the answer is the right one.

What can go wrong stands in ``facts/opencloud.md`` §3 and ``facts/cs3.md`` §10.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider

from jupyter_mesh.cs3.data import Transfer
from jupyter_mesh.cs3.failures import Refusal, error_of
from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.cs3.place import Place
from jupyter_mesh.cs3.tree import Tree
from jupyter_mesh.cs3.wire import etag_of, resource_id_to
from jupyter_mesh.errors import (
    IsADirectory,
    MeshError,
    NotSupported,
    RangeNotSatisfiable,
    TransferFailed,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    import aiohttp

    from jupyter_mesh.models import Resource

__all__ = ["Download", "Opening", "Source"]

TRIES = 5
PAUSE = 0.1
DOWNLOAD_PROTOCOLS = ("simple", "spaces")


@dataclass(slots=True)
class Download:
    """An open download. ``async for chunk in download``, ``download.views`` or ``await download.read()``, once."""

    resource: Resource
    """The Stat made *before* the data was asked for: its etag is never newer than the bytes."""
    start: int
    stop: int
    """Byte range [start, stop) that will come, after clipping to the size."""
    views: AsyncIterator[memoryview] = field(repr=False)
    """The same bytes for whoever only hands them on: each piece is good until the next one is asked for."""
    told: bool = False
    """True if the site has told with the bytes that they are those of ``resource``."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for view in self.views:
            yield bytes(view)

    async def read(self) -> bytes:
        """All bytes of the range. Raises TransferFailed if fewer come than the site had promised."""
        return b"".join([chunk async for chunk in self])


@dataclass(slots=True)
class Source:
    """What to ask for, a file or an earlier version of it, and the way in that the site gave last."""

    ref: Any
    opaque: Any = None
    version: bool = False
    transfer: Transfer | None = field(default=None, repr=False)
    """It serves for further parts until the site refuses it."""
    opening: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)


class Opening(Tree):
    """Opening files and parts of them."""

    async def _looked(self, place: Place) -> tuple[Source, Resource]:
        """A file and the way in. One Stat beside one InitiateFileDownload."""
        source = await self._source(place)
        # Both are awaited whatever happens; the Stat knows better what is wrong.
        looked, opened = await asyncio.gather(
            self._stat(place), self._way_in(source, place), return_exceptions=True
        )
        if isinstance(looked, BaseException):
            raise looked
        if looked.is_directory:
            raise IsADirectory(f"Could not open {place.path}: it is a folder.")
        if isinstance(opened, BaseException):
            raise opened
        return source, looked

    @asynccontextmanager
    async def _part(
        self,
        place: Place,
        source: Source,
        resource: Resource,
        start: int,
        stop: int | None,
        *,
        further: bool = False,
    ) -> AsyncIterator[Download]:
        """The bytes [start, stop) of a file that was ``resource`` a moment ago; its other parts too if ``further``."""
        path = place.path
        if start > resource.size:
            raise RangeNotSatisfiable(
                f"Could not open {path} at byte {start}: it has {resource.size}."
            )
        clipped = resource.size if stop is None else min(stop, resource.size)
        if clipped == start:
            yield Download(resource, start, clipped, _nothing())
            return
        copy = None if source.version else self._copies.find(resource)
        told = False
        if copy is None:
            resource, reply = await self._fetch(place, source, resource, start, stop)
            told = bool(etag_of(reply.headers.get("ETag", "")))
            clipped = resource.size if stop is None else min(stop, resource.size)
            try:
                # What comes beside a part is sent in vain: it is worth a copy for the parts to follow.
                more = start > 0 or (further and clipped < resource.size)
                wasted = more and reply.status == 200 and resource.etag and not source.version
                if not wasted or not await self._copies.has_room(resource.size):
                    async with aclosing(self._body(reply, place, start, clipped)) as views:
                        yield Download(resource, start, clipped, views, told)
                    return
                copy = self._copies.find(resource)
                if copy is not None:
                    reply.close()  # Another part of it has begun a copy in the meantime.
                else:
                    whole = self._body(reply, place, 0, resource.size)
                    copy = self._copies.keep(resource, whole, reply.close)
            finally:
                if copy is None:
                    reply.close()
        async with (
            self._copies.using(copy),
            aclosing(copy.views(start, clipped)) as views,
        ):
            yield Download(resource, start, clipped, views, told)

    async def _source(self, place: Place) -> Source:
        if place.root is not None and not place.rel and not (await self.flavour()).has_spaces:
            # Reva announces a download by a pure id and then sends nothing: go by the path, if it is the same file.
            request = provider.GetPathRequest(resource_id=resource_id_to(place.root))
            path = (await self._call("GetPath", request, f"open {place.path}", repeat=True)).path
            by_path = Place(path=place.path, rel="", mount=path)
            wanted = await self._stat(place)
            found = await self._stat_if_there(by_path)
            if found is None or found.id != wanted.id:
                raise NotSupported(
                    f"Could not open {place.path}: {self.site} cannot open it by its id."
                )
            return Source(by_path.ref)
        return Source(place.ref)

    async def _way_in(self, source: Source, place: Place) -> Transfer:
        async with source.opening:
            if source.transfer is None:
                source.transfer = await self._open_transfer(source, place)
            return source.transfer

    async def _open_transfer(self, source: Source, place: Place) -> Transfer:
        doing = f"open {place.path}"
        request = provider.InitiateFileDownloadRequest(ref=source.ref, opaque=source.opaque)
        reply = await self._call("InitiateFileDownload", request, doing, repeat=True)
        for wanted in DOWNLOAD_PROTOCOLS:
            for offer in reply.protocols:
                if offer.protocol == wanted and offer.download_endpoint:
                    return Transfer(
                        wanted,
                        offer.download_endpoint,
                        offer.token,
                        await self._gateway.tokens.token(),
                    )
        raise NotSupported(
            f"Could not {doing}: {self.site} offers no way to download it that is known here."
        )

    async def _fetch(
        self,
        place: Place,
        source: Source,
        resource: Resource,
        start: int,
        stop: int | None,
    ) -> tuple[Resource, aiohttp.ClientResponse]:
        """An open reply and the resource whose content it is."""
        flavour = await self.flavour()
        doing = f"open {place.path}"
        changed = f"Could not {doing}: it changes while it is read. Try again."
        failure: MeshError = TransferFailed(changed)
        for _ in range(TRIES):
            if resource.processing:
                resource = await self._processed(place)
            clipped = resource.size if stop is None else min(stop, resource.size)
            if clipped <= start:
                break
            whole = (start, clipped) == (0, resource.size)
            ranged = not whole and flavour.can(Feature.RANGES, place.scope) is not False
            transfer: Transfer | None = None
            try:
                transfer = await self._way_in(source, place)
                range_ = f"bytes={start}-{clipped - 1}" if ranged else ""
                reply = await self._data.get(transfer, range_=range_)
            except Refusal as refusal:
                failure = error_of(refusal, doing, self.site)
                if source.transfer is transfer:
                    source.transfer = None
                failure.__cause__ = refusal
                if refusal.code == "OUT_OF_RANGE" and ranged:
                    size, resource = resource.size, await self._stat(place)
                    if size == resource.size:
                        flavour.learn(Feature.RANGES, False, place.scope)
                elif source.version and refusal.code == "NOT_FOUND":
                    flavour.learn(Feature.VERSION_DOWNLOADS, False)
                    raise NotSupported(
                        f"Could not {doing}: {self.site} can restore this version but not show it."
                    ) from refusal
                elif source.version:
                    raise failure from refusal
                elif refusal.code in ("INTERNAL", "TOO_EARLY", "NOT_FOUND"):
                    # 500 is what a read gets while the site processes an upload.
                    resource = await self._processed(place)
                elif refusal.code == "UNAVAILABLE":
                    await asyncio.sleep(PAUSE)
                elif refusal.code not in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
                    raise failure from refusal
                continue
            try:
                seen = await self._mismatch(place, source, resource, reply, start)
            except BaseException:
                reply.close()
                raise
            if seen is None:
                if reply.status == 206:
                    flavour.learn(Feature.RANGES, True, place.scope)
                return resource, reply
            # Changed between the Stat and the download: the pair would not belong together.
            reply.close()
            failure = TransferFailed(changed)
            resource, source.transfer = seen, None
        raise failure

    async def _mismatch(
        self,
        place: Place,
        source: Source,
        resource: Resource,
        reply: aiohttp.ClientResponse,
        start: int,
    ) -> Resource | None:
        """What the file is now, if an open reply is not the content of ``resource``; None if it is."""
        doing = f"open {place.path}"
        if reply.status == 206 and _first_byte(reply) not in (None, start):
            raise TransferFailed(
                f"Could not {doing}: {self.site} sent another part than was asked for."
            )
        size = _whole_size(reply)
        etag = etag_of(reply.headers.get("ETag", ""))
        if source.version:
            if size not in (None, resource.size):
                raise NotSupported(
                    f"Could not {doing}: {self.site} sends something else than this version."
                )
            return None
        if size in (None, resource.size) and etag in ("", resource.etag):
            return None
        seen = await self._stat(place)
        # Unchanged after all: this site tells another ETag over HTTP.
        return None if size in (None, seen.size) and seen.etag == resource.etag else seen

    async def _body(
        self, reply: aiohttp.ClientResponse, place: Place, start: int, stop: int
    ) -> AsyncGenerator[memoryview, None]:
        """Bytes [start, stop) out of an open reply."""
        skip, count = (start if reply.status == 200 else 0), stop - start
        doing = f"read {place.path} to its end"
        try:
            async with aclosing(self._data.views(reply, skip + count)) as views:
                async for view in views:
                    dropped = min(skip, len(view))
                    skip -= dropped
                    if dropped < len(view):
                        yield view[dropped:]
        except Refusal as refusal:
            raise error_of(refusal, doing, self.site) from refusal


async def _nothing() -> AsyncGenerator[memoryview, None]:
    nothing: tuple[memoryview, ...] = ()
    for view in nothing:
        yield view


def _first_byte(reply: aiohttp.ClientResponse) -> int | None:
    """Where a part begins, if the reply tells it."""
    first = reply.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdigit() else None


def _whole_size(reply: aiohttp.ClientResponse) -> int | None:
    """The size of the whole file, as far as the reply tells it."""
    if reply.status == 200:
        return reply.content_length
    total = reply.headers.get("Content-Range", "").rpartition("/")[2]
    return int(total) if total.isdigit() else None
