"""Reading files: ranged and streamed, in parts, and as they were. How their bytes come: ``opening.py``."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider

from jupyter_mesh.cs3.failures import Refusal
from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.cs3.opening import Download, Opening, Source
from jupyter_mesh.cs3.reader import Reader
from jupyter_mesh.cs3.wire import etag_of, opaque, reference, seconds
from jupyter_mesh.errors import (
    InvalidRequest,
    IsADirectory,
    NotFound,
    NotSupported,
    SiteError,
)
from jupyter_mesh.models import Resource, ResourceId, Version
from jupyter_mesh.paths import MeshPath

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from jupyter_mesh.cs3.place import Place

__all__ = ["Download", "Reading"]

NO_SUCH_VERSION = "0"


class Reading(Opening):
    """Reading the content of files."""

    def download(
        self, path: str, *, start: int = 0, stop: int | None = None, version: str = ""
    ) -> AbstractAsyncContextManager[Download]:
        """Open the bytes [start, stop) of a file. One Stat beside one InitiateFileDownload, and a GET.

        ``stop`` beyond the end is clipped; ``start`` beyond it raises RangeNotSatisfiable. A site without
        ranges sends everything: a copy stays here for a while and serves further parts of the same content. Waits, within limits, for a site
        that still processes the file. ``version`` is the key of an earlier version; raises NotSupported where
        versions can only be restored. Raises NotFound, IsADirectory, TransferFailed.
        """
        return self._download(path, start, stop, version)

    async def read(self, path: str) -> bytes:
        """The whole content of a file."""
        async with self.download(path) as download:
            return await download.read()

    async def reader(self, path: str) -> Reader:
        """A file to read in parts, as it is now. One Stat beside one InitiateFileDownload.

        Raises NotFound, IsADirectory.
        """
        parsed = MeshPath.parse(path)
        if parsed.is_area:
            raise IsADirectory(f"Could not open {path}: it is a folder.")
        place = await self._places.find(parsed)
        source, resource = await self._looked(place)
        if resource.processing:
            resource = await self._processed(place)
        return Reader(self, place, source, resource)

    async def versions(self, path: str) -> list[Version]:
        """Earlier contents of a file, newest first. ListFileVersions."""
        place = await self._place(MeshPath.parse(path))
        request = provider.ListFileVersionsRequest(ref=place.ref)
        listed = await self._places.pages(
            "ListFileVersions", request, "versions", f"list the versions of {path}"
        )
        versions = [
            Version(
                key=item.key, size=item.size, modified=seconds(item.mtime), etag=etag_of(item.etag)
            )
            for item in listed
        ]
        versions.sort(key=lambda version: version.modified, reverse=True)
        return versions

    async def shows_versions(self, path: str, key: str) -> bool:
        """False where earlier versions can only be restored. Found out with ``key``, a listed one, at the first time."""
        flavour = await self.flavour()
        known = flavour.can(Feature.VERSION_DOWNLOADS)
        if known is None:
            try:
                async with self.download(path, version=key):
                    known = True
            except NotSupported:
                known = False
            flavour.learn(Feature.VERSION_DOWNLOADS, known)
        return known

    @asynccontextmanager
    async def _download(
        self, path: str, start: int, stop: int | None, version: str
    ) -> AsyncIterator[Download]:
        if start < 0 or (stop is not None and stop < start):
            raise InvalidRequest(f"Could not open {path}: bytes {start} to {stop} are no range.")
        parsed = MeshPath.parse(path)
        if parsed.is_area:
            raise IsADirectory(f"Could not open {path}: it is a folder.")
        async with self._opened(await self._places.find(parsed), start, stop, version) as download:
            yield download

    @asynccontextmanager
    async def _opened(
        self, place: Place, start: int = 0, stop: int | None = None, version: str = ""
    ) -> AsyncIterator[Download]:
        if version:
            source, resource = await self._version(place, version)
        else:
            source, resource = await self._looked(place)
        async with self._part(place, source, resource, start, stop) as download:
            yield download

    async def _version(self, place: Place, key: str) -> tuple[Source, Resource]:
        """How to ask for an earlier version: by its own id on sites of spaces, by an option on sites of paths."""
        flavour = await self.flavour()
        cannot = (
            f"Could not open an earlier version of {place.path}: {self.site} can only restore it. "
            "Restore it, and restore the present one afterwards if you need it."
        )
        if flavour.can(Feature.VERSION_DOWNLOADS) is False:
            raise NotSupported(cannot)
        current, versions = await asyncio.gather(self._stat(place), self.versions(place.path))
        found = next((version for version in versions if version.key == key), None)
        if found is None:
            raise NotFound(
                f"Could not open an earlier version of {place.path}: there is no version {key}."
            )
        resource = replace(
            current,
            size=found.size,
            modified=found.modified,
            etag=found.etag,
            checksum=None,
            processing=False,
        )
        if not flavour.has_spaces:
            if flavour.can(Feature.VERSION_DOWNLOADS) is None and await self._ignores_keys(place):
                flavour.learn(Feature.VERSION_DOWNLOADS, False)
                raise NotSupported(cannot)
            return _by_option(place, key), resource
        # With the option, sites of spaces send the present content instead.
        if current.id is None:
            raise NotSupported(cannot)
        by_key = ResourceId(storage=current.id.storage, space=current.id.space, opaque=key)
        return Source(reference(by_key, ""), version=True), resource

    async def _ignores_keys(self, place: Place) -> bool:
        """True if the site sends the present content whatever version it is asked for."""
        source = _by_option(place, NO_SUCH_VERSION)
        try:
            reply = await self._data.get(await self._open_transfer(source, place))
        except (Refusal, NotFound, SiteError):
            return False
        reply.close()
        return True


def _by_option(place: Place, key: str) -> Source:
    return Source(place.ref, opaque({"version_key": key}), version=True)
