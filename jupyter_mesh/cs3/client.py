"""MeshClient: the one async interface to a site, and the guards that keep real sites from losing data."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from jupyter_mesh.auth import FileToken
from jupyter_mesh.config import SiteSettings
from jupyter_mesh.cs3.body import Content
from jupyter_mesh.cs3.copying import Copying
from jupyter_mesh.cs3.history import History
from jupyter_mesh.cs3.locks import Locks
from jupyter_mesh.cs3.reading import Download
from jupyter_mesh.cs3.writing import Progress
from jupyter_mesh.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Content", "Download", "MeshClient", "Progress", "connect"]


class MeshClient(Copying, History, Locks):
    """One site, seen by one user. Every path is a mesh path (``home/a.ipynb``, ``.id/s$s!o/rel``).

    ``MeshClient(settings, token)`` does no I/O and needs no running loop; the channel opens with the first
    call, in the loop of that call. Whoever builds it awaits ``close()`` or uses ``async with``; ``connect``
    does both. Errors are those of ``jupyter_mesh.errors``, LoginEnded, Unavailable and DeadlineExceeded among
    them for every method. The parts: ``tree.py`` names, ``reading.py`` and ``writing.py`` content,
    ``copying.py`` copies, ``history.py`` versions and bin, ``locks.py`` locks and metadata.
    """


@asynccontextmanager
async def connect(site: str | SiteSettings = "") -> AsyncIterator[MeshClient]:
    """A client of a site, closed at the end.

    Without an argument, or with the name that MESH_SITE has, the site is the one of the environment
    (``jupyter_mesh.config``). Raises InvalidRequest if that says nothing about the site.
    """
    settings = site if isinstance(site, SiteSettings) else SiteSettings.from_environment()
    if isinstance(site, str) and site not in ("", settings.name):
        raise InvalidRequest(
            f'The site "{site}" is not known here: this environment knows {settings.name} alone.'
        )
    if settings.token_file is None:
        raise InvalidRequest(
            "There is no token file to log in with. Set MESH_TOKEN_FILE (jupyter mesh login)."
        )
    async with MeshClient(settings, FileToken(settings.token_file)) as client:
        yield client
