"""LiveSharing: sharing of one server, with an event for every browser when something about it changes."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Literal

from jupyter_mesh.errors import MeshError
from jupyter_mesh.models import GranteeKind
from jupyter_mesh.server.dto import Telling
from jupyter_mesh.server.events import SHARING
from jupyter_mesh.server.handed import Handed
from jupyter_mesh.sharing import Sharing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from jupyter_events import EventLogger

    from jupyter_mesh.contents import MeshContentsManager
    from jupyter_mesh.models import Grantee, ReceivedShare
    from jupyter_mesh.sharing.directory import Directory

__all__ = ["LOOK_EVERY", "LiveSharing", "What"]

What = Literal["shares", "received", "links", "contacts", "invitations", "projects"]
"""What an event is about."""

LOOK_EVERY = 30.0
"""Seconds between two looks at what others do: what they share, and whose invitation they have accepted."""

TITLES_LAST = 300.0
"""Seconds for which a site that is not listed is not looked for again."""

SEEN_FOR = 90.0
"""Seconds after its last request for which a browser counts as there."""

log = logging.getLogger(__name__)


class LiveSharing:
    """The façade over the client of ``files``, what is told of it, and a watch over what others share.

    Whoever builds it awaits ``close()``.
    """

    def __init__(
        self,
        files: MeshContentsManager,
        logger: EventLogger,
        *,
        directories: Sequence[Directory] = (),
        look_every: float = LOOK_EVERY,
        seen_for: float = SEEN_FOR,
    ) -> None:
        self.sharing = Sharing(files.client, flush=files.mounted.flush, directories=directories)
        # Rows that were listed before it was known that they are shared.
        files.client.sightings.on_found = partial(self.tell, "shares")
        self.handed = Handed()
        self._titles: dict[str, str] = {}
        self._titled = float("-inf")
        self._files = files
        self._logger = logger
        self._look_every = look_every
        self._seen_for = seen_for
        self._seen = float("-inf")
        self._known: dict[What, frozenset[object]] = {}
        self._watching: asyncio.Task[None] | None = None

    async def telling(self, people: Iterable[Grantee] = ()) -> Telling:
        """What turns models into JSON, with the names of the sites of these people as far as they are known.

        The list of sites is asked for when somebody is of a site that it did not hold, and seldom.
        """
        domains = {who.idp for who in people if who.kind is GranteeKind.CONTACT}
        if domains - self._titles.keys() and time.monotonic() - self._titled > TITLES_LAST:
            self._titled = time.monotonic()
            try:
                sites = await self.sharing.sites.listed()
                self._titles = {site.domain: site.name for site in sites}
            except MeshError as error:
                log.debug("Sites are told by their domains: %s", error)
        return Telling(self._files.api_path, self._titles)

    def tell(self, what: What, path: str = "") -> None:
        """Tell every browser that something has changed; ``path`` is the mesh path of the thing, or ""."""
        api_path = Telling(self._files.api_path, self._titles).path(path)
        self._logger.emit(schema_id=SHARING, data={"what": what, "path": api_path})

    def seen(self) -> None:
        """A browser has asked something: what others do is watched for a while."""
        self._seen = time.monotonic()
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())

    def know(self, what: What, listed: Iterable[ReceivedShare | Grantee]) -> None:
        """This is all that others share, or all contacts, as it was just listed and told to whoever asked."""
        now = frozenset(listed)
        if now != self._known.get(what, now):
            self.tell(what)
        self._known[what] = now

    async def close(self) -> None:
        """Stop watching."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    async def _watch(self) -> None:
        """Look again and again, one look after the other, until nobody is there any more."""
        try:
            while True:
                await asyncio.sleep(self._look_every)
                if time.monotonic() - self._seen > self._seen_for:
                    return
                await self._look("received", self.sharing.received)
                await self._look("contacts", self.sharing.contacts.listed)
        finally:
            self._watching = None

    async def _look(
        self, what: What, ask: Callable[[], Awaitable[Iterable[ReceivedShare | Grantee]]]
    ) -> None:
        try:
            self.know(what, await ask())
        except MeshError as error:
            # The panel shows by itself that the site is away, or has no such thing.
            log.debug("There was no look at %s: %s", what, error)
