"""Invitations: made, sent as a link, a code or a mail, found in whatever somebody pastes, and accepted."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from jupyter_mesh.cs3.domains import domain_of
from jupyter_mesh.errors import InvalidRequest, NotFound, NotSupported
from jupyter_mesh.sharing.pasted import parse_invite

if TYPE_CHECKING:
    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.models import Grantee, Invitation, Site
    from jupyter_mesh.sharing.sites import Sites

__all__ = [
    "TELLS",
    "Invitations",
    "Letter",
    "Opened",
    "code_of",
    "id_of",
    "link_of",
    "parse_invite",
]

TELLS = ("name", "e-mail address", "user name")
"""What the other site learns of whoever accepts: sites demand all three of each other."""

WAYF_PATH = "/open-cloud-mesh/wayf"
"""Where the web pages of OpenCloud and CERNBox ask where somebody is from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An invitation as it can be sent. Whoever reads any of the texts may accept: they are never logged."""

    invitation: Invitation
    link: str = field(repr=False)
    code: str = field(repr=False)
    subject: str
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What an invitation says, before anything is sent to anybody."""

    site: Site | None
    """Where it comes from; None if the user has to say it."""
    is_own: bool
    """True if it comes from the user's own site, which cannot be accepted."""
    my_name: str
    my_site: Site


class Invitations:
    """The invitations of one user. The client stays its owner's."""

    def __init__(self, client: MeshClient, sites: Sites) -> None:
        self._client = client
        self._sites = sites

    async def listed(self) -> list[Invitation]:
        """The open ones, latest first. Raises NotSupported where the site has no federation."""
        return await self._client.invitations()

    async def create(self, note: str = "") -> Letter:
        """Make one, and the texts to send it with. ``note`` is for oneself."""
        return await self._letter(await self._client.create_invitation(note.strip()))

    async def copy(self, invitation: str) -> Letter:
        """The texts of an open invitation once more, by its id (``id_of``). Raises NotFound."""
        return await self._letter(await self._find(invitation))

    async def withdraw(self, invitation: str) -> None:
        """End an invitation. Raises NotFound, and NotSupported: no kind of site has a call for it."""
        await self._find(invitation)
        raise NotSupported(
            "Invitations cannot be withdrawn at this site. It ends by itself, and whoever accepts it becomes "
            "a contact that you can remove."
        )

    async def read(self, text: str, site: str = "") -> Opened:
        """What a pasted invitation says. Changes nothing, and tells the other site nothing.

        ``site`` is the domain that the user has chosen where the text has none. Raises InvalidRequest for a text
        that is no invitation, NotFound for a site that the own one does not know.
        """
        _, domain = self._parsed(text, site)
        own = await self._sites.own()
        is_own = domain == own.domain
        found = own if is_own else await self._sites.find(domain) if domain else None
        me = await self._client.whoami()
        return Opened(site=found, is_own=is_own, my_name=me.display_name, my_site=own)

    async def accept(self, text: str, site: str = "") -> Grantee:
        """Accept a pasted invitation and return the new contact; see ``MeshClient.accept_invitation``."""
        token, domain = self._parsed(text, site)
        if not domain:
            raise InvalidRequest(
                "This code does not say where it comes from. Choose the institution that it comes from."
            )
        own = await self._sites.own()
        found = own if domain == own.domain else await self._sites.find(domain)
        return await self._client.accept_invitation(token, found)

    @staticmethod
    def _parsed(text: str, site: str) -> tuple[str, str]:
        token, domain = parse_invite(text)
        return token, domain or domain_of(site)

    async def _find(self, invitation: str) -> Invitation:
        for one in await self._client.invitations():
            if id_of(one) == invitation:
                return one
        raise NotFound("This invitation has ended. Make a new one.")

    async def _letter(self, invitation: Invitation) -> Letter:
        own = await self._sites.own()
        me = await self._client.whoami()
        link, code = link_of(invitation, own), code_of(invitation, own)
        ends = ""
        if invitation.expires is not None:
            ends = f"It works until {invitation.expires:%A, %d %B %Y, %H:%M} UTC. "
        return Letter(
            invitation=invitation,
            link=link,
            code=code,
            subject=f"{me.display_name} ({own.name}) invites you to work together",
            body=f"""Hello,

I would like to share files with you. Please accept my invitation with the account that you have at your own institution:

{link}

If that page does not open, paste this code where your institution lets you accept invitations (in JupyterLab: Mesh, People, "I got an invitation"):

{code}

{ends}Please do not pass it on: whoever has it can accept it.

{me.display_name}, {own.name}
""",
        )


def id_of(invitation: Invitation) -> str:
    """A name for an invitation that gives nothing away."""
    return hashlib.sha256(invitation.token.encode()).hexdigest()[:24]


def code_of(invitation: Invitation, own: Site) -> str:
    """The invitation string of OCM 1.4: base64 of ``token@domain``."""
    return base64.b64encode(f"{invitation.token}@{own.domain}".encode()).decode()


def link_of(invitation: Invitation, own: Site) -> str:
    """Where somebody says where his account is: a page of the inviting site."""
    page = own.invite_page
    if not page:
        home = urlsplit(own.homepage)
        scheme = home.scheme if domain_of(home.netloc) == own.domain else "https"
        page = f"{scheme}://{own.domain}{WAYF_PATH}"
    mark = "&" if "?" in page else "?"
    return f"{page}{mark}token={quote(invitation.token, safe='')}"
