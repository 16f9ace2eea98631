"""Sharing: what people do with shares, links and projects, whatever the site and whoever the other one is."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from jupyter_mesh.errors import (
    AlreadyExists,
    NotADirectory,
    NotAllowed,
    NotFound,
    NotSupported,
    SiteError,
    Withdrawn,
)
from jupyter_mesh.models import UNCHANGED, GranteeKind, ShareState
from jupyter_mesh.sharing.abilities import AbilitiesOfSite
from jupyter_mesh.sharing.access import who_has_access
from jupyter_mesh.sharing.contacts import Contacts
from jupyter_mesh.sharing.invitations import Invitations
from jupyter_mesh.sharing.projects import Projects
from jupyter_mesh.sharing.recent import Recent
from jupyter_mesh.sharing.search import search
from jupyter_mesh.sharing.sites import Sites
from jupyter_mesh.sharing.things import Things

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.models import Grantee, Link, ReceivedShare, Role, Share, Unchanged
    from jupyter_mesh.sharing.abilities import Abilities
    from jupyter_mesh.sharing.access import Access
    from jupyter_mesh.sharing.directory import Directory
    from jupyter_mesh.sharing.search import Found

T = TypeVar("T")

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
        self._abilities = AbilitiesOfSite(client)
        self._things = Things(client)
        self._shares: dict[str, Share] = {}
        self._received: dict[str, ReceivedShare] = {}
        self._links: dict[str, Link] = {}
        self._given_now = Recent(self._list_given, self._moves)
        self._received_now = Recent(self._list_received, self._moves)
        self._links_now = Recent(self._list_links, self._moves)

    async def abilities(self) -> Abilities:
        """What this site can do; asked once."""
        return await self._abilities.get()

    async def search(self, text: str) -> Found:
        """People, groups and contacts by a part of their name, best first, without the user.

        Empty below SHORTEST letters. A source that fails is told in ``problems``.
        """
        return await search(self.client, text)

    async def access(self, path: str) -> Access:
        """Who has access to one thing, and why. Four RPCs: see ``who_has_access``."""
        return await who_has_access(self.client, path, LOCAL, FEDERATED)

    # What the user shares

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

        What code has written there is sent to the site first. Raises AlreadyExists, ShareConflict,
        InvalidRequest (oneself), NotSupported.
        """
        if self._flush is not None:
            await self._flush(path)
        with self._given_now.changing():
            return await self._share(path, grantee, role, expires=expires, note=note, force=force)

    async def _share(
        self,
        path: str,
        grantee: Grantee,
        role: Role,
        *,
        expires: datetime | None,
        note: str,
        force: bool,
    ) -> Share:
        # What is said about it names people.
        if grantee.kind is GranteeKind.CONTACT:
            grantee = await self._named_contact(grantee)
            return self._noted(
                await self.client.share_with_contact(
                    path, grantee, role, expires=expires, note=note
                )
            )
        grantee = await self.client.user(grantee)
        try:
            made = await self.client.share(
                path, grantee, role, expires=expires, note=note, force=force
            )
        except AlreadyExists:
            ended = await self._ended_share(path, grantee)
            if ended is None:
                raise
            await self.client.remove_share(ended)
            made = await self.client.share(
                path, grantee, role, expires=expires, note=note, force=force
            )
        return self._noted(made)

    async def update(
        self,
        share: str,
        *,
        role: Role | Unchanged = UNCHANGED,
        expires: datetime | Unchanged | None = UNCHANGED,
    ) -> Share:
        """Change a share; its id may be another one afterwards. Raises NotFound."""
        known = await self._given(share)
        change = (
            self.client.update_federated_share if known.is_federated else self.client.update_share
        )
        with self._given_now.changing():
            changed = await change(known, role=role, expires=expires)
        self._shares.pop(share, None)
        return (await self.described([self._noted(changed)]))[0]

    async def remove(self, share: str) -> Share:
        """Stop sharing; returns what the share was, so that it can be made again. Raises NotFound."""
        known = await self._given(share)
        look = (
            self.client.current_federated_share if known.is_federated else self.client.current_share
        )
        with suppress(NotFound, NotSupported, SiteError):
            # Somebody may have changed it elsewhere, and it would be made again as it was before.
            known = await look(known)
        before = (await self.described([replace(known, id=share)]))[0]
        with self._given_now.changing():
            if known.is_federated:
                await self.client.remove_federated_share(known)
            else:
                await self.client.remove_share(known)
        self._shares.pop(share, None)
        return before

    async def by_me(self, path: str = "", *, age: float = 0.0) -> list[Share]:
        """Everything that the user shares, latest first, or only what ``path`` itself is shared with.

        Names of things and people stand in it as far as they are known; ``described`` asks for the others. The
        whole may be ``age`` seconds old, and never older than the last change made here.
        """
        return await (self._list_given(path) if path else self._given_now.get(age))

    async def _list_given(self, path: str = "") -> list[Share]:
        local, federated = await asyncio.gather(
            _if_possible(self.client.shares(path)),
            _if_possible(self.client.federated_shares(path)),
        )
        return sorted(
            (self._noted(share) for share in (*local, *federated)), key=_age, reverse=True
        )

    async def described(self, shares: Sequence[Share]) -> list[Share]:
        """The same shares with names, kinds and paths, each asked for once: for as many as are shown.

        What is gone keeps the name that it has, or none.
        """
        named, things = await asyncio.gather(
            asyncio.gather(*(self.client.user(share.grantee) for share in shares)),
            asyncio.gather(*(self._things.find(share) for share in shares)),
        )
        found = []
        for share, who, thing in zip(shares, named, things, strict=True):
            if thing is not None:
                share = replace(
                    share, name=thing.name, kind=thing.kind, path=share.path or thing.path
                )
            found.append(replace(share, grantee=who))
        return found

    async def placed(self, shared: Sequence[Share | Link]) -> list[str]:
        """The mesh path of each as far as it is known without a question for each; else "".

        Sites tell it with the list, or it is seen when the folder is listed that holds it: the folders that were
        listed last are listed once more when there are others to look for than before.
        """
        known = [each.path or self._things.known_path(each.resource) for each in shared]
        unknown = [one.resource for one, path in zip(shared, known, strict=True) if not path]
        sightings = self.client.sightings
        for folder in sightings.seek(unknown):
            with suppress(NotFound, NotAllowed, SiteError, NotADirectory):
                await self.client.children(folder)
        return [
            path or sightings.path_of(each.resource)
            for each, path in zip(shared, known, strict=True)
        ]

    # What others share

    async def received(self, *, age: float = 0.0) -> list[ReceivedShare]:
        """What others share with the user, here and from other sites: pending first, then the latest.

        It may be ``age`` seconds old, and never older than the last answer given here.
        """
        return await self._received_now.get(age)

    async def received_still(self, within: float) -> list[ReceivedShare]:
        """The same for who asks once: what sites list though it has ended is left out, as far as it is found out
        within so many seconds."""
        give_up = time.monotonic() + within
        found = await self.received()
        while await self.client.looked_at_received(give_up - time.monotonic()):
            found = await self.received()
        return found

    async def _list_received(self) -> list[ReceivedShare]:
        local, federated = await asyncio.gather(
            _if_possible(self.client.received_shares()),
            _if_possible(self.client.received_federated_shares()),
        )
        people = await asyncio.gather(
            *(self.client.user(share.owner) for share in local),
            *(self.client.user(share.sender) for share in local),
        )
        things = await asyncio.gather(*(self._things.of_received(share) for share in local))
        owners, senders = people[: len(local)], people[len(local) :]
        told = [
            replace(share, owner=owner, sender=sender, **thing)
            for share, owner, sender, thing in zip(local, owners, senders, things, strict=True)
        ]
        found = [
            replace(share, id=(FEDERATED if share.is_federated else LOCAL) + share.id)
            for share in (*told, *federated)
        ]
        found.sort(key=_age, reverse=True)
        found.sort(key=lambda share: share.state is not ShareState.PENDING)
        self._received = {share.id: share for share in found}
        return found

    async def answer(self, share: str, state: ShareState) -> ReceivedShare:
        """Accept or decline. Raises NotFound, Withdrawn."""
        known = await self._got(share)
        with self._received_now.changing():
            if known.is_federated:
                answered = await self.client.answer_federated_share(known, state)
            else:
                answered = await self.client.answer_share(known, state)
        return await self._got_again(share, known, answered)

    async def hide(self, share: str, hidden: bool = True) -> ReceivedShare:
        """Leave a received share out of sight, or show it again."""
        known = await self._got(share)
        with self._received_now.changing():
            if known.is_federated:
                changed = await self.client.hide_federated_share(known, hidden)
            else:
                changed = await self.client.hide_share(known, hidden)
        return await self._got_again(share, known, changed)

    async def leave(self, share: str) -> None:
        """Give a received share up. The owner's files stay as they are."""
        await self.answer(share, ShareState.DECLINED)

    # Links

    async def links(self, path: str = "", *, age: float = 0.0) -> list[Link]:
        """All public links of the user, which may be ``age`` seconds old, or those of one thing."""
        return await (self._list_links(path) if path else self._links_now.get(age))

    async def _list_links(self, path: str = "") -> list[Link]:
        found = await _if_possible(self.client.links(path))
        self._links |= {link.id: link for link in found}
        return found

    async def located(self, links: Sequence[Link]) -> list[Link]:
        """The same links with the paths of what they lead to, each asked for once: for as many as are shown."""
        paths = await asyncio.gather(*(self._things.path_of(link) for link in links))
        return [replace(link, path=path) for link, path in zip(links, paths, strict=True)]

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
        if self._flush is not None:
            await self._flush(path)
        with self._links_now.changing():
            made = await self.client.create_link(
                path, role, password=password, expires=expires, name=name
            )
        self._links[made.id] = made
        return made

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
        known = await self._link(link)
        with self._links_now.changing():
            changed = await self.client.update_link(
                known, role=role, password=password, expires=expires, name=name
            )
        self._links[link] = changed
        return changed

    async def remove_link(self, link: str) -> None:
        """End a link. Raises NotFound."""
        known = await self._link(link)
        with self._links_now.changing():
            await self.client.remove_link(known)
        self._links.pop(link, None)

    def _moves(self) -> int:
        return self.client.moves

    async def _named_contact(self, contact: Grantee) -> Grantee:
        """A contact with its names; as it is if there is none like it."""
        if contact.name:
            return contact
        known = await self.client.contacts()
        return next((one for one in known if one.key == contact.key), contact)

    # What was listed, by id

    def _noted(self, share: Share) -> Share:
        noted = replace(share, id=(FEDERATED if share.is_federated else LOCAL) + share.id)
        self._shares[noted.id] = share
        return noted

    async def _given(self, share: str) -> Share:
        """A share of the user as the client knows it, by the id that was told."""
        if share not in self._shares:
            await self.by_me()
        if share not in self._shares:
            raise NotFound("It is not shared any more.")
        return self._shares[share]

    async def _ended_share(self, path: str, grantee: Grantee) -> Share | None:
        """The share with somebody whose time is over, if it is in the way of a new one."""
        for share in await self.client.shares(path):
            same = (share.grantee.kind, share.grantee.id) == (grantee.kind, grantee.id)
            if same and share.expires is not None and share.expires <= datetime.now(UTC):
                return share
        return None

    async def _got(self, share: str) -> ReceivedShare:
        """A received share as the client knows it, by the id that was told."""
        if share not in self._received:
            await self.received()
        known = self._received.get(share)
        if known is None:
            raise Withdrawn("It is no longer shared with you.")
        return replace(known, id=share.removeprefix(LOCAL).removeprefix(FEDERATED))

    async def _got_again(
        self, share: str, known: ReceivedShare, now: ReceivedShare
    ) -> ReceivedShare:
        now = replace(
            now,
            id=share,
            name=now.name or known.name,
            kind=now.kind or known.kind,
            owner=known.owner,
            sender=known.sender,
        )
        self._received[share] = now
        return now

    async def _link(self, link: str) -> Link:
        if link not in self._links:
            await self.links()
        if link not in self._links:
            raise NotFound("This link has ended.")
        return self._links[link]


async def _if_possible(listed: Awaitable[list[T]]) -> list[T]:
    """Nothing where the site cannot have any."""
    try:
        return await listed
    except NotSupported:
        return []


def _age(share: Share | ReceivedShare) -> float:
    return share.created.timestamp() if share.created else 0.0
