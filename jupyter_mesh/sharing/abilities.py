"""What a site can do for sharing, each with the reason where it cannot."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from jupyter_mesh.errors import LoginEnded, MeshError, NotSupported, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from jupyter_mesh.cs3.client import MeshClient

__all__ = ["Abilities", "AbilitiesOfSite", "Ability"]


class Ability(NamedTuple):
    """Whether something can be done here; ``why`` is one sentence where it cannot."""

    can: bool
    why: str = ""


YES = Ability(True)
NO_SHARES = "This site cannot share with people."
NO_GROUPS = "This site has no groups."
NO_NOTES = "This site keeps no notes with shares."
NO_LINKS = "This site has no public links."
NO_ADDRESS = (
    "This site does not tell where its links lead. Its operators can set it (MESH_LINK_ADDRESS)."
)
NO_FEDERATION = "This site does not share with other sites."
NO_CONTACTS = "This site keeps no contacts at other sites."
NO_INVITATIONS = "This site cannot invite people of other sites."
NO_WITHDRAWAL = "Invitations cannot be withdrawn at this site. They end by themselves."
NO_SITES = "This site has no list of other sites."
NO_PROJECTS = "This site shares with nobody, and a project is shared with its members."


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """Everything about sharing that differs between sites."""

    user_shares: Ability = YES
    group_shares: Ability = YES
    uploader: Ability = YES
    share_expiry: Ability = YES
    share_notes: Ability = YES
    links: Ability = YES
    link_passwords: Ability = YES
    link_uploads: Ability = YES
    federated: Ability = YES
    invitations: Ability = YES
    withdraw_invitations: Ability = YES
    contacts: Ability = YES
    sites: Ability = YES
    projects: Ability = YES

    def by_name(self) -> dict[str, Ability]:
        """All of them by name, in the order above."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


class AbilitiesOfSite:
    """What one site can do. Found out by listing what there is: nothing is made or changed for it."""

    def __init__(self, client: MeshClient) -> None:
        self._client = client
        self._found: Abilities | None = None
        self._finding = asyncio.Lock()

    async def get(self) -> Abilities:
        """What the site can do, as far as it is known by now; asked once, seven RPCs at the same time.

        What a site answers with a failure counts as possible, and is asked again the next time. Raises
        LoginEnded, Unavailable.
        """
        async with self._finding:
            found = self._found or await self._find()
        # Where links lead, and which notes and roles are kept, is learned on the way.
        if found.links.can and self._client.links_lead_nowhere:
            missing = Ability(False, NO_ADDRESS)
            found = replace(found, links=missing, link_passwords=missing, link_uploads=missing)
        if found.user_shares.can and not self._client.keeps_notes:
            found = replace(found, share_notes=Ability(False, NO_NOTES))
        return found

    async def _find(self) -> Abilities:
        client = self._client
        me = await client.me()
        asked: dict[str, tuple[Awaitable[Any], str]] = {
            "user_shares": (client.shares(), NO_SHARES),
            "group_shares": (client.find_groups(me.username), NO_GROUPS),
            "links": (client.links(), NO_LINKS),
            "federated": (client.federated_shares(), NO_FEDERATION),
            "contacts": (client.contacts(), NO_CONTACTS),
            "invitations": (client.invitations(), NO_INVITATIONS),
            "sites": (client.listed_sites(), NO_SITES),
        }
        answers = await asyncio.gather(
            *(answer for answer, _ in asked.values()), return_exceptions=True
        )
        can: dict[str, Ability] = {}
        sure = True
        for (name, (_, why)), answer in zip(asked.items(), answers, strict=True):
            if isinstance(answer, NotSupported):
                can[name] = Ability(False, why)
            elif isinstance(answer, LoginEnded | Unavailable):
                raise answer
            elif isinstance(answer, MeshError):
                can[name], sure = YES, False
            elif isinstance(answer, BaseException):
                raise answer
            else:
                can[name] = YES
        shares, links = can["user_shares"], can["links"]
        if not shares.can:
            can["group_shares"] = shares
        projects = YES if shares.can or can["federated"].can else Ability(False, NO_PROJECTS)
        found = Abilities(
            **can,
            uploader=shares,
            share_expiry=shares,
            share_notes=shares,
            link_passwords=links,
            link_uploads=links,
            withdraw_invitations=Ability(False, NO_WITHDRAWAL),
            projects=projects,
        )
        if sure:
            self._found = found
        return found
