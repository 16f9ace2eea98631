"""The node among its peers: all parts of it, made together, and what they all need."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from jupyter_mesh.node.ocm.addresses import canonical_domain, origin_of
from jupyter_mesh.node.ocm.client import PeerClient
from jupyter_mesh.node.ocm.directory import Directories
from jupyter_mesh.node.ocm.discovery import Discovery
from jupyter_mesh.node.ocm.invites import Invites
from jupyter_mesh.node.ocm.keys import SigningKey
from jupyter_mesh.node.ocm.limits import Limits
from jupyter_mesh.node.ocm.notifications import Notifications
from jupyter_mesh.node.ocm.reading import NotTaken
from jupyter_mesh.node.ocm.shares import RemoteShares
from jupyter_mesh.node.ocm.signatures import (
    KeysOfPeers,
    Mark,
    Replays,
    find_mark,
    sign,
    verify,
)
from jupyter_mesh.node.ocm.store import FederationStore
from jupyter_mesh.node.ocm.tokens import CodeFlow
from jupyter_mesh.node.ocm.trust import Trust
from jupyter_mesh.node.ocm.wayf import WhereFrom
from jupyter_mesh.node.refusal import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jupyter_mesh.node.ocm.routes import Message
    from jupyter_mesh.node.ocm.settings import FederationSettings
    from jupyter_mesh.node.site import Site

__all__ = ["Federation"]


class Federation:
    """What one site is to others. ``close`` ends its connections; the index belongs to the site."""

    def __init__(self, site: Site, settings: FederationSettings) -> None:
        self.site = site
        self.settings = settings
        self.store = FederationStore(site.index)
        self.trust = Trust(self.store, settings.peers or {})
        self.limits = Limits()
        self.key = SigningKey(site.data)
        self.client = PeerClient(allow_loopback=settings.allow_loopback, sign=self._sign)
        self.discovery = Discovery(self.client)
        self.keys_of_peers = KeysOfPeers(self.client, self.discovery)
        self._replays = Replays()
        self.code_flow = CodeFlow(self)
        self.invites = Invites(self)
        self.shares = RemoteShares(self)
        self.notifications = Notifications(self)
        self.directories = Directories(self, settings.directories or {})
        self.where_from = WhereFrom(self)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unsent = self.store.forget_unsent()
        self._origin = ""
        self.domain = ""
        """What this site is called in addresses of its users: their idp, here as for peers."""
        if settings.public_url:
            self._appear_as(origin_of(settings.public_url))

    @property
    def origin(self) -> str:
        """Scheme and authority under which peers reach this node."""
        return self._origin

    @property
    def title(self) -> str:
        """What people call this site."""
        return self.settings.title or self.site.name

    def listening(self, port: int, *, tls: bool) -> None:
        """Tell on which port the node answers: its place in the mesh, if no other was said."""
        self._loop = asyncio.get_running_loop()
        if not self.settings.public_url:
            self._appear_as(f"{'https' if tls else 'http'}://localhost:{port}")
        self.directories.start()
        for share in self._unsent:
            # A kill came in between: the other side should not keep what is not shared.
            self.notifications.unshared(share)

    def _appear_as(self, origin: str) -> None:
        self._origin, self.domain = origin, canonical_domain(origin)

    def call_soon(self, work: Callable[[], None]) -> None:
        """Run ``work`` in the loop of the node, from its worker thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(work)

    async def close(self) -> None:
        """End all connections to peers. May be repeated."""
        await self.directories.close()
        await self.notifications.close()
        await self.client.close()

    async def require_trust(self, domain: str) -> None:
        """Raise Refused(NOT_ALLOWED) for a site that is not on the list."""
        if await self.site.run(lambda: self.trust.title(domain)) is None:
            raise Refused(
                Reason.NOT_ALLOWED,
                f"{domain} is not among the sites that {self.title} deals with.",
            )

    async def signer_of(self, message: Message) -> str:
        """The trusted site that has signed a message, "" for an unsigned one.

        Raises NotTaken for a bad signature (401) or one of a site that is not trusted (403).
        """
        mark = find_mark(message.headers)
        if mark is None:
            if self.settings.require_signatures:
                raise NotTaken(401, "This site takes signed messages only.")
            return ""
        await self._require_trusted(mark.domain)
        await self._check(message, mark, once=True)
        return mark.domain

    async def verify(self, message: Message, domain: str, *, once: bool = True) -> bool:
        """True if a message is signed by the site ``domain``, False if it may come from it: it never signs.

        Raises NotTaken for all others.

        The list of sites is asked before any key is: nobody makes this node go anywhere. A signed message that
        may come only ``once`` is refused when it comes again.
        """
        await self._require_trusted(domain)
        mark = find_mark(message.headers)
        if mark is not None:
            if mark.domain != domain:
                raise NotTaken(401, "The message is signed by another site.")
            await self._check(message, mark, once=once)
            return True
        if self.settings.require_signatures or (await self.discovery.of(domain)).signs:
            raise NotTaken(401, f"Messages of {domain} must be signed.")
        self.limits.admit(f"unsigned {domain}")
        return False

    async def _require_trusted(self, domain: str) -> None:
        if await self.site.run(lambda: self.trust.title(domain)) is None:
            raise NotTaken(403, f"{domain} is not among the sites that this one deals with.")

    async def _check(self, message: Message, mark: Mark, *, once: bool) -> None:
        verify(message, mark, await self.keys_of_peers.key(mark))
        # Only what is its own counts: nobody else uses up what a site may ask.
        self.limits.admit(mark.domain)
        if once:
            self._replays.note(mark, message.method, message.url, message.body)

    def _sign(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> dict[str, str]:
        return sign(self.key, self.domain, method, url, headers, body)
