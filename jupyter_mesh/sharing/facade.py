"""Sharing: what people do with shares, links and projects, whatever the site and whoever the other one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_mesh.models import UNCHANGED
from jupyter_mesh.sharing.contacts import Contacts
from jupyter_mesh.sharing.invitations import Invitations
from jupyter_mesh.sharing.projects import Projects
from jupyter_mesh.sharing.sites import Sites

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.models import (
        Grantee,
        Link,
        ReceivedShare,
        Role,
        Share,
        ShareState,
        Unchanged,
    )
    from jupyter_mesh.sharing.abilities import Abilities
    from jupyter_mesh.sharing.access import Access
    from jupyter_mesh.sharing.directory import Directory
    from jupyter_mesh.sharing.search import Found

__all__ = ["FEDERATED", "LOCAL", "Sharing"]

LOCAL, FEDERATED = "local-", "federated-"
"""What ids of shares begin with, here and above."""


class Sharing:
    """All sharing of one user at one site. Paths are mesh paths; ids are those that it gave itself.

    ``flush`` is awaited with a mesh path before something is shared, so that what code has written there is
    at the site; ``directories`` are signed lists of sites. The client stays its owner's.
    """

    def __init__(
        self,
        client: MeshClient,
        *,
        flush: Callable[[str], Awaitable[None]] | None = None,
        directories: Sequence[Directory] = (),
    ) -> None:
        self.client = client
        self.contacts = Contacts(client)
        self.sites = Sites(client, directories)
        self.invitations = Invitations(client, self.sites)
        self.projects = Projects(self)
        self._flush = flush

    async def abilities(self) -> Abilities:
        """What this site can do; asked once."""
        raise NotImplementedError

    async def search(self, text: str) -> Found:
        """People, groups and contacts by a part of their name, best first, without the user.

        Empty below SHORTEST letters. A source that fails is told in ``problems``.
        """
        raise NotImplementedError

    async def access(self, path: str) -> Access:
        """Who has access to one thing, and why. At most four RPCs for somebody who shares with known people."""
        raise NotImplementedError

    async def share(
        self,
        path: str,
        grantee: Grantee,
        role: Role,
        *,
        expires: datetime | None = None,
        note: str = "",
        force: bool = False,
    ) -> Share:
        """Share with a person, a group or a contact. ``force`` replaces shares that are in the way.

        Raises AlreadyExists, ShareConflict, InvalidRequest (oneself), NotSupported.
        """
        raise NotImplementedError

    async def update(
        self,
        share: str,
        *,
        role: Role | Unchanged = UNCHANGED,
        expires: datetime | Unchanged | None = UNCHANGED,
    ) -> Share:
        """Change a share; its id may be another one afterwards. Raises NotFound."""
        raise NotImplementedError

    async def remove(self, share: str) -> Share:
        """Stop sharing; returns what the share was, so that it can be made again. Raises NotFound."""
        raise NotImplementedError

    async def by_me(self, path: str = "") -> list[Share]:
        """Everything that the user shares, latest first, or only what ``path`` itself is shared with.

        Names of things and people stand in it as far as they are known; ``described`` asks for the others.
        """
        raise NotImplementedError

    async def described(self, shares: Sequence[Share]) -> list[Share]:
        """The same shares with names, kinds and paths: for as many as are shown."""
        raise NotImplementedError

    async def received(self) -> list[ReceivedShare]:
        """What others share with the user, here and from other sites: pending first, then the latest."""
        raise NotImplementedError

    async def answer(self, share: str, state: ShareState) -> ReceivedShare:
        """Accept or decline. Raises NotFound, Withdrawn."""
        raise NotImplementedError

    async def hide(self, share: str, hidden: bool = True) -> ReceivedShare:
        """Leave a received share out of sight, or show it again."""
        raise NotImplementedError

    async def leave(self, share: str) -> None:
        """Give a received share up. The owner's files stay as they are."""
        raise NotImplementedError

    async def links(self, path: str = "") -> list[Link]:
        """All public links of the user, or those of one thing."""
        raise NotImplementedError

    async def create_link(
        self,
        path: str,
        role: Role,
        *,
        password: str = "",
        expires: datetime | None = None,
        name: str = "",
    ) -> Link:
        """Make a public link; one thing may have several."""
        raise NotImplementedError

    async def update_link(
        self,
        link: str,
        *,
        role: Role | Unchanged = UNCHANGED,
        password: str | Unchanged = UNCHANGED,
        expires: datetime | Unchanged | None = UNCHANGED,
        name: str | Unchanged = UNCHANGED,
    ) -> Link:
        """Change a link; "" takes its password away. Raises NotFound."""
        raise NotImplementedError

    async def remove_link(self, link: str) -> None:
        """End a link. Raises NotFound."""
        raise NotImplementedError
