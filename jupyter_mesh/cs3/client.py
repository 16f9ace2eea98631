"""MeshClient: the one async interface to a site, and the guards that keep real sites from losing data."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from jupyter_mesh.config import SiteSettings
from jupyter_mesh.cs3.body import Content
from jupyter_mesh.cs3.copying import Copying
from jupyter_mesh.cs3.federation import Federation
from jupyter_mesh.cs3.history import History
from jupyter_mesh.cs3.links import Links
from jupyter_mesh.cs3.locks import Locks
from jupyter_mesh.cs3.reading import Download
from jupyter_mesh.cs3.received import Received
from jupyter_mesh.cs3.renewal import token_source
from jupyter_mesh.cs3.shares import Shares
from jupyter_mesh.cs3.writing import Progress
from jupyter_mesh.sites import find_site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Content", "Download", "MeshClient", "Progress", "connect"]


class MeshClient(Copying, Shares, Received, Links, Federation, History, Locks):
    """One site, seen by one user. Every path is a mesh path (``home/a.ipynb``, ``.id/s$s!o/rel``).

    ``MeshClient(settings, token)`` does no I/O and needs no running loop; the channel opens with the first
    call, in the loop of that call. Whoever builds it awaits ``close()`` or uses ``async with``; ``connect``
    does both. Errors are those of ``jupyter_mesh.errors``, LoginEnded, Unavailable and DeadlineExceeded among
    them for every method. The parts: ``tree.py`` names, ``reading.py`` and ``writing.py`` content,
    ``copying.py`` copies, ``history.py`` versions and bin, ``locks.py`` locks and metadata, ``people.py``,
    ``shares.py``, ``received.py`` and ``links.py`` what is shared inside the site, ``invitations.py`` and
    ``federation.py`` contacts at other sites and shares with them.
    """


@asynccontextmanager
async def connect(site: str | SiteSettings = "") -> AsyncIterator[MeshClient]:
    """A client of a site, closed at the end.

    The site is one that ``find_site`` finds: "" is that of the environment, else the default of those that
    ``jupyter mesh login`` has signed in to. Raises InvalidRequest if there is no such site.
    """
    settings = site if isinstance(site, SiteSettings) else await asyncio.to_thread(find_site, site)
    async with MeshClient(settings, token_source(settings)) as client:
        yield client
