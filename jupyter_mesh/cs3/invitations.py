"""How people of two sites get to know each other: invitations, contacts, and the list of sites."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cs3.ocm.invite.v1beta1 import invite_api_pb2 as invites
from cs3.ocm.invite.v1beta1 import resources_pb2 as tokens
from cs3.ocm.provider.v1beta1 import provider_api_pb2 as providers

from jupyter_mesh.cs3.base import SiteClient
from jupyter_mesh.cs3.domains import domain_of
from jupyter_mesh.cs3.ocm import contact_of, invitation_of, site_of, user_id
from jupyter_mesh.errors import (
    AlreadyExists,
    InvalidRequest,
    NotAllowed,
    NotFound,
    NotSupported,
    SiteError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_mesh.auth import TokenSource
    from jupyter_mesh.config import SiteSettings
    from jupyter_mesh.models import Grantee, Invitation, Site

__all__ = ["Invitations", "named"]

NAMES_LAST = 60.0
"""Seconds for which the names of contacts are shown again beside their shares."""


class Invitations(SiteClient):
    """Invitations, contacts and sites. Tokens of invitations are in ``Invitation`` alone, never in a log or error."""

    def __init__(self, settings: SiteSettings, token: TokenSource) -> None:
        super().__init__(settings, token)
        self._idps: dict[tuple[str, str], str] = {}
        self._named: tuple[float, dict[tuple[str, str], str]] = (float("-inf"), {})
        self._naming = asyncio.Lock()
        self._dealt_with: tuple[float, frozenset[str]] = (float("-inf"), frozenset())
        self._places.remote.endings.people = self

    async def domain(self) -> str:
        """The domain of the user's own site, as people at other sites see it. WhoAmI, once."""
        return domain_of((await self.me()).idp)

    async def create_invitation(self, note: str = "") -> Invitation:
        """Make an invitation, with a note for oneself. GenerateInviteToken.

        Raises NotSupported where the site has no federation.
        """
        request = invites.GenerateInviteTokenRequest(description=note)
        reply = await self._call("GenerateInviteToken", request, "make an invitation")
        return replace(invitation_of(reply.invite_token), note=note)

    async def invitations(self) -> list[Invitation]:
        """The user's open invitations, latest end first. ListInviteTokens."""
        reply = await self._call(
            "ListInviteTokens",
            invites.ListInviteTokensRequest(),
            "list your invitations",
            repeat=True,
        )
        found = [invitation_of(token) for token in reply.invite_tokens]
        now = time.time()
        found = [one for one in found if one.expires is None or one.expires.timestamp() > now]
        found.sort(key=lambda one: one.expires.timestamp() if one.expires else now, reverse=True)
        return found

    async def accept_invitation(self, token: str, site: Site) -> Grantee:
        """Become a contact of whoever made the invitation at ``site``, and return that contact. ForwardInvite.

        An invitation of the own site is refused before anything is sent: Reva makes the user a contact of
        himself. Raises InvalidRequest for it, NotFound if the invitation is not (or no longer) good or the site
        is in no list, AlreadyExists if both are contacts already, NotAllowed if the other site takes nobody
        from here.
        """
        doing = f"accept the invitation from {site.name}"
        if domain_of(site.domain) == await self.domain() or any(
            one.token == token for one in await self._my_invitations()
        ):
            raise InvalidRequest(
                "This invitation is from your own site. Send it to somebody at another institution."
            )
        request = invites.ForwardInviteRequest(
            invite_token=tokens.InviteToken(token=token),
            origin_system_provider=await self._provider(site.domain),
        )
        try:
            reply = await self._call("ForwardInvite", request, doing)
        except AlreadyExists as error:
            raise AlreadyExists(
                f"You and the person at {site.name} who invited you are contacts already.",
                trace=error.trace,
            ) from error
        except (InvalidRequest, NotFound) as error:
            raise NotFound(
                f"Could not {doing}: it is not known there any more. Ask for a new one.",
                trace=error.trace,
            ) from error
        except NotAllowed as error:
            raise NotAllowed(
                f"Could not {doing}: {site.name} does not take people from {self.site}. "
                "Ask its operators to trust your site.",
                trace=error.trace,
            ) from error
        except SiteError as error:
            raise SiteError(
                f"Could not {doing}: {site.name} did not answer as it should, or does not know the invitation. "
                "Ask for a new one, or try again later.",
                trace=error.trace,
            ) from error
        reply.user_id.idp = reply.user_id.idp or site.domain
        self._named = (float("-inf"), {})
        found = contact_of(_Named(reply.user_id, reply.display_name), await self.domain())
        self._idps[found.id, found.idp] = reply.user_id.idp
        return found

    async def contacts(self, text: str = "") -> list[Grantee]:
        """The user's contacts whose name, address or id holds ``text``, by name. FindAcceptedUsers."""
        users = await self._accepted(text)
        found = await self._contacts_of(users)
        found.sort(key=lambda contact: (contact.name or contact.username).casefold())
        return found

    async def contact_email(self, contact: Grantee) -> str:
        """The e-mail address of a contact; "" where it is not known. Raises NotFound. FindAcceptedUsers."""
        text: str = (await self._accepted_user(contact)).mail
        return text if "@" in text and text.isprintable() else ""

    async def remove_contact(self, contact: Grantee) -> None:
        """Forget a contact on this side alone; shares stay. No error if it is gone. DeleteAcceptedUser."""
        try:
            known = await self._accepted_user(contact)
        except NotFound:
            return
        request = invites.DeleteAcceptedUserRequest(remote_user_id=known.id)
        await self._call("DeleteAcceptedUser", request, f"remove {_called(contact)}")
        self._idps.pop((contact.id, contact.idp), None)
        self._named = (float("-inf"), {})

    async def listed_sites(self) -> list[Site]:
        """The sites that the user's site knows, itself among them, by name. ListAllProviders."""
        found = {site.domain: site for site in map(site_of, await self._providers())}
        return sorted(found.values(), key=lambda site: site.name.casefold())

    async def site_of(self, domain: str) -> Site:
        """The site of exactly this domain. GetInfoByDomain; raises NotFound.

        Reva finds any site whose domain holds the text, and fails for the others: what is not exact is looked
        for in the whole list.
        """
        return site_of(await self._provider(domain))

    async def _provider(self, domain: str) -> Any:
        """The site's own message about a site."""
        wanted = domain_of(domain)
        if not wanted:
            raise InvalidRequest("No site was named.")
        doing = f"find the site {wanted}"
        try:
            request = providers.GetInfoByDomainRequest(domain=wanted)
            reply = await self._call("GetInfoByDomain", request, doing, repeat=True)
            if domain_of(reply.provider_info.domain) == wanted:
                return reply.provider_info
        except (SiteError, NotFound, InvalidRequest):
            pass
        for info in await self._providers():
            if domain_of(info.domain) == wanted:
                return info
        raise NotFound(
            f"{self.site} does not know the site {wanted}. Check its name, or ask your operators to add it."
        )

    async def _providers(self) -> list[Any]:
        reply = await self._call(
            "ListAllProviders", providers.ListAllProvidersRequest(), "list the sites", repeat=True
        )
        return [info for info in reply.providers if info.domain]

    async def deals_with(self, domain: str) -> bool:
        """True if the user's site lists the one of this domain. ListAllProviders, once a minute."""
        when, domains = self._dealt_with
        if time.monotonic() - when >= NAMES_LAST:
            domains = frozenset(domain_of(info.domain) for info in await self._providers())
            self._dealt_with = (time.monotonic(), domains)
        return domain in domains

    async def _my_invitations(self) -> list[Invitation]:
        try:
            return await self.invitations()
        except (NotSupported, SiteError, NotAllowed):
            return []

    async def _accepted(self, text: str) -> list[Any]:
        request = invites.FindAcceptedUsersRequest(filter=text)
        reply = await self._call("FindAcceptedUsers", request, "look for contacts", repeat=True)
        return list(reply.accepted_users)

    async def _contacts_of(self, users: list[Any]) -> list[Grantee]:
        """Contacts out of the site's users, each once; how the site spells them is remembered for calls."""
        found, spelt = await asyncio.to_thread(_read, users, await self.domain())
        self._idps |= spelt
        return found

    async def _accepted_user(self, contact: Grantee) -> Any:
        """The site's own record of a contact; GetAcceptedUser fails at Reva. Raises NotFound."""
        own = await self.domain()
        for text in (contact.id, ""):
            for user in await self._accepted(text):
                known = contact_of(user, own)
                if (known.id, known.idp) == (contact.id, contact.idp):
                    return user
        raise NotFound(f"{_called(contact)} is not one of your contacts any more.")

    async def _remote_user(self, contact: Grantee) -> Any:
        """The id of a contact as the site spells it. Raises NotFound if it is no contact."""
        idp = self._idps.get((contact.id, contact.idp))
        if idp is None:
            return (await self._accepted_user(contact)).id
        return user_id(contact.id, idp)

    async def _names(self) -> dict[tuple[str, str], str]:
        """Names of contacts by readable id and domain, asked for once a minute; empty where the site fails."""
        async with self._naming:
            when, names = self._named
            if time.monotonic() - when >= NAMES_LAST:
                try:
                    people = await self._contacts_of(await self._accepted(""))
                except (NotSupported, SiteError, NotAllowed):
                    people = []
                names = {(one.username, one.idp): one.name for one in people}
                self._named = (time.monotonic(), names)
            return names

    async def name_of_contact(self, person: Grantee) -> str:
        """The name of somebody at another site, as the contacts tell it; "" for a stranger."""
        return named(person, await self._names()).name


def named(person: Grantee, names: Mapping[tuple[str, str], str]) -> Grantee:
    """Somebody at another site with the name that the contacts tell."""
    name = person.name or names.get((person.username, person.idp), "")
    return person if name == person.name else replace(person, name=name)


def _read(users: list[Any], own: str) -> tuple[list[Grantee], dict[tuple[str, str], str]]:
    """Contacts, each once, and how the site spells where they are."""
    found: dict[tuple[str, str], Grantee] = {}
    spelt: dict[tuple[str, str], str] = {}
    for user in users:
        if user.id.opaque_id:
            contact = contact_of(user, own)
            spelt[contact.id, contact.idp] = user.id.idp
            found.setdefault((contact.username, contact.idp), contact)
    return list(found.values()), spelt


class _Named:
    """An id and a name as a CS3 user has them."""

    __slots__ = ("display_name", "id")

    def __init__(self, user_id: Any, display_name: str) -> None:
        self.id = user_id
        self.display_name = display_name


def _called(contact: Grantee) -> str:
    return contact.name or contact.username or contact.id
