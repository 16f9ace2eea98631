"""Which institutions there are: the own site's list, and signed directories beside it."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_mesh.errors import MeshError
from jupyter_mesh.models import Site

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.sharing.directory import Directory

__all__ = ["Sites"]

log = logging.getLogger(__name__)

LIST_LASTS = 60.0
"""Seconds for which the own site's list is shown again."""

REFRESHED_AFTER, KEPT_FOR = 15 * 60.0, 24 * 3600.0
"""Seconds after which a directory is asked again, and for which its last good answer is believed."""


class Sites:
    """The sites that one user can choose from. The client stays its owner's."""

    def __init__(self, client: MeshClient, directories: Sequence[Directory] = ()) -> None:
        self._client = client
        self._own: Site | None = None
        self._listed: tuple[float, list[Site]] = (float("-inf"), [])
        self._signed = [_Kept(directory) for directory in directories]
        self._listing = asyncio.Lock()

    async def listed(self, text: str = "") -> list[Site]:
        """All sites whose name or domain holds ``text``, by name; each tells which lists it stands in.

        The own site's list comes first: it says what a site is called. A directory that fails is left out once its last
        answer is a day old. Raises NotSupported where the own site has no list.
        """
        merged: dict[str, Site] = {}
        for sites in (await self._of_own(), *await self._of_directories()):
            for site in sites:
                known = merged.get(site.domain)
                lists = site.lists if known is None else (*known.lists, *site.lists)
                merged[site.domain] = replace(known or site, lists=tuple(dict.fromkeys(lists)))
        wanted = text.strip().casefold()
        found = [
            site
            for site in merged.values()
            if wanted in site.name.casefold() or wanted in site.domain
        ]
        return sorted(found, key=lambda site: (site.name.casefold(), site.domain))

    async def find(self, domain: str) -> Site:
        """The site of exactly this domain, if the own site can reach it. Raises NotFound."""
        return await self._client.site_of(domain)

    async def own(self) -> Site:
        """The user's own site, under the name that it gives itself."""
        if self._own is None:
            domain = await self._client.domain()
            try:
                self._own = await self._client.site_of(domain)
            except MeshError:
                return Site(domain=domain, name=self._client.site)
        return self._own

    async def _of_own(self) -> list[Site]:
        async with self._listing:
            when, sites = self._listed
            if time.monotonic() - when >= LIST_LASTS:
                sites = await self._client.listed_sites()
                self._listed = (time.monotonic(), sites)
        return sites

    async def _of_directories(self) -> list[list[Site]]:
        return await asyncio.gather(*(kept.sites() for kept in self._signed))


class _Kept:
    """A directory and its last good answer."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._asked = self._good = float("-inf")
        self._sites: list[Site] = []
        self._asking = asyncio.Lock()

    async def sites(self) -> list[Site]:
        async with self._asking:
            now = time.monotonic()
            if now - self._asked >= REFRESHED_AFTER:
                self._asked = now
                try:
                    self._sites, self._good = await self._directory.sites(), now
                except MeshError as error:
                    log.warning("A directory of sites is left out: %s", error)
            return self._sites if now - self._good < KEPT_FOR else []
