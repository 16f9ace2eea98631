"""CS3FileSystem: the files of one site, seen by one user, for everything that opens files through fsspec."""

from __future__ import annotations

import asyncio
import os
import re
import weakref
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from fsspec.asyn import sync_teardown
from fsspec.utils import stringify_path

from jupyter_mesh.cs3.client import MeshClient
from jupyter_mesh.fs.blocking import blocking, mirrored
from jupyter_mesh.fs.contents import Contents
from jupyter_mesh.fs.delegation import Delegation, delegate
from jupyter_mesh.fs.forks import close_before_forks
from jupyter_mesh.fs.identity import Login, PerUser
from jupyter_mesh.fs.listings import Listings
from jupyter_mesh.fs.names import AT_ONCE
from jupyter_mesh.fs.transactions import Together
from jupyter_mesh.paths import to_url

__all__ = ["CS3FileSystem"]

URL = "cs3://"
GOODBYE = 5.0
"""Seconds that connections may take to close when the program ends."""


@mirrored
class CS3FileSystem(Contents, metaclass=PerUser):
    """The mesh behind ``cs3://<site>/home/…``, ``/projects/…``, ``/shares/…`` and ``/.id/<id>/…``.

    Paths inside have no site and begin with a slash: ``/home/data.csv``. URLs are percent-encoded, paths are not.
    Without a site it is the one of the environment, or the default one (``jupyter mesh login``).
    ``identity``, ``token_ref``, ``token`` and ``token_provider``: see ``identity.py``.

    ``use_listings_cache`` (True) and ``listings_expiry_time`` (15 seconds) decide how long listings are
    believed; ``invalidate_cache()`` and ``refresh=True`` look again.

    With ``asynchronous=True`` it belongs to the running loop, is used by its ``_…`` coroutines, and whoever made
    it awaits ``_close()``; otherwise connections close with the program. One instance serves one of both ways.
    """

    protocol = "cs3"
    root_marker = "/"
    transaction_type = Together

    def __init__(
        self,
        site: str = "",
        *,
        identity: str = "",
        token_ref: str | None = None,
        asynchronous: bool = False,
        loop: Any = None,
        batch_size: int | None = None,
        use_listings_cache: bool = True,
        listings_expiry_time: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            asynchronous=asynchronous, loop=loop, batch_size=batch_size or AT_ONCE, **kwargs
        )
        self.site = site
        self._login = Login(site, identity, token_ref)
        self.listings = Listings(use=use_listings_cache, believed=listings_expiry_time)
        self._clients: dict[asyncio.AbstractEventLoop, MeshClient] = {}
        self._late: set[asyncio.Task[None]] = set()
        self._process = os.getpid()
        ending = weakref.finalize(self, _close, self._clients, self._process, asynchronous)
        # At the end of the program the loop of an asynchronous one is its owner's business.
        ending.atexit = not asynchronous

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.site!r})"

    def client(self) -> MeshClient:
        """The client of the running loop, made when it is first asked for; RuntimeError in a forked process."""
        self._check_process()
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            for ended in [one for one in self._clients if one.is_closed()]:
                # Nobody closed it while its loop ran.
                task = loop.create_task(_close_late(self._clients.pop(ended)))
                self._late.add(task)
                task.add_done_callback(self._late.discard)
            client = self._clients[loop] = MeshClient(*self._login.open())
            if not self.asynchronous:
                close_before_forks(client, loop)
        return client

    @property
    def loop(self) -> Any:
        """The loop of the synchronous methods; RuntimeError in a forked process, where it does not run."""
        self._check_process()
        return super().loop

    def _check_process(self) -> None:
        if self._process != os.getpid():
            raise RuntimeError(
                f"{self!r} was made before this process was forked, and its connections do not work here. Make a "
                'new one: fsspec.filesystem("cs3", …). Better than "fork" is "spawn" or "forkserver".'
            )

    async def _delegate(self, life: timedelta = timedelta(hours=12)) -> Delegation:
        """A login for workers, of this user, that ends after ``life``: see ``delegation.py``.

        Raises NotSupported at a site that makes no app passwords.
        """
        settings, source = await asyncio.to_thread(self._login.open)
        return await delegate(settings, source, life)

    delegate = blocking("_delegate", _delegate)

    async def _close(self) -> None:
        """Close the connections of the running loop. The next call opens new ones."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    async def set_session(self) -> MeshClient:
        """Connect now and not with the first call."""
        client = self.client()
        await client.flavour()
        return client

    @property
    def fsid(self) -> str:
        """The same for every instance of this site."""
        return f"cs3_{self.site}"

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        """The path inside the filesystem of a URL or a path, or of each in a list.

        A URL is decoded and loses its site; a path keeps every character. ``//`` counts as ``/``.
        """
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        text = str(stringify_path(path))
        if text.startswith(URL):
            text = unquote(text.removeprefix(URL).partition("/")[2])
        return "/" + re.sub("/+", "/", text).strip("/")

    def unstrip_protocol(self, name: str) -> str:
        """The URL of a path; every name survives the way back, and ``::`` in it chains nothing."""
        text = str(stringify_path(name))
        return text if text.startswith(URL) else to_url(self.site, text)

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, str]:
        """The site, where a URL names one."""
        site = str(path).removeprefix(URL).partition("/")[0] if str(path).startswith(URL) else ""
        return {"site": site} if site else {}


async def _close_late(client: MeshClient) -> None:
    """Close what still can be closed after the end of a loop; what was bound to it ends with its objects."""
    with suppress(RuntimeError):
        await client.close()


def _close(
    clients: dict[asyncio.AbstractEventLoop, MeshClient], process: int, asynchronous: bool
) -> None:
    """Close clients in their loops, unless this is a fork of the process they belong to.

    Nobody waits for one that was used asynchronously: zarr, for example, drops its filesystems in any thread.
    """
    for loop, client in clients.items():
        if process == os.getpid() and loop.is_running():
            # At the very end of a program there are no more threads to close files in.
            with suppress(RuntimeError, TimeoutError):
                sync_teardown(loop, client.close, timeout=0 if asynchronous else GOODBYE)
